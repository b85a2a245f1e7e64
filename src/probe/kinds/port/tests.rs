use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{self, fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

/// As iproute2 6.1 prints it to root.
const HEADING: &str = "State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess\n";
/// As Linux prints them.
const TCP4: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const LITTLE: &[u8] = b"\x7fELF\x02\x01";
const BIG: &[u8] = b"\x7fELF\x01\x02";

fn told(listeners: &[Listener]) -> Vec<(Option<&str>, Option<Vec<&str>>)> {
    listeners
        .iter()
        .map(|listener| {
            let processes = listener.processes.as_ref();
            (
                listener.address.as_deref(),
                processes.map(|names| names.iter().map(String::as_str).collect()),
            )
        })
        .collect()
}

#[rstest]
#[case::root(
    "LISTEN 0      511        127.0.0.1:6379      0.0.0.0:*    users:((\"redis-server\",pid=20823,fd=6))",
    "127.0.0.1", Some(vec!["redis-server"])
)]
#[case::several(
    "LISTEN 0 511 [::]:6379 [::]:* users:((\"nginx\",pid=8,fd=6),(\"tmux: server\",pid=7,fd=6))",
    "::", Some(vec!["nginx", "tmux: server"])
)]
#[case::somebody_else(
    "LISTEN 0      128    0.0.0.0:6379  0.0.0.0:*          ",
    "0.0.0.0",
    None
)]
#[case::both_families("LISTEN 0 128 *:6379 *:*", "*", None)]
#[case::old("LISTEN 0 128 :::6379 :::* users:((\"sshd\",1234,3))", "::", Some(vec!["sshd"]))]
#[case::an_interface("UNCONN 0 0 127.0.0.53%lo:6379 0.0.0.0:*", "127.0.0.53%lo", None)]
#[case::link_local("UNCONN 0 0 [fe80::1]%eth0:6379 [::]:*", "fe80::1%eth0", None)]
#[case::odd_name("LISTEN 0 5 *:6379 *:* users:((\"a) (b\",pid=1,fd=1))", "*", Some(vec!["a) (b"]))]
#[case::unended("LISTEN 0 5 *:6379 *:* users:((\"ngin", "*", None)]
fn reads_ss(#[case] line: &str, #[case] address: &str, #[case] names: Option<Vec<&str>>) {
    let listeners = parse_ss(&format!("{HEADING}{line}\n"), 6379).expect("a table");
    assert_eq!(told(&listeners), [(Some(address), names)]);
}

#[rstest]
#[case::nothing(HEADING.to_owned(), Some(0))]
#[case::another_port(format!("{HEADING}LISTEN 0 128 *:16379 *:*\n"), Some(0))]
#[case::silence(String::new(), None)]
#[case::no_heading("LISTEN 0 128 *:6379 *:*\n".to_owned(), None)]
#[case::usage("Usage: ss [ OPTIONS ]\n".to_owned(), None)]
#[case::cut_off(format!("{HEADING}LISTEN 0 128 *:63"), None)]
#[case::no_number(format!("{HEADING}LISTEN 0 128 *:redis *:*\n"), None)]
#[case::connected(format!("{HEADING}ESTAB 0 128 1.2.3.4:6379 1.2.3.5:7\n"), None)]
#[case::garbage(format!("{HEADING}\u{fffd}\u{1b}[2J\n"), None)]
fn counts_what_ss_tells(#[case] text: String, #[case] count: Option<usize>) {
    assert_eq!(
        parse_ss(&text, 6379).ok().map(|listeners| listeners.len()),
        count
    );
}

#[rstest]
#[case::loopback("0100007F", Some(true), Some("127.0.0.1"))]
#[case::loopback_big("7F000001", Some(false), Some("127.0.0.1"))]
#[case::unknown_order("0100007F", None, None)]
#[case::any_in_any_order("00000000", None, Some("0.0.0.0"))]
#[case::any6("00000000000000000000000000000000", None, Some("::"))]
#[case::loopback6("00000000000000000000000001000000", Some(true), Some("::1"))]
#[case::loopback6_big("00000000000000000000000000000001", Some(false), Some("::1"))]
#[case::mapped(
    "0000000000000000FFFF00000100007F",
    Some(true),
    Some("::ffff:127.0.0.1")
)]
fn reads_proc(#[case] digits: &str, #[case] order: Option<bool>, #[case] address: Option<&str>) {
    let text = format!(
        "{TCP4}{TCP6}   0: {digits}:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1\n"
    );
    let listeners = parse_proc(&text, 6379, "0A", order).expect("a table");
    assert_eq!(told(&listeners), [(address, None)]);
}

