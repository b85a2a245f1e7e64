//! Redis: PING, INFO, and one command that the server's own table calls
//! read-only. Everything else is refused before it is sent.

mod resp;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncWriteExt, BufStream};
use tokio::time::{Instant, timeout_at};

pub use resp::Reply;

use super::open::Opener;
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
    /// A command besides PING and INFO.
    pub command: Option<Vec<String>>,
    /// Time in which a Unix socket must open, and from the open connection to the last reply.
    pub timeout: Duration,
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
    /// The reply to the command.
    pub reply: Option<Reply>,
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

/// The question to the server's own table, before a command is sent: about the
/// command, and about its first argument as a subcommand.
#[must_use]
pub fn table_question(command: &[String]) -> Vec<String> {
    let mut words = vec!["COMMAND".to_owned(), "INFO".to_owned()];
    if let [name, rest @ ..] = command {
        words.push(name.clone());
        // `MEMORY|USAGE`; servers before 7 know no such name and say nothing about it.
        words.extend(
            rest.first()
                .filter(|word| is_word(word))
                .map(|sub| format!("{name}|{sub}")),
        );
    }
    words
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'-' || byte == b'_')
}

/// Logs in, asks and hangs up.
///
/// # Errors
/// The connection's fault; `Denied` for login, rights and commands that are
/// not read-only; `Missing` for commands and databases that do not exist; `TimedOut` after
/// [`Ask::timeout`]; `Closed`; `Protocol` when it is not Redis, or when it
/// answers the command by an error.
pub async fn ask(opener: &impl Opener, ask: &Ask) -> Result<Answer, Fault> {
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
    let mut session = Session {
        opener,
        peer,
        stream: BufStream::new(stream),
        deadline,
        timeout: ask.timeout,
    };
    session.run(ask, connect).await
}

#[cfg(unix)]
async fn open_socket(path: &std::path::Path, timeout: Duration) -> Result<Connection, Fault> {
    use std::io::ErrorKind;
    let started = Instant::now();
    let shown = path.display();
    let stream = match tokio::time::timeout(timeout, tokio::net::UnixStream::connect(path)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return Err(match error.kind() {
                ErrorKind::NotFound => {
                    Fault::new(FaultKind::Missing, format!("there is no socket {shown}"))
                }
                ErrorKind::ConnectionRefused => {
                    Fault::new(FaultKind::Refused, format!("connection refused by {shown}"))
                }
                ErrorKind::PermissionDenied => {
                    Fault::new(FaultKind::Denied, format!("{shown} may not be opened"))
                }
                _ => Fault::new(
                    FaultKind::LocalSetup,
                    format!("{shown} cannot be opened: {error}"),
                ),
            });
        }
        Err(_) => {
            return Err(Fault::new(
                FaultKind::TimedOut,
                format!("{shown} did not open"),
            ));
        }
    };
    Ok(Connection {
        stream: Box::new(stream),
        peer: shown.to_string(),
        connect: started.elapsed(),
        exposed: false,
    })
}

#[cfg(not(unix))]
async fn open_socket(path: &std::path::Path, _: Duration) -> Result<Connection, Fault> {
    Err(Fault::new(
        FaultKind::LocalSetup,
        format!("this system has no Unix sockets: {}", path.display()),
    ))
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
            reply,
        })
    }

    async fn command(&mut self, command: &[String]) -> Result<Reply, Fault> {
        let question = table_question(command);
        let answer = self.send(&question, &question.join(" ")).await?;
        allowed(command, &answer)?;
        match self.send(command, &command.join(" ")).await? {
            Reply::Error(error) => Err(login_fault(&error).unwrap_or_else(|| protocol(error))),
            reply => Ok(reply),
        }
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

/// Errors by their first word, which the protocol reserves for that.
fn login_fault(error: &str) -> Option<Fault> {
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

/// Whether the server's table calls the command read-only.
fn allowed(command: &[String], table: &Reply) -> Result<(), Fault> {
    let name = command.first().map(String::as_str).unwrap_or_default();
    let refused = |why: String| Err(Fault::new(FaultKind::Denied, why));
    let Reply::Array(Some(entries)) = table else {
        return refused(format!(
            "{name} is not sent: the server does not tell whether it only reads ({table:?})"
        ));
    };
    // What is known of the subcommand outweighs what is known of its container.
    let known: Vec<Vec<String>> = entries.iter().filter_map(flags).collect();
    let Some(flags) = known.last() else {
        return Err(Fault::new(
            FaultKind::Missing,
            format!("the server has no command {name}"),
        ));
    };
    let has = |flag: &str| flags.iter().any(|known| known == flag);
    // PFCOUNT is called read-only, yet keeps its result in the key, which the
    // table tells by `may_replicate`.
    if !has("readonly") || has("write") || has("admin") || has("may_replicate") {
        return refused(format!(
            "{name} is not sent: the server's own table does not call it read-only"
        ));
    }
    // A script that does not end stops the server for everyone.
    if SCRIPTS
        .iter()
        .any(|script| name.eq_ignore_ascii_case(script))
    {
        return refused(format!("{name} is not sent: it runs a script"));
    }
    // Before 7 the table has no subcommands, and MEMORY as a whole is called read-only.
    if name.eq_ignore_ascii_case("memory")
        && command
            .get(1)
            .is_some_and(|sub| sub.eq_ignore_ascii_case("purge"))
    {
        return refused("MEMORY PURGE is not sent: it is no read".to_owned());
    }
    Ok(())
}

/// Commands that run a script, and are called read-only.
const SCRIPTS: [&str; 3] = ["EVAL_RO", "EVALSHA_RO", "FCALL_RO"];

/// Name, arity, flags, …; nothing for a command that is not known.
fn flags(entry: &Reply) -> Option<Vec<String>> {
    let Reply::Array(Some(fields)) = entry else {
        return None;
    };
    let Some(Reply::Array(Some(flags))) = fields.get(2) else {
        return None;
    };
    flags
        .iter()
        .map(|flag| match flag {
            Reply::Status(flag) => Some(flag.clone()),
            Reply::Bulk(Some(flag)) => String::from_utf8(flag.clone()).ok(),
            _ => None,
        })
        .collect()
}

/// `field:value` lines; sections are comments.
fn parse_info(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(':'))
        .map(|(field, value)| (field.to_owned(), value.trim_end().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("GET", &["readonly", "fast"], true)]
    #[case("SORT", &["write", "denyoom"], false)]
    #[case("GETDEL", &["write", "fast"], false)]
    #[case("CONFIG", &[], false)]
    #[case("PFCOUNT", &["readonly", "may_replicate"], false)]
    #[case("EVAL_RO", &["readonly", "noscript"], false)]
    #[case("evalsha_ro", &["readonly", "noscript"], false)]
    #[case("FCALL_RO", &["readonly", "noscript"], false)]
    fn what_only_reads_is_sent(#[case] name: &str, #[case] flags: &[&str], #[case] sent: bool) {
        let flags = flags.iter().map(|flag| Reply::Status((*flag).to_owned()));
        let entry = vec![
            Reply::Bulk(Some(name.as_bytes().to_vec())),
            Reply::Integer(-2),
            Reply::Array(Some(flags.collect())),
        ];
        let table = Reply::Array(Some(vec![Reply::Array(Some(entry))]));
        let command = [name.to_owned(), "x".to_owned()];
        assert_eq!(allowed(&command, &table).is_ok(), sent);
    }
}
