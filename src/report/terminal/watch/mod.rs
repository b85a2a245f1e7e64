//! A watch: attempt after attempt, as lines for a pipe or as a screen that is
//! drawn anew. Pure: events, cards and times go in, text comes out.

mod changes;
mod lines;
mod screen;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use crate::report::readable::shortened;
use crate::report::{harmless, words};
use crate::scorecard::{
    CheckCard, Event, Gate, PlannedRun, Reading, RunResult, Scorecard, Totals, Verdict, difference,
};

pub use self::lines::lines;
pub use self::screen::{Size, screen};

/// What earlier runs tell of this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Since when checks, by their ids, have been BLOCKED without a break.
    pub blocked_since: HashMap<String, Timestamp>,
    /// How long a run usually takes.
    pub usual_run: Option<Duration>,
    /// How long each phase usually takes, by its id.
    pub usual_phases: BTreeMap<String, Duration>,
}

/// A watch as far as it has come.
#[derive(Debug, Clone)]
pub struct Watched {
    planned: PlannedRun,
    max_attempts: u32,
    attempt: u32,
    remembered: Remembered,
    /// Since when each check has been BLOCKED in the attempts of this watch.
    blocked_since: HashMap<String, Timestamp>,
    now: Now,
    /// What came of the last attempt that ended.
    last: Option<Attempt>,
    /// What changes are told against: the last card that told of the targets,
    /// and not of this machine's own network.
    compared: Option<(Reading, Totals)>,
    is_ending: bool,
    /// Whether `q` is heard.
    hears_keys: bool,
}

/// What is under way.
#[derive(Debug, Clone)]
enum Now {
    Nothing,
    Running(Running),
    Waiting { until: Timestamp },
}

#[derive(Debug, Clone)]
struct Running {
    since: Timestamp,
    /// Checks under way with their beginnings and attempts, in the order of their start.
    checks: Vec<(usize, Timestamp, u32)>,
    /// Judged, held or left out.
    done: usize,
    phases: Vec<PhaseNow>,
}

#[derive(Debug, Clone, Default)]
struct PhaseNow {
    since: Option<Timestamp>,
    done: usize,
    gate: Option<Gate>,
}

/// An attempt that has ended.
#[derive(Debug, Clone)]
struct Attempt {
    number: u32,
    card: Scorecard,
    /// What differs from the attempt before, a line each.
    changes: Vec<String>,
    /// What is seen of the one to fix.
    to_fix: Option<String>,
    /// The attempt before told the same of it.
    knows_to_fix: bool,
    /// Another one follows without a pause, because of a restart.
    at_once: bool,
}

impl Watched {
    /// A watch that has not begun.
    #[must_use]
    pub fn new(planned: PlannedRun, max_attempts: u32) -> Self {
        Self {
            planned,
            max_attempts,
            attempt: 1,
            remembered: Remembered::default(),
            blocked_since: HashMap::new(),
            now: Now::Nothing,
            last: None,
            compared: None,
            is_ending: false,
            hears_keys: false,
        }
    }

    /// An attempt, from 1, begins.
    pub fn attempt(&mut self, attempt: u32, at: Timestamp) {
        self.attempt = attempt;
        self.now = Now::Running(Running {
            since: at,
            checks: Vec::new(),
            done: 0,
            phases: vec![PhaseNow::default(); self.planned.phases.len()],
        });
    }

    /// What is known of earlier runs, this watch's own attempts among them.
    pub fn remember(&mut self, remembered: Remembered) {
        self.remembered = remembered;
    }

    /// A keyboard is there to press `q` on.
    #[must_use]
    pub fn hearing_keys(mut self, hears: bool) -> Self {
        self.hears_keys = hears;
        self
    }

    /// The operator has asked for the end.
    pub fn end(&mut self) {
        self.is_ending = true;
    }

    /// Something happened in the attempt.
    pub fn event(&mut self, event: &Event, at: Timestamp) {
        let Now::Running(running) = &mut self.now else {
            return;
        };
        match event {
            Event::PhaseStarted { phase } => {
                if let Some(phase) = running.phases.get_mut(*phase) {
                    phase.since = Some(at);
                }
            }
            Event::CheckStarted { check, attempt } => {
                match running.checks.iter_mut().find(|(known, ..)| known == check) {
                    Some((_, _, known)) => *known = *attempt,
                    None => running.checks.push((*check, at, *attempt)),
                }
            }
            Event::CheckJudged { check, .. }
            | Event::CheckHeld { check, .. }
            | Event::CheckSkipped { check, .. } => {
                running.checks.retain(|(known, ..)| known != check);
                running.done += 1;
                let phase = self.planned.checks.get(*check).map(|check| check.phase);
                if let Some(phase) = phase.and_then(|phase| running.phases.get_mut(phase)) {
                    phase.done += 1;
                }
            }
            Event::PhaseFinished { phase, gate, .. } => {
                if let Some(phase) = running.phases.get_mut(*phase) {
                    phase.gate = Some(*gate);
                }
            }
            Event::CheckDiagnosed { .. } | Event::Finished { .. } => {}
        }
    }

