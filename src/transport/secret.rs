//! Secrets by reference, and the scrubber that keeps them out of what is shown.

mod spelling;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

pub(super) use spelling::hide;

/// Where a secret is kept: `env:NAME`, `file:/path` or `credential:name`
/// (a systemd credential, see `systemd.exec(5)`, `LoadCredential=`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(
    with = "String",
    extend(
        "pattern" = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+|credential:[A-Za-z0-9_.@-]+)$",
        "writeOnly" = true,
        "x-expected" = "a reference to a secret: `env:NAME`, `file:/path` or `credential:name`"
    )
)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; one trailing newline is not part of the secret.
    File(String),
    /// A systemd credential.
    Credential(String),
}

impl FromStr for SecretRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(path.to_owned())),
            Some(("credential", name)) if !name.is_empty() && !name.contains('/') => {
                Ok(Self::Credential(name.to_owned()))
            }
            // The text may be the secret itself, so it is not repeated.
            _ => Err(
                "a secret is given by reference: env:NAME, file:/path or credential:name"
                    .to_owned(),
            ),
        }
    }
}

impl TryFrom<String> for SecretRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Credential(name) => write!(f, "credential:{name}"),
        }
    }
}

/// The secrets of one run: those resolved before the first probe starts, and
/// those that a probe met on a host.
#[derive(Debug, Default)]
pub struct Secrets {
    values: BTreeMap<SecretRef, SecretString>,
    met: Mutex<Vec<SecretString>>,
}

impl Secrets {
    /// Keeps `value` under its reference.
    pub fn insert(&mut self, reference: SecretRef, value: SecretString) {
        self.values.insert(reference, value);
    }

    /// Keeps a secret that a host told, to be hidden from now on.
    pub fn meet(&self, value: SecretString) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |known: &SecretString| known.expose_secret() == value.expose_secret();
        if !met.iter().any(known) {
            met.push(value);
        }
    }

    /// The secret that a reference stands for, if it was resolved.
    #[must_use]
    pub fn get(&self, reference: &SecretRef) -> Option<&SecretString> {
        self.values.get(reference)
    }

    /// `text` with every known secret replaced by `***`, as it is and as it is
    /// spelled in base64 (also with other text around it, as a login of HTTP
    /// has it), both also folded over several lines, with `%`-escapes, and in JSON.
    ///
    /// Secrets under four bytes are left: hiding every `a` would destroy the
    /// text and still tell the secret by its gaps.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let mut values: Vec<&str> = self
            .values
            .values()
            .chain(met.iter())
            .map(ExposeSecret::expose_secret)
            .filter(|value| value.len() >= 4)
            .collect();
        // The longest first, so that a secret that contains another goes whole.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values
            .into_iter()
            .fold(text.to_owned(), |text, value| hide(&text, value))
    }
}

#[cfg(test)]
mod tests;
