//! `check --monitor-read-only`: a run that nobody sits in front of. However it
//! ends, what others rely on is true afterwards: the textfile says what this
//! run came to, or that it came to nothing, and never what an earlier one did.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::args::{Check, Monitor};
use super::check::Command;
use super::exit::Exit;
use super::job::{drive, failed};
use super::output::{self, tell};
use super::{panic, signals, whole};
use crate::engine::{self, AlertTest, RunResult, Scorecard};
use crate::report::monitor::{self as textfile, Monitored};
use crate::report::{prometheus, terminal};

/// Time for a run when nobody says how much: with a cron period of ten minutes
/// the next one finds it gone.
pub(super) const DEADLINE: Duration = Duration::from_secs(8 * 60);

/// From the deadline to the end of the program, whatever holds it up: a file
/// system that hangs, a state that others keep busy.
pub(super) const GRACE: Duration = Duration::from_secs(15);

/// What the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A tenth of what a lock is waited for.
const MOMENT: Duration = Duration::from_millis(25);

/// What to say where one would overwrite the other.
pub(super) const SAME_FILE: &str =
    "error: --textfile and --log name the same file: give each one of its own";

/// Columns of the log.
const WIDTH: usize = 100;

pub(super) fn monitor(arguments: &Check) -> Exit {
    let begun = Instant::now();
    output::keep();
    let post = match Post::open(&arguments.monitor, engine::now()) {
        Ok(post) => Arc::new(post),
        Err(exit) => return exit,
    };
    let deadline = arguments.running.deadline.unwrap_or(DEADLINE);
    if let Err(error) = watchdog(&post, begun.checked_add(deadline + GRACE)) {
        post.give_up("no thread can be started");
        return failed("no thread can be started", &error);
    }
    supervised(&post, || run(arguments, &post, begun, deadline))
}

/// Does `work`, and sees to it that its end is told, a defect's too.
fn supervised(post: &Post, work: impl FnOnce() -> Result<Exit, Exit>) -> Exit {
    let exit = panic::guarded(|| work().unwrap_or_else(|early| early));
    post.give_up(match exit {
        Exit::Baseline => "the baseline has errors, or a secret is missing",
        Exit::Usage => "the command line is wrong",
        _ => "the run could not be completed",
    });
    exit
}

fn run(
    arguments: &Check,
    post: &Arc<Post>,
    begun: Instant,
    deadline: Duration,
) -> Result<Exit, Exit> {
    drive(async {
        // Before anything that takes time: a signal's own way would say nothing.
        let last = Arc::clone(post);
        let (_, stop) = signals::listen(move || last.last_words("ended by a second signal"))
            .map_err(|error| failed("no signal handler", &error))?;
        let command = Command::new(arguments)?;
        let mut options = command.job.options(arguments.keep_going);
        // It would be sent each time, and nobody sits in front of it.
        options.alert_test = AlertTest::Skip("--monitor-read-only sends no test alert".to_owned());
        // What the start took is part of it.
        options.deadline = Some(deadline.saturating_sub(begun.elapsed()));
        let plan = &command.job.plan;
        let green = options.memory.last_green.as_ref().map(|green| green.at);
        post.introduce(&plan.metrics_prefix, &plan.name, green);
        let style = terminal::Style {
            width: WIDTH,
            color: false,
            verbose: arguments.look.verbose,
            ascii: arguments.look.ascii,
            zone: TimeZone::system(),
        };
        command
            .once(&options, stop, |card| post.deliver(card, &style))
            .await
    })
}

/// Ends the program at `until`; never where that is beyond all clocks.
fn watchdog(post: &Arc<Post>, until: Option<Instant>) -> io::Result<()> {
    let Some(until) = until else { return Ok(()) };
    let post = Arc::clone(post);
    let name = thread::Builder::new().name("watchdog".to_owned());
    name.spawn(move || {
        thread::sleep(until.saturating_duration_since(Instant::now()));
        tell("coldstart: the deadline is long past and something still hangs; ending");
        post.last_words("the deadline, and something hung beyond it");
        std::process::exit(i32::from(Exit::Failed.code()));
    })
    .map(drop)
}

/// Where a monitor leaves what it found.
struct Post {
    /// Where the textfile is, links followed.
    textfile: Option<PathBuf>,
    log: Option<PathBuf>,
    /// What the textfile of the last run says, as far as it can be believed.
    earlier: Option<Monitored>,
    desk: Mutex<Desk>,
    /// Held until the process ends, however it does.
    _lock: Option<File>,
}

/// What changes in the course of a run.
struct Desk {
    monitored: Monitored,
    /// What this run came to has been told.
    is_settled: bool,
}

