mod releases;
mod waivers;

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::judge::Judgement;
use crate::probe::{ConnectionKey, Fault, FaultKind, Observation};
use crate::scorecard::{
    BaselineRef, Guardrail, Held, PlannedCheck, PlannedPhase, PlannedSignature, gate,
};

/// What a check comes to.
#[derive(Debug, Clone, Copy)]
enum Comes {
    Pass,
    Warn,
    Blocked,
    /// A fault on the connection to that host.
    Lost(Weight, &'static str),
    /// It heard nothing, which the loss of that connection would explain.
    Suspects(Weight, &'static str),
    /// It saw something, and not what that connection would have told.
    Partly(&'static str),
    Gate(&'static str),
    After(&'static str),
    Deadline,
    Skipped,
    /// The run says nothing about it.
    Silent,
}
use Comes::{After, Blocked, Lost, Partly, Pass, Silent, Skipped, Suspects, Warn};

/// Whether a failed check blocks or warns.
#[derive(Debug, Clone, Copy)]
enum Weight {
    Required,
    Advisory,
}
use Weight::{Advisory, Required};

type Phases<'a> = &'a [(&'a str, &'a [usize])];
type Checks<'a> = &'a [(usize, &'a str, Comes)];

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs())
}

fn planned(phases: Phases<'_>, checks: Checks<'_>, keep_going: bool) -> PlannedRun {
    PlannedRun {
        baseline: BaselineRef {
            name: "test".to_owned(),
            digest: "0".to_owned(),
        },
        keep_going,
        last_green: None,
        phases: phases
            .iter()
            .map(|(id, needs)| PlannedPhase {
                id: (*id).to_owned(),
                title: None,
                needs: needs.to_vec(),
            })
            .collect(),
        checks: checks
            .iter()
            .map(|(phase, id, _)| PlannedCheck {
                phase: *phase,
                id: (*id).to_owned(),
                title: "it works".to_owned(),
                host: Some("data188".to_owned()),
                also: Vec::new(),
                kind: "tcp",
                goal: "an open port".to_owned(),
                beyond: true,
                advisory: false,
                definition: "d1".to_owned(),
                remedy: None,
                runbook: None,
                guardrail: None,
            })
            .collect(),
        releases: Vec::new(),
        signatures: [Guardrail::StandardHitl, Guardrail::Block]
            .into_iter()
            .enumerate()
            .map(|(place, tier)| PlannedSignature {
                id: format!("signature-{place}"),
                title: "it is damaged".to_owned(),
                remedy: Some("mend it".to_owned()),
                runbook: None,
                guardrail: Some(tier),
                go_back_to: Some("A".to_owned()),
            })
            .collect(),
        waivers: Vec::new(),
    }
}

fn judged(check: usize, verdict: Verdict, outcome: Outcome) -> Event {
    Event::CheckJudged {
        check,
        observation: Observation {
            at: at(1),
            elapsed: Duration::from_micros(1_250),
            attempts: 1,
            outcome,
        },
        judgement: Judgement {
            verdict,
            findings: Vec::new(),
            course: None,
        },
    }
}

fn faulty(check: usize, weight: Weight, fault: Fault) -> (Verdict, Event) {
    let verdict = match weight {
        Required => Verdict::Blocked,
        Advisory => Verdict::Warn,
    };
    (verdict, judged(check, verdict, Outcome::Fault(fault)))
}

fn event(check: usize, comes: Comes) -> Option<(Verdict, Event)> {
    let seen = || Outcome::Seen(Facts::new());
    let held = |by, unfinished| Event::CheckHeld {
        check,
        by,
        unfinished,
    };
    Some(match comes {
        Pass => (Verdict::Pass, judged(check, Verdict::Pass, seen())),
        Warn => (Verdict::Warn, judged(check, Verdict::Warn, seen())),
        Blocked => (Verdict::Blocked, judged(check, Verdict::Blocked, seen())),
        Lost(weight, host) => {
            let fault = Fault::new(FaultKind::Unreachable, "no route to host");
            let fault = fault.on_connection(ConnectionKey::ssh(host));
            faulty(check, weight, fault)
        }
        Suspects(weight, host) => {
            let fault = Fault::new(FaultKind::TimedOut, "no answer");
            faulty(check, weight, fault.suspect(ConnectionKey::ssh(host)))
        }
        Partly(host) => {
            let mut facts = Facts::new();
            facts.set_without(ConnectionKey::ssh(host));
            let outcome = Outcome::Seen(facts);
            (Verdict::Blocked, judged(check, Verdict::Blocked, outcome))
        }
        Comes::Gate(gate) => (
            Verdict::NotEvaluated,
            held(Held::Gate(gate.to_owned()), None),
        ),
        After(id) => (
            Verdict::NotEvaluated,
            held(Held::Check(id.to_owned()), None),
        ),
        Comes::Deadline => (
            Verdict::NotEvaluated,
            held(Held::Deadline, Some(Duration::from_secs(3))),
        ),
        Skipped => (
            Verdict::Skipped,
            Event::CheckSkipped {
                check,
                why: "waived".to_owned(),
            },
        ),
        Silent => return None,
    })
}

/// Folds a run whose gates follow from its verdicts, as the engine decides them.
fn run(phases: Phases<'_>, checks: Checks<'_>, keep_going: bool, ending: Ending) -> Scorecard {
    let planned = planned(phases, checks, keep_going);
    run_planned(planned, checks, (at(0), at(2)), ending)
}

/// The same for a plan with more in it, between two moments.
fn run_planned(
    planned: PlannedRun,
    checks: Checks<'_>,
    (from, to): (Timestamp, Timestamp),
    ending: Ending,
) -> Scorecard {
    let needs: Vec<Vec<usize>> = planned.phases.iter().map(|p| p.needs.clone()).collect();
    let mut fold = Fold::new(planned, from);
    let mut holders: Vec<Option<usize>> = Vec::new();
    for (phase, needs) in needs.iter().enumerate() {
        let mut verdicts = Vec::new();
        for (check, (_, _, comes)) in checks.iter().enumerate().filter(|(_, c)| c.0 == phase) {
            match event(check, *comes) {
                Some((verdict, event)) => {
                    verdicts.push(verdict);
                    assert!(fold.apply(event).is_none());
                }
                None => verdicts.push(Verdict::NotEvaluated),
            }
        }
        let held_by = needs.iter().filter_map(|need| holders[*need]).min();
        let own = gate(&verdicts);
        let gate = if held_by.is_some() {
            Gate::NotEvaluated
        } else {
            own
        };
        holders.push(held_by.or((own == Gate::Blocked).then_some(phase)));
        let finished = Event::PhaseFinished {
            phase,
            gate,
            held_by,
            elapsed: Duration::from_millis(7),
        };
        assert!(fold.apply(finished).is_none());
    }
    fold.apply(Event::Finished { at: to, ending })
        .expect("the last event yields the card")
}

fn complete(phases: Phases<'_>, checks: Checks<'_>) -> Scorecard {
    run(phases, checks, false, Ending::Complete)
}

fn roots_of(card: &Scorecard) -> Vec<(&str, usize, usize)> {
    card.roots
        .iter()
        .map(|root| (root.check.as_str(), root.holds_checks, root.holds_phases))
        .collect()
}

fn first_of(card: &Scorecard) -> Option<(&str, &str)> {
    card.first_blocked
        .as_ref()
        .map(|first| (first.phase.as_str(), first.check.as_str()))
}

fn cause_of<'a>(card: &'a Scorecard, id: &str) -> Option<&'a str> {
    card.check(id).and_then(|(_, check)| check.cause.as_deref())
}

const ONE: Phases<'_> = &[("P0", &[])];

#[rstest]
#[case(&[(0, "a", Pass)], RunResult::Green, 0)]
#[case(&[(0, "a", Pass), (0, "b", Skipped)], RunResult::Green, 0)]
#[case(&[(0, "a", Pass), (0, "b", Warn)], RunResult::Degraded, 1)]
#[case(&[(0, "a", Warn)], RunResult::Degraded, 1)]
#[case(&[(0, "a", Pass), (0, "b", Warn), (0, "c", Blocked)], RunResult::Blocked, 2)]
#[case(&[(0, "a", Blocked), (0, "b", After("a"))], RunResult::Blocked, 2)]
#[case(&[], RunResult::CheckFailed, 3)]
#[case(&[(0, "a", Skipped)], RunResult::CheckFailed, 3)]
#[case(&[(0, "a", Silent)], RunResult::CheckFailed, 3)]
#[case(&[(0, "a", Pass), (0, "b", Silent)], RunResult::CheckFailed, 3)]
fn a_complete_run_comes_to(
    #[case] checks: Checks<'_>,
    #[case] result: RunResult,
    #[case] exit_code: u8,
) {
    let card = complete(ONE, checks);
    assert_eq!((card.result, card.exit_code), (result, exit_code));
    assert_eq!(card.failure.is_some(), result == RunResult::CheckFailed);
}

#[rstest]
#[case(
    Ending::Deadline(Duration::from_secs(30)),
    "the run's deadline of 30 s struck"
)]
#[case(Ending::Interrupted, "the run was interrupted")]
fn an_incomplete_run_proves_nothing(#[case] ending: Ending, #[case] failure: &str) {
    for comes in [Pass, Warn, Blocked] {
        let card = run(ONE, &[(0, "a", comes)], false, ending.clone());
        assert_eq!(card.result, RunResult::CheckFailed);
        assert_eq!(card.exit_code, 3);
        assert_eq!(card.failure.as_deref(), Some(failure));
    }
}

#[rstest]
#[case(&["h"], "h rebooted (or its connection was lost) in the middle of the run")]
#[case(&["h", "i"], "h, i rebooted (or their connections were lost) in the middle of the run")]
fn what_was_seen_before_a_restart_proves_nothing(#[case] hosts: &[&str], #[case] failure: &str) {
    let ending = || Ending::Disrupted(hosts.iter().map(ToString::to_string).collect());
    for comes in [Pass, Warn] {
        let card = run(ONE, &[(0, "a", comes)], false, ending());
        assert_eq!(card.result, RunResult::CheckFailed);
        assert_eq!(card.failure.as_deref(), Some(failure));
        assert_eq!(card.disrupted, hosts);
    }
    let card = run(ONE, &[(0, "a", Blocked)], false, ending());
    assert_eq!((card.result, card.failure), (RunResult::Blocked, None));
    assert_eq!(card.disrupted, hosts);
}

#[rstest]
#[case(877_040_256, "0.877")]
#[case(1_000_000, "0.001")]
#[case(2_000_000_000, "2")]
#[case(479_877_040_256, "480")]
fn a_deadline_is_told_as_somebody_would_say_it(#[case] nanoseconds: u64, #[case] told: &str) {
    let ending = Ending::Deadline(Duration::from_nanos(nanoseconds));
    let card = run(ONE, &[(0, "a", Comes::Deadline)], false, ending);
    let expected = format!("the run's deadline of {told} s struck");
    assert_eq!(card.failure, Some(expected));
}

#[test]
fn a_deadline_keeps_what_was_seen_before() {
    let ending = Ending::Deadline(Duration::from_secs(30));
    let checks: Checks<'_> = &[(0, "a", Blocked), (0, "b", Comes::Deadline)];
    let card = run(ONE, checks, false, ending);
    assert_eq!(first_of(&card), Some(("P0", "a")));
    // What the deadline left open is not the root's doing.
    assert_eq!(roots_of(&card), [("a", 0, 0)]);
    let (_, open) = card.check("b").expect("b is on the card");
    assert!(open.unfinished);
    assert_eq!(open.held_by, Some(Held::Deadline));
}

#[test]
fn a_phase_without_checks_keeps_a_run_from_green() {
    let card = complete(&[("P0", &[]), ("P1", &[0])], &[(0, "a", Pass)]);
    assert_eq!(card.result, RunResult::CheckFailed);
    assert_eq!(
        card.failure.as_deref(),
        Some("the gate of P1 was left undecided")
    );
}

#[test]
fn every_planned_check_is_on_the_card_once_and_in_order() {
    let checks: Checks<'_> = &[(0, "b", Pass), (0, "a", Silent), (1, "c", Skipped)];
    let card = complete(&[("P0", &[]), ("P1", &[])], checks);
    let ids: Vec<&str> = card.checks().map(|check| check.id.as_str()).collect();
    assert_eq!(ids, ["b", "a", "c"]);
    assert_eq!(card.totals.all(), 3);
}

#[test]
fn one_lost_connection_is_one_root() {
    let checks: Checks<'_> = &[
        (0, "ping", Pass),
        (0, "ssh", Lost(Required, "k3s120")),
        (0, "clock", Lost(Required, "k3s120")),
        (0, "other", Lost(Required, "k3s121")),
        (1, "disk", Comes::Gate("P0")),
        (2, "load", Comes::Gate("P0")),
    ];
    let card = complete(&[("P0", &[]), ("P1", &[0]), ("P2", &[1])], checks);
    assert_eq!(roots_of(&card), [("ssh", 3, 2), ("other", 2, 2)]);
    assert_eq!(cause_of(&card, "clock"), Some("ssh"));
    assert_eq!(cause_of(&card, "ssh"), None);
    assert_eq!(first_of(&card), Some(("P0", "ssh")));
}

