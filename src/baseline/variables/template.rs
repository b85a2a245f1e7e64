//! Texts with `${name}` in them: their parts, and how they are put together.

use super::super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::super::node::{Node, NodeValue};
use super::super::source::Location;
use super::OF_THE_HOST;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    /// `$${`
    Escape,
    Name(&'t str),
    /// From a `${` that no `}` closes, or around what is no name.
    Malformed(&'t str),
}

pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            found.extend([Piece::Text(before), Piece::Escape]);
            rest = &from[2..];
            continue;
        }
        found.push(Piece::Text(before));
        let Some(end) = from.find('}') else {
            found.push(Piece::Malformed(from));
            return found;
        };
        let name = &from[2..end];
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        found.push(if is_name {
            Piece::Name(name)
        } else {
            Piece::Malformed(&from[..=end])
        });
        rest = &from[end + 1..];
    }
    found.push(Piece::Text(rest));
    found.retain(|piece| *piece != Piece::Text(""));
    found
}

pub(super) fn malformed(written: &str, at: Location) -> Diagnostic {
    let shown: String = written.chars().take(40).collect();
    Diagnostic::error("bad-variable", format!("`{shown}` is no variable"), at)
        .suggestion("write `${name}`, or `$${` for the text `${` itself")
}

pub(super) fn unknown<'n>(
    name: &str,
    known: impl Iterator<Item = &'n str>,
    at: Location,
) -> Diagnostic {
    let suggestion = match did_you_mean(name, known) {
        Some(meant) => format!("did you mean `${{{meant}}}`?"),
        None => format!("declare it below `vars:`, or write `$${{{name}}}` for the text itself"),
    };
    Diagnostic::error("unknown-variable", format!("no variable `{name}`"), at)
        .suggestion(suggestion)
}

/// See [`Node::expand`].
pub(in super::super) fn expand_node(
    node: &Node,
    scope: &dyn Fn(&str, &Location) -> Option<String>,
    diagnostics: &mut Diagnostics,
) -> Node {
    map_strings(node, &mut |text, at| {
        let mut expanded = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => expanded.push_str(text),
                Piece::Escape => expanded.push_str("${"),
                Piece::Name(name) => match scope(name, at) {
                    Some(value) => expanded.push_str(&value),
                    None => diagnostics.push(unknown(name, OF_THE_HOST.into_iter(), at.clone())),
                },
                Piece::Malformed(written) => diagnostics.push(malformed(written, at.clone())),
            }
        }
        NodeValue::String(expanded)
    })
}

/// The tree with every string that has a `${` replaced. Its depth is bounded
/// by the reader of YAML, so it may recurse.
pub(super) fn map_strings(
    node: &Node,
    replace: &mut dyn FnMut(&str, &Location) -> NodeValue,
) -> Node {
    let value = match &node.value {
        NodeValue::String(text) if text.contains("${") => replace(text, &node.at),
        NodeValue::Seq(items) => NodeValue::Seq(
            items
                .iter()
                .map(|item| map_strings(item, replace))
                .collect(),
        ),
        NodeValue::Map(entries) => NodeValue::Map(
            entries
                .iter()
                .map(|(key, node)| (key.clone(), map_strings(node, replace)))
                .collect(),
        ),
        other => other.clone(),
    };
    Node {
        at: node.at.clone(),
        value,
    }
}

/// Where a text is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// Expanded once for each host later.
    Check,
    Elsewhere,
}

/// The text being made. What was expanded is escaped where it will be looked
/// at again.
pub(super) struct Output {
    pub(super) within: Within,
    pub(super) text: String,
    pub(super) literal: String,
}

impl Output {
    fn flush(&mut self) {
        let literal = std::mem::take(&mut self.literal);
        match self.within {
            Within::Check => self.text.push_str(&literal.replace("${", "$${")),
            Within::Elsewhere => self.text.push_str(&literal),
        }
    }

    /// Leaves a variable for the second pass; false where it would be read as
    /// an escape there.
    pub(super) fn later(&mut self, name: &str) -> bool {
        self.flush();
        let clear = !self.text.ends_with('$');
        self.text.push_str("${");
        self.text.push_str(name);
        self.text.push('}');
        clear
    }

    pub(super) fn finish(mut self) -> String {
        self.flush();
        self.text
    }
}

/// A scalar as text.
pub(super) fn text_of(value: &NodeValue) -> Option<String> {
    match value {
        NodeValue::String(text) | NodeValue::Number(_, text) => Some(text.clone()),
        NodeValue::Bool(value) => Some(value.to_string()),
        NodeValue::Null | NodeValue::Seq(_) | NodeValue::Map(_) => None,
    }
}
