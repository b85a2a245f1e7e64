//! What every format but the terminal's says of a check, in the same words.

use std::collections::HashSet;

use super::readable::{count, duration, shortened};
use crate::scorecard::{
    CheckCard, Gate, Held, PhaseCard, RunResult, Scorecard, Verdict, WaiverCard, WaiverState,
};

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

/// The word for what a check came to: that of its verdict, or that somebody
/// has accepted it.
pub(super) fn label(check: &CheckCard) -> &'static str {
    if check.accepted.is_some() {
        "ACCEPTED"
    } else {
        verdict(check.verdict)
    }
}

/// Who accepted a warning, until when and why: `accepted by ogt until
/// 2026-12-02T00:00:00Z: the disk is replaced on Friday`.
pub(super) fn accepted(check: &CheckCard) -> Option<String> {
    let accepted = check.accepted.as_ref()?;
    Some(format!(
        "accepted by {} until {}: {}",
        accepted.by,
        accepted.until,
        shortened(&accepted.reason)
    ))
}

/// What is to be said of waivers beside what they accept: why one accepts
/// nothing, and that one will soon end.
pub(super) fn waivers(card: &Scorecard) -> Vec<String> {
    let used: HashSet<String> = card
        .waivers
        .iter()
        .filter(|waiver| waiver.state == WaiverState::Used)
        .map(WaiverCard::key)
        .collect();
    let told = card.waivers.iter().filter_map(|waiver| {
        let WaiverCard {
            check, by, until, ..
        } = waiver;
        Some(match waiver.state {
            WaiverState::Used if waiver.ends_soon => {
                let left = until.duration_since(card.finished_at).unsigned_abs();
                let left = duration(left);
                format!("{check}: the waiver by {by} ends in {left}, at {until}")
            }
            WaiverState::Used => return None,
            // It is for several hosts, and one of them needs it.
            WaiverState::NotNeeded if used.contains(&waiver.key()) => return None,
            WaiverState::NotNeeded => {
                format!("{check}: there is no warning, so the waiver by {by} is not needed")
            }
            WaiverState::Expired => {
                let again = match card.check(check) {
                    Some((_, check)) if check.verdict == Verdict::Warn => ": it warns again",
                    Some(_) | None => "",
                };
                format!("{check}: the waiver by {by} has expired since {until}{again}")
            }
            WaiverState::NotBelieved => format!(
                "{check}: the waiver by {by} claims to be of {}, after this run, and is not believed",
                waiver.accepted_at
            ),
            WaiverState::Blocked => {
                format!("{check}: it is BLOCKED, which the waiver by {by} cannot accept")
            }
            WaiverState::NotEvaluated => {
                format!("{check}: it was not looked at, so the waiver by {by} accepts nothing")
            }
            WaiverState::UnknownCheck => {
                format!("{check}: there is no such check, so the waiver by {by} accepts nothing")
            }
        })
    });
    told.collect()
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
        Verdict::Warn | Verdict::Blocked => {
            let cause = check.cause.as_ref();
            let shared = cause.map(|cause| format!("shares the cause of {cause}"));
            let parts: Vec<String> = shared.into_iter().chain(accepted(check)).collect();
            (!parts.is_empty()).then(|| parts.join("; "))
        }
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
        (RunResult::Green | RunResult::Degraded, ..) => std::iter::once(label.to_owned())
            .chain(with(card))
            .collect::<Vec<_>>()
            .join(" "),
        (RunResult::Blocked | RunResult::CheckFailed, ..) => label.to_owned(),
    }
}

/// What nobody may overlook at a result that is GREEN or DEGRADED:
/// `with 1 accepted (2 checks left out)`.
pub(super) fn with(card: &Scorecard) -> Vec<String> {
    let totals = &card.totals;
    let mut parts = Vec::new();
    if totals.accepted > 0 {
        parts.push(format!("with {} accepted", totals.accepted));
    }
    if card.result == RunResult::Degraded && totals.warn == 0 {
        let phases = card.phases.iter().filter(|phase| phase.gate == Gate::Warn);
        let phases: Vec<&str> = phases.map(|phase| phase.id.as_str()).collect();
        parts.push(format!("(nothing passes in {})", phases.join(", ")));
    }
    // What was left out was not looked at: nobody may take it for green.
    if totals.skipped > 0 {
        parts.push(format!("({} left out)", count(totals.skipped, "check")));
    }
    parts
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

#[cfg(test)]
mod tests;
