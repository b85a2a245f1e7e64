//! What every format says of a check, a release and a run, in the same words.

mod failure;

use std::collections::HashSet;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::readable::{count, duration, shortened, time};
use crate::scorecard::{
    CheckCard, FreshState, Freshness, Gate, Held, OwnNetwork, PhaseCard, Reason, ReleaseCard,
    RunResult, Scorecard, Value, Verdict, WaiverCard, WaiverState,
};

pub(super) use failure::{Kind, Line, failure};

const COULD_NOT_TELL: &str = "could not tell";

/// What to fix when nothing beyond this machine answers, and what is to hold of it.
const OWN_NETWORK: [&str; 2] = ["this machine's network", "something beyond it answers"];

/// More addresses or hosts than this are counted, not listed.
const LISTED: usize = 8;

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

/// What the run did to what it looked at: nothing, but for the test alerts that it was
/// told to send.
pub(super) fn manner(card: &Scorecard) -> String {
    // A test without an answer may have arrived; only one that says so was not sent.
    let sent = card
        .checks()
        .filter(|check| check.kind == "alert_test")
        .filter(|check| match check.verdict {
            Verdict::Pass | Verdict::Warn | Verdict::Blocked => {
                check.facts.get("sent") != Some(&Value::Bool(false))
            }
            Verdict::NotEvaluated | Verdict::Skipped => false,
        })
        .count();
    match sent {
        0 => "read-only".to_owned(),
        sent => format!("read-only but for {}", count(sent, "test alert")),
    }
}

/// The operator's own network, where this check stands for it.
pub(super) fn own_network<'a>(card: &'a Scorecard, check: &str) -> Option<&'a OwnNetwork> {
    card.own_network.as_ref().filter(|own| own.check == check)
}

/// A check's id, or the name of what it stands for.
pub(super) fn name<'a>(card: &Scorecard, check: &'a str) -> &'a str {
    match own_network(card, check) {
        Some(_) => OWN_NETWORK[0],
        None => check,
    }
}