#[test]
fn a_silent_port_of_a_lost_host_is_no_root_of_its_own() {
    let checks: Checks<'_> = &[
        (0, "port", Suspects(Required, "k3s120")),
        (0, "ssh", Lost(Required, "k3s120")),
        (0, "hint", Suspects(Advisory, "k3s120")),
        (0, "other", Suspects(Required, "k3s121")),
        (0, "third", Suspects(Required, "k3s122")),
        (0, "fourth", Lost(Advisory, "k3s122")),
    ];
    let card = complete(ONE, checks);
    assert_eq!(cause_of(&card, "port"), Some("ssh"));
    assert_eq!(cause_of(&card, "hint"), Some("ssh"));
    // A suspicion that nothing confirms explains nothing, and a warning no block.
    assert_eq!(
        roots_of(&card),
        [("ssh", 2, 0), ("other", 0, 0), ("third", 0, 0)]
    );
}

#[test]
fn what_cannot_be_told_without_a_lost_host_is_no_root_of_its_own() {
    let checks: Checks<'_> = &[
        (0, "address", Partly("k3s120")),
        (0, "ssh", Lost(Required, "k3s120")),
        (0, "other", Partly("k3s121")),
    ];
    let card = complete(ONE, checks);
    assert_eq!(cause_of(&card, "address"), Some("ssh"));
    assert_eq!(roots_of(&card), [("ssh", 1, 0), ("other", 0, 0)]);
}

