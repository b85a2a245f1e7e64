//! `coldstart accept`: writes down that a warning is accepted, for a review.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::args::Accept;
use super::exit::Exit;
use super::input::{self, Input};
use super::output::{print, tell};
use super::state::{self, warn};
use super::{waivers, whole};
use crate::baseline::{self, LoadedWaivers, NewWaiver};
use crate::engine;
use crate::plan::Plan;
use crate::report::{duration, harmless};
use crate::scorecard::Verdict;
use crate::state::{Location, Memory, State, WaiverUse};

pub(super) fn accept(arguments: &Accept) -> Result<Exit, Exit> {
    let Input { plan, .. } = input::input(&arguments.baseline, &arguments.display)?;
    if arguments.list {
        return list(arguments, &plan);
    }
    let path = waivers::path(&arguments.waivers, arguments.baseline.baseline.as_deref());
    let Some(path) = path else {
        tell(if arguments.waivers.waivers.is_some() {
            "error: --waivers none names no file to write to"
        } else {
            "error: the built-in baseline has no waivers: name a baseline by --baseline"
        });
        return Err(Exit::Usage);
    };
    let now = engine::now();
    let new = wanted(arguments, now)?;
    let places = plan.find_checks(&new.check).map_err(|unknown| {
        tell(&input::unknown_name(&unknown, "check", &plan));
        Exit::Usage
    })?;
    refuse_blocked(arguments, &plan, &places, &new.check)?;
    // Whoever accepts something else in this moment has to wait until it is written.
    let lock = lock(&path);
    let superseded = write(arguments, &path, &new)?;
    drop(lock);
    let until = baseline::parse_until(&new.until).unwrap_or(now);
    let mut text = format!(
        "{}:\n{}\n",
        path.display(),
        harmless_lines(&new.block("  ", "\n"))
    );
    if superseded {
        text += &format!("It takes the place of the waiver of {} there.\n", new.check);
    }
    text += &format!(
        "A WARN of {} counts as accepted for {}, until {until}. Have it reviewed, and commit it.\n",
        new.check,
        left(until, now)
    );
    Ok(print(&text, Exit::Done))
}

/// The entry that the arguments ask for.
fn wanted(arguments: &Accept, now: Timestamp) -> Result<NewWaiver, Exit> {
    let refuse = |why: String| {
        tell(&format!("error: {why}"));
        Exit::Usage
    };
    let text = |given: &Option<String>, name: &str, what: &str| match given.as_deref() {
        Some(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Some(_) | None => Err(refuse(format!(
            "--{name} is empty: a reviewer has to know {what}"
        ))),
    };
    let reason = text(&arguments.reason, "reason", "why the warning is accepted")?;
    let by = text(&arguments.by, "by", "who accepts it")?;
    let given = arguments.until.as_deref().unwrap_or_default();
    // Runs that begin in this very second are not before it.
    let accepted_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let (until, written) = end(given, accepted_at).map_err(refuse)?;
    if until <= now {
        return Err(refuse(format!(
            "--until {given} is over since {until}: a waiver has to end later than now, {accepted_at}"
        )));
    }
    Ok(NewWaiver {
        check: arguments.check.clone().unwrap_or_default(),
        reason,
        by,
        until: written,
        accepted_at,
    })
}

/// The moment that `--until` means, and how to write it down: a date as a
/// date, since that is how it was meant.
fn end(given: &str, now: Timestamp) -> Result<(Timestamp, String), String> {
    const DAY: SignedDuration = SignedDuration::from_hours(24);
    if let Some(until) = baseline::parse_until(given) {
        let date = until.checked_sub(DAY).unwrap_or(until);
        let written = if given.contains(['T', 't']) {
            until.to_string()
        } else {
            date.strftime("%Y-%m-%d").to_string()
        };
        return Ok((until, written));
    }
    let unlike = || {
        format!(
            "--until takes a date such as 2026-12-01, a time with its offset from UTC such as \
             2026-12-01T18:00:00+08:00, or a duration such as 3d, and not `{}`",
            harmless(given)
        )
    };
    let span = baseline::parse_time_span(given).map_err(|_| unlike())?;
    let until = now.checked_add(span).map_err(|_| unlike())?;
    let until = Timestamp::from_second(until.as_second()).unwrap_or(until);
    Ok((until, until.to_string()))
}

/// Nobody can accept that something is BLOCKED. What is not known is told.
fn refuse_blocked(
    arguments: &Accept,
    plan: &Plan,
    places: &[usize],
    name: &str,
) -> Result<(), Exit> {
    let memory = memory(arguments, &plan.name).unwrap_or_default();
    let last = |place: &usize| {
        let check = &plan.checks[*place];
        let known = memory.checks.get(&check.id);
        let own = known.filter(|known| known.definition == check.definition);
        (check.id.as_str(), own.map(|known| known.streak.verdict))
    };
    let verdicts: Vec<(&str, Option<Verdict>)> = places.iter().map(last).collect();
    let ids = |wanted: Option<Verdict>| {
        let those = verdicts.iter().filter(|(_, verdict)| *verdict == wanted);
        those.map(|(id, _)| *id).collect::<Vec<_>>().join(", ")
    };
    let blocked = ids(Some(Verdict::Blocked));
    if !blocked.is_empty() {
        let instead = if blocked == name {
            "only a WARN can be accepted: repair it"
        } else {
            "only a WARN can be accepted: repair it, or name the checks that warn by their whole ids"
        };
        tell(&format!(
            "coldstart: {blocked} was BLOCKED when last looked at: {instead}"
        ));
        return Err(Exit::Closed);
    }
    let unknown = ids(None);
    if !unknown.is_empty() {
        tell(&format!(
            "coldstart: warning: no run is remembered that looked at {unknown}: a WARN is accepted, and a BLOCKED is not"
        ));
    }
    let passing = ids(Some(Verdict::Pass));
    if !passing.is_empty() {
        tell(&format!(
            "coldstart: warning: {passing} passed when last looked at: there is no warning to accept now"
        ));
    }
    Ok(())
}

/// What is remembered of the baseline's runs, where there is anything.
fn memory(arguments: &Accept, baseline: &str) -> Option<Memory> {
    let mut state = remembered(arguments)?;
    told(state.memory(baseline))
}

/// State, if there is any: looking for what it says is no reason to make it.
fn remembered(arguments: &Accept) -> Option<State> {
    let Location::File(path) = state::location(&arguments.state)? else {
        return None;
    };
    if !path.exists() {
        return None;
    }
    told(State::open(&Location::File(path)))
}

fn told<T>(asked: Result<T, crate::state::Problem>) -> Option<T> {
    asked.map_err(|problem| warn(&problem)).ok()
}

/// Held until it is dropped. Where the folder cannot be locked, two who accept
/// something in one moment may write over each other, as two editors would.
fn lock(path: &Path) -> Option<File> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = File::open(folder).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

/// Adds the entry to the file, or makes it, and tells whether it takes the
/// place of another one.
fn write(arguments: &Accept, path: &Path, new: &NewWaiver) -> Result<bool, Exit> {
    let mode = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            replace(path, &new.file(), None)?;
            return Ok(false);
        }
        Err(_) => None,
        Ok(_) => fs::metadata(path)
            .ok()
            .map(|metadata| metadata.permissions().mode() & 0o7777),
    };
    let loaded = baseline::load_waivers(&path.display().to_string(), &baseline::Disk);
    input::show(&loaded.diagnostics, &loaded.sources, &arguments.display);
    if loaded.diagnostics.has_errors() {
        return Err(Exit::Baseline);
    }
    let Some(text) = loaded.with(new) else {
        tell(&format!(
            "coldstart: {} is not written as a list that an entry can be added to at its end: add this yourself\n\n{}",
            path.display(),
            harmless_lines(&new.block("  ", "\n"))
        ));
        return Err(Exit::Failed);
    };
    let superseded = loaded.waivers.iter().any(|old| *old.check == new.check);
    replace(path, &text, mode)?;
    Ok(superseded)
}

