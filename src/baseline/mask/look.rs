//! What a secret looks like.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{KEYS, NAMES, REFERENCES, SHORT_NAMES, names_a_secret, url_passwords};

/// A word, or what stands in quotes, of a command line or of a list of arguments.
const WORD: &str = r#"(?:"([^"\n]+)|'([^'\n]+)|([^\s"',\]}]+))"#;
/// Between the arguments of a command, also of a list of them.
const GAP: &str = r#"["',\s]+"#;

/// Programs with flags that are followed by a secret, and those flags.
const PROGRAMS: [(&str, &str); 12] = [
    ("redis-cli", "-a"),
    ("sshpass", "-p"),
    ("mongo[a-z]*|influx", "-p"),
    ("ldap[a-z]+", "-w"),
    ("snmp[a-z]+", "-[cAX]"),
    ("ipmitool", "-P"),
    ("unzip|zip", "-P"),
    ("rabbitmqadmin", "-p"),
    ("htpasswd", "-b[a-zA-Z]* [^ ]+ [^ ]+"),
    ("smbclient|rpcclient", "-U [^ %]+%"),
    (
        "curl|wget",
        r#"(?:-u|-U|--user|--proxy-user)[ =,"']*[^ :,"']*:"#,
    ),
    (
        "[a-z_-]*(?:mysql|mariadb)[a-z_-]*|sshpass|7z[a-z]*|unrar",
        "-p",
    ),
];

/// What is secret by its place alone, and how long it is at least: `remote,key=HERE:` of
/// rclone, and parameters of URLs. A short key may be the name of a thing.
const PARAMETERS: [(&str, usize); 6] = [
    (",key=", 1),
    ("?key=", 20),
    ("&key=", 20),
    ("?sig=", 20),
    ("&sig=", 20),
    // Also X-Amz-Signature and X-Goog-Signature.
    ("signature=", 20),
];

/// What else is told by its look.
const OTHERS: [&str; 2] = [
    // openssl's `-passin pass:…`
    r#"\bpass:([^\s"',\]}]+)"#,
    r#"\b[Bb]earer\s+([A-Za-z._~+/-]*[0-9_][A-Za-z0-9_._~+/=-]{4,})"#,
];

/// Each with the secret in its groups, of which one matches.
static LOOKS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns()
        .iter()
        // Each is held to be one by a test.
        .filter_map(|pattern| Regex::new(pattern).ok())
        .collect()
});

