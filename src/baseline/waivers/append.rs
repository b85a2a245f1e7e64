//! Adds an entry to a waivers file, every other byte of which stays as a
//! reviewer left it.

use std::io;
use std::ops::Range;
use std::path::Path;

use jiff::Timestamp;

use super::super::files::Files;
use super::super::node::{Node, NodeValue};
use super::super::scalar;
use super::{LoadedWaivers, Waiver, load_waivers};

/// An entry to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWaiver {
    /// A check's whole id, or its part before the `@` for it on every host.
    pub check: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// As the file is to have it: see [`super::parse_until`].
    pub until: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

impl NewWaiver {
    /// A waivers file that holds this entry alone.
    #[must_use]
    pub fn file(&self) -> String {
        format!("version: 1\nwaivers:\n{}", self.block("  ", "\n"))
    }

    /// The entry as an item of a list, each line behind `indent`.
    #[must_use]
    pub fn block(&self, indent: &str, newline: &str) -> String {
        let check = match scalar::resolve(&self.check) {
            Ok(NodeValue::String(_)) => self.check.clone(),
            // Without quotes it would be read as something else.
            Ok(_) | Err(_) => quoted(&self.check),
        };
        let fields = [
            ("- check", check),
            ("  reason", quoted(&self.reason)),
            ("  by", quoted(&self.by)),
            ("  until", self.until.clone()),
            ("  accepted_at", self.accepted_at.to_string()),
        ];
        fields
            .iter()
            .map(|(key, value)| format!("{indent}{key}: {value}{newline}"))
            .collect()
    }

    fn is(&self, waiver: &Waiver) -> bool {
        waiver.check.value == self.check
            && waiver.reason == self.reason
            && waiver.by == self.by
            && Some(waiver.until) == super::parse_until(&self.until)
            && waiver.accepted_at == self.accepted_at
    }
}

impl LoadedWaivers {
    /// The file's text with `new` behind its last entry. Nothing where that
    /// would not be read as exactly the entries there are and this one, as in
    /// a list in brackets: then it is for a person to add.
    #[must_use]
    pub fn with(&self, new: &NewWaiver) -> Option<String> {
        let root = self.root.as_ref()?;
        let text = self.sources.raw(root.at.source);
        let written = insert(text, root, new)?;
        let read = load_waivers("new", &Written(&written));
        let (added, kept) = read.waivers.split_last()?;
        let same = kept.len() == self.waivers.len()
            && kept.iter().zip(&self.waivers).all(|(one, other)| {
                one.check.value == other.check.value
                    && one.reason == other.reason
                    && one.by == other.by
                    && one.until == other.until
                    && one.accepted_at == other.accepted_at
            });
        (same && new.is(added)).then_some(written)
    }
}

/// A text that is read back.
struct Written<'a>(&'a str);

impl Files for Written<'_> {
    fn read(&self, _: &Path, limit: usize) -> io::Result<Vec<u8>> {
        if self.0.len() > limit {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(self.0.as_bytes().to_owned())
    }
}

fn insert(text: &str, root: &Node, new: &NewWaiver) -> Option<String> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let Some(list) = root.get("waivers") else {
        let block = format!("waivers:{newline}{}", new.block("  ", newline));
        return Some(at_line(text, text.len(), &block, newline));
    };
    let Some((first, last)) = list.items().first().zip(list.items().last()) else {
        // `waivers: []`: the brackets go, whatever stands behind them stays.
        let Range { start, end } = list.at.span.clone();
        let before = text.get(..start)?.trim_end_matches(' ');
        let rest = text.get(end..)?;
        let shorter = format!("{before}{rest}");
        let line = end_of_line(&shorter, before.len());
        return Some(at_line(&shorter, line, &new.block("  ", newline), newline));
    };
    let before = text.get(..first.at.span.start)?;
    let dash = before.rfind('-')?;
    let line = before.get(..dash)?.rfind('\n').map_or(0, |end| end + 1);
    let indent = before.get(line..dash)?;
    if !indent.chars().all(|c| c == ' ') {
        return None;
    }
    let is_last = root
        .entries()
        .last()
        .is_some_and(|(key, _)| key.value == "waivers");
    let end = if is_last {
        text.len()
    } else {
        end_of_line(text, end_of(last))
    };
    Some(at_line(text, end, &new.block(indent, newline), newline))
}

/// `text` with `block` on lines of its own at `end`, which is the end of a line.
fn at_line(text: &str, end: usize, block: &str, newline: &str) -> String {
    let (before, after) = text.split_at(end);
    let gap = if before.is_empty() || before.ends_with('\n') {
        ""
    } else {
        newline
    };
    format!("{before}{gap}{block}{after}")
}

/// Behind the line end that follows `from`.
fn end_of_line(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.find('\n').map_or(text.len(), |end| from + end + 1)
}

/// Where the last value in `node` ends.
fn end_of(node: &Node) -> usize {
    let inner = node.entries().iter().map(|(_, value)| end_of(value));
    let items = node.items().iter().map(end_of);
    inner.chain(items).max().unwrap_or(node.at.span.end)
}

