//! The rules that Prometheus has loaded, and the alerts that they raise.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{self, Told};
use super::contract::{self, Part};
use super::rule_file;
use crate::probe::kinds::alerts::{self, Labels, Matcher, count, list, missing, shown, time};
use crate::probe::kinds::api::{Asking, Reply};
use crate::probe::{Defaults, Facts, Fault, OptionProblem};

const PATH: &str = "api/v1/rules";

/// The rules to look at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    /// The names of rules that have to be loaded, of alerts or recording rules. All that are
    /// loaded when left out.
    #[serde(default)]
    names: Vec<String>,
    /// A rule file whose rules have to be loaded as they stand there; a relative path begins
    /// where the baseline's file is. Alerts are compared by their name, whatever their group.
    #[serde(default)]
    equal_to: Option<PathBuf>,
    /// What has to be equal: of `expression`, `for` (with `keep_firing_for`), `labels` and
    /// `annotations`; all but the annotations when left out.
    #[serde(default)]
    compare: Option<Vec<Part>>,
}

/// All that is loaded.
#[derive(Debug, Deserialize)]
pub(in crate::probe::kinds) struct Loaded {
    #[serde(default)]
    pub(super) groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Group {
    #[serde(default)]
    name: String,
    /// How often its rules are evaluated, in seconds; 0 where that is not told.
    #[serde(default)]
    pub(super) interval: f64,
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
}

/// A loaded rule.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Rule {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) query: String,
    /// `for`, in seconds.
    pub(super) duration: f64,
    pub(super) keep_firing_for: f64,
    pub(super) labels: Option<Labels>,
    pub(super) annotations: Option<Labels>,
    pub(super) health: String,
    pub(super) last_error: String,
    pub(super) last_evaluation: String,
    pub(super) alerts: Option<Vec<Alert>>,
}

/// An alert that a rule raises.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::probe::kinds) struct Alert {
    pub(in crate::probe::kinds) labels: Labels,
    state: String,
    pub(super) active_at: Option<String>,
}

impl Rule {
    pub(super) fn is_alert(&self) -> bool {
        self.kind == "alerting"
    }

    /// Whether a label that the rule itself sets meets the condition. Of one that is made
    /// of the series' labels that is not known, and taken as said.
    fn may_meet(&self, matcher: &Matcher) -> bool {
        let value = if matcher.label() == alerts::NAME {
            Some(&self.name)
        } else {
            self.labels.as_ref().and_then(|of| of.get(matcher.label()))
        };
        value.is_some_and(|value| value.contains("{{") || matcher.holds_for(value))
    }

    pub(super) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().flatten()
    }
}

impl Alert {
    pub(in crate::probe::kinds) fn fires(&self) -> bool {
        self.state == "firing"
    }

    /// Whether it waits for its rule's `for`.
    pub(super) fn waits(&self) -> bool {
        self.state == "pending"
    }
}

