//! `coldstart install`: has cron or systemd run the monitor. This writes on the
//! operator's own machine alone; no target is asked anything.

mod cron;
mod systemd;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{Install, Installation, Scheduler};
use super::exit::Exit;
use super::input::{self, Input};
use super::monitor::{DEADLINE, GRACE, SAME_FILE, shared_prefix};
use super::output::tell;
use super::{state, waivers, whole};
use crate::engine::SecretRef;
use crate::plan::Plan;
use crate::report::duration;
use crate::state::Location;

pub(super) fn install(arguments: &Install) -> Result<Exit, Exit> {
    match &arguments.scheduler {
        Scheduler::Cron(installation) => cron::install(installation),
        Scheduler::Systemd(units) => systemd::install(units),
    }
}

/// What is to be run.
struct Monitor {
    plan: std::sync::Arc<Plan>,
    /// The program and its arguments; every path is absolute, nothing is quoted.
    command: Vec<String>,
    /// The folders that a run writes in.
    folders: Vec<PathBuf>,
    deadline: Duration,
}

impl Monitor {
    /// Reads the baseline, so that nothing is installed that could only fail.
    ///
    /// # Errors
    /// With the exit code, once it has been said what is wrong.
    fn new(arguments: &Installation) -> Result<Self, Exit> {
        if let (Some(textfile), Some(log)) = (&arguments.textfile, &arguments.log)
            && whole::place(textfile) == whole::place(log)
        {
            tell(SAME_FILE);
            return Err(Exit::Usage);
        }
        let Input { plan, .. } = input::input(&arguments.baseline, &arguments.display)?;
        waivers::for_run(
            &arguments.waivers,
            &arguments.baseline,
            &plan,
            &arguments.display,
        )?;
        let deadline = deadline(arguments).map_err(|problem| usage(&problem))?;
        let (command, folders) = command(arguments, deadline).map_err(|problem| usage(&problem))?;
        let ending = arguments
            .textfile
            .as_ref()
            .and_then(|path| path.extension());
        if ending.is_none_or(|ending| ending != "prom") {
            tell(
                "coldstart: warning: the textfile's name does not end in .prom: the node exporter passes it over",
            );
        }
        let shared = arguments
            .textfile
            .as_deref()
            .and_then(|textfile| shared_prefix(textfile, &plan.metrics_prefix, &plan.name));
        if let Some(shared) = shared {
            tell(&format!("coldstart: warning: {shared}"));
        }
        Ok(Self {
            plan,
            command,
            folders,
            deadline,
        })
    }

    /// Makes sure of the folders that a run writes in and cannot make by itself:
    /// that of the textfile and the log, and with `all` that of the state.
    ///
    /// # Errors
    /// [`Exit::Usage`], once it has been said which one is missing.
    fn require_folders(&self, arguments: &Installation, all: bool) -> Result<(), Exit> {
        let of_files = [&arguments.textfile, &arguments.log]
            .into_iter()
            .flatten()
            .filter_map(|path| Some(absolute(path).ok()?.parent()?.to_owned()));
        let of_all = self.folders.iter().filter(|_| all).cloned();
        match of_files.chain(of_all).find(|folder| !folder.is_dir()) {
            None => Ok(()),
            Some(folder) => Err(usage(&format!(
                "there is no folder {}: make it first, for the user that the monitor runs as",
                folder.display()
            ))),
        }
    }

    /// The secrets that the runs will not have, as far as that is certain.
    fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        self.plan.secrets().into_iter().map(|secret| &secret.value)
    }
}

fn usage(problem: &str) -> Exit {
    tell(&format!("error: {problem}"));
    Exit::Usage
}

fn deadline(arguments: &Installation) -> Result<Duration, String> {
    let every = arguments.every.span();
    let longest = every.saturating_sub(GRACE);
    let deadline = arguments.deadline.unwrap_or(every * 4 / 5);
    // Of a run once a day nobody wants to wait for half a day.
    let deadline = match arguments.deadline {
        None => deadline.min(DEADLINE.max(every / 10)).min(longest),
        Some(_) => deadline,
    };
    // Rounded, since the unit and the crontab say it in seconds.
    let deadline = Duration::from_secs(deadline.as_secs().max(1));
    if deadline <= longest {
        Ok(deadline)
    } else {
        Err(format!(
            "a run of {} would meet the next one: with --every {}, --deadline can be {} at most, \
             since what hangs is ended {} after it",
            duration(deadline),
            duration(every),
            duration(longest),
            duration(GRACE)
        ))
    }
}

/// The command of a run, and the folders that it writes in.
fn command(
    arguments: &Installation,
    deadline: Duration,
) -> Result<(Vec<String>, Vec<PathBuf>), String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("the path of this program cannot be told: {error}"))?;
    let mut command = vec![
        plain(&program)?,
        "check".to_owned(),
        "--monitor-read-only".to_owned(),
        "--deadline".to_owned(),
        format!("{}s", deadline.as_secs()),
    ];
    let mut folders = Vec::new();
    if let Some(baseline) = &arguments.baseline.baseline {
        let baseline = absolute(Path::new(baseline))?;
        command.extend(["--baseline".to_owned(), plain(&baseline)?]);
    }
    for (name, value) in &arguments.baseline.vars {
        let var = format!("{name}={value}");
        command.extend(["--var".to_owned(), single_line(&var)?.to_owned()]);
    }
    match arguments.waivers.waivers.as_deref() {
        None => {}
        Some("none") => command.extend(["--waivers", "none"].map(str::to_owned)),
        Some(path) => {
            let path = absolute(Path::new(path))?;
            command.extend(["--waivers".to_owned(), plain(&path)?]);
        }
    }
    if let Some(config) = &arguments.ssh_config {
        command.extend(["--ssh-config".to_owned(), plain(&absolute(config)?)?]);
    }
    let state = match state::location(&arguments.state) {
        Some(Location::File(path)) => Some(path),
        Some(Location::Process) => None,
        None => return Err(state::NO_PLACE.to_owned()),
    };
    if state.is_none() {
        command.extend(["--state", "none"].map(str::to_owned));
    }
    for (flag, path) in [
        ("--state", &state),
        ("--textfile", &arguments.textfile),
        ("--log", &arguments.log),
    ] {
        let Some(path) = path else { continue };
        let path = absolute(path)?;
        command.extend([flag.to_owned(), plain(&path)?]);
        let folder = path.parent().unwrap_or(&path).to_owned();
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    Ok((command, folders))
}

/// Links stay: whoever moves what is behind one means the monitor too.
fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn plain(path: &Path) -> Result<String, String> {
    let text = path
        .to_str()
        .ok_or_else(|| format!("{} is not UTF-8: give it another name", path.display()))?;
    single_line(text).map(str::to_owned)
}

fn single_line(text: &str) -> Result<&str, String> {
    if text.chars().any(char::is_control) {
        let shown = text.escape_debug();
        return Err(format!(
            "`{shown}` has a control character: no crontab or unit can hold it"
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
