//! Warnings that somebody has accepted: which of them count in a run, and what
//! is to be said of those that do not.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::model::CheckCard;
use crate::judge::Verdict;

/// A waiver that ends sooner than this is told of before it does.
const SOON: SignedDuration = SignedDuration::from_hours(24);

/// What somebody wrote down: the warning of this check is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// A check's whole id, or its part before the `@` for it on every host.
    pub check: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// From when on the warning counts again.
    pub until: Timestamp,
}

/// Who accepted a warning, why and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Accepted {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// From when on the warning counts again.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub until: Timestamp,
}

/// What became of a waiver in a run, for one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WaiverCard {
    /// The check that it is about.
    pub check: String,
    /// As the waivers file names it: the same, or the part before the `@`.
    pub named: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When it was accepted.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub accepted_at: Timestamp,
    /// From when on the warning counts again.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub until: Timestamp,
    /// What became of it.
    pub state: WaiverState,
    /// It is in force, and ends within a day of the run.
    pub ends_soon: bool,
}

/// What became of a waiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaiverState {
    /// The check warns, and that is accepted.
    Used,
    /// Its time was over before the run was.
    Expired,
    /// It claims to be of a time after the run: a clock was wrong, so nothing
    /// that it says of time is believed.
    NotBelieved,
    /// The check passes.
    NotNeeded,
    /// The check is BLOCKED, which nobody can accept.
    Blocked,
    /// The check was not looked at.
    NotEvaluated,
    /// The baseline has no such check.
    UnknownCheck,
}

impl WaiverCard {
    /// As [`Waiver::key`].
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.accepted_at, self.named)
    }
}

impl Waiver {
    /// Whether it names the check of that id, by itself or on every host.
    #[must_use]
    pub fn covers(&self, id: &str) -> bool {
        self.check == id || self.check == base(id)
    }

    /// What tells it from others of the same check, for those who count its uses.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.accepted_at, self.check)
    }

    /// Whether it counts during all of a run between these two moments, the
    /// clock at both of them taken at its word only where it is no help to the
    /// waiver.
    fn standing(&self, one: Timestamp, other: Timestamp) -> Standing {
        if self.accepted_at > one.min(other) {
            Standing::NotBelieved
        } else if self.until <= one.max(other) {
            Standing::Expired
        } else {
            Standing::InForce
        }
    }
}

/// What a waiver is worth at a time, whatever its check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    InForce,
    Expired,
    NotBelieved,
}

/// The part of a check's id before the host.
fn base(id: &str) -> &str {
    id.split_once('@').map_or(id, |(base, _)| base)
}

/// The waivers of a run, by the checks that they decide about.
#[derive(Debug, Clone)]
pub(super) struct Waivers {
    all: Vec<Waiver>,
    /// For each check, the place of the one that decides about it.
    of_check: Vec<Option<usize>>,
}

impl Waivers {
    /// Of several that name one check, the one that names it by its whole id
    /// decides, else the one that names it on every host; of several that name
    /// it in the same way, the last.
    pub(super) fn new<'a>(all: &[Waiver], ids: impl Iterator<Item = &'a str>) -> Self {
        let last = |name: &str| all.iter().rposition(|waiver| waiver.check == name);
        Self {
            all: all.to_vec(),
            of_check: ids.map(|id| last(id).or_else(|| last(base(id)))).collect(),
        }
    }

    /// Whether a warning of the check at `place` is accepted in a run between
    /// these two moments.
    pub(super) fn accepts(&self, place: usize, from: Timestamp, to: Timestamp) -> bool {
        self.in_force(place, from, to).is_some()
    }

    fn in_force(&self, place: usize, from: Timestamp, to: Timestamp) -> Option<&Waiver> {
        let waiver = &self.all[(*self.of_check.get(place)?)?];
        (waiver.standing(from, to) == Standing::InForce).then_some(waiver)
    }

    /// Marks the warnings that are accepted, and no other verdict.
    pub(super) fn accept(&self, checks: &mut [CheckCard], from: Timestamp, to: Timestamp) {
        for (place, check) in checks.iter_mut().enumerate() {
            let waiver = self.in_force(place, from, to);
            check.accepted = waiver
                .filter(|_| check.verdict == Verdict::Warn)
                .map(|waiver| Accepted {
                    reason: waiver.reason.clone(),
                    by: waiver.by.clone(),
                    until: waiver.until,
                });
        }
    }

    /// What became of each of them, in the order of their file and then of the
    /// plan; those that a later one took the place of are left out.
    pub(super) fn cards(
        &self,
        checks: &[CheckCard],
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<WaiverCard> {
        let mut cards = Vec::new();
        for (place, waiver) in self.all.iter().enumerate() {
            let later = &self.all[place + 1..];
            if later.iter().any(|later| later.check == waiver.check) {
                continue;
            }
            let standing = waiver.standing(from, to);
            let card = |check: &str, state: WaiverState| WaiverCard {
                check: check.to_owned(),
                named: waiver.check.clone(),
                reason: waiver.reason.clone(),
                by: waiver.by.clone(),
                accepted_at: waiver.accepted_at,
                until: waiver.until,
                state,
                ends_soon: standing == Standing::InForce
                    && waiver.until.duration_since(from.max(to)) < SOON,
            };
            let named: Vec<&CheckCard> = checks.iter().filter(|c| waiver.covers(&c.id)).collect();
            if named.is_empty() {
                cards.push(card(&waiver.check, WaiverState::UnknownCheck));
                continue;
            }
            let decides: BTreeSet<&str> = checks
                .iter()
                .zip(&self.of_check)
                .filter(|(_, by)| **by == Some(place))
                .map(|(check, _)| check.id.as_str())
                .collect();
            if decides.is_empty() {
                // Every host has one of its own.
                cards.push(card(&waiver.check, WaiverState::NotNeeded));
            }
            for check in named {
                if decides.contains(check.id.as_str()) {
                    cards.push(card(&check.id, state(standing, check.verdict)));
                }
            }
        }
        cards
    }
}

fn state(standing: Standing, verdict: Verdict) -> WaiverState {
    match (standing, verdict) {
        (Standing::NotBelieved, _) => WaiverState::NotBelieved,
        (Standing::Expired, _) => WaiverState::Expired,
        (Standing::InForce, Verdict::Warn) => WaiverState::Used,
        (Standing::InForce, Verdict::Pass) => WaiverState::NotNeeded,
        (Standing::InForce, Verdict::Blocked) => WaiverState::Blocked,
        (Standing::InForce, Verdict::NotEvaluated | Verdict::Skipped) => WaiverState::NotEvaluated,
    }
}
