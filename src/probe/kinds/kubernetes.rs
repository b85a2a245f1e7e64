//! `kubernetes`: what a cluster tells of its nodes and workloads.

mod clock;
mod due;
mod events;
mod facts;
mod jobs;
mod model;
mod nodes;
mod options;
mod pods;
mod problems;
mod selector;
mod services;
mod shown;
mod source;
mod volumes;
mod workloads;

use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::Deserialize;

use self::model::{Claim, EndpointSlice, Endpoints, Event, Job, Node, Pod, Volume, Workload};
use self::options::{
    Asked, CronJobsAsked, EventsAsked, JobsAsked, NodesAsked, PodsAsked, ServicesAsked,
    VolumesAsked, WorkloadsAsked,
};
use self::shown::texts;
use self::source::{Listed, Resource, Trace};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target,
};

/// Asks a cluster for one of the lists that it keeps, and tells what is not as it should
/// be: by `kubectl get` on the host that the check is `on`, or, without `on`, by asking
/// the API from here, as a `kubeconfig` leads there, through `via` if need be.
///
/// A list is asked for once in a run, for the whole cluster, and serves every check that
/// looks at a part of it: namespace, labels and names are held against it here. Where the
/// login may not see the whole cluster, the namespace's list is asked for. A retry looks
/// afresh, together with the retries of other checks.
///
/// Right after its start an API server tells what it knew before: a node that has not come
/// back is Ready for a minute, and its pods run. So a node's last word has to be new, also
/// that of the nodes which ready pods are on. Workloads and services are told as the cluster's
/// controllers left them: let them come after a check of the nodes or the pods.
///
/// A list in which nothing is of the namespace asked for is only believed when that
/// namespace is there: then the namespaces are listed as well. Where it is not, or where that
/// may not be seen, `missing_namespace` is all that is told: of no pod that waits for its image
/// nothing follows, and an expectation of it does not pass, whether the defaults apply or not.
///
/// Nothing but `get` and `list` is ever asked for, and of an object only what the facts tell is kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// The nodes: Ready, schedulable, without pressure.
    #[serde(default)]
    nodes: Option<NodesAsked>,
    /// The pods: running and ready, and why not.
    #[serde(default)]
    pods: Option<PodsAsked>,
    /// The deployments, stateful sets and daemon sets: available, and none is scaled to zero
    /// but those that `may_be_stopped` names.
    #[serde(default)]
    workloads: Option<WorkloadsAsked>,
    /// The cron jobs: not suspended, and each has ended well since it was first due; when
    /// they last did.
    #[serde(default)]
    cron_jobs: Option<CronJobsAsked>,
    /// The jobs: none has failed for good.
    #[serde(default)]
    jobs: Option<JobsAsked>,
    /// The services: each has a ready address behind it.
    #[serde(default)]
    services: Option<ServicesAsked>,
    /// The persistent volumes and their claims: bound.
    #[serde(default)]
    volumes: Option<VolumesAsked>,
    /// The events: warnings, as evidence.
    #[serde(default)]
    events: Option<EventsAsked>,
    /// Run kubectl by `sudo -n`.
    #[serde(default)]
    sudo: bool,
    /// How kubectl is called there: `[kubectl]` when left out, `[k3s, kubectl]`.
    #[serde(default = "kubectl")]
    #[schemars(length(min = 1))]
    program: Vec<String>,
    /// The kubeconfig file: of the host where kubectl runs, or, without `on`, of the machine
    /// that coldstart runs on. Its login is a certificate or a token there; one that has a
    /// program run is refused.
    #[serde(default)]
    kubeconfig: Option<String>,
    /// Without `on`: send the token of the kubeconfig also to a server whose certificate it
    /// does not have checked (`insecure-skip-tls-verify`). That may be anybody at this address.
    #[serde(default)]
    unverified: bool,
    /// The context in the kubeconfig; its current one when left out.
    #[serde(default)]
    context: Option<String>,
}

fn kubectl() -> Vec<String> {
    vec!["kubectl".to_owned()]
}

