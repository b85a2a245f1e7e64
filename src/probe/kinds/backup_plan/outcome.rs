//! What a plan came to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Hash;
use crate::probe::{Facts, Value};

/// The three outcomes, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Success,
    Partial,
    RepoFailure,
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Partial => "PARTIAL",
            Self::RepoFailure => "REPO_FAILURE",
        }
    }
}

/// What Redis has of a module's last backup.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) name: String,
    /// There is a state at all.
    pub(super) has_state: bool,
    ended: Option<Timestamp>,
    failure: Option<String>,
}

impl Module {
    /// NethServer writes the number of `errors`, and when the backup began and
    /// ended, in seconds since 1970. What does not say that it went well did not.
    pub(super) fn read(name: String, status: &Hash) -> Self {
        let errors = status.get("errors").map(|errors| errors.trim());
        let success = status.get("success").map(|told| told.trim());
        let failure = match (errors, success) {
            _ if status.is_empty() => Some("it never ran: Redis has no state of it".to_owned()),
            (Some("0"), _) | (None, Some("1" | "true" | "True")) => None,
            (Some(errors), _) if errors.parse::<u64>().is_ok() => {
                Some(format!("its last backup ended with {errors} errors"))
            }
            (None, Some(_)) => Some("its last backup failed".to_owned()),
            _ => Some("its state in Redis tells no result".to_owned()),
        };
        let end = status.get("end").and_then(|end| end.trim().parse().ok());
        Self {
            name,
            has_state: !status.is_empty(),
            ended: end.and_then(|end| Timestamp::from_second(end).ok()),
            failure,
        }
    }
}

/// A plan and what was seen of it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) enabled: bool,
    pub(super) modules: Vec<Module>,
    /// Modules that are not in it, and have a state.
    pub(super) former: Vec<String>,
    /// Whether the repository could be opened; nothing when it was not tried.
    pub(super) reachable: Option<bool>,
    /// What makes it a `REPO_FAILURE`.
    pub(super) trouble: Option<String>,
}

impl Plan {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: None,
            enabled: true,
            modules: Vec::new(),
            former: Vec::new(),
            reachable: None,
            trouble: None,
        }
    }

    fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.id),
            None => self.id.clone(),
        }
    }

    fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        let modules = self.modules.iter();
        modules.filter_map(|module| Some((module.name.as_str(), module.failure.as_deref()?)))
    }

    fn outcome(&self) -> Outcome {
        if self.trouble.is_some() {
            Outcome::RepoFailure
        } else if self.failed().next().is_some() {
            Outcome::Partial
        } else {
            Outcome::Success
        }
    }

    fn reason(&self) -> Option<String> {
        if self.trouble.is_some() {
            return self.trouble.clone();
        }
        let failed: Vec<String> = self
            .failed()
            .map(|(module, why)| format!("{module}: {why}"))
            .collect();
        (!failed.is_empty()).then(|| failed.join("; "))
    }
}

/// Sets the facts of all plans.
pub(super) fn set(plans: &[Plan], facts: &mut Facts) {
    let several = plans.len() > 1;
    let list = |texts: BTreeSet<String>| Value::List(texts.into_iter().map(Value::from).collect());
    let outcomes = plans
        .iter()
        .map(|plan| (plan.id.clone(), Value::from(plan.outcome().name())));
    facts.set("outcomes", Value::Map(outcomes.collect()));
    let worst = plans.iter().map(Plan::outcome).max();
    facts.set_some("outcome", worst.map(Outcome::name));
    let reasons: Vec<String> = plans
        .iter()
        .filter_map(|plan| {
            let reason = plan.reason()?;
            Some(if several {
                format!("plan {}: {reason}", plan.shown())
            } else {
                reason
            })
        })
        .collect();
    facts.set_some("reason", (!reasons.is_empty()).then(|| reasons.join("; ")));
    let shown = plans.iter().map(|plan| Value::from(plan.shown()));
    facts.set("plans", Value::List(shown.collect()));
    facts.set("enabled", plans.iter().all(|plan| plan.enabled));
    let all = || plans.iter().flat_map(|plan| plan.modules.iter());
    let names: BTreeSet<String> = all().map(|module| module.name.clone()).collect();
    #[expect(clippy::cast_precision_loss, reason = "no cluster has 2^52 modules")]
    facts.set("module_count", names.len() as f64);
    facts.set("modules", list(names));
    let former = plans.iter().flat_map(|plan| {
        let modules = plan.former.iter();
        modules.map(|module| named(plan, module, several))
    });
    facts.set("former_modules", list(former.collect()));
    let failed = plans.iter().flat_map(Plan::failed);
    facts.set(
        "failed_modules",
        list(failed.map(|(module, _)| module.to_owned()).collect()),
    );
    let mut failures = BTreeMap::new();
    for plan in plans {
        for (module, why) in plan.failed() {
            failures.insert(named(plan, module, several), Value::from(why));
        }
    }
    facts.set("failures", Value::Map(failures));
    let reachable: Vec<bool> = plans.iter().filter_map(|plan| plan.reachable).collect();
    facts.set_some(
        "repository_reachable",
        (!reachable.is_empty()).then(|| reachable.iter().all(|reachable| *reachable)),
    );
    let ends: Vec<Option<Timestamp>> = all().map(|module| module.ended).collect();
    facts.set_some("last_run_at", ends.iter().flatten().max().copied());
    let whole = ends.iter().all(Option::is_some);
    let oldest = ends.iter().flatten().min().copied();
    facts.set_some("oldest_module_at", oldest.filter(|_| whole));
}

/// A module, with its plan where there are several.
fn named(plan: &Plan, module: &str, several: bool) -> String {
    if several {
        format!("{}/{module}", plan.id)
    } else {
        module.to_owned()
    }
}
