//! Pods that are called ready on a node that is not there any more.

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::transport::FaultKind;

fn at(seconds: i64) -> String {
    let at = Timestamp::from_second(NOW + seconds).expect("a time");
    format!("{at:.0}")
}

fn node(name: &str, ready: &str, heartbeat: Option<i64>) -> Json {
    let mut condition = json!({ "type": "Ready", "status": ready,
        "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status." });
    if let Some(seconds) = heartbeat {
        condition["lastHeartbeatTime"] = json!(at(seconds));
    }
    json!({ "metadata": { "name": name }, "status": { "conditions": [condition] } })
}

fn pod(name: &str, on: Option<&str>, ready: &str) -> Json {
    json!({
        "metadata": { "name": name, "namespace": "awoooi-prod", "labels": { "app": name } },
        "spec": { "nodeName": on },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }] },
    })
}

fn list(items: &[Json]) -> Answer {
    Answer::ok(json!({ "items": items }).to_string())
}

/// A cluster of these pods, on whose nodes `nodes` answers, given how often it was asked
/// before.
async fn pods_on(
    pods: Vec<Json>,
    nodes: impl Fn(usize) -> Answer + Send + Sync + 'static,
) -> Stage {
    pods_by(0, pods, nodes).await
}

/// The same on a host whose clock is so many seconds ahead.
async fn pods_by(
    ahead: i64,
    pods: Vec<Json>,
    nodes: impl Fn(usize) -> Answer + Send + Sync + 'static,
) -> Stage {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    stage(move |command| {
        if command.contains("get nodes") {
            nodes(asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
        } else if command.contains("get pods") {
            list(&pods)
        } else {
            Answer::ok(format!("{} +0800\n", NOW + ahead))
        }
    })
    .await
}

#[rstest]
#[case::up(node("agent", "True", Some(-10)), json!([]))]
#[case::not_ready(node("agent", "Unknown", Some(-90)), json!(["api: on agent: NotReady: NodeStatusUnknown"]))]
#[case::ready_before_the_cut(node("agent", "True", Some(-2100)), json!([
    format!("api: on agent: Ready as of {}, 35 min ago", at(-2100))
]))]
#[case::gone(node("other", "True", Some(-10)), json!(["api: on agent: the cluster has no such node"]))]
#[case::without_conditions(json!({ "metadata": { "name": "agent" } }), json!([
    "api: on agent: NotReady: it has no condition `Ready`"
]))]
#[case::untold(node("agent", "True", None), Json::Null)]
#[tokio::test]
async fn by_what_its_node_says(#[case] agent: Json, #[case] expected: Json) {
    let of = [node("server", "True", Some(-10)), agent];
    let pods = vec![
        pod("db", Some("server"), "True"),
        pod("api", Some("agent"), "True"),
    ];
    let stage = pods_on(pods, move |_| list(&of)).await;
    let options = json!({ "pods": { "namespace": "awoooi-prod" } });
    let facts = seen(&stage, options.clone()).await;
    assert_eq!(fact(&facts, "on_lost_nodes"), expected);
    assert_eq!(fact(&facts, "nodes_seen"), true);
    // By what the API has of the pods themselves.
    assert_eq!(fact(&facts, "ready_count"), 2);
    assert_eq!(fact(&facts, "not_ready"), json!([]));
    let required = kind::<Kubernetes>(options).defaults().require;
    assert!(required.contains(&"!nodes_seen || size(on_lost_nodes) == 0".to_owned()));
    // Only of what the check looks at.
    let other = json!({ "pods": { "selector": "app=db" } });
    let facts = seen(&stage, other).await;
    assert_eq!(fact(&facts, "on_lost_nodes"), json!([]));
}

/// What is told as not ready, as ended or as deleted is told as that.
#[tokio::test]
async fn only_what_is_called_ready() {
    let mut deleted = pod("old", Some("gone"), "True");
    deleted["metadata"]["deletionTimestamp"] = json!(at(-60));
    let mut ended = pod("job", Some("gone"), "False");
    ended["status"]["phase"] = json!("Succeeded");
    let pods = vec![
        deleted,
        ended,
        pod("api", Some("gone"), "False"),
        pod("db", Some("server"), "True"),
    ];
    let stage = pods_on(pods, |_| list(&[node("server", "True", Some(-10))])).await;
    let facts = seen(&stage, json!({ "pods": {} })).await;
    assert_eq!(fact(&facts, "on_lost_nodes"), json!([]));
    assert_eq!(
        fact(&facts, "not_ready"),
        json!(["awoooi-prod/api: Running"])
    );
    assert_eq!(fact(&facts, "terminating"), json!(["awoooi-prod/old"]));
}

