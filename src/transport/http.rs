//! HTTP/1.1 requests that only read: GET, HEAD and OPTIONS are all there is.
//! No proxy, no cookies, no cache, nothing from the environment.

pub(super) mod counted;
mod message;
mod websocket;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use url::Url;

use counted::{Count, Counted};
pub use message::{Answer, Ask, Header, Method, request_line};
use websocket::Opening;

use super::open::Opener;
use super::tls::Tls;
use super::{Connection, Fault, FaultKind, Stream};

/// Asks, following redirects as far as told. Each hop is a connection of its
/// own, opened and audited by `opener`.
///
/// # Errors
/// The fault of the connection or of TLS; `TimedOut` when no whole answer came
/// within the time, `Closed` when it was cut off, `Protocol` when it is not
/// HTTP, when a redirect leads in a circle, on from `https` to `http`, or
/// when there are more than were to be followed.
pub async fn ask(opener: &impl Opener, tls: &Tls, ask: &Ask) -> Result<Answer, Fault> {
    let started = Instant::now();
    let mut left = ask.timeout;
    let mut url = ask.url.clone();
    let mut been: Vec<Url> = Vec::new();
    loop {
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        let connection = opener.open(&host, port).await?;
        let opened = Instant::now();
        let hop = Hop {
            ask,
            url: &url,
            same_origin: url.origin() == ask.url.origin(),
            left,
        };
        opener.note(
            &connection.peer,
            "http",
            &request_line(ask.method, &url, hop.headers(), ask.websocket),
        );
        let (mut answer, location) = hop.exchange(tls, connection, &host).await?;
        left = left.saturating_sub(opened.elapsed());
        been.push(url.clone());
        let Some(location) = location else {
            answer.total = started.elapsed();
            return Ok(answer);
        };
        let next = url.join(&location).map_err(|error| {
            protocol(format!(
                "status {} leads to {location:?}, which is no address: {error}",
                answer.status
            ))
        })?;
        if ask.redirects == 0 {
            answer.redirected_to = Some(next.to_string());
            answer.total = started.elapsed();
            return Ok(answer);
        }
        allow_redirect(&been, &next, ask.redirects)?;
        url = next;
    }
}

/// Asks over a stream that is open, and secured where it has to be, without following
/// redirects. Whoever opened it notes the request in the audit.
///
/// # Errors
/// Those of the exchange, as [`ask`].
pub(super) async fn ask_over(
    ask: &Ask,
    stream: Box<dyn Stream>,
    left: Duration,
) -> Result<Answer, Fault> {
    let hop = Hop {
        ask,
        url: &ask.url,
        same_origin: true,
        left,
    };
    let (answer, _) = hop.talk(stream, None, Instant::now() + left).await?;
    Ok(answer)
}

fn protocol(seen: String) -> Fault {
    Fault::new(FaultKind::Protocol, seen)
}

fn allow_redirect(been: &[Url], next: &Url, most: u8) -> Result<(), Fault> {
    if !matches!(next.scheme(), "http" | "https") || next.host_str().is_none() {
        return Err(protocol(format!(
            "a redirect leads to {next}, which is not http"
        )));
    }
    if next.scheme() == "http" && been.last().is_some_and(|last| last.scheme() == "https") {
        return Err(protocol(format!(
            "a redirect leads from https on to plain {next}"
        )));
    }
    if been.contains(next) {
        return Err(protocol(format!(
            "redirects lead in a circle, back to {next}"
        )));
    }
    if been.len() > usize::from(most) {
        let redirects = if most == 1 { "redirect" } else { "redirects" };
        return Err(protocol(format!(
            "more than {most} {redirects}, the last to {next}"
        )));
    }
    Ok(())
}

/// One request and its answer, over one connection.
struct Hop<'a> {
    ask: &'a Ask,
    url: &'a Url,
    same_origin: bool,
    left: Duration,
}

