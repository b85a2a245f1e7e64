//! What the lists tell beside nodes and pods, from recorded ones.

use serde_json::json;

use super::*;

fn told(facts: &Facts) -> Json {
    serde_json::to_value(facts).expect("JSON")
}

#[rstest]
#[case("well-1.33", 4)]
#[case("well-1.20", 3)]
#[tokio::test]
async fn workloads_that_are_well(#[case] name: &'static str, #[case] wanted: usize) {
    let facts = facts_of(name, json!({ "workloads": {} })).await;
    assert_eq!(fact(&facts, "unavailable"), json!([]));
    assert_eq!(fact(&facts, "outdated"), json!([]));
    let available = fact(&facts, "available");
    assert_eq!(available["statefulset/dbaas/postgresql"], 1, "{available}");
    assert_eq!(available["daemonset/kube-system/svclb-traefik"], 2);
    assert_eq!(available["deployment/awoooi-prod/api"], 1);
    assert!(fact(&facts, "wanted").as_object().expect("a map").len() >= wanted);
}

#[tokio::test]
async fn workloads_in_trouble() {
    let options =
        json!({ "workloads": { "namespace": "awoooi-prod", "names": ["api", "w*", "db"] } });
    let facts = facts_of("trouble-1.33", options).await;
    assert_eq!(
        told(&facts),
        json!({
            "available": { "deployment/api": 0, "deployment/web": 1 },
            "count": 3,
            "missing": ["db"],
            "missing_namespace": [],
            "outdated": [],
            "stopped": [],
            "unavailable": [
                "deployment api: 0 of 2 available",
                "deployment web: 1 of 2 available",
                "deployment worker: its controller has not seen it yet: ProgressDeadlineExceeded: \
                 ReplicaSet \"worker-6c8\" has timed out progressing.",
            ],
            "wanted": { "deployment/api": 2, "deployment/web": 2 },
            "without_nodes": [],
        })
    );
    let facts = facts_of(
        "trouble-1.33",
        json!({ "workloads": { "kinds": ["daemon_sets", "stateful_sets"] } }),
    )
    .await;
    assert_eq!(
        fact(&facts, "unavailable"),
        json!([
            "statefulset awoooi-prod/cache: 0 of 1 available",
            "daemonset kube-system/svclb-traefik: 1 of 2 available",
        ])
    );
}

#[tokio::test]
async fn a_deployment_that_is_stopped_and_one_half_rolled_out() {
    let list = json!({ "items": [
        { "metadata": { "name": "paused", "generation": 2 }, "spec": { "replicas": 0 },
          "status": { "observedGeneration": 2 } },
        { "metadata": { "name": "new", "generation": 3 }, "spec": {},
          "status": { "observedGeneration": 3, "availableReplicas": 1,
            "conditions": [{ "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota" }] } },
        { "metadata": { "name": "bare", "generation": 1 }, "spec": {}, "status": {} },
    ] });
    let stage = stage(move |_| Answer::ok(list.to_string())).await;
    let facts = seen(&stage, json!({ "workloads": { "kinds": ["deployments"] } })).await;
    assert_eq!(fact(&facts, "stopped"), json!(["deployment paused"]));
    assert_eq!(
        fact(&facts, "outdated"),
        json!(["deployment new: 0 of 1 updated: FailedCreate: quota"])
    );
    assert_eq!(
        fact(&facts, "unavailable"),
        json!(["deployment bare: its controller has not seen it yet"])
    );
}

#[rstest]
#[case(json!({ "kinds": ["deployments"] }), json!(["deployment awoooi-prod/paused"]))]
#[case(json!({ "may_be_stopped": ["pau*"] }), json!([]))]
#[case(json!({ "may_be_stopped": ["api"] }), json!(["deployment awoooi-prod/paused"]))]
#[tokio::test]
async fn scaled_to_zero_on_purpose_or_not(#[case] options: Json, #[case] stopped: Json) {
    let options = json!({ "workloads": options });
    let required = kind::<Kubernetes>(options.clone()).defaults().require;
    assert!(required.contains(&"size(stopped) == 0".to_owned()));
    let facts = facts_of("well-1.33", options).await;
    assert_eq!(fact(&facts, "stopped"), stopped);
}

