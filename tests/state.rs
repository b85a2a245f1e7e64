//! State under the real program: many at once, killed at any moment, with a
//! disk that is full or read-only, and a file that is damaged.
//!
//! The mounts need leave to make a mount namespace; `COLDSTART_TEST_NO_NAMESPACES=1`
//! leaves them out on purpose.

#[path = "state/gate.rs"]
mod gate;

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// A port that is open for as long as the value lives.
struct Open {
    port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Open {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                drop(connection);
                if ends.load(Ordering::SeqCst) {
                    return;
                }
            }
        });
        Self {
            port,
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Its last connection.
        drop(std::net::TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Desk {
    folder: tempfile::TempDir,
    open: Open,
}

impl Desk {
    /// A baseline of ten checks of one open port; the first has to have held
    /// for `stable_for`.
    fn new(stable_for: &str) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().expect("a folder"),
            open: Open::new(),
        };
        let port = desk.open.port;
        let mut text = "version: 1\nname: small\nphases:\n  ONLY:\n    checks:\n".to_owned();
        for number in 0..10 {
            let stable = if number == 0 {
                format!("stable_for: {stable_for}, ")
            } else {
                String::new()
            };
            text += &format!(
                "      port{number}: {{ title: it is open, {stable}tcp: {{ address: 127.0.0.1, port: {port} }} }}\n"
            );
        }
        fs::write(desk.path("baseline.yml"), text).expect("a baseline");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coldstart"));
        self.at_desk(&mut command).args(arguments);
        command
    }

    fn at_desk<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .current_dir(self.folder.path())
            .env_remove("COLDSTART_BASELINE")
            .env_remove("COLDSTART_STATE")
            .env_remove("XDG_STATE_HOME")
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
    }

    fn check(&self, more: &[&str]) -> Output {
        let arguments = [&["check", "-b", "baseline.yml", "--json"], more].concat();
        end(self.command(&arguments).spawn().expect("the program"))
    }
}

/// No test hangs; nothing is measured by it.
const HANG: Duration = Duration::from_secs(180);

fn end(child: Child) -> Output {
    let pid = child.id();
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match ended.recv_timeout(HANG) {
        Ok(output) => output.expect("its output"),
        Err(_) => panic!("the program {pid} hangs"),
    }
}

