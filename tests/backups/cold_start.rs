//! `baselines/full-stack-cold-start.yml` on the stand: rows of the runbook that the lab does not break,
//! each with its verdict, its reason and its remedy. What is no file, unit, container or object
//! of the cluster is not on this stand, so that every run looks behind closed gates.

use crate::stand::Stand;
use crate::stand::card::Card;
use crate::stand::cluster::Cluster;
use crate::stand::containers::container;
use crate::stand::host::Host;
use crate::stand::times::{ago, unix};
use serde_json::{Value as Json, json};

const ALERTMANAGER: &str = "/etc/prometheus/alertmanager.yml";
const GATEWAY: &str = "/etc/nginx/conf.d/188-all-sites.conf";
const NAMESPACE: &str = "awoooi-prod";
const TEXTFILES_188: &str = "/home/ollama/node_exporter_textfiles";
const TEXTFILES_110: &str = "/home/wooo/node_exporter_textfiles";
const CRONTAB_188: &str = "0 2 * * * /home/ollama/bin/backup-from-110.sh\n\
    */5 * * * * /home/ollama/bin/docker-restart-exporter.sh\n\
    */5 * * * * /home/ollama/bin/docker-stats-exporter.sh\n";
const DRILL: &str = "0 4 * * 0 /home/wooo/scripts/dr-drill.sh\n";

/// What a row is when it is broken: its id, its verdict, words of its reason and of its remedy.
type Row = (&'static str, &'static str, &'static str, &'static str);

fn containers(names: &[&str]) -> Vec<Json> {
    let mut all: Vec<Json> = names.iter().map(|name| container(name, name)).collect();
    for one in all
        .iter_mut()
        .filter(|one| one["Name"] == "/momo-scheduler")
    {
        one["State"]["Health"] = json!({"Status": "healthy", "FailingStreak": 0, "Log": []});
    }
    all
}

fn ended(name: &str, code: i32) -> Json {
    let mut one = container(name, name);
    one["State"]["Status"] = "exited".into();
    one["State"]["Running"] = false.into();
    one["State"]["ExitCode"] = code.into();
    one
}

fn restarting(name: &str) -> Json {
    let mut one = container(name, name);
    one["State"]["Status"] = "restarting".into();
    one["State"]["Restarting"] = true.into();
    one
}

fn networks(host: &Host, made: &[&str]) {
    let all: Vec<Json> = ["bridge", "host", "none"]
        .iter()
        .chain(made)
        .map(|name| {
            json!({"Name": name, "Id": "9f".repeat(32), "Created": "2026-01-02T03:04:05Z", "Scope": "local",
                "Driver": "bridge", "Containers": {}})
        })
        .collect();
    host.answer("networks.json", json!(all).to_string());
}

fn textfile(host: &Host, path: &str, text: &str, age: &str) {
    host.write(path, text).changed(path, ago(age));
}

fn backup(host: &Host, age: &str) {
    let text = format!("backup_110_last_success_timestamp {}\n", unix(ago(age)));
    textfile(
        host,
        &format!("{TEXTFILES_188}/backup_110.prom"),
        &text,
        "1m",
    );
}

fn exporters(data: &Host, ops: &Host, age: &str, guard: &str) {
    for name in ["docker_restart", "docker_stats"] {
        let path = format!("{TEXTFILES_188}/{name}.prom");
        textfile(data, &path, "up 1\n", age);
    }
    for name in ["docker_containers", "systemd_units"] {
        let path = format!("{TEXTFILES_110}/{name}.prom");
        textfile(ops, &path, "up 1\n", age);
    }
    let path = format!("{TEXTFILES_110}/prometheus_rule_drift_guard.prom");
    textfile(ops, &path, "up 1\n", guard);
}

fn alertmanager(ops: &Host, url: &str) {
    let other =
        "  - name: other\n    webhook_configs:\n      - url: http://127.0.0.1/correct-horse\n";
    let text = format!(
        "route: {{ receiver: awoooi }}\nreceivers:\n{other}  - name: awoooi\n    webhook_configs:\n      {url}\n"
    );
    ops.write(ALERTMANAGER, text);
}

