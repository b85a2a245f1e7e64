//! An open connection: commands and tunnels over it.

mod trouble;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use russh::client::{Handle, Msg};
use russh::{Channel, ChannelOpenFailure, Disconnect};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::channel::{Ending, Next, Reply};
use super::handshake::{Client, Notes};
use crate::transport::audit::Ledger;
use crate::transport::capture::{AFTER_THE_END, Limits};
use crate::transport::command::{Exit, Output, ReadOnlyCommand, Values, quote};
use crate::transport::local::no_value;
use crate::transport::{Fault, FaultKind, Stream};
use trouble::Pulse;

/// sshd allows 10 channels a connection (`MaxSessions`) and frees them late.
const COMMANDS_AT_ONCE: usize = 4;
/// Before a channel is asked for again, when the server had none to give.
const CHANNEL_PAUSE: Duration = Duration::from_millis(50);
/// What a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// Printed before the command's own output. A login shell prints what its
/// start-up files say first (bash reads `~/.bashrc` under sshd), and nothing
/// else tells where that ends.
const BEGIN: &str = ":coldstart:";

/// The line that the login shell of the host gets for `command`.
///
/// `echo` marks where the command's own output begins. `env LC_ALL=C` keeps
/// messages in one language. `timeout` ends on the host what hangs there,
/// also when our connection is gone; a pipeline goes through `sh -c`, so that
/// it ends as a whole, and so does what takes variables: `sh` reads them from
/// its standard input. A host whose `timeout` is missing or too old is asked
/// again without it.
#[must_use]
pub fn line(command: &ReadOnlyCommand, limit: Duration) -> String {
    let seconds = limit.as_secs() + u64::from(limit.subsec_nanos() > 0);
    format!(
        "echo {BEGIN}; env LC_ALL=C timeout -k 1 {} {}",
        seconds.max(1),
        program(command)
    )
}

fn line_without_timeout(command: &ReadOnlyCommand) -> String {
    format!("echo {BEGIN}; env LC_ALL=C {}", program(command))
}

fn program(command: &ReadOnlyCommand) -> String {
    let line = command.line();
    if !command.variables().is_empty() {
        format!("sh -c {}", quote(&command.reading_line()))
    } else if command.pipeline().len() == 1 {
        line
    } else {
        format!("sh -c {}", quote(&line))
    }
}

/// What is known of a connection from opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// From the first packet to the open TCP connection.
    pub connect: Duration,
    /// From the open connection to the accepted login.
    pub login: Duration,
    /// Fingerprint of the host key, `SHA256:…`.
    pub host_key: String,
    /// The server's identification, `SSH-2.0-OpenSSH_9.2p1`.
    pub server: String,
}

/// The one connection to a host.
pub struct Session {
    host: String,
    user: String,
    handle: Handle<Client>,
    notes: Notes,
    about: About,
    commands: Arc<Semaphore>,
    without_timeout: AtomicBool,
    /// It answers nothing any more, although nobody closed it.
    silent: AtomicBool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("host", &self.host)
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(
        host: &str,
        user: &str,
        handle: Handle<Client>,
        notes: Notes,
        about: About,
    ) -> Self {
        Self {
            host: host.to_owned(),
            user: user.to_owned(),
            handle,
            notes,
            about,
            commands: Arc::new(Semaphore::new(COMMANDS_AT_ONCE)),
            without_timeout: AtomicBool::new(false),
            silent: AtomicBool::new(false),
        }
    }

