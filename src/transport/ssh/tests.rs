//! Against the stand-in server: every way a connection or a command can go.

use std::collections::BTreeSet;
use std::sync::Mutex as StdMutex;
use std::time::Duration;

use futures_util::future::join_all;
use rstest::rstest;
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey};

use super::*;
use crate::servers::ssh::{Answer, Greeting, Home, Script, Server, new_key, private};
use crate::servers::tcp::closed_port;
use crate::transport::audit::Audit;
use crate::transport::capture::Limits;
use crate::transport::command::{Exit, Output, Policy, ReadOnlyCommand, Values, Variable};
use crate::transport::{ConnectionKey, FaultKind, SshSettings};

/// What one test has: an operator's home, an audit, and the connections.
struct Desk {
    home: Home,
    audit: Audit,
    written: Arc<StdMutex<Vec<u8>>>,
    pool: SshPool,
}

#[derive(Clone, Default)]
struct Shared(Arc<StdMutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Desk {
    fn new(home: Home) -> Self {
        let environment = SshEnvironment {
            home: Some(home.dir.path().to_owned()),
            user: Some("checker".to_owned()),
            ..SshEnvironment::default()
        };
        Self::with(home, environment)
    }

    fn with(home: Home, environment: SshEnvironment) -> Self {
        let shared = Shared::default();
        Self {
            home,
            written: Arc::clone(&shared.0),
            audit: Audit::to(Box::new(shared), || jiff::Timestamp::UNIX_EPOCH),
            pool: SshPool::new(environment, Arc::default()),
        }
    }

    fn ledger(&self) -> Ledger<'_> {
        Ledger {
            audit: &self.audit,
            check: "test",
        }
    }

    fn audited(&self) -> Vec<String> {
        let written = self.written.lock().expect("no panic");
        String::from_utf8_lossy(&written)
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
                format!(
                    "{} {} {}",
                    line["target"].as_str().unwrap_or_default(),
                    line["protocol"].as_str().unwrap_or_default(),
                    line["sent"].as_str().unwrap_or_default()
                )
            })
            .collect()
    }

    async fn session(&self, host: &Arc<Host>) -> Result<Arc<Session>, Fault> {
        within(self.pool.session(host, self.ledger())).await
    }

    async fn exec(&self, host: &Arc<Host>, args: &[&str], limits: Limits) -> Result<Output, Fault> {
        let session = self.session(host).await?;
        within(session.exec(&command(args), limits, self.ledger())).await
    }
}

/// No test hangs.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), future)
        .await
        .expect("an end within 120 s")
}

fn command(args: &[&str]) -> ReadOnlyCommand {
    let policy = Policy::extended(vec![args.iter().map(ToString::to_string).collect()]);
    ReadOnlyCommand::from_args(&policy, args.iter().copied()).expect("an allowed command")
}

fn limits() -> Limits {
    Limits::within(Duration::from_secs(60))
}

/// For a command that is not to end. A busy machine still comes to it: what is told of one
/// that never began is something else.
fn soon() -> Limits {
    Limits::within(Duration::from_secs(2))
}

fn host(id: &str, port: u16, budget: Duration) -> Arc<Host> {
    Arc::new(Host {
        id: id.to_owned(),
        address: "127.0.0.1".to_owned(),
        local: false,
        ssh: SshSettings {
            port: Some(port),
            ..SshSettings::default()
        },
        connect_timeout: budget,
    })
}

