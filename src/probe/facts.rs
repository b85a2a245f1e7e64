//! Typed facts: what a probe saw, without an opinion on it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use crate::transport::ConnectionKey;

/// The fact that changes with every boot of a host.
pub const BOOT_ID: &str = "boot_id";

/// The fact with the host's own clock at a look, of kinds whose times that host wrote:
/// `fresh` tells the age of those by it.
pub const HOST_NOW: &str = "host_now";

/// The type of a fact, known before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A number; there is one number type, so `3/4` is 0.75.
    Number,
    /// Text.
    Text,
    /// A span of time.
    Duration,
    /// A moment.
    Time,
    /// Values of one type, in order.
    List(&'static Type),
    /// Values of one type by name: `properties['MemoryMax']`.
    Map(&'static Type),
    /// JSON whose shape the target decides. It takes the type of what it is
    /// compared with; when it turns out to be of another, that is "cannot tell".
    Json,
}

/// The unit of a number, so that no reader has to guess it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Not a number, or a number without a unit.
    None,
    /// Thousandths of a second; the name ends in `_ms`.
    Milliseconds,
    /// Seconds; the name ends in `_s`.
    Seconds,
    /// Bytes; the name ends in `_bytes`.
    Bytes,
    /// 0 to 100; the name ends in `_percent`.
    Percent,
    /// A count of things.
    Count,
}

/// One fact that a kind declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactSpec {
    /// Name in expectations and in the card: the field's own word for it.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Its unit.
    pub unit: Unit,
    /// What it is and where it comes from, one sentence.
    pub doc: &'static str,
    /// The facts that say why it is as it is: a card tells them with it where it is
    /// not what was expected.
    pub because: &'static [&'static str],
}

impl FactSpec {
    /// A fact without a unit.
    #[must_use]
    pub const fn new(name: &'static str, ty: Type, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            unit: Unit::None,
            doc,
            because: &[],
        }
    }

    /// A number with a unit.
    #[must_use]
    pub const fn number(name: &'static str, unit: Unit, doc: &'static str) -> Self {
        Self {
            name,
            ty: Type::Number,
            unit,
            doc,
            because: &[],
        }
    }

    /// The same, with the names of facts that say why it is as it is. The first is
    /// told first; those that are absent or empty are not told.
    #[must_use]
    pub const fn because(mut self, because: &'static [&'static str]) -> Self {
        self.because = because;
        self
    }
}

/// A value seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// See [`Type::Bool`].
    Bool(bool),
    /// See [`Type::Number`].
    Number(f64),
    /// See [`Type::Text`].
    Text(String),
    /// See [`Type::Duration`].
    Duration(SignedDuration),
    /// See [`Type::Time`].
    Time(Timestamp),
    /// See [`Type::List`].
    List(Vec<Value>),
    /// See [`Type::Map`].
    Map(BTreeMap<String, Value>),
    /// See [`Type::Json`].
    Json(serde_json::Value),
}

impl Value {
    /// Whether this value is of type `ty`. Empty lists and maps are of every
    /// element type.
    #[must_use]
    pub fn is(&self, ty: &Type) -> bool {
        match (self, ty) {
            (Self::Bool(_), Type::Bool)
            | (Self::Number(_), Type::Number)
            | (Self::Text(_), Type::Text)
            | (Self::Duration(_), Type::Duration)
            | (Self::Time(_), Type::Time)
            | (Self::Json(_), Type::Json) => true,
            (Self::List(items), Type::List(element)) => items.iter().all(|item| item.is(element)),
            (Self::Map(items), Type::Map(element)) => items.values().all(|item| item.is(element)),
            _ => false,
        }
    }
}

/// Durations serialise as seconds, times as RFC 3339, whole numbers without a
/// fraction, so that `jq` needs no help; a limit that there is not as the text
/// `infinity`.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serialize_number(*value, serializer),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Duration(value) => serialize_number(value.as_secs_f64(), serializer),
            Self::Time(value) => value.serialize(serializer),
            Self::List(values) => values.serialize(serializer),
            Self::Map(values) => values.serialize(serializer),
            Self::Json(value) => value.serialize(serializer),
        }
    }
}

/// Above 2^53 a float no longer names one integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn serialize_number<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_infinite() {
        // JSON has no number for it; null would read as unknown.
        serializer.serialize_str(if value > 0.0 { "infinity" } else { "-infinity" })
    } else if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and within 2^53, checked above"
        )]
        serializer.serialize_i64(value as i64)
    } else {
        serializer.serialize_f64(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Time(value)
    }
}

/// The facts of one observation, by name. A fact that could not be told is
/// absent: never zero, never empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Facts {
    values: BTreeMap<String, Value>,
    #[serde(skip)]
    without: Option<ConnectionKey>,
}

impl Facts {
    /// No facts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Adds a fact when there is one.
    pub fn set_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// The fact of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// All facts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Applies `scrub` to every text in the facts.
    #[must_use]
    pub fn map_text(self, scrub: &dyn Fn(&str) -> String) -> Self {
        let scrubbed = |(name, value)| (name, map_text(value, scrub));
        Self {
            values: self.values.into_iter().map(scrubbed).collect(),
            without: self.without,
        }
    }

    /// The connection without which some facts could not be seen, though others
    /// were: what cannot be told for want of them has its cause there.
    #[must_use]
    pub fn without(&self) -> Option<&ConnectionKey> {
        self.without.as_ref()
    }

    /// Says that a connection was wanting, see [`Facts::without`].
    pub fn set_without(&mut self, connection: ConnectionKey) {
        self.without = Some(connection);
    }
}

fn map_text(value: Value, scrub: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Text(text) => Value::Text(scrub(&text)),
        Value::List(items) => Value::List(
            items
                .into_iter()
                .map(|item| map_text(item, scrub))
                .collect(),
        ),
        Value::Map(items) => Value::Map(
            items
                .into_iter()
                .map(|(name, item)| (scrub(&name), map_text(item, scrub)))
                .collect(),
        ),
        Value::Json(json) => Value::Json(map_json(json, scrub)),
        Value::Bool(_) | Value::Number(_) | Value::Duration(_) | Value::Time(_) => value,
    }
}

fn map_json(json: serde_json::Value, scrub: &dyn Fn(&str) -> String) -> serde_json::Value {
    match json {
        serde_json::Value::String(text) => serde_json::Value::String(scrub(&text)),
        serde_json::Value::Array(items) => serde_json::Value::Array(
            items
                .into_iter()
                .map(|item| map_json(item, scrub))
                .collect(),
        ),
        serde_json::Value::Object(items) => serde_json::Value::Object(
            items
                .into_iter()
                .map(|(name, item)| (scrub(&name), map_json(item, scrub)))
                .collect(),
        ),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => json,
    }
}
