//! Archives and databases by the programs that make them: `archive` and
//! `sqlite` against what gzip, zstd, xz, bzip2, tar and sqlite3 really leave, and a
//! large archive by a real sshd. `COLDSTART_TEST_NO_SERVERS=1` leaves it out;
//! without it, a machine that has not all of them fails here.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "a test that cannot be set up fails")]

#[path = "servers/mod.rs"]
#[expect(dead_code, reason = "the unit tests use the rest")]
mod servers;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coldstart::probe::{
    Audit, Context, Facts, Host, Policy, Secrets, SshEnvironment, SshSettings, Target, Transports,
    find,
};
use rstest::rstest;
use serde_json::{Value as Json, json};
use servers::ssh::Home;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn left_out() -> bool {
    std::env::var_os("COLDSTART_TEST_NO_SERVERS").is_some_and(|value| value == "1")
}

fn shell(line: &str, folder: &Path) {
    let done = Command::new("sh")
        .args(["-ec", line])
        .current_dir(folder)
        .stdin(Stdio::null())
        .status()
        .expect("sh");
    assert!(
        done.success(),
        "{line}: {done} (Debian: zstd, xz-utils, bzip2, sqlite3); COLDSTART_TEST_NO_SERVERS=1 leaves this out"
    );
}

fn context(host: Host, environment: SshEnvironment) -> Context {
    Context {
        check: "test".to_owned(),
        attempt: 1,
        target: Target {
            host: Some(Arc::new(host)),
            via: None,
            also: Vec::new(),
            timeout: Duration::from_mins(2),
            connect_timeout: Duration::from_secs(20),
        },
        transports: Transports::with_ssh(
            Secrets::default(),
            Policy::default(),
            Audit::off(),
            environment,
            jiff::Timestamp::now,
        ),
    }
}

fn here() -> Context {
    let host = Host {
        id: "here".to_owned(),
        address: "127.0.0.1".to_owned(),
        local: true,
        ssh: SshSettings::default(),
        connect_timeout: Duration::from_secs(20),
    };
    context(host, SshEnvironment::default())
}

async fn look(kind: &str, options: Json, context: &Context) -> Facts {
    let entry = find(kind).expect("a kind");
    let probe = (entry.build)(options).expect("options");
    tokio::time::timeout(Duration::from_mins(4), probe.run(context))
        .await
        .expect("an end")
        .expect("facts")
}

fn fact(facts: &Facts, name: &str) -> Json {
    facts.get(name).map_or(Json::Null, |value| {
        serde_json::to_value(value).expect("facts are JSON")
    })
}

#[rstest]
#[case("tar -czf f.tar.gz d", "f.tar.gz", "tar.gz")]
#[case("tar -cf - d | zstd -q > f.tar.zst", "f.tar.zst", "tar.zst")]
#[case("tar -cJf f.tar.xz d", "f.tar.xz", "tar.xz")]
#[case("tar -cjf f.tar.bz2 d", "f.tar.bz2", "tar.bz2")]
#[tokio::test]
async fn what_packs_tells_what_is_whole(
    #[case] make: &str,
    #[case] name: &str,
    #[case] format: &str,
) {
    if left_out() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    shell(
        &format!("mkdir d; seq 1 300000 > d/data; {make}"),
        dir.path(),
    );
    let path = dir.path().join(name);
    let options = json!({"path": path, "contains": ["d/data", "d/none"]});
    let facts = look("archive", options.clone(), &here()).await;
    assert_eq!(fact(&facts, "format"), json!(format));
    assert_eq!(fact(&facts, "readable"), json!(true), "{facts:?}");
    assert_eq!(fact(&facts, "missing"), json!(["d/none"]));
    for keep in [99, 50, 5] {
        let bytes = std::fs::read(&path).expect("a file");
        let cut = dir.path().join(format!("cut.{name}"));
        std::fs::write(&cut, &bytes[..bytes.len() * keep / 100]).expect("a file");
        let facts = look("archive", json!({"path": cut}), &here()).await;
        assert_eq!(fact(&facts, "readable"), json!(false), "{keep}: {facts:?}");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// What is beside a database, and in it, before and after: nothing may change.
fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let bytes = std::fs::read(folder.join(&name)).expect("a file");
        (name, bytes)
    };
    names(folder).into_iter().map(read).collect()
}