async fn start(
    home: &Home,
    change: impl FnOnce(&mut Script),
    respond: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> (Server, Arc<Host>) {
    let mut script = Script::new(home.key.public_key(), respond);
    change(&mut script);
    let server = Server::start(script).await;
    home.trust(&[&server]);
    let host = host("data188", server.address.port(), Duration::from_secs(100));
    (server, host)
}

/// A desk and a server that answers each command alike.
async fn lab(answer: Answer) -> (Desk, Server, Arc<Host>) {
    let home = Home::new();
    let (server, host) = start(
        &home,
        |_| {},
        move |command| match command {
            "uptime" => Answer::ok("up\n"),
            _ => answer.clone(),
        },
    )
    .await;
    (Desk::new(home), server, host)
}

#[tokio::test]
async fn one_connection_carries_all_commands() {
    let (desk, server, host) = lab(Answer::ok("")).await;
    let outputs = join_all((0..200).map(|_| desk.exec(&host, &["uptime"], limits()))).await;
    for output in outputs {
        assert_eq!(output.expect("an answer").stdout, b"up\n");
    }
    assert_eq!(server.log.connections(), 1);
    assert!(
        server.log.most_open_channels() <= 10,
        "{}",
        server.log.most_open_channels()
    );
    let session = desk.session(&host).await.expect("open");
    assert_eq!(session.about().host_key, server.fingerprint());
    assert!(
        session.about().server.starts_with("SSH-2.0-"),
        "{:?}",
        session.about()
    );
}

#[tokio::test]
async fn a_server_without_channels_to_give_is_asked_again() {
    let home = Home::new();
    let (server, host) = start(
        &home,
        |script| script.max_sessions = 1,
        |_| Answer::ok("up\n"),
    )
    .await;
    let desk = Desk::new(home);
    let outputs = join_all((0..20).map(|_| desk.exec(&host, &["uptime"], limits()))).await;
    assert!(outputs.iter().all(Result::is_ok), "{outputs:?}");
    assert_eq!(server.log.most_open_channels(), 1);
    assert!(server.log.refused_channels() > 0);
}

#[tokio::test]
async fn the_audit_has_the_lookup_of_a_name() {
    let (desk, _server, host) = lab(Answer::ok("")).await;
    let mut named = Host::clone(&host);
    named.address = "localhost".to_owned();
    // Whether its key is filed under that name does not matter here.
    drop(desk.session(&Arc::new(named)).await);
    assert_eq!(desk.audited()[0], "local dns lookup localhost");
}

#[tokio::test]
async fn the_audit_has_every_line_as_sent() {
    let (desk, server, host) = lab(Answer::ok("")).await;
    desk.exec(
        &host,
        &["uptime"],
        Limits::within(Duration::from_millis(4500)),
    )
    .await
    .expect("an answer");
    let line = "echo :coldstart:; env LC_ALL=C timeout -k 1 5 uptime";
    assert_eq!(server.log.lines(), [line]);
    assert_eq!(
        desk.audited(),
        [
            format!(
                "data188 ssh connect checker@127.0.0.1:{}",
                server.address.port()
            ),
            format!("data188 ssh-exec {line}"),
        ]
    );
}

#[rstest]
#[case::status(
    Answer::fails(3, "no such unit\n"),
    Exit::Status(3),
    "",
    "no such unit\n"
)]
#[case::signal(Answer::Signal { stdout: b"half".to_vec(), signal: russh::Sig::KILL }, Exit::Signal("KILL".into()), "half", "")]
#[case::cut_off(Answer::Cut { stdout: b"half".to_vec() }, Exit::Unknown, "half", "")]
#[case::never_closed(Answer::NeverClose { stdout: b"whole\n".to_vec(), status: 0 }, Exit::Status(0), "whole\n", "")]
#[tokio::test]
async fn tells_how_a_command_ended(
    #[case] answer: Answer,
    #[case] exit: Exit,
    #[case] stdout: &str,
    #[case] stderr: &str,
) {
    let (desk, _server, host) = lab(answer).await;
    let output = desk.exec(&host, &["any"], limits()).await.expect("an end");
    assert_eq!(output.exit, exit);
    assert_eq!(String::from_utf8_lossy(&output.stdout), stdout);
    assert_eq!(String::from_utf8_lossy(&output.stderr), stderr);
    let again = desk
        .exec(&host, &["uptime"], limits())
        .await
        .expect("the connection goes on");
    assert_eq!(again.stdout, b"up\n");
}

/// The status of a command may come before the last of its output.
#[rstest]
#[case::whole(Answer::EndsFirst { stdout: b"whole\n".to_vec(), is_lost: false }, Ok((Exit::Status(0), false)))]
#[case::over_the_cap(Answer::EndsFirst { stdout: vec![b'y'; 1001], is_lost: false }, Ok((Exit::Unknown, true)))]
#[case::lost(Answer::EndsFirst { stdout: b"half".to_vec(), is_lost: true }, Err(FaultKind::Closed))]
#[tokio::test]
async fn what_is_cut_has_no_status(
    #[case] answer: Answer,
    #[case] expected: Result<(Exit, bool), FaultKind>,
) {
    let (desk, _server, host) = lab(answer).await;
    let limits = Limits {
        // The mark before the output counts as well.
        stdout: 1000,
        ..limits()
    };
    let ended = desk.exec(&host, &["any"], limits).await;
    let told = ended.map(|output| (output.exit, output.truncated));
    assert_eq!(told.map_err(|fault| fault.kind), expected);
}

