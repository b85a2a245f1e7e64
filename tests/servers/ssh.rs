//! An SSH server that answers from a script.
#![expect(
    clippy::expect_used,
    reason = "a test server that cannot start fails its test"
)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};
use russh::server::{self, Auth, ChannelOpenHandle, Handler, Msg, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, Sig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a command goes.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Prints and exits.
    Exit {
        stdout: Vec<u8>,
        stderr: Vec<u8>,
        status: u32,
    },
    /// Prints and is killed by a signal.
    Signal { stdout: Vec<u8>, signal: Sig },
    /// Prints, then closes the channel without a status.
    Cut { stdout: Vec<u8> },
    /// Tells the status 0, then prints: all of it and closes the channel, or drops the
    /// whole connection behind it.
    EndsFirst { stdout: Vec<u8>, is_lost: bool },
    /// Never answers; a signal ends it.
    Hang,
    /// Exits, and leaves the channel open for ever.
    NeverClose { stdout: Vec<u8>, status: u32 },
    /// Prints 1.5 MiB and goes on waiting. Not more: at a full window russh's
    /// server holds every channel up, and a client that closes never opens it.
    Endless,
    /// Prints a few bytes again and again, each in a message of its own.
    Babbles,
    /// Prints so many bytes, if it may, and counts in [`Log::poured`] those that
    /// were taken from it.
    Pours(u64),
    /// Drops the whole connection.
    Disconnect,
    /// The whole connection goes silent, and stays open.
    Freeze,
    /// Refuses to run anything.
    Refuse,
}

impl Answer {
    pub fn ok(stdout: impl Into<Vec<u8>>) -> Self {
        Self::Exit {
            stdout: stdout.into(),
            stderr: Vec::new(),
            status: 0,
        }
    }

    pub fn fails(status: u32, stderr: impl Into<Vec<u8>>) -> Self {
        Self::Exit {
            stdout: Vec::new(),
            stderr: stderr.into(),
            status,
        }
    }
}

/// What happens to a connection before SSH begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Greeting {
    #[default]
    Ssh,
    /// Accepts and says nothing.
    Silence,
    /// Sends an SSH banner and nothing after it.
    BannerThenSilence,
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
}

type Respond = Arc<dyn Fn(&str) -> Answer + Send + Sync>;

/// The script of a server.
#[derive(Clone)]
pub struct Script {
    pub host_keys: Vec<PrivateKey>,
    pub accepted: Vec<PublicKey>,
    pub greeting: Greeting,
    /// The first connections are closed as soon as they open.
    pub drop_first: usize,
    /// Those after them are accepted and hear nothing.
    pub silent_next: usize,
    /// Printed before each command's own output, as a login shell does.
    pub noise: Vec<u8>,
    /// Channels that may be open at once.
    pub max_sessions: usize,
    pub forwarding: bool,
    pub auth_banner: Option<String>,
    /// A shell that runs what it is given; otherwise it prints `noise` alone.
    pub runs_echo: bool,
    /// The host has the `timeout` program.
    pub has_timeout: bool,
    respond: Respond,
}

impl Script {
    /// A server whose host key is new, which lets `accepted` in and answers
    /// each command by `respond`. The command is given without what the client
    /// puts before it.
    pub fn new(
        accepted: &PublicKey,
        respond: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self {
            host_keys: vec![new_key()],
            accepted: vec![accepted.clone()],
            greeting: Greeting::Ssh,
            drop_first: 0,
            silent_next: 0,
            noise: Vec::new(),
            max_sessions: 10,
            forwarding: true,
            auth_banner: None,
            runs_echo: true,
            has_timeout: true,
            respond: Arc::new(respond),
        }
    }
}

/// A new Ed25519 key.
pub fn new_key() -> PrivateKey {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
        .expect("an Ed25519 key is random bytes")
}

