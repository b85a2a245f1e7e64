//! What earlier runs have to say, and how it reaches the card.

use jiff::Timestamp;
use rstest::rstest;

use super::*;
use crate::judge::{Direction, Fresh, FreshRule, FreshState, Streak, Trend};
use crate::scorecard::LastGreen;
use crate::state::{CheckMemory, Memory, Sample};

/// The kind whose facts tell the boot of a host.
const TELLS_BOOT: &str = "ssh";

/// A check that has to have held for ten minutes.
fn steady(id: &'static str) -> Sketch {
    let mut sketch = check(id, vec![Act::Pass]).on("data188");
    sketch.over_time.stable_for = Some(Duration::from_mins(10));
    sketch
}

fn login(milliseconds: u64) -> Sketch {
    let mut sketch = check("login", vec![Act::Boot("boot-1")])
        .on("data188")
        .takes(milliseconds);
    sketch.kind = TELLS_BOOT;
    sketch
}

fn failing_login(milliseconds: u64) -> Sketch {
    let mut sketch = login(milliseconds);
    let fault = Fault::new(FaultKind::Closed, "no SSH there");
    sketch.acts = vec![Act::Fault(fault)];
    sketch
}

/// Has passed since long ago, and was last seen a moment ago, on `boot`.
fn remembered(id: &str, definition: &str, boot: Option<&str>) -> Memory {
    let now = Timestamp::now();
    let mut memory = Memory::default();
    memory.checks.insert(
        id.to_owned(),
        CheckMemory {
            definition: definition.to_owned(),
            streak: Streak {
                verdict: Verdict::Pass,
                since: now - Duration::from_hours(2),
                last: now - Duration::from_secs(30),
                looks: 9,
                boot: boot.map(str::to_owned),
            },
            samples: Vec::new(),
        },
    );
    memory
}

fn with(memory: Memory) -> Options {
    Options {
        memory,
        ..Options::default()
    }
}

fn seen(card: &Scorecard, id: &str) -> String {
    let check = find(card, id);
    let finding = check.findings.last().expect("a finding");
    finding.seen.clone()
}

#[tokio::test(start_paused = true)]
async fn what_has_held_for_long_passes() {
    let (plan, _) = plan(vec![
        ("A", &[], vec![login(10)]),
        ("B", &["A"], vec![steady("db")]),
    ]);
    let options = with(remembered("db", "d1", Some("boot-1")));
    let card = card_of(&plan, &options).await;
    assert_eq!(
        find(&card, "db").verdict,
        Verdict::Pass,
        "{}",
        seen(&card, "db")
    );
    let course = find(&card, "db").course.as_ref().expect("a course");
    assert!(
        course.held_s.is_some_and(|held| held > 7_100.0),
        "{course:?}"
    );
}

#[rstest]
#[case::nothing(Memory::default(), "no earlier look is remembered")]
#[case::another_boot(remembered("db", "d1", Some("boot-0")), "since the host has booted")]
#[case::another_check(remembered("db", "d0", Some("boot-1")), "the check itself was changed")]
#[tokio::test(start_paused = true)]
async fn what_is_not_known_to_have_held_warns(#[case] memory: Memory, #[case] why: &str) {
    let (plan, _) = plan(vec![
        ("A", &[], vec![login(10)]),
        ("B", &["A"], vec![steady("db")]),
    ]);
    let card = card_of(&plan, &with(memory)).await;
    assert_eq!(find(&card, "db").verdict, Verdict::Warn);
    assert!(seen(&card, "db").contains(why), "{}", seen(&card, "db"));
    assert_eq!(
        card.phases[1].gate,
        Gate::Warn,
        "the gate is decided with it"
    );
}

/// Both run at once, and the login answers last.
#[tokio::test(start_paused = true)]
async fn a_verdict_waits_for_the_boot_that_is_being_learned() {
    let (plan, _) = plan(vec![("A", &[], vec![login(400), steady("db")])]);
    for (boot, expected) in [("boot-1", Verdict::Pass), ("boot-0", Verdict::Warn)] {
        let options = with(remembered("db", "d1", Some(boot)));
        let card = card_of(&plan, &options).await;
        assert_eq!(find(&card, "db").verdict, expected, "{boot}");
    }
}

