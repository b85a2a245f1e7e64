//! Questions to name servers (RFC 1035): one question, one answer, by UDP, and
//! by TCP where the answer does not fit or the way there knows TCP only. No
//! cache, no search list, no EDNS: what the server says is what is told.

mod answer;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

pub use answer::Answer;
use answer::{header_of, read};

use super::dial::Dialer;
use super::open::Opener;
use super::{ConnectionKey, Fault, FaultKind};

/// A datagram may be lost: the question is sent again this often.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Where the system's name servers are told.
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    name: Name,
    record: RecordType,
}

impl Question {
    /// The records of a type (`MX`) of a whole name; an address is asked for by
    /// its reverse name.
    ///
    /// # Errors
    /// What is wrong with the name or the type, in words.
    pub fn new(name: &str, record: &str) -> Result<Self, String> {
        let record: RecordType = record
            .parse()
            .map_err(|_| format!("{record} is not a type of records"))?;
        if let Ok(ip) = name.parse::<IpAddr>() {
            if record != RecordType::PTR {
                return Err(format!(
                    "{name} is an address, which has no {record} records"
                ));
            }
            let name = Name::from(ip);
            return Ok(Self { name, record });
        }
        if name.is_empty()
            || name
                .chars()
                .any(|char| char.is_whitespace() || char.is_control())
        {
            return Err(format!("{name:?} is not a name"));
        }
        let mut parsed = Name::from_str_relaxed(name)
            .map_err(|error| format!("{name:?} is not a name: {error}"))?;
        parsed.set_fqdn(true);
        Ok(Self {
            name: parsed,
            record,
        })
    }

    fn message(&self) -> Message {
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(self.name.clone(), self.record));
        message
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.record, self.name)
    }
}

/// A name server, `192.168.0.1:53`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address.
    pub address: String,
    /// Port.
    pub port: u16,
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.address.contains(':') {
            write!(f, "[{}]:{}", self.address, self.port)
        } else {
            write!(f, "{}:{}", self.address, self.port)
        }
    }
}

/// By what a question travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Datagrams, and TCP where an answer is cut short.
    Udp,
    /// A connection of the check's own way.
    Tcp,
}

impl By {
    fn label(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}

/// What is sent to `server`, as the audit has it.
#[must_use]
pub fn line(question: &Question, server: &Server, by: By) -> String {
    format!("query {question} at {server} by {}", by.label())
}

/// The name servers of this machine.
///
/// # Errors
/// `LocalSetup` when the file that names them cannot be read, or names none.
pub async fn system_servers() -> Result<Vec<Server>, Fault> {
    let local = |seen: String| Fault::new(FaultKind::LocalSetup, seen);
    let text = tokio::fs::read(RESOLV_CONF)
        .await
        .map_err(|error| local(format!("{RESOLV_CONF} cannot be read: {error}")))?;
    let servers = nameservers(&String::from_utf8_lossy(&text));
    if servers.is_empty() {
        return Err(local(format!("{RESOLV_CONF} names no name server"))
            .hint("name the servers in `servers`"));
    }
    Ok(servers)
}

/// The resolver heeds the first three (resolv.conf(5)).
fn nameservers(text: &str) -> Vec<Server> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next())?
        })
        .take(3)
        .map(|address| Server {
            address: address.to_owned(),
            port: 53,
        })
        .collect()
}

/// Asks one server. By [`By::Udp`] it is asked from this machine.
///
/// # Errors
/// `TimedOut` when no answer comes within `budget`, `Refused` when nothing
/// listens there, `Unreachable`, `Unresolved` for the server's own name,
/// `Closed`, `Protocol` for what is not an answer to the question; of TCP also
/// the fault of the connection.
pub async fn ask(
    opener: &impl Opener,
    dialer: &Dialer,
    server: &Server,
    question: &Question,
    by: By,
    budget: Duration,
) -> Result<Answer, Fault> {
    if by == By::Tcp {
        return over_tcp(opener, server, question, budget).await;
    }
    let started = Instant::now();
    let deadline = started + budget;
    if let Some(fault) = dialer.verdict(&server.address) {
        return Err(fault);
    }
    if dialer.would_look_up(&server.address) {
        opener.note("local", "dns", &format!("lookup {}", server.address));
    }
    let addresses = dialer.resolve(&server.address, budget).await?;
    let Some(&ip) = addresses.first() else {
        let seen = format!("{} has no address", server.address);
        return Err(Fault::new(FaultKind::Unresolved, seen));
    };
    opener.note(&server.address, "dns", &line(question, server, By::Udp));
    let asked = Datagrams {
        to: SocketAddr::new(ip, server.port),
        deadline,
        budget,
    };
    let answer = asked.ask(question).await;
    let refused = matches!(&answer, Err(fault) if fault.kind == FaultKind::Refused);
    if answer.is_ok() || refused {
        dialer.mark_alive(ip);
    }
    if let Some(answer) = answer? {
        return Ok(answer);
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let mut whole = over_tcp(opener, server, question, left).await?;
    whole.truncated = true;
    whole.elapsed = started.elapsed();
    Ok(whole)
}

async fn over_tcp(
    opener: &impl Opener,
    server: &Server,
    question: &Question,
    budget: Duration,
) -> Result<Answer, Fault> {
    let mut connection = opener.open(&server.address, server.port).await?;
    opener.note(&connection.peer, "dns", &line(question, server, By::Tcp));
    let started = Instant::now();
    let message = question.message();
    let exchange = exchange(&mut connection.stream, &message);
    let answer = timeout_at(started + budget, exchange)
        .await
        .map_err(|_| silence(&connection.peer, budget, "over TCP"))??;
    read(&answer, &message, started.elapsed())
}

/// One question and one answer over a connection, each after its length.
async fn exchange<S>(stream: &mut S, message: &Message) -> Result<Vec<u8>, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let cut = |_: io::Error| {
        Fault::new(
            FaultKind::Closed,
            "the connection was cut off before the answer was whole",
        )
    };
    let question = encoded(message)?;
    let length = u16::try_from(question.len())
        .map_err(|_| Fault::new(FaultKind::Internal, "the question is too long"))?;
    let framed = [&length.to_be_bytes()[..], &question].concat();
    stream.write_all(&framed).await.map_err(cut)?;
    stream.flush().await.map_err(cut)?;
    let mut answer = vec![0; usize::from(stream.read_u16().await.map_err(cut)?)];
    stream.read_exact(&mut answer).await.map_err(cut)?;
    Ok(answer)
}

