//! How finished values hang together: lists, maps, merge keys, anchors.

use std::collections::HashMap;

use super::super::diagnostic::{Diagnostic, Diagnostics};
use super::super::node::{Node, NodeValue};
use super::super::source::{Located, Location};
use super::{Builder, Done, MAX_DEPTH, Stop, too_deep};

pub(super) enum Key {
    Name(Located<String>),
    /// `<<`
    Merge(Location),
    /// Reported; its value is read and dropped.
    Unusable,
}

pub(super) enum Content {
    Seq(Vec<Node>),
    Map {
        entries: Vec<(Located<String>, Node)>,
        places: HashMap<String, Location>,
        key: Option<Key>,
        merged: Vec<Node>,
    },
}

pub(super) struct Open {
    pub(super) content: Content,
    pub(super) at: Location,
    pub(super) anchor: usize,
    pub(super) depth: usize,
    pub(super) size: usize,
}

impl Builder<'_> {
    pub(super) fn close(&mut self, end: &Location) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let Open {
            content,
            mut at,
            anchor,
            depth,
            size,
        } = open;
        let (value, last) = match content {
            Content::Seq(items) => {
                let last = items.last().map(|item| item.at.span.end);
                (NodeValue::Seq(items), last)
            }
            Content::Map {
                mut entries,
                mut places,
                merged,
                ..
            } => {
                let last = entries
                    .last()
                    .map(|(key, node)| node.at.span.end.max(key.at.span.end));
                // An explicit key goes before a merged one, an earlier map before a later.
                for map in merged {
                    let NodeValue::Map(more) = map.value else {
                        continue;
                    };
                    for (key, node) in more {
                        if !places.contains_key(&key.value) {
                            places.insert(key.value.clone(), key.at.clone());
                            entries.push((key, node));
                        }
                    }
                }
                (NodeValue::Map(entries), last)
            }
        };
        // A block's end is only known by the next token, lines below: the last
        // value's end is where a reader sees it. A flow's own bracket is its end.
        let closes_here = self
            .text
            .get(end.span.clone())
            .is_some_and(|text| text == "}" || text == "]");
        at.span.end = match last {
            _ if closes_here => end.span.end,
            Some(last) => last,
            None => at.span.end,
        }
        .max(at.span.start);
        self.finish(Node { at, value }, anchor, depth, size)
    }

    /// Hangs a finished value where it belongs. `size` counts it and all below.
    pub(super) fn finish(
        &mut self,
        node: Node,
        anchor: usize,
        depth: usize,
        size: usize,
    ) -> Result<(), Stop> {
        self.within_budget(1, &node.at)?;
        if self.open.len() + depth > MAX_DEPTH {
            self.diagnostics.push(too_deep(node.at));
            return Err(Stop);
        }
        if anchor != 0 {
            self.anchors.insert(
                anchor,
                Done {
                    node: node.clone(),
                    depth,
                    size,
                },
            );
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(Done { node, depth, size });
            return Ok(());
        };
        parent.depth = parent.depth.max(depth + 1);
        parent.size = parent.size.saturating_add(size);
        match &mut parent.content {
            Content::Seq(items) => items.push(node),
            Content::Map {
                entries,
                places,
                key,
                merged,
            } => match key.take() {
                None => *key = Some(as_key(node, self.text, self.diagnostics)),
                Some(Key::Unusable) => {}
                Some(Key::Merge(at)) => merge(node, &at, merged, self.diagnostics),
                Some(Key::Name(name)) => {
                    if let Some(first) = places.get(&name.value) {
                        self.diagnostics.push(
                            Diagnostic::error(
                                "duplicate-key",
                                format!("the key `{}` is here twice", name.value),
                                name.at,
                            )
                            .label("again here")
                            .related(first.clone(), "first here")
                            .suggestion("YAML readers disagree on which one counts: keep one"),
                        );
                        return Ok(());
                    }
                    places.insert(name.value.clone(), name.at.clone());
                    let mut node = node;
                    // An absent value has no text: its key is what can be shown.
                    if node.value == NodeValue::Null && node.at.span.is_empty() {
                        node.at = name.at.clone();
                    }
                    entries.push((name, node));
                }
            },
        }
        Ok(())
    }
}

fn as_key(node: Node, text: &str, diagnostics: &mut Diagnostics) -> Key {
    let written = text.get(node.at.span.clone()).unwrap_or_default();
    match node.value {
        NodeValue::String(_) if written == "<<" => Key::Merge(node.at),
        NodeValue::String(name) => Key::Name(Located::new(name, node.at)),
        NodeValue::Number(_, name) => Key::Name(Located::new(name, node.at)),
        NodeValue::Bool(value) => Key::Name(Located::new(value.to_string(), node.at)),
        NodeValue::Null | NodeValue::Seq(_) | NodeValue::Map(_) => {
            diagnostics.push(Diagnostic::error("unusable-key", "a key must be text", node.at).suggestion(
                "quote it; a text that starts with `{` or `[`, `${name}` inside braces too, needs quotes",
            ));
            Key::Unusable
        }
    }
}

fn merge(node: Node, at: &Location, merged: &mut Vec<Node>, diagnostics: &mut Diagnostics) {
    let maps = match node.value {
        NodeValue::Map(_) => vec![node],
        NodeValue::Seq(items) => items,
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(..) | NodeValue::String(_) => {
            vec![node]
        }
    };
    for map in maps {
        if matches!(map.value, NodeValue::Map(_)) {
            merged.push(map);
        } else {
            diagnostics.push(
                Diagnostic::error(
                    "merge-of-no-map",
                    "`<<` takes a map or a list of maps",
                    at.clone(),
                )
                .suggestion("give it an alias of a map, `<<: *common`"),
            );
        }
    }
}
