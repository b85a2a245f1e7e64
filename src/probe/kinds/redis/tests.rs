use rstest::rstest;
use serde_json::json;

use super::super::aim::tests::{context, target, within};
use super::*;
use crate::probe::{FaultKind, Value};
use crate::servers::redis::{Say, behind, saying};
use crate::servers::tcp::{Server, closed_port};
use crate::servers::tls::{Shows, acceptor};
use crate::transport::redis::Answer;

fn redis(options: serde_json::Value) -> Redis {
    serde_json::from_value(options).expect("options")
}

fn at(server: &Server, command: &[&str]) -> Redis {
    let mut options = json!({ "address": "127.0.0.1", "port": server.address.port() });
    if !command.is_empty() {
        options["command"] = json!(command);
    }
    redis(options)
}

async fn usual() -> Server {
    saying("", Say::Usual).await
}

#[tokio::test]
async fn the_answer_as_facts() {
    let server = usual().await;
    let facts = within(Kind::run(&at(&server, &["GET", "a"]), &context(&[]).0))
        .await
        .expect("facts");
    for (name, value) in [
        ("pong", Value::Bool(true)),
        ("loading", Value::Bool(false)),
        ("role", Value::from("slave")),
        ("version", Value::from("7.2.4")),
        ("uptime_s", Value::Number(60.0)),
        ("used_memory_bytes", Value::Number(1024.0)),
        ("rdb_last_save_ok", Value::Bool(true)),
        ("aof_ok", Value::Bool(false)),
        ("master_link_up", Value::Bool(false)),
        ("reply", Value::Json(json!("value"))),
    ] {
        assert_eq!(facts.get(name), Some(&value), "{name}");
    }
    for (name, value) in facts.iter() {
        let spec = Redis::FACTS
            .iter()
            .find(|spec| spec.name == name)
            .expect("declared");
        assert!(value.is(&spec.ty), "{name}");
    }
}

#[tokio::test]
async fn what_is_sent_is_what_was_planned_and_audited() {
    let server = usual().await;
    let mut kind = at(&server, &["MEMORY", "USAGE", "a"]);
    kind.username = Some("checker".to_owned());
    kind.password = Some(SecretRef::Env("WORD".to_owned()));
    kind.db = Some(3);
    let (context, audit) = context(&[("WORD", "hunter22")]);
    let facts = within(Kind::run(&kind, &context)).await.expect("facts");
    assert_eq!(facts.get("reply"), Some(&Value::Json(json!(56))));
    let expected = [
        "AUTH checker ***",
        "SELECT 3",
        "PING",
        "INFO",
        "COMMAND INFO MEMORY MEMORY|USAGE",
        "MEMORY USAGE a",
    ];
    let planned: Vec<String> = Kind::requests(&kind, &context.target, &Policy::default())
        .into_iter()
        .map(|request| format!("{} {}", request.protocol, request.text))
        .collect();
    assert_eq!(planned[1..], expected.map(|line| format!("redis {line}")));
    assert_eq!(audit.sent(), planned);
    assert_eq!(
        server
            .received()
            .lines()
            .collect::<Vec<_>>()
            .join("\n")
            .replace("hunter22", "***"),
        expected.join("\n")
    );
}

#[rstest]
#[case(&["SET", "a", "b"], FaultKind::Denied, "does not call it read-only")]
#[case(&["MEMORY", "DOCTOR"], FaultKind::Denied, "does not call it read-only")]
#[case(&["FROBNICATE"], FaultKind::Missing, "no command FROBNICATE")]
#[tokio::test]
async fn what_is_not_known_to_read_is_not_sent(
    #[case] command: &[&str],
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let server = usual().await;
    let fault = within(Kind::run(&at(&server, command), &context(&[]).0))
        .await
        .expect_err("refused");
    assert_eq!(fault.kind, kind);
    assert!(fault.seen.contains(seen), "{}", fault.seen);
    assert!(server.received().lines().all(|line| {
        ["PING", "INFO", "COMMAND"].contains(&line.split(' ').next().unwrap_or_default())
    }));
}

