use std::net::Ipv4Addr;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value as Json, json};

use super::super::aim::tests::{context, target};
use super::super::stage::{fact, run, stage};
use super::*;
use crate::servers::dns::start;
use crate::servers::ssh::Answer as Reply;
use crate::servers::tcp::closed_port;

const OURS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 8);

fn dns(options: Json) -> Dns {
    serde_json::from_value(options).expect("options")
}

#[rstest]
#[case("a.test", "A", "NOERROR", &["192.0.2.1", "192.0.2.9"], &[], Some(60.0))]
#[case("A.TEST", "A", "NOERROR", &["192.0.2.1", "192.0.2.9"], &[], Some(60.0))]
#[case("alias.test", "A", "NOERROR", &["192.0.2.9"], &["next.test.", "a.test."], Some(20.0))]
#[case("mail.test", "MX", "NOERROR", &["10 a.test.", "20 b.test."], &[], Some(30.0))]
#[case("192.0.2.1", "PTR", "NOERROR", &["a.test."], &[], Some(30.0))]
#[case("late.test", "A", "NOERROR", &["192.0.2.9"], &[], Some(300.0))]
#[case("lost.test", "A", "NOERROR", &["192.0.2.9"], &[], Some(300.0))]
#[case("empty.test", "A", "NOERROR", &[], &[], None)]
#[case("a.test", "AAAA", "NOERROR", &[], &[], None)]
#[case("foreign.test", "A", "NOERROR", &[], &[], None)]
#[case("loop.test", "A", "NOERROR", &[], &["pool.test."], Some(9.0))]
#[case("nowhere.test", "A", "NXDOMAIN", &[], &[], None)]
#[case("broken.test", "A", "SERVFAIL", &[], &[], None)]
#[case("unread.test", "A", "FORMERR", &[], &[], None)]
#[tokio::test]
async fn an_answer_is_told(
    #[case] name: &str,
    #[case] record: &str,
    #[case] rcode: &str,
    #[case] records: &[&str],
    #[case] aliases: &[&str],
    #[case] ttl: Option<f64>,
) {
    let server = start(OURS).await;
    let at = server.address.to_string();
    let kind = dns(json!({ "name": name, "type": record, "servers": [at] }));
    let (context, ledger) = context(&[]);
    let facts = run(&kind, &context).await.expect("facts");
    assert_eq!(fact(&facts, "rcode"), rcode);
    assert_eq!(fact(&facts, "records"), json!(records));
    assert_eq!(fact(&facts, "aliases"), json!(aliases));
    assert_eq!(fact(&facts, "ttl_s").as_f64(), ttl);
    assert_eq!(fact(&facts, "asked"), 1);
    assert_eq!(fact(&facts, "answered"), 1);
    assert_eq!(fact(&facts, "agree"), Json::Null);
    assert_eq!(fact(&facts, "silent"), json!({}));
    assert_eq!(fact(&facts, "truncated"), false);
    assert_eq!(fact(&facts, "recursion_available"), true);
    assert_eq!(
        fact(&facts, "authoritative"),
        name.eq_ignore_ascii_case("a.test") && record == "A"
    );
    let said = format!("{rcode} {}", records.join(", "));
    assert_eq!(fact(&facts, "answers")[&at], said.trim_end());
    let requests = Kind::requests(&kind, &context.target, &Policy::default());
    let [asked, _] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert_eq!(ledger.sent(), [format!("dns {}", asked.text)]);
}

#[tokio::test]
async fn what_is_too_long_for_a_datagram_comes_by_tcp() {
    let server = start(OURS).await;
    let kind = dns(json!({
        "name": "long.test", "type": "TXT", "servers": [server.address.to_string()]
    }));
    let (context, ledger) = context(&[]);
    let facts = run(&kind, &context).await.expect("facts");
    let text = format!("Long{}", "x".repeat(200));
    assert_eq!(fact(&facts, "records"), json!([text]));
    assert_eq!(fact(&facts, "truncated"), true);
    let asked = server.asked.lock().expect("the lock").clone();
    assert_eq!(asked, ["UDP TXT long.test.", "TCP TXT long.test."]);
    let at = server.address;
    assert_eq!(
        ledger.sent(),
        [
            format!("dns query TXT long.test. at {at} by UDP"),
            format!("tcp connect {at}"),
            format!("dns query TXT long.test. at {at} by TCP"),
        ]
    );
}

