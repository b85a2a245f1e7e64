use rstest::rstest;

use super::*;
use crate::probe::{Fault, FaultKind, Type, Unit, Value};

const FACTS: &[FactSpec] = &[
    FactSpec::number("backlog", Unit::Count, "How much is left."),
    FactSpec::new("lag", Type::Duration, "How far it is behind."),
    FactSpec::new("row", Type::Json, "The first row."),
    FactSpec::new("metric", Type::Map(&Type::Number), "Value by series."),
    FactSpec::new("state", Type::Text, "What it says."),
];

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn facts(backlog: f64) -> Facts {
    let mut facts = Facts::new();
    facts.set("backlog", backlog);
    facts
}

fn observation(seconds: i64, outcome: Outcome) -> Observation {
    Observation {
        at: at(seconds),
        elapsed: Duration::from_millis(1),
        attempts: 1,
        outcome,
    }
}

/// Of what a host wrote it is that host that knows the time: here the operator's clock is
/// some minutes slow.
#[test]
fn what_is_fresh_is_so_by_the_host_s_clock() {
    const WRITTEN: &[FactSpec] = &[FactSpec::new("modified", Type::Time, "When.")];
    let rule = FreshRule::Age {
        within: Some(Duration::from_secs(60)),
        prefer_within: None,
        zone: jiff::tz::TimeZone::UTC,
    };
    let rules = OverTime {
        fresh: Some(Fresh::compile("modified", WRITTEN, rule).expect("a rule")),
        ..OverTime::default()
    };
    let look = |host_now: Option<i64>| {
        let mut facts = Facts::new();
        facts.set("modified", at(1_000));
        facts.set_some(crate::probe::HOST_NOW, host_now.map(at));
        let seen = observation(820, Outcome::Seen(facts));
        let past = past(Remembered::Nothing, &[]);
        let judged = rules.judge(judgement(Verdict::Pass), &seen, &past, false);
        let fresh = judged.course.and_then(|course| course.fresh);
        (judged.verdict, fresh.and_then(|fresh| fresh.clock_skew_s))
    };
    assert_eq!(look(None), (Verdict::Warn, None));
    assert_eq!(look(Some(1_030)), (Verdict::Pass, Some(210.0)));
    assert_eq!(look(Some(1_090)), (Verdict::Blocked, Some(270.0)));
    assert_eq!(look(Some(100_000)), (Verdict::Blocked, Some(99_180.0)));
}

fn judgement(verdict: Verdict) -> Judgement {
    Judgement {
        verdict,
        findings: Vec::new(),
        course: None,
    }
}

fn past<'a>(remembered: Remembered<'a>, samples: &'a [f64]) -> Past<'a> {
    Past {
        remembered,
        samples,
        boot: Some("a"),
        booted: None,
    }
}

fn trend(source: &str, direction: Direction) -> Trend {
    Trend::compile(source, FACTS, direction, 3).expect("a trend")
}

/// Passes since 100 s, last seen at 800 s.
fn streak(verdict: Verdict) -> Streak {
    Streak {
        verdict,
        since: at(100),
        last: at(800),
        looks: 10,
        boot: Some("a".to_owned()),
    }
}

const STABLE: OverTime = OverTime {
    stable_for: Some(Duration::from_secs(900)),
    released_after: None,
    trend: None,
    fresh: None,
};

#[rstest]
#[case::young(340 + 100 + 500, "held 14m of 15m", Some(false), Verdict::Warn)]
#[case::just_short(999, "held 14m 59s of 15m", Some(false), Verdict::Warn)]
#[case::long_enough(1_000, "held 15m", Some(true), Verdict::Pass)]
#[case::longer(1_160, "held 17m 40s", Some(true), Verdict::Pass)]
#[case::gap(
    1_700,
    "could not tell: for how long it has held: nobody looked for 15m",
    None,
    Verdict::Warn
)]
#[case::clock(
    799,
    "could not tell: for how long it has held: the last look is later than the clock of this machine",
    None,
    Verdict::Warn
)]
fn what_has_to_hold_for_a_while(
    #[case] seconds: i64,
    #[case] seen: &str,
    #[case] held: Option<bool>,
    #[case] verdict: Verdict,
) {
    let streak = streak(Verdict::Pass);
    let observation = observation(seconds, Outcome::Seen(facts(1.0)));
    let judged = STABLE.judge(
        judgement(Verdict::Pass),
        &observation,
        &past(Remembered::Streak(&streak), &[]),
        false,
    );
    assert_eq!(judged.verdict, verdict);
    assert_eq!(judged.findings.len(), 1);
    let finding = &judged.findings[0];
    assert_eq!((finding.seen.as_str(), finding.held), (seen, held));
    assert_eq!(finding.expected, "all of it held for 15m");
    let course = judged.course.expect("a course");
    assert_eq!(course.verdict, Verdict::Pass, "what this look came to");
    assert_eq!(course.stable_for_s, Some(900.0));
}

