//! Hosts and servers that mean harm: what they say reaches no terminal as it
//! is, and however much they say, it is cut off early and fills no memory.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::desk::{Desk, Ran, checks, end};
use crate::servers::postgres::{self, Trouble};
use crate::servers::ssh::{self, Answer, Greeting, Script};
use crate::servers::tcp;
use crate::servers::tls::{self, Shows};
use crate::servers::{dns, ssh as server};

/// Clears the screen, paints, sets the title, makes a link, fills the clipboard,
/// does it again by C1, turns the order of letters around, hides some, goes back
/// to the line's begin, and leaves marks between words that make up a test.
const EVIL: &str = "bad\u{1b}[2J\u{1b}[31m\u{1b}]0;title\u{7}\u{1b}]8;;http://evil.test\u{1b}\\link\u{1b}]52;c;aGk=\u{7}\u{9b}31m\u{9d}0;x\u{9c}\u{202e}gnp\u{2066}a\u{2069}\u{200b}\u{200f}\rover\twrite\u{b}\u{c}\u{7f}\u{feff}\u{ad}\u{85}\u{2028}done";

/// The same, and what is no UTF-8.
fn evil() -> Vec<u8> {
    [EVIL.as_bytes(), b"\xff\xc3(\xed\xa0\x80\x9b2J\0end"].concat()
}

/// The characters that a terminal acts on or that hide others, but for line ends.
fn harmful(text: &str) -> Vec<char> {
    let acts = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(u32::from(*c),
                0xad | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff)
    };
    text.chars().filter(acts).collect()
}

fn assert_harmless(what: &str, text: &str) {
    assert_eq!(harmful(text), [] as [char; 0], "{what}: {text:?}");
}

/// A server that waits for the first bytes and answers these.
async fn says(bytes: &[&[u8]]) -> tcp::Server {
    tcp::Server::says(bytes.concat()).await
}

