//! `crontab`: cron runs, and has the entries that it should.

mod daemon;
mod lines;
mod tables;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use self::daemon::{PROCESSES, UNITS, daemon};
use self::lines::Schedule;
use self::tables::{Entry, Read};
use super::answer;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit, Value,
};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Looks whether cron runs, and whether the commands named are in the
/// crontab of the login, in `/etc/crontab` or in `/etc/cron.d`.
///
/// A crontab that may not be read could have what is missing elsewhere: that
/// is a fault, and not an absent entry. An entry in a crontab with a line that
/// cron does not take counts as missing, because cron passes over such a
/// crontab as a whole. Files of `/etc/cron.d` with other letters in their name
/// than `A-Z a-z 0-9 _ -` do not count: Debian's cron does not read them.
///
/// `pgrep` is asked only where there is no systemd.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crontab {
    /// What has to be there: a part of the command each, or a part of the
    /// command with its schedule. Only cron itself is looked at when left out.
    #[serde(default)]
    entries: Vec<Wanted>,
    /// The user whose crontab is read, instead of the login's own. Only root
    /// may read that of another.
    #[serde(default)]
    user: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a text, or `command` with `schedule`, is expected"
)]
enum Wanted {
    /// A part of the command: `/backup/scripts/backup-all.sh`.
    Command(String),
    /// A part of the command, and when it runs.
    Scheduled(Scheduled),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CrontabEntry")]
struct Scheduled {
    /// A part of the command.
    command: String,
    /// When it has to run: `0 2 * * *`, `@daily`. Another way to write the
    /// same times is the same: `*/30` and `0,30`.
    schedule: String,
}

impl Wanted {
    fn command(&self) -> &str {
        match self {
            Self::Command(command) => command,
            Self::Scheduled(wanted) => &wanted.command,
        }
    }

    fn schedule(&self) -> Option<&str> {
        match self {
            Self::Command(_) => None,
            Self::Scheduled(wanted) => Some(&wanted.schedule),
        }
    }
}

/// The name of the file stands before every line of it.
const SYSTEM: &[&str] = &["grep", "-RH", "", "/etc/crontab", "/etc/cron.d"];

impl Crontab {
    fn own(&self) -> Vec<&str> {
        let mut args = vec!["crontab", "-l"];
        if let Some(user) = &self.user {
            args.extend(["-u", user]);
        }
        args
    }

    fn commands(&self) -> Vec<Vec<&str>> {
        let mut all = vec![UNITS.to_vec(), PROCESSES.to_vec()];
        if !self.entries.is_empty() {
            all.extend([self.own(), SYSTEM.to_vec()]);
        }
        all
    }

    fn whose(&self) -> String {
        match &self.user {
            Some(user) => format!("crontab of {user}"),
            None => "crontab of the login".to_owned(),
        }
    }

