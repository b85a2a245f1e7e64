//! The card as one JSON document, for scripts and for keeping.

use std::fmt::Write as _;

use serde::Serialize;

use super::harmless::is_harmful;
use crate::scorecard::{ReleaseCard, Scorecard};

/// `value` indented, with a line end at its end, and harmless to print: see [`json()`].
#[must_use]
pub fn document(value: &serde_json::Value) -> String {
    escaped(&pretty(value))
}

/// The card as `schema/scorecard.schema.json` describes it, indented, with a
/// line end at its end.
///
/// Characters that a terminal would act on are written as `\uXXXX`: to a
/// parser that is the same text, and `cat card.json` does no harm.
#[must_use]
pub fn json(card: &Scorecard) -> String {
    escaped(&pretty(card))
}

/// What was decided on a release, with the card that says why: `release` as in
/// the card's `releases`, and `card`.
#[must_use]
pub fn json_release(card: &Scorecard, release: &ReleaseCard) -> String {
    #[derive(Serialize)]
    struct Decision<'a> {
        release: &'a ReleaseCard,
        card: &'a Scorecard,
    }
    escaped(&pretty(&Decision { release, card }))
}

fn pretty(value: &impl Serialize) -> String {
    match serde_json::to_string_pretty(value) {
        Ok(written) => written,
        // Every type of the card serialises. Should one ever not, a reader has
        // to get a document that no one takes for a card that passed.
        Err(error) => format!(
            "{{\n  \"result\": \"CHECK_FAILED\",\n  \"exit_code\": 3,\n  \"failure\": {}\n}}",
            serde_json::Value::from(format!("the card could not be written as JSON: {error}"))
        ),
    }
}

fn escaped(written: &str) -> String {
    let mut document = String::with_capacity(written.len() + 1);
    for c in written.chars() {
        // Outside strings the only control character is the line end, and
        // inside them the serialiser has already escaped it.
        if c == '\n' || !is_harmful(c) {
            document.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(document, "\\u{unit:04x}");
            }
        }
    }
    document.push('\n');
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn cards_keep_their_shape() {
        for (name, script) in fixture::all() {
            insta::assert_snapshot!(name, json(&script.card()));
        }
    }

    #[test]
    fn cards_are_what_the_schema_says() {
        let schema = crate::scorecard::schema();
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        for (name, script) in fixture::all() {
            let document = serde_json::from_str(&json(&script.card())).expect("JSON");
            let problems: Vec<String> = validator
                .iter_errors(&document)
                .map(|problem| problem.to_string())
                .collect();
            assert_eq!(problems, Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn hostile_text_is_escaped_and_survives_a_parser() {
        let card = fixture::degraded().card();
        let document = json(&card);
        let harmful = |c: char| c != '\n' && is_harmful(c);
        assert!(!document.contains(harmful), "{document}");
        assert!(document.ends_with("}\n"));
        let parsed: serde_json::Value =
            serde_json::from_str(&document).expect("the document is JSON");
        assert_eq!(Some(parsed), serde_json::to_value(&card).ok());
    }
}
