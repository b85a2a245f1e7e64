//! Containers → facts.

use std::collections::BTreeMap;

use super::Docker;
use super::inspected::{Container, Health};
use super::listed::Row;
use crate::probe::{Facts, Value};

/// Exit codes that a power cut or a kill leaves behind: 137 is 128 + SIGKILL,
/// 128 an engine that could not start or stop what it had.
const LEFT_OVER: [i32; 2] = [128, 137];

#[expect(clippy::cast_precision_loss, reason = "no host has 2^52 containers")]
fn count(number: usize) -> f64 {
    number as f64
}

fn list(names: impl IntoIterator<Item = String>) -> Value {
    Value::List(names.into_iter().map(Value::from).collect())
}

/// A map of what is told of each.
fn each(all: &[Container], of: impl Fn(&Container) -> Option<Value>) -> Value {
    Value::Map(
        all.iter()
            .filter_map(|one| Some((one.name.clone(), of(one)?)))
            .collect(),
    )
}

/// What one look, or two of them, say of the containers.
pub(super) fn containers(docker: &Docker, looks: &[Vec<Container>], facts: &mut Facts) {
    let Some(all) = looks.last() else {
        return;
    };
    let names = |of: &dyn Fn(&Container) -> bool| {
        list(all.iter().filter(|one| of(one)).map(|one| one.name.clone()))
    };
    let is_completed =
        |one: &Container| docker.is_once(one) && one.state == "exited" && one.exit_code == Some(0);
    let mut missing = docker.missing(all);
    // Removed between the looks, with a name that nobody asked for by itself.
    let gone = looks.iter().flatten().map(|one| &one.name);
    for name in gone.filter(|name| !all.iter().any(|one| one.name == **name)) {
        if !missing.contains(name) {
            missing.push(name.clone());
        }
    }
    facts.set("expected_count", count(all.len() + missing.len()));
    let running = all.iter().filter(|one| one.runs());
    facts.set("running_count", count(running.clone().count()));
    facts.set("running", names(&Container::runs));
    let stopped = all.iter().filter(|one| !one.runs() && !is_completed(one));
    facts.set("not_running", list(stopped.map(shown)));
    facts.set("completed", names(&is_completed));
    facts.set("missing", list(missing));
    let says = |one: &Container, word: &str| {
        one.runs() && matches!(&one.health, Health::Says(says) if says == word)
    };
    let waits =
        |one: &Container| says(one, "starting") || one.runs() && one.health == Health::Unknown;
    let is_well =
        |one: &Container| !one.runs() || one.health == Health::None || says(one, "healthy");
    facts.set("healthy", names(&|one| says(one, "healthy")));
    facts.set("unhealthy", names(&|one| !is_well(one) && !waits(one)));
    facts.set("starting", names(&waits));
    restarts(looks, all, facts);
    facts.set("oom_killed", names(&|one| one.oom_killed));
    facts.set("states", each(all, |one| Some(one.state.as_str().into())));
    facts.set(
        "health",
        each(all, |one| match &one.health {
            Health::Says(word) => Some(word.as_str().into()),
            Health::None | Health::Unknown => None,
        }),
    );
    facts.set("exit_codes", Value::Map(exit_codes(all)));
    facts.set(
        "images",
        each(all, |one| one.image.as_deref().map(Value::from)),
    );
    facts.set(
        "networks",
        each(all, |one| Some(list(one.networks.iter().cloned()))),
    );
    let started: Vec<_> = running.filter_map(|one| one.started_at).collect();
    facts.set_some("oldest_started_at", started.iter().min().copied());
    facts.set_some("newest_started_at", started.iter().max().copied());
}

/// `harbor-db: exited (137)`
fn shown(one: &Container) -> String {
    match one.exit_code.filter(|_| has_ended(one)) {
        Some(code) => format!("{}: {} ({code})", one.name, one.state),
        None => format!("{}: {}", one.name, one.state),
    }
}

/// Whether its exit code is of its last run: before the first one it is 0.
fn has_ended(one: &Container) -> bool {
    matches!(
        one.state.as_str(),
        "exited" | "dead" | "stopped" | "restarting"
    ) || one.exit_code.is_some_and(|code| code != 0) && !one.runs()
}

fn exit_codes(all: &[Container]) -> BTreeMap<String, Value> {
    all.iter()
        .filter(|one| has_ended(one))
        .filter_map(|one| Some((one.name.clone(), f64::from(one.exit_code?).into())))
        .collect()
}

fn restarts(looks: &[Vec<Container>], all: &[Container], facts: &mut Facts) {
    let counts: Option<Vec<u32>> = all.iter().map(|one| one.restarts).collect();
    let total = counts.map(|counts| counts.into_iter().map(f64::from).sum::<f64>());
    // A sum of none is no sum.
    facts.set_some("restarts_total", total.filter(|_| !all.is_empty()));
    let mut restarting: Vec<String> = Vec::new();
    let mut during = 0.0;
    let mut is_told = true;
    for one in all {
        let waits = looks
            .iter()
            .flatten()
            .any(|seen| seen.name == one.name && seen.state == "restarting");
        let before = match looks {
            [before, _] => before.iter().find(|seen| seen.name == one.name),
            _ => None,
        };
        let mut again = false;
        if let Some(before) = before {
            // A container that was made anew counts from zero.
            let grown = one.restarts.zip(before.restarts);
            let grown = grown.map(|(now, then)| now.checked_sub(then).unwrap_or(now));
            during += f64::from(grown.unwrap_or(0));
            is_told &= grown.is_some();
            again = grown.is_some_and(|grown| grown > 0) || one.started_at != before.started_at;
        }
        if waits || again {
            restarting.push(one.name.clone());
        }
    }
    let watched = looks.len() == 2 && is_told && !all.is_empty();
    facts.set_some("restarts_during", watched.then_some(during));
    facts.set("restarting", list(restarting));
}

/// Which of the containers looked at began to run within the last minute.
pub(super) fn just_started<'r>(chosen: impl Iterator<Item = &'r Row>, facts: &mut Facts) {
    let young = chosen.filter(|row| row.just_started);
    facts.set("just_started", list(young.map(|row| row.name.clone())));
}

/// What a power cut left behind on the whole host.
pub(super) fn leftovers(rows: &[Row], facts: &mut Facts) {
    let left = rows.iter().filter_map(|row| {
        let code = row.exit_code.filter(|code| LEFT_OVER.contains(code))?;
        Some((row.name.clone(), code))
    });
    let mut codes = match facts.get("exit_codes") {
        Some(Value::Map(codes)) => codes.clone(),
        _ => BTreeMap::new(),
    };
    codes.extend(
        left.clone()
            .map(|(name, code)| (name, f64::from(code).into())),
    );
    facts.set("exit_codes", Value::Map(codes));
    facts.set("leftovers", list(left.map(|(name, _)| name)));
}
