//! The alerts that fire in Prometheus, and those that could not yet.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use super::asked::{Begun, seconds};
use super::ready;
use super::rules::{Alert, Loaded, Rule, alert_questions, alert_rules, set_alerts, set_health};
use crate::probe::kinds::alerts::{self, Matcher, all_hold, list, missing, shown, time};
use crate::probe::kinds::api::Asking;
use crate::probe::{Defaults, Facts, Fault, FaultKind};

/// The alerts to look at, and which of them should fire.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerts {
    /// The names of alerts to look at; each has to be loaded. All when left out.
    #[serde(default)]
    pub(super) names: Vec<String>,
    /// Conditions on the alerts' labels, all of which have to hold: `severity=critical`. What
    /// one asks for has to be a label of a rule, or of some series.
    #[serde(default)]
    matchers: Vec<Matcher>,
    /// The names of those that should fire, and no others. None when left out.
    #[serde(default)]
    expect: Vec<String>,
}

/// How often rules are evaluated where that is not told, in seconds: Prometheus' own default.
const INTERVAL: f64 = 60.0;

/// Evaluations until an alert fires whose condition holds since what it is about was asked,
/// besides those of its `for`: one until the first, and one until the first at which `for` is
/// over.
const SPARE: f64 = 2.0;

impl Alerts {
    pub(super) fn defaults(&self) -> Defaults {
        let fires: &[&str] = if self.expect.is_empty() {
            &["firing_count == 0"]
        } else {
            &["size(not_firing) == 0", "size(unexpected) == 0"]
        };
        // Of a rule that is not loaded, or fails, no alert fires.
        let healthy = [
            "size(missing) == 0",
            "rules > 0",
            "size(unhealthy) == 0",
            "size(unevaluated) == 0",
        ];
        let known = (!self.matchers.is_empty()).then_some("size(unmatched) == 0");
        let mut defaults = Defaults::require(fires.iter().copied().chain(healthy).chain(known));
        // What waits since the start may have fired before it.
        defaults.prefer = vec!["size(undecided) == 0".to_owned()];
        defaults
    }

