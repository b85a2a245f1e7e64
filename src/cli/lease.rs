//! `gate --lease`: an open decision of a moment ago that may stand in for a new
//! run, if it was made of the same baseline and its hosts have not booted since.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::job::Job;
use crate::engine::Scorecard;
use crate::plan::{Check, Plan};
use crate::state::StoredRun;

/// A run that found a release open.
#[derive(Debug)]
pub(super) struct Lease {
    /// When it began: nothing that it saw is older.
    pub(super) started_at: Timestamp,
    /// How long ago that is.
    pub(super) age: SignedDuration,
    /// Its decision, as the card's `releases` have it.
    pub(super) release: Value,
    /// Its whole card.
    pub(super) card: Value,
    /// The boots that it saw, by host.
    boots: BTreeMap<String, String>,
}

impl Lease {
    /// Looks whether `run`, the last one of this baseline, decided on `release`
    /// within `longest`, and saw the boot of every host that the decision is about.
    ///
    /// # Errors
    /// Why it cannot stand in.
    pub(super) fn of(
        run: &StoredRun,
        release: &str,
        (plan, left_out): (&Plan, &[Option<String>]),
        longest: Duration,
        now: Timestamp,
    ) -> Result<Self, String> {
        let card: Value = serde_json::from_str(&run.card)
            .map_err(|_| "the card of the last run cannot be read".to_owned())?;
        if card["tool"]["version"] != env!("CARGO_PKG_VERSION") {
            return Err("the last run was another version's".to_owned());
        }
        if let Some(host) = card["disrupted"].as_array().and_then(|lost| lost.first()) {
            let host = host.as_str().unwrap_or("a host");
            return Err(format!("{host} dropped out of the last run"));
        }
        if run.summary.finished_at > now {
            return Err("the last run is later than the clock of this machine".to_owned());
        }
        let started_at = run.summary.started_at;
        let age = aged(started_at, longest, now)?;
        let decided = card["releases"]
            .as_array()
            .and_then(|all| all.iter().find(|decided| decided["id"] == release));
        let decided = match decided {
            Some(decided) if decided["open"] == true => decided.clone(),
            _ => return Err(format!("the last run did not find {release} open")),
        };
        // What was accepted then may not be any more.
        if card["totals"]["accepted"].as_u64().unwrap_or(0) > 0 {
            return Err("the last run rests on accepted warnings".to_owned());
        }
        let seen = |host: &str| {
            let hosts = card["hosts"].as_array()?;
            let host = hosts.iter().find(|known| known["id"] == host)?;
            host["boot_id"].as_str().map(str::to_owned)
        };
        let mut boots = BTreeMap::new();
        for host in hosts(plan, left_out) {
            let boot = seen(host).ok_or_else(|| format!("it did not see the boot of {host}"))?;
            boots.insert(host.to_owned(), boot);
        }
        if boots.is_empty() {
            return Err(
                "it looked at no host that could be asked whether it has booted".to_owned(),
            );
        }
        Ok(Self {
            started_at,
            age,
            release: decided,
            card,
            boots,
        })
    }

    /// For each check, why it is left out of a run that only asks the hosts
    /// for their boots: one check a host is enough.
    pub(super) fn only_boots(&self, plan: &Plan) -> Vec<Option<String>> {
        let mut asked: Vec<&str> = Vec::new();
        plan.checks
            .iter()
            .map(|check| {
                let host = check.host().filter(|host| {
                    self.boots.contains_key(*host) && check.tells_boot() && !asked.contains(host)
                });
                asked.extend(host);
                match host {
                    Some(_) => None,
                    None => Some("not needed for the lease".to_owned()),
                }
            })
            .collect()
    }

    /// How many hosts have to be on their boots.
    pub(super) fn hosts(&self) -> usize {
        self.boots.len()
    }

    /// Whether `card`, made just now, saw every host on the boot of then.
    ///
    /// # Errors
    /// The first host that it did not see so.
    fn still_holds(&self, card: &Scorecard) -> Result<(), String> {
        if let Some(host) = card.disrupted.first() {
            return Err(format!(
                "{host} dropped out while it was asked for its boot"
            ));
        }
        for (host, boot) in &self.boots {
            match card.boot(host) {
                Some(now) if now == boot => {}
                Some(_) => return Err(format!("{host} has booted since the last run")),
                None => return Err(format!("the boot of {host} cannot be told now")),
            }
        }
        Ok(())
    }
}