#[tokio::test]
async fn a_hanging_command_is_ended_and_frees_its_channel() {
    let (desk, server, host) = lab(Answer::Hang).await;
    let fault = desk
        .exec(&host, &["hangs"], soon())
        .await
        .expect_err("a timeout");
    assert_eq!(fault.kind, FaultKind::TimedOut);
    assert_eq!(fault.seen, "`hangs` did not end in 2.0 s");
    assert_eq!(fault.connection, None, "the connection itself is fine");
    assert!(!fault.hopeless);
    desk.exec(&host, &["uptime"], limits())
        .await
        .expect("the connection goes on");
    within(async {
        while server.log.open_channels() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(server.log.signals(), 1);
}

/// Its messages would fill up the channel, and keep the answer to a keepalive out.
#[tokio::test]
async fn a_command_that_prints_on_and_on_is_no_silent_host() {
    let (desk, server, host) = lab(Answer::Babbles).await;
    let fault = desk
        .exec(&host, &["any"], soon())
        .await
        .expect_err("a timeout");
    assert_eq!(fault.seen, "`any` did not end in 2.0 s");
    assert_eq!(fault.connection, None, "the connection itself is fine");
    assert_eq!(within(desk.pool.lost()).await, BTreeSet::new());
    assert_eq!(server.log.connections(), 1);
}

#[tokio::test]
async fn a_shell_that_takes_too_long_is_not_the_command_s_fault() {
    let home = Home::new();
    let (_server, host) = start(&home, |script| script.runs_echo = false, |_| Answer::Hang).await;
    let fault = Desk::new(home)
        .exec(&host, &["any"], soon())
        .await
        .expect_err("a timeout");
    assert_eq!(fault.kind, FaultKind::TimedOut);
    assert_eq!(
        fault.seen,
        "the login shell of checker on data188 did not come to the command in 2.0 s"
    );
    assert_eq!(fault.connection, Some(ConnectionKey::ssh("data188")));
    assert!(fault.hint.is_some_and(|hint| hint.contains("~/.bashrc")));
}

#[tokio::test]
async fn a_host_that_goes_silent_is_told_apart_from_a_slow_command() {
    let (desk, server, host) = lab(Answer::Freeze).await;
    let waiting = join_all((0..6).map(|_| desk.exec(&host, &["any"], soon())));
    for fault in within(waiting).await {
        let fault = fault.expect_err("silence");
        assert_eq!(
            fault.connection,
            Some(ConnectionKey::ssh("data188")),
            "{fault}"
        );
        assert!(!fault.hopeless, "it may be restarting: {fault}");
        assert!(
            fault
                .seen
                .starts_with("data188 went silent: 2.0 s without an answer")
                || fault.seen == "the SSH connection to data188 was lost",
            "{fault}"
        );
    }
    desk.exec(&host, &["uptime"], limits())
        .await
        .expect("a new connection");
    assert_eq!(server.log.connections(), 2);
}

#[tokio::test]
async fn a_command_nobody_waits_for_any_more_is_ended() {
    let (desk, server, host) = lab(Answer::Hang).await;
    let session = desk.session(&host).await.expect("open");
    let hanging = command(&["hangs"]);
    tokio::select! {
        output = session.exec(&hanging, limits(), desk.ledger()) => panic!("{output:?}"),
        () = async { while server.log.lines().is_empty() { tokio::task::yield_now().await; } } => {}
    }
    within(async {
        while server.log.open_channels() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(server.log.signals(), 1);
}

#[tokio::test]
async fn endless_output_is_cut_and_stalls_nobody() {
    let (desk, server, host) = lab(Answer::Endless).await;
    let small = Limits {
        stdout: 100_000,
        ..limits()
    };
    let endless = join_all((0..8).map(|_| desk.exec(&host, &["yes"], small)));
    let others = join_all((0..8).map(|_| desk.exec(&host, &["uptime"], limits())));
    let (endless, others) = tokio::join!(endless, others);
    for output in endless {
        let output = output.expect("an end");
        assert!(output.truncated);
        assert_eq!(output.stdout.len(), 100_000 - ":coldstart:\n".len());
    }
    assert!(others.iter().all(Result::is_ok), "{others:?}");
    assert_eq!(server.log.connections(), 1);
}

#[tokio::test]
async fn a_server_that_runs_no_commands_denies() {
    let (desk, _server, host) = lab(Answer::Refuse).await;
    let fault = desk
        .exec(&host, &["any"], limits())
        .await
        .expect_err("a refusal");
    assert_eq!(fault.kind, FaultKind::Denied);
    assert_eq!(fault.seen, "data188 runs no commands for checker");
}

#[tokio::test]
async fn a_connection_lost_on_the_way_is_opened_anew() {
    let (desk, server, host) = lab(Answer::Disconnect).await;
    let fault = desk
        .exec(&host, &["any"], limits())
        .await
        .expect_err("a loss");
    assert_eq!(fault.kind, FaultKind::Closed);
    assert_eq!(fault.seen, "the SSH connection to data188 was lost");
    assert!(!fault.hopeless, "another attempt may help");
    let lost = desk.session(&host).await.expect("a session");
    within(async {
        while !lost.is_lost() && server.log.connections() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let output = desk
        .exec(&host, &["uptime"], limits())
        .await
        .expect("a new connection");
    assert_eq!(output.stdout, b"up\n");
    assert_eq!(server.log.connections(), 2);
}

#[tokio::test]
async fn what_the_login_shell_prints_is_not_the_command_s() {
    let home = Home::new();
    let (_server, host) = start(
        &home,
        |script| script.noise = b"Welcome!\n> ".to_vec(),
        |_| Answer::ok("up\n"),
    )
    .await;
    let output = Desk::new(home)
        .exec(&host, &["uptime"], limits())
        .await
        .expect("an answer");
    assert_eq!(output.stdout, b"up\n");
}

#[tokio::test]
async fn a_shell_that_does_not_run_the_line_is_told() {
    let home = Home::new();
    let change = |script: &mut Script| {
        script.runs_echo = false;
        script.noise = b"This account is currently not available.\n".to_vec();
    };
    let (_server, host) = start(&home, change, |_| Answer::fails(1, "")).await;
    let fault = Desk::new(home)
        .exec(&host, &["uptime"], limits())
        .await
        .expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::Protocol);
    assert_eq!(
        fault.seen,
        "the login shell of checker on data188 did not run the command: it printed \"This account is currently not available.\""
    );
}

#[tokio::test]
async fn a_host_without_timeout_is_asked_without_it_from_then_on() {
    let home = Home::new();
    let (server, host) = start(
        &home,
        |script| script.has_timeout = false,
        |_| Answer::ok("up\n"),
    )
    .await;
    let desk = Desk::new(home);
    for _ in 0..2 {
        assert_eq!(
            desk.exec(&host, &["uptime"], limits())
                .await
                .expect("an answer")
                .stdout,
            b"up\n"
        );
    }
    let bare = "echo :coldstart:; env LC_ALL=C uptime";
    assert_eq!(server.log.lines()[1..], [bare, bare]);
}

#[tokio::test]
async fn a_missing_program_is_the_command_s_own_answer() {
    let (desk, server, host) = lab(Answer::fails(
        127,
        "timeout: failed to run command 'zpool': No such file or directory\n",
    ))
    .await;
    let output = desk
        .exec(&host, &["zpool"], limits())
        .await
        .expect("an end");
    assert_eq!(output.exit, Exit::Status(127));
    assert_eq!(server.log.lines().len(), 1, "timeout is there");
}

// Opening the connection.

#[tokio::test]
async fn a_refused_login_is_asked_for_once_and_shared() {
    let home = Home::new();
    let stranger = new_key();
    let (server, host) = start(
        &home,
        |script| script.accepted = vec![stranger.public_key().clone()],
        |_| Answer::ok(""),
    )
    .await;
    let print = known_hosts::fingerprint(home.key.public_key());
    let file = home.dir.path().join(".ssh/id_ed25519");
    let desk = Desk::new(home);
    let faults = join_all((0..10).map(|_| desk.session(&host))).await;
    for fault in faults {
        let fault = fault.expect_err("a denial");
        assert_eq!(fault.kind, FaultKind::Denied);
        assert_eq!(
            fault.seen,
            format!(
                "127.0.0.1 does not let checker in with {} ({print})",
                file.display()
            )
        );
        assert_eq!(
            fault.connection,
            Some(super::super::ConnectionKey::ssh("data188"))
        );
        assert!(fault.hopeless);
    }
    assert_eq!(server.log.connections(), 1);
}

#[tokio::test]
async fn a_refused_login_repeats_what_the_server_said() {
    let home = Home::new();
    let change = |script: &mut Script| {
        script.accepted.clear();
        script.auth_banner = Some("System is booting up.\nSee pam_nologin(8)\n".to_owned());
    };
    let (_server, host) = start(&home, change, |_| Answer::ok("")).await;
    let fault = Desk::new(home).session(&host).await.expect_err("a denial");
    assert!(
        fault
            .seen
            .ends_with("it said \"System is booting up. See pam_nologin(8)\""),
        "{}",
        fault.seen
    );
}

#[tokio::test]
async fn connections_dropped_before_the_banner_are_tried_again() {
    let home = Home::new();
    let (server, host) = start(
        &home,
        |script| script.drop_first = 2,
        |_| Answer::ok("up\n"),
    )
    .await;
    let desk = Desk::new(home);
    desk.exec(&host, &["uptime"], limits())
        .await
        .expect("the third opens");
    assert_eq!(server.log.connections(), 3);
    assert_eq!(
        desk.audited()
            .iter()
            .filter(|line| line.contains(" ssh connect "))
            .count(),
        3
    );
}

#[tokio::test]
async fn a_connection_that_stalls_gets_another_beside_it() {
    let home = Home::new();
    let (server, _) = start(
        &home,
        |script| script.silent_next = 1,
        |_| Answer::ok("up\n"),
    )
    .await;
    let host = host("data188", server.address.port(), Duration::from_secs(30));
    let desk = Desk::new(home);
    desk.exec(&host, &["uptime"], limits())
        .await
        .expect("the second opens");
    assert_eq!(server.log.connections(), 2);
    let audited = desk.audited();
    let dialled = audited.iter().filter(|line| line.contains(" ssh connect "));
    assert_eq!(dialled.count(), 2);
}

#[tokio::test]
async fn a_host_that_only_stalls_is_told_as_it_was_met_first() {
    let home = Home::new();
    let (server, _) = start(
        &home,
        |script| script.greeting = Greeting::BannerThenSilence,
        |_| Answer::ok(""),
    )
    .await;
    let host = host("data188", server.address.port(), Duration::from_secs(12));
    let fault = Desk::new(home).session(&host).await.expect_err("a fault");
    assert_eq!(
        without_port(&fault.seen, &server),
        "127.0.0.1:PORT (SSH-2.0-Silent_1) did not finish the key exchange in 12.0 s"
    );
    assert_eq!(server.log.connections(), 2);
}

/// Whether the client ends the connection.
async fn is_ended(stream: &mut tokio::net::TcpStream) -> bool {
    use tokio::io::AsyncReadExt;
    let mut bytes = Vec::new();
    // A reset is an end as well.
    within(stream.read_to_end(&mut bytes)).await.ok();
    true
}

async fn banner(stream: &mut tokio::net::TcpStream) {
    use tokio::io::AsyncWriteExt;
    let banner = stream.write_all(b"SSH-2.0-Silent_1\r\n");
    banner.await.expect("a banner is sent");
}

/// Nobody waits for it any more, and a server counts it among its logins.
#[tokio::test]
async fn a_connection_that_was_given_up_is_closed() {
    let home = Home::new();
    let (server, _) = start(&home, |_| {}, |_| Answer::ok("up\n")).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let port = listener.local_addr().expect("a port").port();
    home.write(
        "known_hosts",
        &server
            .known_hosts_line()
            .replace(&server.address.port().to_string(), &port.to_string()),
    );
    let desk = Desk::new(home);
    let host = host("data188", port, Duration::from_secs(30));
    let way = async {
        let (mut first, _) = listener.accept().await.expect("a connection");
        banner(&mut first).await;
        let (second, _) = listener.accept().await.expect("another one");
        tokio::spawn(relay(second, server.address));
        is_ended(&mut first).await
    };
    let (session, is_ended) = within(async { tokio::join!(desk.session(&host), way) }).await;
    let session = session.expect("the second opens");
    assert!(is_ended && !session.is_lost());
}

#[tokio::test]
async fn what_did_not_open_in_time_is_closed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let desk = Desk::new(Home::new());
    let host = host("data188", port, Duration::from_secs(1));
    let way = async {
        let (mut only, _) = listener.accept().await.expect("a connection");
        banner(&mut only).await;
        is_ended(&mut only).await
    };
    let (session, is_ended) = within(async { tokio::join!(desk.session(&host), way) }).await;
    assert_eq!(session.expect_err("silence").kind, FaultKind::TimedOut);
    assert!(is_ended);
}

async fn relay(mut from: tokio::net::TcpStream, to: std::net::SocketAddr) {
    let mut to = tokio::net::TcpStream::connect(to).await.expect("a server");
    tokio::io::copy_bidirectional(&mut from, &mut to).await.ok();
}

/// Two machines have one address: that the other one is trusted does not excuse this one.
#[rstest]
#[case::first(0)]
#[case::second(1)]
#[tokio::test]
async fn a_key_that_is_not_trusted_is_told_whichever_connection_shows_it(#[case] place: usize) {
    let home = Home::new();
    let (server, _) = start(&home, |_| {}, |_| Answer::ok("")).await;
    let (impostor, _) = start(&Home::new(), |_| {}, |_| Answer::ok("")).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let port = listener.local_addr().expect("a port").port();
    home.write(
        "known_hosts",
        &server
            .known_hosts_line()
            .replace(&server.address.port().to_string(), &port.to_string()),
    );
    let desk = Desk::new(home);
    let host = host("data188", port, Duration::from_secs(30));
    let way = async {
        // The first is held up until there is a second.
        let (first, _) = listener.accept().await.expect("a connection");
        let (second, _) = listener.accept().await.expect("another one");
        let (shown, other) = if place == 0 {
            (first, second)
        } else {
            (second, first)
        };
        relay(shown, impostor.address).await;
        // The client has ended that one.
        tokio::spawn(relay(other, server.address));
    };
    let (session, ()) = within(async { tokio::join!(desk.session(&host), way) }).await;
    let fault = session.expect_err("the impostor's key");
    assert_eq!(fault.kind, FaultKind::HostKey, "{fault}");
}

/// All hosts may be one machine, whose sshd drops what is too much.
#[tokio::test]
async fn a_second_connection_is_one_more_of_the_handshakes_at_once() {
    let home = Home::new();
    let change = |script: &mut Script| script.greeting = Greeting::BannerThenSilence;
    let (server, _) = start(&home, change, |_| Answer::ok("")).await;
    let host = host("data188", server.address.port(), Duration::from_secs(6));
    let desk = Desk::new(home);
    let others = u32::try_from(HANDSHAKES_AT_ONCE - 1).expect("a few");
    let _others = desk.pool.handshakes.try_acquire_many(others);
    let fault = desk.session(&host).await.expect_err("silence");
    assert_eq!(fault.kind, FaultKind::TimedOut);
    assert_eq!(server.log.connections(), 1);
}

/// A name for the port that each run has another of.
fn without_port(text: &str, server: &Server) -> String {
    text.replace(&server.address.port().to_string(), "PORT")
}

#[rstest]
#[case::dropped(
    Greeting::Ssh,
    usize::MAX,
    FaultKind::Closed,
    "127.0.0.1:PORT closed the connection before its SSH banner, dialled "
)]
#[case::silent(
    Greeting::Silence,
    0,
    FaultKind::TimedOut,
    "127.0.0.1:PORT accepted the connection and sent no SSH banner in 2.0 s"
)]
#[case::half_way(
    Greeting::BannerThenSilence,
    0,
    FaultKind::TimedOut,
    "127.0.0.1:PORT (SSH-2.0-Silent_1) did not finish the key exchange in 2.0 s"
)]
#[case::http(Greeting::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), 0, FaultKind::Protocol, "127.0.0.1:PORT is no SSH server: it said \"HTTP/1.1 400 Bad Request\"")]
#[case::garbage(Greeting::Bytes(b"\x00\xff\x15\n".to_vec()), 0, FaultKind::Protocol, "127.0.0.1:PORT is no SSH server: it said \"")]
#[case::too_many(Greeting::Bytes(b"Exceeded MaxStartups\r\n".to_vec()), 0, FaultKind::Closed, "127.0.0.1:PORT has too many logins under way")]
#[tokio::test]
async fn tells_what_it_met_instead_of_ssh(
    #[case] greeting: Greeting,
    #[case] drop_first: usize,
    #[case] kind: FaultKind,
    #[case] seen: &str,
) {
    let home = Home::new();
    let change = move |script: &mut Script| {
        script.greeting = greeting;
        script.drop_first = drop_first;
    };
    let (server, _) = start(&home, change, |_| Answer::ok("")).await;
    let host = host("data188", server.address.port(), Duration::from_secs(2));
    let fault = Desk::new(home).session(&host).await.expect_err("a fault");
    assert_eq!(fault.kind, kind);
    assert!(
        without_port(&fault.seen, &server).starts_with(seen),
        "{}",
        fault.seen
    );
    assert_eq!(
        fault.connection,
        Some(super::super::ConnectionKey::ssh("data188"))
    );
    assert!(fault.hopeless);
}

