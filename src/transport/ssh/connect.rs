//! Opening a host's connection: dial, handshake, login, all within the host's
//! budget.

use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use russh::client::{self, Handle};
use russh::{Preferred, SshId};
use tokio::time::{Instant, sleep, timeout_at};

use super::SshPool;
use super::auth::{self, AuthFailure};
use super::handshake::{Client, Notes, Overheard, Stage};
use super::known_hosts::{KnownHosts, LARGEST_FILE};
use super::login::Login;
use super::session::{About, Session};
use crate::transport::audit::Ledger;
use crate::transport::dial::Role;
use crate::transport::{ConnectionKey, Fault, FaultKind, Host, Stream, files};

/// The first pause before a quick failure is tried again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// An open connection that says nothing for a shorter time is left to itself.
const LEAST_PATIENCE: Duration = Duration::from_secs(2);
/// Hosts gone through to reach one: more than this is a ring.
const MOST_HOPS: usize = 8;

enum Failure {
    /// A host that comes up may pass this state within the budget.
    Passing(Fault),
    Final(Fault),
}

impl Failure {
    /// Whether somebody answered whose key is not trusted. No other connection to the same
    /// address makes up for that: two machines may have it.
    fn is_of_key(&self) -> bool {
        matches!(self, Self::Final(fault) if fault.kind == FaultKind::HostKey)
    }
}

/// A connection on which nothing was said yet.
struct Opened {
    stream: Box<dyn Stream>,
    /// What opening it took.
    connect: Duration,
}

/// Opens the connection of `host`, trying quick failures again until
/// `host.connect_timeout` is spent.
pub(super) async fn connect(
    pool: &SshPool,
    host: &Arc<Host>,
    depth: usize,
    ledger: Ledger<'_>,
) -> Result<Arc<Session>, Fault> {
    let key = ConnectionKey::ssh(&host.id);
    let ours = |fault: Fault| {
        if fault.connection.is_some() {
            fault
        } else {
            fault.on_connection(key.clone())
        }
    };
    let deadline = Instant::now() + host.connect_timeout;
    let (login, known) = timeout_at(deadline, prepare(pool, host, ledger))
        .await
        .unwrap_or_else(|_| {
            let budget = host.connect_timeout.as_secs_f64();
            let seen =
                format!("the SSH configuration and known host keys were not read in {budget:.1} s");
            Err(Fault::new(FaultKind::LocalSetup, seen))
        })
        .map_err(ours)?;
    let waiting = Instant::now();
    let jump = match &login.jump {
        // The way there has its own budget and its own fault.
        Some(jump) => Some(through(pool, jump, depth, ledger).await.map_err(ours)?),
        None => None,
    };
    let mut attempts = Attempts {
        pool,
        host,
        login: &login,
        known: &known,
        jump,
        started: Instant::now(),
        deadline: deadline + waiting.elapsed(),
        ledger,
    };
    attempts.run().await.map_err(ours)
}

/// Reads on this machine what the login needs.
async fn prepare(
    pool: &SshPool,
    host: &Host,
    ledger: Ledger<'_>,
) -> Result<(Login, KnownHosts), Fault> {
    let login = Login::settle(host, &pool.environment, ledger).await?;
    let mut known = KnownHosts::read(&login.known_hosts).await;
    if let Some(file) = &login.revoked {
        revoke(&mut known, file).await?;
    }
    Ok((login, known))
}

async fn revoke(known: &mut KnownHosts, file: &Path) -> Result<(), Fault> {
    let revoked = match files::read(file, LARGEST_FILE).await {
        Ok(bytes) => known.revoke(file, &bytes),
        Err(error) => Err(error.to_string()),
    };
    revoked.map_err(|why| {
        Fault::new(
            FaultKind::LocalSetup,
            format!(
                "the revoked host keys of {} cannot be read: {why}",
                file.display()
            ),
        )
        .hint("~/.ssh/config or /etc/ssh/ssh_config names the file as RevokedHostKeys")
    })
}

type SessionFuture<'a> = Pin<Box<dyn Future<Output = Result<Arc<Session>, Fault>> + Send + 'a>>;

/// The session of a host on the way.
fn through<'a>(
    pool: &'a SshPool,
    jump: &'a Arc<Host>,
    depth: usize,
    ledger: Ledger<'a>,
) -> SessionFuture<'a> {
    Box::pin(async move {
        if depth >= MOST_HOPS {
            return Err(Fault::new(
                FaultKind::LocalSetup,
                format!("the way through {} goes in a ring", jump.id),
            ));
        }
        pool.session_at(jump, depth + 1, ledger).await
    })
}