fn encoded(message: &Message) -> Result<Vec<u8>, Fault> {
    message.to_vec().map_err(|error| {
        Fault::new(
            FaultKind::Internal,
            format!("the question cannot be written: {error}"),
        )
    })
}

fn silence(server: &str, budget: Duration, tries: &str) -> Fault {
    let seconds = budget.as_secs_f64();
    let seen = format!("no answer from {server} in {seconds:.1} s ({tries})");
    // The whole time went into it, as with a connection that does not open.
    Fault::new(FaultKind::TimedOut, seen).hopeless(true)
}

/// Asking one address by UDP.
struct Datagrams {
    to: SocketAddr,
    deadline: Instant,
    budget: Duration,
}

impl Datagrams {
    /// The answer; nothing when it was too long for a datagram.
    async fn ask(&self, question: &Question) -> Result<Option<Answer>, Fault> {
        let message = question.message();
        let bytes = encoded(&message)?;
        let socket = self.socket().await?;
        let started = Instant::now();
        let mut buffer = vec![0; usize::from(u16::MAX)];
        let mut sent = 0;
        let mut stray = false;
        while Instant::now() < self.deadline {
            socket
                .send(&bytes)
                .await
                .map_err(|error| self.fault(&error))?;
            sent += 1;
            let until = self.deadline.min(started + ASK_EVERY * sent);
            while let Ok(received) = timeout_at(until, socket.recv(&mut buffer)).await {
                let received = received.map_err(|error| self.fault(&error))?;
                let datagram = &buffer[..received];
                // What answers another question may come late, or be forged.
                let Some(header) = header_of(datagram, &message) else {
                    stray = true;
                    continue;
                };
                if header.metadata.truncation {
                    return Ok(None);
                }
                return read(datagram, &message, started.elapsed()).map(Some);
            }
        }
        if stray {
            return Err(Fault::new(
                FaultKind::Protocol,
                format!("what came from {} was no answer to the question", self.to),
            ));
        }
        let tries = if sent == 1 {
            "asked once".to_owned()
        } else {
            format!("asked {sent} times")
        };
        let address = self.to.ip().to_canonical().to_string();
        Err(silence(&self.to.to_string(), self.budget, &tries)
            .suspect(ConnectionKey::address(&address)))
    }

    /// A socket that takes datagrams of that server alone, and is told when
    /// nothing listens there.
    async fn socket(&self) -> Result<UdpSocket, Fault> {
        let any: SocketAddr = if self.to.is_ipv4() {
            (std::net::Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(any).await.map_err(|error| {
            let seen = format!("no socket can be opened here: {error}");
            Fault::new(FaultKind::LocalSetup, seen).hopeless(false)
        })?;
        socket
            .connect(self.to)
            .await
            .map_err(|error| self.fault(&error))?;
        Ok(socket)
    }

    fn fault(&self, error: &io::Error) -> Fault {
        let to = self.to;
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                Fault::new(FaultKind::Refused, format!("nothing listens at {to} (UDP)"))
            }
            io::ErrorKind::HostUnreachable => {
                Fault::new(FaultKind::Unreachable, format!("no route to {to}"))
            }
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
                Fault::new(FaultKind::Unreachable, format!("no network leads to {to}"))
            }
            _ => Fault::new(
                FaultKind::LocalSetup,
                format!("no datagram can be sent to {to}: {error}"),
            )
            .hopeless(false),
        }
    }
}

#[cfg(test)]
mod tests;
