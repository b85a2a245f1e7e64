//! `coldstart check`: runs a baseline and prints its card.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::runtime::{Builder, Runtime};

use super::args::{Check, ProgressMode};
use super::evidence::{Evidence, Times};
use super::exit::Exit;
use super::output::{self, Channel, print, tell};
use super::reports::{Output, Reports};
use super::{environment, input, secrets, signals};
use crate::baseline::{Diagnostics, Sources};
use crate::engine::{
    self, Audit, Event, Options, PlannedRun, Scorecard, SshEnvironment, Stop, Transports, Watch,
    Watcher,
};
use crate::plan::Plan;
use crate::report::{Progress, duration, terminal};

/// Threads that drive the probes. They wait for most of their time.
const THREADS: usize = 4;

pub(super) fn check(arguments: &Check) -> Result<Exit, Exit> {
    let input = input::input(&arguments.baseline, &arguments.display)?;
    let left_out = input::left_out(&arguments.selection, &input.plan)?;
    require_secrets(&input.plan, &left_out, &input.sources, arguments)?;
    let reports = Reports::new(
        &arguments.reports,
        arguments.json,
        environment::step_summary(),
        &input.plan.metrics_prefix,
    )?;
    let evidence = arguments.evidence.as_deref().map(Evidence::open);
    let evidence = evidence.transpose()?;
    let audit = arguments.audit.as_deref().map(open_audit).transpose()?;
    let runtime = runtime().map_err(|error| failed("no threads can be started", &error))?;
    let job = Job {
        arguments,
        plan: &input.plan,
        left_out: &left_out,
        reports,
        evidence,
        audit,
        ssh: environment::ssh(arguments.ssh_config.clone()),
    };
    let exit = runtime.block_on(job.run());
    // A name lookup cannot be cancelled; nobody has to wait for its end.
    runtime.shutdown_background();
    exit
}

fn runtime() -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.min(THREADS))
        .enable_all()
        .build()
}

fn failed(what: &str, error: &io::Error) -> Exit {
    tell(&format!("coldstart: {what}: {error}"));
    Exit::Failed
}

/// What could not be written must not pass for written, whatever the card says.
fn tell_all(problems: &[String], exit: Exit) -> Exit {
    for problem in problems {
        tell(problem);
    }
    if problems.is_empty() {
        exit
    } else {
        Exit::Failed
    }
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
    arguments: &Check,
) -> Result<(), Exit> {
    let mut missing = Diagnostics::default();
    secrets::resolve(plan, left_out, &mut missing);
    if missing.is_empty() {
        return Ok(());
    }
    input::show(&missing, sources, &arguments.display);
    Err(Exit::Baseline)
}

/// One `coldstart check`, its input read.
struct Job<'a> {
    arguments: &'a Check,
    plan: &'a Arc<Plan>,
    left_out: &'a [Option<String>],
    reports: Reports,
    evidence: Option<Evidence>,
    audit: Option<File>,
    ssh: SshEnvironment,
}

