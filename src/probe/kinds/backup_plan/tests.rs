use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value as Json, json};

use super::*;
use crate::probe::kinds::stage::{Stage, fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

/// The hashes and sets of a Redis, as its owner would write them down.
type Data = BTreeMap<String, Vec<(&'static str, &'static str)>>;

const PLAN: &[(&str, &str)] = &[
    ("name", "nightly"),
    ("repository", "uuid1"),
    ("enabled", "1"),
];
const GOOD: &[(&str, &str)] = &[
    ("total_size", "544"),
    ("start", "1780624800"),
    ("end", "1780624860"),
    ("errors", "0"),
];
const BAD: &[(&str, &str)] = &[
    ("start", "1780624800"),
    ("end", "1780624800"),
    ("errors", "1"),
];
const LOCAL: &[(&str, &str)] = &[
    ("provider", "local"),
    ("path", "/backup/ns8"),
    ("password", "hunter22"),
];

fn data(all: &[(&str, &[(&'static str, &'static str)])]) -> Data {
    let mut data: Data = all
        .iter()
        .map(|(key, pairs)| ((*key).to_owned(), pairs.to_vec()))
        .collect();
    data.retain(|_, pairs| !pairs.is_empty());
    data
}

/// A cluster with one plan of two modules.
fn cluster(mail: &[(&'static str, &'static str)], web: &[(&'static str, &'static str)]) -> Data {
    data(&[
        ("cluster/backup/1", PLAN),
        ("module/mail1/backups", &[("1", "")]),
        ("module/web1/backups", &[("1", ""), ("2", "")]),
        ("module/mail1/backup_status/1", mail),
        ("module/web1/backup_status/1", web),
        ("cluster/backup_repository/uuid1", LOCAL),
        (
            "module/mail1/environment",
            &[
                ("MODULE_UUID", "3792c7db"),
                ("IMAGE_URL", "ghcr.io/nethserver/mail:1.0"),
            ],
        ),
    ])
}

/// What `redis-cli --no-raw` prints of it.
fn redis(data: &Data, command: &str) -> Answer {
    let words: Vec<&str> = command
        .split(' ')
        .map(|word| word.trim_matches('\''))
        .collect();
    let key = words.last().copied().unwrap_or_default();
    let texts: Vec<String> = if words.contains(&"--scan") {
        let (before, after) = key.split_once('*').unwrap_or((key, ""));
        let keys = data.keys();
        let fits = |key: &&String| key.starts_with(before) && key.ends_with(after);
        let keys: Vec<String> = keys.filter(fits).map(|key| format!("\"{key}\"")).collect();
        return Answer::ok(keys.join("\n") + "\n");
    } else if words.contains(&"SMEMBERS") {
        let set = data.get(key).into_iter().flatten();
        set.map(|(member, _)| (*member).to_owned()).collect()
    } else {
        let hash = data.get(key).into_iter().flatten();
        hash.flat_map(|(field, value)| [(*field).to_owned(), (*value).to_owned()])
            .collect()
    };
    if texts.is_empty() {
        return Answer::ok("(empty array)\n");
    }
    let lines = texts
        .iter()
        .enumerate()
        .map(|(n, text)| format!("{:>2}) \"{text}\"\n", n + 1));
    Answer::ok(lines.collect::<String>())
}

async fn answering(data: Data, restic: Answer) -> Stage {
    let data = Arc::new(data);
    let mut stage = stage(move |command| {
        if command.contains("restic") {
            restic.clone()
        } else if command.contains("redis-cli") {
            redis(&data, command)
        } else {
            Answer::fails(2, "unexpected")
        }
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    stage
}

const CONFIG: &str = "{\n  \"version\": 2,\n  \"id\": \"cdf310d6\"\n}\n";

async fn look(options: Json, data: Data, restic: Answer) -> Result<Facts, Fault> {
    let stage = answering(data, restic).await;
    let seen = run(&kind::<BackupPlan>(options), &stage.context).await;
    let seen = stage.context.scrubbed(seen);
    let lines = stage.server.log.lines().join("\n");
    let shown = format!("{seen:?}{lines}");
    assert!(!shown.contains("hunter22"), "a secret is shown: {shown}");
    seen
}

fn one() -> Json {
    json!({"plan": 1, "socket": "/run/redis.sock"})
}

#[tokio::test]
async fn all_is_done() {
    let facts = look(one(), cluster(GOOD, GOOD), Answer::ok(CONFIG))
        .await
        .expect("facts");
    for (name, value) in [
        ("outcome", json!("SUCCESS")),
        ("outcomes", json!({"1": "SUCCESS"})),
        ("reason", json!(null)),
        ("plans", json!(["1 nightly"])),
        ("enabled", json!(true)),
        ("modules", json!(["mail1", "web1"])),
        ("module_count", json!(2)),
        ("former_modules", json!([])),
        ("failed_modules", json!([])),
        ("failures", json!({})),
        ("repository_reachable", json!(true)),
        ("last_run_at", json!("2026-06-05T02:01:00Z")),
        ("oldest_module_at", json!("2026-06-05T02:01:00Z")),
    ] {
        assert_eq!(fact(&facts, name), value, "{name}");
    }
}

#[rstest]
#[case::errors(BAD, "its last backup ended with 1 errors")]
#[case::never(&[], "it never ran: Redis has no state of it")]
#[case::told_otherwise(&[("success", "false")], "its last backup failed")]
#[case::no_result(&[("end", "1780624860")], "its state in Redis tells no result")]
#[case::odd(&[("errors", "none")], "its state in Redis tells no result")]
#[tokio::test]
async fn a_module_that_failed_makes_it_partial(
    #[case] web: &[(&'static str, &'static str)],
    #[case] why: &str,
) {
    let facts = look(one(), cluster(GOOD, web), Answer::ok(CONFIG))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("PARTIAL"));
    assert_eq!(fact(&facts, "failed_modules"), json!(["web1"]));
    assert_eq!(fact(&facts, "failures"), json!({"web1": why}));
    assert_eq!(fact(&facts, "reason"), json!(format!("web1: {why}")));
    assert_eq!(fact(&facts, "repository_reachable"), json!(true));
}

#[rstest]
#[case::no_plan(data(&[]), Answer::ok(CONFIG), "there is no cluster/backup/1 in Redis", None)]
#[case::no_state(cluster(&[], &[]), Answer::ok(CONFIG), "Redis has no state of any of its modules", Some(true))]
#[case::no_modules(data(&[("cluster/backup/1", PLAN), ("cluster/backup_repository/uuid1", LOCAL)]), Answer::ok(CONFIG), "no module is in the plan", Some(true))]
#[case::former_modules_alone(data(&[("cluster/backup/1", PLAN), ("cluster/backup_repository/uuid1", LOCAL), ("module/a/backup_status/1", GOOD), ("module/a/backups", &[("2", "")])]), Answer::ok(CONFIG), "no module is in the plan", Some(true))]
#[case::no_repository(data(&[("cluster/backup/1", PLAN), ("module/a/backups", &[("1", "")]), ("module/a/backup_status/1", GOOD)]), Answer::ok(CONFIG), "there is no cluster/backup_repository/uuid1", Some(false))]
#[case::none_named(data(&[("cluster/backup/1", &[("name", "x")]), ("module/a/backups", &[("1", "")]), ("module/a/backup_status/1", GOOD)]), Answer::ok(CONFIG), "the plan names no repository", Some(false))]
#[case::unreachable(
    cluster(GOOD, BAD),
    Answer::fails(
        1,
        "Fatal: unable to open config file: dial tcp 10.0.0.9:8000: connect: connection refused\n"
    ),
    "connection refused",
    Some(false)
)]
#[case::password(
    cluster(GOOD, GOOD),
    Answer::fails(
        12,
        "{\"message_type\":\"exit_error\",\"code\":12,\"message\":\"Fatal: wrong password or no key found: hunter22\"}\n"
    ),
    "wrong password",
    Some(false)
)]
#[case::no_answer(cluster(GOOD, GOOD), Answer::Hang, "did not end", Some(false))]
#[tokio::test]
async fn without_state_or_repository_it_is_a_failure_of_the_repository(
    #[case] data: Data,
    #[case] restic: Answer,
    #[case] reason: &str,
    #[case] reachable: Option<bool>,
) {
    let facts = look(one(), data, restic).await.expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("REPO_FAILURE"));
    let told = fact(&facts, "reason");
    assert!(
        told.as_str().is_some_and(|told| told.contains(reason)),
        "{told}"
    );
    assert_eq!(fact(&facts, "repository_reachable"), json!(reachable));
}

