//! Which kind a check is of, and whether its place makes sense for it.

use crate::baseline::{self, Diagnostic, Diagnostics, Located, Node, did_you_mean};
use crate::probe::{KindEntry, Place, TABLE, find};

/// The one key of a check that names a kind. Any other key that is not a
/// check's own is an error.
pub(super) fn kind_of<'c>(
    source: &'c baseline::Check,
    diagnostics: &mut Diagnostics,
) -> Option<(&'static KindEntry, &'c Node)> {
    let mut found: Vec<(&'static KindEntry, &Located<String>, &Node)> = Vec::new();
    let mut unknown = false;
    for (key, options) in &source.candidates {
        match find(key) {
            Some(kind) => found.push((kind, key, options)),
            None => {
                unknown = true;
                diagnostics.push(unknown_key(key));
            }
        }
    }
    match found.as_slice() {
        [(kind, _, options)] => Some((kind, options)),
        [] => {
            if !unknown {
                diagnostics.push(
                    Diagnostic::error(
                        "no-kind",
                        format!("the check `{}` says nothing to look at", source.id.value),
                        source.id.at.clone(),
                    )
                    .suggestion(format!("add one of the kinds: {}", kind_names().join(", "))),
                );
            }
            None
        }
        [(first, first_key, _), rest @ ..] => {
            for (kind, key, _) in rest {
                diagnostics.push(
                    Diagnostic::error(
                        "two-kinds",
                        format!("a check has one kind: this one is already `{}`", first.name),
                        key.at.clone(),
                    )
                    .related(first_key.at.clone(), "the first kind")
                    .suggestion(format!("make the `{}` a check of its own", kind.name)),
                );
            }
            None
        }
    }
}

/// The keys that every check may have, from the document's own schema.
fn own_keys() -> Vec<String> {
    baseline::schema()
        .pointer("/$defs/Check/properties")
        .and_then(serde_json::Value::as_object)
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

fn unknown_key(key: &Located<String>) -> Diagnostic {
    let own_keys = own_keys();
    let candidates = kind_names()
        .into_iter()
        .chain(own_keys.iter().map(String::as_str));
    let diagnostic = Diagnostic::error(
        "unknown-key",
        format!("`{}` is neither a key of a check nor a kind", key.value),
        key.at.clone(),
    );
    match did_you_mean(&key.value, candidates) {
        Some(near) => diagnostic.suggestion(format!("did you mean `{near}`?")),
        None => diagnostic.suggestion(format!("the kinds are {}", kind_names().join(", "))),
    }
}

fn kind_names() -> Vec<&'static str> {
    TABLE.iter().map(|kind| kind.name).collect()
}

/// Tells where a kind that runs on a host has none, or a way to it that is none.
pub(super) fn report_place(
    kind: &KindEntry,
    source: &baseline::Check,
    diagnostics: &mut Diagnostics,
) {
    if kind.place != Place::Host {
        return;
    }
    if source.on.is_empty() {
        diagnostics.push(
            Diagnostic::error(
                "no-host",
                format!("`{}` looks at a host, and this check names none", kind.name),
                source.id.at.clone(),
            )
            .suggestion("add `on:` with a host id, a list of them, `tag:NAME` or `all`"),
        );
    }
    if let Some(via) = &source.via {
        diagnostics.push(
            Diagnostic::error(
                "senseless-via",
                format!(
                    "`{}` runs on its host, so it does not go through another",
                    kind.name
                ),
                via.at.clone(),
            )
            .suggestion(
                "remove `via`; to reach the host through another, give the host `ssh: { jump: … }`",
            ),
        );
    }
}