impl Hop<'_> {
    async fn exchange(
        &self,
        tls: &Tls,
        connection: Connection,
        host: &str,
    ) -> Result<(Answer, Option<String>), Fault> {
        let deadline = Instant::now() + self.left;
        let connect = connection.connect;
        let opening = self.ask.websocket.then(Opening::new).transpose()?;
        let opened = Instant::now();
        let mut shown = None;
        let mut handshake = None;
        let stream: Box<dyn Stream> = if self.url.scheme() == "https" {
            let secured = tls
                .secure(connection.stream, host, &self.ask.tls, self.left)
                .await
                .map_err(|insecure| insecure.fault)?;
            shown = Some(secured.shown);
            handshake = Some(opened.elapsed());
            Box::new(secured.stream)
        } else {
            connection.stream
        };
        let (mut answer, location) = self.talk(stream, opening, deadline).await?;
        answer.connect = connect;
        answer.handshake = handshake;
        answer.shown = shown;
        Ok((answer, location))
    }

    /// The request and its answer; how the stream was opened is for others to tell.
    async fn talk(
        &self,
        stream: Box<dyn Stream>,
        opening: Option<Opening>,
        deadline: Instant,
    ) -> Result<(Answer, Option<String>), Fault> {
        let sent = Instant::now();
        // Dropped with the exchange, and the connection with it.
        let mut tasks = JoinSet::new();
        let count = Count::default();
        let stream = Counted::new(stream, count.clone());
        let response = timeout_at(deadline, self.send(stream, opening.as_ref(), &mut tasks))
            .await
            .map_err(|_| match count.get() {
                0 => self.late("no answer"),
                bytes => self.late(&format!("no end of the headers ({bytes} bytes so far)")),
            })??;
        let first_byte = sent.elapsed();
        let status = response.status();
        let version = version(response.version());
        let location = status
            .is_redirection()
            .then(|| {
                response
                    .headers()
                    .get(LOCATION)
                    .map(|value| text(value.as_bytes()))
            })
            .flatten();
        let upgraded = opening.map(|opening| {
            response.status() == StatusCode::SWITCHING_PROTOCOLS
                && opening.is_answered_by(response.headers())
        });
        let headers = headers(response.headers());
        let (body, body_whole) = if upgraded == Some(true) {
            let stream = timeout_at(deadline, hyper::upgrade::on(response)).await;
            if let Ok(Ok(stream)) = stream {
                websocket::close(TokioIo::new(stream), deadline).await;
            }
            (Vec::new(), true)
        } else {
            self.read_body(response, deadline).await?
        };
        let answer = Answer {
            status: status.as_u16(),
            version,
            headers,
            body,
            body_whole,
            connect: Duration::ZERO,
            handshake: None,
            upgraded,
            first_byte,
            total: Duration::ZERO,
            url: self.url.clone(),
            redirected_to: None,
            shown: None,
        };
        Ok((answer, location))
    }

    async fn send(
        &self,
        stream: Counted,
        opening: Option<&Opening>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Response<Incoming>, Fault> {
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(256)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| wire_fault(&error, "before the answer"))?;
        tasks.spawn(async move {
            // Its error also reaches the request that waits for it.
            drop(connection.with_upgrades().await);
        });
        sender
            .send_request(self.request(opening)?)
            .await
            .map_err(|error| wire_fault(&error, "before the answer"))
    }

    fn request(&self, opening: Option<&Opening>) -> Result<Request<Empty<Bytes>>, Fault> {
        let path = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::builder()
            .method(self.ask.method.as_str())
            .uri(path)
            .header(USER_AGENT, concat!("coldstart/", env!("CARGO_PKG_VERSION")))
            .header(hyper::header::ACCEPT, "*/*")
            .body(Empty::new())
            .map_err(|error| {
                Fault::new(
                    FaultKind::LocalSetup,
                    format!("{path} cannot be asked for: {error}"),
                )
            })?;
        let headers = request.headers_mut();
        let mut own = HeaderMap::new();
        for header in self.headers() {
            own.append(header.name.clone(), header.value.clone());
        }
        if !own.contains_key(HOST) {
            let host = HeaderValue::from_str(host).map_err(|error| {
                Fault::new(
                    FaultKind::LocalSetup,
                    format!("{host} cannot be a host header: {error}"),
                )
            })?;
            own.insert(HOST, host);
        }
        headers.remove(HOST);
        for name in own.keys() {
            headers.remove(name);
        }
        headers.extend(own);
        if let Some(opening) = opening {
            headers.extend(opening.headers()?);
        }
        Ok(request)
    }

    /// The baseline's headers, without what is meant for another server.
    fn headers(&self) -> impl Iterator<Item = &Header> {
        self.ask.headers.iter().filter(|header| {
            let private =
                header.value.is_sensitive() || header.name == HOST || is_credential(&header.name);
            self.same_origin || !private
        })
    }

    /// Reads until the body ends, the cap or the deadline. At the cap the
    /// rest is not waited for: an endless body is an answer too.
    async fn read_body(
        &self,
        response: Response<Incoming>,
        deadline: Instant,
    ) -> Result<(Vec<u8>, bool), Fault> {
        let mut stream = response.into_body();
        let mut body = Vec::new();
        loop {
            let frame = timeout_at(deadline, stream.frame())
                .await
                .map_err(|_| self.late(&format!("no whole body ({} bytes so far)", body.len())))?;
            match frame {
                None => return Ok((body, true)),
                Some(Ok(frame)) => {
                    let Some(data) = frame.data_ref() else {
                        continue;
                    };
                    let room = self.ask.body_max - body.len();
                    if data.len() > room {
                        body.extend_from_slice(&data[..room]);
                        return Ok((body, false));
                    }
                    body.extend_from_slice(data);
                }
                Some(Err(error)) => {
                    return Err(wire_fault(
                        &error,
                        &format!("after {} bytes of the body", body.len()),
                    ));
                }
            }
        }
    }

    fn late(&self, what: &str) -> Fault {
        Fault::new(
            FaultKind::TimedOut,
            format!(
                "{what} to {} {} within {:.1} s",
                self.ask.method.as_str(),
                self.url,
                self.ask.timeout.as_secs_f64()
            ),
        )
    }
}

fn is_credential(name: &HeaderName) -> bool {
    use hyper::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name)
}

pub(super) fn wire_fault(error: &hyper::Error, place: &str) -> Fault {
    if error.is_parse() {
        return protocol(format!("the answer is not HTTP/1: {error}"));
    }
    let cut = Fault::new(
        FaultKind::Closed,
        format!("the connection was cut off {place}"),
    );
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                // A chunk whose size is no number, and the like.
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
                    protocol(format!("the answer is not HTTP/1: {io}"))
                }
                _ => cut,
            };
        }
        source = cause.source();
    }
    cut
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    map.keys()
        .map(|name| {
            let values: Vec<String> = map
                .get_all(name)
                .iter()
                .map(|value| text(value.as_bytes()))
                .collect();
            (name.as_str().to_owned(), values.join(", "))
        })
        .collect()
}

#[cfg(test)]
mod tests;
