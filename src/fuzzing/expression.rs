//! Expectations: the text in the first line, facts as JSON in the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::report::assert_harmless;
use super::run::NOW;
use crate::judge::{Expectation, Level, judge};
use crate::probe::{FactSpec, Facts, Observation, Outcome, Type, Value};

const FACTS: &[FactSpec] = &[
    FactSpec::new("yes", Type::Bool, ""),
    FactSpec::new("n", Type::Number, ""),
    FactSpec::new("text", Type::Text, ""),
    FactSpec::new("d", Type::Duration, ""),
    FactSpec::new("t", Type::Time, ""),
    FactSpec::new("list", Type::List(&Type::Text), ""),
    FactSpec::new("numbers", Type::List(&Type::Number), ""),
    FactSpec::new("map", Type::Map(&Type::Number), ""),
    FactSpec::new("json", Type::Json, ""),
    FactSpec::new("absent", Type::Number, ""),
];

/// An error is about a part of the text; a judgement comes to an end, and its
/// words can be printed.
pub(super) fn target(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (source, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let expectation = match Expectation::compile(Level::Require, source, FACTS) {
        Ok(expectation) => expectation,
        Err(error) => {
            assert!(
                source.get(error.span.clone()).is_some(),
                "{:?} is not in {source:?}: {error}",
                error.span
            );
            return;
        }
    };
    let observation = Observation {
        at: Timestamp::from_second(NOW).unwrap_or_default(),
        elapsed: Duration::ZERO,
        attempts: 1,
        outcome: Outcome::Seen(facts(rest)),
    };
    let judgement = judge(&observation, &[expectation], "an answer", false);
    for finding in judgement.findings {
        assert_harmless(&finding.expected);
        assert_harmless(&finding.seen);
    }
}

fn facts(rest: &str) -> Facts {
    let text = Value::Text(rest.to_owned());
    let mut facts = Facts::new();
    facts.set("yes", true);
    facts.set("n", 42.5);
    facts.set("text", rest);
    facts.set("d", Value::Duration(SignedDuration::from_secs(90)));
    facts.set("t", Timestamp::from_second(NOW - 3600).unwrap_or_default());
    facts.set("list", Value::List(vec![text, Value::from("b")]));
    let numbers = [f64::INFINITY, -0.0, f64::MAX].map(Value::Number);
    facts.set("numbers", Value::List(numbers.to_vec()));
    let map = BTreeMap::from([(rest.to_owned(), Value::Number(1.0))]);
    facts.set("map", Value::Map(map));
    let json = serde_json::from_str(rest).unwrap_or(serde_json::Value::Null);
    facts.set("json", Value::Json(json));
    facts
}
