//! `dns`: name servers answer, with the right records and alike.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::aim;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit, Value,
};
use crate::transport::dns::{self, Answer, By, Question, RESOLV_CONF, Server};

/// Asks name servers for the records of a name, each server by itself, and
/// compares what they say.
///
/// A name that does not exist is a fact (`rcode` is `NXDOMAIN`); a server that does
/// not answer is a fault, or, among several, stands in `silent`. Servers are
/// asked by UDP, and by TCP where the answer is too long for that; with `via` by
/// TCP alone. There is no search list: `db` is not `db.lan`. To see a name as
/// programs of a host do, with `/etc/hosts` and all, use `command: getent hosts NAME`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// The whole name to ask for; with `type: PTR` also an address.
    name: String,
    /// The type of the records; `A` when left out.
    #[serde(default, rename = "type")]
    record: Record,
    /// The servers to ask, each an address with or without a port
    /// (`192.168.0.1`, `192.168.0.1:5353`, `[fd00::1]:53`). When left out, the
    /// check's host; without one, those that `/etc/resolv.conf` names here.
    #[serde(default)]
    #[schemars(length(min = 1, max = 8))]
    servers: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[schemars(rename = "DnsRecord")]
enum Record {
    /// IPv4 addresses.
    #[default]
    A,
    /// IPv6 addresses.
    #[serde(rename = "AAAA")]
    Aaaa,
    /// Who may issue certificates.
    #[serde(rename = "CAA")]
    Caa,
    /// What it is an alias of.
    #[serde(rename = "CNAME")]
    Cname,
    /// Mail servers.
    #[serde(rename = "MX")]
    Mx,
    /// Name servers.
    #[serde(rename = "NS")]
    Ns,
    /// The name of an address.
    #[serde(rename = "PTR")]
    Ptr,
    /// The zone's serial and times.
    #[serde(rename = "SOA")]
    Soa,
    /// Services.
    #[serde(rename = "SRV")]
    Srv,
    /// Text.
    #[serde(rename = "TXT")]
    Txt,
}

impl Record {
    fn label(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Caa => "CAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Soa => "SOA",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        }
    }
}

/// The most servers of one check.
const MOST: usize = 8;

/// `192.168.0.1`, `192.168.0.1:53`, `fd00::1`, `[fd00::1]`, `[fd00::1]:53`, `ns.lan`, `ns.lan:53`.
fn server(text: &str) -> Option<Server> {
    let (address, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        match rest {
            "" => (address, None),
            _ => (address, Some(rest.strip_prefix(':')?)),
        }
    } else {
        match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => (address, Some(port)),
            _ => (text, None),
        }
    };
    let port = match port {
        None => 53,
        // Digits alone: `+53` is a number to Rust.
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
    };
    let odd = |char: char| char.is_whitespace() || char.is_control() || "/@[]".contains(char);
    let whole = !address.is_empty() && !address.contains(odd) && port != 0;
    whole.then(|| Server {
        address: address.to_owned(),
        port,
    })
}

impl Dns {
    fn question(&self) -> Result<Question, String> {
        Question::new(&self.name, self.record.label())
    }

    /// The servers that the options or the check's host name; nothing when
    /// those of this machine are meant.
    fn named(&self, target: &Target) -> Option<Vec<Server>> {
        match &self.servers {
            Some(servers) => Some(servers.iter().filter_map(|text| server(text)).collect()),
            None => target.address().map(|address| {
                vec![Server {
                    address: address.to_owned(),
                    port: 53,
                }]
            }),
        }
    }

    fn by(target: &Target) -> By {
        if target.via.is_some() {
            By::Tcp
        } else {
            By::Udp
        }
    }

    async fn look(&self, context: &Context) -> Result<Facts, Fault> {
        let target = &context.target;
        let question = self
            .question()
            .map_err(|message| Fault::new(FaultKind::LocalSetup, message))?;
        let servers = match self.named(target) {
            Some(servers) => servers,
            None => dns::system_servers().await?,
        };
        let asked = servers.iter().map(|server| {
            dns::ask(
                context,
                &context.transports.dialer,
                server,
                &question,
                Self::by(target),
                target.timeout,
            )
        });
        let answers = futures_util::future::join_all(asked).await;
        tell(servers.iter().map(Server::to_string).zip(answers).collect())
    }
}