#[rstest]
#[case(OURS, true)]
#[case(OTHER, false)]
#[tokio::test]
async fn servers_agree_or_not(#[case] second: Ipv4Addr, #[case] agree: bool) {
    let (one, two) = (start(OURS).await, start(second).await);
    let servers = [one.address.to_string(), two.address.to_string()];
    let kind = dns(json!({ "name": "a.test", "servers": servers }));
    let facts = run(&kind, &context(&[]).0).await.expect("facts");
    assert_eq!(fact(&facts, "agree"), agree);
    assert_eq!(fact(&facts, "answered"), 2);
    assert_eq!(
        fact(&facts, "answers")[&servers[1]],
        format!("NOERROR 192.0.2.1, {second}")
    );
}

#[tokio::test]
async fn one_of_several_that_is_silent_is_named() {
    let server = start(OURS).await;
    let closed = format!("127.0.0.1:{}", closed_port().await);
    let servers = [closed.clone(), server.address.to_string()];
    let kind = dns(json!({ "name": "a.test", "servers": servers }));
    let facts = run(&kind, &context(&[]).0).await.expect("facts");
    assert_eq!(fact(&facts, "rcode"), "NOERROR");
    assert_eq!(fact(&facts, "asked"), 2);
    assert_eq!(fact(&facts, "answered"), 1);
    assert_eq!(fact(&facts, "agree"), Json::Null);
    let silent = fact(&facts, "silent");
    assert_eq!(
        silent[&closed],
        format!("nothing listens at {closed} (UDP)")
    );
}

#[rstest]
#[case("deaf.test", FaultKind::TimedOut, "(asked 2 times)")]
#[case("other.test", FaultKind::Protocol, "to another question")]
#[case("garbage.test", FaultKind::Protocol, "not DNS")]
#[tokio::test]
async fn no_answer_is_a_fault(#[case] name: &str, #[case] kind: FaultKind, #[case] seen: &str) {
    let server = start(OURS).await;
    let (mut context, _) = context(&[]);
    context.target.timeout = Duration::from_millis(1500);
    let options = json!({ "name": name, "servers": [server.address.to_string()] });
    let fault = run(&dns(options), &context).await.expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.seen.contains(seen), "{fault}");
    assert_eq!(fault.suspect.is_some(), kind == FaultKind::TimedOut);
}

#[tokio::test]
async fn none_of_several_is_one_fault() {
    let servers = [
        format!("127.0.0.1:{}", closed_port().await),
        format!("127.0.0.2:{}", closed_port().await),
    ];
    let kind = dns(json!({ "name": "a.test", "servers": servers }));
    let fault = run(&kind, &context(&[]).0).await.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Refused);
    assert!(
        fault.seen.starts_with("none of 2 servers answered: "),
        "{fault}"
    );
    assert!(servers.iter().all(|at| fault.seen.contains(at)), "{fault}");
}

#[tokio::test]
async fn through_another_host_by_tcp() {
    let server = start(OURS).await;
    let mut stage = stage(|_| Reply::fails(127, "no command is run")).await;
    stage.context.target.via = stage.context.target.host.take();
    let kind = dns(json!({ "name": "a.test", "servers": [server.address.to_string()] }));
    let facts = run(&kind, &stage.context).await.expect("facts");
    assert_eq!(fact(&facts, "records"), json!(["192.0.2.1", "192.0.2.9"]));
    let asked = server.asked.lock().expect("the lock").clone();
    assert_eq!(asked, ["TCP A a.test."]);
    let requests = Kind::requests(&kind, &stage.context.target, &Policy::default());
    let texts: Vec<&str> = requests.iter().map(|one| one.text.as_str()).collect();
    let at = server.address;
    assert_eq!(
        texts,
        [
            format!("direct-tcpip {at}"),
            format!("query A a.test. at {at} by TCP")
        ]
    );
}

