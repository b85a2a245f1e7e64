//! Echo requests: by a datagram ICMP socket where the system lets everyone
//! have one, else by a raw one, else by the `ping` program.
//!
//! Linux grants datagram sockets by `net.ipv4.ping_group_range`, macOS always;
//! raw ones need root or CAP_NET_RAW; the program usually has that.

mod packet;
mod program;
mod socket;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::dial::Dialer;
use super::{ConnectionKey, Fault, FaultKind};
use socket::Socket;

/// A host that already counts as down gets this long to prove otherwise.
const SECOND_CHANCE: Duration = Duration::from_secs(1);

/// How often to ask.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Echo requests to send.
    pub count: u16,
    /// Time between two of them.
    pub interval: Duration,
    /// Time from the first request to the last reply.
    pub timeout: Duration,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The address that was asked.
    pub address: IpAddr,
    /// Requests sent.
    pub sent: u16,
    /// The round trip of each reply, in the order of arrival.
    pub round_trips: Vec<Duration>,
    /// `datagram socket`, `raw socket` or `ping program`.
    pub by: &'static str,
}

/// Sends echo requests to a name or an address and tells the dialler of a
/// reply. `note` is told what is about to be sent: target, protocol, text.
///
/// # Errors
/// Only when nothing came back from a host that has shown no sign of life in
/// this run: `TimedOut` or `Unreachable`, both with the address as their
/// connection. `Unresolved`; `LocalSetup` when this machine offers no way to ping.
pub async fn ping(
    dialer: &Dialer,
    address: &str,
    budget: Duration,
    ask: Ask,
    note: &(dyn Fn(&str, &str, &str) + Sync),
) -> Result<Answer, Fault> {
    if dialer.would_look_up(address) {
        note("local", "dns", &format!("lookup {address}"));
    }
    let Some(ip) = dialer.resolve(address, budget).await?.first().copied() else {
        return Err(Fault::new(
            FaultKind::Unresolved,
            format!("{address} has no address"),
        ));
    };
    let ask = match dialer.verdict(&ip.to_string()) {
        Some(_) => Ask {
            timeout: ask.timeout.min(SECOND_CHANCE),
            ..ask
        },
        None => ask,
    };
    let sending = || {
        note(
            address,
            "icmp",
            &format!("{} echo requests to {ip}", ask.count),
        );
    };
    let Exchanged {
        sent,
        round_trips,
        unreachable,
        by,
    } = exchange(ip, ask, &sending).await?;
    if !round_trips.is_empty() {
        dialer.mark_alive(ip);
    } else if !dialer.alive(ip) {
        let fault = match unreachable {
            // Before anything was sent it is this machine's own routing that says so.
            Some(words) if sent == 0 => Fault::new(FaultKind::Unreachable, words).hint(format!(
                "this machine itself has no route to {ip}: is its own network up?"
            )),
            Some(words) => Fault::new(FaultKind::Unreachable, words),
            None => {
                let (requests, seconds) = (requests(sent), ask.timeout.as_secs_f64());
                Fault::new(
                    FaultKind::TimedOut,
                    format!("no reply from {ip} to {requests} in {seconds:.1} s"),
                )
            }
        };
        // Several requests were the attempts: asking again would double what a
        // dead host costs the run.
        return Err(fault.on_connection(ConnectionKey::address(&ip.to_canonical().to_string())));
    }
    Ok(Answer {
        address: ip,
        sent,
        round_trips,
        by,
    })
}

fn requests(count: u16) -> String {
    if count == 1 {
        "1 echo request".to_owned()
    } else {
        format!("{count} echo requests")
    }
}

struct Exchanged {
    sent: u16,
    round_trips: Vec<Duration>,
    /// What the network said instead of replies.
    unreachable: Option<&'static str>,
    by: &'static str,
}

/// Tells `sending` before the first request, and not at all when there is no
/// way to send one.
async fn exchange(ip: IpAddr, ask: Ask, sending: &(dyn Fn() + Sync)) -> Result<Exchanged, Fault> {
    let mut refused = Vec::new();
    for kind in [socket::Kind::Datagram, socket::Kind::Raw] {
        match Socket::connect(kind, SocketAddr::new(ip, 0)) {
            Ok(socket) => {
                sending();
                return socket.exchange(ask).await.map_err(|error| {
                    Fault::new(
                        FaultKind::LocalSetup,
                        format!("echo requests cannot be sent: {error}"),
                    )
                    .hopeless(false)
                });
            }
            Err(error) => match unreachable(&error) {
                Some(words) => {
                    return Ok(Exchanged {
                        sent: 0,
                        round_trips: Vec::new(),
                        unreachable: Some(words),
                        by: kind.name(),
                    });
                }
                None => refused.push(format!("{}: {error}", kind.name())),
            },
        }
    }
    match program::exchange(program::name(ip), ip, ask, sending).await {
        Ok(exchanged) => Ok(exchanged),
        Err(error) => {
            refused.push(format!("ping program: {error}"));
            Err(Fault::new(FaultKind::LocalSetup, format!("this machine cannot ping ({})", refused.join("; ")))
                .hint("install `ping`, or allow ICMP sockets by `sysctl net.ipv4.ping_group_range=\"0 2147483647\"`"))
        }
    }
}

/// What an error says about the way to the host, if it is about that.
fn unreachable(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::HostUnreachable => Some("no route to host"),
        io::ErrorKind::NetworkUnreachable => Some("network is unreachable"),
        io::ErrorKind::NetworkDown => Some("network is down"),
        _ if error.to_string().starts_with("Host is down") => Some("host is down"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
