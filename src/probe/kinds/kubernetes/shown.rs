//! Objects in words, and which of them a check asks for.

use super::model::{Meta, Object};
use super::selector::Selector;
use crate::probe::Value;
use crate::transport::wildcard;

/// Characters of a message; those of a scheduler name every node.
const LONGEST: usize = 300;

/// A count as a fact.
#[expect(clippy::cast_precision_loss, reason = "no cluster has 2^52 objects")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

/// Texts as a fact.
pub(super) fn texts(texts: impl IntoIterator<Item = String>) -> Value {
    Value::List(texts.into_iter().map(Value::from).collect())
}

/// `what: reason: message`, without what is empty, in one line.
pub(super) fn because(what: &str, reason: &str, message: &str) -> String {
    let mut text = what.to_owned();
    for part in [reason, message] {
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        if !part.is_empty() && part != what {
            text.push_str(": ");
            text.extend(part.chars().take(LONGEST));
        }
    }
    text
}

/// Whether an object has the labels that a check asks for.
pub(super) fn selected(selector: Option<&Selector>, meta: &Meta) -> bool {
    selector.is_none_or(|selector| selector.matches(&meta.labels))
}

/// The objects of one list that a check asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// Of that namespace; of any when there is none.
    pub(super) namespace: Option<&'a str>,
    /// With these labels.
    pub(super) selector: Option<&'a Selector>,
    /// With names that fit one of these patterns; all when empty.
    pub(super) names: &'a [String],
}

impl Part<'_> {
    /// Whether the object is one of them.
    pub(super) fn has(&self, meta: &Meta) -> bool {
        self.namespace.is_none_or(|name| name == meta.namespace)
            && selected(self.selector, meta)
            && (self.names.is_empty() || self.names_fit(&meta.name))
    }

    /// Whether a name fits one of the patterns.
    pub(super) fn names_fit(&self, name: &str) -> bool {
        let mut names = self.names.iter();
        names.any(|pattern| wildcard::matches(pattern, name))
    }

    /// Those of `all` that are among them.
    pub(super) fn of<'t, T: Object>(&self, all: &'t [T]) -> Vec<&'t T> {
        all.iter().filter(|one| self.has(one.meta())).collect()
    }

    /// The names asked for that none of `found` has.
    pub(super) fn missing<T: Object>(&self, found: &[&T]) -> Value {
        let missing = self.names.iter().filter(|name| {
            let mut found = found.iter();
            !found.any(|one| wildcard::matches(name, &one.meta().name))
        });
        texts(missing.cloned())
    }

    /// `name`, or `namespace/name` where it could be of any namespace.
    pub(super) fn name(&self, meta: &Meta) -> String {
        if self.namespace.is_some() || meta.namespace.is_empty() {
            meta.name.clone()
        } else {
            format!("{}/{}", meta.namespace, meta.name)
        }
    }
}
