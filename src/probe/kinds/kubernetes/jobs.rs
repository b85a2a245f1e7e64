//! What the lists of cron jobs and of jobs tell.

use jiff::Timestamp;

use super::clock::Clock;
use super::due::{Due, since_made};
use super::model::{CronJob, Job};
use super::options::{CronJobsAsked, JobsAsked};
use super::shown::{because, number, texts};
use crate::probe::{Facts, Value};

/// When a job of that cron job last ended well, as far as its jobs are kept.
fn success_of(cron_job: &CronJob, jobs: &[Job]) -> Option<Timestamp> {
    let meta = &cron_job.metadata;
    let own = jobs.iter().filter(|job| {
        job.metadata.namespace == meta.namespace
            && job.metadata.owner("CronJob") == Some(meta.name.as_str())
    });
    own.filter_map(Job::succeeded).max()
}

/// What is known of the runs of a cron job of which none ended well.
fn started(cron_job: &CronJob) -> String {
    if let Some(last) = cron_job.status.last_schedule_time.0 {
        return format!("last started at {last}");
    }
    match cron_job.metadata.creation_timestamp.0 {
        Some(made) => format!("never started since it was made at {made}"),
        None => "never started".to_owned(),
    }
}

/// Whether the cron jobs asked for do not all tell of a last success: clusters before
/// 1.21 never do, and their jobs have to be asked.
pub(super) fn needs_jobs(cron_jobs: &[CronJob], asked: &CronJobsAsked) -> bool {
    let selected = asked.part().of(cron_jobs);
    selected
        .iter()
        .any(|one| one.status.last_successful_time.0.is_none())
}

/// The earliest of the moments, if none of them is missing.
fn oldest(moments: &[(String, Option<Timestamp>)]) -> Option<Timestamp> {
    let all: Option<Vec<Timestamp>> = moments.iter().map(|(_, moment)| *moment).collect();
    all?.into_iter().min()
}

fn by_name(moments: Vec<(String, Option<Timestamp>)>) -> Value {
    let told = moments
        .into_iter()
        .filter_map(|(name, moment)| Some((name, Value::from(moment?))));
    Value::Map(told.collect())
}

/// `jobs` are the cluster's, where [`needs_jobs`]; `clock` is that of who gave the list, the
/// operator's where it told none.
pub(super) fn tell_cron_jobs(
    cron_jobs: &[CronJob],
    jobs: Option<&[Job]>,
    asked: &CronJobsAsked,
    clock: Option<&Clock>,
    facts: &mut Facts,
) {
    let part = asked.part();
    let selected = part.of(cron_jobs);
    let (mut suspended, mut never, mut not_due) = (Vec::new(), Vec::new(), Vec::new());
    let (mut successes, mut scheduled) = (Vec::new(), Vec::new());
    let (mut schedules, mut zones) = (Vec::new(), Vec::new());
    let mut active = 0;
    for one in &selected {
        let name = part.name(&one.metadata);
        if one.spec.suspend {
            suspended.push(name.clone());
        }
        active += one.status.active.len();
        let success = one.status.last_successful_time.0;
        let success = success.or_else(|| success_of(one, jobs?));
        schedules.push((name.clone(), Value::from(one.spec.schedule.as_str())));
        if let Some(zone) = &one.spec.time_zone {
            zones.push((name.clone(), Value::from(zone.as_str())));
        }
        if success.is_none() {
            match since_made(one, asked, clock) {
                // It has nothing to show, and takes nothing from what others show.
                Due::NotYet(told) => {
                    not_due.push(format!("{name}: {told}"));
                    continue;
                }
                Due::Was(why) => {
                    never.push(because(
                        &format!("{name}: {}", started(one)),
                        &why.unwrap_or_default(),
                        "",
                    ));
                }
            }
        }
        successes.push((name.clone(), success));
        scheduled.push((name, one.status.last_schedule_time.0));
    }
    facts.set("missing", part.missing(&selected));
    facts.set("count", number(selected.len()));
    facts.set("active_count", number(active));
    facts.set("suspended", texts(suspended));
    facts.set("without_success", texts(never));
    facts.set("not_due_yet", texts(not_due));
    facts.set_some("last_success", oldest(&successes));
    facts.set_some("last_schedule", oldest(&scheduled));
    facts.set("last_successes", by_name(successes));
    facts.set("last_schedules", by_name(scheduled));
    facts.set("schedules", Value::Map(schedules.into_iter().collect()));
    facts.set("time_zones", Value::Map(zones.into_iter().collect()));
}

/// Whether a later job of the same cron job has ended well.
fn is_made_up_for(failed: &Job, jobs: &[Job]) -> bool {
    let meta = &failed.metadata;
    let (Some(owner), Some(start)) = (meta.owner("CronJob"), failed.status.start_time.0) else {
        return false;
    };
    jobs.iter().any(|job| {
        job.metadata.namespace == meta.namespace
            && job.metadata.owner("CronJob") == Some(owner)
            && job.succeeded().is_some()
            && job.status.start_time.0.is_some_and(|other| other > start)
    })
}

pub(super) fn tell_jobs(jobs: &[Job], asked: &JobsAsked, facts: &mut Facts) {
    let part = asked.part();
    let selected = part.of(jobs);
    let (mut failed, mut unresolved) = (Vec::new(), Vec::new());
    let (mut active, mut succeeded) = (0, 0);
    for job in &selected {
        if let Some(condition) = job.is("Failed") {
            let name = part.name(&job.metadata);
            let told = because(&name, &condition.reason, &condition.message);
            if !is_made_up_for(job, jobs) {
                unresolved.push(told.clone());
            }
            failed.push(told);
        } else if job.is("Complete").is_some() {
            succeeded += 1;
        } else if job.status.active > 0 {
            active += 1;
        }
    }
    facts.set("missing", part.missing(&selected));
    facts.set("count", number(selected.len()));
    facts.set("active_count", number(active));
    facts.set("succeeded_count", number(succeeded));
    facts.set("failed_count", number(failed.len()));
    facts.set("failed", texts(failed));
    facts.set("unresolved", texts(unresolved));
}
