//! The network kinds against the real programs: PostgreSQL, Redis and nginx
//! from the distribution's packages, each in a folder of its own on loopback.
//!
//! Fails where the programs are missing, so that nobody takes silence for
//! proof; `COLDSTART_TEST_NO_SERVERS=1` leaves the tests out on purpose.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coldstart::probe::{
    Audit, Context, Facts, Fault, FaultKind, Policy, Probe, SecretRef, Secrets, Target, Transports,
    Value, find,
};
use rstest::rstest;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const PASSWORD: &str = "correct horse battery";

fn left_out() -> bool {
    std::env::var_os("COLDSTART_TEST_NO_SERVERS").is_some_and(|value| value == "1")
}

/// A program from the usual folders, newest version first.
fn program(folders: &[&str], name: &str) -> PathBuf {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        match folder.split_once('*') {
            None => found.push(Path::new(folder).join(name)),
            Some((before, after)) => {
                let entries = std::fs::read_dir(before).into_iter().flatten().flatten();
                let mut versions: Vec<PathBuf> = entries
                    .map(|entry| entry.path().join(after.trim_start_matches('/')).join(name))
                    .collect();
                versions.sort();
                found.extend(versions.into_iter().rev());
            }
        }
    }
    found.into_iter().find(|path| path.is_file()).unwrap_or_else(|| {
        panic!("{name} is not installed (Debian: postgresql, redis-server, nginx); COLDSTART_TEST_NO_SERVERS=1 leaves this out")
    })
}

/// `nobody` of Debian, as which servers run that refuse to be root.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}

/// As an ordinary user, also when the tests run as root.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.gid(NOBODY).uid(NOBODY);
    }
    command
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .expect("a free port")
        .local_addr()
        .expect("its address")
        .port()
}

/// A server in its own folder; both end with it.
struct Running {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until the port answers; shows the log when it never does.
    async fn ready(self) -> Self {
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .is_err()
        {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "it does not start: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    if is_root() {
        std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY))
            .expect("a folder of nobody's");
    }
    folder
}

fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    if is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("a file of nobody's");
    }
}

fn start(mut command: Command, folder: tempfile::TempDir, port: u16) -> Running {
    let log = std::fs::File::create(folder.path().join("log")).expect("a log");
    let also = log.try_clone().expect("a log");
    let child = command.stdout(log).stderr(also).spawn().expect("started");
    Running {
        child,
        folder,
        port,
    }
}

/// Sees what the audit was told.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Vec<u8>>>);

