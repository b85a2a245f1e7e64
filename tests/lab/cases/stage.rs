//! Drives the lab: runs the program where the operator sits, brings faults and
//! takes them back, and reads what the servers have heard.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::marker::PhantomData;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// The faults of one case would be another's surprise.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The longest baseline with every host gone takes less than a tenth of it.
const LONGEST: Duration = Duration::from_secs(300);

pub(super) const LAB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/lab");

/// What a run of the program came to.
pub(super) struct Run {
    pub(super) status: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Run {
    /// Standard output, which is one JSON document.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}\n{}\n{}", self.status, self.stdout, self.stderr)
    }
}

/// A line of the audit.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Sent {
    pub(super) check: String,
    pub(super) target: String,
    pub(super) protocol: String,
    pub(super) sent: String,
}

/// Starts a command that is over within [`LONGEST`], one way or the other: a fault
/// that waits for what never comes fails its case, and not the whole of the tests.
fn start(command: &mut Command) -> (Child, Watched) {
    let child = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // What it starts is of its group, and ends with it.
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let watched = Watched::new(&child, format!("{command:?}"));
    (child, watched)
}

fn end(child: Child, watched: Watched) -> Run {
    let output = child.wait_with_output().expect("an end");
    let run = Run {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    watched.has_ended(&run);
    run
}

fn run(command: &mut Command) -> Run {
    let (child, watched) = start(command);
    end(child, watched)
}

/// Ends a group of processes that goes on for longer than [`LONGEST`], or than its case.
struct Watched {
    command: String,
    over: mpsc::Sender<()>,
    guard: JoinHandle<bool>,
}

impl Watched {
    fn new(child: &Child, command: String) -> Self {
        let group = format!("-{}", child.id());
        let (over, is_over) = mpsc::channel();
        let guard = std::thread::spawn(move || {
            let over = is_over.recv_timeout(LONGEST);
            // Late, or left alone by a case that failed: it would go on into the next one.
            if over.is_err() {
                drop(Command::new("kill").args(["-KILL", "--", &group]).status());
            }
            over == Err(RecvTimeoutError::Timeout)
        });
        Self {
            command,
            over,
            guard,
        }
    }

    fn has_ended(self, run: &Run) {
        let _ = self.over.send(());
        let late = self.guard.join().expect("no panic");
        assert!(!late, "not over in {LONGEST:?}: {}: {run}", self.command);
    }
}

/// Runs `tests/lab/lab`; what it prints.
pub(super) fn lab(arguments: &[&str]) -> String {
    let done = run(Command::new(LAB).args(arguments));
    assert_eq!(done.status, Some(0), "lab {arguments:?}: {done}");
    done.stdout
}

/// The lab, to one case at a time.
pub(super) struct Lab {
    password: String,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    /// Waits for its turn, and for every server of the lab to answer.
    pub(super) fn take() -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let assignments = run(Command::new(LAB).arg("env"));
        assert_eq!(
            assignments.status,
            Some(0),
            "these cases need the lab: tests/lab/lab up: {assignments}"
        );
        lab(&["up"]);
        let password = assignments
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("CHECKER_PGPASSWORD="))
            .expect("a password")
            .to_owned();
        Self {
            password,
            _turn: turn,
        }
    }

    /// Runs the program as the operator.
    pub(super) fn coldstart(&self, arguments: &[&str]) -> Run {
        self.coldstart_below(&[], arguments)
    }

    /// Runs it so below another program, such as `strace`.
    pub(super) fn coldstart_below(&self, other: &[&str], arguments: &[&str]) -> Run {
        run(&mut self.command(other, arguments))
    }

    fn command(&self, other: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(LAB);
        command
            .arg("operator")
            .args(other)
            .arg(env!("CARGO_BIN_EXE_coldstart"))
            .args(arguments)
            .env("CHECKER_PGPASSWORD", &self.password)
            .env_remove("COLDSTART_BASELINE")
            .env("COLDSTART_STATE", "none")
            .env_remove("COLUMNS")
            // Times are redacted; the zone's width would remain.
            .env("TZ", "UTC");
        command
    }

    /// Starts the program as the operator, with an audit, and does not wait for it.
    pub(super) fn start(&self, arguments: &[&str], columns: &str) -> Running {
        let folder = tempfile::tempdir().expect("a folder");
        let audit = folder.path().join("audit.jsonl");
        let mut command = self.command(&[], arguments);
        command.arg("--audit").arg(&audit).env("COLUMNS", columns);
        let (child, watched) = start(&mut command);
        Running {
            child,
            watched,
            audit,
            _folder: folder,
        }
    }

    /// Runs a command on a host, as root, and gives what it prints.
    pub(super) fn on(&self, host: &str, script: &str) -> String {
        lab(&["exec", host, "sh", "-c", script])
    }

    /// What the servers behind the gate of the matrix have heard so far.
    pub(super) fn behind(&self) -> Vec<String> {
        ["k3s120", "ops110"]
            .iter()
            .map(|host| self.on(host, "wc -l < /var/log/nginx/access.log"))
            .collect()
    }

    /// What a run wrote to its audit besides.
    pub(super) fn audited(&self, check: impl FnOnce(&str) -> Run) -> (Run, Vec<Sent>) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("audit.jsonl");
        let run = check(&file.display().to_string());
        (run, Self::audit(&file))
    }

    fn audit(file: &Path) -> Vec<Sent> {
        let text = std::fs::read_to_string(file).expect("an audit");
        let lines = text.lines();
        lines
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }

    /// Changes something for good.
    pub(super) fn bring(&self, command: &[&str]) {
        lab(command);
    }

    /// Starts the program as the operator; `each` gets the lines of its standard
    /// error while it runs.
    pub(super) fn coldstart_told(&self, arguments: &[&str], each: &mut dyn FnMut(&str)) -> Run {
        let (mut child, watched) = start(&mut self.command(&[], arguments));
        let mut told = String::new();
        for line in BufReader::new(child.stderr.take().expect("a pipe")).lines() {
            let line = line.expect("UTF-8");
            each(&line);
            told += &line;
            told.push('\n');
        }
        Run {
            stderr: told,
            ..end(child, watched)
        }
    }

    /// Brings a fault; it goes when the value does.
    pub(super) fn fault<'l>(&'l self, bring: &[&str], undo: &[&str]) -> Undo<'l> {
        // Also a fault that came halfway is taken back.
        let undo = Undo {
            undo: undo.iter().map(|&word| word.to_owned()).collect(),
            _lab: PhantomData,
        };
        lab(bring);
        undo
    }

    /// Brings a fault by a script on the host, and takes it back by another.
    pub(super) fn script<'l>(&'l self, host: &str, bring: &str, undo: &str) -> Undo<'l> {
        self.fault(
            &["exec", host, "sh", "-c", bring],
            &["exec", host, "sh", "-c", undo],
        )
    }

    /// What a host's own sshd shows: its fingerprint, `SHA256:…`.
    pub(super) fn host_fingerprint(&self, host: &str) -> String {
        let line = lab(&[
            "exec",
            host,
            "ssh-keygen",
            "-lf",
            "/etc/ssh/ssh_host_ed25519_key.pub",
        ]);
        line.split(' ').nth(1).expect("a fingerprint").to_owned()
    }

    /// The fingerprint of an address's key in the operator's `known_hosts`.
    pub(super) fn known_fingerprint(&self, address: &str) -> String {
        let found = lab(&["operator", "ssh-keygen", "-lF", address]);
        let line = found
            .lines()
            .find(|line| !line.starts_with('#'))
            .expect("a known key");
        line.split(' ')
            .find(|word| word.starts_with("SHA256:"))
            .expect("a fingerprint")
            .to_owned()
    }

    /// What each server behind the first gate has heard so far, by its own count.
    pub(super) fn heard(&self) -> Vec<String> {
        let count = |host: &str, command: &str| {
            let heard = lab(&["exec", host, "sh", "-c", command]);
            format!("{host}: {command}: {}", heard.trim())
        };
        vec![
            count("data188", "wc -l < /var/log/nginx/access.log"),
            count("ops110", "wc -l < /var/log/nginx/access.log"),
            count("k3s120", "wc -l < /var/log/nginx/access.log"),
            count(
                "ops110",
                // What is on its way to the journal is waited for.
                "journalctl --sync && journalctl -u docker-registry | grep -c GET || true",
            ),
            // The question itself is an INFO.
            count(
                "data188",
                "redis-cli -p 6380 info commandstats | grep ^cmdstat_ping || true",
            ),
            format!("PostgreSQL: {}", self.postgresql_log().len()),
        ]
    }

    /// How many alerts were posted to the API's webhook so far.
    pub(super) fn alerts(&self) -> usize {
        let count =
            "grep -c 'POST /api/v1/webhooks/alertmanager ' /var/log/nginx/webhook.log; true";
        let count = lab(&["exec", "k3s120", "sh", "-c", count]);
        count.trim().parse().unwrap_or(0)
    }

    /// What PostgreSQL has heard from `checker` so far, as the audit words it.
    pub(super) fn postgresql_log(&self) -> Vec<String> {
        let log = lab(&[
            "exec",
            "data188",
            "cat",
            "/var/log/postgresql/postgresql-14-main.log",
        ]);
        log.lines()
            .filter_map(|line| line.split_once(" checker@")?.1.split_once(" LOG:  "))
            .filter_map(|(database, said)| {
                if said.starts_with("connection authorized: user=checker ") {
                    return Some(format!("login checker to {database}"));
                }
                said.strip_prefix("statement: ")
                    .or_else(|| {
                        said.strip_prefix("execute ")?
                            .split_once(": ")
                            .map(|of| of.1)
                    })
                    .map(str::to_owned)
            })
            .collect()
    }

    /// Listens to all that Redis is told from now on.
    pub(super) fn redis_monitor(&self) -> Monitor {
        let mut child = Command::new(LAB)
            .args(["operator", "redis-cli", "-h", "192.168.0.188", "-p", "6380"])
            .arg("MONITOR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-cli");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut first = String::new();
        lines.read_line(&mut first).expect("an answer");
        assert_eq!(first, "OK\n");
        Monitor { child, lines }
    }
}

