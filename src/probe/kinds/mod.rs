//! One file per kind.

mod aim;
mod answer;
mod arp;
mod command;
mod file;
mod http;
mod ping;
mod port;
mod postgres;
mod process;
mod redis;
mod ssh;
#[cfg(test)]
mod stage;
mod systemd;
mod tcp;

pub use arp::Arp;
pub use command::Command;
pub use file::File;
pub use http::Http;
pub use ping::Ping;
pub use port::Port;
pub use postgres::Postgres;
pub use process::Process;
pub use redis::Redis;
pub use ssh::Ssh;
pub use systemd::Systemd;
pub use tcp::Tcp;
