//! What `fresh` comes to.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a time stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FreshState {
    /// Young enough, or of the newest due run.
    OnTime,
    /// The newest due run is not there, and its grace is not over.
    NotDueYet,
    /// The newest due run is absent; the one before it is there.
    Late,
    /// Two due runs or more are absent.
    Missed,
    /// The time is zero.
    NeverRan,
    /// Older than is preferred.
    Old,
    /// Older than is allowed.
    TooOld,
    /// Later than now, by more than clocks may differ.
    InFuture,
    /// Fresh by clocks that do not agree: it is some minutes later than now, or the
    /// host's clock and the operator's are far apart.
    ClocksDiffer,
    /// The time could not be told.
    Untold,
}

/// What came of `fresh`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Freshness {
    /// The time, as written.
    pub time: String,
    /// Where it stands.
    pub state: FreshState,
    /// The time that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub at: Option<Timestamp>,
    /// How long before the look that was, below zero for the future: by the host's own
    /// clock where `clock_skew_s` is there, by the later of the two clocks where that is
    /// more than 300 to either side, and by the operator's otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_s: Option<f64>,
    /// How far the host's clock is ahead of the operator's at least, below zero for
    /// behind; where the check's kind asks the host for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_skew_s: Option<f64>,
    /// The newest due time whose run must be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub due_at: Option<Timestamp>,
    /// The next due time after the look.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub next_due_at: Option<Timestamp>,
    /// Due runs that are absent, 100 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent_runs: Option<u32>,
    /// Whether it was before the last boot of the check's host, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_boot: Option<bool>,
}

/// The last boot of a check's host.
#[derive(Debug, Clone, Copy)]
pub struct Booted<'a> {
    /// The host's id.
    pub host: &'a str,
    /// When.
    pub at: Timestamp,
}
