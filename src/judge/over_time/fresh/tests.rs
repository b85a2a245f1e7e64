use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::probe::schedule;
use crate::probe::{Type, Unit, Value};

const FACTS: &[FactSpec] = &[
    FactSpec::new("modified_at", Type::Time, "When it was written."),
    FactSpec::new(HOST_NOW, Type::Time, "The host's clock."),
    FactSpec::new("metric", Type::Map(&Type::Number), "Value by series."),
    FactSpec::number("seconds", Unit::Seconds, "Since 1970."),
    FactSpec::new("age", Type::Duration, "Since it was written."),
    FactSpec::new("stdout", Type::Text, "What it says."),
    FactSpec::new("row", Type::Json, "The first row."),
];

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time of RFC 3339")
}

fn facts(time: Timestamp) -> Facts {
    let mut facts = Facts::new();
    facts.set("modified_at", time);
    facts
}

fn due(every: &str, zone: &str, grace: Duration) -> Fresh {
    let clock = schedule::zone(zone).expect("a zone");
    let schedule = Schedule::parse(every, zone, clock).expect("a schedule");
    let rule = FreshRule::Due {
        schedule: Box::new(schedule),
        grace,
    };
    Fresh::compile("modified_at", FACTS, rule).expect("a rule")
}

fn age(within: Option<Duration>, prefer_within: Option<Duration>) -> Fresh {
    let rule = FreshRule::Age {
        within,
        prefer_within,
        zone: TimeZone::UTC,
    };
    Fresh::compile("modified_at", FACTS, rule).expect("a rule")
}

const HOUR: Duration = Duration::from_hours(1);

/// Daily at 02:00 in Taipei, two hours of grace.
#[rstest]
#[case::just_ran(
    "2026-06-12T02:00:11+08:00",
    "2026-06-12T03:00:00+08:00",
    FreshState::OnTime,
    0
)]
#[case::early(
    "2026-06-12T01:59:58+08:00",
    "2026-06-12T09:00:00+08:00",
    FreshState::OnTime,
    0
)]
#[case::a_minute_early(
    "2026-06-12T01:59:00+08:00",
    "2026-06-12T09:00:00+08:00",
    FreshState::OnTime,
    0
)]
#[case::too_early(
    "2026-06-12T01:58:59+08:00",
    "2026-06-12T09:00:00+08:00",
    FreshState::Late,
    1
)]
#[case::early_and_now(
    "2026-06-12T01:59:58+08:00",
    "2026-06-12T01:59:59+08:00",
    FreshState::OnTime,
    0
)]
#[case::day_before(
    "2026-06-12T02:00:11+08:00",
    "2026-06-13T01:59:00+08:00",
    FreshState::OnTime,
    0
)]
#[case::in_grace(
    "2026-06-12T02:00:11+08:00",
    "2026-06-13T02:00:00+08:00",
    FreshState::NotDueYet,
    0
)]
#[case::end_of_grace(
    "2026-06-12T02:00:11+08:00",
    "2026-06-13T04:00:00+08:00",
    FreshState::NotDueYet,
    0
)]
#[case::late(
    "2026-06-12T02:00:11+08:00",
    "2026-06-13T04:00:01+08:00",
    FreshState::Late,
    1
)]
#[case::late_all_day(
    "2026-06-12T02:00:11+08:00",
    "2026-06-14T04:00:00+08:00",
    FreshState::Late,
    1
)]
#[case::missed(
    "2026-06-12T02:00:11+08:00",
    "2026-06-14T04:00:01+08:00",
    FreshState::Missed,
    2
)]
#[case::long_ago(
    "2026-06-01T02:00:11+08:00",
    "2026-06-14T05:00:00+08:00",
    FreshState::Missed,
    13
)]
#[case::by_hand(
    "2026-06-12T16:30:00+08:00",
    "2026-06-13T05:00:00+08:00",
    FreshState::Late,
    1
)]
#[case::by_hand_after_it(
    "2026-06-13T02:30:00+08:00",
    "2026-06-13T05:00:00+08:00",
    FreshState::OnTime,
    0
)]
#[case::future(
    "2026-06-13T05:05:01+08:00",
    "2026-06-13T05:00:00+08:00",
    FreshState::InFuture,
    0
)]
#[case::clocks(
    "2026-06-13T05:02:00+08:00",
    "2026-06-13T05:00:00+08:00",
    FreshState::ClocksDiffer,
    0
)]
#[case::skew(
    "2026-06-13T05:00:40+08:00",
    "2026-06-13T05:00:00+08:00",
    FreshState::OnTime,
    0
)]
#[case::zero(
    "1970-01-01T00:00:00Z",
    "2026-06-13T05:00:00+08:00",
    FreshState::NeverRan,
    0
)]
fn a_daily_run(
    #[case] last: &str,
    #[case] now: &str,
    #[case] state: FreshState,
    #[case] absent: u32,
) {
    let fresh = due("0 2 * * *", "Asia/Taipei", 2 * HOUR);
    let (finding, freshness) = fresh.judge(&facts(at(last)), &Clocks::here(at(now)), None);
    assert_eq!(freshness.state, state, "{finding:?}");
    assert_eq!(freshness.absent_runs.unwrap_or_default(), absent);
    let (held, level) = match state {
        FreshState::OnTime | FreshState::NotDueYet => (true, Level::Require),
        FreshState::Late | FreshState::Old | FreshState::ClocksDiffer => (false, Level::Prefer),
        _ => (false, Level::Require),
    };
    assert_eq!((finding.held, finding.level), (Some(held), level));
}

