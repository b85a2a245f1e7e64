//! What every kind of probe promises, and the entry that makes one out of its
//! options.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use super::context::{Context, Target};
use super::facts::{FactSpec, Facts};
use super::kinds::AlertTest;
use crate::transport::command::Policy;
use crate::transport::{Fault, SecretRef};

/// Where a kind's probe starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Runs on the host that the check is `on`, over SSH or locally; `on` is required.
    Host,
    /// Opens connections from the operator's machine, or through `via`; `on`
    /// gives the address where the options name none.
    Network,
    /// Runs on the hosts that [`Kind::hosts`] names, each over its own SSH
    /// connection or locally, as one check; `on` and `via` mean nothing to it.
    Hosts,
    /// Runs on the host that the check is `on`; without `on` it opens connections as
    /// [`Place::Network`] does.
    Either,
}

/// A name of hosts in a kind's own options, spelt as in `on`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedHosts<'a> {
    /// Path of the option below the kind's key, `["hosts", "0"]`.
    pub path: Vec<String>,
    /// A host's id, `tag:NAME` or `all`.
    pub name: &'a str,
}

/// Expectations in the language of `judge`, as text: a probe does not know the judge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Not held: BLOCKED.
    pub require: Vec<String>,
    /// Not held: WARN.
    pub prefer: Vec<String>,
}

impl Defaults {
    /// Only required ones.
    pub fn require<I, S>(expectations: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self {
            require: expectations.into_iter().map(Into::into).collect(),
            prefer: Vec::new(),
        }
    }
}

/// One thing that a probe would send, for `plan` to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// As in the audit: `ssh-exec`, `http`, `postgres`, …
    pub protocol: &'static str,
    /// The command line, request line or statement.
    pub text: String,
    /// Only the baseline's `policy.allow` lets it through.
    pub by_extension: bool,
    /// The option of the command line without which it is not sent.
    pub only_with: Option<&'static str>,
    /// The host that it is sent to, where the check has several.
    pub host: Option<String>,
}

impl Request {
    /// A request that the built-in rules allow.
    pub fn new(protocol: &'static str, text: impl Into<String>) -> Self {
        Self {
            protocol,
            text: text.into(),
            by_extension: false,
            only_with: None,
            host: None,
        }
    }
}

/// Options that each parse but do not go together, or that the policy refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionProblem {
    /// Path of the option below the kind's key, `["body", "max_bytes"]`; empty
    /// for the kind as a whole.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub suggestion: Option<String>,
}

/// A kind of probe. The implementing type is its options, as a baseline spells
/// them; its doc comment is the first paragraph of the user's page, the doc
/// comments of its fields are the option reference.
pub trait Kind: DeserializeOwned + JsonSchema + std::fmt::Debug + Send + Sync + 'static {
    /// The key in a baseline.
    const NAME: &'static str;
    /// What a probe of this kind does, one line without a full stop.
    const SUMMARY: &'static str;
    /// Where it starts from.
    const PLACE: Place;
    /// Every fact it can yield.
    const FACTS: &'static [FactSpec];
    /// A check for the docs page, as YAML below a check's id. The contract
    /// test plans it.
    const EXAMPLE: &'static str;

    /// Resolves paths of files on the operator's machine that are relative to the
    /// baseline's: `folder` is where the file is that the options stand in.
    fn beside(&mut self, folder: &Path) {
        let _ = folder;
    }

    /// Problems that the option types alone cannot rule out.
    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let _ = (target, policy);
        Vec::new()
    }

    /// The hosts that its options name. The plan resolves them to
    /// [`Target::also`] before it asks for anything below, and tells of those
    /// that there are not.
    fn hosts(&self) -> Vec<NamedHosts<'_>> {
        Vec::new()
    }

    /// What is expected when the baseline says nothing. May depend on options.
    fn defaults(&self) -> Defaults;

    /// How a card names the first required one of [`Kind::defaults`], where the
    /// baseline has a shorter form of it: `status: [2xx, 401]`.
    fn default_in_words(&self) -> Option<String> {
        None
    }

    /// What an answer would be, for a card that has to report a fault instead:
    /// `a TCP connection to 192.168.0.188:5432 within 5 s`.
    fn goal(&self, target: &Target) -> String;

    /// Exactly what would be sent, in order.
    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request>;

    /// The secrets it needs.
    fn secrets(&self) -> Vec<&SecretRef> {
        Vec::new()
    }

    /// Looks once.
    ///
    /// # Errors
    /// The fault that stood in the way of the facts. A surprising answer (a
    /// 502, an inactive unit) is a fact, not a fault.
    fn run(&self, context: &Context) -> impl Future<Output = Result<Facts, Fault>> + Send;

    /// Itself, for the one kind that sends what is not a question. Whoever has
    /// leave to send it has to give it by hand, see [`AlertTest::look`].
    fn alert_test(&self) -> Option<&AlertTest> {
        None
    }
}

