use std::path::Path;
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value as Json, json};

use super::*;
use crate::probe::kinds::stage::{NOW, Stage, fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

mod api;
mod heartbeats;
mod lists;
mod lost;
mod namespace;
mod workloads;

/// A recorded list.
pub(super) fn recorded(cluster: &str, resource: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/kubernetes");
    std::fs::read(folder.join(cluster).join(format!("{resource}.json"))).ok()
}

/// `kubectl get` of a recorded cluster.
fn kubectl_get(cluster: &str, command: &str) -> Answer {
    if command.contains("date ") {
        return Answer::ok(format!("{NOW} +0000\n"));
    }
    let mut words = command.split(' ').skip_while(|word| *word != "get").skip(1);
    let resource = words.next().unwrap_or_default();
    match recorded(cluster, resource) {
        Some(list) => Answer::ok(list),
        None => Answer::fails(
            1,
            format!("error: the server doesn't have a resource type {resource:?}\n"),
        ),
    }
}

async fn cluster(name: &'static str) -> Stage {
    stage(move |command| kubectl_get(name, command)).await
}

/// The commands that were sent, without what goes before each.
fn sent(stage: &Stage) -> Vec<String> {
    let lines = stage.server.log.lines().into_iter();
    let bare = lines.map(|line| line.rsplit("timeout -k 1 10 ").next().map(str::to_owned));
    bare.flatten().collect()
}

async fn seen(stage: &Stage, options: Json) -> Facts {
    run(&kind::<Kubernetes>(options), &stage.context)
        .await
        .expect("facts")
}

async fn facts_of(name: &'static str, options: Json) -> Facts {
    seen(&cluster(name).await, options).await
}

async fn fault_of(answer: Answer) -> Fault {
    let stage = stage(move |_| answer.clone()).await;
    run(&kind::<Kubernetes>(json!({ "pods": {} })), &stage.context)
        .await
        .expect_err("a fault")
}

fn requests(options: Json) -> Vec<String> {
    let target = target(host(22));
    let requests = kind::<Kubernetes>(options).requests(&target, &Policy::default());
    requests.into_iter().map(|one| one.text).collect()
}

#[tokio::test]
async fn one_list_serves_all_checks_of_an_attempt() {
    let stage = cluster("trouble-1.33").await;
    let checks = [
        json!({ "pods": {} }),
        json!({ "pods": { "namespace": "awoooi-prod" } }),
        json!({ "pods": { "namespace": "kube-system" } }),
        json!({ "pods": { "selector": "app=api" } }),
        json!({ "nodes": {} }),
        json!({ "nodes": { "expect": ["mon"] } }),
    ];
    let mut tasks = tokio::task::JoinSet::new();
    for options in checks.iter().cycle().take(30) {
        let check: Kubernetes = kind(options.clone());
        let context = stage.context.clone();
        tasks.spawn(async move { run(&check, &context).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic").expect("facts");
    }
    let mut lines = sent(&stage);
    lines.sort();
    assert_eq!(
        lines,
        [
            "date '+%s %z'",
            "kubectl get nodes -o json --cache-dir /dev/null",
            "kubectl get pods -A -o json --cache-dir /dev/null"
        ]
    );
    assert_eq!(stage.server.log.connections(), 1);

    // The second attempts look afresh, and share that.
    let second = Context {
        attempt: 2,
        ..stage.context.clone()
    };
    for options in &checks {
        let check: Kubernetes = kind(options.clone());
        run(&check, &second).await.expect("facts");
    }
    assert_eq!(sent(&stage).len(), 6);
}

#[tokio::test]
async fn another_login_is_another_list() {
    let stage = cluster("well-1.33").await;
    for options in [
        json!({ "nodes": {} }),
        json!({ "nodes": {}, "sudo": true }),
        json!({ "nodes": {}, "context": "other" }),
        json!({ "nodes": {}, "program": ["k3s", "kubectl"] }),
        json!({ "nodes": {}, "kubeconfig": "/etc/rancher/k3s/k3s.yaml", "sudo": true }),
    ] {
        seen(&stage, options).await;
    }
    let mut lines = sent(&stage);
    lines.retain(|line| !line.starts_with("date "));
    assert_eq!(
        lines,
        [
            "kubectl get nodes -o json --cache-dir /dev/null",
            "sudo -n kubectl get nodes -o json --cache-dir /dev/null",
            "kubectl get nodes -o json --cache-dir /dev/null --context other",
            "k3s kubectl get nodes -o json --cache-dir /dev/null",
            "sudo -n kubectl get nodes -o json --cache-dir /dev/null --kubeconfig /etc/rancher/k3s/k3s.yaml",
        ]
    );
}

#[tokio::test]
async fn the_list_of_the_namespace_where_the_whole_is_denied() {
    let denied = "Error from server (Forbidden): pods is forbidden: User \"viewer\" cannot list \
                  resource \"pods\" in API group \"\" at the cluster scope\n";
    let stage = stage(move |command| {
        if command.contains(" -A ") || command.contains(" other ") {
            Answer::fails(1, denied)
        } else {
            kubectl_get("well-1.33", command)
        }
    })
    .await;
    let options = json!({ "pods": { "namespace": "awoooi-prod" } });
    let facts = seen(&stage, options.clone()).await;
    assert_eq!(fact(&facts, "ready_count"), 2);
    seen(&stage, options.clone()).await;
    let mut lines = sent(&stage);
    lines.sort();
    assert_eq!(
        lines,
        [
            "date '+%s %z'",
            "kubectl get nodes -o json --cache-dir /dev/null",
            "kubectl get pods -A -o json --cache-dir /dev/null",
            "kubectl get pods -n awoooi-prod -o json --cache-dir /dev/null",
        ]
    );
    let told = requests(options);
    assert_eq!(told.len(), 10);
    assert!(told[0].ends_with("kubectl get pods -A -o json --cache-dir /dev/null"));
    assert!(told[3].ends_with(
        "-o json --cache-dir /dev/null (only where the list of all namespaces is denied)"
    ));

    for options in [
        json!({ "pods": {} }),
        json!({ "pods": { "namespace": "other" } }),
    ] {
        let fault = run(&kind::<Kubernetes>(options), &stage.context).await;
        let fault = fault.expect_err("denied");
        assert_eq!(fault.kind, FaultKind::Denied);
        assert!(!fault.hopeless, "an API server that starts knows no roles");
        assert!(
            fault.seen.contains("cannot list resource \"pods\""),
            "{fault}"
        );
        assert!(fault.hint.expect("a hint").contains("`list` of pods"));
    }
}

#[rstest]
#[case(
    "error: You must be logged in to the server (Unauthorized)",
    FaultKind::Denied,
    Some("has expired")
)]
#[case("error: EOF", FaultKind::Denied, Some("has expired"))]
#[case(
    "The connection to the server localhost:8080 was refused - did you specify the right host or port?",
    FaultKind::Missing,
    Some("`sudo: true`")
)]
#[case(
    "E1121 12:56:44.91 1 memcache.go:265] \"Unhandled Error\" err=\"dial tcp 127.0.0.1:6443\"\nThe connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?",
    FaultKind::Refused,
    Some("the log of k3s")
)]
#[case(
    "Unable to connect to the server: dial tcp 192.168.0.120:6443: connect: no route to host",
    FaultKind::Unreachable,
    None
)]
#[case(
    "Unable to connect to the server: dial tcp 192.168.0.120:6443: i/o timeout",
    FaultKind::TimedOut,
    None
)]
#[case(
    "Unable to connect to the server: net/http: TLS handshake timeout",
    FaultKind::TimedOut,
    None
)]
#[case(
    "Unable to connect to the server: x509: certificate has expired or is not yet valid",
    FaultKind::HostKey,
    None
)]
#[case(
    "Error from server (InternalError): etcdserver: request timed out",
    FaultKind::TimedOut,
    None
)]
#[case(
    "Error from server (ServiceUnavailable): the server is currently unable to handle the request",
    FaultKind::Protocol,
    None
)]
#[case(
    "error: error loading config file \"/etc/rancher/k3s/k3s.yaml\": open /etc/rancher/k3s/k3s.yaml: permission denied",
    FaultKind::Denied,
    Some("`sudo: true`")
)]
#[case(
    "Error in configuration: context was not found for specified context: nope",
    FaultKind::Missing,
    Some("get-contexts")
)]
#[case(
    "error: context \"nope\" does not exist",
    FaultKind::Missing,
    Some("get-contexts")
)]
#[case(
    "error: stat /etc/nope: no such file or directory",
    FaultKind::Missing,
    None
)]
#[case(
    "error: the server doesn't have a resource type \"pods\"",
    FaultKind::Missing,
    None
)]
#[case("something else", FaultKind::Protocol, None)]
#[case("", FaultKind::Protocol, None)]
#[tokio::test]
async fn what_kubectl_complains_of(
    #[case] stderr: &str,
    #[case] expected: FaultKind,
    #[case] hint: Option<&str>,
) {
    // It prints an empty list all the same.
    let fault = fault_of(Answer::Exit {
        stdout: br#"{"apiVersion":"v1","items":[],"kind":"List"}"#.to_vec(),
        stderr: format!("{stderr}\n").into_bytes(),
        status: 1,
    })
    .await;
    assert_eq!(fault.kind, expected, "{fault}");
    assert!(!fault.hopeless, "{fault}");
    match (hint, &fault.hint) {
        (Some(expected), Some(hint)) => assert!(hint.contains(expected), "{hint}"),
        (expected, hint) => assert_eq!(hint.as_deref(), expected),
    }
    let last = stderr.lines().last().unwrap_or("does not say why");
    let told = last.trim_start_matches("error: ");
    assert!(told == "EOF" || fault.seen.contains(told), "{fault}");
}

