use rstest::rstest;
use serde_json::json;

use super::lines::{Line, line};
use super::*;
use crate::probe::kinds::stage::{fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

const ACTIVE: &str = "Id=cron.service\nActiveState=active\n\nId=crond.service\nActiveState=inactive\n\nId=cronie.service\nActiveState=inactive\n";
const OWN: &str = "\
# m h dom mon dow command
MAILTO=\"\"
0 2 * * * /backup/scripts/backup-all.sh >> /var/log/b 2>&1
*/10 * * * * /home/ollama/bin/stats.sh
@reboot /home/ollama/bin/exporter --restart
";
const SYSTEM_TOLD: &str = "\
/etc/crontab:SHELL=/bin/sh
/etc/crontab:17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly
/etc/cron.d/e2scrub_all:30 3 * * 0 root test -e /run/systemd/system || e2scrub_all_cron
/etc/cron.d/broken:# two lines
/etc/cron.d/broken:61 3 * * 0 root /bin/true
/etc/cron.d/broken:1 3 * * 0 root /bin/drill
/etc/cron.d/old.bak:1 3 * * 0 root /bin/verify
";

fn system() -> Answer {
    Answer::Exit {
        stdout: SYSTEM_TOLD.into(),
        stderr: b"setlocale: cannot change locale\ngrep: /etc/crontab: No such file or directory\n"
            .to_vec(),
        status: 2,
    }
}

async fn look(
    options: serde_json::Value,
    units: Answer,
    own: Answer,
    system: Answer,
) -> Result<Facts, Fault> {
    let mut stage = stage(move |command| match command.split(' ').next() {
        Some("systemctl") => units.clone(),
        Some("crontab") => own.clone(),
        Some("grep") => system.clone(),
        Some("pgrep") => Answer::fails(1, ""),
        _ => Answer::fails(2, "unexpected"),
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    run(&kind::<Crontab>(options), &stage.context).await
}

#[rstest]
#[case::there(json!(["backup-all.sh", "e2scrub_all_cron"]), json!([]))]
#[case::at_its_time(json!([{"command": "stats.sh", "schedule": "0,10,20,30,40,50 * * * *"}]), json!([]))]
#[case::at_the_start(json!([{"command": "exporter", "schedule": "@reboot"}]), json!([]))]
#[case::absent(json!(["verify-offsite"]), json!(["verify-offsite: no entry"]))]
#[case::in_a_comment(json!(["dow command"]), json!(["dow command: no entry"]))]
#[case::at_another_time(json!([{"command": "backup-all.sh", "schedule": "0 3 * * *"}]), json!(["backup-all.sh: at 0 2 * * *, not at 0 3 * * *"]))]
#[case::beside_a_bad_line(json!(["/bin/drill"]), json!(["/bin/drill: cron does not take all of /etc/cron.d/broken"]))]
#[case::in_a_copy(json!(["/bin/verify"]), json!(["/bin/verify: no entry"]))]
#[tokio::test]
async fn tells_what_is_missing(
    #[case] entries: serde_json::Value,
    #[case] missing: serde_json::Value,
) {
    let facts = look(
        json!({"entries": entries}),
        Answer::ok(ACTIVE),
        Answer::ok(OWN),
        system(),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "missing"), missing);
    assert_eq!(fact(&facts, "present"), json!(missing == json!([])));
    assert_eq!(fact(&facts, "active"), json!(true));
    assert_eq!(fact(&facts, "daemon"), json!("cron.service"));
    assert_eq!(fact(&facts, "entry_count"), json!(6));
    assert_eq!(fact(&facts, "malformed"), json!(["/etc/cron.d/broken:2"]));
    assert_eq!(fact(&facts, "unread"), json!([]));
}

#[tokio::test]
async fn tells_the_schedule_of_what_is_there() {
    let facts = look(
        json!({"entries": ["stats.sh"]}),
        Answer::ok(ACTIVE),
        Answer::ok(OWN),
        system(),
    )
    .await
    .expect("facts");
    assert_eq!(
        fact(&facts, "schedules"),
        json!({"stats.sh": "*/10 * * * *"})
    );
    assert_eq!(
        fact(&facts, "matching"),
        json!(["*/10 * * * * /home/ollama/bin/stats.sh"])
    );
}

#[rstest]
#[case::debian("no crontab for ops\n")]
#[case::busybox("crontab: can't open 'ops': No such file or directory\n")]
#[tokio::test]
async fn no_crontab_is_an_empty_one(#[case] complaint: &'static str) {
    let facts = look(
        json!({"entries": ["x"]}),
        Answer::ok(ACTIVE),
        Answer::fails(1, complaint),
        Answer::ok(""),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "present"), json!(false));
    assert_eq!(fact(&facts, "entry_count"), json!(0));
}

const DENIED: &str = "You (ops) are not allowed to use this program (crontab)\n";

#[rstest]
#[case::own(Answer::fails(1, DENIED), system(), FaultKind::Denied, "not allowed")]
#[case::another_s(
    Answer::fails(1, "must be privileged to use -u\n"),
    system(),
    FaultKind::Denied,
    "privileged"
)]
#[case::a_file(
    Answer::ok(OWN),
    Answer::fails(2, "grep: /etc/cron.d/secret: Permission denied\n"),
    FaultKind::Denied,
    "/etc/cron.d/secret"
)]
#[case::no_words(Answer::ok(OWN), Answer::fails(2, ""), FaultKind::Protocol, "status 2")]
#[case::binary(
    Answer::ok(OWN),
    Answer::ok("Binary file /etc/cron.d/x matches\n"),
    FaultKind::Protocol,
    "Binary file"
)]
#[case::no_crontab_program(
    Answer::fails(127, ""),
    system(),
    FaultKind::Missing,
    "there is no crontab"
)]
#[case::cut_off(Answer::Cut { stdout: OWN.into() }, system(), FaultKind::Closed, "cut off")]
#[case::hangs(Answer::Hang, system(), FaultKind::TimedOut, "did not end")]
#[tokio::test]
async fn what_cannot_be_read_is_not_absent(
    #[case] own: Answer,
    #[case] system: Answer,
    #[case] kind_of: FaultKind,
    #[case] seen: &str,
) {
    let fault = look(
        json!({"entries": ["verify"]}),
        Answer::ok(ACTIVE),
        own,
        system,
    )
    .await
    .expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
    assert!(fault.seen.contains(seen), "{}", fault.seen);
}

