//! Options of `http` that have more than one spelling.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::probe::SecretRef;

/// A header's value: text, or a secret by reference.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text, or `{ secret: env:NAME }`")]
pub(super) enum HeaderText {
    /// Sent as it stands.
    Plain(String),
    /// A secret, after a prefix such as `Bearer `.
    Secret(SecretText),
}

/// A header's value that holds a secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probe::kinds) struct SecretText {
    /// Where the secret is kept.
    pub(in crate::probe::kinds) secret: SecretRef,
    /// What precedes it: `Bearer `.
    #[serde(default)]
    pub(in crate::probe::kinds) prefix: String,
}

/// A status or a class of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "Spelled")]
#[schemars(with = "Spelled")]
pub(super) enum StatusPattern {
    /// `200`
    One(u16),
    /// `2xx`
    Class(u16),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a status such as 200, or a class such as 2xx")]
enum Spelled {
    Number(#[schemars(range(min = 100, max = 599))] u16),
    Text(
        #[schemars(
            regex(pattern = r"^[1-5](\d\d|xx)$"),
            extend("x-expected" = "a status such as 200, or a class such as 2xx")
        )]
        String,
    ),
}

impl TryFrom<Spelled> for StatusPattern {
    type Error = String;

    fn try_from(spelled: Spelled) -> Result<Self, Self::Error> {
        match spelled {
            Spelled::Number(status) => status.to_string().parse(),
            Spelled::Text(text) => text.parse(),
        }
    }
}

impl FromStr for StatusPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text} is neither a status such as 200 nor a class such as 2xx");
        let pattern = match text.strip_suffix("xx") {
            Some(class) => Self::Class(class.parse().map_err(|_| wrong())?),
            None => Self::One(text.parse().map_err(|_| wrong())?),
        };
        match pattern {
            Self::Class(1..=5) | Self::One(100..=599) => Ok(pattern),
            Self::Class(_) | Self::One(_) => Err(wrong()),
        }
    }
}

impl fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(status) => write!(f, "{status}"),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}

/// The right statuses; `2xx` when nothing is said.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a status such as 200, a class such as 2xx, or a list of them"
)]
pub(super) enum Statuses {
    /// One of them.
    One(StatusPattern),
    /// Any of these.
    Any(Vec<StatusPattern>),
}

/// What is right when nothing is said.
pub(super) static DEFAULT_STATUS: Statuses = Statuses::One(StatusPattern::Class(2));

impl Statuses {
    pub(super) fn patterns(&self) -> &[StatusPattern] {
        match self {
            Self::One(pattern) => std::slice::from_ref(pattern),
            Self::Any(patterns) => patterns,
        }
    }

    /// The option as the baseline writes it, where it names a class: an
    /// expression has nothing as short for that.
    pub(super) fn words(&self) -> Option<String> {
        let patterns = self.patterns();
        let is_class = |pattern: &StatusPattern| matches!(pattern, StatusPattern::Class(_));
        if !patterns.iter().any(is_class) {
            return None;
        }
        let list: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        Some(match self {
            Self::One(_) => format!("status: {}", list.join(", ")),
            Self::Any(_) => format!("status: [{}]", list.join(", ")),
        })
    }

    /// The expectation that one of them was seen.
    pub(super) fn expectation(&self) -> String {
        let single: Vec<String> = self
            .patterns()
            .iter()
            .filter_map(|pattern| match pattern {
                StatusPattern::One(status) => Some(status.to_string()),
                StatusPattern::Class(_) => None,
            })
            .collect();
        let single = match single.as_slice() {
            [] => None,
            [one] => Some(format!("status == {one}")),
            several => Some(format!("status in [{}]", several.join(", "))),
        };
        let classes = self.patterns().iter().filter_map(|pattern| match pattern {
            StatusPattern::Class(class) => {
                Some(format!("status >= {class}00 && status < {}00", class + 1))
            }
            StatusPattern::One(_) => None,
        });
        let all: Vec<String> = single.into_iter().chain(classes).collect();
        match all.as_slice() {
            [only] => only.clone(),
            several => several
                .iter()
                .map(|part| format!("({part})"))
                .collect::<Vec<_>>()
                .join(" || "),
        }
    }
}
