//! What is expected of time: `stable_for`, `trend` and `fresh`. Pure functions of
//! this look and of what is remembered of earlier ones.

mod clocks;
mod fresh;
mod freshness;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::eval::{Evaluator, Item};
use super::streak::{Broken, Look, Streak};
use super::types::{Ty, Typed};
use super::typing::{Checker, from_json};
use super::{CANNOT_TELL, ExpectationError, Finding, Judgement, Level, Verdict, duration};
use super::{lexer, parser, weigh, words, worse};
use crate::probe::{FactSpec, Facts, Observation, Outcome};

use self::clocks::Clocks;

pub use crate::probe::schedule::{Schedule, ScheduleError, zone};
pub use fresh::{Fresh, FreshRule};
pub use freshness::{Booted, FreshState, Freshness};

/// Two looks of a trend this far apart are not of one way, where nothing asks
/// for less or more: hourly ones are.
const TREND_GAP: Duration = Duration::from_hours(2);

/// What a check expects of time: of more than one look, and of how long ago
/// something happened.
#[derive(Debug, Clone, Default)]
pub struct OverTime {
    /// How long its other expectations have to have held.
    pub stable_for: Option<Duration>,
    /// The shortest time that a release asks it to have passed.
    pub released_after: Option<Duration>,
    /// Which way a number has to go.
    pub trend: Option<Trend>,
    /// How old a time may be.
    pub fresh: Option<Fresh>,
}

/// Which way a number must not go from look to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// No look sees more than the one before.
    NotIncreasing,
    /// No look sees less than the one before.
    NotDecreasing,
}

/// A number that is followed over the last looks.
#[derive(Debug, Clone)]
pub struct Trend {
    /// The number, as written: a fact, or an expression over facts.
    pub source: String,
    /// Where it may go.
    pub direction: Direction,
    /// How many looks count, this one included; 2 at least.
    pub samples: usize,
    program: Typed,
}

impl Trend {
    /// Parses and types `source`, which has to be a number or a duration over
    /// the facts of a kind, or JSON that can be a number.
    ///
    /// # Errors
    /// [`ExpectationError`], as for an expectation.
    pub fn compile(
        source: &str,
        facts: &[FactSpec],
        direction: Direction,
        samples: usize,
    ) -> Result<Self, ExpectationError> {
        let expr = parser::parse(source)?;
        let program = Checker {
            source,
            facts,
            locals: Vec::new(),
        }
        .check(&expr)?;
        let program = match program.ty {
            Ty::Number | Ty::Duration => program,
            Ty::Json => from_json(program, &Ty::Number),
            _ => {
                return Err(ExpectationError::new(
                    program.span,
                    format!(
                        "a trend is of a number or a duration, not of {}",
                        program.ty
                    ),
                )
                .suggest("name a fact that is one, or what leads to one: `metric('backlog')`"));
            }
        };
        if program.is_constant() {
            return Err(
                ExpectationError::new(program.span, "this is the same at every look")
                    .suggest("name a fact of the kind"),
            );
        }
        Ok(Self {
            source: source.to_owned(),
            direction,
            samples: samples.max(2),
            program,
        })
    }

    /// What is expected, in words: `backlog not increasing over 3 looks`.
    #[must_use]
    pub fn statement(&self) -> String {
        let direction = match self.direction {
            Direction::NotIncreasing => "not increasing",
            Direction::NotDecreasing => "not decreasing",
        };
        let source = words::safe(&lexer::tidy(&self.source));
        format!("{source} {direction} over {} looks", self.samples)
    }

    /// The number in these facts, durations in seconds, or why it cannot be told.
    fn value(&self, facts: &Facts, now: Timestamp) -> Result<f64, String> {
        let value = Evaluator::new(facts, now)
            .value(&self.program)
            .map_err(|untold| untold.reason)?;
        let number = match value {
            Item::Number(number) => number,
            Item::Duration(span) => span.as_secs_f64(),
            _ => return Err("it is not a number".to_owned()),
        };
        if number.is_finite() {
            Ok(number)
        } else {
            Err(format!("it is {number}"))
        }
    }

