//! Failures that are looked into: what is sent, what the card says, and what
//! gets in the way.

use rstest::rstest;
use serde_json::Value;

use crate::desk::{Desk, checks};
use crate::servers::ssh::{Answer, Script, Server};
use crate::servers::tcp::Held;

const SECRET: &str = "pw-Marten-4417";

/// A unit whose journal holds what a WAL that the power cut damaged leaves.
fn damaged(journal: Answer) -> impl Fn(&str) -> Answer + Send + Sync + 'static {
    move |command| match command.split(' ').next().unwrap_or_default() {
        "systemctl" if command.contains("postgresql") => Answer::ok(
            "Id=postgresql@14-main.service\nNames=postgresql@14-main.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\n",
        ),
        "systemctl" => Answer::ok(
            "Id=cron.service\nNames=cron.service\nLoadState=loaded\nActiveState=active\nSubState=running\n",
        ),
        "journalctl" => journal.clone(),
        "date" => Answer::ok("1780656904\n"),
        "uptime" => Answer::ok("18:55 up 2 min\n"),
        program => Answer::fails(127, format!("{program}: command not found\n")),
    }
}

/// The newest first: one in colour, one that would clear the screen, one with
/// a secret in it.
fn journal() -> Answer {
    let entry = |second: u32, message: &Value| {
        serde_json::json!({
            "__REALTIME_TIMESTAMP": format!("17806568{second:02}000000"),
            "MESSAGE": message,
        })
        .to_string()
    };
    let coloured =
        b"\x1b[31mPANIC\x1b[0m:  could not locate a valid \x1b[1mcheckpoint\x1b[0m record";
    let lines = [
        entry(
            94,
            &"postgresql@14-main.service: Failed with result 'protocol'.".into(),
        ),
        entry(93, &format!("connection by checker with {SECRET}").into()),
        entry(92, &coloured.to_vec().into()),
        entry(
            91,
            &"\u{1b}[2JLOG:  invalid primary checkpoint record".into(),
        ),
        entry(90, &"LOG:  database system was interrupted".into()),
        entry(89, &"LOG:  starting PostgreSQL 14.11".into()),
    ];
    Answer::ok(lines.join("\n") + "\n")
}

