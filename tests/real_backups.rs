//! The kinds that look at backups against the real programs, from the
//! distribution's packages, on this machine.
//!
//! Fails where the programs are missing, so that nobody takes silence for
//! proof; `COLDSTART_TEST_NO_SERVERS=1` leaves the tests out on purpose.
#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coldstart::probe::{
    Audit, Context, Facts, Fault, FaultKind, Host, Policy, SecretRef, Secrets, SshEnvironment,
    SshSettings, Target, Transports, find,
};
use serde_json::{Value as Json, json};

const PASSWORD: &str = "correct horse battery";

fn left_out() -> bool {
    std::env::var_os("COLDSTART_TEST_NO_SERVERS").is_some_and(|value| value == "1")
}

/// Sees what the audit was told.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Vec<u8>>>);

impl Write for Ledger {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A folder with what one test needs, and the home of who runs it.
struct Place {
    dir: tempfile::TempDir,
    ledger: Ledger,
    /// A secret beside the passwords, `env:ADDRESS`.
    address: String,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().expect("a folder"),
            ledger: Ledger::default(),
            address: String::new(),
        };
        std::fs::create_dir(place.path("home")).expect("a home");
        std::fs::create_dir(place.path("data")).expect("data");
        place.write("data/a", "what is backed up\n");
        place.write("password", &format!("{PASSWORD}\n"));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        std::fs::write(path, text).expect("written");
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .env("HOME", self.path("home"))
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        command
    }

    /// restic as its owner calls it.
    fn restic(&self, repository: &str, args: &[&str]) -> Command {
        let mut command = self.program("restic");
        command
            .args(["--no-cache", "--repo", &self.text(repository)])
            .args(args)
            .env("RESTIC_PASSWORD", PASSWORD);
        command
    }

    fn init(&self, repository: &str) {
        done(&mut self.restic(repository, &["init"]));
    }

    fn back_up(&self, repository: &str, host: &str) {
        let data = self.text("data");
        done(&mut self.restic(repository, &["backup", "--host", host, &data]));
    }

    async fn look(&self, kind: &str, options: Json) -> Result<Facts, Fault> {
        let probe = (find(kind).expect("a kind").build)(options).expect("options");
        let host = Host {
            id: "here".to_owned(),
            address: "127.0.0.1".to_owned(),
            local: true,
            ssh: SshSettings::default(),
            connect_timeout: Duration::from_secs(10),
        };
        let target = Target {
            host: Some(Arc::new(host)),
            via: None,
            also: Vec::new(),
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
        };
        assert_eq!(probe.problems(&target, &Policy::default()), []);
        let mut secrets = Secrets::default();
        let reference = |name: &str| SecretRef::Env(name.to_owned());
        secrets.insert(reference("RIGHT"), PASSWORD.into());
        secrets.insert(reference("WRONG"), "wrong horse battery".into());
        secrets.insert(reference("ADDRESS"), self.address.as_str().into());
        let clock = || jiff::Timestamp::now();
        let context = Context {
            check: "test".to_owned(),
            attempt: 1,
            target,
            transports: Transports::with_ssh(
                secrets,
                Policy::default(),
                Audit::to(Box::new(self.ledger.clone()), clock),
                SshEnvironment {
                    home: Some(self.path("home")),
                    ..SshEnvironment::default()
                },
                clock,
            ),
        };
        let seen = tokio::time::timeout(Duration::from_secs(240), probe.run(&context));
        let seen = context.scrubbed(seen.await.expect("an end within four minutes"));
        let shown = format!("{seen:?}{}", self.audited());
        assert!(!shown.contains(PASSWORD), "a secret is shown: {shown}");
        seen
    }

    fn audited(&self) -> String {
        String::from_utf8_lossy(&self.ledger.0.lock().expect("no panic")).into_owned()
    }

    /// Every file below `name` with its content, to see that nothing changed.
    fn all(&self, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut left = vec![self.path(name)];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(&path).expect("a folder");
                left.extend(entries.map(|entry| entry.expect("an entry").path()));
            } else {
                let content = std::fs::read(&path).expect("a file");
                found.push((path, content));
            }
        }
        found.sort();
        found
    }
}

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error} (Debian: restic, rclone, redis-server); COLDSTART_TEST_NO_SERVERS=1 leaves this out")
    });
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

