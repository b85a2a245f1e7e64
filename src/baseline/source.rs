//! Where a value was written: sources, byte spans, lines and columns.

use std::ops::{Deref, Range};

use super::mask;

/// One of the files (or the command line's variables) of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(usize);

/// A span of bytes in the text of one source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// The source.
    pub source: SourceId,
    /// Byte offsets in that source's text, on character boundaries and within it.
    pub span: Range<usize>,
}

impl Location {
    /// A span in a source.
    #[must_use]
    pub fn new(source: SourceId, span: Range<usize>) -> Self {
        Self { source, span }
    }

    /// Whether `other` lies inside this place.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.source == other.source
            && self.span.start <= other.span.start
            && other.span.end <= self.span.end
    }
}

/// A value and the place that it was written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub at: Location,
}

impl<T> Located<T> {
    /// A value at a place.
    #[must_use]
    pub fn new(value: T, at: Location) -> Self {
        Self { value, at }
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[derive(Debug, Clone)]
struct Source {
    name: String,
    /// As read, for parsing and for lines and columns.
    text: String,
    /// As shown: byte for byte as long as `text`, passwords overwritten by `*`.
    shown: String,
    /// Byte offset of the first character of each line.
    lines: Vec<usize>,
}

/// Every source of a load, by id.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    all: Vec<Source>,
}

impl Sources {
    /// Takes in a source. `name` is how messages call it: the path as given.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let text = text.into();
        let shown = mask::in_source(&text);
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        self.all.push(Source {
            name: name.into(),
            text,
            shown,
            lines,
        });
        SourceId(self.all.len() - 1)
    }

    /// The path as given on the command line or in `include`.
    ///
    /// # Panics
    /// When `id` is of another `Sources`.
    #[must_use]
    pub fn name(&self, id: SourceId) -> &str {
        &self.all[id.0].name
    }

    /// The text that locations index, for showing: passwords in it are
    /// overwritten by as many `*` as they have bytes.
    ///
    /// # Panics
    /// When `id` is of another `Sources`.
    #[must_use]
    pub fn text(&self, id: SourceId) -> &str {
        &self.all[id.0].shown
    }

    /// The text as read, with whatever secrets its author left in it.
    pub(super) fn raw(&self, id: SourceId) -> &str {
        &self.all[id.0].text
    }

    /// Overwrites a place in the text for showing.
    pub(super) fn hide(&mut self, at: &Location) {
        if let Some(source) = self.all.get_mut(at.source.0) {
            source.shown = mask::overwrite(&source.shown, at.span.clone());
        }
    }

    /// Line and column of a location's start, both from 1, the column in characters.
    ///
    /// # Panics
    /// When the location is of another `Sources`.
    #[must_use]
    pub fn line_column(&self, at: &Location) -> (usize, usize) {
        let source = &self.all[at.source.0];
        let start = at.span.start.min(source.text.len());
        let line = source.lines.partition_point(|first| *first <= start).max(1);
        let first = source.lines[line - 1];
        let column = source
            .text
            .get(first..start)
            .map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    /// The ids, in the order of loading: the entry file first.
    pub fn ids(&self) -> impl Iterator<Item = SourceId> + use<> {
        (0..self.all.len()).map(SourceId)
    }
}
