use rstest::rstest;
use serde_json::json;

use super::super::aim::tests::{context, target, within};
use super::*;
use crate::probe::FaultKind;
use crate::servers::redis::{Say, saying};
use crate::servers::tcp::{Server, closed_port};

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
        reply: None,
    };
    assert_eq!(
        Redis::facts(answer, None).get("loading").cloned(),
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
    slow.target.timeout = std::time::Duration::from_millis(200);
    let fault = within(Kind::run(&at(&server, &[]), &slow))
        .await
        .expect_err("silence");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::TimedOut, "no answer to INFO within 0.2 s")
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
#[case(json!({"socket": "/run/redis.sock"}), &["socket"])]
#[case(json!({"socket": "/run/redis.sock", "port": 1}), &["socket", "socket"])]
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
