//! Runs as a list, the latest first.

use super::Style;
use super::layout::{Text, pad, width};
use super::page::{Page, Role};
use crate::report::readable::{count, duration, time};
use crate::scorecard::{RunResult, RunSummary};

/// A line for each run, its totals below it where they do not fit; another one
/// with what was to be fixed, or why it could not be completed. Baselines have a
/// heading of their own.
#[must_use]
pub fn history(runs: &[RunSummary], style: &Style) -> String {
    let mut page = Page::new(style);
    let columns = Columns::of(runs);
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
            line(&mut page, run, &columns);
        }
    }
    page.finish()
}

/// As wide as the longest of the runs needs, so that totals have what is left.
struct Columns {
    number: usize,
    result: usize,
    took: usize,
}

impl Columns {
    fn of(runs: &[RunSummary]) -> Self {
        let widest =
            |text: fn(&RunSummary) -> String| runs.iter().map(|run| width(&text(run))).max();
        Self {
            number: MARGIN + widest(|run| run.run.to_string()).unwrap_or(0),
            result: widest(|run| run.result.label().to_owned()).unwrap_or(0),
            took: widest(took).unwrap_or(0),
        }
    }

    /// Where that stands which is below a run's first line.
    fn below(&self) -> usize {
        self.number + 2
    }
}

const MARGIN: usize = 2;

fn took(run: &RunSummary) -> String {
    let elapsed = run
        .finished_at
        .duration_since(run.started_at)
        .unsigned_abs();
    duration(elapsed)
}

fn line(page: &mut Page<'_>, run: &RunSummary, columns: &Columns) {
    let number = format!("{:>1$}", run.run, columns.number);
    let label = run.result.label();
    let painted = page.paint(label, role(run.result));
    let result = pad(label, columns.result).replacen(label, &painted, 1);
    let took = took(run);
    let when = time(run.started_at, &page.style.zone);
    let totals = totals(run);
    let used = columns.below() + width(&when) + 2 + columns.result + 2 + columns.took;
    let start = format!("{number}  {when}  {result}  {took:>0$}", columns.took);
    if used + 2 + width(&totals) <= page.style.width {
        page.line(&format!("{start}  {totals}"));
    } else {
        if used <= page.style.width {
            page.line(&start);
        } else {
            page.line(&format!("{number}  {when}"));
            page.line(&format!("{:1$}{painted}  {took}", "", columns.below()));
        }
        page.indented(columns.below(), &Text::from(totals.as_str()));
    }
    let first = run.first_blocked.as_ref().map(|first| {
        let text = Text::new().say("fix ").id(&first.check);
        text.say(" in ").id(&first.phase)
    });
    let failure = run.failure.as_deref().map(Text::from);
    for text in first.into_iter().chain(failure) {
        page.indented(columns.below(), &text);
    }
    if !run.whole {
        let text = Text::from("checks were left out on the command line");
        page.indented(columns.below(), &text);
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
