//! The operator's desk: a home directory of its own, and the program.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::servers::ssh::Home;

/// No test hangs; nothing is measured by it.
pub(crate) const HANG: Duration = Duration::from_secs(180);

/// A home directory that knows nobody, and a `baseline.yml` in it.
pub(crate) struct Desk {
    pub(crate) home: Home,
    environment: Vec<(&'static str, String)>,
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            home: Home::new(),
            environment: Vec::new(),
        }
    }

    /// Sets an environment variable of the program.
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.home.dir.path()
    }

    /// Writes a file at the desk.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, text).expect("a writable home");
        path
    }

    /// The program, run at the desk with nothing else in its environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coldstart"));
        command
            .args(args)
            .current_dir(self.folder())
            .env_clear()
            .env("HOME", self.folder())
            // No `ssh` program, whose configuration would be the user's own.
            .env("PATH", self.folder())
            .env("TZ", "UTC")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Ran {
        end(self.command(args).spawn().expect("the program")).await
    }

    /// Runs `check` on `baseline`.
    pub(crate) async fn check(&self, baseline: &str, args: &[&str]) -> Ran {
        self.write("baseline.yml", baseline);
        let args = [&["check", "-b", "baseline.yml"], args].concat();
        self.run(&args).await
    }

    /// Starts `check` on `baseline`.
    pub(crate) fn start(&self, baseline: &str, args: &[&str]) -> Child {
        self.write("baseline.yml", baseline);
        let args = [&["check", "-b", "baseline.yml"], args].concat();
        self.command(&args).spawn().expect("the program")
    }

    /// The audit, `protocol sent` by line.
    pub(crate) fn audited(&self, name: &str) -> Vec<Entry> {
        let text = std::fs::read_to_string(self.folder().join(name)).expect("an audit");
        text.lines()
            .map(|line| {
                let entry: Value = serde_json::from_str(line).expect("a JSON line");
                let field = |name: &str| entry[name].as_str().expect("a text").to_owned();
                Entry {
                    check: field("check"),
                    protocol: field("protocol"),
                    sent: field("sent"),
                }
            })
            .collect()
    }
}

/// A line of the audit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) check: String,
    pub(crate) protocol: String,
    pub(crate) sent: String,
}

/// Waits for the program's end.
pub(crate) async fn end(child: Child) -> Ran {
    let output = timeout(HANG, child.wait_with_output())
        .await
        .expect("an end")
        .expect("output");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Sends the program a signal; `INT` is Ctrl-C.
pub(crate) fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it has not ended").to_string();
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &id])
        .status()
        .expect("kill");
    assert!(sent.success());
}

/// Waits until `met`.
pub(crate) async fn until(what: &str, met: impl Fn() -> bool) {
    let waiting = async {
        while !met() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(HANG, waiting).await.is_ok(), "never: {what}");
}

impl Ran {
    /// The card as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The card without what differs from run to run.
    pub(crate) fn card(&self) -> String {
        let filters = [
            (r"coldstart \d+\.\d+\.\d+", "coldstart [version]"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? \+00:00", "[time]"),
            (r"(checks?) in [\d.]+ m?s\n", "$1 in [elapsed]\n"),
            (r"(blocked) +[\d.]+ m?s", "$1  [elapsed]"),
            (r"(attempts) in [\d.]+ m?s", "$1 in [elapsed]"),
            (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        ];
        filters
            .iter()
            .fold(self.stdout.clone(), |text, (pattern, with)| {
                let pattern = Regex::new(pattern).expect("a pattern");
                pattern.replace_all(&text, *with).into_owned()
            })
    }

    /// The last lines of the card.
    pub(crate) fn last(&self, lines: usize) -> String {
        let all: Vec<&str> = self.stdout.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// Every check of a JSON card or plan, in order.
pub(crate) fn checks(document: &Value) -> Vec<&Value> {
    let phases = document["phases"].as_array().expect("phases");
    phases
        .iter()
        .flat_map(|phase| phase["checks"].as_array().expect("checks"))
        .collect()
}

/// A field of every check by its id: `id verdict`.
pub(crate) fn by_id(card: &Value, field: &str) -> Vec<String> {
    checks(card)
        .iter()
        .map(|check| {
            let text = |name: &str| check[name].as_str().unwrap_or("null").to_owned();
            format!("{} {}", text("id"), text(field))
        })
        .collect()
}
