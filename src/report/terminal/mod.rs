//! The card as an operator reads it: what to fix first, then every phase.

mod block;
mod diff;
mod history;
mod layout;
mod page;
mod phases;
mod release;
pub mod watch;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

pub use self::diff::diff;
pub use self::history::history;
use self::layout::Text;
use self::page::{Page, Role};
use super::readable::{count, duration, time};
use super::words;
use crate::scorecard::{CheckCard, ReleaseCard, RunResult, Scorecard, Verdict};

/// How a card is shown.
#[derive(Debug, Clone)]
pub struct Style {
    /// Columns of the terminal, 32 at least. No line is wider, unless an id
    /// alone is.
    pub width: usize,
    /// Colour the words that carry a verdict.
    pub color: bool,
    /// List every check with its facts and time.
    pub verbose: bool,
    /// Write only ASCII of our own; titles and remedies stay as they are.
    pub ascii: bool,
    /// Where times are shown.
    pub zone: TimeZone,
}

/// The card as text. The last two lines are the totals and the result.
#[must_use]
pub fn card(card: &Scorecard, style: &Style) -> String {
    let mut page = Page::new(style);
    header(&mut page, card);
    if let Some(rebooted) = words::rebooted(card, &style.zone) {
        page.indented(0, &Text::from(rebooted.as_str()));
    }
    disrupted(&mut page, card);
    page.blank();
    let shown = roots(&mut page, card);
    phases::table(&mut page, card, &shown);
    page.blank();
    release::all(&mut page, card);
    waivers(&mut page, card);
    footer(&mut page, card);
    page.finish()
}

/// Whether a release is open, and every reason why it is not. The last line
/// says which.
#[must_use]
pub fn release(card: &Scorecard, release: &ReleaseCard, style: &Style) -> String {
    let mut page = Page::new(style);
    header(&mut page, card);
    page.blank();
    if !release.open {
        roots(&mut page, card);
    }
    accepted(&mut page, card);
    waivers(&mut page, card);
    release::one(&mut page, release);
    page.finish()
}

/// That a release is open by a run of `at`, `age` ago, whose `hosts` have not
/// booted since.
#[must_use]
pub fn leased(
    release: &str,
    at: jiff::Timestamp,
    age: jiff::SignedDuration,
    hosts: usize,
    style: &Style,
) -> String {
    let mut page = Page::new(style);
    let boots = match hosts {
        0 => String::new(),
        hosts => format!("; {} on the same boots", count(hosts, "host")),
    };
    let text = format!(
        "open by the run of {}, {} ago{boots}",
        time(at, &style.zone),
        duration(age.unsigned_abs())
    );
    page.indented(0, &Text::from(text.as_str()));
    release::line(&mut page, release, true, None);
    page.finish()
}

/// What is accepted, for a card that does not show its checks.
fn accepted(page: &mut Page<'_>, card: &Scorecard) {
    let accepted: Vec<&CheckCard> = card
        .checks()
        .filter(|check| check.accepted.is_some())
        .collect();
    for check in &accepted {
        let (label, role) = word(check);
        page.head(0, (label, role), &check.id, &check.title);
        block::fields(page, card, check, true);
    }
    if !accepted.is_empty() {
        page.blank();
    }
}

/// What is to be said of waivers that accept nothing, or not for long.
fn waivers(page: &mut Page<'_>, card: &Scorecard) {
    let notes = words::waivers(card);
    if notes.is_empty() {
        return;
    }
    page.line("Waivers");
    for note in &notes {
        page.hanging(2, "-", Role::Plain, 4, &Text::from(note.as_str()));
    }
    page.blank();
}

fn header(page: &mut Page<'_>, card: &Scorecard) {
    let hosts: BTreeSet<&str> = card
        .checks()
        .flat_map(|check| check.host.iter().chain(&check.also))
        .map(String::as_str)
        .collect();
    let separator = if page.style.ascii { " - " } else { " · " };
    let parts = [
        format!("{} {}", card.tool.name, card.tool.version),
        card.baseline.name.clone(),
        time(card.started_at, &page.style.zone),
        words::manner(card),
        format!(
            "{}, {} in {}",
            count(hosts.len(), "host"),
            count(card.totals.all(), "check"),
            duration(card.elapsed())
        ),
    ];
    // A part moves to the next line whole; only one that is longer breaks.
    let mut lines: Vec<Text> = Vec::new();
    for part in parts {
        let longer = lines
            .last()
            .map(|line| line.clone().say(separator).say(&part))
            .filter(|line| line.width() <= page.style.width);
        match longer {
            Some(longer) => {
                lines.pop();
                lines.push(longer);
            }
            None => lines.push(Text::from(part.as_str())),
        }
    }
    for line in lines {
        page.indented(0, &line);
    }
}

