//! What a schema asks for and what a node holds, in words.

use serde_json::{Map, Value};

use super::conform::follow;
use super::document::ID_PATTERN;
use super::mask;
use super::node::{Node, NodeValue};
use super::scalar;

/// The schema that `$ref` names.
pub(super) fn target<'s>(root: &'s Value, keywords: &Map<String, Value>) -> Option<&'s Value> {
    follow(root, keywords)
}

/// The keywords of a schema or of what it refers to.
pub(super) fn resolved<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Map<String, Value>> {
    let keywords = schema.as_object()?;
    match target(root, keywords) {
        Some(target) => target.as_object(),
        None => Some(keywords),
    }
}

/// A keyword of the schema itself, else of what it refers to.
fn keyword<'s>(root: &'s Value, schema: &'s Value, name: &str) -> Option<&'s Value> {
    schema
        .get(name)
        .or_else(|| resolved(root, schema)?.get(name))
}

/// Whether the schema is for `null` alone: the second half of an `Option`.
pub(super) fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
        || schema.get("const") == Some(&Value::Null)
}

/// Whether the schema asks for anything.
pub(super) fn is_constrained(keywords: &Map<String, Value>) -> bool {
    ["type", "enum", "const", "anyOf", "oneOf"]
        .iter()
        .any(|name| keywords.contains_key(*name))
}

/// Whether the value is never to be shown.
pub(super) fn is_secret(schema: &Value, root: &Value) -> bool {
    keyword(root, schema, "writeOnly") == Some(&Value::Bool(true))
        || branches(schema)
            .any(|branch| keyword(root, branch, "writeOnly") == Some(&Value::Bool(true)))
}

/// Whether what belongs there is made of secrets: one, a map of them, or a map
/// that has to have one. What stands in its place may be the secret itself.
pub(super) fn is_for_secrets(schema: &Value, root: &Value) -> bool {
    let of_secrets = |schema: &Value| {
        let Some(keywords) = resolved(root, schema) else {
            return false;
        };
        let values = keywords.get("additionalProperties");
        let property = |name: &Value| keywords.get("properties")?.get(name.as_str()?);
        let required = keywords.get("required").and_then(Value::as_array);
        values.is_some_and(|values| is_secret(values, root))
            || required
                .into_iter()
                .flatten()
                .filter_map(property)
                .any(|property| is_secret(property, root))
    };
    is_secret(schema, root) || of_secrets(schema) || branches(schema).any(of_secrets)
}

fn branches(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|name| schema.get(name)?.as_array())
        .flatten()
        .filter(|branch| !is_null(branch))
}

