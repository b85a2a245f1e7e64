//! Reachability on a network of its own: a neighbour that is not there, no
//! route at all, and ICMP sockets for everyone.
//!
//! Each test runs itself again inside of a new network namespace (Linux,
//! `unshare` and `ip`). Fails where that is not allowed;
//! `COLDSTART_TEST_NO_NAMESPACES=1` leaves the tests out on purpose.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::time::{Duration, Instant};

use coldstart::probe::{
    Audit, ConnectionKey, Context, Facts, Fault, FaultKind, Policy, Probe, Secrets, Target,
    Transports, Value, find,
};
use serde_json::{Value as Json, json};

const INSIDE: &str = "COLDSTART_TEST_INSIDE";
/// On the test's own link, with nobody behind it.
const ABSENT: &str = "10.91.0.2";
/// On no link at all.
const ELSEWHERE: &str = "10.92.0.1";

/// No test hangs; nothing is measured by it.
const HANG: Duration = Duration::from_secs(60);

/// True inside of the namespace; outside, runs the test there.
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if std::env::var_os("COLDSTART_TEST_NO_NAMESPACES").is_some_and(|value| value == "1") {
        return false;
    }
    let network = "ip link set lo up && ip link add link0 type veth peer name link1 && \
        ip addr add 10.91.0.1/24 dev link0 && ip link set link0 up && ip link set link1 up && \
        echo '0 0' > /proc/sys/net/ipv4/ping_group_range && exec \"$0\" --exact \"$1\" --nocapture";
    let program = std::env::current_exe().expect("this program");
    let output = Command::new("unshare")
        .args(["--net", "--map-root-user", "sh", "-c", network])
        .arg(program)
        .arg(test)
        .env(INSIDE, "1")
        .output()
        .expect("unshare (Debian: util-linux); COLDSTART_TEST_NO_NAMESPACES=1 leaves this out");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
    false
}

fn context(connect_timeout: u64) -> Context {
    let target = Target {
        host: None,
        via: None,
        also: Vec::new(),
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(connect_timeout),
    };
    Context {
        check: "a-check".to_owned(),
        attempt: 1,
        target,
        transports: Transports::new(Secrets::default(), Policy::default(), Audit::off()),
    }
}

async fn probe(context: &Context, kind: &str, options: Json) -> Result<Facts, Fault> {
    let probe: Box<dyn Probe> = (find(kind).expect("a kind").build)(options).expect("options");
    tokio::time::timeout(Duration::from_secs(60), probe.run(context))
        .await
        .expect("in time")
}

#[tokio::test]
async fn an_absent_neighbour_costs_one_timeout_for_all_its_checks() {
    if !inside("an_absent_neighbour_costs_one_timeout_for_all_its_checks") {
        return;
    }
    let context = context(20);
    let fault = probe(&context, "tcp", json!({"address": ABSENT, "port": 5432}))
        .await
        .expect_err("nobody there");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::Unreachable, "no route to host")
    );
    assert_eq!(fault.connection, Some(ConnectionKey::address(ABSENT)));
    assert!(fault.hopeless);
    // The rest do not try: all of them within less than one more timeout.
    let rest = async {
        for port in 1..100 {
            let again = probe(&context, "tcp", json!({"address": ABSENT, "port": port}))
                .await
                .expect_err("known");
            assert_eq!(again, fault);
        }
    };
    tokio::time::timeout(Duration::from_secs(2), rest)
        .await
        .expect("at once");
    let ping = probe(&context, "ping", json!({"address": ABSENT}))
        .await
        .expect_err("nobody there");
    assert_eq!(ping.connection, fault.connection, "the same cause");
}

/// The kernel gives a neighbour up after three lost answers, which on a bad cable is
/// no proof: everything that waited then ends at once, and is one opinion.
#[tokio::test]
async fn a_neighbour_that_answers_late_is_found() {
    if !inside("a_neighbour_that_answers_late_is_found") {
        return;
    }
    let mut host = Command::new("unshare")
        .args(["--net", "sleep", "120"])
        .spawn()
        .expect("a host");
    let pid = host.id().to_string();
    let comes_up = std::thread::spawn(move || {
        let given_up = || {
            let told = Command::new("ip").args(["neigh", "show", ABSENT]).output();
            told.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).contains("FAILED"))
        };
        let began = Instant::now();
        while !given_up() {
            assert!(
                began.elapsed() < HANG,
                "the kernel does not give {ABSENT} up"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let up = format!(
            "ip link set link1 netns {pid} && nsenter -t {pid} -n sh -c \
             'ip addr add {ABSENT}/24 dev link1 && ip link set link1 up'"
        );
        Command::new("sh").args(["-c", &up]).status()
    });
    let fault = probe(
        &context(20),
        "tcp",
        json!({"address": ABSENT, "port": 5432}),
    )
    .await
    .expect_err("nothing listens there");
    host.kill().expect("the host ends");
    host.wait().expect("the host has ended");
    assert!(
        comes_up
            .join()
            .expect("a thread")
            .is_ok_and(|up| up.success())
    );
    assert_eq!(fault.kind, FaultKind::Refused, "{}", fault.seen);
}

