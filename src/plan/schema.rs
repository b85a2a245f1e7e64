//! The JSON Schema of a baseline: the document's own, with the kinds' options
//! added to what a check, or a look of its diagnosis, may hold.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::baseline::{self, Diagnostics, Node, Sources};
use crate::probe::{KindEntry, TABLE};

/// The schema that values are held to once their variables are expanded.
#[must_use]
pub fn schema() -> Value {
    let mut root = baseline::schema();
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut kinds = Map::new();
    for kind in TABLE {
        let mut property = (kind.schema)(&mut generator).to_value();
        if let Some(property) = property.as_object_mut() {
            property.insert(
                "description".to_owned(),
                json!(format!("{}.", kind.summary)),
            );
        }
        kinds.insert(kind.name.to_owned(), property);
    }
    let Some(definitions) = root.get_mut("$defs").and_then(Value::as_object_mut) else {
        return root;
    };
    for (name, definition) in generator.take_definitions(true) {
        definitions.insert(name, definition);
    }
    for owner in ["Check", "Diagnosis"] {
        let Some(owner) = definitions.get_mut(owner).and_then(Value::as_object_mut) else {
            continue;
        };
        let one_of: Vec<Value> = kinds
            .keys()
            .map(|name| json!({ "required": [name] }))
            .collect();
        owner.insert("oneOf".to_owned(), Value::Array(one_of));
        owner.insert("additionalProperties".to_owned(), Value::Bool(false));
        if let Some(properties) = owner.get_mut("properties").and_then(Value::as_object_mut) {
            properties.extend(kinds.clone());
        }
    }
    root
}

/// Keeps the secrets that stand in a load's `trees` out of what `diagnostics`
/// gives out, see [`baseline::conceal`].
pub fn conceal(trees: &[Node], sources: &Sources, diagnostics: &mut Diagnostics) {
    baseline::conceal(trees, &schema(), sources, diagnostics);
}

/// The schema that editors complete from and hold a file to as it is written:
/// as [`schema`], but a variable may stand where it may be expanded, and no
/// key may stand without a value.
#[must_use]
pub fn editor_schema() -> Value {
    let mut root = schema();
    as_written(&mut root);
    root
}

/// Keywords that say what a value is for, and nothing of what it may be.
const ANNOTATIONS: [&str; 4] = ["$schema", "title", "description", "default"];

fn as_written(schema: &mut Value) {
    let Some(keywords) = schema.as_object_mut() else {
        return;
    };
    refuse_null(keywords);
    for children in ["properties", "$defs"] {
        let children = keywords.get_mut(children).and_then(Value::as_object_mut);
        children
            .into_iter()
            .flat_map(Map::values_mut)
            .for_each(as_written);
    }
    for child in ["items", "additionalProperties"] {
        keywords.get_mut(child).into_iter().for_each(as_written);
    }
    if is_strict_scalar(keywords) {
        let (said, strict) = std::mem::take(keywords)
            .into_iter()
            .partition(|(key, _)| ANNOTATIONS.contains(&key.as_str()));
        *keywords = said;
        keywords.insert(
            "anyOf".to_owned(),
            json!([Value::Object(strict), variable()]),
        );
        return;
    }
    for several in ["anyOf", "oneOf"] {
        let Some(members) = keywords.get_mut(several).and_then(Value::as_array_mut) else {
            continue;
        };
        members.iter_mut().for_each(as_written);
    }
}

fn variable() -> Value {
    json!({ "type": "string", "pattern": r"\$\{[A-Za-z0-9._-]+\}" })
}

/// The types give every key that may be left out a null, which a file may not
/// have: it is what remains of a value that was forgotten.
fn refuse_null(keywords: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = keywords.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            keywords.insert("type".to_owned(), only);
        }
    }
    if keywords.get("default").is_some_and(Value::is_null) {
        keywords.remove("default");
    }
    let Some(members) = keywords.get_mut("anyOf").and_then(Value::as_array_mut) else {
        return;
    };
    members.retain(|member| member.get("type") != Some(&json!("null")));
    if let [only] = members.as_slice() {
        let only = only.as_object().cloned().unwrap_or_default();
        keywords.remove("anyOf");
        for (key, value) in only {
            keywords.entry(key).or_insert(value);
        }
    }
}

/// Whether it is of one value that the text of a variable does not fit.
fn is_strict_scalar(keywords: &Map<String, Value>) -> bool {
    // What tells its choices one by one, each with a description.
    let choices = keywords.get("oneOf").and_then(Value::as_array);
    if choices.is_some_and(|all| all.iter().all(|one| one.get("const").is_some())) {
        return true;
    }
    match keywords.get("type").and_then(Value::as_str) {
        Some("integer" | "number" | "boolean") => true,
        Some("string") => ["pattern", "enum", "const"]
            .iter()
            .any(|key| keywords.contains_key(*key)),
        _ => false,
    }
}

/// The part of [`schema`] that describes a kind's options.
pub(super) fn kind(schema: &Value, kind: &KindEntry) -> Value {
    schema
        .pointer("/$defs/Check/properties")
        .and_then(|kinds| kinds.get(kind.name))
        .cloned()
        .unwrap_or(Value::Bool(true))
}
