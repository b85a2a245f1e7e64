//! `baselines/backup-dr.yml` on the stand: what BACKUP-STATUS says of 2026-06-13 and of
//! 2026-06-05, green when the escrow is written, and for each of its gates what breaks it.
#![cfg(target_os = "linux")]

#[path = "stand/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod stand;

use jiff::Timestamp;
use serde_json::json;

use stand::Stand;
use stand::archives::Archive;
use stand::card::Card;
use stand::cluster::Cluster;
use stand::host::Host;
use stand::monitoring::{Alertmanager, Prometheus};
use stand::repositories::Snapshot;
use stand::times::{ago, daily, unix};

const ZONE: &str = "Asia/Taipei";
const RULES: &str = include_str!("../baselines/backup-dr.rules.yml");
const TEXTFILES: &str = "/home/wooo/node_exporter_textfiles";
const METRICS: &str = "/home/wooo/node_exporter_textfiles/backup.prom";
const VERIFIED: &str = "/home/wooo/node_exporter_textfiles/offsite_full_sync_verify.prom";
const COLD_START: &str = "/home/wooo/node_exporter_textfiles/cold_start_recovery.prom";
const LOG: &str = "/backup/logs/backup.log";
const KNOWN_HOSTS: &str = "/home/wooo/.ssh/known_hosts";
const MOMO: &str = "/home/ollama/backup/momo";
const ALERT: &str = "BackupCredentialEscrowEvidenceMissing";

/// Those that the page names, and the two guesses.
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
    "sentry",
    "minio",
];

/// The checks of the repositories, in the same order.
fn repository_checks() -> [String; 13] {
    REPOSITORIES.map(|name| match name {
        "sentry" => "repo-12@ops110".to_owned(),
        "minio" => "repo-13@ops110".to_owned(),
        name => format!("repo-{name}@ops110"),
    })
}

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
    daily(2, 0, ZONE)
}

/// When AWOOOI's database was due, the newest first.
fn awoooi(count: usize) -> Vec<Timestamp> {
    let mut all: Vec<Timestamp> = [2, 8, 14, 20]
        .into_iter()
        .flat_map(|hour| daily(hour, 0, ZONE).take(count))
        .collect();
    all.sort_unstable();
    all.into_iter().rev().take(count).collect()
}

