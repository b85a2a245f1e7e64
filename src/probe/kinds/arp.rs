//! `arp`: the neighbour table has an answer from an address.

mod entry;

use std::net::IpAddr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use self::entry::{Entry, parse_arp, parse_neigh, parse_proc};
use super::{aim, answer};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Host, Kind, OptionProblem, Place, Policy,
    Request, SshSettings, Target, Type, Value,
};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Looks up an address in the neighbour table (ARP for IPv4, neighbour
/// discovery for IPv6) of the machine that coldstart runs on, or with `via` of
/// another host. It tells a machine that is off or unplugged, whose entry is
/// incomplete, from one that is there and drops packets.
///
/// An entry exists only once somebody tried to reach the address, and only on
/// the same network: behind a router there is never one. Nothing is sent to
/// the address here. Without an entry the check could not tell, and a `STALE`
/// one is what the kernel remembers from earlier. So let a `ping` of the same
/// host stand in the same phase. With `after: [the-ping]` the entry is fresh
/// when this looks, but it looks only if the ping passed: that proves who
/// answered (`mac == '…'`). To learn why a ping finds nobody, leave `after`
/// out and look again while it tries: `retry: { attempts: 4, delay: 1s }`.
///
/// Of the commands below the second is sent only to a host without `ip`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arp {
    /// The IP address; that of the check's host when left out.
    #[serde(default)]
    address: Option<String>,
    /// Only entries of this network interface: `eth0`. All when left out.
    #[serde(default)]
    interface: Option<String>,
}

impl Arp {
    fn ip(&self, target: &Target) -> Option<IpAddr> {
        aim::destination(self.address.as_deref(), target)
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .map(|ip| ip.to_canonical())
            .ok()
    }

    fn neigh(ip: IpAddr) -> Vec<String> {
        let ip = ip.to_string();
        own(&["ip", "neigh", "show", "to", &ip])
    }

    fn commands(&self, target: &Target) -> Vec<Vec<String>> {
        let Some(ip) = self.ip(target) else {
            return Vec::new();
        };
        if is_mac(target) {
            return vec![own(ARP)];
        }
        let mut all = vec![Self::neigh(ip)];
        if ip.is_ipv4() {
            all.push(own(PROC));
        }
        all
    }

    async fn entries(&self, context: &Context, ip: IpAddr) -> Result<Vec<Entry>, Fault> {
        if is_mac(&context.target) {
            let output = exec(context, own(ARP)).await?;
            finished(&output, "arp", context)?;
            return parse_arp(&answer::stdout(&output), ip);
        }
        let output = exec(context, Self::neigh(ip)).await?;
        match finished(&output, "ip", context) {
            Ok(()) => parse_neigh(&answer::stdout(&output), ip),
            Err(fault) if fault.kind == FaultKind::Missing && ip.is_ipv4() => {
                let output = exec(context, own(PROC)).await?;
                finished(&output, "cat", context)?;
                parse_proc(&answer::stdout(&output), ip)
            }
            Err(fault) => Err(fault),
        }
    }
}

const PROC: &[&str] = &["cat", "/proc/net/arp"];
const ARP: &[&str] = &["arp", "-an"];

fn own(args: &[&str]) -> Vec<String> {
    args.iter().map(ToString::to_string).collect()
}

/// macOS has another table, when it is the operator's machine.
fn is_mac(target: &Target) -> bool {
    cfg!(target_os = "macos") && target.via.as_deref().is_none_or(|via| via.local)
}

/// The target whose commands run where the table is looked at.
fn viewer(target: &Target) -> Target {
    let here = || {
        Arc::new(Host {
            id: "here".to_owned(),
            address: String::new(),
            local: true,
            ssh: SshSettings::default(),
            connect_timeout: target.connect_timeout,
        })
    };
    Target {
        host: Some(target.via.clone().unwrap_or_else(here)),
        via: None,
        also: Vec::new(),
        timeout: target.timeout,
        connect_timeout: target.connect_timeout,
    }
}

fn place(target: &Target) -> &str {
    match target.via.as_deref() {
        Some(via) if !via.local => &via.id,
        Some(_) | None => "this machine",
    }
}

