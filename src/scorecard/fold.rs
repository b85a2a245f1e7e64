//! Folds the events of a run into its card.

use std::time::Duration;

use jiff::Timestamp;

use super::causes::{Downstream, assign_causes, roots};
use super::event::{Diagnosed, Ending, Event, PlannedRun};
use super::gate::{Gate, gate_with_accepted};
use super::model::{
    CheckCard, DiagnosisCard, FirstBlocked, HostCard, PhaseCard, RunResult, Scorecard,
    SignatureCard, Tool, Totals,
};
use super::network::own_network;
use super::release;
use super::waiver::Waivers;
use crate::judge::{Recognised, Verdict};
use crate::probe::{BOOT_ID, Facts, Outcome, Value};

/// The card of a run that is going on. Every planned check is in it from the
/// start, so none can be lost.
#[derive(Debug, Clone)]
pub struct Fold {
    planned: PlannedRun,
    started_at: Timestamp,
    checks: Vec<CheckCard>,
    phases: Vec<PhaseState>,
    waivers: Waivers,
}

#[derive(Debug, Clone)]
struct PhaseState {
    gate: Gate,
    held_by: Option<usize>,
    elapsed_ms: u64,
}

impl Fold {
    /// A run in which nothing has happened yet.
    #[must_use]
    pub fn new(planned: PlannedRun, started_at: Timestamp) -> Self {
        let checks = planned
            .checks
            .iter()
            .map(|check| CheckCard {
                id: check.id.clone(),
                title: check.title.clone(),
                host: check.host.clone(),
                also: check.also.clone(),
                kind: check.kind.to_owned(),
                goal: check.goal.clone(),
                verdict: Verdict::NotEvaluated,
                accepted: None,
                advisory: check.advisory,
                definition: check.definition.clone(),
                observed_at: None,
                course: None,
                held_by: None,
                unfinished: false,
                skipped: None,
                cause: None,
                fault: None,
                findings: Vec::new(),
                facts: Facts::new(),
                attempts: 0,
                elapsed_ms: 0.0,
                remedy: check.remedy.clone(),
                runbook: check.runbook.clone(),
                guardrail: check.guardrail,
                signature: None,
                other_signatures: Vec::new(),
                diagnosis: Vec::new(),
            })
            .collect();
        let phases = planned
            .phases
            .iter()
            .map(|_| PhaseState {
                gate: Gate::NotEvaluated,
                held_by: None,
                elapsed_ms: 0,
            })
            .collect();
        let ids = planned.checks.iter().map(|check| check.id.as_str());
        Self {
            waivers: Waivers::new(&planned.waivers, ids),
            planned,
            started_at,
            checks,
            phases,
        }
    }

    /// Takes in one event; the last one yields the card.
    pub fn apply(&mut self, event: Event) -> Option<Scorecard> {
        match event {
            Event::PhaseStarted { .. } => {}
            Event::CheckStarted { check, attempt } => self.checks[check].attempts = attempt,
            Event::CheckJudged {
                check,
                observation,
                judgement,
            } => {
                let card = &mut self.checks[check];
                card.verdict = judgement.verdict;
                card.findings = judgement.findings;
                card.course = judgement.course.map(|course| *course);
                card.observed_at = Some(observation.at);
                card.attempts = observation.attempts;
                card.elapsed_ms = observation.elapsed.as_secs_f64() * 1000.0;
                match observation.outcome {
                    Outcome::Seen(facts) => card.facts = facts,
                    Outcome::Fault(fault) => card.fault = Some(fault),
                }
            }
            Event::CheckDiagnosed {
                check,
                looks,
                recognised,
            } => {
                let found = recognised.into_iter().filter_map(|found| self.named(found));
                let mut found: Vec<SignatureCard> = found.collect();
                let card = &mut self.checks[check];
                card.diagnosis = looks.into_iter().map(look).collect();
                if !found.is_empty() {
                    card.signature = Some(found.remove(0));
                    card.other_signatures = found;
                }
            }
            Event::CheckHeld {
                check,
                by,
                unfinished,
            } => {
                let card = &mut self.checks[check];
                card.held_by = Some(by);
                card.unfinished = unfinished.is_some();
                let waited = unfinished.unwrap_or_default();
                card.elapsed_ms = waited.as_secs_f64() * 1000.0;
            }
            Event::CheckSkipped { check, why } => {
                let card = &mut self.checks[check];
                card.verdict = Verdict::Skipped;
                card.skipped = Some(why);
            }
            Event::PhaseFinished {
                phase,
                gate,
                held_by,
                elapsed,
            } => {
                self.phases[phase] = PhaseState {
                    gate,
                    held_by,
                    elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
                };
            }
            Event::Finished { at, ending } => return Some(self.finish(at, &ending)),
        }
        None
    }