const TABLE: &str = "create table t(x); create index i on t(x); insert into t select hex(randomblob(20)) from (with recursive n(i) as (select 1 union all select i+1 from n where i<2000) select i from n);";

#[rstest]
#[case::rollback("", "locked")]
#[case::log("pragma journal_mode=wal;", "immutable")]
#[tokio::test]
async fn a_database_is_asked_without_a_trace(#[case] mode: &str, #[case] opened: &str) {
    if left_out() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    shell(&format!("sqlite3 db.sqlite \"{mode} {TABLE}\""), dir.path());
    let path = dir.path().join("db.sqlite");
    let before = bytes(dir.path());
    let options = json!({"path": path, "query": "SELECT count(*) AS n FROM t"});
    let facts = look("sqlite", options, &here()).await;
    assert_eq!(fact(&facts, "integrity"), json!("ok"), "{facts:?}");
    assert_eq!(fact(&facts, "opened"), json!(opened));
    assert_eq!(fact(&facts, "value"), json!(2000));
    assert_eq!(bytes(dir.path()), before);
    // A page in the middle that is another one.
    let mut broken = std::fs::read(&path).expect("a file");
    broken[20_000..23_000].fill(0x5A);
    std::fs::write(&path, &broken).expect("a file");
    let facts = look("sqlite", json!({"path": path}), &here()).await;
    assert_ne!(fact(&facts, "integrity"), json!("ok"), "{facts:?}");
    assert_ne!(fact(&facts, "errors"), json!(0), "{facts:?}");
}

#[tokio::test]
async fn a_database_in_use_is_read_with_its_log() {
    if left_out() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("db.sqlite");
    let writer = rusqlite::Connection::open(&path).expect("a database");
    writer
        .execute_batch("PRAGMA journal_mode=wal; CREATE TABLE t(x); INSERT INTO t VALUES (1);")
        .expect("rows");
    let before = bytes(dir.path());
    let options = json!({"path": path, "check": "quick", "query": "SELECT count(*) FROM t"});
    let facts = look("sqlite", options.clone(), &here()).await;
    assert_eq!(fact(&facts, "opened"), json!("log"), "{facts:?}");
    assert_eq!(fact(&facts, "integrity"), json!("ok"));
    assert_eq!(fact(&facts, "value"), json!(1));
    let after = bytes(dir.path());
    let of = |all: &[(String, Vec<u8>)]| {
        all.iter()
            .map(|(name, bytes)| (name.clone(), bytes.len()))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&after), of(&before));
    // As a crash leaves it: the log and its index, and nobody has them open.
    let left = tempfile::tempdir().expect("a folder");
    for (name, bytes) in &after {
        std::fs::write(left.path().join(name), bytes).expect("a file");
    }
    drop(writer);
    let mut options = options;
    options["path"] = json!(left.path().join("db.sqlite"));
    let facts = look("sqlite", options, &here()).await;
    assert_eq!(fact(&facts, "value"), json!(1), "{facts:?}");
    assert_eq!(bytes(left.path()), after);
}

/// To open it as one with a log would make the log that is not there.
#[tokio::test]
async fn a_database_whose_log_is_gone_gets_no_new_one() {
    if left_out() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("db.sqlite");
    shell(
        &format!("sqlite3 db.sqlite \"pragma journal_mode=wal; {TABLE}\""),
        dir.path(),
    );
    std::fs::write(dir.path().join("db.sqlite-shm"), [0; 32768]).expect("a file");
    let before = bytes(dir.path());
    let facts = look("sqlite", json!({"path": path}), &here()).await;
    assert_eq!(fact(&facts, "opened"), json!("immutable"), "{facts:?}");
    assert_eq!(fact(&facts, "integrity"), json!("ok"));
    assert_eq!(bytes(dir.path()), before);
}

