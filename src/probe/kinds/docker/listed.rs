//! What `docker ps` and `podman ps` print as JSON.
//!
//! `docker ps --format '{{json .}}'` prints an object a line, with its labels as
//! one text; `podman ps --format json` prints a list, with its labels as an
//! object and several names. `State` came to Docker with 20.10.

use serde_json::Value as Json;

use crate::probe::{Fault, FaultKind};

/// One container of the host.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    /// How it ended; nothing while it has not.
    pub(super) exit_code: Option<i32>,
    /// It is up for less than a minute, by the engine's own clock.
    pub(super) just_started: bool,
    labels: Labels,
}

#[derive(Debug, PartialEq)]
enum Labels {
    /// `key=value,key=value`, where values may have commas.
    Text(String),
    Each(Vec<(String, String)>),
}

impl Row {
    /// Whether it may have the label; the text of Docker cannot always tell.
    pub(super) fn may_have(&self, key: &str, value: Option<&str>) -> bool {
        match &self.labels {
            Labels::Text(text) => text.split(',').any(|label| match value {
                Some(value) => label == format!("{key}={value}") || value.contains(','),
                None => label.split_once('=').map_or(label, |(key, _)| key) == key,
            }),
            Labels::Each(labels) => labels
                .iter()
                .any(|(own, had)| own == key && value.is_none_or(|value| had == value)),
        }
    }
}

/// The containers of a listing.
///
/// # Errors
/// `Protocol`: it is no JSON, or has a container without an id or a name.
pub(super) fn parse(text: &str, program: &str) -> Result<Vec<Row>, Fault> {
    let broken =
        |what: &str| Fault::new(FaultKind::Protocol, format!("{program} ps printed {what}"));
    let read = |text: &str| serde_json::from_str::<Json>(text).map_err(|_| broken("no JSON"));
    let items = if text.trim_start().starts_with('[') {
        match read(text)? {
            Json::Array(items) => items,
            _ => return Err(broken("no list")),
        }
    } else {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.map(read).collect::<Result<_, _>>()?
    };
    items
        .iter()
        .map(|item| row(item).ok_or_else(|| broken("a container without an id or a name")))
        .collect()
}

fn row(item: &Json) -> Option<Row> {
    let text = |key: &str| item.get(key).and_then(Json::as_str);
    let id = text("ID").or_else(|| text("Id"))?;
    // It is sent back as an argument.
    let is_id = (12..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = match item.get("Names")? {
        // Of a container that others link to, there are several: `web,other/web`.
        Json::String(names) => names.split(',').find(|name| !name.contains('/'))?,
        Json::Array(names) => names.first()?.as_str()?,
        _ => return None,
    };
    let labels = match item.get("Labels") {
        Some(Json::Object(labels)) => Labels::Each(
            labels
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
        ),
        Some(Json::String(labels)) => Labels::Text(labels.clone()),
        _ => Labels::Each(Vec::new()),
    };
    (is_id && !name.is_empty()).then(|| Row {
        id: id.to_owned(),
        name: name.to_owned(),
        exit_code: exit_code(item),
        just_started: text("Status").is_some_and(is_just_started),
        labels,
    })
}

/// `Up Less than a second`, `Up 1 second`, `Up 42 seconds (healthy)`; the next is
/// `Up About a minute`.
fn is_just_started(status: &str) -> bool {
    let Some(time) = status.strip_prefix("Up ") else {
        return false;
    };
    let mut words = time.split(' ');
    let is_count = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    time.starts_with("Less than a second")
        || words.next().is_some_and(is_count)
            && words
                .next()
                .is_some_and(|unit| matches!(unit, "second" | "seconds"))
}

/// Docker tells by `Exited (137) 2 days ago`, Podman by a number of its own,
/// which is 0 as well while a container runs.
fn exit_code(item: &Json) -> Option<i32> {
    let status = item
        .get("Status")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let written = status
        .strip_prefix("Exited (")
        .or_else(|| status.strip_prefix("Dead ("))
        .and_then(|rest| rest.split_once(')'))
        .and_then(|(code, _)| code.parse().ok());
    let ended = item.get("Exited") == Some(&Json::Bool(true));
    let number = item.get("ExitCode").and_then(Json::as_i64);
    written.or_else(|| {
        number
            .filter(|_| ended)
            .and_then(|code| i32::try_from(code).ok())
    })
}
