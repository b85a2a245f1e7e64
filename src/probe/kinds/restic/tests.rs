use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{NOW, Stage, fact, host, kind, run, stage, target};
use crate::probe::{Audit, Secrets, SshEnvironment, Transports};
use crate::servers::ssh::Answer;

/// As 0.14 prints them.
const ONE: &str = r#"[{"time":"2026-06-05T02:00:12.785954165+08:00","tree":"681defe6","paths":["/data/gitea"],"hostname":"gitea","username":"root","tags":["nightly"],"id":"94f1279c30945a344648599cc34ae722ffa7d7e99fecee7e904280db0cadd915","short_id":"94f1279c"}]
"#;
/// As 0.18 prints them.
const THREE: &str = r#"[{"time":"2026-06-04T18:00:12Z","parent":"0f","tree":"6","paths":["/b","/a"],"hostname":"h1","username":"root","uid":0,"gid":0,"program_version":"restic 0.18.0","summary":{"backup_start":"2026-06-04T18:00:12Z","files_new":1,"data_added":544},"id":"1111111111945a344648599cc34ae722ffa7d7e99fecee7e904280db0cadd915","short_id":"11111111"},
{"time":"2026-06-03T18:00:12Z","tree":"6","paths":["/a","/b"],"hostname":"h1","username":"root","id":"22222222","short_id":"22222222"},
{"time":"2026-06-01T18:00:12Z","tree":"6","paths":["/a"],"hostname":"h2","username":"root","tags":["x"],"id":"3333333333"}]
"#;
const ID: &str = "df56f7748011f5424db872224d7d89eb2aa6b73782979357e14ac1b5922e064f";
const LOCK: &str = "{\n  \"time\": \"2026-06-05T10:44:48.850647046Z\",\n  \"exclusive\": true,\n  \"hostname\": \"gitea\",\n  \"username\": \"root\",\n  \"pid\": 23619\n}\n";

async fn answering(snapshots: Answer, locks: Answer, lock: Answer, others: Answer) -> Stage {
    let mut stage = stage(move |command| {
        if command.contains("restic snapshots") {
            snapshots.clone()
        } else if command.contains("restic list locks") {
            locks.clone()
        } else if command.contains("restic cat lock") {
            lock.clone()
        } else if command.starts_with("date") {
            Answer::ok(format!("{NOW}\n"))
        } else {
            others.clone()
        }
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    stage
}

fn options(more: serde_json::Value) -> serde_json::Value {
    let mut options = json!({"repository": "/backup/gitea", "password_file": "/p"});
    if let (Some(all), serde_json::Value::Object(more)) = (options.as_object_mut(), more) {
        all.extend(more);
    }
    options
}

async fn look(more: serde_json::Value, snapshots: Answer, locks: Answer) -> Result<Facts, Fault> {
    let none = Answer::fails(1, "unexpected\n");
    let stage = answering(snapshots, locks, Answer::ok(LOCK), none).await;
    run(&kind::<Restic>(options(more)), &stage.context).await
}

#[tokio::test]
async fn one_snapshot_and_no_lock() {
    let facts = look(json!({}), Answer::ok(ONE), Answer::ok(""))
        .await
        .expect("facts");
    for (name, value) in [
        ("snapshots", json!(1)),
        ("groups", json!(1)),
        ("most_in_group", json!(1)),
        ("fewest_in_group", json!(1)),
        ("newest_at", json!("2026-06-04T18:00:12.785954165Z")),
        (
            "oldest_group_newest_at",
            json!("2026-06-04T18:00:12.785954165Z"),
        ),
        ("newest_age_s", json!(60_892)),
        ("newest_id", json!("94f1279c")),
        ("newest_host", json!("gitea")),
        ("hosts", json!(["gitea"])),
        ("paths", json!(["/data/gitea"])),
        ("tags", json!(["nightly"])),
        ("unreadable", json!([])),
        ("warnings", json!([])),
        ("locks", json!(0)),
        ("lock_holders", json!([])),
        ("oldest_lock_at", json!(null)),
        ("check_ok", json!(null)),
        ("total_size_bytes", json!(null)),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
}

#[rstest]
#[case::as_forget_has_it(json!({}), 2, 2, 1, "2026-06-01T18:00:12Z")]
#[case::by_host(json!({"group_by": ["host"]}), 2, 2, 1, "2026-06-01T18:00:12Z")]
#[case::by_tags(json!({"group_by": ["tags"]}), 2, 2, 1, "2026-06-01T18:00:12Z")]
#[case::all_in_one(json!({"group_by": []}), 1, 3, 3, "2026-06-04T18:00:12Z")]
#[case::all_apart(json!({"group_by": ["host", "paths", "tags"]}), 2, 2, 1, "2026-06-01T18:00:12Z")]
#[tokio::test]
async fn counts_by_group(
    #[case] more: serde_json::Value,
    #[case] groups: u32,
    #[case] most: u32,
    #[case] fewest: u32,
    #[case] furthest_behind: &str,
) {
    let facts = look(more, Answer::ok(THREE), Answer::ok(""))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "snapshots"), json!(3));
    assert_eq!(fact(&facts, "groups"), json!(groups));
    assert_eq!(fact(&facts, "most_in_group"), json!(most));
    assert_eq!(fact(&facts, "fewest_in_group"), json!(fewest));
    assert_eq!(
        fact(&facts, "oldest_group_newest_at"),
        json!(furthest_behind)
    );
    assert_eq!(fact(&facts, "oldest_at"), json!("2026-06-01T18:00:12Z"));
    assert_eq!(fact(&facts, "hosts"), json!(["h1", "h2"]));
    assert_eq!(fact(&facts, "newest_id"), json!("11111111"));
}

#[rstest]
#[case("[]\n")]
#[case("null\n")]
#[case("repository 1234 opened successfully, password is correct\n[]\n")]
#[tokio::test]
async fn an_empty_repository_has_none(#[case] printed: &'static str) {
    let facts = look(json!({}), Answer::ok(printed), Answer::ok(""))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "snapshots"), json!(0));
    assert_eq!(fact(&facts, "groups"), json!(0));
    assert_eq!(facts.get("most_in_group"), None);
    assert_eq!(facts.get("newest_at"), None);
}

