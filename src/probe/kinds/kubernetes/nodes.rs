//! What the list of nodes tells.

use super::model::{Condition, Node, condition};
use super::options::NodesAsked;
use super::shown::{self, number};
use crate::probe::{Facts, Value};

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

pub(super) fn tell(nodes: &[Node], asked: &NodesAsked, facts: &mut Facts) {
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
