//! `baselines/ns8-backup.yml` on the stand: green when all is as the monitor's README has it,
//! each row of its classification and of its back ends, and nothing of a credential anywhere.

use crate::stand::Stand;
use crate::stand::card::Card;
use crate::stand::host::Host;
use crate::stand::monitoring::Prometheus;
use crate::stand::redis::Redis;
use crate::stand::times::{ago, unix};

const SOCKET: &str = "/run/redis/redis.sock";
const PASSWORD: &str = "correct-horse-battery";
const REPOSITORY: &str = "cluster/backup_repository/4f2a";
const PLANS: &str = "plans@leader";

/// Both alerts; `failed` says whether NsBackupFailed fires.
fn rules(failed: bool) -> String {
    let failed = u8::from(failed);
    format!(
        "groups:\n- name: backup\n  rules:\n  - {{ alert: NsBackupFailed, expr: vector({failed}) > 0 }}\n  \
         - {{ alert: NsBackupMissing, expr: vector(0) > 0 }}\n  \
         - {{ record: evaluated, expr: vector({failed}) }}\n"
    )
}

/// The README's, with the route where Alertmanager takes one with matchers.
const ALERTMANAGER: &str = "\
receivers:
  - name: nobody
  - name: ns8-backup-monitor
    webhook_configs:
      - url: 'http://localhost:9099/alert'
        send_resolved: true
route:
  receiver: nobody
  routes:
    - receiver: ns8-backup-monitor
      matchers:
        - alertname =~ \"NsBackupFailed|NsBackupMissing\"
";

const CONFIG: &str = "/etc/alertmanager/alertmanager.yml";

/// What a module's last backup left in Redis.
fn state(redis: &Redis<'_>, plan: &str, module: &str, errors: &str, end: &str) {
    redis.hash(
        &format!("module/{module}/backup_status/{plan}"),
        &[
            ("total_size", "544"),
            ("start", &unix(ago(end))),
            ("end", &unix(ago(end))),
            ("errors", errors),
        ],
    );
}

/// A leader node after a good night: one plan, two modules, a repository on a local disk. It
/// has no monitor, unless the case is about that.
fn leader(stand: &Stand) -> Redis<'_> {
    let leader = stand.host("leader");
    let redis = leader.redis(SOCKET);
    redis.hash(
        "cluster/backup/1",
        &[
            ("name", "nightly"),
            ("repository", "4f2a"),
            ("enabled", "1"),
            ("retention", "3"),
            ("schedule", "daily"),
        ],
    );
    for module in ["mail1", "nextcloud2"] {
        redis.ask(&["SADD", &format!("module/{module}/backups"), "1"]);
        state(&redis, "1", module, "0", "3h");
    }
    leader.restic("/srv/ns8", PASSWORD, &[]);
    local(&redis, PASSWORD);
    redis
}

fn local(redis: &Redis<'_>, password: &str) {
    redis.hash(
        REPOSITORY,
        &[
            ("name", "nas"),
            ("provider", "local"),
            ("path", "/srv/ns8"),
            ("password", password),
        ],
    );
}

/// The monitor, and who tells it.
fn monitor(leader: &Host) -> Prometheus<'_> {
    leader
        .write("/etc/ns8-backup-monitor/config.yml", "mail: {}\n")
        .write(CONFIG, ALERTMANAGER)
        .unit("ns8-backup-monitor.service", "active");
    listen(leader);
    leader.alertmanager_on("0.0.0.0", CONFIG);
    let prometheus = leader.prometheus_on("0.0.0.0", &["127.0.0.1:9090"], &rules(false));
    prometheus.until("evaluated == 0");
    knows_alertmanager(leader);
    prometheus
}

/// Prometheus looks for its Alertmanagers anew after each reload, and takes some seconds.
fn knows_alertmanager(leader: &Host) {
    leader.until("prometheus", "no Alertmanager is known", || {
        leader
            .get(9090, "/api/v1/alertmanagers")
            .1
            .contains(":9093")
    });
}

/// Something that listens on the monitor's port.
fn listen(leader: &Host) {
    let address = leader.address.to_string();
    let command = ["redis-server", "--port", "9099", "--bind", &address];
    leader.serve("monitor", &command);
    leader.served("monitor", 9099);
}

