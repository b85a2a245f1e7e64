//! A plan: everything that a run will do, decided before anything is sent.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::baseline::Located;
use crate::judge::{Coverage, Expectation, OverTime};
use crate::probe::{self, Defaults, Host, Policy, Probe, Request, SecretRef, Target};

/// A baseline made ready to run.
#[derive(Debug)]
pub struct Plan {
    /// The baseline's name.
    pub name: String,
    /// SHA-256 over the baseline and everything it includes, in hex.
    pub digest: String,
    /// See [`crate::baseline::Baseline::metrics_prefix`].
    pub metrics_prefix: String,
    /// Every host, in the file's order.
    pub hosts: Vec<Arc<Host>>,
    /// In topological order; ties in the file's order.
    pub phases: Vec<Phase>,
    /// Phase by phase; within a phase in the file's order as far as `after` allows.
    pub checks: Vec<Check>,
    /// What is let loose when gates are green, in an order in which each comes
    /// behind those that it is `after`; ties in the file's order.
    pub releases: Vec<Release>,
    /// Which service is protected at which layer, where the baseline says.
    pub coverage: Option<Coverage>,
    /// What commands may run.
    pub policy: Policy,
    /// Failures that have a name, in the file's order.
    pub signatures: Vec<Signature>,
}

/// A node of the graph.
#[derive(Debug, Clone)]
pub struct Phase {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// Places of the phases it needs; all of them come before it.
    pub needs: Vec<usize>,
    /// Places of its checks.
    pub checks: Range<usize>,
}

/// One probe of one target with its expectations.
#[derive(Debug)]
pub struct Check {
    /// `postgres`, or `ssh@data188` when it is `on` a host.
    pub id: String,
    /// The statement that it tests.
    pub title: String,
    /// Place of its phase.
    pub phase: usize,
    /// Whom it looks at.
    pub target: Target,
    /// The name of its kind.
    pub kind: &'static str,
    /// The probe, with its options read.
    pub probe: Box<dyn Probe>,
    /// Default and own expectations, the required ones first.
    pub expectations: Vec<Expectation>,
    /// What is expected of more than one look.
    pub over_time: OverTime,
    /// 16 hexadecimal digits that change with its kind, options, expectations
    /// or target, so that looks at something else are not taken for its own.
    pub definition: String,
    /// The secrets that the probe needs, where the file refers to them.
    pub secrets: Vec<Located<SecretRef>>,
    /// At worst a warning.
    pub advisory: bool,
    /// How often to try.
    pub retry: Retry,
    /// Places of the checks of its phase that must not be blocked before it starts.
    pub after: Vec<usize>,
    /// Places of the checks that must have been decided before it starts, whatever
    /// they came to and wherever they are; only of the kind `coverage`.
    pub awaits: Vec<usize>,
    /// What to do when it fails.
    pub remedy: Option<String>,
    /// Where to read about it.
    pub runbook: Option<String>,
    /// Who may repair what it looks at.
    pub guardrail: Option<crate::baseline::Guardrail>,
    /// Looks to take when it fails, at once and once each.
    pub diagnosis: Vec<Diagnosis>,
    /// Places of the signatures that watch it, in the file's order.
    pub signatures: Vec<usize>,
}

/// A look that a failed check calls for. Nothing is expected of it.
#[derive(Debug)]
pub struct Diagnosis {
    /// The name of its kind.
    pub kind: &'static str,
    /// Whom it looks at.
    pub target: Target,
    /// The probe, with its options read.
    pub probe: Box<dyn Probe>,
}

impl Diagnosis {
    /// The host that it looks at.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.target.host.as_deref().map(|host| host.id.as_str())
    }

    /// What it would show.
    #[must_use]
    pub fn goal(&self) -> String {
        self.probe.goal(&self.target)
    }

    /// Exactly what would be sent, in order.
    #[must_use]
    pub fn requests(&self, policy: &Policy) -> Vec<Request> {
        self.probe.requests(&self.target, policy)
    }
}

/// A failure that has a name.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Its id.
    pub id: String,
    /// The failure's name.
    pub title: String,
    /// What tells it.
    pub tells: crate::judge::Signature,
    /// What to do about it.
    pub remedy: Option<String>,
    /// Where to read about it.
    pub runbook: Option<String>,
    /// Who may do it.
    pub guardrail: Option<crate::baseline::Guardrail>,
    /// The check or phase to look at.
    pub go_back_to: Option<String>,
}

/// Something that is let loose only when gates are green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its id.
    pub id: String,
    /// What it is.
    pub title: Option<String>,
    /// Places of the phases whose gates must be GREEN, those upstream of the
    /// named ones with them.
    pub needs: Vec<usize>,
    /// What must hold of single checks, in the file's order.
    pub require: Vec<Condition>,
    /// Places of the releases that must be open before; all of them come before it.
    pub after: Vec<usize>,
    /// Where to read about it.
    pub runbook: Option<String>,
}

