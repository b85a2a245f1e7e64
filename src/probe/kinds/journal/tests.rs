use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{self, NOW, fact, kind, run, stage};
use crate::servers::ssh::Answer;

/// As systemd 252 prints it, the newest first.
const DAMAGED: &str = r#"{"__CURSOR":"s=1;i=3","__REALTIME_TIMESTAMP":"1780656894000002","__MONOTONIC_TIMESTAMP":"9","_BOOT_ID":"6f2b","MESSAGE":"startup process (PID 812) was terminated by signal 6: Aborted"}
{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1780656894000001","_BOOT_ID":"6f2b","MESSAGE":[27,91,51,49,109,80,65,78,73,67,27,91,48,109,58,32,99,111,117,108,100,32,110,111,116,32,108,111,99,97,116,101,32,97,32,118,97,108,105,100,32,99,104,101,99,107,112,111,105,110,116,32,114,101,99,111,114,100]}
{"__CURSOR":"s=1;i=1","__REALTIME_TIMESTAMP":"1780656893000000","_BOOT_ID":"6f2b","MESSAGE":"LOG:  starting PostgreSQL 14.11\nDETAIL:  two lines"}
"#;

fn printed(stdout: &str, stderr: &str, status: u32) -> Answer {
    Answer::Exit {
        stdout: stdout.into(),
        stderr: stderr.into(),
        status,
    }
}

async fn look(options: serde_json::Value, journal: Answer) -> Result<Facts, Fault> {
    let stage = stage(move |command| match command.split(' ').next() {
        Some("journalctl" | "sudo") => journal.clone(),
        Some("date") => Answer::ok(format!("{NOW}\n")),
        _ => Answer::fails(2, "unexpected"),
    })
    .await;
    run(&kind::<Journal>(options), &stage.context).await
}

#[tokio::test]
async fn lines_are_told_the_newest_last_and_without_colour() {
    let facts = look(json!({"unit": "postgresql"}), Answer::ok(DAMAGED))
        .await
        .expect("facts");
    assert_eq!(
        fact(&facts, "lines"),
        json!([
            "LOG:  starting PostgreSQL 14.11",
            "DETAIL:  two lines",
            "PANIC: could not locate a valid checkpoint record",
            "startup process (PID 812) was terminated by signal 6: Aborted",
        ])
    );
    assert_eq!(fact(&facts, "line_count"), 4);
    assert_eq!(fact(&facts, "truncated"), false);
    assert_eq!(fact(&facts, "newest"), "2026-06-05T10:54:54.000002Z");
    assert_eq!(fact(&facts, "newest_age_s"), 10);
    assert_eq!(fact(&facts, "host_now"), "2026-06-05T10:55:04Z");
    assert_eq!(facts.get("stderr"), None);
}

#[tokio::test]
async fn what_is_looked_for_is_found_in_colour() {
    let options = json!({
        "unit": "postgresql",
        "match": ["starting PostgreSQL", "ready to accept connections"],
        "absent": { "regex": "^PANIC: .*checkpoint" },
    });
    let facts = look(options, Answer::ok(DAMAGED)).await.expect("facts");
    assert_eq!(
        fact(&facts, "missing"),
        json!(["ready to accept connections"])
    );
    assert_eq!(
        fact(&facts, "unwanted"),
        json!(["PANIC: could not locate a valid checkpoint record"])
    );
}

#[rstest]
#[case::nothing("", 0)]
#[case::in_words("-- No entries --\n", 0)]
#[case::with_a_header("-- Logs begin at Fri 2026-06-05. --\n-- No entries --\n", 0)]
#[tokio::test]
async fn a_unit_without_lines_is_a_fact(#[case] stdout: &str, #[case] lines: u32) {
    let facts = look(json!({"unit": "nothing"}), Answer::ok(stdout))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "line_count"), lines);
    assert_eq!(facts.get("newest"), None);
}