impl Write for Ledger {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Write::write(&mut *self.0.lock().expect("the lock"), bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Ledger {
    fn sent(&self, protocol: &str) -> Vec<String> {
        String::from_utf8_lossy(&self.0.lock().expect("the lock"))
            .lines()
            .map(|line| serde_json::from_str::<Json>(line).expect("a JSON line"))
            .filter(|line| line["protocol"] == protocol)
            .map(|line| line["sent"].as_str().expect("a text").to_owned())
            .collect()
    }
}

async fn probe_with(kind: &str, options: Json, password: &str) -> (Result<Facts, Fault>, Ledger) {
    let probe: Box<dyn Probe> = (find(kind).expect("a kind").build)(options).expect("options");
    let mut secrets = Secrets::default();
    secrets.insert(SecretRef::Env("PASSWORD".to_owned()), password.into());
    let ledger = Ledger::default();
    let audit = Audit::to(Box::new(ledger.clone()), || jiff::Timestamp::UNIX_EPOCH);
    let target = Target {
        host: None,
        via: None,
        also: Vec::new(),
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(20),
    };
    let transports = Transports::new(secrets, Policy::default(), audit);
    let context = Context {
        check: "real".to_owned(),
        attempt: 1,
        target,
        transports,
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), probe.run(&context))
        .await
        .expect("in time");
    (seen, ledger)
}

async fn probe(kind: &str, options: Json) -> (Result<Facts, Fault>, Ledger) {
    probe_with(kind, options, PASSWORD).await
}

const POSTGRES: [&str; 3] = ["/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/bin"];

async fn postgres() -> Running {
    let folders = POSTGRES;
    let folder = folder();
    let (data, password) = (folder.path().join("data"), folder.path().join("password"));
    write(&password, PASSWORD, 0o600);
    let made = unprivileged(&program(&folders, "initdb"))
        .args([
            "--username=boss",
            "--auth=scram-sha-256",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        ])
        .arg(format!("--pwfile={}", password.display()))
        .arg(&data)
        .output()
        .expect("initdb runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().expect("a key");
    let authority = rcgen::CertifiedIssuer::self_signed(authority, key).expect("signed");
    let key = rcgen::KeyPair::generate().expect("a key");
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = leaf.signed_by(&key, &authority).expect("signed");
    write(&folder.path().join("ca.pem"), &authority.pem(), 0o644);
    write(&data.join("server.crt"), &certificate.pem(), 0o600);
    write(&data.join("server.key"), &key.serialize_pem(), 0o600);
    let port = free_port();
    let mut command = unprivileged(&program(&folders, "postgres"));
    command.arg("-D").arg(&data).args([
        "-p",
        &port.to_string(),
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "ssl=on",
    ]);
    command.args([
        "-c",
        "log_statement=all",
        "-c",
        "log_line_prefix=%a|",
        "-c",
        "fsync=off",
    ]);
    command.args([
        "-c",
        &format!("unix_socket_directories={}", folder.path().display()),
    ]);
    start(command, folder, port).ready().await
}

/// Waits until it serves, makes a table, and gives a session of our own.
async fn superuser(server: &Running) -> tokio_postgres::Client {
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(server.port)
        .user("boss")
        .password(PASSWORD)
        .dbname("postgres");
    let begun = Instant::now();
    let (client, connection) = loop {
        match config.connect(tokio_postgres::NoTls).await {
            Ok(connected) => break connected,
            Err(error) => assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{error}: {}",
                server.log()
            ),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    tokio::spawn(async move { drop(connection.await) });
    let table = "CREATE TABLE backlog (id int); INSERT INTO backlog VALUES (1), (2), (3); CREATE SEQUENCE tickets";
    client.batch_execute(table).await.expect("a table");
    client
}

fn on_postgres(server: &Running, more: &Json) -> Json {
    let mut options = json!({
        "url": format!("postgres://boss@127.0.0.1:{}/postgres", server.port),
        "password": "env:PASSWORD",
    });
    let fields = options.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    options
}

#[tokio::test]
async fn postgres_answers_and_its_log_shows_what_the_audit_shows() {
    if left_out() {
        return;
    }
    let server = postgres().await;
    let boss = superuser(&server).await;

    let (facts, _) = probe("postgres", on_postgres(&server, &json!({}))).await;
    let facts = facts.expect("facts");
    assert_eq!(facts.get("accepts"), Some(&Value::Bool(true)));
    assert_eq!(facts.get("in_recovery"), Some(&Value::Bool(false)));
    assert!(
        matches!(facts.get("server_version"), Some(Value::Text(version)) if version.starts_with(char::is_numeric))
    );

    let everything = "SELECT 3::int8 AS whole, 12.50::numeric AS exact, 12345678901234567890::numeric AS long, \
        'gr\u{fc}n'::text AS word, true AS yes, NULL::int AS nothing, timestamptz '2026-06-05 10:55:04+08' AS moment, \
        date '2026-06-05' AS day, interval '1 day 2 hours' AS span, '{\"a\": [1, 2]}'::jsonb AS doc, \
        ARRAY[1, NULL, 3] AS list, '10.0.0.0/8'::inet AS net, -0.0005::numeric AS small, 1e10::numeric AS big, \
        timestamp '2026-06-05 10:55:04' AS local, '12:30:00'::time AS clock, 0.1::float4 AS short, '\\x00ff'::bytea AS raw, \
        '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid AS id, interval '1 mon' AS month, 'a'::\"char\"::text AS one";
    let (facts, ledger) = probe(
        "postgres",
        on_postgres(&server, &json!({ "query": everything })),
    )
    .await;
    let facts = facts.expect("facts");
    let Some(Value::Map(row)) = facts.get("row") else {
        panic!("a row")
    };
    let seen: serde_json::Map<String, Json> = row
        .iter()
        .map(|(name, value)| (name.clone(), serde_json::to_value(value).expect("JSON")))
        .collect();
    let expected = json!({
        "whole": 3, "exact": 12.5, "long": "12345678901234567890", "word": "gr\u{fc}n", "yes": true,
        "moment": "2026-06-05T02:55:04Z", "day": "2026-06-05", "span": 93600.0, "doc": {"a": [1, 2]},
        "list": [1, null, 3], "net": "10.0.0.0/8", "small": -0.0005, "big": 10_000_000_000_u64,
        "local": "2026-06-05T10:55:04", "clock": "12:30:00", "short": 0.1, "raw": "\\x00ff",
        "id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "month": "P1M", "one": "a",
    });
    let mut expected: Vec<_> = expected
        .as_object()
        .expect("an object")
        .clone()
        .into_iter()
        .collect();
    expected.sort_by(|left, right| left.0.cmp(&right.0));
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);

    // What the server logged for us is what the audit says, no more and no less.
    boss.batch_execute("SELECT 'the end of the log'")
        .await
        .expect("a marker");
    let begun = Instant::now();
    while !server.log().contains("the end of the log") {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let log = server.log();
    let logged: Vec<&str> = log
        .lines()
        .filter_map(|line| line.strip_prefix("coldstart|LOG:  "))
        .filter_map(|line| {
            line.strip_prefix("statement: ").or_else(|| {
                line.strip_prefix("execute ")?
                    .split_once(": ")
                    .map(|(_, sql)| sql)
            })
        })
        .collect();
    let audited = ledger.sent("postgres");
    assert_eq!(audited[0], "login boss to postgres");
    // The first probe of this test had no statement of its own.
    assert_eq!(
        logged[3..],
        audited[1..].iter().map(String::as_str).collect::<Vec<_>>()[..],
        "{log}"
    );
    assert!(!log.contains("unexpected EOF"), "{log}");

    let (facts, _) = probe(
        "postgres",
        on_postgres(
            &server,
            &json!({ "query": "SELECT generate_series(1, 100000000)" }),
        ),
    )
    .await;
    let facts = facts.expect("facts");
    assert_eq!(
        (facts.get("rows_whole"), facts.get("rows")),
        (Some(&Value::Bool(false)), None)
    );
    assert_eq!(facts.get("value"), Some(&Value::Json(json!(1))));
}

/// A standby that streams from `primary`.
async fn standby(primary: &Running) -> Running {
    let folder = folder();
    let data = folder.path().join("data");
    let copied = unprivileged(&program(&POSTGRES, "pg_basebackup"))
        .args([
            "--host=127.0.0.1",
            "--username=boss",
            "--write-recovery-conf",
            "--no-sync",
        ])
        .args(["--checkpoint=fast", &format!("--port={}", primary.port)])
        .arg(format!("--pgdata={}", data.display()))
        .env("PGPASSWORD", PASSWORD)
        .output()
        .expect("pg_basebackup runs");
    assert!(
        copied.status.success(),
        "{}",
        String::from_utf8_lossy(&copied.stderr)
    );
    let port = free_port();
    let mut command = unprivileged(&program(&POSTGRES, "postgres"));
    command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
    command.args([
        "-c",
        &format!("unix_socket_directories={}", folder.path().display()),
    ]);
    start(command, folder, port).ready().await
}

/// Looks until `settled`: a standby needs a moment to follow.
async fn state_of(server: &Running, user: &str, settled: impl Fn(&Facts) -> bool) -> Facts {
    let options = json!({
        "url": format!("postgres://{user}@127.0.0.1:{}/postgres", server.port),
        "password": "env:PASSWORD",
        "state": ["connections", "replication", "transaction_ids", "size"],
    });
    let begun = Instant::now();
    loop {
        match probe("postgres", options.clone()).await.0 {
            Ok(facts) if settled(&facts) => return facts,
            seen => assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{seen:?}: {}",
                server.log()
            ),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn postgres_tells_its_state_as_far_as_the_role_may_see_it() {
    if left_out() {
        return;
    }
    let primary = postgres().await;
    let boss = superuser(&primary).await;
    let plain = format!("CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'");
    boss.batch_execute(&plain).await.expect("a role");
    let number = |facts: &Facts, name: &str| match facts.get(name) {
        Some(Value::Number(value)) => Some(*value),
        None => None,
        other => panic!("{name} is {other:?}"),
    };

    // Alone: nobody follows, and that is known to everyone.
    for user in ["boss", "plain"] {
        let facts = state_of(&primary, user, |_| true).await;
        assert_eq!(number(&facts, "standbys"), Some(0.0), "{user}");
        assert_eq!(number(&facts, "standby_lag_bytes"), None, "{user}");
        // Ours and the superuser's.
        assert_eq!(number(&facts, "connections"), Some(2.0), "{user}");
        assert_eq!(number(&facts, "connections_max"), Some(100.0), "{user}");
        assert_eq!(number(&facts, "connections_reserved"), Some(3.0), "{user}");
        assert_eq!(
            number(&facts, "connections_percent"),
            Some(2.0 / 97.0 * 100.0),
            "{user}"
        );
        assert!(number(&facts, "transaction_id_age").is_some_and(|age| age >= 0.0));
        assert!(number(&facts, "transaction_id_percent").is_some_and(|share| share < 1.0));
        assert_eq!(number(&facts, "autovacuum_freeze_max_age"), Some(2e8));
        assert!(number(&facts, "database_bytes").is_some_and(|bytes| bytes > 1e6));
        for name in [
            "wal_streaming",
            "replay_paused",
            "replay_lag_bytes",
            "replay_age_s",
        ] {
            assert_eq!(facts.get(name), None, "{name} on a primary");
        }
    }

    let standby = standby(&primary).await;
    let followed = |facts: &Facts| facts.get("standbys") == Some(&Value::Number(1.0));
    let facts = state_of(&primary, "boss", followed).await;
    assert!(number(&facts, "standby_lag_bytes").is_none_or(|bytes| bytes >= 0.0));
    // The walsender is neither a session of a client nor, to everyone, one that streams.
    assert_eq!(number(&facts, "connections"), Some(2.0));
    let facts = state_of(&primary, "plain", |_| true).await;
    assert_eq!(number(&facts, "connections"), Some(2.0));
    assert_eq!(facts.get("standbys"), None, "hidden, not none");
    assert_eq!(facts.get("standby_lag_bytes"), None);

    boss.batch_execute("INSERT INTO backlog VALUES (5)")
        .await
        .expect("something to replay");
    let streams = |facts: &Facts| {
        facts.get("wal_streaming") == Some(&Value::Bool(true))
            && facts.get("replay_age_s").is_some()
    };
    let facts = state_of(&standby, "boss", streams).await;
    assert_eq!(facts.get("in_recovery"), Some(&Value::Bool(true)));
    assert_eq!(facts.get("replay_paused"), Some(&Value::Bool(false)));
    assert!(number(&facts, "replay_lag_bytes").is_some_and(|bytes| bytes >= 0.0));
    assert_eq!(number(&facts, "standbys"), Some(0.0));
    assert!(facts.get("transaction_id_age").is_some());
    let facts = state_of(&standby, "plain", |_| true).await;
    assert_eq!(facts.get("wal_streaming"), None, "hidden, not false");
    assert_eq!(facts.get("replay_paused"), Some(&Value::Bool(false)));

    drop((boss, primary));
    let alone = |facts: &Facts| facts.get("wal_streaming") == Some(&Value::Bool(false));
    state_of(&standby, "plain", alone).await;
}

#[tokio::test]
async fn postgres_refuses_to_write_through_us() {
    if left_out() {
        return;
    }
    let server = postgres().await;
    let boss = superuser(&server).await;
    // What is not even sent.
    for query in [
        "INSERT INTO backlog VALUES (4)",
        "COMMIT",
        "SET TRANSACTION READ WRITE",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "COPY backlog TO PROGRAM 'true'",
        "DO $$ BEGIN DELETE FROM backlog; END $$",
        "SELECT 1; DELETE FROM backlog",
        "SELECT 1; COMMIT; DELETE FROM backlog",
        "SELECT set_config('transaction_read_only', 'off', false)",
    ] {
        let (seen, ledger) =
            probe("postgres", on_postgres(&server, &json!({ "query": query }))).await;
        assert_eq!(
            seen.expect_err(query).kind,
            FaultKind::LocalSetup,
            "{query}"
        );
        assert_eq!(ledger.sent("tcp"), Vec::<String>::new(), "{query}");
    }
    // What the server has to refuse, although we are its superuser.
    for query in [
        "WITH gone AS (DELETE FROM backlog RETURNING id) SELECT * FROM gone",
        "EXPLAIN ANALYZE DELETE FROM backlog",
        "SELECT id INTO copied FROM backlog",
        "SELECT nextval('tickets')",
        "SELECT id FROM backlog FOR UPDATE",
    ] {
        let (seen, _) = probe("postgres", on_postgres(&server, &json!({ "query": query }))).await;
        let fault = seen.expect_err(query);
        assert_eq!(fault.kind, FaultKind::Denied, "{query}: {}", fault.seen);
    }
    let row = boss
        .query_one(
            "SELECT count(*), (SELECT is_called FROM tickets) FROM backlog",
            &[],
        )
        .await
        .expect("a row");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, bool>(1)), (3, false));
}

#[rstest]
#[case::password(json!({}), "wrong", FaultKind::Denied, "password authentication failed")]
#[case::no_password(json!({"password": null}), PASSWORD, FaultKind::Denied, "asks for a password")]
#[case::syntax(json!({"query": "SELECT FROM WHERE"}), PASSWORD, FaultKind::LocalSetup, "syntax error")]
#[case::table(json!({"query": "TABLE nowhere"}), PASSWORD, FaultKind::Missing, "does not exist")]
#[case::parameter(json!({"query": "SELECT $1::int"}), PASSWORD, FaultKind::LocalSetup, "has parameters")]
#[case::unknown_type(json!({"query": "SELECT point(1, 2)"}), PASSWORD, FaultKind::LocalSetup, "cast it to text")]
#[case::division(json!({"query": "SELECT 1/0"}), PASSWORD, FaultKind::Protocol, "division by zero (SQLSTATE 22012)")]
#[tokio::test]
async fn postgres_says_no(
    #[case] more: Json,
    #[case] password: &str,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    if left_out() {
        return;
    }
    let server = postgres().await;
    drop(superuser(&server).await);
    let (result, _) = probe_with("postgres", on_postgres(&server, &more), password).await;
    let fault = result.expect_err("no");
    assert_eq!(fault.kind, kind, "{}", fault.seen);
    assert!(fault.seen.contains(seen), "{}", fault.seen);
}

#[tokio::test]
async fn postgres_over_tls_and_without_its_database() {
    if left_out() {
        return;
    }
    let server = postgres().await;
    drop(superuser(&server).await);
    let ca = server.folder.path().join("ca.pem");
    let at = |host: &str, rest: &str| json!({ "url": format!("postgres://boss@{host}:{}/{rest}", server.port) });
    let encrypted = json!({"query": "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"});
    let merged = |parts: &[&Json]| {
        let mut all = serde_json::Map::new();
        for part in parts {
            all.extend(part.as_object().expect("an object").clone());
        }
        on_postgres(&server, &Json::Object(all))
    };
    for (mode, expected) in [("disable", false), ("prefer", true), ("require", true)] {
        let url = at("127.0.0.1", &format!("postgres?sslmode={mode}"));
        let facts = probe("postgres", merged(&[&url, &encrypted]))
            .await
            .0
            .expect("facts");
        assert_eq!(
            facts.get("value"),
            Some(&Value::Json(json!(expected))),
            "{mode}"
        );
    }
    let verified = at("localhost", "postgres?sslmode=verify-full");
    let trusted = json!({ "ca": ca });
    probe("postgres", merged(&[&verified, &trusted]))
        .await
        .0
        .expect("facts");
    let fault = probe("postgres", merged(&[&verified]))
        .await
        .0
        .expect_err("an unknown authority");
    assert_eq!(fault.kind, FaultKind::HostKey, "{}", fault.seen);
    let other_name = at("127.0.0.1", "postgres?sslmode=verify-full");
    let fault = probe("postgres", merged(&[&other_name, &trusted]))
        .await
        .0
        .expect_err("another name");
    assert_eq!(
        fault.seen,
        "certificate is not valid for 127.0.0.1, only for localhost"
    );
    let fault = probe("postgres", merged(&[&at("127.0.0.1", "nowhere")]))
        .await
        .0
        .expect_err("no database");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::Missing, "database \"nowhere\" does not exist")
    );
}

