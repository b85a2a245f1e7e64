//! What journalctl prints: a JSON object a message, and complaints.

use serde_json::Value;

use crate::probe::kinds::answer;
use crate::probe::kinds::lines::plain;
use crate::probe::{Fault, FaultKind, Host};
use crate::transport::command::Output;

/// One message.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    /// When it was written, since 1970.
    pub(super) microseconds: Option<i64>,
    /// Its text by lines.
    pub(super) lines: Vec<String>,
}

impl Entry {
    /// None for what is no entry of `--output=json`.
    pub(super) fn parse(record: &str) -> Option<Self> {
        let record: Value = serde_json::from_str(record).ok()?;
        let fields = record.as_object()?;
        let at = fields.get("__REALTIME_TIMESTAMP").and_then(Value::as_str);
        let message = fields.get("MESSAGE").map(text).unwrap_or_default();
        Some(Self {
            microseconds: at.and_then(|at| at.parse().ok()),
            lines: message.lines().map(plain).collect(),
        })
    }
}

/// A field is a text; numbers of bytes where it is not printable, as coloured
/// output is not; or a list of these where it is there more than once.
fn text(field: &Value) -> String {
    match field {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let bytes: Option<Vec<u8>> = items
                .iter()
                .map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok()))
                .collect();
            match bytes {
                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                None => items.iter().map(text).collect::<Vec<_>>().join("\n"),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// What journalctl says beside the messages.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    /// Journal files that it could not read, and whatever else it complains of.
    pub(super) complaints: Vec<String>,
}

impl Told {
    /// # Errors
    /// `Denied` where the login may not read all of it, `Missing` where there is
    /// no journal, `Protocol` for any other failure.
    pub(super) fn of(
        output: &Output,
        status: u32,
        host: &Host,
        whose: &str,
    ) -> Result<Self, Fault> {
        let stderr = answer::stderr(output);
        let has = |words: &str| stderr.contains(words);
        let place = answer::place(host);
        if has("insufficient permissions") || has("not seeing messages from") {
            let user = host.ssh.user.as_deref().unwrap_or("the login");
            return Err(Fault::new(
                FaultKind::Denied,
                format!("{user} may not read {whose} on {place}"),
            )
            .hint(format!(
                "put {user} into the group systemd-journal on {place}, or write `sudo: true`"
            )));
        }
        if stderr.starts_with("sudo: ") {
            return Err(Fault::new(
                FaultKind::Denied,
                format!("sudo on {place}: {}", answer::complaint(output)),
            )
            .hint("let the login run journalctl by sudo without a password, or leave `sudo` out"));
        }
        if has("No journal files were found") {
            return Err(Fault::new(
                FaultKind::Missing,
                format!("{place} keeps no journal"),
            ));
        }
        if status != 0 {
            return Err(Fault::new(
                FaultKind::Protocol,
                format!(
                    "journalctl on {place} failed: {}",
                    answer::complaint(output)
                ),
            ));
        }
        // What a login's own start-up files say is not about the journal.
        let is_about_files = |line: &&str| {
            ["Journal file ", "Error was encountered", "Failed to "]
                .iter()
                .any(|start| line.starts_with(start))
        };
        Ok(Self {
            complaints: stderr
                .lines()
                .filter(is_about_files)
                .map(str::to_owned)
                .collect(),
        })
    }
}
