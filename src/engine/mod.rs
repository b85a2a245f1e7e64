//! Runs a plan: gates, retries, limits, deadline. Tells what happens as
//! events, folds them into the card, and owns the wall clock.

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
    /// What the run is for.
    pub purpose: Purpose,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody wants to know.
    #[default]
    Asked,
    /// A monitor runs it again and again, and nobody sits in front of it: what
    /// would send a message each time is left out.
    Monitor,
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
            purpose: Purpose::default(),
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
