use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{self, fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

/// A line of procps: number, parent, state, time, memory, name, command line.
fn line(fields: [&str; 5], name: &str, command_line: &str) -> String {
    let [pid, ppid, state, age, rss] = fields;
    format!("{pid:>7} {ppid:>7} {state:<4} {age:>11} {rss:>5} {name:<64} {command_line}\n")
}

fn init() -> String {
    line(
        ["1", "0", "Ss", "1-00:00:10", "12000"],
        "systemd",
        "/sbin/init",
    )
}

/// As procps 4.0.2 prints them, the call of `ps` with its shell among them.
fn table() -> String {
    let call = "ps -e -ww -o pid= -o ppid= -o stat= -o etime= -o rss= -o comm:64= -o args=";
    let rows = [
        line(["2", "0", "S", "1-00:00:10", "0"], "kthreadd", "[kthreadd]"),
        line(
            ["70", "1", "Ss", "01:00:00", "2000"],
            "nginx",
            "nginx: master process /usr/sbin/nginx",
        ),
        line(
            ["71", "70", "S<", "05:00", "3000"],
            "nginx",
            "nginx: worker process",
        ),
        line(
            ["72", "70", "D", "00:07", "4000"],
            "nginx",
            "nginx: worker process",
        ),
        line(
            ["73", "70", "Z", "00:09", "0"],
            "nginx <defunct>",
            "[nginx] <defunct>",
        ),
        line(
            ["80", "1", "Sl", "10:00", "9000"],
            "node_exporter-l",
            "/opt/node_exporter-linux --port=9100",
        ),
        line(
            ["81", "1", "Sl", "10:00", "9000"],
            "tmux: server",
            "tmux new -s a",
        ),
        line(
            ["90", "9", "Ss", "00:00", "900"],
            "sh",
            &format!("sh -c echo x; env LC_ALL=C timeout -k 1 10 {call}"),
        ),
        line(
            ["91", "90", "S", "00:00", "900"],
            "timeout",
            &format!("timeout -k 1 10 {call}"),
        ),
        line(["92", "91", "R", "00:00", "900"], "ps", call),
    ];
    init() + &rows.concat()
}

async fn look(
    options: serde_json::Value,
    respond: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> Result<Facts, Fault> {
    let mut stage = stage(respond).await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    run(&kind::<Process>(options), &stage.context).await
}

#[tokio::test]
async fn tells_the_processes_of_a_name() {
    let facts = look(json!({"name": "nginx"}), |_| Answer::ok(table()))
        .await
        .expect("facts");
    for (name, value) in [
        ("running", json!(true)),
        ("count", json!(3)),
        ("oldest_age_s", json!(3600)),
        ("youngest_age_s", json!(7)),
        ("rss_bytes", json!(9000 * 1024)),
        ("uninterruptible_count", json!(1)),
        ("zombie_count", json!(1)),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
}

#[rstest]
#[case::name(json!({"name": "nginx"}), 3)]
#[case::part_of_a_name(json!({"name": "ngin"}), 0)]
#[case::blank_in_the_name(json!({"name": "tmux: server"}), 1)]
#[case::first_word_of_a_name(json!({"name": "tmux:"}), 0)]
#[case::more_than_the_kernel_keeps(json!({"name": "node_exporter-linux"}), 1)]
#[case::another_beginning(json!({"name": "node_exporter-x"}), 0)]
#[case::worker(json!({"pattern": "^nginx: worker"}), 2)]
#[case::arguments(json!({"pattern": r"--port=9100\b"}), 1)]
#[case::not_its_name(json!({"pattern": "^node_exporter"}), 0)]
#[case::kernel_thread(json!({"pattern": r"^\[kthreadd\]$"}), 1)]
#[case::not_ps(json!({"name": "ps"}), 0)]
#[case::not_its_timeout(json!({"pattern": "timeout"}), 0)]
#[case::not_its_shell(json!({"name": "sh"}), 0)]
#[tokio::test]
async fn finds_what_is_meant(#[case] options: serde_json::Value, #[case] count: u32) {
    let facts = look(options, |_| Answer::ok(table())).await.expect("facts");
    assert_eq!(fact(&facts, "count"), json!(count));
    assert_eq!(fact(&facts, "running"), json!(count > 0));
    assert_eq!(facts.get("oldest_age_s").is_some(), count > 0);
    assert_eq!(
        facts.get("rss_bytes").is_some(),
        count > 0,
        "never zero of none"
    );
}

#[tokio::test]
async fn a_zombie_does_not_run() {
    let rows = init()
        + &line(
            ["73", "70", "Z", "00:09", "0"],
            "nginx",
            "[nginx] <defunct>",
        );
    let facts = look(json!({"name": "nginx"}), move |_| Answer::ok(rows.clone()))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "running"), json!(false));
    assert_eq!(fact(&facts, "zombie_count"), json!(1));
}

/// What a real shell is sent, so that its own row is known.
#[test]
fn the_call_is_known_as_a_shell_has_it() {
    for dialect in [Dialect::Procps, Dialect::Busybox, Dialect::SmallBusybox] {
        let args = dialect.args().iter().copied();
        let command = ReadOnlyCommand::from_args(&Policy::default(), args).expect("allowed");
        let line = format!("sh -c {}", command.line());
        let row = Row {
            pid: 5,
            ppid: 4,
            state: "S",
            age_s: None,
            rss_bytes: None,
            name: "sh",
            command_line: &line,
        };
        assert!(row.is_ours(None), "{line}");
        let other = Row {
            command_line: "sh -c ps",
            ..row.clone()
        };
        assert!(!other.is_ours(None));
        assert!(other.is_ours(Some(5)), "coldstart itself");
        assert!(!other.is_ours(Some(4)), "a child that is not ps");
    }
}

/// As busybox 1.35 of Debian prints them: no times, and units.
const BUSYBOX: &str = "\
PID   PPID  STAT RSS  COMMAND          COMMAND
    1     0 S     16m init             /sbin/init
    2     0 SW      0 kthreadd         [kthreadd]
    9     1 S <  1824 my daemon        /usr/bin/my daemon -x
   10     1 S N  1824 my daemon        /usr/bin/my daemon -x
   11    10 R    1824 ps               ps -o pid,ppid,stat,rss,comm,args
";
const BUSYBOX_WITH_TIMES: &str = "\
PID   PPID  STAT ELAPSED RSS  COMMAND          COMMAND
    1     0 S    12d03    16m init             /sbin/init
    9     1 S <   3h07   1.2g my daemon        /usr/bin/my daemon -x
";

#[rstest]
#[case::with_times(BUSYBOX_WITH_TIMES, json!(1), json!(11_220), json!(1_288_490_188.8))]
#[case::without(BUSYBOX, json!(2), json!(null), json!(2 * 1824 * 1024))]
#[tokio::test]
async fn busybox_is_asked_in_its_words(
    #[case] answer: &'static str,
    #[case] count: serde_json::Value,
    #[case] age: serde_json::Value,
    #[case] memory: serde_json::Value,
) {
    let with_times = answer == BUSYBOX_WITH_TIMES;
    let facts = look(json!({"name": "my daemon"}), move |command| {
        if command.starts_with("ps -e") {
            Answer::fails(1, "ps: invalid option -- 'w'\nBusyBox v1.35.0")
        } else if command.contains("etime") != with_times {
            Answer::fails(1, "ps: bad -o argument 'etime', supported arguments: user")
        } else {
            Answer::ok(answer)
        }
    })
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "count"), count);
    assert_eq!(fact(&facts, "oldest_age_s"), age);
    assert_eq!(fact(&facts, "rss_bytes"), memory);
}

