//! What earlier runs have to say about the checks of this one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::again::{self, Teller};
use crate::judge::{Booted, Judgement, Past, Remembered};
use crate::plan::{Check, Plan};
use crate::probe::{Observation, Outcome, Value};
use crate::state::{CheckMemory, Memory};

/// The fact that tells when a host has booted.
const BOOTED: &str = "booted_at";

/// Judges checks with what is remembered of them, and with the boots that this
/// run has learned.
pub(super) struct Courses<'a> {
    plan: &'a Plan,
    memory: &'a Memory,
    boots: HashMap<&'a str, String>,
    /// Who told the boot of a host first.
    tellers: BTreeMap<String, Teller>,
    /// When the hosts have booted, by what they said themselves.
    booted: HashMap<&'a str, Timestamp>,
    /// Hosts that were seen on more than one boot.
    restarted: BTreeSet<&'a str>,
    /// When anything was first seen of each host.
    first_seen: HashMap<&'a str, Timestamp>,
    /// When each host started at the earliest, by its uptime: our clock alone.
    started: HashMap<&'a str, Timestamp>,
}

impl<'a> Courses<'a> {
    pub(super) fn new(plan: &'a Plan, memory: &'a Memory) -> Self {
        Self {
            plan,
            memory,
            boots: HashMap::new(),
            tellers: BTreeMap::new(),
            booted: HashMap::new(),
            restarted: BTreeSet::new(),
            first_seen: HashMap::new(),
            started: HashMap::new(),
        }
    }

    /// Takes in the boot of a host, where this look tells it, and whether it is another.
    /// `is_first` tells of a host whether no second connection to it was opened so far.
    pub(super) fn learn(
        &mut self,
        check: usize,
        observation: &Observation,
        is_first: impl Fn(&str) -> bool,
    ) {
        let (Some(host), Outcome::Seen(facts)) =
            (self.plan.checks[check].host(), &observation.outcome)
        else {
            return;
        };
        let seen = self.first_seen.entry(host).or_insert(observation.at);
        *seen = observation.at.min(*seen);
        // Another kind may tell for how long a server on the host is up.
        if self.plan.checks[check].tells_boot()
            && let Some(uptime) = again::uptime(&observation.outcome)
            && let Some(started) = started(observation, uptime)
        {
            let latest = self.started.entry(host).or_insert(started);
            *latest = started.max(*latest);
        }
        if let Some(Value::Time(at)) = facts.get(BOOTED) {
            self.booted.insert(host, *at);
        }
        if let Some(boot) = again::boot(&observation.outcome) {
            let teller = || Teller {
                check,
                attempts: observation.attempts,
                boot: is_first(host).then(|| boot.clone()),
            };
            self.tellers.entry(host.to_owned()).or_insert_with(teller);
            let known = self.boots.entry(host).or_insert_with(|| boot.clone());
            if known != boot {
                self.restarted.insert(host);
            }
        }
    }

    /// Who told the boot of a host first, by the host's id.
    pub(super) fn tellers(&self) -> &BTreeMap<String, Teller> {
        &self.tellers
    }

    /// Hosts that have started since something was seen of them in this run.
    pub(super) fn restarted(&self) -> impl Iterator<Item = &str> {
        let since = self.started.iter().filter(|(host, started)| {
            let seen = self.first_seen.get(*host);
            seen.is_some_and(|seen| seen < started)
        });
        let since = since.map(|(host, _)| *host);
        self.restarted.iter().copied().chain(since)
    }

    /// The checks from which `check` may still learn the boot of its host;
    /// none when it needs no boot or knows it.
    pub(super) fn may_tell_boot(&self, check: usize) -> impl Iterator<Item = usize> {
        let asking = &self.plan.checks[check];
        let host = asking
            .host()
            .filter(|host| !asking.over_time.is_empty() && !self.boots.contains_key(host));
        self.plan
            .checks
            .iter()
            .enumerate()
            .filter(move |(_, other)| host.is_some() && other.host() == host && other.tells_boot())
            .map(|(place, _)| place)
    }

    /// Adds what time has to say to the judgement of a look.
    pub(super) fn judge(
        &self,
        check: usize,
        observation: &Observation,
        judgement: Judgement,
    ) -> Judgement {
        let check = &self.plan.checks[check];
        let boot = check.host().and_then(|host| self.boots.get(host));
        let known = self.memory.checks.get(&check.id);
        let own = known.filter(|known| known.definition == check.definition);
        let remembered = match (known, own) {
            (_, Some(own)) => Remembered::Streak(&own.streak),
            (Some(_), None) => Remembered::Changed,
            (None, None) => Remembered::Nothing,
        };
        let samples = own.map_or_else(Vec::new, |own| samples(own, check, boot, observation));
        let booted = check.host().and_then(|host| {
            let at = *self.booted.get(host)?;
            Some(Booted { host, at })
        });
        let past = Past {
            remembered,
            samples: &samples,
            boot: boot.map(String::as_str),
            booted,
        };
        check
            .over_time
            .judge(judgement, observation, &past, check.advisory)
    }
}

/// When a host with that uptime started, at the earliest: the look took a while,
/// and nobody knows at which moment of it the host told. What is no time is none.
fn started(observation: &Observation, uptime: f64) -> Option<Timestamp> {
    let uptime = SignedDuration::try_from_secs_f64(uptime).ok()?;
    let elapsed = SignedDuration::try_from(observation.elapsed).ok()?;
    observation
        .at
        .checked_sub(uptime.checked_add(elapsed)?)
        .ok()
}

/// What the check's trend saw before. Counters begin anew with a boot, so what
/// was seen on another one is no step of the same way; nor is what lies so far
/// back that nobody knows what was between, which for a check without a host is
/// all that tells of a boot.
fn samples(
    own: &CheckMemory,
    check: &Check,
    boot: Option<&String>,
    observation: &Observation,
) -> Vec<f64> {
    let Some(trend) = &check.over_time.trend else {
        return Vec::new();
    };
    let longest_gap = check.over_time.longest_gap_of_trend();
    let mut later = observation.at;
    let mut samples: Vec<f64> = own
        .samples
        .iter()
        .rev()
        .filter(|sample| {
            sample.fact == trend.source
                && sample.boot.as_ref() == boot
                && sample.at < observation.at
        })
        .take_while(|sample| {
            let gap = later.duration_since(sample.at);
            later = sample.at;
            gap.unsigned_abs() < longest_gap
        })
        .map(|sample| sample.value)
        .collect();
    samples.reverse();
    samples
}
