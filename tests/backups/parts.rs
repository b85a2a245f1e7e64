//! The stand that the baselines of backups are proven on: each part of it answers, and
//! says no where it should. `COLDSTART_TEST_NO_BACKUPS=1` leaves it out.

use crate::stand::Stand;
use crate::stand::archives::Archive;
use crate::stand::card::Card;
use crate::stand::cluster::Cluster;
use crate::stand::containers::container;
use crate::stand::kubernetes::{Api, ApiAccess};
use crate::stand::repositories::Snapshot;
use crate::stand::times::{ago, daily, stamp, unix};
use serde_json::json;

const TWO: &str = "
version: 1
name: stand
hosts:
  ops110: { address: 192.168.0.110, ssh: { user: wooo } }
  pi1: { address: pi1.lan, ssh: { user: root, port: 2222 } }
defaults: { timeout: 20s, connect_timeout: 20s, retry: { attempts: 1 } }
phases:
  HOSTS:
    checks:
      ssh: { title: SSH opens, on: all, ssh: {} }
  BACKUPS:
    needs: HOSTS
    checks:
      cron:
        title: the backup is scheduled
        on: pi1
        crontab: { entries: [{ command: backup.sh, schedule: 0 4 * * * }] }
        remedy: run stage 5 again
      volume:
        title: the volume is mounted
        on: all
        disk: { mount: /mnt/backups }
        require: mounted
        defaults: false
";

fn two() -> Option<Stand> {
    let stand = Stand::with(TWO, &[])?;
    let volume = stand.folder("volume");
    for host in stand.hosts() {
        host.mount("/mnt/backups", &volume);
    }
    stand
        .host("pi1")
        .crontab("root", "0 4 * * * /opt/k3s_volumes/backup.sh\n");
    Some(stand)
}

#[test]
fn a_baseline_is_green_and_each_thing_broken_is_told_alone() {
    let Some(stand) = two() else { return };
    stand.check().all_green();
    let pi1 = stand.host("pi1");
    pi1.crontab("root", "0 5 * * * /opt/k3s_volumes/backup.sh\n");
    stand
        .check()
        .blocked("cron@pi1", "not at 0 4 * * *", "stage 5");
    pi1.crontab("root", "0 4 * * * /opt/k3s_volumes/backup.sh\n")
        .unit("cron.service", "failed");
    stand.check().blocked("cron@pi1", "active", "stage 5");
    pi1.unit("cron.service", "active").unmount("/mnt/backups");
    stand.check().only_bad(["volume@pi1"]);
    let text = stand.text(&[]);
    assert!(
        text.contains("volume@pi1") && text.contains("[version]"),
        "{text}"
    );
    pi1.mount("/mnt/backups", &stand.folder("volume"));
    stand.check().all_green();
}

#[test]
fn a_host_without_power_is_one_root_and_comes_back() {
    let Some(stand) = two() else { return };
    stand.host("ops110").power_off();
    let card = stand.check();
    card.only_bad(["ssh@ops110"]);
    assert!(
        card.why("ssh@ops110").contains("no route to host"),
        "{}",
        card.told()
    );
    stand.power_on("ops110");
    stand
        .host("ops110")
        .mount("/mnt/backups", &stand.folder("volume"));
    stand.check().all_green();
    stand.host("ops110").stop_sshd();
    let card: Card = stand.check();
    assert!(
        card.why("ssh@ops110").contains("refused"),
        "{}",
        card.told()
    );
}

#[test]
fn hosts_share_what_is_mounted_and_nothing_else() {
    let Some(stand) = two() else { return };
    let (ops110, pi1) = (stand.host("ops110"), stand.host("pi1"));
    ops110
        .write("/mnt/backups/a", "shared")
        .write("/srv/a", "own");
    assert_eq!(pi1.say(&["cat", "/mnt/backups/a"]), "shared");
    assert!(!pi1.run(&["cat", "/srv/a"]).status.success());
    assert!(!std::path::Path::new("/mnt/backups/a").exists());
    assert!(
        !pi1.run(&["touch", "/usr/bin/a"]).status.success(),
        "the machine's own is read-only"
    );
    assert_eq!(ops110.say(&["hostname"]).trim(), "ops110");
    ops110.booted(std::time::Duration::from_secs(90));
    assert_eq!(ops110.say(&["cat", "/proc/uptime"]), "90.00 90.00\n");
}

