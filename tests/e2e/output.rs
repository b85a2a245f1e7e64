//! The forms of the card, and where it goes.

use std::collections::BTreeSet;
use std::process::Stdio;

use regex::Regex;
use serde_json::Value;

use crate::desk::{Desk, checks, end};
use crate::servers::postgres::Trouble;
use crate::stack::Stack;

const STARTING: Trouble = Trouble::Login("57P03", "the database system is starting up");

#[tokio::test(flavor = "multi_thread")]
async fn json_holds_to_its_schema_and_has_every_check() {
    let desk = Desk::new();
    let schema: Value = serde_json::from_str(include_str!("../../schema/scorecard.schema.json"))
        .expect("the committed schema");
    let printed = desk.run(&["schema", "scorecard"]).await.json();
    assert_eq!(printed, schema);
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema");
    let green = Stack::up(&desk).await;
    let blocked = Stack::with(&desk, STARTING).await;
    desk.home.trust(&[
        &green.data188,
        &green.ops110,
        &blocked.data188,
        &blocked.ops110,
    ]);
    let cases: [(&Stack, &[&str], i32); 6] = [
        (&green, &[], 0),
        (&blocked, &[], 2),
        (&blocked, &["--keep-going"], 2),
        (&blocked, &["--skip", "P1-DATA"], 0),
        (&blocked, &["--only", "ssh", "--deadline", "1h"], 0),
        (&green, &["--deadline", "1ms"], 3),
    ];
    for (stack, args, code) in cases {
        let ran = desk
            .check(&stack.baseline(), &[args, &["--json"]].concat())
            .await;
        assert_eq!(ran.code, Some(code), "{args:?} {ran:#?}");
        assert_eq!(ran.stderr, "", "{args:?}");
        let card = ran.json();
        let errors: Vec<String> = validator
            .iter_errors(&card)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{args:?} {errors:#?}");
        assert_eq!(card["exit_code"], code);

        let plan = desk.run(&["plan", "-b", "baseline.yml", "--json"]).await;
        let plan = plan.json();
        let ids = |document| {
            let ids = checks(document)
                .into_iter()
                .map(|check| check["id"].clone());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(ids(&card), ids(&plan), "{args:?}");
        assert_eq!(card["baseline"], plan["baseline"]);
        let totals = card["totals"].as_object().expect("totals");
        let sum: u64 = totals.values().filter_map(Value::as_u64).sum();
        assert_eq!(sum, 7, "{args:?} {totals:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_runs_give_one_card() {
    let desk = Desk::new();
    let stack = Stack::with(&desk, STARTING).await;
    let mut cards = BTreeSet::new();
    for _ in 0..10 {
        let ran = desk.check(&stack.baseline(), &["--keep-going"]).await;
        cards.insert(ran.card());
    }
    assert_eq!(cards.len(), 1, "{cards:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_early_changes_nothing() {
    let desk = Desk::new();
    let stack = Stack::with(&desk, STARTING).await;
    desk.write("baseline.yml", &stack.baseline());
    let baseline = ["-b", "baseline.yml"];
    for (args, code) in [
        (&["check"][..], 2),
        (&["check", "--json"], 2),
        (&["plan"], 0),
        (&["graph"], 0),
        (&["explain", "redis"], 0),
    ] {
        let mut child = desk
            .command(&[args, &baseline].concat())
            .spawn()
            .expect("the program");
        drop(child.stdout.take());
        let ran = end(child).await;
        assert_eq!(ran.code, Some(code), "{args:?} {ran:#?}");
        assert_eq!(ran.stderr, "", "{args:?}");
    }
    for args in [&["schema"][..], &["completions", "bash"], &["--help"]] {
        let mut child = desk.command(args).spawn().expect("the program");
        drop(child.stdout.take());
        let ran = end(child).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
    }
}

/// Nobody may take a card that was not written for a green one.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_no_green() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    desk.write("baseline.yml", &stack.baseline());
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let child = desk
        .command(&["check", "-b", "baseline.yml"])
        .stdout(Stdio::from(full))
        .spawn()
        .expect("the program");
    let ran = end(child).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(ran.stderr.contains("cannot be written"), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_those_who_ask() {
    let plain = Desk::new();
    let stack = Stack::with(&plain, STARTING).await;
    let trusted = stack.data188.known_hosts_line() + &stack.ops110.known_hosts_line();
    // One key and one known_hosts file for every desk.
    let desk = |name: &'static str, value: &str| {
        let desk = Desk::new().env(name, value);
        desk.home.write("known_hosts", &trusted);
        let key = std::fs::read_to_string(plain.folder().join(".ssh/id_ed25519")).expect("a key");
        desk.home.write("id_ed25519", &key);
        desk
    };
    let (no_color, forced, dumb) = (
        desk("NO_COLOR", "1"),
        desk("CLICOLOR_FORCE", "1"),
        desk("TERM", "dumb"),
    );
    let expected = plain.check(&stack.baseline(), &[]).await.card();
    assert!(!expected.contains('\u{1b}'), "{expected}");
    let cases: [(&Desk, &[&str], bool); 8] = [
        (&plain, &["--color", "auto"], false),
        (&plain, &["--color", "always"], true),
        (&plain, &["--color", "never"], false),
        (&no_color, &[], false),
        (&no_color, &["--color", "always"], true),
        (&forced, &["--no-color"], false),
        (&forced, &[], true),
        (&dumb, &["--no-color"], false),
    ];
    let escape = Regex::new("\u{1b}\\[[0-9;]*m").expect("a pattern");
    for (desk, args, coloured) in cases {
        let mut ran = desk.check(&stack.baseline(), args).await;
        assert_eq!(ran.stdout.contains('\u{1b}'), coloured, "{args:?} {ran:#?}");
        ran.stdout = escape.replace_all(&ran.stdout, "").into_owned();
        assert_eq!(ran.card(), expected, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ascii_and_verbose_say_more_with_less() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let ran = desk.check(&stack.baseline(), &["--ascii", "-v"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stdout.is_ascii(), "{ran:#?}");
    for id in [
        "ssh@data188",
        "redis@data188",
        "rootfs@ops110",
        "status=200",
    ] {
        assert!(ran.stdout.contains(id), "{id} in {ran:#?}");
    }
    assert_eq!(ran.last(2), "PASS=7 WARN=0 BLOCKED=0\nResult: GREEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_with_its_last_attempt() {
    let desk = Desk::new();
    let stack = Stack::with(&desk, STARTING).await;
    let args = ["--watch", "--interval", "1ms", "--max-attempts", "3"];
    let ran = desk.check(&stack.baseline(), &args).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(ran.stdout.matches("Result: BLOCKED").count(), 1);
    assert_eq!(ran.stderr.matches("attempt ").count(), 3, "{ran:#?}");
    assert_eq!(ran.stderr.matches(" BLOCKED at ").count(), 3, "{ran:#?}");
    let ran = desk
        .check(&stack.baseline(), &[&args[..], &["--json"]].concat())
        .await;
    assert_eq!(ran.json()["result"], "BLOCKED", "one document");
}

/// A watch may go on for days: what one attempt held, the next one must have.
#[tokio::test(flavor = "multi_thread")]
async fn the_attempts_of_a_watch_do_not_add_up() {
    let desk = Desk::new();
    let baseline = "version: 1\nname: one\nphases:\n  ONLY:\n    checks:\n      port:\n        \
        title: the port is open\n        tcp: { address: 127.0.0.1, port: 1 }\n        \
        retry: { attempts: 1 }\n";
    desk.write("baseline.yml", baseline);
    let program = env!("CARGO_BIN_EXE_coldstart");
    let line = format!(
        "ulimit -n 40 && exec '{program}' check -b baseline.yml --watch --interval 1ms \
         --max-attempts 60 --audit audit.jsonl"
    );
    let mut shell = tokio::process::Command::new("/bin/sh");
    shell
        .args(["-c", &line])
        .current_dir(desk.folder())
        .env_clear()
        .env("HOME", desk.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let ran = end(shell.spawn().expect("a shell")).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(desk.audited("audit.jsonl").len(), 60);
    assert!(!ran.stderr.contains("cannot"), "{}", ran.stderr);
}

/// Nothing else has to be there for it.
const ADVISORY: &str = "version: 1\nname: one\nphases:\n  ONLY:\n    checks:\n      \
    port: { title: the port is open, tcp: { address: 127.0.0.1, port: 1 }, advisory: true, retry: { attempts: 1 } }\n      \
    next: { title: the next is open, tcp: { address: 127.0.0.1, port: 1 }, after: port, retry: { attempts: 1 } }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_senseless_width_tears_no_words() {
    let desk = Desk::new().env("COLUMNS", "1");
    let ran = desk.check(ADVISORY, &[]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.stdout.contains("FIX FIRST  next\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("connection refused"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_advisory_check_is_explained_to_hold_nothing() {
    let desk = Desk::new();
    desk.write("baseline.yml", ADVISORY);
    let ran = desk.run(&["explain", "port", "-b", "baseline.yml"]).await;
    let holds: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| line.contains("  holds"))
        .collect();
    assert_eq!(holds, ["  holds       nothing: it is advisory"], "{ran:#?}");
}
