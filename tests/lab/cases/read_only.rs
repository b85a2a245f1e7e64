//! That a run of the whole shipped baseline changes nothing: not by our own account, but
//! by that of the hosts.

use std::time::{Duration, Instant};

use super::FULL_STACK;
use super::stage::{Lab, lab};
use super::tree::{Change, Trees};
use super::witness::{Account, Witnesses};

/// Files that may change, and why. In a path `*` stands for anything, also `/`.
type Allowed = (&'static [&'static str], &'static str, &'static str);

/// How much longer than a minute that may take.
const PATIENCE: Duration = Duration::from_secs(120);

const ALL: &[&str] = &["data188", "ops110", "k3s120", "k3s121"];

/// What changes in a minute in which nobody asks anything.
static BY_THEMSELVES: [Allowed; 9] = [
    (
        &["data188"],
        "home/ollama/node_exporter_textfiles",
        "cron writes them anew each minute",
    ),
    (
        &["data188"],
        "home/ollama/node_exporter_textfiles/docker_*.prom",
        "of these two",
    ),
    (
        &["ops110"],
        "home/wooo/node_exporter_textfiles",
        "as on 188",
    ),
    (
        &["ops110"],
        "home/wooo/node_exporter_textfiles/*.prom",
        "all three",
    ),
    (
        &["data188"],
        "var/lib/postgresql/15/main/pg_wal/*",
        "a checkpoint is a record",
    ),
    (
        &["data188"],
        "var/lib/postgresql/15/main/global/pg_control",
        "and is noted here",
    ),
    (
        &["data188"],
        "var/lib/postgresql/15/main/pg_logical*",
        "and here, with nothing in it",
    ),
    (
        &["ops110"],
        "var/lib/prometheus/metrics2/*",
        "samples each 15 s, rules each minute",
    ),
    (
        &["data188", "ops110"],
        "var/log/journal/*/system.journal",
        "cron tells of its jobs",
    ),
];

/// Logs of who came, and of what was asked.
const LOGS: [Allowed; 9] = [
    (
        ALL,
        "var/log/journal/*",
        "sshd tells of logins and channels; a file that is full is followed by another",
    ),
    (
        ALL,
        "var/log/journal/*/user-1000.journal",
        "what the user's sessions tell",
    ),
    (ALL, "run/motd.dynamic", "pam_motd makes it at each login"),
    (ALL, "run", "the folder in which it does"),
    (
        ALL,
        "var/log/command-lines",
        "the lab's own log, of its login shell",
    ),
    (
        &["data188", "ops110", "k3s120"],
        "var/log/nginx/access.log",
        "requests",
    ),
    (
        &["data188", "ops110", "k3s120"],
        "var/log/nginx/requests.log",
        "the lab's own of them",
    ),
    (
        &["data188", "ops110", "k3s120"],
        "var/log/nginx/error.log",
        "connections, at its level info",
    ),
    (
        &["data188"],
        "var/log/postgresql/postgresql-14-main.log",
        "statements",
    ),
];

fn allows((hosts, pattern, _): &Allowed, change: &Change<'_>) -> bool {
    let path = change.path;
    let fits = match pattern.split_once('*') {
        None => path == *pattern,
        Some((before, after)) => {
            path.len() >= before.len() + after.len()
                && path.starts_with(before)
                && path.ends_with(after)
        }
    };
    fits && hosts.contains(&change.host)
}

