use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{self, NOW, fact, kind, run, stage};
use crate::servers::ssh::Answer;

fn printed(stdout: &str, stderr: &str, status: u32) -> Answer {
    Answer::Exit {
        stdout: stdout.into(),
        stderr: stderr.into(),
        status,
    }
}

async fn of_a_file(options: serde_json::Value, stat: Answer, tail: Answer) -> Result<Facts, Fault> {
    let stage = stage(move |command| match command.split(' ').next() {
        Some("stat") => stat.clone(),
        // A pipeline goes through a shell.
        Some("sh") => tail.clone(),
        Some("date") => Answer::ok(format!("{NOW}\n")),
        _ => Answer::fails(2, "unexpected"),
    })
    .await;
    run(&kind::<Log>(options), &stage.context).await
}

async fn of_a_container(options: serde_json::Value, logs: Answer) -> Result<Facts, Fault> {
    let stage = stage(move |command| match command.split(' ').next() {
        Some("docker" | "podman" | "sudo") => logs.clone(),
        Some("date") => Answer::ok(format!("{NOW}\n")),
        _ => Answer::fails(2, "unexpected"),
    })
    .await;
    run(&kind::<Log>(options), &stage.context).await
}

fn stat(size: usize) -> Answer {
    Answer::ok(format!("{size},{},640,root,regular file\n", NOW - 60))
}

#[tokio::test]
async fn the_end_of_a_file() {
    let tail = Answer::ok("one\ntwo \u{1b}[31mred\u{1b}[0m\r\nlast");
    let facts = of_a_file(json!({"path": "/var/log/x"}), stat(30), tail)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "exists"), true);
    assert_eq!(fact(&facts, "lines"), json!(["one", "two red", "last"]));
    assert_eq!(fact(&facts, "truncated"), false);
    assert_eq!(fact(&facts, "newest"), "2026-06-05T10:54:04Z");
    assert_eq!(fact(&facts, "newest_age_s"), 60);
    assert_eq!(fact(&facts, "host_now"), "2026-06-05T10:55:04Z");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_a_fact() {
    let absent = printed(
        "",
        "stat: cannot statx '/x': No such file or directory\n",
        1,
    );
    let facts = of_a_file(json!({"path": "/x"}), absent, Answer::ok(""))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "exists"), false);
    assert_eq!(facts.get("line_count"), None);
}

#[rstest]
// The last lines were asked for, and they are there.
#[case(5_000_000, "a\nb\nc\n", 3, false)]
// Of a long file the bound gave fewer.
#[case(5_000_000, "a\nb\n", 3, true)]
#[case(4, "a\nb\n", 3, false)]
#[tokio::test]
async fn lines_of_a_file_are_whole_when_there_are_as_many_as_asked_for(
    #[case] size: usize,
    #[case] text: &str,
    #[case] lines: u32,
    #[case] truncated: bool,
) {
    let options = json!({"path": "/x", "lines": lines});
    let facts = of_a_file(options, stat(size), Answer::ok(text))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "truncated"), truncated);
}

#[tokio::test]
async fn a_line_that_the_bound_cut_is_left_out() {
    let text = format!("{}\nlast\n", "x".repeat(BYTES + 1 - 6));
    assert_eq!(text.len(), BYTES + 1);
    let facts = of_a_file(json!({"path": "/x"}), stat(5_000_000), Answer::ok(text))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "lines"), json!(["last"]));
    assert_eq!(fact(&facts, "truncated"), true);
}

#[rstest]
#[case::unreadable(
    stat(9),
    printed(
        "",
        "tail: cannot open '/var/log/x' for reading: Permission denied\n",
        0
    ),
    FaultKind::Denied,
    "/var/log/x may not be read: tail: cannot open '/var/log/x' for reading: Permission denied"
)]
#[case::gone(
    stat(9),
    printed(
        "",
        "tail: cannot open '/var/log/x' for reading: No such file or directory\n",
        0
    ),
    FaultKind::Protocol,
    "/var/log/x may not be read: tail: cannot open '/var/log/x' for reading: No such file or directory"
)]
#[case::hidden(
    printed("", "stat: cannot statx '/var/log/x': Permission denied\n", 1),
    Answer::ok(""),
    FaultKind::Denied,
    "/var/log/x may not be looked at: stat: cannot statx '/var/log/x': Permission denied"
)]
#[case::fifo(
    Answer::ok("0,1,640,root,fifo\n"),
    Answer::Hang,
    FaultKind::Protocol,
    "/var/log/x is a fifo and no file"
)]
#[tokio::test]
async fn a_file_that_cannot_be_read_is_a_fault(
    #[case] stat: Answer,
    #[case] tail: Answer,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let fault = of_a_file(json!({"path": "/var/log/x"}), stat, tail)
        .await
        .expect_err("a fault");
    assert_eq!((fault.kind, fault.seen.as_str()), (kind, seen));
}