async fn redis() -> Running {
    redis_with(&[]).await
}

async fn redis_with(more: &[&str]) -> Running {
    let folder = folder();
    let port = free_port();
    let mut command = unprivileged(&program(&["/usr/bin", "/usr/local/bin"], "redis-server"));
    command.args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--requirepass",
        PASSWORD,
    ]);
    command
        .args(more)
        .arg("--dir")
        .arg(folder.path())
        .arg("--unixsocket")
        .arg(folder.path().join("redis.sock"));
    start(command, folder, port).ready().await
}

/// A session of our own, to prepare and to watch.
struct Watcher(BufReader<TcpStream>);

impl Watcher {
    async fn on(server: &Running) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port))
            .await
            .expect("open");
        let mut watcher = Self(BufReader::new(stream));
        assert_eq!(watcher.ask(&format!("AUTH \"{PASSWORD}\"")).await, "+OK");
        watcher
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let reading = self.0.read_line(&mut line);
        tokio::time::timeout(Duration::from_secs(20), reading)
            .await
            .expect("in time")
            .expect("a line");
        line.trim_end().to_owned()
    }

    async fn ask(&mut self, command: &str) -> String {
        self.0
            .write_all(format!("{command}\r\n").as_bytes())
            .await
            .expect("sent");
        self.line().await
    }
}

