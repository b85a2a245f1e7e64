//! What is looked at when a check did not pass, after its last attempt.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::attempt::{Look, Shared, observe};
use crate::judge::{Recognised, recognise};
use crate::plan::{Check, Diagnosis};
use crate::probe::{Fault, FaultKind, Outcome};
use crate::scorecard::Diagnosed;

/// The longest that the looks into one failure may take in all, the wait for
/// their turn included.
const LONGEST: Duration = Duration::from_mins(1);

/// What came of looking into a failure.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// One for each look, in the order of the file.
    pub(super) looks: Vec<Diagnosed>,
    /// The signatures found, in the order of the file.
    pub(super) recognised: Vec<Recognised>,
}

/// Looks into the failure of the check at `place`, whose last attempt, the
/// `attempt`th, came to `outcome`: takes the looks of its diagnosis, at once and once each, and
/// holds all that was seen against the signatures that watch it.
pub(super) async fn diagnose(
    shared: &Shared,
    place: usize,
    attempt: u32,
    outcome: &Outcome,
) -> Findings {
    let check = &shared.plan.checks[place];
    let looks = if is_cut_off(outcome) {
        Vec::new()
    } else {
        let taken = check.diagnosis.iter();
        join_all(taken.map(|look| take(shared, check, attempt, look))).await
    };
    let own = crate::judge::Sight {
        kind: check.kind,
        outcome,
    };
    let others = looks.iter().map(|look| crate::judge::Sight {
        kind: look.kind,
        outcome: &look.outcome,
    });
    let all: Vec<crate::judge::Sight<'_>> = std::iter::once(own).chain(others).collect();
    let watching = check.signatures.iter().filter_map(|&signature| {
        let planned = shared.plan.signatures.get(signature)?;
        Some((signature, &planned.tells))
    });
    let recognised = recognise(watching, &all);
    Findings { looks, recognised }
}

/// Whether the check failed because its host cannot be reached or logged in
/// to: that is what is to be looked into, and nothing is sent there again.
fn is_cut_off(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Fault(fault) if fault.connection.is_some())
}

async fn take(shared: &Shared, check: &Check, attempt: u32, planned: &Diagnosis) -> Diagnosed {
    let taking = async {
        let _turn = shared.limits.turn(&planned.target).await;
        let look = Look {
            check: &check.id,
            attempt,
            kind: planned.kind,
            target: &planned.target,
            probe: planned.probe.as_ref(),
        };
        observe(shared, &look, None).await
    };
    let outcome = timeout(LONGEST, taking).await.unwrap_or_else(|_| {
        Outcome::Fault(Fault::new(
            FaultKind::TimedOut,
            format!("no end of it in {:.1} s", LONGEST.as_secs_f64()),
        ))
    });
    Diagnosed {
        kind: planned.kind,
        host: planned.host().map(str::to_owned),
        goal: planned.goal(),
        outcome,
    }
}
