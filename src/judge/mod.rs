//! Observation × expectations → verdict with findings. Pure functions.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Serialize;

use crate::probe::{FactSpec, Observation, Type};

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
    // The typed expression follows here.
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

impl Expectation {
    /// Parses and types `source` against the facts of a kind.
    ///
    /// # Errors
    /// [`ExpectationError`]: a syntax error, an unknown fact, or a type mismatch.
    pub fn compile(
        level: Level,
        source: &str,
        facts: &[FactSpec],
    ) -> Result<Self, ExpectationError> {
        let _ = (facts, Type::Bool);
        Ok(Self {
            level,
            source: source.to_owned(),
        })
    }
}

/// One expectation and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The expectation as written; absent when a fault kept everything from being seen.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Pass, Warn or Blocked: the other verdicts are not a judge's.
    pub verdict: Verdict,
    /// One for each expectation, or one for the fault.
    pub findings: Vec<Finding>,
}

/// Judges one observation. `goal` is what an answer would have been, for the
/// finding of a fault. An `advisory` check is at worst a warning.
#[must_use]
pub fn judge(
    observation: &Observation,
    expectations: &[Expectation],
    goal: &str,
    advisory: bool,
) -> Judgement {
    let _ = (observation, expectations, goal, advisory);
    Judgement {
        verdict: Verdict::Blocked,
        findings: Vec::new(),
    }
}