/// The plans and what they need, without the monitor.
fn plans(stand: &Stand) -> Card {
    stand.check_with(&["--only", "plans"])
}

#[track_caller]
fn comes_to(card: &Card, outcome: &str) {
    let expected = match outcome {
        "SUCCESS" => "PASS",
        "PARTIAL" => "WARN",
        _ => "BLOCKED",
    };
    assert_eq!(card.fact(PLANS, "outcome"), outcome, "{}", card.told());
    assert_eq!(card.verdict(PLANS), expected, "{}", card.told());
}

#[test]
fn all_is_well() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    leader(&stand);
    monitor(stand.host("leader"));
    let card = stand.check();
    card.all_green();
    comes_to(&card, "SUCCESS");
    assert_eq!(card.fact(PLANS, "module_count"), 2);
    assert_eq!(card.fact(PLANS, "repository_reachable"), true);
}

/// "Logica di classificazione".
#[test]
fn each_row_of_the_classification() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    let host = stand.host("leader");
    comes_to(&plans(&stand), "SUCCESS");

    // At least one module failed, the repository can be opened.
    state(&redis, "1", "nextcloud2", "1", "3h");
    let card = plans(&stand);
    comes_to(&card, "PARTIAL");
    card.warned(
        PLANS,
        "nextcloud2: its last backup ended with 1 errors",
        "the modules that failed",
    );
    assert_eq!(card.fact(PLANS, "repository_reachable"), true);
    assert_eq!(card.code, Some(1), "{}", card.told());

    // The same, and the repository is gone: the worse is told.
    host.run(&["mv", "/srv/ns8", "/srv/gone"]);
    let card = plans(&stand);
    comes_to(&card, "REPO_FAILURE");
    card.blocked(PLANS, "/srv/ns8", "repair the destination");
    assert_eq!(card.fact(PLANS, "repository_reachable"), false);
    host.run(&["mv", "/srv/gone", "/srv/ns8"]);

    // A module without a state among others that have one.
    redis.forget("module/nextcloud2/backup_status/1");
    let card = plans(&stand);
    comes_to(&card, "PARTIAL");
    card.warned(PLANS, "nextcloud2: it never ran", "");

    // No state in Redis at all.
    redis.forget("module/mail1/backup_status/1");
    let card = plans(&stand);
    comes_to(&card, "REPO_FAILURE");
    card.blocked(PLANS, "no state of any of its modules", "has never run");

    // No plan that is enabled, and none at all.
    state(&redis, "1", "mail1", "0", "3h");
    state(&redis, "1", "nextcloud2", "0", "3h");
    redis.ask(&["HSET", "cluster/backup/1", "enabled", "0"]);
    let card = plans(&stand);
    comes_to(&card, "REPO_FAILURE");
    card.blocked(PLANS, "no backup plan that is enabled", "");
    redis.forget("cluster/backup/1");
    comes_to(&plans(&stand), "REPO_FAILURE");
}

#[test]
fn of_several_plans_the_worst_is_told() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    redis.hash(
        "cluster/backup/2",
        &[("name", "weekly"), ("repository", "4f2a"), ("enabled", "1")],
    );
    redis.ask(&["SADD", "module/mail1/backups", "2"]);
    state(&redis, "2", "mail1", "2", "3h");
    let card = plans(&stand);
    comes_to(&card, "PARTIAL");
    card.warned(PLANS, "plan 2 weekly: mail1: its last backup ended", "");
    redis.ask(&["HSET", "cluster/backup/2", "repository", "0000"]);
    let card = plans(&stand);
    comes_to(&card, "REPO_FAILURE");
    assert_eq!(card.fact(PLANS, "outcomes")["1"], "SUCCESS");
    card.blocked(PLANS, "there is no cluster/backup_repository/0000", "");
}

/// The state of a night long ago is still there, and says that all went well.
#[test]
fn the_last_backup_is_old() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    state(&redis, "1", "nextcloud2", "0", "26h");
    let card = plans(&stand);
    card.warned(PLANS, "oldest_module_at", "");
    assert_eq!(card.fact(PLANS, "outcome"), "SUCCESS", "{}", card.told());
}

