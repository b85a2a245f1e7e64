//! The one thing that the program writes: when it does, and when it does not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::desk::{Desk, Ran};
use crate::servers::tcp::Server;
use crate::stack::witness;

/// A webhook that takes each alert; `/flaky` answers GET by 503 the first time.
async fn webhook() -> Server {
    let asked = Arc::new(AtomicUsize::new(0));
    Server::start(move |mut stream, received: Arc<Mutex<Vec<u8>>>| {
        let asked = Arc::clone(&asked);
        async move {
            let mut buffer = [0; 16 * 1024];
            let Ok(read @ 1..) = stream.read(&mut buffer).await else {
                return;
            };
            received
                .lock()
                .expect("the lock")
                .extend_from_slice(&buffer[..read]);
            let is_flaky = buffer.starts_with(b"GET /flaky ");
            let status = if is_flaky && asked.fetch_add(1, Ordering::SeqCst) == 0 {
                "503 Service Unavailable"
            } else {
                "200 OK"
            };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    })
    .await
}

fn baseline(server: &Server) -> String {
    format!(
        "\
version: 1
name: alert
defaults: {{ timeout: 30s, connect_timeout: 30s, retry: {{ attempts: 1 }} }}
phases:
  CHAIN:
    checks:
      chain:
        title: an alert gets through
        alert_test:
          url: \"http://{}/hook\"
          authorization: {{ secret: env:HOOK_TOKEN, prefix: \"Bearer \" }}
        remedy: the webhook's own log
releases:
  auto-repair: {{ needs: CHAIN, require: [{{ check: chain }}] }}
  nothing: {{ require: [{{ check: chain }}] }}
",
        server.address
    )
}

fn desk() -> Desk {
    Desk::new().env("HOOK_TOKEN", "token-of-the-hook")
}

fn posts(server: &Server) -> usize {
    server.received().matches("POST /hook ").count()
}

fn sent(desk: &Desk) -> Vec<String> {
    let lines = desk.audited("audit.jsonl").into_iter();
    lines.map(|line| line.sent).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_flag_it_warns_and_opens_no_connection() {
    // Nor does it need the secret.
    let desk = Desk::new();
    let server = witness().await;
    let ran = desk
        .check(&baseline(&server), &["--audit", "audit.jsonl"])
        .await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.stdout.contains("unproven"), "{ran:#?}");
    assert!(ran.stdout.contains("--send-alert-test"), "{ran:#?}");
    assert_eq!(sent(&desk), [""; 0]);
    assert_eq!(server.received(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_flag_it_posts_once_and_says_so_before() {
    let desk = desk();
    let server = webhook().await;
    let args = ["--send-alert-test", "--audit", "audit.jsonl", "--json"];
    let ran = desk.check(&baseline(&server), &args).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(posts(&server), 1);
    let card = ran.json();
    let facts = &card["phases"][0]["checks"][0]["facts"];
    let id = facts["test_id"].as_str().expect("an id");
    assert_eq!(facts["accepted"], true);
    let line = format!(
        "POST http://{}/hook [authorization: ***] (alert test {id})",
        server.address
    );
    assert_eq!(sent(&desk)[1..], [line]);
    assert!(server.received().contains("token-of-the-hook"));
    assert!(!ran.stdout.contains("token-of-the-hook"));
}

/// Each attempt proves the chain anew, and only when its gate lets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_sends_when_the_gates_are_open() {
    let desk = desk();
    let server = webhook().await;
    let text = baseline(&server).replace(
        "phases:\n  CHAIN:\n",
        &format!(
            "phases:\n  API:\n    checks:\n      api:\n        title: the API\n        \
             http: {{ url: \"http://{}/flaky\" }}\n  CHAIN:\n    needs: API\n",
            server.address
        ),
    );
    let args = ["--watch", "--interval", "1s", "--max-attempts", "5"];
    let ran = desk
        .check(&text, &[&args[..], &["--send-alert-test"]].concat())
        .await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let received = server.received();
    assert_eq!(received.matches("GET /flaky ").count(), 2, "two attempts");
    assert_eq!(posts(&server), 1, "and the second one sent");
}

async fn gate(desk: &Desk, server: &Server, args: &[&str]) -> Ran {
    desk.write("baseline.yml", &baseline(server));
    let args = [&["gate", "auto-repair", "-b", "baseline.yml"], args].concat();
    desk.run(&args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_requires_it_opens_by_the_flag_alone() {
    let desk = desk();
    let server = webhook().await;
    let closed = gate(&desk, &server, &[]).await;
    assert_eq!(closed.code, Some(2), "{closed:#?}");
    assert_eq!(posts(&server), 0);
    let open = gate(&desk, &server, &["--send-alert-test"]).await;
    assert_eq!(open.code, Some(0), "{open:#?}");
    assert_eq!(posts(&server), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_says_that_it_takes_the_flag() {
    let desk = desk();
    let server = witness().await;
    desk.write("baseline.yml", &baseline(&server));
    let ran = desk.run(&["plan", "-b", "baseline.yml"]).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let line = ran
        .stdout
        .lines()
        .find(|line| line.contains("POST "))
        .expect("the request");
    assert!(line.ends_with("[only with --send-alert-test]"), "{line}");
    let ran = desk.run(&["plan", "-b", "baseline.yml", "--json"]).await;
    let plan = ran.json();
    for request in plan["phases"][0]["checks"][0]["requests"]
        .as_array()
        .expect("requests")
    {
        assert_eq!(request["only_with"], "--send-alert-test");
    }
    assert_eq!(server.received(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_proof_that_there_is_none_of_is_told() {
    let desk = desk();
    let text = "version: 1\nname: none\nphases:\n  A:\n    checks:\n      a:\n        \
                title: a file\n        on: here\n        file: { path: /etc/hosts }\nhosts:\n  \
                here: { local: true }\n";
    let ran = desk.check(text, &["--send-alert-test"]).await;
    assert_eq!(ran.code, Some(64), "{ran:#?}");
    assert_eq!(
        ran.stderr.trim_end(),
        "error: --send-alert-test: the baseline none has no check of kind `alert_test`"
    );
    let ran = desk
        .check(text, &["--send-alert-test", "--keep-going"])
        .await;
    assert_eq!(ran.code, Some(64), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_failure_is_looked_into_by_sending_an_alert() {
    let desk = desk();
    let server = witness().await;
    let text = baseline(&server).replace(
        "        remedy: the webhook's own log\n",
        "        diagnose: [{ alert_test: { url: \"http://192.0.2.1/\" } }]\n",
    );
    let ran = desk.check(&text, &["--send-alert-test"]).await;
    assert_eq!(ran.code, Some(78), "{ran:#?}");
    assert!(ran.stderr.contains("no look into a failure"), "{ran:#?}");
    assert_eq!(server.received(), "");
}
