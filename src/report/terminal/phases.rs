//! Every phase in one line, with what needs attention under it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::layout::{Text, pad, width};
use super::page::{Page, Role};
use super::{block, word};
use crate::report::harmless;
use crate::report::readable::{count, duration, fact, milliseconds, shortened};
use crate::report::words::{self, is_behind_a_gate, name};
use crate::scorecard::{CheckCard, Gate, Held, PhaseCard, Scorecard, Totals, Verdict};

/// More ids than this are counted, not listed: `-v` lists them all.
const LISTED: usize = 8;

/// Writes all phases. The blocks of `shown` checks are already on the page.
pub(super) fn table(page: &mut Page<'_>, card: &Scorecard, shown: &BTreeSet<&str>) {
    let rows: Vec<Row> = Row::all(card);
    let ids = widest(rows.iter().map(|row| row.id.as_ref()));
    let gates = widest(rows.iter().map(|row| row.gate));
    let column = ids + 2 + gates + 2;
    let needed = rows.iter().map(Row::least).max().unwrap_or(0);
    let in_one_line = column + needed <= page.style.width;
    for (row, phase) in rows.iter().zip(&card.phases) {
        let gate = page.paint(row.gate, row.role);
        let gate = format!("{gate}{}", " ".repeat(gates - width(row.gate)));
        if in_one_line {
            let lines = row.text.lines(page.style.width - column);
            for (place, line) in lines.iter().enumerate() {
                if place == 0 {
                    page.line(&format!("{}  {gate}  {line}", pad(&row.id, ids)));
                } else {
                    page.line(&format!("{}{line}", " ".repeat(column)));
                }
            }
        } else {
            page.line(&row.id);
            let column = 2 + width(row.gate) + 2;
            page.hanging(2, row.gate, row.role, column, &row.stacked);
        }
        if page.style.verbose {
            every_check(page, card, phase, shown);
        } else {
            attention(page, card, phase, shown);
        }
    }
}

fn widest<'a>(words: impl Iterator<Item = &'a str>) -> usize {
    words.map(width).max().unwrap_or(0)
}

struct Row {
    id: String,
    gate: &'static str,
    role: Role,
    text: Text,
    /// The same where there is no room for columns.
    stacked: Text,
    /// Columns of the counts.
    counts: usize,
}

impl Row {
    fn all(card: &Scorecard) -> Vec<Self> {
        let totals: Vec<Totals> = card
            .phases
            .iter()
            .map(|phase| Totals::of(&phase.checks))
            .collect();
        let digits = |number: fn(&Totals) -> usize| {
            let most = totals.iter().map(number).max().unwrap_or(0);
            most.to_string().len()
        };
        let (pass, warn, blocked) = (
            digits(|t| t.pass),
            digits(|t| t.warn),
            digits(|t| t.blocked),
        );
        card.phases
            .iter()
            .zip(&totals)
            .map(|(phase, totals)| {
                let evaluated = totals.evaluated() > 0;
                let elapsed = duration(Duration::from_millis(phase.elapsed_ms));
                let (counts, stacked) = if evaluated {
                    let counts = Text::new()
                        .cell(&format!("{:>pass$} pass", totals.pass))
                        .cell(&format!("{:>warn$} warn", totals.warn))
                        .cell(&format!("{:>blocked$} blocked", totals.blocked))
                        .cell(&format!("{elapsed:>7}"));
                    let stacked = format!(
                        "{} pass {} warn {} blocked {elapsed}",
                        totals.pass, totals.warn, totals.blocked
                    );
                    let stacked = Text::from(stacked.as_str());
                    (accepted(counts, totals), accepted(stacked, totals))
                } else {
                    let checks = count(phase.checks.len(), "check");
                    (Text::new().cell(&checks), Text::from(checks.as_str()))
                };
                let width = counts.width();
                Self {
                    id: harmless(&phase.id).into_owned(),
                    gate: phase.gate.label(),
                    role: role(phase.gate),
                    text: held(counts, phase, evaluated),
                    stacked: held(stacked, phase, evaluated),
                    counts: width,
                }
            })
            .collect()
    }

