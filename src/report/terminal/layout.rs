//! Text in columns, by the width that a terminal gives it.

use textwrap::core::Fragment;
use textwrap::wrap_algorithms::wrap_first_fit;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::report::harmless;

/// Columns that `text` takes.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` with spaces up to `columns`.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Words to be laid out in lines. Ids are never broken; what a host or the
/// baseline said is, when one of its words is longer than a line.
#[derive(Debug, Clone, Default)]
pub(super) struct Text(Vec<Piece>);

#[derive(Debug, Clone)]
struct Piece {
    text: String,
    /// Spaces between this piece and the next on the same line.
    gap: usize,
    whole: bool,
}

impl Fragment for Piece {
    fn width(&self) -> f64 {
        columns(width(&self.text))
    }

    fn whitespace_width(&self) -> f64 {
        columns(self.gap)
    }

    fn penalty_width(&self) -> f64 {
        0.0
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a line is far shorter than 2^52 columns"
)]
fn columns(count: usize) -> f64 {
    count as f64
}

impl Text {
    /// No words yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Words, from whatever source. A space at either end (two, at most, at
    /// the beginning) separates them from what is before or after.
    pub(super) fn say(mut self, words: &str) -> Self {
        let words = harmless(words);
        let before = words.len() - words.trim_start_matches(' ').len();
        if let Some(last) = self.0.last_mut() {
            last.gap = last.gap.max(before.min(2));
        }
        for (place, word) in words.split_whitespace().enumerate() {
            if place > 0
                && let Some(last) = self.0.last_mut()
            {
                last.gap = 1;
            }
            for part in at_wide_characters(word) {
                self.push(part, false);
            }
        }
        if words.ends_with(' ')
            && let Some(last) = self.0.last_mut()
        {
            last.gap = last.gap.max(1);
        }
        self
    }

    /// An id: never broken.
    pub(super) fn id(mut self, id: &str) -> Self {
        self.push(&harmless(id), true);
        self
    }

    /// A cell of a row: its spaces are kept and it is never broken.
    pub(super) fn cell(mut self, cell: &str) -> Self {
        if let Some(last) = self.0.last_mut() {
            last.gap = 2;
        }
        self.0.push(Piece {
            text: cell.to_owned(),
            gap: 0,
            whole: true,
        });
        self
    }

    /// Ids with commas between them; beyond `most`, how many more there are.
    pub(super) fn ids<'a>(mut self, ids: impl IntoIterator<Item = &'a str>, most: usize) -> Self {
        let ids: Vec<&str> = ids.into_iter().collect();
        // A last one alone takes no more room than "and 1 more".
        let shown = if ids.len() <= most + 1 {
            ids.len()
        } else {
            most
        };
        for (place, id) in ids.iter().take(shown).enumerate() {
            if place > 0 {
                self = self.say(", ");
            }
            self = self.id(id);
        }
        if shown < ids.len() {
            self = self.say(&format!(" and {} more", ids.len() - shown));
        }
        self
    }

    fn push(&mut self, part: &str, whole: bool) {
        if part.is_empty() {
            return;
        }
        // Without a space between them, two parts are one word, unless one of
        // the wide characters that may begin a line meets here.
        match self.0.last_mut() {
            Some(last) if last.gap == 0 && !breaks_between(&last.text, part) => {
                last.text.push_str(part);
                last.whole |= whole;
            }
            Some(_) | None => self.0.push(Piece {
                text: part.to_owned(),
                gap: 0,
                whole,
            }),
        }
    }

    /// Columns when on one line.
    pub(super) fn width(&self) -> usize {
        let Some((last, others)) = self.0.split_last() else {
            return 0;
        };
        let others: usize = others
            .iter()
            .map(|piece| width(&piece.text) + piece.gap)
            .sum();
        others + width(&last.text)
    }

    /// Columns of the longest piece that may not be broken.
    pub(super) fn widest_whole(&self) -> usize {
        self.0
            .iter()
            .filter(|piece| piece.whole)
            .map(|piece| width(&piece.text))
            .max()
            .unwrap_or(0)
    }

    /// In lines of at most `columns`, unless an id is longer.
    pub(super) fn lines(&self, limit: usize) -> Vec<String> {
        let limit = limit.max(2);
        let pieces: Vec<Piece> = self
            .0
            .iter()
            .flat_map(|piece| piece.clone().at_most(limit))
            .collect();
        wrap_first_fit(&pieces, &[columns(limit)])
            .into_iter()
            .map(joined)
            .collect()
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self::new().say(words)
    }
}