impl Loaded {
    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }

    /// Each with the name of its group.
    fn grouped(&self) -> Vec<(&str, &Rule)> {
        let groups = self.groups.iter();
        let each = groups.flat_map(|group| group.rules.iter().map(|rule| (&*group.name, rule)));
        each.collect()
    }

    fn names(&self) -> BTreeSet<&str> {
        self.rules().map(|rule| rule.name.as_str()).collect()
    }

    /// What of `names` no alert is called that is loaded.
    pub(in crate::probe::kinds) fn missing<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        missing(names, &self.names())
    }

    /// The rules of these names, or all.
    pub(super) fn named(&self, names: &[String]) -> Vec<&Rule> {
        let all = self.rules();
        all.filter(|rule| names.is_empty() || names.contains(&rule.name))
            .collect()
    }

    /// How the rules of these names, or all, are: of one that fails no alert fires.
    pub(in crate::probe::kinds) fn set_health(&self, names: &[String], facts: &mut Facts) {
        set_health(&self.named(names), facts);
    }

    /// The conditions that no alert could meet: no rule of these names sets such a label, and
    /// no series has it. Of a mistyped one nothing fires.
    pub(in crate::probe::kinds) async fn unmatched(
        &self,
        names: &[String],
        matchers: &[Matcher],
        asking: &Asking<'_>,
    ) -> Result<Vec<String>, Fault> {
        let rules = self.named(names);
        let mut unmatched = Vec::new();
        for matcher in matchers {
            // One that holds where there is no such label leaves nothing out by that.
            if matcher.holds_for("") || rules.iter().any(|rule| rule.may_meet(matcher)) {
                continue;
            }
            let path = values_of(matcher.label());
            let values: Told<Vec<String>> = answer::ask(asking, &path, &[]).await?;
            if !values.data.iter().any(|value| matcher.holds_for(value)) {
                unmatched.push(matcher.to_string());
            }
        }
        Ok(unmatched)
    }

    /// The alerts that fire.
    pub(in crate::probe::kinds) fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.rules()
            .flat_map(Rule::alerts)
            .filter(|alert| alert.fires())
    }
}

fn values_of(label: &str) -> String {
    format!("api/v1/label/{label}/values")
}

/// The questions for [`alert_rules`], and for [`Loaded::unmatched`] where no rule settles it.
pub(in crate::probe::kinds) fn alert_questions(
    matchers: &[Matcher],
) -> Vec<(String, Vec<(&'static str, String)>)> {
    let rules = (PATH.to_owned(), vec![("type", "alert".to_owned())]);
    let wanting = matchers.iter().filter(|matcher| !matcher.holds_for(""));
    let values = wanting.map(|matcher| (values_of(matcher.label()), Vec::new()));
    std::iter::once(rules).chain(values).collect()
}

/// The rules that raise alerts, with what they raise.
pub(in crate::probe::kinds) async fn alert_rules(
    asking: &Asking<'_>,
) -> Result<(Loaded, Reply), Fault> {
    let told: Told<Loaded> = answer::ask(asking, PATH, &[("type", "alert")]).await?;
    Ok((told.data, told.reply))
}

impl Rules {
    pub(super) fn beside(&mut self, folder: &Path) {
        if let Some(path) = &mut self.equal_to {
            // An absolute path stays what it is.
            *path = folder.join(&path);
        }
    }

    pub(super) fn problems(&self) -> Vec<OptionProblem> {
        let problem = |option: &str, message: &str, suggestion: &str| OptionProblem {
            path: vec!["rules".to_owned(), option.to_owned()],
            message: message.to_owned(),
            suggestion: Some(suggestion.to_owned()),
        };
        let mut problems = Vec::new();
        if self.equal_to.is_some() && !self.names.is_empty() {
            problems.push(problem(
                "names",
                "the names are those of the file that `equal_to` names",
                "leave `names` out, or make it a check of its own",
            ));
        }
        match &self.compare {
            Some(_) if self.equal_to.is_none() => problems.push(problem(
                "compare",
                "there is nothing to compare with",
                "add `equal_to` with a rule file",
            )),
            Some(parts) if parts.is_empty() => problems.push(problem(
                "compare",
                "nothing of the rules would be compared",
                "compare: [labels]",
            )),
            _ => {}
        }
        problems
    }

    pub(super) fn questions(&self) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        let mut questions = vec![(PATH, Vec::new())];
        if self.compares(Part::Expression) {
            questions.push((contract::FORMAT, vec![("query", contract::ANY.to_owned())]));
        }
        questions
    }

    fn compares(&self, part: Part) -> bool {
        self.equal_to.is_some() && self.parts().contains(&part)
    }

    fn parts(&self) -> &[Part] {
        self.compare.as_deref().unwrap_or(&Part::CONTRACT)
    }

    pub(super) fn defaults(&self) -> Defaults {
        let mut defaults = Defaults::require(["size(missing) == 0"]);
        if self.equal_to.is_some() {
            defaults.require.push("size(differing) == 0".to_owned());
            defaults.prefer.push("size(extra) == 0".to_owned());
        }
        let healthy = [
            "rules > 0",
            "size(unhealthy) == 0",
            "size(unevaluated) == 0",
        ];
        defaults.require.extend(healthy.map(str::to_owned));
        defaults
    }

    pub(super) async fn facts(&self, asking: &Asking<'_>) -> Result<Facts, Fault> {
        let mut facts = Facts::new();
        let file = match &self.equal_to {
            Some(path) => Some(rule_file::read(path).await?),
            None => None,
        };
        let told: Told<Loaded> = answer::ask(asking, PATH, &[]).await?;
        let loaded = &told.data;
        let wanted: Vec<&Rule> = match &file {
            None => {
                let all = loaded.rules();
                let named = |rule: &&Rule| self.names.is_empty() || self.names.contains(&rule.name);
                facts.set("missing", list(loaded.missing(&self.names)));
                all.filter(named).collect()
            }
            Some(file) => {
                let live = loaded.grouped();
                let printed = if self.compares(Part::Expression) {
                    contract::printed(asking, file, &live).await?
                } else {
                    contract::Printed::default()
                };
                let drift = contract::compare(file, &live, self.parts(), &printed);
                facts.set("compared", count(file.rules.len()));
                facts.set("missing", list(drift.missing));
                facts.set("differing", list(drift.differing));
                facts.set("extra", list(drift.extra));
                let names: BTreeSet<&str> =
                    file.rules.iter().map(|rule| rule.name.as_str()).collect();
                let all = loaded.rules();
                all.filter(|rule| names.contains(rule.name.as_str()))
                    .collect()
            }
        };
        set_health(&wanted, &mut facts);
        let raised = wanted.iter().flat_map(|rule| rule.alerts());
        set_alerts(&raised.collect::<Vec<_>>(), &mut facts);
        told.reply.set_clock(&mut facts);
        Ok(facts)
    }
}

