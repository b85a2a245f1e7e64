//! `baselines/homelab-three-layers.yml` on the stand: green when all is as the page has it,
//! and for each row of its tables the one check that tells of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write;

use crate::stand::Stand;
use crate::stand::archives::Archive;
use crate::stand::card::{Bad, Card, blocked, warned};
use crate::stand::cluster::Cluster;
use crate::stand::host::Host;
use crate::stand::monitoring::Prometheus;
use crate::stand::times::{ago, daily, local, stamp};
use jiff::Timestamp;
use serde_json::json;

const TEXTFILES: &str = "/var/lib/textfiles";
const VAULTWARDEN: &str = "/mnt/main/vaultwarden-backup";
const OFFSITE: &str = "/srv/synology/Backup/Viki/truenas";

const ALERTMANAGER: &str = "/etc/alertmanager.yml";

/// "Alert routing", with receivers that tell somebody.
const ROUTES: &str = "\
receivers:
  - name: infra-alerts
    webhook_configs: [{ url: 'http://127.0.0.1:1/' }]
  - name: infra-critical
    webhook_configs: [{ url: 'http://127.0.0.1:2/' }]
route:
  receiver: infra-alerts
  routes:
    - receiver: infra-critical
      matchers: [alertname = VaultwardenIntegrityFail]
";

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
        let sunday = |at: &Timestamp| local(*at).weekday() == jiff::civil::Weekday::Sunday;
        match self {
            Self::Daily(hour, minute) => daily(hour, minute).take(count).collect(),
            Self::Sunday(hour) => daily(hour, 0).filter(sunday).take(count).collect(),
            Self::FirstSunday(hour) => daily(hour, 0)
                .filter(|at| sunday(at) && local(*at).day() <= 7)
                .take(count)
                .collect(),
            Self::SixHourly => {
                let mut all: Vec<Timestamp> = [0, 6, 12, 18]
                    .into_iter()
                    .flat_map(|hour| daily(hour, 0).take(count / 4 + 2))
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
            // Its alert's 32 d are fewer than there are between some first Sundays.
            threshold: "36d",
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

/// Leaves this one of Vaultwarden's backups on the Synology, and none else.
fn copied(truenas: &Host, at: Timestamp) {
    let folder = format!("{OFFSITE}/vaultwarden-backup");
    if truenas.path(&folder).exists() {
        truenas.remove(&folder);
    }
    let path = format!("{folder}/{}", stamp("db-%Y%m%d%H%M.sqlite", at));
    truenas.write(&path, "SQLite").changed(&path, at);
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
            .write(
                "/etc/cron.d/middlewared",
                "0 */6 * * * root /root/cloudsync-copy.sh\n",
            )
            .script(
                "/root/cloudsync-copy.sh",
                "#!/bin/sh\nexcluded='/(clickhouse|loki|iocage|frigate/recordings|prometheus|crowdsec|\
                 servarr/downloads|iscsi|iscsi-snaps|ytldp|post)/|\\.log$'\nrclone copy /mnt/main synology:/Backup/Viki/truenas \\\n  \
                 --files-from-raw /tmp/cloudsync_copy_files.txt \\\n  --no-traverse\n",
            )
            .write("/var/log/cloudsync-copy.log", "INFO  : copied 12 files\n")
            .changed("/var/log/cloudsync-copy.log", synced)
            .rclone("root", "synology", "/srv/synology")
            .write(&format!("{OFFSITE}/immich/a.jpg"), "a");
        // What was made when the last sync began, that one missed.
        copied(truenas, Due::SixHourly.last(2)[1]);
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

        master.write(ALERTMANAGER, ROUTES);
        master.alertmanager_on(&master.address.to_string(), ALERTMANAGER);
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
            job["status"]["lastSuccessfulTime"] =
                json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        });
    }
}

