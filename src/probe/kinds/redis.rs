//! `redis`: a Redis server answers and has its data.

pub(super) mod cli;
mod facts;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::aim;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, Kind, OptionProblem, Place, Policy, Request,
    SecretRef, Target,
};
use crate::transport::command::ReadOnlyCommand;
use crate::transport::redis::{self, Endpoint, Key};
use crate::transport::tls::TlsOptions;

/// Sends PING and INFO to a Redis server (or Valkey, or KeyDB), and one command
/// of yours that reads.
///
/// Whether a command reads is told by the server's own command table
/// (`COMMAND INFO`): what it does not call `readonly` is not sent. A server
/// that is still loading its data set answers, but `loading` is true; one that
/// cannot save it to disk refuses writes, and `writes_stopped` is true.
///
/// Without `tls` the password goes over the network as it is: look by `via`, or
/// give a user that may do no more than `+ping +info`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Name or address to connect to; the check's host when left out.
    #[serde(default)]
    address: Option<String>,
    /// TCP port; 6379 when left out.
    #[serde(default)]
    #[schemars(range(min = 1))]
    port: Option<u16>,
    /// A Unix socket, instead of address and port: of the host that the check is `on`, where
    /// `redis-cli` is asked, over SSH; else of the operator's machine. `redis-cli` logs in as
    /// it does by itself, and is asked for no more than PING and INFO.
    #[serde(default)]
    socket: Option<PathBuf>,
    /// The user of the server's ACL; `default` when left out.
    #[serde(default)]
    username: Option<String>,
    /// The password, by reference: `env:NAME`, `file:/path`, `credential:NAME`.
    #[serde(default)]
    password: Option<SecretRef>,
    /// The number of the database for `key`, `hash` and `command`; 0 when left out.
    #[serde(default)]
    db: Option<u32>,
    /// A key to look at: whether it is there, its type, when it expires, and its
    /// text when it is one. It is expected to be there.
    #[serde(default)]
    #[schemars(length(min = 1))]
    key: Option<String>,
    /// As `key`, but for a hash, whose fields are read.
    #[serde(default)]
    #[schemars(length(min = 1))]
    hash: Option<String>,
    /// Whether the server speaks TLS.
    #[serde(default)]
    tls: bool,
    /// A PEM file of authorities to trust besides this machine's, with `tls`; a relative path
    /// starts at the folder of the baseline's file.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// Whether the certificate must be trusted and name the server, with `tls`.
    #[serde(default = "yes")]
    tls_verify: bool,
    /// The name that the certificate must be for; the address when left out.
    #[serde(default)]
    server_name: Option<String>,
    /// A command that reads, as a list: `[HGETALL, "queue:state"]`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    command: Option<Vec<String>>,
}

fn yes() -> bool {
    true
}

impl Redis {
    fn endpoint(&self, target: &Target) -> Endpoint {
        match &self.socket {
            Some(path) => Endpoint::Socket(path.clone()),
            None => Endpoint::Tcp(
                aim::destination(self.address.as_deref(), target),
                self.port.unwrap_or(6379),
            ),
        }
    }

    /// The socket, where only `redis-cli` on another host can reach it.
    fn remote_socket(&self, target: &Target) -> Option<&str> {
        let is_remote = target.host.as_deref().is_some_and(|host| !host.local);
        // What is no text was refused with the options, which are text.
        self.socket.as_deref().filter(|_| is_remote)?.to_str()
    }

    fn remote_problems(
        &self,
        socket: &str,
        target: &Target,
        policy: &Policy,
    ) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        if target.via.is_some() {
            problems.push(problem(
                "socket",
                "a socket is asked for on the host that the check is `on`",
                "take `via` out; to reach the host through another, give it `ssh: { jump: … }`",
            ));
        }
        for (option, given) in [
            ("username", self.username.is_some()),
            ("password", self.password.is_some()),
            ("db", self.db.is_some()),
            ("key", self.key.is_some()),
            ("hash", self.hash.is_some()),
            ("command", self.command.is_some()),
        ] {
            if given {
                problems.push(problem(
                    option,
                    "redis-cli on a host is asked for no more than PING and INFO, without a login",
                    "`address: 127.0.0.1`, `port` and `via: HOST` in the place of `socket`",
                ));
            }
        }
        if !socket.starts_with('/') {
            let message = format!("{socket:?} is not an absolute path");
            problems.push(problem("socket", &message, "begin it with `/`"));
        }
        let refused = cli::commands(socket)
            .into_iter()
            .find_map(|args| ReadOnlyCommand::from_args(policy, args).err());
        problems.extend(refused.map(|refused| problem("socket", &refused.message, "a path")));
        problems
    }

    fn key(&self) -> Option<Key> {
        let (name, hash) = match (&self.key, &self.hash) {
            (Some(name), _) => (name, false),
            (None, Some(name)) => (name, true),
            (None, None) => return None,
        };
        Some(Key {
            name: name.clone(),
            hash,
        })
    }
}

fn problem(path: &str, message: &str, suggestion: &str) -> OptionProblem {
    OptionProblem {
        path: vec![path.to_owned()],
        message: message.to_owned(),
        suggestion: Some(suggestion.to_owned()),
    }
}

