//! What a query comes to, now and over a while.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::answer::{self, Answered, Instant, Point, Range, Told};
use crate::probe::kinds::alerts::{Labels, count, list};
use crate::probe::kinds::api::Asking;
use crate::probe::kinds::exposition::Series;
use crate::probe::{Defaults, Facts, Fault, FaultKind, Value};

pub(super) const PATH: &str = "api/v1/query";

/// A query of the options.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) text: &'a str,
    /// How far back, and how far apart, in seconds.
    pub(super) range: Option<(u64, u64)>,
    /// The label by whose value series are told.
    pub(super) by: Option<&'a str>,
    /// The selector whose samples' times are told.
    pub(super) times_of: Option<&'a str>,
}

/// What a range query has ahead of the query of the options.
const AHEAD: &str = "(";

impl<'a> Query<'a> {
    /// A subquery and not the endpoint for ranges, which wants to be told what time it is: by
    /// the clock of this machine, and the server's may be another.
    fn sent(&self) -> String {
        match self.range {
            None => self.text.to_owned(),
            // Behind a comment at its end, a bracket would be a part of it.
            Some((range, step)) => format!("{AHEAD}{}\n)[{range}s:{step}s]", self.text),
        }
    }

    /// The query for the times of samples. The time in the answer to any other is that of the
    /// question, however old the sample is.
    fn times(&self) -> Option<String> {
        let selector = match self.times_of {
            Some(given) => given,
            None if self.range.is_none() && is_selector(self.text) => self.text,
            None => return None,
        };
        Some(format!("timestamp({selector}\n)"))
    }

