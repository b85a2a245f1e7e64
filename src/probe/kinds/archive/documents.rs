//! Kubernetes objects of a YAML file, by the lines that tell their kind.

use std::collections::BTreeMap;

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
    /// Where the keys of items begin.
    column: Option<usize>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if line.starts_with("---") {
            self.end_document();
            return;
        }
        if let Some(rest) = line.strip_prefix("items:") {
            // `items: []` has nothing to wait for.
            self.in_items = rest.trim().is_empty();
            return;
        }
        let text = line.trim_start_matches([' ', '-']);
        let column = line.len() - text.len();
        let Some((key, value)) = text.split_once(": ") else {
            return;
        };
        if column == 0 {
            self.end_item();
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
        self.in_items = false;
        self.column = None;
    }
}
