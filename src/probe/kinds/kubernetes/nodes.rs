//! What the list of nodes tells.

use jiff::{SignedDuration, Timestamp};

use super::clock::{Clock, apart};
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

fn is_off(span: SignedDuration) -> bool {
    span.abs() > OLD
}

/// How old what the nodes told is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ages<'a> {
    /// The clock of who gave the list, the operator's where it told none.
    clock: Option<&'a Clock>,
    /// As many nodes are off as when that clock is wrong, and no other is there to tell.
    is_doubtful: bool,
}

impl<'a> Ages<'a> {
    /// By what all `nodes` of the cluster told.
    pub(super) fn of(nodes: &[Node], clock: Option<&'a Clock>) -> Self {
        Self {
            clock,
            is_doubtful: clock.is_some_and(|clock| is_doubtful(nodes, clock)),
        }
    }

    /// That what a node told at `at` does not say how it is now, in words; nothing where no
    /// clock is told.
    fn why_stale(&self, at: Timestamp) -> Option<Option<String>> {
        let clock = self.clock?;
        let age = clock.now.duration_since(at);
        Some(is_off(age).then(|| self.off(at, age, clock)))
    }

    fn off(&self, at: Timestamp, age: SignedDuration, clock: &Clock) -> String {
        let whose = &clock.whose;
        let ago = |age: SignedDuration| {
            let minutes = age.abs().as_mins();
            let side = if age.is_negative() { "from now" } else { "ago" };
            format!("{minutes} min {side}")
        };
        if let (Some(here), Some(ahead)) = (clock.here, clock.ahead()) {
            let differ = format!("the clock of {whose} is {} the one here", apart(ahead));
            let by_here = here.duration_since(at);
            if !is_off(by_here) {
                return format!(
                    "{differ}, so one of them is wrong: Ready as of {at:.0}, {} by the former, \
                     {} by the latter",
                    ago(age),
                    ago(by_here)
                );
            }
            if is_off(ahead) {
                return format!("Ready as of {at:.0}, {}; but {differ}", ago(age));
            }
        }
        // One of the clocks is wrong, and nobody knows how old it is.
        if age.is_negative() {
            let minutes = age.abs().as_mins();
            return format!("Ready as of {at:.0}, {minutes} min ahead of the cluster's clock");
        }
        let doubt = if self.is_doubtful {
            format!(", or the clock of {whose} is wrong")
        } else {
            String::new()
        };
        format!("Ready as of {at:.0}, {}{doubt}", ago(age))
    }
}

/// Whether it may be the clock that is wrong: there is no other to hold it against, and by it
/// at least half of the nodes are off, all by about the same. Nodes that a power cut took are
/// so too, which is why nothing more can be told.
fn is_doubtful(nodes: &[Node], clock: &Clock) -> bool {
    let ready = nodes.iter().filter(|node| state(node) == "Ready");
    let told: Vec<Timestamp> = ready.filter_map(heartbeat).collect();
    let off = told
        .iter()
        .filter(|at| is_off(clock.now.duration_since(**at)));
    let off: Vec<Timestamp> = off.copied().collect();
    let (Some(first), Some(last)) = (off.iter().min(), off.iter().max()) else {
        return false;
    };
    clock.here.is_none() && off.len() * 2 >= told.len() && !is_off(last.duration_since(*first))
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
pub(super) fn standing(nodes: &[Node], name: &str, ages: Ages<'_>) -> Standing {
    let Some(node) = nodes.iter().find(|node| node.metadata.name == name) else {
        return Standing::Lost("the cluster has no such node".to_owned());
    };
    let ready = condition(&node.status.conditions, "Ready");
    match ready {
        Some(ready) if ready.status == "True" => {
            let told = ready.last_heartbeat.0.and_then(|at| ages.why_stale(at));
            told.map_or(Standing::Untold, |why| {
                why.map_or(Standing::Up, Standing::Lost)
            })
        }
        // Its message is for a check of the nodes, which has it once and not for each pod.
        Some(ready) => Standing::Lost(shown::because("NotReady", &ready.reason, "")),
        None => Standing::Lost(state(node)),
    }
}

/// What heartbeats tell of the nodes.
fn tell_heartbeats(nodes: &[&Node], ages: Ages<'_>, facts: &mut Facts) {
    let told: Option<Vec<Timestamp>> = nodes.iter().map(|node| heartbeat(node)).collect();
    facts.set_some(
        "oldest_heartbeat_at",
        told.and_then(|told| told.into_iter().min()),
    );
    let (mut stale, mut all_told) = (Vec::new(), true);
    for node in nodes.iter().filter(|node| state(node) == "Ready") {
        match heartbeat(node).and_then(|at| ages.why_stale(at)) {
            Some(why) => {
                stale.extend(why.map(|why| format!("{}: {why}", node.metadata.name)));
            }
            None => all_told = false,
        }
    }
    if all_told || !stale.is_empty() {
        facts.set("stale", shown::texts(stale));
    }
}

/// `clock` is that of who gave the list, the operator's where it told none.
pub(super) fn tell(nodes: &[Node], asked: &NodesAsked, clock: Option<&Clock>, facts: &mut Facts) {
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
    tell_heartbeats(&selected, Ages::of(nodes, clock), facts);
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