    fn named(&self, found: Recognised) -> Option<SignatureCard> {
        let planned = self.planned.signatures.get(found.signature)?.clone();
        Some(SignatureCard {
            id: planned.id,
            title: planned.title,
            matched: found.line,
            seen_by: found.kind,
            remedy: planned.remedy,
            runbook: planned.runbook,
            guardrail: planned.guardrail,
            go_back_to: planned.go_back_to,
        })
    }

    /// The card of a run that ended so.
    pub fn finish(&mut self, finished_at: Timestamp, ending: &Ending) -> Scorecard {
        assign_causes(&mut self.checks);
        let own_network = own_network(&self.planned, &mut self.checks);
        let downstream = Downstream::of(&self.planned);
        let roots = roots(&self.planned, &self.checks, &downstream);
        self.waivers
            .accept(&mut self.checks, self.started_at, finished_at);
        self.weigh_accepted();
        let totals = Totals::of(&self.checks);
        let (result, failure) = result(&totals, ending, self.undecided());
        let phases = self.phase_cards();
        // A run may be BLOCKED without a failure, and its passes be another boot's all the same.
        let unproven = failure.clone().or_else(|| match ending {
            Ending::Disrupted(hosts) => Some(disruption(hosts)),
            Ending::Complete | Ending::Deadline(_) | Ending::Interrupted => None,
        });
        let releases = release::decide(&self.planned, &phases, &self.checks, unproven.as_deref());
        Scorecard {
            schema_version: super::SCHEMA_VERSION,
            tool: Tool {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            baseline: self.planned.baseline.clone(),
            started_at: self.started_at,
            finished_at,
            result,
            failure,
            exit_code: result.exit_code(),
            disrupted: match ending {
                Ending::Disrupted(hosts) => hosts.clone(),
                Ending::Complete | Ending::Deadline(_) | Ending::Interrupted => Vec::new(),
            },
            keep_going: self.planned.keep_going,
            last_green: self.planned.last_green.as_ref().map(|green| green.at),
            totals,
            first_blocked: self.first_blocked(),
            own_network,
            roots,
            hosts: self.hosts(),
            phases,
            releases,
            waivers: self
                .waivers
                .cards(&self.checks, self.started_at, finished_at),
        }
    }

    /// Whether a warning of `check` would be accepted if the run ended at `now`.
    #[must_use]
    pub fn accepts(&self, check: usize, now: Timestamp) -> bool {
        self.waivers.accepts(check, self.started_at, now)
    }

    /// A waiver may have ended since a gate was decided. Either decision has
    /// let through what comes after it.
    fn weigh_accepted(&mut self) {
        for phase in 0..self.phases.len() {
            match self.phases[phase].gate {
                Gate::Green | Gate::Warn => {
                    let checks = self.checks_of(phase);
                    let verdicts = checks.map(|check| (check.verdict, check.accepted.is_some()));
                    let gate = gate_with_accepted(verdicts);
                    self.phases[phase].gate = gate;
                }
                Gate::Blocked | Gate::NotEvaluated | Gate::Skipped => {}
            }
        }
    }

    fn first_blocked(&self) -> Option<FirstBlocked> {
        let phase = self
            .phases
            .iter()
            .position(|phase| phase.gate == Gate::Blocked)?;
        let blocked = || {
            self.checks_of(phase)
                .filter(|check| check.verdict == Verdict::Blocked)
        };
        // The phase's own root first: a check that only shares another's fault is not the one to fix.
        let check = blocked()
            .find(|check| check.cause.is_none())
            .or_else(|| blocked().next())?;
        Some(FirstBlocked {
            phase: self.planned.phases[phase].id.clone(),
            check: check.cause.clone().unwrap_or_else(|| check.id.clone()),
        })
    }

    /// The first phase whose gate was not decided, whatever its checks came to.
    fn undecided(&self) -> Option<&str> {
        let phase = self
            .phases
            .iter()
            .position(|phase| phase.gate == Gate::NotEvaluated)?;
        Some(&self.planned.phases[phase].id)
    }

    fn checks_of(&self, phase: usize) -> impl Iterator<Item = &CheckCard> {
        self.planned
            .checks
            .iter()
            .zip(&self.checks)
            .filter(move |(planned, _)| planned.phase == phase)
            .map(|(_, card)| card)
    }

    fn hosts(&self) -> Vec<HostCard> {
        let mut hosts: Vec<HostCard> = Vec::new();
        for check in &self.checks {
            let (Some(id), Some(Value::Text(boot_id))) = (&check.host, check.facts.get(BOOT_ID))
            else {
                continue;
            };
            if hosts.iter().any(|host| host.id == *id) {
                continue;
            }
            let booted_at = match check.facts.get("booted_at") {
                Some(Value::Time(at)) => Some(*at),
                _ => None,
            };
            let green = self.planned.last_green.as_ref();
            let known = green.and_then(|green| green.boots.get(id));
            hosts.push(HostCard {
                id: id.clone(),
                boot_id: Some(boot_id.clone()),
                booted_at,
                rebooted_since_green: known.map(|known| known != boot_id),
            });
        }
        hosts
    }

    fn phase_cards(&self) -> Vec<PhaseCard> {
        self.planned
            .phases
            .iter()
            .zip(&self.phases)
            .enumerate()
            .map(|(place, (planned, state))| PhaseCard {
                id: planned.id.clone(),
                title: planned.title.clone(),
                needs: planned
                    .needs
                    .iter()
                    .map(|&need| self.planned.phases[need].id.clone())
                    .collect(),
                gate: state.gate,
                held_by: state
                    .held_by
                    .map(|gate| self.planned.phases[gate].id.clone()),
                elapsed_ms: state.elapsed_ms,
                checks: self.checks_of(place).cloned().collect(),
            })
            .collect()
    }
}

/// Seconds, no more exactly than anybody asked for: what a monitor's start took is taken
/// off its deadline.
fn told(deadline: Duration) -> f64 {
    let seconds = deadline.as_secs_f64();
    if seconds < 10.0 {
        (seconds * 1000.0).round() / 1000.0
    } else {
        seconds.round()
    }
}

fn disruption(hosts: &[String]) -> String {
    let lost = match hosts {
        [_] => "its connection was lost",
        _ => "their connections were lost",
    };
    let hosts = hosts.join(", ");
    format!("{hosts} rebooted (or {lost}) in the middle of the run")
}

fn look(told: Diagnosed) -> DiagnosisCard {
    let (facts, fault) = match told.outcome {
        Outcome::Seen(facts) => (facts, None),
        Outcome::Fault(fault) => (Facts::new(), Some(fault)),
    };
    DiagnosisCard {
        kind: told.kind.to_owned(),
        host: told.host,
        goal: told.goal,
        fault,
        facts,
    }
}

/// GREEN needs every gate to be, at least one pass and nothing unexplained; a run that did not
/// complete proves nothing, whatever it had seen by then.
fn result(
    totals: &Totals,
    ending: &Ending,
    undecided: Option<&str>,
) -> (RunResult, Option<String>) {
    let failure = match ending {
        Ending::Deadline(after) => Some(format!("the run's deadline of {} s struck", told(*after))),
        Ending::Interrupted => Some("the run was interrupted".to_owned()),
        // What is blocked holds the gates whatever else was seen.
        Ending::Disrupted(_) if totals.blocked > 0 => None,
        Ending::Disrupted(hosts) => Some(disruption(hosts)),
        Ending::Complete if totals.evaluated() == 0 => Some("no check was evaluated".to_owned()),
        // Only a blocked gate or check may hold others back in a complete run.
        Ending::Complete if totals.blocked == 0 && totals.not_evaluated > 0 => Some(
            "checks were left unevaluated without a blocked gate: a defect in coldstart".to_owned(),
        ),
        Ending::Complete if totals.blocked == 0 => {
            undecided.map(|phase| format!("the gate of {phase} was left undecided"))
        }
        Ending::Complete => None,
    };
    let result = if failure.is_some() {
        RunResult::CheckFailed
    } else if totals.blocked > 0 {
        RunResult::Blocked
    } else if totals.warn > 0 || totals.pass == 0 {
        RunResult::Degraded
    } else {
        RunResult::Green
    };
    (result, failure)
}

#[cfg(test)]
mod tests;
