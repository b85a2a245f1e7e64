//! `coldstart gate`: whether a release is open, and a command that runs only then.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::json;

use super::args::Gate;
use super::exit::Exit;
use super::job::{Job, Manner, drive, failed};
use super::lease::{Lease, lease};
use super::output::{Channel, print, tell};
use super::{input, signals};
use crate::engine::{Scorecard, Stop};
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
    let (decision, stop) = drive(async {
        let (_, stop) =
            signals::listen(|| {}).map_err(|error| failed("no signal handler", &error))?;
        let decision = decide(&job, arguments, stop.clone()).await?;
        Ok((decision, stop))
    })?;
    let answered = decision.tell(&job, arguments)?;
    if !decision.is_open(&arguments.release) {
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

/// What a release was decided by.
enum Decision {
    /// A run made for it.
    Run(Box<Scorecard>),
    /// An earlier one.
    Lease(Box<Lease>),
}

async fn decide(job: &Job<'_>, arguments: &Gate, stop: Stop) -> Result<Decision, Exit> {
    if let Some(longest) = arguments.lease {
        match lease(job, &arguments.release, longest, stop.clone()).await {
            Ok(lease) => return Ok(Decision::Lease(Box::new(lease))),
            Err(why) => tell(&format!("coldstart: no lease: {why}; looking anew")),
        }
    }
    let (card, audited) = job
        .once(&job.left_out, &job.options(false), stop, &mut |_| {})
        .await?;
    job.notebook.record(&card, Extent::Part);
    // What was sent and is not on record opens nothing.
    audited?;
    Ok(Decision::Run(Box::new(card)))
}

impl Decision {
    fn is_open(&self, release: &str) -> bool {
        match self {
            Self::Run(card) => card.release(release).is_some_and(|release| release.open),
            // It is one only if it is.
            Self::Lease(_) => true,
        }
    }

    /// Tells what was decided. With a command, on standard error: standard
    /// output is the command's.
    fn tell(&self, job: &Job<'_>, arguments: &Gate) -> Result<Exit, Exit> {
        let beside = !arguments.command.is_empty();
        let channel = if beside {
            Channel::Stderr
        } else {
            Channel::Stdout
        };
        let style = job.style(channel);
        let text = match self {
            Self::Run(card) => {
                // A release that the card does not know was never looked at.
                let release = card.release(&arguments.release).ok_or(Exit::Failed)?;
                if arguments.look.json {
                    report::json_release(card, release)
                } else {
                    terminal::release(card, release, &style)
                }
            }
            Self::Lease(lease) if arguments.look.json => report::document(&json!({
                "release": lease.release,
                "card": lease.card,
                "lease": { "age_s": lease.age.as_secs() },
            })),
            Self::Lease(lease) => {
                let at = lease.started_at;
                let hosts = lease.hosts();
                terminal::leased(&arguments.release, at, lease.age, hosts, &style)
            }
        };
        if beside {
            tell(text.trim_end());
            Ok(Exit::Done)
        } else {
            Ok(print(&text, Exit::Done))
        }
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
