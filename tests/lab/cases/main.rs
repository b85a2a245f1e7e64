//! The real program and the shipped baseline against the four hosts of the lab.
//!
//! Wants a lab that is up: `tests/lab/lab up && cargo test --test lab`. Plain
//! `cargo test` leaves this target out; `tests/run.sh` boots the lab and runs it.

mod card;
mod hosts;
mod postgres;
mod read_only;
mod redis;
mod services;
mod ssh;
mod stage;
mod story;
mod tree;
mod watching;
mod web;
mod witness;

use insta::assert_snapshot;
use serde_json::Value;

use stage::{Lab, Run, Sent};

/// The baseline as it is shipped.
const FULL_STACK: &str = "baselines/full-stack-cold-start.yml";

fn check(lab: &Lab, more: &[&str]) -> Run {
    let mut arguments = vec!["check", "--baseline", FULL_STACK];
    arguments.extend(more);
    lab.coldstart(&arguments)
}

/// What kinds say that they ask only where there is no systemd, no `ip`, no `ss`,
/// where UDP has no room, where a cluster is old or not for us to see, and where a
/// namespace is empty: nowhere in this lab.
const ELSEWHERE: [&str; 12] = [
    "(only where that node is back)",
    "pgrep -x 'cron|crond'",
    "cat /proc/net/arp",
    "grep -h -E 'local_address|",
    "head -c 6 /proc/self/exe",
    "the same by TCP where the answer is truncated",
    "(only where the list of all namespaces is denied)",
    "(only where that is denied)",
    "(only where nothing there is of ",
    "(only where a cron job tells of no last success)",
    "(only where a pod is on a node that is lost by what was listed before)",
    "(only where the cluster has no endpoint slices, or they are denied)",
];

