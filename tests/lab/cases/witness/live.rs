//! What listens while a run goes on.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::stage::{LAB, lab};

/// A log of which the lines count that come while it is watched.
pub(super) struct Log {
    command: Vec<&'static str>,
    before: usize,
}

impl Log {
    pub(super) fn watch(command: &[&'static str]) -> Self {
        Self {
            before: lab(command).lines().count(),
            command: command.to_vec(),
        }
    }

    pub(super) fn new_lines(&self) -> Vec<String> {
        let text = lab(&self.command);
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert!(lines.len() >= self.before, "{:?} shrank", self.command);
        lines[self.before..].to_vec()
    }

    pub(super) fn journal(host: &'static str, unit: &'static str) -> Self {
        // What is on its way to the journal is waited for.
        let read = "journalctl --sync && journalctl --output=cat --unit=\"$1\"";
        Self::watch(&["exec", host, "sh", "-c", read, "sh", unit])
    }

    pub(super) fn file(host: &'static str, path: &'static str) -> Self {
        Self::watch(&["exec", host, "cat", path])
    }

    /// What `of` makes of the new lines.
    pub(super) fn heard(&self, of: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let lines = self.new_lines();
        lines.iter().filter_map(|line| of(line)).collect()
    }
}

/// How often each path of a server of ops110 was asked for, by its own metrics.
pub(super) struct Counters {
    port: u16,
    server: &'static str,
    before: BTreeMap<String, usize>,
}

impl Counters {
    pub(super) fn of(port: u16, server: &'static str) -> Self {
        let before = Self::read(port, server);
        Self {
            port,
            server,
            before,
        }
    }

    fn read(port: u16, server: &str) -> BTreeMap<String, usize> {
        let metrics = lab(&[
            "exec",
            "ops110",
            "curl",
            "-sS",
            &format!("127.0.0.1:{port}/metrics"),
        ]);
        let name = format!("{server}_http_request_duration_seconds_count{{handler=\"");
        let mut counts = BTreeMap::new();
        for line in metrics.lines() {
            let Some((path, rest)) = line
                .strip_prefix(&name)
                .and_then(|rest| rest.split_once('"'))
            else {
                continue;
            };
            // Prometheus asks itself for its metrics, and so do we.
            if path != "/metrics" {
                let count = rest
                    .rsplit(' ')
                    .next()
                    .and_then(|count| count.parse::<usize>().ok());
                *counts.entry(path.to_owned()).or_default() += count.expect("a count");
            }
        }
        counts
    }

    /// Each path as often as it was asked for since.
    pub(super) fn growth(&self) -> Vec<String> {
        let now = Self::read(self.port, self.server);
        let grown = now.into_iter().map(|(path, count)| {
            let before = self.before.get(&path).copied().unwrap_or_default();
            vec![path; count - before]
        });
        grown.flatten().collect()
    }
}

/// `lib/packets.py` on the operator's network card.
pub(super) struct Packets {
    child: Child,
    end: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
}

impl Packets {
    pub(super) fn listen() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/lib/packets.py");
        let mut child = Command::new(LAB)
            .args(["operator", "python3", script, "br0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("packets.py");
        let end = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut first = String::new();
        lines.read_line(&mut first).expect("an answer");
        assert_eq!(first, "ready\n");
        Self { child, end, lines }
    }

    pub(super) fn finish(mut self) -> Vec<String> {
        drop(self.end.take());
        let mut text = String::new();
        self.lines.read_to_string(&mut text).expect("its lines");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(lines.pop().as_deref(), Some("lost 0"));
        lines
    }
}

impl Drop for Packets {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