    /// Columns below which this row is better told in two lines.
    fn least(&self) -> usize {
        self.counts.max(self.text.widest_whole())
    }
}

/// Rows without any keep to their columns.
fn accepted(counts: Text, totals: &Totals) -> Text {
    match totals.accepted {
        0 => counts,
        number => counts.say(&format!("  {number} accepted")),
    }
}

fn held(counts: Text, phase: &PhaseCard, evaluated: bool) -> Text {
    match &phase.held_by {
        Some(gate) if evaluated && is_behind_a_gate(phase) => counts
            .say("  held by ")
            .id(gate)
            .say(", evaluated for diagnosis"),
        Some(gate) => counts.say("  held by ").id(gate),
        None => counts,
    }
}

pub(super) fn role(gate: Gate) -> Role {
    match gate {
        Gate::Green => Role::Good,
        Gate::Warn => Role::Warning,
        Gate::Blocked => Role::Bad,
        Gate::NotEvaluated | Gate::Skipped => Role::Plain,
    }
}

/// Checks that a person has to know of, and for all others why they were not evaluated.
fn attention(page: &mut Page<'_>, card: &Scorecard, phase: &PhaseCard, shown: &BTreeSet<&str>) {
    for check in &phase.checks {
        let failed = match check.verdict {
            Verdict::Warn | Verdict::Blocked => true,
            Verdict::Pass | Verdict::NotEvaluated | Verdict::Skipped => false,
        };
        // Who accepted what is told of each, whatever caused it.
        let alone = check.cause.is_none() || check.accepted.is_some();
        if failed && alone && !shown.contains(check.id.as_str()) {
            page.head(2, word(check), &check.id, &check.title);
            block::fields(page, card, check, true);
        }
    }
    for check in phase.checks.iter().filter(|check| check.unfinished) {
        page.head(2, ("STOPPED", Role::Plain), &check.id, &check.title);
        page.field("waited", &waited(check));
    }
    for (cause, ids) in grouped(phase, shared_cause) {
        let text = Text::new()
            .say(&count(ids.len(), "check"))
            .say(if ids.len() == 1 { " shares" } else { " share" })
            .say(" the cause of ")
            .id(name(card, &cause))
            .say(": ")
            .ids(ids, LISTED);
        page.hanging(2, "", Role::Plain, 2, &text);
    }
    for (reason, ids) in grouped(phase, |check| Reason::of(check, phase)) {
        page.hanging(2, "", Role::Plain, 2, &reason.tell(&ids));
    }
}

/// The cause of a check that is told with others of the same.
fn shared_cause(check: &CheckCard) -> Option<String> {
    let cause = check.cause.clone();
    cause.filter(|_| check.accepted.is_none())
}

/// How long the run had waited for a check when it ended, and for what.
fn waited(check: &CheckCard) -> Text {
    let attempts = match check.attempts {
        0 | 1 => String::new(),
        attempts => format!(" in {}", count(attempts as usize, "attempt")),
    };
    Text::new()
        .say(&milliseconds(check.elapsed_ms))
        .say(&attempts)
        .say(" for ")
        .say(&check.goal)
}

/// The ids of checks with an equal, present key, in the order in which the keys occur.
fn grouped<K: PartialEq>(
    phase: &PhaseCard,
    key: impl Fn(&CheckCard) -> Option<K>,
) -> Vec<(K, Vec<&str>)> {
    let mut groups: Vec<(K, Vec<&str>)> = Vec::new();
    for check in &phase.checks {
        let Some(key) = key(check) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, ids)) => ids.push(&check.id),
            None => groups.push((key, vec![&check.id])),
        }
    }
    groups
}

/// Why a check has no pass, warning or failure.
#[derive(Debug, PartialEq)]
enum Reason {
    Skipped(Option<String>),
    Held { by: Option<Held>, unfinished: bool },
}

