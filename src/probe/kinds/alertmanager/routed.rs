//! Whom Alertmanager would tell of an alert, by the routes of its configuration
//! (<https://prometheus.io/docs/alerting/latest/configuration/#route-related-settings>).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::answer;
use super::ready;
use crate::probe::kinds::alerts::{Labels, Matcher, NAME, all_hold, list};
use crate::probe::kinds::api::Asking;
use crate::probe::kinds::several::OneOrMany;
use crate::probe::kinds::yaml::{self, Node};
use crate::probe::{Defaults, Facts, Fault, OptionProblem, Value};

/// Alerts, and whom they should reach. Where a route has hours at which it tells nobody, and
/// where a receiver tells nobody at any time, that is told; at which hours is not looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Routed {
    /// The names of the alerts.
    names: Vec<String>,
    /// What other labels they have: those of their rules, such as `{ severity: critical }`, and
    /// of Prometheus itself. A condition on a label that is not given is taken as on one that
    /// they do not have, and told in `assumed`; `severity: ""` says that there is none.
    #[serde(default)]
    labels: Labels,
    /// The receivers that each of them has to reach, one or a list; it may reach others, too.
    to: OneOrMany,
}

impl Routed {
    pub(super) fn questions() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        vec![(ready::STATUS, Vec::new())]
    }

    pub(super) fn problems(&self) -> Vec<OptionProblem> {
        let problem = |option: &str, message: &str, suggestion: &str| OptionProblem {
            path: vec!["routed".to_owned(), option.to_owned()],
            message: message.to_owned(),
            suggestion: Some(suggestion.to_owned()),
        };
        let mut problems = Vec::new();
        if self.names.is_empty() {
            let message = "without the name of an alert nothing is routed";
            problems.push(problem("names", message, "names: [BackupFailed]"));
        }
        if self.to.all().is_empty() {
            let message = "without a receiver there is none to reach";
            problems.push(problem("to", message, "to: NAME"));
        }
        if self.labels.contains_key(NAME) {
            let message = "the label `alertname` is what `names` gives";
            problems.push(problem("labels", message, "leave it out"));
        }
        problems
    }

    pub(super) fn defaults() -> Defaults {
        Defaults {
            require: vec!["size(unrouted) == 0".to_owned()],
            prefer: vec![
                "size(assumed) == 0".to_owned(),
                "size(muted) == 0".to_owned(),
                "size(voiceless) == 0".to_owned(),
            ],
        }
    }

    pub(super) async fn facts(&self, asking: &Asking<'_>) -> Result<Facts, Fault> {
        // Of any shape, since what is wrong with a shape is told with a part of the answer. It
        // has passwords in it, also where Alertmanager hides most: the address of a webhook is
        // as it was written.
        let (told, reply): (Json, _) = answer::ask(asking, ready::STATUS, &[]).await?;
        let mut facts = Facts::new();
        // What is wrong is told without a word of the text.
        let seen = match told["config"]["original"].as_str().map(yaml::tree) {
            None => Err("it has no text".to_owned()),
            Some(Err(_)) => Err("it is no YAML".to_owned()),
            Some(Ok(tree)) => self.set(&tree, &mut facts),
        };
        seen.map_err(|problem| {
            let what = format!("a configuration whose routes cannot be followed ({problem})");
            asking.api.another(&what, &reply.url)
        })?;
        reply.set_clock(&mut facts);
        Ok(facts)
    }

    fn set(&self, configuration: &Node, facts: &mut Facts) -> Result<(), String> {
        let root = configuration.get("route").ok_or("it has no `route`")?;
        let (mut receivers, mut unrouted) = (BTreeMap::new(), Vec::new());
        let mut assumed = BTreeSet::new();
        let mut muted = Vec::new();
        for name in &self.names {
            let mut labels = self.labels.clone();
            labels.insert(NAME.to_owned(), name.clone());
            let mut reached = BTreeMap::new();
            follow(root, "", &labels, &mut reached, &mut assumed)?;
            let shown: Vec<&str> = reached.keys().copied().collect();
            let all = self.to.all().iter();
            let wanted = all.clone().filter(|to| !reached.contains_key(to.as_str()));
            muted.extend(all.filter_map(|to| {
                let hours = reached.get(to.as_str())?.as_ref()?;
                Some(format!("{name} to {to}: {hours}"))
            }));
            let shown = shown.join(", ");
            unrouted.extend(wanted.map(|to| format!("{name} reaches {shown}, not {to}")));
            receivers.insert(name.clone(), list(reached.into_keys()));
        }
        let told = configuration.list("receivers", "the configuration")?;
        let has_voice = |to: &&String| told.iter().any(|one| is_told(one, to));
        let voiceless = self.to.all().iter().filter(|to| !has_voice(to));
        facts.set("voiceless", list(voiceless.cloned()));
        facts.set("muted", list(muted));
        facts.set("receivers", Value::Map(receivers));
        facts.set("unrouted", list(unrouted));
        facts.set("assumed", list(assumed));
        Ok(())
    }
}

