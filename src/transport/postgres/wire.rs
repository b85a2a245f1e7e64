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
/// for, and keep, a message of any length that the first bytes promise, and it
/// would tell the password as it is to whoever asks for it.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    received: usize,
    watch: Watch,
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
    pub(super) fn new(stream: Box<dyn Stream>, watch: Watch, full: Full) -> Self {
        Self {
            stream,
            received: 0,
            watch,
            full,
        }
    }
}

/// Follows the login's messages and stops at `AuthenticationCleartextPassword`
/// (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    /// The password is safe: nobody else reads, or TLS has begun, or the login is over.
    Off,
    /// One byte that answers the question for TLS is to come.
    TlsAnswer,
    /// Within a message.
    Message {
        /// Its type, its length and the first four bytes after them, as far as they came.
        head: [u8; 9],
        /// Bytes that came.
        have: u32,
    },
}

/// The server asked for the password as it is, where others can read it.
#[derive(Debug)]
pub(super) struct Cleartext;

impl std::fmt::Display for Cleartext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the server asks for the password as it is, over a connection without TLS")
    }
}

impl std::error::Error for Cleartext {}

/// What an authentication message says, by its number.
const OK: u32 = 0;
const CLEARTEXT: u32 = 3;

const BEGIN: Watch = Watch::Message {
    head: [0; 9],
    have: 0,
};

impl Watch {
    /// For a connection that others may read, or not; `asks_for_tls` tells
    /// whether the client begins by that question.
    pub(super) fn new(exposed: bool, asks_for_tls: bool) -> Self {
        match (exposed, asks_for_tls) {
            (false, _) => Self::Off,
            (true, true) => Self::TlsAnswer,
            (true, false) => BEGIN,
        }
    }

    fn see(&mut self, bytes: &[u8]) -> Result<(), Cleartext> {
        for &byte in bytes {
            match self {
                Self::Off => return Ok(()),
                // To the client, whatever is not `S` is a no.
                Self::TlsAnswer => *self = if byte == b'S' { Self::Off } else { BEGIN },
                Self::Message { head, have } => {
                    if let Some(place) = head.get_mut(*have as usize) {
                        *place = byte;
                    }
                    *have += 1;
                    let [kind, a, b, c, d, code @ ..] = *head;
                    let ends = u64::from(*have) > u64::from(u32::from_be_bytes([a, b, c, d]));
                    let asked = (kind == b'R' && *have == 9).then(|| u32::from_be_bytes(code));
                    // A length of less than 4 is an error to the client, too.
                    let ends = *have >= 5 && ends;
                    match asked {
                        Some(OK) => *self = Self::Off,
                        Some(CLEARTEXT) => return Err(Cleartext),
                        Some(_) | None if ends => *self = BEGIN,
                        Some(_) | None => {}
                    }
                }
            }
        }
        Ok(())
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
        // Before the client sees the request, and answers it.
        let seen = self.watch.see(read);
        Poll::Ready(
            seen.map_err(|cleartext| io::Error::new(io::ErrorKind::PermissionDenied, cleartext)),
        )
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

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ASKED: &[u8] = b"R\0\0\0\x08\0\0\0\x03";
    const MD5: &[u8] = b"R\0\0\0\x0c\0\0\0\x05salt";
    const SASL: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
    const ACCEPTED: &[u8] = b"R\0\0\0\x08\0\0\0\0";
    const NOTICE: &[u8] = b"N\0\0\0\x0bSNOTE\0\0";

    fn refused(exposed: bool, asks_for_tls: bool, parts: &[&[u8]], at_once: bool) -> bool {
        let bytes = parts.concat();
        let mut watch = Watch::new(exposed, asks_for_tls);
        if at_once {
            return watch.see(&bytes).is_err();
        }
        bytes.iter().any(|&byte| watch.see(&[byte]).is_err())
    }

    #[rstest]
    #[case::asked(true, false, &[ASKED], true)]
    #[case::after_a_no_to_tls(true, true, &[b"N", ASKED], true)]
    // The client takes any byte but `S` for a no.
    #[case::after_any_other_byte(true, true, &[b"R", ASKED], true)]
    #[case::after_a_notice(true, true, &[b"N", NOTICE, NOTICE, ASKED], true)]
    #[case::after_another_request(true, false, &[SASL, ASKED], true)]
    #[case::after_a_message_without_a_body(true, false, &[b"S\0\0\0\x04", ASKED], true)]
    #[case::with_more_than_belongs_to_it(true, false, &[b"R\0\0\0\x09\0\0\0\x03x" as &[u8]], true)]
    #[case::nobody_else_reads(false, true, &[b"N", ASKED], false)]
    #[case::within_tls(true, true, &[b"S", ASKED], false)]
    #[case::md5(true, false, &[MD5, ACCEPTED], false)]
    #[case::scram(true, true, &[b"N", SASL, ACCEPTED], false)]
    // What a row holds is no request.
    #[case::in_the_body_of_another(true, false, &[b"N\0\0\0\x0d" as &[u8], ASKED, ACCEPTED], false)]
    #[case::after_the_login(true, false, &[ACCEPTED, ASKED], false)]
    fn a_request_for_the_password_itself(
        #[case] exposed: bool,
        #[case] asks_for_tls: bool,
        #[case] parts: &[&[u8]],
        #[case] expected: bool,
        #[values(true, false)] at_once: bool,
    ) {
        assert_eq!(refused(exposed, asks_for_tls, parts, at_once), expected);
    }
}
