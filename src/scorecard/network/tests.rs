use std::time::Duration;

use jiff::Timestamp;
use rstest::rstest;

use super::*;
use crate::judge::Judgement;
use crate::probe::{ConnectionKey, Facts, Observation, Outcome};
use crate::scorecard::{
    BaselineRef, Ending, Event, Fold, Gate, Held, PlannedCheck, PlannedPhase, Scorecard,
};

/// What a check comes to.
#[derive(Debug, Clone, Copy)]
enum Comes {
    Seen,
    /// A fault of that kind without a key.
    Fault(FaultKind),
    /// The address is down as a whole.
    Down(&'static str),
    /// One port of it is silent, which the whole address may be.
    Port(&'static str),
    /// Behind a connection to that host, which opened.
    Ssh(&'static str),
    /// The name server did not answer.
    NoLookup,
    /// Held by a gate.
    Held,
    /// It was under way when the run ended.
    Unfinished,
    /// A pass of a check on this machine.
    Here,
}
use Comes::{Down, Here, NoLookup, Port, Seen, Ssh, Unfinished};

fn fault(comes: Comes) -> Option<Fault> {
    let silent = |kind| Fault::new(kind, "no answer");
    match comes {
        Seen | Here | Comes::Held | Unfinished => None,
        Comes::Fault(kind) => Some(Fault::new(kind, "trouble")),
        Down(at) => Some(silent(FaultKind::Unreachable).on_connection(ConnectionKey::address(at))),
        Port(at) => Some(silent(FaultKind::TimedOut).suspect(ConnectionKey::address(at))),
        Ssh(host) => Some(silent(FaultKind::TimedOut).on_connection(ConnectionKey::ssh(host))),
        NoLookup => Some(silent(FaultKind::Unresolved).hopeless(false)),
    }
}

/// The card of checks `a`, `b`, … in one phase.
fn card(checks: &[Comes]) -> Scorecard {
    let planned = PlannedRun {
        baseline: BaselineRef {
            name: "test".to_owned(),
            digest: "0".to_owned(),
        },
        keep_going: false,
        phases: vec![PlannedPhase {
            id: "P0".to_owned(),
            title: None,
            needs: Vec::new(),
        }],
        checks: ('a'..)
            .zip(checks)
            .map(|(id, comes)| PlannedCheck {
                phase: 0,
                id: id.to_string(),
                title: "it answers".to_owned(),
                host: None,
                also: Vec::new(),
                kind: "tcp",
                goal: "an open port".to_owned(),
                beyond: !matches!(comes, Here),
                advisory: false,
                remedy: None,
                runbook: None,
                guardrail: None,
                definition: "d1".to_owned(),
            })
            .collect(),
        last_green: None,
        releases: Vec::new(),
        signatures: Vec::new(),
        waivers: Vec::new(),
    };
    let mut fold = Fold::new(planned, Timestamp::UNIX_EPOCH);
    for (check, &comes) in checks.iter().enumerate() {
        let event = match comes {
            Comes::Held => Event::CheckHeld {
                check,
                by: Held::Gate("P0".to_owned()),
                unfinished: None,
            },
            Unfinished => Event::CheckHeld {
                check,
                by: Held::Interrupt,
                unfinished: Some(Duration::from_secs(1)),
            },
            _ => Event::CheckJudged {
                check,
                observation: Observation {
                    at: Timestamp::UNIX_EPOCH,
                    elapsed: Duration::ZERO,
                    attempts: 1,
                    outcome: fault(comes)
                        .map_or_else(|| Outcome::Seen(Facts::new()), Outcome::Fault),
                },
                judgement: Judgement {
                    verdict: match comes {
                        Seen | Here => Verdict::Pass,
                        _ => Verdict::Blocked,
                    },
                    findings: Vec::new(),
                    course: None,
                },
            },
        };
        fold.apply(event);
    }
    fold.apply(Event::PhaseFinished {
        phase: 0,
        gate: Gate::Blocked,
        held_by: None,
        elapsed: Duration::ZERO,
    });
    fold.finish(Timestamp::UNIX_EPOCH, &Ending::Complete)
}

#[rstest]
#[case::all_hosts(&[Down("1"), Down("1"), Down("2")], &["1", "2"])]
#[case::ports_alone(&[Port("1"), Port("2")], &["1", "2"])]
#[case::what_is_behind_gates(&[Down("1"), Down("2"), Comes::Held], &["1", "2"])]
#[case::this_machine_answers_itself(&[Here, Down("1"), Down("2")], &["1", "2"])]
#[case::an_unknown_name(&[Down("1"), Down("2"), Comes::Fault(FaultKind::Unresolved)], &["1", "2"])]
#[case::no_way_to_an_address_that_is_not_told(&[Down("1"), Down("2"), Comes::Fault(FaultKind::Unreachable)], &["1", "2"])]
#[case::a_missing_file_here(&[Down("1"), Down("2"), Comes::Fault(FaultKind::LocalSetup)], &["1", "2"])]
fn silence_all_around_is_the_own_network(#[case] checks: &[Comes], #[case] addresses: &[&str]) {
    let card = card(checks);
    let own = card.own_network.as_ref().expect("the own network");
    assert_eq!(own.addresses, addresses);
    let silent: Vec<_> = card
        .checks()
        .filter(|check| {
            check
                .fault
                .as_ref()
                .is_some_and(|fault| silent_address(fault).is_some())
        })
        .collect();
    assert_eq!(own.check, silent[0].id);
    assert_eq!(silent[0].cause, None);
    for check in &silent[1..] {
        assert_eq!(check.cause.as_ref(), Some(&own.check), "{}", check.id);
    }
    let first = card.first_blocked.expect("a first one");
    assert_eq!(first.check, own.check);
}

#[test]
fn there_is_one_root_and_lookups_without_an_answer_share_it() {
    let card = card(&[NoLookup, Down("1"), Port("2")]);
    let roots: Vec<_> = card
        .roots
        .iter()
        .map(|root| (root.check.as_str(), root.holds_checks))
        .collect();
    assert_eq!(roots, [("b", 2)]);
    let first = card.first_blocked.expect("a first one");
    assert_eq!(first.check, "b");
}

#[rstest]
#[case::one_host(&[Down("1"), Port("1")])]
#[case::an_answer(&[Down("1"), Down("2"), Seen])]
#[case::a_refusal(&[Down("1"), Down("2"), Comes::Fault(FaultKind::Refused)])]
#[case::a_denial(&[Down("1"), Down("2"), Comes::Fault(FaultKind::Denied)])]
#[case::an_answer_cut_off(&[Down("1"), Down("2"), Comes::Fault(FaultKind::Closed)])]
#[case::a_hung_server(&[Down("1"), Down("2"), Comes::Fault(FaultKind::TimedOut)])]
#[case::a_hung_login(&[Down("1"), Down("2"), Ssh("h")])]
#[case::an_answer_that_may_yet_come(&[Down("1"), Down("2"), Unfinished])]
#[case::names_alone(&[NoLookup, NoLookup])]
fn anything_else_is_not(#[case] checks: &[Comes]) {
    assert_eq!(card(checks).own_network, None);
}
