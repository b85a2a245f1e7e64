use rstest::rstest;
use serde_json::{Value as Json, json};

use super::*;

/// A cron job made on a Friday at 10:00Z, with what `with` says otherwise.
fn job(schedule: &str, with: &Json) -> CronJob {
    let part = |name: &str, mut own: Json| {
        let more = with[name].as_object().cloned().unwrap_or_default();
        own.as_object_mut().expect("an object").extend(more);
        own
    };
    let job = json!({
        "metadata": part("metadata", json!({ "name": "backup", "creationTimestamp": "2026-06-05T10:00:00Z" })),
        "spec": part("spec", json!({ "schedule": schedule })),
        "status": part("status", json!({})),
    });
    serde_json::from_value(job).expect("a cron job")
}

fn due(schedule: &str, with: &Json, asked: Json, now: &str) -> Due {
    let asked = serde_json::from_value(asked).expect("options");
    let clock = (!now.is_empty()).then(|| Clock::of_operator(now.parse().expect("a time")));
    since_made(&job(schedule, with), &asked, clock.as_ref())
}

const NIGHTLY: &str = "0 2 * * *";

#[rstest]
#[case::in_utc(NIGHTLY, json!({ "timeZone": "Etc/UTC" }), json!({}), "2026-06-06T02:00:00Z", "2026-06-06T03:00:00Z")]
#[case::in_its_zone(NIGHTLY, json!({ "timeZone": "Asia/Taipei" }), json!({}), "2026-06-05T18:00:00Z", "2026-06-05T19:00:00Z")]
#[case::in_that_of_the_check(NIGHTLY, json!({}), json!({ "zone": "Asia/Taipei" }), "2026-06-05T18:00:00Z", "2026-06-05T19:00:00Z")]
#[case::its_own_goes_before(NIGHTLY, json!({ "timeZone": "UTC" }), json!({ "zone": "Asia/Taipei" }), "2026-06-06T02:00:00Z", "2026-06-06T03:00:00Z")]
#[case::longer_grace(NIGHTLY, json!({ "timeZone": "UTC" }), json!({ "grace": "3h" }), "2026-06-06T02:00:00Z", "2026-06-06T05:00:00Z")]
#[case::no_grace(NIGHTLY, json!({ "timeZone": "UTC" }), json!({ "grace": "0s" }), "2026-06-06T02:00:00Z", "2026-06-06T02:00:00Z")]
#[case::a_deadline_moves_nothing(NIGHTLY, json!({ "timeZone": "UTC", "startingDeadlineSeconds": 60 }), json!({}), "2026-06-06T02:00:00Z", "2026-06-06T03:00:00Z")]
#[case::monthly("0 0 1 * *", json!({ "timeZone": "UTC" }), json!({}), "2026-07-01T00:00:00Z", "2026-07-01T01:00:00Z")]
#[case::nickname("@weekly", json!({ "timeZone": "UTC" }), json!({}), "2026-06-07T00:00:00Z", "2026-06-07T01:00:00Z")]
fn not_due_until_its_grace_is_over(
    #[case] schedule: &str,
    #[case] spec: Json,
    #[case] asked: Json,
    #[case] first: &str,
    #[case] until: &str,
) {
    let with = json!({ "spec": spec });
    let told = format!(
        "made at 2026-06-05T10:00:00Z, first due at {first}, to have ended well by {until}"
    );
    for now in ["2026-06-05T10:00:00Z", "2026-06-05T10:55:00Z", until] {
        let seen = due(schedule, &with, asked.clone(), now);
        assert_eq!(seen, Due::NotYet(told.clone()), "{now}");
    }
    let over = until.replace("00Z", "01Z");
    assert_eq!(due(schedule, &with, asked, &over), Due::Was(None));
}

