//! `kubernetes`: what a cluster tells of its nodes and workloads.

mod facts;
mod model;
mod nodes;
mod options;
mod pods;
mod selector;
mod shown;
mod source;

use schemars::JsonSchema;
use serde::Deserialize;

use self::options::{Asked, NodesAsked, PodsAsked};
use self::source::Resource;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target,
};

/// Asks a cluster for one of the lists that it keeps, and tells what is not as it should
/// be: by `kubectl get` on the host that the check is `on`.
///
/// A list is asked for once in a run, for the whole cluster, and serves every check that
/// looks at a part of it: namespace, labels and names are held against it here. Where the
/// login may not see the whole cluster, the namespace's list is asked for. A retry looks
/// afresh, together with the retries of other checks.
///
/// Nothing but `get` is ever asked for, and of an object only what the facts tell is kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// The nodes: Ready, schedulable, without pressure.
    #[serde(default)]
    nodes: Option<NodesAsked>,
    /// The pods: running and ready, and why not.
    #[serde(default)]
    pods: Option<PodsAsked>,
    /// Run kubectl by `sudo -n`.
    #[serde(default)]
    sudo: bool,
    /// How kubectl is called there: `[kubectl]` when left out, `[k3s, kubectl]`.
    #[serde(default = "kubectl")]
    #[schemars(length(min = 1))]
    program: Vec<String>,
    /// The kubeconfig file, of the host where kubectl runs.
    #[serde(default)]
    kubeconfig: Option<String>,
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
        match asked {
            Asked::Nodes(asked) => {
                let nodes = self.list(context, Resource::NODES, None).await?;
                nodes::tell(nodes.items(), asked, &mut facts);
            }
            Asked::Pods(asked) => {
                let namespace = asked.namespace.as_deref();
                let pods = self.list(context, Resource::PODS, namespace).await?;
                pods::tell(pods.items(), asked, &mut facts);
            }
        }
        Ok(facts)
    }
}

impl Kind for Kubernetes {
    const NAME: &'static str = "kubernetes";
    const SUMMARY: &'static str = "a cluster's nodes and workloads are as they should be";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &facts::FACTS;
    const EXAMPLE: &'static str = "title: the pods of awoooi-prod run and are ready\non: k3s120\nkubernetes: { pods: { namespace: awoooi-prod }, sudo: true }\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        self.wrong(target, policy)
    }

    fn defaults(&self) -> Defaults {
        self.asked().map(Asked::defaults).unwrap_or_default()
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        let asked = self.asked();
        let what = asked.map_or("lists", Asked::words);
        match asked.and_then(Asked::namespace) {
            Some(namespace) => format!("the {what} of {namespace}, by kubectl on {host}"),
            None => format!("the cluster's {what}, by kubectl on {host}"),
        }
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let asked = self.asked();
        asked.map_or_else(Vec::new, |asked| {
            self.list_requests(target, policy, &asked.resources(), asked.namespace())
        })
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let asked = self.asked().ok_or_else(|| {
            Fault::new(
                FaultKind::Internal,
                "the check asks the cluster for nothing",
            )
        })?;
        self.tell(context, asked).await
    }
}

#[cfg(test)]
mod tests;