/// A run of the program that goes on.
pub(super) struct Running {
    child: Child,
    watched: Watched,
    audit: PathBuf,
    _folder: tempfile::TempDir,
}

impl Running {
    /// Whether the audit has it already.
    pub(super) fn has_sent(&self, text: &str) -> bool {
        std::fs::read_to_string(&self.audit).is_ok_and(|audit| audit.contains(text))
    }

    /// Waits for its end; what it came to, and its audit.
    pub(super) fn finish(self) -> (Run, Vec<Sent>) {
        let run = end(self.child, self.watched);
        let audit = Lab::audit(&self.audit);
        (run, audit)
    }
}

/// A fault that is taken back in the end, also that of a failed case.
pub(super) struct Undo<'l> {
    undo: Vec<String>,
    _lab: PhantomData<&'l Lab>,
}

impl Drop for Undo<'_> {
    #[expect(
        clippy::print_stderr,
        reason = "beside the failure of the case, in its output"
    )]
    fn drop(&mut self) {
        // `take` waits for what comes back.
        let done = run(Command::new(LAB).args(&self.undo));
        if std::thread::panicking() {
            // A second panic would end all the cases.
            eprintln!("lab {:?}: {done}", self.undo);
        } else {
            assert_eq!(done.status, Some(0), "lab {:?}: {done}", self.undo);
        }
    }
}

/// A `redis-cli MONITOR`.
pub(super) struct Monitor {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Monitor {
    /// The commands heard since it began, each as one line.
    pub(super) fn finish(mut self, _: &Lab) -> Vec<String> {
        let end = ["operator", "redis-cli", "-h", "192.168.0.188", "-p", "6380"];
        let mut marker = end.to_vec();
        marker.extend(["ECHO", "the end"]);
        lab(&marker);
        let mut heard = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).expect("a line");
            assert!(read > 0, "MONITOR ended early");
            // 1795244148.04 [0 127.0.0.1:40000] "INFO" "server"
            let words: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
            if words == ["ECHO", "the end"] {
                return heard;
            }
            heard.push(words.join(" "));
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