/// A check that must pass before a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Place of the check.
    pub check: usize,
    /// For how long it has to have passed.
    pub stable_for: Option<Duration>,
}

/// How often to try a check before its verdict stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// Pause before the second attempt.
    pub delay: Duration,
    /// Each later pause is this many times the one before.
    pub backoff: f64,
}

impl Retry {
    /// The pause after attempt `attempt` (from 1).
    #[must_use]
    pub fn pause_after(&self, attempt: u32) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.delay.as_secs_f64() * self.backoff.powi(exponent);
        // An hour is longer than any run that has a use for its answer.
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(MAX_PAUSE)
            .min(MAX_PAUSE)
    }
}

const MAX_PAUSE: Duration = Duration::from_hours(1);

impl Check {
    /// The host that it is about.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.target.host.as_deref().map(|host| host.id.as_str())
    }

    /// Whether it may learn the boot of its host.
    #[must_use]
    pub fn tells_boot(&self) -> bool {
        probe::find(self.kind)
            .is_some_and(|kind| kind.facts.iter().any(|fact| fact.name == probe::BOOT_ID))
    }

    /// Every host that it looks at: the one that it is about, or those that its
    /// kind's options name.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.target.hosts().map(|host| host.id.as_str())
    }

    /// What an answer would be, for a card that reports a fault instead.
    #[must_use]
    pub fn goal(&self) -> String {
        self.probe.goal(&self.target)
    }

    /// Exactly what would be sent, in order.
    #[must_use]
    pub fn requests(&self, policy: &Policy) -> Vec<Request> {
        self.probe.requests(&self.target, policy)
    }

    /// The longest that its attempts can take: each opens its connection and
    /// then has the probe's own time.
    #[must_use]
    pub fn worst_case(&self) -> Duration {
        let pauses: Duration = (1..self.retry.attempts)
            .map(|attempt| self.retry.pause_after(attempt))
            .sum();
        self.target.connect_timeout + self.target.timeout * self.retry.attempts + pauses
    }

    /// Whether it tells of the plan's coverage, and asks no target anything.
    #[must_use]
    pub fn tells_coverage(&self) -> bool {
        self.kind == super::coverage::KIND
    }

    /// What its kind expects by itself.
    #[must_use]
    pub fn defaults(&self) -> Defaults {
        self.probe.defaults()
    }
}

impl Plan {
    /// The check of that id.
    #[must_use]
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Every secret that its checks refer to, once each, at its first place.
    #[must_use]
    pub fn secrets(&self) -> Vec<&Located<SecretRef>> {
        let mut secrets: Vec<&Located<SecretRef>> = Vec::new();
        for secret in self.checks.iter().flat_map(|check| &check.secrets) {
            if !secrets.iter().any(|known| known.value == secret.value) {
                secrets.push(secret);
            }
        }
        secrets
    }

    /// Places of the phases that come after `phase`, directly or not.
    #[must_use]
    pub fn downstream(&self, phase: usize) -> Vec<usize> {
        let mut reached = vec![false; self.phases.len()];
        for later in phase + 1..self.phases.len() {
            reached[later] = self.phases[later]
                .needs
                .iter()
                .any(|&need| need == phase || reached[need]);
        }
        (0..self.phases.len())
            .filter(|&later| reached[later])
            .collect()
    }

    /// The phases of the chain that takes longest when everything takes its
    /// worst, and how long that is.
    #[must_use]
    pub fn critical_path(&self) -> (Vec<usize>, Duration) {
        let needs: Vec<&[usize]> = self
            .phases
            .iter()
            .map(|phase| phase.needs.as_slice())
            .collect();
        let cost: Vec<Duration> = self
            .phases
            .iter()
            .map(|phase| self.phase_worst_case(phase))
            .collect();
        super::critical_path(&needs, &cost)
    }

    /// The longest chain of checks in a phase: they run at once, but for `after`.
    fn phase_worst_case(&self, phase: &Phase) -> Duration {
        let offset = phase.checks.start;
        let checks = &self.checks[phase.checks.clone()];
        let after: Vec<Vec<usize>> = checks
            .iter()
            .map(|check| check.after.iter().map(|place| place - offset).collect())
            .collect();
        let needs: Vec<&[usize]> = after.iter().map(Vec::as_slice).collect();
        let cost: Vec<Duration> = checks.iter().map(Check::worst_case).collect();
        super::critical_path(&needs, &cost).1
    }
}

#[cfg(test)]
mod tests;
