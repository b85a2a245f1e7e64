//! `check --monitor-read-only`: what it leaves behind, however it ends.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coldstart::state::{Location, State};
use tokio::time::timeout;

use crate::desk::{Desk, HANG, Ran, end, signal, until};
use crate::promtool::promtool;
use crate::servers::http;
use crate::servers::tcp::Server;
use crate::stack::witness;

const MONITOR: [&str; 7] = [
    "--monitor-read-only",
    "--textfile",
    "cold.prom",
    "--log",
    "last.log",
    "--state",
    "state.db",
];

/// Two phases: a server that answers, and a file that is there or is not.
fn baseline(api: &Server, file: &str) -> String {
    format!(
        "\
version: 1
name: power-cut
metrics_prefix: awoooi_cold_start
hosts:
  here: {{ local: true }}
defaults: {{ timeout: 60s, connect_timeout: 60s, retry: {{ attempts: 1 }} }}
phases:
  P0-NETWORK:
    title: 網路
    checks:
      api: {{ title: API 已就緒, http: {{ url: \"http://{}/json\" }} }}
  P1-DATA:
    needs: P0-NETWORK
    checks:
      there: {{ title: 備份檔案存在, on: here, file: {{ path: \"{file}\" }} }}
",
        api.address
    )
}

fn text(desk: &Desk, name: &str) -> String {
    fs::read_to_string(desk.folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The series of a textfile that is whole: each comes once, has a help and a
/// type, and the last line has its end.
fn series(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n'), "{text}");
    let mut found = BTreeMap::new();
    let (mut helps, mut types) = (0, 0);
    for line in text.lines() {
        if line.starts_with("# HELP awoooi_cold_start_") {
            helps += 1;
        } else if line.starts_with("# TYPE awoooi_cold_start_") {
            types += 1;
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            let value = value.parse().expect("a number");
            let name = series
                .strip_prefix("awoooi_cold_start_")
                .expect("the prefix");
            assert_eq!(found.insert(name.to_owned(), value), None, "{text}");
        }
    }
    assert_eq!(helps, types, "{text}");
    for name in [
        "monitor_up",
        "last_run_timestamp",
        "last_green_timestamp",
        "last_result{result=\"check_failed\"}",
    ] {
        assert!(found.contains_key(name), "{name} in {text}");
    }
    found
}

fn now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("after 1970").as_secs_f64().floor()
}

/// What the textfile says, once Prometheus' own tool has nothing against it.
struct Told(BTreeMap<String, f64>);

impl Told {
    fn at(desk: &Desk) -> Self {
        let text = text(desk, "cold.prom");
        promtool(&["check", "metrics"], &text);
        Self(series(&text))
    }

    fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// The result, and that the monitor is up unless it is `check_failed`.
    fn result(&self) -> &str {
        let results = ["green", "degraded", "blocked", "check_failed"];
        let is = |result: &&str| {
            let value = self.value(&format!("last_result{{result=\"{result}\"}}"));
            assert!(value.is_some());
            value == Some(1.0)
        };
        let found: Vec<&str> = results.into_iter().filter(is).collect();
        assert_eq!(found.len(), 1, "{:?}", self.0);
        let up = if found[0] == "check_failed" { 0.0 } else { 1.0 };
        assert_eq!(self.value("monitor_up"), Some(up), "{:?}", self.0);
        found[0]
    }

    fn green(&self) -> f64 {
        self.value("last_green_timestamp").expect("a time")
    }
}

async fn run(desk: &Desk, baseline: &str, more: &[&str]) -> Ran {
    desk.check(baseline, &[&MONITOR, more].concat()).await
}

/// A desk where the last run was green.
async fn after_green() -> (Desk, Server, String) {
    let desk = Desk::new();
    let api = http::plain().await;
    let baseline = baseline(
        &api,
        &desk.folder().join("baseline.yml").display().to_string(),
    );
    let ran = run(&desk, &baseline, &[]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    (desk, api, baseline)
}

/// Asserts that nothing of the green run stands but when it was.
fn assert_failed(desk: &Desk, ran: &Ran, code: i32, why: &str) {
    assert_eq!(ran.code, Some(code), "{ran:#?}");
    let told = Told::at(desk);
    assert_eq!(told.result(), "check_failed");
    assert!(told.green() > 0.0 && told.green() <= now());
    let log = text(desk, "last.log");
    let last = log.lines().last().unwrap_or_default();
    assert!(last.starts_with("Result: CHECK_FAILED ("), "{log}");
    assert!(log.contains(why), "{why} in {log}");
    assert!(!log.contains('\u{1b}'), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_green_run_leaves_metrics_and_its_card() {
    let before = now();
    let (desk, _api, _) = after_green().await;
    let told = Told::at(&desk);
    assert_eq!(told.result(), "green");
    for (name, expected) in [
        ("pass_gates", 2.0),
        ("warn_gates", 0.0),
        ("blocked_gates", 0.0),
        ("not_evaluated_gates", 0.0),
        ("phase_result{phase=\"P0-NETWORK\",result=\"green\"}", 1.0),
        ("first_blocked_gate{phase=\"P0-NETWORK\"}", 0.0),
        ("monitor_info{baseline=\"power-cut\"}", 1.0),
    ] {
        assert_eq!(told.value(name), Some(expected), "{name}");
    }
    assert!(
        told.value("phase_duration_seconds{phase=\"P1-DATA\"}")
            .is_some()
    );
    let run = told.value("last_run_timestamp").expect("a time");
    assert!(before <= run && run <= now(), "{run}");
    assert_eq!(told.green(), run);
    let mode = fs::metadata(desk.folder().join("cold.prom")).expect("a textfile");
    assert_eq!(mode.permissions().mode() & 0o777, 0o644);
    let log = text(&desk, "last.log");
    assert!(
        log.ends_with("PASS=2 WARN=0 BLOCKED=0\nResult: GREEN\n"),
        "{log}"
    );
    let mut names: Vec<String> = fs::read_dir(desk.folder())
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name.contains("cold.prom") || name.contains("last.log"))
        .collect();
    names.sort();
    assert_eq!(names, [".cold.prom.lock", "cold.prom", "last.log"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_run_names_its_gate_and_keeps_the_last_green() {
    let (desk, api, _) = after_green().await;
    let green = Told::at(&desk).green();
    let ran = run(&desk, &baseline(&api, "/missing"), &[]).await;
    // Nothing for cron to mail.
    let said = (ran.code, ran.stdout.as_str(), ran.stderr.as_str());
    assert_eq!(said, (Some(2), "", ""));
    let told = Told::at(&desk);
    assert_eq!(told.result(), "blocked");
    assert_eq!(told.value("blocked_gates"), Some(1.0));
    assert_eq!(
        told.value("first_blocked_gate{phase=\"P1-DATA\"}"),
        Some(1.0)
    );
    assert_eq!(told.green(), green);
    let log = text(&desk, "last.log");
    assert!(log.contains("FIX FIRST  there@here  備份檔案存在"), "{log}");
    assert!(log.contains("\nResult: BLOCKED at P1-DATA"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_the_card_is_printed() {
    let desk = Desk::new();
    let api = http::plain().await;
    let args = ["--monitor-read-only", "--textfile", "cold.prom"];
    let ran = desk.check(&baseline(&api, "/missing"), &args).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.last(1).starts_with("Result: BLOCKED"), "{ran:#?}");
    assert_eq!(Told::at(&desk).result(), "blocked");
    // With neither there is no lock, and nobody is told.
    let ran = desk
        .check(&baseline(&api, "/"), &["--monitor-read-only"])
        .await;
    assert_eq!(ran.code, Some(64), "{ran:#?}");
    assert!(ran.stderr.contains("leaves nothing behind"), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_green_survives_the_state_and_the_textfile_but_no_time_to_come() {
    let (desk, api, _) = after_green().await;
    let green = Told::at(&desk).green();
    let blocked = baseline(&api, "/missing");
    for lost in ["state.db", "state.db-wal", "state.db-shm"] {
        fs::remove_file(desk.folder().join(lost)).ok();
    }
    run(&desk, &blocked, &[]).await;
    assert_eq!(Told::at(&desk).green(), green);

    let (desk, api, _) = after_green().await;
    let blocked = baseline(&api, "/missing");
    let green = Told::at(&desk).green();
    fs::remove_file(desk.folder().join("cold.prom")).expect("a textfile");
    run(&desk, &blocked, &[]).await;
    assert_eq!(Told::at(&desk).green(), green);

    let to_come = (now() + 86_400.0).to_string();
    let text = text(&desk, "cold.prom").replace(
        &format!("last_green_timestamp {green}"),
        &format!("last_green_timestamp {to_come}"),
    );
    assert!(text.contains(&to_come), "{text}");
    desk.write("cold.prom", &text);
    run(&desk, &blocked, &[]).await;
    assert_eq!(Told::at(&desk).green(), green);
    desk.write("cold.prom", &text);
    let without_state = [&MONITOR[..5], &["--state", "none"]].concat();
    desk.check(&blocked, &without_state).await;
    assert_eq!(Told::at(&desk).green(), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_baseline_and_a_missing_secret_are_check_failed() {
    let (desk, _api, green) = after_green().await;
    let broken = green.replace("needs:", "nedes:");
    let ran = run(&desk, &broken, &["--color", "always"]).await;
    assert_failed(&desk, &ran, 78, "error[unknown-key]: unknown key `nedes`");

    let (desk, _api, green) = after_green().await;
    let ran = run(&desk, &green, &["--var", "nobody=1"]).await;
    assert_failed(&desk, &ran, 78, "nobody");

    let (desk, _api, green) = after_green().await;
    let secret = "/json\", headers: { authorization: { secret: \"env:API_TOKEN\" } } } }";
    let secret = green.replace("/json\" } }", secret);
    assert_ne!(secret, green);
    let ran = run(&desk, &secret, &[]).await;
    assert_failed(&desk, &ran, 78, "env:API_TOKEN");

    // Nobody knows the prefix of a first run whose baseline cannot be read.
    let desk = Desk::new();
    let ran = run(&desk, "version: 1\n\tx", &[]).await;
    assert_eq!(ran.code, Some(78), "{ran:#?}");
    let metrics = text(&desk, "cold.prom");
    promtool(&["check", "metrics"], &metrics);
    assert!(metrics.contains("\ncoldstart_monitor_up 0\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_be_printed_with_another_is_check_failed() {
    let (desk, _api, green) = after_green().await;
    let ran = run(&desk, &green, &["--json", "--report", "tap"]).await;
    assert_failed(&desk, &ran, 64, "standard output holds one report");
}

/// Of the monitor's own files a report would be the last to write.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_takes_neither_the_textfile_nor_the_log() {
    let (desk, _api, green) = after_green().await;
    for (report, flag) in [
        ("prometheus=cold.prom", "--textfile"),
        ("prometheus=./cold.prom", "--textfile"),
        ("json=./last.log", "--log"),
    ] {
        let ran = run(&desk, &green, &["--report", report]).await;
        let told = format!("cannot hold both `{flag}` and `--report ");
        assert_failed(&desk, &ran, 64, &told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_is_check_failed() {
    let (desk, _api, _) = after_green().await;
    let hung = witness().await;
    let ran = run(&desk, &baseline(&hung, "/"), &["--deadline", "500ms"]).await;
    assert_failed(&desk, &ran, 3, "deadline");
    let told = Told::at(&desk);
    assert_eq!(told.value("not_evaluated_gates"), Some(2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_are_check_failed() {
    for name in ["TERM", "INT", "HUP"] {
        let (desk, _api, _) = after_green().await;
        let hung = witness().await;
        let child = desk.start(&baseline(&hung, "/"), &MONITOR);
        until("it asks", || hung.received().contains("GET")).await;
        signal(&child, name);
        let ran = end(child).await;
        assert_failed(&desk, &ran, 3, "interrupt");
    }
}

/// Keeps the state to itself, so that whoever opens it waits for 20 seconds.
fn occupied_state(desk: &Desk) -> rusqlite::Connection {
    let state = rusqlite::Connection::open(desk.folder().join("state.db")).expect("a state");
    let exclusive = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;";
    state.execute_batch(exclusive).expect("nobody else uses it");
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_is_check_failed_however_early() {
    let (desk, _api, green) = after_green().await;
    let _state = occupied_state(&desk);
    let child = desk.start(&green, &MONITOR);
    let id = child.id().expect("it runs");
    until("it listens to signals", || catches_term(id)).await;
    let mut ended = Box::pin(end(child));
    // The first asks for a card, which is long in coming. Any later one ends it.
    let ran = loop {
        let sent = std::process::Command::new("kill")
            .args(["-s", "TERM", &id.to_string()])
            .status();
        sent.expect("kill");
        if let Ok(ran) = timeout(Duration::from_millis(50), &mut ended).await {
            break ran;
        }
    };
    assert_failed(&desk, &ran, 3, "ended by a second signal");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_beyond_the_deadline_is_check_failed() {
    let (desk, _api, green) = after_green().await;
    let _state = occupied_state(&desk);
    let ran = run(&desk, &green, &["--deadline", "1ms"]).await;
    assert_failed(&desk, &ran, 3, "the deadline, and something hung beyond it");
}

/// What a run found is not told before all else is done: it may hang there.
#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_after_the_run_is_check_failed() {
    let (desk, _api, green) = after_green().await;
    let state = rusqlite::Connection::open(desk.folder().join("state.db")).expect("a state");
    // It can be read, but for 20 seconds not written.
    state
        .execute_batch("BEGIN IMMEDIATE")
        .expect("nobody else writes");
    let ran = run(&desk, &green, &["--deadline", "4s"]).await;
    assert_failed(&desk, &ran, 3, "deadline");
}

/// Whether a handler for SIGTERM is set, by the kernel's account.
fn catches_term(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // 1 HUP, 2 INT, 15 TERM, which is set between the other two.
    caught.is_some_and(|mask| {
        [1, 2, 15]
            .iter()
            .all(|number| mask & (1 << (number - 1)) != 0)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_ends_at_once_and_leaves_the_textfile() {
    let (desk, _api, _) = after_green().await;
    let hung = witness().await;
    let first = desk.start(&baseline(&hung, "/"), &MONITOR);
    until("it asks", || hung.received().contains("GET")).await;
    let before = text(&desk, "cold.prom");
    let asked = hung.received();
    let ran = run(&desk, &baseline(&hung, "/"), &[]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(75), ""), "{ran:#?}");
    assert!(ran.stderr.contains("another run holds"), "{ran:#?}");
    assert_eq!(hung.received(), asked, "it asked nobody");
    assert_eq!(text(&desk, "cold.prom"), before);
    let log = text(&desk, "last.log");
    assert!(log.contains("Result: GREEN\n"), "{log}");
    let last = log.lines().last().unwrap_or_default();
    assert!(last.ends_with("this one looked at nothing"), "{log}");
    // Killed, it holds the lock no longer.
    drop(first);
    let api = http::plain().await;
    until_free(&desk, &baseline(&api, "/")).await;
}

async fn until_free(desk: &Desk, baseline: &str) {
    loop {
        let ran = run(desk, baseline, &[]).await;
        if ran.code != Some(75) {
            assert_eq!(ran.code, Some(0), "{ran:#?}");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_written_nothing_is_looked_at() {
    let desk = Desk::new();
    desk.write("file", "");
    let seen = witness().await;
    for (textfile, told) in [
        ("missing/cold.prom", "No such file or directory"),
        ("file/cold.prom", "Not a directory"),
        (".", "it is a folder"),
        ("/dev/null", "it is not a regular file"),
    ] {
        let args = [
            "--monitor-read-only",
            "--textfile",
            textfile,
            "--log",
            "last.log",
        ];
        let ran = desk.check(&baseline(&seen, "/"), &args).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{ran:#?}");
        assert!(ran.stderr.contains(told), "{told} in {ran:#?}");
        assert!(text(&desk, "last.log").contains(told));
    }
    assert_eq!(seen.received(), "");
    // A log that cannot be written keeps no metrics away.
    let (desk, _api, green) = after_green().await;
    let args = [
        "--monitor-read-only",
        "--textfile",
        "cold.prom",
        "--log",
        "missing/l",
    ];
    let ran = desk.check(&green, &args).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(
        ran.stderr.contains("the log was not written to missing/l"),
        "{ran:#?}"
    );
    assert_eq!(Told::at(&desk).result(), "green");
}

/// cron's environment has next to nothing in it; this has nothing at all.
#[tokio::test(flavor = "multi_thread")]
async fn it_runs_without_any_environment() {
    let desk = Desk::new();
    let api = http::plain().await;
    desk.write("baseline.yml", &baseline(&api, "/"));
    let args = [&["check", "-b", "baseline.yml"][..], &MONITOR].concat();
    let mut command = desk.command(&args);
    let ran = end(command.env_clear().spawn().expect("the program")).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:#?}");
    assert_eq!(Told::at(&desk).result(), "green");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage() {
    let desk = Desk::new();
    for args in [
        &["check", "--textfile", "a"][..],
        &["check", "--log", "a"],
        &["check", "--monitor-read-only"],
        &["check", "--monitor-read-only", "--watch"],
        &["check", "--monitor-read-only", "--only", "P0"],
        &["check", "--monitor-read-only", "--skip", "P0"],
        &["check", "--monitor-read-only", "--textfile", ""],
    ] {
        let ran = desk.run(args).await;
        assert_eq!(ran.code, Some(64), "{args:?}: {ran:#?}");
    }
}

/// Random moments; a failure prints the number that they come from.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

/// Every other run is blocked, and knows of the last green by what it reads
/// alone; some by the textfile alone.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_runs_killed_at_random_moments() {
    let micros = |began: Instant| u64::try_from(began.elapsed().as_micros()).expect("a short time");
    let began = Instant::now();
    let (desk, api, green) = after_green().await;
    let mut usual = micros(began);
    let seed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let seed = u64::from(seed.subsec_nanos()) | 1;
    let mut chance = Chance(seed);
    desk.write("blocked.yml", &baseline(&api, "/missing"));
    let state = Location::File(desk.folder().join("state.db"));
    let mut last_green = Told::at(&desk).green();
    let (mut killed, mut completed) = (0, 0);
    for run in 0..200 {
        let context = format!("seed {seed}, run {run}");
        let file = ["baseline.yml", "blocked.yml"][run % 2];
        let state_file = if chance.below(4) == 0 {
            "none"
        } else {
            "state.db"
        };
        let args = [
            &["check", "-b", file],
            &MONITOR[..5],
            &["--state", state_file],
        ];
        let mut child = desk.command(&args.concat()).spawn().expect("the program");
        // Some are let be: how long a run takes changes with what else the machine does.
        let began = Instant::now();
        let moment = match run % 10 {
            0 | 5 => HANG,
            _ => Duration::from_micros(chance.below(usual + usual / 4)),
        };
        let ended = timeout(moment, child.wait()).await;
        if moment == HANG {
            usual = micros(began);
        }
        let status = match ended {
            Ok(status) => status.expect("a status"),
            Err(_) => {
                child.start_kill().ok();
                timeout(HANG, child.wait())
                    .await
                    .expect("an end")
                    .expect("a status")
            }
        };
        match status.code() {
            None => killed += 1,
            Some(0 | 2) => completed += 1,
            Some(code) => panic!("{context}: exit code {code}"),
        }
        let text = text(&desk, "cold.prom");
        let told = Told(series(&text));
        assert_ne!(told.result(), "check_failed", "{context}");
        assert!(told.green() >= last_green, "{context}: {text}");
        last_green = told.green();
        let mut opened =
            State::open(&state).unwrap_or_else(|problem| panic!("{context}: {problem}"));
        assert!(opened.take_notice().is_none(), "{context}");
        let memory = opened.memory("power-cut");
        assert!(
            memory.is_ok_and(|memory| memory.last_green.is_some()),
            "{context}"
        );
    }
    assert!(
        killed > 0 && completed > 0,
        "{killed} killed, {completed} not: seed {seed}"
    );
    let ran = run(&desk, &green, &[]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:#?}");
    assert!(Told::at(&desk).green() >= last_green);
    let left: Vec<String> = fs::read_dir(desk.folder())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".tmp"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "seed {seed}");
}