#[tokio::test]
async fn a_daemon_set_that_no_node_is_for() {
    let list = json!({ "items": [
        { "metadata": { "name": "windows", "namespace": "a", "generation": 1 },
          "status": { "observedGeneration": 1, "desiredNumberScheduled": 0 } },
    ] });
    let stage = stage(move |_| Answer::ok(list.to_string())).await;
    let required = "size(without_nodes) == 0".to_owned();
    for (asked, is_required) in [
        (json!({ "kinds": ["daemon_sets"] }), false),
        (json!({ "kinds": ["daemon_sets"], "names": ["win*"] }), true),
    ] {
        let options = json!({ "workloads": asked });
        let check: Kubernetes = kind(options.clone());
        assert_eq!(check.defaults().require.contains(&required), is_required);
        let facts = seen(&stage, options).await;
        assert_eq!(fact(&facts, "stopped"), json!([]));
        assert_eq!(
            fact(&facts, "without_nodes"),
            json!(["daemonset a/windows"])
        );
    }
}

#[tokio::test]
async fn cron_jobs_that_are_well() {
    let facts = facts_of(
        "well-1.33",
        json!({ "cron_jobs": { "namespace": "dbaas" } }),
    )
    .await;
    assert_eq!(
        told(&facts),
        json!({
            "active_count": 0,
            "count": 2,
            "host_now": "2026-06-05T10:55:04Z",
            "last_schedule": "2026-06-05T00:00:00Z",
            "last_schedules": { "mysql-backup": "2026-06-05T00:30:00Z", "postgresql-backup": "2026-06-05T00:00:00Z" },
            "last_success": "2026-06-05T00:03:12Z",
            "last_successes": { "mysql-backup": "2026-06-05T00:31:50Z", "postgresql-backup": "2026-06-05T00:03:12Z" },
            "missing": [],
            "missing_namespace": [],
            "not_due_yet": [],
            "schedules": { "mysql-backup": "30 0 * * *", "postgresql-backup": "0 0 * * *" },
            "suspended": [],
            "time_zones": { "postgresql-backup": "Etc/UTC" },
            "without_success": [],
        })
    );
}

/// Before 1.21 a cron job tells no last success: its jobs do.
#[tokio::test]
async fn an_old_cluster_is_asked_for_the_jobs_as_well() {
    let stage = cluster("well-1.20").await;
    let options = json!({ "cron_jobs": { "names": ["postgresql-backup"] } });
    let facts = seen(&stage, options.clone()).await;
    assert_eq!(fact(&facts, "last_success"), "2026-06-05T00:03:12Z");
    seen(&stage, json!({ "jobs": {} })).await;
    seen(&stage, options).await;
    assert_eq!(
        sent(&stage),
        [
            "kubectl get cronjobs -A -o json --cache-dir /dev/null",
            "date '+%s %z'",
            "kubectl get jobs -A -o json --cache-dir /dev/null"
        ]
    );
    // Made on a Monday, and due on Sundays.
    let facts = seen(&stage, json!({ "cron_jobs": { "zone": "UTC" } })).await;
    assert_eq!(fact(&facts, "without_success"), json!([]));
    assert_eq!(
        fact(&facts, "not_due_yet"),
        json!([
            "dbaas/fresh: made at 2026-06-01T02:00:00Z, first due at 2026-06-07T00:00:00Z, to have \
             ended well by 2026-06-07T01:00:00Z"
        ])
    );
    // It takes nothing from what the others show.
    assert_eq!(fact(&facts, "last_success"), "2026-06-05T00:03:12Z");
    assert_eq!(fact(&facts, "last_schedule"), "2026-06-05T00:00:00Z");
    assert_eq!(fact(&facts, "schedules")["dbaas/fresh"], "0 0 * * 0");
    let alone = seen(&stage, json!({ "cron_jobs": { "names": ["fresh"] } })).await;
    assert_eq!(fact(&alone, "last_success"), Json::Null);
    assert_eq!(fact(&alone, "last_schedule"), Json::Null);
}

