//! `prometheus`: what a Prometheus server knows, has loaded, and is told by its targets.

mod alerts;
mod answer;
mod asked;
mod contract;
mod facts;
mod metrics;
mod query;
mod ready;
mod rule_file;
pub(in crate::probe::kinds) mod rules;
mod targets;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use self::alerts::Alerts;
use self::metrics::Metrics;
use self::query::Query;
use self::ready::{Alertmanagers, Ready};
use self::rules::Rules;
use self::targets::Targets;
use super::api::{Api, CLOCK_IS_RIGHT};
use super::authorization::Authorization;
use super::lines::Span;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, SecretRef, Target,
};

/// Asks a Prometheus server, or what speaks its language, by GET. One of `ready`, `query`,
/// `targets`, `rules`, `alerts`, `alertmanagers` and `exposition` says what.
///
/// - `ready: {}`: it serves. While it starts it replays its write-ahead log: then `ready` is
///   false, and `replayed_segments` tells how far it is. To any other question it answers
///   nothing meanwhile, which is a fault.
/// - `query: EXPRESSION`: what the expression comes to now. No series is BLOCKED, and so is one
///   that is NaN, and an infinite one is WARN, unless `defaults: false`. With `range`, what it
///   came to over that time.
/// - `targets: {}`: all that it asks is up.
/// - `rules: { names: [A, B] }`: these rules are loaded and evaluated without an error.
///   `rules: { equal_to: rules.yml }`: those of a file are, as they stand there.
/// - `alerts: {}`: no alert fires. `alerts: { names: [A, B] }`: none of these, and their rules
///   are loaded. `alerts: { expect: [A] }`: this one fires, and no other. A condition of
///   `matchers` has to hold for a label that some rule sets, or, of which the server is then
///   asked, that some series has: of a mistyped one nothing would ever fire. After a
///   restart a short `for` begins anew, after an outage of more than an hour each: an alert that
///   is pending, and had no time to fire since the start or since the rules were read, is in
///   `undecided`, and that is WARN; so is a rule that was not evaluated again when all targets
///   had been asked twice, of which it is then asked, too. Where that is not told, and where
///   there is no target, it is half an hour; and no longer for any, be it asked more seldom.
///   What does not answer at all has no series: `targets: {}` tells of it.
///   All this goes by Prometheus' clock: where that was set after its start, let the check come
///   `after` one of the clock.
/// - `alertmanagers: {}`: it knows where to send alerts.
/// - `exposition: {}`: the page `/metrics` of any server, such as a Pushgateway, as
///   [`textfile`](textfile.md) reads a file.
///
/// An answer that is a part of what there is, because a storage behind did not answer,
/// is a fault.
///
/// Expressions are compared as texts without comments and white space, and where they differ
/// in the form in which Prometheus itself prints them (2.41 or newer).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prometheus {
    /// `http://` or `https://` address of the server, with the path below which it is served
    /// but without `/api`, and without user name and password.
    url: String,
    /// Whether it serves.
    #[serde(default)]
    ready: Option<Ready>,
    /// An expression of PromQL.
    #[serde(default)]
    query: Option<String>,
    /// How far back the query looks. Only what it comes to now when left out.
    #[serde(default)]
    range: Option<Span>,
    /// How far apart the looks of a `range` are; a minute when left out.
    #[serde(default)]
    step: Option<Span>,
    /// The label by whose value `values` tells series: `host` for `values['188']`. Without,
    /// they are told by all of their labels: `values['up{host="188"}']`.
    #[serde(default)]
    by: Option<String>,
    /// The selector whose samples' times are `newest_sample_at` and `oldest_sample_at`:
    /// `up{job="node"}`. The query itself when left out, if it is no more than a selector.
    #[serde(default)]
    times_of: Option<String>,
    /// What it asks for metrics.
    #[serde(default)]
    targets: Option<Targets>,
    /// The rules it has loaded.
    #[serde(default)]
    rules: Option<Rules>,
    /// The alerts that fire in it.
    #[serde(default)]
    alerts: Option<Alerts>,
    /// Where it sends alerts.
    #[serde(default)]
    alertmanagers: Option<Alertmanagers>,
    /// A page of metrics.
    #[serde(default)]
    exposition: Option<Metrics>,
    /// The header `authorization`, from a secret: `{ secret: env:TOKEN, prefix: "Bearer " }`,
    /// or `{ user: NAME, password: env:PASSWORD }`.
    #[serde(default)]
    authorization: Option<Authorization>,
    /// A PEM file of authorities to trust besides this machine's; a relative path
    /// starts at the folder of the baseline's file.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// Whether the certificate must be trusted and name the server.
    #[serde(default = "yes")]
    tls_verify: bool,
}

