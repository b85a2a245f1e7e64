use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rstest::rstest;
use serde_json::{Value as Json, json};

use super::*;
use crate::probe::kinds::stage::{fact, host, kind, local, run, stage, target};
use crate::servers::ssh::Answer;

const STAT: &str = "1900,1780656000,640,root,regular file\n";

/// A server's certificate and its authority's, both as PEM, and the former as DER.
fn chain() -> (String, String, Vec<u8>) {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.not_after = rcgen::date_time_ymd(2026, 6, 8);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(authority, key).expect("signed");
    let names = vec!["registry.lan".to_owned(), "192.168.0.110".to_owned()];
    let mut leaf = CertificateParams::new(names).expect("parameters");
    leaf.not_before = rcgen::date_time_ymd(2026, 1, 1);
    leaf.not_after = rcgen::date_time_ymd(2026, 6, 15);
    let key = KeyPair::generate().expect("a key");
    let leaf = leaf.signed_by(&key, &authority).expect("signed");
    let own = format!("{}{}", key.serialize_pem(), leaf.pem());
    (own, authority.pem(), leaf.der().to_vec())
}

async fn look(stat: Answer, head: Answer) -> Result<Facts, Fault> {
    let mut stage = stage(move |command| match command.split(' ').next() {
        Some("stat") => stat.clone(),
        Some("head") => head.clone(),
        _ => Answer::fails(2, "unexpected"),
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    let kind: Certificate = kind(json!({ "path": "/x.pem" }));
    run(&kind, &stage.context).await
}

/// The operator's clock shows 2026-06-05T10:55:04Z.
#[tokio::test]
async fn a_chain_in_pem_and_nothing_of_its_key() {
    let (own, authority, _) = chain();
    let facts = look(Answer::ok(STAT), Answer::ok(format!("{own}{authority}")))
        .await
        .expect("facts");
    for spec in Certificate::FACTS {
        assert!(facts.get(spec.name).is_some(), "{}", spec.name);
    }
    assert_eq!(
        fact(&facts, "names"),
        json!(["registry.lan", "192.168.0.110"])
    );
    assert_eq!(fact(&facts, "not_after"), "2026-06-15T00:00:00Z");
    assert_eq!(fact(&facts, "chain_length"), 2);
    let days = |name| fact(&facts, name).as_f64().expect("days");
    assert!((9.0..10.0).contains(&days("days_left")));
    assert!((2.0..3.0).contains(&days("chain_days_left")));
    assert!(!format!("{facts:?}").contains("PRIVATE KEY"));
}

#[tokio::test]
async fn one_in_der() {
    let (own, _, der) = chain();
    let binary = look(Answer::ok(STAT), Answer::ok(der))
        .await
        .expect("facts");
    let text = look(Answer::ok(STAT), Answer::ok(own))
        .await
        .expect("facts");
    assert_eq!(binary, text);
    assert_eq!(fact(&binary, "chain_length"), 1);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_a_fact() {
    let gone = Answer::fails(
        1,
        "stat: cannot statx '/x.pem': No such file or directory\n",
    );
    let facts = look(gone, Answer::Hang).await.expect("facts");
    assert_eq!(fact(&facts, "exists"), false);
    assert_eq!(facts.iter().count(), 1, "nothing else is known");
}

fn key_alone() -> String {
    KeyPair::generate().expect("a key").serialize_pem()
}

/// The first is whole, the second is none.
fn damaged() -> String {
    let (own, ..) = chain();
    format!("{own}-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n")
}

/// The first is whole, the second has no end.
fn cut() -> String {
    let (own, authority, _) = chain();
    format!("{own}{}", &authority[..authority.len() / 2])
}

fn half() -> Vec<u8> {
    let (_, _, der) = chain();
    der[..der.len() / 2].to_vec()
}

#[rstest]
#[case::a_directory(
    Answer::ok("4096,0,755,root,directory\n"),
    Answer::Hang,
    FaultKind::Protocol,
    "is a directory"
)]
#[case::a_fifo(
    Answer::ok("0,0,644,root,fifo\n"),
    Answer::Hang,
    FaultKind::Protocol,
    "is a fifo"
)]
#[case::empty(
    Answer::ok(STAT),
    Answer::ok(""),
    FaultKind::Protocol,
    "holds no certificate"
)]
#[case::a_text(
    Answer::ok(STAT),
    Answer::ok("hello\n"),
    FaultKind::Protocol,
    "holds no certificate"
)]
#[case::a_key(
    Answer::ok(STAT),
    Answer::ok(key_alone()),
    FaultKind::Protocol,
    "holds no certificate"
)]
#[case::damaged(
    Answer::ok(STAT),
    Answer::ok(damaged()),
    FaultKind::Protocol,
    "its certificate 2 is none"
)]
#[case::cut(
    Answer::ok(STAT),
    Answer::ok(cut()),
    FaultKind::Protocol,
    "is not whole PEM"
)]
#[case::half(
    Answer::ok(STAT),
    Answer::ok(half()),
    FaultKind::Protocol,
    "holds no certificate"
)]
#[case::not_text(Answer::ok(STAT), Answer::ok(vec![0x30, 0x82, 0xff, 0xff, 0]), FaultKind::Protocol, "holds no certificate")]
#[case::too_long(Answer::ok(STAT), Answer::ok(vec![b'x'; 300 << 10]), FaultKind::Protocol, "too long")]
#[case::denied(
    Answer::fails(1, "stat: cannot statx '/x.pem': Permission denied\n"),
    Answer::Hang,
    FaultKind::Denied,
    "may not be looked at"
)]
#[case::unreadable(
    Answer::ok(STAT),
    Answer::fails(1, "head: cannot open '/x.pem' for reading: Permission denied\n"),
    FaultKind::Denied,
    "may not be looked at"
)]
#[case::odd_stat(
    Answer::ok("File: /x.pem\n"),
    Answer::Hang,
    FaultKind::Protocol,
    "stat printed"
)]
#[case::no_stat(
    Answer::fails(127, "not found"),
    Answer::Hang,
    FaultKind::Missing,
    "no stat"
)]
#[case::hangs(Answer::ok(STAT), Answer::Hang, FaultKind::TimedOut, "")]
#[tokio::test]
async fn what_holds_no_certificate_is_a_fault(
    #[case] stat: Answer,
    #[case] head: Answer,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let fault = look(stat, head).await.expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.seen.contains(seen), "{fault}");
    assert!(!fault.seen.contains("PRIVATE KEY"), "{fault}");
}

