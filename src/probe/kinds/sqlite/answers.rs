//! What a file's header, and the `sqlite3` program, tell.

use serde_json::{Map, Value as Json};

use super::super::answer;
use crate::probe::{Fault, FaultKind, Host};
use crate::transport::command::Output;

/// The first 100 bytes of a file (<https://www.sqlite.org/fileformat.html>).
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) is_wal: bool,
    /// How many pages; nothing where an old version of SQLite wrote it last.
    pub(super) pages: Option<u32>,
}

impl Header {
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        if !head.starts_with(b"SQLite format 3\0") {
            return None;
        }
        let pages = u32::from_be_bytes(head.get(28..32)?.try_into().ok()?);
        let is_valid = head.get(24..28)? == head.get(92..96)?;
        Some(Self {
            // The versions that may write and read it; 2 is the log's.
            is_wal: head.get(18..20)?.contains(&2),
            pages: Some(pages).filter(|pages| is_valid && *pages > 0),
        })
    }

    pub(super) fn journal(&self) -> &'static str {
        if self.is_wal { "wal" } else { "rollback" }
    }
}

/// A file beside the one that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// There is none.
    Absent,
    /// It has no bytes in it.
    Empty,
    /// It has.
    Filled,
}

impl Beside {
    /// The file of this path, of which `find` printed the path once where it is there and
    /// once more where it has something in it.
    pub(super) fn of(printed: &str, path: &str) -> Self {
        match printed.lines().filter(|line| *line == path).count() {
            0 => Self::Absent,
            1 => Self::Empty,
            _ => Self::Filled,
        }
    }
}

/// How a file is opened, so that reading it writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// With locks, a rollback journal.
    Locked,
    /// With locks, and the log in view.
    Log,
    /// Without locks: nobody has it open.
    Immutable,
}

impl Opened {
    /// By the header and which of the files beside it are there.
    ///
    /// # Errors
    /// Why there is no such way.
    pub(super) fn of(header: &Header, wal: Beside, shm: Beside) -> Result<Self, &'static str> {
        use Beside::{Absent, Empty, Filled};
        match (header.is_wal, wal, shm) {
            (false, ..) => Ok(Self::Locked),
            (true, Empty | Filled, Filled) => Ok(Self::Log),
            (true, Filled, Absent | Empty) => {
                Err("there is a -wal file beside it, and no -shm with anything in it")
            }
            // Who has it open has made a log, and a -shm alone is of a crash or a copy.
            // To open it as one with a log would make that, also for one who only reads.
            (true, Absent, Filled) | (true, Absent | Empty, Absent | Empty) => Ok(Self::Immutable),
        }
    }

    pub(super) fn options(self) -> &'static str {
        match self {
            Self::Locked => "mode=ro",
            Self::Log => "mode=ro&readonly_shm=1",
            Self::Immutable => "mode=ro&immutable=1",
        }
    }

    /// As the fact `opened` has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Log => "log",
            Self::Immutable => "immutable",
        }
    }
}

fn program(sudo: bool) -> &'static str {
    if sudo { "sudo" } else { "sqlite3" }
}

/// What SQLite finds wrong; empty when it finds nothing.
///
/// # Errors
/// What kept it from looking.
pub(super) fn integrity(
    output: &Output,
    name: &str,
    sudo: bool,
    host: &Host,
) -> Result<Vec<String>, Fault> {
    let status = answer::status(output, program(sudo), host)?;
    let complaint = complaint(output);
    let mut told: Vec<String> = Vec::new();
    for row in objects(&output.stdout).unwrap_or_default() {
        for (_, cell) in row {
            let text = cell.as_str().unwrap_or_default();
            let lines = text
                .lines()
                .filter(|line| !line.starts_with("*** in database"));
            told.extend(lines.map(str::to_owned));
        }
    }
    match status {
        0 if told == ["ok"] => Ok(Vec::new()),
        0 if !told.is_empty() => Ok(told),
        0 => Err(Fault::new(
            FaultKind::Protocol,
            format!("sqlite3 said nothing about the integrity of {name}"),
        )),
        // SQLITE_CORRUPT, SQLITE_NOTADB
        11 | 26 => {
            told.retain(|line| line != "ok");
            told.push(complaint);
            Ok(told)
        }
        _ if complaint.contains("malformed") || complaint.contains("not a database") => {
            told.retain(|line| line != "ok");
            told.push(complaint);
            Ok(told)
        }
        status => Err(not_read(status, &complaint, sudo)),
    }
}

type Row = Map<String, Json>;

/// The rows of an answer.
///
/// # Errors
/// What kept SQLite from giving one.
pub(super) fn rows(output: &Output, sudo: bool, host: &Host) -> Result<Vec<Row>, Fault> {
    let status = answer::status(output, program(sudo), host)?;
    if status != 0 {
        return Err(not_read(status, &complaint(output), sudo));
    }
    objects(&output.stdout)
        .ok_or_else(|| Fault::new(FaultKind::Protocol, "sqlite3 printed no JSON".to_owned()))
}

/// No row at all is printed as nothing.
fn objects(printed: &[u8]) -> Option<Vec<Row>> {
    if printed.trim_ascii().is_empty() {
        return Some(Vec::new());
    }
    serde_json::from_slice(printed).ok()
}

/// `Error: stepping, database disk image is malformed (11)` without what is of
/// the program.
fn complaint(output: &Output) -> String {
    let text = answer::stderr(output);
    let line = text
        .lines()
        .find(|line| line.contains("Error") || line.contains("error"))
        .or_else(|| text.lines().next())
        .unwrap_or_default();
    let line = line.trim_start_matches("Error: ");
    line.trim_start_matches("in prepare, ")
        .trim_start_matches("stepping, ")
        .to_owned()
}

fn not_read(status: u32, complaint: &str, sudo: bool) -> Fault {
    let fault = |kind, text: &str| Fault::new(kind, format!("{text}: {complaint}"));
    if complaint.contains("unknown option") {
        return fault(FaultKind::Missing, "sqlite3 is older than 3.37")
            .hint("install sqlite3 3.37 or newer on the host: older ones have no -safe");
    }
    if complaint.contains("locked") {
        return fault(FaultKind::Closed, "a writer has the file");
    }
    if complaint.contains("readonly database") {
        return fault(
            FaultKind::Protocol,
            "the journal of a change that was cut off lies beside it",
        )
        .hint("the program that writes the file rolls it back when it starts");
    }
    if complaint.contains("unable to open") {
        let fault = fault(FaultKind::Denied, "sqlite3 may not read the file");
        return if sudo {
            fault
        } else {
            fault.hint(
                "give the login the right to read it and what is beside it, or write `sudo: true`",
            )
        };
    }
    fault(
        FaultKind::Protocol,
        &format!("sqlite3 ends with status {status}"),
    )
}
