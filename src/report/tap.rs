//! The card in the Test Anything Protocol, version 14.
//!
//! What was not evaluated is `not ok`: `# SKIP` would count as a success. Only
//! what was left out on purpose is skipped. A warning is `not ok … # TODO`,
//! which is the protocol's word for a failure that does not fail the whole.

use serde_json::{Map, Value, json};

use super::harmless::harmless;
use super::words;
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
        out.push_str(&point(place + 1, phase, check));
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

fn point(number: usize, phase: &PhaseCard, check: &CheckCard) -> String {
    let description = escaped(&format!("{} {}: {}", phase.id, check.id, check.title));
    let reason = words::reason(check).unwrap_or_default();
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
        for (key, value) in details(check) {
            point.push_str(&format!("  {key}: {value}\n"));
        }
        point.push_str("  ...\n");
    }
    point
}

/// The values as JSON on one line each, which every YAML parser reads.
fn details(check: &CheckCard) -> Map<String, Value> {
    let text = |text: &str| Value::from(harmless(text));
    let mut details = Map::new();
    let mut set = |key: &str, value: Value| details.insert(key.to_owned(), value);
    set("verdict", text(words::verdict(check.verdict)));
    if let Some(reason) = words::reason(check) {
        set("reason", text(&reason));
    }
    let misses: Vec<Value> = words::misses(check)
        .iter()
        .map(|miss| json!({ "expected": text(&miss.expected), "seen": text(&miss.seen) }))
        .collect();
    if !misses.is_empty() {
        set("findings", Value::Array(misses));
        let steps = words::steps(check).into_iter().map(text).collect();
        set("next", Value::Array(steps));
        set("attempts", check.attempts.into());
    }
    if check.elapsed_ms > 0.0 {
        set(
            "duration_ms",
            ((check.elapsed_ms * 10.0).round() / 10.0).into(),
        );
    }
    if let Some(runbook) = &check.runbook {
        set("runbook", text(runbook));
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
