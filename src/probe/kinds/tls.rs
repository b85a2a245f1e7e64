//! `tls`: a TLS server shows a certificate that is trusted, for its name, and not about to expire.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};

use super::aim;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, Kind, OptionProblem, Place, Policy, Request, Target,
    Type, Unit, Value,
};
use crate::transport::starttls::Upgrade;
use crate::transport::tls::{self, Certificate, Insecure, Shown, TlsOptions};

/// Shakes hands with a TLS server on any port, looks at the certificates that it
/// shows, and hangs up.
///
/// A certificate that is expired, untrusted or for another name is a fact: the
/// handshake goes on, so that the rest can be told too. Nothing is sent but the
/// handshake, and the words that `starttls` names before it.
/// The server still has to prove that it holds the certificate's key.
/// Revocation is not looked up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Name or address to connect to; the check's host when left out.
    #[serde(default)]
    address: Option<String>,
    /// TCP port.
    #[schemars(range(min = 1))]
    port: u16,
    /// The name to ask the server for (SNI), which its certificate has to cover;
    /// what is connected to when left out.
    #[serde(default)]
    name: Option<String>,
    /// What has to be said on the plain connection before TLS begins: `smtp`
    /// (EHLO, STARTTLS) or `postgres` (`SSLRequest`). Nothing when left out.
    #[serde(default)]
    starttls: Option<StartTls>,
    /// A PEM file of authorities to trust besides this machine's; a relative path
    /// starts at the folder of the baseline's file.
    #[serde(default)]
    ca: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum StartTls {
    /// EHLO and STARTTLS.
    Smtp,
    /// An `SSLRequest`.
    Postgres,
}

/// What hanging up may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// What a chain of certificates says, for this kind and `certificate`.
pub(super) const CHAIN_FACTS: [FactSpec; 9] = [
    FactSpec::number(
        "days_left",
        Unit::None,
        "Days until the first certificate expires, by the operator's clock; negative after it.",
    ),
    FactSpec::new("not_before", Type::Time, "From when it is valid."),
    FactSpec::new("not_after", Type::Time, "Until when it is valid."),
    FactSpec::new(
        "names",
        Type::List(&Type::Text),
        "The DNS names and addresses that it is for, `*.lan` as it stands.",
    ),
    FactSpec::new("subject", Type::Text, "Whom it is of: `CN=registry.lan`."),
    FactSpec::new("issuer", Type::Text, "Who signed it."),
    FactSpec::new(
        "sha256",
        Type::Text,
        "Its fingerprint: 64 lower-case hex digits.",
    ),
    FactSpec::number(
        "chain_length",
        Unit::Count,
        "Certificates that there are, the first included.",
    ),
    FactSpec::number(
        "chain_days_left",
        Unit::None,
        "As `days_left`, of the one among them that expires first.",
    ),
];

/// What is seen of a server besides its certificates.
const OWN_FACTS: [FactSpec; 7] = [
    FactSpec::new(
        "trust",
        Type::Text,
        "`trusted` when the certificate is, and for the name; else why not: `certificate expired on 2026-06-05`.",
    ),
    FactSpec::new(
        "trusted",
        Type::Bool,
        "The chain leads to a trusted authority and is valid now, whatever name it is for.",
    )
    .because(&["trust"]),
    FactSpec::new(
        "names_match",
        Type::Bool,
        "The certificate is for the name, whoever signed it.",
    ),
    FactSpec::new(
        "handshake",
        Type::Bool,
        "The handshake came to its end; false where the server then refuses us, as one that wants a client's certificate may.",
    ),
    FactSpec::new(
        "version",
        Type::Text,
        "`TLSv1.3` or `TLSv1.2`; older ones are not spoken.",
    ),
    FactSpec::number(
        "connect_ms",
        Unit::Milliseconds,
        "Time to open the TCP connection.",
    ),
    FactSpec::number(
        "handshake_ms",
        Unit::Milliseconds,
        "From the first word of TLS to the end of the handshake.",
    ),
];

/// One list after the other.
const FACTS: [FactSpec; OWN_FACTS.len() + CHAIN_FACTS.len()] = {
    let mut all = [OWN_FACTS[0]; OWN_FACTS.len() + CHAIN_FACTS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < OWN_FACTS.len() {
            OWN_FACTS[at]
        } else {
            CHAIN_FACTS[at - OWN_FACTS.len()]
        };
        at += 1;
    }
    all
};

/// The facts of [`CHAIN_FACTS`]; what follows from the time only when it is known.
pub(super) fn chain_facts(chain: &[Certificate], at: Option<Timestamp>, facts: &mut Facts) {
    let Some(leaf) = chain.first() else { return };
    facts.set("not_before", leaf.not_before);
    facts.set("not_after", leaf.not_after);
    let names = leaf.names.iter().map(|name| Value::from(name.as_str()));
    facts.set("names", Value::List(names.collect()));
    facts.set("subject", leaf.subject.as_str());
    facts.set("issuer", leaf.issuer.as_str());
    facts.set("sha256", leaf.sha256.as_str());
    #[expect(clippy::cast_precision_loss, reason = "a handful of certificates")]
    facts.set("chain_length", chain.len() as f64);
    if let Some(at) = at {
        facts.set("days_left", leaf.days_left(at));
        let least = chain.iter().map(|one| one.days_left(at));
        facts.set("chain_days_left", least.fold(f64::INFINITY, f64::min));
    }
}

