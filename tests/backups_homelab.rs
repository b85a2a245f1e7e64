//! `baselines/homelab-three-layers.yml` on the stand: green when all is as the page has it,
//! and for each row of its tables the one check that tells of it.
#![cfg(target_os = "linux")]

#[path = "stand/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod stand;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use stand::Stand;
use stand::archives::Archive;
use stand::card::Card;
use stand::cluster::Cluster;
use stand::host::Host;
use stand::monitoring::Prometheus;
use stand::times::{ago, daily, stamp};

const TEXTFILES: &str = "/var/lib/textfiles";
const VAULTWARDEN: &str = "/mnt/main/vaultwarden-backup";

/// When a backup is due.
#[derive(Clone, Copy)]
enum Due {
    Daily(i8, i8),
    Sunday(i8),
    FirstSunday(i8),
    SixHourly,
}

impl Due {
    /// The last so many times, the newest first.
    fn last(self, count: usize) -> Vec<Timestamp> {
        let on = |at: &Timestamp| at.to_zoned(TimeZone::UTC);
        let sunday = |at: &Timestamp| on(at).weekday() == jiff::civil::Weekday::Sunday;
        match self {
            Self::Daily(hour, minute) => daily(hour, minute, "UTC").take(count).collect(),
            Self::Sunday(hour) => daily(hour, 0, "UTC").filter(sunday).take(count).collect(),
            Self::FirstSunday(hour) => daily(hour, 0, "UTC")
                .filter(|at| sunday(at) && on(at).day() <= 7)
                .take(count)
                .collect(),
            Self::SixHourly => {
                let mut all: Vec<Timestamp> = [0, 6, 12, 18]
                    .into_iter()
                    .flat_map(|hour| daily(hour, 0, "UTC").take(count / 4 + 2))
                    .collect();
                all.sort_unstable_by(|a, b| b.cmp(a));
                all.truncate(count);
                all
            }
        }
    }
}

/// A row of "Components" that is a backup, with its threshold and a word of its remedy.
struct Backup {
    id: &'static str,
    namespace: &'static str,
    due: Due,
    /// How many are kept.
    kept: usize,
    /// Folder, and name of a file by `strftime`.
    folder: &'static str,
    name: &'static str,
    content: Archive,
    threshold: &'static str,
    alert: &'static str,
    remedy: &'static str,
}

impl Backup {
    fn job(&self) -> String {
        format!("{}-backup", self.id)
    }

    fn file(&self, at: Timestamp) -> String {
        format!("{}/{}", self.folder, stamp(self.name, at))
    }
}

fn backups() -> Vec<Backup> {
    let weekly = |id, namespace, hour, folder, name, content, alert, remedy| Backup {
        id,
        namespace,
        due: Due::Sunday(hour),
        kept: 5,
        folder,
        name,
        content,
        threshold: "8d",
        alert,
        remedy,
    };
    let sqlite = Archive::Text(String::new());
    vec![
        Backup {
            id: "postgresql",
            namespace: "dbaas",
            due: Due::Daily(0, 0),
            kept: 15,
            folder: "/mnt/main/dbaas-backups/postgresql",
            name: "backup-%Y%m%d.sql.gz",
            content: Archive::SqlGz(4000),
            threshold: "36h",
            alert: "PostgreSQLBackupStale",
            remedy: "stacks/dbaas/backup.tf",
        },
        Backup {
            id: "mysql",
            namespace: "dbaas",
            due: Due::Daily(0, 30),
            kept: 15,
            folder: "/mnt/main/dbaas-backups/mysql",
            name: "backup-%Y%m%d.sql.gz",
            content: Archive::MySqlGz(4000),
            threshold: "36h",
            alert: "MySQLBackupStale",
            remedy: "mysql-primary.dbaas",
        },
        weekly(
            "etcd",
            "kube-system",
            1,
            "/mnt/main/etcd-backup",
            "snapshot-%Y%m%d.db",
            Archive::Etcd(4),
            "EtcdBackupStale",
            "restore-etcd.md",
        ),
        Backup {
            id: "vaultwarden",
            namespace: "vaultwarden",
            due: Due::SixHourly,
            kept: 121,
            folder: VAULTWARDEN,
            name: "db-%Y%m%d%H%M.sqlite",
            content: sqlite.clone(),
            threshold: "8d",
            alert: "VaultwardenBackupStale",
            remedy: "It aborts when the live database fails",
        },
        weekly(
            "vault",
            "vault",
            2,
            "/mnt/main/vault-backup",
            "snapshot-%Y%m%d.snap",
            Archive::TarGz(4000),
            "VaultBackupStale",
            "unsealed",
        ),
        weekly(
            "redis",
            "redis",
            3,
            "/mnt/main/redis-backup",
            "dump-%Y%m%d.rdb",
            Archive::Rdb(4000),
            "RedisBackupStale",
            "BGSAVE",
        ),
        Backup {
            id: "prometheus",
            namespace: "monitoring",
            due: Due::FirstSunday(4),
            kept: 2,
            folder: "/mnt/main/prometheus-backup",
            name: "tsdb-%Y%m%d.tar.gz",
            content: Archive::TarGz(4000),
            threshold: "32d",
            alert: "PrometheusBackupStale",
            remedy: "admin API",
        },
        weekly(
            "plotting-book",
            "plotting-book",
            3,
            "/mnt/main/plotting-book-backup",
            "backup-%Y%m%d.sqlite",
            sqlite,
            "PlottingBookBackupStale",
            "plotting-book-backup-<timestamp>",
        ),
    ]
}

