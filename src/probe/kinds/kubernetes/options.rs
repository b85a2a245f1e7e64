//! What a check of `kubernetes` asks for.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::lines::Span;
use super::Kubernetes;
use super::selector::Selector;
use super::shown::Part;
use super::source::Resource;
use crate::probe::Defaults;
use crate::transport::wildcard;

/// The nodes of the cluster.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KubernetesNodes")]
pub(super) struct NodesAsked {
    /// Nodes that have to be there, by name or by one of their addresses.
    #[serde(default)]
    pub(super) expect: Vec<String>,
    /// Only nodes with these labels: `node-role.kubernetes.io/control-plane`.
    #[serde(default)]
    pub(super) selector: Option<Selector>,
}

/// A part of a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KubernetesPart")]
pub(super) struct PartAsked {
    /// Only of this namespace.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    /// Only what has these labels: `app=api`, `tier in (web, api)`, `!canary`.
    #[serde(default)]
    pub(super) selector: Option<Selector>,
    /// Only what has one of these names, each of which has to be there: `api`, `api-*`.
    #[serde(default)]
    pub(super) names: Vec<String>,
}

pub(super) type PodsAsked = PartAsked;
pub(super) type JobsAsked = PartAsked;
pub(super) type ServicesAsked = PartAsked;
pub(super) type VolumesAsked = PartAsked;

impl PartAsked {
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            namespace: self.namespace.as_deref(),
            selector: self.selector.as_ref(),
            names: &self.names,
        }
    }
}

/// Deployments, stateful sets and daemon sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KubernetesWorkloads")]
pub(super) struct WorkloadsAsked {
    /// Only of this namespace.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    /// Only what has these labels: `app=api`, `tier in (web, api)`, `!canary`.
    #[serde(default)]
    pub(super) selector: Option<Selector>,
    /// Only what has one of these names, each of which has to be there: `api`, `api-*`.
    #[serde(default)]
    pub(super) names: Vec<String>,
    /// Which lists to look at: `deployments`, `stateful_sets`, `daemon_sets`; all three when
    /// left out.
    #[serde(default)]
    kinds: Vec<WorkloadKind>,
    /// Deployments and stateful sets that may want no replica at all: `maintenance-*`. They
    /// need not be there.
    #[serde(default)]
    pub(super) may_be_stopped: Vec<String>,
}

/// Cron jobs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KubernetesCronJobs")]
pub(super) struct CronJobsAsked {
    /// Only of this namespace.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    /// Only what has these labels: `app=api`, `tier in (web, api)`, `!canary`.
    #[serde(default)]
    pub(super) selector: Option<Selector>,
    /// Only what has one of these names, each of which has to be there: `api`, `api-*`.
    #[serde(default)]
    pub(super) names: Vec<String>,
    /// The time zone of the cluster's controller: `Asia/Taipei`. A cron job that has none of
    /// its own, `spec.timeZone`, is due by it. It is that of the server's host in K3s, and UTC
    /// where the controller runs in a container. Left out, such a cron job counts as due once it
    /// is so in any zone.
    #[serde(default)]
    pub(super) zone: Option<String>,
    /// How long after it is first due a new cron job may take until it has ended well: `3h`.
    /// One hour when left out.
    #[serde(default)]
    grace: Option<Span>,
}

impl CronJobsAsked {
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            namespace: self.namespace.as_deref(),
            selector: self.selector.as_ref(),
            names: &self.names,
        }
    }

    pub(super) fn grace(&self) -> SignedDuration {
        self.grace.map_or(SignedDuration::from_hours(1), |grace| {
            SignedDuration::try_from(grace.0).unwrap_or(SignedDuration::MAX)
        })
    }
}

/// A list of workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "KubernetesWorkloadKind")]
pub(super) enum WorkloadKind {
    Deployments,
    StatefulSets,
    DaemonSets,
}

impl WorkloadKind {
    const ALL: [Self; 3] = [Self::Deployments, Self::StatefulSets, Self::DaemonSets];

    /// One of them.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Deployments => "deployment",
            Self::StatefulSets => "statefulset",
            Self::DaemonSets => "daemonset",
        }
    }

    pub(super) fn resource(self) -> Resource {
        match self {
            Self::Deployments => Resource::DEPLOYMENTS,
            Self::StatefulSets => Resource::STATEFUL_SETS,
            Self::DaemonSets => Resource::DAEMON_SETS,
        }
    }
}