#[tokio::test]
async fn a_refusal_is_tried_until_the_budget_is_spent() {
    let port = closed_port().await;
    let desk = Desk::new(Home::new());
    let fault = desk
        .session(&host("data188", port, Duration::from_secs(2)))
        .await
        .expect_err("a refusal");
    assert_eq!(fault.kind, FaultKind::Refused);
    assert!(
        // How often depends on the machine; once would not be told.
        fault
            .seen
            .starts_with(&format!("connection refused by 127.0.0.1:{port}, dialled ")),
        "{}",
        fault.seen
    );
    assert_eq!(
        fault.connection,
        Some(super::super::ConnectionKey::ssh("data188"))
    );
}

// Keys.

#[rstest]
#[case::unknown(
    "",
    "no known host key for [127.0.0.1]:PORT: the server shows ssh-ed25519 FINGERPRINT",
    "ssh-keyscan -t ed25519 -p PORT 127.0.0.1 >> "
)]
#[case::changed(
    "[127.0.0.1]:PORT OTHER\n",
    "the host key of [127.0.0.1]:PORT changed: FILE:1 has SHA256:",
    "an intruder could be answering"
)]
#[case::revoked(
    "@revoked * KEY\n[127.0.0.1]:PORT KEY\n",
    "the host key of [127.0.0.1]:PORT is revoked at FILE:1: FINGERPRINT",
    "do not log in there"
)]
#[case::authority(
    "@cert-authority * OTHER\n",
    "no known host key for [127.0.0.1]:PORT: the server shows ssh-ed25519 FINGERPRINT, and the @cert-authority of FILE:1 does not count",
    "ssh-keyscan"
)]
#[case::bad_line(
    "[127.0.0.1]:PORT ssh-ed25519 rubbish\n",
    "no known host key for [127.0.0.1]:PORT: the server shows ssh-ed25519 FINGERPRINT; FILE:1 is skipped",
    "ssh-keyscan"
)]
#[tokio::test]
async fn a_key_that_is_not_trusted_stops_everything(
    #[case] file: &str,
    #[case] seen: &str,
    #[case] hint: &str,
) {
    let home = Home::new();
    let (server, host) = start(&home, |_| {}, |_| Answer::ok("")).await;
    let other = new_key().public_key().to_openssh().expect("text");
    let line = server.known_hosts_line();
    let key = line.split_once(' ').expect("host and key").1.trim();
    let port = server.address.port().to_string();
    let text = file
        .replace("PORT", &port)
        .replace("OTHER", &other)
        .replace("KEY", key);
    let path = home.write("known_hosts", &text);
    let desk = Desk::new(home);
    let fault = desk.session(&host).await.expect_err("no trust");
    assert_eq!(fault.kind, FaultKind::HostKey);
    let print = server.fingerprint();
    let plain = fault
        .seen
        .replace(&print, "FINGERPRINT")
        .replace(&path.display().to_string(), "FILE")
        .replace(&port, "PORT");
    assert!(plain.starts_with(seen), "{plain}");
    let given = fault
        .hint
        .clone()
        .unwrap_or_default()
        .replace(&port, "PORT");
    assert!(given.contains(hint), "{given}");
    assert!(fault.hopeless);
    assert_eq!(
        server.log.logins(),
        0,
        "nothing is offered to a server that is not trusted"
    );
    let now = std::fs::read_to_string(&path).expect("the file");
    assert_eq!(now, text, "never written");
    drop(desk.home);
}

