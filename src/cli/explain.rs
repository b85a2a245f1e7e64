//! `coldstart explain`: a check, phase or release in full, for the person who
//! has to act on it.

use super::args::Explain;
use super::exit::Exit;
use super::input::{self, unknown_name};
use super::output::{self, Channel, print, tell};
use super::page::Page;
use super::plan::{after, level, needs, over_time, shown, times};
use super::release;
use crate::baseline::did_you_mean;
use crate::engine;
use crate::plan::{Check, Plan, Release, UnknownName};
use crate::probe;
use crate::report::count;

pub(super) fn explain(arguments: &Explain) -> Result<Exit, Exit> {
    let input = input::input(&arguments.baseline, &arguments.display)?;
    let (plan, name) = (&input.plan, arguments.name.as_str());
    let color = arguments.display.colored(Channel::Stdout);
    // Whoever reads it by a program finds a line for each field.
    let mut page = if output::is_terminal(Channel::Stdout) {
        Page::of_width(color, output::width(Channel::Stdout))
    } else {
        Page::new(color)
    };
    let mut told = false;
    let mut apart = |page: &mut Page| {
        if std::mem::replace(&mut told, true) {
            page.blank();
        }
    };
    for place in plan.find_checks(name).unwrap_or_default() {
        apart(&mut page);
        check(&mut page, plan, place);
    }
    // A phase or a release may have the name of a check: all of them are meant.
    for place in (0..plan.phases.len()).filter(|&place| plan.phases[place].id == name) {
        apart(&mut page);
        phase(&mut page, plan, place);
    }
    if let Ok(place) = plan.release(name) {
        apart(&mut page);
        release(&mut page, plan, place);
    }
    if !told {
        let unknown = UnknownName {
            name: name.to_owned(),
            suggestion: did_you_mean(name, plan.names()).map(str::to_owned),
        };
        tell(&unknown_name(&unknown, "check, phase or release", plan));
        return Err(Exit::Usage);
    }
    Ok(print(&page.finish(), Exit::Done))
}

/// What a phase looks at, what it waits for, and what waits for it.
fn phase(page: &mut Page, plan: &Plan, place: usize) {
    let phase = &plan.phases[place];
    page.heading(&phase.id, phase.title.as_deref().unwrap_or_default());
    page.field(2, "waits for", &list(&needs(plan, phase)));
    for check in &plan.checks[phase.checks.clone()] {
        let name = if check.advisory { "advisory" } else { "check" };
        page.field(2, name, &titled(&check.id, Some(&check.title)));
    }
    let held = held(plan, place);
    let held = held
        .as_deref()
        .unwrap_or("nothing: no phase comes after it");
    page.field(2, "holds", held);
    releases(page, plan, |release| release.needs.contains(&place));
}

/// What a release waits for, and what waits for it.
fn release(page: &mut Page, plan: &Plan, place: usize) {
    let release = &plan.releases[place];
    page.heading(
        &format!("release {}", release.id),
        release.title.as_deref().unwrap_or_default(),
    );
    release::fields(page, plan, 2, release);
    releases(page, plan, |later| later.after.contains(&place));
}

/// The releases that wait for something.
fn releases(page: &mut Page, plan: &Plan, waits: impl Fn(&Release) -> bool) {
    let waiting = plan.releases.iter().filter(|release| waits(release));
    let ids: Vec<&str> = waiting.map(|release| release.id.as_str()).collect();
    if !ids.is_empty() {
        let wait = if ids.len() == 1 { "waits" } else { "wait" };
        let text = format!("{} {wait} for it", ids.join(", "));
        page.field(2, "releases", &text);
    }
}

/// What waits for a phase, directly or not.
fn held(plan: &Plan, phase: usize) -> Option<String> {
    let phases = plan.downstream(phase);
    let held: usize = phases
        .iter()
        .map(|&later| plan.phases[later].checks.len())
        .sum();
    let ids = release::phases(plan, &phases);
    (!ids.is_empty()).then(|| format!("{} of {}", count(held, "check"), ids.join(", ")))
}

fn check(page: &mut Page, plan: &Plan, place: usize) {
    let check = &plan.checks[place];
    page.heading(&check.id, &check.title);
    let summary = probe::find(check.kind).map_or("", |kind| kind.summary);
    page.field(2, "kind", &format!("{}: {summary}", check.kind));
    for request in check.requests(&plan.policy) {
        page.sent(2, request.protocol, &shown(&request));
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
            page.sent(4, request.protocol, &shown(&request));
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
    if !followers.is_empty() && !check.advisory {
        page.field(
            2,
            "holds",
            &format!("{} in its own phase", followers.join(", ")),
        );
    }
    let text = match (held(plan, check.phase), check.advisory) {
        (_, true) => Some("nothing: it is advisory".to_owned()),
        (None, false) if followers.is_empty() => {
            Some("nothing: no phase comes after its own".to_owned())
        }
        (held, false) => held,
    };
    if let Some(text) = text {
        page.field(2, "holds", &text);
    }
    // A release waits for a pass: an advisory warning closes it, too.
    releases(page, plan, |release| {
        let required = release.require.iter().any(|wanted| wanted.check == place);
        required || release.needs.contains(&check.phase)
    });
}

fn facts(page: &mut Page, check: &Check) {
    let Some(kind) = probe::find(check.kind) else {
        return;
    };
    page.blank();
    page.line("  what expectations may speak of:");
    for fact in kind.facts {
        page.prose(&format!("    {:20} ", fact.name), fact.doc);
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