    fn set(&self, read: &Read, facts: &mut Facts) -> Result<(), Fault> {
        let (mut missing, mut matching) = (Vec::new(), Vec::new());
        let mut schedules = BTreeMap::new();
        for wanted in &self.entries {
            let command = wanted.command();
            let found = read.entries.iter();
            let found: Vec<&Entry> = found
                .filter(|entry| entry.command.contains(command))
                .collect();
            let sound: Vec<&&Entry> = found
                .iter()
                .filter(|entry| !read.spoilt.contains(&entry.place))
                .collect();
            matching.extend(
                found
                    .iter()
                    .map(|entry| format!("{} {}", entry.schedule, entry.command)),
            );
            if let [entry] = &sound[..] {
                schedules.insert(command.to_owned(), Value::from(entry.schedule.as_str()));
            }
            let at = wanted.schedule().and_then(Schedule::parse);
            let fits = |entry: &Entry| at.is_none() || Schedule::parse(&entry.schedule) == at;
            if sound.iter().any(|entry| fits(entry)) {
                continue;
            }
            missing.push(match (&found[..], &sound[..]) {
                ([], _) => format!("{command}: no entry"),
                ([entry, ..], []) => {
                    format!("{command}: cron does not take all of {}", entry.place)
                }
                (_, sound) => {
                    let times = sound.iter().map(|entry| entry.schedule.as_str());
                    let times: Vec<&str> = times.collect();
                    let wanted = wanted.schedule().unwrap_or_default();
                    format!("{command}: at {}, not at {wanted}", times.join(" and "))
                }
            });
        }
        if let Some(unread) = read.unread.first().filter(|_| !missing.is_empty()) {
            let kind = if unread.contains("ermission denied")
                || unread.contains("not allowed")
                || unread.contains("privileged")
            {
                FaultKind::Denied
            } else {
                FaultKind::Protocol
            };
            return Err(Fault::new(
                kind,
                format!(
                    "{} is not in the crontabs that can be read: {unread}",
                    missing.join("; ")
                ),
            ));
        }
        facts.set("present", missing.is_empty());
        facts.set("missing", list(missing));
        facts.set("matching", list(matching));
        facts.set("schedules", Value::Map(schedules));
        facts.set("malformed", list(read.malformed.clone()));
        facts.set("unread", list(read.unread.clone()));
        #[expect(clippy::cast_precision_loss, reason = "no host has 2^52 entries")]
        let count = read.unread.is_empty().then_some(read.entries.len() as f64);
        facts.set_some("entry_count", count);
        Ok(())
    }
}

fn list(items: Vec<String>) -> Value {
    Value::List(items.into_iter().map(Value::from).collect())
}

async fn ask(context: &Context, args: &[&str]) -> Result<(u32, Output), Fault> {
    let command = answer::command(&context.transports.policy, args.iter().copied())?;
    let output = context.exec(&command).await?;
    let program = args.first().copied().unwrap_or_default();
    let status = answer::status(&output, program, context.host()?)?;
    if output.truncated {
        return Err(Fault::new(
            FaultKind::Protocol,
            format!("{program} printed more than is kept"),
        ));
    }
    Ok((status, output))
}

impl Kind for Crontab {
    const NAME: &'static str = "crontab";
    const SUMMARY: &'static str = "cron runs on a host and has the entries that it should";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "active",
            Type::Bool,
            "The daemon runs, as systemd says; without systemd, there is a process `cron` or `crond`.",
        ),
        FactSpec::new(
            "daemon",
            Type::Text,
            "`cron.service`, `crond.service` or `cronie.service`, whichever is active; without systemd `cron`.",
        ),
        FactSpec::new(
            "present",
            Type::Bool,
            "Every entry asked for is there, at its schedule where one is given.",
        )
        .because(&["missing"]),
        FactSpec::new(
            "missing",
            Type::List(&Type::Text),
            "Those that are not, each with the reason: `backup.sh: at 0 3 * * *, not at 0 2 * * *`.",
        ),
        FactSpec::new(
            "schedules",
            Type::Map(&Type::Text),
            "Schedule as written by the part of the command asked for, where one entry has it: `schedules['backup.sh'] == '0 2 * * *'`.",
        ),
        FactSpec::new(
            "matching",
            Type::List(&Type::Text),
            "The entries with what is asked for, schedule and command.",
        ),
        FactSpec::number(
            "entry_count",
            Unit::Count,
            "Entries in all crontabs that were looked at; absent where one cannot be read.",
        ),
        FactSpec::new(
            "malformed",
            Type::List(&Type::Text),
            "The lines that cron does not take: `/etc/cron.d/backup:3`.",
        ),
        FactSpec::new(
            "unread",
            Type::List(&Type::Text),
            "What cannot be read, in the words of who tried; where all that is asked for is elsewhere.",
        ),
    ];
    const EXAMPLE: &'static str = "title: the nightly backup is scheduled\non: data188\ncrontab:\n  entries:\n    - momo-pg-backup.sh\n    - { command: backup-from-110.sh, schedule: 30 2 * * * }\n";

    fn problems(&self, _: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let mut problem = |path: &[&str], message: String, suggestion: Option<&str>| {
            problems.push(OptionProblem {
                path: path.iter().map(ToString::to_string).collect(),
                message,
                suggestion: suggestion.map(str::to_owned),
            });
        };
        for (n, wanted) in self.entries.iter().enumerate() {
            let n = n.to_string();
            let path = match wanted {
                Wanted::Command(_) => vec!["entries", n.as_str()],
                Wanted::Scheduled(_) => vec!["entries", n.as_str(), "command"],
            };
            let command = wanted.command();
            if command.trim().is_empty() || command.contains('\n') {
                problem(&path, format!("{command:?} is no part of a command"), None);
            }
            if let Some(schedule) = wanted.schedule()
                && Schedule::parse(schedule).is_none()
            {
                problem(
                    &["entries", &n, "schedule"],
                    format!("{schedule:?} is no schedule of cron's"),
                    Some("five fields such as `0 2 * * *`, or a name such as `@daily`"),
                );
            }
        }
        if let Some(user) = &self.user {
            let plain = |next: char| next.is_ascii_alphanumeric() || "_-.".contains(next);
            if user.is_empty() || user.starts_with('-') || !user.chars().all(plain) {
                problem(&["user"], format!("{user:?} is no name of a user"), None);
            } else if self.entries.is_empty() {
                problem(
                    &["user"],
                    "no entry is asked for".to_owned(),
                    Some("name what has to be there with `entries`"),
                );
            }
        }
        if problems.is_empty() {
            let refused = self
                .commands()
                .into_iter()
                .find_map(|args| ReadOnlyCommand::from_args(policy, args).err());
            problems.extend(refused.map(|refused| OptionProblem {
                path: Vec::new(),
                message: refused.message,
                suggestion: None,
            }));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        if self.entries.is_empty() {
            return Defaults::require(["active"]);
        }
        Defaults {
            require: vec!["active".to_owned(), "present".to_owned()],
            prefer: vec!["size(malformed) == 0".to_owned()],
        }
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        if self.entries.is_empty() {
            format!("whether cron runs on {host}")
        } else {
            format!("the crontabs of {host}")
        }
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.commands(), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let mut facts = Facts::new();
        if let Some(daemon) = daemon(context).await? {
            facts.set("active", !daemon.is_empty());
            facts.set_some("daemon", Some(daemon).filter(|daemon| !daemon.is_empty()));
        }
        if self.entries.is_empty() {
            if facts.get("active").is_none() {
                return Err(Fault::new(
                    FaultKind::Missing,
                    "neither systemctl nor pgrep tells whether cron runs",
                ));
            }
            return Ok(facts);
        }
        let mut read = Read::default();
        let own = self.own();
        let (own, system) = tokio::join!(ask(context, &own), ask(context, SYSTEM));
        let ((status, own), (end, system)) = (own?, system?);
        if status == 0 {
            for (n, text) in answer::stdout(&own).lines().enumerate() {
                read.add(&self.whose(), n + 1, text, false);
            }
        } else {
            let complaint = answer::stderr(&own);
            // Busybox names the file or folder that is not there.
            let none = complaint.contains("no crontab for")
                || complaint.contains("can't ") && complaint.contains("No such file");
            if !none {
                read.unread
                    .push(format!("{}: {}", self.whose(), answer::complaint(&own)));
            }
        }
        read.system(end, &system);
        self.set(&read, &mut facts)?;
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