#[test]
fn logins_have_the_rights_that_they_are_given() {
    let Some(stand) = two() else { return };
    let host = stand.host("ops110");
    host.write("/backup/secret", "x")
        .mode("/backup/secret", 0o600);
    let as_user = |line: &str| host.run_as("wooo", line);
    assert!(!as_user("cat /backup/secret").status.success());
    assert_eq!(as_user("sudo -n cat /backup/secret").stdout, b"x");
    host.sudoers("/usr/bin/stat");
    assert!(!as_user("sudo -n cat /backup/secret").status.success());
    assert!(as_user("sudo -n stat /backup/secret").status.success());
    host.crontab("wooo", "0 2 * * * /backup/scripts/backup-all.sh\n");
    assert!(
        as_user("crontab -l").stdout.starts_with(b"0 2"),
        "{:?}",
        as_user("crontab -l")
    );
    assert!(!as_user("crontab -l -u root").status.success());
}

#[test]
fn archives_are_what_they_are_called() {
    let Some(stand) = two() else { return };
    let host = stand.host("pi1");
    let last = daily(4, 0).next().expect("a time");
    let path = |name: &str| format!("/mnt/backups/{name}_{}", stamp("%Y%m%d", last));
    for (name, content, test) in [
        ("tar", Archive::Tar(5000), &["tar", "-tf"][..]),
        ("tgz", Archive::TarGz(5000), &["tar", "-tzf"]),
        ("zst", Archive::TarZst(5000), &["zstd", "-tq"]),
        ("sql", Archive::SqlGz(5000), &["gzip", "-t"]),
        ("unended", Archive::SqlGzUnended(5000), &["gzip", "-t"]),
    ] {
        let path = path(name);
        host.archive(&path, &content, last);
        let seconds = host.say(&["stat", "-c", "%Y", &path]);
        assert_eq!(seconds.trim(), unix(last));
        let test = [test, &[&path]].concat();
        host.say(&test);
        assert!(
            std::fs::metadata(host.path(&path)).is_ok_and(|about| about.len() > 4000),
            "{name}"
        );
        if name != "tar" {
            host.spoil(&path);
            assert!(!host.run(&test).status.success(), "{name} is spoilt");
            host.archive(&path, &content, last).truncate(&path);
            assert!(!host.run(&test).status.success(), "{name} is cut off");
            assert_eq!(host.say(&["stat", "-c", "%Y", &path]).trim(), unix(last));
        }
    }
    assert!(
        String::from_utf8_lossy(&Archive::Sql(10).bytes())
            .ends_with("cluster dump complete\n--\n\n")
    );
    host.archive("/mnt/backups/empty", &Archive::Empty, ago("1h"));
    assert_eq!(host.read("/mnt/backups/empty"), "");
    assert_eq!(host.list("/mnt/backups").len(), 6);
}

#[test]
fn repositories_of_restic_are_real() {
    let Some(stand) = two() else { return };
    let host = stand.host("pi1");
    let snapshots = [
        Snapshot::new("ops110", "/data/gitea", ago("26h")),
        Snapshot::new("ops110", "/data/gitea", ago("2h")),
    ];
    host.restic("/backup/none", "secret", &[])
        .restic("/backup/one", "secret", &snapshots[1..])
        .restic("/backup/two", "secret", &snapshots)
        .restic("/backup/again", "secret", &snapshots)
        .write("/root/password", "secret\n")
        .write("/root/wrong", "another\n");
    let ask = |repository: &str, password: &str| {
        host.run(&[
            "restic",
            "-r",
            repository,
            "--no-lock",
            "--no-cache",
            "--password-file",
            password,
            "snapshots",
            "--json",
        ])
    };
    for (repository, count) in [
        ("/backup/none", 0),
        ("/backup/one", 1),
        ("/backup/two", 2),
        ("/backup/again", 2),
    ] {
        let done = ask(repository, "/root/password");
        let found: Vec<serde_json::Value> =
            serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
        assert_eq!(found.len(), count, "{repository}");
        for snapshot in &found {
            assert_eq!(
                (&snapshot["hostname"], &snapshot["paths"]),
                (&json!("ops110"), &json!(["/data/gitea"]))
            );
        }
    }
    let wrong = ask("/backup/one", "/root/wrong");
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("wrong password"),
        "{wrong:?}"
    );
    assert!(!ask("/backup/absent", "/root/password").status.success());
    host.restic_lock("/backup/one", "secret");
    assert_eq!(host.list("/backup/one/locks").len(), 1);
    assert!(
        ask("/backup/one", "/root/password").status.success(),
        "--no-lock"
    );
}

