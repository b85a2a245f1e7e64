//! Schedules: a cron expression, a zone, a grace in seconds, and a last run and now in
//! seconds since 1970, each on a line of its own.

use std::time::Duration;

use jiff::Timestamp;

use super::report::assert_harmless;
use super::run::NOW;
use crate::judge::{Fresh, FreshRule, FreshState, OverTime, Past, Remembered, Schedule, zone};
use crate::judge::{ScheduleError, judge};
use crate::probe::{FactSpec, Facts, Observation, Outcome, Type};

const FACTS: &[FactSpec] = &[FactSpec::new("t", Type::Time, "")];

/// What is refused is told; what is taken comes, both ways to the same times, and a run
/// at a due time is on time then.
pub(super) fn target(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.lines();
    let every = lines.next().unwrap_or_default();
    let name = lines.next().unwrap_or("UTC");
    let mut number = || lines.next().and_then(|line| line.parse::<i64>().ok());
    let grace = number().unwrap_or(3600).unsigned_abs();
    let last = number().unwrap_or(NOW - 90_000);
    let now = number().unwrap_or(NOW);
    let schedule = match zone(name).and_then(|clock| Schedule::parse(every, name, clock)) {
        Ok(schedule) => schedule,
        Err(ScheduleError {
            message,
            suggestion,
        }) => {
            assert_harmless(&message);
            assert_harmless(&suggestion);
            return;
        }
    };
    assert!(!schedule.longest_pause().is_negative());
    let rule = FreshRule::Due {
        schedule: Box::new(schedule),
        grace: Duration::from_secs(grace),
    };
    let Ok(fresh) = Fresh::compile("t", FACTS, rule) else {
        panic!("`t` is a time");
    };
    assert_harmless(&fresh.statement());
    let times = (Timestamp::from_second(last), Timestamp::from_second(now));
    let (Ok(last), Ok(now)) = times else {
        return;
    };
    let state = judged(&fresh, last, now);
    if let (Some(state), Some(due)) = (state.0, state.1)
        && due <= now
        && due > Timestamp::UNIX_EPOCH
    {
        assert_ne!(state, FreshState::Untold);
        let again = judged(&fresh, due, due).0;
        assert_eq!(again, Some(FreshState::OnTime), "a run at {due}");
    }
}

/// The state, and the newest due time whose run must be there.
fn judged(
    fresh: &Fresh,
    last: Timestamp,
    now: Timestamp,
) -> (Option<FreshState>, Option<Timestamp>) {
    let mut facts = Facts::new();
    facts.set("t", last);
    let observation = Observation {
        at: now,
        elapsed: Duration::ZERO,
        attempts: 1,
        outcome: Outcome::Seen(facts),
    };
    let rules = OverTime {
        fresh: Some(fresh.clone()),
        ..OverTime::default()
    };
    let past = Past {
        remembered: Remembered::Nothing,
        samples: &[],
        boot: None,
        booted: None,
    };
    let looked = judge(&observation, &[], "an answer", false);
    let judgement = rules.judge(looked, &observation, &past, false);
    for finding in &judgement.findings {
        assert_harmless(&finding.expected);
        assert_harmless(&finding.seen);
    }
    let fresh = judgement.course.and_then(|course| course.fresh);
    (
        fresh.as_ref().map(|fresh| fresh.state),
        fresh.and_then(|fresh| fresh.due_at),
    )
}
