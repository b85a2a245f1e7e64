//! Names with a date in them, as backups and snapshots have: which names are
//! of a pattern, and what moment each stands for; and the host's clock.

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use regex::{Captures, Regex};

use crate::probe::{FactSpec, Facts, HOST_NOW, Type};

/// How long after the day in its name a thing may be changed and count as begun on it.
const OVER_MIDNIGHT: SignedDuration = SignedDuration::from_hours(24);

/// What stands in a pattern for the date.
const PLACE: &str = "{date}";

/// The letters that a format may have, as the manual of `strftime` has them.
const LETTERS: &str = "%Y %y %m %d %j %H %M %S %s %F %R %T %%";

/// A name with a date in it.
#[derive(Debug)]
pub(super) struct Dated {
    regex: Regex,
    glob: String,
    /// It has a date, and this is how exactly that tells the moment.
    stamp: Option<Exact>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exact {
    /// Only the day.
    Day,
    /// Hours at least.
    Time,
}

/// The moment that a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The name has no date.
    None,
    /// The name tells no more than that it is after the first and before the
    /// second.
    Day(Timestamp, Timestamp),
    /// The name tells it.
    At(Timestamp),
}

impl Moment {
    /// The moment, with the help of when the thing was last changed: where the
    /// name tells the day alone, a change on that day tells the time of it. What was
    /// begun late on that day and ended after midnight is of its last second; a change
    /// more than a day after it, as by a copy, tells nothing, and the day has begun.
    pub(super) fn with_change(self, changed: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Day(start, end) if (start..end).contains(&changed) => changed,
            Self::Day(start, end)
                if changed >= end && changed.duration_since(end) < OVER_MIDNIGHT =>
            {
                end.checked_sub(SignedDuration::from_secs(1))
                    .unwrap_or(start)
            }
            Self::Day(start, _) => start,
            Self::None => changed,
        }
    }
}

impl Dated {
    /// Reads `name`: `{date}` stands for a date in `format`, `*` for any text.
    ///
    /// # Errors
    /// What is wrong with it: a letter of the format that is not known, a
    /// format that does not tell the day, two dates.
    pub(super) fn new(name: &str, format: &str) -> Result<Self, String> {
        let parts: Vec<&str> = name.split(PLACE).collect();
        let (date, stamp) = match parts.len() {
            1 => (String::new(), None),
            2 => {
                let (date, exact) = expression(format)?;
                (date, Some(exact))
            }
            _ => return Err(format!("{name:?} has more than one {PLACE}")),
        };
        let literal = |part: &&str| {
            let pieces: Vec<String> = part.split('*').map(regex::escape).collect();
            pieces.join(".*")
        };
        let escaped: Vec<String> = parts.iter().map(literal).collect();
        let regex = Regex::new(&format!("(?s)^{}$", escaped.join(&date)))
            .map_err(|_| format!("{format:?} has the same letter twice"))?;
        let glob = parts.iter().map(|part| {
            part.chars().fold(String::new(), |mut glob, next| {
                if matches!(next, '?' | '[' | ']' | '\\') {
                    glob.push('\\');
                }
                glob.push(next);
                glob
            })
        });
        let glob: Vec<String> = glob.collect();
        Ok(Self {
            regex,
            glob: glob.join("*"),
            stamp,
        })
    }

    /// The pattern as a shell has it, which other names fit too.
    pub(super) fn glob(&self) -> &str {
        &self.glob
    }

    /// What moment `name` stands for; nothing when it is not of the pattern.
    /// A date that there is not, such as the 31st of June, is none.
    pub(super) fn read(&self, name: &str, zone: &TimeZone) -> Option<Moment> {
        let captures = self.regex.captures(name)?;
        let Some(exact) = self.stamp else {
            return Some(Moment::None);
        };
        moment(&captures, exact, zone)
    }
}

