//! Kubernetes objects of a YAML file, by the lines that tell their kind.

use std::collections::{BTreeMap, BTreeSet};

/// For `grep -E`: the lines that [`count`] reads, and few others. Of an object
/// inside of another (`claimRef`, an owner) they stand farther to the right.
pub(super) const LINES: &str = "^ {0,4}(- )?(apiVersion|kind): |^items:|^---";

/// What the lines tell.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Documents {
    /// How many there are of each: `PersistentVolume`, `Volume.longhorn.io`.
    pub(super) kinds: BTreeMap<String, u32>,
    /// A list begins and does not end.
    pub(super) is_cut: bool,
    /// The kinds of each document that has any.
    each: Vec<BTreeSet<String>>,
    /// The last document has an end of its own, or a separator behind it.
    has_end: bool,
    /// A separator stands behind the last document, as if there were more.
    has_more: bool,
}

impl Documents {
    /// Why they do not tell that nothing is missing behind them, where they do not.
    pub(super) fn unmarked(&self, wanted: &BTreeMap<String, u32>) -> Option<&'static str> {
        let is_named =
            |kinds: &BTreeSet<String>| kinds.iter().any(|kind| wanted.contains_key(kind));
        if self.each.is_empty() {
            Some("no Kubernetes object is in it: name those that should be, in `documents`")
        } else if !self.has_end {
            Some("its last document is no list as kubectl writes it, which ends with its own kind")
        } else if (self.each.len() > 1 || self.has_more) && !self.each.iter().all(is_named) {
            Some(
                "nothing tells which of its documents is the last: name an object of each in `documents`",
            )
        } else {
            None
        }
    }
}

#[derive(Debug, Default)]
struct Object {
    api: Option<String>,
    kind: Option<String>,
}

impl Object {
    fn set(&mut self, key: &str, value: &str) {
        let slot = if key == "apiVersion" {
            &mut self.api
        } else {
            &mut self.kind
        };
        slot.get_or_insert_with(|| value.trim_matches(['"', '\'']).to_owned());
    }

    /// `Volume.longhorn.io`, once both are known.
    fn name(&self) -> Option<String> {
        let (api, kind) = (self.api.as_ref()?, self.kind.as_ref()?);
        Some(match api.rsplit_once('/') {
            Some((group, _)) => format!("{kind}.{group}"),
            None => kind.clone(),
        })
    }
}

/// Counts the objects. kubectl writes the keys of an object by the alphabet,
/// so that a list ends with its own `kind`; other tools write the kind first.
pub(super) fn count(lines: &str) -> Documents {
    let mut reader = Reader::default();
    for line in lines.lines() {
        reader.line(line.trim_end());
    }
    reader.end_document();
    reader.told
}

#[derive(Debug, Default)]
struct Reader {
    told: Documents,
    document: Object,
    /// The one that is being read in the document's list.
    item: Object,
    in_items: bool,
    /// The document's own kind came behind its items.
    is_closed: bool,
    kinds: BTreeSet<String>,
    /// Where the keys of items begin.
    column: Option<usize>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if line.starts_with("---") {
            self.end_document();
            self.told.has_end = true;
            self.told.has_more = true;
            return;
        }
        if let Some(rest) = line.strip_prefix("items:") {
            // `items: []` has nothing to wait for.
            self.in_items = rest.trim().is_empty();
            self.is_closed = !self.in_items;
            return;
        }
        let text = line.trim_start_matches([' ', '-']);
        let column = line.len() - text.len();
        let Some((key, value)) = text.split_once(": ") else {
            return;
        };
        if column == 0 {
            self.end_item();
            self.is_closed |= self.in_items && key == "kind";
            self.in_items = false;
            self.document.set(key, value.trim());
            return;
        }
        if !self.in_items || *self.column.get_or_insert(column) != column {
            return;
        }
        if line.trim_start().starts_with('-') {
            self.end_item();
        }
        self.item.set(key, value.trim());
    }

    fn end_item(&mut self) {
        let item = std::mem::take(&mut self.item);
        self.keep(&item);
    }

    fn keep(&mut self, object: &Object) {
        if let Some(name) = object.name() {
            self.kinds.insert(name.clone());
            *self.told.kinds.entry(name).or_default() += 1;
        }
    }

    fn end_document(&mut self) {
        self.end_item();
        // Behind the last item comes the list's own kind, unless that was first.
        let document = std::mem::take(&mut self.document);
        self.told.is_cut |= self.in_items && document.kind.is_none();
        let is_list = document
            .kind
            .as_deref()
            .is_some_and(|kind| kind.ends_with("List"));
        if !is_list {
            self.keep(&document);
        }
        let is_there = document.kind.is_some() || document.api.is_some() || !self.kinds.is_empty();
        if is_there {
            self.told.has_end = self.is_closed;
            self.told.has_more = false;
        }
        if !self.kinds.is_empty() {
            self.told.each.push(std::mem::take(&mut self.kinds));
        }
        self.is_closed = false;
        self.in_items = false;
        self.column = None;
    }
}
