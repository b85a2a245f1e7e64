//! Makes a plan of a baseline, or tells every reason why it cannot.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::coverage::coverage;
use super::expand::Expander;
use super::model::{Check, Phase, Plan};
use super::order::{Cycle, topological};
use super::release;
use super::signatures::{signatures, watching};
use crate::baseline::{self, Baseline, Diagnostic, Diagnostics, Located, Location, Sources};
use crate::probe::{Host, Policy, SshSettings};

/// Makes a plan. Problems go to `diagnostics`, located in the baseline's
/// sources; with an error among them there is no plan.
#[must_use]
pub fn build(
    baseline: &Baseline,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Plan> {
    let mut found = Diagnostics::default();
    let policy = policy(baseline, sources, &mut found);
    let hosts = hosts(baseline);
    let order = order_phases(&baseline.phases, &mut found);
    let mut place_of = vec![0; baseline.phases.len()];
    for (place, &index) in order.iter().enumerate() {
        place_of[index] = place;
    }
    report_duplicates(baseline, &mut found);

    let mut expander = Expander::new(baseline, sources, &hosts, &policy);
    let mut phases = Vec::new();
    let mut checks: Vec<Check> = Vec::new();
    for (place, &index) in order.iter().enumerate() {
        let phase = &baseline.phases[index];
        let start = checks.len();
        // Which check of the file each planned one came from.
        let mut origins = Vec::new();
        for origin in order_checks(phase, &mut found) {
            let expanded = expander.expand(phase, &phase.checks[origin], place, &mut found);
            origins.extend(expanded.iter().map(|_| origin));
            checks.extend(expanded);
        }
        resolve_after(phase, &mut checks[start..], &origins, start);
        for check in &mut checks[start..] {
            check.signatures = watching(baseline, &phase.id.value, check);
        }
        phases.push(Phase {
            id: phase.id.value.clone(),
            title: phase.title.clone(),
            needs: needs(phase, &baseline.phases)
                .into_iter()
                .map(|need| place_of[need])
                .collect(),
            checks: start..checks.len(),
        });
    }

    let releases = release::releases(baseline, &phases, &checks, &mut found);
    let coverage = coverage(baseline, &phases, &mut checks, &mut found);
    let signatures = signatures(baseline, &mut found);
    let broken = found.has_errors();
    diagnostics.append(found);
    (!broken).then(|| Plan {
        name: baseline.name.value.clone(),
        digest: baseline.digest.clone(),
        metrics_prefix: baseline.metrics_prefix.clone(),
        hosts,
        phases,
        checks,
        releases,
        coverage,
        policy,
        signatures,
    })
}

/// Tells what more is wrong with a baseline that has errors: `flawed` and
/// `tainted` are [`baseline::Loaded`]'s. Of a check that lacks a part only what
/// is wrong with its options and expectations is told: whatever else is, the part
/// may have been there to mend.
pub fn further_problems(
    flawed: &Baseline,
    tainted: &[Location],
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) {
    const OF_A_PART: [&str; 12] = [
        "bad-duration",
        "bad-expectation",
        "bad-length",
        "bad-option",
        "bad-text",
        "bad-value",
        "missing-key",
        "no-value",
        "out-of-range",
        "repeated",
        "unknown-key",
        "wrong-type",
    ];
    let mut found = Diagnostics::default();
    drop(build(flawed, sources, &mut found));
    let told: Vec<Location> = diagnostics
        .iter()
        .filter(|problem| problem.code == "inline-secret")
        .filter_map(|problem| problem.at.clone())
        .collect();
    for problem in &found {
        let at = problem.at.as_ref();
        let lacks = |check: &Location| at.is_some_and(|at| check.contains(at));
        let known = OF_A_PART.contains(&problem.code) || !tainted.iter().any(lacks);
        // A kind that refuses a password in its address would tell it again.
        if known && at.is_none_or(|at| !told.contains(at)) {
            diagnostics.push(problem.clone());
        }
    }
}

fn policy(baseline: &Baseline, sources: &Sources, diagnostics: &mut Diagnostics) -> Policy {
    let mut entries = Vec::new();
    for text in &baseline.policy.allow {
        match Policy::entry(&text.value) {
            Ok(entry) => entries.push(entry),
            Err(refused) => diagnostics.push(
                Diagnostic::error(
                    "bad-policy",
                    refused.message,
                    refused
                        .at
                        .map_or_else(|| text.at.clone(), |at| sources.narrow(text, at..at + 1)),
                )
                .suggestion(
                    "an entry is a whole command, word for word; a `*` at its end lets any \
                     further arguments through: `mytool show *`",
                ),
            ),
        }
    }
    Policy::extended(entries)
}

/// Every host with its chain of jumps. The baseline has made sure that the
/// chains end.
fn hosts(baseline: &Baseline) -> Vec<Arc<Host>> {
    let mut made: HashMap<&str, Arc<Host>> = HashMap::new();
    baseline
        .hosts
        .iter()
        .map(|host| make_host(baseline, host, &mut made))
        .collect()
}

fn make_host<'a>(
    baseline: &'a Baseline,
    host: &'a baseline::Host,
    made: &mut HashMap<&'a str, Arc<Host>>,
) -> Arc<Host> {
    if let Some(host) = made.get(host.id.as_str()) {
        return Arc::clone(host);
    }
    let jump = host
        .ssh
        .jump
        .as_ref()
        .and_then(|jump| baseline.host(jump))
        .map(|jump| make_host(baseline, jump, made));
    let planned = Arc::new(Host {
        id: host.id.value.clone(),
        address: host.address.value.clone(),
        local: host.local,
        ssh: SshSettings {
            user: host.ssh.user.clone(),
            port: host.ssh.port,
            identities: host.ssh.identity.iter().map(PathBuf::from).collect(),
            jump,
            known_hosts: host.ssh.known_hosts.iter().map(PathBuf::from).collect(),
        },
        connect_timeout: host
            .connect_timeout
            .unwrap_or(baseline.defaults.connect_timeout),
    });
    made.insert(host.id.as_str(), Arc::clone(&planned));
    planned
}

