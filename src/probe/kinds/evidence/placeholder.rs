//! Which texts stand where an identifier should be, and are none.

use super::marker::plain;

/// What is said of an identifier that is not there yet: each of one word or of several,
/// whatever is between them, so that `CHANGE_ME` is `changeme`.
const PHRASES: [&str; 34] = [
    "TODO",
    "TBD",
    "TBA",
    "TBC",
    "FIXME",
    "FILL",
    "FILLME",
    "FILLIN",
    "INSERT",
    "MISSING",
    "PLACEHOLDER",
    "EXAMPLE",
    "DUMMY",
    "SAMPLE",
    "CHANGEME",
    "CHANGEIT",
    "CHANGETHIS",
    "REPLACE",
    "REPLACEME",
    "REPLACEWITH",
    "REPLACETHIS",
    "YOURID",
    "YOURVAULTID",
    "YOURITEMID",
    "YOUREVIDENCEID",
    "REALID",
    "IDHERE",
    "NOTYET",
    "NOTVERIFIED",
    "NOTDONE",
    "NOTAVAILABLE",
    "UNVERIFIED",
    "PENDING",
    "EVIDENCEIDFOR",
];

/// What is no identifier where it is all there is.
const WHOLE: [&str; 12] = [
    "N A",
    "NA",
    "NONE",
    "NULL",
    "UNKNOWN",
    "TEST",
    "YES",
    "OK",
    "TRUE",
    "FALSE",
    "VERIFIED",
    "EVIDENCE ID",
];

/// Whether `identifier` names nothing that is kept anywhere. What names something has a
/// number, or is the address of an item, `op://Recovery/restic`.
pub(super) fn is_placeholder(identifier: &str, item: &str) -> bool {
    let upper = identifier.to_uppercase();
    let words: Vec<&str> = upper
        .split(|next: char| !next.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let joined = words.join(" ");
    !(identifier.contains(char::is_numeric) || is_address(identifier))
        || is_zeros(identifier)
        || words.is_empty()
        || words.iter().any(|word| is_filler(word))
        || has_phrase(&words)
        || is_template(&words)
        || WHOLE.contains(&joined.as_str())
        || identifier.contains(['<', '>', '…'])
        || identifier.contains("...")
        || identifier.contains("${")
        || plain(identifier) == plain(item)
}

/// `VLT-0000`, and `0`, where there is nothing but the number.
fn is_zeros(identifier: &str) -> bool {
    let mut numbers = identifier.chars().filter(|next| next.is_numeric());
    let is_number = !identifier.contains(char::is_alphabetic);
    (identifier.contains("000") || is_number) && numbers.all(|next| next == '0')
}

/// `scheme://vault/item`.
fn is_address(identifier: &str) -> bool {
    identifier.split_once("://").is_some_and(|(scheme, rest)| {
        let is_scheme = |next: char| next.is_ascii_alphanumeric() || "+-.".contains(next);
        let parts = rest.split('/').filter(|part| !part.trim().is_empty());
        !scheme.is_empty() && scheme.chars().all(is_scheme) && parts.count() >= 2
    })
}

/// `XXX`, `XXXX-XXXX`.
fn is_filler(word: &str) -> bool {
    word.len() >= 3 && word.chars().all(|next| next == 'X')
}

/// Words that stand together are compared without what is between them, and without a
/// number behind them: `TODO1`.
fn has_phrase(words: &[&str]) -> bool {
    (0..words.len()).any(|from| {
        let mut joined = String::new();
        words[from..].iter().take(4).any(|word| {
            joined.push_str(word);
            let bare = joined.trim_end_matches(|next: char| next.is_ascii_digit());
            PHRASES.contains(&bare)
        })
    })
}

/// `VAULT-ITEM-ID`, as the runbooks have it for the id of an item, with or without more
/// that is no number; an id that begins so may be one.
fn is_template(words: &[&str]) -> bool {
    let joined = words.concat();
    joined.contains("VAULTITEMID") && (words.len() <= 3 || !joined.contains(char::is_numeric))
}
