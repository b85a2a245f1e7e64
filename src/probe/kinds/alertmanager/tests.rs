use rstest::rstest;
use serde_json::{Value as Json, json};

use super::super::aim::tests::{context, target, within};
use super::super::stage::fact;
use super::*;
use crate::servers::http::on;
use crate::servers::tcp::{self, Server};

fn alertmanager(options: Json) -> Alertmanager {
    serde_json::from_value(options).expect("options")
}

/// A server that answers by path.
async fn server(
    answer: impl Fn(&str) -> (&'static str, &'static str) + Send + Sync + 'static,
) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    on(listener.expect("a port"), answer)
}

fn at(server: &Server, mut options: Json) -> Alertmanager {
    options["url"] = json!(format!("http://{}", server.address));
    alertmanager(options)
}

/// Looks once; facts are as they are declared, and what was sent was told, in its order.
async fn look(kind: &Alertmanager) -> Result<Facts, Fault> {
    let (context, ledger) = context(&[("TOKEN", "t0ken")]);
    let seen = within(Kind::run(kind, &context)).await;
    if let Ok(facts) = &seen {
        for (name, value) in facts.iter() {
            let spec = Alertmanager::FACTS.iter().find(|spec| spec.name == name);
            let spec = spec.unwrap_or_else(|| panic!("{name} is not declared"));
            assert!(value.is(&spec.ty), "{name} is no {:?}: {value:?}", spec.ty);
        }
        let told = Kind::requests(kind, &context.target, &Policy::default());
        let told: Vec<String> = told
            .into_iter()
            .map(|request| format!("{} {}", request.protocol, request.text))
            .collect();
        let mut ahead = told.iter();
        for line in ledger.sent() {
            assert!(ahead.any(|one| *one == line), "{line} of {told:?}");
        }
    }
    seen
}

async fn facts(body: &'static str, options: Json) -> Facts {
    let server = server(move |_| ("200 OK", body)).await;
    look(&at(&server, options)).await.expect("facts")
}

#[rstest]
#[case(json!({}), "", "nothing is asked for")]
#[case(json!({"ready": {}, "silences": {}}), "", "one check asks for one of")]
#[case(json!({"url": "a:9093", "ready": {}}), "url", "neither http nor https")]
#[case(json!({"url": "http://a/api/v2", "ready": {}}), "url", "ends before `/api`")]
#[case(json!({"url": "http://[::1]:9093", "ready": {}}), "url", "operator's own machine")]
#[case(json!({"alerts": {"names": ["A"]}}), "alerts", "Alertmanager knows no rules")]
#[case(json!({"alerts": {"matchers": ["severity=critical"]}}), "alerts", "Alertmanager knows no rules")]
#[case(json!({"routed": {"names": [], "to": "a"}}), "routed.names", "nothing is routed")]
#[case(json!({"routed": {"names": ["A"], "to": []}}), "routed.to", "none to reach")]
#[case(json!({"routed": {"names": ["A"], "to": "a", "labels": {"alertname": "B"}}}), "routed.labels", "what `names` gives")]
#[case(json!({"visible_in_both": {"prometheus": "ftp://a"}}), "visible_in_both.prometheus", "neither http")]
#[case(json!({"visible_in_both": {"prometheus": "http://localhost"}}), "visible_in_both.prometheus", "operator's own machine")]
fn options_that_cannot_be_meant(
    #[case] mut options: Json,
    #[case] path: &str,
    #[case] message: &str,
) {
    if options.get("url").is_none() {
        options["url"] = json!("http://192.0.2.1:9093");
    }
    let kind = alertmanager(options);
    let problems = Kind::problems(&kind, &target(Some("ops110"), None), &Policy::default());
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    assert_eq!(problem.path.join("."), path);
    assert!(problem.message.contains(message), "{}", problem.message);
}

#[rstest]
#[case(json!({}))]
#[case(json!({"names": ["A"], "expect": ["A"]}))]
#[case(json!({"names": ["A"], "matchers": ["severity=critical"], "expect": []}))]
fn alerts_that_can_be_meant(#[case] alerts: Json) {
    let kind = alertmanager(json!({"url": "http://192.0.2.1:9093", "alerts": alerts}));
    let problems = Kind::problems(&kind, &target(Some("ops110"), None), &Policy::default());
    assert_eq!(problems, []);
}

