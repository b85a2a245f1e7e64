//! What this run has learnt about each address: that it is alive, or that it
//! is down and why. A dead host then costs one connect timeout, however many
//! checks name it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::{ConnectionKey, Fault};

/// What is known of one address. Proof of life outweighs any failure: a
/// firewall may swallow one port of a host that answers on another.
#[derive(Debug, Clone, Default)]
struct Standing {
    alive: bool,
    down: Option<Fault>,
}

impl Standing {
    fn verdict(&self) -> Option<Fault> {
        if self.alive { None } else { self.down.clone() }
    }
}

/// The addresses of one run.
#[derive(Debug, Default)]
pub(super) struct Reach {
    addresses: Mutex<HashMap<IpAddr, watch::Sender<Standing>>>,
}

impl Reach {
    fn with<T>(&self, ip: IpAddr, act: impl FnOnce(&watch::Sender<Standing>) -> T) -> T {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        act(addresses.entry(ip.to_canonical()).or_default())
    }

    /// Notes that `ip` answered: a connection, a refusal or a ping reply.
    pub(super) fn mark_alive(&self, ip: IpAddr) {
        self.with(ip, |standing| {
            standing.send_if_modified(|now| !std::mem::replace(&mut now.alive, true))
        });
    }

    /// Whether `ip` has answered anything in this run.
    pub(super) fn alive(&self, ip: IpAddr) -> bool {
        self.with(ip, |standing| standing.borrow().alive)
    }

    /// Notes that `ip` is down and gives the fault that everyone gets from now
    /// on, the first one noted. An address that is alive is not marked, and
    /// `fault` comes back as this dial's own.
    pub(super) fn mark_down(&self, ip: IpAddr, fault: Fault) -> Fault {
        self.with(ip, |standing| {
            standing.send_if_modified(|now| {
                let first = !now.alive && now.down.is_none();
                if first {
                    now.down = Some(
                        fault
                            .clone()
                            .on_connection(ConnectionKey::address(&ip.to_canonical().to_string())),
                    );
                }
                first
            });
            let known = standing.borrow().verdict();
            known.unwrap_or(fault)
        })
    }

    /// Why `ip` counts as down, if it does.
    pub(super) fn verdict(&self, ip: IpAddr) -> Option<Fault> {
        self.with(ip, |standing| standing.borrow().verdict())
    }

    /// Ends when `ip` counts as down, with the fault that says why.
    pub(super) async fn until_down(&self, ip: IpAddr) -> Fault {
        let mut standing = self.with(ip, watch::Sender::subscribe);
        loop {
            let verdict = standing.borrow_and_update().verdict();
            if let Some(fault) = verdict {
                return fault;
            }
            if standing.changed().await.is_err() {
                // The sender lives as long as `self`; without news there is none to wait for.
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::FaultKind;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn no_route() -> Fault {
        Fault::new(FaultKind::Unreachable, "no route to host")
    }

    #[test]
    fn the_first_cause_is_everyones_and_names_the_address() {
        let reach = Reach::default();
        let first = reach.mark_down(IP, no_route());
        let second = reach.mark_down(IP, Fault::new(FaultKind::TimedOut, "no answer"));
        assert_eq!(first, second);
        assert_eq!(first.connection, Some(ConnectionKey::address("192.0.2.1")));
        assert!(first.hopeless);
        assert_eq!(reach.verdict(IP), Some(first));
    }

    #[test]
    fn proof_of_life_outweighs_a_failure_before_and_after() {
        let reach = Reach::default();
        reach.mark_down(IP, no_route());
        reach.mark_alive(IP);
        assert_eq!(reach.verdict(IP), None);
        assert_eq!(
            reach.mark_down(IP, no_route()),
            no_route(),
            "the dial's own fault, without a key"
        );
        assert_eq!(reach.verdict(IP), None);
    }

    #[test]
    fn an_ipv4_mapped_address_is_the_same_host() {
        let reach = Reach::default();
        reach.mark_alive("::ffff:192.0.2.1".parse().expect("an address"));
        assert!(reach.alive(IP));
    }

    #[tokio::test]
    async fn those_who_wait_are_told() {
        let reach = std::sync::Arc::new(Reach::default());
        let waiting = tokio::spawn({
            let reach = reach.clone();
            async move { reach.until_down(IP).await }
        });
        tokio::task::yield_now().await;
        let fault = reach.mark_down(IP, no_route());
        let told = tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await;
        assert_eq!(told.expect("in time").expect("no panic"), fault);
    }
}
