use super::*;
use crate::scorecard::release::decide;
use crate::scorecard::{About, PlannedCondition, PlannedRelease, ReleaseCard};

const TWO: Phases<'_> = &[("P0", &[]), ("P1", &[0])];

fn release(id: &str, needs: &[usize], require: &[usize], after: &[usize]) -> PlannedRelease {
    PlannedRelease {
        id: id.to_owned(),
        title: None,
        needs: needs.to_vec(),
        require: require
            .iter()
            .map(|&check| PlannedCondition {
                check,
                stable_for: None,
            })
            .collect(),
        after: after.to_vec(),
        runbook: None,
    }
}

/// `runners` wants both gates and the check at place 1; `batch` comes after it.
fn decided(checks: Checks<'_>, ending: Ending) -> Vec<ReleaseCard> {
    let card = run(TWO, checks, false, ending);
    let mut planned = planned(TWO, checks, false);
    planned.releases = vec![
        release("runners", &[0, 1], &[1], &[]),
        release("batch", &[0], &[], &[0]),
    ];
    let checks: Vec<CheckCard> = card.checks().cloned().collect();
    decide(&planned, &card.phases, &checks, card.failure.as_deref())
}

fn reasons(release: &ReleaseCard) -> Vec<String> {
    let texts = release.reasons.iter().map(|reason| {
        let id = reason.id.as_deref().unwrap_or("the run");
        format!("{:?} {id} {}", reason.about, reason.why)
    });
    texts.collect()
}

#[test]
fn open_is_what_waits_for_nothing_that_is_not_green() {
    let all = [(0, "a", Pass), (1, "b", Pass)];
    for release in decided(&all, Ending::Complete) {
        assert!(release.open, "{release:?}");
        assert_eq!(release.reasons, []);
    }
}

#[rstest]
#[case::a_warning(
    &[(0, "a", Warn), (1, "b", Pass)],
    &["Gate P0 is WARN: a"]
)]
#[case::a_blocked_gate_and_what_it_holds(
    &[(0, "a", Blocked), (1, "b", Comes::Gate("P0"))],
    &["Gate P0 is BLOCKED: a", "Gate P1 was not evaluated: held by P0", "Check b was not evaluated: held by P0"]
)]
#[case::a_check_that_was_held_by_another(
    &[(0, "a", Pass), (1, "b", After("c")), (1, "c", Blocked)],
    &["Gate P1 is BLOCKED: c", "Check b was not evaluated: held by c"]
)]
#[case::a_gate_that_is_green_without_what_was_left_out(
    &[(0, "a", Pass), (1, "b", Pass), (1, "d", Skipped)],
    &["Gate P1 was not looked at in full: d left out"]
)]
#[case::a_phase_that_was_left_out(
    &[(0, "a", Pass), (1, "b", Skipped)],
    &["Gate P1 was left out", "Check b was left out"]
)]
#[case::a_phase_that_nothing_is_known_of(
    &[(0, "a", Pass), (1, "b", Silent)],
    &[
        "Run the run checks were left unevaluated without a blocked gate: a defect in coldstart",
        "Gate P1 was not evaluated",
        "Check b was not evaluated"
    ]
)]
fn closed_with_every_reason(#[case] checks: Checks<'_>, #[case] expected: &[&str]) {
    let releases = decided(checks, Ending::Complete);
    assert!(!releases[0].open);
    assert_eq!(reasons(&releases[0]), expected);
    assert_eq!(
        reasons(&releases[1]).last().map(String::as_str),
        Some("Release runners is closed"),
        "what comes after it"
    );
}

#[test]
fn a_run_that_was_cut_off_opens_nothing() {
    let all = [(0, "a", Pass), (1, "b", Pass)];
    for ending in [
        Ending::Interrupted,
        Ending::Deadline(Duration::from_secs(1)),
    ] {
        for release in decided(&all, ending) {
            assert!(!release.open);
            assert_eq!(release.reasons[0].about, About::Run);
        }
    }
}

/// What is blocked beside it makes the run BLOCKED without a failure of its own.
#[rstest]
#[case::all_well(Pass)]
#[case::something_else_is_blocked(Blocked)]
fn a_host_that_dropped_out_opens_nothing(#[case] beside: Comes) {
    let checks = [(0, "a", Pass), (1, "b", beside)];
    let mut planned = planned(&[("P0", &[]), ("OTHER", &[])], &checks, false);
    planned.releases = vec![
        release("runners", &[0], &[0], &[]),
        release("batch", &[], &[0], &[0]),
    ];
    let ending = Ending::Disrupted(vec!["data188".to_owned()]);
    let card = run_planned(planned, &checks, (at(0), at(2)), ending);
    let why = "Run the run data188 rebooted (or its connection was lost) in the middle of the run";
    assert_eq!(reasons(&card.releases[0]), [why]);
    assert_eq!(
        reasons(&card.releases[1]),
        [why, "Release runners is closed"]
    );
}

#[test]
fn a_condition_tells_what_was_seen() {
    let checks = [(0, "a", Pass), (1, "b", Warn)];
    let card = complete(TWO, &checks);
    let mut cards: Vec<CheckCard> = card.checks().cloned().collect();
    cards[1].findings = vec![crate::judge::Finding {
        expectation: None,
        level: crate::judge::Level::Prefer,
        expected: "load_per_core < 1.0".to_owned(),
        seen: "load_per_core = 1.4".to_owned(),
        held: Some(false),
    }];
    let mut planned = planned(TWO, &checks, false);
    planned.releases = vec![release("runners", &[], &[1], &[])];
    let decided = decide(&planned, &card.phases, &cards, None);
    assert_eq!(
        reasons(&decided[0]),
        ["Check b is WARN: expected load_per_core < 1.0, saw load_per_core = 1.4"]
    );
}

#[rstest]
#[case::long_enough(Some(900.0), &[])]
#[case::too_young(Some(899.9), &["Check b is known to hold for 14m 59s of 15m"])]
#[case::first_look(Some(0.0), &["Check b is known to hold for 0s of 15m"])]
#[case::no_memory(
    None,
    &["Check b has to have held for 15m, and it cannot be told for how long it has"]
)]
fn a_condition_may_ask_for_how_long(#[case] held_s: Option<f64>, #[case] expected: &[&str]) {
    let checks = [(0, "a", Pass), (1, "b", Pass)];
    let card = complete(TWO, &checks);
    let mut cards: Vec<CheckCard> = card.checks().cloned().collect();
    cards[1].course = held_s.map(|held_s| crate::judge::Course {
        verdict: Verdict::Pass,
        stable_for_s: None,
        longest_gap_s: Some(900.0),
        held_s: Some(held_s),
        follows: None,
        value: None,
        fresh: None,
    });
    let mut planned = planned(TWO, &checks, false);
    planned.releases = vec![release("runners", &[], &[1], &[])];
    planned.releases[0].require[0].stable_for = Some(Duration::from_mins(15));
    let decided = decide(&planned, &card.phases, &cards, None);
    assert_eq!(reasons(&decided[0]), expected);
}