#[tokio::test]
async fn a_file_of_this_machine() {
    let (own, ..) = chain();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), own).expect("written");
    let kind: Certificate = kind(json!({ "path": file.path() }));
    let facts = run(&kind, &local()).await.expect("facts");
    assert_eq!(fact(&facts, "not_before"), "2026-01-01T00:00:00Z");
}

#[rstest]
#[case("x.pem")]
#[case("/x\n.pem")]
#[case("/dev/watchdog")]
fn paths_that_cannot_be_meant(#[case] path: &str) {
    let kind: Certificate = kind(json!({ "path": path }));
    let problems = kind.problems(&target(host(22)), &Policy::default());
    let paths: Vec<String> = problems.iter().map(|one| one.path.join(".")).collect();
    assert_eq!(paths, ["path"], "{problems:?}");
}

#[test]
fn it_sends_what_it_tells() {
    let kind: Certificate = kind(json!({ "path": "/x.pem" }));
    let target = target(host(22));
    assert_eq!(kind.problems(&target, &Policy::default()), []);
    let requests = kind.requests(&target, &Policy::default());
    let [stat, head] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert!(stat.text.contains("stat -L"), "{}", stat.text);
    assert!(
        head.text.ends_with("head -c 262145 /x.pem"),
        "{}",
        head.text
    );
    assert_eq!(kind.goal(&target), "a certificate in /x.pem on data188");
    assert!(serde_json::from_value::<Certificate>(Json::Null).is_err());
}
