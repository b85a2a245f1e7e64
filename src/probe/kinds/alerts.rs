//! Alerts by their names and labels, for the kinds that look at some.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use super::exposition::Series;
use crate::probe::Value;

/// Labels by name.
pub(super) type Labels = BTreeMap<String, String>;

/// The label that an alert's name is in.
pub(super) const NAME: &str = "alertname";

/// A condition on a label, as Prometheus and Alertmanager write them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(
    with = "String",
    extend(
        "pattern" = r"^\s*[A-Za-z_][A-Za-z0-9_]*\s*(=~|!~|!=|=)",
        "x-expected" = "a condition on a label, such as `severity=critical` or `host=~\"1[12]0\"`"
    )
)]
pub(super) struct Matcher {
    /// As it was written.
    written: String,
    name: String,
    is: bool,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    Text(String),
    Pattern(Regex),
}

impl Wanted {
    fn pattern(pattern: &str) -> Result<Self, String> {
        let regex = regex::RegexBuilder::new(&format!("^(?s:{pattern})$"))
            .size_limit(1 << 20)
            .build();
        regex.map(Self::Pattern).map_err(|_| {
            format!("{pattern:?} is no regular expression in RE2's syntax, or too large")
        })
    }
}

impl TryFrom<String> for Matcher {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let trimmed = text.trim();
        let end = trimmed
            .find(|next: char| !next.is_ascii_alphanumeric() && next != '_')
            .unwrap_or(trimmed.len());
        let (name, rest) = trimmed.split_at(end);
        let rest = rest.trim_start();
        let operator = ["=~", "!~", "!=", "="]
            .into_iter()
            .find(|operator| rest.starts_with(operator));
        let Some(operator) = operator.filter(|_| !name.is_empty()) else {
            return Err(format!(
                "{text:?} is no condition on a label, such as `severity=critical`"
            ));
        };
        let value = rest[operator.len()..].trim();
        let value = match value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
        {
            Some(quoted) => unescaped(quoted),
            None => value.to_owned(),
        };
        let wanted = if operator.ends_with('~') {
            Wanted::pattern(&value)?
        } else {
            Wanted::Text(value)
        };
        Ok(Self {
            written: trimmed.to_owned(),
            name: name.to_owned(),
            is: !operator.starts_with('!'),
            wanted,
        })
    }
}

/// What stands between quotes. Other escapes than of the quote and the backslash are left
/// to the regular expression.
fn unescaped(quoted: &str) -> String {
    let mut text = String::new();
    let mut letters = quoted.chars().peekable();
    while let Some(letter) = letters.next() {
        let escaped = letters
            .next_if(|&next| letter == '\\' && matches!(next, '"' | '\\'))
            .unwrap_or(letter);
        text.push(escaped);
    }
    text
}

impl std::fmt::Display for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written)
    }
}

impl Matcher {
    /// That the label `name` has this value.
    pub(super) fn equal(name: &str, value: &str) -> Self {
        Self {
            written: format!("{name}={value:?}"),
            name: name.to_owned(),
            is: true,
            wanted: Wanted::Text(value.to_owned()),
        }
    }

    /// That the whole value of the label `name` is of this pattern.
    ///
    /// # Errors
    /// It is no regular expression.
    pub(super) fn like(name: &str, pattern: &str) -> Result<Self, String> {
        Ok(Self {
            written: format!("{name}=~{pattern:?}"),
            name: name.to_owned(),
            is: true,
            wanted: Wanted::pattern(pattern)?,
        })
    }

    /// The label that it is about.
    pub(super) fn label(&self) -> &str {
        &self.name
    }

    /// Whether it holds. A label that is not there is empty, as in Prometheus.
    fn holds(&self, labels: &Labels) -> bool {
        self.holds_for(labels.get(&self.name).map_or("", String::as_str))
    }

    /// Whether it holds where its label has that value.
    pub(super) fn holds_for(&self, value: &str) -> bool {
        let fits = match &self.wanted {
            Wanted::Text(text) => text == value,
            Wanted::Pattern(regex) => regex.is_match(value),
        };
        fits == self.is
    }
}

/// Whether all of them hold.
pub(super) fn all_hold(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.holds(labels))
}

/// The name of an alert.
pub(super) fn name(labels: &Labels) -> &str {
    labels.get(NAME).map_or("", String::as_str)
}

/// An alert in a list: `BackupFailed{host="110"}`.
pub(super) fn shown(labels: &Labels) -> String {
    let mut others = labels.clone();
    let name = others.remove(NAME).unwrap_or_default();
    Series::new(&name, others).key()
}

/// What of `wanted` is not among `there`.
pub(super) fn missing<'a>(wanted: &'a [String], there: &BTreeSet<&str>) -> Vec<&'a str> {
    let absent = wanted.iter().map(String::as_str);
    absent.filter(|name| !there.contains(name)).collect()
}

/// Texts as a fact, in this order.
pub(super) fn list<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Value {
    let texts = texts.into_iter().map(|text| Value::Text(text.into()));
    Value::List(texts.collect())
}

/// A number of things as a fact.
#[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 things")]
pub(super) fn count(number: usize) -> Value {
    Value::Number(number as f64)
}

/// A time that a server tells. Go's zero time, the year 1, means that there is none.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let time: Timestamp = text.parse().ok()?;
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn labels(of: &[(&str, &str)]) -> Labels {
        of.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[rstest]
    #[case("severity=critical", true)]
    #[case("severity=\"critical\"", true)]
    #[case(" severity != warning ", true)]
    #[case("severity=crit", false)]
    #[case("severity=~crit", false)]
    #[case("severity=~\"crit.*|page\"", true)]
    #[case("severity!~crit.*", false)]
    #[case("host=", true)]
    #[case("host!=", false)]
    #[case("odd=\"a\\\"b\\\\c\"", true)]
    fn conditions(#[case] text: &str, #[case] holds: bool) {
        let matcher = Matcher::try_from(text.to_owned()).expect("a condition");
        let labels = labels(&[("severity", "critical"), ("odd", "a\"b\\c")]);
        assert_eq!(all_hold(&[matcher], &labels), holds);
    }

    #[rstest]
    #[case("severity")]
    #[case("=critical")]
    #[case("")]
    #[case("a b=c")]
    #[case("a=~[")]
    fn no_conditions(#[case] text: &str) {
        Matcher::try_from(text.to_owned()).expect_err("refused");
    }

    #[test]
    fn an_alert_in_a_list() {
        let labels = labels(&[("alertname", "Full"), ("host", "1\"1"), ("disk", "a")]);
        assert_eq!(name(&labels), "Full");
        assert_eq!(shown(&labels), "Full{disk=\"a\",host=\"1\\\"1\"}");
        assert_eq!(shown(&super::Labels::new()), "");
    }

    #[rstest]
    #[case("2026-11-21T12:44:33.429Z", true)]
    #[case("2026-11-21T12:44:37.430708151Z", true)]
    #[case("0001-01-01T00:00:00Z", false)]
    #[case("soon", false)]
    fn times(#[case] text: &str, #[case] told: bool) {
        assert_eq!(time(text).is_some(), told);
    }
}