#[rstest]
#[case::late(
    "2026-06-12T02:00:00+08:00",
    "2026-06-13T04:00:00.5+08:00",
    "a run since 2026-06-13 02:00 Asia/Taipei, 2h grace",
    "last run 2026-06-12 02:00 +08:00, 26h ago: 1 run late"
)]
#[case::missed(
    "2026-06-10T02:00:09+08:00",
    "2026-06-13T04:00:10+08:00",
    "a run since 2026-06-13 02:00 Asia/Taipei, 2h grace",
    "last run 2026-06-10 02:00:09 +08:00, 3d 2h ago: 3 runs missed"
)]
#[case::many(
    "2020-06-10T02:00:00+08:00",
    "2026-06-13T04:00:10+08:00",
    "a run since 2026-06-13 02:00 Asia/Taipei, 2h grace",
    "last run 2020-06-10 02:00 +08:00, 2194d 2h ago: 100 runs missed or more"
)]
#[case::in_grace(
    "2026-06-12T02:00:00+08:00",
    "2026-06-13T02:40:00+08:00",
    "a run since 2026-06-12 02:00 Asia/Taipei, 2h grace",
    "last run 2026-06-12 02:00 +08:00, 24h 40m ago; the one due 2026-06-13 02:00 Asia/Taipei is \
     not due yet: 1h 20m of its grace left"
)]
#[case::on_time(
    "2026-06-13T02:03:00+08:00",
    "2026-06-13T03:03:00+08:00",
    "a run since 2026-06-13 02:00 Asia/Taipei, 2h grace",
    "last run 2026-06-13 02:03 +08:00, 1h ago"
)]
#[case::future(
    "2026-06-13T10:00:00+08:00",
    "2026-06-13T04:00:00+08:00",
    "a run since 2026-06-13 02:00 Asia/Taipei, 2h grace",
    "2026-06-13 10:00 +08:00, in the future by 6h: the operator's clock or the one that wrote it is wrong"
)]
#[case::clocks(
    "2026-06-13T04:02:30+08:00",
    "2026-06-13T04:00:00+08:00",
    "a run since 2026-06-13 02:00 Asia/Taipei, 2h grace",
    "2026-06-13 04:02:30 +08:00, 2m 30s ahead of 2026-06-13 04:00 +08:00: the operator's clock \
     and the one that wrote it differ"
)]
#[case::never(
    "1970-01-01T00:00:00Z",
    "2026-06-13T04:00:01+08:00",
    "a run since 2026-06-13 02:00 Asia/Taipei, 2h grace",
    "never ran: the time is 0"
)]
fn what_a_card_says(
    #[case] last: &str,
    #[case] now: &str,
    #[case] expected: &str,
    #[case] seen: &str,
) {
    let fresh = due("0 2 * * *", "Asia/Taipei", 2 * HOUR);
    let (finding, _) = fresh.judge(&facts(at(last)), &Clocks::here(at(now)), None);
    assert_eq!(finding.expected, expected);
    assert_eq!(finding.seen, seen);
    assert_eq!(
        finding.expectation.as_deref(),
        Some("fresh: modified_at of each run `0 2 * * *` Asia/Taipei, 2h grace")
    );
}

