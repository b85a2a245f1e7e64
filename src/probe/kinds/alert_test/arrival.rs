//! Where a test alert should be seen once the webhook took it, and the look for it there.

use std::time::Duration;

use hyper::header::AUTHORIZATION;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use super::turn::Receipt;
use super::{Authorization, LOGIN, aim};
use crate::probe::{Context, Fault, FaultKind, OptionProblem, Request, Target};
use crate::transport::alert_webhook::ID_LABEL;
use crate::transport::http::{self, Answer, Header, Method};
use crate::transport::tls::TlsOptions;

/// Bytes of a list that are read.
const LIST_MAX: usize = 4 << 20;
/// The longest that one look may take.
const LOOK: Duration = Duration::from_secs(5);
/// The pauses between looks double from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// A place that lists what has arrived: `url`, or `alertmanager`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arrival {
    /// Address that answers GET with JSON in which the alert is listed.
    #[serde(default)]
    url: Option<String>,
    /// Where in that JSON it is listed, as a JSON pointer (`/data/alerts`): the id of the
    /// test has to be in a text at or below it. The whole document when left out.
    #[serde(default)]
    json: Option<String>,
    /// Address of an Alertmanager that the alert arrives in, without `/api`: it is asked
    /// for alerts with the label `coldstart_test_id`.
    #[serde(default)]
    alertmanager: Option<String>,
    /// The header `authorization` for this place, from a secret.
    #[serde(default)]
    authorization: Option<Authorization>,
}

/// What came of looking for a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// From sending to seeing it; none when it was not seen in time.
    pub(super) after: Option<Duration>,
    /// Requests sent.
    pub(super) looks: u32,
}

fn problem(path: &[&str], message: &str, suggestion: &str) -> OptionProblem {
    OptionProblem {
        path: path.iter().map(|&part| part.to_owned()).collect(),
        message: message.to_owned(),
        suggestion: Some(suggestion.to_owned()),
    }
}

impl Arrival {
    pub(super) fn authorization(&self) -> Option<&Authorization> {
        self.authorization.as_ref()
    }

    /// The place in words.
    pub(super) fn place(&self) -> &str {
        let place = self.url.as_deref().or(self.alertmanager.as_deref());
        place.unwrap_or_default()
    }

