//! The card in the Test Anything Protocol, version 14.
//!
//! What was not evaluated is `not ok`: `# SKIP` would count as a success. Only
//! what was left out on purpose is skipped. A warning is `not ok … # TODO`,
//! which is the protocol's word for a failure that does not fail the whole.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::harmless::harmless;
use super::words::{self, Kind};
use crate::scorecard::{CheckCard, PhaseCard, Scorecard, Verdict};

/// One test point for each check, with its details as a YAML block; `Bail out!`
/// at the end of a run that could not be completed.
#[must_use]
pub fn tap(card: &Scorecard) -> String {
    let mut out = format!("TAP version 14\n1..{}\n", card.totals.all());
    let points = card
        .phases
        .iter()
        .flat_map(|phase| phase.checks.iter().map(move |check| (phase, check)));
    for (place, (phase, check)) in points.enumerate() {
        out.push_str(&point(card, place + 1, phase, check));
    }
    for release in &card.releases {
        out.push_str(&format!(
            "# release {}\n",
            comment(&words::decision(release))
        ));
    }
    for note in words::waivers(card) {
        out.push_str(&format!("# {}\n", comment(&note)));
    }
    out.push_str(&format!("# {}\n", comment(&words::result(card))));
    if let Some(why) = &card.failure {
        out.push_str(&format!("Bail out! {}\n", comment(why)));
    }
    out
}

fn point(card: &Scorecard, number: usize, phase: &PhaseCard, check: &CheckCard) -> String {
    let description = escaped(&format!("{} {}: {}", phase.id, check.id, check.title));
    let reason = words::reason(card, check).unwrap_or_default();
    let (ok, directive) = match check.verdict {
        Verdict::Pass => ("ok", String::new()),
        Verdict::Warn if check.accepted.is_some() => {
            ("not ok", format!(" # TODO ACCEPTED {}", escaped(&reason)))
        }
        Verdict::Warn => ("not ok", " # TODO WARN".to_owned()),
        Verdict::Blocked | Verdict::NotEvaluated => ("not ok", String::new()),
        Verdict::Skipped => ("ok", format!(" # SKIP {}", escaped(&reason))),
    };
    let mut point = format!("{ok} {number} - {description}{directive}\n");
    if check.verdict != Verdict::Pass {
        point.push_str("  ---\n");
        for (key, value) in details(card, check) {
            point.push_str(&format!("  {key}: {value}\n"));
        }
        point.push_str("  ...\n");
    }
    point
}

/// The values as JSON on one line each, which every YAML parser reads.
fn details(card: &Scorecard, check: &CheckCard) -> Map<String, Value> {
    let text = |text: &str| Value::from(harmless(text));
    let mut details = Map::new();
    let mut set = |key: &str, value: Value| details.insert(key.to_owned(), value);
    set("verdict", text(words::verdict(check.verdict)));
    if let Some(reason) = words::reason(card, check) {
        set("reason", text(&reason));
    }
    let told = words::failure(card, check, &TimeZone::UTC);
    let all = |kind: Kind| -> Vec<Value> {
        let lines = told.iter().filter(|line| line.kind == kind);
        lines.map(|line| text(&line.text)).collect()
    };
    let misses: Vec<Value> = words::misses(card, check)
        .iter()
        .map(|miss| json!({ "expected": text(&miss.expected), "seen": text(&miss.seen) }))
        .collect();
    if !misses.is_empty() {
        for kind in [Kind::Failure, Kind::Matched, Kind::Also] {
            let names = all(kind);
            if !names.is_empty() {
                set(kind.label(), Value::Array(names));
            }
        }
        set("findings", Value::Array(misses));
        let evidence = told
            .iter()
            .filter(|line| matches!(line.kind, Kind::Evidence | Kind::LogLine));
        let evidence: Vec<Value> = evidence.map(|line| text(&line.text)).collect();
        if !evidence.is_empty() {
            set(Kind::Evidence.label(), Value::Array(evidence));
        }
        set(Kind::Next.label(), Value::Array(all(Kind::Next)));
        for tier in all(Kind::Tier) {
            set(Kind::Tier.label(), tier);
        }
        set("attempts", check.attempts.into());
    }
    if check.elapsed_ms > 0.0 {
        set(
            "duration_ms",
            ((check.elapsed_ms * 10.0).round() / 10.0).into(),
        );
    }
    let mut runbooks = all(Kind::Runbook);
    if told.is_empty() {
        runbooks.extend(check.runbook.as_deref().map(text));
    }
    if !runbooks.is_empty() {
        set(Kind::Runbook.label(), Value::Array(runbooks));
    }
    details
}

/// A description's or a reason's text: `#` begins a directive.
fn escaped(text: &str) -> String {
    harmless(text).replace('\\', "\\\\").replace('#', "\\#")
}

fn comment(text: &str) -> String {
    harmless(text).into_owned()
}

#[cfg(test)]
mod tests;
