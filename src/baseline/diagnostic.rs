//! What is wrong with a baseline: where, why, and what to write instead.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;
use serde_json::json;

use super::source::{Location, Sources};
use super::{mask, render};

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

/// Every problem of a load. No text of a secret that it was told of, or that
/// looks like one, is in anything that it gives out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    told: HashSet<(&'static str, Option<Location>, String)>,
    hidden: Vec<Location>,
    secrets: BTreeSet<String>,
    silenced: Vec<Location>,
}

impl Diagnostics {
    /// Takes in a problem, once: what an alias stands for is looked at again
    /// at each use. What is or looks like a secret in its texts is overwritten.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let masked = self.masked(diagnostic);
        let told = (masked.code, masked.at.clone(), masked.message.clone());
        if self.told.insert(told) {
            self.all.push(masked);
        }
    }

    fn masked(&self, diagnostic: Diagnostic) -> Diagnostic {
        let masked = |text: &str| {
            let mut ranges = mask::in_value(text);
            ranges.extend(mask::known(text, &self.secrets));
            mask::overwrite(text, ranges)
        };
        Diagnostic {
            message: masked(&diagnostic.message),
            label: diagnostic.label.as_deref().map(masked),
            suggestion: diagnostic.suggestion.as_deref().map(masked),
            related: diagnostic
                .related
                .iter()
                .map(|(at, what)| (at.clone(), masked(what)))
                .collect(),
            ..diagnostic
        }
    }

    /// Takes in every problem of another collection.
    pub fn append(&mut self, other: Self) {
        self.conceal(other.secrets);
        for diagnostic in other.all {
            self.push(diagnostic);
        }
        self.hidden.extend(other.hidden);
        self.silenced.extend(other.silenced);
    }

    /// Keeps a place's text out of every snippet: it seems to be a secret.
    pub fn hide(&mut self, at: Location) {
        self.hidden.push(at);
    }

    /// Keeps these texts out of everything, also of what was said before.
    pub(super) fn conceal(&mut self, secrets: impl IntoIterator<Item = String>) {
        let known = self.secrets.len();
        self.secrets.extend(secrets);
        if self.secrets.len() > known {
            let all = std::mem::take(&mut self.all);
            self.all = all.into_iter().map(|one| self.masked(one)).collect();
        }
    }

    /// Says `instead` of whatever was said of what stands at a place, where it
    /// may have been quoted.
    pub(super) fn reword(&mut self, place: &Location, instead: &str) {
        for problem in &mut self.all {
            // A password in a URL is told without it.
            if problem.code != "inline-secret"
                && problem.at.as_ref().is_some_and(|at| place.contains(at))
            {
                problem.message = instead.to_owned();
                problem.label = None;
                problem.suggestion = None;
            }
        }
    }

    /// Says what to write instead of what stands at a place, where something was
    /// said of it.
    pub(super) fn suggest(&mut self, place: &Location, suggestion: &str) {
        for problem in &mut self.all {
            if problem.at.as_ref() == Some(place) {
                problem.suggestion = Some(suggestion.to_owned());
            }
        }
    }

    pub(super) fn secrets(&self) -> &BTreeSet<String> {
        &self.secrets
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.all
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// As pushed.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.all.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// By file in the order of loading, then by position; those without a
    /// place come first.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<&Diagnostic> = self.all.iter().collect();
        all.sort_by_key(|diagnostic| {
            diagnostic
                .at
                .as_ref()
                .map(|at| (at.source, at.span.start, at.span.end))
        });
        all
    }

    /// For a person: message, snippet and suggestion of each, sorted, for a
    /// terminal of `width` columns. Of more than 200 the rest is counted.
    #[must_use]
    pub fn render(&self, sources: &Sources, color: bool, width: usize) -> String {
        render::render(self, sources, color, width)
    }

    /// For a program: an array of objects with `severity`, `code`, `file`,
    /// `line`, `column`, `message`, `suggestion`, sorted. What is not known is `null`.
    #[must_use]
    pub fn to_json(&self, sources: &Sources) -> serde_json::Value {
        self.sorted()
            .into_iter()
            .map(|diagnostic| {
                let place = diagnostic
                    .at
                    .as_ref()
                    .map(|at| (sources.name(at.source), sources.line_column(at)));
                json!({
                    "severity": diagnostic.severity,
                    "code": diagnostic.code,
                    "file": place.map(|(name, _)| name),
                    "line": place.map(|(_, (line, _))| line),
                    "column": place.map(|(_, (_, column))| column),
                    "message": diagnostic.message,
                    "suggestion": diagnostic.suggestion,
                })
            })
            .collect()
    }

    /// Keeps `conform` from complaining of a place: its value is not known,
    /// because of a problem that was told elsewhere.
    pub(super) fn silence(&mut self, at: Location) {
        self.silenced.push(at);
    }

    pub(super) fn silenced(&self) -> &[Location] {
        &self.silenced
    }

    pub(super) fn hidden(&self) -> &[Location] {
        &self.hidden
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The candidate that `word` is probably a misspelling of: a third of its
/// letters may be wrong, missing, too many or swapped, or the end left off.
/// Of several as near, the first.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let lower = candidate.to_lowercase();
        let shorter = length.min(lower.chars().count());
        let distance = if shorter >= 3 && (lower.starts_with(&word) || word.starts_with(&lower)) {
            1
        } else {
            strsim::damerau_levenshtein(&word, &lower)
        };
        if distance <= (length / 3).max(1)
            && shorter > distance.min(1)
            && best.is_none_or(|(least, _)| distance < least)
        {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("titel", Some("title"))]
    #[case("tiemout", Some("timeout"))]
    #[case("TIMEOUT", Some("timeout"))]
    #[case("addr", Some("address"))]
    #[case("require", Some("requires"))]
    #[case("x", None)]
    #[case("", None)]
    #[case("kubernetes", None)]
    fn near_misses(#[case] word: &str, #[case] meant: Option<&str>) {
        let known = ["title", "timeout", "address", "requires", "on"];
        assert_eq!(did_you_mean(word, known.into_iter()), meant);
    }
}
