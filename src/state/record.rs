//! Takes in the card of a run, in one transaction.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::memory::{CheckMemory, WHOLE_RUN, streaks};
use super::moment::{moment, stored};
use super::open::Trouble;
use super::waivers::count_waivers;
use super::{Problem, State};
use crate::scorecard::{
    CheckCard, Gate, Held, Look, PhaseCard, RunResult, Scorecard, Streak, Verdict,
};

/// How much of a baseline a run looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All that its gates let it reach.
    Whole,
    /// The command line left checks out: such a run is never the last GREEN,
    /// and says nothing of usual durations.
    Part,
}

/// Cards that are kept of each baseline.
const RUNS: i64 = 500;
/// Cards that are kept however old they are: a clock that was set forward for
/// a moment must not take the whole history with it.
const RUNS_OF_ANY_AGE: i64 = 50;
/// How old the others may be.
const AGE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// What the cards of a baseline may come to in bytes; the last one is kept whatever it has.
const BYTES: i64 = 64 << 20;
/// Samples that are kept of each number: as many as a trend may count.
const SAMPLES: i64 = 64;
/// Boots that are kept of each host.
const BOOTS: i64 = 16;
/// Durations that are kept of each phase.
const DURATIONS: i64 = 20;

impl State {
    /// Records a run that has ended, and yields its number. All of it is
    /// recorded or nothing.
    ///
    /// # Errors
    /// [`Problem`] when the file cannot be written.
    pub fn record(&mut self, card: &Scorecard, extent: Extent) -> Result<i64, Problem> {
        // Before the file is held.
        let document = serde_json::to_string(card).unwrap_or_default();
        self.with(|connection, clock| {
            let work = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let now = clock();
            let run = keep_run(&work, card, &document, extent)?;
            keep_looks(&work, card, now)?;
            keep_boots(&work, card)?;
            if extent == Extent::Whole {
                keep_green(&work, card, now)?;
                keep_durations(&work, card, run)?;
            }
            count_waivers(&work, card, now)?;
            forget(&work, &card.baseline.name, now)?;
            work.commit()?;
            Ok(run)
        })
    }
}

/// As the JSON card writes it.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Reads as damage, which is never taken for a verdict.
        Ok(_) | Err(_) => String::new(),
    }
}

fn keep_run(
    work: &Connection,
    card: &Scorecard,
    document: &str,
    extent: Extent,
) -> Result<i64, Trouble> {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let first = card.first_blocked.as_ref();
    work.prepare_cached(
        "INSERT INTO runs (baseline, digest, started_at, finished_at, result, failure, whole,
             pass, warn, blocked, not_evaluated, skipped, first_phase, first_check, card)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?
    .execute(params![
        card.baseline.name,
        card.baseline.digest,
        stored(card.started_at),
        stored(card.finished_at),
        word(card.result),
        card.failure,
        extent == Extent::Whole,
        count(card.totals.pass),
        count(card.totals.warn),
        count(card.totals.blocked),
        count(card.totals.not_evaluated),
        count(card.totals.skipped),
        first.map(|first| first.phase.as_str()),
        first.map(|first| first.check.as_str()),
        document,
    ])?;
    Ok(work.last_insert_rowid())
}

/// What a run says of a check's course; nothing when nobody looked. A check
/// that a gate holds back does not pass: what it rests on is down. One that
/// was left out, or that the end of the run cut off, may be as it was.
/// With `--keep-going` it is looked at all the same, which is not to count.
fn look(check: &CheckCard, phase: &PhaseCard, card: &Scorecard) -> Option<Look> {
    let verdict = check
        .course
        .as_ref()
        .map_or(check.verdict, |course| course.verdict);
    let out_of_turn = card.keep_going && verdict == Verdict::Pass;
    let verdict = match phase.gate {
        Gate::NotEvaluated if out_of_turn && phase.held_by.is_some() => Verdict::NotEvaluated,
        // What it is `after` may be among what is blocked.
        Gate::Blocked if out_of_turn => return None,
        _ => verdict,
    };
    // Nobody knows on which side of the restart it was seen.
    let host = check.host.as_ref();
    if host.is_some_and(|host| card.disrupted.contains(host)) {
        return None;
    }
    let at = match (verdict, &check.held_by) {
        (Verdict::Pass | Verdict::Warn | Verdict::Blocked, _) => check.observed_at?,
        (Verdict::NotEvaluated, _) if out_of_turn => check.observed_at?,
        (Verdict::NotEvaluated, Some(Held::Gate(_) | Held::Check(_))) => card.finished_at,
        (Verdict::NotEvaluated, Some(Held::Deadline | Held::Interrupt) | None)
        | (Verdict::Skipped, _) => return None,
    };
    Some(Look {
        at,
        verdict,
        boot: check
            .host
            .as_deref()
            .and_then(|host| card.boot(host))
            .map(str::to_owned),
    })
}

