//! What the files of a job tell by their names, sizes and times.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::dated;
use super::Archive;
use super::listing::Found;
use crate::probe::{FactSpec, Facts, Type, Unit, Value};

pub(super) const FACTS: &[FactSpec] = &[
    FactSpec::new(
        "exists",
        Type::Bool,
        "There is such a folder. When there is none, this is the only fact.",
    ),
    FactSpec::number(
        "count",
        Unit::Count,
        "How many files are of the pattern, with a date that there is.",
    ),
    FactSpec::new("newest", Type::Text, "The name of the newest."),
    FactSpec::new(
        "newest_at",
        Type::Time,
        "The moment that the newest one's name tells. Where that is a day alone: `modified_at` if it is of that day, the day's last second if it is of the next, as of a job that ends after midnight, and the day's beginning otherwise. Without `{date}`: `modified_at`.",
    ),
    FactSpec::new(
        "modified_at",
        Type::Time,
        "When the content of the newest last changed, by the host's clock.",
    ),
    FactSpec::number(
        "age_s",
        Unit::Seconds,
        "Time since `newest_at`, by the host's own clock. Negative for a time to come.",
    ),
    dated::NOW,
    FactSpec::number("newest_bytes", Unit::Bytes, "Size of the newest."),
    FactSpec::number(
        "usual_bytes",
        Unit::Bytes,
        "The median of the others' sizes. Absent where there is no other.",
    ),
    FactSpec::number(
        "shrunk_percent",
        Unit::Percent,
        "By how much the newest is smaller than `usual_bytes`; 0 where it is not. Absent where there is no other.",
    )
    .because(&["newest_bytes", "usual_bytes"]),
    FactSpec::new("oldest", Type::Text, "The name of the oldest."),
    FactSpec::new(
        "oldest_at",
        Type::Time,
        "The moment of the oldest, as `newest_at`.",
    ),
    FactSpec::new("span", Type::Duration, "From `oldest_at` to `newest_at`."),
    FactSpec::number(
        "too_old",
        Unit::Count,
        "How many are older than `keep` and `leeway` together, by the host's clock; with `keep` only.",
    )
    .because(&["oldest"]),
    FactSpec::new(
        "missing_days",
        Type::List(&Type::Text),
        "The days between the oldest and the newest for which there is none: `2026-06-03`; with `days` only.",
    ),
    FactSpec::new(
        "format",
        Type::Text,
        "What the newest is, by its first bytes: `sql.gz`, `tar.gz`, `tar.zst`, `tar`, `yaml`, `sqlite`, `rdb`, `bolt`, `zip`, `pgdump`, `text`, `unknown`, `empty`, and these with `.gz`, `.zst`, `.xz`, `.bz2`.",
    ),
    FactSpec::new(
        "readable",
        Type::Bool,
        "The newest is whole, by what its own format ends with. Absent where it could not be read to its end, and where nothing in it tells; see `unverified`.",
    )
    .because(&["damage", "unverified"]),
    FactSpec::new(
        "verified_to",
        Type::Text,
        "How deep the newest was found to be whole: `content`; `ends`, of a dump of Redis, which begins and ends as one, and of a database of SQLite, which has all its pages, while what they hold is for kind `sqlite` to tell: with these it is `readable`; or `packing` alone: what is packed may have been cut before. Absent where none was.",
    ),
    FactSpec::new(
        "damage",
        Type::Text,
        "What is wrong with it, where it is not readable.",
    ),
    FactSpec::new(
        "unverified",
        Type::Text,
        "Why it cannot be told whether the newest is readable: time, a program that the host has not, a format without a mark at its end.",
    ),
    FactSpec::new(
        "missing",
        Type::List(&Type::Text),
        "What of `contains` is not in the newest; with `contains` only.",
    ),
    FactSpec::new(
        "documents",
        Type::Map(&Type::Number),
        "How many Kubernetes objects of each kind are in the newest: `documents['Volume.longhorn.io']`; of YAML only.",
    ),
    FactSpec::new(
        "missing_documents",
        Type::List(&Type::Text),
        "What of `documents` there is less of than asked for: `Volume.longhorn.io: 0 of 1`; with `documents` only.",
    ),
    FactSpec::new(
        "restore_script_exists",
        Type::Bool,
        "The script is a file with something in it; with `restore_script` only.",
    ),
    FactSpec::new(
        "restore_script_executable",
        Type::Bool,
        "It is one, and its owner may run it; with `restore_script` only.",
    ),
];