#[rstest]
#[case(json!({"ready": {}}), &["ready", "cluster in ['ready', 'disabled']"])]
#[case(json!({"ready": {"peers": 3}}), &["ready", "peers == 3", "cluster == 'ready'"])]
#[case(json!({"alerts": {}}), &["alert_count == 0"])]
#[case(json!({"alerts": {"expect": ["A"]}}), &["size(missing) == 0", "size(unexpected) == 0"])]
#[case(json!({"alerts": {"names": ["A"], "expect": []}}), &["alert_count == 0"])]
#[case(json!({"routed": {"names": ["A"], "to": "a"}}), &["size(unrouted) == 0"])]
#[case(json!({"silences": {}}), &[])]
#[case(
    json!({"visible_in_both": {"prometheus": "http://a", "both_ways": true}}),
    &["size(only_in_prometheus) == 0", "size(missing) == 0", "size(only_in_alertmanager) == 0",
      "rules > 0", "size(unhealthy) == 0", "size(unevaluated) == 0", "compared > 0"]
)]
#[case(
    json!({"visible_in_both": {"prometheus": "http://a", "matchers": ["a=b"], "may_be_quiet": true}}),
    &["size(only_in_prometheus) == 0", "size(missing) == 0",
      "rules > 0", "size(unhealthy) == 0", "size(unevaluated) == 0", "size(unmatched) == 0"]
)]
fn what_is_expected(#[case] mut options: Json, #[case] require: &[&str]) {
    options["url"] = json!("http://192.0.2.1:9093");
    assert_eq!(Kind::defaults(&alertmanager(options)).require, require);
}

#[tokio::test]
async fn it_is_ready_with_its_peers() {
    let server = server(|path| match path {
        "/-/ready" => ("200 OK", "OK"),
        _ => (
            "200 OK",
            r#"{"cluster":{"name":"a","peers":[{"name":"a","address":"10.0.0.1:9094"},{"name":"b","address":"10.0.0.2:9094"}],"status":"settling"},
            "config":{"original":"password: hunter22"},"uptime":"2026-06-05T10:00:00Z","versionInfo":{"version":"0.25.0"}}"#,
        ),
    })
    .await;
    let seen = look(&at(&server, json!({"ready": {}})))
        .await
        .expect("facts");
    for (name, expected) in [
        ("ready", json!(true)),
        ("cluster", json!("settling")),
        ("peers", json!(2)),
        ("peer_addresses", json!(["10.0.0.1:9094", "10.0.0.2:9094"])),
        ("version", json!("0.25.0")),
        ("started_at", json!("2026-06-05T10:00:00Z")),
    ] {
        assert_eq!(fact(&seen, name), expected, "{name}");
    }
    assert!(!format!("{seen:?}").contains("hunter22"));
}

#[tokio::test]
async fn it_is_not_ready() {
    let starts = server(|_| ("503 Service Unavailable", "not ready")).await;
    let seen = look(&at(&starts, json!({"ready": {}})))
        .await
        .expect("facts");
    assert_eq!(fact(&seen, "ready"), json!(false));
    let fault = look(&at(&starts, json!({"alerts": {}})))
        .await
        .expect_err("no list");
    assert_eq!(fault.kind, FaultKind::Refused);
}

const ALERTS: &str = r#"[
  {"labels":{"alertname":"Escrow","item":"dns","site":"home"},"startsAt":"2026-06-05T09:00:00Z","updatedAt":"2026-06-05T10:00:00Z","status":{"state":"active","silencedBy":[],"inhibitedBy":[]}},
  {"labels":{"alertname":"Escrow","item":"oauth","site":"home"},"startsAt":"2026-06-05T08:00:00Z","updatedAt":"2026-06-05T10:01:00Z","status":{"state":"suppressed","silencedBy":["x"],"inhibitedBy":[]}},
  {"labels":{"alertname":"Low","severity":"info"},"startsAt":"2026-06-05T09:30:00Z","status":{"state":"suppressed","silencedBy":[],"inhibitedBy":["y"]}}]"#;

