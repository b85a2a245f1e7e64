//! Where lists come from: one `kubectl get` on a host, or one GET of the API, for each
//! resource and run, however many checks want to know of it.

mod api;
mod complaint;
mod namespace;

use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

pub(super) use self::namespace::Trace;
use super::Kubernetes;
use super::clock::Clock;
use super::model::List;
use super::options::Asked;
use crate::probe::kinds::answer;
use crate::probe::kinds::dated::{self, HostClock};
use crate::probe::{Context, Fault, FaultKind, Host, Policy, Request, Target};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Bytes of one list: a pod takes about 10 kB of it.
const LARGEST: usize = 32 << 20;

/// A resource of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resource {
    /// As `kubectl get` and the API's paths name it.
    pub(super) name: &'static str,
    /// Whether its objects are in namespaces.
    pub(super) namespaced: bool,
    /// Whether it is asked for although the attempt has its list already.
    again: bool,
}

impl Resource {
    pub(super) const NODES: Self = Self::of_cluster("nodes");
    pub(super) const PODS: Self = Self::of_namespace("pods");
    pub(super) const DEPLOYMENTS: Self = Self::of_namespace("deployments");
    pub(super) const STATEFUL_SETS: Self = Self::of_namespace("statefulsets");
    pub(super) const DAEMON_SETS: Self = Self::of_namespace("daemonsets");
    pub(super) const CRON_JOBS: Self = Self::of_namespace("cronjobs");
    pub(super) const JOBS: Self = Self::of_namespace("jobs");
    pub(super) const SERVICES: Self = Self::of_namespace("services");
    pub(super) const ENDPOINT_SLICES: Self = Self::of_namespace("endpointslices");
    pub(super) const ENDPOINTS: Self = Self::of_namespace("endpoints");
    pub(super) const CLAIMS: Self = Self::of_namespace("persistentvolumeclaims");
    pub(super) const VOLUMES: Self = Self::of_cluster("persistentvolumes");
    pub(super) const EVENTS: Self = Self::of_namespace("events");
    pub(super) const NAMESPACES: Self = Self::of_cluster("namespaces");

    const fn of_cluster(name: &'static str) -> Self {
        Self {
            name,
            namespaced: false,
            again: false,
        }
    }

    const fn of_namespace(name: &'static str) -> Self {
        Self {
            name,
            namespaced: true,
            again: false,
        }
    }

    /// The same as it is now, for the one check that asks: what another had in this attempt
    /// may be of an earlier phase, when a node was not back yet.
    pub(super) const fn again(self) -> Self {
        Self {
            again: true,
            ..self
        }
    }

    /// Whether what its objects tell is held against a clock.
    fn is_dated(self) -> bool {
        [Self::NODES.name, Self::CRON_JOBS.name, Self::EVENTS.name].contains(&self.name)
    }
}

/// What came of asking for a list.
#[derive(Debug)]
enum Answer<T> {
    /// The objects; and the clock of who told them, where that is known.
    Listed(Vec<T>, Option<Clock>),
    /// Who asked may not list it there; in the API's words.
    Forbidden(String),
    /// The cluster has no such resource; in the API's words.
    Unknown(String),
}

/// A list, shared by all checks that asked for it.
#[derive(Debug)]
pub(super) struct Listed<T> {
    answer: Arc<Answer<T>>,
    /// Whether it is that of one namespace, because that of all is not for us to see.
    is_part: bool,
}

impl<T> Listed<T> {
    pub(super) fn items(&self) -> &[T] {
        match &*self.answer {
            Answer::Listed(items, _) => items,
            // Not made from these, see `list`.
            Answer::Forbidden(_) | Answer::Unknown(_) => &[],
        }
    }

    /// The clock of who gave the list, when it was given: of the API server, or, for nodes,
    /// cron jobs and events, of the host where kubectl runs; else the operator's.
    pub(super) fn clock(&self, context: &Context) -> Option<Clock> {
        let told = match &*self.answer {
            Answer::Listed(_, clock) => clock.clone(),
            Answer::Forbidden(_) | Answer::Unknown(_) => None,
        };
        told.or_else(|| here(context).map(Clock::of_operator))
    }
}

