//! `address`: one of several hosts holds an address.

mod assigned;

use std::collections::BTreeMap;
use std::net::IpAddr;

use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;

use self::assigned::Assigned;
use super::answer;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, NamedHosts, OptionProblem, Place,
    Policy, Request, Target, Type, Unit, Value,
};
use crate::transport::command::{Exit, Output};
use crate::transport::wildcard;

/// Asks several hosts for the addresses of their interfaces, all at once, and tells
/// which of them hold a virtual one: that of keepalived, Pacemaker or kube-vip.
///
/// By itself it expects that exactly one of them does. None is an outage; two,
/// each of which believes that the other one is gone, is worse. A host that cannot be
/// asked may hold it as well, so that nothing can be told then, unless two others do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The address, of IPv4 or IPv6, without the length of its network.
    address: String,
    /// The hosts that may hold it: ids, `tag:NAME` or `all`.
    #[schemars(length(min = 1))]
    hosts: Vec<String>,
    /// Only on interfaces of this name; `*` stands for any text. Leaves out what load
    /// balancers have on every node: `kube-ipvs0`, `lo`. Any interface when left out.
    #[serde(default)]
    interface: Option<String>,
}

/// The forms in which a host tells its addresses, the next where it does not know
/// one: iproute2, its older versions and BusyBox, systems without it.
const FORMS: [&[&str]; 3] = [
    &["ip", "-json", "addr"],
    &["ip", "addr"],
    &["ifconfig", "-a"],
];

impl Kind for Address {
    const NAME: &'static str = "address";
    const SUMMARY: &'static str = "exactly one of several hosts holds an address";
    const PLACE: Place = Place::Hosts;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "held_once",
            Type::Bool,
            "Exactly one host holds it. Absent when a host could not be asked, unless two others hold it.",
        ).because(&["holders", "reasons"]),
        FactSpec::new(
            "holders",
            Type::List(&Type::Text),
            "Ids of the hosts that hold it, of those that could be asked.",
        ),
        FactSpec::number(
            "holders_count",
            Unit::Count,
            "How many hold it; absent when a host could not be asked.",
        ).because(&["holders", "reasons"]),
        FactSpec::new(
            "interfaces",
            Type::Map(&Type::Text),
            "The interface that has it, by host: `interfaces['k3s120'] == 'eth0'`; several with a comma between them.",
        ),
        FactSpec::new(
            "unknown",
            Type::List(&Type::Text),
            "Ids of the hosts that could not be asked. When that is all of them, it is a fault.",
        ),
        FactSpec::new(
            "reasons",
            Type::Map(&Type::Text),
            "Why they could not, by host.",
        ),
    ];
    const EXAMPLE: &'static str = "title: the cluster's address is on one node\naddress: { address: 192.168.0.125, hosts: [k3s120, k3s121] }\n";

    fn problems(&self, _: &Target, _: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, message: String, suggestion: &str| {
            problems.push(OptionProblem {
                path: vec![key.to_owned()],
                message,
                suggestion: Some(suggestion.to_owned()),
            });
        };
        if self.sought().is_none() {
            wrong(
                "address",
                format!("{:?} is no address", self.address),
                "write the address alone, as 192.168.0.125 or fd00::7d",
            );
        }
        if self.interface.as_deref() == Some("") {
            wrong(
                "interface",
                "an empty name is none".to_owned(),
                "leave it out",
            );
        }
        problems
    }

    fn hosts(&self) -> Vec<NamedHosts<'_>> {
        let numbered = self.hosts.iter().enumerate();
        numbered
            .map(|(place, name)| NamedHosts {
                path: vec!["hosts".to_owned(), place.to_string()],
                name,
            })
            .collect()
    }

    fn defaults(&self) -> Defaults {
        Defaults::require(["held_once"])
    }

    fn default_in_words(&self) -> Option<String> {
        Some(format!(
            "{} on exactly one of {}",
            self.address,
            self.hosts.join(", ")
        ))
    }

    fn goal(&self, target: &Target) -> String {
        let ids: Vec<&str> = target.also.iter().map(|host| host.id.as_str()).collect();
        format!("the addresses of {}", ids.join(", "))
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let mut all = Vec::new();
        for host in &target.also {
            let forms = FORMS.iter().take(1).map(|form| form.to_vec());
            for mut request in target.at(host).exec_requests(forms, policy) {
                request.host = Some(host.id.clone());
                all.push(request);
            }
        }
        all
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let sought = self.sought().ok_or_else(|| {
            let seen = format!("{:?} is no address", self.address);
            Fault::new(FaultKind::LocalSetup, seen)
        })?;
        let hosts = &context.target.also;
        let looks = hosts.iter().map(|host| {
            let context = context.at(host);
            async move { assigned_to(&context).await }
        });
        let told: Vec<(&str, Result<Vec<Assigned>, Fault>)> = hosts
            .iter()
            .map(|host| host.id.as_str())
            .zip(join_all(looks).await)
            .collect();
        if told.iter().all(|(_, told)| told.is_err()) {
            // Nothing was seen; the first stands for all.
            let first = told.into_iter().find_map(|(_, told)| told.err());
            let none = || Fault::new(FaultKind::Internal, "the check names no host");
            return Err(first.unwrap_or_else(none));
        }
        Ok(self.facts(sought, &told))
    }
}