impl Kind for Redis {
    const NAME: &'static str = "redis";
    const SUMMARY: &'static str = "a Redis server answers PING and has loaded its data";
    const PLACE: Place = Place::Network;
    const FACTS: &'static [FactSpec] = &facts::FACTS;
    const EXAMPLE: &'static str =
        "title: Redis on 188 has its data\non: data188\nredis: { port: 6380 }\n";

    fn beside(&mut self, folder: &Path) {
        self.ca = self.ca.take().map(|file| folder.join(file));
    }

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        if self.socket.is_some() {
            if self.address.is_some() || self.port.is_some() {
                problems.push(problem(
                    "socket",
                    "a socket has neither address nor port",
                    "give one or the other",
                ));
            }
            if let Some(socket) = self.remote_socket(target) {
                problems.extend(self.remote_problems(socket, target, policy));
            } else if target.via.is_some() {
                problems.push(problem(
                    "socket",
                    "no socket is reached through another host",
                    "`on: HOST` in the place of `via` for a socket of that host",
                ));
            }
        } else {
            problems.extend(aim::problems("address", self.address.as_deref(), target));
            problems.extend(aim::port_problem(self.port.unwrap_or(6379)));
            problems.extend(aim::port_in_address("address", self.address.as_deref()));
        }
        if self.username.is_some() && self.password.is_none() {
            problems.push(problem(
                "username",
                "a user logs in by a password",
                "password: env:NAME",
            ));
        }
        if self.key.is_some() && self.hash.is_some() {
            problems.push(problem(
                "hash",
                "one check looks at one key",
                "give `key` or `hash`",
            ));
        }
        for (name, key) in [("key", &self.key), ("hash", &self.hash)] {
            if key.as_ref().is_some_and(String::is_empty) {
                problems.push(problem(name, "the name is empty", "the name of a key"));
            }
        }
        if self.tls && self.socket.is_some() {
            let message = "a socket needs no TLS: nothing of it goes over a network";
            problems.push(problem("tls", message, "leave `tls` out"));
        }
        let (ca, name) = (self.ca.is_some(), self.server_name.is_some());
        for (option, given) in [
            ("ca", ca),
            ("tls_verify", !self.tls_verify),
            ("server_name", name),
        ] {
            if given && !self.tls {
                problems.push(problem(option, "it is about TLS", "tls: true"));
            }
        }
        if self
            .command
            .as_ref()
            .is_some_and(|words| words.first().is_none_or(String::is_empty))
        {
            problems.push(problem(
                "command",
                "the command is empty",
                "command: [GET, name]",
            ));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        let there = self.key().map(|_| "exists");
        Defaults::require(
            ["pong", "!loading", "!writes_stopped"]
                .into_iter()
                .chain(there),
        )
    }

    fn goal(&self, target: &Target) -> String {
        if let (Some(socket), Some(host)) = (self.remote_socket(target), &target.host) {
            return format!("PONG from {socket} on {}", host.id);
        }
        match self.endpoint(target) {
            Endpoint::Tcp(address, port) => format!("PONG from {}", aim::shown(&address, port)),
            Endpoint::Socket(path) => format!("PONG from {}", path.display()),
        }
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        if let Some(socket) = self.remote_socket(target) {
            return target.exec_requests(cli::commands(socket), policy);
        }
        let connection = match self.endpoint(target) {
            Endpoint::Tcp(address, port) => Some(aim::connection(target, &address, port)),
            Endpoint::Socket(_) => None,
        };
        let mut lines = redis::opening(self.username.as_deref(), self.password.is_some(), self.db);
        if let Some(key) = self.key() {
            lines.push(key.question().join(" "));
            lines.extend(key.reads().map(|words| words.join(" ")));
        }
        if let Some(command) = &self.command {
            lines.push(redis::table_question(command).join(" "));
            lines.push(command.join(" "));
        }
        connection
            .into_iter()
            .chain(lines.into_iter().map(|line| Request::new("redis", line)))
            .collect()
    }

    fn secrets(&self) -> Vec<&SecretRef> {
        self.password.iter().collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        if let Some(socket) = self.remote_socket(&context.target) {
            let said = cli::ask(context, socket).await?;
            let mut facts = Facts::new();
            facts::server(said.pong, said.error, said.info, &mut facts);
            return Ok(facts);
        }
        let password = self
            .password
            .as_ref()
            .map(|reference| context.secret(reference))
            .transpose()?;
        let ask = redis::Ask {
            endpoint: self.endpoint(&context.target),
            username: self.username.clone(),
            password: password.cloned(),
            database: self.db,
            tls: self.tls.then(|| {
                let options = TlsOptions {
                    authorities: self.ca.iter().cloned().collect(),
                    verify: self.tls_verify,
                };
                (options, self.server_name.clone())
            }),
            key: self.key(),
            command: self.command.clone(),
            timeout: context.target.timeout,
        };
        let answer = redis::ask(context, &context.transports.tls, &ask).await;
        context.scrubbed(answer.map(|answer| facts::of(answer, self.command.as_deref())))
    }
}

#[cfg(test)]
mod tests;
