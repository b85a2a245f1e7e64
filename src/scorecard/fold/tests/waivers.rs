use super::*;
use crate::scorecard::{PlannedCondition, PlannedRelease, Waiver, WaiverState};

const DAY: i64 = 86_400;
/// A run from here to two seconds later.
const NOW: i64 = 100 * DAY;

fn waiver(check: &str, accepted_at: i64, until: i64) -> Waiver {
    Waiver {
        check: check.to_owned(),
        reason: "the vendor was told".to_owned(),
        by: "ogt".to_owned(),
        accepted_at: at(accepted_at),
        until: at(until),
    }
}

/// In force for a week around the run.
fn valid(check: &str) -> Waiver {
    waiver(check, NOW - DAY, NOW + 6 * DAY)
}

fn between(
    (from, to): (i64, i64),
    phases: Phases<'_>,
    checks: Checks<'_>,
    waivers: &[Waiver],
) -> Scorecard {
    let all: Vec<usize> = (0..phases.len()).collect();
    let planned = PlannedRun {
        waivers: waivers.to_vec(),
        releases: vec![PlannedRelease {
            id: "runners".to_owned(),
            title: None,
            needs: all,
            require: (0..checks.len())
                .map(|check| PlannedCondition {
                    check,
                    stable_for: None,
                })
                .collect(),
            after: Vec::new(),
            runbook: None,
        }],
        ..planned(phases, checks, false)
    };
    run_planned(planned, checks, (at(from), at(to)), Ending::Complete)
}

fn now(checks: Checks<'_>, waivers: &[Waiver]) -> Scorecard {
    between((NOW, NOW + 2), ONE, checks, waivers)
}

fn states(card: &Scorecard) -> Vec<(&str, WaiverState)> {
    let states = card
        .waivers
        .iter()
        .map(|waiver| (waiver.check.as_str(), waiver.state));
    states.collect()
}

/// What the waiver of `b` makes of a run in which `a` passes.
#[rstest]
#[case::used(Warn, valid("b"), WaiverState::Used, Gate::Green, RunResult::Green)]
#[case::an_advisory_fault(
    Lost(Advisory, "data188"),
    valid("b"),
    WaiverState::Used,
    Gate::Green,
    RunResult::Green
)]
#[case::not_needed(
    Pass,
    valid("b"),
    WaiverState::NotNeeded,
    Gate::Green,
    RunResult::Green
)]
#[case::blocked(
    Blocked,
    valid("b"),
    WaiverState::Blocked,
    Gate::Blocked,
    RunResult::Blocked
)]
#[case::a_required_fault(
    Lost(Required, "data188"),
    valid("b"),
    WaiverState::Blocked,
    Gate::Blocked,
    RunResult::Blocked
)]
#[case::left_out(
    Skipped,
    valid("b"),
    WaiverState::NotEvaluated,
    Gate::Green,
    RunResult::Green
)]
#[case::not_evaluated(
    Comes::Deadline,
    valid("b"),
    WaiverState::NotEvaluated,
    Gate::NotEvaluated,
    RunResult::CheckFailed
)]
#[case::expired(
    Warn,
    waiver("b", NOW - DAY, NOW),
    WaiverState::Expired,
    Gate::Warn,
    RunResult::Degraded
)]
#[case::expired_before_its_end(
    Warn,
    waiver("b", NOW - DAY, NOW + 2),
    WaiverState::Expired,
    Gate::Warn,
    RunResult::Degraded
)]
#[case::a_second_longer(
    Warn,
    waiver("b", NOW - DAY, NOW + 3),
    WaiverState::Used,
    Gate::Green,
    RunResult::Green
)]
#[case::expired_and_passing(
    Pass,
    waiver("b", 0, 1),
    WaiverState::Expired,
    Gate::Green,
    RunResult::Green
)]
#[case::of_a_time_to_come(
    Warn,
    waiver("b", NOW + 1, NOW + DAY),
    WaiverState::NotBelieved,
    Gate::Warn,
    RunResult::Degraded
)]
#[case::of_this_moment(
    Warn,
    waiver("b", NOW, NOW + DAY),
    WaiverState::Used,
    Gate::Green,
    RunResult::Green
)]
fn a_waiver_accepts_warnings_and_nothing_else(
    #[case] comes: Comes,
    #[case] waiver: Waiver,
    #[case] state: WaiverState,
    #[case] gate: Gate,
    #[case] result: RunResult,
) {
    let card = now(&[(0, "a", Pass), (0, "b", comes)], &[waiver]);
    assert_eq!(states(&card), [("b", state)]);
    assert_eq!((card.phases[0].gate, card.result), (gate, result));
    let (_, check) = card.check("b").expect("it is planned");
    let used = state == WaiverState::Used;
    assert_eq!(check.accepted.is_some(), used);
    assert_eq!(card.totals.accepted, usize::from(used));
    assert_eq!(card.totals.all(), 2);
    if used {
        assert_eq!(check.verdict, Verdict::Warn, "the verdict stays");
        assert_eq!(card.totals.warn, 0);
        assert_eq!(card.exit_code, 0);
    }
    let open = result == RunResult::Green && !matches!(comes, Skipped);
    assert_eq!(card.releases[0].open, open, "{:?}", card.releases);
}