#[tokio::test]
async fn what_is_found_elsewhere_is_present() {
    let facts = look(
        json!({"entries": ["e2scrub_all_cron"]}),
        Answer::ok(ACTIVE),
        Answer::fails(1, DENIED),
        system(),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "present"), json!(true));
    assert_eq!(facts.get("entry_count"), None, "not all were read");
    assert!(fact(&facts, "unread")[0].as_str().is_some());
}

#[rstest]
#[case::stopped(Answer::ok(ACTIVE.replace("=active", "=failed")), Ok(false))]
#[case::no_systemd(Answer::fails(127, ""), Ok(false))]
#[case::not_booted(
    Answer::fails(1, "System has not been booted with systemd as init system\n"),
    Ok(false)
)]
#[case::denied(Answer::fails(1, "Access denied\n"), Err(FaultKind::Protocol))]
#[case::garbage(Answer::ok("\u{fffd}\n"), Err(FaultKind::Protocol))]
#[case::hangs(Answer::Hang, Err(FaultKind::TimedOut))]
#[tokio::test]
async fn asks_whether_cron_runs(#[case] units: Answer, #[case] expected: Result<bool, FaultKind>) {
    let seen = look(json!({}), units, Answer::Hang, Answer::Hang).await;
    match (seen, expected) {
        (Ok(facts), Ok(active)) => assert_eq!(fact(&facts, "active"), json!(active)),
        (Err(fault), Err(kind)) => assert_eq!(fault.kind, kind, "{fault:?}"),
        (seen, expected) => panic!("{seen:?}, not {expected:?}"),
    }
}

