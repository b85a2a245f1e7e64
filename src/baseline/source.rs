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
    /// Bytes are columns. Counting characters for every problem of one endless
    /// line adds up.
    ascii: bool,
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
        let ascii = text.is_ascii();
        self.all.push(Source {
            ascii,
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
        let column = if source.ascii {
            start - first
        } else {
            let before = source.text.get(first..start);
            before.map_or(0, |before| before.chars().count())
        };
        (line, column + 1)
    }

    /// The place of a part of a text, `part` being byte offsets in its value;
    /// the whole place where escapes or variables make the text read so
    /// differently from how it is written that the part cannot be made out.
    #[must_use]
    pub fn narrow(&self, text: &Located<String>, part: Range<usize>) -> Location {
        let Location { source, span } = &text.at;
        let written = self.written(&text.at);
        let found = match written.find(&text.value) {
            Some(start) if text.value.get(part.clone()).is_some() => {
                Some(start + part.start..start + part.end)
            }
            Some(_) => None,
            None => folded(written, &text.value, part.clone())
                .or_else(|| only(written, &text.value, part)),
        };
        found.map_or_else(
            || text.at.clone(),
            |part| Location::new(*source, span.start + part.start..span.start + part.end),
        )
    }

    /// The first place inside of `at` where `text` is written; `at` itself
    /// where it is not.
    #[must_use]
    pub fn find(&self, at: &Location, text: &str) -> Location {
        match self.written(at).find(text) {
            Some(start) => {
                let start = at.span.start + start;
                Location::new(at.source, start..start + text.len())
            }
            None => at.clone(),
        }
    }

    fn written(&self, at: &Location) -> &str {
        self.all
            .get(at.source.0)
            .and_then(|source| source.text.get(at.span.clone()))
            .unwrap_or_default()
    }

    /// The ids, in the order of loading: the entry file first.
    pub fn ids(&self) -> impl Iterator<Item = SourceId> + use<> {
        (0..self.all.len()).map(SourceId)
    }
}

/// Where `part` of `value` is written, when it stands once in either.
fn only(written: &str, value: &str, part: Range<usize>) -> Option<Range<usize>> {
    let part = value.get(part).filter(|part| !part.is_empty())?;
    let mut places = written.match_indices(part);
    let (start, _) = places.next()?;
    let once = places.next().is_none() && value.matches(part).nth(1).is_none();
    once.then(|| start..start + part.len())
}

/// Where `part` of `value` is written, when the two differ in white space only.
fn folded(written: &str, value: &str, part: Range<usize>) -> Option<Range<usize>> {
    let mut at = usize::from(written.starts_with(['"', '\'']));
    let mut start = None;
    let mut spaced = true;
    for (offset, letter) in value.char_indices() {
        let rest = written.get(at..)?;
        let blank = rest.len() - rest.trim_start().len();
        if letter.is_whitespace() {
            if !spaced && blank == 0 {
                return None;
            }
            at += blank;
            spaced = true;
        } else if rest.starts_with(letter) {
            spaced = false;
        } else if spaced && blank > 0 && rest[blank..].starts_with(letter) {
            at += blank;
            spaced = false;
        } else {
            return None;
        }
        if offset == part.start {
            start = Some(at);
        }
        if !letter.is_whitespace() {
            at += letter.len_utf8();
        }
        if offset + letter.len_utf8() == part.end {
            return Some(start?..at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns() {
        let mut sources = Sources::default();
        let id = sources.add("a", "ä: b\nc: ☃d\n");
        let place = |at: usize| sources.line_column(&Location::new(id, at..at));
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(4), (1, 4));
        assert_eq!(place(6), (2, 1));
        assert_eq!(place(12), (2, 5));
        assert_eq!(place(14), (3, 1));
        assert_eq!(place(99), (3, 1));
    }

    #[test]
    fn parts_of_texts() {
        let mut sources = Sources::default();
        let id = sources.add("a", "x: \"up > 1\"\ny: \"\\x75p > 1\"");
        let text = |span: Range<usize>| Located::new("up > 1".to_owned(), Location::new(id, span));
        assert_eq!(sources.narrow(&text(3..11), 5..6).span, 9..10);
        assert_eq!(sources.narrow(&text(15..26), 5..6).span, 24..25);
        assert_eq!(sources.narrow(&text(15..26), 0..2).span, 15..26);
        assert_eq!(sources.find(&text(3..11).at, "> 1").span, 7..10);
        assert_eq!(sources.find(&text(3..11).at, "down").span, 3..11);
        assert_eq!(sources.narrow(&text(3..11), 5..60).span, 3..11);
    }

    #[test]
    fn parts_of_texts_that_are_written_otherwise() {
        let written = "x: >-\n  up > 1 &&\n  down < 1\ny: ${a} > 1 && down < ${a}";
        let mut sources = Sources::default();
        let id = sources.add("a", written);
        let shown = |value: &str, span: Range<usize>, part: &str| {
            let text = Located::new(value.to_owned(), Location::new(id, span));
            let start = value.find(part).unwrap_or_default();
            let at = sources.narrow(&text, start..start + part.len());
            &written[at.span]
        };
        assert_eq!(shown("up > 1 && down < 1", 8..28, "up"), "up");
        assert_eq!(shown("up > 1 && down < 1", 8..28, "down < 1"), "down < 1");
        assert_eq!(
            shown("up > 1 && down < 1", 8..28, "1 && down"),
            "1 &&\n  down"
        );
        let variables = "9 > 1 && down < 9";
        assert_eq!(shown(variables, 32..55, "down"), "down");
        assert_eq!(shown(variables, 32..55, "9 > 1"), "${a} > 1 && down < ${a}");
    }
}