#[rstest]
#[case::no_restic(Answer::fails(127, ""), FaultKind::Missing)]
#[case::restic_denied(Answer::fails(126, "no\n"), FaultKind::Denied)]
#[tokio::test]
async fn what_cannot_be_asked_is_no_outcome(#[case] restic: Answer, #[case] of: FaultKind) {
    let fault = look(one(), cluster(GOOD, GOOD), restic)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, of, "{fault:?}");
}

#[rstest]
#[case::no_server(
    Answer::fails(
        1,
        "Could not connect to Redis at /run/redis.sock: No such file or directory\n"
    ),
    FaultKind::Missing,
    "systemctl status redis"
)]
#[case::not_allowed(
    Answer::fails(
        1,
        "Could not connect to Redis at /run/redis.sock: Permission denied\n"
    ),
    FaultKind::Denied,
    "allowed"
)]
#[case::refused(
    Answer::fails(
        1,
        "Could not connect to Redis at 127.0.0.1:6379: Connection refused\n"
    ),
    FaultKind::Refused,
    "systemctl"
)]
#[case::no_right(
    Answer::ok("(error) NOPERM this user has no permissions to run the 'hgetall' command\n"),
    FaultKind::Denied,
    "root"
)]
#[case::no_login(
    Answer::ok("(error) NOAUTH Authentication required.\n"),
    FaultKind::Denied,
    "root"
)]
#[case::loading(
    Answer::ok("(error) LOADING Redis is loading the dataset in memory\n"),
    FaultKind::Protocol,
    "wait"
)]
#[case::wrong_type(
    Answer::ok("(error) WRONGTYPE Operation against a key\n"),
    FaultKind::Protocol,
    ""
)]
#[case::raw(Answer::ok("name\nhunter22\n"), FaultKind::Protocol, "")]
#[case::no_program(Answer::fails(127, ""), FaultKind::Missing, "")]
#[case::hangs(Answer::Hang, FaultKind::TimedOut, "")]
#[case::cut(Answer::Cut { stdout: b" 1) \"name\"\n".to_vec() }, FaultKind::Closed, "")]
#[tokio::test]
async fn redis_that_cannot_be_asked_is_a_fault(
    #[case] answer: Answer,
    #[case] of: FaultKind,
    #[case] hint: &str,
) {
    let mut stage = stage(move |_| answer.clone()).await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    let fault = run(&kind::<BackupPlan>(one()), &stage.context)
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, of, "{fault:?}");
    assert!(
        fault.hint.clone().unwrap_or_default().contains(hint),
        "{fault:?}"
    );
    assert!(!format!("{fault:?}").contains("hunter22"), "{fault:?}");
}