struct Liars {
    host: ssh::Server,
    shut: ssh::Server,
    stranger: ssh::Server,
    servers: Vec<(&'static str, tcp::Server)>,
    dns: dns::Server,
}

impl Liars {
    async fn up(desk: &Desk) -> Self {
        let accepted = desk.home.key.public_key();
        let mut host = Script::new(accepted, |command| {
            let clean = evil()
                .into_iter()
                .filter(|byte| *byte != b'\n')
                .collect::<Vec<_>>();
            let (stdout, status) = match command.split(' ').next() {
                Some("systemctl") if command.contains("list-units") => (
                    [
                        "bad.service".as_bytes(),
                        &clean,
                        b".service loaded failed failed ",
                        &clean,
                        b"\n",
                    ]
                    .concat(),
                    0,
                ),
                Some("systemctl") => (
                    [
                        b"Id=cron.service\nNames=cron.service\nLoadState=loaded\nActiveState=",
                        &clean[..],
                        b"\nSubState=",
                        &clean,
                        b"\n",
                    ]
                    .concat(),
                    0,
                ),
                Some("stat") => (b"40,1780656000,644,root,regular file\n".to_vec(), 0),
                Some("uptime") => (evil(), 3),
                _ => (evil(), 0),
            };
            Answer::Exit {
                stdout,
                stderr: evil(),
                status,
            }
        });
        host.noise = evil();
        host.auth_banner = Some(EVIL.to_owned());
        let mut shut = Script::new(accepted, |_| Answer::Refuse);
        shut.greeting = Greeting::Bytes([&evil()[..], b"\r\n"].concat());
        let mut stranger = Script::new(server::new_key().public_key(), |_| Answer::Refuse);
        stranger.auth_banner = Some(EVIL.to_owned());
        let (host, shut, stranger) = (
            ssh::Server::start(host).await,
            ssh::Server::start(shut).await,
            ssh::Server::start(stranger).await,
        );
        desk.home.trust(&[&host, &shut, &stranger]);
        let evil = &evil()[..];
        let line: Vec<u8> = evil
            .iter()
            .copied()
            .filter(|byte| !b"\r\n\0\x0b\x0c".contains(byte))
            .collect();
        let obs: Vec<u8> = line
            .iter()
            .copied()
            .filter(|byte| *byte >= 0x20 && *byte != 0x7f)
            .collect();
        let length = evil.len().to_string();
        let bulk = [b"$", length.as_bytes(), b"\r\n", evil, b"\r\n"].concat();
        let text = serde_json::to_string(EVIL).expect("JSON");
        let servers = vec![
            (
                "body",
                says(&[
                    b"HTTP/1.1 500 No\r\ncontent-length: ",
                    length.as_bytes(),
                    b"\r\nx-mark: ",
                    &obs,
                    b"\r\n\r\n",
                    evil,
                ])
                .await,
            ),
            (
                "json",
                says(&[
                    b"HTTP/1.1 200 OK\r\n\r\n{",
                    text.as_bytes(),
                    b":",
                    text.as_bytes(),
                    b"}",
                ])
                .await,
            ),
            (
                "location",
                says(&[
                    b"HTTP/1.1 302 Go\r\ncontent-length: 0\r\nlocation: http://",
                    &obs,
                    b"/\r\n\r\n",
                ])
                .await,
            ),
            ("garbage", says(&[&line, b"\r\n\r\n"]).await),
            ("denied", says(&[b"-ERR ", &line, b"\r\n$0\r\n\r\n"]).await),
            ("reply", says(&[b"+PONG\r\n", &bulk, &bulk, &bulk]).await),
            ("login", postgres::with(Trouble::Login("28P01", EVIL)).await),
            (
                "statement",
                postgres::with(Trouble::Statement("XX000", EVIL)).await,
            ),
            (
                "mail",
                tcp::Server::start(|mut stream, _| async move {
                    drop(
                        stream
                            .write_all(&[b"554 ", EVIL.as_bytes(), b"\r\n"].concat())
                            .await,
                    );
                    drop(stream.shutdown().await);
                })
                .await,
            ),
            ("certificate", {
                let (acceptor, _) = tls::acceptor(Shows::Hostile);
                tcp::Server::start(move |stream, _| {
                    let acceptor = acceptor.clone();
                    async move { drop(acceptor.accept(stream).await) }
                })
                .await
            }),
        ];
        let dns = dns::start(std::net::Ipv4Addr::LOCALHOST).await;
        Self {
            host,
            shut,
            stranger,
            servers,
            dns,
        }
    }

    fn port(&self, name: &str) -> u16 {
        let found = self.servers.iter().find(|(known, _)| *known == name);
        found.expect("a server").1.address.port()
    }