impl Kubernetes {
    /// The whole cluster's list, which all checks share whatever part of it they look
    /// at; that of `namespace` where the whole is not for us to see.
    pub(super) async fn list<T>(
        &self,
        context: &Context,
        resource: Resource,
        namespace: Option<&str>,
    ) -> Result<Listed<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let seen = self.look(context, resource, namespace).await?;
        seen.map_err(|refused| denied(resource, &refused))
    }

    /// The list of a resource of the cluster; none where the API says that the login may not
    /// list it. That the API server knows no roles yet, that sudo refuses or that the login is
    /// none any more does not say so, and is a fault.
    pub(super) async fn list_if_allowed<T>(
        &self,
        context: &Context,
        resource: Resource,
    ) -> Result<Option<Listed<T>>, Fault>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        match self.look(context, resource, None).await? {
            Ok(listed) => Ok(Some(listed)),
            Err(refused) if lacks_roles(&refused) => Err(denied(resource, &refused)),
            Err(_) => Ok(None),
        }
    }

    /// A list as [`Self::list`] has it, or in which words the API refused it.
    async fn look<T>(
        &self,
        context: &Context,
        resource: Resource,
        namespace: Option<&str>,
    ) -> Result<Result<Listed<T>, String>, Fault>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        // On the heap: a look has a future for each list of everything that can be asked for.
        let whole = Box::pin(self.ask(context, resource, None)).await?;
        let refused = match (&*whole, namespace.filter(|_| resource.namespaced)) {
            (Answer::Listed(..), _) => {
                return Ok(Ok(Listed {
                    answer: whole,
                    is_part: false,
                }));
            }
            (Answer::Unknown(seen), _) => return Err(Fault::new(FaultKind::Missing, seen)),
            (Answer::Forbidden(seen), None) => seen.clone(),
            (Answer::Forbidden(seen), Some(namespace)) => {
                let part = Box::pin(self.ask(context, resource, Some(namespace))).await?;
                match &*part {
                    Answer::Listed(..) => {
                        return Ok(Ok(Listed {
                            answer: part,
                            is_part: true,
                        }));
                    }
                    Answer::Forbidden(seen) => seen.clone(),
                    Answer::Unknown(_) => seen.clone(),
                }
            }
        };
        Ok(Err(refused))
    }

    /// The list of a resource, of all namespaces or of one; of a cluster's resource the
    /// whole list, or the one object of that name.
    async fn ask<T>(
        &self,
        context: &Context,
        resource: Resource,
        namespace: Option<&str>,
    ) -> Result<Arc<Answer<T>>, Fault>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        if context.target.host.is_none() {
            return self.ask_api(context, resource, namespace).await;
        }
        let host = context.host()?;
        let args = self.get(resource, namespace);
        let command = answer::command(&context.transports.policy, args)?;
        let ask = || async {
            let output = context.exec_up_to(&command, LARGEST).await?;
            let answer = read(&output, &command, resource, namespace, host)?;
            Ok(match answer {
                // At once: other checks look at this list later.
                Answer::Listed(items, _) if resource.is_dated() => {
                    Answer::Listed(items, clock_of_host(context, host).await)
                }
                answer => answer,
            })
        };
        if resource.again {
            return ask().await.map(Arc::new);
        }
        context.once(&host.id, &command.line(), ask).await
    }

    /// `kubectl get` for what [`Self::ask`] asks for.
    fn get(&self, resource: Resource, namespace: Option<&str>) -> Vec<String> {
        let sudo: &[&str] = if self.sudo { &["sudo", "-n"] } else { &[] };
        let mut args: Vec<String> = sudo.iter().map(ToString::to_string).collect();
        args.extend(self.program.iter().cloned());
        args.extend(["get", resource.name].map(str::to_owned));
        match namespace {
            Some(namespace) if resource.namespaced => {
                args.extend(["-n", namespace].map(str::to_owned));
            }
            Some(name) => args.push(name.to_owned()),
            None if resource.namespaced => args.push("-A".to_owned()),
            None => {}
        }
        // It writes what it learns of the API below the login's home otherwise, root's with sudo.
        args.extend(["-o", "json", "--cache-dir", "/dev/null"].map(str::to_owned));
        let settings = [
            ("--kubeconfig", &self.kubeconfig),
            ("--context", &self.context),
        ];
        for (flag, value) in settings {
            if let Some(value) = value {
                args.extend([flag.to_owned(), value.clone()]);
            }
        }
        args
    }

    /// Every command that could be sent for these lists.
    pub(super) fn commands(
        &self,
        resources: &[Resource],
        namespace: Option<&str>,
    ) -> Vec<Vec<String>> {
        let whole = resources.iter().map(|one| self.get(*one, None));
        let parts = resources.iter().filter(|one| one.namespaced);
        let parts = parts.filter_map(|one| Some(self.get(*one, Some(namespace?))));
        whole.chain(parts).collect()
    }

    /// What a look sends, in order.
    pub(super) fn list_requests(
        &self,
        target: &Target,
        policy: &Policy,
        asked: Asked<'_>,
    ) -> Vec<Request> {
        let all = |resources: &[Resource], namespace: Option<&str>| {
            if target.host.is_none() {
                return self.api_requests(target, resources, namespace);
            }
            let commands = resources.iter().map(|one| self.get(*one, namespace));
            target.exec_requests(commands, policy)
        };
        let noted = |requests: Vec<Request>, when: &str| {
            let mut requests = requests;
            for request in &mut requests {
                request.text = format!("{} ({when})", request.text);
            }
            requests
        };
        let parts = |resources: &[Resource]| -> Vec<Resource> {
            let namespaced = resources.iter().filter(|one| one.namespaced);
            let there = namespaced.filter(|_| asked.namespace().is_some());
            there.copied().collect()
        };
        let resources = asked.resources();
        let mut requests = all(&resources, None);
        let clock = || match &target.host {
            Some(_) => target.exec_requests([dated::clock()], policy),
            None => Vec::new(),
        };
        let is_dated = |resources: &[Resource]| resources.iter().any(|one| one.is_dated());
        if is_dated(&resources) {
            requests.extend(clock());
        }
        let denied = "only where the list of all namespaces is denied";
        let alone = parts(&resources);
        requests.extend(noted(all(&alone, asked.namespace()), denied));
        if is_dated(&alone) {
            requests.extend(noted(clock(), denied));
        }
        for (resource, when) in asked.further() {
            requests.extend(noted(all(&[resource], None), when));
            if resource.is_dated() {
                requests.extend(noted(clock(), when));
            }
            let part = all(&parts(&[resource]), asked.namespace());
            requests.extend(noted(part, "only where that is denied"));
        }
        if let Some(namespace) = asked.namespace() {
            let nothing = format!("only where nothing there is of {namespace}");
            requests.extend(noted(all(&[Resource::NAMESPACES], None), &nothing));
            let alone = all(&[Resource::NAMESPACES], Some(namespace));
            requests.extend(noted(alone, "only where that is denied"));
        }
        requests
    }
}

