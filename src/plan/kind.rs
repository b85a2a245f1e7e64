//! Which kind a check is of, and whether its place makes sense for it.

use crate::baseline::{self, Diagnostic, Diagnostics, Located, Location, Node, did_you_mean};
use crate::probe::{KindEntry, Place, TABLE, find};

/// What has a kind beside keys of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner<'c> {
    Check(&'c baseline::Check),
    Diagnosis(&'c baseline::Diagnosis),
}

impl<'c> Owner<'c> {
    fn candidates(self) -> &'c [(Located<String>, Node)] {
        match self {
            Self::Check(check) => &check.candidates,
            Self::Diagnosis(look) => &look.candidates,
        }
    }

    fn at(self) -> &'c Location {
        match self {
            Self::Check(check) => &check.id.at,
            Self::Diagnosis(look) => &look.at,
        }
    }

    fn definition(self) -> &'static str {
        match self {
            Self::Check(_) => "Check",
            Self::Diagnosis(_) => "Diagnosis",
        }
    }
}

/// The one key that names a kind. Any other key that is not the owner's own is
/// an error.
pub(super) fn kind_of<'c>(
    owner: Owner<'c>,
    diagnostics: &mut Diagnostics,
) -> Option<(&'static KindEntry, &'c Node)> {
    let mut found: Vec<(&'static KindEntry, &Located<String>, &Node)> = Vec::new();
    let mut unknown = false;
    for (key, options) in owner.candidates() {
        match find(key) {
            Some(kind) => found.push((kind, key, options)),
            None => {
                unknown = true;
                diagnostics.push(unknown_key(owner, key));
            }
        }
    }
    match found.as_slice() {
        [(kind, _, options)] => Some((kind, options)),
        [] => {
            if !unknown {
                diagnostics.push(
                    Diagnostic::error("no-kind", nothing_to_look_at(owner), owner.at().clone())
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
                        match owner {
                            Owner::Check(_) => {
                                format!(
                                    "a check has one kind: this one is already `{}`",
                                    first.name
                                )
                            }
                            Owner::Diagnosis(_) => {
                                format!("a look has one kind: this one is already `{}`", first.name)
                            }
                        },
                        key.at.clone(),
                    )
                    .related(first_key.at.clone(), "the first kind")
                    .suggestion(match owner {
                        Owner::Check(_) => format!("make the `{}` a check of its own", kind.name),
                        Owner::Diagnosis(_) => {
                            format!("make the `{}` an entry of its own: `- {0}:`", kind.name)
                        }
                    }),
                );
            }
            None
        }
    }
}

fn nothing_to_look_at(owner: Owner<'_>) -> String {
    match owner {
        Owner::Check(check) => format!("the check `{}` says nothing to look at", check.id.value),
        Owner::Diagnosis(_) => "this entry of `diagnose` says nothing to look at".to_owned(),
    }
}

/// The keys that every owner of its sort may have, from the document's own schema.
fn own_keys(owner: Owner<'_>) -> Vec<String> {
    baseline::schema()
        .pointer(&format!("/$defs/{}/properties", owner.definition()))
        .and_then(serde_json::Value::as_object)
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

fn unknown_key(owner: Owner<'_>, key: &Located<String>) -> Diagnostic {
    let own_keys = own_keys(owner);
    let candidates = kind_names()
        .into_iter()
        .chain(own_keys.iter().map(String::as_str));
    let diagnostic = Diagnostic::error(
        "unknown-key",
        match owner {
            Owner::Check(_) => {
                format!("`{}` is neither a key of a check nor a kind", key.value)
            }
            Owner::Diagnosis(_) => {
                format!("`{}` is neither `on`, `timeout` nor a kind", key.value)
            }
        },
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
    match kind.place {
        Place::Network | Place::Either => return,
        Place::Hosts if !source.on.is_empty() => {
            diagnostics.push(senseless_on(kind, source.id.at.clone()));
        }
        Place::Host | Place::Hosts => {}
    }
    if kind.place == Place::Host && source.on.is_empty() {
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
                match kind.place {
                    Place::Host | Place::Network | Place::Either => format!(
                        "`{}` runs on its host, so it does not go through another",
                        kind.name
                    ),
                    Place::Hosts => format!(
                        "`{}` runs on the hosts that it names, so it does not go through another",
                        kind.name
                    ),
                },
                via.at.clone(),
            )
            .suggestion(
                "remove `via`; to reach the host through another, give the host `ssh: { jump: … }`",
            ),
        );
    }
}

/// `on` beside a kind that has hosts of its own.
pub(super) fn senseless_on(kind: &KindEntry, at: Location) -> Diagnostic {
    Diagnostic::error(
        "senseless-on",
        format!(
            "`{}` looks at the hosts that its own options name, all of them at once",
            kind.name
        ),
        at,
    )
    .suggestion(format!(
        "remove `on`, and name the hosts below `{}`",
        kind.name
    ))
}
