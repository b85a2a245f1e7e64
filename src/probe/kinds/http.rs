//! `http`: an address answers with the right status.

mod facts;
mod login;
mod options;

use std::path::{Path, PathBuf};

use hyper::header::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

pub(in crate::probe::kinds) use self::options::SecretText;
use self::options::{DEFAULT_STATUS, HeaderText, StatusPattern, Statuses};
use super::aim;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, SecretRef, Target, Value,
};
use crate::transport::http::{self, Answer, Header, Method};
use crate::transport::tls::TlsOptions;

const BODY_MAX: u32 = 1 << 20;

/// Asks an HTTP server by GET, HEAD or OPTIONS, the methods that change
/// nothing, and looks at the answer.
///
/// Any status is an answer; which ones are right is said by `status`, or by
/// expectations of your own. Redirects are not followed unless asked for, no
/// proxy is used, and certificates are verified against this machine's
/// authorities and `ca`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// `http://` or `https://` address to ask, without user name and password.
    url: String,
    /// The method; `GET` when left out.
    #[serde(default)]
    method: Method,
    /// The right statuses: one (`200`), a class (`2xx`), or a list of them.
    /// `2xx` when left out.
    #[serde(default)]
    status: Option<Statuses>,
    /// Asks for a WebSocket instead, and closes it as soon as it is open, without a
    /// message. It is expected to open; `status` is not for it.
    #[serde(default)]
    websocket: bool,
    /// Headers to send. A secret value is given by reference:
    /// `authorization: { secret: env:TOKEN, prefix: "Bearer " }`. One that logs in is
    /// refused otherwise, as is a cookie that looks like a session's.
    #[serde(default)]
    headers: std::collections::BTreeMap<String, HeaderText>,
    /// A PEM file of authorities to trust besides this machine's; a relative path
    /// starts at the folder of the baseline's file.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// Whether the certificate must be trusted and name the server.
    #[serde(default = "yes")]
    tls_verify: bool,
    /// How many redirects to follow. From `https` none leads on to `http`.
    #[serde(default)]
    #[schemars(range(max = 20))]
    redirects: u8,
    /// Bytes of the body to read. Of a longer one `body_whole` is false, and
    /// `body`, `body_bytes` and `json` are absent.
    #[serde(default = "body_max")]
    #[schemars(range(max = 16_777_216))]
    body_max: u32,
}

fn yes() -> bool {
    true
}

fn body_max() -> u32 {
    BODY_MAX
}

/// Headers that would change the meaning of the request: its framing, or the
/// method, which some servers take from a header.
const REFUSED_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
];

/// Headers that belong to the question for a WebSocket.
const WEBSOCKET_HEADERS: [&str; 3] = [
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
];

fn problem(path: &[&str], message: impl Into<String>, suggestion: Option<&str>) -> OptionProblem {
    OptionProblem {
        path: path.iter().map(|&part| part.to_owned()).collect(),
        message: message.into(),
        suggestion: suggestion.map(str::to_owned),
    }
}

impl Http {
    fn parsed(&self) -> Result<Url, OptionProblem> {
        let login = "headers: { authorization: { secret: env:NAME, prefix: \"Basic \" } }";
        aim::http_address(&["url"], &self.url, login).map_err(|mut problem| {
            if self.url.starts_with("ws:") {
                problem.suggestion = Some("http://… and `websocket: true` beside it".to_owned());
            } else if self.url.starts_with("wss:") {
                problem.suggestion = Some("https://… and `websocket: true` beside it".to_owned());
            }
            problem
        })
    }

    /// The headers, with secrets resolved by `secret`.
    fn headers<'a>(
        &'a self,
        secret: impl Fn(&'a SecretRef) -> Result<String, Fault>,
    ) -> Result<Vec<Header>, Fault> {
        let local = |seen: String| Fault::new(FaultKind::LocalSetup, seen);
        self.headers
            .iter()
            .map(|(name, text)| {
                let header = HeaderName::try_from(name.as_str())
                    .map_err(|_| local(format!("{name} is not the name of a header")))?;
                let (text, sensitive) = match text {
                    HeaderText::Plain(text) => (text.clone(), false),
                    HeaderText::Secret(SecretText {
                        secret: reference,
                        prefix,
                    }) => (format!("{prefix}{}", secret(reference)?), true),
                };
                let mut value = HeaderValue::try_from(text).map_err(|_| {
                    local(format!("the value of {name} cannot be sent in a header"))
                })?;
                value.set_sensitive(sensitive);
                Ok(Header {
                    name: header,
                    value,
                })
            })
            .collect()
    }

    fn statuses(&self) -> &Statuses {
        self.status.as_ref().unwrap_or(&DEFAULT_STATUS)
    }

    fn line(&self) -> String {
        match (self.parsed(), self.headers(|_| Ok(String::new()))) {
            (Ok(url), Ok(headers)) => {
                http::request_line(self.method, &url, headers.iter(), self.websocket)
            }
            _ => format!("{} {}", self.method.as_str(), self.url),
        }
    }

