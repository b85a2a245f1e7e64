//! What the files of a host are, and which changed.

use std::collections::{BTreeMap, BTreeSet};

use super::stage::lab;
use super::witness::HOSTS;

/// All files, folders, links and devices of all hosts: type, mode, owner, size, times of
/// change, and what is in it.
pub(super) struct Trees(BTreeMap<(&'static str, String), String>);

impl Trees {
    pub(super) fn look() -> Self {
        let mut all = BTreeMap::new();
        for (host, _) in HOSTS {
            let listed = lab(&["tree", host]);
            for record in listed.split_terminator('\0') {
                let (path, about) = if let Some(hashed) = record.strip_prefix("# ") {
                    let (hash, path) = hashed.split_once('\t').expect("a path");
                    (path, hash.to_owned())
                } else {
                    let mut fields: Vec<&str> = record.split('\t').collect();
                    (fields.remove(6), fields.join(" "))
                };
                let all_about: &mut String = all.entry((host, path.to_owned())).or_default();
                all_about.push_str(&about);
                all_about.push(' ');
            }
        }
        Self(all)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The files that are in one of the two only, or are no longer what they were, each
    /// with what they were and are.
    pub(super) fn changes<'t>(&'t self, later: &'t Self) -> Vec<Change<'t>> {
        let files: BTreeSet<_> = self.0.keys().chain(later.0.keys()).collect();
        let of = |trees: &'t Self, file| trees.0.get(file).map_or("", String::as_str);
        files
            .into_iter()
            .map(|file| Change {
                host: file.0,
                path: &file.1,
                before: of(self, file),
                after: of(later, file),
            })
            .filter(|change| change.before != change.after)
            .collect()
    }
}

/// A file that changed.
#[derive(Debug)]
pub(super) struct Change<'t> {
    pub(super) host: &'static str,
    pub(super) path: &'t str,
    /// Nothing when there was no such file.
    pub(super) before: &'t str,
    /// Nothing when there is no such file any more.
    pub(super) after: &'t str,
}
