use rstest::rstest;
use serde_json::{Value as Json, json};

use super::super::Redis;
use super::*;
use crate::probe::kinds::stage::{self, fact, host, kind, run, stage, target};
use crate::probe::{Facts, Kind as _, Policy};
use crate::servers::ssh::Answer;

const SOCKET: &str = "/run/redis/redis.sock";

/// As redis-cli 7.0.15 prints it, cut.
const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:60\r\n\r\n# Persistence\r\nloading:0\r\n\
    rdb_last_bgsave_status:ok\r\n\r\n# Replication\r\nrole:slave\r\nmaster_link_status:up\r\n\
    master_last_io_seconds_ago:3\r\nconnected_slaves:0\r\n";

async fn look(ping: Answer, info: Answer) -> Result<Facts, Fault> {
    let mut stage = stage(move |command| {
        assert!(command.starts_with("redis-cli -s /run/redis/redis.sock --no-raw "));
        match command.rsplit(' ').next() {
            Some("PING") => ping.clone(),
            _ => info.clone(),
        }
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    run(&kind::<Redis>(json!({ "socket": SOCKET })), &stage.context).await
}

#[tokio::test]
async fn tells_what_the_server_tells() {
    let facts = look(Answer::ok("PONG\n"), Answer::ok(INFO))
        .await
        .expect("facts");
    for (name, value) in [
        ("pong", json!(true)),
        ("error", json!(null)),
        ("loading", json!(false)),
        ("writes_stopped", json!(false)),
        ("version", json!("7.0.15")),
        ("role", json!("slave")),
        ("uptime_s", json!(60)),
        ("rdb_last_save_ok", json!(true)),
        ("master_link_up", json!(true)),
        ("master_last_io_s", json!(3)),
        ("connected_replicas", json!(0)),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
    // Of its own time at this, redis-cli says nothing.
    for name in ["connect_ms", "ping_ms"] {
        assert_eq!(facts.get(name), None, "{name}");
    }
}

#[rstest]
#[case::loading("(error) LOADING Redis is loading the dataset in memory\n", json!(true), json!(false))]
#[case::cannot_save("(error) MISCONF Redis is configured to save RDB snapshots\n", json!(false), json!(true))]
#[tokio::test]
async fn states_are_facts(
    #[case] ping: &'static str,
    #[case] loading: Json,
    #[case] stopped: Json,
) {
    let refused = ping.trim_start_matches("(error) ");
    let facts = look(Answer::ok(ping), Answer::ok(refused))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "pong"), json!(false));
    assert_eq!(fact(&facts, "error"), json!(refused.trim_end()));
    assert_eq!(fact(&facts, "loading"), loading);
    assert_eq!(fact(&facts, "writes_stopped"), stopped);
}

#[tokio::test]
async fn without_the_right_to_info_its_facts_are_missing() {
    let refused = "NOPERM this user has no permissions to run the 'info' command\n";
    let facts = look(Answer::ok("PONG\n"), Answer::ok(refused))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "pong"), json!(true));
    assert_eq!(facts.get("role"), None);
    assert_eq!(facts.get("info"), None);
}

const UNREACHED: &str = "Could not connect to Redis at /run/redis/redis.sock: ";

#[rstest]
#[case::no_server(Answer::fails(1, format!("{UNREACHED}Connection refused\n")), FaultKind::Refused, "Connection refused")]
#[case::no_socket(Answer::fails(1, format!("{UNREACHED}No such file or directory\n")), FaultKind::Missing, "No such file")]
#[case::not_for_us(Answer::fails(1, format!("{UNREACHED}Permission denied\n")), FaultKind::Denied, "Permission denied")]
#[case::hung_up(
    Answer::fails(1, "Error: Server closed the connection\n"),
    FaultKind::Closed,
    "Server closed"
)]
#[case::no_program(
    Answer::fails(127, ""),
    FaultKind::Missing,
    "there is no redis-cli on data188"
)]
#[case::no_word(
    Answer::fails(1, ""),
    FaultKind::Protocol,
    "cannot be asked at /run/redis/redis.sock"
)]
#[case::a_password(
    Answer::ok("(error) NOAUTH Authentication required.\n"),
    FaultKind::Denied,
    "NOAUTH"
)]
#[case::no_right(
    Answer::ok("(error) NOPERM this user has no permissions\n"),
    FaultKind::Denied,
    "NOPERM"
)]
#[case::garbage(
    Answer::ok("HTTP/1.1 400 Bad Request\n"),
    FaultKind::Protocol,
    "PING was answered by \"HTTP/1.1 400 Bad Request\""
)]
#[case::nothing(Answer::ok(""), FaultKind::Protocol, "PING was answered by \"\"")]
#[case::cut_off(Answer::Cut { stdout: b"PO".to_vec() }, FaultKind::Closed, "cut off")]
#[case::hangs(Answer::Hang, FaultKind::TimedOut, "did not end in")]
#[tokio::test]
async fn what_stands_in_the_way_is_a_fault(
    #[case] ping: Answer,
    #[case] kind_of: FaultKind,
    #[case] seen: &str,
) {
    let fault = look(ping, Answer::ok(INFO)).await.expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
    assert!(fault.seen.contains(seen), "{fault:?}");
}

