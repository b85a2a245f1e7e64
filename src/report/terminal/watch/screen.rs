//! A watch as a screen that is drawn anew in place: what to fix first, how far
//! everything is, and when the next attempt begins. The card's own page and
//! rules of layout, cut to the height of the terminal.

mod fit;
mod gates;

use jiff::Timestamp;

use self::fit::{Section, crop, fit};
use super::lines::clock;
use super::{Attempt, Now, Watched, result, since, totals};
use crate::report::readable::{count, duration};
use crate::report::terminal::layout::{Text, width};
use crate::report::terminal::page::{Page, Role};
use crate::report::terminal::{Style, block};
use crate::report::words;
use crate::scorecard::{OwnNetwork, RunResult, Scorecard, Verdict};

/// A terminal's columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

/// The screen at `now`: at most `size.rows` lines, none wider than
/// `size.columns`. `style.width` has no say.
#[must_use]
pub fn screen(watched: &Watched, now: Timestamp, size: Size, style: &Style) -> Vec<String> {
    let style = Style {
        width: size.columns.clamp(NARROWEST, WIDEST),
        ..style.clone()
    };
    let page = View {
        watched,
        now,
        style: &style,
    };
    let mut lines = fit(page.sections(), size.rows);
    for line in &mut lines {
        *line = crop(line, size.columns);
    }
    lines
}

/// As cards have it.
const NARROWEST: usize = 32;
const WIDEST: usize = 140;
/// More running checks than this are counted.
const RUNNING: usize = 6;

struct View<'a> {
    watched: &'a Watched,
    now: Timestamp,
    style: &'a Style,
}