/// One of those that should have changed by themselves and did not; also keeps the list
/// short.
fn unchanged(changes: &[Change<'_>]) -> Option<&'static Allowed> {
    let changed = |allowed: &&Allowed| changes.iter().any(|change| allows(allowed, change));
    BY_THEMSELVES.iter().find(|allowed| !changed(allowed))
}

/// Of the server on 188; nobody has logged in to the templates.
const DATABASES: [&str; 3] = ["postgres", "k3s_datastore", "momo_analytics"];

/// Runs SQL on 188 as the server's own user.
fn psql(database: &str, statements: &[&str]) {
    let mut command = vec!["exec", "data188", "runuser", "-u", "postgres", "--"];
    command.extend(["psql", "-q", "-d", database]);
    command.extend(statements.iter().flat_map(|one| ["-c", *one]));
    lab(&command);
}

/// Whoever reads a row first notes on its page that it is committed, and whoever is the
/// first to log in since the server started writes a cache of the catalog. After this it
/// is done: a file of a database that changes was written to.
fn nothing_left_to_note() {
    for database in DATABASES {
        psql(database, &["ANALYZE", "VACUUM FREEZE"]);
    }
    for database in DATABASES {
        psql(database, &["SELECT 1"]);
    }
}

/// What is in the memory of PostgreSQL only, such as a page that a SELECT has touched,
/// gets to its files.
fn checkpoint() {
    psql("postgres", &["CHECKPOINT"]);
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures, for --nocapture")]
fn the_whole_baseline_changes_nothing_and_sends_what_the_audit_says() {
    let lab = Lab::take();
    let _recording = lab.fault(&["record", "on"], &["record", "off"]);

    // First what happens anyway: a minute, in which cron and Prometheus do all that
    // they do again and again.
    nothing_left_to_note();
    checkpoint();
    let first = Trees::look();
    std::thread::sleep(Duration::from_secs(61));
    checkpoint();
    let mut idle = Trees::look();
    // Cron begins within the minute, and on a busy machine is done later.
    let since = Instant::now();
    while let Some(not_yet) = unchanged(&first.changes(&idle)) {
        assert!(
            since.elapsed() < PATIENCE,
            "{not_yet:?}: did not change without us"
        );
        idle = Trees::look();
    }
    let witnesses = Witnesses::listen(&lab);
    let before = Trees::look();

    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("execve").display().to_string();
    let strace = [
        "strace",
        "-ff",
        "-qq",
        "--seccomp-bpf",
        "-s",
        "65536",
        "-e",
        "signal=none",
    ];
    let strace = [&strace[..], &["-e", "trace=execve", "-o", &trace]].concat();
    let (run, audit) = lab.audited(|file| {
        let check = ["check", "--baseline", FULL_STACK, "--audit", file];
        lab.coldstart_below(&strace, &check)
    });
    // The alert chain is unproven without a test alert, which this run must not send.
    assert_eq!(run.status, Some(1), "{run}");
    assert!(run.stdout.contains("WARN=1 BLOCKED=0"), "{run}");

    checkpoint();
    let after = Trees::look();

    let accounts = witnesses.testify(&audit, folder.path());
    for account in &accounts {
        println!("{}: {} heard", account.who, account.heard.len());
        account.agree();
    }

    println!("{} files: {} lines of audit", before.len(), audit.len());
    let by_themselves = first.changes(&idle);
    let here = before.changes(&after);
    for allowed in &LOGS {
        let changed = here.iter().any(|change| allows(allowed, change));
        assert!(changed, "{allowed:?}: did not change at all");
    }
    let others: Vec<&Change<'_>> = here
        .iter()
        .filter(|change| {
            !BY_THEMSELVES
                .iter()
                .chain(&LOGS)
                .any(|one| allows(one, change))
        })
        .collect();
    assert!(others.is_empty(), "changed by us: {others:#?}");
    for change in &here {
        println!("{}: {}", change.host, change.path);
    }
    println!(
        "{} changed in the run, {} without it",
        here.len(),
        by_themselves.len()
    );
}

#[test]
#[should_panic(expected = "one: times in the audit, times heard")]
fn what_was_heard_and_is_not_in_the_audit_is_told() {
    let [audit, heard] = [vec!["PING"], vec!["PING", "PING"]]
        .map(|lines| lines.into_iter().map(str::to_owned).collect());
    let who = "one".to_owned();
    Account { who, audit, heard }.agree();
}

#[test]
#[should_panic(expected = "one: times in the audit, times heard")]
fn what_is_in_the_audit_and_was_not_heard_is_told() {
    let [audit, heard] = [vec!["PING", "INFO"], vec!["PING", "info"]]
        .map(|lines| lines.into_iter().map(str::to_owned).collect());
    let who = "one".to_owned();
    Account { who, audit, heard }.agree();
}
