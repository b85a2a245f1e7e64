//! `alertmanager`: whether Alertmanager serves, and which alerts and silences it has.

mod alerts;
mod answer;
mod facts;
mod ready;
mod routed;
mod silences;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use self::alerts::{Alerts, Both};
use self::ready::Ready;
use self::routed::Routed;
use self::silences::Silences;
use super::api::{Api, CLOCK_IS_RIGHT};
use super::authorization::Authorization;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, SecretRef, Target,
};

/// Asks an Alertmanager (version 0.16 or newer) by GET. One of `ready`, `alerts`, `routed`,
/// `silences` and `visible_in_both` says what.
///
/// - `ready: {}`: it serves, and its cluster is ready, or it stands alone.
///   `ready: { peers: 3 }`: the cluster has so many.
/// - `alerts: {}`: no alert is active. `alerts: { expect: [A] }`: this one is, and no other.
///   With `names` or `matchers` it has to be said what they `expect`, if only `[]`: Alertmanager
///   knows no rules, so a mistyped name is here as one that is quiet. Whether some alerts fire,
///   rather ask [`prometheus`](prometheus.md), which has the rules. In the first five minutes
///   after its start (`settles`) it may not have heard of all alerts, and this is WARN. That goes
///   by its clock: where that was set after the start, let the check come `after` one of the clock.
/// - `routed: { names: [A, B], labels: { severity: critical }, to: C }`: alerts of these names
///   and labels would reach this receiver, by the routes of the configuration that it has loaded.
///   A route that asks for a label which is not given is WARN: `severity: ""` says that there is none.
///   So is a route that keeps quiet at some hours, and a receiver without an integration, which
///   tells nobody.
/// - `silences: {}`: none is active, or it is WARN. `silences: { expiring: 1h }`: none ends soon.
/// - `visible_in_both: { prometheus: URL }`: each alert that fires in that Prometheus is here,
///   and at least one does; all rules there that could raise one can be evaluated. With
///   `may_be_quiet: true` none has to fire, and then nothing is proven of the way between the
///   two. An alert that always fires, often called `Watchdog`, proves it at any time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alertmanager {
    /// `http://` or `https://` address of the server, with the path below which it is served
    /// but without `/api`, and without user name and password.
    url: String,
    /// Whether it serves.
    #[serde(default)]
    ready: Option<Ready>,
    /// The alerts that it has.
    #[serde(default)]
    alerts: Option<Alerts>,
    /// Whom it would tell of alerts.
    #[serde(default)]
    routed: Option<Routed>,
    /// The silences that it has.
    #[serde(default)]
    silences: Option<Silences>,
    /// Alerts that fire in Prometheus and have to be here.
    #[serde(default)]
    visible_in_both: Option<Both>,
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

