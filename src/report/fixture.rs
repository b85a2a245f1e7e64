//! Cards that hold every state a card can have, folded from events as a run
//! would tell them. Shared by the tests of every format.

mod cards;
mod everything;

use std::time::Duration;

use jiff::Timestamp;

use crate::scorecard::{
    BaselineRef, Ending, Event, Facts, Fault, Finding, Fold, Gate, Held, Judgement, Level,
    Observation, Outcome, PlannedCheck, PlannedCondition, PlannedPhase, PlannedRelease, PlannedRun,
    Scorecard, Value, Verdict, gate,
};

pub use cards::{all, blocked, check_failed, degraded, green, keep_going};
pub use everything::{HOSTILE, everything, sample};

/// What a check of a fixture comes to.
#[derive(Debug, Clone)]
pub enum Told {
    /// It was looked at.
    Judged(Observation, Judgement),
    /// It was not.
    Held(Held, bool),
    /// It was left out.
    Skipped(String),
}

/// A run that has been told in full, to be folded or watched.
#[derive(Debug, Clone)]
pub struct Script {
    /// The plan.
    pub planned: PlannedRun,
    told: Vec<Told>,
    ending: Ending,
}

impl Script {
    /// A run of a baseline `full-stack` without phases.
    #[must_use]
    pub fn new() -> Self {
        Self {
            planned: PlannedRun {
                baseline: BaselineRef {
                    name: "full-stack".to_owned(),
                    digest: "9f2b5a4cf8ad4dd1b7c0a9a3e6a0d1a4b1f7c9c6e1a2b3c4d5e6f708192a3b4c"
                        .to_owned(),
                },
                keep_going: false,
                last_green: None,
                phases: Vec::new(),
                checks: Vec::new(),
                releases: Vec::new(),
                signatures: Vec::new(),
            },
            told: Vec::new(),
            ending: Ending::Complete,
        }
    }

    /// Adds a phase that waits for the phases at `needs`.
    #[must_use]
    pub fn phase(mut self, id: &str, title: &str, needs: &[usize]) -> Self {
        self.planned.phases.push(PlannedPhase {
            id: id.to_owned(),
            title: (!title.is_empty()).then(|| title.to_owned()),
            needs: needs.to_vec(),
        });
        self
    }

    /// Adds a check to the last phase.
    #[must_use]
    pub fn check(mut self, check: PlannedCheck, told: Told) -> Self {
        self.planned.checks.push(PlannedCheck {
            phase: self.planned.phases.len().saturating_sub(1),
            ..check
        });
        self.told.push(told);
        self
    }

    /// Adds a release that waits for the gates at `needs`, the checks at
    /// `require` and the releases at `after`.
    #[must_use]
    pub fn release(
        mut self,
        (id, title): (&str, &str),
        needs: &[usize],
        require: &[usize],
        after: &[usize],
    ) -> Self {
        self.planned.releases.push(PlannedRelease {
            id: id.to_owned(),
            title: (!title.is_empty()).then(|| title.to_owned()),
            needs: needs.to_vec(),
            require: require
                .iter()
                .map(|&check| PlannedCondition {
                    check,
                    stable_for: None,
                })
                .collect(),
            after: after.to_vec(),
            runbook: None,
        });
        self
    }

    /// Evaluated for diagnosis behind blocked gates.
    #[must_use]
    pub fn keep_going(mut self) -> Self {
        self.planned.keep_going = true;
        self
    }

