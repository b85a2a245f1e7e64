use rstest::rstest;
use serde_json::{Value as Json, json};

use super::*;
use crate::probe::kinds::stage::{NOW, fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

/// As rclone 1.60 prints it; Google's documents have no size.
const FILES: &str = r#"[
{"Path":"empty","Name":"empty","Size":-1,"ModTime":"2026-06-05T01:44:56.446702746Z","IsDir":true},
{"Path":"gitea","Name":"gitea","Size":-1,"ModTime":"2026-06-05T01:44:56.446702746Z","IsDir":true},
{"Path":"gitea/data/dd","Name":"dd","Size":200,"ModTime":"2026-06-05T03:44:56.5+08:00","IsDir":false},
{"Path":"gitea/new","Name":"new","Size":42,"ModTime":"2026-06-05T10:44:56Z","IsDir":false},
{"Path":"top","Name":"top","Size":0,"ModTime":"2026-06-01T00:00:00Z","IsDir":false}
]
"#;

fn snapshot(path: &str, letter: char, time: &str) -> String {
    let id = letter.to_string().repeat(64);
    format!(
        r#"{{"Path":"{path}snapshots/{id}","Name":"{id}","Size":2,"ModTime":"{time}","IsDir":false}}"#
    )
}

async fn look(options: Json, answer: Answer) -> Result<Facts, Fault> {
    let mut stage = stage(move |command| {
        if command.starts_with("date") {
            Answer::ok(format!("{NOW}\n"))
        } else {
            answer.clone()
        }
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    run(&kind::<Rclone>(options), &stage.context).await
}

#[tokio::test]
async fn tells_what_is_there() {
    let facts = look(json!({"remote": "gdrive:backups"}), Answer::ok(FILES))
        .await
        .expect("facts");
    for (name, value) in [
        ("files", json!(3)),
        ("total_size_bytes", json!(242)),
        ("newest", json!("gitea/new")),
        ("newest_at", json!("2026-06-05T10:44:56Z")),
        ("newest_age_s", json!(608)),
        ("oldest_at", json!("2026-06-01T00:00:00Z")),
        ("directories", json!(["empty", "gitea"])),
        ("directory_count", json!(2)),
        ("files_in", json!({"empty": 0, "gitea": 2})),
        ("snapshots", json!(null)),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
}

#[rstest]
#[case::no_size(
    r#"[{"Path":"doc","Size":-1,"ModTime":"2026-06-01T00:00:00Z","IsDir":false}]"#,
    1
)]
#[case::no_time(r#"[{"Path":"doc","Size":7,"ModTime":"","IsDir":false}]"#, 1)]
#[case::nothing("[\n]\n", 0)]
#[tokio::test]
async fn what_is_not_known_is_left_out(#[case] printed: &'static str, #[case] files: u32) {
    let facts = look(json!({"remote": "gdrive:"}), Answer::ok(printed))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "files"), json!(files));
    let whole = facts.get("total_size_bytes").is_some() && facts.get("newest_at").is_some();
    assert!(!whole, "{facts:?}");
}