fn yes() -> bool {
    true
}

/// When `alerts` asks since when rules have something to judge.
const SOON: &str = "only where a rule or an alert is young since a start or a reload";

/// Seconds between the looks of a range.
const STEP: u64 = 60;

/// Prometheus itself gives no more points of a series.
const MOST_STEPS: u64 = 11_000;

/// What is asked for.
enum Subject<'a> {
    Ready,
    Query(Query<'a>),
    Targets(&'a Targets),
    Rules(&'a Rules),
    Alerts(&'a Alerts),
    Alertmanagers(&'a Alertmanagers),
    Metrics(&'a Metrics),
}

/// The options that each say what is asked for.
const SUBJECTS: &str =
    "`ready`, `query`, `targets`, `rules`, `alerts`, `alertmanagers` and `exposition`";

fn problem(path: &[&str], message: impl Into<String>, suggestion: Option<&str>) -> OptionProblem {
    OptionProblem {
        path: path.iter().map(|&part| part.to_owned()).collect(),
        message: message.into(),
        suggestion: suggestion.map(str::to_owned),
    }
}

impl Prometheus {
    fn api(&self) -> Api<'_> {
        Api {
            name: "Prometheus",
            base: &self.url,
            option: &["url"],
            authorization: self.authorization.as_ref(),
            ca: self.ca.as_ref(),
            tls_verify: self.tls_verify,
        }
    }

    fn subject(&self) -> Result<Subject<'_>, OptionProblem> {
        let query = self.query.as_deref().map(|text| {
            let range = self.range.map(|range| {
                let step = self.step.map_or(STEP, Span::seconds);
                (range.seconds(), step)
            });
            Subject::Query(Query {
                text,
                range,
                by: self.by.as_deref(),
                times_of: self.times_of.as_deref(),
            })
        });
        let mut given = [
            self.ready.as_ref().map(|_| Subject::Ready),
            query,
            self.targets.as_ref().map(Subject::Targets),
            self.rules.as_ref().map(Subject::Rules),
            self.alerts.as_ref().map(Subject::Alerts),
            self.alertmanagers.as_ref().map(Subject::Alertmanagers),
            self.exposition.as_ref().map(Subject::Metrics),
        ]
        .into_iter()
        .flatten();
        match (given.next(), given.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(problem(
                &[],
                "nothing is asked for",
                Some("add `ready: {}`, `query: EXPRESSION` or one of the others"),
            )),
            (Some(_), Some(_)) => Err(problem(
                &[],
                format!("one check asks for one of {SUBJECTS}"),
                Some("make the other a check of its own"),
            )),
        }
    }

    fn query_problems(&self) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let Some(query) = &self.query else {
            let stray = [
                ("range", self.range.is_some()),
                ("step", self.step.is_some()),
                ("by", self.by.is_some()),
                ("times_of", self.times_of.is_some()),
            ];
            let stray = stray.into_iter().filter(|(_, given)| *given);
            return stray
                .map(|(option, _)| problem(&[option], "it belongs to a `query`", None))
                .collect();
        };
        if query.trim().is_empty() {
            problems.push(problem(&["query"], "an empty query asks nothing", None));
        }
        let step = self.step.map_or(STEP, Span::seconds);
        match self.range {
            None if self.step.is_some() => problems.push(problem(
                &["step"],
                "without a `range` there are no steps",
                Some("add `range: 15m`"),
            )),
            Some(range) if range.seconds() < step || step == 0 => problems.push(problem(
                &["range"],
                format!(
                    "a range of {} s has no two steps of {step} s",
                    range.seconds()
                ),
                Some("a longer `range`, or a shorter `step`"),
            )),
            Some(range) if range.seconds() / step > MOST_STEPS => problems.push(problem(
                &["step"],
                format!("more than {MOST_STEPS} steps, which Prometheus refuses"),
                Some("a longer `step`"),
            )),
            _ => {}
        }
        if let Some(selector) = &self.times_of
            && !query::is_selector(selector)
        {
            problems.push(problem(
                &["times_of"],
                format!("{selector:?} is more than a selector, and then its samples have no times of their own"),
                Some("a metric's name, with labels or without: `up{job=\"node\"}`"),
            ));
        }
        problems
    }

    /// Path and parameters of each question, in order.
    fn questions(subject: &Subject<'_>) -> Vec<(String, Vec<(&'static str, String)>)> {
        let questions = match subject {
            Subject::Ready => Ready::questions(),
            Subject::Query(query) => query.questions(),
            Subject::Targets(targets) => targets.questions(),
            Subject::Rules(rules) => rules.questions(),
            Subject::Alerts(alerts) => return alerts.questions(),
            Subject::Alertmanagers(_) => Alertmanagers::questions(),
            Subject::Metrics(metrics) => return vec![(metrics.path().to_owned(), Vec::new())],
        };
        let questions = questions.into_iter();
        questions.map(|(path, of)| (path.to_owned(), of)).collect()
    }

    async fn look(&self, context: &Context) -> Result<Facts, Fault> {
        let subject = self
            .subject()
            .map_err(|problem| Fault::new(FaultKind::LocalSetup, problem.message))?;
        let asking = self.api().asking(context)?;
        match subject {
            Subject::Ready => Ready::facts(&asking).await,
            Subject::Query(query) => query.facts(&asking).await,
            Subject::Targets(targets) => targets.facts(&asking).await,
            Subject::Rules(rules) => rules.facts(&asking).await,
            Subject::Alerts(alerts) => alerts.facts(&asking).await,
            Subject::Alertmanagers(known) => known.facts(&asking).await,
            Subject::Metrics(metrics) => metrics.facts(&asking).await,
        }
    }
}

impl Kind for Prometheus {
    const NAME: &'static str = "prometheus";
    const SUMMARY: &'static str = "Prometheus knows what it should, and nothing is wrong with it";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &facts::FACTS;
    const EXAMPLE: &'static str = "title: the rules of the backups are loaded and healthy\n\
        prometheus:\n  url: http://192.168.0.110:9090\n  rules: { names: [BackupAggregateRunFailed, BackupConfigCapturePartial] }\n";

    fn beside(&mut self, folder: &Path) {
        self.ca = self.ca.take().map(|file| folder.join(file));
        if let Some(rules) = &mut self.rules {
            rules.beside(folder);
        }
    }

    fn problems(&self, target: &Target, _: &Policy) -> Vec<OptionProblem> {
        let mut problems = self.api().problems(target, &["authorization"]);
        problems.extend(self.query_problems());
        match self.subject() {
            Ok(Subject::Rules(rules)) => problems.extend(rules.problems()),
            Ok(Subject::Metrics(metrics)) => problems.extend(metrics.problems()),
            Ok(_) => {}
            Err(problem) => problems.push(problem),
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        let Ok(subject) = self.subject() else {
            return Defaults::default();
        };
        let mut defaults = match subject {
            Subject::Ready => Ready::defaults(),
            Subject::Query(query) => query.defaults(),
            Subject::Targets(targets) => targets.defaults(),
            Subject::Rules(rules) => rules.defaults(),
            Subject::Alerts(alerts) => alerts.defaults(),
            Subject::Alertmanagers(_) => Alertmanagers::defaults(),
            Subject::Metrics(metrics) => metrics.defaults(),
        };
        defaults.prefer.push(CLOCK_IS_RIGHT.to_owned());
        defaults
    }

    fn goal(&self, _: &Target) -> String {
        let what = match self.subject() {
            Ok(Subject::Ready) | Err(_) => "a word of its state",
            Ok(Subject::Query(_)) => "an answer to the query",
            Ok(Subject::Targets(_)) => "the list of its targets",
            Ok(Subject::Rules(_)) => "the list of its rules",
            Ok(Subject::Alerts(_)) => "the list of its alerts",
            Ok(Subject::Alertmanagers(_)) => "the list of its Alertmanagers",
            Ok(Subject::Metrics(_)) => return format!("metrics from {}", self.url),
        };
        format!("{what} from Prometheus at {}", self.url)
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        let Ok(subject) = self.subject() else {
            return Vec::new();
        };
        let api = self.api();
        let questions = Self::questions(&subject);
        let requests = |path: &str, parameters: &[(&'static str, String)]| {
            let parameters: Vec<(&str, &str)> = parameters
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let url = api.url(path, &parameters).ok();
            url.map_or_else(Vec::new, |url| api.requests(target, &url))
        };
        let mut all: Vec<Request> = questions
            .iter()
            .flat_map(|(path, parameters)| requests(path, parameters))
            .collect();
        if matches!(subject, Subject::Alerts(_)) {
            for (path, parameters) in asked::questions() {
                all.extend(requests(path, &parameters).into_iter().map(|mut request| {
                    request.text = format!("{} ({SOON})", request.text);
                    request
                }));
            }
        }
        all
    }

    fn secrets(&self) -> Vec<&SecretRef> {
        self.authorization
            .iter()
            .map(Authorization::secret)
            .collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let seen = self.look(context).await;
        context.scrubbed(seen)
    }
}

#[cfg(test)]
mod tests;