fn replace(path: &Path, text: &str, mode: Option<u32>) -> Result<(), Exit> {
    whole::replace(path, text, mode).map_err(|problem| {
        tell(&format!(
            "coldstart: {} was not written: {problem}",
            path.display()
        ));
        Exit::Failed
    })
}

/// `accept --list`: every waiver with what it is worth now.
fn list(arguments: &Accept, plan: &Plan) -> Result<Exit, Exit> {
    let loaded = waivers::read(&arguments.waivers, arguments.baseline.baseline.as_deref());
    let Some(LoadedWaivers {
        sources,
        diagnostics,
        waivers,
        ..
    }) = loaded
    else {
        tell(&format!("no warning of {} is accepted", plan.name));
        return Ok(Exit::Done);
    };
    input::show(&diagnostics, &sources, &arguments.display);
    if diagnostics.has_errors() {
        return Err(Exit::Baseline);
    }
    let used = remembered(arguments)
        .and_then(|mut state| told(state.waivers(&plan.name)))
        .unwrap_or_default();
    let now = engine::now();
    let text: String = waivers
        .iter()
        .map(|waiver| entry(waiver, plan, &used, now))
        .collect();
    if text.is_empty() {
        tell(&format!("no warning of {} is accepted", plan.name));
    }
    Ok(print(&text, Exit::Done))
}

fn entry(waiver: &baseline::Waiver, plan: &Plan, used: &[WaiverUse], now: Timestamp) -> String {
    let until = waiver.until;
    let standing = if plan.find_checks(&waiver.check).is_err() {
        "accepts nothing: the baseline has no such check".to_owned()
    } else if waiver.superseded {
        "accepts nothing: a later waiver takes its place".to_owned()
    } else if waiver.accepted_at > now {
        format!("not believed: it claims to be of {}", waiver.accepted_at)
    } else if until <= now {
        format!("expired since {until}")
    } else {
        format!("in force for {}, until {until}", left(until, now))
    };
    let key = waivers::told(waiver).key();
    let uses: Vec<&WaiverUse> = used.iter().filter(|used| used.waiver == key).collect();
    let runs = uses.iter().map(|used| used.uses).max().unwrap_or_default();
    let last = uses.iter().map(|used| used.last_used).max();
    let times = if runs == 1 { "run" } else { "runs" };
    let used = last.map_or_else(String::new, |last| {
        format!("  used in {runs} {times}, the last one at {last}\n")
    });
    format!(
        "{}: {standing}\n  by {} at {}: {}\n{used}",
        harmless(&waiver.check),
        harmless(&waiver.by),
        waiver.accepted_at,
        harmless(&waiver.reason)
    )
}

/// How long something lasts still.
fn left(until: Timestamp, now: Timestamp) -> String {
    duration(until.duration_since(now).unsigned_abs())
}

fn harmless_lines(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        format!("{}{}\n", " ".repeat(indent), harmless(&line[indent..]))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::harmless_lines;

    #[test]
    fn lines_are_indented_as_they_are() {
        let shown = harmless_lines("  - check: a\n    by: b\u{1b}c\n");
        assert_eq!(shown, "  - check: a\n    by: b\\u{1b}c\n");
    }
}
