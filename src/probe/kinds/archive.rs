//! `archive`: dated backup files are there, whole, and neither too few nor too many.

mod copies;
mod documents;
mod facts;
mod format;
pub(super) mod listing;
mod verify;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use self::copies::{Bounds, Copies, Days};
use self::facts::{FACTS, Kept};
use self::format::{Content, Packing};
use self::listing::{Shelf, with_rights};
use self::verify::{Archive as Opened, Wanted};
use super::dated::{self, Dated, HostClock};
use super::lines::Span;
use super::{answer, file};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Value,
};

/// Looks at the backup files of one job: which there are, by the dates in
/// their names; how large the newest is beside the others; and whether it can
/// be read to its end.
///
/// The newest is read on its own host, by the programs that made it (`gzip -t`,
/// `zstd -t`, `xz -t`, `bzip2 -t`, `tar -t`, `unzip -t`), and what they print is
/// dropped there: a few hundred bytes come over the connection, whatever its size.
/// A dump of `pg_dump`, `pg_dumpall`, `mysqldump`, `mariadb-dump` or sqlite3's
/// `.dump` has to end with the words that these write last, since a dump that was
/// cut and then packed is whole to gzip. So has everything else that is packed to
/// have its own end: a tar its two blocks of zeros, a dump of Redis its last byte and a
/// checksum's length behind it, a zip the end of its list, an etcd snapshot the
/// checksum of all before it, an SQLite file as many bytes as its head says. What an
/// archive is, its first bytes tell; where its name says otherwise, it is not readable.
///
/// Of a dump of Redis its two ends are looked at and nothing between them, nor the
/// checksum: bytes that were overwritten inside of one that is not packed are not seen
/// (`verified_to` is `ends`). `redis-check-rdb` on a copy of it goes through all.
///
/// Where nothing marks the end, as of plain text and of `pg_dump -Fc`, whose list of
/// contents stands at its beginning, nobody can tell whether it is whole: it is not
/// `readable` unless `ends_with` says what it ends with. That its packing is whole,
/// `verified_to` tells.
///
/// A list of Kubernetes objects as kubectl writes it ends with its own kind. Of several
/// documents one after another nothing tells which is the last: with `documents`, each
/// has to hold an object of a kind that is named there, so that one that is lost leaves
/// a kind missing. Name one of each: a document of kinds that another has too may be
/// lost without a trace. A last document that is no such list has no end to see.
///
/// Reading takes as long as the host takes to unpack it: give the check a
/// `timeout` for that. What was not read to its end in time is neither readable nor
/// damaged: `unverified` tells why.
///
/// The list of the folder is kept up to 1 MiB, which is some 16000 files with a name of 30
/// letters that are of the pattern: with more it is a fault, and `path` has to be narrower.
/// Names of one line each: one with a line break in it is a fault, too.
///
/// Whether the newest is new enough is for the check's `fresh`, by `newest_at`.
/// Where a name tells the day alone, the file's own time tells the time of it, as
/// long as that is of the same day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// The files: `/mnt/backups/postgres/backup_{date}.sql.gz`. In the last part,
    /// `{date}` stands for the date and `*` for any text. Without `{date}` the
    /// files' own times order them. Links are passed over.
    #[schemars(extend("pattern" = "^/"))]
    path: String,
    /// How the date is written, as `date` has it: `%Y %y %m %d %j %H %M %S %s %F %R %T`.
    /// Other names do not count: with `auto-{date}`, `auto-12h-2026-06-05` is none.
    #[serde(default = "usual_date")]
    date: String,
    /// The time zone of the dates in names: `Asia/Taipei`. The host's own, as far as
    /// it is from UTC now, when left out.
    #[serde(default)]
    zone: Option<String>,
    /// How old files are at most: `3d`. Those that are older by more than `leeway`, 48
    /// hours where nothing else is said, are counted as `too_old`.
    #[serde(default)]
    keep: Option<Span>,
    /// How much longer than `keep` a file may be there: what removes old ones runs
    /// once a day or once a week, and `find -mtime +3` takes those of four days.
    #[serde(default = "usual_leeway")]
    #[schemars(extend("default" = "48h", "format" = "time-span"))]
    leeway: Span,
    /// How many files there are: `2`, or `{ min: 3, max: 6 }`. Too few make the check
    /// BLOCKED and too many WARN, where the baseline does not say otherwise.
    #[serde(default)]
    copies: Option<Copies>,
    /// The days on which one is made, for `missing_days`: `daily`, or a list of `mon`,
    /// `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
    #[serde(default)]
    days: Option<Days>,
    /// Read the newest to its end. `false` only looks at names, sizes and times.
    #[serde(default = "yes")]
    verify: bool,
    /// Texts that have to be in the newest, unpacked; of a tar, in the names of what
    /// is in it. Each is one more pass through the archive.
    #[serde(default)]
    contains: Vec<String>,
    /// A text that stands near the end of the newest, unpacked, where it is no dump
    /// whose last words are known.
    #[serde(default)]
    ends_with: Option<String>,
    /// Kubernetes objects that have to be in the newest, in YAML as kubectl writes it,
    /// and how many at least: `{ PersistentVolume: 1, Volume.longhorn.io: 1 }`.
    #[serde(default)]
    documents: BTreeMap<String, u32>,
    /// The script that restores them: it has to be there, not empty, and executable.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    restore_script: Option<String>,
    /// Look and read by `sudo -n`.
    #[serde(default)]
    sudo: bool,
}

