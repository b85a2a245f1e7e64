//! `baselines/factory-backup.yml` on the stand: green when all is as the guidebook's page
//! has it, and for each thing that it names the one check that tells of it.

use crate::stand::Stand;
use crate::stand::archives::Archive;
use crate::stand::cluster::Cluster;
use crate::stand::containers::container;
use crate::stand::host::Host;
use crate::stand::times::{ago, daily, stamp, zone};

const COMPOSES: &str = "/home/pi/arcodange/docker_composes";
const SCRIPTS: &str = "/opt/k3s_volumes";
const FALLBACK: &str = "/home/pi/arcodange/backups/k3s_pvc";

/// The last runs, the newest first; one that is due now is taken for done.
fn runs(count: usize) -> Vec<jiff::Timestamp> {
    daily(4, 0).take(count).collect()
}

/// The path of a dump in a folder, by the hosts' own date.
fn dump(folder: &str, at: jiff::Timestamp, kind: &str) -> String {
    format!("{folder}/backup_{}.{kind}", stamp("%Y%m%d", at))
}

/// What `kubectl get … -o yaml` prints of these objects, and a line between each.
fn volumes(kinds: &[(&str, &str)]) -> Archive {
    let list = |(version, kind): &(&str, &str)| {
        format!(
            "apiVersion: v1\nitems:\n- apiVersion: {version}\n  kind: {kind}\n  metadata:\n    name: pvc-0b7c6f1e\n    \
             annotations:\n      note: {}\n  spec: {{}}\nkind: List\nmetadata:\n  resourceVersion: \"\"\n",
            "x".repeat(400)
        )
    };
    Archive::Text(kinds.iter().map(list).collect::<Vec<_>>().join("---\n"))
}

const ALL: [(&str, &str); 4] = [
    ("v1", "PersistentVolume"),
    ("v1", "PersistentVolumeClaim"),
    ("longhorn.io/v1beta2", "Volume"),
    ("longhorn.io/v1beta2", "Setting"),
];

/// The folders with dumps, on which host, and what they are called.
fn folders() -> [(&'static str, String, &'static str, Archive); 5] {
    let root = |name: &str| format!("/mnt/backups/{name}");
    [
        ("postgres", root("postgres"), "sql.gz", Archive::SqlGz(4000)),
        ("gitea", root("gitea"), "gitea.gz", Archive::TarGz(4000)),
        ("pi1", root("k3s_pvc"), "volumes", volumes(&ALL)),
        ("pi1", SCRIPTS.to_owned(), "volumes", volumes(&ALL)),
        ("pi1", FALLBACK.to_owned(), "volumes", volumes(&ALL)),
    ]
}

/// The container of a Compose project of the same name.
fn composed(name: &str) -> serde_json::Value {
    let mut container = container(name, name);
    container["Config"]["Labels"] = serde_json::json!({
        "com.docker.compose.project": name,
        "com.docker.compose.service": name,
        "com.docker.compose.oneoff": "False",
    });
    container
}

/// Everything as stage 5 leaves it, four days later.
fn factory() -> Option<Stand> {
    let stand = Stand::of("factory-backup", &["zone"])?;
    let volume = stand.folder("longhorn-rwx");
    for host in stand.hosts() {
        host.zone(zone()).mount("/mnt/backups", &volume);
    }
    for (host, folder, kind, content) in folders() {
        for at in runs(4) {
            stand
                .host(host)
                .archive(&dump(&folder, at, kind), &content, at);
        }
    }
    for (host, scripts) in [
        ("postgres", format!("{COMPOSES}/postgres/scripts")),
        ("gitea", format!("{COMPOSES}/gitea/scripts")),
        ("pi1", SCRIPTS.to_owned()),
    ] {
        stand
            .host(host)
            .script(&format!("{scripts}/backup.sh"), "#!/bin/sh\n")
            .script(
                &format!("{scripts}/restore.sh"),
                "#!/bin/sh\ngitea admin regenerate hooks\n",
            )
            .crontab(
                "root",
                &format!("#Ansible: backup\n0 4 * * * {scripts}/backup.sh\n"),
            );
    }
    for name in ["postgres", "gitea"] {
        stand.host(name).docker(&[composed(name)]);
    }
    Cluster::on(&[stand.host("pi1")])
        .node("pi1")
        .node("pi2")
        .node("pi3");
    Some(stand)
}