#[rstest]
#[case::young(24, FreshState::OnTime, "modified_at at most 30h ago")]
#[case::just(25, FreshState::OnTime, "modified_at at most 30h ago")]
#[case::old(26, FreshState::Old, "modified_at at most 25h ago")]
#[case::limit(30, FreshState::Old, "modified_at at most 25h ago")]
#[case::too_old(31, FreshState::TooOld, "modified_at at most 30h ago")]
fn an_age(#[case] hours: u64, #[case] state: FreshState, #[case] expected: &str) {
    let now = at("2026-06-13T04:00:00Z");
    let fresh = age(Some(30 * HOUR), Some(25 * HOUR));
    let (finding, freshness) =
        fresh.judge(&facts(now - hours as u32 * HOUR), &Clocks::here(now), None);
    assert_eq!(
        (freshness.state, finding.expected.as_str()),
        (state, expected)
    );
    assert_eq!(finding.held, Some(state == FreshState::OnTime));
    let told = format!("{hours}h ago");
    assert!(finding.seen.ends_with(&told), "{}", finding.seen);
}

#[test]
fn what_is_only_preferred_only_warns() {
    let now = at("2026-06-13T04:00:00Z");
    let fresh = age(None, Some(HOUR));
    let (finding, _) = fresh.judge(&facts(now - 2 * HOUR), &Clocks::here(now), None);
    assert_eq!((finding.level, finding.held), (Level::Prefer, Some(false)));
    let (finding, _) = fresh.judge(&Facts::new(), &Clocks::here(now), None);
    assert_eq!((finding.level, finding.held), (Level::Prefer, None));
    // But a clock that is wrong is trouble of another sort.
    let (finding, _) = fresh.judge(&facts(now + 2 * HOUR), &Clocks::here(now), None);
    assert_eq!((finding.level, finding.held), (Level::Require, Some(false)));
}

