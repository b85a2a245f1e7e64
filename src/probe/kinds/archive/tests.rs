use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use rstest::rstest;
use serde_json::json;

use super::format::{HEAD, disagreement};
use super::*;
use crate::probe::FaultKind;
use crate::probe::kinds::stage::{fact, host, kind, local, run, stage, target};
use crate::servers::ssh::Answer;

/// What `find` prints of three daily dumps, the newest of 2026-06-05 in Taipei.
const LIST: &str = "\
1000 1780430467.5000000000 backup_20260603.sql.gz
1200 1780516867.0000000000 backup_20260604.sql.gz
900 1780603267.0000000000 backup_20260605.sql.gz
900 1780603267.0000000000 backup_20260605.sql.gz.tmp
7 1780603267.0000000000 backup_20260699.sql.gz
";
const CLOCK: &str = "1780656904 +0800\n";
const DUMP: &str = "--\n-- PostgreSQL database cluster dump\n--\n\nSET x;\n";
const LAST: &str = "--\n-- PostgreSQL database cluster dump complete\n--\n\n\\unrestrict x\n";

/// A host that has one gzip-packed dump, and answers otherwise where `other` does.
async fn look(
    options: serde_json::Value,
    other: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static,
) -> Result<Facts, Fault> {
    let mut stage = stage(move |command| {
        if let Some(answer) = other(command) {
            return answer;
        }
        let has = |part: &str| command.contains(part);
        Answer::ok(match command {
            _ if has("date ") => CLOCK.as_bytes(),
            _ if has("find ") => LIST.as_bytes(),
            _ if has("head -c 512 /") => b"\x1f\x8b\x08",
            _ if has("gzip -t") => b"",
            _ if has("| ") && has("head -c 512") => DUMP.as_bytes(),
            _ if has("tail -c") => LAST.as_bytes(),
            _ => return Answer::fails(2, format!("unexpected: {command}")),
        })
    })
    .await;
    stage.context.target.timeout = Duration::from_secs(5);
    run(&kind::<Archive>(options), &stage.context).await
}

fn daily() -> serde_json::Value {
    json!({"path": "/mnt/backups/postgres/backup_{date}.sql.gz", "keep": "1d", "leeway": "12h", "days": "daily"})
}

#[tokio::test]
async fn tells_what_is_there_by_names_sizes_and_times() {
    let facts = look(daily(), |_| None).await.expect("facts");
    let expected = json!({
        "exists": true, "count": 3, "newest": "backup_20260605.sql.gz",
        "newest_at": "2026-06-04T20:01:07Z", "modified_at": "2026-06-04T20:01:07Z",
        "age_s": 53637, "host_now": "2026-06-05T10:55:04Z", "newest_bytes": 900, "usual_bytes": 1100,
        "oldest": "backup_20260603.sql.gz", "oldest_at": "2026-06-02T20:01:07Z",
        "span": 172_800, "too_old": 2, "missing_days": [], "format": "sql.gz", "readable": true,
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&fact(&facts, name), value, "{name}");
    }
    let shrunk = fact(&facts, "shrunk_percent").as_f64().expect("a number");
    assert!((shrunk - 18.18).abs() < 0.01, "{shrunk}");
    for absent in [
        "damage",
        "unverified",
        "missing",
        "documents",
        "restore_script_exists",
    ] {
        assert_eq!(fact(&facts, absent), json!(null), "{absent}");
    }
}

#[tokio::test]
async fn a_zone_moves_what_names_tell() {
    let mut options = daily();
    options["zone"] = json!("UTC");
    let facts = look(options, |_| None).await.expect("facts");
    // In UTC the file was written a day before the one that its name tells.
    assert_eq!(fact(&facts, "newest_at"), json!("2026-06-05T00:00:00Z"));
    assert_eq!(fact(&facts, "modified_at"), json!("2026-06-04T20:01:07Z"));
}

#[rstest]
#[case(json!("daily"), json!(["2026-06-02", "2026-06-03"]))]
#[case(json!(["mon", "wed", "thu"]), json!(["2026-06-03"]))]
#[case(json!(["sun"]), json!([]))]
#[tokio::test]
async fn days_between_are_missing(
    #[case] days: serde_json::Value,
    #[case] missing: serde_json::Value,
) {
    let mut options = daily();
    options["days"] = days;
    options["verify"] = json!(false);
    let facts = look(options, |command| {
        let list = "5 1780257667.0 backup_20260601.sql.gz\n5 1780516867.0 backup_20260604.sql.gz\n";
        command.contains("find ").then(|| Answer::ok(list))
    })
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "missing_days"), missing);
    assert_eq!(fact(&facts, "readable"), json!(null));
}

