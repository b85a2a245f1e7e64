//! `baselines/backup-dr.yml` on the stand: what BACKUP-STATUS says of 2026-06-13 and of
//! 2026-06-05, green when the escrow is written, and for each row of its tables what breaks it.
//! What is independent is broken in one run, and each of it is told with its own reason.

use jiff::Timestamp;
use serde_json::json;

use crate::stand::Stand;
use crate::stand::archives::Archive;
use crate::stand::card::{Bad, Card, blocked, warned};
use crate::stand::cluster::Cluster;
use crate::stand::containers::container;
use crate::stand::host::Host;
use crate::stand::monitoring::{Alertmanager, Prometheus};
use crate::stand::repositories::Snapshot;
use crate::stand::times::{ago, daily, stamp, unix, zone};

const RULES: &str = include_str!("../../baselines/backup-dr.rules.yml");
const TEXTFILES: &str = "/home/wooo/node_exporter_textfiles";
const METRICS: &str = "/home/wooo/node_exporter_textfiles/backup.prom";
const VERIFIED: &str = "/home/wooo/node_exporter_textfiles/offsite_full_sync_verify.prom";
const COLD_START: &str = "/home/wooo/node_exporter_textfiles/cold_start_recovery.prom";
const LOG: &str = "/backup/logs/backup.log";
const KNOWN_HOSTS: &str = "/home/wooo/.ssh/known_hosts";
const MOMO: &str = "/home/ollama/backup/momo";
const ALERT: &str = "BackupCredentialEscrowEvidenceMissing";

/// Those that the page names, and the two that it counts alone.
const REPOSITORIES: [&str; 13] = [
    "gitea",
    "momo",
    "harbor",
    "awoooi",
    "langfuse",
    "monitoring",
    "signoz",
    "open-webui",
    "clawbot",
    "ai-artifacts",
    "configs",
    "unnamed-12",
    "unnamed-13",
];

/// The check of a repository, and a word of its remedy.
fn repository_check(name: &str) -> (String, String) {
    match name.strip_prefix("unnamed-") {
        Some(number) => (
            format!("repo-{number}@ops110"),
            "set repository_12 and repository_13".to_owned(),
        ),
        None => {
            let script = match name {
                "awoooi" => "backup-awoooi-frequent.sh".to_owned(),
                "ai-artifacts" => "the script of ai-artifacts".to_owned(),
                name => format!("backup-{name}.sh"),
            };
            (
                format!("repo-{name}@ops110"),
                format!("on 110 has why. Repair that, then run {script}"),
            )
        }
    }
}

/// Its row of the coverage.
fn row(name: &str) -> String {
    name.replace("unnamed", "repository")
}

/// Checks of the scripts on 110.
const SCRIPTS: [(&str, &str); 17] = [
    ("all", "backup-all.sh"),
    ("status", "backup-status.sh"),
    ("sync", "sync-offsite-backups.sh"),
    ("verify", "verify-offsite-full-sync.sh"),
    ("gitea", "backup-gitea.sh"),
    ("momo", "backup-momo.sh"),
    ("harbor", "backup-harbor.sh"),
    ("awoooi", "backup-awoooi.sh"),
    ("awoooi-frequent", "backup-awoooi-frequent.sh"),
    ("langfuse", "backup-langfuse.sh"),
    ("monitoring", "backup-monitoring.sh"),
    ("signoz", "backup-signoz.sh"),
    ("open-webui", "backup-open-webui.sh"),
    ("clawbot", "backup-clawbot.sh"),
    ("configs", "backup-configs.sh"),
    ("mark", "mark-credential-escrow-verified.sh"),
    ("report", "offsite-escrow-evidence-report.sh"),
];
const SCRIPT_188: &str = "/home/ollama/bin/momo-pg-backup.sh";
const COMMON: &str = "/backup/scripts/common.sh";

const ESCROW: [&str; 5] = [
    "restic_repository_password",
    "offsite_provider_credentials",
    "break_glass_admin_credentials",
    "dns_registrar_recovery",
    "oauth_ai_provider_recovery",
];

const CAPTURED: [&str; 5] = [
    "120-k3s-host-configs",
    "121-k3s-host-configs",
    "cluster-k8s-workloads",
    "cluster-k8s-secrets",
    "cluster-velero-backups",
];

const CRON: &str = "\
0 2 * * * /backup/scripts/backup-all.sh
0 8,14,20 * * * /backup/scripts/backup-awoooi-frequent.sh
0 3 * * * /backup/scripts/sync-offsite-backups.sh --mode sync
5 6 * * * /backup/scripts/backup-status.sh
20 7 * * * /backup/scripts/verify-offsite-full-sync.sh --write-textfile
";
const CRON_188: &str = "\
30 1 * * * /home/ollama/bin/momo-pg-backup.sh
0 4 * * * /home/ollama/bin/backup-from-110.sh
";

/// The last 02:00, the newest first.
fn nights() -> impl Iterator<Item = Timestamp> {
    daily(2, 0)
}

/// When AWOOOI's database was due, the newest first.
fn awoooi(count: usize) -> Vec<Timestamp> {
    let mut all: Vec<Timestamp> = [2, 8, 14, 20]
        .into_iter()
        .flat_map(|hour| daily(hour, 0).take(count))
        .collect();
    all.sort_unstable();
    all.into_iter().rev().take(count).collect()
}

/// When the newest snapshot of a repository was due.
fn newest(name: &str) -> Timestamp {
    if name == "awoooi" {
        awoooi(1)[0]
    } else {
        nights().next().expect("a night")
    }
}

fn escrow_path(item: &str) -> String {
    format!("/backup/escrow/{item}.evidence")
}

fn escrow_series(item: &str) -> String {
    format!("awoooi_backup_credential_escrow_missing{{item=\"{item}\"}}")
}

fn captured_series(target: &str) -> String {
    format!("awoooi_backup_config_capture_success{{target=\"{target}\"}}")
}

/// A server that answers one path with 200, whatever it is in truth.
fn answers(host: &Host, name: &str, port: u16, path: &str) {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path /tmp/{name}-{kind};\n"))
        .concat();
    let config = format!(
        "daemon off;\nmaster_process off;\nuser root;\npid /tmp/{name}.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
         server {{ listen {}:{port}; location = {path} {{ return 200; }} location / {{ return 404; }} }}\n}}\n",
        host.address
    );
    let file = format!("/etc/{name}.conf");
    host.write(&file, config);
    host.serve(name, &["nginx", "-c", &file]);
    host.served(name, port);
}

struct Site<'a> {
    stand: &'a Stand,
    prometheus: Prometheus<'a>,
    alertmanager: Alertmanager<'a>,
    cluster: Cluster<'a>,
}

