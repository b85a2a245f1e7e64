//! A marked block in the user's crontab.

use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::Monitor;
use crate::cli::args::{Every, Installation};
use crate::cli::environment;
use crate::cli::exit::Exit;
use crate::cli::output::{print, tell};
use crate::engine::SecretRef;

/// cron ends the program's line here: `MAX_COMMAND` of its source.
const LONGEST: usize = 998;

pub(super) fn install(arguments: &Installation) -> Result<Exit, Exit> {
    if arguments.remove {
        let crontab = Crontab::open()?;
        let old = crontab.read()?;
        return match without(&old, &arguments.name).map_err(|problem| refused(&problem))? {
            None => Ok(print("the crontab has no such block\n", Exit::Done)),
            Some(new) => {
                crontab.write(&new)?;
                Ok(print("the block is out of the crontab\n", Exit::Done))
            }
        };
    }
    let monitor = Monitor::new(arguments)?;
    for secret in monitor.secrets() {
        match secret {
            SecretRef::Env(name) => tell(&format!(
                "coldstart: warning: the baseline wants the secret `env:{name}`, which cron's runs \
                 do not have unless the crontab sets it: keep it in a file"
            )),
            SecretRef::Credential(name) => tell(&format!(
                "coldstart: warning: the baseline wants the secret `credential:{name}`, which \
                 cron's runs never have: keep it in a file"
            )),
            SecretRef::File(_) => {}
        }
    }
    let block = block(arguments, &monitor).map_err(|problem| super::usage(&problem))?;
    if !arguments.apply {
        return Ok(print(&block, Exit::Done));
    }
    monitor.require_folders(arguments, false)?;
    let crontab = Crontab::open()?;
    let old = crontab.read()?;
    let new = with(&old, &arguments.name, &block).map_err(|problem| refused(&problem))?;
    if new == old {
        return Ok(print("the crontab has this block already\n", Exit::Done));
    }
    crontab.write(&new)?;
    Ok(print("the block is in the crontab\n", Exit::Done))
}

fn refused(problem: &str) -> Exit {
    tell(&format!("coldstart: {problem}; the crontab is as it was"));
    Exit::Failed
}

fn block(arguments: &Installation, monitor: &Monitor) -> Result<String, String> {
    let (begin, end) = marks(&arguments.name);
    let words: Vec<String> = monitor.command.iter().map(|word| quoted(word)).collect();
    // cron makes a line end of a bare one, even in quotes.
    let command = words.join(" ").replace('%', "\\%");
    if command.len() > LONGEST {
        return Err(format!(
            "the command has {} bytes, and cron runs {LONGEST} at most: use shorter paths",
            command.len()
        ));
    }
    Ok(format!(
        "{begin}{} {command}\n{end}",
        times(arguments.every)
    ))
}

fn times(every: Every) -> String {
    match every {
        Every::Minutes(1) => "* * * * *".to_owned(),
        Every::Minutes(minutes) => format!("*/{minutes} * * * *"),
        Every::Hours(1) => "0 * * * *".to_owned(),
        Every::Hours(24) => "0 0 * * *".to_owned(),
        Every::Hours(hours) => format!("0 */{hours} * * *"),
    }
}

/// One word for a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=,+@".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn marks(name: &str) -> (String, String) {
    (
        format!("# BEGIN coldstart {name}\n"),
        format!("# END coldstart {name}\n"),
    )
}

/// `old` with `block` in the place of the one of that name, or at its end.
fn with(old: &[u8], name: &str, block: &str) -> Result<Vec<u8>, String> {
    let mut new = old.to_owned();
    if let Some(place) = find(old, name)? {
        new.splice(place, block.bytes());
        return Ok(new);
    }
    if old.last().is_some_and(|last| *last != b'\n') {
        // Otherwise the mark would be part of the last job.
        new.push(b'\n');
    }
    new.extend_from_slice(block.as_bytes());
    Ok(new)
}

/// `old` without the block of that name; nothing where it has none.
fn without(old: &[u8], name: &str) -> Result<Option<Vec<u8>>, String> {
    Ok(find(old, name)?.map(|place| {
        let mut new = old.to_owned();
        new.drain(place);
        new
    }))
}

/// Where the block of that name is. A mark without its other half, or twice, is
/// somebody's edit: what is theirs cannot be told.
fn find(text: &[u8], name: &str) -> Result<Option<Range<usize>>, String> {
    let (begin, end) = marks(name);
    let (mut begins, mut ends) = (Vec::new(), Vec::new());
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let next = at + line.len();
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        if bare == begin.trim_end().as_bytes() {
            begins.push(at);
        } else if bare == end.trim_end().as_bytes() {
            ends.push(next);
        }
        at = next;
    }
    match (&begins[..], &ends[..]) {
        ([], []) => Ok(None),
        (&[begin], &[end]) if begin < end => Ok(Some(begin..end)),
        _ => Err(format!(
            "the crontab has the marks of `{name}` not just once as begin and end: mend it by `crontab -e`"
        )),
    }
}

/// The `crontab` program.
struct Crontab {
    program: std::path::PathBuf,
}

impl Crontab {
    fn open() -> Result<Self, Exit> {
        match environment::program("crontab") {
            Some(program) => Ok(Self { program }),
            None => {
                tell(
                    "coldstart: there is no `crontab` program in PATH: install cron, or use `install systemd`",
                );
                Err(Exit::Failed)
            }
        }
    }

    /// Everything in it; nothing where the user has none.
    fn read(&self) -> Result<Vec<u8>, Exit> {
        let output = self.run(&["-l"], None)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            Ok(output.stdout)
        } else if said.contains("no crontab for") {
            Ok(Vec::new())
        } else {
            Err(self.failed("-l", &said))
        }
    }

    /// Replaces everything in it, and makes sure of that.
    fn write(&self, text: &[u8]) -> Result<(), Exit> {
        let output = self.run(&["-"], Some(text))?;
        if !output.status.success() {
            return Err(self.failed("-", &String::from_utf8_lossy(&output.stderr)));
        }
        if self.read()? == text {
            return Ok(());
        }
        tell(
            "coldstart: `crontab -l` does not show what was just written: look at it by `crontab -e`",
        );
        Err(Exit::Failed)
    }

    fn run(&self, arguments: &[&str], input: Option<&[u8]>) -> Result<Output, Exit> {
        run(&self.program, arguments, input).map_err(|error| {
            tell(&format!("coldstart: `crontab` cannot be run: {error}"));
            Exit::Failed
        })
    }

    fn failed(&self, argument: &str, said: &str) -> Exit {
        tell(&format!(
            "coldstart: `{} {argument}` failed: {}",
            self.program.display(),
            said.trim()
        ));
        Exit::Failed
    }
}

fn run(program: &Path, arguments: &[&str], input: Option<&[u8]>) -> std::io::Result<Output> {
    let stdin = if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    };
    let mut child = Command::new(program)
        .args(arguments)
        // Its words are read.
        .env("LC_ALL", "C")
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // It says itself why it did not want to read on.
        stdin.write_all(input).ok();
    }
    child.wait_with_output()
}

#[cfg(test)]
mod tests;