fn fact(facts: &Facts, name: &str) -> Json {
    facts.get(name).map_or(Json::Null, |value| {
        serde_json::to_value(value).expect("facts are JSON")
    })
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Waits for what somebody else does.
async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: never");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[tokio::test]
async fn a_good_repository_and_one_with_a_snapshot_too_many() {
    if left_out() {
        return;
    }
    let place = Place::new();
    place.init("repo");
    place.back_up("repo", "gitea");
    let before = (place.all("repo"), place.all("home"));
    let options = json!({
        "repository": place.text("repo"),
        "password_file": place.text("password"),
        "check": true,
        "stats": true,
    });
    let facts = place.look("restic", options).await.expect("facts");
    assert_eq!(fact(&facts, "snapshots"), json!(1));
    assert_eq!(fact(&facts, "most_in_group"), json!(1));
    assert_eq!(fact(&facts, "hosts"), json!(["gitea"]));
    assert_eq!(fact(&facts, "paths"), json!([place.text("data")]));
    assert_eq!(fact(&facts, "locks"), json!(0));
    assert_eq!(fact(&facts, "check_ok"), json!(true));
    let age = fact(&facts, "newest_age_s").as_f64().expect("an age");
    assert!((-5.0..600.0).contains(&age), "{age}");
    let size = fact(&facts, "total_size_bytes").as_f64().expect("a size");
    assert!(size > 0.0, "{size}");
    assert_eq!(
        before,
        (place.all("repo"), place.all("home")),
        "it only reads"
    );

    place.back_up("repo", "gitea");
    place.back_up("repo", "other");
    let by_secret = json!({"repository": place.text("repo"), "password": "env:RIGHT"});
    let facts = place.look("restic", by_secret).await.expect("facts");
    assert_eq!(fact(&facts, "snapshots"), json!(3));
    assert_eq!(fact(&facts, "groups"), json!(2));
    assert_eq!(fact(&facts, "most_in_group"), json!(2));
    assert_eq!(fact(&facts, "fewest_in_group"), json!(1));
    let one_host =
        json!({"repository": place.text("repo"), "password": "env:RIGHT", "host": "other"});
    let facts = place.look("restic", one_host).await.expect("facts");
    assert_eq!(fact(&facts, "snapshots"), json!(1));
    assert!(
        place
            .audited()
            .contains("RESTIC_PASSWORD=*** restic snapshots")
    );
}

#[tokio::test]
async fn an_empty_repository_has_no_snapshot() {
    if left_out() {
        return;
    }
    let place = Place::new();
    place.init("repo");
    let options = json!({"repository": place.text("repo"), "password": "env:RIGHT"});
    let facts = place.look("restic", options).await.expect("facts");
    assert_eq!(fact(&facts, "snapshots"), json!(0));
    assert_eq!(facts.get("newest_at"), None);
}

#[tokio::test]
async fn what_keeps_restic_out_is_told() {
    if left_out() {
        return;
    }
    let place = Place::new();
    place.init("repo");
    let repository = place.text("repo");
    for (options, of, hint) in [
        (
            json!({"repository": repository, "password": "env:WRONG"}),
            FaultKind::Denied,
            "none of the repository's",
        ),
        (
            json!({"repository": place.text("nowhere"), "password": "env:RIGHT"}),
            FaultKind::Missing,
            "there is no repository at this place",
        ),
        (
            json!({"repository": repository, "password_file": "/nowhere"}),
            FaultKind::Missing,
            "`password_file`",
        ),
        (
            json!({"repository": "rest:http://127.0.0.1:1/", "password": "env:RIGHT"}),
            FaultKind::Refused,
            "does not run",
        ),
    ] {
        let told = format!("{options}");
        let fault = place.look("restic", options).await.expect_err(&told);
        assert_eq!(fault.kind, of, "{fault:?}");
        assert!(
            fault.hint.clone().unwrap_or_default().contains(hint),
            "{fault:?}"
        );
    }
}

/// An address by which rclone runs a program, and the file that tells of it.
fn trap(place: &Place) -> (String, PathBuf) {
    let ran = place.path("ran");
    let script = format!("#!/bin/sh\necho \"$0\" >> {}\n", place.text("ran"));
    place.write("evil.sh", &script);
    done(Command::new("chmod").args(["+x", &place.text("evil.sh")]));
    let config = "[wd]\ntype = webdav\nurl = http://127.0.0.1:1/\n";
    place.write("home/.config/rclone/rclone.conf", config);
    let command = place.text("evil.sh");
    let address = format!("rclone:wd,bearer_token_command={command}:path");
    (address, ran)
}

#[tokio::test]
async fn no_address_runs_a_program() {
    if left_out() {
        return;
    }
    let mut cluster = Cluster::new().await;
    let (address, ran) = trap(&cluster.place);
    // It is a trap: restic itself walks into it.
    let mut restic = cluster.place.program("restic");
    let mut restic = restic
        .args(["--no-cache", "--no-lock", "cat", "config"])
        .env("RESTIC_PASSWORD", PASSWORD)
        .env("RESTIC_REPOSITORY", &address)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("restic");
    until("the program", || ran.exists()).await;
    drop(restic.kill());
    drop(restic.wait());
    std::fs::remove_file(&ran).expect("removed");

    cluster.place.address.clone_from(&address);
    cluster.place.write("address", &address);
    let file = cluster.place.text("address");
    for options in [
        json!({"environment": {"RESTIC_REPOSITORY": "env:ADDRESS"}, "password": "env:RIGHT"}),
        json!({"repository_file": file, "password": "env:RIGHT"}),
    ] {
        let fault = cluster.place.look("restic", options).await;
        let fault = fault.expect_err("refused");
        assert!(fault.seen.contains("without settings"), "{fault:?}");
    }
    let in_redis = [
        ("provider", "rclone"),
        ("url", address.as_str()),
        ("password", PASSWORD),
    ];
    cluster.hash("cluster/backup_repository/uuid1", &in_redis);
    let facts = cluster.look().await.expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("REPO_FAILURE"));
    let reason = fact(&facts, "reason");
    assert!(
        reason
            .as_str()
            .is_some_and(|reason| reason.contains("without settings")),
        "{reason}"
    );
    assert!(!ran.exists(), "the program ran");
}