/// What a server saw.
#[derive(Debug, Default)]
pub struct Log {
    connections: AtomicUsize,
    logins: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    refused_channels: AtomicUsize,
    signals: AtomicUsize,
    poured: AtomicUsize,
    lines: Mutex<Vec<String>>,
    fed: Mutex<Vec<u8>>,
}

impl Log {
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }

    pub fn open_channels(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub fn most_open_channels(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }

    pub fn refused_channels(&self) -> usize {
        self.refused_channels.load(Ordering::SeqCst)
    }

    pub fn signals(&self) -> usize {
        self.signals.load(Ordering::SeqCst)
    }

    pub fn poured(&self) -> usize {
        self.poured.load(Ordering::SeqCst)
    }

    /// What commands were given on their standard input.
    pub fn fed(&self) -> String {
        let fed = self.fed.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&fed).into_owned()
    }

    /// Every command line as it came.
    pub fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The line of a known_hosts file that trusts `key` on a port of 127.0.0.1.
pub fn known_hosts_line(port: u16, key: &PublicKey) -> String {
    let key = key.to_openssh().expect("a public key is text");
    format!("[127.0.0.1]:{port} {key}\n")
}

/// A running server; it ends with this value.
pub struct Server {
    pub address: SocketAddr,
    pub log: Arc<Log>,
    host_key: PublicKey,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a loopback port");
        Self::on(listener, script)
    }

    /// As [`Server::start`], on a listener that is there already.
    pub fn on(listener: TcpListener, script: Script) -> Self {
        let address = listener.local_addr().expect("a bound port");
        let log = Arc::new(Log::default());
        let host_key = script.host_keys[0].public_key().clone();
        let task = tokio::spawn(serve(listener, script, Arc::clone(&log)));
        Self {
            address,
            log,
            host_key,
            task,
        }
    }

    /// The line of a known_hosts file that trusts this server.
    pub fn known_hosts_line(&self) -> String {
        known_hosts_line(self.address.port(), &self.host_key)
    }

    /// `SHA256:…`
    pub fn fingerprint(&self) -> String {
        self.host_key.fingerprint(HashAlg::Sha256).to_string()
    }
}

async fn serve(listener: TcpListener, script: Script, log: Arc<Log>) {
    let config = Arc::new(server::Config {
        keys: script.host_keys.clone(),
        auth_rejection_time: Duration::ZERO,
        max_auth_attempts: 6,
        ..server::Config::default()
    });
    // Kept so that all connections end with the server's task.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let number = log.connections.fetch_add(1, Ordering::SeqCst);
        if number < script.drop_first {
            continue;
        }
        let mut script = script.clone();
        if number < script.drop_first + script.silent_next {
            script.greeting = Greeting::Silence;
        }
        let session = One {
            script,
            log: Arc::clone(&log),
            channels: Channels::default(),
        };
        connections.spawn(greet(Arc::clone(&config), stream, session));
    }
}

async fn greet(config: Arc<server::Config>, mut stream: TcpStream, session: One) {
    let bytes: &[u8] = match &session.script.greeting {
        Greeting::Ssh => {
            if let Ok(running) = server::run_stream(config, stream, session).await {
                drop(running.await);
            }
            return;
        }
        Greeting::Silence => b"",
        Greeting::BannerThenSilence => b"SSH-2.0-Silent_1\r\n",
        Greeting::Bytes(bytes) => {
            drop(stream.write_all(bytes).await);
            // A close with unread bytes would be a reset, which may overtake ours.
            drop(stream.shutdown().await);
            let mut rest = Vec::new();
            drop(stream.read_to_end(&mut rest).await);
            return;
        }
    };
    drop(stream.write_all(bytes).await);
    std::future::pending::<()>().await;
}

/// The open channels and what plays on them. russh reports a close only when
/// the client closes first, so a play frees its own channel.
type Channels = Arc<Mutex<HashMap<ChannelId, Option<JoinHandle<()>>>>>;

