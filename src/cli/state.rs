//! What is remembered of runs, as far as this process can remember anything:
//! no trouble with it changes a card's meaning or the exit code.

use std::cell::RefCell;
use std::path::PathBuf;

use super::args::StateFile;
use super::environment;
use super::exit::Exit;
use super::output::tell;
use crate::engine::{Memory, Scorecard};
use crate::state::{Extent, Location, Problem, State, StoredRun};

/// Where `--state` says that state is.
pub(super) fn location(arguments: &StateFile) -> Option<Location> {
    match arguments.state.as_deref() {
        Some("none") => Some(Location::Process),
        Some(path) => Some(Location::File(PathBuf::from(path))),
        None => environment::state().map(Location::File),
    }
}

/// Tells what is wrong with state. A card is printed all the same.
pub(super) fn warn(problem: &Problem) {
    tell(&format!("coldstart: warning: {problem}"));
}

/// The state that a command is about, which has to be there already.
///
/// # Errors
/// [`Exit::Usage`] for a place without a file, [`Exit::Failed`] for a file that
/// cannot be used.
pub(super) fn existing(arguments: &StateFile) -> Result<State, Exit> {
    let location = match location(arguments) {
        Some(Location::File(path)) => path,
        Some(Location::Process) => {
            tell("error: --state none remembers nothing: name the file that runs were recorded in");
            return Err(Exit::Usage);
        }
        None => {
            tell(&format!("error: {NO_PLACE}"));
            return Err(Exit::Usage);
        }
    };
    if !location.exists() {
        tell(&format!(
            "error: no run is remembered: there is no state {}; `coldstart check` makes it, or name another by --state",
            location.display()
        ));
        return Err(Exit::Usage);
    }
    let mut state = State::open(&Location::File(location)).map_err(|problem| failed(&problem))?;
    if let Some(notice) = state.take_notice() {
        warn(&notice);
    }
    Ok(state)
}

/// A command that is about state ends where it cannot be read.
pub(super) fn failed(problem: &Problem) -> Exit {
    tell(&format!("coldstart: {problem}"));
    Exit::Failed
}

/// What to say where no place for state is known.
pub(super) const NO_PLACE: &str =
    "no directory for state is known, as there is no home: name a file by --state PATH";

/// State for the runs of one process. Where the file fails, what it holds is
/// not believed any more: with a look missing, a streak could be longer than
/// it was. Memory of this process takes its place, empty at first.
pub(super) struct Notebook {
    state: RefCell<Option<State>>,
}

impl Notebook {
    /// Opens what `--state` names, and warns where that fails.
    pub(super) fn open(arguments: &StateFile) -> Self {
        let Some(location) = location(arguments) else {
            tell(&format!(
                "coldstart: warning: {NO_PLACE}, or forget by --state none"
            ));
            return Self::of_process();
        };
        match State::open(&location) {
            Ok(state) => Self {
                state: RefCell::new(Some(state)),
            },
            Err(problem) => {
                warn(&problem);
                Self::of_process()
            }
        }
    }

    fn of_process() -> Self {
        Self {
            state: RefCell::new(State::open(&Location::Process).ok()),
        }
    }

    /// What is remembered of a baseline; nothing where that cannot be read.
    pub(super) fn memory(&self, baseline: &str) -> Memory {
        self.with(|state| state.memory(baseline))
            .unwrap_or_default()
    }

    /// The last run of exactly this baseline, with its card.
    pub(super) fn latest_run(&self, baseline: &str, digest: &str) -> Option<StoredRun> {
        self.with(|state| state.latest_run(baseline, Some(digest)))
            .flatten()
    }

    /// Remembers a run.
    pub(super) fn record(&self, card: &Scorecard, extent: Extent) {
        self.with(|state| state.record(card, extent));
    }

    fn with<T>(&self, work: impl Fn(&mut State) -> Result<T, Problem>) -> Option<T> {
        let mut state = self.state.borrow_mut();
        let done = state.as_mut().map(&work)?;
        if let Some(notice) = state.as_mut().and_then(State::take_notice) {
            warn(&notice);
        }
        match done {
            Ok(done) => Some(done),
            Err(problem) => {
                warn(&problem);
                *state = State::open(&Location::Process).ok();
                state.as_mut().and_then(|state| work(state).ok())
            }
        }
    }
}
