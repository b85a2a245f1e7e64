//! The committed schema is the one that the types give, and every card fits it.
//! `UPDATE_SCHEMA=1 cargo test --test schema_current` writes it anew.

use std::path::Path;

use coldstart::report::{fixture, json};
use coldstart::scorecard::schema;
use serde_json::Value;

const SCHEMA: &str = "schema/scorecard.schema.json";

fn generated() -> String {
    let schema = serde_json::to_string_pretty(&schema()).expect("a schema is JSON");
    format!("{schema}\n")
}

fn validator() -> jsonschema::Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema())
        .expect("the schema is valid")
}

fn cards() -> impl Iterator<Item = (&'static str, Value)> {
    fixture::all().into_iter().map(|(name, script)| {
        let document = json(&script.card());
        let card = serde_json::from_str(&document).expect("a card is JSON");
        (name, card)
    })
}

#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCHEMA);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, generated()).expect("the schema can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the schema is there");
    assert!(
        committed == generated(),
        "{SCHEMA} is not what the types give; run UPDATE_SCHEMA=1 cargo test --test schema_current"
    );
}

#[test]
fn every_card_fits_the_schema() {
    let validator = validator();
    for (name, card) in cards() {
        let errors: Vec<String> = validator
            .iter_errors(&card)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn the_schema_refuses_what_is_not_a_card() {
    let validator = validator();
    for (pointer, wrong) in [
        ("/result", Value::from("GREENISH")),
        ("/started_at", Value::from("yesterday")),
        ("/totals/pass", Value::from("2")),
        ("/phases/0/gate", Value::Null),
        ("/phases/0/checks/0/verdict", Value::from("OK")),
    ] {
        let (_, mut card) = cards().next().expect("there is a card");
        *card.pointer_mut(pointer).expect("the field is there") = wrong;
        assert!(!validator.is_valid(&card), "{pointer} passed");
    }
}
