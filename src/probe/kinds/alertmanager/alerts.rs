//! The alerts that Alertmanager has, and whether they are those of Prometheus.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{self, Alert, Status};
use super::ready;
use crate::probe::kinds::alerts::{
    self, Labels, Matcher, all_hold, count, list, missing, shown, time,
};
use crate::probe::kinds::api::{Api, Asking};
use crate::probe::kinds::authorization::Authorization;
use crate::probe::kinds::lines::Span;
use crate::probe::kinds::prometheus::rules::{self, Loaded};
use crate::probe::{Context, Defaults, Facts, Fault, FaultKind, OptionProblem};

const PATH: &str = "api/v2/alerts";

/// The alerts to look at, and which of them should be there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerts {
    /// The names of alerts to look at. All when left out.
    #[serde(default)]
    names: Vec<String>,
    /// Conditions on the alerts' labels, all of which have to hold: `severity=critical`.
    #[serde(default)]
    matchers: Vec<Matcher>,
    /// The names of those that should be active, and no others. None when left out, which is
    /// for all alerts alone: with `names` or `matchers` it has to be said, if only as `[]`, for
    /// of a mistyped one no alert is ever active, and Alertmanager knows no rules to tell by.
    #[serde(default)]
    expect: Option<Vec<String>>,
    /// Whether one that is silenced counts as active: nobody is told of it.
    #[serde(default)]
    silenced: bool,
    /// Whether one that another alert inhibits counts as active.
    #[serde(default)]
    inhibited: bool,
    /// How long after its start Alertmanager has heard of all alerts; five minutes when left
    /// out. It keeps them in memory alone, and Prometheus tells of one again after a minute, at
    /// the next evaluation of its rule.
    #[serde(default)]
    settles: Option<Span>,
}

/// Seconds until all alerts are told again, where rules are evaluated every four minutes or
/// more often.
const SETTLES: f64 = 300.0;

/// The Prometheus whose alerts should be here.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Both {
    /// `http://` or `https://` address of that Prometheus, without `/api`.
    pub(super) prometheus: String,
    /// The names of alerts to look at; each has to be loaded there. All when left out.
    #[serde(default)]
    names: Vec<String>,
    /// Conditions on the alerts' labels, all of which have to hold: `severity=critical`. What
    /// one asks for has to be a label of a rule there, or of some series.
    #[serde(default)]
    matchers: Vec<Matcher>,
    /// Whether it is fine that none of them fires. Then nothing was compared, and a pass says
    /// no more than that.
    #[serde(default)]
    may_be_quiet: bool,
    /// Labels of Prometheus that are taken away or changed on the way, by `alert_relabel_configs`.
    #[serde(default)]
    ignore: Vec<String>,
    /// Whether those that are active here have to fire there, too.
    #[serde(default)]
    both_ways: bool,
    /// The header `authorization` for that Prometheus, from a secret.
    #[serde(default)]
    pub(super) authorization: Option<Authorization>,
}

fn is_wanted(names: &[String], matchers: &[Matcher], labels: &Labels) -> bool {
    let named = names.is_empty() || names.iter().any(|name| name == alerts::name(labels));
    named && all_hold(matchers, labels)
}

/// All alerts, whatever their state.
async fn all(asking: &Asking<'_>) -> Result<(Vec<Alert>, Facts), Fault> {
    let (alerts, reply) = answer::ask(asking, PATH, &[]).await?;
    let mut facts = Facts::new();
    reply.set_clock(&mut facts);
    Ok((alerts, facts))
}

pub(super) fn questions() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    vec![(PATH, Vec::new())]
}

