use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::aim::tests::{Ledger, target, within};
use super::super::stage::{NOW, fact};
use super::*;
use crate::probe::{Audit, Secrets, SshEnvironment, Transports};
use crate::servers::tcp::{self, Server};

const TOKEN: &str = "s3cret-token-of-the-webhook";

fn test(options: Json) -> AlertTest {
    serde_json::from_value(options).expect("options")
}

fn context(timeout: Duration) -> (Context, Ledger) {
    let mut known = Secrets::default();
    known.insert(SecretRef::Env("TOKEN".to_owned()), TOKEN.into());
    let ledger = Ledger::default();
    let audit = Audit::to(Box::new(ledger.clone()), || Timestamp::UNIX_EPOCH);
    let clock = || Timestamp::from_second(NOW).expect("a time");
    let context = Context {
        check: "alert-chain".to_owned(),
        attempt: 1,
        target: Target {
            timeout,
            connect_timeout: Duration::from_secs(20),
            ..target(None, None)
        },
        transports: Transports::with_ssh(
            known,
            Policy::default(),
            audit,
            SshEnvironment::default(),
            clock,
        ),
    };
    (context, ledger)
}

/// Long enough for whatever is to happen.
const LONG: Duration = Duration::from_secs(20);

async fn look(test: &AlertTest, context: &Context, turn: &mut AlertTurn) -> Result<Facts, Fault> {
    let seen = within(test.look(context, turn)).await;
    if let Ok(facts) = &seen {
        for (name, value) in facts.iter() {
            let spec = AlertTest::FACTS.iter().find(|spec| spec.name == name);
            let spec = spec.unwrap_or_else(|| panic!("{name} is not declared"));
            assert!(value.is(&spec.ty), "{name} is no {:?}: {value:?}", spec.ty);
        }
    }
    seen
}

/// A request with its body.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&request).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    request.extend(body);
    Some(String::from_utf8_lossy(&request).into_owned())
}

