//! A PostgreSQL that answers as told (protocol 3.0, without TLS).

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::tcp::Server;

/// What goes wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing: any login, a standby, one row `(3, null)` for any statement.
    None,
    /// The login is answered by this SQLSTATE and message.
    Login(&'static str, &'static str),
    /// The statement is.
    Statement(&'static str, &'static str),
    /// The login is never answered.
    SilentLogin,
    /// The statement is never answered.
    SilentStatement,
    /// The connection ends in the middle of the login.
    CutLogin,
    /// The connection ends in the middle of a row.
    CutRow,
    /// Something that is not PostgreSQL answers.
    Garbage,
    /// The login asks for the password as it is; what comes of it is noted,
    /// and `<end>` when the client hangs up instead.
    Cleartext,
}

/// A server with that trouble. Notes `PROTOCOL TEXT` lines of what it is sent.
pub async fn with(trouble: Trouble) -> Server {
    Server::start(move |stream, received| async move {
        drop(serve(stream, &received, trouble).await);
    })
    .await
}

/// A server on that listener which asks at each login what its trouble is.
pub fn on(listener: TcpListener, trouble: impl Fn() -> Trouble + Send + Sync + 'static) -> Server {
    Server::on(listener, move |stream, received| {
        let trouble = trouble();
        async move {
            drop(serve(stream, &received, trouble).await);
        }
    })
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

fn error(code: &str, text: &str) -> Vec<u8> {
    message(
        b'E',
        format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0").as_bytes(),
    )
}

fn done(tag: &str) -> Vec<u8> {
    message(b'C', format!("{tag}\0").as_bytes())
}

/// Columns by name, type and whether binary.
fn columns(columns: &[(&str, u32, u16)]) -> Vec<u8> {
    let mut body = u16::try_from(columns.len())
        .expect("few")
        .to_be_bytes()
        .to_vec();
    for (name, oid, format) in columns {
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&[0; 7]);
        body.extend_from_slice(&oid.to_be_bytes());
        body.extend_from_slice(&[0, 4, 255, 255, 255, 255]);
        body.extend_from_slice(&format.to_be_bytes());
    }
    message(b'T', &body)
}

/// What a standby tells of itself to a role without rights: numbers and truth
/// values by column, nothing for the others.
const STATE: [(&str, f64); 9] = [
    ("connections", 45.0),
    ("connections_max", 100.0),
    ("connections_reserved", 10.0),
    ("replay_lag_bytes", 4096.0),
    ("replay_age_s", 2.5),
    ("transaction_id_age", 214_748_364.8),
    ("autovacuum_freeze_max_age", 2e8),
    ("database_bytes", 8_000_000.0),
    ("replay_paused", 0.0),
];

/// The columns of a statement about the server's state, and its row.
fn state(statement: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let names: Vec<&str> = statement
        .split(" AS ")
        .skip(1)
        .filter_map(|rest| rest.split([',', '\0']).next())
        .collect();
    let is_flag = |name: &str| name == "replay_paused" || name == "wal_streaming";
    let described: Vec<(&str, u32, u16)> = names
        .iter()
        .map(|&name| (name, if is_flag(name) { 16 } else { 701 }, 1))
        .collect();
    let mut row = u16::try_from(names.len()).ok()?.to_be_bytes().to_vec();
    for name in &names {
        match STATE.iter().find(|(known, _)| known == name) {
            Some((name, value)) if is_flag(name) => {
                row.extend_from_slice(&[0, 0, 0, 1, u8::from(*value != 0.0)]);
            }
            Some((_, value)) => {
                row.extend_from_slice(&8_u32.to_be_bytes());
                row.extend_from_slice(&value.to_be_bytes());
            }
            None => row.extend_from_slice(&[255; 4]),
        }
    }
    (!names.is_empty()).then(|| (columns(&described), message(b'D', &row)))
}

async fn serve(
    mut stream: TcpStream,
    received: &Arc<Mutex<Vec<u8>>>,
    trouble: Trouble,
) -> std::io::Result<()> {
    loop {
        let length = stream.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        stream.read_exact(&mut body).await?;
        match trouble {
            Trouble::Garbage => {
                stream
                    .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    .await?;
                return stream.shutdown().await;
            }
            Trouble::SilentLogin => std::future::pending::<()>().await,
            _ => {}
        }
        // A question for TLS comes before the login.
        if body == 80_877_103_u32.to_be_bytes() {
            stream.write_all(b"N").await?;
            continue;
        }
        received.lock().expect("the lock").extend_from_slice(&body);
        break;
    }
    match trouble {
        Trouble::Login(code, text) => {
            stream.write_all(&error(code, text)).await?;
            return stream.shutdown().await;
        }
        Trouble::CutLogin => {
            stream.write_all(&[b'R', 0, 0]).await?;
            return stream.shutdown().await;
        }
        _ => {}
    }
    if trouble == Trouble::Cleartext {
        stream.write_all(&message(b'R', &[0, 0, 0, 3])).await?;
        let mut password = vec![0; 5];
        if stream.read_exact(&mut password).await.is_err() {
            received
                .lock()
                .expect("the lock")
                .extend_from_slice(b"<end>");
            return Ok(());
        }
        let mut body = vec![0; usize::from(password[4]) - 4];
        stream.read_exact(&mut body).await?;
        received.lock().expect("the lock").extend_from_slice(&body);
    }
    let greeting = [
        message(b'R', &[0; 4]),
        message(b'S', b"server_version\x0016.1 (test)\0"),
        ready(),
    ];
    stream.write_all(&greeting.concat()).await?;
    let mut statement = String::new();
    loop {
        let kind = stream.read_u8().await?;
        let length = stream.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        stream.read_exact(&mut body).await?;
        let answer = match kind {
            b'Q' => {
                received.lock().expect("the lock").extend_from_slice(&body);
                if body.starts_with(b"SET LOCAL") {
                    let row = message(b'D', &[0, 1, 0, 0, 0, 1, b't']);
                    [
                        done("SET"),
                        columns(&[("pg_is_in_recovery", 16, 0)]),
                        row,
                        done("SELECT 1"),
                        ready(),
                    ]
                    .concat()
                } else {
                    [done("BEGIN"), ready()].concat()
                }
            }
            b'P' => {
                received.lock().expect("the lock").extend_from_slice(&body);
                statement = String::from_utf8_lossy(&body).into_owned();
                match trouble {
                    Trouble::SilentStatement => std::future::pending().await,
                    Trouble::Statement(code, text) => {
                        stream.write_all(&error(code, text)).await?;
                        return stream.shutdown().await;
                    }
                    _ => message(b'1', &[]),
                }
            }
            b'B' => message(b'2', &[]),
            b'D' => {
                let described = state(&statement).map_or_else(
                    || columns(&[("depth", 23, 1), ("nothing", 23, 1)]),
                    |(columns, _)| columns,
                );
                [message(b't', &[0, 0]), described].concat()
            }
            b'E' => {
                let row = message(b'D', &[0, 2, 0, 0, 0, 4, 0, 0, 0, 3, 255, 255, 255, 255]);
                let row = state(&statement).map_or(row, |(_, row)| row);
                if trouble == Trouble::CutRow {
                    stream.write_all(&row[..9]).await?;
                    return stream.shutdown().await;
                }
                [row, done("SELECT 1")].concat()
            }
            b'C' => message(b'3', &[]),
            b'X' => return Ok(()),
            _ => ready(),
        };
        stream.write_all(&answer).await?;
    }
}
