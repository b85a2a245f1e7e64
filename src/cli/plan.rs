//! `coldstart plan`: every check in order, with exactly what would be sent.

use serde_json::{Value, json};

use super::args;
use super::exit::Exit;
use super::input;
use super::output::{Channel, print};
use super::page::Page;
use super::release;
use crate::plan::{Check, Fresh, Level, Phase, Plan, Request, Trend};
use crate::report::{count, duration};

pub(super) fn plan(arguments: &args::Plan) -> Result<Exit, Exit> {
    let input = input::input(&arguments.baseline, &arguments.display)?;
    let left_out = input::left_out(&arguments.selection, &input.plan)?;
    let text = if arguments.json {
        format!("{:#}\n", document(&input.plan, &left_out))
    } else {
        let color = arguments.display.colored(Channel::Stdout);
        page(&input.plan, &left_out, color)
    };
    Ok(print(&text, Exit::Done))
}

fn page(plan: &Plan, left_out: &[Option<String>], color: bool) -> String {
    let mut page = Page::new(color);
    let (path, longest) = plan.critical_path();
    let path: Vec<&str> = path
        .iter()
        .map(|&phase| plan.phases[phase].id.as_str())
        .collect();
    page.line(&format!(
        "{} · {}, {}, {}{}",
        plan.name,
        count(plan.hosts.len(), "host"),
        count(plan.phases.len(), "phase"),
        count(plan.checks.len(), "check"),
        release::counted(plan)
    ));
    page.line(&format!(
        "longest chain, if everything takes its worst: {} in {}",
        path.join(" → "),
        duration(longest)
    ));
    page.line("what `check` would send, in this order; `plan` itself sends nothing");
    if plan.checks.iter().any(|check| !check.diagnosis.is_empty()) {
        page.line("what stands below `if it fails` only once its check did not pass");
    }
    for phase in &plan.phases {
        page.blank();
        page.heading(&phase.id, phase.title.as_deref().unwrap_or_default());
        if !phase.needs.is_empty() {
            page.field(2, "needs", &needs(plan, phase).join(", "));
        }
        for place in phase.checks.clone() {
            check(&mut page, plan, place, left_out[place].as_deref());
        }
    }
    for release in &plan.releases {
        page.blank();
        let title = release.title.as_deref().unwrap_or_default();
        page.heading(&format!("release {}", release.id), title);
        release::fields(&mut page, plan, 2, release);
    }
    page.finish()
}

fn check(page: &mut Page, plan: &Plan, place: usize, left_out: Option<&str>) {
    let check = &plan.checks[place];
    page.blank();
    page.name(2, &check.id, &check.title);
    if let Some(why) = left_out {
        page.field(4, "skipped", why);
        return;
    }
    if !check.after.is_empty() {
        page.field(4, "after", &after(plan, check).join(", "));
    }
    for request in check.requests(&plan.policy) {
        page.field(4, request.protocol, &shown(&request));
    }
    for expectation in &check.expectations {
        page.field(4, level(expectation.level), &expectation.source);
    }
    for (rule, text) in over_time(check) {
        page.field(4, rule, &text);
    }
    page.field(4, "time", &times(check));
    for look in &check.diagnosis {
        page.field(4, "if it fails", &look.goal());
        for request in look.requests(&plan.policy) {
            page.field(6, request.protocol, &shown(&request));
        }
    }
}

/// The ids of what a phase needs.
pub(super) fn needs<'p>(plan: &'p Plan, phase: &Phase) -> Vec<&'p str> {
    release::phases(plan, &phase.needs)
}

/// The ids of what a check comes after.
pub(super) fn after<'p>(plan: &'p Plan, check: &Check) -> Vec<&'p str> {
    check
        .after
        .iter()
        .map(|&after| plan.checks[after].id.as_str())
        .collect()
}

/// A request, marked when only the baseline's own policy allows it, or when it
/// is sent only with an option.
pub(super) fn shown(request: &Request) -> String {
    let mut text = request.text.clone();
    if let Some(host) = &request.host {
        text.push_str(&format!("   [on {host}]"));
    }
    if request.by_extension {
        text.push_str("   [allowed by policy.allow]");
    }
    if let Some(option) = request.only_with {
        text.push_str(&format!("   [only with {option}]"));
    }
    text
}

pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Require => "require",
        Level::Prefer => "prefer",
    }
}

/// What a check expects of time, each rule with its name.
pub(super) fn over_time(check: &Check) -> Vec<(&'static str, String)> {
    let stable = check.over_time.stable_for;
    let trend = check.over_time.trend.as_ref();
    let stable = stable.map(|span| ("stable_for", duration(span)));
    let trend = trend.map(|trend| ("trend", trend.statement()));
    let fresh = check.over_time.fresh.as_ref();
    let fresh = fresh.map(|fresh| ("fresh", fresh.statement()));
    stable.into_iter().chain(trend).chain(fresh).collect()
}

/// What an attempt may take, and how many there are.
pub(super) fn times(check: &Check) -> String {
    let attempts = match check.retry.attempts {
        1 => "1 attempt".to_owned(),
        attempts => format!(
            "up to {attempts} attempts, {} apart",
            duration(check.retry.delay)
        ),
    };
    format!(
        "{} to connect, {} to answer, {attempts}",
        duration(check.target.connect_timeout),
        duration(check.target.timeout)
    )
}

fn document(plan: &Plan, left_out: &[Option<String>]) -> Value {
    let (path, longest) = plan.critical_path();
    json!({
        "schema_version": 1,
        "baseline": { "name": plan.name, "digest": plan.digest },
        "critical_path": {
            "phases": path.iter().map(|&phase| plan.phases[phase].id.as_str()).collect::<Vec<_>>(),
            "at_most_ms": u64::try_from(longest.as_millis()).unwrap_or(u64::MAX),
        },
        "phases": plan.phases.iter().map(|phase| json!({
            "id": phase.id,
            "title": phase.title,
            "needs": needs(plan, phase),
            "checks": phase.checks.clone().map(|place| {
                check_document(plan, &plan.checks[place], left_out[place].as_deref())
            }).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "releases": plan
            .releases
            .iter()
            .map(|release| release::document(plan, release))
            .collect::<Vec<_>>(),
    })
}

fn check_document(plan: &Plan, check: &Check, left_out: Option<&str>) -> Value {
    let diagnosis: Vec<Value> = check
        .diagnosis
        .iter()
        .map(|look| {
            json!({
                "kind": look.kind,
                "host": look.host(),
                "goal": look.goal(),
                "requests": requests(&look.requests(&plan.policy)),
                "timeout_ms": u64::try_from(look.target.timeout.as_millis()).unwrap_or(u64::MAX),
            })
        })
        .collect();
    let signatures: Vec<&str> = check
        .signatures
        .iter()
        .map(|&place| plan.signatures[place].id.as_str())
        .collect();
    let expectations: Vec<Value> = check
        .expectations
        .iter()
        .map(|expectation| json!({ "level": expectation.level, "source": expectation.source }))
        .collect();
    json!({
        "id": check.id,
        "title": check.title,
        "kind": check.kind,
        "host": check.host(),
        "via": check.target.via.as_ref().map(|via| via.id.as_str()),
        "skipped": left_out,
        "after": after(plan, check),
        "advisory": check.advisory,
        "requests": requests(&check.requests(&plan.policy)),
        "diagnosis": diagnosis,
        "signatures": signatures,
        "expectations": expectations,
        "stable_for_s": check.over_time.stable_for.map(|span| span.as_secs_f64()),
        "trend": check.over_time.trend.as_ref().map(Trend::statement),
        "fresh": check.over_time.fresh.as_ref().map(Fresh::statement),
        "definition": check.definition,
        "attempts": check.retry.attempts,
        "connect_timeout_ms": u64::try_from(check.target.connect_timeout.as_millis()).unwrap_or(u64::MAX),
        "timeout_ms": u64::try_from(check.target.timeout.as_millis()).unwrap_or(u64::MAX),
    })
}

fn requests(requests: &[Request]) -> Vec<Value> {
    requests
        .iter()
        .map(|request| {
            json!({
                "protocol": request.protocol,
                "text": request.text,
                "by_extension": request.by_extension,
                "only_with": request.only_with,
                "host": request.host,
            })
        })
        .collect()
}
