//! The runs that are kept, with their cards.

use rusqlite::{OptionalExtension, Row, params};

use super::memory::word_of;
use super::moment::moment;
use super::open::Trouble;
use super::{Problem, RunSummary, State};
use crate::scorecard::{BaselineRef, FirstBlocked, Totals};

/// A run as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// What it came to.
    pub summary: RunSummary,
    /// Its whole card, JSON as `schema/scorecard.schema.json` has it.
    pub card: String,
}

const SUMMARY: &str = "id, baseline, digest, started_at, finished_at, result, failure, whole, \
     pass, warn, blocked, not_evaluated, skipped, first_phase, first_check, \
     CASE WHEN json_valid(card) THEN coalesce(json_extract(card, '$.totals.accepted'), 0) ELSE 0 END";

impl State {
    /// The last `limit` runs, the latest first; of the baseline of that name,
    /// or of all.
    ///
    /// # Errors
    /// [`Problem`] when the file cannot be read.
    pub fn runs(&mut self, baseline: Option<&str>, limit: u32) -> Result<Vec<RunSummary>, Problem> {
        self.with(|connection, _| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {SUMMARY} FROM runs WHERE ?1 IS NULL OR baseline = ?1
                 ORDER BY id DESC LIMIT ?2"
            ))?;
            let mut rows = statement.query(params![baseline, limit])?;
            let mut runs = Vec::new();
            while let Some(row) = rows.next()? {
                runs.push(summary(row)?);
            }
            Ok(runs)
        })
    }

    /// The run of that number.
    ///
    /// # Errors
    /// [`Problem`] when the file cannot be read.
    pub fn run(&mut self, run: i64) -> Result<Option<StoredRun>, Problem> {
        self.with(|connection, _| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT {SUMMARY}, card FROM runs WHERE id = ?1"))?;
            let found = statement
                .query_row([run], |row| Ok(whole(row)))
                .optional()?;
            found.transpose()
        })
    }

    /// The last run of the baseline of that name; with `digest`, of exactly
    /// that file with all that it includes. How old it is, whether it left
    /// checks out ([`RunSummary::whole`]) and on which boots it was made
    /// (`hosts[]` of its card) is for the caller to look at, and so is a time
    /// to come, which a clock that was set back leaves behind.
    ///
    /// # Errors
    /// [`Problem`] when the file cannot be read.
    pub fn latest_run(
        &mut self,
        baseline: &str,
        digest: Option<&str>,
    ) -> Result<Option<StoredRun>, Problem> {
        self.with(|connection, _| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {SUMMARY}, card FROM runs
                 WHERE baseline = ?1 AND (?2 IS NULL OR digest = ?2) ORDER BY id DESC LIMIT 1"
            ))?;
            let found = statement
                .query_row(params![baseline, digest], |row| Ok(whole(row)))
                .optional()?;
            found.transpose()
        })
    }
}

fn whole(row: &Row<'_>) -> Result<StoredRun, Trouble> {
    Ok(StoredRun {
        summary: summary(row)?,
        card: row.get(16)?,
    })
}

fn summary(row: &Row<'_>) -> Result<RunSummary, Trouble> {
    let count = |column: usize| -> Result<usize, Trouble> {
        usize::try_from(row.get::<_, i64>(column)?)
            .map_err(|_| Trouble::Damaged("a count is negative".to_owned()))
    };
    let first: (Option<String>, Option<String>) = (row.get(13)?, row.get(14)?);
    Ok(RunSummary {
        run: row.get(0)?,
        baseline: BaselineRef {
            name: row.get(1)?,
            digest: row.get(2)?,
        },
        started_at: moment(row.get(3)?)?,
        finished_at: moment(row.get(4)?)?,
        result: word_of(&row.get::<_, String>(5)?)?,
        failure: row.get(6)?,
        whole: row.get(7)?,
        totals: Totals {
            pass: count(8)?,
            warn: count(9)?,
            accepted: count(15)?,
            blocked: count(10)?,
            not_evaluated: count(11)?,
            skipped: count(12)?,
        },
        first_blocked: match first {
            (Some(phase), Some(check)) => Some(FirstBlocked { phase, check }),
            _ => None,
        },
    })
}