/// A restart in the middle, where it is not the result already.
fn disrupted(page: &mut Page<'_>, card: &Scorecard) {
    if card.disrupted.is_empty() || card.result == RunResult::CheckFailed {
        return;
    }
    let text = Text::new()
        .say("rebooted, or not to be reached any more, in the middle of the run: ")
        .ids(card.disrupted.iter().map(String::as_str), 8);
    page.indented(0, &text);
}

/// Writes the roots that hold a gate, the one to fix first at the top, and
/// tells which they are.
fn roots<'a>(page: &mut Page<'_>, card: &'a Scorecard) -> BTreeSet<&'a str> {
    let mut shown = BTreeSet::new();
    for (place, (phase, check)) in words::to_fix(card).into_iter().enumerate() {
        let label = if place == 0 {
            ("FIX FIRST", Role::First)
        } else {
            ("ALSO FIX", Role::Bad)
        };
        let name = words::name(card, &check.id);
        page.head(0, label, name, words::title(card, check));
        let mut blocks = Text::new().id(&phase.id);
        if let Some(holds) = words::holds(card, check) {
            blocks = blocks.say("; ").say(&holds);
        }
        page.field("blocks", &blocks);
        block::fields(page, card, check, true);
        page.blank();
        shown.insert(check.id.as_str());
    }
    shown
}

fn footer(page: &mut Page<'_>, card: &Scorecard) {
    let totals = &card.totals;
    let others: Vec<String> = [
        ("ACCEPTED", totals.accepted),
        ("NOT_EVALUATED", totals.not_evaluated),
        ("SKIPPED", totals.skipped),
    ]
    .into_iter()
    .filter(|(_, number)| *number > 0)
    .map(|(name, number)| format!("{name}={number}"))
    .collect();
    if !others.is_empty() {
        page.line(&others.join(" "));
    }
    page.line(&format!(
        "PASS={} WARN={} BLOCKED={}",
        totals.pass, totals.warn, totals.blocked
    ));
    let role = match card.result {
        RunResult::Green => Role::Good,
        RunResult::Degraded => Role::Warning,
        RunResult::Blocked | RunResult::CheckFailed => Role::Bad,
    };
    let text = match card.result {
        RunResult::Green | RunResult::Degraded => Text::from(words::with(card).join(" ").as_str()),
        RunResult::Blocked => card
            .first_blocked
            .as_ref()
            // Long cards scroll: what is read last names what to do first, too.
            .map_or_else(Text::new, |first| {
                let text = Text::new().say("at ").id(&first.phase);
                text.say(" (fix ")
                    .id(words::name(card, &first.check))
                    .say(" first)")
            }),
        RunResult::CheckFailed => card
            .failure
            .as_ref()
            .map_or_else(Text::new, |why| Text::from(format!("({why})").as_str())),
    };
    let label = card.result.label();
    let start = format!("Result: {}", page.paint(label, role));
    let used = "Result: ".len() + label.len();
    // Scripts look for one line; only a terminal too narrow for it gets two.
    if text.width() == 0 {
        page.line(&start);
    } else if used + 1 + text.width() <= page.style.width {
        page.line(&format!(
            "{start} {}",
            text.lines(page.style.width).join(" ")
        ));
    } else {
        page.line(&start);
        page.indented(2, &text);
    }
}

/// The word for what a check came to and the colour that goes with it.
fn word(check: &CheckCard) -> (&'static str, Role) {
    if check.accepted.is_some() {
        (words::label(check), Role::Plain)
    } else {
        verdict(check.verdict)
    }
}

/// The word of a verdict and its colour.
fn verdict(verdict: Verdict) -> (&'static str, Role) {
    let role = match verdict {
        Verdict::Pass => Role::Good,
        Verdict::Warn => Role::Warning,
        Verdict::Blocked => Role::Bad,
        Verdict::NotEvaluated | Verdict::Skipped => Role::Plain,
    };
    (words::verdict(verdict), role)
}

/// `2 attempts in 4.0 s`; nothing when the first attempt decided.
fn attempts(check: &CheckCard) -> Option<String> {
    (check.attempts > 1).then(|| {
        format!(
            "{} in {}",
            count(check.attempts as usize, "attempt"),
            super::readable::milliseconds(check.elapsed_ms)
        )
    })
}

#[cfg(test)]
mod tests;
