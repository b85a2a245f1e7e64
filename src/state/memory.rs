//! What a run is told of earlier ones: plain data.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::moment::{moment, stored};
use super::open::Trouble;
use super::{LastGreen, Problem, State, Streak};
use crate::scorecard::Verdict;

/// What is remembered of a baseline.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// By the ids of checks.
    pub checks: HashMap<String, CheckMemory>,
    /// The last run of the whole baseline that was GREEN.
    pub last_green: Option<LastGreen>,
    /// The last boot that was seen of each host.
    pub boots: BTreeMap<String, String>,
    /// How long things usually take.
    pub usual: Usual,
}

/// What is remembered of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckMemory {
    /// The definition of the check that was looked at.
    pub definition: String,
    /// How long its verdict has stood.
    pub streak: Streak,
    /// What its trend saw, the latest last.
    pub samples: Vec<Sample>,
}

/// A number that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What it is of, as the baseline has it.
    pub fact: String,
    /// When.
    pub at: Timestamp,
    /// The number; durations in seconds.
    pub value: f64,
    /// The boot of the check's host, as far as it was known.
    pub boot: Option<String>,
}

/// Medians of the last completed runs of the whole baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usual {
    /// Of a run, from beginning to end.
    pub run: Option<Duration>,
    /// Of each phase that was let through.
    pub phases: BTreeMap<String, Duration>,
}

impl State {
    /// What is remembered of the baseline of that name. Whatever claims to be
    /// of a time to come is left out: the clock was set back since.
    ///
    /// # Errors
    /// [`Problem`] when the file cannot be read.
    pub fn memory(&mut self, baseline: &str) -> Result<Memory, Problem> {
        self.with(|connection, clock| {
            // One view for all of it.
            let view = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
            let checks = streaks(&view, baseline)?;
            // Only now is it certain what the view holds.
            let now = clock();
            let mut memory = Memory {
                checks,
                last_green: last_green(&view, baseline)?.filter(|green| green.at <= now),
                boots: boots(&view, baseline)?,
                usual: usual(&view, baseline)?,
            };
            memory.checks.retain(|_, check| check.streak.last <= now);
            add_samples(&view, baseline, now, &mut memory.checks)?;
            Ok(memory)
        })
    }
}

/// Every streak of a baseline, by check.
pub(super) fn streaks(
    connection: &Connection,
    baseline: &str,
) -> Result<HashMap<String, CheckMemory>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT check_id, definition, verdict, since, last, looks, boot
         FROM streaks WHERE baseline = ?1",
    )?;
    let mut rows = statement.query([baseline])?;
    let mut checks = HashMap::new();
    while let Some(row) = rows.next()? {
        checks.insert(row.get(0)?, check_memory(row)?);
    }
    Ok(checks)
}

fn check_memory(row: &Row<'_>) -> Result<CheckMemory, Trouble> {
    let streak = Streak {
        verdict: verdict(&row.get::<_, String>(2)?)?,
        since: moment(row.get(3)?)?,
        last: moment(row.get(4)?)?,
        looks: row.get::<_, i64>(5)?.unsigned_abs(),
        boot: row.get(6)?,
    };
    if streak.since > streak.last {
        return Err(Trouble::Damaged(
            "a streak ends before it begins".to_owned(),
        ));
    }
    Ok(CheckMemory {
        definition: row.get(1)?,
        streak,
        samples: Vec::new(),
    })
}

/// Words of the file, as the JSON card has them.
pub(super) fn verdict(word: &str) -> Result<Verdict, Trouble> {
    word_of(word)
}

/// What a word of the JSON card means.
pub(super) fn word_of<T: serde::de::DeserializeOwned>(word: &str) -> Result<T, Trouble> {
    serde_json::from_value(serde_json::Value::from(word))
        .map_err(|_| Trouble::Damaged(format!("`{}` means nothing", word.escape_debug())))
}

/// Only samples of the same definition as the streak's: others are of another check.
fn add_samples(
    connection: &Connection,
    baseline: &str,
    now: Timestamp,
    checks: &mut HashMap<String, CheckMemory>,
) -> Result<(), Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT check_id, fact, at, value, boot, definition
         FROM samples WHERE baseline = ?1 AND at <= ?2 ORDER BY at",
    )?;
    let mut rows = statement.query(params![baseline, stored(now)])?;
    while let Some(row) = rows.next()? {
        let Some(check) = checks.get_mut(&row.get::<_, String>(0)?) else {
            continue;
        };
        if check.definition == row.get::<_, String>(5)? {
            check.samples.push(Sample {
                fact: row.get(1)?,
                at: moment(row.get(2)?)?,
                value: row.get(3)?,
                boot: row.get(4)?,
            });
        }
    }
    Ok(())
}

fn last_green(connection: &Connection, baseline: &str) -> Result<Option<LastGreen>, Trouble> {
    let at: Option<i64> = connection
        .prepare_cached("SELECT at FROM greens WHERE baseline = ?1")?
        .query_row([baseline], |row| row.get(0))
        .optional()?;
    let Some(at) = at else {
        return Ok(None);
    };
    let mut statement =
        connection.prepare_cached("SELECT host, boot FROM green_boots WHERE baseline = ?1")?;
    let boots = statement
        .query_map([baseline], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(LastGreen {
        at: moment(at)?,
        boots,
    }))
}

fn boots(connection: &Connection, baseline: &str) -> Result<BTreeMap<String, String>, Trouble> {
    let mut statement = connection
        .prepare_cached("SELECT host, boot FROM boots WHERE baseline = ?1 ORDER BY last_seen")?;
    // A later row of a host takes the place of an earlier one.
    let boots = statement
        .query_map([baseline], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(boots)
}

/// The phase that stands for the whole run: no phase has an empty id.
pub(super) const WHOLE_RUN: &str = "";

fn usual(connection: &Connection, baseline: &str) -> Result<Usual, Trouble> {
    let mut statement =
        connection.prepare_cached("SELECT phase, elapsed_ms FROM durations WHERE baseline = ?1")?;
    let mut rows = statement.query([baseline])?;
    let mut times: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let elapsed = row.get::<_, i64>(1)?.unsigned_abs();
        times.entry(row.get(0)?).or_default().push(elapsed);
    }
    let mut medians: BTreeMap<String, Duration> = times
        .into_iter()
        .map(|(phase, times)| (phase, Duration::from_millis(median(times))))
        .collect();
    Ok(Usual {
        run: medians.remove(WHOLE_RUN),
        phases: medians,
    })
}

/// The middle one; of two in the middle the longer, as nobody is angry at a
/// wait that ends early.
fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::median;

    #[rstest]
    #[case(&[], 0)]
    #[case(&[7], 7)]
    #[case(&[9, 1], 9)]
    #[case(&[500, 2, 3], 3)]
    fn the_median_is_the_middle_one(#[case] times: &[u64], #[case] expected: u64) {
        assert_eq!(median(times.to_vec()), expected);
    }
}
