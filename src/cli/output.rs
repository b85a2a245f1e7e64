//! Standard output and standard error, and how text looks there.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use anstream::ColorChoice;

use super::args::{Display, When};
use super::exit::Exit;
use super::screen;

/// What a card needs at least; what is narrower wraps it.
const NARROWEST: usize = 32;
/// Columns where there is no terminal to ask: pipes, logs, mail from cron.
const WIDTH: usize = 80;
/// Wider lines are hard to read, and a card has nothing to fill them with.
const WIDEST: usize = 140;

/// Writes `text` to standard output. A reader that has seen enough
/// (`coldstart plan | head`) ends nothing and changes no exit code; any other
/// failure does: nobody may take a card that was not written for a green one.
pub(super) fn print(text: &str, exit: Exit) -> Exit {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            tell(&format!(
                "coldstart: standard output cannot be written: {error}"
            ));
            Exit::Failed
        }
        Ok(()) | Err(_) => exit,
    }
}

/// What was told, while somebody keeps it.
static KEPT: Mutex<Option<String>> = Mutex::new(None);

/// Keeps what is told from now on, for [`kept`].
pub(super) fn keep() {
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some(String::new());
}

/// What was told since [`keep`], without colours.
pub(super) fn kept() -> String {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.clone().unwrap_or_default()
}

/// Writes a line to standard error, as far as there is one; behind a screen
/// that is drawn there, when it has gone.
pub(super) fn tell(text: &str) {
    if let Some(kept) = &mut *KEPT.lock().unwrap_or_else(PoisonError::into_inner) {
        *kept += &format!("{}\n", anstream::adapter::strip_str(text));
    }
    if screen::hold(text) {
        return;
    }
    // Without standard error there is nobody left to tell.
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Where text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Stdout,
    Stderr,
}

impl Display {
    /// Whether to colour what goes to `channel`.
    pub(super) fn colored(&self, channel: Channel) -> bool {
        let auto = || match channel {
            Channel::Stdout => anstream::AutoStream::choice(&io::stdout()),
            Channel::Stderr => anstream::AutoStream::choice(&io::stderr()),
        };
        match self.color {
            _ if self.no_color => false,
            When::Never => false,
            When::Always => true,
            When::Auto => auto() != ColorChoice::Never,
        }
    }
}

/// The columns of `channel`: the terminal's, else those of `$COLUMNS`, else 80.
pub(super) fn width(channel: Channel) -> usize {
    let terminal = match channel {
        Channel::Stdout => terminal_size::terminal_size_of(io::stdout()),
        Channel::Stderr => terminal_size::terminal_size_of(io::stderr()),
    };
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal
        .map(|(width, _)| usize::from(width.0))
        .or_else(columns)
        .filter(|width| *width > 0)
        .map_or(WIDTH, |width| width.clamp(NARROWEST, WIDEST))
}

/// Whether somebody sits in front of `channel`.
pub(super) fn is_terminal(channel: Channel) -> bool {
    match channel {
        Channel::Stdout => io::stdout().is_terminal(),
        Channel::Stderr => io::stderr().is_terminal(),
    }
}
