//! The one place that opens TCP connections from the operator's machine.

mod lookup;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, sleep_until};

use self::lookup::Lookups;
use super::reach::Reach;
use super::{ConnectionKey, Fault, FaultKind};

/// A lost SYN is sent again by the kernel after 1, 3, 7 seconds, which is too
/// slow for a budget of five: a fresh attempt starts this often beside those
/// that still wait, and the first to open wins.
const ATTEMPT_EVERY: Duration = Duration::from_secs(1);
/// Attempts that may wait at once; beyond, the kernel's own retries go on.
const MOST_ATTEMPTS: u32 = 16;
/// How long the next address of a name waits for the one before it.
const ADDRESS_EVERY: Duration = Duration::from_millis(250);
/// A neighbour that does not answer is given up after seconds; a firewall's
/// rejection of one port looks the same (`icmp-host-prohibited` is EHOSTUNREACH
/// too) but comes within a round trip.
const SLOWER_THAN_A_FIREWALL: Duration = Duration::from_millis(500);

/// What a connection stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The SSH connection of a host: when it gets no answer, the host is down.
    HostSsh,
    /// One port among others: no answer there says nothing about the host.
    Port,
}

/// An open TCP connection.
#[derive(Debug)]
pub struct Dialed {
    /// The connection, without Nagle's delay.
    pub stream: TcpStream,
    /// The address that answered.
    pub peer: SocketAddr,
    /// From the first packet to the open connection.
    pub connect: Duration,
}

/// Opens connections and remembers, for one run, which addresses are alive or
/// down and what names resolve to.
///
/// An address is down when the network says that there is no way to it, or
/// when its host's SSH connection gets no answer ([`Role::HostSsh`]); a
/// connection, a refusal or a ping reply proves it alive, and then nothing
/// marks it down. Dials to an address that is down end at once with the fault
/// that marked it, so that every check names the same cause.
#[derive(Debug, Default)]
pub struct Dialer {
    reach: Reach,
    lookups: Lookups,
}

impl Dialer {
    /// Opens a TCP connection to a name or an address (`::1` also as `[::1]`).
    ///
    /// # Errors
    /// `Unresolved`, `Refused`, `Unreachable`, `TimedOut` after `budget`, or
    /// `LocalSetup` when this machine cannot open a socket. Faults of an
    /// address that is down carry its [`ConnectionKey`].
    pub async fn dial(
        &self,
        address: &str,
        port: u16,
        budget: Duration,
        role: Role,
    ) -> Result<Dialed, Fault> {
        let deadline = Instant::now() + budget;
        let mut addresses = self.lookups.resolve(address, budget).await?;
        for address in &mut addresses {
            address.set_port(port);
        }
        let started = Instant::now();
        let limit = Limit {
            deadline,
            budget,
            role,
        };
        let mut dials: FuturesUnordered<_> = (0u32..)
            .zip(&addresses)
            .map(|(place, &address)| async move {
                if place > 0 {
                    sleep(ADDRESS_EVERY * place).await;
                }
                let result = self.dial_address(address, limit).await;
                (place, address, result)
            })
            .collect();
        let mut failed: Vec<(u32, Fault)> = Vec::new();
        while let Some((place, peer, result)) = dials.next().await {
            match result {
                Ok(stream) => {
                    // Without it, small requests wait for the acknowledgement of the one before.
                    drop(stream.set_nodelay(true));
                    return Ok(Dialed {
                        stream,
                        peer,
                        connect: started.elapsed(),
                    });
                }
                Err(fault) => failed.push((place, fault)),
            }
        }
        // A refusal tells most; else the address that the resolver prefers speaks.
        failed.sort_by_key(|(place, fault)| (fault.kind != FaultKind::Refused, *place));
        Err(failed.into_iter().next().map_or_else(
            || Fault::new(FaultKind::Unresolved, format!("{address} has no address")),
            |(_, fault)| fault,
        ))
    }