/// A module that was removed, or taken out of the plan, leaves its last state in Redis.
#[test]
fn a_former_module_is_told_and_not_counted() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    state(&redis, "1", "gone7", "3", "90d");
    let card = plans(&stand);
    comes_to(&card, "SUCCESS");
    assert_eq!(card.verdict(PLANS), "PASS", "{}", card.told());
    assert_eq!(card.fact(PLANS, "former_modules")[0], "gone7");
}

/// The node's clock was years ahead when the module's backup ended: until then it would
/// look as new as can be.
#[test]
fn the_last_backup_is_of_a_time_to_come() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    for module in ["mail1", "nextcloud2"] {
        redis.hash(
            &format!("module/{module}/backup_status/1"),
            &[
                ("start", "1893455900"),
                ("end", "4102444800"),
                ("errors", "0"),
            ],
        );
    }
    let card = plans(&stand);
    card.blocked(PLANS, "in the future", "");
    assert_eq!(card.fact(PLANS, "outcome"), "SUCCESS", "{}", card.told());
}

#[test]
fn the_password_in_redis_is_wrong() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    local(&redis, "no-horse-at-all");
    let card = plans(&stand);
    comes_to(&card, "REPO_FAILURE");
    card.blocked(PLANS, "wrong password", "the credentials of the repository");
    let told = format!("{}{}", card.json, card.stderr);
    assert!(!told.contains("no-horse-at-all"), "{told}");
    local(&redis, "");
    plans(&stand).blocked(PLANS, "Redis has no password", "");
}

/// A row of "Backend supportati": the name of the back end, its fields in Redis, and what
/// restic is given. Names and texts, one a line.
struct BackEnd {
    provider: &'static str,
    fields: &'static [(&'static str, &'static str)],
    given: &'static [&'static str],
    secrets: &'static [&'static str],
}

const S3: &str = "s3:s3.eu-south-1.amazonaws.com/ns8-backup";
const KEY: (&str, &str) = ("aws_access_key_id", "AKIAZQ3DRSTUVWXY2345");
const SECRET: (&str, &str) = ("aws_secret_access_key", "wJalrXUtnFEMIK7MDENGbPxRfiCYzzzz");
const ACCOUNT: (&str, &str) = ("b2_account_id", "000a1b2c3d4e5f0000000001");
const ACCOUNT_KEY: (&str, &str) = ("b2_account_key", "K000TheApplicationKeyOfB2");
const OPENS: &str = "RESTIC_PASSWORD=correct-horse-battery";
const AWS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID=AKIAZQ3DRSTUVWXY2345",
    "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYzzzz",
    OPENS,
    "RESTIC_REPOSITORY=s3:s3.eu-south-1.amazonaws.com/ns8-backup",
];
const B2: [&str; 4] = [
    "B2_ACCOUNT_ID=000a1b2c3d4e5f0000000001",
    "B2_ACCOUNT_KEY=K000TheApplicationKeyOfB2",
    OPENS,
    "RESTIC_REPOSITORY=b2:ns8-backup:cluster",
];