#[tokio::test]
async fn the_server_proves_the_key_that_is_known() {
    let home = Home::new();
    let curve = EcdsaCurve::NistP256;
    let ecdsa = PrivateKey::random(
        &mut russh::keys::key::safe_rng(),
        Algorithm::Ecdsa { curve },
    )
    .expect("a key");
    let shown = known_hosts::fingerprint(ecdsa.public_key());
    let line = ecdsa.public_key().to_openssh().expect("text");
    let (server, host) = start(
        &home,
        |script| script.host_keys.push(ecdsa),
        |_| Answer::ok(""),
    )
    .await;
    home.write(
        "known_hosts",
        &format!("[127.0.0.1]:{} {line}\n", server.address.port()),
    );
    let session = Desk::new(home).session(&host).await.expect("trust");
    assert_eq!(session.about().host_key, shown);
}

#[tokio::test]
async fn an_encrypted_key_without_an_agent_is_a_local_fault() {
    let home = Home::new();
    let (server, host) = start(&home, |_| {}, |_| Answer::ok("")).await;
    let locked = home
        .key
        .encrypt(&mut russh::keys::key::safe_rng(), "secret")
        .expect("encryption");
    home.write("id_ed25519", &private(&locked));
    let fault = Desk::new(home).session(&host).await.expect_err("no key");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
    assert!(
        fault
            .seen
            .starts_with("no key to offer for checker@127.0.0.1; "),
        "{}",
        fault.seen
    );
    assert!(
        fault
            .seen
            .ends_with("id_ed25519 is encrypted, and no agent holds it"),
        "{}",
        fault.seen
    );
    assert!(fault.hint.unwrap_or_default().contains("ssh-add"));
    assert_eq!(server.log.logins(), 0);
}