struct One {
    script: Script,
    log: Arc<Log>,
    channels: Channels,
}

fn free(channels: &Channels, log: &Log, channel: ChannelId) {
    let removed = channels
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&channel);
    if let Some(task) = removed {
        log.open.fetch_sub(1, Ordering::SeqCst);
        if let Some(task) = task {
            task.abort();
        }
    }
}

impl One {
    fn free(&self, channel: ChannelId) {
        free(&self.channels, &self.log, channel);
    }

    fn open(&self) -> Vec<ChannelId> {
        self.channels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .copied()
            .collect()
    }

    fn insert(&self, channel: ChannelId, task: Option<JoinHandle<()>>) {
        self.channels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(channel, task);
    }
}

impl Drop for One {
    fn drop(&mut self) {
        for channel in self.open() {
            self.free(channel);
        }
    }
}

/// The mark of `echo MARK; env LC_ALL=C timeout -k 1 N COMMAND`, and the command.
fn take_apart(line: &str) -> (&str, &str) {
    let Some((mark, rest)) = line.strip_prefix("echo ").and_then(|l| l.split_once("; ")) else {
        return ("", line);
    };
    let rest = rest.strip_prefix("env LC_ALL=C ").unwrap_or(rest);
    let rest = match rest.strip_prefix("timeout -k 1 ") {
        Some(timed) => timed.split_once(' ').map_or(timed, |(_, command)| command),
        None => rest,
    };
    (mark, rest)
}

impl Handler for One {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        Ok(self.script.auth_banner.clone())
    }

    async fn auth_publickey(
        &mut self,
        _: &str,
        key: server::VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let known = |accepted: &PublicKey| accepted.key_data() == key.public_key.key_data();
        if self.script.accepted.iter().any(known) {
            self.log.logins.fetch_add(1, Ordering::SeqCst);
            Ok(Auth::Accept)
        } else {
            Ok(Auth::reject())
        }
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.open().len() >= self.script.max_sessions {
            self.log.refused_channels.fetch_add(1, Ordering::SeqCst);
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        }
        self.insert(channel.id(), None);
        let open = self.log.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.log.most_open.fetch_max(open, Ordering::SeqCst);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if !self.script.forwarding {
            reply
                .reject(ChannelOpenFailure::AdministrativelyProhibited)
                .await;
            return Ok(());
        }
        let port = u16::try_from(port).unwrap_or(0);
        match TcpStream::connect((host, port)).await {
            Ok(mut stream) => {
                reply.accept().await;
                tokio::spawn(async move {
                    let mut channel = channel.into_stream();
                    drop(tokio::io::copy_bidirectional(&mut channel, &mut stream).await);
                });
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let line = String::from_utf8_lossy(data).into_owned();
        self.log
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.clone());
        let (mark, command) = take_apart(&line);
        let answer = if !self.script.has_timeout && line.contains(" timeout -k ") {
            Answer::fails(127, "env: 'timeout': No such file or directory\n")
        } else {
            (self.script.respond)(command)
        };
        if matches!(answer, Answer::Refuse) {
            session.channel_failure(channel)?;
            return Ok(());
        }
        session.channel_success(channel)?;
        if matches!(answer, Answer::Freeze) {
            // The connection waits for its handler, also with its keepalives.
            std::future::pending::<()>().await;
        }
        if matches!(answer, Answer::Disconnect) {
            session.disconnect(russh::Disconnect::ByApplication, "restarting", "")?;
            return Ok(());
        }
        let mut begin = self.script.noise.clone();
        if self.script.runs_echo && !mark.is_empty() {
            begin.extend_from_slice(mark.as_bytes());
            begin.push(b'\n');
        }
        let handle = session.handle();
        let (channels, log) = (Arc::clone(&self.channels), Arc::clone(&self.log));
        // It starts once it is in the map, or it could be over before that.
        let (started, start) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            drop(start.await);
            drop(handle.data(channel, begin).await);
            play(&handle, channel, answer, &log).await;
            free(&channels, &log, channel);
        });
        self.insert(channel, Some(task));
        let _ = started.send(());
        Ok(())
    }

    async fn data(
        &mut self,
        _: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let mut fed = self.log.fed.lock().unwrap_or_else(PoisonError::into_inner);
        fed.extend_from_slice(data);
        Ok(())
    }

    async fn signal(
        &mut self,
        channel: ChannelId,
        _: Sig,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.log.signals.fetch_add(1, Ordering::SeqCst);
        self.free(channel);
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.free(channel);
        Ok(())
    }
}

