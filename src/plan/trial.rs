//! Plans for this room's tests, made of baselines in memory.

use std::io;
use std::path::Path;

use super::Plan;
use crate::baseline::{Diagnostics, Files, load};

struct One(String);

impl Files for One {
    fn read(&self, _: &Path, _: usize) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

/// The plan of what follows the hosts `a` (user `ops`, tag `db`), `b` (tag
/// `db`, reached through `a`) and `here`, or what is said against it.
pub(super) fn attempt(rest: &str) -> Result<Plan, String> {
    let text = format!(
        "version: 1\nname: t\nhosts:\n  a: {{ address: 192.0.2.1, ssh: {{ user: ops }}, tags: db }}\n  \
         b: {{ address: 192.0.2.2, ssh: {{ jump: a }}, tags: db, connect_timeout: 9s }}\n  \
         here: {{ local: true }}\n{rest}"
    );
    let loaded = load("t.yml", &One(text), &[]);
    let mut diagnostics: Diagnostics = loaded.diagnostics.clone();
    let plan = loaded
        .baseline
        .as_ref()
        .and_then(|baseline| super::build(baseline, &loaded.sources, &mut diagnostics));
    plan.ok_or_else(|| diagnostics.render(&loaded.sources, false, 100))
}

/// The plan of what must have one.
pub(super) fn plan(rest: &str) -> Plan {
    attempt(rest).unwrap_or_else(|said| panic!("{said}\nin\n{rest}"))
}

/// The ids of the checks at `places`.
pub(super) fn ids(plan: &Plan, places: impl IntoIterator<Item = usize>) -> Vec<&str> {
    places
        .into_iter()
        .map(|place| plan.checks[place].id.as_str())
        .collect()
}

/// The ids of the phases at `places`.
pub(super) fn phases(plan: &Plan, places: impl IntoIterator<Item = usize>) -> Vec<&str> {
    places
        .into_iter()
        .map(|place| plan.phases[place].id.as_str())
        .collect()
}
