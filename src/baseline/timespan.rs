//! Lengths of time as a baseline spells them: `500ms`, `5s`, `1h30m`, `2w`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// Units from the largest to the smallest, in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The `format` of a [`TimeSpan`]'s schema, which `conform` reads by [`parse`].
pub(super) const FORMAT: &str = "time-span";
/// The `format` of a [`PositiveTimeSpan`]'s schema.
pub(super) const POSITIVE_FORMAT: &str = "positive-time-span";

/// A length of time: whole numbers each with its unit, the largest unit first:
/// `500ms`, `5s`, `15m`, `1h30m`, `25h`, `1d`, `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    with = "String",
    extend("format" = FORMAT, "pattern" = PATTERN, "x-expected" = "a duration such as 5s", "x-unit" = "s")
)]
pub(super) struct TimeSpan(pub(super) Duration);

/// A length of time above zero: `500ms`, `5s`, `15m`, `1h30m`, `25h`, `1d`, `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    with = "String",
    extend("format" = POSITIVE_FORMAT, "pattern" = PATTERN, "x-expected" = "a duration such as 5s", "x-unit" = "s")
)]
pub(super) struct PositiveTimeSpan(pub(super) Duration);

const PATTERN: &str = r"^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

impl TryFrom<String> for TimeSpan {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse(&text).map(Self)
    }
}

impl TryFrom<String> for PositiveTimeSpan {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse(&text).and_then(positive).map(Self)
    }
}

/// The length of time that `text` spells: `500ms`, `5s`, `1h30m`, `2w`.
///
/// # Errors
/// What was expected, as a message.
pub fn parse(text: &str) -> Result<Duration, String> {
    let unlike = || format!("expected a duration such as 5s, saw `{text}`");
    let mut total: u64 = 0;
    let mut rest = text;
    let mut units = UNITS.as_slice();
    if rest.is_empty() {
        return Err(unlike());
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (count, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| !c.is_ascii_lowercase())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        // Only the units below the last one are left: `5s1h` and `1s1s` are slips.
        let place = units
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(unlike)?;
        if count.is_empty() {
            return Err(unlike());
        }
        let milliseconds = count
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(units[place].1))
            .and_then(|part| total.checked_add(part))
            .filter(|sum| *sum <= MOST);
        total = milliseconds
            .ok_or_else(|| format!("the duration `{text}` is longer than a hundred years"))?;
        units = &units[place + 1..];
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

/// A hundred years in milliseconds. Deadlines are sums of durations and
/// instants, which overflow far above it.
const MOST: u64 = 100 * 365 * 86_400_000;

/// The same length of time, when it is one.
///
/// # Errors
/// That zero is too short, as a message: for any place, be it the time for an
/// answer or what may be lost.
pub(super) fn positive(span: Duration) -> Result<Duration, String> {
    if span.is_zero() {
        Err("a duration has to be longer than zero here".to_owned())
    } else {
        Ok(span)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("500ms", 500)]
    #[case("5s", 5_000)]
    #[case("15m", 900_000)]
    #[case("1h30m", 5_400_000)]
    #[case("25h", 90_000_000)]
    #[case("1d", 86_400_000)]
    #[case("2w", 1_209_600_000)]
    #[case("1w1d1h1m1s1ms", 694_861_001)]
    #[case("0s", 0)]
    fn read(#[case] text: &str, #[case] milliseconds: u64) {
        assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)));
        let pattern = regex::Regex::new(PATTERN).unwrap_or_else(|error| panic!("{error}"));
        assert!(pattern.is_match(text));
    }

    #[rstest]
    fn refused(
        #[values(
            "",
            "5",
            "s",
            "-5s",
            "+5s",
            "5 s",
            "1.5s",
            "5S",
            "5s1h",
            "1s1s",
            "5sec",
            "5s ",
            "\u{665}s",
            "99999999999999999999s",
            "6000w"
        )]
        text: &str,
    ) {
        assert!(parse(text).is_err());
    }

    #[test]
    fn zero_is_not_positive() {
        assert!(positive(Duration::ZERO).is_err());
        assert_eq!(
            positive(Duration::from_millis(1)),
            Ok(Duration::from_millis(1))
        );
    }
}
