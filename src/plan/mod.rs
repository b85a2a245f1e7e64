//! `Baseline` → `Plan`: checks expanded per host, phases in a stable
//! topological order, expectations typed against the facts of their kind.

mod build;
mod coverage;
mod diagnosis;
mod expand;
mod fresh;
mod further;
mod kind;
mod model;
mod order;
mod over_time;
mod release;
mod schema;
mod select;
mod signatures;
#[cfg(test)]
mod trial;
mod words;

pub use build::{build, further_problems};
pub use model::{Check, Condition, Diagnosis, Phase, Plan, Release, Retry, Signature};
pub use order::{Cycle, critical_path, topological};
pub use schema::{conceal, editor_schema, schema};
pub use select::{Selection, UnknownName};

// Those who print a plan speak of the baseline's words through this room.
pub use crate::baseline::Guardrail;
pub use crate::judge::{Coverage, Direction, Expectation, Fresh, Level, OverTime, Trend};
pub use crate::probe::{Host, Policy, Probe, Request, SecretRef, Target};