/// The baseline's plan.
fn plan(lab: &Lab) -> Vec<Value> {
    let plan = lab
        .coldstart(&["plan", "--baseline", FULL_STACK, "--json"])
        .json();
    plan["phases"].as_array().expect("phases").clone()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn checks(phase: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let checks = phase["checks"].as_array().expect("checks").iter();
    checks.map(|check| (check["id"].as_str().expect("an id"), check))
}

#[test]
fn all_up_is_green() {
    let lab = Lab::take();
    let before = lab.alerts();
    let run = check(&lab, &["--send-alert-test"]);
    assert_eq!(run.status, Some(0), "{run}");
    assert_eq!(run.stderr, "", "a run that is not watched is silent");
    assert_snapshot!(card::text(&run.stdout));
    assert_eq!(lab.alerts(), before + 1, "by the webhook's own log");
}

/// §13.2: nobody is to take the alert chain for proven by a run that sent no alert.
#[test]
fn without_a_test_alert_all_up_is_degraded() {
    let lab = Lab::take();
    let before = lab.alerts();
    let (run, audit) = lab.audited(|file| check(&lab, &["--audit", file]));
    assert_eq!(run.status, Some(1), "{run}");
    assert_snapshot!(card::text(&run.stdout));
    assert_eq!(lab.alerts(), before, "by the webhook's own log");
    assert!(audit.iter().all(|line| !line.sent.contains("POST")));
    assert!(audit.iter().all(|line| line.check != "alert-chain"));
}

#[test]
fn ten_runs_are_one_card() {
    let lab = Lab::take();
    let first = check(&lab, &["--json", "--send-alert-test"]);
    assert_eq!(first.status, Some(0), "{first}");
    let expected = card::json(first.json());
    assert_snapshot!(expected);
    for number in 2..=10 {
        let run = check(&lab, &["--json", "--send-alert-test"]);
        assert_eq!(run.status, Some(0), "run {number}: {run}");
        // Line by line: two whole cards in a message would be read by nobody.
        let card = card::json(run.json());
        for (line, expected) in card.lines().zip(expected.lines()) {
            assert_eq!(line, expected, "run {number}");
        }
        assert_eq!(card.len(), expected.len(), "run {number}");
    }
}

#[test]
fn an_unplugged_host_is_the_one_root() {
    let lab = Lab::take();
    let _cable = lab.fault(&["unplug", "k3s120"], &["plug", "k3s120"]);
    let heard = lab.heard();
    let (run, audit) = lab.audited(|file| check(&lab, &["--audit", file]));
    assert_eq!(run.status, Some(2), "{run}");
    assert_snapshot!(card::text(&run.stdout));

    // Nothing behind the gate was sent a byte: by our own account, and by theirs.
    let phases = plan(&lab);
    let gate: Vec<&str> = checks(&phases[0]).map(|(id, _)| id).collect();
    assert_eq!(phases[0]["id"], "P0-NETWORK");
    assert!(!audit.is_empty());
    for line in &audit {
        assert!(gate.contains(&line.check.as_str()), "{line:?}");
    }
    assert_eq!(lab.heard(), heard, "the servers' own logs");
}

#[test]
fn an_unplugged_host_is_tried_once_also_when_everything_is_looked_at() {
    let lab = Lab::take();
    let _cable = lab.fault(&["unplug", "k3s120"], &["plug", "k3s120"]);
    let (run, audit) = lab.audited(|file| check(&lab, &["--keep-going", "--audit", file]));
    assert_eq!(run.status, Some(2), "{run}");
    assert_snapshot!(card::text(&run.stdout));

    let tries: Vec<&str> = audit
        .iter()
        .filter(|line| line.target == "k3s120")
        .map(|line| line.sent.as_str())
        .collect();
    assert_eq!(tries, ["connect wooo@192.168.0.120:22"]);
}

#[test]
fn a_stopped_postgresql_holds_k3s() {
    let lab = Lab::take();
    let _stopped = lab.fault(
        &["stop", "data188", "postgresql@14-main"],
        &["start", "data188", "postgresql@14-main"],
    );
    let run = check(&lab, &[]);
    assert_eq!(run.status, Some(2), "{run}");
    assert_snapshot!(card::text(&run.stdout));
}

#[test]
fn a_changed_host_key_is_hopeless_and_names_its_line() {
    let lab = Lab::take();
    let _intruder = lab.fault(&["newkey", "ops110"], &["oldkey", "ops110"]);
    let known = lab.known_fingerprint("192.168.0.110");
    let shown = lab.host_fingerprint("ops110");
    let (run, audit) = lab.audited(|file| check(&lab, &["--audit", file]));
    assert_eq!(run.status, Some(2), "{run}");
    let text = card::text(&run.stdout)
        .replace(&known, "[the key in known_hosts]")
        .replace(&shown, "[the key that is shown]");
    assert_snapshot!(text);

    let tries = audit.iter().filter(|line| line.target == "ops110").count();
    assert_eq!(tries, 1, "hopeless is not tried again: {audit:?}");
}

#[test]
fn the_plan_is_what_is_sent() {
    let lab = Lab::take();
    let (run, audit) = lab.audited(|file| check(&lab, &["--send-alert-test", "--audit", file]));
    assert_eq!(run.status, Some(0), "{run}");
    for (id, check) in plan(&lab).iter().flat_map(checks) {
        for request in check["requests"].as_array().expect("requests") {
            let (mut protocol, mut text) = (text(&request["protocol"]), text(&request["text"]));
            if ELSEWHERE.iter().any(|words| text.contains(words)) {
                continue;
            }
            // Through a host it is that host that connects.
            if protocol == "tcp" && !check["via"].is_null() {
                protocol = "ssh".to_owned();
                text = text.replace("connect", "direct-tcpip");
            }
            // The plan is the same on every machine; this one has one resolver.
            text = text.replace("each server of /etc/resolv.conf", "192.168.0.1:53");
            // The plan names the host, the audit where its SSH settings lead.
            let login = protocol == "ssh" && text.starts_with("connect ");
            // So it does with a list of the cluster, and with the host's clock at that of nodes.
            let of_cluster = text.contains(" kubectl get ") || text.ends_with(" date '+%s %z'");
            let shared = protocol == "ssh-exec" && of_cluster;
            // Which containers there are is not known before, nor which files.
            let listed = text.strip_suffix(" IDS").or(text.strip_suffix("EACH"));
            // Whichever check comes first makes the connection that all of a host share.
            let sent = |line: &Sent| {
                // Which id a test will have is not known before.
                let test = text.strip_suffix("(alert test)");
                let is_test = test.is_some_and(|line_of| line.sent.starts_with(line_of));
                let is_asked = listed.is_some_and(|start| line.sent.starts_with(start));
                let same = line.sent == text || is_test || is_asked;
                let ours = shared || line.check == id;
                line.protocol == protocol
                    && (login && line.sent.starts_with("connect ") || ours && same)
            };
            assert!(audit.iter().any(sent), "{id}: {request}");
        }
    }
}