/// Exactly these checks are not PASS, each with its verdict, words of its reason and of its
/// remedy; and the matrix, where it tells cells: these.
#[track_caller]
fn told(card: &Card, expected: &[Bad], cells: &[String]) {
    let mut expected = expected.to_vec();
    if !cells.is_empty() {
        expected.push(warned("coverage", "", "Repair the checks that it names"));
    }
    card.says_all(&expected);
    let mut unproven: Vec<&str> = card
        .fact("coverage", "unproven")
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|cell| cell.as_str()?.split(" (").next())
        .collect();
    unproven.sort_unstable();
    let mut named: Vec<&str> = cells.iter().map(String::as_str).collect();
    named.sort_unstable();
    assert_eq!(unproven, named, "{}", card.told());
}

/// The cells of all backups.
fn applications() -> Vec<String> {
    let all = backups().into_iter();
    all.map(|backup| format!("{} application", backup.id))
        .collect()
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
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
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
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let homelab = Homelab::of(&stand);
    for turn in [0, 1] {
        let mut expected = Vec::new();
        let mut all: Vec<_> = backups()
            .iter()
            .map(|backup| {
                let runs = backup.due.last(4);
                let id = format!("{}-job@k8s-master", backup.id);
                (
                    backup.job(),
                    id,
                    backup.remedy,
                    runs[0],
                    runs[3],
                    "runs missed",
                )
            })
            .collect();
        all.push((
            "cloudsync-monitor".to_owned(),
            "cloudsync-job@k8s-master".to_owned(),
            "truenas_api_key",
            ago("10m"),
            ago("30h"),
            "runs missed",
        ));
        all.push((
            "vaultwarden-integrity-check".to_owned(),
            "integrity-job@k8s-master".to_owned(),
            "only every 6 h",
            ago("10m"),
            ago("5h"),
            "at most 4h ago",
        ));
        for (at, (job, id, remedy, good, old, why)) in all.iter().enumerate() {
            let suspended = at % 2 == turn;
            homelab.cluster.change("CronJob", job, |job| {
                job["spec"]["suspend"] = json!(suspended);
            });
            homelab.succeeded(job, if suspended { *good } else { *old });
            let why = if suspended {
                format!("suspended = [\"{job}\"]")
            } else {
                (*why).to_owned()
            };
            expected.push(blocked(id, why, *remedy));
        }
        told(&stand.check(), &expected, &applications());
    }
}

/// "Common causes" and "iSCSI Session Drops": the pods' last ends and the events tell which.
#[test]
fn why_a_cron_job_does_not_succeed() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let homelab = Homelab::of(&stand);
    homelab.succeeded("postgresql-backup", ago("4d"));
    let told_of = |words: [&str; 2]| {
        let card = stand.check();
        told(
            &card,
            &[blocked(
                "postgresql-job@k8s-master",
                "runs missed",
                "stacks/dbaas/backup.tf",
            )],
            &["postgresql application".to_owned()],
        );
        let text = stand.text(&["--only", "postgresql-job"]);
        for word in words {
            assert!(text.contains(word), "{word}\n{text}");
        }
        text
    };
    let text = told_of(["cronjob/postgresql-backup", "stacks/dbaas/backup.tf"]);
    assert!(!text.contains("ran out of memory"), "{text}");
    homelab.cluster.pod("dbaas", "postgresql-backup-29");
    homelab
        .cluster
        .change("Pod", "postgresql-backup-29", |pod| {
            pod["status"]["containerStatuses"][0]["lastState"] = json!({"terminated": {
                "reason": "OOMKilled", "exitCode": 137,
                "startedAt": ago("2h").to_string(), "finishedAt": ago("1h").to_string()}});
        });
    told_of([
        "a backup's pod ran out of memory",
        "More of resources.limits.memory",
    ]);
    homelab.cluster.remove("Pod", "postgresql-backup-29");
    for (message, title, remedy, back) in [
        (
            "MountVolume.SetUp failed for volume \"backup\" : mount failed: exit status 32 mount.nfs: Connection timed out",
            "the NFS mount is not available",
            "restart the NFS server",
            "P0-TRUENAS",
        ),
        (
            "MountVolume.MountDevice failed for volume \"data\" : read /dev/sdb: input/output error",
            "an iSCSI session dropped",
            "iscsiadm -m session",
            "P5-ISCSI",
        ),
        (
            "stat /var/lib/kubelet/pods/data: transport endpoint is not connected",
            "an iSCSI session dropped",
            "iscsiadm -m session",
            "P5-ISCSI",
        ),
    ] {
        let at = ago("10m").strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        homelab.cluster.add(json!({
            "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "FailedMount", "message": message,
            "metadata": {"name": "postgresql-backup-29.17", "namespace": "dbaas"}, "count": 3,
            "involvedObject": {"kind": "Pod", "name": "postgresql-backup-29", "namespace": "dbaas"},
            "firstTimestamp": at, "lastTimestamp": at,
        }));
        let text = told_of([title, remedy]);
        assert!(text.contains(back), "{back}\n{text}");
        homelab.cluster.remove("Event", "postgresql-backup-29.17");
    }
}

