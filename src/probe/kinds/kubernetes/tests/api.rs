//! The API itself, from this machine.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::local;
use crate::servers::kubernetes::{Cluster, TOKEN, failure, start};

/// A cluster, a folder with a kubeconfig, and a context without a host.
struct Api {
    cluster: Cluster,
    folder: tempfile::TempDir,
    context: Context,
}

fn folder_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded/kubernetes")
        .join(name)
}

async fn api(
    name: &str,
    instead: impl Fn(&str) -> Option<(u16, String)> + Send + Sync + 'static,
) -> Api {
    let cluster = start(folder_of(name), instead).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("client.key"), &cluster.key).expect("a key");
    let pack = |text: &str| STANDARD.encode(text);
    let port = cluster.server.address.port();
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: token\n\
         clusters:\n\
         - name: ours\n  cluster:\n    server: https://127.0.0.1:{port}\n    certificate-authority-data: {ca}\n\
         - name: untrusted\n  cluster: {{ server: \"https://127.0.0.1:{port}\" }}\n\
         - name: unverified\n  cluster: {{ server: \"https://127.0.0.1:{port}\", insecure-skip-tls-verify: true }}\n\
         - name: named\n  cluster: {{ server: \"https://127.0.0.1:{port}\", tls-server-name: other, certificate-authority-data: {ca} }}\n\
         - name: proxied\n  cluster: {{ server: \"https://127.0.0.1:{port}\", proxy-url: \"http://127.0.0.1:1\" }}\n\
         - name: plain\n  cluster: {{ server: \"http://127.0.0.1:{port}\" }}\n\
         users:\n\
         - {{ name: token, user: {{ token: {TOKEN} }} }}\n\
         - {{ name: certificate, user: {{ client-certificate-data: {certificate}, client-key: client.key }} }}\n\
         - {{ name: half, user: {{ client-certificate-data: {certificate} }} }}\n\
         - {{ name: nobody, user: {{}} }}\n\
         - {{ name: plugin, user: {{ exec: {{ apiVersion: client.authentication.k8s.io/v1, command: aws, args: [eks] }} }} }}\n\
         - {{ name: password, user: {{ username: admin, password: hunter22 }} }}\n\
         - {{ name: other, user: {{ token: {TOKEN}, as: root }} }}\n\
         - {{ name: garbage, user: {{ client-certificate-data: {certificate}, client-key-data: aGVsbG8= }} }}\n\
         contexts:\n{contexts}",
        ca = pack(&cluster.authority),
        certificate = pack(&cluster.certificate),
        contexts = [
            ("token", "ours", "token"),
            ("certificate", "ours", "certificate"),
            ("nobody", "ours", "nobody"),
            ("untrusted", "untrusted", "token"),
            ("unverified", "unverified", "token"),
            ("unverified-certificate", "unverified", "certificate"),
            ("named", "named", "token"),
            ("proxied", "proxied", "token"),
            ("plain", "plain", "token"),
            ("half", "ours", "half"),
            ("plugin", "ours", "plugin"),
            ("password", "ours", "password"),
            ("other", "ours", "other"),
            ("garbage", "ours", "garbage"),
            ("lost", "nowhere", "token"),
        ]
        .map(|(name, cluster, user)| {
            format!("- {{ name: {name}, context: {{ cluster: {cluster}, user: {user} }} }}\n")
        })
        .concat(),
    );
    std::fs::write(folder.path().join("config"), text).expect("a kubeconfig");
    let mut context = local();
    context.target.host = None;
    Api {
        cluster,
        folder,
        context,
    }
}

impl Api {
    fn check(&self, mut options: Json, chosen: &str) -> Kubernetes {
        options["kubeconfig"] = json!(self.folder.path().join("config"));
        options["context"] = json!(chosen);
        let check: Kubernetes = kind(options);
        let problems = check.problems(&self.context.target, &Policy::default());
        assert_eq!(problems, []);
        check
    }

    async fn seen(&self, options: Json, chosen: &str) -> Result<Facts, Fault> {
        run(&self.check(options, chosen), &self.context).await
    }