/// Each line as that version prints it, beside one whole snapshot and status 0.
#[rstest]
#[case::v0_9(
    "Ignoring \"56c17514f8ad85451bb4be440a1aac375260eb66b02abe6bda9345de32a20f68\", could not load snapshot: load <snapshot/56c17514f8>: invalid data returned"
)]
#[case::v0_14(
    "could not load snapshot 94f1279c: load <snapshot/94f1279c30>: invalid data returned"
)]
#[case::v0_16(
    "Ignoring \"124da6101f1c8cd5eb1f1a9f0a0e0a47a4a4d5ba1b3ac8f2a5a25e1a5c5b8b5e\": failed to load snapshot 124da610: load <snapshot/124da6101f>: invalid data returned"
)]
#[case::v0_16_of_b2(
    "Ignoring \"8ef7bef0e2\": failed to load snapshot 8ef7bef0: no shard headers could be fetched"
)]
#[case::v0_18(
    "Ignoring \"33b18e677cf0b071c304dd04c9555584ac72c27ee1d010d3dfb57a369bc2a6f7\": failed to load snapshot 33b18e67: LoadRaw(<snapshot/33b18e677c>): invalid data returned"
)]
#[case::in_json(
    "{\"message_type\":\"error\",\"error\":{\"message\":\"failed to load snapshot 33b18e67: LoadRaw(<snapshot/33b18e677c>): invalid data returned\"}}"
)]
#[case::in_other_json("{\"level\":\"warn\",\"text\":\"snapshot 33b18e67 is corrupted\"}")]
#[case::bare("Ignoring \"124da610\": ciphertext verification failed")]
#[case::reworded("Skipping snapshot 124da610: the file is empty")]
#[case::reworded_again("Warning: unable to decode Snapshot 124da610")]
#[tokio::test]
async fn a_snapshot_that_restic_passes_over_is_unreadable(#[case] line: &str) {
    let damaged = Answer::Exit {
        stdout: ONE.into(),
        stderr: format!("some warning\n{line}\n").into_bytes(),
        status: 0,
    };
    let facts = look(json!({}), damaged, Answer::ok(""))
        .await
        .expect("facts");
    let unreadable = fact(&facts, "unreadable");
    assert_eq!(unreadable.as_array().map(Vec::len), Some(1), "{unreadable}");
    assert_eq!(fact(&facts, "warnings"), json!(["some warning"]));
    let defaults = kind::<Restic>(options(json!({}))).defaults();
    assert!(
        defaults
            .require
            .contains(&"size(unreadable) == 0".to_owned())
    );
}

/// What is said on the way to a snapshot that is loaded in the end, and of other things.
#[rstest]
#[case::again(
    "Load(<snapshot/8ef7bef0e2>, 0, 0) returned error, retrying after 363.072704ms: file_state_unknown"
)]
#[case::in_the_end("Load(<snapshot/8ef7bef0e2>, 0, 0) operation successful after 1 retries")]
#[case::cache(
    "found 2 old cache directories in /root/.cache/restic, run `restic cache --cleanup` to remove them"
)]
#[case::rclone("rclone: 2026/11/21 12:44:56 ERROR : snapshots/8ef7: Post request get error: EOF")]
#[case::ssh("subprocess ssh: Warning: failed to add nas to the list, snapshots/ stays")]
#[case::banner("Welcome to nas, an invalid login is an error")]
#[tokio::test]
async fn other_complaints_are_warnings(#[case] line: &str) {
    let warned = Answer::Exit {
        stdout: ONE.into(),
        stderr: format!("{line}\n").into_bytes(),
        status: 0,
    };
    let facts = look(json!({}), warned, Answer::ok(""))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "unreadable"), json!([]));
    assert_eq!(fact(&facts, "warnings"), json!([line]));
}

