//! What every format but the terminal's says of a check, in the same words.

use super::readable::{count, shortened};
use crate::scorecard::{CheckCard, Held, PhaseCard, RunResult, Scorecard, Verdict};

const COULD_NOT_TELL: &str = "could not tell";

/// An expectation that did not hold, or that could not be told.
#[derive(Debug)]
pub(super) struct Miss {
    /// What should have been.
    pub(super) expected: String,
    /// What was; it says so where nothing could be told.
    pub(super) seen: String,
}

/// The word of a verdict, as cards print it.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Warn => "WARN",
        Verdict::Blocked => "BLOCKED",
        Verdict::NotEvaluated => "NOT EVALUATED",
        Verdict::Skipped => "SKIPPED",
    }
}

/// What kept a check from passing. At least one for WARN and BLOCKED.
pub(super) fn misses(check: &CheckCard) -> Vec<Miss> {
    let failed = match check.verdict {
        Verdict::Warn | Verdict::Blocked => true,
        Verdict::Pass | Verdict::NotEvaluated | Verdict::Skipped => false,
    };
    let mut misses: Vec<Miss> = check
        .findings
        .iter()
        .filter(|finding| failed && finding.held != Some(true))
        .map(|finding| Miss {
            expected: shortened(&finding.expected),
            seen: seen(&finding.seen, finding.held.is_none()),
        })
        .collect();
    if failed && misses.is_empty() {
        let told = check.fault.as_ref().map(|fault| fault.seen.as_str());
        misses.push(Miss {
            expected: shortened(&check.goal),
            seen: seen(told.unwrap_or("no finding was recorded"), told.is_some()),
        });
    }
    misses
}

/// The judge's own words say it already; a bare fault's do not.
fn seen(words: &str, could_not_tell: bool) -> String {
    let words = shortened(words);
    if could_not_tell && !words.starts_with(COULD_NOT_TELL) {
        format!("{COULD_NOT_TELL}: {words}")
    } else {
        words
    }
}

/// What to do about a check that failed: what the fault itself calls for, then
/// the baseline's remedy. Empty where neither says anything.
pub(super) fn steps(check: &CheckCard) -> Vec<&str> {
    let hint = check.fault.as_ref().and_then(|fault| fault.hint.as_deref());
    [hint, check.remedy.as_deref()]
        .into_iter()
        .flatten()
        .collect()
}

/// Why a check has no verdict of its own: left out, held, or failed with another.
pub(super) fn reason(check: &CheckCard) -> Option<String> {
    match check.verdict {
        Verdict::Pass => None,
        Verdict::Warn | Verdict::Blocked => check
            .cause
            .as_ref()
            .map(|cause| format!("shares the cause of {cause}")),
        Verdict::Skipped => Some(
            check
                .skipped
                .clone()
                .unwrap_or_else(|| "no reason was recorded".to_owned()),
        ),
        Verdict::NotEvaluated => Some(held(check)),
    }
}

fn held(check: &CheckCard) -> String {
    let begun = if check.unfinished {
        "unfinished"
    } else {
        "not begun"
    };
    match &check.held_by {
        Some(Held::Gate(gate)) => format!("held by {gate}"),
        Some(Held::Check(other)) => format!("held by {other}, which it comes after"),
        Some(Held::Deadline) => format!("{begun} at the deadline"),
        Some(Held::Interrupt) => format!("{begun} at the interrupt"),
        None => "no reason was recorded".to_owned(),
    }
}

/// The result with what it is about: `BLOCKED at P0-NETWORK (fix ssh@k3s120 first)`.
pub(super) fn result(card: &Scorecard) -> String {
    let label = card.result.label();
    match (card.result, &card.first_blocked, &card.failure) {
        (RunResult::Blocked, Some(first), _) => {
            format!("{label} at {} (fix {} first)", first.phase, first.check)
        }
        (RunResult::CheckFailed, _, Some(why)) => format!("{label} ({why})"),
        // What was left out was not looked at: nobody may take it for green.
        (RunResult::Green | RunResult::Degraded, ..) if card.totals.skipped > 0 => {
            format!("{label} ({} left out)", count(card.totals.skipped, "check"))
        }
        (
            RunResult::Green | RunResult::Degraded | RunResult::Blocked | RunResult::CheckFailed,
            ..,
        ) => label.to_owned(),
    }
}

/// What is to be fixed, the first thing first. Behind a blocked gate a failure
/// may be that gate's consequence, and is not something to fix by itself.
pub(super) fn to_fix(card: &Scorecard) -> Vec<(&PhaseCard, &CheckCard)> {
    let first = card
        .first_blocked
        .as_ref()
        .map(|first| first.check.as_str());
    let others = card.roots.iter().map(|root| root.check.as_str());
    first
        .into_iter()
        .chain(others.filter(|check| Some(*check) != first))
        .filter_map(|id| card.check(id))
        .filter(|(phase, check)| phase.held_by.is_none() || Some(check.id.as_str()) == first)
        .collect()
}

/// `holds 3 checks and 2 other phases`, where a root holds any.
pub(super) fn holds(card: &Scorecard, check: &CheckCard) -> Option<String> {
    let root = card.roots.iter().find(|root| root.check == check.id)?;
    match (root.holds_checks, root.holds_phases) {
        (0, _) => None,
        (checks, 0) => Some(format!("holds {}", count(checks, "check"))),
        (checks, phases) => Some(format!(
            "holds {} and {}",
            count(checks, "check"),
            count(phases, "other phase")
        )),
    }
}
