//! Lists from the API itself, asked from the machine that coldstart runs on.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Answer, LARGEST, Resource, here, parse};
use crate::probe::kinds::aim;
use crate::probe::kinds::kubernetes::Kubernetes;
use crate::probe::kinds::kubernetes::clock::Clock;
use crate::probe::{Context, Facts, Fault, FaultKind, Request, Target};
use crate::transport::kubernetes::{Answered, Api, requests};

/// What an API server says instead of a list.
#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    message: Option<String>,
}

/// Where the API has a resource, the newest version first.
fn groups(resource: Resource) -> &'static [&'static str] {
    match resource.name {
        "deployments" | "statefulsets" | "daemonsets" => &["apis/apps/v1"],
        "jobs" => &["apis/batch/v1"],
        // Before 1.21.
        "cronjobs" => &["apis/batch/v1", "apis/batch/v1beta1"],
        "endpointslices" => &["apis/discovery.k8s.io/v1", "apis/discovery.k8s.io/v1beta1"],
        _ => &["api/v1"],
    }
}

fn path(group: &str, resource: Resource, namespace: Option<&str>) -> String {
    let name = resource.name;
    match namespace {
        Some(one) if !resource.namespaced => format!("{group}/{name}/{one}"),
        Some(namespace) => format!("{group}/namespaces/{namespace}/{name}"),
        None => format!("{group}/{name}"),
    }
}

/// What the server says of itself, in one line.
fn told(answered: &Answered) -> String {
    let status = serde_json::from_slice::<Status>(&answered.body).ok();
    let message = status.and_then(|status| status.message).unwrap_or_default();
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The server's own clock.
fn clock(answered: &Answered, here: Option<Timestamp>) -> Option<Clock> {
    Some(Clock {
        now: answered.date?,
        whose: "the API server".to_owned(),
        here,
    })
}

fn read<T: DeserializeOwned>(
    answered: &Answered,
    resource: Resource,
    namespace: Option<&str>,
    server: &str,
    here: Option<Timestamp>,
) -> Result<Answer<T>, Fault> {
    let name = resource.name;
    let message = told(answered);
    let seen = format!("{server} answers {}: {message}", answered.status);
    let seen = seen.trim_end_matches(": ").to_owned();
    match answered.status {
        200 => match parse(&answered.body, resource, namespace) {
            Ok(Answer::Listed(items, _)) => Ok(Answer::Listed(items, clock(answered, here))),
            Ok(answer) => Ok(answer),
            Err(error) => {
                let seen = format!("{server} answered no list of {name}: {error}");
                Err(Fault::new(FaultKind::Protocol, seen))
            }
        },
        401 => Err(Fault::new(FaultKind::Denied, seen).hopeless(false).hint(
            "the certificate or token in the kubeconfig has expired, or is another cluster's",
        )),
        403 => Ok(Answer::Forbidden(seen)),
        404 => Ok(Answer::Unknown(format!("{server} has no {name}"))),
        _ => Err(Fault::new(FaultKind::Protocol, seen)),
    }
}

impl Kubernetes {
    /// The API that the kubeconfig leads to; the file is read once in an attempt.
    async fn api(&self, context: &Context) -> Result<Arc<Api>, Fault> {
        let path = self.kubeconfig.as_deref().unwrap_or_default();
        let chosen = self.context.as_deref();
        let asked = format!("{path} {chosen:?} {}", self.unverified);
        context
            .once("this machine", &asked, || {
                Api::from_kubeconfig(Path::new(path), chosen, self.unverified)
            })
            .await
    }

    pub(super) async fn ask_api<T>(
        &self,
        context: &Context,
        resource: Resource,
        namespace: Option<&str>,
    ) -> Result<Arc<Answer<T>>, Fault>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let api = self.api(context).await?;
        let via = context.target.via.as_ref().map(|host| &host.id);
        let whom = format!(
            "{} by {:?} {:?} through {via:?}",
            api.server(),
            self.kubeconfig,
            self.context
        );
        let asked = path("", resource, namespace);
        let transports = &context.transports;
        let timeout = context.target.timeout;
        let server = api.server().as_str().trim_end_matches('/');
        let ask = || async {
            let mut answer = Answer::Unknown(String::new());
            for group in groups(resource) {
                let path = path(group, resource, namespace);
                let answered = api.get(context, &transports.tls, &path, LARGEST, timeout);
                let answered = answered.await?;
                answer = read(&answered, resource, namespace, server, here(context))?;
                if !matches!(answer, Answer::Unknown(_)) {
                    break;
                }
            }
            Ok(answer)
        };
        if resource.again {
            return ask().await.map(Arc::new);
        }
        context.once(&whom, &asked, ask).await
    }

    /// What was seen, by an API whether it was checked who it is, and without the token of
    /// the kubeconfig: no baseline names that secret, so nobody else could hide it.
    pub(in super::super) async fn by_api(
        &self,
        context: &Context,
        seen: Result<Facts, Fault>,
    ) -> Result<Facts, Fault> {
        if context.target.host.is_some() {
            return seen;
        }
        let Ok(api) = self.api(context).await else {
            return seen;
        };
        let scrub = |text: &str| api.scrub(text);
        let told = seen.map(|mut facts| {
            facts.set("verified", api.is_verified());
            facts.map_text(&scrub)
        });
        told.map_err(|mut fault| {
            fault.seen = scrub(&fault.seen);
            fault
        })
    }

    /// What [`Self::ask_api`] sends for the lists, each over a connection of its own.
    pub(super) fn api_requests(
        &self,
        target: &Target,
        resources: &[Resource],
        namespace: Option<&str>,
    ) -> Vec<Request> {
        let file = self.kubeconfig.as_deref().unwrap_or_default();
        let newest = |one: &Resource| path(groups(*one).first().unwrap_or(&""), *one, namespace);
        let paths: Vec<String> = resources.iter().map(newest).collect();
        let Some((server, lines)) = requests(Path::new(file), self.context.as_deref(), &paths)
        else {
            let unread = |path| format!("GET /{path} of the API that {file} leads to");
            return paths
                .into_iter()
                .map(|path| Request::new("http", unread(path)))
                .collect();
        };
        let port = server.port_or_known_default().unwrap_or(443);
        let host = server.host_str().unwrap_or_default();
        let connection = || aim::connection(target, host, port);
        let each = lines.into_iter();
        each.flat_map(|line| [connection(), Request::new("http", line)])
            .collect()
    }
}
