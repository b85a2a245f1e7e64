use rstest::rstest;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn taipei() -> TimeZone {
    TimeZone::fixed(Offset::constant(8))
}

#[rstest]
#[case(
    "backup_{date}.sql.gz",
    "%Y%m%d%H%M",
    "backup_202606050400.sql.gz",
    Some("2026-06-04T20:00:00Z")
)]
#[case(
    "auto-{date}",
    "%Y-%m-%d_%H-%M",
    "auto-2026-03-23_00-00",
    Some("2026-03-22T16:00:00Z")
)]
#[case::prefixes_overlap("auto-{date}", "%Y-%m-%d_%H-%M", "auto-12h-2026-03-23_00-00", None)]
#[case(
    "auto-12h-{date}",
    "%Y-%m-%d_%H-%M",
    "auto-12h-2026-03-23_12-00",
    Some("2026-03-23T04:00:00Z")
)]
#[case(
    "momo_*_{date}.sql.gz",
    "%Y%m%d_%H%M%S",
    "momo_analytics_20260604_154234.sql.gz",
    Some("2026-06-04T07:42:34Z")
)]
#[case("{date}", "%s", "1780656904", Some("2026-06-05T10:55:04Z"))]
#[case(
    "{date}-x",
    "%FT%T",
    "2026-06-05T04:00:01-x",
    Some("2026-06-04T20:00:01Z")
)]
#[case("{date}", "%y%j%H", "2615604", Some("2026-06-04T20:00:00Z"))]
#[case(
    "{date}",
    "%d.%m.%Y %R",
    "05.06.2026 04:00",
    Some("2026-06-04T20:00:00Z")
)]
#[case::no_such_day("{date}", "%Y%m%d%H", "2026063100", None)]
#[case::no_such_hour("{date}", "%Y%m%d%H", "2026060525", None)]
#[case::half_written(
    "backup_{date}.sql.gz",
    "%Y%m%d%H",
    "backup_2026060504.sql.gz.tmp",
    None
)]
#[case::more_digits("backup_{date}", "%Y%m%d%H", "backup_20260605041", None)]
#[case::a_dot_is_a_dot("backup_{date}.gz", "%Y%m%d%H", "backup_2026060504xgz", None)]
#[case::other_digits("{date}", "%Y%m%d%H", "２０２６060504", None)]
fn names_tell_moments(
    #[case] name: &str,
    #[case] format: &str,
    #[case] seen: &str,
    #[case] expected: Option<&str>,
) {
    let dated = Dated::new(name, format).expect("a pattern");
    let expected = expected.map(|text| Moment::At(at(text)));
    assert_eq!(dated.read(seen, &taipei()), expected);
}

#[test]
fn a_day_alone_takes_its_time_from_the_change_on_it() {
    let dated = Dated::new("backup_{date}.gz", "%Y%m%d").expect("a pattern");
    let seen = dated.read("backup_20260605.gz", &taipei()).expect("a day");
    let start = at("2026-06-04T16:00:00Z");
    assert_eq!(seen, Moment::Day(start, at("2026-06-05T16:00:00Z")));
    let told = at("2026-06-04T20:01:07Z");
    assert_eq!(seen.with_change(told), told);
    // A job of 23:50 that ends at 00:10 is of the day that it is called by.
    let last = at("2026-06-05T15:59:59Z");
    for after_midnight in [
        "2026-06-05T16:00:00Z",
        "2026-06-05T16:10:00Z",
        "2026-06-06T15:59:59Z",
    ] {
        assert_eq!(
            seen.with_change(at(after_midnight)),
            last,
            "{after_midnight}"
        );
    }
    for copied in [
        "2026-06-09T00:00:00Z",
        "2026-06-06T16:00:00Z",
        "2026-06-04T15:59:59Z",
    ] {
        assert_eq!(seen.with_change(at(copied)), start, "{copied}");
    }
    let undated = Dated::new("dump.rdb", "%Y%m%d").expect("a pattern");
    let seen = undated.read("dump.rdb", &taipei()).expect("a name");
    assert_eq!((seen, seen.with_change(told)), (Moment::None, told));
    assert_eq!(undated.read("dump.rdb.1", &taipei()), None);
}

#[test]
fn a_day_is_as_long_as_its_zone_makes_it() {
    let zone = zone("Europe/Berlin").expect("a zone");
    let dated = Dated::new("{date}", "%F").expect("a pattern");
    assert_eq!(
        dated.read("2026-03-29", &zone),
        Some(Moment::Day(
            at("2026-03-28T23:00:00Z"),
            at("2026-03-29T22:00:00Z")
        ))
    );
}

#[rstest]
#[case("{date}", "%Y%m", "does not tell the day")]
#[case("{date}", "%d%m", "does not tell the day")]
#[case("{date}", "", "does not tell the day")]
#[case("{date}", "%Y%m%d %b", "%b is not read in a date")]
#[case("{date}", "%Y%m%d%", "% is not read in a date")]
#[case("{date}", "%F%Y", "the same letter twice")]
#[case("{date}-{date}", "%F", "more than one {date}")]
fn patterns_are_refused(#[case] name: &str, #[case] format: &str, #[case] why: &str) {
    let message = Dated::new(name, format).expect_err("refused");
    assert!(message.contains(why), "{message}");
}

#[rstest]
#[case("backup_{date}.sql.gz", "backup_*.sql.gz")]
#[case("a*b", "a*b")]
#[case("a[1]?\\{date}", "a\\[1\\]\\?\\\\*")]
fn a_shell_s_pattern_is_wider(#[case] name: &str, #[case] glob: &str) {
    assert_eq!(Dated::new(name, "%F").expect("a pattern").glob(), glob);
}

#[rstest]
#[case("1780656904 +0800\n", Some((1_780_656_904, 28_800)))]
#[case("1780656904 -0330", Some((1_780_656_904, -12_600)))]
#[case("1780656904 CST", None)]
#[case("1780656904", None)]
#[case("x +0800", None)]
#[case("1 +08:0", None)]
#[case("1 +9999", None)]
#[case("", None)]
fn the_clock_of_a_host(#[case] printed: &str, #[case] expected: Option<(i64, i32)>) {
    let told = HostClock::parse(printed);
    let offset = |clock: HostClock| {
        let offset = clock.zone.to_offset(Timestamp::UNIX_EPOCH);
        (clock.now, offset.seconds())
    };
    assert_eq!(told.map(offset), expected);
}
