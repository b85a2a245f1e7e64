//! A YAML document as a tree in which every value knows its place.

use super::diagnostic::Diagnostics;
use super::source::{Located, Location};

/// A value of a YAML document.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it was written; for an alias, where the alias stands.
    pub at: Location,
    /// What was written.
    pub value: NodeValue,
}

/// The kinds of YAML values, by the core schema of YAML 1.2.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`; `yes`, `no`, `on` and `off` are strings.
    Bool(bool),
    /// A number and the text that it was written as.
    Number(serde_json::Number, String),
    /// A string.
    String(String),
    /// A list.
    Seq(Vec<Node>),
    /// A map, in the order of the file, without duplicate keys.
    Map(Vec<(Located<String>, Node)>),
}

impl Node {
    /// Takes out the entries whose keys stand at one of these places.
    pub(super) fn remove_keys(&mut self, places: &[Location]) {
        match &mut self.value {
            NodeValue::Map(entries) => {
                entries.retain(|(key, _)| !places.contains(&key.at));
                for (_, value) in entries {
                    value.remove_keys(places);
                }
            }
            NodeValue::Seq(items) => {
                for item in items {
                    item.remove_keys(places);
                }
            }
            NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(..) | NodeValue::String(_) => {
            }
        }
    }

    /// The same value without places.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(value) => Value::Bool(*value),
            NodeValue::Number(value, _) => Value::Number(value.clone()),
            NodeValue::String(value) => Value::String(value.clone()),
            NodeValue::Seq(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            NodeValue::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.value.clone(), node.to_json()))
                    .collect(),
            ),
        }
    }

    /// The value of a key, when this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|(name, _)| name.value == key)
            .map(|(_, node)| node)
    }

    /// The entries of a map; none of anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Located<String>, Node)] {
        match &self.value {
            NodeValue::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    #[must_use]
    pub fn items(&self) -> &[Node] {
        match &self.value {
            NodeValue::Seq(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// A string with its place.
    #[must_use]
    pub fn as_located(&self) -> Option<Located<String>> {
        self.as_str()
            .map(|text| Located::new(text.to_owned(), self.at.clone()))
    }

    /// The deepest value that exists on the way down `path` (keys, and indexes
    /// of lists as decimal numbers).
    #[must_use]
    pub fn at_path(&self, path: &[String]) -> &Node {
        let mut node = self;
        for segment in path {
            let next = match &node.value {
                NodeValue::Map(_) => node.get(segment),
                NodeValue::Seq(items) => segment
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// The same tree with every `${name}` in its strings replaced by what
    /// `scope` gives for the name in the string at that place, and `$${` by `${`. The replaced text is not
    /// searched again and stays a string. Names that `scope` does not know are
    /// reported. Keys are left as they are.
    #[must_use]
    pub fn expand(
        &self,
        scope: &dyn Fn(&str, &Location) -> Option<String>,
        diagnostics: &mut Diagnostics,
    ) -> Node {
        super::variables::expand_node(self, scope, diagnostics)
    }
}