#[rstest]
#[case::no_folder(Answer::fails(1, "find: '/mnt/backups/postgres': No such file or directory\n"), json!(false))]
#[case::nothing_in_it(Answer::ok(""), json!(true))]
#[case::others(Answer::ok("1 1780430467.5 latest.sql.gz\n"), json!(true))]
#[tokio::test]
async fn none_is_a_fact(#[case] listed: Answer, #[case] exists: serde_json::Value) {
    let facts = look(daily(), move |command| {
        command.contains("find ").then(|| listed.clone())
    })
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "exists"), exists);
    if exists == json!(false) {
        assert_eq!(facts.iter().count(), 1, "{facts:?}");
        return;
    }
    assert_eq!(fact(&facts, "count"), json!(0));
    assert_eq!(fact(&facts, "too_old"), json!(0));
    for absent in ["newest", "newest_at", "readable", "usual_bytes", "span"] {
        assert_eq!(fact(&facts, absent), json!(null), "{absent}");
    }
}

#[rstest]
#[case::denied(
    "find ",
    Answer::fails(1, "find: '/mnt/backups/postgres': Permission denied\n"),
    FaultKind::Denied,
    "may not be looked at"
)]
#[case::garbage(
    "find ",
    Answer::ok("hello\n"),
    FaultKind::Protocol,
    "no sizes and times"
)]
#[case::no_find(
    "find ",
    Answer::fails(127, "sh: find: not found\n"),
    FaultKind::Missing,
    "there is no find"
)]
#[case::unread(
    "head -c 512 /",
    Answer::fails(1, "head: cannot open '/x' for reading: Permission denied\n"),
    FaultKind::Denied,
    "may not be looked at"
)]
#[case::no_clock("date ", Answer::ok("Fri Jun  5\n"), FaultKind::Protocol, "printed")]
#[case::cut_off("find ", Answer::Cut { stdout: LIST.into() }, FaultKind::Closed, "cut off")]
#[tokio::test]
async fn what_stands_in_the_way(
    #[case] part: &'static str,
    #[case] answer: Answer,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let fault = look(daily(), move |command| {
        command.contains(part).then(|| answer.clone())
    })
    .await
    .expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault:?}");
    assert!(fault.seen.contains(seen), "{fault}");
}

#[rstest]
#[case::it_takes_long("gzip -t", Answer::Hang, "timeout")]
#[case::ended_by_the_host("gzip -t", Answer::fails(124, ""), "timeout")]
#[case::no_program(
    "gzip -t",
    Answer::fails(127, "sh: gzip: not found\n"),
    "there is no gzip"
)]
#[case::another_dump("| head -c 512", Answer::ok("CREATE TABLE x;\n"), "ends_with")]
#[tokio::test]
async fn what_cannot_be_told_is_neither(
    #[case] part: &'static str,
    #[case] answer: Answer,
    #[case] why: &str,
) {
    let facts = look(daily(), move |command| {
        let is_it = command.contains(part)
            || (part.starts_with("| ") && command.contains("gzip -dc") && command.contains("head"));
        is_it.then(|| answer.clone())
    })
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "readable"), json!(null));
    assert_eq!(fact(&facts, "damage"), json!(null));
    let told = fact(&facts, "unverified");
    assert!(
        told.as_str().is_some_and(|told| told.contains(why)),
        "{told}"
    );
    assert_eq!(fact(&facts, "count"), json!(3));
}

/// busybox and the BSDs have no `-printf`.
#[rstest]
#[case::busybox("find: unrecognized: -printf\n", false)]
#[case::freebsd("find: -printf: unknown primary or operator\n", true)]
#[tokio::test]
async fn other_finds_are_helped_by_stat(#[case] complaint: &'static str, #[case] bsd: bool) {
    let mut options = daily();
    options["verify"] = json!(false);
    let facts = look(options, move |command| {
        let folder = "/mnt/backups/postgres";
        if command.contains("-printf") {
            return Some(Answer::fails(1, complaint));
        }
        if command.contains("find ") {
            let names = ["backup_20260604.sql.gz", "backup_20260605.sql.gz", "backup_1.sql.gz"];
            let lines: Vec<String> = names.iter().map(|name| format!("{folder}/{name}\n")).collect();
            return Some(Answer::ok(lines.concat()));
        }
        if !command.contains("stat ") {
            return None;
        }
        assert!(!command.contains("backup_1.sql"), "{command}");
        if bsd && command.contains("stat -c") {
            return Some(Answer::fails(1, "stat: illegal option -- c\nusage: stat [-FLnq]\n"));
        }
        Some(Answer::ok(format!(
            "1200 1780516867 {folder}/backup_20260604.sql.gz\n900 1780603267 {folder}/backup_20260605.sql.gz\n"
        )))
    })
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "count"), json!(2));
    assert_eq!(fact(&facts, "newest"), json!("backup_20260605.sql.gz"));
    assert_eq!(fact(&facts, "newest_bytes"), json!(900));
}