#[tokio::test]
async fn alerts_by_their_state() {
    let seen = facts(ALERTS, json!({"alerts": {"expect": ["Escrow", "Low"]}})).await;
    for (name, expected) in [
        ("alert_count", json!(1)),
        ("instances", json!(["Escrow{item=\"dns\",site=\"home\"}"])),
        ("oldest_starts_at", json!("2026-06-05T09:00:00Z")),
        ("newest_update_at", json!("2026-06-05T10:00:00Z")),
        ("active", json!(["Escrow"])),
        ("silenced", json!(["Escrow"])),
        ("silenced_count", json!(1)),
        ("inhibited", json!(["Low"])),
        ("missing", json!(["Low"])),
        ("unexpected", json!([])),
    ] {
        assert_eq!(fact(&seen, name), expected, "{name}");
    }
    let seen = facts(
        ALERTS,
        json!({"alerts": {"silenced": true, "inhibited": true}}),
    )
    .await;
    assert_eq!(fact(&seen, "alert_count"), json!(3));
    let seen = facts(ALERTS, json!({"alerts": {"names": ["Low"]}})).await;
    assert_eq!(fact(&seen, "alert_count"), json!(0));
    let seen = facts(
        ALERTS,
        json!({"alerts": {"matchers": ["item=~d.*"], "expect": ["Other"]}}),
    )
    .await;
    assert_eq!(fact(&seen, "unexpected"), json!(["Escrow"]));
}

/// Nobody was told of the first yet, and it fires; of the second nobody is told at this hour.
#[tokio::test]
async fn an_alert_that_nothing_keeps_quiet_is_active() {
    let body = r#"[
      {"labels":{"alertname":"New"},"status":{"state":"unprocessed","silencedBy":[],"inhibitedBy":[],"mutedBy":[]}},
      {"labels":{"alertname":"AtNight"},"status":{"state":"suppressed","silencedBy":[],"inhibitedBy":[],"mutedBy":["night"]}},
      {"labels":{"alertname":"Both"},"status":{"state":"suppressed","silencedBy":["x"],"inhibitedBy":["y"],"mutedBy":[]}}]"#;
    let seen = facts(body, json!({"alerts": {"silenced": true}})).await;
    assert_eq!(fact(&seen, "alert_count"), json!(1));
    assert_eq!(fact(&seen, "instances"), json!(["New"]));
    assert_eq!(fact(&seen, "active"), json!(["New"]));
    let both = json!({"alerts": {"silenced": true, "inhibited": true}});
    let seen = facts(body, both).await;
    assert_eq!(fact(&seen, "instances"), json!(["Both", "New"]));
}

/// What it does not have yet is not quiet.
#[rstest]
#[case::long_ago("2026-06-05T10:25:00Z", json!({}), json!(true))]
#[case::just_now("2026-06-05T10:25:00.5Z", json!({}), json!(false))]
#[case::of_a_time_to_come("2099-06-05T10:00:00Z", json!({}), json!(false))]
#[case::no_time("0001-01-01T00:00:00Z", json!({}), Json::Null)]
#[case::it_takes_longer("2026-06-05T10:20:01Z", json!({"settles": "10m"}), json!(false))]
#[case::it_takes_as_long("2026-06-05T10:20:00Z", json!({"settles": "10m"}), json!(true))]
#[tokio::test]
async fn it_has_heard_of_all_alerts(
    #[case] started: &'static str,
    #[case] alerts: Json,
    #[case] settled: Json,
) {
    let status = format!(
        r#"{{"cluster":{{"status":"disabled"}},"uptime":"{started}","versionInfo":{{"version":"0.25.0"}}}}"#
    );
    let status: &'static str = status.leak();
    let server = server(move |path| match path {
        "/api/v2/alerts" => ("200 OK", "[]"),
        _ => ("200 OK\r\ndate: Fri, 05 Jun 2026 10:30:00 GMT", status),
    })
    .await;
    let kind = at(&server, json!({"alerts": alerts}));
    let preferred = Kind::defaults(&kind).prefer;
    assert!(preferred.contains(&"settled".to_owned()));
    let seen = look(&kind).await.expect("facts");
    assert_eq!(fact(&seen, "alert_count"), json!(0));
    assert_eq!(fact(&seen, "settled"), settled);
    assert_eq!(seen.get("started_at").is_some(), settled != Json::Null);
}

#[rstest]
#[case::not_had("404 Not Found")]
#[case::not_let_through("403 Forbidden")]
#[tokio::test]
async fn one_that_does_not_tell_its_start_is_not_settled(#[case] status: &'static str) {
    let server = server(move |path| match path {
        "/api/v2/alerts" => ("200 OK", "[]"),
        _ => (status, "no"),
    })
    .await;
    let seen = look(&at(&server, json!({"alerts": {}}))).await;
    let seen = seen.expect("facts");
    assert_eq!(fact(&seen, "alert_count"), json!(0));
    assert_eq!(fact(&seen, "settled"), Json::Null);
}