/// The newest dump of a folder.
fn newest(folder: &str, kind: &str) -> String {
    dump(folder, runs(1)[0], kind)
}

#[test]
fn all_is_well() {
    let Some(stand) = factory() else { return };
    stand.check().all_green();
}

/// What breaks one dump breaks its check alone, on each of the three jobs.
#[test]
fn a_dump_is_cut_off_empty_spoilt_or_shrunk() {
    let Some(stand) = factory() else { return };
    for (check, host, folder, kind, remedy) in [
        (
            "postgres-dump@postgres",
            "postgres",
            "/mnt/backups/postgres",
            "sql.gz",
            "Gitea's database",
        ),
        (
            "gitea-dump@gitea",
            "gitea",
            "/mnt/backups/gitea",
            "gitea.gz",
            "--skip-db",
        ),
    ] {
        let host: &Host = stand.host(host);
        let path = newest(folder, kind);
        let good = std::fs::read(host.path(&path)).expect("a dump");
        let at = runs(1)[0];
        host.truncate(&path);
        stand.check().blocked(check, "readable = false", remedy);
        host.write(&path, &good).changed(&path, at).spoil(&path);
        stand.check().blocked(check, "readable = false", remedy);
        host.archive(&path, &Archive::Empty, at);
        stand.check().blocked(check, "newest_bytes = 0", remedy);
        let shrunk = if kind == "sql.gz" {
            Archive::SqlGz(800)
        } else {
            Archive::TarGz(1200)
        };
        host.archive(&path, &shrunk, at);
        stand.check().warned(check, "shrunk_percent", remedy);
        host.write(&path, &good).changed(&path, at);
    }
    stand.check().all_green();
}

/// gzip finds nothing wrong with it: only the dump's last line tells.
#[test]
fn a_dump_that_was_cut_before_it_was_packed() {
    let Some(stand) = factory() else { return };
    stand.host("postgres").archive(
        &newest("/mnt/backups/postgres", "sql.gz"),
        &Archive::SqlGzUnended(4000),
        runs(1)[0],
    );
    stand
        .check()
        .blocked("postgres-dump@postgres", "readable = false", "sumails");
}

/// "Important": without Longhorn's Volume objects recovery is slow.
#[test]
fn the_dump_of_the_volumes_lacks_longhorn_s() {
    let Some(stand) = factory() else { return };
    let path = newest("/mnt/backups/k3s_pvc", "volumes");
    for (gone, name) in [
        (2, "Volume.longhorn.io"),
        (3, "Setting.longhorn.io"),
        (0, "PersistentVolume"),
        (1, "PersistentVolumeClaim"),
    ] {
        let rest: Vec<_> = ALL
            .into_iter()
            .enumerate()
            .filter(|(at, _)| *at != gone)
            .map(|(_, kind)| kind)
            .collect();
        stand
            .host("pi1")
            .archive(&path, &volumes(&rest), runs(1)[0]);
        stand.check().blocked(
            "k3s-dump@pi1",
            &format!("{name}: 0 of 1"),
            "Do not reinstall Longhorn",
        );
    }
}

