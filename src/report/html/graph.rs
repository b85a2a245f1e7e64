//! The phases and what needs what, drawn as a list: one row a phase, in
//! dependency order, and the edges as lines on its left. So it is as wide as
//! a phone, however the graph looks, and grows only downwards.

use std::collections::HashMap;

use super::{Element, anchor, element, gate_class, summary};
use crate::scorecard::{PhaseCard, Scorecard, Totals};

const ROW: usize = 58;
const BOX: usize = 46;
const LANE: usize = 14;
/// Between the lanes and the boxes, for the tips of the edges.
const TIPS: usize = 14;
const PAD: usize = 14;
/// What a letter of the largest text takes at most, so that none leaves its box.
const LETTER: usize = 10;
const NARROWEST: usize = 300;

/// From a phase to those that need it: one line down, with a branch to each.
struct Edge {
    from: usize,
    to: Vec<usize>,
    lane: usize,
}

/// The drawing, with a text for those who do not see it.
pub(super) fn graph(card: &Scorecard) -> Element {
    let edges = edges(&card.phases);
    let lanes = edges.iter().map(|edge| edge.lane + 1).max().unwrap_or(0);
    let left = if lanes == 0 { 1 } else { lanes * LANE + TIPS };
    let texts: Vec<String> = card.phases.iter().map(state).collect();
    let letters = card
        .phases
        .iter()
        .zip(&texts)
        .map(|(phase, state)| phase.id.chars().count().max(state.chars().count()))
        .max()
        .unwrap_or(0);
    let inner = (letters * LETTER + 2 * PAD).max(NARROWEST);
    let (width, height) = (left + inner + 1, card.phases.len() * ROW);
    let drawn = edges.iter().flat_map(|edge| {
        let shut = !card.phases[edge.from].gate.lets_through();
        line(edge, left, shut)
    });
    let boxes = card
        .phases
        .iter()
        .zip(&texts)
        .enumerate()
        .map(|(place, (phase, state))| node(place, phase, state, left, inner));
    element("svg")
        .attr("class", "graph")
        .attr("xmlns", "http://www.w3.org/2000/svg")
        .attr("role", "group")
        .attr("aria-labelledby", "graph-title")
        .attr("viewBox", format!("0 0 {width} {height}"))
        .attr("style", format!("max-width: {width}px"))
        .with(element("title").attr("id", "graph-title").text(told(card)))
        .with_all(drawn)
        .with_all(boxes)
}

/// What each phase needs, in words.
fn told(card: &Scorecard) -> String {
    let phases: Vec<String> = card
        .phases
        .iter()
        .map(|phase| {
            let gate = phase.gate.label();
            if phase.needs.is_empty() {
                format!("{} {gate}", phase.id)
            } else {
                format!("{} {gate} needs {}", phase.id, phase.needs.join(", "))
            }
        })
        .collect();
    format!("Phases in dependency order: {}.", phases.join("; "))
}

fn state(phase: &PhaseCard) -> String {
    let counts = summary(&Totals::of(&phase.checks));
    format!("{} · {counts}", phase.gate.label())
}

/// The edges in lanes, counted from the boxes. Two share a lane where one ends
/// at the row in which the other begins, or above; the longer lie outside.
fn edges(phases: &[PhaseCard]) -> Vec<Edge> {
    let place: HashMap<&str, usize> = phases
        .iter()
        .enumerate()
        .map(|(place, phase)| (phase.id.as_str(), place))
        .collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); phases.len()];
    for (to, phase) in phases.iter().enumerate() {
        for need in &phase.needs {
            if let Some(&from) = place.get(need.as_str()) {
                needed_by[from].push(to);
            }
        }
    }
    let mut edges: Vec<Edge> = needed_by
        .into_iter()
        .enumerate()
        .filter(|(_, to)| !to.is_empty())
        .map(|(from, to)| Edge { from, to, lane: 0 })
        .collect();
    edges.sort_by_key(|edge| (edge.end() - edge.from, edge.from));
    let mut taken: Vec<Vec<(usize, usize)>> = Vec::new();
    for edge in &mut edges {
        let (start, end) = (edge.from, edge.end());
        let free = |lane: &Vec<(usize, usize)>| lane.iter().all(|&(s, e)| end <= s || e <= start);
        edge.lane = taken.iter().position(free).unwrap_or(taken.len());
        if edge.lane == taken.len() {
            taken.push(Vec::new());
        }
        taken[edge.lane].push((start, end));
    }
    edges
}

impl Edge {
    fn end(&self) -> usize {
        self.to.iter().copied().max().unwrap_or(self.from)
    }
}

/// The vertical middle of a row. Edges leave a little below it and arrive a
/// little above, so that those in one lane stay apart.
fn middle(row: usize) -> usize {
    row * ROW + ROW / 2
}

fn line(edge: &Edge, left: usize, shut: bool) -> Vec<Element> {
    let x = left - TIPS - edge.lane * LANE - LANE / 2;
    let start = middle(edge.from) + 8;
    let class = if shut { "edge shut" } else { "edge" };
    let mut drawn = Vec::new();
    for &to in &edge.to {
        let end = middle(to) - 8;
        let path = format!(
            "M{left} {start}H{}Q{x} {start} {x} {}V{}Q{x} {end} {} {end}H{}",
            x + 5,
            start + 5,
            end - 5,
            x + 5,
            left - 5
        );
        drawn.push(element("path").attr("class", class).attr("d", path));
        let tip = format!("M{left} {end}l-7 -4v8z");
        drawn.push(element("path").attr("class", "tip").attr("d", tip));
    }
    drawn
}

fn node(place: usize, phase: &PhaseCard, state: &str, left: usize, inner: usize) -> Element {
    let top = middle(place) - BOX / 2;
    let class = gate_class(phase.gate);
    let shape = |class: &str, width: usize| {
        element("rect")
            .attr("class", class)
            .attr("x", left)
            .attr("y", top)
            .attr("width", width)
            .attr("height", BOX)
            .attr("rx", 4)
    };
    let text = |class: &str, y: usize| {
        element("text")
            .attr("class", class)
            .attr("x", left + PAD)
            .attr("y", y)
    };
    element("a")
        .attr("href", format!("#{}", anchor(place)))
        .with(shape("box", inner))
        .with(shape(&format!("bar {class}"), 5))
        .with(text("id", top + 19).text(&phase.id))
        .with(text(&format!("state {class}"), top + 37).text(state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::Script;

    fn drawn(needs: &[&[usize]]) -> Vec<(usize, Vec<usize>, usize)> {
        let script = needs
            .iter()
            .enumerate()
            .fold(Script::new(), |script, (place, needs)| {
                script.phase(&format!("P{place}"), "", needs)
            });
        edges(&script.card().phases)
            .into_iter()
            .map(|edge| (edge.from, edge.to, edge.lane))
            .collect()
    }

    #[test]
    fn a_chain_is_one_lane() {
        let chain = drawn(&[&[], &[0], &[1], &[2]]);
        assert_eq!(chain, [(0, vec![1], 0), (1, vec![2], 0), (2, vec![3], 0)]);
    }

    #[test]
    fn lines_that_pass_each_other_have_lanes_of_their_own() {
        let diamond = drawn(&[&[], &[0], &[0], &[1, 2]]);
        assert_eq!(
            diamond,
            [(2, vec![3], 0), (0, vec![1, 2], 0), (1, vec![3], 1)]
        );
    }

    #[test]
    fn phases_that_need_nothing_have_no_lines() {
        assert_eq!(drawn(&[&[], &[]]), []);
    }
}
