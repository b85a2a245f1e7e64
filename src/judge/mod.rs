//! Observation × expectations → verdict with findings. Pure functions.
//!
//! An expectation is text in a strictly typed subset of CEL, described for
//! users in `docs/expectations.md`. It goes through `lexer`, `parser` and
//! `typing` once, when the plan is made; `eval` computes it over the facts
//! of one observation, and `words` tells a reader which facts decided.
//! What cannot be told (a fact that was not seen, a division by zero) is
//! neither true nor false, and never a pass.

mod convert;
mod coverage;
mod duration;
mod eval;
mod functions;
mod lexer;
mod mismatch;
mod over_time;
mod parser;
mod signature;
mod streak;
mod syntax;
#[cfg(test)]
mod tests;
mod types;
mod typing;
mod words;

use std::fmt;
use std::ops::Range;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::probe::{FactSpec, Facts, Observation, Outcome, Value};
pub use coverage::{Cell, Coverage, Layer, Proof, Service, Standing, judge_coverage};
use eval::Evaluator;
pub use signature::{Recognised, Sight, Signature, is_looked_into, recognise};
use types::{Ty, Typed};
use typing::Checker;

pub use duration::words as duration_words;
pub use over_time::{
    Booted, Course, Direction, Fresh, FreshRule, FreshState, Freshness, OverTime, Past, Remembered,
    Schedule, ScheduleError, Trend, zone,
};
pub use streak::{Broken, Look, Streak};

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Every expectation held.
    Pass,
    /// A preferred expectation did not hold, or an advisory check failed.
    Warn,
    /// A required expectation did not hold, or it could not be told.
    Blocked,
    /// Not looked at: something upstream holds it, or the run ended before.
    NotEvaluated,
    /// Left out on purpose.
    Skipped,
}

/// How much an expectation weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Not held: BLOCKED.
    Require,
    /// Not held: WARN.
    Prefer,
}

/// An expectation whose types were checked against a kind's facts.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// What not holding means.
    pub level: Level,
    /// As written.
    pub source: String,
    /// What a card says is expected, where that is not the source.
    words: Option<String>,
    program: Typed,
    /// The facts that say why, by the fact that they explain.
    because: Vec<(&'static str, &'static [&'static str])>,
}

/// Why an expectation cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectationError {
    /// What is wrong, in the reader's words.
    pub message: String,
    /// The part of the source it is about, as byte offsets.
    pub span: Range<usize>,
    /// What to write instead.
    pub suggestion: Option<String>,
}

impl fmt::Display for ExpectationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExpectationError {}

impl ExpectationError {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span,
            suggestion: None,
        }
    }

    fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

impl Expectation {
    /// Parses and types `source` against the facts of a kind.
    ///
    /// # Errors
    /// [`ExpectationError`]: a syntax error, an unknown fact, a type mismatch,
    /// or an expectation that no observation could change.
    pub fn compile(
        level: Level,
        source: &str,
        facts: &[FactSpec],
    ) -> Result<Self, ExpectationError> {
        let expr = parser::parse(source)?;
        let program = Checker {
            source,
            facts,
            locals: Vec::new(),
        }
        .check(&expr)?;
        if program.ty != Ty::Bool {
            return Err(mismatch::not_a_truth(source, &program));
        }
        if program.is_constant() {
            return Err(
                ExpectationError::new(program.span, "this asks nothing of what was seen")
                    .suggest("compare a fact with something"),
            );
        }
        Ok(Self {
            level,
            source: source.to_owned(),
            words: None,
            program,
            because: facts
                .iter()
                .filter(|fact| !fact.because.is_empty())
                .map(|fact| (fact.name, fact.because))
                .collect(),
        })
    }

    /// Lets cards tell it in other words than its source.
    #[must_use]
    pub fn in_words(mut self, words: Option<String>) -> Self {
        self.words = words;
        self
    }

    /// Judges the facts of one observation, made at `now`.
    fn judge(&self, facts: &Facts, now: Timestamp) -> Finding {
        let answer = Evaluator::new(facts, now).truth(&self.program);
        let because = match answer {
            Ok(true) => &[],
            Ok(false) | Err(_) => self.because.as_slice(),
        };
        let mut evaluator = Evaluator::new(facts, now);
        let mut seen = words::seen(&self.source, &self.program, because, &mut evaluator);
        if let Err(untold) = &answer {
            if seen.is_empty() {
                seen.clone_from(&untold.reason);
            }
            seen.insert_str(0, CANNOT_TELL);
        } else if seen.is_empty() {
            // Decided without any fact: `absent || true`.
            "nothing that it needs".clone_into(&mut seen);
        }
        Finding {
            expectation: Some(self.source.clone()),
            level: self.level,
            expected: match &self.words {
                Some(words) => words::safe(words),
                None => words::safe(&lexer::tidy(&self.source)),
            },
            seen,
            held: answer.ok(),
        }
    }
}