/// The alerts besides those of [`backups`], with their checks and a word of their remedy.
const OTHER_ALERTS: [(&str, &str, &str); 4] = [
    ("CloudSyncStale", "cloudsync-stale", "zfs diff failed"),
    ("CloudSyncNeverRun", "cloudsync-never-run", "never ended"),
    (
        "CloudSyncFailing",
        "cloudsync-failing",
        "quota or permission",
    ),
    ("VaultwardenIntegrityFail", "integrity-alert", "Stop writes"),
];

/// "iSCSI Hardening": setting, default, hardened.
const HARDENED: [(&str, &str, &str); 5] = [
    ("node.session.timeo.replacement_timeout", "120", "300"),
    ("node.conn[0].timeo.noop_out_interval", "5", "10"),
    ("node.conn[0].timeo.noop_out_timeout", "5", "15"),
    ("node.conn[0].iscsi.HeaderDigest", "None", "CRC32C,None"),
    ("node.conn[0].iscsi.DataDigest", "None", "CRC32C,None"),
];

const NODES: [&str; 5] = [
    "k8s-master",
    "k8s-node1",
    "k8s-node2",
    "k8s-node3",
    "k8s-node4",
];

/// The hardened settings, but one of them as it is by default.
fn settings(default: Option<usize>) -> Vec<(&'static str, &'static str)> {
    let value = |(at, (name, was, is))| (name, if Some(at) == default { was } else { is });
    HARDENED.into_iter().enumerate().map(value).collect()
}

fn initiator(host: &Host, records: Option<usize>, file: Option<usize>) {
    let lines: String = settings(file)
        .iter()
        .map(|(name, value)| format!("{name} = {value}\n"))
        .collect();
    host.iscsi("iqn.2005-10.org.freenas.ctl:vault", &settings(records))
        .write(
            "/etc/iscsi/iscsid.conf",
            format!("# iscsid\nnode.startup = automatic\n{lines}"),
        );
}

/// All of the homelab.
struct Homelab<'a> {
    stand: &'a Stand,
    cluster: Cluster<'a>,
    prometheus: Prometheus<'a>,
    metrics: RefCell<BTreeMap<String, f64>>,
    rules: Cell<u32>,
    zfs: RefCell<Vec<(String, Timestamp)>>,
}

fn seconds(at: Timestamp) -> f64 {
    f64::from(u32::try_from(at.as_second()).expect("a time of this century"))
}

fn pushed(job: &str) -> String {
    format!("backup_last_success_timestamp{{job=\"{job}\"}}")
}

fn push_time(job: &str) -> String {
    format!("push_time_seconds{{job=\"{job}\"}}")
}

/// A rule for each alert, which fires when the stand has a metric that says so.
fn rules(without: &[&str], number: u32) -> String {
    let mut rules: Vec<_> = backups()
        .iter()
        .map(|backup| backup.alert)
        .chain(OTHER_ALERTS.map(|(alert, _, _)| alert))
        .filter(|alert| !without.contains(alert))
        .map(|alert| json!({"alert": alert, "expr": format!("stand_alert{{name=\"{alert}\"}} == 1")}))
        .collect();
    rules.push(json!({"record": "stand_evaluated", "expr": format!("vector({number})")}));
    json!({"groups": [{"name": "backups", "rules": rules}]}).to_string()
}

