//! What restic complains of, as a fault with a next step.
//!
//! Since 0.17 the exit status tells some of it: 10 there is no repository, 11
//! it cannot be locked, 12 the password is wrong. Before, all of it was 1. With
//! `--json`, a line of standard error may be an object with the message in it.

use serde_json::Value as Json;

use crate::probe::kinds::answer;
use crate::probe::{Fault, FaultKind, Host};
use crate::transport::command::{Output, address};

/// The lines of standard error, messages taken out of their JSON and logins out of
/// addresses: restic hides the passwords of those that it can read, and no user.
pub(super) fn complaints(output: &Output) -> Vec<String> {
    let text = answer::stderr(output);
    let messages: Vec<String> = text.lines().map(|line| message(line.trim())).collect();
    let lines = messages.iter().flat_map(|message| message.lines());
    let lines = lines.map(str::trim).filter(|line| !line.is_empty());
    lines.map(address::without_logins).collect()
}

fn message(line: &str) -> String {
    let Ok(Json::Object(object)) = serde_json::from_str(line) else {
        return line.to_owned();
    };
    let told = object
        .get("message")
        .or_else(|| object.get("error")?.get("message"))
        .or_else(|| object.get("error"));
    match told.and_then(Json::as_str) {
        Some(told) => told.trim().to_owned(),
        None => line.to_owned(),
    }
}

/// What a part of a complaint means.
struct Known {
    parts: &'static [&'static str],
    kind: FaultKind,
    hint: &'static str,
}

/// The first that fits tells; what is more exact stands before what is less so.
const KNOWN: &[Known] = &[
    Known {
        parts: &["resolving password failed"],
        kind: FaultKind::Missing,
        hint: "the file of `password_file` has to be there and readable for the login; `sudo: true` reads as root",
    },
    Known {
        parts: &["empty password", "an empty password is not"],
        kind: FaultKind::LocalSetup,
        hint: "the password that was given is empty",
    },
    Known {
        parts: &["wrong password", "no key found"],
        kind: FaultKind::Denied,
        hint: "the password is none of the repository's: compare `password_file` or `password` with the one that the backup job uses",
    },
    Known {
        parts: &["already locked", "unable to create lock"],
        kind: FaultKind::Protocol,
        hint: "another restic works on it, or one that was cut off left its lock: `restic list locks`, and when nothing runs any more `restic unlock`",
    },
    Known {
        parts: &["connection refused"],
        kind: FaultKind::Refused,
        hint: "the server of the repository does not run, or not there",
    },
    Known {
        parts: &["no such host", "could not resolve", "name resolution"],
        kind: FaultKind::Unresolved,
        hint: "the host that runs restic cannot resolve the name of the repository's server",
    },
    Known {
        parts: &["no route to host", "network is unreachable"],
        kind: FaultKind::Unreachable,
        hint: "the host that runs restic has no way to the repository's server",
    },
    Known {
        parts: &[
            "i/o timeout",
            "timed out",
            "deadline exceeded",
            "handshake timeout",
        ],
        kind: FaultKind::TimedOut,
        hint: "the server of the repository does not answer the host that runs restic",
    },
    Known {
        parts: &["host key verification failed"],
        kind: FaultKind::HostKey,
        hint: "the login that runs restic does not trust the key of the repository's server: look into its known_hosts",
    },
    Known {
        parts: &[
            "permission denied",
            "access denied",
            "accessdenied",
            "forbidden",
            "unauthorized",
            "invalidaccesskeyid",
            "signaturedoesnotmatch",
            "invalid application key",
            "bad_auth_token",
        ],
        kind: FaultKind::Denied,
        hint: "who may read the repository may open it: see the login, `sudo: true`, and the credentials in `environment`",
    },
    Known {
        parts: &["section in config file"],
        kind: FaultKind::Missing,
        hint: "the login's rclone knows no such remote: `rclone listremotes` there; RCLONE_CONFIG in `environment` names another configuration",
    },
    Known {
        parts: &[
            "ciphertext verification failed",
            "invalid data returned",
            "repository contains errors",
            "unexpected end of json",
        ],
        kind: FaultKind::Protocol,
        hint: "the repository is damaged: `restic check`, and restic's manual on how to repair one",
    },
    Known {
        parts: &["unknown flag", "unknown command", "unknown shorthand"],
        kind: FaultKind::Protocol,
        hint: "the restic of the host is older than what is asked of it: `restic version` there",
    },
    Known {
        parts: &["invalid backend", "parsing repository location"],
        kind: FaultKind::LocalSetup,
        hint: "`repository` is spelled as restic does: /path, sftp:host:/path, rest:https://host/, s3:host/bucket, b2:bucket:path, rclone:remote:path",
    },
    Known {
        parts: &[
            "is there a repository at the following location",
            "repository does not exist",
            "unable to open config file",
            "unable to open repository",
        ],
        kind: FaultKind::Missing,
        hint: "there is no repository at this place: a mount that is not there, another path, or one that was never made by `restic init`",
    },
];

/// The fault for a status other than 0.
pub(super) fn fault(status: u32, output: &Output, host: &Host) -> Fault {
    let complaints = complaints(output);
    let place = answer::place(host);
    let said = said(&complaints);
    let by_status = match status {
        10 => Some("repository does not exist"),
        11 => Some("already locked"),
        12 => Some("wrong password"),
        _ => None,
    };
    let all = complaints.join("\n").to_lowercase();
    let of = |text: &str| {
        let mut known = KNOWN.iter();
        known.find(|known| known.parts.iter().any(|part| text.contains(part)))
    };
    // What a path or a name in the message says is less than what the status does;
    // of a repository that is not there the message knows why.
    let known = match by_status {
        Some(text) if status != 10 => of(text),
        Some(text) => of(&all).or_else(|| of(text)),
        None => of(&all),
    };
    let seen = if said.is_empty() {
        format!("restic on {place} ended with status {status} and no message")
    } else {
        format!("restic on {place}: {said}")
    };
    match known {
        Some(known) => Fault::new(known.kind, seen).hint(known.hint),
        None => Fault::new(FaultKind::Protocol, seen),
    }
}

/// The line that tells most: restic's last words, or else the first line.
fn said(complaints: &[String]) -> String {
    let fatal = |line: &&String| line.contains("Fatal: ");
    let line = complaints
        .iter()
        .find(fatal)
        .or_else(|| complaints.first())
        .map_or("", String::as_str);
    let line = line.split_once("Fatal: ").map_or(line, |(_, rest)| rest);
    let short: String = line.chars().take(300).collect();
    short
}
