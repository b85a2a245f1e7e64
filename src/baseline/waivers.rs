//! The waivers file: warnings that somebody has accepted, beside the baseline
//! and reviewed like it.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::Deserialize;

use super::conform::conform;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::files::Files;
use super::include;
use super::node::Node;
use super::source::{Located, Location, Sources};

mod append;

pub use append::NewWaiver;

const VERSION: &str = "1, the version of the file format that this program reads";

const CHECK_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*(@[A-Za-z0-9][A-Za-z0-9._-]*)?$";
const CHECK: &str = "the id of a check: `postgres@data188`, or `postgres` for it on every host";

const SAID_PATTERN: &str = r"\S";

const TIME_PATTERN: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$";
const TIME: &str = "a time with its offset from UTC such as 2026-12-01T18:00:00+08:00";
const UNTIL_PATTERN: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2}))?$";
const UNTIL: &str =
    "a date such as 2026-12-01, or a time with its offset from UTC such as 2026-12-01T18:00:00Z";

/// Accepted warnings of a baseline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Waivers")]
#[expect(
    dead_code,
    reason = "read from the nodes, which know their places; here for the schema"
)]
struct WaiversDocument {
    /// Version of the file format: 1.
    #[schemars(extend("const" = 1, "x-expected" = VERSION))]
    version: u32,
    /// The waivers. Of several that name the same check the last counts.
    #[serde(default)]
    waivers: Vec<WaiverDocument>,
}

/// Somebody has accepted that a check warns, for a time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Waiver")]
#[expect(
    dead_code,
    reason = "read from the nodes, which know their places; here for the schema"
)]
struct WaiverDocument {
    /// The check: `postgres@data188`, or `postgres` for it on every host.
    #[schemars(extend("pattern" = CHECK_PATTERN, "x-expected" = CHECK))]
    check: String,
    /// Why its warning is accepted.
    #[schemars(extend("pattern" = SAID_PATTERN, "x-expected" = "why the warning is accepted"))]
    reason: String,
    /// Who accepted it.
    #[schemars(extend("pattern" = SAID_PATTERN, "x-expected" = "who accepts the warning"))]
    by: String,
    /// From when on the warning counts again: a time with its offset from UTC, or a
    /// date, which is accepted up to its end in UTC.
    #[schemars(extend("pattern" = UNTIL_PATTERN, "x-expected" = UNTIL, "x-suggestion" = "write `2026-12-01`, which lasts to its end in UTC, or `2026-12-01T18:00:00+08:00`"))]
    until: String,
    /// When it was accepted: a time with its offset from UTC.
    #[schemars(extend("pattern" = TIME_PATTERN, "x-expected" = TIME, "x-suggestion" = "`coldstart accept` writes it"))]
    accepted_at: String,
}

/// One entry of a waivers file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// A check's whole id, or its part before the `@` for it on every host.
    pub check: Located<String>,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// From when on the warning counts again.
    pub until: Timestamp,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// A later entry names the same check in the same way, and counts instead.
    pub superseded: bool,
    /// Where the whole entry stands.
    pub at: Location,
}

/// What a waivers file came to.
#[derive(Debug, Clone, Default)]
pub struct LoadedWaivers {
    /// The file, for rendering.
    pub sources: Sources,
    /// Every problem that was found.
    pub diagnostics: Diagnostics,
    /// Its entries, in its order; none when there was an error.
    pub waivers: Vec<Waiver>,
    /// The file's tree, where there was no error.
    pub root: Option<Node>,
}

/// Where the waivers of the baseline at `baseline` are kept: `stack.waivers.yml`
/// beside `stack.yml`.
#[must_use]
pub fn waivers_path(baseline: &Path) -> PathBuf {
    baseline.with_extension("waivers.yml")
}

/// Reads the waivers file at the path `entry`. Variables and includes are the
/// baseline's; here there are none.
#[must_use]
pub fn load_waivers(entry: &str, files: &dyn Files) -> LoadedWaivers {
    let mut loaded = LoadedWaivers::default();
    let LoadedWaivers {
        sources,
        diagnostics,
        waivers,
        ..
    } = &mut loaded;
    let schema = waivers_schema();
    let Some(root) = include::read_alone(entry, files, sources, diagnostics) else {
        return loaded;
    };
    conform(&root, &schema, &schema, diagnostics);
    let entries = root.get("waivers").map(Node::items).unwrap_or_default();
    for entry in entries {
        waivers.extend(waiver(entry, diagnostics));
    }
    if diagnostics.has_errors() {
        waivers.clear();
        return loaded;
    }
    for place in 0..waivers.len() {
        let (earlier, later) = waivers.split_at_mut(place + 1);
        let waiver = &mut earlier[place];
        let by = later.iter().find(|other| *other.check == *waiver.check);
        waiver.superseded = by.is_some();
    }
    loaded.root = Some(root);
    loaded
}