fn baseline(server: &Server) -> String {
    format!(
        "\
version: 1
name: diagnosed
hosts:
  data188: {{ address: 127.0.0.1, ssh: {{ user: ollama, port: {port} }} }}
defaults: {{ timeout: 30s, connect_timeout: 30s, retry: {{ attempts: 2, delay: 10ms }} }}
phases:
  P0-NETWORK:
    checks:
      cron:
        title: cron runs
        on: data188
        systemd: {{ unit: cron }}
        diagnose: [ {{ journal: {{ unit: cron }} }} ]
  P0-188-DATA:
    needs: P0-NETWORK
    checks:
      postgres:
        title: PostgreSQL runs
        on: data188
        systemd: {{ unit: postgresql@14-main }}
        remedy: look at the service
        runbook: \u{a7}4.2
        guardrail: STANDARD_HITL
        diagnose:
          - journal: {{ unit: postgresql@14-main, boot: true }}
          - command: {{ run: uptime }}
          - disk: {{ path: / }}
            timeout: 10s
signatures:
  storage:
    title: the file system below is damaged
    match: Structure needs cleaning
  wal-checkpoint:
    title: the WAL checkpoint is damaged
    match: [could not locate a valid checkpoint record, invalid primary checkpoint record]
    kinds: [journal, log]
    remedy: keep the data directory as it is, and restore by the runbook
    runbook: \u{a7}4.3
    guardrail: BLOCK
    go_back_to: cron@data188
  stopped:
    title: systemd gave up on it
    match: {{ regex: \"^postgresql@.*: Failed with result\" }}
    guardrail: AUTO
",
        port = server.address.port()
    )
}

async fn host(desk: &Desk, answers: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Server {
    let server = Server::start(Script::new(desk.home.key.public_key(), answers)).await;
    desk.home.trust(&[&server]);
    server
}

fn requests_of(plan: &Value, with_looks: bool) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for check in checks(plan) {
        let looks = check["diagnosis"].as_array().expect("looks");
        let looks = looks
            .iter()
            .filter(|_| with_looks && check["id"] == "postgres@data188");
        for owner in std::iter::once(check).chain(looks) {
            for request in owner["requests"].as_array().expect("requests") {
                let text = request["text"].as_str().expect("text").to_owned();
                all.push((check["id"].as_str().expect("an id").to_owned(), text));
            }
        }
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_has_its_name_and_its_evidence_on_the_card() {
    let desk = Desk::new().env("PW", SECRET);
    let server = host(&desk, damaged(journal())).await;
    // So that the program knows the secret. Nobody gets to this check.
    let later = "  P1-LATER:\n    needs: P0-188-DATA\n    checks:\n      later: { title: nobody gets here, redis: { address: 192.0.2.1, port: 1, password: env:PW } }\nsignatures:\n";
    let baseline = baseline(&server).replace("signatures:\n", later);
    let ran = desk.check(&baseline, &["--audit", "audit"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    insta::assert_snapshot!(ran.card());
    assert_eq!(server.log.connections(), 1, "over the one connection");
    let ran = desk.check(&baseline, &["--json"]).await;
    let text = ran.stdout.clone();
    assert!(!text.contains(SECRET) && !text.contains('\u{1b}'), "{text}");
    let card = ran.json();
    let postgres = checks(&card)[1];
    let named = &postgres["signature"];
    assert_eq!(named["id"], "wal-checkpoint");
    assert_eq!(named["seen_by"], "journal");
    assert_eq!(named["guardrail"], "BLOCK");
    assert_eq!(named["go_back_to"], "cron@data188");
    assert_eq!(postgres["guardrail"], "STANDARD_HITL", "its own stays");
    assert_eq!(postgres["other_signatures"][0]["id"], "stopped");
    assert_eq!(postgres["attempts"], 2);
    let kinds: Vec<&Value> = postgres["diagnosis"]
        .as_array()
        .expect("looks")
        .iter()
        .map(|look| &look["kind"])
        .collect();
    assert_eq!(kinds, ["journal", "command", "disk"]);
    let lines = &postgres["diagnosis"][0]["facts"]["lines"];
    assert_eq!(lines[4], "connection by checker with ***");
    assert_eq!(
        lines[3],
        "PANIC:  could not locate a valid checkpoint record"
    );
    assert_eq!(checks(&card)[0].get("diagnosis"), None, "it passed");
    let ran = desk.check(&baseline, &[]).await;
    assert!(!ran.stdout.contains(SECRET) && !ran.stdout.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_tells_what_is_sent_when_it_fails() {
    let desk = Desk::new();
    let server = host(&desk, damaged(journal())).await;
    let baseline = baseline(&server).replace("attempts: 2", "attempts: 1");
    let ran = desk.check(&baseline, &["--audit", "audit"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let plan = desk
        .run(&["plan", "-b", "baseline.yml", "--json"])
        .await
        .json();
    let mut audited: Vec<(String, String)> = desk
        .audited("audit")
        .into_iter()
        .filter(|entry| entry.protocol == "ssh-exec")
        .map(|entry| (entry.check, entry.sent))
        .collect();
    audited.sort();
    let mut planned = requests_of(&plan, true);
    planned.retain(|(_, text)| text.contains(":coldstart:"));
    // Whatever a look leaves out, it sends nothing that the plan does not tell.
    for sent in &audited {
        assert!(planned.contains(sent), "{sent:?} in {planned:#?}");
    }
    assert!(
        audited
            .iter()
            .any(|(check, sent)| check == "postgres@data188" && sent.contains("journalctl"))
    );
    assert!(
        !audited
            .iter()
            .any(|(check, sent)| check == "cron@data188" && sent.contains("journalctl"))
    );
    let page = desk.run(&["plan", "-b", "baseline.yml"]).await.stdout;
    assert!(
        page.contains("if it fails the journal of postgresql@14-main on data188"),
        "{page}"
    );
    let page = desk
        .run(&["explain", "postgres", "-b", "baseline.yml"])
        .await
        .stdout;
    for part in [
        "if it fails journal: the journal of postgresql@14-main on data188",
        "signature   wal-checkpoint: the WAL checkpoint is damaged: could not locate",
        "signature   stopped: systemd gave up on it: /^postgresql@",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let ran = desk.run(&["validate", "-b", "baseline.yml"]).await;
    assert!(ran.stdout.contains(", 3 signatures"), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_well_is_not_looked_into() {
    let desk = Desk::new();
    let server = host(&desk, damaged(Answer::Hang)).await;
    let ran = desk
        .check(&baseline(&server), &["--only", "cron", "--json"])
        .await;
    assert_eq!(ran.json()["totals"]["pass"], 1, "{ran:#?}");
    let sent = server.log.lines();
    assert!(
        !sent.iter().any(|line| line.contains("journalctl")),
        "{sent:#?}"
    );
}

#[rstest]
#[case::denied(
    Answer::Exit { stdout: Vec::new(), stderr: b"Hint: You are currently not seeing messages from other users and the system.\n".to_vec(), status: 0 },
    "denied", "ollama may not read the journal of postgresql@14-main on data188")]
#[case::hangs(Answer::Hang, "timed_out", "did not end in 1.0 s")]
#[case::garbage(Answer::ok("\0\x1b[2J"), "protocol", "printed no JSON")]
#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_look_from_seeing_is_told(
    #[case] journal: Answer,
    #[case] kind: &str,
    #[case] seen: &str,
) {
    let desk = Desk::new();
    let server = host(&desk, damaged(journal)).await;
    let baseline = baseline(&server).replace(
        "          - journal: { unit: postgresql@14-main, boot: true }\n",
        "          - journal: { unit: postgresql@14-main, boot: true }\n            timeout: 1s\n",
    );
    let ran = desk.check(&baseline, &["--json"]).await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let card = ran.json();
    let postgres = checks(&card)[1];
    assert_eq!(postgres["verdict"], "BLOCKED");
    let fault = &postgres["diagnosis"][0]["fault"];
    assert_eq!(fault["kind"], kind, "{fault:#}");
    assert!(
        fault["seen"]
            .as_str()
            .is_some_and(|text| text.contains(seen)),
        "{fault:#}"
    );
    assert_eq!(postgres.get("signature"), None);
    // The others saw what they could.
    assert_eq!(
        postgres["diagnosis"][1]["facts"]["stdout"],
        "18:55 up 2 min"
    );
    let ran = desk.check(&baseline, &[]).await;
    assert!(
        ran.stdout.contains("could not look at the journal"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_host_that_is_down() {
    let desk = Desk::new();
    let server = host(&desk, damaged(journal())).await;
    let off = Held::new();
    let baseline = baseline(&server)
        .replace(
            &format!("port: {}", server.address.port()),
            &format!("port: {}", off.port()),
        )
        .replace("connect_timeout: 30s", "connect_timeout: 200ms");
    let ran = desk
        .check(&baseline, &["--keep-going", "--json", "--audit", "audit"])
        .await;
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    for check in checks(&ran.json()) {
        assert_eq!(check.get("diagnosis"), None, "{check:#}");
    }
    let sent = desk.audited("audit");
    assert!(
        !sent.iter().any(|entry| entry.sent.contains("journalctl")),
        "{sent:#?}"
    );
}
