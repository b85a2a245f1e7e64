//! The client's side of the handshake: whether the server's key is trusted,
//! and what can be said when it fails.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use russh::client::{DisconnectReason, Handler, Session};
use russh::keys::{PublicKey, PublicKeyOrCertificate};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::known_hosts::{HostName, KnownHosts, Place, Trust, fingerprint};
use crate::transport::{Fault, FaultKind};

/// Enough of a server's first words to recognise what it is.
const FIRST_WORDS: usize = 256;

/// Bytes of a server's last words that are told: it may have many.
const LAST_WORDS: usize = 1 << 10;

/// Between two looks at whether anything was heard.
const BEAT: Duration = Duration::from_millis(100);

/// How far a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    /// Waiting for the banner, or exchanging keys.
    #[default]
    Handshake,
    /// The server's key is trusted; logging in.
    Login,
}

#[derive(Debug, Default)]
struct Seen {
    stage: Stage,
    first_words: Vec<u8>,
    heard: u64,
    server: Option<String>,
    host_key: Option<String>,
    distrust: Option<Fault>,
    banner: Option<String>,
    farewell: Option<String>,
}

/// What was seen of a server, filled by the connection's own task.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Seen>>);

impl Notes {
    /// How many bytes have come so far.
    pub(super) fn heard(&self) -> u64 {
        self.lock().heard
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stage(&self) -> Stage {
        self.lock().stage
    }

    /// Ends once nothing was heard for that long.
    pub(super) async fn silence(&self, patience: Duration) {
        let mut heard = self.heard();
        let mut since = Instant::now();
        while since.elapsed() < patience {
            sleep(BEAT).await;
            let now = self.heard();
            if now != heard {
                (heard, since) = (now, Instant::now());
            }
        }
    }

    /// The server's identification: `SSH-2.0-OpenSSH_9.2p1 Debian-2`.
    pub(super) fn server(&self) -> Option<String> {
        self.lock().server.clone()
    }

    /// Fingerprint of the key that the server proved to hold.
    pub(super) fn host_key(&self) -> Option<String> {
        self.lock().host_key.clone()
    }

    /// Why the server's key is not trusted.
    pub(super) fn distrust(&self) -> Option<Fault> {
        self.lock().distrust.clone()
    }

    /// The first line that the server sent, made printable.
    pub(super) fn first_line(&self) -> Option<String> {
        let seen = self.lock();
        let line = seen.first_words.split(|&byte| byte == b'\n').next()?;
        let line = String::from_utf8_lossy(line).trim().to_owned();
        (!seen.first_words.is_empty()).then(|| line.escape_default().to_string())
    }

    /// What the server said while it refused us: its last message, or its banner.
    pub(super) fn last_words(&self) -> Option<String> {
        let seen = self.lock();
        let words = seen.farewell.clone().or_else(|| seen.banner.clone())?;
        let mut words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.len() > LAST_WORDS {
            words.truncate(words.floor_char_boundary(LAST_WORDS));
            words.push('…');
        }
        (!words.is_empty()).then_some(words)
    }
}

/// A stream whose first bytes are remembered, because russh tells no more of a
/// server that does not speak SSH than that it went away. It ends when whoever logs in
/// over it gives up: in the middle of a key exchange russh reads on for as long as the
/// server is silent, whether anybody waits for it or not.
pub(super) struct Overheard<S> {
    stream: S,
    notes: Notes,
    /// None once the login is done.
    login: Option<oneshot::Receiver<()>>,
}

impl<S> Overheard<S> {
    /// Also what is told of the login's success; dropped before, it ends the stream.
    pub(super) fn new(stream: S, notes: Notes) -> (Self, oneshot::Sender<()>) {
        let (done, login) = oneshot::channel();
        let overheard = Self {
            stream,
            notes,
            login: Some(login),
        };
        (overheard, done)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(login) = &mut self.login
            && let Poll::Ready(done) = Pin::new(login).poll(cx)
        {
            done.map_err(|_| io::Error::from(io::ErrorKind::ConnectionAborted))?;
            self.login = None;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let mut seen = self.notes.lock();
        let room = FIRST_WORDS - seen.first_words.len();
        let new = &buf.filled()[before..];
        seen.heard += new.len() as u64;
        seen.first_words
            .extend_from_slice(&new[..new.len().min(room)]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Answers for us during the handshake.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) notes: Notes,
    pub(super) known: KnownHosts,
    pub(super) filed: HostName,
    /// Address and port, for what the user can type.
    pub(super) address: String,
    pub(super) port: u16,
    /// The file that a new key would be added to.
    pub(super) own_file: Option<PathBuf>,
}

impl Client {
    fn judge(&self, key: &PublicKey) -> Result<(), Fault> {
        match self.known.trust(&self.filed, key) {
            Trust::Known => Ok(()),
            Trust::Revoked(at) => Err(self.revoked(key, &at)),
            Trust::RevokedUnread(at) => Err(self.revoked_unread(&at)),
            Trust::Changed { at, was } => Err(self.changed(key, &at, &was)),
            Trust::Unknown { others, authority } => {
                Err(self.unknown(key, &others, authority.as_ref()))
            }
        }
    }

    fn revoked(&self, key: &PublicKey, at: &Place) -> Fault {
        Fault::new(
            FaultKind::HostKey,
            format!(
                "the host key of {} is revoked at {at}: {}",
                self.filed,
                fingerprint(key)
            ),
        )
        .hint("do not log in there: whoever answers holds a key that was given up; a human decides")
    }

    fn revoked_unread(&self, at: &Place) -> Fault {
        Fault::new(
            FaultKind::HostKey,
            format!(
                "{at} revokes a host key of {} that cannot be read: it may be the one that the server shows",
                self.filed
            ),
        )
        .hint("repair the line, or remove it: a human decides")
    }

    fn changed(&self, key: &PublicKey, at: &Place, was: &str) -> Fault {
        Fault::new(
            FaultKind::HostKey,
            format!(
                "the host key of {} changed: {at} has {was}, the server shows {}",
                self.filed,
                fingerprint(key)
            ),
        )
        .hint(format!(
            "an intruder could be answering: a human compares the fingerprint on the host's console; \
             only when the host was reinstalled: ssh-keygen -R '{}' -f {}",
            self.filed,
            at.file().display()
        ))
    }

    fn unknown(
        &self,
        key: &PublicKey,
        others: &[(Place, String)],
        authority: Option<&Place>,
    ) -> Fault {
        let mut seen = format!(
            "no known host key for {}: the server shows {} {}",
            self.filed,
            key.algorithm(),
            fingerprint(key)
        );
        if let Some((at, kind)) = others.first() {
            seen.push_str(&format!(", but {at} has a {kind} key"));
        }
        if let Some(at) = authority {
            seen.push_str(&format!(
                ", and the @cert-authority of {at} does not count: host certificates are not supported"
            ));
        }
        for warning in self.known.warnings() {
            seen.push_str(&format!("; {warning}"));
        }
        let kind = match key.algorithm() {
            russh::keys::Algorithm::Ed25519 => "ed25519",
            russh::keys::Algorithm::Rsa { .. } => "rsa",
            _ => "ecdsa",
        };
        let file = self.own_file.as_ref().map_or_else(
            || "a known_hosts file".to_owned(),
            |file| file.display().to_string(),
        );
        Fault::new(FaultKind::HostKey, seen).hint(format!(
            "compare with `ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub` on the host's console; \
             when it is the same: ssh-keyscan -t {kind} -p {} {} >> {file}",
            self.port, self.address
        ))
    }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let verdict = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                self.notes.lock().host_key = Some(fingerprint(key));
                self.judge(key)
            }
            PublicKeyOrCertificate::Certificate(_) => Err(Fault::new(
                FaultKind::Protocol,
                "the server shows a host certificate, which it was not asked for",
            )),
        };
        let mut seen = self.notes.lock();
        match verdict {
            Ok(()) => {
                seen.stage = Stage::Login;
                Ok(true)
            }
            Err(fault) => {
                seen.distrust = Some(fault);
                Ok(false)
            }
        }
    }

    async fn kex_done(
        &mut self,
        _: Option<&[u8]>,
        _: &russh::Names,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.notes.lock().server =
            Some(String::from_utf8_lossy(session.remote_sshid()).into_owned());
        Ok(())
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), Self::Error> {
        self.notes.lock().banner = Some(banner.to_owned());
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                self.notes.lock().farewell = Some(info.message);
                Ok(())
            }
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_cut() {
        let notes = Notes::default();
        assert_eq!(notes.last_words(), None);
        notes.lock().banner = Some("go\n away ".to_owned());
        assert_eq!(notes.last_words().as_deref(), Some("go away"));
        notes.lock().farewell = Some(format!("x{}", "é".repeat(1000)));
        let words = notes.last_words().expect("words");
        assert_eq!(words.chars().count(), 1 + 511 + 1, "{words}");
        assert!(words.ends_with("é…"), "{words}");
    }
}
