use std::sync::Mutex;

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::aim::tests::{context, target};
use crate::probe::kinds::stage::{fact, kind, run, stage};
use crate::servers::ssh::Answer;

const MAC: &str = "02:fc:00:00:00:05";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// As iproute2 6.1, and with counters busybox 1.35, print them.
#[rstest]
#[case::stale(
    "192.0.2.1 dev eth0 lladdr 02:fc:00:00:00:05 STALE \n",
    "STALE",
    Some(MAC),
    false
)]
#[case::reachable(
    "192.0.2.1 dev eth0 lladdr 02:FC:00:00:00:05 REACHABLE\n",
    "REACHABLE",
    Some(MAC),
    false
)]
#[case::router(
    "192.0.2.1 dev eth0 lladdr 02:fc:00:00:00:05 router STALE\n",
    "STALE",
    Some(MAC),
    false
)]
#[case::busybox(
    "192.0.2.1 dev eth0 lladdr 02:fc:00:00:00:05 used 0/0/0 probes 1 DELAY\n",
    "DELAY",
    Some(MAC),
    false
)]
#[case::permanent(
    "192.0.2.1 dev eth0 lladdr 02:fc:00:00:00:05 PERMANENT\n",
    "PERMANENT",
    Some(MAC),
    false
)]
#[case::failed("192.0.2.1 dev eth0 FAILED \n", "FAILED", None, true)]
#[case::failed_later(
    "192.0.2.1 dev eth0 lladdr 02:fc:00:00:00:05 FAILED \n",
    "FAILED",
    Some(MAC),
    true
)]
#[case::incomplete("192.0.2.1 dev eth0 INCOMPLETE \n", "INCOMPLETE", None, true)]
fn reads_ip(
    #[case] text: &str,
    #[case] state: &str,
    #[case] mac: Option<&str>,
    #[case] incomplete: bool,
) {
    let entries = parse_neigh(text, ip("192.0.2.1")).expect("a table");
    let [entry] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!((entry.state, entry.mac.as_deref()), (Some(state), mac));
    assert_eq!(entry.is_incomplete(), incomplete);
    let facts = facts(&entries);
    assert_eq!(fact(&facts, "present"), json!(true));
    assert_eq!(fact(&facts, "incomplete"), json!(incomplete));
    assert_eq!(fact(&facts, "reachable"), json!(state == "REACHABLE"));
    assert_eq!(fact(&facts, "mac"), json!(mac));
    assert_eq!(fact(&facts, "interfaces"), json!(["eth0"]));
}

#[rstest]
#[case::none("", Some(0))]
#[case::another("192.0.2.10 dev eth0 FAILED\n", Some(0))]
#[case::two("192.0.2.1 dev eth0 FAILED\n192.0.2.1 dev br0 NOARP\n", Some(2))]
#[case::cut_off("192.0.2.1 dev eth0 lladdr 02:fc:00:00:00:05 STA", None)]
#[case::no_state("192.0.2.1 dev eth0 lladdr 02:fc:00:00:00:05\n", None)]
#[case::a_state_to_come("192.0.2.1 dev eth0 MELTING\n", None)]
#[case::odd_hardware("192.0.2.1 dev eth0 lladdr zz STALE\n", None)]
#[case::a_name("router dev eth0 STALE\n", None)]
#[case::usage("Usage: ip [ OPTIONS ]\n", None)]
#[case::json("[]\n", None)]
#[case::garbage("\u{fffd}\u{1b}[2J\n", None)]
fn counts_what_ip_tells(#[case] text: &str, #[case] count: Option<usize>) {
    let entries = parse_neigh(text, ip("192.0.2.1"));
    assert_eq!(entries.ok().map(|entries| entries.len()), count);
}

#[test]
fn one_address_of_ipv6_is_written_in_many_ways() {
    let text = "fd00:0:0::1 dev eth0 lladdr 02:fc:00:00:00:05 router REACHABLE\n";
    let entries = parse_neigh(text, ip("fd00::1")).expect("a table");
    assert_eq!(entries.len(), 1);
}

const PROC_TABLE: &str = "\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0
192.0.2.7        0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.8        0x1         0x6         02:fc:00:00:00:08     *        eth0
";

#[rstest]
#[case("192.0.2.1", Some((Some(MAC), false)))]
#[case("192.0.2.7", Some((None, true)))]
#[case("192.0.2.8", Some((Some("02:fc:00:00:00:08"), false)))]
#[case("192.0.2.9", None)]
fn reads_proc(#[case] address: &str, #[case] expected: Option<(Option<&str>, bool)>) {
    let entries = parse_proc(PROC_TABLE, ip(address)).expect("a table");
    let seen = entries
        .first()
        .map(|entry| (entry.mac.as_deref(), entry.is_incomplete()));
    assert_eq!(seen, expected);
    let facts = facts(&entries);
    assert_eq!(facts.get("state"), None, "not told");
    assert_eq!(facts.get("reachable"), None, "not told");
    assert_eq!(facts.get("incomplete").is_some(), expected.is_some());
}

