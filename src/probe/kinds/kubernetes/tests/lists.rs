//! What each list tells, from recorded ones.

use serde_json::json;

use super::*;

/// Facts by name, for comparing several at once.
fn told(facts: &Facts, names: &[&str]) -> Json {
    let pairs = names
        .iter()
        .map(|name| ((*name).to_owned(), fact(facts, name)));
    Json::Object(pairs.collect())
}

#[rstest]
#[case("well-1.33")]
#[case("well-1.20")]
#[tokio::test]
async fn nodes_that_are_well(#[case] name: &'static str) {
    let options = json!({ "nodes": { "expect": ["mon", "192.168.0.121"] } });
    let facts = facts_of(name, options).await;
    let names = [
        "count",
        "ready_count",
        "missing",
        "not_ready",
        "unschedulable",
        "pressure",
        "states",
    ];
    assert_eq!(
        told(&facts, &names),
        json!({
            "count": 2,
            "ready_count": 2,
            "missing": [],
            "not_ready": [],
            "unschedulable": [],
            "pressure": [],
            "states": { "mon": "Ready", "mon1": "Ready" },
        })
    );
    let version = fact(&facts, "kubelet_versions")["mon"].clone();
    assert!(
        version
            .as_str()
            .expect("a text")
            .starts_with(&name.replace("well-", "v")),
        "{version}"
    );
}

#[tokio::test]
async fn nodes_in_trouble() {
    let options = json!({ "nodes": { "expect": ["mon", "192.168.0.199"] } });
    let facts = facts_of("trouble-1.33", options).await;
    let names = [
        "count",
        "ready_count",
        "missing",
        "not_ready",
        "unschedulable",
        "pressure",
        "states",
    ];
    assert_eq!(
        told(&facts, &names),
        json!({
            "count": 3,
            "ready_count": 1,
            "missing": ["192.168.0.199"],
            "not_ready": [
                "mon1: NotReady: NodeStatusUnknown: Kubelet stopped posting node status.",
                "mon2: NotReady: KubeletNotReady: container runtime network not ready: \
                 NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns \
                 error: cni plugin not initialized",
            ],
            "unschedulable": ["mon"],
            "pressure": ["mon: DiskPressure: KubeletHasDiskPressure: kubelet has disk pressure"],
            "states": { "mon": "Ready", "mon1": "NotReady", "mon2": "NotReady" },
        })
    );
}

#[tokio::test]
async fn nodes_by_label() {
    let options = json!({ "nodes": { "selector": "node-role.kubernetes.io/control-plane" } });
    let facts = facts_of("well-1.33", options).await;
    assert_eq!(fact(&facts, "states"), json!({ "mon": "Ready" }));
}

#[tokio::test]
async fn pods_that_are_well() {
    let facts = facts_of(
        "well-1.33",
        json!({ "pods": { "namespace": "awoooi-prod", "names": ["api-*"] } }),
    )
    .await;
    let names = [
        "count",
        "missing",
        "ready_count",
        "phases",
        "not_ready",
        "pending",
        "waiting",
        "image_pulls",
        "crash_loops",
        "exits",
        "failed",
        "terminating",
        "restarts",
        "restarts_in_all",
    ];
    assert_eq!(
        told(&facts, &names),
        json!({
            "count": 1,
            "missing": [],
            "ready_count": 1,
            "phases": { "Running": 1 },
            "not_ready": [],
            "pending": [],
            "waiting": [],
            "image_pulls": [],
            "crash_loops": [],
            // That was the power cut.
            "exits": ["api-5d9c7b6f4-k2x7p/api: Unknown: exit status 255"],
            "failed": [],
            "terminating": [],
            "restarts": 1,
            "restarts_in_all": 1,
        })
    );
    let all = facts_of("well-1.33", json!({ "pods": {} })).await;
    assert_eq!(
        fact(&all, "phases"),
        json!({ "Running": 4, "Succeeded": 1 })
    );
    assert_eq!(fact(&all, "not_ready"), json!([]));
}