    fn asked(&self) -> Vec<String> {
        let received = self.cluster.server.received.lock().expect("the lock");
        let text = String::from_utf8_lossy(&received);
        let lines = text
            .lines()
            .filter_map(|line| line.strip_suffix(" HTTP/1.1"));
        lines.map(str::to_owned).collect()
    }
}

#[rstest]
#[case("token")]
#[case("certificate")]
#[case("unverified-certificate")]
#[tokio::test]
async fn lets_in_who_shows_a_token_or_a_certificate(#[case] chosen: &str) {
    let api = api("well-1.33", |_| None).await;
    let facts = api
        .seen(json!({ "nodes": { "expect": ["mon"] } }), chosen)
        .await;
    let facts = facts.expect("facts");
    assert_eq!(fact(&facts, "ready_count"), 2);
    assert_eq!(fact(&facts, "verified"), !chosen.starts_with("unverified"));
    assert_eq!(fact(&facts, "stale"), json!([]));
    assert_eq!(api.asked(), ["GET /api/v1/nodes"]);
    let preferred = api.check(json!({ "nodes": {} }), chosen).defaults().prefer;
    assert!(preferred.contains(&"!has(verified) || verified".to_owned()));
}

/// Whoever answers at that address would have it.
#[tokio::test]
async fn a_token_goes_to_no_server_that_is_not_verified_unless_told() {
    let api = api("well-1.33", |_| None).await;
    let fault = api.seen(json!({ "nodes": {} }), "unverified").await;
    let fault = fault.expect_err("refused");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
    assert!(fault.seen.contains("insecure-skip-tls-verify"), "{fault}");
    assert!(fault.hint.expect("a hint").contains("`unverified: true`"));
    assert!(api.asked().is_empty(), "nothing was sent");

    let options = json!({ "nodes": {}, "unverified": true });
    let facts = api.seen(options, "unverified").await.expect("facts");
    assert_eq!(fact(&facts, "ready_count"), 2);
    assert_eq!(fact(&facts, "verified"), false);
}

/// The operator's clock is of another day; the API server tells its own.
#[tokio::test]
async fn heartbeats_are_held_against_the_clock_of_the_server() {
    let mut api = api("well-1.33", |_| None).await;
    let transports = Arc::get_mut(&mut api.context.transports).expect("nobody else has them");
    transports.clock = Some(|| jiff::Timestamp::from_second(NOW + 86_400).expect("a time"));
    let facts = api.seen(json!({ "nodes": {} }), "token").await;
    assert_eq!(fact(&facts.expect("facts"), "stale"), json!([]));
}

#[tokio::test]
async fn one_get_serves_all_checks_and_the_plan_tells_it() {
    let api = api("trouble-1.33", |_| None).await;
    for asked in [
        json!({}),
        json!({ "namespace": "awoooi-prod" }),
        json!({ "selector": "app=api" }),
    ] {
        api.seen(json!({ "pods": asked }), "token")
            .await
            .expect("facts");
    }
    for asked in [
        "workloads",
        "cron_jobs",
        "jobs",
        "services",
        "volumes",
        "events",
        "nodes",
    ] {
        api.seen(json!({ asked: {} }), "token").await.expect(asked);
    }
    let mut lines = api.asked();
    lines.sort();
    assert_eq!(
        lines,
        [
            "GET /api/v1/events",
            "GET /api/v1/nodes",
            "GET /api/v1/persistentvolumeclaims",
            "GET /api/v1/persistentvolumes",
            "GET /api/v1/pods",
            "GET /api/v1/services",
            "GET /apis/apps/v1/daemonsets",
            "GET /apis/apps/v1/deployments",
            "GET /apis/apps/v1/statefulsets",
            "GET /apis/batch/v1/cronjobs",
            "GET /apis/batch/v1/jobs",
            "GET /apis/discovery.k8s.io/v1/endpointslices",
        ]
    );
    let check = api.check(json!({ "nodes": {} }), "token");
    let told = check.requests(&api.context.target, &Policy::default());
    let address = api.cluster.server.address;
    assert_eq!(
        told.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(),
        [
            format!("connect {address}"),
            format!(
                "GET https://{address}/api/v1/nodes [accept: application/json; authorization: ***]"
            ),
        ]
    );
}

