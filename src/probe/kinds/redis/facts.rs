//! What a check of `redis` can tell.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::probe::{FactSpec, Facts, Type, Unit, Value};
use crate::transport::redis::{Answer, Found, Reply};

/// Every fact: of the server, of the key, of the command.
pub(super) const FACTS: [FactSpec; 37] = [
    FactSpec::new("pong", Type::Bool, "PING was answered by PONG.").because(&["error"]),
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
    FactSpec::new(
        "writes_stopped",
        Type::Bool,
        "The server refuses all writes because it could not save to disk: it answers PING by `MISCONF …`.",
    ),
    FactSpec::number(
        "connect_ms",
        Unit::Milliseconds,
        "Time to open the connection; absent where `redis-cli` is asked.",
    ),
    FactSpec::number(
        "ping_ms",
        Unit::Milliseconds,
        "From PING to its answer; absent where `redis-cli` is asked.",
    ),
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
    FactSpec::number(
        "memory_percent",
        Unit::Percent,
        "`used_memory_bytes` as a share of `maxmemory_bytes`; absent without a limit.",
    ),
    FactSpec::new(
        "maxmemory_policy",
        Type::Text,
        "What happens at the limit: `noeviction` refuses writes.",
    ),
    FactSpec::number("uptime_s", Unit::Seconds, "Time since the server started."),
    FactSpec::new(
        "rdb_last_save_ok",
        Type::Bool,
        "The last snapshot to disk worked.",
    ),
    FactSpec::new(
        "last_save",
        Type::Time,
        "When the last snapshot that worked ended, or the server started, by the server's clock.",
    ),
    FactSpec::number(
        "last_save_age_s",
        Unit::Seconds,
        "Time since `last_save`, by the server's clock alone; servers before version 7 do not tell their clock.",
    ),
    FactSpec::number(
        "changes_since_save",
        Unit::Count,
        "Changes that are in no snapshot yet.",
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
    FactSpec::number(
        "online_replicas",
        Unit::Count,
        "How many of them are in step, and not still being sent the data set.",
    ),
    FactSpec::number(
        "replica_lag_s",
        Unit::Seconds,
        "Time since the replicas that are online last confirmed, the longest; absent without one.",
    ),
    FactSpec::number(
        "replica_lag_bytes",
        Unit::Bytes,
        "Bytes that they have not confirmed yet, the most; absent without one.",
    ),
    FactSpec::new(
        "master_link_up",
        Type::Bool,
        "A replica's connection to its master; absent on a master.",
    ),
    FactSpec::number(
        "master_last_io_s",
        Unit::Seconds,
        "Time since a replica last heard from its master; absent while the link is down.",
    ),
    FactSpec::number(
        "master_link_down_s",
        Unit::Seconds,
        "How long a replica's link has been down; absent while it is up.",
    ),
    FactSpec::new(
        "master_sync_running",
        Type::Bool,
        "A replica is being sent the whole data set; absent on a master.",
    ),
    FactSpec::new("info", Type::Map(&Type::Text), "Every field of INFO."),
    FactSpec::new(
        "reply",
        Type::Json,
        "The reply to `command`; absent when the server has nothing. HGETALL gives an object.",
    ),
    FactSpec::new("exists", Type::Bool, "There is such a `key` or `hash`."),
    FactSpec::new(
        "key_type",
        Type::Text,
        "Its type: `string`, `hash`, `list`, `set`, `zset`, `stream`; absent without one.",
    ),
    FactSpec::number(
        "ttl_s",
        Unit::Seconds,
        "Until it is deleted by itself; absent when it is not.",
    ),
    FactSpec::new(
        "value",
        Type::Text,
        "The text under `key`; absent when it is none.",
    ),
    FactSpec::new(
        "hash",
        Type::Map(&Type::Text),
        "The fields of `hash`; absent when it is none.",
    ),
    FactSpec::new(
        "certificate_expires",
        Type::Time,
        "When the server's certificate expires, with `tls`.",
    ),
    FactSpec::number(
        "certificate_days",
        Unit::None,
        "Days until the certificate expires, negative after it.",
    ),
];

/// The answer as facts.
pub(super) fn of(answer: Answer, command: Option<&[String]>) -> Facts {
    let mut facts = Facts::new();
    let Answer {
        connect,
        ping,
        pong,
        error,
        info,
        found,
        reply,
        shown,
    } = answer;
    facts.set("connect_ms", connect.as_secs_f64() * 1000.0);
    facts.set("ping_ms", ping.as_secs_f64() * 1000.0);
    server(pong, error, info, &mut facts);
    facts.set_some(
        "reply",
        reply
            .and_then(|reply| as_json(&reply, command))
            .map(Value::Json),
    );
    if let Some(found) = found {
        key(found, &mut facts);
    }
    if let Some(shown) = shown
        && let Some(leaf) = shown.chain.first()
    {
        facts.set("certificate_expires", leaf.not_after);
        facts.set_some("certificate_days", shown.at.map(|at| leaf.days_left(at)));
    }
    facts
}

/// What the answers to PING and INFO tell.
pub(super) fn server(
    pong: bool,
    error: Option<String>,
    info: BTreeMap<String, String>,
    facts: &mut Facts,
) {
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
    // PING is refused as writes are, and before anything else is looked at.
    let stopped = error
        .as_deref()
        .is_some_and(|error| error.starts_with("MISCONF"));
    facts.set("writes_stopped", stopped);
    facts.set_some("error", error);
    // Valkey tells the Redis version that it is compatible with by the same name.
    facts.set_some("version", text("valkey_version").or(text("redis_version")));
    facts.set_some("role", text("role"));
    facts.set_some("connected_clients", number("connected_clients"));
    facts.set_some("used_memory_bytes", number("used_memory"));
    facts.set_some("maxmemory_bytes", number("maxmemory"));
    let limit = number("maxmemory").filter(|limit| *limit > 0.0);
    let share = number("used_memory").zip(limit);
    facts.set_some(
        "memory_percent",
        share.map(|(used, limit)| used / limit * 100.0),
    );
    facts.set_some("maxmemory_policy", text("maxmemory_policy"));
    facts.set_some("uptime_s", number("uptime_in_seconds"));
    facts.set_some("rdb_last_save_ok", flag("rdb_last_bgsave_status"));
    let saved = number("rdb_last_save_time").filter(|time| *time > 0.0);
    let clock = number("server_time_usec").map(|time| time / 1e6);
    facts.set_some(
        "last_save",
        text("rdb_last_save_time")
            .and_then(|time| time.parse().ok())
            .filter(|time| *time > 0)
            .and_then(|time| Timestamp::from_second(time).ok()),
    );
    let age = clock.zip(saved).map(|(now, saved)| (now - saved).max(0.0));
    facts.set_some("last_save_age_s", age);
    facts.set_some("changes_since_save", number("rdb_changes_since_last_save"));
    facts.set_some("aof_enabled", flag("aof_enabled"));
    if flag("aof_enabled") == Some(true) {
        facts.set_some("aof_ok", flag("aof_last_write_status"));
    }
    facts.set_some("connected_replicas", number("connected_slaves"));
    replicas(&info, facts);
    facts.set_some("master_link_up", flag("master_link_status"));
    // -1 stands for "does not apply".
    let since = |field: &str| number(field).filter(|seconds| *seconds >= 0.0);
    facts.set_some("master_last_io_s", since("master_last_io_seconds_ago"));
    facts.set_some(
        "master_link_down_s",
        since("master_link_down_since_seconds"),
    );
    facts.set_some("master_sync_running", flag("master_sync_in_progress"));
    if !info.is_empty() {
        let info = info
            .into_iter()
            .map(|(field, value)| (field, Value::Text(value)))
            .collect();
        facts.set("info", Value::Map(info));
    }
}

/// `slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=1`, one line a replica.
fn replicas(info: &BTreeMap<String, String>, facts: &mut Facts) {
    // Older servers and masters without replicas have such lines, or none; what is
    // not a master of its own tells no number of them.
    if !info.contains_key("connected_slaves") {
        return;
    }
    let offset = info
        .get("master_repl_offset")
        .and_then(|text| text.parse::<f64>().ok());
    let (mut online, mut lag, mut behind) = (0.0, None, None);
    for (field, value) in info {
        let number = field.strip_prefix("slave").unwrap_or_default();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let part = |name: &str| {
            value
                .split(',')
                .filter_map(|part| part.split_once('='))
                .find_map(|(known, value)| (known == name).then_some(value))
        };
        if part("state") != Some("online") {
            continue;
        }
        online += 1.0;
        let most = |known: Option<f64>, new: Option<f64>| match (known, new) {
            (Some(known), Some(new)) => Some(known.max(new)),
            (known, new) => known.or(new),
        };
        lag = most(lag, part("lag").and_then(|lag| lag.parse().ok()));
        let confirmed = part("offset").and_then(|offset| offset.parse::<f64>().ok());
        let missing = offset
            .zip(confirmed)
            .map(|(sent, confirmed)| (sent - confirmed).max(0.0));
        behind = most(behind, missing);
    }
    facts.set("online_replicas", online);
    facts.set_some("replica_lag_s", lag);
    facts.set_some("replica_lag_bytes", behind);
}

fn key(found: Found, facts: &mut Facts) {
    facts.set("exists", found.kind.is_some());
    facts.set_some("key_type", found.kind);
    facts.set_some("ttl_s", found.expires.map(|time| time.as_secs_f64()));
    match found.content {
        Some(Reply::Array(Some(items))) => {
            let pairs = items.chunks_exact(2);
            let fields: BTreeMap<String, Value> = pairs
                .filter_map(|pair| Some((text_of(&pair[0])?, Value::Text(text_of(&pair[1])?))))
                .collect();
            // There are no empty hashes: it was deleted between the two questions.
            if !fields.is_empty() {
                facts.set("hash", Value::Map(fields));
            }
        }
        Some(text) => facts.set_some("value", text_of(&text)),
        None => {}
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