#[test]
fn a_remote_of_rclone_is_a_folder() {
    let Some(stand) = two() else { return };
    let host = stand.host("ops110");
    host.rclone("wooo", "gdrive", "/srv/gdrive")
        .write("/srv/gdrive/awoooi-backup/gitea/snapshots/a", "1");
    let done = host.run_as("wooo", "rclone lsf -R --files-only gdrive:");
    assert_eq!(
        done.stdout, b"awoooi-backup/gitea/snapshots/a\n",
        "{done:?}"
    );
}

#[test]
fn a_database_of_sqlite_is_damaged_so_that_only_a_check_tells() {
    let Some(stand) = two() else { return };
    let host = stand.host("pi1");
    host.sqlite("/mnt/backups/db.sqlite");
    let check = || {
        host.say(&[
            "sqlite3",
            "-readonly",
            "/mnt/backups/db.sqlite",
            "PRAGMA integrity_check",
        ])
    };
    assert_eq!(check(), "ok\n");
    host.sqlite_damaged("/mnt/backups/db.sqlite");
    assert_ne!(
        host.run(&[
            "sqlite3",
            "-readonly",
            "/mnt/backups/db.sqlite",
            "PRAGMA integrity_check"
        ])
        .stdout,
        b"ok\n"
    );
}

#[test]
fn prometheus_fires_and_alertmanager_has_it() {
    let Some(stand) = two() else { return };
    let host = stand.host("ops110");
    let alertmanager = host.alertmanager();
    host.write(
        "/home/wooo/textfiles/backup.prom",
        format!("backup_last_success_timestamp {}\n", unix(ago("40h"))),
    )
    .node_exporter("/home/wooo/textfiles")
    .pushgateway()
    .push("cloudsync", "cloudsync_last_success_timestamp 1\n");
    let rule = |limit: u32| {
        format!(
            "groups:\n- name: backup\n  rules:\n  - alert: BackupStale\n    expr: time() - backup_last_success_timestamp > {limit}\n    \
             labels: {{ severity: critical }}\n"
        )
    };
    let prometheus = host.prometheus(&["192.168.0.110:9100", "192.168.0.110:9091"], &rule(3600));
    prometheus
        .fires("BackupStale")
        .until("cloudsync_last_success_timestamp{job=\"cloudsync\"}");
    alertmanager.has("BackupStale");
    let found = prometheus.query("ALERTS{alertname=\"BackupStale\"}");
    assert_eq!(found[0].0["severity"], "critical");
    prometheus
        .rules(&rule(1_000_000))
        .until_none("ALERTS{alertname=\"BackupStale\"}");
    alertmanager
        .alerts(&[json!({"alertname": "BackupCredentialEscrowEvidenceMissing", "item": "dns"})]);
    alertmanager.has("BackupCredentialEscrowEvidenceMissing");
    alertmanager.silence("BackupCredentialEscrowEvidenceMissing");
    prometheus.stop();
    alertmanager.stop();
}

#[test]
fn redis_is_behind_its_socket() {
    let Some(stand) = two() else { return };
    let redis = stand.host("ops110").redis("/run/nethserver/redis.sock");
    redis.hash(
        "module/mail1/backup_status/1",
        &[("start", "1700000000"), ("errors", "0")],
    );
    assert_eq!(
        redis
            .ask(&["HGET", "module/mail1/backup_status/1", "errors"])
            .trim(),
        "0"
    );
    redis.forget("module/mail1/backup_status/1");
    assert_eq!(
        redis
            .ask(&["EXISTS", "module/mail1/backup_status/1"])
            .trim(),
        "0"
    );
    redis.stop();
}