#[test]
fn an_advisory_check_never_owns_what_blocks() {
    let checks: Checks<'_> = &[
        (0, "smart", Lost(Advisory, "k3s120")),
        (0, "ssh", Lost(Required, "k3s120")),
    ];
    let card = complete(ONE, checks);
    assert_eq!(roots_of(&card), [("ssh", 1, 0)]);
    assert_eq!(cause_of(&card, "smart"), Some("ssh"));
    assert_eq!(first_of(&card), Some(("P0", "ssh")));
}

#[test]
fn advisory_checks_alone_share_a_cause_but_make_no_root() {
    let checks: Checks<'_> = &[
        (0, "smart", Lost(Advisory, "k3s120")),
        (0, "load", Lost(Advisory, "k3s120")),
    ];
    let card = complete(ONE, checks);
    assert!(card.roots.is_empty() && card.first_blocked.is_none());
    assert_eq!(cause_of(&card, "load"), Some("smart"));
    assert_eq!(card.result, RunResult::Degraded);
}

#[test]
fn a_connection_lost_in_two_branches_holds_what_is_behind_both() {
    let checks: Checks<'_> = &[
        (0, "ssh", Lost(Required, "k3s120")),
        (1, "disk", Lost(Required, "k3s120")),
        (2, "behind-a", Comes::Gate("A")),
        (3, "behind-b", Comes::Gate("B")),
    ];
    let card = complete(&[("A", &[]), ("B", &[]), ("C", &[0]), ("D", &[1])], checks);
    assert_eq!(roots_of(&card), [("ssh", 3, 3)]);
}

