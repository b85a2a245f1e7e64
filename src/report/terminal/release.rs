//! Releases: what may be let loose, and what keeps the rest back.

use super::layout::{Text, pad, width};
use super::page::{Page, Role};
use crate::report::{harmless, words};
use crate::scorecard::{Reason, ReleaseCard, RunResult, Scorecard};

/// More reasons than this are counted: `coldstart gate ID` tells them all.
const LISTED: usize = 1;

/// Every release in one line; nothing where the baseline has none.
pub(super) fn all(page: &mut Page<'_>, card: &Scorecard) {
    if card.releases.is_empty() {
        return;
    }
    // There is something to fix first, and that is told already.
    let to_fix = matches!(card.result, RunResult::Blocked | RunResult::CheckFailed);
    if to_fix && card.releases.iter().all(|release| !release.open) {
        let ids = card.releases.iter().map(|release| release.id.as_str());
        let text = Text::new().ids(ids, usize::MAX - 1);
        page.hanging(
            0,
            "Releases",
            Role::Plain,
            "Releases  ".len(),
            &text.say(if card.releases.len() == 1 {
                ": CLOSED"
            } else {
                ": all CLOSED"
            }),
        );
        page.blank();
        return;
    }
    let ids: Vec<_> = card.releases.iter().map(|r| harmless(&r.id)).collect();
    let columns = ids.iter().map(|id| width(id)).max().unwrap_or(0);
    page.line("Releases");
    for (release, id) in card.releases.iter().zip(ids) {
        let start = format!("  {}  ", pad(&id, columns));
        let (label, role) = word(release.open);
        let text = Text::new().ids(release.reasons.iter().map(about), LISTED);
        let column = width(&start) + CLOSED;
        if column + text.widest_whole() <= page.style.width {
            // Painted, so that the page would count its colours as columns.
            let painted = page.paint(label, role);
            let mut lines = text.lines(page.style.width - column).into_iter();
            let first = lines.next().unwrap_or_default();
            let gap = " ".repeat(CLOSED - width(label));
            page.line(&format!("{start}{painted}{gap}{first}"));
            for line in lines {
                page.line(&format!("{}{line}", " ".repeat(column)));
            }
        } else {
            page.line(&format!("  {id}"));
            page.hanging(4, label, role, 4 + CLOSED, &text);
        }
    }
    page.blank();
}

/// Columns of the longer word and a gap.
const CLOSED: usize = "CLOSED  ".len();

/// One release with everything that keeps it closed.
pub(super) fn one(page: &mut Page<'_>, release: &ReleaseCard) {
    for reason in &release.reasons {
        let text = words::closed_by(reason);
        page.hanging(0, "-", Role::Plain, 2, &Text::from(text.as_str()));
    }
    if let Some(runbook) = release.runbook.as_ref().filter(|_| !release.open) {
        page.hanging(
            0,
            "-",
            Role::Plain,
            2,
            &Text::from(format!("runbook {runbook}").as_str()),
        );
    }
    if !release.reasons.is_empty() {
        page.blank();
    }
    line(page, &release.id, release.open, release.title.as_deref());
}

/// The last line, which says what was decided.
pub(super) fn line(page: &mut Page<'_>, release: &str, open: bool, title: Option<&str>) {
    let (label, role) = word(open);
    let label = page.paint(label, role);
    let mut line = format!("Release {}: {label}", harmless(release));
    if let Some(title) = title {
        line = format!("{line} ({})", harmless(title));
    }
    page.line(&line);
}

fn word(open: bool) -> (&'static str, Role) {
    let role = if open { Role::Good } else { Role::Bad };
    (words::is_open(open), role)
}

/// What a reason is about, in one word.
fn about(reason: &Reason) -> &str {
    reason.id.as_deref().unwrap_or("the run")
}
