//! Verdicts, gates and exit codes.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::desk::{Desk, by_id, checks};
use crate::servers::postgres::Trouble;
use crate::servers::redis::{self, Say};
use crate::servers::ssh::{self, Answer, Script, known_hosts_line};
use crate::servers::tcp::Held;
use crate::stack::{Stack, witness};

const STARTING: Trouble = Trouble::Login("57P03", "the database system is starting up");

#[tokio::test(flavor = "multi_thread")]
async fn all_up_is_green() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let ran = desk.check(&stack.baseline(), &[]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(ran.last(2), "PASS=7 WARN=0 BLOCKED=0\nResult: GREEN");
    assert_eq!(ran.stderr, "");
    insta::assert_snapshot!(ran.card());
    assert_eq!(
        [&stack.data188, &stack.ops110].map(|host| host.log.connections()),
        [1, 1],
        "one connection a host"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_behind_a_blocked_gate_is_sent_a_byte() {
    let desk = Desk::new();
    let mut stack = Stack::with(&desk, STARTING).await;
    stack.api = witness().await;
    let ran = desk.check(&stack.baseline(), &["--audit", "audit"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(
        ran.last(3),
        "NOT_EVALUATED=2\nPASS=4 WARN=0 BLOCKED=1\nResult: BLOCKED at P1-DATA (fix postgres first)"
    );
    insta::assert_snapshot!(ran.card());
    assert_eq!(stack.api.received(), "", "the API was not connected to");
    let commands = stack.ops110.log.lines();
    assert!(
        !commands.iter().any(|line| line.contains("systemctl")),
        "{commands:#?}"
    );
    // The branch beside it went on, and the blocked phase was looked at whole.
    assert!(commands.iter().any(|line| line.contains("findmnt")));
    assert!(stack.redis.received().starts_with("PING\n"));
    for entry in desk.audited("audit") {
        assert!(
            !["api", "cron@ops110"].contains(&entry.check.as_str()),
            "{entry:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_going_looks_behind_the_gate_and_opens_nothing() {
    let desk = Desk::new();
    let stack = Stack::with(&desk, STARTING).await;
    let ran = desk.check(&stack.baseline(), &["--keep-going"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(
        ran.last(2),
        "PASS=6 WARN=0 BLOCKED=1\nResult: BLOCKED at P1-DATA (fix postgres first)"
    );
    insta::assert_snapshot!(ran.card());
    assert!(stack.api.received().starts_with("GET /json "));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmet_preference_is_degraded() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let baseline = stack
        .baseline()
        .replace("json.queue < 10", "json.queue < 3");
    let ran = desk.check(&baseline, &[]).await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert_eq!(ran.last(2), "PASS=6 WARN=1 BLOCKED=0\nResult: DEGRADED");
    insta::assert_snapshot!(ran.card());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_host_is_one_cause() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let off = Held::new();
    let baseline = stack
        .baseline()
        .replace(
            &format!("port: {} }}", stack.ops110.address.port()),
            &format!("port: {} }}, connect_timeout: 100ms", off.port()),
        )
        .replace("        ssh: {}\n", "        ssh: {}\n      clock: { title: root is writable, on: all, command: { run: findmnt -n / } }\n");
    let ran = desk.check(&baseline, &["--keep-going", "--json"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let card = ran.json();
    assert_eq!(card["first_blocked"]["check"], "ssh@ops110");
    assert_eq!(card["roots"].as_array().map(Vec::len), Some(1), "{ran:#?}");
    let causes = by_id(&card, "cause");
    for id in ["clock@ops110", "cron@ops110", "rootfs@ops110"] {
        assert!(causes.contains(&format!("{id} ssh@ops110")), "{causes:#?}");
    }
    assert_eq!(stack.ops110.log.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_runs_what_it_names_and_needs() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let ran = desk
        .check(&stack.baseline(), &["--only", "postgres", "--json"])
        .await;
    assert_eq!(
        by_id(&ran.json(), "verdict"),
        [
            "ssh@data188 PASS",
            "ssh@ops110 PASS",
            "postgres PASS",
            "redis@data188 SKIPPED",
            "api SKIPPED",
            "cron@ops110 SKIPPED",
            "rootfs@ops110 SKIPPED",
        ]
    );
    assert_eq!(stack.redis.received(), "");
    assert_eq!(stack.api.received(), "");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn skip_leaves_out_a_check_and_a_phase() {
    let desk = Desk::new();
    let stack = Stack::with(&desk, STARTING).await;
    let ran = desk
        .check(
            &stack.baseline(),
            &["--skip", "postgres", "--skip", "P2-SIDE"],
        )
        .await;
    insta::assert_snapshot!(ran.card());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(stack.postgres.received(), "");
    let commands = stack.ops110.log.lines();
    assert!(
        !commands.iter().any(|line| line.contains("findmnt")),
        "{commands:#?}"
    );
}

/// A baseline of one host whose checks would be tried five times.
fn one_host(port: u16) -> String {
    format!(
        "\
version: 1
name: one-host
hosts:
  data188: {{ address: 127.0.0.1, ssh: {{ user: ollama, port: {port} }} }}
defaults: {{ timeout: 30s, connect_timeout: 30s, retry: {{ attempts: 5, delay: 1ms }} }}
phases:
  P0: {{ checks: {{ ssh: {{ title: SSH opens, on: all, ssh: {{}} }} }} }}
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intruders_host_key_is_tried_once() {
    let desk = Desk::new();
    let script = Script::new(desk.home.key.public_key(), |_| Answer::ok(""));
    let host = ssh::Server::start(script).await;
    let line = known_hosts_line(host.address.port(), ssh::new_key().public_key());
    desk.home.write("known_hosts", &line);
    let ran = desk
        .check(&one_host(host.address.port()), &["--json"])
        .await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let card = ran.json();
    let [check] = checks(&card)[..] else {
        panic!("{card:#}");
    };
    assert_eq!(check["attempts"], 1, "{check:#}");
    assert_eq!(check["fault"]["hopeless"], true, "{check:#}");
    let told = check["fault"].to_string();
    assert!(told.contains("known_hosts"), "{told}");
    assert_eq!(host.log.connections(), 1);
    assert_eq!(host.log.logins(), 0, "no key was shown to the intruder");
    assert!(host.log.lines().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_login_is_tried_once() {
    let desk = Desk::new();
    let stranger = ssh::new_key();
    let script = Script::new(stranger.public_key(), |_| Answer::ok(""));
    let host = ssh::Server::start(script).await;
    desk.home.trust(&[&host]);
    let ran = desk
        .check(&one_host(host.address.port()), &["--json"])
        .await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let card = ran.json();
    let [check] = checks(&card)[..] else {
        panic!("{card:#}");
    };
    assert_eq!(check["fault"]["kind"], "denied", "{check:#}");
    assert_eq!(check["attempts"], 1, "{check:#}");
    assert_eq!(host.log.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_trouble_is_tried_again() {
    let desk = Desk::new();
    let asked = AtomicUsize::new(0);
    let port = Held::new();
    let number = port.port();
    let redis = redis::on(port.listen(), move |command| {
        if command == "PING" && asked.fetch_add(1, Ordering::SeqCst) < 2 {
            Say::Bytes("-LOADING Redis is loading the dataset in memory\r\n")
        } else {
            Say::Usual
        }
    });
    let baseline = format!(
        "\
version: 1
name: loading
defaults: {{ timeout: 30s, connect_timeout: 30s, retry: {{ attempts: 5, delay: 1ms }} }}
phases:
  P0: {{ checks: {{ redis: {{ redis: {{ address: 127.0.0.1, port: {number} }} }} }} }}
"
    );
    let ran = desk.check(&baseline, &["--json"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(checks(&ran.json())[0]["attempts"], 3);
    assert_eq!(redis.received(), "PING\nINFO\n".repeat(3));
}