#[test]
fn reads_a_mac() {
    let line = "    1     0 Ss   12-03:04:05   9000 launchd          /sbin/launchd\n";
    let rows = table::parse(Dialect::Mac, line).expect("a table");
    assert_eq!(
        (rows[0].name, rows[0].command_line),
        ("launchd", "/sbin/launchd")
    );
    assert_eq!(rows[0].age_s, Some(1_047_845.0));
}

#[rstest]
#[case::silence(String::new())]
#[case::cut_off(format!("{}  70 1 Ss 01", init()))]
#[case::a_word(format!("{}ps\n", init()))]
#[case::no_number(init().replace("12000", "12k00"))]
#[case::an_odd_time(init().replace("1-00:00:10", "yesterday"))]
#[case::an_odd_state(init().replace("Ss", "42"))]
fn what_is_no_table_is_a_fault(#[case] text: String) {
    for dialect in [
        Dialect::Procps,
        Dialect::Busybox,
        Dialect::SmallBusybox,
        Dialect::Mac,
    ] {
        assert!(table::parse(dialect, &text).is_err(), "{dialect:?}");
    }
}

#[tokio::test]
async fn what_is_not_told_is_left_out() {
    let rows = init() + &line(["70", "1", "S", "-", "-"], "nginx", "nginx");
    let facts = look(json!({"name": "nginx"}), move |_| Answer::ok(rows.clone()))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "count"), json!(1));
    assert_eq!(facts.get("oldest_age_s"), None);
    assert_eq!(facts.get("rss_bytes"), None);
}

