use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{self, NOW, fact, kind, run, stage};
use crate::servers::ssh::Answer;

const PROC: &str = "\
/proc/sys/kernel/random/boot_id:6f2b3c1e-8a64-4a0e-9c57-0d2f6f4b8e11
/proc/sys/kernel/hostname:data188
/proc/sys/kernel/osrelease:6.1.0-37-amd64
/proc/uptime:3725.18 14512.02
/proc/loadavg:1.50 0.75 0.25 2/812 40213
/proc/meminfo:MemTotal:       16384000 kB
/proc/meminfo:MemFree:          512000 kB
/proc/meminfo:MemAvailable:    4096000 kB
/proc/meminfo:HugePages_Total:       0
/proc/stat:cpu  10 0 10 100 0 0 0 0 0 0
/proc/stat:cpu0 5 0 5 50 0 0 0 0 0 0
/proc/stat:cpu1 5 0 5 50 0 0 0 0 0 0
/proc/stat:intr 1 2 3
/proc/stat:btime 1780653179
";

const SYSCTL: &str = "\
kern.bootsessionuuid: 0E9B1F0A-7D0C-4E0B-8F2B-0C5B5D7F1A11
kern.hostname: laptop.lan
kern.osrelease: 25.1.0
kern.boottime: { sec = 1780653179, usec = 123 } Fri Jun  5 17:52:59 2026
vm.loadavg: { 1.50 0.75 0.25 }
hw.ncpu: 8
hw.memsize: 17179869184
";

fn answers(date: &'static str) -> impl Fn(&str) -> Answer {
    move |command| match command.split(' ').next() {
        Some("grep") => Answer::ok(PROC),
        Some("date") => Answer::ok(date),
        _ => Answer::fails(127, "timeout: failed to run command"),
    }
}

#[test]
fn reads_what_linux_tells() {
    let told = Told::from_proc(PROC);
    assert_eq!(
        told.boot_id.as_deref(),
        Some("6f2b3c1e-8a64-4a0e-9c57-0d2f6f4b8e11")
    );
    assert_eq!(told.hostname.as_deref(), Some("data188"));
    assert_eq!(told.kernel.as_deref(), Some("6.1.0-37-amd64"));
    assert_eq!(told.uptime, Some(3725.18));
    assert_eq!(told.booted_at, Some(1_780_653_179));
    assert_eq!(told.load, Some([1.5, 0.75, 0.25]));
    assert_eq!(told.cores, Some(2));
    assert_eq!(told.memory_total, Some(16_384_000.0 * 1024.0));
    assert_eq!(told.memory_available, Some(4_096_000.0 * 1024.0));
}

#[test]
fn reads_what_a_mac_tells() {
    let told = Told::from_sysctl(SYSCTL);
    assert_eq!(told.booted_at, Some(1_780_653_179));
    assert_eq!(told.load, Some([1.5, 0.75, 0.25]));
    assert_eq!(
        (told.cores, told.memory_total),
        (Some(8), Some(17_179_869_184.0))
    );
    assert_eq!(told.hostname.as_deref(), Some("laptop.lan"));
    assert_eq!((told.uptime, told.memory_available), (None, None));
}

#[rstest]
#[case::empty("")]
#[case::garbage(
    "\u{0}\u{fffd}\nno colon here\n:\n/proc/uptime:\n/proc/loadavg:a b c\n/proc/meminfo:MemTotal: many kB\n/proc/stat:btime soon\n"
)]
#[case::errors("grep: /proc/uptime: No such file or directory\n")]
fn what_is_not_told_is_absent(#[case] text: &str) {
    let mut facts = Facts::new();
    Told::from_proc(text).set(&mut facts);
    finish(&mut facts);
    assert_eq!(facts, Facts::new());
}

#[rstest]
#[case("1780656904.250000000\n", Some((1_780_656_904, 250_000_000)))]
#[case::a_mac("1780656904.N\n", Some((1_780_656_904, 500_000_000)))]
#[case("yesterday\n", None)]
#[case("", None)]
fn reads_a_date(#[case] text: &str, #[case] expected: Option<(i64, i32)>) {
    assert_eq!(
        parse_date(text),
        expected.map(|(s, n)| Timestamp::new(s, n).expect("a time"))
    );
}