fn card(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{}", stderr(output)))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The verdicts of the check with `stable_for`, and of all others together.
fn verdicts(card: &Value) -> (String, Vec<String>) {
    let checks = card["phases"][0]["checks"].as_array().expect("checks");
    let verdict = |check: &Value| check["verdict"].as_str().expect("a verdict").to_owned();
    let mut others: Vec<String> = checks[1..].iter().map(verdict).collect();
    others.dedup();
    (verdict(&checks[0]), others)
}

fn history(desk: &Desk, state: &str) -> Vec<Value> {
    let output = end(desk
        .command(&["history", "--json", "--limit", "1000", "--state", state])
        .spawn()
        .expect("the program"));
    assert_eq!(stderr(&output), "");
    let runs = card(&output);
    runs["runs"].as_array().expect("runs").clone()
}

#[test]
fn two_hundred_at_once_neither_block_nor_corrupt_one_another() {
    let desk = Desk::new("1h");
    let children: Vec<Child> = (0..200)
        .map(|_| {
            desk.command(&[
                "check",
                "-b",
                "baseline.yml",
                "--json",
                "--state",
                "state.db",
            ])
            .spawn()
            .expect("the program")
        })
        .collect();
    for child in children {
        let output = end(child);
        assert_eq!(stderr(&output), "", "no lock is in the way");
        let card = card(&output);
        // Nothing was remembered, or for less than an hour.
        assert_eq!(
            verdicts(&card),
            ("WARN".to_owned(), vec!["PASS".to_owned()])
        );
        assert_eq!(output.status.code(), Some(1));
    }
    let runs = history(&desk, "state.db");
    assert_eq!(runs.len(), 200, "every run is remembered");
    assert_whole(&desk.path("state.db"));
}

fn assert_whole(path: &Path) {
    let state = rusqlite::Connection::open(path).expect("a database");
    let answer: String = state
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("an answer");
    assert_eq!(answer, "ok");
}

#[test]
fn what_held_for_long_enough_turns_green() {
    let desk = Desk::new("5s");
    let first = desk.check(&[]);
    assert_eq!(first.status.code(), Some(1), "{}", stderr(&first));
    let finding = &card(&first)["phases"][0]["checks"][0]["findings"];
    let seen = finding.to_string();
    assert!(seen.contains("no earlier look is remembered"), "{seen}");
    // The default place, below the home of the test.
    let place = if cfg!(target_os = "macos") {
        "Library/Application Support/coldstart/state.db"
    } else {
        ".local/state/coldstart/state.db"
    };
    assert!(desk.path(place).is_file());
    // Each look comes less than 5 s after the one before, or begins anew:
    // it turns green as soon as two are close enough for long enough.
    let watched = desk.check(&["--watch", "--interval", "100ms", "--max-attempts", "2000"]);
    assert_eq!(watched.status.code(), Some(0), "{}", stderr(&watched));
    let course = &card(&watched)["phases"][0]["checks"][0]["course"];
    assert!(
        course["held_s"].as_f64().is_some_and(|held| held >= 5.0),
        "{course}"
    );
}

#[test]
fn a_watch_remembers_without_a_file() {
    let desk = Desk::new("5s");
    let arguments = [
        "--state",
        "none",
        "--watch",
        "--interval",
        "100ms",
        "--max-attempts",
        "2000",
    ];
    let watched = desk.check(&arguments);
    assert_eq!(watched.status.code(), Some(0), "{}", stderr(&watched));
    assert!(!desk.path(".local").exists(), "nothing was written");
    let again = desk.check(&["--state", "none"]);
    assert_eq!(again.status.code(), Some(1), "and it is forgotten");
}

/// However often it is killed, the state opens, is whole, and its last green
/// never moves back.
#[test]
fn a_kill_at_any_moment_loses_only_the_run() {
    let desk = Desk::new("1ms");
    let state = desk.path("state.db");
    let green = |path: &Path| -> Option<i64> {
        let state = rusqlite::Connection::open(path).ok()?;
        state
            .query_row("SELECT at FROM greens", [], |row| row.get(0))
            .ok()
    };
    let mut last = None;
    let mut killed = 0;
    for turn in 0..100_u64 {
        let mut child = desk
            .command(&["check", "-b", "baseline.yml", "--state", "state.db"])
            .spawn()
            .expect("the program");
        // Spread over a run, from its first instruction to its end.
        std::thread::sleep(Duration::from_millis(turn % 50));
        drop(child.kill());
        let status = child.wait().expect("its end");
        killed += u32::from(status.code().is_none());
        let now = green(&state);
        assert!(now >= last, "{now:?} after {last:?}");
        last = now;
        if turn % 10 == 9 {
            let output = desk.check(&["--state", "state.db"]);
            assert_eq!(stderr(&output), "", "after {killed} kills");
            assert_whole(&state);
        }
    }
    assert!(killed > 10, "only {killed} were killed");
    assert!(!history(&desk, "state.db").is_empty());
}

#[test]
fn a_damaged_file_is_set_aside_and_the_card_is_right() {
    let desk = Desk::new("1h");
    assert_eq!(desk.check(&["--state", "state.db"]).status.code(), Some(1));
    let whole = fs::read(desk.path("state.db")).expect("a state");
    fs::write(desk.path("state.db"), vec![0; whole.len()]).expect("a damaged one");
    let output = desk.check(&["--state", "state.db"]);
    let said = stderr(&output);
    assert!(
        said.contains("warning: the state state.db was damaged"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(
        verdicts(&card(&output)),
        ("WARN".to_owned(), vec!["PASS".to_owned()])
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&desk.check(&["--state", "state.db"])),
        "",
        "told once"
    );
    assert_eq!(history(&desk, "state.db").len(), 2);
}

#[test]
fn a_file_that_is_none_of_ours_is_left_as_it_is() {
    let desk = Desk::new("1h");
    fs::write(desk.path("notes.txt"), "milk\n").expect("a file");
    let output = desk.check(&["--state", "notes.txt"]);
    assert!(stderr(&output).contains("the state notes.txt is not a state of coldstart"));
    assert_eq!(
        verdicts(&card(&output)),
        ("WARN".to_owned(), vec!["PASS".to_owned()])
    );
    assert_eq!(fs::read(desk.path("notes.txt")).expect("there"), b"milk\n");
}

#[test]
fn only_what_needs_state_opens_it() {
    let desk = Desk::new("1h");
    for arguments in [
        vec!["plan", "-b", "baseline.yml"],
        vec!["graph", "-b", "baseline.yml"],
        vec!["validate", "baseline.yml"],
        vec!["explain", "port0", "-b", "baseline.yml"],
        vec!["schema"],
    ] {
        let output = end(desk.command(&arguments).spawn().expect("the program"));
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
    assert!(!desk.path(".local").exists());
}

#[test]
fn runs_can_be_listed_and_compared() {
    let desk = Desk::new("1h");
    let missing = end(desk.command(&["history"]).spawn().expect("the program"));
    assert_eq!(missing.status.code(), Some(64));
    assert!(stderr(&missing).contains("no run is remembered"));
    let first = desk.check(&[]);
    fs::write(desk.path("first.json"), &first.stdout).expect("a card");
    let alone = end(desk.command(&["diff"]).spawn().expect("the program"));
    assert_eq!(
        alone.status.code(),
        Some(64),
        "there is nothing to compare with"
    );
    desk.check(&["--skip", "port9"]);
    for (arguments, code) in [
        (vec!["diff"], 0),
        (vec!["diff", "1"], 0),
        (vec!["diff", "1", "2"], 0),
        (vec!["diff", "first.json", "2"], 0),
        (vec!["diff", "2", "2"], 64),
        (vec!["diff", "7"], 64),
        (vec!["diff", "first.json", "baseline.yml"], 64),
    ] {
        let output = end(desk.command(&arguments).spawn().expect("the program"));
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            stderr(&output)
        );
        let text = String::from_utf8_lossy(&output.stdout);
        if code == 0 {
            assert!(
                text.contains("port9  PASS → SKIPPED"),
                "{arguments:?}: {text}"
            );
        }
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
    let output = end(desk
        .command(&["history", "-b", "baseline.yml"])
        .spawn()
        .expect("the program"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("small: 2 runs\n"), "{text}");
    assert!(text.contains("checks were left out"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    // With another whole run, the one that left a check out is passed over.
    desk.check(&[]);
    let output = end(desk.command(&["diff"]).spawn().expect("the program"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("SKIPPED"), "{text}");
}

/// Runs `check` where `mount` has put a file system on the folder `small`.
#[cfg(target_os = "linux")]
fn on_a_mount(desk: &Desk, mount: &str) -> Option<Output> {
    if std::env::var_os("COLDSTART_TEST_NO_NAMESPACES").is_some_and(|value| value == "1") {
        return None;
    }
    fs::create_dir(desk.path("small")).expect("a folder");
    let script = format!(
        "{mount} && exec '{}' check -b baseline.yml --json --state small/state.db",
        env!("CARGO_BIN_EXE_coldstart")
    );
    let mut command = Command::new("unshare");
    desk.at_desk(&mut command)
        .args(["--mount", "--map-root-user", "/bin/sh", "-ec", &script]);
    let output = end(command.spawn().expect("unshare"));
    assert!(
        !output.stdout.is_empty(),
        "no mount namespace (COLDSTART_TEST_NO_NAMESPACES=1 leaves this out): {}",
        stderr(&output)
    );
    Some(output)
}

#[cfg(target_os = "linux")]
fn assert_card_without_state(output: &Output, what: &str) {
    let said = stderr(output);
    assert!(
        said.contains("coldstart: warning: the state small/state.db"),
        "{said}"
    );
    assert!(said.contains(what), "{said}");
    assert_eq!(
        verdicts(&card(output)),
        ("WARN".to_owned(), vec!["PASS".to_owned()])
    );
    assert_eq!(output.status.code(), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_warning() {
    let desk = Desk::new("1ms");
    let mount =
        "mount -t tmpfs -o size=64k none small && cat /dev/zero > small/full 2>/dev/null || true";
    if let Some(output) = on_a_mount(&desk, mount) {
        assert_card_without_state(&output, "--state");
    }
}

/// Full only once the state is there.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_is_a_warning() {
    let desk = Desk::new("1ms");
    let first = format!(
        "mount -t tmpfs -o size=256k none small && '{}' check -b baseline.yml \
         --state small/state.db > /dev/null || test $? = 1; cat /dev/zero > small/full 2>/dev/null || true",
        env!("CARGO_BIN_EXE_coldstart")
    );
    if let Some(output) = on_a_mount(&desk, &first) {
        let said = stderr(&output);
        assert!(
            said.contains("coldstart: warning: the state small/state.db"),
            "{said}"
        );
        let (_, others) = verdicts(&card(&output));
        assert_eq!(others, ["PASS"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_folder_is_a_warning() {
    let desk = Desk::new("1ms");
    if let Some(output) = on_a_mount(&desk, "mount -t tmpfs -o ro none small") {
        assert_card_without_state(&output, "Read-only file system");
    }
}

/// A reader of standard error that went away changes nothing.
#[test]
fn a_warning_that_nobody_reads_is_no_failure() {
    let desk = Desk::new("1h");
    fs::write(desk.path("notes.txt"), "milk\n").expect("a file");
    let mut child = desk
        .command(&[
            "check",
            "-b",
            "baseline.yml",
            "--json",
            "--state",
            "notes.txt",
        ])
        .spawn()
        .expect("the program");
    drop(child.stderr.take());
    let mut text = String::new();
    let mut stdout = child.stdout.take().expect("its output");
    stdout.read_to_string(&mut text).expect("text");
    assert_eq!(child.wait().expect("its end").code(), Some(1));
    assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
}