/// Adds the receivers that an alert of these labels reaches by `route`, as Alertmanager does:
/// the first of its routes that takes the alert, and those behind it for as long as one says
/// `continue`; itself where none does. Tells whether it takes the alert. A route without a
/// receiver has that of the one above, and never its hours. What is decided by a label that
/// nobody gave is `assumed`.
fn follow<'a>(
    route: &'a Node,
    above: &'a str,
    labels: &Labels,
    reached: &mut BTreeMap<&'a str, Option<String>>,
    assumed: &mut BTreeSet<String>,
) -> Result<bool, String> {
    let own = route.text("receiver").filter(|name| !name.is_empty());
    let receiver = own.unwrap_or(above);
    let conditions =
        conditions(route).map_err(|problem| format!("{problem}, in a route to {receiver:?}"))?;
    let (given, other): (Vec<Matcher>, Vec<Matcher>) = conditions
        .into_iter()
        .partition(|condition| labels.contains_key(condition.label()));
    if !all_hold(&given, labels) {
        return Ok(false);
    }
    let told = other.iter().map(Matcher::label);
    assumed.extend(told.map(|label| format!("no {label}, for a route to {receiver}")));
    if !all_hold(&other, labels) {
        return Ok(false);
    }
    let mut is_taken = false;
    for below in route.list("routes", "a route")? {
        if follow(below, receiver, labels, reached, assumed)? {
            is_taken = true;
            if below.text("continue") != Some("true") {
                break;
            }
        }
    }
    if !is_taken {
        let hours = hours(route)?;
        // What one route keeps quiet, another to the same receiver may tell.
        let known = reached.entry(receiver).or_insert_with(|| hours.clone());
        if hours.is_none() {
            *known = None;
        }
    }
    Ok(true)
}

/// At which hours a route tells nobody, or alone tells anybody, by the names that it has for
/// them. None where it always tells.
fn hours(route: &Node) -> Result<Option<String>, String> {
    let mut hours = Vec::new();
    for key in ["mute_time_intervals", "active_time_intervals"] {
        let names = route.list(key, "a route")?.iter();
        let names: Vec<&str> = names
            .map(|name| match name {
                Node::Text(name) => name.as_str(),
                _ => "?",
            })
            .collect();
        if !names.is_empty() {
            hours.push(format!("{key} {}", names.join(", ")));
        }
    }
    Ok((!hours.is_empty()).then(|| hours.join("; ")))
}

/// Whether `receiver` is the one called `name` and has an integration, such as
/// `webhook_configs`: without any it takes alerts and tells nobody.
fn is_told(receiver: &Node, name: &str) -> bool {
    let Node::Map(entries) = receiver else {
        return false;
    };
    receiver.text("name") == Some(name)
        && entries.iter().any(|(key, of)| {
            key.ends_with("_configs") && matches!(of, Node::List(of) if !of.is_empty())
        })
}

