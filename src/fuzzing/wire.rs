//! A connection whose other side says the same whatever it is asked.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// So few bytes come at a time that whatever is read comes in parts.
const AT_A_TIME: usize = 61;

/// When a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Before it was asked.
    Greets,
    /// Once it was asked.
    Answers,
    /// Once it was asked, and names the question by its number, without which
    /// nothing of its answer would be read.
    Dns,
    /// In turns: each time it was asked up to the next "ready for query", since
    /// a client takes what comes unasked for an error.
    Postgres,
}

/// PostgreSQL's `ReadyForQuery`, but for the state that follows.
const READY: &[u8] = b"Z\0\0\0\x05";

/// Swallows what is written, gives its answer, and ends.
#[derive(Debug)]
pub(super) struct Wire {
    manner: Manner,
    answer: Vec<u8>,
    given: usize,
    /// So much of the answer may be given.
    open: usize,
    /// Nothing comes after that.
    ends: bool,
    asked: Vec<u8>,
    waiting: Option<Waker>,
}

impl Wire {
    pub(super) fn new(manner: Manner, answer: Vec<u8>) -> Self {
        Self {
            manner,
            open: match manner {
                Manner::Greets => answer.len(),
                Manner::Answers | Manner::Dns | Manner::Postgres => 0,
            },
            ends: manner == Manner::Greets,
            answer,
            given: 0,
            asked: Vec::new(),
            waiting: None,
        }
    }

    /// Opens what is said to what was asked.
    fn turn(&mut self) {
        let all = self.answer.len();
        self.open = match self.manner {
            Manner::Dns if self.asked.len() < 4 => 0,
            Manner::Greets | Manner::Answers | Manner::Dns => all,
            Manner::Postgres => {
                let rest = &self.answer[self.open..];
                let next = rest.windows(READY.len()).position(|part| part == READY);
                next.map_or(all, |at| (self.open + at + READY.len() + 1).min(all))
            }
        };
        self.ends = self.open == all && !(self.manner == Manner::Dns && self.asked.len() < 4);
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given == self.open && !self.ends {
            self.waiting = Some(context.waker().clone());
            return Poll::Pending;
        }
        let rest = &self.answer[self.given..self.open];
        let now = rest.len().min(buffer.remaining()).min(AT_A_TIME);
        buffer.put_slice(&rest[..now]);
        self.given += now;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let missing = 4_usize.saturating_sub(self.asked.len()).min(bytes.len());
        self.asked.extend_from_slice(&bytes[..missing]);
        // By TCP there are two bytes of length before the message.
        if let (Manner::Dns, [_, _, id @ ..], Some(answer)) = (
            self.manner,
            &self.asked.clone()[..],
            self.answer.get_mut(2..4),
        ) && id.len() == answer.len()
        {
            answer.copy_from_slice(id);
        }
        self.turn();
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
