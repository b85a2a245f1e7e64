//! Names and values in what programs print and in configuration files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::probe::{Fault, FaultKind};

/// How a file is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "SettingsFormat")]
pub(super) enum Format {
    /// `key = value`, the last one counts: `/etc/sysctl.conf`, `/etc/iscsi/iscsid.conf`.
    #[default]
    Equals,
    /// `Key value`, the first one counts, in any case, up to the first `Match`: `sshd_config`.
    Words,
    /// `key = value` below `[section]`, named `section/key`.
    Ini,
    /// JSON, named by a path: `/log/level`.
    Json,
}

/// Names with values that belong together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// What it is of, where there may be several.
    pub(super) name: Option<String>,
    values: BTreeMap<String, String>,
}

impl Record {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// `key = value`, as `sysctl` prints it and many files have it.
pub(super) fn equals(text: &str) -> Record {
    let mut record = Record::default();
    for (key, value) in text.lines().filter_map(pair) {
        record.values.insert(key.to_owned(), value.to_owned());
    }
    record
}

/// A line's key and value. A `-` before the key is for sysctl to bear with failure.
fn pair(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    let key = key.trim().trim_start_matches('-').trim_start();
    (!key.is_empty()).then(|| (key, unquoted(value.trim())))
}

fn unquoted(value: &str) -> &str {
    let inside = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

/// `Key=value`, as systemd prints it: all behind the sign is the value.
pub(super) fn properties(text: &str) -> Record {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Record {
        name: None,
        values: pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    }
}

/// The records of `iscsiadm -m node -o show`, each between its marks. What has no
/// value is `<empty>` there.
pub(super) fn nodes(text: &str) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        if line.starts_with("# BEGIN RECORD") {
            records.push(Record::default());
            is_open = true;
        } else if line.starts_with("# END RECORD") {
            is_open = false;
        } else if let (true, Some(record), Some((key, value))) =
            (is_open, records.last_mut(), pair(line))
        {
            record.values.insert(key.to_owned(), value.to_owned());
        }
    }
    for record in &mut records {
        let target = record.get("node.name").unwrap_or("a record without a name");
        let portal = record.get("node.conn[0].address");
        record.name = Some(match portal {
            Some(portal) => format!("{target} at {portal}"),
            None => target.to_owned(),
        });
    }
    records
}

/// The sessions of `iscsiadm -m session -P 2`, each a record of its own:
/// `Target: NAME (non-flash)`, below it `Current Portal: ADDRESS:PORT,GROUP` for each
/// portal, and below that `Key: value` further in. Two sessions with one portal, over
/// two interfaces, stand below one portal line: there a key comes again.
///
/// A record has its target's name, and its portal where the target has several.
pub(super) fn sessions(text: &str) -> Vec<Record> {
    let mut sessions: Vec<Session> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.trim().split_once(": ") else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        if key == "Target" && !line.starts_with(char::is_whitespace) {
            let name = value.split(' ').next().unwrap_or(value);
            sessions.push(Session::of(name));
            continue;
        }
        let next = match sessions.last() {
            None => continue,
            Some(session) => session.before(key),
        };
        sessions.extend(next);
        if let Some(session) = sessions.last_mut() {
            session.values.insert(key.to_owned(), value.to_owned());
        }
    }
    let named: Vec<Option<String>> = sessions
        .iter()
        .map(|session| {
            let count = |is_like: &dyn Fn(&&Session) -> bool| {
                sessions.iter().filter(is_like).take(2).count() > 1
            };
            let target = session.target.as_str();
            let portal = session.portal();
            let has_others = count(&|other| other.target == target);
            let is_shared = count(&|other| other.target == target && other.portal() == portal);
            let portal = portal.filter(|_| has_others);
            let interface = session.values.get("Iface Name").filter(|_| is_shared);
            Some(match (portal, interface) {
                (Some(portal), Some(interface)) => format!("{target} at {portal} by {interface}"),
                (Some(portal), None) => format!("{target} at {portal}"),
                (None, Some(interface)) => format!("{target} by {interface}"),
                (None, None) => target.to_owned(),
            })
        })
        .collect();
    let records = named.into_iter().zip(sessions);
    records
        .map(|(name, session)| Record {
            name,
            values: session.values,
        })
        .collect()
}

