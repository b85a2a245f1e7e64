use rstest::rstest;
use serde_json::{Value as Json, json};

use super::super::aim::tests::{Ledger, context, target, within};
use super::super::stage::{fact, run, stage};
use super::*;
use crate::probe::FaultKind;
use crate::servers::ssh::Answer;
use crate::servers::tcp::Server;
use crate::servers::tls::{Before, Shows, start};

fn tls(options: Json) -> Tls {
    serde_json::from_value(options).expect("options")
}

/// A look at a server; with its authority among the trusted ones, or not.
async fn looked(
    shows: Shows,
    before: Before,
    trusting: bool,
    more: Json,
) -> (Facts, Ledger, Server, Vec<String>) {
    let (server, authority) = start(shows, before).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), authority).expect("written");
    let mut options = json!({ "address": "127.0.0.1", "port": server.address.port() });
    if trusting {
        options["ca"] = json!(file.path());
    }
    for (name, value) in more.as_object().into_iter().flatten() {
        options[name] = value.clone();
    }
    let kind = tls(options);
    let (context, ledger) = context(&[]);
    let requests = Kind::requests(&kind, &context.target, &Policy::default());
    let requests = requests
        .into_iter()
        .map(|request| format!("{} {}", request.protocol, request.text))
        .collect();
    let facts = run(&kind, &context).await.expect("facts");
    (facts, ledger, server, requests)
}

#[tokio::test]
async fn a_good_certificate_tells_all_there_is() {
    let (facts, ledger, _server, requests) =
        looked(Shows::Good, Before::Nothing, true, json!({})).await;
    let declared = Tls::FACTS.iter().map(|spec| spec.name);
    for name in declared {
        assert!(facts.get(name).is_some(), "{name}");
    }
    assert_eq!(fact(&facts, "trust"), "trusted");
    assert_eq!(fact(&facts, "trusted"), true);
    assert_eq!(fact(&facts, "names_match"), true);
    assert_eq!(fact(&facts, "handshake"), true);
    assert_eq!(fact(&facts, "version"), "TLSv1.3");
    assert_eq!(fact(&facts, "names"), json!(["localhost", "127.0.0.1"]));
    assert_eq!(fact(&facts, "subject"), "CN=coldstart test server");
    assert_eq!(fact(&facts, "issuer"), "CN=coldstart test authority");
    assert_eq!(fact(&facts, "not_before"), "2019-01-01T00:00:00Z");
    assert_eq!(fact(&facts, "not_after"), "2299-01-01T00:00:00Z");
    assert_eq!(fact(&facts, "chain_length"), 1);
    assert!(fact(&facts, "days_left").as_f64() > Some(14.0));
    assert_eq!(fact(&facts, "days_left"), fact(&facts, "chain_days_left"));
    let print = fact(&facts, "sha256");
    let print = print.as_str().expect("a text");
    assert!(
        print.len() == 64 && print.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{print}"
    );
    assert_eq!(ledger.sent(), requests);
    assert_eq!(requests[1], "tls handshake for 127.0.0.1");
}

#[rstest]
#[case::expired(Shows::Expired, true, json!({}), (false, true), "certificate expired on 2020-01-02")]
#[case::not_yet(Shows::NotYet, true, json!({}), (false, true), "certificate is not valid before 2199-01-02")]
#[case::untrusted(
    Shows::Good, false, json!({}), (false, true),
    "certificate has an unknown issuer: CN=coldstart test authority"
)]
#[case::for_another(
    Shows::OtherName, true, json!({}), (true, false),
    "certificate is not valid for 127.0.0.1, only for other.test"
)]
#[case::both(
    Shows::OtherName, false, json!({}), (false, false),
    "certificate has an unknown issuer: CN=coldstart test authority"
)]
#[case::asked_for_another(
    Shows::Good, true, json!({ "name": "db.test" }), (true, false),
    "certificate is not valid for db.test, only for localhost, 127.0.0.1"
)]
#[case::named(Shows::OtherName, true, json!({ "name": "other.test" }), (true, true), "trusted")]
#[case::an_authoritys_own(
    Shows::Authority, true, json!({}), (false, true),
    "certificate is an authority's own (CN=coldstart test authority, CA:TRUE), not a server's"
)]
#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_a_fact(
    #[case] shows: Shows,
    #[case] trusting: bool,
    #[case] more: Json,
    #[case] (trusted, names_match): (bool, bool),
    #[case] trust: &str,
) {
    let (facts, ..) = looked(shows, Before::Nothing, trusting, more).await;
    assert_eq!(fact(&facts, "trust"), trust);
    assert_eq!(fact(&facts, "trusted"), trusted);
    assert_eq!(fact(&facts, "names_match"), names_match);
    assert_eq!(fact(&facts, "handshake"), true);
    let left = fact(&facts, "days_left").as_f64().expect("days");
    assert_eq!(left < 0.0, shows == Shows::Expired, "{left}");
}

