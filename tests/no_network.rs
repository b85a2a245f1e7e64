//! What only reads a baseline opens no connection, by the kernel's account.
//!
//! Fails where `strace` is missing; `COLDSTART_TEST_NO_STRACE=1` leaves the tests
//! out on purpose.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use rstest::rstest;

const FULL_STACK: &str = "baselines/full-stack-cold-start.yml";

/// The system calls by which a program gets a byte to somebody else, made by the
/// program with these arguments, one a line.
fn calls(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let output = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=connect,sendto,sendmsg,sendmmsg",
            "-e",
            "signal=none",
        ])
        .arg("-o")
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_coldstart"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("COLDSTART_BASELINE")
        .env("COLDSTART_STATE", "none")
        .stdin(Stdio::null())
        .output()
        .expect("strace (Debian: strace); COLDSTART_TEST_NO_STRACE=1 leaves this out");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {text}");
    assert!(!output.stdout.is_empty(), "{arguments:?} printed nothing");
    std::fs::read_to_string(&trace).expect("a trace")
}

fn left_out() -> bool {
    std::env::var_os("COLDSTART_TEST_NO_STRACE").is_some_and(|value| value == "1")
}

#[rstest]
#[case::plan(&["plan", "-b", FULL_STACK])]
#[case::plan_json(&["plan", "-b", FULL_STACK, "--json"])]
#[case::graph(&["graph", "-b", FULL_STACK])]
#[case::validate(&["validate", FULL_STACK])]
#[case::explain(&["explain", "ssh@k3s120", "-b", FULL_STACK])]
#[case::rules(&["rules", "-b", FULL_STACK])]
#[case::install_cron(&["install", "cron", "-b", FULL_STACK, "--textfile", "a.prom", "--log", "a.log"])]
#[case::install_systemd(&["install", "systemd", "-b", FULL_STACK, "--textfile", "a.prom", "--log", "a.log"])]
#[case::schema(&["schema"])]
#[case::schema_of_the_card(&["schema", "scorecard"])]
fn opens_no_connection(#[case] arguments: &[&str]) {
    if !left_out() {
        assert_eq!(calls(arguments), "");
    }
}

/// The proof that the one above can fail.
#[test]
fn a_check_is_seen_to_send() {
    if !left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let baseline = folder.path().join("baseline.yml");
        let text = "version: 1\nname: one\nphases:\n  ONLY:\n    checks:\n      port:\n        \
            title: nobody listens\n        advisory: true\n        \
            tcp: { address: 127.0.0.1, port: 1 }\n        retry: { attempts: 1 }\n";
        std::fs::write(&baseline, text).expect("a baseline");
        let trace = folder.path().join("trace");
        let status = Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=connect", "-o"])
            .arg(&trace)
            .args([env!("CARGO_BIN_EXE_coldstart"), "check", "-b"])
            .arg(&baseline)
            .env("COLDSTART_STATE", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .expect("strace");
        assert_eq!(status.code(), Some(1), "DEGRADED: refused, and advisory");
        let trace = std::fs::read_to_string(&trace).expect("a trace");
        assert!(trace.contains("connect("), "{trace}");
    }
}