    /// Path and parameters of each question, in order.
    pub(super) fn questions(&self) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        [Some(self.sent()), self.times()]
            .into_iter()
            .flatten()
            .map(|query| (PATH, vec![("query", query)]))
            .collect()
    }

    pub(super) fn defaults(&self) -> Defaults {
        // What is NaN is neither above nor below anything, so no comparison could tell of it.
        let mut require = vec!["!absent".to_owned(), "size(not_a_number) == 0".to_owned()];
        if self.by.is_some() {
            require.push("size(duplicates) == 0".to_owned());
        }
        let gaps = self.range.map(|_| "gaps == 0".to_owned());
        // A division by zero. It may be meant: the days until a disk that does not fill is full.
        let finite = "size(infinite) == 0".to_owned();
        let sound = "size(warnings) == 0".to_owned();
        Defaults {
            require,
            prefer: gaps.into_iter().chain([finite, sound]).collect(),
        }
    }

    pub(super) async fn facts(&self, asking: &Asking<'_>) -> Result<Facts, Fault> {
        let before = self.range.map_or(0, |_| AHEAD.len());
        let sent = self.sent();
        let told: Told<Answered> = answer::ask(asking, PATH, &[("query", &sent)])
            .await
            .map_err(|fault| answer::located(fault, self.text, before))?;
        let mut facts = Facts::new();
        match &told.data {
            Answered::Vector(series) => {
                let series = series.iter().map(|one| (&one.metric, one.value.as_ref()));
                self.set_now(series.collect(), &mut facts);
            }
            Answered::Scalar(point) => {
                self.set_now(vec![(&Labels::new(), Some(point))], &mut facts);
            }
            Answered::Matrix(series) => self.set_over_time(series, &mut facts),
            Answered::String(_) => {
                return Err(Fault::new(
                    FaultKind::LocalSetup,
                    "the query gives a text, and no number",
                ));
            }
        }
        facts.set("warnings", list(told.warnings));
        facts.set("infos", list(told.infos));
        if let Some(times) = self.times() {
            let of = self.times_of.unwrap_or(self.text);
            let told: Result<Told<Answered>, Fault> =
                answer::ask(asking, PATH, &[("query", &times)]).await;
            match told {
                Ok(told) => {
                    if let Answered::Vector(series) = &told.data {
                        set_times(series, &mut facts);
                    }
                }
                // `timestamp()` takes the names away, and series of several metrics may be
                // alike then. Nobody asked for their times: the query itself has its answer.
                Err(fault) if self.times_of.is_none() && fault.kind == FaultKind::Protocol => {}
                Err(fault) => return Err(answer::located(fault, of, "timestamp(".len())),
            }
        }
        told.reply.set_clock(&mut facts);
        Ok(facts)
    }

    fn key(&self, labels: &Labels) -> String {
        if let Some(by) = self.by {
            return labels.get(by).cloned().unwrap_or_default();
        }
        let mut labels = labels.clone();
        let name = labels.remove("__name__").unwrap_or_default();
        Series::new(&name, labels).key()
    }

    /// A map by series, without those that share their key.
    fn map<T>(&self, of: Vec<(&Labels, T)>) -> (BTreeMap<String, T>, Vec<String>) {
        let mut all: BTreeMap<String, Option<T>> = BTreeMap::new();
        for (labels, value) in of {
            all.entry(self.key(labels))
                .and_modify(|only| *only = None)
                .or_insert(Some(value));
        }
        let twice = all.iter().filter(|(_, value)| value.is_none());
        let twice = twice.map(|(key, _)| key.clone()).collect();
        let once = all
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        (once.collect(), twice)
    }

    fn set_now(&self, series: Vec<(&Labels, Option<&Point>)>, facts: &mut Facts) {
        facts.set("absent", series.is_empty());
        facts.set("series", count(series.len()));
        let numbers: Vec<(&Labels, Option<f64>)> = series
            .into_iter()
            .map(|(labels, point)| (labels, point.and_then(Point::value)))
            .collect();
        if let [(_, Some(only))] = numbers.as_slice() {
            facts.set("value", *only);
        }
        set_extremes(numbers.iter().filter_map(|(_, value)| *value), facts);
        let those = |are: fn(Option<f64>) -> bool| {
            let those = numbers.iter().filter(move |(_, value)| are(*value));
            list(those.map(|(labels, _)| self.key(labels)))
        };
        facts.set("not_a_number", those(|value| value.is_none()));
        facts.set(
            "infinite",
            those(|value| value.is_some_and(f64::is_infinite)),
        );
        let (values, twice) = self.map(numbers);
        facts.set("values", numbers_of(values));
        facts.set("duplicates", list(twice));
    }

    fn set_over_time(&self, series: &[Range], facts: &mut Facts) {
        let seen: Vec<(&Labels, Course)> = series
            .iter()
            .map(|one| (&one.metric, Course::of(&one.values)))
            .collect();
        facts.set("absent", seen.iter().all(|(_, course)| course.samples == 0));
        facts.set("series", count(seen.len()));
        let samples = seen.iter().map(|(_, course)| course.samples).sum();
        facts.set("samples", count(samples));
        let courses = || seen.iter().map(|(_, course)| course);
        set_extremes(
            courses().flat_map(|course| course.extremes).flatten(),
            facts,
        );
        if let [(_, only)] = seen.as_slice() {
            facts.set_some("first", only.first);
            facts.set_some("last", only.last);
            facts.set_some("value", only.last);
            facts.set_some("increase", only.increase());
        }
        // Of one sample nothing is known of where it goes.
        if !seen.is_empty() && courses().all(|course| course.samples > 1) {
            facts.set("not_increasing", courses().all(|course| !course.rises));
        }
        // Where there is no series, nobody knows how many there should be.
        if let Some((range, step)) = self.range.filter(|_| !seen.is_empty()) {
            let wanted = usize::try_from(range / step).unwrap_or(usize::MAX);
            let gaps = courses().map(|course| wanted.saturating_sub(course.samples));
            facts.set("gaps", count(gaps.sum()));
        }
        let farthest = courses()
            .filter_map(|course| course.longest)
            .reduce(f64::max);
        facts.set_some("longest_gap_s", farthest);
        let times = || courses().filter_map(|course| course.times);
        let first = times().map(|(first, _)| first).reduce(f64::min);
        let last = times().map(|(_, last)| last).reduce(f64::max);
        facts.set_some("oldest_sample_at", first.and_then(moment));
        facts.set_some("newest_sample_at", last.and_then(moment));
        let those = |are: fn(&Course) -> bool| {
            let those = seen.iter().filter(move |(_, course)| are(course));
            list(those.map(|(labels, _)| self.key(labels)))
        };
        facts.set("not_a_number", those(|course| course.without));
        facts.set("infinite", those(Course::is_infinite));
        let ends = seen.iter().map(|(labels, course)| (*labels, course.last));
        let (values, twice) = self.map(ends.collect());
        facts.set("values", numbers_of(values));
        facts.set("duplicates", list(twice));
        let increases = seen
            .iter()
            .map(|(labels, course)| (*labels, course.increase()));
        facts.set("increases", numbers_of(self.map(increases.collect()).0));
    }
}

