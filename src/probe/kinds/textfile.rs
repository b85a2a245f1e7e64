//! `textfile`: a Prometheus text file of a host tells what it should.

mod exposition;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use self::exposition::{Exposition, Sample, Series, read};
use super::answer;
use super::file;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit, Value,
};

/// Reads a file of metrics in Prometheus' text format, as scripts leave them
/// for node-exporter's textfile collector: `metric('backup_last_success')` is
/// a value, and `now - timestamp(metric('backup_last_success'))` the time
/// since one that is a time.
///
/// A series with labels is named with them, by the alphabet:
/// `metric('up{host="188",job="web"}')`. Its name alone is enough where no
/// other series has it.
///
/// A file that does not exist is a fact; one that may not be read is a fault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Textfile {
    /// The file.
    #[schemars(extend("pattern" = "^/"))]
    path: String,
    /// Names of the metrics to tell. All when left out.
    #[serde(default)]
    only: Vec<String>,
    /// The series whose value is a time, in seconds since 1970, for
    /// `metric_time` and `metric_age_s`.
    #[serde(default)]
    age_of: Option<String>,
}

/// As much as is read of a file; what a command may print is 1 MiB.
const MOST: usize = 1_000_000;

/// The year 5138 in seconds: beyond it a value is in milliseconds, or none.
const NO_SECONDS: f64 = 1e11;

impl Textfile {
    fn commands(&self, target: &Target) -> [Vec<String>; 3] {
        let [stat, head] = file::reading(&self.path, MOST, target);
        [stat, file::date(), head]
    }

    fn is_wanted(&self, sample: &Sample) -> bool {
        self.only.is_empty() || self.only.contains(&sample.name)
    }