/// The example of the kind's page: made at 10:00, due at 02:00, looked at 55 minutes later.
#[rstest]
#[case("0 2 * * *", json!({ "timeZone": "UTC" }), json!({}), false)]
#[case("0 2 * * *", json!({}), json!({ "zone": "Asia/Taipei" }), false)]
#[case("50 10 * * *", json!({ "timeZone": "UTC" }), json!({}), false)]
#[case("50 10 * * *", json!({ "timeZone": "UTC" }), json!({ "grace": "4m" }), true)]
#[case("0 2 * * *", json!({ "timeZone": "UTC", "suspend": true }), json!({}), true)]
#[case("@every 24h", json!({ "timeZone": "UTC" }), json!({}), true)]
#[tokio::test]
async fn a_cron_job_that_was_not_due_yet(
    #[case] schedule: &str,
    #[case] mut spec: Json,
    #[case] asked: Json,
    #[case] owes: bool,
) {
    spec["schedule"] = json!(schedule);
    let list = json!({ "items": [{
        "metadata": { "name": "backup", "namespace": "dbaas", "creationTimestamp": "2026-06-05T10:00:00Z" },
        "spec": spec, "status": {},
    }] });
    let stage = stage(move |command| {
        if command.contains("cronjobs") {
            Answer::ok(list.to_string())
        } else {
            Answer::ok(r#"{"items":[]}"#)
        }
    })
    .await;
    let facts = seen(&stage, json!({ "cron_jobs": asked })).await;
    let lengths = ["without_success", "not_due_yet"]
        .map(|name| fact(&facts, name).as_array().map_or(9, Vec::len));
    assert_eq!(lengths, if owes { [1, 0] } else { [0, 1] }, "{facts:?}");
    assert_eq!(fact(&facts, "last_success"), Json::Null);
    if schedule.starts_with('@') {
        let told = "dbaas/backup: never started since it was made at 2026-06-05T10:00:00Z: \
                    \"@every 24h\" in \"UTC\" does not tell when it is due";
        assert_eq!(fact(&facts, "without_success"), json!([told]));
    }
}

/// One that is made anew before each of its runs is never due, and has no success either.
#[test]
fn a_cron_job_that_is_not_due_yet_warns() {
    let defaults = kind::<Kubernetes>(json!({ "cron_jobs": {} })).defaults();
    assert_eq!(defaults.prefer, ["size(not_due_yet) == 0"]);
}

/// When it was made is told by the cluster's clock, which the host's is nearer to than the
/// operator's.
#[rstest]
#[case::right(0, None)]
#[case::an_operator_who_is_a_day_behind(86_400, Some(""))]
#[case::a_host_that_is_a_day_behind(
    -86_400,
    Some(": that is 1384 min ahead of the clock of data188, so a clock is wrong")
)]
#[tokio::test]
async fn a_cron_job_is_due_by_the_clock_of_the_host(
    #[case] ahead: i64,
    #[case] owes: Option<&str>,
) {
    let made = "2026-06-05T10:00:00Z";
    let list = json!({ "items": [{
        "metadata": { "name": "backup", "namespace": "dbaas", "creationTimestamp": made },
        "spec": { "schedule": "0 2 * * *", "timeZone": "UTC" }, "status": {},
    }] });
    let stage = stage(move |command| {
        if command.contains("cronjobs") {
            Answer::ok(list.to_string())
        } else if command.contains("date ") {
            Answer::ok(format!("{} +0000\n", NOW + ahead))
        } else {
            Answer::ok(r#"{"items":[]}"#)
        }
    })
    .await;
    let facts = seen(&stage, json!({ "cron_jobs": {} })).await;
    let told =
        owes.map(|why| format!("dbaas/backup: never started since it was made at {made}{why}"));
    let told: Vec<String> = told.into_iter().collect();
    assert_eq!(fact(&facts, "without_success"), json!(told));
    let not_due = fact(&facts, "not_due_yet");
    assert_eq!(not_due == json!([]), owes.is_some(), "{not_due}");
}

#[test]
fn the_plan_tells_that_the_clock_is_asked_for_cron_jobs() {
    let told = requests(json!({ "cron_jobs": { "namespace": "dbaas" } }));
    let lines: Vec<&str> = told
        .iter()
        .filter_map(|line| line.rsplit("timeout -k 1 10 ").next())
        .collect();
    let denied = "(only where the list of all namespaces is denied)";
    assert_eq!(
        lines[..4],
        [
            "kubectl get cronjobs -A -o json --cache-dir /dev/null".to_owned(),
            "date '+%s %z'".to_owned(),
            format!("kubectl get cronjobs -n dbaas -o json --cache-dir /dev/null {denied}"),
            format!("date '+%s %z' {denied}"),
        ]
    );
}

/// Labels that no job has may be mistyped; no job at all is fine.
#[rstest]
#[case(json!({}), false)]
#[case(json!({ "namespace": "dbaas" }), false)]
#[case(json!({ "selector": "app=apii" }), true)]
#[case(json!({ "names": ["backup-*"] }), false)]
fn a_selector_that_no_job_fits_warns(#[case] asked: Json, #[case] warns: bool) {
    let defaults = kind::<Kubernetes>(json!({ "jobs": asked })).defaults();
    assert_eq!(defaults.prefer.contains(&"count > 0".to_owned()), warns);
    assert!(!defaults.require.contains(&"count > 0".to_owned()));
}

#[tokio::test]
async fn events_tell_names_of_which_there_are_none() {
    let objects = json!(["web-*", "apii-*"]);
    let options = json!({ "events": { "namespace": "awoooi-prod", "objects": objects, "reasons": ["Nope"] } });
    let facts = facts_of("trouble-1.33", options.clone()).await;
    assert_eq!(fact(&facts, "count"), 0);
    // There are some of `web-*`, of other reasons.
    assert_eq!(fact(&facts, "missing"), json!(["apii-*"]));
    let defaults = kind::<Kubernetes>(options).defaults();
    assert_eq!(
        defaults.prefer,
        ["warning_count == 0"],
        "no event is what is hoped for"
    );
}

#[tokio::test]
async fn cron_jobs_in_trouble() {
    let facts = facts_of("trouble-1.33", json!({ "cron_jobs": {} })).await;
    assert_eq!(fact(&facts, "suspended"), json!(["dbaas/mysql-backup"]));
    assert_eq!(
        fact(&facts, "without_success"),
        json!([
            "dbaas/mysql-backup: never started since it was made at 2026-06-01T02:00:00Z",
            "awoooi-prod/backup: last started at 2026-06-05T02:00:00Z",
        ])
    );
    assert_eq!(fact(&facts, "active_count"), 1);
    assert_eq!(
        fact(&facts, "last_successes"),
        json!({ "dbaas/postgresql-backup": "2026-05-29T00:03:12Z" })
    );
}

#[tokio::test]
async fn jobs_that_failed_and_those_made_up_for() {
    let facts = facts_of("trouble-1.33", json!({ "jobs": { "namespace": "dbaas" } })).await;
    let backup = "postgresql-backup-29677680: BackoffLimitExceeded: Job has reached the specified backoff limit";
    assert_eq!(
        told(&facts),
        json!({
            "active_count": 0,
            "count": 3,
            "failed": [
                backup,
                "sync-1: DeadlineExceeded: Job was active longer than specified deadline",
            ],
            "failed_count": 2,
            "missing": [],
            "missing_namespace": [],
            "succeeded_count": 1,
            "unresolved": [backup],
        })
    );
    let all = facts_of("trouble-1.33", json!({ "jobs": {} })).await;
    assert_eq!(fact(&all, "active_count"), 1);
    let unresolved = fact(&all, "unresolved");
    assert!(
        unresolved[1]
            .as_str()
            .expect("a text")
            .starts_with("awoooi-prod/by-hand: ")
    );
    for name in ["well-1.33", "well-1.20"] {
        let facts = facts_of(name, json!({ "jobs": {} })).await;
        assert_eq!(fact(&facts, "succeeded_count"), 2, "{name}");
        assert_eq!(fact(&facts, "failed"), json!([]), "{name}");
    }
}

#[tokio::test]
async fn services_by_slices_and_by_endpoints() {
    for name in ["well-1.33", "well-1.20"] {
        let stage = cluster(name).await;
        let options =
            json!({ "services": { "namespace": "awoooi-prod", "names": ["api", "web"] } });
        let facts = seen(&stage, options).await;
        assert_eq!(
            told(&facts),
            json!({
                "count": 2,
                "endpoints": { "api": 1, "web": 1 },
                "missing": [],
                "missing_namespace": [],
                "without_endpoints": [],
            }),
            "{name}"
        );
        let mut lines = sent(&stage);
        lines.sort();
        let old = lines[0] == "kubectl get endpoints -A -o json --cache-dir /dev/null";
        assert_eq!(
            (old, lines.len()),
            (name == "well-1.20", if old { 3 } else { 2 })
        );
    }
    let all = facts_of("well-1.33", json!({ "services": {} })).await;
    assert_eq!(fact(&all, "count"), 4);
    // The one that only names another host has nothing behind it.
    assert_eq!(fact(&all, "without_endpoints"), json!([]));
    let trouble = facts_of("trouble-1.33", json!({ "services": {} })).await;
    assert_eq!(
        fact(&trouble, "without_endpoints"),
        json!(["awoooi-prod/api", "awoooi-prod/web"])
    );
}

#[tokio::test]
async fn slices_that_are_denied_leave_the_endpoints() {
    let stage = stage(|command| {
        if command.contains("endpointslices") {
            Answer::fails(
                1,
                "Error from server (Forbidden): endpointslices.discovery.k8s.io is forbidden",
            )
        } else {
            kubectl_get("trouble-1.33", command)
        }
    })
    .await;
    let facts = seen(
        &stage,
        json!({ "services": { "namespace": "awoooi-prod" } }),
    )
    .await;
    assert_eq!(fact(&facts, "endpoints"), json!({ "api": 0, "web": 0 }));
}

#[tokio::test]
async fn volumes_and_claims() {
    let well = facts_of("well-1.33", json!({ "volumes": {} })).await;
    assert_eq!(
        told(&well),
        json!({
            "count": 2,
            "failed": [],
            "missing": [],
            "released": [],
            "unbound": [],
            "volume_count": 3,
        })
    );
    let trouble = facts_of("trouble-1.33", json!({ "volumes": {} })).await;
    assert_eq!(
        told(&trouble),
        json!({
            "count": 2,
            "failed": ["pvc-9: of awoooi-prod/gone: DeleteFailed: volume is still attached to node mon1"],
            "missing": [],
            "released": ["pvc-1: of dbaas/data-postgresql-0"],
            "unbound": ["dbaas/data-postgresql-0: Lost", "awoooi-prod/uploads: Pending"],
            "volume_count": 2,
        })
    );
    let part = facts_of(
        "trouble-1.33",
        json!({ "volumes": { "namespace": "awoooi-prod", "names": ["uploads", "data"] } }),
    )
    .await;
    assert_eq!(fact(&part, "unbound"), json!(["uploads: Pending"]));
    assert_eq!(fact(&part, "missing"), json!(["data"]));
    assert_eq!(fact(&part, "volume_count"), 0);
}

#[tokio::test]
async fn claims_are_told_where_volumes_are_denied() {
    let stage = stage(|command| {
        if command.contains("persistentvolumes ") {
            Answer::fails(
                1,
                "Error from server (Forbidden): persistentvolumes is forbidden",
            )
        } else {
            kubectl_get("well-1.33", command)
        }
    })
    .await;
    let facts = seen(&stage, json!({ "volumes": { "namespace": "dbaas" } })).await;
    assert_eq!(fact(&facts, "unbound"), json!([]));
    assert_eq!(fact(&facts, "volume_count"), Json::Null);
}

#[tokio::test]
async fn events_are_evidence() {
    let facts = facts_of(
        "trouble-1.33",
        json!({ "events": { "namespace": "awoooi-prod" } }),
    )
    .await;
    assert_eq!(
        told(&facts),
        json!({
            "count": 3,
            "host_now": "2026-06-05T10:55:04Z",
            "lines": [
                "2026-06-05T10:52:01Z Pod web-7f5b6c9d88-9lq4z: Failed: Failed to pull image \
                 \"192.168.0.110:5000/awoooi/web:2026-06-01\": dial tcp 192.168.0.110:5000: connect: \
                 connection refused (14 times)",
                "2026-06-05T10:53:00Z Pod worker-6c8-xk2: FailedScheduling: 0/2 nodes are available: \
                 1 Insufficient memory. (5 times)",
                "2026-06-05T10:54:30Z Pod web-7f5b6c9d88-9lq4z: BackOff: Back-off pulling image \
                 \"192.168.0.110:5000/awoooi/web:2026-06-01\" (61 times)",
            ],
            "missing": [],
            "missing_namespace": [],
            "newest": "2026-06-05T10:54:30Z",
            "reasons": { "BackOff": 1, "Failed": 1, "FailedScheduling": 1 },
            "warning_count": 3,
        })
    );
    let stage = cluster("trouble-1.33").await;
    for (asked, count) in [
        (json!({}), 4),
        (json!({ "since": "1m" }), 1),
        (json!({ "since": "1d" }), 5),
        (json!({ "all": true }), 5),
        (json!({ "objects": ["web-*"] }), 2),
        (json!({ "reasons": ["Failed*"], "since": "1d" }), 3),
        (json!({ "namespace": "kube-system" }), 0),
    ] {
        let facts = seen(&stage, json!({ "events": asked })).await;
        assert_eq!(fact(&facts, "count"), count, "{asked}");
    }
    let all = seen(&stage, json!({ "events": { "reasons": ["Eviction*"] } })).await;
    assert_eq!(
        fact(&all, "lines"),
        json!([
            "2026-06-05T10:40:00Z Node mon: EvictionThresholdMet: Attempting to reclaim ephemeral-storage"
        ])
    );
    let lines = sent(&stage);
    // Of kube-system there is no event.
    let namespaces = "kubectl get namespaces -o json --cache-dir /dev/null";
    assert_eq!(
        lines,
        [
            "kubectl get events -A -o json --cache-dir /dev/null",
            "date '+%s %z'",
            namespaces
        ]
    );
    assert_eq!(NOW, 1_780_656_904, "the events are from about then");
}

/// How old an event is goes by the clock of where kubectl runs: the one here may have stood
/// still without power, or be ahead.
#[rstest]
#[case::alike(Some(0), 1)]
#[case::the_host_is_an_hour_ahead(Some(3600), 0)]
#[case::the_host_is_an_hour_behind(Some(-3600), 2)]
#[case::it_tells_none(None, 1)]
#[tokio::test]
async fn events_go_by_the_clock_of_the_host(#[case] ahead: Option<i64>, #[case] count: u32) {
    let event = |name: &str, seconds: i64| {
        let at = jiff::Timestamp::from_second(NOW + seconds).expect("a time");
        json!({
            "metadata": { "name": name, "namespace": "dbaas" }, "type": "Warning",
            "involvedObject": { "kind": "Pod", "name": "db-0", "namespace": "dbaas" },
            "reason": "Failed", "message": "", "lastTimestamp": at.to_string(),
        })
    };
    let list = json!({ "items": [event("old", -4000), event("new", -60)] }).to_string();
    let stage = stage(move |command| match ahead {
        _ if command.contains("kubectl") => Answer::ok(list.clone()),
        Some(ahead) => Answer::ok(format!("{} +0000\n", NOW + ahead)),
        None => Answer::fails(127, "date: command not found"),
    })
    .await;
    let options = json!({ "events": { "namespace": "dbaas" } });
    let facts = seen(&stage, options.clone()).await;
    assert_eq!(fact(&facts, "count"), count);
    let now = ahead.and_then(|ahead| jiff::Timestamp::from_second(NOW + ahead).ok());
    let now = now.map_or(Json::Null, |now| json!(now.to_string()));
    assert_eq!(fact(&facts, "host_now"), now);
    seen(&stage, options.clone()).await;
    let dates = sent(&stage)
        .iter()
        .filter(|line| line.starts_with("date "))
        .count();
    assert_eq!(
        dates, 1,
        "it is asked for with the list, which all checks share"
    );
    let planned = requests(options);
    let clocks: Vec<&String> = planned
        .iter()
        .filter(|line| line.contains("date "))
        .collect();
    assert_eq!(clocks.len(), 2, "{planned:?}");
    assert!(clocks[1].ends_with("(only where the list of all namespaces is denied)"));
}

#[test]
fn the_plan_tells_what_is_sent_and_when() {
    let told = requests(json!({ "services": { "namespace": "x" } }));
    let bare: Vec<&str> = told
        .iter()
        .filter_map(|line| line.split_once("timeout -k 1 10 kubectl get "))
        .map(|(_, rest)| rest)
        .collect();
    let denied = "(only where the list of all namespaces is denied)";
    let none = "(only where the cluster has no endpoint slices, or they are denied)";
    assert_eq!(
        bare,
        [
            "services -A -o json --cache-dir /dev/null".to_owned(),
            "endpointslices -A -o json --cache-dir /dev/null".to_owned(),
            format!("services -n x -o json --cache-dir /dev/null {denied}"),
            format!("endpointslices -n x -o json --cache-dir /dev/null {denied}"),
            format!("endpoints -A -o json --cache-dir /dev/null {none}"),
            "endpoints -n x -o json --cache-dir /dev/null (only where that is denied)".to_owned(),
            "namespaces -o json --cache-dir /dev/null (only where nothing there is of x)"
                .to_owned(),
            "namespaces x -o json --cache-dir /dev/null (only where that is denied)".to_owned(),
        ]
    );
}
