//! `--report` and `--evidence`: what goes where, and what when it cannot.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::desk::{Desk, Ran};

/// One check that passes and one that is left out; nothing is sent anywhere.
const GREEN: &str = "\
version: 1
name: desk
metrics_prefix: awoooi_cold_start
hosts:
  here: { local: true }
phases:
  P0:
    checks:
      there: { title: the baseline is there, on: here, file: { path: BASELINE } }
      other: { title: not asked for, on: here, file: { path: BASELINE } }
";

/// As [`GREEN`], with a file that is missing.
fn baseline(desk: &Desk, name: &str) -> String {
    let path = desk.folder().join(name);
    GREEN.replace("BASELINE", &path.display().to_string())
}

async fn green(desk: &Desk, args: &[&str]) -> Ran {
    let baseline = baseline(desk, "baseline.yml");
    desk.check(&baseline, &[&["--skip", "other"], args].concat())
        .await
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

/// Names in the desk's folder `name`.
fn names(desk: &Desk, name: &str) -> Vec<String> {
    let entries = fs::read_dir(desk.folder().join(name)).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_has_its_file_beside_the_card() {
    let desk = Desk::new();
    fs::create_dir(desk.folder().join("out")).expect("a folder");
    let formats = [
        ("json", "{\n  \"schema_version\": 1,"),
        (
            "junit",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites",
        ),
        ("markdown", "## desk: GREEN\n"),
        ("html", "<!DOCTYPE html>\n<html lang=\"en\">"),
        ("prometheus", "# HELP awoooi_cold_start_pass_gates "),
        (
            "nagios",
            "COLDSTART OK - desk: GREEN (1 check left out), 1 pass",
        ),
        ("tap", "TAP version 14\n1..2\n"),
    ];
    let args: Vec<String> = formats
        .iter()
        .map(|(format, _)| format!("--report={format}=out/{format}"))
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    for _ in 0..2 {
        let ran = green(&desk, &args).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:#?}");
        assert!(ran.last(1).starts_with("Result: GREEN"), "{ran:#?}");
        for (format, start) in formats {
            let path = desk.folder().join("out").join(format);
            let text = fs::read_to_string(&path).expect("a report");
            assert!(text.starts_with(start), "{format}: {text}");
        }
    }
    let mut expected: Vec<&str> = formats.iter().map(|(format, _)| *format).collect();
    expected.sort_unstable();
    assert_eq!(names(&desk, "out"), expected, "nothing is left over");
    assert_eq!(mode(&desk.folder().join("out/prometheus")), 0o644);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_report_may_be_printed_instead_of_the_card() {
    let desk = Desk::new();
    for args in [&["--report", "nagios"][..], &["--report", "nagios=-"]] {
        let ran = green(&desk, args).await;
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.stdout.starts_with("COLDSTART OK - "), "{ran:#?}");
        assert_eq!(ran.stdout.lines().count(), 3, "{ran:#?}");
    }
    let watch = [
        "--report",
        "tap",
        "--watch",
        "--max-attempts",
        "2",
        "--interval",
        "1ms",
    ];
    let missing = baseline(&desk, "missing");
    let ran = desk.check(&missing, &watch).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(ran.stdout.matches("TAP version 14").count(), 1, "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_before_anything_is_looked_at() {
    let desk = Desk::new();
    fs::create_dir(desk.folder().join("below")).expect("a folder");
    for (args, told) in [
        (
            &["--report", "json", "--report", "tap"][..],
            "error: standard output holds one report, and `json` and `tap` both want it: \
             give one a file, as in `--report tap=FILE`\n",
        ),
        (
            &["--report", "github", "--json"],
            "`json` and `github` both want it: give one a file, as in `--report json=FILE`\n",
        ),
        (
            &["--report", "json=a", "--report", "tap=a"],
            "error: a cannot hold both `--report json` and `--report tap`: give each a file of its own\n",
        ),
        (
            &["--report", "json=a", "--report", "tap=./below/../a"],
            "error: ./below/../a cannot hold both `--report json` and `--report tap`: \
             give each a file of its own\n",
        ),
        (
            &["--report", "github", "--report", "github=a"],
            "error: standard output holds one report, and `github` was asked for twice: leave one out\n",
        ),
        (&["--report", "json="], "`--report json=` names no file"),
        (&["--report", "junti=a"], "a similar value exists: 'junit'"),
    ] {
        let ran = green(&desk, args).await;
        assert_eq!(ran.code, Some(64), "{ran:#?}");
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(ran.stderr.contains(told), "{args:?}: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_be_written_is_told_and_the_card_is_still_printed() {
    let desk = Desk::new();
    let args = ["--report", "json=missing/a", "--report", "tap=b"];
    let ran = green(&desk, &args).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(ran.last(1).starts_with("Result: GREEN"), "{ran:#?}");
    assert_eq!(
        ran.stderr,
        "coldstart: the json report was not written to missing/a: \
         No such file or directory (os error 2)\n"
    );
    assert!(desk.folder().join("b").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_has_annotations_in_its_log_and_a_summary() {
    let desk = Desk::new();
    let summary = desk.write("summary.md", "## of the step before\n");
    let desk = desk.env("GITHUB_STEP_SUMMARY", summary.display().to_string());
    let missing = baseline(&desk, "missing");
    let ran = desk.check(&missing, &["--report", "github"]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(2), ""), "{ran:#?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let token = lines[0].strip_prefix("::stop-commands::").expect("a token");
    let end = format!("::{token}::");
    let end = lines.iter().position(|line| *line == end).expect("its end");
    assert!(lines[end - 1].starts_with("Result: BLOCKED"), "{ran:#?}");
    assert_eq!(lines.len(), end + 4, "{ran:#?}");
    let first = "::error title=BLOCKED there@here::the baseline is there%0Asaw ";
    assert!(lines[end + 2].starts_with(first), "{ran:#?}");
    let text = fs::read_to_string(&summary).expect("a summary");
    assert!(
        text.starts_with("## of the step before\n## desk: BLOCKED\n"),
        "{text}"
    );

    let ran = green(&desk, &["--report", "github=own.md"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(
        ran.stdout
            .ends_with("::notice title=coldstart desk::GREEN (1 check left out)\n")
    );
    assert_eq!(fs::read_to_string(&summary).ok(), Some(text));
    let own = fs::read_to_string(desk.folder().join("own.md")).expect("a summary");
    assert!(own.starts_with("## desk: GREEN\n"), "{own}");
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_kept_whole_and_apart_for_each_run() {
    let desk = Desk::new();
    for runs in 1..=2 {
        let ran = green(&desk, &["--evidence", "kept/evidence"]).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:#?}");
        assert_eq!(names(&desk, "kept/evidence").len(), runs);
    }
    let kept = desk.folder().join("kept/evidence");
    assert_eq!(mode(&kept), 0o700);
    for run in names(&desk, "kept/evidence") {
        let folder = kept.join(&run);
        assert_eq!(mode(&folder), 0o700);
        let read = |name: &str| {
            assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
            fs::read_to_string(folder.join(name)).expect("evidence")
        };
        let index: Value = serde_json::from_str(&read("index.json")).expect("JSON");
        assert_eq!(index["result"], "GREEN");
        let files = index["files"].as_array().expect("files");
        assert_eq!(files.len(), 2);
        for file in files {
            let text = read(file["file"].as_str().expect("a name"));
            let digest = Sha256::digest(text.as_bytes());
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(file["sha256"], hex);
        }
        let there: Value = serde_json::from_str(&read("0001-there@here.json")).expect("JSON");
        assert_eq!(there["check"]["verdict"], "PASS");
        assert_eq!(there["check"]["facts"]["exists"], true);
        assert_eq!(
            there["attempts_started_at"].as_array().map(Vec::len),
            Some(1)
        );
        assert!(there["seen_at"].is_string());
        assert_ne!(there["requests"].as_array().map(Vec::len), Some(0));
        let other: Value = serde_json::from_str(&read("0002-other@here.json")).expect("JSON");
        assert_eq!(other["check"]["verdict"], "SKIPPED");
        assert_eq!(other["requests"].as_array().map(Vec::len), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_that_cannot_be_kept_is_told_before_the_run() {
    let desk = Desk::new();
    desk.write("file", "not a folder");
    let ran = green(&desk, &["--evidence", "file/evidence", "--audit", "audit"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{ran:#?}");
    let told = "coldstart: evidence cannot be kept in file/evidence: Not a directory";
    assert!(ran.stderr.starts_with(told), "{ran:#?}");
    let audited = std::fs::read_to_string(desk.folder().join("audit"));
    assert_eq!(audited.expect("an audit"), "", "nothing was sent");
}

/// A pipe that nobody reads would be waited for without end.
#[tokio::test(flavor = "multi_thread")]
async fn a_summary_that_is_a_pipe_holds_nobody_up() {
    let desk = Desk::new();
    let pipe = desk.folder().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let desk = desk.env("GITHUB_STEP_SUMMARY", pipe.display().to_string());
    let ran = green(&desk, &["--report", "github"]).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    let told = "the github report was not written to";
    assert!(ran.stderr.contains(told), "{ran:#?}");
    assert!(ran.stderr.contains("it is a pipe: give a file"), "{ran:#?}");
}