impl<'a> Homelab<'a> {
    fn of(stand: &'a Stand) -> Self {
        let master = stand.host("k8s-master");
        let cluster = Cluster::on(&[master]);
        let truenas = stand.host("truenas");
        let mut metrics = BTreeMap::new();
        for backup in backups() {
            let runs = backup.due.last(backup.kept);
            cluster.cron_job(backup.namespace, &backup.job(), "@daily", runs[0]);
            metrics.insert(pushed(&backup.job()), seconds(runs[0]));
            for (number, at) in runs.iter().enumerate() {
                let path = backup.file(*at);
                let like = backup.file(runs[0]);
                if !path.contains(".sqlite") {
                    truenas.archive(&path, &backup.content, *at);
                } else if number == 0 {
                    truenas.sqlite(&path).changed(&path, *at);
                } else if number < 8 {
                    let good = std::fs::read(truenas.path(&like)).expect("a file");
                    truenas.write(&path, good).changed(&path, *at);
                } else {
                    // Never the newest, and only that is read.
                    let size = std::fs::metadata(truenas.path(&like))
                        .expect("a file")
                        .len();
                    truenas.write(&path, "");
                    let file = std::fs::File::options()
                        .write(true)
                        .open(truenas.path(&path));
                    file.and_then(|file| file.set_len(size)).expect("a size");
                    truenas.changed(&path, *at);
                }
            }
        }
        for node in NODES {
            cluster.node(node);
            initiator(stand.host(node), None, None);
        }
        cluster.cron_job(
            "monitoring",
            "cloudsync-monitor",
            "0 */6 * * *",
            Due::SixHourly.last(1)[0],
        );
        cluster.cron_job(
            "vaultwarden",
            "vaultwarden-integrity-check",
            "0 * * * *",
            ago("30m"),
        );
        for job in ["cloudsync-monitor", "vaultwarden-integrity-check"] {
            metrics.insert(push_time(job), seconds(ago("30m")));
        }
        metrics.insert(
            "cloudsync_last_success_timestamp".to_owned(),
            seconds(Due::Sunday(9).last(1)[0]),
        );
        metrics.insert(
            "vaultwarden_sqlite_integrity_ok{status=\"ok\"}".to_owned(),
            1.0,
        );

        let synced = Due::SixHourly.last(1)[0];
        truenas
            .zpools(&[("main", "ONLINE"), ("ssd", "ONLINE")])
            .write(&format!("{VAULTWARDEN}/config.json"), "{}\n")
            .write(&format!("{VAULTWARDEN}/rsa_key.pem"), "-----\n")
            .write("/etc/cron.d/middlewared", "0 */6 * * * root /root/cloudsync-copy.sh\n")
            .script(
                "/root/cloudsync-copy.sh",
                "#!/bin/sh\nrclone copy --files-from-raw /tmp/cloudsync_copy_files.txt --no-traverse /mnt/main synology:/Backup/Viki/truenas\n",
            )
            .write("/var/log/cloudsync-copy.log", "INFO  : copied 12 files\n")
            .changed("/var/log/cloudsync-copy.log", synced)
            .rclone("root", "synology", "/srv/synology")
            .write("/srv/synology/Backup/Viki/truenas/immich/a.jpg", "a");
        let mut zfs = vec![
            ("main".to_owned(), ago("90d")),
            ("ssd".to_owned(), ago("90d")),
        ];
        let twelve: Vec<_> = Due::SixHourly
            .last(8)
            .into_iter()
            .filter(|at| ["00", "12"].contains(&&*stamp("%H", *at)))
            .take(3)
            .collect();
        for pool in ["main", "ssd"] {
            let named = |prefix: &str, at: Timestamp| {
                format!("{pool}@{prefix}{}", stamp("%Y-%m-%d_%H-%M", at))
            };
            zfs.extend(twelve.iter().map(|at| (named("auto-12h-", *at), *at)));
            zfs.extend(
                Due::Daily(0, 0)
                    .last(22)
                    .iter()
                    .map(|at| (named("auto-", *at), *at)),
            );
        }
        zfs.push(("main@cloudsync-prev".to_owned(), synced));

        master.node_exporter(TEXTFILES);
        let target = format!("{}:9100", master.address);
        let homelab = Self {
            stand,
            cluster,
            prometheus: master.prometheus(&[&target], &rules(&[], 0)),
            metrics: RefCell::new(metrics),
            rules: Cell::new(0),
            zfs: RefCell::new(zfs),
        };
        homelab.snapshots(|_| ());
        homelab.metrics(|_| ());
        homelab.prometheus.until("stand_evaluated == 0");
        homelab
    }

