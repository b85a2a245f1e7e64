//! Keeps passwords out of what is shown.
//!
//! By the look of the text alone, because a file with a syntax error has to be
//! shown too. What is secret because of its place is `conceal`'s to tell.

use std::ops::Range;

mod look;

pub(super) use look::{environment, in_value, named};

/// Words that end the name of something secret.
const NAMES: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "private_key",
    "access_key",
    "authorization",
];

/// The same, as a word of their own: `bypass` is no secret.
const SHORT_NAMES: [&str; 6] = ["pass", "pw", "pwd", "pswd", "passcode", "requirepass"];

/// Words that end the name of what is not shown, to be on the safe side.
const KEYS: [&str; 6] = ["_key", "-key", "secretkey", "accesskey", "_sas", "cookie"];

/// What begins a reference to a secret, or a variable that may hold one.
const REFERENCES: [&str; 4] = ["env:", "file:", "credential:", "${"];

/// Whether a key's name says that its value is secret.
pub(super) fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    NAMES.iter().any(|name| key.ends_with(name))
        || SHORT_NAMES.iter().any(|name| {
            key.strip_suffix(name)
                .is_some_and(|before| !before.ends_with(|c: char| c.is_ascii_alphanumeric()))
        })
}

/// `text` with all in it that looks like a secret overwritten, byte for byte
/// as long: what a message may say of a value.
pub(super) fn text(text: &str) -> String {
    overwrite(text, in_value(text))
}

/// The same for the text of a file, where a secret can stand beside its name.
pub(super) fn in_source(text: &str) -> String {
    let mut ranges = in_value(text);
    ranges.extend(named(text));
    overwrite(text, ranges)
}

/// Where `text` holds one of the `known` secrets. Short ones are found only as
/// words of their own.
pub(super) fn known<'k>(
    text: &str,
    known: impl IntoIterator<Item = &'k String>,
) -> Vec<Range<usize>> {
    const LONG: usize = 8;
    let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut found = Vec::new();
    for secret in known {
        for (at, _) in text.match_indices(secret.as_str()) {
            let end = at + secret.len();
            if secret.len() >= LONG
                || !(joins(text[..at].chars().next_back()) || joins(text[end..].chars().next()))
            {
                found.push(at..end);
            }
        }
    }
    found
}

/// `text` with every byte of the ranges but line breaks overwritten by `*`.
/// Ranges that are not on character boundaries are widened to them.
pub(super) fn overwrite(text: &str, ranges: Vec<Range<usize>>) -> String {
    if ranges.is_empty() {
        return text.to_owned();
    }
    let mut ranges = ranges;
    ranges.sort_by_key(|range| range.start);
    let mut shown = String::with_capacity(text.len());
    let mut ranges = ranges.into_iter().peekable();
    for (at, c) in text.char_indices() {
        while ranges.peek().is_some_and(|range| range.end <= at) {
            ranges.next();
        }
        let hidden = ranges
            .peek()
            .is_some_and(|range| range.start < at + c.len_utf8());
        if hidden && c != '\n' && c != '\r' {
            shown.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Where `text` holds passwords in URLs: `scheme://user:HERE@host` and
/// `scheme://host/?password=HERE`.
pub(super) fn url_passwords(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("://") {
        if !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric()) {
            continue;
        }
        let start = at + 3;
        let rest = &text[start..];
        let rest = &rest[..rest
            .find(|c: char| c.is_whitespace() || "\"'`<>".contains(c))
            .unwrap_or(rest.len())];
        // Another URL that follows in the same word is looked at by itself.
        let rest = &rest[..rest.find("://").unwrap_or(rest.len())];
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        if let Some(password) = password(authority, rest) {
            found.push(start + password.start..start + password.end);
        }
        if let Some(query) = rest.find('?') {
            found.extend(
                parameters(&rest[query..])
                    .map(|range| start + query + range.start..start + query + range.end),
            );
        }
    }
    found
}

fn password(authority: &str, rest: &str) -> Option<Range<usize>> {
    if let Some(end) = authority.rfind('@') {
        let colon = authority[..end].find(':')?;
        return (colon + 1 < end).then_some(colon + 1..end);
    }
    // A password with an unescaped `/` ends the authority early; what stands
    // for a port then is no number.
    let colon = authority.find(':')?;
    let port = &authority[colon + 1..];
    let end = rest.rfind('@')?;
    let is_port = port.bytes().all(|b| b.is_ascii_digit())
        || port.starts_with("${")
        || authority.starts_with('[');
    (!is_port && colon + 1 < end).then_some(colon + 1..end)
}

fn parameters(query: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    query.match_indices(['?', '&']).filter_map(|(at, _)| {
        let parameter = &query[at + 1..];
        let parameter = &parameter[..parameter.find(['&', '#']).unwrap_or(parameter.len())];
        let (name, value) = parameter.split_once('=')?;
        let start = at + 1 + name.len() + 1;
        (names_a_secret(name) && !value.is_empty()).then_some(start..start + value.len())
    })
}

#[cfg(test)]
mod tests;
