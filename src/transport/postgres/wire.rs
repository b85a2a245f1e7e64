//! The stream as the client gets it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Stream;

/// A stream of a type without a lifetime: `Box<dyn Stream>` has one, and behind
/// the traits of TLS the compiler cannot prove such a future `Send`.
///
/// It also keeps the client from believing everything: the client would wait
/// for, and keep, a message of any length that the first bytes promise.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    received: usize,
    full: Full,
}

/// Whether more came over a stream than is read of one. To the client that
/// looks like a connection that the server closed.
#[derive(Debug, Clone, Default)]
pub(super) struct Full(Arc<AtomicBool>);

impl Full {
    pub(super) fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>, full: Full) -> Self {
        Self {
            stream,
            received: 0,
            full,
        }
    }
}

/// Bytes of a whole session: rows, messages, TLS.
pub(super) const SESSION_CAP: usize = 8 << 20;
/// What a server's first answer begins with: authentication, error, notice,
/// `S` or `N` to the question for TLS, negotiation of the protocol's version.
const FIRST_BYTES: &[u8] = b"RENSv";

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        if self.received == 0
            && read
                .first()
                .is_some_and(|first| !FIRST_BYTES.contains(first))
        {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "no message begins like that",
            )));
        }
        self.received += read.len();
        if self.received > SESSION_CAP {
            self.full.0.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is larger than allowed",
            )));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
