//! Finds the secrets that stand in a baseline, where only references to them
//! belong, so that no message repeats them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::diagnostic::{Diagnostics, did_you_mean};
use super::node::{Node, NodeValue};
use super::source::{Location, Sources};
use super::{conform, mask, wording};

/// Schemas that only lead to schemas. One that needs more goes in circles.
const MAX_STEPS: usize = 16;

/// Keeps every secret that is written in `trees` out of what `diagnostics`
/// gives out, also of what was said before: what stands where `schema` has a
/// `writeOnly` value and does not fit there, whatever it is (a list, a map, a
/// block of text) and also below a misspelt key; what stands below a key that
/// names a secret and that `schema` does not know; and what looks like a secret
/// in any text. Such a place is overwritten in snippets, and so is its text
/// everywhere else, as long as it has four bytes: a variable may have brought
/// it from elsewhere. `schema` is of the whole file, `$ref`s are resolved in it.
pub fn conceal(trees: &[Node], schema: &Value, sources: &Sources, diagnostics: &mut Diagnostics) {
    let mut found = Found {
        root: schema,
        sources,
        diagnostics,
        secrets: BTreeSet::new(),
    };
    for tree in trees {
        found.walk(tree, schema, 0);
        found.by_look(tree);
    }
    let secrets = std::mem::take(&mut found.secrets);
    for tree in trees {
        found.escaped(tree, &secrets);
    }
    diagnostics.conceal(secrets);
}

struct Found<'a> {
    root: &'a Value,
    sources: &'a Sources,
    diagnostics: &'a mut Diagnostics,
    secrets: BTreeSet<String>,
}

impl<'a> Found<'a> {
    fn walk(&mut self, node: &Node, schema: &'a Value, steps: usize) {
        let Some(keywords) = schema.as_object().filter(|_| steps < MAX_STEPS) else {
            return;
        };
        let is_map = matches!(node.value, NodeValue::Map(_));
        if wording::is_secret(schema, self.root)
            || (!is_map && wording::is_for_secrets(schema, self.root))
        {
            return self.belongs_elsewhere(node, schema);
        }
        if let Some(target) = wording::target(self.root, keywords) {
            self.walk(node, target, steps + 1);
        }
        let parts = ["allOf", "anyOf", "oneOf"].into_iter();
        let parts = parts.filter_map(|name| keywords.get(name)?.as_array());
        for part in parts.flatten() {
            self.walk(node, part, steps + 1);
        }
        match &node.value {
            NodeValue::Map(_) => self.map(node, keywords),
            NodeValue::Seq(items) => {
                if let Some(schema) = keywords.get("items") {
                    for item in items {
                        self.walk(item, schema, 0);
                    }
                }
            }
            NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(..) | NodeValue::String(_) => {
            }
        }
    }