#[tokio::test]
async fn a_port_that_gives_up_early_does_not_condemn_its_host() {
    if !inside("a_port_that_gives_up_early_does_not_condemn_its_host") {
        return;
    }
    // Shorter than the neighbour's own timeout: all that is known is silence.
    let context = context(1);
    let fault = probe(&context, "tcp", json!({"address": ABSENT, "port": 5432}))
        .await
        .expect_err("silence");
    assert_eq!((fault.kind, fault.connection), (FaultKind::TimedOut, None));
    assert_eq!(
        fault.seen,
        format!("no answer from {ABSENT}:5432 in 1.0 s (1 attempt)")
    );
}

#[tokio::test]
async fn without_a_route_the_hint_is_about_this_machine() {
    if !inside("without_a_route_the_hint_is_about_this_machine") {
        return;
    }
    let context = context(20);
    let fault = probe(&context, "tcp", json!({"address": ELSEWHERE, "port": 22}))
        .await
        .expect_err("no route");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::Unreachable, "network is unreachable")
    );
    assert!(
        fault
            .hint
            .is_some_and(|hint| hint.contains("this machine itself has no route to 10.92.0.1"))
    );
    let ping = probe(&context, "ping", json!({"address": ELSEWHERE}))
        .await
        .expect_err("no route");
    assert_eq!(
        (ping.kind, ping.seen.as_str()),
        (FaultKind::Unreachable, "network is unreachable")
    );
}

#[tokio::test]
async fn a_missing_neighbour_is_never_taken_for_a_reply() {
    if !inside("a_missing_neighbour_is_never_taken_for_a_reply") {
        return;
    }
    let context = context(20);
    let fault = probe(&context, "ping", json!({"address": ABSENT}))
        .await
        .expect_err("nobody there");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::Unreachable, "no route to host")
    );
    assert_eq!(fault.connection, Some(ConnectionKey::address(ABSENT)));
    for address in ["127.0.0.1", "10.91.0.1", "::1"] {
        let facts = probe(
            &context,
            "ping",
            json!({"address": address, "interval_ms": 10}),
        )
        .await
        .expect(address);
        assert_eq!(
            facts.get("received"),
            Some(&Value::Number(3.0)),
            "{address}"
        );
        assert_eq!(
            facts.get("by"),
            Some(&Value::from("datagram socket")),
            "{address}"
        );
    }
}

/// What this machine knows by itself, its own ports and a name server that there
/// is no way to are no answer from beyond: with `--keep-going` they are all asked.
#[test]
fn the_own_network_is_named_whatever_this_machine_says_of_itself() {
    if !inside("the_own_network_is_named_whatever_this_machine_says_of_itself") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let baseline = folder.path().join("b.yml");
    let text = format!(
        "version: 1\nname: t\ndefaults: {{ connect_timeout: 2s, timeout: 2s, retry: {{ attempts: 1 }} }}\n\
         phases:\n  P0:\n    checks:\n      \
         known: {{ arp: {{ address: {ABSENT} }}, advisory: true }}\n      \
         own: {{ tcp: {{ address: 127.0.0.1, port: 1 }} }}\n      \
         names: {{ dns: {{ name: a.example, servers: [{ELSEWHERE}] }} }}\n      \
         one: {{ tcp: {{ address: {ABSENT}, port: 1 }} }}\n      \
         two: {{ tcp: {{ address: {ELSEWHERE}, port: 1 }} }}\n"
    );
    std::fs::write(&baseline, text).expect("a baseline");
    let output = Command::new(env!("CARGO_BIN_EXE_coldstart"))
        .args(["check", "--keep-going", "--json", "--state", "none", "-b"])
        .arg(&baseline)
        .env("HOME", folder.path())
        .output()
        .expect("the program");
    let card: Json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let network = &card["own_network"];
    assert_eq!(network["check"], "one", "{card:#}");
    let roots: Vec<&Json> = card["roots"].as_array().expect("roots").iter().collect();
    // The refused port of this machine is a fault of its own.
    let roots: Vec<&str> = roots
        .iter()
        .filter_map(|root| root["check"].as_str())
        .collect();
    assert!(
        roots.contains(&"one") && !roots.contains(&"two"),
        "{roots:?}"
    );
}