/// A webhook that answers each POST by `posted`, and each GET by `listed`, which is
/// told how many of these came before and the body that was posted; both give whole answers.
async fn webhook(
    posted: impl Fn(&str) -> String + Send + Sync + 'static,
    listed: impl Fn(usize, &str) -> String + Send + Sync + 'static,
) -> Server {
    let answers = Arc::new((posted, listed));
    let gets = Arc::new(AtomicUsize::new(0));
    let sent = Arc::new(Mutex::new(String::new()));
    Server::start(move |mut stream, received| {
        let answers = Arc::clone(&answers);
        let (gets, sent) = (Arc::clone(&gets), Arc::clone(&sent));
        async move {
            let Some(request) = read(&mut stream).await else {
                return;
            };
            received
                .lock()
                .expect("the lock")
                .extend_from_slice(request.as_bytes());
            let answer = if request.starts_with("POST ") {
                let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                body.clone_into(&mut sent.lock().expect("the lock"));
                (answers.0)(&request)
            } else {
                let sent = sent.lock().expect("the lock").clone();
                (answers.1)(gets.fetch_add(1, Ordering::SeqCst), &sent)
            };
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    })
    .await
}

fn whole(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// A webhook without a place of arrival.
async fn takes(answer: &'static str) -> Server {
    webhook(
        move |_| answer.to_owned(),
        |_, _| whole("404 Not Found", ""),
    )
    .await
}

fn at(server: &Server) -> Json {
    json!({ "url": format!("http://{}/hook", server.address) })
}

fn with_arrival(server: &Server, mut arrival: Json) -> AlertTest {
    for key in ["url", "alertmanager"] {
        if let Some(path) = arrival[key].as_str() {
            arrival[key] = json!(format!("http://{}{path}", server.address));
        } else if let Some(options) = arrival.as_object_mut() {
            options.remove(key);
        }
    }
    let mut options = at(server);
    options["arrival"] = arrival;
    test(options)
}

fn posts(server: &Server) -> usize {
    server.received().matches("POST ").count()
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"status\":\"ok\"}";

#[tokio::test]
async fn sends_one_alert_of_alertmanager_s_form() {
    let server = takes(TAKEN).await;
    let (context, ledger) = context(LONG);
    let test = test(at(&server));
    let facts = look(&test, &context, &mut AlertTurn::granted())
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "sent"), true);
    assert_eq!(fact(&facts, "status"), 200);
    assert_eq!(fact(&facts, "accepted"), true);
    assert_eq!(fact(&facts, "sent_at"), "2026-06-05T10:55:04Z");
    assert_eq!(fact(&facts, "response"), r#"{"status":"ok"}"#);
    assert_eq!(fact(&facts, "arrived"), Json::Null, "nobody looked");
    let id = fact(&facts, "test_id");
    let id = id.as_str().expect("an id");
    assert!(id.starts_with("coldstart-") && id.len() == 26, "{id}");

    let received = server.received();
    let (head, body) = received.split_once("\r\n\r\n").expect("a request");
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(!head.contains("authorization"), "{head}");
    let body: Json = serde_json::from_str(body).expect("JSON");
    let labels = json!({
        "alertname": "ColdStartE2ETest", "severity": "info", "coldstart_test_id": id,
    });
    let annotations = &body["commonAnnotations"];
    assert_eq!(
        body,
        json!({
            "version": "4",
            "groupKey": format!("cold-start-test:{id}"),
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "cold-start-test",
            "groupLabels": { "alertname": "ColdStartE2ETest" },
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": "",
            "alerts": [{
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": "2026-06-05T10:55:04Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": id.trim_start_matches("coldstart-"),
            }],
        })
    );
    let summary = annotations["summary"].as_str().expect("a summary");
    assert!(
        summary.starts_with("TEST: ") && summary.contains(id),
        "{summary}"
    );

    // What the plan tells, but for the id, which nobody knows before.
    let planned: Vec<String> = Kind::requests(&test, &context.target, &Policy::default())
        .iter()
        .map(|request| {
            assert_eq!(request.only_with, Some("--send-alert-test"));
            format!("{} {}", request.protocol, request.text)
        })
        .collect();
    let sent: Vec<String> = ledger
        .sent()
        .iter()
        .map(|line| line.replace(&format!(" {id}"), ""))
        .collect();
    assert_eq!(sent, planned);
    assert!(ledger.sent()[1].ends_with(&format!("/hook (alert test {id})")));
}

#[tokio::test]
async fn every_test_has_an_id_of_its_own() {
    let server = takes(TAKEN).await;
    let (context, _) = context(LONG);
    let test = test(at(&server));
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let seen = look(&test, &context, &mut AlertTurn::granted()).await;
        ids.insert(fact(&seen.expect("facts"), "test_id").to_string());
    }
    assert_eq!(ids.len(), 20);
}

/// Without a turn, which is without `--send-alert-test`.
#[tokio::test]
async fn without_leave_not_even_a_connection_is_opened() {
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&accepted);
    let server = Server::start(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        async {}
    })
    .await;
    let (context, ledger) = context(LONG);
    let facts = within(Kind::run(&test(at(&server)), &context))
        .await
        .expect("facts");
    assert_eq!(facts.iter().count(), 1);
    assert_eq!(fact(&facts, "sent"), false);
    assert_eq!(ledger.sent(), [""; 0]);
    assert_eq!(accepted.load(Ordering::SeqCst), 0);
}

#[rstest]
#[case(
    "HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno",
    401,
    "no",
    Json::Null
)]
#[case(
    "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\nboom",
    500,
    "boom",
    Json::Null
)]
#[case(
    "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
    307,
    "",
    json!("/elsewhere")
)]
#[case(
    "HTTP/1.1 302 Found\r\nlocation: http://192.0.2.1/\r\ncontent-length: 0\r\n\r\n",
    302,
    "",
    json!("http://192.0.2.1/")
)]
#[tokio::test]
async fn what_is_not_2xx_is_a_fact_and_not_asked_again(
    #[case] answer: &'static str,
    #[case] status: u16,
    #[case] response: &str,
    #[case] redirected_to: Json,
) {
    let server = takes(answer).await;
    let (context, _) = context(LONG);
    let test = with_arrival(&server, json!({ "url": "/alerts" }));
    let mut turn = AlertTurn::granted();
    let first = look(&test, &context, &mut turn).await.expect("facts");
    assert_eq!(fact(&first, "status"), status);
    assert_eq!(fact(&first, "accepted"), false);
    assert_eq!(fact(&first, "response"), response);
    assert_eq!(fact(&first, "redirected_to"), redirected_to);
    assert_eq!(fact(&first, "arrived"), Json::Null);
    assert!(!test.is_worth_another(&turn));
    // Also whoever asks all the same gets the same, and nothing is sent.
    assert_eq!(look(&test, &context, &mut turn).await, Ok(first));
    assert_eq!(posts(&server), 1);
    assert!(!server.received().contains("GET "), "nothing to look for");
}