#[tokio::test]
async fn a_snapshot_without_a_byte_is_none() {
    let empty = |path, letter| {
        snapshot(path, letter, "2026-06-05T01:00:00Z").replace("\"Size\":2", "\"Size\":0")
    };
    let listed = [
        snapshot("momo/", 'b', "2026-06-04T01:00:00Z"),
        empty("momo/", 'c'),
        empty("gitea/", 'a'),
        // Of what the remote does not know the size, it may be whole.
        snapshot("harbor/", 'd', "2026-06-05T01:00:00Z").replace("\"Size\":2", "\"Size\":-1"),
    ];
    let options = json!({"remote": "gdrive:b", "repositories": ["gitea", "momo", "harbor"]});
    let rclone = kind::<Rclone>(options.clone());
    let facts = look(options, Answer::ok(format!("[{}]", listed.join(","))))
        .await
        .expect("facts");
    for (name, value) in [
        ("snapshots", json!({"gitea": 0, "momo": 1, "harbor": 1})),
        ("missing", json!(["gitea"])),
        ("too_many", json!([])),
        (
            "empty_snapshots",
            json!(["gitea/snapshots/aaaaaaaa", "momo/snapshots/cccccccc"]),
        ),
        (
            "newest_snapshot_at",
            json!({"momo": "2026-06-04T01:00:00Z", "harbor": "2026-06-05T01:00:00Z"}),
        ),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
    let required = rclone.defaults().require;
    assert!(
        required.contains(&"size(empty_snapshots) == 0".to_owned()),
        "{required:?}"
    );
}

#[tokio::test]
async fn counts_the_snapshots_of_repositories() {
    let listed = [
        snapshot("gitea/", 'a', "2026-06-05T01:00:00Z"),
        snapshot("momo/", 'b', "2026-06-04T01:00:00Z"),
        snapshot("momo/", 'c', "2026-06-03T01:00:00Z"),
        snapshot("giteax/", 'd', "2026-06-05T09:00:00Z"),
        r#"{"Path":"harbor/snapshots/half.partial","Size":1,"ModTime":"","IsDir":false}"#
            .to_owned(),
        r#"{"Path":"harbor/snapshots","Size":-1,"ModTime":"","IsDir":true}"#.to_owned(),
    ];
    let listed = Answer::ok(format!("[{}]", listed.join(",\n")));
    let options = |names: &[&str]| json!({"remote": "gdrive:b", "repositories": names});
    let facts = look(
        options(&["gitea", "momo", "harbor", "nowhere"]),
        listed.clone(),
    )
    .await
    .expect("facts");
    for (name, value) in [
        (
            "snapshots",
            json!({"gitea": 1, "momo": 2, "harbor": 0, "nowhere": 0}),
        ),
        ("snapshot_latest_only", json!(false)),
        ("missing", json!(["harbor", "nowhere"])),
        ("too_many", json!(["momo"])),
        (
            "newest_snapshot_at",
            json!({"gitea": "2026-06-05T01:00:00Z", "momo": "2026-06-04T01:00:00Z"}),
        ),
        ("oldest_repository_newest_at", json!(null)),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
    let facts = look(options(&["gitea", "/momo/"]), listed)
        .await
        .expect("facts");
    assert_eq!(
        fact(&facts, "oldest_repository_newest_at"),
        json!("2026-06-04T01:00:00Z")
    );
    let itself = Answer::ok(format!("[{}]", snapshot("", 'a', "2026-06-05T01:00:00Z")));
    let facts = look(options(&["."]), itself).await.expect("facts");
    assert_eq!(fact(&facts, "snapshot_latest_only"), json!(true));
}

#[rstest]
#[case::no_folder(
    3,
    "2026/11/21 12:44:56 ERROR : : error listing: directory not found\n2026/11/21 12:44:56 Failed to lsjson with 2 errors: last error was: error in ListJSON: directory not found\n",
    FaultKind::Missing,
    "no such folder",
    "Failed to lsjson with 2 errors"
)]
#[case::no_remote(
    1,
    "2026/11/21 12:44:56 NOTICE: Config file \"/nope.conf\" not found - using defaults\n2026/11/21 12:44:56 Failed to create file system for \"loc:\": didn't find section in config file\n",
    FaultKind::Missing,
    "listremotes",
    "Failed to create"
)]
#[case::not_obscured(
    1,
    "2026/11/21 12:44:56 Failed to create file system for \"w:\": couldn't decrypt password: input too short when revealing password - is it obscured?\n",
    FaultKind::Denied,
    "rclone obscure -",
    "Failed to create file system"
)]
#[case::token(
    1,
    "2026/11/21 12:44:56 Failed to create file system for \"gdrive:\": couldn't find root directory ID: Get \"https://www.googleapis.com/drive/v3/files/root\": couldn't fetch token: invalid_grant: maybe token expired?\n",
    FaultKind::Denied,
    "config reconnect",
    "invalid_grant"
)]
#[case::encrypted(
    1,
    "2026/11/21 12:44:56 Failed to load config file \"/c\": unable to decrypt configuration and not allowed to ask for password - set RCLONE_CONFIG_PASS to your configuration password\n",
    FaultKind::Denied,
    "config_password",
    "decrypt"
)]
#[case::refused(
    1,
    "Failed to lsjson: dial tcp 127.0.0.1:1: connect: connection refused\n",
    FaultKind::Refused,
    "does not run",
    "dial"
)]
#[case::denied(
    1,
    "ERROR : : error reading source directory: open /r: permission denied\n",
    FaultKind::Denied,
    "who may read",
    "permission"
)]
#[case::quota(
    1,
    "googleapi: Error 403: User Rate Limit Exceeded., userRateLimitExceeded\n",
    FaultKind::Protocol,
    "slows",
    "googleapi"
)]
#[case::status_alone(3, "", FaultKind::Missing, "no such folder", "status 3")]
#[case::other(7, "the moon is down\n", FaultKind::Protocol, "", "moon")]
#[case::no_program(127, "", FaultKind::Missing, "", "no rclone")]
#[tokio::test]
async fn what_rclone_complains_of_is_a_fault_with_a_next_step(
    #[case] status: u32,
    #[case] stderr: &'static str,
    #[case] of: FaultKind,
    #[case] hint: &str,
    #[case] seen: &str,
) {
    let fault = look(json!({"remote": "gdrive:b"}), Answer::fails(status, stderr))
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, of, "{fault:?}");
    assert!(
        fault.hint.clone().unwrap_or_default().contains(hint),
        "{fault:?}"
    );
    assert!(
        fault.seen.contains(seen) && !fault.seen.contains("2026/"),
        "{fault:?}"
    );
}