    /// `earlier` are the numbers of the looks before, the latest last.
    fn judge(&self, value: &Result<f64, String>, earlier: &[f64]) -> Finding {
        let (seen, held) = match value {
            Err(reason) => (format!("{CANNOT_TELL}{reason}"), None),
            Ok(value) => {
                let skipped = (earlier.len() + 1).saturating_sub(self.samples);
                let numbers: Vec<f64> = earlier[skipped.min(earlier.len())..]
                    .iter()
                    .chain([value])
                    .copied()
                    .collect();
                let told: Vec<String> = numbers.iter().map(|number| self.told(*number)).collect();
                let told = told.join(" → ");
                let strays = numbers.windows(2).any(|pair| match self.direction {
                    Direction::NotIncreasing => pair[1] > pair[0],
                    Direction::NotDecreasing => pair[1] < pair[0],
                });
                match (strays, numbers.len()) {
                    (true, _) => (told, Some(false)),
                    (false, seen) if seen < self.samples => (
                        format!(
                            "{CANNOT_TELL}{seen} of {} looks so far: {told}",
                            self.samples
                        ),
                        None,
                    ),
                    (false, _) => (told, Some(true)),
                }
            }
        };
        let expected = self.statement();
        Finding {
            expectation: Some(format!("trend: {expected}")),
            level: Level::Prefer,
            expected,
            seen,
            held,
        }
    }

    fn told(&self, number: f64) -> String {
        match self.program.ty {
            Ty::Duration => match SignedDuration::try_from_secs_f64(number) {
                Ok(span) => duration::words(span),
                Err(_) => words::number(number),
            },
            _ => words::number(number),
        }
    }
}

/// What is remembered of a check.
#[derive(Debug, Clone, Copy)]
pub enum Remembered<'a> {
    /// Nothing.
    Nothing,
    /// Looks at what was another check: its options, expectations or target
    /// have changed since.
    Changed,
    /// Looks at this very check.
    Streak(&'a Streak),
}

/// What is known beside the look that is judged.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// Of the looks before.
    pub remembered: Remembered<'a>,
    /// The numbers that its trend saw before on the same boot, the latest last.
    pub samples: &'a [f64],
    /// The boot of the check's host, as far as it is known by now.
    pub boot: Option<&'a str>,
    /// When that was.
    pub booted: Option<Booted<'a>>,
}

/// What came of a check's rules on time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Course {
    /// What this look came to before `stable_for` had its say.
    pub verdict: Verdict,
    /// What `stable_for` asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable_for_s: Option<f64>,
    /// Two looks this far apart say nothing of the time between them. The
    /// shortest time that the check or a release asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_gap_s: Option<f64>,
    /// For how long it is known to have held; absent when it did not hold now,
    /// or when nothing asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_s: Option<f64>,
    /// What `trend` follows, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// What it saw now, durations in seconds; absent when it could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What came of `fresh`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh: Option<Freshness>,
}

impl OverTime {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.longest_gap().is_none() && self.trend.is_none() && self.fresh.is_none()
    }

    /// What must not lie between two looks for what both saw to have held all
    /// the time: the shortest time that anybody asks for.
    #[must_use]
    pub fn longest_gap(&self) -> Option<Duration> {
        self.stable_for.into_iter().chain(self.released_after).min()
    }

    /// What must not lie between two looks for a trend to count both.
    #[must_use]
    pub fn longest_gap_of_trend(&self) -> Duration {
        self.longest_gap().unwrap_or(TREND_GAP)
    }

    /// Adds what time says to the judgement of one look. `stable_for` and `trend`
    /// only ever warn.
    #[must_use]
    pub fn judge(
        &self,
        judgement: Judgement,
        observation: &Observation,
        past: &Past<'_>,
        advisory: bool,
    ) -> Judgement {
        if self.is_empty() {
            return judgement;
        }
        let Judgement {
            mut verdict,
            mut findings,
            ..
        } = judgement;
        let mut course = Course {
            verdict,
            stable_for_s: self.stable_for.map(|asked| asked.as_secs_f64()),
            longest_gap_s: self.longest_gap().map(|longest| longest.as_secs_f64()),
            held_s: None,
            follows: None,
            value: None,
            fresh: None,
        };
        if let (Some(fresh), Outcome::Seen(facts)) = (&self.fresh, &observation.outcome) {
            let (finding, freshness) =
                fresh.judge(facts, &Clocks::of(observation, facts), past.booted);
            verdict = worse(verdict, weigh(&finding, advisory));
            findings.push(finding);
            super::tell_absence_once(&mut findings, facts);
            course.fresh = Some(freshness);
        }
        if let (Some(trend), Outcome::Seen(facts)) = (&self.trend, &observation.outcome) {
            let value = trend.value(facts, observation.at);
            let finding = trend.judge(&value, past.samples);
            verdict = worse(verdict, weigh(&finding, advisory));
            findings.push(finding);
            super::tell_absence_once(&mut findings, facts);
            course.value = value.ok();
        }
        course.follows = self.trend.as_ref().map(|trend| trend.source.clone());
        course.verdict = verdict;
        // What does not hold now has findings of its own that say so.
        if let (Some(longest_gap), Verdict::Pass) = (self.longest_gap(), verdict) {
            let look = Look {
                at: observation.at,
                verdict,
                boot: past.boot.map(str::to_owned),
            };
            let (held, why) = held(longest_gap, &look, past.remembered);
            course.held_s = Some(held.as_secs_f64());
            if let Some(asked) = self.stable_for {
                let finding = stable(asked, held, why);
                verdict = worse(verdict, weigh(&finding, advisory));
                findings.push(finding);
            }
        }
        Judgement {
            verdict,
            findings,
            course: Some(Box::new(course)),
        }
    }
}