/// One that was made this morning owes nothing before midnight. But no run of it is known, and
/// a backup that nobody has is not fresh: the card says why.
#[test]
fn a_cron_job_was_not_due_yet() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let made = |at: Timestamp| {
        homelab
            .cluster
            .change("CronJob", "postgresql-backup", |job| {
                let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                job["metadata"]["creationTimestamp"] = json!(at);
                job["status"] = json!({});
            });
        let card = stand.check();
        told(
            &card,
            &[blocked(
                "postgresql-job@k8s-master",
                "no run is known",
                "pg_dumpall",
            )],
            &["postgresql application".to_owned()],
        );
        card.why("postgresql-job@k8s-master")
    };
    let why = made(ago("10m"));
    assert!(
        why.contains("not_due_yet = ['postgresql-backup: made at"),
        "{why}"
    );
    assert!(why.contains("without_success = []"), "{why}");
    let why = made(ago("2d"));
    assert!(
        why.contains("without_success = [\"postgresql-backup: never started since it was made"),
        "{why}"
    );
    assert!(why.contains("not_due_yet = []"), "{why}");
}

/// "Components": what each job leaves is cut off, the newest are missing, or are too many.
#[test]
fn a_backup_is_cut_off_missing_or_one_of_too_many() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let truenas = homelab.truenas();
    let goods: Vec<Vec<u8>> = backups()
        .iter()
        .map(|backup| {
            let newest = backup.file(backup.due.last(1)[0]);
            std::fs::read(truenas.path(&newest)).expect("a backup")
        })
        .collect();
    for turn in 0..3 {
        let mut expected = Vec::new();
        for (place, backup) in backups().iter().enumerate() {
            let id = format!("{}-files@truenas", backup.id);
            let runs = backup.due.last(backup.kept + 12);
            let put = |runs: &[Timestamp]| {
                for at in runs {
                    let path = backup.file(*at);
                    truenas.write(&path, &goods[place]).changed(&path, *at);
                }
            };
            match (place + turn) % 3 {
                0 => {
                    // A cut etcd snapshot has no checksum left to tell by; a spoilt one has.
                    let newest = backup.file(runs[0]);
                    if backup.id == "etcd" {
                        truenas.spoil(&newest);
                    } else {
                        truenas.truncate(&newest);
                    }
                    expected.push(blocked(&id, "readable = false", backup.remedy));
                    if backup.id == "vaultwarden" {
                        // SQLite finds it too.
                        expected.push(blocked(
                            "vaultwarden-copy@truenas",
                            "malformed",
                            "Do not rotate",
                        ));
                    }
                }
                1 => {
                    // As many as there should be, and the newest three are not among them.
                    put(&runs[backup.kept..backup.kept + 3]);
                    for at in &runs[..3.min(backup.kept)] {
                        truenas.remove(&backup.file(*at));
                    }
                    expected.push(blocked(&id, "runs missed", backup.remedy));
                }
                _ => {
                    // All that were ever made.
                    put(&runs[backup.kept..]);
                    let count = format!("count = {}", backup.kept + 12);
                    expected.push(warned(&id, count, backup.remedy));
                }
            }
        }
        told(&stand.check(), &expected, &applications());
        for (place, backup) in backups().iter().enumerate() {
            let runs = backup.due.last(backup.kept + 12);
            for at in &runs[..3.min(backup.kept)] {
                let path = backup.file(*at);
                truenas.write(&path, &goods[place]).changed(&path, *at);
            }
            for at in &runs[backup.kept..] {
                if truenas.path(&backup.file(*at)).exists() {
                    truenas.remove(&backup.file(*at));
                }
            }
        }
    }

    // Weeks without power, and the first runs after them: each removed what is past its time.
    // Prometheus' are kept by number, and stay.
    let rotated = |backup: &&Backup| backup.id != "prometheus";
    let mut expected = Vec::new();
    for backup in backups().iter().filter(rotated) {
        for at in &backup.due.last(backup.kept)[1..] {
            truenas.remove(&backup.file(*at));
        }
        let id = format!("{}-files@truenas", backup.id);
        expected.push(warned(&id, "count = 1", "each run adds one"));
    }
    homelab.snapshots(|all| {
        let mut seen = std::collections::BTreeSet::new();
        all.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
        all.retain(|(name, _)| match name.split_once("@auto-") {
            None => true,
            Some((pool, date)) => seen.insert((pool.to_owned(), date.starts_with("12h-"))),
        });
    });
    for (pool, schedule) in [
        ("main", "12h"),
        ("main", "daily"),
        ("ssd", "12h"),
        ("ssd", "daily"),
    ] {
        let id = format!("zfs-{pool}-{schedule}@truenas");
        expected.push(warned(&id, "fewest = 1", "each run adds one"));
    }
    let mut unproven = cells("snapshot", &[]);
    unproven.extend(
        applications()
            .into_iter()
            .filter(|cell| !cell.starts_with("prometheus")),
    );
    told(&stand.check(), &expected, &unproven);
}