#[tokio::test]
async fn what_is_sent_is_what_was_told() {
    let mut options = daily();
    options["restore_script"] = json!("/srv/restore.sh");
    options["sudo"] = json!(true);
    let stage = stage(|command| {
        let has = |part: &str| command.contains(part);
        Answer::ok(match command {
            _ if has("date ") => CLOCK.as_bytes(),
            _ if has("-perm") => b"",
            _ if has("restore.sh") => b"/srv/restore.sh\n",
            _ if has("find ") => LIST.as_bytes(),
            _ if has("head -c 512 /") => b"\x1f\x8b\x08",
            _ if has("head -c 512") => DUMP.as_bytes(),
            _ if has("tail -c") => LAST.as_bytes(),
            _ => b"",
        })
    })
    .await;
    let kind = kind::<Archive>(options);
    let facts = run(&kind, &stage.context).await.expect("facts");
    assert_eq!(fact(&facts, "restore_script_exists"), json!(true));
    assert_eq!(fact(&facts, "restore_script_executable"), json!(false));
    let told = kind.requests(&stage.context.target, &Policy::default());
    let mut told: Vec<String> = told.into_iter().map(|request| request.text).collect();
    for text in &mut told {
        *text = text.replace(
            "'/mnt/backups/postgres/backup_{date}.sql.gz'",
            "/mnt/backups/postgres/backup_20260605.sql.gz",
        );
    }
    let mut sent: Vec<String> = stage.server.log.lines();
    sent.retain(|line| !line.contains("echo") || line.contains("find"));
    let bare = |line: &str| line.rsplit("sudo -n ").next().unwrap_or(line).to_owned();
    for line in &sent {
        let found = told
            .iter()
            .any(|told| bare(line).starts_with(&bare(told)) || line.contains(told.as_str()));
        assert!(found, "{line} is not among {told:#?}");
    }
    assert!(
        told.iter()
            .filter(|text| text.contains("gzip"))
            .all(|text| text.contains("sudo -n gzip"))
    );
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn shell(line: &str, folder: &Path) {
    let done = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .stdin(Stdio::null())
        .status();
    assert!(done.expect("sh").success(), "{line}");
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("a file");
}

/// The first `share` of a hundred of a file.
fn cut(path: &Path, share: u64) {
    let file = File::options().write(true).open(path).expect("a file");
    let length = file.metadata().expect("its length").len();
    file.set_len(length * share / 100).expect("a shorter file");
}

async fn read(path: PathBuf, more: serde_json::Value) -> Facts {
    let mut options = json!({"path": path});
    for (name, value) in more.as_object().expect("options") {
        options[name] = value.clone();
    }
    let mut context = local();
    context.target.timeout = Duration::from_secs(20);
    run(&kind::<Archive>(options), &context)
        .await
        .expect("facts")
}

#[track_caller]
fn assert_told(facts: &Facts, format: &str, damage: Option<&str>) {
    let told = (
        fact(facts, "format"),
        fact(facts, "readable"),
        fact(facts, "damage"),
    );
    assert_eq!(told.0, json!(format), "{facts:?}");
    assert_eq!(told.1, json!(damage.is_none()), "{facts:?}");
    match damage {
        None => assert_eq!(told.2, json!(null)),
        Some(damage) => {
            let told = told.2.as_str().unwrap_or_default();
            assert!(told.contains(damage), "{told}");
        }
    }
}

/// Programs that every Debian has, on real files.
#[rstest]
#[case::a_dump(
    "printf '%s' \"$DUMP$LAST\" | gzip > f.sql.gz",
    "f.sql.gz",
    "sql.gz",
    None
)]
#[case::cut_then_packed(
    "printf '%s' \"$DUMP\" | gzip > f.sql.gz",
    "f.sql.gz",
    "sql.gz",
    Some("cluster dump complete")
)]
#[case::dump_of_one_only(
    "printf '%s-- PostgreSQL database dump complete\n' \"$DUMP\" > f.sql",
    "f.sql",
    "sql",
    Some("cluster dump complete")
)]
#[case::packed_nothing(
    "true | gzip > f.sql.gz",
    "f.sql.gz",
    "empty.gz",
    Some("nothing is packed")
)]
#[case::empty(": > f.sql.gz", "f.sql.gz", "empty", Some("it is empty"))]
#[case::not_packed(
    "printf '%s' \"$DUMP$LAST\" > f.sql.gz",
    "f.sql.gz",
    "sql",
    Some("gzip has not made it")
)]
#[case::an_error_page(
    "echo '<html>502</html>' > f.tar.gz",
    "f.tar.gz",
    "text",
    Some("gzip has not made it")
)]
#[case::zeros_behind(
    "printf '%s' \"$DUMP$LAST\" | gzip > f.sql.gz; head -c 512 /dev/zero >> f.sql.gz",
    "f.sql.gz",
    "sql.gz",
    None
)]
#[case::a_tar(
    "mkdir d; echo x > d/data; tar -czf f.tar.gz d",
    "f.tar.gz",
    "tar.gz",
    None
)]
#[case::by_another_name(
    "mkdir d; echo x > d/data; tar -czf f.gitea.gz d",
    "f.gitea.gz",
    "tar.gz",
    None
)]
#[case::no_tar("echo x | gzip > f.tgz", "f.tgz", "text.gz", Some("begins like text"))]
#[case::an_empty_tar("tar -cf f.tar -T /dev/null", "f.tar", "tar", Some("nothing in it"))]
#[case::a_plain_tar("echo x > a; tar -cf f.tar a", "f.tar", "tar", None)]
#[case::a_tar_without_its_end(
    "echo x > a; echo y > b; tar -cf - a b | head -c 1024 > f.tar",
    "f.tar",
    "tar",
    Some("the tar has no end")
)]
#[case::mysql(
    "printf -- '-- MySQL dump 10.13\n-- Dump completed on 2026-06-05  0:30:12\n' > f.sql",
    "f.sql",
    "sql",
    None
)]
#[case::mariadb_cut(
    "printf -- '/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n' > f.sql",
    "f.sql",
    "sql",
    Some("Dump completed")
)]
#[case::redis(
    "printf 'REDIS0011\\377\\0\\0\\0\\0\\0\\0\\0\\0' > f.rdb",
    "f.rdb",
    "rdb",
    None
)]
#[case::redis_without_a_version(
    "printf 'REDIS00x1\\377\\0\\0\\0\\0\\0\\0\\0\\0' > f.rdb",
    "f.rdb",
    "rdb",
    Some("no version of four digits")
)]
#[case::redis_cut(
    "printf 'REDIS0011\\1\\0\\0\\0\\0\\0\\0\\0\\0' > f.rdb",
    "f.rdb",
    "rdb",
    Some("Redis")
)]
#[case::no_sqlite("echo x > f.sqlite", "f.sqlite", "text", Some("begins like text"))]
#[case::a_tar_cut_before_it_was_packed(
    "echo x > a; echo y > b; tar -cf - a b | head -c 1024 | gzip > f.tar.gz",
    "f.tar.gz",
    "tar.gz",
    Some("the tar has no end")
)]
#[case::redis_packed(
    "printf 'REDIS0011\\377\\0\\0\\0\\0\\0\\0\\0\\0' | gzip > f.rdb.gz",
    "f.rdb.gz",
    "rdb.gz",
    None
)]
#[case::redis_cut_before_it_was_packed(
    "printf 'REDIS0011\\377\\0\\0\\0\\0\\0\\0\\0' | gzip > f.rdb.gz",
    "f.rdb.gz",
    "rdb.gz",
    Some("Redis")
)]
#[case::a_zip_packed(
    "printf 'PK\\003\\004file PK\\005\\006\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\002\\0hi' | gzip > f.gz",
    "f.gz",
    "zip.gz",
    None
)]
#[case::a_zip_cut_before_it_was_packed(
    "printf 'PK\\003\\004file PK\\005\\006\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\002\\0h' | gzip > f.gz",
    "f.gz",
    "zip.gz",
    Some("as a zip does")
)]
#[tokio::test]
async fn reads_real_files(
    #[case] make: &str,
    #[case] name: &str,
    #[case] format: &str,
    #[case] damage: Option<&str>,
) {
    let dir = folder();
    let set = format!("DUMP='{DUMP}'; LAST='{LAST}'; {make}");
    shell(&set, dir.path());
    let facts = read(dir.path().join(name), json!({})).await;
    assert_told(&facts, format, damage);
    assert_eq!(fact(&facts, "unverified"), json!(null));
    let depth = if format.starts_with("rdb") {
        "ends"
    } else {
        "content"
    };
    let depth = damage.is_none().then_some(depth);
    assert_eq!(fact(&facts, "verified_to"), json!(depth));
}

