//! A host as the transports need it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A machine that probes run on or aim at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The id in the baseline, `data188`.
    pub id: String,
    /// Address or name to connect to. Empty for the operator's own machine.
    pub address: String,
    /// The operator's own machine: commands run here, without SSH.
    pub local: bool,
    /// How to log in.
    pub ssh: SshSettings,
    /// Time in which a connection to this host must open, all tries included.
    pub connect_timeout: Duration,
}

/// How to log in to a host. What is `None` comes from `~/.ssh/config`, then
/// from SSH's own defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshSettings {
    /// Login name.
    pub user: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Private key files to offer, before the agent's.
    pub identities: Vec<PathBuf>,
    /// The host to go through (ProxyJump).
    pub jump: Option<Arc<Host>>,
    /// Known-hosts files instead of the user's and the system's.
    pub known_hosts: Vec<PathBuf>,
}