#[tokio::test]
async fn more_messages_than_are_looked_at_are_noticed() {
    let options = json!({"unit": "postgresql", "lines": 2, "match": "starting"});
    let facts = look(options, Answer::ok(DAMAGED)).await.expect("facts");
    assert_eq!(fact(&facts, "truncated"), true);
    assert_eq!(facts.get("missing"), None, "it may be in the older ones");
    assert_eq!(fact(&facts, "line_count"), 2);
}

#[tokio::test]
async fn of_a_flood_the_newest_is_kept() {
    let entry = |n: u32| {
        let text = "x".repeat(1000);
        format!("{{\"__REALTIME_TIMESTAMP\":\"1780656894000000\",\"MESSAGE\":\"{n} {text}\"}}\n")
    };
    let flood: String = (0..1300).map(entry).collect();
    let facts = look(json!({"lines": 20000}), Answer::ok(flood))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "truncated"), true);
    let lines = fact(&facts, "lines");
    let lines = lines.as_array().expect("lines");
    let newest = lines.last().and_then(|line| line.as_str()).expect("a line");
    assert!(newest.starts_with("0 x"), "{newest}");
    assert!(lines.len() > 500, "{}", lines.len());
}

const HINT: &str = "Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm', 'systemd-journal' can see all messages.\n      Pass -q to turn off this notice.\n";

#[rstest]
#[case::a_part("", HINT, 0)]
#[case::a_part_with_lines(DAMAGED, HINT, 0)]
#[case::none(
    "",
    "No journal files were opened due to insufficient permissions.\n",
    1
)]
#[tokio::test]
async fn a_login_that_may_not_read_it_is_denied(
    #[case] stdout: &str,
    #[case] stderr: &str,
    #[case] status: u32,
) {
    let fault = look(
        json!({"unit": "postgresql", "absent": "PANIC"}),
        printed(stdout, stderr, status),
    )
    .await
    .expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Denied);
    assert_eq!(
        fault.seen,
        "the login may not read the journal of postgresql on data188"
    );
    let hint = fault.hint.expect("a hint");
    assert!(hint.contains("systemd-journal"), "{hint}");
}

#[rstest]
#[case::no_password(json!({"sudo": true}), "", "sudo: a password is required\n", 1, FaultKind::Denied, "sudo on data188: sudo: a password is required")]
#[case::no_program(json!({}), "", "sh: journalctl: not found\n", 127, FaultKind::Missing, "there is no journalctl on data188")]
#[case::no_journal(json!({}), "", "No journal files were found.\n", 0, FaultKind::Missing, "data188 keeps no journal")]
#[case::old(json!({}), "", "journalctl: unrecognized option '--output-fields=MESSAGE'\n", 1, FaultKind::Protocol, "journalctl on data188 failed: journalctl: unrecognized option '--output-fields=MESSAGE'")]
#[case::garbage(json!({}), "Jun 05 10:54 db[1]: hello\n", "", 0, FaultKind::Protocol, "journalctl on data188 printed no JSON: \"Jun 05 10:54 db[1]: hello\"")]
#[case::cut(json!({}), "{\"MESSAGE\":\"a\"}\n{\"MESS", "", 0, FaultKind::Protocol, "journalctl on data188 printed no JSON: \"{\\\"MESS\"")]
#[tokio::test]
async fn what_stands_in_the_way_is_a_fault(
    #[case] options: serde_json::Value,
    #[case] stdout: &str,
    #[case] stderr: &str,
    #[case] status: u32,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let fault = look(options, printed(stdout, stderr, status))
        .await
        .expect_err("a fault");
    assert_eq!((fault.kind, fault.seen.as_str()), (kind, seen));
}