const BACK_ENDS: [BackEnd; 9] = [
    BackEnd {
        provider: "local",
        fields: &[("path", "/srv/ns8")],
        given: &[OPENS, "RESTIC_REPOSITORY=/srv/ns8"],
        secrets: &[],
    },
    BackEnd {
        provider: "fs",
        fields: &[("url", "/srv/ns8")],
        given: &[OPENS, "RESTIC_REPOSITORY=/srv/ns8"],
        secrets: &[],
    },
    BackEnd {
        provider: "s3",
        fields: &[("url", S3), KEY, SECRET],
        given: &AWS,
        secrets: &[KEY.1, SECRET.1],
    },
    BackEnd {
        provider: "aws",
        fields: &[("url", S3), KEY, SECRET],
        given: &AWS,
        secrets: &[KEY.1, SECRET.1],
    },
    BackEnd {
        provider: "b2",
        fields: &[("url", "b2:ns8-backup:cluster"), ACCOUNT, ACCOUNT_KEY],
        given: &B2,
        secrets: &[ACCOUNT.1, ACCOUNT_KEY.1],
    },
    BackEnd {
        provider: "backblaze",
        fields: &[("url", "b2:ns8-backup:cluster"), ACCOUNT, ACCOUNT_KEY],
        given: &B2,
        secrets: &[ACCOUNT.1, ACCOUNT_KEY.1],
    },
    BackEnd {
        provider: "sftp",
        fields: &[("url", "sftp:nas:/srv/ns8")],
        given: &[OPENS, "RESTIC_REPOSITORY=sftp:nas:/srv/ns8"],
        secrets: &[],
    },
    BackEnd {
        provider: "rclone",
        fields: &[
            ("url", "rclone:drive:ns8"),
            ("rclone_config", "/etc/rclone/ns8.conf"),
        ],
        given: &[
            "RCLONE_CONFIG=/etc/rclone/ns8.conf",
            OPENS,
            "RESTIC_REPOSITORY=rclone:drive:ns8",
        ],
        secrets: &[],
    },
    // As NethServer itself writes it, with a region.
    BackEnd {
        provider: "aws",
        fields: &[
            ("url", S3),
            KEY,
            SECRET,
            ("aws_default_region", "eu-south-1"),
        ],
        given: &[
            AWS[0],
            "AWS_DEFAULT_REGION=eu-south-1",
            AWS[1],
            OPENS,
            AWS[3],
        ],
        secrets: &[KEY.1, SECRET.1],
    },
];

/// Stands in for restic: writes down its variables, its arguments and the command lines of
/// all processes of the host, and answers as restic does, or fails and says what a back end
/// should not.
const RECORDER: &str = r#"#!/bin/sh
seen=/var/lib/stand/restic
env | LC_ALL=C grep -E '^(RESTIC|AWS|B2|RCLONE|AZURE|GOOGLE|OS|ST)_' | LC_ALL=C sort > "$seen/variables"
printf '%s\n' "$*" > "$seen/arguments"
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' > "$seen/processes"
[ "$*" = "cat config --json --no-lock --no-cache" ] || {
  echo "unknown arguments" >&2
  exit 1
}
[ ! -e "$seen/fails" ] || {
  echo "Fatal: unable to open config file: Stat: $RESTIC_PASSWORD $AWS_ACCESS_KEY_ID" \
    "$AWS_SECRET_ACCESS_KEY $B2_ACCOUNT_ID $B2_ACCOUNT_KEY: access denied" >&2
  exit 1
}
printf '{\n  "version": 2,\n  "id": "5956a3f67a6230d4a92cefb29529f10196c7d92582ec305fd71ff6d331d6271b",\n  "chunker_polynomial": "25b468838dcb75"\n}\n'
"#;

impl BackEnd {
    fn put(&self, redis: &Redis<'_>) {
        let mut fields = vec![
            ("name", "off-site"),
            ("provider", self.provider),
            ("password", PASSWORD),
        ];
        fields.extend(self.fields);
        redis.hash(REPOSITORY, &fields);
    }

    fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().copied().chain([PASSWORD])
    }
}

