//! The committed schema of baselines is the one that the types give, and it
//! says of files as they are written what the program says of them.
//! `UPDATE_SCHEMA=1 cargo test --test schema_baseline` writes it anew.

use std::collections::HashMap;
use std::path::Path;

use coldstart::plan::editor_schema;
use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};

const SCHEMA: &str = "schema/baseline.schema.json";

fn generated() -> String {
    format!("{:#}\n", editor_schema())
}

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&editor_schema()).expect("the schema is valid")
}

fn errors(document: &Value) -> Vec<String> {
    validator()
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// A file as an editor sees it: nothing included, no variable expanded. Knows
/// no more of YAML than the shipped files use.
fn written(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(path).expect("the file can be read");
    // Each open list or map, a map with the key that waits for its value.
    let mut open: Vec<(Value, Option<String>)> = vec![(json!([]), None)];
    // The anchor of each open one, and what each anchor stands for; 0 is none.
    let mut marks = Vec::new();
    let mut anchors: HashMap<usize, Value> = HashMap::new();
    for event in Parser::new_from_str(&text) {
        let value = match event.expect("YAML").0 {
            Event::Scalar(text, style, anchor, _) => {
                let value = scalar(&text, style);
                anchors.insert(anchor, value.clone());
                value
            }
            Event::SequenceStart(_, anchor, _) => {
                open.push((json!([]), None));
                marks.push(anchor);
                continue;
            }
            Event::MappingStart(_, anchor, _) => {
                open.push((Value::Object(Map::new()), None));
                marks.push(anchor);
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let value = open.pop().expect("it is open").0;
                anchors.insert(marks.pop().expect("it is open"), value.clone());
                value
            }
            Event::Alias(anchor) => anchors[&anchor].clone(),
            _ => continue,
        };
        match open.last_mut().expect("the list around all") {
            (Value::Array(items), _) => items.push(value),
            (Value::Object(entries), key) => match key.take() {
                Some(key) => drop(entries.insert(key, value)),
                None => *key = value.as_str().map(str::to_owned),
            },
            _ => unreachable!("only these are opened"),
        }
    }
    open[0].0[0].take()
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let plain = style == ScalarStyle::Plain;
    let value = plain.then(|| serde_json::from_str(text).ok()).flatten();
    match value {
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::Null)) => value,
        _ if plain && matches!(text, "" | "~") => Value::Null,
        _ => Value::from(text),
    }
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
        "{SCHEMA} is not what the types give; run UPDATE_SCHEMA=1 cargo test --test schema_baseline"
    );
}

#[test]
fn every_shipped_baseline_fits_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("baselines");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let name = entry.expect("an entry").file_name();
        let path = format!("baselines/{}", name.to_string_lossy());
        // What a baseline names beside it is no baseline.
        if path.ends_with(".rules.yml") {
            continue;
        }
        let found = errors(&written(&path));
        assert!(found.is_empty(), "{path}: {found:#?}");
        seen += 1;
    }
    assert!(seen >= 2, "only {seen} baselines found");
}

/// What is wrong with a single key or value, an editor can already tell.
#[test]
fn mistakes_do_not_fit_the_schema() {
    for path in [
        "tests/baseline/invalid/unknown-key.yml",
        "tests/baseline/invalid/unknown-key-in-ssh.yml",
        "tests/baseline/invalid/key-without-value.yml",
        "tests/baseline/invalid/duration-without-unit.yml",
        "tests/baseline/invalid/attempts-of-zero.yml",
        "tests/baseline/invalid/guardrail-unknown.yml",
        "tests/baseline/invalid/id-with-a-space.yml",
        "tests/plan/invalid/unknown-kind.yml",
        "tests/plan/invalid/unknown-key-beside-a-kind.yml",
        "tests/plan/invalid/two-kinds.yml",
        "tests/plan/invalid/no-kind.yml",
        "tests/plan/invalid/unknown-option.yml",
        "tests/plan/invalid/options-as-text.yml",
        "tests/plan/invalid/option-of-the-wrong-type.yml",
        "tests/plan/invalid/bad-option-value.yml",
    ] {
        assert!(!errors(&written(path)).is_empty(), "{path} fits");
    }
}

#[test]
fn variables_stand_where_they_are_expanded_and_null_nowhere() {
    let with = |port: Value, timeout: Value, advisory: Value, guardrail: Value| {
        json!({ "version": 1, "name": "t", "phases": { "P": { "checks": { "c": {
            "tcp": { "port": port, "address": "h" }, "timeout": timeout,
            "advisory": advisory, "guardrail": guardrail,
        } } } } })
    };
    let sound = [json!(5432), json!("5s"), json!(true), json!("BLOCK")];
    let check = |values: [Value; 4]| {
        let [port, timeout, advisory, guardrail] = values;
        errors(&with(port, timeout, advisory, guardrail))
    };
    assert_eq!(check(sound.clone()), [""; 0]);
    for place in 0..sound.len() {
        for (value, fits) in [
            (json!("${x}"), true),
            (json!("before ${vars.x-y}"), true),
            (json!("${x"), false),
            (json!("nonsense"), false),
            (Value::Null, false),
        ] {
            let mut values = sound.clone();
            values[place] = value.clone();
            let found = check(values);
            assert_eq!(found.is_empty(), fits, "{value} at {place}: {found:#?}");
        }
    }
}
