//! Holds a tree against a JSON Schema and tells everything that does not fit.

use std::collections::{BTreeSet, HashMap};

use regex::Regex;
use serde_json::{Map, Value};

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::node::{Node, NodeValue};
use super::source::{Located, Location, SourceId};
use super::{mask, timespan, wording};

mod collection;

/// `$ref`s that lead to `$ref`s. A schema that needs more goes in circles.
const MAX_REFS: usize = 16;

/// Reports every value of `node` that `schema` does not allow: unknown and
/// missing keys, wrong types, `null` where a value belongs, values outside an
/// enumeration, a range or a pattern. `root` is the document that `$ref`s
/// (`#/$defs/…`) are resolved in.
///
/// Of JSON Schema it knows what schemars writes: `type`, `properties`,
/// `required`, `additionalProperties`, `propertyNames`, `minProperties`,
/// `maxProperties`, `items`, `minItems`, `maxItems`, `uniqueItems`, `enum`,
/// `const`, `anyOf`, `oneOf`, `allOf`, `minimum`, `maximum`,
/// `exclusiveMinimum`, `exclusiveMaximum`, `minLength`, `maxLength`,
/// `pattern`, `$ref` and the `format`s of whole numbers; `oneOf` means one at
/// least. `null` fits only where nothing else was asked for: an optional key
/// is left out instead. `x-expected` says in words what a message should ask
/// for, `x-suggestion` what to write instead, `x-unit` the unit that a bare
/// number lacks; the text of a `writeOnly` value is never shown. A scalar that
/// `diagnostics` has a problem of already is not looked at.
pub fn conform(node: &Node, schema: &Value, root: &Value, diagnostics: &mut Diagnostics) {
    let told = diagnostics.iter().filter_map(|problem| problem.at.as_ref());
    let told = told
        .chain(diagnostics.silenced())
        .map(|at| (at.source, at.span.start))
        .collect();
    Conformance {
        root,
        diagnostics,
        patterns: HashMap::new(),
        told,
    }
    .check(node, schema, None);
}

struct Conformance<'a> {
    root: &'a Value,
    diagnostics: &'a mut Diagnostics,
    patterns: HashMap<&'a str, Option<Regex>>,
    /// Where something was wrong before: a scalar that could not be read need
    /// not be of the wrong type too.
    told: BTreeSet<(SourceId, usize)>,
}

impl<'a> Conformance<'a> {
    /// `key` is what `node` is the value of.
    fn check(&mut self, node: &Node, schema: &'a Value, key: Option<&Located<String>>) {
        let Value::Object(keywords) = schema else {
            if schema == &Value::Bool(false) {
                self.report(
                    "not-allowed",
                    "nothing may stand here".to_owned(),
                    node.at.clone(),
                    None,
                );
            }
            return;
        };
        if self.was_told(node) {
            return;
        }
        let before = self.diagnostics.len();
        if let Some(target) = self.target(keywords) {
            self.check(node, target, key);
        }
        for part in array(keywords, "allOf") {
            self.check(node, part, key);
        }
        if self.diagnostics.len() > before {
            return;
        }
        if node.value == NodeValue::Null {
            if wording::is_constrained(keywords) {
                self.null(node, schema, key);
            }
            return;
        }
        for keyword in ["anyOf", "oneOf"] {
            if keywords.contains_key(keyword) {
                self.one_of(node, schema, array(keywords, keyword), key);
            }
        }
        if !wording::type_fits(keywords, &node.value) {
            self.mismatch("wrong-type", node, schema, key);
            return;
        }
        if let Some(allowed) = wording::allowed_values(keywords)
            && !allowed.contains(&&node.to_json())
        {
            self.bad_value(node, schema, &allowed, key);
            return;
        }
        match &node.value {
            NodeValue::Null | NodeValue::Bool(_) => {}
            NodeValue::Number(number, _) => self.number(node, number, schema, keywords, key),
            NodeValue::String(text) => self.text(node, text, schema, keywords, key),
            NodeValue::Seq(items) => self.list(node, items, schema, keywords, key),
            NodeValue::Map(entries) => self.map(node, entries, keywords, key),
        }
    }