/// "Backend supportati": exactly the variables of the table reach restic, and one that cannot
/// be opened is a REPO_FAILURE.
#[test]
fn each_row_of_the_back_ends() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    let host = stand.host("leader");
    host.program("restic", RECORDER)
        .answer("restic/variables", "");
    for back_end in &BACK_ENDS {
        let name = back_end.provider;
        back_end.put(&redis);
        host.answer("restic/variables", "not asked");
        let card = plans(&stand);
        card.all_green();
        comes_to(&card, "SUCCESS");
        let seen = |file: &str| host.read(&format!("/var/lib/stand/restic/{file}"));
        let variables = seen("variables");
        let variables: Vec<&str> = variables.lines().collect();
        assert_eq!(variables, back_end.given, "{name}");
        let arguments = seen("arguments");
        assert_eq!(
            arguments.trim(),
            "cat config --json --no-lock --no-cache",
            "{name}"
        );
        let lines = seen("processes");
        assert!(lines.contains("restic"), "no command lines: {lines}");
        for secret in back_end.secrets() {
            assert!(
                !lines.contains(secret),
                "{name}, on a command line: {lines}"
            );
        }

        host.answer("restic/fails", "");
        let card = plans(&stand);
        comes_to(&card, "REPO_FAILURE");
        card.blocked(
            PLANS,
            "unable to open config file",
            "repair the destination",
        );
        // It was said, and hidden.
        assert!(card.why(PLANS).contains("***"), "{}", card.told());
        let told = format!("{}{}", card.json, card.stderr);
        for secret in back_end.secrets() {
            assert!(!told.contains(secret), "{name}: {told}");
        }
        host.remove("/var/lib/stand/restic/fails");

        // A field of the table that Redis does not have.
        for (field, _) in back_end.fields {
            if *field == "rclone_config" || *field == "aws_default_region" {
                continue;
            }
            back_end.put(&redis);
            redis.ask(&["HDEL", REPOSITORY, field]);
            let missing = if matches!(*field, "url" | "path") {
                "url"
            } else {
                field
            };
            plans(&stand).blocked(PLANS, &format!("Redis has no {missing}"), "");
        }
    }
}

/// A host that takes connections and says nothing.
#[test]
fn the_destination_does_not_answer() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    leader(&stand);
    stand
        .host("leader")
        .program("restic", "#!/bin/sh\nexec sleep 600\n");
    let card = stand.check_with(&["--only", "plans", "--var", "patience=10s"]);
    comes_to(&card, "REPO_FAILURE");
    card.blocked(PLANS, "did not end", "repair the destination");
}

/// Whatever is asked for, and whether it goes well or not.
#[test]
fn credentials_are_nowhere() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    let host = stand.host("leader");
    host.program("restic", RECORDER)
        .answer("restic/variables", "");
    let kept = stand.folder("kept");
    let at = |name: &str| kept.join(name).display().to_string();
    for fails in [false, true] {
        if fails {
            host.answer("restic/fails", "");
        }
        for back_end in BACK_ENDS.iter().filter(|each| !each.secrets.is_empty()) {
            back_end.put(&redis);
            let (audit, evidence) = (at("audit"), at("evidence"));
            let html = format!("html={}", at("report"));
            let junit = format!("junit={}", at("junit"));
            let more = [
                "--audit",
                &audit,
                "--evidence",
                &evidence,
                "--report",
                &html,
                "--report",
                &junit,
            ];
            let card = stand.check_with(&more);
            let told = format!(
                "{}{}{}{}",
                card.json,
                card.stderr,
                stand.text(&["-v"]),
                stand.text(&[])
            );
            for secret in back_end.secrets() {
                assert!(!told.contains(secret), "{}: {told}", back_end.provider);
                let found = std::process::Command::new("grep")
                    .args(["-r", "-l", "-F", secret])
                    .arg(&kept)
                    .output()
                    .expect("grep");
                assert_eq!(found.status.code(), Some(1), "{secret} in {found:?}");
            }
        }
    }
    let audit = std::fs::read_to_string(kept.join("audit")).expect("an audit");
    assert!(
        audit.contains("read -r AWS_SECRET_ACCESS_KEY") && audit.contains("HGETALL"),
        "{audit}"
    );
    assert!(kept.join("evidence").is_dir() && kept.join("report").is_file());
}

#[test]
fn redis_has_no_socket() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    redis.stop();
    // What a server that was killed leaves behind.
    plans(&stand).blocked("leader-node@leader", "refused", "systemctl status redis");
    let host = stand.host("leader");
    host.remove(SOCKET);
    plans(&stand).blocked("redis-socket@leader", "exists = false", "systemctl status");
    host.write(SOCKET, "no socket");
    plans(&stand).blocked("redis-socket@leader", "kind = \"file\"", "");
}

