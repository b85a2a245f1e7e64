//! `coldstart check --watch`: what is told while it goes on, on standard error.
//! Standard output is the last card's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::args::ProgressMode;
use super::check::tell_all;
use super::environment;
use super::evidence::Times;
use super::exit::Exit;
use super::job::{Job, failed};
use super::output::{self, Channel, tell};
use super::screen::{Screen, hears_keys};
use super::signals::Ender;
use crate::engine::{self, Event, Memory, PlannedRun, Scorecard, Watcher};
use crate::report::terminal::watch::{Remembered, Watched, lines};
use crate::scorecard::Verdict;

/// Follows a watch, and shows it.
pub(super) struct Follower<'a> {
    job: &'a Job<'a>,
    /// Remembers an attempt and writes its reports; what went wrong with these.
    keep: &'a dyn Fn(&Scorecard, &Times) -> Vec<String>,
    watched: Arc<Mutex<Watched>>,
    show: Show,
    times: Times,
    /// `Done` unless a report could not be written.
    exit: Exit,
}

/// How a watch is shown.
enum Show {
    Nothing,
    Lines,
    Screen(Screen),
}

impl<'a> Follower<'a> {
    /// Draws where both standard output and standard error are a terminal that
    /// can be drawn on; tells lines elsewhere.
    ///
    /// # Errors
    /// When this system lets no handler be set.
    pub(super) fn new(
        job: &'a Job<'a>,
        keep: &'a dyn Fn(&Scorecard, &Times) -> Vec<String>,
        planned: PlannedRun,
        max_attempts: u32,
        ender: &Ender,
    ) -> Result<Self, Exit> {
        let watched = Watched::new(planned, max_attempts).hearing_keys(hears_keys());
        let watched = Arc::new(Mutex::new(watched));
        let show = match job.manner.running.progress {
            ProgressMode::None => Show::Nothing,
            ProgressMode::Auto if can_draw() => {
                let style = job.style(Channel::Stderr);
                let screen = Screen::open(&watched, style, ender);
                Show::Screen(screen.map_err(|error| failed("no signal handler", &error))?)
            }
            ProgressMode::Auto | ProgressMode::Lines => Show::Lines,
        };
        Ok(Self {
            job,
            keep,
            watched,
            show,
            times: Times::default(),
            exit: Exit::Done,
        })
    }

    /// Gives the terminal back. `Done` unless a report could not be written.
    pub(super) fn finish(self) -> Exit {
        self.exit
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) {
        if let Show::Screen(screen) = &self.show {
            screen.draw();
        }
    }
}

fn can_draw() -> bool {
    output::is_terminal(Channel::Stdout)
        && output::is_terminal(Channel::Stderr)
        && environment::can_draw()
}

impl Watcher for Follower<'_> {
    fn attempt(&mut self, attempt: u32) {
        self.times = Times::new(self.job.plan.checks.len());
        self.watched().attempt(attempt, engine::now());
        self.draw();
    }

    fn memory(&mut self) -> Memory {
        let memory = self.job.memory();
        self.watched().remember(remembered(self.job, &memory));
        memory
    }

    fn event(&mut self, event: &Event) {
        self.times.event(event);
        self.watched().event(event, engine::now());
    }

    fn card(&mut self, card: &Scorecard, next: Option<Duration>) {
        let problems = (self.keep)(card, &self.times);
        self.exit = tell_all(&problems, self.exit);
        let arrow = if self.job.manner.look.ascii {
            "->"
        } else {
            "→"
        };
        self.watched().card(card, engine::now(), next, arrow);
        if matches!(self.show, Show::Lines) {
            let told = lines(&self.watched(), &TimeZone::system());
            tell(&told.join("\n"));
        }
        self.draw();
    }
}

/// What is remembered, as far as a watch shows it. What is remembered of a check
/// that has changed since is another check's.
fn remembered(job: &Job<'_>, memory: &Memory) -> Remembered {
    let blocked = job.plan.checks.iter().filter_map(|check| {
        let known = memory.checks.get(&check.id)?;
        let same = known.definition == check.definition;
        let since =
            (same && known.streak.verdict == Verdict::Blocked).then_some(known.streak.since);
        Some((check.id.clone(), since?))
    });
    Remembered {
        blocked_since: blocked.collect(),
        usual_run: memory.usual.run,
        usual_phases: memory.usual.phases.clone(),
    }
}