/// By the server's clock; and it is asked once more, for the list may be another check's.
#[tokio::test]
async fn pods_whose_node_is_lost() {
    let api = api("well-1.33", |path| {
        let nodes = recorded("trouble-1.33", "nodes").expect("a list");
        (path == "/api/v1/nodes").then(|| (200, String::from_utf8(nodes).expect("text")))
    })
    .await;
    let facts = api.seen(json!({ "pods": {} }), "token").await;
    let facts = facts.expect("facts");
    let lost = fact(&facts, "on_lost_nodes");
    let lost = lost.as_array().expect("a list");
    assert_eq!(lost.len(), 1, "{lost:?}");
    let told = lost[0].as_str().expect("a text");
    assert!(
        told.ends_with(": on mon1: NotReady: NodeStatusUnknown"),
        "{told}"
    );
    let mut lines = api.asked();
    lines.sort();
    let nodes = "GET /api/v1/nodes";
    assert_eq!(lines, [nodes, nodes, "GET /api/v1/pods"]);
}

#[tokio::test]
async fn an_old_cluster_has_older_versions() {
    let api = api("well-1.20", |_| None).await;
    let options = json!({ "cron_jobs": { "names": ["postgresql-backup"] } });
    let facts = api.seen(options, "token").await.expect("facts");
    assert_eq!(fact(&facts, "last_success"), "2026-06-05T00:03:12Z");
    let facts = api
        .seen(json!({ "services": {} }), "token")
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "without_endpoints"), json!([]));
    assert!(
        api.asked()
            .contains(&"GET /apis/batch/v1beta1/cronjobs".to_owned())
    );
    assert!(api.asked().contains(&"GET /api/v1/endpoints".to_owned()));
}

#[tokio::test]
async fn the_namespace_where_the_whole_is_denied() {
    let api = api("well-1.33", |path| {
        (!path.contains("/namespaces/awoooi-prod/")).then(|| {
            failure(
                403,
                "Forbidden",
                "pods is forbidden: User \"viewer\" cannot list",
            )
        })
    })
    .await;
    let facts = api
        .seen(json!({ "pods": { "namespace": "awoooi-prod" } }), "token")
        .await;
    let facts = facts.expect("facts");
    assert_eq!(fact(&facts, "ready_count"), 2);
    assert_eq!(fact(&facts, "nodes_seen"), false);
    assert_eq!(fact(&facts, "on_lost_nodes"), Json::Null);
    for options in [
        json!({ "pods": {} }),
        json!({ "pods": { "namespace": "dbaas" } }),
    ] {
        let fault = api.seen(options, "token").await.expect_err("denied");
        assert_eq!(fault.kind, FaultKind::Denied);
        assert!(
            fault.seen.contains("answers 403: pods is forbidden"),
            "{fault}"
        );
    }
}

#[rstest]
#[case("nope", false, json!(["namespace `nope` does not exist; there are: awoooi-prod, dbaas, default, kube-system, vaultwarden"]))]
#[case("nope", true, json!(["namespace `nope` does not exist"]))]
#[case("default", true, json!([]))]
#[tokio::test]
async fn a_namespace_with_nothing_in_it(
    #[case] namespace: &str,
    #[case] denied: bool,
    #[case] expected: Json,
) {
    let api = api("well-1.33", move |path| {
        (denied && path.ends_with("/namespaces")).then(|| failure(403, "Forbidden", "no"))
    })
    .await;
    let options = json!({ "jobs": { "namespace": namespace } });
    let facts = api.seen(options, "token").await.expect("facts");
    assert_eq!(fact(&facts, "missing_namespace"), expected);
    let mut expected = vec![
        "GET /apis/batch/v1/jobs".to_owned(),
        "GET /api/v1/namespaces".to_owned(),
    ];
    expected.extend(denied.then(|| format!("GET /api/v1/namespaces/{namespace}")));
    assert_eq!(api.asked(), expected);
}

