//! Runs a plan: gates, retries, limits, deadline. Tells what happens as
//! events, folds them into the card, and owns the wall clock.

mod attempt;
mod diagnosis;
mod planned;
mod run;
mod watch;

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch as signal;

pub use planned::{planned_run, tier};
pub use run::run;
pub use watch::{Watch, Watcher, watch};

// Those who start a run make its transports, and show its events and its card.
pub use crate::probe::{Audit, Clock, SecretRef, Secrets, SshEnvironment, Transports};
pub use crate::scorecard::{Event, PlannedRun, RunResult, Scorecard};

/// How a run goes about its checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Attempts under way at once.
    pub jobs: usize,
    /// Attempts under way at once that look at one host.
    pub jobs_per_host: usize,
    /// Time for the whole run.
    pub deadline: Option<Duration>,
    /// Look at everything, whatever gates and `after` say. Nothing waits for
    /// anything then, so that a dead host still costs one connect timeout.
    pub keep_going: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 64,
            jobs_per_host: 8,
            deadline: None,
            keep_going: false,
        }
    }
}

/// Turns true when the operator wants the run to end.
pub type Stop = signal::Receiver<bool>;

/// The wall clock.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests;