impl Address {
    fn sought(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }

    fn facts(&self, sought: IpAddr, told: &[(&str, Result<Vec<Assigned>, Fault>)]) -> Facts {
        let mut interfaces = BTreeMap::new();
        let mut reasons = BTreeMap::new();
        let (mut holders, mut unknown) = (Vec::new(), Vec::new());
        for (id, told) in told {
            let assigned = match told {
                Ok(assigned) => assigned,
                Err(fault) => {
                    unknown.push(Value::from(*id));
                    reasons.insert((*id).to_owned(), Value::from(fault.seen.as_str()));
                    continue;
                }
            };
            let mut names: Vec<&str> = assigned
                .iter()
                .filter(|one| one.address == sought && self.counts(&one.interface))
                .map(|one| one.interface.as_str())
                .collect();
            names.dedup();
            if !names.is_empty() {
                holders.push(Value::from(*id));
                interfaces.insert((*id).to_owned(), Value::from(names.join(", ")));
            }
        }
        let mut facts = Facts::new();
        let lost = told.iter().find_map(|(_, told)| told.as_ref().err());
        let connection =
            lost.and_then(|fault| fault.connection.clone().or_else(|| fault.suspect.clone()));
        if let Some(connection) = connection {
            facts.set_without(connection);
        }
        let is_whole = unknown.is_empty();
        let held_once = match holders.len() {
            0 | 1 => is_whole.then_some(holders.len() == 1),
            _ => Some(false),
        };
        facts.set_some("held_once", held_once);
        #[expect(clippy::cast_precision_loss, reason = "no baseline has 2^52 hosts")]
        facts.set_some("holders_count", is_whole.then_some(holders.len() as f64));
        facts.set("holders", Value::List(holders));
        facts.set("interfaces", Value::Map(interfaces));
        facts.set("unknown", Value::List(unknown));
        facts.set("reasons", Value::Map(reasons));
        facts
    }

    fn counts(&self, interface: &str) -> bool {
        let pattern = self.interface.as_deref();
        pattern.is_none_or(|pattern| wildcard::matches(pattern, interface))
    }
}

/// What the host says it has.
async fn assigned_to(context: &Context) -> Result<Vec<Assigned>, Fault> {
    let host = context.host()?;
    let mut last = None;
    for form in FORMS {
        let command = answer::command(&context.transports.policy, form.iter().copied())?;
        let output = context.exec(&command).await?;
        let is_unknown = is_unknown(&output);
        let told = match answer::status(&output, form[0], host) {
            Ok(0) => return assigned::parse(&answer::stdout(&output), form[0]),
            Ok(status) => Fault::new(
                FaultKind::Protocol,
                format!(
                    "{} on {} ended with status {status}: {}",
                    form.join(" "),
                    answer::place(host),
                    answer::complaint(&output)
                ),
            ),
            Err(fault) => fault,
        };
        // That there is no ifconfig either is not what is to be mended.
        last.get_or_insert(told);
        if !is_unknown {
            break;
        }
    }
    Err(last.unwrap_or_else(|| Fault::new(FaultKind::Internal, "no form was tried")))
}

/// Whether the host does not know this form: there is no such program, or no such
/// flag, for which each has a status of its own.
fn is_unknown(output: &Output) -> bool {
    matches!(output.exit, Exit::Status(1 | 127 | 255))
}

#[cfg(test)]
mod tests;
