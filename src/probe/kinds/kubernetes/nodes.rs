//! What the list of nodes tells.

use jiff::{SignedDuration, Timestamp};

use super::model::{Condition, Node, condition};
use super::options::NodesAsked;
use super::shown::{self, number};
use crate::probe::{Facts, Value};

/// What is older was told before the API server's start, or by a kubelet that is gone. A
/// kubelet tells its state each 5 minutes though nothing has changed (its
/// `nodeStatusReportFrequency`), once after a change up to half of that later, and it looks
/// each 10 seconds whether that is due.
const OLD: SignedDuration = SignedDuration::from_mins(8);

/// Conditions that are true when a node is in trouble, all but `Ready`.
fn is_trouble(condition: &Condition) -> bool {
    condition.of != "Ready" && condition.status != "False"
}

fn is_called(node: &Node, name: &str) -> bool {
    let mut addresses = node.status.addresses.iter();
    node.metadata.name == name || addresses.any(|at| at.address == name)
}

fn state(node: &Node) -> String {
    let ready = condition(&node.status.conditions, "Ready");
    match ready {
        Some(ready) if ready.status == "True" => "Ready".to_owned(),
        Some(ready) => shown::because("NotReady", &ready.reason, &ready.message),
        None => "NotReady: it has no condition `Ready`".to_owned(),
    }
}

fn heartbeat(node: &Node) -> Option<Timestamp> {
    condition(&node.status.conditions, "Ready")?
        .last_heartbeat
        .0
}

/// That what a node told at `at` does not say how it is `now`; in words.
fn why_stale(at: Timestamp, now: Timestamp) -> Option<String> {
    let age = now.duration_since(at);
    if age > OLD {
        let minutes = age.as_mins();
        return Some(format!("Ready as of {at:.0}, {minutes} min ago"));
    }
    // One of the clocks is wrong, and nobody knows how old it is.
    (age < -OLD).then(|| {
        let minutes = age.abs().as_mins();
        format!("Ready as of {at:.0}, {minutes} min ahead of the cluster's clock")
    })
}

/// Whether what is told of the pods on a node is of now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The node is Ready, and said so lately.
    Up,
    /// It is not; in words.
    Lost(String),
    /// Nobody tells when the node said that it is Ready.
    Untold,
}

/// How the node of that name stands.
pub(super) fn standing(nodes: &[Node], name: &str, now: Option<Timestamp>) -> Standing {
    let Some(node) = nodes.iter().find(|node| node.metadata.name == name) else {
        return Standing::Lost("the cluster has no such node".to_owned());
    };
    let ready = condition(&node.status.conditions, "Ready");
    match ready {
        Some(ready) if ready.status == "True" => match (ready.last_heartbeat.0, now) {
            (Some(at), Some(now)) => why_stale(at, now).map_or(Standing::Up, Standing::Lost),
            _ => Standing::Untold,
        },
        // Its message is for a check of the nodes, which has it once and not for each pod.
        Some(ready) => Standing::Lost(shown::because("NotReady", &ready.reason, "")),
        None => Standing::Lost(state(node)),
    }
}

/// What heartbeats tell of the nodes, `now` by the clock of who gave the list.
fn tell_heartbeats(nodes: &[&Node], now: Option<Timestamp>, facts: &mut Facts) {
    let told: Option<Vec<Timestamp>> = nodes.iter().map(|node| heartbeat(node)).collect();
    facts.set_some(
        "oldest_heartbeat_at",
        told.and_then(|told| told.into_iter().min()),
    );
    let (mut stale, mut all_told) = (Vec::new(), true);
    for node in nodes.iter().filter(|node| state(node) == "Ready") {
        match (heartbeat(node), now) {
            (Some(at), Some(now)) => {
                let why = why_stale(at, now);
                stale.extend(why.map(|why| format!("{}: {why}", node.metadata.name)));
            }
            _ => all_told = false,
        }
    }
    if all_told || !stale.is_empty() {
        facts.set("stale", shown::texts(stale));
    }
}

/// `now` is the clock of who gave the list, the operator's where it told none.
pub(super) fn tell(nodes: &[Node], asked: &NodesAsked, now: Option<Timestamp>, facts: &mut Facts) {
    let selected: Vec<&Node> = nodes
        .iter()
        .filter(|node| shown::selected(asked.selector.as_ref(), &node.metadata))
        .collect();
    let (mut not_ready, mut unschedulable, mut pressure) = (Vec::new(), Vec::new(), Vec::new());
    let (mut states, mut versions) = (Vec::new(), Vec::new());
    for node in &selected {
        let name = &node.metadata.name;
        let state = state(node);
        if state != "Ready" {
            not_ready.push(format!("{name}: {state}"));
        }
        if node.spec.unschedulable {
            unschedulable.push(name.clone());
        }
        for trouble in node.status.conditions.iter().filter(|one| is_trouble(one)) {
            // A node that is silent is unknown in everything, and told once.
            if trouble.status == "True" {
                let told = shown::because(&trouble.of, &trouble.reason, &trouble.message);
                pressure.push(format!("{name}: {told}"));
            }
        }
        if let Some(version) = &node.status.node_info.kubelet_version {
            versions.push((name.clone(), Value::from(version.as_str())));
        }
        let word = state.split(':').next().unwrap_or_default().to_owned();
        states.push((name.clone(), Value::from(word)));
    }
    tell_heartbeats(&selected, now, facts);
    let missing = asked
        .expect
        .iter()
        .filter(|name| !selected.iter().any(|node| is_called(node, name)));
    facts.set("missing", shown::texts(missing.cloned()));
    facts.set("count", number(selected.len()));
    facts.set("ready_count", number(selected.len() - not_ready.len()));
    facts.set("not_ready", shown::texts(not_ready));
    facts.set("unschedulable", shown::texts(unschedulable));
    facts.set("pressure", shown::texts(pressure));
    facts.set("states", Value::Map(states.into_iter().collect()));
    facts.set(
        "kubelet_versions",
        Value::Map(versions.into_iter().collect()),
    );
}
