//! Releases: what has to be green before something is let loose.

use super::build::cycle_diagnostic;
use super::model::{Check, Condition, Phase, Plan, Release};
use super::order::topological;
use super::select::{self, UnknownName};
use crate::baseline::{self, Baseline, Diagnostic, Diagnostics, Located};

/// The releases of a baseline, each behind those that it comes after.
pub(super) fn releases(
    baseline: &Baseline,
    phases: &[Phase],
    checks: &[Check],
    diagnostics: &mut Diagnostics,
) -> Vec<Release> {
    let order = order(&baseline.releases, diagnostics);
    let place_of = |name: &str| {
        order
            .iter()
            .position(|&index| baseline.releases[index].id.value == name)
    };
    order
        .iter()
        .map(|&index| {
            let release = &baseline.releases[index];
            Release {
                id: release.id.value.clone(),
                title: release.title.clone(),
                needs: needs(release, phases),
                require: conditions(release, baseline, checks, diagnostics),
                after: release
                    .after
                    .iter()
                    .filter_map(|name| place_of(&name.value))
                    .collect(),
                runbook: release.runbook.clone(),
            }
        })
        .collect()
}

fn order(releases: &[baseline::Release], diagnostics: &mut Diagnostics) -> Vec<usize> {
    let graph: Vec<Vec<usize>> = releases
        .iter()
        .map(|release| {
            let place =
                |name: &Located<String>| releases.iter().position(|r| r.id.value == name.value);
            release.after.iter().filter_map(place).collect()
        })
        .collect();
    topological(&graph).unwrap_or_else(|cycles| {
        for cycle in cycles {
            let members: Vec<&Located<String>> =
                cycle.0.iter().map(|&place| &releases[place].id).collect();
            diagnostics.push(cycle_diagnostic("release", "after", &members));
        }
        (0..releases.len()).collect()
    })
}

/// The named phases and all upstream of them: a gate lets warnings through, a
/// release does not.
fn needs(release: &baseline::Release, phases: &[Phase]) -> Vec<usize> {
    let mut needed: Vec<bool> = phases
        .iter()
        .map(|phase| release.needs.iter().any(|need| need.value == phase.id))
        .collect();
    for place in (0..phases.len()).rev() {
        if needed[place] {
            for &need in &phases[place].needs {
                needed[need] = true;
            }
        }
    }
    (0..phases.len()).filter(|&place| needed[place]).collect()
}

fn conditions(
    release: &baseline::Release,
    baseline: &Baseline,
    checks: &[Check],
    diagnostics: &mut Diagnostics,
) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = Vec::new();
    for condition in &release.require {
        match select::find_checks(checks, &condition.check) {
            Ok(found) => conditions.extend(found.into_iter().map(|check| Condition {
                check,
                stable_for: condition.stable_for,
            })),
            Err(unknown) => unknown_check(&condition.check, unknown, baseline, diagnostics),
        }
    }
    conditions
}

/// Tells of a check that there is not; one that could not be planned is there.
pub(super) fn unknown_check(
    name: &Located<String>,
    unknown: UnknownName,
    baseline: &Baseline,
    diagnostics: &mut Diagnostics,
) {
    let written = || {
        let checks = baseline.phases.iter().flat_map(|phase| &phase.checks);
        checks.map(|check| check.id.value.as_str())
    };
    if written().any(|id| id == select::base(name)) && unknown.suggestion.is_none() {
        return;
    }
    let meant = unknown
        .suggestion
        .or_else(|| baseline::did_you_mean(name, written()).map(str::to_owned));
    diagnostics.push(
        Diagnostic::error(
            "unknown-reference",
            format!("no check `{}`", name.value),
            name.at.clone(),
        )
        .suggestion(match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "`coldstart plan` lists the checks".to_owned(),
        }),
    );
}

impl Plan {
    /// The release of that id.
    ///
    /// # Errors
    /// When there is none.
    pub fn release(&self, id: &str) -> Result<usize, UnknownName> {
        let place = self.releases.iter().position(|release| release.id == id);
        place.ok_or_else(|| UnknownName {
            name: id.to_owned(),
            suggestion: baseline::did_you_mean(id, self.releases.iter().map(|r| r.id.as_str()))
                .map(str::to_owned),
        })
    }

    /// A release and those that must be open before it, in their order.
    #[must_use]
    pub fn release_chain(&self, release: usize) -> Vec<usize> {
        let mut wanted = vec![false; self.releases.len()];
        wanted[release] = true;
        for place in (0..=release).rev() {
            if wanted[place] {
                for &before in &self.releases[place].after {
                    wanted[before] = true;
                }
            }
        }
        (0..wanted.len()).filter(|&place| wanted[place]).collect()
    }

    /// For each check, in plan order, why it is left out of a run that decides
    /// on a release; `None` when it runs.
    #[must_use]
    pub fn left_out_of_release(&self, release: usize) -> Vec<Option<String>> {
        let mut wanted = vec![false; self.checks.len()];
        for place in self.release_chain(release) {
            let release = &self.releases[place];
            for &phase in &release.needs {
                wanted[self.phases[phase].checks.clone()].fill(true);
            }
            for condition in &release.require {
                wanted[condition.check] = true;
            }
        }
        self.with_what_comes_before(&mut wanted);
        let why = format!("not needed for the release {}", self.releases[release].id);
        wanted
            .into_iter()
            .map(|wanted| (!wanted).then(|| why.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests;
