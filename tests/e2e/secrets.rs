//! Secrets reach the servers and nobody else, also when a server repeats them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::desk::{Desk, Ran};
use crate::servers::postgres::{self, Trouble};
use crate::servers::redis::{self, Say};
use crate::servers::ssh::{self, Answer, Greeting, Script, Server};
use crate::servers::{http, tcp};

const TOKEN: &str = "tok-Zebra-7719";
const REDIS: &str = "redis-Kiwi-5521";
const POSTGRES: &str = "pg-Otter-8834";

struct Echoes {
    http: tcp::Server,
    redis: tcp::Server,
    postgres: tcp::Server,
}

impl Echoes {
    /// Servers that put what they were sent into what they answer.
    async fn up() -> Self {
        Self {
            http: http::plain().await,
            redis: redis::saying(
                "AUTH",
                Say::Bytes("-ERR no such password: redis-Kiwi-5521\r\n"),
            )
            .await,
            postgres: postgres::with(Trouble::Login(
                "28P01",
                "you cannot log in with pg-Otter-8834",
            ))
            .await,
        }
    }

    fn baseline(&self, desk: &Desk) -> String {
        let file = desk.write("redis-password", &format!("{REDIS}\n"));
        format!(
            "\
version: 1
name: secrets
defaults: {{ timeout: 30s, connect_timeout: 30s, retry: {{ attempts: 1 }} }}
phases:
  P0:
    checks:
      passes:
        http:
          url: http://{http}/echo
          headers: {{ authorization: {{ secret: env:API_TOKEN, prefix: \"Bearer \" }} }}
      fails:
        http:
          url: http://{http}/echo
          headers: {{ x-token: {{ secret: env:API_TOKEN }} }}
        require: body == 'nothing'
      warns:
        http: {{ url: \"http://{http}/echo\", headers: {{ cookie: {{ secret: env:API_TOKEN, prefix: \"a=\" }} }} }}
        prefer: json.status == 'ready'
      redis:
        redis: {{ address: 127.0.0.1, port: {redis}, password: \"file:{file}\" }}
      postgres:
        postgres: {{ url: \"postgres://checker@127.0.0.1:{postgres}/kine?sslmode=disable\", password: env:PG_PASSWORD }}
",
            http = self.http.address,
            redis = self.redis.address.port(),
            postgres = self.postgres.address.port(),
            file = file.display(),
        )
    }
}

fn assert_no_secret(what: &str, text: &str) {
    for secret in [TOKEN, REDIS, POSTGRES] {
        assert!(!text.contains(secret), "{secret} in {what}: {text}");
    }
}

fn assert_none_told(args: &[&str], ran: &Ran) {
    assert_no_secret(&format!("stdout of {args:?}"), &ran.stdout);
    assert_no_secret(&format!("stderr of {args:?}"), &ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_tells_a_secret() {
    let desk = Desk::new()
        .env("API_TOKEN", TOKEN)
        .env("PG_PASSWORD", POSTGRES);
    let echoes = Echoes::up().await;
    desk.write("baseline.yml", &echoes.baseline(&desk));
    let baseline = ["-b", "baseline.yml"];
    for (args, code) in [
        (
            &["check", "-v", "--audit", "audit", "--progress", "lines"][..],
            2,
        ),
        (&["check", "--json", "--audit", "audit"], 2),
        (&["check", "--evidence", "evidence"], 2),
        (&["check", "--report", "junit"], 2),
        (&["check", "--report", "markdown"], 2),
        (&["check", "--report", "html"], 2),
        (&["check", "--report", "prometheus"], 2),
        (&["check", "--report", "nagios"], 2),
        (&["check", "--report", "github"], 2),
        (&["check", "--report", "tap"], 2),
        (&["plan"], 0),
        (&["plan", "--json"], 0),
        (&["validate"], 0),
        (&["validate", "--json"], 0),
        (&["graph", "--format", "json"], 0),
        (&["explain", "redis"], 0),
    ] {
        let args = [args, &baseline].concat();
        let ran = desk.run(&args).await;
        assert_eq!(ran.code, Some(code), "{ran:#?}");
        assert_none_told(&args, &ran);
        if args.contains(&"-v") {
            // What the servers repeated is told, but for the secret.
            for told in [
                "authorization: Bearer ***",
                "x-token: ***",
                "no such password: ***",
                "you cannot log in with ***",
            ] {
                let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(flat.contains(told), "{told} in {flat}");
            }
        }
    }
    let mut kept = 0;
    for run in std::fs::read_dir(desk.folder().join("evidence")).expect("evidence") {
        for file in std::fs::read_dir(run.expect("a run").path()).expect("a folder") {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
            assert_no_secret("the evidence", &text);
            kept += usize::from(text.contains("***"));
        }
    }
    assert!(kept >= 5, "{kept} files tell what was sent");
    let audit = std::fs::read_to_string(desk.folder().join("audit")).expect("an audit");
    assert!(audit.contains("AUTH ***"), "{audit}");
    assert_no_secret("the audit", &audit);
    // They were used all the same.
    assert!(echoes.http.received().contains(&format!("Bearer {TOKEN}")));
    assert!(echoes.redis.received().contains(&format!("AUTH {REDIS}")));
}

/// As a program folds a long line of Base64, or a mail header.
fn folded(text: &str, end: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let lines: Vec<String> = letters
        .chunks(5)
        .map(|line| line.iter().collect())
        .collect();
    lines.join(end)
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// The token in the spellings in which a server gives it back; `Bearer` makes
/// Base64 of it begin in the middle of its three bytes.
fn spellings() -> Vec<String> {
    let base64 = base64(TOKEN.as_bytes());
    let login = base64_of_login();
    vec![
        TOKEN.to_owned(),
        base64.clone(),
        login.clone(),
        percent(TOKEN),
        folded(TOKEN, "\n"),
        folded(TOKEN, "\r\n\t"),
        folded(&base64, "\n"),
        folded(&login, "\r\n "),
    ]
}

fn base64_of_login() -> String {
    base64(format!("checker:{TOKEN}").as_bytes())
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut bits = 0_usize;
        for place in 0..3 {
            bits = bits << 8 | usize::from(chunk.get(place).copied().unwrap_or(0));
        }
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(char::from(LETTERS[bits >> (18 - 6 * place) & 63]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// Whatever a reader could put together to the token again: its halves in a
/// row, across blanks and line ends, as they are and from Base64.
fn assert_not_told(what: &str, text: &str) {
    let joined: String = text
        .replace("\\n", "")
        .replace("\\r", "")
        .replace("\\t", "")
        .split_whitespace()
        .collect();
    let inner = base64(TOKEN.as_bytes());
    let login = base64_of_login();
    for spelling in [
        TOKEN,
        inner.trim_end_matches('='),
        &login[12..24],
        &percent(TOKEN),
    ] {
        assert!(!joined.contains(spelling), "{spelling} in {what}: {text}");
    }
}

/// A server that answers one request by these pieces, each a packet of its own.
async fn in_pieces(pieces: Vec<Vec<u8>>) -> tcp::Server {
    tcp::Server::start(move |mut stream, _| {
        let pieces = pieces.clone();
        async move {
            let mut request = [0; 4096];
            drop(stream.set_nodelay(true));
            if let Ok(1..) = stream.read(&mut request).await {
                for piece in pieces {
                    drop(stream.write_all(&piece).await);
                    tokio::task::yield_now().await;
                }
                drop(stream.shutdown().await);
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_in_any_spelling_is_scrubbed() {
    let desk = Desk::new().env("API_TOKEN", TOKEN);
    let all = spellings().join(" and ");
    let printed = all.clone();
    let mut script = Script::new(desk.home.key.public_key(), move |_| Answer::Exit {
        stdout: printed.clone().into_bytes(),
        stderr: printed.clone().into_bytes(),
        status: 0,
    });
    script.auth_banner = Some(all.clone());
    let host = Server::start(script).await;
    let mut stranger = Script::new(ssh::new_key().public_key(), |_| Answer::Refuse);
    stranger.auth_banner = Some(all.clone());
    let stranger = Server::start(stranger).await;
    let mut shut = Script::new(desk.home.key.public_key(), |_| Answer::Refuse);
    shut.greeting = Greeting::Bytes(format!("{TOKEN}\r\n").into_bytes());
    let shut = Server::start(shut).await;
    desk.home.trust(&[&host, &stranger, &shut]);
    // The body in chunks of three bytes.
    let mut chunked = vec![b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()];
    for part in all.as_bytes().chunks(3) {
        chunked.push([format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat());
    }
    chunked.push(b"0\r\n\r\n".to_vec());
    let body = in_pieces(chunked).await;
    let (plain, escaped) = (TOKEN, percent(TOKEN));
    let location = in_pieces(vec![format!(
        "HTTP/1.1 302 Go\r\ncontent-length: 0\r\nx-again: {}\r\nlocation: http://127.0.0.1:1/{plain}?a={escaped}&b={}\r\n\r\n",
        base64_of_login(),
        base64(TOKEN.as_bytes()),
    ).into_bytes()]).await;
    let garbage = in_pieces(vec![format!("{TOKEN} {TOKEN}\r\n\r\n").into_bytes()]).await;
    let error = postgres::with(Trouble::Statement(
        "XX000",
        "no row for tok-Zebra-7719 nor dG9rLVplYnJhLTc3MTk=",
    ))
    .await;
    let json = in_pieces(vec![
        b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        format!(
            "{{\"{TOKEN}\": [\"\\u0074ok-Zebra\\u002d7719\", {{\"a\": \"{}\"}}]}}",
            base64_of_login()
        )
        .into_bytes(),
    ])
    .await;
    let http = |server: &tcp::Server| {
        format!(
            "http: {{ url: \"http://{}/\", headers: {{ authorization: {{ secret: env:API_TOKEN }} }} }}",
            server.address
        )
    };
    let baseline = format!(
        "\
version: 1
name: echoes
hosts:
  host: {{ address: 127.0.0.1, ssh: {{ user: checker, port: {} }} }}
  stranger: {{ address: 127.0.0.1, ssh: {{ user: checker, port: {} }} }}
  shut: {{ address: 127.0.0.1, ssh: {{ user: checker, port: {} }} }}
defaults: {{ timeout: 30s, connect_timeout: 30s, retry: {{ attempts: 1 }} }}
phases:
  P0:
    checks:
      ssh: {{ on: all, ssh: {{}} }}
      stdout: {{ on: host, command: {{ run: uptime }}, require: \"stdout == 'no' || stderr == 'no'\" }}
      no-json: {{ on: host, command: {{ run: docker ps, json: true }} }}
      file: {{ on: host, systemd: {{ unit: cron }} }}
      body: {{ {}, require: body == 'no' }}
      json: {{ {}, require: json.a == 1 }}
      followed: {{ {} }}
      location: {{ {}, require: \"redirected_to == 'no' || headers['x-again'] == 'no'\" }}
      garbage: {{ {} }}
      error: {{ postgres: {{ url: \"postgres://checker@127.0.0.1:{}/kine?sslmode=disable\", query: SELECT 1 }} }}
",
        host.address.port(),
        stranger.address.port(),
        shut.address.port(),
        http(&body),
        http(&json),
        http(&location).replace("headers:", "redirects: 2, headers:"),
        http(&location),
        http(&garbage),
        error.address.port(),
    );
    for args in [
        &["-v", "--progress", "lines", "--audit", "audit"][..],
        &["--json", "--audit", "audit"],
        &["--ascii", "--audit", "audit"],
    ] {
        let ran = desk.check(&baseline, args).await;
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        assert_not_told(&format!("stdout of {args:?}"), &ran.stdout);
        assert_not_told(&format!("stderr of {args:?}"), &ran.stderr);
        let told = ran.stdout.matches("***").count();
        assert!(told > 3, "{told} in {}", ran.stdout);
    }
    let audit = std::fs::read_to_string(desk.folder().join("audit")).expect("an audit");
    assert_not_told("the audit", &audit);
}
