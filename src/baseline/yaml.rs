//! YAML text → [`Node`].
//!
//! Of this room, the only file that knows the YAML library. It is granit-parser, the event
//! parser below serde-saphyr: a deserialiser stops at the first duplicate key
//! and forgets how numbers were written, events let a file's problems be told
//! together.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span, Tag};

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::mask;
use super::node::{Node, NodeValue};
use super::scalar;
use super::source::{Location, SourceId, Sources};
use tree::{Content, Open};

mod tree;

/// Values in one file, each use of an alias counted with all that it stands
/// for: what keeps nine lines of aliases from becoming a billion values.
const MAX_NODES: usize = 500_000;
/// Maps and lists inside each other. What recurses over nodes relies on it.
const MAX_DEPTH: usize = 64;

/// The tree of a source, or nothing when its problems leave none.
pub(super) fn parse(
    sources: &Sources,
    source: SourceId,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let text = sources.raw(source);
    let mut builder = Builder {
        source,
        text,
        diagnostics,
        open: Vec::new(),
        root: None,
        anchors: HashMap::new(),
        names: Vec::new(),
        nodes: 0,
    };
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        disallow_directives: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                if builder.take(event, span).is_err() {
                    return None;
                }
            }
            Err(error) => {
                builder.syntax_error(&error);
                return None;
            }
        }
    }
    let root = builder.root.map(|done| done.node);
    match root {
        Some(Node {
            value: NodeValue::Null,
            ..
        })
        | None => {
            diagnostics.push(
                Diagnostic::error(
                    "empty-file",
                    "the file holds nothing",
                    Location::new(source, 0..0),
                )
                .suggestion("start with `version: 1`; `coldstart schema` prints the format"),
            );
            None
        }
        root => root,
    }
}

/// A problem was reported after which the rest of the file means nothing.
struct Stop;

/// A finished value with how deep and how large it is, aliases followed.
#[derive(Clone)]
struct Done {
    node: Node,
    depth: usize,
    size: usize,
}

struct Builder<'a> {
    source: SourceId,
    text: &'a str,
    diagnostics: &'a mut Diagnostics,
    open: Vec<Open>,
    root: Option<Done>,
    anchors: HashMap<usize, Done>,
    names: Vec<String>,
    nodes: usize,
}

