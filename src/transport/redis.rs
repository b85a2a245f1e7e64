//! Redis: PING, INFO, and one command that the server's own table calls
//! read-only. Everything else is refused before it is sent.

mod resp;
mod socket;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncWriteExt, BufStream};
use tokio::time::{Instant, timeout_at};

pub use resp::Reply;
use socket::open_socket;
pub use table::table_question;
use table::{all_allowed, allowed};

use super::open::Opener;
use super::tls::{self, Shown, Tls, TlsOptions};
use super::{Connection, Fault, FaultKind, Stream};

/// Bytes of one reply that are read.
const REPLY_MAX: usize = 1 << 20;

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A name or address, and a port.
    Tcp(String, u16),
    /// A Unix socket of this machine.
    Socket(PathBuf),
}

/// Where to log in and what to ask.
#[derive(Debug)]
pub struct Ask {
    /// The server.
    pub endpoint: Endpoint,
    /// The user of its ACL; `default` when absent.
    pub username: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
    /// The number of the database; 0 when absent.
    pub database: Option<u32>,
    /// Whom to trust, when the server speaks TLS, and its name when that is not
    /// the address.
    pub tls: Option<(TlsOptions, Option<String>)>,
    /// A key to look at.
    pub key: Option<Key>,
    /// A command besides PING and INFO.
    pub command: Option<Vec<String>>,
    /// Time in which a Unix socket must open, and from the open connection to the last reply.
    pub timeout: Duration,
}

/// A key to look at, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// Whether it is to be a hash, else it may be anything, and text is read.
    pub hash: bool,
}

impl Key {
    /// What is sent for it, in order, after the question to the server's table:
    /// the last only when the key is of that type.
    #[must_use]
    pub fn reads(&self) -> [[&str; 2]; 3] {
        let read = if self.hash { "HGETALL" } else { "GET" };
        [
            ["TYPE", &self.name],
            ["PTTL", &self.name],
            [read, &self.name],
        ]
    }

    /// The question to the server's table.
    #[must_use]
    pub fn question(&self) -> [&str; 5] {
        let [[first, _], [second, _], [third, _]] = self.reads();
        ["COMMAND", "INFO", first, second, third]
    }
}

/// What there is under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `string`, `hash`, `list`, …; nothing when there is no such key.
    pub kind: Option<String>,
    /// Until it is deleted by itself, when it is.
    pub expires: Option<Duration>,
    /// The text or the hash, when it is one.
    pub content: Option<Reply>,
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    /// Time to open the connection.
    pub connect: Duration,
    /// From PING to its reply.
    pub ping: Duration,
    /// Whether PING was answered by PONG.
    pub pong: bool,
    /// The server's error to PING, `LOADING Redis is loading the dataset in memory`.
    pub error: Option<String>,
    /// The fields of INFO; empty when the server does not let us see it.
    pub info: BTreeMap<String, String>,
    /// What there is under the key.
    pub found: Option<Found>,
    /// The reply to the command.
    pub reply: Option<Reply>,
    /// The certificates shown, when it was TLS.
    pub shown: Option<Shown>,
}

/// What is sent, in order, without the command.
#[must_use]
pub fn opening(
    ask_username: Option<&str>,
    authenticates: bool,
    database: Option<u32>,
) -> Vec<String> {
    let mut lines = Vec::new();
    if authenticates {
        lines.push(
            ask_username.map_or_else(|| "AUTH ***".to_owned(), |user| format!("AUTH {user} ***")),
        );
    }
    if let Some(database) = database {
        lines.push(format!("SELECT {database}"));
    }
    lines.extend(["PING".to_owned(), "INFO".to_owned()]);
    lines
}

