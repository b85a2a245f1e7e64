//! `fresh`: how long ago something last happened, by its age or by when it is due.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::clocks::{Clocks, SKEW};
use super::freshness::{Booted, FreshState, Freshness};
use crate::judge::eval::{Evaluator, Item};
use crate::judge::types::{Ty, Typed};
use crate::judge::typing::Checker;
use crate::judge::{CANNOT_TELL, ExpectationError, Finding, Level, duration};
use crate::judge::{lexer, parser, words};
use crate::probe::schedule::{Schedule, on_clock};
use crate::probe::{FactSpec, Facts, HOST_NOW};

/// Two clocks are never quite the same, and cron is not to the second: a run this
/// long before its due time is that run, and a time this far ahead is now. Farther, as
/// far as [`SKEW`], it is fresh and the clocks are told.
const JITTER: SignedDuration = SignedDuration::from_mins(1);
/// Absent runs that are counted one by one.
const MOST_COUNTED: u32 = 100;

/// How old a time may be.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// The time, as written: an expression over facts.
    pub source: String,
    /// What makes it fresh.
    pub rule: FreshRule,
    program: Typed,
    /// The facts that say why others are as they are.
    because: Vec<(&'static str, &'static [&'static str])>,
}

/// What makes a time fresh.
#[derive(Debug, Clone)]
pub enum FreshRule {
    /// Its age. At least one of the two is there.
    Age {
        /// Older is BLOCKED.
        within: Option<Duration>,
        /// Older is WARN.
        prefer_within: Option<Duration>,
        /// The clock on which it is told.
        zone: TimeZone,
    },
    /// That of each due run there is one. One absent is WARN, two are BLOCKED.
    Due {
        /// When they are due.
        schedule: Box<Schedule>,
        /// How long after its due time a run may be told.
        grace: Duration,
    },
}

impl Fresh {
    /// Parses and types `source`, which has to be a time over the facts of a kind.
    ///
    /// # Errors
    /// [`ExpectationError`], as for an expectation.
    pub fn compile(
        source: &str,
        facts: &[FactSpec],
        rule: FreshRule,
    ) -> Result<Self, ExpectationError> {
        let expr = parser::parse(source)?;
        let program = Checker {
            source,
            facts,
            locals: Vec::new(),
        }
        .check(&expr)?;
        if program.ty != Ty::Time {
            let written = source.get(program.span.clone()).unwrap_or(source).trim();
            let suggestion = match program.ty {
                Ty::Number | Ty::Text | Ty::Json => format!("write timestamp({written})"),
                Ty::Map(_) => format!("say which: timestamp({written}('…'))"),
                Ty::Duration => "name the time itself; its age is worked out".to_owned(),
                Ty::Bool | Ty::List(_) => {
                    "name a fact that is a time, or what leads to one: `timestamp(metric('last'))`"
                        .to_owned()
                }
                Ty::Time => String::new(),
            };
            return Err(ExpectationError::new(
                program.span,
                format!("what is to be fresh is a time, not {}", program.ty),
            )
            .suggest(suggestion));
        }
        if !speaks_of_a_fact(&program) {
            return Err(
                ExpectationError::new(program.span, "this is the same whatever is seen")
                    .suggest("name a fact of the kind"),
            );
        }
        Ok(Self {
            source: source.to_owned(),
            rule,
            program,
            because: facts
                .iter()
                .filter(|fact| !fact.because.is_empty())
                .map(|fact| (fact.name, fact.because))
                .collect(),
        })
    }

    /// The rule, in words: `modified_at at most 30h ago, better 25h`.
    #[must_use]
    pub fn statement(&self) -> String {
        let source = words::safe(&lexer::tidy(&self.source));
        match &self.rule {
            FreshRule::Age {
                within,
                prefer_within,
                ..
            } => match (within, prefer_within) {
                (Some(within), Some(better)) => {
                    format!(
                        "{source} at most {} ago, better {}",
                        told(*within),
                        told(*better)
                    )
                }
                (within, better) => {
                    let most = within.or(*better).unwrap_or_default();
                    format!("{source} at most {} ago", told(most))
                }
            },
            FreshRule::Due { schedule, grace } => {
                let skipped = schedule.skipped().map(|why| format!("; {why}"));
                format!(
                    "{source} of each run `{}` {}, {} grace{}",
                    schedule.every,
                    schedule.zone,
                    told(*grace),
                    skipped.unwrap_or_default()
                )
            }
        }
    }

    /// As much as may be lost while it passes: the greatest age, or the longest pause
    /// between two due runs and the grace behind it, for which the newest one may be
    /// absent.
    #[must_use]
    pub fn loss(&self) -> Duration {
        match &self.rule {
            FreshRule::Age {
                within,
                prefer_within,
                ..
            } => within
                .iter()
                .chain(prefer_within)
                .min()
                .copied()
                .unwrap_or_default(),
            FreshRule::Due { schedule, grace } => schedule
                .longest_pause()
                .unsigned_abs()
                .saturating_add(*grace),
        }
    }

    /// Judges the time in these facts, of a look at which the clocks said this.
    pub(super) fn judge(
        &self,
        facts: &Facts,
        clocks: &Clocks,
        booted: Option<Booted<'_>>,
    ) -> (Finding, Freshness) {
        let now = clocks.now();
        let mut freshness = Freshness {
            time: self.source.clone(),
            state: FreshState::Untold,
            at: None,
            age_s: None,
            clock_skew_s: clocks.skew().map(|skew| skew.as_secs_f64()),
            due_at: None,
            next_due_at: None,
            absent_runs: None,
            before_boot: None,
        };
        let value = Evaluator::new(facts, now)
            .value(&self.program)
            .map_err(|untold| untold.reason);
        let at = match value {
            Ok(Item::Time(at)) => at,
            Ok(_) => return (self.untold("it is not a time", now), freshness),
            Err(mut reason) => {
                let mut evaluator = Evaluator::new(facts, now);
                let why =
                    words::reasons(&self.source, &self.program, &self.because, &mut evaluator);
                if !why.is_empty() {
                    reason = format!("{reason}, {why}");
                }
                return (self.untold(&reason, now), freshness);
            }
        };
        if at <= Timestamp::UNIX_EPOCH {
            freshness.state = FreshState::NeverRan;
            let expected = self.expected(self.newest_due(now));
            let seen = "never ran: the time is 0".to_owned();
            return (
                self.finding(Level::Require, expected, seen, false),
                freshness,
            );
        }
        let age = now.duration_since(at);
        freshness.at = Some(at);
        freshness.age_s = Some(age.as_secs_f64());
        freshness.before_boot = booted.map(|booted| at < booted.at);
        let differ = clocks.told(|at| self.told(at));
        if age < -JITTER {
            let ahead = rounded(-age);
            let (level, state, seen) = if age < -SKEW {
                let wrong = differ.unwrap_or_else(|| {
                    format!("{} or the one that wrote it is wrong", clocks.owner())
                });
                let seen = format!("{}, in the future by {ahead}: {wrong}", self.told(at));
                (Level::Require, FreshState::InFuture, seen)
            } else {
                let differ = differ.unwrap_or_else(|| {
                    format!("{} and the one that wrote it differ", clocks.owner())
                });
                let told = (self.told(at), self.told(now));
                let seen = format!("{}, {ahead} ahead of {}: {differ}", told.0, told.1);
                (Level::Prefer, FreshState::ClocksDiffer, seen)
            };
            freshness.state = state;
            let expected = self.expected(self.newest_due(now));
            return (self.finding(level, expected, seen, false), freshness);
        }
        let ago = format!("{} ago", rounded(age.max(SignedDuration::ZERO)));
        let boot = booted.filter(|booted| at < booted.at).map(|booted| {
            format!(
                ", before the last boot of {}, {} ago",
                words::safe(booted.host),
                rounded(now.duration_since(booted.at))
            )
        });
        let boot = boot.unwrap_or_default();
        let mut finding = match &self.rule {
            FreshRule::Age {
                within,
                prefer_within,
                ..
            } => {
                let seen = format!("{}, {ago}{boot}", self.told(at));
                let over = |most: &Option<Duration>| most.is_some_and(|most| age > signed(most));
                let (level, most, state) = if over(within) {
                    (Level::Require, within, FreshState::TooOld)
                } else if over(prefer_within) {
                    (Level::Prefer, prefer_within, FreshState::Old)
                } else {
                    let most = if within.is_some() {
                        within
                    } else {
                        prefer_within
                    };
                    (self.level(), most, FreshState::OnTime)
                };
                freshness.state = state;
                let held = state == FreshState::OnTime;
                self.finding(level, self.at_most(*most), seen, held)
            }
            FreshRule::Due { schedule, grace } => {
                let Some(runs) = runs(schedule, signed(*grace), at, now) else {
                    let after = schedule.told(at);
                    let reason = format!("the schedule does not tell what is due after {after}");
                    return (self.untold(&reason, now), freshness);
                };
                freshness.absent_runs = Some(runs.absent);
                freshness.due_at = runs.due;
                freshness.next_due_at = runs.next;
                let (level, state) = match runs.absent {
                    0 if runs.begun.is_some() => (Level::Require, FreshState::NotDueYet),
                    0 => (Level::Require, FreshState::OnTime),
                    1 => (Level::Prefer, FreshState::Late),
                    _ => (Level::Require, FreshState::Missed),
                };
                freshness.state = state;
                let mut seen = format!("last run {}, {ago}{boot}", schedule.told(at));
                match (runs.absent, runs.begun) {
                    (0, Some(begun)) => {
                        let left = signed(*grace) - now.duration_since(begun);
                        seen += &format!(
                            "; the one due {} is not due yet: {} of its grace left",
                            schedule.due(begun),
                            rounded(left)
                        );
                    }
                    (0, None) => {}
                    (1, _) => seen += ": 1 run late",
                    (MOST_COUNTED.., _) => seen += &format!(": {MOST_COUNTED} runs missed or more"),
                    (absent, _) => seen += &format!(": {absent} runs missed"),
                }
                let held = matches!(state, FreshState::OnTime | FreshState::NotDueYet);
                self.finding(level, self.expected(runs.due), seen, held)
            }
        };
        if let Some(differ) = differ {
            finding.seen += &format!("; {differ}");
            if finding.held == Some(true) {
                freshness.state = FreshState::ClocksDiffer;
                finding.level = Level::Prefer;
                finding.held = Some(false);
            }
        }
        (finding, freshness)
    }

    /// What no answer weighs.
    fn level(&self) -> Level {
        match &self.rule {
            FreshRule::Age { within: None, .. } => Level::Prefer,
            FreshRule::Age { .. } | FreshRule::Due { .. } => Level::Require,
        }
    }

    fn untold(&self, reason: &str, now: Timestamp) -> Finding {
        let seen = format!("{CANNOT_TELL}{}, so no run is known", words::safe(reason));
        let expected = self.expected(self.newest_due(now));
        Finding {
            held: None,
            ..self.finding(self.level(), expected, seen, false)
        }
    }

    fn finding(&self, level: Level, expected: String, seen: String, held: bool) -> Finding {
        Finding {
            expectation: Some(format!("fresh: {}", self.statement())),
            level,
            expected,
            seen,
            held: Some(held),
        }
    }

    /// The newest due time whose run must be there.
    fn newest_due(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.rule {
            FreshRule::Age { .. } => None,
            FreshRule::Due { schedule, grace } => {
                schedule.up_to(now.checked_sub(signed(*grace)).ok()?)
            }
        }
    }

    fn expected(&self, due: Option<Timestamp>) -> String {
        match &self.rule {
            FreshRule::Age {
                within,
                prefer_within,
                ..
            } => self.at_most(within.or(*prefer_within)),
            FreshRule::Due { schedule, grace } => {
                let grace = told(*grace);
                match due {
                    Some(due) => format!("a run since {}, {grace} grace", schedule.due(due)),
                    None => format!(
                        "a run `{}` {}, {grace} grace",
                        schedule.every, schedule.zone
                    ),
                }
            }
        }
    }

    fn at_most(&self, most: Option<Duration>) -> String {
        let source = words::safe(&lexer::tidy(&self.source));
        format!("{source} at most {} ago", told(most.unwrap_or_default()))
    }

    fn told(&self, at: Timestamp) -> String {
        match &self.rule {
            FreshRule::Age { zone, .. } => on_clock(at, zone),
            FreshRule::Due { schedule, .. } => schedule.told(at),
        }
    }
}

/// The due runs around a run at `at`.
struct Runs {
    /// Due, their grace over, and absent.
    absent: u32,
    /// The newest due time whose run must be there: its grace is over, or it is there.
    due: Option<Timestamp>,
    /// The due time whose run is not there while its grace lasts.
    begun: Option<Timestamp>,
    /// The first due time after now.
    next: Option<Timestamp>,
}

/// Which runs are absent when the last one was at `at`. None where the schedule does
/// not tell what is due up to now: then nothing is known to be there, nor to be absent.
fn runs(schedule: &Schedule, grace: SignedDuration, at: Timestamp, now: Timestamp) -> Option<Runs> {
    let before = schedule.up_to(at);
    let coming = schedule.after(at)?;
    // What ran at 01:59:58 is the run of 02:00; but what runs every minute is not the
    // run of the next minute.
    let is_coming = Some(coming).filter(|coming| {
        let early = coming.duration_since(at);
        let pause = before.map_or(JITTER * 2, |before| coming.duration_since(before));
        early <= JITTER && early * 2 < pause
    });
    let mut runs = Runs {
        absent: 0,
        due: is_coming.filter(|coming| *coming <= now).or(before),
        begun: None,
        next: schedule.after(now),
    };
    let mut due = match is_coming {
        Some(covered) => schedule.after(covered)?,
        None => coming,
    };
    while due <= now {
        let at = due;
        if now.duration_since(at) <= grace {
            runs.begun = Some(at);
            // A grace longer than the pause lets several be under way: the newest.
            if let Some(newest) = schedule.up_to(now) {
                runs.begun = Some(newest);
            }
            break;
        }
        runs.absent += 1;
        runs.due = Some(at);
        if runs.absent >= MOST_COUNTED {
            runs.due = now
                .checked_sub(grace)
                .ok()
                .and_then(|over| schedule.up_to(over));
            break;
        }
        due = schedule.after(at)?;
    }
    Some(runs)
}

/// `now` alone is no look at anything, by whichever clock.
fn speaks_of_a_fact(program: &Typed) -> bool {
    program.facts().iter().any(|name| *name != HOST_NOW)
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}

fn told(span: Duration) -> String {
    duration::words(signed(span))
}

/// Rounded down to seconds: nobody waits for the rest.
fn rounded(span: SignedDuration) -> String {
    duration::words(SignedDuration::from_secs(span.as_secs()))
}

#[cfg(test)]
mod tests;
