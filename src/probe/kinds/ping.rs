//! `ping`: a host answers echo requests.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::aim;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, Kind, OptionProblem, Place, Policy, Request, Target,
    Type, Unit,
};
use crate::transport::icmp;

/// Sends a few ICMP echo requests from the operator's machine and counts the
/// replies.
///
/// Uses an unprivileged ICMP socket where the system allows it, else a raw
/// one, else the `ping` program. Where none works, the check could not tell.
/// A host that answers nothing at all gives a fault, unless something else
/// already proved it alive: then `received` is 0.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    /// Name or address to ask; the check's host when left out.
    #[serde(default)]
    address: Option<String>,
    /// Echo requests to send.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 20))]
    count: u16,
    /// Milliseconds between two requests.
    #[serde(default = "two_hundred")]
    #[schemars(range(min = 10, max = 1000))]
    interval_ms: u16,
}

fn three() -> u16 {
    3
}

fn two_hundred() -> u16 {
    200
}

impl Ping {
    fn destination(&self, target: &Target) -> String {
        aim::destination(self.address.as_deref(), target)
    }

    fn facts(answer: &icmp::Answer) -> Facts {
        let mut facts = Facts::new();
        let sent = f64::from(answer.sent);
        let times: Vec<f64> = answer
            .round_trips
            .iter()
            .map(|time| time.as_secs_f64() * 1000.0)
            .collect();
        #[expect(
            clippy::cast_precision_loss,
            reason = "at most as many as were sent, a u16"
        )]
        let received = times.len() as f64;
        facts.set("sent", sent);
        facts.set("received", received);
        if sent > 0.0 {
            facts.set("loss_percent", (sent - received) / sent * 100.0);
        }
        if received > 0.0 {
            facts.set(
                "rtt_min_ms",
                times.iter().copied().fold(f64::INFINITY, f64::min),
            );
            facts.set("rtt_avg_ms", times.iter().sum::<f64>() / received);
            facts.set("rtt_max_ms", times.iter().copied().fold(0.0, f64::max));
        }
        facts.set("by", answer.by);
        facts
    }
}

impl Kind for Ping {
    const NAME: &'static str = "ping";
    const SUMMARY: &'static str = "a host answers ICMP echo requests";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::number("sent", Unit::Count, "Echo requests sent."),
        FactSpec::number(
            "received",
            Unit::Count,
            "Echo replies received; a second reply to one request does not count.",
        ),
        FactSpec::number("loss_percent", Unit::Percent, "Requests without a reply."),
        FactSpec::number(
            "rtt_min_ms",
            Unit::Milliseconds,
            "The shortest round trip; absent without a reply.",
        ),
        FactSpec::number(
            "rtt_avg_ms",
            Unit::Milliseconds,
            "The mean round trip; absent without a reply.",
        ),
        FactSpec::number(
            "rtt_max_ms",
            Unit::Milliseconds,
            "The longest round trip; absent without a reply.",
        ),
        FactSpec::new(
            "by",
            Type::Text,
            "What sent them: `datagram socket`, `raw socket` or `ping program`.",
        ),
    ];
    const EXAMPLE: &'static str = "title: 188 answers pings\non: data188\nping: {}\n";

    fn problems(&self, target: &Target, _: &Policy) -> Vec<OptionProblem> {
        let mut problems = aim::problems("address", self.address.as_deref(), target);
        // Pings do not go through a host, so that way out is none.
        let via = |problem: &&mut OptionProblem| {
            let suggestion = problem.suggestion.as_deref().unwrap_or_default();
            suggestion.starts_with("add `via")
        };
        if let Some(problem) = problems.iter_mut().find(via) {
            problem.suggestion = Some("leave `on` out and write `address: 127.0.0.1`".to_owned());
        }
        let mut problem = |path: &[&str], message: &str, suggestion: &str| {
            problems.push(OptionProblem {
                path: path.iter().map(|&part| part.to_owned()).collect(),
                message: message.to_owned(),
                suggestion: Some(suggestion.to_owned()),
            });
        };
        if target.via.is_some() {
            problem(
                &[],
                "an SSH connection carries TCP, not pings",
                "leave `via` out, or use `tcp`",
            );
        }
        if !(1..=20).contains(&self.count) {
            problem(&["count"], "between 1 and 20 requests are sent", "count: 3");
        }
        if !(10..=1000).contains(&self.interval_ms) {
            problem(
                &["interval_ms"],
                "the interval is between 10 and 1000 ms",
                "interval_ms: 200",
            );
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        // One lost of three is a busy network; two are a bad one.
        Defaults {
            require: vec!["received > 0".to_owned()],
            prefer: vec!["loss_percent < 50".to_owned()],
        }
    }

    fn goal(&self, target: &Target) -> String {
        format!("echo replies from {}", self.destination(target))
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        vec![Request::new(
            "icmp",
            format!(
                "{} echo requests to {}",
                self.count,
                self.destination(target)
            ),
        )]
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let address = self.destination(&context.target);
        let ask = icmp::Ask {
            count: self.count,
            interval: Duration::from_millis(self.interval_ms.into()),
            timeout: context.target.timeout,
        };
        let note =
            |target: &str, protocol: &str, sent: &str| context.record(target, protocol, sent);
        let budget = context.target.connect_timeout;
        let answer = icmp::ping(&context.transports.dialer, &address, budget, ask, &note).await?;
        Ok(Self::facts(&answer))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::aim::tests::{context, target, within};
    use super::*;
    use crate::probe::Value;

    #[tokio::test]
    async fn loopback_answers() {
        let ping: Ping =
            serde_json::from_str(r#"{"address":"127.0.0.1","interval_ms":10}"#).expect("options");
        let (context, audit) = context(&[]);
        let facts = within(Kind::run(&ping, &context)).await.expect("replies");
        assert_eq!(facts.get("received"), Some(&Value::Number(3.0)));
        assert_eq!(facts.get("loss_percent"), Some(&Value::Number(0.0)));
        assert_eq!(audit.sent(), ["icmp 3 echo requests to 127.0.0.1"]);
        assert!(context.transports.dialer.alive(Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn loss_and_round_trips() {
        let answer = icmp::Answer {
            address: Ipv4Addr::LOCALHOST.into(),
            sent: 4,
            round_trips: vec![Duration::from_millis(3), Duration::from_millis(1)],
            by: "raw socket",
        };
        let facts = Ping::facts(&answer);
        let number = |name: &str| facts.get(name).cloned();
        assert_eq!(number("loss_percent"), Some(Value::Number(50.0)));
        assert_eq!(number("rtt_min_ms"), Some(Value::Number(1.0)));
        assert_eq!(number("rtt_avg_ms"), Some(Value::Number(2.0)));
        assert_eq!(number("rtt_max_ms"), Some(Value::Number(3.0)));
        let none = Ping::facts(&icmp::Answer {
            round_trips: Vec::new(),
            ..answer
        });
        assert_eq!(none.get("loss_percent"), Some(&Value::Number(100.0)));
        assert_eq!(none.get("rtt_avg_ms"), None, "a missing fact is not zero");
    }

    #[test]
    fn what_cannot_be_meant() {
        let ping = Ping {
            address: None,
            count: 0,
            interval_ms: 0,
        };
        assert_eq!(
            Kind::problems(&ping, &target(Some("a"), Some("b")), &Policy::default()).len(),
            3
        );
    }
}
