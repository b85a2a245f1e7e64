//! The example's boot in front of the real program: every root is named in the
//! order in which the stack comes up, and the last card is green.

#[path = "../examples/cold_boot/play.rs"]
mod play;
#[path = "servers/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod servers;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// The roots in the order in which the steps of the boot end them.
const ROOTS: [&str; 6] = [
    "ssh@data188",
    "ssh@ops110",
    "postgres@data188",
    "redis@data188",
    "docker@ops110",
    "api",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_boot_is_watched_from_blocked_to_green() {
    let [cards, transcript] =
        [(); 2].map(|()| tempfile::NamedTempFile::new().expect("a temporary file"));
    let told = std::sync::Mutex::new(Vec::new());
    let program = Path::new(env!("CARGO_BIN_EXE_coldstart"));
    let to = |file: &tempfile::NamedTempFile| Stdio::from(file.reopen().expect("the same file"));
    let boot = play::perform(program, to(&cards), to(&transcript), |line| {
        told.lock().expect("the lock").push(line.to_owned());
    });
    let status = tokio::time::timeout(Duration::from_secs(300), boot)
        .await
        .expect("an end")
        .expect("a program");
    let read = |file: &tempfile::NamedTempFile| std::fs::read_to_string(file.path()).expect("text");
    let (cards, transcript) = (read(&cards), read(&transcript));
    assert_eq!(status.code(), Some(0), "{transcript}");
    assert_eq!(told.into_inner().expect("the lock").len(), 1 + ROOTS.len());
    assert_eq!(lines(&cards, "Result: "), ["GREEN"], "one card: {cards}");

    let attempts = lines(&transcript, "attempt ");
    let (last, before) = attempts.split_last().expect("an attempt");
    assert!(last.contains(" GREEN PASS="), "{transcript}");
    // One attempt a step, or several when the machine was slow to take it.
    let mut roots: Vec<&str> = before
        .iter()
        .filter_map(|line| line.split_once("(fix ")?.1.split_once(" first)"))
        .map(|(root, _)| root)
        .collect();
    assert_eq!(roots.len(), before.len(), "every attempt names one");
    roots.dedup();
    assert_eq!(roots, ROOTS, "{transcript}");
    for seen in [
        "connection refused",
        "could not tell: the database system is starting up",
        "loading = true",
        "active = false",
        "status = 502",
        "ssh@data188 BLOCKED → PASS",
        "P0-NETWORK BLOCKED → GREEN",
    ] {
        assert!(transcript.contains(seen), "{seen} in {transcript}");
    }
}

/// What follows `start` in the lines that begin with it.
fn lines<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(start))
        .collect()
}
