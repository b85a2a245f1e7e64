//! `tcp`: a port answers.

use schemars::JsonSchema;
use serde::Deserialize;

use super::aim;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, Kind, OptionProblem, Place, Policy, Request, Target,
    Type, Unit,
};

/// Opens a TCP connection and closes it without sending a byte.
///
/// It tells that something listens, not that it works: a kind that speaks the
/// service's language (`http`, `postgres`, `redis`) tells more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tcp {
    /// Name or address to connect to; the check's host when left out.
    #[serde(default)]
    address: Option<String>,
    /// Port to connect to.
    #[schemars(range(min = 1))]
    port: u16,
}

impl Tcp {
    fn destination(&self, target: &Target) -> String {
        aim::destination(self.address.as_deref(), target)
    }
}

impl Kind for Tcp {
    const NAME: &'static str = "tcp";
    const SUMMARY: &'static str = "a TCP port accepts connections";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new("open", Type::Bool, "The connection opened."),
        FactSpec::number(
            "connect_ms",
            Unit::Milliseconds,
            "From the first SYN to the open connection.",
        ),
    ];
    const EXAMPLE: &'static str =
        "title: PostgreSQL's port is open\non: data188\ntcp: { port: 5432 }\n";

    fn problems(&self, target: &Target, _: &Policy) -> Vec<OptionProblem> {
        let mut problems = aim::problems("address", self.address.as_deref(), target);
        problems.extend(aim::port_problem(self.port));
        problems.extend(aim::port_in_address("address", self.address.as_deref()));
        problems
    }

    fn defaults(&self) -> Defaults {
        Defaults::require(["open"])
    }

    fn goal(&self, target: &Target) -> String {
        format!(
            "a TCP connection to {}",
            aim::shown(&self.destination(target), self.port)
        )
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        vec![aim::connection(
            target,
            &self.destination(target),
            self.port,
        )]
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let connection = context
            .connect(&self.destination(&context.target), self.port)
            .await?;
        let mut facts = Facts::new();
        facts.set("open", true);
        facts.set("connect_ms", connection.connect.as_secs_f64() * 1000.0);
        Ok(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::aim::tests::{context, target, within};
    use super::*;
    use crate::probe::{FaultKind, Value};
    use crate::servers::tcp::{Server, closed_port};

    #[tokio::test]
    async fn an_open_port_gets_not_a_byte() {
        let server = Server::hangs().await;
        let tcp = Tcp {
            address: Some("127.0.0.1".to_owned()),
            port: server.address.port(),
        };
        let (context, audit) = context(&[]);
        let facts = within(Kind::run(&tcp, &context)).await.expect("open");
        assert_eq!(facts.get("open"), Some(&Value::Bool(true)));
        assert!(matches!(facts.get("connect_ms"), Some(Value::Number(ms)) if *ms >= 0.0));
        assert_eq!(server.received(), "");
        assert_eq!(audit.sent(), [format!("tcp connect {}", server.address)]);
        assert_eq!(
            Kind::requests(&tcp, &context.target, &Policy::default())[0].text,
            format!("connect {}", server.address)
        );
    }

    #[tokio::test]
    async fn a_closed_port_is_a_fault() {
        let tcp = Tcp {
            address: Some("127.0.0.1".to_owned()),
            port: closed_port().await,
        };
        let fault = within(Kind::run(&tcp, &context(&[]).0))
            .await
            .expect_err("refused");
        assert_eq!(fault.kind, FaultKind::Refused);
    }

    #[test]
    fn port_zero_and_no_address_are_problems() {
        let tcp = Tcp {
            address: None,
            port: 0,
        };
        let problems = Kind::problems(&tcp, &target(None, None), &Policy::default());
        assert_eq!(problems.len(), 2, "{problems:?}");
    }
}
