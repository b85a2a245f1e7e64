//! Texts that repeat a secret: the first line, from its fourth byte on.

use secrecy::SecretString;

use crate::probe::{SecretRef, Secrets};

/// The secret is in no scrubbed text, also where it was spelled otherwise.
pub(super) fn target(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (secret, rest) = text.split_once('\n').unwrap_or((&text, ""));
    // A short one is left, and one of stars is what stands for it.
    if secret.len() < 4 || secret.contains('*') {
        return;
    }
    let mut secrets = Secrets::default();
    secrets.insert(
        SecretRef::Env("TOKEN".to_owned()),
        SecretString::from(secret.to_owned()),
    );
    let spellings = [
        secret.to_owned(),
        percent(secret),
        serde_json::Value::from(secret).to_string(),
    ];
    let echoed = format!("{rest}{}{rest}", spellings.join(" "));
    for text in [rest, &echoed] {
        let scrubbed = secrets.scrub(text);
        assert!(!scrubbed.contains(secret), "{secret:?} in {scrubbed:?}");
        assert_eq!(secrets.scrub(&scrubbed), scrubbed, "scrubbed twice");
    }
    let scrubbed = secrets.scrub(&echoed);
    for spelling in &spellings[..2] {
        assert!(!scrubbed.contains(spelling), "{spelling:?} in {scrubbed:?}");
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