#[tokio::test]
async fn no_login_of_an_address_is_shown() {
    let said = "2026/11/21 12:44:56 Failed to lsjson: Propfind \"https://me:hunt/er22@nas/x\": dial tcp 10.0.0.1:443: connect: connection refused\n";
    let fault = look(json!({"remote": "dav:b"}), Answer::fails(1, said)).await;
    let fault = fault.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Refused, "{fault:?}");
    assert!(fault.seen.contains("\"https://***@nas/x\""), "{fault:?}");
}

#[rstest]
#[case::broke_off(Answer::Exit { stdout: FILES.into(), stderr: b"ERROR : x: error listing: directory not found\n".to_vec(), status: 3 }, FaultKind::Missing)]
#[case::half(Answer::ok("[\n{\"Path\":\"a\""), FaultKind::Protocol)]
#[case::garbage(Answer::ok("hello\n"), FaultKind::Protocol)]
#[case::nothing(Answer::ok(""), FaultKind::Protocol)]
#[case::cut_off(Answer::Cut { stdout: FILES.into() }, FaultKind::Closed)]
#[case::hangs(Answer::Hang, FaultKind::TimedOut)]
#[tokio::test]
async fn no_whole_listing_is_a_fault(#[case] answer: Answer, #[case] of: FaultKind) {
    let fault = look(json!({"remote": "gdrive:b"}), answer)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, of, "{fault:?}");
}

#[rstest]
#[case::plain(json!({"remote": "gdrive:b"}), "rclone lsjson gdrive:b --recursive --no-mimetype '--ask-password=false'")]
#[case::all(
    json!({"remote": "gdrive:b", "sudo": true, "config": "/root/.config/rclone/rclone.conf", "config_password": "env:P", "times": false, "fast_list": true, "max_depth": 2, "include": ["*.gz", "/x/**"]}),
    "RCLONE_CONFIG_PASS=*** sudo '--preserve-env=RCLONE_CONFIG_PASS' -n rclone lsjson gdrive:b --recursive --no-mimetype '--ask-password=false' --no-modtime --fast-list --config /root/.config/rclone/rclone.conf --max-depth 2 --include '*.gz' --include '/x/**'"
)]
#[case::repositories(
    json!({"remote": "gdrive:b", "repositories": ["gitea", "a/b/", "."]}),
    "rclone lsjson gdrive:b --recursive --no-mimetype '--ask-password=false' --include '/gitea/snapshots/*' --include '/a/b/snapshots/*' --include '/snapshots/*'"
)]
fn asks_so(#[case] options: Json, #[case] line: &str) {
    let mut here = host(22);
    here.local = true;
    let requests = kind::<Rclone>(options).requests(&target(here), &Policy::default());
    assert_eq!(requests[0].text, line);
}

#[rstest]
#[case::no_name(json!({"remote": " "}), "no name")]
#[case::settings(json!({"remote": ":sftp,ssh=x:/"}), "name a configured remote")]
#[case::config(json!({"remote": "a:", "config": "rclone.conf"}), "absolute")]
#[case::a_foreign_config(json!({"remote": "a:", "config": "/tmp/rclone.conf"}), "can name a program")]
#[case::a_pattern(json!({"remote": "a:", "repositories": ["*"]}), "no folder")]
#[case::both(json!({"remote": "a:", "repositories": ["x"], "include": "y"}), "nothing else")]
#[case::of_none(json!({"remote": "a:", "latest_only": true}), "no repositories")]
fn problems_of_options(#[case] options: Json, #[case] message: &str) {
    let problems = kind::<Rclone>(options).problems(&target(host(22)), &Policy::default());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.contains(message), "{problems:?}");
}

#[test]
fn defaults_go_by_what_is_asked() {
    let defaults = |options| kind::<Rclone>(options).defaults().require;
    assert_eq!(defaults(json!({"remote": "a:"})), ["files > 0"]);
    assert_eq!(
        defaults(json!({"remote": "a:", "repositories": ["x"], "latest_only": true})),
        [
            "size(missing) == 0",
            "size(empty_snapshots) == 0",
            "snapshot_latest_only"
        ]
    );
}
