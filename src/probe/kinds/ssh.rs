//! `ssh`: a host lets us in.

mod own_name;

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Host, Kind, Place, Policy, Request,
    Target, Type, Unit,
};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Logs in to the host over SSH, with a host key that is already known, and
/// reads what the kernel tells of itself.
///
/// Logging in is the observation: a host whose shell runs no commands has been
/// reached all the same, and its other facts are absent. On the operator's own
/// machine there is no login, and the connection's facts are absent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
// The baseline's schema has an `Ssh` of its own: a host's login.
#[schemars(rename = "SshOptions")]
pub struct Ssh {
    /// Also ask whether the host finds its own name, by `hostname -f`: in `/etc/hosts` or by
    /// its name servers, as its programs do. It is expected to. Not asked on a Mac.
    #[serde(default)]
    own_name: bool,
}

/// `grep -H` names the file in front of every line, so that a file that one
/// host lacks does not shift the meaning of the others.
const LINUX: &[&str] = &[
    "grep",
    "-H",
    ".",
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
];

/// A Mac as the operator's own machine.
const MACOS: &[&str] = &[
    "sysctl",
    "kern.bootsessionuuid",
    "kern.hostname",
    "kern.osrelease",
    "kern.boottime",
    "vm.loadavg",
    "hw.ncpu",
    "hw.memsize",
];

const DATE: &[&str] = &["date", "+%s.%N"];

/// An answer that took longer tells the host's clock to no better than a second.
const SLOW: Duration = Duration::from_secs(2);

fn asks(target: &Target) -> &'static [&'static str] {
    let local = target.host.as_deref().is_some_and(|host| host.local);
    if local && cfg!(target_os = "macos") {
        MACOS
    } else {
        LINUX
    }
}

/// Whether its `hostname -f` asks the resolver.
fn looks_names_up(target: &Target) -> bool {
    asks(target) != MACOS
}

/// As the audit notes it, as far as the baseline tells: `~/.ssh/config` may
/// have its say about the rest.
fn connect(host: &Host) -> String {
    let user = host.ssh.user.as_ref().map(|user| format!("{user}@"));
    let port = host.ssh.port.map(|port| format!(":{port}"));
    let way = host.ssh.jump.as_ref();
    let way = way.map(|jump| format!(" through {}", jump.id));
    format!(
        "connect {}{}{}{}",
        user.unwrap_or_default(),
        host.address,
        port.unwrap_or_default(),
        way.unwrap_or_default()
    )
}

