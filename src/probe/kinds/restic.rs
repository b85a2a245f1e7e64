//! `restic`: a repository of restic's can be opened and has its snapshots.

mod access;
mod given;
mod locks;
mod options;
mod snapshots;
mod trouble;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

pub(super) use self::access::{Access, Seen};
use self::snapshots::{Group, Told};
use super::several::OneOrMany;
use super::{answer, file};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, SecretRef, Target, Type, Unit, Value,
};

/// Opens a repository with the restic of the host and counts its snapshots. The
/// repository is one of any back end: a path, `sftp:`, `rest:`, `s3:`, `b2:`,
/// `rclone:` and the others, spelled as restic does.
///
/// restic is always asked with `--no-lock`, so that no backup is held up, and with
/// `--no-cache`, so that nothing is written on the host either. Each question
/// derives the key anew, which takes up to a second, and what is far away is
/// fetched anew: give a `timeout` that fits.
///
/// A repository that is not there, a wrong password or a server that does not
/// answer is a fault, with what to do about it. A snapshot whose file is damaged is
/// passed over by restic and is in `unreadable`; damage of other kinds is found by
/// `check: true`.
///
/// Secrets are given by reference. They go to the host over the standard input of
/// `sh`, which hands them to restic in its environment: they are on no command
/// line, in no list of processes and in no file. `password_file` names a file that
/// the host has already, and needs none of this.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restic {
    /// The repository: `/backup/gitea`, `sftp:nas:/backup/gitea`,
    /// `rest:https://nas:8000/gitea`, `s3:s3.amazonaws.com/bucket/gitea`,
    /// `b2:bucket:gitea`, `rclone:gdrive:gitea`. With a password in it, give it by
    /// RESTIC_REPOSITORY in `environment`.
    #[serde(default)]
    repository: Option<String>,
    /// A file of the host that has the repository in it. It is read first, by `head`,
    /// and goes to restic as RESTIC_REPOSITORY; an address by which restic would run a
    /// program is refused. With `sudo`, sudoers has to allow that `head` as well, and
    /// restic with `NOPASSWD:SETENV`.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    repository_file: Option<String>,
    /// A file of the host that has the password in it.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    password_file: Option<String>,
    /// The password, by reference: `env:NAME`, `file:/path`, `credential:NAME`.
    #[serde(default)]
    password: Option<SecretRef>,
    /// What the back end needs, by reference: `{ AWS_ACCESS_KEY_ID: env:KEY_ID }`.
    /// The variables are those of restic's manual that log in, see
    /// `docs/commands.md`.
    #[serde(default)]
    environment: BTreeMap<String, SecretRef>,
    /// Ask by `sudo -n`. With `password`, `environment` or `repository_file`, sudoers
    /// has to allow restic with `NOPASSWD:SETENV`.
    #[serde(default)]
    sudo: bool,
    /// Only snapshots of these hosts.
    #[serde(default)]
    host: OneOrMany,
    /// Only snapshots with one of these tags; `a,b` is one that has both.
    #[serde(default)]
    tag: OneOrMany,
    /// Only snapshots of these paths.
    #[serde(default)]
    path: OneOrMany,
    /// By what snapshots belong together; `[host, paths]` when left out, as
    /// `restic forget` has it. `[]` makes one group of all.
    #[serde(default = "by_host_and_paths")]
    group_by: Vec<Group>,
    /// Expect exactly one snapshot in each group.
    #[serde(default)]
    latest_only: bool,
    /// Whether the locks in the repository are looked at.
    #[serde(default = "yes")]
    locks: bool,
    /// Also have the structure checked, by `restic check --no-lock`. It reads
    /// all indexes and trees and may take minutes: give a `timeout` that fits.
    #[serde(default)]
    check: bool,
    /// Also tell how much the repository stores, by `restic stats --mode raw-data`,
    /// which reads all trees.
    #[serde(default)]
    stats: bool,
}

fn by_host_and_paths() -> Vec<Group> {
    vec![Group::Host, Group::Paths]
}

fn yes() -> bool {
    true
}

