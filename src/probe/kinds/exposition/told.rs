//! The facts of a page or a file of metrics.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Exposition, Sample, Series};
use crate::probe::{Facts, OptionProblem, Value};

/// What the options want to know of one.
#[derive(Debug, Clone, Copy)]
pub(in crate::probe::kinds) struct Wanted<'a> {
    /// Names of the metrics to tell; all when there are none.
    pub(in crate::probe::kinds) only: &'a [String],
    /// The series whose value is a time.
    pub(in crate::probe::kinds) age_of: Option<&'a str>,
}

/// The year 5138 in seconds: beyond it a value is in milliseconds, or none.
const NO_SECONDS: f64 = 1e11;

impl Wanted<'_> {
    /// What is wrong with the options, which stand below `path`.
    pub(in crate::probe::kinds) fn problems(&self, path: &[&str]) -> Vec<OptionProblem> {
        let problem = |option: &[&str], message: String, suggestion: &str| OptionProblem {
            path: path.iter().chain(option).map(ToString::to_string).collect(),
            message,
            suggestion: Some(suggestion.to_owned()),
        };
        let mut problems = Vec::new();
        for (n, name) in self.only.iter().enumerate() {
            if !matches!(Series::parse(name), Ok(series) if series.name == *name) {
                problems.push(problem(
                    &["only", &n.to_string()],
                    format!("{name:?} is no name of a metric"),
                    "a name without labels, such as `backup_last_success`",
                ));
            }
        }
        if let Some(series) = self.age_of
            && let Err(error) = Series::parse(series)
        {
            problems.push(problem(
                &["age_of"],
                format!("{series:?} is no series: {error}"),
                "a name such as `backup_last_success`, or one with labels: `up{job=\"web\"}`",
            ));
        }
        problems
    }

    fn is_wanted(&self, sample: &Sample) -> bool {
        self.only.is_empty() || self.only.contains(&sample.name)
    }

    /// Adds all of it, of the age by `now` in seconds since 1970.
    pub(in crate::probe::kinds) fn set(
        &self,
        told: &Exposition,
        now: Option<f64>,
        facts: &mut Facts,
    ) {
        let wanted = || {
            told.samples
                .iter()
                .filter(|(_, sample)| self.is_wanted(sample))
        };
        let values = with_names_alone(told);
        if let Some(value) = self.age_of.and_then(|series| {
            let key = Series::parse(series).ok()?.key();
            values.get(key.as_str()).map(|sample| sample.value)
        }) {
            set_age(value, now, facts);
        }
        let metric = values
            .into_iter()
            .filter(|(_, sample)| self.is_wanted(sample) && !sample.value.is_nan())
            .map(|(key, sample)| (key.to_owned(), Value::Number(sample.value)));
        facts.set("metric", Value::Map(metric.collect()));
        let without = wanted().filter(|(_, sample)| sample.value.is_nan());
        facts.set("not_a_number", list(without.map(|(key, _)| key.as_str())));
        let times = wanted().filter_map(|(key, sample)| {
            let time = Timestamp::from_millisecond(sample.time?).ok()?;
            Some((key.clone(), Value::Time(time)))
        });
        facts.set("sample_times", Value::Map(times.collect()));
        let types = told.types.iter();
        let types = types.map(|(name, ty)| (name.clone(), Value::from(ty.as_str())));
        facts.set("types", Value::Map(types.collect()));
        facts.set("series_count", count(told.samples.len()));
        facts.set(
            "duplicates",
            list(told.duplicates.iter().map(String::as_str)),
        );
        facts.set("errors", list(told.errors.iter().map(String::as_str)));
        facts.set("error_count", count(told.error_count));
        facts.set("truncated", told.truncated);
    }
}

/// The samples by series, and by their name alone where no other has it.
pub(in crate::probe::kinds) fn with_names_alone(told: &Exposition) -> BTreeMap<&str, &Sample> {
    let mut by_name: BTreeMap<&str, Option<&Sample>> = BTreeMap::new();
    for sample in told.samples.values() {
        by_name
            .entry(&sample.name)
            .and_modify(|only| *only = None)
            .or_insert(Some(sample));
    }
    // A series that is there twice has no value, and it is another one.
    for key in &told.duplicates {
        let name = key.split('{').next().unwrap_or_default();
        by_name.remove(name);
    }
    // What could not be read may be another one too.
    let whole = !told.truncated && told.error_count == 0;
    let mut all: BTreeMap<&str, &Sample> = by_name
        .into_iter()
        .filter_map(|(name, sample)| Some((name, sample?)))
        .filter(|_| whole)
        .collect();
    all.extend(
        told.samples
            .iter()
            .map(|(key, sample)| (key.as_str(), sample)),
    );
    all
}

fn set_age(value: f64, now: Option<f64>, facts: &mut Facts) {
    if !(0.0..NO_SECONDS).contains(&value) {
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and below 10^14, checked above"
    )]
    let milliseconds = (value * 1000.0).round() as i64;
    facts.set_some(
        "metric_time",
        Timestamp::from_millisecond(milliseconds).ok(),
    );
    facts.set_some("metric_age_s", now.map(|now| now - value));
}

#[expect(clippy::cast_precision_loss, reason = "no file has 2^52 lines")]
fn count(number: usize) -> f64 {
    number as f64
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    Value::List(items.map(Value::from).collect())
}
