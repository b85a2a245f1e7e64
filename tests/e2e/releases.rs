//! `coldstart gate`: what it says, and what it lets run.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex};

use crate::desk::{Desk, Ran, end, signal, until};
use crate::servers::postgres::Trouble;
use crate::servers::ssh::{self, Answer, Script};
use crate::stack::{Stack, answers, witness};

const STARTING: Trouble = Trouble::Login("57P03", "the database system is starting up");

const RELEASES: &str = "\
releases:
  runners:
    title: CI runners
    needs: P2-APPS
    after: batch
    require: [{ check: rootfs@ops110 }]
    runbook: §5.3
  batch: { needs: P1-DATA }
";

/// The same with every check about a host that can be asked for its boot.
fn on_hosts(baseline: &str) -> String {
    let mut baseline = baseline.to_owned();
    for title in ["title: PostgreSQL accepts queries", "title: API is ready"] {
        let on = format!("{title}\n        on: data188\n        via: data188");
        baseline = baseline.replace(title, &on);
    }
    baseline
}

async fn gate(desk: &Desk, baseline: &str, args: &[&str]) -> Ran {
    desk.write("baseline.yml", &format!("{baseline}{RELEASES}"));
    let args = [&["gate", "-b", "baseline.yml"], args].concat();
    desk.run(&args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_release_is_exit_code_0() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let ran = gate(&desk, &stack.baseline(), &["runners"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(ran.last(1), "Release runners: OPEN (CI runners)");
    assert_eq!(ran.stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_one_is_2_with_every_reason() {
    let desk = Desk::new();
    let stack = Stack::with(&desk, STARTING).await;
    let ran = gate(&desk, &stack.baseline(), &["runners"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    insta::assert_snapshot!(ran.card());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_release_needs_is_looked_at() {
    let desk = Desk::new();
    let mut stack = Stack::up(&desk).await;
    stack.api = witness().await;
    let ran = gate(&desk, &stack.baseline(), &["batch", "--json"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(
        stack.api.received(),
        "",
        "an API that batch does not wait for"
    );
    let said = ran.json();
    assert_eq!(said["release"]["id"], "batch");
    assert_eq!(said["release"]["open"], true);
    assert_eq!(said["card"]["totals"]["skipped"], 3);
    let runners = said["card"]["releases"].as_array().expect("releases");
    let runners = runners.iter().find(|release| release["id"] == "runners");
    assert_eq!(
        runners.expect("it is planned")["open"],
        false,
        "what was not looked at is not open"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmet_preference_opens_nothing() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let baseline = stack
        .baseline()
        .replace("json.queue < 10", "json.queue < 3");
    let ran = gate(
        &desk,
        &baseline,
        &["runners", "--", "/bin/sh", "-c", ": > ran"],
    )
    .await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(ran.stdout, "", "standard output is the command's");
    assert!(ran.stderr.contains("P2-APPS is WARN: api"), "{ran:#?}");
    assert!(!desk.folder().join("ran").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_only_when_open_and_its_exit_code_passes() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let command = [
        "runners",
        "--",
        "/bin/sh",
        "-c",
        "echo \"$0 $1\"; exit 7",
        "a b",
        "--json",
    ];
    let ran = gate(&desk, &stack.baseline(), &command).await;
    assert_eq!(ran.code, Some(7), "{ran:#?}");
    assert_eq!(ran.stdout, "a b --json\n");
    assert!(ran.stderr.contains("Release runners: OPEN"), "{ran:#?}");

    let stack = Stack::with(&desk, STARTING).await;
    let command = ["runners", "--", "/bin/sh", "-c", ": > ran"];
    let ran = gate(&desk, &stack.baseline(), &command).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(!desk.folder().join("ran").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_gets_the_signals() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    desk.write("baseline.yml", &format!("{}{RELEASES}", stack.baseline()));
    let script = "trap 'echo told; exit 5' TERM; : > started; while :; do /bin/sleep 0.01; done";
    let args = [
        "gate",
        "-b",
        "baseline.yml",
        "batch",
        "--",
        "/bin/sh",
        "-c",
        script,
    ];
    let child = desk.command(&args).spawn().expect("the program");
    until("the command starts", || {
        desk.folder().join("started").exists()
    })
    .await;
    signal(&child, "TERM");
    let ran = end(child).await;
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(5), "told\n"),
        "{ran:#?}"
    );

    let args = [
        "gate",
        "-b",
        "baseline.yml",
        "batch",
        "--",
        "/bin/sh",
        "-c",
        "kill -KILL $$",
    ];
    let status = desk.command(&args).status().await.expect("an end");
    assert_eq!(status.signal(), Some(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_run_has_the_exit_code_of_shells() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let ran = gate(
        &desk,
        &stack.baseline(),
        &["batch", "--", "/no/such/program"],
    )
    .await;
    assert_eq!(ran.code, Some(127), "{ran:#?}");
    assert!(
        ran.stderr.contains("`/no/such/program` cannot be run"),
        "{ran:#?}"
    );
    let plain = desk.write("plain", "no program");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&plain, mode).expect("a mode");
    let ran = gate(&desk, &stack.baseline(), &["batch", "--", "./plain"]).await;
    assert_eq!(ran.code, Some(126), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decided_opens_nothing() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let run = ["--", "/bin/sh", "-c", ": > ran"];
    let good = stack.baseline();
    let broken = good.replace("P1-DATA:\n    needs", "P1-DATA:\n    neds");
    let cases = [
        (
            good.as_str(),
            vec!["runnners"],
            64,
            "did you mean `runners`?",
        ),
        (
            broken.as_str(),
            vec!["runners"],
            78,
            "did you mean `needs`?",
        ),
        (
            good.as_str(),
            vec!["runners", "--deadline", "1ms"],
            2,
            "deadline",
        ),
        (
            good.as_str(),
            vec!["runners", "--audit", "/dev/full"],
            3,
            "audit",
        ),
    ];
    for (baseline, args, code, said) in cases {
        let ran = gate(&desk, baseline, &[args.as_slice(), &run].concat()).await;
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:#?}");
        assert!(ran.stderr.contains(said), "{args:?}: {ran:#?}");
        assert!(!desk.folder().join("ran").exists(), "{args:?}");
    }
}

/// Everything that tells of a baseline tells of its releases too.
#[tokio::test(flavor = "multi_thread")]
async fn plan_graph_explain_and_validate_know_releases() {
    let desk = Desk::new();
    let baseline = Stack::up(&desk).await.baseline();
    let releases = RELEASES.replace("rootfs@ops110 }", "rootfs@ops110, stable_for: 15m }");
    desk.write("baseline.yml", &format!("{baseline}{releases}"));
    let mut told = String::new();
    for args in [
        &["graph"][..],
        &["graph", "--format", "mermaid"],
        &["graph", "--format", "dot"],
        &["explain", "runners"],
        &["explain", "P1-DATA"],
        &["explain", "P2-APPS"],
        &["explain", "rootfs"],
        &["validate"],
    ] {
        let args = [args, &["-b", "baseline.yml"]].concat();
        let ran = desk.run(&args).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:#?}");
        told += &format!("$ coldstart {}\n{}\n", args.join(" "), ran.stdout);
    }
    // What stands below a check's own part is its kind's.
    let facts = told.find("  what expectations may speak of:");
    let validated = told.find("$ coldstart validate");
    if let (Some(facts), Some(validated)) = (facts, validated) {
        told.replace_range(facts..validated, "");
    }
    let ports = regex::Regex::new(r"127\.0\.0\.1:\d+").expect("a regular expression");
    insta::assert_snapshot!(ports.replace_all(&told, "127.0.0.1:PORT"));

    let page = desk.run(&["plan", "-b", "baseline.yml"]).await.stdout;
    assert!(
        page.lines()
            .next()
            .unwrap_or_default()
            .ends_with(", 2 releases")
    );
    let (_, listed) = page
        .split_once("\nrelease batch\n")
        .expect("the first release");
    assert!(listed.contains("\nrelease runners  CI runners\n"), "{page}");
    let plan = desk
        .run(&["plan", "-b", "baseline.yml", "--json"])
        .await
        .json();
    let graph = desk
        .run(&["graph", "--format", "json", "-b", "baseline.yml"])
        .await
        .json();
    assert_eq!(plan["releases"], graph["releases"]);
    let runners = &plan["releases"][1];
    assert_eq!(runners["id"], "runners");
    assert_eq!(
        runners["needs"],
        serde_json::json!(["P0-NETWORK", "P1-DATA", "P2-APPS"])
    );
    assert_eq!(runners["require"][0]["stable_for_s"], 900.0);
    assert_eq!(runners["after"], serde_json::json!(["batch"]));

    let unknown = desk.run(&["explain", "runnrs", "-b", "baseline.yml"]).await;
    assert_eq!(unknown.code, Some(64), "{unknown:#?}");
    assert!(
        unknown
            .stderr
            .contains("no check, phase or release `runnrs`: did you mean `runners`?")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_takes_a_fresh_decision_on_the_same_boots() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    // Some of it is about no host: those that there are stand for it.
    let baseline = stack.baseline();
    let first = gate(&desk, &baseline, &["runners"]).await;
    assert_eq!(first.code, Some(0), "{first:#?}");
    let asked = stack.api.received();
    let lines = stack.ops110.log.lines().len();

    let ran = gate(&desk, &baseline, &["runners", "--lease", "10m"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.starts_with("open by the run of "), "{ran:#?}");
    assert!(
        ran.stdout
            .replace('\n', " ")
            .contains("2 hosts on the same boots"),
        "{ran:#?}"
    );
    assert_eq!(ran.last(1), "Release runners: OPEN");
    assert_eq!(stack.api.received(), asked, "nothing else is asked again");
    let later = stack.ops110.log.lines().split_off(lines);
    assert!(
        !later.is_empty() && later.iter().all(|line| !line.contains("systemctl")),
        "{later:#?}"
    );

    let ran = gate(&desk, &baseline, &["runners", "--lease", "10m", "--json"]).await;
    assert_eq!(ran.json()["release"]["open"], true);
    assert!(ran.json()["lease"]["age_s"].is_number());

    // A lease is not a run: the third one is of the first run, too.
    let ran = gate(&desk, &baseline, &["batch", "--lease", "10m"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stdout.starts_with("open by the run of "), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lease_that_is_old_or_of_another_boot_or_closed() {
    let desk = Desk::new();
    let mut stack = Stack::up(&desk).await;
    let boot = Arc::new(Mutex::new("first".to_owned()));
    let told = Arc::clone(&boot);
    let accepted = desk.home.key.public_key();
    stack.ops110 = ssh::Server::start(Script::new(accepted, move |command: &str| {
        if command.starts_with("grep") {
            let boot = told.lock().expect("the lock");
            let said = format!("/proc/sys/kernel/random/boot_id:{boot}\n/proc/uptime:60.00 0.00\n");
            return Answer::ok(said);
        }
        answers(command)
    }))
    .await;
    desk.home.trust(&[&stack.data188, &stack.ops110]);
    let baseline = on_hosts(&stack.baseline());
    let looked_anew = |ran: &Ran, why: &str| {
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert_eq!(
            ran.last(1),
            "Release runners: OPEN (CI runners)",
            "{ran:#?}"
        );
        let said = ran.stderr.strip_prefix("coldstart: no lease: ");
        let said = said.and_then(|said| said.strip_suffix("; looking anew\n"));
        assert!(said.is_some_and(|said| said.starts_with(why)), "{ran:#?}");
    };

    let ran = gate(&desk, &baseline, &["runners", "--lease", "10m"]).await;
    looked_anew(&ran, "no run of this baseline is remembered");

    *boot.lock().expect("the lock") = "second".to_owned();
    let ran = gate(&desk, &baseline, &["runners", "--lease", "10m"]).await;
    looked_anew(&ran, "ops110 has booted since the last run");

    let ran = gate(&desk, &baseline, &["runners", "--lease", "1ms"]).await;
    looked_anew(&ran, "the last run began ");

    let ran = gate(
        &desk,
        &baseline,
        &["runners", "--lease", "10m", "--state", "none"],
    )
    .await;
    looked_anew(&ran, "no run of this baseline is remembered");

    // Another baseline, whose own last run is closed.
    let strict = baseline.replace("json.queue < 10", "json.queue < 3");
    let ran = gate(&desk, &strict, &["runners"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let ran = gate(&desk, &strict, &["runners", "--lease", "10m"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let said = "coldstart: no lease: the last run did not find runners open; looking anew\n";
    assert_eq!(ran.stderr, said);
}
