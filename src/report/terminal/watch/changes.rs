//! What differs between two attempts, in words.

use crate::report::readable::shortened;
use crate::report::{harmless, words};
use crate::scorecard::{Change, CheckChange, Difference, Gate, Scorecard, Totals, Verdict};

/// A line for each change: how the numbers moved, hosts that booted, gates, and
/// checks that began or ceased to warn or to block. Those that only wait or pass
/// again behind a gate are in the numbers, and so are those that fail for the
/// same cause as another one.
pub(super) fn texts(
    found: &Difference,
    (before, card): (&Totals, &Scorecard),
    arrow: &str,
) -> Vec<String> {
    let first = super::first(card).map(|check| &check.id);
    let moved = moved(before, &card.totals);
    let rebooted = found.rebooted.iter().map(|host| format!("{host} rebooted"));
    let gates = found
        .gates
        .iter()
        .map(|gate| step(gate, Gate::label, arrow));
    let checks = found.checks.iter().filter(|check| is_told(check, card));
    let checks = checks.map(|check| {
        let text = step(&check.change, words::verdict, arrow);
        let is_first = first == Some(&check.change.id);
        match (&check.seen, check.change.new) {
            // The one to fix has that on a line of its own.
            (Some(seen), Some(Verdict::Blocked | Verdict::Warn)) if !is_first => {
                format!("{text}: {}", harmless(&shortened(seen)))
            }
            _ => text,
        }
    });
    let moved = (!moved.is_empty()).then_some(moved);
    moved
        .into_iter()
        .chain(rebooted)
        .chain(gates)
        .chain(checks)
        .collect()
}

fn step<T: Copy>(change: &Change<T>, label: impl Fn(T) -> &'static str, arrow: &str) -> String {
    let label = |side: Option<T>| side.map_or("nothing", &label);
    let (old, new) = (label(change.old), label(change.new));
    format!("{} {old} {arrow} {new}", change.id)
}

fn is_told(check: &CheckChange, card: &Scorecard) -> bool {
    let weighs =
        |verdict: Option<Verdict>| matches!(verdict, Some(Verdict::Warn | Verdict::Blocked));
    let has_cause = || {
        let found = card.check(&check.change.id);
        found.is_some_and(|(_, check)| check.cause.is_some())
    };
    let Change { old, new, .. } = check.change;
    if weighs(new) {
        !has_cause()
    } else {
        weighs(old)
    }
}

/// `+3 pass, -1 blocked`; nothing when no number moved.
fn moved(before: &Totals, now: &Totals) -> String {
    let numbers = [
        (before.pass, now.pass, "pass"),
        (before.warn, now.warn, "warn"),
        (before.blocked, now.blocked, "blocked"),
    ];
    let moved: Vec<String> = numbers
        .into_iter()
        .filter(|(before, now, _)| before != now)
        .map(|(before, now, what)| {
            let sign = if now > before { '+' } else { '-' };
            format!("{sign}{} {what}", now.abs_diff(before))
        })
        .collect();
    moved.join(", ")
}