fn patterns() -> Vec<String> {
    let programs = PROGRAMS.iter().map(|(program, flags)| {
        // What ends a login's name or begins a value stands right before it.
        let joined = flags.ends_with([':', '%']) || program.contains("mysql");
        let gap = if joined { "" } else { GAP };
        format!(r#"\b(?:{program})\b[^|;\n]*?["',\s](?:{flags}){gap}{WORD}"#)
    });
    programs
        .chain(OTHERS.iter().map(ToString::to_string))
        .collect()
}

/// Where a value, or a text that quotes one, holds what looks like a secret:
/// passwords of URLs and logins (`user:HERE@host`), `password=HERE` and
/// `--password HERE`, `"token":"HERE"`, `redis-cli -a HERE`.
pub(in super::super) fn in_value(text: &str) -> Vec<Range<usize>> {
    let mut found = url_passwords(text);
    found.extend(logins(text));
    found.extend(named_by(text, Form::Value));
    for look in LOOKS.iter() {
        let secrets = look.captures_iter(text);
        found.extend(secrets.filter_map(|found| {
            let secret = found.iter().skip(1).flatten().next()?;
            Some(secret.range())
        }));
    }
    found.retain(|range| !is_reference(&text[range.clone()]));
    found
}

/// Where a file's text holds values of keys that name a secret, unless they are
/// references, or lead to a map or an alias.
pub(in super::super) fn named(text: &str) -> Vec<Range<usize>> {
    named_by(text, Form::Source)
}

/// Where a line gives a value to a name as environment variables have it:
/// `B2_ACCOUNT_KEY: HERE`. For lines that cannot be read as YAML, where
/// nothing tells an `environment:` from what else is in capitals.
pub(in super::super) fn environment(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (colon, _) in line.match_indices(':') {
        let name = line[..colon].trim_end_matches(['"', '\'']);
        let from = name
            .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
            .len();
        let name = &name[from..];
        let capitals = name.len() > 1 && !name.bytes().any(|byte| byte.is_ascii_lowercase());
        let value = skip(line, colon + 1, &[' ', '\t']);
        let rest = &line[value..];
        if capitals && name.contains('_') && !rest.is_empty() && !is_reference(rest) {
            found.push(value..value + extent(rest, false));
        }
    }
    found
}

fn is_reference(value: &str) -> bool {
    let bare = value.trim_start_matches(['"', '\'', '\\', '`']);
    REFERENCES.iter().any(|start| bare.starts_with(start))
}

fn skip(text: &str, from: usize, skipped: &[char]) -> usize {
    from + text[from..].len() - text[from..].trim_start_matches(skipped).len()
}

/// `user:HERE@host` without a scheme before it.
fn logins(text: &str) -> Vec<Range<usize>> {
    /// What stands before a name that is no login's, or a login without a password.
    const NO_USERS: [&str; 10] = [
        "env",
        "file",
        "credential",
        "mailto",
        "sftp",
        "ssh",
        "sip",
        "xmpp",
        "tag",
        "rclone",
    ];
    let mut found = Vec::new();
    let mut start = 0;
    for word in text.split(|c: char| c.is_whitespace() || "\"'`<>".contains(c)) {
        let at = start;
        start += word.len();
        start += text[start..].chars().next().map_or(0, char::len_utf8);
        let Some(end) = word.rfind('@') else { continue };
        let host = &word[end + 1..];
        if word.contains("://")
            || host.starts_with("sha256:")
            || !host.starts_with(|c: char| c.is_alphanumeric() || "[$_".contains(c))
        {
            continue;
        }
        let begin = word[..end]
            .rfind(['(', '=', '{', '['])
            .map_or(0, |at| at + 1);
        let fields: Vec<&str> = word[begin..end].split(':').collect();
        let [first, second, rest @ ..] = fields.as_slice() else {
            continue;
        };
        let (user, password) = match rest {
            [] if NO_USERS.contains(first) => continue,
            [] => (*first, begin + first.len() + 1),
            _ if second.contains('/') => continue,
            _ => (*first, begin + first.len() + 1 + second.len() + 1),
        };
        let secret = &word[password..end];
        // A path below a port, or of another machine.
        let path = secret.trim_start_matches(|c: char| c.is_ascii_digit());
        if !user.is_empty() && !user.contains('/') && !secret.is_empty() && !path.starts_with('/') {
            found.push(at + password..at + end);
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `name=HERE`, `--name HERE`, `"name":"HERE"`.
    Value,
    /// Those, and `name: HERE`, which in a message may be plain words.
    Source,
}

fn named_by(text: &str, form: Form) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for name in NAMES.iter().chain(&SHORT_NAMES).chain(&KEYS) {
        for (at, _) in lower.match_indices(name) {
            let end = at + name.len();
            if SHORT_NAMES.contains(name) && !names_a_secret(&lower[..end]) {
                continue;
            }
            found.extend(value_after(text, at, end, form));
        }
    }
    for (name, shortest) in PARAMETERS {
        found.extend(lower.match_indices(name).filter_map(|(at, name)| {
            let value = at + name.len();
            let length = extent(&text[value..], true);
            (length >= shortest).then_some(value..value + length)
        }));
    }
    found
}

/// The value of the name that stands at `name..end`.
fn value_after(text: &str, name: usize, end: usize, form: Form) -> Option<Range<usize>> {
    let quoted = skip(text, end, &['"', '\'', '\\']);
    let sign = skip(text, quoted, &[' ', '\t']);
    let from = match text[sign..].chars().next() {
        Some('=') if !text[sign + 1..].starts_with('=') => sign + 1,
        Some(':') if form == Form::Source || quoted > end => sign + 1,
        Some(',') if quoted > end && is_flag(&text[..name]) => sign + 1,
        Some(_) if sign > end && is_flag(&text[..name]) => sign,
        _ => return None,
    };
    let assigned = !text[sign..].starts_with(':');
    let value = skip(text, from, &[' ', '\t']);
    let rest = &text[value..];
    if is_reference(rest) || assigned && sign == from && rest.starts_with('-') {
        return None;
    }
    if !assigned && (rest.is_empty() || rest.starts_with(['\n', '\r', '|', '>', '#'])) {
        return (form == Form::Source)
            .then(|| below(text, name, value))
            .flatten();
    }
    if rest.starts_with(['{', '[']) || (!assigned && rest.starts_with('*')) {
        return None;
    }
    let length = extent(rest, assigned);
    (length > 0).then_some(value..value + length)
}

/// Whether what ends here begins a word with a dash: `--db-`.
fn is_flag(before: &str) -> bool {
    let word = before
        .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "-_.".contains(c))
        .len();
    before[word..].starts_with('-')
}

/// How long the value is that `rest` begins with.
fn extent(rest: &str, assigned: bool) -> usize {
    let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
    let open = line.len() - line.trim_start_matches('\\').len();
    if let Some(quote) = line[open..].chars().next().filter(|c| "\"'".contains(*c)) {
        // `''…''` inside of quotes; `""` followed by an end is an empty text.
        let inner = open + (line[open..].len() - line[open..].trim_start_matches(quote).len());
        let empty = inner > open + 1
            && !line[inner..].starts_with(|c: char| c.is_alphanumeric() || "$!*&%#@".contains(c));
        if empty {
            return 0;
        }
        let mut at = inner;
        while let Some(found) = line[at..].find(quote) {
            let end = at + found;
            let doubled = inner == open + 1 && line[end + 1..].starts_with(quote);
            let escaped = open == 0 && line[..end].ends_with('\\');
            if !doubled && !escaped {
                return end + 1;
            }
            at = end + if doubled { 2 } else { 1 };
        }
        return line.len();
    }
    let end = if assigned {
        line.find(|c: char| c.is_whitespace() || "\"'&,}`".contains(c))
    } else {
        line.find([',', '}'])
    };
    line[..end.unwrap_or(line.len())].trim_end().len()
}

/// The lines below a key without a value, or with a block: all that are indented
/// more than the key, unless they are a map.
fn below(text: &str, name: usize, value: usize) -> Option<Range<usize>> {
    let key = text[..name].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let own = indent(&text[key..]);
    let header = &text[value..];
    let block = header.starts_with(['|', '>']);
    let start = value + header.find('\n')? + 1;
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        let inside = line.len() - line.trim_start_matches(' ').len() > own;
        if !(line.trim().is_empty() || inside || (!block && line.trim_start().starts_with("- "))) {
            break;
        }
        if !block && (line.contains(": ") || line.trim_end().ends_with(':')) {
            return None;
        }
        end += line.len();
    }
    let found = text[start..end].trim();
    let first = start + text[start..end].find(found)?;
    (!found.is_empty() && !is_reference(found.trim_start_matches("- ")))
        .then_some(first..first + found.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(LOOKS.len(), patterns().len());
    }
}
