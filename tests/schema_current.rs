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

/// Names of all properties that the schema describes.
fn properties(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key == "properties" {
                    names.extend(
                        value
                            .as_object()
                            .into_iter()
                            .flat_map(|all| all.keys().cloned()),
                    );
                }
                properties(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_page_tells_every_field() {
    let page = include_str!("../docs/scorecard.md");
    let mut names = Vec::new();
    properties(&schema(), &mut names);
    assert!(names.contains(&"holds_phases".to_owned()));
    for name in names {
        let told = page.contains(&format!("`{name}`")) || page.contains(&format!("`{name}[]`"));
        let shown = page.contains(&format!("{{\"{name}\":"));
        assert!(told || shown, "docs/scorecard.md does not tell of {name}");
    }
}
