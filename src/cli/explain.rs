//! `coldstart explain`: one check in full, for the person who has to act on it.

use super::args::Explain;
use super::exit::Exit;
use super::input::{self, unknown_name};
use super::output::{Channel, print, tell};
use super::page::Page;
use super::plan::{after, level, needs, over_time, shown, times};
use crate::engine;
use crate::plan::{Check, Plan};
use crate::probe;
use crate::report::count;

pub(super) fn explain(arguments: &Explain) -> Result<Exit, Exit> {
    let input = input::input(&arguments.baseline, &arguments.display)?;
    let places = input
        .plan
        .find_checks(&arguments.check)
        .map_err(|unknown| {
            tell(&unknown_name(&unknown, "check", &input.plan));
            Exit::Usage
        })?;
    let mut page = Page::new(arguments.display.colored(Channel::Stdout));
    for (number, place) in places.into_iter().enumerate() {
        if number > 0 {
            page.blank();
        }
        check(&mut page, &input.plan, place);
    }
    Ok(print(&page.finish(), Exit::Done))
}

fn check(page: &mut Page, plan: &Plan, place: usize) {
    let check = &plan.checks[place];
    page.heading(&check.id, &check.title);
    let summary = probe::find(check.kind).map_or("", |kind| kind.summary);
    page.field(2, "kind", &format!("{}: {summary}", check.kind));
    for request in check.requests(&plan.policy) {
        page.field(2, request.protocol, &shown(&request));
    }
    page.field(2, "answer", &check.goal());
    for expectation in &check.expectations {
        page.field(2, level(expectation.level), &expectation.source);
    }
    for (rule, text) in over_time(check) {
        page.field(2, rule, &text);
    }
    if check.advisory {
        page.field(
            2,
            "advisory",
            "a failure of it is a warning and holds nothing back",
        );
    }
    page.field(2, "time", &times(check));
    surroundings(page, plan, place);
    page.field(
        2,
        "remedy",
        check.remedy.as_deref().unwrap_or("none is written down"),
    );
    if let Some(runbook) = &check.runbook {
        page.field(2, "runbook", runbook);
    }
    if let Some(tier) = check.guardrail {
        let tier = engine::tier(tier);
        page.field(2, "tier", &format!("{}: {}", tier.name(), tier.allows()));
    }
    failure(page, plan, check);
    facts(page, check);
}

/// What is looked at when it does not pass, and the names that its failure may get.
fn failure(page: &mut Page, plan: &Plan, check: &Check) {
    for look in &check.diagnosis {
        page.field(2, "if it fails", &format!("{}: {}", look.kind, look.goal()));
        for request in look.requests(&plan.policy) {
            page.field(4, request.protocol, &shown(&request));
        }
    }
    for signature in check
        .signatures
        .iter()
        .map(|&place| &plan.signatures[place])
    {
        let sought: Vec<String> = signature
            .tells
            .matching
            .iter()
            .map(ToString::to_string)
            .collect();
        page.field(
            2,
            "signature",
            &format!(
                "{}: {}: {}",
                signature.id,
                signature.title,
                sought.join(" | ")
            ),
        );
    }
}

/// What it waits for, and what waits for it.
fn surroundings(page: &mut Page, plan: &Plan, place: usize) {
    let check = &plan.checks[place];
    let phase = &plan.phases[check.phase];
    page.field(2, "phase", &titled(&phase.id, phase.title.as_deref()));
    let mut waits_for = needs(plan, phase);
    waits_for.extend(after(plan, check));
    page.field(2, "waits for", &list(&waits_for));
    let followers: Vec<&str> = plan
        .checks_after(place)
        .into_iter()
        .map(|later| plan.checks[later].id.as_str())
        .collect();
    let phases = plan.downstream(check.phase);
    let held: usize = phases
        .iter()
        .map(|&later| plan.phases[later].checks.len())
        .sum();
    let phases: Vec<&str> = phases
        .iter()
        .map(|&later| plan.phases[later].id.as_str())
        .collect();
    if !followers.is_empty() && !check.advisory {
        page.field(
            2,
            "holds",
            &format!("{} in its own phase", followers.join(", ")),
        );
    }
    let text = match (phases.as_slice(), check.advisory) {
        (_, true) => "nothing: it is advisory".to_owned(),
        ([], false) if followers.is_empty() => "nothing: no phase comes after its own".to_owned(),
        ([], false) => return,
        (phases, false) => format!("{} of {}", count(held, "check"), phases.join(", ")),
    };
    page.field(2, "holds", &text);
}

fn facts(page: &mut Page, check: &Check) {
    let Some(kind) = probe::find(check.kind) else {
        return;
    };
    page.blank();
    page.line("  what expectations may speak of:");
    for fact in kind.facts {
        page.line(&format!("    {:20} {}", fact.name, fact.doc));
    }
}

fn titled(id: &str, title: Option<&str>) -> String {
    match title {
        Some(title) => format!("{id}  {title}"),
        None => id.to_owned(),
    }
}

fn list(ids: &[&str]) -> String {
    if ids.is_empty() {
        "nothing".to_owned()
    } else {
        ids.join(", ")
    }
}