impl Kubernetes {
    /// What it asks for. [`Kind::problems`] has told of anything but one.
    fn asked(&self) -> Option<Asked<'_>> {
        self.all_asked().into_iter().next()
    }

    async fn tell(&self, context: &Context, asked: Asked<'_>) -> Result<Facts, Fault> {
        let mut facts = Facts::new();
        let namespace = asked.namespace();
        let trace = match asked {
            Asked::Nodes(asked) => {
                let nodes = self.list(context, Resource::NODES, None).await?;
                let clock = nodes.clock(context);
                nodes::tell(nodes.items(), asked, clock.as_ref(), &mut facts);
                clock::set_now(clock.as_ref(), context, &mut facts);
                nodes.trace(namespace)
            }
            Asked::Pods(asked) => self.tell_pods(context, asked, &mut facts).await?,
            Asked::Workloads(asked) => {
                let lists = asked.kinds().into_iter().map(|of| async move {
                    let list = self.list::<Workload>(context, of.resource(), namespace);
                    Ok::<_, Fault>((of, list.await?))
                });
                let lists = try_join_all(lists).await?;
                let traces = lists.iter().map(|(_, list)| list.trace(namespace));
                let trace = traces.max().unwrap_or_default();
                let lists: Vec<_> = lists.iter().map(|(of, list)| (*of, list.items())).collect();
                workloads::tell(&lists, asked, &mut facts);
                trace
            }
            Asked::CronJobs(asked) => {
                let cron_jobs = self.list(context, Resource::CRON_JOBS, namespace).await?;
                let jobs = if jobs::needs_jobs(cron_jobs.items(), asked) {
                    Some(self.list::<Job>(context, Resource::JOBS, namespace).await?)
                } else {
                    None
                };
                let jobs = jobs.as_ref().map(Listed::items);
                let clock = cron_jobs.clock(context);
                jobs::tell_cron_jobs(cron_jobs.items(), jobs, asked, clock.as_ref(), &mut facts);
                clock::set_now(clock.as_ref(), context, &mut facts);
                cron_jobs.trace(namespace)
            }
            Asked::Jobs(asked) => {
                let jobs = self.list(context, Resource::JOBS, namespace).await?;
                jobs::tell_jobs(jobs.items(), asked, &mut facts);
                jobs.trace(namespace)
            }
            Asked::Services(asked) => self.tell_services(context, asked, &mut facts).await?,
            Asked::Volumes(asked) => {
                let (claims, volumes) = tokio::join!(
                    self.list::<Claim>(context, Resource::CLAIMS, namespace),
                    // A login for namespaces alone sees the claims.
                    self.list_if_allowed::<Volume>(context, Resource::VOLUMES),
                );
                let (claims, volumes) = (claims?, volumes?);
                let volumes = volumes.as_ref().map(Listed::items);
                volumes::tell(claims.items(), volumes, asked, &mut facts);
                claims.trace(namespace)
            }
            Asked::Events(asked) => {
                let listed = self.list::<Event>(context, Resource::EVENTS, namespace);
                let events = listed.await?;
                let clock = events.clock(context);
                events::tell(events.items(), asked, clock.as_ref(), &mut facts);
                clock::set_now(clock.as_ref(), context, &mut facts);
                events.trace(namespace)
            }
        };
        if let Some(namespace) = namespace {
            let missing = self.missing_namespace(context, namespace, trace).await?;
            if !missing.as_ref().is_some_and(Vec::is_empty) {
                // What is empty since nothing could be in it tells of nothing.
                facts = Facts::new();
            }
            facts.set_some("missing_namespace", missing.map(texts));
        }
        Ok(facts)
    }

    async fn tell_pods(
        &self,
        context: &Context,
        asked: &PodsAsked,
        facts: &mut Facts,
    ) -> Result<Trace, Fault> {
        let namespace = asked.namespace.as_deref();
        let (pods, nodes) = tokio::join!(
            self.list(context, Resource::PODS, namespace),
            // A login for namespaces alone sees the pods.
            self.list_if_allowed::<Node>(context, Resource::NODES),
        );
        let (mut pods, nodes) = (pods?, nodes?);
        let on_lost = |pods: &Listed<Pod>, nodes: &Listed<Node>| {
            let clock = nodes.clock(context);
            pods::on_lost_nodes(pods.items(), asked, nodes.items(), clock.as_ref())
        };
        let are_lost = |lost: &Option<Vec<String>>| lost.as_ref().is_some_and(|on| !on.is_empty());
        let mut lost = nodes.as_ref().and_then(|nodes| on_lost(&pods, nodes));
        if are_lost(&lost) {
            // The list may be another check's, of when the nodes were not back yet.
            let again = Resource::NODES.again();
            let nodes = self.list(context, again, None).await?;
            lost = on_lost(&pods, &nodes);
            if !are_lost(&lost) {
                // They are back, and that these pods are ready was told before they went.
                let again = Resource::PODS.again();
                pods = self.list(context, again, namespace).await?;
                lost = on_lost(&pods, &nodes);
            }
        }
        pods::tell(pods.items(), asked, facts);
        facts.set("nodes_seen", nodes.is_some());
        facts.set_some("on_lost_nodes", lost.map(texts));
        Ok(pods.trace(namespace))
    }

    async fn tell_services(
        &self,
        context: &Context,
        asked: &ServicesAsked,
        facts: &mut Facts,
    ) -> Result<Trace, Fault> {
        let namespace = asked.namespace.as_deref();
        let (services, slices) = tokio::join!(
            self.list(context, Resource::SERVICES, namespace),
            self.list::<EndpointSlice>(context, Resource::ENDPOINT_SLICES, namespace),
        );
        let services = services?;
        let others: Listed<Endpoints>;
        let slices: Result<Listed<EndpointSlice>, Fault> = slices;
        let behind = match &slices {
            Ok(slices) => services::of_slices(slices.items()),
            Err(fault) if matches!(fault.kind, FaultKind::Missing | FaultKind::Denied) => {
                others = self.list(context, Resource::ENDPOINTS, namespace).await?;
                services::of_endpoints(others.items())
            }
            Err(fault) => return Err(fault.clone()),
        };
        services::tell(services.items(), &behind, asked, facts);
        Ok(services.trace(namespace))
    }
}