impl Kind for Ssh {
    const NAME: &'static str = "ssh";
    const SUMMARY: &'static str = "a host lets us in over SSH with a known host key";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::number(
            "connect_ms",
            Unit::Milliseconds,
            "From the first SYN to the open TCP connection. The connection is shared: it is opened once for the whole run.",
        ),
        FactSpec::number(
            "login_ms",
            Unit::Milliseconds,
            "From the open TCP connection to the accepted login.",
        ),
        FactSpec::new(
            "host_key",
            Type::Text,
            "Fingerprint of the server's key, `SHA256:…`.",
        ),
        FactSpec::new(
            "server",
            Type::Text,
            "The server's identification, `SSH-2.0-OpenSSH_9.2p1`.",
        ),
        FactSpec::new(
            "boot_id",
            Type::Text,
            "The kernel's id of this boot; another one means that the host started again.",
        ),
        FactSpec::new(
            "booted_at",
            Type::Time,
            "When the host started, by the host's own clock.",
        ),
        FactSpec::number("uptime_s", Unit::Seconds, "Time since the host started."),
        FactSpec::number("load1", Unit::None, "Load average over one minute."),
        FactSpec::number("load5", Unit::None, "Load average over five minutes."),
        FactSpec::number("load15", Unit::None, "Load average over fifteen minutes."),
        FactSpec::number("cores", Unit::Count, "Processor cores that are online."),
        FactSpec::number("load_per_core", Unit::None, "`load1` divided by `cores`."),
        FactSpec::number(
            "load15_per_core",
            Unit::None,
            "`load15` divided by `cores`.",
        ),
        FactSpec::number("memory_total_bytes", Unit::Bytes, "Usable memory."),
        FactSpec::number(
            "memory_available_bytes",
            Unit::Bytes,
            "Memory that new programs can get without swapping.",
        ),
        FactSpec::number(
            "memory_available_percent",
            Unit::Percent,
            "`memory_available_bytes` as a share of `memory_total_bytes`.",
        ),
        FactSpec::number(
            "clock_skew_s",
            Unit::Seconds,
            "How far the host's clock is ahead of the operator's; negative when it is behind. Right to about half a round trip, and to half a second where the host's `date` tells no fractions. Where the answer took over two seconds: how far at least.",
        ),
        FactSpec::new("hostname", Type::Text, "The kernel's host name."),
        FactSpec::new("kernel", Type::Text, "The kernel's release."),
        own_name::RESOLVES,
        own_name::FULL_NAME,
        own_name::ERROR,
    ];
    const EXAMPLE: &'static str =
        "title: 188 lets us in\non: data188\nssh: {}\nrequire: uptime_s > 60\n";

    fn defaults(&self) -> Defaults {
        Defaults {
            require: Vec::from_iter(self.own_name.then(|| "name_resolves".to_owned())),
            // After a power cut a dead clock battery shows as a host in the past:
            // certificates, tokens and freshness checks then fail elsewhere.
            prefer: vec!["clock_skew_s > -5 && clock_skew_s < 5".to_owned()],
        }
    }

    fn goal(&self, target: &Target) -> String {
        let host = target.host.as_deref();
        match host {
            Some(host) if host.local => "what the kernel of this machine tells".to_owned(),
            Some(host) => format!(
                "an SSH login at {}{} within {} s",
                host.address,
                host.ssh
                    .port
                    .map(|port| format!(":{port}"))
                    .unwrap_or_default(),
                host.connect_timeout.as_secs_f64()
            ),
            None => "an SSH login".to_owned(),
        }
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let mut requests = Vec::new();
        if let Some(host) = target.host.as_deref().filter(|host| !host.local) {
            requests.push(Request::new("ssh", connect(host)));
        }
        let is_asked = self.own_name && looks_names_up(target);
        let own_name = is_asked.then_some(own_name::COMMAND);
        for args in [asks(target), DATE].into_iter().chain(own_name) {
            if let Ok(command) = ReadOnlyCommand::from_args(policy, args.iter().copied()) {
                requests.push(target.exec_request(&command));
            }
        }
        requests
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let mut facts = Facts::new();
        if !context.host()?.local {
            let session = context.ssh_session().await?;
            let about = session.about();
            facts.set("connect_ms", about.connect.as_secs_f64() * 1000.0);
            facts.set("login_ms", about.login.as_secs_f64() * 1000.0);
            facts.set("host_key", about.host_key.as_str());
            facts.set("server", about.server.as_str());
        }
        let policy = &context.transports.policy;
        let kernel = answer::command(policy, asks(&context.target).iter().copied())?;
        let date = answer::command(policy, DATE.iter().copied())?;
        let (kernel, date) = tokio::join!(context.exec(&kernel), told_at(context, &date));
        if let Some(output) = reached(kernel)? {
            let text = answer::stdout(&output);
            let told = if asks(&context.target) == MACOS {
                Told::from_sysctl(&text)
            } else {
                Told::from_proc(&text)
            };
            told.set(&mut facts);
        }
        if let Some((output, now)) = reached(date)? {
            let host = parse_date(&answer::stdout(&output));
            if let (Some(host), Some(now)) = (host, now) {
                facts.set("clock_skew_s", skew(host, now, output.elapsed));
            }
        }
        finish(&mut facts);
        match (self.own_name, looks_names_up(&context.target)) {
            (true, true) => own_name::set(context, &mut facts).await?,
            (true, false) => own_name::set_unasked(&mut facts),
            (false, _) => {}
        }
        Ok(facts)
    }
}

/// Runs `date` and notes the operator's clock at its end.
async fn told_at(
    context: &Context,
    date: &ReadOnlyCommand,
) -> Result<(Output, Option<Timestamp>), Fault> {
    let output = context.exec(date).await?;
    Ok((output, context.transports.clock.map(|clock| clock())))
}

/// A login shell that runs no commands is no reason to call the host unreached.
fn reached<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if matches!(fault.kind, FaultKind::Denied | FaultKind::Protocol) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// How far `host` is ahead, in seconds, as it was told within the time `elapsed` before `now`.
/// In a short one most likely in its middle. Of a long one, which lost packets make, nobody
/// knows at which of its ends, and no clock is called wrong because of it.
fn skew(host: Timestamp, now: Timestamp, elapsed: Duration) -> f64 {
    let ahead = host.duration_since(now).as_secs_f64();
    let width = elapsed.as_secs_f64();
    let skew = if elapsed <= SLOW {
        ahead + width / 2.0
    } else if ahead > 0.0 {
        ahead
    } else {
        (ahead + width).min(0.0)
    };
    // Finer than a millisecond there is only noise.
    (skew * 1000.0).round() / 1000.0
}

fn parse_date(text: &str) -> Option<Timestamp> {
    let (seconds, rest) = text.trim().split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    // A `date` without %N prints the letter: somewhere within that second.
    let nanoseconds = if rest.len() == 9 {
        rest.parse().ok()?
    } else {
        500_000_000
    };
    Timestamp::new(seconds, nanoseconds).ok()
}

