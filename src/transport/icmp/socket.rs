//! A connected ICMP socket: the kernel passes on what comes from that one
//! address, and errors about the way there.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout};

use super::packet::{self, Token};
use super::{Ask, Exchanged, unreachable};

/// Once something came back, what is still missing gets this long.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Datagram,
    Raw,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Datagram => "datagram socket",
            Self::Raw => "raw socket",
        }
    }
}

pub(super) struct Socket {
    /// Not UDP: of the standard types, the one whose `send` and `recv` are
    /// those of any connected socket that keeps messages apart.
    socket: UdpSocket,
    to: IpAddr,
    kind: Kind,
    id: u16,
    token: Token,
}

impl Socket {
    pub(super) fn connect(kind: Kind, to: SocketAddr) -> io::Result<Self> {
        let ty = match kind {
            Kind::Datagram => Type::DGRAM,
            Kind::Raw => Type::RAW,
        };
        let protocol = if to.is_ipv4() {
            Protocol::ICMPV4
        } else {
            Protocol::ICMPV6
        };
        let socket = socket2::Socket::new(Domain::for_address(to), ty, Some(protocol))?;
        socket.set_nonblocking(true)?;
        report_errors(&socket, to)?;
        socket.connect(&to.into())?;
        // Random keys of the standard library's hasher: enough to tell apart.
        let [first, second] = [0, 1].map(|half: u8| RandomState::new().hash_one(half));
        let mut token = Token::default();
        token[..8].copy_from_slice(&first.to_be_bytes());
        token[8..].copy_from_slice(&second.to_be_bytes());
        let id = u16::from_be_bytes([token[0], token[1]]);
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            to: to.ip(),
            kind,
            id,
            token,
        })
    }

    /// Sends and waits as told; ends early when every request has its reply.
    pub(super) async fn exchange(&self, ask: Ask) -> io::Result<Exchanged> {
        let started = Instant::now();
        let mut deadline = started + ask.timeout;
        let mut sent: Vec<Instant> = Vec::new();
        let mut arrived: Vec<(u16, Duration)> = Vec::new();
        let mut said = None;
        let mut next = started;
        while arrived.len() < usize::from(ask.count) {
            let sending = sent.len() < usize::from(ask.count) && next < deadline;
            tokio::select! {
                biased;
                received = self.receive() => match received {
                    Ok(Some(sequence)) => {
                        let at = sent.get(usize::from(sequence)).map(Instant::elapsed);
                        if let Some(at) = at.filter(|_| !arrived.iter().any(|(known, _)| *known == sequence)) {
                            arrived.push((sequence, at));
                            if sent.len() == usize::from(ask.count) {
                                deadline = deadline.min(Instant::now() + GRACE);
                            }
                        }
                    }
                    Ok(None) => {}
                    Err(error) => said = Some(unreachable(&error).ok_or(error)?),
                },
                () = sleep_until(next), if sending => {
                    let sequence = u16::try_from(sent.len()).unwrap_or(u16::MAX);
                    let result = self.send(sequence, ask.interval, &mut sent).await;
                    next += ask.interval;
                    if let Err(error) = result {
                        said = Some(unreachable(&error).ok_or(error)?);
                    }
                    if sent.len() == usize::from(ask.count) && !arrived.is_empty() {
                        deadline = deadline.min(Instant::now() + GRACE);
                    }
                }
                () = sleep_until(deadline) => break,
            }
            // The network says no to each request; after the last there is nothing to wait for.
            if said.is_some() && arrived.is_empty() && sent.len() == usize::from(ask.count) {
                break;
            }
        }
        Ok(Exchanged {
            sent: u16::try_from(sent.len()).unwrap_or(u16::MAX),
            round_trips: arrived
                .into_iter()
                .map(|(_, round_trip)| round_trip)
                .collect(),
            unreachable: said,
            by: self.kind.name(),
        })
    }

    /// Sends a request and notes when. The queue is given `limit` to have room: that of a
    /// socket that was just made has, but the runtime knows so only when it has next asked
    /// the system, which on a busy machine is later than the first request.
    async fn send(
        &self,
        sequence: u16,
        limit: Duration,
        sent: &mut Vec<Instant>,
    ) -> io::Result<()> {
        let packet = packet::request(self.to, self.id, sequence, &self.token);
        let room = timeout(limit, self.socket.writable()).await;
        sent.push(Instant::now());
        if let Ok(room) = room {
            room?;
        }
        match self.socket.try_send(&packet) {
            Ok(_) => Ok(()),
            // No room in the queue: the request counts as lost.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn receive(&self) -> io::Result<Option<u16>> {
        let mut buffer = [0; 1500];
        let length = self.socket.recv(&mut buffer).await?;
        Ok(packet::reply(self.to, &buffer[..length], &self.token))
    }
}

/// Linux keeps "no route to host" from ICMP sockets unless they ask for it, so
/// that a missing neighbour would look like silence.
#[cfg(target_os = "linux")]
fn report_errors(socket: &socket2::Socket, to: SocketAddr) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    let set = if to.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)
    };
    set.map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
fn report_errors(_: &socket2::Socket, _: SocketAddr) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// Nothing was polled before it, so the runtime cannot know yet that the socket is
    /// writable.
    #[tokio::test]
    async fn the_first_request_of_a_new_socket_is_sent() {
        let to = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let kinds = [Kind::Datagram, Kind::Raw];
        let Some(socket) = kinds
            .into_iter()
            .find_map(|kind| Socket::connect(kind, to).ok())
        else {
            return;
        };
        let limit = Duration::from_secs(30);
        let mut sent = Vec::new();
        socket.send(0, limit, &mut sent).await.expect("a request");
        assert_eq!(sent.len(), 1);
        let reply = async {
            loop {
                if let Some(sequence) = socket.receive().await.expect("no error") {
                    return sequence;
                }
            }
        };
        assert_eq!(timeout(limit, reply).await.expect("a reply"), 0);
    }
}
