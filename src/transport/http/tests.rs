use std::sync::Mutex;

use rstest::rstest;

use super::*;
use crate::servers::http::{Shows, plain, secure};
use crate::servers::tcp::{Server, closed_port};
use crate::transport::dial::{Dialer, Role};
use crate::transport::tls::TlsOptions;

/// Connects directly and keeps the audit lines.
#[derive(Default)]
struct Direct {
    dialer: Dialer,
    notes: Mutex<Vec<String>>,
}

impl Opener for Direct {
    async fn open(&self, address: &str, port: u16) -> Result<Connection, Fault> {
        let dialed = self
            .dialer
            .dial(address, port, Duration::from_secs(20), Role::Port)
            .await?;
        Ok(Connection {
            stream: Box::new(dialed.stream),
            peer: dialed.peer.to_string(),
            connect: dialed.connect,
            exposed: false,
        })
    }

    fn note(&self, _: &str, protocol: &str, sent: &str) {
        self.notes
            .lock()
            .expect("the lock")
            .push(format!("{protocol} {sent}"));
    }
}

fn ask_for(url: &str) -> Ask {
    Ask {
        url: url.parse().expect("an address"),
        method: Method::Get,
        websocket: false,
        headers: Vec::new(),
        tls: TlsOptions::default(),
        redirects: 0,
        body_max: 1 << 20,
        timeout: Duration::from_secs(20),
    }
}

async fn run(what: &Ask) -> Result<Answer, Fault> {
    let opener = Direct::default();
    let tls = Tls::default();
    let asking = ask(&opener, &tls, what);
    tokio::time::timeout(Duration::from_secs(60), asking)
        .await
        .expect("in time")
}

fn at(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

#[rstest]
#[case("/ok", 200, "fine")]
#[case("/502", 502, "no upstream")]
#[case("/401", 401, "")]
#[case("/nowhere", 404, "no such path")]
#[tokio::test]
async fn every_status_is_an_answer(#[case] path: &str, #[case] status: u16, #[case] body: &str) {
    let server = plain().await;
    let answer = run(&ask_for(&at(&server, path))).await.expect("an answer");
    assert_eq!(
        (answer.status, answer.version, answer.body_whole),
        (status, "HTTP/1.1", true)
    );
    assert_eq!(String::from_utf8_lossy(&answer.body), body);
}

#[tokio::test]
async fn headers_by_lower_case_name_and_several_joined() {
    let server = plain().await;
    let answer = run(&ask_for(&at(&server, "/ok"))).await.expect("an answer");
    let find = |name: &str| {
        answer
            .headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(find("x-role"), Some("primary"));
    assert_eq!(find("set-cookie"), Some("a=1, b=2"));
}

#[rstest]
#[case(Method::Get, "GET")]
#[case(Method::Head, "HEAD")]
#[case(Method::Options, "OPTIONS")]
#[tokio::test]
async fn what_is_sent_is_what_the_audit_says(#[case] method: Method, #[case] word: &str) {
    let server = plain().await;
    let opener = Direct::default();
    let url = at(&server, "/ok?a=b");
    ask(
        &opener,
        &Tls::default(),
        &Ask {
            method,
            ..ask_for(&url)
        },
    )
    .await
    .expect("an answer");
    assert_eq!(
        *opener.notes.lock().expect("the lock"),
        [format!("http {word} {url}")]
    );
    let received = server.received();
    assert!(
        received.starts_with(&format!("{word} /ok?a=b HTTP/1.1\r\n")),
        "{received}"
    );
    assert!(
        received.contains(&format!("host: {}\r\n", server.address)),
        "{received}"
    );
    assert!(!received.contains("content-length"), "{received}");
}

#[rstest]
#[case::cut_in_the_body(
    "/cut",
    FaultKind::Closed,
    "the connection was cut off after 9 bytes of the body"
)]
#[case::cut_in_the_headers(
    "/cut-headers",
    FaultKind::Closed,
    "the connection was cut off before the answer"
)]
#[case::another_protocol("/garbage", FaultKind::Protocol, "the answer is not HTTP/1")]
#[case::bad_chunk("/chunk", FaultKind::Protocol, "the answer is not HTTP/1")]
#[tokio::test]
async fn broken_answers(#[case] path: &str, #[case] kind: FaultKind, #[case] seen: &str) {
    let server = plain().await;
    let fault = run(&ask_for(&at(&server, path)))
        .await
        .expect_err("no answer");
    assert_eq!(fault.kind, kind, "{}", fault.seen);
    assert!(fault.seen.starts_with(seen), "{}", fault.seen);
}

