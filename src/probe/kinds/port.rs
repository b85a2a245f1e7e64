//! `port`: something listens on a port of a host.

mod listeners;

use schemars::JsonSchema;
use serde::Deserialize;

use self::listeners::{Listener, is_little_endian, parse_netstat, parse_proc, parse_ss};
use super::{aim, answer};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Value,
};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Asks the host itself which of its sockets are bound to a port, and to which
/// addresses: what `tcp` cannot tell from outside. Nothing connects to it.
///
/// `ss` tells it; where there is none, `/proc/net` does, with the last two of
/// the commands below; on the operator's own Mac, `netstat`. A port that nothing listens on is a fact and no fault. What
/// a container publishes by packet filter alone has no listener on the host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    port: u16,
    /// `tcp` when left out. With `udp`, a socket counts that takes datagrams
    /// from anyone.
    #[serde(default)]
    protocol: Protocol,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    /// Listening for connections.
    #[default]
    Tcp,
    /// Bound, and connected to nobody.
    Udp,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// The state in `/proc/net` of what listens.
    fn state(self) -> &'static str {
        match self {
            Self::Tcp => "0A",
            Self::Udp => "07",
        }
    }
}

/// The program that `/proc` shows is the one that reads it, and tells by its
/// sixth byte in which order the host has its bytes.
const PROGRAM: &[&str] = &["head", "-c", "6", "/proc/self/exe"];

fn is_mac(target: &Target) -> bool {
    cfg!(target_os = "macos") && target.host.as_deref().is_some_and(|host| host.local)
}

fn own(args: &[&str]) -> Vec<String> {
    args.iter().map(ToString::to_string).collect()
}

impl Port {
    fn ss(&self) -> Vec<String> {
        let flags = match self.protocol {
            Protocol::Tcp => "-lntp",
            Protocol::Udp => "-lnup",
        };
        own(&["ss", flags, &format!("sport = :{}", self.port)])
    }

    fn grep(&self) -> Vec<String> {
        let name = self.protocol.name();
        own(&[
            "grep",
            "-h",
            "-E",
            &format!(
                "local_address|:{:04X} 0+:0000 {}",
                self.port,
                self.protocol.state()
            ),
            &format!("/proc/net/{name}"),
            &format!("/proc/net/{name}6"),
        ])
    }

    fn netstat(&self) -> Vec<String> {
        own(&["netstat", "-anW", "-p", self.protocol.name()])
    }

    fn commands(&self, target: &Target) -> Vec<Vec<String>> {
        if is_mac(target) {
            vec![self.netstat()]
        } else {
            vec![self.ss(), self.grep(), own(PROGRAM)]
        }
    }

    async fn listeners(&self, context: &Context) -> Result<Vec<Listener>, Fault> {
        if is_mac(&context.target) {
            let output = exec(context, self.netstat()).await?;
            finished(&output, "netstat", context)?;
            let tcp = self.protocol == Protocol::Tcp;
            return parse_netstat(&answer::stdout(&output), self.port, tcp);
        }
        let output = exec(context, self.ss()).await?;
        match finished(&output, "ss", context) {
            Err(fault) if fault.kind == FaultKind::Missing => {
                self.listeners_of_proc(context, fault).await
            }
            Err(fault) => Err(fault),
            Ok(()) => parse_ss(&answer::stdout(&output), self.port),
        }
    }

    async fn listeners_of_proc(
        &self,
        context: &Context,
        no_ss: Fault,
    ) -> Result<Vec<Listener>, Fault> {
        let output = exec(context, self.grep()).await?;
        let status = answer::status(&output, "grep", context.host()?)?;
        whole(&output, "grep")?;
        // Without IPv6 there is no table of it, which grep takes for an error.
        let only_ipv4 = |line: &str| {
            line.contains(&format!("/proc/net/{}6", self.protocol.name()))
                && line.contains("No such file")
        };
        if status > 1 && !answer::stderr(&output).lines().all(only_ipv4) {
            let complaint = answer::complaint(&output);
            let kind = if complaint.contains("ermission denied") {
                FaultKind::Denied
            } else {
                FaultKind::Missing
            };
            return Err(Fault::new(
                kind,
                format!("{}, and no table of its kernel: {complaint}", no_ss.seen),
            ));
        }
        let program = exec(context, own(PROGRAM)).await?;
        parse_proc(
            &answer::stdout(&output),
            self.port,
            self.protocol.state(),
            is_little_endian(&program.stdout),
        )
    }
}