/// A needs nothing; B and C need A; D needs B and C.
const DIAMOND: Phases<'_> = &[("A", &[]), ("B", &[0]), ("C", &[0]), ("D", &[1, 2])];

#[test]
fn a_diamond_counts_each_held_check_once() {
    let checks: Checks<'_> = &[
        (0, "a", Blocked),
        (1, "b", Comes::Gate("A")),
        (2, "c", Comes::Gate("A")),
        (3, "d", Comes::Gate("A")),
    ];
    assert_eq!(roots_of(&complete(DIAMOND, checks)), [("a", 3, 3)]);
}

#[test]
fn two_roots_both_hold_what_needs_both() {
    let checks: Checks<'_> = &[
        (0, "a", Pass),
        (1, "b", Blocked),
        (2, "c", Blocked),
        (3, "d", Comes::Gate("B")),
    ];
    let card = complete(DIAMOND, checks);
    assert_eq!(roots_of(&card), [("b", 1, 1), ("c", 1, 1)]);
    assert_eq!(first_of(&card), Some(("B", "b")));
    let (phase, _) = card.check("d").expect("d is on the card");
    assert_eq!(phase.held_by.as_deref(), Some("B"));
}

#[test]
fn a_branch_beside_the_blocked_one_is_not_held() {
    let checks: Checks<'_> = &[
        (0, "a", Pass),
        (1, "b", Blocked),
        (2, "c", Pass),
        (3, "d", Comes::Gate("B")),
    ];
    assert_eq!(roots_of(&complete(DIAMOND, checks)), [("b", 1, 1)]);
}

