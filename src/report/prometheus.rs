//! The card as metrics in Prometheus' text format, for the textfile collector.
//!
//! No series is named after a check: how many there are is for the baseline's
//! phases and releases to say, and for no host.

use std::fmt::Write as _;

use crate::scorecard::{Gate, RunResult, Scorecard};

/// The prefix of metrics where the baseline names no other.
pub const PREFIX: &str = "coldstart";

/// A gauge and its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// What follows the prefix: `last_run_timestamp`.
    pub name: &'static str,
    /// One line about it, unit included.
    pub help: &'static str,
    /// At least one.
    pub samples: Vec<Sample>,
}

/// One series and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Names and values; any text may be a value.
    pub labels: Vec<(&'static str, String)>,
    /// Its value.
    pub value: f64,
}

impl Metric {
    /// A gauge of one series without labels.
    #[must_use]
    pub fn gauge(name: &'static str, help: &'static str, value: f64) -> Self {
        Self {
            name,
            help,
            samples: vec![Sample {
                labels: Vec::new(),
                value,
            }],
        }
    }
}

/// The metrics of `card`, then `extra`, as a textfile. `prefix` is a metric
/// name without colons, such as [`PREFIX`].
#[must_use]
pub fn write(card: &Scorecard, prefix: &str, extra: &[Metric]) -> String {
    let mut metrics = metrics(card);
    metrics.extend_from_slice(extra);
    text(prefix, &metrics)
}

/// What a card says in metrics. "Gates" count checks, as the runbook's own
/// figures do (`PASS=83`).
#[must_use]
pub fn metrics(card: &Scorecard) -> Vec<Metric> {
    let totals = &card.totals;
    let mut metrics = vec![
        Metric::gauge(
            "pass_gates",
            "Checks that passed in the last run.",
            number(totals.pass),
        ),
        Metric::gauge(
            "warn_gates",
            "Checks that warned in the last run, unless somebody has accepted it.",
            number(totals.warn),
        ),
        Metric::gauge(
            "accepted_gates",
            "Checks that warned in the last run, which somebody has accepted.",
            number(totals.accepted),
        ),
        Metric::gauge(
            "blocked_gates",
            "Checks that were blocked in the last run.",
            number(totals.blocked),
        ),
        Metric::gauge(
            "not_evaluated_gates",
            "Checks that the last run did not look at, for a gate, a check or its end.",
            number(totals.not_evaluated),
        ),
        Metric::gauge(
            "skipped_gates",
            "Checks that were left out of the last run on purpose.",
            number(totals.skipped),
        ),
        Metric::gauge(
            "last_run_timestamp",
            "When the last run ended, in seconds since the epoch.",
            timestamp(card.finished_at),
        ),
        Metric::gauge(
            "last_run_duration_seconds",
            "How long the last run took.",
            card.elapsed().as_secs_f64(),
        ),
        last_result(card.result),
    ];
    if !card.phases.is_empty() {
        metrics.extend(phases(card));
    }
    if !card.releases.is_empty() {
        metrics.push(releases(card));
    }
    metrics
}

/// One series for each result, 1 for `result`; also for a run without a card.
#[must_use]
pub fn last_result(result: RunResult) -> Metric {
    Metric {
        name: "last_result",
        help: "What the last run came to: 1 for that result, 0 for the others.",
        samples: [
            (RunResult::Green, "green"),
            (RunResult::Degraded, "degraded"),
            (RunResult::Blocked, "blocked"),
            (RunResult::CheckFailed, "check_failed"),
        ]
        .into_iter()
        .map(|(each, label)| Sample {
            labels: vec![("result", label.to_owned())],
            value: truth(each == result),
        })
        .collect(),
    }
}

/// A moment in seconds since the epoch.
#[must_use]
pub fn timestamp(at: jiff::Timestamp) -> f64 {
    at.as_duration().as_secs_f64().floor()
}

fn phases(card: &Scorecard) -> [Metric; 3] {
    let phase = |id: &str| ("phase", id.to_owned());
    let results = card.phases.iter().flat_map(|each| {
        [
            (Gate::Green, "green"),
            (Gate::Warn, "warn"),
            (Gate::Blocked, "blocked"),
            (Gate::NotEvaluated, "not_evaluated"),
            (Gate::Skipped, "skipped"),
        ]
        .map(|(gate, label)| Sample {
            labels: vec![phase(&each.id), ("result", label.to_owned())],
            value: truth(each.gate == gate),
        })
    });
    let durations = card.phases.iter().map(|each| Sample {
        labels: vec![phase(&each.id)],
        value: std::time::Duration::from_millis(each.elapsed_ms).as_secs_f64(),
    });
    let first = card.first_blocked.as_ref().map(|first| &first.phase);
    let firsts = card.phases.iter().map(|each| Sample {
        labels: vec![phase(&each.id)],
        value: truth(first == Some(&each.id)),
    });
    [
        Metric {
            name: "phase_result",
            help: "The gate of each phase in the last run: 1 for its decision, 0 for the others.",
            samples: results.collect(),
        },
        Metric {
            name: "phase_duration_seconds",
            help: "From the start of a phase's first check to the end of its last one.",
            samples: durations.collect(),
        },
        Metric {
            name: "first_blocked_gate",
            help: "1 for the first blocked phase in dependency order, which is the one to fix.",
            samples: firsts.collect(),
        },
    ]
}

fn releases(card: &Scorecard) -> Metric {
    let open = card.releases.iter().map(|release| Sample {
        labels: vec![("release", release.id.clone())],
        value: truth(release.open),
    });
    Metric {
        name: "release_open",
        help: "1 for a release of which all that it waits for held in the last run, 0 for the others.",
        samples: open.collect(),
    }
}

fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no baseline has 2^53 checks: 500,000 values are its limit"
)]
fn number(count: usize) -> f64 {
    count as f64
}

/// `metrics` in the text format, version 0.0.4, each with its help and type.
#[must_use]
pub fn text(prefix: &str, metrics: &[Metric]) -> String {
    let mut out = String::new();
    for metric in metrics {
        let name = format!("{prefix}_{}", metric.name);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {name} {}", escaped(metric.help, false));
        let _ = writeln!(out, "# TYPE {name} gauge");
        for sample in &metric.samples {
            out.push_str(&name);
            let labels: Vec<String> = sample
                .labels
                .iter()
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value, true)))
                .collect();
            if !labels.is_empty() {
                let _ = write!(out, "{{{}}}", labels.join(","));
            }
            let _ = writeln!(out, " {}", value(sample.value));
        }
    }
    out
}

fn escaped(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes {
        text.replace('"', "\\\"")
    } else {
        text
    }
}

fn value(value: f64) -> String {
    if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        // Rust writes NaN as this format does, and no exponents.
        value.to_string()
    }
}

#[cfg(test)]
mod tests;