#[rstest]
#[case::garbage(Answer::ok("42\n"), FaultKind::Protocol, "INFO was answered by \"42\"")]
#[case::nothing(Answer::ok(""), FaultKind::Protocol, "INFO was answered by \"\"")]
#[case::hangs(Answer::Hang, FaultKind::TimedOut, "did not end in")]
#[case::gone(Answer::fails(1, format!("{UNREACHED}Connection refused\n")), FaultKind::Refused, "refused")]
#[tokio::test]
async fn half_an_answer_is_a_fault(
    #[case] info: Answer,
    #[case] kind_of: FaultKind,
    #[case] seen: &str,
) {
    let fault = look(Answer::ok("PONG\n"), info).await.expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
    assert!(fault.seen.contains(seen), "{fault:?}");
}

#[tokio::test]
async fn what_is_planned_is_sent() {
    let stage = stage(|command| {
        Answer::ok(if command.ends_with("PING") {
            "PONG\n"
        } else {
            INFO
        })
    })
    .await;
    let redis = kind::<Redis>(json!({ "socket": SOCKET }));
    let planned = redis.requests(&stage.context.target, &Policy::default());
    let planned: Vec<String> = planned.into_iter().map(|request| request.text).collect();
    run(&redis, &stage.context).await.expect("facts");
    assert_eq!(stage.server.log.lines(), planned);
    assert_eq!(
        redis.goal(&stage.context.target),
        "PONG from /run/redis/redis.sock on data188"
    );
}

#[rstest]
#[case(json!({"key": "a"}), &["key"])]
#[case(json!({"hash": "a", "db": 1}), &["db", "hash"])]
#[case(json!({"command": ["GET", "a"]}), &["command"])]
#[case(json!({"username": "a", "password": "env:A"}), &["username", "password"])]
#[case(json!({"socket": "run/redis.sock"}), &["socket"])]
#[case(json!({"socket": "/run/a\nb"}), &["socket"])]
#[case(json!({"port": 6379}), &["socket"])]
#[case(json!({}), &[])]
fn no_more_than_ping_and_info_is_asked(#[case] options: Json, #[case] paths: &[&str]) {
    let mut all = json!({ "socket": SOCKET });
    for (name, value) in options.as_object().expect("options") {
        all[name] = value.clone();
    }
    let problems = kind::<Redis>(all).problems(&target(host(22)), &Policy::default());
    let found: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path[0].as_str())
        .collect();
    assert_eq!(found, paths, "{problems:?}");
}

#[test]
fn a_socket_of_another_host_is_not_called_one_of_this_machine() {
    let redis = kind::<Redis>(json!({ "socket": SOCKET, "tls": true }));
    let problems = redis.problems(&target(host(22)), &Policy::default());
    let words: Vec<&str> = problems.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        words,
        ["a socket needs no TLS: nothing of it goes over a network"]
    );
}

#[test]
fn a_host_s_socket_is_not_reached_through_another() {
    let mut target = target(host(22));
    target.via = Some(std::sync::Arc::new(host(22)));
    let redis = kind::<Redis>(json!({ "socket": SOCKET }));
    let problems = redis.problems(&target, &Policy::default());
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, ["socket"]);
}

/// On the operator's machine the socket is opened, and no program is asked.
#[test]
fn a_socket_of_this_machine_needs_no_program() {
    let context = stage::local();
    let redis = kind::<Redis>(json!({ "socket": SOCKET, "key": "a" }));
    assert_eq!(redis.problems(&context.target, &Policy::default()), []);
    let requests = redis.requests(&context.target, &Policy::default());
    assert!(requests.iter().all(|request| request.protocol == "redis"));
}
