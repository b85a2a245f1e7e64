use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{self, fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

const STAT: &str = "17,1780656000,644,root,regular file\n";

async fn look(options: serde_json::Value, stat: Answer, head: Answer) -> Result<Facts, Fault> {
    let mut stage = stage(move |command| match command.split(' ').next() {
        Some("stat") => stat.clone(),
        Some("date") => Answer::ok("1780659600\n"),
        Some("head") => head.clone(),
        _ => Answer::fails(2, "unexpected"),
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    run(&kind::<File>(options), &stage.context).await
}

#[tokio::test]
async fn tells_a_file() {
    let facts = look(
        json!({"path": "/etc/hosts"}),
        Answer::ok(STAT),
        Answer::Hang,
    )
    .await
    .expect("facts");
    for (name, value) in [
        ("exists", json!(true)),
        ("kind", json!("file")),
        ("size_bytes", json!(17)),
        ("modified", json!("2026-06-05T10:40:00Z")),
        ("age_s", json!(3600)),
        ("host_now", json!("2026-06-05T11:40:00Z")),
        ("mode", json!("644")),
        ("owner", json!("root")),
        ("content", json!(null)),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
}

#[rstest]
#[case("0,0,600,root,regular empty file", Some("file"))]
#[case("4096,0,755,root,directory", Some("directory"))]
#[case("0,0,660,root,block special file", Some("block device"))]
#[case("0,0,660,root,fifo", Some("fifo"))]
#[case::a_mac("4096,0,755,root,Directory", Some("directory"))]
#[case::another_kind("0,0,755,root,weird file", None)]
#[case::a_word("stat", None)]
#[case::no_number("x,0,755,root,directory", None)]
#[case::empty("", None)]
fn reads_stat(#[case] line: &str, #[case] kind: Option<&str>) {
    assert_eq!(Stat::parse(line).ok().map(|stat| stat.kind), kind);
}

#[rstest]
#[case::missing("stat: cannot statx '/x': No such file or directory\n")]
#[case::below_a_file("stat: cannot statx '/x': Not a directory\n")]
#[tokio::test]
async fn what_is_not_there_is_a_fact(#[case] complaint: &'static str) {
    let facts = look(
        json!({"path": "/x", "content": true}),
        Answer::fails(1, complaint),
        Answer::Hang,
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "exists"), json!(false));
    assert_eq!(facts.iter().count(), 1, "nothing else is known");
}

#[rstest]
#[case::all(json!(true), json!("ok 1\nbad 2\n"), json!(["ok 1", "bad 2"]))]
#[case::some(json!("ok"), json!("ok 1"), json!(["ok 1"]))]
#[case::no_line(json!("absent"), json!(""), json!([]))]
#[tokio::test]
async fn reads_when_asked(
    #[case] content: serde_json::Value,
    #[case] text: serde_json::Value,
    #[case] lines: serde_json::Value,
) {
    let facts = look(
        json!({"path": "/x", "content": content}),
        Answer::ok(STAT),
        Answer::ok("ok 1\nbad 2\n"),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "content"), text);
    assert_eq!(fact(&facts, "lines"), lines);
    assert_eq!(fact(&facts, "truncated"), json!(false));
}

#[tokio::test]
async fn a_long_file_is_cut_and_says_so() {
    let facts = look(
        json!({"path": "/x", "content": true}),
        Answer::ok(STAT),
        Answer::ok(vec![b'x'; MOST + 1]),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "truncated"), json!(true));
    assert_eq!(fact(&facts, "content").as_str().map(str::len), Some(MOST));
}

#[tokio::test]
async fn lines_of_a_cut_file_cannot_be_told() {
    let facts = look(
        json!({"path": "/x", "content": "ERROR"}),
        Answer::ok(STAT),
        Answer::ok(vec![b'x'; MOST + 1]),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "truncated"), json!(true));
    assert_eq!(fact(&facts, "content"), json!(null));
    assert_eq!(fact(&facts, "lines"), json!(null));
}

#[tokio::test]
async fn an_age_that_cannot_be_is_absent() {
    let facts = look(
        json!({"path": "/x"}),
        Answer::ok("0,-9223372036854775808,600,root,regular file\n"),
        Answer::Hang,
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "age_s"), json!(null));
}

#[tokio::test]
async fn a_directory_is_not_read() {
    let facts = look(
        json!({"path": "/x", "content": true}),
        Answer::ok("4096,0,755,root,directory\n"),
        Answer::Hang,
    )
    .await
    .expect("facts");
    assert_eq!(facts.get("content"), None);
}