impl Tls {
    fn destination(&self, target: &Target) -> String {
        aim::destination(self.address.as_deref(), target)
    }

    fn server(&self, target: &Target) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| self.destination(target))
    }

    fn upgrade(&self) -> Option<Upgrade> {
        self.starttls.map(|protocol| match protocol {
            StartTls::Smtp => Upgrade::Smtp,
            StartTls::Postgres => Upgrade::Postgres,
        })
    }

    fn handshake(&self, target: &Target) -> String {
        format!("handshake for {}", self.server(target))
    }

    fn facts(shown: &Shown) -> Facts {
        let mut facts = Facts::new();
        facts.set("trusted", shown.trusted);
        facts.set("names_match", shown.names_match);
        let why_not = shown.distrust.as_ref().map(|fault| fault.seen.as_str());
        facts.set("trust", why_not.unwrap_or("trusted"));
        chain_facts(&shown.chain, shown.at, &mut facts);
        facts
    }

    async fn look(&self, context: &Context) -> Result<Facts, Fault> {
        let target = &context.target;
        let mut connection = context
            .connect(&self.destination(target), self.port)
            .await?;
        let deadline = Instant::now() + target.timeout;
        if let Some(upgrade) = self.upgrade() {
            upgrade
                .speak(
                    &mut connection.stream,
                    context,
                    &connection.peer,
                    target.timeout,
                )
                .await?;
        }
        context.record(&connection.peer, "tls", &self.handshake(target));
        let options = TlsOptions {
            authorities: self.ca.iter().cloned().collect(),
            verify: false,
        };
        let began = Instant::now();
        let secured = context
            .transports
            .tls
            .secure(
                connection.stream,
                &self.server(target),
                &options,
                deadline.saturating_duration_since(began),
            )
            .await;
        let mut facts = match secured {
            Ok(mut secured) => {
                let mut facts = Self::facts(&secured.shown);
                let handshake = began.elapsed();
                facts.set("handshake", true);
                facts.set_some("version", secured.version);
                facts.set("handshake_ms", handshake.as_secs_f64() * 1000.0);
                // So that the server's log tells of no connection lost.
                drop(timeout(GOODBYE, secured.stream.shutdown()).await);
                facts
            }
            Err(insecure) => match *insecure {
                Insecure {
                    shown,
                    refused: true,
                    ..
                } if !shown.chain.is_empty() => {
                    let mut facts = Self::facts(&shown);
                    facts.set("handshake", false);
                    facts
                }
                Insecure { fault, .. } => return Err(fault),
            },
        };
        facts.set("connect_ms", connection.connect.as_secs_f64() * 1000.0);
        Ok(facts)
    }
}

impl Kind for Tls {
    const NAME: &'static str = "tls";
    const SUMMARY: &'static str =
        "a TLS server's certificate is trusted, for its name, and not about to expire";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &FACTS;
    const EXAMPLE: &'static str = "title: the registry's certificate is good for a month\n\
        tls: { address: 192.168.0.110, port: 443, name: registry.lan, ca: /etc/coldstart/lan-ca.pem }\n\
        prefer: days_left > 30\n";

    fn beside(&mut self, folder: &Path) {
        self.ca = self.ca.take().map(|file| folder.join(file));
    }

    fn problems(&self, target: &Target, _: &Policy) -> Vec<OptionProblem> {
        let mut problems = aim::problems("address", self.address.as_deref(), target);
        problems.extend(aim::port_problem(self.port));
        let server = self.server(target);
        if (self.name.is_some() || !server.is_empty())
            && let Err(fault) = tls::server_name(&server)
        {
            let path = if self.name.is_some() {
                "name"
            } else {
                "address"
            };
            problems.push(OptionProblem {
                path: vec![path.to_owned()],
                message: fault.seen,
                suggestion: Some("name: registry.lan".to_owned()),
            });
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            // `trust` rather than `trusted`, so that the card tells why not.
            require: vec!["trust == 'trusted'".to_owned(), "names_match".to_owned()],
            prefer: vec!["days_left > 14".to_owned()],
        }
    }

    fn goal(&self, target: &Target) -> String {
        let server = self.server(target);
        let place = aim::shown(&self.destination(target), self.port);
        format!("a certificate for {server} from {place}")
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        let mut requests = vec![aim::connection(
            target,
            &self.destination(target),
            self.port,
        )];
        if let Some(upgrade) = self.upgrade() {
            let sends = upgrade.sends().iter();
            requests.extend(sends.map(|text| Request::new(upgrade.protocol(), *text)));
        }
        requests.push(Request::new("tls", self.handshake(target)));
        requests
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        context.scrubbed(self.look(context).await)
    }
}

#[cfg(test)]
mod tests;