#[rstest]
#[case(
    Answer::fails(127, "bash: kubectl: command not found"),
    FaultKind::Missing,
    "there is no kubectl on data188"
)]
#[case(Answer::fails(126, "no"), FaultKind::Denied, "may not be run")]
#[case(
    Answer::ok("Warning: nothing"),
    FaultKind::Protocol,
    "printed no list of pods: expected value"
)]
#[case(
    Answer::ok(""),
    FaultKind::Protocol,
    "nothing, not even an empty list of pods"
)]
#[case(Answer::ok("{}"), FaultKind::Protocol, "missing field `items`")]
#[case(
    Answer::ok(r#"{"kind":"Status","status":"Failure"}"#),
    FaultKind::Protocol,
    "missing field `items`"
)]
#[case(
    Answer::ok(r#"{"items":[{"metadata":{}}]}"#),
    FaultKind::Protocol,
    "missing field `name`"
)]
#[case(
    Answer::ok(r#"{"items":[{"metadata":{"name":"a"}}"#),
    FaultKind::Protocol,
    "EOF while parsing"
)]
#[case(Answer::Cut { stdout: b"{".to_vec() }, FaultKind::Closed, "cut off before its end")]
#[case(Answer::Disconnect, FaultKind::Closed, "")]
#[tokio::test]
async fn what_is_no_list(#[case] answer: Answer, #[case] kind: FaultKind, #[case] seen: &str) {
    let fault = fault_of(answer).await;
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.seen.contains(seen), "{fault}");
}