#[tokio::test]
async fn a_key_file_of_the_baseline_must_exist() {
    let home = Home::new();
    let (_server, host) = start(&home, |_| {}, |_| Answer::ok("")).await;
    let mut host = Arc::unwrap_or_clone(host);
    host.ssh.identities = vec!["~/.ssh/lost".into()];
    let fault = Desk::new(home)
        .session(&Arc::new(host))
        .await
        .expect_err("no key");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
    assert!(
        fault.seen.ends_with(".ssh/lost does not exist"),
        "{}",
        fault.seen
    );
}

#[derive(Clone)]
struct Willing;

impl russh::keys::agent::server::Agent for Willing {
    async fn confirm_request(&self, _: russh::keys::agent::server::MessageType) -> bool {
        true
    }
}

#[rstest]
#[case::no_key_file(false)]
#[case::an_encrypted_key_file(true)]
#[tokio::test]
async fn the_agent_s_keys_log_in(#[case] encrypted: bool) {
    let home = Home::new();
    let (server, host) = start(&home, |_| {}, |_| Answer::ok("")).await;
    let socket = home.dir.path().join("agent");
    let listener = tokio::net::UnixListener::bind(&socket).expect("a socket");
    let incoming = futures_util::stream::unfold(listener, |listener| async move {
        let stream = listener.accept().await.map(|(stream, _)| stream);
        Some((stream, listener))
    });
    let agent = tokio::spawn(russh::keys::agent::server::serve(
        Box::pin(incoming),
        Willing,
    ));
    let mut client = russh::keys::agent::client::AgentClient::connect_uds(&socket)
        .await
        .expect("the agent");
    client
        .add_identity(&home.key, &[])
        .await
        .expect("a key more");
    if encrypted {
        let locked = home
            .key
            .encrypt(&mut russh::keys::key::safe_rng(), "secret")
            .expect("encryption");
        home.write("id_ed25519", &private(&locked));
    } else {
        std::fs::remove_file(home.dir.path().join(".ssh/id_ed25519")).expect("no key file");
    }
    let environment = SshEnvironment {
        home: Some(home.dir.path().to_owned()),
        user: Some("checker".to_owned()),
        agent: Some(socket),
        ..SshEnvironment::default()
    };
    Desk::with(home, environment)
        .session(&host)
        .await
        .expect("a login");
    assert_eq!(server.log.logins(), 1);
    agent.abort();
}