#[tokio::test]
async fn both_outputs_of_a_container_are_told_in_their_order() {
    let logs = printed(
        "2026-06-05T10:54:50.000000001Z first\n2026-06-05T10:54:52.5Z third\nhalf of it\n",
        "2026-06-05T10:54:51.2Z \u{1b}[33msecond\u{1b}[0m\n2026-06-05T10:54:54Z\n",
        0,
    );
    let facts = of_a_container(json!({"container": "web"}), logs)
        .await
        .expect("facts");
    assert_eq!(
        fact(&facts, "lines"),
        json!(["first", "second", "third", "half of it", ""])
    );
    assert_eq!(fact(&facts, "newest"), "2026-06-05T10:54:54Z");
    assert_eq!(fact(&facts, "newest_age_s"), 10);
    assert_eq!(fact(&facts, "truncated"), false);
}

#[tokio::test]
async fn podman_tells_its_own_zone() {
    let logs = Answer::ok("2026-06-05T18:54:54.123456789+08:00 全部排程任務已註冊\n");
    let options =
        json!({"container": "momo-scheduler", "engine": "podman", "match": "全部排程任務已註冊"});
    let facts = of_a_container(options, logs).await.expect("facts");
    assert_eq!(fact(&facts, "missing"), json!([]));
    assert_eq!(fact(&facts, "newest"), "2026-06-05T10:54:54.123456789Z");
}

#[tokio::test]
async fn more_lines_of_a_container_than_are_looked_at_are_noticed() {
    let logs = printed(
        "2026-06-05T10:54:50Z a\n2026-06-05T10:54:52Z c\n",
        "2026-06-05T10:54:51Z b\n",
        0,
    );
    let options = json!({"container": "web", "lines": 2, "absent": "a"});
    let facts = of_a_container(options, logs).await.expect("facts");
    assert_eq!(fact(&facts, "truncated"), true);
    assert_eq!(fact(&facts, "line_count"), 2);
    assert_eq!(facts.get("unwanted"), None);
}

#[tokio::test]
async fn errors_of_a_container_are_kept_as_far_as_its_output() {
    let line = format!("2026-06-05T10:54:50Z {}\n", "x".repeat(979));
    let logs = printed("", &line.repeat(200), 0);
    let facts = of_a_container(json!({"container": "web"}), logs)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "line_count"), 200);
    assert_eq!(fact(&facts, "truncated"), false);
}

#[tokio::test]
async fn of_a_flood_the_age_is_not_told() {
    let line = format!("2026-06-05T10:54:50Z {}\n", "x".repeat(979));
    let options = json!({"container": "web", "lines": 20000});
    let facts = of_a_container(options, printed(&line.repeat(1200), "", 0))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "truncated"), true);
    assert_eq!(facts.get("newest_age_s"), None, "the newest was cut off");
}

#[rstest]
#[case("Error response from daemon: No such container: web\n")]
#[case("Error: No such container: web\n")]
#[case("Error: no container with name or ID \"web\" found: no such container\n")]
#[tokio::test]
async fn a_container_that_is_not_there_is_a_fact(#[case] stderr: &str) {
    let facts = of_a_container(json!({"container": "web"}), printed("", stderr, 1))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "exists"), false);
    assert_eq!(facts.get("line_count"), None);
}

