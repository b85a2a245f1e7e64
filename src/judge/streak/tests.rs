use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn look(seconds: i64, verdict: Verdict, boot: Option<&str>) -> Look {
    Look {
        at: at(seconds),
        verdict,
        boot: boot.map(str::to_owned),
    }
}

/// PASS from 100 to 160 s on the boot `a`.
fn streak() -> Streak {
    Streak {
        verdict: Verdict::Pass,
        since: at(100),
        last: at(160),
        looks: 4,
        boot: Some("a".to_owned()),
    }
}

const GAP: Option<Duration> = Some(Duration::from_secs(60));

#[rstest]
#[case::goes_on(look(219, Verdict::Pass, Some("a")), GAP, None)]
#[case::gap(
    look(220, Verdict::Pass, Some("a")),
    GAP,
    Some(Broken::Gap(SignedDuration::from_secs(60)))
)]
#[case::gaps_do_not_count(look(9_999, Verdict::Pass, Some("a")), None, None)]
#[case::verdict(
    look(170, Verdict::Warn, Some("a")),
    GAP,
    Some(Broken::Verdict(Verdict::Pass))
)]
#[case::held_back(
    look(170, Verdict::NotEvaluated, Some("a")),
    GAP,
    Some(Broken::Verdict(Verdict::Pass))
)]
#[case::boot(look(170, Verdict::Pass, Some("b")), GAP, Some(Broken::Boot))]
#[case::boot_unknown(look(170, Verdict::Pass, None), GAP, Some(Broken::BootUnknown))]
fn a_streak_goes_on_or_breaks(
    #[case] look: Look,
    #[case] gap: Option<Duration>,
    #[case] expected: Option<Broken>,
) {
    let (after, broken) = streak().after(&look, gap, look.at);
    assert_eq!(broken, expected);
    match expected {
        None => assert_eq!(
            after,
            Streak {
                last: look.at,
                looks: 5,
                ..streak()
            }
        ),
        Some(_) => assert_eq!(after, Streak::of(&look)),
    }
}

#[test]
fn a_clock_that_was_set_back_begins_anew() {
    let look = look(50, Verdict::Pass, Some("a"));
    let (after, broken) = streak().after(&look, GAP, at(51));
    assert_eq!(broken, Some(Broken::ClockSetBack));
    assert_eq!(after, Streak::of(&look));
}

#[rstest]
#[case::the_same(look(130, Verdict::Pass, Some("a")), (100, 5))]
#[case::another_verdict(look(130, Verdict::Blocked, Some("a")), (160, 1))]
#[case::another_boot(look(130, Verdict::Pass, Some("b")), (160, 1))]
#[case::before_it_began(look(99, Verdict::Blocked, Some("a")), (100, 4))]
fn a_look_that_is_told_late_never_lengthens_it(
    #[case] look: Look,
    #[case] (since, looks): (i64, u64),
) {
    let (after, broken) = streak().after(&look, GAP, at(161));
    assert_eq!(broken, None);
    assert_eq!(
        after,
        Streak {
            since: at(since),
            looks,
            ..streak()
        }
    );
}

fn looks() -> impl Strategy<Value = Vec<Look>> {
    let verdict = prop_oneof![
        8 => Just(Verdict::Pass),
        1 => Just(Verdict::Warn),
        1 => Just(Verdict::Blocked),
        1 => Just(Verdict::NotEvaluated),
    ];
    let boot = prop_oneof![8 => Just(Some("a")), 1 => Just(Some("b")), 1 => Just(None)];
    let one = (0..500_i64, verdict, boot)
        .prop_map(|(seconds, verdict, boot)| look(seconds, verdict, boot));
    prop::collection::vec(one, 1..40)
}

proptest! {
    /// Whatever order concurrent runs are recorded in, a streak never spans a
    /// look that contradicts it.
    #[test]
    fn a_streak_claims_only_what_was_seen(looks in looks()) {
        let now = at(501);
        let mut streak = Streak::of(&looks[0]);
        for look in &looks[1..] {
            streak = streak.after(look, GAP, now).0;
        }
        prop_assert!(streak.since <= streak.last);
        prop_assert_eq!(
            streak.last,
            looks.iter().map(|look| look.at).max().unwrap_or_default()
        );
        for look in &looks {
            let within = streak.since < look.at && look.at < streak.last;
            prop_assert!(!within || (look.verdict, &look.boot) == (streak.verdict, &streak.boot));
        }
        let ends = [streak.since, streak.last];
        for end in ends {
            let is_seen = looks.iter().any(|look| {
                (look.at, look.verdict, &look.boot) == (end, streak.verdict, &streak.boot)
            });
            prop_assert!(is_seen, "{:?} was seen by nobody", end);
        }
    }

    /// In order, a streak is the longest tail of looks that are alike and
    /// close to one another.
    #[test]
    fn in_order_it_is_the_tail(mut looks in looks()) {
        looks.sort_by_key(|look| look.at);
        let mut streak = Streak::of(&looks[0]);
        for look in &looks[1..] {
            streak = streak.after(look, GAP, look.at).0;
        }
        let mut begin = looks.len() - 1;
        while begin > 0 {
            let (before, after) = (&looks[begin - 1], &looks[begin]);
            let alike = (before.verdict, &before.boot) == (after.verdict, &after.boot);
            if !alike || after.at.duration_since(before.at) >= SignedDuration::from_secs(60) {
                break;
            }
            begin -= 1;
        }
        prop_assert_eq!(streak.since, looks[begin].at);
        prop_assert_eq!(streak.looks, (looks.len() - begin) as u64);
    }
}
