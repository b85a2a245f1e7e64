//! What the list of events tells: evidence.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::clock::Clock;
use super::model::Event;
use super::options::EventsAsked;
use super::shown::{because, number, texts};
use crate::probe::{Facts, Value};
use crate::transport::wildcard;

/// Lines that are shown, the newest.
const LINES: usize = 50;

/// How far back it is looked at when nothing is said: as long as an API server keeps
/// events by default.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn line(event: &Event, at: Option<Timestamp>, whole_cluster: bool) -> String {
    let object = &event.involved_object;
    let place = if whole_cluster && !object.namespace.is_empty() {
        format!("{}/", object.namespace)
    } else {
        String::new()
    };
    let at = at.map_or_else(String::new, |at| format!("{at:.0} "));
    let what = format!("{at}{} {place}{}", object.kind, object.name);
    let times = match event.times() {
        0 | 1 => String::new(),
        times => format!(" ({times} times)"),
    };
    format!("{}{times}", because(&what, &event.reason, &event.message))
}

/// `clock` is that of who gave the list, the operator's where it told none.
pub(super) fn tell(
    events: &[Event],
    asked: &EventsAsked,
    clock: Option<&Clock>,
    facts: &mut Facts,
) {
    let since = asked.since.map_or(HOUR, |span| {
        SignedDuration::try_from(span.0).unwrap_or(SignedDuration::MAX)
    });
    let oldest = clock.and_then(|clock| clock.now.checked_sub(since).ok());
    let fits = |patterns: &[String], text: &str| {
        patterns.is_empty() || patterns.iter().any(|one| wildcard::matches(one, text))
    };
    let namespace = asked.namespace.as_deref();
    let is_of = |event: &&Event| namespace.is_none_or(|name| name == event.metadata.namespace);
    let missing = asked.objects.iter().filter(|pattern| {
        let mut all = events.iter().filter(is_of);
        !all.any(|event| wildcard::matches(pattern, &event.involved_object.name))
    });
    facts.set("missing", texts(missing.cloned()));
    let mut seen: Vec<(Option<Timestamp>, &Event)> = events
        .iter()
        .filter(is_of)
        .filter(|event| {
            (asked.all || event.of == "Warning")
                && fits(&asked.objects, &event.involved_object.name)
                && fits(&asked.reasons, &event.reason)
        })
        .map(|event| (event.last(), event))
        // What does not tell its time is shown rather than lost.
        .filter(|(at, _)| match (at, oldest) {
            (Some(at), Some(oldest)) => *at >= oldest,
            (None, _) | (_, None) => true,
        })
        .collect();
    seen.sort_by_key(|(at, event)| (*at, &event.metadata.name));
    let mut reasons: BTreeMap<String, Value> = BTreeMap::new();
    for (_, event) in &seen {
        let before = match reasons.get(&event.reason) {
            Some(Value::Number(before)) => *before,
            _ => 0.0,
        };
        reasons.insert(event.reason.clone(), Value::from(before + 1.0));
    }
    let warnings = seen.iter().filter(|(_, event)| event.of == "Warning");
    facts.set("warning_count", number(warnings.count()));
    facts.set("count", number(seen.len()));
    facts.set("reasons", Value::Map(reasons));
    facts.set_some("newest", seen.iter().rev().find_map(|(at, _)| *at));
    let newest = seen.len().saturating_sub(LINES);
    let lines = seen[newest..].iter();
    let whole_cluster = asked.namespace.is_none();
    let lines = lines.map(|(at, event)| line(event, *at, whole_cluster));
    facts.set("lines", texts(lines));
}
