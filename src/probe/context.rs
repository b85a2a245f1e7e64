//! What a probe is given: whom to look at, and the transports to look with.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::Facts;
use crate::transport::audit::Sent;
use crate::transport::command::{Output, ReadOnlyCommand};
use crate::transport::dial::Role;
use crate::transport::open::Opener;
use crate::transport::{Connection, Fault, FaultKind, Host, SecretRef, Transports};

/// Whom a check looks at, known before anything is sent.
#[derive(Debug, Clone)]
pub struct Target {
    /// The host that the check is `on`.
    pub host: Option<Arc<Host>>,
    /// The host whose SSH connection network probes go through, instead of
    /// starting from the operator's machine.
    pub via: Option<Arc<Host>>,
    /// Time for one attempt, from the open connection to the last fact.
    pub timeout: Duration,
    /// Time in which a connection must open, all tries included.
    pub connect_timeout: Duration,
}

impl Target {
    /// The address that a network probe aims at when its options name none.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.host
            .as_deref()
            .filter(|host| !host.local)
            .map(|host| host.address.as_str())
    }
}

/// The target together with the transports of the run.
#[derive(Debug, Clone)]
pub struct Context {
    /// The check's id, for the audit.
    pub check: String,
    /// Whom to look at.
    pub target: Target,
    /// What to look with.
    pub transports: Arc<Transports>,
}

impl Context {
    /// Opens a TCP connection to `address:port`, from the operator's machine
    /// or through `target.via`.
    ///
    /// # Errors
    /// The fault that kept the connection from opening within `connect_timeout`.
    pub async fn connect(&self, address: &str, port: u16) -> Result<Connection, Fault> {
        match &self.target.via {
            None => self.connect_directly(address, port).await,
            Some(host) => Err(Fault::new(
                FaultKind::Internal,
                format!("there is no way through {} yet", host.id),
            )),
        }
    }

    async fn connect_directly(&self, address: &str, port: u16) -> Result<Connection, Fault> {
        let dialer = &self.transports.dialer;
        if let Some(fault) = dialer.verdict(address) {
            // Nothing is sent, so nothing is audited.
            return Err(fault);
        }
        if dialer.would_look_up(address) {
            self.record("local", "dns", &format!("lookup {address}"));
        }
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        let destination = if bare.contains(':') {
            format!("[{bare}]:{port}")
        } else {
            format!("{bare}:{port}")
        };
        self.record(address, "tcp", &format!("connect {destination}"));
        let dialed = dialer
            .dial(address, port, self.target.connect_timeout, Role::Port)
            .await?;
        Ok(Connection {
            stream: Box::new(dialed.stream),
            peer: dialed.peer.to_string(),
            connect: dialed.connect,
        })
    }

    /// What a probe saw, with every known secret as `***`: a server may repeat
    /// in its answer what it was sent.
    ///
    /// # Errors
    /// The fault, scrubbed the same way.
    pub fn scrubbed(&self, seen: Result<Facts, Fault>) -> Result<Facts, Fault> {
        let scrub = |text: &str| self.transports.secrets.scrub(text);
        seen.map(|facts| facts.map_text(&scrub))
            .map_err(|mut fault| {
                fault.seen = scrub(&fault.seen);
                fault.hint = fault.hint.map(|hint| scrub(&hint));
                fault
            })
    }

    /// Notes in the audit what is about to be sent for this check.
    pub fn record(&self, target: &str, protocol: &str, sent: &str) {
        self.transports.audit.record(&Sent {
            check: &self.check,
            target,
            protocol,
            sent,
        });
    }

    /// Runs a command on `target.host`: over its shared SSH connection, or
    /// here when the host is local. An exit status other than 0 is not a fault.
    ///
    /// # Errors
    /// The fault of the connection, or `TimedOut` after `target.timeout`.
    pub async fn exec(&self, command: &ReadOnlyCommand) -> Result<Output, Fault> {
        let _ = command;
        Err(Fault::new(FaultKind::Internal, "no runner"))
    }

    /// The value of a secret.
    ///
    /// # Errors
    /// `LocalSetup` when the reference was not resolved before the run.
    pub fn secret(&self, reference: &SecretRef) -> Result<&SecretString, Fault> {
        self.transports.secrets.get(reference).ok_or_else(|| {
            Fault::new(
                FaultKind::LocalSetup,
                format!("the secret {reference} is not set"),
            )
        })
    }
}

impl Opener for Context {
    async fn open(&self, address: &str, port: u16) -> Result<Connection, Fault> {
        self.connect(address, port).await
    }

    fn note(&self, target: &str, protocol: &str, sent: &str) {
        self.record(target, protocol, sent);
    }
}
