//! Whether loaded rules are those of a file.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{self, Told};
use super::rule_file::{self, RuleFile};
use super::rules::Rule;
use crate::probe::kinds::alerts::Labels;
use crate::probe::kinds::api::Asking;
use crate::probe::{Fault, FaultKind};

/// Where Prometheus prints an expression in its own form.
pub(super) const FORMAT: &str = "api/v1/format_query";

/// What stands for an expression where it is told what would be asked.
pub(super) const ANY: &str = "EXPRESSION";

/// As much of an expression, a label or an annotation is quoted, in characters.
const QUOTED: usize = 160;

/// A part of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    Expression,
    For,
    Labels,
    Annotations,
}

impl Part {
    /// What is compared when nothing is said.
    pub(super) const CONTRACT: [Self; 3] = [Self::Expression, Self::For, Self::Labels];
}

/// Expressions in Prometheus' own form; those that it could not print are not there.
#[derive(Debug, Default)]
pub(super) struct Printed(BTreeMap<String, String>);

/// Asks Prometheus to print those expressions that differ as texts: the one that is loaded
/// comes as it was printed, the one of the file as it was written.
///
/// # Errors
/// Those of asking; but not that this Prometheus cannot print, or not this.
pub(super) async fn printed(
    asking: &Asking<'_>,
    file: &RuleFile,
    live: &[(&str, &Rule)],
) -> Result<Printed, Fault> {
    let mut printed = Printed::default();
    for expression in unlike(file, live) {
        let parameters = [("query", expression.as_str())];
        let told: Result<Told<String>, Fault> = answer::ask(asking, FORMAT, &parameters).await;
        match told {
            Ok(told) => {
                printed.0.insert(expression, told.data);
            }
            // It does not parse; so it is not what is loaded.
            Err(fault) if fault.kind == FaultKind::LocalSetup => {}
            // Before 2.41 there is no such address, and then texts are compared.
            Err(fault) if fault.kind == FaultKind::Protocol => return Ok(printed),
            Err(fault) => return Err(fault),
        }
    }
    Ok(printed)
}

/// The expressions that would have to be printed to tell whether they are the same.
fn unlike(file: &RuleFile, live: &[(&str, &Rule)]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for rule in &file.rules {
        let namesakes = || live.iter().filter(|(_, other)| is_namesake(rule, other));
        let text = bare(&rule.expression);
        if !namesakes().any(|(_, other)| bare(&other.query) == text) {
            all.extend(namesakes().map(|(_, other)| other.query.clone()));
            all.extend(namesakes().next().map(|_| rule.expression.clone()));
        }
    }
    all
}

fn is_namesake(rule: &rule_file::Rule, other: &Rule) -> bool {
    rule.name == other.name && rule.is_alert == other.is_alert()
}

impl Printed {
    fn is_same(&self, written: &str, loaded: &str) -> bool {
        if bare(written) == bare(loaded) {
            return true;
        }
        let (written, loaded) = (self.0.get(written), self.0.get(loaded));
        written.is_some_and(|written| Some(written) == loaded)
    }
}

/// An expression without comments and white space, but for what keeps two words apart.
fn bare(expression: &str) -> String {
    let mut text = String::new();
    let mut quote = None;
    let mut apart = false;
    let mut letters = expression.chars();
    let is_word = |letter: char| letter.is_alphanumeric() || "_:.".contains(letter);
    while let Some(letter) = letters.next() {
        if let Some(open) = quote {
            text.push(letter);
            if letter == '\\' && open != '`' {
                text.extend(letters.next());
            } else if letter == open {
                quote = None;
            }
            continue;
        }
        match letter {
            '#' => {
                letters
                    .by_ref()
                    .take_while(|&next| next != '\n')
                    .for_each(drop);
                apart = true;
            }
            letter if letter.is_whitespace() => apart = true,
            letter => {
                if apart && is_word(letter) && text.chars().next_back().is_some_and(is_word) {
                    text.push(' ');
                }
                apart = false;
                if matches!(letter, '"' | '\'' | '`') {
                    quote = Some(letter);
                }
                text.push(letter);
            }
        }
    }
    text
}