    /// Ended otherwise than complete.
    #[must_use]
    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Everything that happened, phase by phase, with the gates that follow.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut blockers: Vec<Option<usize>> = Vec::new();
        for (phase, planned) in self.planned.phases.iter().enumerate() {
            let held_by = planned
                .needs
                .iter()
                .filter_map(|&need| blockers[need])
                .min();
            let checks = || {
                self.told
                    .iter()
                    .enumerate()
                    .filter(move |(check, _)| self.planned.checks[*check].phase == phase)
            };
            if checks().any(|(_, told)| matches!(told, Told::Judged(..) | Told::Held(_, true))) {
                events.push(Event::PhaseStarted { phase });
            }
            let mut verdicts = Vec::new();
            let mut elapsed = Duration::ZERO;
            for (check, told) in checks() {
                match told {
                    Told::Judged(observation, judgement) => {
                        verdicts.push(judgement.verdict);
                        elapsed = elapsed.max(observation.elapsed);
                    }
                    Told::Held(..) => verdicts.push(Verdict::NotEvaluated),
                    Told::Skipped(_) => verdicts.push(Verdict::Skipped),
                }
                told.clone().tell(check, &mut events);
            }
            let own = gate(&verdicts);
            let decided = if held_by.is_some() {
                Gate::NotEvaluated
            } else {
                own
            };
            blockers.push(held_by.or((own == Gate::Blocked).then_some(phase)));
            events.push(Event::PhaseFinished {
                phase,
                gate: decided,
                held_by,
                elapsed,
            });
        }
        events.push(Event::Finished {
            at: moment(42),
            ending: self.ending.clone(),
        });
        events
    }

    /// The card that these events fold into.
    ///
    /// # Panics
    /// Never: the last event is [`Event::Finished`].
    #[must_use]
    pub fn card(&self) -> Scorecard {
        let mut fold = Fold::new(self.planned.clone(), moment(0));
        let card = self
            .events()
            .into_iter()
            .filter_map(|event| fold.apply(event))
            .last();
        match card {
            Some(mut card) => {
                // Golden files should outlive a release.
                "0.1.0".clone_into(&mut card.tool.version);
                card
            }
            None => unreachable!("the last event finishes the card"),
        }
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl Told {
    fn tell(self, check: usize, events: &mut Vec<Event>) {
        match self {
            Self::Judged(observation, judgement) => {
                for attempt in 1..=observation.attempts {
                    events.push(Event::CheckStarted { check, attempt });
                }
                events.push(Event::CheckJudged {
                    check,
                    observation,
                    judgement,
                });
            }
            Self::Held(by, unfinished) => {
                if unfinished {
                    events.push(Event::CheckStarted { check, attempt: 1 });
                }
                events.push(Event::CheckHeld {
                    check,
                    by,
                    unfinished: unfinished.then_some(Duration::from_secs(3)),
                });
            }
            Self::Skipped(why) => events.push(Event::CheckSkipped { check, why }),
        }
    }
}

/// `seconds` after 2026-06-05T10:55:04Z.
fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_656_904 + seconds).unwrap_or_default()
}

/// A planned check; the host is what follows `@` in its id.
#[must_use]
pub fn check(id: &str, kind: &'static str, title: &str) -> PlannedCheck {
    PlannedCheck {
        phase: 0,
        id: id.to_owned(),
        title: title.to_owned(),
        host: id.split_once('@').map(|(_, host)| host.to_owned()),
        kind,
        goal: format!("an answer of {id}"),
        beyond: true,
        advisory: false,
        definition: "5f3a9c1d7e2b8046".to_owned(),
        remedy: None,
        runbook: None,
        guardrail: None,
    }
}

/// Every expectation held.
#[must_use]
pub fn pass(millis: u64, facts: &[(&str, Value)]) -> Told {
    judged(
        Verdict::Pass,
        millis,
        1,
        Vec::new(),
        Outcome::Seen(collect(facts)),
    )
}

/// An expectation did not hold.
#[must_use]
pub fn unmet(verdict: Verdict, expected: &str, seen: &str, facts: &[(&str, Value)]) -> Told {
    let level = if verdict == Verdict::Blocked {
        Level::Require
    } else {
        Level::Prefer
    };
    let finding = Finding {
        expectation: Some(expected.to_owned()),
        level,
        expected: expected.to_owned(),
        seen: seen.to_owned(),
        held: Some(false),
    };
    judged(verdict, 38, 1, vec![finding], Outcome::Seen(collect(facts)))
}

/// A fault stood in the way, on the second attempt as well.
#[must_use]
pub fn fault(verdict: Verdict, goal: &str, fault: Fault) -> Told {
    let finding = Finding {
        expectation: None,
        level: Level::Require,
        expected: goal.to_owned(),
        seen: format!("could not tell: {}", fault.seen),
        held: None,
    };
    judged(verdict, 4_012, 2, vec![finding], Outcome::Fault(fault))
}

/// A blocked phase upstream holds it.
#[must_use]
pub fn held(phase: &str) -> Told {
    Told::Held(Held::Gate(phase.to_owned()), false)
}

fn judged(
    verdict: Verdict,
    millis: u64,
    attempts: u32,
    findings: Vec<Finding>,
    outcome: Outcome,
) -> Told {
    Told::Judged(
        Observation {
            at: moment(5),
            elapsed: Duration::from_millis(millis),
            attempts,
            outcome,
        },
        Judgement {
            verdict,
            findings,
            course: None,
        },
    )
}

fn collect(facts: &[(&str, Value)]) -> Facts {
    let mut all = Facts::new();
    for (name, value) in facts {
        all.set(name, value.clone());
    }
    all
}