fn cluster<'a>(stand: &'a Stand, name: &str) -> Cluster<'a> {
    let cluster = Cluster::on(&[stand.host(name)]);
    cluster
        .node("pi1")
        .node("pi2")
        .deployment("gitea", "gitea", 1)
        .stateful_set("dbaas", "pg", 3)
        .pod("gitea", "gitea-0")
        .service("gitea", "gitea")
        .cron_job("dbaas", "postgresql-backup", "0 0 * * *", ago("10h"))
        .definition("longhorn.io", "v1beta2", "Volume", "volumes")
        .add(json!({"apiVersion": "longhorn.io/v1beta2", "kind": "Volume",
            "metadata": {"name": "pvc-1", "namespace": "longhorn-system"}, "status": {"state": "attached", "robustness": "healthy"}}));
    cluster
}

#[test]
fn kubectl_gets_and_does_nothing_else() {
    let Some(stand) = two() else { return };
    let host = stand.host("ops110");
    let cluster = cluster(&stand, "ops110");
    let items = |args: &[&str]| {
        let text = host.say(&[&["kubectl", "--cache-dir=/dev/null", "get"], args].concat());
        let list: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        list["items"].as_array().map(Vec::len)
    };
    assert_eq!(items(&["nodes", "-o", "json"]), Some(2));
    assert_eq!(
        items(&["deployments.apps,statefulsets", "-A", "-ojson"]),
        Some(2)
    );
    assert_eq!(items(&["pods", "-n", "gitea", "-o", "json"]), Some(1));
    assert_eq!(items(&["pods", "-o", "json"]), Some(0));
    assert_eq!(
        items(&["volumes.longhorn.io", "-A", "--output=json"]),
        Some(1)
    );
    assert_eq!(
        items(&["cronjob", "postgresql-backup", "-n", "dbaas", "-o", "json"]),
        None
    );
    let says = |args: &[&str]| String::from_utf8_lossy(&host.run(args).stderr).into_owned();
    assert!(says(&["kubectl", "get", "nodes", "-o", "json"]).contains("would write a cache"));
    assert!(
        says(&["kubectl", "--cache-dir=/dev/null", "delete", "node", "pi1"])
            .contains("unknown command")
    );
    assert!(
        says(&[
            "kubectl",
            "--cache-dir=/dev/null",
            "get",
            "nodes",
            "-o",
            "json",
            "--watch"
        ])
        .contains("unknown flag: --watch")
    );
    assert!(
        says(&[
            "kubectl",
            "--cache-dir=/dev/null",
            "get",
            "backups.velero.io",
            "-A",
            "-o",
            "json"
        ])
        .contains("resource type")
    );
    assert!(
        says(&[
            "kubectl",
            "--cache-dir=/dev/null",
            "get",
            "node",
            "pi9",
            "-o",
            "json"
        ])
        .contains("NotFound")
    );
    let user = |line: &str| String::from_utf8_lossy(&host.run_as("wooo", line).stderr).into_owned();
    assert!(
        user("k3s kubectl --cache-dir=/dev/null get nodes -o json").contains("permission denied")
    );
    assert_eq!(
        user("sudo -n k3s kubectl --cache-dir=/dev/null get nodes -o json"),
        ""
    );
    cluster.forbid(&["nodes"]);
    assert!(
        says(&[
            "kubectl",
            "--cache-dir=/dev/null",
            "get",
            "nodes",
            "-o",
            "json"
        ])
        .contains("Forbidden")
    );
    cluster.runs(false);
    assert!(
        says(&[
            "kubectl",
            "--cache-dir=/dev/null",
            "get",
            "pods",
            "-A",
            "-o",
            "json"
        ])
        .contains("refused")
    );
    assert!(
        cluster
            .calls()
            .iter()
            .any(|call| call.ends_with("delete node pi1")),
        "{:?}",
        cluster.calls()
    );
}