impl WorkloadsAsked {
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            namespace: self.namespace.as_deref(),
            selector: self.selector.as_ref(),
            names: &self.names,
        }
    }

    /// Whether it is fine that one of that name wants no replica.
    pub(super) fn may_be_stopped(&self, name: &str) -> bool {
        let mut patterns = self.may_be_stopped.iter();
        patterns.any(|pattern| wildcard::matches(pattern, name))
    }

    /// The lists to look at, each once.
    pub(super) fn kinds(&self) -> Vec<WorkloadKind> {
        let is_asked = |of: &WorkloadKind| self.kinds.is_empty() || self.kinds.contains(of);
        WorkloadKind::ALL.into_iter().filter(is_asked).collect()
    }
}

/// Events, the newest of which are evidence.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KubernetesEvents")]
pub(super) struct EventsAsked {
    /// Only of this namespace.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    /// Only about objects of these names: `api-*`. That nothing is told of them is what is
    /// hoped for, so a slip in a name is not noticed: the fact `missing` has those of which
    /// there is no event at all.
    #[serde(default)]
    pub(super) objects: Vec<String>,
    /// Only with these reasons: `FailedMount`, `Failed*`. A slip here is not noticed either.
    #[serde(default)]
    pub(super) reasons: Vec<String>,
    /// How far back to look from when the list was given: `15m`. One hour when left out. By the
    /// clock of the API server, of the host where kubectl runs, or, where neither tells it, of
    /// the machine that coldstart runs on.
    #[serde(default)]
    pub(super) since: Option<Span>,
    /// Also those that are no warnings.
    #[serde(default)]
    pub(super) all: bool,
}

