use rstest::rstest;
use serde_json::{Value as Json, json};

use super::super::File;
use super::*;
use crate::probe::kinds::stage::{self, fact, host, kind, run, stage, target};
use crate::probe::{Kind as _, Policy};
use crate::servers::ssh::Answer;

const FOLDER: &str = "4096,1780656000,755,root,directory\n";
const FOUND: &str = "f 90 ext4 /etc/nginx/b\0f 34 ext4 /etc/nginx/a\0";

fn printed(stdout: &str, stderr: &str, status: u32) -> Answer {
    Answer::Exit {
        stdout: stdout.as_bytes().to_owned(),
        stderr: stderr.as_bytes().to_owned(),
        status,
    }
}

fn options() -> Json {
    json!({"path": "/etc/nginx", "content": "proxy_pass", "below": true})
}

async fn look(find: Answer, grep: Answer) -> Result<Facts, Fault> {
    let mut stage = stage(move |command| match command.split(' ').next() {
        Some("stat") => Answer::ok(FOLDER),
        Some("date") => Answer::ok("1780659600\n"),
        Some("find") => find.clone(),
        Some("grep") => grep.clone(),
        _ => Answer::fails(2, "unexpected"),
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    run(&kind::<File>(options()), &stage.context).await
}

#[tokio::test]
async fn tells_the_lines_of_all_files() {
    let found = "/etc/nginx/a\0  proxy_pass http://x;\n/etc/nginx/a\0# proxy_pass\r\n\
                 /etc/nginx/b\0proxy_pass http://y;\n";
    let facts = look(Answer::ok(FOUND), Answer::ok(found))
        .await
        .expect("facts");
    for (name, value) in [
        ("exists", json!(true)),
        ("kind", json!("directory")),
        (
            "lines",
            json!([
                "  proxy_pass http://x;",
                "# proxy_pass",
                "proxy_pass http://y;"
            ]),
        ),
        ("matched_files", json!(["/etc/nginx/a", "/etc/nginx/b"])),
        ("unread", json!([])),
        ("file_count", json!(2)),
        ("truncated", json!(false)),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
}

#[tokio::test]
async fn no_line_is_a_fact() {
    let facts = look(Answer::ok(FOUND), Answer::fails(1, ""))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "lines"), json!([]));
    assert_eq!(fact(&facts, "matched_files"), json!([]));
    assert_eq!(fact(&facts, "file_count"), json!(2));
}

/// With no file to look into, `grep` would read its standard input.
#[tokio::test]
async fn an_empty_folder_has_no_lines() {
    let facts = look(Answer::ok(""), Answer::Hang).await.expect("facts");
    assert_eq!(fact(&facts, "lines"), json!([]));
    assert_eq!(fact(&facts, "file_count"), json!(0));
}

#[tokio::test]
async fn what_cannot_be_read_is_told() {
    let find = printed(
        "f 9 ext4 /etc/nginx/a\0f 9 ext4 /etc/nginx/key.pem\0l 4 ext4 /etc/nginx/old\0\
         f 1048577 ext4 /etc/nginx/log\0f 1 ext4 /etc/nginx/two\nlines\0",
        "find: '/etc/nginx/ssl': Permission denied\n\
         find: File system loop detected; '/etc/nginx/x' is part of the same file system loop as '/etc/nginx'.\n\
         find: '/etc/nginx/self': Too many levels of symbolic links\n",
        1,
    );
    let grep = printed(
        "/etc/nginx/a\0proxy_pass\n",
        "stty: standard input\ngrep: /etc/nginx/key.pem: Permission denied\n",
        2,
    );
    let facts = look(find, grep).await.expect("facts");
    assert_eq!(fact(&facts, "lines"), json!(["proxy_pass"]));
    assert_eq!(fact(&facts, "file_count"), json!(1));
    assert_eq!(fact(&facts, "unread_count"), json!(6));
    assert_eq!(
        fact(&facts, "unread"),
        json!([
            "/etc/nginx/log: is larger than 1 MiB",
            "/etc/nginx/old: leads nowhere",
            "/etc/nginx/self: Too many levels of symbolic links",
            "/etc/nginx/ssl: Permission denied",
            "/etc/nginx/two\\nlines: has a name that cannot be asked for",
            "/etc/nginx/key.pem: Permission denied",
        ])
    );
}

#[rstest]
#[case::files(
    (0..=FILES).map(|n| format!("f 1 ext4 /etc/nginx/{n}\0")).collect(),
    Answer::Hang
)]
#[case::bytes(
    (0..17).map(|n| format!("f 1048576 ext4 /etc/nginx/{n}\0")).collect(),
    Answer::Hang
)]
#[case::their_names("f 1 ext4 /etc/nginx/a\0".repeat(1 << 17), Answer::Hang)]
#[case::lines(
    FOUND.to_owned(),
    Answer::ok("/etc/nginx/a\0proxy_pass\n".repeat(MOST / 10 + 1))
)]
#[case::more_lines_than_a_command_may_print(
    FOUND.to_owned(),
    Answer::EndsFirst { stdout: "/etc/nginx/a\0proxy_pass\n".repeat(1 << 17).into(), is_lost: false }
)]
#[tokio::test]
async fn of_too_much_no_line_is_told(#[case] find: String, #[case] grep: Answer) {
    let find = if find.len() > 1 << 20 {
        Answer::EndsFirst {
            stdout: find.into(),
            is_lost: false,
        }
    } else {
        Answer::ok(find)
    };
    let facts = look(find, grep).await.expect("facts");
    assert_eq!(fact(&facts, "truncated"), json!(true));
    for name in ["lines", "content", "matched_files", "unread", "file_count"] {
        assert_eq!(facts.get(name), None, "{name}");
    }
    // What the defaults ask for cannot be told then, and the card says why.
    for spec in [FILE_COUNT, UNREAD] {
        assert!(spec.because.contains(&"truncated"), "{}", spec.name);
    }
}

