use rstest::rstest;
use serde_json::json;

use super::super::aim::tests::{context, target, within};
use super::*;
use crate::servers::postgres::{Trouble, with};
use crate::servers::tcp::closed_port;

fn postgres(options: serde_json::Value) -> Postgres {
    serde_json::from_value(options).expect("options")
}

fn at(port: u16) -> Postgres {
    postgres(
        json!({ "url": format!("postgres://me@127.0.0.1:{port}/store"), "query": "TABLE queue" }),
    )
}

#[tokio::test]
async fn the_answer_as_facts_and_nothing_else_sent() {
    let server = with(Trouble::None).await;
    let kind = at(server.address.port());
    let (context, audit) = context(&[]);
    let facts = within(Kind::run(&kind, &context)).await.expect("facts");
    assert_eq!(facts.get("accepts"), Some(&Value::Bool(true)));
    assert_eq!(facts.get("in_recovery"), Some(&Value::Bool(true)));
    assert_eq!(
        facts.get("server_version"),
        Some(&Value::from("16.1 (test)"))
    );
    assert_eq!(facts.get("value"), Some(&Value::Json(json!(3))));
    assert_eq!(
        facts.get("row"),
        Some(&Value::Map(BTreeMap::from([(
            "depth".to_owned(),
            Value::Json(json!(3))
        )])))
    );
    for (name, value) in facts.iter() {
        let spec = Postgres::FACTS
            .iter()
            .find(|spec| spec.name == name)
            .expect("declared");
        assert!(value.is(&spec.ty), "{name}");
    }
    let planned: Vec<String> = Kind::requests(&kind, &context.target, &Policy::default())
        .into_iter()
        .map(|request| format!("{} {}", request.protocol, request.text))
        .collect();
    assert_eq!(audit.sent(), planned);
    let received = server.received();
    for (place, text) in [
        "START TRANSACTION READ ONLY",
        "SELECT pg_is_in_recovery()",
        "TABLE queue",
        "ROLLBACK",
    ]
    .windows(2)
    .map(|pair| (received.find(pair[0]), received.find(pair[1])))
    .enumerate()
    {
        assert!(text.0.is_some() && text.0 < text.1, "{place}: {received}");
    }
    assert!(
        received.contains("-c default_transaction_read_only=on"),
        "{received}"
    );
    assert!(received.contains("coldstart"), "{received}");
}

#[tokio::test]
async fn its_state_by_one_statement_more() {
    let server = with(Trouble::None).await;
    let mut kind = at(server.address.port());
    let all = [
        "connections",
        "replication",
        "transaction_ids",
        "size",
        "size",
    ];
    kind.state = serde_json::from_value(json!(all)).expect("parts");
    let (context, audit) = context(&[]);
    let facts = within(Kind::run(&kind, &context)).await.expect("facts");
    for (name, value) in [
        ("connections", Some(45.0)),
        ("connections_max", Some(100.0)),
        ("connections_reserved", Some(10.0)),
        ("connections_percent", Some(50.0)),
        ("replay_lag_bytes", Some(4096.0)),
        ("replay_age_s", Some(2.5)),
        ("transaction_id_percent", Some(10.0)),
        ("database_bytes", Some(8_000_000.0)),
        ("standbys", None),
        ("standby_lag_bytes", None),
        ("wal_streaming", None),
    ] {
        assert_eq!(facts.get(name), value.map(Value::Number).as_ref(), "{name}");
    }
    assert_eq!(facts.get("replay_paused"), Some(&Value::Bool(false)));
    assert_eq!(
        facts.get("value"),
        Some(&Value::Json(json!(3))),
        "the query"
    );
    for (name, value) in facts.iter() {
        let spec = Postgres::FACTS.iter().find(|spec| spec.name == name);
        assert!(spec.is_some_and(|spec| value.is(&spec.ty)), "{name}");
    }
    let planned: Vec<String> = Kind::requests(&kind, &context.target, &Policy::default())
        .into_iter()
        .map(|request| format!("{} {}", request.protocol, request.text))
        .collect();
    assert_eq!(audit.sent(), planned);
    assert_eq!(
        planned
            .iter()
            .filter(|line| line.contains("pg_database_size"))
            .count(),
        1
    );
    assert_eq!(
        Kind::defaults(&kind).prefer,
        [
            "connections_percent < 90",
            "!in_recovery || wal_streaming",
            "!in_recovery || !replay_paused",
            "transaction_id_percent < 50",
        ]
    );
}