/// The one thing that a check asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'a> {
    Nodes(&'a NodesAsked),
    Pods(&'a PodsAsked),
    Workloads(&'a WorkloadsAsked),
    CronJobs(&'a CronJobsAsked),
    Jobs(&'a JobsAsked),
    Services(&'a ServicesAsked),
    Volumes(&'a VolumesAsked),
    Events(&'a EventsAsked),
}

impl<'a> Asked<'a> {
    /// Its key in the options.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Nodes(_) => "nodes",
            Self::Pods(_) => "pods",
            Self::Workloads(_) => "workloads",
            Self::CronJobs(_) => "cron_jobs",
            Self::Jobs(_) => "jobs",
            Self::Services(_) => "services",
            Self::Volumes(_) => "volumes",
            Self::Events(_) => "events",
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::CronJobs(_) => "cron jobs",
            Self::Services(_) => "services and what is behind them",
            Self::Volumes(_) => "volumes and claims",
            Self::Nodes(_)
            | Self::Pods(_)
            | Self::Workloads(_)
            | Self::Jobs(_)
            | Self::Events(_) => self.key(),
        }
    }

    /// The lists that it is told from in any case.
    pub(super) fn resources(self) -> Vec<Resource> {
        match self {
            Self::Nodes(_) => vec![Resource::NODES],
            Self::Pods(_) => vec![Resource::PODS, Resource::NODES],
            Self::Workloads(asked) => asked
                .kinds()
                .into_iter()
                .map(WorkloadKind::resource)
                .collect(),
            Self::CronJobs(_) => vec![Resource::CRON_JOBS],
            Self::Jobs(_) => vec![Resource::JOBS],
            Self::Services(_) => vec![Resource::SERVICES, Resource::ENDPOINT_SLICES],
            Self::Volumes(_) => vec![Resource::CLAIMS, Resource::VOLUMES],
            Self::Events(_) => vec![Resource::EVENTS],
        }
    }

    /// The lists that are asked for as well, and when.
    pub(super) fn further(self) -> Vec<(Resource, &'static str)> {
        match self {
            Self::CronJobs(_) => vec![(
                Resource::JOBS,
                "only where a cron job tells of no last success",
            )],
            Self::Services(_) => vec![(
                Resource::ENDPOINTS,
                "only where the cluster has no endpoint slices, or they are denied",
            )],
            Self::Pods(_) => vec![
                (
                    Resource::NODES.again(),
                    "only where a pod is on a node that is lost by what was listed before",
                ),
                (Resource::PODS.again(), "only where that node is back"),
            ],
            Self::Nodes(_)
            | Self::Workloads(_)
            | Self::Jobs(_)
            | Self::Volumes(_)
            | Self::Events(_) => Vec::new(),
        }
    }

    pub(super) fn namespace(self) -> Option<&'a str> {
        match self {
            Self::Nodes(_) => None,
            Self::Workloads(asked) => asked.namespace.as_deref(),
            Self::Events(asked) => asked.namespace.as_deref(),
            Self::CronJobs(asked) => asked.namespace.as_deref(),
            Self::Pods(asked)
            | Self::Jobs(asked)
            | Self::Services(asked)
            | Self::Volumes(asked) => asked.namespace.as_deref(),
        }
    }

    /// Patterns of names, with the keys that they stand under.
    pub(super) fn names(self) -> Vec<(&'static str, &'a [String])> {
        match self {
            Self::Nodes(asked) => vec![("expect", &asked.expect)],
            Self::Workloads(asked) => vec![("names", &asked.names)],
            Self::Events(asked) => vec![("objects", &asked.objects), ("reasons", &asked.reasons)],
            Self::CronJobs(asked) => vec![("names", &asked.names)],
            Self::Pods(asked)
            | Self::Jobs(asked)
            | Self::Services(asked)
            | Self::Volumes(asked) => vec![("names", &asked.names)],
        }
    }

    pub(super) fn defaults(self) -> Defaults {
        let (require, prefer): (&[&str], &[&str]) = match self {
            Self::Nodes(_) => (
                &["count > 0", "size(not_ready) == 0", "size(stale) == 0"],
                &["size(unschedulable) == 0", "size(pressure) == 0"],
            ),
            Self::Pods(_) => (
                &[
                    "ready_count > 0",
                    "size(not_ready) == 0",
                    "!nodes_seen || size(on_lost_nodes) == 0",
                ],
                &["size(failed) == 0", "nodes_seen"],
            ),
            Self::Workloads(_) => (
                &["count > 0", "size(unavailable) == 0", "size(stopped) == 0"],
                &["size(outdated) == 0"],
            ),
            Self::CronJobs(_) => (
                &[
                    "count > 0",
                    "size(suspended) == 0",
                    "size(without_success) == 0",
                ],
                // One that is made anew again and again never owes a success.
                &["size(not_due_yet) == 0"],
            ),
            Self::Jobs(_) => (&["size(unresolved) == 0"], &["failed_count == 0"]),
            Self::Services(_) => (&["count > 0", "size(without_endpoints) == 0"], &[]),
            Self::Volumes(_) => (&["count > 0", "size(unbound) == 0"], &["size(failed) == 0"]),
            Self::Events(_) => (&[], &["warning_count == 0"]),
        };
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let mut defaults = Defaults {
            require: owned(require),
            prefer: owned(prefer),
        };
        let is_event = matches!(self, Self::Events(_));
        if !is_event && self.names().iter().any(|(_, names)| !names.is_empty()) {
            defaults.require.insert(0, "size(missing) == 0".to_owned());
        }
        // A daemon set for other nodes than there are is common; one that somebody names is
        // meant to run.
        if matches!(self, Self::Workloads(asked) if !asked.names.is_empty()) {
            defaults.require.push("size(without_nodes) == 0".to_owned());
        }
        // Jobs are cleaned away, so none at all is no failure. But of labels that nobody has
        // nothing is told, and they may be mistyped.
        if matches!(self, Self::Jobs(asked) if asked.selector.is_some()) {
            defaults.prefer.push("count > 0".to_owned());
        }
        // In a namespace that is mistyped there is nothing, and nothing wrong either.
        if self.namespace().is_some() {
            let there = "size(missing_namespace) == 0";
            defaults.require.insert(0, there.to_owned());
        }
        defaults
    }
}

impl Kubernetes {
    /// Everything asked for: one, when there is no problem with it.
    pub(super) fn all_asked(&self) -> Vec<Asked<'_>> {
        [
            self.nodes.as_ref().map(Asked::Nodes),
            self.pods.as_ref().map(Asked::Pods),
            self.workloads.as_ref().map(Asked::Workloads),
            self.cron_jobs.as_ref().map(Asked::CronJobs),
            self.jobs.as_ref().map(Asked::Jobs),
            self.services.as_ref().map(Asked::Services),
            self.volumes.as_ref().map(Asked::Volumes),
            self.events.as_ref().map(Asked::Events),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