/// The copy is no gate: the dump itself is there.
#[test]
fn the_copies_of_the_volumes_dump_warn() {
    let Some(stand) = factory() else { return };
    let pi1 = stand.host("pi1");
    pi1.archive(&newest(SCRIPTS, "volumes"), &volumes(&ALL[..2]), runs(1)[0]);
    stand
        .check()
        .warned("k3s-copy@pi1", "Volume.longhorn.io: 0 of 1", "writes both");
    pi1.archive(&newest(SCRIPTS, "volumes"), &volumes(&ALL), runs(1)[0]);
    for at in runs(2) {
        pi1.remove(&dump(FALLBACK, at, "volumes"));
    }
    let card = stand.check();
    card.only_bad(["k3s-fallback@pi1"]);
    assert!(
        card.remedy("k3s-fallback@pi1").contains("name its date"),
        "{}",
        card.told()
    );
    // A damaged one is taken first as well. None at all is not: it takes the dump itself then.
    let at = runs(1)[0];
    pi1.archive(&dump(FALLBACK, at, "volumes"), &volumes(&ALL[..2]), at);
    stand
        .check()
        .warned("k3s-fallback@pi1", "Volume.longhorn.io", "name its date");
    pi1.remove(FALLBACK);
    stand.check().all_green();
    pi1.write(&format!("{FALLBACK}/notes"), "empty but for this\n");
    stand.check().all_green();
}

/// "3-day retention is tight": one missed night warns, two block.
#[test]
fn nights_are_missed() {
    let Some(stand) = factory() else { return };
    let gitea = stand.host("gitea");
    let folder = "/mnt/backups/gitea";
    // As many as ever, and all older.
    let at = runs(5)[4];
    gitea
        .archive(&dump(folder, at, "gitea.gz"), &Archive::TarGz(4000), at)
        .remove(&dump(folder, runs(1)[0], "gitea.gz"));
    stand
        .check()
        .warned("gitea-dump@gitea", "newest_at", "sumails");
    gitea.remove(&dump(folder, runs(2)[1], "gitea.gz"));
    let card = stand.check();
    card.only_bad(["gitea-dump@gitea"]);
    assert_eq!(
        card.verdict("gitea-dump@gitea"),
        "BLOCKED",
        "{}",
        card.told()
    );
    assert!(
        card.fact("gitea-dump@gitea", "count").as_f64() >= Some(3.0),
        "{}",
        card.told()
    );
}

#[test]
fn retention_keeps_too_few_or_too_many() {
    let Some(stand) = factory() else { return };
    let postgres = stand.host("postgres");
    let folder = "/mnt/backups/postgres";
    let all = runs(9);
    for at in &all[4..] {
        postgres.archive(&dump(folder, *at, "sql.gz"), &Archive::SqlGz(4000), *at);
    }
    stand
        .check()
        .warned("postgres-dump@postgres", "count = 9", "sumails");
    // Days without power, and the first night after them: it removed all that was there.
    for at in &all[1..] {
        postgres.remove(&dump(folder, *at, "sql.gz"));
    }
    stand
        .check()
        .warned("postgres-dump@postgres", "count = 1", "each night adds one");
    for at in &all[2..5] {
        postgres.archive(&dump(folder, *at, "sql.gz"), &Archive::SqlGz(4000), *at);
    }
    stand
        .check()
        .warned("postgres-dump@postgres", "missing_days", "sumails");
}

#[test]
fn a_dump_of_tomorrow_is_no_dump() {
    let Some(stand) = factory() else { return };
    let ahead = ago("-26h");
    let path = format!(
        "/mnt/backups/gitea/backup_{}.gitea.gz",
        stamp("%Y%m%d", ago("-2d"))
    );
    stand
        .host("gitea")
        .archive(&path, &Archive::TarGz(4000), ahead);
    let card = stand.check();
    card.only_bad(["gitea-dump@gitea"]);
    assert_eq!(
        card.verdict("gitea-dump@gitea"),
        "BLOCKED",
        "{}",
        card.told()
    );
}