/// What packed it cannot know that it was cut before.
#[rstest]
#[case::text("echo x | gzip > f.gz", "text.gz", "packing")]
#[case::a_list_of_what_is_in_it("printf 'PGDMP\\001\\016' | gzip > f.gz", "pgdump.gz", "packing")]
#[case::packed_twice("echo x | gzip | gzip > f.gz", "packed.gz", "packing")]
#[case::no_packing("echo x > f.txt", "text", "")]
#[tokio::test]
async fn the_packing_alone_is_not_the_content(
    #[case] make: &str,
    #[case] format: &str,
    #[case] depth: &str,
) {
    let dir = folder();
    shell(make, dir.path());
    let facts = read(dir.path().join("f.*"), json!({})).await;
    assert_eq!(fact(&facts, "format"), json!(format));
    assert_eq!(fact(&facts, "readable"), json!(null), "{facts:?}");
    let depth = Some(depth).filter(|depth| !depth.is_empty());
    assert_eq!(fact(&facts, "verified_to"), json!(depth));
    let why = fact(&facts, "unverified").to_string();
    assert!(why.contains("ends_with"), "{why}");
}

#[rstest]
#[case("gzip", "f.sql.gz", 60)]
#[case("gzip", "f.sql.gz", 99)]
#[tokio::test]
async fn a_file_that_was_cut_is_damaged(
    #[case] program: &str,
    #[case] name: &str,
    #[case] share: u64,
) {
    let dir = folder();
    let lines =
        format!("(printf '%s' '{DUMP}'; seq 1 9999; printf '%s' '{LAST}') | {program} > {name}");
    shell(&lines, dir.path());
    let path = dir.path().join(name);
    assert_told(&read(path.clone(), json!({})).await, "sql.gz", None);
    cut(&path, share);
    let facts = read(path.clone(), json!({})).await;
    assert_eq!(fact(&facts, "readable"), json!(false), "{facts:?}");
    // A byte in the middle that is another one.
    shell(&lines, dir.path());
    let mut bytes = std::fs::read(&path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    write(&path, &bytes);
    let facts = read(path, json!({})).await;
    assert_eq!(fact(&facts, "readable"), json!(false), "{facts:?}");
}

#[tokio::test]
async fn an_etcd_snapshot_has_its_checksum_at_its_end() {
    use sha2::{Digest, Sha256};
    let dir = folder();
    let mut bytes = vec![7; 8192];
    bytes[16..20].copy_from_slice(&[0xED, 0xDA, 0x0C, 0xED]);
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum);
    let path = dir.path().join("snapshot-20260605.db");
    let pattern = dir.path().join("snapshot-{date}.db");
    write(&path, &bytes);
    assert_told(&read(pattern.clone(), json!({})).await, "bolt", None);
    bytes[5000] = 8;
    write(&path, &bytes);
    assert_told(
        &read(pattern.clone(), json!({})).await,
        "bolt",
        Some("checksum"),
    );
    // Packed as well, of which the size is another one.
    let packed = dir.path().join("packed.gz");
    write(&dir.path().join("plain"), &bytes);
    shell("gzip -c plain > packed.gz", dir.path());
    assert_told(
        &read(packed.clone(), json!({})).await,
        "bolt.gz",
        Some("checksum"),
    );
    bytes[5000] = 7;
    write(&dir.path().join("plain"), &bytes);
    shell("gzip -c plain > packed.gz", dir.path());
    assert_told(&read(packed, json!({})).await, "bolt.gz", None);
    // What bolt itself writes has none.
    write(&path, &bytes[..8192]);
    let facts = read(pattern, json!({})).await;
    assert_eq!(fact(&facts, "readable"), json!(null));
    assert!(
        fact(&facts, "unverified")
            .to_string()
            .contains("no checksum")
    );
}

