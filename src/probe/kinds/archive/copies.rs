//! How many backups there have to be, and of which days.

use jiff::civil::Weekday;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number, or `min` and `max`, is expected")]
#[schemars(rename = "ArchiveCopies")]
pub(super) enum Copies {
    /// Exactly as many.
    Exactly(u32),
    /// Between two numbers.
    Between(Bounds),
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ArchiveBounds")]
pub(super) struct Bounds {
    /// At least as many.
    #[serde(default)]
    pub(super) min: Option<u32>,
    /// At most as many.
    #[serde(default)]
    pub(super) max: Option<u32>,
}

impl Copies {
    pub(super) fn bounds(self) -> Bounds {
        match self {
            Self::Exactly(count) => Bounds {
                min: Some(count),
                max: Some(count),
            },
            Self::Between(bounds) => bounds,
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "`daily`, or a list of `mon` to `sun`, is expected"
)]
#[schemars(rename = "ArchiveDays")]
pub(super) enum Days {
    /// Every day.
    Word(Daily),
    /// Days of the week.
    Week(#[schemars(length(min = 1))] Vec<Day>),
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ArchiveDaily")]
pub(super) enum Daily {
    Daily,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ArchiveDay")]
pub(super) enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Days {
    pub(super) fn has(&self, weekday: Weekday) -> bool {
        let day = match weekday {
            Weekday::Monday => Day::Mon,
            Weekday::Tuesday => Day::Tue,
            Weekday::Wednesday => Day::Wed,
            Weekday::Thursday => Day::Thu,
            Weekday::Friday => Day::Fri,
            Weekday::Saturday => Day::Sat,
            Weekday::Sunday => Day::Sun,
        };
        match self {
            Self::Word(Daily::Daily) => true,
            Self::Week(days) => days.contains(&day),
        }
    }
}