async fn play(handle: &server::Handle, channel: ChannelId, answer: Answer, log: &Log) {
    match answer {
        Answer::Exit {
            stdout,
            stderr,
            status,
        } => {
            drop(handle.data(channel, stdout).await);
            drop(handle.extended_data(channel, 1, stderr).await);
            let _ = handle.exit_status_request(channel, status).await;
        }
        Answer::Signal { stdout, signal } => {
            drop(handle.data(channel, stdout).await);
            let none = String::new;
            let _ = handle
                .exit_signal_request(channel, signal, false, none(), none())
                .await;
        }
        Answer::Cut { stdout } => {
            drop(handle.data(channel, stdout).await);
        }
        Answer::EndsFirst { stdout, is_lost } => {
            let _ = handle.exit_status_request(channel, 0).await;
            for chunk in stdout.chunks(16 << 10) {
                drop(handle.data(channel, chunk.to_vec()).await);
            }
            if is_lost {
                let restarting = russh::Disconnect::ByApplication;
                let _ = handle
                    .disconnect(restarting, "restarting".to_owned(), String::new())
                    .await;
                return;
            }
        }
        Answer::NeverClose { stdout, status } => {
            drop(handle.data(channel, stdout).await);
            let _ = handle.exit_status_request(channel, status).await;
            std::future::pending::<()>().await;
        }
        Answer::Endless => {
            for _ in 0..96 {
                drop(handle.data(channel, vec![b'y'; 16 << 10]).await);
            }
            std::future::pending::<()>().await;
        }
        Answer::Babbles => {
            while handle.data(channel, b"y\n".to_vec()).await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
        Answer::Pours(mut left) => {
            let chunk = vec![b'y'; 16 << 10];
            while left > 0 && handle.data(channel, chunk.clone()).await.is_ok() {
                log.poured.fetch_add(chunk.len(), Ordering::SeqCst);
                left = left.saturating_sub(chunk.len() as u64);
            }
        }
        Answer::Hang => std::future::pending::<()>().await,
        Answer::Disconnect | Answer::Freeze | Answer::Refuse => {}
    }
    let _ = handle.eof(channel).await;
    let _ = handle.close(channel).await;
}

/// A home directory with one key that the server accepts and a known_hosts
/// file: what a client needs to log in.
pub struct Home {
    pub dir: tempfile::TempDir,
    pub key: PrivateKey,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let key = new_key();
        std::fs::create_dir(dir.path().join(".ssh")).expect("an empty home");
        let home = Self { dir, key };
        home.write("id_ed25519", &private(&home.key));
        home
    }

    /// Writes a file of `~/.ssh`.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(".ssh").join(name);
        std::fs::write(&path, text).expect("a writable home");
        path
    }

    /// Trusts the servers' keys.
    pub fn trust(&self, servers: &[&Server]) {
        let lines: String = servers
            .iter()
            .map(|server| server.known_hosts_line())
            .collect();
        self.write("known_hosts", &lines);
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

/// A private key as OpenSSH writes it.
pub fn private(key: &PrivateKey) -> String {
    key.to_openssh(russh::keys::ssh_key::LineEnding::LF)
        .expect("an Ed25519 key is text")
        .to_string()
}