/// "Vaultwarden Enhanced Protection".
#[test]
fn vaultwarden_s_copy_is_damaged_or_not_whole() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let truenas = homelab.truenas();
    let newest = Due::SixHourly.last(1)[0];
    let path = format!("{VAULTWARDEN}/{}", stamp("db-%Y%m%d%H%M.sqlite", newest));
    let good = std::fs::read(truenas.path(&path)).expect("a copy");
    let beside = ["config.json", "rsa_key.pem"].map(|name| format!("{VAULTWARDEN}/{name}"));
    let ids = ["vaultwarden-config@truenas", "vaultwarden-keys@truenas"];
    let cell = ["vaultwarden application".to_owned()];

    truenas.sqlite_damaged(&path).changed(&path, newest);
    truenas.remove(&beside[0]).write(&beside[1], "");
    told(
        &stand.check(),
        &[
            blocked(
                "vaultwarden-copy@truenas",
                "integrity == 'ok'",
                "Do not rotate",
            ),
            warned(ids[0], "exists = false", "log in again"),
            warned(ids[1], "size_bytes = 0", "log in again"),
        ],
        &cell,
    );
    truenas.write(&path, good).changed(&path, newest);
    truenas.write(&beside[0], "").remove(&beside[1]);
    homelab.metric("vaultwarden_sqlite_integrity_ok{status=\"ok\"}", 0.0);
    told(
        &stand.check(),
        &[
            blocked(
                "integrity",
                "min = 0",
                "kubectl scale deployment/vaultwarden --replicas=0",
            ),
            warned(ids[0], "size_bytes = 0", "log in again"),
            warned(ids[1], "exists = false", "log in again"),
        ],
        &cell,
    );
}

