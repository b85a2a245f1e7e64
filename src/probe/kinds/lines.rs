//! Lines of a log, wherever it is kept: how many are looked at, what is looked
//! for in them, and the facts that come of it.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::dated;
pub(super) use crate::probe::pattern::plain;
use crate::probe::pattern::{Pattern, Patterns};
use crate::probe::{FactSpec, Facts, Type, Unit, Value};

/// Lines that are kept for each thing that is looked for.
const KEPT: usize = 100;

/// How many lines are looked at when the options do not say: enough to see
/// what went wrong, or to find what is looked for.
const SHOWN: u32 = 200;
const SEARCHED: u32 = 5000;

/// The largest number of lines that can be asked for.
pub(super) const MOST: u32 = 20_000;

pub(super) const LINES: FactSpec = FactSpec::new(
    "lines",
    Type::List(&Type::Text),
    "The lines, the newest last, without colour; only without `match` and `absent`.",
);
pub(super) const LINE_COUNT: FactSpec = FactSpec::number(
    "line_count",
    Unit::Count,
    "Lines that were looked at: the newest ones, at most `lines` of them.",
);
pub(super) const NEWEST_AGE: FactSpec = FactSpec::number(
    "newest_age_s",
    Unit::Seconds,
    "Time since `newest`, by the host's own clock. Negative for a time to come.",
);
pub(super) const MATCHED: FactSpec = FactSpec::new(
    "matched",
    Type::List(&Type::Text),
    "The lines that have something of `match`, the newest 100; with `match` only.",
);
pub(super) const MATCHED_COUNT: FactSpec = FactSpec::number(
    "matched_count",
    Unit::Count,
    "How many lines have something of `match`, of those that were looked at.",
);
pub(super) const MISSING: FactSpec = FactSpec::new(
    "missing",
    Type::List(&Type::Text),
    "What of `match` no line has; with `match` only. Absent where something was not found and `truncated` is true: it may be in the lines that were not looked at.",
);
pub(super) const UNWANTED: FactSpec = FactSpec::new(
    "unwanted",
    Type::List(&Type::Text),
    "The lines that have something of `absent`, the newest 100; with `absent` only. Absent where there is none and `truncated` is true.",
);

/// What is looked for, of the options of a kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought<'a> {
    pub(super) matching: &'a [Pattern],
    pub(super) absent: &'a [Pattern],
}

impl<'a> Sought<'a> {
    pub(super) fn new(matching: &'a Patterns, absent: &'a Patterns) -> Self {
        Self {
            matching: &matching.0,
            absent: &absent.0,
        }
    }

    fn is_nothing(self) -> bool {
        self.matching.is_empty() && self.absent.is_empty()
    }

    /// How many lines to look at, where the options say `asked`.
    pub(super) fn lines(self, asked: Option<u32>) -> u32 {
        asked.unwrap_or(if self.is_nothing() { SHOWN } else { SEARCHED })
    }

    /// What is expected by default, behind `first`.
    pub(super) fn defaults(self, first: &[&str]) -> crate::probe::Defaults {
        let mut require: Vec<String> = first.iter().map(ToString::to_string).collect();
        let mut prefer = Vec::new();
        if !self.matching.is_empty() {
            require.push("size(missing) == 0".to_owned());
        }
        if !self.absent.is_empty() {
            require.push("size(unwanted) == 0".to_owned());
        }
        if self.is_nothing() {
            require.push("line_count > 0".to_owned());
        } else if self.matching.is_empty() {
            // In no line there is nothing unwanted, and a misspelt name has none.
            prefer.push("line_count > 0".to_owned());
        }
        crate::probe::Defaults { require, prefer }
    }
}

/// The lines that were looked at.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Seen {
    /// The newest last.
    pub(super) lines: Vec<String>,
    /// When the newest was written.
    pub(super) newest: Option<Timestamp>,
    /// Everything that was asked for is in them.
    pub(super) whole: bool,
}

impl Seen {
    /// Sets the facts; `now` is the host's clock in seconds since 1970.
    pub(super) fn set(&self, sought: Sought<'_>, now: Option<i64>, facts: &mut Facts) {
        facts.set("line_count", count(self.lines.len()));
        facts.set("truncated", !self.whole);
        facts.set_some("newest", self.newest);
        if let (Some(newest), Some(now)) = (self.newest, now) {
            #[expect(
                clippy::cast_precision_loss,
                reason = "clocks are far below 2^52 seconds"
            )]
            facts.set("newest_age_s", (now - newest.as_second()) as f64);
            dated::set_now(Some(now), facts);
        }
        if sought.is_nothing() {
            facts.set("lines", list(self.lines.iter().map(String::as_str)));
            return;
        }
        if !sought.matching.is_empty() {
            let matched = self.having(sought.matching);
            facts.set("matched_count", count(matched.len()));
            facts.set("matched", list(newest(&matched)));
            let missing: Vec<String> = sought
                .matching
                .iter()
                .filter(|pattern| !self.lines.iter().any(|line| pattern.is_in(line)))
                .map(ToString::to_string)
                .collect();
            if self.whole || missing.is_empty() {
                facts.set("missing", list(missing.iter().map(String::as_str)));
            }
        }
        if !sought.absent.is_empty() {
            let unwanted = self.having(sought.absent);
            if self.whole || !unwanted.is_empty() {
                facts.set("unwanted", list(newest(&unwanted)));
            }
        }
    }

    fn having(&self, patterns: &[Pattern]) -> Vec<&str> {
        let lines = self.lines.iter().map(String::as_str);
        lines
            .filter(|line| patterns.iter().any(|pattern| pattern.is_in(line)))
            .collect()
    }
}

fn newest<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    lines.iter().copied().skip(lines.len().saturating_sub(KEPT))
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    Value::List(items.map(Value::from).collect())
}

#[expect(clippy::cast_precision_loss, reason = "no log has 2^52 lines")]
fn count(number: usize) -> f64 {
    number as f64
}

/// A length of time as baselines spell it: `30m`, `6h`, `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(pub(super) Duration);

/// The schema of the baseline's own lengths of time, by which their mistakes are told.
impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PositiveTimeSpanOption".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "positive-time-span",
            "pattern": "^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "x-expected": "a duration such as 5s",
            "x-unit": "s",
        })
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let unlike = || format!("expected a duration such as 6h, saw `{text}`");
        let mut total = Duration::ZERO;
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
            let number: u64 = rest[..digits].parse().map_err(|_| unlike())?;
            let rest_of = &rest[digits..];
            let letters = rest_of
                .find(|c: char| !c.is_ascii_lowercase())
                .unwrap_or(rest_of.len());
            let milliseconds: u64 = match &rest_of[..letters] {
                "w" => 604_800_000,
                "d" => 86_400_000,
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1000,
                "ms" => 1,
                _ => return Err(unlike()),
            };
            let part = number.checked_mul(milliseconds).ok_or_else(unlike)?;
            total = total
                .checked_add(Duration::from_millis(part))
                .ok_or_else(unlike)?;
            rest = &rest_of[letters..];
        }
        if text.is_empty() {
            return Err(unlike());
        }
        // Where zero makes no sense, the schema has refused it.
        Ok(Self(total))
    }
}

impl Span {
    /// In whole seconds, upwards.
    pub(super) fn seconds(self) -> u64 {
        self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0)
    }
}

#[cfg(test)]
mod tests;