#[rstest]
#[case(
    "HTTP/1.1 200 OK\r\ncontent-le",
    FaultKind::Closed,
    "cut off before the answer"
)]
#[case("", FaultKind::Closed, "cut off before the answer")]
#[case("SSH-2.0-OpenSSH_9.2p1\r\n\r\n", FaultKind::Protocol, "not HTTP/1")]
#[tokio::test]
async fn no_answer_is_a_fault_and_not_posted_again(
    #[case] answer: &'static str,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let server = takes(answer).await;
    let (context, _) = context(LONG);
    let test = test(at(&server));
    let mut turn = AlertTurn::granted();
    let fault = look(&test, &context, &mut turn).await.expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.seen.contains(seen), "{fault}");
    assert!(fault.seen.contains("the test alert coldstart-"), "{fault}");
    assert!(fault.hopeless && !test.is_worth_another(&turn));
    let again = look(&test, &context, &mut turn).await.expect_err("a fault");
    assert!(
        again.hopeless && again.seen.contains("posted and not answered"),
        "{again}"
    );
    assert_eq!(posts(&server), 1);
}

#[tokio::test]
async fn silence_ends_at_the_timeout() {
    let server = Server::hangs().await;
    let (context, _) = context(Duration::from_secs(2));
    let test = test(at(&server));
    let mut turn = AlertTurn::granted();
    let fault = look(&test, &context, &mut turn).await.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::TimedOut);
    assert!(
        fault
            .seen
            .starts_with("no answer to POST http://127.0.0.1:"),
        "{fault}"
    );
    assert!(!test.is_worth_another(&turn));
    assert_eq!(posts(&server), 1);
}

/// As when the engine's own guard ends an attempt: what was under way counts as sent.
#[tokio::test]
async fn an_attempt_that_is_dropped_has_sent() {
    let server = Server::hangs().await;
    let (context, _) = context(LONG);
    let test = test(at(&server));
    let mut turn = AlertTurn::granted();
    let has_come = async {
        while posts(&server) == 0 {
            tokio::task::yield_now().await;
        }
    };
    within(async {
        tokio::select! {
            seen = test.look(&context, &mut turn) => panic!("{seen:?}"),
            () = has_come => {}
        }
    })
    .await;
    let fault = look(&test, &context, &mut turn).await.expect_err("a fault");
    assert!(fault.hopeless, "{fault}");
    assert_eq!(posts(&server), 1);
}

/// Nothing was posted, so the next attempt may.
#[tokio::test]
async fn a_refused_connection_has_sent_nothing() {
    let held = tcp::Held::new();
    let (context, ledger) = context(LONG);
    let test = test(json!({ "url": format!("http://127.0.0.1:{}/hook", held.port()) }));
    let mut turn = AlertTurn::granted();
    let fault = look(&test, &context, &mut turn).await.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Refused);
    assert!(!fault.hopeless && test.is_worth_another(&turn));
    assert!(!ledger.sent().iter().any(|line| line.contains("POST")));

    let server = Server::on(held.listen(), |mut stream, received| async move {
        if let Some(request) = read(&mut stream).await {
            received
                .lock()
                .expect("the lock")
                .extend_from_slice(request.as_bytes());
            drop(stream.write_all(TAKEN.as_bytes()).await);
        }
    });
    let facts = look(&test, &context, &mut turn).await.expect("facts");
    assert_eq!(fact(&facts, "accepted"), true);
    assert_eq!(posts(&server), 1);
}

