//! Units that systemd restarts again and again.

use super::Seen;
use super::words::{Block, exists};
use crate::probe::Facts;

/// `NRestarts`; services alone have it.
pub(super) fn restarts(block: &Block<'_>) -> Option<u32> {
    block.get("NRestarts")?.parse().ok()
}

/// Whether the unit failed and waits for its next start: `auto-restart`, from
/// systemd 254 on `auto-restart-queued` as well.
pub(super) fn waits(block: &Block<'_>) -> bool {
    block
        .get("SubState")
        .is_some_and(|state| state.starts_with("auto-restart"))
}

/// What follows the state of a unit that waits: ` (auto-restart, restarted 37 times)`.
pub(super) fn shown(block: &Block<'_>) -> String {
    match restarts(block) {
        None | Some(0) => " (auto-restart)".to_owned(),
        Some(1) => " (auto-restart, restarted once)".to_owned(),
        Some(times) => format!(" (auto-restart, restarted {times} times)"),
    }
}

/// Tells what one look, or two of them, say about loops.
pub(super) fn tell(looks: &[Seen<'_>], facts: &mut Facts) {
    let waiting = looks
        .iter()
        .flat_map(Seen::values)
        .any(|block| waits(block));
    let growth = match looks {
        [before, after] => growth(before, after),
        _ => None,
    };
    facts.set_some("restarts_during", growth.map(f64::from));
    // That a unit does not wait now is no proof that it stays up.
    let restarting = match growth {
        Some(growth) => Some(waiting || growth > 0),
        None => waiting.then_some(true),
    };
    facts.set_some("restarting", restarting);
}

/// By how much the counter grew, the most of all units. Whoever starts a unit by
/// hand sets it to zero, so what it shows after that has grown from there. Nothing
/// when a unit's counter is not told twice, or when no unit has one.
fn growth(before: &Seen<'_>, after: &Seen<'_>) -> Option<u32> {
    let mut most = None;
    for (name, block) in after.iter().filter(|(_, block)| exists(block)) {
        let Some(now) = restarts(block) else {
            continue;
        };
        let then = before.get(name).and_then(|block| restarts(block))?;
        let grown = now.checked_sub(then).unwrap_or(now);
        most = most.max(Some(grown));
    }
    most
}
