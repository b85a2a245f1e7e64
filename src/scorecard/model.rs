//! The card's shape. `schema/scorecard.schema.json` is made from these types.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::gate::Gate;
use super::waiver::{Accepted, WaiverCard};
use crate::judge::{Course, Finding, Verdict};
use crate::probe::{Facts, Fault};

/// One run of one baseline.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Scorecard {
    /// Version of this shape.
    pub schema_version: u32,
    /// What made the card.
    pub tool: Tool,
    /// What was checked against.
    pub baseline: BaselineRef,
    /// When the run began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// When it ended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub finished_at: Timestamp,
    /// What it came to.
    pub result: RunResult,
    /// Why the run could not be completed; only with `CHECK_FAILED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The program's exit code for this card.
    pub exit_code: u8,
    /// Hosts that restarted in the middle of the run, or whose connection was lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disrupted: Vec<String>,
    /// Everything was evaluated for diagnosis (`--keep-going`).
    pub keep_going: bool,
    /// When a run of the whole baseline was last GREEN before this one, as far
    /// as it is remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_green: Option<Timestamp>,
    /// Checks by verdict.
    pub totals: Totals,
    /// The one to fix first.
    pub first_blocked: Option<FirstBlocked>,
    /// Set when nothing beyond the operator's machine answered.
    pub own_network: Option<OwnNetwork>,
    /// Blocked checks that have no other check as their cause, in plan order.
    pub roots: Vec<Root>,
    /// Hosts that the run logged in to.
    pub hosts: Vec<HostCard>,
    /// Every phase, in topological order.
    pub phases: Vec<PhaseCard>,
    /// Every release, each behind those that it comes after.
    pub releases: Vec<ReleaseCard>,
    /// What became of each waiver, in the order of their file.
    pub waivers: Vec<WaiverCard>,
}

/// The program.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Tool {
    /// `coldstart`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The baseline of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineRef {
    /// Its `name`.
    pub name: String,
    /// SHA-256 over the baseline and everything it includes, in hex.
    pub digest: String,
}

/// A run of a whole baseline that was GREEN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastGreen {
    /// When it ended.
    pub at: Timestamp,
    /// The boot of each host that it logged in to.
    pub boots: BTreeMap<String, String>,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunResult {
    /// Every gate is green: passes, and warnings that are accepted.
    Green,
    /// Warnings that nobody has accepted, nothing blocked.
    Degraded,
    /// At least one check is blocked.
    Blocked,
    /// The run could not be completed, so nothing may be concluded from it.
    CheckFailed,
}

impl RunResult {
    /// As the last line of a card prints it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Green => "GREEN",
            Self::Degraded => "DEGRADED",
            Self::Blocked => "BLOCKED",
            Self::CheckFailed => "CHECK_FAILED",
        }
    }

    /// The program's exit code, as monitoring plugins have it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Green => 0,
            Self::Degraded => 1,
            Self::Blocked => 2,
            Self::CheckFailed => 3,
        }
    }
}

/// How many checks came to each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// PASS.
    pub pass: usize,
    /// WARN that nobody has accepted.
    pub warn: usize,
    /// WARN that somebody has accepted.
    #[serde(default)]
    pub accepted: usize,
    /// BLOCKED.
    pub blocked: usize,
    /// NOT EVALUATED.
    pub not_evaluated: usize,
    /// SKIPPED.
    pub skipped: usize,
}

impl Totals {
    /// Counts `checks`.
    pub fn of<'a>(checks: impl IntoIterator<Item = &'a CheckCard>) -> Self {
        let mut totals = Self::default();
        for check in checks {
            match check.verdict {
                Verdict::Pass => totals.pass += 1,
                Verdict::Warn if check.accepted.is_some() => totals.accepted += 1,
                Verdict::Warn => totals.warn += 1,
                Verdict::Blocked => totals.blocked += 1,
                Verdict::NotEvaluated => totals.not_evaluated += 1,
                Verdict::Skipped => totals.skipped += 1,
            }
        }
        totals
    }

    /// Those that were looked at.
    #[must_use]
    pub fn evaluated(&self) -> usize {
        self.pass + self.warn + self.accepted + self.blocked
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> usize {
        self.evaluated() + self.not_evaluated + self.skipped
    }
}

