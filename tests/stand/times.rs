//! Times as the cases tell them: relative to now, since nobody can set the clock.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

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

/// The times at which something daily was due, the last one first: `daily(4, 0, "Europe/Paris")`.
pub(crate) fn daily(hour: i8, minute: i8, zone: &str) -> impl Iterator<Item = Timestamp> {
    let zone = TimeZone::get(zone).expect("a time zone");
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

/// A time in UTC as `strftime` writes it: `stamp("%Y%m%d", at)`.
pub(crate) fn stamp(format: &str, at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// A time in seconds since 1970, as metrics have it.
pub(crate) fn unix(at: Timestamp) -> String {
    at.as_second().to_string()
}
