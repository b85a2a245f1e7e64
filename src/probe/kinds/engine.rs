//! The engines of containers, and what stands in the way of asking them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer;
use crate::probe::{Fault, FaultKind, Host};

/// The program that knows the containers.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContainerEngine")]
pub(super) enum Engine {
    #[default]
    Docker,
    Podman,
}

impl Engine {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// Whether a line of an engine says that there is no such container.
pub(super) fn is_absence(complaint: &str) -> bool {
    let complaint = complaint.to_lowercase();
    [
        "no such container",
        "no such object",
        "no container with name or id",
    ]
    .iter()
    .any(|words| complaint.contains(words))
}

/// Why an engine that complained so does not give `what`: `Denied` where the
/// login may not ask it, `Refused` where it does not run, else `Protocol`.
pub(super) fn refusal(complaints: &[String], engine: &str, what: &str, host: &Host) -> Fault {
    let all = complaints.join("\n");
    let has = |words: &str| all.to_lowercase().contains(words);
    let place = answer::place(host);
    let first = complaints.first().map_or("no word of why", String::as_str);
    if all.starts_with("sudo: ") && has(": command not found") {
        let seen = format!("there is no {engine} on {place}: {first}");
        return Fault::new(FaultKind::Missing, seen);
    }
    if all.starts_with("sudo: ") {
        return Fault::new(FaultKind::Denied, format!("sudo on {place}: {first}")).hint(format!(
            "let the login run {engine} by sudo without a password, or leave `sudo` out"
        ));
    }
    if has("permission denied") {
        let user = host.ssh.user.as_deref().unwrap_or("the login");
        return Fault::new(
            FaultKind::Denied,
            format!("{user} may not ask {engine} on {place} for the {what}: {first}"),
        )
        .hint(format!(
            "let {user} use {engine} on {place}, by its group or by sudo with `sudo: true`"
        ));
    }
    let down = [
        "cannot connect to the docker daemon",
        "is the docker daemon running",
        "failed to connect to the docker api",
        "cannot connect to podman",
    ];
    if down.iter().any(|words| has(words)) {
        return Fault::new(
            FaultKind::Refused,
            format!("{engine} does not run on {place}: {first}"),
        )
        .hint(format!(
            "look at `systemctl status {engine}` and `journalctl -u {engine}` on {place}"
        ));
    }
    Fault::new(
        FaultKind::Protocol,
        format!("{engine} on {place} gives no {what}: {first}"),
    )
}
