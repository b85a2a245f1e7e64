//! When a waiver was used.

use jiff::Timestamp;
use rusqlite::{TransactionBehavior, params};

use super::moment::{moment, stored};
use super::{Problem, State};

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

impl State {
    /// Counts one use of each of `used`, check and waiver.
    ///
    /// # Errors
    /// [`Problem`] when the file cannot be written.
    pub fn count_waivers(&mut self, baseline: &str, used: &[(&str, &str)]) -> Result<(), Problem> {
        if used.is_empty() {
            return Ok(());
        }
        self.with(|connection, clock| {
            let work = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let now = stored(clock());
            for (check, waiver) in used {
                work.prepare_cached(
                    "INSERT INTO waivers VALUES (?1, ?2, ?3, ?4, ?4, 1)
                     ON CONFLICT DO UPDATE SET last_used = ?4, uses = uses + 1",
                )?
                .execute(params![baseline, check, waiver, now])?;
            }
            work.commit()?;
            Ok(())
        })
    }

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
