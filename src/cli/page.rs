//! Plain pages for `plan` and `explain`: headings, and fields in a column.
//! Nothing is wrapped, so that a command line can be copied.

use owo_colors::OwoColorize;

use crate::report::harmless;

/// Width of the names of fields.
const NAMES: usize = 11;

/// A page in the making.
pub(super) struct Page {
    color: bool,
    text: String,
}

impl Page {
    pub(super) fn new(color: bool) -> Self {
        Self {
            color,
            text: String::new(),
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
        let id = if self.color {
            id.bold().to_string()
        } else {
            id.into_owned()
        };
        let line = format!("{:indent$}{id}  {}", "", harmless(title));
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// A name and what it stands for; further lines of that stand below it.
    pub(super) fn field(&mut self, indent: usize, name: &str, value: &str) {
        for (place, line) in value.trim_end().lines().enumerate() {
            let name = if place == 0 { name } else { "" };
            self.line(&format!("{:indent$}{name:NAMES$} {line}", ""));
        }
    }
}