/// What was found by `restic check`.
fn set_check(status: u32, complaints: Vec<String>, facts: &mut Facts) {
    const MOST: usize = 20;
    facts.set("check_ok", status == 0);
    let lines = complaints.into_iter().take(MOST).map(Value::from);
    facts.set("check_errors", Value::List(lines.collect()));
}

impl Kind for Restic {
    const NAME: &'static str = "restic";
    const SUMMARY: &'static str = "a restic repository can be opened and has its snapshots";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::number(
            "snapshots",
            Unit::Count,
            "Snapshots that `host`, `tag` and `path` leave, without those in `unreadable`.",
        ),
        FactSpec::number("groups", Unit::Count, "Groups of snapshots, by `group_by`."),
        FactSpec::number(
            "most_in_group",
            Unit::Count,
            "Snapshots in the largest group. Absent where there is none.",
        ),
        FactSpec::number(
            "fewest_in_group",
            Unit::Count,
            "Snapshots in the smallest group. Absent where there is none.",
        ),
        FactSpec::new(
            "newest_at",
            Type::Time,
            "When the newest snapshot was begun, by the clock of the host that was backed up.",
        ),
        FactSpec::number(
            "newest_age_s",
            Unit::Seconds,
            "Time since `newest_at`, by the clock of the host that runs restic. Negative for a time to come.",
        ),
        FactSpec::new(
            "newest_id",
            Type::Text,
            "The newest snapshot, as restic shortens it: `94f1279c`.",
        ),
        FactSpec::new(
            "newest_host",
            Type::Text,
            "The host of the newest snapshot.",
        ),
        FactSpec::new(
            "oldest_group_newest_at",
            Type::Time,
            "The newest snapshot of the group that is furthest behind: every group has one as new as this.",
        ),
        FactSpec::new(
            "oldest_at",
            Type::Time,
            "When the oldest snapshot was begun.",
        ),
        FactSpec::new(
            "hosts",
            Type::List(&Type::Text),
            "The hosts that were backed up.",
        ),
        FactSpec::new(
            "paths",
            Type::List(&Type::Text),
            "The paths that were backed up.",
        ),
        FactSpec::new(
            "tags",
            Type::List(&Type::Text),
            "The tags of the snapshots.",
        ),
        FactSpec::new(
            "unreadable",
            Type::List(&Type::Text),
            "Snapshots that restic cannot load, in its words. It passes over them and ends as if all was well. Whatever failure it tells of a snapshot counts, also in words that are not known.",
        ),
        FactSpec::new(
            "warnings",
            Type::List(&Type::Text),
            "What else restic complains of while it lists the snapshots.",
        ),
        FactSpec::number(
            "locks",
            Unit::Count,
            "Locks in the repository: of backups that run, or of some that were cut off. Absent with `locks: false`.",
        ).because(&["lock_holders"]),
        FactSpec::new(
            "lock_holders",
            Type::List(&Type::Text),
            "Who holds them, the first four: `root@gitea process 4711 since 2026-06-05T02:00:01Z, exclusive`.",
        ),
        FactSpec::new(
            "oldest_lock_at",
            Type::Time,
            "When the oldest lock was written. restic renews its locks every five minutes and calls one stale after thirty. Absent where there is none, or not all can be read.",
        ),
        FactSpec::new(
            "newest_lock_at",
            Type::Time,
            "When the newest lock was written, by the clock of the host that did. Where that is to come, that clock or the operator's was wrong; where it was that one, restic takes the lock for a live one until half an hour after. Absent where there is none, or not all can be read.",
        ),
        FactSpec::new(
            "check_ok",
            Type::Bool,
            "`restic check` found no error. Absent without `check: true`.",
        ).because(&["check_errors"]),
        FactSpec::new(
            "check_errors",
            Type::List(&Type::Text),
            "What `restic check` complains of, the first 20 lines.",
        ),
        FactSpec::number(
            "total_size_bytes",
            Unit::Bytes,
            "What the data take in the repository, each piece once, as it is stored. Absent without `stats: true`.",
        ),
    ];
    const EXAMPLE: &'static str = "title: the backup of Gitea is there and alone\non: data188\nrestic:\n  repository: /backup/gitea\n  password_file: /backup/scripts/.restic-password\n  latest_only: true\nfresh: { time: oldest_group_newest_at, prefer_within: 25h }\n";

    fn problems(&self, _: &Target, policy: &Policy) -> Vec<OptionProblem> {
        self.option_problems(policy)
    }

    fn defaults(&self) -> Defaults {
        let mut require = vec!["snapshots > 0", "size(unreadable) == 0"];
        if self.latest_only {
            require.push("most_in_group == 1");
        }
        if self.check {
            require.push("check_ok");
        }
        let prefer = if self.locks {
            // One of a time to come would look young until then, and longer. Clocks of several
            // hosts may differ by some minutes.
            vec![
                "locks == 0 || now - oldest_lock_at < duration('30m')".to_owned(),
                "locks == 0 || newest_lock_at - now < duration('5m')".to_owned(),
            ]
        } else {
            Vec::new()
        };
        Defaults {
            prefer,
            ..Defaults::require(require)
        }
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        format!("the snapshots of {} as {host} sees them", self.whose())
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let access = self.access();
        let mut all = target.exec_requests(
            self.repository_file.iter().map(|file| self.reading(file)),
            policy,
        );
        let after_snapshots = all.len() + 1;
        let mut ask = |subcommand: &[&str], more: &[String]| {
            let command = access.command(policy, subcommand, more);
            all.extend(command.ok().map(|command| target.exec_request(&command)));
        };
        ask(&["snapshots"], &self.filters());
        if self.locks {
            ask(&["list", "locks"], &[]);
            ask(&["cat", "lock", "EACH"], &[]);
        }
        if self.stats {
            ask(&["stats"], &raw_data());
        }
        if self.check {
            ask(&["check"], &[]);
        }
        all.splice(
            after_snapshots..after_snapshots,
            target.exec_requests([file::date()], policy),
        );
        all
    }

    fn secrets(&self) -> Vec<&SecretRef> {
        self.password
            .iter()
            .chain(self.environment.values())
            .collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let (access, values) = (self.access(), self.values(context).await?);
        let date = answer::command(&context.transports.policy, file::date())?;
        let filters = self.filters();
        let (output, date) = tokio::join!(
            access.ask(context, &values, &["snapshots"], &filters),
            context.exec(&date)
        );
        let (told, date) = (Told::read(&output?)?, date?);
        let now = answer::stdout(&date).trim().parse::<i64>().ok();
        let mut facts = Facts::new();
        told.set(&self.group_by, now, &mut facts);
        if self.locks {
            locks::look(&access, context, &values, &mut facts).await?;
        }
        if self.stats {
            let output = access
                .ask(context, &values, &["stats"], &raw_data())
                .await?;
            facts.set("total_size_bytes", total_size(&output.stdout)?);
        }
        if self.check {
            let (status, output) = access.look(context, &values, &["check"], &[]).await?;
            set_check(status, trouble::complaints(&output), &mut facts);
        }
        Ok(facts)
    }
}

fn raw_data() -> [String; 2] {
    ["--mode", "raw-data"].map(str::to_owned)
}

fn total_size(stdout: &[u8]) -> Result<f64, Fault> {
    let told: Option<Json> = serde_json::from_slice(stdout).ok();
    told.as_ref()
        .and_then(|told| told.get("total_size")?.as_f64())
        .ok_or_else(|| {
            let text = String::from_utf8_lossy(stdout);
            let start: String = text.trim().chars().take(100).collect();
            Fault::new(
                FaultKind::Protocol,
                format!("restic stats told no total_size: {start:?}"),
            )
        })
}

impl Restic {
    fn whose(&self) -> String {
        match (&self.repository, &self.repository_file) {
            (Some(repository), _) => repository.clone(),
            (None, Some(file)) => format!("the repository in {file}"),
            (None, None) => "the repository in RESTIC_REPOSITORY".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