#[rstest]
#[case::silent("/hang", "no answer to GET http://")]
#[case::trickling("/trickle", "no end of the headers (17 bytes so far) to GET http://")]
#[case::slow("/drip", "no whole body (")]
#[tokio::test]
async fn the_time_is_for_the_whole_answer(#[case] path: &str, #[case] seen: &str) {
    let server = plain().await;
    let what = Ask {
        timeout: Duration::from_secs(2),
        ..ask_for(&at(&server, path))
    };
    let fault = run(&what).await.expect_err("too slow");
    assert_eq!(fault.kind, FaultKind::TimedOut);
    assert!(fault.seen.starts_with(seen), "{}", fault.seen);
    assert!(fault.seen.ends_with("within 2.0 s"), "{}", fault.seen);
}

#[tokio::test]
async fn an_endless_body_is_read_up_to_the_cap() {
    let server = plain().await;
    let answer = run(&Ask {
        body_max: 10_000,
        ..ask_for(&at(&server, "/endless"))
    })
    .await
    .expect("an answer");
    assert_eq!((answer.body.len(), answer.body_whole), (10_000, false));
}

#[tokio::test]
async fn nobody_listens() {
    let port = closed_port().await;
    let fault = run(&ask_for(&format!("http://127.0.0.1:{port}/")))
        .await
        .expect_err("refused");
    assert_eq!(fault.kind, FaultKind::Refused);
}

#[tokio::test]
async fn redirects_are_told_and_only_followed_when_asked() {
    let server = plain().await;
    let told = run(&ask_for(&at(&server, "/once")))
        .await
        .expect("an answer");
    assert_eq!(
        (told.status, told.redirected_to),
        (302, Some(at(&server, "/ok")))
    );
    let followed = run(&Ask {
        redirects: 1,
        ..ask_for(&at(&server, "/once"))
    })
    .await
    .expect("an answer");
    assert_eq!(
        (followed.status, followed.url.as_str()),
        (200, at(&server, "/ok").as_str())
    );
}

#[rstest]
#[case::circle("/loop", 9, "redirects lead in a circle")]
#[case::too_many("/to?/to?/ok", 1, "more than 1 redirect, the last to http://")]
#[case::other_scheme("/to?file:///etc/passwd", 3, "a redirect leads to file:///etc/passwd")]
#[case::no_address("/to?http://[", 3, "status 307 leads to \"http://[\"")]
#[tokio::test]
async fn redirects_that_are_not_followed(
    #[case] path: &str,
    #[case] redirects: u8,
    #[case] seen: &str,
) {
    let server = plain().await;
    let fault = run(&Ask {
        redirects,
        ..ask_for(&at(&server, path))
    })
    .await
    .expect_err("refused");
    assert_eq!(fault.kind, FaultKind::Protocol);
    assert!(fault.seen.starts_with(seen), "{}", fault.seen);
}

#[tokio::test]
async fn another_server_does_not_get_the_secrets_of_the_first() {
    let (first, second) = (plain().await, plain().await);
    let mut secret = HeaderValue::from_static("hunter22");
    secret.set_sensitive(true);
    let what = Ask {
        redirects: 1,
        headers: vec![
            Header {
                name: HeaderName::from_static("x-token"),
                value: secret,
            },
            Header {
                name: HeaderName::from_static("x-plain"),
                value: HeaderValue::from_static("yes"),
            },
        ],
        ..ask_for(&at(&first, &format!("/to?{}", at(&second, "/ok"))))
    };
    run(&what).await.expect("an answer");
    assert!(first.received().contains("x-token: hunter22"));
    assert!(!second.received().contains("hunter22"));
    assert!(second.received().contains("x-plain: yes"));
}

