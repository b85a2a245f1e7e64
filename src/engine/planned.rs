//! What of a plan the card will account for.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::plan::{Check, Guardrail as Tier, Plan, Release, Request};
use crate::scorecard::{
    BaselineRef, Guardrail, PlannedCheck, PlannedCondition, PlannedPhase, PlannedRelease,
    PlannedRun, PlannedSignature,
};

/// The part of a plan that events and cards speak of.
#[must_use]
pub fn planned_run(plan: &Plan, keep_going: bool) -> PlannedRun {
    PlannedRun {
        baseline: BaselineRef {
            name: plan.name.clone(),
            digest: plan.digest.clone(),
        },
        keep_going,
        last_green: None,
        phases: plan
            .phases
            .iter()
            .map(|phase| PlannedPhase {
                id: phase.id.clone(),
                title: phase.title.clone(),
                needs: phase.needs.clone(),
            })
            .collect(),
        checks: plan
            .checks
            .iter()
            .map(|check| PlannedCheck {
                phase: check.phase,
                id: check.id.clone(),
                title: check.title.clone(),
                host: check.host().map(str::to_owned),
                also: check
                    .target
                    .also
                    .iter()
                    .map(|host| host.id.clone())
                    .collect(),
                kind: check.kind,
                goal: goal(check),
                beyond: beyond(plan, check),
                advisory: check.advisory,
                definition: check.definition.clone(),
                remedy: check.remedy.clone(),
                runbook: check.runbook.clone(),
                guardrail: check.guardrail.map(tier),
            })
            .collect(),
        releases: plan.releases.iter().map(release).collect(),
        signatures: plan
            .signatures
            .iter()
            .map(|signature| PlannedSignature {
                id: signature.id.clone(),
                title: signature.title.clone(),
                remedy: signature.remedy.clone(),
                runbook: signature.runbook.clone(),
                guardrail: signature.guardrail.map(tier),
                go_back_to: signature.go_back_to.clone(),
            })
            .collect(),
        waivers: Vec::new(),
    }
}

fn release(release: &Release) -> PlannedRelease {
    PlannedRelease {
        id: release.id.clone(),
        title: release.title.clone(),
        needs: release.needs.clone(),
        require: release
            .require
            .iter()
            .map(|condition| PlannedCondition {
                check: condition.check,
                stable_for: condition.stable_for,
            })
            .collect(),
        after: release.after.clone(),
        runbook: release.runbook.clone(),
    }
}

/// Whether an answer would come from beyond this machine: what it knows by
/// itself, such as its neighbour table, and its own ports prove nothing.
fn beyond(plan: &Plan, check: &Check) -> bool {
    if check.target.host.as_deref().is_some_and(|host| host.local) || check.tells_coverage() {
        return false;
    }
    let asked = catch_unwind(AssertUnwindSafe(|| check.requests(&plan.policy)));
    let requests = asked.unwrap_or_default();
    let here = |text: &str| {
        ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| {
            let starts = |lead: &str| text.contains(&format!("{lead}{own}"));
            starts(" ") || starts("//") || starts("@")
        })
    };
    let goes = |sent: &Request| !["local-exec", "ssh-exec"].contains(&sent.protocol);
    let mut own = requests.iter().filter(|sent| goes(sent));
    if check.target.via.is_none() && own.any(|sent| here(&sent.text)) {
        return false;
    }
    requests.is_empty() || requests.iter().any(|sent| sent.protocol != "local-exec")
}

/// A defect in one kind must not keep all others from their run.
fn goal(check: &Check) -> String {
    catch_unwind(AssertUnwindSafe(|| check.goal())).unwrap_or_else(|_| check.title.clone())
}

/// A tier in the card's words.
#[must_use]
pub fn tier(tier: Tier) -> Guardrail {
    match tier {
        Tier::Block => Guardrail::Block,
        Tier::CriticalHitl => Guardrail::CriticalHitl,
        Tier::StandardHitl => Guardrail::StandardHitl,
        Tier::Auto => Guardrail::Auto,
    }
}
