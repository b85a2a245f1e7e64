//! What outlives a run, in one SQLite file: how long verdicts have stood, the
//! last samples of numbers that are followed, the last GREEN, boots, usual
//! durations, and the runs themselves with their cards.
//!
//! Many processes may use one file at once. Nothing here is held while a
//! check looks: a run reads its [`Memory`] in one short transaction at its
//! start and writes in one at its end. What the clock says is asked inside of
//! these transactions: a process that waited for its turn must not take what
//! another wrote meanwhile for a time to come.

mod memory;
mod moment;
mod open;
mod problem;
mod record;
mod runs;
mod schema;
#[cfg(test)]
mod tests;
mod waivers;

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::Connection;

use open::patiently;

pub use memory::{CheckMemory, Memory, Sample, Usual};
pub use problem::Problem;
pub use record::Extent;
pub use runs::StoredRun;
pub use waivers::WaiverUse;

// What memory and runs are told in.
pub use crate::scorecard::{LastGreen, RunSummary, Streak};

/// Where state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In the file at this path.
    File(PathBuf),
    /// In this process, for as long as it lives.
    Process,
}

/// An open state.
#[derive(Debug)]
pub struct State {
    location: Location,
    connection: Connection,
    clock: fn() -> Timestamp,
    /// A damaged file was set aside; to be told once.
    notice: Option<Problem>,
}

impl State {
    /// Opens the state, and makes it where there is none: its folder for this
    /// user alone, its file too. A damaged file is set aside under another
    /// name, never deleted, and [`State::take_notice`] tells so.
    ///
    /// # Errors
    /// [`Problem`], with what to do: the path cannot be used, is no state of
    /// coldstart, or belongs to a newer version. Nothing was changed then.
    pub fn open(location: &Location) -> Result<Self, Problem> {
        Self::open_with_clock(location, Timestamp::now)
    }

    /// As [`State::open`], with another clock.
    ///
    /// # Errors
    /// As [`State::open`].
    pub fn open_with_clock(location: &Location, clock: fn() -> Timestamp) -> Result<Self, Problem> {
        let (connection, notice) = open::open(location, clock)?;
        Ok(Self {
            location: location.clone(),
            connection,
            clock,
            notice,
        })
    }

    /// What was noticed when it was opened or used, once.
    pub fn take_notice(&mut self) -> Option<Problem> {
        self.notice.take()
    }

    /// Does `work`; where that finds the file damaged, sets it aside and does
    /// it again on a new one.
    fn with<T>(
        &mut self,
        mut work: impl FnMut(&mut Connection, fn() -> Timestamp) -> Result<T, open::Trouble>,
    ) -> Result<T, Problem> {
        let trouble = match patiently(|| work(&mut self.connection, self.clock)) {
            Ok(done) => return Ok(done),
            Err(trouble) => trouble,
        };
        if let (open::Trouble::Damaged(how), Location::File(path)) = (&trouble, &self.location) {
            // Closed before it is renamed: SQLite would take the new file's journal for its own.
            self.connection = Connection::open_in_memory()
                .map_err(|error| open::Trouble::from(error).at(&self.location))?;
            let (connection, notice) =
                open::anew(path, how, self.clock).map_err(|trouble| trouble.at(&self.location))?;
            self.connection = connection;
            self.notice = notice.or(self.notice.take());
            return patiently(|| work(&mut self.connection, self.clock))
                .map_err(|trouble| trouble.at(&self.location));
        }
        Err(trouble.at(&self.location))
    }
}
