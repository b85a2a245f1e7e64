//! `coverage`: its checks found, and those that tell of it made to wait for them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::build::cycle_diagnostic;
use super::model::{Check, Phase};
use super::order::topological;
use super::release::unknown_check;
use super::select;
use crate::baseline::{self, Baseline, CoverageCell, Diagnostic, Diagnostics, Located};
use crate::judge::{Cell, Coverage, Layer, Proof, Service};

/// The name of the kind that tells of it.
pub(super) const KIND: &str = "coverage";

/// The table of a baseline, with every check of the kind made to wait for those that it
/// names.
pub(super) fn coverage(
    baseline: &Baseline,
    phases: &[Phase],
    checks: &mut [Check],
    diagnostics: &mut Diagnostics,
) -> Option<Coverage> {
    let tellers: Vec<usize> = (0..checks.len())
        .filter(|&place| checks[place].kind == KIND)
        .collect();
    let Some(source) = &baseline.coverage else {
        for &teller in &tellers {
            diagnostics.push(
                Diagnostic::error(
                    "no-coverage",
                    "the baseline has no `coverage` to tell of",
                    id_of(baseline, &checks[teller]).map(|id| id.at.clone()),
                )
                .suggestion("add `coverage:` with `layers` and `services` beside `phases`"),
            );
        }
        return None;
    };
    let mut losses = Losses::new();
    let coverage = Coverage {
        layers: source
            .layers
            .iter()
            .map(|layer| Layer {
                id: layer.id.value.clone(),
                title: layer.title.clone(),
            })
            .collect(),
        services: source
            .services
            .iter()
            .map(|service| Service {
                id: service.id.value.clone(),
                title: service.title.clone(),
                cells: source
                    .layers
                    .iter()
                    .map(|layer| {
                        let said = service
                            .cells
                            .iter()
                            .find(|(id, _)| *id.value == layer.id.value);
                        said.map_or(Cell::Empty, |(_, cell)| {
                            self::cell(cell, baseline, checks, &mut losses, diagnostics)
                        })
                    })
                    .collect(),
            })
            .collect(),
    };
    let awaited = coverage.checks();
    for &teller in &tellers {
        checks[teller].awaits.clone_from(&awaited);
        checks[teller].definition = super::over_time::extended(
            &checks[teller].definition,
            &format!(
                "{:?}",
                source
                    .services
                    .iter()
                    .map(|service| &service.cells)
                    .collect::<Vec<_>>()
            ),
        );
    }
    if !tellers.is_empty() {
        report_circles(baseline, phases, checks, diagnostics);
    }
    Some(coverage)
}

/// What each check allows to be lost. One check proves many cells, and the longest pause of
/// a schedule is found by going through years of it.
type Losses = BTreeMap<usize, Option<Duration>>;

fn cell(
    source: &CoverageCell,
    baseline: &Baseline,
    checks: &[Check],
    losses: &mut Losses,
    diagnostics: &mut Diagnostics,
) -> Cell {
    match source {
        CoverageCell::NotNeeded { why } => Cell::NotNeeded { why: why.clone() },
        CoverageCell::Excluded { why, by, until } => Cell::Excluded {
            why: why.clone(),
            by: by.clone(),
            until: until.clone(),
        },
        CoverageCell::Proven {
            by,
            bounded_by,
            max_loss,
        } => Cell::Promised {
            by: by
                .iter()
                .flat_map(|name| {
                    let mut proofs = proofs(name, baseline, checks, losses, diagnostics);
                    let bound = bounded_by.iter().find(|bound| bound.value == name.value);
                    if let Some(bound) = bound {
                        must_bound(bound, &proofs, diagnostics);
                    } else if !bounded_by.is_empty() {
                        for proof in &mut proofs {
                            proof.loss = None;
                        }
                    }
                    proofs
                })
                .collect(),
            max_loss: *max_loss,
        },
    }
}

/// What is said to bound a loss has a `fresh` that does.
fn must_bound(name: &Located<String>, proofs: &[Proof], diagnostics: &mut Diagnostics) {
    if let Some(loose) = proofs.iter().find(|proof| proof.loss.is_none()) {
        let message = format!("`{}` has no `fresh`, so it bounds no loss", loose.id);
        diagnostics.push(
            Diagnostic::error("bad-cell", message, name.at.clone())
                .suggestion("add `fresh` to the check, or name one that has it"),
        );
    }
}

fn proofs(
    name: &Located<String>,
    baseline: &Baseline,
    checks: &[Check],
    losses: &mut Losses,
    diagnostics: &mut Diagnostics,
) -> Vec<Proof> {
    let found = match select::find_checks(checks, name) {
        Ok(found) => found,
        Err(unknown) => {
            unknown_check(name, unknown, baseline, diagnostics);
            return Vec::new();
        }
    };
    if found.iter().any(|&place| checks[place].kind == KIND) {
        diagnostics.push(
            Diagnostic::error(
                "bad-cell",
                format!(
                    "`{}` tells of the coverage, so it proves nothing of it",
                    name.value
                ),
                name.at.clone(),
            )
            .suggestion("name the check that looks at the backup"),
        );
        return Vec::new();
    }
    found
        .into_iter()
        .map(|place| Proof {
            check: place,
            id: checks[place].id.clone(),
            loss: *losses.entry(place).or_insert_with(|| {
                let fresh = checks[place].over_time.fresh.as_ref();
                fresh.map(crate::judge::Fresh::loss)
            }),
        })
        .collect()
}

/// The id of the check in the file that a planned one is of.
fn id_of<'b>(baseline: &'b Baseline, check: &Check) -> Option<&'b Located<String>> {
    let mut written = baseline.phases.iter().flat_map(|phase| &phase.checks);
    let found: Option<&baseline::Check> =
        written.find(|source| source.id.value == select::base(&check.id));
    found.map(|source| &source.id)
}

/// What a coverage waits for must not wait for it: by `after`, or by the gate of its
/// phase. Checks come first, then the gates of the phases.
fn report_circles(
    baseline: &Baseline,
    phases: &[Phase],
    checks: &[Check],
    diagnostics: &mut Diagnostics,
) {
    let gate = |phase: usize| checks.len() + phase;
    let of_checks = checks.iter().map(|check| {
        let needs = phases[check.phase].needs.iter().map(|&need| gate(need));
        let before = check.after.iter().chain(&check.awaits).copied();
        before.chain(needs).collect()
    });
    let of_phases = phases.iter().map(|phase| phase.checks.clone().collect());
    let graph: Vec<Vec<usize>> = of_checks.chain(of_phases).collect();
    let Err(cycles) = topological(&graph) else {
        return;
    };
    for cycle in cycles {
        let members: Vec<&Located<String>> = cycle
            .0
            .iter()
            .filter_map(|&node| id_of(baseline, checks.get(node)?))
            .collect();
        let waits = cycle.0.iter().any(|&node| {
            checks
                .get(node)
                .is_some_and(|check| !check.awaits.is_empty())
        });
        if waits {
            diagnostics.push(cycle_diagnostic("check", "proven_by", &members).suggestion(
                "put the check of kind `coverage` into a phase of its own that needs those of \
                 the checks it tells of",
            ));
        }
    }
}
