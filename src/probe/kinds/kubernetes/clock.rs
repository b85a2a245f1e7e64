//! The clock that the ages of what a cluster tells are counted by.

use jiff::{SignedDuration, Timestamp};

/// A clock, when a list was given.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// What it showed.
    pub(super) now: Timestamp,
    /// Whose it is, in words.
    pub(super) whose: String,
    /// What the operator's showed at that moment, where that is another.
    pub(super) here: Option<Timestamp>,
}

impl Clock {
    /// How far it was ahead of the operator's, behind it when negative.
    pub(super) fn ahead(&self) -> Option<SignedDuration> {
        Some(self.now.duration_since(self.here?))
    }

    /// The operator's own.
    pub(super) fn of_operator(now: Timestamp) -> Self {
        Self {
            now,
            whose: "the machine that coldstart runs on".to_owned(),
            here: None,
        }
    }
}

/// `35 min ahead of`, `35 min behind`.
pub(super) fn apart(ahead: SignedDuration) -> String {
    let minutes = ahead.abs().as_mins();
    let side = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    format!("{minutes} min {side}")
}
