//! `coldstart gate`: whether a release is open, and a command that runs only then.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::args::Gate;
use super::exit::Exit;
use super::job::{Job, Manner, drive, failed};
use super::output::{Channel, print, tell};
use super::{input, signals};
use crate::engine::{ReleaseCard, Scorecard};
use crate::plan::Plan;
use crate::report::{self, terminal};
use crate::state::Extent;

pub(super) fn gate(arguments: &Gate) -> Result<Exit, Exit> {
    let manner = Manner {
        running: &arguments.running,
        look: &arguments.look,
        display: &arguments.display,
    };
    let job = Job::new(&arguments.baseline, manner, |plan| {
        left_out(&arguments.release, plan)
    })?;
    let (card, audited, stop) = drive(async {
        let (_, stop) = signals::listen().map_err(|error| failed("no signal handler", &error))?;
        let (card, audited) = job
            .once(&job.options(false), stop.clone(), &mut |_| {})
            .await?;
        Ok((card, audited, stop))
    })?;
    job.notebook.record(&card, Extent::Part);
    // A release that the card does not know was never looked at.
    let release = card.release(&arguments.release).ok_or(Exit::Failed)?;
    let answered = answer(&job, &card, release, arguments);
    // What was sent and is not on record opens nothing.
    audited?;
    if !release.open {
        return Ok(closed(answered));
    }
    match arguments.command.split_first() {
        None => Ok(answered),
        Some(_) if answered != Exit::Done => Ok(answered),
        // Whoever cancelled the job in this very moment does not want it to begin.
        Some(_) if *stop.borrow() => Err(Exit::Failed),
        Some((program, rest)) => Err(become_command(program, rest)),
    }
}

/// For each check, why the decision on a release does without it.
fn left_out(release: &str, plan: &Plan) -> Result<Vec<Option<String>>, Exit> {
    match plan.release(release) {
        Ok(place) => Ok(plan.left_out_of_release(place)),
        Err(unknown) => {
            tell(&input::unknown_name(&unknown, "release", plan));
            Err(Exit::Usage)
        }
    }
}

/// Tells what was decided. With a command, on standard error: standard output
/// is the command's.
fn answer(job: &Job<'_>, card: &Scorecard, release: &ReleaseCard, arguments: &Gate) -> Exit {
    let beside = !arguments.command.is_empty();
    let channel = if beside {
        Channel::Stderr
    } else {
        Channel::Stdout
    };
    let text = if arguments.look.json {
        report::json_release(card, release)
    } else {
        terminal::release(card, release, &job.style(channel))
    };
    if beside {
        tell(text.trim_end());
        Exit::Done
    } else {
        print(&text, Exit::Done)
    }
}

/// Closed, also when that could not be said.
fn closed(answered: Exit) -> Exit {
    match answered {
        Exit::Done => Exit::Closed,
        trouble => trouble,
    }
}

/// Puts the command in the place of this program: its exit code and every
/// signal are then its own. Returns only when that failed, with the exit codes
/// that shells have for it.
fn become_command(program: &OsString, arguments: &[OsString]) -> Exit {
    let error = Command::new(program).args(arguments).exec();
    let name = program.to_string_lossy();
    tell(&format!("coldstart: `{name}` cannot be run: {error}"));
    if error.kind() == io::ErrorKind::NotFound {
        Exit::NoCommand
    } else {
        Exit::BadCommand
    }
}
