//! What a run on the lab costs, and what the same requests cost when the usual
//! programs send them one after another. Prints figures; asserts no times.
//!
//! `tests/lab/lab up && cargo bench --bench lab`, as root. See `benches/README.md`.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::expect_used, reason = "figures of half a run would be wrong")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coldstart");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FULL_STACK: &str = "baselines/full-stack-cold-start.yml";

/// A tenth of today's way, one after another.
const AIM_RATIO: f64 = 0.1;
const AIM_MEMORY_MIB: f64 = 40.0;
const AIM_START_MS: f64 = 10.0;

const RUNS: usize = 10;
const STARTS: usize = 100;

/// A line of the audit.
#[derive(Debug, serde::Deserialize)]
struct Sent {
    check: String,
    target: String,
    protocol: String,
    sent: String,
}

/// The lab that is up.
struct Lab {
    netns: String,
    home: String,
    password: String,
}

impl Lab {
    fn find() -> Self {
        let output = lab(&["env"]);
        let value = |name: &str| {
            let line = output.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.strip_prefix('='))
                .unwrap_or_else(|| panic!("tests/lab/lab env tells no {name}"))
                .to_owned()
        };
        Self {
            netns: value("COLDSTART_LAB_NETNS"),
            home: value("COLDSTART_LAB_HOME"),
            password: value("CHECKER_PGPASSWORD"),
        }
    }

    /// A command where the operator sits, with no shell in between.
    fn operator(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.netns, program])
            .current_dir(ROOT)
            .env("HOME", &self.home)
            .env("CHECKER_PGPASSWORD", &self.password)
            .env("PGPASSWORD", &self.password)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        command
    }

    fn check(&self, more: &[&str]) -> Command {
        let mut command = self.operator(PROGRAM);
        command.args(["check", "-b", FULL_STACK]).args(more);
        command
    }
}

