//! The lines that contain a text, in all files below a folder.

use std::collections::{BTreeMap, BTreeSet};

use super::{MOST, answer, owned, unseen};
use crate::probe::{Context, FactSpec, Facts, Fault, FaultKind, Type, Unit, Value};
use crate::transport::command::Output;

pub(super) const FILE_COUNT: FactSpec = FactSpec::number(
    "file_count",
    Unit::Count,
    "Files that were looked through; with `below` only.",
)
.because(&["unread", "truncated"]);
pub(super) const MATCHED_FILES: FactSpec = FactSpec::new(
    "matched_files",
    Type::List(&Type::Text),
    "Those of them that have such a line, by their paths; with `below` only.",
);
pub(super) const UNREAD: FactSpec = FactSpec::new(
    "unread",
    Type::List(&Type::Text),
    "What below the folder was not looked through, each with the reason: `/etc/nginx/ssl: Permission denied`, a link that leads nowhere, a file of more than 1 MiB, one with such a line that is no text, what the kernel makes (`proc`, `sysfs`); absent when there are more than 200; with `below` only.",
)
.because(&["unread_count", "truncated"]);
pub(super) const UNREAD_COUNT: FactSpec = FactSpec::number(
    "unread_count",
    Unit::Count,
    "How many `unread` has, or would have; absent where more is `below` than is looked through; with `below` only.",
);

/// As many files are looked through.
const FILES: usize = 1000;

/// As many of what was not looked through are told.
const UNREAD_MOST: usize = 200;

/// As large may one of them be, and all together.
const LARGEST: u64 = 1 << 20;
const ALL: u64 = 16 << 20;

/// As long may the paths of one command be: a host's kernel takes 128 KiB, quotes and all.
const PATHS: usize = 32 << 10;

