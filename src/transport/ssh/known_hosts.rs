//! Which host keys are trusted: the `known_hosts` files, as `sshd(8)`
//! describes them. They are read and never written.
//!
//! russh brings a check of its own, which accepts `@revoked` keys, knows no
//! wildcards, no tabs and no second file, and gives up at the first line that
//! it cannot read.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use ring::hmac;
use russh::keys::ssh_key::known_hosts::{HostPatterns, Marker};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

use crate::transport::{files, wildcard};

/// Bytes of a list of keys: some tens of thousands of hosts.
pub(super) const LARGEST_FILE: u64 = 16 << 20;

/// The name that a host's keys are filed under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostName {
    /// `data188`, or `[data188]:2222` for another port than 22.
    name: String,
    /// The name without its port: accepted when the key matches, as OpenSSH does.
    without_port: Option<String>,
}

impl HostName {
    /// The name of `host` at `port`.
    pub(super) fn new(host: &str, port: u16) -> Self {
        let host = host.to_lowercase();
        if port == 22 {
            Self {
                name: host,
                without_port: None,
            }
        } else {
            Self {
                name: format!("[{host}]:{port}"),
                without_port: Some(host),
            }
        }
    }

    /// A `HostKeyAlias`, which stands for the host whatever its port.
    pub(super) fn alias(alias: &str) -> Self {
        Self {
            name: alias.to_lowercase(),
            without_port: None,
        }
    }
}

impl HostName {
    /// Whether a line for `hosts` counts, as one for another port may.
    fn is_in(&self, hosts: &HostPatterns) -> bool {
        names(hosts, &self.name)
            || self
                .without_port
                .as_deref()
                .is_some_and(|name| names(hosts, name))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A line of a file: `/home/wooo/.ssh/known_hosts:12`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    file: PathBuf,
    line: usize,
}

impl Place {
    /// The file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// What the files say about a key that a server proved to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// The key is there for this host.
    Known,
    /// The key is marked `@revoked`, which no other line outweighs.
    Revoked(Place),
    /// A line that revokes a key of the host cannot be read: it may be this key.
    RevokedUnread(Place),
    /// Another key of the same type is there.
    Changed {
        /// The line with the other key.
        at: Place,
        /// Fingerprint of the other key.
        was: String,
    },
    /// No key of this type is there.
    Unknown {
        /// Keys of other types: where, and which type.
        others: Vec<(Place, String)>,
        /// A `@cert-authority` line for the host: host certificates are not supported.
        authority: Option<Place>,
    },
}

#[derive(Debug, Clone)]
struct Entry {
    place: Place,
    marker: Option<Marker>,
    hosts: HostPatterns,
    key: PublicKey,
}

/// The entries of all files that count for a host.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownHosts {
    entries: Vec<Entry>,
    /// `@revoked` lines whose key cannot be read, and the hosts that they name.
    unread: Vec<(Place, HostPatterns)>,
    /// Lines and files that could not be read, each with its reason.
    warnings: Vec<String>,
}

impl KnownHosts {
    /// Reads `files` in order. A file that does not exist is empty; one that
    /// cannot be read is a warning, like a line that is not an entry.
    pub(super) async fn read(files: &[PathBuf]) -> Self {
        let mut known = Self::default();
        for file in files {
            match files::read(file, LARGEST_FILE).await {
                Ok(bytes) => known.add(file, &String::from_utf8_lossy(&bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => known
                    .warnings
                    .push(format!("{} cannot be read: {error}", file.display())),
            }
        }
        known
    }

    /// Adds the lines of one file.
    pub(super) fn add(&mut self, file: &Path, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = Place {
                file: file.to_owned(),
                line: index + 1,
            };
            match parse(line) {
                Ok((marker, hosts, key)) => self.entries.push(Entry {
                    place,
                    marker,
                    hosts,
                    key,
                }),
                Err(reason) => {
                    self.warnings.push(format!("{place} is skipped: {reason}"));
                    if let Some(hosts) = revoked_hosts(line) {
                        self.unread.push((place, hosts));
                    }
                }
            }
        }
    }

    /// Counts every key of a `RevokedHostKeys` file as revoked, for all hosts.
    ///
    /// # Errors
    /// What cannot be read of it. As with OpenSSH no host is trusted then:
    /// the key that it shows may be among them.
    pub(super) fn revoke(&mut self, file: &Path, bytes: &[u8]) -> Result<(), String> {
        if bytes.starts_with(b"SSHKRL\n\0") {
            return Err("it is a binary list (KRL); a list of public keys can be read".to_owned());
        }
        for (index, line) in String::from_utf8_lossy(bytes).lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (marker, hosts, key) = parse(&format!("@revoked * {line}"))
                .map_err(|reason| format!("line {}: {reason}", index + 1))?;
            self.entries.push(Entry {
                place: Place {
                    file: file.to_owned(),
                    line: index + 1,
                },
                marker,
                hosts,
                key,
            });
        }
        Ok(())
    }