fn on_redis(server: &Running, more: &Json) -> Json {
    let mut options =
        json!({ "address": "127.0.0.1", "port": server.port, "password": "env:PASSWORD" });
    options
        .as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    options
}

#[tokio::test]
async fn redis_answers_and_reads() {
    if left_out() {
        return;
    }
    let server = redis().await;
    let mut boss = Watcher::on(&server).await;
    for command in [
        "HSET state queue 3 mode open",
        "RPUSH list a b",
        "SELECT 2",
        "SET name two",
    ] {
        boss.ask(command).await;
    }
    for (more, reply) in [
        (
            json!({"command": ["HGETALL", "state"]}),
            Some(json!({"queue": "3", "mode": "open"})),
        ),
        (
            json!({"command": ["lrange", "list", "0", "-1"]}),
            Some(json!(["a", "b"])),
        ),
        (json!({"command": ["EXISTS", "state"]}), Some(json!(1))),
        (json!({"command": ["GET", "nothing"]}), None),
        (
            json!({"command": ["GET", "name"], "db": 2}),
            Some(json!("two")),
        ),
        (json!({"command": ["MEMORY", "USAGE", "nothing"]}), None),
        (
            json!({"command": ["OBJECT", "ENCODING", "list"]}),
            Some(json!("listpack")),
        ),
    ] {
        let facts = probe("redis", on_redis(&server, &more))
            .await
            .0
            .unwrap_or_else(|fault| panic!("{more}: {fault}"));
        assert_eq!(facts.get("pong"), Some(&Value::Bool(true)));
        assert_eq!(facts.get("loading"), Some(&Value::Bool(false)));
        assert_eq!(facts.get("role"), Some(&Value::from("master")));
        assert_eq!(facts.get("aof_ok"), None, "the append-only file is off");
        let seen = match facts.get("reply") {
            // The name of the encoding changed with version 7.
            Some(Value::Json(Json::String(name))) if name == "quicklist" => Some(json!("listpack")),
            Some(Value::Json(reply)) => Some(reply.clone()),
            _ => None,
        };
        assert_eq!(seen, reply, "{more}");
    }
    let socket =
        json!({"socket": server.folder.path().join("redis.sock"), "password": "env:PASSWORD"});
    let facts = probe("redis", socket).await.0.expect("facts");
    assert_eq!(facts.get("pong"), Some(&Value::Bool(true)));
}