    fn set(&self, told: &Exposition, now: Option<i64>, facts: &mut Facts) {
        let wanted = || {
            told.samples
                .iter()
                .filter(|(_, sample)| self.is_wanted(sample))
        };
        let values = with_names_alone(told);
        if let Some(value) = self.age_of.as_deref().and_then(|series| {
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
fn with_names_alone(told: &Exposition) -> BTreeMap<&str, &Sample> {
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

fn set_age(value: f64, now: Option<i64>, facts: &mut Facts) {
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
    #[expect(
        clippy::cast_precision_loss,
        reason = "clocks are far below 2^52 seconds"
    )]
    facts.set_some("metric_age_s", now.map(|now| now as f64 - value));
}

#[expect(clippy::cast_precision_loss, reason = "no file has 2^52 lines")]
fn count(number: usize) -> f64 {
    number as f64
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    Value::List(items.map(Value::from).collect())
}

impl Kind for Textfile {
    const NAME: &'static str = "textfile";
    const SUMMARY: &'static str =
        "a Prometheus text file of a host is whole, fresh, and has the values it should";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "exists",
            Type::Bool,
            "There is a file at the path. When there is none, this is the only fact.",
        ),
        FactSpec::new(
            "metric",
            Type::Map(&Type::Number),
            "Value by series: `metric('up{job=\"web\"}') == 1`. By the name alone where just one series has it, and the whole file was read without errors. Without those that are NaN.",
        ),
        FactSpec::new(
            "metric_time",
            Type::Time,
            "The value of `age_of` as a time. Absent where it is none in seconds since 1970.",
        ),
        FactSpec::number(
            "metric_age_s",
            Unit::Seconds,
            "Time since `metric_time`, by the host's own clock. Negative for a time to come.",
        ),
        FactSpec::new(
            "modified",
            Type::Time,
            "When the file's content last changed, by the host's clock.",
        ),
        FactSpec::number(
            "age_s",
            Unit::Seconds,
            "Time since `modified`, by the host's own clock. Negative for a time to come.",
        ),
        FactSpec::number("size_bytes", Unit::Bytes, "Size of the file."),
        FactSpec::number(
            "series_count",
            Unit::Count,
            "Series in the file, those that `only` leaves out too.",
        ),
        FactSpec::new(
            "not_a_number",
            Type::List(&Type::Text),
            "The series whose value is NaN.",
        ),
        FactSpec::new(
            "sample_times",
            Type::Map(&Type::Time),
            "Time by series, where the file tells one; node-exporter passes over such a file as a whole.",
        ),
        FactSpec::new(
            "types",
            Type::Map(&Type::Text),
            "Type by metric: `counter`, `gauge`, `histogram`, `summary` or `untyped`.",
        ),
        FactSpec::new(
            "duplicates",
            Type::List(&Type::Text),
            "The series that are there more than once. They have no value.",
        ),
        FactSpec::new(
            "errors",
            Type::List(&Type::Text),
            "What Prometheus refuses in it, the first 20: `line 7: up has no value`. Such lines have no value, the others do.",
        ),
        FactSpec::number("error_count", Unit::Count, "How many lines have an error."),
        FactSpec::new(
            "truncated",
            Type::Bool,
            "The file is longer than what is read of it: 1 MB or 100000 lines.",
        ),
    ];
    const EXAMPLE: &'static str = "title: the last backup is less than 25 hours old\non: data188\ntextfile: { path: /home/ollama/node_exporter_textfiles/backup_110.prom }\nrequire: abs(now - timestamp(metric('backup_110_last_success_timestamp'))) < duration('25h')\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let problem = |path: &[&str], message: String, suggestion| OptionProblem {
            path: path.iter().map(ToString::to_string).collect(),
            message,
            suggestion,
        };
        let mut problems = file::path_problems(&self.path, &self.commands(target), policy);
        for (n, name) in self.only.iter().enumerate() {
            if !matches!(Series::parse(name), Ok(series) if series.name == *name) {
                problems.push(problem(
                    &["only", &n.to_string()],
                    format!("{name:?} is no name of a metric"),
                    Some("a name without labels, such as `backup_last_success`".to_owned()),
                ));
            }
        }
        if let Some(series) = &self.age_of
            && let Err(error) = Series::parse(series)
        {
            problems.push(problem(
                &["age_of"],
                format!("{series:?} is no series: {error}"),
                Some(
                    "a name such as `backup_last_success`, or one with labels: `up{job=\"web\"}`"
                        .to_owned(),
                ),
            ));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        let mut require = vec![
            "exists",
            "size(errors) == 0",
            "size(duplicates) == 0",
            "!truncated",
        ];
        if self.age_of.is_some() {
            require.push("has(metric_age_s)");
        }
        Defaults::require(require)
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        format!("the metrics of {} on {host}", self.path)
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.commands(target), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let mut facts = Facts::new();
        let Some(seen) = file::look_at(context, &self.path).await? else {
            facts.set("exists", false);
            return Ok(facts);
        };
        if seen.kind != "file" {
            // To read a fifo would wait for somebody who writes.
            return Err(Fault::new(
                FaultKind::Protocol,
                format!("{} is a {} and no file", self.path, seen.kind),
            ));
        }
        let date = answer::command(&context.transports.policy, file::date())?;
        let (date, head) = tokio::join!(context.exec(&date), file::read(context, &self.path, MOST));
        let (date, (bytes, whole)) = (date?, head?);
        let now = answer::stdout(&date).trim().parse::<i64>().ok();
        facts.set("exists", true);
        seen.set_age(now, &mut facts);
        self.set(&read(&bytes, !whole), now, &mut facts);
        Ok(facts)
    }
}

/// The values by series and what Prometheus would refuse, for the tests of what
/// writes this format.
#[cfg(test)]
pub(crate) fn exposition(text: &str) -> (std::collections::BTreeMap<String, f64>, Vec<String>) {
    let read = read(text.as_bytes(), false);
    let samples = read.samples.into_iter();
    let values = samples.map(|(series, sample)| (series, sample.value));
    (values.collect(), read.errors)
}

#[cfg(test)]
mod tests;