#[rstest]
#[case::denied(
    Answer::fails(1, "stat: cannot statx '/x': Permission denied\n"),
    Answer::Hang,
    FaultKind::Denied
)]
#[case::unreadable(
    Answer::ok(STAT),
    Answer::fails(1, "head: cannot open '/x' for reading: Permission denied\n"),
    FaultKind::Denied
)]
#[case::broken_disk(
    Answer::fails(1, "stat: cannot statx '/x': Structure needs cleaning\n"),
    Answer::Hang,
    FaultKind::Protocol
)]
#[case::garbage(Answer::ok("\u{fffd}\n"), Answer::Hang, FaultKind::Protocol)]
#[case::missing_program(
    Answer::fails(127, "timeout: failed to run command"),
    Answer::Hang,
    FaultKind::Missing
)]
#[case::cut_off(Answer::Cut { stdout: Vec::new() }, Answer::Hang, FaultKind::Closed)]
#[case::hangs(Answer::Hang, Answer::Hang, FaultKind::TimedOut)]
#[case::hangs_while_read(Answer::ok(STAT), Answer::Hang, FaultKind::TimedOut)]
#[tokio::test]
async fn what_cannot_be_looked_at_is_a_fault(
    #[case] stat: Answer,
    #[case] head: Answer,
    #[case] kind_of: FaultKind,
) {
    let fault = look(json!({"path": "/x", "content": true}), stat, head)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
}

#[rstest]
#[case("relative/path", Some("/relative/path"))]
#[case("./x", Some("/x"))]
#[case("/a\nb", None)]
fn refuses_what_is_no_path(#[case] path: &str, #[case] suggestion: Option<&str>) {
    let problems = Kind::problems(
        &kind::<File>(json!({"path": path})),
        &target(host(22)),
        &Policy::default(),
    );
    assert_eq!(problems[0].path, ["path"]);
    assert_eq!(problems[0].suggestion.as_deref(), suggestion);
}

#[rstest]
#[case::leads_on(Answer::ok(STAT), Answer::ok("/usr/bin/python3.11\n"), json!("/usr/bin/python3.11"))]
#[case::is_not_there(
    Answer::fails(1, "stat: cannot statx '/x': No such file or directory\n"),
    Answer::fails(1, ""),
    json!(null)
)]
#[tokio::test]
async fn tells_where_a_path_leads(
    #[case] stat: Answer,
    #[case] readlink: Answer,
    #[case] resolved: serde_json::Value,
) {
    let stage = stage(move |command| match command.split(' ').next() {
        Some("stat") => stat.clone(),
        Some("readlink") => readlink.clone(),
        _ => Answer::ok("1780659600\n"),
    })
    .await;
    let facts = run(
        &kind::<File>(json!({"path": "/x", "resolve": true})),
        &stage.context,
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "resolved"), resolved);
}

#[tokio::test]
async fn where_a_path_leads_is_told_or_a_fault() {
    let stage = stage(|command| match command.split(' ').next() {
        Some("stat") => Answer::ok(STAT),
        Some("readlink") => Answer::fails(1, "readlink: /x: Permission denied\n"),
        _ => Answer::ok("1780659600\n"),
    })
    .await;
    let file = kind::<File>(json!({"path": "/x", "resolve": true}));
    let fault = run(&file, &stage.context).await.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Denied);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn follows_links_of_this_machine() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, link) = (dir.path().join("python3.11"), dir.path().join("python3"));
    std::fs::write(&path, "").expect("a file");
    std::os::unix::fs::symlink("python3.11", &link).expect("a link");
    let facts = run(
        &kind::<File>(json!({"path": link, "resolve": true})),
        &stage::local(),
    )
    .await
    .expect("facts");
    let path = path.canonicalize().expect("a path");
    assert_eq!(fact(&facts, "resolved"), json!(path));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn looks_at_this_machine() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("mark");
    std::fs::write(&path, "done\n").expect("a file");
    let facts = run(
        &kind::<File>(json!({"path": path, "content": true})),
        &stage::local(),
    )
    .await
    .expect("facts");
    assert_eq!(fact(&facts, "content"), json!("done\n"));
    assert!(
        fact(&facts, "age_s")
            .as_f64()
            .is_some_and(|age| (-1.0..600.0).contains(&age))
    );
}