#[rstest]
#[case::one(format!("{ID}\n"), Answer::ok(LOCK), json!(1), json!(["root@gitea process 23619 since 2026-06-05T10:44:48Z, exclusive"]), json!("2026-06-05T10:44:48.850647046Z"))]
#[case::gone_meanwhile(format!("{ID}\n"), Answer::fails(1, "Fatal: open /r/locks/df: no such file or directory\n"), json!(0), json!([]), json!(null))]
#[case::unreadable(format!("{ID}\n"), Answer::fails(1, "Fatal: ciphertext verification failed\n"), json!(1), json!([]), json!(null))]
#[case::garbage(format!("{ID}\n"), Answer::ok("{}"), json!(1), json!([]), json!(null))]
#[case::many(format!("{ID}\n").repeat(6), Answer::ok(LOCK), json!(6), json!(null), json!(null))]
#[tokio::test]
async fn tells_locks(
    #[case] list: String,
    #[case] lock: Answer,
    #[case] locks: serde_json::Value,
    #[case] holders: serde_json::Value,
    #[case] oldest: serde_json::Value,
) {
    let none = Answer::fails(1, "unexpected\n");
    let stage = answering(Answer::ok(ONE), Answer::ok(list), lock, none).await;
    let facts = run(&kind::<Restic>(options(json!({}))), &stage.context)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "locks"), locks);
    if !holders.is_null() {
        assert_eq!(fact(&facts, "lock_holders"), holders);
    }
    assert_eq!(fact(&facts, "oldest_lock_at"), oldest);
    // All are the same one here.
    assert_eq!(fact(&facts, "newest_lock_at"), oldest);
}

/// The clock of who wrote the second was wrong: the oldest lock alone would look young.
#[tokio::test]
async fn a_lock_of_a_time_to_come_is_told() {
    let other = "22dc6f4d6f1b7b4d5a9a2b1d3e7c8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";
    let to_come = LOCK.replace("2026-06-05", "2036-06-05");
    let snapshots = Answer::ok(ONE);
    let mut stage = stage(move |command| {
        if command.starts_with("date") {
            Answer::ok(format!("{NOW}\n"))
        } else if command.contains("restic list locks") {
            Answer::ok(format!("{ID}\n{other}\n"))
        } else if command.contains(other) {
            Answer::ok(to_come.clone())
        } else if command.contains("restic cat lock") {
            Answer::ok(LOCK)
        } else {
            snapshots.clone()
        }
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    let probe = kind::<Restic>(options(json!({})));
    let facts = run(&probe, &stage.context).await.expect("facts");
    assert_eq!(fact(&facts, "locks"), json!(2));
    assert_eq!(
        fact(&facts, "oldest_lock_at"),
        json!("2026-06-05T10:44:48.850647046Z")
    );
    assert_eq!(
        fact(&facts, "newest_lock_at"),
        json!("2036-06-05T10:44:48.850647046Z")
    );
    let preferred = probe.defaults().prefer;
    let held = "locks == 0 || newest_lock_at - now < duration('5m')".to_owned();
    assert!(preferred.contains(&held), "{preferred:?}");
}

#[rstest]
#[case::good(Answer::ok("no errors were found\n"), json!(true), json!([]))]
#[case::damaged(
    Answer::fails(1, "error: error loading index e3: load <index/e3>: invalid data returned\nFatal: LoadIndex returned errors\n"),
    json!(false),
    json!(["error: error loading index e3: load <index/e3>: invalid data returned", "Fatal: LoadIndex returned errors"])
)]
#[tokio::test]
async fn checks_when_asked_to(
    #[case] answer: Answer,
    #[case] ok: serde_json::Value,
    #[case] errors: serde_json::Value,
) {
    let stage = answering(Answer::ok(ONE), Answer::ok(""), Answer::ok(LOCK), answer).await;
    let checked = kind::<Restic>(options(json!({"check": true})));
    let facts = run(&checked, &stage.context).await.expect("facts");
    assert_eq!(fact(&facts, "check_ok"), ok);
    assert_eq!(fact(&facts, "check_errors"), errors);
    assert!(checked.defaults().require.contains(&"check_ok".to_owned()));
}

