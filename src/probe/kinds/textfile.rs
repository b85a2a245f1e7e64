//! `textfile`: a Prometheus text file of a host tells what it should.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer;
use super::dated;
use super::exposition::read;
use super::exposition::told::Wanted;
use super::file;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit,
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

impl Textfile {
    fn commands(&self, target: &Target) -> [Vec<String>; 3] {
        let [stat, head] = file::reading(&self.path, MOST, target);
        [stat, file::date(), head]
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            only: &self.only,
            age_of: self.age_of.as_deref(),
        }
    }
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
        dated::NOW,
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
        let mut problems = file::path_problems(&self.path, &self.commands(target), policy);
        problems.extend(self.wanted().problems(&[]));
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
        #[expect(
            clippy::cast_precision_loss,
            reason = "clocks are far below 2^52 seconds"
        )]
        let now = now.map(|now| now as f64);
        self.wanted().set(&read(&bytes, !whole), now, &mut facts);
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
