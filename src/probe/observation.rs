//! What came of one check's attempts.

use std::time::Duration;

use jiff::Timestamp;

use super::Facts;
use crate::transport::Fault;

/// Facts, or the fault that stood in their way.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// What was seen.
    Seen(Facts),
    /// Why nothing was seen.
    Fault(Fault),
}

/// The last attempt of a check. No judgement in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// When the last attempt ended; `now` in expectations.
    pub at: Timestamp,
    /// From the start of the first attempt to the end of the last.
    pub elapsed: Duration,
    /// How many attempts were made, at least 1.
    pub attempts: u32,
    /// What they came to.
    pub outcome: Outcome,
}