#[tokio::test]
async fn no_login_of_an_address_is_shown() {
    if left_out() {
        return;
    }
    for (address, secret) in [
        ("rest:http://TOKENTOKENTOKEN@127.0.0.1:1/x", "TOKEN"),
        ("rest:https://user:pa/ssw0rd@127.0.0.1:1/x", "ssw0rd"),
        (
            "rest:http://us%65rname:p%61ssword@127.0.0.1:1/x",
            "p%61ssword",
        ),
        ("rest:user:passw0rd@127.0.0.1:1/x", "passw0rd"),
    ] {
        let mut cluster = Cluster::new().await;
        address.clone_into(&mut cluster.place.address);
        let options =
            json!({"environment": {"RESTIC_REPOSITORY": "env:ADDRESS"}, "password": "env:RIGHT"});
        let fault = cluster.place.look("restic", options).await;
        let fault = fault.expect_err("a fault");
        assert!(!format!("{fault:?}").contains(secret), "{fault:?}");
        let in_redis = [
            ("provider", "rest"),
            ("url", address),
            ("password", PASSWORD),
        ];
        cluster.hash("cluster/backup_repository/uuid1", &in_redis);
        let facts = cluster.look().await.expect("facts");
        let reason = fact(&facts, "reason").to_string();
        assert!(reason.contains("127.0.0.1"), "{reason}");
        assert!(!reason.contains(secret), "{reason}");
        assert!(!reason.contains("\":pa"), "{reason}");
    }
}