    fn truenas(&self) -> &Host {
        self.stand.host("truenas")
    }

    /// Changes what ZFS tells.
    fn snapshots(&self, how: impl FnOnce(&mut Vec<(String, Timestamp)>)) {
        let mut zfs = self.zfs.borrow_mut();
        how(&mut zfs);
        let all: Vec<(&str, Timestamp)> = zfs.iter().map(|(name, at)| (&**name, *at)).collect();
        self.truenas().zfs(&all);
    }

    /// Changes what was pushed, and waits until Prometheus has it.
    fn metrics(&self, how: impl FnOnce(&mut BTreeMap<String, f64>)) {
        let mut metrics = self.metrics.borrow_mut();
        how(&mut metrics);
        let round = metrics.get("stand_round").copied().unwrap_or_default() + 1.0;
        metrics.insert("stand_round".to_owned(), round);
        let mut text = String::new();
        for (name, value) in metrics.iter() {
            let _ = writeln!(text, "{name} {value}");
        }
        let master = self.stand.host("k8s-master");
        // Whole at once, as the page of the node exporter says.
        master.write(&format!("{TEXTFILES}/new"), text);
        std::fs::rename(
            master.path(&format!("{TEXTFILES}/new")),
            master.path(&format!("{TEXTFILES}/pushed.prom")),
        )
        .expect("a file");
        self.prometheus.until(&format!("stand_round == {round}"));
    }

    fn metric(&self, name: &str, value: f64) {
        self.metrics(|all| {
            all.insert(name.to_owned(), value);
        });
    }

    fn rules(&self, without: &[&str]) {
        self.rules.set(self.rules.get() + 1);
        self.prometheus.rules(&rules(without, self.rules.get()));
        self.prometheus
            .until(&format!("stand_evaluated == {}", self.rules.get()));
    }

    fn succeeded(&self, job: &str, at: Timestamp) {
        self.cluster.change("CronJob", job, |job| {
            job["status"]["lastSuccessfulTime"] = json!(stamp("%Y-%m-%dT%H:%M:%SZ", at));
        });
    }
}

/// Only this check is not PASS, and the matrix, which tells these cells.
#[track_caller]
fn uncovers(card: &Card, verdict: &str, id: &str, why: &str, remedy: &str, cells: &[&str]) {
    card.only_bad([id, "coverage"]);
    assert_eq!(card.verdict(id), verdict, "{}", card.told());
    assert!(card.why(id).contains(why), "no {why:?}\n{}", card.told());
    assert!(
        card.remedy(id).contains(remedy),
        "no {remedy:?}\n{}",
        card.told()
    );
    assert_eq!(card.verdict("coverage"), "WARN", "{}", card.told());
    let unproven = card
        .fact("coverage", "unproven")
        .as_array()
        .expect("a list");
    assert_eq!(unproven.len(), cells.len(), "{}", card.told());
    for cell in cells {
        let is_told = unproven
            .iter()
            .any(|told| told.as_str().is_some_and(|told| told.starts_with(cell)));
        assert!(is_told, "no {cell:?}\n{}", card.told());
    }
}

/// Those in the matrix, and Loki.
const SERVICES: [&str; 14] = [
    "postgresql",
    "mysql",
    "vault",
    "etcd",
    "vaultwarden",
    "redis",
    "prometheus",
    "plotting-book",
    "immich",
    "forgejo",
    "paperless-ngx",
    "nextcloud",
    "other-nfs",
    "loki",
];

fn cells(layer: &str, without: &[&str]) -> Vec<String> {
    let services = SERVICES.iter().filter(|service| !without.contains(service));
    services
        .map(|service| format!("{service} {layer}"))
        .collect()
}