#[tokio::test]
async fn an_sqlite_file_has_as_many_pages_as_it_says() {
    let dir = folder();
    let path = dir.path().join("db.sqlite");
    rusqlite::Connection::open(&path)
        .and_then(|db| {
            db.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (randomblob(20000));")
        })
        .expect("a database");
    let packed = dir.path().join("db.sqlite.gz");
    let facts = read(path.clone(), json!({})).await;
    assert_told(&facts, "sqlite", None);
    assert_eq!(fact(&facts, "verified_to"), json!("ends"));
    shell("gzip -k db.sqlite", dir.path());
    assert_told(&read(packed.clone(), json!({})).await, "sqlite.gz", None);
    cut(&path, 70);
    shell("gzip -fk db.sqlite", dir.path());
    let damage = Some("its pages are");
    assert_told(&read(path, json!({})).await, "sqlite", damage);
    assert_told(&read(packed, json!({})).await, "sqlite.gz", damage);
}

#[tokio::test]
async fn texts_are_looked_for_in_what_is_packed() {
    let dir = folder();
    shell(
        "mkdir -p data/git; echo x > data/git/HEAD; tar -czf a.tar.gz data; (echo needle; seq 1 99999) | gzip > b.gz",
        dir.path(),
    );
    let facts = read(
        dir.path().join("a.tar.gz"),
        json!({"contains": ["data/git/HEAD", "app.ini"]}),
    )
    .await;
    assert_eq!(fact(&facts, "missing"), json!(["app.ini"]));
    let facts = read(
        dir.path().join("b.gz"),
        json!({"contains": ["needle", "99999"], "ends_with": "99999"}),
    )
    .await;
    assert_eq!(fact(&facts, "missing"), json!([]));
    assert_told(&facts, "text.gz", None);
    let facts = read(dir.path().join("b.gz"), json!({"ends_with": "100000"})).await;
    assert_told(&facts, "text.gz", Some("100000"));
}

const VOLUMES: &str = "\
apiVersion: v1
items:
- apiVersion: v1
  kind: PersistentVolume
  metadata:
    annotations:
      kind: nothing
  spec:
    claimRef:
      apiVersion: v1
      kind: PersistentVolumeClaim
      name: a
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata:
    ownerReferences:
    - apiVersion: apps/v1
      kind: StatefulSet
kind: List
metadata:
  resourceVersion: \"\"
---
apiVersion: v1
items:
- apiVersion: longhorn.io/v1beta2
  kind: Volume
  metadata:
    name: pvc-1
- apiVersion: longhorn.io/v1beta2
  kind: Volume
  metadata:
    name: pvc-2
kind: List
metadata:
  resourceVersion: \"\"
";