    /// Lines and files that could not be read, each with its reason.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Signature algorithms to ask for: those of the keys known for `host`
    /// first, so that a server with several keys proves the one that is known.
    /// SHA-1 signatures are never asked for.
    pub(super) fn algorithms(&self, host: &HostName) -> Vec<Algorithm> {
        let known = |algorithm: &Algorithm| {
            self.trusted(host)
                .any(|entry| entry.key.algorithm() == type_of(algorithm))
        };
        let (mut first, rest): (Vec<_>, Vec<_>) = ASKED_FOR.iter().cloned().partition(known);
        first.extend(rest);
        first
    }

    /// What the files say about `key` for `host`.
    pub(super) fn trust(&self, host: &HostName, key: &PublicKey) -> Trust {
        let is_key = |entry: &&Entry| entry.key.key_data() == key.key_data();
        let revoked = |entry: &&Entry| entry.marker == Some(Marker::Revoked);
        if let Some(entry) = self.of(host).filter(revoked).find(is_key) {
            return Trust::Revoked(entry.place.clone());
        }
        if let Some((place, _)) = self.unread.iter().find(|(_, hosts)| host.is_in(hosts)) {
            return Trust::RevokedUnread(place.clone());
        }
        if self.trusted(host).any(|entry| is_key(&entry)) {
            return Trust::Known;
        }
        let same_type = |entry: &&Entry| entry.key.algorithm() == key.algorithm();
        if let Some(entry) = self.exactly(host).filter(plain).find(same_type) {
            return Trust::Changed {
                at: entry.place.clone(),
                was: fingerprint(&entry.key),
            };
        }
        Trust::Unknown {
            others: self
                .exactly(host)
                .filter(plain)
                .map(|entry| (entry.place.clone(), entry.key.algorithm().to_string()))
                .collect(),
            authority: self
                .of(host)
                .find(|entry| entry.marker == Some(Marker::CertAuthority))
                .map(|entry| entry.place.clone()),
        }
    }

    fn exactly<'a>(&'a self, host: &'a HostName) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .iter()
            .filter(|entry| names(&entry.hosts, &host.name))
    }

    fn of<'a>(&'a self, host: &'a HostName) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(|entry| host.is_in(&entry.hosts))
    }

    fn trusted<'a>(&'a self, host: &'a HostName) -> impl Iterator<Item = &'a Entry> {
        self.of(host).filter(plain)
    }
}

/// An entry without a marker: this key, for these hosts.
fn plain(entry: &&Entry) -> bool {
    entry.marker.is_none()
}

const ASKED_FOR: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha512),
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha256),
    },
];

/// The type of key behind a signature algorithm: RSA keys have no hash of their own.
fn type_of(algorithm: &Algorithm) -> Algorithm {
    match algorithm {
        Algorithm::Rsa { .. } => Algorithm::Rsa { hash: None },
        other => other.clone(),
    }
}

/// `SHA256:…`, as `ssh-keygen -l` prints it.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

fn parse(line: &str) -> Result<(Option<Marker>, HostPatterns, PublicKey), Cow<'static, str>> {
    let mut fields = line.split_ascii_whitespace().peekable();
    let marker = match fields.next_if(|field| field.starts_with('@')) {
        None => None,
        Some("@revoked") => Some(Marker::Revoked),
        Some("@cert-authority") => Some(Marker::CertAuthority),
        Some(other) => return Err(format!("unknown marker {other}").into()),
    };
    let (Some(hosts), Some(kind), Some(key)) = (fields.next(), fields.next(), fields.next()) else {
        return Err("hosts, key type and key are expected".into());
    };
    let hosts = hosts
        .parse()
        .map_err(|_| Cow::from("the host names cannot be read"))?;
    let key = PublicKey::from_openssh(&format!("{kind} {key}"))
        .map_err(|error| format!("the {kind} key cannot be read: {error}"))?;
    Ok((marker, hosts, key))
}

/// The hosts of a `@revoked` line that cannot be read: all of them where not even
/// their names can. None of a key of DSA, which no host is asked for.
fn revoked_hosts(line: &str) -> Option<HostPatterns> {
    let mut fields = line.split_ascii_whitespace();
    if fields.next() != Some("@revoked") {
        return None;
    }
    let hosts = fields.next()?;
    if fields.next() == Some("ssh-dss") {
        return None;
    }
    let all = || HostPatterns::Patterns(vec!["*".to_owned()]);
    Some(hosts.parse().unwrap_or_else(|_| all()))
}

fn names(hosts: &HostPatterns, name: &str) -> bool {
    match hosts {
        HostPatterns::HashedName { salt, hash } => {
            // The format is SHA-1 by definition; nothing is protected by it here.
            let salt = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&salt, name.as_bytes(), hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let mut named = false;
            for pattern in patterns {
                match pattern.strip_prefix('!') {
                    // One negated match outweighs all others of the line.
                    Some(negated) if matches(negated, name) => return false,
                    Some(_) => {}
                    None => named = named || matches(pattern, name),
                }
            }
            named
        }
    }
}

/// Case is ignored; the name is in lower case already.
fn matches(pattern: &str, name: &str) -> bool {
    wildcard::matches(&pattern.to_lowercase(), name)
}
