//! Why state cannot be used, for the operator.

use std::fmt;

/// Something that keeps state from being read or written. A run goes on
/// without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file it is about, or `in memory`.
    pub place: String,
    /// What was found, as a fragment that follows the place.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the state {} {}: {}", self.place, self.what, self.advice)
    }
}

impl std::error::Error for Problem {}
