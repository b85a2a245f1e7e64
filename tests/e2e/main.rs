//! The real program from end to end, against servers on loopback: what it
//! prints, how it ends, and what the servers saw of it.
#![cfg(unix)]

mod alert;
mod audit;
mod broken;
mod desk;
mod diagnosis;
mod gates;
mod hangs;
mod hostile;
mod install;
mod mistakes;
mod monitor;
mod output;
mod promtool;
mod releases;
mod reports;
mod rules;
mod secrets;
#[path = "../servers/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod servers;
mod stack;
mod waivers;
mod watch;