fn keep_looks(work: &Connection, card: &Scorecard, now: Timestamp) -> Result<(), Trouble> {
    let baseline = &card.baseline.name;
    let known = streaks(work, baseline)?;
    let phases = card.phases.iter();
    for (phase, check) in phases.flat_map(|phase| phase.checks.iter().map(move |c| (phase, c))) {
        let Some(look) = look(check, phase, card) else {
            continue;
        };
        let streak = folded(known.get(&check.id), check, &look, now);
        work.prepare_cached(
            "INSERT OR REPLACE INTO streaks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            baseline,
            check.id,
            check.definition,
            word(streak.verdict),
            stored(streak.since),
            stored(streak.last),
            i64::try_from(streak.looks).unwrap_or(i64::MAX),
            streak.boot,
        ])?;
        keep_sample(work, baseline, check, &look, now)?;
    }
    Ok(())
}

fn folded(known: Option<&CheckMemory>, check: &CheckCard, look: &Look, now: Timestamp) -> Streak {
    match known.filter(|known| known.definition == check.definition) {
        Some(known) => {
            let longest_gap = check
                .course
                .as_ref()
                .and_then(|course| course.longest_gap_s)
                .and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
            known.streak.after(look, longest_gap, now).0
        }
        None => Streak::of(look),
    }
}

fn keep_sample(
    work: &Connection,
    baseline: &str,
    check: &CheckCard,
    look: &Look,
    now: Timestamp,
) -> Result<(), Trouble> {
    let Some(course) = &check.course else {
        return Ok(());
    };
    let (Some(fact), Some(value)) = (&course.follows, course.value) else {
        return Ok(());
    };
    // Of another check of that id, or of a time to come.
    work.prepare_cached(
        "DELETE FROM samples WHERE baseline = ?1 AND check_id = ?2
         AND (definition <> ?3 OR fact <> ?4 OR at > ?5)",
    )?
    .execute(params![
        baseline,
        check.id,
        check.definition,
        fact,
        stored(now)
    ])?;
    work.prepare_cached("INSERT OR REPLACE INTO samples VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            baseline,
            check.id,
            fact,
            stored(look.at),
            value,
            check.definition,
            look.boot,
        ])?;
    work.prepare_cached(
        "DELETE FROM samples WHERE baseline = ?1 AND check_id = ?2 AND fact = ?3 AND at <
             (SELECT min(at) FROM (SELECT at FROM samples
              WHERE baseline = ?1 AND check_id = ?2 AND fact = ?3 ORDER BY at DESC LIMIT ?4))",
    )?
    .execute(params![baseline, check.id, fact, SAMPLES])?;
    Ok(())
}

fn keep_boots(work: &Connection, card: &Scorecard) -> Result<(), Trouble> {
    let at = stored(card.finished_at);
    for host in &card.hosts {
        let Some(boot) = &host.boot_id else {
            continue;
        };
        work.prepare_cached(
            "INSERT INTO boots VALUES (?1, ?2, ?3, ?4, ?5, ?5)
             ON CONFLICT DO UPDATE SET last_seen = max(last_seen, ?5)",
        )?
        .execute(params![
            card.baseline.name,
            host.id,
            boot,
            host.booted_at.map(stored),
            at
        ])?;
        work.prepare_cached(
            "DELETE FROM boots WHERE baseline = ?1 AND host = ?2 AND boot NOT IN
                 (SELECT boot FROM boots WHERE baseline = ?1 AND host = ?2
                  ORDER BY last_seen DESC LIMIT ?3)",
        )?
        .execute(params![card.baseline.name, host.id, BOOTS])?;
    }
    Ok(())
}

