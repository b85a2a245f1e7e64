use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

fn block(id: &str, active: &str, more: &str) -> String {
    format!(
        "Id={id}\nNames={id}\nLoadState=loaded\nActiveState={active}\nSubState=running\n{more}\n"
    )
}

const MISSING: &str = "Id=ghost.service\nNames=ghost.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n\n";

/// As systemd 252 printed it for an alias.
const ALIAS: &str = "\
NRestarts=2
Id=mariadb.service
Names=mariadb.service mysql.service mysqld.service
LoadState=loaded
ActiveState=active
SubState=running
MemoryMax=2147483648
CPUQuotaPerSecUSec=2s
WatchdogUSec=0
";

async fn look(options: serde_json::Value, show: String) -> Facts {
    let stage = stage(move |command| {
        if command.starts_with("systemctl show") {
            Answer::ok(show.clone())
        } else {
            Answer::ok("")
        }
    })
    .await;
    run(&kind::<Systemd>(options), &stage.context)
        .await
        .expect("facts")
}

#[rstest]
#[case::active("active", true, json!([]))]
#[case::reloading("reloading", true, json!([]))]
#[case::activating("activating", false, json!(["nginx.service: activating"]))]
#[case::failed("failed", false, json!(["nginx.service: failed"]))]
#[case::inactive("inactive", false, json!(["nginx.service: inactive"]))]
#[case::a_state_to_come("melting", false, json!(["nginx.service: melting"]))]
#[tokio::test]
async fn judges_activity_as_systemctl_does(
    #[case] state: &str,
    #[case] active: bool,
    #[case] inactive: serde_json::Value,
) {
    let facts = look(json!({"unit": "nginx"}), block("nginx.service", state, "")).await;
    assert_eq!(fact(&facts, "active"), json!(active));
    assert_eq!(fact(&facts, "inactive"), inactive);
    assert_eq!(fact(&facts, "units"), json!({"nginx.service": state}));
    assert_eq!(facts.get("failed_count"), None, "not asked for");
}

#[tokio::test]
async fn an_alias_is_told_by_the_name_it_was_asked_for() {
    let facts = look(
        json!({"unit": "mysql", "properties": ["MemoryMax"]}),
        ALIAS.to_owned(),
    )
    .await;
    assert_eq!(fact(&facts, "units"), json!({"mysql.service": "active"}));
    assert_eq!(
        fact(&facts, "properties"),
        json!({"MemoryMax": "2147483648"})
    );
    assert_eq!(fact(&facts, "restarts"), json!(2));
    assert_eq!(fact(&facts, "memory_max_bytes"), json!(2_147_483_648_u64));
    assert_eq!(fact(&facts, "cpu_quota_percent"), json!(200));
    assert_eq!(fact(&facts, "watchdog_s"), json!(0));
}

#[tokio::test]
async fn what_is_unlimited_or_not_told_is_no_number() {
    let facts = look(
        json!({"unit": "nginx"}),
        block(
            "nginx.service",
            "active",
            "MemoryMax=infinity\nCPUQuotaPerSecUSec=infinity\nWatchdogUSec=0\nNRestarts=nan\n",
        ),
    )
    .await;
    assert_eq!(fact(&facts, "memory_max_bytes"), json!("infinity"));
    assert_eq!(facts.get("cpu_quota_percent"), None);
    assert_eq!(facts.get("restarts"), None);
    let facts = look(
        json!({"unit": "backup.timer"}),
        block("backup.timer", "active", "MemoryMax=[not set]\n"),
    )
    .await;
    assert_eq!(facts.get("memory_max_bytes"), None);
    assert_eq!(facts.get("restarts"), None, "a timer is not restarted");
}

#[rstest]
#[case("infinity", Some(f64::INFINITY))]
#[case("2147483648", Some(2_147_483_648.0))]
#[case("0", Some(0.0))]
#[case("[not set]", None)]
#[case("nan", None)]
#[case("-1", None)]
#[case("", None)]
fn reads_limits(#[case] text: &str, #[case] bytes: Option<f64>) {
    assert_eq!(words::limit(text), bytes);
}

