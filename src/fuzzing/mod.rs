//! Hostile input, one target for each thing that this program reads and did
//! not write. `fuzz/` knocks at these doors with an engine, and `cargo test`
//! with the known inputs in `fuzz/corpus/`. A target panics when a promise is broken.
//!
//! What a host prints, or a server answers, goes the whole way: through the
//! kind that asked, the judge, and every report. Answers of a host are written as
//! a transcript, see [`transcript`].

mod baseline;
mod command_line;
mod expression;
mod marker;
mod report;
mod run;
mod schedule;
mod secrets;
#[cfg(test)]
mod tests;
mod transcript;
mod waivers;
mod wire;

use crate::transport::ssh::hostile as ssh;
use run::{host, server};
use wire::Manner;

/// A target by its name.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As `fuzz/corpus/NAME` and `cargo fuzz run NAME` have it.
    pub name: &'static str,
    run: fn(&[u8]),
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    target("addresses", |input| {
        host(include_str!("checks/addresses.yml"), input);
    }),
    target("alertmanager", |input| {
        server(
            include_str!("checks/alertmanager.yml"),
            Manner::Answers,
            input,
        );
    }),
    target("archive", |input| {
        host(include_str!("checks/archive.yml"), input);
    }),
    target("backup_plan", |input| {
        host(include_str!("checks/backup_plan.yml"), input);
    }),
    target("baseline", baseline::target),
    target("certificate", |input| {
        host(include_str!("checks/certificate.yml"), input);
    }),
    target("command_line", command_line::target),
    target("crontab", |input| {
        host(include_str!("checks/crontab.yml"), input);
    }),
    target("dns", |input| {
        server(include_str!("checks/dns.yml"), Manner::Dns, input);
    }),
    target("docker", |input| {
        host(include_str!("checks/docker.yml"), input);
    }),
    target("evidence", |input| {
        host(include_str!("checks/evidence.yml"), input);
        marker::target(input);
    }),
    target("expression", expression::target),
    target("file", |input| host(include_str!("checks/file.yml"), input)),
    target("harmless", report::target),
    target("http", |input| {
        server(include_str!("checks/http.yml"), Manner::Answers, input);
    }),
    target("json", |input| host(include_str!("checks/json.yml"), input)),
    target("known_hosts", ssh::known_hosts),
    target("metrics", |input| {
        host(include_str!("checks/metrics.yml"), input);
    }),
    target("mounts", |input| {
        host(include_str!("checks/mounts.yml"), input);
    }),
    target("neighbours", |input| {
        host(include_str!("checks/neighbours.yml"), input);
    }),
    target("postgres", |input| {
        server(include_str!("checks/postgres.yml"), Manner::Postgres, input);
    }),
    target("processes", |input| {
        host(include_str!("checks/processes.yml"), input);
    }),
    target("prometheus", |input| {
        server(
            include_str!("checks/prometheus.yml"),
            Manner::Answers,
            input,
        );
    }),
    target("rclone", |input| {
        host(include_str!("checks/rclone.yml"), input);
    }),
    target("redis", |input| {
        server(include_str!("checks/redis.yml"), Manner::Answers, input);
    }),
    target("restic", |input| {
        host(include_str!("checks/restic.yml"), input);
    }),
    target("same", |input| host(include_str!("checks/same.yml"), input)),
    target("schedule", schedule::target),
    target("secrets", secrets::target),
    target("settings", |input| {
        host(include_str!("checks/settings.yml"), input);
    }),
    target("smtp", |input| {
        server(include_str!("checks/smtp.yml"), Manner::Greets, input);
    }),
    target("sockets", |input| {
        host(include_str!("checks/sockets.yml"), input);
    }),
    target("sqlite", |input| {
        host(include_str!("checks/sqlite.yml"), input);
    }),
    target("ssh_config", ssh::config),
    target("systemctl", |input| {
        host(include_str!("checks/systemctl.yml"), input);
    }),
    target("tls", |input| {
        server(include_str!("checks/tls.yml"), Manner::Answers, input);
    }),
    target("waivers", waivers::target),
    target("zfs", |input| host(include_str!("checks/zfs.yml"), input)),
];

/// Runs the target of that name on one input.
///
/// # Panics
/// When a promise is broken, and for a name that is no target's.
pub fn run(name: &str, input: &[u8]) {
    let found = TARGETS.iter().find(|target| target.name == name);
    let Some(target) = found else {
        panic!("{name} is no target");
    };
    (target.run)(input);
}