fn complaints_of(program: &str, count: usize) -> String {
    let quote = if program == "find" { "'" } else { "" };
    (0..count)
        .map(|n| format!("{program}: {quote}/etc/nginx/{n:030}{quote}: Permission denied\n"))
        .collect()
}

/// The status is told, and the last complaint is half a line or a whole one.
#[rstest]
#[case::of_find_within_a_line("find", 0)]
#[case::of_find_at_its_end("find", 128)]
#[case::of_grep_within_a_line("grep", 0)]
#[case::of_grep_at_its_end("grep", 128)]
#[tokio::test]
async fn of_complaints_that_are_cut_no_line_is_told(#[case] program: &str, #[case] each: usize) {
    let mut told = complaints_of(program, 20_000);
    if each > 0 {
        // Lines of which 1 MiB holds a whole number.
        let line = |line: &str| format!("{line:.<width$}\n", width = each - 1);
        told = told.lines().map(line).collect();
    }
    assert!(told.len() > 1 << 20, "{}", told.len());
    assert_eq!(told.as_bytes()[(1 << 20) - 1] == b'\n', each > 0);
    let (find, grep) = match program {
        "find" => (printed(FOUND, &told, 1), Answer::Hang),
        _ => (Answer::ok(FOUND), printed("", &told, 2)),
    };
    let facts = look(find, grep).await.expect("facts");
    assert_eq!(fact(&facts, "truncated"), json!(true));
    for name in ["lines", "content", "unread", "unread_count", "file_count"] {
        assert_eq!(facts.get(name), None, "{name}");
    }
}

#[rstest]
#[case::as_many_as_are_told(UNREAD_MOST, false)]
#[case::one_more(UNREAD_MOST + 1, true)]
#[tokio::test]
async fn of_more_that_is_unread_the_number_is_told(#[case] count: usize, #[case] is_cut: bool) {
    let find = printed(FOUND, &complaints_of("find", count), 1);
    let facts = look(find, Answer::fails(1, "")).await.expect("facts");
    assert_eq!(fact(&facts, "truncated"), json!(is_cut));
    assert_eq!(fact(&facts, "unread_count"), json!(count));
    for name in ["lines", "unread", "file_count"] {
        assert_eq!(facts.get(name).is_none(), is_cut, "{name}");
    }
}

/// A library behind `/etc/nginx/modules`, or a file with a hole that a crash left: what
/// `grep -a` prints of it is no line of a text.
#[tokio::test]
async fn a_file_that_is_no_text_is_told_and_its_lines_are_not() {
    let long = "x".repeat(MOST);
    let found = format!(
        "/etc/nginx/a\0proxy_pass http://x;\n/etc/nginx/b\0a proxy_pass\n\
         /etc/nginx/b\0\u{1}proxy_pass\0{long}\n"
    );
    let facts = look(Answer::ok(FOUND), Answer::ok(found))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "truncated"), json!(false));
    assert_eq!(fact(&facts, "lines"), json!(["proxy_pass http://x;"]));
    assert_eq!(fact(&facts, "matched_files"), json!(["/etc/nginx/a"]));
    assert_eq!(fact(&facts, "unread"), json!(["/etc/nginx/b: is no text"]));
    assert_eq!(fact(&facts, "file_count"), json!(1));
}