impl<'a> Site<'a> {
    fn ops(&self) -> &'a Host {
        self.stand.host("ops110")
    }

    /// Everything as on 2026-06-13: the backups fresh, no marker in escrow.
    fn furnish(stand: &'a Stand) -> Self {
        let (ops, data) = (stand.host("ops110"), stand.host("data188"));
        for host in stand.hosts() {
            host.zone(zone());
        }
        let night = nights().next().expect("a night");
        ops.write("/backup/scripts/.restic-password", "secret\n")
            .write("/backup/offsite/enable-rclone-sync", "")
            .write(
                LOG,
                "[2026-06-11 02:25:32] 全服務備份完成 (1532s) - 1 個失敗 (12/13)\n[INFO] gitea\n\
                 [2026-06-12 15:54:40] 全服務備份完成 (1498s) - 13/13\n[INFO] awoooi-frequent\n",
            );
        for (_, script) in SCRIPTS {
            ops.script(&format!("/backup/scripts/{script}"), "#!/bin/sh\n");
        }
        ops.write(COMMON, "notify_clawbot() { :; }\n");
        data.script(SCRIPT_188, "#!/bin/sh\n");
        ops.docker(&[]);
        for name in REPOSITORIES {
            repository(ops, name, &[newest(name)]);
            remote(ops, name, 1, night);
        }
        ops.rclone("wooo", "gdrive", "/srv/gdrive")
            .owner("/srv/gdrive", "wooo")
            .owner("/backup", "wooo");
        ops.crontab("wooo", CRON);
        data.crontab("ollama", CRON_188);
        ops.write(
            KNOWN_HOSTS,
            "192.168.0.120 ssh-ed25519 AAAAC3Nz\n192.168.0.188 ssh-ed25519 AAAAC3Nz\n",
        )
        .write(
            "/home/wooo/.ssh/deploy_known_hosts",
            "192.168.0.120 ssh-ed25519 AAAAC3Nz\n",
        )
        .owner("/home/wooo/.ssh", "wooo");
        momo_dump(data, ago("3h"));
        let snapshots: String = REPOSITORIES
            .map(|name| {
                format!(
                    "awoooi_backup_offsite_repo_snapshot_count{{repo=\"{name}\"}} 1\n\
                     awoooi_backup_offsite_repo_snapshot_latest_only{{repo=\"{name}\"}} 1\n"
                )
            })
            .concat();
        ops.write(
            VERIFIED,
            format!(
                "awoooi_backup_offsite_remote_verify_ok 1\nawoooi_backup_offsite_full_verify_fresh 1\n{snapshots}"
            ),
        )
        .changed(VERIFIED, daily(7, 20).next().expect("a morning"));
        ops.write(COLD_START, cold_start("green", 0, 0, ago("4m")));
        let captured = CAPTURED.map(|target| format!("{} 1\n", captured_series(target)));
        let gaps = ESCROW.map(|item| format!("{} 1\n", escrow_series(item)));
        ops.write(
            METRICS,
            format!(
                "awoooi_backup_aggregate_failed 0\nawoooi_backup_integrity_stale 0\nawoooi_backup_aggregate_last_run_timestamp {0}\n{1}{2}\
                 probe_success{{instance=\"192.168.0.120\"}} 1\n\
                 velero_backup_last_successful_timestamp{{schedule=\"daily\"}} {0}\n\
                 velero_backup_last_successful_timestamp{{schedule=\"other\"}} {0}\n\
                 velero_backup_last_successful_timestamp {3}\n",
                unix(night),
                captured.concat(),
                gaps.concat(),
                // By hand, long ago.
                unix(ago("90d")),
            ),
        );
        let configured = "awoooi_backup_job_configured{host=\"188\",job=\"momo_pg_daily\"} 1";
        data.write(
            "/home/ollama/node_exporter_textfiles/backup.prom",
            format!(
                "{configured}\nbackup_110_last_success_timestamp {}\n",
                unix(ago("5h"))
            ),
        );
        answers(data, "webhook", 8088, "/health");
        answers(data, "minio", 9000, "/minio/health/live");
        let cluster = Cluster::on(&[stand.host("k3s120")]);
        cluster
            .node("mon")
            .node("mon1")
            .pod("velero", "velero-5d9c7b6f4-xk2lp");
        ops.node_exporter(TEXTFILES);
        data.node_exporter("/home/ollama/node_exporter_textfiles");
        let alertmanager = ops.alertmanager();
        let prometheus = ops.prometheus(&["192.168.0.110:9100", "192.168.0.188:9100"], RULES);
        prometheus.until(configured.trim_end_matches(" 1"));
        prometheus.until("awoooi_backup_aggregate_failed == 0");
        let all = format!("count(ALERTS{{alertname=\"{ALERT}\",alertstate=\"firing\"}}) == 5");
        prometheus.until(&all);
        alertmanager.has(ALERT);
        let site = Self {
            stand,
            prometheus,
            alertmanager,
            cluster,
        };
        site.alerts_are(&[ALERT; 5]);
        site
    }

    /// The same with the escrow written: all is well.
    fn closed(stand: &'a Stand) -> Self {
        let site = Self::furnish(stand);
        site.write_escrow();
        site
    }

    fn write_escrow(&self) {
        for (item, number) in ESCROW.into_iter().zip(11..) {
            self.ops().write(
                &escrow_path(item),
                format!("item={item}\nevidence_id=sealed envelope {number}\n"),
            );
        }
        self.ops().owner("/backup/escrow", "wooo");
        self.tell(&ESCROW.map(|item| (escrow_series(item), 0)));
        self.alerts_are(&[]);
    }

    /// Gives series of 110 other values, and waits until Prometheus has them.
    fn tell<S: AsRef<str>>(&self, series: &[(S, i64)]) {
        let mut text = self.ops().read(METRICS);
        for (name, value) in series {
            let name = name.as_ref();
            let lines = text.lines().map(|line| match line.rsplit_once(' ') {
                Some((known, _)) if known == name => format!("{name} {value}\n"),
                _ => format!("{line}\n"),
            });
            text = lines.collect();
            assert!(text.contains(&format!("{name} {value}\n")), "{name}");
        }
        self.ops().write(METRICS, text);
        for (name, value) in series {
            self.prometheus
                .until(&format!("{} == {value}", name.as_ref()));
        }
    }

    /// Waits until just these alerts are active, in both.
    fn alerts_are(&self, names: &[&str]) {
        let firing = if names.is_empty() {
            self.prometheus.until_none("ALERTS{alertstate=\"firing\"}");
            String::new()
        } else {
            format!("count(ALERTS{{alertstate=\"firing\"}}) == {}", names.len())
        };
        if !firing.is_empty() {
            self.prometheus.until(&firing);
        }
        self.alerts_are_in_alertmanager(names);
    }

    fn alerts_are_in_alertmanager(&self, names: &[&str]) {
        self.ops().until("alertmanager", "its alerts", || {
            let mut wanted = names.to_vec();
            wanted.sort_unstable();
            self.alertmanager.active() == wanted
        });
    }
}

