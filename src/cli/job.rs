//! One run, its input read: what `check` and `gate` have in common.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::runtime::{Builder, Runtime};

use super::args::{Baseline, Display, Look, ProgressMode, Running};
use super::exit::Exit;
use super::input::{self, Input};
use super::output::{self, Channel, tell};
use super::state::Notebook;
use super::{environment, secrets, waivers};
use crate::baseline::{Diagnostics, Sources};
use crate::engine::{
    self, Audit, Event, Memory, Options, PlannedRun, Purpose, Scorecard, SshEnvironment, Stop,
    Transports, Waiver,
};
use crate::plan::Plan;
use crate::report::{Progress, terminal};

/// Threads that drive the probes. They wait for most of their time.
const THREADS: usize = 4;

/// What tells a job how to run and where to show it.
#[derive(Clone, Copy)]
pub(super) struct Manner<'a> {
    pub(super) running: &'a Running,
    pub(super) look: &'a Look,
    pub(super) display: &'a Display,
}

/// A plan that is ready to run.
pub(super) struct Job<'a> {
    pub(super) plan: Arc<Plan>,
    /// For each check, why it is left out.
    pub(super) left_out: Vec<Option<String>>,
    pub(super) manner: Manner<'a>,
    audit: Option<File>,
    ssh: SshEnvironment,
    pub(super) notebook: Notebook,
    /// Warnings that somebody has accepted.
    waivers: Vec<Waiver>,
}

impl<'a> Job<'a> {
    /// Reads the baseline, and makes sure of the secrets and the audit.
    /// `left_out` chooses from the plan's checks.
    ///
    /// # Errors
    /// With the exit code, once it has been said what is wrong.
    pub(super) fn new(
        baseline: &Baseline,
        manner: Manner<'a>,
        left_out: impl FnOnce(&Plan) -> Result<Vec<Option<String>>, Exit>,
    ) -> Result<Self, Exit> {
        let Input { plan, sources } = input::input(baseline, manner.display)?;
        let left_out = left_out(&plan)?;
        let waivers = waivers::for_run(&manner.running.waivers, baseline, &plan, manner.display)?;
        require_secrets(&plan, &left_out, &sources, manner.display)?;
        let audit = manner.running.audit.as_deref();
        Ok(Self {
            plan,
            left_out,
            manner,
            audit: audit.map(open_audit).transpose()?,
            ssh: environment::ssh(manner.running.ssh_config.clone()),
            notebook: Notebook::open(&manner.running.state),
            waivers,
        })
    }

    pub(super) fn options(&self, keep_going: bool) -> Options {
        Options {
            jobs: usize::from(self.manner.running.jobs),
            jobs_per_host: usize::from(self.manner.running.jobs_per_host),
            deadline: self.manner.running.deadline,
            keep_going,
            memory: self.memory(),
            waivers: self.waivers.clone(),
            purpose: Purpose::Asked,
        }
    }

    /// What is remembered of this baseline's runs.
    pub(super) fn memory(&self) -> Memory {
        self.notebook.memory(&self.plan.name)
    }

    /// Runs what `left_out` gives no reason against, once, and gives the card; `note` is told of everything. An audit that is not whole is told, and is
    /// an error beside the card.
    ///
    /// # Errors
    /// When nothing could be run.
    pub(super) async fn once(
        &self,
        left_out: &[Option<String>],
        options: &Options,
        stop: Stop,
        note: &mut dyn FnMut(&Event),
    ) -> Result<(Scorecard, Result<(), Exit>), Exit> {
        let transports = self.transports()?;
        let planned = engine::planned_run(&self.plan, options.keep_going);
        let mut progress = self.progress(&planned);
        let card = engine::run(
            &self.plan,
            left_out,
            &transports,
            options,
            stop,
            &mut |event| {
                note(event);
                progress.event(event);
            },
        )
        .await;
        progress.finish();
        let audited = self.finish_audit(&transports);
        Ok((card, audited))
    }

    pub(super) fn transports(&self) -> Result<Arc<Transports>, Exit> {
        let audit = match &self.audit {
            None => Audit::off(),
            Some(file) => {
                let file = file
                    .try_clone()
                    .map_err(|error| failed("the audit cannot be written", &error))?;
                Audit::to(Box::new(file), engine::now)
            }
        };
        // Read anew for each attempt: a secret may have been renewed. That none
        // is missing was seen at the start; one that went is a fault of its check.
        let secrets = secrets::resolve(&self.plan, &self.left_out, &mut Diagnostics::default());
        Ok(Transports::with_ssh(
            secrets,
            self.plan.policy.clone(),
            audit,
            self.ssh.clone(),
            engine::now,
        ))
    }

    pub(super) fn finish_audit(&self, transports: &Transports) -> Result<(), Exit> {
        transports
            .audit
            .finish()
            .map_err(|error| failed("the audit is not whole", &error))
    }

    pub(super) fn progress(&self, planned: &PlannedRun) -> Progress {
        match self.manner.running.progress {
            ProgressMode::Auto => Progress::new(planned, output::is_terminal(Channel::Stderr)),
            ProgressMode::Lines => Progress::lines(planned, Box::new(io::stderr())),
            ProgressMode::None => Progress::new(planned, false),
        }
    }

    /// How text looks on `channel`.
    pub(super) fn style(&self, channel: Channel) -> terminal::Style {
        terminal::Style {
            width: output::width(channel),
            color: self.manner.display.colored(channel),
            verbose: self.manner.look.verbose,
            ascii: self.manner.look.ascii,
            zone: TimeZone::system(),
        }
    }
}

/// Drives `work` to its end.
///
/// # Errors
/// When no threads can be started, and those of `work`.
pub(super) fn drive<T>(work: impl Future<Output = Result<T, Exit>>) -> Result<T, Exit> {
    let runtime = runtime().map_err(|error| failed("no threads can be started", &error))?;
    let ended = runtime.block_on(work);
    // A name lookup cannot be cancelled; nobody has to wait for its end.
    runtime.shutdown_background();
    ended
}

fn runtime() -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.min(THREADS))
        .enable_all()
        .build()
}

/// Tells what this machine did not let happen.
pub(super) fn failed(what: &str, error: &io::Error) -> Exit {
    tell(&format!("coldstart: {what}: {error}"));
    Exit::Failed
}

fn open_audit(path: &Path) -> Result<File, Exit> {
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    if path
        .metadata()
        .is_ok_and(|metadata| metadata.file_type().is_fifo())
    {
        // Opening one waits for a reader, for ever if none comes.
        tell(&format!(
            "coldstart: the audit {} is a pipe: give a file",
            path.display()
        ));
        return Err(Exit::Failed);
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        // It names every host and what is asked of it.
        .mode(0o600)
        .open(path)
        .map_err(|error| {
            let what = format!("the audit {} cannot be appended to", path.display());
            failed(&what, &error)
        })
}

/// Refuses to start with a secret missing: the run would find out in the middle.
fn require_secrets(
    plan: &Plan,
    left_out: &[Option<String>],
    sources: &Sources,
    display: &Display,
) -> Result<(), Exit> {
    let mut missing = Diagnostics::default();
    secrets::resolve(plan, left_out, &mut missing);
    if missing.is_empty() {
        return Ok(());
    }
    input::show(&missing, sources, display);
    Err(Exit::Baseline)
}