const PORTAL: &str = "Current Portal";

/// A session of the initiator, as it is read.
#[derive(Debug)]
struct Session {
    target: String,
    values: BTreeMap<String, String>,
}

impl Session {
    fn of(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            values: BTreeMap::new(),
        }
    }

    /// `ADDRESS:PORT`, without the group.
    fn portal(&self) -> Option<&str> {
        self.values.get(PORTAL)?.split(',').next()
    }

    /// The session that begins with `key`, where this one ends before it.
    fn before(&self, key: &str) -> Option<Self> {
        if key == PORTAL {
            return (!self.values.is_empty()).then(|| Self::of(&self.target));
        }
        self.values.contains_key(key).then(|| {
            let mut next = Self::of(&self.target);
            let portals = self
                .values
                .iter()
                .filter(|(key, _)| key.ends_with(" Portal"));
            next.values
                .extend(portals.map(|(key, value)| (key.clone(), value.clone())));
            next
        })
    }
}

/// The values of a file.
///
/// # Errors
/// `Protocol`: it is to be JSON, and is none.
pub(super) fn file<'n>(
    format: Format,
    text: &str,
    names: impl Iterator<Item = &'n String>,
) -> Result<Record, Fault> {
    match format {
        Format::Equals => Ok(equals(text)),
        Format::Ini => Ok(ini(text)),
        Format::Words => Ok(words(text, names)),
        Format::Json => json(text, names),
    }
}

fn ini(text: &str) -> Record {
    let mut record = Record::default();
    let mut section = String::new();
    for line in text.lines() {
        let header = line.trim().strip_prefix('[');
        if let Some(name) = header.and_then(|rest| rest.split_once(']')) {
            section = format!("{}/", name.0.trim());
        } else if let Some((key, value)) = pair(line) {
            record
                .values
                .insert(format!("{section}{key}"), value.to_owned());
        }
    }
    record
}

fn words<'n>(text: &str, names: impl Iterator<Item = &'n String>) -> Record {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        let (key, value) = line
            .split_once(|end: char| end.is_whitespace() || end == '=')
            .unwrap_or((line, ""));
        if key.eq_ignore_ascii_case("match") {
            break;
        }
        if key.is_empty() || key.starts_with('#') {
            continue;
        }
        let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
        seen.entry(key.to_ascii_lowercase())
            .or_insert_with(|| unquoted(value).to_owned());
    }
    let found = names.filter_map(|name| {
        let value = seen.get(&name.to_ascii_lowercase())?;
        Some((name.clone(), value.clone()))
    });
    Record {
        name: None,
        values: found.collect(),
    }
}

/// The lines `Include` of a file of words before which one of `names` has no value yet: what
/// they name is read in their place, and its values come first.
pub(super) fn included<'n>(text: &str, names: impl Iterator<Item = &'n String>) -> Vec<String> {
    let mut wanted: Vec<String> = names.map(|name| name.to_ascii_lowercase()).collect();
    let mut included = Vec::new();
    for line in text.lines().map(str::trim) {
        let key = line
            .split(|end: char| end.is_whitespace() || end == '=')
            .next();
        let key = key.unwrap_or_default().to_ascii_lowercase();
        wanted.retain(|name| *name != key);
        if key == "match" || wanted.is_empty() {
            break;
        }
        if key == "include" {
            included.push(line.to_owned());
        }
    }
    included
}

fn json<'n>(text: &str, names: impl Iterator<Item = &'n String>) -> Result<Record, Fault> {
    let json: Json = serde_json::from_str(text)
        .map_err(|_| Fault::new(FaultKind::Protocol, "the file is no JSON"))?;
    let found = names.filter_map(|name| {
        let value = match json.pointer(name)? {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some((name.clone(), value))
    });
    Ok(Record {
        name: None,
        values: found.collect(),
    })
}
