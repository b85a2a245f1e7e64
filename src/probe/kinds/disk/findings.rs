//! What is told of file systems, as facts.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{Amount, Mount, Row};
use crate::probe::{Facts, Value};

/// A file system with what was told of it.
pub(super) struct Seen<'a> {
    row: &'a Row,
    pub(super) inodes: Option<Amount>,
    mount: Option<&'a Mount>,
}

/// One row for each real file system, and the mount points of those without.
pub(super) fn chosen<'a>(
    rows: &'a [Row],
    mounts: &'a [Mount],
    leaves_out: impl Fn(&str) -> bool,
) -> (Vec<&'a Row>, Vec<&'a str>) {
    let mut by_file_system: Vec<(&str, Vec<&Mount>)> = Vec::new();
    let real = mounts
        .iter()
        .filter(|mount| mount.is_real() && !leaves_out(&mount.point));
    for mount in real {
        match by_file_system.iter_mut().find(|(of, _)| *of == mount.of) {
            Some((_, group)) => group.push(mount),
            None => by_file_system.push((&mount.of, vec![mount])),
        }
    }
    let (mut chosen, mut missed) = (Vec::new(), Vec::new());
    for (_, group) in by_file_system {
        let row = group
            .iter()
            .find_map(|mount| rows.iter().find(|row| row.mount == mount.point));
        match row {
            Some(row) if row.space.is_some() => chosen.push(row),
            // Nothing is stored in it.
            Some(_) => {}
            None => missed.extend(group.first().map(|mount| mount.point.as_str())),
        }
    }
    (chosen, missed)
}

impl<'a> Seen<'a> {
    pub(super) fn new(row: &'a Row, inodes: &[Row], mounts: &'a [Mount]) -> Self {
        let other = inodes.iter().find(|other| other.mount == row.mount);
        Self {
            row,
            inodes: row.inodes.or_else(|| other?.inodes),
            mount: mounts.iter().find(|mount| mount.point == row.mount),
        }
    }
}

pub(super) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> Value {
    Value::List(items.into_iter().map(Value::from).collect())
}

/// The facts that one file system and several have alike.
pub(super) fn set_all(all: &[Seen<'_>], facts: &mut Facts) {
    let by_mount = |of: &dyn Fn(&Seen<'_>) -> Option<Value>| -> BTreeMap<String, Value> {
        all.iter()
            .filter_map(|seen| Some((seen.row.mount.clone(), of(seen)?)))
            .collect()
    };
    let space = |of: fn(&Amount) -> f64| {
        by_mount(&move |seen| Some(Value::Number(of(seen.row.space.as_ref()?))))
    };
    let used = space(Amount::used_percent);
    let available = space(|space| space.available);
    let inodes = by_mount(&|seen| Some(Value::Number(seen.inodes?.used_percent())));
    let fullest = extreme(&used, f64::gt);
    facts.set_some("used_percent", fullest.map(|(_, percent)| percent));
    facts.set_some("fullest", fullest.map(|(mount, _)| mount));
    let least = extreme(&available, f64::lt);
    facts.set_some("available_bytes", least.map(|(_, bytes)| bytes));
    let highest = extreme(&inodes, f64::gt);
    facts.set_some("inodes_used_percent", highest.map(|(_, percent)| percent));
    facts.set("used_percent_by_mount", Value::Map(used));
    facts.set("available_bytes_by_mount", Value::Map(available));
    facts.set("inodes_used_percent_by_mount", Value::Map(inodes));
    let kernels: Option<Vec<&Mount>> = all.iter().map(|seen| seen.mount).collect();
    let Some(kernels) = kernels.filter(|mounts| !mounts.is_empty()) else {
        return;
    };
    let types = kernels
        .iter()
        .map(|mount| (mount.point.clone(), Value::from(mount.file_system.as_str())));
    facts.set("mounts", Value::Map(types.collect()));
    let which = |of: &dyn Fn(&Mount) -> bool| -> BTreeSet<&str> {
        let chosen = kernels.iter().filter(|mount| of(mount));
        chosen.map(|mount| mount.point.as_str()).collect()
    };
    let read_only = which(&|mount| mount.read_only);
    facts.set("read_only", !read_only.is_empty());
    facts.set("read_only_mounts", list(read_only));
    if kernels.iter().all(|mount| mount.turned.is_some()) {
        facts.set(
            "turned_read_only",
            list(which(&|mount| mount.turned == Some(true))),
        );
    }
}

/// The entry whose number is beyond all others.
fn extreme(
    numbers: &BTreeMap<String, Value>,
    beyond: fn(&f64, &f64) -> bool,
) -> Option<(&str, f64)> {
    let mut best: Option<(&str, f64)> = None;
    for (name, value) in numbers {
        let Value::Number(number) = value else {
            continue;
        };
        if best.is_none_or(|(_, best)| beyond(number, &best)) {
            best = Some((name, *number));
        }
    }
    best
}