    /// The attempt is over at `at`; `next` is the pause before another one.
    /// `arrow` stands between what was and what is.
    pub fn card(&mut self, card: &Scorecard, at: Timestamp, next: Option<Duration>, arrow: &str) {
        let mut changes = Vec::new();
        // An outage of our own tells nothing of the targets, and neither does
        // the end of the attempt before everything was looked at.
        let tells = card.own_network.is_none()
            && (card.result != RunResult::CheckFailed || !card.disrupted.is_empty());
        if tells {
            let reading = Reading::from(card);
            if let Some((before, totals)) = &self.compared {
                let found = difference(("before", before), ("now", &reading));
                changes = changes::texts(&found, (totals, card), arrow);
            }
            self.follow_blocked(card);
            self.compared = Some((reading, card.totals));
        }
        let at_once = next.is_some_and(|pause| pause.is_zero()) && !card.disrupted.is_empty();
        let to_fix = to_fix(card);
        let before = self.last.take().and_then(|last| last.to_fix);
        self.last = Some(Attempt {
            number: self.attempt,
            card: card.clone(),
            changes,
            knows_to_fix: to_fix == before,
            to_fix,
            at_once,
        });
        self.now = match next.and_then(|pause| at.checked_add(pause).ok()) {
            Some(until) => Now::Waiting { until },
            None => Now::Nothing,
        };
    }

    fn follow_blocked(&mut self, card: &Scorecard) {
        let blocked = card
            .checks()
            .filter(|check| check.verdict == Verdict::Blocked);
        let blocked = blocked.map(|check| {
            let known = self.blocked_since.get(&check.id).copied();
            let seen = check.observed_at.unwrap_or(card.finished_at);
            (check.id.clone(), known.unwrap_or(seen))
        });
        self.blocked_since = blocked.collect();
    }

    /// Since when a check that is BLOCKED has been so: as far as it is
    /// remembered, else in this watch.
    fn blocked_since(&self, check: &str) -> Option<Timestamp> {
        let here = self.blocked_since.get(check)?;
        let earlier = self.remembered.blocked_since.get(check);
        Some(earlier.map_or(*here, |earlier| *earlier.min(here)))
    }
}

/// `BLOCKED at P0-NETWORK (fix ssh@k3s120 first)`, or that it is this machine's
/// own network.
fn result(card: &Scorecard) -> String {
    match &card.own_network {
        Some(own) if card.result == RunResult::Blocked => format!(
            "BLOCKED by this machine's own network: nothing beyond it answers ({} addresses tried)",
            own.addresses.len()
        ),
        Some(_) | None => words::result(card),
    }
}

/// The one to fix first; where nothing is blocked, the first that warns and that nobody has
/// accepted, since it is what keeps the card from GREEN.
fn first(card: &Scorecard) -> Option<&CheckCard> {
    match &card.first_blocked {
        Some(first) => card.check(&first.check).map(|(_, check)| check),
        None => warnings(card).next(),
    }
}

/// Checks that warn and that nobody has accepted, in plan order.
fn warnings(card: &Scorecard) -> impl Iterator<Item = &CheckCard> {
    card.checks()
        .filter(|check| check.verdict == Verdict::Warn && check.accepted.is_none())
}

/// What is seen of the one to fix, `redis: connection refused`.
fn to_fix(card: &Scorecard) -> Option<String> {
    if card.own_network.is_some() {
        return None;
    }
    let check = first(card)?;
    let misses = words::misses(card, check);
    let seen: Vec<&str> = misses.iter().map(|miss| miss.seen.as_str()).collect();
    let seen = shortened(&seen.join(", "));
    Some(format!("{}: {}", check.id, harmless(&seen)))
}

/// `PASS=12 WARN=0 BLOCKED=1`, as the last lines of a card have it.
fn totals(card: &Scorecard) -> String {
    let Totals {
        pass,
        warn,
        blocked,
        ..
    } = card.totals;
    format!("PASS={pass} WARN={warn} BLOCKED={blocked}")
}

/// From then to now; nothing where a clock was set back in between.
fn since(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests;
