//! Commands on the operator's own machine: programs started one by one, never
//! through a shell.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Instant;

use futures_util::future::try_join_all;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::audit::Ledger;
use super::capture::{AFTER_THE_END, Capture, Limits};
use super::command::{Exit, Output, ReadOnlyCommand, Values};
use super::{Fault, FaultKind};

/// Where programs are looked for: the folders of systems, not the operator's
/// own `PATH`, so that a command is the same one for everybody.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin";

/// Who runs commands here: all that they are told of the operator.
#[derive(Debug, Clone, Copy, Default)]
pub struct Operator<'a> {
    /// The home directory, as `HOME`.
    pub home: Option<&'a Path>,
    /// The login name, as `USER`.
    pub user: Option<&'a str>,
}

/// Runs a command here, without standard input. Its environment is `PATH` (of
/// the system's folders), `HOME`, `USER` and `LC_ALL=C`: what else the operator
/// has in theirs may be secret, and a command may print it. A program that does
/// not exist ends with status 127, one that may not run with 126, as a shell
/// would say it. Output over the cap ends the command.
///
/// # Errors
/// `TimedOut`, or `LocalSetup` when no process could be started.
pub async fn exec(
    command: &ReadOnlyCommand,
    operator: Operator<'_>,
    limits: Limits,
    ledger: Ledger<'_>,
) -> Result<Output, Fault> {
    exec_with(command, &Values::default(), operator, limits, ledger).await
}

/// As [`exec`], with `values` for the variables that the command takes.
///
/// # Errors
/// As [`exec`]; `Internal` when a variable has no value.
pub async fn exec_with(
    command: &ReadOnlyCommand,
    values: &Values,
    operator: Operator<'_>,
    limits: Limits,
    ledger: Ledger<'_>,
) -> Result<Output, Fault> {
    let started = Instant::now();
    let values = values.of(command).ok_or_else(|| no_value(command))?;
    ledger.record("local", "local-exec", &command.shown());
    let done = match start(command, &values, operator) {
        Ok(mut running) => timeout(limits.timeout, running.finish(limits))
            .await
            .map_err(|_| timed_out(command, limits))?,
        Err(failed) => not_started(failed),
    };
    let (exit, stdout, stderr, truncated) = done.map_err(|error| {
        Fault::new(
            FaultKind::LocalSetup,
            format!("`{}` cannot run here: {error}", command.line()),
        )
    })?;
    Ok(Output {
        exit,
        stdout,
        stderr,
        truncated,
        elapsed: started.elapsed(),
    })
}

/// A variable has none, which the kinds rule out.
pub(super) fn no_value(command: &ReadOnlyCommand) -> Fault {
    Fault::new(
        FaultKind::Internal,
        format!("`{}` takes a variable without a value", command.shown()),
    )
}

type Done = io::Result<(Exit, Vec<u8>, Vec<u8>, bool)>;

fn timed_out(command: &ReadOnlyCommand, limits: Limits) -> Fault {
    Fault::new(
        FaultKind::TimedOut,
        format!(
            "`{}` did not end in {:.1} s",
            command.line(),
            limits.timeout.as_secs_f64()
        ),
    )
}

struct NotStarted {
    program: String,
    error: io::Error,
}

fn not_started(NotStarted { program, error }: NotStarted) -> Done {
    let (status, reason) = match error.kind() {
        io::ErrorKind::NotFound => (127, "No such file or directory"),
        io::ErrorKind::PermissionDenied => (126, "Permission denied"),
        _ => return Err(error),
    };
    let message = format!("{program}: {reason}\n");
    Ok((
        Exit::Status(status),
        Vec::new(),
        message.into_bytes(),
        false,
    ))
}

/// The programs of a pipeline; killed when dropped.
struct Running {
    children: Vec<Child>,
}

fn start(
    command: &ReadOnlyCommand,
    values: &[(&str, &str)],
    operator: Operator<'_>,
) -> Result<Running, NotStarted> {
    let mut children: Vec<Child> = Vec::new();
    for args in command.pipeline() {
        let program = args.first().cloned().unwrap_or_default();
        let failed = |error| NotStarted {
            program: program.clone(),
            error,
        };
        let stdin = match children.last_mut().and_then(|before| before.stdout.take()) {
            Some(stdout) => stdout.try_into().map_err(failed)?,
            None => Stdio::null(),
        };
        let child = Command::new(&program)
            .args(args.iter().skip(1))
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .envs(operator.home.map(|home| ("HOME", home)))
            .envs(operator.user.map(|user| ("USER", user)))
            .envs(values.iter().copied())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        children.push(child);
    }
    Ok(Running { children })
}

impl Running {
    async fn finish(&mut self, limits: Limits) -> Done {
        let stdout = self
            .children
            .last_mut()
            .and_then(|child| child.stdout.take());
        let errors: Vec<_> = self
            .children
            .iter_mut()
            .map(|child| child.stderr.take())
            .collect();
        let mut printed = Capture::new(limits.stdout);
        let mut complaints: Vec<Capture> =
            errors.iter().map(|_| Capture::new(limits.stderr)).collect();
        let status = {
            let output = keep(stdout, &mut printed, true);
            // All at once: a program whose complaints nobody reads stands still.
            let complaints = errors
                .into_iter()
                .zip(&mut complaints)
                .map(|(stream, capture)| keep(stream, capture, false));
            let reading = async { tokio::try_join!(output, try_join_all(complaints)) };
            tokio::pin!(reading);
            let last = self.children.last_mut();
            let ended = async {
                match last {
                    Some(child) => child.wait().await.map(Some),
                    None => Ok(None),
                }
            };
            tokio::pin!(ended);
            tokio::select! {
                status = &mut ended => {
                    // What it left behind may hold the output open for ever.
                    match timeout(AFTER_THE_END, &mut reading).await {
                        Ok(Err(error)) if error.kind() == io::ErrorKind::FileTooLarge => None,
                        Ok(Err(error)) => return Err(error),
                        Ok(Ok(_)) | Err(_) => status?,
                    }
                }
                read = &mut reading => match read {
                    Ok(_) => ended.await?,
                    Err(error) if error.kind() == io::ErrorKind::FileTooLarge => None,
                    Err(error) => return Err(error),
                },
            }
        };
        for child in &mut self.children {
            // Already over, or to be ended: more output than is kept.
            drop(child.start_kill());
        }
        // Program by program, so that two runs tell the same.
        let mut complained = Capture::new(limits.stderr);
        let mut whole = true;
        for capture in complaints {
            whole &= !capture.is_truncated();
            complained.push(&capture.into_bytes());
        }
        let truncated = !whole || printed.is_truncated() || complained.is_truncated();
        Ok((
            exit(status),
            printed.into_bytes(),
            complained.into_bytes(),
            truncated,
        ))
    }
}

/// Reads to the end. A stream that `stops` at its cap ends with
/// `FileTooLarge`; another is read on, so that its writer is not held up.
async fn keep(
    stream: Option<impl AsyncRead + Unpin>,
    capture: &mut Capture,
    stops: bool,
) -> io::Result<()> {
    let Some(mut stream) = stream else {
        return Ok(());
    };
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if !capture.push(&buffer[..read]) && stops {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}

fn exit(status: Option<ExitStatus>) -> Exit {
    let Some(status) = status else {
        return Exit::Unknown;
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Status(code.unsigned_abs()),
        (None, Some(signal)) => Exit::Signal(signal_name(signal)),
        (None, None) => Exit::Unknown,
    }
}

/// Numbers that are the same wherever this runs; others are given as they are.
fn signal_name(signal: i32) -> String {
    match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        other => return other.to_string(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests;