/// Runs `tests/lab/lab`; what it prints.
fn lab(arguments: &[&str]) -> String {
    let output = Command::new(Path::new(ROOT).join("tests/lab/lab"))
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("tests/lab/lab");
    assert!(output.status.success(), "tests/lab/lab {arguments:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn timed(command: &mut Command) -> (ExitStatus, Duration) {
    let began = Instant::now();
    let status = command.status().expect("a program that starts");
    (status, began.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The median of so many runs, each of which has to end with `status`.
fn median_of(runs: usize, status: i32, mut command: impl FnMut() -> Command) -> Duration {
    let run = |_| {
        let (ended, took) = timed(&mut command());
        assert_eq!(ended.code(), Some(status), "a figure of another run");
        took
    };
    median((0..runs).map(run).collect())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What the program sent, as a script of the usual programs: each request is a
/// process of its own, all of a host over one shared SSH connection.
fn one_after_another(audit: &[Sent], folder: &Path) -> String {
    let ssh = format!(
        "ssh -o ControlMaster=auto -o ControlPersist=60 -o ControlPath={}/%n",
        folder.display()
    );
    // Requests to 127.0.0.1 were sent from the host that the line before tells.
    let via = |check: &str| {
        audit
            .iter()
            .find(|line| line.check == check && line.sent.starts_with("direct-tcpip "))
            .map(|line| line.target.as_str())
    };
    let mut script = "set -eu\n".to_owned();
    let mut hosts: Vec<&str> = Vec::new();
    for (place, line) in audit.iter().enumerate() {
        let (protocol, sent) = (line.protocol.as_str(), line.sent.as_str());
        let there = |command: String| match via(&line.check) {
            Some(host) => format!("{ssh} {host} {}", quoted(&command)),
            None => command,
        };
        let words: Vec<&str> = sent.split(' ').collect();
        let command = match (protocol, words.as_slice()) {
            ("icmp", [count, .., address]) => format!("ping -q -c {count} -i 0.2 -W 2 {address}"),
            ("ssh", ["connect", _]) => {
                hosts.push(&line.target);
                format!("{ssh} {} true", line.target)
            }
            ("ssh-exec", _) => format!("{ssh} {} {}", line.target, quoted(sent)),
            ("http", [method, url]) => there(format!(
                "curl -s -S -o /dev/null -X {method} --max-time 10 {}",
                quoted(url)
            )),
            ("redis", _) => {
                let (address, port) = line.target.rsplit_once(':').expect("a port");
                there(format!("redis-cli -h {address} -p {port} {sent}"))
            }
            // One psql for a whole session, as its lines are on one connection.
            ("postgres", ["login", user, "to", database]) => {
                let (address, port) = line.target.rsplit_once(':').expect("a port");
                let mut psql = format!("psql -q -h {address} -p {port} -U {user} -d {database}");
                let session = audit[place + 1..]
                    .iter()
                    .filter(|next| next.check == line.check && next.protocol == "postgres");
                for statement in session {
                    write!(psql, " -c {}", quoted(&statement.sent)).expect("text grows");
                }
                psql
            }
            // Only a connection: of a kind that sends nothing after it.
            ("tcp" | "ssh", ["connect" | "direct-tcpip", address])
                if !audit[place + 1..]
                    .iter()
                    .any(|next| next.check == line.check) =>
            {
                let (address, port) = address.rsplit_once(':').expect("a port");
                there(format!(
                    "timeout 3 bash -c {}",
                    quoted(&format!("exec 3<>/dev/tcp/{address}/{port}"))
                ))
            }
            // Part of another line, or what the programs do for themselves.
            ("tcp" | "ssh" | "postgres" | "local-exec" | "dns", _) => continue,
            _ => panic!("no program for {line:?}"),
        };
        writeln!(script, "{command} >/dev/null").expect("text grows");
    }
    for host in hosts {
        writeln!(script, "{ssh} -O exit {host} 2>/dev/null").expect("text grows");
    }
    script
}

/// The largest memory that a process has had resident, in KiB, as the kernel
/// keeps it; asked until the process is gone.
fn peak_memory(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("a child").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        // Before it is the program, the process is `ip`.
        if text.starts_with("Name:\tcoldstart\n") {
            let now = text
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:"))
                .and_then(|rest| rest.trim().strip_suffix(" kB"))
                .and_then(|number| number.parse().ok());
            peak = peak.max(now.unwrap_or(0));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(peak > 0, "the program was never seen");
    peak
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn line(what: &str, figure: &str, aim: &str) {
    println!("{what:<58} {figure:>12}   {aim}");
}

fn main() {
    let lab_is = Lab::find();
    lab(&["up"]);
    let folder = tempfile::tempdir().expect("a folder");
    let audit_file = folder.path().join("audit.jsonl");
    let audit_path = audit_file.display().to_string();
    let (status, _) = timed(&mut lab_is.check(&["--audit", &audit_path]));
    assert_eq!(status.code(), Some(0), "the lab has to be GREEN");
    let audit: Vec<Sent> = std::fs::read_to_string(&audit_file)
        .expect("an audit")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of the audit"))
        .collect();
    let mut checks: Vec<&str> = audit.iter().map(|line| line.check.as_str()).collect();
    checks.sort_unstable();
    checks.dedup();

    let script = folder.path().join("one-after-another.sh");
    let commands = one_after_another(&audit, folder.path());
    std::fs::write(&script, &commands).expect("a script");
    if let Some(kept) = std::env::var_os("COLDSTART_BENCH_SCRIPT") {
        std::fs::write(kept, &commands).expect("the script, to look at");
    }
    let script = script.display().to_string();

    println!(
        "{} checks, {} lines of audit; medians of {RUNS} runs, {STARTS} starts",
        checks.len(),
        audit.len()
    );
    let ours = median_of(RUNS, 0, || lab_is.check(&[]));
    let theirs = median_of(RUNS, 0, || {
        let mut bash = lab_is.operator("bash");
        bash.arg(&script);
        bash
    });
    line("coldstart check", &format!("{:.0} ms", ms(ours)), "");
    line(
        "the same, one after another: ssh, curl, psql, redis-cli, …",
        &format!("{:.0} ms", ms(theirs)),
        "",
    );
    line(
        "ratio",
        &format!("{:.3}", ours.as_secs_f64() / theirs.as_secs_f64()),
        &format!("aim: {AIM_RATIO}"),
    );

    let mut peak = 0;
    for _ in 0..RUNS {
        let mut child = lab_is.check(&[]).spawn().expect("coldstart");
        peak = peak.max(peak_memory(&mut child));
    }
    let peak = f64::from(u32::try_from(peak).unwrap_or(u32::MAX)) / 1024.0;
    line(
        "most memory resident",
        &format!("{peak:.1} MiB"),
        &format!("aim: {AIM_MEMORY_MIB} MiB"),
    );

    let start = |program: &str, arguments: &[&str]| {
        median_of(STARTS, 0, || {
            let mut command = Command::new(program);
            command
                .args(arguments)
                .current_dir(ROOT)
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            command
        })
    };
    let floor = start("/bin/true", &[]);
    for (what, arguments) in [
        ("coldstart --version", &["--version"][..]),
        ("coldstart plan", &["plan", "-b", FULL_STACK]),
    ] {
        let took = start(PROGRAM, arguments);
        line(
            &format!("start: {what} (/bin/true: {:.1} ms)", ms(floor)),
            &format!("{:.1} ms", ms(took)),
            &format!("aim: {AIM_START_MS} ms"),
        );
    }

    lab(&["unplug", "k3s120"]);
    let cut = [&[][..], &["--keep-going"]].map(|more| {
        let (status, took) = timed(&mut lab_is.check(more));
        (more, status, took)
    });
    lab(&["plug", "k3s120"]);
    for (more, status, took) in cut {
        assert_eq!(status.code(), Some(2), "one host is unplugged");
        line(
            &format!("k3s120 unplugged: coldstart check {}", more.join(" ")),
            &format!("{:.1} s", took.as_secs_f64()),
            "aim: its connect timeout of 3 s and at most 1 s",
        );
    }
}