#[test]
fn the_api_lets_in_by_certificate_and_by_token() {
    let Some(stand) = two() else { return };
    let cluster = cluster(&stand, "ops110");
    let api: Api = stand.kubernetes_api(&cluster, "192.168.0.125", 6443);
    let config = |access: ApiAccess| -> serde_json::Value {
        let text = std::fs::read_to_string(api.kubeconfig(access)).expect("a file");
        serde_json::from_str(&text).expect("JSON")
    };
    let decoded = |value: &serde_json::Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .decode(value.as_str().expect("a text"))
            .expect("base64")
    };
    let folder = stand.folder("client");
    let user = &config(ApiAccess::Certificate)["users"][0]["user"];
    std::fs::write(
        folder.join("crt"),
        decoded(&user["client-certificate-data"]),
    )
    .expect("a file");
    std::fs::write(folder.join("key"), decoded(&user["client-key-data"])).expect("a file");
    std::fs::write(folder.join("ca"), api.ca()).expect("a file");
    // By OpenSSL, so that it is not our own client which talks to our own server.
    let ask = |path: &str, header: &str, certified: bool| {
        let mut command = std::process::Command::new("openssl");
        command.args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-connect",
            "192.168.0.125:6443",
            "-CAfile",
        ]);
        command.arg(folder.join("ca"));
        if certified {
            command
                .arg("-cert")
                .arg(folder.join("crt"))
                .arg("-key")
                .arg(folder.join("key"));
        }
        // The empty request after it ends the connection.
        let request = format!("GET {path} HTTP/1.1\r\nhost: k3s\r\n{header}\r\n");
        let done = stand.world().run({
            use std::io::{BufRead as _, Write as _};
            move || {
                let piped = std::process::Stdio::piped;
                let mut child = command
                    .stdin(piped())
                    .stdout(piped())
                    .stderr(piped())
                    .spawn()
                    .expect("openssl");
                let mut stdin = child.stdin.take().expect("its input");
                stdin.write_all(request.as_bytes()).expect("sent");
                let mut stdout = std::io::BufReader::new(child.stdout.take().expect("its output"));
                let mut head = String::new();
                let _ = stdout.read_line(&mut head);
                drop(child.kill());
                drop(child.wait());
                head
            }
        });
        done.split(' ').nth(1).map(str::to_owned)
    };
    let told = |status: &str| Some(status.to_owned());
    let bearer = format!("Authorization: Bearer {}\r\n", api.token());
    assert_eq!(ask("/api/v1/nodes?limit=1", "", true), told("200"));
    assert_eq!(
        ask("/apis/longhorn.io/v1beta2/volumes", &bearer, false),
        told("200")
    );
    assert_eq!(
        ask("/apis/velero.io/v1/backups", &bearer, false),
        told("404")
    );
    assert_eq!(
        ask("/api/v1/nodes", "Authorization: Bearer x\r\n", false),
        told("401")
    );
    assert_eq!(ask("/api/v1/nodes?watch=1", &bearer, false), told("400"));
    api.forbid(&["nodes"]);
    assert_eq!(ask("/api/v1/nodes", &bearer, false), told("403"));
    assert_eq!(api.requests()[0], "GET /api/v1/nodes?limit=1");
}

const API: &str = "
version: 1
name: api
vars: { kubeconfig: '' }
hosts:
  ops110: { address: 192.168.0.110, ssh: { user: wooo } }