#[test]
fn what_comes_after_a_held_check_is_held_by_the_same_root() {
    let checks: Checks<'_> = &[
        (0, "a", Blocked),
        (0, "b", After("a")),
        (0, "c", After("b")),
        (0, "d", Pass),
        (0, "e", Blocked),
    ];
    assert_eq!(roots_of(&complete(ONE, checks)), [("a", 2, 0), ("e", 0, 0)]);
}

#[test]
fn keep_going_finds_further_roots_but_the_first_gate_stays_first() {
    let checks: Checks<'_> = &[
        (0, "a", Blocked),
        (1, "b", Blocked),
        (2, "c", Pass),
        (3, "d", Warn),
    ];
    let card = run(DIAMOND, checks, true, Ending::Complete);
    assert!(card.keep_going);
    assert_eq!(first_of(&card), Some(("A", "a")));
    assert_eq!(roots_of(&card), [("a", 0, 0), ("b", 0, 0)]);
    let gates: Vec<Gate> = card.phases.iter().map(|phase| phase.gate).collect();
    assert_eq!(gates[0], Gate::Blocked);
    assert!(gates[1..].iter().all(|gate| *gate == Gate::NotEvaluated));
}

#[test]
fn order_of_arrival_does_not_show() {
    let phases: Phases<'_> = &[("P0", &[])];
    let checks: Checks<'_> = &[
        (0, "a", Lost(Required, "k3s120")),
        (0, "b", Lost(Required, "k3s120")),
    ];
    let card = |order: [usize; 2]| {
        let mut fold = Fold::new(planned(phases, checks, false), at(0));
        for check in order {
            let (_, event) = event(check, checks[check].2).expect("it is judged");
            fold.apply(event);
        }
        fold.apply(Event::Finished {
            at: at(2),
            ending: Ending::Complete,
        })
        .and_then(|card| serde_json::to_string(&card).ok())
    };
    assert!(card([0, 1]).is_some());
    assert_eq!(card([0, 1]), card([1, 0]));
}

