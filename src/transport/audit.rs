//! The ledger of everything sent: one JSON line each.

use std::io::{self, Write};
use std::sync::Mutex;

use jiff::Timestamp;
use serde::Serialize;

/// Where the time of an entry comes from; the engine owns the wall clock.
pub type Clock = fn() -> Timestamp;

/// One thing sent to a target.
#[derive(Debug, Clone, Serialize)]
pub struct Sent<'a> {
    /// The check on whose behalf it was sent; a shared connection names the first.
    pub check: &'a str,
    /// Host id or address it went to.
    pub target: &'a str,
    /// `tcp`, `icmp`, `dns`, `ssh`, `ssh-exec`, `local-exec`, `http`, `tls`, `smtp`,
    /// `postgres`, `redis`.
    pub protocol: &'a str,
    /// The command line, request line or statement; secrets as `***`.
    pub sent: &'a str,
}

/// Appends entries to a writer, or drops them when nobody asked for an audit.
pub struct Audit {
    sink: Option<Mutex<Sink>>,
    clock: Clock,
}

struct Sink {
    writer: Box<dyn Write + Send>,
    error: Option<io::Error>,
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit")
            .field("on", &self.sink.is_some())
            .finish()
    }
}

impl Audit {
    /// Keeps nothing.
    #[must_use]
    pub fn off() -> Self {
        Self {
            sink: None,
            clock: || Timestamp::UNIX_EPOCH,
        }
    }

    /// Appends to `writer`, each entry stamped by `clock`.
    #[must_use]
    pub fn to(writer: Box<dyn Write + Send>, clock: Clock) -> Self {
        Self {
            sink: Some(Mutex::new(Sink {
                writer,
                error: None,
            })),
            clock,
        }
    }

    /// Appends one entry. A failed write is kept for [`Audit::finish`]: what
    /// was asked for must not fail silently, nor stop the run half-way.
    pub fn record(&self, sent: &Sent<'_>) {
        #[derive(Serialize)]
        struct Line<'a> {
            at: Timestamp,
            #[serde(flatten)]
            sent: &'a Sent<'a>,
        }
        let Some(sink) = &self.sink else { return };
        let mut sink = sink
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut line = serde_json::to_vec(&Line {
            at: (self.clock)(),
            sent,
        })
        .unwrap_or_default();
        line.push(b'\n');
        // One write a line, so that two runs appending to one file do not mix.
        if let Err(error) = sink.writer.write_all(&line) {
            sink.error.get_or_insert(error);
        }
    }

    /// Flushes, and tells the first error met.
    ///
    /// # Errors
    /// The first failed write or the failed flush.
    pub fn finish(&self) -> io::Result<()> {
        let Some(sink) = &self.sink else {
            return Ok(());
        };
        let mut sink = sink
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match sink.error.take() {
            Some(error) => Err(error),
            None => sink.writer.flush(),
        }
    }
}

/// The audit together with the check on whose behalf something is sent.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'a> {
    /// Where entries go.
    pub audit: &'a Audit,
    /// The check's id.
    pub check: &'a str,
}

impl Ledger<'_> {
    /// Appends one entry for the check.
    pub fn record(&self, target: &str, protocol: &str, sent: &str) {
        self.audit.record(&Sent {
            check: self.check,
            target,
            protocol,
            sent,
        });
    }
}