#[tokio::test]
async fn redis_tells_of_keys_and_hashes() {
    if left_out() {
        return;
    }
    let server = redis().await;
    let mut boss = Watcher::on(&server).await;
    for command in [
        "HSET state queue 3 mode open",
        "RPUSH list a b",
        "SET name two",
        "SET passing word EX 1000",
    ] {
        boss.ask(command).await;
    }
    for (more, expected) in [
        (
            json!({"hash": "state"}),
            json!({"exists": true, "key_type": "hash", "hash": {"queue": "3", "mode": "open"}}),
        ),
        (
            json!({"key": "name"}),
            json!({"exists": true, "key_type": "string", "value": "two"}),
        ),
        (
            json!({"key": "list"}),
            json!({"exists": true, "key_type": "list"}),
        ),
        (
            json!({"hash": "name"}),
            json!({"exists": true, "key_type": "string"}),
        ),
        (json!({"key": "nothing"}), json!({"exists": false})),
        (json!({"key": "name", "db": 1}), json!({"exists": false})),
    ] {
        let (facts, _) = probe("redis", on_redis(&server, &more)).await;
        let facts = facts.unwrap_or_else(|fault| panic!("{more}: {fault}"));
        let mut seen = serde_json::to_value(&facts).expect("JSON");
        seen.as_object_mut().expect("an object").retain(|name, _| {
            ["exists", "key_type", "ttl_s", "value", "hash"].contains(&name.as_str())
        });
        assert_eq!(seen, expected, "{more}");
    }
    let (facts, _) = probe("redis", on_redis(&server, &json!({"key": "passing"}))).await;
    let facts = facts.expect("facts");
    assert!(
        matches!(facts.get("ttl_s"), Some(Value::Number(left)) if (1.0..=1000.0).contains(left))
    );
    assert!(facts.get("last_save").is_some() && facts.get("last_save_age_s").is_some());
    assert_eq!(facts.get("memory_percent"), None, "there is no limit");
    assert_eq!(boss.ask("CONFIG SET maxmemory 1gb").await, "+OK");
    let (facts, _) = probe("redis", on_redis(&server, &json!({}))).await;
    let facts = facts.expect("facts");
    assert!(
        matches!(facts.get("memory_percent"), Some(Value::Number(share)) if (0.0..50.0).contains(share))
    );
}