#[test]
fn all_is_well() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let homelab = Homelab::of(&stand);
    stand.check().all_green();
    // One list of all cron jobs, one of all nodes, however many checks.
    assert_eq!(
        homelab.cluster.calls().len(),
        2,
        "{:?}",
        homelab.cluster.calls()
    );
}

/// "Components": each cron job suspended, and not done when it was due, twice.
#[test]
fn a_cron_job_is_suspended_or_does_not_succeed() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let homelab = Homelab::of(&stand);
    for backup in backups() {
        let id = format!("{}-job@k8s-master", backup.id);
        let cell = format!("{} application", backup.id);
        let job = backup.job();
        homelab
            .cluster
            .change("CronJob", &job, |job| job["spec"]["suspend"] = json!(true));
        uncovers(
            &stand.check(),
            "BLOCKED",
            &id,
            &job,
            backup.remedy,
            &[&cell],
        );
        homelab
            .cluster
            .change("CronJob", &job, |job| job["spec"]["suspend"] = json!(false));
        let runs = backup.due.last(4);
        homelab.succeeded(&job, runs[3]);
        uncovers(
            &stand.check(),
            "BLOCKED",
            &id,
            "last_success",
            backup.remedy,
            &[&cell],
        );
        homelab.succeeded(&job, runs[0]);
    }
    for (job, id, remedy) in [
        (
            "cloudsync-monitor",
            "cloudsync-job@k8s-master",
            "truenas_api_key",
        ),
        (
            "vaultwarden-integrity-check",
            "integrity-job@k8s-master",
            "only every 6 h",
        ),
    ] {
        homelab
            .cluster
            .change("CronJob", job, |job| job["spec"]["suspend"] = json!(true));
        stand.check().blocked(id, job, remedy);
        homelab
            .cluster
            .change("CronJob", job, |job| job["spec"]["suspend"] = json!(false));
        homelab.succeeded(job, ago("30h"));
        stand.check().blocked(id, "last_success", remedy);
        homelab.succeeded(job, ago("10m"));
    }
    stand.check().all_green();
}

/// "Components": what each job leaves is cut off, is missing, or is not as many.
#[test]
fn a_backup_is_cut_off_missing_or_one_of_too_many() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let truenas = homelab.truenas();
    for backup in backups() {
        let id = format!("{}-files@truenas", backup.id);
        let cell = format!("{} application", backup.id);
        let runs = backup.due.last(backup.kept + 12);
        let newest = backup.file(runs[0]);
        let good = std::fs::read(truenas.path(&newest)).expect("a backup");
        // A cut etcd snapshot has no checksum left to tell by; a spoilt one has.
        if backup.id == "etcd" {
            truenas.spoil(&newest);
        } else {
            truenas.truncate(&newest);
        }
        let card = stand.check();
        if backup.id == "vaultwarden" {
            // SQLite finds it too.
            card.only_bad([&*id, "vaultwarden-copy@truenas", "coverage"]);
            assert!(
                card.why(&id).contains("readable = false"),
                "{}",
                card.told()
            );
        } else {
            uncovers(
                &card,
                "BLOCKED",
                &id,
                "readable = false",
                backup.remedy,
                &[&cell],
            );
        }
        truenas.write(&newest, &good).changed(&newest, runs[0]);
        // As many as there should not be: all that were ever made.
        let more: Vec<String> = runs[backup.kept..]
            .iter()
            .map(|at| backup.file(*at))
            .collect();
        for (path, at) in more.iter().zip(&runs[backup.kept..]) {
            truenas.write(path, &good).changed(path, *at);
        }
        uncovers(
            &stand.check(),
            "WARN",
            &id,
            "count = ",
            backup.remedy,
            &[&cell],
        );
        for path in &more {
            truenas.remove(path);
        }
    }
    stand.check().all_green();
}

#[test]
fn the_newest_backups_are_missing() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let truenas = homelab.truenas();
    for backup in backups() {
        let id = format!("{}-files@truenas", backup.id);
        let cell = format!("{} application", backup.id);
        let runs = backup.due.last(backup.kept + 3);
        let good = std::fs::read(truenas.path(&backup.file(runs[0]))).expect("a backup");
        for at in &runs[..3.min(backup.kept)] {
            truenas.remove(&backup.file(*at));
        }
        for at in &runs[backup.kept..] {
            truenas
                .write(&backup.file(*at), &good)
                .changed(&backup.file(*at), *at);
        }
        uncovers(
            &stand.check(),
            "BLOCKED",
            &id,
            "newest_at",
            backup.remedy,
            &[&cell],
        );
        for at in &runs {
            truenas
                .write(&backup.file(*at), &good)
                .changed(&backup.file(*at), *at);
        }
        for at in &runs[backup.kept..] {
            truenas.remove(&backup.file(*at));
        }
    }
    stand.check().all_green();
}

