//! The lines of crontabs, as crontab(5) has them.

/// When an entry runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Schedule {
    /// Bit n is set where n is among the minutes, hours, days of the month,
    /// months, days of the week; then whether either day begins with `*`.
    Times([u64; 5], [bool; 2]),
    /// When cron starts.
    Reboot,
}

/// The lowest and highest number of a field, and its names from the lowest on.
const FIELDS: [(u32, u32, &[&str]); 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (
        1,
        12,
        &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    ),
    (0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

impl Schedule {
    /// Five fields, or `@daily` and its like.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with('@') {
            return Self::parse(match text.to_lowercase().as_str() {
                "@reboot" => return Some(Self::Reboot),
                "@yearly" | "@annually" => "0 0 1 1 *",
                "@monthly" => "0 0 1 * *",
                "@weekly" => "0 0 * * 0",
                "@daily" | "@midnight" => "0 0 * * *",
                "@hourly" => "0 * * * *",
                _ => return None,
            });
        }
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let words: [&str; 5] = words.try_into().ok()?;
        let mut sets = [0; 5];
        for ((set, word), field) in sets.iter_mut().zip(words).zip(FIELDS) {
            *set = numbers(word, field)?;
        }
        // Sunday is 0 and 7.
        let sunday = sets[4] & 0x81;
        sets[4] = sets[4] & 0x7f | u64::from(sunday != 0);
        let any = [words[2].starts_with('*'), words[4].starts_with('*')];
        Some(Self::Times(sets, any))
    }
}

fn numbers(text: &str, (low, high, names): (u32, u32, &[&str])) -> Option<u64> {
    let number = |word: &str| -> Option<u32> {
        let name = names
            .iter()
            .position(|name| word.eq_ignore_ascii_case(name));
        match name {
            Some(at) => Some(low + u32::try_from(at).ok()?),
            None if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) => {
                word.parse().ok().filter(|n| (low..=high).contains(n))
            }
            None => None,
        }
    };
    let mut set = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let plain = step.bytes().all(|byte| byte.is_ascii_digit());
                (
                    range,
                    step.parse::<usize>().ok().filter(|&n| plain && n > 0)?,
                )
            }
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((first, last)) => (number(first)?, number(last)?),
            // A step needs a range to go through.
            None if part.contains('/') => return None,
            None => (number(range)?, number(range)?),
        };
        if first > last {
            return None;
        }
        for n in (first..=last).step_by(step) {
            set |= 1 << n;
        }
    }
    Some(set)
}

/// What a line of a crontab is.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    /// A comment, a variable, nothing.
    Other,
    /// Five fields or a name such as `@daily`, and what is run.
    Entry(String, &'a str),
    /// What no cron takes.
    Malformed,
}

/// Reads a line; in `/etc` a user's name stands before the command.
pub(super) fn line(text: &str, with_user: bool) -> Line<'_> {
    let text = text.trim_start();
    if text.is_empty() || text.starts_with('#') {
        return Line::Other;
    }
    if text.starts_with(|first: char| first.is_ascii_alphabetic() || "_\"'".contains(first)) {
        let name = text.split('=').next().unwrap_or_default();
        let name = name.trim_matches([' ', '\t', '"', '\'']);
        let plain = |next: char| next.is_ascii_alphanumeric() || next == '_';
        return if text.contains('=') && name.chars().all(plain) {
            Line::Other
        } else {
            Line::Malformed
        };
    }
    let mut words = 5;
    if text.starts_with('@') {
        words = 1;
    }
    let mut rest = text;
    let mut schedule = Vec::new();
    for _ in 0..words {
        let (word, after) = first_word(rest);
        schedule.push(word);
        rest = after;
    }
    let schedule = schedule.join(" ");
    if with_user {
        rest = first_word(rest).1;
    }
    // With `-` in front, cronie does not log the entry.
    let plain = schedule.strip_prefix('-').unwrap_or(&schedule);
    if rest.is_empty() || Schedule::parse(plain).is_none() {
        return Line::Malformed;
    }
    Line::Entry(plain.to_owned(), rest)
}

fn first_word(text: &str) -> (&str, &str) {
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim())
}
