//! Runs a plan: gates, retries, limits, deadline. Tells what happens as
//! events, folds them into the card, and owns the wall clock.

mod again;
mod attempt;
mod course;
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
pub use crate::scorecard::{Event, PlannedRun, ReleaseCard, RunResult, Scorecard, Waiver};
// What a run is told of earlier ones.
pub use crate::state::Memory;

/// How a run goes about its checks.
#[derive(Debug, Clone, PartialEq)]
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
    /// What is remembered of earlier runs. Without any, what is expected of more
    /// than one look cannot be told. A watch asks its [`Watcher`] instead.
    pub memory: Memory,
    /// Warnings that somebody has accepted, in the order of their file.
    pub waivers: Vec<Waiver>,
    /// What becomes of checks that would send a test alert.
    pub alert_test: AlertTest,
}

/// What a run does with a check that would send a test alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AlertTest {
    /// Sends nothing, and warns that the alert chain is unproven.
    #[default]
    Unproven,
    /// Sends it, once a run, when the check's turn has come. Not together with
    /// `keep_going`, under which no turn is waited for: then as `Unproven`.
    Send,
    /// Leaves the check out, for this reason.
    Skip(String),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 64,
            jobs_per_host: 8,
            deadline: None,
            keep_going: false,
            memory: Memory::default(),
            waivers: Vec::new(),
            alert_test: AlertTest::default(),
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