/// The types that a schema names, `null` left out.
fn types(keywords: &Map<String, Value>) -> Vec<&str> {
    match keywords.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether the value is of one of the schema's types.
pub(super) fn type_fits(keywords: &Map<String, Value>, value: &NodeValue) -> bool {
    let types = types(keywords);
    types.is_empty()
        || types.iter().any(|name| match value {
            NodeValue::Null => *name == "null",
            NodeValue::Bool(_) => *name == "boolean",
            NodeValue::Number(number, _) => {
                *name == "number" || (*name == "integer" && !number.is_f64())
            }
            NodeValue::String(_) => *name == "string",
            NodeValue::Seq(_) => *name == "array",
            NodeValue::Map(_) => *name == "object",
        })
}

/// Whether a map has a key that the schema knows; true for what is no map.
pub(super) fn shares_a_key(keywords: &Map<String, Value>, node: &Node) -> bool {
    let entries = node.entries();
    let properties = keywords.get("properties").and_then(Value::as_object);
    entries.is_empty()
        || properties.is_none_or(|properties| {
            entries
                .iter()
                .any(|(key, _)| properties.contains_key(&key.value))
        })
}

/// Whether a map is what belongs there.
pub(super) fn takes_a_map(schema: &Value, root: &Value) -> bool {
    let takes =
        |schema| resolved(root, schema).is_some_and(|keywords| types(keywords) == ["object"]);
    takes(schema) || branches(schema).any(takes)
}

/// The values of `enum` or `const`, `null` left out.
pub(super) fn allowed_values(keywords: &Map<String, Value>) -> Option<Vec<&Value>> {
    match (keywords.get("const"), keywords.get("enum")) {
        (Some(value), _) => Some(vec![value]),
        (None, Some(Value::Array(values))) => {
            Some(values.iter().filter(|value| !value.is_null()).collect())
        }
        _ => None,
    }
}

/// The least and the greatest number, of the bounds and of a whole number's format.
pub(super) fn range(keywords: &Map<String, Value>) -> (Option<f64>, Option<f64>) {
    let (low, high) = match keywords.get("format").and_then(Value::as_str) {
        Some("uint8") => (Some(0.0), Some(f64::from(u8::MAX))),
        Some("uint16") => (Some(0.0), Some(f64::from(u16::MAX))),
        Some("uint32") => (Some(0.0), Some(f64::from(u32::MAX))),
        Some("uint64" | "uint") => (Some(0.0), None),
        Some("int8") => (Some(f64::from(i8::MIN)), Some(f64::from(i8::MAX))),
        Some("int16") => (Some(f64::from(i16::MIN)), Some(f64::from(i16::MAX))),
        Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        _ => (None, None),
    };
    let bound = |name: &str| keywords.get(name).and_then(Value::as_f64);
    (bound("minimum").or(low), bound("maximum").or(high))
}

/// `x-expected`, where the schema or what it refers to has it.
pub(super) fn expected_in_words(schema: &Value, root: &Value) -> Option<String> {
    keyword(root, schema, "x-expected")
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// What the schema asks for, to follow the word "expected".
pub(super) fn describe(schema: &Value, root: &Value) -> String {
    if let Some(words) = expected_in_words(schema, root) {
        return words;
    }
    let Some(keywords) = resolved(root, schema) else {
        return "a value".to_owned();
    };
    if let Some(allowed) = allowed_values(keywords) {
        return one_of_values(&allowed);
    }
    // An Option of a reference has its branches beside, an enumeration below.
    let all: Vec<&Value> = ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|name| keywords.get(name)?.as_array())
        .flatten()
        .filter(|branch| !is_null(branch))
        .collect();
    if !all.is_empty() {
        let values: Option<Vec<&Value>> = all
            .iter()
            .map(|branch| allowed_values(resolved(root, branch)?)?.first().copied())
            .collect();
        if let Some(values) = values {
            return one_of_values(&values);
        }
        let mut each: Vec<String> = all.iter().map(|branch| describe(branch, root)).collect();
        each.dedup();
        return list(&each);
    }
    let of_types: Vec<String> = types(keywords)
        .into_iter()
        .map(|name| of_type(name, keywords))
        .collect();
    if of_types.is_empty() {
        "a value".to_owned()
    } else {
        list(&of_types)
    }
}

fn of_type(name: &str, keywords: &Map<String, Value>) -> String {
    let number = |what: &str| match range(keywords) {
        (Some(least), Some(most)) => format!("{what} from {least} to {most}"),
        (Some(least), None) => format!("{what} of at least {least}"),
        (None, Some(most)) => format!("{what} of at most {most}"),
        (None, None) => what.to_owned(),
    };
    let count = |least: &str, most: &str, of: &str| {
        let bound = |name: &str| keywords.get(name).and_then(Value::as_u64);
        match (bound(least), bound(most)) {
            (Some(least), Some(most)) => format!(" of {least} to {most} {of}"),
            (Some(least), None) => format!(" of at least {least} {of}"),
            (None, Some(most)) => format!(" of at most {most} {of}"),
            (None, None) => String::new(),
        }
    };
    match name {
        "string" => match keywords.get("pattern").and_then(Value::as_str) {
            Some(pattern) => format!("text that matches {pattern}"),
            None => format!("text{}", count("minLength", "maxLength", "characters")),
        },
        "integer" => number("a whole number"),
        "number" => number("a number"),
        "boolean" => "true or false".to_owned(),
        "array" => format!("a list{}", count("minItems", "maxItems", "entries")),
        "object" => "a map".to_owned(),
        _ => "a value".to_owned(),
    }
}

/// `a`, `a or b`, `a, b or c`.
fn list(each: &[String]) -> String {
    match each {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// The values in backquotes: `` `a`, `b` or `c` ``.
pub(super) fn one_of_values(values: &[&Value]) -> String {
    let each: Vec<String> = values
        .iter()
        .map(|value| match value {
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        })
        .collect();
    list(&each)
}

/// What a node holds, to follow the word "saw".
pub(super) fn seen(node: &Node) -> String {
    const LONGEST: usize = 60;
    match &node.value {
        NodeValue::Null => "nothing".to_owned(),
        NodeValue::Bool(value) => format!("`{value}`"),
        NodeValue::Number(_, text) => format!("the number {text}"),
        NodeValue::String(text) if text.is_empty() => "empty text".to_owned(),
        // In quotes, or it would have been read as something else.
        NodeValue::String(text) if !matches!(scalar::resolve(text), Ok(NodeValue::String(_))) => {
            format!("the text `{text}`")
        }
        NodeValue::String(text) => {
            // Before it is cut, which may take away what tells a secret by its look.
            let text = mask::text(text);
            let line = text.lines().next().unwrap_or_default();
            let start: String = line.chars().take(LONGEST).collect();
            let cut = if start.len() < text.len() { "…" } else { "" };
            format!("`{start}{cut}`")
        }
        NodeValue::Seq(_) => "a list".to_owned(),
        NodeValue::Map(_) => "a map".to_owned(),
    }
}

/// What to write instead, when that is clear from what was written.
pub(super) fn instead(node: &Node, schema: &Value, root: &Value) -> Option<String> {
    // Suggestions only make sense for the one shape that an Option wraps.
    let wrapped = resolved(root, schema)?;
    let mut inner = branches(schema);
    let keywords = match (inner.next(), inner.next()) {
        (Some(only), None) => resolved(root, only)?,
        _ => wrapped,
    };
    if let Some(suggestion) = keyword(root, schema, "x-suggestion").and_then(Value::as_str) {
        return Some(suggestion.to_owned());
    }
    let types = types(keywords);
    match &node.value {
        NodeValue::Number(_, text) if types.contains(&"string") => {
            with_unit(text, keywords).or_else(|| Some(format!("put it in quotes: `\"{text}\"`")))
        }
        NodeValue::Bool(value) if types.contains(&"string") => {
            Some(format!("put it in quotes: `\"{value}\"`"))
        }
        NodeValue::String(text) if types.contains(&"boolean") => {
            match text.to_ascii_lowercase().as_str() {
                "yes" | "y" | "on" | "true" => Some("write `true`".to_owned()),
                "no" | "n" | "off" | "false" => Some("write `false`".to_owned()),
                _ => None,
            }
        }
        NodeValue::String(text)
            if types
                .iter()
                .any(|name| matches!(*name, "integer" | "number")) =>
        {
            let number = matches!(scalar::resolve(text.trim()), Ok(NodeValue::Number(..)));
            number.then(|| format!("leave the quotes out: `{}`", text.trim()))
        }
        NodeValue::String(_) | NodeValue::Number(..) | NodeValue::Bool(_) | NodeValue::Map(_)
            if types == ["array"] =>
        {
            Some("make it a list: `[ … ]`".to_owned())
        }
        NodeValue::String(text)
            if keywords.get("pattern").and_then(Value::as_str) == Some(ID_PATTERN) =>
        {
            let id: String = text
                .chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() || "._-".contains(c) {
                        c
                    } else {
                        '-'
                    }
                })
                .collect();
            let id = id.trim_start_matches(['.', '_', '-']).to_owned();
            (!id.is_empty()).then(|| format!("for example `{id}`"))
        }
        NodeValue::Seq(_) | NodeValue::Map(_) if types == ["string"] => {
            Some("write one text, in quotes if need be".to_owned())
        }
        NodeValue::Null
        | NodeValue::Bool(_)
        | NodeValue::Number(..)
        | NodeValue::String(_)
        | NodeValue::Seq(_)
            if types == ["object"] =>
        {
            Some("write `key: value` lines, indented".to_owned())
        }
        _ => None,
    }
}

/// The number with the unit that it lacks.
pub(super) fn with_unit(text: &str, keywords: &Map<String, Value>) -> Option<String> {
    let unit = keywords.get("x-unit").and_then(Value::as_str)?;
    let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    bare.then(|| format!("write the unit: `{text}{unit}`"))
}
