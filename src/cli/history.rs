//! `coldstart history`: the runs that are remembered.

use jiff::tz::TimeZone;

use super::args::{Display, History};
use super::exit::Exit;
use super::output::{self, Channel, print, tell};
use super::{input, state};
use crate::report::terminal;

pub(super) fn history(arguments: &History) -> Result<Exit, Exit> {
    let name = arguments
        .baseline
        .as_deref()
        .map(|file| input::name(file, &arguments.display))
        .transpose()?;
    let mut state = state::existing(&arguments.state)?;
    let runs = state
        .runs(name.as_deref(), arguments.limit)
        .map_err(|problem| state::failed(&problem))?;
    if arguments.json {
        let text = format!("{:#}\n", serde_json::json!({ "runs": runs }));
        return Ok(print(&text, Exit::Done));
    }
    if runs.is_empty() {
        let of = name.map_or_else(String::new, |name| format!(" of {name}"));
        tell(&format!("no run{of} is remembered"));
        return Ok(Exit::Done);
    }
    let text = terminal::history(&runs, &style(&arguments.display, false));
    Ok(print(&text, Exit::Done))
}

/// How text for standard output looks.
pub(super) fn style(display: &Display, ascii: bool) -> terminal::Style {
    terminal::Style {
        width: output::width(Channel::Stdout),
        color: display.colored(Channel::Stdout),
        verbose: false,
        ascii,
        zone: TimeZone::system(),
    }
}