#[rstest]
#[case::told("{\"total_size\":544,\"total_blob_count\":3,\"snapshots_count\":1}\n", Some(json!(544)))]
#[case::garbage("{\"total_size\":\"many\"}\n", None)]
#[tokio::test]
async fn tells_what_it_stores(
    #[case] printed: &'static str,
    #[case] size: Option<serde_json::Value>,
) {
    let (snapshots, none) = (Answer::ok(ONE), Answer::ok(""));
    let stage = answering(snapshots, none, Answer::ok(LOCK), Answer::ok(printed)).await;
    let stats = kind::<Restic>(options(json!({"stats": true, "locks": false})));
    match (run(&stats, &stage.context).await, size) {
        (Ok(facts), Some(size)) => {
            assert_eq!(fact(&facts, "total_size_bytes"), size);
            assert_eq!(facts.get("locks"), None);
        }
        (Err(fault), None) => assert_eq!(fault.kind, FaultKind::Protocol),
        (seen, size) => panic!("{seen:?}, not {size:?}"),
    }
}

/// Texts of 0.14 without a status of their own, then those of 0.17 and after.
#[rstest]
#[case::nothing_there(
    1,
    "Fatal: unable to open config file: stat nope/config: no such file or directory\nIs there a repository at the following location?\nnope\n",
    FaultKind::Missing,
    "there is no repository at this place"
)]
#[case::wrong_password(
    1,
    "Fatal: wrong password or no key found\n",
    FaultKind::Denied,
    "none of the repository's"
)]
#[case::no_password_file(
    1,
    "Resolving password failed: Fatal: /p does not exist\n",
    FaultKind::Missing,
    "the file of `password_file`"
)]
#[case::empty_password(
    1,
    "Fatal: an empty password is not a password\n",
    FaultKind::LocalSetup,
    "is empty"
)]
#[case::no_server(
    1,
    "Fatal: unable to open config file: client.Head: Head \"http://127.0.0.1:1/config\": dial tcp 127.0.0.1:1: connect: connection refused\nIs there a repository at the following location?\nrest:http://127.0.0.1:1/\n",
    FaultKind::Refused,
    "does not run"
)]
#[case::no_name(
    1,
    "Fatal: unable to open config file: dial tcp: lookup nas.lan: no such host\n",
    FaultKind::Unresolved,
    "resolve"
)]
#[case::no_answer(
    1,
    "Fatal: unable to open config file: dial tcp 10.0.0.1:8000: i/o timeout\n",
    FaultKind::TimedOut,
    "does not answer"
)]
#[case::no_way(
    1,
    "Fatal: dial tcp 10.0.0.1:8000: connect: no route to host\n",
    FaultKind::Unreachable,
    "no way"
)]
#[case::sftp(
    1,
    "subprocess ssh: Host key verification failed.\nFatal: unable to open repository at sftp:nas:/x: unable to start the sftp session, error: EOF\n",
    FaultKind::HostKey,
    "known_hosts"
)]
#[case::denied(
    1,
    "Fatal: unable to open repository at /r: ReadDir: open /r/keys: permission denied\n",
    FaultKind::Denied,
    "who may read"
)]
#[case::s3(
    1,
    "Fatal: unable to open config file: Stat: The Access Key Id you provided does not exist. InvalidAccessKeyId\n",
    FaultKind::Denied,
    "credentials"
)]
#[case::rclone(
    1,
    "rclone: 2026/11/21 12:44:56 Failed to create file system for \"nope:x\": didn't find section in config file\nFatal: unable to open repository at rclone:nope:x: error talking HTTP to rclone: unexpected EOF\n",
    FaultKind::Missing,
    "listremotes"
)]
#[case::backend(
    1,
    "Fatal: parsing repository location failed: invalid backend\n",
    FaultKind::LocalSetup,
    "spelled"
)]
#[case::old(1, "unknown flag: --no-lock\n", FaultKind::Protocol, "older")]
#[case::damaged(
    1,
    "Fatal: config or key 1 is damaged: ciphertext verification failed\n",
    FaultKind::Protocol,
    "damaged"
)]
#[case::another(1, "Fatal: the moon is down\n", FaultKind::Protocol, "")]
#[case::silent(3, "", FaultKind::Protocol, "")]
#[case::json_10(
    10,
    "{\"message_type\":\"exit_error\",\"code\":10,\"message\":\"Fatal: repository does not exist: unable to open config file: stat /r/config: no such file or directory\\nIs there a repository at the following location?\\n/r\"}\n",
    FaultKind::Missing,
    "there is no repository at this place"
)]
#[case::json_10_unreachable(
    10,
    "{\"message_type\":\"exit_error\",\"code\":10,\"message\":\"Fatal: repository does not exist: dial tcp 127.0.0.1:1: connect: connection refused\"}\n",
    FaultKind::Refused,
    "does not run"
)]
#[case::json_11(
    11,
    "{\"message_type\":\"exit_error\",\"code\":11,\"message\":\"Fatal: unable to create lock in backend: repository is already locked exclusively by PID 1 on h\"}\n",
    FaultKind::Protocol,
    "restic unlock"
)]
#[case::json_12(
    12,
    "{\"message_type\":\"exit_error\",\"code\":12,\"message\":\"Fatal: wrong password or no key found\"}\n",
    FaultKind::Denied,
    "none of the repository's"
)]
#[case::status_10_alone(10, "", FaultKind::Missing, "there is no repository at this place")]
#[case::status_12_alone(
    12,
    "Falsches Passwort\n",
    FaultKind::Denied,
    "none of the repository's"
)]
#[case::no_program(127, "", FaultKind::Missing, "")]
#[tokio::test]
async fn what_restic_complains_of_is_a_fault_with_a_next_step(
    #[case] status: u32,
    #[case] stderr: &'static str,
    #[case] of: FaultKind,
    #[case] hint: &str,
) {
    let fault = look(json!({}), Answer::fails(status, stderr), Answer::ok(""))
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, of, "{fault:?}");
    assert!(
        fault.hint.clone().unwrap_or_default().contains(hint),
        "{fault:?}"
    );
    assert!(fault.seen.contains("data188"), "{fault:?}");
    assert!(
        !fault.seen.contains('\n') && !fault.seen.contains("message_type"),
        "{fault:?}"
    );
}