    fn baseline(&self) -> String {
        let mut text = format!(
            "\
version: 1
name: hostile
hosts:
  host: {{ address: 127.0.0.1, ssh: {{ user: checker, port: {} }} }}
  shut: {{ address: 127.0.0.1, ssh: {{ user: checker, port: {} }} }}
  stranger: {{ address: 127.0.0.1, ssh: {{ user: checker, port: {} }} }}
defaults: {{ timeout: 20s, connect_timeout: 20s, retry: {{ attempts: 1 }} }}
phases:
  P0:
    checks:
      ssh: {{ on: all, ssh: {{}} }}
      status: {{ on: host, command: {{ run: uptime }}, require: stdout == 'well', prefer: stderr == 'well' }}
      no-json: {{ on: host, command: {{ run: docker inspect x, json: true }}, require: json.a == 1 }}
      unit: {{ on: host, systemd: {{ unit: cron, failed: true }} }}
      file: {{ on: host, file: {{ path: /etc/hosts, content: true }}, require: content == 'well' }}
      textfile: {{ on: host, textfile: {{ path: /tmp/a.prom }} }}
      crontab: {{ on: host, crontab: {{ entries: [backup] }} }}
      port: {{ on: host, port: {{ port: 22 }} }}
      process: {{ on: host, process: {{ name: cron }} }}
      disk: {{ on: host, disk: {{}} }}
      pem: {{ on: host, certificate: {{ path: /etc/ssl/a.pem }} }}
      text: {{ dns: {{ name: hostile.test, type: TXT, servers: [\"{}\"] }}, require: \"records == ['well']\" }}
",
            self.host.address.port(),
            self.shut.address.port(),
            self.stranger.address.port(),
            self.dns.address,
        );
        for (name, expected) in [
            ("body", "body == 'well'"),
            ("json", "json.a == 1"),
            ("location", "status == 200"),
            ("garbage", "status == 200"),
        ] {
            writeln!(text, "      {name}: {{ http: {{ url: \"http://127.0.0.1:{}/\" }}, require: \"{expected}\", prefer: \"headers['x-mark'] == 'well'\" }}", self.port(name)).expect("text");
        }
        for name in ["denied", "reply"] {
            writeln!(text, "      {name}: {{ redis: {{ address: 127.0.0.1, port: {} }}, require: role == 'master' }}", self.port(name)).expect("text");
        }
        for name in ["login", "statement"] {
            writeln!(text, "      {name}: {{ postgres: {{ url: \"postgres://checker@127.0.0.1:{}/kine?sslmode=disable\", query: SELECT 1 }} }}", self.port(name)).expect("text");
        }
        writeln!(
            text,
            "      mail: {{ tls: {{ address: 127.0.0.1, port: {}, starttls: smtp }} }}",
            self.port("mail")
        )
        .expect("text");
        writeln!(text, "      certificate: {{ tls: {{ address: 127.0.0.1, port: {} }}, require: \"names == ['well']\" }}", self.port("certificate")).expect("text");
        text
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_host_says_acts_on_a_terminal() {
    let desk = Desk::new();
    let liars = Liars::up(&desk).await;
    let baseline = liars.baseline();
    for args in [
        &[][..],
        &["-v"],
        &["-v", "--progress", "lines"],
        &["-v", "--ascii"],
        &["--json"],
        &["--keep-going", "--audit", "audit"],
    ] {
        let ran = desk.check(&baseline, args).await;
        assert_eq!(ran.code, Some(2), "{args:?} {ran:#?}");
        assert_harmless(&format!("stdout of {args:?}"), &ran.stdout);
        assert_harmless(&format!("stderr of {args:?}"), &ran.stderr);
        if args.contains(&"-v") {
            // It was said, so it has to be told.
            assert!(ran.stdout.contains(r"\u{1b}"), "{}", ran.stdout);
            assert!(ran.stdout.contains(r"\u{202e}"), "{}", ran.stdout);
        }
    }
    let audit = std::fs::read_to_string(desk.folder().join("audit")).expect("an audit");
    assert_harmless("the audit", &audit);
    assert_each_told(&desk.check(&baseline, &["--json"]).await);
}

/// Each liar was heard: otherwise it would be no wonder that nothing of it is shown.
fn assert_each_told(ran: &Ran) {
    let card = ran.json();
    let untold: Vec<&str> = checks(&card)
        .into_iter()
        .filter(|check| !check.to_string().contains("gnp"))
        .map(|check| check["id"].as_str().expect("an id"))
        .collect();
    // What cannot be read is not always repeated: it is no table, no JSON, no certificate.
    assert_eq!(untold, UNTOLD, "{card:#}");
    assert!(ran.stdout.contains(r"\u001b"), "{}", ran.stdout);
    assert!(ran.stdout.contains(r"\u202e"), "{}", ran.stdout);
}

const UNTOLD: &[&str] = &[
    "ssh@host",
    "no-json@host",
    "textfile@host",
    "crontab@host",
    "process@host",
    "pem@host",
    "garbage",
];

const GIGABYTE: u64 = 1 << 30;
/// What a debug build of the program may take, whatever it is told.
const MOST_MEMORY: u64 = 96 << 20;
/// What may be on its way when it hangs up: buffers of the kernel at both ends.
const MOST_TAKEN: u64 = 48 << 20;

/// A server that says `begin` when it is asked, `turns` times, and then pours a
/// gigabyte of `x`, as much of it as is taken from it.
struct Flood {
    server: tcp::Server,
    taken: Arc<AtomicU64>,
}

impl Flood {
    async fn up(turns: Vec<Vec<u8>>) -> Self {
        let taken = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&taken);
        let server = tcp::Server::start(move |mut stream, _| {
            let (turns, counter) = (turns.clone(), Arc::clone(&counter));
            async move {
                let mut asked = [0; 4096];
                for turn in turns {
                    if !matches!(stream.read(&mut asked).await, Ok(1..)) {
                        return;
                    }
                    if stream.write_all(&turn).await.is_err() {
                        return;
                    }
                }
                let chunk = vec![b'x'; 64 << 10];
                while counter.load(Ordering::SeqCst) < GIGABYTE
                    && stream.write_all(&chunk).await.is_ok()
                {
                    counter.fetch_add(chunk.len() as u64, Ordering::SeqCst);
                }
            }
        })
        .await;
        Self { server, taken }
    }

    fn port(&self) -> u16 {
        self.server.address.port()
    }
}

fn turn(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

/// A login that succeeds, the start of a transaction, and a row without end.
fn postgres_row() -> Vec<Vec<u8>> {
    let ready = b"Z\0\0\0\x05T";
    let text = [
        &b"T\0\0\0\x1a\0\x01d\0"[..],
        &[0; 6],
        &25_u32.to_be_bytes(),
        &[255, 255, 255, 255, 255, 255, 0, 1],
    ]
    .concat();
    let length = u32::try_from(GIGABYTE).expect("it fits");
    vec![
        [&b"R\0\0\0\x08\0\0\0\0"[..], ready].concat(),
        [&b"C\0\0\0\x0aBEGIN\0"[..], ready].concat(),
        [
            &b"C\0\0\0\x08SET\0T\0\0\0\x1a\0\x01r\0"[..],
            &[0; 6],
            &16_u32.to_be_bytes(),
            &[0, 1, 255, 255, 255, 255, 0, 0],
            b"D\0\0\0\x0b\0\x01\0\0\0\x01fC\0\0\0\x0dSELECT 1\0",
            ready,
        ]
        .concat(),
        [&b"1\0\0\0\x04t\0\0\0\x06\0\0"[..], &text, ready].concat(),
        [
            &b"2\0\0\0\x04D"[..],
            &(length + 10).to_be_bytes(),
            b"\0\x01",
            &length.to_be_bytes(),
        ]
        .concat(),
    ]
}

/// The most memory that a process that runs has had so far, in bytes.
fn high_water(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes << 10)
}

/// Runs the program and watches its memory until it ends.
async fn watched(desk: &Desk, baseline: &str, args: &[&str]) -> (Ran, u64) {
    let child = desk.start(baseline, args);
    let id = child.id().expect("it has not ended");
    let running = tokio::spawn(end(child));
    let mut most = 0;
    while !running.is_finished() {
        most = most.max(high_water(id).unwrap_or(0));
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    (running.await.expect("an end"), most)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_is_cut_off_early_and_fills_no_memory() {
    let desk = Desk::new();
    let host = Script::new(desk.home.key.public_key(), |_| Answer::Pours(GIGABYTE));
    let host = ssh::Server::start(host).await;
    desk.home.trust(&[&host]);
    let file = desk.folder().join("sparse");
    let sparse = std::fs::File::create(&file).expect("a file");
    sparse.set_len(GIGABYTE).expect("a sparse file");
    let tls = "tls: { address: 127.0.0.1, port: PORT, starttls: smtp }";
    let floods = [
        (
            "body",
            "http: { url: \"http://127.0.0.1:PORT/\" }",
            vec![turn(
                b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n",
            )],
        ),
        (
            "chunked",
            "http: { url: \"http://127.0.0.1:PORT/\" }",
            vec![turn(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40000000\r\n",
            )],
        ),
        (
            "header",
            "http: { url: \"http://127.0.0.1:PORT/\" }",
            vec![turn(b"HTTP/1.1 200 OK\r\nx-a: ")],
        ),
        (
            "bulk",
            "redis: { address: 127.0.0.1, port: PORT }",
            vec![turn(b"+PONG\r\n$1073741824\r\n")],
        ),
        (
            "line",
            "redis: { address: 127.0.0.1, port: PORT }",
            vec![turn(b"+")],
        ),
        (
            "row",
            "postgres: { url: \"postgres://u@127.0.0.1:PORT/d?sslmode=disable\", query: SELECT 1 }",
            postgres_row(),
        ),
        (
            "error",
            "postgres: { url: \"postgres://u@127.0.0.1:PORT/d?sslmode=disable\" }",
            vec![turn(b"E\x40\0\0\0SFATAL\0C28P01\0M")],
        ),
        ("smtp", tls, Vec::new()),
        (
            "record",
            "tls: { address: 127.0.0.1, port: PORT }",
            vec![turn(b"\x16\x03\x03\x40\0\x02\xff\xff\xff")],
        ),
    ];
    let mut checks_of = String::new();
    let mut servers = Vec::new();
    for (name, check, turns) in floods {
        let flood = Flood::up(turns).await;
        let check = check.replace("PORT", &flood.port().to_string());
        writeln!(checks_of, "      {name}: {{ title: it ends, {check} }}").expect("text");
        servers.push((name, flood));
    }
    let greeting = Flood::up(Vec::new()).await;
    let baseline = format!(
        "\
version: 1
name: floods
hosts:
  host: {{ address: 127.0.0.1, ssh: {{ user: checker, port: {} }} }}
  greeting: {{ address: 127.0.0.1, ssh: {{ user: checker, port: {} }} }}
  here: {{ local: true }}
defaults: {{ timeout: 60s, connect_timeout: 60s, retry: {{ attempts: 1 }} }}
phases:
  P0:
    checks:
      stdout: {{ on: host, command: {{ run: docker ps }} }}
      greeting: {{ on: greeting, ssh: {{}} }}
      local: {{ on: here, command: {{ run: [cat, {}] }} }}
{checks_of}",
        host.address.port(),
        greeting.port(),
        file.display(),
    );
    servers.push(("greeting", greeting));
    let (ran, most) = watched(&desk, &baseline, &["--json"]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stdout.len() < 4 << 20,
        "{} bytes of card",
        ran.stdout.len()
    );
    let card = ran.json();
    for check in checks(&card) {
        // Nothing waited for the end of its time.
        assert_ne!(check["fault"]["kind"], "timed_out", "{check:#}");
        assert_ne!(check["fault"]["kind"], "internal", "{check:#}");
    }
    let row = checks(&card).into_iter().find(|check| check["id"] == "row");
    let seen = row.expect("the row")["fault"]["seen"].to_string();
    assert!(seen.contains("more than the 8 MiB"), "{seen}");
    assert!(
        most > 0 && most < MOST_MEMORY,
        "{} MiB of memory",
        most >> 20
    );
    for (name, flood) in servers {
        let taken = flood.taken.load(Ordering::SeqCst);
        assert!(taken < MOST_TAKEN, "{name}: {} MiB were taken", taken >> 20);
    }
    let poured = host.log.poured() as u64;
    assert!(
        poured > 0 && poured < MOST_TAKEN,
        "{} MiB were taken",
        poured >> 20
    );
}
