use rstest::rstest;
use serde_json::json;

use super::super::aim::tests::{context, target, within};
use super::*;
use crate::servers::http::{Shows, plain, secure};
use crate::servers::tcp::Server;

fn http(options: serde_json::Value) -> Http {
    serde_json::from_value(options).expect("options")
}

fn at(server: &Server, path: &str) -> Http {
    http(json!({ "url": format!("http://{}{path}", server.address) }))
}

#[rstest]
#[case(json!({}), "status >= 200 && status < 300", "2xx", Some("status: 2xx"))]
#[case(json!({"status": 204}), "status == 204", "204", None)]
#[case(json!({"status": "3xx"}), "status >= 300 && status < 400", "3xx", Some("status: 3xx"))]
#[case(json!({"status": [200, 401]}), "status in [200, 401]", "200 or 401", None)]
#[case(
    json!({"status": [200, "3xx", 401]}),
    "(status in [200, 401]) || (status >= 300 && status < 400)",
    "200 or 3xx or 401",
    Some("status: [200, 3xx, 401]")
)]
fn statuses(
    #[case] mut options: serde_json::Value,
    #[case] expectation: &str,
    #[case] words: &str,
    #[case] written: Option<&str>,
) {
    options["url"] = json!("http://192.0.2.1/");
    let http = http(options);
    assert_eq!(Kind::defaults(&http).require, [expectation]);
    assert_eq!(Kind::default_in_words(&http).as_deref(), written);
    assert_eq!(
        Kind::goal(&http, &target(None, None)),
        format!("status {words} from GET http://192.0.2.1/")
    );
    assert_eq!(
        Kind::problems(&http, &target(None, None), &Policy::default()),
        []
    );
}

#[rstest]
#[case(json!({"status": 42}))]
#[case(json!({"status": "6xx"}))]
#[case(json!({"status": "ok"}))]
#[case(json!({"method": "POST"}))]
#[case(json!({"headers": {"a": {"secret": "hunter22"}}}))]
#[case(json!({"headers": {"a": {"secret": "env:A", "suffix": "b"}}}))]
#[case(json!({"verify": false}))]
fn options_that_do_not_parse(#[case] mut options: serde_json::Value) {
    options["url"] = json!("http://192.0.2.1/");
    let error = serde_json::from_value::<Http>(options)
        .expect_err("refused")
        .to_string();
    assert!(!error.contains("hunter22"), "{error}");
}

#[rstest]
#[case(json!({"url": "192.0.2.1:80"}), "url", "no address")]
#[case(json!({"url": "ftp://192.0.2.1/"}), "url", "neither http nor https")]
#[case(json!({"url": "http://me:word@192.0.2.1/"}), "url", "login")]
#[case(json!({"url": "http://127.0.0.1:5000/v2/"}), "url", "operator's own machine")]
#[case(json!({"url": "http://[::1]/"}), "url", "operator's own machine")]
#[case(json!({"url": "http://192.0.2.1/", "headers": {"X-HTTP-Method-Override": "DELETE"}}), "headers", "another one")]
#[case(json!({"url": "http://192.0.2.1/", "headers": {"transfer-encoding": "chunked"}}), "headers", "another one")]
#[case(json!({"url": "http://192.0.2.1/", "headers": {"a b": "c"}}), "headers", "name of a header")]
#[case(json!({"url": "http://192.0.2.1/", "headers": {"a": "b\r\nc: d"}}), "headers", "cannot be sent")]
#[case(json!({"url": "http://192.0.2.1/", "headers": {"Authorization": "Bearer x"}}), "headers", "holds no secrets")]
#[case(json!({"url": "http://192.0.2.1/", "headers": {"x-api-key": "x"}}), "headers", "holds no secrets")]
#[case(json!({"url": "http://192.0.2.1/", "headers": {"private-token": "x"}}), "headers", "holds no secrets")]
#[case(json!({"url": "http://192.0.2.1/", "headers": {"cookie": "JSESSIONID=password"}}), "headers", "JSESSIONID may log in")]
#[case(json!({"url": "http://192.0.2.1/", "status": []}), "status", "no status")]
#[case(json!({"url": "http://192.0.2.1/", "redirects": 21}), "redirects", "at most 20")]
fn options_that_cannot_be_meant(
    #[case] options: serde_json::Value,
    #[case] path: &str,
    #[case] message: &str,
) {
    let problems = Kind::problems(
        &http(options),
        &target(Some("ops110"), None),
        &Policy::default(),
    );
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    assert_eq!(problem.path[0], path);
    assert!(problem.message.contains(message), "{}", problem.message);
    assert!(!problem.message.contains("word"), "{}", problem.message);
}