/// The status is what counts; the body is only quoted.
#[rstest]
#[case(
    "HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\nonly this",
    "only this"
)]
#[case("HTTP/1.1 204 No Content\r\n\r\n", "")]
#[tokio::test]
async fn an_answer_without_its_whole_body_is_one(
    #[case] answer: &'static str,
    #[case] response: &str,
) {
    let server = takes(answer).await;
    let (context, _) = context(LONG);
    let facts = look(&test(at(&server)), &context, &mut AlertTurn::granted())
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "accepted"), true);
    assert_eq!(fact(&facts, "response"), response);
}

#[tokio::test]
async fn a_secret_goes_to_the_webhook_and_nowhere_else() {
    // The secret begins before the cut of what is quoted, and ends behind it.
    let server = webhook(
        |request| {
            let line = request
                .lines()
                .find(|line| line.starts_with("authorization"))
                .unwrap_or("none");
            whole(
                "403 Forbidden",
                &format!("{}{line}", "x".repeat(QUOTED - 30)),
            )
        },
        |_, _| String::new(),
    )
    .await;
    let (context, ledger) = context(LONG);
    let mut options = at(&server);
    options["authorization"] = json!({ "secret": "env:TOKEN", "prefix": "Bearer " });
    let test = test(options);
    assert_eq!(Kind::secrets(&test), [&SecretRef::Env("TOKEN".to_owned())]);
    let facts = look(&test, &context, &mut AlertTurn::granted())
        .await
        .expect("facts");
    let header = format!("authorization: Bearer {TOKEN}\r\n");
    assert!(server.received().contains(&header));
    let response = fact(&facts, "response").to_string();
    assert!(response.contains("Bearer ***"), "{response}");
    assert!(!response.contains("s3c"), "{response}");
    let sent = ledger.sent().join("\n");
    assert!(
        sent.contains("[authorization: ***]") && !sent.contains("s3c"),
        "{sent}"
    );
}

/// A list that holds what was posted, from the look `from` on.
async fn lists(from: usize, shape: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    webhook(
        |_| TAKEN.to_owned(),
        move |before, posted| {
            let list = if before < from {
                "{}".to_owned()
            } else {
                shape(posted)
            };
            whole("200 OK", &list)
        },
    )
    .await
}

#[rstest]
#[case(0, 1)]
#[case(2, 3)]
#[tokio::test]
async fn an_alert_arrives_at_once_or_late(#[case] from: usize, #[case] looks: u32) {
    let server = lists(from, |posted| {
        format!(r#"{{"data":{{"received":[{posted}]}}}}"#)
    })
    .await;
    let (context, _) = context(LONG);
    let test = with_arrival(&server, json!({ "url": "/list", "json": "/data/received" }));
    assert_eq!(Kind::defaults(&test).require, ["accepted", "arrived"]);
    let facts = look(&test, &context, &mut AlertTurn::granted())
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "arrived"), true);
    assert_eq!(fact(&facts, "looks"), looks);
    assert!(facts.get("arrived_after_ms").is_some());
    assert_eq!(posts(&server), 1);
}

/// A retry looks again, and does not post again.
#[tokio::test]
async fn a_retry_only_looks_again() {
    let has_arrived = Arc::new(AtomicBool::new(false));
    let arrives = Arc::clone(&has_arrived);
    let list = move |_, posted: &str| {
        let there = arrives.load(Ordering::SeqCst);
        let list = if there {
            format!("[{posted}]")
        } else {
            "{}".to_owned()
        };
        whole("200 OK", &list)
    };
    let server = webhook(|_| TAKEN.to_owned(), list).await;
    let (brief, _) = context(Duration::from_secs(2));
    let test = with_arrival(&server, json!({ "url": "/list" }));
    let mut turn = AlertTurn::granted();
    let first = look(&test, &brief, &mut turn).await.expect("facts");
    assert_eq!(fact(&first, "accepted"), true);
    assert_eq!(fact(&first, "arrived"), false);
    assert_eq!(fact(&first, "arrived_after_ms"), Json::Null);
    assert!(test.is_worth_another(&turn));
    has_arrived.store(true, Ordering::SeqCst);
    let (long, ledger) = context(LONG);
    let second = look(&test, &long, &mut turn).await.expect("facts");
    assert_eq!(fact(&second, "arrived"), true);
    assert_eq!(fact(&second, "test_id"), fact(&first, "test_id"));
    assert_eq!(posts(&server), 1);
    assert!(!ledger.sent().iter().any(|line| line.contains("POST")));
}

