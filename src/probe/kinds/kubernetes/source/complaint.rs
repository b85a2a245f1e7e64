//! What kubectl complains of, by its own words.

use super::{Answer, Resource};
use crate::probe::kinds::answer;
use crate::probe::{Fault, FaultKind};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Words of a complaint, what they mean, and what to do about it. The first that
/// fits counts.
const WORDS: [(&str, FaultKind, Option<&str>); 22] = [
    (
        "localhost:8080 was refused",
        FaultKind::Missing,
        Some(NO_CONFIG),
    ),
    ("was refused", FaultKind::Refused, Some(API_DOWN)),
    ("connection refused", FaultKind::Refused, Some(API_DOWN)),
    ("no route to host", FaultKind::Unreachable, None),
    ("network is unreachable", FaultKind::Unreachable, None),
    ("no such host", FaultKind::Unresolved, None),
    ("i/o timeout", FaultKind::TimedOut, None),
    ("deadline exceeded", FaultKind::TimedOut, None),
    ("Client.Timeout exceeded", FaultKind::TimedOut, None),
    ("handshake timeout", FaultKind::TimedOut, None),
    ("request timed out", FaultKind::TimedOut, None),
    ("x509:", FaultKind::HostKey, None),
    ("tls: ", FaultKind::HostKey, None),
    ("EOF", FaultKind::Closed, None),
    ("connection reset", FaultKind::Closed, None),
    ("permission denied", FaultKind::Denied, Some(AS_ROOT)),
    (
        "Unable to read /etc/rancher",
        FaultKind::Denied,
        Some(AS_ROOT),
    ),
    ("(Unauthorized)", FaultKind::Denied, Some(CREDENTIALS)),
    (
        "asked for the client to provide credentials",
        FaultKind::Denied,
        Some(CREDENTIALS),
    ),
    ("no such file or directory", FaultKind::Missing, None),
    ("context was not found", FaultKind::Missing, Some(CONTEXTS)),
    ("does not exist", FaultKind::Missing, Some(CONTEXTS)),
];

const API_DOWN: &str =
    "the API server does not listen: the log of k3s, or of kube-apiserver, says why";
const NO_CONFIG: &str = "kubectl has no kubeconfig for this login: `sudo: true`, or `kubeconfig:` with one below /etc, /root/.kube or /home/USER/.kube";
const AS_ROOT: &str =
    "the kubeconfig is not for this login to read: `sudo: true`, or `kubeconfig:` with another";
const CREDENTIALS: &str =
    "the certificate or token in the kubeconfig has expired, or is another cluster's";
const CONTEXTS: &str = "`kubectl config get-contexts` there lists what the kubeconfig has";

/// `sudo` that finds no such program says so itself.
pub(super) fn of_sudo(output: &Output, command: &ReadOnlyCommand, place: &str) -> Option<Fault> {
    let (sudo, program) = match command.args() {
        [sudo, _, program, ..] => (sudo == "sudo", program),
        _ => return None,
    };
    let complaint = answer::complaint(output);
    (sudo && complaint.ends_with(": command not found")).then(|| {
        Fault::new(
            FaultKind::Missing,
            format!("sudo finds no {program} on {place}"),
        )
        .hint("`program:` names another, such as [k3s, kubectl]; sudo looks in the folders of its `secure_path`")
    })
}

/// What a complaint comes to: an answer of the API, or a fault.
pub(super) fn read<T>(stderr: &str, resource: Resource, place: &str) -> Result<Answer<T>, Fault> {
    // The lines before are a log of its attempts.
    let last = stderr
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let told = last.strip_prefix("error: ").unwrap_or(last);
    let seen = if told.is_empty() {
        format!("kubectl on {place} failed and does not say why")
    } else {
        format!("kubectl on {place}: {told}")
    };
    // Without credentials it asks for a user's name, and nobody answers.
    if told == "EOF" {
        let fault = Fault::new(
            FaultKind::Denied,
            format!("kubectl on {place} has no credentials"),
        );
        return Err(fault.hopeless(false).hint(CREDENTIALS));
    }
    if told.contains("(Forbidden)") {
        return Ok(Answer::Forbidden(seen));
    }
    if told.contains("the server doesn't have a resource type")
        || told.contains("the server could not find the requested resource")
        || told.contains("(NotFound)")
    {
        return Ok(Answer::Unknown(format!(
            "the cluster has no {}: {told}",
            resource.name
        )));
    }
    let known = WORDS.iter().find(|(words, ..)| told.contains(words));
    // Old ones tell of the network in their log alone.
    let known = known.or_else(|| WORDS.iter().find(|(words, ..)| stderr.contains(words)));
    let Some((_, kind, hint)) = known else {
        return Err(Fault::new(FaultKind::Protocol, seen));
    };
    // What stands in the way there may go away, when the API server has started.
    let fault = Fault::new(*kind, seen).hopeless(false);
    Err(match hint {
        Some(hint) => fault.hint(*hint),
        None => fault,
    })
}
