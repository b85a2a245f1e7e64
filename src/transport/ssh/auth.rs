//! Logging in by public key: the baseline's key files, the agent's keys, then
//! the usual key files. Never a password, and no prompt.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::MethodKind;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{self, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use tokio::net::UnixStream;

use super::handshake::{Client, Notes};
use super::known_hosts::fingerprint;
use super::login::Login;
use crate::transport::{Fault, FaultKind, files};

/// Bytes of a key file; RSA keys of 16384 bits have some 13 KiB.
const LARGEST_KEY: u64 = 1 << 20;

type Agent = AgentClient<UnixStream>;

pub(super) enum AuthFailure {
    /// The server's last word, or nothing to offer it.
    Denied(Fault),
    /// The connection went away before an answer.
    Lost(Fault),
}

/// A key to offer, with what a person would call it.
enum Offer {
    File(PathBuf, Arc<PrivateKey>),
    Agent(Box<AgentIdentity>),
}

impl Offer {
    fn key(&self) -> PublicKey {
        match self {
            Self::File(_, key) => key.public_key().clone(),
            Self::Agent(identity) => identity.public_key().into_owned(),
        }
    }

    fn name(&self) -> String {
        let print = fingerprint(&self.key());
        match self {
            Self::File(path, _) => format!("{} ({print})", path.display()),
            Self::Agent(_) => format!("the agent's {print}"),
        }
    }
}

/// Keys in the order of their offer, and why others are not among them.
#[derive(Default)]
struct Offers {
    keys: Vec<Offer>,
    passed_over: Vec<String>,
}

/// Logs in, or says who was refused with which keys.
pub(super) async fn log_in(
    handle: &mut Handle<Client>,
    login: &Login,
    notes: &Notes,
) -> Result<(), AuthFailure> {
    let mut agent = None;
    let mut offers = Offers::default();
    let mut identities = Vec::new();
    if let Some(socket) = &login.agent {
        match open_agent(socket).await {
            Ok((client, held)) => {
                agent = Some(client);
                identities = held;
            }
            Err(error) => offers.passed_over.push(format!(
                "the agent at {} does not answer: {error}",
                socket.display()
            )),
        }
    }
    offers.gather(login, identities).await?;
    offers.present(handle, login, agent.as_mut(), notes).await
}

async fn open_agent(socket: &Path) -> Result<(Agent, Vec<AgentIdentity>), keys::Error> {
    let mut agent = AgentClient::connect_uds(socket).await?;
    let identities = agent.request_identities().await?;
    Ok((agent, identities))
}

impl Offers {
    async fn gather(
        &mut self,
        login: &Login,
        identities: Vec<AgentIdentity>,
    ) -> Result<(), AuthFailure> {
        let mut agents = identities;
        for path in &login.named {
            if !self.add_file(path, &mut agents).await {
                return Err(AuthFailure::Denied(
                    Fault::new(
                        FaultKind::LocalSetup,
                        format!("the key file {} does not exist", path.display()),
                    )
                    .hint("the baseline names it under ssh.identity of the host"),
                ));
            }
        }
        // Keys that the configuration names come before the agent's others:
        // a server hangs up after a few keys (MaxAuthTries 6).
        let mut usual = Self::default();
        for path in &login.usual {
            usual.add_file(path, &mut agents).await;
        }
        let (from_agent, from_files): (Vec<_>, Vec<_>) = usual
            .keys
            .into_iter()
            .partition(|offer| matches!(offer, Offer::Agent(_)));
        self.extend(from_agent);
        if !login.identities_only {
            self.extend(
                agents
                    .into_iter()
                    .map(|identity| Offer::Agent(Box::new(identity))),
            );
        }
        self.extend(from_files);
        self.passed_over.extend(usual.passed_over);
        Ok(())
    }

    fn extend(&mut self, offers: impl IntoIterator<Item = Offer>) {
        for offer in offers {
            let key = offer.key();
            let offered = |other: &Offer| other.key().key_data() == key.key_data();
            if !self.keys.iter().any(offered) {
                self.keys.push(offer);
            }
        }
    }