/// How a finding begins whose `held` is absent, whatever the reason.
const CANNOT_TELL: &str = "could not tell: ";

/// One expectation and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The expectation as written; absent when a fault kept everything from being seen,
    /// and when nothing was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expectation: Option<String>,
    /// What not holding means.
    pub level: Level,
    /// What was expected, in words or as written.
    pub expected: String,
    /// What was seen: `status = 502`, or the fault.
    pub seen: String,
    /// Whether it held; absent when it could not be told.
    pub held: Option<bool>,
}

/// A check's verdict and its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Pass, Warn or Blocked: the other verdicts are not a judge's.
    pub verdict: Verdict,
    /// One for the fault, or one for each expectation; where there is nothing to
    /// look at (`exists = false`), only those that tell it.
    pub findings: Vec<Finding>,
    /// What came of [`OverTime`], where the check has such rules.
    pub course: Option<Box<Course>>,
}

/// Judges one observation. `goal` is what an answer would have been, for the
/// finding of a fault. An `advisory` check is at worst a warning. A check
/// without expectations passes when anything was seen at all.
#[must_use]
pub fn judge(
    observation: &Observation,
    expectations: &[Expectation],
    goal: &str,
    advisory: bool,
) -> Judgement {
    let mut findings = match &observation.outcome {
        Outcome::Fault(fault) => vec![Finding {
            expectation: None,
            level: Level::Require,
            expected: words::safe(goal),
            seen: format!("{CANNOT_TELL}{}", words::safe(&fault.to_string())),
            held: None,
        }],
        Outcome::Seen(facts) => expectations
            .iter()
            .map(|expectation| expectation.judge(facts, observation.at))
            .collect(),
    };
    let verdict = findings
        .iter()
        .map(|finding| weigh(finding, advisory))
        .fold(Verdict::Pass, worse);
    if let Outcome::Seen(facts) = &observation.outcome {
        tell_absence_once(&mut findings, facts);
    }
    Judgement {
        verdict,
        findings,
        course: None,
    }
}

/// Judges what was not tried, on purpose: it is neither proven nor refuted, which is a
/// warning whatever is expected of it. `goal` is as for [`judge`], `why` says what to do.
#[must_use]
pub fn unproven(goal: &str, why: &str) -> Judgement {
    Judgement {
        verdict: Verdict::Warn,
        findings: vec![Finding {
            expectation: None,
            level: Level::Prefer,
            expected: words::safe(goal),
            seen: words::safe(why),
            held: Some(false),
        }],
        course: None,
    }
}

/// Where all that was seen is one `false`, such as `exists` of a file, and an
/// expectation says that this is wrong, nothing else could have been seen: what
/// cannot be told for want of it is the same finding again. The verdict is that
/// of all of them, and what weighs more stays.
fn tell_absence_once(findings: &mut Vec<Finding>, facts: &Facts) {
    let mut values = facts.iter().map(|(_, value)| value);
    if !matches!(
        (values.next(), values.next()),
        (Some(Value::Bool(false)), None)
    ) {
        return;
    }
    let unmet = |level| {
        let mut findings = findings.iter();
        findings.any(|finding: &Finding| finding.held == Some(false) && finding.level == level)
    };
    let (required, preferred) = (unmet(Level::Require), unmet(Level::Prefer));
    findings.retain(|finding| {
        let told = match finding.level {
            Level::Require => required,
            Level::Prefer => required || preferred,
        };
        finding.held.is_some() || !told
    });
}

/// What one finding alone makes of a check.
fn weigh(finding: &Finding, advisory: bool) -> Verdict {
    match (finding.held, finding.level) {
        (Some(true), _) => Verdict::Pass,
        (Some(false) | None, Level::Require) if !advisory => Verdict::Blocked,
        (Some(false) | None, Level::Require | Level::Prefer) => Verdict::Warn,
    }
}

fn worse(left: Verdict, right: Verdict) -> Verdict {
    match (&left, &right) {
        (Verdict::Blocked, _) | (Verdict::Warn, Verdict::Pass) => left,
        _ => right,
    }
}
