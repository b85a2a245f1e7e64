//! What a check of `kubernetes` can tell.

use super::clock;
use crate::probe::{FactSpec, Type, Unit};

const TEXTS: Type = Type::List(&Type::Text);

/// Every fact, by what is asked for.
pub(super) const FACTS: [FactSpec; 53] = [
    FactSpec::number(
        "count",
        Unit::Count,
        "How many there are of what is asked for, in the namespace and with the labels and names given; of `volumes` the claims.",
    ),
    FactSpec::new(
        "missing",
        TEXTS,
        "Names and patterns asked for that nothing there has; of `events` the `objects` of which there is none at all, however old and whether a warning or not.",
    ),
    FactSpec::new(
        "verified",
        Type::Bool,
        "Without `on`: whether the certificate of the API server was checked, as the kubeconfig has it. Where it was not, anybody may have answered, and a token is not sent unless the check says `unverified: true`. By kubectl it is not told.",
    ),
    clock::NOW,
    FactSpec::new(
        "missing_namespace",
        TEXTS,
        "With a `namespace`: that there is none of that name, and which there are. It is there when anything in the list is in it; else the namespaces are listed, and where that is denied, it is asked for alone. Where that is denied as well, a list that may be had of that namespace and not of all shows it, for the role binding that allows that is in it; and else this is absent. Where the namespace is not there, or this is absent, so is every other fact but `verified`.",
    ),
    FactSpec::number(
        "ready_count",
        Unit::Count,
        "Nodes that are Ready, pods that run and are ready.",
    )
    .because(&["not_ready"]),
    FactSpec::new(
        "not_ready",
        TEXTS,
        "Nodes that are not Ready; pods that should run and are not ready, neither ended nor being deleted: `api-5d9: ImagePullBackOff: …`, each with the reason that it gives.",
    ),
    FactSpec::new(
        "unschedulable",
        TEXTS,
        "`nodes`: those that take no new pods, cordoned by somebody.",
    ),
    FactSpec::new(
        "pressure",
        TEXTS,
        "`nodes`: conditions of trouble, such as `mon: DiskPressure: KubeletHasDiskPressure`.",
    ),
    FactSpec::new(
        "states",
        Type::Map(&Type::Text),
        "`nodes`: `Ready` or `NotReady` by name.",
    ),
    FactSpec::new(
        "stale",
        TEXTS,
        "`nodes`: those that are called Ready, by what they told more than 8 minutes before the list was given: `k3s121: Ready as of 2026-06-05T10:20:00Z, 35 min ago`. A kubelet tells its state each 5 minutes or somewhat later; what is older may be of before a power cut. Also those whose last word is as far ahead, for then a clock is wrong. By the clock of the API server, of the host where kubectl runs, or, where neither tells it, of the machine that coldstart runs on. Where that machine's clock has the word as new, or nothing else tells whether it is the clock that is wrong, that is told with it. Absent where a node does not tell when, and none is known to be stale.",
    ),
    FactSpec::new(
        "oldest_heartbeat_at",
        Type::Time,
        "`nodes`: when each of them had told its state last, by its own clock. Absent where one does not tell.",
    ),
    FactSpec::new(
        "kubelet_versions",
        Type::Map(&Type::Text),
        "`nodes`: the version of the kubelet by name.",
    ),
    FactSpec::new(
        "phases",
        Type::Map(&Type::Number),
        "`pods`: how many are `Running`, `Pending`, `Succeeded`, `Failed` or `Unknown`.",
    ),
    FactSpec::new(
        "pending",
        TEXTS,
        "`pods`: those that have not started, each with its reason: `api-5d9: Unschedulable: 0/2 nodes are available`.",
    ),
    FactSpec::new(
        "waiting",
        TEXTS,
        "`pods`: containers that wait for something to be put right, `pod/container: reason: message`.",
    ),
    FactSpec::new(
        "image_pulls",
        TEXTS,
        "`pods`: containers whose image cannot be had: `ImagePullBackOff`, `ErrImagePull` and the like.",
    ),
    FactSpec::new(
        "crash_loops",
        TEXTS,
        "`pods`: containers in `CrashLoopBackOff`.",
    ),
    FactSpec::new(
        "exits",
        TEXTS,
        "`pods`: containers whose last end was none in order, `pod/container: OOMKilled: exit status 137`.",
    ),
    FactSpec::number(
        "restarts",
        Unit::Count,
        "`pods`: how often the container with the most restarts was restarted.",
    )
    .because(&["crash_loops", "exits"]),
    FactSpec::number(
        "restarts_in_all",
        Unit::Count,
        "`pods`: restarts of all containers together.",
    ),
    FactSpec::new(
        "failed",
        TEXTS,
        "Pods that ended and not well, such as evicted ones, but for those of a job, which is for `jobs` to tell; jobs that have failed; persistent volumes that could not be reclaimed. Each with its reason.",
    ),
    FactSpec::new(
        "terminating",
        TEXTS,
        "`pods`: those being deleted. On a node that is gone they stay so.",
    ),
    FactSpec::new(
        "nodes_seen",
        Type::Bool,
        "`pods`: whether the login may list the nodes. Where the API says that it may not, `on_lost_nodes` cannot be told, which is a warning: for a login of namespaces alone `defaults: false`, with the other expectations written out. What else stands in the way, sudo or an expired token or an API server that knows no roles yet, is a fault and tried again.",
    ),
    FactSpec::new(
        "on_lost_nodes",
        TEXTS,
        "`pods`: those that are called ready, by what was told before their node was lost: it is gone, not Ready, or `stale` as a check of `nodes` has it. `api-5d9: on k3s121: Ready as of 2026-06-05T10:20:00Z, 35 min ago`. Where there are any, the nodes are listed again, and where they are back, the pods: what every other fact of `pods` is told from is then the newer list. Absent where the login may not list the nodes, or it is not told when they were Ready.",
    ),
    FactSpec::new(
        "unavailable",
        TEXTS,
        "`workloads`: those with fewer replicas available than wanted, or not seen by their controller since they were changed: `deployment api: 0 of 2 available`.",
    ),
    FactSpec::new(
        "outdated",
        TEXTS,
        "`workloads`: those that are available and not wholly of their newest template; not told of stateful sets, which may stay so on purpose.",
    ),
    FactSpec::new(
        "stopped",
        TEXTS,
        "`workloads`: deployments and stateful sets that want no replica at all, but for those of `may_be_stopped`.",
    ),
    FactSpec::new(
        "without_nodes",
        TEXTS,
        "`workloads`: daemon sets that no node is for, such as those for Windows or for a GPU where there is none. Only those that `names` asks for have to have one.",
    ),
    FactSpec::new(
        "wanted",
        Type::Map(&Type::Number),
        "`workloads`: replicas wanted: `wanted['deployment/api']`.",
    ),
    FactSpec::new(
        "available",
        Type::Map(&Type::Number),
        "`workloads`: replicas available: `available['statefulset/db']`; the ready ones for stateful sets of clusters before 1.22.",
    ),
    FactSpec::number(
        "active_count",
        Unit::Count,
        "`jobs`, `cron_jobs`: how many jobs run.",
    ),
    FactSpec::new("suspended", TEXTS, "`cron_jobs`: those that are suspended."),
    FactSpec::new(
        "without_success",
        TEXTS,
        "`cron_jobs`: those that never ended well, as far as is known, each with when it was last started: `dbaas/backup: last started at 2026-06-05T02:00:00Z`. Not one that is in `not_due_yet`.",
    ),
    FactSpec::new(
        "not_due_yet",
        TEXTS,
        "`cron_jobs`: those that never ended well and need not have: by their `schedule`, in their `timeZone` or the `zone` of the check, no run was due since they were made, or the first one was and the `grace` is not over. `dbaas/backup: made at 2026-06-05T10:00:00Z, first due at 2026-06-06T02:00:00Z, to have ended well by 2026-06-06T03:00:00Z`. Not one that is suspended, whose run has ended and not well, or whose schedule cannot be read. A run that was due and never started, as after `startingDeadlineSeconds`, was due. Counted from when the cron job was made, so one that is deleted and made anew before each of its runs, by a deployment or a restore, never owes one: that there is any is a warning. By the clock of the API server, of the host where kubectl runs, or, where neither tells it, of the machine that coldstart runs on.",
    ),
    FactSpec::new(
        "last_success",
        Type::Time,
        "`cron_jobs`: when the last job ended well; of several cron jobs the one for which that is longest ago. From `lastSuccessfulTime`, on clusters before 1.21 from the jobs that are kept. Absent when one of them never did, those that are `not_due_yet` apart.",
    )
    .because(&["not_due_yet"]),
    FactSpec::new(
        "last_schedule",
        Type::Time,
        "`cron_jobs`: when a job was last due and started; of several cron jobs the one for which that is longest ago. Absent when one of them never was, those that are `not_due_yet` apart.",
    ),
    FactSpec::new(
        "last_successes",
        Type::Map(&Type::Time),
        "`cron_jobs`: `last_success` by name.",
    ),
    FactSpec::new(
        "last_schedules",
        Type::Map(&Type::Time),
        "`cron_jobs`: `last_schedule` by name.",
    ),
    FactSpec::new(
        "schedules",
        Type::Map(&Type::Text),
        "`cron_jobs`: the schedule by name, `0 2 * * *`.",
    ),
    FactSpec::new(
        "time_zones",
        Type::Map(&Type::Text),
        "`cron_jobs`: the time zone of the schedule by name, where one is set.",
    ),
    FactSpec::number(
        "succeeded_count",
        Unit::Count,
        "`jobs`: how many have ended well. Of jobs that were cleaned away nothing is known, so none at all is no failure: `require: count > 0` where there has to be one. With a `selector` none is a warning, for it may be mistyped.",
    ),
    FactSpec::number("failed_count", Unit::Count, "`jobs`: how many have failed."),
    FactSpec::new(
        "unresolved",
        TEXTS,
        "`jobs`: those that have failed, and no later job of the same cron job has ended well since.",
    ),
    FactSpec::new(
        "endpoints",
        Type::Map(&Type::Number),
        "`services`: how many ready addresses are behind each: `endpoints['api']`. Not told of those that only name another host.",
    ),
    FactSpec::new(
        "without_endpoints",
        TEXTS,
        "`services`: those with no ready address behind them.",
    ),
    FactSpec::new(
        "unbound",
        TEXTS,
        "`volumes`: claims that are not bound, `data-db-0: Pending`.",
    ),
    FactSpec::number(
        "volume_count",
        Unit::Count,
        "`volumes`: how many persistent volumes there are, with a namespace or names those of its claims. Absent where the API says that the login may not list them.",
    ),
    FactSpec::new(
        "released",
        TEXTS,
        "`volumes`: persistent volumes whose claim is gone. Absent as `volume_count`.",
    ),
    FactSpec::number(
        "warning_count",
        Unit::Count,
        "`events`: how many of them are warnings.",
    ),
    FactSpec::new(
        "reasons",
        Type::Map(&Type::Number),
        "`events`: how many there are by reason.",
    ),
    FactSpec::new(
        "newest",
        Type::Time,
        "`events`: when the newest of them happened.",
    ),
    FactSpec::new(
        "lines",
        TEXTS,
        "`events`: the newest 50, the newest last, `TIME Pod api-5d9: Failed: message (14 times)`.",
    ),
];