#[tokio::test]
async fn a_missing_unit_is_not_active() {
    let facts = look(
        json!({"units": ["cron", "ghost"]}),
        block("cron.service", "active", "") + MISSING,
    )
    .await;
    assert_eq!(fact(&facts, "active"), json!(false));
    assert_eq!(
        fact(&facts, "inactive"),
        json!(["ghost.service: not found"])
    );
    assert_eq!(fact(&facts, "matched_count"), json!(1));
}

#[tokio::test]
async fn a_unit_that_is_not_told_is_not_active() {
    let facts = look(
        json!({"units": ["cron", "nginx"]}),
        block("cron.service", "active", ""),
    )
    .await;
    assert_eq!(fact(&facts, "inactive"), json!(["nginx.service: not told"]));
}

#[rstest]
#[case::none("", false, json!(["actions.runner.*: no unit matches"]), 0)]
#[case::two("active", true, json!([]), 2)]
#[tokio::test]
async fn patterns_need_a_match(
    #[case] state: &str,
    #[case] active: bool,
    #[case] inactive: serde_json::Value,
    #[case] count: u32,
) {
    let text = if state.is_empty() {
        String::new()
    } else {
        block(
            "actions.runner.a.service",
            state,
            "MemoryMax=1024\nNRestarts=1\nWatchdogUSec=0\n",
        ) + &block(
            "actions.runner.b.service",
            state,
            "MemoryMax=2048\nNRestarts=7\nWatchdogUSec=0\n",
        )
    };
    let facts = look(
        json!({"unit": "actions.runner.*", "properties": ["MemoryMax"]}),
        text,
    )
    .await;
    assert_eq!(fact(&facts, "active"), json!(active));
    assert_eq!(fact(&facts, "inactive"), inactive);
    assert_eq!(fact(&facts, "matched_count"), json!(count));
    if count == 2 {
        assert_eq!(
            fact(&facts, "properties"),
            json!({"actions.runner.a.service/MemoryMax": "1024", "actions.runner.b.service/MemoryMax": "2048"})
        );
        assert_eq!(fact(&facts, "restarts"), json!(7), "the highest");
        assert_eq!(facts.get("memory_max_bytes"), None, "they do not agree");
        assert_eq!(fact(&facts, "watchdog_s"), json!(0), "they agree");
    }
}

#[tokio::test]
async fn one_unit_does_not_stand_for_another_s_pattern() {
    let facts = look(
        json!({"units": ["cron", "*.timer"]}),
        block("cron.service", "active", ""),
    )
    .await;
    assert_eq!(
        fact(&facts, "inactive"),
        json!(["*.timer: no unit matches"])
    );
}

#[rstest]
#[case("*.timer", "logrotate.timer", true)]
#[case("*.timer", "cron.service", false)]
#[case("actions.runner.*", "actions.runner.a.b.service", true)]
#[case("a?.service", "ab.service", true)]
#[case("a?.service", "a.service", false)]
#[case("r[0-9].service", "r1.service", true)]
#[case("*", "anything", true)]
fn compares_patterns(#[case] pattern: &str, #[case] unit: &str, #[case] matches: bool) {
    assert_eq!(matches_pattern(pattern, unit), matches);
}

#[rstest]
#[case("", &[])]
#[case("nginx.service loaded failed failed A high performance web server\n", &["nginx.service"])]
#[case("● nginx.service loaded failed failed Web\n● a@1.service not-found failed failed a@1.service\n", &["nginx.service", "a@1.service"])]
fn lists_failed_units(#[case] text: &str, #[case] failed: &[&str]) {
    assert_eq!(parse_failed(text).expect("a list"), failed);
}

#[rstest]
#[case("0 loaded units listed.\n")]
#[case("<html>\n")]
fn a_strange_list_is_a_fault(#[case] text: &str) {
    assert_eq!(
        parse_failed(text).expect_err("a fault").kind,
        FaultKind::Protocol
    );
}

#[rstest]
#[case("0", Some(0.0))]
#[case("2s", Some(2.0))]
#[case("500ms", Some(0.5))]
#[case("1.5s", Some(1.5))]
#[case("1min 30s", Some(90.0))]
#[case("1h 1us", Some(3_600.000_001))]
#[case("infinity", None)]
#[case("", None)]
#[case("5 parsecs", None)]
fn reads_spans(#[case] text: &str, #[case] expected: Option<f64>) {
    assert_eq!(seconds(text), expected);
}