fn tell(seen: Vec<(String, Result<Answer, Fault>)>) -> Result<Facts, Fault> {
    let asked = seen.len();
    let mut answers: Vec<(String, Answer)> = Vec::new();
    let mut silent: Vec<(String, Fault)> = Vec::new();
    for (server, answer) in seen {
        match answer {
            Ok(answer) => answers.push((server, answer)),
            Err(fault) => silent.push((server, fault)),
        }
    }
    let Some((_, first)) = answers.first() else {
        return Err(nobody(silent));
    };
    let mut facts = Facts::new();
    let texts = |list: &[String]| {
        let values = list.iter().map(|text| Value::from(text.as_str()));
        Value::List(values.collect())
    };
    facts.set("rcode", first.rcode.as_str());
    facts.set("records", texts(&first.records));
    facts.set("aliases", texts(&first.aliases));
    facts.set_some("ttl_s", first.ttl.map(f64::from));
    facts.set("authoritative", first.authoritative);
    facts.set("recursion_available", first.recursion);
    facts.set(
        "truncated",
        answers.iter().any(|(_, answer)| answer.truncated),
    );
    let slowest = answers.iter().map(|(_, answer)| answer.elapsed).max();
    facts.set_some("answer_ms", slowest.map(|time| time.as_secs_f64() * 1000.0));
    #[expect(clippy::cast_precision_loss, reason = "a handful of servers")]
    {
        facts.set("asked", asked as f64);
        facts.set("answered", answers.len() as f64);
    }
    if asked > 1 && answers.len() > 1 {
        let alike = answers
            .iter()
            .all(|(_, answer)| answer.rcode == first.rcode && answer.records == first.records);
        facts.set("agree", alike);
    }
    let said = answers.iter().map(|(server, answer)| {
        let text = format!("{} {}", answer.rcode, answer.records.join(", "));
        (server.clone(), Value::from(text.trim_end()))
    });
    facts.set("answers", Value::Map(said.collect()));
    let silent: BTreeMap<String, Value> = silent
        .into_iter()
        .map(|(server, fault)| (server, Value::from(fault.seen)))
        .collect();
    facts.set("silent", Value::Map(silent));
    Ok(facts)
}

/// The fault of servers that all did not answer.
fn nobody(silent: Vec<(String, Fault)>) -> Fault {
    let each: Vec<String> = silent
        .iter()
        .map(|(server, fault)| format!("{server}: {}", fault.seen))
        .collect();
    let hopeless = silent.iter().all(|(_, fault)| fault.hopeless);
    let mut faults = silent.into_iter().map(|(_, fault)| fault);
    let Some(first) = faults.next() else {
        return Fault::new(FaultKind::LocalSetup, "there is no server to ask");
    };
    // One server's fault is its own; that of the connection on which all were
    // asked is everyone's.
    if faults.all(|fault| fault == first) {
        return first;
    }
    let seen = format!(
        "none of {} servers answered: {}",
        each.len(),
        each.join("; ")
    );
    Fault::new(first.kind, seen).hopeless(hopeless)
}