defaults: { timeout: 20s, retry: { attempts: 1 } }
phases:
  K3S:
    checks:
      nodes:
        title: all nodes are ready
        kubernetes: { kubeconfig: \"${kubeconfig}\", nodes: {} }
        remedy: look at the agents
";

#[test]
fn we_come_to_the_api_as_the_kubeconfig_has_it() {
    let Some(stand) = Stand::with(API, &[]) else {
        return;
    };
    let cluster = cluster(&stand, "ops110");
    let api = stand.kubernetes_api(&cluster, "192.168.0.110", 6443);
    let comes = |access: ApiAccess| {
        let file = api.kubeconfig(access).display().to_string();
        stand.check_with(&["--var", &format!("kubeconfig={file}")])
    };
    for access in [ApiAccess::Certificate, ApiAccess::Token] {
        let card = comes(access);
        card.all_green();
        assert_eq!(card.fact("nodes", "verified"), &json!(true));
    }
    for access in [ApiAccess::WrongToken, ApiAccess::Nobody] {
        comes(access).blocked("nodes", "401", "look at the agents");
    }
}

#[test]
fn docker_tells_of_its_containers() {
    let Some(stand) = two() else { return };
    let host = stand.host("ops110");
    let mut stopped = container("momo", "momo:2");
    stopped["State"]["Status"] = json!("exited");
    stopped["State"]["ExitCode"] = json!(137);
    host.docker(&[container("gitea", "gitea/gitea:1.22"), stopped]);
    assert_eq!(
        host.say(&["docker", "ps", "--format", "{{.Names}}"]),
        "gitea\n"
    );
    assert_eq!(
        host.say(&["docker", "ps", "-a", "--format", "{{.Names}} {{.State}}"]),
        "gitea running\nmomo exited\n"
    );
    let lines = host.say(&[
        "docker",
        "ps",
        "--all",
        "--no-trunc",
        "--format",
        "{{json .}}",
    ]);
    assert_eq!(lines.lines().count(), 2);
    let all: serde_json::Value =
        serde_json::from_str(&host.say(&["docker", "inspect", "gitea", "momo"])).expect("JSON");
    assert_eq!(all[1]["State"]["ExitCode"], 137);
    let started = all[0]["State"]["StartedAt"].as_str().expect("a time");
    assert!(started.parse::<jiff::Timestamp>().is_ok(), "{started}");
    assert!(!host.run(&["docker", "inspect", "nothing"]).status.success());
    for wrong in [
        &["docker", "rm", "gitea"][..],
        &["docker", "ps", "--watch"],
        &["docker", "ps", "--filter", "odd=1"],
    ] {
        assert!(!host.run(wrong).status.success(), "{wrong:?}");
    }
    host.docker_runs(false);
    assert!(!host.run(&["docker", "ps"]).status.success());
}

#[test]
fn zfs_and_iscsi_tell_what_is_set() {
    let Some(stand) = two() else { return };
    let host = stand.host("pi1");
    host.zfs(&[
        ("main", ago("100d")),
        ("main/media", ago("100d")),
        ("main@auto-2026-01-01_00-00", ago("1d")),
        ("main@auto-12h-2026-01-02_00-00", ago("3h")),
        ("main/media@auto-2026-01-01_00-00", ago("1d")),
    ])
    .zpools(&[("main", "ONLINE"), ("ssd", "DEGRADED")]);
    let names = |args: &[&str]| host.say(&[&["zfs", "list", "-H"], args].concat());
    assert_eq!(names(&["-o", "name"]), "main\nmain/media\n");
    assert_eq!(
        names(&["-p", "-t", "snapshot", "-o", "name", "-d", "1", "main"])
            .lines()
            .count(),
        2
    );
    assert_eq!(
        names(&["-t", "snapshot", "-o", "name", "-r", "main"])
            .lines()
            .count(),
        3
    );
    assert_eq!(
        names(&["-t", "snapshot", "-o", "name", "main"])
            .lines()
            .count(),
        2
    );
    let newest = names(&[
        "-Hp",
        "-t",
        "snapshot",
        "-S",
        "creation",
        "-o",
        "name,creation",
        "main",
    ]);
    assert!(newest.starts_with("main@auto-12h"), "{newest}");
    assert!(
        !host
            .run(&["zfs", "destroy", "main@auto-2026-01-01_00-00"])
            .status
            .success()
    );
    assert!(!host.run(&["zfs", "list", "-H", "nothing"]).status.success());
    assert!(!host.run(&["zfs", "list", "-o", "nothing"]).status.success());
    assert_eq!(
        host.say(&["zpool", "list", "-H", "-o", "name,health"]),
        "main\tONLINE\nssd\tDEGRADED\n"
    );
    host.iscsi(
        "iqn.2005-10.org.freenas.ctl:pg",
        &[("node.session.timeo.replacement_timeout", "300")],
    );
    let shown = host.say(&["iscsiadm", "-m", "node", "-o", "show"]);
    assert!(shown.contains("replacement_timeout = 300\n"), "{shown}");
    assert_eq!(
        host.run(&["iscsiadm", "-m", "session"]).status.code(),
        Some(21)
    );
    assert!(
        !host
            .run(&["iscsiadm", "-m", "node", "-o", "update"])
            .status
            .success()
    );
    host.unshim("zfs");
    assert!(!host.run(&["zfs", "list"]).status.success());
}
