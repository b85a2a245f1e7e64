//! Whether the namespace that a check asks for is there: of one that is not, each list has
//! nothing, and nothing in it is wrong.

use super::{Answer, Listed, Resource};
use crate::probe::kinds::kubernetes::Kubernetes;
use crate::probe::kinds::kubernetes::model::{Namespace, Object};
use crate::probe::{Context, Fault};

/// Namespaces that are named where one is missing.
const NAMED: usize = 30;

/// What the list itself shows of a namespace, the most convincing last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Trace {
    /// Nothing.
    #[default]
    None,
    /// It could be listed of that namespace alone: what allows that is a role binding in it.
    Allowed,
    /// Something in it.
    Object,
}

impl<T: Object> Listed<T> {
    /// What shows that the namespace is there.
    pub(in super::super) fn trace(&self, namespace: Option<&str>) -> Trace {
        let is_of = |one: &T| namespace == Some(one.meta().namespace.as_str());
        if self.items().iter().any(is_of) {
            Trace::Object
        } else if self.is_part {
            Trace::Allowed
        } else {
            Trace::None
        }
    }
}

impl Kubernetes {
    /// That there is no such namespace, in words; nothing when it is there, and none when
    /// nobody tells.
    pub(in super::super) async fn missing_namespace(
        &self,
        context: &Context,
        namespace: &str,
        trace: Trace,
    ) -> Result<Option<Vec<String>>, Fault> {
        if trace == Trace::Object {
            return Ok(Some(Vec::new()));
        }
        let absent = format!("namespace `{namespace}` does not exist");
        let all = self.ask::<Namespace>(context, Resource::NAMESPACES, None);
        match &*Box::pin(all).await? {
            Answer::Listed(all, _) => {
                let names: Vec<&str> = all.iter().map(|one| one.metadata.name.as_str()).collect();
                if names.contains(&namespace) {
                    return Ok(Some(Vec::new()));
                }
                let more = match names.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let there = names[..names.len().min(NAMED)].join(", ");
                return Ok(Some(vec![format!("{absent}; there are: {there}{more}")]));
            }
            // What serves no namespaces at all does not tell of one.
            Answer::Unknown(_) => return Ok(None),
            Answer::Forbidden(_) => {}
        }
        // Who may look at one namespace alone, may look at that itself by the role `view`.
        let one = self.ask::<Namespace>(context, Resource::NAMESPACES, Some(namespace));
        Ok(match &*Box::pin(one).await? {
            Answer::Listed(..) => Some(Vec::new()),
            Answer::Unknown(_) => Some(vec![absent]),
            Answer::Forbidden(_) if trace == Trace::Allowed => Some(Vec::new()),
            Answer::Forbidden(_) => None,
        })
    }
}