/// At 12:00 by the operator's clock, of what the host's clock and the file say; a look
/// took ten seconds. Fresh is at most four hours old.
#[rstest]
#[case::the_operator_s_is_slow("12:03:00", "12:02:30", FreshState::OnTime, "30s ago")]
#[case::the_host_s_is_slow("11:57:00", "11:56:30", FreshState::OnTime, "30s ago")]
#[case::old_by_the_host_s_alone("12:04:00", "08:03:00", FreshState::TooOld, "4h 1m ago")]
#[case::old_by_the_operator_s_alone("11:57:00", "07:58:00", FreshState::OnTime, "3h 59m ago")]
#[case::written_by_another(
    "12:00:00",
    "12:03:00",
    FreshState::ClocksDiffer,
    "3m ahead of 2026-06-13 12:00 +00:00: the host's clock and the one that wrote it differ"
)]
#[case::to_come(
    "12:00:00",
    "12:06:00",
    FreshState::InFuture,
    "in the future by 6m: the host's clock or the one that wrote it is wrong"
)]
#[case::far_ahead(
    "20:00:00",
    "19:00:00",
    FreshState::ClocksDiffer,
    "1h ago; the host's clock says 2026-06-13 20:00 +00:00, the operator's 2026-06-13 12:00 \
     +00:00: one of them is wrong"
)]
#[case::it_stood_still_without_power(
    "06:00:00",
    "05:00:00",
    FreshState::TooOld,
    "7h ago; the host's clock says 2026-06-13 06:00 +00:00, the operator's 2026-06-13 12:00 \
     +00:00: one of them is wrong"
)]
#[case::to_come_by_both(
    "06:00:00",
    "12:20:00",
    FreshState::InFuture,
    "in the future by 20m: the host's clock says 2026-06-13 06:00 +00:00, the operator's \
     2026-06-13 12:00 +00:00: one of them is wrong"
)]
fn the_host_s_own_clock(
    #[case] host: &str,
    #[case] written: &str,
    #[case] state: FreshState,
    #[case] seen: &str,
) {
    let on_the_day = |time: &str| at(&format!("2026-06-13T{time}Z"));
    let (here, host) = (on_the_day("12:00:00"), on_the_day(host));
    let clocks = Clocks::both(here, Duration::from_secs(10), host);
    let fresh = age(Some(4 * HOUR), None);
    let (finding, freshness) = fresh.judge(&facts(on_the_day(written)), &clocks, None);
    assert_eq!(freshness.state, state, "{finding:?}");
    assert!(finding.seen.ends_with(seen), "{}", finding.seen);
    assert_eq!(finding.held, Some(state == FreshState::OnTime));
    let warns = state == FreshState::ClocksDiffer;
    assert_eq!(finding.level == Level::Prefer, warns);
}

/// A run that is late by a clock that may be wrong names both.
#[test]
fn a_run_by_clocks_that_differ() {
    let fresh = due("0 2 * * *", "Asia/Taipei", HOUR);
    let last = facts(at("2026-06-12T02:00:00+08:00"));
    let (here, host) = (
        at("2026-06-13T04:00:00+08:00"),
        at("2026-06-12T20:00:00+08:00"),
    );
    let clocks = Clocks::both(here, Duration::ZERO, host);
    let (finding, freshness) = fresh.judge(&last, &clocks, None);
    assert_eq!(freshness.state, FreshState::Late);
    assert_eq!(freshness.clock_skew_s, Some(-8.0 * 3600.0));
    let both = "1 run late; the host's clock says 2026-06-12 20:00 +08:00, the operator's";
    assert!(finding.seen.contains(both), "{}", finding.seen);
}

/// The host was asked at some time of the look, and a look may take long.
#[rstest]
#[case::at_its_end("12:00:00", 600, 0)]
#[case::at_its_beginning("11:50:00", 600, 0)]
#[case::before_it("11:49:59", 600, -1)]
#[case::after_it("12:00:01", 600, 1)]
#[case::no_time_at_all("11:00:00", 0, -3600)]
fn how_far_clocks_are_apart(#[case] host: &str, #[case] elapsed: u64, #[case] skew: i64) {
    let here = at("2026-06-13T12:00:00Z");
    let host = at(&format!("2026-06-13T{host}Z"));
    let clocks = Clocks::both(here, Duration::from_secs(elapsed), host);
    assert_eq!(clocks.skew(), Some(SignedDuration::from_secs(skew)));
}

#[test]
fn what_was_not_seen_cannot_be_told() {
    let fresh = due("0 2 * * *", "Asia/Taipei", HOUR);
    let now = at("2026-06-13T04:00:00+08:00");
    let (finding, freshness) = fresh.judge(&Facts::new(), &Clocks::here(now), None);
    assert_eq!(freshness.state, FreshState::Untold);
    assert_eq!((finding.level, finding.held), (Level::Require, None));
    assert_eq!(
        finding.seen,
        "could not tell: modified_at was not seen, so no run is known"
    );
}

