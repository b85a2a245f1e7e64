//! What a probe is given: whom to look at, and the transports to look with.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;

use super::Facts;
use super::kind::Request;
use crate::transport::audit::Ledger;
use crate::transport::capture::Limits;
use crate::transport::command::{Exit, Output, Policy, ReadOnlyCommand, Values};
use crate::transport::dial::Role;
use crate::transport::local;
use crate::transport::once::Question;
use crate::transport::open::Opener;
use crate::transport::ssh::{self, Session};
use crate::transport::{Connection, Fault, FaultKind, Host, SecretRef, Transports};

/// Whom a check looks at, known before anything is sent.
#[derive(Debug, Clone)]
pub struct Target {
    /// The host that the check is `on`.
    pub host: Option<Arc<Host>>,
    /// The host whose SSH connection network probes go through, instead of
    /// starting from the operator's machine.
    pub via: Option<Arc<Host>>,
    /// The hosts that the kind's own options name, in the baseline's order, each once.
    pub also: Vec<Arc<Host>>,
    /// Time for one attempt, from the open connection to the last fact.
    pub timeout: Duration,
    /// Time in which a connection must open, all tries included; the longest
    /// where there are several hosts.
    pub connect_timeout: Duration,
}

impl Target {
    /// The same look, at one of [`Self::also`].
    #[must_use]
    pub fn at(&self, host: &Arc<Host>) -> Self {
        Self {
            host: Some(Arc::clone(host)),
            via: None,
            also: Vec::new(),
            timeout: self.timeout,
            connect_timeout: host.connect_timeout,
        }
    }

    /// Every host that it looks at, once each.
    pub fn hosts(&self) -> impl Iterator<Item = &Arc<Host>> {
        let own = self.host.as_ref();
        let also = self.also.iter();
        own.into_iter()
            .chain(also.filter(move |host| own.is_none_or(|own| own.id != host.id)))
    }

    /// The address that a network probe aims at when its options name none.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.host
            .as_deref()
            .filter(|host| !host.local)
            .map(|host| host.address.as_str())
    }

    /// Exactly what [`Context::exec`] sends for those of `commands` that the
    /// policy lets through.
    #[must_use]
    pub fn exec_requests<S: Into<String>>(
        &self,
        commands: impl IntoIterator<Item = Vec<S>>,
        policy: &Policy,
    ) -> Vec<Request> {
        commands
            .into_iter()
            .filter_map(|args| ReadOnlyCommand::from_args(policy, args).ok())
            .map(|command| self.exec_request(&command))
            .collect()
    }

    /// Exactly what [`Context::exec`] sends for `command`.
    #[must_use]
    pub fn exec_request(&self, command: &ReadOnlyCommand) -> Request {
        let local = self.host.as_deref().is_some_and(|host| host.local);
        let mut request = if local {
            Request::new("local-exec", command.shown())
        } else {
            Request::new("ssh-exec", ssh::line(command, self.timeout))
        };
        request.by_extension = command.by_extension();
        request
    }
}

/// The target together with the transports of the run.
#[derive(Debug, Clone)]
pub struct Context {
    /// The check's id, for the audit.
    pub check: String,
    /// Which attempt of the check this is, from 1. What one attempt was told may be
    /// told to those of other checks with the same number, see [`Self::once`].
    pub attempt: u32,
    /// Whom to look at.
    pub target: Target,
    /// What to look with.
    pub transports: Arc<Transports>,
}

impl Context {
    /// The context of the same look, at one of the target's [`Target::also`].
    #[must_use]
    pub fn at(&self, host: &Arc<Host>) -> Self {
        Self {
            check: self.check.clone(),
            attempt: self.attempt,
            target: self.target.at(host),
            transports: Arc::clone(&self.transports),
        }
    }