#[tokio::test]
async fn all_enabled_plans_are_looked_at_and_the_worst_is_told() {
    let mut all = cluster(GOOD, GOOD);
    let more = data(&[
        (
            "cluster/backup/2",
            &[
                ("name", "weekly"),
                ("repository", "uuid1"),
                ("enabled", "1"),
            ],
        ),
        (
            "cluster/backup/3",
            &[("name", "old"), ("repository", "uuid9"), ("enabled", "0")],
        ),
        ("module/web1/backup_status/2", BAD),
    ]);
    all.extend(more);
    let facts = look(json!({}), all, Answer::ok(CONFIG))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("PARTIAL"));
    assert_eq!(
        fact(&facts, "outcomes"),
        json!({"1": "SUCCESS", "2": "PARTIAL"})
    );
    assert_eq!(fact(&facts, "plans"), json!(["1 nightly", "2 weekly"]));
    assert_eq!(
        fact(&facts, "failures"),
        json!({"2/web1": "its last backup ended with 1 errors"})
    );
    assert_eq!(
        fact(&facts, "reason"),
        json!("plan 2 weekly: web1: its last backup ended with 1 errors")
    );
}

/// A module that was removed, and one that was moved to another plan.
#[tokio::test]
async fn what_former_modules_left_counts_for_nothing() {
    let old = &[("end", "1700000000"), ("errors", "3")][..];
    let mut all = cluster(GOOD, GOOD);
    all.extend(data(&[
        ("module/gone7/backup_status/1", old),
        ("module/moved2/backup_status/1", old),
        ("module/moved2/backups", &[("2", "")]),
    ]));
    let facts = look(one(), all, Answer::ok(CONFIG)).await.expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("SUCCESS"));
    assert_eq!(fact(&facts, "modules"), json!(["mail1", "web1"]));
    assert_eq!(fact(&facts, "module_count"), json!(2));
    assert_eq!(fact(&facts, "failures"), json!({}));
    assert_eq!(fact(&facts, "former_modules"), json!(["gone7", "moved2"]));
    assert_eq!(
        fact(&facts, "oldest_module_at"),
        json!("2026-06-05T02:01:00Z")
    );
}