#[rstest]
#[case("192.0.2.1", Some("192.0.2.1:53"))]
#[case("192.0.2.1:5353", Some("192.0.2.1:5353"))]
#[case("fd00::1", Some("[fd00::1]:53"))]
#[case("[fd00::1]", Some("[fd00::1]:53"))]
#[case("[fd00::1]:5353", Some("[fd00::1]:5353"))]
#[case("ns.lan", Some("ns.lan:53"))]
#[case("ns.lan:5353", Some("ns.lan:5353"))]
#[case("", None)]
#[case(":53", None)]
#[case("192.0.2.1:", None)]
#[case("192.0.2.1:+53", None)]
#[case("192.0.2.1:0", None)]
#[case("192.0.2.1:65536", None)]
#[case("[fd00::1", None)]
#[case("[fd00::1]53", None)]
#[case("udp://192.0.2.1", None)]
#[case("192.0.2.1 53", None)]
fn servers_are_spelled_so(#[case] text: &str, #[case] expected: Option<&str>) {
    let seen = server(text).map(|server| server.to_string());
    assert_eq!(seen.as_deref(), expected);
}

#[rstest]
#[case(json!({ "name": "a b" }), Some("data188"), None, "name")]
#[case(json!({ "name": "192.0.2.1" }), Some("data188"), None, "name")]
#[case(json!({ "name": "a.test", "servers": [] }), None, None, "servers")]
#[case(json!({ "name": "a.test", "servers": ["x y"] }), None, None, "servers.0")]
#[case(json!({ "name": "a.test", "servers": ["192.0.2.1", "192.0.2.1"] }), None, None, "servers.1")]
#[case(json!({ "name": "a.test", "servers": ["127.0.0.53"] }), Some("data188"), None, "servers")]
#[case(json!({ "name": "a.test" }), None, Some("data188"), "")]
fn options_that_cannot_be_meant(
    #[case] options: Json,
    #[case] on: Option<&str>,
    #[case] via: Option<&str>,
    #[case] path: &str,
) {
    let problems = Kind::problems(&dns(options), &target(on, via), &Policy::default());
    let paths: Vec<String> = problems.iter().map(|one| one.path.join(".")).collect();
    assert_eq!(paths, [path], "{problems:?}");
}

#[rstest]
#[case(json!({}))]
#[case(json!({ "name": "a.test", "type": "ANY" }))]
#[case(json!({ "name": "a.test", "type": "AXFR" }))]
#[case(json!({ "name": "a.test", "servers": "192.0.2.1" }))]
fn options_that_do_not_parse(#[case] options: Json) {
    assert!(serde_json::from_value::<Dns>(options).is_err());
}

#[rstest]
#[case(json!(["192.0.2.1"]), None, "A records of a.test from 192.0.2.1:53", None)]
#[case(json!(["192.0.2.1", "192.0.2.2"]), None, "A records of a.test from 192.0.2.1:53 and 192.0.2.2:53", Some("agree"))]
#[case(
    Json::Null,
    Some("data188"),
    "A records of a.test from 192.0.2.7:53",
    Some("asked == 1 || agree")
)]
#[case(
    Json::Null,
    Some("here"),
    "A records of a.test from this machine's name servers",
    Some("asked == 1 || agree")
)]
fn whom_it_asks(
    #[case] servers: Json,
    #[case] on: Option<&str>,
    #[case] goal: &str,
    #[case] among: Option<&str>,
) {
    let kind = dns(json!({ "name": "a.test", "servers": servers }));
    let target = target(on, None);
    assert_eq!(Kind::goal(&kind, &target), goal);
    assert_eq!(Kind::problems(&kind, &target, &Policy::default()), []);
    assert_eq!(
        Kind::defaults(&kind).require.get(3).map(String::as_str),
        among
    );
    assert!(!Kind::requests(&kind, &target, &Policy::default()).is_empty());
}