/// "Vaultwarden Enhanced Protection".
#[test]
fn vaultwarden_s_copy_is_damaged_or_not_whole() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let truenas = homelab.truenas();
    let newest = Due::SixHourly.last(1)[0];
    let path = format!("{VAULTWARDEN}/{}", stamp("db-%Y%m%d%H%M.sqlite", newest));
    let good = std::fs::read(truenas.path(&path)).expect("a copy");
    truenas.sqlite_damaged(&path).changed(&path, newest);
    uncovers(
        &stand.check(),
        "BLOCKED",
        "vaultwarden-copy@truenas",
        "integrity",
        "Do not rotate",
        &["vaultwarden application"],
    );
    truenas.write(&path, good).changed(&path, newest);
    for (name, id) in [
        ("config.json", "vaultwarden-config@truenas"),
        ("rsa_key.pem", "vaultwarden-keys@truenas"),
    ] {
        truenas.remove(&format!("{VAULTWARDEN}/{name}"));
        stand.check().warned(id, "exists = false", "log in again");
        truenas.write(&format!("{VAULTWARDEN}/{name}"), "{}\n");
    }
    homelab.metric("vaultwarden_sqlite_integrity_ok{status=\"ok\"}", 0.0);
    uncovers(
        &stand.check(),
        "BLOCKED",
        "integrity",
        "min = 0",
        "kubectl scale deployment/vaultwarden --replicas=0",
        &["vaultwarden application"],
    );
}

/// "Layer 1", "Schedule": four rows, and the pools.
#[test]
fn snapshots_are_late_gone_or_too_many() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let all = cells("snapshot", &[]);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    for (pool, prefix, id, remedy) in [
        (
            "main",
            "auto-12h-",
            "zfs-main-12h@truenas",
            "lifetime of 24 h",
        ),
        (
            "main",
            "auto-2",
            "zfs-main-daily@truenas",
            "lifetime of 3 weeks",
        ),
        (
            "ssd",
            "auto-12h-",
            "zfs-ssd-12h@truenas",
            "lifetime of 24 h",
        ),
        (
            "ssd",
            "auto-2",
            "zfs-ssd-daily@truenas",
            "lifetime of 3 weeks",
        ),
    ] {
        let before = homelab.zfs.borrow().clone();
        let start = format!("{pool}@{prefix}");
        homelab.snapshots(|all| all.retain(|(name, _)| !name.starts_with(&start)));
        uncovers(&stand.check(), "BLOCKED", id, pool, remedy, &all);
        // As before, and those of a month ago are still there.
        homelab.snapshots(|all| {
            *all = before.clone();
            let head = start.trim_end_matches('2');
            for days in 30..34 {
                let at = ago(&format!("{days}d"));
                all.push((format!("{head}{}", stamp("%Y-%m-%d_%H-%M", at)), at));
            }
        });
        uncovers(&stand.check(), "WARN", id, "too_old = 4", remedy, &all);
        homelab.snapshots(|all| {
            *all = before.clone();
            for (_, at) in all.iter_mut().filter(|(name, _)| name.starts_with(&start)) {
                *at -= jiff::SignedDuration::from_hours(72);
            }
        });
        let card = stand.check();
        card.only_bad([id, "coverage"]);
        assert_eq!(card.verdict(id), "BLOCKED", "{}", card.told());
        homelab.snapshots(|all| *all = before);
    }
    homelab
        .truenas()
        .zpools(&[("main", "ONLINE"), ("ssd", "DEGRADED")]);
    let card = stand.check();
    assert_eq!(card.verdict("pools@truenas"), "BLOCKED", "{}", card.told());
    assert!(
        card.remedy("pools@truenas").contains("zpool status -v"),
        "{}",
        card.told()
    );
}