#[rstest]
#[case(
    "sudo: kubectl: command not found",
    FaultKind::Missing,
    "sudo finds no kubectl on data188"
)]
#[case(
    "sudo: a password is required",
    FaultKind::Denied,
    "sudo on data188 does not run it"
)]
#[tokio::test]
async fn sudo_may_stand_in_the_way(
    #[case] stderr: &'static str,
    #[case] expected: FaultKind,
    #[case] told: &str,
) {
    let stage = stage(move |_| Answer::fails(1, stderr)).await;
    let check: Kubernetes = kind(json!({ "nodes": {}, "sudo": true }));
    let fault = run(&check, &stage.context).await.expect_err("a fault");
    assert_eq!(fault.kind, expected);
    assert!(fault.seen.contains(told), "{fault}");
}

#[tokio::test]
async fn a_hanging_cluster_is_a_timeout() {
    let mut stage = stage(|_| Answer::Hang).await;
    stage.context.target.timeout = std::time::Duration::from_secs(2);
    let check: Kubernetes = kind(json!({ "nodes": {} }));
    let fault = run(&check, &stage.context).await.expect_err("no answer");
    assert_eq!(fault.kind, FaultKind::TimedOut);
}

#[tokio::test]
async fn a_large_list_is_read_whole() {
    let pod = |number: usize| {
        json!({
            "metadata": { "name": format!("api-{number}"), "namespace": "awoooi-prod" },
            "spec": { "filler": "x".repeat(9000) },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
        })
    };
    let items: Vec<Json> = (0..500).map(pod).collect();
    let list = Arc::new(json!({ "items": items }).to_string().into_bytes());
    assert!(list.len() > 4 << 20);
    let stage = stage(move |_| Answer::ok(list.to_vec())).await;
    let facts = seen(&stage, json!({ "pods": {} })).await;
    assert_eq!(fact(&facts, "ready_count"), 500);
}