/// The conditions of a route, in whichever of its three forms. What is wrong with one is told
/// without its text.
fn conditions(route: &Node) -> Result<Vec<Matcher>, String> {
    let equal = route.texts("match", "a route")?;
    let like = route.texts("match_re", "a route")?;
    let mut conditions: Vec<Matcher> = equal
        .iter()
        .map(|(name, value)| Matcher::equal(name, value))
        .collect();
    for (name, pattern) in &like {
        let condition = Matcher::like(name, pattern);
        conditions.push(condition.map_err(
            |_| "a text of `match_re` is no regular expression in RE2's syntax, or too large",
        )?);
    }
    for matcher in route.list("matchers", "a route")? {
        let Node::Text(text) = matcher else {
            return Err("one of `matchers` of a route is no text".to_owned());
        };
        let condition = Matcher::try_from(text.clone());
        conditions.push(condition.map_err(
            |_| "one of `matchers` is no condition on a label that can be followed here",
        )?);
    }
    Ok(conditions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::kinds::stage::fact;
    use rstest::rstest;
    use serde_json::json;

    /// As Alertmanager prints it; `tests/real_monitoring.rs` holds the same to amtool.
    const CONFIGURATION: &str = r#"
route:
  receiver: nobody
  continue: false
  routes:
  - receiver: pager
    match:
      severity: critical
      team: ""
    match_re:
      host: 1[12]0
    continue: true
    routes:
    - matchers:
      - zone="b\"c"
      - disk!~"y|z"
      continue: false
    - receiver: night
      matchers:
      - time="night"
      continue: true
    - receiver: log
      matchers:
      - time=~"n.*"
  - receiver: ns8-backup-monitor
    matchers:
    - alertname=~"NsBackupFailed|NsBackupMissing"
    - test!="yes"
  - receiver: late
    matchers:
    - alertname="NsBackupFailed"
receivers:
- name: nobody
"#;

    fn routed(options: Json) -> Routed {
        serde_json::from_value(options).expect("options")
    }

    #[rstest]
    #[case::the_root("Other", json!({}), json!(["nobody"]))]
    #[case::the_first_that_fits("NsBackupFailed", json!({}), json!(["ns8-backup-monitor"]))]
    #[case::a_pattern_is_of_the_whole("NsBackupFailedOnce", json!({}), json!(["nobody"]))]
    #[case::one_that_is_left_out("NsBackupFailed", json!({"test": "yes"}), json!(["late"]))]
    #[case::goes_on(
        "NsBackupMissing",
        json!({"severity": "critical", "host": "110"}),
        json!(["ns8-backup-monitor", "pager"])
    )]
    #[case::a_label_that_should_be_empty(
        "NsBackupMissing",
        json!({"severity": "critical", "host": "110", "team": "a"}),
        json!(["ns8-backup-monitor"])
    )]
    #[case::goes_on_to_nothing("Other", json!({"severity": "critical", "host": "120"}), json!(["pager"]))]
    #[case::has_the_receiver_above(
        "Other",
        json!({"severity": "critical", "host": "120", "zone": "b\"c", "time": "night"}),
        json!(["pager"])
    )]
    #[case::goes_on_below(
        "Other",
        json!({"severity": "critical", "host": "120", "time": "night"}),
        json!(["log", "night"])
    )]
    #[case::stops_below(
        "Other",
        json!({"severity": "critical", "host": "120", "time": "noon", "zone": "b\"c", "disk": "y"}),
        json!(["log"])
    )]
    fn the_tree_of_routes(#[case] name: &str, #[case] labels: Json, #[case] receivers: Json) {
        let tree = yaml::tree(CONFIGURATION).expect("YAML");
        let mut facts = Facts::new();
        let routed = routed(json!({"names": [name], "labels": labels, "to": "x"}));
        routed.set(&tree, &mut facts).expect("routes");
        assert_eq!(fact(&facts, "receivers"), json!({name: receivers}));
    }

    #[rstest]
    // The other condition of the first one, and that of the third, do not matter.
    #[case("NsBackupFailed", json!({"severity": "info"}), json!(["no test, for a route to ns8-backup-monitor"]))]
    #[case("Other", json!({"severity": ""}), json!([]))]
    #[case(
        "Other",
        json!({}),
        json!(["no host, for a route to pager", "no severity, for a route to pager", "no team, for a route to pager"])
    )]
    #[case(
        "Other",
        json!({"severity": "critical", "host": "120", "team": "", "disk": "a"}),
        json!(["no time, for a route to log", "no time, for a route to night", "no zone, for a route to pager"])
    )]
    fn labels_that_nobody_gave(#[case] name: &str, #[case] labels: Json, #[case] assumed: Json) {
        let tree = yaml::tree(CONFIGURATION).expect("YAML");
        let mut facts = Facts::new();
        let routed = routed(json!({"names": [name], "labels": labels, "to": "x"}));
        routed.set(&tree, &mut facts).expect("routes");
        assert_eq!(fact(&facts, "assumed"), assumed);
    }

    #[rstest]
    #[case(json!("ns8-backup-monitor"), json!(["Other reaches nobody, not ns8-backup-monitor"]))]
    #[case(
        json!(["nobody", "gone"]),
        json!([
            "NsBackupFailed reaches ns8-backup-monitor, not nobody",
            "NsBackupFailed reaches ns8-backup-monitor, not gone",
            "Other reaches nobody, not gone"
        ])
    )]
    fn whom_it_should_reach(#[case] to: Json, #[case] unrouted: Json) {
        let tree = yaml::tree(CONFIGURATION).expect("YAML");
        let mut facts = Facts::new();
        let routed = routed(json!({"names": ["NsBackupFailed", "Other"], "to": to}));
        routed.set(&tree, &mut facts).expect("routes");
        assert_eq!(fact(&facts, "unrouted"), unrouted);
    }

    const HOURS: &str = r#"