fn queued_only(posted: &str) -> String {
    format!(r#"{{"queued":[{posted}],"received":[]}}"#)
}

fn as_it_came(posted: &str) -> String {
    format!("[{posted}]")
}

fn of_another_test(_: &str) -> String {
    r#"["coldstart-0123456789abcdef", null, 7, true]"#.to_owned()
}

fn in_an_annotation(posted: &str) -> String {
    format!(r#"[{{"labels":{{"alertname":"Other"}},"annotations":{posted}}}]"#)
}

fn with_another_label(_: &str) -> String {
    r#"[{"labels":{"coldstart_test_id":"coldstart-0"}}]"#.to_owned()
}

/// The id is in the document, and not where alerts are listed; or it is another one.
#[rstest]
#[case(json!({ "url": "/list", "json": "/received" }), queued_only)]
#[case(json!({ "url": "/list", "json": "/not/there" }), as_it_came)]
#[case(json!({ "url": "/list" }), of_another_test)]
#[case(json!({ "alertmanager": "/" }), in_an_annotation)]
#[case(json!({ "alertmanager": "/" }), with_another_label)]
#[tokio::test]
async fn elsewhere_is_not_arrived(#[case] arrival: Json, #[case] shape: fn(&str) -> String) {
    let server = lists(0, shape).await;
    let (context, _) = context(Duration::from_secs(2));
    let test = with_arrival(&server, arrival);
    let facts = look(&test, &context, &mut AlertTurn::granted())
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "accepted"), true);
    assert_eq!(fact(&facts, "arrived"), false);
    assert_eq!(fact(&facts, "arrived_after_ms"), Json::Null);
}

#[tokio::test]
async fn alertmanager_is_asked_by_the_label() {
    let server = lists(0, |posted| {
        let posted: Json = serde_json::from_str(posted).expect("JSON");
        json!([{ "labels": posted["alerts"][0]["labels"] }]).to_string()
    })
    .await;
    let (context, ledger) = context(LONG);
    let test = with_arrival(
        &server,
        json!({ "alertmanager": "/am/", "authorization": { "secret": "env:TOKEN" } }),
    );
    let facts = look(&test, &context, &mut AlertTurn::granted())
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "arrived"), true);
    let id = fact(&facts, "test_id");
    let id = id.as_str().expect("an id");
    let received = server.received();
    let asked = format!("GET /am/api/v2/alerts?filter=coldstart_test_id%3D%22{id}%22 HTTP/1.1\r\n");
    assert!(received.contains(&asked), "{received}");
    assert!(
        received.contains(&format!("authorization: {TOKEN}")),
        "{received}"
    );
    let planned: Vec<String> = Kind::requests(&test, &context.target, &Policy::default())
        .iter()
        .map(|request| format!("{} {}", request.protocol, request.text))
        .collect();
    let sent: Vec<String> = ledger
        .sent()
        .iter()
        .map(|line| {
            line.replace(&format!("test {id}"), "test")
                .replace(id, "ID")
        })
        .collect();
    assert_eq!(sent, planned);
}

/// It cannot be told whether it arrived: neither yes nor no.
#[rstest]
#[case(
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
    "status 503 instead of a list"
)]
#[case(
    "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
    "status 302 instead of a list"
)]
#[case("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", "no JSON")]
#[case("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[", "cut off")]
#[tokio::test]
async fn a_place_that_cannot_be_read_is_a_fault(#[case] answer: &'static str, #[case] seen: &str) {
    let server = webhook(|_| TAKEN.to_owned(), move |_, _| answer.to_owned()).await;
    let (context, _) = context(Duration::from_secs(2));
    let test = with_arrival(&server, json!({ "url": "/list" }));
    let mut turn = AlertTurn::granted();
    let fault = look(&test, &context, &mut turn).await.expect_err("a fault");
    assert!(fault.seen.contains(seen), "{fault}");
    assert!(
        fault
            .seen
            .starts_with("the webhook took the test alert coldstart-"),
        "{fault}"
    );
    assert!(test.is_worth_another(&turn));
    assert_eq!(posts(&server), 1);
}

