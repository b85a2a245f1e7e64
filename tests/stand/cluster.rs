//! The objects of a Kubernetes cluster, which its `kubectl` and its API answer from.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::host::Host;

/// A cluster. It changes everywhere at once.
pub(crate) struct Cluster<'a> {
    objects: Arc<Mutex<Vec<Json>>>,
    hosts: Vec<&'a Host>,
}

impl<'a> Cluster<'a> {
    /// A cluster whose `kubectl` and `k3s kubectl` are on these hosts. Its configuration
    /// there, `/etc/rancher/k3s/k3s.yaml`, is root's alone, as K3s makes it.
    pub(crate) fn on(hosts: &[&'a Host]) -> Self {
        for host in hosts {
            host.shim("kubectl")
                .shim("k3s")
                .write(
                    "/etc/rancher/k3s/k3s.yaml",
                    "apiVersion: v1\nkind: Config\n",
                )
                .mode("/etc/rancher/k3s/k3s.yaml", 0o600)
                .answer("kubectl.log", "")
                .mode("/var/lib/stand/kubectl.log", 0o666);
        }
        let cluster = Self {
            objects: Arc::default(),
            hosts: hosts.to_vec(),
        };
        cluster.tell();
        cluster
    }

    fn tell(&self) {
        let text = json!(*self.objects.lock().expect("the lock")).to_string();
        for host in &self.hosts {
            host.answer("kubernetes.json", &text);
        }
    }

    pub(super) fn objects(&self) -> Arc<Mutex<Vec<Json>>> {
        Arc::clone(&self.objects)
    }

    /// Adds an object as it is, and its namespace, which stays when the object goes.
    pub(crate) fn add(&self, object: Json) -> &Self {
        let mut objects = self.objects.lock().expect("the lock");
        if let Some(namespace) = object["metadata"]["namespace"].as_str()
            && !objects
                .iter()
                .any(|one| one["kind"] == "Namespace" && one["metadata"]["name"] == namespace)
        {
            objects.push(json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace, "uid": uid(namespace), "creationTimestamp": after("8640000"),
                    "labels": {"kubernetes.io/metadata.name": namespace}},
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            }));
        }
        objects.push(object);
        drop(objects);
        self.tell();
        self
    }

    /// Changes an object: `cluster.change("Node", "pi1", |node| …)`.
    pub(crate) fn change(&self, kind: &str, name: &str, how: impl FnOnce(&mut Json)) -> &Self {
        let mut objects = self.objects.lock().expect("the lock");
        let found = objects
            .iter_mut()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
        how(found.unwrap_or_else(|| panic!("no {kind} {name}")));
        drop(objects);
        self.tell();
        self
    }

    /// Removes an object.
    pub(crate) fn remove(&self, kind: &str, name: &str) -> &Self {
        let mut objects = self.objects.lock().expect("the lock");
        let before = objects.len();
        objects.retain(|object| object["kind"] != kind || object["metadata"]["name"] != name);
        assert!(objects.len() < before, "no {kind} {name}");
        drop(objects);
        self.tell();
        self
    }

    /// `kubectl` finds no server, or does again.
    pub(crate) fn runs(&self, runs: bool) -> &Self {
        for host in &self.hosts {
            if runs {
                host.remove("/var/lib/stand/kubernetes.down");
            } else {
                host.answer("kubernetes.down", "");
            }
        }
        self
    }

    /// These resources, `volumes.longhorn.io`, may not be listed by `kubectl`.
    pub(crate) fn forbid(&self, resources: &[&str]) -> &Self {
        for host in &self.hosts {
            host.answer("kubernetes.forbidden", resources.join("\n") + "\n");
        }
        self
    }

    /// What `kubectl` was called with, on all hosts.
    pub(crate) fn calls(&self) -> Vec<String> {
        let logs = self
            .hosts
            .iter()
            .map(|host| host.read("/var/lib/stand/kubectl.log"));
        logs.flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// A node that is ready and schedulable.
    pub(crate) fn node(&self, name: &str) -> &Self {
        let condition = |kind: &str, status: &str, reason: &str| {
            json!({"type": kind, "status": status, "reason": reason, "message": "", "lastHeartbeatTime": after("60"),
                "lastTransitionTime": after("7200")})
        };
        self.add(json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "uid": uid(name), "creationTimestamp": after("8640000"), "labels": {"kubernetes.io/hostname": name}},
            "spec": {"podCIDR": "10.42.0.0/24"},
            "status": {
                "addresses": [{"type": "Hostname", "address": name}],
                "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
                "conditions": [
                    condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                    condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                    condition("PIDPressure", "False", "KubeletHasSufficientPID"),
                    condition("Ready", "True", "KubeletReady"),
                ],
                "nodeInfo": {"kubeletVersion": "v1.30.4+k3s1"},
            },
        }))
    }

    /// A pod that runs and is ready, on the first node that was made.
    pub(crate) fn pod(&self, namespace: &str, name: &str) -> &Self {
        let node = {
            let objects = self.objects.lock().expect("the lock");
            let node = objects.iter().find(|object| object["kind"] == "Node");
            node.expect("a node")["metadata"]["name"].clone()
        };
        self.add(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "uid": uid(name), "creationTimestamp": after("86400"), "labels": {"app": name}},
            "spec": {"nodeName": node, "containers": [{"name": "main", "image": "registry/main:1"}]},
            "status": {
                "phase": "Running", "startTime": after("86400"),
                "conditions": [{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}],
                "containerStatuses": [{"name": "main", "image": "registry/main:1", "ready": true, "restartCount": 0, "started": true,
                    "state": {"running": {"startedAt": after("86400")}}, "lastState": {}}],
            },
        }))
    }

    /// A deployment, all of whose replicas are available.
    pub(crate) fn deployment(&self, namespace: &str, name: &str, replicas: u32) -> &Self {
        self.add(workload("Deployment", namespace, name, replicas))
    }

    /// A stateful set, all of whose replicas are available.
    pub(crate) fn stateful_set(&self, namespace: &str, name: &str, replicas: u32) -> &Self {
        self.add(workload("StatefulSet", namespace, name, replicas))
    }

    /// A cron job that is not suspended and last succeeded then.
    pub(crate) fn cron_job(
        &self,
        namespace: &str,
        name: &str,
        schedule: &str,
        succeeded: Timestamp,
    ) -> &Self {
        self.add(json!({
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"name": name, "namespace": namespace, "uid": uid(name), "creationTimestamp": after("8640000")},
            "spec": {"schedule": schedule, "suspend": false, "concurrencyPolicy": "Forbid",
                "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "backup", "image": "backup:1"}]}}}}},
            "status": {"lastScheduleTime": time(succeeded), "lastSuccessfulTime": time(succeeded)},
        }))
    }

    /// A service with one endpoint.
    pub(crate) fn service(&self, namespace: &str, name: &str) -> &Self {
        self.add(json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "uid": uid(name), "creationTimestamp": after("8640000")},
            "spec": {"type": "ClusterIP", "clusterIP": "10.43.0.9", "selector": {"app": name}, "ports": [{"port": 80, "protocol": "TCP"}]},
            "status": {"loadBalancer": {}},
        }))
        .add(json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": name, "namespace": namespace, "uid": uid(name)},
            "subsets": [{"addresses": [{"ip": "10.42.0.7"}], "ports": [{"port": 80, "protocol": "TCP"}]}],
        }))
    }

    /// The definition of a custom resource: `cluster.definition("longhorn.io", "v1beta2", "Volume", "volumes")`.
    pub(crate) fn definition(&self, group: &str, version: &str, kind: &str, plural: &str) -> &Self {
        self.add(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}"), "uid": uid(plural)},
            "spec": {"group": group, "names": {"kind": kind, "plural": plural}, "scope": "Namespaced",
                "versions": [{"name": version, "served": true, "storage": true}]},
        }))
    }
}

fn workload(kind: &str, namespace: &str, name: &str, replicas: u32) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "uid": uid(name), "generation": 1, "creationTimestamp": after("8640000")},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}},
        "status": {"observedGeneration": 1, "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
            "updatedReplicas": replicas, "currentReplicas": replicas},
    })
}

fn uid(name: &str) -> String {
    let sum = name.bytes().fold(7_u64, |sum, byte| {
        sum.wrapping_mul(1_000_003) ^ u64::from(byte)
    });
    format!(
        "{:08x}-0000-4000-8000-{:012x}",
        sum & 0xffff_ffff,
        sum & 0xffff_ffff_ffff
    )
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The time so many seconds before now.
fn after(seconds: &str) -> String {
    time(super::times::ago(&format!("{seconds}s")))
}