const ROUTES: &str = r#"{"cluster":{"status":"disabled"},"uptime":"2026-06-05T10:00:00Z","versionInfo":{"version":"0.25.0"},
    "config":{"original":"global:\n  smtp_auth_password: hunter22\nroute:\n  receiver: nobody\n  routes:\n  - receiver: monitor\n    matchers:\n    - alertname=~\"A|B\"\n    continue: false\nreceivers:\n- name: monitor\n  webhook_configs:\n  - url: http://u:hunter22@h:9099/alert\n"}}"#;

#[tokio::test]
async fn whom_it_would_tell() {
    let seen = facts(
        ROUTES,
        json!({"routed": {"names": ["A", "C"], "labels": {"severity": "critical"}, "to": "monitor"}}),
    )
    .await;
    assert_eq!(
        fact(&seen, "receivers"),
        json!({"A": ["monitor"], "C": ["nobody"]})
    );
    assert_eq!(
        fact(&seen, "unrouted"),
        json!(["C reaches nobody, not monitor"])
    );
    assert!(!format!("{seen:?}").contains("hunter22"));
}

/// Whatever is wrong with it, nothing of the configuration is told.
#[rstest]
#[case(r#"{"config":{"original":"password: [hunter22"}}"#, "it is no YAML")]
#[case(r#"{"config":{"original":"password: hunter22"}}"#, "it has no `route`")]
#[case(r#"{"uptime":"hunter22"}"#, "it has no text")]
#[case(r#"{"config":"smtp_auth_password: hunter22"}"#, "it has no text")]
#[case(r#"{"config":{"original":["hunter22"]}}"#, "it has no text")]
#[case(r#"["hunter22"]"#, "it has no text")]
#[case(
    r#"{"config":{"original":"route: { matchers: ['\"hunter22\"'] }"}}"#,
    "is no condition"
)]
#[case(
    r#"{"config":{"original":"route: { match_re: { a: 'hunter22[' } }"}}"#,
    "no regular expression"
)]
#[case(r#"{"config":"hunter22"#, "no JSON")]
#[tokio::test]
async fn routes_that_are_not_told(#[case] body: &'static str, #[case] words: &str) {
    let server = server(move |_| ("200 OK", body)).await;
    let options = json!({"routed": {"names": ["A"], "to": "monitor"}});
    let fault = look(&at(&server, options)).await.expect_err("no routes");
    assert_eq!(fault.kind, FaultKind::Protocol);
    assert!(fault.seen.contains(words), "{fault}");
    assert!(!format!("{fault:?}").contains("hunter22"), "{fault:?}");
}

const SILENCES: &str = r#"[
  {"status":{"state":"active"},"createdBy":"me","comment":"disk","endsAt":"2026-06-05T11:00:00Z","matchers":[{"name":"alertname","value":"Esc.*","isRegex":true,"isEqual":true}]},
  {"status":{"state":"active"},"createdBy":"you","comment":"","endsAt":"2099-06-06T11:00:00Z","matchers":[{"name":"alertname","value":"Low","isRegex":false},{"name":"host","value":"1","isRegex":false,"isEqual":false}]},
  {"status":{"state":"pending"},"createdBy":"you","comment":"","endsAt":"2026-06-06T11:00:00Z","matchers":[{"name":"severity","value":"info","isRegex":false}]},
  {"status":{"state":"expired"},"createdBy":"you","comment":"","endsAt":"2026-06-01T11:00:00Z","matchers":[]}]"#;

#[tokio::test]
async fn silences_and_who_made_them() {
    let seen = facts(SILENCES, json!({"silences": {}})).await;
    assert_eq!(fact(&seen, "silence_count"), json!(2));
    assert_eq!(
        fact(&seen, "silences"),
        json!([
            "alertname=~\"Esc.*\" by me until 2026-06-05T11:00:00Z: disk",
            "alertname=\"Low\", host!=\"1\" by you until 2099-06-06T11:00:00Z: "
        ])
    );
    assert_eq!(fact(&seen, "pending_silences"), json!(1));
    assert_eq!(fact(&seen, "next_end_at"), json!("2026-06-05T11:00:00Z"));
    assert_eq!(fact(&seen, "last_end_at"), json!("2099-06-06T11:00:00Z"));
    assert_eq!(fact(&seen, "expiring"), Json::Null);
    let seen = facts(
        SILENCES,
        json!({"silences": {"names": ["Escrow", "Other"]}}),
    )
    .await;
    assert_eq!(fact(&seen, "silence_count"), json!(1));
    // One without a condition on the name may keep any alert quiet.
    assert_eq!(fact(&seen, "pending_silences"), json!(1));
}