#[rstest]
#[case::garbage(Answer::ok("no json\n"), FaultKind::Protocol)]
#[case::cut_json(Answer::ok("[{\"time\":"), FaultKind::Protocol)]
#[case::an_object(Answer::ok("{\"message_type\":\"x\"}\n"), FaultKind::Protocol)]
#[case::no_time(
    Answer::ok("[{\"time\":\"yesterday\",\"id\":\"1\"}]\n"),
    FaultKind::Protocol
)]
#[case::nothing(Answer::ok(""), FaultKind::Protocol)]
#[case::cut_off(Answer::Cut { stdout: ONE.into() }, FaultKind::Closed)]
#[case::hangs(Answer::Hang, FaultKind::TimedOut)]
#[tokio::test]
async fn other_answers_are_faults(#[case] answer: Answer, #[case] of: FaultKind) {
    let fault = look(json!({}), answer, Answer::ok(""))
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, of, "{fault:?}");
}

#[tokio::test]
async fn locks_that_cannot_be_listed_are_a_fault() {
    for (answer, of) in [
        (
            Answer::fails(1, "Fatal: permission denied\n"),
            FaultKind::Denied,
        ),
        (Answer::ok("hello\n"), FaultKind::Protocol),
    ] {
        let fault = look(json!({}), Answer::ok(ONE), answer)
            .await
            .expect_err("a fault");
        assert_eq!(fault.kind, of, "{fault:?}");
    }
}

/// The transports of a stage, with the secrets `env:NAME` = `value of NAME`.
fn with_secrets(stage: &mut Stage, names: &[&str]) {
    let values: Vec<String> = names
        .iter()
        .map(|name| format!("value of {name}"))
        .collect();
    let values = values.iter().map(String::as_str);
    let pairs: Vec<(&str, &str)> = names.iter().copied().zip(values).collect();
    with_values(stage, &pairs);
}

fn with_values(stage: &mut Stage, values: &[(&str, &str)]) {
    let mut secrets = Secrets::default();
    for (name, value) in values {
        let reference = SecretRef::Env((*name).to_owned());
        secrets.insert(reference, (*value).into());
    }
    let home = stage.home().to_owned();
    let environment = SshEnvironment {
        home: Some(home),
        user: Some("checker".to_owned()),
        ..SshEnvironment::default()
    };
    let clock = || jiff::Timestamp::from_second(NOW).expect("a time");
    let (policy, audit) = (Policy::default(), Audit::off());
    stage.context.transports = Transports::with_ssh(secrets, policy, audit, environment, clock);
}