impl Kind for Kubernetes {
    const NAME: &'static str = "kubernetes";
    const SUMMARY: &'static str = "a cluster's nodes and workloads are as they should be";
    const PLACE: Place = Place::Either;
    const FACTS: &'static [FactSpec] = &facts::FACTS;
    const EXAMPLE: &'static str = "title: the pods of awoooi-prod run and are ready\non: k3s120\nkubernetes: { pods: { namespace: awoooi-prod }, sudo: true }\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        self.wrong(target, policy)
    }

    fn defaults(&self) -> Defaults {
        let mut defaults = self.asked().map(Asked::defaults).unwrap_or_default();
        if self.kubeconfig.is_some() {
            // By kubectl it is not told.
            let verified = "!has(verified) || verified".to_owned();
            defaults.prefer.push(verified);
        }
        defaults
    }

    fn goal(&self, target: &Target) -> String {
        let asked = self.asked();
        let what = asked.map_or("lists", Asked::words);
        let how = match &target.host {
            Some(host) => format!("by kubectl on {}", host.id),
            None => format!(
                "from the API of {}",
                self.kubeconfig.as_deref().unwrap_or("a cluster")
            ),
        };
        match asked.and_then(Asked::namespace) {
            Some(namespace) => format!("the {what} of {namespace}, {how}"),
            None => format!("the cluster's {what}, {how}"),
        }
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let asked = self.asked();
        asked.map_or_else(Vec::new, |asked| self.list_requests(target, policy, asked))
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let asked = self.asked().ok_or_else(|| {
            Fault::new(
                FaultKind::Internal,
                "the check asks the cluster for nothing",
            )
        })?;
        let seen = self.tell(context, asked).await;
        self.by_api(context, seen).await
    }
}

#[cfg(test)]
mod tests;
