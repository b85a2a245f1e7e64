//! Label selectors, as `kubectl --selector` reads them. They are held against the
//! whole list here, so that checks with different ones share it.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

type Labels = BTreeMap<String, String>;

/// `app=api`, `tier in (web, api)`, `!canary`, several of them joined by commas.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct Selector {
    written: String,
    wanted: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    Has(String),
    HasNot(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

impl Selector {
    /// Whether all of it holds.
    pub(super) fn matches(&self, labels: &Labels) -> bool {
        self.wanted.iter().all(|wanted| wanted.holds(labels))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Requirement {
    fn holds(&self, labels: &Labels) -> bool {
        match self {
            Self::Has(key) => labels.contains_key(key),
            Self::HasNot(key) => !labels.contains_key(key),
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            // As Kubernetes has it: what lacks the label has none of the values.
            Self::NotIn(key, values) => {
                !labels.get(key).is_some_and(|value| values.contains(value))
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((key, values)) = set(text, " notin") {
            return Some(Self::NotIn(key?, values?));
        }
        if let Some((key, values)) = set(text, " in") {
            return Some(Self::In(key?, values?));
        }
        if let Some((key, value)) = text.split_once("!=") {
            return Some(Self::NotIn(label_key(key)?, vec![label_value(value)?]));
        }
        if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            return Some(Self::In(label_key(key)?, vec![label_value(value)?]));
        }
        match text.strip_prefix('!') {
            Some(key) => Some(Self::HasNot(label_key(key)?)),
            None => Some(Self::Has(label_key(text)?)),
        }
    }
}

/// `KEY in (A, B)` with its parts, each of them none when it is none.
fn set(text: &str, word: &str) -> Option<(Option<String>, Option<Vec<String>>)> {
    let (before, list) = text.strip_suffix(')')?.split_once('(')?;
    let key = before.trim_end().strip_suffix(word)?;
    Some((label_key(key), list.split(',').map(label_value).collect()))
}

fn label_key(text: &str) -> Option<String> {
    let text = text.trim();
    let is_plain = |next: char| next.is_ascii_alphanumeric() || "-_./".contains(next);
    (!text.is_empty() && text.chars().all(is_plain)).then(|| text.to_owned())
}

/// A label may be there and empty.
fn label_value(text: &str) -> Option<String> {
    let text = text.trim();
    let is_plain = |next: char| next.is_ascii_alphanumeric() || "-_.".contains(next);
    text.chars().all(is_plain).then(|| text.to_owned())
}

impl TryFrom<String> for Selector {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let mut wanted = Vec::new();
        let mut start = 0;
        let mut inside = false;
        for (at, next) in written.char_indices().chain([(written.len(), ',')]) {
            match next {
                '(' => inside = true,
                ')' => inside = false,
                ',' if !inside || at == written.len() => {
                    let part = &written[start..at];
                    wanted.push(Requirement::parse(part).ok_or_else(|| {
                        format!(
                            "{:?} selects by no label: write `app=api`, `app!=api`, \
                             `tier in (web, api)`, `app` or `!app`",
                            part.trim()
                        )
                    })?);
                    start = at + 1;
                }
                _ => {}
            }
        }
        Ok(Self { written, wanted })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn labels() -> Labels {
        [
            ("app", "api"),
            ("tier", "web"),
            ("app.kubernetes.io/name", "x"),
            ("empty", ""),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    #[rstest]
    #[case("app=api", true)]
    #[case("app==api", true)]
    #[case("app = api", true)]
    #[case("app=web", false)]
    #[case("app!=api", false)]
    #[case("none!=api", true)]
    #[case("app", true)]
    #[case("none", false)]
    #[case("!app", false)]
    #[case("!none", true)]
    #[case("empty=", true)]
    #[case("app=", false)]
    #[case("tier in (web, api)", true)]
    #[case("tier in (db)", false)]
    #[case("tier notin (web,api)", false)]
    #[case("none notin (web)", true)]
    #[case("app=api,tier in (web, api),!none", true)]
    #[case("app=api,tier=db", false)]
    #[case("app.kubernetes.io/name=x", true)]
    fn holds_as_kubectl_has_it(#[case] written: &str, #[case] expected: bool) {
        let selector = Selector::try_from(written.to_owned()).expect(written);
        assert_eq!(selector.matches(&labels()), expected, "{written}");
    }

    #[rstest]
    #[case("")]
    #[case("app=api,")]
    #[case("app=a b")]
    #[case("=api")]
    #[case("in (a)")]
    #[case("app in (a")]
    #[case("app in a)")]
    #[case("app in (a b)")]
    #[case("app>3")]
    #[case("a=b=c")]
    #[case("-l app")]
    #[case("!")]
    fn what_selects_nothing_is_refused(#[case] written: &str) {
        let error = Selector::try_from(written.to_owned()).expect_err(written);
        assert!(error.contains("selects by no label"), "{error}");
    }
}