impl LoadedWaivers {
    /// Warns of entries that a later one has taken the place of.
    pub fn warn_of_superseded(&mut self) {
        for waiver in self.waivers.iter().filter(|waiver| waiver.superseded) {
            let last = self
                .waivers
                .iter()
                .rfind(|other| *other.check == *waiver.check);
            let warning = Diagnostic::warning(
                "superseded-waiver",
                format!(
                    "a later waiver of `{}` takes the place of this one",
                    waiver.check.value
                ),
                waiver.check.at.clone(),
            )
            .suggestion("take this one out");
            self.diagnostics.push(match last {
                Some(last) => warning.related(last.check.at.clone(), "this one counts"),
                None => warning,
            });
        }
    }
}

/// What an entry says; nothing of one that the schema found something wrong
/// with. Its times are looked at all the same, so that all is told at once.
fn waiver(entry: &Node, diagnostics: &mut Diagnostics) -> Option<Waiver> {
    let text = |key: &str| entry.get(key)?.as_located();
    let mut time = |key: &str, parse: fn(&str) -> Option<Timestamp>| {
        let written = text(key)?;
        if diagnostics
            .iter()
            .any(|told| told.at.as_ref() == Some(&written.at))
        {
            return None;
        }
        let parsed = parse(&written);
        if parsed.is_none() {
            let message = format!("there is no such time as `{}`", written.value);
            diagnostics.push(
                Diagnostic::error("bad-time", message, written.at.clone())
                    .suggestion("look at a calendar, and at the offset from UTC"),
            );
        }
        Some((parsed?, written.at))
    };
    let until = time("until", parse_until);
    let accepted_at = time("accepted_at", parse_time);
    let ((until, until_at), (accepted_at, accepted_place)) = (until?, accepted_at?);
    if until <= accepted_at {
        diagnostics.push(
            Diagnostic::error(
                "ends-before-it-begins",
                "the waiver is over before it was accepted",
                until_at,
            )
            .related(accepted_place, "accepted here")
            .suggestion("let `until` be later than `accepted_at`"),
        );
        return None;
    }
    Some(Waiver {
        check: text("check")?,
        reason: text("reason")?.value,
        by: text("by")?.value,
        until,
        accepted_at,
        superseded: false,
        at: entry.at.clone(),
    })
}

/// The moment that `until` means: a time with its offset from UTC (RFC 3339),
/// or a date, which means its end in UTC. The same file means the same on every
/// machine. Nothing for any other text.
#[must_use]
pub fn parse_until(text: &str) -> Option<Timestamp> {
    if text.contains(['T', 't']) {
        return parse_time(text);
    }
    let next = text.parse::<Date>().ok()?.checked_add(1.day()).ok()?;
    Some(next.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn parse_time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// The JSON Schema of a waivers file.
#[must_use]
pub fn waivers_schema() -> serde_json::Value {
    schemars::schema_for!(WaiversDocument).to_value()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("stack.yml", "stack.waivers.yml")]
    #[case("a/b/stack.prod.yaml", "a/b/stack.prod.waivers.yml")]
    #[case("stack", "stack.waivers.yml")]
    fn beside_the_baseline(#[case] baseline: &str, #[case] expected: &str) {
        assert_eq!(waivers_path(Path::new(baseline)), Path::new(expected));
    }

    #[rstest]
    #[case("2026-12-01", Some("2026-12-02T00:00:00Z"))]
    #[case("2028-02-29", Some("2028-03-01T00:00:00Z"))]
    #[case("2026-12-01T18:00:00Z", Some("2026-12-01T18:00:00Z"))]
    #[case("2026-12-01T18:00:00+08:00", Some("2026-12-01T10:00:00Z"))]
    #[case("2026-12-01T18:00:00.5-01:30", Some("2026-12-01T19:30:00.5Z"))]
    #[case("2026-02-30", None)]
    #[case("2026-12-01T25:00:00Z", None)]
    #[case("2026-12-01T18:00:00", None)]
    #[case("9999-12-31", None)]
    #[case("", None)]
    #[case("tomorrow", None)]
    fn ends(#[case] text: &str, #[case] expected: Option<&str>) {
        let expected = expected.map(|at| at.parse::<Timestamp>().expect("a time"));
        assert_eq!(parse_until(text), expected);
    }
}