impl Alerts {
    pub(super) fn questions() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        [PATH, ready::STATUS]
            .map(|path| (path, Vec::new()))
            .to_vec()
    }

    pub(super) fn problem(&self) -> Option<OptionProblem> {
        let is_part = !self.names.is_empty() || !self.matchers.is_empty();
        (is_part && self.expect.is_none()).then(|| OptionProblem {
            path: vec!["alerts".to_owned()],
            message:
                "Alertmanager knows no rules: that none of these is active would pass as well \
                      where a name or a condition is mistyped"
                    .to_owned(),
            suggestion: Some(
                "kind `prometheus` with these `alerts`, which looks for their rules too; or here \
                 `expect: [NAME]`, or `expect: []` where that is meant all the same"
                    .to_owned(),
            ),
        })
    }

    fn expected(&self) -> &[String] {
        self.expect.as_deref().unwrap_or_default()
    }

    pub(super) fn defaults(&self) -> Defaults {
        let mut defaults = if self.expected().is_empty() {
            Defaults::require(["alert_count == 0"])
        } else {
            Defaults::require(["size(missing) == 0", "size(unexpected) == 0"])
        };
        defaults.prefer = vec!["settled".to_owned()];
        defaults
    }

    pub(super) async fn facts(&self, asking: &Asking<'_>) -> Result<Facts, Fault> {
        let (alerts, mut facts) = all(asking).await?;
        self.set(&alerts, &mut facts);
        // After the alerts: one that was started in between is then rather too young.
        let told = match answer::ask::<Status>(asking, ready::STATUS, &[]).await {
            Ok((status, reply)) => time(&status.uptime).map(|started| (started, reply.now())),
            // Others that have its alerts need not have this, or let it through.
            Err(fault) if matches!(fault.kind, FaultKind::Protocol | FaultKind::Denied) => None,
            Err(fault) => return Err(fault),
        };
        if let Some((started, now)) = told {
            let settles = self.settles.map_or(SETTLES, |span| span.0.as_secs_f64());
            let since = started.as_duration().as_secs_f64();
            facts.set("started_at", started);
            facts.set_some("settled", now.map(|now| now - since >= settles));
        }
        Ok(facts)
    }

    /// Whether it is one that somebody is told of, as far as the options want to know.
    fn counts(&self, alert: &Alert) -> bool {
        !alert.is_muted()
            && (!alert.is_silenced() || self.silenced)
            && (!alert.is_inhibited() || self.inhibited)
    }

    fn set(&self, alerts: &[Alert], facts: &mut Facts) {
        let wanted: Vec<&Alert> = alerts
            .iter()
            .filter(|alert| is_wanted(&self.names, &self.matchers, &alert.labels))
            .collect();
        let counted: Vec<&Alert> = wanted
            .iter()
            .filter(|alert| self.counts(alert))
            .copied()
            .collect();
        facts.set("alert_count", count(counted.len()));
        let there: BTreeSet<&str> = counted.iter().map(|alert| name(alert)).collect();
        facts.set("instances", instances(&counted));
        let since = counted.iter().filter_map(|alert| time(&alert.starts_at));
        facts.set_some("oldest_starts_at", since.min());
        let heard = counted.iter().filter_map(|alert| time(&alert.updated_at));
        facts.set_some("newest_update_at", heard.max());
        set_states(&wanted, facts);
        let expected = self.expected();
        if !expected.is_empty() {
            facts.set("missing", list(missing(expected, &there)));
            let unexpected = |name: &&&str| !expected.iter().any(|expected| expected == **name);
            facts.set("unexpected", list(there.iter().filter(unexpected).copied()));
        }
    }
}

fn name(alert: &Alert) -> &str {
    alerts::name(&alert.labels)
}

fn instances(alerts: &[&Alert]) -> crate::probe::Value {
    let mut each: Vec<String> = alerts.iter().map(|alert| shown(&alert.labels)).collect();
    each.sort();
    list(each)
}

fn set_states(wanted: &[&Alert], facts: &mut Facts) {
    let mut set = |names: &'static str, number: &'static str, is: fn(&Alert) -> bool| {
        let of: Vec<&&Alert> = wanted.iter().filter(|alert| is(alert)).collect();
        facts.set(number, count(of.len()));
        let of: BTreeSet<&str> = of.into_iter().map(|alert| name(alert)).collect();
        facts.set(names, list(of));
    };
    set("active", "active_count", Alert::is_active);
    set("silenced", "silenced_count", Alert::is_silenced);
    set("inhibited", "inhibited_count", Alert::is_inhibited);
}

