//! PostgreSQL: one statement in a read-only transaction that is never committed.
//!
//! `default_transaction_read_only` alone is undone by a `SET`, and
//! `SET TRANSACTION READ WRITE` is obeyed before the first query of a
//! transaction. So the transaction begins read-only and has its first query
//! before the baseline's statement comes; see [`statement`] for the rest. What
//! a function does outside of the database (`pg_terminate_backend`, `dblink`) it
//! does not stop: those that are known are refused, and from the rest only a role
//! without rights keeps us.

mod cell;
mod fault;
mod login;
pub mod statement;
mod wire;

use std::time::Duration;

use futures_util::{StreamExt, pin_mut};
use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{Client, SimpleQueryMessage, Transaction};

pub use cell::Cell;
use fault::{fault, protocol};
use login::Login;
use wire::{Full, SESSION_CAP, Watch, Wire};

use super::open::Opener;
use super::tls::{Tls, TlsOptions};
use super::{Connection, Fault, FaultKind};

/// Rows that are read; the server is not asked for more.
pub const ROW_CAP: usize = 100;
/// Bytes of values that are read.
pub const BYTE_CAP: usize = 1 << 20;

/// Whether the connection is encrypted and whom it trusts, by libpq's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encryption {
    /// `disable`: never.
    Disable,
    /// `prefer`: when the server offers it, whoever it is.
    #[default]
    Prefer,
    /// `require`: always, whoever it is.
    Require,
    /// `verify-full`: always, by a trusted certificate for the host's name.
    VerifyFull,
}

/// Where to log in and what to ask.
#[derive(Debug)]
pub struct Ask {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The role.
    pub user: String,
    /// Its password.
    pub password: Option<SecretString>,
    /// The database.
    pub database: String,
    /// Encryption.
    pub encryption: Encryption,
    /// Authorities to trust besides this machine's.
    pub tls: TlsOptions,
    /// A statement about the server itself, sent before `query`.
    pub state: Option<String>,
    /// The statement, checked by [`statement::check`].
    pub query: Option<String>,
    /// Time from the open connection to the last row.
    pub timeout: Duration,
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    /// Time to open the TCP connection.
    pub connect: Duration,
    /// From the open connection to the end of the login.
    pub login: Duration,
    /// Whether the connection is one of TLS.
    pub encrypted: bool,
    /// `15.4 (Debian 15.4-1)`, as the server tells it.
    pub server_version: Option<String>,
    /// Whether it is replaying WAL: a standby, or not yet recovered.
    pub in_recovery: bool,
    /// What came of the statement about the server.
    pub state: Option<Rows>,
    /// What came of the statement.
    pub rows: Option<Rows>,
}

/// Rows of a statement.
#[derive(Debug)]
pub struct Rows {
    /// Time from the statement to the last row.
    pub elapsed: Duration,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The values by row; a null is `None`.
    pub rows: Vec<Vec<Option<Cell>>>,
    /// Whether there are more rows than were read.
    pub more: bool,
}

/// What opens every session, in order. The baseline's statement comes after it.
#[must_use]
pub fn preamble(timeout: Duration) -> [String; 2] {
    let milliseconds = timeout.as_millis().clamp(1, i32::MAX.unsigned_abs().into());
    [
        "START TRANSACTION READ ONLY".to_owned(),
        format!("SET LOCAL statement_timeout = {milliseconds}; SELECT pg_is_in_recovery()"),
    ]
}

/// Logs in, asks and hangs up.
///
/// # Errors
/// The connection's fault; `Refused` while the server starts, stops or has no
/// free slot; `Denied` for login and rights; `Missing` for a database, table
/// or column; `TimedOut` after [`Ask::timeout`]; `HostKey` for certificates;
/// `LocalSetup` for a statement that is not one; `Closed`; `Protocol`.
pub async fn ask(opener: &impl Opener, tls: &Tls, ask: &Ask) -> Result<Answer, Fault> {
    for query in ask.state.iter().chain(&ask.query) {
        statement::check(query).map_err(|message| Fault::new(FaultKind::LocalSetup, message))?;
    }
    let connection = opener.open(&ask.host, ask.port).await?;
    Session {
        opener,
        tls,
        ask,
        deadline: Instant::now() + ask.timeout,
    }
    .run(connection)
    .await
}

struct Session<'a, O> {
    opener: &'a O,
    tls: &'a Tls,
    ask: &'a Ask,
    deadline: Instant,
}