/// A repository with snapshots of these times, each of paths of its own; what was there is gone.
fn repository(ops: &Host, name: &str, at: &[Timestamp]) {
    let path = format!("/backup/{name}");
    if ops.path(&path).exists() {
        ops.remove(&path);
    }
    let paths = ["/srv/dump", "/srv/frequent"];
    let snapshots: Vec<Snapshot> = at
        .iter()
        .zip(paths)
        .map(|(at, path)| Snapshot::new("ops110", path, *at))
        .collect();
    assert_eq!(snapshots.len(), at.len(), "a path for each");
    ops.restic(&path, "secret", &snapshots).owner(&path, "wooo");
}

/// Its copy, with so many snapshots, made of files of that time.
fn remote(ops: &Host, name: &str, snapshots: usize, at: Timestamp) {
    let folder = format!("/srv/gdrive/backup/{name}");
    if ops.path(&folder).exists() {
        ops.remove(&folder);
    }
    ops.write(&format!("{folder}/config"), "{}");
    for number in 0..snapshots {
        let path = format!("{folder}/snapshots/{number:064x}");
        ops.write(&path, "sealed").changed(&path, at);
    }
    ops.owner("/srv/gdrive", "wooo");
}

fn momo_path(at: Timestamp) -> String {
    format!(
        "{MOMO}/{}",
        stamp("momo_analytics_%Y%m%d_%H%M%S.sql.gz", at)
    )
}

fn momo_dump(data: &Host, at: Timestamp) -> String {
    let path = momo_path(at);
    data.archive(&path, &Archive::SqlGz(4000), at)
        .owner("/home/ollama/backup", "ollama");
    path
}

fn cold_start(result: &str, warn: u32, blocked: u32, at: Timestamp) -> String {
    let results = ["green", "degraded", "blocked", "check_failed"].map(|each| {
        format!(
            "awoooi_cold_start_last_result{{result=\"{each}\"}} {}\n",
            u8::from(each == result)
        )
    });
    format!(
        "{}awoooi_cold_start_warn_gates {warn}\nawoooi_cold_start_blocked_gates {blocked}\n\
         awoooi_cold_start_last_run_timestamp {}\n",
        results.concat(),
        unix(at)
    )
}

/// The releases that are open.
fn open(card: &Card) -> Vec<&str> {
    let releases = card.json["releases"].as_array().expect("releases");
    releases
        .iter()
        .filter(|release| release["open"] == true)
        .filter_map(|release| release["id"].as_str())
        .collect()
}

/// The cells of the coverage in one of its lists, without what its checks came to.
fn cells(card: &Card, list: &str) -> Vec<String> {
    let cells = card.fact("coverage", list).as_array().expect("a list");
    cells
        .iter()
        .filter_map(|cell| cell.as_str())
        .map(|cell| cell.split(" (").next().unwrap_or(cell).to_owned())
        .collect()
}

/// What `coverage` comes to when a check of it does not pass.
fn uncovers(cell: impl Into<String>) -> Bad {
    warned("coverage", cell, "Repair the checks that it names")
}

/// "尚未備份", whose risk is accepted.
const EXCLUDED: [&str; 7] = [
    "velero offsite",
    "prometheus-tsdb backup",
    "prometheus-tsdb offsite",
    "sentry backup",
    "sentry offsite",
    "redis-awoooi backup",
    "redis-awoooi offsite",
];

/// BACKUP-STATUS, "2026-06-13 post-CD closeout" and "Credential Escrow Evidence Checklist".
#[test]
fn as_on_the_thirteenth_of_june() {
    let Some(stand) = Stand::of("backup-dr", &["zone"]) else {
        return;
    };
    let site = Site::furnish(&stand);
    let card = stand.check();
    let ids = ESCROW.map(|item| format!("{item}@ops110"));
    let expected = [0, 1, 2, 3, 4].map(|at| {
        blocked(
            &ids[at],
            format!("missing = [\"{}\"]", ESCROW[at]),
            "Never a secret, never a placeholder",
        )
    });
    card.says_all(&expected);
    assert_eq!(open(&card), ["backup-core"], "{}", card.told());
    let dr = &card.json["releases"][1];
    let reasons: Vec<&str> = dr["reasons"]
        .as_array()
        .expect("reasons")
        .iter()
        .filter_map(|reason| reason["id"].as_str())
        .collect();
    assert_eq!(reasons, ["P9-ESCROW"], "{dr}");
    // "皆可見 5 個 escrow gap".
    assert_eq!(*card.fact("visible-in-both", "in_both_count"), 5);
    // "備份全景圖" is proven, "尚未備份" is left out.
    assert_eq!(cells(&card, "excluded"), EXCLUDED);
    assert_eq!(*card.fact("coverage", "proven"), 27);
    let text = stand.text(&["--only", "P9-ESCROW"]);
    for item in ESCROW {
        assert!(text.contains(item), "{item}\n{text}");
    }
    for (item, acceptable, forbidden) in [
        (0, "sealed envelope ID", "a secret URL"),
        (1, "Google Drive/rclone", "an application key"),
        (2, "break-glass credential record ID", "an OTP seed"),
        (3, "registrar recovery checklist ID", "recovery codes"),
        (
            4,
            "provider account recovery checklist ID",
            "a client secret",
        ),
    ] {
        let remedy = card.remedy(&ids[item]);
        let flow = format!("--item {} --evidence-id ID --dry-run", ESCROW[item]);
        for part in [acceptable, forbidden, "--status", &flow] {
            assert!(remedy.contains(part), "{part}\n{remedy}");
        }
    }
    site.write_escrow();
    let card = stand.check();
    card.all_green();
    assert_eq!(open(&card), ["backup-core", "dr-closeout"]);
    // Each of the five in each way in which it is no evidence.
    let ops = site.ops();
    for turn in 0..4 {
        let expected = [0, 1, 2, 3, 4].map(|at| {
            let (item, id) = (ESCROW[at], &ids[at]);
            let path = escrow_path(item);
            let flow = format!("--item {item} --evidence-id ID --dry-run");
            match (at + turn) % 4 {
                0 => {
                    ops.write(&path, "evidence_id=EVIDENCE_ID_FOR_DR\n");
                    blocked(id, format!("placeholders = [\"{item}\"]"), flow)
                }
                1 => {
                    ops.write(&path, "evidence_id=VAULT-ITEM-ID\n");
                    blocked(id, format!("placeholders = [\"{item}\"]"), flow)
                }
                2 => {
                    ops.write(&path, "password=correct-horse-battery\n");
                    blocked(id, format!("suspicious = [\"{item}"), "Never a secret")
                }
                _ => {
                    ops.remove(&path);
                    blocked(id, format!("missing = [\"{item}\"]"), flow)
                }
            }
        });
        let card = stand.check_with(&["--only", "P9-ESCROW"]);
        card.says_all(&expected);
        let all = format!("{}{}", card.json, card.told());
        assert!(!all.contains("correct-horse"), "{all}");
    }
}

