//! `tcp`: a port answers.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, Kind, Place, Policy, Request, Target, Type, Unit,
};

/// Opens a TCP connection and closes it without sending a byte.
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
        self.address
            .as_deref()
            .or(target.address())
            .unwrap_or_default()
            .to_owned()
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

    fn defaults(&self) -> Defaults {
        Defaults::require(["open"])
    }

    fn goal(&self, target: &Target) -> String {
        format!(
            "a TCP connection to {}:{}",
            self.destination(target),
            self.port
        )
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        vec![Request::new(
            "tcp",
            format!("connect {}:{}", self.destination(target), self.port),
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