#[tokio::test]
async fn silences_that_end_soon_by_the_servers_clock() {
    let server = Server::start(|mut stream, _| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut asked = [0; 1024];
        drop(stream.read(&mut asked).await);
        let head = format!(
            "HTTP/1.1 200 OK\r\ndate: Fri, 05 Jun 2026 10:30:00 GMT\r\ncontent-length: {}\r\n\r\n",
            SILENCES.len()
        );
        drop(stream.write_all(head.as_bytes()).await);
        drop(stream.write_all(SILENCES.as_bytes()).await);
        drop(stream.shutdown().await);
    })
    .await;
    let seen = look(&at(&server, json!({"silences": {"expiring": "1h"}})))
        .await
        .expect("facts");
    let Json::Array(expiring) = fact(&seen, "expiring") else {
        panic!("a list")
    };
    assert_eq!(expiring.len(), 1);
    assert_eq!(fact(&seen, "server_time"), json!("2026-06-05T10:30:00Z"));
    let seen = look(&at(&server, json!({"silences": {"expiring": "10m"}})))
        .await
        .expect("facts");
    assert_eq!(fact(&seen, "expiring"), json!([]));
}

const RULES: &str = r#"{"status":"success","data":{"groups":[{"name":"backup","rules":[
  {"type":"alerting","name":"Escrow","health":"ok","alerts":[
    {"labels":{"alertname":"Escrow","item":"dns","replica":"a"},"state":"firing"},
    {"labels":{"alertname":"Escrow","item":"lost","replica":"a"},"state":"firing"},
    {"labels":{"alertname":"Escrow","item":"new","replica":"a"},"state":"pending"}]}]}]}}"#;

#[tokio::test]
async fn what_fires_there_is_here() {
    let prometheus = server(|_| ("200 OK", RULES)).await;
    let own = server(|_| ("200 OK", ALERTS)).await;
    let options = |more: Json| {
        let mut both = json!({"prometheus": format!("http://{}", prometheus.address)});
        let fields = both.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        json!({"visible_in_both": both})
    };
    let kind = at(
        &own,
        options(json!({"ignore": ["replica"], "names": ["Escrow", "Gone"]})),
    );
    let seen = look(&kind).await.expect("facts");
    let dns = "Escrow{item=\"dns\",replica=\"a\"}";
    for (name, expected) in [
        ("in_both", json!([dns])),
        ("in_both_count", json!(1)),
        ("compared", json!(2)),
        ("rules", json!(1)),
        ("unhealthy", json!([])),
        ("unevaluated", json!([])),
        ("unmatched", json!([])),
        (
            "only_in_prometheus",
            json!(["Escrow{item=\"lost\",replica=\"a\"}"]),
        ),
        ("only_in_alertmanager", json!([])),
        ("silenced_count", json!(1)),
        ("missing", json!(["Gone"])),
    ] {
        assert_eq!(fact(&seen, name), expected, "{name}");
    }
    // A label that was taken away on the way is another alert, unless it is told.
    let seen = look(&at(&own, options(json!({})))).await.expect("facts");
    assert_eq!(fact(&seen, "in_both_count"), json!(0));
    assert_eq!(
        fact(&seen, "only_in_alertmanager"),
        json!(["Escrow{item=\"dns\",site=\"home\"}"])
    );
}

