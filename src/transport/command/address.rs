//! The address of a repository, as restic spells it, and what in it would have a
//! program run.

use std::net::Ipv6Addr;

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

#[cfg(test)]
mod tests;