#[rstest]
#[case(json!({}))]
#[case(json!({"url": "http://192.0.2.1/", "method": "PUT"}))]
#[case(json!({"url": "http://192.0.2.1/", "body": "{}"}))]
#[case(json!({"url": "http://192.0.2.1/", "headers": {"a": "b"}}))]
#[case(json!({"url": "http://192.0.2.1/", "redirects": 1}))]
#[case(json!({"url": "http://192.0.2.1/", "authorization": "Bearer hunter22"}))]
#[case(json!({"url": "http://192.0.2.1/", "authorization": {"secret": "hunter22"}}))]
#[case(json!({"url": "http://192.0.2.1/", "alertname": "a b"}))]
fn options_that_do_not_parse(#[case] options: Json) {
    let error = serde_json::from_value::<AlertTest>(options)
        .expect_err("refused")
        .to_string();
    assert!(!error.contains("hunter22"), "{error}");
}

#[rstest]
#[case(json!({"url": "192.0.2.1"}), "url", "no address")]
#[case(json!({"url": "ftp://192.0.2.1/"}), "url", "neither http nor https")]
#[case(json!({"url": "http://me:word@192.0.2.1/"}), "url", "a login does not belong")]
#[case(
    json!({"url": "http://192.0.2.1/", "authorization": {"secret": "env:A", "prefix": "a\nb"}}),
    "authorization.prefix",
    "cannot be sent"
)]
#[case(
    json!({"url": "http://192.0.2.1/", "arrival": {}}),
    "arrival",
    "`url` or `alertmanager`"
)]
#[case(
    json!({"url": "http://192.0.2.1/", "arrival": {"url": "http://a/", "alertmanager": "http://b/"}}),
    "arrival",
    "`url` or `alertmanager`"
)]
#[case(
    json!({"url": "http://192.0.2.1/", "arrival": {"url": "b"}}),
    "arrival.url",
    "no address"
)]
#[case(
    json!({"url": "http://192.0.2.1/", "arrival": {"alertmanager": "mailto:a"}}),
    "arrival.alertmanager",
    "neither http nor https"
)]
#[case(
    json!({"url": "http://192.0.2.1/", "arrival": {"url": "http://a/", "json": "data.alerts"}}),
    "arrival.json",
    "begins with `/`"
)]
#[case(
    json!({"url": "http://192.0.2.1/", "arrival": {"alertmanager": "http://a/", "json": "/b"}}),
    "arrival.json",
    "known"
)]
#[case(json!({"url": "http://127.0.0.1/"}), "url", "operator's own machine")]
#[case(
    json!({"url": "http://192.0.2.1/", "arrival": {"url": "http://localhost/"}}),
    "arrival.url",
    "operator's own machine"
)]
fn options_that_do_not_go_together(
    #[case] options: Json,
    #[case] path: &str,
    #[case] message: &str,
) {
    let problems = Kind::problems(
        &test(options),
        &target(Some("data188"), None),
        &Policy::default(),
    );
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert_eq!(problem.path.join("."), path, "{problem:?}");
    assert!(problem.message.contains(message), "{problem:?}");
}

#[test]
fn the_goal_tells_both_ends() {
    let near = test(json!({ "url": "http://192.0.2.1/hook" }));
    let far = test(json!({
        "url": "http://192.0.2.1/hook", "arrival": { "alertmanager": "http://192.0.2.2:9093" },
    }));
    let goals = [near, far].map(|test| Kind::goal(&test, &target(None, None)));
    assert_eq!(
        goals,
        [
            "a test alert taken by http://192.0.2.1/hook",
            "a test alert taken by http://192.0.2.1/hook, and then seen at http://192.0.2.2:9093",
        ]
    );
}
