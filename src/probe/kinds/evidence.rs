//! `evidence`: what is locked away for the worst day was verified, and its marks hold no secret.

mod marker;
mod password;
mod placeholder;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use self::marker::{Marker, When};
use super::file;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, Kind, OptionProblem, Place, Policy, Request, Target,
    Type, Unit, Value,
};

/// Looks at marker files, one for each thing that a recovery needs and that is locked away:
/// passwords, recovery codes, break-glass accounts. A marker proves that a person has verified
/// that it can be had, by an identifier of where it is kept (the id of an item in a vault, of a
/// sealed envelope, of a checklist), and is never the secret itself.
///
/// The identifier is the field `evidence_id` (or `evidence-id`, `id`) of a JSON object or of
/// `key=value` or `key: value` lines, else the one line of a plain file; not that of a part of the JSON.
/// It has a number (`VLT-2026-0012`, `sealed envelope 14`), or is the address of an
/// item (`op://Recovery/restic`). Placeholders such as `EVIDENCE_ID_FOR_…`, `VAULT-ITEM-ID-HERE`,
/// `CHANGE_ME`, `TODO`, `not yet`, `<id>`, a text without a number, zeros or nothing at all are none.
///
/// A marker that looks like a secret (a private key, a token of a known form, `otpauth://`, an
/// address with a password, recovery codes or words, a field called `password`, long or random signs, one
/// short word such as `hunter2` for an identifier) is
/// BLOCKED, and what it says goes no further than that look: not to the card, not to the JSON,
/// not to any file. The card says which item, and what sort of secret it looks like. Move it
/// away, and change that secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Where the markers are, each in a file called as its item and `suffix`.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    directory: Option<String>,
    /// The items whose markers must be there.
    #[serde(default)]
    items: Vec<String>,
    /// What the names of the files in `directory` end in: `.json`. Nothing when left out.
    #[serde(default)]
    suffix: String,
    /// Instead of `directory` and `items`: the path of each item's marker.
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// A marker is a few lines; more of it is not read.
const MOST: usize = 16 << 10;
/// Items of one check: each costs two commands.
const MOST_ITEMS: usize = 64;

impl Evidence {
    /// Each item with the path of its marker, in their order.
    fn markers(&self) -> Vec<(&str, String)> {
        let named = self
            .files
            .iter()
            .map(|(item, path)| (item.as_str(), path.clone()));
        let directory = self.directory.as_deref().unwrap_or_default();
        let directory = directory.trim_end_matches('/');
        let listed = self.items.iter().map(|item| {
            let path = format!("{directory}/{item}{}", self.suffix);
            (item.as_str(), path)
        });
        listed.chain(named).collect()
    }

    fn commands(&self, target: &Target) -> Vec<Vec<String>> {
        let markers = self.markers();
        let reading = markers
            .iter()
            .flat_map(|(_, path)| file::reading(path, MOST, target));
        reading.collect()
    }

    fn mixed(&self) -> Option<(&'static str, &'static str, &'static str)> {
        match (&self.directory, self.files.is_empty()) {
            (Some(_), false) => Some((
                "files",
                "markers are in a `directory`, or each in one of `files`",
                "keep one of the two",
            )),
            (None, true) => Some((
                "",
                "it is not said where the markers are",
                "add `directory: /backup/escrow` and `items`, or `files`",
            )),
            (None, false) if !self.items.is_empty() || !self.suffix.is_empty() => Some((
                "files",
                "`items` and `suffix` are of a `directory`; the items of `files` are its keys",
                "take them out",
            )),
            (Some(_), true) if self.items.is_empty() => Some((
                "directory",
                "no item is named, so nothing would be missing",
                "add `items: [restic_repository_password, …]`",
            )),
            (None, false) | (Some(_), true) => None,
        }
    }
}

fn problem(path: &[&str], message: impl Into<String>, suggestion: &str) -> OptionProblem {
    let path = path.iter().filter(|part| !part.is_empty());
    OptionProblem {
        path: path.map(|&part| part.to_owned()).collect(),
        message: message.into(),
        suggestion: Some(suggestion.to_owned()),
    }
}