/// What a kernel tells of itself.
#[derive(Debug, Default, PartialEq)]
struct Told {
    boot_id: Option<String>,
    hostname: Option<String>,
    kernel: Option<String>,
    uptime: Option<f64>,
    booted_at: Option<i64>,
    load: Option<[f64; 3]>,
    cores: Option<u32>,
    memory_total: Option<f64>,
    memory_available: Option<f64>,
}

impl Told {
    fn from_proc(text: &str) -> Self {
        let mut told = Self::default();
        for line in text.lines() {
            let Some((file, line)) = line.split_once(':') else {
                continue;
            };
            match file {
                "/proc/sys/kernel/random/boot_id" => told.boot_id = Some(line.to_owned()),
                "/proc/sys/kernel/hostname" => told.hostname = Some(line.to_owned()),
                "/proc/sys/kernel/osrelease" => told.kernel = Some(line.to_owned()),
                "/proc/uptime" => told.uptime = line.split(' ').next().and_then(|n| n.parse().ok()),
                "/proc/loadavg" => told.load = load(line.split(' ')),
                "/proc/meminfo" => told.memory(line),
                "/proc/stat" => told.stat(line),
                _ => {}
            }
        }
        told
    }

    fn memory(&mut self, line: &str) {
        let kibibytes = |line: &str| {
            let number = line
                .trim()
                .strip_suffix(" kB")?
                .trim()
                .parse::<f64>()
                .ok()?;
            Some(number * 1024.0)
        };
        if let Some(value) = line.strip_prefix("MemTotal:") {
            self.memory_total = kibibytes(value);
        } else if let Some(value) = line.strip_prefix("MemAvailable:") {
            self.memory_available = kibibytes(value);
        }
    }

    fn stat(&mut self, line: &str) {
        if let Some(seconds) = line.strip_prefix("btime ") {
            self.booted_at = seconds.trim().parse().ok();
        }
        let core = line
            .strip_prefix("cpu")
            .and_then(|rest| rest.split(' ').next());
        if core.is_some_and(|number| number.parse::<u32>().is_ok()) {
            *self.cores.get_or_insert(0) += 1;
        }
    }

    fn from_sysctl(text: &str) -> Self {
        let mut told = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(": ") else {
                continue;
            };
            match name {
                "kern.bootsessionuuid" => told.boot_id = Some(value.to_owned()),
                "kern.hostname" => told.hostname = Some(value.to_owned()),
                "kern.osrelease" => told.kernel = Some(value.to_owned()),
                // { sec = 1780000000, usec = 0 } Thu May 28 20:26:40 2026
                "kern.boottime" => {
                    let seconds = value
                        .strip_prefix("{ sec = ")
                        .and_then(|rest| rest.split(',').next());
                    told.booted_at = seconds.and_then(|seconds| seconds.parse().ok());
                }
                // { 1.52 1.80 2.01 }
                "vm.loadavg" => told.load = load(value.trim_matches(['{', '}', ' ']).split(' ')),
                "hw.ncpu" => told.cores = value.parse().ok(),
                "hw.memsize" => told.memory_total = value.parse().ok(),
                _ => {}
            }
        }
        told
    }

    fn set(self, facts: &mut Facts) {
        facts.set_some("boot_id", self.boot_id);
        facts.set_some("hostname", self.hostname);
        facts.set_some("kernel", self.kernel);
        facts.set_some("uptime_s", self.uptime);
        facts.set_some(
            "booted_at",
            self.booted_at
                .and_then(|second| Timestamp::from_second(second).ok()),
        );
        if let Some([one, five, fifteen]) = self.load {
            facts.set("load1", one);
            facts.set("load5", five);
            facts.set("load15", fifteen);
        }
        facts.set_some("cores", self.cores.map(f64::from));
        facts.set_some("memory_total_bytes", self.memory_total);
        facts.set_some("memory_available_bytes", self.memory_available);
    }
}

fn load<'a>(mut numbers: impl Iterator<Item = &'a str>) -> Option<[f64; 3]> {
    let mut next = || numbers.next()?.parse().ok();
    Some([next()?, next()?, next()?])
}

/// Facts that follow from others; absent when one of those is.
fn finish(facts: &mut Facts) {
    use crate::probe::Value;
    let number = |facts: &Facts, name: &str| match facts.get(name) {
        Some(Value::Number(value)) => Some(*value),
        _ => None,
    };
    for (name, part, whole, scale) in [
        ("load_per_core", "load1", "cores", 1.0),
        ("load15_per_core", "load15", "cores", 1.0),
        (
            "memory_available_percent",
            "memory_available_bytes",
            "memory_total_bytes",
            100.0,
        ),
    ] {
        let share = match (number(facts, part), number(facts, whole)) {
            (Some(part), Some(whole)) if whole > 0.0 => Some(part / whole * scale),
            _ => None,
        };
        facts.set_some(name, share);
    }
}

#[cfg(test)]
mod tests;
