//! What is told of a connection or a command that came to no good end.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use russh::ChannelReadHalf;
use tokio::time::timeout;

use super::Session;
use crate::transport::capture::Limits;
use crate::transport::command::{Exit, ReadOnlyCommand};
use crate::transport::{ConnectionKey, Fault, FaultKind};

/// The answer to a keepalive is waited for in beats: a machine that for a while has no
/// time for this program takes one of them, however long that was, and no host is
/// silent because of it.
const BEAT: Duration = Duration::from_millis(100);

/// The beats that an answer to a keepalive may take, once a command is overdue: a host
/// that went dark in the middle of a run is not the command's fault.
const PULSE: u32 = 10;

/// The same at the end of a run, when nothing else waits: a machine that has
/// just started everything at once may be slow to answer.
const LAST_SIGN: u32 = 50;

/// What was heard of the other end, once it was asked for a sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulse {
    /// It answered: all that it had sent before is here.
    Answered,
    /// Something else came, and the answer may be behind more of it.
    Heard,
    Silent,
}

impl Session {
    /// Whether the other end has kept this connection until now.
    pub(in crate::transport::ssh) async fn still_lives(&self) -> bool {
        if self.is_lost() {
            return false;
        }
        let answers = self.answers_within(LAST_SIGN).await;
        if !answers {
            // It is not used again: whoever asks for the host opens another one.
            self.silent.store(true, Ordering::Relaxed);
        }
        answers
    }

    /// Whether the other end still answers at all.
    pub(super) async fn pulse(&self) -> Pulse {
        let before = self.notes.heard();
        if self.answers_within(PULSE).await {
            Pulse::Answered
        } else if self.handle.is_closed() || self.notes.heard() == before {
            Pulse::Silent
        } else {
            Pulse::Heard
        }
    }

    /// The same, while a command goes on to print: a channel that nobody reads fills up,
    /// and holds up all that comes behind it on the connection, the answer too.
    pub(super) async fn pulse_beside(&self, incoming: &mut ChannelReadHalf) -> Pulse {
        let unread = async {
            while incoming.wait().await.is_some() {}
            std::future::pending().await
        };
        tokio::select! {
            pulse = self.pulse() => pulse,
            never = unread => never,
        }
    }

    async fn answers_within(&self, beats: u32) -> bool {
        let mut answer = pin!(self.handle.send_ping());
        for _ in 0..beats {
            if let Ok(answered) = timeout(BEAT, &mut answer).await {
                return answered.is_ok() && !self.handle.is_closed();
            }
        }
        false
    }

    /// A fault of the connection, which all its checks share. The next attempt
    /// opens a new one: a host that restarted may be back.
    fn of_connection(&self, fault: Fault) -> Fault {
        fault
            .on_connection(ConnectionKey::ssh(&self.host))
            .hopeless(false)
    }

    pub(super) fn lost(&self) -> Fault {
        self.of_connection(Fault::new(
            FaultKind::Closed,
            format!("the SSH connection to {} was lost", self.host),
        ))
    }

    /// Notes that nobody is there any more.
    pub(super) fn gone_silent(&self, waited: Duration) -> Fault {
        if self.handle.is_closed() {
            return self.lost();
        }
        self.silent.store(true, Ordering::Relaxed);
        let (host, seconds) = (&self.host, waited.as_secs_f64());
        self.of_connection(
            Fault::new(
                FaultKind::TimedOut,
                format!("{host} went silent: {seconds:.1} s without an answer on its open SSH connection, not even to a keepalive"),
            )
            .hint(format!("{host} was up a moment ago: its power, its cable, or a restart that is under way")),
        )
    }

    /// The host answers, but its login shell does not come to the command.
    pub(super) fn not_begun(&self, limits: Limits) -> Fault {
        let (user, host) = (&self.user, &self.host);
        Fault::new(
            FaultKind::TimedOut,
            format!(
                "the login shell of {user} on {host} did not come to the command in {:.1} s",
                limits.timeout.as_secs_f64()
            ),
        )
        .hint(format!(
            "what the shell of {user} reads first, as ~/.bashrc, takes too long: `time ssh {host} true` shows it"
        ))
        .on_connection(ConnectionKey::ssh(host))
    }

    pub(super) fn refused(&self) -> Fault {
        Fault::new(
            FaultKind::Denied,
            format!("{} runs no commands for {}", self.host, self.user),
        )
    }

    pub(super) fn timed_out(&self, command: &ReadOnlyCommand, limits: Limits) -> Fault {
        Fault::new(
            FaultKind::TimedOut,
            format!(
                "`{}` did not end in {:.1} s",
                command.line(),
                limits.timeout.as_secs_f64()
            ),
        )
    }

    pub(super) fn not_run(&self, exit: &Exit, stdout: &[u8], stderr: &[u8]) -> Fault {
        if *exit == Exit::Unknown {
            return Fault::new(
                FaultKind::Closed,
                format!("{} closed the channel before the command began", self.host),
            );
        }
        let said = [stdout, stderr]
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes))
            .find_map(|text| {
                text.lines()
                    .find(|line| !line.trim().is_empty())
                    .map(ToOwned::to_owned)
            });
        let said = said.map_or_else(String::new, |line| {
            format!(": it printed \"{}\"", line.trim())
        });
        Fault::new(
            FaultKind::Protocol,
            format!(
                "the login shell of {} on {} did not run the command{said}",
                self.user, self.host
            ),
        )
        .hint("a forced command in authorized_keys or a shell such as nologin stands in the way")
        .on_connection(ConnectionKey::ssh(&self.host))
    }
}