fn gateway(data: &Host, api: &str, web: &str) {
    let text = format!(
        "location /api/ {{\n  proxy_pass http://{api}/api/;\n}}\nlocation /api/v1/ws {{\n  proxy_pass http://{api}/api/v1/ws;\n}}\n\
         location / {{\n  proxy_pass http://{web};\n}}\n"
    );
    data.write(GATEWAY, text);
}

/// Servers on all addresses of the stand, or on loopback alone: port, path and status of each.
fn serves(host: &Host, on: &str, all: &[(u16, &str, u16)]) {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path /tmp/{kind};\n"))
        .concat();
    let servers: String = all
        .iter()
        .map(|(port, path, status)| {
            format!("server {{ listen {on}:{port}; location = {path} {{ return {status}; }} location / {{ return 404; }} }}\n")
        })
        .collect();
    let config = format!(
        "daemon off;\nmaster_process off;\nuser root;\npid /tmp/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n\
         access_log off;\n{temporary}{servers}}}\n"
    );
    host.write("/etc/servers.conf", config);
    host.serve("servers", &["nginx", "-c", "/etc/servers.conf"]);
    host.until("servers", "nothing listens", || {
        all.iter().all(|(port, ..)| {
            let test = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
            host.run(&["bash", "-c", &test]).status.success()
        })
    });
}

const SERVERS_188: [(u16, &str, u16); 8] = [
    (5001, "/health", 200),
    (3301, "/", 200),
    (4000, "/health/liveliness", 200),
    (9002, "/", 200),
    (8088, "/", 200),
    (5432, "/", 200),
    (6380, "/", 200),
    (443, "/", 200),
];
const SERVERS_110: [(u16, &str, u16); 3] =
    [(5000, "/v2/", 401), (3001, "/", 302), (9000, "/", 400)];

/// All runners, as a pattern of their units finds them.
fn runners(ops: &Host, quota: &str) {
    ops.answer(
        "units/actions.runner.*",
        format!(
            "Id=actions.runner.awoooi.service\nLoadState=loaded\nActiveState=inactive\nSubState=dead\n\
             CPUQuotaPerSecUSec={quota}\nMemoryMax=2147483648\nWatchdogUSec=0\nNRestarts=0\n"
        ),
    );
}

/// All that this stand has of the four hosts.
fn furnish(stand: &Stand) -> Cluster<'_> {
    let [data, ops, server, agent] =
        ["data188", "ops110", "k3s120", "k3s121"].map(|id| stand.host(id));
    for host in stand.hosts() {
        host.unit("cron.service", "active");
    }
    for unit in [
        "containerd",
        "docker",
        "postgresql@14-main",
        "redis-server",
        "ollama",
        "nginx",
    ] {
        data.unit(&format!("{unit}.service"), "active");
    }
    data.write("/var/lib/postgresql/14/main/PG_VERSION", "14\n")
        .crontab("ollama", CRONTAB_188)
        .docker(&containers(&[
            "momo-db",
            "momo-scheduler",
            "momo-pro-system",
        ]));
    networks(data, &["momo_default"]);
    gateway(data, "192.168.0.125:32334", "192.168.0.125:32335");
    ops.unit("docker.service", "active").docker(&containers(&[
        "harbor-log",
        "grafana",
        "langfuse-web",
        "clickhouse",
        "kafka",
    ]));
    for unit in ["momo-startup-complete", "wooo-staggered-startup"] {
        ops.unit(&format!("{unit}.service"), "inactive").edit(
            &format!("/var/lib/stand/units/{unit}.service"),
            "UnitFileState=enabled",
            "UnitFileState=disabled",
        );
    }
    alertmanager(
        ops,
        "- url: http://192.168.0.125:32334/api/v1/webhooks/alertmanager",
    );
    backup(data, "3h");
    exporters(data, ops, "1m", "10m");
    for host in [server, agent] {
        host.unit("keepalived.service", "active");
    }
    agent.crontab("wooo", DRILL);
    server.sudoers("ALL");
    runners(ops, "2s");
    let cluster = Cluster::on(&[server]);
    for (name, address) in [("mon", "192.168.0.120"), ("mon1", "192.168.0.121")] {
        cluster.node(name).change("Node", name, |node| {
            node["status"]["addresses"][0] = json!({"type": "InternalIP", "address": address});
        });
    }
    cluster
        .pod("kube-system", "coredns")
        .pod(NAMESPACE, "api-1")
        .deployment(NAMESPACE, "api", 2)
        .service(NAMESPACE, "api")
        .cron_job(NAMESPACE, "report", "@daily", ago("3h"))
        .add(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "api-1", "namespace": NAMESPACE, "uid": "2", "labels": {"kubernetes.io/service-name": "api"}},
            "endpoints": [{"addresses": ["10.42.0.7"], "conditions": {"ready": true}}],
            "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
        }));
    cluster
}