#[rstest]
#[case::whole(VOLUMES, json!([]), Ok(()))]
#[case::packed(VOLUMES, json!([]), Ok(()))]
#[case::without_longhorn(VOLUMES.split("---").next().unwrap_or_default(), json!(["Volume.longhorn.io: 0 of 1"]), Ok(()))]
#[case::cut_in_a_list(VOLUMES.split("    name: pvc-2").next().unwrap_or_default(), json!([]), Err("does not end"))]
#[case::cut_in_a_line(VOLUMES.split("name: pvc-2").next().unwrap_or_default(), json!(null), Err("middle of a line"))]
#[tokio::test]
async fn kubernetes_objects_are_counted(
    #[case] text: &str,
    #[case] missing: serde_json::Value,
    #[case] whole: Result<(), &str>,
) {
    let dir = folder();
    write(&dir.path().join("backup_20260605.volumes"), text.as_bytes());
    let options = json!({"documents": {"PersistentVolume": 1, "PersistentVolumeClaim": 1, "Volume.longhorn.io": 1}});
    let facts = read(dir.path().join("backup_{date}.volumes"), options).await;
    assert_eq!(fact(&facts, "missing_documents"), missing);
    assert_told(&facts, "yaml", whole.err());
}

const LIST_OF_PODS: &str = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\nkind: List\n";
const LIST_OF_JOBS: &str =
    "apiVersion: v1\nitems:\n- apiVersion: batch/v1\n  kind: Job\nkind: List\nmetadata: {}\n";

/// A file of several documents may end behind any of them.
#[rstest]
#[case::one_list(LIST_OF_PODS, &[], None)]
#[case::two_named([LIST_OF_PODS, "---\n", LIST_OF_JOBS].concat(), &["Pod", "Job.batch"], None)]
#[case::one_of_two_named([LIST_OF_PODS, "---\n", LIST_OF_JOBS].concat(), &["Pod"], Some("which of its documents is the last"))]
#[case::none_named([LIST_OF_PODS, "---\n", LIST_OF_JOBS].concat(), &[], Some("which of its documents is the last"))]
#[case::one_was_to_follow([LIST_OF_PODS, "---\n"].concat(), &[], Some("which of its documents is the last"))]
#[case::one_object("apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n", &["Secret"], Some("no list as kubectl writes it"))]
#[case::kind_first("kind: List\napiVersion: v1\nitems:\n- kind: Pod\n  apiVersion: v1\n", &["Pod"], Some("no list as kubectl writes it"))]
#[case::an_object_in_front(["apiVersion: v1\nkind: Secret\n---\n", LIST_OF_PODS].concat(), &["Secret", "Pod"], None)]
#[case::a_separator_first(["---\n", LIST_OF_PODS].concat(), &[], None)]
#[case::nothing("# dumped\n", &["Pod"], Some("no Kubernetes object"))]
fn the_last_document_is_the_last(
    #[case] text: impl AsRef<str>,
    #[case] named: &[&str],
    #[case] expected: Option<&str>,
) {
    let named = named.iter().map(|kind| ((*kind).to_owned(), 1)).collect();
    let why = documents::count(text.as_ref()).unmarked(&named);
    match (why, expected) {
        (None, None) => {}
        (why, expected) => assert!(
            why.zip(expected)
                .is_some_and(|(why, part)| why.contains(part)),
            "{why:?}"
        ),
    }
}

#[tokio::test]
async fn documents_without_an_end_are_readable_by_their_last_words() {
    let dir = folder();
    let path = dir.path().join("f.yaml");
    write(
        &path,
        b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n",
    );
    let facts = read(path.clone(), json!({})).await;
    assert_eq!(fact(&facts, "readable"), json!(null));
    assert_eq!(fact(&facts, "documents"), json!({"Secret": 1}));
    let facts = read(path.clone(), json!({"ends_with": "name: x"})).await;
    assert_told(&facts, "yaml", None);
    let facts = read(path, json!({"ends_with": "# end"})).await;
    assert_told(&facts, "yaml", Some("# end"));
}

#[rstest]
#[case(VOLUMES, &[("PersistentVolume", 1), ("PersistentVolumeClaim", 1), ("Volume.longhorn.io", 2)], false)]
#[case::indented("items:\n  - apiVersion: v1\n    kind: Node\n    spec:\n      kind: X\n  - apiVersion: v1\n    kind: Node\nkind: List\n", &[("Node", 2)], false)]
#[case::kind_first("kind: List\napiVersion: v1\nitems:\n- kind: Pod\n  apiVersion: v1\n- kind: Job\n  apiVersion: batch/v1\n", &[("Job.batch", 1), ("Pod", 1)], false)]
#[case::single("kind: Secret\napiVersion: v1\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nsubjects:\n- kind: User\n  name: x\n", &[("RoleBinding.rbac.authorization.k8s.io", 1), ("Secret", 1)], false)]
#[case::empty_list("apiVersion: v1\nitems: []\nkind: List\n", &[], false)]
#[case::cut("apiVersion: v1\nitems:\n", &[], true)]
#[case::no_api("kind: Pod\n", &[], false)]
#[case::nothing("", &[], false)]
fn documents_by_kind(#[case] text: &str, #[case] kinds: &[(&str, u32)], #[case] is_cut: bool) {
    let told = documents::count(text);
    let seen: Vec<(&str, u32)> = told
        .kinds
        .iter()
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    assert_eq!((seen.as_slice(), told.is_cut), (kinds, is_cut));
}

