//! The stack and what happens to it. Each step waits until `coldstart` has met
//! the trouble that it ends, so that every stage is on a card.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::process::Command;
use tokio::time::sleep;

use crate::servers::postgres::Trouble;
use crate::servers::redis::Say;
use crate::servers::ssh::{Answer, Home, Script, known_hosts_line};
use crate::servers::tcp::Held;
use crate::servers::{http, postgres, redis, ssh, tcp};

const BASELINE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/cold_boot/baseline.yml"
);

/// A run is over when it has sent nothing for so long: longer than the pause
/// before a refused SSH connection is tried again (1 s), shorter than the one
/// between two attempts (2 s), so that the next attempt finds the step done.
const QUIET: Duration = Duration::from_millis(1600);

/// Plays the boot in front of `program` and gives its exit status. `tell` gets
/// one line for each step.
pub(crate) async fn perform(
    program: &Path,
    stdout: Stdio,
    stderr: Stdio,
    tell: impl Fn(&str),
) -> io::Result<ExitStatus> {
    let home = Home::new();
    let audit = home.dir.path().join("audit.jsonl");
    let mut stack = Stack::new(&home);
    tell("power: off, nothing answers");
    let mut child = Command::new(program)
        .args(["check", "--baseline", BASELINE])
        .args(["--watch", "--interval", "2", "--max-attempts", "12"])
        .arg("--audit")
        .arg(&audit)
        .args(stack.variables())
        .env("HOME", home.dir.path())
        // No `ssh` program, whose configuration would be the user's own.
        .env("PATH", home.dir.path())
        .env_remove("SSH_AUTH_SOCK")
        .env_remove("COLDSTART_BASELINE")
        .env_remove("COLDSTART_SSH_CONFIG")
        .env("COLDSTART_STATE", "none")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .kill_on_drop(true)
        .spawn()?;
    tokio::select! {
        status = child.wait() => return status,
        () = stack.come_up(&audit, tell) => {}
    }
    child.wait().await
}

/// A state that a running server looks up each time that it is asked.
#[derive(Clone, Default)]
struct Switch(Arc<AtomicBool>);

