//! The two clocks of a look, the operator's and the host's, and by which of them an
//! age is told.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::probe::{Facts, HOST_NOW, Observation, Value};

/// Clocks this far apart are not set quite alike; farther apart, one of them is wrong,
/// and which one nobody can tell from here.
pub(super) const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What the clocks said at a look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    /// The operator's, when the look had ended.
    here: Timestamp,
    /// From the look's beginning to that.
    elapsed: Duration,
    /// The host's own, at some time of the look; where the kind asks for it.
    host: Option<Timestamp>,
}

impl Clocks {
    /// Those of the look that saw `facts`.
    pub(super) fn of(observation: &Observation, facts: &Facts) -> Self {
        Self {
            here: observation.at,
            elapsed: observation.elapsed,
            host: match facts.get(HOST_NOW) {
                Some(Value::Time(at)) => Some(*at),
                _ => None,
            },
        }
    }

    /// What counts as now for what the host has written: its own clock, by which it
    /// wrote. Where one of the two is wrong it is the later one, by which nothing is
    /// younger than it is: a host whose clock stood still while it had no power tells
    /// the age that things had before.
    pub(super) fn now(&self) -> Timestamp {
        match self.host {
            Some(host) if self.is_one_wrong() => host.max(self.here),
            Some(host) => host,
            None => self.here,
        }
    }

    /// How far the host's clock is ahead of the operator's at least, below zero for
    /// behind, given that it may have been asked at any time of the look.
    pub(super) fn skew(&self) -> Option<SignedDuration> {
        let ahead = self.host?.duration_since(self.here);
        let elapsed = SignedDuration::try_from(self.elapsed).unwrap_or(SignedDuration::MAX);
        let at_most = ahead.saturating_add(elapsed);
        Some(if ahead.is_positive() {
            ahead
        } else {
            at_most.min(SignedDuration::ZERO)
        })
    }

    /// Whether they are too far apart to be both right.
    pub(super) fn is_one_wrong(&self) -> bool {
        self.skew()
            .is_some_and(|skew| skew > SKEW || skew < SignedDuration::ZERO - SKEW)
    }

    /// Both, where one of them is wrong: `the host's clock says …, the operator's …`.
    pub(super) fn told(&self, told: impl Fn(Timestamp) -> String) -> Option<String> {
        let host = self.host.filter(|_| self.is_one_wrong())?;
        Some(format!(
            "the host's clock says {}, the operator's {}: one of them is wrong",
            told(host),
            told(self.here)
        ))
    }

    /// The clock of [`Clocks::now`], by its owner.
    pub(super) fn owner(&self) -> &'static str {
        match self.host {
            Some(_) if self.is_one_wrong() => "the later clock",
            Some(_) => "the host's clock",
            None => "the operator's clock",
        }
    }

    /// The operator's alone.
    #[cfg(test)]
    pub(super) fn here(now: Timestamp) -> Self {
        Self {
            here: now,
            elapsed: Duration::ZERO,
            host: None,
        }
    }

    /// Both, of a look that took so long.
    #[cfg(test)]
    pub(super) fn both(here: Timestamp, elapsed: Duration, host: Timestamp) -> Self {
        Self {
            here,
            elapsed,
            host: Some(host),
        }
    }
}
