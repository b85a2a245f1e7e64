//! YAML that a server or a file has, as a tree of texts.

use granit_parser::{Event, Parser};

use super::alerts::Labels;

/// A value of YAML, scalars as they are written.
#[derive(Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// What is at `key` of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Self::Map(entries) = self else {
            return None;
        };
        let found = entries.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// The text at `key`; none where there is another thing.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The items of the list at `key`; null and nothing are empty ones.
    pub(super) fn list(&self, key: &str, place: &str) -> Result<&[Node], String> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Self::List(items)) => Ok(items),
            Some(Self::Text(text)) if is_null(text) => Ok(&[]),
            Some(_) => Err(format!("`{key}` of {place} is no list")),
        }
    }

    /// The texts of the map at `key`.
    pub(super) fn texts(&self, key: &str, place: &str) -> Result<Labels, String> {
        let entries = match self.get(key) {
            None => return Ok(Labels::new()),
            Some(Self::Map(entries)) => entries,
            Some(Self::Text(text)) if is_null(text) => return Ok(Labels::new()),
            Some(_) => return Err(format!("`{key}` of {place} is no map")),
        };
        let texts = entries.iter().map(|(name, value)| match value {
            Self::Text(text) => Ok((name.clone(), text.clone())),
            Self::List(_) | Self::Map(_) => Err(format!("`{key}.{name}` of {place} is no text")),
        });
        texts.collect()
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// What is open while events come.
enum Open {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<String>),
}

/// The tree of the one document in `text`; what is wrong with it in a phrase, which may quote it.
pub(super) fn tree(text: &str) -> Result<Node, String> {
    let options = granit_parser::options! {
        flow_nesting_limit: 64,
        block_nesting_limit: 64,
    };
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let line = || {
            let start = span.byte_range().map_or(text.len(), |range| range.start);
            let ahead = text.as_bytes().iter().take(start);
            ahead.filter(|&&byte| byte == b'\n').count() + 1
        };
        let done = match event {
            Event::DocumentStart(..) if root.is_some() => {
                return Err(format!("line {}: a second document", line()));
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                continue;
            }
            Event::Scalar(text, ..) => Node::Text(text.into_owned()),
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Node::List(items),
                Some(Open::Map(entries, _)) => Node::Map(entries),
                None => continue,
            },
            Event::Alias(..) | Event::UnresolvedAlias(..) => {
                return Err(format!("line {}: an alias, which is not followed", line()));
            }
            // Brackets of the stream and the document; the enumeration is open.
            _ => continue,
        };
        match open.last_mut() {
            None => root = Some(done),
            Some(Open::List(items)) => items.push(done),
            Some(Open::Map(entries, key)) => match (key.take(), done) {
                (Some(key), _) if entries.iter().any(|(known, _)| *known == key) => {
                    return Err(format!("line {}: a second `{key}`", line()));
                }
                (Some(key), value) => entries.push((key, value)),
                (None, Node::Text(text)) => *key = Some(text),
                (None, Node::List(_) | Node::Map(_)) => {
                    return Err(format!("line {}: a key that is no text", line()));
                }
            },
        }
    }
    root.ok_or_else(|| "it is empty".to_owned())
}