#[tokio::test]
async fn a_repository_is_found_by_a_file() {
    if left_out() {
        return;
    }
    let place = Place::new();
    place.init("repo");
    place.back_up("repo", "gitea");
    place.write("address", &format!(" {}\n", place.text("repo")));
    let options = json!({"repository_file": place.text("address"), "password": "env:RIGHT"});
    let facts = place.look("restic", options).await.expect("facts");
    assert_eq!(fact(&facts, "snapshots"), json!(1));
}

#[tokio::test]
async fn a_locked_repository_is_read_and_its_lock_told() {
    if left_out() {
        return;
    }
    let place = Place::new();
    place.init("repo");
    place.back_up("repo", "gitea");
    // A backup that waits for its input, and holds its lock while it does.
    let mut backup = place.restic("repo", &["backup", "--stdin"]);
    let child = backup
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("restic");
    let _holding = Running(child);
    let locks = place.path("repo/locks");
    until("a lock", || !entries(&locks).is_empty()).await;
    let options = json!({"repository": place.text("repo"), "password": "env:RIGHT"});
    let facts = place.look("restic", options).await.expect("facts");
    assert_eq!(fact(&facts, "snapshots"), json!(1));
    assert_eq!(fact(&facts, "locks"), json!(1));
    let holders = fact(&facts, "lock_holders");
    assert!(
        holders[0]
            .as_str()
            .is_some_and(|holder| holder.contains(" process ")),
        "{holders}"
    );
    assert!(facts.get("oldest_lock_at").is_some());
}

#[tokio::test]
async fn damage_is_found() {
    if left_out() {
        return;
    }
    let place = Place::new();
    place.init("repo");
    place.back_up("repo", "gitea");
    let cut = |folder: &str| {
        for file in entries(&place.path(folder)) {
            drop(std::fs::remove_file(&file));
            std::fs::write(&file, "too little").expect("written");
        }
    };
    let options = json!({"repository": place.text("repo"), "password": "env:RIGHT", "check": true});
    cut("repo/index");
    let facts = place.look("restic", options.clone()).await.expect("facts");
    assert_eq!(
        fact(&facts, "snapshots"),
        json!(1),
        "the list needs no index"
    );
    assert_eq!(fact(&facts, "check_ok"), json!(false));
    assert_ne!(fact(&facts, "check_errors"), json!([]));
    cut("repo/snapshots");
    let facts = place.look("restic", options).await.expect("facts");
    assert_eq!(fact(&facts, "snapshots"), json!(0));
    let unreadable = fact(&facts, "unreadable");
    assert_eq!(unreadable.as_array().map(Vec::len), Some(1), "{unreadable}");
}

