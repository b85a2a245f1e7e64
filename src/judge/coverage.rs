//! Which service is protected at which layer, and what of that is proven by the
//! checks of a run. Pure functions.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Expectation, Finding, Judgement, Verdict, duration, judge, words};
use crate::probe::{Facts, Observation, Outcome, Value};

/// The table of services and layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// Its columns.
    pub layers: Vec<Layer>,
    /// Its rows.
    pub services: Vec<Service>,
}

/// A layer of protection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Option<String>,
}

/// Something that is protected.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Option<String>,
    /// One for each layer, in their order.
    pub cells: Vec<Cell>,
}

/// What is said of a service at a layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// That checks prove it.
    Promised {
        /// All of them have to pass.
        by: Vec<Proof>,
        /// How much may be lost at most.
        max_loss: Duration,
    },
    /// That the risk was accepted.
    Excluded {
        /// Why.
        why: String,
        /// By whom.
        by: Option<String>,
        /// Until when: as written, and what that means.
        until: Option<(String, Timestamp)>,
    },
    /// That the layer is not for the service.
    NotNeeded {
        /// Why.
        why: String,
    },
}

/// A check that proves a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// Its place in the plan.
    pub check: usize,
    /// Its id.
    pub id: String,
    /// As much as may be lost while it passes, by its `fresh`; none where it has none,
    /// or where others bound the cell's loss.
    pub loss: Option<Duration>,
}

/// What a cell comes to before anything was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Checks prove it, and what they allow keeps the promise.
    Covered {
        /// As much as they allow to be lost.
        loss: Duration,
        /// As much as is promised.
        max_loss: Duration,
    },
    /// Its checks allow more to be lost than is promised.
    Weaker {
        /// As much as they allow to be lost.
        loss: Duration,
        /// As much as is promised.
        max_loss: Duration,
    },
    /// None of its checks says how much may be lost.
    Unbounded {
        /// As much as is promised.
        max_loss: Duration,
    },
    /// Nothing protects it.
    Uncovered,
    /// It was excluded, and the time for which that was accepted is over.
    Expired,
    /// It is excluded.
    Excluded,
    /// It is not needed.
    NotNeeded,
}

impl Cell {
    /// What it comes to at `now`.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self {
            Self::Empty => Standing::Uncovered,
            Self::NotNeeded { .. } => Standing::NotNeeded,
            Self::Excluded { until, .. } => match until {
                Some((_, until)) if *until <= now => Standing::Expired,
                Some(_) | None => Standing::Excluded,
            },
            Self::Promised { by, max_loss } => {
                let max_loss = *max_loss;
                // Each proves its part, so the least strict one bounds the loss.
                match by.iter().filter_map(|proof| proof.loss).max() {
                    None => Standing::Unbounded { max_loss },
                    Some(loss) if loss > max_loss => Standing::Weaker { loss, max_loss },
                    Some(loss) => Standing::Covered { loss, max_loss },
                }
            }
        }
    }
}

impl Coverage {
    /// Every cell with its service and layer, row by row.
    pub fn cells(&self) -> impl Iterator<Item = (&Service, &Layer, &Cell)> {
        self.services.iter().flat_map(|service| {
            let cells = self.layers.iter().zip(&service.cells);
            cells.map(move |(layer, cell)| (service, layer, cell))
        })
    }

    /// Places of all checks that prove anything, each once, in plan order.
    #[must_use]
    pub fn checks(&self) -> Vec<usize> {
        let mut checks: Vec<usize> = self
            .cells()
            .filter_map(|(_, _, cell)| match cell {
                Cell::Promised { by, .. } => Some(by),
                Cell::Empty | Cell::Excluded { .. } | Cell::NotNeeded { .. } => None,
            })
            .flatten()
            .map(|proof| proof.check)
            .collect();
        checks.sort_unstable();
        checks.dedup();
        checks
    }

