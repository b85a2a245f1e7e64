//! `zfs`: datasets have their snapshots, and pools are healthy.

mod facts;
mod tables;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

use self::tables::{Pools, Snapshots, is_denied, missing};
use super::answer;
use super::archive::listing::with_rights;
use super::dated::{self, Dated, HostClock};
use super::lines::Span;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Host, Kind, OptionProblem, Place, Policy,
    Request, Target,
};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Looks at the snapshots of datasets, or at the health of pools; `zfs` and `zpool`
/// are those in `/sbin`.
///
/// A snapshot's time is the one that ZFS gave it. The date in its name only tells which
/// snapshots are of one schedule: with `auto-{date}` and `%Y-%m-%d_%H-%M`,
/// `auto-12h-2026-06-05_00-00` is of another. Only snapshots of the dataset itself
/// count, not those of the datasets in it.
///
/// Whether the newest is new enough is for the check's `fresh`, by `newest_at`: with
/// several datasets that is the one which is furthest behind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zfs {
    /// The datasets whose snapshots are looked at: `[main, ssd/vault]`.
    #[serde(default)]
    datasets: Vec<String>,
    /// The names of the snapshots, behind the `@`: `auto-{date}`, `manual-*`. All when
    /// left out.
    #[serde(default = "any_name")]
    snapshot: String,
    /// How the date is written, as `date` has it: `%Y %y %m %d %j %H %M %S %s %F %R %T`.
    #[serde(default = "usual_date")]
    date: String,
    /// How old snapshots are at most: `3w`. Those that are older by more than `leeway`, 24
    /// hours where nothing else is said, are counted as `too_old`.
    #[serde(default)]
    keep: Option<Span>,
    /// How much longer than `keep` one may be there: until what removes old ones runs.
    #[serde(default = "usual_leeway")]
    #[schemars(extend("default" = "24h", "format" = "time-span"))]
    leeway: Span,
    /// How many snapshots each dataset has, at least and at most.
    #[serde(default)]
    copies: Option<Bounds>,
    /// The pools whose health is looked at, in the place of datasets.
    #[serde(default)]
    pools: Vec<String>,
    /// Ask by `sudo -n`.
    #[serde(default)]
    sudo: bool,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SnapshotBounds")]
struct Bounds {
    /// At least as many.
    #[serde(default)]
    min: Option<u32>,
    /// At most as many.
    #[serde(default)]
    max: Option<u32>,
}

fn any_name() -> String {
    "*".to_owned()
}

fn usual_date() -> String {
    "%Y-%m-%d_%H-%M".to_owned()
}

fn usual_leeway() -> Span {
    Span(std::time::Duration::from_hours(24))
}

impl Zfs {
    fn list(&self) -> Vec<String> {
        let mut args = with_rights(
            self.sudo,
            &["/sbin/zfs", "list", "-H", "-p", "-t", "snapshot"],
        );
        args.extend(["-o", "name,creation,used", "-d", "1"].map(str::to_owned));
        args.extend(self.datasets.iter().cloned());
        args
    }

    fn pool_commands(&self) -> [Vec<String>; 2] {
        let with_pools = |args: &[&str]| {
            let mut args = with_rights(self.sudo, args);
            args.extend(self.pools.iter().cloned());
            args
        };
        [
            with_pools(&[
                "/sbin/zpool",
                "list",
                "-H",
                "-p",
                "-o",
                "name,health,capacity",
            ]),
            with_pools(&["/sbin/zpool", "status", "-x"]),
        ]
    }

    fn commands(&self) -> Vec<Vec<String>> {
        if self.pools.is_empty() {
            vec![dated::clock(), self.list()]
        } else {
            self.pool_commands().to_vec()
        }
    }

    /// The status of `zfs` and `zpool`, which is not 0 when one of several is missing.
    ///
    /// # Errors
    /// `Denied`, and whatever else than a missing one made it fail.
    fn answered(&self, output: &Output, program: &str, host: &Host) -> Result<Vec<String>, Fault> {
        let runs = if self.sudo { "sudo" } else { program };
        if answer::status(output, runs, host)? == 0 {
            return Ok(Vec::new());
        }
        let complaint = answer::complaint(output);
        if is_denied(&answer::stderr(output)) {
            let fault = Fault::new(
                FaultKind::Denied,
                format!("{program} on {} denies: {complaint}", answer::place(host)),
            );
            return Err(if self.sudo {
                fault
            } else {
                fault.hint("write `sudo: true`, and let sudoers allow exactly this command")
            });
        }
        missing(&answer::stderr(output)).ok_or_else(|| {
            Fault::new(
                FaultKind::Protocol,
                format!("{program} on {} fails: {complaint}", answer::place(host)),
            )
        })
    }

    async fn look_at_snapshots(&self, context: &Context) -> Result<Facts, Fault> {
        let policy = &context.transports.policy;
        let (clock, list) = (
            answer::command(policy, dated::clock())?,
            answer::command(policy, self.list())?,
        );
        let (clock, list) = tokio::join!(context.exec(&clock), context.exec(&list));
        let (clock, list) = (clock?, list?);
        let host = context.host()?;
        let absent = self.answered(&list, "zfs", host)?;
        let dated = Dated::new(&self.snapshot, &self.date)
            .map_err(|message| Fault::new(FaultKind::LocalSetup, message))?;
        let is_wanted = |name: &str| dated.read(name, &TimeZone::UTC).is_some();
        let snapshots = Snapshots::read(&answer::stdout(&list), is_wanted).ok_or_else(|| {
            Fault::new(
                FaultKind::Protocol,
                format!(
                    "zfs on {} printed no list of snapshots",
                    answer::place(host)
                ),
            )
        })?;
        let now = HostClock::parse(&answer::stdout(&clock)).map(|clock| clock.now);
        let mut facts = Facts::new();
        let most = self.keep.map(|keep| keep.0.saturating_add(self.leeway.0));
        facts::set_snapshots(&self.datasets, &snapshots, absent, now, most, &mut facts);
        Ok(facts)
    }

