//! The clock that the ages of what a cluster tells are counted by.

use jiff::{SignedDuration, Timestamp};

use crate::probe::{Context, FactSpec, Facts, HOST_NOW, Type};

/// What that clock shows when the check has its answer: a list may be another check's, and
/// minutes old.
pub(super) const NOW: FactSpec = FactSpec::new(
    HOST_NOW,
    Type::Time,
    "`nodes`, `cron_jobs` and `events`: what the clock of the API server, or of the host where kubectl runs, says at this look, by how far it was from the one here when the list was given; `fresh` tells ages by it. Absent where it is not told, and on the machine that coldstart runs on.",
);

/// Sets it.
pub(super) fn set_now(clock: Option<&Clock>, context: &Context, facts: &mut Facts) {
    let here = context.transports.clock.map(|clock| clock());
    let now = here.zip(clock.and_then(Clock::ahead));
    let now = now.and_then(|(here, ahead)| here.checked_add(ahead).ok());
    let whole = now.and_then(|now| Timestamp::from_second(now.as_second()).ok());
    facts.set_some(HOST_NOW, whole);
}

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
