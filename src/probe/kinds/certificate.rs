//! `certificate`: a certificate file of a host is not about to expire.

use schemars::JsonSchema;
use serde::Deserialize;

use super::file;
use super::tls::{CHAIN_FACTS, chain_facts};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type,
};
use crate::transport::tls;

/// Reads a file of certificates on the host, PEM or DER: the one that a server
/// shows first, with those that follow it, as servers are given them.
///
/// A file that does not exist is a fact; one that holds no certificate is a fault.
/// What else is in it, such as a private key, comes to this machine with it and is
/// dropped: rather name a file that has certificates alone. What a server really
/// shows is seen by `tls`: after a renewal it may not have read the new file yet,
/// and then the two `sha256` differ.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CertificateFile")]
pub struct Certificate {
    /// The file.
    #[schemars(extend("pattern" = "^/"))]
    path: String,
}

const EXISTS: FactSpec = FactSpec::new(
    "exists",
    Type::Bool,
    "There is something at the path. A link that leads nowhere is nothing.",
);

/// `exists`, and what the certificates say.
const FACTS: [FactSpec; 1 + CHAIN_FACTS.len()] = {
    let mut all = [EXISTS; 1 + CHAIN_FACTS.len()];
    let mut at = 0;
    while at < CHAIN_FACTS.len() {
        all[at + 1] = CHAIN_FACTS[at];
        at += 1;
    }
    all
};

impl Certificate {
    async fn look(&self, context: &Context) -> Result<Facts, Fault> {
        let mut facts = Facts::new();
        let Some(seen) = file::look_at(context, &self.path).await? else {
            facts.set("exists", false);
            return Ok(facts);
        };
        facts.set("exists", true);
        let wrong = |what: String| {
            let path = &self.path;
            Fault::new(FaultKind::Protocol, format!("{path} {what}"))
        };
        if seen.kind != "file" {
            return Err(wrong(format!("is a {}, not a file", seen.kind)));
        }
        let (bytes, whole) = file::read(context, &self.path, file::MOST).await?;
        if !whole {
            return Err(wrong("is too long for a file of certificates".to_owned()));
        }
        let chain = tls::certificates(&bytes).map_err(wrong)?;
        // Not by the host's clock: that of a host that lost its time would make
        // any certificate a young one.
        let now = context.transports.clock.map(|clock| clock());
        chain_facts(&chain, now, &mut facts);
        Ok(facts)
    }
}

impl Kind for Certificate {
    const NAME: &'static str = "certificate";
    const SUMMARY: &'static str = "a certificate file of a host is not about to expire";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &FACTS;
    const EXAMPLE: &'static str = "title: the registry's certificate is renewed in time\n\
        on: data188\n\
        certificate: { path: /etc/ssl/registry/fullchain.pem }\n\
        prefer: days_left > 20\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        file::path_problems(
            &self.path,
            &file::reading(&self.path, file::MOST, target),
            policy,
        )
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            require: vec![
                "exists".to_owned(),
                "not_before <= now".to_owned(),
                "days_left > 0".to_owned(),
            ],
            prefer: vec!["days_left > 14".to_owned()],
        }
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        format!("a certificate in {} on {host}", self.path)
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(file::reading(&self.path, file::MOST, target), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        context.scrubbed(self.look(context).await)
    }
}

#[cfg(test)]
mod tests;
