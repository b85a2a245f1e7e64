//! `redis`: a Redis server answers and has its data.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::aim;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, Kind, OptionProblem, Place, Policy, Request,
    SecretRef, Target, Type, Unit, Value,
};
use crate::transport::redis::{self, Answer, Endpoint, Reply};

/// Sends PING and INFO to a Redis server (or Valkey, or KeyDB), and one command
/// of yours that reads.
///
/// Whether a command reads is told by the server's own command table
/// (`COMMAND INFO`): what it does not call `readonly` is not sent. A server
/// that is still loading its data set answers, but `loading` is true.
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
    /// A Unix socket of the operator's machine, instead of address and port.
    #[serde(default)]
    socket: Option<PathBuf>,
    /// The user of the server's ACL; `default` when left out.
    #[serde(default)]
    username: Option<String>,
    /// The password, by reference: `env:NAME`, `file:/path`, `credential:NAME`.
    #[serde(default)]
    password: Option<SecretRef>,
    /// The number of the database for `command`; 0 when left out.
    #[serde(default)]
    db: Option<u32>,
    /// A command that reads, as a list: `[HGETALL, "queue:state"]`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    command: Option<Vec<String>>,
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

    fn facts(answer: Answer, command: Option<&[String]>) -> Facts {
        let mut facts = Facts::new();
        let Answer {
            connect,
            ping,
            pong,
            error,
            info,
            reply,
        } = answer;
        facts.set("connect_ms", connect.as_secs_f64() * 1000.0);
        facts.set("ping_ms", ping.as_secs_f64() * 1000.0);
        facts.set("pong", pong);
        let text = |field: &str| info.get(field).map(String::as_str);
        let number = |field: &str| text(field).and_then(|value| value.parse::<f64>().ok());
        let flag = |field: &str| {
            text(field).and_then(|value| match value {
                "1" | "ok" | "up" => Some(true),
                "0" | "err" | "down" => Some(false),
                _ => None,
            })
        };
        // A server that is loading answers PING by an error, so a PONG is one that is not.
        let refused_as_loading = error.as_deref().map(|error| error.starts_with("LOADING"));
        facts.set_some(
            "loading",
            flag("loading")
                .or(refused_as_loading)
                .or(pong.then_some(false)),
        );
        facts.set_some("error", error);
        // Valkey tells the Redis version that it is compatible with by the same name.
        facts.set_some("version", text("valkey_version").or(text("redis_version")));
        facts.set_some("role", text("role"));
        facts.set_some("connected_clients", number("connected_clients"));
        facts.set_some("used_memory_bytes", number("used_memory"));
        facts.set_some("maxmemory_bytes", number("maxmemory"));
        facts.set_some("uptime_s", number("uptime_in_seconds"));
        facts.set_some("rdb_last_save_ok", flag("rdb_last_bgsave_status"));
        facts.set_some("aof_enabled", flag("aof_enabled"));
        if flag("aof_enabled") == Some(true) {
            facts.set_some("aof_ok", flag("aof_last_write_status"));
        }
        facts.set_some("connected_replicas", number("connected_slaves"));
        facts.set_some("master_link_up", flag("master_link_status"));
        if !info.is_empty() {
            let info = info
                .into_iter()
                .map(|(field, value)| (field, Value::Text(value)))
                .collect();
            facts.set("info", Value::Map(info));
        }
        facts.set_some(
            "reply",
            reply
                .and_then(|reply| as_json(&reply, command))
                .map(Value::Json),
        );
        facts
    }
}

/// A reply as JSON; nothing when the server has nothing. The pairs of HGETALL
/// come as a flat list in this protocol, and become an object here.
fn as_json(reply: &Reply, command: Option<&[String]>) -> Option<Json> {
    let is_hash = command
        .and_then(|words| words.first())
        .is_some_and(|name| name.eq_ignore_ascii_case("hgetall"));
    match reply {
        Reply::Bulk(None) | Reply::Array(None) => None,
        Reply::Array(Some(items)) if is_hash => {
            let mut fields = serde_json::Map::new();
            for pair in items.chunks_exact(2) {
                fields.insert(text_of(&pair[0])?, json(&pair[1]));
            }
            Some(Json::Object(fields))
        }
        other => Some(json(other)),
    }
}