#[tokio::test]
async fn secrets_go_by_standard_input_in_the_order_of_their_names() {
    let none = Answer::fails(1, "unexpected\n");
    let mut stage = answering(Answer::ok(ONE), Answer::ok(""), Answer::ok(LOCK), none).await;
    with_secrets(&mut stage, &["A", "B", "P"]);
    let options = json!({
        "repository": "s3:s3.amazonaws.com/bucket/gitea",
        "password": "env:P",
        "environment": {"AWS_SECRET_ACCESS_KEY": "env:B", "AWS_ACCESS_KEY_ID": "env:A"},
        "locks": false,
        "host": ["h1", "h2"],
        "tag": "nightly",
    });
    let probe = kind::<Restic>(options);
    run(&probe, &stage.context).await.expect("facts");
    let mut told: Vec<String> = probe
        .requests(&stage.context.target, &Policy::default())
        .into_iter()
        .map(|request| request.text)
        .collect();
    let mut sent = stage.server.log.lines();
    told.sort();
    sent.sort();
    assert_eq!(sent, told);
    let line = sent
        .iter()
        .find(|line| line.contains("restic"))
        .expect("asked");
    assert!(line.ends_with(
        "sh -c 'IFS= read -r RESTIC_PASSWORD && IFS= read -r AWS_ACCESS_KEY_ID && IFS= read -r AWS_SECRET_ACCESS_KEY \
         && export RESTIC_PASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY && exec restic snapshots --json --no-lock \
         --no-cache --repo s3:s3.amazonaws.com/bucket/gitea --host h1 --host h2 --tag nightly'"
    ), "{line}");
    assert_eq!(
        stage.server.log.fed(),
        "value of P\nvalue of A\nvalue of B\n"
    );
}

/// What `head` finds in `repository_file`, and then restic.
async fn of_file(content: Answer, more: serde_json::Value) -> (Result<Facts, Fault>, Stage) {
    let stage = answering(Answer::ok(ONE), Answer::ok(""), Answer::ok(LOCK), content).await;
    let mut options = json!({"repository_file": "/f", "password_file": "/p", "locks": false});
    if let (Some(all), serde_json::Value::Object(more)) = (options.as_object_mut(), more) {
        all.extend(more);
    }
    let probe = kind::<Restic>(options);
    let seen = run(&probe, &stage.context).await;
    let told = probe.requests(&stage.context.target, &Policy::default());
    let told: Vec<String> = told.into_iter().map(|request| request.text).collect();
    let sent = stage.server.log.lines();
    assert!(
        sent.iter().all(|line| told.contains(line)),
        "{sent:?}, and not {told:?}"
    );
    (seen, stage)
}

#[rstest]
#[case(json!({}), "head -c 4097 /f", "exec restic snapshots")]
#[case(json!({"sudo": true}), "sudo -n head -c 4097 /f", "exec sudo --preserve-env=RESTIC_REPOSITORY -n restic snapshots")]
#[tokio::test]
async fn a_file_s_repository_is_read_first(
    #[case] more: serde_json::Value,
    #[case] reading: &str,
    #[case] asking: &str,
) {
    let content = "\u{feff} sftp:nas:/srv/gitea \r\n";
    let (seen, stage) = of_file(Answer::ok(content), more).await;
    seen.expect("facts");
    let lines = stage.server.log.lines();
    assert!(
        lines.iter().any(|line| line.ends_with(reading)),
        "{lines:?}"
    );
    let asked = lines
        .iter()
        .find(|line| line.contains("restic"))
        .expect("asked");
    let plain = asked.replace("'\\''", "");
    assert!(plain.contains(asking), "{asked}");
    assert!(!asked.contains("/f"), "restic would read it again: {asked}");
    assert_eq!(stage.server.log.fed(), "sftp:nas:/srv/gitea\n");
}

#[rstest]
#[case::a_program(
    Answer::ok("rclone:wd,bearer_token_command=/tmp/evil:x\n"),
    FaultKind::Denied,
    "without settings"
)]
#[case::a_flag(
    Answer::ok("sftp:-oProxyCommand=evil:/x\n"),
    FaultKind::Denied,
    "ssh would read more"
)]
#[case::lines(Answer::ok("/r\nrclone::evil:\n"), FaultKind::Denied, "line break")]
#[case::long(Answer::ok("x".repeat(4097)), FaultKind::Protocol, "more is in it")]
#[case::empty(Answer::ok(" \n"), FaultKind::Protocol, "no repository in it")]
#[case::letters(Answer::Exit { stdout: vec![0xff, 0xfe, 0x2f], stderr: Vec::new(), status: 0 }, FaultKind::Protocol, "not UTF-8")]
#[case::absent(
    Answer::fails(1, "head: cannot open '/f' for reading: No such file or directory\n"),
    FaultKind::Missing,
    "No such file"
)]
#[case::denied(
    Answer::fails(1, "head: cannot open '/f' for reading: Permission denied\n"),
    FaultKind::Denied,
    "Permission denied"
)]
#[tokio::test]
async fn restic_is_not_asked_by_a_file_that_is_none(
    #[case] content: Answer,
    #[case] of: FaultKind,
    #[case] seen: &str,
) {
    for sudo in [false, true] {
        let (told, stage) = of_file(content.clone(), json!({"sudo": sudo})).await;
        let fault = told.expect_err("a fault");
        assert_eq!(fault.kind, of, "{fault:?}");
        assert!(
            fault.seen.contains(seen) && fault.seen.contains("/f"),
            "{fault:?}"
        );
        assert!(!format!("{fault:?}").contains("evil"), "{fault:?}");
        let lines = stage.server.log.lines().join("\n");
        assert!(!lines.contains("restic"), "{lines}");
    }
}