#[tokio::test]
async fn the_whole_host_is_asked_for_failed_units() {
    let stage = stage(|_| Answer::ok("nginx.service loaded failed failed Web\n")).await;
    let facts = run(&kind::<Systemd>(json!({})), &stage.context)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "failed_units"), json!(["nginx.service"]));
    assert_eq!(fact(&facts, "failed_count"), json!(1));
    assert_eq!(facts.get("active"), None);
}

#[rstest]
#[case::missing(
    Answer::fails(127, "timeout: failed to run command 'systemctl'"),
    FaultKind::Missing,
    "there is no systemctl on data188"
)]
#[case::not_booted(
    Answer::fails(
        1,
        "System has not been booted with systemd as init system (PID 1). Can't operate.\n"
    ),
    FaultKind::Missing,
    "not been booted with systemd"
)]
#[case::denied(
    Answer::fails(1, "Failed to get properties: Access denied\n"),
    FaultKind::Denied,
    "Access denied"
)]
#[case::garbage(
    Answer::ok("\u{fffd}\u{fffd}=\n"),
    FaultKind::Protocol,
    "without Id and ActiveState"
)]
#[case::empty(Answer::ok(""), FaultKind::Protocol, "printed nothing")]
#[case::cut_off(Answer::Cut { stdout: b"Id=cron".to_vec() }, FaultKind::Closed, "cut off")]
#[case::hangs(Answer::Hang, FaultKind::TimedOut, "did not end in 2.0 s")]
#[tokio::test]
async fn what_cannot_be_told_is_a_fault(
    #[case] answer: Answer,
    #[case] kind_of: FaultKind,
    #[case] seen: &str,
) {
    let mut stage = stage(move |_| answer.clone()).await;
    stage.context.target.timeout = std::time::Duration::from_secs(2);
    let fault = run(&kind::<Systemd>(json!({"unit": "cron"})), &stage.context)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
    assert!(fault.seen.contains(seen), "{}", fault.seen);
}

#[rstest]
#[case(json!({}), &["failed_count == 0"])]
#[case(json!({"unit": "cron"}), &["active"])]
#[case(json!({"unit": "cron", "failed": true}), &["active", "failed_count == 0"])]
fn expects_what_was_asked_for(#[case] options: serde_json::Value, #[case] required: &[&str]) {
    assert_eq!(Kind::defaults(&kind::<Systemd>(options)).require, required);
}

#[rstest]
#[case(json!({"unit": "--now"}), &["unit"])]
#[case(json!({"units": ["cron", "a b"]}), &["units", "1"])]
#[case(json!({"unit": "cron", "properties": ["Memory Max"]}), &["properties", "0"])]
#[case(json!({"properties": ["MemoryMax"]}), &["properties"])]
fn refuses_what_is_no_unit(#[case] options: serde_json::Value, #[case] path: &[&str]) {
    let problems = Kind::problems(
        &kind::<Systemd>(options),
        &target(host(22)),
        &Policy::default(),
    );
    assert_eq!(problems[0].path, path);
}