#[test]
fn restore_scripts_are_beside_and_run() {
    let Some(stand) = factory() else { return };
    for (check, host, script) in [
        (
            "postgres-dump@postgres",
            "postgres",
            format!("{COMPOSES}/postgres/scripts/restore.sh"),
        ),
        ("k3s-dump@pi1", "pi1", format!("{SCRIPTS}/restore.sh")),
    ] {
        stand.host(host).mode(&script, 0o644);
        stand
            .check()
            .blocked(check, "restore_script_executable = false", "");
        stand.host(host).mode(&script, 0o755);
    }
    let gitea = stand.host("gitea");
    let script = format!("{COMPOSES}/gitea/scripts/restore.sh");
    gitea.edit(
        &script,
        "gitea admin regenerate hooks",
        "true # gitea admin regenerate hooks",
    );
    stand
        .check()
        .blocked("gitea-hooks@gitea", "lines", "stale hook paths");
    gitea.remove(&script);
    stand
        .check()
        .only_bad(["gitea-dump@gitea", "gitea-hooks@gitea"]);
}

#[test]
fn cron_has_no_entry_another_hour_or_does_not_run() {
    let Some(stand) = factory() else { return };
    for (check, host, scripts) in [
        (
            "postgres-cron@postgres",
            "postgres",
            format!("{COMPOSES}/postgres/scripts"),
        ),
        (
            "gitea-cron@gitea",
            "gitea",
            format!("{COMPOSES}/gitea/scripts"),
        ),
        ("k3s-cron@pi1", "pi1", SCRIPTS.to_owned()),
    ] {
        let host = stand.host(host);
        host.crontab("root", &format!("0 5 * * * {scripts}/backup.sh\n"));
        stand
            .check()
            .blocked(check, "at 0 5 * * *, not at 0 4 * * *", "stage 5");
        host.crontab("root", "0 4 * * * /srv/moved/backup.sh\n");
        stand.check().blocked(check, "no entry", "stage 5");
        host.crontab("root", &format!("0 4 * * * {scripts}/backup.sh\n"));
    }
    stand.host("pi1").unit("cron.service", "inactive");
    stand
        .check()
        .blocked("k3s-cron@pi1", "active = false", "stage 5");
}

#[test]
fn the_volume_is_not_mounted() {
    let Some(stand) = factory() else { return };
    stand.host("gitea").unmount("/mnt/backups");
    stand
        .check()
        .blocked("volume@gitea", "mounted = false", "off-site");
}

/// "Gotchas": "If Postgres/Gitea/kubectl is unreachable …".
#[test]
fn what_is_dumped_does_not_run() {
    let Some(stand) = factory() else { return };
    for (name, program) in [("postgres", "pg_dumpall"), ("gitea", "gitea dump")] {
        let (host, id) = (stand.host(name), format!("{name}-container@{name}"));
        let mut ended = composed(name);
        ended["State"]["Status"] = "exited".into();
        ended["State"]["Running"] = false.into();
        ended["State"]["ExitCode"] = 137.into();
        host.docker(&[ended]);
        stand.check().blocked(&id, "exited (137)", program);
        host.docker(&[]);
        stand
            .check()
            .blocked(&id, &format!("project {name}"), program);
        host.docker(&[composed(name)]);
    }
    stand.check().all_green();
}

#[test]
fn kubectl_finds_no_cluster() {
    let Some(stand) = factory() else { return };
    stand.host("pi1").answer("kubernetes.down", "");
    let card = stand.check();
    card.only_bad(["kubectl@pi1"]);
    assert!(
        card.why("kubectl@pi1").contains("refused"),
        "{}",
        card.told()
    );
}

#[test]
fn a_host_is_without_power() {
    let Some(stand) = factory() else { return };
    stand.host("postgres").power_off();
    let card = stand.check();
    assert!(card.bad().contains_key("ssh@postgres"), "{}", card.told());
    assert_eq!(
        card.json["roots"].as_array().map(Vec::len),
        Some(1),
        "{}",
        card.told()
    );
}
