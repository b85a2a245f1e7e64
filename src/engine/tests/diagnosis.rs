//! Failures that are looked into.

use super::*;
use crate::engine::RunResult;
use crate::plan::Signature;
use crate::probe::{ConnectionKey, Pattern};

/// Tells `text` wherever it was seen.
fn signature(id: &str, text: &str) -> Signature {
    Signature {
        id: id.to_owned(),
        title: format!("it is {id}"),
        tells: crate::judge::Signature {
            matching: vec![Pattern::text(text).expect("a text")],
            kinds: Vec::new(),
        },
        remedy: Some("mend it".to_owned()),
        runbook: None,
        guardrail: Some(crate::plan::Guardrail::Block),
        go_back_to: None,
    }
}

fn watched(check: Sketch, signatures: Vec<Signature>) -> Arc<Plan> {
    let (plan, _) = plan(vec![("A", &[], vec![check])]);
    let mut plan = Arc::into_inner(plan).expect("one owner");
    plan.signatures = signatures;
    Arc::new(plan)
}

async fn only(plan: &Arc<Plan>) -> CheckCard {
    let card = card_of(plan, &Options::default()).await;
    find(&card, "a").clone()
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_looked_into_after_its_last_attempt_and_once() {
    let (acts, looks) = ([Act::Shut], [Act::Say("wal"), Act::Say("again")]);
    let plan = watched(
        check("a", acts)
            .attempts(3)
            .diagnosed(looks, 10)
            .watched_by(0),
        vec![signature("damage", "wal")],
    );
    let mut told = Vec::new();
    let card = run(
        &plan,
        &[None],
        &transports(),
        &Options::default(),
        never(),
        &mut |event| match event {
            Event::CheckStarted { attempt, .. } => told.push(format!("attempt {attempt}")),
            Event::CheckJudged { .. } => told.push("judged".to_owned()),
            Event::CheckDiagnosed { looks, .. } => told.push(format!("{} looks", looks.len())),
            _ => {}
        },
    )
    .await;
    assert_eq!(
        told,
        ["attempt 1", "attempt 2", "attempt 3", "judged", "1 looks"]
    );
    let check = find(&card, "a");
    assert_eq!((check.verdict, check.attempts), (Verdict::Blocked, 3));
    assert_eq!(check.diagnosis[0].facts.get("said"), Some(&"wal".into()));
    let found = check.signature.as_ref().expect("a signature");
    assert_eq!(
        (found.id.as_str(), found.matched.as_str()),
        ("damage", "wal")
    );
    assert_eq!(found.seen_by, "second look");
    assert_eq!(check.tier(), Some(crate::scorecard::Guardrail::Block));
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_not_looked_into() {
    let plan = watched(
        check("a", [Act::Say("wal")])
            .diagnosed([Act::Panic], 10)
            .watched_by(0),
        vec![signature("damage", "wal")],
    );
    let check = only(&plan).await;
    assert_eq!(check.verdict, Verdict::Pass);
    assert!(check.diagnosis.is_empty() && check.signature.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_warning_is_looked_into_and_stays_one() {
    let plan = watched(
        check("a", [Act::Slow])
            .diagnosed([Act::Shut], 10)
            .watched_by(0),
        vec![signature("damage", "wal")],
    );
    let card = card_of(&plan, &Options::default()).await;
    assert_eq!(card.result, RunResult::Degraded);
    let check = find(&card, "a");
    assert_eq!(check.diagnosis.len(), 1);
    assert_eq!(check.signature, None);
}

#[tokio::test(start_paused = true)]
async fn a_signature_in_the_fault_needs_no_diagnosis() {
    let plan = watched(
        check("a", [fault(FaultKind::Protocol)])
            .watched_by(1)
            .watched_by(2),
        vec![
            signature("unwatched", "as the test"),
            signature("first", "test wants"),
            signature("second", "as the test"),
        ],
    );
    let check = only(&plan).await;
    let ids: Vec<&str> = check.signatures().map(|found| found.id.as_str()).collect();
    assert_eq!(ids, ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_where_the_connection_failed() {
    let down = Fault::new(FaultKind::Unreachable, "no route")
        .on_connection(ConnectionKey::address("192.0.2.1"));
    let plan = watched(
        check("a", [Act::Fault(down)]).diagnosed([Act::Panic], 10),
        Vec::new(),
    );
    assert!(only(&plan).await.diagnosis.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_panics_or_fails_is_told_and_changes_nothing() {
    let plan = watched(
        check("a", [Act::Shut])
            .diagnosed([Act::Hang], 10)
            .diagnosed([Act::Panic], 10)
            .diagnosed([fault(FaultKind::Denied)], 10),
        Vec::new(),
    );
    let check = only(&plan).await;
    assert_eq!(check.verdict, Verdict::Blocked);
    let kinds: Vec<FaultKind> = check
        .diagnosis
        .iter()
        .map(|look| look.fault.as_ref().expect("a fault").kind)
        .collect();
    assert_eq!(
        kinds,
        [FaultKind::TimedOut, FaultKind::Internal, FaultKind::Denied]
    );
}

/// A gate does not wait for what has no say in it.
#[tokio::test(start_paused = true)]
async fn gates_are_decided_before_the_looks_end() {
    let (plan, _) = plan(vec![
        (
            "A",
            &[],
            vec![check("a", [Act::Slow]).diagnosed([Act::Pass], 700)],
        ),
        ("B", &["A"], vec![check("b", [Act::Pass])]),
    ]);
    let mut told = Vec::new();
    run(
        &plan,
        &[None, None],
        &transports(),
        &Options::default(),
        never(),
        &mut |event| match event {
            Event::PhaseFinished { phase, .. } => told.push(format!("phase {phase}")),
            Event::CheckDiagnosed { check, .. } => told.push(format!("check {check}")),
            _ => {}
        },
    )
    .await;
    assert_eq!(told, ["phase 0", "phase 1", "check 0"]);
}

/// What is decided stays so when the deadline strikes in a look.
#[tokio::test(start_paused = true)]
async fn a_deadline_in_a_look_leaves_a_whole_card() {
    let (plan, _) = plan(vec![(
        "A",
        &[],
        vec![check("a", [Act::Shut]).diagnosed([Act::Pass], 900_000)],
    )]);
    let options = Options {
        deadline: Some(Duration::from_millis(500)),
        ..Options::default()
    };
    let card = card_of(&plan, &options).await;
    assert_eq!(
        (card.result, card.failure.as_deref()),
        (RunResult::Blocked, None)
    );
    assert!(find(&card, "a").diagnosis.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_look_saw_is_without_secrets() {
    let (plan, _) = plan(vec![(
        "A",
        &[],
        vec![check("a", [Act::Shut]).diagnosed([Act::Say("pw hunter2-hunter2")], 10)],
    )]);
    let mut secrets = Secrets::default();
    secrets.insert(
        SecretRef::Env("P".to_owned()),
        "hunter2-hunter2".to_owned().into(),
    );
    let transports = Transports::new(secrets, Policy::default(), Audit::off());
    let options = Options::default();
    let card = run(&plan, &[None], &transports, &options, never(), &mut |_| {}).await;
    let said = find(&card, "a").diagnosis[0].facts.get("said").cloned();
    assert_eq!(said, Some("pw ***".into()));
}