#[tokio::test]
async fn a_server_that_wants_our_certificate_has_shown_its_own() {
    let (facts, ..) = looked(Shows::WantsOurs, Before::Nothing, true, json!({})).await;
    assert_eq!(fact(&facts, "handshake"), false);
    assert_eq!(fact(&facts, "trust"), "trusted");
    assert_eq!(fact(&facts, "version"), Json::Null);
    assert!(fact(&facts, "days_left").as_f64() > Some(14.0));
}

#[rstest]
#[case(Before::Smtp, "smtp", "EHLO coldstart.invalid\r\nSTARTTLS\r\n")]
#[case(Before::Postgres, "postgres", "[0, 0, 0, 8, 4, 210, 22, 47]")]
#[tokio::test]
async fn starttls(#[case] before: Before, #[case] option: &str, #[case] plain: &str) {
    let more = json!({ "starttls": option });
    let (facts, ledger, server, requests) = looked(Shows::Good, before, true, more).await;
    assert_eq!(fact(&facts, "trust"), "trusted");
    assert_eq!(ledger.sent(), requests);
    assert!(requests.len() > 2, "{requests:?}");
    let received = within(async {
        loop {
            let received = server.received();
            if received.ends_with("<end>") {
                return received;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(received, format!("{plain}<end>"), "and not a byte over TLS");
}

#[rstest]
#[case::not_tls(Some("SSH-2.0-OpenSSH_9.2\r\n"), FaultKind::Protocol, "not TLS")]
#[case::hangs(None, FaultKind::TimedOut, "did not end within")]
#[case::cut(Some(""), FaultKind::Closed, "cut off")]
// Fatal alerts: protocol_version, handshake_failure.
#[case::too_old(
    Some("\x15\x03\x01\0\x02\x02\x46"),
    FaultKind::Protocol,
    "neither TLS 1.2 nor 1.3"
)]
#[case::refuses(
    Some("\x15\x03\x03\0\x02\x02\x28"),
    FaultKind::Protocol,
    "refused the TLS handshake"
)]
#[tokio::test]
async fn what_shows_no_certificate_is_a_fault(
    #[case] answer: Option<&str>,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let server = match answer {
        Some(bytes) => Server::says(bytes.as_bytes()).await,
        None => Server::hangs().await,
    };
    let (mut context, _) = context(&[]);
    context.target.timeout = Duration::from_secs(5);
    let options = json!({ "address": "127.0.0.1", "port": server.address.port() });
    let fault = run(&tls(options), &context).await.expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.seen.contains(seen), "{fault}");
}

#[tokio::test]
async fn a_file_of_authorities_that_is_not_there_is_this_machines_trouble() {
    let server = Server::hangs().await;
    let options = json!({
        "address": "127.0.0.1", "port": server.address.port(), "ca": "/no/such/file.pem"
    });
    let fault = run(&tls(options), &context(&[]).0)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
    assert!(fault.seen.contains("/no/such/file.pem"), "{fault}");
}

#[rstest]
#[case(json!({ "port": 0, "address": "192.0.2.1" }), "port")]
#[case(json!({ "port": 443, "address": "127.0.0.1" }), "address")]
#[case(json!({ "port": 443, "name": "a b" }), "name")]
#[case(json!({ "port": 443, "name": "" , "address": "192.0.2.1" }), "name")]
#[case(json!({ "port": 443, "address": "fe80::1%2" }), "address")]
fn options_that_cannot_be_meant(#[case] options: Json, #[case] path: &str) {
    let target = target(Some("data188"), None);
    let problems = Kind::problems(&tls(options), &target, &Policy::default());
    let paths: Vec<String> = problems.iter().map(|one| one.path.join(".")).collect();
    assert_eq!(paths, [path], "{problems:?}");
}

#[rstest]
#[case(json!({}))]
#[case(json!({ "port": 443, "starttls": "imap" }))]
#[case(json!({ "port": 443, "tls_verify": false }))]
fn options_that_do_not_parse(#[case] options: Json) {
    assert!(serde_json::from_value::<Tls>(options).is_err());
}

#[test]
fn the_goal_names_whom_and_where() {
    let kind = tls(json!({ "port": 443, "name": "registry.lan" }));
    assert_eq!(
        Kind::goal(&kind, &target(Some("data188"), None)),
        "a certificate for registry.lan from 192.0.2.7:443"
    );
}

#[tokio::test]
async fn through_another_host() {
    let (server, _) = start(Shows::Expired, Before::Smtp).await;
    let mut stage = stage(|_| Answer::fails(127, "no command is run")).await;
    stage.context.target.via = stage.context.target.host.take();
    let options = json!({
        "address": "127.0.0.1", "port": server.address.port(), "starttls": "smtp"
    });
    let facts = run(&tls(options), &stage.context).await.expect("facts");
    assert_eq!(fact(&facts, "trust"), "certificate expired on 2020-01-02");
}