fn looks(stand: &Stand) -> Card {
    let card = stand.check_with(&["--keep-going", "--deadline", "90s"]);
    // What other receivers have in their addresses is told nowhere.
    assert!(!card.json.to_string().contains("correct-horse"));
    card
}

#[track_caller]
fn told(card: &Card, rows: &[Row]) {
    for (id, verdict, why, remedy) in rows {
        card.says(id, verdict, why, remedy);
    }
}

/// What nothing else here comes after.
const LEAVES: [Row; 42] = [
    (
        "momo@data188",
        "BLOCKED",
        "500",
        "/health alone does not prove",
    ),
    ("signoz@data188", "WARN", "502", "the clean clone"),
    (
        "litellm@data188",
        "WARN",
        "404",
        "Restart only with evidence",
    ),
    (
        "minio@data188",
        "WARN",
        "refused",
        "needs a human in the loop",
    ),
    ("openclaw@data188", "WARN", "refused", "8088 or 8089"),
    (
        "postgresql-port@data188",
        "BLOCKED",
        "listening = false",
        "pg_isready",
    ),
    ("harbor@ops110", "BLOCKED", "503", "harbor-log first"),
    ("gitea@ops110", "BLOCKED", "502", "its runners stay off"),
    ("sentry@ops110", "WARN", "500", "The database layer first"),
    (
        "runner-limits@ops110",
        "WARN",
        "cpu_quota_percent = 400",
        "apply-runner-systemd-guardrails.sh --apply",
    ),
    ("datastore", "BLOCKED", "refused", "pg_hba.conf"),
    ("registry-121", "BLOCKED", "503", "Harbor's published port"),
    ("core-pods@k3s120", "BLOCKED", "coredns", "CoreDNS"),
    (
        "images@k3s120",
        "BLOCKED",
        "ImagePullBackOff",
        "go back to Harbor",
    ),
    ("pods@k3s120", "BLOCKED", "api-1", "leads to 188"),
    (
        "ollama@data188",
        "BLOCKED",
        "inactive",
        "after PostgreSQL and Redis",
    ),
    ("nginx@data188", "BLOCKED", "failed", "nginx-sync.yml"),
    (
        "networks-188@data188",
        "WARN",
        "made_networks",
        "docker network ls",
    ),
    (
        "restarts-188@data188",
        "BLOCKED",
        "momo-pro-system",
        "Stop the restart storm",
    ),
    (
        "momo-db@data188",
        "BLOCKED",
        "exited (137)",
        "No automatic action on its data",
    ),
    (
        "momo-scheduler@data188",
        "BLOCKED",
        "healthy",
        "Google Drive",
    ),
    (
        "crontab-188@data188",
        "BLOCKED",
        "docker-stats-exporter",
        "put back the entry",
    ),
    (
        "backup-188@data188",
        "WARN",
        "25h ago",
        "The log of the backup",
    ),
    (
        "gateway-target@data188",
        "BLOCKED",
        "32335",
        "188-all-sites.conf.j2",
    ),
    (
        "leftovers-110@ops110",
        "WARN",
        "registryctl",
        "then start harbor-log",
    ),
    (
        "restarts-110@ops110",
        "BLOCKED",
        "kafka",
        "never topic directories",
    ),
    (
        "harbor-log@ops110",
        "BLOCKED",
        "exited (128)",
        "before the rest of Harbor",
    ),
    (
        "grafana@ops110",
        "WARN",
        "running_count",
        "with Prometheus and Alertmanager",
    ),
    (
        "langfuse@ops110",
        "WARN",
        "running_count",
        "once monitoring is up",
    ),
    (
        "rule-drift@ops110",
        "WARN",
        "1h ago",
        "live and canonical rules",
    ),
    (
        "docker-exporter-110@ops110",
        "WARN",
        "15m ago",
        "it would act on what was",
    ),
    (
        "systemd-exporter-110@ops110",
        "WARN",
        "15m ago",
        "it would act on what was",
    ),
    (
        "failed-units-110@ops110",
        "BLOCKED",
        "fsck.service",
        "systemctl --failed",
    ),
    (
        "startup-units-110@ops110",
        "WARN",
        "enabled",
        "systemctl disable",
    ),
    (
        "alerts-to-webhook@ops110",
        "BLOCKED",
        "lines",
        "the main path is the VIP",
    ),
    (
        "deployments@k3s120",
        "BLOCKED",
        "api: 1 of 2",
        "Restart only with evidence",
    ),
    ("endpoints@k3s120", "BLOCKED", "api", "no pod that is ready"),
    (
        "cronjobs@k3s120",
        "BLOCKED",
        "report",
        "find out who suspended it",
    ),
    ("failed-jobs@k3s120", "BLOCKED", "report-1", "removed"),
    ("drill-121@k3s121", "WARN", "dr-drill", "accepted warning"),
    ("keepalived@k3s121", "BLOCKED", "inactive", "nobody carries"),
    ("keepalived@k3s120", "PASS", "", ""),
];

