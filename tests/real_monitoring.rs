//! `prometheus` and `alertmanager` against the real programs: Prometheus, Alertmanager and
//! Pushgateway from the distribution's packages, with rules whose alerts fire.
//!
//! Fails where the programs are missing, so that nobody takes silence for
//! proof; `COLDSTART_TEST_NO_MONITORING=1` leaves the tests out on purpose.

#[expect(dead_code, reason = "the other servers use the rest")]
mod real;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use coldstart::probe::{Facts, FaultKind, Value};
use real::{Running, folder, free_port, probe, program, start, unprivileged, write};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FOLDERS: [&str; 2] = ["/usr/bin", "/usr/local/bin"];

fn left_out() -> bool {
    std::env::var_os("COLDSTART_TEST_NO_MONITORING").is_some_and(|value| value == "1")
}

/// As people write them, and as Prometheus does not print them.
const RULES: &str = r#"groups:
- name: backup
  rules:
  - alert: ExporterDown
    expr: |
      sum(up{job='gone'}) by (job)
        == 0   # it never was there
    labels: { severity: critical, team: sre }
    annotations: { summary: "{{ $labels.job }} is down" }
  - alert: EscrowMissing
    expr: label_replace(vector(1), "item", "dns", "", "") or label_replace(vector(1), "item", "oauth", "", "")
    labels: { severity: warning }
  - alert: Waits
    expr: vector(1)
    for: 1h
  - record: job:up:sum
    expr: sum(up) by (job)
"#;

/// One that parses and cannot be evaluated.
const BROKEN: &str =
    "- name: broken\n  rules:\n  - alert: Broken\n    expr: up + on() group_left() up > 99\n";

async fn prometheus(alertmanager: u16) -> Running {
    prometheus_that_asks("1s", &format!("{RULES}{BROKEN}"), alertmanager).await
}

/// One that asks its targets that often, and evaluates these rules each second.
async fn prometheus_that_asks(interval: &str, rules: &str, alertmanager: u16) -> Running {
    let folder = folder();
    let (port, gone) = (free_port(), free_port());
    let config = format!(
        "global: {{ scrape_interval: {interval}, scrape_timeout: 1s, evaluation_interval: 1s, external_labels: {{ site: home }} }}\n\
         rule_files: [rules.yml]\n\
         scrape_configs:\n\
         - {{ job_name: self, static_configs: [{{ targets: ['127.0.0.1:{port}'] }}] }}\n\
         - {{ job_name: gone, static_configs: [{{ targets: ['127.0.0.1:{gone}'] }}] }}\n\
         alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:{alertmanager}'] }}] }}] }}\n"
    );
    let file = folder.path().join("prometheus.yml");
    write(&file, &config, 0o644);
    write(&folder.path().join("rules.yml"), rules, 0o644);
    let mut command = unprivileged(&program(&FOLDERS, "prometheus"));
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.path().join("data").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"));
    start(command, folder, port).ready().await
}

/// `cluster`: its own address in one, and another's.
async fn alertmanager(port: u16, cluster: Option<(u16, u16)>) -> Running {
    let folder = folder();
    write(
        &folder.path().join("routes.yml"),
        "route: { receiver: nobody, group_wait: 1s }\nreceivers: [{ name: nobody }]\n",
        0o644,
    );
    alertmanager_of(folder, port, cluster).await
}

/// One with the configuration `routes.yml` of that folder.
async fn alertmanager_of(
    folder: tempfile::TempDir,
    port: u16,
    cluster: Option<(u16, u16)>,
) -> Running {
    let file = folder.path().join("routes.yml");
    let mut command = unprivileged(&program(&FOLDERS, "prometheus-alertmanager"));
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.path={}",
            folder.path().join("data").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"));
    match cluster {
        None => command.arg("--cluster.listen-address="),
        Some((own, other)) => command
            .arg(format!("--cluster.listen-address=127.0.0.1:{own}"))
            .arg("--cluster.advertise-address")
            .arg(format!("127.0.0.1:{own}"))
            .arg(format!("--cluster.peer=127.0.0.1:{other}")),
    };
    start(command, folder, port).ready().await
}

fn at(server: &Running, mut options: Json) -> Json {
    options["url"] = json!(format!("http://127.0.0.1:{}", server.port));
    options
}

fn fact(facts: &Facts, name: &str) -> Json {
    facts.get(name).map_or(Json::Null, |value| {
        serde_json::to_value(value).expect("JSON")
    })
}

