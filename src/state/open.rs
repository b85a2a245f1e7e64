//! Opens the file, makes its tables, and tells what stands in the way.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::schema::{APPLICATION, TABLES, VERSION};
use super::{Location, Problem};

/// How long to wait for others that write. Each holds the file for milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long SQLite itself waits for a lock before it says so.
const TURN: Duration = Duration::from_secs(5);

/// How every SQLite file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The least that a SQLite file has.
const PAGE: u64 = 512;

/// What stands in the way, before it is known where.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The content contradicts itself.
    Damaged(String),
    /// It is not ours to touch.
    Foreign(&'static str),
    /// A newer program made it.
    Newer(i64),
    /// Others kept it busy for longer than [`PATIENCE`].
    Busy,
    /// Everything else, with what to do.
    Other(String, &'static str),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        let text = error.to_string();
        match code {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::Other(
                "cannot be written: there is no space left".to_owned(),
                "make room, or name another place by --state",
            ),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::Other(
                    format!("cannot be written: {text}"),
                    "make its folder one that you may write to, or name another place by --state",
                )
            }
            // A column of another type than its table has.
            None => Self::Damaged(text),
            Some(_) => Self::Other(
                format!("cannot be used: {text}"),
                "see whether its file system is full or failing, or name another place by --state",
            ),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Other(
            format!("cannot be used: {error}"),
            "make it a path that you may write to, or name another one by --state",
        )
    }
}

impl Trouble {
    /// The same, told of its place.
    pub(super) fn at(self, location: &Location) -> Problem {
        let (what, advice) = match self {
            Self::Damaged(how) => (
                format!("is damaged ({how})"),
                "move it away; the next run begins a new one".to_owned(),
            ),
            Self::Foreign(what) => (
                what.to_owned(),
                "it is left as it is; name another file by --state".to_owned(),
            ),
            Self::Newer(version) => (
                format!("has version {version}, and this coldstart knows {VERSION} at most"),
                "it is left as it is; use the newer coldstart, or name another file by --state"
                    .to_owned(),
            ),
            Self::Busy => (
                format!(
                    "is kept busy by others for more than {} s",
                    PATIENCE.as_secs()
                ),
                "find out who holds it open; a network file system is no place for it".to_owned(),
            ),
            Self::Other(what, advice) => (what, advice.to_owned()),
        };
        Problem {
            place: match location {
                Location::File(path) => path.display().to_string(),
                Location::Process => "in memory".to_owned(),
            },
            what,
            advice,
        }
    }
}

/// An open connection, and a notice when a damaged file was set aside for it.
pub(super) fn open(
    location: &Location,
    clock: fn() -> Timestamp,
) -> Result<(Connection, Option<Problem>), Problem> {
    let Location::File(path) = location else {
        let connection = Connection::open_in_memory().map_err(Trouble::from);
        return connection
            .and_then(|mut connection| prepare(&mut connection).map(|()| (connection, None)))
            .map_err(|trouble| trouble.at(location));
    };
    match patiently(|| open_file(path)) {
        Ok(connection) => Ok((connection, None)),
        Err(Trouble::Damaged(how)) => {
            anew(path, &how, clock).map_err(|trouble| trouble.at(location))
        }
        Err(trouble) => Err(trouble.at(location)),
    }
}

/// A connection in place of one that found damage, with a notice when the file was set
/// aside for it: one that is whole as a database stays, whatever its records say.
pub(super) fn anew(
    path: &Path,
    how: &str,
    clock: fn() -> Timestamp,
) -> Result<(Connection, Option<Problem>), Trouble> {
    let (connection, aside) = set_aside(path, how, clock)?;
    let notice = aside.map(|aside| Problem {
        place: path.display().to_string(),
        what: format!("was damaged ({how})"),
        advice: format!(
            "it is now {}, and a new one was begun: what it remembered does not count any more",
            aside.display()
        ),
    });
    Ok((connection, notice))
}

/// Tries again while others are in the way: SQLite itself does not wait for
/// whoever makes the file or recovers it.
pub(super) fn patiently<T>(work: impl FnMut() -> Result<T, Trouble>) -> Result<T, Trouble> {
    waiting(PATIENCE, work)
}

fn waiting<T>(
    longest: Duration,
    mut work: impl FnMut() -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        match work() {
            Err(Trouble::Busy) if start.elapsed() < longest => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(64));
            }
            done => return done,
        }
    }
}