#[rstest]
#[case::nothing(
    Remembered::Nothing,
    "could not tell: for how long it has held: no earlier look is remembered",
    None
)]
#[case::changed(
    Remembered::Changed,
    "could not tell: for how long it has held: the check itself was changed since the last look",
    None
)]
#[case::blocked(Remembered::Streak(&streak(Verdict::Blocked)), "holds since this look: the one before came to BLOCKED", Some(false))]
#[case::booted(Remembered::Streak(&Streak { boot: Some("b".to_owned()), ..streak(Verdict::Pass) }), "holds since the host has booted: first look on this boot", Some(false))]
fn one_look_alone_is_never_enough(
    #[case] remembered: Remembered<'_>,
    #[case] seen: &str,
    #[case] held: Option<bool>,
) {
    // Not even for no time at all.
    for stable_for in [Duration::from_nanos(1), Duration::from_secs(900)] {
        let rules = OverTime {
            stable_for: Some(stable_for),
            released_after: None,
            trend: None,
            fresh: None,
        };
        let judged = rules.judge(
            judgement(Verdict::Pass),
            &observation(801, Outcome::Seen(facts(1.0))),
            &past(remembered, &[]),
            false,
        );
        assert_eq!(judged.verdict, Verdict::Warn);
        let finding = &judged.findings[0];
        if stable_for.as_secs() > 0 {
            assert_eq!((finding.seen.as_str(), finding.held), (seen, held));
        }
        assert_eq!(judged.course.and_then(|course| course.held_s), Some(0.0));
    }
}

#[test]
fn a_boot_that_is_not_known_is_not_taken_for_the_same() {
    let streak = streak(Verdict::Pass);
    let judged = STABLE.judge(
        judgement(Verdict::Pass),
        &observation(1_200, Outcome::Seen(facts(1.0))),
        &Past {
            remembered: Remembered::Streak(&streak),
            samples: &[],
            boot: None,
            booted: None,
        },
        false,
    );
    assert_eq!(judged.verdict, Verdict::Warn);
    assert!(judged.findings[0].seen.contains("boot is not known"));
}

#[rstest]
fn what_does_not_hold_now_is_not_asked_for_how_long(
    #[values(Verdict::Warn, Verdict::Blocked)] verdict: Verdict,
) {
    let streak = streak(Verdict::Pass);
    let judged = STABLE.judge(
        judgement(verdict),
        &observation(1_200, Outcome::Seen(facts(1.0))),
        &past(Remembered::Streak(&streak), &[]),
        false,
    );
    assert_eq!(judged.verdict, verdict);
    assert!(judged.findings.is_empty());
    let course = judged.course.expect("a course");
    assert_eq!((course.verdict, course.held_s), (verdict, None));
}

#[rstest]
#[case(Direction::NotIncreasing, &[1300.0, 1200.0], 1100.0, "1300 → 1200 → 1100", Some(true))]
#[case(Direction::NotIncreasing, &[1200.0, 1300.0], 1500.0, "1200 → 1300 → 1500", Some(false))]
#[case::one_step_is_enough(Direction::NotIncreasing, &[9.0, 1.0], 2.0, "9 → 1 → 2", Some(false))]
#[case::level(Direction::NotIncreasing, &[5.0, 5.0], 5.0, "5 → 5 → 5", Some(true))]
#[case::only_the_last_count(Direction::NotIncreasing, &[1.0, 9.0, 8.0], 7.0, "9 → 8 → 7", Some(true))]
#[case::first(Direction::NotIncreasing, &[], 7.0, "could not tell: 1 of 3 looks so far: 7", None)]
#[case::second(Direction::NotIncreasing, &[8.0], 7.0, "could not tell: 2 of 3 looks so far: 8 → 7", None)]
#[case::rises_at_once(Direction::NotIncreasing, &[6.0], 7.0, "6 → 7", Some(false))]
#[case(Direction::NotDecreasing, &[1.0, 2.0], 2.0, "1 → 2 → 2", Some(true))]
#[case(Direction::NotDecreasing, &[1.0, 2.0], 0.5, "1 → 2 → 0.5", Some(false))]
fn trends(
    #[case] direction: Direction,
    #[case] earlier: &[f64],
    #[case] now: f64,
    #[case] seen: &str,
    #[case] held: Option<bool>,
) {
    let rules = OverTime {
        stable_for: None,
        released_after: None,
        trend: Some(trend("backlog", direction)),
        fresh: None,
    };
    let judged = rules.judge(
        judgement(Verdict::Pass),
        &observation(9, Outcome::Seen(facts(now))),
        &past(Remembered::Nothing, earlier),
        false,
    );
    let finding = &judged.findings[0];
    assert_eq!((finding.seen.as_str(), finding.held), (seen, held));
    let expected = if held == Some(true) {
        Verdict::Pass
    } else {
        Verdict::Warn
    };
    assert_eq!(judged.verdict, expected);
    let course = judged.course.expect("a course");
    assert_eq!(course.verdict, expected, "a trend counts for stable_for");
    assert_eq!(
        (course.follows.as_deref(), course.value),
        (Some("backlog"), Some(now))
    );
}

