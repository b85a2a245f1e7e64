//! Two runs side by side: only what differs.

use super::Style;
use super::layout::Text;
use super::page::Page;
use crate::report::readable::{shortened, time};
use crate::scorecard::{Change, CheckChange, Difference, Gate, Side, Verdict};

/// What differs, or that nothing does.
#[must_use]
pub fn diff(found: &Difference, style: &Style) -> String {
    let mut page = Page::new(style);
    side(&mut page, "old", &found.old);
    side(&mut page, "new", &found.new);
    if found.baseline_changed {
        page.indented(
            0,
            &Text::from("the baseline is another one or was changed between them"),
        );
    }
    if !found.rebooted.is_empty() {
        let text = Text::new().say("booted between them: ");
        page.indented(
            0,
            &text.ids(found.rebooted.iter().map(String::as_str), usize::MAX - 1),
        );
    }
    if !found.gates.is_empty() {
        page.blank();
        page.line("Gates");
        for gate in &found.gates {
            changed(&mut page, gate, Gate::label);
        }
    }
    if !found.checks.is_empty() {
        page.blank();
        page.line("Checks");
        for check in &found.checks {
            changed_check(&mut page, check);
        }
    }
    if found.gates.is_empty() && found.checks.is_empty() {
        page.blank();
        page.line("Every gate and check came to the same.");
    }
    page.finish()
}

fn side(page: &mut Page<'_>, label: &str, side: &Side) {
    let text = Text::new()
        .id(&side.name)
        .say("  ")
        .say(&time(side.started_at, &page.style.zone))
        .say("  ")
        .id(&side.baseline)
        .say("  ")
        .say(side.result.label());
    page.hanging(0, label, super::history::role(side.result), 5, &text);
}

fn arrow(page: &Page<'_>) -> &'static str {
    if page.style.ascii { " -> " } else { " → " }
}

fn changed<T: Copy>(page: &mut Page<'_>, change: &Change<T>, label: fn(T) -> &'static str) {
    let was = change.old.map_or("new", label);
    let is = change.new.map_or("gone", label);
    let text = Text::new().id(&change.id).say("  ").say(was);
    let text = text.say(arrow(page)).say(is);
    page.indented(2, &text);
}

fn changed_check(page: &mut Page<'_>, check: &CheckChange) {
    changed(page, &check.change, label);
    if check.redefined == Some(true) {
        page.indented(
            4,
            &Text::from("looks at or expects something else than before"),
        );
    }
    let seen = check.seen.as_deref().filter(|seen| !seen.is_empty());
    if let Some(seen) = seen {
        let passes = check.change.new == Some(Verdict::Pass);
        let word = if passes { "saw before: " } else { "saw: " };
        page.indented(4, &Text::new().say(word).say(&shortened(seen)));
    }
}

fn label(verdict: Verdict) -> &'static str {
    super::verdict(verdict).0
}

#[cfg(test)]
mod tests;