fn open_file(path: &Path) -> Result<Connection, Trouble> {
    make(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(TURN)?;
    match prepare(&mut connection) {
        Err(Trouble::Damaged(how)) => {
            // Before the file is opened beside SQLite: closing it takes away the
            // locks that this process holds on it.
            drop(connection);
            Err(damage(path, how)?)
        }
        Err(trouble) => Err(trouble),
        Ok(()) => Ok(connection),
    }
}

/// An empty file for this user alone, where there is none: a card names every
/// host and what is wrong with it. SQLite gives its own files the same rights.
fn make(path: &Path) -> Result<(), Trouble> {
    match fs::metadata(path) {
        // SQLite takes what is shorter than a page for empty, and writes over it.
        Ok(metadata) if metadata.is_file() && (1..PAGE).contains(&metadata.len()) => {
            return Err(damage(path, "it is cut short".to_owned())?);
        }
        // A pipe would be waited for without end.
        Ok(metadata) if metadata.is_file() => return Ok(()),
        Ok(_) => return Err(Trouble::Foreign("is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    Ok(())
}

/// Tells a file that was never a database from one that was: the first is
/// somebody's, given by mistake.
fn damage(path: &Path, how: String) -> Result<Trouble, Trouble> {
    let mut head = Vec::new();
    File::open(path)?.take(100).read_to_end(&mut head)?;
    if head.starts_with(MAGIC) {
        Ok(Trouble::Damaged(how))
    } else if head.iter().all(|byte| *byte == 0) {
        // What some file systems leave of a file after a power cut.
        Ok(Trouble::Damaged("it begins with zeros".to_owned()))
    } else {
        Ok(Trouble::Foreign("is not a state of coldstart"))
    }
}

/// Makes the connection ready, and the tables where there are none.
fn prepare(connection: &mut Connection) -> Result<(), Trouble> {
    let version = {
        // One view: another process may be making the tables.
        let view = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        let version = number(&view, "user_version")?;
        let is_ours = number(&view, "application_id")? == APPLICATION;
        let is_new = version == 0 && tables(&view)? == 0;
        if !is_ours && !is_new {
            return Err(Trouble::Foreign("is another program's database"));
        }
        version
    };
    if version > VERSION {
        return Err(Trouble::Newer(version));
    }
    let journal: String =
        connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))?;
    if journal == "delete" {
        // Readers and a writer do not wait for one another then, and a process
        // that is killed leaves nothing half written.
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    }
    // Safe against a kill at any moment; a power cut may take the last runs.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    if version == 0 {
        let work = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been first.
        if number(&work, "user_version")? == 0 {
            work.execute_batch(TABLES)?;
            work.pragma_update(None, "application_id", APPLICATION)?;
            work.pragma_update(None, "user_version", VERSION)?;
        }
        work.commit()?;
    }
    Ok(())
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

fn tables(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
}

/// Renames a damaged file, and begins a new one. Tells the name, unless another
/// process was faster.
fn set_aside(
    path: &Path,
    how: &str,
    clock: fn() -> Timestamp,
) -> Result<(Connection, Option<PathBuf>), Trouble> {
    // Whoever finds the damage second must not rename the new file.
    let lock = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(beside(path, ".lock"))?;
    // For as long as it takes to rename; whoever was stopped while it did must not stop others.
    waiting(TURN, || match lock.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Trouble::Busy),
        Err(TryLockError::Error(error)) => Err(error.into()),
    })?;
    if let Ok(connection) = patiently(|| open_file(path))
        && is_whole(&connection)?
    {
        return Ok((connection, None));
    }
    let aside = free_name(path, clock())
        .ok_or_else(|| Trouble::Damaged(format!("{how}, and no name is free to move it to")))?;
    fs::rename(path, &aside)?;
    // Its journal belongs to it, and would be taken for the new file's.
    for ending in ["-wal", "-shm"] {
        match fs::rename(beside(path, ending), beside(&aside, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    patiently(|| open_file(path)).map(|connection| (connection, Some(aside)))
}

/// Whether the database is; what only keeps it from being looked at is no damage.
fn is_whole(connection: &Connection) -> Result<bool, Trouble> {
    let answer = connection.query_row("PRAGMA integrity_check(1)", [], |row| {
        row.get::<_, String>(0)
    });
    match answer.map_err(Trouble::from) {
        Ok(answer) => Ok(answer == "ok"),
        Err(Trouble::Damaged(_)) => Ok(false),
        Err(trouble) => Err(trouble),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn free_name(path: &Path, now: Timestamp) -> Option<PathBuf> {
    let time = now.strftime("%Y%m%dT%H%M%SZ");
    (0..100)
        .map(|number| match number {
            0 => beside(path, &format!(".damaged-{time}")),
            number => beside(path, &format!(".damaged-{time}-{number}")),
        })
        .find(|name| !name.exists())
}
