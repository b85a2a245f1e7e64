//! Runs as a list, the latest first.

use super::Style;
use super::layout::{Text, pad, width};
use super::page::{Page, Role};
use crate::report::readable::{count, duration, time};
use crate::scorecard::{RunResult, RunSummary};

/// A line for each run; a second one with what was to be fixed, or why it
/// could not be completed. Baselines have a heading of their own.
#[must_use]
pub fn history(runs: &[RunSummary], style: &Style) -> String {
    let mut page = Page::new(style);
    let mut names: Vec<&str> = Vec::new();
    for run in runs {
        if !names.contains(&run.baseline.name.as_str()) {
            names.push(&run.baseline.name);
        }
    }
    for (place, name) in names.iter().enumerate() {
        if place > 0 {
            page.blank();
        }
        let own: Vec<&RunSummary> = runs
            .iter()
            .filter(|run| run.baseline.name == *name)
            .collect();
        let text = Text::new().id(name).say(": ").say(&count(own.len(), "run"));
        page.indented(0, &text);
        for run in own {
            line(&mut page, run);
        }
    }
    page.finish()
}

const LONGEST_RESULT: usize = 12;

fn line(page: &mut Page<'_>, run: &RunSummary) {
    let number = format!("{:>5}", run.run);
    let label = run.result.label();
    let result =
        pad(label, LONGEST_RESULT).replacen(label, &page.paint(label, role(run.result)), 1);
    let elapsed = run
        .finished_at
        .duration_since(run.started_at)
        .unsigned_abs();
    let took = format!("{:>8}", duration(elapsed));
    let when = time(run.started_at, &page.style.zone);
    let totals = totals(run);
    let used = width(&number) + 2 + width(&when) + 2 + LONGEST_RESULT + 2 + width(&took) + 2;
    if used + width(&totals) <= page.style.width {
        page.line(&format!("{number}  {when}  {result}  {took}  {totals}"));
    } else {
        page.line(&format!("{number}  {when}"));
        page.line(&format!(
            "       {}  {}",
            result.trim_end(),
            took.trim_start()
        ));
        page.indented(7, &Text::from(totals.as_str()));
    }
    let first = run.first_blocked.as_ref().map(|first| {
        let text = Text::new().say("fix ").id(&first.check);
        text.say(" in ").id(&first.phase)
    });
    let failure = run.failure.as_deref().map(Text::from);
    for text in first.into_iter().chain(failure) {
        page.indented(7, &text);
    }
    if !run.whole {
        page.indented(7, &Text::from("checks were left out on the command line"));
    }
}

fn totals(run: &RunSummary) -> String {
    let totals = &run.totals;
    let named = [
        (totals.pass, "pass"),
        (totals.warn, "warn"),
        (totals.accepted, "accepted"),
        (totals.blocked, "blocked"),
        (totals.not_evaluated, "held"),
        (totals.skipped, "left out"),
    ];
    let parts: Vec<String> = named
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, name)| format!("{number} {name}"))
        .collect();
    parts.join(", ")
}

pub(super) fn role(result: RunResult) -> Role {
    match result {
        RunResult::Green => Role::Good,
        RunResult::Degraded => Role::Warning,
        RunResult::Blocked | RunResult::CheckFailed => Role::Bad,
    }
}

#[cfg(test)]
mod tests;