#[rstest]
#[case::nothing(TCP4.to_owned(), Some(0))]
#[case::ipv6_alone(TCP6.to_owned(), None)]
#[case::silence(String::new(), None)]
#[case::a_connection(format!("{TCP4} 0: 0100007F:18EB 0100007F:1 01 0\n"), Some(0))]
#[case::an_odd_address(format!("{TCP4} 0: 01007F:18EB 00000000:0000 0A 0\n"), None)]
#[case::no_digits(format!("{TCP4} 0: 0100007é:18EB 00000000:0000 0A 0\n"), None)]
#[case::cut_off(format!("{TCP4} 0: 0100007F:18"), None)]
fn counts_what_proc_tells(#[case] text: String, #[case] count: Option<usize>) {
    assert_eq!(
        parse_proc(&text, 6379, "0A", Some(true))
            .ok()
            .map(|listeners| listeners.len()),
        count
    );
}

#[rstest]
#[case(LITTLE, Some(true))]
#[case(BIG, Some(false))]
#[case(b"\x7fELF\x02", None)]
#[case(b"#!/bin", None)]
#[case(b"", None)]
fn tells_the_order_of_bytes(#[case] elf: &[u8], #[case] little: Option<bool>) {
    assert_eq!(is_little_endian(elf), little);
}

const NETSTAT: &str = "Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)
tcp4       0      0  127.0.0.1.5432         *.*                    LISTEN
tcp6       0      0  ::1.5432               *.*                    LISTEN
tcp46      0      0  *.8080                 *.*                    LISTEN
tcp4       0      0  192.168.0.5.5432       192.168.0.9.50123      ESTABLISHED
udp4       0      0  *.5353                 *.*
";

#[rstest]
#[case(5432, true, vec!["127.0.0.1", "::1"])]
#[case(8080, true, vec!["*"])]
#[case(5353, false, vec!["*"])]
#[case(5353, true, vec![])]
#[case(80, true, vec![])]
fn reads_netstat(#[case] port: u16, #[case] tcp: bool, #[case] addresses: Vec<&str>) {
    let listeners = parse_netstat(NETSTAT, port, tcp).expect("a table");
    let seen: Vec<&str> = listeners
        .iter()
        .filter_map(|listener| listener.address.as_deref())
        .collect();
    assert_eq!(seen, addresses);
    assert!(parse_netstat("", port, tcp).is_err());
    assert!(parse_netstat(&format!("{NETSTAT}tcp4 0\n"), port, tcp).is_err());
}

#[rstest]
#[case::loopback(&["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.0.53%lo"], true, false)]
#[case::any4(&["0.0.0.0"], false, true)]
#[case::any6_beside_loopback(&["::", "127.0.0.1"], false, true)]
#[case::both(&["*"], false, true)]
#[case::one_interface(&["0.0.0.0%eth0"], false, true)]
#[case::one_address(&["192.168.0.188"], false, false)]
#[case::no_address(&["melting"], false, false)]
fn tells_who_can_reach_it(#[case] at: &[&str], #[case] loopback: bool, #[case] any: bool) {
    let listeners: Vec<Listener> = at
        .iter()
        .map(|address| Listener {
            address: Some((*address).to_owned()),
            processes: None,
        })
        .collect();
    let facts = facts(&listeners);
    assert_eq!(fact(&facts, "loopback_only"), json!(loopback));
    assert_eq!(fact(&facts, "any_address"), json!(any));
}

async fn look(
    options: serde_json::Value,
    respond: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> Result<Facts, Fault> {
    let mut stage = stage(respond).await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    run(&kind::<Port>(options), &stage.context).await
}

#[tokio::test]
async fn tells_a_listener() {
    let facts = look(json!({"port": 6379}), |command| {
        assert_eq!(command, "ss -lntp 'sport = :6379'");
        Answer::ok(format!(
            "{HEADING}LISTEN 0 511 127.0.0.1:6379 0.0.0.0:* users:((\"redis-server\",pid=2,fd=6))\n\
             LISTEN 0 511 [::1]:6379 [::]:* users:((\"redis-server\",pid=2,fd=7))\n"
        ))
    })
    .await
    .expect("facts");
    for (name, value) in [
        ("listening", json!(true)),
        ("addresses", json!(["127.0.0.1", "::1"])),
        ("loopback_only", json!(true)),
        ("any_address", json!(false)),
        ("processes", json!(["redis-server"])),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
}

#[tokio::test]
async fn one_socket_without_a_name_leaves_the_names_out() {
    let facts = look(json!({"port": 6379}), |_| {
        Answer::ok(format!(
            "{HEADING}LISTEN 0 1 *:6379 *:* users:((\"mine\",pid=2,fd=6))\nLISTEN 0 1 0.0.0.0:6379 *:*\n"
        ))
    })
    .await
    .expect("facts");
    assert_eq!(facts.get("processes"), None);
    assert_eq!(fact(&facts, "addresses"), json!(["*", "0.0.0.0"]));
}

#[tokio::test]
async fn nothing_that_listens_is_a_fact_and_the_only_one() {
    let facts = look(json!({"port": 53, "protocol": "udp"}), |command| {
        assert_eq!(command, "ss -lnup 'sport = :53'");
        Answer::ok(HEADING)
    })
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "listening"), json!(false));
    assert_eq!(facts.iter().count(), 1);
}

