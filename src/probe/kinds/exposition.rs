//! Prometheus' text exposition format, version 0.0.4
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>), read by lines: what
//! is wrong with one leaves the others readable.

pub(in crate::probe::kinds) mod told;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What a file tells.
#[derive(Debug, Default, PartialEq)]
pub(in crate::probe::kinds) struct Exposition {
    /// By series, see [`Series::key`]. Those that are there twice are not.
    pub(in crate::probe::kinds) samples: BTreeMap<String, Sample>,
    /// Type by metric.
    pub(in crate::probe::kinds) types: BTreeMap<String, String>,
    /// Series that are there more than once.
    pub(in crate::probe::kinds) duplicates: BTreeSet<String>,
    /// What Prometheus would refuse: `line 7: …`, the first ones.
    pub(in crate::probe::kinds) errors: Vec<String>,
    pub(in crate::probe::kinds) error_count: usize,
    /// There is more than was read.
    pub(in crate::probe::kinds) truncated: bool,
}

/// A value of a series.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::probe::kinds) struct Sample {
    /// The metric's name, without labels.
    pub(in crate::probe::kinds) name: String,
    pub(in crate::probe::kinds) value: f64,
    /// Milliseconds since 1970, where the line tells a time.
    pub(in crate::probe::kinds) time: Option<i64>,
}

/// A metric with its labels.
#[derive(Debug, PartialEq)]
pub(in crate::probe::kinds) struct Series {
    pub(in crate::probe::kinds) name: String,
    labels: BTreeMap<String, String>,
}

impl Series {
    pub(in crate::probe::kinds) fn new(name: &str, labels: BTreeMap<String, String>) -> Self {
        Self {
            name: name.to_owned(),
            labels,
        }
    }

    /// `name` or `name{a="1",b="2"}`, labels by name, values escaped as in the format.
    pub(in crate::probe::kinds) fn key(&self) -> String {
        if self.labels.is_empty() {
            return self.name.clone();
        }
        let labels = self.labels.iter().map(|(name, value)| {
            let value = value
                .replace('\\', r"\\")
                .replace('"', "\\\"")
                .replace('\n', r"\n");
            format!("{name}=\"{value}\"")
        });
        format!("{}{{{}}}", self.name, labels.collect::<Vec<_>>().join(","))
    }

    /// A series as a user names it: white space and the order of labels do not matter.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::probe::kinds) fn parse(text: &str) -> Result<Self, String> {
        let (series, rest) = series(text.trim())?;
        if rest.trim().is_empty() {
            Ok(series)
        } else {
            Err(format!("{:?} after the series", rest.trim()))
        }
    }
}

/// As many lines as are read.
pub(in crate::probe::kinds) const MOST_LINES: usize = 100_000;

/// As many errors as are told.
const MOST_ERRORS: usize = 20;

const TYPES: [&str; 5] = ["counter", "gauge", "histogram", "summary", "untyped"];

/// Reads `bytes`, of which `more` were left unread.
pub(in crate::probe::kinds) fn read(bytes: &[u8], more: bool) -> Exposition {
    let mut told = Exposition {
        truncated: more,
        ..Exposition::default()
    };
    let mut state = State::default();
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').enumerate();
    for (n, line) in lines.by_ref().take(MOST_LINES) {
        let result = match line.strip_suffix(b"\n") {
            Some(line) => match std::str::from_utf8(line) {
                Ok(line) => state.line(line, &mut told),
                Err(_) => Err("it is not UTF-8".to_owned()),
            },
            // What stands there may be the half of a number.
            None if more => Ok(()),
            None => Err("the last line has no end: the file may be cut off".to_owned()),
        };
        if let Err(error) = result {
            told.error_count += 1;
            if told.errors.len() < MOST_ERRORS {
                told.errors.push(format!("line {}: {error}", n + 1));
            }
        }
    }
    told.truncated |= lines.next().is_some();
    told.samples.retain(|key, _| !told.duplicates.contains(key));
    told
}

#[derive(Debug, Default)]
struct State {
    helped: BTreeSet<String>,
    /// Names of metrics that have had a sample.
    sampled: BTreeSet<String>,
    returned: bool,
}