/// In double quotes, whatever a reader would not see escaped: who reviews the
/// file must not be shown another text than is in it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            _ if is_hidden(c) => {
                let code = u32::from(c);
                quoted.push_str(&if code > 0xffff {
                    format!("\\U{code:08x}")
                } else {
                    format!("\\u{code:04x}")
                });
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{a0}'
                | '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202f}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn new(check: &str, reason: &str) -> NewWaiver {
        NewWaiver {
            check: check.to_owned(),
            reason: reason.to_owned(),
            by: "ogt".to_owned(),
            until: "2026-12-01".to_owned(),
            accepted_at: "2026-11-21T10:00:00Z".parse().expect("a time"),
        }
    }

    const OLD: &str =
        "{ check: a, reason: r, by: x, until: 2026-12-01, accepted_at: 2026-11-20T10:00:00Z }";

    fn appended(text: &str) -> Option<String> {
        let loaded = load_waivers("old", &Written(text));
        assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics);
        loaded.with(&new("b", "why"))
    }

    const NEW: [&str; 5] = [
        "- check: b",
        "  reason: \"why\"",
        "  by: \"ogt\"",
        "  until: 2026-12-01",
        "  accepted_at: 2026-11-21T10:00:00Z",
    ];

    fn entry(indent: &str) -> String {
        NEW.iter().map(|line| format!("{indent}{line}\n")).collect()
    }

    #[rstest]
    #[case::at_the_end(
        "version: 1\nwaivers:\n  - OLD\n",
        "version: 1\nwaivers:\n  - OLD\n",
        "  ",
        ""
    )]
    #[case::without_a_line_end(
        "version: 1\nwaivers:\n  - OLD",
        "version: 1\nwaivers:\n  - OLD\n",
        "  ",
        ""
    )]
    #[case::not_indented(
        "version: 1\nwaivers:\n- OLD\n",
        "version: 1\nwaivers:\n- OLD\n",
        "",
        ""
    )]
    #[case::behind_comments(
        "# ours\nversion: 1\nwaivers:\n    - OLD # a\n\n    # the end\n",
        "# ours\nversion: 1\nwaivers:\n    - OLD # a\n\n    # the end\n",
        "    ",
        ""
    )]
    #[case::before_another_key(
        "waivers:\n  - OLD # a\n# next\nversion: 1\n",
        "waivers:\n  - OLD # a\n",
        "  ",
        "# next\nversion: 1\n"
    )]
    #[case::dash_on_its_own_line(
        "version: 1\nwaivers:\n  -\n    check: a\n    reason: r\n    by: x\n    until: 2026-12-01\n    accepted_at: 2026-11-20T10:00:00Z\n",
        "version: 1\nwaivers:\n  -\n    check: a\n    reason: r\n    by: x\n    until: 2026-12-01\n    accepted_at: 2026-11-20T10:00:00Z\n",
        "  ",
        ""
    )]
    #[case::block_text_at_the_end(
        "version: 1\nwaivers:\n  - check: a\n    by: x\n    until: 2026-12-01\n    accepted_at: 2026-11-20T10:00:00Z\n    reason: |\n      two\n      lines\n",
        "version: 1\nwaivers:\n  - check: a\n    by: x\n    until: 2026-12-01\n    accepted_at: 2026-11-20T10:00:00Z\n    reason: |\n      two\n      lines\n",
        "  ",
        ""
    )]
    #[case::empty(
        "version: 1\nwaivers: [] # none\n",
        "version: 1\nwaivers: # none\n",
        "  ",
        ""
    )]
    #[case::empty_first("waivers: []\nversion: 1\n", "waivers:\n", "  ", "version: 1\n")]
    #[case::no_list("version: 1\n", "version: 1\nwaivers:\n", "  ", "")]
    fn added(#[case] text: &str, #[case] before: &str, #[case] indent: &str, #[case] after: &str) {
        let with_old = |text: &str| text.replace("OLD", OLD);
        let expected = format!("{}{}{after}", with_old(before), entry(indent));
        assert_eq!(appended(&with_old(text)), Some(expected));
    }

    #[test]
    fn line_ends_stay_those_of_the_file() {
        let text = format!("version: 1\r\nwaivers:\r\n  - {OLD}\r\n");
        let expected = format!("{text}{}", entry("  ").replace('\n', "\r\n"));
        assert_eq!(appended(&text), Some(expected));
    }

    #[rstest]
    #[case::in_brackets("version: 1\nwaivers: [OLD]\n")]
    #[case::all_in_braces("{ version: 1, waivers: [] }\n")]
    #[case::an_end_mark("version: 1\nwaivers:\n  - OLD\n...\n")]
    fn left_to_a_person(#[case] text: &str) {
        assert_eq!(appended(&text.replace("OLD", OLD)), None);
    }

    #[rstest]
    #[case("plain")]
    #[case("with \"quotes\" and \\ and # and : and '")]
    #[case("資料庫 🚑 is fine")]
    #[case("two\nlines\r\nand\ttabs")]
    #[case("\u{1b}[31mred\u{1b}[0m \u{9b}2J \u{7} \u{0} \u{7f}")]
    #[case("user\u{202e}txt.exe \u{200b}\u{feff}\u{e0041}\u{2028}\u{ffff}")]
    #[case(" - [a, b] ${name} &x *y !z %")]
    fn any_text_is_read_back_and_shown_as_it_is(#[case] reason: &str) {
        let new = new("b", reason);
        let file = new.file();
        let hidden = |c: char| c != '\n' && is_hidden(c);
        assert!(!file.contains(hidden), "{file:?}");
        let loaded = load_waivers("new", &Written(&file));
        assert!(!loaded.diagnostics.has_errors(), "{file}");
        assert!(new.is(&loaded.waivers[0]), "{file}");
        let again = loaded.with(&new).expect("it can be added again");
        assert!(again.starts_with(&file));
    }

    #[rstest]
    #[case("1", "\"1\"")]
    #[case("007", "\"007\"")]
    #[case("null", "\"null\"")]
    #[case("ssh@k3s120", "ssh@k3s120")]
    fn ids_that_look_like_something_else(#[case] id: &str, #[case] written: &str) {
        let file = new(id, "why").file();
        assert!(file.contains(&format!("- check: {written}\n")), "{file}");
        let loaded = load_waivers("new", &Written(&file));
        assert_eq!(loaded.waivers[0].check.value, id);
    }
}