#[tokio::test]
async fn former_modules_of_several_plans_have_their_plan() {
    let mut all = cluster(GOOD, GOOD);
    all.extend(data(&[
        ("cluster/backup/2", PLAN),
        ("module/web1/backup_status/2", GOOD),
        ("module/mail1/backup_status/2", BAD),
    ]));
    let facts = look(json!({}), all, Answer::ok(CONFIG))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("SUCCESS"), "{facts:?}");
    assert_eq!(fact(&facts, "former_modules"), json!(["2/mail1"]));
}

#[tokio::test]
async fn no_plan_at_all_is_no_state() {
    let facts = look(json!({}), data(&[]), Answer::ok(CONFIG))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("REPO_FAILURE"));
    assert_eq!(facts.get("repository_reachable"), None);
}

#[tokio::test]
async fn a_plan_that_is_not_enabled_is_told() {
    let mut all = cluster(GOOD, GOOD);
    all.insert(
        "cluster/backup/1".to_owned(),
        vec![("repository", "uuid1"), ("enabled", "0")],
    );
    let options = json!({"plan": 1, "check_repository": false});
    let facts = look(options, all, Answer::fails(2, "not asked"))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "enabled"), json!(false));
    assert_eq!(fact(&facts, "outcome"), json!("SUCCESS"));
    assert_eq!(facts.get("repository_reachable"), None);
}

/// The table of back ends: fields in Redis, variables that reach restic.
#[rstest]
#[case::local(&[("provider", "local"), ("path", "/backup/ns8"), ("password", "hunter22")],
    "RESTIC_REPOSITORY=/backup/ns8 RESTIC_PASSWORD=hunter22")]
#[case::fs(&[("provider", "fs"), ("url", "file:///backup/ns8"), ("password", "hunter22")],
    "RESTIC_REPOSITORY=/backup/ns8 RESTIC_PASSWORD=hunter22")]
#[case::aws(&[("provider", "aws"), ("url", "s3:s3.amazonaws.com/b"), ("password", "hunter22"), ("aws_access_key_id", "AKIA"), ("aws_secret_access_key", "s3cr3t"), ("aws_default_region", "eu-1")],
    "RESTIC_REPOSITORY=s3:s3.amazonaws.com/b AWS_ACCESS_KEY_ID=AKIA AWS_DEFAULT_REGION=eu-1 AWS_SECRET_ACCESS_KEY=s3cr3t RESTIC_PASSWORD=hunter22")]
#[case::s3_by_its_bucket(&[("provider", "s3"), ("url", "https://minio.lan/b"), ("password", "hunter22"), ("aws_access_key_id", "AKIA"), ("aws_secret_access_key", "s3cr3t")],
    "RESTIC_REPOSITORY=s3:https://minio.lan/b AWS_ACCESS_KEY_ID=AKIA AWS_SECRET_ACCESS_KEY=s3cr3t RESTIC_PASSWORD=hunter22")]
#[case::backblaze(&[("provider", "backblaze"), ("url", "b2:backupns8"), ("password", "hunter22"), ("b2_account_id", "id11"), ("b2_account_key", "key1")],
    "RESTIC_REPOSITORY=b2:backupns8 B2_ACCOUNT_ID=id11 B2_ACCOUNT_KEY=key1 RESTIC_PASSWORD=hunter22")]
