//! What the lists of deployments, stateful sets and daemon sets tell.

use super::model::{Workload, condition};
use super::options::{WorkloadKind, WorkloadsAsked};
use super::shown::{because, number, texts};
use crate::probe::{Facts, Value};

/// How many replicas are wanted, available, and of the newest template.
struct Replicas {
    wanted: u32,
    available: u32,
    updated: Option<u32>,
}

fn replicas(workload: &Workload, of: WorkloadKind) -> Option<Replicas> {
    let status = &workload.status;
    Some(match of {
        WorkloadKind::Deployments => Replicas {
            // One, where nobody said so.
            wanted: workload.spec.replicas.unwrap_or(1),
            // The API leaves a zero out.
            available: status.available_replicas.unwrap_or(0),
            updated: Some(status.updated_replicas.unwrap_or(0)),
        },
        WorkloadKind::StatefulSets => Replicas {
            wanted: workload.spec.replicas.unwrap_or(1),
            // Before 1.22 it told the ready ones alone.
            available: status
                .available_replicas
                .or(status.ready_replicas)
                .unwrap_or(0),
            // With an update strategy of `OnDelete` or a partition it stays below.
            updated: None,
        },
        WorkloadKind::DaemonSets => Replicas {
            // Always told, once the controller has seen it.
            wanted: status.desired_number_scheduled?,
            available: status.number_available.unwrap_or(0),
            updated: Some(status.updated_number_scheduled.unwrap_or(0)),
        },
    })
}

/// Whether the status is about the specification that stands there now.
fn is_seen(workload: &Workload) -> bool {
    let newest = workload.metadata.generation;
    match (workload.status.observed_generation, newest) {
        (Some(seen), Some(newest)) => seen >= newest,
        (None, Some(_)) => false,
        (_, None) => true,
    }
}

/// What the controller says of a rollout that does not get on.
fn complaint(workload: &Workload) -> String {
    let conditions = &workload.status.conditions;
    let progress = condition(conditions, "Progressing").filter(|one| one.status == "False");
    let failure = condition(conditions, "ReplicaFailure").filter(|one| one.status == "True");
    match failure.or(progress) {
        Some(condition) => because("", &condition.reason, &condition.message),
        None => String::new(),
    }
}

pub(super) fn tell(
    lists: &[(WorkloadKind, &[Workload])],
    asked: &WorkloadsAsked,
    facts: &mut Facts,
) {
    let part = asked.part();
    let (mut unavailable, mut outdated) = (Vec::new(), Vec::new());
    let (mut stopped, mut without_nodes) = (Vec::new(), Vec::new());
    let (mut wanted, mut available) = (Vec::new(), Vec::new());
    let mut found = Vec::new();
    for (of, list) in lists {
        for workload in part.of(list) {
            let name = part.name(&workload.metadata);
            let shown = format!("{} {name}", of.word());
            let complaint = complaint(workload);
            let key = format!("{}/{name}", of.word());
            let replicas = replicas(workload, *of).filter(|_| is_seen(workload));
            match &replicas {
                None => {
                    let text = format!("{shown}: its controller has not seen it yet{complaint}");
                    unavailable.push(text);
                }
                Some(replicas) => {
                    let Replicas {
                        wanted: want,
                        available: have,
                        updated,
                    } = *replicas;
                    if want == 0 && *of == WorkloadKind::DaemonSets {
                        without_nodes.push(shown.clone());
                    } else if want == 0 && !asked.may_be_stopped(&workload.metadata.name) {
                        stopped.push(shown.clone());
                    }
                    if have < want {
                        unavailable.push(format!("{shown}: {have} of {want} available{complaint}"));
                    } else if updated.is_some_and(|updated| updated < want) {
                        let updated = updated.unwrap_or(0);
                        outdated.push(format!("{shown}: {updated} of {want} updated{complaint}"));
                    }
                    wanted.push((key.clone(), Value::from(f64::from(want))));
                    available.push((key, Value::from(f64::from(have))));
                }
            }
            found.push(workload);
        }
    }
    facts.set("missing", part.missing(&found));
    facts.set("count", number(found.len()));
    facts.set("unavailable", texts(unavailable));
    facts.set("outdated", texts(outdated));
    facts.set("stopped", texts(stopped));
    facts.set("without_nodes", texts(without_nodes));
    facts.set("wanted", Value::Map(wanted.into_iter().collect()));
    facts.set("available", Value::Map(available.into_iter().collect()));
}