fn usual_date() -> String {
    "%Y%m%d".to_owned()
}

fn usual_leeway() -> Span {
    Span(std::time::Duration::from_hours(48))
}

fn yes() -> bool {
    true
}

/// Texts that are looked for in an archive, each in one pass.
const MOST_TEXTS: usize = 16;

impl Archive {
    fn shelf(&self) -> Result<Shelf, String> {
        Shelf::new(&self.path, &self.date, self.sudo)
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            contains: &self.contains,
            ends_with: self.ends_with.as_deref(),
            documents: &self.documents,
            sudo: self.sudo,
        }
    }

    /// Prints the script's path: first if it is a file with something in it, then
    /// if its owner may run it as well.
    fn script(&self) -> Option<[Vec<String>; 2]> {
        let script = self.restore_script.as_deref()?;
        let find = |more: &[&str]| {
            let mut args = with_rights(self.sudo, &["find", "-L", script, "-maxdepth", "0"]);
            args.extend(more.iter().map(ToString::to_string));
            args
        };
        Some([
            find(&["-type", "f", "-size", "+0"]),
            find(&["-type", "f", "-size", "+0", "-perm", "-100"]),
        ])
    }

    /// What is sent, with the pattern in the place of the newest file's name.
    fn pipelines(&self) -> Vec<Vec<Vec<String>>> {
        let mut all = vec![vec![dated::clock()]];
        all.extend(self.shelf().ok().map(|shelf| vec![shelf.list()]));
        all.extend(self.script().into_iter().flatten().map(|args| vec![args]));
        if self.verify {
            let opened = Opened {
                path: &self.path,
                packing: Packing::named(&self.path),
                wanted: self.wanted(),
            };
            let content = if self.documents.is_empty() {
                Content::named(&self.path)
            } else {
                Content::Yaml
            };
            all.extend(opened.pipelines(content));
        }
        all
    }

    async fn set_script(&self, context: &Context, facts: &mut Facts) -> Result<(), Fault> {
        let Some([exists, executable]) = self.script() else {
            return Ok(());
        };
        let script = self.restore_script.as_deref().unwrap_or_default();
        for (name, args) in [
            ("restore_script_exists", exists),
            ("restore_script_executable", executable),
        ] {
            let program = if self.sudo { "sudo" } else { "find" };
            let found = context
                .exec(&answer::command(&context.transports.policy, args)?)
                .await?;
            let is_there = match answer::status(&found, program, context.host()?)? {
                0 => !found.stdout.is_empty(),
                _ if file::is_absent(&found) => false,
                _ => return Err(listing::unseen(script, &found, self.sudo)),
            };
            facts.set(name, is_there);
        }
        Ok(())
    }
}