#[tokio::test]
async fn without_its_table_nothing_is_known_to_read() {
    let server = saying(
        "COMMAND",
        Say::Bytes("-NOPERM this user has no permissions\r\n"),
    )
    .await;
    let fault = within(Kind::run(&at(&server, &["GET", "a"]), &context(&[]).0))
        .await
        .expect_err("refused");
    assert_eq!(fault.kind, FaultKind::Denied);
    assert!(
        !server
            .received()
            .lines()
            .any(|line| line.starts_with("GET")),
        "{}",
        server.received()
    );
}

#[rstest]
#[case("LOADING Redis is loading the dataset in memory", Some(true))]
#[case(
    "MISCONF Errors writing to the AOF file: No space left on device",
    Some(false)
)]
#[case("MASTERDOWN Link with MASTER is down", Some(false))]
#[tokio::test]
async fn states_are_facts(#[case] error: &'static str, #[case] loading: Option<bool>) {
    let text: &'static str = Box::leak(format!("-{error}\r\n").into_boxed_str());
    let server = saying("PING", Say::Bytes(text)).await;
    let mut kind = at(&server, &["GET", "a"]);
    let facts = within(Kind::run(&kind, &context(&[]).0))
        .await
        .expect("facts");
    assert_eq!(facts.get("pong"), Some(&Value::Bool(false)));
    assert_eq!(facts.get("error"), Some(&Value::from(error)));
    let stopped = error.starts_with("MISCONF");
    assert_eq!(facts.get("writes_stopped"), Some(&Value::Bool(stopped)));
    // INFO of this server says that it is not loading.
    assert_eq!(facts.get("loading"), Some(&Value::Bool(false)));
    assert_eq!(facts.get("reply"), None, "it is not asked for data");
    kind.command = None;
    let answer = Answer {
        connect: std::time::Duration::ZERO,
        ping: std::time::Duration::ZERO,
        pong: false,
        error: Some(error.to_owned()),
        info: std::collections::BTreeMap::new(),
        found: None,
        reply: None,
        shown: None,
    };
    assert_eq!(
        facts::of(answer, None).get("loading").cloned(),
        loading.map(Value::Bool)
    );
}

#[tokio::test]
async fn without_the_right_to_info_its_facts_are_missing() {
    let server = saying("INFO", Say::Bytes("-NOPERM no\r\n")).await;
    let facts = within(Kind::run(&at(&server, &[]), &context(&[]).0))
        .await
        .expect("facts");
    assert_eq!(
        (facts.get("pong"), facts.get("loading")),
        (Some(&Value::Bool(true)), Some(&Value::Bool(false)))
    );
    assert_eq!(
        (
            facts.get("role"),
            facts.get("info"),
            facts.get("used_memory_bytes")
        ),
        (None, None, None)
    );
}

#[rstest]
#[case(
    "PING",
    Say::Bytes("-NOAUTH Authentication required.\r\n"),
    FaultKind::Denied,
    "NOAUTH"
)]
#[case(
    "PING",
    Say::Bytes("-DENIED Redis is running in protected mode\r\n"),
    FaultKind::Denied,
    "protected mode"
)]
#[case(
    "PING",
    Say::Bytes("-ERR max number of clients reached\r\n"),
    FaultKind::Refused,
    "max number of clients"
)]
#[case(
    "PING",
    Say::Bytes("HTTP/1.1 400 Bad Request\r\n"),
    FaultKind::Protocol,
    "not Redis"
)]
#[case(
    "PING",
    Say::Bytes("$99999999999\r\n"),
    FaultKind::Protocol,
    "larger than allowed"
)]
#[case(
    "PING",
    Say::Bytes(":1\r\n"),
    FaultKind::Protocol,
    "PING was answered by"
)]
#[case(
    "PING",
    Say::Cut(""),
    FaultKind::Closed,
    "cut off before the answer to PING"
)]
#[case(
    "INFO",
    Say::Cut("$100\r\nredis_ver"),
    FaultKind::Closed,
    "cut off before the answer to INFO"
)]
#[case(
    "GET",
    Say::Bytes("-WRONGTYPE Operation against a key\r\n"),
    FaultKind::Protocol,
    "WRONGTYPE"
)]
#[case(
    "GET",
    Say::Bytes("-NOPERM no key permissions\r\n"),
    FaultKind::Denied,
    "NOPERM"
)]
#[tokio::test]
async fn troubles(
    #[case] word: &'static str,
    #[case] say: Say,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let server = saying(word, say).await;
    let fault = within(Kind::run(&at(&server, &["GET", "a"]), &context(&[]).0))
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind, "{}", fault.seen);
    assert!(fault.seen.contains(seen), "{}", fault.seen);
}

