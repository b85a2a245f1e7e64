//! Names to addresses, by the system's resolver, bounded and kept for the run.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::super::{Fault, FaultKind};

type Answer = Result<Vec<SocketAddr>, Fault>;

/// The names looked up in one run.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    names: Mutex<HashMap<String, watch::Receiver<Option<Answer>>>>,
}

impl Lookups {
    /// Every address of a name, with port 0; an address is its own.
    pub(super) async fn resolve(&self, address: &str, budget: Duration) -> Answer {
        if let Some(literal) = literal(address) {
            return Ok(vec![literal]);
        }
        if address.is_empty() {
            return Err(Fault::new(
                FaultKind::Unresolved,
                "there is no address to connect to",
            ));
        }
        let mut lookup = self.begin(address)?;
        let answer = timeout(budget, lookup.wait_for(Option::is_some)).await;
        match answer {
            Ok(Ok(answer)) => answer.clone().unwrap_or_else(|| Err(gone(address))),
            Ok(Err(_)) => Err(gone(address)),
            Err(_) => Err(Fault::new(
                FaultKind::Unresolved,
                format!(
                    "no answer from the name service for {address} in {:.1} s",
                    budget.as_secs_f64()
                ),
            )
            .hint("ask the name servers of this machine: /etc/resolv.conf or `resolvectl status` names them")
            .hopeless(false)),
        }
    }

    /// The answer already at hand.
    pub(super) fn known(&self, address: &str) -> Option<Vec<SocketAddr>> {
        if let Some(literal) = literal(address) {
            return Some(vec![literal]);
        }
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names
            .get(address)?
            .borrow()
            .as_ref()?
            .as_ref()
            .ok()
            .cloned()
    }

    pub(super) fn would_look_up(&self, address: &str) -> bool {
        if address.is_empty() || literal(address).is_some() {
            return false;
        }
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names
            .get(address)
            .is_none_or(|lookup| !worth_keeping(lookup))
    }

    /// Joins the lookup under way or starts one.
    ///
    /// On a thread of its own: getaddrinfo(3) can hang for half a minute, and
    /// the runtime waits for its blocking pool before the process may end, but
    /// not for a thread that nobody joins.
    fn begin(&self, name: &str) -> Result<watch::Receiver<Option<Answer>>, Fault> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lookup) = names.get(name).filter(|lookup| worth_keeping(lookup)) {
            return Ok(lookup.clone());
        }
        let (sender, receiver) = watch::channel(None);
        let asked = name.to_owned();
        thread::Builder::new()
            .name("name lookup".to_owned())
            .spawn(move || {
                // Nobody may be waiting any more.
                drop(sender.send(Some(look_up(&asked))));
            })
            .map_err(|error| {
                Fault::new(
                    FaultKind::LocalSetup,
                    format!("the lookup of {name} cannot start: {error}"),
                )
                .hopeless(false)
            })?;
        names.insert(name.to_owned(), receiver.clone());
        Ok(receiver)
    }
}

/// A failure that may pass is asked again; everything else holds for the run.
fn worth_keeping(lookup: &watch::Receiver<Option<Answer>>) -> bool {
    match &*lookup.borrow() {
        Some(Err(fault)) => fault.hopeless,
        Some(Ok(_)) => true,
        // A sender that is gone without an answer never answers.
        None => lookup.has_changed().is_ok(),
    }
}

fn gone(name: &str) -> Fault {
    Fault::new(
        FaultKind::Internal,
        format!("the lookup of {name} ended without an answer"),
    )
}

/// `192.0.2.1`, `::1`, `[::1]`, and with a zone `fe80::1%2`.
fn literal(address: &str) -> Option<SocketAddr> {
    let bare = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(address);
    bare.parse::<IpAddr>()
        .map(|ip| SocketAddr::new(ip, 0))
        .or_else(|_| format!("[{bare}]:0").parse::<SocketAddr>())
        .ok()
}

fn look_up(name: &str) -> Answer {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in (bare, 0)
        .to_socket_addrs()
        .map_err(|error| unresolved(name, &error))?
    {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(Fault::new(
            FaultKind::Unresolved,
            format!("{name} has no address"),
        ));
    }
    Ok(addresses)
}

/// The standard library keeps getaddrinfo's text only, not its number. The text
/// is the C locale's, since nothing here calls setlocale(3).
fn unresolved(name: &str, error: &io::Error) -> Fault {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // glibc, musl, macOS in this order.
    if says(&[
        "Name or service not known",
        "Name does not resolve",
        "nodename nor servname",
    ]) {
        return Fault::new(FaultKind::Unresolved, format!("{name} does not exist"));
    }
    if says(&["No address associated", "Name has no usable address"]) {
        return Fault::new(FaultKind::Unresolved, format!("{name} has no address"));
    }
    let detail = text
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(&text);
    Fault::new(
        FaultKind::Unresolved,
        format!("{name} cannot be resolved now: {}", detail.to_lowercase()),
    )
    .hopeless(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::glibc("Name or service not known", true)]
    #[case::musl("Name does not resolve", true)]
    #[case::macos("nodename nor servname provided, or not known", true)]
    #[case::no_data("No address associated with hostname", true)]
    #[case::again("Temporary failure in name resolution", false)]
    #[case::musl_again("Try again", false)]
    #[case::failed("Non-recoverable failure in name resolution", false)]
    fn only_a_name_that_does_not_exist_is_hopeless(#[case] detail: &str, #[case] hopeless: bool) {
        let error = io::Error::other(format!("failed to lookup address information: {detail}"));
        let fault = unresolved("db.lan", &error);
        assert_eq!(
            (fault.kind, fault.hopeless),
            (FaultKind::Unresolved, hopeless),
            "{}",
            fault.seen
        );
        assert!(fault.seen.starts_with("db.lan "), "{}", fault.seen);
    }

    #[rstest]
    #[case("192.0.2.1", Some("192.0.2.1:0"))]
    #[case("::1", Some("[::1]:0"))]
    #[case("[::1]", Some("[::1]:0"))]
    #[case("fe80::1%2", Some("[fe80::1%2]:0"))]
    #[case("db.lan", None)]
    #[case("192.0.2", None)]
    #[case("", None)]
    fn literals_are_not_looked_up(#[case] address: &str, #[case] expected: Option<&str>) {
        assert_eq!(
            literal(address)
                .map(|address| address.to_string())
                .as_deref(),
            expected
        );
    }

    #[tokio::test]
    async fn a_name_is_looked_up_once() {
        let lookups = Lookups::default();
        assert!(lookups.would_look_up("localhost"));
        let budget = Duration::from_secs(20);
        let first = lookups
            .resolve("localhost", budget)
            .await
            .expect("localhost");
        assert!(first.iter().all(|address| address.ip().is_loopback()));
        assert!(!lookups.would_look_up("localhost"));
        assert_eq!(lookups.known("localhost"), Some(first));
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_a_fault_that_may_pass() {
        let lookups = Lookups::default();
        // A lookup under way that never ends.
        let (_sender, receiver) = watch::channel(None);
        lookups
            .names
            .lock()
            .expect("the lock")
            .insert("slow.lan".to_owned(), receiver);
        let fault = lookups
            .resolve("slow.lan", Duration::from_millis(1))
            .await
            .expect_err("no answer");
        assert_eq!((fault.kind, fault.hopeless), (FaultKind::Unresolved, false));
        assert!(fault.seen.contains("slow.lan"), "{}", fault.seen);
    }
}
