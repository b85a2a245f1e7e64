use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

const LIST: &str = "\
8192 1780516867.0 db-202606041800.sqlite
8192 1780603267.0 db-202606050000.sqlite
";

/// A header: `version` 1 for a rollback journal, 2 for a log.
fn header(version: u8) -> Vec<u8> {
    let mut head = vec![0; HEADER];
    head[..16].copy_from_slice(b"SQLite format 3\0");
    head[18] = version;
    head[19] = version;
    head[27] = 9;
    head[31] = 2;
    head[95] = 9;
    head
}

fn options() -> serde_json::Value {
    json!({"path": "/b/db-{date}.sqlite", "date": "%Y%m%d%H%M", "zone": "UTC"})
}

async fn look(
    options: serde_json::Value,
    other: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static,
) -> (Result<Facts, Fault>, Vec<String>) {
    let mut stage = stage(move |command| {
        if let Some(answer) = other(command) {
            return answer;
        }
        let has = |part: &str| command.contains(part);
        match command {
            _ if has("date ") => Answer::ok("1780656904 +0800\n"),
            _ if has("-printf") => Answer::ok(LIST),
            _ if has("-maxdepth 0") => {
                Answer::fails(1, "find: '/b/x-wal': No such file or directory\n")
            }
            _ if has("head ") => Answer::ok(header(1)),
            _ if has("_check") => Answer::ok("[{\"integrity_check\":\"ok\"}]\n"),
            _ => Answer::fails(2, "unexpected"),
        }
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    let seen = run(&kind::<Sqlite>(options), &stage.context).await;
    (seen, stage.server.log.lines())
}

#[tokio::test]
async fn the_newest_is_asked() {
    let (facts, sent) = look(options(), |_| None).await;
    let facts = facts.expect("facts");
    let expected = json!({
        "exists": true, "integrity": "ok", "errors": 0, "findings": [], "pages": 2,
        "name": "db-202606050000.sqlite", "newest_at": "2026-06-05T00:00:00Z",
        "modified_at": "2026-06-04T20:01:07Z", "age_s": 39304, "host_now": "2026-06-05T10:55:04Z", "size_bytes": 8192,
        "journal": "rollback", "opened": "locked", "rows": null, "value": null,
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&fact(&facts, name), value, "{name}");
    }
    let asked = "sqlite3 -readonly -safe -json -init /dev/null 'file:/b/db-202606050000.sqlite?mode=ro' 'PRAGMA integrity_check'";
    assert!(sent.iter().any(|line| line.contains(asked)), "{sent:?}");
}

/// Which files lie beside one with a log decides how it is opened.
#[rstest]
#[case::nobody_has_it_open("", "immutable", "mode=ro&immutable=1")]
#[case::in_use(
    concat!(
        "/b/db-202606050000.sqlite-wal\n/b/db-202606050000.sqlite-wal\n",
        "/b/db-202606050000.sqlite-shm\n/b/db-202606050000.sqlite-shm\n"
    ),
    "log",
    "mode=ro&readonly_shm=1"
)]
#[case::in_use_and_empty(
    "/b/db-202606050000.sqlite-wal\n/b/db-202606050000.sqlite-shm\n/b/db-202606050000.sqlite-shm\n",
    "log",
    "mode=ro&readonly_shm=1"
)]
#[case::left_by_a_crash(
    "/b/db-202606050000.sqlite-shm\n/b/db-202606050000.sqlite-shm\n",
    "immutable",
    "mode=ro&immutable=1"
)]
#[case::both_empty(
    "/b/db-202606050000.sqlite-wal\n/b/db-202606050000.sqlite-shm\n",
    "immutable",
    "mode=ro&immutable=1"
)]
#[tokio::test]
async fn a_log_is_read_without_a_trace(
    #[case] beside: &'static str,
    #[case] opened: &str,
    #[case] by: &str,
) {
    let (facts, sent) = look(options(), move |command| {
        if command.contains("head ") {
            return Some(Answer::ok(header(2)));
        }
        command.contains("-maxdepth 0").then(|| Answer::ok(beside))
    })
    .await;
    let facts = facts.expect("facts");
    assert_eq!(fact(&facts, "opened"), json!(opened));
    assert_eq!(fact(&facts, "journal"), json!("wal"));
    assert!(sent.iter().any(|line| line.contains(by)), "{sent:?}");
}