#[test]
fn another_warning_is_one() {
    let checks: Checks<'_> = &[(0, "a", Pass), (0, "b", Warn), (0, "c", Warn)];
    let card = now(checks, &[valid("b")]);
    assert_eq!((card.totals.accepted, card.totals.warn), (1, 1));
    assert_eq!(card.result, RunResult::Degraded);
    let why: Vec<&str> = card.releases[0]
        .reasons
        .iter()
        .map(|reason| reason.why.as_str())
        .collect();
    assert_eq!(why, ["is WARN: c", "is WARN"]);
}

#[test]
fn a_gate_opens_by_waivers_alone_and_a_run_is_not_green_by_them() {
    let checks: Checks<'_> = &[(0, "a", Pass), (1, "b", Warn)];
    let phases: Phases<'_> = &[("P0", &[]), ("P1", &[0])];
    let card = between((NOW, NOW + 2), phases, checks, &[valid("b")]);
    assert_eq!(card.phases[1].gate, Gate::Green);
    assert_eq!(card.result, RunResult::Green);
    assert_eq!((card.totals.accepted, card.totals.warn), (1, 0));
    assert!(card.releases[0].open, "{:?}", card.releases);
    assert_eq!(now(&[(0, "b", Warn)], &[valid("b")]).exit_code, 1);
}

#[test]
fn an_incomplete_run_is_not_made_complete() {
    let checks: Checks<'_> = &[(0, "a", Pass), (0, "b", Warn)];
    let planned = PlannedRun {
        waivers: vec![valid("b")],
        ..planned(ONE, checks, false)
    };
    let card = run_planned(planned, checks, (at(NOW), at(NOW)), Ending::Interrupted);
    assert_eq!(card.result, RunResult::CheckFailed);
}

#[test]
fn a_base_id_names_the_check_on_every_host() {
    let checks: Checks<'_> = &[
        (0, "ssh@a", Pass),
        (0, "ssh@b", Warn),
        (0, "ssh", Warn),
        (0, "ssh2@c", Warn),
    ];
    let card = now(checks, &[valid("ssh")]);
    assert_eq!(
        states(&card),
        [
            ("ssh@a", WaiverState::NotNeeded),
            ("ssh@b", WaiverState::Used),
            ("ssh", WaiverState::Used)
        ]
    );
    assert!(card.waivers.iter().all(|waiver| waiver.named == "ssh"));
    assert_eq!((card.totals.accepted, card.totals.warn), (2, 1));
}