#[tokio::test]
async fn the_answer_as_facts() {
    let server = plain().await;
    let facts = within(Kind::run(&at(&server, "/json"), &context(&[]).0))
        .await
        .expect("facts");
    assert_eq!(facts.get("status"), Some(&Value::Number(200.0)));
    assert_eq!(
        facts.get("json"),
        Some(&Value::Json(json!({"status": "ready", "queue": 3})))
    );
    assert_eq!(facts.get("body_bytes"), Some(&Value::Number(28.0)));
    let Some(Value::Map(headers)) = facts.get("headers") else {
        panic!("headers")
    };
    assert_eq!(
        headers.get("content-type"),
        Some(&Value::from("application/json"))
    );
    for spec in Http::FACTS {
        assert!(
            facts.get(spec.name).is_none_or(|value| value.is(&spec.ty)),
            "{}",
            spec.name
        );
    }
    for (name, _) in facts.iter() {
        assert!(
            Http::FACTS.iter().any(|spec| spec.name == name),
            "{name} is declared"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_told() {
    let server = plain().await;
    let facts = within(Kind::run(&at(&server, "/once"), &context(&[]).0))
        .await
        .expect("facts");
    assert_eq!(
        facts.get("redirected_to"),
        Some(&Value::from(format!("http://{}/ok", server.address)))
    );
}

#[tokio::test]
async fn what_is_no_json_or_cut_is_not_told() {
    let server = plain().await;
    let facts = within(Kind::run(&at(&server, "/ok"), &context(&[]).0))
        .await
        .expect("facts");
    assert_eq!(facts.get("json"), None);
    let cut = Http {
        body_max: 4,
        ..at(&server, "/json")
    };
    let facts = within(Kind::run(&cut, &context(&[]).0))
        .await
        .expect("facts");
    assert_eq!(facts.get("body_whole"), Some(&Value::Bool(false)));
    for name in ["json", "body", "body_bytes"] {
        assert_eq!(facts.get(name), None, "{name} of a part would be a lie");
    }
}

#[tokio::test]
async fn a_secret_is_sent_but_never_shown() {
    let server = plain().await;
    let mut http = at(&server, "/echo");
    http.headers.insert(
        "authorization".to_owned(),
        HeaderText::Secret(SecretText {
            secret: SecretRef::Env("TOKEN".to_owned()),
            prefix: "Bearer ".to_owned(),
        }),
    );
    let (context, audit) = context(&[("TOKEN", "hunter22")]);
    let facts = within(Kind::run(&http, &context)).await.expect("facts");
    assert!(
        server
            .received()
            .contains("authorization: Bearer hunter22\r\n")
    );
    // The server repeats the request in its body.
    let Some(Value::Text(body)) = facts.get("body") else {
        panic!("a body")
    };
    assert!(body.contains("authorization: Bearer ***"), "{body}");
    assert!(
        !serde_json::to_string(&facts)
            .expect("JSON")
            .contains("hunter22")
    );
    let planned: Vec<String> = Kind::requests(&http, &context.target, &Policy::default())
        .into_iter()
        .map(|request| format!("{} {}", request.protocol, request.text))
        .collect();
    assert_eq!(
        planned,
        [
            format!("tcp connect {}", server.address),
            format!(
                "http GET http://{}/echo [authorization: ***]",
                server.address
            ),
        ]
    );
    assert_eq!(audit.sent(), planned);
    assert!(!format!("{http:?}").contains("hunter22"));
}

#[tokio::test]
async fn a_secret_that_is_not_set_is_local_setup() {
    let mut http = http(json!({"url": "http://192.0.2.1/"}));
    let secret = HeaderText::Secret(SecretText {
        secret: SecretRef::Env("TOKEN".to_owned()),
        prefix: String::new(),
    });
    http.headers.insert("a".to_owned(), secret);
    let fault = within(Kind::run(&http, &context(&[]).0))
        .await
        .expect_err("no secret");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
}

#[tokio::test]
async fn the_days_of_a_certificate() {
    let (server, _) = secure(Shows::Expired).await;
    let options = json!({ "url": format!("https://localhost:{}/ok", server.address.port()), "tls_verify": false });
    let facts = within(Kind::run(&http(options), &context(&[]).0))
        .await
        .expect("facts");
    assert!(matches!(facts.get("certificate_days"), Some(Value::Number(days)) if *days < 0.0));
    assert!(matches!(
        facts.get("certificate_expires"),
        Some(Value::Time(_))
    ));
}

#[rstest]
#[case(json!(200), true)]
#[case(json!("2xx"), true)]
#[case(json!([200, "3xx", "401"]), true)]
#[case(json!(42), false)]
#[case(json!("9xx"), false)]
#[case(json!("20x"), false)]
#[case(json!({"min": 200}), false)]
fn editors_take_the_statuses_that_the_kind_takes(
    #[case] status: serde_json::Value,
    #[case] good: bool,
) {
    let options = json!({ "url": "http://192.0.2.1/", "status": status });
    let schema = schemars::schema_for!(Http).to_value();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert_eq!(validator.is_valid(&options), good);
    assert_eq!(serde_json::from_value::<Http>(options).is_ok(), good);
}

#[rstest]
#[case::opens("/ws", json!(true), 101)]
#[case::never_closes("/ws-silent", json!(true), 101)]
#[case::another_key("/ws-wrong", json!(false), 101)]
#[case::does_not("/ok", json!(false), 200)]
#[case::bad_gateway("/502", json!(false), 502)]
#[tokio::test]
async fn a_websocket_is_opened_and_closed_without_a_message(
    #[case] path: &str,
    #[case] upgraded: serde_json::Value,
    #[case] status: u16,
    #[values(false, true)] tls: bool,
) {
    let (server, authority) = if tls {
        secure(Shows::Good).await
    } else {
        (plain().await, String::new())
    };
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority).expect("written");
    let scheme = if tls { "https" } else { "http" };
    let mut options = json!({
        "url": format!("{scheme}://127.0.0.1:{}{path}", server.address.port()),
        "websocket": true,
    });
    if tls {
        options["ca"] = json!(ca);
    }
    let kind: Http = serde_json::from_value(options).expect("options");
    let (context, audit) = context(&[]);
    let facts = within(Kind::run(&kind, &context)).await.expect("facts");
    let seen = serde_json::to_value(&facts).expect("JSON");
    assert_eq!(
        (&seen["upgraded"], &seen["status"]),
        (&upgraded, &json!(status))
    );
    assert_eq!(seen.get("tls_ms").is_some(), tls);
    assert_eq!(Kind::defaults(&kind).require, ["upgraded"]);
    let planned: Vec<String> = Kind::requests(&kind, &context.target, &Policy::default())
        .into_iter()
        .map(|request| format!("{} {}", request.protocol, request.text))
        .collect();
    assert_eq!(audit.sent(), planned);
    assert!(planned[1].ends_with("[upgrade: websocket]"), "{planned:?}");
    if upgraded == json!(true) {
        let told = async {
            while !server.received().contains("<close>") {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        within(told).await;
    }
    assert!(!server.received().contains("<data>"));
}

#[rstest]
#[case(json!({"url": "ws://host/"}), "url", "neither http nor https")]
#[case(json!({"url": "http://host/", "websocket": true, "method": "HEAD"}), "method", "by GET")]
#[case(json!({"url": "http://host/", "websocket": true, "status": 101}), "status", "no other status")]
#[case(json!({"url": "http://host/", "websocket": true, "headers": {"Sec-WebSocket-Key": "a"}}), "headers", "itself")]
fn a_websocket_that_cannot_be_meant(
    #[case] options: serde_json::Value,
    #[case] path: &str,
    #[case] message: &str,
) {
    let kind: Http = serde_json::from_value(options).expect("options");
    let problems = Kind::problems(&kind, &target(None, None), &Policy::default());
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    assert_eq!(problem.path[0], path);
    assert!(problem.message.contains(message), "{}", problem.message);
}