/// What others come after, and each row that is broken in another way.
const TRUNKS: [Row; 17] = [
    (
        "postgresql-port@data188",
        "BLOCKED",
        "loopback_only = true",
        "listen_addresses",
    ),
    (
        "redis-port@data188",
        "BLOCKED",
        "loopback_only = true",
        "redis.conf",
    ),
    (
        "gateway-port@data188",
        "BLOCKED",
        "loopback_only = true",
        "nginx -t",
    ),
    ("nodes@k3s120", "BLOCKED", "mon1", "CNI and kube-proxy"),
    ("registry-120", "PASS", "", ""),
    (
        "containerd@data188",
        "BLOCKED",
        "inactive",
        "docker starts after it",
    ),
    ("postgresql-unit@data188", "BLOCKED", "failed", "No DROP"),
    (
        "redis-unit@data188",
        "BLOCKED",
        "failed",
        "Read its log before a restart",
    ),
    (
        "restart-exporter-188@data188",
        "WARN",
        "15m ago",
        "by hand as ollama",
    ),
    (
        "stats-exporter-188@data188",
        "WARN",
        "15m ago",
        "by hand as ollama",
    ),
    (
        "backup-188@data188",
        "BLOCKED",
        "at most 49h ago",
        "The log of the backup",
    ),
    (
        "gateway-target@data188",
        "WARN",
        "192.168.0.120",
        "188-all-sites.conf.j2",
    ),
    (
        "sentry-databases@ops110",
        "WARN",
        "kafka",
        "Before web, worker and consumers",
    ),
    ("cron@k3s121", "BLOCKED", "active = false", "start it"),
    (
        "alerts-to-webhook@ops110",
        "BLOCKED",
        "exists = false",
        "set alertmanager_config",
    ),
    ("failed-jobs@k3s120", "PASS", "", ""),
    ("cronjobs@k3s120", "PASS", "", ""),
];