#[test]
fn the_whole_id_decides_before_the_base_id() {
    let checks: Checks<'_> = &[(0, "ssh@a", Warn), (0, "ssh@b", Warn)];
    let expired = waiver("ssh@a", 0, 1);
    let card = now(checks, &[expired.clone(), valid("ssh")]);
    assert_eq!(
        states(&card),
        [
            ("ssh@a", WaiverState::Expired),
            ("ssh@b", WaiverState::Used)
        ]
    );
    let both = [valid("ssh"), valid("ssh@a"), valid("ssh@b")];
    assert_eq!(
        states(&now(checks, &both)),
        [
            ("ssh", WaiverState::NotNeeded),
            ("ssh@a", WaiverState::Used),
            ("ssh@b", WaiverState::Used)
        ]
    );
}

#[test]
fn the_last_of_one_name_decides() {
    let checks: Checks<'_> = &[(0, "a", Pass), (0, "b", Warn)];
    let expired = waiver("b", 0, 1);
    let shortened = now(checks, &[valid("b"), expired.clone()]);
    assert_eq!(states(&shortened), [("b", WaiverState::Expired)]);
    assert_eq!(shortened.result, RunResult::Degraded);
    let renewed = now(checks, &[expired, valid("b")]);
    assert_eq!(states(&renewed), [("b", WaiverState::Used)]);
    assert_eq!(renewed.result, RunResult::Green);
}

#[test]
fn a_waiver_of_no_check_is_told() {
    let card = now(&[(0, "a", Pass)], &[valid("b@a"), valid("a@b")]);
    assert_eq!(
        states(&card),
        [
            ("b@a", WaiverState::UnknownCheck),
            ("a@b", WaiverState::UnknownCheck)
        ]
    );
    assert_eq!(card.result, RunResult::Green);
}

/// A clock that goes back in the middle of a run is no help to a waiver.
#[rstest]
#[case::expired_by_the_start(waiver("b", 0, NOW), WaiverState::Expired)]
#[case::accepted_after_the_end(waiver("b", NOW - DAY, NOW + 2 * DAY), WaiverState::NotBelieved)]
#[case::far_from_both(waiver("b", 0, NOW + 2 * DAY), WaiverState::Used)]
fn a_clock_that_is_set_back(#[case] waiver: Waiver, #[case] state: WaiverState) {
    let checks: Checks<'_> = &[(0, "a", Pass), (0, "b", Warn)];
    let card = between((NOW, NOW - 2 * DAY), ONE, checks, &[waiver]);
    assert_eq!(states(&card), [("b", state)]);
}

#[rstest]
#[case(NOW + 2 + DAY, false)]
#[case(NOW + 1 + DAY, true)]
#[case(NOW + 3, true)]
#[case(NOW + 2, false)]
fn what_ends_within_a_day_is_told(#[case] until: i64, #[case] soon: bool) {
    let card = now(&[(0, "b", Warn)], &[waiver("b", 0, until)]);
    assert_eq!(card.waivers[0].ends_soon, soon);
}

/// The gate was decided with the waiver in force; at the end it was not.
#[test]
fn a_waiver_that_ends_during_the_run() {
    let checks: Checks<'_> = &[(0, "a", Pass), (0, "b", Warn)];
    let planned = PlannedRun {
        waivers: vec![waiver("b", 0, NOW + 10)],
        ..planned(ONE, checks, false)
    };
    let mut fold = Fold::new(planned, at(NOW));
    for (place, (.., comes)) in checks.iter().enumerate() {
        let (_, event) = event(place, *comes).expect("it comes to something");
        fold.apply(event);
    }
    assert!(fold.accepts(1, at(NOW + 9)));
    assert!(!fold.accepts(1, at(NOW + 10)));
    assert!(!fold.accepts(0, at(NOW + 9)), "nobody named it");
    fold.apply(Event::PhaseFinished {
        phase: 0,
        gate: Gate::Green,
        held_by: None,
        elapsed: Duration::ZERO,
    });
    let card = fold.finish(at(NOW + 11), &Ending::Complete);
    assert_eq!(card.phases[0].gate, Gate::Warn);
    assert_eq!(card.result, RunResult::Degraded);
}