#[tokio::test]
async fn an_agent_that_is_gone_is_told_where_no_key_is_left() {
    let home = Home::new();
    let (_server, host) = start(&home, |_| {}, |_| Answer::ok("")).await;
    std::fs::remove_file(home.dir.path().join(".ssh/id_ed25519")).expect("no key file");
    let environment = SshEnvironment {
        home: Some(home.dir.path().to_owned()),
        user: Some("checker".to_owned()),
        agent: Some("/nowhere/agent".into()),
        ..SshEnvironment::default()
    };
    let fault = Desk::with(home, environment)
        .session(&host)
        .await
        .expect_err("no key");
    assert!(
        fault
            .seen
            .contains("the agent at /nowhere/agent does not answer"),
        "{}",
        fault.seen
    );
}

#[tokio::test]
async fn a_key_file_that_is_none_holds_nobody_up() {
    let home = Home::new();
    let (_server, host) = start(&home, |_| {}, |_| Answer::ok("")).await;
    let mut host = Arc::unwrap_or_clone(host);
    let fifo = crate::transport::files::fifo(home.dir.path());
    host.ssh.identities = vec![fifo.clone()];
    std::fs::remove_file(home.dir.path().join(".ssh/id_ed25519")).expect("no key file");
    let fault = Desk::new(home)
        .session(&Arc::new(host))
        .await
        .expect_err("no key");
    let why = format!("{} cannot be read: it is no regular file", fifo.display());
    assert!(fault.seen.contains(&why), "{}", fault.seen);
}

/// `ssh -G` that never ends, with a budget below what it is given.
#[tokio::test]
async fn reading_the_configuration_is_within_the_budget() {
    let home = Home::new();
    let environment = SshEnvironment {
        home: Some(home.dir.path().to_owned()),
        user: Some("checker".to_owned()),
        program: Some(super::login::tests::program(
            home.dir.path(),
            "exec sleep 600",
        )),
        ..SshEnvironment::default()
    };
    let host = host("data188", 9, Duration::from_millis(200));
    let fault = Desk::with(home, environment)
        .session(&host)
        .await
        .expect_err("no time left");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
    assert_eq!(
        fault.seen,
        "the SSH configuration and known host keys were not read in 0.2 s"
    );
}

// Through a host.

async fn two(forwarding: bool) -> (Desk, Server, Server, Arc<Host>, Arc<Host>) {
    let home = Home::new();
    let (bastion, way) = start(
        &home,
        |script| script.forwarding = forwarding,
        |_| Answer::ok(""),
    )
    .await;
    let (inner, behind) = start(&home, |_| {}, |_| Answer::ok("inner\n")).await;
    home.trust(&[&bastion, &inner]);
    let mut way = Arc::unwrap_or_clone(way);
    way.id = "bastion".to_owned();
    let way = Arc::new(way);
    let mut behind = Arc::unwrap_or_clone(behind);
    behind.id = "k3s120".to_owned();
    behind.ssh.jump = Some(Arc::clone(&way));
    (Desk::new(home), bastion, inner, way, Arc::new(behind))
}

#[tokio::test]
async fn goes_through_a_host() {
    let (desk, bastion, inner, way, behind) = two(true).await;
    let output = desk
        .exec(&behind, &["uptime"], limits())
        .await
        .expect("through");
    assert_eq!(output.stdout, b"inner\n");
    desk.session(&way).await.expect("the same connection");
    assert_eq!((bastion.log.connections(), inner.log.connections()), (1, 1));
    let line = format!(
        "k3s120 ssh connect checker@127.0.0.1:{} through bastion",
        inner.address.port()
    );
    assert!(desk.audited().contains(&line), "{:?}", desk.audited());
}

