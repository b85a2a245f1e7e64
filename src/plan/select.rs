//! What a run leaves out on purpose: `--only` and `--skip`.

use super::{Check, Plan};

/// Names of phases or checks to run or to leave out. A check is named by its
/// whole id (`ssh@data188`) or by its part before the `@`, which means it on
/// every host.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Run these and what they need; everything when empty.
    pub only: Vec<String>,
    /// Leave these out.
    pub skip: Vec<String>,
}

/// A name that is neither a phase nor a check of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// As given.
    pub name: String,
    /// The nearest name there is.
    pub suggestion: Option<String>,
}

impl Selection {
    /// For each check, in plan order, why it is left out; `None` when it runs.
    ///
    /// # Errors
    /// Every name that the plan does not know: a misspelt `--skip` must not
    /// run what it meant to spare, nor a misspelt `--only` pass for nothing.
    pub fn apply(&self, plan: &Plan) -> Result<Vec<Option<String>>, Vec<UnknownName>> {
        let unknown: Vec<UnknownName> = self
            .only
            .iter()
            .chain(&self.skip)
            .filter(|name| !names(plan).any(|known| known == name.as_str()))
            .map(|name| UnknownName {
                name: name.clone(),
                suggestion: crate::baseline::did_you_mean(name, names(plan)).map(str::to_owned),
            })
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let wanted = self.wanted(plan);
        Ok((0..plan.checks.len())
            .map(|place| {
                if let Some(name) = self.skip.iter().find(|name| matches(plan, place, name)) {
                    Some(format!("left out by --skip {name}"))
                } else if wanted[place] {
                    None
                } else {
                    Some(format!("left out by --only {}", self.only.join(" --only ")))
                }
            })
            .collect())
    }

    /// The named checks and what they cannot do without.
    fn wanted(&self, plan: &Plan) -> Vec<bool> {
        if self.only.is_empty() {
            return vec![true; plan.checks.len()];
        }
        let mut checks: Vec<bool> = (0..plan.checks.len())
            .map(|place| self.only.iter().any(|name| matches(plan, place, name)))
            .collect();
        plan.with_what_comes_before(&mut checks);
        checks
    }
}

impl Plan {
    /// Every name that an operator may ask for: phases, checks, releases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let releases = self.releases.iter().map(|release| release.id.as_str());
        names(self).chain(releases)
    }
}

fn names(plan: &Plan) -> impl Iterator<Item = &str> {
    let phases = plan.phases.iter().map(|phase| phase.id.as_str());
    let checks = plan
        .checks
        .iter()
        .flat_map(|check| [check.id.as_str(), base(&check.id)]);
    phases.chain(checks)
}

pub(super) fn base(id: &str) -> &str {
    id.split_once('@').map_or(id, |(base, _)| base)
}

fn matches(plan: &Plan, place: usize, name: &str) -> bool {
    let check = &plan.checks[place];
    check.id == name || base(&check.id) == name || plan.phases[check.phase].id == name
}

/// Places of the `checks` that `name` names: a whole id, or its part before the
/// `@` for the check on every host.
pub(super) fn find_checks(checks: &[Check], name: &str) -> Result<Vec<usize>, UnknownName> {
    let found: Vec<usize> = (0..checks.len())
        .filter(|&place| {
            let id = checks[place].id.as_str();
            id == name || base(id) == name
        })
        .collect();
    if found.is_empty() {
        let ids = checks
            .iter()
            .flat_map(|check| [check.id.as_str(), base(&check.id)]);
        return Err(UnknownName {
            name: name.to_owned(),
            suggestion: crate::baseline::did_you_mean(name, ids).map(str::to_owned),
        });
    }
    Ok(found)
}

impl Plan {
    /// Adds what the wanted checks cannot do without: the checks they come
    /// after, and every check of the phases upstream, since a gate that was not
    /// looked at proves nothing.
    pub(super) fn with_what_comes_before(&self, checks: &mut [bool]) {
        let mut phases = vec![false; self.phases.len()];
        for (phase, entry) in self.phases.iter().enumerate().rev() {
            let any = phases[phase] || entry.checks.clone().any(|place| checks[place]);
            if any {
                for &need in &entry.needs {
                    phases[need] = true;
                    checks[self.phases[need].checks.clone()].fill(true);
                }
            }
        }
        for place in (0..self.checks.len()).rev() {
            if checks[place] {
                for &after in &self.checks[place].after {
                    checks[after] = true;
                }
            }
        }
        self.with_what_is_awaited(checks);
    }

    /// Adds what a wanted coverage tells of, and what that cannot do without.
    fn with_what_is_awaited(&self, checks: &mut [bool]) {
        let wanted = |place: &usize| checks[*place];
        let awaited: Vec<usize> = (0..self.checks.len())
            .filter(wanted)
            .flat_map(|place| self.checks[place].awaits.iter().copied())
            .filter(|place| !checks[*place])
            .collect();
        if !awaited.is_empty() {
            for place in awaited {
                checks[place] = true;
            }
            self.with_what_comes_before(checks);
        }
    }

    /// Places of the checks that `name` names: a whole id, or its part before
    /// the `@` for the check on every host.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_checks(&self, name: &str) -> Result<Vec<usize>, UnknownName> {
        find_checks(&self.checks, name)
    }

    /// Places of the checks of its phase that come after `check`, directly or not.
    #[must_use]
    pub fn checks_after(&self, check: usize) -> Vec<usize> {
        let phase = &self.phases[self.checks[check].phase];
        let mut reached = vec![false; self.checks.len()];
        for later in phase.checks.clone() {
            reached[later] = self.checks[later]
                .after
                .iter()
                .any(|&after| after == check || reached[after]);
        }
        (0..self.checks.len())
            .filter(|&later| reached[later])
            .collect()
    }
}

#[cfg(test)]
mod tests;
