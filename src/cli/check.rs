//! `coldstart check`: runs a baseline and prints its card.

use std::sync::Arc;

use super::args::Check;
use super::environment;
use super::evidence::{Evidence, Times};
use super::exit::Exit;
use super::job::{Job, Manner, drive, failed};
use super::output::{Channel, print, tell};
use super::reports::{Output, Reports};
use super::signals::Ender;
use super::watch::Follower;
use super::{input, monitor, signals};
use crate::engine::{self, Event, Options, Scorecard, Stop, Watch};
use crate::report::terminal;
use crate::state::Extent;

pub(super) fn check(arguments: &Check) -> Result<Exit, Exit> {
    if arguments.monitor.monitor_read_only {
        return Ok(monitor::monitor(arguments));
    }
    let command = Command::new(arguments)?;
    drive(command.run())
}

/// What could not be written must not pass for written, whatever the card says.
pub(super) fn tell_all(problems: &[String], exit: Exit) -> Exit {
    for problem in problems {
        tell(problem);
    }
    if problems.is_empty() {
        exit
    } else {
        Exit::Failed
    }
}

/// One `coldstart check`, its input read.
pub(super) struct Command<'a> {
    arguments: &'a Check,
    pub(super) job: Job<'a>,
    reports: Reports,
    evidence: Option<Evidence>,
}

impl<'a> Command<'a> {
    /// Reads all input, and makes sure of what is written before the run.
    ///
    /// # Errors
    /// With the exit code, once it has been said what is wrong.
    pub(super) fn new(arguments: &'a Check) -> Result<Self, Exit> {
        let manner = Manner {
            running: &arguments.running,
            look: &arguments.look,
            display: &arguments.display,
        };
        let job = Job::new(&arguments.baseline, manner, |plan| {
            input::left_out(&arguments.selection, plan)
        })?;
        let reports = Reports::new(
            &arguments.reports,
            arguments.look.json,
            environment::step_summary(),
            &job.plan.metrics_prefix,
            &[
                ("--textfile", arguments.monitor.textfile.as_deref()),
                ("--log", arguments.monitor.log.as_deref()),
            ],
        )?;
        let evidence = arguments.evidence.as_deref().map(Evidence::open);
        Ok(Self {
            arguments,
            job,
            reports,
            evidence: evidence.transpose()?,
        })
    }

    async fn run(&self) -> Result<Exit, Exit> {
        let (ender, stop) =
            signals::listen(|| {}).map_err(|error| failed("no signal handler", &error))?;
        let options = self.job.options(self.arguments.keep_going);
        if self.arguments.watch {
            self.watch(&options, &ender, stop).await
        } else {
            self.once(&options, stop, |_| Vec::new()).await
        }
    }

    /// Runs once. `last` has the card when all else is done with it, whatever may hang
    /// there, and returns what went wrong.
    pub(super) async fn once(
        &self,
        options: &Options,
        stop: Stop,
        last: impl FnOnce(&Scorecard) -> Vec<String>,
    ) -> Result<Exit, Exit> {
        let mut times = Times::new(self.job.plan.checks.len());
        let mut note = |event: &Event| times.event(event);
        let (card, audited) = self
            .job
            .once(&self.job.left_out, options, stop, &mut note)
            .await?;
        // Before the card, for which a pager may keep us waiting; what went wrong
        // is told after it, where it is seen.
        let mut problems = self.keep(&card, &times);
        problems.extend(self.reports.summarize(&card));
        let text = self.shown(&card) + &self.reports.last(&card);
        let printed = print(&text, Exit::of(&card));
        problems.extend(last(&card));
        let exit = tell_all(&problems, printed);
        audited.map(|()| exit)
    }

    async fn watch(&self, options: &Options, ender: &Ender, stop: Stop) -> Result<Exit, Exit> {
        let watch = Watch {
            interval: self.arguments.interval,
            max_attempts: self.arguments.max_attempts,
        };
        let keep = |card: &Scorecard, times: &Times| self.keep(card, times);
        let planned = engine::planned_run(&self.job.plan, options.keep_going);
        let mut follower = Follower::new(&self.job, &keep, planned, watch.max_attempts, ender)?;
        // A watch may take days, so an attempt's go when the next one begins.
        let mut in_use = self.job.transports()?;
        let mut is_first = true;
        let mut audited = Ok(());
        let mut transports = || {
            if !std::mem::take(&mut is_first) {
                audited = audited.and(self.job.finish_audit(&in_use));
                // The audit could be duplicated a moment ago; without one, the last stay in use.
                if let Ok(fresh) = self.job.transports() {
                    in_use = fresh;
                }
            }
            Arc::clone(&in_use)
        };
        let card = engine::watch(
            &self.job.plan,
            &self.job.left_out,
            &mut transports,
            options,
            &watch,
            stop,
            &mut follower,
        )
        .await;
        // The card is for the terminal as it was before.
        let exit = match follower.finish() {
            Exit::Done => Exit::of(&card),
            trouble => trouble,
        };
        let problems: Vec<String> = self.reports.summarize(&card).into_iter().collect();
        let text = self.shown(&card) + &self.reports.last(&card);
        let exit = tell_all(&problems, print(&text, exit));
        audited.and(self.job.finish_audit(&in_use)).map(|()| exit)
    }

    /// Remembers the run and writes what goes to files; what went wrong with
    /// these. Before the card is printed: a reader that pages through it must
    /// not keep the run from being remembered.
    fn keep(&self, card: &Scorecard, times: &Times) -> Vec<String> {
        let selection = &self.arguments.selection;
        let whole = selection.only.is_empty() && selection.skip.is_empty();
        let extent = if whole { Extent::Whole } else { Extent::Part };
        self.job.notebook.record(card, extent);
        let mut problems = self.reports.write(card);
        if let Some(evidence) = &self.evidence {
            problems.extend(evidence.keep(card, &self.job.plan, times).err());
        }
        problems
    }

    /// The card for people; nothing where a report is printed instead, or where
    /// it goes to a monitor's log.
    fn shown(&self, card: &Scorecard) -> String {
        match self.reports.output {
            Output::Report(_) => String::new(),
            Output::Card if self.arguments.monitor.log.is_some() => String::new(),
            Output::Card | Output::Annotated => {
                let text = terminal::card(card, &self.job.style(Channel::Stdout));
                self.reports.shown(card, text)
            }
        }
    }
}
