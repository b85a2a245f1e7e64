//! Runs again and again until the card is green.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::run::{run, stopped};
use super::{Memory, Options, Stop};
use crate::plan::Plan;
use crate::probe::Transports;
use crate::scorecard::{Event, RunResult, Scorecard};

/// How often to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Pause between the end of one attempt and the start of the next.
    pub interval: Duration,
    /// Attempts in all, at least 1.
    pub max_attempts: u32,
}

/// Who follows a watch.
pub trait Watcher {
    /// An attempt, from 1, is about to begin.
    fn attempt(&mut self, attempt: u32);
    /// What is remembered when an attempt begins; of those before, too.
    fn memory(&mut self) -> Memory {
        Memory::default()
    }
    /// Something happened in it.
    fn event(&mut self, event: &Event);
    /// It is over; `next` is the pause before another one, which is nothing
    /// where a host restarted in the middle of this one.
    fn card(&mut self, card: &Scorecard, next: Option<Duration>);
}

/// Runs until a card is GREEN, `watch.max_attempts` are made, or `stop` turns
/// true, and returns the last card. Each attempt has transports of its own:
/// what was unreachable a minute ago is asked again.
pub async fn watch(
    plan: &Arc<Plan>,
    left_out: &[Option<String>],
    transports: &mut dyn FnMut() -> Arc<Transports>,
    options: &Options,
    watch: &Watch,
    mut stop: Stop,
    watcher: &mut dyn Watcher,
) -> Scorecard {
    let mut attempt = 0;
    let mut was_disrupted = false;
    loop {
        attempt += 1;
        watcher.attempt(attempt);
        let options = Options {
            memory: watcher.memory(),
            ..options.clone()
        };
        let card = run(
            plan,
            left_out,
            &transports(),
            &options,
            stop.clone(),
            &mut |event| watcher.event(event),
        )
        .await;
        let last =
            card.result == RunResult::Green || attempt >= watch.max_attempts || *stop.borrow();
        // What was seen before a restart is seen anew at once, since nothing is
        // known to be wrong; a host that never stays is given the usual time.
        let disrupted = card.result == RunResult::CheckFailed && !card.disrupted.is_empty();
        let pause = if disrupted && !was_disrupted {
            Duration::ZERO
        } else {
            watch.interval
        };
        was_disrupted = disrupted;
        watcher.card(&card, (!last).then_some(pause));
        if last {
            return card;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = stopped(&mut stop) => return card,
        }
    }
}
