//! YAML text → JSON, as far as a kubeconfig needs it: no anchors, no tags.

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// A kubeconfig has four of them inside each other.
const DEEPEST: usize = 16;

enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

/// The one document of a text.
///
/// # Errors
/// What is wrong, without a word of the text.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        disallow_directives: false,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, _) = event.map_err(|error| {
            let line = text[..error.marker().byte_offset().unwrap_or(0).min(text.len())]
                .lines()
                .count();
            format!("it is not YAML, see line {}", line.max(1))
        })?;
        let done = match event {
            Event::DocumentStart(..) if root.is_some() => {
                return Err("it holds several documents".to_owned());
            }
            Event::Scalar(text, style, ..) => Some(scalar(&text, style)),
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Map::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Some(Value::Array(items)),
                Some(Open::Map(entries, _)) => Some(Value::Object(entries)),
                None => None,
            },
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return Err("it holds an alias".to_owned());
            }
            _ => None,
        };
        let Some(done) = done else {
            continue;
        };
        match open.last_mut() {
            None => root = Some(done),
            Some(Open::List(items)) => items.push(done),
            Some(Open::Map(entries, key)) => match key.take() {
                Some(name) => {
                    entries.insert(name, done);
                }
                None => match done {
                    Value::String(name) => *key = Some(name),
                    _ => return Err("it holds a key that is no text".to_owned()),
                },
            },
        }
    }
    root.ok_or_else(|| "it holds nothing".to_owned())
}

/// Numbers stay texts: a user may be called `007`.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => Value::String(text.to_owned()),
    }
}
