//! APIs that answer GET with JSON, for the kinds that ask one.

use std::path::PathBuf;

use hyper::header::AUTHORIZATION;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use super::aim;
use super::authorization::{Authorization, LOGIN};
use crate::probe::{Context, Facts, Fault, FaultKind, OptionProblem, Request, Target};
use crate::transport::http::{self, Header, Method, request_line};
use crate::transport::tls::TlsOptions;

/// Bytes of an answer that are read.
const BODY_MAX: usize = 16 << 20;

/// Where these servers tell whether they serve.
pub(super) const READY: &str = "-/ready";

/// How much of an answer is quoted, in characters.
const QUOTED: usize = 300;

/// A server and how it is spoken to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api<'a> {
    /// What it should be, in sentences: `Prometheus`.
    pub(super) name: &'static str,
    /// Its address, without the part that begins with `/api`.
    pub(super) base: &'a str,
    /// Where `base` stands in the options.
    pub(super) option: &'a [&'a str],
    pub(super) authorization: Option<&'a Authorization>,
    pub(super) ca: Option<&'a PathBuf>,
    pub(super) tls_verify: bool,
}

/// An answer that is neither a refusal of the login nor a redirect.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) url: Url,
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// The server's clock, of the header `date`.
    date: Option<Timestamp>,
    /// This machine's clock when the answer had come.
    here: Option<Timestamp>,
}

impl<'a> Api<'a> {
    fn problem(&self, message: String, suggestion: Option<String>) -> OptionProblem {
        OptionProblem {
            path: self.option.iter().map(|&part| part.to_owned()).collect(),
            message,
            suggestion,
        }
    }

    /// The address of `path` there, such as `api/v1/query`, with these parameters.
    pub(super) fn url(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Url, OptionProblem> {
        let mut url = aim::http_address(self.option, self.base, LOGIN)?;
        if url.query().is_some() {
            let message = format!("the address of {} has no `?` in it", self.name);
            return Err(self.problem(message, None));
        }
        if url.path().contains("/api/") || url.path().contains("/-/") {
            let shown = &url[..url::Position::BeforePath];
            let suggestion = format!("{}: {shown}", self.option.join("."));
            let message = format!("the address of {} ends before `/api`", self.name);
            return Err(self.problem(message, Some(suggestion)));
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        Ok(url)
    }

    /// What is wrong with the address and the login. `authorization` is where that
    /// stands in the options.
    pub(super) fn problems(&self, target: &Target, authorization: &[&str]) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        match self.url("", &[]) {
            Ok(url) => problems.extend(url.host_str().and_then(|host| {
                let mut problem = aim::loopback("url", host, target)?;
                problem.path = self.option.iter().map(|&part| part.to_owned()).collect();
                Some(problem)
            })),
            Err(problem) => problems.push(problem),
        }
        problems.extend(
            self.authorization
                .and_then(|given| given.problem(authorization)),
        );
        problems
    }

    /// What [`Asking::get`] sends for `url`.
    pub(super) fn requests(&self, target: &Target, url: &Url) -> Vec<Request> {
        let connection = url
            .host_str()
            .zip(url.port_or_known_default())
            .map(|(host, port)| aim::connection(target, host, port));
        let line = request_line(Method::Get, url, std::iter::empty(), false);
        let header = match self.authorization {
            None => "",
            Some(_) => " [authorization: ***]",
        };
        connection
            .into_iter()
            .chain([Request::new("http", format!("{line}{header}"))])
            .collect()
    }

    /// Begins to ask: all questions together have the time of one check.
    ///
    /// # Errors
    /// `LocalSetup`: a secret is missing.
    pub(super) fn asking(self, context: &'a Context) -> Result<Asking<'a>, Fault> {
        let headers = match self.authorization {
            None => Vec::new(),
            Some(authorization) => vec![Header {
                name: AUTHORIZATION,
                value: authorization.value(context)?,
            }],
        };
        Ok(Asking {
            api: self,
            context,
            headers,
            deadline: Instant::now() + context.target.timeout,
        })
    }

    /// A fault of something that is no such API.
    pub(super) fn another(&self, what: &str, url: &Url) -> Fault {
        Fault::new(FaultKind::Protocol, format!("{what} from {url}")).hint(format!(
            "look whether {} listens at {}, and whether it is served below a path there; a proxy \
             in front of it may answer instead",
            self.name, self.base
        ))
    }

    /// The JSON of an answer.
    ///
    /// # Errors
    /// `Protocol`: it is none, or of another shape.
    pub(super) fn json<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, Fault> {
        serde_json::from_slice(&reply.body).map_err(|error| {
            let what = if reply.is_html() {
                format!("a page of HTML (status {})", reply.status)
            } else if error.is_data() {
                format!("JSON that {} does not write ({error})", self.name)
            } else {
                format!("no JSON ({error}; status {})", reply.status)
            };
            self.another(&what, &reply.url)
        })
    }
}

/// A conversation with an API.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) api: Api<'a>,
    context: &'a Context,
    headers: Vec<Header>,
    deadline: Instant,
}

impl Asking<'_> {
    /// Asks for `path`, over a connection of its own.
    ///
    /// # Errors
    /// The fault of the connection or of HTTP; `Denied` for a login that is refused,
    /// `Protocol` for a redirect, and for an answer that is longer than what is read.
    pub(super) async fn get(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Reply, Fault> {
        let url = self
            .api
            .url(path, parameters)
            .map_err(|problem| Fault::new(FaultKind::LocalSetup, problem.message))?;
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Fault::new(
                FaultKind::TimedOut,
                format!(
                    "no time was left to ask for {url}: all questions of the check took more than {:.1} s",
                    self.context.target.timeout.as_secs_f64()
                ),
            ));
        }
        let ask = http::Ask {
            url: url.clone(),
            method: Method::Get,
            websocket: false,
            headers: self.headers.clone(),
            tls: TlsOptions {
                authorities: self.api.ca.into_iter().cloned().collect(),
                verify: self.api.tls_verify,
            },
            redirects: 0,
            body_max: BODY_MAX,
            timeout: left,
        };
        let answer = http::ask(self.context, &self.context.transports.tls, &ask).await?;
        if matches!(answer.status, 401 | 403) {
            let hint = match self.api.authorization {
                None => format!("give a login: `{LOGIN}`"),
                Some(given) => format!("the server does not take what {} holds", given.secret()),
            };
            let seen = format!("status {} from {url}", answer.status);
            return Err(Fault::new(FaultKind::Denied, seen).hint(hint));
        }
        if let Some(to) = &answer.redirected_to {
            return Err(self.api.another(
                &format!("a redirect to {to} (status {})", answer.status),
                &url,
            ));
        }
        if !answer.body_whole {
            return Err(Fault::new(
                FaultKind::Protocol,
                format!("more than {} MiB from {url}", BODY_MAX >> 20),
            ));
        }
        let date = answer.headers.iter().find(|(name, _)| name == "date");
        Ok(Reply {
            status: answer.status,
            body: answer.body,
            date: date.and_then(|(_, text)| {
                let read = jiff::fmt::rfc2822::parse(text).ok()?;
                Some(read.timestamp())
            }),
            here: self.context.transports.clock.map(|clock| clock()),
            url,
        })
    }
}