#[tokio::test]
async fn a_silent_server_a_closed_port_and_no_socket() {
    let server = saying("INFO", Say::Hang).await;
    let (mut slow, _) = context(&[]);
    slow.target.timeout = std::time::Duration::from_secs(2);
    let fault = within(Kind::run(&at(&server, &[]), &slow))
        .await
        .expect_err("silence");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::TimedOut, "no answer to INFO within 2.0 s")
    );
    let closed = redis(json!({ "address": "127.0.0.1", "port": closed_port().await }));
    let fault = within(Kind::run(&closed, &context(&[]).0))
        .await
        .expect_err("refused");
    assert_eq!(fault.kind, FaultKind::Refused);
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = redis(json!({ "socket": folder.path().join("redis.sock") }));
    let fault = within(Kind::run(&nowhere, &context(&[]).0))
        .await
        .expect_err("no socket");
    assert_eq!(fault.kind, FaultKind::Missing);
}

#[rstest]
#[case(json!({"address": "127.0.0.1"}), &["address"])]
#[case(json!({"port": 0}), &["port"])]
#[case(json!({"socket": "/run/redis.sock"}), &[])]
#[case(json!({"socket": "/run/redis.sock", "port": 1}), &["socket"])]
#[case(json!({"username": "checker"}), &["username"])]
#[case(json!({"command": []}), &["command"])]
fn what_cannot_be_meant(#[case] options: serde_json::Value, #[case] paths: &[&str]) {
    let problems = Kind::problems(
        &redis(options),
        &target(Some("data188"), None),
        &Policy::default(),
    );
    let found: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path[0].as_str())
        .collect();
    assert_eq!(found, paths, "{problems:?}");
}

fn json_of(facts: &Facts) -> serde_json::Value {
    serde_json::to_value(facts).expect("JSON")
}

/// A master with two replicas in step and one that is being filled.
const MASTER: &str = "redis_version:7.2.4\r\nserver_time_usec:1780656904500000\r\nrdb_last_save_time:1780656900\r\n\
    rdb_changes_since_last_save:7\r\nused_memory:512\r\nmaxmemory:1024\r\nmaxmemory_policy:noeviction\r\n\
    role:master\r\nconnected_slaves:3\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=90,lag=1\r\n\
    slave1:ip=10.0.0.3,port=6379,state=online,offset=100,lag=4\r\n\
    slave2:ip=10.0.0.4,port=6379,state=wait_bgsave,offset=0,lag=0\r\nslave_read_repl_offset:5\r\n\
    master_repl_offset:120\r\n";

const REPLICA: &str = "redis_version:6.0.16\r\nrdb_last_save_time:1780656900\r\nmaxmemory:0\r\nused_memory:512\r\n\
    role:slave\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\nmaster_sync_in_progress:1\r\n\
    master_link_down_since_seconds:42\r\nconnected_slaves:0\r\n";