/// The operator's clock.
fn here(context: &Context) -> Option<Timestamp> {
    context.transports.clock.map(|clock| clock())
}

/// Whether the API refuses since it does not know what the login may do: it names roles that
/// its role bindings tell of and that are not there, as right after its start.
fn lacks_roles(refused: &str) -> bool {
    refused
        .split_once("RBAC: ")
        .is_some_and(|(_, why)| why.contains("not found"))
}

fn denied(resource: Resource, refused: &str) -> Fault {
    let name = resource.name;
    let hint = if lacks_roles(refused) {
        "right after its start the API server knows no roles yet; where it stays so, a role binding \
         of this login names a role that is gone"
            .to_owned()
    } else {
        format!(
            "the login of kubectl needs `get` and `list` of {name}: the cluster role `view` has \
             both for what is in namespaces"
        )
    };
    // Right after its start the API server knows no roles yet.
    Fault::new(FaultKind::Denied, refused)
        .hopeless(false)
        .hint(hint)
}

/// What kubectl prints does not tell the API server's clock; that of the host is as near as
/// can be had. Where it has no `date`, another clock will do.
async fn clock_of_host(context: &Context, host: &Host) -> Option<Clock> {
    let command = answer::command(&context.transports.policy, dated::clock()).ok()?;
    let output = context.exec(&command).await.ok()?;
    let clock = HostClock::parse(&answer::stdout(&output))?;
    Some(Clock {
        now: Timestamp::from_second(clock.now).ok()?,
        whose: host.id.clone(),
        here: here(context).filter(|_| !host.local),
    })
}

fn read<T: DeserializeOwned>(
    output: &Output,
    command: &ReadOnlyCommand,
    resource: Resource,
    namespace: Option<&str>,
    host: &Host,
) -> Result<Answer<T>, Fault> {
    let place = answer::place(host);
    let name = resource.name;
    if output.truncated {
        return Err(Fault::new(
            FaultKind::Protocol,
            format!(
                "the list of {name} that kubectl on {place} printed is larger than {} MiB",
                LARGEST >> 20
            ),
        ));
    }
    let program = command.args().first().map_or("kubectl", String::as_str);
    if let Some(fault) = complaint::of_sudo(output, command, place) {
        return Err(fault);
    }
    if answer::status(output, program, host)? != 0 {
        return complaint::read(&answer::stderr(output), resource, place);
    }
    parse(&output.stdout, resource, namespace).map_err(|error| {
        Fault::new(
            FaultKind::Protocol,
            format!("kubectl on {place} printed no list of {name}: {error}"),
        )
    })
}

/// The objects of a list in JSON, or the one that was asked for by its name.
fn parse<T: DeserializeOwned>(
    json: &[u8],
    resource: Resource,
    namespace: Option<&str>,
) -> Result<Answer<T>, String> {
    if json.iter().all(u8::is_ascii_whitespace) {
        let name = resource.name;
        return Err(format!("nothing, not even an empty list of {name}"));
    }
    if namespace.is_some() && !resource.namespaced {
        let one = serde_json::from_slice::<T>(json);
        return one
            .map(|one| Answer::Listed(vec![one], None))
            .map_err(|error| error.to_string());
    }
    match serde_json::from_slice::<List<T>>(json) {
        Ok(list) => Ok(Answer::Listed(list.items, None)),
        Err(error) => Err(error.to_string()),
    }
}