    pub(super) fn questions(&self) -> Vec<(String, Vec<(&'static str, String)>)> {
        let mut questions = alert_questions(&self.matchers);
        questions.push((ready::RUNTIME.to_owned(), Vec::new()));
        questions
    }

    pub(super) async fn facts(&self, asking: &Asking<'_>) -> Result<Facts, Fault> {
        let (loaded, reply) = alert_rules(asking).await?;
        let mut facts = Facts::new();
        self.set(&loaded, &mut facts);
        let unmatched = loaded.unmatched(&self.names, &self.matchers, asking);
        facts.set("unmatched", list(unmatched.await?));
        // After the rules: one that was started in between is then rather too young.
        let course = match ready::runtime(asking).await {
            Ok(course) => course,
            // A proxy may let no more through than what was asked for so far.
            Err(fault) if fault.kind == FaultKind::Denied => None,
            Err(fault) => return Err(fault),
        };
        let started = course.as_ref().and_then(ready::Runtime::started_at);
        let configured = course.as_ref().and_then(ready::Runtime::loaded_at);
        // It reads the rules when it has replayed its log, which may take longer than a `for`;
        // and those that are new in a configuration have not waited before.
        let begun = started.map(|started| configured.map_or(started, |at| at.max(started)));
        let now = reply.now();
        let begun = match begun.map(seconds) {
            Some(at) if self.is_open(&loaded, at, now) => Some(Begun::told(at, asking).await?),
            at => at.map(Begun::latest),
        };
        let undecided = self.undecided(&loaded, begun, now);
        facts.set("undecided", list(undecided));
        facts.set_some("started_at", started);
        facts.set_some("loaded_at", configured);
        reply.set_clock(&mut facts);
        Ok(facts)
    }

    fn set(&self, loaded: &Loaded, facts: &mut Facts) {
        let rules = loaded.named(&self.names);
        let wanted: Vec<String> = self.names.iter().chain(&self.expect).cloned().collect();
        let absent: BTreeSet<&str> = loaded.missing(&wanted).into_iter().collect();
        facts.set("missing", list(absent));
        set_health(&rules, facts);
        let raised: Vec<&Alert> = rules
            .iter()
            .flat_map(|rule| rule.alerts())
            .filter(|alert| all_hold(&self.matchers, &alert.labels))
            .collect();
        set_alerts(&raised, facts);
        if !self.expect.is_empty() {
            let firing = raised.iter().filter(|alert| alert.fires());
            let firing: BTreeSet<&str> = firing.map(|alert| alerts::name(&alert.labels)).collect();
            facts.set("not_firing", list(missing(&self.expect, &firing)));
            let unexpected = |name: &&&str| !self.expect.iter().any(|expected| expected == **name);
            facts.set(
                "unexpected",
                list(firing.iter().filter(unexpected).copied()),
            );
        }
    }

    /// Whether it depends on when what the rules watch was asked what is undecided.
    fn is_open(&self, loaded: &Loaded, begun: f64, now: Option<f64>) -> bool {
        let of = |begun: Begun| self.undecided(loaded, Some(begun), now);
        of(Begun::earliest(begun)) != of(Begun::latest(begun))
    }

    /// What may have fired before `begun`, when Prometheus began with these rules: those of
    /// [`unjudged`], and the pending alerts that had no time to fire since. All that are
    /// pending, where it is not told when that was, or what time it is now.
    fn undecided(&self, loaded: &Loaded, begun: Option<Begun>, now: Option<f64>) -> Vec<String> {
        let mut undecided = Vec::new();
        for group in &loaded.groups {
            let interval = if group.interval > 0.0 {
                group.interval
            } else {
                INTERVAL
            };
            let named = |rule: &&Rule| self.names.is_empty() || self.names.contains(&rule.name);
            for rule in group.rules.iter().filter(named) {
                let fires_after = rule.duration + SPARE * interval;
                let had_time = begun.zip(now).is_some_and(|(begun, now)| {
                    now >= begun.asked.max(begun.at + interval) + fires_after
                });
                if self.expect.contains(&rule.name) {
                    continue;
                }
                // One that nobody looks at says nothing of the others.
                let has_alert = rule
                    .alerts()
                    .any(|alert| all_hold(&self.matchers, &alert.labels));
                if !has_alert {
                    undecided.extend(begun.and_then(|begun| unjudged(rule, begun)));
                }
                if had_time {
                    continue;
                }
                let waiting = rule.alerts().filter(|alert| alert.waits());
                let waiting = waiting.filter(|alert| all_hold(&self.matchers, &alert.labels));
                undecided.extend(waiting.map(|alert| told(alert, rule.duration)));
            }
        }
        undecided.sort();
        undecided
    }
}

/// A rule whose last evaluation was before all had been asked for metrics twice since Prometheus
/// began: it need not have seen a series, and so no alert. That of a rule that nobody has
/// evaluated is told by `unevaluated`.
fn unjudged(rule: &Rule, begun: Begun) -> Option<String> {
    let evaluated = time(&rule.last_evaluation)?;
    let is_early = seconds(evaluated) < begun.asked;
    is_early.then(|| format!("{}: not judged since the rules were read", rule.name))
}

/// `HostDown{host="110"}: pending since 2026-06-05T10:52:00Z, fires after 10m`.
fn told(alert: &Alert, wait: f64) -> String {
    let since = alert.active_at.as_deref().and_then(time);
    let since = since.map_or_else(String::new, |since| format!(" since {since:.0}"));
    let wait = match SignedDuration::try_from_secs_f64(wait) {
        Ok(wait) => format!("{wait:#}"),
        Err(_) => format!("{wait} s"),
    };
    format!(
        "{}: pending{since}, fires after {wait}",
        shown(&alert.labels)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn loaded(interval: u32, state: &str, wait: f64) -> Loaded {
        serde_json::from_value(
            json!({"groups": [{"name": "hosts", "interval": interval, "rules": [{
            "type": "alerting", "name": "HostDown", "duration": wait,
            "alerts": [{"labels": {"alertname": "HostDown", "host": "110"}, "state": state,
                        "activeAt": "2026-06-05T10:52:00.123456789Z"}]}]}]}),
        )
        .expect("rules")
    }

    /// Ten minutes of `for`, and three evaluations to spare.
    #[rstest]
    #[case::at_the_start(60, Some(1000.0), Some(1000.0), true)]
    #[case::before_its_time(60, Some(1000.0), Some(1779.0), true)]
    #[case::after_its_time(60, Some(1000.0), Some(1780.0), false)]
    #[case::evaluated_often(1, Some(1000.0), Some(1602.0), true)]
    #[case::evaluated_often_and_after(1, Some(1000.0), Some(1603.0), false)]
    #[case::how_often_is_not_told(0, Some(1000.0), Some(1779.0), true)]
    #[case::how_often_is_not_told_and_after(0, Some(1000.0), Some(1780.0), false)]
    #[case::started_in_a_time_to_come(60, Some(9000.0), Some(1000.0), true)]
    #[case::its_start_is_not_told(60, None, Some(9000.0), true)]
    #[case::no_clock(60, Some(1000.0), None, true)]
    fn whether_it_had_time_to_fire(
        #[case] interval: u32,
        #[case] begun: Option<f64>,
        #[case] now: Option<f64>,
        #[case] is_undecided: bool,
    ) {
        let alerts: Alerts = serde_json::from_value(json!({})).expect("options");
        let pending = loaded(interval, "pending", 600.0);
        let begun = begun.map(Begun::earliest);
        let undecided = alerts.undecided(&pending, begun, now);
        let told = "HostDown{host=\"110\"}: pending since 2026-06-05T10:52:00Z, fires after 10m";
        let expected: &[&str] = if is_undecided { &[told] } else { &[] };
        assert_eq!(undecided, expected);
        let firing = loaded(interval, "firing", 600.0);
        assert_eq!(alerts.undecided(&firing, begun, now), [""; 0]);
    }

    /// What a pending alert is about may be asked later than its rule is evaluated.
    #[rstest]
    #[case::before_its_time(1, 1721.0, true)]
    #[case::after_its_time(1, 1722.0, false)]
    #[case::evaluated_seldom(300, 1900.0, true)]
    #[case::evaluated_seldom_and_after(300, 2500.0, false)]
    fn it_had_no_time_before_it_was_asked(
        #[case] interval: u32,
        #[case] now: f64,
        #[case] is_undecided: bool,
    ) {
        let alerts: Alerts = serde_json::from_value(json!({})).expect("options");
        let (at, asked) = (1000.0, 1120.0);
        let begun = Some(Begun { at, asked });
        let pending = loaded(interval, "pending", 600.0);
        let undecided = alerts.undecided(&pending, begun, Some(now));
        assert_eq!(undecided.len(), usize::from(is_undecided));
    }

    /// It began at 00:16:40, and all had been asked twice at 00:18:45, however often the rule is
    /// evaluated.
    #[rstest]
    #[case::at_the_start("1970-01-01T00:16:50Z", 60, true)]
    #[case::before_two_rounds("1970-01-01T00:18:44Z", 60, true)]
    #[case::after_two_rounds("1970-01-01T00:18:45Z", 60, false)]
    #[case::evaluated_more_often_than_it_is_asked("1970-01-01T00:18:44Z", 1, true)]
    #[case::evaluated_often_and_after("1970-01-01T00:18:45Z", 1, false)]
    #[case::evaluated_seldom("1970-01-01T00:18:45Z", 3600, false)]
    #[case::before_it_began("1970-01-01T00:10:00Z", 60, true)]
    #[case::never_evaluated_is_told_elsewhere("0001-01-01T00:00:00Z", 60, false)]
    fn a_rule_that_saw_nothing_yet(
        #[case] evaluated: &str,
        #[case] interval: u32,
        #[case] is_undecided: bool,
    ) {
        let quiet = |alerts: serde_json::Value| -> Loaded {
            serde_json::from_value(
                json!({"groups": [{"name": "hosts", "interval": interval, "rules": [{
                "type": "alerting", "name": "HostDown", "duration": 0, "health": "ok",
                "lastEvaluation": evaluated, "alerts": alerts}]}]}),
            )
            .expect("rules")
        };
        let loaded = quiet(json!([]));
        let alerts = |options| serde_json::from_value::<Alerts>(options).expect("options");
        let told = "HostDown: not judged since the rules were read";
        let expected: &[&str] = if is_undecided { &[told] } else { &[] };
        let (at, asked) = (1000.0, 1125.0);
        let (begun, now) = (Some(Begun { at, asked }), Some(5000.0));
        assert_eq!(alerts(json!({})).undecided(&loaded, begun, now), expected);
        // When it began is not told by all that speak Prometheus' language.
        assert_eq!(alerts(json!({})).undecided(&loaded, None, now), [""; 0]);
        for other in [json!({"names": ["Other"]}), json!({"expect": ["HostDown"]})] {
            assert_eq!(alerts(other).undecided(&loaded, begun, now), [""; 0]);
        }
        let labels = json!({"alertname": "HostDown", "host": "110"});
        let firing = quiet(json!([{"labels": labels, "state": "firing"}]));
        assert_eq!(alerts(json!({})).undecided(&firing, begun, now), [""; 0]);
        let of = |host: &str| alerts(json!({"matchers": [format!("host={host}")]}));
        assert_eq!(of("110").undecided(&firing, begun, now), [""; 0]);
        // That of 110 says nothing of 111, which was not asked yet.
        assert_eq!(of("111").undecided(&firing, begun, now), expected);
    }

    #[rstest]
    #[case(5400.0, "1h 30m")]
    #[case(864_000.0, "240h")]
    #[case(0.5, "500ms")]
    #[case(1e300, "s")]
    fn a_wait_in_words(#[case] wait: f64, #[case] words: &str) {
        let loaded = loaded(60, "pending", wait);
        let alert = loaded.named(&[])[0].alerts().next().expect("an alert");
        let told = told(alert, wait);
        assert!(told.ends_with(words), "{told}");
    }
}