#[test]
fn redis_does_not_answer_or_refuses() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    let only = |what: &str| stand.check_with(&["--only", "plans", "--var", what]);
    // Who comes in may ask for its role and for nothing of the cluster's.
    redis.ask(&["ACL", "SETUSER", "default", "resetkeys", "~nothing"]);
    let card = only("patience=60s");
    card.only_bad([PLANS]);
    assert!(card.why(PLANS).contains("NOPERM"), "{}", card.told());
    assert_eq!(card.fact(PLANS, "outcome"), &serde_json::Value::Null);
    redis.ask(&["ACL", "SETUSER", "default", "allkeys"]);
    only("patience=60s").all_green();
    // A replica: this node is a worker.
    redis.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    only("patience=60s").blocked("leader-node@leader", "slave", "set `leader_host`");
    redis.ask(&["REPLICAOF", "NO", "ONE"]);
    // It takes connections, and answers nobody.
    redis.ask(&["CLIENT", "PAUSE", "600000", "ALL"]);
    let card = only("patience=60s");
    card.only_bad(["leader-node@leader"]);
    assert!(
        card.why("leader-node@leader").contains("did not end in"),
        "{}",
        card.told()
    );
}

#[test]
fn redis_wants_a_password() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    let redis = leader(&stand);
    redis.ask(&["CONFIG", "SET", "requirepass", "of-the-cluster"]);
    plans(&stand).blocked("leader-node@leader", "NOAUTH", "Where it refuses");
}

#[test]
fn what_the_monitor_requires_is_not_there() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    leader(&stand);
    let host = stand.host("leader");
    monitor(host);
    let with = |variable: &str| stand.check_with(&["--var", variable]);
    with("restic=/usr/local/bin/restic").blocked(
        "restic@leader",
        "exists = false",
        "Install restic",
    );
    with("redis_cli=/usr/local/bin/redis-cli").blocked(
        "redis-cli@leader",
        "exists = false",
        "Install the package",
    );
    host.write("/opt/old/python3.8", "");
    host.say(&["ln", "-s", "python3.8", "/opt/old/python3"]);
    with("python=/opt/old/python3").blocked("python@leader", "python3.8", "3.9 or newer");
    with("python=/opt/none/python3").blocked("python@leader", "exists = false", "3.9 or newer");
}

#[test]
fn the_monitor_is_down() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    leader(&stand);
    let host = stand.host("leader");
    monitor(host);
    let unit = "ns8-backup-monitor.service";
    for state in ["failed", "inactive"] {
        host.unit(unit, state);
        stand
            .check()
            .blocked("service@leader", state, "systemctl enable --now");
    }
    host.unit(unit, "active").edit(
        &format!("/var/lib/stand/units/{unit}"),
        "UnitFileState=enabled",
        "UnitFileState=disabled",
    );
    stand
        .check()
        .warned("service@leader", "disabled", "systemctl enable --now");
    host.unit(unit, "active").stop("monitor");
    stand
        .check()
        .blocked("webhook@leader", "listening = false", "systemctl restart");
    listen(host);
    host.write("/etc/ns8-backup-monitor/config.yml", "");
    stand
        .check()
        .blocked("config@leader", "size_bytes = 0", "mail.to");
    host.remove("/etc/ns8-backup-monitor/config.yml");
    stand
        .check()
        .blocked("config@leader", "exists = false", "config.yml.example");
}

