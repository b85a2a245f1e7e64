//! What is asked and what is answered.

use std::fmt;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::transport::tls::{Shown, TlsOptions};

/// The methods that promise to change nothing (RFC 9110, section 9.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// The resource.
    #[default]
    Get,
    /// Its headers only.
    Head,
    /// What the server allows.
    Options,
}

impl Method {
    /// As it goes on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
        }
    }
}

/// A header to send.
#[derive(Debug, Clone)]
pub struct Header {
    /// Its name.
    pub name: HeaderName,
    /// Its value; one that is marked sensitive is shown as `***`.
    pub value: HeaderValue,
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.value.is_sensitive() {
            "***".to_owned()
        } else {
            String::from_utf8_lossy(self.value.as_bytes()).into_owned()
        };
        write!(f, "{}: {value}", self.name)
    }
}

/// What to ask for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// `http` or `https`, without user name, password and fragment.
    pub url: Url,
    /// How.
    pub method: Method,
    /// Whether to ask for a WebSocket, which is closed as soon as it is open.
    pub websocket: bool,
    /// Headers besides `host`, `user-agent` and `accept`.
    pub headers: Vec<Header>,
    /// Whom to trust.
    pub tls: TlsOptions,
    /// How many redirects to follow; beyond, the redirect itself is the answer
    /// when none are to be followed, else a fault.
    pub redirects: u8,
    /// How many bytes of the body to read; the rest is left.
    pub body_max: usize,
    /// Time from the open connection to the last byte, over all hops.
    pub timeout: Duration,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// `HTTP/1.1`.
    pub version: &'static str,
    /// The headers, names in lower case, several of one name joined by `, `.
    pub headers: Vec<(String, String)>,
    /// The body, up to the cap.
    pub body: Vec<u8>,
    /// Whether the body ended within the cap.
    pub body_whole: bool,
    /// Time to open the last connection.
    pub connect: Duration,
    /// Time of the last TLS handshake, when there was one.
    pub handshake: Option<Duration>,
    /// Whether a WebSocket was opened, when one was asked for.
    pub upgraded: Option<bool>,
    /// From the request to the end of the headers, of the last hop.
    pub first_byte: Duration,
    /// From the first packet to the last byte, over all hops.
    pub total: Duration,
    /// Where the answer came from, after redirects.
    pub url: Url,
    /// Where it points to, when it is a redirect.
    pub redirected_to: Option<String>,
    /// The certificates shown by the last hop, when it was `https`.
    pub shown: Option<Shown>,
}

/// The request for the audit and for `plan`: method, address, the headers that
/// the baseline adds, secret ones as `***`, and the question for a WebSocket.
#[must_use]
pub fn request_line<'a>(
    method: Method,
    url: &Url,
    headers: impl Iterator<Item = &'a Header>,
    websocket: bool,
) -> String {
    let mut headers: Vec<String> = headers.map(Header::to_string).collect();
    headers.extend(websocket.then(|| "upgrade: websocket".to_owned()));
    if headers.is_empty() {
        return format!("{} {url}", method.as_str());
    }
    format!("{} {url} [{}]", method.as_str(), headers.join("; "))
}
