//! Clients shared by the probes of one run. Nothing in here can write to a
//! target: each client offers reads only.

pub mod audit;
pub mod command;
pub mod dial;
mod fault;
mod host;
pub mod http;
pub mod icmp;
pub mod open;
pub mod postgres;
mod reach;
pub mod redis;
mod secret;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub use fault::{ConnectionKey, Fault, FaultKind};
pub use host::{Host, SshSettings};
pub use secret::{SecretRef, Secrets};

use audit::Audit;
use command::Policy;
use dial::Dialer;
use tls::Tls;

/// A byte stream to a target, direct or through a host.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open stream and where it leads.
pub struct Connection {
    /// The bytes.
    pub stream: Box<dyn Stream>,
    /// Address and port reached; through a host, as that host was asked for it.
    pub peer: String,
    /// From the first packet to the open connection.
    pub connect: Duration,
}

/// Everything the probes of one run share: connections, secrets, policy, audit.
#[derive(Debug)]
pub struct Transports {
    /// Resolved secrets.
    pub secrets: Secrets,
    /// What commands may run.
    pub policy: Policy,
    /// The ledger of everything sent.
    pub audit: Audit,
    /// Opens TCP connections from this machine.
    pub dialer: Dialer,
    /// The certificate authorities that this machine trusts.
    pub tls: Tls,
}

impl Transports {
    /// Transports that have connected to nothing yet.
    #[must_use]
    pub fn new(secrets: Secrets, policy: Policy, audit: Audit) -> Arc<Self> {
        Arc::new(Self {
            secrets,
            policy,
            audit,
            dialer: Dialer::default(),
            tls: Tls::default(),
        })
    }
}