    fn was_told(&self, node: &Node) -> bool {
        if self.told.is_empty() || matches!(node.value, NodeValue::Seq(_) | NodeValue::Map(_)) {
            return false;
        }
        let Location { source, span } = &node.at;
        self.told
            .range((*source, span.start)..(*source, span.end.max(span.start + 1)))
            .next()
            .is_some()
    }

    fn target(&self, keywords: &Map<String, Value>) -> Option<&'a Value> {
        wording::target(self.root, keywords)
    }

    fn report(
        &mut self,
        code: &'static str,
        message: String,
        at: Location,
        suggestion: Option<String>,
    ) {
        let mut problem = Diagnostic::error(code, message, at);
        problem.suggestion = suggestion;
        self.diagnostics.push(problem);
    }

    fn null(&mut self, node: &Node, schema: &Value, key: Option<&Located<String>>) {
        let expected = wording::describe(schema, self.root);
        let message = match key {
            Some(key) => format!("`{}` has no value", key.value),
            None => format!("expected {expected}, saw nothing"),
        };
        let suggestion = match key {
            Some(key) if wording::takes_a_map(schema, self.root) => {
                format!("write `{}: {{}}` when every option is left out", key.value)
            }
            _ => format!("give it {expected}, or leave it out"),
        };
        self.report("no-value", message, node.at.clone(), Some(suggestion));
    }

    fn mismatch(
        &mut self,
        code: &'static str,
        node: &Node,
        schema: &Value,
        key: Option<&Located<String>>,
    ) {
        let expected = wording::describe(schema, self.root);
        let secret = self.keep_secret(node, schema, key);
        let seen = if secret {
            "something else".to_owned()
        } else {
            wording::seen(node)
        };
        let suggestion = if secret {
            None
        } else {
            wording::instead(node, schema, self.root)
        };
        self.report(
            code,
            format!("expected {expected}, saw {seen}"),
            node.at.clone(),
            suggestion,
        );
    }

    /// Whether the text must not be shown; if so, it is hidden in snippets too.
    fn keep_secret(&mut self, node: &Node, schema: &Value, key: Option<&Located<String>>) -> bool {
        let secret = wording::is_for_secrets(schema, self.root)
            || key.is_some_and(|key| mask::names_a_secret(&key.value));
        if secret {
            self.diagnostics.hide(node.at.clone());
        }
        secret
    }

    fn bad_value(
        &mut self,
        node: &Node,
        schema: &Value,
        allowed: &[&Value],
        key: Option<&Located<String>>,
    ) {
        let secret = self.keep_secret(node, schema, key);
        let seen = if secret {
            "something else".to_owned()
        } else {
            wording::seen(node)
        };
        let meant = node
            .as_str()
            .and_then(|text| did_you_mean(text, allowed.iter().filter_map(|value| value.as_str())));
        let suggestion = meant.map(|meant| format!("did you mean `{meant}`?"));
        let expected = wording::expected_in_words(schema, self.root)
            .unwrap_or_else(|| wording::one_of_values(allowed));
        self.report(
            "bad-value",
            format!("expected {expected}, saw {seen}"),
            node.at.clone(),
            suggestion,
        );
    }

    fn one_of(
        &mut self,
        node: &Node,
        schema: &'a Value,
        branches: &'a [Value],
        key: Option<&Located<String>>,
    ) {
        let branches: Vec<&'a Value> = branches
            .iter()
            .filter(|branch| !wording::is_null(branch))
            .collect();
        if let [only] = branches[..] {
            return self.check(node, only, key);
        }
        let mut problems = Vec::new();
        for branch in &branches {
            let mut own = Diagnostics::default();
            std::mem::swap(self.diagnostics, &mut own);
            self.check(node, branch, key);
            std::mem::swap(self.diagnostics, &mut own);
            if own.is_empty() {
                return;
            }
            problems.push(own);
        }
        let values: Vec<&Value> = branches
            .iter()
            .filter_map(|branch| wording::allowed_values(self.resolved(branch)?))
            .flatten()
            .collect();
        if node.as_str().is_some() && !values.is_empty() {
            return self.bad_value(node, schema, &values, key);
        }
        // The problems of the branch that was meant say more than "none fits".
        let meant = branches.iter().zip(problems).filter(|(branch, _)| {
            self.resolved(branch).is_some_and(|keywords| {
                wording::type_fits(keywords, &node.value) && wording::shares_a_key(keywords, node)
            })
        });
        match meant.min_by_key(|(_, problems)| problems.len()) {
            Some((_, problems)) => self.diagnostics.append(problems),
            None => self.mismatch("wrong-type", node, schema, key),
        }
    }

    fn resolved(&self, schema: &'a Value) -> Option<&'a Map<String, Value>> {
        wording::resolved(self.root, schema)
    }

    fn number(
        &mut self,
        node: &Node,
        number: &serde_json::Number,
        schema: &Value,
        keywords: &Map<String, Value>,
        key: Option<&Located<String>>,
    ) {
        let Some(value) = number.as_f64() else { return };
        let bound = |name: &str| keywords.get(name).and_then(Value::as_f64);
        let (least, most) = wording::range(keywords);
        let outside = least.is_some_and(|least| value < least)
            || most.is_some_and(|most| value > most)
            || bound("exclusiveMinimum").is_some_and(|limit| value <= limit)
            || bound("exclusiveMaximum").is_some_and(|limit| value >= limit);
        if outside {
            self.mismatch("out-of-range", node, schema, key);
        }
    }

    fn text(
        &mut self,
        node: &Node,
        text: &str,
        schema: &Value,
        keywords: &'a Map<String, Value>,
        key: Option<&Located<String>>,
    ) {
        let format = keywords.get("format").and_then(Value::as_str);
        if matches!(format, Some(timespan::FORMAT | timespan::POSITIVE_FORMAT)) {
            let span = timespan::parse(text);
            let span = if format == Some(timespan::FORMAT) {
                span
            } else {
                span.and_then(timespan::positive)
            };
            if let Err(message) = span {
                let suggestion = wording::with_unit(text, keywords).unwrap_or_else(|| {
                    if timespan::parse(text).is_ok() {
                        "write a longer one: the shortest is `1ms`".to_owned()
                    } else {
                        "write whole numbers with units, the largest first: `500ms`, `5s`, `1h30m`"
                            .to_owned()
                    }
                });
                self.report("bad-duration", message, node.at.clone(), Some(suggestion));
            }
            return;
        }
        let length = text.chars().count() as u64;
        let count = |name: &str| keywords.get(name).and_then(Value::as_u64);
        if count("minLength").is_some_and(|least| length < least)
            || count("maxLength").is_some_and(|most| length > most)
        {
            self.mismatch("bad-length", node, schema, key);
            return;
        }
        if let Some(pattern) = keywords.get("pattern").and_then(Value::as_str)
            && !self.matches(pattern, text)
        {
            self.mismatch("bad-text", node, schema, key);
        }
    }

    /// A pattern that is none lets everything through; whoever wrote the
    /// schema has a test for that.
    fn matches(&mut self, pattern: &'a str, text: &str) -> bool {
        let regex = self
            .patterns
            .entry(pattern)
            .or_insert_with(|| Regex::new(pattern).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

fn array<'s>(keywords: &'s Map<String, Value>, name: &str) -> &'s [Value] {
    keywords
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The schema that `$ref` names, followed to one that names none.
pub(super) fn follow<'s>(root: &'s Value, keywords: &Map<String, Value>) -> Option<&'s Value> {
    let mut found = root.pointer(keywords.get("$ref")?.as_str()?.strip_prefix('#')?)?;
    for _ in 0..MAX_REFS {
        match found
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|next| next.strip_prefix('#'))
        {
            Some(next)
                if found
                    .as_object()
                    .is_some_and(|keywords| keywords.len() == 1) =>
            {
                found = root.pointer(next)?;
            }
            _ => return Some(found),
        }
    }
    None
}

#[cfg(test)]
mod tests;
