use rstest::rstest;
use serde_json::json;

use super::*;
use crate::probe::kinds::stage::{fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

const CLOCK: &str = "1780656904 +0800\n";
/// As OpenZFS 0.8 and 2.2 print it with `-H -p`; 2.2 tells `used` of snapshots
/// that are being destroyed as `-`.
const LIST: &str = "\
main@auto-2026-05-10_00-00\t1778342400\t1024
main@auto-2026-06-04_00-00\t1780502400\t2048
main@auto-2026-06-05_00-00\t1780588800\t0
main@auto-12h-2026-06-05_12-00\t1780632000\t512
main@cloudsync-prev\t1780650000\t0
ssd@auto-2026-06-04_00-00\t1780502401\t4096
";

async fn look(options: serde_json::Value, zfs: Answer, status: Answer) -> Result<Facts, Fault> {
    let mut stage = stage(move |command| {
        if command.contains("date ") {
            Answer::ok(CLOCK)
        } else if command.contains("zpool status") {
            status.clone()
        } else {
            zfs.clone()
        }
    })
    .await;
    stage.context.target.timeout = std::time::Duration::from_secs(5);
    let kind = kind::<Zfs>(options);
    let seen = run(&kind, &stage.context).await;
    let sent = stage.server.log.lines();
    for request in kind.requests(&stage.context.target, &Policy::default()) {
        assert!(
            sent.iter().any(|line| line.contains(&request.text)),
            "{sent:?} has no {}",
            request.text
        );
    }
    seen
}

fn daily() -> serde_json::Value {
    json!({"datasets": ["main", "ssd"], "snapshot": "auto-{date}", "keep": "3w"})
}

#[tokio::test]
async fn the_snapshots_of_one_schedule() {
    let facts = look(daily(), Answer::ok(LIST), Answer::ok(""))
        .await
        .expect("facts");
    let expected = json!({
        "newest": {"main": "auto-2026-06-05_00-00", "ssd": "auto-2026-06-04_00-00"},
        "newest_at": "2026-06-03T16:00:01Z", "age_s": 154_503, "host_now": "2026-06-05T10:55:04Z",
        "oldest_at": "2026-05-09T16:00:00Z",
        "counts": {"main": 3, "ssd": 1}, "fewest": 1, "most": 3, "count": 4,
        "too_old": 1, "used_bytes": 7168, "missing": [], "without": [],
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&fact(&facts, name), value, "{name}");
    }
}

#[rstest]
#[case("auto-12h-{date}", "2026-06-05T04:00:00Z")]
#[case("auto-{date}", "2026-06-04T16:00:00Z")]
#[case("auto-*", "2026-06-05T04:00:00Z")]
#[case("*", "2026-06-05T09:00:00Z")]
#[tokio::test]
async fn names_that_begin_alike_are_told_apart(#[case] snapshot: &str, #[case] newest: &str) {
    let options = json!({"datasets": ["main"], "snapshot": snapshot});
    let facts = look(options, Answer::ok(LIST), Answer::ok(""))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "newest_at"), json!(newest));
    assert_eq!(fact(&facts, "too_old"), json!(null));
}

#[rstest]
#[case::no_dataset(Answer::Exit { stdout: LIST.into(), stderr: b"cannot open 'ssd': dataset does not exist\n".to_vec(), status: 1 }, json!(["ssd"]), json!([]))]
#[case::no_snapshots(Answer::ok(""), json!([]), json!(["main", "ssd"]))]
#[case::of_others(Answer::ok("main@cloudsync-prev\t1780650000\t-\n"), json!([]), json!(["main", "ssd"]))]
#[tokio::test]
async fn what_is_not_there_has_no_newest(
    #[case] zfs: Answer,
    #[case] missing: serde_json::Value,
    #[case] without: serde_json::Value,
) {
    let mut options = daily();
    if missing != json!([]) {
        options["datasets"] = json!(["main", "ssd"]);
    }
    let list = match zfs {
        Answer::Exit {
            stdout,
            stderr,
            status,
        } if status == 1 => {
            let text = String::from_utf8_lossy(&stdout);
            let own: Vec<&str> = text
                .lines()
                .filter(|line| line.starts_with("main"))
                .collect();
            Answer::Exit {
                stdout: own.join("\n").into_bytes(),
                stderr,
                status,
            }
        }
        other => other,
    };
    let facts = look(options, list, Answer::ok("")).await.expect("facts");
    assert_eq!(fact(&facts, "missing"), missing);
    assert_eq!(fact(&facts, "without"), without);
    assert_eq!(fact(&facts, "newest_at"), json!(null));
    assert_eq!(fact(&facts, "age_s"), json!(null));
    assert_eq!(fact(&facts, "fewest"), json!(0));
}

const SICK: &str = "  pool: ssd
 state: DEGRADED
status: One or more devices could not be used because the label is missing or
\tinvalid.  Sufficient replicas exist for the pool to continue
action: Replace the device using 'zpool replace'.
config:

\tNAME        STATE     READ WRITE CKSUM
\tssd         DEGRADED     0     0     0

errors: No known data errors
";

