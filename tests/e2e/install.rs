//! `install cron` and `install systemd`: what is written where, and taken out.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::desk::{Desk, Ran};
use crate::servers::programs;

const BASELINE: &str = "\
version: 1
name: desk
hosts:
  here: { local: true }
phases:
  P0: { checks: { there: { on: here, file: { path: / } } } }
";

const WHAT: [&str; 8] = [
    "-b",
    "baseline.yml",
    "--textfile",
    "cold 50%.prom",
    "--log",
    "資料/last.log",
    "--state",
    "state.db",
];

/// A desk whose `crontab` and `systemctl` only keep what they were told.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("baseline.yml", BASELINE);
    fs::create_dir(desk.folder().join("資料")).expect("a folder");
    let crontab = "#!/bin/sh\n\
        case $1 in\n\
        -l) [ -e crontab.txt ] || { echo 'no crontab for nobody' >&2; exit 1; }; exec /bin/cat crontab.txt;;\n\
        -) exec /bin/cat >crontab.txt;;\n\
        *) exit 9;;\n\
        esac\n";
    program(&desk, "crontab", crontab);
    program(
        &desk,
        "systemctl",
        "#!/bin/sh\necho \"$*\" >>systemctl.txt\n[ ! -e systemctl.fails ] || { echo no bus >&2; exit 1; }\n",
    );
    desk
}

fn program(desk: &Desk, name: &str, text: &str) {
    programs::program(&desk.folder().join(name), text);
}

async fn install(desk: &Desk, to: &str, more: &[&str]) -> Ran {
    let args = [&["install", to][..], &WHAT, more].concat();
    desk.run(&args).await
}

