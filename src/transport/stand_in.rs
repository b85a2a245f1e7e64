//! What answers in the place of hosts and networks while the program is fuzzed.

use std::fmt;

use super::Stream;
use super::command::{Output, ReadOnlyCommand};

/// Answers everything that the checks of a run send.
pub trait StandIn: fmt::Debug + Send + Sync {
    /// What a command leaves.
    fn exec(&self, command: &ReadOnlyCommand) -> Output;
    /// A connection that has opened.
    fn connect(&self) -> Box<dyn Stream>;
}