/// "Components": incremental sync, full sync, CloudSync monitor.
#[test]
fn the_copy_off_site_is_late_failing_or_gone() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let truenas = homelab.truenas();
    let all = cells("offsite", &["prometheus", "loki"]);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();

    truenas.write("/etc/cron.d/middlewared", "");
    stand
        .check()
        .blocked("incremental-cron@truenas", "no entry", "Cron Jobs");
    truenas.write(
        "/etc/cron.d/middlewared",
        "0 */6 * * * root /root/cloudsync-copy.sh\n",
    );

    truenas.mode("/root/cloudsync-copy.sh", 0o644);
    stand
        .check()
        .blocked("incremental-script@truenas", "mode", "below /mnt/main");
    truenas.mode("/root/cloudsync-copy.sh", 0o755);

    let before = homelab.zfs.borrow().clone();
    homelab.snapshots(|all| {
        all.retain(|(name, _)| name != "main@cloudsync-prev");
        all.push(("main@cloudsync-prev".to_owned(), ago("30h")));
    });
    uncovers(
        &stand.check(),
        "BLOCKED",
        "incremental-sync@truenas",
        "newest_at",
        "zfs diff failed",
        &all,
    );
    homelab.snapshots(|all| {
        *all = before.clone();
        all.push(("main@cloudsync-new".to_owned(), ago("5h")));
    });
    stand.check().warned(
        "incremental-stuck@truenas",
        "count = 1",
        "zfs destroy main@cloudsync-new",
    );
    homelab.snapshots(|all| *all = before);

    let log = "/var/log/cloudsync-copy.log";
    truenas
        .write(log, "ERROR : a.jpg: Failed to copy: disk quota exceeded\n")
        .changed(log, Due::SixHourly.last(1)[0]);
    stand.check().warned(
        "incremental-log@truenas",
        "quota exceeded",
        "quota or permission",
    );
    truenas
        .write(log, "INFO  : copied\n")
        .changed(log, ago("30h"));
    stand
        .check()
        .warned("incremental-log@truenas", "newest", "read what it prints");
    truenas.changed(log, Due::SixHourly.last(1)[0]);

    let sync = "cloudsync_last_success_timestamp";
    let good = homelab.metrics.borrow()[sync];
    homelab.metric(sync, seconds(ago("7d 10h")));
    uncovers(
        &stand.check(),
        "WARN",
        "full-sync",
        "value",
        "Cloud Sync Task 1",
        &all,
    );
    homelab.metric(sync, seconds(ago("8d 1h")));
    uncovers(
        &stand.check(),
        "BLOCKED",
        "full-sync",
        "value",
        "Cloud Sync Task 1",
        &all,
    );
    homelab.metrics(|all| assert!(all.remove(sync).is_some()));
    homelab.prometheus.until_none(sync);
    uncovers(
        &stand.check(),
        "BLOCKED",
        "full-sync",
        "absent",
        "the task never ended",
        &all,
    );
    homelab.metric(sync, good);

    for (job, id, old, remedy) in [
        (
            "cloudsync-monitor",
            "cloudsync-pushed",
            "15h",
            "truenas_api_key",
        ),
        (
            "vaultwarden-integrity-check",
            "integrity-pushed",
            "5h",
            "only every 6 h",
        ),
    ] {
        homelab.metric(&push_time(job), seconds(ago(old)));
        stand.check().blocked(id, "value", remedy);
        homelab.metric(&push_time(job), seconds(ago("20m")));
    }

    truenas.remove("/srv/synology/Backup/Viki/truenas/immich");
    uncovers(
        &stand.check(),
        "BLOCKED",
        "synology-files@truenas",
        "directory_count = 0",
        "An empty folder",
        &all,
    );
    stand.host("synology").stop_sshd();
    let card = stand.check();
    assert_eq!(card.verdict("synology"), "BLOCKED", "{}", card.told());
    assert!(
        card.remedy("synology").contains("ping 192.168.1.13"),
        "{}",
        card.told()
    );
}