impl State {
    fn line(&mut self, line: &str, told: &mut Exposition) -> Result<(), String> {
        let line = line.trim_start_matches([' ', '\t']);
        if let Some(comment) = line.strip_prefix('#') {
            return self.comment(comment, told);
        }
        let plain = line.strip_suffix('\r').unwrap_or(line);
        if !plain.trim_matches([' ', '\t']).is_empty() {
            let (series, sample) = sample(plain)?;
            match told.samples.entry(series.key()) {
                Entry::Occupied(known) => {
                    told.duplicates.insert(known.key().clone());
                }
                Entry::Vacant(free) => {
                    self.sampled.insert(sample.name.clone());
                    free.insert(sample);
                }
            }
        }
        // One is enough: all lines of such a file have it.
        if plain.len() < line.len() && !std::mem::replace(&mut self.returned, true) {
            return Err("a carriage return at its end, which Prometheus refuses".to_owned());
        }
        Ok(())
    }

    fn comment(&mut self, comment: &str, told: &mut Exposition) -> Result<(), String> {
        let mut words = comment
            .split([' ', '\t', '\r'])
            .filter(|word| !word.is_empty());
        let keyword = words.next();
        if !matches!(keyword, Some("HELP" | "TYPE")) {
            return Ok(());
        }
        let name = words.next().ok_or("HELP or TYPE of no metric")?;
        if !is_name(name, true) {
            return Err(format!("{name:?} is no name of a metric"));
        }
        if keyword == Some("HELP") {
            return if self.helped.insert(name.to_owned()) {
                Ok(())
            } else {
                Err(format!("a second HELP of {name}"))
            };
        }
        let ty = words.next().unwrap_or_default().to_lowercase();
        if !TYPES.contains(&ty.as_str()) || words.next().is_some() {
            return Err(format!("{name} has no type that there is"));
        }
        if self.sampled.contains(name) {
            return Err(format!("the TYPE of {name} after its samples"));
        }
        match told.types.insert(name.to_owned(), ty) {
            None => Ok(()),
            Some(_) => Err(format!("a second TYPE of {name}")),
        }
    }
}

fn is_name(text: &str, colons: bool) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || colons && byte == b':';
    !text.is_empty() && !text.as_bytes()[0].is_ascii_digit() && text.bytes().all(allowed)
}

/// Splits off the longest start that could be a name.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|next: char| !next.is_ascii_alphanumeric() && !"_:".contains(next));
    text.split_at(end.unwrap_or(text.len()))
}

fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn series(text: &str) -> Result<(Series, &str), String> {
    let (name, rest) = word(text);
    if !is_name(name, true) {
        return Err("it does not begin with the name of a metric".to_owned());
    }
    let mut series = Series {
        name: name.to_owned(),
        labels: BTreeMap::new(),
    };
    let Some(mut rest) = blank(rest).strip_prefix('{') else {
        return Ok((series, rest));
    };
    loop {
        rest = blank(rest);
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((series, after));
        }
        let (label, after) = word(rest);
        if !is_name(label, false) {
            return Err(format!("a label of {name} has no name that there can be"));
        }
        let value = blank(after)
            .strip_prefix('=')
            .and_then(|after| blank(after).strip_prefix('"'))
            .ok_or_else(|| format!("the label {label} of {name} has no value in quotes"))?;
        let (value, after) = quoted(value)
            .ok_or_else(|| format!("the value of the label {label} of {name} does not end"))??;
        if series.labels.insert(label.to_owned(), value).is_some() {
            return Err(format!("the label {label} of {name} is there twice"));
        }
        rest = blank(after);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return Err(format!("the labels of {name} do not end")),
        }
    }
}

/// The text up to the closing quote, unescaped, and what follows; None without one.
fn quoted(text: &str) -> Option<Result<(String, &str), String>> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some(Ok((value, &text[at + 1..]))),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                same @ ('\\' | '"') => value.push(same),
                other => return Some(Err(format!("\\{other} means nothing in a label"))),
            },
            letter => value.push(letter),
        }
    }
    None
}

fn sample(line: &str) -> Result<(Series, Sample), String> {
    let (series, rest) = series(line)?;
    let name = series.name.clone();
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let value = words.next().ok_or_else(|| format!("{name} has no value"))?;
    let value = number(value).ok_or_else(|| format!("the value of {name} is no number"))?;
    let time = words
        .next()
        .map(|time| {
            time.parse()
                .map_err(|_| format!("the time of {name} is no whole number of milliseconds"))
        })
        .transpose()?;
    if words.next().is_some() {
        return Err(format!("something follows the time of {name}"));
    }
    Ok((series, Sample { name, value, time }))
}

/// As Go's `ParseFloat` has it; digits that make an infinite number are none.
fn number(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    let digits = text.bytes().any(|byte| byte.is_ascii_digit());
    (number.is_finite() || !digits).then_some(number)
}
