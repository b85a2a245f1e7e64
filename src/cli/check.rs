//! `coldstart check`: runs a baseline and prints its card.

use std::sync::Arc;
use std::time::Duration;

use super::args::Check;
use super::exit::Exit;
use super::job::{Job, Manner, drive, failed};
use super::output::{Channel, print, tell};
use super::{input, signals};
use crate::engine::{self, Event, Memory, Options, PlannedRun, Scorecard, Stop, Watch, Watcher};
use crate::report::{self, Progress, duration, terminal};
use crate::state::Extent;

pub(super) fn check(arguments: &Check) -> Result<Exit, Exit> {
    let manner = Manner {
        running: &arguments.running,
        look: &arguments.look,
        display: &arguments.display,
    };
    let job = Job::new(&arguments.baseline, manner, |plan| {
        input::left_out(&arguments.selection, plan)
    })?;
    let command = Command { arguments, job };
    drive(command.run())
}

/// One `coldstart check`, its input read.
struct Command<'a> {
    arguments: &'a Check,
    job: Job<'a>,
}

impl Command<'_> {
    async fn run(&self) -> Result<Exit, Exit> {
        let stop = signals::listen().map_err(|error| failed("no signal handler", &error))?;
        let options = self.job.options(self.arguments.keep_going);
        if self.arguments.watch {
            self.watch(&options, stop).await
        } else {
            self.once(&options, stop).await
        }
    }

    async fn once(&self, options: &Options, stop: Stop) -> Result<Exit, Exit> {
        let (card, audited) = self.job.once(options, stop).await?;
        self.record(&card);
        let exit = print(&self.render(&card), Exit::of(&card));
        audited.map(|()| exit)
    }

    async fn watch(&self, options: &Options, stop: Stop) -> Result<Exit, Exit> {
        let watch = Watch {
            interval: self.arguments.interval,
            max_attempts: self.arguments.max_attempts,
        };
        let mut follower = Follower {
            command: self,
            planned: engine::planned_run(&self.job.plan, options.keep_going),
            progress: None,
            attempt: 0,
            printed: Exit::Done,
        };
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
        let exit = match follower.printed {
            Exit::Done => Exit::of(&card),
            trouble => trouble,
        };
        let exit = if self.arguments.look.json {
            print(&self.render(&card), exit)
        } else {
            exit
        };
        audited.and(self.job.finish_audit(&in_use)).map(|()| exit)
    }

    /// Before the card is printed: a reader that pages through it must not keep
    /// the run from being remembered.
    fn record(&self, card: &Scorecard) {
        let selection = &self.arguments.selection;
        let whole = selection.only.is_empty() && selection.skip.is_empty();
        let extent = if whole { Extent::Whole } else { Extent::Part };
        self.job.notebook.record(card, extent);
    }

    fn render(&self, card: &Scorecard) -> String {
        if self.arguments.look.json {
            report::json(card)
        } else {
            terminal::card(card, &self.job.style(Channel::Stdout))
        }
    }
}

/// Shows a watch as it goes.
struct Follower<'a> {
    command: &'a Command<'a>,
    planned: PlannedRun,
    progress: Option<Progress>,
    attempt: u32,
    /// `Done` unless a card could not be printed.
    printed: Exit,
}

impl Watcher for Follower<'_> {
    fn attempt(&mut self, attempt: u32) {
        self.attempt = attempt;
        self.progress = Some(self.command.job.progress(&self.planned));
    }

    fn memory(&mut self) -> Memory {
        self.command.job.memory()
    }

    fn event(&mut self, event: &Event) {
        if let Some(progress) = &mut self.progress {
            progress.event(event);
        }
    }

    fn card(&mut self, card: &Scorecard, next: Option<Duration>) {
        if let Some(progress) = self.progress.take() {
            progress.finish();
        }
        if !self.command.arguments.look.json {
            self.printed = print(&self.command.render(card), self.printed);
        }
        if let Some(pause) = next {
            let Check { max_attempts, .. } = self.command.arguments;
            tell(&format!(
                "\nattempt {} of {max_attempts}: {}; the next one in {}\n",
                self.attempt,
                card.result.label(),
                duration(pause)
            ));
        }
    }
}