/// The gate and check to fix first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstBlocked {
    /// First blocked phase in topological order.
    pub phase: String,
    /// The root behind its first blocked check.
    pub check: String,
}

/// The operator's own network, as the likely cause of all silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OwnNetwork {
    /// The root that stands for it: the first check that heard nothing.
    pub check: String,
    /// Every address that was tried, in plan order. None of them answered.
    pub addresses: Vec<String>,
}

/// A cause, and what it holds back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Root {
    /// The check.
    pub check: String,
    /// Checks that wait for it or failed because of it.
    pub holds_checks: usize,
    /// Other phases that those checks are in.
    pub holds_phases: usize,
}

/// A host as this run found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostCard {
    /// Its id.
    pub id: String,
    /// Changes with every boot.
    pub boot_id: Option<String>,
    /// When it booted.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub booted_at: Option<Timestamp>,
    /// Whether it has booted since the last GREEN; absent when that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebooted_since_green: Option<bool>,
}

/// One phase and its gate.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PhaseCard {
    /// Its id.
    pub id: String,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The phases that it waits for.
    pub needs: Vec<String>,
    /// Its decision.
    pub gate: Gate,
    /// The blocked phase upstream that keeps this gate from being decided.
    pub held_by: Option<String>,
    /// From its first check's start to its last check's end.
    pub elapsed_ms: u64,
    /// Every check, in plan order.
    pub checks: Vec<CheckCard>,
}

/// Whether something may be let loose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReleaseCard {
    /// Its id.
    pub id: String,
    /// What it is.
    pub title: Option<String>,
    /// All that it waits for was seen to hold in this run.
    pub open: bool,
    /// Why it is closed: everything that does not hold, or was not looked at.
    pub reasons: Vec<Reason>,
    /// Where to read about it.
    pub runbook: Option<String>,
}

/// Why a release is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reason {
    /// What `id` is.
    pub about: About,
    /// Of the phase, check or release; none where it is about the whole run.
    pub id: Option<String>,
    /// What is the matter with it: `is BLOCKED, fix k3s@k3s120 first`.
    pub why: String,
}

/// What a reason is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The gate of a phase.
    Gate,
    /// A check.
    Check,
    /// Another release.
    Release,
    /// The run itself.
    Run,
}

/// Who may repair what a check looks at, the strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub enum Guardrail {
    /// No automatic destructive action; human approval only.
    #[serde(rename = "BLOCK")]
    Block,
    /// Human in the loop for restart and repair.
    #[serde(rename = "CRITICAL_HITL")]
    CriticalHitl,
    /// Restart only with evidence and a check of the blast radius.
    #[serde(rename = "STANDARD_HITL")]
    StandardHitl,
    /// Automatic restart is allowed after verification.
    #[serde(rename = "AUTO")]
    Auto,
}

impl Guardrail {
    /// The tier's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Block => "BLOCK",
            Self::CriticalHitl => "CRITICAL_HITL",
            Self::StandardHitl => "STANDARD_HITL",
            Self::Auto => "AUTO",
        }
    }

    /// What the tier allows, for the person who is about to act.
    #[must_use]
    pub fn allows(self) -> &'static str {
        match self {
            Self::Block => "human approval only",
            Self::CriticalHitl => "restart or repair with a human in the loop",
            Self::StandardHitl => "restart only with evidence",
            Self::Auto => "automatic restart allowed",
        }
    }
}

/// What kept a check from being evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// A blocked phase upstream.
    Gate(String),
    /// A check of the same phase that it comes `after`.
    Check(String),
    /// The deadline of the run struck first.
    Deadline,
    /// The operator interrupted the run.
    Interrupt,
}

