//! One check that needs attention: what was seen, what was expected, what to
//! do next and who may do it.

use super::attempts;
use super::layout::Text;
use super::page::Page;
use crate::report::readable::{shortened, time};
use crate::report::words::{self, Kind, Line};
use crate::scorecard::{Accepted, CheckCard, Scorecard};

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
    let lines = words::failure(card, check, &page.style.zone);
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
            // Told below, with who accepted it.
            Kind::Next | Kind::Runbook | Kind::Tier => {}
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
    if let Some(accepted) = &check.accepted {
        page.field("accepted", &by(accepted, page));
        return;
    }
    steps(page, &lines);
    for line in lines.iter().filter(|line| line.kind == Kind::Tier) {
        page.field(line.kind.label(), &Text::from(line.text.as_str()));
    }
}

/// What to do about a check that did not pass.
pub(super) fn next(page: &mut Page<'_>, card: &Scorecard, check: &CheckCard) {
    let lines = words::failure(card, check, &page.style.zone);
    steps(page, &lines);
}

fn steps(page: &mut Page<'_>, lines: &[Line]) {
    let mut label = Kind::Next.label();
    for line in lines {
        let text = match line.kind {
            Kind::Next => line.text.clone(),
            Kind::Runbook => format!("{} {}", line.kind.label(), line.text),
            Kind::Failure
            | Kind::Matched
            | Kind::Also
            | Kind::Saw
            | Kind::Expected
            | Kind::Complaint(_)
            | Kind::Evidence
            | Kind::LogLine
            | Kind::Tier => continue,
        };
        page.field(label, &Text::from(text.as_str()));
        label = "";
    }
    if !label.is_empty() {
        page.field(label, &Text::from("no remedy in the baseline"));
    }
}

/// Whoever accepted it knows what there is to do, and when.
fn by(accepted: &Accepted, page: &Page<'_>) -> Text {
    let until = time(accepted.until, &page.style.zone);
    let reason = shortened(&accepted.reason);
    Text::from(format!("by {} until {until}: {reason}", accepted.by).as_str())
}