#[tokio::test]
async fn a_damaged_journal_proves_no_absence() {
    let stderr = "bash: warning: setlocale: cannot change locale\nJournal file /var/log/journal/6f/system@1.journal~ is truncated, ignoring file.\n";
    let facts = look(json!({"absent": "x"}), printed(DAMAGED, stderr, 0))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "truncated"), true);
    assert_eq!(facts.get("unwanted"), None);
    assert_eq!(
        fact(&facts, "stderr"),
        "Journal file /var/log/journal/6f/system@1.journal~ is truncated, ignoring file."
    );
}

#[tokio::test]
async fn a_hung_journal_is_a_fault() {
    let mut stage = stage(|_| Answer::Hang).await;
    stage.context.target.timeout = std::time::Duration::from_secs(2);
    let fault = run(&kind::<Journal>(json!({})), &stage.context)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::TimedOut);
}

#[rstest]
#[case(json!({}), "journalctl --no-pager --output=json --output-fields=MESSAGE --all --reverse --lines=201 --since=-3600s")]
#[case(json!({"unit": "k3s", "boot": true}), "journalctl --no-pager --output=json --output-fields=MESSAGE --all --reverse --lines=201 --boot --unit=k3s")]
#[case(json!({"kernel": true, "priority": "err", "lines": 50}), "journalctl --no-pager --output=json --output-fields=MESSAGE --all --reverse --lines=51 --dmesg --priority=err")]
#[case(json!({"unit": "a", "since": "1d", "match": "x", "sudo": true}), "sudo -n journalctl --no-pager --output=json --output-fields=MESSAGE --all --reverse --lines=5001 --since=-86400s --unit=a")]
fn the_command(#[case] options: serde_json::Value, #[case] expected: &str) {
    let journal = kind::<Journal>(options);
    assert_eq!(journal.command().join(" "), expected);
    let problems = journal.problems(&stage::target(stage::host(22)), &Policy::default());
    assert_eq!(problems, []);
}

#[tokio::test]
async fn what_is_planned_is_sent() {
    let stage = stage(|_| Answer::ok("")).await;
    let journal = kind::<Journal>(json!({"unit": "cron"}));
    run(&journal, &stage.context).await.expect("facts");
    let requests = journal.requests(&stage.context.target, &Policy::default());
    let mut planned: Vec<String> = requests.into_iter().map(|request| request.text).collect();
    let mut sent = stage.server.log.lines();
    planned.sort();
    sent.sort();
    assert_eq!(sent, planned);
}

#[rstest]
#[case(json!({"unit": "--rotate"}), "unit", r#""--rotate" is no name of a unit"#)]
#[case(json!({"unit": ""}), "unit", r#""" is no name of a unit"#)]
#[case(json!({"unit": "a b"}), "unit", r#""a b" is no name of a unit"#)]
#[case(json!({"unit": "a;reboot"}), "unit", r#""a;reboot" is no name of a unit"#)]
#[case(json!({"unit": "a", "kernel": true}), "kernel", "the kernel is of no unit")]
fn options_that_make_no_sense(
    #[case] options: serde_json::Value,
    #[case] path: &str,
    #[case] message: &str,
) {
    let target = stage::target(stage::host(22));
    let problems = kind::<Journal>(options).problems(&target, &Policy::default());
    let [problem] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!(
        (problem.path.join("."), problem.message.as_str()),
        (path.to_owned(), message)
    );
    assert!(problem.suggestion.is_some());
}

#[rstest]
#[case(r#"{"MESSAGE":null}"#, &[])]
#[case("{}", &[])]
#[case(r#"{"MESSAGE":["a","b"]}"#, &["a", "b"])]
#[case(r#"{"MESSAGE":[[97],"b"]}"#, &["a", "b"])]
#[case(r#"{"MESSAGE":[255,254,97]}"#, &["\u{fffd}\u{fffd}a"])]
#[case(r#"{"MESSAGE":[300]}"#, &[])]
#[case(r#"{"MESSAGE":{}}"#, &[])]
fn odd_messages(#[case] record: &str, #[case] expected: &[&str]) {
    assert_eq!(Entry::parse(record).expect("an entry").lines, expected);
}
