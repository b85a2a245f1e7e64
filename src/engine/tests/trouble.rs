//! Faults, retries, defects, and runs that are cut short.

use rstest::rstest;

use super::*;
use crate::scorecard::{Held, RunResult};

#[rstest]
#[case::passes_at_once(vec![Act::Pass], 3, 1, Verdict::Pass)]
#[case::a_preference_is_worth_no_retry(vec![Act::Slow, Act::Pass], 3, 1, Verdict::Warn)]
#[case::comes_up(vec![Act::Shut, fault(FaultKind::Refused), Act::Pass], 3, 3, Verdict::Pass)]
#[case::does_not_come_up(vec![fault(FaultKind::Refused)], 3, 3, Verdict::Blocked)]
#[case::comes_up_too_late(vec![Act::Shut, Act::Shut, Act::Pass], 2, 2, Verdict::Blocked)]
#[case::denied_is_a_decision(vec![fault(FaultKind::Denied), Act::Pass], 3, 1, Verdict::Blocked)]
#[case::host_key(vec![fault(FaultKind::HostKey), Act::Pass], 3, 1, Verdict::Blocked)]
#[tokio::test(start_paused = true)]
async fn attempts(
    #[case] acts: Vec<Act>,
    #[case] allowed: u32,
    #[case] made: u32,
    #[case] verdict: Verdict,
) {
    let (plan, _) = plan(vec![("A", &[], vec![check("a", acts).attempts(allowed)])]);
    let card = card_of(&plan, &Options::default()).await;
    let check = find(&card, "a");
    assert_eq!((check.attempts, check.verdict), (made, verdict));
}

#[tokio::test(start_paused = true)]
async fn an_advisory_check_is_tried_again_too() {
    let (plan, _) = plan(vec![(
        "A",
        &[],
        vec![
            check("a", [Act::Shut, Act::Pass]).attempts(2).advisory(),
            check("b", [fault(FaultKind::TimedOut)]).advisory(),
        ],
    )]);
    let card = card_of(&plan, &Options::default()).await;
    assert_eq!(
        verdicts(&card),
        [("a", Verdict::Pass), ("b", Verdict::Warn)]
    );
    assert_eq!(find(&card, "a").attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_probe_blocks_its_own_check_alone() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (plan, _) = plan(vec![(
        "A",
        &[],
        vec![
            check("broken", [Act::Panic]).attempts(3),
            check("fine", [Act::Pass]),
        ],
    )]);
    let card = card_of(&plan, &Options::default()).await;
    std::panic::set_hook(hook);
    assert_eq!(
        verdicts(&card),
        [("broken", Verdict::Blocked), ("fine", Verdict::Pass)]
    );
    let fault = find(&card, "broken").fault.as_ref().expect("a fault");
    assert_eq!(fault.kind, FaultKind::Internal);
    assert_eq!(
        fault.seen,
        "the scripted probe failed, which is a defect in coldstart: a planted defect"
    );
    assert_eq!(find(&card, "broken").attempts, 1, "it would fail again");
}

#[tokio::test(start_paused = true)]
async fn a_defect_outside_of_the_probe_blocks_its_own_check_alone() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (plan, _) = plan(vec![(
        "A",
        &[],
        vec![
            check("broken", [Act::PanicInGoal]),
            check("fine", [Act::Pass]),
        ],
    )]);
    let card = card_of(&plan, &Options::default()).await;
    std::panic::set_hook(hook);
    assert_eq!(
        verdicts(&card),
        [("broken", Verdict::Blocked), ("fine", Verdict::Pass)]
    );
    let broken = find(&card, "broken");
    assert_eq!(
        broken.findings[0].seen,
        "could not tell: judging it failed, which is a defect in coldstart: a planted defect"
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_an_end_is_given_one() {
    let (plan, _) = plan(vec![("A", &[], vec![check("a", [Act::Hang])])]);
    let card = card_of(&plan, &Options::default()).await;
    let fault = find(&card, "a").fault.as_ref().expect("a fault");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::TimedOut, "no end of it in 7.0 s")
    );
}

fn half_done() -> Arc<Plan> {
    plan(vec![
        (
            "A",
            &[],
            vec![
                check("done", [Act::Pass]),
                check("stuck", [Act::Pass]).takes(5_000),
                check("next", [Act::Pass]).after(&["stuck"]),
            ],
        ),
        ("B", &["A"], vec![check("later", [Act::Pass])]),
    ])
    .0
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_in_a_whole_card() {
    let options = Options {
        deadline: Some(Duration::from_secs(2)),
        ..Options::default()
    };
    let card = card_of(&half_done(), &options).await;
    assert_eq!((card.result, card.exit_code), (RunResult::CheckFailed, 3));
    assert_eq!(
        card.failure.as_deref(),
        Some("the run's deadline of 2 s struck")
    );
    assert_eq!(
        verdicts(&card),
        [
            ("done", Verdict::Pass),
            ("stuck", Verdict::NotEvaluated),
            ("next", Verdict::NotEvaluated),
            ("later", Verdict::NotEvaluated),
        ]
    );
    let unfinished: Vec<bool> = card.checks().map(|check| check.unfinished).collect();
    assert_eq!(unfinished, [false, true, false, false]);
    assert!(
        card.checks()
            .skip(1)
            .all(|check| check.held_by == Some(Held::Deadline))
    );
    assert!(
        card.phases
            .iter()
            .all(|phase| phase.gate == Gate::NotEvaluated)
    );
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_in_a_whole_card() {
    let (sender, stop) = watch::channel(false);
    let plan = half_done();
    let mut on_event = |event: &Event| {
        if matches!(event, Event::CheckJudged { .. }) {
            sender.send(true).expect("the run listens");
        }
    };
    let card = run(
        &plan,
        &vec![None; 4],
        &transports(),
        &Options::default(),
        stop,
        &mut on_event,
    )
    .await;
    assert_eq!(card.failure.as_deref(), Some("the run was interrupted"));
    assert_eq!(find(&card, "done").verdict, Verdict::Pass);
    assert!(find(&card, "stuck").unfinished);
    assert_eq!(find(&card, "later").held_by, Some(Held::Interrupt));
}

#[tokio::test(start_paused = true)]
async fn secrets_do_not_reach_the_card() {
    let (plan, _) = plan(vec![(
        "A",
        &[],
        vec![
            check("echo", [Act::Say("password is hunter2-hunter2")]),
            check(
                "fault",
                [Act::Fault(Fault::new(
                    FaultKind::Protocol,
                    "it said hunter2-hunter2",
                ))],
            ),
        ],
    )]);
    let mut secrets = Secrets::default();
    secrets.insert(
        SecretRef::Env("P".to_owned()),
        "hunter2-hunter2".to_owned().into(),
    );
    let transports = Transports::new(secrets, Policy::default(), Audit::off());
    let mut events = String::new();
    let card = run(
        &plan,
        &[None, None],
        &transports,
        &Options::default(),
        never(),
        &mut |event| events += &format!("{event:?}"),
    )
    .await;
    let document = serde_json::to_string(&card).expect("a card is JSON");
    assert!(document.contains("password is ***") && document.contains("it said ***"));
    assert!(!document.contains("hunter2") && !events.contains("hunter2"));
}