#[case::sftp(&[("provider", "sftp"), ("url", "sftp:nas:/srv/ns8"), ("password", "hunter22")],
    "RESTIC_REPOSITORY=sftp:nas:/srv/ns8 RESTIC_PASSWORD=hunter22")]
#[case::rclone(&[("provider", "rclone"), ("url", "rclone:gdrive:ns8"), ("password", "hunter22"), ("rclone_config", "/root/.config/rclone/rclone.conf")],
    "RESTIC_REPOSITORY=rclone:gdrive:ns8 RESTIC_PASSWORD=hunter22 RCLONE_CONFIG=/root/.config/rclone/rclone.conf")]
#[tokio::test]
async fn credentials_go_by_standard_input(
    #[case] repository: &[(&'static str, &'static str)],
    #[case] expected: &str,
) {
    let mut all = cluster(GOOD, GOOD);
    all.insert(
        "cluster/backup_repository/uuid1".to_owned(),
        repository.to_vec(),
    );
    let stage = answering(all, Answer::ok(CONFIG)).await;
    let facts = run(&kind::<BackupPlan>(one()), &stage.context)
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("SUCCESS"), "{facts:?}");
    let lines = stage.server.log.lines();
    let line = lines
        .iter()
        .find(|line| line.contains("restic"))
        .expect("asked");
    let names = expected
        .split(' ')
        .filter_map(|pair| pair.split('=').next());
    let names: Vec<&str> = names.collect();
    assert!(
        line.contains(&format!(
            "export {} && exec restic cat config --json --no-lock --no-cache",
            names.join(" ")
        )),
        "{line}"
    );
    let values = expected
        .split(' ')
        .filter_map(|pair| Some(pair.split_once('=')?.1));
    let values: String = values.map(|value| format!("{value}\n")).collect();
    assert_eq!(stage.server.log.fed(), values);
    for (field, value) in repository {
        let is_secret = !matches!(
            *field,
            "provider" | "path" | "url" | "aws_default_region" | "rclone_config"
        );
        assert!(
            !is_secret || !lines.join("\n").contains(value),
            "{field} on a line"
        );
        let hidden = stage.context.transports.secrets.scrub(value);
        assert_eq!(hidden == "***", is_secret, "{field}: {hidden}");
    }
}

#[rstest]
#[case::no_password(&[("url", "/r")], "has no password")]
#[case::no_url(&[("password", "hunter22")], "has no url")]
#[case::no_key(&[("url", "s3:x/b"), ("password", "hunter22"), ("aws_access_key_id", "a")], "has no aws_secret_access_key")]
#[case::b2(&[("provider", "backblaze"), ("url", "b"), ("password", "hunter22")], "has no b2_account_id")]
#[case::contents(&[("provider", "rclone"), ("url", "rclone:x:y"), ("password", "hunter22"), ("rclone_config", "[x]\ntype=sftp\npass=hunter22")], "is no path")]
#[case::a_program(&[("url", "rclone::sftp,ssh=x:/"), ("password", "hunter22")], "name a configured remote, without settings")]
#[case::settings(&[("provider", "rclone"), ("url", "wd,bearer_token_command=/tmp/evil.sh:path"), ("password", "hunter22")], "name a configured remote, without settings")]
#[case::another_type(&[("provider", "rclone"), ("path", "wd,type=webdav,bearer_token_command=/tmp/x:p"), ("password", "hunter22")], "name a configured remote, without settings")]
#[case::a_flag(&[("url", "sftp:-oProxyCommand=x:/"), ("password", "hunter22")], "ssh would read more into it")]
#[case::a_flag_by_provider(&[("provider", "sftp"), ("url", "//[-oProxyCommand=x]/y"), ("password", "hunter22")], "ssh would read more into it")]
#[case::unknown(&[("url", "exec:/tmp/evil.sh"), ("password", "hunter22")], "of another it is not known")]
#[case::somebody_s_config(&[("url", "rclone:x:y"), ("password", "hunter22"), ("rclone_config", "/tmp/rclone.conf")], "no file of root's")]
#[case::a_home_s_config(&[("url", "rclone:x:y"), ("password", "hunter22"), ("rclone_config", "/home/mail1/.config/rclone/rclone.conf")], "no file of root's")]
#[case::roundabout(&[("url", "rclone:x:y"), ("password", "hunter22"), ("rclone_config", "/etc/../tmp/rclone.conf")], "where rclone keeps its own")]
#[case::lines(&[("url", "/r"), ("password", "hun\nter22")], "line break")]
fn what_redis_lacks_is_told(#[case] repository: &[(&str, &str)], #[case] reason: &str) {
    let hash: Hash = repository
        .iter()
        .map(|(field, value)| ((*field).to_owned(), (*value).to_owned()))
        .collect();
    let told = repository::values(&hash, None).expect_err("a reason");
    assert!(!told.contains("evil"), "{told}");
    assert!(told.contains(reason), "{told}");
    assert!(!told.contains("hunter22"), "{told}");
}