/// Logs in, asks and hangs up.
///
/// # Errors
/// The fault of the connection or of TLS; `Denied` for login, rights and commands that are
/// not read-only; `Missing` for commands and databases that do not exist; `TimedOut` after
/// [`Ask::timeout`]; `Closed`; `Protocol` when it is not Redis, or when it
/// answers the command by an error.
pub async fn ask(opener: &impl Opener, tls: &Tls, ask: &Ask) -> Result<Answer, Fault> {
    let connection = match &ask.endpoint {
        Endpoint::Tcp(address, port) => opener.open(address, *port).await?,
        Endpoint::Socket(path) => open_socket(path, ask.timeout).await?,
    };
    let Connection {
        stream,
        peer,
        connect,
        exposed: _,
    } = connection;
    let deadline = Instant::now() + ask.timeout;
    let mut shown = None;
    let stream: Box<dyn Stream> = match (&ask.tls, &ask.endpoint) {
        (Some((options, name)), Endpoint::Tcp(address, _)) => {
            let name = name.as_ref().unwrap_or(address);
            let secured = tls
                .secure(stream, name, options, ask.timeout)
                .await
                .map_err(|insecure| insecure.fault)?;
            shown = Some(secured.shown);
            Box::new(secured.stream)
        }
        (None, _) | (_, Endpoint::Socket(_)) => stream,
    };
    let mut session = Session {
        opener,
        peer,
        stream: BufStream::new(stream),
        deadline,
        timeout: ask.timeout,
    };
    let answer = session.run(ask, connect).await?;
    Ok(Answer { shown, ..answer })
}

struct Session<'a, O> {
    opener: &'a O,
    peer: String,
    stream: BufStream<Box<dyn Stream>>,
    deadline: Instant,
    timeout: Duration,
}