#[rstest]
#[case(
    Trouble::Login("57P03", "the database system is starting up"),
    FaultKind::Refused,
    false,
    "the database system is starting up"
)]
#[case(
    Trouble::Login("53300", "sorry, too many clients already"),
    FaultKind::Refused,
    false,
    "too many clients"
)]
#[case(
    Trouble::Login("28P01", "password authentication failed for user \"me\""),
    FaultKind::Denied,
    true,
    "authentication failed"
)]
#[case(
    Trouble::Login("28000", "no pg_hba.conf entry for host"),
    FaultKind::Denied,
    true,
    "no pg_hba.conf entry"
)]
#[case(
    Trouble::Login("3D000", "database \"store\" does not exist"),
    FaultKind::Missing,
    false,
    "does not exist"
)]
#[case(
    Trouble::Login("08P01", "unsupported startup parameter: options"),
    FaultKind::Protocol,
    false,
    "startup parameter"
)]
#[case(
    Trouble::Statement("42501", "permission denied for table queue"),
    FaultKind::Denied,
    true,
    "permission denied"
)]
#[case(
    Trouble::Statement("57014", "canceling statement due to statement timeout"),
    FaultKind::TimedOut,
    false,
    "statement timeout"
)]
#[case(
    Trouble::Statement("XX001", "invalid page in block 7"),
    FaultKind::Protocol,
    false,
    "invalid page in block 7 (SQLSTATE XX001)"
)]
#[case(
    Trouble::Statement("57P01", "terminating connection"),
    FaultKind::Closed,
    false,
    "terminating connection"
)]
#[case(
    Trouble::CutLogin,
    FaultKind::Closed,
    false,
    "the connection was cut off"
)]
#[case(
    Trouble::CutRow,
    FaultKind::Closed,
    false,
    "the connection was cut off"
)]
#[case(
    Trouble::Garbage,
    FaultKind::Protocol,
    false,
    "the answer is not PostgreSQL"
)]
#[tokio::test]
async fn troubles(
    #[case] trouble: Trouble,
    #[case] kind: FaultKind,
    #[case] hopeless: bool,
    #[case] seen: &str,
) {
    let server = with(trouble).await;
    let mut probe = at(server.address.port());
    probe.url.push_str("?sslmode=disable");
    let fault = within(Kind::run(&probe, &context(&[]).0))
        .await
        .expect_err("a fault");
    assert_eq!(
        (fault.kind, fault.hopeless),
        (kind, hopeless),
        "{}",
        fault.seen
    );
    assert!(fault.seen.contains(seen), "{}", fault.seen);
}

#[rstest]
#[case(Trouble::SilentLogin, 1, "no answer to the login within 1.0 s")]
// A login takes a while on a busy machine.
#[case(Trouble::SilentStatement, 15, "no answer to the query within 15.0 s")]
#[tokio::test]
async fn a_silent_server_ends_at_the_timeout(
    #[case] trouble: Trouble,
    #[case] limit: u64,
    #[case] seen: &str,
) {
    let server = with(trouble).await;
    let (mut context, _) = context(&[]);
    context.target.timeout = std::time::Duration::from_secs(limit);
    let fault = within(Kind::run(&at(server.address.port()), &context))
        .await
        .expect_err("silence");
    assert_eq!(
        (fault.kind, fault.seen.as_str()),
        (FaultKind::TimedOut, seen)
    );
}

#[tokio::test]
async fn nobody_listens_or_without_tls() {
    let fault = within(Kind::run(&at(closed_port().await), &context(&[]).0))
        .await
        .expect_err("refused");
    assert_eq!(fault.kind, FaultKind::Refused);
    let server = with(Trouble::None).await;
    for mode in ["require", "verify-full"] {
        let mut probe = at(server.address.port());
        probe.url.push_str(&format!("?sslmode={mode}"));
        let fault = within(Kind::run(&probe, &context(&[]).0))
            .await
            .expect_err("no TLS");
        assert_eq!(
            (fault.kind, fault.seen.as_str()),
            (FaultKind::Protocol, "the server does not offer TLS")
        );
    }
}

#[tokio::test]
async fn a_server_that_repeats_the_password_is_scrubbed() {
    let server = with(Trouble::Login("28P01", "hunter22 is wrong")).await;
    let mut probe = at(server.address.port());
    probe.password = Some(SecretRef::Env("WORD".to_owned()));
    let (context, audit) = context(&[("WORD", "hunter22")]);
    let fault = within(Kind::run(&probe, &context))
        .await
        .expect_err("denied");
    assert_eq!(fault.seen, "*** is wrong");
    assert!(!audit.sent().join("\n").contains("hunter22"));
}

#[rstest]
#[case(json!({"url": "postgres://me:word@db.lan/"}), "url", "password does not belong")]
#[case(json!({"url": "postgres://me@localhost/"}), "url", "operator's own machine")]
#[case(json!({"url": "postgres://me@/store"}), "url", "empty host")]
#[case(json!({"url": "postgres://me@db.lan/", "query": "DELETE FROM queue"}), "query", "not with DELETE")]
#[case(json!({"url": "postgres://me@db.lan/", "query": "SELECT 1; COMMIT"}), "query", "only one statement")]
fn what_cannot_be_meant(
    #[case] options: serde_json::Value,
    #[case] path: &str,
    #[case] message: &str,
) {
    let problems = Kind::problems(
        &postgres(options),
        &target(Some("data188"), None),
        &Policy::default(),
    );
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    assert_eq!(problem.path, [path]);
    assert!(problem.message.contains(message), "{}", problem.message);
}

#[test]
fn the_goal_names_the_server() {
    let kind = postgres(json!({"url": "postgres://me@[2001:db8::1]/store"}));
    assert_eq!(
        Kind::goal(&kind, &target(None, None)),
        "an accepted login from [2001:db8::1]:5432"
    );
}
