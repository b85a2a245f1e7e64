//! What differs between two runs. Cards are read from their JSON, as another
//! version of the program may have written them.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gate::Gate;
use super::model::{BaselineRef, CheckCard, RunResult, Scorecard};
use crate::judge::Verdict;

/// What a comparison needs of a card.
#[derive(Debug, Clone, Deserialize)]
pub struct Reading {
    /// See [`super::Scorecard::baseline`].
    pub baseline: BaselineRef,
    /// See [`super::Scorecard::started_at`].
    pub started_at: Timestamp,
    /// See [`super::Scorecard::result`].
    pub result: RunResult,
    #[serde(default)]
    hosts: Vec<HostReading>,
    phases: Vec<PhaseReading>,
}

#[derive(Debug, Clone, Deserialize)]
struct HostReading {
    id: String,
    boot_id: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct PhaseReading {
    id: String,
    gate: Gate,
    checks: Vec<CheckReading>,
}

#[derive(Debug, Clone, Deserialize)]
struct CheckReading {
    id: String,
    title: String,
    verdict: Verdict,
    definition: Option<String>,
    findings: Vec<FindingReading>,
}

#[derive(Debug, Clone, Deserialize)]
struct FindingReading {
    seen: String,
    held: Option<bool>,
}

impl Reading {
    /// Reads a card.
    ///
    /// # Errors
    /// What is missing or of another type, as a fragment.
    pub fn of(card: &str) -> Result<Self, String> {
        serde_json::from_str(card).map_err(|error| error.to_string())
    }
}

impl From<&Scorecard> for Reading {
    fn from(card: &Scorecard) -> Self {
        let hosts = card.hosts.iter().map(|host| HostReading {
            id: host.id.clone(),
            boot_id: host.boot_id.clone(),
        });
        let phases = card.phases.iter().map(|phase| PhaseReading {
            id: phase.id.clone(),
            gate: phase.gate,
            checks: phase.checks.iter().map(CheckReading::from).collect(),
        });
        Self {
            baseline: card.baseline.clone(),
            started_at: card.started_at,
            result: card.result,
            hosts: hosts.collect(),
            phases: phases.collect(),
        }
    }
}

impl From<&CheckCard> for CheckReading {
    fn from(check: &CheckCard) -> Self {
        let findings = check.findings.iter().map(|finding| FindingReading {
            seen: finding.seen.clone(),
            held: finding.held,
        });
        Self {
            id: check.id.clone(),
            title: check.title.clone(),
            verdict: check.verdict,
            definition: Some(check.definition.clone()),
            findings: findings.collect(),
        }
    }
}

impl CheckReading {
    fn seen(&self) -> Option<&str> {
        let failed = self
            .findings
            .iter()
            .find(|finding| finding.held != Some(true));
        failed.map(|finding| finding.seen.as_str())
    }
}

/// Two runs, and what differs between them. Everything in the order of the
/// newer card, what is gone at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The earlier run.
    pub old: Side,
    /// The later one.
    pub new: Side,
    /// The file, or what it includes, is another one.
    pub baseline_changed: bool,
    /// Hosts that have booted between the two.
    pub rebooted: Vec<String>,
    /// Phases whose gates came to something else; absent where there was none.
    pub gates: Vec<Change<Gate>>,
    /// Checks that came to something else, are new or are gone.
    pub checks: Vec<CheckChange>,
}

/// One of the two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// How the reader named it, or its number.
    pub name: String,
    /// The name of its baseline.
    pub baseline: String,
    /// When it began.
    pub started_at: Timestamp,
    /// What it came to.
    pub result: RunResult,
}

/// One thing before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    /// Its id.
    pub id: String,
    /// What it was.
    pub old: Option<T>,
    /// What it is.
    pub new: Option<T>,
}

/// A check before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckChange {
    /// What it came to.
    #[serde(flatten)]
    pub change: Change<Verdict>,
    /// The statement that it tests.
    pub title: String,
    /// The first finding that does not hold: now, or before where all hold now.
    pub seen: Option<String>,
    /// Whether it looks at or expects something else; absent where a card does not tell.
    pub redefined: Option<bool>,
}

/// What differs between two named cards.
#[must_use]
pub fn difference(
    (old_name, old): (&str, &Reading),
    (new_name, new): (&str, &Reading),
) -> Difference {
    let side = |name: &str, reading: &Reading| Side {
        name: name.to_owned(),
        baseline: reading.baseline.name.clone(),
        started_at: reading.started_at,
        result: reading.result,
    };
    Difference {
        old: side(old_name, old),
        new: side(new_name, new),
        baseline_changed: old.baseline != new.baseline,
        rebooted: rebooted(old, new),
        gates: gates(old, new),
        checks: checks(old, new),
    }
}

fn rebooted(old: &Reading, new: &Reading) -> Vec<String> {
    let before: HashMap<&str, &str> = old
        .hosts
        .iter()
        .filter_map(|host| Some((host.id.as_str(), host.boot_id.as_deref()?)))
        .collect();
    new.hosts
        .iter()
        .filter(|host| {
            let boots = (before.get(host.id.as_str()), host.boot_id.as_deref());
            matches!(boots, (Some(before), Some(now)) if *before != now)
        })
        .map(|host| host.id.clone())
        .collect()
}

fn gates(old: &Reading, new: &Reading) -> Vec<Change<Gate>> {
    let gate = |card: &Reading, id: &str| {
        let phase = card.phases.iter().find(|phase| phase.id == id);
        phase.map(|phase| phase.gate)
    };
    let ids = new.phases.iter().chain(&old.phases).map(|phase| &phase.id);
    changes(ids, |id| (gate(old, id), gate(new, id)))
}

fn changes<'a, T: PartialEq>(
    ids: impl Iterator<Item = &'a String>,
    both: impl Fn(&str) -> (Option<T>, Option<T>),
) -> Vec<Change<T>> {
    let mut changes: Vec<Change<T>> = Vec::new();
    for id in ids {
        let (old, new) = both(id);
        if old != new && !changes.iter().any(|known| known.id == *id) {
            let id = id.clone();
            changes.push(Change { id, old, new });
        }
    }
    changes
}

fn checks(old: &Reading, new: &Reading) -> Vec<CheckChange> {
    fn all(card: &Reading) -> impl Iterator<Item = &CheckReading> {
        card.phases.iter().flat_map(|phase| &phase.checks)
    }
    fn by_id(card: &Reading) -> HashMap<&str, &CheckReading> {
        all(card).map(|check| (check.id.as_str(), check)).collect()
    }
    let (before, now) = (by_id(old), by_id(new));
    let ids = all(new).chain(all(old)).map(|check| &check.id);
    let verdict = |check: Option<&&CheckReading>| check.map(|check| check.verdict);
    changes(ids, |id| (verdict(before.get(id)), verdict(now.get(id))))
        .into_iter()
        .map(|change| {
            let old = before.get(change.id.as_str());
            let new = now.get(change.id.as_str());
            let seen = [new, old]
                .into_iter()
                .find_map(|check| check.and_then(|check| check.seen()));
            let redefined = match (old, new) {
                (Some(old), Some(new)) => {
                    let both = old.definition.as_ref().zip(new.definition.as_ref());
                    both.map(|(old, new)| old != new)
                }
                _ => None,
            };
            CheckChange {
                title: new
                    .or(old)
                    .map_or_else(String::new, |check| check.title.clone()),
                seen: seen.map(str::to_owned),
                redefined,
                change,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