/// To read what the kernel makes may take from it, and may have no end.
#[tokio::test]
async fn what_the_kernel_makes_is_not_read() {
    let find = Answer::ok(
        "f 0 tracefs /etc/nginx/x/trace_pipe\0f 0 proc /etc/nginx/p/kmsg\0\
         f 0 proc /etc/nginx/p/1/stat\0f 1 fuse.sshfs /etc/nginx/a\0",
    );
    let facts = look(find, Answer::ok("/etc/nginx/a\0proxy_pass\n"))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "file_count"), json!(1));
    assert_eq!(
        fact(&facts, "unread"),
        json!([
            "/etc/nginx/p/1/stat: is made by the kernel (proc), as 1 more",
            "/etc/nginx/x/trace_pipe: is made by the kernel (tracefs)",
        ])
    );
}

#[rstest]
#[case::the_folder_itself(
    Answer::fails(1, "find: '/etc/nginx': Permission denied\n"),
    Answer::Hang,
    FaultKind::Denied,
    "/etc/nginx may not be looked at"
)]
#[case::busybox(
    Answer::fails(1, "find: unrecognized: -printf\n"),
    Answer::Hang,
    FaultKind::Protocol,
    "does not list"
)]
#[case::no_word(
    Answer::fails(1, ""),
    Answer::Hang,
    FaultKind::Protocol,
    "does not list"
)]
#[case::another_list(
    Answer::ok("/etc/nginx/a\n"),
    Answer::Hang,
    FaultKind::Protocol,
    "find on data188 printed"
)]
#[case::no_find(
    Answer::fails(127, ""),
    Answer::Hang,
    FaultKind::Missing,
    "there is no find"
)]
#[case::find_hangs(Answer::Hang, Answer::Hang, FaultKind::TimedOut, "")]
#[case::no_grep(
    Answer::ok(FOUND),
    Answer::fails(127, ""),
    FaultKind::Missing,
    "there is no grep"
)]
#[case::another_grep(
    Answer::ok(FOUND),
    Answer::fails(2, "grep: unrecognized option: null\n"),
    FaultKind::Protocol,
    "grep on data188 ended with status 2"
)]
#[case::grep_without_a_word(
    Answer::ok(FOUND),
    Answer::fails(2, ""),
    FaultKind::Protocol,
    "status 2"
)]
#[case::garbage(
    Answer::ok(FOUND),
    Answer::ok("\u{fffd}\n"),
    FaultKind::Protocol,
    "without its file"
)]
#[case::cut_off(
    Answer::ok(FOUND),
    Answer::Cut { stdout: b"/etc/nginx/a\0proxy".to_vec() },
    FaultKind::Closed,
    "cut off"
)]
#[case::grep_hangs(Answer::ok(FOUND), Answer::Hang, FaultKind::TimedOut, "")]
#[tokio::test]
async fn what_stands_in_the_way_is_a_fault(
    #[case] find: Answer,
    #[case] grep: Answer,
    #[case] kind_of: FaultKind,
    #[case] words: &str,
) {
    let fault = look(find, grep).await.expect_err("a fault");
    assert_eq!(fault.kind, kind_of, "{fault:?}");
    assert!(fault.seen.contains(words), "{fault}");
}

#[rstest]
#[case::of_no_lines(json!({"path": "/etc/nginx", "below": true}), "below")]
#[case::of_all_lines(json!({"path": "/etc/nginx", "content": true, "below": true}), "below")]
#[case::of_any_line(json!({"path": "/etc/nginx", "content": " ", "below": true}), "content")]
#[case::of_two_lines(json!({"path": "/etc/nginx", "content": "a\nb", "below": true}), "content")]
#[case::no_path(json!({"path": "etc/nginx", "content": "a", "below": true}), "path")]
#[tokio::test]
async fn refuses_to_print_whatever_is_there(#[case] options: Json, #[case] path: &str) {
    let problems = kind::<File>(options).problems(&target(host(22)), &Policy::default());
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, [path]);
}

/// A text that a program would take for a flag is none, and none is refused.
#[rstest]
#[case("-D")]
#[case("--devices=read")]
#[case("a 'quoted' $word")]
fn any_text_can_be_looked_for(#[case] text: &str) {
    let options = json!({"path": "/etc/nginx", "content": text, "below": true});
    let problems = kind::<File>(options).problems(&target(host(22)), &Policy::default());
    assert_eq!(problems, []);
}