fn problem(path: &[&str], message: impl Into<String>, suggestion: Option<&str>) -> OptionProblem {
    OptionProblem {
        path: path.iter().map(ToString::to_string).collect(),
        message: message.into(),
        suggestion: suggestion.map(str::to_owned),
    }
}

impl Kind for Archive {
    const NAME: &'static str = "archive";
    const SUMMARY: &'static str = "the newest of dated backup files can be read to its end, and there are as many as there should be";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = FACTS;
    const EXAMPLE: &'static str = "title: the dump of PostgreSQL is whole\non: data188\narchive: { path: '/mnt/backups/postgres/backup_{date}.sql.gz', zone: Asia/Taipei, keep: 3d, days: daily, restore_script: /srv/postgres/scripts/restore.sh }\n";

    fn problems(&self, _: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        if let Err(message) = Dated::new("{date}", &self.date) {
            problems.push(problem(&["date"], message, None));
        } else if let Err(message) = self.shelf() {
            problems.push(problem(&["path"], message, None));
        }
        if let Some(Err(message)) = self.zone.as_deref().map(dated::zone) {
            problems.push(problem(&["zone"], message, Some(dated::ZONES)));
        }
        let bounds = self.copies.map(Copies::bounds);
        match bounds {
            Some(Bounds { max: Some(0), .. }) => problems.push(problem(
                &["copies"],
                "with no copies at all there is no backup",
                None,
            )),
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
        if matches!(&self.days, Some(Days::Week(days)) if days.is_empty()) {
            problems.push(problem(
                &["days"],
                "no day at all",
                Some("`daily`, or `[sun]`"),
            ));
        }
        if !self.verify {
            let read = [
                ("contains", !self.contains.is_empty()),
                ("ends_with", self.ends_with.is_some()),
                ("documents", !self.documents.is_empty()),
            ];
            problems.extend(read.iter().filter(|(_, given)| *given).map(|(name, _)| {
                problem(
                    &[name],
                    "with `verify: false` nothing is read",
                    Some("leave `verify` out"),
                )
            }));
        }
        if self.contains.len() > MOST_TEXTS {
            problems.push(problem(
                &["contains"],
                format!("each text is a pass through the archive: {MOST_TEXTS} at most"),
                None,
            ));
        }
        let texts = self.contains.iter().enumerate();
        for (n, text) in texts {
            if text.is_empty() {
                problems.push(problem(
                    &["contains", &n.to_string()],
                    "an empty text is in every archive",
                    None,
                ));
            }
        }
        if self.ends_with.as_deref() == Some("") {
            problems.push(problem(
                &["ends_with"],
                "every archive ends with an empty text",
                None,
            ));
        }
        for (name, count) in &self.documents {
            let plain = |next: char| next.is_ascii_alphanumeric() || ".-".contains(next);
            if !name.starts_with(|first: char| first.is_ascii_uppercase())
                || !name.chars().all(plain)
            {
                problems.push(problem(
                    &["documents", name],
                    format!("{name:?} is no kind of objects"),
                    Some(
                        "`PersistentVolume`; with its group where it has one: `Volume.longhorn.io`",
                    ),
                ));
            }
            if *count == 0 {
                problems.push(problem(
                    &["documents", name],
                    "at least none of them are always there",
                    Some("a number of 1 or more"),
                ));
            }
        }
        if let Some(script) = self
            .restore_script
            .as_deref()
            .filter(|path| !path.starts_with('/'))
        {
            problems.push(problem(
                &["restore_script"],
                format!("{script:?} is not an absolute path"),
                None,
            ));
        }
        if problems.is_empty() {
            let refused = self
                .pipelines()
                .into_iter()
                .find_map(|pipeline| verify::command(policy, pipeline).err());
            problems.extend(refused.map(|refused| problem(&[], refused.message, None)));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        let mut require = vec![
            "exists".to_owned(),
            "count > 0".to_owned(),
            "newest_bytes > 0".to_owned(),
        ];
        let mut prefer = Vec::new();
        if self.verify {
            require.push("readable".to_owned());
            // Where there is one alone, there is nothing to hold it against.
            prefer.push("!has(shrunk_percent) || shrunk_percent < 50".to_owned());
        } else {
            require.push("!has(shrunk_percent) || shrunk_percent < 50".to_owned());
        }
        if !self.contains.is_empty() {
            require.push("size(missing) == 0".to_owned());
        }
        if !self.documents.is_empty() {
            require.push("size(missing_documents) == 0".to_owned());
        }
        if self.restore_script.is_some() {
            require.push("restore_script_executable".to_owned());
        }
        if let Some(Bounds { min, max }) = self.copies.map(Copies::bounds) {
            require.extend(min.map(|min| format!("count >= {min}")));
            prefer.extend(max.map(|max| format!("count <= {max}")));
        }
        if self.keep.is_some() {
            prefer.push("too_old == 0".to_owned());
        }
        if self.days.is_some() {
            prefer.push("size(missing_days) == 0".to_owned());
        }
        Defaults { require, prefer }
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        let read = if self.verify {
            ", the newest read to its end"
        } else {
            ""
        };
        format!("a look at {} on {host}{read}", self.path)
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        self.pipelines()
            .into_iter()
            .filter_map(|pipeline| verify::command(policy, pipeline).ok())
            .map(|command| target.exec_request(&command))
            .collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let setup = |message| Fault::new(FaultKind::LocalSetup, message);
        let shelf = self.shelf().map_err(setup)?;
        let date = context
            .exec(&answer::command(
                &context.transports.policy,
                dated::clock(),
            )?)
            .await?;
        let clock = HostClock::parse(&answer::stdout(&date));
        let zone = match (&self.zone, &clock) {
            (Some(zone), _) => dated::zone(zone).map_err(setup)?,
            (None, Some(clock)) => clock.zone.clone(),
            (None, None) => {
                return Err(Fault::new(
                    FaultKind::Protocol,
                    format!("`date '+%s %z'` printed {:?}", answer::stdout(&date)),
                )
                .hint("write the zone of the dates into the check: `zone: UTC`"));
            }
        };
        let mut facts = Facts::new();
        let Some(found) = shelf.look(context, &zone).await? else {
            facts.set("exists", false);
            return Ok(facts);
        };
        facts.set("exists", true);
        self.set_script(context, &mut facts).await?;
        let kept = Kept {
            found,
            zone: &zone,
            now: clock.map(|clock| clock.now),
        };
        kept.set(self, &mut facts);
        if let Some(newest) = kept.found.last().filter(|_| self.verify) {
            let path = shelf.path(&newest.name);
            let opened = Opened {
                path: &path,
                packing: None,
                wanted: self.wanted(),
            };
            let told = opened.read(context, &newest.name, newest.bytes).await?;
            facts.set_some("format", told.format);
            facts.set_some("readable", told.readable);
            facts.set_some("verified_to", told.verified_to);
            facts.set_some("damage", told.damage);
            facts.set_some("unverified", told.unverified);
            if let Some(missing) = told.missing.filter(|_| !self.contains.is_empty()) {
                let missing = missing.into_iter().map(Value::Text);
                facts.set("missing", Value::List(missing.collect()));
            }
            if let Some(kinds) = told.kinds {
                facts::set_documents(&kinds, &self.documents, &mut facts);
            }
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