/// A login that fails tells no boot, and nothing else will: the run ends all the same.
#[rstest]
#[case::after_it(vec![failing_login(400), steady("db")])]
#[case::before_it(vec![steady("db"), failing_login(400)])]
#[case::two_wait(vec![failing_login(400), steady("db"), steady("web")])]
#[tokio::test(start_paused = true)]
async fn a_login_that_fails_last_keeps_nobody_waiting(#[case] checks: Vec<Sketch>) {
    let (plan, _) = plan(vec![("A", &[], checks)]);
    let options = with(remembered("db", "d1", Some("boot-1")));
    let ended = tokio::time::timeout(Duration::from_mins(10), card_of(&plan, &options)).await;
    let card = ended.expect("a run that ends");
    assert_eq!(find(&card, "login").verdict, Verdict::Blocked);
    assert_eq!(find(&card, "db").verdict, Verdict::Warn);
    assert!(seen(&card, "db").contains("boot is not known"));
}

/// Nobody waits for what a gate may never let start.
#[tokio::test(start_paused = true)]
async fn a_boot_that_is_told_too_late_is_not_known() {
    let (plan, _) = plan(vec![
        ("A", &[], vec![steady("db")]),
        ("B", &["A"], vec![login(10)]),
    ]);
    let options = with(remembered("db", "d1", Some("boot-1")));
    let card = card_of(&plan, &options).await;
    assert_eq!(find(&card, "db").verdict, Verdict::Warn);
    assert!(seen(&card, "db").contains("boot is not known"));
}

/// The deadline strikes while the login hangs: what was seen is judged.
#[tokio::test(start_paused = true)]
async fn what_was_seen_before_the_deadline_is_on_the_card() {
    let mut hanging = check("login", vec![Act::Hang]).on("data188");
    hanging.kind = TELLS_BOOT;
    let (plan, _) = plan(vec![("A", &[], vec![hanging, steady("db")])]);
    let options = Options {
        deadline: Some(Duration::from_millis(500)),
        ..with(remembered("db", "d1", Some("boot-1")))
    };
    let card = card_of(&plan, &options).await;
    assert_eq!(find(&card, "db").verdict, Verdict::Warn);
    assert_eq!(find(&card, "login").verdict, Verdict::NotEvaluated);
}

#[rstest]
#[case::same(Some("boot-1"), Some(false))]
#[case::another(Some("boot-0"), Some(true))]
#[case::not_known_then(None, None)]
#[tokio::test(start_paused = true)]
async fn the_card_tells_what_has_booted_since_green(
    #[case] then: Option<&str>,
    #[case] expected: Option<bool>,
) {
    let (plan, _) = plan(vec![("A", &[], vec![login(10)])]);
    let at = Timestamp::UNIX_EPOCH;
    let boots = then.map(|boot| ("data188".to_owned(), boot.to_owned()));
    let options = with(Memory {
        last_green: Some(LastGreen {
            at,
            boots: boots.into_iter().collect(),
        }),
        ..Memory::default()
    });
    let card = card_of(&plan, &options).await;
    assert_eq!(card.last_green, Some(at));
    assert_eq!(card.hosts[0].rebooted_since_green, expected);
}

/// What has to have been written within the hour.
fn recent(id: &'static str) -> Sketch {
    let mut sketch = check(id, vec![Act::Written]).on("data188").attempts(3);
    let rule = FreshRule::Age {
        within: Some(Duration::from_hours(1)),
        prefer_within: None,
        zone: jiff::tz::TimeZone::UTC,
    };
    sketch.over_time.fresh = Some(Fresh::compile("modified", FACTS, rule).expect("a rule"));
    sketch
}

/// It waits for the login that tells the boot, and is not looked at again: what is old
/// does not become young.
#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_blocked_and_the_boot_since_is_said() {
    let (plan, _) = plan(vec![("A", &[], vec![login(400), recent("backup")])]);
    let card = card_of(&plan, &Options::default()).await;
    let check = find(&card, "backup");
    assert_eq!((check.verdict, check.attempts), (Verdict::Blocked, 1));
    let seen = seen(&card, "backup");
    assert!(
        seen.ends_with(", 2h ago, before the last boot of data188, 1m 30s ago"),
        "{seen}"
    );
    let fresh = check
        .course
        .as_ref()
        .and_then(|course| course.fresh.as_ref());
    let state = fresh.map(|fresh| (fresh.state, fresh.before_boot));
    assert_eq!(state, Some((FreshState::TooOld, Some(true))));
}

