//! Clients shared by the probes of one run. Nothing in here can write to a
//! target: each client offers reads only, but for `alert_webhook`, whose one
//! POST takes a permit that only the engine grants, to one kind.

pub mod alert_webhook;
pub mod audit;
pub mod capture;
pub mod command;
pub mod dial;
pub mod dns;
mod fault;
mod files;
mod host;
pub mod http;
pub mod icmp;
pub mod kubernetes;
pub mod local;
pub mod once;
pub mod open;
pub mod postgres;
mod reach;
pub mod redis;
mod secret;
pub mod ssh;
#[cfg(any(test, feature = "fuzzing"))]
pub mod stand_in;
pub mod starttls;
pub mod tls;
pub mod wildcard;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub use fault::{ConnectionKey, Fault, FaultKind};
pub use host::{Host, SshSettings};
pub use secret::{SecretRef, Secrets};

use audit::{Audit, Clock};
use command::Policy;
use dial::Dialer;
use ssh::{SshEnvironment, SshPool};
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
    /// Whether the bytes cross a network as they are: neither loopback, nor a
    /// Unix socket, nor through a host's SSH connection.
    pub exposed: bool,
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
    pub dialer: Arc<Dialer>,
    /// The certificate authorities that this machine trusts.
    pub tls: Tls,
    /// The SSH connections.
    pub ssh: SshPool,
    /// What was asked for by one check and is of use to others.
    pub answers: once::Answers,
    /// The operator's wall clock, for the skew of the hosts' clocks.
    pub clock: Option<Clock>,
    /// What answers instead of hosts and networks.
    #[cfg(any(test, feature = "fuzzing"))]
    pub stand_in: Option<Arc<dyn stand_in::StandIn>>,
}

impl Transports {
    /// Transports that have connected to nothing yet.
    #[must_use]
    pub fn new(secrets: Secrets, policy: Policy, audit: Audit) -> Arc<Self> {
        Arc::new(Self::of(
            secrets,
            policy,
            audit,
            SshEnvironment::default(),
            None,
        ))
    }

    /// The same, with what SSH needs to know of this machine, and its clock.
    #[must_use]
    pub fn with_ssh(
        secrets: Secrets,
        policy: Policy,
        audit: Audit,
        ssh: SshEnvironment,
        clock: Clock,
    ) -> Arc<Self> {
        Arc::new(Self::of(secrets, policy, audit, ssh, Some(clock)))
    }

    fn of(
        secrets: Secrets,
        policy: Policy,
        audit: Audit,
        ssh: SshEnvironment,
        clock: Option<Clock>,
    ) -> Self {
        let dialer = Arc::new(Dialer::default());
        Self {
            secrets,
            policy,
            audit,
            tls: Tls::default(),
            ssh: SshPool::new(ssh, Arc::clone(&dialer)),
            dialer,
            answers: once::Answers::default(),
            clock,
            #[cfg(any(test, feature = "fuzzing"))]
            stand_in: None,
        }
    }

    /// Transports by which nothing leaves: `stand_in` answers.
    #[cfg(any(test, feature = "fuzzing"))]
    #[must_use]
    pub fn answered_by(stand_in: Arc<dyn stand_in::StandIn>, clock: Clock) -> Arc<Self> {
        let mut transports = Self::of(
            Secrets::default(),
            Policy::default(),
            Audit::off(),
            SshEnvironment::default(),
            Some(clock),
        );
        transports.stand_in = Some(stand_in);
        Arc::new(transports)
    }
}
