//! What `rclone lsjson` lists.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use crate::probe::{Facts, Fault, FaultKind, Value};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    path: String,
    #[serde(default = "unknown")]
    size: i64,
    #[serde(default)]
    mod_time: String,
    #[serde(default)]
    is_dir: bool,
}

/// rclone's own word for a size that it does not know.
fn unknown() -> i64 {
    -1
}

impl Entry {
    fn time(&self) -> Option<Timestamp> {
        self.mod_time.parse().ok()
    }
}

/// The files and folders of a remote.
#[derive(Debug)]
pub(super) struct Listing {
    files: Vec<Entry>,
    directories: BTreeSet<String>,
}

impl Listing {
    pub(super) fn read(stdout: &[u8]) -> Result<Self, Fault> {
        let entries: Vec<Entry> = serde_json::from_slice(stdout).map_err(|error| {
            let text = String::from_utf8_lossy(&stdout[..stdout.len().min(100)]).into_owned();
            Fault::new(
                FaultKind::Protocol,
                format!("rclone printed no listing ({error}): {:?}", text.trim()),
            )
        })?;
        let mut directories = BTreeSet::new();
        for entry in &entries {
            match entry.path.split_once('/') {
                Some((first, _)) => directories.insert(first.to_owned()),
                None if entry.is_dir => directories.insert(entry.path.clone()),
                None => false,
            };
        }
        let files = entries.into_iter().filter(|entry| !entry.is_dir);
        Ok(Self {
            files: files.collect(),
            directories,
        })
    }

    /// The facts on all files; `now` is the host's clock.
    pub(super) fn set(&self, now: Option<i64>, facts: &mut Facts) {
        facts.set("files", count(self.files.len()));
        let mut sizes = self.files.iter().map(|file| u64::try_from(file.size).ok());
        let total: Option<u64> = sizes.try_fold(0_u64, |sum, size| sum.checked_add(size?));
        #[expect(
            clippy::cast_precision_loss,
            reason = "a few bytes of 2^52 do not matter"
        )]
        facts.set_some("total_size_bytes", total.map(|total| total as f64));
        let times = || {
            self.files
                .iter()
                .filter_map(|file| Some((file.time()?, file)))
        };
        if let Some((time, file)) = times().max_by_key(|(time, _)| *time) {
            facts.set("newest", file.path.as_str());
            facts.set("newest_at", time);
            #[expect(
                clippy::cast_precision_loss,
                reason = "clocks are far below 2^52 seconds"
            )]
            let age = now.map(|now| now.saturating_sub(time.as_second()) as f64);
            facts.set_some("newest_age_s", age);
        }
        facts.set_some("oldest_at", times().map(|(time, _)| time).min());
        let names = self
            .directories
            .iter()
            .map(|name| Value::from(name.as_str()));
        facts.set("directories", Value::List(names.collect()));
        facts.set("directory_count", count(self.directories.len()));
        let mut files_in: BTreeMap<&str, usize> = BTreeMap::new();
        for name in &self.directories {
            files_in.insert(name, 0);
        }
        for file in &self.files {
            if let Some((first, _)) = file.path.split_once('/') {
                *files_in.entry(first).or_default() += 1;
            }
        }
        let files_in = files_in.into_iter();
        let files_in = files_in.map(|(name, files)| (name.to_owned(), Value::Number(count(files))));
        facts.set("files_in", Value::Map(files_in.collect()));
    }

    /// The facts on the restic repositories in these folders.
    pub(super) fn set_repositories(&self, folders: &[String], facts: &mut Facts) {
        let mut snapshots = BTreeMap::new();
        let mut newest = BTreeMap::new();
        let (mut missing, mut too_many) = (Vec::new(), Vec::new());
        let mut empty = Vec::new();
        for folder in folders {
            let name = folder.trim_matches('/');
            let named = || {
                let files = self.files.iter();
                files.filter(move |file| is_snapshot_of(name, &file.path))
            };
            // A snapshot is never empty: this one's upload broke off.
            let found = || named().filter(|file| file.size != 0);
            empty.extend(
                named()
                    .filter(|file| file.size == 0)
                    .map(|file| Value::from(shortened(&file.path))),
            );
            let number = found().count();
            snapshots.insert(folder.clone(), Value::Number(count(number)));
            match number {
                0 => missing.push(folder.as_str()),
                1 => {}
                _ => too_many.push(folder.as_str()),
            }
            if let Some(time) = found().filter_map(Entry::time).max() {
                newest.insert(folder.clone(), time);
            }
        }
        facts.set("snapshots", Value::Map(snapshots));
        facts.set(
            "snapshot_latest_only",
            missing.is_empty() && too_many.is_empty(),
        );
        let list = |names: Vec<&str>| Value::List(names.into_iter().map(Value::from).collect());
        facts.set("missing", list(missing));
        facts.set("too_many", list(too_many));
        facts.set("empty_snapshots", Value::List(empty));
        let behind = newest.values().min().copied();
        let all = folders.iter().all(|folder| newest.contains_key(folder));
        facts.set_some("oldest_repository_newest_at", behind.filter(|_| all));
        let newest = newest.into_iter();
        let newest = newest.map(|(name, time)| (name, Value::Time(time)));
        facts.set("newest_snapshot_at", Value::Map(newest.collect()));
    }
}

/// restic names a snapshot's file by its SHA-256; what is half copied has another name.
fn is_snapshot_of(folder: &str, path: &str) -> bool {
    let below = match folder {
        "." => Some(path),
        folder => path
            .strip_prefix(folder)
            .and_then(|rest| rest.strip_prefix('/')),
    };
    below
        .and_then(|rest| rest.strip_prefix("snapshots/"))
        .is_some_and(|name| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The path of a snapshot with as much of its id as restic shows.
fn shortened(path: &str) -> &str {
    let cut = path.len().saturating_sub(64 - 8);
    path.get(..cut).unwrap_or(path)
}

#[expect(clippy::cast_precision_loss, reason = "no listing has 2^52 files")]
fn count(number: usize) -> f64 {
    number as f64
}
