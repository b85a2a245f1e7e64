//! What has become of the one test that a check may send in a run.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::transport::alert_webhook::{Answer, Permit};

/// Leave to send one test, and what came of it, over all attempts of one check
/// in one run. The engine alone grants it.
#[derive(Debug)]
pub struct AlertTurn(Turn);

#[derive(Debug)]
pub(super) enum Turn {
    /// Nothing was posted so far.
    MaySend(Permit),
    /// The test of that id was posted, and no answer to it was read.
    Unanswered { id: String },
    /// The webhook has answered.
    Answered(Receipt),
}

/// A test that was posted and answered.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) id: String,
    /// The same moment by the wall clock and by the one that measures.
    pub(super) at: Timestamp,
    pub(super) sent: Instant,
    pub(super) answer: Answer,
}

impl AlertTurn {
    /// For one check in one run, of whoever was told to send a test.
    #[must_use]
    pub fn granted() -> Self {
        Self(Turn::MaySend(Permit::granted()))
    }

    pub(super) fn state(&self) -> &Turn {
        &self.0
    }

    /// The permit, once: from then on the test of that id counts as posted.
    pub(super) fn take(&mut self, id: &str) -> Option<Permit> {
        let next = match &self.0 {
            Turn::MaySend(_) => Turn::Unanswered { id: id.to_owned() },
            Turn::Unanswered { .. } | Turn::Answered(_) => return None,
        };
        match std::mem::replace(&mut self.0, next) {
            Turn::MaySend(permit) => Some(permit),
            Turn::Unanswered { .. } | Turn::Answered(_) => None,
        }
    }

    pub(super) fn answered(&mut self, receipt: Receipt) {
        self.0 = Turn::Answered(receipt);
    }
}