impl<O: Opener> Session<'_, O> {
    async fn run(&self, connection: Connection) -> Result<Answer, Fault> {
        let Connection {
            stream,
            peer,
            connect,
            exposed,
        } = connection;
        let started = Instant::now();
        // Dropped with the session, and the connection with it.
        let mut tasks = JoinSet::new();
        self.note(
            &peer,
            &format!("login {} to {}", self.ask.user, self.ask.database),
        );
        let full = Full::default();
        let asks_for_tls = self.ask.encryption != Encryption::Disable;
        let wire = Wire::new(stream, Watch::new(exposed, asks_for_tls), full.clone());
        let Login {
            mut client,
            server_version,
            encrypted,
        } = self
            .within("the login", self.login(wire, &mut tasks))
            .await?;
        let login = started.elapsed();
        let answer = self.converse(&mut client, &peer).await;
        let answer = answer.map_err(|fault| if full.is() { too_much() } else { fault });
        drop(client);
        // The goodbye is sent by the task; without it the server's log would
        // tell of a connection lost.
        drop(timeout_at(self.deadline, tasks.join_next()).await);
        let Told {
            in_recovery,
            state,
            rows,
        } = answer?;
        Ok(Answer {
            connect,
            login,
            encrypted,
            server_version,
            in_recovery,
            state,
            rows,
        })
    }

    async fn converse(&self, client: &mut Client, peer: &str) -> Result<Told, Fault> {
        let [begin, first] = preamble(self.ask.timeout);
        self.note(peer, &begin);
        let opening = async {
            client
                .build_transaction()
                .read_only(true)
                .start()
                .await
                .map_err(|error| fault(&error))
        };
        let transaction = self.within("the first query", opening).await?;
        self.note(peer, &first);
        let in_recovery = self
            .within("the first query", recovery(&transaction, &first))
            .await?;
        let mut answers = [None, None];
        let statements = [&self.ask.state, &self.ask.query];
        let names = ["the question about its state", "the query"];
        for ((statement, name), answer) in statements.into_iter().zip(names).zip(&mut answers) {
            if let Some(statement) = statement {
                self.note(peer, statement);
                *answer = Some(self.within(name, read(&transaction, statement)).await?);
            }
        }
        let [state, rows] = answers;
        self.note(peer, "ROLLBACK");
        let ending = async { transaction.rollback().await.map_err(|error| fault(&error)) };
        self.within("ROLLBACK", ending).await?;
        Ok(Told {
            in_recovery,
            state,
            rows,
        })
    }

    fn note(&self, peer: &str, sent: &str) {
        self.opener.note(peer, "postgres", sent);
    }

    async fn within<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        timeout_at(self.deadline, work).await.unwrap_or_else(|_| {
            let seconds = self.ask.timeout.as_secs_f64();
            Err(Fault::new(
                FaultKind::TimedOut,
                format!("no answer to {what} within {seconds:.1} s"),
            ))
        })
    }
}

/// What came of the statements.
struct Told {
    in_recovery: bool,
    state: Option<Rows>,
    rows: Option<Rows>,
}

/// It was hung up here, and not by the server.
fn too_much() -> Fault {
    let most = SESSION_CAP >> 20;
    protocol(format!(
        "the answer has more than the {most} MiB that are read of a session"
    ))
    .hint("let the statement select less")
}

async fn recovery(transaction: &Transaction<'_>, first: &str) -> Result<bool, Fault> {
    let messages = transaction
        .simple_query(first)
        .await
        .map_err(|error| fault(&error))?;
    let answer = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.try_get(0).ok().flatten(),
        _ => None,
    });
    match answer {
        Some("t") => Ok(true),
        Some("f") => Ok(false),
        other => Err(protocol(format!("pg_is_in_recovery() gave {other:?}"))),
    }
}

async fn read(transaction: &Transaction<'_>, query: &str) -> Result<Rows, Fault> {
    let started = Instant::now();
    let failed = |error: tokio_postgres::Error| fault(&error);
    // By the extended protocol, which takes one statement only.
    let prepared = transaction.prepare(query).await.map_err(failed)?;
    if !prepared.params().is_empty() {
        let seen = "the statement has parameters ($1), for which there are no values";
        return Err(Fault::new(FaultKind::LocalSetup, seen));
    }
    let columns = prepared
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect();
    // Through a portal, so that the server stops at the cap, too.
    let portal = transaction.bind(&prepared, &[]).await.map_err(failed)?;
    let most = i32::try_from(ROW_CAP + 1).unwrap_or(i32::MAX);
    let stream = transaction
        .query_portal_raw(&portal, most)
        .await
        .map_err(failed)?;
    pin_mut!(stream);
    let mut rows = Vec::new();
    let mut bytes = 0;
    while let Some(row) = stream.next().await {
        let row = row.map_err(failed)?;
        bytes += row.raw_size_bytes();
        if rows.len() == ROW_CAP || bytes > BYTE_CAP {
            return Ok(Rows {
                elapsed: started.elapsed(),
                columns,
                rows,
                more: true,
            });
        }
        let values: Result<Vec<Option<Cell>>, _> =
            (0..row.len()).map(|index| row.try_get(index)).collect();
        rows.push(values.map_err(|error| {
            let cause = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            Fault::new(FaultKind::LocalSetup, cause)
        })?);
    }
    Ok(Rows {
        elapsed: started.elapsed(),
        columns,
        rows,
        more: false,
    })
}

#[cfg(test)]
mod tests;