/// "Layer 1", "Schedule": four rows, and the pools.
#[test]
fn snapshots_are_late_gone_or_too_many() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let before = homelab.zfs.borrow().clone();
    let rows = [
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
    ];
    for turn in 0..3 {
        let mut expected = Vec::new();
        homelab.snapshots(|all| {
            *all = before.clone();
            for (at, (pool, prefix, id, remedy)) in rows.into_iter().enumerate() {
                let start = format!("{pool}@{prefix}");
                match (at + turn) % 3 {
                    0 => {
                        all.retain(|(name, _)| !name.starts_with(&start));
                        expected.push(blocked(id, format!("without = [\"{pool}\"]"), remedy));
                    }
                    1 => {
                        // As before, and those of a month ago are still there.
                        let head = start.trim_end_matches('2');
                        for days in 30..34 {
                            let at = ago(&format!("{days}d"));
                            all.push((format!("{head}{}", stamp("%Y-%m-%d_%H-%M", at)), at));
                        }
                        expected.push(warned(id, "too_old = 4", remedy));
                    }
                    _ => {
                        for (_, at) in all.iter_mut().filter(|(name, _)| name.starts_with(&start)) {
                            *at -= jiff::SignedDuration::from_hours(72);
                        }
                        expected.push(blocked(id, "runs missed", remedy));
                    }
                }
            }
        });
        told(&stand.check(), &expected, &cells("snapshot", &[]));
    }
    homelab.snapshots(|all| *all = before);
    homelab
        .truenas()
        .zpools(&[("main", "ONLINE"), ("ssd", "DEGRADED")]);
    // What TrueNAS holds back is not proven.
    let mut held = cells("snapshot", &[]);
    held.extend(cells("offsite", &["prometheus", "loki"]));
    held.extend(applications());
    told(
        &stand.check(),
        &[blocked("pools@truenas", "DEGRADED", "zpool status -v")],
        &held,
    );
}