#[rstest]
#[case::master(MASTER, json!({
    "last_save": "2026-06-05T10:55:00Z", "last_save_age_s": 4.5, "changes_since_save": 7,
    "memory_percent": 50, "maxmemory_policy": "noeviction",
    "connected_replicas": 3, "online_replicas": 2, "replica_lag_s": 4, "replica_lag_bytes": 30,
    "master_last_io_s": null, "master_link_down_s": null, "master_sync_running": null,
}))]
#[case::replica(REPLICA, json!({
    "last_save": "2026-06-05T10:55:00Z", "last_save_age_s": null, "changes_since_save": null,
    "memory_percent": null, "connected_replicas": 0, "online_replicas": 0,
    "replica_lag_s": null, "replica_lag_bytes": null,
    "master_link_up": false, "master_last_io_s": null, "master_link_down_s": 42, "master_sync_running": true,
}))]
#[case::nothing_to_go_by("rdb_last_save_time:soon\r\nslave0:ip\r\nmaxmemory:-\r\n", json!({
    "last_save": null, "last_save_age_s": null, "memory_percent": null, "online_replicas": null,
}))]
#[case::odd_replicas("connected_slaves:2\r\nslave0:\r\nslave1:state=online,offset=x,lag=y\r\nmaster_repl_offset:9\r\n", json!({
    "online_replicas": 1, "replica_lag_s": null, "replica_lag_bytes": null,
}))]
#[tokio::test]
async fn replication_persistence_and_memory(
    #[case] info: &'static str,
    #[case] expected: serde_json::Value,
) {
    let server = saying("INFO", Say::Text(info)).await;
    let facts = within(Kind::run(&at(&server, &[]), &context(&[]).0))
        .await
        .expect("facts");
    let seen = json_of(&facts);
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(
            seen.get(name).unwrap_or(&serde_json::Value::Null),
            value,
            "{name}"
        );
    }
}

#[rstest]
#[case::text("key", "name", json!({"exists": true, "key_type": "string", "ttl_s": 1.5, "value": "value"}), 3)]
#[case::hash("hash", "state", json!({"exists": true, "key_type": "hash", "hash": {"queue": "3"}}), 3)]
#[case::hash_as_key("key", "state", json!({"exists": true, "key_type": "hash"}), 2)]
#[case::text_as_hash("hash", "name", json!({"exists": true, "key_type": "string", "ttl_s": 1.5}), 2)]
#[case::nothing("key", "nothing", json!({"exists": false}), 2)]
#[tokio::test]
async fn keys_are_looked_at_by_what_reads(
    #[case] option: &str,
    #[case] name: &str,
    #[case] expected: serde_json::Value,
    #[case] sent: usize,
) {
    let server = usual().await;
    let kind = redis(json!({"address": "127.0.0.1", "port": server.address.port(), option: name}));
    let (context, audit) = context(&[]);
    let facts = within(Kind::run(&kind, &context)).await.expect("facts");
    let mut seen = json_of(&facts);
    seen.as_object_mut().expect("an object").retain(|name, _| {
        ["exists", "key_type", "ttl_s", "value", "hash"].contains(&name.as_str())
    });
    assert_eq!(seen, expected);
    for (name, value) in facts.iter() {
        let spec = Redis::FACTS.iter().find(|spec| spec.name == name);
        assert!(spec.is_some_and(|spec| value.is(&spec.ty)), "{name}");
    }
    // What the key is not is not read.
    let planned: Vec<String> = Kind::requests(&kind, &context.target, &Policy::default())
        .into_iter()
        .map(|request| format!("{} {}", request.protocol, request.text))
        .collect();
    assert_eq!(planned.len(), 7);
    assert_eq!(audit.sent(), planned[..4 + sent]);
    assert!(Kind::defaults(&kind).require.contains(&"exists".to_owned()));
}