/// BACKUP-STATUS, "2026-06-05 manual remediation".
#[test]
fn as_on_the_fifth_of_june() {
    let Some(stand) = Stand::of("backup-dr", &["zone"]) else {
        return;
    };
    let site = Site::furnish(&stand);
    let ops = site.ops();
    stand.host("k3s120").power_off();
    repository(ops, "awoooi", &[awoooi(2)[1]]);
    ops.write(
        LOG,
        "[02:01:40] gitea: open /tmp/gitea-dump.zip: file exists\n\
         [02:09:15] open-webui: Host key verification failed.\n\
         [02:11:02] configs: ssh: connect to host 192.168.0.120 port 22: No route to host\n\
         [02:25:32] 全服務備份完成 (1532s) - 6 個失敗 (7/13)\n",
    )
    .write(COLD_START, cold_start("blocked", 3, 3, ago("4m")));
    site.tell(&[
        ("awoooi_backup_aggregate_failed", 6),
        ("probe_success{instance=\"192.168.0.120\"}", 0),
        (&captured_series(CAPTURED[0]), 0),
    ]);
    site.alerts_are(&[
        ALERT,
        ALERT,
        ALERT,
        ALERT,
        ALERT,
        "BackupAggregateRunFailed",
        "BackupConfigCapturePartial",
        "ColdStartHost120Unreachable",
        "ColdStartRecoveryBlocked",
    ]);
    let card = stand.check();
    let escrow = ESCROW.map(|item| {
        blocked(
            &format!("{item}@ops110"),
            format!("missing = [\"{item}\"]"),
            "--dry-run",
        )
    });
    let rest = [
        blocked(
            "ssh-k3s@k3s120",
            "unreachable",
            "Recover k3s120 from its console",
        ),
        warned(
            "repo-awoooi@ops110",
            "1 run late",
            "backup-awoooi-frequent.sh",
        ),
        blocked(
            "aggregate",
            "awoooi_backup_aggregate_failed\":6",
            "Do not mark it green",
        ),
        warned("quiet", "ColdStartHost120Unreachable", "do not silence"),
        blocked(
            "cold-start@ops110",
            "awoooi_cold_start_blocked_gates') == 0",
            "go there",
        ),
        uncovers("awoooi backup (repo-awoooi@ops110 is WARN)"),
    ];
    card.says_all(&[&escrow[..], &rest[..]].concat());
    // What is captured from 120, and Velero, could not be looked at.
    assert_eq!(
        cells(&card, "unproven"),
        ["awoooi backup", "configs backup", "velero backup"]
    );
    assert_eq!(open(&card), [""; 0]);
    let roots = card.json["roots"].to_string();
    for root in ["ssh-k3s@k3s120", "aggregate"] {
        assert!(roots.contains(root), "{root}: {roots}");
    }
    let text = stand.text(&["--only", "P0-K3S-HOSTS", "--only", "P4-AGGREGATE"]);
    // The aggregate's own log names the cause, and where to go; and what else stopped a backup.
    for words in [
        "120 does not answer",
        "P0-K3S-HOSTS",
        "No route to host",
        "a stale dump in Gitea's container",
        "110 does not trust the host key",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    for held in [
        "aggregate-log@ops110",
        "config-capture",
        "nodes@k3s120",
        "velero-pods@k3s120",
    ] {
        assert_eq!(card.verdict(held), "NOT_EVALUATED", "{}", card.told());
    }
    // 18:40: the single backup was made by hand, and the aggregate stays as it is.
    repository(ops, "awoooi", &[newest("awoooi")]);
    let card = stand.check();
    assert_eq!(card.verdict("repo-awoooi@ops110"), "PASS");
    assert_eq!(card.verdict("aggregate"), "BLOCKED");
    assert_eq!(open(&card), [""; 0]);
}

/// "Backup freshness", "備份全景圖", "保留策略": each of the 13 stale, and not alone.
#[test]
fn repositories_are_stale_or_not_alone() {
    let Some(stand) = Stand::of("backup-dr", &["zone"]) else {
        return;
    };
    let site = Site::closed(&stand);
    let ops = site.ops();
    for odd in [0, 1] {
        let mut expected: Vec<Bad> = Vec::new();
        for (at, name) in REPOSITORIES.into_iter().enumerate() {
            let (id, remedy) = repository_check(name);
            if at % 2 == odd {
                repository(ops, name, &[ago("4d")]);
                expected.push(blocked(&id, "runs missed", remedy));
            } else {
                let before = newest(name) - jiff::SignedDuration::from_hours(24);
                repository(ops, name, &[before, newest(name)]);
                expected.push(blocked(&id, "most_in_group = 2", remedy));
            }
        }
        expected.push(uncovers("gitea backup (repo-gitea@ops110 is BLOCKED)"));
        let card = stand.check();
        card.says_all(&expected);
        let lost = REPOSITORIES.map(|name| format!("{} backup", row(name)));
        assert_eq!(cells(&card, "unproven"), lost);
        assert_eq!(open(&card), [""; 0]);
    }
    // One run late is a warning, and what is not there, locked or of another password is said.
    let night = newest("gitea");
    for name in REPOSITORIES {
        repository(ops, name, &[newest(name)]);
    }
    let due: Vec<Timestamp> = nights().take(4).collect();
    repository(ops, "gitea", &[due[1]]);
    ops.remove("/backup/harbor");
    repository(ops, "langfuse", &[]);
    ops.restic_lock("/backup/signoz", "secret");
    let lock = ops.list("/backup/signoz/locks");
    assert_eq!(lock.len(), 1);
    ops.remove("/backup/clawbot")
        .restic(
            "/backup/clawbot",
            "another",
            &[Snapshot::new("ops110", "/srv/dump", night)],
        )
        .owner("/backup", "wooo");
    let card = stand.check();
    card.says_all(&[
        warned("repo-gitea@ops110", "1 run late", "rename it"),
        blocked("repo-harbor@ops110", "/backup/harbor", "backup-harbor.sh"),
        blocked(
            "repo-langfuse@ops110",
            "snapshots = 0",
            "backup-langfuse.sh",
        ),
        blocked("repo-clawbot@ops110", "password", "backup-clawbot.sh"),
        uncovers("gitea backup (repo-gitea@ops110 is WARN)"),
    ]);
    assert_eq!(
        cells(&card, "unproven"),
        [
            "gitea backup",
            "harbor backup",
            "langfuse backup",
            "clawbot backup"
        ]
    );
}

/// "110 backup cron", "188 momo backup cron/exporter contract", "SSH trust", "告警端點", and
/// column 備份腳本 of "備份全景圖".
#[test]
fn schedules_scripts_and_trust() {
    let Some(stand) = Stand::of("backup-dr", &["zone"]) else {
        return;
    };
    let site = Site::closed(&stand);
    let (ops, data) = (site.ops(), stand.host("data188"));
    let hosts = ops.read(KNOWN_HOSTS);
    let metrics = "/home/ollama/node_exporter_textfiles/backup.prom";
    let configured = data.read(metrics);
    let others = ["0 5", "0 8,20", "0 4", "5 7", "20 8"];
    for odd in [0, 1] {
        let mut expected: Vec<Bad> = Vec::new();
        // Each line of the crontab is gone, and is there at another time.
        let mut crontab = CRON.to_owned();
        for (at, (id, line)) in ["all", "awoooi", "offsite", "status", "verify"]
            .into_iter()
            .zip(CRON.lines())
            .enumerate()
        {
            let id = format!("cron-{id}@ops110");
            let (due, command) = line.split_once(" * * * ").expect("a line");
            let why = if at % 2 == odd {
                crontab = crontab.replace(&format!("{line}\n"), "");
                "no entry".to_owned()
            } else {
                crontab = crontab.replace(line, &format!("{} * * * {command}", others[at]));
                format!("at {} * * *, not at {due} * * *", others[at])
            };
            expected.push(blocked(&id, why, "Crontab 完整排程(110)"));
        }
        ops.crontab("wooo", &crontab);
        let line = CRON_188.lines().nth(odd).expect("a line");
        data.crontab("ollama", &CRON_188.replace(&format!("{line}\n"), ""));
        expected.push(blocked("cron-188@data188", "no entry", "put the line back"));
        // Each script is gone, and cannot be run.
        for (at, (id, script)) in SCRIPTS.into_iter().enumerate() {
            let path = format!("/backup/scripts/{script}");
            ops.script(&path, "#!/bin/sh\n");
            let why = if at % 2 == odd {
                ops.remove(&path);
                "exists = false"
            } else {
                ops.mode(&path, 0o644);
                "mode = \"644\""
            };
            expected.push(blocked(
                &format!("script-{id}@ops110"),
                why,
                "SCRIPT_MISSING_COUNT=0",
            ));
        }
        // Each host is not known, and its line is commented out; CD's own file is gone, and empty.
        let addresses = ["192.168.0.120", "192.168.0.188"];
        ops.write(
            KNOWN_HOSTS,
            hosts
                .replace(&format!("{} ", addresses[odd]), "192.168.0.99 ")
                .replace(
                    &format!("{} ", addresses[1 - odd]),
                    &format!("#{} ", addresses[1 - odd]),
                ),
        );
        for (at, host) in ["120", "188"].into_iter().enumerate() {
            expected.push(blocked(
                &format!("trust-{host}@ops110"),
                if at == odd {
                    "lines = []".to_owned()
                } else {
                    format!("lines = [\"#{} ", addresses[at])
                },
                format!("Compare the fingerprint on {host}'s console"),
            ));
        }
        if odd == 0 {
            ops.remove("/home/wooo/.ssh/deploy_known_hosts");
            ops.remove(COMMON);
            data.remove(SCRIPT_188).stop("webhook");
            data.edit(metrics, "momo_pg_daily\"} 1", "momo_pg_daily\"} 0");
            site.prometheus.until("awoooi_backup_job_configured == 0");
        } else {
            ops.write("/home/wooo/.ssh/deploy_known_hosts", "");
            ops.write(COMMON, "notify() { :; }\n");
            data.script(SCRIPT_188, "#!/bin/sh\n")
                .mode(SCRIPT_188, 0o644);
            answers(data, "webhook", 8088, "/health");
            data.write(metrics, configured.replace("momo_pg_daily", "another"));
            site.prometheus
                .until("awoooi_backup_job_configured{job=\"another\"}")
                .until_none("awoooi_backup_job_configured{job=\"momo_pg_daily\"}");
            expected.retain(|(id, ..)| id != "webhook@data188");
        }
        let [deploy, common, script, job] = [
            [
                "exists = false",
                "exists = false",
                "exists = false",
                "value = 0",
            ],
            [
                "size_bytes = 0",
                "lines = []",
                "mode = \"644\"",
                "absent = true",
            ],
        ][odd];
        expected.extend([
            blocked("deploy-known-hosts@ops110", deploy, "80e6ec1a"),
            blocked("script-common@ops110", common, "has to reach Telegram"),
            blocked("script-188@data188", script, "its exporter"),
            blocked("configured-188", job, "configured_missing_188 has to be 0"),
        ]);
        if odd == 0 {
            expected.push(blocked("webhook@data188", "refused", "AwoooP and Telegram"));
        }
        stand.check_with(&["--only", "P1-JOBS"]).says_all(&expected);
    }
}

/// "188 2/2 fresh", "integrity_stale=0", "保留策略".
#[test]
fn the_two_jobs_of_188() {
    let Some(stand) = Stand::of("backup-dr", &["zone"]) else {
        return;
    };
    let site = Site::closed(&stand);
    let data = stand.host("data188");
    let metrics = "/home/ollama/node_exporter_textfiles/backup.prom";
    let other = |old: &str| {
        let at = unix(ago(old));
        let configured = "awoooi_backup_job_configured{host=\"188\",job=\"momo_pg_daily\"} 1";
        data.write(
            metrics,
            format!("{configured}\nbackup_110_last_success_timestamp {at}\n"),
        );
        site.prometheus
            .until(&format!("backup_110_last_success_timestamp == {at}"));
    };
    let only = || {
        let ids = ["momo-dump", "backup-from-110", "integrity"];
        stand.check_with(&ids.map(|id| ["--only", id]).concat())
    };
    let momo = "momo-dump@data188";
    let another = "backup-from-110";
    let newest = format!("{MOMO}/{}", data.list(MOMO).remove(0));

    let older = momo_dump(data, ago("27h"));
    other("3d");
    site.tell(&[("awoooi_backup_integrity_stale", 1)]);
    only().says_all(&[
        warned(momo, "count = 2", "keeps the newest alone"),
        blocked(another, "49h ago", "then run it by hand"),
        blocked("integrity", "value = 1", "integrity_stale"),
    ]);
    site.tell(&[("awoooi_backup_integrity_stale", 0)]);

    let whole = std::fs::read(data.path(&newest)).expect("a dump");
    data.remove(&newest);
    other("30h");
    only().says_all(&[
        warned(momo, "25h ago", "momo-pg-backup.sh"),
        warned(another, "25h ago", "then run it by hand"),
    ]);
    other("5h");
    data.remove(&older);
    let older = momo_dump(data, ago("50h"));
    only().says_all(&[blocked(momo, "49h ago", "momo-pg-backup.sh")]);
    data.remove(&older);
    only().says_all(&[blocked(momo, "count = 0", "momo-pg-backup.sh")]);
    data.write(&newest, whole)
        .changed(&newest, ago("3h"))
        .truncate(&newest);
    only().says_all(&[blocked(momo, "readable = false", "momo-pg-backup.sh")]);
    data.remove(&newest);
    let small = momo_path(ago("3h"));
    data.archive(&small, &Archive::SqlGz(1), ago("3h"))
        .owner("/home/ollama/backup", "ollama");
    only().says_all(&[blocked(momo, "newest_bytes >= 1000", "momo-pg-backup.sh")]);
}

/// "Google Drive/rclone remote latest-only" and "Offsite gate marker".
#[test]
fn the_copy_off_site() {
    let Some(stand) = Stand::of("backup-dr", &["zone"]) else {
        return;
    };
    let site = Site::closed(&stand);
    let ops = site.ops();
    let only = || stand.check_with(&["--only", "P3-OFFSITE"]);
    let morning = daily(7, 20).next().expect("a morning");
    let night = newest("gitea");
    let good = ops.read(VERIFIED);
    only().only_bad([]);
    // Each copy has two snapshots and has none, each metric is not 1.
    for odd in [0, 1] {
        let mut verified = good.clone();
        let mut lists = [Vec::new(), Vec::new()];
        let mut series = Vec::new();
        for (at, name) in REPOSITORIES.into_iter().enumerate() {
            let (metric, is, snapshots) = [("count", 2, 2), ("latest_only", 0, 0)][(at + odd) % 2];
            let of = format!("awoooi_backup_offsite_repo_snapshot_{metric}{{repo=\"{name}\"}}");
            verified = verified.replace(&format!("{of} 1"), &format!("{of} {is}"));
            series.push(format!("snapshot_{metric}{{repo=\\\"{name}\\\"}}') = {is}"));
            remote(ops, name, snapshots, night);
            lists[(at + odd) % 2].push(name);
        }
        let metric = [
            "awoooi_backup_offsite_remote_verify_ok",
            "awoooi_backup_offsite_full_verify_fresh",
        ][odd];
        verified = verified.replace(&format!("{metric} 1"), &format!("{metric} 0"));
        ops.write(VERIFIED, verified).changed(VERIFIED, morning);
        let mut expected = vec![
            blocked(
                "offsite-verified@ops110",
                format!("metric('{metric}') == 1"),
                "runway gate",
            ),
            blocked(
                "offsite-remote@ops110",
                format!("too_many = {}", json!(lists[0])),
                "REMOTE_LATEST_ONLY_OK=1",
            ),
            blocked("offsite-latest-only@ops110", &series[0], "VERIFY_OK=1"),
        ];
        if odd == 0 {
            ops.remove("/backup/offsite/enable-rclone-sync");
            expected.push(blocked(
                "offsite-enabled@ops110",
                "exists = false",
                "Ask why",
            ));
        }
        let card = only();
        card.says_all(&expected);
        // Of each repository.
        let why = card.why("offsite-latest-only@ops110");
        for of in &series {
            assert!(why.contains(of), "{of}\n{why}");
        }
        let why = card.why("offsite-remote@ops110");
        let missing = format!("missing = {}", json!(lists[1]));
        assert!(why.contains(&missing), "{missing}\n{why}");
        ops.write("/backup/offsite/enable-rclone-sync", "");
    }
    // The verifier did not run, and a copy was left behind: twice, and once.
    for (verified, copied, verdict, why) in [
        (ago("4d"), ago("4d"), "BLOCKED", "runs missed"),
        (
            daily(7, 20).nth(1).expect("a morning"),
            nights().nth(1).expect("a night"),
            "WARN",
            "1 run late",
        ),
    ] {
        for name in REPOSITORIES {
            remote(ops, name, 1, night);
        }
        remote(ops, "harbor", 1, copied);
        ops.write(VERIFIED, &good).changed(VERIFIED, verified);
        let bad = |id: &str, remedy: &str| (id.to_owned(), verdict, why.into(), remedy.into());
        only().says_all(&[
            bad("offsite-verified@ops110", "--write-textfile"),
            bad("offsite-remote@ops110", "--mode sync"),
        ]);
    }
    // RCLONE_CONFIGURED=0, and nothing was ever verified.
    ops.remove("/home/wooo/.config/rclone/rclone.conf")
        .remove(VERIFIED);
    only().says_all(&[
        blocked(
            "offsite-remote@ops110",
            "no such remote",
            "RCLONE_CONFIGURED=1",
        ),
        blocked(
            "offsite-verified@ops110",
            "exists = false",
            "--write-textfile",
        ),
        blocked(
            "offsite-latest-only@ops110",
            "exists = false",
            "VERIFY_OK=1",
        ),
    ]);
}

/// "Backup aggregate health", "Config backup capture", Velero, 120 and the cold start.
#[test]
fn the_aggregate_the_configurations_and_the_cluster() {
    let Some(stand) = Stand::of("backup-dr", &["zone"]) else {
        return;
    };
    let site = Site::closed(&stand);
    let (ops, data) = (site.ops(), stand.host("data188"));
    let only = || {
        let phases = [
            "P0-K3S-HOSTS",
            "P4-AGGREGATE",
            "P5-CONFIGS",
            "P6-VELERO",
            "P8-COLD-START",
        ];
        stand.check_with(&phases.map(|phase| ["--only", phase]).concat())
    };
    let pod = |ready: bool| {
        site.cluster.change("Pod", "velero-5d9c7b6f4-xk2lp", |pod| {
            let status = if ready { "True" } else { "False" };
            pod["status"]["conditions"][0]["status"] = json!(status);
            pod["status"]["containerStatuses"][0]["ready"] = json!(ready);
        });
    };
    let node = |spec: serde_json::Value| {
        site.cluster
            .change("Node", "mon", |node| node["spec"] = spec);
    };
    let captured = |card: &Card, gone: &[usize]| {
        let why = card.why("config-capture");
        for (at, target) in CAPTURED.into_iter().enumerate() {
            assert_eq!(
                why.contains(&format!("values['{target}'] == 1")),
                gone.contains(&at),
                "{target}\n{why}"
            );
        }
    };
    let velero = "velero_backup_last_successful_timestamp{schedule=\"daily\"}";
    // One of two schedules, so that the other's newest backup does not speak for it.
    let other = "velero_backup_last_successful_timestamp{schedule=\"other\"}";
    let at = "awoooi_backup_aggregate_last_run_timestamp";
    let failed = "awoooi_backup_aggregate_failed";
    let night = newest("gitea").as_second();
    let due: Vec<Timestamp> = nights().take(4).collect();
    let log = ops.read(LOG);

    // All that does not hold back another, with Sentry, which is not to run.
    ops.write(LOG, "全服務備份完成 (1532s) - 1 個失敗 (12/13)\n")
        .write(COLD_START, cold_start("degraded", 1, 0, ago("4m")))
        .docker(&[container("sentry-self-hosted-web-1", "sentry:24")]);
    data.stop("minio");
    pod(false);
    node(json!({"unschedulable": true}));
    let series = [0, 2, 4].map(|at| captured_series(CAPTURED[at]));
    let values = series.iter().map(|series| (series.as_str(), 0));
    site.tell(
        &values
            .chain([(other, ago("4d").as_second())])
            .collect::<Vec<_>>(),
    );
    let card = stand.check();
    card.says_all(&[
        blocked("aggregate-log@ops110", "12/13", "backup-all.sh again"),
        blocked("config-capture", CAPTURED[0], "backup-configs.sh"),
        blocked("velero-backup", "runs missed", "velero backup logs"),
        blocked("minio@data188", "refused", "its bucket is velero"),
        blocked(
            "velero-pods@k3s120",
            "not_ready = [\"velero",
            "describe pods",
        ),
        warned("nodes@k3s120", "unschedulable = [\"mon\"]", "uncordon"),
        blocked(
            "cold-start@ops110",
            "awoooi_cold_start_warn_gates') == 0",
            "full-stack-cold-start.yml",
        ),
        warned("quiet", "BackupConfigCapturePartial", "do not silence"),
        warned(
            "sentry@ops110",
            "running_count == 0",
            "nothing of it is backed up",
        ),
        uncovers("configs backup (config-capture is BLOCKED)"),
    ]);
    captured(&card, &[0, 2, 4]);
    assert_eq!(
        cells(&card, "unproven"),
        ["configs backup", "velero backup"]
    );
    assert_eq!(open(&card), [""; 0]);
    answers(data, "minio", 9000, "/minio/health/live");
    pod(true);
    ops.write(LOG, log).docker(&[]);

    // The single backups are all fresh, and the aggregate is red nevertheless.
    let values = [0, 2, 4].map(|at| (captured_series(CAPTURED[at]), 1));
    site.tell(&values);
    site.tell(&[1, 3].map(|at| (captured_series(CAPTURED[at]), 0)));
    site.tell(&[(failed, 1), (other, night), (velero, due[1].as_second())]);
    node(json!({}));
    site.cluster.change("Node", "mon", |node| {
        let conditions = node["status"]["conditions"].as_array_mut();
        for condition in conditions.expect("conditions") {
            if condition["type"] == "Ready" {
                condition["status"] = json!("False");
            }
        }
    });
    ops.write(COLD_START, cold_start("blocked", 0, 3, ago("4m")));
    only().says_all(&[
        blocked(
            "nodes@k3s120",
            "not_ready = [\"mon: NotReady",
            "comes back with it",
        ),
        blocked(
            "aggregate",
            format!("{failed}\":1"),
            "whatever single backups",
        ),
        blocked(
            "cold-start@ops110",
            "awoooi_cold_start_blocked_gates') == 0",
            "full-stack-cold-start.yml",
        ),
    ]);
    site.cluster.change("Node", "mon", |node| {
        let conditions = node["status"]["conditions"].as_array_mut();
        for condition in conditions.expect("conditions") {
            if condition["type"] == "Ready" {
                condition["status"] = json!("True");
            }
        }
    });
    site.tell(&[(failed, 0), (at, ago("4d").as_second())]);
    ops.write(COLD_START, cold_start("check_failed", 0, 0, ago("4m")));
    let card = only();
    card.says_all(&[
        blocked("config-capture", CAPTURED[1], "backup-configs.sh"),
        warned("velero-backup", "1 run late", "velero backup logs"),
        blocked("aggregate", "runs missed", "backup-all.sh again"),
        blocked(
            "cold-start@ops110",
            "awoooi_cold_start_last_result{result=\\\"green\\\"}') == 1",
            "full-stack-cold-start.yml",
        ),
    ]);
    captured(&card, &[1, 3]);
    site.tell(&[1, 3].map(|at| (captured_series(CAPTURED[at]), 1)));
    site.tell(&[(velero, night), (at, due[1].as_second())]);

    // A K3s host holds back what is captured from it, and the cluster.
    let hosts = ["k3s120", "k3s121"];
    for (turn, age) in ["2h", "40m"].into_iter().enumerate() {
        let [unit, root] = [hosts[turn], hosts[1 - turn]];
        stand.host(unit).unit("k3s.service", "failed");
        stand
            .host(root)
            .say(&["mount", "-o", "remount,bind,ro", "/"]);
        ops.write(COLD_START, cold_start("green", 0, 0, ago(age)));
        let card = only();
        let old = if turn == 0 {
            blocked("cold-start@ops110", "1h ago", "full-stack-cold-start.yml")
        } else {
            warned("cold-start@ops110", "30m ago", "full-stack-cold-start.yml")
        };
        card.says_all(&[
            blocked(
                &format!("failed-units@{unit}"),
                "k3s.service",
                "journal of each unit",
            ),
            blocked(&format!("root-k3s@{root}"), "read_only = true", "fsck"),
            warned("aggregate", "1 run late", "backup-all.sh again"),
            old,
        ]);
        for held in ["config-capture", "velero-backup", "minio@data188"] {
            assert_eq!(card.verdict(held), "NOT_EVALUATED", "{}", card.told());
        }
        stand.host(unit).unit("k3s.service", "active");
        stand
            .host(root)
            .say(&["mount", "-o", "remount,bind,rw", "/"]);
    }
    site.tell(&[(at, night)]);
    let card = stand.check();
    card.warned("cold-start@ops110", "30m ago", "full-stack-cold-start.yml");
    assert_eq!(open(&card), ["backup-core"], "{}", card.told());

    // Velero was on a node that is gone since, and is called ready all the same.
    site.cluster.change("Pod", "velero-5d9c7b6f4-xk2lp", |pod| {
        pod["spec"]["nodeName"] = json!("mon9");
    });
    only().says_all(&[
        blocked(
            "velero-pods@k3s120",
            "velero-5d9c7b6f4-xk2lp: on mon9: the cluster has no such node",
            "describe pods",
        ),
        warned("cold-start@ops110", "30m ago", "full-stack-cold-start.yml"),
    ]);
}

/// "Backup alert rules": loaded, as the canonical file has them, seen in both systems.
#[test]
fn rules_and_alerts() {
    let Some(stand) = Stand::of("backup-dr", &["zone"]) else {
        return;
    };
    let site = Site::furnish(&stand);
    let ops = site.ops();
    let only = || stand.check_with(&["--only", "P7-ALERTS"]);
    only().only_bad([]);
    // Another label and another expression are drift.
    let drift = RULES
        .replacen("severity: warning", "severity: info", 1)
        .replace(
            "awoooi_backup_aggregate_failed > 0",
            "awoooi_backup_aggregate_failed > 9",
        );
    site.prometheus.rules(&drift);
    let card = only();
    card.blocked("label-contract", "severity", "drift guard");
    let why = card.why("label-contract");
    for rule in ["BackupConfigCapturePartial", "BackupAggregateRunFailed"] {
        assert!(why.contains(rule), "{rule}\n{why}");
    }
    // The rule of the escrow is missing, which nothing would fire without.
    let gone = RULES.replace(
        &format!("alert: {ALERT}\n        expr: awoooi_backup_credential_escrow_missing == 1"),
        "alert: Another\n        expr: awoooi_backup_credential_escrow_missing == 9",
    );
    assert_ne!(gone, RULES);
    site.prometheus.rules(&gone);
    only().blocked(
        "rules",
        &format!("missing = [\"{ALERT}\"]"),
        "alerts-unified.yml",
    );
    // Of the other four three are missing, and one cannot be evaluated.
    let names = [
        "BackupConfigCapturePartial",
        "ColdStartRecoveryBlocked",
        "ColdStartHost120Unreachable",
    ];
    let mut gone = RULES.replace(
        "awoooi_backup_aggregate_failed > 0",
        "awoooi_backup_credential_escrow_missing * on() awoooi_backup_credential_escrow_missing",
    );
    for name in names {
        gone = gone.replace(&format!("alert: {name}"), "alert: Another");
    }
    site.prometheus.rules(&gone);
    ops.until("prometheus", "a rule that fails", || {
        ops.get(9090, "/api/v1/rules")
            .1
            .contains("\"health\":\"err\"")
    });
    let card = only();
    card.blocked(
        "rules",
        &format!("missing = {}", json!(names)),
        "alerts-unified.yml",
    );
    card.blocked("rules", "BackupAggregateRunFailed", "alerts-unified.yml");
    site.prometheus.rules(RULES);
    site.alerts_are(&[ALERT; 5]);
    // The four others fire, and that of the escrow for four of the five alone.
    site.tell(&[
        (captured_series(CAPTURED[1]).as_str(), 0),
        ("awoooi_backup_aggregate_failed", 1),
        ("probe_success{instance=\"192.168.0.120\"}", 0),
    ]);
    ops.write(COLD_START, cold_start("blocked", 0, 1, ago("4m")));
    ops.edit(
        METRICS,
        &format!("{} 1", escrow_series(ESCROW[4])),
        &format!("{} 2", escrow_series(ESCROW[4])),
    );
    let four = [
        "BackupAggregateRunFailed",
        "BackupConfigCapturePartial",
        "ColdStartHost120Unreachable",
        "ColdStartRecoveryBlocked",
    ];
    site.alerts_are(&[&[ALERT; 4][..], &four[..]].concat());
    let card = only();
    card.says_all(&[
        warned("quiet", "firing", "do not silence"),
        blocked("escrow-alerts", "value = 2", "is forgotten"),
    ]);
    for name in four {
        let why = card.why("quiet");
        assert!(why.contains(name), "{name}\n{why}");
    }
    site.tell(&[
        (captured_series(CAPTURED[1]).as_str(), 1),
        (escrow_series(ESCROW[4]).as_str(), 1),
        ("awoooi_backup_aggregate_failed", 0),
        ("probe_success{instance=\"192.168.0.120\"}", 1),
    ]);
    ops.write(COLD_START, cold_start("green", 0, 0, ago("4m")));
    site.alerts_are(&[ALERT; 5]);
    // An alert that Alertmanager alone has.
    let ghost = json!({"alertname": ALERT, "item": "ghost"});
    site.alertmanager.alerts(&[ghost]);
    site.alerts_are_in_alertmanager(&[ALERT; 6]);
    only().blocked(
        "visible-in-both",
        "item=\\\"ghost\\\"",
        "backup-alert-live-visibility-check.py",
    );
    // Prometheus does not tell this Alertmanager, so it alone has them.
    let config = "/etc/prometheus/prometheus.yml";
    ops.edit(config, "192.168.0.110:9093", "192.168.0.110:9094");
    site.prometheus.rules(RULES);
    ops.stop("alertmanager");
    let restarted = ops.alertmanager();
    site.alerts_are_in_alertmanager(&[]);
    let card = only();
    card.blocked("visible-in-both", "only_in_prometheus = [", "`alerting:`");
    for item in ESCROW {
        let why = card.why("visible-in-both");
        assert!(why.contains(item), "{item}\n{why}");
    }
    ops.edit(config, "192.168.0.110:9094", "192.168.0.110:9093");
    site.prometheus.rules(RULES);
    site.alerts_are(&[ALERT; 5]);
    restarted.silence(ALERT);
    only().warned(
        "visible-in-both",
        "silenced = [\"",
        "a silence of an escrow gap",
    );
    restarted.stop();
    let Site { prometheus, .. } = site;
    prometheus.stop();
    only().says_all(&[
        blocked("prometheus", "refused", "Start Prometheus"),
        blocked("alertmanager", "refused", "Start Alertmanager"),
    ]);
}

/// "尚未備份": what nobody had said anything of would be a warning.
#[test]
fn what_is_not_backed_up_has_to_be_declared() {
    let shipped = std::fs::read_to_string("baselines/backup-dr.yml").expect("the baseline");
    let rules = std::path::absolute("baselines/backup-dr.rules.yml").expect("a path");
    let undeclared: String = shipped
        .lines()
        .filter(|line| {
            let said = ["{ excluded:", " *samples", " *sentry", " *cache"];
            !said.iter().any(|said| line.contains(said))
        })
        .map(|line| format!("{line}\n"))
        .collect::<String>()
        .replace(
            "canonical_rules: backup-dr.rules.yml",
            &format!("canonical_rules: {}", rules.display()),
        );
    let Some(stand) = Stand::with(&undeclared, &["zone"]) else {
        return;
    };
    let card = stand.check_with(&["--only", "coverage"]);
    // Nothing else is there in this world, so that what proves the cells does not pass either.
    assert_eq!(card.verdict("coverage"), "WARN", "{}", card.told());
    assert!(
        card.remedy("coverage")
            .contains("gets `excluded` with its reason"),
        "{}",
        card.told()
    );
    assert_eq!(cells(&card, "uncovered"), EXCLUDED);
    assert!(
        card.why("coverage").contains("uncovered: velero offsite"),
        "{}",
        card.told()
    );
}