#[rstest]
#[case::s3("s3:s3.amazonaws.com/b", "s3:s3.amazonaws.com/b/mail/3792c7db")]
#[case::bucket("b2:backupns8", "b2:backupns8:mail/3792c7db")]
#[case::in_a_bucket("b2:backupns8:ns8", "b2:backupns8:ns8/mail/3792c7db")]
#[case::remote("rclone:gdrive:", "rclone:gdrive:mail/3792c7db")]
#[case::path("/backup/", "/backup/mail/3792c7db")]
#[tokio::test]
async fn nethserver_has_a_repository_for_each_module(
    #[case] url: &'static str,
    #[case] expected: &str,
) {
    let mut all = cluster(GOOD, GOOD);
    let repository = vec![
        ("url", url),
        ("password", "hunter22"),
        ("aws_access_key_id", "AKIA"),
        ("aws_secret_access_key", "s3cr3t"),
        ("b2_account_id", "id11"),
        ("b2_account_key", "key1"),
    ];
    all.insert("cluster/backup_repository/uuid1".to_owned(), repository);
    let stage = answering(all, Answer::ok(CONFIG)).await;
    let options = json!({"plan": 1, "repository_path": "{image}/{uuid}"});
    run(&kind::<BackupPlan>(options), &stage.context)
        .await
        .expect("facts");
    let fed = stage.server.log.fed();
    assert_eq!(fed.lines().next(), Some(expected));
}

/// Each with what restic says of it: an address that it cannot read it tells as it is.
#[rstest]
#[case::slash(
    "rest:https://user:pa/ssw0rdX@nas/x",
    "Fatal: parsing repository location failed: url.Parse: parse \"https://user:pa/ssw0rdX@nas/x/\": invalid port \":pa\" after host\n",
    &["ssw0rdX", "\":pa"]
)]
#[case::token(
    "rest:https://TOKENTOKENTOKEN@nas/x",
    "Fatal: unable to open config file: Head \"https://TOKENTOKENTOKEN@nas/x/config\": EOF\n",
    &["TOKEN"]
)]
#[tokio::test]
async fn a_login_in_the_url_is_in_no_reason(
    #[case] url: &'static str,
    #[case] said: &'static str,
    #[case] secret: &[&str],
) {
    let mut all = cluster(GOOD, GOOD);
    let repository = vec![("url", url), ("password", "hunter22")];
    all.insert("cluster/backup_repository/uuid1".to_owned(), repository);
    let stage = answering(all, Answer::fails(1, said)).await;
    let seen = run(&kind::<BackupPlan>(one()), &stage.context).await;
    let facts = stage.context.scrubbed(seen).expect("facts");
    assert_eq!(fact(&facts, "outcome"), json!("REPO_FAILURE"));
    let reason = fact(&facts, "reason").to_string();
    assert!(reason.contains("***@nas"), "{reason}");
    for secret in secret {
        assert!(!reason.contains(secret), "{reason}");
    }
    let (login, _) = url.rsplit_once('@').expect("a login");
    let (_, login) = login.split_once("//").expect("a scheme");
    assert_eq!(stage.context.transports.secrets.scrub(login), "***");
}

