//! A watch for pipes and logs: one line for each attempt, one for each change.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Attempt, Watched, result, totals};

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
    if let Some(cause) = last.to_fix.as_ref().filter(|_| !last.knows_to_fix) {
        tell(cause);
    }
    if last.at_once {
        tell("the next attempt begins at once: what was seen before that is of no worth");
    }
    lines
}

/// `18:55:04`.
pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}