/// "Components": incremental sync, full sync, CloudSync monitor.
#[test]
fn the_copy_off_site_is_late_failing_or_gone() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let truenas = homelab.truenas();
    let all = cells("offsite", &["prometheus", "loki"]);
    let before = homelab.zfs.borrow().clone();
    let script = truenas.read("/root/cloudsync-copy.sh");
    let log = "/var/log/cloudsync-copy.log";
    let synced = Due::SixHourly.last(1)[0];
    let sync = "cloudsync_last_success_timestamp";
    let good = homelab.metrics.borrow()[sync];
    let figures = |full: Option<&str>, monitor: &str, integrity: &str| {
        homelab.metrics(|all| {
            match full {
                Some(old) => all.insert(sync.to_owned(), seconds(ago(old))),
                None => all.remove(sync),
            };
            all.insert(push_time("cloudsync-monitor"), seconds(ago(monitor)));
            let check = push_time("vaultwarden-integrity-check");
            all.insert(check, seconds(ago(integrity)));
        });
    };

    truenas
        .write(
            "/etc/cron.d/middlewared",
            "0 */12 * * * root /root/cloudsync-copy.sh\n",
        )
        .mode("/root/cloudsync-copy.sh", 0o644)
        .write(log, "ERROR : a.jpg: Failed to copy: disk quota exceeded\n")
        .changed(log, synced)
        .remove(OFFSITE)
        .write(&format!("{OFFSITE}/of-old"), "a");
    homelab.snapshots(|all| {
        for (_, at) in all
            .iter_mut()
            .filter(|(name, _)| name == "main@cloudsync-prev")
        {
            *at = ago("30h");
        }
    });
    figures(Some("7d 10h"), "15h", "5h");
    told(
        &stand.check(),
        &[
            blocked(
                "incremental-cron@truenas",
                "at 0 */12 * * *, not at 0 */6 * * *",
                "Cron Jobs",
            ),
            blocked(
                "synology-vaultwarden@truenas",
                "not found",
                "set synology_vaultwarden",
            ),
            blocked(
                "incremental-script@truenas",
                "mode = \"644\"",
                "below /mnt/main",
            ),
            blocked("incremental-sync@truenas", "runs missed", "zfs diff failed"),
            warned(
                "incremental-log@truenas",
                "quota exceeded",
                "quota or permission",
            ),
            blocked(
                "synology-files@truenas",
                "directory_count = 0",
                "An empty folder",
            ),
            warned("full-sync", "7d 9h ago", "Cloud Sync Task 1"),
            blocked("cloudsync-pushed", "14h ago", "truenas_api_key"),
            blocked("integrity-pushed", "4h ago", "only every 6 h"),
        ],
        &all,
    );

    // The snapshot is renamed in time, whatever rclone came to; what it sent did not arrive.
    truenas
        .write("/etc/cron.d/middlewared", "")
        .write(log, "INFO  : copied\n")
        .changed(log, ago("30h"))
        .script(
            "/root/cloudsync-copy.sh",
            &script.replace("  --no-traverse", "  true # --no-traverse"),
        );
    copied(truenas, ago("21h"));
    homelab.snapshots(|all| {
        *all = before.clone();
        all.push(("main@cloudsync-new".to_owned(), ago("5h")));
    });
    figures(Some("8d 1h"), "9h", "3h");
    told(
        &stand.check(),
        &[
            blocked(
                "incremental-script@truenas",
                "--no-traverse",
                "below /mnt/main",
            ),
            blocked("incremental-cron@truenas", "no entry", "Cron Jobs"),
            blocked("synology-vaultwarden@truenas", "20h ago", "does not arrive"),
            warned(
                "incremental-stuck@truenas",
                "count = 1",
                "zfs destroy main@cloudsync-new",
            ),
            warned(
                "incremental-log@truenas",
                "runs missed",
                "read what it prints",
            ),
            blocked("full-sync", "8d ago", "Cloud Sync Task 1"),
            warned("cloudsync-pushed", "8h ago", "truenas_api_key"),
            warned("integrity-pushed", "2h ago", "only every 6 h"),
        ],
        &all,
    );

    truenas
        .write(
            "/etc/cron.d/middlewared",
            "0 0,6,12,18 * * * root /root/cloudsync-copy.sh\n",
        )
        .script(
            "/root/cloudsync-copy.sh",
            &script.replace("--files-from-raw", "--include-from"),
        )
        .remove(log);
    copied(truenas, ago("15h"));
    homelab.snapshots(|all| {
        all.clone_from(&before);
        all.retain(|(name, _)| name != "main@cloudsync-prev");
    });
    figures(None, "20m", "20m");
    homelab.prometheus.until_none(sync);
    told(
        &stand.check(),
        &[
            blocked(
                "incremental-script@truenas",
                "--files-from",
                "below /mnt/main",
            ),
            warned("synology-vaultwarden@truenas", "14h ago", "does not arrive"),
            blocked(
                "incremental-sync@truenas",
                "without = [\"main\"]",
                "zfs diff failed",
            ),
            warned(
                "incremental-log@truenas",
                "exists = false",
                "read what it prints",
            ),
            blocked("full-sync", "absent = true", "the task never ended"),
        ],
        &all,
    );

    truenas
        .write(log, "INFO  : copied\n")
        .changed(log, synced)
        .remove("/root/cloudsync-copy.sh");
    copied(truenas, synced);
    homelab.snapshots(|all| *all = before);
    homelab.metric(sync, good);
    stand.host("synology").stop_sshd();
    told(
        &stand.check(),
        &[
            blocked(
                "incremental-script@truenas",
                "exists = false",
                "below /mnt/main",
            ),
            blocked("synology", "refused", "ping 192.168.1.13"),
        ],
        &all,
    );
}

/// "Excludes (both incremental and full sync)": each row is gone, or commented out.
#[test]
fn the_sync_lacks_an_exclude() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let truenas = homelab.truenas();
    let path = "/root/cloudsync-copy.sh";
    let script = truenas.read(path);
    let id = "incremental-excludes@truenas";
    for row in [
        "clickhouse",
        "loki",
        "iocage",
        "frigate/recordings",
        "prometheus",
        "crowdsec",
        "servarr/downloads",
        "iscsi|",
        "iscsi-snaps",
        "ytldp",
        "post",
        "\\.log",
    ] {
        let without = script.replacen(row, "of-old|", 1);
        assert_ne!(without, script, "{row}");
        truenas.script(path, &format!("{without}# {row}\n"));
        let card = stand.check_with(&["--only", "P3-OFFSITE"]);
        card.only_bad([id]);
        assert_eq!(card.verdict(id), "WARN", "{row}\n{}", card.told());
        let word = row.trim_matches(['|', '\\', '.']);
        assert!(card.why(id).contains(word), "{row}\n{}", card.told());
        assert!(card.remedy(id).contains("Cloud Sync Task 1"));
    }
}