/// "Monitoring & Alerting": each threshold, an hour before and after it.
#[test]
fn a_success_is_older_than_its_threshold() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let set = |hours: i64| {
        homelab.metrics(|all| {
            for backup in backups() {
                let at = ago(backup.threshold) + jiff::SignedDuration::from_hours(hours);
                all.insert(pushed(&backup.job()), seconds(at));
            }
        });
    };
    set(1);
    stand.check().all_green();
    for backup in backups() {
        let id = format!("{}-pushed", backup.id);
        let cell = format!("{} application", backup.id);
        let name = pushed(&backup.job());
        let good = homelab.metrics.borrow()[&name];
        homelab.metric(&name, seconds(ago(backup.threshold)) - 3600.0);
        uncovers(
            &stand.check(),
            "BLOCKED",
            &id,
            "value",
            backup.remedy,
            &[&cell],
        );
        homelab.metric(&name, good);
    }
    let name = pushed("postgresql-backup");
    homelab.metrics(|all| assert!(all.remove(&name).is_some()));
    homelab.prometheus.until_none(&name);
    uncovers(
        &stand.check(),
        "BLOCKED",
        "postgresql-pushed",
        "absent",
        "stacks/dbaas",
        &["postgresql application"],
    );
}

/// "Monitoring & Alerting": each alert fires, or its rule is not loaded.
#[test]
fn an_alert_fires_or_is_not_loaded() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let mut all: Vec<(&str, String, &str)> = backups()
        .iter()
        .map(|backup| (backup.alert, format!("{}-alert", backup.id), backup.remedy))
        .collect();
    all.extend(OTHER_ALERTS.map(|(alert, id, remedy)| (alert, id.to_owned(), remedy)));
    assert_eq!(all.len(), 12);
    for (alert, id, remedy) in &all {
        let name = format!("stand_alert{{name=\"{alert}\"}}");
        homelab.metric(&name, 1.0);
        homelab.prometheus.fires(alert);
        stand.check().blocked(id, "firing_count = 1", remedy);
        homelab.metric(&name, 0.0);
        homelab
            .prometheus
            .until_none(&format!("ALERTS{{alertname=\"{alert}\"}}"));
        homelab.rules(&[alert]);
        stand.check().blocked(id, alert, remedy);
        homelab.rules(&[]);
    }
    stand.check().all_green();
}

/// "iSCSI Hardening": each setting as it is by default, on one of the five nodes each.
#[test]
fn a_node_has_a_default_of_iscsi() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let _homelab = Homelab::of(&stand);
    for (at, node) in NODES.into_iter().enumerate() {
        let (name, default, hardened) = HARDENED[at];
        let told = format!("{name}: expected {hardened}, is {default}");
        initiator(stand.host(node), Some(at), None);
        stand.check().blocked(
            &format!("iscsi-records@{node}"),
            &told,
            "iscsiadm -m node -o update",
        );
        initiator(stand.host(node), None, Some(at));
        stand
            .check()
            .blocked(&format!("iscsi-config@{node}"), &told, "cloud_init.yaml");
        initiator(stand.host(node), None, None);
    }
    stand.check().all_green();
}

/// "Missing Backup for New Service".
#[test]
fn a_service_without_a_backup_is_uncovered() {
    let shipped =
        std::fs::read_to_string("baselines/homelab-three-layers.yml").expect("the baseline");
    let text = shipped
        + "    linkwarden:\n      title: Linkwarden\n      snapshot: *snapshots\n      offsite: *offsite\n";
    let Some(stand) = Stand::with(&text) else {
        return;
    };
    let _homelab = Homelab::of(&stand);
    stand.check().warned(
        "coverage",
        "linkwarden application",
        "/mnt/main/<app>-backup/",
    );
}

#[test]
fn the_hosts_that_all_stands_on_are_off() {
    let Some(stand) = Stand::of("homelab-three-layers") else {
        return;
    };
    let homelab = Homelab::of(&stand);
    homelab.cluster.change("Node", "k8s-node3", |node| {
        node["status"]["conditions"][3]["status"] = json!("False");
    });
    let card = stand.check();
    assert_eq!(
        card.verdict("nodes@k8s-master"),
        "BLOCKED",
        "{}",
        card.told()
    );
    assert!(
        card.why("nodes@k8s-master").contains("k8s-node3"),
        "{}",
        card.told()
    );
    homelab.cluster.change("Node", "k8s-node3", |node| {
        node["status"]["conditions"][3]["status"] = json!("True");
    });
    homelab.truenas().power_off();
    let card = stand.check();
    assert_eq!(
        card.verdict("ssh-truenas@truenas"),
        "BLOCKED",
        "{}",
        card.told()
    );
    assert_eq!(
        card.json["roots"].as_array().map(Vec::len),
        Some(1),
        "{}",
        card.told()
    );
}
