//! HTTP/1.1, plain and over TLS, with the ways in which it goes wrong.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::tcp::Server;
use super::tls;
pub use super::tls::Shows;

/// Answers by path: `/ok`, `/json`, `/502`, `/head`, `/401`, `/drip`, `/endless`,
/// `/cut`, `/garbage`, `/chunk`, `/hang`, `/trickle`, `/loop`, `/once` (to `/ok`), `/echo`
/// (the request as the body), `/to?URL` (a redirect there), `/ws` (a WebSocket),
/// `/ws-wrong` (with an answer to another key), `/ws-silent` (that is never closed).
pub async fn plain() -> Server {
    Server::start(|stream, received| async move {
        drop(serve(stream, &received).await);
    })
    .await
}

/// A server on that listener which answers each path by a status line's end
/// (`200 OK`) and a body, JSON or not.
pub fn on(
    listener: TcpListener,
    answer: impl Fn(&str) -> (&'static str, &'static str) + Send + Sync + 'static,
) -> Server {
    let answer = Arc::new(answer);
    Server::on(listener, move |mut stream, received| {
        let answer = Arc::clone(&answer);
        async move {
            let Ok(request) = read_request(&mut stream, &received).await else {
                return;
            };
            let (status, body) = answer(request.split(' ').nth(1).unwrap_or_default());
            let length = body.len();
            let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
            drop(stream.write_all(text.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    })
}

/// A TLS server and the PEM text of the authority that signed its certificate.
pub async fn secure(shows: Shows) -> (Server, String) {
    let (acceptor, authority) = tls::acceptor(shows);
    let server = Server::start(move |stream, received| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                drop(serve(stream, &received).await);
            }
        }
    })
    .await;
    (server, authority)
}

/// One request, up to its empty line.
async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    received: &std::sync::Mutex<Vec<u8>>,
) -> std::io::Result<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    received
        .lock()
        .expect("the lock")
        .extend_from_slice(&request);
    Ok(String::from_utf8_lossy(&request).into_owned())
}

fn header(request: &str, name: &str) -> String {
    let lines = request.lines().filter_map(|line| line.split_once(": "));
    let mut values = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    values
        .next()
        .map_or_else(String::new, |(_, value)| value.to_owned())
}

/// A question for a WebSocket as RFC 6455 wants it.
fn upgrades(request: &str) -> bool {
    request.starts_with("GET ")
        && header(request, "connection").eq_ignore_ascii_case("upgrade")
        && header(request, "upgrade") == "websocket"
        && header(request, "sec-websocket-version") == "13"
        && header(request, "sec-websocket-key").len() == 24
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    received: &std::sync::Mutex<Vec<u8>>,
) -> std::io::Result<()> {
    let request = read_request(&mut stream, received).await?;
    let head = request.starts_with("HEAD ");
    let path = request.split(' ').nth(1).unwrap_or_default();
    let whole = |status: &str, headers: &str, body: &str| {
        let shown = if head { "" } else { body };
        format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{shown}",
            body.len()
        )
    };
    let answer = match path.split('?').next().unwrap_or_default() {
        "/ok" => whole(
            "200 OK",
            "X-Role: primary\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n",
            "fine",
        ),
        "/json" => whole(
            "200 OK",
            "content-type: application/json\r\n",
            r#"{"status":"ready","queue":3}"#,
        ),
        "/502" => whole("502 Bad Gateway", "", "no upstream"),
        "/401" => whole("401 Unauthorized", "www-authenticate: Basic\r\n", ""),
        "/echo" => whole("200 OK", "", &request),
        "/once" => whole("302 Found", "location: /ok\r\n", ""),
        "/loop" => whole("302 Found", "location: /loop2\r\n", ""),
        "/loop2" => whole("302 Found", "location: /loop\r\n", ""),
        "/to" => {
            let to = path.split_once('?').map_or("", |(_, to)| to);
            whole("307 Temporary Redirect", &format!("location: {to}\r\n"), "")
        }
        "/cut" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this".to_owned(),
        "/cut-headers" => "HTTP/1.1 200 OK\r\ncontent-le".to_owned(),
        "/garbage" => "SSH-2.0-OpenSSH_9.2p1\r\n\r\n".to_owned(),
        "/chunk" => {
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nfine\r\n".to_owned()
        }
        "/hang" => std::future::pending().await,
        "/trickle" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            std::future::pending().await
        }
        "/drip" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
                .await?;
            loop {
                stream.write_all(b".").await?;
                stream.flush().await?;
                sleep(Duration::from_millis(20)).await;
            }
        }
        "/endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 4096]).await?;
            }
        }
        path @ ("/ws" | "/ws-wrong" | "/ws-silent") if upgrades(&request) => {
            let key = header(&request, "sec-websocket-key");
            let salted = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
            let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, salted.as_bytes());
            let accept = match path {
                "/ws-wrong" => "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(),
                _ => STANDARD.encode(hash),
            };
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                 sec-websocket-accept: {accept}\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await?;
            // A greeting, and the close once the client said its own.
            stream.write_all(&[0x81, 2, b'h', b'i']).await?;
            let mut close = [0; 8];
            let read = stream.read_exact(&mut close).await;
            let told = match (read, close) {
                (Err(_), _) => "<end>",
                (Ok(_), [0x88, 0x82, ..]) => "<close>",
                (Ok(_), _) => "<data>",
            };
            received
                .lock()
                .expect("the lock")
                .extend_from_slice(told.as_bytes());
            if path != "/ws-silent" {
                stream.write_all(&[0x88, 2, 3, 0xe8]).await?;
            }
            return stream.shutdown().await;
        }
        _ => whole("404 Not Found", "", "no such path"),
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
