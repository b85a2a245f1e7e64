//! What `stat` tells of a file.

use jiff::Timestamp;

use crate::probe::kinds::dated;
use crate::probe::{Facts, Fault, FaultKind};

/// A line of `stat`: size, seconds of the last change, mode, owner, kind.
#[derive(Debug, PartialEq)]
pub(in crate::probe::kinds) struct Stat {
    pub(in crate::probe::kinds) size: f64,
    pub(in crate::probe::kinds) modified: i64,
    pub(super) mode: String,
    pub(super) owner: String,
    /// As the fact `kind` has it.
    pub(in crate::probe::kinds) kind: &'static str,
}

impl Stat {
    /// # Errors
    /// `Protocol`: another line than [`stat`](super::stat) asks for.
    pub(super) fn parse(line: &str) -> Result<Self, Fault> {
        Self::read(line)
            .ok_or_else(|| Fault::new(FaultKind::Protocol, format!("stat printed {line:?}")))
    }

    fn read(line: &str) -> Option<Self> {
        let mut fields = line.splitn(5, ',');
        let mut next = || fields.next();
        let (size, modified) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let (mode, owner) = (next()?.to_owned(), next()?.to_owned());
        let kind = match next()?.to_lowercase().as_str() {
            "regular file" | "regular empty file" => "file",
            "directory" => "directory",
            "block special file" | "block device" => "block device",
            "character special file" | "character device" => "character device",
            "fifo" | "fifo file" => "fifo",
            "socket" => "socket",
            _ => return None,
        };
        Some(Self {
            size,
            modified,
            mode,
            owner,
            kind,
        })
    }

    /// The size, and how old it is at `now` by the host's clock.
    pub(in crate::probe::kinds) fn set_age(&self, now: Option<i64>, facts: &mut Facts) {
        facts.set("size_bytes", self.size);
        facts.set_some("modified", Timestamp::from_second(self.modified).ok());
        let age = now.and_then(|now| now.checked_sub(self.modified));
        #[expect(
            clippy::cast_precision_loss,
            reason = "ages are far below 2^52 seconds"
        )]
        facts.set_some("age_s", age.map(|age| age as f64));
        dated::set_now(now, facts);
    }

    pub(super) fn set(&self, now: Option<i64>, facts: &mut Facts) {
        facts.set("kind", self.kind);
        self.set_age(now, facts);
        facts.set("mode", self.mode.as_str());
        facts.set("owner", self.owner.as_str());
    }
}
