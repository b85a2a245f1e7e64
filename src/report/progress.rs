//! What a run is doing, on standard error while it does it.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::harmless::harmless;
use super::readable::{count, duration};
use crate::scorecard::{Event, PlannedRun, Verdict};

/// More running checks than this are counted in one line.
const SHOWN: usize = 8;
/// Often enough for a clock that tells seconds.
const TICK: Duration = Duration::from_millis(250);

/// Live progress of one run. Nothing that fails here stops the run: a terminal
/// that went away must not.
pub struct Progress {
    phases: Vec<PhaseLine>,
    checks: Vec<CheckLine>,
    /// Started and not yet ended, in the order of their start.
    running: BTreeMap<u64, Running>,
    started: u64,
    /// Judged, held or left out.
    done: usize,
    screen: Screen,
}

struct PhaseLine {
    id: String,
    pass: usize,
    warn: usize,
    blocked: usize,
}

struct CheckLine {
    phase: usize,
    id: String,
}

struct Running {
    check: usize,
    bar: ProgressBar,
    shown: bool,
}

enum Screen {
    Silent,
    Lines(Box<dyn Write + Send>),
    Live {
        bars: MultiProgress,
        more: Option<ProgressBar>,
    },
}

impl Progress {
    /// Draws on standard error: running checks with their time, and how many are
    /// done. Without `draw_to_stderr` it is silent,
    /// and it is also where standard error is not a terminal.
    #[must_use]
    pub fn new(planned: &PlannedRun, draw_to_stderr: bool) -> Self {
        if draw_to_stderr {
            Self::live(planned, ProgressDrawTarget::stderr())
        } else {
            Self::on(planned, Screen::Silent)
        }
    }

    /// Writes one plain line for each finished phase: for pipes and logs.
    #[must_use]
    pub fn lines(planned: &PlannedRun, to: Box<dyn Write + Send>) -> Self {
        Self::on(planned, Screen::Lines(to))
    }