impl Switch {
    fn on(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A host without power: its ports, and its SSH server to be.
struct Host {
    sshd: Held,
    script: Script,
}

/// Everything that runs by now; it ends with this value.
#[derive(Default)]
struct Running {
    hosts: Vec<ssh::Server>,
    services: Vec<tcp::Server>,
}

struct Stack {
    data188: Option<Host>,
    ops110: Option<Host>,
    postgres: Option<Held>,
    redis: Option<Held>,
    registry: Option<Held>,
    api: Option<Held>,
    ports: Vec<(&'static str, u16)>,
    recovered: Switch,
    loaded: Switch,
    docker: Switch,
    healthy: Switch,
    running: Running,
}

/// What ends the trouble that `check` has met.
struct Step {
    check: &'static str,
    line: &'static str,
    act: fn(&mut Stack),
}

const STEPS: &[Step] = &[
    Step {
        check: "ssh@data188",
        line: "power: data188 boots; PostgreSQL recovers, Redis loads its data",
        act: Stack::boot_data188,
    },
    Step {
        check: "ssh@ops110",
        line: "power: ops110 boots; Docker starts",
        act: Stack::boot_ops110,
    },
    Step {
        check: "postgres@data188",
        line: "data188: PostgreSQL has recovered",
        act: |stack| stack.recovered.on(),
    },
    Step {
        check: "redis@data188",
        line: "data188: Redis has loaded its data",
        act: |stack| stack.loaded.on(),
    },
    Step {
        check: "docker@ops110",
        line: "ops110: Docker runs and starts the registry and the API",
        act: Stack::start_docker,
    },
    Step {
        check: "api",
        line: "ops110: the API has found its databases",
        act: |stack| stack.healthy.on(),
    },
];

impl Stack {
    /// Everything off, with its ports taken and its host keys known to `home`.
    fn new(home: &Home) -> Self {
        let docker = Switch::default();
        let host = |script: Script| Host {
            sshd: Held::new(),
            script,
        };
        let accepted = home.key.public_key();
        let data188 = host(Script::new(accepted, answers("data188", docker.clone())));
        let ops110 = host(Script::new(accepted, answers("ops110", docker.clone())));
        let trusted = [&data188, &ops110]
            .map(|host| known_hosts_line(host.sshd.port(), host.script.host_keys[0].public_key()));
        home.write("known_hosts", &trusted.concat());
        let [postgres, redis, registry, api] = std::array::from_fn(|_| Held::new());
        Self {
            ports: vec![
                ("data188_ssh", data188.sshd.port()),
                ("ops110_ssh", ops110.sshd.port()),
                ("postgres_port", postgres.port()),
                ("redis_port", redis.port()),
                ("registry_port", registry.port()),
                ("api_port", api.port()),
            ],
            data188: Some(data188),
            ops110: Some(ops110),
            postgres: Some(postgres),
            redis: Some(redis),
            registry: Some(registry),
            api: Some(api),
            recovered: Switch::default(),
            loaded: Switch::default(),
            docker,
            healthy: Switch::default(),
            running: Running::default(),
        }
    }

    /// `--var NAME=PORT` for every port.
    fn variables(&self) -> Vec<String> {
        self.ports
            .iter()
            .flat_map(|(name, port)| ["--var".to_owned(), format!("{name}={port}")])
            .collect()
    }

    async fn come_up(&mut self, audit: &Path, tell: impl Fn(&str)) {
        let mut seen = 0;
        for step in STEPS {
            seen = met(audit, seen, step.check).await;
            (step.act)(self);
            tell(step.line);
        }
    }

    fn boot_data188(&mut self) {
        self.boot(|stack| stack.data188.take());
        if let Some(held) = self.postgres.take() {
            let recovered = self.recovered.clone();
            self.running
                .services
                .push(postgres::on(held.listen(), move || {
                    if recovered.is_on() {
                        Trouble::None
                    } else {
                        Trouble::Login("57P03", "the database system is starting up")
                    }
                }));
        }
        if let Some(held) = self.redis.take() {
            let loaded = self.loaded.clone();
            let say = move |command: &str| redis_says(command, loaded.is_on());
            self.running.services.push(redis::on(held.listen(), say));
        }
    }

    fn boot_ops110(&mut self) {
        self.boot(|stack| stack.ops110.take());
    }

    fn boot(&mut self, take: fn(&mut Self) -> Option<Host>) {
        if let Some(Host { sshd, script }) = take(self) {
            self.running
                .hosts
                .push(ssh::Server::on(sshd.listen(), script));
        }
    }

    /// With Docker come the registry, ready, and the API, which still looks
    /// for its databases.
    fn start_docker(&mut self) {
        self.docker.on();
        if let Some(held) = self.registry.take() {
            let says = |_: &str| ("401 Unauthorized", "");
            self.running.services.push(http::on(held.listen(), says));
        }
        if let Some(held) = self.api.take() {
            let healthy = self.healthy.clone();
            self.running
                .services
                .push(http::on(held.listen(), move |_| {
                    if healthy.is_on() {
                        ("200 OK", r#"{"status":"healthy"}"#)
                    } else {
                        ("502 Bad Gateway", "no upstream")
                    }
                }));
        }
    }
}

fn redis_says(command: &str, loaded: bool) -> Say {
    match (command, loaded) {
        ("INFO", true) => Say::Text("redis_version:7.2.4\r\nloading:0\r\nrole:master\r\n"),
        ("INFO", false) => Say::Text("redis_version:7.2.4\r\nloading:1\r\nrole:master\r\n"),
        ("PING", false) => Say::Bytes("-LOADING Redis is loading the dataset in memory\r\n"),
        _ => Say::Usual,
    }
}

/// What a host says to the commands of the kinds that the baseline uses.
fn answers(name: &'static str, docker: Switch) -> impl Fn(&str) -> Answer + Send + Sync + 'static {
    let powered = Instant::now();
    move |command| {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let program = command.split(' ').next().unwrap_or_default();
        match program {
            "grep" => Answer::ok(kernel(name, now, powered.elapsed())),
            "date" if command.contains("%N") => {
                Answer::ok(format!("{}.{:09}\n", now.as_secs(), now.subsec_nanos()))
            }
            "date" => Answer::ok(format!("{}\n", now.as_secs())),
            // The last backup was made three hours ago.
            "stat" => Answer::ok(format!(
                "73400320,{},640,ollama,regular file\n",
                now.as_secs() - 3 * 3600
            )),
            "systemctl" => Answer::ok(unit(if docker.is_on() {
                "active"
            } else {
                "activating"
            })),
            "findmnt" => Answer::ok("rw,relatime\n"),
            _ => Answer::fails(127, format!("{program}: command not found\n")),
        }
    }
}

fn kernel(name: &str, now: Duration, up: Duration) -> String {
    format!(
        "/proc/sys/kernel/random/boot_id:6f2b3c1e-8a64-4a0e-9c57-0d2f6f4b8e11\n\
         /proc/sys/kernel/hostname:{name}\n\
         /proc/sys/kernel/osrelease:6.1.0-37-amd64\n\
         /proc/uptime:{:.2} 0.00\n\
         /proc/loadavg:1.50 0.75 0.25 2/812 40213\n\
         /proc/meminfo:MemTotal:       16384000 kB\n\
         /proc/meminfo:MemAvailable:   12288000 kB\n\
         /proc/stat:cpu0 5 0 5 50 0 0 0 0 0 0\n\
         /proc/stat:cpu1 5 0 5 50 0 0 0 0 0 0\n\
         /proc/stat:btime {}\n",
        up.as_secs_f64(),
        now.saturating_sub(up).as_secs(),
    )
}

fn unit(state: &str) -> String {
    format!(
        "Id=docker.service\nNames=docker.service\nLoadState=loaded\nActiveState={state}\n\
         SubState=running\nNRestarts=0\n"
    )
}

/// Waits until `check` has sent something after the first `seen` bytes of the
/// audit, and its run is over. Gives the audit's length.
async fn met(audit: &Path, seen: usize, check: &str) -> usize {
    let entry = format!("\"check\":\"{check}\"");
    let mut length = seen;
    let mut since = Instant::now();
    loop {
        // There is none before the program starts.
        let text = std::fs::read(audit).unwrap_or_default();
        if text.len() != length {
            length = text.len();
            since = Instant::now();
        }
        let new = String::from_utf8_lossy(text.get(seen..).unwrap_or_default()).into_owned();
        if new.contains(&entry) && since.elapsed() >= QUIET {
            return length;
        }
        sleep(Duration::from_millis(50)).await;
    }
}