/// What one series did over the range.
#[derive(Debug, Default)]
struct Course {
    /// Those that are numbers.
    samples: usize,
    first: Option<f64>,
    last: Option<f64>,
    extremes: [Option<f64>; 2],
    rises: bool,
    /// The longest time between two samples.
    longest: Option<f64>,
    times: Option<(f64, f64)>,
    /// Some samples are no numbers.
    without: bool,
}

impl Course {
    fn of(points: &[Point]) -> Self {
        let mut course = Self::default();
        let mut before: Option<(f64, f64)> = None;
        for point in points {
            let Some(value) = point.value() else {
                course.without = true;
                continue;
            };
            let at = point.seconds();
            course.samples += 1;
            course.first.get_or_insert(value);
            course.last = Some(value);
            let [least, most] = course.extremes;
            course.extremes = [
                Some(least.map_or(value, |least| least.min(value))),
                Some(most.map_or(value, |most| most.max(value))),
            ];
            course.times = Some((course.times.map_or(at, |(first, _)| first), at));
            if let Some((then, value_then)) = before {
                course.rises |= value > value_then;
                let apart = at - then;
                course.longest = Some(course.longest.map_or(apart, |most| most.max(apart)));
            }
            before = Some((at, value));
        }
        // A histogram has its samples elsewhere.
        course.without |= points.is_empty();
        course
    }

    /// Some samples are infinite.
    fn is_infinite(&self) -> bool {
        self.extremes.into_iter().flatten().any(f64::is_infinite)
    }

    fn increase(&self) -> Option<f64> {
        let increase = self.last? - self.first?;
        (self.samples > 1 && !increase.is_nan()).then_some(increase)
    }
}

fn set_extremes(values: impl Iterator<Item = f64> + Clone, facts: &mut Facts) {
    facts.set_some("min", values.clone().reduce(f64::min));
    facts.set_some("max", values.reduce(f64::max));
}

fn numbers_of(values: BTreeMap<String, Option<f64>>) -> Value {
    let numbers = values.into_iter();
    let numbers = numbers.filter_map(|(key, value)| Some((key, Value::Number(value?))));
    Value::Map(numbers.collect())
}

fn set_times(series: &[Instant], facts: &mut Facts) {
    let times = || {
        let points = series.iter().filter_map(|one| one.value.as_ref());
        points.filter_map(Point::value)
    };
    facts.set_some(
        "oldest_sample_at",
        times().reduce(f64::min).and_then(moment),
    );
    facts.set_some(
        "newest_sample_at",
        times().reduce(f64::max).and_then(moment),
    );
}

/// A time of seconds since 1970; none beyond the year 9999.
fn moment(seconds: f64) -> Option<Timestamp> {
    let since = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(since).ok()
}

/// Whether `timestamp()` of it tells when samples were taken: a metric's name, labels, or both.
pub(super) fn is_selector(query: &str) -> bool {
    let query = query.trim();
    let end = query
        .find(|next: char| !next.is_ascii_alphanumeric() && next != '_' && next != ':')
        .unwrap_or(query.len());
    let (name, rest) = query.split_at(end);
    let is_number = name.starts_with(|first: char| first.is_ascii_digit())
        || ["inf", "nan"]
            .iter()
            .any(|number| name.eq_ignore_ascii_case(number));
    let Some(labels) = rest.trim_start().strip_prefix('{') else {
        return rest.is_empty() && !name.is_empty() && !is_number;
    };
    if is_number {
        return false;
    }
    let mut quote = None;
    let mut letters = labels.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some('"' | '\''), '\\') => {
                letters.next();
            }
            (Some(open), letter) if letter == open => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(letter),
            (None, '}') => return at + 1 == labels.len(),
            (None, '#' | '{') => return false,
            _ => {}
        }
    }
    false
}