    fn live(planned: &PlannedRun, target: ProgressDrawTarget) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        Self::on(planned, Screen::Live { bars, more: None })
    }

    fn on(planned: &PlannedRun, screen: Screen) -> Self {
        Self {
            phases: planned
                .phases
                .iter()
                .map(|phase| PhaseLine {
                    id: harmless(&phase.id).into_owned(),
                    pass: 0,
                    warn: 0,
                    blocked: 0,
                })
                .collect(),
            checks: planned
                .checks
                .iter()
                .map(|check| CheckLine {
                    phase: check.phase,
                    id: harmless(&check.id).into_owned(),
                })
                .collect(),
            running: BTreeMap::new(),
            started: 0,
            done: 0,
            screen,
        }
    }

    /// Takes in one event.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::CheckStarted { check, attempt } => self.started(*check, *attempt),
            Event::CheckJudged {
                check, judgement, ..
            } => {
                if let Some(phase) = self
                    .checks
                    .get(*check)
                    .and_then(|check| self.phases.get_mut(check.phase))
                {
                    match judgement.verdict {
                        Verdict::Pass => phase.pass += 1,
                        Verdict::Warn => phase.warn += 1,
                        Verdict::Blocked => phase.blocked += 1,
                        // A judge gives neither.
                        Verdict::NotEvaluated | Verdict::Skipped => {}
                    }
                }
                self.ended(*check);
            }
            Event::CheckHeld { check, .. } | Event::CheckSkipped { check, .. } => {
                self.ended(*check);
            }
            Event::PhaseFinished {
                phase,
                gate,
                held_by,
                elapsed,
            } => {
                let line = self.phase_line(*phase, gate.label(), *held_by, *elapsed);
                self.print(&line);
            }
            Event::Finished { .. } => self.clear(),
            Event::PhaseStarted { .. } | Event::CheckDiagnosed { .. } => {}
        }
    }

    /// Takes everything that still moves off the screen.
    pub fn finish(mut self) {
        self.clear();
    }

    fn phase_line(
        &self,
        phase: usize,
        gate: &str,
        held_by: Option<usize>,
        elapsed: Duration,
    ) -> String {
        let Some(counts) = self.phases.get(phase) else {
            return String::new();
        };
        let mut line = format!("{}  {gate}", counts.id);
        if counts.pass + counts.warn + counts.blocked > 0 {
            line = format!(
                "{line}  {} pass  {} warn  {} blocked  {}",
                counts.pass,
                counts.warn,
                counts.blocked,
                duration(elapsed)
            );
        } else {
            let planned = self.checks.iter().filter(|check| check.phase == phase);
            line = format!("{line}  {}", count(planned.count(), "check"));
        }
        if let Some(gate) = held_by.and_then(|gate| self.phases.get(gate)) {
            line = format!("{line}  held by {}", gate.id);
        }
        line
    }

    fn print(&mut self, line: &str) {
        match &mut self.screen {
            Screen::Silent => {}
            Screen::Lines(to) => {
                // A reader that closed the pipe has seen enough; the run goes on.
                let _ = writeln!(to, "{line}").and_then(|()| to.flush());
            }
            // The card that follows tells of every phase, in order.
            Screen::Live { .. } => {}
        }
    }

    fn started(&mut self, check: usize, attempt: u32) {
        if !matches!(self.screen, Screen::Live { .. }) {
            return;
        }
        let Some(id) = self.checks.get(check).map(|check| check.id.clone()) else {
            return;
        };
        let known = self.running.values().find(|running| running.check == check);
        if let Some(running) = known {
            if attempt > 1 {
                running.bar.set_message(format!("{id}, attempt {attempt}"));
            }
            return;
        }
        // Hidden until there is room, with its clock running from now.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(spinner());
        bar.set_message(id);
        self.running.insert(
            self.started,
            Running {
                check,
                bar,
                shown: false,
            },
        );
        self.started += 1;
        self.arrange();
    }

    fn ended(&mut self, check: usize) {
        self.done += 1;
        let place = self
            .running
            .iter()
            .find(|(_, running)| running.check == check)
            .map(|(place, _)| *place);
        let Some(running) = place.and_then(|place| self.running.remove(&place)) else {
            return;
        };
        running.bar.finish_and_clear();
        if let Screen::Live { bars, .. } = &self.screen {
            bars.remove(&running.bar);
        }
        self.arrange();
    }

    /// Shows the checks that have run longest and counts the rest.
    fn arrange(&mut self) {
        let Screen::Live { bars, more } = &mut self.screen else {
            return;
        };
        for (place, running) in self.running.values_mut().take(SHOWN).enumerate() {
            if !running.shown {
                running.bar = bars.insert(place, running.bar.clone());
                running.bar.tick();
                running.bar.enable_steady_tick(TICK);
                running.shown = true;
            }
        }
        if self.running.is_empty() {
            if let Some(bar) = more.take() {
                bar.finish_and_clear();
                bars.remove(&bar);
            }
            return;
        }
        let bar = more.get_or_insert_with(|| {
            let bar = bars.add(ProgressBar::with_draw_target(
                None,
                ProgressDrawTarget::hidden(),
            ));
            bar.set_style(counter());
            bar
        });
        let hidden = match self.running.len().saturating_sub(SHOWN) {
            0 => String::new(),
            hidden => format!("and {hidden} more; "),
        };
        let (done, all) = (self.done, self.checks.len());
        bar.set_message(format!("{hidden}{done} of {all} checks done"));
        bar.tick();
    }

    fn clear(&mut self) {
        for running in std::mem::take(&mut self.running).into_values() {
            running.bar.finish_and_clear();
        }
        if let Screen::Live { bars, more } = &mut self.screen {
            if let Some(bar) = more.take() {
                bar.finish_and_clear();
            }
            let _ = bars.clear();
        }
    }
}

/// A run that is dropped, as when it is interrupted, leaves no spinner behind.
impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn spinner() -> ProgressStyle {
    style("{spinner} {wide_msg} {elapsed}")
}

fn counter() -> ProgressStyle {
    style("  {wide_msg}")
}

/// ASCII, because the console after a power cut is often a serial one.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars("|/-\\ ")
}

#[cfg(test)]
mod tests;