/// File systems whose files the kernel makes as they are read: some have no end, and of
/// some (`kmsg`, `trace_pipe`) a reader takes what another one waits for.
const KERNELS: [&str; 11] = [
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "efivarfs",
    "proc",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// Type, size, file system and path of every file, with links followed, and of links that
/// lead nowhere. By types, since to read a fifo takes from it and a device may have no end.
pub(super) fn find(folder: &str) -> Vec<String> {
    owned(&[
        "find",
        "-L",
        folder,
        "(",
        "-type",
        "f",
        "-o",
        "-type",
        "l",
        ")",
        "-printf",
        "%y %s %F %p\\0",
    ])
}

/// The lines of `files` with `text`, each behind its path and a NUL.
pub(super) fn grep(text: &str, files: &[String]) -> Vec<String> {
    let mut args = owned(&["grep", "-HaF", "--null"]);
    args.push(format!("--regexp={text}"));
    args.push("--".to_owned());
    args.extend(files.iter().cloned());
    args
}

/// What is below a folder.
#[derive(Debug, Default, PartialEq)]
struct Listed {
    /// Paths to look through.
    files: Vec<String>,
    unread: Vec<String>,
    /// More than is looked through.
    too_much: bool,
}

/// Sets the facts of the lines with `text` in the files below `folder`; of the lines none
/// where there is more than is looked through or kept.
///
/// # Errors
/// The fault of the host's connection, of `find` or of `grep`; `Denied` when the folder
/// itself may not be looked at.
pub(super) async fn set(
    context: &Context,
    folder: &str,
    text: &str,
    facts: &mut Facts,
) -> Result<(), Fault> {
    let command = answer::command(&context.transports.policy, find(folder))?;
    let output = context.exec_with_errors(&command).await?;
    let mut listed = listed(folder, &output, context)?;
    let mut seen: Vec<Line> = Vec::new();
    let mut room = MOST;
    for files in chunks(&listed.files) {
        if listed.too_much {
            break;
        }
        let command = answer::command(&context.transports.policy, grep(text, files))?;
        let output = context.exec_with_errors(&command).await?;
        // With a status, too: then it is the complaints that are not whole.
        if output.truncated {
            listed.too_much = true;
            break;
        }
        listed.unread.extend(unread(&output, context)?);
        let (texts, others) = texts(lines(&output.stdout)?);
        let others = others.iter().map(|path| format!("{path}: is no text"));
        listed.unread.extend(others);
        for (path, line) in texts {
            listed.too_much |= line.len() > room;
            room = room.saturating_sub(line.len());
            seen.push((path, line));
        }
    }
    let unread = listed.unread.len();
    let is_too_much = listed.too_much || unread > UNREAD_MOST;
    facts.set("truncated", is_too_much);
    if !listed.too_much {
        facts.set("unread_count", number(unread));
    }
    // In what was not looked through there may be more such lines.
    if is_too_much {
        return Ok(());
    }
    let mut matched: Vec<&str> = seen.iter().map(|(path, _)| path.as_str()).collect();
    matched.dedup();
    facts.set("matched_files", list(matched));
    let lines: Vec<&str> = seen.iter().map(|(_, line)| line.as_str()).collect();
    facts.set("content", lines.join("\n"));
    facts.set("lines", list(lines));
    let is_read = |file: &&String| {
        let is_its = |told: &String| {
            let rest = told.strip_prefix(file.as_str());
            rest.is_some_and(|rest| rest.starts_with(": "))
        };
        !listed.unread.iter().any(is_its)
    };
    let read = listed.files.iter().filter(is_read).count();
    facts.set("file_count", number(read));
    facts.set("unread", list(listed.unread.iter().map(String::as_str)));
    Ok(())
}

fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> Value {
    Value::List(items.into_iter().map(Value::from).collect())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

fn listed(folder: &str, output: &Output, context: &Context) -> Result<Listed, Fault> {
    // With a status, too: then it is the complaints that are not whole.
    if output.truncated {
        return Ok(Listed {
            too_much: true,
            ..Listed::default()
        });
    }
    let place = answer::place(context.host()?);
    let status = answer::status(output, "find", context.host()?)?;
    let stderr = answer::stderr(output);
    let complaints: Vec<String> = complaints(&stderr, "find")
        // What a loop leads to is looked through where it is.
        .filter(|told| !told.starts_with("File system loop detected"))
        .map(unquoted)
        .collect();
    let of_all = format!("{folder}: ");
    if complaints.iter().any(|told| told.starts_with(&of_all)) {
        return Err(unseen(folder, output));
    }
    let is_told = |told: &String| told.starts_with('/');
    if status > 1 || !complaints.iter().all(is_told) || (status == 1 && stderr.is_empty()) {
        let said = answer::complaint(output);
        let seen = format!("find on {place} does not list {folder}: {said}");
        let fault = Fault::new(FaultKind::Protocol, seen);
        return Err(if said.contains("-printf") {
            fault
                .hint("`below` takes GNU's find; where there is another, name one file with `path`")
        } else {
            fault
        });
    }
    let mut listed = Listed {
        unread: complaints,
        ..Listed::default()
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut bytes = 0_u64;
    let mut kernels: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in text.split_terminator('\0') {
        let mut fields = entry.splitn(4, ' ');
        let (Some(kind), Some(Ok(size)), Some(system), Some(path)) = (
            fields.next(),
            fields.next().map(str::parse::<u64>),
            fields.next(),
            fields.next(),
        ) else {
            return Err(Fault::new(
                FaultKind::Protocol,
                format!("find on {place} printed {entry:?}"),
            ));
        };
        let why = if kind == "l" {
            "leads nowhere"
        } else if KERNELS.contains(&system) {
            kernels.entry(system).or_default().push(path);
            continue;
        } else if size > LARGEST {
            "is larger than 1 MiB"
        } else if path.contains(['\n', '\r', char::REPLACEMENT_CHARACTER]) {
            "has a name that cannot be asked for"
        } else {
            bytes = bytes.saturating_add(size);
            listed.files.push(path.to_owned());
            continue;
        };
        listed
            .unread
            .push(format!("{}: {why}", path.escape_debug()));
    }
    // They come by thousands, behind one link.
    for (system, paths) in kernels {
        let first = paths.iter().min().copied().unwrap_or_default();
        let others = match paths.len() - 1 {
            0 => String::new(),
            others => format!(", as {others} more"),
        };
        let first = first.escape_debug();
        let told = format!("{first}: is made by the kernel ({system}){others}");
        listed.unread.push(told);
    }
    listed.files.sort_unstable();
    listed.unread.sort_unstable();
    listed.too_much = listed.files.len() > FILES || bytes > ALL;
    Ok(listed)
}

/// `files` by as many as one command takes.
fn chunks(files: &[String]) -> Vec<&[String]> {
    let mut chunks = Vec::new();
    let (mut from, mut length) = (0, 0);
    for (at, file) in files.iter().enumerate() {
        if length + file.len() > PATHS && at > from {
            chunks.push(&files[from..at]);
            (from, length) = (at, 0);
        }
        length += file.len() + 3;
    }
    if from < files.len() {
        chunks.push(&files[from..]);
    }
    chunks
}

/// What `grep` could not read.
fn unread(output: &Output, context: &Context) -> Result<Vec<String>, Fault> {
    let host = context.host()?;
    let status = answer::status(output, "grep", host)?;
    let stderr = answer::stderr(output);
    let told: Vec<String> = complaints(&stderr, "grep").map(str::to_owned).collect();
    let is_told = |told: &String| told.starts_with('/');
    if status > 2 || !told.iter().all(is_told) || (status == 2 && told.is_empty()) {
        return Err(Fault::new(
            FaultKind::Protocol,
            format!(
                "grep on {} ended with status {status}: {}",
                answer::place(host),
                answer::complaint(output)
            ),
        ));
    }
    Ok(told)
}

/// What a program says of itself; a login shell may have had something to say, too.
fn complaints<'a>(stderr: &'a str, program: &str) -> impl Iterator<Item = &'a str> {
    let start = format!("{program}: ");
    stderr
        .lines()
        .filter_map(move |line| line.strip_prefix(start.as_str()))
}

/// `'/etc/nginx/ssl': Permission denied` without its quotes.
fn unquoted(told: &str) -> String {
    let inner = told.strip_prefix('\'').and_then(|rest| {
        let (path, why) = rest.rsplit_once("': ")?;
        Some(format!("{path}: {why}"))
    });
    inner.unwrap_or_else(|| told.to_owned())
}

/// Paths and lines, as [`grep`] has them printed.
fn lines(stdout: &[u8]) -> Result<Vec<Line>, Fault> {
    let text = String::from_utf8_lossy(stdout);
    let pair = |line: &str| {
        let (path, line) = line.split_once('\0')?;
        Some((path.to_owned(), line.to_owned()))
    };
    let all: Option<Vec<Line>> = text.lines().map(pair).collect();
    // What it printed may be from a file that nobody asked for, so it is not repeated.
    all.ok_or_else(|| Fault::new(FaultKind::Protocol, "grep printed a line without its file"))
}

/// A path and a line.
type Line = (String, String);

/// The lines of texts, and the files that are none: a line of theirs has a NUL.
fn texts(lines: Vec<Line>) -> (Vec<Line>, BTreeSet<String>) {
    let has_nul = |(_, line): &&Line| line.contains('\0');
    let others: BTreeSet<String> = lines
        .iter()
        .filter(has_nul)
        .map(|(path, _)| path.clone())
        .collect();
    let texts = lines
        .into_iter()
        .filter(|(path, _)| !others.contains(path))
        .collect();
    (texts, others)
}

#[cfg(test)]
mod tests;
