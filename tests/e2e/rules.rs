//! `rules` and the dashboard, by Prometheus' own tool.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::desk::Desk;
use crate::promtool::promtool;
use crate::servers::http;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FULL_STACK: &str = "baselines/full-stack-cold-start.yml";

async fn rules(desk: &Desk, baseline: &str, more: &[&str]) -> String {
    let ran = desk.run(&[&["rules", "-b", baseline], more].concat()).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:#?}");
    ran.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_accepts_the_rules() {
    let desk = Desk::new();
    desk.write(
        "odd.yml",
        "version: 1\nname: a.b-c_1\ntitle: 斷電 {{ .X }}\nphases:\n  P0: { checks: { a: { tcp: { address: 127.0.0.1, port: 1 } } } }\n",
    );
    let full = Path::new(ROOT).join(FULL_STACK).display().to_string();
    for (baseline, every) in [
        (full.as_str(), "10m"),
        ("odd.yml", "24h"),
        ("odd.yml", "1m"),
    ] {
        let text = rules(&desk, baseline, &["--every", every]).await;
        let file = desk.write("rules.yml", &text);
        promtool(
            &[
                "check",
                "rules",
                "--lint-fatal",
                &file.display().to_string(),
            ],
            "",
        );
    }
}

/// `tests/e2e/rules.test.yml` says when each alert fires, and what it says then.
#[tokio::test(flavor = "multi_thread")]
async fn the_alerts_fire_when_they_should() {
    let desk = Desk::new();
    let full = Path::new(ROOT).join(FULL_STACK).display().to_string();
    let text = rules(&desk, &full, &[]).await;
    desk.write("rules.yml", &text);
    let cases = Path::new(ROOT).join("tests/e2e/rules.test.yml");
    let cases = fs::read_to_string(cases).expect("the cases");
    for name in text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        assert!(
            cases.contains(&format!("alertname: {name}\n")),
            "{name} has no case"
        );
    }
    let file = desk.write("rules.test.yml", &cases);
    promtool(&["test", "rules", &file.display().to_string()], "");
}

/// Every metric that a dashboard's query or a rule names is one that a monitor writes.
#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_asks_for_what_there_is() {
    let desk = Desk::new();
    let api = http::plain().await;
    let baseline = format!(
        "version: 1\nname: d\nphases:\n  P0: {{ checks: {{ a: {{ http: {{ url: \"http://{}/json\" }} }} }} }}\n",
        api.address
    );
    let ran = desk
        .check(
            &baseline,
            &[
                "--monitor-read-only",
                "--textfile",
                "a.prom",
                "--state",
                "none",
            ],
        )
        .await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let metrics = fs::read_to_string(desk.folder().join("a.prom")).expect("a textfile");
    let dashboard = Path::new(ROOT).join("examples/grafana-dashboard.json");
    let dashboard = fs::read_to_string(dashboard).expect("a dashboard");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let mut queries = Vec::new();
    collect(&dashboard, &mut queries);
    assert!(queries.len() >= 8, "{queries:?}");
    let alerts = rules(&desk, "baseline.yml", &[]).await;
    let metric = regex::Regex::new("coldstart_[a-z_]+").expect("a pattern");
    let mut recorded = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (number, query) in queries.iter().enumerate() {
        let query = query
            .replace("${prefix}", "coldstart")
            .replace("$instance", ".*")
            .replace("$__rate_interval", "5m");
        assert!(!query.contains('$'), "{query}");
        recorded += &format!(
            "  - {{ record: r{number}, expr: {} }}\n",
            Value::from(query.as_str())
        );
    }
    for found in metric.find_iter(&(recorded.clone() + &alerts)) {
        let name = found.as_str();
        assert!(
            metrics.contains(&format!("# TYPE {name} gauge\n")),
            "{name}"
        );
    }
    let file = desk.write("dashboard.yml", &recorded);
    promtool(&["check", "rules", &file.display().to_string()], "");
}

fn collect(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(query) if name == "expr" => queries.push(query.clone()),
                    value => collect(value, queries),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, queries)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
