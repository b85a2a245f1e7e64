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
    let cards = tempfile::NamedTempFile::new().expect("a temporary file");
    let told = std::sync::Mutex::new(Vec::new());
    let program = Path::new(env!("CARGO_BIN_EXE_coldstart"));
    let stdout = Stdio::from(cards.reopen().expect("the same file"));
    let boot = play::perform(program, stdout, Stdio::null(), |line| {
        told.lock().expect("the lock").push(line.to_owned());
    });
    let status = tokio::time::timeout(Duration::from_secs(300), boot)
        .await
        .expect("an end")
        .expect("a program");
    let cards = std::fs::read_to_string(cards.path()).expect("cards");
    let told = told.into_inner().expect("the lock");
    assert_eq!(status.code(), Some(0), "{cards}");
    assert_eq!(told.len(), 1 + ROOTS.len(), "{told:#?}");

    let results: Vec<&str> = lines(&cards, "Result: ");
    let (last, before) = results.split_last().expect("a card");
    assert_eq!(*last, "GREEN", "{cards}");
    assert!(
        before
            .iter()
            .all(|result| result.starts_with("BLOCKED at ")),
        "{results:?}"
    );
    // One card a step, or several when the machine was slow to take it.
    let mut roots: Vec<&str> = lines(&cards, "FIX FIRST  ")
        .into_iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(roots.len(), before.len(), "every card names one");
    roots.dedup();
    assert_eq!(roots, ROOTS, "{cards}");
    for seen in [
        "connection refused",
        "could not tell: the database system is starting up",
        "loading = true",
        "active = false",
        "status = 502",
    ] {
        assert!(cards.contains(seen), "{seen} in {cards}");
    }
}

/// What follows `start` in the lines that begin with it.
fn lines<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(start))
        .collect()
}
