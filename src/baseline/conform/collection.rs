//! What a schema asks of lists and maps.

use serde_json::{Map, Value};

use super::super::diagnostic::{Diagnostic, did_you_mean};
use super::super::node::{Node, NodeValue};
use super::super::source::Located;
use super::super::wording;
use super::{Conformance, array};

impl<'a> Conformance<'a> {
    pub(super) fn list(
        &mut self,
        node: &Node,
        items: &[Node],
        schema: &Value,
        keywords: &'a Map<String, Value>,
        key: Option<&Located<String>>,
    ) {
        let count = |name: &str| keywords.get(name).and_then(Value::as_u64);
        let length = items.len() as u64;
        if count("minItems").is_some_and(|least| length < least)
            || count("maxItems").is_some_and(|most| length > most)
        {
            self.mismatch("bad-length", node, schema, key);
        }
        if keywords.get("uniqueItems") == Some(&Value::Bool(true)) {
            for (at, item) in items.iter().enumerate() {
                if let Some(first) = items[..at]
                    .iter()
                    .find(|first| first.to_json() == item.to_json())
                {
                    let problem = Diagnostic::error(
                        "repeated",
                        format!("{} is here twice", wording::seen(item)),
                        item.at.clone(),
                    );
                    self.diagnostics.push(
                        problem
                            .label("again here")
                            .related(first.at.clone(), "first here")
                            .suggestion("take one out"),
                    );
                }
            }
        }
        if let Some(schema) = keywords.get("items") {
            for item in items {
                self.check(item, schema, None);
            }
        }
    }

    pub(super) fn map(
        &mut self,
        node: &Node,
        entries: &[(Located<String>, Node)],
        keywords: &'a Map<String, Value>,
        key: Option<&Located<String>>,
    ) {
        let place = key.map_or(&node.at, |key| &key.at);
        let properties = keywords.get("properties").and_then(Value::as_object);
        let property = |name: &str| properties.and_then(|properties| properties.get(name));
        for name in array(keywords, "required").iter().filter_map(Value::as_str) {
            if node.get(name).is_none() {
                let expected = property(name).map_or_else(
                    || "a value".to_owned(),
                    |schema| wording::describe(schema, self.root),
                );
                // A misspelt key is told where it stands, which is telling enough.
                let misspelt = entries.iter().any(|(key, _)| {
                    property(&key.value).is_none()
                        && did_you_mean(&key.value, std::iter::once(name)).is_some()
                });
                if !misspelt {
                    let of = key
                        .map(|key| format!(" in `{}`", key.value))
                        .unwrap_or_default();
                    let suggestion = format!("add `{name}:` with {expected}");
                    self.report(
                        "missing-key",
                        format!("`{name}` is missing{of}"),
                        place.clone(),
                        Some(suggestion),
                    );
                }
            }
        }
        let count = |name: &str| keywords.get(name).and_then(Value::as_u64);
        let length = entries.len() as u64;
        if count("minProperties").is_some_and(|least| length < least)
            || count("maxProperties").is_some_and(|most| length > most)
        {
            let of = key.map_or_else(|| "the map".to_owned(), |key| format!("`{}`", key.value));
            let bounds = [
                ("at least", count("minProperties")),
                ("at most", count("maxProperties")),
            ];
            let bounds = bounds
                .iter()
                .filter_map(|(which, bound)| Some(format!("{which} {}", (*bound)?)));
            let expected = format!(
                "give it {} entries",
                bounds.collect::<Vec<_>>().join(" and ")
            );
            self.report(
                "bad-length",
                format!("{of} has {length} entries"),
                place.clone(),
                Some(expected),
            );
        }
        for (name, value) in entries {
            if let Some(schema) = keywords.get("propertyNames") {
                let as_node = Node {
                    at: name.at.clone(),
                    value: NodeValue::String(name.value.clone()),
                };
                self.check(&as_node, schema, None);
            }
            match (property(&name.value), keywords.get("additionalProperties")) {
                (Some(schema), _) => self.check(value, schema, Some(name)),
                (None, Some(Value::Bool(false))) => self.unknown_key(name, entries, properties),
                (None, Some(schema)) => self.check(value, schema, Some(name)),
                (None, None) => {}
            }
        }
    }

    fn unknown_key(
        &mut self,
        name: &Located<String>,
        entries: &[(Located<String>, Node)],
        properties: Option<&'a Map<String, Value>>,
    ) {
        let known: Vec<&str> = properties
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let free = known
            .iter()
            .copied()
            .filter(|known| !entries.iter().any(|(key, _)| key.value == *known));
        let suggestion = match did_you_mean(&name.value, free) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => "no keys are known here".to_owned(),
            None => format!("known here: {}", known.join(", ")),
        };
        self.report(
            "unknown-key",
            format!("unknown key `{}`", name.value),
            name.at.clone(),
            Some(suggestion),
        );
    }
}