#[tokio::test]
async fn what_was_copied_is_counted() {
    if left_out() {
        return;
    }
    let place = Place::new();
    for name in ["gitea", "momo", "empty"] {
        place.init(&format!("remote/{name}"));
    }
    place.back_up("remote/gitea", "h");
    place.back_up("remote/momo", "h");
    place.back_up("remote/momo", "h");
    let config = format!(
        "[copy]\ntype = alias\nremote = {}\n[hidden]\ntype = crypt\nremote = {}\nfilename_encryption = standard\npassword = {}\n",
        place.text("remote"),
        place.text("crypt"),
        String::from_utf8_lossy(
            &done(place.program("rclone").args(["obscure", "a password"])).stdout
        )
        .trim(),
    );
    place.write("home/.config/rclone/rclone.conf", &config);
    place.write("plain/dump.sql.gz", "a dump");
    std::fs::create_dir(place.path("crypt")).expect("a folder");
    done(
        place
            .program("rclone")
            .args(["copy", &place.text("plain"), "hidden:"]),
    );
    let before = (place.all("remote"), place.all("home"));

    let options = json!({
        "remote": "copy:",
        "repositories": ["gitea", "momo", "empty", "nowhere"],
        "latest_only": true,
    });
    let facts = place.look("rclone", options).await.expect("facts");
    assert_eq!(
        fact(&facts, "snapshots"),
        json!({"gitea": 1, "momo": 2, "empty": 0, "nowhere": 0})
    );
    assert_eq!(fact(&facts, "snapshot_latest_only"), json!(false));
    assert_eq!(fact(&facts, "missing"), json!(["empty", "nowhere"]));
    assert_eq!(fact(&facts, "files"), json!(3), "nothing else is listed");
    let alone = json!({"remote": "copy:gitea", "repositories": ["."], "latest_only": true});
    let facts = place.look("rclone", alone).await.expect("facts");
    assert_eq!(fact(&facts, "snapshot_latest_only"), json!(true));

    let facts = place
        .look("rclone", json!({"remote": "copy:"}))
        .await
        .expect("facts");
    let listed: Vec<_> = place.all("remote");
    assert_eq!(fact(&facts, "files"), json!(listed.len()));
    let size: usize = listed.iter().map(|(_, content)| content.len()).sum();
    assert_eq!(fact(&facts, "total_size_bytes"), json!(size));
    assert_eq!(
        fact(&facts, "directories"),
        json!(["empty", "gitea", "momo"])
    );
    let age = fact(&facts, "newest_age_s").as_f64().expect("an age");
    assert!((-5.0..600.0).contains(&age), "{age}");
    let shallow = json!({"remote": "copy:", "max_depth": 1});
    let facts = place.look("rclone", shallow).await.expect("facts");
    assert_eq!(fact(&facts, "files"), json!(0));
    assert_eq!(fact(&facts, "directory_count"), json!(3));

    let facts = place
        .look("rclone", json!({"remote": "hidden:"}))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "newest"), json!("dump.sql.gz"));
    assert_eq!(fact(&facts, "total_size_bytes"), json!(6));
    assert_eq!(
        before,
        (place.all("remote"), place.all("home")),
        "it only reads"
    );

    for (remote, of, hint) in [
        ("copy:nowhere", FaultKind::Missing, "no such folder"),
        ("unknown:", FaultKind::Missing, "listremotes"),
    ] {
        let fault = place
            .look("rclone", json!({"remote": remote}))
            .await
            .expect_err(remote);
        assert_eq!(fault.kind, of, "{fault:?}");
        assert!(
            fault.hint.clone().unwrap_or_default().contains(hint),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn an_encrypted_configuration_of_rclone_s_is_opened_by_its_password() {
    if left_out() {
        return;
    }
    let place = Place::new();
    place.write("remote/a", "one");
    let plain = format!("[copy]\ntype = alias\nremote = {}\n", place.text("remote"));
    place.write("home/.config/rclone/rclone.conf", &plain);
    // rclone of Debian encrypts only where somebody types, so the file is made as it
    // would: what is not one of its own is refused in the same words.
    place.write("home/.config/rclone/rclone.conf", "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    let fault = place
        .look("rclone", json!({"remote": "copy:"}))
        .await
        .expect_err("no password");
    assert_eq!(fault.kind, FaultKind::Denied, "{fault:?}");
    assert!(
        fault
            .hint
            .clone()
            .unwrap_or_default()
            .contains("config_password"),
        "{fault:?}"
    );
}

/// A Redis on a Unix socket, with what NethServer has in it.
struct Cluster {
    place: Place,
    _server: Running,
}

impl Cluster {
    async fn new() -> Self {
        let place = Place::new();
        let socket = place.text("redis.sock");
        let mut command = place.program("redis-server");
        let child = command
            .args([
                "--port",
                "0",
                "--save",
                "",
                "--unixsocket",
                &socket,
                "--dir",
                &place.text("data"),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server, of Debian's package");
        let cluster = Self {
            place,
            _server: Running(child),
        };
        until("Redis", || {
            let mut ping = cluster.cli(&["PING"]);
            ping.output().is_ok_and(|output| output.stdout == b"PONG\n")
        })
        .await;
        cluster.hash(
            "cluster/backup/1",
            &[
                ("name", "my \"nightly\" è"),
                ("repository", "uuid1"),
                ("enabled", "1"),
                ("retention", "3"),
            ],
        );
        for module in ["mail1", "web1"] {
            done(&mut cluster.cli(&["SADD", &format!("module/{module}/backups"), "1"]));
            cluster.state(module, "0");
        }
        cluster
    }

    fn cli(&self, args: &[&str]) -> Command {
        let mut command = self.place.program("redis-cli");
        command
            .args(["-s", &self.place.text("redis.sock")])
            .args(args);
        command
    }

    fn hash(&self, key: &str, fields: &[(&str, &str)]) {
        done(&mut self.cli(&["DEL", key]));
        let fields = fields.iter().flat_map(|(field, value)| [*field, *value]);
        let args: Vec<&str> = ["HSET", key].into_iter().chain(fields).collect();
        done(&mut self.cli(&args));
    }

    fn state(&self, module: &str, errors: &str) {
        let key = format!("module/{module}/backup_status/1");
        let state = [
            ("total_size", "544"),
            ("start", "1780624800"),
            ("end", "1780624860"),
            ("errors", errors),
        ];
        self.hash(&key, &state);
    }

    async fn look(&self) -> Result<Facts, Fault> {
        let options = json!({"plan": 1, "socket": self.place.text("redis.sock")});
        self.place.look("backup_plan", options).await
    }
}

#[tokio::test]
async fn a_plan_of_nethserver_s_comes_to_what_its_table_says() {
    if left_out() {
        return;
    }
    let cluster = Cluster::new().await;
    cluster.place.init("repo");
    let repository = cluster.place.text("repo");
    let good = [
        ("provider", "local"),
        ("path", repository.as_str()),
        ("password", PASSWORD),
    ];
    cluster.hash("cluster/backup_repository/uuid1", &good);
    let before = cluster.place.all("repo");
    let facts = cluster.look().await.expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("SUCCESS"), "{facts:?}");
    assert_eq!(fact(&facts, "plans"), json!(["1 my \"nightly\" è"]));
    assert_eq!(fact(&facts, "modules"), json!(["mail1", "web1"]));
    assert_eq!(fact(&facts, "last_run_at"), json!("2026-06-05T02:01:00Z"));
    assert_eq!(before, cluster.place.all("repo"), "it only reads");

    // The state of one that is no longer in the plan.
    cluster.state("gone7", "5");
    let facts = cluster.look().await.expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("SUCCESS"), "{facts:?}");
    assert_eq!(fact(&facts, "former_modules"), json!(["gone7"]));

    cluster.state("web1", "2");
    let facts = cluster.look().await.expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("PARTIAL"));
    assert_eq!(fact(&facts, "failed_modules"), json!(["web1"]));

    let wrong = [
        ("provider", "local"),
        ("path", repository.as_str()),
        ("password", "no horse"),
    ];
    cluster.hash("cluster/backup_repository/uuid1", &wrong);
    let facts = cluster.look().await.expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("REPO_FAILURE"));
    assert_eq!(fact(&facts, "repository_reachable"), json!(false));
    let reason = fact(&facts, "reason");
    assert!(
        reason
            .as_str()
            .is_some_and(|reason| reason.contains("wrong password")),
        "{reason}"
    );

    cluster.hash("cluster/backup_repository/uuid1", &good);
    for module in ["mail1", "web1"] {
        done(&mut cluster.cli(&["DEL", &format!("module/{module}/backup_status/1")]));
    }
    let facts = cluster.look().await.expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("REPO_FAILURE"));
    assert_eq!(fact(&facts, "repository_reachable"), json!(true));

    // The audit has names of variables and no value.
    assert!(
        cluster
            .place
            .audited()
            .contains("RESTIC_REPOSITORY=*** RESTIC_PASSWORD=*** restic cat config")
    );
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_no_outcome() {
    if left_out() {
        return;
    }
    let place = Place::new();
    let options = json!({"plan": 1, "socket": place.text("redis.sock")});
    let fault = place
        .look("backup_plan", options)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Missing, "{fault:?}");
}