impl Kind for Arp {
    const NAME: &'static str = "arp";
    const SUMMARY: &'static str = "an address has an answering neighbour on the local network";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "present",
            Type::Bool,
            "The table has an entry of the address; none means only that nobody tried to reach it of late.",
        ),
        FactSpec::new(
            "incomplete",
            Type::Bool,
            "Somebody asked for the address and got no answer: the state is `FAILED` or `INCOMPLETE`, where `arp -an` prints `<incomplete>`; absent without an entry.",
        ),
        FactSpec::new(
            "state",
            Type::Text,
            "The kernel's word: `REACHABLE`, `STALE`, `DELAY`, `PROBE`, `PERMANENT`, `NOARP`, `INCOMPLETE` or `FAILED`; absent without an entry, without `ip`, and when interfaces differ.",
        ),
        FactSpec::new(
            "reachable",
            Type::Bool,
            "The kernel heard of it within the last half minute or so: the state is `REACHABLE`; absent when the state is.",
        ),
        FactSpec::new(
            "mac",
            Type::Text,
            "The hardware address that answered, `02:fc:00:00:00:05`; absent without one, and when interfaces differ.",
        ),
        FactSpec::new(
            "interfaces",
            Type::List(&Type::Text),
            "The network interfaces that have an entry of it; absent without one.",
        ),
    ];
    const EXAMPLE: &'static str =
        "title: 188 is on the cable\non: data188\narp: {}\nrequire: mac == '52:54:00:00:01:88'\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let problem = |message: String, suggestion: Option<String>| OptionProblem {
            path: vec!["address".to_owned()],
            message,
            suggestion,
        };
        let aim = aim::destination(self.address.as_deref(), target);
        if aim.is_empty() {
            return aim::problems("address", None, target);
        }
        let Some(ip) = self.ip(target) else {
            return vec![problem(
                format!("a neighbour's entry belongs to an IP address, and {aim:?} is none"),
                Some("add `address` with the IP address".to_owned()),
            )];
        };
        let mut problems = Vec::new();
        if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() {
            problems.push(problem(format!("{ip} is never a neighbour"), None));
        }
        let via = target.via.as_deref();
        if via.is_some_and(|via| !via.local && via.address.parse() == Ok(ip)) {
            problems.push(OptionProblem {
                path: Vec::new(),
                message: format!("{ip} is the host that it goes `via`, and no neighbour of itself"),
                suggestion: Some("leave `via` out, or name another host".to_owned()),
            });
        }
        if is_mac(target) && ip.is_ipv6() {
            problems.push(problem(
                "macOS is asked for IPv4 addresses only".to_owned(),
                Some("add `via` with a Linux host of that network".to_owned()),
            ));
        }
        if self
            .interface
            .as_deref()
            .is_some_and(|name| name.is_empty() || name.contains(char::is_whitespace))
        {
            problems.push(OptionProblem {
                path: vec!["interface".to_owned()],
                message: "no interface has such a name".to_owned(),
                suggestion: Some("a name that `ip link` shows, such as `eth0`".to_owned()),
            });
        }
        let refused = self
            .commands(target)
            .into_iter()
            .filter_map(|args| ReadOnlyCommand::from_args(policy, args).err());
        problems.extend(refused.map(|refused| OptionProblem {
            path: Vec::new(),
            message: refused.message,
            suggestion: None,
        }));
        problems
    }

    fn defaults(&self) -> Defaults {
        Defaults::require(["!incomplete"])
    }

    fn goal(&self, target: &Target) -> String {
        format!(
            "the entry of {} in the neighbour table of {}",
            aim::destination(self.address.as_deref(), target),
            place(target)
        )
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let viewer = viewer(target);
        viewer.exec_requests(self.commands(target), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let ip = self
            .ip(&context.target)
            .ok_or_else(|| Fault::new(FaultKind::LocalSetup, "the address is no IP address"))?;
        let mut entries = self.entries(context, ip).await?;
        if let Some(interface) = &self.interface {
            entries.retain(|entry| entry.interface == *interface);
        }
        Ok(facts(&entries))
    }
}

async fn exec(context: &Context, args: Vec<String>) -> Result<Output, Fault> {
    let command = answer::command(&context.transports.policy, args)?;
    let context = Context {
        target: viewer(&context.target),
        ..context.clone()
    };
    context.exec(&command).await
}

fn finished(output: &Output, program: &str, context: &Context) -> Result<(), Fault> {
    let viewer = viewer(&context.target);
    let host = viewer
        .host
        .as_deref()
        .ok_or_else(|| Fault::new(FaultKind::Internal, "the check has no host to look from"))?;
    let status = answer::status(output, program, host)?;
    if output.truncated {
        return Err(Fault::new(
            FaultKind::Protocol,
            format!("{program} printed more than is kept"),
        ));
    }
    let complaint = answer::complaint(output);
    // An empty table is told by silence, so a complaint is none.
    if status == 0 && (complaint.is_empty() || !output.stdout.is_empty()) {
        return Ok(());
    }
    let denied = ["ermission denied", "not permitted"];
    let kind = if denied.iter().any(|words| complaint.contains(words)) {
        FaultKind::Denied
    } else if complaint.contains("No such file") {
        FaultKind::Missing
    } else {
        FaultKind::Protocol
    };
    Err(Fault::new(
        kind,
        format!(
            "{program} ended with status {status} on {}: {complaint}",
            place(&context.target)
        ),
    ))
}

fn facts(entries: &[Entry]) -> Facts {
    let mut facts = Facts::new();
    facts.set("present", !entries.is_empty());
    if entries.is_empty() {
        return facts;
    }
    // Which of several interfaces is the way is not told, so one without an
    // answer is enough.
    facts.set("incomplete", entries.iter().any(Entry::is_incomplete));
    let state = agreed(entries, |entry| entry.state);
    facts.set_some("state", state);
    facts.set_some("reachable", state.map(|state| state == "REACHABLE"));
    facts.set_some("mac", agreed(entries, |entry| entry.mac.as_deref()));
    let mut interfaces: Vec<&str> = entries.iter().map(|entry| &*entry.interface).collect();
    interfaces.sort_unstable();
    interfaces.dedup();
    facts.set(
        "interfaces",
        Value::List(interfaces.into_iter().map(Value::from).collect()),
    );
    facts
}

/// What all entries have in common.
fn agreed<'e>(
    entries: &'e [Entry],
    told: impl Fn(&'e Entry) -> Option<&'e str>,
) -> Option<&'e str> {
    let mut all = entries.iter().map(told);
    let first = all.next()??;
    all.all(|each| each == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests;