    /// Adds the key of a file; from the agent when it holds that key. False
    /// when there is no such file.
    async fn add_file(&mut self, path: &Path, agents: &mut Vec<AgentIdentity>) -> bool {
        let text = match read_key(path).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return false,
            Err(error) => {
                self.passed_over
                    .push(format!("{} cannot be read: {error}", path.display()));
                return true;
            }
        };
        let public = public_key(path, &text).await;
        let held = agents.iter().position(|identity| {
            public
                .as_ref()
                .is_some_and(|key| key.key_data() == identity.public_key().key_data())
        });
        if let Some(place) = held {
            self.extend([Offer::Agent(Box::new(agents.remove(place)))]);
            return true;
        }
        match keys::decode_secret_key(&text, None) {
            Ok(key) => self.extend([Offer::File(path.to_owned(), Arc::new(key))]),
            Err(keys::Error::KeyIsEncrypted) => self.passed_over.push(format!(
                "{} is encrypted, and no agent holds it",
                path.display()
            )),
            Err(error) => self
                .passed_over
                .push(format!("{} is no key: {error}", path.display())),
        }
        true
    }

    async fn present(
        &self,
        handle: &mut Handle<Client>,
        login: &Login,
        mut agent: Option<&mut Agent>,
        notes: &Notes,
    ) -> Result<(), AuthFailure> {
        if self.keys.is_empty() {
            return Err(AuthFailure::Denied(self.nothing_to_offer(login)));
        }
        let mut refused: Vec<String> = Vec::new();
        let mut hash = None;
        for offer in &self.keys {
            if offer.key().algorithm().is_rsa() && hash.is_none() {
                hash = Some(rsa_hash(handle).await);
            }
            let result = match (offer, agent.as_deref_mut()) {
                (Offer::File(_, key), _) => {
                    let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash.flatten());
                    handle
                        .authenticate_publickey(&login.user, key)
                        .await
                        .map_err(|error| error.to_string())
                }
                (Offer::Agent(identity), Some(agent)) => {
                    ask_agent(handle, &login.user, identity, hash.flatten(), agent).await
                }
                (Offer::Agent(_), None) => continue,
            };
            match result {
                Ok(AuthResult::Success) => return Ok(()),
                Ok(AuthResult::Failure {
                    remaining_methods,
                    partial_success,
                }) => {
                    if partial_success {
                        let asked = methods(&remaining_methods);
                        return Err(AuthFailure::Denied(Fault::new(
                            FaultKind::Denied,
                            format!(
                                "{} accepts {} for {} and asks for {asked} as well",
                                login.address,
                                offer.name(),
                                login.user
                            ),
                        )));
                    }
                    refused.push(offer.name());
                    if handle.is_closed() {
                        break;
                    }
                    if !remaining_methods.contains(&MethodKind::PublicKey) {
                        break;
                    }
                }
                // An agent that will not sign leaves the connection usable.
                Err(error) if !handle.is_closed() => {
                    refused.push(format!("{} (no signature: {error})", offer.name()));
                }
                Err(_) => break,
            }
        }
        if refused.is_empty() {
            let seen = format!("{} closed the connection during the login", login.address);
            return Err(AuthFailure::Lost(Fault::new(FaultKind::Closed, seen)));
        }
        Err(AuthFailure::Denied(self.refused(login, &refused, notes)))
    }

    fn refused(&self, login: &Login, refused: &[String], notes: &Notes) -> Fault {
        let mut seen = format!(
            "{} does not let {} in with {}",
            login.address,
            login.user,
            refused.join(", ")
        );
        // pam_nologin speaks here while a host is still booting.
        if let Some(words) = notes.last_words() {
            seen.push_str(&format!("; it said \"{words}\""));
        }
        for reason in &self.passed_over {
            seen.push_str(&format!("; {reason}"));
        }
        Fault::new(FaultKind::Denied, seen).hint(format!(
            "add the public key to ~{}/.ssh/authorized_keys on the host, or name the right key as ssh.identity",
            login.user
        ))
    }

    fn nothing_to_offer(&self, login: &Login) -> Fault {
        let mut seen = format!("no key to offer for {}@{}", login.user, login.address);
        for reason in &self.passed_over {
            seen.push_str(&format!("; {reason}"));
        }
        Fault::new(FaultKind::LocalSetup, seen)
            .hint("load the key into ssh-agent (ssh-add), or name a key file as ssh.identity")
    }
}

/// The public half of a key file, also of an encrypted one.
async fn public_key(path: &Path, text: &str) -> Option<PublicKey> {
    if let Ok(key) = PrivateKey::from_openssh(text) {
        return Some(key.public_key().clone());
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".pub");
    let text = read_key(Path::new(&beside)).await.ok()?;
    PublicKey::from_openssh(text.trim()).ok()
}

async fn read_key(path: &Path) -> std::io::Result<String> {
    let bytes = files::read(path, LARGEST_KEY).await?;
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is no text"))
}

/// SHA-1 signatures are not offered, as in OpenSSH.
async fn rsa_hash(handle: &Handle<Client>) -> Option<HashAlg> {
    match handle.best_supported_rsa_hash().await {
        Ok(Some(Some(hash))) => Some(hash),
        _ => Some(HashAlg::Sha256),
    }
}

async fn ask_agent(
    handle: &mut Handle<Client>,
    user: &str,
    identity: &AgentIdentity,
    rsa: Option<HashAlg>,
    agent: &mut Agent,
) -> Result<AuthResult, String> {
    let hash = rsa.filter(|_| identity.public_key().algorithm().is_rsa());
    match identity {
        AgentIdentity::PublicKey { key, .. } => {
            handle
                .authenticate_publickey_with(user, key.clone(), hash, agent)
                .await
        }
        AgentIdentity::Certificate { certificate, .. } => {
            handle
                .authenticate_certificate_with(user, certificate.clone(), hash, agent)
                .await
        }
    }
    .map_err(|error| error.to_string())
}

fn methods(methods: &russh::MethodSet) -> String {
    let names: Vec<&str> = methods.iter().map(<&str>::from).collect();
    if names.is_empty() {
        "something else".to_owned()
    } else {
        names.join(" or ")
    }
}