#[rstest]
#[case::in_the_middle_of_a_round_trip("10.000", "10.600", 600, -0.3)]
#[case::ahead("17.000", "10.600", 600, 6.7)]
#[case::at_the_longest("10.000", "12.000", 2000, -1.0)]
#[case::slow_and_asked_at_its_beginning("10.000", "20.200", 10_200, 0.0)]
#[case::slow_and_asked_at_its_end("20.100", "20.200", 10_200, 0.0)]
#[case::slow_and_ahead("27.000", "20.200", 10_200, 6.8)]
#[case::slow_and_behind("3.000", "20.200", 10_200, -7.0)]
fn the_way_there_is_no_skew(
    #[case] host: &str,
    #[case] now: &str,
    #[case] elapsed: u64,
    #[case] expected: f64,
) {
    let [host, now] = [host, now].map(|text| {
        let nanoseconds = text.replace('.', "") + "000000";
        Timestamp::from_nanosecond(nanoseconds.parse().expect("a number")).expect("a time")
    });
    let skew = skew(host, now, Duration::from_millis(elapsed));
    assert!((skew - expected).abs() < 1e-9, "{skew}");
}

#[tokio::test]
async fn logs_in_and_looks() {
    let stage = stage(answers("1780656894.000000000\n")).await;
    let facts = run(&kind::<Ssh>(json!({})), &stage.context)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "host_key"), json!(stage.server.fingerprint()));
    assert_eq!(
        fact(&facts, "boot_id"),
        json!("6f2b3c1e-8a64-4a0e-9c57-0d2f6f4b8e11")
    );
    assert_eq!(fact(&facts, "booted_at"), json!("2026-06-05T09:52:59Z"));
    assert_eq!(fact(&facts, "load_per_core"), json!(0.75));
    assert_eq!(fact(&facts, "load15_per_core"), json!(0.125));
    assert_eq!(fact(&facts, "memory_available_percent"), json!(25));
    for name in ["connect_ms", "login_ms"] {
        assert!(
            fact(&facts, name).as_f64().is_some_and(|ms| ms > 0.0),
            "{name}"
        );
    }
    // The operator's clock stands at NOW; half of the round trip is ours.
    let skew = fact(&facts, "clock_skew_s").as_f64().expect("a skew");
    assert!((-10.0..-4.0).contains(&skew), "{skew} with {NOW}");
    assert_eq!(stage.server.log.connections(), 1);
}

#[tokio::test]
async fn sends_what_it_said_it_would() {
    let stage = stage(answers("1\n")).await;
    let ssh: Ssh = kind(json!({}));
    run(&ssh, &stage.context).await.expect("facts");
    let planned = ssh.requests(&stage.context.target, &stage.context.transports.policy);
    let mut planned: Vec<String> = planned
        .into_iter()
        .filter(|request| request.protocol == "ssh-exec")
        .map(|request| request.text)
        .collect();
    let mut sent = stage.server.log.lines();
    planned.sort();
    sent.sort();
    assert_eq!(sent, planned);
}

#[rstest]
#[case::runs_nothing(Answer::Refuse)]
#[case::no_such_programs(Answer::fails(127, "timeout: failed to run command"))]
#[case::garbage(Answer::ok("\u{fffd}\n\n:::"))]
#[tokio::test]
async fn a_login_is_enough(#[case] answer: Answer) {
    let stage = stage(move |_| answer.clone()).await;
    let facts = run(&kind::<Ssh>(json!({})), &stage.context)
        .await
        .expect("the login is the observation");
    assert_eq!(fact(&facts, "host_key"), json!(stage.server.fingerprint()));
    assert_eq!(facts.get("boot_id"), None);
    assert_eq!(facts.get("clock_skew_s"), None);
}

#[rstest]
#[case::hangs(Answer::Hang, FaultKind::TimedOut)]
#[case::lost(Answer::Disconnect, FaultKind::Closed)]
#[tokio::test]
async fn a_host_that_stops_answering_is_a_fault(
    #[case] answer: Answer,
    #[case] kind_of: FaultKind,
) {
    let mut stage = stage(move |_| answer.clone()).await;
    stage.context.target.timeout = std::time::Duration::from_secs(2);
    let fault = run(&kind::<Ssh>(json!({})), &stage.context)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind_of);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_operator_s_own_machine_has_no_login() {
    let facts = run(&kind::<Ssh>(json!({})), &stage::local())
        .await
        .expect("facts");
    assert_eq!(facts.get("connect_ms"), None);
    assert!(
        fact(&facts, "cores")
            .as_f64()
            .is_some_and(|cores| cores >= 1.0)
    );
    assert!(fact(&facts, "boot_id").is_string());
}