fn needs(phase: &baseline::Phase, phases: &[baseline::Phase]) -> Vec<usize> {
    let mut needs: Vec<usize> = phase
        .needs
        .iter()
        .filter_map(|need| phases.iter().position(|other| other.id.value == need.value))
        .collect();
    needs.sort_unstable();
    needs.dedup();
    needs
}

fn order_phases(phases: &[baseline::Phase], diagnostics: &mut Diagnostics) -> Vec<usize> {
    let graph: Vec<Vec<usize>> = phases.iter().map(|phase| needs(phase, phases)).collect();
    topological(&graph).unwrap_or_else(|cycles| {
        for cycle in cycles {
            let members: Vec<&Located<String>> =
                cycle.0.iter().map(|&phase| &phases[phase].id).collect();
            diagnostics.push(cycle_diagnostic("phase", "needs", &members));
        }
        // In the file's order, so that the checks are still looked at for errors.
        (0..phases.len()).collect()
    })
}

fn order_checks(phase: &baseline::Phase, diagnostics: &mut Diagnostics) -> Vec<usize> {
    let place = |name: &str| phase.checks.iter().position(|check| check.id.value == name);
    let graph: Vec<Vec<usize>> = phase
        .checks
        .iter()
        .map(|check| {
            check
                .after
                .iter()
                .filter_map(|after| place(after))
                .collect()
        })
        .collect();
    topological(&graph).unwrap_or_else(|cycles: Vec<Cycle>| {
        for cycle in cycles {
            let members: Vec<&Located<String>> = cycle
                .0
                .iter()
                .map(|&check| &phase.checks[check].id)
                .collect();
            diagnostics.push(cycle_diagnostic("check", "after", &members));
        }
        (0..phase.checks.len()).collect()
    })
}

pub(super) fn cycle_diagnostic(what: &str, key: &str, members: &[&Located<String>]) -> Diagnostic {
    let names: Vec<&str> = members
        .iter()
        .chain(members.first())
        .map(|id| id.value.as_str())
        .collect();
    let first = members.first().map(|id| id.at.clone());
    let start = Diagnostic::error(
        "cycle",
        format!(
            "{what}s that wait for one another can never {}: {}",
            if what == "release" {
                "open"
            } else {
                "be evaluated"
            },
            names.join(" → ")
        ),
        first,
    )
    .label(format!("this {what} is part of the circle"))
    .suggestion(format!("remove one of these `{key}`"));
    members.iter().skip(1).fold(start, |diagnostic, id| {
        diagnostic.related(id.at.clone(), "and this one")
    })
}

/// `--only ssh@data188` and "held by ssh@data188" must mean one check.
fn report_duplicates(baseline: &Baseline, diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<&str, &Located<String>> = HashMap::new();
    for phase in &baseline.phases {
        if let Some(first) = seen.insert(&phase.id.value, &phase.id) {
            diagnostics.push(duplicate(&phase.id, first));
        }
    }
    for check in baseline.phases.iter().flat_map(|phase| &phase.checks) {
        if let Some(first) = seen.insert(&check.id.value, &check.id) {
            diagnostics.push(duplicate(&check.id, first));
        }
    }
}

fn duplicate(id: &Located<String>, first: &Located<String>) -> Diagnostic {
    Diagnostic::error(
        "duplicate-id",
        format!("the id `{}` is already taken", id.value),
        id.at.clone(),
    )
    .label("used again here")
    .related(first.at.clone(), "first used here")
    .suggestion("ids of phases and checks are unique in the whole baseline: rename one of them")
}

/// `after: [ssh]` means the check of the same host where there is one, else
/// the check on every host.
fn resolve_after(phase: &baseline::Phase, checks: &mut [Check], origins: &[usize], start: usize) {
    let resolved: Vec<Vec<usize>> = checks
        .iter()
        .zip(origins)
        .map(|(check, &origin)| {
            phase.checks[origin]
                .after
                .iter()
                .flat_map(|name| {
                    let named: Vec<usize> = (0..checks.len())
                        .filter(|&other| phase.checks[origins[other]].id.value == name.value)
                        .collect();
                    let same_host: Vec<usize> = named
                        .iter()
                        .copied()
                        .filter(|&other| checks[other].host() == check.host())
                        .collect();
                    if same_host.is_empty() {
                        named
                    } else {
                        same_host
                    }
                })
                .map(|place| place + start)
                .collect()
        })
        .collect();
    for (check, after) in checks.iter_mut().zip(resolved) {
        check.after = after;
    }
}

#[cfg(test)]
mod tests;