    /// What is known of the connection from opening it.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Whether the connection ended or went silent since it opened.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.handle.is_closed() || self.silent.load(Ordering::Relaxed)
    }

    pub(super) async fn close(&self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "");
        drop(timeout(GOODBYE, goodbye).await);
    }

    /// Runs a command and waits for its end. At most four run at once; the
    /// timeout starts when this one's turn comes. Output over the cap ends the
    /// command and is marked as truncated, with [`Exit::Unknown`].
    ///
    /// # Errors
    /// `TimedOut`, also when the command had ended and its output had not; `Closed`
    /// when the connection was lost before the end of the output; `Denied` when the
    /// server runs no commands, `Protocol` when the login shell did not run the
    /// line. Faults of the connection or the login shell, which all commands
    /// share, carry the host's [`ConnectionKey`](crate::transport::ConnectionKey).
    pub async fn exec(
        &self,
        command: &ReadOnlyCommand,
        limits: Limits,
        ledger: Ledger<'_>,
    ) -> Result<Output, Fault> {
        self.exec_with(command, &Values::default(), limits, ledger)
            .await
    }

    /// As [`Self::exec`], with `values` for the variables that the command
    /// takes: they go over its standard input.
    ///
    /// # Errors
    /// As [`Self::exec`]; `Internal` when a variable has no value.
    pub async fn exec_with(
        &self,
        command: &ReadOnlyCommand,
        values: &Values,
        limits: Limits,
        ledger: Ledger<'_>,
    ) -> Result<Output, Fault> {
        let values = values.of(command).ok_or_else(|| no_value(command))?;
        let input: String = values
            .iter()
            .map(|(_, value)| format!("{value}\n"))
            .collect();
        let turn = self.commands.acquire().await.ok();
        if self.silent.load(Ordering::Relaxed) {
            // Whoever waited for a turn need not wait for the dead as well.
            return Err(self.lost());
        }
        if !self.without_timeout.load(Ordering::Relaxed) {
            let sent = line(command, limits.timeout);
            let run = (sent.as_str(), input.as_str());
            let output = self.run(run, command, limits, ledger).await?;
            if !lacks_timeout(&output) {
                let ended = output.exit == Exit::Status(124) && output.elapsed >= limits.timeout;
                return if ended {
                    Err(self.timed_out(command, limits))
                } else {
                    Ok(output)
                };
            }
            self.without_timeout.store(true, Ordering::Relaxed);
        }
        let sent = line_without_timeout(command);
        let run = (sent.as_str(), input.as_str());
        let output = self.run(run, command, limits, ledger).await;
        drop(turn);
        output
    }

    async fn run(
        &self,
        (sent, input): (&str, &str),
        command: &ReadOnlyCommand,
        limits: Limits,
        ledger: Ledger<'_>,
    ) -> Result<Output, Fault> {
        let started = Instant::now();
        let deadline = started + limits.timeout;
        ledger.record(&self.host, "ssh-exec", sent);
        let channel = match timeout_at(deadline, self.open_channel()).await {
            Ok(opened) => opened?,
            Err(_) if self.pulse().await == Pulse::Silent => {
                return Err(self.gone_silent(limits.timeout));
            }
            Err(_) => return Err(self.timed_out(command, limits)),
        };
        let (mut incoming, outgoing) = channel.split();
        let mut outgoing = Ending::new(outgoing);
        outgoing.exec(sent).await.map_err(|_| self.lost())?;
        if !input.is_empty() {
            // A server whose window is shut would hold it up for ever.
            match timeout_at(deadline, outgoing.feed(input)).await {
                Ok(fed) => fed.map_err(|_| self.lost())?,
                Err(_) => return Err(self.timed_out(command, limits)),
            }
        }

        let mut reply = Reply::new(limits);
        loop {
            let quiet = Instant::now() + AFTER_THE_END;
            let is_quiet = reply.exit.is_some() && quiet <= deadline;
            let until = if is_quiet { quiet } else { deadline };
            let message = match timeout_at(until, incoming.wait()).await {
                Ok(message) => message,
                // The command ended, and its output was not closed. Either what it
                // left behind holds it, or more of it is on its way: the answer to a
                // keepalive comes behind all that was sent before. A bad cable may take
                // as long for that as the command itself might have.
                Err(_) if is_quiet => tokio::select! {
                    biased;
                    message = incoming.wait() => message,
                    pulse = self.pulse() => match pulse {
                        Pulse::Heard => continue,
                        Pulse::Silent if !self.handle.is_closed() && Instant::now() < deadline => {
                            continue;
                        }
                        Pulse::Silent => return Err(self.gone_silent(limits.timeout)),
                        Pulse::Answered => match timeout(Duration::ZERO, incoming.wait()).await {
                            Ok(message) => message,
                            Err(_) => break,
                        },
                    },
                },
                Err(_) if self.pulse_beside(&mut incoming).await == Pulse::Silent => {
                    return Err(self.gone_silent(limits.timeout));
                }
                Err(_) if begin(reply.stdout.bytes()).is_none() => {
                    return Err(self.not_begun(limits));
                }
                Err(_) => return Err(self.timed_out(command, limits)),
            };
            match message {
                Some(message) => match reply.take(message) {
                    Next::More => {}
                    Next::Done => break,
                    Next::Refused => return Err(self.refused()),
                },
                // Also with a status: it may come before the last of the output.
                None => return Err(self.lost()),
            }
        }
        outgoing.over = reply.exit.is_some();
        drop(outgoing);
        self.finish(reply, started.elapsed())
    }

    async fn open_channel(&self) -> Result<Channel<Msg>, Fault> {
        loop {
            match self.handle.channel_open_session().await {
                Ok(channel) => return Ok(channel),
                Err(russh::Error::ChannelOpenFailure(
                    ChannelOpenFailure::ConnectFailed | ChannelOpenFailure::ResourceShortage,
                )) => sleep(CHANNEL_PAUSE).await,
                Err(russh::Error::ChannelOpenFailure(_)) => return Err(self.refused()),
                Err(_) => return Err(self.lost()),
            }
        }
    }

    fn finish(&self, reply: Reply, elapsed: Duration) -> Result<Output, Fault> {
        let is_cut = reply.stdout.is_truncated();
        let truncated = is_cut || reply.stderr.is_truncated();
        let exit = reply.exit.unwrap_or(Exit::Unknown);
        let stdout = reply.stdout.into_bytes();
        let stderr = reply.stderr.into_bytes();
        let Some(begin) = begin(&stdout) else {
            return Err(self.not_run(&exit, &stdout, &stderr));
        };
        Ok(Output {
            // A status that came before the rest of the output is not of what is here.
            exit: if is_cut { Exit::Unknown } else { exit },
            stdout: stdout[begin..].to_vec(),
            stderr,
            truncated,
            elapsed,
        })
    }

    /// A TCP connection from the host to `address:port`.
    ///
    /// # Errors
    /// `Refused` when the host could not connect there, `Denied` when its SSH
    /// server forwards nothing, `TimedOut`, `Closed`.
    pub async fn open_tcp(
        &self,
        address: &str,
        port: u16,
        budget: Duration,
    ) -> Result<Box<dyn Stream>, Fault> {
        let opening =
            self.handle
                .channel_open_direct_tcpip(address, u32::from(port), "127.0.0.1", 0);
        let host = &self.host;
        match timeout(budget, opening).await {
            Err(_) if self.pulse().await == Pulse::Silent => Err(self.gone_silent(budget)),
            Err(_) => Err(Fault::new(
                FaultKind::TimedOut,
                format!(
                    "no answer from {address}:{port} through {host} in {:.1} s",
                    budget.as_secs_f64()
                ),
            )),
            Ok(Ok(channel)) => Ok(Box::new(channel.into_stream())),
            Ok(Err(russh::Error::ChannelOpenFailure(
                ChannelOpenFailure::AdministrativelyProhibited,
            ))) => Err(Fault::new(
                FaultKind::Denied,
                format!("the SSH server of {host} does not forward to {address}:{port}"),
            )
            .hint("AllowTcpForwarding and PermitOpen in its sshd_config decide")),
            Ok(Err(russh::Error::ChannelOpenFailure(_))) => Err(Fault::new(
                FaultKind::Refused,
                format!(
                    "{host} could not connect to {address}:{port}: refused or unreachable from there"
                ),
            )),
            Ok(Err(_)) => Err(self.lost()),
        }
    }
}

/// Where the command's own output begins.
fn begin(stdout: &[u8]) -> Option<usize> {
    let mark = [BEGIN.as_bytes(), b"\n"].concat();
    stdout
        .windows(mark.len())
        .position(|window| window == mark)
        .map(|at| at + mark.len())
}

/// Whether it was `timeout` that could not run, not the command: `timeout`
/// itself names a missing command in a line that begins with its own name.
fn lacks_timeout(output: &Output) -> bool {
    let stderr = String::from_utf8_lossy(&output.stderr);
    match output.exit {
        Exit::Status(126 | 127) => {
            !stderr.lines().any(|line| line.starts_with("timeout:"))
                && stderr.lines().any(|line| {
                    line.contains("timeout")
                        && ["not found", "No such file", "ermission denied"]
                            .iter()
                            .any(|reason| line.contains(reason))
                })
        }
        // BusyBox before 1.34 has no -k.
        Exit::Status(1 | 125) => stderr.lines().any(|line| {
            line.starts_with("timeout:")
                && (line.contains("invalid option") || line.contains("unrecognized option"))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
