//! Probes observe; they never judge. One file per kind under `kinds/`, one
//! line each in [`TABLE`].

mod context;
mod facts;
mod kind;
pub mod kinds;
mod observation;
mod pattern;
pub mod schedule;
mod table;

pub use context::{Context, Target};
pub use facts::{BOOT_ID, FactSpec, Facts, HOST_NOW, Type, Unit, Value};
pub use kind::{Defaults, Kind, KindEntry, NamedHosts, OptionProblem, Place, Probe, Request};
pub use kinds::{AlertTest, AlertTurn, SEND_FLAG};
pub use observation::{Observation, Outcome};
pub use pattern::{BadPattern, Pattern, plain};
pub use table::{TABLE, find};

// The rooms above speak of hosts, faults and secrets through this room, so
// that only probes know the transports.
pub use crate::transport::audit::{Audit, Clock};
pub use crate::transport::command::Policy;
pub use crate::transport::ssh::SshEnvironment;
pub use crate::transport::{
    ConnectionKey, Fault, FaultKind, Host, SecretRef, Secrets, SshSettings, Transports,
};

#[cfg(test)]
pub(crate) use kinds::exposition;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use kinds::read_marker;