    fn map(&mut self, node: &Node, keywords: &'a Map<String, Value>) {
        let entries = node.entries();
        let properties = keywords.get("properties").and_then(Value::as_object);
        let others = keywords.get("additionalProperties");
        for (key, value) in entries {
            if let Some(schema) = properties.and_then(|properties| properties.get(&key.value)) {
                if value.value == NodeValue::Null && wording::is_secret(schema, self.root) {
                    self.nothing(&key.at);
                }
                self.walk(value, schema, 0);
                continue;
            }
            let named = mask::names_a_secret(&key.value);
            match others {
                Some(schema @ Value::Object(_)) => {
                    self.walk(value, schema, 0);
                    // A host or a check may be called `token`.
                    if named && !matches!(value.value, NodeValue::Map(_)) {
                        if self.takes_a_reference(schema) {
                            self.hide(value, IS_NONE_TO_HOLD);
                            let written = by_reference(&key.value, value);
                            self.diagnostics.suggest(&value.at, &written);
                        } else {
                            self.hide(value, SEEMS_SECRET);
                        }
                    }
                }
                Some(Value::Bool(false)) => {
                    let known = properties.into_iter().flat_map(Map::keys);
                    let free = known
                        .map(String::as_str)
                        .filter(|known| node.get(known).is_none());
                    let meant = did_you_mean(&key.value, free);
                    if let Some(meant) = meant.and_then(|meant| properties?.get(meant)) {
                        self.walk(value, meant, 0);
                    }
                    if named {
                        self.hide(value, SEEMS_SECRET);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a map with a `secret` may stand there, besides a text.
    fn takes_a_reference(&self, schema: &Value) -> bool {
        let shapes = wording::resolved(self.root, schema).and_then(|shape| shape.get("anyOf"));
        shapes
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|shape| wording::resolved(self.root, shape)?.get("properties"))
            .any(|properties| properties.get("secret").is_some())
    }

    /// A place for secrets, and what stands there may be none of the references
    /// that are asked for.
    fn belongs_elsewhere(&mut self, node: &Node, schema: &Value) {
        let mut wrong = Diagnostics::default();
        conform(node, schema, self.root, &mut wrong);
        if !wrong.is_empty() {
            let expected = wording::describe(schema, self.root);
            self.hide(node, &format!("expected {expected}, saw something else"));
        }
    }

    fn hide(&mut self, node: &Node, instead: &str) {
        if is_by_reference(node) {
            return;
        }
        self.diagnostics.hide(node.at.clone());
        self.diagnostics.reword(&node.at, instead);
        let mut texts = Vec::new();
        scalars(node, &mut texts);
        // What the message has to say is no secret.
        let texts = texts.into_iter().filter(|text| !instead.contains(text));
        self.secrets
            .extend(texts.filter(|text| is_telling(text)).map(str::to_owned));
    }

    /// A key without a value: what follows on its line was perhaps meant as one,
    /// and was read as a comment or an anchor.
    fn nothing(&mut self, key: &Location) {
        let from = key.span.end;
        let rest = self.sources.raw(key.source).get(from..).unwrap_or_default();
        let rest = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let value = rest.trim_start_matches(['"', '\'', ':', ' ', '\t']);
        let start = from + rest.len() - value.len();
        let end = start + value.find([',', '}']).unwrap_or(value.len());
        self.diagnostics.hide(Location::new(key.source, start..end));
    }

    /// Parts of texts that look like a secret.
    fn by_look(&mut self, node: &Node) {
        if let Some(text) = node.as_str() {
            for part in mask::in_value(text) {
                let part = text[part].trim_matches(['"', '\'', '\\']);
                if is_telling(part) {
                    self.secrets.insert(part.to_owned());
                }
            }
        }
        for child in children(node) {
            self.by_look(child);
        }
    }

    /// Hides texts with a secret in them that is written with escapes or on
    /// several lines, where it is not found by its text.
    fn escaped(&mut self, node: &Node, secrets: &BTreeSet<String>) {
        if let Some(text) = node.as_str() {
            let written = self.sources.raw(node.at.source).get(node.at.span.clone());
            let written = written.unwrap_or_default();
            if !written.contains(text)
                && !written.contains("${")
                && mask::known(text, secrets).len() > mask::known(written, secrets).len()
            {
                self.diagnostics.hide(node.at.clone());
            }
        }
        for child in children(node) {
            self.escaped(child, secrets);
        }
    }
}

const IS_NONE_TO_HOLD: &str = "this seems to be a secret, and a baseline holds none";
const SEEMS_SECRET: &str = "this seems to be a secret, and cannot be read";

fn children(node: &Node) -> impl Iterator<Item = &Node> {
    let values = node.entries().iter().map(|(_, value)| value);
    values.chain(node.items())
}

/// Whether it is made of references, or of variables that could not be expanded.
fn is_by_reference(node: &Node) -> bool {
    const KINDS: [&str; 3] = ["env:", "file:", "credential:"];
    match &node.value {
        NodeValue::String(text) => {
            let kind = KINDS.iter().find_map(|kind| text.strip_prefix(kind));
            let rest = kind.unwrap_or(text);
            kind.is_some_and(|rest| rest.contains("${"))
                || (rest.starts_with("${") && rest.find('}') == Some(rest.len() - 1))
        }
        _ => false,
    }
}

/// Every text and number below a node, line by line.
fn scalars<'n>(node: &'n Node, found: &mut Vec<&'n str>) {
    match &node.value {
        NodeValue::String(text) | NodeValue::Number(_, text) => {
            found.extend(text.lines().map(str::trim));
        }
        NodeValue::Map(entries) => {
            for (key, value) in entries {
                // `{ hunter2 }` is a map of one key.
                if value.value == NodeValue::Null {
                    found.push(&key.value);
                }
                scalars(value, found);
            }
        }
        NodeValue::Seq(items) => items.iter().for_each(|item| scalars(item, found)),
        NodeValue::Null | NodeValue::Bool(_) => {}
    }
}

/// Whether hiding every such text would not tell it by the gaps.
fn is_telling(text: &str) -> bool {
    const LEAST: usize = 4;
    const WORDS: [&str; 5] = ["true", "false", "null", "none", "password"];
    let by_reference = ["env:", "file:", "credential:", "${", "***"];
    text.len() >= LEAST
        && !WORDS.contains(&text)
        && !by_reference.iter().any(|start| text.starts_with(start))
}

/// How a scheme is written before what logs in.
const SCHEMES: [&str; 3] = ["Bearer ", "Basic ", "Token "];

/// What to write for what seems to be a secret: of its text the scheme alone.
fn by_reference(key: &str, value: &Node) -> String {
    let scheme = SCHEMES.iter().find(|scheme| {
        let start = value.as_str().and_then(|text| text.get(..scheme.len()));
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let prefix = scheme.map_or_else(String::new, |scheme| format!(", prefix: {scheme:?}"));
    let name: String = key
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        })
        .collect();
    let what = if prefix.is_empty() { "it" } else { "the rest" };
    format!(
        "write `{key}: {{ secret: env:{name}{prefix} }}` and give {what} in the environment, as \
         {name}; or name a file that holds it, `secret: file:/path`"
    )
}