/// The address is looked at as a whole, after the folder has come to it.
#[test]
fn a_folder_makes_no_settings_of_an_address() {
    let hash = |url: &str| -> Hash {
        let fields = [("url", url), ("password", "hunter22")];
        let fields = fields.map(|(field, value)| (field.to_owned(), value.to_owned()));
        fields.into_iter().collect()
    };
    for (url, folder) in [
        ("rclone:", ":sftp,ssh=x:"),
        ("rclone:", "-x"),
        ("rclone:a", "b,ssh=x:"),
    ] {
        let told = repository::values(&hash(url), Some(folder)).expect_err(folder);
        assert!(told.contains("name a configured remote"), "{told}");
    }
    repository::values(&hash("rclone:a"), Some("mail/1")).expect("a remote");
}

#[tokio::test]
async fn a_module_without_environment_is_told() {
    let mut all = cluster(GOOD, GOOD);
    all.remove("module/mail1/environment");
    let options = json!({"plan": 1, "repository_path": "{image}/{uuid}"});
    let facts = look(options, all, Answer::ok(CONFIG)).await.expect("facts");
    let reason = fact(&facts, "reason");
    assert_eq!(
        reason,
        json!("the environment of mail1 in Redis has no MODULE_UUID")
    );
}

#[rstest]
#[case(" 1) \"name\"\n 2) \"my \\\"backup\\\"\"\n", Some(vec!["name", "my \"backup\""]))]
#[case("1) \"two\\nlines \\xc3\\xa8 \\\\ \\t\"\n", Some(vec!["two\nlines è \\ \t"]))]
#[case("\"a\"\n\"b\"\n", Some(vec!["a", "b"]))]
#[case("(empty array)\n", Some(vec![]))]
#[case("(empty list or set)\n", Some(vec![]))]
#[case("(nil)\n", Some(vec![]))]
#[case("", Some(vec![]))]
#[case("1) \"a\n", None)]
#[case("1) \"a\"b\"\n", None)]
#[case("1) \"\\x\"\n", None)]
#[case("1) \"\\q\"\n", None)]
#[case("a) \"b\"\n", None)]
fn reads_what_redis_cli_prints(#[case] printed: &str, #[case] texts: Option<Vec<&str>>) {
    let read = redis::read(printed.as_bytes());
    match texts {
        Some(texts) => assert_eq!(read.expect("texts").texts().collect::<Vec<_>>(), texts),
        None => assert_eq!(read.expect_err("a fault").kind, FaultKind::Protocol),
    }
}

#[rstest]
#[case::socket(json!({"socket": "redis.sock"}), "absolute")]
#[case::path(json!({"repository_path": "{image}/{id}"}), "{id} stands for nothing")]
#[case::key(json!({"keys": {"plan": "cluster/backup"}}), "{plan} has to be in it")]
#[case::twice(json!({"keys": {"status": "{module}/{module}/{plan}"}}), "{module} has to be in it")]
fn problems_of_options(#[case] options: Json, #[case] message: &str) {
    let problems = kind::<BackupPlan>(options).problems(&target(host(22)), &Policy::default());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.contains(message), "{problems:?}");
}

#[test]
fn it_tells_what_it_would_send() {
    let requests = |options| -> Vec<String> {
        let mut here = host(22);
        here.local = true;
        let requests = kind::<BackupPlan>(options).requests(&target(here), &Policy::default());
        requests.into_iter().map(|request| request.text).collect()
    };
    assert_eq!(
        requests(one()),
        [
            "redis-cli -s /run/redis.sock --no-raw HGETALL cluster/backup/1",
            "redis-cli -s /run/redis.sock --no-raw --scan --pattern 'module/*/backups'",
            "redis-cli -s /run/redis.sock --no-raw SMEMBERS module/EACH/backups",
            "redis-cli -s /run/redis.sock --no-raw --scan --pattern 'module/*/backup_status/1'",
            "redis-cli -s /run/redis.sock --no-raw HGETALL module/EACH/backup_status/1",
            "redis-cli -s /run/redis.sock --no-raw HGETALL cluster/backup_repository/ITS",
            "RESTIC_REPOSITORY=*** RESTIC_PASSWORD=*** restic cat config --json --no-lock --no-cache",
        ]
    );
    let all = requests(json!({"sudo": true, "check_repository": false}));
    assert_eq!(
        all[0],
        "sudo -n redis-cli --no-raw --scan --pattern 'cluster/backup/*'"
    );
    assert!(!all.join("\n").contains("restic "), "{all:?}");
}
