//! A Redis that answers as told.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::tcp::Server;

/// What comes back for a command.
#[derive(Debug, Clone, Copy)]
pub enum Say {
    /// What a healthy master with the password `hunter22` says.
    Usual,
    /// These bytes.
    Bytes(&'static str),
    /// This text, as INFO is answered.
    Text(&'static str),
    /// Nothing, ever.
    Hang,
    /// These bytes, and the connection ends.
    Cut(&'static str),
}

/// A server that says `say` to commands that begin with `word`, else the usual.
pub async fn saying(word: &'static str, say: Say) -> Server {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port");
    on(listener, move |command| {
        if command.starts_with(word) {
            say
        } else {
            Say::Usual
        }
    })
}

/// A server on that listener which asks for each command what to say.
pub fn on(listener: TcpListener, say: impl Fn(&str) -> Say + Send + Sync + 'static) -> Server {
    let say = Arc::new(say);
    Server::on(listener, move |stream, received| {
        let say = Arc::clone(&say);
        async move { serve(stream, &received, &*say).await }
    })
}

/// The usual server behind TLS.
pub async fn behind(acceptor: TlsAcceptor) -> Server {
    Server::start(move |stream, received| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, &received, &|_: &str| Say::Usual).await;
            }
        }
    })
    .await
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    received: &Mutex<Vec<u8>>,
    say: &(impl Fn(&str) -> Say + Sync),
) {
    let mut stream = BufReader::new(stream);
    while let Some(words) = read_command(&mut stream).await {
        let command = words.join(" ");
        received
            .lock()
            .expect("the lock")
            .extend_from_slice(format!("{command}\n").as_bytes());
        let (bytes, cut) = match say(&command) {
            Say::Usual => (usual(&words), false),
            Say::Bytes(bytes) => (bytes.to_owned(), false),
            Say::Text(text) => (bulk(text), false),
            Say::Cut(bytes) => (bytes.to_owned(), true),
            Say::Hang => std::future::pending().await,
        };
        if stream.write_all(bytes.as_bytes()).await.is_err() || cut {
            break;
        }
    }
    drop(stream.shutdown().await);
}

async fn read_command(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Vec<String>> {
    let count = number(stream, '*').await?;
    let mut words = Vec::new();
    for _ in 0..count {
        let length = number(stream, '$').await?;
        let mut word = vec![0; length + 2];
        stream.read_exact(&mut word).await.ok()?;
        word.truncate(length);
        words.push(String::from_utf8(word).ok()?);
    }
    Some(words)
}

async fn number(stream: &mut (impl AsyncBufRead + Unpin), mark: char) -> Option<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.trim_end().strip_prefix(mark)?.parse().ok()
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn usual(words: &[String]) -> String {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["PING"] => "+PONG\r\n".to_owned(),
        ["AUTH", .., "hunter22"] | ["SELECT", _] => "+OK\r\n".to_owned(),
        ["AUTH", ..] => {
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n".to_owned()
        }
        ["INFO"] => bulk(
            "# Server\r\nredis_version:7.2.4\r\nuptime_in_seconds:60\r\n# Persistence\r\nloading:0\r\n\
             rdb_last_bgsave_status:ok\r\naof_enabled:1\r\naof_last_write_status:err\r\n# Replication\r\n\
             role:slave\r\nmaster_link_status:down\r\nconnected_slaves:0\r\nused_memory:1024\r\nmaxmemory:0\r\n\
             connected_clients:2\r\n",
        ),
        ["COMMAND", "INFO", names @ ..] => {
            let entries = names.iter().map(|name| match name.to_lowercase().as_str() {
                "get" => "*3\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n",
                "type" | "pttl" | "hgetall" => "*3\r\n$4\r\nread\r\n:2\r\n*1\r\n+readonly\r\n",
                "set" => "*3\r\n$3\r\nset\r\n:-3\r\n*1\r\n+write\r\n",
                // As Redis 7 has them: nothing is known of the container.
                "memory" => "*3\r\n$6\r\nmemory\r\n:-2\r\n*0\r\n",
                "memory|usage" => "*3\r\n$12\r\nmemory|usage\r\n:-3\r\n*1\r\n+readonly\r\n",
                _ => "*-1\r\n",
            });
            format!("*{}\r\n{}", names.len(), entries.collect::<String>())
        }
        ["TYPE", "nothing"] => "+none\r\n".to_owned(),
        ["TYPE", "state"] => "+hash\r\n".to_owned(),
        ["TYPE", _] => "+string\r\n".to_owned(),
        ["PTTL", "nothing"] => ":-2\r\n".to_owned(),
        ["PTTL", "state"] => ":-1\r\n".to_owned(),
        ["PTTL", _] => ":1500\r\n".to_owned(),
        ["HGETALL", "state"] => "*2\r\n$5\r\nqueue\r\n$1\r\n3\r\n".to_owned(),
        ["GET", _] => bulk("value"),
        ["MEMORY", "USAGE", _] => ":56\r\n".to_owned(),
        _ => "-ERR unknown command\r\n".to_owned(),
    }
}
