//! Servers that never answer, deadlines, and Ctrl-C.

use std::process::Stdio;

use rstest::rstest;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::time::timeout;

use crate::desk::{Desk, HANG, by_id, checks, end, signal, until};
use crate::servers::http;
use crate::servers::postgres::{self, Trouble};
use crate::servers::redis::{self, Say};
use crate::servers::ssh::{self, Answer, Greeting, Script};
use crate::servers::tcp::{Held, Server};
use crate::stack::witness;

/// A first phase with a hung server and one that answers, and a second phase.
fn baseline(hung: &Server, well: &Server, behind: &Server, budget: &str) -> String {
    format!(
        "\
version: 1
name: hung
defaults: {{ timeout: {budget}, connect_timeout: {budget}, retry: {{ attempts: 1 }} }}
phases:
  P0:
    checks:
      hung: {{ title: API answers, http: {{ url: \"http://{}/\" }} }}
      well: {{ title: port is open, tcp: {{ address: 127.0.0.1, port: {} }} }}
  P1:
    needs: P0
    checks:
      behind: {{ title: nobody gets here, tcp: {{ address: 127.0.0.1, port: {} }} }}
",
        hung.address,
        well.address.port(),
        behind.address.port()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_ends_by_its_timeout() {
    let desk = Desk::new();
    let (hung, well, behind) = (witness().await, witness().await, witness().await);
    // Long enough for a connection on a busy machine.
    let ran = desk
        .check(&baseline(&hung, &well, &behind, "3s"), &[])
        .await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(hung.received().contains("GET / HTTP/1.1"));
    assert_eq!(behind.received(), "");
    insta::assert_snapshot!(ran.card());
}

/// Whatever a check speaks, a server that is silent ends it.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_ends_by_its_timeout() {
    let desk = Desk::new();
    let accepted = desk.home.key.public_key();
    let mut deaf = Script::new(accepted, |_| Answer::Hang);
    deaf.greeting = Greeting::Silence;
    let deaf = ssh::Server::start(deaf).await;
    let stuck = ssh::Server::start(Script::new(accepted, |_| Answer::Hang)).await;
    desk.home.trust(&[&deaf, &stuck]);
    let http = http::plain().await;
    let redis = redis::saying("PING", Say::Hang).await;
    let login = postgres::with(Trouble::SilentLogin).await;
    let statement = postgres::with(Trouble::SilentStatement).await;
    let baseline = format!(
        "\
version: 1
name: silent
hosts:
  deaf: {{ address: 127.0.0.1, ssh: {{ user: checker, port: {deaf} }} }}
  stuck: {{ address: 127.0.0.1, ssh: {{ user: checker, port: {stuck} }} }}
# Enough to connect on a busy machine.
defaults: {{ timeout: 3s, connect_timeout: 3s, retry: {{ attempts: 1 }} }}
phases:
  P0:
    checks:
      ssh: {{ on: all, ssh: {{}} }}
      command: {{ on: stuck, command: {{ run: uptime }}, require: stdout != '' }}
      systemd: {{ on: stuck, systemd: {{ unit: cron }} }}
      file: {{ on: stuck, file: {{ path: /etc/hosts }} }}
      hang: {{ http: {{ url: \"http://{http}/hang\" }} }}
      drip: {{ http: {{ url: \"http://{http}/drip\" }} }}
      redis: {{ redis: {{ address: 127.0.0.1, port: {redis} }} }}
      login: {{ postgres: {{ url: \"postgres://checker@127.0.0.1:{login}/kine?sslmode=disable\" }} }}
      statement:
        postgres: {{ url: \"postgres://checker@127.0.0.1:{statement}/kine?sslmode=disable\", query: SELECT 1 }}
",
        deaf = deaf.address.port(),
        stuck = stuck.address.port(),
        http = http.address,
        redis = redis.address.port(),
        login = login.address.port(),
        statement = statement.address.port(),
    );
    let ran = desk.check(&baseline, &["--json"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let card = ran.json();
    for check in checks(&card) {
        let (id, kind) = (&check["id"], &check["fault"]["kind"]);
        assert_eq!(check["verdict"], "BLOCKED", "{check:#}");
        assert_eq!(kind, "timed_out", "{id}: {check:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_in_the_pause_of_a_watch_ends_with_its_last_card() {
    let desk = Desk::new();
    let off = Held::new();
    let baseline = format!(
        "\
version: 1
name: off
defaults: {{ retry: {{ attempts: 1 }} }}
phases:
  P0: {{ checks: {{ port: {{ tcp: {{ address: 127.0.0.1, port: {} }} }} }} }}
",
        off.port()
    );
    let mut child = desk.start(&baseline, &["--watch", "--interval", "1h"]);
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut told = String::new();
    while !told.contains("attempt 1 of 30 ") {
        let read = timeout(HANG, stderr.read_line(&mut told));
        let read = read.await.expect("a word").expect("a line");
        assert_ne!(read, 0, "{told}");
    }
    signal(&child, "INT");
    let ran = end(child).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(ran.last(1), "Result: BLOCKED at P0 (fix port first)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_in_a_full_card() {
    let desk = Desk::new();
    let (hung, well, behind) = (witness().await, witness().await, witness().await);
    let baseline = baseline(&hung, &well, &behind, "1h");
    let ran = desk.check(&baseline, &["--deadline", "4s"]).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert_eq!(behind.received(), "");
    insta::assert_snapshot!(ran.card());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_the_deadline_left_undecided_holds_nothing() {
    let desk = Desk::new();
    let hung = witness().await;
    let off = Held::new();
    let baseline = format!(
        "\
version: 1
name: undecided
defaults: {{ timeout: 1h, connect_timeout: 1h, retry: {{ attempts: 1 }} }}
phases:
  HUNG: {{ checks: {{ hung: {{ http: {{ url: \"http://{hung}/\" }} }} }} }}
  OFF: {{ checks: {{ off: {{ tcp: {{ address: 127.0.0.1, port: {off} }} }} }} }}
  BEHIND-HUNG: {{ needs: HUNG, checks: {{ a: {{ tcp: {{ address: 127.0.0.1, port: {off} }} }} }} }}
  BEHIND-OFF: {{ needs: OFF, checks: {{ b: {{ tcp: {{ address: 127.0.0.1, port: {off} }} }} }} }}
  BEHIND-BOTH: {{ needs: [HUNG, OFF], checks: {{ c: {{ tcp: {{ address: 127.0.0.1, port: {off} }} }} }} }}
",
        hung = hung.address,
        off = off.port()
    );
    let ran = desk.check(&baseline, &["--deadline", "4s", "--json"]).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    let card = ran.json();
    let held: Vec<String> = card["phases"]
        .as_array()
        .expect("phases")
        .iter()
        .map(|phase| {
            format!("{} {} {}", phase["id"], phase["gate"], phase["held_by"]).replace('"', "")
        })
        .collect();
    // In topological order, which is the file's wherever `needs` leaves it open.
    assert_eq!(
        held,
        [
            "HUNG NOT_EVALUATED null",
            "OFF BLOCKED null",
            "BEHIND-HUNG NOT_EVALUATED null",
            "BEHIND-OFF NOT_EVALUATED OFF",
            "BEHIND-BOTH NOT_EVALUATED OFF",
        ]
    );
}

#[rstest]
#[case::ctrl_c("INT")]
#[case::service_manager("TERM")]
#[case::terminal_closed("HUP")]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_in_a_full_card(#[case] name: &str) {
    let desk = Desk::new();
    let (hung, well, behind) = (witness().await, witness().await, witness().await);
    let baseline = baseline(&hung, &well, &behind, "1h");
    let child = desk.start(&baseline, &["--json"]);
    until("the hung server is asked", || {
        hung.received().contains("GET / ") && well.received().contains("connected")
    })
    .await;
    signal(&child, name);
    let ran = end(child).await;
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    let card = ran.json();
    assert_eq!(card["result"], "CHECK_FAILED");
    assert_eq!(card["failure"], "the run was interrupted");
    let ids = by_id(&card, "id");
    assert_eq!(ids, ["hung hung", "well well", "behind behind"]);
    let [hung, _, behind] = checks(&card)[..] else {
        panic!("{ids:?}");
    };
    for (check, unfinished) in [(hung, true), (behind, false)] {
        assert_eq!(check["verdict"], "NOT_EVALUATED", "{check:#}");
        assert_eq!(check["held_by"], "interrupt", "{check:#}");
        assert_eq!(check["unfinished"], unfinished, "{check:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_ctrl_c_ends_at_once() {
    use std::fmt::Write;
    let desk = Desk::new();
    let (hung, well, behind) = (witness().await, witness().await, witness().await);
    // A card that no pipe holds, and that nobody reads: the program waits to
    // write it, and the second signal must get through all the same.
    let mut baseline = baseline(&hung, &well, &behind, "1h");
    for number in 0..1000 {
        writeln!(
            baseline,
            "      more-{number}: {{ title: nobody gets here either, tcp: {{ address: 127.0.0.1, port: {} }} }}",
            behind.address.port()
        )
        .expect("text");
    }
    desk.write("baseline.yml", &baseline);
    let mut child = desk
        .command(&["check", "-b", "baseline.yml", "--json"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    until("the hung server is asked", || {
        hung.received().contains("GET / ")
    })
    .await;
    signal(&child, "INT");
    let mut told = String::new();
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    timeout(HANG, stderr.read_line(&mut told))
        .await
        .expect("a word")
        .expect("a line");
    assert!(told.contains("once more ends at once"), "{told}");
    signal(&child, "INT");
    let status = timeout(HANG, child.wait()).await.expect("an end");
    assert_eq!(status.expect("a status").code(), Some(3));
    let mut stdout = Vec::new();
    let mut pipe = child.stdout.take().expect("a pipe");
    pipe.read_to_end(&mut stdout)
        .await
        .expect("what was written");
    let whole: Result<serde_json::Value, _> = serde_json::from_slice(&stdout);
    assert!(whole.is_err(), "it did not wait for its card to be read");
}