    /// What is told of it at `now`, when the check at a place came to what
    /// `verdict` says.
    #[must_use]
    pub fn facts(&self, now: Timestamp, verdict: impl Fn(usize) -> Verdict) -> Facts {
        let mut lists: [Vec<Value>; 5] = Default::default();
        let [uncovered, unproven, weaker, unbounded, excluded] = &mut lists;
        let (mut count, mut proven, mut not_needed) = (0_u32, 0_u32, 0_u32);
        for (service, layer, cell) in self.cells() {
            count += 1;
            let name = format!("{} {}", service.id, layer.id);
            match cell.standing(now) {
                Standing::Uncovered => uncovered.push(name.as_str().into()),
                Standing::Expired => {
                    uncovered.push(format!("{name} (its exclusion has ended)").into());
                }
                Standing::Excluded => excluded.push(name.as_str().into()),
                Standing::NotNeeded => not_needed += 1,
                Standing::Weaker { loss, max_loss } => weaker.push(
                    format!(
                        "{name} (allows {}, promises {})",
                        told(loss),
                        told(max_loss)
                    )
                    .into(),
                ),
                Standing::Unbounded { max_loss } => {
                    unbounded.push(format!("{name} (promises {})", told(max_loss)).into());
                }
                Standing::Covered { .. } => {}
            }
            if let Cell::Promised { by, .. } = cell {
                let failed: Vec<String> = by
                    .iter()
                    .filter_map(|proof| {
                        Some(format!("{} {}", proof.id, short(verdict(proof.check))?))
                    })
                    .collect();
                if failed.is_empty() {
                    proven += 1;
                } else {
                    unproven.push(format!("{name} ({})", failed.join(", ")).into());
                }
            }
        }
        let mut facts = Facts::new();
        facts.set("cells", f64::from(count));
        facts.set("proven", f64::from(proven));
        facts.set("not_needed", f64::from(not_needed));
        let names = ["uncovered", "unproven", "weaker", "unbounded", "excluded"];
        for (name, list) in names.into_iter().zip(lists) {
            facts.set(name, Value::List(list));
        }
        facts
    }
}

/// What a check that did not pass came to.
fn short(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Warn => Some("is WARN"),
        Verdict::Blocked => Some("is BLOCKED"),
        Verdict::NotEvaluated => Some("was not evaluated"),
        Verdict::Skipped => Some("was left out"),
    }
}

fn told(span: Duration) -> String {
    duration::words(SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX))
}

/// Expectations on how many there are, and what a card says of them.
const NAMED: [(&str, &str, &str); 4] = [
    (
        "size(uncovered) == 0",
        "uncovered",
        "a check that proves each cell, or an exclusion",
    ),
    (
        "size(unproven) == 0",
        "unproven",
        "every check that proves a cell passed in this run",
    ),
    (
        "size(weaker) == 0",
        "weaker",
        "checks that allow no more loss than is promised",
    ),
    (
        "size(unbounded) == 0",
        "unbounded",
        "a `fresh` on a check of each cell that promises a `max_loss`",
    ),
];
/// Cells that a card names before it counts.
const MOST_NAMED: usize = 6;

/// Judges the facts of a coverage: as any, but a card names cells instead of telling
/// how many there are.
#[must_use]
pub fn judge_coverage(
    observation: &Observation,
    expectations: &[Expectation],
    goal: &str,
    advisory: bool,
) -> Judgement {
    let mut judgement = judge(observation, expectations, goal, advisory);
    let Outcome::Seen(facts) = &observation.outcome else {
        return judgement;
    };
    for finding in &mut judgement.findings {
        name_cells(finding, facts);
    }
    judgement
}

fn name_cells(finding: &mut Finding, facts: &Facts) {
    let named = NAMED
        .iter()
        .find(|(source, _, _)| finding.expectation.as_deref() == Some(source));
    let Some((_, fact, expected)) = named else {
        return;
    };
    let Some(Value::List(cells)) = facts.get(fact) else {
        return;
    };
    finding.expected = (*expected).to_owned();
    let names: Vec<String> = cells
        .iter()
        .filter_map(|cell| match cell {
            Value::Text(name) => Some(words::safe(name)),
            _ => None,
        })
        .take(MOST_NAMED)
        .collect();
    finding.seen = match (names.len(), cells.len().saturating_sub(names.len())) {
        (0, _) => format!("{fact}: none"),
        (_, 0) => format!("{fact}: {}", names.join(", ")),
        (_, more) => format!("{fact}: {} and {more} more", names.join(", ")),
    };
}

#[cfg(test)]
mod tests;
