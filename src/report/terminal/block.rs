//! One check that needs attention: what was seen, what was expected, what to
//! do next and who may do it.

use super::attempts;
use super::layout::Text;
use super::page::Page;
use crate::report::words::{self, Kind};
use crate::scorecard::{CheckCard, Scorecard};

/// The fields of a check that did not pass. `with_attempts` adds how often it
/// was tried, where no other line tells.
pub(super) fn fields(
    page: &mut Page<'_>,
    card: &Scorecard,
    check: &CheckCard,
    with_attempts: bool,
) {
    let stands = words::own_network(card, &check.id).is_some();
    // Of what a check stands for, its own attempts say nothing.
    let mut tried = attempts(check).filter(|_| with_attempts && !stands);
    let mut next = Kind::Next.label();
    let lines = words::failure(card, check, &page.style.zone);
    let steps = lines
        .iter()
        .filter(|line| matches!(line.kind, Kind::Next | Kind::Runbook))
        .count();
    for line in &lines {
        match line.kind {
            Kind::Saw => {
                let tried = tried.take().map(|tried| format!(", {tried}"));
                let text = format!("{}{}", line.text, tried.unwrap_or_default());
                page.field(line.kind.label(), &Text::from(text.as_str()));
            }
            Kind::LogLine => {
                let text = format!("{} {}", line.kind.label(), line.text);
                page.field("", &Text::from(text.as_str()));
            }
            Kind::Next => {
                page.field(next, &Text::from(line.text.as_str()));
                next = "";
            }
            Kind::Runbook => {
                let text = format!("{} {}", line.kind.label(), line.text);
                page.field(next, &Text::from(text.as_str()));
                next = "";
            }
            Kind::Tier => {
                no_remedy(page, steps);
                page.field(line.kind.label(), &Text::from(line.text.as_str()));
            }
            Kind::Failure
            | Kind::Matched
            | Kind::Also
            | Kind::Expected
            | Kind::Complaint(_)
            | Kind::Evidence => {
                page.field(line.kind.label(), &Text::from(line.text.as_str()));
            }
        }
    }
    if check.tier().is_none() {
        no_remedy(page, steps);
    }
}

fn no_remedy(page: &mut Page<'_>, steps: usize) {
    if steps == 0 {
        page.field(Kind::Next.label(), &Text::from("no remedy in the baseline"));
    }
}
