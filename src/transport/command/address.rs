//! The address of a repository, as restic spells it: what in it would have a program
//! run, and what in it is secret.

use std::net::Ipv6Addr;

use secrecy::SecretString;

const REMOTE: &str = "name a configured remote, without settings";
const HOST: &str = "give the plain name of a host: ssh would read more into it";
const SCHEME: &str = "restic's own are a path, azure:, b2:, gs:, local:, rclone:, rest:, s3:, sftp: and swift:, \
     and of another it is not known what it would run";

/// What is wrong with an address that may have restic run something else than ssh to
/// a host, or rclone with a remote of its configuration. What is not known is wrong.
pub(super) fn problem(address: &str) -> Option<&'static str> {
    let is_path = ["/", "./", "../"]
        .iter()
        .any(|start| address.starts_with(start));
    // restic takes what stands before the first colon for the scheme, as it is written.
    let (scheme, rest) = address.split_once(':').filter(|_| !is_path)?;
    match scheme {
        "azure" | "b2" | "gs" | "local" | "rest" | "s3" | "swift" => None,
        "rclone" => (!is_remote(rest)).then_some(REMOTE),
        "sftp" => (!is_reached_by_ssh(rest)).then_some(HOST),
        _ => Some(SCHEME),
    }
}

/// Whether it is `NAME:PATH` or a path. restic hands it to rclone as it stands, where
/// `-x` is a flag, `:sftp,ssh=x:` a remote by its settings, and `NAME,ssh=x:` a
/// configured one with others.
fn is_remote(remote: &str) -> bool {
    let may_be_in = |next: char| next.is_alphanumeric() || "_.+@- ".contains(next);
    if remote.contains(',') || remote.starts_with(['-', ' ']) {
        return false;
    }
    match remote.split_once(':') {
        Some((name, _)) => !name.is_empty() && name.chars().all(may_be_in),
        None => !remote.is_empty(),
    }
}

/// Whether what follows `sftp:` begins with nothing else than a user and a host. restic
/// hands both to ssh, which takes `-oProxyCommand=x` for a flag, also where it stands in
/// brackets, and may put them into a command of the login's configuration.
fn is_reached_by_ssh(rest: &str) -> bool {
    let (login, is_url) = match rest.strip_prefix("//") {
        Some(url) => (url.split('/').next().unwrap_or_default(), true),
        None => (rest.split(':').next().unwrap_or_default(), false),
    };
    let (user, host) = login.rsplit_once('@').unwrap_or(("", login));
    let user = if is_url {
        user.split(':').next().unwrap_or_default()
    } else {
        user
    };
    let plain = |next: char| next.is_alphanumeric() || "_.+-".contains(next);
    // restic and this may see another `@` as the last, so that each part has to do.
    let is_name = |name: &str| !name.starts_with('-') && name.chars().all(plain);
    user.split('@').all(is_name)
        && match host.strip_prefix('[').filter(|_| is_url) {
            Some(bracketed) => bracketed
                .split_once(']')
                .is_some_and(|(inner, port)| is_ipv6(inner) && is_port(port)),
            None => {
                let at = host.find(':').filter(|_| is_url).unwrap_or(host.len());
                let (name, port) = host.split_at(at);
                !name.is_empty() && is_name(name) && is_port(port)
            }
        }
}

fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, ""));
    address.parse::<Ipv6Addr>().is_ok() && zone.chars().all(char::is_alphanumeric)
}

/// Whether it is nothing, or a colon and digits.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// What is secret in an address: its login (`user:password`), the password, the user
/// where it may be a token, and what follows a `?`; each as it is written and with its
/// `%`-escapes undone. A login ends at the last `@`, as passwords may have `@` and `/`
/// in them. The user of `sftp:` is none: ssh has it on its command line.
#[must_use]
pub fn secrets_in(address: &str) -> Vec<SecretString> {
    let is_sftp = address.starts_with("sftp:");
    let after = match address.split_once("://") {
        Some((_, after)) => after,
        None => address.strip_prefix("rest:").unwrap_or_default(),
    };
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    let whole = (!is_sftp).then_some(after);
    let places = [Some(authority), whole].into_iter().flatten();
    let mut found: Vec<&str> = Vec::new();
    for (login, _) in places.filter_map(|place| place.rsplit_once('@')) {
        match login.split_once(':') {
            Some((user, password)) => {
                found.extend([login, password]);
                found.extend((!is_sftp && !is_plain_name(user)).then_some(user));
            }
            None => found.extend((!is_sftp).then_some(login)),
        }
    }
    if let Some((_, query)) = after.split_once('?') {
        found.push(query);
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        found.extend(values.map(|(_, value)| value));
    }
    let decoded: Vec<String> = found.iter().filter_map(|text| decoded(text)).collect();
    let mut all: Vec<String> = found.into_iter().map(str::to_owned).collect();
    all.extend(decoded);
    all.retain(|text| !text.is_empty());
    all.sort();
    all.dedup();
    all.into_iter().map(SecretString::from).collect()
}

/// A name such as `backup`, beside a password: to hide it would take it out of every
/// path that has it.
fn is_plain_name(user: &str) -> bool {
    const LONGEST: usize = 16;
    let plain =
        |next: u8| next.is_ascii_lowercase() || next.is_ascii_digit() || b"_.-".contains(&next);
    user.len() <= LONGEST && user.bytes().all(plain)
}

/// The text with its `%`-escapes undone, where it has any.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, beyond @ ..] if *first == b'%' => hex(*high)
                .zip(hex(*low))
                .map(|(high, low)| (high << 4 | low, beyond)),
            _ => None,
        };
        let (byte, beyond) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = beyond;
    }
    let decoded = String::from_utf8(bytes).ok()?;
    (decoded != text).then_some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

/// What another program said, with `***` for whatever stands between `://` and the last
/// `@` of an address. An address in quotes ends with them; of one without, nothing tells
/// where a password with blanks in it ends, so that all of the line may belong to it.
#[must_use]
pub fn without_logins(text: &str) -> String {
    text.split_inclusive('\n')
        .map(line_without_logins)
        .collect()
}

fn line_without_logins(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let (mut rest, mut hidden) = (line, false);
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        clean.push_str(before);
        let in_quotes = before
            .trim_end_matches(|next: char| next.is_ascii_alphanumeric() || "+.:-/".contains(next))
            .ends_with('"');
        let end = if in_quotes {
            quoted(after)
        } else {
            after.len()
        };
        let (address, beyond) = after.split_at(end);
        match address.rfind('@') {
            Some(at) => {
                clean.push_str("***");
                clean.push_str(&address[at..]);
                hidden = true;
            }
            None => clean.push_str(address),
        }
        rest = beyond;
    }
    clean.push_str(rest);
    if hidden { without_parts(&clean) } else { clean }
}

/// Go repeats the part of an address that it does not take, which may be the beginning
/// of a password: `invalid port ":pa" after host`.
fn without_parts(line: &str) -> String {
    let Some(at) = line.find(" invalid ") else {
        return line.to_owned();
    };
    let (before, mut rest) = line.split_at(at);
    let mut clean = before.to_owned();
    while let Some(at) = rest.find('"') {
        let (before, after) = rest.split_at(at + 1);
        clean.push_str(before);
        clean.push_str("***");
        let beyond = &after[quoted(after)..];
        rest = match beyond.strip_prefix('"') {
            Some(beyond) => {
                clean.push('"');
                beyond
            }
            None => beyond,
        };
    }
    clean.push_str(rest);
    clean
}

/// How long what stands in quotes is, after the first of them.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, next) in text.char_indices() {
        match next {
            '"' if !escaped => return at,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