/// A time may be missing for a reason that is told: then the card has it. What is empty is
/// none.
#[rstest]
#[case(&["backup: first due at two"], ", not_due_yet = ['backup: first due at two']")]
#[case(&[], "")]
fn why_it_was_not_seen_is_told(#[case] reasons: &[&str], #[case] told: &str) {
    let specs = &[
        FactSpec::new("last_success", Type::Time, "").because(&["not_due_yet", "gone"]),
        FactSpec::new("not_due_yet", Type::List(&Type::Text), ""),
        FactSpec::new("gone", Type::Text, ""),
    ];
    let rule = FreshRule::Age {
        within: Some(HOUR),
        prefer_within: None,
        zone: TimeZone::UTC,
    };
    let fresh = Fresh::compile("last_success", specs, rule).expect("a rule");
    let mut facts = Facts::new();
    let reasons = reasons.iter().map(|text| Value::from(*text));
    facts.set("not_due_yet", Value::List(reasons.collect()));
    let clocks = Clocks::here(at("2026-06-13T04:00:00Z"));
    let (finding, freshness) = fresh.judge(&facts, &clocks, None);
    assert_eq!(freshness.state, FreshState::Untold);
    assert_eq!(finding.held, None);
    assert_eq!(
        finding.seen,
        format!("could not tell: last_success was not seen{told}, so no run is known")
    );
}

/// Due times are told before the year 5000: what comes after is not, and that no run is
/// due does not follow.
#[rstest]
#[case::no_next(
    "0 0 1 1 *",
    "5000-01-01T00:00:00Z",
    "5000-12-31T20:30:00Z",
    FreshState::Untold
)]
#[case::no_next_after_the_coming(
    "0 0 31 12 *",
    "5000-12-30T23:59:30Z",
    "5000-12-31T20:30:00Z",
    FreshState::Untold
)]
#[case::there_is_one(
    "0 * * * *",
    "2026-06-12T23:00:00Z",
    "2026-06-13T20:30:00Z",
    FreshState::Missed
)]
fn a_schedule_that_does_not_tell_is_no_pass(
    #[case] every: &str,
    #[case] last: &str,
    #[case] now: &str,
    #[case] state: FreshState,
) {
    let fresh = due(every, "UTC", HOUR);
    let clocks = Clocks::here(at(now));
    let (finding, freshness) = fresh.judge(&facts(at(last)), &clocks, None);
    assert_eq!(freshness.state, state, "{finding:?}");
    if state == FreshState::Untold {
        assert_eq!((finding.held, finding.level), (None, Level::Require));
        let told = "could not tell: the schedule does not tell what is due after 5000-";
        assert!(finding.seen.starts_with(told), "{}", finding.seen);
    }
}

#[test]
fn a_boot_since_is_said_and_blocks_nothing() {
    let fresh = due("0 2 * * *", "Asia/Taipei", 2 * HOUR);
    let now = at("2026-06-13T01:00:00+08:00");
    let booted = Booted {
        host: "data188",
        at: now - 3 * HOUR,
    };
    let last = at("2026-06-12T02:00:00+08:00");
    let (finding, freshness) = fresh.judge(&facts(last), &Clocks::here(now), Some(booted));
    assert_eq!(
        finding.seen,
        "last run 2026-06-12 02:00 +08:00, 23h ago, before the last boot of data188, 3h ago"
    );
    assert_eq!(
        (finding.held, freshness.before_boot),
        (Some(true), Some(true))
    );
    let (finding, freshness) = fresh.judge(&facts(now - HOUR), &Clocks::here(now), Some(booted));
    assert!(!finding.seen.contains("boot"), "{}", finding.seen);
    assert_eq!(freshness.before_boot, Some(false));
}

