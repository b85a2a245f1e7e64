//! Hosts that did not keep their connection: whether they are on the boot on which this
//! run has seen them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::sleep;

use super::attempt::{Look, Shared, observe};
use crate::probe::{BOOT_ID, Observation, Outcome, Value};

/// The fact that begins at 0 with every boot.
const UPTIME: &str = "uptime_s";

/// The check that was the first to tell the boot of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Teller {
    /// In plan order.
    pub(super) check: usize,
    /// How often it had been tried by then.
    pub(super) attempts: u32,
    /// What it told, where no connection to the host had been lost by then.
    pub(super) boot: Option<String>,
}

/// When a run began, by both clocks of this machine: the one goes on while the machine
/// sleeps, and the other is not set in the middle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    at: Timestamp,
    instant: Instant,
}

impl Beginning {
    pub(super) fn now() -> Self {
        Self {
            at: super::now(),
            instant: Instant::now(),
        }
    }

    /// Whether a host that tells this uptime now had started before.
    fn is_within(&self, uptime_s: f64) -> bool {
        let by_clock = super::now().duration_since(self.at).as_secs_f64();
        uptime_s > by_clock && uptime_s > self.instant.elapsed().as_secs_f64()
    }
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
/// one, by the check that told it before. The boot that it told over the first connection
/// means that only the way there broke, or the SSH server: all that was seen of the host
/// is of that boot. So does an uptime longer than this run, where that connection broke
/// before it told any.
pub(super) async fn at_the_end(
    shared: &Shared,
    began: Beginning,
    tellers: &BTreeMap<String, Teller>,
) -> Connections {
    let mut lost = shared.transports.ssh.lost().await;
    let known = lost.iter().filter_map(|host| tellers.get_key_value(host));
    let asked = known.map(|(host, teller)| async move {
        let observation = ask(shared, teller).await;
        let outcome = &observation.outcome;
        let has_stayed = match &teller.boot {
            Some(_) => boot(outcome) == teller.boot.as_ref(),
            None => uptime(outcome).is_some_and(|uptime| began.is_within(uptime)),
        };
        (host, teller.check, observation, has_stayed)
    });
    let mut looks = Vec::new();
    for (host, check, observation, has_stayed) in join_all(asked).await {
        if has_stayed {
            lost.remove(host);
        }
        looks.push((check, observation));
    }
    Connections { lost, looks }
}

/// What `outcome` tells of the host's boot.
pub(super) fn boot(outcome: &Outcome) -> Option<&String> {
    match fact(outcome, BOOT_ID)? {
        Value::Text(boot) => Some(boot),
        _ => None,
    }
}

/// For how many seconds the host has been up, as `outcome` tells it.
pub(super) fn uptime(outcome: &Outcome) -> Option<f64> {
    match fact(outcome, UPTIME)? {
        Value::Number(uptime) => Some(*uptime),
        _ => None,
    }
}

fn fact<'a>(outcome: &'a Outcome, name: &str) -> Option<&'a Value> {
    match outcome {
        Outcome::Seen(facts) => facts.get(name),
        Outcome::Fault(_) => None,
    }
}

/// As often as the check itself may be tried: the way there is known to be bad. Where a
/// connection could not be opened, that is everyone's answer for the rest of the run.
async fn ask(shared: &Shared, teller: &Teller) -> Observation {
    let check = &shared.plan.checks[teller.check];
    let mut tried = 0;
    loop {
        tried += 1;
        let began = Instant::now();
        let look = Look {
            check: &check.id,
            attempt: teller.attempts.saturating_add(tried),
            kind: check.kind,
            target: &check.target,
            probe: check.probe.as_ref(),
        };
        let outcome = observe(shared, &look, None).await;
        let hopeless = matches!(&outcome, Outcome::Fault(fault) if fault.hopeless);
        if boot(&outcome).is_some() || hopeless || tried >= check.retry.attempts {
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
