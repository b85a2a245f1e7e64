//! What `docker logs --timestamps` prints: what the container wrote to its
//! standard output on its own, to its standard error on its own, and on the
//! latter also what the engine itself complains of.

use jiff::Timestamp;

use crate::probe::kinds::answer;
use crate::probe::kinds::engine::{is_absence, refusal};
use crate::probe::kinds::lines::{Seen, plain};
use crate::probe::{Fault, Host};
use crate::transport::command::Output;

/// The lines of a container by their times.
#[derive(Debug, PartialEq)]
pub(super) struct Printed {
    lines: Vec<(Timestamp, String)>,
    /// Of each of the two everything was kept.
    whole: bool,
}

impl Printed {
    /// The newest `most` of them.
    pub(super) fn newest(mut self, most: usize) -> Seen {
        let more = self.lines.len().saturating_sub(most);
        self.lines.drain(..more);
        Seen {
            // What was cut off is the newest.
            newest: self.lines.last().map(|(at, _)| *at).filter(|_| self.whole),
            lines: self.lines.into_iter().map(|(_, line)| line).collect(),
            whole: self.whole && more == 0,
        }
    }
}

/// The container's lines; none where there is no such container.
///
/// # Errors
/// `Denied` where the login may not ask the engine, `Refused` where that does
/// not run, `Missing` where it is not there, `Protocol` for any other failure.
pub(super) fn read(
    output: &Output,
    engine: &str,
    container: &str,
    host: &Host,
) -> Result<Option<Printed>, Fault> {
    let (mut lines, mut complaints) = (Vec::new(), Vec::new());
    for (text, is_errors) in [(&output.stdout, false), (&output.stderr, true)] {
        let mut last = None;
        for line in String::from_utf8_lossy(text).lines() {
            match stamped(line) {
                Some((at, text)) => {
                    last = Some(at);
                    lines.push((at, plain(text)));
                }
                // A carriage return of the container's own can break its line.
                None if !is_errors => lines.extend(last.map(|at| (at, plain(line)))),
                None => complaints.push(plain(line)),
            }
        }
    }
    // Both are in order by themselves, and lines of one moment stay in theirs.
    lines.sort_by_key(|(at, _)| *at);
    let status = if output.truncated {
        0
    } else {
        answer::status(output, engine, host)?
    };
    if status != 0 {
        if complaints.iter().any(|line| is_absence(line)) {
            return Ok(None);
        }
        let what = format!("log of {container}");
        return Err(refusal(&complaints, engine, &what, host));
    }
    Ok(Some(Printed {
        lines,
        whole: !output.truncated,
    }))
}

/// `2026-06-05T10:55:04.123456789Z text`
fn stamped(line: &str) -> Option<(Timestamp, &str)> {
    let (at, text) = line.split_once(' ').unwrap_or((line, ""));
    Some((at.parse().ok()?, text))
}