/// Looks at Redis until `settled`.
async fn redis_until(server: &Running, settled: impl Fn(&Facts) -> bool) -> Facts {
    let begun = Instant::now();
    loop {
        let facts = probe("redis", on_redis(server, &json!({}))).await.0;
        let facts = facts.expect("facts");
        if settled(&facts) {
            return facts;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{facts:?}: {}",
            server.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn redis_that_cannot_save_stops_writes_and_says_so() {
    use std::os::unix::fs::PermissionsExt;
    if left_out() {
        return;
    }
    let server = redis().await;
    let mut boss = Watcher::on(&server).await;
    assert_eq!(boss.ask("CONFIG SET save \"3600 1\"").await, "+OK");
    assert_eq!(boss.ask("SET a 1").await, "+OK");
    let facts = redis_until(&server, |_| true).await;
    assert_eq!(facts.get("writes_stopped"), Some(&Value::Bool(false)));
    let mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(server.folder.path(), permissions).expect("permissions");
    };
    mode(0o555);
    assert_eq!(boss.ask("BGSAVE").await, "+Background saving started");
    let stopped = |facts: &Facts| facts.get("writes_stopped") == Some(&Value::Bool(true));
    let facts = redis_until(&server, stopped).await;
    mode(0o755);
    assert_eq!(facts.get("pong"), Some(&Value::Bool(false)));
    assert_eq!(facts.get("loading"), Some(&Value::Bool(false)));
    assert_eq!(facts.get("rdb_last_save_ok"), Some(&Value::Bool(false)));
    assert!(matches!(facts.get("error"), Some(Value::Text(error)) if error.starts_with("MISCONF")));
}

#[tokio::test]
async fn redis_tells_of_replication_from_both_ends() {
    if left_out() {
        return;
    }
    let master = redis().await;
    let port = master.port.to_string();
    let replica = redis_with(&["--replicaof", "127.0.0.1", &port, "--masterauth", PASSWORD]).await;
    let in_step = |facts: &Facts| facts.get("online_replicas") == Some(&Value::Number(1.0));
    let facts = redis_until(&master, in_step).await;
    assert!(facts.get("replica_lag_s").is_some() && facts.get("replica_lag_bytes").is_some());
    assert_eq!(facts.get("master_link_up"), None);
    let up = |facts: &Facts| facts.get("master_link_up") == Some(&Value::Bool(true));
    let facts = redis_until(&replica, up).await;
    assert_eq!(facts.get("role"), Some(&Value::from("slave")));
    assert_eq!(facts.get("master_sync_running"), Some(&Value::Bool(false)));
    assert!(facts.get("master_last_io_s").is_some());
    assert_eq!(facts.get("master_link_down_s"), None);
    drop(master);
    let down = |facts: &Facts| facts.get("master_link_up") == Some(&Value::Bool(false));
    let facts = redis_until(&replica, down).await;
    assert!(facts.get("master_link_down_s").is_some());
    assert_eq!(facts.get("master_last_io_s"), None);
}

#[tokio::test]
async fn redis_never_sees_a_write() {
    if left_out() {
        return;
    }
    let server = redis().await;
    let mut monitor = Watcher::on(&server).await;
    assert_eq!(monitor.ask("MONITOR").await, "+OK");
    for command in [
        json!(["SET", "a", "1"]),
        json!(["FLUSHALL"]),
        json!(["GETEX", "a", "EX", "1"]),
        json!(["SORT", "a", "STORE", "b"]),
        json!(["CONFIG", "SET", "maxmemory", "1"]),
        json!(["CLIENT", "PAUSE", "1000"]),
        json!(["MEMORY", "PURGE"]),
        json!(["EVAL", "return redis.call('set', 'a', '1')", "0"]),
        json!(["DEBUG", "SLEEP", "1"]),
        json!(["SHUTDOWN"]),
    ] {
        let (seen, ledger) =
            probe("redis", on_redis(&server, &json!({ "command": command }))).await;
        let fault = seen.expect_err("refused");
        assert_eq!(fault.kind, FaultKind::Denied, "{command}: {}", fault.seen);
        assert!(fault.seen.contains("is not sent"), "{}", fault.seen);
        let sent = ledger.sent("redis");
        assert_eq!(sent[..3], ["AUTH ***", "PING", "INFO"], "{command}");
        assert!(sent[3].starts_with("COMMAND INFO "), "{sent:?}");
        assert_eq!(sent.len(), 4, "{command}");
    }
    let (seen, _) = probe(
        "redis",
        on_redis(&server, &json!({ "command": ["FROBNICATE"] })),
    )
    .await;
    assert_eq!(seen.expect_err("unknown").kind, FaultKind::Missing);
    Watcher::on(&server).await.ask("ECHO the-end").await;
    loop {
        let line = monitor.line().await;
        if line.contains("the-end") {
            break;
        }
        let command = line.split('"').nth(1).unwrap_or_default().to_owned();
        assert!(
            ["PING", "INFO", "COMMAND", "AUTH"].contains(&command.to_uppercase().as_str()),
            "{line}"
        );
    }
}

#[rstest]
#[case::no_password(json!({"password": null}), PASSWORD, FaultKind::Denied, "NOAUTH")]
#[case::password(json!({}), "wrong word", FaultKind::Denied, "WRONGPASS")]
#[case::user(json!({"username": "nobody"}), PASSWORD, FaultKind::Denied, "WRONGPASS")]
#[case::database(json!({"db": 99}), PASSWORD, FaultKind::Missing, "no such database: SELECT 99")]
#[tokio::test]
async fn redis_says_no(
    #[case] more: Json,
    #[case] password: &str,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    if left_out() {
        return;
    }
    let server = redis().await;
    let (result, _) = probe_with("redis", on_redis(&server, &more), password).await;
    let fault = result.expect_err("no");
    assert_eq!(fault.kind, kind, "{}", fault.seen);
    assert!(fault.seen.contains(seen), "{}", fault.seen);
    assert!(!fault.seen.contains(password), "{}", fault.seen);
}

#[rstest]
#[case("/", 200.0)]
#[case("/nowhere", 404.0)]
#[case("/upstream", 502.0)]
#[case("/v2/", 401.0)]
#[case("/moved", 301.0)]
#[tokio::test]
async fn nginx_answers(#[case] path: &str, #[case] status: f64) {
    if left_out() {
        return;
    }
    let folder = folder();
    let (port, closed) = (free_port(), free_port());
    let root = folder.path().display().to_string();
    let configuration = format!(
        "daemon off; master_process off; pid {root}/pid; error_log stderr; events {{}}\n\
         http {{ access_log off; client_body_temp_path {root}/a; proxy_temp_path {root}/b; fastcgi_temp_path {root}/c;\n\
         uwsgi_temp_path {root}/d; scgi_temp_path {root}/e;\n\
         server {{ listen 127.0.0.1:{port};\n\
         location = / {{ return 200 'ready'; }} location = /v2/ {{ return 401; }}\n\
         location = /moved {{ return 301 /; }} location = /upstream {{ proxy_pass http://127.0.0.1:{closed}; }}\n\
         location / {{ return 404; }} }} }}"
    );
    write(&folder.path().join("nginx.conf"), &configuration, 0o644);
    let mut command = unprivileged(&program(&["/usr/sbin", "/usr/bin"], "nginx"));
    command
        .arg("-e")
        .arg("stderr")
        .arg("-p")
        .arg(folder.path())
        .arg("-c")
        .arg(folder.path().join("nginx.conf"));
    let server = start(command, folder, port).ready().await;
    let (facts, ledger) = probe(
        "http",
        json!({ "url": format!("http://127.0.0.1:{port}{path}") }),
    )
    .await;
    let facts = facts.expect("facts");
    assert_eq!(facts.get("status"), Some(&Value::Number(status)));
    assert_eq!(facts.get("redirected_to").is_some(), path == "/moved");
    assert_eq!(
        ledger.sent("http"),
        [format!("GET http://127.0.0.1:{port}{path}")]
    );
    drop(server);
}
