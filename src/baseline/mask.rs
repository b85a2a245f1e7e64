//! Keeps passwords out of what is shown.
//!
//! By the look of the text alone, because a file with a syntax error has to be
//! shown too.

use std::ops::Range;

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

/// Whether a key's name says that its value is secret.
pub(super) fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    NAMES.iter().any(|name| key.ends_with(name))
}

/// `text` with the passwords of URLs overwritten, byte for byte as long.
pub(super) fn urls(text: &str) -> String {
    overwrite(text, url_passwords(text))
}

/// `text` with the passwords of URLs and the values of keys that name a secret
/// overwritten, byte for byte as long.
pub(super) fn in_source(text: &str) -> String {
    let mut ranges = url_passwords(text);
    ranges.extend(named_values(text));
    overwrite(text, ranges)
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

/// Values on a line after `password:`, `api_token =` and the like, unless they
/// are references or start a map, a list, an alias or a block.
fn named_values(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for name in NAMES {
        for (at, _) in lower.match_indices(name) {
            let mut value = at + name.len();
            let skip = |value: usize, skipped: &[char]| {
                value + text[value..].len() - text[value..].trim_start_matches(skipped).len()
            };
            value = skip(value, &['"', '\'']);
            value = skip(value, &[' ', '\t']);
            let Some(after) = text[value..].strip_prefix([':', '=']) else {
                continue;
            };
            let assigned = text[value..].starts_with('=');
            if after.starts_with('=') {
                continue;
            }
            value = skip(value + 1, &[' ', '\t']);
            let rest = &text[value..];
            let rest = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
            let bare = rest.trim_start_matches(['"', '\'']);
            if ["env:", "file:", "credential:", "${"]
                .iter()
                .any(|by_reference| bare.starts_with(by_reference))
                || rest.starts_with(['{', '[', '*', '|', '>'])
            {
                continue;
            }
            let end = match rest.chars().next().filter(|first| "\"'".contains(*first)) {
                Some(quote) => rest[1..].find(quote).map_or(rest.len(), |end| end + 2),
                None if assigned => rest
                    .find(|c: char| c.is_whitespace() || "\"'&,}".contains(c))
                    .unwrap_or(rest.len()),
                None => rest.find([',', '}']).unwrap_or(rest.len()),
            };
            if end > 0 {
                found.push(value..value + end);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("postgres://u:geheim@h/db", "postgres://u:******@h/db")]
    #[case("redis://:pw@h", "redis://:**@h")]
    #[case("a http://u:a@b@h x", "a http://u:***@h x")]
    #[case("postgres://u:a/b@h/db", "postgres://u:***@h/db")]
    #[case("postgres://u:${pw}@h", "postgres://u:*****@h")]
    #[case("https://h/?a=1&password=pw&b=2", "https://h/?a=1&password=**&b=2")]
    #[case("postgres://u:é@h", "postgres://u:**@h")]
    fn hidden_in_urls(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(urls(text), shown);
    }

    #[rstest]
    fn left_in_urls(
        #[values(
            "postgres://u@h/db",
            "http://h:80/a@b",
            "http://[::1]:80/@",
            "postgres://u@${hosts.a.address}:5432/d",
            "http://${a}:${b}/x@y",
            "://u:p@h",
            "ssh u:p@h",
            "http://u:@h"
        )]
        text: &str,
    ) {
        assert_eq!(urls(text), text);
    }

    #[rstest]
    #[case("  password: hunter2\nx: 1", "  password: *******\nx: 1")]
    #[case("{ db_password: \"a b\", x: 1 }", "{ db_password: *****, x: 1 }")]
    #[case("'api-key' : abc", "'api-key' : ***")]
    #[case("password: \"a, b\" }", "password: ****** }")]
    #[case("x?token=abc&y=1 \"", "x?token=***&y=1 \"")]
    #[case("Authorization: Bearer x", "Authorization: ********")]
    fn hidden_by_name(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(in_source(text), shown);
    }

    #[rstest]
    fn left_by_name(
        #[values(
            "password: env:PW",
            "password: \"file:/run/pw\"",
            "token: credential:t",
            "secret: {}",
            "password:\n",
            "token == 'x'",
            "tokens"
        )]
        text: &str,
    ) {
        assert_eq!(in_source(text), text);
    }

    #[test]
    fn as_long_as_before() {
        let text = "password: ünïcode\npostgres://ü:ß@h";
        assert_eq!(in_source(text).len(), text.len());
    }
}
