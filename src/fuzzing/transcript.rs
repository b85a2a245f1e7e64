//! The answers of a host to the commands of a check, one after the other. A line
//! `$ 3` begins the answer of a command that ends with status 3, `$ 3 2` one
//! that prints on standard error; `$ k` was killed, `$ ?` cut off, `$ +` printed
//! more than is kept. What comes before the first such line is an answer of
//! status 0, and the last one is given to all commands that follow.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::wire::{Manner, Wire};
use crate::transport::Stream;
use crate::transport::command::{Exit, Output, ReadOnlyCommand};
use crate::transport::stand_in::StandIn;

/// A host that answers by a transcript, and a network that answers by its text.
#[derive(Debug)]
pub(super) struct Transcript {
    answers: Vec<Output>,
    asked: AtomicUsize,
    bytes: Vec<u8>,
    manner: Manner,
}

impl Transcript {
    /// As a host prints.
    pub(super) fn of_host(input: &[u8]) -> Self {
        let mut answers: Vec<Output> = Vec::new();
        for line in input.split_inclusive(|byte| *byte == b'\n') {
            let begun = begin(line);
            let is_head = begun.is_some();
            let new = begun.or_else(|| answers.is_empty().then(|| output(Exit::Status(0))));
            answers.extend(new);
            if let (false, Some(answer)) = (is_head, answers.last_mut()) {
                // What an answer that prints on standard error is marked by.
                if answer.elapsed.is_zero() {
                    answer.stdout.extend_from_slice(line);
                } else {
                    answer.stderr.extend_from_slice(line);
                }
            }
        }
        let body = answers.first().map(|answer| answer.stdout.clone());
        let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        Self {
            answers,
            asked: AtomicUsize::new(0),
            bytes: [head, body.unwrap_or_default()].concat(),
            manner: Manner::Answers,
        }
    }

    /// As a server answers, on every connection anew.
    pub(super) fn of_server(manner: Manner, input: &[u8]) -> Self {
        Self {
            answers: Vec::new(),
            asked: AtomicUsize::new(0),
            bytes: input.to_owned(),
            manner,
        }
    }
}

fn output(exit: Exit) -> Output {
    Output {
        exit,
        stdout: Vec::new(),
        stderr: Vec::new(),
        truncated: false,
        elapsed: Duration::ZERO,
    }
}

fn begin(line: &[u8]) -> Option<Output> {
    let words = std::str::from_utf8(line.strip_prefix(b"$ ")?).ok()?;
    let mut words = words.split_ascii_whitespace();
    let mut answer = match words.next()? {
        "k" => output(Exit::Signal("KILL".to_owned())),
        "?" => output(Exit::Unknown),
        "+" => Output {
            truncated: true,
            ..output(Exit::Unknown)
        },
        status => output(Exit::Status(status.parse().ok()?)),
    };
    if words.next() == Some("2") {
        answer.elapsed = Duration::from_millis(1);
    }
    Some(answer)
}

impl StandIn for Transcript {
    fn exec(&self, _: &ReadOnlyCommand) -> Output {
        let at = self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answers.get(at).or_else(|| self.answers.last());
        answer.cloned().unwrap_or_else(|| output(Exit::Status(0)))
    }

    fn connect(&self) -> Box<dyn Stream> {
        Box::new(Wire::new(self.manner, self.bytes.clone()))
    }
}
