//! Test alerts: who sends them, and how often.

use std::sync::Mutex;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::engine::AlertTest;
use crate::probe::{SshEnvironment, find as kind_of};
use crate::scorecard::{Gate, RunResult};
use crate::servers::tcp::Server;

/// A webhook that gives each request the same answer.
async fn webhook(answer: &'static str) -> Server {
    Server::start(
        move |mut stream, received: Arc<Mutex<Vec<u8>>>| async move {
            let mut buffer = [0; 16 * 1024];
            if let Ok(read @ 1..) = stream.read(&mut buffer).await {
                received
                    .lock()
                    .expect("the lock")
                    .extend_from_slice(&buffer[..read]);
                drop(stream.write_all(answer.as_bytes()).await);
                drop(stream.shutdown().await);
            }
        },
    )
    .await
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n";

/// Phase `A` with a scripted check, and behind it `B` with a test alert to `server`
/// that is tried three times and looked into when it fails.
fn with_a_test(server: &Server, first: Act) -> Arc<Plan> {
    let chain = check("chain", [Act::Pass])
        .attempts(3)
        .diagnosed([Act::Pass], 1);
    let (plan, _) = plan(vec![
        ("A", &[], vec![check("a", [first])]),
        ("B", &["A"], vec![check("b", [Act::Pass]), chain]),
    ]);
    let mut plan = Arc::into_inner(plan).expect("nobody else has it");
    let kind = kind_of("alert_test").expect("the kind");
    let url = format!("http://{}/hook", server.address);
    let chain = plan.checks.last_mut().expect("a check");
    chain.kind = kind.name;
    chain.probe = (kind.build)(json!({ "url": url })).expect("options");
    chain.retry.delay = Duration::from_millis(1);
    chain.target.timeout = Duration::from_secs(20);
    chain.target.connect_timeout = Duration::from_secs(20);
    chain.expectations = vec![
        Expectation::compile(Level::Require, "accepted", kind.facts).expect("well-formed"),
        // Without a test, nobody could tell: that is no reason to block.
        Expectation::compile(Level::Require, "answer_ms < 60000", kind.facts).expect("well-formed"),
    ];
    Arc::new(plan)
}

async fn card(plan: &Arc<Plan>, alert_test: AlertTest, keep_going: bool) -> Scorecard {
    let options = Options {
        alert_test,
        keep_going,
        ..Options::default()
    };
    let transports = Transports::with_ssh(
        Secrets::default(),
        Policy::default(),
        Audit::off(),
        SshEnvironment::default(),
        || jiff::Timestamp::UNIX_EPOCH,
    );
    let left_out = vec![None; plan.checks.len()];
    let mut unheard = |_: &Event| {};
    let run = run(
        plan,
        &left_out,
        &transports,
        &options,
        never(),
        &mut unheard,
    );
    tokio::time::timeout(Duration::from_secs(60), run)
        .await
        .expect("an end")
}

#[tokio::test]
async fn without_leave_it_is_a_warning_and_nothing_is_sent() {
    let server = webhook(TAKEN).await;
    let plan = with_a_test(&server, Act::Pass);
    let card = card(&plan, AlertTest::Unproven, false).await;
    let chain = find(&card, "chain");
    assert_eq!(chain.verdict, Verdict::Warn);
    assert_eq!(card.result, RunResult::Degraded);
    let [finding] = chain.findings.as_slice() else {
        panic!("{:?}", chain.findings);
    };
    assert_eq!(
        finding.seen,
        "the alert chain is unproven, nothing was sent: `--send-alert-test` sends a test"
    );
    assert_eq!(chain.attempts, 1);
    assert!(chain.diagnosis.is_empty(), "there is nothing to look into");
    assert_eq!(server.received(), "");
}

#[tokio::test]
async fn told_to_send_it_sends_once() {
    let server = webhook(TAKEN).await;
    let plan = with_a_test(&server, Act::Pass);
    let card = card(&plan, AlertTest::Send, false).await;
    assert_eq!(find(&card, "chain").verdict, Verdict::Pass);
    assert_eq!(card.result, RunResult::Green);
    assert_eq!(server.received().matches("POST /hook ").count(), 1);
}

#[tokio::test]
async fn what_the_webhook_refuses_is_blocked_and_not_sent_again() {
    let server = webhook(BROKEN).await;
    let plan = with_a_test(&server, Act::Pass);
    let card = card(&plan, AlertTest::Send, false).await;
    let chain = find(&card, "chain");
    assert_eq!((chain.verdict, chain.attempts), (Verdict::Blocked, 1));
    assert!(!chain.diagnosis.is_empty(), "this is a failure");
    assert_eq!(server.received().matches("POST ").count(), 1);
}

#[tokio::test]
async fn a_monitor_leaves_it_out_and_is_green() {
    let server = webhook(TAKEN).await;
    let plan = with_a_test(&server, Act::Pass);
    let why = "a monitor sends no test alert".to_owned();
    let card = card(&plan, AlertTest::Skip(why.clone()), false).await;
    let chain = find(&card, "chain");
    assert_eq!(chain.verdict, Verdict::Skipped);
    assert_eq!(chain.skipped.as_ref(), Some(&why));
    assert_eq!(card.phases[1].gate, Gate::Green);
    assert_eq!(card.result, RunResult::Green);
    assert_eq!(server.received(), "");
}

#[tokio::test]
async fn behind_a_blocked_gate_nothing_is_sent() {
    let server = webhook(TAKEN).await;
    let plan = with_a_test(&server, Act::Shut);
    let card = card(&plan, AlertTest::Send, false).await;
    assert_eq!(find(&card, "chain").verdict, Verdict::NotEvaluated);
    assert_eq!(server.received(), "");
}

#[tokio::test]
async fn nothing_is_sent_when_no_gate_is_waited_for() {
    let server = webhook(TAKEN).await;
    let plan = with_a_test(&server, Act::Shut);
    let card = card(&plan, AlertTest::Send, true).await;
    assert_eq!(find(&card, "chain").verdict, Verdict::Warn);
    assert_eq!(server.received(), "");
}
