//! What the list of pods tells.

use std::collections::BTreeMap;

use super::clock::Clock;
use super::model::{ContainerStatus, Node, Pod, condition};
use super::nodes::{Ages, Standing, standing};
use super::options::PodsAsked;
use super::shown::{because, number, texts};
use crate::probe::{Facts, Value};

/// Why a container waits when its image cannot be had.
const WITHOUT_IMAGE: [&str; 6] = [
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "ImageInspectError",
    "InvalidImageName",
    "RegistryUnavailable",
];

/// Why a container waits while all is well.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let inner = pod.status.init_container_statuses.iter();
    inner.chain(&pod.status.container_statuses)
}

fn is_ready(pod: &Pod) -> bool {
    let ready = condition(&pod.status.conditions, "Ready");
    pod.status.phase == "Running" && ready.is_some_and(|ready| ready.status == "True")
}

/// Why a pod is not ready, as far as it tells: what its container waits for, why no
/// node takes it, what its condition says, or else its phase.
fn why(pod: &Pod) -> String {
    let waiting = containers(pod).find_map(|container| {
        let waiting = container.state.waiting.as_ref()?;
        let is_trouble = !STARTING.contains(&waiting.reason.as_str());
        is_trouble.then(|| because(&waiting.reason, "", &waiting.message))
    });
    let unscheduled = condition(&pod.status.conditions, "PodScheduled")
        .filter(|scheduled| scheduled.status == "False")
        .map(|scheduled| because(&scheduled.reason, "", &scheduled.message));
    let condition = condition(&pod.status.conditions, "Ready")
        .filter(|ready| ready.status != "True" && !ready.reason.is_empty())
        .map(|ready| because(&ready.reason, "", &ready.message));
    let phase = match pod.status.phase.as_str() {
        "" => "it tells no phase",
        phase => phase,
    };
    waiting
        .or(unscheduled)
        .or_else(|| {
            let status = &pod.status;
            (!status.reason.is_empty()).then(|| because(&status.reason, "", &status.message))
        })
        .or(condition)
        .unwrap_or_else(|| phase.to_owned())
}

/// Lists of pods and containers in some trouble.
#[derive(Default)]
struct Trouble {
    not_ready: Vec<String>,
    pending: Vec<String>,
    waiting: Vec<String>,
    image_pulls: Vec<String>,
    crash_loops: Vec<String>,
    exits: Vec<String>,
    failed: Vec<String>,
    terminating: Vec<String>,
}

impl Trouble {
    fn containers(&mut self, name: &str, pod: &Pod) {
        for container in containers(pod) {
            let place = format!("{name}/{}", container.name);
            if let Some(waiting) = &container.state.waiting {
                let told = format!(
                    "{place}: {}",
                    because(&waiting.reason, "", &waiting.message)
                );
                if WITHOUT_IMAGE.contains(&waiting.reason.as_str()) {
                    self.image_pulls.push(told.clone());
                }
                if waiting.reason == "CrashLoopBackOff" {
                    self.crash_loops.push(told.clone());
                }
                if !STARTING.contains(&waiting.reason.as_str()) {
                    self.waiting.push(told);
                }
            }
            let last = container.last_state.terminated.as_ref();
            if let Some(last) = container.state.terminated.as_ref().or(last)
                && last.exit_code != Some(0)
            {
                let status = last.exit_code.map(|status| format!("exit status {status}"));
                let status = status.unwrap_or_default();
                self.exits
                    .push(format!("{place}: {}", because(&last.reason, &status, "")));
            }
        }
    }
}

/// Pods that are called ready on a node of which that is not known to be so still; none where
/// it cannot be told of one, and is not known of another. `clock` is that of who gave the list
/// of nodes, the operator's where it told none.
pub(super) fn on_lost_nodes(
    pods: &[Pod],
    asked: &PodsAsked,
    nodes: &[Node],
    clock: Option<&Clock>,
) -> Option<Vec<String>> {
    let part = asked.part();
    let ages = Ages::of(nodes, clock);
    let mut standings: BTreeMap<&str, Standing> = BTreeMap::new();
    let (mut lost, mut all_told) = (Vec::new(), true);
    let is_alive = |pod: &&Pod| is_ready(pod) && pod.metadata.deletion_timestamp.0.is_none();
    for pod in part.of(pods).into_iter().filter(is_alive) {
        let Some(node) = pod.spec.node_name.as_deref() else {
            all_told = false;
            continue;
        };
        let stands = standings.entry(node);
        match stands.or_insert_with(|| standing(nodes, node, ages)) {
            Standing::Up => {}
            Standing::Untold => all_told = false,
            Standing::Lost(why) => {
                let name = part.name(&pod.metadata);
                lost.push(format!("{name}: on {node}: {why}"));
            }
        }
    }
    (all_told || !lost.is_empty()).then_some(lost)
}

pub(super) fn tell(pods: &[Pod], asked: &PodsAsked, facts: &mut Facts) {
    let part = asked.part();
    let selected = part.of(pods);
    let mut trouble = Trouble::default();
    let mut phases: BTreeMap<String, usize> = BTreeMap::new();
    let (mut ready, mut most, mut total) = (0, None::<u32>, 0_u64);
    for pod in &selected {
        let name = part.name(&pod.metadata);
        let phase = pod.status.phase.as_str();
        let phase = if phase.is_empty() { "Unknown" } else { phase };
        *phases.entry(phase.to_owned()).or_default() += 1;
        for container in containers(pod) {
            most = most.max(Some(container.restart_count));
            total += u64::from(container.restart_count);
        }
        trouble.containers(&name, pod);
        if pod.metadata.deletion_timestamp.0.is_some() {
            trouble.terminating.push(name);
        } else if phase == "Failed" {
            // Whether a job has failed is for the job to say.
            if pod.metadata.owner("Job").is_none() {
                let status = &pod.status;
                let told = because("Failed", &status.reason, &status.message);
                trouble.failed.push(format!("{name}: {told}"));
            }
        } else if phase != "Succeeded" {
            if is_ready(pod) {
                ready += 1;
            } else {
                let told = format!("{name}: {}", why(pod));
                if phase == "Pending" {
                    trouble.pending.push(told.clone());
                }
                trouble.not_ready.push(told);
            }
        }
    }
    facts.set("missing", part.missing(&selected));
    facts.set("count", number(selected.len()));
    facts.set("ready_count", number(ready));
    let phases = phases.into_iter();
    let phases = phases.map(|(phase, count)| (phase, Value::from(number(count))));
    facts.set("phases", Value::Map(phases.collect()));
    facts.set_some("restarts", most.map(f64::from));
    #[expect(clippy::cast_precision_loss, reason = "below 2^52 restarts")]
    facts.set("restarts_in_all", total as f64);
    facts.set("not_ready", texts(trouble.not_ready));
    facts.set("pending", texts(trouble.pending));
    facts.set("waiting", texts(trouble.waiting));
    facts.set("image_pulls", texts(trouble.image_pulls));
    facts.set("crash_loops", texts(trouble.crash_loops));
    facts.set("exits", texts(trouble.exits));
    facts.set("failed", texts(trouble.failed));
    facts.set("terminating", texts(trouble.terminating));
}
