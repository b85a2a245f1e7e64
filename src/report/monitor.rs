//! The monitor's textfile: the metrics of a card, whether the monitor worked,
//! and when everything was last green. What an earlier run wrote is read back.

use jiff::Timestamp;

use super::prometheus::{self, Metric, Sample, last_result, timestamp};
use crate::scorecard::{RunResult, Scorecard};

/// What a monitor knows beside the card of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitored {
    /// What the names of the metrics begin with; without colons.
    pub prefix: String,
    /// The name of the baseline; none where it could not be read.
    pub baseline: Option<String>,
    /// When a run of the whole baseline was last GREEN, as far as it is known.
    pub last_green: Option<Timestamp>,
}

/// The textfile of a run that came to a card.
#[must_use]
pub fn textfile(card: &Scorecard, monitored: &Monitored) -> String {
    let metrics = prometheus::metrics(card);
    text(metrics, card.result != RunResult::CheckFailed, monitored)
}

/// The textfile of a run that ended at `at` without a card. It has no counts:
/// zeros would read as a look that found nothing blocked.
#[must_use]
pub fn failed(at: Timestamp, monitored: &Monitored) -> String {
    let metrics = vec![
        Metric::gauge(
            "last_run_timestamp",
            "When the last run ended, in seconds since the epoch.",
            timestamp(at),
        ),
        last_result(RunResult::CheckFailed),
    ];
    text(metrics, false, monitored)
}

fn text(mut metrics: Vec<Metric>, is_up: bool, monitored: &Monitored) -> String {
    metrics.push(Metric::gauge(
        "monitor_up",
        "1 when the last run could be completed, whatever it came to, else 0.",
        if is_up { 1.0 } else { 0.0 },
    ));
    metrics.push(Metric::gauge(
        "last_green_timestamp",
        "When a run of the whole baseline was last green, in seconds since the epoch; 0 where none is known.",
        monitored.last_green.map_or(0.0, timestamp),
    ));
    if let Some(baseline) = &monitored.baseline {
        metrics.push(Metric {
            name: "monitor_info",
            help: "The baseline that the monitor looks at.",
            samples: vec![Sample {
                labels: vec![("baseline", baseline.clone())],
                value: 1.0,
            }],
        });
    }
    prometheus::text(&monitored.prefix, &metrics)
}

/// What an earlier run knew, from the textfile that it wrote; nothing where
/// `text` is no textfile of a monitor.
#[must_use]
pub fn read(text: &str) -> Option<Monitored> {
    let prefix = text.lines().find_map(|line| {
        let name = line.strip_prefix("# TYPE ")?.strip_suffix(" gauge")?;
        name.strip_suffix("_monitor_up")
            .filter(|prefix| is_prefix(prefix))
    })?;
    let after = |start: String| text.lines().find_map(|line| line.strip_prefix(&start));
    Some(Monitored {
        prefix: prefix.to_owned(),
        baseline: after(format!("{prefix}_monitor_info{{baseline=\""))
            .and_then(|rest| rest.strip_suffix("\"} 1"))
            .and_then(unescaped),
        last_green: after(format!("{prefix}_last_green_timestamp "))
            .and_then(|value| value.parse().ok())
            .filter(|seconds| *seconds > 0)
            .and_then(|seconds| Timestamp::from_second(seconds).ok()),
    })
}

/// The text of a label value; nothing where the format has no such one.
fn unescaped(value: &str) -> Option<String> {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(next) = chars.next() {
        text.push(match next {
            '\\' => match chars.next()? {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            },
            '"' => return None,
            other => other,
        });
    }
    Some(text)
}

fn is_prefix(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.bytes().next().is_some_and(is_letter)
        && text
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