impl Kind for Evidence {
    const NAME: &'static str = "evidence";
    const SUMMARY: &'static str =
        "what is locked away for the worst day was verified, and its marks hold no secret";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::number("items", Unit::Count, "Items that are asked for."),
        FactSpec::number(
            "present",
            Unit::Count,
            "Items whose marker has an identifier and looks like no secret.",
        ),
        FactSpec::new(
            "missing",
            Type::List(&Type::Text),
            "Items without a marker file.",
        ),
        FactSpec::new(
            "placeholders",
            Type::List(&Type::Text),
            "Items whose marker has a placeholder for an identifier, or none.",
        ),
        FactSpec::new(
            "suspicious",
            Type::List(&Type::Text),
            "Items whose marker looks like a secret, each with the sort of it.",
        ),
        FactSpec::new(
            "oldest_verified_at",
            Type::Time,
            "When the item that was not verified for longest was: by `verified_at` of its marker, else when that was written. Of those present; absent when none is, or one says something that is no time.",
        ),
    ];
    const EXAMPLE: &'static str = "title: what a recovery needs is in escrow\non: ops110\nevidence:\n  directory: /backup/escrow\n  items: [restic_repository_password, dns_registrar_recovery]\nfresh: { time: oldest_verified_at, prefer_within: 26w }\n";

    fn problems(&self, _target: &Target, _policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        if let Some((path, message, suggestion)) = self.mixed() {
            problems.push(problem(&[path], message, suggestion));
        }
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|next| next.is_ascii_alphanumeric() || "._-".contains(next))
                && !name.starts_with('.')
        };
        for (place, item) in self.items.iter().enumerate() {
            if !is_name(item) {
                let message = format!("{item:?} is no name of an item");
                let place = place.to_string();
                let hint = "write letters, digits, `_`, `-` and `.`";
                problems.push(problem(&["items", &place], message, hint));
            } else if self.items[..place].contains(item) {
                let place = place.to_string();
                let message = format!("{item} is named twice");
                problems.push(problem(&["items", &place], message, "take one out"));
            }
        }
        if self.suffix.contains(['/', '\n', '\0']) {
            problems.push(problem(
                &["suffix"],
                "a suffix is part of a name",
                "write `.json`",
            ));
        }
        if self.items.len().max(self.files.len()) > MOST_ITEMS {
            let message = format!("more than {MOST_ITEMS} items");
            problems.push(problem(&[], message, "make it two checks"));
        }
        let is_path = |path: &str| path.starts_with('/') && !path.contains(['\n', '\0']);
        if self.directory.as_deref().is_some_and(|path| !is_path(path)) {
            let message = "a directory is one line that begins with `/`";
            problems.push(problem(&["directory"], message, "write `/backup/escrow`"));
        }
        for (item, path) in &self.files {
            if !is_path(path) || !is_name(item) {
                let message = "an item has a plain name, and a path that begins with `/`";
                problems.push(problem(
                    &["files", item],
                    message,
                    "write `/backup/escrow/item`",
                ));
            }
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        Defaults::require([
            "size(suspicious) == 0",
            "size(missing) == 0",
            "size(placeholders) == 0",
        ])
    }

    fn goal(&self, target: &Target) -> String {
        let host = target.host.as_deref();
        let host = host.map_or("the host", |host| host.id.as_str());
        format!("a look at the markers of what is in escrow on {host}")
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.commands(target), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let (mut missing, mut placeholders, mut suspicious) = (Vec::new(), Vec::new(), Vec::new());
        let mut present = 0_u32;
        let mut oldest: Option<Timestamp> = None;
        let mut undated = false;
        let markers = self.markers();
        for (item, path) in &markers {
            let seen = file::look_at(context, path).await?;
            let Some(seen) = seen.filter(|seen| seen.kind == "file") else {
                missing.push(Value::from(*item));
                continue;
            };
            let (bytes, whole) = file::read(context, path, MOST).await?;
            // From here on nothing of its text is left.
            match marker::read(&bytes, whole, item) {
                Marker::Suspicious(sort) => {
                    suspicious.push(Value::from(format!("{item}: {}", sort.words()).as_str()));
                }
                Marker::Placeholder => placeholders.push(Value::from(*item)),
                Marker::Verified(when) => {
                    present += 1;
                    let at = match when {
                        When::At(at) => Some(at),
                        When::Untold => Timestamp::from_second(seen.modified).ok(),
                        // A copy of the file is new, what it says is not.
                        When::Unreadable => None,
                    };
                    undated |= at.is_none();
                    oldest = oldest.into_iter().chain(at).min();
                }
            }
        }
        let mut facts = Facts::new();
        #[expect(clippy::cast_precision_loss, reason = "there are 64 at most")]
        facts.set("items", markers.len() as f64);
        facts.set("present", f64::from(present));
        facts.set("missing", Value::List(missing));
        facts.set("placeholders", Value::List(placeholders));
        facts.set("suspicious", Value::List(suspicious));
        facts.set_some("oldest_verified_at", oldest.filter(|_| !undated));
        Ok(facts)
    }
}

/// What a marker comes to, in words, for hostile input.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_marker(bytes: &[u8], item: &str) -> String {
    format!("{:?}", marker::read(bytes, true, item))
}

#[cfg(test)]
mod tests;
