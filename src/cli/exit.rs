//! The exit codes, chosen here alone.

use std::process::ExitCode;

use crate::engine::Scorecard;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// What was asked for was printed.
    Done,
    /// A card: 0 GREEN, 1 DEGRADED, 2 BLOCKED, 3 CHECK_FAILED.
    Card(u8),
    /// Something on this machine kept the run from being completed, as CHECK_FAILED.
    Failed,
    /// A release that is not open.
    Closed,
    /// The command of an open release is not there: 127, as shells have it.
    NoCommand,
    /// It is there and cannot be run: 126, as shells have it.
    BadCommand,
    /// Another monitor run is under way, so this one did nothing: `EX_TEMPFAIL`
    /// of `sysexits.h`.
    Busy,
    /// The arguments are wrong: `EX_USAGE` of `sysexits.h`. Not clap's own 2,
    /// which would read as BLOCKED.
    Usage,
    /// The baseline has errors: `EX_CONFIG` of `sysexits.h`.
    Baseline,
}

impl Exit {
    /// As the card says.
    pub(super) fn of(card: &Scorecard) -> Self {
        Self::Card(card.exit_code)
    }

    /// The number that the caller sees.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Card(code) => code,
            Self::Failed => 3,
            Self::Closed => 2,
            Self::NoCommand => 127,
            Self::BadCommand => 126,
            Self::Busy => 75,
            Self::Usage => 64,
            Self::Baseline => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