/// How what is loaded differs from the file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Drift {
    pub(super) missing: Vec<String>,
    pub(super) differing: Vec<String>,
    pub(super) extra: Vec<String>,
}

/// Compares by name. Rules that share theirs are paired by what they have in common.
pub(super) fn compare(
    file: &RuleFile,
    live: &[(&str, &Rule)],
    parts: &[Part],
    printed: &Printed,
) -> Drift {
    let mut drift = Drift::default();
    let mut taken = vec![false; live.len()];
    let mut differing = vec![Vec::new(); file.rules.len()];
    let mut open: Vec<usize> = (0..file.rules.len()).collect();
    // Equal ones first, so that one that differs takes no other's partner.
    for is_last in [false, true] {
        open.retain(|&place| {
            let rule = &file.rules[place];
            let partner = live
                .iter()
                .enumerate()
                .filter(|(n, (_, other))| !taken[*n] && is_namesake(rule, other))
                .map(|(n, (_, other))| (n, differences(rule, other, parts, printed)))
                .filter(|(_, found)| is_last || found.is_empty())
                .min_by_key(|(_, found)| found.len());
            match partner {
                Some((n, found)) => {
                    taken[n] = true;
                    differing[place] = found;
                    false
                }
                None => true,
            }
        });
    }
    drift.missing = open
        .into_iter()
        .map(|place| file.rules[place].name.clone())
        .collect();
    drift.differing = differing.into_iter().flatten().collect();
    // Other groups may come of other files.
    drift.extra = live
        .iter()
        .zip(&taken)
        .filter(|((group, _), taken)| !**taken && file.groups.iter().any(|name| name == group))
        .map(|((_, rule), _)| rule.name.clone())
        .collect();
    drift
}

fn differences(
    rule: &rule_file::Rule,
    other: &Rule,
    parts: &[Part],
    printed: &Printed,
) -> Vec<String> {
    let mut found = Vec::new();
    let name = &rule.name;
    for part in parts {
        match part {
            Part::Expression => {
                if !printed.is_same(&rule.expression, &other.query) {
                    let (expected, is) = (cut(&rule.expression), cut(&other.query));
                    found.push(format!("{name}: expression expected {expected}, is {is}"));
                }
            }
            Part::For => {
                let times = [
                    ("for", rule.wait, other.duration),
                    (
                        "keep_firing_for",
                        rule.keep_firing_for,
                        other.keep_firing_for,
                    ),
                ];
                for (key, expected, is) in times {
                    if (expected - is).abs() > 0.0005 {
                        found.push(format!("{name}: {key} expected {expected} s, is {is} s"));
                    }
                }
            }
            Part::Labels => {
                unlike_texts(
                    name,
                    "label",
                    &rule.labels,
                    other.labels.as_ref(),
                    &mut found,
                );
            }
            Part::Annotations => {
                let is = other.annotations.as_ref();
                unlike_texts(name, "annotation", &rule.annotations, is, &mut found);
            }
        }
    }
    found
}

fn unlike_texts(
    rule: &str,
    what: &str,
    expected: &Labels,
    is: Option<&Labels>,
    found: &mut Vec<String>,
) {
    let none = Labels::new();
    let is = is.unwrap_or(&none);
    let names: BTreeSet<&String> = expected.keys().chain(is.keys()).collect();
    for name in names {
        let (expected, is) = (expected.get(name), is.get(name));
        // Prometheus drops a label that is empty.
        let value = |text: Option<&String>| text.map_or("", |text| text.as_str()).to_owned();
        if value(expected) == value(is) {
            continue;
        }
        let told =
            |text: Option<&String>| text.map_or_else(|| "absent".to_owned(), |text| cut(text));
        let (expected, is) = (told(expected), told(is));
        found.push(format!(
            "{rule}: {what} {name} expected {expected}, is {is}"
        ));
    }
}

/// On one line, and not longer than it can be read.
fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