#[tokio::test]
async fn a_script_beside_it_has_to_run() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder();
    write(&dir.path().join("a.gz"), b"");
    let script = dir.path().join("restore.sh");
    let look = async |exists, executable| {
        let facts = read(dir.path().join("a.gz"), json!({"restore_script": script})).await;
        let told = ("restore_script_exists", "restore_script_executable");
        assert_eq!(
            (fact(&facts, told.0), fact(&facts, told.1)),
            (json!(exists), json!(executable))
        );
    };
    look(false, false).await;
    write(&script, b"");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).expect("a mode");
    look(false, false).await;
    write(&script, b"#!/bin/sh\n");
    look(true, true).await;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    look(true, false).await;
}

#[tokio::test]
async fn without_dates_the_files_own_times_order_them() {
    let dir = folder();
    let day = Duration::from_hours(24);
    for (name, age) in [("b.gz", 1), ("a.gz", 2), ("c.gz", 3)] {
        let path = dir.path().join(name);
        File::create(&path)
            .and_then(|mut file| {
                file.write_all(b"x")?;
                file.set_modified(SystemTime::now() - day * age)
            })
            .expect("a file");
    }
    std::os::unix::fs::symlink("b.gz", dir.path().join("d.gz")).expect("a link");
    let facts = read(
        dir.path().join("*.gz"),
        json!({"verify": false, "keep": "2d", "leeway": "12h"}),
    )
    .await;
    assert_eq!(fact(&facts, "newest"), json!("b.gz"));
    assert_eq!(fact(&facts, "oldest"), json!("c.gz"));
    assert_eq!(fact(&facts, "count"), json!(3));
    assert_eq!(fact(&facts, "too_old"), json!(1));
    let age = fact(&facts, "age_s").as_f64().expect("an age");
    assert!((86_300.0..90_000.0).contains(&age), "{age}");
}

#[rstest]
#[case(json!({"path": "backup_{date}.gz"}), "path")]
#[case(json!({"path": "/backup/"}), "path")]
#[case(json!({"path": "/b/{date}/x"}), "path")]
#[case(json!({"path": "/b*/x"}), "path")]
#[case(json!({"path": "/b/{date}-{date}"}), "path")]
#[case(json!({"path": "/b/{date}", "date": "%Y"}), "date")]
#[case(json!({"path": "/b/{date}", "date": "%Y%m%d %p"}), "date")]
#[case(json!({"path": "/b/x", "zone": "Asia/Teipei"}), "zone")]
#[case(json!({"path": "/b/x", "copies": 0}), "copies")]
#[case(json!({"path": "/b/x", "copies": {}}), "copies")]
#[case(json!({"path": "/b/x", "copies": {"min": 3, "max": 2}}), "copies")]
#[case(json!({"path": "/b/x", "days": []}), "days")]
#[case(json!({"path": "/b/x", "verify": false, "contains": ["x"]}), "contains")]
#[case(json!({"path": "/b/x", "contains": [""]}), "contains.0")]
#[case(json!({"path": "/b/x", "ends_with": ""}), "ends_with")]
#[case(json!({"path": "/b/x", "documents": {"pv": 1}}), "documents.pv")]
#[case(json!({"path": "/b/x", "documents": {"Node": 0}}), "documents.Node")]
#[case(json!({"path": "/b/x", "restore_script": "restore.sh"}), "restore_script")]
#[case(json!({"path": "/b/x", "contains": ["a\nb"]}), "")]
fn problems_have_a_place(#[case] options: serde_json::Value, #[case] place: &str) {
    let kind = kind::<Archive>(options);
    let problems = kind.problems(&target(host(22)), &Policy::default());
    let places: Vec<String> = problems
        .iter()
        .map(|problem| problem.path.join("."))
        .collect();
    assert_eq!(places, [place], "{problems:?}");
}

#[test]
fn what_is_expected_follows_the_options() {
    let defaults = |options| kind::<Archive>(options).defaults();
    let plain = defaults(json!({"path": "/b/x"}));
    assert_eq!(
        plain.require,
        ["exists", "count > 0", "newest_bytes > 0", "readable"]
    );
    let all = defaults(json!({
        "path": "/b/x", "keep": "3d", "copies": 2, "days": "daily", "contains": ["a"],
        "documents": {"Node": 1}, "restore_script": "/r.sh",
    }));
    for text in [
        "count >= 2",
        "size(missing) == 0",
        "size(missing_documents) == 0",
        "restore_script_executable",
    ] {
        assert!(all.require.iter().any(|held| held == text), "{text}");
    }
    for text in ["count <= 2", "too_old == 0", "size(missing_days) == 0"] {
        assert!(all.prefer.iter().any(|held| held == text), "{text}");
    }
}