/// What a finding says of a streak that begins with this look, and its answer.
type Begun = (String, Option<bool>);

/// For how long what passes at `look` is known to have passed, and why that is
/// no longer, where this look is the first.
fn held(
    longest_gap: Duration,
    look: &Look,
    remembered: Remembered<'_>,
) -> (SignedDuration, Option<Begun>) {
    let (streak, why) = match remembered {
        Remembered::Nothing => (
            Streak::of(look),
            Some(untold("no earlier look is remembered")),
        ),
        Remembered::Changed => (
            Streak::of(look),
            Some(untold("the check itself was changed since the last look")),
        ),
        Remembered::Streak(streak) => {
            let (streak, broken) = streak.after(look, Some(longest_gap), look.at);
            (streak, broken.map(told))
        }
    };
    (streak.held(), why)
}

/// Whether what has held for `held` has held for as long as is `asked`.
fn stable(asked: Duration, held: SignedDuration, why: Option<Begun>) -> Finding {
    let asked = SignedDuration::try_from(asked).unwrap_or(SignedDuration::MAX);
    let asked_words = duration::words(asked);
    // Rounded down: a card must not say "15m of 15m" of what is still short.
    let held_words = duration::words(SignedDuration::from_secs(held.as_secs()));
    let (seen, answer) = match why {
        Some((reason, answer)) => (reason, answer),
        None if held >= asked => (format!("held {held_words}"), Some(true)),
        None => (format!("held {held_words} of {asked_words}"), Some(false)),
    };
    Finding {
        expectation: Some(format!("stable_for: {asked_words}")),
        level: Level::Prefer,
        expected: format!("all of it held for {asked_words}"),
        seen,
        held: answer,
    }
}

/// What is not known, and that it is not.
fn untold(reason: &str) -> (String, Option<bool>) {
    (
        format!("{CANNOT_TELL}for how long it has held: {reason}"),
        None,
    )
}

/// Why a streak begins with this look, and whether that is known not to be
/// long enough or not known at all.
fn told(broken: Broken) -> (String, Option<bool>) {
    match broken {
        Broken::ClockSetBack => untold("the last look is later than the clock of this machine"),
        Broken::Boot => (
            "holds since the host has booted: first look on this boot".to_owned(),
            Some(false),
        ),
        Broken::BootUnknown => untold(
            "the host's boot is not known of both looks; let the check come after one that logs in to the host",
        ),
        Broken::Verdict(verdict) => (
            format!(
                "holds since this look: the one before came to {}",
                name(verdict)
            ),
            Some(false),
        ),
        Broken::Gap(gap) => untold(&format!(
            "nobody looked for {}",
            duration::words(SignedDuration::from_secs(gap.as_secs()))
        )),
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Warn => "WARN",
        Verdict::Blocked => "BLOCKED",
        Verdict::NotEvaluated => "NOT EVALUATED",
        Verdict::Skipped => "SKIPPED",
    }
}

#[cfg(test)]
mod tests;