impl Asking<'_> {
    /// Whether `/-/ready` says that the server serves, and what it said. A yes proves
    /// little: many a server says 200 to any question.
    ///
    /// # Errors
    /// Those of [`Asking::get`]; `Protocol` for any other answer than yes and no.
    pub(super) async fn is_ready(&self) -> Result<(bool, Reply), Fault> {
        let reply = self.get(READY, &[]).await?;
        match reply.status {
            200 => Ok((true, reply)),
            503 if !reply.is_html() => Ok((false, reply)),
            status => {
                let what = format!("status {status} ({})", reply.quoted(self));
                Err(self.api.another(&what, &reply.url))
            }
        }
    }
}

impl Reply {
    /// Whether it is a page for people, and of a proxy or another server therefore.
    pub(super) fn is_html(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"<")
    }

    /// The body in a sentence: its first line, cut.
    pub(super) fn quoted(&self, asking: &Asking<'_>) -> String {
        // Scrubbed before it is cut, which could leave half of a secret.
        let body = String::from_utf8_lossy(&self.body);
        let body = asking.context.transports.secrets.scrub(&body);
        let line = body.trim().lines().next().unwrap_or_default();
        line.chars().take(QUOTED).collect()
    }

    /// The server's clock, in seconds since 1970; this machine's where it tells none.
    pub(super) fn now(&self) -> Option<f64> {
        let now = self.date.or(self.here)?;
        Some(now.as_duration().as_secs_f64())
    }

    /// Adds what the server's clock shows.
    pub(super) fn set_clock(&self, facts: &mut Facts) {
        let Some(date) = self.date else {
            return;
        };
        facts.set("server_time", date);
        facts.set_some(
            "clock_off_s",
            self.here.map(|here| {
                // The header has whole seconds: what is off by less is not off.
                let off = date.duration_since(here).as_secs_f64();
                if off.abs() < 1.0 { 0.0 } else { off }
            }),
        );
    }
}

/// A clock that is further off makes ages mean nothing; expected by default.
pub(super) const CLOCK_IS_RIGHT: &str = "!has(clock_off_s) || abs(clock_off_s) < 30";
