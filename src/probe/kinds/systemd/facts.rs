//! What a check of `systemd` can tell.

use crate::probe::{FactSpec, Type, Unit};

/// Every fact: of the units named, and of the failed ones.
pub(super) const FACTS: [FactSpec; 14] = [
    FactSpec::new(
        "active",
        Type::Bool,
        "Every unit asked for exists and is active; a pattern that matches nothing is not.",
    )
    .because(&["inactive"]),
    FactSpec::new(
        "inactive",
        Type::List(&Type::Text),
        "The units that are not active, each with its state: `nginx.service: failed`.",
    ),
    FactSpec::number(
        "matched_count",
        Unit::Count,
        "Units that were asked for or match a pattern, and exist.",
    ),
    FactSpec::new(
        "units",
        Type::Map(&Type::Text),
        "Active state by unit: `units['nginx.service'] == 'active'`.",
    ),
    FactSpec::new(
        "sub_states",
        Type::Map(&Type::Text),
        "Sub-state by unit: `running`, `exited`, `auto-restart`.",
    ),
    FactSpec::new(
        "properties",
        Type::Map(&Type::Text),
        "The properties asked for, by name when one unit is named, else by `unit/name`. As systemd prints them.",
    ),
    FactSpec::number(
        "restarts",
        Unit::Count,
        "`NRestarts`: how often systemd restarted the service by itself since it was last started in another way or `reset-failed`, the highest of several; it does not tell when, so a loop shows by its growth (`watch_for_s`), or by `auto-restart`; absent for units that are no services.",
    ),
    FactSpec::new(
        "restarting",
        Type::Bool,
        "A unit is restarted again and again: it waits for its next start (`auto-restart`), or systemd restarted it during `watch_for_s`. Without `watch_for_s` it is told only when it is true: one look cannot tell that a unit stays up.",
    ),
    FactSpec::number(
        "restarts_during",
        Unit::Count,
        "By how much `NRestarts` grew during `watch_for_s`, the most of several units; absent without it, and for units that are no services.",
    ),
    FactSpec::number(
        "memory_max_bytes",
        Unit::Bytes,
        "`MemoryMax`, when it is the same for all units; without a limit it is `infinity`, which is more than any number.",
    ),
    FactSpec::number(
        "cpu_quota_percent",
        Unit::Percent,
        "`CPUQuota`, 200 for two cores, when it is set and the same for all units.",
    ),
    FactSpec::number(
        "watchdog_s",
        Unit::Seconds,
        "`WatchdogSec`, 0 when there is none, when it is the same for all units.",
    ),
    FactSpec::new(
        "failed_units",
        Type::List(&Type::Text),
        "Units of the host in the failed state.",
    ),
    FactSpec::number("failed_count", Unit::Count, "How many units failed.")
        .because(&["failed_units"]),
];
