//! How much of a command's output is kept, and for how long it is waited for.

use std::time::Duration;

/// Bounds of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the request to the last byte.
    pub timeout: Duration,
    /// Bytes of standard output that are kept; a command that prints more is ended.
    pub stdout: usize,
    /// Bytes of standard error that are kept; what comes after is dropped.
    pub stderr: usize,
}

impl Limits {
    /// `timeout`, 1 MiB of standard output and 64 KiB of standard error.
    #[must_use]
    pub fn within(timeout: Duration) -> Self {
        Self {
            timeout,
            stdout: 1 << 20,
            stderr: 64 << 10,
        }
    }
}

/// A command whose output stays open after its end has left a process behind
/// that holds it. Output still on its way comes within this time.
pub(super) const AFTER_THE_END: Duration = Duration::from_secs(1);

/// The first bytes of a stream.
#[derive(Debug)]
pub(super) struct Capture {
    bytes: Vec<u8>,
    cap: usize,
    full: bool,
}

impl Capture {
    pub(super) fn new(cap: usize) -> Self {
        Self {
            bytes: Vec::new(),
            cap,
            full: false,
        }
    }

    /// Keeps what fits. False once something did not.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let room = self.cap - self.bytes.len();
        self.full |= bytes.len() > room;
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        !self.full
    }

    /// Whether something did not fit.
    pub(super) fn is_truncated(&self) -> bool {
        self.full
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_fits_and_says_when_it_did_not() {
        let mut capture = Capture::new(5);
        assert!(capture.push(b"abc"));
        assert!(capture.push(b"de"));
        assert!(!capture.is_truncated(), "exactly full is whole");
        assert!(!capture.push(b"f"));
        assert!(capture.is_truncated());
        assert_eq!(capture.into_bytes(), b"abcde");
    }
}
