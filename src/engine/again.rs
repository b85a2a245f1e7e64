//! Hosts that did not keep their connection: whether they are on the boot on which this
//! run has seen them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::attempt::{Look, Shared, observe};
use crate::probe::{BOOT_ID, Observation, Outcome, Value};

/// The boot of a host, as a check told it over the first connection to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FirstBoot {
    /// The check that told it, in plan order.
    pub(super) check: usize,
    pub(super) boot: String,
    /// How often that check had been tried by then.
    pub(super) attempts: u32,
}

/// How the connections of a run came to its end.
#[derive(Debug)]
pub(super) struct Connections {
    /// Hosts that did not keep theirs, and did not show the same boot on a new one.
    pub(super) lost: BTreeSet<String>,
    /// The looks by which they were asked, each with its check.
    pub(super) looks: Vec<(usize, Observation)>,
}

/// Asks every host that did not keep its connection for its boot once more, over a new
/// one, by the check that told it over the first. The same boot means that only the way
/// there broke, or the SSH server: all that was seen of the host is of that boot.
pub(super) async fn at_the_end(
    shared: &Shared,
    first: &BTreeMap<String, FirstBoot>,
) -> Connections {
    let mut lost = shared.transports.ssh.lost().await;
    let known = lost.iter().filter_map(|host| first.get_key_value(host));
    let asked = known.map(|(host, known)| async move { (host, known, ask(shared, known).await) });
    let mut looks = Vec::new();
    for (host, known, observation) in join_all(asked).await {
        if boot(&observation.outcome) == Some(&known.boot) {
            lost.remove(host);
        }
        looks.push((known.check, observation));
    }
    Connections { lost, looks }
}

/// What `outcome` tells of the host's boot.
pub(super) fn boot(outcome: &Outcome) -> Option<&String> {
    match outcome {
        Outcome::Seen(facts) => match facts.get(BOOT_ID)? {
            Value::Text(boot) => Some(boot),
            _ => None,
        },
        Outcome::Fault(_) => None,
    }
}

/// As often as the check itself may be tried: the way there is known to be bad.
async fn ask(shared: &Shared, known: &FirstBoot) -> Observation {
    let check = &shared.plan.checks[known.check];
    let mut tried = 0;
    loop {
        tried += 1;
        let began = Instant::now();
        let look = Look {
            check: &check.id,
            attempt: known.attempts.saturating_add(tried),
            kind: check.kind,
            target: &check.target,
            probe: check.probe.as_ref(),
        };
        let outcome = observe(shared, &look, None).await;
        if boot(&outcome).is_some() || tried >= check.retry.attempts {
            return Observation {
                at: super::now(),
                elapsed: began.elapsed(),
                attempts: look.attempt,
                outcome,
            };
        }
        sleep(check.retry.pause_after(tried)).await;
    }
}