#[test]
fn by_itself_it_expects_a_file_and_to_have_read_all() {
    let defaults = kind::<File>(options()).defaults();
    assert_eq!(defaults.require, ["exists", "file_count > 0"]);
    assert_eq!(defaults.prefer, ["size(unread) == 0"]);
    let of_a_file = kind::<File>(json!({"path": "/etc/nginx/a", "content": "a"}));
    assert_eq!(of_a_file.defaults().require, ["exists"]);
    assert_eq!(of_a_file.defaults().prefer, <[&str; 0]>::default());
}

#[rstest]
#[case(0, &[])]
#[case(1, &[1])]
#[case(40, &[40])]
#[case(1000, &[318, 318, 318, 46])]
fn one_command_takes_so_many(#[case] count: usize, #[case] sizes: &[usize]) {
    let files: Vec<String> = (0..count).map(|n| format!("/{n:099}")).collect();
    let chunks = chunks(&files);
    let seen: Vec<usize> = chunks.iter().map(|chunk| chunk.len()).collect();
    assert_eq!(seen, sizes);
    assert_eq!(chunks.concat(), files);
}

#[tokio::test]
async fn the_audit_shows_what_the_plan_told() {
    let stage = stage(|command| match command.split(' ').next() {
        Some("stat") => Answer::ok(FOLDER),
        Some("date") => Answer::ok("1780659600\n"),
        Some("readlink") => Answer::ok("/etc/nginx-1.2\n"),
        Some("find") => Answer::ok("f 1 ext4 /etc/nginx/EACH\0"),
        _ => Answer::fails(1, ""),
    })
    .await;
    let mut options = options();
    options["resolve"] = json!(true);
    let file = kind::<File>(options);
    let planned = file.requests(&stage.context.target, &Policy::default());
    let mut planned: Vec<String> = planned.into_iter().map(|request| request.text).collect();
    let facts = run(&file, &stage.context).await.expect("facts");
    assert_eq!(fact(&facts, "resolved"), json!("/etc/nginx-1.2"));
    let mut sent = stage.server.log.lines();
    planned.sort();
    sent.sort();
    assert_eq!(sent, planned);
}

/// nginx's layout, with what else may be in a folder: fifos, devices, loops, links to nothing.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn looks_through_this_machine() {
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name);
    for folder in ["sites-available", "sites-enabled", "it's deep"] {
        std::fs::create_dir(at(folder)).expect("a folder");
    }
    let site = "server {\n    proxy_pass http://10.0.0.1:32334;\n}\n";
    std::fs::write(at("sites-available/a"), site).expect("a file");
    std::fs::write(at("it's deep/b c"), "# proxy_pass http://10.0.0.2\n").expect("a file");
    std::fs::write(at("key.pem"), "a secret\n").expect("a file");
    symlink("../sites-available/a", at("sites-enabled/a")).expect("a link");
    symlink("gone", at("sites-enabled/old")).expect("a link");
    symlink("..", at("sites-enabled/loop")).expect("a link");
    symlink("/dev/zero", at("zero")).expect("a link");
    symlink("/proc/sys/kernel/random", at("random")).expect("a link");
    std::fs::write(at("module.so"), b"\x7fELF\0proxy_pass\0\nproxy_pass\n").expect("a file");
    let fifo = std::process::Command::new("mkfifo")
        .arg(at("fifo"))
        .status();
    assert!(fifo.expect("mkfifo").success());
    let options = json!({"path": dir.path(), "content": "proxy_pass", "below": true});
    let facts = run(&kind::<File>(options), &stage::local())
        .await
        .expect("facts");
    assert_eq!(
        fact(&facts, "lines"),
        json!([
            "# proxy_pass http://10.0.0.2",
            "    proxy_pass http://10.0.0.1:32334;",
            "    proxy_pass http://10.0.0.1:32334;",
        ])
    );
    assert_eq!(
        fact(&facts, "matched_files"),
        json!([
            at("it's deep/b c"),
            at("sites-available/a"),
            at("sites-enabled/a")
        ])
    );
    let unread = fact(&facts, "unread");
    let unread: Vec<&str> = unread
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Json::as_str)
        .collect();
    let whys = [
        "/random/boot_id: is made by the kernel (proc), as ",
        "/sites-enabled/old: leads nowhere",
        "/module.so: is no text",
    ];
    assert_eq!(unread.len(), whys.len(), "{unread:?}");
    for (told, why) in unread.iter().zip(whys) {
        assert!(told.contains(why), "{told}");
    }
    assert_eq!(fact(&facts, "file_count"), json!(4));
}