/// One check.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckCard {
    /// Its id, `ssh@data188`.
    pub id: String,
    /// The statement that it tests.
    pub title: String,
    /// The host that it is about.
    pub host: Option<String>,
    /// The hosts that it compares, by their ids; left out for a check of one or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Its kind.
    pub kind: String,
    /// What an answer would be: `echo replies from 192.168.0.120`.
    pub goal: String,
    /// What it came to.
    pub verdict: Verdict,
    /// Who accepted its warning; of no other verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Accepted>,
    /// At worst a warning.
    pub advisory: bool,
    /// Changes with what the check looks at and what it expects.
    pub definition: String,
    /// When it was looked at last in this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub observed_at: Option<Timestamp>,
    /// What came of `stable_for` and `trend`, where it has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
    /// Why it was not evaluated.
    pub held_by: Option<Held>,
    /// It had begun when the run ended.
    pub unfinished: bool,
    /// Why it was left out.
    pub skipped: Option<String>,
    /// The check whose failure is also this one's.
    pub cause: Option<String>,
    /// The fault that kept facts from being seen.
    pub fault: Option<Fault>,
    /// One for the fault, or one for each expectation; where there is nothing to
    /// look at (`exists = false`), only those that tell it.
    pub findings: Vec<Finding>,
    /// What was seen. Durations in seconds, times as RFC 3339.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub facts: Facts,
    /// Attempts made.
    pub attempts: u32,
    /// From the first attempt's start to the last one's end.
    #[serde(serialize_with = "milliseconds")]
    pub elapsed_ms: f64,
    /// What to do when it fails.
    pub remedy: Option<String>,
    /// Where to read about it.
    pub runbook: Option<String>,
    /// Who may repair it.
    pub guardrail: Option<Guardrail>,
    /// The name of its failure: the first signature of the baseline that was
    /// found in what it and its diagnosis saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureCard>,
    /// Further signatures that were found, in the order of the baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_signatures: Vec<SignatureCard>,
    /// What the looks of its diagnosis saw; only where it did not pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnosis: Vec<DiagnosisCard>,
}

/// A failure that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SignatureCard {
    /// Its id in the baseline.
    pub id: String,
    /// The failure's name.
    pub title: String,
    /// The line that tells it.
    pub matched: String,
    /// The kind of the probe that saw the line.
    pub seen_by: String,
    /// What to do about it; goes before the check's own remedy.
    pub remedy: Option<String>,
    /// Where to read about it.
    pub runbook: Option<String>,
    /// Who may do it. The stricter of this and the check's own holds.
    pub guardrail: Option<Guardrail>,
    /// The check or phase where its cause is to be looked for.
    pub go_back_to: Option<String>,
}

/// One look into a failure. Nothing was expected of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DiagnosisCard {
    /// The kind of its probe.
    pub kind: String,
    /// The host that it looked at.
    pub host: Option<String>,
    /// What was to be shown: `the journal of postgresql on data188`.
    pub goal: String,
    /// What kept facts from being seen.
    pub fault: Option<Fault>,
    /// What was seen. Durations in seconds, times as RFC 3339.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub facts: Facts,
}

/// A tenth of a millisecond is all that such a clock reading is worth.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn milliseconds<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((value * 10.0).round() / 10.0)
}

impl CheckCard {
    /// Every signature that was found, the one that names the failure first.
    pub fn signatures(&self) -> impl Iterator<Item = &SignatureCard> {
        self.signature.iter().chain(&self.other_signatures)
    }

    /// Who may repair it: the strictest of what the check and every signature
    /// that was found say.
    #[must_use]
    pub fn tier(&self) -> Option<Guardrail> {
        let found = self.signatures().filter_map(|found| found.guardrail);
        found.chain(self.guardrail).min()
    }
}

impl Scorecard {
    /// The check of that id, with its phase.
    #[must_use]
    pub fn check(&self, id: &str) -> Option<(&PhaseCard, &CheckCard)> {
        self.phases
            .iter()
            .flat_map(|phase| phase.checks.iter().map(move |check| (phase, check)))
            .find(|(_, check)| check.id == id)
    }

    /// The release of that id.
    #[must_use]
    pub fn release(&self, id: &str) -> Option<&ReleaseCard> {
        self.releases.iter().find(|release| release.id == id)
    }

    /// The boot of a host, where the run learned it.
    #[must_use]
    pub fn boot(&self, host: &str) -> Option<&str> {
        let host = self.hosts.iter().find(|known| known.id == host)?;
        host.boot_id.as_deref()
    }

    /// Every check, in plan order.
    pub fn checks(&self) -> impl Iterator<Item = &CheckCard> {
        self.phases.iter().flat_map(|phase| &phase.checks)
    }

    /// How long the run took.
    #[must_use]
    pub fn elapsed(&self) -> std::time::Duration {
        self.finished_at
            .duration_since(self.started_at)
            .unsigned_abs()
    }
}