impl Post {
    /// Makes sure that this is the only run, and that it can tell its end.
    ///
    /// # Errors
    /// With the exit code, once it has been said what is wrong.
    fn open(arguments: &Monitor, now: Timestamp) -> Result<Self, Exit> {
        let log = arguments.log.as_deref();
        let unusable = |path: &Path, problem: &str| unusable(path, problem, log, now);
        let textfile = arguments.textfile.as_deref();
        let textfile = textfile
            .map(|path| whole::destination(path).map_err(|problem| unusable(path, &problem)))
            .transpose()?;
        if textfile.is_none() && log.is_none() {
            tell(
                "error: --monitor-read-only leaves nothing behind: give it a --textfile, a --log or both",
            );
            return Err(Exit::Usage);
        }
        if let (Some(textfile), Some(log)) = (&textfile, log)
            && whole::place(textfile) == whole::place(log)
        {
            tell(SAME_FILE);
            return Err(Exit::Usage);
        }
        let lock = textfile.as_deref().or(log);
        // Nothing is beside a device.
        let lock = lock.filter(|path| !path.starts_with("/dev") && !path.starts_with("/proc"));
        let lock = lock.map(|path| lock_beside(path, log, now)).transpose();
        let earlier = textfile
            .as_deref()
            .and_then(|path| fs::read_to_string(path).ok())
            .and_then(|text| textfile::read(&text))
            .map(|earlier| Monitored {
                // What claims to be of a time to come says nothing of the past.
                last_green: earlier.last_green.filter(|green| *green <= now),
                ..earlier
            });
        let monitored = earlier.clone().unwrap_or_else(|| Monitored {
            prefix: prometheus::PREFIX.to_owned(),
            baseline: None,
            last_green: None,
        });
        // Nobody knows of another run then, and this one looks at nothing: what an
        // earlier one said must not stand.
        if let (Err(Exit::Failed), Some(path)) = (&lock, &textfile)
            && whole::replace(path, &textfile::failed(now, &monitored), Some(0o644)).is_err()
        {
            say(&withdraw(path), log, now);
        }
        let lock = lock?;
        for path in textfile.as_deref().into_iter().chain(log) {
            whole::sweep(path);
        }
        if let Some(path) = &textfile
            && let Err(problem) = whole::try_out(path)
        {
            say(&withdraw(path), log, now);
            return Err(unusable(path, &problem));
        }
        Ok(Self {
            textfile,
            log: log.map(Path::to_owned),
            earlier,
            desk: Mutex::new(Desk {
                monitored,
                is_settled: false,
            }),
            _lock: lock,
        })
    }

    /// Learns what is monitored, once the baseline could be read. `green` is
    /// the last one that the state knows of.
    fn introduce(&self, prefix: &str, baseline: &str, green: Option<Timestamp>) {
        let of_this = |earlier: &&Monitored| {
            let known = earlier.baseline.as_deref();
            earlier.prefix == prefix && known.is_none_or(|known| known == baseline)
        };
        let earlier = self.earlier.as_ref().filter(of_this);
        let textfile = self.textfile.as_deref();
        if let Some(shared) = textfile.and_then(|path| shared_prefix(path, prefix, baseline)) {
            tell(&format!("coldstart: warning: {shared}"));
        }
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.monitored = Monitored {
            prefix: prefix.to_owned(),
            baseline: Some(baseline.to_owned()),
            last_green: green.max(earlier.and_then(|earlier| earlier.last_green)),
        };
    }

    /// Tells what the run came to, and returns what could not be written.
    fn deliver(&self, card: &Scorecard, style: &terminal::Style) -> Vec<String> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        if card.result == RunResult::Green {
            let green = &mut desk.monitored.last_green;
            *green = (*green).max(Some(card.finished_at));
        }
        desk.is_settled = true;
        let metrics = textfile::textfile(card, &desk.monitored);
        self.write(&metrics, &terminal::card(card, style))
    }

    /// Tells that the run came to nothing, unless it has been told what it came to.
    fn give_up(&self, why: &str) {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut desk.is_settled, true) {
            return;
        }
        let at = engine::now();
        let metrics = textfile::failed(at, &desk.monitored);
        let card = format!(
            "coldstart {} · {} · no card\n\nResult: CHECK_FAILED ({why})\n",
            env!("CARGO_PKG_VERSION"),
            moment(at)
        );
        for problem in self.write(&metrics, &card) {
            tell(&problem);
        }
    }

    /// Gives up, without being held up by whatever may hang. For somebody who
    /// ends the process next.
    fn last_words(self: &Arc<Self>, why: &'static str) {
        let (done, wait) = mpsc::channel();
        let post = Arc::clone(self);
        let started = thread::Builder::new().spawn(move || {
            post.give_up(why);
            // Nobody waits any more when it took too long.
            done.send(()).ok();
        });
        if started.is_ok() {
            wait.recv_timeout(LAST_WORDS).ok();
        }
    }

    fn write(&self, metrics: &str, card: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(path) = &self.textfile {
            // Collectors run as somebody else.
            if let Err(problem) = whole::replace(path, metrics, Some(0o644)) {
                problems.push(format!(
                    "coldstart: the metrics were not written to {}: {problem}",
                    path.display()
                ));
                tell(&withdraw(path));
            }
        }
        if let Some(path) = &self.log {
            let mut text = output::kept();
            if !text.is_empty() {
                text.push('\n');
            }
            if let Err(problem) = whole::replace(path, &(text + card), None) {
                problems.push(format!(
                    "coldstart: the log was not written to {}: {problem}",
                    path.display()
                ));
            }
        }
        problems
    }
}