    fn facts(answer: Answer) -> Facts {
        let mut facts = Facts::new();
        let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
        facts.set("status", f64::from(answer.status));
        facts.set("version", answer.version);
        facts.set("url", answer.url.to_string());
        facts.set_some("redirected_to", answer.redirected_to);
        facts.set("connect_ms", milliseconds(answer.connect));
        facts.set_some("tls_ms", answer.handshake.map(milliseconds));
        facts.set_some("upgraded", answer.upgraded);
        facts.set("ttfb_ms", milliseconds(answer.first_byte));
        facts.set("total_ms", milliseconds(answer.total));
        let headers = answer
            .headers
            .into_iter()
            .map(|(name, value)| (name, Value::Text(value)))
            .collect();
        facts.set("headers", Value::Map(headers));
        facts.set("body_whole", answer.body_whole);
        // Of a part nothing is told: `!body.contains(...)` would hold on it.
        if answer.body_whole {
            #[expect(clippy::cast_precision_loss, reason = "at most 16 MiB")]
            facts.set("body_bytes", answer.body.len() as f64);
            facts.set_some(
                "json",
                serde_json::from_slice(&answer.body).ok().map(Value::Json),
            );
            facts.set("body", String::from_utf8_lossy(&answer.body).into_owned());
        }
        if let Some(shown) = answer.shown
            && let Some(leaf) = shown.chain.first()
        {
            facts.set("certificate_expires", leaf.not_after);
            if let Some(at) = shown.at {
                facts.set("certificate_days", leaf.days_left(at));
            }
        }
        facts
    }
}

impl Kind for Http {
    const NAME: &'static str = "http";
    const SUMMARY: &'static str = "an HTTP address answers with the right status";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &facts::FACTS;
    const EXAMPLE: &'static str = "title: Harbor's registry answers\n\
        http: { url: \"http://192.168.0.110:5000/v2/\", status: [200, 401] }\n";

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
        for name in self.headers.keys() {
            if HeaderName::try_from(name.as_str()).is_err() {
                problems.push(problem(
                    &["headers", name],
                    format!("{name} is not the name of a header"),
                    None,
                ));
            } else if REFUSED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                let message =
                    format!("{name} could turn the request into another one and is not sent");
                problems.push(problem(&["headers", name], message, None));
            }
        }
        for (name, text) in &self.headers {
            if let HeaderText::Plain(text) = text {
                problems.extend(login::problem_of(name, text));
            }
            let (HeaderText::Plain(text) | HeaderText::Secret(SecretText { prefix: text, .. })) =
                text;
            if HeaderValue::try_from(text.as_str()).is_err() {
                problems.push(problem(
                    &["headers", name],
                    "the value cannot be sent in a header",
                    None,
                ));
            }
        }
        if self.websocket {
            if self.method != Method::Get {
                let message = "a WebSocket is asked for by GET";
                problems.push(problem(&["method"], message, Some("leave `method` out")));
            }
            if self.status.is_some() {
                let message = "a WebSocket has no other status than 101";
                problems.push(problem(&["status"], message, Some("leave `status` out")));
            }
            for name in self.headers.keys() {
                if WEBSOCKET_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                    let message = format!("{name} is sent by `websocket` itself");
                    problems.push(problem(&["headers", name], message, None));
                }
            }
        }
        if self.statuses().patterns().is_empty() {
            problems.push(problem(
                &["status"],
                "no status would be right",
                Some("status: 2xx"),
            ));
        }
        if self.redirects > 20 {
            problems.push(problem(
                &["redirects"],
                "at most 20 redirects are followed",
                None,
            ));
        }
        if self.body_max > 16 << 20 {
            problems.push(problem(
                &["body_max"],
                "at most 16777216 bytes are read",
                None,
            ));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        if self.websocket {
            return Defaults::require(["upgraded"]);
        }
        Defaults::require([self.statuses().expectation()])
    }

    fn default_in_words(&self) -> Option<String> {
        if self.websocket {
            return None;
        }
        self.statuses().words()
    }

    fn goal(&self, _: &Target) -> String {
        if self.websocket {
            return format!("a WebSocket from {}", self.url);
        }
        let statuses: Vec<String> = self
            .statuses()
            .patterns()
            .iter()
            .map(StatusPattern::to_string)
            .collect();
        format!(
            "status {} from {} {}",
            statuses.join(" or "),
            self.method.as_str(),
            self.url
        )
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        let connection = self.parsed().ok().and_then(|url| {
            let port = url.port_or_known_default()?;
            Some(aim::connection(target, url.host_str()?, port))
        });
        let mut requests: Vec<Request> = connection.into_iter().collect();
        requests.push(Request::new("http", self.line()));
        if self.redirects > 0 {
            requests.push(Request::new(
                "http",
                format!("the same to up to {} redirects", self.redirects),
            ));
        }
        requests
    }

    fn secrets(&self) -> Vec<&SecretRef> {
        self.headers
            .values()
            .filter_map(|text| match text {
                HeaderText::Secret(SecretText { secret, .. }) => Some(secret),
                HeaderText::Plain(_) => None,
            })
            .collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let url = self
            .parsed()
            .map_err(|problem| Fault::new(FaultKind::LocalSetup, problem.message))?;
        let ask = http::Ask {
            url,
            method: self.method,
            websocket: self.websocket,
            headers: self
                .headers(|reference| Ok(context.secret(reference)?.expose_secret().to_owned()))?,
            tls: TlsOptions {
                authorities: self.ca.iter().cloned().collect(),
                verify: self.tls_verify,
            },
            redirects: self.redirects,
            body_max: self.body_max.try_into().unwrap_or(usize::MAX),
            timeout: context.target.timeout,
        };
        let answer = http::ask(context, &context.transports.tls, &ask).await;
        context.scrubbed(answer.map(Self::facts))
    }
}

#[cfg(test)]
mod tests;