fn text_of(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Bulk(Some(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

fn json(reply: &Reply) -> Json {
    match reply {
        Reply::Status(text) | Reply::Error(text) => Json::from(text.as_str()),
        Reply::Integer(number) => Json::from(*number),
        Reply::Bulk(None) | Reply::Array(None) => Json::Null,
        Reply::Bulk(Some(bytes)) => Json::from(String::from_utf8_lossy(bytes).into_owned()),
        Reply::Array(Some(items)) => Json::Array(items.iter().map(json).collect()),
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
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new("pong", Type::Bool, "PING was answered by PONG."),
        FactSpec::new(
            "error",
            Type::Text,
            "The server's error to PING: `LOADING …`, `MASTERDOWN …`, `MISCONF …`.",
        ),
        FactSpec::new(
            "loading",
            Type::Bool,
            "The server is still reading its data set into memory.",
        ),
        FactSpec::number(
            "connect_ms",
            Unit::Milliseconds,
            "Time to open the connection.",
        ),
        FactSpec::number("ping_ms", Unit::Milliseconds, "From PING to its answer."),
        FactSpec::new("version", Type::Text, "The server's version."),
        FactSpec::new("role", Type::Text, "`master` or `slave`."),
        FactSpec::number(
            "connected_clients",
            Unit::Count,
            "Clients connected, this check included.",
        ),
        FactSpec::number(
            "used_memory_bytes",
            Unit::Bytes,
            "Memory that the server's data takes.",
        ),
        FactSpec::number(
            "maxmemory_bytes",
            Unit::Bytes,
            "The limit of `used_memory_bytes`; 0 is none.",
        ),
        FactSpec::number("uptime_s", Unit::Seconds, "Time since the server started."),
        FactSpec::new(
            "rdb_last_save_ok",
            Type::Bool,
            "The last snapshot to disk worked.",
        ),
        FactSpec::new("aof_enabled", Type::Bool, "The append-only file is on."),
        FactSpec::new(
            "aof_ok",
            Type::Bool,
            "The last write to the append-only file worked; absent when it is off.",
        ),
        FactSpec::number(
            "connected_replicas",
            Unit::Count,
            "Replicas connected to this server.",
        ),
        FactSpec::new(
            "master_link_up",
            Type::Bool,
            "A replica's connection to its master; absent on a master.",
        ),
        FactSpec::new("info", Type::Map(&Type::Text), "Every field of INFO."),
        FactSpec::new(
            "reply",
            Type::Json,
            "The reply to `command`; absent when the server has nothing. HGETALL gives an object.",
        ),
    ];
    const EXAMPLE: &'static str =
        "title: Redis on 188 has its data\non: data188\nredis: { port: 6380 }\n";

    fn problems(&self, target: &Target, _: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        if self.socket.is_some() {
            if self.address.is_some() || self.port.is_some() {
                problems.push(problem(
                    "socket",
                    "a socket has neither address nor port",
                    "give one or the other",
                ));
            }
            if target.via.is_some() || target.host.as_deref().is_some_and(|host| !host.local) {
                let message =
                    "a socket is one of the operator's own machine, but the check names a host";
                problems.push(problem(
                    "socket",
                    message,
                    "give `address: 127.0.0.1`, `port` and `via: HOST`",
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
        Defaults::require(["pong", "!loading"])
    }

    fn goal(&self, target: &Target) -> String {
        match self.endpoint(target) {
            Endpoint::Tcp(address, port) => format!("PONG from {}", aim::shown(&address, port)),
            Endpoint::Socket(path) => format!("PONG from {}", path.display()),
        }
    }

    fn requests(&self, target: &Target, _: &Policy) -> Vec<Request> {
        let connection = match self.endpoint(target) {
            Endpoint::Tcp(address, port) => Some(aim::connection(target, &address, port)),
            Endpoint::Socket(_) => None,
        };
        let mut lines = redis::opening(self.username.as_deref(), self.password.is_some(), self.db);
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
            command: self.command.clone(),
            timeout: context.target.timeout,
        };
        let answer = redis::ask(context, &ask).await;
        context.scrubbed(answer.map(|answer| Self::facts(answer, self.command.as_deref())))
    }
}

#[cfg(test)]
mod tests;