    /// The addresses of a name, in the resolver's order; an address is its
    /// own. Answers are kept for the run.
    ///
    /// # Errors
    /// `Unresolved`: hopeless when the name does not exist, else for now or
    /// for want of an answer within `budget`.
    pub async fn resolve(&self, address: &str, budget: Duration) -> Result<Vec<IpAddr>, Fault> {
        Ok(self
            .lookups
            .resolve(address, budget)
            .await?
            .iter()
            .map(SocketAddr::ip)
            .collect())
    }

    /// Whether using `address` would ask the resolver, for the audit.
    #[must_use]
    pub fn would_look_up(&self, address: &str) -> bool {
        self.lookups.would_look_up(address)
    }

    /// Whether `ip` has answered anything in this run.
    #[must_use]
    pub fn alive(&self, ip: IpAddr) -> bool {
        self.reach.alive(ip)
    }

    /// Notes that `ip` answered in another way than by a connection: a ping reply.
    pub fn mark_alive(&self, ip: IpAddr) {
        self.reach.mark_alive(ip);
    }

    /// Why nothing need be sent to `address`: the fault of its address, when
    /// it has one only and that counts as down.
    #[must_use]
    pub fn verdict(&self, address: &str) -> Option<Fault> {
        match self.lookups.known(address)?.as_slice() {
            [only] => self.reach.verdict(only.ip()),
            _ => None,
        }
    }

    /// Attempts to one address until one opens, one is refused, the address
    /// counts as down, or the deadline comes.
    async fn dial_address(&self, address: SocketAddr, limit: Limit) -> Result<TcpStream, Fault> {
        let Limit {
            deadline,
            budget,
            role,
        } = limit;
        let ip = address.ip();
        let mut down = std::pin::pin!(self.reach.until_down(ip));
        let mut waiting = FuturesUnordered::new();
        let mut attempts = 0;
        let mut next = Instant::now();
        let mut unreachable: Vec<Unreachable> = Vec::new();
        let mut first_told = None;
        loop {
            tokio::select! {
                biased;
                fault = &mut down => return Err(fault),
                Some(result) = waiting.next() => match result {
                    Ok(stream) => {
                        self.reach.mark_alive(ip);
                        return Ok(stream);
                    }
                    Err(failure) => match self.weigh(address, role, failure) {
                        Weight::Final(fault) => return Err(fault),
                        Weight::Again => {}
                        Weight::Unreachable(seen) => {
                            // One such answer may be a route that is just coming back, or
                            // three lost answers of a neighbour, and it ends all attempts
                            // that wait: a second opinion is one that began after it.
                            let told = *first_told.get_or_insert_with(Instant::now);
                            let second = seen.began > told;
                            unreachable.push(seen);
                            if second {
                                return Err(self.conclude(ip, unreachable));
                            }
                        }
                    },
                },
                () = sleep_until(next), if attempts < MOST_ATTEMPTS && next < deadline => {
                    attempts += 1;
                    next += ATTEMPT_EVERY;
                    waiting.push(attempt(address));
                }
                () = sleep_until(deadline) => {
                    if !unreachable.is_empty() {
                        return Err(self.conclude(ip, unreachable));
                    }
                    let tries = if attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
                    let seen = format!("no answer from {address} in {:.1} s ({tries})", budget.as_secs_f64());
                    // The whole budget went into attempts: another check's worth of
                    // them would only make the run wait again.
                    let fault = Fault::new(FaultKind::TimedOut, seen).hopeless(true);
                    return Err(match role {
                        Role::HostSsh if self.reach.alive(ip) => fault.hint(format!(
                            "{ip} has answered in this run: since then its power, its cable or a \
                             restart; or a firewall of its own in front of port {}",
                            address.port()
                        )),
                        Role::HostSsh => self.reach.mark_down(ip, fault),
                        Role::Port => {
                            let address = ip.to_canonical().to_string();
                            fault.suspect(ConnectionKey::address(&address))
                        }
                    });
                }
            }
        }
    }

