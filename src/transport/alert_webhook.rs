//! The one thing that this program writes: a test alert to a webhook, as
//! Alertmanager sends its own (webhook payload, version 4).
//!
//! What it can send is fixed by its types: POST, `application/json`, the body of a
//! [`TestAlert`], and an `authorization` that comes from a secret. It follows no
//! redirect. Each POST takes a [`Permit`], which cannot be copied;
//! `tests/rooms.rs` holds who may name this module.

mod event;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION, USER_AGENT,
};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use url::Url;

pub use event::{AlertName, ID_LABEL, TestAlert};

use super::http::counted::{Count, Counted};
use super::http::wire_fault;
use super::open::Opener;
use super::tls::{Tls, TlsOptions};
use super::{Fault, FaultKind, Stream};

/// Bytes of the answer's body that are read.
const BODY_MAX: usize = 64 * 1024;
/// How long the rest of the body is waited for once there is a status: it is
/// only quoted, and the time is better spent on looking for the alert.
const BODY_PATIENCE: Duration = Duration::from_secs(2);

/// Leave to send one test alert; sending takes it.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// For whoever was told to send one.
    #[must_use]
    pub fn granted() -> Self {
        Self(())
    }
}

/// Where a test alert goes.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// `http` or `https`, without user name, password and fragment.
    pub url: Url,
    /// The value of `authorization`, marked sensitive; none when there is none to send.
    pub authorization: Option<HeaderValue>,
    /// Whom to trust.
    pub tls: TlsOptions,
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Where a redirect points to, as it was sent; it was not followed.
    pub redirected_to: Option<String>,
    /// The body as far as it came, 64 KiB at most.
    pub body: Vec<u8>,
    /// From the request to the end of the answer's headers.
    pub answered_in: Duration,
}

impl Answer {
    /// Whether the receiver took the alert, by the rule of Alertmanager: 2xx.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The request for the audit and for `plan`, where the id is not known yet.
#[must_use]
pub fn request_line(url: &Url, id: Option<&str>, authorized: bool) -> String {
    let id = id.map(|id| format!(" {id}")).unwrap_or_default();
    let header = if authorized {
        " [authorization: ***]"
    } else {
        ""
    };
    format!("POST {url}{header} (alert test{id})")
}

/// An open connection to a receiver, over which nothing was written yet but
/// the handshake of TLS.
pub struct Line<'r> {
    receiver: &'r Receiver,
    stream: Box<dyn Stream>,
    peer: String,
    timeout: Duration,
    deadline: Instant,
}

/// Opens a connection to `receiver`. From then on there is `timeout` for all the rest.
///
/// # Errors
/// The fault of the connection or of TLS. Nothing was posted then.
pub async fn open<'r>(
    opener: &impl Opener,
    tls: &Tls,
    receiver: &'r Receiver,
    timeout: Duration,
) -> Result<Line<'r>, Fault> {
    let host = receiver.url.host_str().unwrap_or_default();
    let port = receiver.url.port_or_known_default().unwrap_or(80);
    let connection = opener.open(host, port).await?;
    let deadline = Instant::now() + timeout;
    let stream: Box<dyn Stream> = if receiver.url.scheme() == "https" {
        let secured = tls
            .secure(connection.stream, host, &receiver.tls, timeout)
            .await
            .map_err(|insecure| insecure.fault)?;
        Box::new(secured.stream)
    } else {
        connection.stream
    };
    Ok(Line {
        receiver,
        stream,
        peer: connection.peer,
        timeout,
        deadline,
    })
}

impl Line<'_> {
    /// When the time for everything ends.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Posts `alert`, once.
    ///
    /// # Errors
    /// `TimedOut` or `Closed` when no answer came, `Protocol` when it is not HTTP. Whether
    /// the receiver took the alert cannot be told then.
    pub async fn post(
        self,
        opener: &impl Opener,
        _permit: Permit,
        alert: &TestAlert,
    ) -> Result<Answer, Fault> {
        let request = self.request(alert)?;
        let line = request_line(
            &self.receiver.url,
            Some(alert.id()),
            self.receiver.authorization.is_some(),
        );
        opener.note(&self.peer, "http", &line);
        let sent = Instant::now();
        let count = Count::default();
        let stream = Counted::new(self.stream, count.clone());
        // Dropped with the exchange, and the connection with it.
        let mut tasks = JoinSet::new();
        let response = timeout_at(self.deadline, exchange(stream, request, &mut tasks))
            .await
            .map_err(|_| {
                let what = match count.get() {
                    0 => "no answer".to_owned(),
                    bytes => format!("no end of the headers ({bytes} bytes so far)"),
                };
                Fault::new(
                    FaultKind::TimedOut,
                    format!(
                        "{what} to POST {} within {:.1} s",
                        self.receiver.url,
                        self.timeout.as_secs_f64()
                    ),
                )
            })??;
        let answered_in = sent.elapsed();
        let status = response.status();
        let redirected_to = response
            .headers()
            .get(LOCATION)
            .filter(|_| status.is_redirection())
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let patience = self.deadline.min(Instant::now() + BODY_PATIENCE);
        Ok(Answer {
            status: status.as_u16(),
            redirected_to,
            body: beginning(response, patience).await,
            answered_in,
        })
    }

    fn request(&self, alert: &TestAlert) -> Result<Request<Full<Bytes>>, Fault> {
        let url = &self.receiver.url;
        let setup = |error: &dyn std::fmt::Display| {
            Fault::new(
                FaultKind::LocalSetup,
                format!("{url} cannot be posted to: {error}"),
            )
        };
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let host = HeaderValue::from_str(host).map_err(|error| setup(&error))?;
        let mut headers = HeaderMap::from_iter([
            (HOST, host),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCEPT, HeaderValue::from_static("*/*")),
            (
                USER_AGENT,
                HeaderValue::from_static(concat!("coldstart/", env!("CARGO_PKG_VERSION"))),
            ),
        ]);
        if let Some(value) = &self.receiver.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .body(Full::new(Bytes::from(alert.body())))
            .map_err(|error| setup(&error))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

async fn exchange(
    stream: Counted,
    request: Request<Full<Bytes>>,
    tasks: &mut JoinSet<()>,
) -> Result<Response<Incoming>, Fault> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(256)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| wire_fault(&error, "before the answer"))?;
    tasks.spawn(async move {
        // Its error also reaches the request that waits for it.
        drop(connection.await);
    });
    sender
        .send_request(request)
        .await
        .map_err(|error| wire_fault(&error, "before the answer"))
}

/// The body until it ends, is cut off, reaches the cap or `until`: the status
/// has decided already.
async fn beginning(response: Response<Incoming>, until: Instant) -> Vec<u8> {
    let mut stream = response.into_body();
    let mut body = Vec::new();
    while let Ok(Some(Ok(frame))) = timeout_at(until, stream.frame()).await {
        let Some(data) = frame.data_ref() else {
            continue;
        };
        let room = BODY_MAX - body.len();
        body.extend_from_slice(&data[..room.min(data.len())]);
        if body.len() == BODY_MAX {
            break;
        }
    }
    body
}

#[cfg(test)]
mod tests;
