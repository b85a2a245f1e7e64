//! Read-only readiness gates for a stack that comes back from a power cut.
//!
//! `docs/architecture.md` names the rooms and what may pass between them:
//! `baseline` → `plan` → `engine` → `scorecard` → `report`, with `probe`
//! observing through `transport` and `judge` judging what was observed.

pub mod baseline;
pub mod engine;
pub mod judge;
pub mod plan;
pub mod probe;
pub mod report;
pub mod scorecard;
pub mod state;
pub mod transport;

pub mod cli;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

// In-process servers, shared with the integration tests, which include them by
// path as well.
#[cfg(test)]
#[path = "../tests/servers/mod.rs"]
#[expect(dead_code, reason = "integration tests and the example use the rest")]
mod servers;