#[rstest]
#[case::pages(
    "[{\"integrity_check\":\"*** in database main ***\\nPage 6: btreeInitPage() returns error code 11\\nPage 5: free space corruption\"}]",
    0,
    "",
    "Page 6: btreeInitPage() returns error code 11",
    2
)]
#[case::rows(
    "[{\"integrity_check\":\"row 1 missing from index i\"},\n{\"integrity_check\":\"wrong # of entries in index i\"}]",
    0,
    "",
    "row 1 missing from index i",
    2
)]
#[case::malformed(
    "",
    11,
    "Error: stepping, database disk image is malformed (11)\n",
    "database disk image is malformed (11)",
    1
)]
#[case::no_database(
    "",
    26,
    "Error: in prepare, file is not a database (26)\n",
    "file is not a database (26)",
    1
)]
#[case::an_older_one(
    "",
    1,
    "Error: database disk image is malformed\n",
    "database disk image is malformed",
    1
)]
#[tokio::test]
async fn what_is_broken_is_a_fact(
    #[case] stdout: &'static str,
    #[case] status: u32,
    #[case] stderr: &'static str,
    #[case] integrity: &str,
    #[case] errors: u32,
) {
    let mut options = options();
    options["query"] = json!("SELECT 1");
    let (facts, sent) = look(options, move |command| {
        command.contains("_check").then(|| Answer::Exit {
            stdout: stdout.into(),
            stderr: stderr.into(),
            status,
        })
    })
    .await;
    let facts = facts.expect("facts");
    assert_eq!(fact(&facts, "integrity"), json!(integrity));
    assert_eq!(fact(&facts, "errors"), json!(errors));
    assert!(
        !sent.iter().any(|line| line.contains("SELECT")),
        "what is broken is not asked"
    );
}

#[rstest]
#[case::no_program(
    "_check",
    Answer::fails(127, "sh: sqlite3: not found\n"),
    FaultKind::Missing,
    "there is no sqlite3"
)]
#[case::old(
    "_check",
    Answer::fails(
        1,
        "sqlite3: Error: unknown option: -safe\nUse -help for a list of options.\n"
    ),
    FaultKind::Missing,
    "older than 3.37"
)]
#[case::locked(
    "_check",
    Answer::fails(5, "Error: in prepare, database is locked (5)\n"),
    FaultKind::Closed,
    "a writer has the file"
)]
#[case::hot(
    "_check",
    Answer::fails(8, "Error: in prepare, attempt to write a readonly database (8)\n"),
    FaultKind::Protocol,
    "a change that was cut off"
)]
#[case::unopened(
    "_check",
    Answer::fails(14, "Error: in prepare, unable to open database file (14)\n"),
    FaultKind::Denied,
    "may not read"
)]
#[case::silent("_check", Answer::ok(""), FaultKind::Protocol, "said nothing")]
#[case::garbage("_check", Answer::ok("ok\n"), FaultKind::Protocol, "said nothing")]
#[case::denied(
    "head ",
    Answer::fails(1, "head: cannot open '/b/x' for reading: Permission denied\n"),
    FaultKind::Denied,
    "may not be looked at"
)]
#[case::hangs("_check", Answer::Hang, FaultKind::TimedOut, "")]
#[case::log_alone(
    "-maxdepth 0",
    Answer::ok("/b/db-202606050000.sqlite-wal\n/b/db-202606050000.sqlite-wal\n"),
    FaultKind::Protocol,
    "no -shm"
)]
#[tokio::test]
async fn what_stands_in_the_way(
    #[case] part: &'static str,
    #[case] answer: Answer,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let (fault, _) = look(options(), move |command| {
        if part == "-maxdepth 0" && command.contains("head ") {
            return Some(Answer::ok(header(2)));
        }
        command.contains(part).then(|| answer.clone())
    })
    .await;
    let fault = fault.expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault:?}");
    assert!(fault.seen.contains(seen), "{fault}");
}

