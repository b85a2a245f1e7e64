//! One command's channel: its answer as it comes in, and its end.

use russh::client::Msg;
use russh::{ChannelMsg, ChannelWriteHalf, Sig};

use crate::transport::capture::{Capture, Limits};
use crate::transport::command::Exit;

/// What to do after a message.
pub(super) enum Next {
    More,
    Done,
    Refused,
}

/// A command's answer as it comes in.
pub(super) struct Reply {
    pub(super) stdout: Capture,
    pub(super) stderr: Capture,
    pub(super) exit: Option<Exit>,
    ended: bool,
}

impl Reply {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            stdout: Capture::new(limits.stdout),
            stderr: Capture::new(limits.stderr),
            exit: None,
            ended: false,
        }
    }

    pub(super) fn take(&mut self, message: ChannelMsg) -> Next {
        match message {
            ChannelMsg::Data { data } if !self.stdout.push(&data) => return Next::Done,
            ChannelMsg::Data { .. } => {}
            ChannelMsg::ExtendedData { data, ext: 1 } => {
                self.stderr.push(&data);
            }
            ChannelMsg::ExitStatus { exit_status } => self.exit = Some(Exit::Status(exit_status)),
            ChannelMsg::ExitSignal { signal_name, .. } => {
                self.exit = Some(Exit::Signal(name(signal_name)));
            }
            ChannelMsg::Eof => self.ended = true,
            ChannelMsg::Close => return Next::Done,
            ChannelMsg::Failure => return Next::Refused,
            _ => {}
        }
        if self.ended && self.exit.is_some() {
            return Next::Done;
        }
        Next::More
    }
}

fn name(signal: Sig) -> String {
    match signal {
        Sig::Custom(name) => name,
        other => format!("{other:?}"),
    }
}

/// Ends the command and frees its channel, also when nobody waits any more:
/// russh leaves a dropped channel open, and a closed one keeps its place on
/// the server until the command ends.
pub(super) struct Ending {
    channel: Option<ChannelWriteHalf<Msg>>,
    /// The command is known to have ended.
    pub(super) over: bool,
}

impl Ending {
    pub(super) fn new(channel: ChannelWriteHalf<Msg>) -> Self {
        Self {
            channel: Some(channel),
            over: false,
        }
    }

    pub(super) async fn exec(&self, line: &str) -> Result<(), russh::Error> {
        match &self.channel {
            Some(channel) => channel.exec(true, line).await,
            None => Ok(()),
        }
    }

    /// The command's whole standard input.
    pub(super) async fn feed(&self, input: &str) -> Result<(), russh::Error> {
        match &self.channel {
            Some(channel) => {
                channel.data(input.as_bytes()).await?;
                channel.eof().await
            }
            None => Ok(()),
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(channel) = self.channel.take() else {
            return;
        };
        let over = self.over;
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if !over {
                    drop(channel.signal(Sig::TERM).await);
                }
                drop(channel.close().await);
            });
        }
    }
}
