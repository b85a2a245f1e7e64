//! `alert_test`: a test alert is taken by the webhook that alerts go to, and arrives.

mod arrival;
mod facts;
mod turn;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use self::arrival::Arrival;
use self::turn::{Receipt, Turn};
use super::aim;
use super::authorization::{Authorization, LOGIN};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, SecretRef, Target,
};
use crate::transport::alert_webhook::{self, AlertName, Receiver, TestAlert};
use crate::transport::tls::TlsOptions;

pub use self::turn::AlertTurn;

/// The option of the command line without which nothing is sent.
pub const SEND_FLAG: &str = "--send-alert-test";

/// Posts one alert that says of itself that it is a test to the webhook that
/// Alertmanager posts to, in the same form, and looks for it where it should arrive.
///
/// That is the one thing that coldstart ever writes, so it is done only with
/// `check --send-alert-test` or `gate --send-alert-test`. Without, nothing is sent, not even
/// a connection is opened, and the check is WARN: the alert chain is unproven. A monitor
/// (`--monitor-read-only`) leaves the check out.
///
/// In one run, or one attempt of `--watch`, a check posts at most once, and only after the
/// gates and the checks that it waits for have let it: name in `after` all that the alert goes
/// through. With `retry`, what is tried again is to connect while nothing was posted,
/// and to look for the alert once the webhook took it. `--watch` proves the chain anew in each
/// attempt that gets that far.
///
/// A status of 2xx proves that the webhook took the alert, and nothing of what comes behind it.
/// `arrival` names a place behind it that lists what has arrived; with it, the id of the test
/// has to be seen there. Without it, a person looks for the id in the last link of the chain:
/// the card tells it.
///
/// The body is of the form of Alertmanager's webhooks, version 4: one firing alert of severity
/// `info`, its `summary` begins with `TEST:`, and the id is in the label `coldstart_test_id`, in
/// the annotations and in `groupKey`. Redirects are not followed, and no proxy is used.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertTest {
    /// `http://` or `https://` address of the webhook, without user name and password.
    url: String,
    /// The label `alertname`: letters, digits, `_` and `-`; `ColdStartE2ETest` when left out.
    #[serde(default)]
    alertname: AlertName,
    /// The header `authorization`, from a secret: `{ secret: env:TOKEN, prefix: "Bearer " }`,
    /// or `{ user: NAME, password: env:PASSWORD }`.
    #[serde(default)]
    authorization: Option<Authorization>,
    /// Where to look for the alert after the webhook took it, until `timeout` is over.
    #[serde(default)]
    arrival: Option<Arrival>,
    /// A PEM file of authorities to trust besides this machine's; a relative path
    /// starts at the folder of the baseline's file.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// Whether certificates must be trusted and name the server.
    #[serde(default = "yes")]
    tls_verify: bool,
}

fn yes() -> bool {
    true
}

/// How much of the webhook's answer is quoted, in characters.
const QUOTED: usize = 300;

impl AlertTest {
    fn parsed(&self) -> Result<Url, OptionProblem> {
        aim::http_address(&["url"], &self.url, LOGIN)
    }

    fn tls(&self) -> TlsOptions {
        TlsOptions {
            authorities: self.ca.iter().cloned().collect(),
            verify: self.tls_verify,
        }
    }

    /// Sends the test, where `turn` still lets it and a connection opens, and
    /// looks for its arrival.
    ///
    /// # Errors
    /// The fault that kept the test from being sent, the webhook's answer from coming, or
    /// the place of arrival from being read.
    pub async fn look(&self, context: &Context, turn: &mut AlertTurn) -> Result<Facts, Fault> {
        let seen = self.send_and_follow(context, turn).await;
        context.scrubbed(seen)
    }

    /// Whether another attempt may tell more than this one did.
    #[must_use]
    pub fn is_worth_another(&self, turn: &AlertTurn) -> bool {
        match turn.state() {
            Turn::MaySend(_) => true,
            Turn::Unanswered { .. } => false,
            Turn::Answered(receipt) => receipt.answer.is_accepted() && self.arrival.is_some(),
        }
    }

    async fn send_and_follow(
        &self,
        context: &Context,
        turn: &mut AlertTurn,
    ) -> Result<Facts, Fault> {
        let mut deadline = Instant::now() + context.target.timeout;
        if matches!(turn.state(), Turn::MaySend(_)) {
            deadline = self.send(context, turn).await?;
        }
        let receipt = match turn.state() {
            Turn::Answered(receipt) => receipt,
            Turn::Unanswered { id } => return Err(Self::unanswered(id)),
            Turn::MaySend(_) => {
                return Err(Fault::new(FaultKind::Internal, "nothing was sent"));
            }
        };
        let mut facts = Self::facts(receipt, context);
        if let Some(arrival) = &self.arrival
            && receipt.answer.is_accepted()
        {
            let found = arrival
                .watch_for(receipt, &self.tls(), context, deadline)
                .await?;
            facts.set("looks", f64::from(found.looks));
            facts.set("arrived", found.after.is_some());
            facts.set_some(
                "arrived_after_ms",
                found.after.map(|after| after.as_secs_f64() * 1000.0),
            );
        }
        Ok(facts)
    }

