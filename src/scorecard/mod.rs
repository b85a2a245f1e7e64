//! The result of one run: every planned check exactly once. The only input of
//! the reports.

mod causes;
mod diff;
mod event;
mod fold;
mod gate;
mod model;
mod network;
mod release;
mod summary;
mod waiver;

pub use diff::{Change, CheckChange, Difference, Reading, Side, difference};
pub use event::{
    Diagnosed, Ending, Event, PlannedCheck, PlannedCondition, PlannedPhase, PlannedRelease,
    PlannedRun, PlannedSignature,
};
pub use fold::Fold;
pub use gate::{Gate, gate, gate_with_accepted};
pub use model::{
    About, BaselineRef, CheckCard, DiagnosisCard, FirstBlocked, Guardrail, Held, HostCard,
    LastGreen, OwnNetwork, PhaseCard, Reason, ReleaseCard, Root, RunResult, Scorecard,
    SignatureCard, Tool, Totals,
};

pub use summary::RunSummary;
pub use waiver::{Accepted, Waiver, WaiverCard, WaiverState};

// Reports read verdicts and findings through the card that carries them.
pub use crate::judge::{Course, Finding, FreshState, Freshness, Level, Verdict};
pub use crate::probe::{Facts, Fault, FaultKind, Value};
// State keeps these.
pub use crate::judge::{Look, Streak};
// Events carry these.
pub use crate::judge::{Judgement, Recognised};
pub use crate::probe::{ConnectionKey, Observation, Outcome};

/// Version of the JSON card's shape; raised when a reader could break.
pub const SCHEMA_VERSION: u32 = 1;

/// The JSON Schema of the card.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Scorecard).to_value()
}