/// Days that are looked through for missing ones.
const MOST_DAYS: usize = 4000;

/// The files that are there.
#[derive(Debug)]
pub(super) struct Kept<'a> {
    /// The oldest first.
    pub(super) found: Vec<Found>,
    pub(super) zone: &'a TimeZone,
    /// The host's clock, in seconds since 1970.
    pub(super) now: Option<i64>,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes and ages are far below 2^52"
)]
fn number(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "no folder has 2^52 files")]
fn count(value: usize) -> f64 {
    value as f64
}

fn median(mut sizes: Vec<u64>) -> Option<f64> {
    sizes.sort_unstable();
    let middle = sizes.len() / 2;
    let upper = *sizes.get(middle)?;
    let lower = if sizes.len().is_multiple_of(2) {
        *sizes.get(middle.checked_sub(1)?)?
    } else {
        upper
    };
    Some(f64::midpoint(number(lower), number(upper)))
}

impl Kept<'_> {
    pub(super) fn set(&self, asked: &Archive, facts: &mut Facts) {
        facts.set("count", count(self.found.len()));
        if let Some(keep) = asked.keep
            && let Some(now) = self.now
        {
            let most = keep.0.saturating_add(asked.leeway.0).as_secs();
            let is_old = |found: &&Found| {
                now.checked_sub(found.at.as_second())
                    .is_some_and(|age| u64::try_from(age).is_ok_and(|age| age > most))
            };
            let old = self.found.iter().filter(is_old).count();
            facts.set("too_old", count(old));
        }
        let (Some(oldest), Some((newest, others))) = (self.found.first(), self.found.split_last())
        else {
            return;
        };
        facts.set("newest", newest.name.as_str());
        facts.set("newest_at", newest.at);
        facts.set("modified_at", newest.modified);
        #[expect(
            clippy::cast_precision_loss,
            reason = "ages are far below 2^52 seconds"
        )]
        let age = self.now.map(|now| (now - newest.at.as_second()) as f64);
        facts.set_some("age_s", age);
        dated::set_now(self.now, facts);
        facts.set("newest_bytes", number(newest.bytes));
        if let Some(usual) = median(others.iter().map(|found| found.bytes).collect()) {
            facts.set("usual_bytes", usual);
            if usual > 0.0 {
                let shrunk = 100.0 * (1.0 - number(newest.bytes) / usual);
                facts.set("shrunk_percent", shrunk.max(0.0));
            }
        }
        facts.set("oldest", oldest.name.as_str());
        facts.set("oldest_at", oldest.at);
        let span: SignedDuration = newest.at.duration_since(oldest.at);
        facts.set("span", Value::Duration(span));
        if let Some(days) = &asked.days {
            let there: Vec<Date> = self.found.iter().map(|found| self.day(found.at)).collect();
            let first = self.day(oldest.at);
            let last = self.day(newest.at);
            let missing = first
                .series(jiff::Span::new().days(1))
                .take(MOST_DAYS)
                .take_while(|day| *day <= last)
                .filter(|day| days.has(day.weekday()) && !there.contains(day))
                .map(|day| Value::Text(day.to_string()));
            facts.set("missing_days", Value::List(missing.collect()));
        }
    }

    fn day(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }
}

pub(super) fn set_documents(
    kinds: &BTreeMap<String, u32>,
    wanted: &BTreeMap<String, u32>,
    facts: &mut Facts,
) {
    let told = kinds
        .iter()
        .map(|(name, count)| (name.clone(), Value::Number(f64::from(*count))));
    facts.set("documents", Value::Map(told.collect()));
    if wanted.is_empty() {
        return;
    }
    let missing = wanted.iter().filter_map(|(name, least)| {
        let seen = kinds.get(name).copied().unwrap_or_default();
        (seen < *least).then(|| Value::Text(format!("{name}: {seen} of {least}")))
    });
    facts.set("missing_documents", Value::List(missing.collect()));
}