/// A real sshd on a port of its own; it ends with this value.
struct Sshd {
    port: u16,
    child: Child,
    dir: tempfile::TempDir,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Sshd {
    fn start(home: &Home) -> Self {
        drop(std::fs::create_dir_all("/run/sshd"));
        let dir = tempfile::tempdir().expect("a folder");
        shell("ssh-keygen -q -t ed25519 -N '' -f host", dir.path());
        let accepted = home.key.public_key().to_openssh().expect("a key");
        std::fs::write(dir.path().join("accepted"), accepted).expect("a file");
        let port = servers::ports::free_port();
        let place = dir.path().display();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {place}/host\nAuthorizedKeysFile {place}/accepted\n\
             StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        );
        let file = dir.path().join("sshd_config");
        std::fs::write(&file, config).expect("a file");
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sshd (Debian: openssh-server)");
        Self { port, child, dir }
    }
}

/// Passes connections on to `port`, and counts what comes from there.
async fn counted(port: u16) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let own = listener.local_addr().expect("a port").port();
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let counting = Arc::clone(&counting);
            tokio::spawn(async move {
                // Nothing listens yet: the client tries again.
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    return;
                };
                let (mut near_in, mut near_out) = near.into_split();
                let (mut far_in, mut far_out) = far.into_split();
                tokio::spawn(async move {
                    drop(tokio::io::copy(&mut near_in, &mut far_out).await);
                    drop(far_out.shutdown().await);
                });
                let mut buffer = vec![0; 16 << 10];
                while let Ok(read @ 1..) = far_in.read(&mut buffer).await {
                    counting.fetch_add(read as u64, Ordering::Relaxed);
                    if near_out.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (own, count)
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let words = line.expect("a peak").split_ascii_whitespace();
    let kilobytes: u64 = words
        .into_iter()
        .nth(1)
        .expect("kB")
        .parse()
        .expect("a number");
    kilobytes * 1024
}

/// Run alone, see [`a_large_archive_stays_on_its_host`].
#[tokio::test]
#[ignore = "measures the memory of its process: the test below runs it in one of its own"]
async fn measure_a_large_archive() {
    let home = Home::new();
    let sshd = Sshd::start(&home);
    let (port, count) = counted(sshd.port).await;
    let known = std::fs::read_to_string(sshd.dir.path().join("host.pub")).expect("a key");
    home.write("known_hosts", &format!("[127.0.0.1]:{port} {known}"));
    let dir = tempfile::tempdir().expect("a folder");
    // Random blocks, so that it packs to as much: 300 MB of gzip in little time.
    shell(
        "head -c 10000000 /dev/urandom > block; mkdir d; for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do ln block d/$n; done
         tar --hard-dereference -cf - d | gzip -1 > backup_20260605.tar.gz; rm -r d block",
        dir.path(),
    );
    let path = dir.path().join("backup_20260605.tar.gz");
    let bytes = std::fs::metadata(&path).expect("a file").len();
    assert!(bytes >= 300_000_000, "{bytes}");
    let user = Command::new("id").arg("-un").output().expect("id").stdout;
    let host = Host {
        id: "real".to_owned(),
        address: "127.0.0.1".to_owned(),
        local: false,
        ssh: SshSettings {
            port: Some(port),
            ..SshSettings::default()
        },
        connect_timeout: Duration::from_secs(20),
    };
    let environment = SshEnvironment {
        home: Some(home.dir.path().to_owned()),
        user: Some(String::from_utf8_lossy(&user).trim().to_owned()),
        ..SshEnvironment::default()
    };
    let context = context(host, environment);
    let before = peak();
    let facts = look(
        "archive",
        json!({"path": dir.path().join("backup_{date}.tar.gz"), "contains": ["d/30"]}),
        &context,
    )
    .await;
    assert_eq!(fact(&facts, "readable"), json!(true), "{facts:?}");
    assert_eq!(fact(&facts, "missing"), json!([]));
    assert_eq!(fact(&facts, "newest_bytes"), json!(bytes));
    let (grown, came) = (peak() - before, count.load(Ordering::Relaxed));
    assert!(came < 200_000, "{came} bytes came over the connection");
    assert!(grown < 20_000_000, "the process has grown by {grown} bytes");
}

#[test]
fn a_large_archive_stays_on_its_host() {
    if left_out() || std::env::var_os("COLDSTART_TEST_NO_SSHD").is_some_and(|value| value == "1") {
        return;
    }
    let own = std::env::current_exe().expect("this program");
    let done = Command::new(own)
        .args([
            "measure_a_large_archive",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .stdin(Stdio::null())
        .output()
        .expect("this program");
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(told.contains("1 passed"), "{told}");
}