/// A ready pod of which no node is told is not guessed at, and hides no other.
#[tokio::test]
async fn a_pod_without_a_node_is_not_guessed_at() {
    let ready = || list(&[node("server", "True", Some(-10))]);
    let stage = pods_on(vec![pod("api", None, "True")], move |_| ready()).await;
    let facts = seen(&stage, json!({ "pods": {} })).await;
    assert_eq!(fact(&facts, "on_lost_nodes"), Json::Null);
    let pods = vec![pod("api", None, "True"), pod("db", Some("gone"), "True")];
    let stage = pods_on(pods, move |_| ready()).await;
    let facts = seen(&stage, json!({ "pods": {} })).await;
    let lost = json!(["awoooi-prod/db: on gone: the cluster has no such node"]);
    assert_eq!(fact(&facts, "on_lost_nodes"), lost);
}

#[tokio::test]
async fn a_login_for_namespaces_alone_sees_the_pods_as_before() {
    let denied = "Error from server (Forbidden): nodes is forbidden: User \"viewer\" cannot list \
                  resource \"nodes\" in API group \"\" at the cluster scope\n";
    let pods = vec![pod("api", Some("agent"), "True")];
    let stage = pods_on(pods, move |_| Answer::fails(1, denied)).await;
    let facts = seen(&stage, json!({ "pods": {} })).await;
    assert_eq!(fact(&facts, "ready_count"), 1);
    assert_eq!(fact(&facts, "nodes_seen"), false);
    assert_eq!(fact(&facts, "on_lost_nodes"), Json::Null);
    // Not as well as when they are seen.
    let preferred = kind::<Kubernetes>(json!({ "pods": {} })).defaults().prefer;
    assert!(
        preferred.contains(&"nodes_seen".to_owned()),
        "{preferred:?}"
    );
}

/// Only the API's own word that the login may not list them counts as that.
#[rstest]
#[case::sudo("sudo: a password is required", false, "does not run it")]
#[case::the_login_is_none(
    "error: You must be logged in to the server (Unauthorized)",
    true,
    "has expired"
)]
#[case::its_file(
    "error: open /etc/rancher/k3s/k3s.yaml: permission denied",
    true,
    "`sudo: true`"
)]
#[case::no_roles_yet(
    "Error from server (Forbidden): nodes is forbidden: User \"viewer\" cannot list resource \
     \"nodes\" in API group \"\" at the cluster scope: RBAC: \
     [clusterrole.rbac.authorization.k8s.io \"view\" not found, \
     clusterrole.rbac.authorization.k8s.io \"system:basic-user\" not found]",
    true,
    "knows no roles yet"
)]
#[tokio::test]
async fn what_denies_the_nodes_by_accident_is_a_fault(
    #[case] stderr: &'static str,
    #[case] is_tried_again: bool,
    #[case] told: &str,
) {
    let pods = vec![pod("api", Some("agent"), "True")];
    let stage = pods_on(pods, move |_| Answer::fails(1, format!("{stderr}\n"))).await;
    let check: Kubernetes = kind(json!({ "pods": {}, "sudo": true }));
    let fault = run(&check, &stage.context).await.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Denied, "{fault}");
    assert_eq!(!fault.hopeless, is_tried_again, "{fault}");
    let hint = fault.hint.clone().unwrap_or_default();
    assert!(
        format!("{} {hint}", fault.seen).contains(told),
        "{fault} {hint}"
    );
}

/// The clock of the host where kubectl runs is wrong: by it all nodes but its own are off.
#[tokio::test]
async fn a_wrong_clock_is_not_told_of_the_nodes() {
    let of = [
        node("server", "True", Some(7190)),
        node("agent", "True", Some(-10)),
    ];
    let pods = vec![
        pod("db", Some("server"), "True"),
        pod("api", Some("agent"), "True"),
    ];
    let stage = pods_by(7200, pods, move |_| list(&of)).await;
    let facts = seen(&stage, json!({ "pods": {} })).await;
    let told = format!(
        "awoooi-prod/api: on agent: the clock of data188 is 120 min ahead of the one here, so one \
         of them is wrong: Ready as of {}, 120 min ago by the former, 0 min ago by the latter",
        at(-10)
    );
    assert_eq!(fact(&facts, "on_lost_nodes"), json!([told]));
}