/// Of what is wrong with the rules, or with what is asked for, no alert fires either.
#[tokio::test]
async fn what_does_not_fire_is_not_visible() {
    const SICK: &str = r#"{"status":"success","data":{"groups":[{"name":"backup","rules":[
      {"type":"alerting","name":"Escrow","health":"err","lastError":"many-to-many","labels":{"severity":"critical"},"alerts":[]},
      {"type":"alerting","name":"Late","health":"unknown","labels":{"host":"{{ $labels.node }}"},"alerts":[]}]}]}}"#;
    let prometheus = server(|path| {
        if path.starts_with("/api/v1/rules") {
            ("200 OK", SICK)
        } else {
            ("200 OK", r#"{"status":"success","data":["home"]}"#)
        }
    })
    .await;
    let own = server(|_| ("200 OK", "[]")).await;
    for (matcher, unmatched) in [
        ("severity=critical", json!([])),
        ("severity=critcal", json!(["severity=critcal"])),
        ("severity!=critcal", json!([])),
        ("site=~\"h.*\"", json!([])),
        ("site=away", json!(["site=away"])),
        ("host=188", json!([])),
        ("alertname=Late", json!([])),
    ] {
        let both = json!({
            "prometheus": format!("http://{}", prometheus.address), "matchers": [matcher]
        });
        let kind = at(&own, json!({"visible_in_both": both}));
        let seen = look(&kind).await.expect("facts");
        assert_eq!(fact(&seen, "unmatched"), unmatched, "{matcher}");
        assert_eq!(fact(&seen, "compared"), json!(0));
        assert_eq!(fact(&seen, "only_in_prometheus"), json!([]));
        assert_eq!(fact(&seen, "unhealthy"), json!(["Escrow: many-to-many"]));
        assert_eq!(fact(&seen, "unevaluated"), json!(["Late"]));
    }
    let both = json!({"prometheus": format!("http://{}", prometheus.address), "names": ["Other"]});
    let seen = look(&at(&own, json!({"visible_in_both": both})))
        .await
        .expect("facts");
    assert_eq!(fact(&seen, "rules"), json!(0));
    assert_eq!(fact(&seen, "missing"), json!(["Other"]));
}

#[tokio::test]
async fn each_of_the_two_has_its_own_login() {
    let prometheus = server(|_| ("200 OK", RULES)).await;
    let own = server(|_| ("200 OK", ALERTS)).await;
    let token = json!({"secret": "env:TOKEN", "prefix": "Bearer "});
    let kind = at(
        &own,
        json!({"visible_in_both": {
            "prometheus": format!("http://{}", prometheus.address), "authorization": token
        }}),
    );
    assert_eq!(Kind::secrets(&kind).len(), 1);
    look(&kind).await.expect("facts");
    assert!(prometheus.received().contains("Bearer t0ken"));
    assert!(!own.received().contains("t0ken"), "{}", own.received());
}

#[rstest]
#[case("401 Unauthorized", "", FaultKind::Denied, "status 401")]
#[case("404 Not Found", "{\"code\":404}", FaultKind::Protocol, "status 404")]
#[case("200 OK", "<html>hello</html>", FaultKind::Protocol, "a page of HTML")]
#[case("200 OK", "hello", FaultKind::Protocol, "no JSON")]
#[case(
    "200 OK",
    "{}",
    FaultKind::Protocol,
    "JSON that Alertmanager does not write"
)]
#[case("302 Found", "", FaultKind::Protocol, "status 302")]
#[case(
    "500 Internal Server Error",
    "\"broken\"",
    FaultKind::Protocol,
    "status 500"
)]
#[tokio::test]
async fn what_stands_in_the_way(
    #[case] status: &'static str,
    #[case] body: &'static str,
    #[case] kind: FaultKind,
    #[case] words: &str,
) {
    let server = server(move |_| (status, body)).await;
    for options in [
        json!({"alerts": {}}),
        json!({"silences": {}}),
        json!({"ready": {}}),
    ] {
        let fault = look(&at(&server, options)).await.expect_err("a fault");
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.seen.contains(words), "{fault}");
    }
}

#[tokio::test]
async fn the_wire() {
    let closed = tcp::closed_port().await;
    let refused = alertmanager(json!({"url": format!("http://127.0.0.1:{closed}"), "alerts": {}}));
    let fault = look(&refused).await.expect_err("a closed port");
    assert_eq!(fault.kind, FaultKind::Refused);
    let cut = Server::start(|mut stream, _| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut asked = [0; 1024];
        drop(stream.read(&mut asked).await);
        drop(
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[{")
                .await,
        );
        drop(stream.shutdown().await);
    })
    .await;
    let fault = look(&at(&cut, json!({"alerts": {}})))
        .await
        .expect_err("cut off");
    assert_eq!(fault.kind, FaultKind::Closed);
    let hangs = Server::hangs().await;
    let (mut context, _) = context(&[]);
    context.target.timeout = std::time::Duration::from_secs(2);
    let kind = at(&hangs, json!({"silences": {}}));
    let fault = within(Kind::run(&kind, &context))
        .await
        .expect_err("silence");
    assert_eq!(fault.kind, FaultKind::TimedOut);
}
