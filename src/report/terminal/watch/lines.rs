//! A watch for pipes and logs: one line for each attempt, one for each change.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Attempt, Watched, result, totals};
use crate::report::readable::shortened;
use crate::report::{harmless, words};

/// What is told of the attempt that has just ended: which it was, when it ended,
/// and what it came to; below, indented, what changed. Nothing before the first
/// attempt has ended.
#[must_use]
pub fn lines(watched: &Watched, zone: &TimeZone) -> Vec<String> {
    let Some(last) = &watched.last else {
        return Vec::new();
    };
    let Attempt { number, card, .. } = last;
    let at = clock(card.finished_at, zone);
    let (all, result, totals) = (watched.max_attempts, result(card), totals(card));
    let mut lines = vec![format!("attempt {number} of {all} {at} {result} {totals}")];
    let mut tell = |text: &str| lines.push(format!("  {at} {text}"));
    for change in &last.changes {
        tell(change);
    }
    if let Some(cause) = to_fix(last) {
        tell(&cause);
    }
    if last.at_once {
        tell("the next attempt begins at once: what was seen before that is of no worth");
    }
    lines
}

/// What is seen of the one to fix, where no change has told it.
fn to_fix(last: &Attempt) -> Option<String> {
    if last.card.own_network.is_some() {
        return None;
    }
    let first = last.card.first_blocked.as_ref()?;
    let (_, check) = last.card.check(&first.check)?;
    let miss = words::misses(check).into_iter().next()?;
    let told = format!("{}: {}", check.id, harmless(&shortened(&miss.seen)));
    let known = last
        .changes
        .iter()
        .any(|change| change.starts_with(&check.id) && change.contains(": "));
    (!known).then_some(told)
}

/// `18:55:04`.
pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}