    /// Posts, and gives the end of the time for all of this attempt.
    async fn send(&self, context: &Context, turn: &mut AlertTurn) -> Result<Instant, Fault> {
        let local = |problem: OptionProblem| Fault::new(FaultKind::LocalSetup, problem.message);
        let clock = context.transports.clock.ok_or_else(|| {
            Fault::new(FaultKind::Internal, "there is no clock to date the test by")
        })?;
        let receiver = Receiver {
            url: self.parsed().map_err(local)?,
            authorization: self
                .authorization
                .as_ref()
                .map(|authorization| authorization.value(context))
                .transpose()?,
            tls: self.tls(),
        };
        let timeout = context.target.timeout;
        let tls = &context.transports.tls;
        let line = alert_webhook::open(context, tls, &receiver, timeout).await?;
        let deadline = line.deadline();
        let alert = TestAlert::new(self.alertname.clone(), clock())?;
        // From here on it counts as sent, whatever comes of it.
        let Some(permit) = turn.take(alert.id()) else {
            return Ok(deadline);
        };
        let sent = Instant::now();
        match line.post(context, permit, &alert).await {
            Ok(answer) => turn.answered(Receipt {
                id: alert.id().to_owned(),
                at: alert.starts_at(),
                sent,
                answer,
            }),
            Err(mut fault) => {
                fault.seen = format!(
                    "{}; the test alert {} is not sent again in this run",
                    fault.seen,
                    alert.id()
                );
                return Err(fault.hopeless(true));
            }
        }
        Ok(deadline)
    }

    fn unanswered(id: &str) -> Fault {
        Fault::new(
            FaultKind::TimedOut,
            format!(
                "the test alert {id} was posted and not answered; it is not sent again in this run"
            ),
        )
        .hopeless(true)
    }

    fn facts(receipt: &Receipt, context: &Context) -> Facts {
        let answer = &receipt.answer;
        let mut facts = Facts::new();
        facts.set("sent", true);
        facts.set("test_id", receipt.id.as_str());
        facts.set("sent_at", receipt.at);
        facts.set("status", f64::from(answer.status));
        facts.set("accepted", answer.is_accepted());
        facts.set_some("redirected_to", answer.redirected_to.clone());
        facts.set("answer_ms", answer.answered_in.as_secs_f64() * 1000.0);
        // Scrubbed before it is cut, which could leave half of a secret.
        let body = String::from_utf8_lossy(&answer.body);
        let body = context.transports.secrets.scrub(&body);
        facts.set("response", body.chars().take(QUOTED).collect::<String>());
        facts
    }
}

impl Kind for AlertTest {
    const NAME: &'static str = "alert_test";
    const SUMMARY: &'static str = "a test alert is taken by the webhook that alerts go to";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &facts::FACTS;
    const EXAMPLE: &'static str = "title: the API takes an alert\n\
        alert_test: { url: \"http://192.168.0.125:32334/api/v1/webhooks/alertmanager\" }\n";

    fn beside(&mut self, folder: &Path) {
        self.ca = self.ca.take().map(|file| folder.join(file));
    }

    fn problems(&self, target: &Target, _: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        match self.parsed() {
            Ok(url) => problems.extend(
                url.host_str()
                    .and_then(|host| aim::loopback("url", host, target)),
            ),
            Err(problem) => problems.push(problem),
        }
        problems.extend(
            self.authorization
                .as_ref()
                .and_then(|given| given.problem(&["authorization"])),
        );
        if let Some(arrival) = &self.arrival {
            problems.extend(arrival.problems(target));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        let arrived = self.arrival.is_some().then_some("arrived");
        Defaults::require(["accepted"].into_iter().chain(arrived))
    }

    fn goal(&self, _: &Target) -> String {
        let arrival = self
            .arrival
            .as_ref()
            .map(|arrival| format!(", and then seen at {}", arrival.place()));
        format!(
            "a test alert taken by {}{}",
            self.url,
            arrival.unwrap_or_default()
        )
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        let Ok(url) = self.parsed() else {
            return Vec::new();
        };
        let connection = url
            .host_str()
            .zip(url.port_or_known_default())
            .map(|(host, port)| aim::connection(target, host, port));
        let line = alert_webhook::request_line(&url, None, self.authorization.is_some());
        let mut requests: Vec<Request> = connection.into_iter().collect();
        requests.push(Request::new("http", line));
        if let Some(arrival) = &self.arrival {
            requests.extend(arrival.requests(target));
        }
        for request in &mut requests {
            request.only_with = Some(SEND_FLAG);
        }
        requests
    }

    fn secrets(&self) -> Vec<&SecretRef> {
        let arrival = self.arrival.as_ref();
        [
            self.authorization.as_ref(),
            arrival.and_then(Arrival::authorization),
        ]
        .into_iter()
        .flatten()
        .map(Authorization::secret)
        .collect()
    }

    /// Sends nothing: that takes a turn, see [`AlertTest::look`].
    async fn run(&self, _: &Context) -> Result<Facts, Fault> {
        let mut facts = Facts::new();
        facts.set("sent", false);
        Ok(facts)
    }

    fn alert_test(&self) -> Option<&AlertTest> {
        Some(self)
    }
}

#[cfg(test)]
mod tests;