#[rstest]
#[case::silence("")]
#[case::no_heading("192.0.2.1 0x1 0x2 02:fc:00:00:00:05 * eth0\n")]
#[case::cut_off("IP address       HW type     Fl")]
#[case::cut_off_later("IP address HW type\n192.0.2.1 0x1 0x2 02:fc\n")]
#[case::odd_flags("IP address HW type\n192.0.2.1 0x1 two 02:fc:00:00:00:05 * eth0\n")]
#[case::odd_hardware("IP address HW type\n192.0.2.1 0x1 0x2 zz * eth0\n")]
fn what_is_no_table_is_a_fault(#[case] text: &str) {
    assert!(parse_proc(text, ip("192.0.2.1")).is_err());
}

/// As macOS prints them.
const ARP_TABLE: &str = "\
? (192.0.2.1) at 2:fc:0:0:0:5 on en0 ifscope [ethernet]
? (192.0.2.7) at (incomplete) on en0 ifscope [ethernet]
? (224.0.0.251) at 1:0:5e:0:0:fb on en0 ifscope permanent [ethernet]
";

#[rstest]
#[case("192.0.2.1", Some((Some(MAC), false)))]
#[case("192.0.2.7", Some((None, true)))]
#[case("192.0.2.9", None)]
fn reads_arp(#[case] address: &str, #[case] expected: Option<(Option<&str>, bool)>) {
    let entries = parse_arp(ARP_TABLE, ip(address)).expect("a table");
    let seen = entries
        .first()
        .map(|entry| (entry.mac.as_deref(), entry.is_incomplete()));
    assert_eq!(seen, expected);
    assert!(parse_arp("? (192.0.2.1) at\n", ip(address)).is_err());
    assert!(parse_arp("? (192.0.2.1) at zz on en0\n", ip("192.0.2.1")).is_err());
}

#[test]
fn interfaces_that_differ_are_not_taken_for_one() {
    let text = "192.0.2.1 dev eth0 FAILED\n192.0.2.1 dev br0 lladdr 02:fc:00:00:00:05 REACHABLE\n";
    let facts = facts(&parse_neigh(text, ip("192.0.2.1")).expect("a table"));
    assert_eq!(fact(&facts, "incomplete"), json!(true));
    assert_eq!(fact(&facts, "interfaces"), json!(["br0", "eth0"]));
    for name in ["state", "reachable", "mac"] {
        assert_eq!(facts.get(name), None, "{name}");
    }
}