/// How long ago that is, if no more than `longest`.
fn aged(
    started_at: Timestamp,
    longest: Duration,
    now: Timestamp,
) -> Result<SignedDuration, String> {
    let age = now.duration_since(started_at);
    if age.is_negative() {
        return Err("the last run is later than the clock of this machine".to_owned());
    }
    if age.unsigned_abs() > longest {
        return Err(format!("the last run began {} s ago", age.as_secs()));
    }
    Ok(age)
}

/// The hosts that the checks of a run are about.
fn hosts<'p>(plan: &'p Plan, left_out: &[Option<String>]) -> Vec<&'p str> {
    let checks = plan.checks.iter().zip(left_out);
    let mut hosts: Vec<&str> = checks
        .filter(|(_, why)| why.is_none())
        .flat_map(|(check, _)| check.hosts().chain(via(check)))
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

fn via(check: &Check) -> Option<&str> {
    check.target.via.as_deref().map(|host| host.id.as_str())
}

/// Looks for a lease and makes sure of it; why there is none otherwise.
pub(super) async fn lease(
    job: &Job<'_>,
    release: &str,
    longest: Duration,
    stop: crate::engine::Stop,
) -> Result<Lease, String> {
    let run = job
        .notebook
        .latest_run(&job.plan.name, &job.plan.digest)
        .ok_or("no run of this baseline is remembered")?;
    let asked = (&*job.plan, job.left_out.as_slice());
    let mut lease = Lease::of(&run, release, asked, longest, crate::engine::now())?;
    if lease.hosts() > 0 {
        // Asked at once: no gate has a say in who has booted.
        let mut options = job.options(true);
        let left = longest.saturating_sub(lease.age.unsigned_abs());
        options.deadline = Some(options.deadline.map_or(left, |own| own.min(left)));
        let left_out = lease.only_boots(&job.plan);
        let (card, audited) = job
            .once(&left_out, &options, stop, &mut |_| {})
            .await
            .map_err(|_| "the hosts cannot be asked for their boots")?;
        audited.map_err(|_| "the audit is not whole")?;
        lease.still_holds(&card)?;
        // Asking took its time, and the decision is older by that.
        lease.age = aged(lease.started_at, longest, crate::engine::now())?;
    }
    Ok(lease)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::probe::Policy;
    use crate::scorecard::{BaselineRef, RunResult, RunSummary, Totals};

    #[rstest]
    #[case::young(0, Ok(0))]
    #[case::at_its_end(600, Ok(600))]
    #[case::asking_took_too_long(601, Err("the last run began 601 s ago"))]
    #[case::clock_set_back(-1, Err("the last run is later than the clock of this machine"))]
    fn a_lease_ends(#[case] after: i64, #[case] expected: Result<i64, &str>) {
        let began = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24);
        let now = began + SignedDuration::from_secs(after);
        let aged = aged(began, Duration::from_mins(10), now);
        let expected = expected.map(SignedDuration::from_secs);
        assert_eq!(aged, expected.map_err(str::to_owned));
    }

    /// A card that found a release open, whatever else was the matter with it.
    #[rstest]
    #[case::without_a_host(serde_json::json!([]), "it looked at no host that could be asked whether it has booted")]
    #[case::a_host(serde_json::json!(["data188"]), "data188 dropped out of the last run")]
    fn no_lease_on_a_host_that_dropped_out_nor_on_none(
        #[case] disrupted: Value,
        #[case] expected: &str,
    ) {
        let at = Timestamp::UNIX_EPOCH;
        let card = serde_json::json!({
            "tool": { "version": env!("CARGO_PKG_VERSION") },
            "releases": [{ "id": "runners", "open": true }],
            "disrupted": disrupted,
        });
        let run = StoredRun {
            summary: RunSummary {
                run: 1,
                baseline: BaselineRef {
                    name: "b".to_owned(),
                    digest: String::new(),
                },
                started_at: at,
                finished_at: at,
                result: RunResult::Blocked,
                failure: None,
                whole: false,
                totals: Totals::default(),
                first_blocked: None,
            },
            card: card.to_string(),
        };
        let plan = Plan {
            name: "b".to_owned(),
            digest: String::new(),
            metrics_prefix: "a".to_owned(),
            hosts: Vec::new(),
            phases: Vec::new(),
            checks: Vec::new(),
            releases: Vec::new(),
            coverage: None,
            policy: Policy::default(),
            signatures: Vec::new(),
        };
        let lease = Lease::of(&run, "runners", (&plan, &[]), Duration::from_secs(1), at);
        assert_eq!(lease.err().as_deref(), Some(expected));
    }
}