#[tokio::test]
async fn sends_what_it_said_it_would() {
    let stage = stage(|_| Answer::ok(block("cron.service", "active", ""))).await;
    let systemd: Systemd = kind(json!({"unit": "cron"}));
    run(&systemd, &stage.context).await.expect("facts");
    let planned = systemd.requests(&stage.context.target, &stage.context.transports.policy);
    assert_eq!(
        stage.server.log.lines(),
        planned
            .into_iter()
            .map(|request| request.text)
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_pattern_of_many_stars_takes_no_time() {
    let unit = format!("{}.service", "a".repeat(200));
    assert!(!matches_pattern(&format!("{}b", "*a".repeat(60)), &unit));
    assert!(matches_pattern(&format!("{}*", "*[ab]".repeat(60)), &unit));
}

fn again(sub_state: &str, restarts: &str) -> String {
    block("web.service", "active", &format!("NRestarts={restarts}\n"))
        .replace("SubState=running", &format!("SubState={sub_state}"))
}

fn waiting(sub_state: &str, restarts: &str) -> String {
    again(sub_state, restarts).replace("ActiveState=active", "ActiveState=activating")
}

#[rstest]
#[case::first_time("auto-restart", "0", "web.service: activating (auto-restart)")]
#[case::once(
    "auto-restart",
    "1",
    "web.service: activating (auto-restart, restarted once)"
)]
#[case::often(
    "auto-restart",
    "37",
    "web.service: activating (auto-restart, restarted 37 times)"
)]
#[case::queued(
    "auto-restart-queued",
    "2",
    "web.service: activating (auto-restart, restarted 2 times)"
)]
#[case::no_counter("auto-restart", "", "web.service: activating (auto-restart)")]
#[tokio::test]
async fn a_unit_that_waits_for_its_next_start_is_told_at_once(
    #[case] sub_state: &str,
    #[case] restarts: &str,
    #[case] told: &str,
) {
    let facts = look(json!({"unit": "web"}), waiting(sub_state, restarts)).await;
    assert_eq!(fact(&facts, "active"), json!(false));
    assert_eq!(fact(&facts, "inactive"), json!([told]));
    assert_eq!(fact(&facts, "restarting"), json!(true));
    assert_eq!(facts.get("restarts_during"), None, "one look");
}

#[tokio::test]
async fn one_look_cannot_tell_that_a_unit_stays_up() {
    let facts = look(json!({"unit": "web"}), again("running", "37")).await;
    assert_eq!(facts.get("restarting"), None);
    assert_eq!(fact(&facts, "restarts"), json!(37));
}

#[rstest]
#[case::stays_up(again("running", "4"), again("running", "4"), json!(false), json!(0))]
#[case::between_failures(again("running", "4"), again("running", "6"), json!(true), json!(2))]
#[case::was_waiting(waiting("auto-restart", "4"), again("running", "4"), json!(true), json!(0))]
#[case::waits_now(again("running", "4"), waiting("auto-restart", "4"), json!(true), json!(0))]
#[case::started_by_hand(again("running", "4"), again("running", "0"), json!(false), json!(0))]
#[case::and_again(again("running", "4"), again("running", "1"), json!(true), json!(1))]
#[case::not_counted(again("running", ""), again("running", ""), json!(null), json!(null))]
#[case::counted_once(again("running", ""), again("running", "4"), json!(null), json!(null))]
#[case::gone(again("running", "4"), MISSING.replace("ghost", "web"), json!(null), json!(null))]
#[tokio::test]
async fn two_looks_tell_a_loop(
    #[case] first: String,
    #[case] second: String,
    #[case] restarting: serde_json::Value,
    #[case] during: serde_json::Value,
) {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let stage = stage(move |_| {
        let before = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Answer::ok(if before == 0 {
            first.clone()
        } else {
            second.clone()
        })
    })
    .await;
    let systemd = kind::<Systemd>(json!({"unit": "web", "watch_for_s": 1}));
    let facts = run(&systemd, &stage.context).await.expect("facts");
    assert_eq!(fact(&facts, "restarting"), restarting);
    assert_eq!(fact(&facts, "restarts_during"), during);
    let planned = Kind::requests(&systemd, &stage.context.target, &Policy::default());
    let planned: Vec<&str> = planned
        .iter()
        .map(|request| request.text.as_str())
        .collect();
    assert_eq!(stage.server.log.lines(), planned);
    assert_eq!(Kind::defaults(&systemd).require, ["active", "!restarting"]);
}

#[rstest]
#[case::nothing_to_watch(json!({"watch_for_s": 3}), "which unit")]
#[case::at_once(json!({"unit": "web", "watch_for_s": 0}), "at once")]
#[case::longer_than_the_check(json!({"unit": "web", "watch_for_s": 10}), "10 s in all")]
fn a_watch_that_cannot_be_meant(#[case] options: serde_json::Value, #[case] message: &str) {
    let problems = Kind::problems(
        &kind::<Systemd>(options),
        &target(host(22)),
        &Policy::default(),
    );
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    assert_eq!(problem.path, ["watch_for_s"]);
    assert!(problem.message.contains(message), "{}", problem.message);
}
