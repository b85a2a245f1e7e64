//! What rclone complains of, as a fault with a next step. Its statuses tell one
//! thing: 3 is a folder that is not there.

use crate::probe::kinds::answer;
use crate::probe::{Fault, FaultKind, Host};
use crate::transport::command::{Output, address};

/// Parts of a complaint, in small letters, and what they mean.
const KNOWN: &[(&[&str], FaultKind, &str)] = &[
    (
        &["didn't find section in config file"],
        FaultKind::Missing,
        "the configuration has no such remote: `rclone listremotes` there; `config` names another file",
    ),
    // Before those of the configuration as a whole, which share a word with it.
    (
        &["couldn't decrypt password", "is it obscured"],
        FaultKind::Denied,
        "a password of the remote stands in the configuration as plain text, where rclone wants it obscured: `rclone obscure -` there turns it into what belongs behind `pass =`",
    ),
    (
        &[
            "unable to decrypt configuration",
            "couldn't decrypt",
            "configuration password",
            "ask-password",
        ],
        FaultKind::Denied,
        "the configuration is encrypted: give its password by `config_password`",
    ),
    (
        &[
            "invalid_grant",
            "couldn't fetch token",
            "token expired",
            "empty token",
            "oauth2",
        ],
        FaultKind::Denied,
        "the login at the provider has run out: `rclone config reconnect` renews it",
    ),
    (
        &["connection refused"],
        FaultKind::Refused,
        "the server of the remote does not run, or not there",
    ),
    (
        &["no such host", "name resolution"],
        FaultKind::Unresolved,
        "the host that runs rclone cannot resolve the name of the remote's server",
    ),
    (
        &["no route to host", "network is unreachable"],
        FaultKind::Unreachable,
        "the host that runs rclone has no way to the remote's server",
    ),
    (
        &[
            "i/o timeout",
            "timed out",
            "deadline exceeded",
            "handshake timeout",
        ],
        FaultKind::TimedOut,
        "the remote's server does not answer the host that runs rclone",
    ),
    (
        &[
            "ratelimitexceeded",
            "rate limit",
            "quota",
            "too many requests",
        ],
        FaultKind::Protocol,
        "the provider slows the account down: look less often, or narrow the listing down by `include`",
    ),
    (
        &[
            "permission denied",
            "access denied",
            "accessdenied",
            "forbidden",
            "unauthorized",
            "signaturedoesnotmatch",
            "invalidaccesskeyid",
        ],
        FaultKind::Denied,
        "who may read the remote may list it: see the login, `sudo: true`, and the credentials in the configuration",
    ),
    (
        &["directory not found", "bucket not found"],
        FaultKind::Missing,
        "there is no such folder on the remote: it was never copied there, or to another place",
    ),
    (
        &["unknown flag", "unknown command", "unknown shorthand"],
        FaultKind::Protocol,
        "the rclone of the host is older than what is asked of it: `rclone version` there",
    ),
];

/// The fault for a status other than 0.
pub(super) fn fault(status: u32, output: &Output, host: &Host, remote: &str) -> Fault {
    let text = address::without_logins(&answer::stderr(output));
    let said = said(&text);
    let place = answer::place(host);
    let remote = remote.trim_end_matches(':');
    let seen = if said.is_empty() {
        format!(
            "rclone on {place} could not list {remote}: it ended with status {status} and no message"
        )
    } else {
        format!("rclone on {place} could not list {remote}: {said}")
    };
    let all = text.to_lowercase();
    let known = KNOWN
        .iter()
        .find(|(parts, ..)| parts.iter().any(|part| all.contains(part)))
        .or_else(|| {
            KNOWN
                .iter()
                .find(|(parts, ..)| status == 3 && parts.contains(&"directory not found"))
        });
    match known {
        Some((_, kind, hint)) => Fault::new(*kind, seen).hint(*hint),
        None => Fault::new(FaultKind::Protocol, seen),
    }
}

/// The last thing that rclone said, which is why it ended, without the time
/// before it.
fn said(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let failed = lines().rfind(|line| line.contains("Failed to"));
    let line = failed.or_else(|| lines().next_back()).unwrap_or_default();
    let digits = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || b"/:.".contains(&byte))
    };
    let words = line.splitn(3, ' ').collect::<Vec<_>>();
    let line = match words.as_slice() {
        [date, time, rest] if digits(date) && digits(time) => rest,
        _ => line,
    };
    line.chars().take(300).collect()
}