impl Kind for Dns {
    const NAME: &'static str = "dns";
    const SUMMARY: &'static str = "name servers have the records of a name, and agree on them";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "rcode",
            Type::Text,
            "`NOERROR`, `NXDOMAIN` (no such name), `SERVFAIL`, `REFUSED`, …; of the first server that answered, in the order of `servers`.",
        ),
        FactSpec::new(
            "records",
            Type::List(&Type::Text),
            "Its records of the type asked for, sorted: `192.168.0.110`, `10 mail.lan.`; names are in lower case and end in a dot. Empty when there are none.",
        ),
        FactSpec::new(
            "aliases",
            Type::List(&Type::Text),
            "The names (CNAME) followed to get there, in order.",
        ),
        FactSpec::number(
            "ttl_s",
            Unit::Seconds,
            "The least time for which the records may be kept; absent when there are none.",
        ),
        FactSpec::new(
            "authoritative",
            Type::Bool,
            "That server speaks for the zone; it is no cache.",
        ),
        FactSpec::new(
            "recursion_available",
            Type::Bool,
            "That server asks others for us.",
        ),
        FactSpec::number("asked", Unit::Count, "Servers that were asked."),
        FactSpec::number("answered", Unit::Count, "Servers that answered.").because(&["silent"]),
        FactSpec::new(
            "agree",
            Type::Bool,
            "All servers that answered gave the same `rcode` and `records`; absent when fewer than two did.",
        ).because(&["answers"]),
        FactSpec::new(
            "answers",
            Type::Map(&Type::Text),
            "What each server said, by server: `answers['192.168.0.1:53']` is `NOERROR 192.168.0.110`.",
        ),
        FactSpec::new(
            "silent",
            Type::Map(&Type::Text),
            "Why there is no answer, by server, of those that gave none.",
        ),
        FactSpec::number(
            "answer_ms",
            Unit::Milliseconds,
            "From the question to the answer, of the slowest server that answered.",
        ),
        FactSpec::new(
            "truncated",
            Type::Bool,
            "An answer was too long for UDP and was asked for again by TCP.",
        ),
    ];
    const EXAMPLE: &'static str = "title: both name servers know the registry\n\
        dns: { name: registry.lan, servers: [192.168.0.1, 192.168.0.2] }\n\
        require: records == ['192.168.0.110'] && agree\n";

    fn problems(&self, target: &Target, _: &Policy) -> Vec<OptionProblem> {
        let problem = |path: &[&str], message: String, suggestion: Option<String>| OptionProblem {
            path: path.iter().map(|&part| part.to_owned()).collect(),
            message,
            suggestion,
        };
        let mut problems = Vec::new();
        if let Err(message) = self.question() {
            let suggestion = self
                .name
                .parse::<std::net::IpAddr>()
                .is_ok()
                .then(|| "type: PTR".to_owned());
            problems.push(problem(&["name"], message, suggestion));
        }
        match &self.servers {
            Some(servers) => {
                if servers.is_empty() || servers.len() > MOST {
                    let message = format!("one to {MOST} servers are asked");
                    problems.push(problem(&["servers"], message, None));
                }
                for (index, text) in servers.iter().enumerate() {
                    let Some(server) = server(text) else {
                        problems.push(problem(
                            &["servers", &index.to_string()],
                            format!("{text:?} is not the address of a server"),
                            Some("192.168.0.1 or 192.168.0.1:53".to_owned()),
                        ));
                        continue;
                    };
                    problems.extend(aim::loopback("servers", &server.address, target));
                    if servers[..index].contains(text) {
                        problems.push(problem(
                            &["servers", &index.to_string()],
                            format!("{text} is named twice"),
                            None,
                        ));
                    }
                }
            }
            None if target.address().is_none() => {
                if let Some(via) = &target.via {
                    problems.push(problem(
                        &[],
                        format!(
                            "the name servers of this machine are not those of {}",
                            via.id
                        ),
                        Some("name them: `servers: [192.168.0.1]`".to_owned()),
                    ));
                }
            }
            None => {}
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        let own = [
            "rcode == 'NOERROR'",
            "size(records) > 0",
            "size(silent) == 0",
        ];
        let among = match &self.servers {
            Some(servers) if servers.len() > 1 => Some("agree"),
            Some(_) => None,
            // How many there are is known only then.
            None => Some("asked == 1 || agree"),
        };
        Defaults::require(own.into_iter().chain(among))
    }

    fn goal(&self, target: &Target) -> String {
        let what = format!("{} records of {}", self.record.label(), self.name);
        match self.named(target) {
            None => format!("{what} from this machine's name servers"),
            Some(servers) => {
                let servers: Vec<String> = servers.iter().map(Server::to_string).collect();
                format!("{what} from {}", servers.join(" and "))
            }
        }
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        let Ok(question) = self.question() else {
            return Vec::new();
        };
        let Some(servers) = self.named(target) else {
            let each = format!("query {question} at each server of {RESOLV_CONF} by UDP");
            return vec![Request::new("dns", each), again()];
        };
        let by = Self::by(target);
        let mut requests = Vec::new();
        for server in &servers {
            if by == By::Tcp {
                requests.push(aim::connection(target, &server.address, server.port));
            }
            requests.push(Request::new("dns", dns::line(&question, server, by)));
        }
        if by == By::Udp {
            requests.push(again());
        }
        requests
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        context.scrubbed(self.look(context).await)
    }
}

fn again() -> Request {
    Request::new("dns", "the same by TCP where the answer is truncated")
}

#[cfg(test)]
mod tests;