/// The statement that a check tests, or the one that matters where it stands for another thing.
pub(super) fn title<'a>(card: &Scorecard, check: &'a CheckCard) -> &'a str {
    match own_network(card, &check.id) {
        Some(_) => OWN_NETWORK[1],
        None => &check.title,
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
pub(super) fn misses(card: &Scorecard, check: &CheckCard) -> Vec<Miss> {
    if let Some(network) = own_network(card, &check.id) {
        return vec![silence(network)];
    }
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

fn silence(network: &OwnNetwork) -> Miss {
    let addresses: Vec<&str> = network.addresses.iter().map(String::as_str).collect();
    Miss {
        expected: "an answer from one of them at least".to_owned(),
        seen: format!(
            "no answer from any of {} addresses: {}",
            addresses.len(),
            listed(&addresses)
        ),
    }
}

/// Names with commas between them; of many, how many more there are.
fn listed(names: &[&str]) -> String {
    // A last one alone takes no more room than "and 1 more".
    match names.len() {
        all if all > LISTED + 1 => {
            format!("{} and {} more", names[..LISTED].join(", "), all - LISTED)
        }
        _ => names.join(", "),
    }
}

/// A failure in one phrase: its name, where it has one, and what was seen first.
pub(super) fn summary(card: &Scorecard, check: &CheckCard) -> String {
    let seen = misses(card, check).into_iter().map(|miss| miss.seen).next();
    let named = match (own_network(card, &check.id), &check.signature) {
        (Some(_), _) => Some(OWN_NETWORK[0]),
        (None, Some(signature)) => Some(signature.title.as_str()),
        (None, None) => None,
    };
    let parts: Vec<String> = named.map(str::to_owned).into_iter().chain(seen).collect();
    if parts.is_empty() {
        reason(card, check).unwrap_or_else(|| check.title.clone())
    } else {
        parts.join(": ")
    }
}

/// The failure by its name, for formats that tell a check in one line.
pub(super) fn named(check: &CheckCard) -> Option<String> {
    let found = check.signature.as_ref()?;
    Some(format!("failure {} ({})", found.title, found.id))
}

/// How long ago what has to be fresh was, where that is right so.
fn freshness(fresh: &Freshness) -> Option<String> {
    let age = Duration::try_from_secs_f64(fresh.age_s?.max(0.0)).unwrap_or_default();
    let state = match fresh.state {
        FreshState::OnTime => "",
        FreshState::NotDueYet => ", the next run is in its grace",
        // These have a finding that says all of it.
        FreshState::Late
        | FreshState::Missed
        | FreshState::NeverRan
        | FreshState::Old
        | FreshState::TooOld
        | FreshState::InFuture
        | FreshState::ClocksDiffer
        | FreshState::Untold => return None,
    };
    let boot = match fresh.before_boot {
        Some(true) => ", before the host's last boot",
        Some(false) | None => "",
    };
    Some(format!("fresh: {} ago{state}{boot}", duration(age)))
}

/// What is known of earlier looks: how long it has held, and what it follows; and how
/// fresh what it saw is.
pub(super) fn course(check: &CheckCard) -> Option<String> {
    let course = check.course.as_ref()?;
    let span = |seconds: f64| duration(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let held = match (course.held_s, course.stable_for_s) {
        (Some(held), Some(asked)) => {
            Some(format!("held for {}, {} asked", span(held), span(asked)))
        }
        (Some(held), None) => Some(format!("held for {}", span(held))),
        (None, _) => None,
    };
    let follows = course.follows.as_deref().zip(course.value);
    let follows = follows.map(|(follows, value)| format!("{} = {value}", shortened(follows)));
    let fresh = course.fresh.as_ref().and_then(freshness);
    let said: Vec<String> = held.into_iter().chain(follows).chain(fresh).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// Why a check has no verdict of its own: left out, held, or failed with another.
pub(super) fn reason(card: &Scorecard, check: &CheckCard) -> Option<String> {
    match check.verdict {
        Verdict::Pass => None,
        Verdict::Warn | Verdict::Blocked => {
            let why = match &check.cause {
                Some(cause) => Some(format!("shares the cause of {}", name(card, cause))),
                None => {
                    own_network(card, &check.id).map(|_| format!("stands for {}", OWN_NETWORK[0]))
                }
            };
            let parts: Vec<String> = why.into_iter().chain(accepted(check)).collect();
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
            let check = name(card, &first.check);
            format!("{label} at {} (fix {check} first)", first.phase)
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
        parts.push("(nothing passes)".to_owned());
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
    let roots = card.roots.iter().map(|root| root.check.as_str());
    let first = card
        .first_blocked
        .as_ref()
        .map(|first| first.check.as_str())
        .or_else(|| roots.clone().next());
    let others = roots.filter(|check| Some(*check) != first);
    first
        .into_iter()
        .chain(others)
        .filter_map(|id| card.check(id))
        .filter(|(phase, check)| Some(check.id.as_str()) == first || !is_behind_a_gate(phase))
        .collect()
}

/// Whether a phase was evaluated although a gate upstream is blocked.
pub(super) fn is_behind_a_gate(phase: &PhaseCard) -> bool {
    phase.held_by.is_some() && phase.gate != Gate::Blocked
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

/// What was green then has gone through a boot since, which a reader has to
/// know before all else; nothing where no host has, or that cannot be told.
pub(super) fn rebooted(card: &Scorecard, zone: &TimeZone) -> Option<String> {
    let hosts = card.hosts.iter();
    let hosts: Vec<&str> = hosts
        .filter(|host| host.rebooted_since_green == Some(true))
        .map(|host| host.id.as_str())
        .collect();
    let at = card.last_green.filter(|_| !hosts.is_empty())?;
    let (at, hosts) = (time(at, zone), listed(&hosts));
    Some(format!("booted since the last GREEN of {at}: {hosts}"))
}

/// [`rebooted`], or else when the whole baseline was GREEN last.
pub(super) fn last_green(card: &Scorecard, zone: &TimeZone) -> Option<String> {
    let at = |at| format!("last GREEN before this run: {}", time(at, zone));
    rebooted(card, zone).or_else(|| card.last_green.map(at))
}

/// The decision on a release in a word.
pub(super) fn release(release: &ReleaseCard) -> &'static str {
    is_open(release.open)
}

/// Whether a release is open, in a word.
pub(super) fn is_open(open: bool) -> &'static str {
    if open { "OPEN" } else { "CLOSED" }
}

/// Why a release is closed: `P1-K3S was not evaluated: held by P0-NETWORK`.
pub(super) fn closed_by(reason: &Reason) -> String {
    match &reason.id {
        Some(id) => format!("{id} {}", reason.why),
        None => reason.why.clone(),
    }
}

/// A decision with every reason: `runners CLOSED: P1-K3S is BLOCKED: nodes`.
pub(super) fn decision(decided: &ReleaseCard) -> String {
    let reasons: Vec<String> = decided.reasons.iter().map(closed_by).collect();
    let decision = format!("{} {}", decided.id, release(decided));
    if reasons.is_empty() {
        decision
    } else {
        format!("{decision}: {}", reasons.join("; "))
    }
}

#[cfg(test)]
mod tests;