/// Looks from a host that answers from a script; tells what it was asked.
async fn look(
    options: serde_json::Value,
    respond: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> (Result<Facts, Fault>, Vec<String>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = asked.clone();
    let mut stage = stage(move |command| {
        told.lock().expect("the lock").push(command.to_owned());
        respond(command)
    })
    .await;
    stage.context.target.via = stage.context.target.host.take();
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    let seen = run(&kind::<Arp>(options), &stage.context).await;
    let asked = asked.lock().expect("the lock").clone();
    (seen, asked)
}

#[tokio::test]
async fn looks_from_the_host_that_it_goes_via() {
    let (seen, asked) = look(json!({"address": "192.0.2.1", "interface": "eth0"}), |_| {
        Answer::ok("192.0.2.1 dev eth0 lladdr 02:fc:00:00:00:05 STALE\n192.0.2.1 dev br0 FAILED\n")
    })
    .await;
    let facts = seen.expect("facts");
    assert_eq!(asked, ["ip neigh show to 192.0.2.1"]);
    assert_eq!(fact(&facts, "state"), json!("STALE"));
    assert_eq!(fact(&facts, "incomplete"), json!(false));
}

#[tokio::test]
async fn without_an_entry_nothing_else_is_known() {
    let (seen, _) = look(json!({"address": "192.0.2.1"}), |_| Answer::ok("")).await;
    let facts = seen.expect("facts");
    assert_eq!(fact(&facts, "present"), json!(false));
    assert_eq!(facts.iter().count(), 1);
}

#[tokio::test]
async fn a_host_without_ip_has_its_kernels_table() {
    let (seen, asked) = look(json!({"address": "192.0.2.7"}), |command| {
        if command.starts_with("ip") {
            Answer::fails(127, "timeout: failed to run command 'ip'")
        } else {
            Answer::ok(PROC_TABLE)
        }
    })
    .await;
    assert_eq!(fact(&seen.expect("facts"), "incomplete"), json!(true));
    assert_eq!(asked, ["ip neigh show to 192.0.2.7", "cat /proc/net/arp"]);
}

#[rstest]
#[case::no_table(
    "192.0.2.1",
    Answer::fails(127, "no"),
    Answer::fails(1, "cat: /proc/net/arp: No such file or directory"),
    FaultKind::Missing
)]
#[case::hidden(
    "192.0.2.1",
    Answer::fails(127, "no"),
    Answer::fails(1, "cat: /proc/net/arp: Permission denied"),
    FaultKind::Denied
)]
#[case::no_ip_for_ipv6(
    "fd00::1",
    Answer::fails(127, "no"),
    Answer::ok(PROC_TABLE),
    FaultKind::Missing
)]
#[case::no_netlink(
    "192.0.2.1",
    Answer::fails(1, "Cannot open netlink socket: Operation not permitted"),
    Answer::Hang,
    FaultKind::Denied
)]
#[case::no_netlink_and_no_status("192.0.2.1", Answer::Exit { stdout: Vec::new(), stderr: b"Dump terminated".to_vec(), status: 0 }, Answer::Hang, FaultKind::Protocol)]
#[case::usage(
    "192.0.2.1",
    Answer::fails(255, "Object \"neigh\" is unknown"),
    Answer::Hang,
    FaultKind::Protocol
)]
#[case::garbage(
    "192.0.2.1",
    Answer::ok("\u{fffd}\n"),
    Answer::Hang,
    FaultKind::Protocol
)]
#[case::endless("192.0.2.1", Answer::Endless, Answer::Hang, FaultKind::Protocol)]
#[case::hangs("192.0.2.1", Answer::Hang, Answer::Hang, FaultKind::TimedOut)]
#[case::cut_off("192.0.2.1", Answer::Cut { stdout: Vec::new() }, Answer::Hang, FaultKind::Closed)]
#[tokio::test]
async fn what_cannot_be_told_is_a_fault(
    #[case] address: &str,
    #[case] first: Answer,
    #[case] second: Answer,
    #[case] kind_of: FaultKind,
) {
    let (seen, _) = look(json!({"address": address}), move |command| {
        if command.starts_with("ip") {
            first.clone()
        } else {
            second.clone()
        }
    })
    .await;
    let fault = seen.expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
}

#[rstest]
#[case::nothing(json!({}), None, "")]
#[case::a_name(json!({"address": "db.example"}), None, "address")]
#[case::a_zone(json!({"address": "fe80::1%eth0"}), None, "address")]
#[case::loopback(json!({"address": "127.0.0.1"}), None, "address")]
#[case::loopback6(json!({"address": "[::1]"}), Some("a"), "address")]
#[case::anybody(json!({"address": "0.0.0.0"}), None, "address")]
#[case::many(json!({"address": "224.0.0.251"}), None, "address")]
#[case::an_interface(json!({"address": "192.0.2.1", "interface": "eth 0"}), None, "interface")]
fn refuses_what_cannot_be_meant(
    #[case] options: serde_json::Value,
    #[case] on: Option<&str>,
    #[case] path: &str,
) {
    let problems = Kind::problems(&kind::<Arp>(options), &target(on, None), &Policy::default());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].path.join("."), path);
}

#[test]
fn no_host_is_its_own_neighbour() {
    // The targets of these tests share one address.
    let arp = kind::<Arp>(json!({}));
    let problems = Kind::problems(&arp, &target(Some("a"), Some("a")), &Policy::default());
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[rstest]
#[case::here(None, "local-exec", "this machine")]
#[case::there(Some("ops110"), "ssh-exec", "ops110")]
fn tells_where_it_looks(#[case] via: Option<&str>, #[case] protocol: &str, #[case] place: &str) {
    let arp = kind::<Arp>(json!({"address": "192.0.2.8"}));
    let target = target(Some("data188"), via);
    assert!(Kind::problems(&arp, &target, &Policy::default()).is_empty());
    let requests = Kind::requests(&arp, &target, &Policy::default());
    assert!(requests.iter().all(|request| request.protocol == protocol));
    assert!(requests[0].text.ends_with("ip neigh show to 192.0.2.8"));
    let goal = format!("the entry of 192.0.2.8 in the neighbour table of {place}");
    assert_eq!(Kind::goal(&arp, &target), goal);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn looks_at_this_machine_and_says_so() {
    let (context, audit) = context(&[]);
    let arp = kind::<Arp>(json!({"address": "198.51.100.77"}));
    let facts = run(&arp, &context).await.expect("facts");
    assert_eq!(fact(&facts, "present"), json!(false), "nobody asks for it");
    assert_eq!(audit.sent(), ["local-exec ip neigh show to 198.51.100.77"]);
}