#[rstest]
#[case(json!({}), "", "it asks for nothing")]
#[case(json!({ "nodes": {}, "pods": {} }), "pods", "this one asks for `nodes`")]
#[case(json!({ "nodes": {}, "program": [] }), "program", "without a program")]
#[case(json!({ "nodes": {}, "program": ["kubectl", "delete"] }), "", "kubectl")]
#[case(json!({ "nodes": {}, "program": ["sh", "-c"] }), "", "runs whatever it is given")]
#[case(json!({ "nodes": {}, "context": "" }), "context", "no name of a context")]
#[case(json!({ "nodes": {}, "kubeconfig": "/tmp/config" }), "", "can name a program to run")]
#[case(json!({ "nodes": {}, "kubeconfig": "/home/wooo/.kube/config", "sudo": true }), "", "run as root")]
#[case(json!({ "nodes": {}, "unverified": true }), "unverified", "does as its kubeconfig says")]
#[case(json!({ "nodes": { "expect": ["mon", "-x"] } }), "nodes.expect.1", "no name that anything")]
#[case(json!({ "pods": { "namespace": "a b" } }), "pods.namespace", "no name of a namespace")]
#[case(json!({ "pods": { "namespace": "awoooi-*" } }), "pods.namespace", "no name of a namespace")]
#[case(json!({ "cron_jobs": { "zone": "Taipei" } }), "cron_jobs.zone", "no time zone `Taipei`")]
#[case(json!({ "pods": { "names": [""] } }), "pods.names.0", "no name that anything")]
#[case(json!({ "workloads": { "may_be_stopped": ["a b"] } }), "workloads.may_be_stopped.0", "no name that anything")]
fn problems(#[case] options: Json, #[case] path: &str, #[case] message: &str) {
    let check: Kubernetes = kind(options);
    let problems = check.problems(&target(host(22)), &Policy::default());
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert_eq!(problem.path.join("."), path);
    assert!(problem.message.contains(message), "{problem:?}");
}

#[rstest]
#[case(json!({ "nodes": {} }))]
#[case(json!({ "nodes": { "expect": ["mon", "192.168.0.121"] }, "program": ["k3s", "kubectl"], "sudo": true }))]
#[case(json!({ "pods": { "namespace": "awoooi-prod", "selector": "app=api", "names": ["api-*"] } }))]
#[case(json!({ "nodes": {}, "kubeconfig": "/home/wooo/.kube/config" }))]
#[case(json!({ "nodes": {}, "kubeconfig": "/root/.kube/config", "sudo": true }))]
#[case(json!({ "workloads": { "kinds": ["deployments"] } }))]
#[case(json!({ "cron_jobs": { "namespace": "dbaas", "names": ["postgresql-backup"] } }))]
#[case(json!({ "cron_jobs": { "zone": "Asia/Taipei", "grace": "3h" } }))]
#[case(json!({ "jobs": {} }))]
#[case(json!({ "services": {} }))]
#[case(json!({ "volumes": {} }))]
#[case(json!({ "events": { "since": "15m", "reasons": ["Failed*"] } }))]
fn no_problem(#[case] options: Json) {
    let check: Kubernetes = kind(options);
    assert_eq!(check.problems(&target(host(22)), &Policy::default()), []);
}