#[rstest]
#[case::fact("modified_at", None)]
#[case::metric("timestamp(metric('last_success'))", None)]
#[case::json("timestamp(row.finished_at)", None)]
#[case::computed("modified_at + duration('5m')", None)]
#[case::number("seconds", Some("write timestamp(seconds)"))]
#[case::entry("metric('last')", Some("write timestamp(metric('last'))"))]
#[case::map("metric", Some("say which: timestamp(metric('…'))"))]
#[case::text("stdout", Some("write timestamp(stdout)"))]
#[case::member("row.at", Some("write timestamp(row.at)"))]
#[case::age(
    "now - modified_at",
    Some("name the time itself; its age is worked out")
)]
#[case::now("now", Some("name a fact of the kind"))]
#[case::the_host_s_now("host_now", Some("name a fact of the kind"))]
#[case::constant("timestamp('2026-06-13T04:00:00Z')", Some("name a fact of the kind"))]
#[case::misspelt("modified", Some("did you mean `modified_at`?"))]
fn the_time_is_typed(#[case] source: &str, #[case] suggestion: Option<&str>) {
    let rule = FreshRule::Age {
        within: Some(HOUR),
        prefer_within: None,
        zone: TimeZone::UTC,
    };
    let error = Fresh::compile(source, FACTS, rule).err();
    let told = error
        .as_ref()
        .map(|error| error.suggestion.as_deref().unwrap_or(""));
    assert_eq!(told, suggestion, "{error:?}");
}

#[test]
fn a_metric_of_zero_has_never_run() {
    let rule = FreshRule::Age {
        within: Some(HOUR),
        prefer_within: None,
        zone: TimeZone::UTC,
    };
    let fresh = Fresh::compile("timestamp(metric('last'))", FACTS, rule).expect("a rule");
    let mut facts = Facts::new();
    let metrics = [("last".to_owned(), Value::Number(0.0))];
    facts.set("metric", Value::Map(metrics.into_iter().collect()));
    let (finding, freshness) = fresh.judge(&facts, &Clocks::here(at("2026-06-13T04:00:00Z")), None);
    assert_eq!(freshness.state, FreshState::NeverRan);
    assert_eq!(finding.held, Some(false));
}

/// The nights on which the clock of Berlin is put forward and back.
#[rstest]
#[case::gap_is_due_at_three(
    "30 2 * * *",
    "2026-03-28T02:30:00+01:00",
    "2026-03-29T03:10:00+02:00",
    FreshState::NotDueYet
)]
#[case::gap_ran_at_three(
    "30 2 * * *",
    "2026-03-29T03:00:10+02:00",
    "2026-03-30T02:00:00+02:00",
    FreshState::OnTime
)]
#[case::gap_is_late(
    "30 2 * * *",
    "2026-03-28T02:30:00+01:00",
    "2026-03-29T04:00:01+02:00",
    FreshState::Late
)]
#[case::spring_day_is_short(
    "0 12 * * *",
    "2026-03-28T12:00:00+01:00",
    "2026-03-29T13:00:01+02:00",
    FreshState::Late
)]
#[case::autumn_day_is_long(
    "0 12 * * *",
    "2026-10-24T12:00:00+02:00",
    "2026-10-25T11:59:00+01:00",
    FreshState::OnTime
)]
#[case::autumn_once_first(
    "30 2 * * *",
    "2026-10-25T02:30:05+02:00",
    "2026-10-25T23:00:00+01:00",
    FreshState::OnTime
)]
#[case::autumn_once_second(
    "30 2 * * *",
    "2026-10-25T02:30:05+01:00",
    "2026-10-25T23:00:00+01:00",
    FreshState::OnTime
)]
#[case::autumn_late(
    "30 2 * * *",
    "2026-10-24T02:30:05+02:00",
    "2026-10-25T02:35:00+01:00",
    FreshState::Late
)]
#[case::hourly_both_of_autumn(
    "0 * * * *",
    "2026-10-25T02:00:05+02:00",
    "2026-10-25T02:59:00+01:00",
    FreshState::NotDueYet
)]
fn nights_with_another_length(
    #[case] every: &str,
    #[case] last: &str,
    #[case] now: &str,
    #[case] state: FreshState,
) {
    let fresh = due(every, "Europe/Berlin", HOUR);
    let (finding, freshness) = fresh.judge(&facts(at(last)), &Clocks::here(at(now)), None);
    assert_eq!(freshness.state, state, "{finding:?}");
}