/// Only that it may not be seen is no fault: else it is tried again.
#[tokio::test]
async fn nodes_that_could_not_be_told_are_a_fault() {
    let pods = vec![pod("api", Some("agent"), "True")];
    let stage = pods_on(pods, |_| {
        Answer::fails(
            1,
            "Error from server (InternalError): etcdserver: request timed out\n",
        )
    })
    .await;
    let check: Kubernetes = kind(json!({ "pods": {} }));
    let fault = run(&check, &stage.context).await.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::TimedOut, "{fault}");
}

/// A check of the nodes was tried until they were back; that of the pods begins with what its
/// first attempt saw.
#[tokio::test]
async fn an_older_list_does_not_condemn_what_is_back() {
    let of = |ready: &str| list(&[node("agent", ready, Some(-10))]);
    let back = move |before: usize| of(if before == 0 { "Unknown" } else { "True" });
    let pods = vec![pod("api", Some("agent"), "True")];
    let stage = pods_on(pods, back).await;
    let nodes = seen(&stage, json!({ "nodes": {} })).await;
    assert_eq!(fact(&nodes, "ready_count"), 0);
    for options in [
        json!({ "pods": {} }),
        json!({ "pods": { "namespace": "awoooi-prod" } }),
    ] {
        let facts = seen(&stage, options).await;
        assert_eq!(fact(&facts, "on_lost_nodes"), json!([]));
    }
    let mut lines = sent(&stage);
    lines.sort();
    assert_eq!(
        lines,
        [
            "date '+%s %z'",
            "date '+%s %z'",
            "date '+%s %z'",
            "kubectl get nodes -o json --cache-dir /dev/null",
            "kubectl get nodes -o json --cache-dir /dev/null",
            "kubectl get nodes -o json --cache-dir /dev/null",
            "kubectl get pods -A -o json --cache-dir /dev/null",
            "kubectl get pods -A -o json --cache-dir /dev/null",
            "kubectl get pods -A -o json --cache-dir /dev/null",
        ]
    );
}

/// The list of pods is as old as that of the nodes: by it the pods of a node that is back are
/// ready as they were before the cut.
#[tokio::test]
async fn an_older_list_does_not_clear_what_is_back_but_broken() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let stage = stage(move |command| {
        let is_back = asked.load(std::sync::atomic::Ordering::SeqCst) > 0;
        if command.contains("get nodes") {
            asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            list(&[node(
                "agent",
                if is_back { "True" } else { "Unknown" },
                Some(-10),
            )])
        } else if command.contains("get pods") {
            // Asked together with the first list of nodes, or after the second.
            let seconds = asked.load(std::sync::atomic::Ordering::SeqCst) > 1;
            list(&[pod(
                "api",
                Some("agent"),
                if seconds { "False" } else { "True" },
            )])
        } else {
            Answer::ok(format!("{NOW} +0800\n"))
        }
    })
    .await;
    let facts = seen(&stage, json!({ "pods": { "namespace": "awoooi-prod" } })).await;
    assert_eq!(fact(&facts, "on_lost_nodes"), json!([]));
    assert_eq!(fact(&facts, "not_ready"), json!(["api: Running"]));
    assert_eq!(fact(&facts, "ready_count"), 0);
}

/// Nor does the second list that a check of an earlier phase had.
#[tokio::test]
async fn each_check_looks_again_for_itself() {
    let of = |ready: &str| list(&[node("agent", ready, Some(-10))]);
    let back = move |before: usize| of(if before < 2 { "Unknown" } else { "True" });
    let stage = pods_on(vec![pod("api", Some("agent"), "True")], back).await;
    let first = seen(&stage, json!({ "pods": {} })).await;
    let lost = json!(["awoooi-prod/api: on agent: NotReady: NodeStatusUnknown"]);
    assert_eq!(fact(&first, "on_lost_nodes"), lost);
    let later = seen(&stage, json!({ "pods": { "namespace": "awoooi-prod" } })).await;
    assert_eq!(fact(&later, "on_lost_nodes"), json!([]));
}

#[test]
fn the_plan_tells_the_list_of_nodes() {
    let told = requests(json!({ "pods": {} }));
    let lines: Vec<&str> = told
        .iter()
        .filter_map(|line| line.rsplit("timeout -k 1 10 ").next())
        .collect();
    let again = "(only where a pod is on a node that is lost by what was listed before)";
    assert_eq!(
        lines,
        [
            "kubectl get pods -A -o json --cache-dir /dev/null".to_owned(),
            "kubectl get nodes -o json --cache-dir /dev/null".to_owned(),
            "date '+%s %z'".to_owned(),
            format!("kubectl get nodes -o json --cache-dir /dev/null {again}"),
            format!("date '+%s %z' {again}"),
            "kubectl get pods -A -o json --cache-dir /dev/null (only where that node is back)"
                .to_owned(),
        ]
    );
}