#[tokio::test(start_paused = true)]
async fn an_advisory_check_only_warns_of_what_is_too_old() {
    let (plan, _) = plan(vec![("A", &[], vec![recent("backup").advisory()])]);
    let card = card_of(&plan, &Options::default()).await;
    assert_eq!(find(&card, "backup").verdict, Verdict::Warn);
}

/// What does not get more from look to look, over three of them.
fn falling(host: Option<&'static str>) -> Sketch {
    let mut sketch = check("backlog", vec![Act::Up(3.0)]);
    sketch.host = host;
    let trend = Trend::compile("uptime_s", FACTS, Direction::NotIncreasing, 3);
    sketch.over_time.trend = Some(trend.expect("a trend"));
    sketch
}

/// Saw 5 and then 4, so many minutes ago, on `boot`.
fn sampled(definition: &str, boot: Option<&str>, minutes: [u64; 2]) -> Memory {
    let mut memory = remembered("backlog", definition, boot);
    let now = Timestamp::now();
    let check = memory.checks.get_mut("backlog").expect("it is remembered");
    check.samples = minutes
        .into_iter()
        .zip([5.0, 4.0])
        .map(|(minutes, value)| Sample {
            fact: "uptime_s".to_owned(),
            at: now - Duration::from_mins(minutes),
            value,
            boot: boot.map(str::to_owned),
        })
        .collect();
    memory
}

const HOST: Option<&str> = Some("data188");
const BOOT: Option<&str> = Some("boot-1");
const FIRST: &str = "could not tell: 1 of 3 looks so far: 3";
const SECOND: &str = "could not tell: 2 of 3 looks so far: 4 → 3";

#[rstest]
#[case::ten_minutes_apart(HOST, sampled("d1", BOOT, [20, 10]), "5 → 4 → 3")]
#[case::an_hour_apart(HOST, sampled("d1", BOOT, [121, 61]), "5 → 4 → 3")]
#[case::another_boot(HOST, sampled("d1", Some("boot-0"), [20, 10]), FIRST)]
#[case::a_boot_that_was_not_known(HOST, sampled("d1", None, [20, 10]), FIRST)]
#[case::another_check(HOST, sampled("d0", BOOT, [20, 10]), FIRST)]
#[case::no_host(None, sampled("d1", None, [20, 10]), "5 → 4 → 3")]
#[case::no_host_and_long_ago(None, sampled("d1", None, [60 * 24 * 60, 60 * 24 * 59]), FIRST)]
#[case::a_gap_before_the_last_look(HOST, sampled("d1", BOOT, [140, 130]), FIRST)]
#[case::a_gap_between_earlier_looks(HOST, sampled("d1", BOOT, [140, 10]), SECOND)]
#[tokio::test(start_paused = true)]
async fn a_trend_counts_looks_that_follow_one_another(
    #[case] host: Option<&'static str>,
    #[case] memory: Memory,
    #[case] expected: &str,
) {
    let (plan, _) = plan(vec![
        ("A", &[], vec![login(10)]),
        ("B", &["A"], vec![falling(host)]),
    ]);
    let card = card_of(&plan, &with(memory)).await;
    assert_eq!(seen(&card, "backlog"), expected);
    let passes = expected.starts_with('5');
    let verdict = find(&card, "backlog").verdict;
    assert_eq!(verdict == Verdict::Pass, passes, "{verdict:?}");
}

/// As for `stable_for`: the shortest time that anybody asks for.
#[rstest]
#[case::less(10, FIRST)]
#[case::more(60 * 24, "5 → 4 → 3")]
#[tokio::test(start_paused = true)]
async fn stable_for_says_how_far_the_looks_of_a_trend_may_be_apart(
    #[case] minutes: u64,
    #[case] expected: &str,
) {
    let mut backlog = falling(HOST);
    backlog.over_time.stable_for = Some(Duration::from_mins(minutes));
    let (plan, _) = plan(vec![
        ("A", &[], vec![login(10)]),
        ("B", &["A"], vec![backlog]),
    ]);
    let apart = if minutes == 10 { [40, 20] } else { [300, 150] };
    let card = card_of(&plan, &with(sampled("d1", BOOT, apart))).await;
    let found = &find(&card, "backlog").findings;
    assert!(
        found.iter().any(|finding| finding.seen == expected),
        "{found:?}"
    );
}
