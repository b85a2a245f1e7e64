//! What a check of `prometheus` can tell.

use crate::probe::{FactSpec, Type, Unit};

const fn names(name: &'static str, doc: &'static str) -> FactSpec {
    FactSpec::new(name, Type::List(&Type::Text), doc)
}

const fn number_of(name: &'static str, doc: &'static str) -> FactSpec {
    FactSpec::number(name, Unit::Count, doc)
}

/// Every fact, by what is asked for.
pub(super) const FACTS: [FactSpec; 66] = [
    FactSpec::new(
        "server_time",
        Type::Time,
        "The server's clock, of the header `date` of its answer.",
    ),
    FactSpec::number(
        "clock_off_s",
        Unit::Seconds,
        "How far the server's clock is ahead of this machine's, negative where it is behind; 0 below a second.",
    ),
    FactSpec::new(
        "ready",
        Type::Bool,
        "It serves. Only with `ready`, and false while it starts.",
    ),
    FactSpec::new("version", Type::Text, "Its version; with `ready`."),
    FactSpec::new(
        "started_at",
        Type::Time,
        "When it was started; with `ready` and `alerts`.",
    ),
    FactSpec::new(
        "loaded_at",
        Type::Time,
        "When it last read its configuration, and the rules with it; with `alerts`.",
    ),
    FactSpec::new(
        "config_ok",
        Type::Bool,
        "It could read its configuration when it last did; with `ready`.",
    ),
    number_of(
        "corruptions",
        "Corruptions of its write-ahead log that it met since its start; with `ready`.",
    ),
    number_of(
        "replay_segments",
        "Segments of the write-ahead log that it has to replay; with `ready`, while it does.",
    ),
    number_of("replayed_segments", "How many of them it is through with."),
    FactSpec::new(
        "absent",
        Type::Bool,
        "The query has no series; over a `range`, no sample.",
    ),
    number_of("series", "Series that the query has."),
    FactSpec::new(
        "value",
        Type::Number,
        "The value, where there is one series and it is a number; over a `range` the last one.",
    ),
    FactSpec::new(
        "values",
        Type::Map(&Type::Number),
        "Value by series, or by what `by` names: `values['188'] < 25`. Without those that are no number, and those of `duplicates`. Over a `range` the last ones.",
    ),
    FactSpec::new("min", Type::Number, "The smallest value of all series."),
    FactSpec::new("max", Type::Number, "The largest value of all series."),
    names(
        "not_a_number",
        "The series that are NaN, or a histogram; over a `range`, now and then. Of a page, those that are NaN.",
    ),
    names(
        "unmatched",
        "Conditions of `matchers` that hold for no label of a loaded rule and of no series: `severty=critical`; with `alerts`. What a rule makes of its series' labels by a template is taken as it is wanted.",
    ),
    names(
        "infinite",
        "The series that are `+Inf` or `-Inf`, as a division by zero is; over a `range`, now and then.",
    ),
    names(
        "duplicates",
        "What several series have for the label of `by`. Of a page, the series that are there more than once.",
    ),
    FactSpec::new(
        "newest_sample_at",
        Type::Time,
        "When the newest sample was taken, by the target's or the server's clock. Told of a selector only, see `times_of`; of others the time would be that of the question. Over a `range` the last step that has a value, unless `times_of` is given.",
    ),
    FactSpec::new(
        "oldest_sample_at",
        Type::Time,
        "The same of the series whose sample is the oldest. Over a `range` the first step that has a value.",
    ),
    names("warnings", "What Prometheus warns of in the query."),
    names("infos", "What it remarks on the query."),
    FactSpec::new(
        "first",
        Type::Number,
        "The first value of the `range`, of one series.",
    ),
    FactSpec::new(
        "last",
        Type::Number,
        "The last value of the `range`, of one series.",
    ),
    FactSpec::new(
        "increase",
        Type::Number,
        "The last value less the first, of one series with two samples or more. Unlike PromQL's, it knows of no counters.",
    ),
    FactSpec::new(
        "increases",
        Type::Map(&Type::Number),
        "The same by series, or by what `by` names.",
    ),
    FactSpec::new(
        "not_increasing",
        Type::Bool,
        "No value of the `range` is above the one before it, in any series. Absent where a series has less than two.",
    ),
    number_of("samples", "Values in the `range`, of all series."),
    number_of(
        "gaps",
        "Steps of the `range` that have no value, of all series that are there. Absent where none is.",
    ),
    FactSpec::number(
        "longest_gap_s",
        Unit::Seconds,
        "The longest time between two values of a series.",
    ),
    number_of("targets", "Targets that were looked at."),
    number_of("up", "Those that answer."),
    number_of("down", "Those that do not.").because(&["down_targets"]),
    number_of("unknown", "Those that were not asked yet."),
    names(
        "down_targets",
        "Those that do not answer, each as `JOB INSTANCE: why`.",
    ),
    number_of(
        "dropped",
        "Targets that relabelling drops; with `dropped` only.",
    ),
    FactSpec::new(
        "oldest_scrape_at",
        Type::Time,
        "When the target was asked that was asked the longest ago. Absent where one was never asked.",
    ),
    names(
        "missing",
        "What is named and not there: jobs without a target, rules that are not loaded, Alertmanagers that it does not know.",
    ),
    number_of("rules", "Loaded rules that were looked at."),
    names(
        "unhealthy",
        "Rules that cannot be evaluated, each as `NAME: why`.",
    ),
    names("unevaluated", "Rules that were not evaluated yet."),
    FactSpec::new(
        "oldest_evaluation_at",
        Type::Time,
        "When the rule was evaluated that was the longest ago. Absent where one never was.",
    ),
    number_of("compared", "Rules of the file that `equal_to` names."),
    names(
        "differing",
        "How loaded rules differ from it: `BackupFailed: label severity expected critical, is warning`.",
    ),
    names(
        "extra",
        "Rules that it does not have, in groups that it has.",
    ),
    names("firing", "Names of alerts that fire."),
    number_of(
        "firing_count",
        "Alerts that fire; of one name there may be several.",
    )
    .because(&["instances"]),
    names("pending", "Names of alerts that wait for their `for`."),
    number_of("pending_count", "Alerts that wait for their `for`.").because(&["pending"]),
    names(
        "undecided",
        "Alerts that are pending and, since Prometheus was started or read its rules, had no time to fire: they may have fired before. Each as `HostDown{host=\"110\"}: pending since 2026-06-05T10:52:00Z, fires after 10m`. And rules without an alert that were last evaluated before each target had been asked twice since, by the samples of `up`, or in the first half hour where that is not told: `HostDown: not judged since the rules were read`. Those of `expect` are not among them; where the server does not tell when it was started, all others that are pending are. With `alerts`.",
    )
    .because(&["loaded_at"]),
    names(
        "instances",
        "The alerts that fire, with their labels: `BackupFailed{host=\"110\"}`.",
    ),
    FactSpec::new(
        "oldest_active_at",
        Type::Time,
        "Since when that alert holds that holds the longest, of those that fire.",
    ),
    names("not_firing", "Alerts of `expect` that do not fire."),
    names("unexpected", "Alerts that fire and are not in `expect`."),
    names("alertmanagers", "Addresses that it sends alerts to."),
    FactSpec::new(
        "metric",
        Type::Map(&Type::Number),
        "Value by series of a page: `metric('up{job=\"web\"}') == 1`. By the name alone where just one series has it, and the whole page was read without errors. Without those that are NaN.",
    ),
    FactSpec::new(
        "metric_time",
        Type::Time,
        "The value of `age_of` as a time. Absent where it is none in seconds since 1970.",
    ),
    FactSpec::number(
        "metric_age_s",
        Unit::Seconds,
        "Time since `metric_time`, by the server's clock, or this machine's where it tells none. Negative for a time to come.",
    ),
    number_of(
        "series_count",
        "Series on the page, those that `only` leaves out too.",
    ),
    FactSpec::new(
        "sample_times",
        Type::Map(&Type::Time),
        "Time by series, where the page tells one.",
    ),
    FactSpec::new(
        "types",
        Type::Map(&Type::Text),
        "Type by metric: `counter`, `gauge`, `histogram`, `summary` or `untyped`.",
    ),
    names(
        "errors",
        "What Prometheus refuses on the page, the first 20. Such lines have no value, the others do.",
    ),
    number_of("error_count", "How many lines have an error.").because(&["errors"]),
    FactSpec::new(
        "truncated",
        Type::Bool,
        "The page has more than 100000 lines, and no more were read.",
    ),
];