/// "Monitoring & Alerting": each threshold, an hour before and after it, and without any figure.
#[test]
fn a_success_is_older_than_its_threshold() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
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
    set(-1);
    let too_old: Vec<Bad> = backups()
        .iter()
        .map(|backup| {
            blocked(
                &format!("{}-pushed", backup.id),
                format!("at most {} ago", backup.threshold),
                backup.remedy,
            )
        })
        .collect();
    told(&stand.check(), &too_old, &applications());
    homelab.metrics(|all| all.retain(|name, _| !name.starts_with("backup_last_success")));
    homelab
        .prometheus
        .until_none("backup_last_success_timestamp");
    let gone: Vec<Bad> = too_old
        .into_iter()
        .map(|(id, _, _, remedy)| blocked(&id, "absent = true", remedy))
        .collect();
    told(&stand.check(), &gone, &applications());
}

/// "Alert routing": each alert that goes elsewhere, and an Alertmanager that is down.
#[test]
fn an_alert_reaches_another_channel() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let _homelab = Homelab::of(&stand);
    let master = stand.host("k8s-master");
    let looks = |routes: &str| {
        master.write(ALERTMANAGER, routes).stop("alertmanager");
        master.alertmanager_on(&master.address.to_string(), ALERTMANAGER);
        stand.check_with(&["--only", "routed", "--only", "routed-critical"])
    };
    let alerts = backups().into_iter().map(|backup| backup.alert);
    let others = OTHER_ALERTS.map(|(alert, _, _)| alert);
    for alert in alerts.chain(others).filter(|alert| *alert != others[3]) {
        let moved = format!("matchers: ['alertname =~ \"VaultwardenIntegrityFail|{alert}\"']");
        looks(&ROUTES.replace("matchers: [alertname = VaultwardenIntegrityFail]", &moved)).blocked(
            "routed",
            &format!("{alert} reaches infra-critical, not infra-alerts"),
            "#infra-alerts",
        );
    }
    looks(&ROUTES.replace("alertname = Vaultwarden", "alertname = Another")).blocked(
        "routed-critical",
        "VaultwardenIntegrityFail reaches infra-alerts, not infra-critical",
        "#infra-critical",
    );
    // A receiver that tells nobody, and a route by a label that the page does not have.
    looks(&ROUTES.replace(
        "    webhook_configs: [{ url: 'http://127.0.0.1:2/' }]\n",
        "",
    ))
    .warned("routed-critical", "infra-critical", "#infra-critical");
    let by_severity = "    - receiver: infra-critical\n      matchers: [severity = critical]\n";
    let card = looks(&ROUTES.replace("  routes:\n", &format!("  routes:\n{by_severity}")));
    assert_eq!(card.verdict("routed"), "WARN", "{}", card.told());
    assert!(card.why("routed").contains("severity"), "{}", card.told());
    master.write(ALERTMANAGER, ROUTES).stop("alertmanager");
    stand
        .check()
        .blocked("alertmanager", "refused", "reach nobody");
}