/// What is wrong where another baseline's textfile beside `textfile` has metrics of the
/// same names: nothing in them tells whose they are, and a collector may take neither.
pub(super) fn shared_prefix(textfile: &Path, prefix: &str, baseline: &str) -> Option<String> {
    let own = whole::place(textfile);
    let mut beside: Vec<PathBuf> = fs::read_dir(own.parent()?)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "prom"))
        .filter(|path| path.is_file() && whole::place(path) != own)
        .collect();
    beside.sort();
    beside.iter().find_map(|path| {
        let other = textfile::read(&fs::read_to_string(path).ok()?)?;
        let theirs = other.baseline.filter(|theirs| theirs != baseline)?;
        (other.prefix == prefix).then(|| {
            format!(
                "{} has metrics of the baseline {theirs} by the same names: give each baseline \
                 a `metrics_prefix` of its own, or Prometheus cannot tell them apart",
                path.display()
            )
        })
    })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Takes a textfile away that cannot be replaced, and tells what became of it: metrics
/// that are missing are alerted on, and yesterday's green is not.
fn withdraw(path: &Path) -> String {
    let path_shown = path.display();
    match fs::remove_file(path) {
        Ok(()) => format!(
            "coldstart: {path_shown} was removed, so that nobody takes it for what this run found"
        ),
        // Looked up apart: a file system without writing refuses before it looks.
        Err(_) if fs::symlink_metadata(path).is_err_and(|error| is_absent(&error)) => {
            format!("coldstart: there is no {path_shown}")
        }
        // Then its age is what tells.
        Err(error) => format!(
            "coldstart: {path_shown} cannot be removed either ({error}): what it says is of an \
             earlier run, and no alert but ColdStartRecoveryMonitorStale will tell"
        ),
    }
}

fn unusable(path: &Path, problem: &str, log: Option<&Path>, now: Timestamp) -> Exit {
    let text = format!(
        "coldstart: the metrics cannot be written to {}: {problem}; nothing was looked at",
        path.display()
    );
    say(&text, log, now);
    Exit::Failed
}

/// The lock that a run holds as long as it lives, beside `path`.
fn lock_beside(path: &Path, log: Option<&Path>, now: Timestamp) -> Result<File, Exit> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".lock");
    let lock = path.with_file_name(name);
    let cannot = |error: &io::Error| {
        let text = format!(
            "coldstart: the lock {} cannot be had: {error}; nothing was looked at",
            lock.display()
        );
        say(&text, log, now);
        Exit::Failed
    };
    let file = open_lock(&lock).map_err(|error| cannot(&error))?;
    match try_lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(error)) => Err(cannot(&error)),
        Err(TryLockError::WouldBlock) => {
            let text = format!(
                "coldstart: another run holds {}: this one looked at nothing",
                lock.display()
            );
            say(&text, log, now);
            Err(Exit::Busy)
        }
    }
}

/// Makes a lock file where there is none. One that is there is only read, which is enough
/// to lock it: it may be of somebody else who ran the monitor here once.
fn open_lock(path: &Path) -> io::Result<File> {
    // Opening a pipe could wait without end.
    whole::destination(path).map_err(io::Error::other)?;
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o644)
            .open(path),
        opened => opened,
    }
}

/// Locks `file`, unless another process holds it for more than a moment: of one
/// that was killed while it started a program, a child may hold it still, until
/// it has become that program.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(MOMENT),
            locked => return locked,
        }
    }
    file.try_lock()
}

/// Tells `text`, and adds it to the log as it stands. Not by replacing that: the
/// run that is under way may do so at this very moment, and its card must not be lost.
fn say(text: &str, log: Option<&Path>, now: Timestamp) {
    tell(text);
    // Opening a pipe could wait without end.
    let Some(log) = log.and_then(|log| whole::destination(log).ok()) else {
        return;
    };
    let line = format!("{} {text}\n", moment(now));
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&log)
        .and_then(|mut log| log.write_all(line.as_bytes()));
    if let Err(error) = written {
        tell(&format!(
            "coldstart: the log was not written to {}: {error}",
            log.display()
        ));
    }
}

/// As cards have it.
fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

#[cfg(test)]
mod tests;
