use serde_json::Value;

use super::*;
use crate::report::fixture;

/// A test point as TAP 14 reads it.
#[derive(Debug)]
struct Point {
    ok: bool,
    number: usize,
    description: String,
    directive: Option<(String, String)>,
    details: Vec<(String, Value)>,
}

#[derive(Debug, Default)]
struct Document {
    points: Vec<Point>,
    planned: usize,
    bail_out: Option<String>,
}

/// Reads what the specification's grammar allows, and panics at anything else.
fn parse(text: &str) -> Document {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("TAP version 14"));
    let plan = lines.next().and_then(|line| line.strip_prefix("1.."));
    let mut document = Document {
        planned: plan.and_then(|plan| plan.parse().ok()).expect("a plan"),
        ..Document::default()
    };
    while let Some(line) = lines.next() {
        if line == "  ---" {
            let point = document
                .points
                .last_mut()
                .expect("a point before its details");
            for line in lines.by_ref().take_while(|line| *line != "  ...") {
                let (key, value) = line.trim_start().split_once(": ").expect("a key");
                let value = serde_json::from_str(value).expect("a JSON value");
                point.details.push((key.to_owned(), value));
            }
        } else if let Some(why) = line.strip_prefix("Bail out!") {
            document.bail_out = Some(why.trim().to_owned());
        } else if !line.starts_with('#') {
            assert!(document.bail_out.is_none(), "a point after the end: {line}");
            document.points.push(point(line));
        }
    }
    document
}

fn point(line: &str) -> Point {
    let (ok, rest) = match line.strip_prefix("not ok ") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok ").expect("a test point")),
    };
    let (number, rest) = rest.split_once(" - ").expect("a number");
    let mut description = String::new();
    let mut directive = None;
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => description.extend(chars.next()),
            '#' => {
                let rest = chars.as_str().trim_start();
                let (word, why) = rest.split_once(' ').unwrap_or((rest, ""));
                directive = Some((word.to_owned(), why.to_owned()));
                break;
            }
            c => description.push(c),
        }
    }
    Point {
        ok,
        number: number.parse().expect("a number"),
        description: description.trim_end().to_owned(),
        directive,
        details: Vec::new(),
    }
}

#[test]
fn every_check_is_a_point_with_its_own_words() {
    for (name, script) in fixture::all() {
        let card = script.card();
        let text = tap(&card);
        let document = parse(&text);
        assert_eq!(document.planned, card.totals.all(), "{name}");
        assert_eq!(document.points.len(), document.planned, "{name}");
        assert_eq!(document.bail_out, card.failure, "{name}");
        let checks = card
            .phases
            .iter()
            .flat_map(|phase| phase.checks.iter().map(move |check| (phase, check)));
        for (place, ((phase, check), point)) in checks.zip(&document.points).enumerate() {
            assert_eq!(point.number, place + 1);
            let description = format!("{} {}: {}", phase.id, check.id, check.title);
            assert_eq!(point.description, harmless(&description), "{name}");
            let directive = point.directive.as_ref().map(|(word, _)| word.as_str());
            let expected = match check.verdict {
                Verdict::Pass => (true, None),
                Verdict::Warn => (false, Some("TODO")),
                Verdict::Blocked | Verdict::NotEvaluated => (false, None),
                Verdict::Skipped => (true, Some("SKIP")),
            };
            assert_eq!((point.ok, directive), expected, "{name}: {}", check.id);
        }
    }
}

#[test]
fn details_come_back_as_they_were() {
    let document = parse(&tap(&fixture::everything().card()));
    let motd = &document.points[6];
    let findings = motd.details.iter().find(|(key, _)| key == "findings");
    let (_, findings) = findings.expect("findings");
    assert_eq!(findings[0]["seen"], Value::from(harmless(fixture::HOSTILE)));
}

#[test]
fn a_named_failure_brings_its_name_its_evidence_and_the_strictest_tier() {
    let card = fixture::sample().card();
    let text = tap(&card);
    let document = parse(&text);
    let detail = |key: &str| {
        let details = &document.points[1].details;
        let found = details.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!(
        detail("failure")[0],
        "a standby without its primary (no-primary)"
    );
    assert_eq!(detail("next")[0], "bring the primary back; promote nothing");
    assert_eq!(
        detail("evidence")[0],
        "the journal of postgresql on data188:"
    );
    assert_eq!(detail("tier"), "BLOCK: human approval only");
    assert!(
        text.contains("\n# release mirror OPEN\n# release runners CLOSED: "),
        "{text}"
    );
}