impl Reason {
    /// None where the phase's own line tells it already.
    fn of(check: &CheckCard, phase: &PhaseCard) -> Option<Self> {
        match check.verdict {
            Verdict::Pass | Verdict::Warn | Verdict::Blocked => None,
            Verdict::Skipped => Some(Self::Skipped(check.skipped.clone())),
            Verdict::NotEvaluated => match &check.held_by {
                Some(Held::Gate(_)) if phase.held_by.is_some() => None,
                by => Some(Self::Held {
                    by: by.clone(),
                    unfinished: check.unfinished,
                }),
            },
        }
    }

    fn tell(&self, ids: &[&str]) -> Text {
        let checks = Text::new().say(&count(ids.len(), "check"));
        match self {
            Self::Skipped(why) => checks
                .say(" skipped, ")
                .say(why.as_deref().unwrap_or("no reason was recorded"))
                .say(": ")
                .ids(ids.iter().copied(), LISTED),
            Self::Held { by, unfinished } => {
                let told = because(checks.say(" not evaluated, "), by.as_ref(), *unfinished);
                if *unfinished {
                    // These may be what hung, so each is named.
                    told.say(": ").ids(ids.iter().copied(), usize::MAX - 1)
                } else {
                    told.say(": ").ids(ids.iter().copied(), LISTED)
                }
            }
        }
    }
}

fn because(text: Text, by: Option<&Held>, unfinished: bool) -> Text {
    let text = match (by, unfinished) {
        (Some(Held::Deadline | Held::Interrupt), true) => text.say("unfinished "),
        (Some(Held::Deadline | Held::Interrupt), false) => text.say("not begun "),
        (Some(Held::Gate(_) | Held::Check(_)) | None, _) => text,
    };
    match by {
        Some(Held::Gate(gate)) => text.say("held by ").id(gate),
        Some(Held::Check(check)) => text.say("after ").id(check),
        Some(Held::Deadline) => text.say("at the deadline"),
        Some(Held::Interrupt) => text.say("at the interrupt"),
        None => text.say("no reason was recorded"),
    }
}

/// `-v`: every check with its verdict, time, attempts and facts.
fn every_check(page: &mut Page<'_>, card: &Scorecard, phase: &PhaseCard, shown: &BTreeSet<&str>) {
    if let Some(title) = &phase.title {
        page.indented(2, &Text::from(title.as_str()));
    }
    for check in &phase.checks {
        page.head(2, word(check), &check.id, &check.title);
        let indent = page.field_indent();
        match check.verdict {
            Verdict::Pass => observed(page, check),
            Verdict::Warn | Verdict::Blocked => {
                observed(page, check);
                if let Some(cause) = &shared_cause(check) {
                    let text = Text::new()
                        .say("shares the cause of ")
                        .id(name(card, cause));
                    page.indented(indent, &text);
                } else if !shown.contains(check.id.as_str()) {
                    block::fields(page, card, check, false);
                }
            }
            Verdict::NotEvaluated => {
                if Reason::of(check, phase).is_some() {
                    let text = because(Text::new(), check.held_by.as_ref(), check.unfinished);
                    page.indented(indent, &text);
                }
            }
            Verdict::Skipped => {
                let why = check.skipped.as_deref().unwrap_or("no reason was recorded");
                page.indented(indent, &Text::from(why));
            }
        }
    }
}

fn observed(page: &mut Page<'_>, check: &CheckCard) {
    let mut text = Text::new().say(&milliseconds(check.elapsed_ms));
    if check.attempts > 1 {
        text = text.say(&format!(", {}", count(check.attempts as usize, "attempt")));
    }
    let mut separator = "  ";
    for (name, value) in check.facts.iter() {
        let value = shortened(&fact(name, value, &page.style.zone));
        text = text.say(separator).say(&format!("{name}={value}"));
        separator = ", ";
    }
    let indent = page.field_indent();
    page.indented(indent, &text);
    if let Some(course) = words::course(check) {
        page.indented(indent, &Text::from(course.as_str()));
    }
}
