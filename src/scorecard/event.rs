//! What a run tells while it goes on, and what was planned before it began.
//! Phases and checks are named by their place in [`PlannedRun`].

use std::time::Duration;

use jiff::Timestamp;

use super::gate::Gate;
use super::model::{BaselineRef, Guardrail, Held, LastGreen};
use super::waiver::Waiver;
use crate::judge::{Judgement, Recognised};
use crate::probe::{Observation, Outcome};

/// Everything that a run will account for.
#[derive(Debug, Clone)]
pub struct PlannedRun {
    /// What is checked against.
    pub baseline: BaselineRef,
    /// See [`super::Scorecard::keep_going`].
    pub keep_going: bool,
    /// The last GREEN that is remembered.
    pub last_green: Option<LastGreen>,
    /// In topological order.
    pub phases: Vec<PlannedPhase>,
    /// In plan order: phase by phase.
    pub checks: Vec<PlannedCheck>,
    /// Each behind those that it comes after.
    pub releases: Vec<PlannedRelease>,
    /// Failures that have a name, in the file's order.
    pub signatures: Vec<PlannedSignature>,
    /// Warnings that somebody has accepted, in the order of their file.
    pub waivers: Vec<Waiver>,
}

/// A failure that has a name, before it was seen.
#[derive(Debug, Clone)]
pub struct PlannedSignature {
    /// Its id.
    pub id: String,
    /// The failure's name.
    pub title: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// Where to read about it.
    pub runbook: Option<String>,
    /// Who may do it.
    pub guardrail: Option<Guardrail>,
    /// The check or phase to look at.
    pub go_back_to: Option<String>,
}

/// What one look of a diagnosis came to.
#[derive(Debug, Clone)]
pub struct Diagnosed {
    /// The kind of its probe.
    pub kind: &'static str,
    /// The host that it looked at.
    pub host: Option<String>,
    /// What was to be shown.
    pub goal: String,
    /// What was seen.
    pub outcome: Outcome,
}

/// A phase before its run.
#[derive(Debug, Clone)]
pub struct PlannedPhase {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// Places of the phases that it waits for; all of them come before it.
    pub needs: Vec<usize>,
}

/// A check before its run.
#[derive(Debug, Clone)]
pub struct PlannedCheck {
    /// Place of its phase.
    pub phase: usize,
    /// Its id.
    pub id: String,
    /// The statement that it tests.
    pub title: String,
    /// The host that it is about.
    pub host: Option<String>,
    /// See [`super::CheckCard::also`].
    pub also: Vec<String>,
    /// Its kind.
    pub kind: &'static str,
    /// What an answer would be.
    pub goal: String,
    /// It looks beyond the operator's own machine.
    pub beyond: bool,
    /// At worst a warning.
    pub advisory: bool,
    /// See [`super::CheckCard::definition`].
    pub definition: String,
    /// What to do when it fails.
    pub remedy: Option<String>,
    /// Where to read about it.
    pub runbook: Option<String>,
    /// Who may repair it.
    pub guardrail: Option<Guardrail>,
}

/// A release before its decision.
#[derive(Debug, Clone)]
pub struct PlannedRelease {
    /// Its id.
    pub id: String,
    /// What it is.
    pub title: Option<String>,
    /// Places of the phases whose gates must be GREEN.
    pub needs: Vec<usize>,
    /// What must hold of single checks besides.
    pub require: Vec<PlannedCondition>,
    /// Places of the releases that must be open before; all of them come before it.
    pub after: Vec<usize>,
    /// Where to read about it.
    pub runbook: Option<String>,
}

/// A check that must pass before a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedCondition {
    /// Its place.
    pub check: usize,
    /// For how long it has to have passed.
    pub stable_for: Option<Duration>,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A phase's gates upstream let it start.
    PhaseStarted {
        /// Its place.
        phase: usize,
    },
    /// An attempt began.
    CheckStarted {
        /// The check's place.
        check: usize,
        /// From 1.
        attempt: u32,
    },
    /// A check was looked at and judged.
    CheckJudged {
        /// The check's place.
        check: usize,
        /// What was seen.
        observation: Observation,
        /// What it came to.
        judgement: Judgement,
    },
    /// A check that did not pass was looked into. Follows its verdict, and
    /// changes nothing about it; does not come when the run ends before.
    CheckDiagnosed {
        /// The check's place.
        check: usize,
        /// Its looks, in the order of the file.
        looks: Vec<Diagnosed>,
        /// The signatures found, in the order of the file.
        recognised: Vec<Recognised>,
    },
    /// A check will not be looked at in this run.
    CheckHeld {
        /// The check's place.
        check: usize,
        /// Why.
        by: Held,
        /// Since its first attempt began, where one had.
        unfinished: Option<Duration>,
    },
    /// A check was left out on purpose.
    CheckSkipped {
        /// The check's place.
        check: usize,
        /// Why.
        why: String,
    },
    /// A phase's gate is decided.
    PhaseFinished {
        /// Its place.
        phase: usize,
        /// Its decision.
        gate: Gate,
        /// The blocked phase upstream, if that is what decides it.
        held_by: Option<usize>,
        /// From its first check's start to its last check's end.
        elapsed: Duration,
    },
    /// Nothing more will happen.
    Finished {
        /// When.
        at: Timestamp,
        /// How.
        ending: Ending,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Everything that gates allowed was looked at.
    Complete,
    /// The same, but these hosts restarted meanwhile, or their connections were
    /// lost: what was seen of them before is of no worth.
    Disrupted(Vec<String>),
    /// The deadline of the run struck.
    Deadline(Duration),
    /// The operator interrupted it.
    Interrupted,
}
