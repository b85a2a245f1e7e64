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
}

/// Swallows what is written, gives its answer, and ends.
#[derive(Debug)]
pub(super) struct Wire {
    manner: Manner,
    answer: Vec<u8>,
    given: usize,
    asked: Vec<u8>,
    waiting: Option<Waker>,
}

impl Wire {
    pub(super) fn new(manner: Manner, answer: Vec<u8>) -> Self {
        Self {
            manner,
            answer,
            given: 0,
            asked: Vec::new(),
            waiting: None,
        }
    }

    fn may_speak(&self) -> bool {
        match self.manner {
            Manner::Greets => true,
            Manner::Answers => !self.asked.is_empty(),
            Manner::Dns => self.asked.len() >= 4,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.may_speak() {
            self.waiting = Some(context.waker().clone());
            return Poll::Pending;
        }
        let rest = &self.answer[self.given..];
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
        if self.may_speak()
            && let Some(waiting) = self.waiting.take()
        {
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
