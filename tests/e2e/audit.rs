//! The audit, the plan and what the servers saw are the same.

use crate::desk::{Desk, Entry, checks};
use crate::servers::ssh::Server;
use crate::stack::Stack;

fn sent<'a>(audit: &'a [Entry], check: &str, protocol: &str) -> Vec<&'a str> {
    audit
        .iter()
        .filter(|entry| entry.protocol == protocol && entry.check.ends_with(check))
        .map(|entry| entry.sent.as_str())
        .collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_what_the_servers_saw() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let ran = desk.check(&stack.baseline(), &["--audit", "audit"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let audit = desk.audited("audit");

    let commands = |host: &str, server: &Server| {
        let audited = sent(&audit, host, "ssh-exec");
        let audited = sorted(audited.into_iter().map(str::to_owned).collect());
        assert_eq!(audited, sorted(server.log.lines()), "{host}");
        assert!(!audited.is_empty());
    };
    commands("@data188", &stack.data188);
    commands("@ops110", &stack.ops110);

    let redis = sent(&audit, "redis@data188", "redis").join("\n");
    assert_eq!(redis + "\n", stack.redis.received());

    // Its log line is the request's first line, and headers by their names.
    let received = stack.api.received();
    let http = sent(&audit, "api", "http");
    assert_eq!(http.len(), 1, "{http:?}");
    assert!(http[0].starts_with("GET "), "{http:?}");
    assert_eq!(received.matches("GET /json HTTP/1.1").count(), 1);
    assert_eq!(received.matches("HTTP/1.1").count(), 1, "{received}");

    // Statements end by a zero byte, names of prepared ones before them.
    let received = stack.postgres.received();
    let mut rest = received.as_str();
    let postgres = sent(&audit, "postgres", "postgres");
    let (login, statements) = postgres.split_first().expect("a login");
    assert_eq!(*login, "login checker to kine");
    for statement in statements {
        let (_, after) = rest
            .split_once(&format!("{statement}\0"))
            .unwrap_or_else(|| panic!("{statement} in {rest:?}"));
        rest = after;
    }
    let verbs = [
        "SELECT", "ROLLBACK", "BEGIN", "START", "COMMIT", "SET", "INSERT",
    ];
    for verb in verbs {
        let count = |text: &str| text.matches(verb).count();
        let audited: usize = statements.iter().map(|statement| count(statement)).sum();
        assert_eq!(count(&received), audited, "{verb} in {received:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_tells_what_is_sent() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let ran = desk.check(&stack.baseline(), &["--audit", "audit"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let plan = desk.run(&["plan", "-b", "baseline.yml", "--json"]).await;
    let plan = plan.json();
    let mut planned = Vec::new();
    for check in checks(&plan) {
        for request in check["requests"].as_array().expect("requests") {
            let field = |name: &str| request[name].as_str().expect("text").to_owned();
            planned.push(Entry {
                check: check["id"].as_str().expect("an id").to_owned(),
                protocol: field("protocol"),
                sent: field("text"),
            });
        }
    }
    let mut audited = desk.audited("audit");
    planned.sort();
    audited.sort();
    assert_eq!(audited, planned);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_a_plan_opens_no_connection() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    desk.write("baseline.yml", &stack.baseline());
    for command in [
        &["plan"][..],
        &["graph"],
        &["validate"],
        &["explain", "redis@data188"],
    ] {
        let ran = desk.run(&[command, &["-b", "baseline.yml"]].concat()).await;
        assert_eq!(ran.code, Some(0), "{ran:#?}");
    }
    assert_eq!(stack.data188.log.connections(), 0);
    assert_eq!(stack.ops110.log.connections(), 0);
    for server in [&stack.postgres, &stack.redis, &stack.api] {
        assert_eq!(server.received(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_is_appended_to_and_has_to_be_writable() {
    let desk = Desk::new();
    let stack = Stack::up(&desk).await;
    let args = ["--audit", "audit", "--only", "P0-NETWORK"];
    desk.check(&stack.baseline(), &args).await;
    let once = desk.audited("audit").len();
    desk.check(&stack.baseline(), &args).await;
    assert_eq!(desk.audited("audit").len(), 2 * once);

    let connections = stack.data188.log.connections();
    let ran = desk
        .check(&stack.baseline(), &["--audit", "no/such/folder"])
        .await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(ran.stderr.contains("no/such/folder"), "{ran:#?}");
    assert_eq!(stack.data188.log.connections(), connections);
}