/// "Monitoring & Alerting": each alert fires, and its rule is not loaded.
#[test]
fn an_alert_fires_or_is_not_loaded() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let homelab = Homelab::of(&stand);
    let mut all: Vec<(&str, String, &str)> = backups()
        .iter()
        .map(|backup| (backup.alert, format!("{}-alert", backup.id), backup.remedy))
        .collect();
    all.extend(OTHER_ALERTS.map(|(alert, id, remedy)| (alert, id.to_owned(), remedy)));
    assert_eq!(all.len(), 12);
    for turn in [0, 1] {
        let mut expected = Vec::new();
        let mut gone = Vec::new();
        let mut fires = Vec::new();
        for (at, (alert, id, remedy)) in all.iter().enumerate() {
            let why = if at % 2 == turn {
                gone.push(*alert);
                format!("missing = [\"{alert}\"]")
            } else {
                fires.push(*alert);
                "firing_count = 1".to_owned()
            };
            let mut bad = blocked(id, why, *remedy);
            // Where a month has five Sundays it fires with all well.
            if id == "prometheus-alert" {
                bad.1 = "WARN";
            }
            expected.push(bad);
        }
        homelab.metrics(|metrics| {
            for (alert, ..) in &all {
                let value = f64::from(u8::from(fires.contains(alert)));
                metrics.insert(format!("stand_alert{{name=\"{alert}\"}}"), value);
            }
        });
        homelab.rules(&gone);
        for alert in fires {
            homelab.prometheus.fires(alert);
        }
        told(&stand.check(), &expected, &[]);
    }
}

/// "iSCSI Hardening": each setting as it is by default, on one of the five nodes each.
#[test]
fn a_node_has_a_default_of_iscsi() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let _homelab = Homelab::of(&stand);
    let mut expected = Vec::new();
    for (at, node) in NODES.into_iter().enumerate() {
        let of = |at: usize| {
            let (name, default, hardened) = HARDENED[at];
            format!("{name}: expected {hardened}, is {default}")
        };
        let other = (at + 1) % HARDENED.len();
        initiator(stand.host(node), Some(at), Some(other));
        expected.push(blocked(
            &format!("iscsi-records@{node}"),
            of(at),
            "iscsiadm -m node -o update",
        ));
        expected.push(blocked(
            &format!("iscsi-config@{node}"),
            of(other),
            "cloud_init.yaml",
        ));
    }
    told(&stand.check(), &expected, &[]);
}

/// "Missing Backup for New Service".
#[test]
fn a_service_without_a_backup_is_uncovered() {
    let shipped =
        std::fs::read_to_string("baselines/homelab-three-layers.yml").expect("the baseline");
    let text = shipped
        + "    linkwarden:\n      title: Linkwarden\n      snapshot: *snapshots\n      offsite: *offsite\n";
    let Some(stand) = Stand::with(&text, &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let _homelab = Homelab::of(&stand);
    stand.check().warned(
        "coverage",
        "uncovered = [\"linkwarden application\"]",
        "/mnt/main/<app>-backup/",
    );
}

#[test]
fn what_all_stands_on_is_off() {
    let Some(stand) = Stand::of("homelab-three-layers", &["cluster_zone", "truenas_zone"]) else {
        return;
    };
    let homelab = Homelab::of(&stand);
    homelab.cluster.change("Node", "k8s-node3", |node| {
        node["status"]["conditions"][3]["status"] = json!("False");
    });
    homelab.metrics(|all| all.retain(|name, _| !name.starts_with("push_time_seconds")));
    homelab.prometheus.until_none("push_time_seconds");
    // The jobs and the figures are held back, and so is what they prove.
    let mut held = applications();
    held.extend(cells("offsite", &["prometheus", "loki"]));
    told(
        &stand.check(),
        &[
            blocked(
                "nodes@k8s-master",
                "not_ready = [\"k8s-node3",
                "Bring the node back",
            ),
            blocked("pushgateway", "absent = true", "Start the Pushgateway"),
        ],
        &held,
    );
    homelab.cluster.change("Node", "k8s-node3", |node| {
        node["status"]["conditions"][3]["status"] = json!("True");
    });
    stand.host("k8s-master").stop("prometheus");
    homelab.truenas().power_off();
    held.extend(cells("snapshot", &[]));
    let card = stand.check();
    told(
        &card,
        &[
            blocked("ssh-truenas@truenas", "unreachable", "Power TrueNAS on"),
            blocked("prometheus", "refused", "Start Prometheus"),
        ],
        &held,
    );
    assert_eq!(
        card.json["roots"].as_array().map(Vec::len),
        Some(2),
        "{}",
        card.told()
    );
}
