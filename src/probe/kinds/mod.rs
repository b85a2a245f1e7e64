//! One file per kind.

mod aim;
mod answer;
mod certificate;
mod command;
mod dns;
mod file;
mod http;
mod ping;
mod postgres;
mod redis;
mod ssh;
#[cfg(test)]
mod stage;
mod systemd;
mod tcp;
mod tls;

pub use certificate::Certificate;
pub use command::Command;
pub use dns::Dns;
pub use file::File;
pub use http::Http;
pub use ping::Ping;
pub use postgres::Postgres;
pub use redis::Redis;
pub use ssh::Ssh;
pub use systemd::Systemd;
pub use tcp::Tcp;
pub use tls::Tls;