pub(super) fn set_health(rules: &[&Rule], facts: &mut Facts) {
    facts.set("rules", count(rules.len()));
    let sick = rules
        .iter()
        .filter(|rule| !matches!(rule.health.as_str(), "ok" | "unknown" | ""));
    let sick = sick.map(|rule| {
        let error = if rule.last_error.is_empty() {
            "no error is told"
        } else {
            &rule.last_error
        };
        format!("{}: {error}", rule.name)
    });
    facts.set("unhealthy", list(sick));
    let unknown = rules
        .iter()
        .filter(|rule| matches!(rule.health.as_str(), "unknown" | ""));
    facts.set("unevaluated", list(unknown.map(|rule| rule.name.as_str())));
    let times = rules.iter().map(|rule| time(&rule.last_evaluation));
    // With one that was never evaluated, none is the oldest.
    let times: Option<Vec<Timestamp>> = times.collect();
    let oldest = times.and_then(|times| times.into_iter().min());
    facts.set_some("oldest_evaluation_at", oldest);
}

pub(super) fn set_alerts(raised: &[&Alert], facts: &mut Facts) {
    for (names, number, state) in [
        ("firing", "firing_count", "firing"),
        ("pending", "pending_count", "pending"),
    ] {
        let of = raised.iter().filter(|alert| alert.state == state);
        let of: Vec<&Labels> = of.map(|alert| &alert.labels).collect();
        facts.set(number, count(of.len()));
        let of: BTreeSet<&str> = of.into_iter().map(alerts::name).collect();
        facts.set(names, list(of));
    }
    let firing = || raised.iter().filter(|alert| alert.fires());
    let mut each: Vec<String> = firing().map(|alert| shown(&alert.labels)).collect();
    each.sort();
    facts.set("instances", list(each));
    let since = firing().filter_map(|alert| time(alert.active_at.as_deref()?));
    facts.set_some("oldest_active_at", since.min());
}