struct Attempts<'a> {
    pool: &'a SshPool,
    host: &'a Host,
    login: &'a Login,
    known: &'a KnownHosts,
    jump: Option<Arc<Session>>,
    started: Instant,
    deadline: Instant,
    ledger: Ledger<'a>,
}

impl Attempts<'_> {
    async fn run(&mut self) -> Result<Arc<Session>, Fault> {
        let mut made = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            made += 1;
            let fault = match self.attempt().await {
                Ok(session) => return Ok(Arc::new(session)),
                Err(Failure::Final(fault)) => return Err(self.counted(fault, made)),
                Err(Failure::Passing(fault)) => fault,
            };
            if Instant::now() + pause >= self.deadline {
                return Err(self.counted(fault, made));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn counted(&self, mut fault: Fault, made: u32) -> Fault {
        if made > 1 {
            let spent = self.started.elapsed().as_secs_f64();
            fault.seen = format!("{}, dialled {made} times in {spent:.1} s", fault.seen);
        }
        fault
    }

    fn place(&self) -> String {
        if self.login.address.contains(':') {
            format!("[{}]:{}", self.login.address, self.login.port)
        } else {
            format!("{}:{}", self.login.address, self.login.port)
        }
    }

    fn record(&self) {
        let Login { user, address, .. } = self.login;
        // Behind a jump host the name is its business.
        if self.jump.is_none() && self.pool.dialer.would_look_up(address) {
            self.ledger
                .record("local", "dns", &format!("lookup {address}"));
        }
        let way = match &self.login.jump {
            Some(jump) => format!(" through {}", jump.id),
            None => String::new(),
        };
        let sent = format!("connect {user}@{}{way}", self.place());
        self.ledger.record(&self.host.id, "ssh", &sent);
    }

    async fn attempt(&mut self) -> Result<Session, Failure> {
        if self.jump.is_none()
            && let Some(fault) = self.pool.dialer.verdict(&self.login.address)
        {
            // Nothing is sent, so nothing is audited.
            return Err(Failure::Final(fault));
        }
        let opened = self.open().await?;
        // Waiting for a turn is not the host's fault: its budget stands still.
        let waiting = Instant::now();
        let turn = self.pool.handshakes.acquire().await.ok();
        self.deadline += waiting.elapsed();

        let notes = Notes::default();
        let first = pin!(async {
            let _turn = turn;
            self.log_in(opened, &notes).await
        });
        let stalled = pin!(notes.silence(self.patience()));
        let first = match select(first, stalled).await {
            Either::Left((ended, _)) => return ended,
            Either::Right(((), first)) => first,
        };
        // What is lost several times in a row TCP sends again after ever longer pauses
        // (RFC 6298, 5.5); a new connection begins with short ones. It has a turn of its
        // own: until it gets one, the first goes on alone.
        let second = pin!(async {
            let notes = Notes::default();
            let turn = timeout_at(self.deadline, self.pool.handshakes.acquire()).await;
            let Ok(_turn) = turn else {
                return Err(Failure::Final(self.timed_out(&notes)));
            };
            self.log_in(self.open().await?, &notes).await
        });
        match select(first, second).await {
            Either::Left((Ok(session), _)) | Either::Right((Ok(session), _)) => Ok(session),
            Either::Left((Err(failure @ Failure::Final(_)), _)) => Err(failure),
            Either::Left((Err(failure), second)) => second
                .await
                .map_err(|other| if other.is_of_key() { other } else { failure }),
            Either::Right((Err(failure), _)) if failure.is_of_key() => Err(failure),
            Either::Right((Err(_), first)) => first.await,
        }
    }

    /// For how long an open connection may say nothing before another one is tried
    /// beside it.
    fn patience(&self) -> Duration {
        (self.host.connect_timeout / 3).max(LEAST_PATIENCE)
    }

    /// Handshake and login over an open connection.
    async fn log_in(&self, opened: Opened, notes: &Notes) -> Result<Session, Failure> {
        let started = Instant::now();
        let handle = match timeout_at(self.deadline, self.shake_hands(opened.stream, notes)).await {
            Ok(handle) => handle?,
            Err(_) => return Err(Failure::Final(self.timed_out(notes))),
        };
        let about = About {
            connect: opened.connect,
            login: started.elapsed(),
            host_key: notes.host_key().unwrap_or_default(),
            server: notes.server().unwrap_or_default(),
        };
        Ok(Session::new(
            &self.host.id,
            &self.login.user,
            handle,
            notes.clone(),
            about,
        ))
    }

    async fn open(&self) -> Result<Opened, Failure> {
        self.record();
        let started = Instant::now();
        let Login { address, port, .. } = self.login;
        let budget = self.deadline.saturating_duration_since(Instant::now());
        let opened = match &self.jump {
            Some(jump) => jump.open_tcp(address, *port, budget).await,
            None => (self.pool.dialer)
                .dial(address, *port, budget, Role::HostSsh)
                .await
                .map(|dialed| Box::new(dialed.stream) as Box<dyn Stream>),
        };
        let connect = started.elapsed();
        let opened = opened.map(|stream| Opened { stream, connect });
        opened.map_err(|fault| match fault.kind {
            // A fault that already names its connection is remembered there.
            FaultKind::Refused | FaultKind::Unreachable | FaultKind::Closed
                if fault.connection.is_none() =>
            {
                Failure::Passing(fault)
            }
            _ => Failure::Final(fault),
        })
    }

    async fn shake_hands(
        &self,
        stream: Box<dyn Stream>,
        notes: &Notes,
    ) -> Result<Handle<Client>, Failure> {
        let client = Client {
            notes: notes.clone(),
            known: self.known.clone(),
            filed: self.login.filed.clone(),
            address: self.login.address.clone(),
            port: self.login.port,
            own_file: self.login.known_hosts.first().cloned(),
        };
        let config = client::Config {
            client_id: SshId::Standard(
                concat!("SSH-2.0-coldstart_", env!("CARGO_PKG_VERSION")).into(),
            ),
            preferred: Preferred {
                key: self.known.algorithms(&self.login.filed).into(),
                ..Preferred::default()
            },
            // A host that loses power in the middle of a run is noticed.
            keepalive_interval: Some(Duration::from_secs(5)),
            keepalive_max: 2,
            ..client::Config::default()
        };
        let (stream, done) = Overheard::new(stream, notes.clone());
        let mut handle = client::connect_stream(Arc::new(config), stream, client)
            .await
            .map_err(|error| self.failed(&error, notes))?;
        match auth::log_in(&mut handle, self.login, notes).await {
            Ok(()) => {
                // The task that reads may have ended with the connection.
                done.send(()).ok();
                Ok(handle)
            }
            Err(AuthFailure::Denied(fault)) => Err(Failure::Final(fault)),
            Err(AuthFailure::Lost(fault)) => Err(Failure::Passing(fault)),
        }
    }

    fn failed(&self, error: &russh::Error, notes: &Notes) -> Failure {
        if let Some(fault) = notes.distrust() {
            return Failure::Final(fault);
        }
        let place = self.place();
        match notes.first_line() {
            None => Failure::Passing(Fault::new(
                FaultKind::Closed,
                format!("{place} closed the connection before its SSH banner"),
            )),
            // sshd says this instead of its banner when too many are logging in.
            Some(line) if line.contains("Exceeded MaxStartups") => Failure::Passing(Fault::new(
                FaultKind::Closed,
                format!("{place} has too many logins under way: it said {line:?}"),
            )
            .hint("who holds them shows on its console: `ss -tnp sport = :22`; MaxStartups in sshd_config is the limit")),
            Some(line) if !line.starts_with("SSH-") => Failure::Final(Fault::new(
                FaultKind::Protocol,
                format!("{place} is no SSH server: it said \"{line}\""),
            )),
            Some(line) => match error {
                russh::Error::NoCommonAlgo { kind, theirs, .. } => Failure::Final(Fault::new(
                    FaultKind::Protocol,
                    format!(
                        "no {} algorithm in common with {place}, which offers {}",
                        format!("{kind:?}").to_lowercase(),
                        theirs.join(", ")
                    ),
                )),
                russh::Error::Disconnect | russh::Error::HUP | russh::Error::IO(_) => {
                    Failure::Passing(Fault::new(
                        FaultKind::Closed,
                        format!("{place} closed the connection during the key exchange"),
                    ))
                }
                other => Failure::Final(Fault::new(
                    FaultKind::Protocol,
                    format!("the key exchange with {place} ({line}) failed: {other}"),
                )),
            },
        }
    }

    fn timed_out(&self, notes: &Notes) -> Fault {
        let place = self.place();
        let budget = self.host.connect_timeout.as_secs_f64();
        let seen = match (notes.first_line(), notes.stage()) {
            (_, Stage::Login) => format!("the login at {place} was not done in {budget:.1} s"),
            (None, Stage::Handshake) => {
                format!("{place} accepted the connection and sent no SSH banner in {budget:.1} s")
            }
            (Some(line), Stage::Handshake) if line.starts_with("SSH-") => {
                format!("{place} ({line}) did not finish the key exchange in {budget:.1} s")
            }
            (Some(line), Stage::Handshake) => {
                format!("{place} sent no SSH banner in {budget:.1} s: it said \"{line}\"")
            }
        };
        Fault::new(FaultKind::TimedOut, seen)
    }
}