impl View<'_> {
    fn sections(&self) -> Vec<Section> {
        let own = self.last().and_then(|last| {
            let own = last.card.own_network.as_ref()?;
            Some((own, last))
        });
        let head = Section::new(self.head(), 0, usize::MAX);
        let foot = Section::new(self.foot(), 0, usize::MAX);
        if let Some((own, last)) = own {
            // Nothing is known of any target, so nothing is told of any.
            let network = Section::new(self.network(own, last), 1, usize::MAX);
            return vec![head, network, foot];
        }
        let last = self.last();
        let first = last.map(|last| self.first(last)).unwrap_or_default();
        let changes = last.map(|last| self.changes(last)).unwrap_or_default();
        let others = last.map(|last| self.others(last)).unwrap_or_default();
        vec![
            head,
            Section::new(first, 1, 6),
            Section::new(self.phases(), 2, usize::MAX),
            Section::new(changes, 3, 4),
            Section::new(self.running(), 4, 2),
            Section::new(others, 5, 3),
            foot,
        ]
    }

    fn last(&self) -> Option<&Attempt> {
        self.watched.last.as_ref()
    }

    fn page(&self) -> Page<'_> {
        Page::new(self.style)
    }

    fn separator(&self) -> &'static str {
        if self.style.ascii { " - " } else { " · " }
    }

    /// What is watched, what the last attempt came to, and what happens now.
    fn head(&self) -> Vec<String> {
        let Watched {
            planned,
            attempt,
            max_attempts,
            ..
        } = self.watched;
        let mut page = self.page();
        let separator = self.separator();
        let text = Text::new()
            .id(&planned.baseline.name)
            .say(separator)
            .say("watch")
            .say(separator)
            .say(&format!("attempt {attempt} of {max_attempts}"))
            .say(separator)
            .say(&clock(self.now, &self.style.zone));
        page.indented(0, &text);
        if let Some(last) = self.last() {
            let card = &last.card;
            let role = match card.result {
                RunResult::Green => Role::Good,
                RunResult::Degraded => Role::Warning,
                RunResult::Blocked | RunResult::CheckFailed => Role::Bad,
            };
            let label = card.result.label();
            let result = result(card);
            let rest = result.strip_prefix(label).unwrap_or(&result);
            let at = clock(card.finished_at, &self.style.zone);
            let text = Text::new()
                .say(rest)
                .say("  ")
                .say(&totals(card))
                .say("  ")
                .say(&format!("at {at}"));
            page.hanging(0, label, role, width(label) + 1, &text);
        }
        page.indented(0, &Text::from(self.state().as_str()));
        lines(page)
    }

    fn state(&self) -> String {
        if self.watched.is_ending {
            return "ending; once more ends at once".to_owned();
        }
        match &self.watched.now {
            Now::Nothing => String::new(),
            Now::Waiting { until } => {
                let left = since(self.now, *until);
                let again = self.last().is_some_and(|last| last.at_once);
                if again {
                    "the next attempt begins at once: what was seen before is of no worth"
                        .to_owned()
                } else {
                    format!("next attempt in {}", seconds(left))
                }
            }
            Now::Running(running) => {
                let elapsed = since(running.since, self.now);
                let planned = self.watched.planned.checks.len();
                let far = format!(
                    "{} of {} done in {}",
                    running.done,
                    count(planned, "check"),
                    seconds(elapsed)
                );
                match self.watched.remembered.usual_run {
                    Some(usual) if usual > elapsed => {
                        format!("{far}, usually {} more", seconds(usual - elapsed))
                    }
                    Some(usual) => format!("{far}, usually done after {}", seconds(usual)),
                    None => far,
                }
            }
        }
    }

    /// Nothing but this machine's own network.
    fn network(&self, own: &OwnNetwork, last: &Attempt) -> Vec<String> {
        let mut page = self.page();
        page.blank();
        if let Some((_, check)) = last.card.check(&own.check) {
            let name = words::name(&last.card, &check.id);
            let title = words::title(&last.card, check);
            page.head(0, ("FIX FIRST", Role::First), name, title);
            block::fields(&mut page, &last.card, check, false);
        }
        lines(page)
    }

    /// The one to fix first, with its next step.
    fn first(&self, last: &Attempt) -> Vec<String> {
        let Some(check) = super::first(&last.card) else {
            return Vec::new();
        };
        let mut page = self.page();
        page.blank();
        let label = if last.card.first_blocked.is_some() {
            ("FIX FIRST", Role::First)
        } else {
            ("WARN", Role::Warning)
        };
        page.head(0, label, &check.id, &check.title);
        if let Some(so) = self.blocked_for(&check.id) {
            page.field("blocked", &Text::from(so.as_str()));
        }
        if let Some(miss) = words::misses(&last.card, check).first() {
            page.field("saw", &Text::from(miss.seen.as_str()));
        }
        block::next(&mut page, &last.card, check);
        lines(page)
    }

    fn blocked_for(&self, check: &str) -> Option<String> {
        let then = self.watched.blocked_since(check)?;
        let at = clock(then, &self.style.zone);
        let so = since(then, self.now);
        // A clock time alone would be another day's.
        Some(if so.as_secs() < 24 * 60 * 60 {
            format!("for {}, since {at}", seconds(so))
        } else {
            format!("for {}", seconds(so))
        })
    }

    /// What changed with the last attempt.
    fn changes(&self, last: &Attempt) -> Vec<String> {
        if last.changes.is_empty() {
            return Vec::new();
        }
        let mut page = self.page();
        page.blank();
        let at = clock(last.card.finished_at, &self.style.zone);
        page.line(&format!("Changed at {at}"));
        for change in &last.changes {
            page.indented(2, &Text::from(change.as_str()));
        }
        lines(page)
    }

    fn running(&self) -> Vec<String> {
        let Now::Running(running) = &self.watched.now else {
            return Vec::new();
        };
        if running.checks.is_empty() {
            return Vec::new();
        }
        let shown = running.checks.iter().take(RUNNING);
        let mut told: Vec<String> = shown
            .filter_map(|(check, begun, attempt)| {
                let id = &self.watched.planned.checks.get(*check)?.id;
                let so = seconds(since(*begun, self.now));
                Some(match attempt {
                    0 | 1 => format!("{id} {so}"),
                    more => format!("{id} {so} (attempt {more})"),
                })
            })
            .collect();
        let more = running.checks.len().saturating_sub(RUNNING);
        if more > 0 {
            told.push(format!("{more} more"));
        }
        let mut page = self.page();
        page.blank();
        let text = Text::from(told.join(", ").as_str());
        page.hanging(0, "running", Role::Plain, 9, &text);
        lines(page)
    }

    /// Every other root that is BLOCKED, with the time that it has been so.
    fn others(&self, last: &Attempt) -> Vec<String> {
        let card = &last.card;
        let first = card.first_blocked.as_ref().map(|first| &first.check);
        let others: Vec<_> = blocked(card)
            .filter(|check| Some(*check) != first)
            .collect();
        if others.is_empty() {
            return self.other_warnings(card);
        }
        let mut page = self.page();
        page.blank();
        page.line("Blocked as well");
        for check in others {
            let so = self.blocked_for(check).unwrap_or_default();
            page.indented(2, &Text::new().id(check).say("  ").say(&so));
        }
        lines(page)
    }

    /// Where nothing is blocked: what warns besides the first one.
    fn other_warnings(&self, card: &Scorecard) -> Vec<String> {
        let others: Vec<_> = super::warnings(card).skip(1).collect();
        if others.is_empty() || card.first_blocked.is_some() {
            return Vec::new();
        }
        let mut page = self.page();
        page.blank();
        page.line("Warning as well");
        for check in others {
            page.indented(2, &Text::new().id(&check.id));
        }
        lines(page)
    }

    fn foot(&self) -> Vec<String> {
        let mut page = self.page();
        page.blank();
        page.line(if self.watched.hears_keys {
            "q ends the watch with the last card"
        } else {
            "Ctrl-C ends the watch with the last card"
        });
        lines(page)
    }
}

/// Checks that block for a reason of their own, in plan order.
fn blocked(card: &Scorecard) -> impl Iterator<Item = &String> {
    let blocked = card
        .checks()
        .filter(|check| check.verdict == Verdict::Blocked && check.cause.is_none());
    blocked.map(|check| &check.id)
}

/// A clock that ticks by the second needs no tenths.
fn seconds(span: std::time::Duration) -> String {
    let whole = span.as_secs();
    if whole < 60 {
        format!("{whole} s")
    } else {
        duration(std::time::Duration::from_secs(whole))
    }
}

fn lines(page: Page<'_>) -> Vec<String> {
    page.finish().lines().map(str::to_owned).collect()
}