fn joined(pieces: &[Piece]) -> String {
    let mut line = String::new();
    for (place, piece) in pieces.iter().enumerate() {
        line.push_str(&piece.text);
        if place + 1 < pieces.len() {
            line.push_str(&" ".repeat(piece.gap));
        }
    }
    line
}

impl Piece {
    fn at_most(self, limit: usize) -> Vec<Self> {
        if self.whole || width(&self.text) <= limit {
            return vec![self];
        }
        let mut parts = Vec::new();
        let mut rest = self.text.as_str();
        while width(rest) > limit {
            let end = break_at(rest, limit);
            parts.push(Self {
                text: rest[..end].to_owned(),
                gap: 0,
                whole: false,
            });
            rest = &rest[end..];
        }
        parts.push(Self {
            text: rest.to_owned(),
            gap: self.gap,
            whole: false,
        });
        parts
    }
}

/// Where to break a word that is longer than `limit` columns: behind the last
/// punctuation of a URL or path in the line's second half, else at its end.
fn break_at(word: &str, limit: usize) -> usize {
    let mut end = 0;
    let mut preferred = None;
    for (start, c) in word.char_indices() {
        let next = start + c.len_utf8();
        if end > 0 && width(&word[..next]) > limit {
            break;
        }
        end = next;
        if matches!(c, '/' | '?' | '&' | '=' | ',' | ';' | ':' | '-' | '_' | '.')
            && width(&word[..next]) * 2 > limit
        {
            preferred = Some(next);
        }
    }
    preferred.unwrap_or(end)
}

/// `word` cut wherever a line may end in a script without spaces.
fn at_wide_characters(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (place, _) in word.char_indices().skip(1) {
        if breaks_between(&word[start..place], &word[place..]) {
            parts.push(&word[start..place]);
            start = place;
        }
    }
    parts.push(&word[start..]);
    parts
}

/// Chinese and Japanese text may break anywhere, except before closing and
/// behind opening punctuation.
fn breaks_between(before: &str, after: &str) -> bool {
    let (Some(last), Some(first)) = (before.chars().next_back(), after.chars().next()) else {
        return false;
    };
    let wide = |c: char| c.width() == Some(2);
    (wide(last) || wide(first))
        && first.width() != Some(0)
        && !matches!(
            first,
            '，' | '。'
                | '、'
                | '；'
                | '：'
                | '！'
                | '？'
                | '）'
                | '」'
                | '』'
                | '》'
                | '】'
                | '〉'
                | '”'
                | '’'
                | '…'
                | '％'
                | ','
                | '.'
                | ';'
                | ':'
                | '!'
                | '?'
                | ')'
                | ']'
        )
        && !matches!(
            last,
            '（' | '「' | '『' | '《' | '【' | '〈' | '“' | '‘' | '(' | '['
        )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("one two three", 9, &["one two", "three"])]
    #[case("資料庫可寫，備份新", 8, &["資料庫可", "寫，備份", "新"])]
    #[case("狀態，備份，新", 4, &["狀", "態，", "備", "份，", "新"])]
    #[case("檢查PostgreSQL狀態", 10, &["檢查", "PostgreSQL", "狀態"])]
    #[case("see https://wiki.example/a/b/c?x=1 now", 16, &["see", "https://wiki.", "example/a/b/c?x=", "1 now"])]
    #[case("abcdefghij", 4, &["abcd", "efgh", "ij"])]
    #[case("", 4, &[""])]
    fn text_wraps_by_display_width(
        #[case] text: &str,
        #[case] limit: usize,
        #[case] lines: &[&str],
    ) {
        assert_eq!(Text::from(text).lines(limit), lines);
    }

    #[test]
    fn ids_stay_whole_and_keep_their_punctuation() {
        let text = Text::from("held by ").id("P0-NETWORK").say(", evaluated");
        assert_eq!(text.lines(9), ["held by", "P0-NETWORK,", "evaluated"]);
        assert_eq!(text.width(), 29);
        assert_eq!(text.widest_whole(), 11);
    }

    #[rstest]
    #[case(3, "a, b, c")]
    #[case(4, "a, b, c, d")]
    #[case(5, "a, b, c and 2 more")]
    fn long_lists_tell_how_many_more(#[case] count: usize, #[case] shown: &str) {
        let ids = ["a", "b", "c", "d", "e"];
        let text = Text::new().ids(ids.into_iter().take(count), 3);
        assert_eq!(text.lines(80), [shown]);
    }

    #[test]
    fn padding_counts_columns() {
        assert_eq!(pad("資料", 6), "資料  ");
        assert_eq!(pad("toolong", 3), "toolong");
    }
}