    /// Opens a TCP connection to `address:port`, from the operator's machine
    /// or through `target.via`.
    ///
    /// # Errors
    /// The fault that kept the connection from opening within `connect_timeout`.
    pub async fn connect(&self, address: &str, port: u16) -> Result<Connection, Fault> {
        #[cfg(any(test, feature = "fuzzing"))]
        if let Some(stand_in) = &self.transports.stand_in {
            return Ok(Connection {
                stream: stand_in.connect(),
                peer: destination(address, port).1,
                connect: Duration::ZERO,
                exposed: true,
            });
        }
        match &self.target.via {
            None => self.connect_directly(address, port).await,
            Some(via) => self.connect_through(via, address, port).await,
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
        let (_, destination) = destination(address, port);
        self.record(address, "tcp", &format!("connect {destination}"));
        let dialed = dialer
            .dial(address, port, self.target.connect_timeout, Role::Port)
            .await?;
        Ok(Connection {
            stream: Box::new(dialed.stream),
            peer: dialed.peer.to_string(),
            connect: dialed.connect,
            exposed: leaves_this_machine(dialed.peer.ip()),
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
        self.ledger().record(target, protocol, sent);
    }

    /// Runs a command on `target.host`: over its shared SSH connection, or
    /// here when the host is local. An exit status other than 0 is not a fault.
    /// Standard output is there to its end: of half an answer nothing can be told.
    ///
    /// # Errors
    /// The fault of the connection, or `TimedOut` after `target.timeout`; `Protocol`
    /// when more was printed than is kept, `Closed` when the output was cut off.
    pub async fn exec(&self, command: &ReadOnlyCommand) -> Result<Output, Fault> {
        let output = self.exec_capped(command).await?;
        if output.exit != Exit::Unknown {
            return Ok(output);
        }
        let program = command.pipeline().last().and_then(|args| args.first());
        let program = program.map_or("the program", String::as_str);
        let place = match self.host() {
            Ok(host) if host.local => "this machine",
            Ok(host) => &host.id,
            Err(_) => "the host",
        };
        Err(if output.truncated {
            let seen = format!("{program} on {place} printed more than is kept");
            Fault::new(FaultKind::Protocol, seen)
        } else {
            let seen = format!("{program} on {place} was cut off before its end");
            Fault::new(FaultKind::Closed, seen)
        })
    }

    /// As [`Self::exec`], for those who can do with the beginning of an answer: what
    /// is cut ends with [`Exit::Unknown`].
    ///
    /// # Errors
    /// The fault of the connection, or `TimedOut` after `target.timeout`.
    pub async fn exec_capped(&self, command: &ReadOnlyCommand) -> Result<Output, Fault> {
        let limits = Limits::within(self.target.timeout);
        self.exec_within(command, &Values::default(), limits).await
    }

    async fn exec_within(
        &self,
        command: &ReadOnlyCommand,
        values: &Values,
        limits: Limits,
    ) -> Result<Output, Fault> {
        // A program that cannot use an address repeats parts of it.
        for secret in values.secrets_in_addresses() {
            self.transports.secrets.meet(secret);
        }
        #[cfg(any(test, feature = "fuzzing"))]
        if let Some(stand_in) = &self.transports.stand_in {
            return Ok(stand_in.exec(command));
        }
        if self.host()?.local {
            let operator = self.transports.ssh.operator();
            return local::exec_with(command, values, operator, limits, self.ledger()).await;
        }
        self.ssh_session()
            .await?
            .exec_with(command, values, limits, self.ledger())
            .await
    }

    /// As [`Self::exec_capped`], and keeps as much of standard error as of standard
    /// output: some programs print there what was asked for.
    ///
    /// # Errors
    /// As [`Self::exec`].
    pub async fn exec_with_errors(&self, command: &ReadOnlyCommand) -> Result<Output, Fault> {
        let limits = Limits::within(self.target.timeout);
        let limits = Limits {
            stderr: limits.stdout,
            ..limits
        };
        self.exec_within(command, &Values::default(), limits).await
    }

    /// As [`Self::exec_capped`], with `values` for the variables that the command
    /// takes, and keeping as many bytes of its output as `most`.
    ///
    /// # Errors
    /// As [`Self::exec`]; `Internal` when a variable has no value.
    pub async fn exec_with(
        &self,
        command: &ReadOnlyCommand,
        values: &Values,
        most: usize,
    ) -> Result<Output, Fault> {
        let limits = Limits {
            stdout: most,
            ..Limits::within(self.target.timeout)
        };
        self.exec_within(command, values, limits).await
    }

    /// As [`Self::exec_capped`], and keeps `stdout` bytes of standard output.
    ///
    /// # Errors
    /// As [`Self::exec`].
    pub async fn exec_up_to(
        &self,
        command: &ReadOnlyCommand,
        stdout: usize,
    ) -> Result<Output, Fault> {
        self.exec_with(command, &Values::default(), stdout).await
    }

    /// What `ask` is told by `whom`, once for all checks of the run that ask the same
    /// in the same attempt: the first of them asks, and has it in the audit; for the
    /// others nothing is sent.
    ///
    /// # Errors
    /// The fault of `ask`.
    pub async fn once<T, A>(
        &self,
        whom: &str,
        asked: &str,
        ask: impl FnMut() -> A,
    ) -> Result<Arc<T>, Fault>
    where
        T: Send + Sync + 'static,
        A: Future<Output = Result<T, Fault>>,
    {
        let question = Question {
            target: whom.to_owned(),
            asked: asked.to_owned(),
            attempt: self.attempt,
        };
        self.transports
            .answers
            .get(&question, self.target.timeout, ask)
            .await
    }

    /// The shared SSH connection of `target.host`.
    ///
    /// # Errors
    /// The fault that kept it from opening within the host's `connect_timeout`.
    pub async fn ssh_session(&self) -> Result<Arc<Session>, Fault> {
        self.transports
            .ssh
            .session(self.host()?, self.ledger())
            .await
    }

    /// The host that the check is `on`.
    ///
    /// # Errors
    /// `Internal`: the plan gives every kind of [`Place::Host`](super::Place) a host.
    pub fn host(&self) -> Result<&Arc<Host>, Fault> {
        self.target
            .host
            .as_ref()
            .ok_or_else(|| Fault::new(FaultKind::Internal, "the check has no host"))
    }

    async fn connect_through(
        &self,
        via: &Arc<Host>,
        address: &str,
        port: u16,
    ) -> Result<Connection, Fault> {
        let session = self.transports.ssh.session(via, self.ledger()).await?;
        let (bare, destination) = destination(address, port);
        self.record(&via.id, "ssh", &format!("direct-tcpip {destination}"));
        let started = Instant::now();
        // The server resolves the name, and to a resolver `[::1]` is none.
        let stream = session
            .open_tcp(bare, port, self.target.connect_timeout)
            .await?;
        Ok(Connection {
            stream,
            peer: destination,
            connect: started.elapsed(),
            exposed: false,
        })
    }

    fn ledger(&self) -> Ledger<'_> {
        Ledger {
            audit: &self.transports.audit,
            check: &self.check,
        }
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

/// An address without the brackets that addresses of IPv6 may have, and as
/// `address:port`, in which they must have them.
fn destination(address: &str, port: u16) -> (&str, String) {
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    if bare.contains(':') {
        (bare, format!("[{bare}]:{port}"))
    } else {
        (bare, format!("{bare}:{port}"))
    }
}

fn leaves_this_machine(peer: IpAddr) -> bool {
    !peer.to_canonical().is_loopback()
}

impl Opener for Context {
    async fn open(&self, address: &str, port: u16) -> Result<Connection, Fault> {
        self.connect(address, port).await
    }

    fn note(&self, target: &str, protocol: &str, sent: &str) {
        self.record(target, protocol, sent);
    }
}

#[cfg(test)]
mod tests {
    use super::{destination, leaves_this_machine};
    use rstest::rstest;

    #[rstest]
    #[case("127.0.0.1", false)]
    #[case("127.9.9.9", false)]
    #[case("::1", false)]
    #[case("::ffff:127.0.0.1", false)]
    #[case("192.168.0.188", true)]
    #[case("::ffff:192.168.0.188", true)]
    #[case("fe80::1", true)]
    fn only_loopback_stays_here(#[case] peer: &str, #[case] leaves: bool) {
        assert_eq!(
            leaves_this_machine(peer.parse().expect("an address")),
            leaves
        );
    }

    #[rstest]
    #[case("::1", "::1", "[::1]:80")]
    #[case("[::1]", "::1", "[::1]:80")]
    #[case("192.0.2.1", "192.0.2.1", "192.0.2.1:80")]
    #[case("db.lan", "db.lan", "db.lan:80")]
    fn brackets_are_for_ports(#[case] address: &str, #[case] bare: &str, #[case] shown: &str) {
        assert_eq!(destination(address, 80), (bare, shown.to_owned()));
    }
}
