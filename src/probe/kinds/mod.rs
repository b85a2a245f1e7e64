//! One file per kind.

mod aim;
mod alert_test;
mod answer;
mod arp;
mod certificate;
mod command;
mod coverage;
mod crontab;
mod disk;
mod dns;
mod evidence;
mod file;
mod http;
mod journal;
mod lines;
mod log;
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
mod textfile;
mod tls;

pub use alert_test::{AlertTest, AlertTurn, SEND_FLAG};
pub use arp::Arp;
pub use certificate::Certificate;
pub use command::Command;
pub use coverage::Coverage;
pub use crontab::Crontab;
pub use disk::Disk;
pub use dns::Dns;
pub use evidence::Evidence;
pub use file::File;
pub use http::Http;
pub use journal::Journal;
pub use log::Log;
pub use ping::Ping;
pub use port::Port;
pub use postgres::Postgres;
pub use process::Process;
pub use redis::Redis;
pub use ssh::Ssh;
pub use systemd::Systemd;
pub use tcp::Tcp;
pub use textfile::Textfile;
pub use tls::Tls;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use evidence::read_marker;
#[cfg(test)]
pub(crate) use textfile::exposition;
