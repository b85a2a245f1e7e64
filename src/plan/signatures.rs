//! `signatures:` of the baseline → what failed checks are held against, and
//! which checks each of them watches.

use super::model::{Check, Signature};
use crate::baseline::{self, Baseline, Diagnostic, Diagnostics, Located, did_you_mean};
use crate::judge;
use crate::probe::{BadPattern, Pattern, TABLE, find};

/// The signatures in the file's order; fewer when there are errors.
pub(super) fn signatures(baseline: &Baseline, diagnostics: &mut Diagnostics) -> Vec<Signature> {
    let names = Names::of(baseline);
    let mut made = Vec::new();
    for source in &baseline.signatures {
        let mut matching = Vec::new();
        for wanted in &source.matching {
            match pattern(wanted) {
                Ok(pattern) => matching.push(pattern),
                Err(bad) => diagnostics.push(
                    Diagnostic::error("bad-pattern", bad.message, wanted.text.at.clone())
                        .suggestion(bad.suggestion),
                ),
            }
        }
        let mut kinds = Vec::new();
        for name in &source.kinds {
            match find(&name.value) {
                Some(kind) => kinds.push(kind.name),
                None => {
                    let known = || TABLE.iter().map(|kind| kind.name);
                    diagnostics.push(unknown("kind", name, known));
                }
            }
        }
        for name in source.checks.iter().chain(&source.go_back_to) {
            if !names.has(&name.value) {
                let known = || names.0.iter().map(String::as_str);
                diagnostics.push(unknown("check or phase", name, known));
            }
        }
        made.push(Signature {
            id: source.id.value.clone(),
            title: source.title.clone(),
            tells: judge::Signature { matching, kinds },
            remedy: source.remedy.clone(),
            runbook: source.runbook.clone(),
            guardrail: source.guardrail,
            go_back_to: source.go_back_to.as_ref().map(|name| name.value.clone()),
        });
    }
    made
}

fn pattern(wanted: &baseline::Match) -> Result<Pattern, BadPattern> {
    if wanted.is_regex {
        Pattern::regex(&wanted.text.value)
    } else {
        Pattern::text(&wanted.text.value)
    }
}

fn unknown<'n, I: Iterator<Item = &'n str>>(
    what: &str,
    name: &Located<String>,
    known: impl Fn() -> I,
) -> Diagnostic {
    const SHOWN: usize = 10;
    let suggestion = match did_you_mean(&name.value, known()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            let listed: Vec<&str> = known().take(SHOWN).collect();
            let more = if known().count() > SHOWN { ", …" } else { "" };
            format!("known: {}{more}", listed.join(", "))
        }
    };
    Diagnostic::error(
        "unknown-reference",
        format!("no {what} `{}`", name.value),
        name.at.clone(),
    )
    .suggestion(suggestion)
}

/// Every phase, every check, and every check on each of its hosts, whether its
/// kind and options are sound or not.
struct Names(Vec<String>);

impl Names {
    fn of(baseline: &Baseline) -> Self {
        let mut names = Vec::new();
        for phase in &baseline.phases {
            names.push(phase.id.value.clone());
            for check in &phase.checks {
                names.push(check.id.value.clone());
                let hosts = check.on.iter().flat_map(|on| baseline.select(on));
                let on_host =
                    |host: &baseline::Host| format!("{}@{}", check.id.value, host.id.value);
                names.extend(hosts.map(on_host));
            }
        }
        Self(names)
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }
}

/// Places of the signatures that watch `check`, which is of the phase `phase`:
/// those whose limits let it in, and whose kinds one of its looks is of.
pub(super) fn watching(baseline: &Baseline, phase: &str, check: &Check) -> Vec<usize> {
    let base = check.id.split('@').next().unwrap_or_default();
    let watches = |source: &baseline::Signature| {
        let named =
            |name: &Located<String>| [phase, base, &check.id].contains(&name.value.as_str());
        let hosts = || source.hosts.iter().flat_map(|on| baseline.select(on));
        let of_kind = |name: &Located<String>| {
            let looks = check.diagnosis.iter().map(|look| look.kind);
            looks.chain([check.kind]).any(|kind| name.value == kind)
        };
        (source.checks.is_empty() || source.checks.iter().any(named))
            && (source.hosts.is_empty()
                || hosts().any(|host| check.hosts().any(|own| own == host.id.value)))
            && (source.kinds.is_empty() || source.kinds.iter().any(of_kind))
    };
    let signatures = baseline.signatures.iter().enumerate();
    signatures
        .filter(|(_, source)| watches(source))
        .map(|(place, _)| place)
        .collect()
}

#[cfg(test)]
mod tests;