#[rstest]
#[case::denied("-NOPERM no\r\n")]
#[case::a_write(
    "*3\r\n*3\r\n$4\r\ntype\r\n:2\r\n*1\r\n+readonly\r\n*3\r\n$4\r\npttl\r\n:2\r\n*1\r\n+write\r\n*3\r\n$3\r\nget\r\n:2\r\n*1\r\n+readonly\r\n"
)]
#[case::too_few("*1\r\n*3\r\n$4\r\ntype\r\n:2\r\n*1\r\n+write\r\n")]
#[case::unknown("*3\r\n*-1\r\n*-1\r\n*-1\r\n")]
#[tokio::test]
async fn no_key_is_read_that_the_table_does_not_vouch_for(#[case] table: &'static str) {
    let server = saying("COMMAND", Say::Bytes(table)).await;
    let kind = redis(json!({"address": "127.0.0.1", "port": server.address.port(), "key": "a"}));
    within(Kind::run(&kind, &context(&[]).0))
        .await
        .expect_err("refused");
    assert_eq!(
        server.received().lines().last(),
        Some("COMMAND INFO TYPE PTTL GET")
    );
}

#[rstest]
#[case::trusted(Shows::Good, json!({}), None)]
#[case::not_verified(Shows::Expired, json!({"tls_verify": false, "ca": null}), None)]
#[case::by_its_name(Shows::OtherName, json!({"server_name": "other.test"}), None)]
#[case::unknown_authority(Shows::Good, json!({"ca": null}), Some(FaultKind::HostKey))]
#[case::expired(Shows::Expired, json!({}), Some(FaultKind::HostKey))]
#[case::other_name(Shows::OtherName, json!({}), Some(FaultKind::HostKey))]
#[case::wants_ours(Shows::WantsOurs, json!({}), Some(FaultKind::Protocol))]
#[tokio::test]
async fn over_tls(
    #[case] shows: Shows,
    #[case] more: serde_json::Value,
    #[case] fault: Option<FaultKind>,
) {
    let (acceptor, authority) = acceptor(shows);
    let server = behind(acceptor).await;
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority).expect("written");
    let mut options = json!({
        "address": "127.0.0.1", "port": server.address.port(), "tls": true, "ca": ca,
        "password": "env:WORD",
    });
    for (name, value) in more.as_object().expect("an object") {
        options[name] = value.clone();
    }
    let (context, _) = context(&[("WORD", "hunter22")]);
    let seen = within(Kind::run(&redis(options), &context)).await;
    match fault {
        None => {
            let facts = seen.expect("facts");
            assert_eq!(facts.get("pong"), Some(&Value::Bool(true)));
            assert!(facts.get("certificate_days").is_some());
        }
        Some(kind) => {
            let fault = seen.expect_err("not trusted");
            assert_eq!(fault.kind, kind, "{}", fault.seen);
            assert!(!server.received().contains("hunter22"));
        }
    }
}

#[tokio::test]
async fn a_plain_server_that_is_asked_for_tls_is_told_no_password() {
    let server = usual().await;
    let kind = redis(json!({
        "address": "127.0.0.1", "port": server.address.port(), "tls": true, "password": "env:WORD",
    }));
    let (mut context, _) = context(&[("WORD", "hunter22")]);
    context.target.timeout = std::time::Duration::from_secs(2);
    within(Kind::run(&kind, &context))
        .await
        .expect_err("no TLS");
    assert!(!server.received().contains("hunter22"));
}

#[rstest]
#[case(json!({"key": "a", "hash": "b"}), "hash")]
#[case(json!({"key": ""}), "key")]
#[case(json!({"hash": ""}), "hash")]
#[case(json!({"ca": "/ca.pem"}), "ca")]
#[case(json!({"tls_verify": false}), "tls_verify")]
#[case(json!({"server_name": "redis.lan"}), "server_name")]
fn what_does_not_go_together(#[case] options: serde_json::Value, #[case] path: &str) {
    let problems = Kind::problems(
        &redis(options),
        &target(Some("data188"), None),
        &Policy::default(),
    );
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    assert_eq!(problem.path, [path]);
}
