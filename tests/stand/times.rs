//! Times as the cases tell them: relative to now, since nobody can set the clock. What a
//! case can set is the zone in which its jobs are due.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// So long ago: `ago("3h")`, `ago("2d 4h")`, `ago("90m")`; with a minus in the future.
pub(crate) fn ago(span: &str) -> Timestamp {
    let (ahead, text) = match span.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, span),
    };
    let mut seconds = 0;
    for part in text.split_whitespace() {
        let (number, unit) = part.split_at(part.len() - 1);
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => panic!("{span:?} is no span"),
        };
        seconds += unit * number.parse::<u64>().expect("a number");
    }
    let span = Duration::from_secs(seconds);
    if ahead {
        Timestamp::now() + span
    } else {
        Timestamp::now() - span
    }
}

/// The time zone in which it was between ten and eleven in the morning when these tests began.
///
/// No job of a baseline is due at that hour, or has been for less than its grace, or will be
/// before the tests are over. So a run that is missing is missed, at whatever time of the day
/// the tests run; in a zone of the document's own it would still be in its grace now and then.
pub(crate) fn zone() -> &'static str {
    static ZONE: OnceLock<String> = OnceLock::new();
    ZONE.get_or_init(|| {
        let utc = Timestamp::now().to_zoned(TimeZone::UTC).hour();
        // POSIX's sign, as these zones have it: Etc/GMT-8 is eight hours ahead of UTC.
        match 10 - utc {
            0 => "Etc/UTC".to_owned(),
            ahead @ 1.. => format!("Etc/GMT-{ahead}"),
            behind @ -12..=-1 => format!("Etc/GMT+{}", -behind),
            // Ten in the morning of the day after.
            behind => format!("Etc/GMT-{}", behind + 24),
        }
    })
}

fn here() -> TimeZone {
    TimeZone::get(zone()).expect("a time zone")
}

/// The times at which something daily was due in that [`zone`], the last one first.
pub(crate) fn daily(hour: i8, minute: i8) -> impl Iterator<Item = Timestamp> {
    let zone = here();
    let now = Timestamp::now();
    let today = now.to_zoned(zone.clone()).date();
    (0..).filter_map(move |days: i64| {
        let due = (today - days.days())
            .at(hour, minute, 0, 0)
            .to_zoned(zone.clone())
            .expect("a time")
            .timestamp();
        (due <= now).then_some(due)
    })
}

/// A time in that [`zone`].
pub(crate) fn local(at: Timestamp) -> Zoned {
    at.to_zoned(here())
}

/// A time in that [`zone`] as `strftime` writes it: `stamp("%Y%m%d", at)`.
pub(crate) fn stamp(format: &str, at: Timestamp) -> String {
    local(at).strftime(format).to_string()
}

/// A time in seconds since 1970, as metrics have it.
pub(crate) fn unix(at: Timestamp) -> String {
    at.as_second().to_string()
}
