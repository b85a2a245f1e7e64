//! The page that a card is written on.

use owo_colors::OwoColorize;

use super::Style;
use super::layout::{Text, width};

/// Column where ids stand: behind `FIX FIRST` and behind an indented `BLOCKED`.
pub(super) const ID_COLUMN: usize = 11;
/// Below this many columns, blocks are indented less and titles get their own line.
const NARROW: usize = 60;
/// Columns of the longest field label, `expected`, and a space.
const LABEL: usize = 9;

/// What a word's colour stands for. The word always says it as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Good,
    Warning,
    Bad,
    First,
    Plain,
}

/// Lines of at most the style's width.
pub(super) struct Page<'a> {
    pub(super) style: &'a Style,
    out: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(style: &'a Style) -> Self {
        Self {
            style,
            out: String::new(),
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn narrow(&self) -> bool {
        self.style.width < NARROW
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    pub(super) fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// `word` in the colour of its role, or plain.
    pub(super) fn paint(&self, word: &str, role: Role) -> String {
        if !self.style.color {
            return word.to_owned();
        }
        match role {
            Role::Good => word.green().to_string(),
            Role::Warning => word.yellow().to_string(),
            Role::Bad => word.red().to_string(),
            Role::First => word.red().bold().to_string(),
            Role::Plain => word.to_owned(),
        }
    }

    /// `label` at `indent`, then `text` from `column` on, with every further
    /// line at that column too. An id that does not fit there moves to the
    /// lines below the label.
    pub(super) fn hanging(
        &mut self,
        indent: usize,
        label: &str,
        role: Role,
        column: usize,
        text: &Text,
    ) {
        let room = self.style.width.saturating_sub(column);
        let start = format!("{}{}", " ".repeat(indent), self.paint(label, role));
        let used = indent + width(label);
        if text.widest_whole() > room {
            if !label.is_empty() {
                self.line(&start);
            }
            let column = self
                .style
                .width
                .saturating_sub(text.widest_whole())
                .min(indent + 2);
            self.indented(column, text);
            return;
        }
        for (place, line) in text.lines(room).iter().enumerate() {
            if place == 0 {
                let gap = column.saturating_sub(used);
                self.line(&format!("{start}{}{line}", " ".repeat(gap)));
            } else {
                self.line(&format!("{}{line}", " ".repeat(column)));
            }
        }
    }

    /// `text` with every line at `column`.
    pub(super) fn indented(&mut self, column: usize, text: &Text) {
        let room = self.style.width.saturating_sub(column);
        let column = if text.widest_whole() > room {
            self.style.width.saturating_sub(text.widest_whole())
        } else {
            column
        };
        for line in text.lines(self.style.width.saturating_sub(column)) {
            if !line.is_empty() {
                self.line(&format!("{}{line}", " ".repeat(column)));
            }
        }
    }

    /// Where the fields of a check's block begin.
    pub(super) fn field_indent(&self) -> usize {
        if self.narrow() { 2 } else { ID_COLUMN }
    }

    /// One field of a check's block.
    pub(super) fn field(&mut self, label: &str, text: &Text) {
        let indent = self.field_indent();
        self.hanging(indent, label, Role::Plain, indent + LABEL, text);
    }

    /// The first line of a check's block: `label` at `indent`, the id and the
    /// title, which goes on a line of its own where it does not fit.
    pub(super) fn head(
        &mut self,
        indent: usize,
        (label, role): (&str, Role),
        id: &str,
        title: &str,
    ) {
        let column = (indent + width(label) + 2).max(ID_COLUMN);
        let id = Text::new().id(id);
        let both = id.clone().say("  ").say(title);
        if !self.narrow() && column + both.width() <= self.style.width {
            self.hanging(indent, label, role, column, &both);
        } else {
            self.hanging(indent, label, role, column, &id);
            let column = self.field_indent();
            self.indented(column, &Text::from(title));
        }
    }
}