#[test]
fn hosts_tell_their_boot_once() {
    let mut fold = Fold::new(
        planned(ONE, &[(0, "a", Pass), (0, "b", Pass)], false),
        at(0),
    );
    for (check, boot_id) in [(0, "first"), (1, "second")] {
        let mut facts = Facts::new();
        facts.set("boot_id", boot_id);
        facts.set("booted_at", at(9));
        fold.apply(judged(check, Verdict::Pass, Outcome::Seen(facts)));
    }
    let finished = Event::Finished {
        at: at(2),
        ending: Ending::Complete,
    };
    let card = fold.apply(finished).expect("the card");
    assert_eq!(card.hosts.len(), 1);
    assert_eq!(card.hosts[0].boot_id.as_deref(), Some("first"));
    assert_eq!(card.hosts[0].booted_at, Some(at(9)));
}

/// A check that was looked into by a journal and by a look that was denied.
fn diagnosed(recognised: Vec<Recognised>) -> CheckCard {
    let run = planned(&[("A", &[])], &[(0, "a", Blocked)], false);
    let mut fold = Fold::new(run, at(0));
    let outcome = || Outcome::Fault(Fault::new(FaultKind::Refused, "refused"));
    fold.apply(judged(0, Verdict::Blocked, outcome()));
    let mut facts = Facts::new();
    facts.set("lines", Value::List(vec!["PANIC: no record".into()]));
    let look = |kind, outcome| Diagnosed {
        kind,
        host: Some("data188".to_owned()),
        goal: format!("the {kind}"),
        outcome,
    };
    fold.apply(Event::CheckDiagnosed {
        check: 0,
        looks: vec![
            look("journal", Outcome::Seen(facts)),
            look("disk", outcome()),
        ],
        recognised,
    });
    let card = fold.finish(at(2), &Ending::Complete);
    assert_eq!(card.result, RunResult::Blocked);
    card.check("a").map(|(_, check)| check.clone()).expect("a")
}

fn recognised(signature: usize) -> Recognised {
    Recognised {
        signature,
        kind: "journal".to_owned(),
        line: "PANIC: no record".to_owned(),
    }
}

#[test]
fn what_was_looked_into_is_on_the_card() {
    let check = diagnosed(Vec::new());
    assert_eq!((check.signature.as_ref(), check.tier()), (None, None));
    let [journal, disk] = &check.diagnosis[..] else {
        panic!("{:?}", check.diagnosis);
    };
    assert!(journal.fault.is_none() && journal.facts.get("lines").is_some());
    assert_eq!(
        disk.fault.as_ref().map(|fault| fault.kind),
        Some(FaultKind::Refused)
    );
    assert_eq!(disk.facts, Facts::new());
}

#[test]
fn the_first_signature_names_the_failure_and_the_strictest_tier_holds() {
    // What the plan does not know is no reason to lose the rest.
    let check = diagnosed(vec![recognised(9), recognised(0), recognised(1)]);
    let ids: Vec<&str> = check.signatures().map(|found| found.id.as_str()).collect();
    assert_eq!(ids, ["signature-0", "signature-1"]);
    assert_eq!(check.tier(), Some(Guardrail::Block));
    let named = check.signature.expect("a name");
    assert_eq!(named.matched, "PANIC: no record");
    assert_eq!(named.go_back_to.as_deref(), Some("A"));
    assert_eq!(named.guardrail, Some(Guardrail::StandardHitl));
}