/// Never moves back, but for one of a time to come, which is not believed.
fn keep_green(work: &Connection, card: &Scorecard, now: Timestamp) -> Result<(), Trouble> {
    if card.result != RunResult::Green {
        return Ok(());
    }
    let baseline = &card.baseline.name;
    let known: Option<i64> = work
        .prepare_cached("SELECT at FROM greens WHERE baseline = ?1")?
        .query_row([baseline], |row| row.get(0))
        .optional()?;
    if let Some(known) = known.map(moment).transpose()?
        && known >= card.finished_at
        && known <= now
    {
        return Ok(());
    }
    work.prepare_cached("INSERT OR REPLACE INTO greens VALUES (?1, ?2, ?3)")?
        .execute(params![
            baseline,
            stored(card.finished_at),
            card.baseline.digest
        ])?;
    work.prepare_cached("DELETE FROM green_boots WHERE baseline = ?1")?
        .execute([baseline])?;
    for host in &card.hosts {
        if let Some(boot) = &host.boot_id {
            work.prepare_cached("INSERT OR REPLACE INTO green_boots VALUES (?1, ?2, ?3)")?
                .execute(params![baseline, host.id, boot])?;
        }
    }
    Ok(())
}

/// Of phases that came through, and of runs that were not held up: how long
/// it took to find a gate shut says nothing of how long the way is.
fn keep_durations(work: &Connection, card: &Scorecard, run: i64) -> Result<(), Trouble> {
    if card.failure.is_some() {
        return Ok(());
    }
    let whole = matches!(card.result, RunResult::Green | RunResult::Degraded).then(|| {
        let elapsed = u64::try_from(card.elapsed().as_millis()).unwrap_or(u64::MAX);
        (WHOLE_RUN, elapsed)
    });
    let phases = card
        .phases
        .iter()
        .filter(|phase| matches!(phase.gate, Gate::Green | Gate::Warn))
        .map(|phase| (phase.id.as_str(), phase.elapsed_ms));
    for (phase, elapsed) in phases.chain(whole) {
        let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX);
        work.prepare_cached("INSERT OR REPLACE INTO durations VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![card.baseline.name, phase, run, elapsed])?;
        work.prepare_cached(
            "DELETE FROM durations WHERE baseline = ?1 AND phase = ?2 AND run NOT IN
                 (SELECT run FROM durations WHERE baseline = ?1 AND phase = ?2
                  ORDER BY run DESC LIMIT ?3)",
        )?
        .execute(params![card.baseline.name, phase, DURATIONS])?;
    }
    Ok(())
}

/// Keeps the file from growing without end.
fn forget(work: &Connection, baseline: &str, now: Timestamp) -> Result<(), Trouble> {
    let oldest = now.checked_sub(AGE).map_or(i64::MIN, stored);
    work.prepare_cached(
        "DELETE FROM runs WHERE baseline = ?1 AND (
             id <= (SELECT id FROM runs WHERE baseline = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
             OR (finished_at < ?3 AND id <=
                 (SELECT id FROM runs WHERE baseline = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?4)))",
    )?
    .execute(params![baseline, RUNS, oldest, RUNS_OF_ANY_AGE])?;
    // The last whose cards fit. Their lengths are known without reading them.
    work.prepare_cached(
        "DELETE FROM runs WHERE id IN (
             SELECT id FROM (
                 SELECT id, sum(octet_length(card)) OVER (ORDER BY id DESC) AS bytes,
                     row_number() OVER (ORDER BY id DESC) AS place
                 FROM runs WHERE baseline = ?1)
             WHERE bytes > ?2 AND place > 1)",
    )?
    .execute(params![baseline, BYTES])?;
    // Checks and phases that the baseline has no more.
    for (table, moment) in [("streaks", "last"), ("samples", "at")] {
        work.prepare_cached(&format!(
            "DELETE FROM {table} WHERE baseline = ?1 AND {moment} < ?2"
        ))?
        .execute(params![baseline, oldest])?;
    }
    Ok(())
}