/// As restic 0.14 answers, which hides no user and no password that it cannot read.
#[rstest]
#[case::token(
    "rest:http://TOKENTOKENTOKEN@127.0.0.1:1/x",
    "Fatal: unable to open config file: Head \"http://TOKENTOKENTOKEN@127.0.0.1:1/x/config\": dial tcp 127.0.0.1:1: connect: connection refused\n",
    FaultKind::Refused,
    &["TOKEN"]
)]
#[case::slash(
    "rest:https://user:pa/ssw0rd@127.0.0.1:1/x",
    "Fatal: parsing repository location failed: url.Parse: parse \"https://user:pa/ssw0rd@127.0.0.1:1/x/\": invalid port \":pa\" after host\n",
    FaultKind::LocalSetup,
    &["ssw0rd", ":pa", "user"]
)]
#[case::without_a_scheme(
    "rest:user:passw0rd@nas/x",
    "Fatal: parsing repository location failed: url.Parse: parse \"user:passw0rd@nas/x/\": first path segment in URL cannot contain colon\n",
    FaultKind::LocalSetup,
    &["passw0rd"]
)]
#[tokio::test]
async fn a_login_in_an_address_is_not_shown(
    #[case] address: &str,
    #[case] said: &'static str,
    #[case] of: FaultKind,
    #[case] secret: &[&str],
) {
    for by_file in [false, true] {
        let (content, restic) = (Answer::ok(address.to_owned()), Answer::fails(1, said));
        let mut stage = answering(restic, Answer::ok(""), Answer::ok(LOCK), content).await;
        with_values(&mut stage, &[("A", address)]);
        let options = if by_file {
            json!({"password_file": "/p", "repository_file": "/f"})
        } else {
            json!({"password_file": "/p", "environment": {"RESTIC_REPOSITORY": "env:A"}})
        };
        let told = run(&kind::<Restic>(options), &stage.context).await;
        let fault = stage.context.scrubbed(told).expect_err("a fault");
        assert_eq!(fault.kind, of, "{fault:?}");
        for secret in secret {
            assert!(!fault.seen.contains(secret), "{fault:?}");
        }
        // Also in what comes from elsewhere, and without the rest of the address.
        let (login, _) = address.rsplit_once('@').expect("a login");
        let start = login.rfind("//").map_or("rest:".len(), |at| at + 2);
        let hidden = stage.context.transports.secrets.scrub(&login[start..]);
        assert_eq!(hidden, "***");
    }
}

#[tokio::test]
async fn a_login_is_in_no_warning_and_no_finding() {
    let warned = Answer::Exit {
        stdout: ONE.into(),
        stderr: b"retrying https://me:hunter22@nas/x\n".to_vec(),
        status: 0,
    };
    let found = Answer::fails(1, "error: Get \"https://me:hunter22@nas/x\": EOF\n");
    let stage = answering(warned, Answer::ok(""), Answer::ok(LOCK), found).await;
    let probe = kind::<Restic>(options(json!({"check": true})));
    let facts = run(&probe, &stage.context).await.expect("facts");
    assert_eq!(
        fact(&facts, "warnings"),
        json!(["retrying https://***@nas/x"])
    );
    assert_eq!(
        fact(&facts, "check_errors"),
        json!(["error: Get \"https://***@nas/x\": EOF"])
    );
}

#[tokio::test]
async fn an_address_by_reference_that_runs_a_program_is_refused() {
    let none = Answer::fails(1, "unexpected\n");
    let mut stage = answering(Answer::ok(ONE), Answer::ok(""), Answer::ok(LOCK), none).await;
    for (name, value) in [
        (
            "RESTIC_REPOSITORY",
            "rclone:wd,bearer_token_command=/tmp/evil:x",
        ),
        ("RCLONE_CONFIG", "/tmp/evil.conf"),
    ] {
        with_values(&mut stage, &[("A", value)]);
        let mut options = json!({"password_file": "/p", "environment": {name: "env:A"}});
        if name == "RCLONE_CONFIG" {
            options["repository"] = json!("rclone:a:x");
        }
        let told = run(&kind::<Restic>(options), &stage.context).await;
        let fault = told.expect_err(name);
        assert_eq!(fault.kind, FaultKind::LocalSetup, "{fault:?}");
        assert!(fault.seen.contains(name), "{fault:?}");
        assert!(!format!("{fault:?}").contains("evil"), "{fault:?}");
    }
    assert_eq!(stage.server.log.lines(), [""; 0]);
}

