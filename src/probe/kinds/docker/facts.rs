//! What a check of `docker` can tell.

use crate::probe::{FactSpec, Type, Unit};

const fn names(name: &'static str, doc: &'static str) -> FactSpec {
    FactSpec::new(name, Type::List(&Type::Text), doc)
}

/// Every fact: of the containers asked for, those left over on the host, and the engine's networks.
pub(super) const FACTS: [FactSpec; 25] = [
    FactSpec::number(
        "expected_count",
        Unit::Count,
        "Containers that were asked for: those found, and those in `missing`.",
    ),
    FactSpec::number("running_count", Unit::Count, "How many of them run.")
        .because(&["not_running", "missing"]),
    names("running", "Those that run, by name."),
    names(
        "not_running",
        "Those that do not run, each with its state: `harbor-db: exited (137)`; without those of `once` that ended with 0.",
    ),
    names(
        "completed",
        "Those of `once` that did their work and ended with 0.",
    ),
    names(
        "missing",
        "What was asked for and is not there: a name, a pattern that no name matches, `project harbor`, `service harbor/core`, `label a=b`.",
    ),
    names("healthy", "Those that run and whose health check says so."),
    names(
        "unhealthy",
        "Those that run and whose health check says that they are not well, or says nothing known.",
    ),
    names(
        "starting",
        "Those that run and have a health check which has not decided yet.",
    ),
    names(
        "restarting",
        "Those that wait for their next start after a failure, and with `watch_for_s` those that started or were restarted during that time.",
    ),
    names(
        "just_started",
        "Those that have been up for less than a minute, by the engine's clock: between two failures a container runs. Told where the host's containers are listed: of a pattern, a project or a label.",
    ),
    FactSpec::number(
        "restarts_total",
        Unit::Count,
        "`RestartCount` of all of them: how often the engine restarted them by their restart policy since each was last started in another way. Absent when one of them does not tell.",
    ),
    FactSpec::number(
        "restarts_during",
        Unit::Count,
        "By how much those counts grew during `watch_for_s`, all together; absent without it.",
    ),
    names(
        "oom_killed",
        "Those that the kernel killed last time because memory ran out.",
    ),
    FactSpec::new(
        "states",
        Type::Map(&Type::Text),
        "State by container, as the engine has it: `states['web'] == 'running'`.",
    ),
    FactSpec::new(
        "health",
        Type::Map(&Type::Text),
        "What the health check says, by container; only of those that have one: `healthy`, `unhealthy`, `starting`.",
    ),
    FactSpec::new(
        "exit_codes",
        Type::Map(&Type::Number),
        "Exit code by container, of those that ended, with the ones in `leftovers`.",
    ),
    names(
        "leftovers",
        "Containers of the whole host that ended with 128 or 137, which a power cut or a kill leaves behind; only with `leftovers: true`.",
    ),
    FactSpec::new(
        "images",
        Type::Map(&Type::Text),
        "Image by container, as it was named when the container was made.",
    ),
    FactSpec::new(
        "networks",
        Type::Map(&Type::List(&Type::Text)),
        "Networks by container: `'harbor' in networks['harbor-core']`.",
    ),
    names(
        "host_networks",
        "All networks that the engine has, by name; only with `host_networks`.",
    ),
    names(
        "made_networks",
        "Those of them that somebody made: all but docker's `bridge`, `host`, `none`, `docker_gwbridge` and `ingress`, and Podman's `podman`.",
    ),
    names(
        "missing_networks",
        "What `host_networks` names and the engine does not have; only where it is a list.",
    ),
    FactSpec::new(
        "oldest_started_at",
        Type::Time,
        "When the one that has run for longest was started, by the host's clock; absent when none runs.",
    ),
    FactSpec::new(
        "newest_started_at",
        Type::Time,
        "When the one that was started last was started, by the host's clock; absent when none runs.",
    ),
];
