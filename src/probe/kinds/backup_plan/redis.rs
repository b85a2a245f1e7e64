//! Redis, as `redis-cli` on a host tells it.

use std::collections::BTreeMap;

use crate::probe::kinds::answer;
use crate::probe::kinds::redis::cli::why;
use crate::probe::{Context, Fault, FaultKind, Host, Policy};
use crate::transport::command::{Output, ReadOnlyCommand, Refused, Values};

/// How `redis-cli` is called.
pub(super) struct Redis<'a> {
    /// The server's Unix socket; the program's own default when there is none.
    pub(super) socket: Option<&'a str>,
    /// By `sudo -n`.
    pub(super) sudo: bool,
}

/// What a command answered: texts, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reply(pub(super) Vec<String>);

impl Reply {
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The fields of a hash.
    pub(super) fn pairs(self) -> BTreeMap<String, String> {
        let mut texts = self.0.into_iter();
        let mut pairs = BTreeMap::new();
        while let (Some(field), Some(value)) = (texts.next(), texts.next()) {
            pairs.insert(field, value);
        }
        pairs
    }
}

/// Bytes of an answer that are kept.
const MOST: usize = 4 << 20;

impl Redis<'_> {
    fn args(&self) -> Vec<&str> {
        let mut args = if self.sudo {
            vec!["sudo", "-n"]
        } else {
            Vec::new()
        };
        args.push("redis-cli");
        if let Some(socket) = self.socket {
            args.extend(["-s", socket]);
        }
        // Quoted, so that a line break in a value is none in the answer.
        args.push("--no-raw");
        args
    }

    pub(super) fn command(
        &self,
        policy: &Policy,
        words: &[&str],
    ) -> Result<ReadOnlyCommand, Refused> {
        let args = self.args();
        let all = args.iter().chain(words).map(ToString::to_string);
        // A hash of a repository has its credentials, which `repository::hide` hides.
        ReadOnlyCommand::typed(policy, all.collect())
    }

    pub(super) fn scan_command(
        &self,
        policy: &Policy,
        pattern: &str,
    ) -> Result<ReadOnlyCommand, Refused> {
        self.command(policy, &["--scan", "--pattern", pattern])
    }

    /// Sends one command.
    pub(super) async fn ask(&self, context: &Context, words: &[&str]) -> Result<Reply, Fault> {
        let command = self.command(&context.transports.policy, words);
        self.run(context, command).await
    }

    /// The keys that fit a pattern of Redis'.
    pub(super) async fn scan(
        &self,
        context: &Context,
        pattern: &str,
    ) -> Result<Vec<String>, Fault> {
        let command = self.scan_command(&context.transports.policy, pattern);
        Ok(self.run(context, command).await?.0)
    }

    async fn run(
        &self,
        context: &Context,
        command: Result<ReadOnlyCommand, Refused>,
    ) -> Result<Reply, Fault> {
        let command =
            command.map_err(|refused| Fault::new(FaultKind::LocalSetup, refused.message))?;
        let output = context
            .exec_with(&command, &Values::default(), MOST)
            .await?;
        let host = context.host()?;
        let program = if self.sudo { "sudo" } else { "redis-cli" };
        let status = answer::status(&output, program, host)?;
        if output.truncated {
            return Err(Fault::new(
                FaultKind::Protocol,
                "redis-cli printed more than is kept",
            ));
        }
        if status != 0 {
            return Err(self.unreached(&output, host));
        }
        read(&output.stdout)
    }

    fn unreached(&self, output: &Output, host: &Host) -> Fault {
        let said = answer::complaint(output);
        let place = answer::place(host);
        Fault::new(
            why(&said),
            format!("Redis of {place} cannot be asked: {said}"),
        )
        .hint(match self.socket {
            Some(socket) => format!(
                "`systemctl status redis` on the leader node; its socket is expected at {socket}, \
                     and the login has to be allowed to use it"
            ),
            None => "`systemctl status redis` on the leader node; `socket` names its Unix socket"
                .to_owned(),
        })
    }
}

/// Reads what `redis-cli --no-raw` prints of a reply.
pub(super) fn read(stdout: &[u8]) -> Result<Reply, Fault> {
    let text = String::from_utf8_lossy(stdout);
    let mut texts = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(error) = line.strip_prefix("(error) ") {
            return Err(refused(error));
        }
        if line.is_empty() || line.starts_with("(empty ") || line == "(nil)" {
            continue;
        }
        let quoted = match line.split_once(") ") {
            Some((number, rest)) if is_number(number) => rest,
            _ => line,
        };
        let Some(value) = unquoted(quoted) else {
            // It may be a part of a secret, so it is not repeated.
            return Err(Fault::new(
                FaultKind::Protocol,
                format!(
                    "redis-cli printed no quoted texts in line {}",
                    texts.len() + 1
                ),
            ));
        };
        texts.push(value);
    }
    Ok(Reply(texts))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn refused(error: &str) -> Fault {
    let code = error.split(' ').next().unwrap_or_default();
    let short: String = error.chars().take(200).collect();
    match code {
        "NOAUTH" | "NOPERM" | "WRONGPASS" => {
            Fault::new(FaultKind::Denied, format!("Redis refuses: {short}")).hint(
                "the login's redis-cli has to be one that may read cluster/* and module/*: \
                 as root on the leader node it is",
            )
        }
        "LOADING" => Fault::new(FaultKind::Protocol, format!("Redis says: {short}"))
            .hint("it still loads its data: wait"),
        _ => Fault::new(FaultKind::Protocol, format!("Redis says: {short}")),
    }
}

/// A text as `redis-cli` quotes it: `"two\nlines \xc3\xa8"`.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'"' {
            return None;
        }
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'a' => 7,
            b'b' => 8,
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                u8::from_str_radix(digits, 16).ok()?
            }
            other @ (b'"' | b'\\') => other,
            _ => return None,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
