//! Ctrl-C and its relatives: the first asks for the card, the second ends at once.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::exit::Exit;
use super::output::tell;
use crate::engine::Stop;

/// What a line on standard error may take.
const NOTICE: Duration = Duration::from_millis(200);

/// Listens from now on. The returned value turns true at the first signal;
/// `last_words` is for the second, just before the program ends.
///
/// # Errors
/// When this system lets no handler be set.
pub(super) fn listen(last_words: impl FnOnce() + Send + 'static) -> std::io::Result<Stop> {
    let mut signals = Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
        hangup: signal(SignalKind::hangup())?,
    };
    let (sender, stop) = watch::channel(false);
    tokio::spawn(async move {
        signals.next().await;
        // First, so that it does not land in the middle of the card; but nobody may
        // be reading standard error, and the second signal has to be heard all the same.
        let notice = spawn_blocking(|| tell("coldstart: ending; once more ends at once"));
        drop(timeout(NOTICE, notice).await);
        // Nobody waits for it when the run has just ended.
        sender.send(true).ok();
        signals.next().await;
        last_words();
        std::process::exit(i32::from(Exit::Failed.code()));
    });
    Ok(stop)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