#[rstest]
#[case("a.sql.gz", b"\x1f\x8b", DUMP, None)]
#[case("a.sql", b"", "PGDMP", Some("begins like pgdump"))]
#[case("a.tzst", b"\x1f\x8b", "x", Some("zstd has not made it"))]
#[case("a.db", b"", "x", None)]
#[case("a", b"BZh9", "x", None)]
fn a_name_may_say_otherwise(
    #[case] name: &str,
    #[case] magic: &[u8],
    #[case] inner: &str,
    #[case] expected: Option<&str>,
) {
    let told = disagreement(name, Packing::of(magic), Content::of(inner.as_bytes()));
    match (told, expected) {
        (told, None) => assert_eq!(told, None),
        (told, Some(expected)) => assert!(
            told.as_ref().is_some_and(|told| told.contains(expected)),
            "{told:?}"
        ),
    }
}

#[test]
fn contents_by_their_first_bytes() {
    let mut tar = vec![b'x'; HEAD];
    tar[257..262].copy_from_slice(b"ustar");
    let mut bolt = vec![0; HEAD];
    bolt[16..20].copy_from_slice(&[0xED, 0xDA, 0x0C, 0xED]);
    let cases: [(&[u8], &str); 9] = [
        (&tar, "tar"),
        (&bolt, "bolt"),
        (&[0; HEAD], "tar"),
        (&[0; 9], "unknown"),
        (b"SQLite format 3\0", "sqlite"),
        (b"PK\x03\x04", "zip"),
        (b"\x28\xb5\x2f\xfdx", "packed"),
        (b"apiVersion: v1\n", "yaml"),
        (b"", "empty"),
    ];
    for (head, name) in cases {
        assert_eq!(Content::of(head).name(), name);
    }
}

/// Of a dump of Redis nothing but its ends is looked at, and that is told.
#[tokio::test]
async fn a_dump_of_redis_is_looked_at_to_its_ends() {
    let dir = folder();
    let path = dir.path().join("f.rdb");
    write(&path, b"REDIS0011anything\xff\0\0\0\0\0\0\0\0");
    let facts = read(path.clone(), json!({})).await;
    assert_eq!(fact(&facts, "readable"), json!(true));
    assert_eq!(fact(&facts, "verified_to"), json!("ends"));
    write(&path, b"REDIS\xff\0\0\0\0\0\0\0\0");
    let facts = read(path, json!({})).await;
    assert_eq!(fact(&facts, "readable"), json!(false));
    assert_eq!(fact(&facts, "verified_to"), json!(null));
}

/// By the flag in its head, and by unzip's word where the first file is none of those.
#[tokio::test]
async fn an_encrypted_zip_is_neither_whole_nor_damaged() {
    let dir = folder();
    let path = dir.path().join("f.zip");
    write(&path, b"PK\x03\x04\x0a\0\x09\0and so on");
    let facts = read(path.clone(), json!({})).await;
    assert_eq!(fact(&facts, "readable"), json!(null));
    let why = fact(&facts, "unverified").to_string();
    assert!(why.contains("the zip is encrypted"), "{why}");
}

#[tokio::test]
async fn more_files_than_are_kept_are_told_with_a_way_out() {
    let line = "1000 1780430467.5000000000 backup_20260603.sql.gz\n";
    let list = line.repeat((1 << 20) / line.len() + 1);
    let fault = look(daily(), move |command| {
        command.contains("find ").then(|| Answer::ok(list.clone()))
    })
    .await
    .expect_err("a fault");
    assert!(
        fault.seen.contains("has more files of the pattern"),
        "{fault}"
    );
    assert!(fault.hint.is_some_and(|hint| hint.contains("narrower")));
}

/// A line break in a name makes lines of the list that are none.
#[rstest]
#[case::no_line("5 1780430467.0 backup_x\n.sql.gz\n", "line break")]
#[tokio::test]
async fn a_name_with_a_line_break_is_told(#[case] list: &'static str, #[case] told: &str) {
    let fault = look(daily(), move |command| {
        command.contains("find ").then(|| Answer::ok(list))
    })
    .await
    .expect_err("a fault");
    assert!(fault.hint.is_some_and(|hint| hint.contains(told)));
}

#[tokio::test]
async fn what_is_listed_and_not_there_is_told() {
    let facts = look(daily(), |command| {
        let gone = "head: cannot open '/mnt/backups/postgres/backup_20260605.sql.gz' for reading: No such file or directory\n";
        command
            .contains("head -c 512 /")
            .then(|| Answer::fails(1, gone))
    })
    .await;
    let told = match facts {
        Ok(facts) => fact(&facts, "unverified").to_string(),
        Err(fault) => fault.to_string(),
    };
    assert!(told.contains("has a line break in its name"), "{told}");
}