#[tokio::test]
async fn sudo_that_keeps_no_variables_is_told() {
    let refused = "sudo: sorry, you are not allowed to preserve the environment\n";
    let stage_ = answering(
        Answer::fails(1, refused),
        Answer::ok(""),
        Answer::ok(LOCK),
        Answer::ok(""),
    );
    let mut stage = stage_.await;
    with_secrets(&mut stage, &["P"]);
    let options = json!({"repository": "/r", "password": "env:P", "sudo": true});
    let fault = run(&kind::<Restic>(options), &stage.context)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Denied);
    assert!(fault.hint.expect("a next step").contains("SETENV"));
    let lines = stage.server.log.lines().join("\n");
    assert!(lines.contains("--preserve-env=RESTIC_PASSWORD"), "{lines}");
}

#[rstest]
#[case::no_repository(json!({"password_file": "/p"}), "0 repositories")]
#[case::two_repositories(json!({"repository": "/r", "repository_file": "/f", "password_file": "/p"}), "2 repositories")]
#[case::no_password(json!({"repository": "/r"}), "0 passwords")]
#[case::two_passwords(json!({"repository": "/r", "password_file": "/p", "password": "env:P"}), "2 passwords")]
#[case::password_in_it(json!({"repository": "rest:https://me:hunter22@nas/", "password_file": "/p"}), "there is a password in it")]
#[case::with_a_slash(json!({"repository": "rest:https://me:hun/ter22@nas/", "password_file": "/p"}), "there is a password in it")]
#[case::token(json!({"repository": "rest:https://Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9v@nas/", "password_file": "/p"}), "there is a password in it")]
#[case::relative(json!({"repository": "/r", "password_file": "p"}), "not an absolute path")]
#[case::variable(json!({"repository": "/r", "password_file": "/p", "environment": {"aws_access_key_id": "env:A"}}), "no variable by which restic logs in")]
#[case::a_program(json!({"repository": "/r", "password_file": "/p", "environment": {"RESTIC_PASSWORD_COMMAND": "env:A"}}), "no variable by which restic logs in")]
#[case::runs_a_program(json!({"repository": "rclone::sftp,ssh=x:/", "password_file": "/p"}), "name a configured remote")]
#[case::a_flag(json!({"repository": "-o", "password_file": "/p"}), "needs a value")]
#[case::empty(json!({"repository": "", "password_file": "/p"}), "no name")]
fn problems_of_options(#[case] options: serde_json::Value, #[case] message: &str) {
    let problems = kind::<Restic>(options).problems(&target(host(22)), &Policy::default());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.contains(message), "{problems:?}");
    let all = format!("{problems:?}");
    assert!(!all.contains("hunter22"), "{all}");
}

#[test]
fn a_variable_written_small_is_suggested_in_capitals() {
    let options = options(json!({"environment": {"aws_access_key_id": "env:A"}}));
    let problems = kind::<Restic>(options).problems(&target(host(22)), &Policy::default());
    assert_eq!(
        problems[0].suggestion.as_deref(),
        Some("did you mean `AWS_ACCESS_KEY_ID`?")
    );
    assert_eq!(problems[0].path, ["environment", "aws_access_key_id"]);
}

#[rstest]
#[case::by_file(json!({"repository_file": "/f", "password_file": "/p"}))]
#[case::by_secrets(json!({"environment": {"RESTIC_REPOSITORY": "env:R", "RESTIC_PASSWORD": "env:P"}}))]
#[case::rest(json!({"repository": "rest:https://nas:8000/x", "password": "env:P"}))]
#[case::sftp(json!({"repository": "sftp:backup@nas:/srv/x", "password": "env:P"}))]
fn these_go_together(#[case] options: serde_json::Value) {
    let problems = kind::<Restic>(options).problems(&target(host(22)), &Policy::default());
    assert_eq!(problems, []);
}

#[test]
fn latest_only_is_expected_when_said() {
    let said = kind::<Restic>(options(json!({"latest_only": true})));
    assert!(
        said.defaults()
            .require
            .contains(&"most_in_group == 1".to_owned())
    );
    let not = kind::<Restic>(options(json!({"locks": false}))).defaults();
    assert!(!not.require.contains(&"most_in_group == 1".to_owned()));
    assert_eq!(not.prefer, [""; 0]);
}

#[tokio::test]
async fn a_secret_that_is_not_set_is_told() {
    let stage = answering(
        Answer::ok(ONE),
        Answer::ok(""),
        Answer::ok(LOCK),
        Answer::ok(""),
    )
    .await;
    let probe = kind::<Restic>(json!({"repository": "/r", "password": "env:P"}));
    assert_eq!(probe.secrets(), [&SecretRef::Env("P".to_owned())]);
    let fault = run(&probe, &stage.context).await.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
}
