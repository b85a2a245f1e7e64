//! Root causes and what they hold back. All of it follows plan order, never
//! the order in which results arrived, so that the same facts give the same card.

use std::collections::{BTreeSet, HashMap};

use super::event::PlannedRun;
use super::model::{CheckCard, Held, Root};
use crate::judge::Verdict;
use crate::probe::ConnectionKey;

/// Names, for every check that failed on a shared connection, the first check
/// in plan order that failed on the same one. The silence of a port is explained
/// by that of its whole address, where a check found that, and what one of several
/// hosts was not asked by that host's connection. A check that may
/// block is preferred to an advisory one, which cannot be what holds a gate.
pub(super) fn assign_causes(checks: &mut [CheckCard]) {
    let mut owners: HashMap<ConnectionKey, (String, Verdict)> = HashMap::new();
    for verdict in [Verdict::Blocked, Verdict::Warn] {
        for check in checks.iter().filter(|check| check.verdict == verdict) {
            if let Some(key) = connection(check) {
                owners
                    .entry(key.clone())
                    .or_insert_with(|| (check.id.clone(), verdict));
            }
        }
    }
    for check in checks {
        let Some(key) = connection(check)
            .or_else(|| suspect(check))
            .or_else(|| wanting(check))
        else {
            continue;
        };
        check.cause = owners
            .get(key)
            .filter(|(owner, _)| *owner != check.id)
            .filter(|(_, weight)| *weight == Verdict::Blocked || check.verdict == Verdict::Warn)
            .map(|(owner, _)| owner.clone());
    }
}

fn connection(check: &CheckCard) -> Option<&ConnectionKey> {
    check
        .fault
        .as_ref()
        .and_then(|fault| fault.connection.as_ref())
}

/// The connection for want of which a check cannot tell what it is asked, though it
/// saw something. What it saw to be wrong is its own.
fn wanting(check: &CheckCard) -> Option<&ConnectionKey> {
    let mut findings = check.findings.iter();
    let saw_wrong = findings.any(|finding| finding.held == Some(false));
    check.facts.without().filter(|_| !saw_wrong)
}

fn suspect(check: &CheckCard) -> Option<&ConnectionKey> {
    check
        .fault
        .as_ref()
        .and_then(|fault| fault.suspect.as_ref())
}

/// Which phases come after which, transitively.
#[derive(Debug)]
pub(super) struct Downstream(Vec<BTreeSet<usize>>);

impl Downstream {
    pub(super) fn of(planned: &PlannedRun) -> Self {
        let mut after = vec![BTreeSet::new(); planned.phases.len()];
        // Needs come before their phase, so one pass from the end sees every
        // successor complete.
        for phase in (0..planned.phases.len()).rev() {
            for &need in &planned.phases[phase].needs {
                let reached: Vec<usize> = after[phase].iter().copied().chain([phase]).collect();
                after[need].extend(reached);
            }
        }
        Self(after)
    }
}

pub(super) fn roots(
    planned: &PlannedRun,
    checks: &[CheckCard],
    downstream: &Downstream,
) -> Vec<Root> {
    checks
        .iter()
        .enumerate()
        .filter(|(_, check)| check.verdict == Verdict::Blocked && check.cause.is_none())
        .map(|(place, check)| root(planned, checks, downstream, place, check))
        .collect()
}

fn root(
    planned: &PlannedRun,
    checks: &[CheckCard],
    downstream: &Downstream,
    place: usize,
    check: &CheckCard,
) -> Root {
    let home = planned.checks[place].phase;
    let mut culprits: BTreeSet<&str> = BTreeSet::from([check.id.as_str()]);
    let mut blocked_phases: BTreeSet<usize> = BTreeSet::from([home]);
    let mut held = BTreeSet::new();
    // Plan order puts a check behind what it comes `after` and behind the
    // phases it needs, so one pass reaches everything.
    for (other, card) in checks.iter().enumerate() {
        let phase = planned.checks[other].phase;
        let caused = card.cause.as_deref() == Some(check.id.as_str());
        let waits = card.verdict == Verdict::NotEvaluated
            && match &card.held_by {
                Some(Held::Check(after)) => culprits.contains(after.as_str()),
                Some(Held::Gate(_)) => blocked_phases
                    .iter()
                    .any(|gate| downstream.0[*gate].contains(&phase)),
                Some(Held::Deadline | Held::Interrupt) | None => false,
            };
        if caused || waits {
            culprits.insert(&card.id);
            held.insert(other);
        }
        if caused && card.verdict == Verdict::Blocked {
            blocked_phases.insert(phase);
        }
    }
    let phases: BTreeSet<usize> = held
        .iter()
        .map(|&other| planned.checks[other].phase)
        .filter(|phase| *phase != home)
        .collect();
    Root {
        check: check.id.clone(),
        holds_checks: held.len(),
        holds_phases: phases.len(),
    }
}