#[rstest]
#[case::well("main\tONLINE\t64\nssd\tONLINE\t12\n", 0, "", "all pools are healthy\n", true, json!([]), json!(64))]
#[case::of_0_8("main\tONLINE\t64%\nssd\tONLINE\t71%\n", 0, "", "pool 'main' is healthy\n", true, json!([]), json!(71))]
#[case::degraded("main\tONLINE\t64\nssd\tDEGRADED\t12\n", 0, "", SICK, false, json!(["ssd"]), json!(64))]
#[case::with_errors("main\tONLINE\t64\nssd\tONLINE\t12\n", 0, "", SICK, true, json!(["ssd"]), json!(64))]
#[case::unavailable("main\tONLINE\t64\nssd\tUNAVAIL\t-\n", 0, "", SICK, false, json!(["ssd"]), json!(null))]
#[case::gone("main\tONLINE\t64\n", 1, "cannot open 'ssd': no such pool\n", "", false, json!([]), json!(64))]
#[tokio::test]
async fn the_health_of_pools(
    #[case] list: &'static str,
    #[case] status: u32,
    #[case] stderr: &'static str,
    #[case] told: &'static str,
    #[case] healthy: bool,
    #[case] troubled: serde_json::Value,
    #[case] capacity: serde_json::Value,
) {
    let list = Answer::Exit {
        stdout: list.into(),
        stderr: stderr.into(),
        status,
    };
    let facts = look(json!({"pools": ["main", "ssd"]}), list, Answer::ok(told))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "healthy"), json!(healthy));
    assert_eq!(fact(&facts, "troubled"), troubled);
    assert_eq!(fact(&facts, "capacity_percent"), capacity);
    assert_eq!(fact(&facts, "status").is_null(), troubled == json!([]));
    assert_eq!(fact(&facts, "missing") == json!(["ssd"]), status == 1);
}

#[rstest]
#[case::no_program(
    Answer::fails(127, "sh: /sbin/zfs: not found\n"),
    FaultKind::Missing,
    "there is no zfs"
)]
#[case::denied(
    Answer::fails(1, "Permission denied the ZFS utilities must be run as root.\n"),
    FaultKind::Denied,
    "denies"
)]
#[case::no_module(
    Answer::fails(
        1,
        "The ZFS modules are not loaded.\nTry running '/sbin/modprobe zfs' as root to load them.\n"
    ),
    FaultKind::Protocol,
    "modules are not loaded"
)]
#[case::busy(
    Answer::fails(1, "cannot open 'ssd': dataset is busy\n"),
    FaultKind::Protocol,
    "is busy"
)]
#[case::garbage(Answer::ok("hello\n"), FaultKind::Protocol, "no list")]
#[case::in_words(
    Answer::ok("main@a\tFri Jun  5  0:00 2026\t0B\n"),
    FaultKind::Protocol,
    "no list"
)]
#[case::hangs(Answer::Hang, FaultKind::TimedOut, "")]
#[case::cut_off(Answer::Cut { stdout: LIST.into() }, FaultKind::Closed, "cut off")]
#[tokio::test]
async fn what_stands_in_the_way(#[case] zfs: Answer, #[case] kind: FaultKind, #[case] seen: &str) {
    let fault = look(daily(), zfs, Answer::ok(""))
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault:?}");
    assert!(fault.seen.contains(seen), "{fault}");
    if kind == FaultKind::Denied {
        assert!(fault.hint.is_some());
    }
}

#[rstest]
#[case(json!({}), "")]
#[case(json!({"datasets": ["main"], "pools": ["main"]}), "pools")]
#[case(json!({"datasets": ["-r"]}), "datasets.0")]
#[case(json!({"datasets": ["main/"]}), "datasets.0")]
#[case(json!({"datasets": ["main@x"]}), "datasets.0")]
#[case(json!({"pools": ["main/x"]}), "pools.0")]
#[case(json!({"datasets": ["main"], "date": "%H"}), "date")]
#[case(json!({"datasets": ["main"], "snapshot": "{date}{date}"}), "snapshot")]
#[case(json!({"datasets": ["main"], "snapshot": "main@{date}"}), "snapshot")]
#[case(json!({"datasets": ["main"], "copies": {}}), "copies")]
#[case(json!({"datasets": ["main"], "copies": {"min": 2, "max": 1}}), "copies")]
fn problems_have_a_place(#[case] options: serde_json::Value, #[case] place: &str) {
    let problems = kind::<Zfs>(options).problems(&target(host(22)), &Policy::default());
    let places: Vec<String> = problems
        .iter()
        .map(|problem| problem.path.join("."))
        .collect();
    assert_eq!(places, [place], "{problems:?}");
}

#[test]
fn what_is_expected_follows_the_options() {
    let mut options = daily();
    options["copies"] = json!({"min": 20, "max": 23});
    let defaults = kind::<Zfs>(options).defaults();
    assert_eq!(
        defaults.require,
        ["size(missing) == 0", "size(without) == 0", "fewest >= 20"]
    );
    assert_eq!(defaults.prefer, ["most <= 23", "too_old == 0"]);
    assert_eq!(
        kind::<Zfs>(json!({"pools": ["main"]})).defaults().require,
        ["healthy"]
    );
}
