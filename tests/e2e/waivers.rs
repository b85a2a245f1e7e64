//! Accepted warnings: what `coldstart accept` writes, and what runs make of it.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::desk::{Desk, Ran, checks, end};
use crate::servers::http;
use crate::servers::tcp;

/// A check that warns, one that passes, and a release behind both.
fn baseline(api: &tcp::Server) -> String {
    format!(
        "\
version: 1
name: stack
phases:
  P0:
    checks:
      up:
        title: API answers
        http: {{ url: \"http://127.0.0.1:{port}/json\" }}
      queue:
        title: the queue is empty
        http: {{ url: \"http://127.0.0.1:{port}/json\" }}
        require: json.status == 'ready'
        prefer: json.queue < 1
releases:
  runners: {{ title: CI runners, needs: P0, require: [{{ check: queue }}] }}
",
        port = api.address.port()
    )
}

async fn accept(desk: &Desk, args: &[&str]) -> Ran {
    let args = [&["accept", "-b", "baseline.yml"], args].concat();
    desk.run(&args).await
}

const WORDS: [&str; 5] = ["queue", "--reason", "the vendor is told", "--by", "ogt"];

async fn accepted(desk: &Desk, until: &str) -> Ran {
    accept(desk, &[&WORDS[..], &["--until", until]].concat()).await
}

fn waivers(desk: &Desk) -> String {
    std::fs::read_to_string(desk.folder().join("baseline.waivers.yml")).expect("a waivers file")
}

/// An entry for `queue` with these times.
fn entry(until: &str, accepted_at: &str) -> String {
    format!(
        "version: 1\nwaivers:\n  - check: queue\n    reason: the vendor is told\n    by: ogt\n    until: {until}\n    accepted_at: {accepted_at}\n"
    )
}

fn queue(card: &Value) -> &Value {
    let all = checks(card);
    all.into_iter()
        .find(|check| check["id"] == "queue")
        .expect("it is planned")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_warning_is_green_and_opens_the_gate() {
    let desk = Desk::new();
    let api = http::plain().await;
    let before = desk.check(&baseline(&api), &[]).await;
    assert_eq!(before.code, Some(1), "{before:#?}");
    let shut = desk.run(&["gate", "-b", "baseline.yml", "runners"]).await;
    assert_eq!(shut.code, Some(2), "{shut:#?}");

    let wrote = accepted(&desk, "3d").await;
    assert_eq!(wrote.code, Some(0), "{wrote:#?}");
    assert!(wrote.stdout.contains("Have it reviewed"), "{wrote:#?}");
    assert_eq!(wrote.stderr, "", "the check was looked at: {wrote:#?}");

    let ran = desk.check(&baseline(&api), &[]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(
        ran.last(3),
        "ACCEPTED=1\nPASS=1 WARN=0 BLOCKED=0\nResult: GREEN with 1 accepted"
    );
    for part in [
        "ACCEPTED  queue  the queue is empty",
        "expected json.queue < 1",
        "accepted by ogt until ",
        "the vendor is told",
        "runners  OPEN",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {ran:#?}");
    }

    let ran = desk.check(&baseline(&api), &["--json"]).await;
    let card = ran.json();
    let check = queue(&card);
    assert_eq!(check["verdict"], "WARN");
    assert_eq!(check["accepted"]["by"], "ogt");
    assert_eq!(check["accepted"]["reason"], "the vendor is told");
    assert_eq!(card["totals"]["accepted"], 1);
    assert_eq!(card["totals"]["warn"], 0);
    assert_eq!(card["result"], "GREEN");
    assert_eq!(card["phases"][0]["gate"], "GREEN");
    assert_eq!(card["waivers"][0]["state"], "used");

    let gate = [
        "gate",
        "-b",
        "baseline.yml",
        "runners",
        "--",
        "/bin/sh",
        "-c",
        ": > ran",
    ];
    let open = desk.run(&gate).await;
    assert_eq!(open.code, Some(0), "{open:#?}");
    assert!(open.stderr.contains("ACCEPTED   queue"), "{open:#?}");
    assert!(desk.folder().join("ran").exists());

    let metrics = desk
        .check(&baseline(&api), &["--report", "prometheus"])
        .await;
    assert!(
        metrics.stdout.contains("\ncoldstart_accepted_gates 1\n"),
        "{metrics:#?}"
    );

    let listed = accept(&desk, &["--list"]).await;
    assert!(
        listed.stdout.contains("queue: in force for "),
        "{listed:#?}"
    );
    assert!(listed.stdout.contains("used in 4 runs"), "{listed:#?}");

    let without = desk.check(&baseline(&api), &["--waivers", "none"]).await;
    assert_eq!(without.code, Some(1), "{without:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_one_warns_again_and_shuts_the_gate() {
    let desk = Desk::new();
    let api = http::plain().await;
    desk.write(
        "baseline.waivers.yml",
        &entry("2026-01-02", "2026-01-01T00:00:00Z"),
    );
    let ran = desk.check(&baseline(&api), &[]).await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let told = "queue: the waiver by ogt has expired since 2026-01-03T00:00:00Z: it warns again";
    assert!(ran.stdout.replace("\n    ", " ").contains(told), "{ran:#?}");
    let gate = [
        "gate",
        "-b",
        "baseline.yml",
        "runners",
        "--",
        "/bin/sh",
        "-c",
        ": > ran",
    ];
    let shut = desk.run(&gate).await;
    assert_eq!(shut.code, Some(2), "{shut:#?}");
    assert!(!desk.folder().join("ran").exists());
    let listed = accept(&desk, &["--list"]).await;
    assert!(
        listed
            .stdout
            .starts_with("queue: expired since 2026-01-03T00:00:00Z\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_time_to_come_is_not_believed() {
    let desk = Desk::new();
    let api = http::plain().await;
    desk.write(
        "baseline.waivers.yml",
        &entry("2199-01-02", "2198-01-01T00:00:00Z"),
    );
    let ran = desk.check(&baseline(&api), &["--json"]).await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert_eq!(ran.json()["waivers"][0]["state"], "not_believed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_blocked_cannot_be_accepted() {
    let desk = Desk::new();
    let api = http::plain().await;
    let broken = baseline(&api).replace("== 'ready'", "== 'gone'");
    desk.write(
        "baseline.waivers.yml",
        &entry("2199-01-02", "2026-01-01T00:00:00Z"),
    );
    let ran = desk.check(&broken, &["--json"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let card = ran.json();
    assert_eq!(card["waivers"][0]["state"], "blocked");
    assert_eq!(queue(&card)["accepted"], Value::Null);
    assert_eq!(card["totals"]["accepted"], 0);
    let shut = desk.run(&["gate", "-b", "baseline.yml", "runners"]).await;
    assert_eq!(shut.code, Some(2), "{shut:#?}");

    let before = waivers(&desk);
    let refused = accepted(&desk, "3d").await;
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(
        refused
            .stderr
            .contains("queue was BLOCKED when last looked at"),
        "{refused:#?}"
    );
    assert_eq!(waivers(&desk), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reviewer_wrote_stays() {
    let desk = Desk::new();
    let api = http::plain().await;
    desk.write("baseline.yml", &baseline(&api));
    let written = format!(
        "# reviewed by the night shift\n{}    # until the disk is there\n",
        entry("2026-01-02", "2026-01-01T00:00:00Z")
    );
    let path = desk.write("baseline.waivers.yml", &written);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    let wrote = accepted(&desk, "2199-12-01").await;
    assert_eq!(wrote.code, Some(0), "{wrote:#?}");
    assert!(wrote.stdout.contains("takes the place"), "{wrote:#?}");
    let now = waivers(&desk);
    let added = now.strip_prefix(&written).expect("all that was there");
    assert!(added.contains("    until: 2199-12-01\n"), "{added}");
    let mode = std::fs::metadata(&path)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    let ran = desk.check(&baseline(&api), &[]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:#?}");
    let valid = desk.run(&["validate", "baseline.yml"]).await;
    assert_eq!(valid.code, Some(0), "{valid:#?}");
    assert!(
        valid.stderr.contains("warning[superseded-waiver]"),
        "{valid:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_words_write_nothing() {
    let desk = Desk::new();
    let api = http::plain().await;
    desk.write("baseline.yml", &baseline(&api));
    let usage: [(&[&str], &str); 8] = [
        (
            &["queue", "--reason", " ", "--by", "ogt", "--until", "3d"],
            "--reason is empty",
        ),
        (
            &["queue", "--reason", "r", "--by", "", "--until", "3d"],
            "--by is empty",
        ),
        (
            &[
                "queue",
                "--reason",
                "r",
                "--by",
                "ogt",
                "--until",
                "2026-01-01",
            ],
            "is over since 2026-01-02T00:00:00Z",
        ),
        (
            &["queue", "--reason", "r", "--by", "ogt", "--until", "0s"],
            "is over since",
        ),
        (
            &["queue", "--reason", "r", "--by", "ogt", "--until", "soon"],
            "a date such as",
        ),
        (
            &[
                "queue",
                "--reason",
                "r",
                "--by",
                "ogt",
                "--until",
                "2199-12-01T00:00:00",
            ],
            "offset from UTC",
        ),
        (
            &["quue", "--reason", "r", "--by", "ogt", "--until", "3d"],
            "did you mean `queue`?",
        ),
        (&["queue", "--by", "ogt", "--until", "3d"], "--reason"),
    ];
    for (args, told) in usage {
        let ran = accept(&desk, args).await;
        assert_eq!(ran.code, Some(64), "{ran:#?}");
        assert!(ran.stderr.contains(told), "{told}: {ran:#?}");
    }
    assert!(!desk.folder().join("baseline.waivers.yml").exists());
    let built_in = desk
        .run(&[
            "accept", "load", "--reason", "r", "--by", "o", "--until", "3d",
        ])
        .await;
    assert_eq!(built_in.code, Some(64), "{built_in:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_errors_ends_it_before_it_begins() {
    let desk = Desk::new();
    let api = http::plain().await;
    desk.write("baseline.yml", &baseline(&api));
    let broken = entry("2199-01-02", "2026-01-01T00:00:00Z").replace("reason:", "reson:");
    desk.write("baseline.waivers.yml", &broken);
    let gate = [
        "gate",
        "-b",
        "baseline.yml",
        "runners",
        "--",
        "/bin/sh",
        "-c",
        ": > ran",
    ];
    for args in [
        &["check", "-b", "baseline.yml"][..],
        &gate,
        &["validate", "baseline.yml"],
        &["accept", "-b", "baseline.yml", "--list"],
    ] {
        let ran = desk.run(args).await;
        assert_eq!(ran.code, Some(78), "{ran:#?}");
        assert!(ran.stderr.contains("unknown key `reson`"), "{ran:#?}");
        assert!(ran.stderr.contains("baseline.waivers.yml:4:5"), "{ran:#?}");
    }
    assert_eq!(accepted(&desk, "3d").await.code, Some(78));
    assert_eq!(waivers(&desk), broken);
    assert!(!desk.folder().join("ran").exists());
    assert_eq!(api.received(), "", "nothing was asked");

    // A link to nowhere is no proof that nobody wrote one; a folder is no file.
    let path = desk.folder().join("baseline.waivers.yml");
    std::fs::remove_file(&path).expect("it is there");
    std::os::unix::fs::symlink("nowhere", &path).expect("a link");
    assert_eq!(desk.run(&gate).await.code, Some(78));
    std::fs::remove_file(&path).expect("it is there");
    std::fs::create_dir(&path).expect("a folder");
    assert_eq!(desk.run(&gate).await.code, Some(78));
    let named = [&["check", "-b", "baseline.yml", "--waivers", "nowhere.yml"][..]].concat();
    assert_eq!(desk.run(&named).await.code, Some(78));
    assert!(!desk.folder().join("ran").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_words_act_on_no_terminal() {
    let desk = Desk::new();
    let api = http::plain().await;
    desk.write("baseline.yml", &baseline(&api));
    let reason = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}x\nResult: GREEN";
    let words = [
        "queue",
        "--reason",
        reason,
        "--by",
        "\u{1b}[31mroot",
        "--until",
        "3d",
    ];
    let wrote = accept(&desk, &words).await;
    assert_eq!(wrote.code, Some(0), "{wrote:#?}");
    let harmful = |text: &str| text.contains(['\u{1b}', '\u{7}', '\u{202e}']);
    assert!(
        !harmful(&wrote.stdout) && !harmful(&waivers(&desk)),
        "{wrote:#?}"
    );
    for args in [
        &[][..],
        &["-v"],
        &["--json"],
        &["--report", "tap"],
        &["--report", "junit"],
        &["--report", "nagios"],
        &["--report", "github"],
        &["--report", "markdown"],
        &["--report", "html"],
    ] {
        let ran = desk.check(&baseline(&api), args).await;
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(
            !harmful(&ran.stdout) && !harmful(&ran.stderr),
            "{args:?}: {ran:#?}"
        );
        assert!(ran.stdout.contains("owned"), "{args:?}");
        let results = ran
            .stdout
            .lines()
            .filter(|line| line.starts_with("Result: "));
        assert!(results.count() <= 1, "{args:?}: {ran:#?}");
    }
    let listed = accept(&desk, &["--list"]).await;
    assert!(!harmful(&listed.stdout), "{listed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_checks_are_told() {
    let desk = Desk::new();
    let api = http::plain().await;
    let other = entry("2199-01-02", "2026-01-01T00:00:00Z").replace("check: queue", "check: queu");
    desk.write("baseline.waivers.yml", &other);
    let ran = desk.check(&baseline(&api), &["--json"]).await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.stderr.contains("did you mean `queue`?"), "{ran:#?}");
    assert_eq!(ran.json()["waivers"][0]["state"], "unknown_check");
    let valid = desk.run(&["validate", "baseline.yml"]).await;
    assert_eq!(valid.code, Some(0), "{valid:#?}");
    assert!(
        valid.stderr.contains("warning[unknown-check]"),
        "{valid:#?}"
    );
}

/// Twelve at once: none is lost, and the file is whole at every moment.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_accept_at_once_all_find_their_entry() {
    let desk = Desk::new();
    let api = http::plain().await;
    desk.write("baseline.yml", &baseline(&api));
    let mut running = Vec::new();
    for number in 0..12 {
        let by = format!("ogt{number}");
        let args = [
            "accept",
            "-b",
            "baseline.yml",
            "queue",
            "--reason",
            "r",
            "--by",
            &by,
            "--until",
            "3d",
        ];
        running.push(desk.command(&args).spawn().expect("the program"));
    }
    for child in running {
        let ran = end(child).await;
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
    let written = waivers(&desk);
    for number in 0..12 {
        assert!(
            written.contains(&format!("by: \"ogt{number}\"")),
            "{written}"
        );
    }
    assert_eq!(desk.check(&baseline(&api), &[]).await.code, Some(0));
}
