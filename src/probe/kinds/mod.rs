//! One file per kind.

mod answer;
mod command;
mod file;
mod ssh;
#[cfg(test)]
mod stage;
mod systemd;
mod tcp;

pub use command::Command;
pub use file::File;
pub use ssh::Ssh;
pub use systemd::Systemd;
pub use tcp::Tcp;