#[tokio::test]
async fn no_sqlite_file_at_all() {
    let (facts, _) = look(options(), |command| {
        command.contains("head ").then(|| Answer::ok("<html>"))
    })
    .await;
    let facts = facts.expect("facts");
    assert_eq!(
        fact(&facts, "integrity"),
        json!("it begins like no SQLite file")
    );
    let (facts, _) = look(options(), |command| {
        command.contains("-printf").then(|| Answer::ok(""))
    })
    .await;
    assert_eq!(fact(&facts.expect("facts"), "exists"), json!(false));
}

#[tokio::test]
async fn a_query_has_rows() {
    let mut options = options();
    options["query"] = json!("SELECT count(*) AS n,\n  NULL AS nothing FROM users;");
    let (facts, sent) = look(options, |command| {
        command
            .contains("SELECT")
            .then(|| Answer::ok("[{\"n\":42,\"nothing\":null}]\n"))
    })
    .await;
    let facts = facts.expect("facts");
    for (name, value) in [
        ("rows", json!(1)),
        ("rows_whole", json!(true)),
        ("columns", json!(["n", "nothing"])),
        ("value", json!(42)),
        ("row", json!({"n": 42})),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
    let asked = "'SELECT * FROM (SELECT count(*) AS n, NULL AS nothing FROM users) LIMIT 101'";
    assert!(sent.iter().any(|line| line.contains(asked)), "{sent:?}");
}

#[rstest]
#[case(json!({"path": "db.sqlite"}), "path")]
#[case(json!({"path": "/b/{date}", "date": "%Y"}), "date")]
#[case(json!({"path": "/b/x", "zone": "Taipei"}), "zone")]
#[case(json!({"path": "/b/x", "query": "DELETE FROM t"}), "query")]
#[case(json!({"path": "/b/x", "query": ".shell id"}), "query")]
#[case(json!({"path": "/b/x", "query": "SELECT 1; VACUUM INTO '/x'"}), "query")]
#[case(json!({"path": "/b/x", "query": "SELECT 1) ; .shell id"}), "query")]
#[case(json!({"path": "/b/x", "query": "SELECT `;` , 1"}), "query")]
#[case(json!({"path": "/b/x", "query": "PRAGMA journal_mode=delete"}), "query")]
#[case(json!({"path": "/b/x", "query": "EXPLAIN SELECT 1"}), "query")]
#[case(json!({"path": "/b/x", "query": "SELECT 1 -- all"}), "query")]
fn problems_have_a_place(#[case] options: serde_json::Value, #[case] place: &str) {
    let problems = kind::<Sqlite>(options).problems(&target(host(22)), &Policy::default());
    let places: Vec<String> = problems
        .iter()
        .map(|problem| problem.path.join("."))
        .collect();
    assert_eq!(places, [place], "{problems:?}");
}

#[test]
fn what_ends_a_path_is_written_otherwise() {
    assert_eq!(
        address("/a?b#c%20d", Opened::Locked),
        "file:/a%3fb%23c%2520d?mode=ro"
    );
    let kind = kind::<Sqlite>(json!({"path": "/a?b", "query": "SELECT 1"}));
    assert_eq!(kind.problems(&target(host(22)), &Policy::default()), []);
    assert_eq!(
        kind.requests(&target(host(22)), &Policy::default()).len(),
        6
    );
}