#[rstest]
#[case("0 2 * * *", "@daily", false)]
#[case("0 0 * * *", "@daily", true)]
#[case("0  0 * *\t*", "@midnight", true)]
#[case("*/30 * * * *", "0,30 * * * *", true)]
#[case("0 2 * * 7", "0 2 * * sun", true)]
#[case("0 2 * * 1-5", "0 2 * * mon-fri", true)]
#[case("0 2 * jan *", "0 2 * 1 *", true)]
#[case("0 2 1 * *", "0 2 * * *", false)]
#[case("0 2 1 * 1", "0 2 1 * *", false)]
#[case("@reboot", "@REBOOT", true)]
fn compares_schedules(#[case] one: &str, #[case] other: &str, #[case] same: bool) {
    let (one, other) = (Schedule::parse(one), Schedule::parse(other));
    assert!(one.is_some() && other.is_some());
    assert_eq!(one == other, same);
}

#[rstest]
#[case("")]
#[case("0 2 * *")]
#[case("0 2 * * * *")]
#[case("60 2 * * *")]
#[case("0 24 * * *")]
#[case("0 2 0 * *")]
#[case("0 2 * 13 *")]
#[case("0 2 * * 8")]
#[case("*/0 2 * * *")]
#[case("5/10 2 * * *")]
#[case("9-1 2 * * *")]
#[case("-1 2 * * *")]
#[case("0, 2 * * *")]
#[case("99999999999 2 * * *")]
#[case("@fortnightly")]
fn refuses_what_is_no_schedule(#[case] text: &str) {
    assert_eq!(Schedule::parse(text), None);
}

#[rstest]
#[case::entry("0 2 * * *  a  b", false, Line::Entry("0 2 * * *".into(), "a  b"))]
#[case::with_user("0 2 * * * root a b", true, Line::Entry("0 2 * * *".into(), "a b"))]
#[case::named("@daily a", false, Line::Entry("@daily".into(), "a"))]
#[case::unlogged("-0 2 * * * a", false, Line::Entry("0 2 * * *".into(), "a"))]
#[case::comment("  # 0 2 * * * a", false, Line::Other)]
#[case::variable("PATH = /bin", false, Line::Other)]
#[case::quoted_variable("'A'=b", false, Line::Other)]
#[case::blank(" \t", false, Line::Other)]
#[case::no_command("0 2 * * *", false, Line::Malformed)]
#[case::no_command_after_the_user("0 2 * * * root", true, Line::Malformed)]
#[case::words("run a=b at noon", false, Line::Malformed)]
#[case::garbage("\u{fffd}\u{1b}[31m", false, Line::Malformed)]
fn reads_lines(#[case] text: &str, #[case] with_user: bool, #[case] expected: Line<'_>) {
    assert_eq!(line(text, with_user), expected);
}

#[rstest]
#[case(json!({"entries": [""]}), &["entries", "0"])]
#[case(json!({"entries": ["a", {"command": "b", "schedule": "often"}]}), &["entries", "1", "schedule"])]
#[case(json!({"entries": [{"command": " ", "schedule": "@daily"}]}), &["entries", "0", "command"])]
#[case(json!({"entries": ["a"], "user": "-r"}), &["user"])]
#[case(json!({"user": "root"}), &["user"])]
fn refuses_what_cannot_be_meant(#[case] options: serde_json::Value, #[case] path: &[&str]) {
    let problems = Kind::problems(
        &kind::<Crontab>(options),
        &target(host(22)),
        &Policy::default(),
    );
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].path, path);
}

#[tokio::test]
async fn sends_no_more_than_it_said() {
    let stage = stage(|command| match command.split(' ').next() {
        Some("systemctl") => Answer::ok(ACTIVE),
        _ => Answer::ok(""),
    })
    .await;
    let crontab: Crontab = kind(json!({"entries": ["a"], "user": "root"}));
    run(&crontab, &stage.context).await.expect("facts");
    let planned = crontab.requests(&stage.context.target, &stage.context.transports.policy);
    let mut planned: Vec<String> = planned.into_iter().map(|request| request.text).collect();
    // Only where there is no systemd.
    planned.retain(|line| !line.contains("pgrep"));
    let mut sent = stage.server.log.lines();
    planned.sort();
    sent.sort();
    assert_eq!(sent, planned);
}
