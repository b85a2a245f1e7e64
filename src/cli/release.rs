//! What a release waits for, as `plan`, `graph` and `explain` tell it.

use serde_json::{Value, json};

use super::page::Page;
use crate::plan::{Condition, Plan, Release};
use crate::report::duration;

/// The fields of a release, at `indent`.
pub(super) fn fields(page: &mut Page, plan: &Plan, indent: usize, release: &Release) {
    let needs = phases(plan, &release.needs);
    let conditions = release.require.iter().map(|wanted| condition(plan, wanted));
    let conditions: Vec<String> = conditions.collect();
    let mut name = "waits for";
    for (state, ids) in [
        ("GREEN", needs.join(", ")),
        ("PASS", conditions.join(", ")),
        ("OPEN", after(plan, release).join(", ")),
    ] {
        if !ids.is_empty() {
            page.field(indent, name, &format!("{state}: {ids}"));
            name = "";
        }
    }
    if let Some(runbook) = &release.runbook {
        page.field(indent, "runbook", runbook);
    }
}

/// `load@ops110 for 15m 00s`.
pub(super) fn condition(plan: &Plan, wanted: &Condition) -> String {
    let check = &plan.checks[wanted.check].id;
    match wanted.stable_for {
        Some(span) => format!("{check} for {}", duration(span)),
        None => check.clone(),
    }
}

/// The ids of the releases that must be open before.
pub(super) fn after<'p>(plan: &'p Plan, release: &Release) -> Vec<&'p str> {
    let after = release.after.iter();
    after
        .map(|&place| plan.releases[place].id.as_str())
        .collect()
}

/// The phases that a release needs, without those upstream of another of them.
pub(super) fn nearest(plan: &Plan, release: &Release) -> Vec<usize> {
    let upstream = |phase: &usize| {
        let mut needs = release.needs.iter();
        needs.any(|&other| plan.phases[other].needs.contains(phase))
    };
    let needs = release.needs.iter().copied();
    needs.filter(|phase| !upstream(phase)).collect()
}

/// The ids of phases.
pub(super) fn phases<'p>(plan: &'p Plan, places: &[usize]) -> Vec<&'p str> {
    let places = places.iter();
    places
        .map(|&place| plan.phases[place].id.as_str())
        .collect()
}

/// A release with everything that it waits for.
pub(super) fn document(plan: &Plan, release: &Release) -> Value {
    let conditions = release.require.iter().map(|wanted| {
        json!({
            "check": plan.checks[wanted.check].id,
            "stable_for_s": wanted.stable_for.map(|span| span.as_secs_f64()),
        })
    });
    json!({
        "id": release.id,
        "title": release.title,
        "needs": phases(plan, &release.needs),
        "require": conditions.collect::<Vec<_>>(),
        "after": after(plan, release),
        "runbook": release.runbook,
    })
}

/// `, 2 releases`; nothing where there are none.
pub(super) fn counted(plan: &Plan) -> String {
    match plan.releases.len() {
        0 => String::new(),
        number => format!(", {}", crate::report::count(number, "release")),
    }
}
