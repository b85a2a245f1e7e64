//! Why something could not be observed.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// What went wrong between asking and seeing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The other side answered that nothing listens there (RST, ECONNREFUSED).
    Refused,
    /// No answer within the time allowed.
    TimedOut,
    /// The network said that there is no way to the address (EHOSTUNREACH, ENETUNREACH).
    Unreachable,
    /// The name does not resolve to an address.
    Unresolved,
    /// The connection opened and was cut off before the answer was whole.
    Closed,
    /// The other side knows us and says no: login, permission, policy.
    Denied,
    /// The host's SSH key or a TLS certificate is not the one that is trusted.
    HostKey,
    /// The answer is not what the protocol allows.
    Protocol,
    /// The thing asked for does not exist there: a file, a unit, a program, a database.
    Missing,
    /// Something on the operator's own machine is missing or unreadable.
    LocalSetup,
    /// The probe itself failed: a defect in coldstart.
    Internal,
}

impl FaultKind {
    /// The kind in words, as cards print it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TimedOut => "timed out",
            Self::Unreachable => "unreachable",
            Self::Unresolved => "unresolved",
            Self::Closed => "closed",
            Self::Denied => "denied",
            Self::HostKey => "host key",
            Self::Protocol => "protocol",
            Self::Missing => "missing",
            Self::LocalSetup => "local setup",
            Self::Internal => "internal",
        }
    }

    /// Whether trying again cannot help: the answer is a decision, not a state.
    fn is_decision(self) -> bool {
        match self {
            Self::Denied | Self::HostKey | Self::LocalSetup | Self::Unresolved | Self::Internal => {
                true
            }
            Self::Refused
            | Self::TimedOut
            | Self::Unreachable
            | Self::Closed
            | Self::Protocol
            | Self::Missing => false,
        }
    }
}

/// The connection that several checks ride on: `host:192.168.0.120` or
/// `ssh:data188`. When it fails, it fails once for all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct ConnectionKey(String);

impl ConnectionKey {
    /// The address as a whole is unreachable, whatever the port.
    #[must_use]
    pub fn address(address: &str) -> Self {
        Self(format!("host:{address}"))
    }

    /// The SSH connection of one host of the baseline.
    #[must_use]
    pub fn ssh(host_id: &str) -> Self {
        Self(format!("ssh:{host_id}"))
    }

    /// The address, where the key stands for one as a whole.
    #[must_use]
    pub fn as_address(&self) -> Option<&str> {
        self.0.strip_prefix("host:")
    }
}

impl fmt::Display for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why there is no observation. Says what was seen, never which check saw it:
/// the outer layers add that once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// The class of the fault.
    pub kind: FaultKind,
    /// What was seen, as a lower-case fragment: `connection refused by 192.168.0.188:5432`.
    pub seen: String,
    /// What to do about it, where the protocol itself tells: `ssh-keygen -R …`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The shared connection that failed, when the fault is not this check's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionKey>,
    /// Trying again within this run cannot help.
    pub hopeless: bool,
    /// What this fault alone does not prove to have failed: silence of one
    /// port. Where another check finds that it has, that is the cause.
    #[serde(skip)]
    pub suspect: Option<ConnectionKey>,
}

impl Fault {
    /// A fault of `kind` that says what was `seen`.
    pub fn new(kind: FaultKind, seen: impl Into<String>) -> Self {
        Self {
            kind,
            seen: seen.into(),
            hint: None,
            connection: None,
            hopeless: kind.is_decision(),
            suspect: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Marks the shared connection that failed. The transport remembers such a
    /// failure for the whole run, so trying again cannot help.
    #[must_use]
    pub fn on_connection(mut self, key: ConnectionKey) -> Self {
        self.connection = Some(key);
        self.hopeless = true;
        self
    }

    /// Names what may have failed as a whole, see [`Fault::suspect`].
    #[must_use]
    pub fn suspect(mut self, key: ConnectionKey) -> Self {
        self.suspect = Some(key);
        self
    }

    /// Overrides whether another attempt can help.
    #[must_use]
    pub fn hopeless(mut self, hopeless: bool) -> Self {
        self.hopeless = hopeless;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.seen)
    }
}

impl std::error::Error for Fault {}