fn done(ran: &Ran, said: &str) {
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stdout.contains(said), "{said} in {ran:#?}");
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crontab_gets_a_block_and_is_as_it_was_without_it() {
    let desk = desk();
    let crontab = desk.folder().join("crontab.txt");
    let printed = install(&desk, "cron", &[]).await;
    done(&printed, "# BEGIN coldstart monitor\n*/10 * * * * ");
    assert_eq!(read(&crontab), None, "printing writes nothing");
    let folder = desk.folder().display().to_string();
    for word in [
        "check --monitor-read-only --deadline 480s --baseline ",
        &format!("--baseline {folder}/baseline.yml "),
        &format!("--state {folder}/state.db "),
        &format!("--textfile '{folder}/cold 50\\%.prom' "),
        &format!("--log '{folder}/資料/last.log'\n"),
    ] {
        assert!(printed.stdout.contains(word), "{word} in {printed:#?}");
    }

    let old = "MAILTO=\"\"\n# mine\n5 4 * * *\tbackup 2>&1\n\n";
    desk.write("crontab.txt", old);
    done(
        &install(&desk, "cron", &["--apply"]).await,
        "the block is in",
    );
    let with = format!("{old}{}", printed.stdout);
    assert_eq!(read(&crontab).as_deref(), Some(with.as_str()));
    done(&install(&desk, "cron", &["--apply"]).await, "already");
    assert_eq!(read(&crontab).as_deref(), Some(with.as_str()));
    let more = ["--apply", "--name", "other", "--every", "1h"];
    done(&install(&desk, "cron", &more).await, "the block is in");
    let changed = ["--apply", "--every", "30m"];
    done(&install(&desk, "cron", &changed).await, "the block is in");
    let text = read(&crontab).expect("a crontab");
    assert!(
        text.starts_with(old) && text.contains("\n*/30 * * * * "),
        "{text}"
    );
    let remove = ["install", "cron", "--remove"];
    done(&desk.run(&remove).await, "out of");
    done(
        &desk
            .run(&[&remove[..], &["--name", "other"]].concat())
            .await,
        "out of",
    );
    assert_eq!(read(&crontab).as_deref(), Some(old));
    done(&desk.run(&remove).await, "no such block");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_runs_as_cron_runs_it() {
    let desk = desk();
    done(
        &install(&desk, "cron", &["--apply"]).await,
        "in the crontab",
    );
    let text = read(&desk.folder().join("crontab.txt")).expect("a crontab");
    let line = text.lines().nth(1).expect("a job");
    // cron takes the backslash away before the shell gets the line.
    let command = line
        .strip_prefix("*/10 * * * * ")
        .expect("its time")
        .replace("\\%", "%");
    let output = Command::new("/bin/sh")
        .args(["-c", &command])
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
    assert!(output.stdout.is_empty(), "nothing for cron to mail");
    let metrics = read(&desk.folder().join("cold 50%.prom")).expect("a textfile");
    assert!(metrics.contains("\ncoldstart_monitor_up 1\n"), "{metrics}");
    let log = read(&desk.folder().join("資料/last.log")).expect("a log");
    assert!(log.ends_with("Result: GREEN\n"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crontab_that_is_not_understood_is_left_alone() {
    let desk = desk();
    let torn = "# BEGIN coldstart monitor\n5 4 * * * mine\n";
    desk.write("crontab.txt", torn);
    for args in [&["--apply"][..], &["--remove"]] {
        let ran = install(&desk, "cron", args).await;
        assert_eq!(ran.code, Some(3), "{ran:#?}");
        assert!(ran.stderr.contains("the crontab is as it was"), "{ran:#?}");
    }
    assert_eq!(
        read(&desk.folder().join("crontab.txt")).as_deref(),
        Some(torn)
    );

    program(
        &desk,
        "crontab",
        "#!/bin/sh\necho 'not allowed' >&2\nexit 1\n",
    );
    let ran = install(&desk, "cron", &["--apply"]).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(ran.stderr.contains("-l` failed: not allowed"), "{ran:#?}");

    fs::remove_file(desk.folder().join("crontab")).expect("a program");
    let ran = install(&desk, "cron", &["--apply"]).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(
        ran.stderr.contains("there is no `crontab` program"),
        "{ran:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn waivers_are_read_and_passed_on() {
    let desk = desk();
    let folder = desk.folder().display().to_string();
    desk.write("w.yml", "version: 1\nwaivers: []\n");
    for (args, word) in [
        (["--waivers", "w.yml"], format!("--waivers {folder}/w.yml ")),
        (["--waivers", "none"], "--waivers none ".to_owned()),
    ] {
        done(&install(&desk, "cron", &args).await, &word);
    }
    desk.write("baseline.waivers.yml", "version: 2\n");
    let ran = install(&desk, "cron", &["--apply"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(78), ""), "{ran:#?}");
    assert!(!desk.folder().join("crontab.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_only_fail_is_not_installed() {
    let desk = desk();
    desk.write("baseline.yml", "version: 2\n");
    let ran = install(&desk, "cron", &["--apply"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(78), ""), "{ran:#?}");
    desk.write("baseline.yml", BASELINE);
    for (args, told) in [
        (&["--every", "7m"][..], "5m, 10m, 15m"),
        (&["--deadline", "10m"], "would meet the next one"),
        (&["--name", "../x"], "letters, digits"),
        (&["--var", "x=\n"], "control character"),
    ] {
        for to in ["cron", "systemd"] {
            if told.contains("control") {
                desk.write("baseline.yml", &format!("{BASELINE}vars: {{ x: a }}\n"));
            }
            let ran = install(&desk, to, args).await;
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(64), ""), "{ran:#?}");
            assert!(ran.stderr.contains(told), "{told} in {ran:#?}");
        }
    }
    let ran = desk.run(&["install", "cron", "-b", "baseline.yml"]).await;
    assert_eq!(ran.code, Some(64), "{ran:#?}");
    let log = [
        "install",
        "cron",
        "-b",
        "baseline.yml",
        "--log",
        "missing/log",
    ];
    let ran = desk
        .run(&[&log[..], &["--textfile", "a", "--apply"]].concat())
        .await;
    assert_eq!(ran.code, Some(64), "{ran:#?}");
    assert!(ran.stderr.contains("/missing: make it first"), "{ran:#?}");
    let same = ["--textfile", "資料/a.prom", "--log", "資料/../資料/a.prom"];
    let ran = desk
        .run(&[&["install", "cron", "-b", "baseline.yml"][..], &same].concat())
        .await;
    assert_eq!(ran.code, Some(64), "{ran:#?}");
    assert!(ran.stderr.contains("name the same file"), "{ran:#?}");
    let units = [
        "install",
        "systemd",
        "-b",
        "baseline.yml",
        "--textfile",
        "a",
        "--log",
        "b",
    ];
    for (more, told) in [
        (&["--as", "daemon"][..], "say by --state where daemon may"),
        (
            &["--state", "missing/s", "--apply", "--units", "u"],
            "/missing: make it first",
        ),
        (&["--as", "daemon", "--user"], "cannot be used with"),
    ] {
        let ran = desk.run(&[&units[..], more].concat()).await;
        assert_eq!(ran.code, Some(64), "{ran:#?}");
        assert!(ran.stderr.contains(told), "{told} in {ran:#?}");
    }
    assert!(!desk.folder().join("u").exists());
    assert!(!desk.folder().join("crontab.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_will_be_missing_are_told() {
    let desk = desk();
    let http = "http: { url: \"http://127.0.0.1/\", headers: { a: { secret: \"env:TOKEN\" } } }";
    let baseline = BASELINE.replace("file: { path: / }", http);
    desk.write("baseline.yml", &baseline);
    for (to, told) in [
        ("cron", "keep it in a file"),
        (
            "systemd",
            "`EnvironmentFile=` in `systemctl edit coldstart-monitor.service`",
        ),
    ] {
        let ran = install(&desk, to, &[]).await;
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(
            ran.stderr.contains("`env:TOKEN`") && ran.stderr.contains(told),
            "{ran:#?}"
        );
    }
}

/// The names of a folder's files.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn units_come_and_go() {
    let desk = desk();
    let units = desk.folder().join(".config/systemd/user");
    done(
        &install(&desk, "systemd", &["--user", "--apply"]).await,
        "coldstart-monitor.timer",
    );
    let both = ["coldstart-monitor.service", "coldstart-monitor.timer"];
    assert_eq!(names(&units), both);
    done(
        &install(&desk, "systemd", &["--user", "--apply"]).await,
        "already",
    );
    fs::write(units.join("mine.service"), "[Unit]\n").expect("a unit");
    let remove = ["install", "systemd", "--user", "--remove"];
    done(&desk.run(&remove).await, "out of");
    assert_eq!(names(&units), ["mine.service"]);
    done(&desk.run(&remove).await, "no such units");
    assert_eq!(
        read(&desk.folder().join("systemctl.txt")).as_deref(),
        Some(
            "--user daemon-reload\n\
             --user enable --now coldstart-monitor.timer\n\
             --user enable --now coldstart-monitor.timer\n\
             --user disable --now coldstart-monitor.timer\n\
             --user daemon-reload\n"
        )
    );
    desk.write("systemctl.fails", "");
    let ran = install(&desk, "systemd", &["--user", "--apply"]).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(
        ran.stderr
            .contains("`systemctl --user daemon-reload` failed: no bus"),
        "{ran:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_of_somebody_else_is_left_alone() {
    let desk = desk();
    fs::create_dir(desk.folder().join("units")).expect("a folder");
    desk.write("units/coldstart-monitor.timer", "[Timer]\n");
    for args in [
        &["--apply", "--units", "units"][..],
        &["--remove", "--units", "units"],
    ] {
        let ran = install(&desk, "systemd", args).await;
        assert_eq!(ran.code, Some(3), "{ran:#?}");
        assert!(
            ran.stderr.contains("was not written by coldstart"),
            "{ran:#?}"
        );
    }
    assert_eq!(
        names(&desk.folder().join("units")),
        ["coldstart-monitor.timer"]
    );
}

/// systemd itself reads the units and finds nothing to say.
#[tokio::test(flavor = "multi_thread")]
async fn systemd_understands_the_units() {
    let desk = desk();
    let remote = BASELINE.replace("{ local: true }", "{ address: 127.0.0.1 }");
    for (number, (baseline, args)) in [
        (BASELINE, &["--every", "1m"][..]),
        (BASELINE, &["--user", "--every", "24h"]),
        (&remote, &["--as", "daemon", "--every", "30m"]),
        (&remote, &["--every", "1h"]),
        (&remote, &["--every", "6h"]),
    ]
    .into_iter()
    .enumerate()
    {
        desk.write("baseline.yml", baseline);
        let units = format!("units{number}");
        let args = [args, &["--apply", "--units", &units]].concat();
        done(
            &install(&desk, "systemd", &args).await,
            "coldstart-monitor.timer",
        );
        let folder = desk.folder().join(&units);
        let service = read(&folder.join("coldstart-monitor.service")).expect("a unit");
        let is_shut_in = service.contains("ProtectSystem=strict");
        assert_eq!(is_shut_in, baseline != BASELINE, "{service}");
        let verify = Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .args(
                ["coldstart-monitor.service", "coldstart-monitor.timer"]
                    .map(|name| folder.join(name)),
            )
            .output()
            .expect("systemd-analyze (Debian: systemd)");
        let said = String::from_utf8_lossy(&verify.stderr);
        let of_ours: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("coldstart-monitor"))
            .collect();
        assert!(
            of_ours.is_empty() && verify.status.success(),
            "{said}\n{service}"
        );
    }
    // Told from a folder of their own, systemd was asked nothing.
    assert!(!desk.folder().join("systemctl.txt").exists());
}
