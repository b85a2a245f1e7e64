//! A Redis on a Unix socket of a host, which only `redis-cli` there can reach.

use std::collections::BTreeMap;

use crate::probe::kinds::answer;
use crate::probe::{Context, Fault, FaultKind, Host};
use crate::transport::command::Output;
use crate::transport::redis::{login_fault, parse_info};

/// What the server said.
#[derive(Debug)]
pub(super) struct Said {
    /// PING was answered by PONG.
    pub(super) pong: bool,
    /// The server's error to PING.
    pub(super) error: Option<String>,
    /// The fields of INFO; none where the login may not see them.
    pub(super) info: BTreeMap<String, String>,
}

/// The commands of [`ask`], in this order.
pub(super) fn commands(socket: &str) -> [Vec<String>; 2] {
    // Not raw, so that an error is told from a reply; of INFO it is raw all the same.
    ["PING", "INFO"].map(|word| {
        ["redis-cli", "-s", socket, "--no-raw", word]
            .map(str::to_owned)
            .to_vec()
    })
}

/// Asks by `redis-cli` on the host that the check is `on`.
///
/// # Errors
/// The fault of the host's connection; `Missing` without `redis-cli` or the socket;
/// `Refused`, `Denied`, `Closed`; `Protocol` for an answer that is none of Redis'.
pub(super) async fn ask(context: &Context, socket: &str) -> Result<Said, Fault> {
    let [ping, info] = commands(socket);
    let printed = printed(context, socket, ping).await?;
    let (pong, error) = match (printed.trim_end(), printed.strip_prefix("(error) ")) {
        ("PONG", _) => (true, None),
        (_, Some(error)) => match refused(error.trim_end()) {
            Some(fault) => return Err(fault),
            None => (false, Some(error.trim_end().to_owned())),
        },
        (other, None) => return Err(other_than("PING", other)),
    };
    let printed = self::printed(context, socket, info).await?;
    let info = match printed.trim() {
        text if text.starts_with('#') => parse_info(text),
        // Rights may be missing (NOPERM); then its facts are, too.
        error if is_error(error) => BTreeMap::new(),
        other => return Err(other_than("INFO", other)),
    };
    Ok(Said { pong, error, info })
}

async fn printed(context: &Context, socket: &str, args: Vec<String>) -> Result<String, Fault> {
    let command = answer::command(&context.transports.policy, args)?;
    let output = context.exec(&command).await?;
    let host = context.host()?;
    if answer::status(&output, "redis-cli", host)? != 0 {
        return Err(unreached(&output, socket, host));
    }
    Ok(answer::stdout(&output))
}

fn other_than(word: &str, printed: &str) -> Fault {
    let line: String = printed
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect();
    Fault::new(
        FaultKind::Protocol,
        format!("{word} was answered by {line:?}"),
    )
}

/// `NOPERM this user …`, as the protocol has errors: a word in capitals first.
fn is_error(printed: &str) -> bool {
    let word = printed.split(' ').next().unwrap_or_default();
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn refused(error: &str) -> Option<Fault> {
    login_fault(error).map(|fault| {
        fault.hint(
            "redis-cli on the host logs in as it does by itself: let its default user do `+ping +info`, \
             or give `address: 127.0.0.1`, `port`, `password` and `via: HOST`",
        )
    })
}

fn unreached(output: &Output, socket: &str, host: &Host) -> Fault {
    let said = answer::complaint(output);
    let place = answer::place(host);
    let seen = format!("Redis of {place} cannot be asked at {socket}: {said}");
    Fault::new(why(&said), seen).hint(format!(
        "`systemctl status redis` on {place}, and whether the login may use {socket}"
    ))
}

/// What a complaint of `redis-cli`, that it cannot reach its server, means.
pub(in crate::probe::kinds) fn why(said: &str) -> FaultKind {
    if said.contains("No such file") {
        FaultKind::Missing
    } else if said.contains("ermission denied") {
        FaultKind::Denied
    } else if said.contains("refused") {
        FaultKind::Refused
    } else if said.contains("closed the connection") {
        FaultKind::Closed
    } else {
        FaultKind::Protocol
    }
}

#[cfg(test)]
mod tests;
