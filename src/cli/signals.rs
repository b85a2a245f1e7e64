//! Ctrl-C and its relatives: the first asks for the card, the second ends at once.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::exit::Exit;
use super::output::tell;
use super::screen;
use crate::engine::Stop;

/// What a line on standard error may take.
const NOTICE: Duration = Duration::from_millis(200);

/// Ends a run as the first signal does.
#[derive(Debug, Clone)]
pub(super) struct Ender(watch::Sender<bool>);

impl Ender {
    /// Asks for the card; asked again, ends at once.
    pub(super) fn end(&self) {
        if self.0.send_replace(true) {
            at_once();
        }
    }

    /// Asks for the card, where nobody has yet.
    pub(super) fn lost(&self) {
        self.0.send_replace(true);
    }
}

fn at_once() -> ! {
    // A terminal that takes nothing must not keep us.
    screen::restore(NOTICE);
    std::process::exit(i32::from(Exit::Failed.code()));
}

/// Listens from now on. The returned value turns true at the first signal, and
/// when the other one says so. `last_words` is for the second signal, just before
/// the program ends.
///
/// # Errors
/// When this system lets no handler be set.
pub(super) fn listen(last_words: impl FnOnce() + Send + 'static) -> std::io::Result<(Ender, Stop)> {
    let mut signals = Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
        hangup: signal(SignalKind::hangup())?,
    };
    let (sender, stop) = watch::channel(false);
    let ender = Ender(sender.clone());
    let mut ended = stop.clone();
    tokio::spawn(async move {
        let is_told = tokio::select! {
            () = signals.next() => false,
            () = async { drop(ended.wait_for(|ended| *ended).await) } => true,
        };
        if is_told {
            signals.next().await;
            at_once();
        }
        // First, so that it does not land in the middle of the card; but nobody may
        // be reading standard error, and the second signal has to be heard all the same.
        let notice = spawn_blocking(|| {
            if !screen::tell_ending() {
                tell("coldstart: ending; once more ends at once");
            }
        });
        drop(timeout(NOTICE, notice).await);
        // Nobody waits for it when the run has just ended.
        sender.send(true).ok();
        signals.next().await;
        last_words();
        at_once();
    });
    Ok((ender, stop))
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
