//! The phases of a watch, a row each.

use super::super::{Now, Running, since};
use super::{View, lines, seconds};
use crate::report::harmless;
use crate::report::readable::count;
use crate::report::terminal::layout::{pad, width};
use crate::report::terminal::page::Role;
use crate::report::terminal::phases;
use crate::scorecard::{Gate, PhaseCard, Totals};

impl View<'_> {
    /// Every phase: its gate in this attempt, or in the last one until it is decided anew.
    pub(super) fn phases(&self) -> Vec<String> {
        let planned = &self.watched.planned;
        let running = match &self.watched.now {
            Now::Running(running) => Some(running),
            Now::Nothing | Now::Waiting { .. } => None,
        };
        let rows: Vec<(&str, (&str, Role), String)> = planned
            .phases
            .iter()
            .enumerate()
            .map(|(place, phase)| {
                let (gate, about) = running
                    .and_then(|running| self.under_way(place, running))
                    .unwrap_or_else(|| self.decided(place, running));
                (phase.id.as_str(), gate, about)
            })
            .collect();
        let ids = rows.iter().map(|(id, ..)| width(&harmless(id))).max();
        let gates = rows.iter().map(|(_, (gate, _), _)| width(gate)).max();
        let (ids, gates) = (ids.unwrap_or(0), gates.unwrap_or(0));
        let mut page = self.page();
        page.blank();
        for (id, (gate, role), about) in rows {
            let id = pad(&harmless(id), ids);
            let gap = " ".repeat(gates.saturating_sub(width(gate)));
            let gate = format!("{}{gap}", page.paint(gate, role));
            // One row a phase, whatever the width: the rest of it is cut off, and
            // that must not be the gate.
            page.line(&if ids + 2 + gates > self.style.width {
                format!("{gate}  {id}  {about}")
            } else {
                format!("{id}  {gate}  {about}")
            });
        }
        lines(page)
    }

    fn under_way(&self, place: usize, running: &Running) -> Option<((&'static str, Role), String)> {
        let phase = running.phases.get(place)?;
        if phase.gate.is_some() {
            return None;
        }
        let before = self.last().and_then(|last| last.card.phases.get(place));
        let was = before.map_or_else(String::new, |before| {
            format!(", was {}", before.gate.label())
        });
        let checks = &self.watched.planned.checks;
        let all = checks.iter().filter(|check| check.phase == place).count();
        Some(match phase.since {
            None => (
                ("waits", Role::Plain),
                format!("{}{was}", count(all, "check")),
            ),
            Some(begun) => {
                let id = &self.watched.planned.phases[place].id;
                let usual = self.watched.remembered.usual_phases.get(id);
                let left = usual.and_then(|usual| usual.checked_sub(since(begun, self.now)));
                let left = left.map_or_else(String::new, |left| {
                    format!(", usually {} more", seconds(left))
                });
                let far = format!("{} of {all}{left}{was}", phase.done);
                (("runs", Role::Plain), far)
            }
        })
    }

    /// A gate that is decided: in this attempt, else in the last one.
    fn decided(&self, place: usize, running: Option<&Running>) -> ((&'static str, Role), String) {
        let now = running.and_then(|running| running.phases.get(place)?.gate);
        let card = self.last().and_then(|last| last.card.phases.get(place));
        let gate = now.or_else(|| card.map(|phase| phase.gate));
        let Some(gate) = gate else {
            return (("waits", Role::Plain), String::new());
        };
        let about = match (now, card) {
            (Some(now), Some(before)) if before.gate != now => {
                format!("was {}", before.gate.label())
            }
            (None, Some(phase)) => numbers(phase),
            _ => String::new(),
        };
        ((gate.label(), phases::role(gate)), about)
    }
}

/// `12 pass, 1 blocked` of a phase, or why it was not looked at.
fn numbers(phase: &PhaseCard) -> String {
    let totals = Totals::of(&phase.checks);
    let numbers = [
        (totals.pass, "pass"),
        (totals.warn, "warn"),
        (totals.blocked, "blocked"),
    ];
    let numbers = numbers.into_iter().filter(|(number, _)| *number > 0);
    let mut told: Vec<String> = numbers
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if told.is_empty() {
        told.push(count(phase.checks.len(), "check"));
    }
    if let (Some(by), Gate::NotEvaluated) = (&phase.held_by, phase.gate) {
        told.push(format!("held by {}", harmless(by)));
    }
    told.join(", ")
}