    /// The fault of an address that is unreachable, marked down when one of
    /// the answers was about the host as a whole.
    fn conclude(&self, ip: IpAddr, mut seen: Vec<Unreachable>) -> Fault {
        seen.sort_by_key(|unreachable| !unreachable.of_host);
        match seen.into_iter().next() {
            Some(Unreachable {
                fault,
                of_host: true,
                ..
            }) => self.reach.mark_down(ip, fault),
            Some(Unreachable {
                fault,
                of_host: false,
                ..
            }) => fault,
            None => Fault::new(FaultKind::Internal, "no attempt was made"),
        }
    }

    /// What a failed attempt says, noting the sign of life that a refusal is.
    fn weigh(&self, address: SocketAddr, role: Role, failure: Failure) -> Weight {
        use io::ErrorKind;
        let Failure {
            error,
            local,
            after,
            began,
        } = failure;
        let unreachable = |seen: &str| {
            let mut fault = Fault::new(FaultKind::Unreachable, seen);
            if local {
                fault = fault.hint(format!(
                    "this machine itself has no route to {}: is its own network up?",
                    address.ip()
                ));
            }
            let of_host = local || role == Role::HostSsh || after >= SLOWER_THAN_A_FIREWALL;
            Weight::Unreachable(Unreachable {
                fault,
                of_host,
                began,
            })
        };
        match error.kind() {
            ErrorKind::ConnectionRefused => {
                self.reach.mark_alive(address.ip());
                Weight::Final(Fault::new(
                    FaultKind::Refused,
                    format!("connection refused by {address}"),
                ))
            }
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
                self.reach.mark_alive(address.ip());
                Weight::Final(Fault::new(
                    FaultKind::Closed,
                    format!("connection reset by {address}"),
                ))
            }
            ErrorKind::HostUnreachable => unreachable("no route to host"),
            ErrorKind::NetworkUnreachable => unreachable("network is unreachable"),
            ErrorKind::NetworkDown => unreachable("network is down"),
            // The kernel gave up on this attempt; fresh ones follow until the deadline.
            ErrorKind::TimedOut => Weight::Again,
            ErrorKind::PermissionDenied => Weight::Final(Fault::new(
                FaultKind::LocalSetup,
                format!("this machine does not allow connections to {address}: {error}"),
            )),
            // EHOSTDOWN has no kind of its own; Linux and macOS say the same words.
            _ if error.to_string().starts_with("Host is down") => unreachable("host is down"),
            _ => Weight::Final(
                Fault::new(
                    FaultKind::LocalSetup,
                    format!("no connection to {address} can be opened here: {error}"),
                )
                .hopeless(false),
            ),
        }
    }
}

/// How long a dial may take, and what it stands for.
#[derive(Clone, Copy)]
struct Limit {
    deadline: Instant,
    budget: Duration,
    role: Role,
}

/// A failed attempt.
struct Failure {
    error: io::Error,
    /// This machine's own routing said so, before any packet left.
    local: bool,
    after: Duration,
    began: Instant,
}

struct Unreachable {
    fault: Fault,
    /// It is about the host as a whole, not about one port of it.
    of_host: bool,
    began: Instant,
}

enum Weight {
    Final(Fault),
    Again,
    Unreachable(Unreachable),
}

async fn attempt(address: SocketAddr) -> Result<TcpStream, Failure> {
    let began = Instant::now();
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    };
    let socket = socket.map_err(|error| Failure {
        error,
        local: true,
        after: Duration::ZERO,
        began,
    })?;
    let mut connecting = std::pin::pin!(socket.connect(address));
    // An error of connect(2) itself comes at the first poll; what the network
    // answers, however soon, comes by an event.
    match futures_util::poll!(&mut connecting) {
        std::task::Poll::Ready(Ok(stream)) => Ok(stream),
        std::task::Poll::Ready(Err(error)) => Err(Failure {
            error,
            local: true,
            after: Duration::ZERO,
            began,
        }),
        std::task::Poll::Pending => connecting.await.map_err(|error| Failure {
            error,
            local: false,
            after: began.elapsed(),
            began,
        }),
    }
}

#[cfg(test)]
mod tests;
