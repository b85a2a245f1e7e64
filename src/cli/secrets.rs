//! Secrets: from the environment, files and systemd credentials into memory.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::baseline::{Diagnostic, Diagnostics, Located};
use crate::engine::{SecretRef, Secrets};
use crate::plan::Plan;

/// Reads every secret that the checks which are not left out refer to. What
/// is missing becomes a problem at the place in the file that refers to it.
pub(super) fn resolve(
    plan: &Plan,
    left_out: &[Option<String>],
    diagnostics: &mut Diagnostics,
) -> Secrets {
    let mut secrets = Secrets::default();
    for reference in needed(plan, left_out) {
        match value(&reference.value) {
            Ok(secret) => secrets.insert(reference.value.clone(), secret),
            Err(problem) => diagnostics.push(missing(reference, &problem)),
        }
    }
    secrets
}

/// The secrets that cannot be read here, as warnings: whoever validates a
/// baseline need not be the one who runs it.
pub(super) fn warn_of_missing(plan: &Plan, diagnostics: &mut Diagnostics) {
    for reference in plan.secrets() {
        if let Err(problem) = value(&reference.value) {
            let mut warning = missing(reference, &problem);
            warning.severity = crate::baseline::Severity::Warning;
            diagnostics.push(warning);
        }
    }
}

fn needed<'p>(
    plan: &'p Plan,
    left_out: &'p [Option<String>],
) -> impl Iterator<Item = &'p Located<SecretRef>> {
    plan.checks
        .iter()
        .zip(left_out)
        .filter(|(_, left_out)| left_out.is_none())
        .flat_map(|(check, _)| &check.secrets)
}

struct Problem {
    message: String,
    suggestion: String,
}

fn missing(reference: &Located<SecretRef>, problem: &Problem) -> Diagnostic {
    Diagnostic::error(
        "missing-secret",
        problem.message.clone(),
        reference.at.clone(),
    )
    .suggestion(problem.suggestion.clone())
}

fn value(reference: &SecretRef) -> Result<SecretString, Problem> {
    match reference {
        SecretRef::Env(name) => match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(value.into()),
            Ok(_) => Err(Problem {
                message: format!("the secret {reference} is empty"),
                suggestion: format!("set {name} in the environment of coldstart"),
            }),
            Err(std::env::VarError::NotPresent) => Err(Problem {
                message: format!("the secret {reference} is not set"),
                suggestion: format!("set {name} in the environment of coldstart"),
            }),
            Err(std::env::VarError::NotUnicode(_)) => Err(Problem {
                message: format!("the secret {reference} is not UTF-8"),
                suggestion: format!("set {name} to text"),
            }),
        },
        SecretRef::File(path) => of_file(reference, Path::new(path)),
        SecretRef::Credential(name) => match std::env::var_os("CREDENTIALS_DIRECTORY") {
            Some(folder) => of_file(reference, &PathBuf::from(folder).join(name)),
            None => Err(Problem {
                message: format!(
                    "the secret {reference} is a systemd credential, and systemd passed none"
                ),
                suggestion: format!(
                    "run as a unit with `LoadCredential={name}:…`, or refer to `env:` or `file:`"
                ),
            }),
        },
    }
}

fn of_file(reference: &SecretRef, path: &Path) -> Result<SecretString, Problem> {
    let unreadable = |error: &dyn std::fmt::Display| Problem {
        message: format!("the secret {reference} cannot be read: {error}"),
        suggestion: format!("make {} a file that you may read", path.display()),
    };
    // A pipe or a device would be waited for without end.
    let is_file = std::fs::metadata(path)
        .map_err(|error| unreadable(&error))?
        .is_file();
    if !is_file {
        return Err(unreadable(&"it is not a regular file"));
    }
    let mut text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    if text.ends_with('\n') {
        text.pop();
    }
    if text.is_empty() {
        return Err(unreadable(&"it is empty"));
    }
    Ok(text.into())
}