/// What is asked for.
enum Subject<'a> {
    Ready(&'a Ready),
    Alerts(&'a Alerts),
    Routed(&'a Routed),
    Silences(&'a Silences),
    Both(&'a Both),
}

fn problem(message: &str, suggestion: &str) -> OptionProblem {
    OptionProblem {
        path: Vec::new(),
        message: message.to_owned(),
        suggestion: Some(suggestion.to_owned()),
    }
}

impl Alertmanager {
    fn api(&self) -> Api<'_> {
        Api {
            name: "Alertmanager",
            base: &self.url,
            option: &["url"],
            authorization: self.authorization.as_ref(),
            ca: self.ca.as_ref(),
            tls_verify: self.tls_verify,
        }
    }

    fn subject(&self) -> Result<Subject<'_>, OptionProblem> {
        let mut given = [
            self.ready.as_ref().map(Subject::Ready),
            self.alerts.as_ref().map(Subject::Alerts),
            self.routed.as_ref().map(Subject::Routed),
            self.silences.as_ref().map(Subject::Silences),
            self.visible_in_both.as_ref().map(Subject::Both),
        ]
        .into_iter()
        .flatten();
        match (given.next(), given.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(problem(
                "nothing is asked for",
                "add `ready: {}`, `alerts: {}` or one of the others",
            )),
            (Some(_), Some(_)) => Err(problem(
                "one check asks for one of `ready`, `alerts`, `routed`, `silences` and `visible_in_both`",
                "make the other a check of its own",
            )),
        }
    }

    /// Whom is asked what, in order.
    fn questions(&self) -> Vec<(Api<'_>, Url)> {
        let own = self.api();
        let (ahead, questions) = match self.subject() {
            Err(_) => return Vec::new(),
            Ok(Subject::Ready(_)) => (None, Ready::questions()),
            Ok(Subject::Alerts(_)) => (None, Alerts::questions()),
            Ok(Subject::Routed(_)) => (None, Routed::questions()),
            Ok(Subject::Silences(_)) => (None, Silences::questions()),
            Ok(Subject::Both(both)) => (Some((both, both.api(own))), alerts::questions()),
        };
        let there = ahead.into_iter().flat_map(|(both, api)| {
            let questions = both.questions().into_iter();
            questions.map(move |question| (api, question))
        });
        let here = questions.into_iter();
        let here = here.map(|(path, of)| (own, (path.to_owned(), of)));
        there
            .chain(here)
            .filter_map(|(api, (path, parameters))| {
                let parameters: Vec<(&str, &str)> = parameters
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                Some((api, api.url(&path, &parameters).ok()?))
            })
            .collect()
    }

    async fn look(&self, context: &Context) -> Result<Facts, Fault> {
        let subject = self
            .subject()
            .map_err(|problem| Fault::new(FaultKind::LocalSetup, problem.message))?;
        match subject {
            Subject::Ready(_) => Ready::facts(&self.api().asking(context)?).await,
            Subject::Alerts(alerts) => alerts.facts(&self.api().asking(context)?).await,
            Subject::Routed(routed) => routed.facts(&self.api().asking(context)?).await,
            Subject::Silences(silences) => silences.facts(&self.api().asking(context)?).await,
            Subject::Both(both) => both.facts(self.api(), context).await,
        }
    }
}

impl Kind for Alertmanager {
    const NAME: &'static str = "alertmanager";
    const SUMMARY: &'static str = "Alertmanager serves, and has the alerts that it should";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &facts::FACTS;
    const EXAMPLE: &'static str = "title: the escrow gaps are visible in both systems\n\
        alertmanager:\n  url: http://192.168.0.110:9093\n  visible_in_both:\n    prometheus: http://192.168.0.110:9090\n    names: [BackupCredentialEscrowEvidenceMissing]\n";

    fn beside(&mut self, folder: &Path) {
        self.ca = self.ca.take().map(|file| folder.join(file));
    }

    fn problems(&self, target: &Target, _: &Policy) -> Vec<OptionProblem> {
        let api = self.api();
        let mut problems = api.problems(target, &["authorization"]);
        match self.subject() {
            Ok(Subject::Both(both)) => {
                let own = ["visible_in_both", "authorization"];
                problems.extend(both.api(api).problems(target, &own));
            }
            Ok(Subject::Alerts(alerts)) => problems.extend(alerts.problem()),
            Ok(Subject::Routed(routed)) => problems.extend(routed.problems()),
            Ok(_) => {}
            Err(problem) => problems.push(problem),
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        let mut defaults = match self.subject() {
            Err(_) => return Defaults::default(),
            Ok(Subject::Ready(ready)) => ready.defaults(),
            Ok(Subject::Alerts(alerts)) => alerts.defaults(),
            Ok(Subject::Routed(_)) => Routed::defaults(),
            Ok(Subject::Silences(silences)) => silences.defaults(),
            Ok(Subject::Both(both)) => both.defaults(),
        };
        defaults.prefer.push(CLOCK_IS_RIGHT.to_owned());
        defaults
    }

    fn goal(&self, _: &Target) -> String {
        let what = match self.subject() {
            Ok(Subject::Ready(_)) | Err(_) => "a word of its state",
            Ok(Subject::Alerts(_)) => "the list of its alerts",
            Ok(Subject::Routed(_)) => "the routes",
            Ok(Subject::Silences(_)) => "the list of its silences",
            Ok(Subject::Both(both)) => {
                return format!(
                    "the alerts of Alertmanager at {} and of Prometheus at {}",
                    self.url, both.prometheus
                );
            }
        };
        format!("{what} from Alertmanager at {}", self.url)
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        let questions = self.questions().into_iter();
        questions
            .flat_map(|(api, url)| api.requests(target, &url))
            .collect()
    }

    fn secrets(&self) -> Vec<&SecretRef> {
        let there = self
            .visible_in_both
            .iter()
            .flat_map(|both| both.authorization.iter());
        let all = self.authorization.iter().chain(there);
        all.map(Authorization::secret).collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let seen = self.look(context).await;
        context.scrubbed(seen)
    }
}

#[cfg(test)]
mod tests;