#[rstest]
#[case::daily("0 2 * * *", 24)]
#[case::nickname("@daily", 24)]
#[case::hourly("@hourly", 1)]
#[case::every_six_hours("0 */6 * * *", 6)]
#[case::uneven("0 8,14,20 * * *", 12)]
#[case::weekly("0 1 * * sun", 168)]
#[case::first_sunday("0 4 * * sun#1", 35 * 24)]
#[case::working_days("0 2 * * 1-5", 72)]
#[case::once_after_the_week("0 2 * * 1,2", 144)]
#[case::last_friday("0 2 * * 5L", 35 * 24)]
#[case::in_a_month("0 2 * jan mon", 343 * 24)]
#[case::leap_day("0 0 29 2 *", (8 * 365 + 1) * 24)]
fn the_longest_pause_and_the_grace(#[case] every: &str, #[case] hours: u32) {
    let fresh = due(every, "Europe/Berlin", HOUR);
    // 2096 to 2104 lies beyond what is looked through from 2026.
    let hours = if every.contains("29 2") {
        (4 * 365 + 1) * 24
    } else {
        hours
    };
    // Until the grace is over, the run before the newest is enough.
    assert_eq!(fresh.loss(), hours * HOUR + HOUR);
}

#[rstest]
#[case::daily("0 2 * * *", 24 * 60)]
#[case::uneven("0 8,14,20 * * *", 6 * 60)]
#[case::month_ends("0 0 1,31 * *", 24 * 60)]
#[case::not_by_the_hour("*/7 * * * *", 4)]
#[case::each_minute("* * * * *", 1)]
#[case::yearly("0 3 1 1 *", 365 * 24 * 60)]
fn the_shortest_pause(#[case] every: &str, #[case] minutes: i64) {
    let schedule = Schedule::parse(every, "Europe/Berlin", TimeZone::UTC).expect("a schedule");
    assert_eq!(
        schedule.shortest_pause(),
        SignedDuration::from_mins(minutes)
    );
}

#[test]
fn what_may_be_lost_while_it_passes() {
    assert_eq!(age(Some(30 * HOUR), Some(25 * HOUR)).loss(), 25 * HOUR);
    assert_eq!(age(Some(30 * HOUR), None).loss(), 30 * HOUR);
    assert_eq!(age(None, Some(25 * HOUR)).loss(), 25 * HOUR);
}

#[rstest]
#[case::in_the_gap("30 2 * * *", "Europe/Berlin", true)]
#[case::at_its_begin("0 2 * * *", "Europe/Berlin", true)]
#[case::at_its_end("0 3 * * *", "Europe/Berlin", false)]
#[case::every_hour("30 * * * *", "Europe/Berlin", false)]
#[case::no_summer_time("30 2 * * *", "Asia/Taipei", false)]
#[case::utc("30 2 * * *", "UTC", false)]
fn a_skipped_hour_is_said(#[case] every: &str, #[case] zone: &str, #[case] said: bool) {
    let statement = due(every, zone, HOUR).statement();
    assert_eq!(statement.contains("skips that hour"), said, "{statement}");
}