async fn over_tls(shows: Shows, trusted: bool, verify: bool) -> Result<Answer, Fault> {
    let (server, authority) = secure(shows).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, authority).expect("written");
    let authorities = if trusted { vec![path] } else { Vec::new() };
    let url = format!("https://localhost:{}/ok", server.address.port());
    run(&Ask {
        tls: TlsOptions {
            authorities,
            verify,
        },
        ..ask_for(&url)
    })
    .await
}

#[tokio::test]
async fn a_trusted_certificate_is_kept_with_the_answer() {
    let answer = over_tls(Shows::Good, true, true).await.expect("an answer");
    let shown = answer.shown.expect("certificates");
    assert_eq!(shown.distrust, None);
    assert_eq!(shown.chain[0].names, ["localhost", "127.0.0.1"]);
    assert_eq!(shown.chain[0].not_after.to_string(), "2299-01-01T00:00:00Z");
}

#[rstest]
#[case::expired(Shows::Expired, true, "certificate expired on 2020-01-02")]
#[case::not_yet(Shows::NotYet, true, "certificate is not valid before 2199-01-02")]
#[case::name(
    Shows::OtherName,
    true,
    "certificate is not valid for localhost, only for other.test"
)]
#[case::issuer(
    Shows::Good,
    false,
    "certificate has an unknown issuer: CN=coldstart test authority"
)]
#[tokio::test]
async fn a_certificate_that_is_not_trusted_says_why(
    #[case] shows: Shows,
    #[case] trusted: bool,
    #[case] seen: &str,
) {
    let fault = over_tls(shows, trusted, true)
        .await
        .expect_err("not trusted");
    assert_eq!((fault.kind, fault.hopeless), (FaultKind::HostKey, true));
    assert_eq!(fault.seen, seen);
    // Asked not to verify, the answer comes, and the reason stays at hand.
    let answer = over_tls(shows, trusted, false).await.expect("an answer");
    assert_eq!(
        answer
            .shown
            .and_then(|shown| shown.distrust)
            .map(|fault| fault.seen)
            .as_deref(),
        Some(seen)
    );
}

#[tokio::test]
async fn https_to_a_plain_server_and_a_silent_one() {
    let server = Server::says("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let fault = run(&ask_for(&format!("https://{}/", server.address)))
        .await
        .expect_err("not TLS");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::Protocol, "the answer is not TLS")
    );
    let silent = Server::hangs().await;
    let what = Ask {
        timeout: Duration::from_millis(100),
        ..ask_for(&format!("https://{}/", silent.address))
    };
    let fault = run(&what).await.expect_err("silence");
    assert_eq!(fault.kind, FaultKind::TimedOut);
    let cut = Server::says("").await;
    let fault = run(&ask_for(&format!("https://{}/", cut.address)))
        .await
        .expect_err("cut off");
    assert_eq!(fault.kind, FaultKind::Closed);
}

#[rstest]
#[case::absent(None, "cannot be read")]
#[case::empty(Some(""), "holds no PEM certificate")]
#[case::broken(
    Some("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"),
    "is not PEM"
)]
#[tokio::test]
async fn an_authority_that_cannot_be_used(#[case] text: Option<&str>, #[case] seen: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ca.pem");
    if let Some(text) = text {
        std::fs::write(&path, text).expect("written");
    }
    let fault = Tls::default()
        .setup(&TlsOptions {
            authorities: vec![path],
            verify: true,
        })
        .await
        .expect_err("no authority");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
    assert!(fault.seen.contains(seen), "{}", fault.seen);
}

#[test]
fn from_https_a_redirect_may_not_lead_to_http() {
    let been = ["https://a.test/".parse().expect("an address")];
    let fault = allow_redirect(&been, &"http://a.test/".parse().expect("an address"), 5)
        .expect_err("refused");
    assert!(
        fault.seen.contains("from https on to plain"),
        "{}",
        fault.seen
    );
}