fn moment(captures: &Captures<'_>, exact: Exact, zone: &TimeZone) -> Option<Moment> {
    let number = |letter: &str| -> Option<i16> { captures.name(letter)?.as_str().parse().ok() };
    if let Some(seconds) = captures.name("s") {
        let seconds = seconds.as_str().parse().ok()?;
        return Timestamp::from_second(seconds).ok().map(Moment::At);
    }
    let year = number("Y").or_else(|| Some(2000 + number("y")?))?;
    let small = |letter: &str| number(letter).and_then(|number| i8::try_from(number).ok());
    let date = match number("j") {
        Some(day) => Date::new(year, 1, 1)
            .ok()?
            .with()
            .day_of_year(day)
            .build()
            .ok()?,
        None => Date::new(year, small("m")?, small("d")?).ok()?,
    };
    let at = |date: Date, hour, minute, second| {
        let civil = date.to_datetime(jiff::civil::Time::new(hour, minute, second, 0).ok()?);
        Some(zone.to_zoned(civil).ok()?.timestamp())
    };
    match exact {
        Exact::Day => Some(Moment::Day(
            at(date, 0, 0, 0)?,
            at(date.tomorrow().ok()?, 0, 0, 0)?,
        )),
        Exact::Time => {
            let part = |letter| small(letter).unwrap_or(0);
            at(date, part("H"), part("M"), part("S")).map(Moment::At)
        }
    }
}

/// The regular expression of a format, each letter a group of its name.
fn expression(format: &str) -> Result<(String, Exact), String> {
    let spelt_out = format
        .replace("%F", "%Y-%m-%d")
        .replace("%T", "%H:%M:%S")
        .replace("%R", "%H:%M");
    let (mut expression, mut letters) = (String::new(), String::new());
    let mut rest = spelt_out.chars();
    while let Some(next) = rest.next() {
        if next != '%' {
            expression.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
            continue;
        }
        let letter = rest.next();
        let digits = match letter {
            Some('%') => {
                expression.push('%');
                continue;
            }
            Some('Y') => "{4}",
            Some('j') => "{3}",
            Some('y' | 'm' | 'd' | 'H' | 'M' | 'S') => "{2}",
            // From 1973 to 2286.
            Some('s') => "{9,10}",
            _ => {
                let letter = letter.map(String::from).unwrap_or_default();
                return Err(format!(
                    "%{letter} is not read in a date; what is: {LETTERS}"
                ));
            }
        };
        let letter = letter.unwrap_or_default();
        letters.push(letter);
        expression.push_str(&format!("(?P<{letter}>[0-9]{digits})"));
    }
    let has = |letter| letters.contains(letter);
    let day = (has('Y') || has('y')) && (has('j') || (has('m') && has('d')));
    if !day && !has('s') {
        return Err(format!(
            "{format:?} does not tell the day: it needs %Y%m%d, %F, %j with %Y, or %s"
        ));
    }
    let exact = if has('s') || has('H') {
        Exact::Time
    } else {
        Exact::Day
    };
    Ok((expression, exact))
}

/// The host's clock as a fact.
pub(super) const NOW: FactSpec = FactSpec::new(
    HOST_NOW,
    Type::Time,
    "What the host's own clock said at this look; `fresh` tells ages by it.",
);

/// Sets it, of the clock in seconds since 1970.
pub(super) fn set_now(now: Option<i64>, facts: &mut Facts) {
    let now = now.and_then(|now| Timestamp::from_second(now).ok());
    facts.set_some(HOST_NOW, now);
}

/// The clock of a host, from `date '+%s %z'`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HostClock {
    /// In seconds since 1970.
    pub(super) now: i64,
    /// The host's own zone, as far as it is known: how far its clock is from UTC now.
    pub(super) zone: TimeZone,
}

/// The host's clock and how far it is from UTC.
pub(super) fn clock() -> Vec<String> {
    ["date", "+%s %z"].map(str::to_owned).to_vec()
}

impl HostClock {
    /// What [`clock`] printed.
    pub(super) fn parse(printed: &str) -> Option<Self> {
        let (now, offset) = printed.trim().split_once(' ')?;
        let (sign, digits) = match offset.split_at_checked(1)? {
            ("+", digits) => (1, digits),
            ("-", digits) => (-1, digits),
            _ => return None,
        };
        if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits: i32 = digits.parse().ok()?;
        let seconds = sign * (digits / 100 * 3600 + digits % 100 * 60);
        Some(Self {
            now: now.parse().ok()?,
            zone: TimeZone::fixed(Offset::from_seconds(seconds).ok()?),
        })
    }
}

/// The zone of that name.
///
/// # Errors
/// There is none in this machine's zone database.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("{name:?} is no time zone that this machine knows"))
}

/// What to write for a zone.
pub(super) const ZONES: &str = "a name of the IANA database, such as `Asia/Taipei` or `UTC`";

#[cfg(test)]
mod tests;