/// Looks until it is as it should be; shows the last look when it never is.
async fn until(
    kind: &str,
    server: &Running,
    options: &Json,
    is_right: impl Fn(&Facts) -> bool,
) -> Facts {
    let begun = Instant::now();
    loop {
        let seen = probe(kind, at(server, options.clone())).await.0;
        match seen {
            Ok(facts) if is_right(&facts) => return facts,
            seen => assert!(
                begun.elapsed() < Duration::from_secs(90),
                "{kind} {options}: {seen:?}\n{}",
                server.log()
            ),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A POST of our own: no kind has one. The answer's head.
async fn post(port: u16, path: &str, kind: &str, body: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .expect("a connection");
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn prometheus_tells_what_it_knows() {
    if left_out() {
        return;
    }
    let server = prometheus(free_port()).await;
    let ready = until("prometheus", &server, &json!({"ready": {}}), |facts| {
        fact(facts, "ready") == json!(true)
    })
    .await;
    assert_eq!(fact(&ready, "config_ok"), json!(true));
    assert_eq!(fact(&ready, "corruptions"), json!(0));
    assert!(matches!(fact(&ready, "version"), Json::String(version) if version.contains('.')));

    let targets = until("prometheus", &server, &json!({"targets": {}}), |facts| {
        fact(facts, "unknown") == json!(0) && fact(facts, "targets") == json!(2)
    })
    .await;
    assert_eq!(fact(&targets, "up"), json!(1));
    let down = fact(&targets, "down_targets");
    assert!(
        down[0]
            .as_str()
            .expect("a text")
            .starts_with("gone 127.0.0.1:"),
        "{down}"
    );
    assert!(
        down[0]
            .as_str()
            .expect("a text")
            .contains("connection refused"),
        "{down}"
    );

    let options = json!({"query": "up{job=\"self\"}"});
    let seen = until("prometheus", &server, &options, |facts| {
        fact(facts, "value") == json!(1)
    })
    .await;
    let (Some(Value::Time(newest)), Some(Value::Time(server_time))) =
        (seen.get("newest_sample_at"), seen.get("server_time"))
    else {
        panic!("{seen:?}")
    };
    assert!(
        server_time.duration_since(*newest).as_secs() < 60,
        "{seen:?}"
    );

    let (seen, _) = probe(
        "prometheus",
        at(&server, json!({"query": "up", "by": "job"})),
    )
    .await;
    let seen = seen.expect("facts");
    assert_eq!(fact(&seen, "values"), json!({"self": 1, "gone": 0}));
    assert_eq!(fact(&seen, "value"), Json::Null);
    let (seen, _) = probe("prometheus", at(&server, json!({"query": "nothing > 1"}))).await;
    assert_eq!(fact(&seen.expect("facts"), "absent"), json!(true));
    let options = json!({"query": "up{job=\"gone\"} / 0", "by": "job"});
    let (seen, _) = probe("prometheus", at(&server, options)).await;
    let seen = seen.expect("facts");
    assert_eq!(fact(&seen, "not_a_number"), json!(["gone"]));
    let options = json!({"query": "(up{job=\"gone\"} - 1) / 0", "by": "job"});
    let (seen, _) = probe("prometheus", at(&server, options)).await;
    assert_eq!(fact(&seen.expect("facts"), "infinite"), json!(["gone"]));

    let options = json!({"query": "up{job='self'} # now", "range": "10s", "step": "1s"});
    let seen = until("prometheus", &server, &options, |facts| {
        fact(facts, "gaps") == json!(0)
    })
    .await;
    assert_eq!(fact(&seen, "not_increasing"), json!(true));
    assert_eq!(fact(&seen, "increase"), json!(0));
    assert_eq!(fact(&seen, "longest_gap_s"), json!(1));

    for (options, kind, seen, hint) in [
        (
            json!({"query": "sum(up"}),
            FaultKind::LocalSetup,
            "unclosed left parenthesis",
            "column 7 of the query, behind `sum(up`",
        ),
        (
            json!({"query": "up )", "range": "5m"}),
            FaultKind::LocalSetup,
            "parse error",
            "line ",
        ),
        (
            json!({"query": "up + on() group_left() up"}),
            FaultKind::Protocol,
            "many-to-many",
            "Graph",
        ),
    ] {
        let fault = probe("prometheus", at(&server, options))
            .await
            .0
            .expect_err("a fault");
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.seen.contains(seen), "{fault}");
        assert!(
            fault.hint.as_deref().unwrap_or_default().contains(hint),
            "{:?}",
            fault.hint
        );
    }
    let (seen, _) = probe("alertmanager", at(&server, json!({"alerts": {}}))).await;
    assert_eq!(seen.expect_err("no Alertmanager").kind, FaultKind::Protocol);
    let page = json!({"exposition": {"age_of": "process_start_time_seconds"}});
    let seen = probe("prometheus", at(&server, page))
        .await
        .0
        .expect("facts");
    assert_eq!(fact(&seen, "errors"), json!([]));
    assert!(matches!(seen.get("metric_age_s"), Some(Value::Number(age)) if *age < 600.0));
}

#[tokio::test]
async fn rules_are_what_the_file_says() {
    if left_out() {
        return;
    }
    let server = prometheus(free_port()).await;
    let seen = until("prometheus", &server, &json!({"rules": {}}), |facts| {
        fact(facts, "unevaluated") == json!([])
            && fact(facts, "rules") == json!(5)
            && fact(facts, "unhealthy") != json!([])
            && fact(facts, "firing") == json!(["EscrowMissing", "ExporterDown"])
    })
    .await;
    let sick = fact(&seen, "unhealthy");
    assert!(
        sick[0].as_str().expect("a text").starts_with("Broken: "),
        "{sick}"
    );
    assert_eq!(fact(&seen, "pending"), json!(["Waits"]));
    let names = json!({"rules": {"names": ["ExporterDown", "Gone"]}});
    let seen = probe("prometheus", at(&server, names))
        .await
        .0
        .expect("facts");
    assert_eq!(fact(&seen, "missing"), json!(["Gone"]));
    assert_eq!(fact(&seen, "unhealthy"), json!([]));

    let kept = folder();
    let file = kept.path().join("canonical.yml");
    let compared = json!({"rules": {
        "equal_to": file, "compare": ["expression", "for", "labels", "annotations"]
    }});
    write(&file, RULES, 0o644);
    let seen = probe("prometheus", at(&server, compared.clone()))
        .await
        .0
        .expect("facts");
    for (name, expected) in [
        ("missing", json!([])),
        ("differing", json!([])),
        ("extra", json!([])),
        ("compared", json!(4)),
    ] {
        assert_eq!(fact(&seen, name), expected, "{name}");
    }
    let drifted = RULES
        .replace("severity: critical", "severity: page")
        .replace("for: 1h", "for: 2h")
        .replace("expr: sum(up) by (job)", "expr: sum(up) by (instance)")
        .replace("alert: EscrowMissing", "alert: EscrowGap");
    write(&file, &drifted, 0o644);
    let seen = probe("prometheus", at(&server, compared))
        .await
        .0
        .expect("facts");
    assert_eq!(fact(&seen, "missing"), json!(["EscrowGap"]));
    assert_eq!(fact(&seen, "extra"), json!(["EscrowMissing"]));
    assert_eq!(
        fact(&seen, "differing"),
        json!([
            "ExporterDown: label severity expected page, is critical",
            "Waits: for expected 7200 s, is 3600 s",
            "job:up:sum: expression expected sum(up) by (instance), is sum by (job) (up)",
        ])
    );

    let expected =
        json!({"alerts": {"expect": ["EscrowMissing"], "matchers": ["severity=warning"]}});
    let seen = probe("prometheus", at(&server, expected))
        .await
        .0
        .expect("facts");
    assert_eq!(fact(&seen, "not_firing"), json!([]));
    assert_eq!(fact(&seen, "unexpected"), json!([]));
    assert_eq!(fact(&seen, "firing_count"), json!(2));
    assert_eq!(fact(&seen, "unmatched"), json!([]));

    // Prometheus was started a moment ago: what waits for an hour had no time to fire.
    let quiet = json!({"alerts": {"names": ["Waits"]}});
    let seen = probe("prometheus", at(&server, quiet))
        .await
        .0
        .expect("facts");
    assert_eq!(fact(&seen, "firing_count"), json!(0));
    assert_eq!(fact(&seen, "pending_count"), json!(1));
    let undecided = fact(&seen, "undecided");
    let told = undecided[0].as_str().expect("a text");
    assert!(told.starts_with("Waits: pending since 20"), "{told}");
    assert!(told.ends_with(", fires after 1h"), "{told}");
    let (Some(Value::Time(started)), Some(Value::Time(loaded))) =
        (seen.get("started_at"), seen.get("loaded_at"))
    else {
        panic!("{seen:?}")
    };
    // The second has whole seconds.
    assert!(
        loaded.duration_since(*started).as_secs_f64() > -1.0,
        "{seen:?}"
    );
    let expected = json!({"alerts": {"names": ["Waits"], "expect": ["Waits"]}});
    let seen = probe("prometheus", at(&server, expected))
        .await
        .0
        .expect("facts");
    assert_eq!(fact(&seen, "undecided"), json!([]));
    assert_eq!(fact(&seen, "not_firing"), json!(["Waits"]));

    // A rule sets the severity, and a series has the job; of the others nothing could fire.
    let mistyped = ["severty=warning", "job=slef"];
    let matchers = [&["severity=warning", "job=self"][..], &mistyped].concat();
    let mistaken = json!({"alerts": {"matchers": matchers}});
    let seen = probe("prometheus", at(&server, mistaken))
        .await
        .0
        .expect("facts");
    assert_eq!(fact(&seen, "firing_count"), json!(0));
    assert_eq!(fact(&seen, "unmatched"), json!(mistyped));
}

/// Rules are evaluated more often than what they watch is asked: until that was twice, that one
/// is quiet says nothing.
#[tokio::test]
async fn a_quiet_rule_is_judged_when_all_was_asked_twice() {
    if left_out() {
        return;
    }
    let rules =
        "groups:\n- name: quiet\n  rules:\n  - alert: Quiet\n    expr: up{job='self'} == 0\n";
    let server = prometheus_that_asks("5s", rules, free_port()).await;
    let alerts = json!({"alerts": {}});
    let seen = until("prometheus", &server, &alerts, |facts| {
        fact(facts, "unevaluated") == json!([]) && fact(facts, "undecided") == json!([])
    })
    .await;
    assert_eq!(fact(&seen, "rules"), json!(1));
    let asked = json!({"query": "count_over_time(up[30m])", "by": "job"});
    let seen = probe("prometheus", at(&server, asked)).await.0;
    let seen = fact(&seen.expect("facts"), "values");
    for job in ["self", "gone"] {
        assert!(
            seen[job].as_f64().is_some_and(|times| times >= 2.0),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn alerts_are_visible_in_both() {
    if left_out() {
        return;
    }
    let own = alertmanager(free_port(), None).await;
    let server = prometheus(own.port).await;
    let prometheus = format!("http://127.0.0.1:{}", server.port);
    let seen = until("alertmanager", &own, &json!({"ready": {}}), |facts| {
        fact(facts, "ready") == json!(true)
    })
    .await;
    assert_eq!(fact(&seen, "cluster"), json!("disabled"));
    let known = json!({"alertmanagers": {"expect": [format!("127.0.0.1:{}", own.port)]}});
    until("prometheus", &server, &known, |facts| {
        fact(facts, "missing") == json!([])
    })
    .await;
    let both = json!({"visible_in_both": {
        "prometheus": prometheus, "names": ["EscrowMissing"], "both_ways": true
    }});
    let seen = until("alertmanager", &own, &both, |facts| {
        fact(facts, "in_both_count") == json!(2)
    })
    .await;
    assert_eq!(fact(&seen, "only_in_prometheus"), json!([]));
    assert_eq!(fact(&seen, "only_in_alertmanager"), json!([]));
    assert_eq!(fact(&seen, "active"), json!(["EscrowMissing"]));
    assert_eq!(fact(&seen, "compared"), json!(2));
    assert_eq!(fact(&seen, "unhealthy"), json!([]));
    // Where none fires, nothing is visible here either.
    let quiet = json!({"visible_in_both": {
        "prometheus": prometheus, "names": ["Waits"], "matchers": ["severty=warning"]
    }});
    let seen = probe("alertmanager", at(&own, quiet))
        .await
        .0
        .expect("facts");
    assert_eq!(fact(&seen, "only_in_prometheus"), json!([]));
    assert_eq!(fact(&seen, "compared"), json!(0));
    assert_eq!(fact(&seen, "unmatched"), json!(["severty=warning"]));

    let stray = r#"[{"labels":{"alertname":"EscrowMissing","item":"stray"}}]"#;
    let answer = post(own.port, "/api/v2/alerts", "application/json", stray).await;
    assert!(answer.contains(" 200 "), "{answer}");
    let seen = probe("alertmanager", at(&own, both.clone()))
        .await
        .0
        .expect("facts");
    assert_eq!(
        fact(&seen, "only_in_alertmanager"),
        json!(["EscrowMissing{item=\"stray\"}"])
    );

    let now = jiff::Timestamp::now();
    let end = now + jiff::SignedDuration::from_mins(30);
    let silence = json!({
        "matchers": [{"name": "item", "value": "dns", "isRegex": false, "isEqual": true}],
        "startsAt": now.to_string(), "endsAt": end.to_string(), "createdBy": "me", "comment": "known",
    });
    let answer = post(
        own.port,
        "/api/v2/silences",
        "application/json",
        &silence.to_string(),
    )
    .await;
    assert!(answer.contains(" 200 "), "{answer}");
    let seen = until("alertmanager", &own, &both, |facts| {
        fact(facts, "silenced_count") == json!(1)
    })
    .await;
    assert_eq!(fact(&seen, "in_both_count"), json!(2));
    let silences = json!({"silences": {"names": ["EscrowMissing"], "expiring": "1h"}});
    let seen = probe("alertmanager", at(&own, silences))
        .await
        .0
        .expect("facts");
    assert_eq!(fact(&seen, "silence_count"), json!(1));
    let shown = fact(&seen, "expiring");
    assert!(
        shown[0]
            .as_str()
            .expect("a text")
            .starts_with("item=\"dns\" by me until "),
        "{shown}"
    );
    let expected = json!({"alerts": {"expect": ["EscrowMissing", "ExporterDown"]}});
    let seen = until("alertmanager", &own, &expected, |facts| {
        fact(facts, "missing") == json!([])
    })
    .await;
    assert_eq!(fact(&seen, "unexpected"), json!([]));
    // It was started a moment ago, and may not have heard of all.
    let patient = json!({"alerts": {"settles": "1d"}});
    let seen = probe("alertmanager", at(&own, patient))
        .await
        .0
        .expect("facts");
    assert_eq!(fact(&seen, "settled"), json!(false));
    assert!(matches!(seen.get("started_at"), Some(Value::Time(_))));
    let seen = until(
        "alertmanager",
        &own,
        &json!({"alerts": {"settles": "1s"}}),
        |facts| fact(facts, "settled") == json!(true),
    )
    .await;
    assert_eq!(fact(&seen, "unexpected"), Json::Null);
}

/// All that a route can have, with a password where Alertmanager prints it.
const ROUTES: &str = r#"
route:
  receiver: nobody
  routes:
  - receiver: pager
    match: { severity: critical, team: "" }
    match_re: { host: "1[12]0|" }
    continue: true
    routes:
    - matchers: [ 'zone="b\"c"', 'disk !~ "y|z"' ]
    - { receiver: night, matchers: [ 'time=night' ], continue: true }
    - { receiver: log, matchers: [ '{time=~"n.*", zone!="x"}' ] }
  - receiver: ns8-backup-monitor
    matchers:
    - alertname =~ "NsBackupFailed|NsBackupMissing"
    - test != "yes"
  - receiver: late
    matchers: [ alertname=NsBackupFailed ]
    routes:
    - match_re: { path: 'C:\\[a-z]+' }
      receiver: log
receivers:
- name: nobody
- name: pager
- name: night
- name: log
- name: late
- { name: ns8-backup-monitor, webhook_configs: [{ url: 'http://me:hunter22@127.0.0.1:9/alert' }] }
"#;

/// Whom it would tell, by amtool, by its own programs therefore.
#[tokio::test]
async fn routes_are_followed_as_alertmanager_does() {
    if left_out() {
        return;
    }
    let folder = folder();
    let file = folder.path().join("routes.yml");
    write(&file, ROUTES, 0o644);
    let port = free_port();
    let own = alertmanager_of(folder, port, None).await;
    let all = [
        ("Other", json!({})),
        ("NsBackupFailed", json!({})),
        ("NsBackupFailedOnce", json!({})),
        ("NsBackupMissing", json!({"test": "no"})),
        ("NsBackupFailed", json!({"test": "yes"})),
        ("NsBackupFailed", json!({"test": "yes", "path": "C:\\temp"})),
        ("NsBackupFailed", json!({"test": "yes", "path": "C:/temp"})),
        (
            "NsBackupFailed",
            json!({"severity": "critical", "host": "110"}),
        ),
        ("Other", json!({"severity": "critical"})),
        ("Other", json!({"severity": "critical", "team": "a"})),
        ("Other", json!({"severity": "critical", "host": "1100"})),
        (
            "Other",
            json!({"severity": "critical", "host": "120", "time": "night"}),
        ),
        (
            "Other",
            json!({"severity": "critical", "host": "120", "time": "night", "zone": "x"}),
        ),
        (
            "Other",
            json!({"severity": "critical", "time": "noon", "zone": "b\"c"}),
        ),
        (
            "Other",
            json!({"severity": "critical", "time": "noon", "zone": "b\"c", "disk": "y"}),
        ),
    ];
    for (name, labels) in all {
        let mut command = std::process::Command::new(program(&FOLDERS, "amtool"));
        command.args(["config", "routes", "test"]);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("alertname={name}"));
        for (label, value) in labels.as_object().expect("labels") {
            let value = value.as_str().expect("a text");
            command.arg(format!("{label}={}", json!(value)));
        }
        let output = command.output().expect("amtool");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name} {labels}: {output:?}");
        let mut expected: Vec<&str> = told.trim().split(',').collect();
        expected.sort_unstable();
        expected.dedup();

        let options = json!({"routed": {"names": [name], "labels": labels, "to": expected}});
        let (seen, _) = probe("alertmanager", at(&own, options)).await;
        let seen = seen.expect("facts");
        assert_eq!(
            fact(&seen, "receivers"),
            json!({ name: expected }),
            "{labels}"
        );
        assert_eq!(fact(&seen, "unrouted"), json!([]), "{labels}");
        assert!(!format!("{seen:?}").contains("hunter22"));
    }
    let options = json!({"routed": {"names": ["Other"], "to": ["nobody", "gone"]}});
    let (seen, _) = probe("alertmanager", at(&own, options)).await;
    assert_eq!(
        fact(&seen.expect("facts"), "unrouted"),
        json!(["Other reaches nobody, not gone"])
    );
}

#[tokio::test]
async fn a_cluster_settles() {
    if left_out() {
        return;
    }
    let [first, second] = [free_port(), free_port()];
    let one = alertmanager(free_port(), Some((first, second))).await;
    let two = alertmanager(free_port(), Some((second, first))).await;
    for member in [&one, &two] {
        let seen = until(
            "alertmanager",
            member,
            &json!({"ready": {"peers": 2}}),
            |facts| fact(facts, "peers") == json!(2) && fact(facts, "cluster") == json!("ready"),
        )
        .await;
        let Json::Array(peers) = fact(&seen, "peer_addresses") else {
            panic!("a list")
        };
        assert!(
            peers.contains(&json!(format!("127.0.0.1:{first}"))),
            "{peers:?}"
        );
    }
}

#[tokio::test]
async fn what_was_pushed_is_on_the_page() {
    if left_out() {
        return;
    }
    let folder = folder();
    let port = free_port();
    let mut command = unprivileged(&program(&FOLDERS, "prometheus-pushgateway"));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let server = start(command, folder, port).ready().await;
    let body = "# TYPE backup_last_success_timestamp gauge\nbackup_last_success_timestamp{db=\"a\"} 1780656900\n";
    let answer = post(port, "/metrics/job/backup", "text/plain", body).await;
    assert!(answer.contains(" 200 "), "{answer}");
    let page = json!({"exposition": {
        "only": ["push_time_seconds", "push_failure_time_seconds", "backup_last_success_timestamp"],
        "age_of": "push_time_seconds{job=\"backup\",instance=\"\"}",
    }});
    let seen = until("prometheus", &server, &page, |facts| {
        facts.get("metric_age_s").is_some()
    })
    .await;
    assert!(
        matches!(seen.get("metric_age_s"), Some(Value::Number(age)) if age.abs() < 120.0),
        "{seen:?}"
    );
    let Some(Value::Map(metric)) = seen.get("metric") else {
        panic!("{seen:?}")
    };
    assert_eq!(
        metric.get("push_failure_time_seconds"),
        Some(&Value::Number(0.0))
    );
    assert_eq!(
        metric.get("backup_last_success_timestamp{db=\"a\",instance=\"\",job=\"backup\"}"),
        Some(&Value::Number(1_780_656_900.0))
    );
    assert_eq!(fact(&seen, "errors"), json!([]));
}