    pub(super) fn problems(&self, target: &Target) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        if self.url.is_some() == self.alertmanager.is_some() {
            problems.push(problem(
                &["arrival"],
                "an alert arrives in one place: `url` or `alertmanager`",
                "arrival: { alertmanager: \"http://192.168.0.110:9093\" }",
            ));
            return problems;
        }
        if let (Some(_), Some(_)) = (&self.alertmanager, &self.json) {
            problems.push(problem(
                &["arrival", "json"],
                "it is known where Alertmanager lists alerts",
                "leave `json` out",
            ));
        }
        if let Some(pointer) = &self.json
            && !(pointer.is_empty() || pointer.starts_with('/'))
        {
            problems.push(problem(
                &["arrival", "json"],
                "a JSON pointer begins with `/`",
                &format!("json: /{}", pointer.replace('.', "/")),
            ));
        }
        match self.address("ID") {
            Ok(url) => problems.extend(url.host_str().and_then(|host| {
                let mut problem = aim::loopback(self.key(), host, target)?;
                problem.path.insert(0, "arrival".to_owned());
                Some(problem)
            })),
            Err(problem) => problems.push(problem),
        }
        problems.extend(
            self.authorization
                .as_ref()
                .and_then(|given| given.problem(&["arrival", "authorization"])),
        );
        problems
    }

    fn key(&self) -> &'static str {
        if self.url.is_some() {
            "url"
        } else {
            "alertmanager"
        }
    }

    /// What is asked for when the test `id` is looked for.
    fn address(&self, id: &str) -> Result<Url, OptionProblem> {
        let mut url = aim::http_address(&["arrival", self.key()], self.place(), LOGIN)?;
        if self.alertmanager.is_some() {
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().extend(["api", "v2", "alerts"]);
            }
            url.query_pairs_mut()
                .clear()
                .append_pair("filter", &format!("{ID_LABEL}=\"{id}\""));
        }
        Ok(url)
    }

    pub(super) fn requests(&self, target: &Target) -> Vec<Request> {
        let Ok(url) = self.address("ID") else {
            return Vec::new();
        };
        let connection = url
            .host_str()
            .zip(url.port_or_known_default())
            .map(|(host, port)| aim::connection(target, host, port));
        let header = match &self.authorization {
            None => "",
            Some(_) => " [authorization: ***]",
        };
        connection
            .into_iter()
            .chain([Request::new("http", format!("GET {url}{header}"))])
            .collect()
    }

    /// Asks until the test is seen, or `deadline`.
    ///
    /// # Errors
    /// The last fault, when the place could not be read even once.
    pub(super) async fn watch_for(
        &self,
        receipt: &Receipt,
        tls: &TlsOptions,
        context: &Context,
        deadline: Instant,
    ) -> Result<Found, Fault> {
        let headers = match &self.authorization {
            None => Vec::new(),
            Some(authorization) => vec![Header {
                name: AUTHORIZATION,
                value: authorization.value(context)?,
            }],
        };
        let url = self
            .address(&receipt.id)
            .map_err(|problem| Fault::new(FaultKind::LocalSetup, problem.message))?;
        let mut ask = http::Ask {
            url,
            method: Method::Get,
            websocket: false,
            headers,
            tls: tls.clone(),
            redirects: 0,
            body_max: LIST_MAX,
            timeout: LOOK,
        };
        let mut looks = 0;
        let mut was_read = false;
        let mut trouble = Fault::new(
            FaultKind::TimedOut,
            "there was no time left to look for it; raise `timeout`",
        );
        let mut pause = FIRST_PAUSE;
        while Instant::now() < deadline {
            looks += 1;
            ask.timeout = LOOK.min(deadline.saturating_duration_since(Instant::now()));
            let asked = http::ask(context, &context.transports.tls, &ask);
            let answer = timeout_at(deadline, asked).await.unwrap_or_else(|_| {
                Err(Fault::new(
                    FaultKind::TimedOut,
                    format!("no answer from {} in time", ask.url),
                ))
            });
            match answer.and_then(|answer| self.lists(&answer, &receipt.id)) {
                Ok(true) => {
                    return Ok(Found {
                        after: Some(receipt.sent.elapsed()),
                        looks,
                    });
                }
                Ok(false) => was_read = true,
                Err(fault) => {
                    trouble = fault;
                    if trouble.hopeless {
                        break;
                    }
                }
            }
            sleep_until(deadline.min(Instant::now() + pause)).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        if was_read {
            return Ok(Found { after: None, looks });
        }
        trouble.seen = format!(
            "the webhook took the test alert {} with status {}, but whether it arrived cannot be \
             told: {}",
            receipt.id, receipt.answer.status, trouble.seen
        );
        Err(trouble)
    }

    /// Whether the test `id` is in the list.
    ///
    /// # Errors
    /// `Protocol` when the answer is no list.
    fn lists(&self, answer: &Answer, id: &str) -> Result<bool, Fault> {
        let no_list =
            |what: String| Fault::new(FaultKind::Protocol, format!("{what} from {}", answer.url));
        if !(200..300).contains(&answer.status) {
            return Err(no_list(format!(
                "status {} instead of a list",
                answer.status
            )));
        }
        if !answer.body_whole {
            return Err(no_list(format!("more than {} MiB", LIST_MAX >> 20)));
        }
        let document: Value = serde_json::from_slice(&answer.body)
            .map_err(|error| no_list(format!("no JSON ({error})")))?;
        if self.alertmanager.is_some() {
            let alerts = document
                .as_array()
                .ok_or_else(|| no_list("no list of alerts".to_owned()))?;
            return Ok(alerts
                .iter()
                .any(|alert| alert["labels"][ID_LABEL].as_str() == Some(id)));
        }
        // A part that is not there yet lists nothing.
        let part = document.pointer(self.json.as_deref().unwrap_or_default());
        Ok(part.is_some_and(|part| holds(part, id)))
    }
}

/// Whether `id` is in any text of `value`, or in a key. As deep as the reader
/// of JSON lets it be, which is 128 levels.
fn holds(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => text.contains(id),
        Value::Array(items) => items.iter().any(|item| holds(item, id)),
        Value::Object(items) => items
            .iter()
            .any(|(key, item)| key.contains(id) || holds(item, id)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