impl Job<'_> {
    async fn run(&self) -> Result<Exit, Exit> {
        let stop = signals::listen().map_err(|error| failed("no signal handler", &error))?;
        let options = Options {
            jobs: usize::from(self.arguments.jobs),
            jobs_per_host: usize::from(self.arguments.jobs_per_host),
            deadline: self.arguments.deadline,
            keep_going: self.arguments.keep_going,
        };
        if self.arguments.watch {
            self.watch(&options, stop).await
        } else {
            self.once(&options, stop).await
        }
    }

    async fn once(&self, options: &Options, stop: Stop) -> Result<Exit, Exit> {
        let transports = self.transports()?;
        let planned = engine::planned_run(self.plan, options.keep_going);
        let mut progress = self.progress(&planned);
        let mut times = Times::new(self.plan.checks.len());
        let card = engine::run(
            self.plan,
            self.left_out,
            &transports,
            options,
            stop,
            &mut |event| {
                times.event(event);
                progress.event(event);
            },
        )
        .await;
        progress.finish();
        let audited = self.finish_audit(&transports);
        // Before the card, for which a pager may keep us waiting; what went wrong
        // is told after it, where it is seen.
        let mut problems = self.keep(&card, &times);
        problems.extend(self.reports.summarize(&card));
        let text = self.shown(&card) + &self.reports.last(&card);
        let exit = tell_all(&problems, print(&text, Exit::of(&card)));
        audited.map(|()| exit)
    }

    async fn watch(&self, options: &Options, stop: Stop) -> Result<Exit, Exit> {
        let watch = Watch {
            interval: self.arguments.interval,
            max_attempts: self.arguments.max_attempts,
        };
        let mut follower = Follower {
            job: self,
            planned: engine::planned_run(self.plan, options.keep_going),
            progress: None,
            attempt: 0,
            times: Times::default(),
            printed: Exit::Done,
        };
        // A watch may take days, so an attempt's go when the next one begins.
        let mut in_use = self.transports()?;
        let mut is_first = true;
        let mut audited = Ok(());
        let mut transports = || {
            if !std::mem::take(&mut is_first) {
                audited = audited.and(self.finish_audit(&in_use));
                // The audit could be duplicated a moment ago; without one, the last stay in use.
                if let Ok(fresh) = self.transports() {
                    in_use = fresh;
                }
            }
            Arc::clone(&in_use)
        };
        let card = engine::watch(
            self.plan,
            self.left_out,
            &mut transports,
            options,
            &watch,
            stop,
            &mut follower,
        )
        .await;
        let exit = match follower.printed {
            Exit::Done => Exit::of(&card),
            trouble => trouble,
        };
        let problems: Vec<String> = self.reports.summarize(&card).into_iter().collect();
        let exit = tell_all(&problems, print(&self.reports.last(&card), exit));
        audited.and(self.finish_audit(&in_use)).map(|()| exit)
    }

    fn transports(&self) -> Result<Arc<Transports>, Exit> {
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
        let secrets = secrets::resolve(self.plan, self.left_out, &mut Diagnostics::default());
        Ok(Transports::with_ssh(
            secrets,
            self.plan.policy.clone(),
            audit,
            self.ssh.clone(),
            engine::now,
        ))
    }

    fn finish_audit(&self, transports: &Transports) -> Result<(), Exit> {
        transports
            .audit
            .finish()
            .map_err(|error| failed("the audit is not whole", &error))
    }

    fn progress(&self, planned: &PlannedRun) -> Progress {
        match self.arguments.progress {
            ProgressMode::Auto => Progress::new(planned, output::is_terminal(Channel::Stderr)),
            ProgressMode::Lines => Progress::lines(planned, Box::new(io::stderr())),
            ProgressMode::None => Progress::new(planned, false),
        }
    }

    /// Writes what goes to files, and returns what went wrong.
    fn keep(&self, card: &Scorecard, times: &Times) -> Vec<String> {
        let mut problems = self.reports.write(card);
        if let Some(evidence) = &self.evidence {
            problems.extend(evidence.keep(card, self.plan, times).err());
        }
        problems
    }

    /// The card for people; nothing where a report is printed instead.
    fn shown(&self, card: &Scorecard) -> String {
        match self.reports.output {
            Output::Report(_) => String::new(),
            Output::Card | Output::Annotated => self.reports.shown(card, self.render(card)),
        }
    }

    fn render(&self, card: &Scorecard) -> String {
        terminal::card(
            card,
            &terminal::Style {
                width: output::width(Channel::Stdout),
                color: self.arguments.display.colored(Channel::Stdout),
                verbose: self.arguments.verbose,
                ascii: self.arguments.ascii,
                zone: TimeZone::system(),
            },
        )
    }
}

/// Shows a watch as it goes.
struct Follower<'a> {
    job: &'a Job<'a>,
    planned: PlannedRun,
    progress: Option<Progress>,
    attempt: u32,
    times: Times,
    /// `Done` unless a card or a report could not be written.
    printed: Exit,
}

impl Watcher for Follower<'_> {
    fn attempt(&mut self, attempt: u32) {
        self.attempt = attempt;
        self.times = Times::new(self.planned.checks.len());
        self.progress = Some(self.job.progress(&self.planned));
    }

    fn event(&mut self, event: &Event) {
        self.times.event(event);
        if let Some(progress) = &mut self.progress {
            progress.event(event);
        }
    }

    fn card(&mut self, card: &Scorecard, next: Option<Duration>) {
        if let Some(progress) = self.progress.take() {
            progress.finish();
        }
        let problems = self.job.keep(card, &self.times);
        let printed = print(&self.job.shown(card), self.printed);
        self.printed = tell_all(&problems, printed);
        if let Some(pause) = next {
            let Check { max_attempts, .. } = self.job.arguments;
            tell(&format!(
                "\nattempt {} of {max_attempts}: {}; the next one in {}\n",
                self.attempt,
                card.result.label(),
                duration(pause)
            ));
        }
    }
}
