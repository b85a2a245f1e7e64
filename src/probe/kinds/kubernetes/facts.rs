//! What a check of `kubernetes` can tell.

use crate::probe::{FactSpec, Type, Unit};

const TEXTS: Type = Type::List(&Type::Text);

/// Every fact, by what is asked for.
pub(super) const FACTS: [FactSpec; 18] = [
    FactSpec::number(
        "count",
        Unit::Count,
        "How many there are of what is asked for, in the namespace and with the labels and names given.",
    ),
    FactSpec::new(
        "missing",
        TEXTS,
        "Names and patterns asked for that nothing there has.",
    ),
    FactSpec::number(
        "ready_count",
        Unit::Count,
        "Nodes that are Ready, pods that run and are ready.",
    ),
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
    ),
    FactSpec::number(
        "restarts_in_all",
        Unit::Count,
        "`pods`: restarts of all containers together.",
    ),
    FactSpec::new(
        "failed",
        TEXTS,
        "`pods`: those that ended and not well, such as evicted ones, but for those of a job: that is for `jobs` to tell.",
    ),
    FactSpec::new(
        "terminating",
        TEXTS,
        "`pods`: those being deleted. On a node that is gone they stay so.",
    ),
];
