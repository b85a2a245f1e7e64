//! Cards that hold every state a card can have, folded from events as a run
//! would tell them. Shared by the tests of every format.

mod cards;
mod everything;
mod parts;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::scorecard::{
    BaselineRef, Course, Diagnosed, Ending, Event, Fold, Gate, Held, Judgement, LastGreen,
    Observation, PlannedCheck, PlannedCondition, PlannedPhase, PlannedRelease, PlannedRun,
    PlannedSignature, Recognised, Scorecard, Verdict, Waiver, gate,
};

pub use cards::{accepted, all, blocked, check_failed, degraded, green, keep_going, own_network};
pub use everything::{HOSTILE, everything, sample};
pub use parts::{check, fault, held, journal, known, look, pass, signature, unmet};

use parts::moment;

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
    looked_into: BTreeMap<usize, (Vec<Diagnosed>, Vec<Recognised>)>,
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
                waivers: Vec::new(),
            },
            told: Vec::new(),
            looked_into: BTreeMap::new(),
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

    /// The last check failed with a name, the first line that tells each, and
    /// `looks` were taken.
    #[must_use]
    pub fn diagnosed(mut self, looks: Vec<Diagnosed>, found: &[(PlannedSignature, &str)]) -> Self {
        let mut recognised = Vec::new();
        for (signature, line) in found {
            recognised.push(Recognised {
                signature: self.planned.signatures.len(),
                kind: "journal".to_owned(),
                line: (*line).to_owned(),
            });
            self.planned.signatures.push(signature.clone());
        }
        let check = self.told.len().saturating_sub(1);
        self.looked_into.insert(check, (looks, recognised));
        self
    }

    /// What is known of earlier looks at the last check.
    #[must_use]
    pub fn course(mut self, known: Course) -> Self {
        if let Some(Told::Judged(_, judgement)) = self.told.last_mut() {
            judgement.course = Some(Box::new(known));
        }
        self
    }

    /// The last release asks besides that `check` has passed for `stable_for`,
    /// and says where to read about it.
    #[must_use]
    pub fn asking(mut self, check: usize, stable_for: Duration, runbook: &str) -> Self {
        if let Some(release) = self.planned.releases.last_mut() {
            let stable_for = Some(stable_for);
            release.require.push(PlannedCondition { check, stable_for });
            release.runbook = Some(runbook.to_owned());
        }
        self
    }

    /// Remembers a GREEN of a day before, with the boots of then.
    #[must_use]
    pub fn last_green(mut self, boots: &[(&str, &str)]) -> Self {
        let boots = boots.iter();
        self.planned.last_green = Some(LastGreen {
            at: moment(-86_400),
            boots: boots
                .map(|(host, boot)| ((*host).to_owned(), (*boot).to_owned()))
                .collect(),
        });
        self
    }

    /// Adds a waiver from a day before the run until some seconds after its start.
    #[must_use]
    pub fn waiver(mut self, check: &str, reason: &str, until: i64) -> Self {
        self.planned.waivers.push(Waiver {
            check: check.to_owned(),
            reason: reason.to_owned(),
            by: "ogt".to_owned(),
            accepted_at: moment(-86_400),
            until: moment(until),
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
                if let Some((looks, recognised)) = self.looked_into.get(&check).cloned() {
                    events.push(Event::CheckDiagnosed {
                        check,
                        looks,
                        recognised,
                    });
                }
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