type RunFuture<'a> = Pin<Box<dyn Future<Output = Result<Facts, Fault>> + Send + 'a>>;

/// A [`Kind`] with its type erased, as a plan holds it.
pub trait Probe: std::fmt::Debug + Send + Sync {
    /// See [`Kind::beside`].
    fn beside(&mut self, folder: &Path) {
        let _ = folder;
    }
    /// See [`Kind::problems`].
    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem>;
    /// See [`Kind::hosts`].
    fn hosts(&self) -> Vec<NamedHosts<'_>> {
        Vec::new()
    }
    /// See [`Kind::defaults`].
    fn defaults(&self) -> Defaults;
    /// See [`Kind::default_in_words`].
    fn default_in_words(&self) -> Option<String> {
        None
    }
    /// See [`Kind::goal`].
    fn goal(&self, target: &Target) -> String;
    /// See [`Kind::requests`].
    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request>;
    /// See [`Kind::secrets`].
    fn secrets(&self) -> Vec<&SecretRef>;
    /// See [`Kind::run`].
    fn run<'a>(&'a self, context: &'a Context) -> RunFuture<'a>;
    /// See [`Kind::alert_test`].
    fn alert_test(&self) -> Option<&AlertTest> {
        None
    }
}

impl<K: Kind> Probe for K {
    fn beside(&mut self, folder: &Path) {
        Kind::beside(self, folder);
    }

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        Kind::problems(self, target, policy)
    }

    fn hosts(&self) -> Vec<NamedHosts<'_>> {
        Kind::hosts(self)
    }

    fn defaults(&self) -> Defaults {
        Kind::defaults(self)
    }

    fn default_in_words(&self) -> Option<String> {
        Kind::default_in_words(self)
    }

    fn goal(&self, target: &Target) -> String {
        Kind::goal(self, target)
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        Kind::requests(self, target, policy)
    }

    fn secrets(&self) -> Vec<&SecretRef> {
        Kind::secrets(self)
    }

    fn run<'a>(&'a self, context: &'a Context) -> RunFuture<'a> {
        Box::pin(Kind::run(self, context))
    }

    fn alert_test(&self) -> Option<&AlertTest> {
        Kind::alert_test(self)
    }
}

/// A line of the table of kinds.
#[derive(Debug, Clone, Copy)]
pub struct KindEntry {
    /// See [`Kind::NAME`].
    pub name: &'static str,
    /// See [`Kind::SUMMARY`].
    pub summary: &'static str,
    /// See [`Kind::PLACE`].
    pub place: Place,
    /// See [`Kind::FACTS`].
    pub facts: &'static [FactSpec],
    /// See [`Kind::EXAMPLE`].
    pub example: &'static str,
    /// The options' JSON Schema, from the same type that reads them.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Reads the options.
    pub build: fn(serde_json::Value) -> Result<Box<dyn Probe>, OptionProblem>,
}

/// The table's line for a kind.
#[must_use]
pub(super) const fn entry<K: Kind>() -> KindEntry {
    KindEntry {
        name: K::NAME,
        summary: K::SUMMARY,
        place: K::PLACE,
        facts: K::FACTS,
        example: K::EXAMPLE,
        schema: |generator| generator.subschema_for::<K>(),
        build: build::<K>,
    }
}

fn build<K: Kind>(options: serde_json::Value) -> Result<Box<dyn Probe>, OptionProblem> {
    match serde_path_to_error::deserialize::<_, K>(options) {
        Ok(kind) => Ok(Box::new(kind)),
        Err(error) => Err(OptionProblem {
            path: error
                .path()
                .iter()
                .map(|segment| match segment {
                    serde_path_to_error::Segment::Map { key } => key.clone(),
                    serde_path_to_error::Segment::Seq { index } => index.to_string(),
                    serde_path_to_error::Segment::Enum { variant } => variant.clone(),
                    serde_path_to_error::Segment::Unknown => "?".to_owned(),
                })
                .collect(),
            message: error.into_inner().to_string(),
            suggestion: None,
        }),
    }
}
