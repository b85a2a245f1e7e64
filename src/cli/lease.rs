//! `gate --lease`: an open decision of a moment ago that may stand in for a new
//! run, if it was made of the same baseline and its hosts have not booted since.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::job::Job;
use crate::engine::Scorecard;
use crate::plan::{Check, Plan};
use crate::probe;
use crate::state::StoredRun;

/// The fact that changes with every boot of a host.
const BOOT: &str = "boot_id";

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
        let started_at = run.summary.started_at;
        let age = now.duration_since(started_at);
        if age.is_negative() || run.summary.finished_at > now {
            return Err("the last run is later than the clock of this machine".to_owned());
        }
        if age.unsigned_abs() > longest {
            return Err(format!("the last run began {} s ago", age.as_secs()));
        }
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
                    self.boots.contains_key(*host) && tells_boot(check) && !asked.contains(host)
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
    pub(super) fn still_holds(&self, card: &Scorecard) -> Result<(), String> {
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

fn tells_boot(check: &Check) -> bool {
    probe::find(check.kind).is_some_and(|kind| kind.facts.iter().any(|fact| fact.name == BOOT))
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
    let lease = Lease::of(&run, release, asked, longest, crate::engine::now())?;
    if lease.hosts() > 0 {
        // Asked at once: no gate has a say in who has booted.
        let options = job.options(true);
        let left_out = lease.only_boots(&job.plan);
        let (card, audited) = job
            .once(&left_out, &options, stop, &mut |_| {})
            .await
            .map_err(|_| "the hosts cannot be asked for their boots")?;
        audited.map_err(|_| "the audit is not whole")?;
        lease.still_holds(&card)?;
    }
    Ok(lease)
}