/// Of those due, which one is the newest that a job has which is late by one run: the grace
/// of a run that was just due is not over.
fn late(due: &[Timestamp]) -> Timestamp {
    let grace = jiff::SignedDuration::from_hours(2) + jiff::SignedDuration::from_mins(10);
    let in_grace = Timestamp::now().duration_since(due[0]) <= grace;
    due[1 + usize::from(in_grace)]
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
            host.zone(ZONE);
        }
        let night = nights().next().expect("a night");
        ops.write("/backup/scripts/.restic-password", "secret\n")
            .write("/backup/offsite/enable-rclone-sync", "")
            .write(
                LOG,
                "[2026-06-11 02:25:32] 全服務備份完成 (1532s) - 1 個失敗 (12/13)\n[INFO] gitea\n\
                 [2026-06-12 15:54:40] 全服務備份完成 (1498s) - 13/13\n[INFO] awoooi-frequent\n",
            );
        for name in REPOSITORIES {
            let at = if name == "awoooi" {
                awoooi(1)[0]
            } else {
                night
            };
            repository(ops, name, &[at]);
            remote(ops, name, 1);
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
        .changed(VERIFIED, daily(7, 20, ZONE).next().expect("a morning"));
        ops.write(COLD_START, cold_start("green", 0, 0, ago("4m")));
        let captured = CAPTURED.map(|target| format!("{} 1\n", captured_series(target)));
        let gaps = ESCROW.map(|item| format!("{} 1\n", escrow_series(item)));
        ops.write(
            METRICS,
            format!(
                "awoooi_backup_aggregate_failed 0\nawoooi_backup_aggregate_last_run_timestamp {0}\n{1}{2}\
                 probe_success{{instance=\"192.168.0.120\"}} 1\n\
                 velero_backup_last_successful_timestamp{{schedule=\"daily\"}} {0}\n",
                unix(night),
                captured.concat(),
                gaps.concat(),
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
        self.ops().until("alertmanager", "its alerts", || {
            let mut wanted = names.to_vec();
            wanted.sort_unstable();
            self.alertmanager.active() == wanted
        });
    }
}

/// A repository with snapshots of the same; what was there is gone.
fn repository(ops: &Host, name: &str, at: &[Timestamp]) {
    let path = format!("/backup/{name}");
    if ops.path(&path).exists() {
        ops.remove(&path);
    }
    let snapshots: Vec<Snapshot> = at
        .iter()
        .map(|at| Snapshot::new("ops110", "/srv/dump", *at))
        .collect();
    ops.restic(&path, "secret", &snapshots).owner(&path, "wooo");
}

/// Its copy, with so many snapshots.
fn remote(ops: &Host, name: &str, snapshots: usize) {
    let folder = format!("/srv/gdrive/backup/{name}");
    if ops.path(&folder).exists() {
        ops.remove(&folder);
    }
    ops.write(&format!("{folder}/config"), "{}");
    for number in 0..snapshots {
        ops.write(&format!("{folder}/snapshots/{number:064x}"), "sealed");
    }
    ops.owner("/srv/gdrive", "wooo");
}

fn momo_path(at: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::get(ZONE).expect("a time zone");
    let stamp = at.to_zoned(zone).strftime("%Y%m%d_%H%M%S").to_string();
    format!("{MOMO}/momo_analytics_{stamp}.sql.gz")
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

/// Exactly these checks are not PASS, each with its verdict, words of its reason and of its
/// remedy.
#[track_caller]
fn told(card: &Card, expected: &[(&str, &str, &str, &str)]) {
    let bad: Vec<(&str, &str)> = card.bad().into_iter().collect();
    let mut wanted: Vec<(&str, &str)> = expected.iter().map(|each| (each.0, each.1)).collect();
    wanted.sort_unstable();
    assert_eq!(bad, wanted, "{}", card.told());
    for (id, _, why, remedy) in expected {
        assert!(card.why(id).contains(why), "{id} {why}\n{}", card.told());
        assert!(
            card.remedy(id).contains(remedy),
            "{id} {remedy}\n{}",
            card.told()
        );
    }
}

/// BACKUP-STATUS, "2026-06-13 post-CD closeout" and "Credential Escrow Evidence Checklist".
#[test]
fn as_on_the_thirteenth_of_june() {
    let Some(stand) = Stand::of("backup-dr") else {
        return;
    };
    let site = Site::furnish(&stand);
    let card = stand.check();
    let ids = ESCROW.map(|item| format!("{item}@ops110"));
    let expected = [0, 1, 2, 3, 4].map(|at| {
        (
            ids[at].as_str(),
            "BLOCKED",
            ESCROW[at],
            "Never a secret, never a placeholder",
        )
    });
    told(&card, &expected);
    assert_eq!(open(&card), ["backup-core"], "{}", card.told());
    let dr = &card.json["releases"][1];
    let reasons: Vec<&str> = dr["reasons"]
        .as_array()
        .expect("reasons")
        .iter()
        .filter_map(|reason| reason["id"].as_str())
        .collect();
    assert_eq!(reasons, ["P9-ESCROW"], "{dr}");
    let text = stand.text(&[]);
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
    // One of the five alone, in each way in which it is no evidence.
    let ops = site.ops();
    for (item, id) in ESCROW.iter().zip(&ids) {
        let path = escrow_path(item);
        let good = ops.read(&path);
        let only = || stand.check_with(&["--only", "P9-ESCROW"]);
        ops.write(&path, "evidence_id=EVIDENCE_ID_FOR_DR\n");
        only().blocked(id, &format!("placeholders = [\"{item}\"]"), "--dry-run");
        ops.write(&path, "password=correct-horse-battery\n");
        let card = only();
        card.blocked(id, "suspicious", "Never a secret");
        let all = format!("{}{}", card.json, card.told());
        assert!(!all.contains("correct-horse"), "{all}");
        ops.remove(&path);
        only().blocked(id, &format!("missing = [\"{item}\"]"), item);
        ops.write(&path, good);
    }
}

/// BACKUP-STATUS, "2026-06-05 manual remediation".
#[test]
fn as_on_the_fifth_of_june() {
    let Some(stand) = Stand::of("backup-dr") else {
        return;
    };
    let site = Site::furnish(&stand);
    let ops = site.ops();
    stand.host("k3s120").power_off();
    repository(ops, "awoooi", &[late(&awoooi(4))]);
    ops.write(
        LOG,
        "[02:11:02] configs: ssh: connect to host 192.168.0.120 port 22: No route to host\n\
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
    let ids = ESCROW.map(|item| format!("{item}@ops110"));
    let escrow = [0, 1, 2, 3, 4].map(|at| (ids[at].as_str(), "BLOCKED", ESCROW[at], "--dry-run"));
    let rest = [
        (
            "ssh-k3s@k3s120",
            "BLOCKED",
            "unreachable",
            "Recover k3s120 from its console",
        ),
        (
            "repo-awoooi@ops110",
            "WARN",
            "newest_at",
            "backup-awoooi-frequent.sh",
        ),
        (
            "aggregate",
            "BLOCKED",
            "awoooi_backup_aggregate_failed\":6",
            "Do not mark it green",
        ),
        (
            "quiet",
            "WARN",
            "ColdStartHost120Unreachable",
            "do not silence",
        ),
        (
            "cold-start@ops110",
            "BLOCKED",
            "awoooi_cold_start_blocked_gates",
            "go there",
        ),
    ];
    told(&card, &[&escrow[..], &rest[..]].concat());
    assert_eq!(open(&card), [""; 0]);
    let roots = card.json["roots"].to_string();
    for root in ["ssh-k3s@k3s120", "aggregate"] {
        assert!(roots.contains(root), "{root}: {roots}");
    }
    let text = stand.text(&[]);
    // The aggregate's own log names the cause, and where to go.
    for words in ["120 does not answer", "P0-K3S-HOSTS", "No route to host"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    for held in ["config-capture", "nodes@k3s120", "velero-pods@k3s120"] {
        assert!(
            !["PASS", "BLOCKED", "WARN"].contains(&card.verdict(held)),
            "{held} {}",
            card.told()
        );
    }
    // 18:40: the single backup was made by hand, and the aggregate stays as it is.
    repository(ops, "awoooi", &[awoooi(1)[0]]);
    let card = stand.check();
    assert_eq!(card.verdict("repo-awoooi@ops110"), "PASS");
    assert_eq!(card.verdict("aggregate"), "BLOCKED");
    assert_eq!(open(&card), [""; 0]);
}

/// "Backup freshness": each of the 13, stale and no longer alone, by itself.
#[test]
fn repositories_are_stale_or_not_alone() {
    let Some(stand) = Stand::of("backup-dr") else {
        return;
    };
    let site = Site::closed(&stand);
    let ops = site.ops();
    let checks = repository_checks();
    let only = || stand.check_with(&["--only", "P2-REPOSITORIES"]);
    let night = nights().next().expect("a night");
    let fresh = |name: &str| {
        if name == "awoooi" {
            awoooi(1)[0]
        } else {
            night
        }
    };
    for odd in [0, 1] {
        let broken = || (0..13).filter(|at| at % 2 == odd);
        for at in broken() {
            repository(ops, REPOSITORIES[at], &[ago("4d")]);
        }
        let stale: Vec<_> = broken()
            .map(|at| {
                (
                    checks[at].as_str(),
                    "BLOCKED",
                    "newest_at",
                    "on 110 has why",
                )
            })
            .collect();
        told(&only(), &stale);
        for at in broken() {
            let newest = fresh(REPOSITORIES[at]);
            let before = newest - jiff::SignedDuration::from_hours(24);
            repository(ops, REPOSITORIES[at], &[before, newest]);
        }
        let two: Vec<_> = broken()
            .map(|at| {
                (
                    checks[at].as_str(),
                    "BLOCKED",
                    "most_in_group = 2",
                    "on 110 has why",
                )
            })
            .collect();
        told(&only(), &two);
        for at in broken() {
            repository(ops, REPOSITORIES[at], &[fresh(REPOSITORIES[at])]);
        }
    }
    // One night late is a warning, and what is not there, locked or of another password is said.
    let due: Vec<Timestamp> = nights().take(4).collect();
    repository(ops, "gitea", &[late(&due)]);
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
    told(
        &only(),
        &[
            ("repo-gitea@ops110", "WARN", "newest_at", "rename it"),
            ("repo-harbor@ops110", "BLOCKED", "", "backup-harbor.sh"),
            (
                "repo-langfuse@ops110",
                "BLOCKED",
                "snapshots = 0",
                "backup-langfuse.sh",
            ),
            (
                "repo-clawbot@ops110",
                "BLOCKED",
                "password",
                "backup-clawbot.sh",
            ),
        ],
    );
}

/// "188 2/2 fresh", "110 backup cron", "188 momo backup cron/exporter contract", "SSH trust".
#[test]
fn jobs_of_188_schedules_and_trust() {
    let Some(stand) = Stand::of("backup-dr") else {
        return;
    };
    let site = Site::closed(&stand);
    let (ops, data) = (site.ops(), stand.host("data188"));
    let only = || stand.check_with(&["--only", "P1-JOBS"]);
    for ((id, line), another) in ["all", "awoooi", "offsite", "status", "verify"]
        .into_iter()
        .zip(CRON.lines())
        .zip(["0 5", "0 8,20", "0 4", "5 7", "20 8"])
    {
        let id = format!("cron-{id}@ops110");
        ops.crontab("wooo", &CRON.replace(&format!("{line}\n"), ""));
        only().blocked(&id, "no entry", "Crontab 完整排程(110)");
        let (due, command) = line.split_once(" * * * ").expect("a line");
        ops.crontab(
            "wooo",
            &CRON.replace(line, &format!("{another} * * * {command}")),
        );
        only().blocked(
            &id,
            &format!("at {another} * * *, not at {due} * * *"),
            "Crontab",
        );
    }
    ops.crontab("wooo", CRON);
    for line in CRON_188.lines() {
        data.crontab("ollama", &CRON_188.replace(&format!("{line}\n"), ""));
        only().blocked("cron-188@data188", "no entry", "put the line back");
    }
    data.crontab("ollama", CRON_188);
    for (host, address) in [("120", "192.168.0.120"), ("188", "192.168.0.188")] {
        let good = ops.read(KNOWN_HOSTS);
        for other in ["192.168.0.99 ".to_owned(), format!("#{address} ")] {
            ops.edit(KNOWN_HOSTS, &format!("{address} "), &other);
            only().blocked(
                &format!("trust-{host}@ops110"),
                "lines",
                "Compare the fingerprint",
            );
            ops.write(KNOWN_HOSTS, &good);
        }
    }
    ops.remove("/home/wooo/.ssh/deploy_known_hosts");
    only().blocked("deploy-known-hosts@ops110", "exists = false", "80e6ec1a");
    ops.write("/home/wooo/.ssh/deploy_known_hosts", "192.168.0.120 a b\n");
    data.stop("webhook");
    only().blocked("webhook@data188", "refused", "AwoooP and Telegram");
    answers(data, "webhook", 8088, "/health");
    let metrics = "/home/ollama/node_exporter_textfiles/backup.prom";
    let good = data.read(metrics);
    data.edit(metrics, "momo_pg_daily\"} 1", "momo_pg_daily\"} 0");
    site.prometheus.until("awoooi_backup_job_configured == 0");
    only().blocked(
        "configured-188",
        "value = 0",
        "configured_missing_188 has to be 0",
    );
    data.write(
        metrics,
        format!(
            "awoooi_backup_job_configured{{host=\"188\",job=\"momo_pg_daily\"}} 1\n\
             backup_110_last_success_timestamp {}\n",
            unix(ago("3d"))
        ),
    );
    site.prometheus.until("awoooi_backup_job_configured == 1");
    let one = |id: &'static str| stand.check_with(&["--only", id]);
    one("backup-from-110").blocked("backup-from-110", "value", "then run it by hand");
    data.write(metrics, good);
    let newest = data.list(MOMO).remove(0);
    let newest = format!("{MOMO}/{newest}");
    let momo = "momo-dump@data188";
    let older = momo_dump(data, ago("27h"));
    one("momo-dump").warned(momo, "count = 2", "keeps the newest alone");
    let whole = std::fs::read(data.path(&newest)).expect("a dump");
    data.remove(&newest);
    one("momo-dump").warned(momo, "newest_at", "momo-pg-backup.sh");
    data.remove(&older);
    let older = momo_dump(data, ago("50h"));
    one("momo-dump").blocked(momo, "newest_at", "momo-pg-backup.sh");
    data.remove(&older);
    one("momo-dump").blocked(momo, "count = 0", "momo-pg-backup.sh");
    data.write(&newest, whole)
        .changed(&newest, ago("3h"))
        .truncate(&newest);
    one("momo-dump").blocked(momo, "readable = false", "momo-pg-backup.sh");
}

/// "Google Drive/rclone remote latest-only" and "Offsite gate marker".
#[test]
fn the_copy_off_site() {
    let Some(stand) = Stand::of("backup-dr") else {
        return;
    };
    let site = Site::closed(&stand);
    let ops = site.ops();
    let only = || stand.check_with(&["--only", "P3-OFFSITE"]);
    let morning = daily(7, 20, ZONE).next().expect("a morning");
    let good = ops.read(VERIFIED);
    ops.remove("/backup/offsite/enable-rclone-sync");
    only().blocked("offsite-enabled@ops110", "exists = false", "Ask why");
    ops.write("/backup/offsite/enable-rclone-sync", "");
    for metric in [
        "awoooi_backup_offsite_remote_verify_ok",
        "awoooi_backup_offsite_full_verify_fresh",
    ] {
        ops.edit(VERIFIED, &format!("{metric} 1"), &format!("{metric} 0"))
            .changed(VERIFIED, morning);
        only().blocked("offsite-verified@ops110", metric, "runway gate");
        ops.write(VERIFIED, &good).changed(VERIFIED, morning);
    }
    ops.changed(VERIFIED, ago("4d"));
    only().blocked("offsite-verified@ops110", "modified", "--write-textfile");
    for name in REPOSITORIES {
        for (metric, is) in [("count", 2), ("latest_only", 0)] {
            let series =
                format!("awoooi_backup_offsite_repo_snapshot_{metric}{{repo=\"{name}\"}} ");
            ops.write(
                VERIFIED,
                good.replace(&format!("{series}1"), &format!("{series}{is}")),
            )
            .changed(VERIFIED, morning);
            let card = stand.check_with(&["--only", "offsite-latest-only"]);
            card.blocked(
                "offsite-latest-only@ops110",
                &format!("snapshot_{metric}{{repo=\\\"{name}\\\"}}') = {is}"),
                "VERIFY_OK=1",
            );
        }
    }
    ops.write(VERIFIED, &good).changed(VERIFIED, morning);
    for name in REPOSITORIES {
        remote(ops, name, 2);
        let id = "offsite-remote@ops110";
        let one = || stand.check_with(&["--only", "offsite-remote"]);
        one().blocked(
            id,
            &format!("too_many = [\"{name}\"]"),
            "REMOTE_LATEST_ONLY_OK=1",
        );
        remote(ops, name, 0);
        one().blocked(id, &format!("missing = [\"{name}\"]"), "--mode sync");
        remote(ops, name, 1);
    }
    only().only_bad([]);
}

/// "Backup aggregate health", "Config backup capture", Velero, 120 and the cold start.
#[test]
fn the_aggregate_the_configurations_and_the_cluster() {
    let Some(stand) = Stand::of("backup-dr") else {
        return;
    };
    let site = Site::closed(&stand);
    let ops = site.ops();
    let only = |phase: &'static str| stand.check_with(&["--only", phase]);
    let good = ops.read(LOG);
    ops.write(LOG, "全服務備份完成 (1532s) - 1 個失敗 (12/13)\n");
    only("P4-AGGREGATE").blocked("aggregate-log@ops110", "12/13", "backup-all.sh again");
    site.tell(&[("awoooi_backup_aggregate_failed", 1)]);
    only("P4-AGGREGATE").blocked("aggregate", "values", "whatever single backups");
    // Its single backups are all fresh, and it is red nevertheless.
    let at = "awoooi_backup_aggregate_last_run_timestamp";
    let night = nights().next().expect("a night").as_second();
    site.tell(&[("awoooi_backup_aggregate_failed", 0)]);
    ops.write(LOG, good);
    site.tell(&[(at, ago("4d").as_second())]);
    only("P4-AGGREGATE").blocked("aggregate", at, "backup-all.sh again");
    site.tell(&[(at, night)]);
    for target in CAPTURED {
        let series = captured_series(target);
        site.tell(&[(&series, 0)]);
        only("config-capture").blocked(
            "config-capture",
            &format!("values['{target}'] == 1"),
            "backup-configs.sh",
        );
        site.tell(&[(&series, 1)]);
    }
    let velero = "velero_backup_last_successful_timestamp{schedule=\"daily\"}";
    site.tell(&[(velero, ago("4d").as_second())]);
    only("velero-backup").blocked("velero-backup", "value", "velero backup logs");
    site.tell(&[(velero, night)]);
    stand.host("data188").stop("minio");
    only("minio").blocked("minio@data188", "refused", "its bucket is velero");
    answers(stand.host("data188"), "minio", 9000, "/minio/health/live");
    site.cluster.change("Pod", "velero-5d9c7b6f4-xk2lp", |pod| {
        pod["status"]["conditions"][0]["status"] = json!("False");
        pod["status"]["containerStatuses"][0]["ready"] = json!(false);
    });
    only("velero-pods").blocked("velero-pods@k3s120", "not_ready", "describe pods");
    site.cluster.change("Pod", "velero-5d9c7b6f4-xk2lp", |pod| {
        pod["status"]["conditions"][0]["status"] = json!("True");
        pod["status"]["containerStatuses"][0]["ready"] = json!(true);
    });
    site.cluster.change("Node", "mon", |node| {
        node["spec"]["unschedulable"] = json!(true);
    });
    let card = only("nodes");
    card.only_bad(["nodes@k3s120"]);
    assert!(card.remedy("nodes@k3s120").contains("uncordon"));
    site.cluster
        .change("Node", "mon", |node| node["spec"] = json!({}));
    for host in ["k3s120", "k3s121"] {
        let of = stand.host(host);
        of.unit("k3s.service", "failed");
        let id = format!("failed-units@{host}");
        only("failed-units").blocked(&id, "k3s.service", "journal of each unit");
        of.unit("k3s.service", "active");
        of.say(&["mount", "-o", "remount,bind,ro", "/"]);
        let id = format!("root-k3s@{host}");
        only("root-k3s").blocked(&id, "read_only = true", "fsck");
        of.say(&["mount", "-o", "remount,bind,rw", "/"]);
    }
    for (result, warn, blocked, at, why) in [
        ("degraded", 1, 0, "4m", "awoooi_cold_start_warn_gates"),
        ("blocked", 0, 3, "4m", "awoooi_cold_start_blocked_gates"),
        ("check_failed", 0, 0, "4m", "awoooi_cold_start_last_result"),
        ("green", 0, 0, "2h", "awoooi_cold_start_last_run_timestamp"),
    ] {
        ops.write(COLD_START, cold_start(result, warn, blocked, ago(at)));
        only("P8-COLD-START").blocked("cold-start@ops110", why, "full-stack-cold-start.yml");
    }
    ops.write(COLD_START, cold_start("green", 0, 0, ago("40m")));
    only("P8-COLD-START").warned("cold-start@ops110", "awoooi_cold_start_last_run", "");
    let card = stand.check();
    assert_eq!(open(&card), ["backup-core"], "{}", card.told());
}

/// "Backup alert rules": loaded, as the canonical file has them, seen in both systems.
#[test]
fn rules_and_alerts() {
    let Some(stand) = Stand::of("backup-dr") else {
        return;
    };
    let site = Site::furnish(&stand);
    let only = || stand.check_with(&["--only", "P7-ALERTS"]);
    only().only_bad([]);
    // Another label and another expression are drift; a rule that is gone is that alone.
    for (from, to, why) in [
        ("severity: warning", "severity: info", "severity"),
        (
            "awoooi_backup_aggregate_failed > 0",
            "awoooi_backup_aggregate_failed > 9",
            "BackupAggregateRunFailed",
        ),
    ] {
        site.prometheus.rules(&RULES.replacen(from, to, 1));
        only().blocked("label-contract", why, "drift guard");
    }
    for name in [
        "BackupConfigCapturePartial",
        "BackupAggregateRunFailed",
        "ColdStartRecoveryBlocked",
        "ColdStartHost120Unreachable",
    ] {
        site.prometheus
            .rules(&RULES.replace(&format!("alert: {name}"), "alert: Another"));
        only().blocked(
            "rules",
            &format!("missing = [\"{name}\"]"),
            "alerts-unified.yml",
        );
    }
    site.prometheus.rules(RULES);
    // Another of the five fires.
    site.tell(&[(&captured_series(CAPTURED[1]), 0)]);
    site.prometheus.fires("BackupConfigCapturePartial");
    only().warned("quiet", "BackupConfigCapturePartial", "do not silence");
    site.tell(&[(&captured_series(CAPTURED[1]), 1)]);
    site.prometheus
        .until_none("ALERTS{alertname=\"BackupConfigCapturePartial\"}");
    // The alert fires for four of the five alone: its metric is of another shape.
    site.ops().edit(
        METRICS,
        &format!("{} 1", escrow_series(ESCROW[4])),
        &format!("{} 2", escrow_series(ESCROW[4])),
    );
    site.prometheus
        .until(&format!("{} == 2", escrow_series(ESCROW[4])));
    let four = format!("count(ALERTS{{alertname=\"{ALERT}\",alertstate=\"firing\"}}) == 4");
    site.prometheus.until(&four);
    site.alerts_are(&[ALERT; 4]);
    only().blocked("escrow-alerts", "value = 2", "is forgotten");
    site.tell(&[(escrow_series(ESCROW[4]), 1)]);
    site.alerts_are(&[ALERT; 5]);
    site.alertmanager.silence(ALERT);
    let card = only();
    card.warned("visible-in-both", "silenced", "a silence of an escrow gap");
    let Site {
        prometheus,
        alertmanager,
        ..
    } = site;
    alertmanager.stop();
    only().blocked("alertmanager", "refused", "Start Alertmanager");
    prometheus.stop();
    let card = only();
    assert_eq!(card.verdict("prometheus"), "BLOCKED", "{}", card.told());
    assert!(card.remedy("prometheus").contains("Start Prometheus"));
}