#[rstest]
#[case::empty("")]
#[case::four("0 2 * *")]
#[case::six("0 0 2 * * *")]
#[case::seven("0 0 2 * * * 2026")]
#[case::out_of_range("61 2 * * *")]
#[case::no_such_hour("0 24 * * *")]
#[case::never("0 0 31 2 *")]
#[case::never_either("0 0 30 2 *")]
#[case::words("every day at two")]
#[case::month_for_day("0 2 jan * *")]
#[case::weekday_for_month("0 2 * mon *")]
#[case::long_name("0 2 * * monday")]
#[case::reboot("@reboot")]
#[case::unclear("0 2 */2 * 1")]
#[case::unclear_weekday("0 2 1 * */2")]
#[case::and("0 2 1 * +1")]
#[case::step_of_zero("*/0 * * * *")]
#[case::not_ascii("0 2 * * ſun")]
fn what_is_no_schedule(#[case] every: &str) {
    let error = Schedule::parse(every, "UTC", TimeZone::UTC).expect_err("no schedule");
    assert!(!error.message.is_empty() && !error.suggestion.is_empty());
}

#[rstest]
#[case("Asia/Taipe", "did you mean `Asia/Taipei`?")]
#[case("taipei", "did you mean `Asia/Taipei`?")]
#[case("New York", "did you mean `America/New_York`?")]
#[case(
    "+08:00",
    "write the zone's name in the IANA database: `Asia/Taipei`, `UTC`"
)]
fn what_is_no_zone(#[case] name: &str, #[case] suggestion: &str) {
    let error = schedule::zone(name).expect_err("no zone");
    assert_eq!(error.suggestion, suggestion);
}

const SCHEDULES: [&str; 9] = [
    "* * * * *",
    "*/5 * * * *",
    "0 * * * *",
    "0 2 * * *",
    "30 2 * * *",
    "0 8,14,20 * * *",
    "0 1 * * sun",
    "0 4 * * sun#1",
    "0 2 1 * *",
];
const ZONES: [&str; 4] = ["UTC", "Asia/Taipei", "Europe/Berlin", "America/New_York"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A run at every due time is always on time; without the last k of them it is
    /// late, or as many are missed.
    #[test]
    fn absent_runs_are_counted(
        every in prop::sample::select(&SCHEDULES[..]),
        zone in prop::sample::select(&ZONES[..]),
        start in 1_735_689_600_i64..1_830_000_000,
        jitter in -25_i64..29,
        absent in 0_u32..5,
    ) {
        let fresh = due(every, zone, Duration::ZERO);
        let FreshRule::Due { schedule, .. } = &fresh.rule else {
            unreachable!("made so");
        };
        let start = Timestamp::from_second(start).expect("a time");
        let ran = schedule.after(start).expect("a due time");
        let mut last_due = ran;
        for _ in 0..absent {
            last_due = schedule.after(last_due).expect("a due time");
        }
        let next = schedule.after(last_due).expect("a due time");
        let last = ran + SignedDuration::from_secs(jitter);
        // Any moment from just after the last due time to just before the next one.
        for now in [last_due + SignedDuration::from_secs(51), next - SignedDuration::from_secs(1)] {
            let (_, freshness) = fresh.judge(&facts(last), &Clocks::here(now), None);
            prop_assert_eq!(freshness.absent_runs, Some(absent), "{} at {}", last, now);
            let state = match absent {
                0 => FreshState::OnTime,
                1 => FreshState::Late,
                _ => FreshState::Missed,
            };
            prop_assert_eq!(freshness.state, state);
        }
    }

    /// Looking back finds what looking forward found.
    #[test]
    fn due_times_are_the_same_both_ways(
        every in prop::sample::select(&SCHEDULES[..]),
        zone in prop::sample::select(&ZONES[..]),
        start in 1_735_689_600_i64..1_830_000_000,
    ) {
        let clock = schedule::zone(zone).expect("a zone");
        let schedule = Schedule::parse(every, zone, clock).expect("a schedule");
        let start = Timestamp::from_second(start).expect("a time");
        let first = schedule.after(start).expect("a due time");
        let second = schedule.after(first).expect("a due time");
        prop_assert_eq!(schedule.up_to(first), Some(first));
        prop_assert_eq!(schedule.up_to(second - SignedDuration::from_secs(1)), Some(first));
    }
}