#[rstest]
#[case("nobody", FaultKind::Denied, "answers 401: Unauthorized")]
#[case("untrusted", FaultKind::HostKey, "")]
#[case("named", FaultKind::HostKey, "other")]
#[case("proxied", FaultKind::LocalSetup, "leads through a proxy")]
#[case("plain", FaultKind::LocalSetup, "for everyone to read")]
#[case("half", FaultKind::LocalSetup, "a certificate without its key")]
#[case(
    "plugin",
    FaultKind::LocalSetup,
    "has a program run for its login, \"aws\""
)]
#[case("password", FaultKind::LocalSetup, "has a password")]
#[case("other", FaultKind::LocalSetup, "plays somebody else")]
#[case("garbage", FaultKind::LocalSetup, "holds no PEM private key")]
#[case("lost", FaultKind::LocalSetup, "has no cluster \"nowhere\"")]
#[case("none", FaultKind::LocalSetup, "has no context \"none\"")]
#[tokio::test]
async fn contexts_that_do_not_do(
    #[case] chosen: &str,
    #[case] expected: FaultKind,
    #[case] seen: &str,
) {
    let api = api("well-1.33", |_| None).await;
    let fault = api
        .seen(json!({ "nodes": {} }), chosen)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, expected, "{fault}");
    assert!(fault.seen.contains(seen), "{fault}");
    for secret in [TOKEN, "hunter22", "aGVsbG8"] {
        assert!(!format!("{fault:?}").contains(secret), "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_no_list() {
    for (status, body, seen) in [
        (200, "{", "answered no list of nodes: EOF"),
        (200, "", "nothing, not even an empty list"),
        (503, "no", "answers 503"),
        (404, "404 page not found", "has no nodes"),
    ] {
        let api = api("well-1.33", move |_| Some((status, body.to_owned()))).await;
        let fault = api
            .seen(json!({ "nodes": {} }), "token")
            .await
            .expect_err("a fault");
        assert!(fault.seen.contains(seen), "{fault}");
    }
    let echo = failure(500, "InternalError", &format!("no such token {TOKEN}"));
    let api = api("well-1.33", move |_| Some(echo.clone())).await;
    let fault = api
        .seen(json!({ "nodes": {} }), "token")
        .await
        .expect_err("a fault");
    assert!(
        fault.seen.ends_with("answers 500: no such token ***"),
        "{fault}"
    );
}

#[rstest]
#[case("", "it holds nothing")]
#[case("a: [", "it is not YAML, see line 1")]
#[case("a: &x 1\nb: *x", "it holds an alias")]
#[case("{}", "has no current context")]
#[case("contexts: secret-word", "`contexts` is not what it should be")]
#[case(
    "current-context: x\ncontexts: [{ name: x, context: { cluster: c } }]\nclusters: [{ name: c, cluster: { server: 'ftp://a' } }]",
    "no plain address with https"
)]
#[tokio::test]
async fn files_that_are_no_kubeconfig(#[case] text: &str, #[case] seen: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config");
    let mut context = local();
    context.target.host = None;
    let check: Kubernetes = kind(json!({ "nodes": {}, "kubeconfig": path }));
    let fault = run(&check, &context).await.expect_err("no file");
    assert!(fault.seen.contains("cannot be read"), "{fault}");
    std::fs::write(&path, text).expect("a file");
    context.attempt = 2;
    let fault = run(&check, &context).await.expect_err("no kubeconfig");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
    assert!(fault.seen.contains(seen), "{fault}");
    assert!(!fault.seen.contains("secret-word"), "{fault}");
}

#[rstest]
#[case(json!({ "nodes": {} }), "", "no host, and no `kubeconfig`")]
#[case(json!({ "nodes": {}, "kubeconfig": "config" }), "kubeconfig", "where coldstart is started")]
#[case(json!({ "nodes": {}, "kubeconfig": "/c", "sudo": true }), "sudo", "no program is run")]
#[case(json!({ "nodes": {}, "kubeconfig": "/c", "program": ["k3s", "kubectl"] }), "program", "no program is run")]
fn problems_without_a_host(#[case] options: Json, #[case] path: &str, #[case] message: &str) {
    let mut target = target(host(22));
    target.host = None;
    let check: Kubernetes = kind(options);
    let problems = check.problems(&target, &Policy::default());
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert_eq!(problem.path.join("."), path);
    assert!(problem.message.contains(message), "{problem:?}");
}