#[tokio::test]
async fn letters_beyond_ascii_move_no_column() {
    let mut rows = init().into_bytes();
    rows.extend(b"     70       1 S          00:05   100 ");
    rows.extend(b"caf\xc3\xa9");
    rows.extend([b' '; 59]);
    rows.extend(b" /opt/caf\xc3\xa9 \xff --serve\n");
    let facts = look(
        json!({"pattern": r"^/opt/caf\?\? \? --serve$"}),
        move |_| Answer::ok(rows.clone()),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "count"), json!(1));
}

/// Where /proc is mounted with `hidepid=2`, process 1 is not in the list.
#[rstest]
#[case::seen(json!({"name": "nginx"}), Ok(1))]
#[case::not_seen(json!({"name": "mysqld"}), Err(FaultKind::Denied))]
#[tokio::test]
async fn hidden_processes_are_not_taken_for_none(
    #[case] options: serde_json::Value,
    #[case] expected: Result<usize, FaultKind>,
) {
    let seen = look(options, |_| Answer::ok(table().replacen(&init(), "", 1))).await;
    match expected {
        Ok(count) => {
            let facts = seen.expect("facts");
            assert_eq!(fact(&facts, "running"), json!(true));
            assert_eq!(facts.iter().count(), count, "nothing else is known");
        }
        Err(kind) => assert_eq!(seen.expect_err("a fault").kind, kind),
    }
}

#[rstest]
#[case::no_ps(Answer::fails(127, "sh: ps: not found"), FaultKind::Missing)]
#[case::another_ps(Answer::fails(1, "ps: invalid option -- 'o'"), FaultKind::Missing)]
#[case::no_proc(
    Answer::fails(1, "error: mount -t proc proc /proc"),
    FaultKind::Protocol
)]
#[case::garbage(Answer::ok("\u{fffd}\u{1b}[2J\n"), FaultKind::Protocol)]
#[case::endless(Answer::Endless, FaultKind::Protocol)]
#[case::hangs(Answer::Hang, FaultKind::TimedOut)]
#[case::cut_off(Answer::Cut { stdout: Vec::new() }, FaultKind::Closed)]
#[tokio::test]
async fn what_cannot_be_told_is_a_fault(#[case] answer: Answer, #[case] kind_of: FaultKind) {
    let fault = look(json!({"name": "nginx"}), move |_| answer.clone())
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
}

#[tokio::test]
async fn a_fault_shows_no_command_line() {
    let text = init() + "  70 1 S 00:01 100k nginx --password=hunter2\n";
    let fault = look(json!({"name": "nginx"}), move |_| Answer::ok(text.clone()))
        .await
        .expect_err("a fault");
    assert!(!fault.seen.contains("hunter2"), "{fault:?}");
}

#[rstest]
#[case::neither(json!({}), "")]
#[case::both(json!({"name": "a", "pattern": "b"}), "pattern")]
#[case::path(json!({"name": "/usr/sbin/nginx"}), "name")]
#[case::empty(json!({"name": ""}), "name")]
#[case::blank(json!({"name": " nginx"}), "name")]
#[case::not_ascii(json!({"name": "caf\u{e9}"}), "name")]
#[case::brackets(json!({"pattern": "a("}), "pattern")]
#[case::everything(json!({"pattern": "x*"}), "pattern")]
#[case::nothing(json!({"pattern": ""}), "pattern")]
#[case::huge(json!({"pattern": "((a{1000}){1000}){9}"}), "pattern")]
fn refuses_what_cannot_be_meant(#[case] options: serde_json::Value, #[case] path: &str) {
    let kind = kind::<Process>(options);
    let problems = Kind::problems(&kind, &target(host(22)), &Policy::default());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].path.join("."), path);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn looks_at_this_machine_and_not_at_itself() {
    let mut sleeps = std::process::Command::new("sleep")
        .arg("61.25")
        .spawn()
        .expect("sleep");
    let context = stage::local();
    let look = async |options| run(&kind::<Process>(options), &context).await;
    let sleeping = look(json!({"pattern": r"^sleep 61\.25$"})).await;
    let by_name = look(json!({"name": "sleep"})).await;
    // Tests beside this one run a `ps` of their own now and then; ours is there
    // each time, so one look that counts none proves that it is left out.
    let mut ours = json!(null);
    for _ in 0..50 {
        let facts = look(json!({"pattern": "comm:64="})).await.expect("facts");
        ours = fact(&facts, "count");
        if ours == json!(0) {
            break;
        }
    }
    sleeps.kill().expect("its end");
    sleeps.wait().expect("its end");
    let sleeping = sleeping.expect("facts");
    assert_eq!(fact(&sleeping, "count"), json!(1));
    assert!(
        fact(&sleeping, "oldest_age_s")
            .as_f64()
            .is_some_and(|age| age < 60.0)
    );
    assert_eq!(fact(&by_name.expect("facts"), "running"), json!(true));
    assert_eq!(ours, json!(0));
}
