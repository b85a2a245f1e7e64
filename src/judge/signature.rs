//! Failures that have a name: what tells them in what was seen.

use super::Verdict;
use crate::probe::{Facts, Outcome, Pattern, Value, plain};

/// Characters of a line that are kept of where a signature was recognised.
const LONGEST: usize = 1000;

/// What was looked for and is not there was not seen.
const NOT_SEEN: &str = "missing";

/// What tells a failure that has a name.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Any of these in one line tells it.
    pub matching: Vec<Pattern>,
    /// Kinds whose looks it has to be in; any when empty.
    pub kinds: Vec<&'static str>,
}

/// What one look at a failed check saw: its own last attempt, or one of its diagnosis.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// The kind of the probe.
    pub kind: &'a str,
    /// What came of it.
    pub outcome: &'a Outcome,
}

/// A signature that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// Its place among the plan's.
    pub signature: usize,
    /// The kind of the probe that saw it.
    pub kind: String,
    /// The first line that tells it, at most 1000 characters of it.
    pub line: String,
}

/// Whether a check that came to this is looked into further.
///
/// A warning is: confidence in it is incomplete, and what would complete it is
/// what its diagnosis shows.
#[must_use]
pub fn is_looked_into(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Warn | Verdict::Blocked => true,
        Verdict::Pass | Verdict::NotEvaluated | Verdict::Skipped => false,
    }
}

/// The signatures that `looks` have in them, in the order given; each by the
/// first line that tells it. Of a look it is the texts of its facts and the
/// words of its fault that count: line by line, without colour, and not what a
/// fact says to be missing. It decides nothing: a verdict is what it was.
pub fn recognise<'s>(
    signatures: impl IntoIterator<Item = (usize, &'s Signature)>,
    looks: &[Sight<'_>],
) -> Vec<Recognised> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    for look in looks {
        let mut add = |text: &str| lines.extend(text.lines().map(|line| (look.kind, plain(line))));
        match look.outcome {
            Outcome::Seen(facts) => each_text(facts, &mut add),
            Outcome::Fault(fault) => add(&fault.seen),
        }
    }
    let mut found = Vec::new();
    for (place, signature) in signatures {
        let tells = |kind: &str, line: &str| {
            (signature.kinds.is_empty() || signature.kinds.contains(&kind))
                && signature.matching.iter().any(|pattern| pattern.is_in(line))
        };
        if let Some((kind, line)) = lines.iter().find(|(kind, line)| tells(kind, line)) {
            found.push(Recognised {
                signature: place,
                kind: (*kind).to_owned(),
                line: line.trim().chars().take(LONGEST).collect(),
            });
        }
    }
    found
}

fn each_text(facts: &Facts, act: &mut dyn FnMut(&str)) {
    for (name, value) in facts.iter() {
        if name != NOT_SEEN {
            each_text_of(value, act);
        }
    }
}

fn each_text_of(value: &Value, act: &mut dyn FnMut(&str)) {
    match value {
        Value::Text(text) => act(text),
        Value::List(items) => items.iter().for_each(|item| each_text_of(item, act)),
        Value::Map(items) => items.values().for_each(|item| each_text_of(item, act)),
        Value::Json(json) => each_text_of_json(json, act),
        Value::Bool(_) | Value::Number(_) | Value::Duration(_) | Value::Time(_) => {}
    }
}

fn each_text_of_json(json: &serde_json::Value, act: &mut dyn FnMut(&str)) {
    match json {
        serde_json::Value::String(text) => act(text),
        serde_json::Value::Array(items) => {
            items.iter().for_each(|item| each_text_of_json(item, act));
        }
        serde_json::Value::Object(items) => {
            items.values().for_each(|item| each_text_of_json(item, act));
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
