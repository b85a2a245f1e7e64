//! What the lists of persistent volumes and claims tell.

use super::model::{Claim, Volume};
use super::options::VolumesAsked;
use super::shown::{because, number, texts};
use crate::probe::Facts;

/// `volumes` where the login may list them: they belong to no namespace.
pub(super) fn tell(
    claims: &[Claim],
    volumes: Option<&[Volume]>,
    asked: &VolumesAsked,
    facts: &mut Facts,
) {
    let part = asked.part();
    let selected = part.of(claims);
    let unbound = selected
        .iter()
        .filter(|claim| claim.status.phase != "Bound")
        .map(|claim| because(&part.name(&claim.metadata), &claim.status.phase, ""));
    facts.set("unbound", texts(unbound));
    facts.set("missing", part.missing(&selected));
    facts.set("count", number(selected.len()));
    let Some(volumes) = volumes else {
        return;
    };
    // Of a namespace are those that one of its claims has, or had.
    let own: Vec<&Volume> = volumes
        .iter()
        .filter(|volume| {
            let claim = volume.spec.claim_ref.as_ref();
            let is_of = |name: &str| claim.is_some_and(|claim| claim.namespace == name);
            let is_named = || claim.is_some_and(|claim| part.names_fit(&claim.name));
            part.namespace.is_none_or(is_of) && (part.names.is_empty() || is_named())
        })
        .collect();
    let of_phase = |phase: &str| {
        let those = own.iter().filter(|volume| volume.status.phase == phase);
        let shown = those.map(|volume| {
            let claim = volume.spec.claim_ref.as_ref();
            let claim = claim.map(|claim| format!("of {}/{}", claim.namespace, claim.name));
            let claim = claim.unwrap_or_default();
            let what = because(&volume.metadata.name, &claim, "");
            because(&what, &volume.status.reason, &volume.status.message)
        });
        texts(shown)
    };
    facts.set("volume_count", number(own.len()));
    facts.set("released", of_phase("Released"));
    facts.set("failed", of_phase("Failed"));
}