impl Both {
    pub(super) fn defaults(&self) -> Defaults {
        let back = self.both_ways.then_some("size(only_in_alertmanager) == 0");
        let there = ["size(only_in_prometheus) == 0", "size(missing) == 0"];
        // Of a rule that fails, or of a condition that nothing meets, no alert fires; and where
        // none fires, none was seen here.
        let sound = [
            "rules > 0",
            "size(unhealthy) == 0",
            "size(unevaluated) == 0",
        ];
        let known = (!self.matchers.is_empty()).then_some("size(unmatched) == 0");
        let seen = (!self.may_be_quiet).then_some("compared > 0");
        let all = there.into_iter().chain(back).chain(sound);
        let mut defaults = Defaults::require(all.chain(known).chain(seen));
        defaults.prefer = vec!["size(silenced) == 0".to_owned()];
        defaults
    }

    /// The Prometheus, trusted by the options that stand beside this one.
    pub(super) fn api<'a>(&'a self, alertmanager: Api<'a>) -> Api<'a> {
        Api {
            name: "Prometheus",
            base: &self.prometheus,
            option: &["visible_in_both", "prometheus"],
            authorization: self.authorization.as_ref(),
            ..alertmanager
        }
    }

    /// What Prometheus is asked.
    pub(super) fn questions(&self) -> Vec<(String, Vec<(&'static str, String)>)> {
        rules::alert_questions(&self.matchers)
    }

    pub(super) async fn facts(
        &self,
        alertmanager: Api<'_>,
        context: &Context,
    ) -> Result<Facts, Fault> {
        // Prometheus first: what begins to fire in between is then no difference.
        let there = self.api(alertmanager).asking(context)?;
        let (loaded, _) = rules::alert_rules(&there).await?;
        let unmatched = loaded
            .unmatched(&self.names, &self.matchers, &there)
            .await?;
        let (alerts, mut facts) = all(&alertmanager.asking(context)?).await?;
        self.set(&loaded, &alerts, &mut facts);
        loaded.set_health(&self.names, &mut facts);
        facts.set("unmatched", list(unmatched));
        Ok(facts)
    }

    fn set(&self, loaded: &Loaded, alerts: &[Alert], facts: &mut Facts) {
        facts.set("missing", list(loaded.missing(&self.names)));
        let fires: Vec<&Labels> = loaded
            .firing()
            .map(|alert| &alert.labels)
            .filter(|labels| is_wanted(&self.names, &self.matchers, labels))
            .collect();
        let here: Vec<&Alert> = alerts
            .iter()
            .filter(|alert| is_wanted(&self.names, &self.matchers, &alert.labels))
            .collect();
        let (both, only): (Vec<&Labels>, Vec<&Labels>) = fires
            .iter()
            .partition(|labels| here.iter().any(|alert| self.is_same(labels, &alert.labels)));
        facts.set("compared", count(fires.len()));
        facts.set("in_both_count", count(both.len()));
        facts.set("in_both", sorted(both));
        facts.set("only_in_prometheus", sorted(only));
        let fires_not = |alert: &&&Alert| {
            let mut fires = fires.iter();
            alert.is_active() && !fires.any(|labels| self.is_same(labels, &alert.labels))
        };
        let only = here.iter().filter(fires_not);
        facts.set(
            "only_in_alertmanager",
            sorted(only.map(|alert| &alert.labels).collect()),
        );
        set_states(&here, facts);
    }

    /// On its way an alert gets Prometheus' external labels and may lose some.
    fn is_same(&self, there: &Labels, here: &Labels) -> bool {
        let mut kept = there.iter().filter(|(name, _)| !self.ignore.contains(name));
        kept.all(|(name, value)| here.get(name) == Some(value))
    }
}

fn sorted(alerts: Vec<&Labels>) -> crate::probe::Value {
    let mut each: Vec<String> = alerts.into_iter().map(shown).collect();
    each.sort();
    list(each)
}
