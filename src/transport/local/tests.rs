use std::time::Duration;

use super::*;
use crate::transport::audit::Audit;

async fn run(args: &[&str], limits: Limits) -> Result<Output, Fault> {
    run_command(&ReadOnlyCommand::unchecked(&[args]), limits).await
}

async fn run_command(command: &ReadOnlyCommand, limits: Limits) -> Result<Output, Fault> {
    let audit = Audit::off();
    let operator = Operator {
        home: Some(Path::new("/home/checker")),
        user: Some("checker"),
    };
    exec(
        command,
        operator,
        limits,
        Ledger {
            audit: &audit,
            check: "local",
        },
    )
    .await
}

fn limits() -> Limits {
    Limits::within(Duration::from_secs(10))
}

#[tokio::test]
async fn keeps_output_errors_and_status() {
    let output = run(&["sh", "-c", "echo out; echo err >&2; exit 3"], limits())
        .await
        .expect("an end");
    assert_eq!(output.exit, Exit::Status(3));
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (&b"out\n"[..], &b"err\n"[..])
    );
    assert!(!output.truncated);
}

#[tokio::test]
async fn speaks_one_language_and_reads_nothing() {
    let output = run(&["sh", "-c", "echo $LC_ALL; cat"], limits())
        .await
        .expect("an end");
    assert_eq!(output.stdout, b"C\n");
}

fn password(command: ReadOnlyCommand) -> (ReadOnlyCommand, Values) {
    let variable = crate::transport::command::Variable::of("restic", "RESTIC_PASSWORD");
    let variable = variable.expect("known");
    let mut values = Values::default();
    values.give(variable, "hunter22".into()).expect("one line");
    (command.taking(vec![variable]).expect("its own"), values)
}

#[tokio::test]
async fn gives_a_program_its_variables_and_tells_only_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("restic");
    let text = "#!/bin/sh\nprintf %s \"$RESTIC_PASSWORD\"\n";
    crate::servers::programs::program(&program, text);
    let program = program.to_str().expect("UTF-8");
    let (command, values) = password(ReadOnlyCommand::unchecked(&[&[program]]));
    assert_eq!(command.shown(), format!("RESTIC_PASSWORD=*** {program}"));
    let audit = Audit::off();
    let ledger = Ledger {
        audit: &audit,
        check: "local",
    };
    let output = exec_with(&command, &values, Operator::default(), limits(), ledger)
        .await
        .expect("an end");
    assert_eq!(output.stdout, b"hunter22");
    let none = exec(&command, Operator::default(), limits(), ledger).await;
    assert_eq!(none.expect_err("a defect").kind, FaultKind::Internal);
}

#[tokio::test]
async fn knows_nothing_else_of_the_operators_environment() {
    // Cargo sets more for the tests than is left here.
    let output = run(&["env"], limits()).await.expect("an end");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let path = format!("PATH={PATH}");
    assert_eq!(
        lines,
        ["HOME=/home/checker", "LC_ALL=C", &path, "USER=checker"]
    );
}

#[tokio::test]
async fn tells_a_signal() {
    let output = run(&["sh", "-c", "kill -9 $$"], limits())
        .await
        .expect("an end");
    assert_eq!(output.exit, Exit::Signal("KILL".to_owned()));
}

#[tokio::test]
async fn a_missing_program_is_status_127_as_on_a_host() {
    let output = run(&["coldstart-no-such-program"], limits())
        .await
        .expect("an end");
    assert_eq!(output.exit, Exit::Status(127));
    assert_eq!(
        output.stderr,
        b"coldstart-no-such-program: No such file or directory\n"
    );
}

#[tokio::test]
async fn a_hanging_command_is_ended() {
    let limits = Limits::within(Duration::from_millis(100));
    let fault = run(&["sleep", "600"], limits).await.expect_err("a timeout");
    assert_eq!(fault.kind, FaultKind::TimedOut);
    assert_eq!(fault.seen, "`sleep 600` did not end in 0.1 s");
}

#[tokio::test]
async fn endless_output_is_cut() {
    let limits = Limits {
        stdout: 1000,
        ..limits()
    };
    let output = run(&["yes"], limits).await.expect("an end");
    assert!(output.truncated);
    assert_eq!(output.stdout.len(), 1000);
    assert_eq!(output.exit, Exit::Unknown);
}

#[tokio::test]
async fn endless_errors_do_not_hold_the_command_up() {
    let limits = Limits {
        stderr: 10,
        ..limits()
    };
    let output = run(&["sh", "-c", "seq 1 100000 >&2; echo done"], limits)
        .await
        .expect("an end");
    assert_eq!(
        (output.exit, output.stdout.as_slice()),
        (Exit::Status(0), &b"done\n"[..])
    );
    assert!(output.truncated);
    assert_eq!(output.stderr.len(), 10);
}

#[tokio::test]
async fn a_process_left_behind_is_not_waited_for() {
    let output = run(&["sh", "-c", "sleep 600 & echo started"], limits())
        .await
        .expect("an end");
    assert_eq!(
        (output.exit, output.stdout.as_slice()),
        (Exit::Status(0), &b"started\n"[..])
    );
}

/// More on standard error than a pipe holds, while the first program is still
/// at work: it waits for the second.
#[tokio::test]
async fn complaints_of_every_program_are_read_at_once() {
    let second = "seq 1 50000 >&2; cat >/dev/null; echo done";
    let command = ReadOnlyCommand::unchecked(&[
        &["sh", "-c", "seq 1 50000; echo first >&2"],
        &["sh", "-c", second],
    ]);
    let output = run_command(&command, limits()).await.expect("an end");
    assert_eq!(
        (output.exit, output.stdout.as_slice()),
        (Exit::Status(0), &b"done\n"[..])
    );
    assert!(output.stderr.starts_with(b"first\n1\n2\n"));
    assert!(output.truncated);
}