#[test]
fn rows_that_the_lab_does_not_break() {
    let Some(mut stand) = Stand::of("full-stack-cold-start", &["k3s_zone"]) else {
        return;
    };
    stand.env("CHECKER_PGPASSWORD", "checker");
    let cluster = furnish(&stand);
    let [data, ops, server, agent] =
        ["data188", "ops110", "k3s120", "k3s121"].map(|id| stand.host(id));
    serves(data, "0.0.0.0", &SERVERS_188);
    serves(ops, "0.0.0.0", &SERVERS_110);
    let card = looks(&stand);
    // momo's database is the lab's; the remedy has the sheet of §9.
    let parity = "momo-parity@data188";
    told(&card, &[(parity, "BLOCKED", "refused", "即時業績明細")]);
    for (id, ..) in LEAVES.iter().chain(&TRUNKS) {
        assert_eq!(card.verdict(id), "PASS", "{id}\n{}", card.told());
    }

    data.stop("servers");
    serves(
        data,
        "0.0.0.0",
        &[
            (5001, "/health", 500),
            (3301, "/", 502),
            (4000, "/", 200),
            (443, "/", 200),
        ],
    );
    ops.stop("servers");
    serves(
        ops,
        "0.0.0.0",
        &[(5000, "/v2/", 503), (3001, "/", 502), (9000, "/", 500)],
    );
    runners(ops, "4s");
    for pod in ["coredns", "api-1"] {
        cluster.change("Pod", pod, |pod| {
            pod["status"]["phase"] = "Pending".into();
            pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
            let main = &mut pod["status"]["containerStatuses"][0];
            main["ready"] = false.into();
            main["state"] = json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}});
        });
    }
    data.unit("ollama.service", "inactive")
        .unit("nginx.service", "failed")
        .crontab("ollama", &CRONTAB_188.replace("docker-stats", "# old"));
    let mut sick = containers(&["momo-scheduler"]);
    sick[0]["State"]["Health"]["Status"] = "unhealthy".into();
    sick.extend([ended("momo-db", 137), restarting("momo-pro-system")]);
    data.docker(&sick);
    backup(data, "26h");
    exporters(data, ops, "20m", "2h");
    gateway(data, "192.168.0.125:32334", "127.0.0.1:3000");
    ops.docker(&[
        ended("harbor-log", 128),
        ended("registryctl", 137),
        restarting("kafka"),
    ])
    .unit("fsck.service", "failed")
    .unit("momo-startup-complete.service", "inactive");
    alertmanager(
        ops,
        "- url: http://192.168.0.120:32334/api/v1/webhooks/alertmanager",
    );
    cluster
        .change("Deployment", "api", |api| api["status"]["availableReplicas"] = 1.into())
        .remove("EndpointSlice", "api-1")
        .change("CronJob", "report", |report| report["spec"]["suspend"] = true.into())
        .add(json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "report-1", "namespace": NAMESPACE, "uid": "1"},
            "spec": {"completions": 1}, "status": {"failed": 1, "conditions": [
                {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "limit"}]},
        }));
    agent
        .crontab("wooo", "# dr-drill\n")
        .unit("keepalived.service", "inactive");
    told(&looks(&stand), &LEAVES);

    let again = furnish(&stand);
    again.change("Node", "mon1", |node| {
        node["status"]["conditions"][3]["status"] = "False".into();
    });
    data.stop("servers");
    serves(data, "127.0.0.1", &SERVERS_188);
    ops.stop("servers");
    serves(ops, "0.0.0.0", &SERVERS_110);
    server.unit("keepalived.service", "active");
    data.unit("containerd.service", "inactive")
        .unit("postgresql@14-main.service", "failed")
        .unit("redis-server.service", "failed");
    backup(data, "50h");
    exporters(data, ops, "20m", "10m");
    gateway(data, "192.168.0.125:32334", "192.168.0.125:32335");
    data.write(
        &format!("{GATEWAY}.old.conf"),
        "proxy_pass http://192.168.0.120:31234;\n",
    );
    ops.docker(&containers(&[
        "harbor-log",
        "grafana",
        "langfuse-web",
        "clickhouse",
    ]))
    .remove(ALERTMANAGER);
    agent.unit("cron.service", "inactive");
    told(&looks(&stand), &TRUNKS);

    // A receiver that is commented out is none.
    alertmanager(
        ops,
        "# - url: http://192.168.0.125:32334/api/v1/webhooks/alertmanager",
    );
    told(
        &looks(&stand),
        &[(
            "alerts-to-webhook@ops110",
            "BLOCKED",
            "lines",
            "the main path is the VIP",
        )],
    );
}