    async fn look_at_pools(&self, context: &Context) -> Result<Facts, Fault> {
        let policy = &context.transports.policy;
        let [list, status] = self.pool_commands();
        let (list, status) = (
            answer::command(policy, list)?,
            answer::command(policy, status)?,
        );
        let (list, status) = tokio::join!(context.exec(&list), context.exec(&status));
        let (list, status) = (list?, status?);
        let host = context.host()?;
        let absent = self.answered(&list, "zpool", host)?;
        self.answered(&status, "zpool", host)?;
        let pools =
            Pools::read(&answer::stdout(&list), &answer::stdout(&status)).ok_or_else(|| {
                Fault::new(
                    FaultKind::Protocol,
                    format!("zpool on {} printed no list of pools", answer::place(host)),
                )
            })?;
        let mut facts = Facts::new();
        facts::set_pools(&self.pools, &pools, absent, &mut facts);
        Ok(facts)
    }
}

fn problem(path: &[&str], message: impl Into<String>, suggestion: Option<&str>) -> OptionProblem {
    OptionProblem {
        path: path.iter().map(ToString::to_string).collect(),
        message: message.into(),
        suggestion: suggestion.map(str::to_owned),
    }
}

/// As zfsconcepts(7) has it, without the `@` of a snapshot.
fn is_name(name: &str, pool: bool) -> bool {
    let plain = |next: char| next.is_ascii_alphanumeric() || "_-.: ".contains(next);
    let is_part = |part: &str| !part.is_empty() && part.chars().all(plain);
    let mut parts = name.split('/');
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && parts.all(is_part)
        && !(pool && name.contains('/'))
}

impl Kind for Zfs {
    const NAME: &'static str = "zfs";
    const SUMMARY: &'static str = "datasets have their snapshots, or pools of ZFS are healthy";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = facts::FACTS;
    const EXAMPLE: &'static str = "title: the pools have their daily snapshots\non: data188\nzfs: { datasets: [main, ssd], snapshot: 'auto-{date}', keep: 3w }\n";

    fn problems(&self, _: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        match (self.datasets.is_empty(), self.pools.is_empty()) {
            (true, true) => problems.push(problem(
                &[],
                "neither datasets nor pools to look at",
                Some("`datasets: [main]` for snapshots, `pools: [main]` for health"),
            )),
            (false, false) => problems.push(problem(
                &["pools"],
                "snapshots and health are two things to look at",
                Some("a check for each of them"),
            )),
            _ => {}
        }
        for (key, names) in [("datasets", &self.datasets), ("pools", &self.pools)] {
            for (n, name) in names.iter().enumerate() {
                if !is_name(name, key == "pools") {
                    problems.push(problem(
                        &[key, &n.to_string()],
                        format!("{name:?} is no name of one"),
                        Some("`main` for a pool, `main/vault` for a dataset"),
                    ));
                }
            }
        }
        if let Err(message) = Dated::new("{date}", &self.date) {
            problems.push(problem(&["date"], message, None));
        } else if let Err(message) = Dated::new(&self.snapshot, &self.date) {
            problems.push(problem(&["snapshot"], message, None));
        }
        if self.snapshot.contains('@') {
            problems.push(problem(
                &["snapshot"],
                "the name of a snapshot is what stands behind the `@`",
                Some("`auto-{date}`"),
            ));
        }
        match self.copies {
            Some(Bounds {
                min: None,
                max: None,
            }) => problems.push(problem(&["copies"], "give `min`, `max` or both", None)),
            Some(Bounds {
                min: Some(min),
                max: Some(max),
            }) if min > max => problems.push(problem(
                &["copies"],
                format!("no number is at least {min} and at most {max}"),
                None,
            )),
            _ => {}
        }
        if problems.is_empty() {
            let refused = self
                .commands()
                .into_iter()
                .find_map(|args| ReadOnlyCommand::from_args(policy, args).err());
            problems.extend(refused.map(|refused| problem(&[], refused.message, None)));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        if !self.pools.is_empty() {
            return Defaults {
                require: vec!["healthy".to_owned()],
                prefer: vec![
                    "size(troubled) == 0".to_owned(),
                    "capacity_percent < 90".to_owned(),
                ],
            };
        }
        let mut require = vec![
            "size(missing) == 0".to_owned(),
            "size(without) == 0".to_owned(),
        ];
        let mut prefer = Vec::new();
        if let Some(Bounds { min, max }) = self.copies {
            require.extend(min.map(|min| format!("fewest >= {min}")));
            prefer.extend(max.map(|max| format!("most <= {max}")));
        }
        if self.keep.is_some() {
            prefer.push("too_old == 0".to_owned());
        }
        Defaults { require, prefer }
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        if self.pools.is_empty() {
            format!(
                "the snapshots {} of {} on {host}",
                self.snapshot,
                self.datasets.join(", ")
            )
        } else {
            format!("the health of {} on {host}", self.pools.join(", "))
        }
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.commands(), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        if self.pools.is_empty() {
            self.look_at_snapshots(context).await
        } else {
            self.look_at_pools(context).await
        }
    }
}

#[cfg(test)]
mod tests;
