//! What a check of `alertmanager` can tell.

use crate::probe::{FactSpec, Type, Unit};

const fn names(name: &'static str, doc: &'static str) -> FactSpec {
    FactSpec::new(name, Type::List(&Type::Text), doc)
}

const fn number_of(name: &'static str, doc: &'static str) -> FactSpec {
    FactSpec::number(name, Unit::Count, doc)
}

const fn time(name: &'static str, doc: &'static str) -> FactSpec {
    FactSpec::new(name, Type::Time, doc)
}

/// Every fact, by what is asked for.
pub(super) const FACTS: [FactSpec; 42] = [
    time(
        "server_time",
        "The server's clock, of the header `date` of its answer.",
    ),
    FactSpec::number(
        "clock_off_s",
        Unit::Seconds,
        "How far the server's clock is ahead of this machine's, negative where it is behind; 0 below a second.",
    ),
    FactSpec::new("ready", Type::Bool, "It serves; with `ready`."),
    FactSpec::new(
        "cluster",
        Type::Text,
        "`ready`, `settling` while it looks for its peers, or `disabled` where it stands alone; with `ready`.",
    ),
    number_of(
        "peers",
        "Alertmanagers of the cluster, this one among them; none where the cluster is `disabled`.",
    ),
    names("peer_addresses", "Their addresses in the cluster."),
    FactSpec::new("version", Type::Text, "Its version; with `ready`."),
    time(
        "started_at",
        "When it was started; with `ready` and `alerts`.",
    ),
    FactSpec::new(
        "settled",
        Type::Bool,
        "It has been up for as long as `settles` says, by its own clock: it should have heard of all alerts. Absent where it does not tell when it was started; with `alerts`.",
    )
    .because(&["started_at"]),
    number_of(
        "alert_count",
        "Alerts that are active, and those that `silenced` and `inhibited` count as such; with `alerts`.",
    )
    .because(&["instances"]),
    names(
        "instances",
        "The same, with their labels: `BackupFailed{host=\"110\"}`.",
    ),
    time(
        "oldest_starts_at",
        "Since when that alert of them is there that is there the longest.",
    ),
    time(
        "newest_update_at",
        "When one of them last came from Prometheus.",
    ),
    names(
        "active",
        "Names of active alerts, which nothing keeps quiet: receivers are told of them, or will be.",
    ),
    number_of(
        "active_count",
        "Active alerts; of one name there may be several.",
    )
    .because(&["instances"]),
    names("silenced", "Names of alerts that a silence keeps quiet."),
    number_of("silenced_count", "Alerts that a silence keeps quiet."),
    names(
        "inhibited",
        "Names of alerts that another alert keeps quiet.",
    ),
    number_of("inhibited_count", "Alerts that another alert keeps quiet."),
    names(
        "missing",
        "Alerts of `expect` that are not active. With `visible_in_both`, names that Prometheus has not loaded.",
    ),
    number_of(
        "compared",
        "Alerts that fire in Prometheus, each of which is looked for here; with `visible_in_both`, as what follows.",
    ),
    names(
        "unmatched",
        "Conditions of `matchers` that hold for no label of a rule that Prometheus has loaded and of no series: `severty=critical`.",
    ),
    number_of(
        "rules",
        "Rules of alerts that Prometheus has loaded, of the `names`, if any.",
    ),
    names(
        "unhealthy",
        "Those of them that cannot be evaluated, each with its error.",
    ),
    names("unevaluated", "Those of them that were not evaluated yet."),
    time(
        "oldest_evaluation_at",
        "When that one of them was evaluated that was not for the longest time. Absent where one never was.",
    ),
    names("unexpected", "Alerts that are active and not in `expect`."),
    FactSpec::new(
        "receivers",
        Type::Map(&Type::List(&Type::Text)),
        "The receivers that each alert reaches; with `routed`.",
    ),
    names(
        "unrouted",
        "What of `to` an alert does not reach: `BackupMissing reaches nobody, not ns8-backup-monitor`; with `routed`.",
    ),
    names(
        "assumed",
        "Labels that routes ask for and `labels` does not give: `no severity, for a route to pager`. Where the alerts have them they may go elsewhere; with `routed`.",
    ),
    names(
        "muted",
        "Alerts that reach a receiver of `to` by a route alone that tells nobody at some hours: `BackupMissing to pager: mute_time_intervals nights`. Which hours these are is not looked at; with `routed`.",
    ),
    names(
        "voiceless",
        "Receivers of `to` that have no integration, such as `webhook_configs`: they take alerts and tell nobody; with `routed`.",
    ),
    names(
        "silences",
        "Active silences, each as `CONDITIONS by WHO until WHEN: comment`.",
    ),
    number_of("silence_count", "How many silences are active.").because(&["silences"]),
    number_of("pending_silences", "How many will begin later."),
    names(
        "expiring",
        "Those that end within the time that the option `expiring` gives, by the server's clock.",
    ),
    time("next_end_at", "When the first active silence ends."),
    time("last_end_at", "When the last active silence ends."),
    names(
        "in_both",
        "Alerts that fire in Prometheus and are here, silenced or not, with their labels there.",
    ),
    number_of("in_both_count", "How many these are."),
    names(
        "only_in_prometheus",
        "Alerts that fire in Prometheus and are not here.",
    ),
    names(
        "only_in_alertmanager",
        "Alerts that are active here and do not fire in Prometheus: of another source, or not yet given up.",
    ),
];