#[tokio::test]
async fn other_checks_go_through_the_host() {
    let mut stage = stage(|_| Answer::ok("")).await;
    stage.context.target.via = stage.context.target.host.clone();
    let port = stage.server.address.port();
    let connection = stage
        .context
        .connect("127.0.0.1", port)
        .await
        .expect("a tunnel");
    assert_eq!(connection.peer, format!("127.0.0.1:{port}"));
    let mut banner = [0; 8];
    let mut stream = connection.stream;
    let read = tokio::io::AsyncReadExt::read_exact(&mut stream, &mut banner);
    tokio::time::timeout(std::time::Duration::from_secs(30), read)
        .await
        .expect("an end")
        .expect("a banner");
    assert_eq!(&banner, b"SSH-2.0-");
    assert_eq!(
        stage.server.log.logins(),
        1,
        "the banner is read, nobody logs in again"
    );
}

#[rstest]
#[case::found(Answer::ok("data188.lan\n"), json!(true), json!("data188.lan"), json!(null))]
#[case::not_found(
    Answer::fails(1, "stty: standard input\nhostname: Name or service not known\n"),
    json!(false),
    json!(null),
    json!("hostname: Name or service not known")
)]
#[tokio::test]
async fn the_host_s_own_name_is_asked_for(
    #[case] answer: Answer,
    #[case] resolves: serde_json::Value,
    #[case] name: serde_json::Value,
    #[case] error: serde_json::Value,
) {
    let others = answers("1780656904.0\n");
    let stage = stage(move |command| match command {
        "hostname -f" => answer.clone(),
        other => others(other),
    })
    .await;
    let ssh = kind::<Ssh>(json!({"own_name": true}));
    assert_eq!(Kind::defaults(&ssh).require, ["name_resolves"]);
    let facts = run(&ssh, &stage.context).await.expect("facts");
    assert_eq!(fact(&facts, "name_resolves"), resolves);
    assert_eq!(fact(&facts, "full_name"), name);
    assert_eq!(fact(&facts, "name_error"), error);
    assert_eq!(fact(&facts, "hostname"), json!("data188"));
    let planned = ssh.requests(&stage.context.target, &Policy::default());
    assert!(
        planned
            .iter()
            .any(|sent| sent.text.ends_with(" hostname -f"))
    );
}

/// As `hostname` is when no name server answers: it waits longer than the check does.
#[rstest]
#[case::until_the_end_of_the_check(Answer::Hang)]
#[case::as_timeout_ends_it(Answer::fails(124, ""))]
#[tokio::test]
async fn a_silent_name_server_is_an_answer(#[case] answer: Answer) {
    let others = answers("1780656904.0\n");
    let mut stage = stage(move |command| match command {
        "hostname -f" => answer.clone(),
        other => others(other),
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    let ssh = kind::<Ssh>(json!({"own_name": true}));
    let facts = run(&ssh, &stage.context).await.expect("facts");
    assert_eq!(fact(&facts, "name_resolves"), json!(false));
    assert_eq!(
        fact(&facts, "name_error"),
        json!("`hostname -f` had no answer in 5 s, as where no name server answers")
    );
    assert_eq!(fact(&facts, "full_name"), json!(null));
    for (name, value) in [("hostname", json!("data188")), ("uptime_s", json!(3725.18))] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
    assert!(facts.get("clock_skew_s").is_some());
}

/// A host that has gone silent says nothing of its name servers.
#[rstest]
#[case::frozen(Answer::Freeze)]
#[case::dropped(Answer::Disconnect)]
#[tokio::test]
async fn a_lost_connection_says_nothing_of_the_name(#[case] answer: Answer) {
    let others = answers("1780656904.0\n");
    let mut stage = stage(move |command| match command {
        "hostname -f" => answer.clone(),
        other => others(other),
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    let ssh = kind::<Ssh>(json!({"own_name": true}));
    let fault = run(&ssh, &stage.context).await.expect_err("a fault");
    assert!(fault.connection.is_some(), "{fault:?}");
}

#[rstest]
#[case::no_program(Answer::fails(127, ""), FaultKind::Missing)]
#[case::nothing(Answer::ok("\n"), FaultKind::Protocol)]
#[case::no_word(Answer::fails(1, ""), FaultKind::Protocol)]
#[case::another(
    Answer::fails(2, "hostname: unrecognized option\n"),
    FaultKind::Protocol
)]
#[case::cut_off(Answer::Cut { stdout: b"data".to_vec() }, FaultKind::Closed)]
#[tokio::test]
async fn what_is_not_told_of_the_name_is_a_fault(#[case] answer: Answer, #[case] of: FaultKind) {
    let others = answers("1780656904.0\n");
    let stage = stage(move |command| match command {
        "hostname -f" => answer.clone(),
        other => others(other),
    })
    .await;
    let ssh = kind::<Ssh>(json!({"own_name": true}));
    let fault = run(&ssh, &stage.context).await.expect_err("a fault");
    assert_eq!(fault.kind, of, "{fault:?}");
}