/// Where nobody tells the zone, it is due as soon as it would be in any.
#[rstest]
#[case::each_night_it_is_two_somewhere(NIGHTLY, "2026-06-05T10:00:00Z", "2026-06-05T11:00:00Z")]
#[case::hourly("0 * * * *", "2026-06-05T10:00:00Z", "2026-06-05T11:00:00Z")]
// Kiritimati has Sunday at 10:00Z on Saturday.
#[case::weekly("0 0 * * 0", "2026-06-06T10:00:00Z", "2026-06-06T11:00:00Z")]
#[case::monthly("0 0 1 * *", "2026-06-30T10:00:00Z", "2026-06-30T11:00:00Z")]
fn in_no_zone_that_is_told(#[case] schedule: &str, #[case] first: &str, #[case] until: &str) {
    let told = format!(
        "made at 2026-06-05T10:00:00Z, first due at {first} at the earliest, in whichever time \
         zone that is, to have ended well by {until}"
    );
    let seen = due(schedule, &json!({}), json!({}), until);
    assert_eq!(seen, Due::NotYet(told));
    let over = until.replace("00Z", "01Z");
    assert_eq!(due(schedule, &json!({}), json!({}), &over), Due::Was(None));
    // No zone has it earlier: not one of the few that go furthest to either side.
    for zone in [
        "Pacific/Kiritimati",
        "Pacific/Apia",
        "Etc/GMT+12",
        "Asia/Taipei",
        "UTC",
        "Pacific/Marquesas",
    ] {
        let clock = schedule_zone(zone);
        let read = Schedule::parse(schedule, zone, clock).expect("a schedule");
        let made = "2026-06-05T10:00:00Z".parse().expect("a time");
        let there = read.after(made).expect("a time");
        assert!(there >= first.parse().expect("a time"), "{zone}: {there}");
    }
}

fn schedule_zone(name: &str) -> TimeZone {
    zone(name).expect("a zone")
}

#[rstest]
#[case::no_five_fields("0 2 * *", json!({}), r#""0 2 * *" does not tell when it is due"#)]
#[case::of_another_language("@every 1h", json!({}), r#""@every 1h" does not tell when it is due"#)]
#[case::in_the_schedule("CRON_TZ=UTC 0 2 * * *", json!({}), r#""CRON_TZ=UTC 0 2 * * *" does not tell when it is due"#)]
#[case::never("0 0 30 2 *", json!({}), r#""0 0 30 2 *" does not tell when it is due"#)]
#[case::nothing("", json!({}), r#""" does not tell when it is due"#)]
#[case::in_no_zone(NIGHTLY, json!({ "timeZone": "Mars/Olympus" }), r#""0 2 * * *" in "Mars/Olympus" does not tell when it is due"#)]
fn what_cannot_be_read_was_due(#[case] schedule: &str, #[case] spec: Json, #[case] why: &str) {
    let with = json!({ "spec": spec });
    let seen = due(schedule, &with, json!({}), "2026-06-05T10:00:10Z");
    assert_eq!(seen, Due::Was(Some(why.to_owned())));
}

const BEFORE: &str = "2026-06-05T10:55:00Z";
const WITHIN: &str = "2026-06-06T02:30:00Z";
const AFTER: &str = "2026-06-06T03:00:01Z";
const STARTED: &str = "2026-06-06T02:00:00Z";

#[rstest]
#[case::never_started(json!({}), BEFORE, true)]
#[case::not_started_in_its_grace(json!({}), WITHIN, true)]
#[case::not_started_at_all(json!({}), AFTER, false)]
#[case::it_runs(json!({ "status": { "lastScheduleTime": STARTED, "active": [{}] } }), WITHIN, true)]
#[case::it_runs_for_too_long(json!({ "status": { "lastScheduleTime": STARTED, "active": [{}] } }), AFTER, false)]
#[case::it_failed_at_once(json!({ "status": { "lastScheduleTime": STARTED, "active": [] } }), WITHIN, false)]
#[case::suspended(json!({ "spec": { "suspend": true } }), BEFORE, false)]
#[case::clocks_differ_a_little(json!({ "metadata": { "creationTimestamp": "2026-06-05T10:57:00Z" } }), BEFORE, true)]
#[case::nobody_tells_when_it_was_made(json!({ "metadata": { "creationTimestamp": null } }), BEFORE, false)]
#[case::nobody_tells_the_time(json!({}), "", false)]
fn what_it_owes(#[case] with: Json, #[case] now: &str, #[case] is_not_due: bool) {
    let seen = due(NIGHTLY, &with, json!({ "zone": "UTC" }), now);
    assert_eq!(matches!(seen, Due::NotYet(_)), is_not_due, "{seen:?}");
    assert!(!matches!(seen, Due::Was(Some(_))), "{seen:?}");
}

#[test]
fn one_made_in_time_to_come_tells_that_a_clock_is_wrong() {
    let with = json!({ "metadata": { "creationTimestamp": "2026-06-05T12:00:00Z" } });
    let seen = due(NIGHTLY, &with, json!({ "zone": "UTC" }), BEFORE);
    let why = "that is 65 min ahead of the clock of the machine that coldstart runs on, so a \
               clock is wrong";
    assert_eq!(seen, Due::Was(Some(why.to_owned())));
}