#[rstest]
#[case(
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock\n",
    1,
    FaultKind::Denied,
    "the login may not ask docker on data188 for the log of web: permission denied"
)]
#[case(
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
    1,
    FaultKind::Refused,
    "docker does not run on data188: Cannot connect"
)]
#[case(
    "Error response from daemon: configured logging driver does not support reading\n",
    1,
    FaultKind::Protocol,
    "docker on data188 gives no log of web: Error response"
)]
#[case(
    "sudo: a password is required\n",
    1,
    FaultKind::Denied,
    "sudo on data188: sudo: a password"
)]
#[case(
    "sh: docker: not found\n",
    127,
    FaultKind::Missing,
    "there is no docker on data188"
)]
#[case(
    "",
    1,
    FaultKind::Protocol,
    "docker on data188 gives no log of web: no word of why"
)]
#[tokio::test]
async fn what_stands_in_the_way_is_a_fault(
    #[case] stderr: &str,
    #[case] status: u32,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let fault = of_a_container(json!({"container": "web"}), printed("", stderr, status))
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault:?}");
    assert!(fault.seen.starts_with(seen), "{fault:?}");
}

/// What a container printed about something else is not its engine's word.
#[tokio::test]
async fn a_containers_own_words_are_no_refusal() {
    let logs = printed("", "2026-06-05T10:54:50Z open: permission denied\n", 0);
    let facts = of_a_container(json!({"container": "web"}), logs)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "lines"), json!(["open: permission denied"]));
}

#[tokio::test]
async fn a_hung_engine_is_a_fault() {
    let mut stage = stage(|_| Answer::Hang).await;
    stage.context.target.timeout = std::time::Duration::from_secs(2);
    let fault = run(&kind::<Log>(json!({"container": "web"})), &stage.context)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::TimedOut);
}

#[rstest]
#[case(json!({"path": "/var/log/a b"}), r"sh -c 'tail -c 1000001 '\''/var/log/a b'\'' | tail -n 200'")]
#[case(json!({"container": "web", "since": "6h", "match": "x"}), "docker logs --timestamps '--since=21600s' '--tail=5001' web")]
#[case(json!({"container": "web", "engine": "podman", "sudo": true, "lines": 9}), "sudo -n podman logs --timestamps '--since=3600s' '--tail=10' web")]
#[tokio::test]
async fn what_is_planned_is_sent(#[case] options: serde_json::Value, #[case] expected: &str) {
    let stage = stage(|command| match command.split(' ').next() {
        Some("stat") => stat(0),
        _ => Answer::ok(""),
    })
    .await;
    let log = kind::<Log>(options);
    let target = &stage.context.target;
    assert_eq!(log.problems(target, &Policy::default()), []);
    run(&log, &stage.context).await.expect("facts");
    let requests = log.requests(target, &Policy::default());
    let mut planned: Vec<String> = requests.into_iter().map(|request| request.text).collect();
    let mut sent = stage.server.log.lines();
    planned.sort();
    sent.sort();
    assert_eq!(sent, planned);
    assert!(
        sent.iter().any(|sent| sent.ends_with(expected)),
        "{sent:#?}"
    );
}

#[rstest]
#[case(json!({}), "", "it names no log")]
#[case(json!({"path": "/x", "container": "y"}), "container", "a log is of a file or of a container")]
#[case(json!({"path": "x"}), "path", "\"x\" is not an absolute path")]
#[case(json!({"path": "/x", "since": "1h"}), "since", "the lines of a file have no time that could be told")]
#[case(json!({"path": "/x", "engine": "docker"}), "engine", "a file is of no container")]
#[case(json!({"path": "/x", "sudo": true}), "sudo", "a file is read by the login itself")]
#[case(json!({"path": "/dev/watchdog"}), "", "reading /dev/watchdog does something to the host")]
#[case(json!({"container": "-f"}), "container", "\"-f\" is no name of a container")]
#[case(json!({"container": "a b"}), "container", "\"a b\" is no name of a container")]
fn options_that_make_no_sense(
    #[case] options: serde_json::Value,
    #[case] path: &str,
    #[case] message: &str,
) {
    let target = stage::target(stage::host(22));
    let problems = kind::<Log>(options).problems(&target, &Policy::default());
    let [problem] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!(
        (problem.path.join("."), problem.message.as_str()),
        (path.to_owned(), message)
    );
}

#[tokio::test]
async fn a_file_of_this_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.log");
    std::fs::write(&path, "one\ntwo\nthree\n").expect("a file");
    let log = kind::<Log>(json!({"path": path, "lines": 2}));
    let facts = run(&log, &stage::local()).await.expect("facts");
    assert_eq!(fact(&facts, "lines"), json!(["two", "three"]));
    assert_eq!(fact(&facts, "truncated"), false);
}
