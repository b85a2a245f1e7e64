//! A namespace that is mistyped, and names that nothing has.

use serde_json::json;

use super::*;

const SUBJECTS: [&str; 7] = [
    "pods",
    "workloads",
    "cron_jobs",
    "jobs",
    "services",
    "volumes",
    "events",
];

const REQUIRED: &str = "size(missing_namespace) == 0";

fn forbidden(resource: &str) -> Answer {
    Answer::fails(
        1,
        format!(
            "Error from server (Forbidden): {resource} is forbidden: User \"viewer\" cannot list\n"
        ),
    )
}

fn names(facts: &Facts) -> Vec<&str> {
    facts.iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn one_that_does_not_exist_is_no_pass() {
    let stage = cluster("well-1.33").await;
    for subject in SUBJECTS {
        let options = json!({ subject: { "namespace": "awoooi-prd" } });
        let required = kind::<Kubernetes>(options.clone()).defaults().require;
        assert_eq!(required.first().map(String::as_str), Some(REQUIRED));
        let facts = seen(&stage, options).await;
        assert_eq!(
            fact(&facts, "missing_namespace"),
            json!([
                "namespace `awoooi-prd` does not exist; there are: awoooi-prod, dbaas, default, \
                 kube-system, vaultwarden"
            ]),
            "{subject}"
        );
        // An expectation of its own that holds of an empty list must not hold, either.
        assert_eq!(names(&facts), ["missing_namespace"], "{subject}");
        let everywhere = kind::<Kubernetes>(json!({ subject: {} })).defaults();
        assert!(!everywhere.require.contains(&REQUIRED.to_owned()));
    }
    let lines = sent(&stage);
    let asked = lines.iter().filter(|line| line.contains(" namespaces "));
    assert_eq!(asked.count(), 1, "{lines:?}");
}

#[tokio::test]
async fn one_with_something_in_it_is_not_asked_for() {
    let stage = cluster("well-1.33").await;
    for options in [
        json!({ "jobs": { "namespace": "dbaas" } }),
        // What is in it need not be what is asked for.
        json!({ "jobs": { "namespace": "dbaas", "selector": "app=none" } }),
        json!({ "workloads": { "namespace": "dbaas" } }),
    ] {
        let facts = seen(&stage, options).await;
        assert_eq!(fact(&facts, "missing_namespace"), json!([]));
    }
    let lines = sent(&stage);
    assert!(!lines.iter().any(|line| line.contains("namespaces")));
}

#[tokio::test]
async fn an_empty_one_is_there() {
    for subject in ["jobs", "events"] {
        let options = json!({ subject: { "namespace": "default" } });
        let facts = facts_of("well-1.33", options).await;
        assert_eq!(fact(&facts, "missing_namespace"), json!([]), "{subject}");
        assert_eq!(fact(&facts, "count"), 0);
    }
}

/// Who may not list the namespaces may perhaps ask for one of them.
#[rstest]
#[case("default", Answer::ok(r#"{"metadata":{"name":"default"}}"#), json!([]))]
#[case(
    "nope",
    Answer::fails(1, "Error from server (NotFound): namespaces \"nope\" not found\n"),
    json!(["namespace `nope` does not exist"])
)]
#[case("nope", forbidden("namespaces"), Json::Null)]
#[tokio::test]
async fn where_namespaces_may_not_be_listed(
    #[case] namespace: &'static str,
    #[case] alone: Answer,
    #[case] expected: Json,
) {
    let stage = stage(move |command| {
        if command.contains("get namespaces -o") {
            forbidden("namespaces")
        } else if command.contains("get namespaces ") {
            alone.clone()
        } else {
            kubectl_get("well-1.33", command)
        }
    })
    .await;
    let options = json!({ "jobs": { "namespace": namespace } });
    let facts = seen(&stage, options).await;
    assert_eq!(fact(&facts, "missing_namespace"), expected);
    // What is empty is only believed where it could be otherwise.
    assert_eq!(facts.get("failed").is_some(), expected == json!([]));
    let alone = format!("kubectl get namespaces {namespace} -o json --cache-dir /dev/null");
    assert_eq!(
        sent(&stage),
        [
            "kubectl get jobs -A -o json --cache-dir /dev/null",
            "kubectl get namespaces -o json --cache-dir /dev/null",
            &alone,
        ]
    );
}

/// The role binding that allows it is in that namespace.
#[tokio::test]
async fn a_login_for_the_jobs_of_one_namespace_shows_it() {
    let stage = stage(|command| {
        if command.contains(" -n dbaas ") {
            Answer::ok(r#"{"items":[]}"#)
        } else {
            forbidden("jobs")
        }
    })
    .await;
    let facts = seen(&stage, json!({ "jobs": { "namespace": "dbaas" } })).await;
    assert_eq!(fact(&facts, "missing_namespace"), json!([]));
    let other = kind::<Kubernetes>(json!({ "jobs": { "namespace": "nope" } }));
    let fault = run(&other, &stage.context).await.expect_err("denied");
    assert_eq!(fault.kind, FaultKind::Denied);
}

#[tokio::test]
async fn what_serves_no_namespaces_does_not_tell() {
    let stage = stage(|command| {
        if command.contains("get namespaces") {
            Answer::fails(
                1,
                "error: the server doesn't have a resource type \"namespaces\"\n",
            )
        } else {
            kubectl_get("well-1.33", command)
        }
    })
    .await;
    for subject in SUBJECTS {
        let facts = seen(&stage, json!({ subject: { "namespace": "nope" } })).await;
        assert_eq!(names(&facts), [""; 0], "{subject}");
    }
}

#[tokio::test]
async fn a_name_that_nothing_has_is_no_pass() {
    let stage = cluster("well-1.33").await;
    for (subject, there) in [
        ("pods", "api-*"),
        ("workloads", "api"),
        ("cron_jobs", "backup"),
        ("jobs", "*"),
        ("services", "api"),
        ("volumes", "*"),
    ] {
        let options = json!({ subject: { "names": ["nope", there] } });
        let required = kind::<Kubernetes>(options.clone()).defaults().require;
        assert!(required.contains(&"size(missing) == 0".to_owned()));
        let facts = seen(&stage, options).await;
        assert_eq!(fact(&facts, "missing"), json!(["nope"]), "{subject}");
    }
}