route:
  receiver: pager
  routes:
  - { receiver: pager, matchers: ['alertname="Muted"'], mute_time_intervals: [always, nights] }
  - { receiver: pager, matchers: ['alertname="Active"'], active_time_intervals: [office] }
  - receiver: pager
    matchers: ['alertname="Below"']
    mute_time_intervals: [always]
    routes:
    - matchers: ['part="of it"']
  - { receiver: pager, matchers: ['alertname="Twice"'], mute_time_intervals: [always], continue: true }
  - { receiver: pager, matchers: ['alertname="Twice"'] }
  - { receiver: other, matchers: ['alertname="Other"'], mute_time_intervals: [always], continue: true }
  - { receiver: pager, matchers: ['alertname="Other"'] }
receivers:
- { name: pager, webhook_configs: [{ url: "http://a" }] }
- { name: other }
"#;

    #[rstest]
    #[case::muted("Muted", json!({}), json!(["Muted to pager: mute_time_intervals always, nights"]))]
    #[case::at_some_hours("Active", json!({}), json!(["Active to pager: active_time_intervals office"]))]
    #[case::not_for_what_is_below("Below", json!({"part": "of it"}), json!([]))]
    #[case::itself("Below", json!({"part": ""}), json!(["Below to pager: mute_time_intervals always"]))]
    #[case::another_route_tells("Twice", json!({}), json!([]))]
    #[case::another_receiver("Other", json!({}), json!([]))]
    #[case::none("None", json!({}), json!([]))]
    fn hours_at_which_nobody_is_told(
        #[case] name: &str,
        #[case] labels: Json,
        #[case] muted: Json,
    ) {
        let tree = yaml::tree(HOURS).expect("YAML");
        let mut facts = Facts::new();
        let routed = routed(json!({"names": [name], "labels": labels, "to": "pager"}));
        routed.set(&tree, &mut facts).expect("routes");
        assert_eq!(fact(&facts, "muted"), muted);
        assert_eq!(fact(&facts, "unrouted"), json!([]));
    }

    #[rstest]
    #[case("route: { receiver: a }", json!(["a"]))]
    #[case("route: { receiver: a }\nreceivers: [{ name: a }]", json!(["a"]))]
    #[case("route: { receiver: a }\nreceivers: [{ name: a, email_configs: [] }]", json!(["a"]))]
    #[case("route: { receiver: a }\nreceivers: [{ name: b, email_configs: [{ to: c }] }]", json!(["a"]))]
    #[case("route: { receiver: a }\nreceivers: [{ name: a, email_configs: [{ to: c }] }]", json!([]))]
    fn receivers_that_tell_nobody(#[case] configuration: &str, #[case] voiceless: Json) {
        let tree = yaml::tree(configuration).expect("YAML");
        let mut facts = Facts::new();
        let routed = routed(json!({"names": ["A"], "to": "a"}));
        routed.set(&tree, &mut facts).expect("routes");
        assert_eq!(fact(&facts, "voiceless"), voiceless);
    }

    #[rstest]
    #[case("receivers: []", "it has no `route`")]
    #[case("route: { receiver: a, routes: 1 }", "`routes` of a route is no list")]
    #[case("route: { receiver: a, match: [b] }", "`match` of a route is no map")]
    #[case(
        "route: { receiver: a, matchers: [{ b: c }] }",
        "one of `matchers` of a route is no text"
    )]
    #[case(
        "route: { receiver: a, matchers: ['\"b c\"=\"d\"'] }",
        "one of `matchers` is no condition on a label that can be followed here, in a route to \"a\""
    )]
    #[case(
        "route: { receiver: a, match_re: { b: '[' } }",
        "a text of `match_re` is no regular expression"
    )]
    fn routes_that_cannot_be_followed(#[case] configuration: &str, #[case] words: &str) {
        let tree = yaml::tree(configuration).expect("YAML");
        let routed = routed(json!({"names": ["A"], "to": "x"}));
        let problem = routed.set(&tree, &mut Facts::new()).expect_err("a problem");
        assert!(problem.contains(words), "{problem}");
    }
}