#[test]
fn nobody_tells_the_monitor() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    leader(&stand);
    let host = stand.host("leader");
    let prometheus = monitor(host);
    // What the file says, and what Alertmanager has loaded, are two things.
    host.edit(CONFIG, "localhost:9099", "localhost:9098");
    stand
        .check()
        .blocked("receiver-url@leader", "lines", "Add the receiver");
    host.edit(
        CONFIG,
        "- url: 'http://localhost:9098",
        "# - url: 'http://localhost:9099",
    );
    stand
        .check()
        .blocked("receiver-url@leader", "lines", "Add the receiver");
    // One of the two is not the route's; the route is another receiver's; and one before it takes
    // both. The names are there each time.
    for (configuration, why) in [
        (
            ALERTMANAGER.replace("NsBackupFailed|NsBackupMissing", "NsBackupFailed")
                + "# NsBackupMissing\n",
            "NsBackupMissing reaches nobody, not ns8-backup-monitor",
        ),
        (
            ALERTMANAGER.replace("- receiver: ns8", "- receiver: nobody # ns8"),
            "NsBackupFailed reaches nobody, not ns8-backup-monitor",
        ),
        (
            ALERTMANAGER.replace(
                "  routes:\n",
                "  routes:\n    - receiver: nobody\n      matchers: ['alertname =~ \"Ns.*\"']\n",
            ),
            "NsBackupMissing reaches nobody, not ns8-backup-monitor",
        ),
    ] {
        host.write(CONFIG, &configuration).stop("alertmanager");
        host.alertmanager_on("0.0.0.0", CONFIG);
        stand.check().blocked("route", why, "in `routes:`");
    }
    let quiet = ALERTMANAGER.replace("send_resolved: true", "send_resolved: false");
    host.write(CONFIG, &quiet).stop("alertmanager");
    host.alertmanager_on("0.0.0.0", CONFIG);
    stand.check().warned(
        "receiver-resolved@leader",
        "send_resolved: false",
        "nobody is told that a backup went well again",
    );
    // What is commented out, or not said, is true of a webhook.
    for line in ["# send_resolved: false", ""] {
        host.write(CONFIG, ALERTMANAGER.replace("send_resolved: true", line))
            .stop("alertmanager");
        host.alertmanager_on("0.0.0.0", CONFIG);
        stand.check().all_green();
    }
    // One before it takes both and goes on.
    let goes_on = "  routes:\n    - { receiver: nobody, continue: true }\n";
    host.write(CONFIG, ALERTMANAGER.replace("  routes:\n", goes_on))
        .stop("alertmanager");
    host.alertmanager_on("0.0.0.0", CONFIG);
    stand.check().all_green();
    host.write(CONFIG, ALERTMANAGER).stop("alertmanager");
    stand
        .check()
        .blocked("alertmanager", "refused", "systemctl restart alertmanager");
    host.edit(CONFIG, "ns8-backup-monitor", "another");
    host.alertmanager_on("0.0.0.0", CONFIG);
    let card = stand.check();
    card.only_bad(["receiver", "route"]);
    assert!(card.why("receiver").contains("another"), "{}", card.told());
    assert!(
        card.remedy("receiver").contains("Add the receiver"),
        "{}",
        card.told()
    );
    host.write(CONFIG, ALERTMANAGER).stop("alertmanager");
    host.alertmanager_on("0.0.0.0", CONFIG);

    prometheus.rules(&rules(true)).fires("NsBackupFailed");
    knows_alertmanager(host);
    stand
        .check()
        .warned("alerts", "NsBackupFailed", "The monitor's e-mail");
    // What waits for an hour had no time to fire since Prometheus was started.
    let waits = rules(false).replace(
        "NsBackupMissing, expr: vector(0) > 0",
        "NsBackupMissing, for: 1h, expr: vector(1)",
    );
    prometheus
        .rules(&waits)
        .until("ALERTS{alertname=\"NsBackupMissing\",alertstate=\"pending\"}");
    knows_alertmanager(host);
    stand.check().warned(
        "alerts",
        "NsBackupMissing: pending since",
        "The monitor's e-mail",
    );
    prometheus
        .rules(&rules(false).replace("NsBackupMissing", "Other"))
        .until("evaluated == 0");
    knows_alertmanager(host);
    stand
        .check()
        .blocked("rules", "NsBackupMissing", "Load the rules");

    // Prometheus tells nobody.
    let address = format!("\"{}:9093\"", host.address);
    host.edit("/etc/prometheus/prometheus.yml", &address, "");
    prometheus.rules(&rules(false)).until("evaluated == 0");
    host.until("prometheus", "an Alertmanager is known", || {
        !host.get(9090, "/api/v1/alertmanagers").1.contains(":9093")
    });
    stand
        .check()
        .blocked("alertmanagers", "alertmanagers = []", "Repair `alerting`");
}

#[test]
fn the_leader_is_without_power() {
    let Some(stand) = Stand::of("ns8-backup", &[]) else {
        return;
    };
    leader(&stand);
    stand.host("leader").power_off();
    let card = stand.check();
    assert!(card.bad().contains_key("ssh@leader"), "{}", card.told());
    assert_eq!(
        card.json["roots"].as_array().map(Vec::len),
        Some(1),
        "{}",
        card.told()
    );
}
