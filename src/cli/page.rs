//! Plain pages for `plan` and `explain`: headings, and fields in a column.
//! What is sent is never wrapped, so that a command line can be copied; prose is,
//! on a page that has a width.

use owo_colors::OwoColorize;

use crate::report::harmless;

/// Width of the names of fields.
const NAMES: usize = 11;

/// A page in the making.
pub(super) struct Page {
    color: bool,
    /// Columns that prose has; as many as it takes when nothing.
    width: Option<usize>,
    text: String,
}

impl Page {
    pub(super) fn new(color: bool) -> Self {
        Self {
            color,
            width: None,
            text: String::new(),
        }
    }

    /// A page on which prose ends at `width` columns, between words.
    pub(super) fn of_width(color: bool, width: usize) -> Self {
        Self {
            width: Some(width),
            ..Self::new(color)
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(harmless(text).trim_end());
        self.text.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// An id at the margin, with its title.
    pub(super) fn heading(&mut self, id: &str, title: &str) {
        self.name(0, id, title);
    }

    /// An id with its title.
    pub(super) fn name(&mut self, indent: usize, id: &str, title: &str) {
        let id = harmless(id);
        let start = format!("{:indent$}{id}", "");
        let lines = self.wrapped(&format!("{start}  {}", harmless(title)), indent + 4);
        for (place, line) in lines.iter().enumerate() {
            let line = match line.strip_prefix(&start) {
                Some(rest) if place == 0 && self.color => {
                    format!("{:indent$}{}{rest}", "", id.bold())
                }
                _ => line.clone(),
            };
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    /// The lines of `text`, those after the first by `hanging` columns further in.
    fn wrapped(&self, text: &str, hanging: usize) -> Vec<String> {
        let Some(width) = self.width else {
            return vec![text.to_owned()];
        };
        let hanging = " ".repeat(hanging);
        let options = textwrap::Options::new(width)
            .subsequent_indent(&hanging)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let lines = textwrap::wrap(text, options).into_iter();
        lines.map(std::borrow::Cow::into_owned).collect()
    }

    /// A name and what it stands for, in prose; further lines of that stand below it.
    pub(super) fn field(&mut self, indent: usize, name: &str, value: &str) {
        for (place, line) in value.trim_end().lines().enumerate() {
            let name = if place == 0 { name } else { "" };
            self.prose(&format!("{:indent$}{name:NAMES$} ", ""), line);
        }
    }

    /// What stands behind `start`, which further lines leave empty.
    pub(super) fn prose(&mut self, start: &str, text: &str) {
        let line = format!("{start}{}", harmless(text));
        // Control characters are gone, so the start is as wide as it has letters.
        for line in self.wrapped(&line, start.chars().count()) {
            self.line(&line);
        }
    }

    /// A name and what is sent, which stays in one piece.
    pub(super) fn sent(&mut self, indent: usize, name: &str, value: &str) {
        for (place, line) in value.trim_end().lines().enumerate() {
            let name = if place == 0 { name } else { "" };
            self.line(&format!("{:indent$}{name:NAMES$} {line}", ""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOC: &str = "how many there are, as the host's own clock has it, and no more";

    #[test]
    fn prose_ends_between_words_and_what_is_sent_stays_whole() {
        let mut page = Page::of_width(false, 40);
        page.heading(
            "dumps@nas",
            "the dumps of the last night are whole and readable",
        );
        page.field(2, "remedy", DOC);
        page.sent(2, "ssh-exec", DOC);
        page.prose(
            "    count    ",
            "備份備份備份備份備份備份備份備份備份備份備份備份",
        );
        let expected = "\
dumps@nas  the dumps of the last night
    are whole and readable
  remedy      how many there are, as the
              host's own clock has it,
              and no more
  ssh-exec    how many there are, as the host's own clock has it, and no more
    count    備份備份備份備份備份備份備
             份備份備份備份備份備
";
        let text = page.finish();
        let of_prose = text.lines().filter(|line| !line.contains("ssh-exec"));
        for line in of_prose {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= 40, "{line}");
        }
        let plain = |text: &str| {
            text.split_once("    count")
                .map(|(before, _)| before.to_owned())
        };
        assert_eq!(plain(&text), plain(expected));
    }

    #[test]
    fn a_page_without_a_width_wraps_nothing() {
        let mut page = Page::new(false);
        page.field(2, "remedy", &DOC.repeat(4));
        assert_eq!(page.finish().lines().count(), 1);
    }
}
