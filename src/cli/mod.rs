//! The command line: one file per command. The environment, standard output
//! and the exit code belong to this room.

mod accept;
mod args;
mod check;
mod coverage;
mod diff;
mod environment;
mod evidence;
mod exit;
mod explain;
mod gate;
mod graph;
mod history;
mod input;
mod install;
mod job;
mod lease;
mod monitor;
mod output;
mod page;
mod panic;
mod plan;
mod release;
mod reports;
mod rules;
mod schema;
mod screen;
mod secrets;
mod signals;
mod state;
mod validate;
mod waivers;
mod watch;
mod whole;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use args::{Arguments, Command};
use exit::Exit;

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    panic::guarded(|| run(&arguments)).into()
}

fn run(arguments: &[OsString]) -> Exit {
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => dispatch(&arguments.command),
        Err(error) => {
            // Help and version were asked for; everything else is a mistake.
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            // A closed pipe is no reason to say more.
            drop(error.print());
            if let Some(tip) = tip(&error) {
                output::tell(&tip);
            }
            exit
        }
    }
}

/// `coldstart check full-stack.yml` is what a hurried person types first.
fn tip(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let is_baseline = given.ends_with(".yml") || given.ends_with(".yaml");
    (error.kind() == ErrorKind::UnknownArgument && is_baseline)
        .then(|| format!("\n  tip: a baseline is given as `--baseline {given}`"))
}

fn dispatch(command: &Command) -> Exit {
    let ended = match command {
        Command::Check(arguments) => check::check(arguments),
        Command::Gate(arguments) => gate::gate(arguments),
        Command::Accept(arguments) => accept::accept(arguments),
        Command::Plan(arguments) => plan::plan(arguments),
        Command::History(arguments) => history::history(arguments),
        Command::Diff(arguments) => diff::diff(arguments),
        Command::Coverage(arguments) => coverage::coverage(arguments),
        Command::Graph(arguments) => graph::graph(arguments),
        Command::Validate(arguments) => Ok(validate::validate(arguments)),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::Install(arguments) => install::install(arguments),
        Command::Rules(arguments) => rules::rules(arguments),
        Command::Schema(arguments) => Ok(schema::schema(arguments)),
        Command::Completions(arguments) => Ok(completions(arguments)),
    };
    // Both ways carry the exit code; `Err` only ends a command early.
    ended.unwrap_or_else(|early| early)
}

fn completions(arguments: &args::Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "coldstart",
        &mut script,
    );
    output::print(&String::from_utf8_lossy(&script), Exit::Done)
}
