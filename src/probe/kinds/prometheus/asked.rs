//! Since when rules have something to judge: when all that Prometheus asks for metrics had
//! been asked twice since it began, which a rate takes. It keeps when it asked a target as
//! the series `up`, whether that answered or not; how often it means to is no proof that it did.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::answer::{self, Answered, Told};
use super::{query, targets};
use crate::probe::kinds::alerts::Labels;
use crate::probe::kinds::api::Asking;
use crate::probe::{Fault, FaultKind};

/// Seconds after which the rules count as judged, whatever was asked. What is asked so seldom
/// that it was not asked twice in this time has no value most of the time, for Prometheus takes
/// none that is older than five minutes. Also how far back [`SAMPLES`] reach.
pub(super) const LONGEST: f64 = 1800.0;

/// When targets were asked.
const SAMPLES: &str = "up[30m]";

/// Seconds until Prometheus gives an answer up where it does not tell: its own default.
const TIMEOUT: f64 = 10.0;

/// When Prometheus began with its rules, and when they had something to judge, in seconds
/// since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Begun {
    pub(super) at: f64,
    /// All that it asks had been asked twice, and had answered or not.
    pub(super) asked: f64,
}

impl Begun {
    /// As early as can be, whatever was asked.
    pub(super) fn earliest(at: f64) -> Self {
        Self { at, asked: at }
    }

    /// As late as can be.
    pub(super) fn latest(at: f64) -> Self {
        let asked = at + LONGEST;
        Self { at, asked }
    }

    /// As the server tells it.
    pub(super) async fn told(at: f64, asking: &Asking<'_>) -> Result<Self, Fault> {
        let latest = Self::latest(at);
        let asked = asked_twice(asking, at).await?;
        let asked = asked.map_or(latest.asked, |asked| asked.min(latest.asked));
        Ok(Self { at, asked })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lists {
    #[serde(default)]
    active_targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(default)]
    labels: Labels,
    /// From 2.30 on.
    scrape_timeout: Option<String>,
}

impl Target {
    /// Seconds after which it has answered, or has not.
    fn timeout(&self) -> f64 {
        let told = self.scrape_timeout.as_deref();
        let told = told.and_then(|text| text.parse::<SignedDuration>().ok());
        told.map_or(TIMEOUT, |timeout| timeout.as_secs_f64())
    }
}

/// What [`Begun::told`] asks for.
pub(super) fn questions() -> [(&'static str, Vec<(&'static str, String)>); 2] {
    [
        (targets::PATH, vec![("state", "active".to_owned())]),
        (query::PATH, vec![("query", SAMPLES.to_owned())]),
    ]
}

/// None where something has not been asked twice, or nothing is asked yet, or where that
/// is not told.
async fn asked_twice(asking: &Asking<'_>, begun: f64) -> Result<Option<f64>, Fault> {
    let active = [("state", "active")];
    let told = answer::ask(asking, targets::PATH, &active).await;
    let Some(lists): Option<Told<Lists>> = if_told(told)? else {
        return Ok(None);
    };
    // After the targets: one that is found in between is then not looked for.
    let told = answer::ask(asking, query::PATH, &[("query", SAMPLES)]).await;
    let samples: Option<Told<Answered>> = if_told(told)?;
    Ok(samples.and_then(|samples| twice(&lists.data, &samples.data, begun)))
}

/// None where it is another server that speaks its language and does not have this, where a
/// proxy does not let it through, and where it is more than what is read.
fn if_told<T>(told: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match told {
        Ok(told) => Ok(Some(told)),
        Err(fault)
            if matches!(
                fault.kind,
                FaultKind::Denied | FaultKind::Protocol | FaultKind::LocalSetup
            ) =>
        {
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

fn twice(lists: &Lists, samples: &Answered, begun: f64) -> Option<f64> {
    let Answered::Matrix(series) = samples else {
        return None;
    };
    // Of when it read its rules the second is told, and not when in it.
    let since = begun.floor() + 1.0;
    let seconds = series.iter().map(|one| {
        let mut labels = one.metric.clone();
        labels.remove("__name__");
        let mut times = one.values.iter().map(answer::Point::seconds);
        let second = times.by_ref().filter(|at| *at >= since).nth(1);
        (labels, second)
    });
    let seconds: BTreeMap<Labels, Option<f64>> = seconds.collect();
    let each = lists.active_targets.iter().map(|target| {
        let second = seconds.get(&target.labels).copied().flatten()?;
        Some(second + target.timeout())
    });
    let each: Option<Vec<f64>> = each.collect();
    each?.into_iter().reduce(f64::max)
}

/// A time in seconds since 1970.
pub(super) fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value as Json, json};

    fn target(instance: &str, timeout: Option<&str>) -> Json {
        json!({"labels": {"job": "node", "instance": instance}, "scrapeTimeout": timeout})
    }

    fn asked(instance: &str, times: &[f64]) -> Json {
        let values: Vec<Json> = times.iter().map(|at| json!([at, "0"])).collect();
        json!({"metric": {"__name__": "up", "job": "node", "instance": instance}, "values": values})
    }

    /// It began at 1000.5.
    #[rstest]
    #[case::each_minute(json!([target("a", Some("10s"))]), json!([asked("a", &[1030.0, 1090.0, 1150.0])]), Some(1100.0))]
    #[case::asked_once(json!([target("a", Some("10s"))]), json!([asked("a", &[1030.0])]), None)]
    #[case::asked_before_it_began(json!([target("a", Some("10s"))]), json!([asked("a", &[880.0, 940.0, 1000.0, 1030.0])]), None)]
    #[case::in_the_second_in_which_it_began(json!([target("a", Some("1s"))]), json!([asked("a", &[1000.9, 1001.9, 1002.9])]), Some(1003.9))]
    #[case::the_slowest_counts(
        json!([target("a", Some("1s")), target("b", Some("1m30s"))]),
        json!([asked("a", &[1002.0, 1003.0]), asked("b", &[1300.0, 1600.0])]),
        Some(1690.0)
    )]
    #[case::one_was_never_asked(json!([target("a", None), target("b", None)]), json!([asked("a", &[1002.0, 1003.0])]), None)]
    #[case::one_is_gone(json!([target("a", None)]), json!([asked("a", &[1002.0, 1003.0]), asked("b", &[1002.0])]), Some(1013.0))]
    #[case::nothing_is_found_yet(json!([]), json!([]), None)]
    #[case::a_time_that_is_none(json!([target("a", Some("soon"))]), json!([asked("a", &[1002.0, 1003.0])]), Some(1013.0))]
    fn when_all_was_asked_twice(
        #[case] targets: Json,
        #[case] series: Json,
        #[case] expected: Option<f64>,
    ) {
        let lists = json!({"activeTargets": targets});
        let lists: Lists = serde_json::from_value(lists).expect("targets");
        let samples = json!({"resultType": "matrix", "result": series});
        let samples: Answered = serde_json::from_value(samples).expect("samples");
        assert_eq!(twice(&lists, &samples, 1000.5), expected);
    }
}
