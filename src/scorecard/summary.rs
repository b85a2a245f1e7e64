//! A run in one line, for a list of runs.

use jiff::Timestamp;
use serde::Serialize;

use super::model::{BaselineRef, FirstBlocked, RunResult, Totals};

/// What is told of a run without its checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Its number in the state file.
    pub run: i64,
    /// What was checked against.
    pub baseline: BaselineRef,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What it came to.
    pub result: RunResult,
    /// Why it could not be completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Nothing of the baseline was left out on the command line.
    pub whole: bool,
    /// Checks by verdict.
    pub totals: Totals,
    /// The one that was to be fixed first.
    pub first_blocked: Option<FirstBlocked>,
}