#[tokio::test]
async fn pods_in_trouble() {
    let facts = facts_of(
        "trouble-1.33",
        json!({ "pods": { "namespace": "awoooi-prod" } }),
    )
    .await;
    let pull = "Back-off pulling image \"192.168.0.110:5000/awoooi/web:2026-06-01\"";
    let tools = "failed to pull and unpack image \"192.168.0.110:5000/awoooi/tools:1\": dial tcp \
                 192.168.0.110:5000: connect: connection refused";
    let loops = "CrashLoopBackOff: back-off 5m0s restarting failed container=api \
                 pod=api-5d9c7b6f4-k2x7p_awoooi-prod(1f)";
    let unscheduled = "worker-6c8-xk2: Unschedulable: 0/2 nodes are available: 1 Insufficient memory, \
                       1 node(s) were unschedulable. preemption: 0/2 nodes are available: 2 No \
                       preemption victims found for incoming pod.";
    let names = [
        "count",
        "ready_count",
        "phases",
        "not_ready",
        "pending",
        "waiting",
        "image_pulls",
        "crash_loops",
        "exits",
        "failed",
        "terminating",
        "restarts",
    ];
    assert_eq!(
        told(&facts, &names),
        json!({
            "count": 9,
            "ready_count": 0,
            "phases": { "Failed": 2, "Pending": 4, "Running": 3 },
            "not_ready": [
                format!("api-5d9c7b6f4-k2x7p: {loops}"),
                format!("web-7f5b6c9d88-9lq4z: ImagePullBackOff: {pull}"),
                unscheduled,
                "cache-0: ContainersNotReady: containers with unready status: [cache]",
                format!("init-6c8-aaa: ErrImagePull: {tools}"),
                "starting-1: ContainersNotReady: containers with unready status: [starting]",
            ],
            "pending": [
                format!("web-7f5b6c9d88-9lq4z: ImagePullBackOff: {pull}"),
                unscheduled,
                format!("init-6c8-aaa: ErrImagePull: {tools}"),
                "starting-1: ContainersNotReady: containers with unready status: [starting]",
            ],
            "waiting": [
                format!("api-5d9c7b6f4-k2x7p/api: {loops}"),
                format!("web-7f5b6c9d88-9lq4z/web: ImagePullBackOff: {pull}"),
                format!("init-6c8-aaa/wait-for-db: ErrImagePull: {tools}"),
            ],
            "image_pulls": [
                format!("web-7f5b6c9d88-9lq4z/web: ImagePullBackOff: {pull}"),
                format!("init-6c8-aaa/wait-for-db: ErrImagePull: {tools}"),
            ],
            "crash_loops": [format!("api-5d9c7b6f4-k2x7p/api: {loops}")],
            "exits": [
                "api-5d9c7b6f4-k2x7p/api: Error: exit status 1",
                "cache-0/cache: OOMKilled: exit status 137",
                "backup-29120160-m8wfd/backup: Error: exit status 1",
            ],
            "failed": ["evicted-1: Failed: Evicted: The node was low on resource: ephemeral-storage."],
            "terminating": ["old-7d4-qq"],
            "restarts": 17,
        })
    );
    assert!(!format!("{facts:?}").contains("kept-by-nobody"));
}

#[tokio::test]
async fn pods_are_chosen_by_namespace_label_and_name() {
    let stage = cluster("trouble-1.33").await;
    for (asked, count, missing) in [
        (json!({}), 10, json!([])),
        (json!({ "namespace": "kube-system" }), 1, json!([])),
        (json!({ "namespace": "default" }), 0, json!([])),
        (
            json!({ "selector": "tier in (backend, frontend)" }),
            2,
            json!([]),
        ),
        (json!({ "names": ["api-*", "db-*"] }), 1, json!(["db-*"])),
        (
            json!({ "namespace": "kube-system", "names": ["api-*"] }),
            0,
            json!(["api-*"]),
        ),
    ] {
        let facts = seen(&stage, json!({ "pods": asked })).await;
        assert_eq!(fact(&facts, "count"), count, "{asked}");
        assert_eq!(fact(&facts, "missing"), missing, "{asked}");
    }
    let all = seen(&stage, json!({ "pods": {} })).await;
    assert_eq!(fact(&all, "terminating"), json!(["awoooi-prod/old-7d4-qq"]));
}

/// What stands for nothing in Go's JSON, and what another version does not have.
#[tokio::test]
async fn what_is_not_there_is_not_made_up() {
    let list = json!({ "items": [
        { "metadata": { "name": "bare", "labels": null, "deletionTimestamp": null }, "status": null },
        { "metadata": { "name": "empty" }, "status": { "phase": "Running", "conditions": null,
            "containerStatuses": [{ "name": "a", "state": null, "lastState": { "terminated": {} } }] } },
    ] });
    let stage = stage(move |_| Answer::ok(list.to_string())).await;
    let facts = seen(&stage, json!({ "pods": {} })).await;
    assert_eq!(
        fact(&facts, "not_ready"),
        json!(["bare: it tells no phase", "empty: Running"])
    );
    assert_eq!(
        fact(&facts, "phases"),
        json!({ "Running": 1, "Unknown": 1 })
    );
    assert_eq!(fact(&facts, "ready_count"), 0);
}

#[tokio::test]
async fn an_empty_cluster_has_no_restarts_and_no_node() {
    let stage = stage(|_| Answer::ok(r#"{"items":null}"#)).await;
    let facts = seen(&stage, json!({ "pods": {} })).await;
    assert_eq!(fact(&facts, "count"), 0);
    assert_eq!(fact(&facts, "restarts"), Json::Null);
    let nodes = seen(&stage, json!({ "nodes": {} })).await;
    assert_eq!(fact(&nodes, "count"), 0);
}