#[test]
fn a_number_that_was_not_seen_is_no_step() {
    for seen in [Facts::new(), facts(f64::NAN), facts(f64::INFINITY)] {
        let rules = OverTime {
            stable_for: None,
            released_after: None,
            trend: Some(trend("backlog", Direction::NotIncreasing)),
            fresh: None,
        };
        let judged = rules.judge(
            judgement(Verdict::Pass),
            &observation(9, Outcome::Seen(seen)),
            &past(Remembered::Nothing, &[3.0, 2.0]),
            false,
        );
        assert_eq!(judged.verdict, Verdict::Warn);
        assert_eq!(judged.findings[0].held, None);
        assert_eq!(judged.course.and_then(|course| course.value), None);
    }
}

#[test]
fn a_fault_has_no_trend() {
    let rules = OverTime {
        stable_for: Some(Duration::from_secs(1)),
        released_after: None,
        trend: Some(trend("backlog", Direction::NotIncreasing)),
        fresh: None,
    };
    let fault = Outcome::Fault(Fault::new(FaultKind::Refused, "connection refused"));
    let judged = rules.judge(
        judgement(Verdict::Blocked),
        &observation(9, fault),
        &past(Remembered::Nothing, &[3.0, 2.0]),
        false,
    );
    assert_eq!(judged.verdict, Verdict::Blocked);
    assert!(judged.findings.is_empty(), "the fault has its own");
}

#[rstest]
#[case("lag", |facts: &mut Facts| facts.set("lag", Value::Duration(SignedDuration::from_secs(90))), 90.0, "1m 30s")]
#[case("row.left", |facts: &mut Facts| facts.set("row", Value::Json(serde_json::json!({"left": 7}))), 7.0, "7")]
#[case("metric('kafka_lag')", |facts: &mut Facts| facts.set("metric", Value::Map([("kafka_lag".to_owned(), Value::Number(4.0))].into())), 4.0, "4")]
fn whatever_is_a_number_can_be_followed(
    #[case] source: &str,
    #[case] set: fn(&mut Facts),
    #[case] value: f64,
    #[case] words: &str,
) {
    let trend = trend(source, Direction::NotIncreasing);
    let mut seen = Facts::new();
    set(&mut seen);
    assert_eq!(trend.value(&seen, at(0)), Ok(value));
    assert_eq!(trend.told(value), words);
}

#[rstest]
#[case("state", "a trend is of a number or a duration, not of text")]
#[case(
    "backlog > 3",
    "a trend is of a number or a duration, not of a truth value"
)]
#[case("3", "this is the same at every look")]
#[case("backlg", "unknown fact")]
fn what_is_no_number_is_refused(#[case] source: &str, #[case] message: &str) {
    let error = Trend::compile(source, FACTS, Direction::NotIncreasing, 3)
        .map(|trend| trend.source)
        .expect_err("no trend");
    assert!(
        error.message.contains(message) || message == "unknown fact",
        "{}",
        error.message
    );
}

#[test]
fn without_rules_nothing_is_added() {
    let judged = OverTime::default().judge(
        judgement(Verdict::Pass),
        &observation(9, Outcome::Seen(facts(1.0))),
        &past(Remembered::Nothing, &[]),
        false,
    );
    assert_eq!(judged, judgement(Verdict::Pass));
}
