//! Quantities in the form that a person reads them.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::harmless::harmless;
use crate::scorecard::Value;

/// `0.4 ms`, `812 ms`, `4.1 s`, `2m 40s`, `1h 05m`, `3d 04h`.
#[must_use]
pub fn duration(span: Duration) -> String {
    let micros = span.as_micros();
    // Each bound is where the form above it would round up to the next unit.
    if micros < 9_950 {
        let tenths = (micros + 50) / 100;
        return format!("{}.{} ms", tenths / 10, tenths % 10);
    }
    if micros < 999_500 {
        return format!("{} ms", (micros + 500) / 1000);
    }
    if micros < 59_950_000 {
        let tenths = (micros + 50_000) / 100_000;
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = (micros + 500_000) / 1_000_000;
    if seconds < 3_600 {
        return format!("{}m {:02}s", seconds / 60, seconds % 60);
    }
    let minutes = seconds / 60;
    if minutes < 24 * 60 {
        return format!("{}h {:02}m", minutes / 60, minutes % 60);
    }
    let hours = minutes / 60;
    format!("{}d {:02}h", hours / 24, hours % 24)
}

/// [`duration()`] of milliseconds; what is not a span of time reads as none.
pub(super) fn milliseconds(span: f64) -> String {
    duration(Duration::try_from_secs_f64(span / 1000.0).unwrap_or_default())
}

/// `1 check`, `2 checks`.
#[must_use]
pub fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}

/// More of what a host said is in the JSON card.
const LONGEST: usize = 500;

/// The beginning of a text that is too long for a card.
pub(super) fn shortened(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(LONGEST).collect();
    match chars.count() {
        0 => start,
        more => format!("{start} ({more} more characters in the JSON card)"),
    }
}

/// A fact's value with its unit, which its name tells: `_ms`, `_s`, `_bytes`
/// or `_percent`. Times are shown in `zone`.
pub(super) fn fact(name: &str, value: &Value, zone: &TimeZone) -> String {
    match value {
        Value::Number(number) => quantity(name, *number),
        Value::Bool(value) => value.to_string(),
        Value::Text(text) => quoted(text),
        Value::Duration(span) => {
            let sign = if span.is_negative() { "-" } else { "" };
            format!("{sign}{}", duration(span.unsigned_abs()))
        }
        Value::Time(at) => time(*at, zone),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| fact(name, item, zone)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|(key, item)| format!("{}: {}", harmless(key), fact(key, item, zone)))
                .collect();
            format!("{{{}}}", items.join(", "))
        }
        Value::Json(json) => harmless(&json.to_string()).into_owned(),
    }
}

/// `2026-06-05 18:55:04 +08:00`.
pub(super) fn time(at: jiff::Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

/// Quotes keep an empty text and one with spaces apart from what surrounds it.
fn quoted(text: &str) -> String {
    let shown = harmless(text);
    let bare = !shown.is_empty() && !shown.contains([' ', ',', '"', '\'', '[', ']', '{', '}', '=']);
    if bare {
        shown.into_owned()
    } else {
        format!("'{}'", shown.replace('\'', "\\'"))
    }
}

fn quantity(name: &str, number: f64) -> String {
    if number.is_infinite() {
        // systemd's and Redis's word for a limit that there is not.
        let infinity = if number > 0.0 {
            "infinity"
        } else {
            "-infinity"
        };
        infinity.to_owned()
    } else if name.ends_with("_bytes") {
        bytes(number)
    } else if name.ends_with("_ms") {
        format!("{} ms", rounded(number))
    } else if name.ends_with("_s") {
        format!("{} s", rounded(number))
    } else if name.ends_with("_percent") {
        format!("{} %", rounded(number))
    } else {
        rounded(number)
    }
}

/// Four decimals at most; a float's tail is noise to a reader.
fn rounded(number: f64) -> String {
    let scaled = (number * 10_000.0).round() / 10_000.0;
    if scaled == 0.0 && number != 0.0 {
        return format!("{number:e}");
    }
    scaled.to_string()
}

fn bytes(number: f64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut scaled = number;
    let mut unit = "B";
    for larger in UNITS {
        if scaled.abs() < 1023.95 {
            break;
        }
        scaled /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{} B", rounded(number))
    } else {
        format!("{scaled:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::SignedDuration;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "0.0 ms")]
    #[case(400, "0.4 ms")]
    #[case(9_940, "9.9 ms")]
    #[case(9_960, "10 ms")]
    #[case(812_300, "812 ms")]
    #[case(999_400, "999 ms")]
    #[case(999_600, "1.0 s")]
    #[case(4_100_000, "4.1 s")]
    #[case(59_940_000, "59.9 s")]
    #[case(59_960_000, "1m 00s")]
    #[case(160_000_000, "2m 40s")]
    #[case(3_599_600_000, "1h 00m")]
    #[case(3_900_000_000, "1h 05m")]
    #[case(273_600_000_000, "3d 04h")]
    fn durations_round_into_the_next_unit(#[case] micros: u64, #[case] expected: &str) {
        assert_eq!(duration(Duration::from_micros(micros)), expected);
    }

    #[rstest]
    #[case("replica_lag", Value::Number(3.0), "3")]
    #[case("connect_ms", Value::Number(0.412_345_6), "0.4123 ms")]
    #[case("age_s", Value::Number(12.0), "12 s")]
    #[case("used_percent", Value::Number(83.5), "83.5 %")]
    #[case("free_bytes", Value::Number(512.0), "512 B")]
    #[case("memory_max_bytes", Value::Number(f64::INFINITY), "infinity")]
    #[case("free_bytes", Value::Number(1_288_490_188.8), "1.2 GiB")]
    #[case("free_bytes", Value::Number(-2048.0), "-2.0 KiB")]
    #[case("tiny", Value::Number(0.000_001), "1e-6")]
    #[case("version", Value::from("14.11"), "14.11")]
    #[case("state", Value::from(""), "''")]
    #[case("state", Value::from("it's up"), "'it\\'s up'")]
    #[case("state", Value::from("a\nb"), "'a b'")]
    #[case("uptime", Value::Duration(SignedDuration::from_secs(160)), "2m 40s")]
    #[case("drift", Value::Duration(SignedDuration::from_millis(-1500)), "-1.5 s")]
    #[case("ports", Value::List(vec![Value::Number(1.0), Value::Number(2.0)]), "[1, 2]")]
    #[case("json", Value::Json(serde_json::json!({"a": [1]})), "{\"a\":[1]}")]
    #[case(
        "limits",
        Value::Map(BTreeMap::from([("max_bytes".to_owned(), Value::Number(4096.0))])),
        "{max_bytes: 4.0 KiB}"
    )]
    fn facts_read_with_their_unit(#[case] name: &str, #[case] value: Value, #[case] shown: &str) {
        assert_eq!(fact(name, &value, &TimeZone::UTC), shown);
    }

    #[test]
    fn times_are_local_with_their_offset() {
        let at = jiff::Timestamp::from_second(1_780_656_904);
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(
            at.map(|at| fact("booted_at", &Value::Time(at), &zone)).ok(),
            Some("2026-06-05 18:55:04 +08:00".to_owned())
        );
    }
}
