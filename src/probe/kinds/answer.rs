//! What a finished command says of itself, for the kinds that run one.

use crate::probe::{Fault, FaultKind, Host, Policy};
use crate::transport::command::{Exit, Output, ReadOnlyCommand};

/// The command of a kind, which the policy lets through.
///
/// # Errors
/// `LocalSetup`: the policy refuses it after all, for what its options name.
pub(super) fn command<I, S>(policy: &Policy, args: I) -> Result<ReadOnlyCommand, Fault>
where
    I: IntoIterator<Item = S>,
    S: Into<String>,
{
    ReadOnlyCommand::from_args(policy, args)
        .map_err(|refused| Fault::new(FaultKind::LocalSetup, refused.message))
}

/// Standard output as text.
pub(super) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text, without what the wrapping adds around a message.
pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// The host in a sentence.
pub(super) fn place(host: &Host) -> &str {
    if host.local { "this machine" } else { &host.id }
}

/// The exit status of a command that ran to its end.
///
/// # Errors
/// `Missing` when there is no such program, `Denied` when it may not be run or
/// sudo does not run it,
/// `Closed` when it was killed or cut off.
pub(super) fn status(output: &Output, program: &str, host: &Host) -> Result<u32, Fault> {
    let place = place(host);
    match &output.exit {
        Exit::Status(127) => Err(Fault::new(
            FaultKind::Missing,
            format!("there is no {program} on {place}"),
        )),
        Exit::Status(126) => Err(Fault::new(
            FaultKind::Denied,
            format!("{program} may not be run on {place}: {}", stderr(output)),
        )),
        Exit::Status(1) if program == "sudo" && is_sudo_s_own(&complaint(output)) => {
            Err(Fault::new(
                FaultKind::Denied,
                format!("sudo on {place} does not run it: {}", complaint(output)),
            )
            .hint(format!(
                "sudoers on {place} has to allow exactly this command with NOPASSWD; \
                 `sudo -n -l` there lists what it allows"
            )))
        }
        Exit::Status(status) => Ok(*status),
        Exit::Signal(signal) => Err(Fault::new(
            FaultKind::Closed,
            format!("{program} was killed on {place} by SIG{signal}"),
        )),
        Exit::Unknown if output.truncated => Err(Fault::new(
            FaultKind::Protocol,
            format!("{program} on {place} printed more than is kept"),
        )),
        Exit::Unknown => Err(Fault::new(
            FaultKind::Closed,
            format!("{program} on {place} was cut off before its end"),
        )),
    }
}

/// The first line of what a command complained about.
pub(super) fn complaint(output: &Output) -> String {
    stderr(output).lines().next().unwrap_or_default().to_owned()
}

/// Whether sudo complains of itself, and not the command that it ran: of a
/// password it would need, or that the command is not allowed.
fn is_sudo_s_own(complaint: &str) -> bool {
    complaint.starts_with("sudo: ") || complaint.starts_with("Sorry, user ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::probe::Kind;
    use crate::probe::kinds::archive::Archive;
    use crate::probe::kinds::command::Command;
    use crate::probe::kinds::disk::Disk;
    use crate::probe::kinds::file::File;
    use crate::probe::kinds::process::Process;
    use crate::probe::kinds::settings::Settings;
    use crate::probe::kinds::stage;
    use crate::probe::kinds::systemd::Systemd;
    use crate::probe::kinds::zfs::Zfs;
    use crate::servers::ssh::Answer;

    #[rstest]
    #[case("sudo", "sudo: a password is required\n", true)]
    #[case(
        "sudo",
        "Sorry, user wooo is not allowed to execute '/bin/true' as root on k3s120.\n",
        true
    )]
    #[case("sudo", "error: the server does not answer\n", false)]
    #[case("kubectl", "sudo: a password is required\n", false)]
    fn sudo_may_stand_in_the_way(
        #[case] program: &str,
        #[case] stderr: &str,
        #[case] denied: bool,
    ) {
        let output = Output {
            exit: Exit::Status(1),
            stdout: Vec::new(),
            stderr: stderr.as_bytes().to_vec(),
            truncated: false,
            elapsed: Duration::ZERO,
        };
        match status(&output, program, &stage::host(22)) {
            Ok(status) => assert_eq!((status, denied), (1, false)),
            Err(fault) => {
                assert!(denied, "{fault}");
                assert_eq!(fault.kind, FaultKind::Denied);
                let hint = fault.hint.expect("a next step");
                assert!(hint.starts_with("sudoers on data188 "), "{hint}");
            }
        }
    }

    #[rstest]
    #[case(Exit::Status(0), Ok(0))]
    #[case(Exit::Status(3), Ok(3))]
    #[case(Exit::Status(127), Err((FaultKind::Missing, "there is no zpool on data188")))]
    #[case(Exit::Status(126), Err((FaultKind::Denied, "zpool may not be run on data188: no")))]
    #[case(Exit::Signal("KILL".into()), Err((FaultKind::Closed, "zpool was killed on data188 by SIGKILL")))]
    #[case(Exit::Unknown, Err((FaultKind::Closed, "zpool on data188 was cut off before its end")))]
    fn reads_the_end(#[case] exit: Exit, #[case] expected: Result<u32, (FaultKind, &str)>) {
        let output = Output {
            exit,
            stdout: Vec::new(),
            stderr: b"no\n".to_vec(),
            truncated: false,
            elapsed: Duration::ZERO,
        };
        let seen = status(&output, "zpool", &stage::host(22));
        match expected {
            Ok(status) => assert_eq!(seen, Ok(status)),
            Err((kind, text)) => {
                let fault = seen.expect_err("a fault");
                assert_eq!((fault.kind, fault.seen.as_str()), (kind, text));
            }
        }
    }

    /// Of half a list nothing can be told, whatever status came before its end.
    #[tokio::test]
    async fn a_cut_answer_is_none() {
        look::<Zfs>(json!({"datasets": ["main"], "snapshot": "auto-{date}"})).await;
        look::<Settings>(json!({"from": "sysctl", "expect": {"a": "y"}})).await;
        look::<Systemd>(json!({"unit": "cron"})).await;
        look::<Archive>(json!({"path": "/b/x-{date}.gz", "zone": "UTC"})).await;
        look::<Disk>(json!({"path": "/"})).await;
        look::<Process>(json!({"name": "y"})).await;
        look::<File>(json!({"path": "/y"})).await;
        look::<Command>(json!({"run": "uptime"})).await;
    }

    async fn look<K: Kind>(options: serde_json::Value) {
        let line = b"1 1780430467.5 x-20260603.gz\n";
        let stage = stage::stage(move |_| Answer::EndsFirst {
            stdout: line.repeat((5 << 18) / line.len()),
            is_lost: false,
        })
        .await;
        let told = stage::run(&stage::kind::<K>(options), &stage.context).await;
        let fault = told.expect_err(K::NAME);
        assert_eq!(fault.kind, FaultKind::Protocol, "{fault}");
        assert!(fault.seen.contains("more than is kept"), "{fault}");
    }
}
