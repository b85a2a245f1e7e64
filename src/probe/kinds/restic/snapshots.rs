//! The snapshots of a repository, and how many there are of each group.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::trouble;
use crate::probe::{Facts, Fault, FaultKind, Value};
use crate::transport::command::Output;

/// By what snapshots belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ResticGroup")]
pub(super) enum Group {
    /// The host that was backed up.
    Host,
    /// What was backed up of it.
    Paths,
    /// The tags, all of them.
    Tags,
}

#[derive(Debug, Clone, Deserialize)]
struct Snapshot {
    time: Timestamp,
    #[serde(default)]
    paths: Option<Vec<String>>,
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    id: String,
    #[serde(default)]
    short_id: Option<String>,
}

impl Snapshot {
    fn short_id(&self) -> &str {
        let short = || self.id.get(..8).unwrap_or(&self.id);
        self.short_id.as_deref().unwrap_or_else(short)
    }

    fn key(&self, by: &[Group]) -> Vec<Vec<String>> {
        let sorted = |list: &Option<Vec<String>>| {
            let set: BTreeSet<&String> = list.iter().flatten().collect();
            set.into_iter().cloned().collect()
        };
        let of = |group: &Group| match group {
            Group::Host => self.hostname.iter().cloned().collect(),
            Group::Paths => sorted(&self.paths),
            Group::Tags => sorted(&self.tags),
        };
        by.iter().map(of).collect()
    }
}

/// What `restic snapshots --json` told.
#[derive(Debug)]
pub(super) struct Told {
    snapshots: Vec<Snapshot>,
    unreadable: Vec<String>,
    warnings: Vec<String>,
}

impl Told {
    /// Reads it. restic passes over a snapshot whose file is damaged, ends with
    /// status 0, and says so on standard error alone, in the words of its version.
    pub(super) fn read(output: &Output) -> Result<Self, Fault> {
        let text = String::from_utf8_lossy(&output.stdout);
        // Old versions greet before it.
        let mut lines = text.split_inclusive('\n');
        let greeted: usize = lines
            .by_ref()
            .take_while(|line| !line.starts_with('[') && line.trim() != "null")
            .map(str::len)
            .sum();
        let json = text.get(greeted..).unwrap_or_default();
        let snapshots: Option<Vec<Snapshot>> = serde_json::from_str(json).map_err(|error| {
            let start: String = text.trim().chars().take(100).collect();
            Fault::new(
                FaultKind::Protocol,
                format!("restic printed no list of snapshots ({error}): {start:?}"),
            )
        })?;
        let (unreadable, warnings) = trouble::complaints(output)
            .into_iter()
            .partition(|line| is_passed_over(line));
        Ok(Self {
            snapshots: snapshots.unwrap_or_default(),
            unreadable,
            warnings,
        })
    }

    /// Sets the facts; `now` is the host's clock.
    pub(super) fn set(&self, by: &[Group], now: Option<i64>, facts: &mut Facts) {
        let mut groups: BTreeMap<Vec<Vec<String>>, Vec<Timestamp>> = BTreeMap::new();
        for snapshot in &self.snapshots {
            groups
                .entry(snapshot.key(by))
                .or_default()
                .push(snapshot.time);
        }
        let sizes = || groups.values().map(Vec::len);
        facts.set("snapshots", count(self.snapshots.len()));
        facts.set("groups", count(groups.len()));
        facts.set_some("most_in_group", sizes().max().map(count));
        facts.set_some("fewest_in_group", sizes().min().map(count));
        let newest_of_each = groups.values().filter_map(|times| times.iter().max());
        facts.set_some("oldest_group_newest_at", newest_of_each.min().copied());
        let newest = self.snapshots.iter().max_by_key(|snapshot| snapshot.time);
        facts.set_some("newest_at", newest.map(|newest| newest.time));
        #[expect(
            clippy::cast_precision_loss,
            reason = "clocks are far below 2^52 seconds"
        )]
        let age = newest
            .zip(now)
            .map(|(newest, now)| now.saturating_sub(newest.time.as_second()) as f64);
        facts.set_some("newest_age_s", age);
        facts.set_some("newest_id", newest.map(Snapshot::short_id));
        facts.set_some(
            "newest_host",
            newest.and_then(|newest| newest.hostname.clone()),
        );
        let oldest = self.snapshots.iter().map(|snapshot| snapshot.time).min();
        facts.set_some("oldest_at", oldest);
        let all = self.snapshots.iter();
        facts.set(
            "hosts",
            set(all.clone().filter_map(|one| one.hostname.as_ref())),
        );
        facts.set(
            "paths",
            set(all.clone().flat_map(|one| one.paths.iter().flatten())),
        );
        facts.set("tags", set(all.flat_map(|one| one.tags.iter().flatten())));
        facts.set("unreadable", set(self.unreadable.iter()));
        facts.set("warnings", set(self.warnings.iter()));
    }
}

/// Words of a complaint, beside which a snapshot is taken for one that was not loaded.
const FAILED: &[&str] = &[
    "broken",
    "can't",
    "cannot",
    "corrupt",
    "could not",
    "damage",
    "decrypt",
    "does not exist",
    "error",
    "fail",
    "ignor",
    "invalid",
    "missing",
    "not found",
    "skip",
    "unable",
    "unexpected",
    "verification",
];

/// Whether restic says that it left a snapshot out. To 0.15 that is `could not load
/// snapshot 94f1279c: …`, since then `Ignoring "94f1279c…": failed to load snapshot
/// 94f1279c: …`; the next version may have other words for it, so that any failure which
/// is said of a snapshot counts.
fn is_passed_over(line: &str) -> bool {
    let line = line.to_lowercase();
    // restic tries again, and says so when that was in vain; and it repeats what the
    // programs say that it runs for a back end.
    let of_a_back_end = ["rclone: ", "subprocess "]
        .iter()
        .any(|start| line.starts_with(start));
    if line.contains("retrying after") || of_a_back_end {
        return false;
    }
    line.starts_with("ignoring ")
        || line.contains("snapshot") && FAILED.iter().any(|word| line.contains(word))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no repository has 2^52 snapshots"
)]
pub(super) fn count(number: usize) -> f64 {
    number as f64
}

/// Each once, by the alphabet.
fn set<'a>(texts: impl Iterator<Item = &'a String>) -> Value {
    let set: BTreeSet<&String> = texts.collect();
    Value::List(
        set.into_iter()
            .map(|text| Value::from(text.as_str()))
            .collect(),
    )
}