impl<O: Opener> Session<'_, O> {
    async fn run(&mut self, ask: &Ask, connect: Duration) -> Result<Answer, Fault> {
        if let Some(password) = &ask.password {
            let mut words = vec!["AUTH"];
            words.extend(ask.username.as_deref());
            words.push(password.expose_secret());
            let shown = opening(ask.username.as_deref(), true, None).swap_remove(0);
            self.accepted(&words, &shown).await?;
        }
        if let Some(database) = ask.database {
            let number = database.to_string();
            self.accepted(&["SELECT", &number], &format!("SELECT {number}"))
                .await?;
        }
        let sent = Instant::now();
        let pong = self.send(&["PING"], "PING").await?;
        let ping = sent.elapsed();
        let (pong, error) = match pong {
            Reply::Status(word) if word == "PONG" => (true, None),
            Reply::Error(error) => match login_fault(&error) {
                Some(fault) => return Err(fault),
                None => (false, Some(error)),
            },
            other => return Err(protocol(format!("PING was answered by {other:?}"))),
        };
        let info = match self.send(&["INFO"], "INFO").await? {
            Reply::Bulk(Some(text)) => parse_info(&String::from_utf8_lossy(&text)),
            // Rights may be missing (NOPERM); then its facts are, too.
            Reply::Error(_) => BTreeMap::new(),
            other => return Err(protocol(format!("INFO was answered by {other:?}"))),
        };
        let found = match &ask.key {
            Some(key) if pong => Some(self.find(key).await?),
            Some(_) | None => None,
        };
        let reply = match &ask.command {
            // A server that is loading has no data to ask for.
            Some(command) if pong => Some(self.command(command).await?),
            Some(_) | None => None,
        };
        Ok(Answer {
            connect,
            ping,
            pong,
            error,
            info,
            found,
            reply,
            shown: None,
        })
    }

    async fn find(&mut self, key: &Key) -> Result<Found, Fault> {
        let question = key.question();
        let [_, _, names @ ..] = question;
        let table = self.send(&question, &question.join(" ")).await?;
        all_allowed(&names, &table)?;
        let [kind, expires, content] = key.reads();
        let kind = match self.read(&kind).await? {
            Reply::Status(kind) if kind == "none" => None,
            Reply::Status(kind) => Some(kind),
            other => return Err(protocol(format!("TYPE was answered by {other:?}"))),
        };
        // -1 without an end, -2 without a key.
        let expires = match self.read(&expires).await? {
            Reply::Integer(time) => u64::try_from(time).ok().map(Duration::from_millis),
            other => return Err(protocol(format!("PTTL was answered by {other:?}"))),
        };
        let wanted = if key.hash { "hash" } else { "string" };
        let content = if kind.as_deref() == Some(wanted) {
            Some(self.read(&content).await?)
        } else {
            None
        };
        Ok(Found {
            kind,
            expires,
            content,
        })
    }

    async fn read<S: AsRef<[u8]> + std::borrow::Borrow<str>>(
        &mut self,
        words: &[S],
    ) -> Result<Reply, Fault> {
        match self.send(words, &words.join(" ")).await? {
            Reply::Error(error) => Err(login_fault(&error).unwrap_or_else(|| protocol(error))),
            reply => Ok(reply),
        }
    }

    async fn command(&mut self, command: &[String]) -> Result<Reply, Fault> {
        let question = table_question(command);
        let answer = self.send(&question, &question.join(" ")).await?;
        allowed(command, &answer)?;
        self.read(command).await
    }

    async fn accepted(&mut self, words: &[&str], shown: &str) -> Result<(), Fault> {
        match self.send(words, shown).await? {
            Reply::Status(_) => Ok(()),
            Reply::Error(error) => Err(login_fault(&error).unwrap_or_else(|| {
                if error.contains("without any password configured") {
                    return Fault::new(
                        FaultKind::Denied,
                        "the server has no password, but one was given",
                    );
                }
                if error.contains("DB index is out of range") {
                    return Fault::new(
                        FaultKind::Missing,
                        format!("there is no such database: {shown}"),
                    );
                }
                protocol(error)
            })),
            other => Err(protocol(format!("{shown} was answered by {other:?}"))),
        }
    }

    /// Sends one command; `shown` is what the audit may know of it.
    async fn send<S: AsRef<[u8]>>(&mut self, words: &[S], shown: &str) -> Result<Reply, Fault> {
        self.opener.note(&self.peer, "redis", shown);
        let stream = &mut self.stream;
        let exchange = async {
            stream.write_all(&resp::encode(words)).await?;
            stream.flush().await?;
            let mut room = REPLY_MAX;
            resp::read(stream, &mut room, 0).await
        };
        match timeout_at(self.deadline, exchange).await {
            Ok(Ok(reply)) => Ok(reply),
            // A server that wants a certificate of ours says so after the handshake.
            Ok(Err(error)) if tls::is_of_tls(&error) => {
                Err(tls::handshake_fault(&error, &Shown::default()))
            }
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => Err(protocol(
                format!("the answer to {shown} is not Redis: {error}"),
            )),
            Ok(Err(_)) => Err(Fault::new(
                FaultKind::Closed,
                format!("the connection was cut off before the answer to {shown}"),
            )),
            Err(_) => {
                let seconds = self.timeout.as_secs_f64();
                Err(Fault::new(
                    FaultKind::TimedOut,
                    format!("no answer to {shown} within {seconds:.1} s"),
                ))
            }
        }
    }
}

fn protocol(seen: String) -> Fault {
    Fault::new(FaultKind::Protocol, seen)
}

/// The fault that a server's error tells, by its first word, which the protocol reserves
/// for that; none where it tells a state of the server, or something else.
#[must_use]
pub fn login_fault(error: &str) -> Option<Fault> {
    let fault = |kind| Some(Fault::new(kind, error));
    match error.split(' ').next().unwrap_or_default() {
        "NOAUTH" => fault(FaultKind::Denied)
            .map(|fault| fault.hint("give a password by `password: env:NAME`")),
        "WRONGPASS" | "NOPERM" | "DENIED" => fault(FaultKind::Denied),
        // Passing states: worth another attempt.
        "LOADING" | "MASTERDOWN" | "BUSY" | "MISCONF" => None,
        _ if error.contains("max number of clients reached") => fault(FaultKind::Refused),
        _ => None,
    }
}

/// The fields of INFO: `field:value` lines; sections are comments.
#[must_use]
pub fn parse_info(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(':'))
        .map(|(field, value)| (field.to_owned(), value.trim_end().to_owned()))
        .collect()
}
