//! `coldstart diff`: what differs between two runs.

use std::path::Path;

use super::args::Diff;
use super::exit::Exit;
use super::history::style;
use super::output::{print, tell};
use super::{input, state};
use crate::report::terminal;
use crate::scorecard::{Reading, difference};
use crate::state::{RunSummary, State};

/// A card of this size is no card: the largest plans come to a few MiB.
const LARGEST: u64 = 64 << 20;

pub(super) fn diff(arguments: &Diff) -> Result<Exit, Exit> {
    let mut runs = Runs {
        arguments,
        state: None,
    };
    let (old, new) = match (&arguments.old, &arguments.new) {
        (Some(old), Some(new)) => (runs.named(old)?, runs.named(new)?),
        (Some(old), None) => {
            let old = runs.named(old)?;
            let latest = runs.latest(1, Some(&old.1.baseline.name))?.remove(0);
            (old, runs.numbered(latest.run)?)
        }
        (None, _) => {
            let mut last = runs.latest(2, None)?;
            let (new, old) = (last.remove(0), last.remove(0));
            (runs.numbered(old.run)?, runs.numbered(new.run)?)
        }
    };
    if old.0 == new.0 {
        tell(&format!(
            "error: {} is compared with itself: name two runs",
            old.0
        ));
        return Err(Exit::Usage);
    }
    let found = difference((&old.0, &old.1), (&new.0, &new.1));
    let text = if arguments.json {
        // Every type of it serialises.
        format!("{:#}\n", serde_json::to_value(&found).unwrap_or_default())
    } else {
        terminal::diff(&found, &style(&arguments.display, arguments.ascii))
    };
    Ok(print(&text, Exit::Done))
}

/// Where runs are looked up; state is opened when a run is asked of it first.
struct Runs<'a> {
    arguments: &'a Diff,
    state: Option<State>,
}

impl Runs<'_> {
    fn state(&mut self) -> Result<&mut State, Exit> {
        let state = match self.state.take() {
            Some(state) => state,
            None => state::existing(&self.arguments.state)?,
        };
        Ok(self.state.insert(state))
    }

    /// A run by its number, or a card by its file.
    fn named(&mut self, name: &str) -> Result<(String, Reading), Exit> {
        match name.parse() {
            Ok(run) => self.numbered(run),
            Err(_) => of_file(name),
        }
    }

    fn numbered(&mut self, run: i64) -> Result<(String, Reading), Exit> {
        let stored = self
            .state()?
            .run(run)
            .map_err(|problem| state::failed(&problem))?;
        let Some(stored) = stored else {
            tell(&format!(
                "error: no run {run} is remembered: `coldstart history` lists them"
            ));
            return Err(Exit::Usage);
        };
        let name = format!("run {run}");
        let reading = Reading::of(&stored.card).map_err(|error| {
            tell(&format!(
                "coldstart: the card of {name} cannot be read: {error}"
            ));
            Exit::Failed
        })?;
        Ok((name, reading))
    }

    /// The last `wanted` runs of one baseline, the latest first. More than one are
    /// runs of the whole of it, where there are as many.
    fn latest(&mut self, wanted: u32, baseline: Option<&str>) -> Result<Vec<RunSummary>, Exit> {
        let asked = match (baseline, &self.arguments.baseline) {
            (Some(name), _) => Some(name.to_owned()),
            (None, Some(file)) => Some(input::name(file, &self.arguments.display)?),
            (None, None) => None,
        };
        let state = self.state()?;
        let mut of = |name: Option<&str>, limit| {
            state
                .runs(name, limit)
                .map_err(|problem| state::failed(&problem))
        };
        let name = match asked {
            Some(name) => Some(name),
            None => of(None, 1)?.pop().map(|run| run.baseline.name),
        };
        // Beside a run that left checks out on purpose, as a gate's does, all of
        // them would be news.
        let mut runs = of(name.as_deref(), u32::MAX)?;
        if wanted > 1 && runs.iter().filter(|run| run.whole).count() >= wanted as usize {
            runs.retain(|run| run.whole);
        }
        runs.truncate(wanted as usize);
        if runs.len() < wanted as usize {
            let of = name.map_or_else(String::new, |name| format!(" of {name}"));
            tell(&format!(
                "error: {} {} remembered{of}, and {wanted} are needed: name cards as files, or check again",
                crate::report::count(runs.len(), "run"),
                if runs.len() == 1 { "is" } else { "are" },
            ));
            return Err(Exit::Usage);
        }
        Ok(runs)
    }
}

fn of_file(name: &str) -> Result<(String, Reading), Exit> {
    let refused = |why: &dyn std::fmt::Display| {
        tell(&format!(
            "error: {name} is neither the number of a run nor a card as a JSON file: {why}"
        ));
        Exit::Usage
    };
    // A pipe would be waited for without end.
    let metadata = Path::new(name)
        .metadata()
        .map_err(|error| refused(&error))?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(refused(&"it is not a file of at most 64 MiB"));
    }
    let text = std::fs::read_to_string(name).map_err(|error| refused(&error))?;
    let reading = Reading::of(&text).map_err(|error| refused(&error))?;
    Ok((name.to_owned(), reading))
}