#[tokio::test]
async fn a_host_that_forwards_nothing_denies() {
    let (desk, _bastion, inner, way, _) = two(false).await;
    let session = desk.session(&way).await.expect("open");
    let fault = within(session.open_tcp("127.0.0.1", inner.address.port(), Duration::from_secs(5)))
        .await
        .err()
        .expect("a denial");
    assert_eq!(fault.kind, FaultKind::Denied);
    assert!(
        fault
            .seen
            .starts_with("the SSH server of bastion does not forward to 127.0.0.1:"),
        "{}",
        fault.seen
    );
}

#[tokio::test]
async fn a_port_refused_behind_the_host_is_refused() {
    let (desk, _bastion, _inner, way, _) = two(true).await;
    let session = desk.session(&way).await.expect("open");
    let fault = within(session.open_tcp("127.0.0.1", 1, Duration::from_secs(5)))
        .await
        .err()
        .expect("a refusal");
    assert_eq!(fault.kind, FaultKind::Refused);
    assert_eq!(
        fault.seen,
        "bastion could not connect to 127.0.0.1:1: refused or unreachable from there"
    );
}

#[tokio::test]
async fn a_way_that_is_closed_is_the_cause_for_the_host_behind() {
    let (desk, bastion, inner, _, behind) = two(true).await;
    desk.home.trust(&[&inner]);
    let fault = desk
        .session(&behind)
        .await
        .expect_err("no trust in the bastion");
    assert_eq!(fault.kind, FaultKind::HostKey);
    assert_eq!(
        fault.connection,
        Some(super::super::ConnectionKey::ssh("bastion"))
    );
    assert_eq!((bastion.log.logins(), inner.log.connections()), (0, 0));
}

#[tokio::test]
async fn goodbye_closes_every_connection() {
    let (desk, _server, host) = lab(Answer::ok("")).await;
    let session = desk.session(&host).await.expect("open");
    desk.pool.close_all().await;
    within(async {
        while !session.is_lost() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn only_a_connection_that_was_lost_is_told_as_lost() {
    let (desk, _server, host) = lab(Answer::Disconnect).await;
    desk.exec(&host, &["uptime"], limits()).await.expect("open");
    let sent = desk.audited();
    assert_eq!(within(desk.pool.lost()).await, BTreeSet::new());
    assert_eq!(desk.audited(), sent, "a sign of life is no command");
    desk.exec(&host, &["any"], limits())
        .await
        .expect_err("a loss");
    let lost = within(desk.pool.lost()).await;
    assert_eq!(lost, BTreeSet::from(["data188".to_owned()]));
}

#[tokio::test]
async fn a_connection_that_was_opened_anew_stays_told_as_lost() {
    let (desk, server, host) = lab(Answer::Freeze).await;
    desk.exec(&host, &["any"], soon())
        .await
        .expect_err("silence");
    desk.exec(&host, &["uptime"], limits())
        .await
        .expect("a new one");
    assert_eq!(server.log.connections(), 2);
    let lost = within(desk.pool.lost()).await;
    assert_eq!(lost, BTreeSet::from(["data188".to_owned()]));
}

#[tokio::test]
async fn the_many_hosts_of_one_machine_all_get_in() {
    let home = Home::new();
    let (server, _) = start(&home, |_| {}, |_| Answer::ok("")).await;
    let desk = Desk::new(home);
    let hosts: Vec<_> = (0..30)
        .map(|n| {
            host(
                &format!("h{n}"),
                server.address.port(),
                Duration::from_secs(100),
            )
        })
        .collect();
    let sessions = join_all(hosts.iter().map(|host| desk.session(host))).await;
    assert!(sessions.iter().all(Result::is_ok));
    assert_eq!(server.log.connections(), 30);
}

#[tokio::test]
async fn a_secret_goes_over_standard_input_and_never_on_the_line() {
    let home = Home::new();
    let mut script = Script::new(home.key.public_key(), |_| Answer::ok("[]\n"));
    script.has_timeout = false;
    let server = Server::start(script).await;
    home.trust(&[&server]);
    let desk = Desk::new(home);
    let host = host("a", server.address.port(), Duration::from_secs(100));
    let variable = Variable::of("restic", "RESTIC_PASSWORD").expect("known");
    let args = ["restic", "list", "locks", "--no-lock", "--no-cache"];
    let command = ReadOnlyCommand::from_args(&Policy::default(), args).expect("allowed");
    let command = command.taking(vec![variable]).expect("its own");
    let mut values = Values::default();
    values.give(variable, "hunter22".into()).expect("one line");
    let session = desk.pool.session(&host, desk.ledger()).await.expect("open");
    let output = within(session.exec_with(&command, &values, limits(), desk.ledger()))
        .await
        .expect("an end");
    assert_eq!(output.stdout, b"[]\n");
    let lines = server.log.lines();
    let sent = "sh -c 'IFS= read -r RESTIC_PASSWORD && export RESTIC_PASSWORD && exec restic list locks --no-lock --no-cache'";
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.ends_with(sent)), "{lines:?}");
    // Once for each of the two lines: the first had no `timeout` to run it.
    assert_eq!(server.log.fed(), "hunter22\nhunter22\n");
    assert!(!desk.audited().join("\n").contains("hunter22"));
    let none = session.exec(&command, limits(), desk.ledger()).await;
    assert_eq!(none.expect_err("a defect").kind, FaultKind::Internal);
}