impl Builder<'_> {
    fn place(&self, span: Span) -> Location {
        let end = self.text.len();
        let range = span.byte_range().unwrap_or(end..end);
        Location::new(self.source, range.start.min(end)..range.end.min(end))
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let at = self.place(span);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                self.diagnostics.push(
                    Diagnostic::error("several-documents", "a second document starts here", at)
                        .suggestion(
                            "keep one document in a file and bring the others in by `include:`",
                        ),
                );
                Err(Stop)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), &at);
                self.finish(Node { at, value }, anchor, 0, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), "seq", &at);
                self.push(Content::Seq(Vec::new()), at, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), "map", &at);
                let content = Content::Map {
                    entries: Vec::new(),
                    places: HashMap::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.push(content, at, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&at),
            Event::Anchor(_, name) => {
                self.names.push(name.into_owned());
                Ok(())
            }
            Event::Alias(id) => self.alias(id, at),
            Event::UnresolvedAlias(name) => {
                let mut problem = Diagnostic::error(
                    "unknown-alias",
                    format!("no anchor `&{name}` before this alias"),
                    at.clone(),
                );
                if let Some(meant) = did_you_mean(&name, self.names.iter().map(String::as_str)) {
                    problem = problem.suggestion(format!("did you mean `*{meant}`?"));
                }
                self.diagnostics.push(problem);
                self.finish(
                    Node {
                        at,
                        value: NodeValue::String(String::new()),
                    },
                    0,
                    0,
                    1,
                )
            }
            // The stream's and the document's brackets. The enumeration is open,
            // so the wildcard must stay; nodes all have their arm.
            _ => Ok(()),
        }
    }

    fn alias(&mut self, id: usize, at: Location) -> Result<(), Stop> {
        let Some(done) = self.anchors.get(&id) else {
            self.diagnostics.push(
                Diagnostic::error("alias-loop", "this alias stands inside its own anchor", at)
                    .suggestion("write out what the alias stands for"),
            );
            return Err(Stop);
        };
        // Before the copy is made: the copy is what a bomb is after.
        self.within_budget(done.size, &at)?;
        let Done { node, depth, size } = self.anchors[&id].clone();
        self.finish(
            Node {
                at,
                value: node.value,
            },
            0,
            depth,
            size,
        )
    }

    fn within_budget(&mut self, more: usize, at: &Location) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        self.diagnostics.push(
            Diagnostic::error(
                "too-large",
                format!("more than {MAX_NODES} values, aliases followed"),
                at.clone(),
            )
            .suggestion(
                "write fewer aliases of aliases, or split the file and `include:` the parts",
            ),
        );
        Err(Stop)
    }

    fn push(&mut self, content: Content, at: Location, anchor: usize) -> Result<(), Stop> {
        self.open.push(Open {
            content,
            at,
            anchor,
            depth: 0,
            size: 1,
        });
        Ok(())
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, fits: &str, at: &Location) {
        if let Some(tag) = tag
            && !tag.is_yaml_core_schema_tag(fits)
        {
            self.diagnostics.push(
                Diagnostic::error(
                    "unsupported-tag",
                    format!("the tag `{}` has no meaning here", shown(tag)),
                    at.clone(),
                )
                .suggestion("an expression that begins with `!` needs quotes: `'!loading'`; of tags, `!!str` is the one that is understood"),
            );
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: &Location,
    ) -> NodeValue {
        if let Some(tag) = tag {
            self.refuse_tag(Some(tag), "str", at);
            return NodeValue::String(text.to_owned());
        }
        if style != ScalarStyle::Plain {
            return NodeValue::String(text.to_owned());
        }
        match scalar::resolve(text) {
            Ok(value) => value,
            Err(problem) => {
                self.diagnostics.push(
                    Diagnostic::error("ambiguous-number", problem.message, at.clone())
                        .suggestion(problem.suggestion),
                );
                NodeValue::String(text.to_owned())
            }
        }
    }

    fn syntax_error(&mut self, error: &granit_parser::ScanError) {
        let end = self.text.len();
        let mut start = error.marker().byte_offset().unwrap_or(end).min(end);
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let width = self.text[start..]
            .chars()
            .next()
            .filter(|next| *next != '\n')
            .map_or(0, char::len_utf8);
        let at = Location::new(self.source, start..start + width);
        self.hide_environment(start);
        let line = self.text[..start]
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        let indent: &str = &self.text[line..];
        let indent = &indent[..indent
            .find(|c| c != ' ' && c != '\t')
            .unwrap_or(indent.len())];
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            self.diagnostics.push(too_deep(at));
            return;
        }
        let before = self.text[..start].trim_end_matches('{');
        let suggestion = if indent.contains('\t') {
            "this line is indented with a tab; YAML wants spaces"
        } else if before.ends_with('$') || self.text[start..].starts_with("${") {
            "inside of braces and brackets, a text with `${…}` in it needs quotes"
        } else {
            "look at this line and the one before: a text with `: ` in it needs quotes; a quote or bracket left open, a colon left out, or indentation"
        };
        let problem = Diagnostic::error("yaml-syntax", format!("not YAML: {}", error.info()), at);
        self.diagnostics.push(problem.suggestion(suggestion));
    }
}

impl Builder<'_> {
    /// A line that cannot be read has no places that tell a secret.
    fn hide_environment(&mut self, at: usize) {
        let from = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[at..].find('\n');
        let to = end.map_or(self.text.len(), |newline| at + newline);
        for value in mask::environment(&self.text[from..to]) {
            let place = from + value.start..from + value.end;
            self.diagnostics.hide(Location::new(self.source, place));
        }
    }
}

fn too_deep(at: Location) -> Diagnostic {
    Diagnostic::error(
        "too-deep",
        format!("more than {MAX_DEPTH} maps and lists inside each other"),
        at,
    )
    .suggestion("a baseline needs about ten: check the brackets")
}

fn shown(tag: &Tag) -> String {
    format!("{}{}", tag.original_handle(), tag.suffix())
}