fn without_ss(command: &str, grep: &Answer, head: &Answer) -> Answer {
    match command.split(' ').next() {
        Some("ss") => Answer::fails(127, "timeout: failed to run command 'ss'"),
        Some("grep") => grep.clone(),
        Some("head") => head.clone(),
        _ => Answer::fails(2, "unexpected"),
    }
}

#[rstest]
#[case::both(Answer::ok(format!(
    "{TCP4}   0: 0100007F:0050 00000000:0000 0A 0\n{TCP6}"
)), Answer::ok(LITTLE), json!(["127.0.0.1"]))]
#[case::no_ipv6(Answer::Exit {
    stdout: format!("{TCP4}   0: 00000000:0050 00000000:0000 0A 0\n").into_bytes(),
    stderr: b"grep: /proc/net/tcp6: No such file or directory\n".to_vec(),
    status: 2,
}, Answer::ok(LITTLE), json!(["0.0.0.0"]))]
#[case::an_order_not_told(Answer::ok(format!(
    "{TCP4}   0: 0100007F:0050 00000000:0000 0A 0\n{TCP6}"
)), Answer::fails(1, "head: /proc/self/exe: Permission denied"), json!(null))]
#[tokio::test]
async fn a_host_without_ss_has_its_kernels_tables(
    #[case] grep: Answer,
    #[case] head: Answer,
    #[case] addresses: serde_json::Value,
) {
    let facts = look(json!({"port": 80}), move |command| {
        without_ss(command, &grep, &head)
    })
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "listening"), json!(true));
    assert_eq!(fact(&facts, "addresses"), addresses);
    assert_eq!(facts.get("processes"), None);
}

#[rstest]
#[case::neither(
    127,
    "sh: ss: not found",
    Answer::fails(2, "grep: /proc/net/tcp: No such file or directory"),
    FaultKind::Missing
)]
#[case::no_grep(
    127,
    "sh: ss: not found",
    Answer::fails(127, "sh: grep: not found"),
    FaultKind::Missing
)]
#[case::hidden(
    127,
    "sh: ss: not found",
    Answer::fails(2, "grep: /proc/net/tcp: Permission denied"),
    FaultKind::Denied
)]
#[case::empty(127, "sh: ss: not found", Answer::fails(1, ""), FaultKind::Protocol)]
#[case::no_netlink(
    0,
    "Cannot open netlink socket: Permission denied",
    Answer::Hang,
    FaultKind::Denied
)]
#[case::a_filter_too_new(
    255,
    "ss: bison bellows (while parsing filter)",
    Answer::Hang,
    FaultKind::Protocol
)]
#[case::not_allowed(126, "sh: ss: Permission denied", Answer::Hang, FaultKind::Denied)]
#[tokio::test]
async fn what_cannot_be_told_is_a_fault(
    #[case] status: u32,
    #[case] complaint: &'static str,
    #[case] grep: Answer,
    #[case] kind_of: FaultKind,
) {
    let fault = look(json!({"port": 80}), move |command| {
        if command.starts_with("ss") {
            Answer::Exit {
                stdout: HEADING.into(),
                stderr: complaint.into(),
                status,
            }
        } else {
            without_ss(command, &grep, &Answer::ok(LITTLE))
        }
    })
    .await
    .expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
}

#[rstest]
#[case(Answer::Hang, FaultKind::TimedOut)]
#[case(Answer::Endless, FaultKind::Protocol)]
#[case(Answer::Cut { stdout: HEADING.into() }, FaultKind::Closed)]
#[case(Answer::ok("\u{fffd}"), FaultKind::Protocol)]
#[tokio::test]
async fn a_host_that_does_not_answer_is_a_fault(#[case] ss: Answer, #[case] kind_of: FaultKind) {
    let fault = look(json!({"port": 80}), move |_| ss.clone())
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
}

#[test]
fn nobody_listens_on_port_0() {
    let problems = Kind::problems(
        &kind::<Port>(json!({"port": 0})),
        &target(host(22)),
        &Policy::default(),
    );
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, ["port"]);
}

#[rstest]
#[case(json!({}))]
#[case(json!({"port": 70000}))]
#[case(json!({"port": 80, "protocol": "sctp"}))]
fn refuses_what_is_no_port(#[case] options: serde_json::Value) {
    assert!(serde_json::from_value::<Port>(options).is_err());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn both_ways_tell_the_same_of_this_machine() {
    let server = crate::servers::tcp::Server::hangs().await;
    let kind = kind::<Port>(json!({"port": server.address.port()}));
    let context = stage::local();
    let by_ss = run(&kind, &context).await.expect("facts");
    let missing = Fault::new(FaultKind::Missing, "there is no ss");
    let by_proc = kind.listeners_of_proc(&context, missing).await;
    let by_proc = facts(&by_proc.expect("a table"));
    for name in ["listening", "addresses", "loopback_only", "any_address"] {
        assert_eq!(fact(&by_ss, name), fact(&by_proc, name), "{name}");
    }
    assert_eq!(fact(&by_ss, "addresses"), json!(["127.0.0.1"]));
    assert!(fact(&by_ss, "processes")[0].is_string(), "its own process");
}
