//! Whether Alertmanager serves, and with whom.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{self, Status};
use crate::probe::kinds::alerts::{count, list, time};
use crate::probe::kinds::api::{Asking, READY};
use crate::probe::{Defaults, Facts, Fault};

pub(super) const STATUS: &str = "api/v2/status";

/// What its cluster should be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    /// How many Alertmanagers the cluster should have, this one among them.
    #[serde(default)]
    #[schemars(range(min = 1))]
    peers: Option<u32>,
}

impl Ready {
    pub(super) fn questions() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        [READY, STATUS].map(|path| (path, Vec::new())).to_vec()
    }

    pub(super) fn defaults(&self) -> Defaults {
        let cluster = match self.peers {
            None => vec!["cluster in ['ready', 'disabled']".to_owned()],
            Some(peers) => vec![format!("peers == {peers}"), "cluster == 'ready'".to_owned()],
        };
        Defaults::require(["ready".to_owned()].into_iter().chain(cluster))
    }

    pub(super) async fn facts(asking: &Asking<'_>) -> Result<Facts, Fault> {
        let (is_ready, reply) = asking.is_ready().await?;
        let mut facts = Facts::new();
        if !is_ready {
            facts.set("ready", false);
            reply.set_clock(&mut facts);
            return Ok(facts);
        }
        // This one only Alertmanager answers. Of the configuration in it nothing is told:
        // receivers have secrets in their addresses.
        let (status, reply): (Status, _) = answer::ask(asking, STATUS, &[]).await?;
        facts.set("ready", true);
        facts.set("cluster", status.cluster.status);
        let peers = status.cluster.peers.unwrap_or_default();
        facts.set("peers", count(peers.len()));
        facts.set(
            "peer_addresses",
            list(peers.into_iter().map(|peer| peer.address)),
        );
        facts.set("version", status.version_info.version);
        facts.set_some("started_at", time(&status.uptime));
        reply.set_clock(&mut facts);
        Ok(facts)
    }
}
