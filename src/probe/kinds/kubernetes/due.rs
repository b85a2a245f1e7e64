//! Whether a cron job was due since it was made.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::clock::{Clock, apart};
use super::model::CronJob;
use super::options::CronJobsAsked;
use crate::probe::schedule::{Schedule, zone};

/// No clock is further behind UTC than this, and none further ahead.
const BEHIND: SignedDuration = SignedDuration::from_hours(12);
const AHEAD: SignedDuration = SignedDuration::from_hours(14);

/// A job made further in the future than this was made by another clock than that of `now`.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What a cron job of which no run ended well has to show for itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet; in words.
    NotYet(String),
    /// A run, or nobody can tell that there need not be one; the reason, where it is the
    /// schedule or a clock.
    Was(Option<String>),
}

/// When its controller starts it first, or, where nothing tells in which zone that is, when
/// it does so at the earliest, and that this is so.
fn first(job: &CronJob, asked: &CronJobsAsked, made: Timestamp) -> Result<(Timestamp, bool), ()> {
    let every = &job.spec.schedule;
    let name = job.spec.time_zone.as_deref().or(asked.zone.as_deref());
    let read = |name, clock| Schedule::parse(every, name, clock).map_err(drop);
    let Some(name) = name else {
        // Clocks of all zones show what UTC's does from 12 hours ago to 14 hours ahead. So
        // what is due on none of them between `made` and now is not due in any zone.
        let schedule = read("UTC", TimeZone::UTC)?;
        let from = made.checked_sub(BEHIND).map_err(drop)?;
        let due = schedule.after(from).ok_or(())?;
        let earliest = due.checked_sub(AHEAD).map_err(drop)?;
        return Ok((earliest.max(made), true));
    };
    let schedule = read(name, zone(name).map_err(drop)?)?;
    Ok((schedule.after(made).ok_or(())?, false))
}

/// Whether a cron job of which no run ended well was due by `clock`, and its grace is over.
///
/// It counts from `metadata.creationTimestamp`, as the controller does. A run that was due and
/// not started, because the cluster was off for longer than `startingDeadlineSeconds` say, was
/// due all the same.
pub(super) fn since_made(job: &CronJob, asked: &CronJobsAsked, clock: Option<&Clock>) -> Due {
    let (Some(made), Some(clock)) = (job.metadata.creation_timestamp.0, clock) else {
        return Due::Was(None);
    };
    let now = clock.now;
    // It was started, and nothing of it runs: that run did not end well.
    let has_ended = job.status.last_schedule_time.0.is_some() && job.status.active.is_empty();
    if job.spec.suspend || has_ended {
        return Due::Was(None);
    }
    let ahead = made.duration_since(now);
    if ahead > SKEW {
        let (apart, whose) = (apart(ahead), &clock.whose);
        let wrong = format!("that is {apart} the clock of {whose}, so a clock is wrong");
        return Due::Was(Some(wrong));
    }
    let Ok((first, at_earliest)) = first(job, asked, made) else {
        let zone = match &job.spec.time_zone {
            Some(zone) => format!(" in {zone:?}"),
            None => String::new(),
        };
        let unread = format!("{:?}{zone} does not tell when it is due", job.spec.schedule);
        return Due::Was(Some(unread));
    };
    let Ok(until) = first.checked_add(asked.grace()) else {
        return Due::Was(None);
    };
    if now > until {
        return Due::Was(None);
    }
    let how = if at_earliest {
        " at the earliest, in whichever time zone that is"
    } else {
        ""
    };
    Due::NotYet(format!(
        "made at {made:.0}, first due at {first:.0}{how}, to have ended well by {until:.0}"
    ))
}

#[cfg(test)]
mod tests;