impl Kind for Port {
    const NAME: &'static str = "port";
    const SUMMARY: &'static str = "something listens on a port of a host";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "listening",
            Type::Bool,
            "A socket of the host is bound to the port and waits.",
        ),
        FactSpec::new(
            "addresses",
            Type::List(&Type::Text),
            "The local addresses it is bound to, without brackets: `127.0.0.1`, `::`; `*` is what `ss` prints for all of them; absent when nothing listens.",
        ),
        FactSpec::new(
            "loopback_only",
            Type::Bool,
            "Every one of `addresses` is of loopback, so that other machines cannot connect; absent when nothing listens.",
        ),
        FactSpec::new(
            "any_address",
            Type::Bool,
            "One of `addresses` stands for all of the host: `0.0.0.0`, `::` or `*`; absent when nothing listens.",
        ),
        FactSpec::new(
            "processes",
            Type::List(&Type::Text),
            "Names of the processes that hold it, each once; absent where the host does not tell them for every socket, as to a login that is neither root nor their owner, and without `ss`.",
        ),
    ];
    const EXAMPLE: &'static str = "title: Redis listens, and on loopback alone\non: data188\nport: { port: 6379 }\nrequire: [listening, loopback_only]\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let refused = self
            .commands(target)
            .into_iter()
            .filter_map(|args| ReadOnlyCommand::from_args(policy, args).err());
        let refused = refused.map(|refused| OptionProblem {
            path: Vec::new(),
            message: refused.message,
            suggestion: None,
        });
        aim::port_problem(self.port)
            .into_iter()
            .chain(refused)
            .collect()
    }

    fn defaults(&self) -> Defaults {
        Defaults::require(["listening"])
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        let name = self.protocol.name().to_uppercase();
        format!("{host}'s word on who listens on {name} port {}", self.port)
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.commands(target), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        Ok(facts(&self.listeners(context).await?))
    }
}

async fn exec(context: &Context, args: Vec<String>) -> Result<Output, Fault> {
    let command = answer::command(&context.transports.policy, args)?;
    context.exec(&command).await
}

/// That a table was printed to its end: what is missing from half of one may
/// stand in the other half.
fn whole(output: &Output, program: &str) -> Result<(), Fault> {
    if output.truncated {
        return Err(Fault::new(
            FaultKind::Protocol,
            format!("{program} printed more than is kept"),
        ));
    }
    Ok(())
}

fn finished(output: &Output, program: &str, context: &Context) -> Result<(), Fault> {
    let status = answer::status(output, program, context.host()?)?;
    whole(output, program)?;
    let complaints = answer::stderr(output);
    // `ss` goes on with an empty table when the kernel does not answer it.
    let complaint = complaints.lines().find(|line| {
        let line = line.to_ascii_lowercase();
        ["netlink", "denied", "not permitted", "/proc/net"]
            .iter()
            .any(|words| line.contains(words))
    });
    let Some(complaint) =
        complaint.or((status != 0).then(|| complaints.lines().next().unwrap_or("")))
    else {
        return Ok(());
    };
    let kind = if ["denied", "not permitted"]
        .iter()
        .any(|words| complaint.contains(words))
    {
        FaultKind::Denied
    } else {
        FaultKind::Protocol
    };
    Err(Fault::new(
        kind,
        format!("{program} ended with status {status}: {complaint}"),
    ))
}

fn facts(listeners: &[Listener]) -> Facts {
    let mut facts = Facts::new();
    facts.set("listening", !listeners.is_empty());
    if listeners.is_empty() {
        return facts;
    }
    let addresses: Option<Vec<&str>> = listeners
        .iter()
        .map(|listener| listener.address.as_deref())
        .collect();
    if let Some(addresses) = addresses {
        let loopback = addresses.iter().all(|at| Listener::is_loopback(at));
        facts.set("loopback_only", loopback);
        let any = addresses.iter().any(|at| Listener::is_wildcard(at));
        facts.set("any_address", any);
        facts.set("addresses", each_once(addresses));
    }
    let processes: Option<Vec<&[String]>> = listeners
        .iter()
        .map(|listener| listener.processes.as_deref())
        .collect();
    if let Some(processes) = processes {
        facts.set(
            "processes",
            each_once(processes.concat().iter().map(String::as_str).collect()),
        );
    }
    facts
}

fn each_once(mut texts: Vec<&str>) -> Value {
    texts.sort_unstable();
    texts.dedup();
    Value::List(texts.into_iter().map(Value::from).collect())
}

#[cfg(test)]
mod tests;
