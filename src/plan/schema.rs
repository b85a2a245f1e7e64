//! The JSON Schema of a baseline: the document's own, with the kinds' options
//! added to what a check may hold.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::baseline;
use crate::probe::{KindEntry, TABLE};

/// The schema that editors complete from and that the options of kinds are
/// held to.
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
    if let Some(check) = definitions.get_mut("Check").and_then(Value::as_object_mut) {
        let one_of: Vec<Value> = kinds
            .keys()
            .map(|name| json!({ "required": [name] }))
            .collect();
        check.insert("oneOf".to_owned(), Value::Array(one_of));
        check.insert("additionalProperties".to_owned(), Value::Bool(false));
        if let Some(properties) = check.get_mut("properties").and_then(Value::as_object_mut) {
            properties.extend(kinds);
        }
    }
    root
}

/// The part of [`schema`] that describes a kind's options.
pub(super) fn kind(schema: &Value, kind: &KindEntry) -> Value {
    schema
        .pointer("/$defs/Check/properties")
        .and_then(|kinds| kinds.get(kind.name))
        .cloned()
        .unwrap_or(Value::Bool(true))
}
