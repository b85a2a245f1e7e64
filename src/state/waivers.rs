//! When a waiver was used.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::moment::{moment, stored};
use super::open::Trouble;
use super::{Problem, State};
use crate::scorecard::{Scorecard, WaiverState};

/// How often a waiver turned a warning into an accepted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverUse {
    /// The check.
    pub check: String,
    /// What tells the waiver from others of the same check.
    pub waiver: String,
    /// When it was used first.
    pub first_used: Timestamp,
    /// When it was used last.
    pub last_used: Timestamp,
    /// In how many runs.
    pub uses: u64,
}

/// Counts one use of each waiver that a run rests on.
pub(super) fn count_waivers(
    work: &Connection,
    card: &Scorecard,
    now: Timestamp,
) -> Result<(), Trouble> {
    let used = card
        .waivers
        .iter()
        .filter(|waiver| waiver.state == WaiverState::Used);
    for waiver in used {
        work.prepare_cached(
            "INSERT INTO waivers VALUES (?1, ?2, ?3, ?4, ?4, 1)
             ON CONFLICT DO UPDATE SET last_used = ?4, uses = uses + 1",
        )?
        .execute(params![
            card.baseline.name,
            waiver.check,
            waiver.key(),
            stored(now)
        ])?;
    }
    Ok(())
}

impl State {
    /// Every waiver that was ever used, by check.
    ///
    /// # Errors
    /// [`Problem`] when the file cannot be read.
    pub fn waivers(&mut self, baseline: &str) -> Result<Vec<WaiverUse>, Problem> {
        self.with(|connection, _| {
            let mut statement = connection.prepare_cached(
                "SELECT check_id, waiver, first_used, last_used, uses FROM waivers
                 WHERE baseline = ?1 ORDER BY check_id, waiver",
            )?;
            let mut rows = statement.query([baseline])?;
            let mut uses = Vec::new();
            while let Some(row) = rows.next()? {
                uses.push(WaiverUse {
                    check: row.get(0)?,
                    waiver: row.get(1)?,
                    first_used: moment(row.get(2)?)?,
                    last_used: moment(row.get(3)?)?,
                    uses: row.get::<_, i64>(4)?.unsigned_abs(),
                });
            }
            Ok(uses)
        })
    }
}
