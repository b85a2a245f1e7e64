//! PostgreSQL in its bad states.

use super::stage::Lab;
use super::story::{Expected, Story};

const UNIT: &str = "postgresql@14-main";

fn told(lab: &Lab, name: &'static str, cause: &'static str, next: &'static str) {
    Story::new(lab, name, "postgres").meets(Expected {
        status: 2,
        roots: &["postgres@data188"],
        cause,
        next,
    });
}

#[test]
fn it_is_stopped() {
    let lab = Lab::take();
    let _stopped = lab.fault(&["stop", "data188", UNIT], &["start", "data188", UNIT]);
    told(
        &lab,
        "postgresql-is-stopped",
        "connection refused by 192.168.0.188:5432",
        "On 188: `pg_isready`, then its log.",
    );
}

#[test]
fn it_hangs() {
    let lab = Lab::take();
    let _frozen = lab.fault(&["freeze", "data188", UNIT], &["thaw", "data188", UNIT]);
    told(
        &lab,
        "postgresql-hangs",
        "could not tell",
        "On 188: `pg_isready`",
    );
}

#[test]
fn it_refuses_the_login() {
    let lab = Lab::take();
    let file = "/etc/postgresql/15/main/pg_hba.conf";
    let bring = format!(
        "sed -i.kept 's/^host.*checker.*/host all checker all reject/' {file}; systemctl restart {UNIT}"
    );
    let undo = format!("cp -p {file}.kept {file}; systemctl restart {UNIT}");
    let _rejected = lab.script("data188", &bring, &undo);
    told(
        &lab,
        "postgresql-refuses-the-login",
        "pg_hba.conf rejects connection",
        "the first line of pg_hba.conf that fits",
    );
}

#[test]
fn it_is_in_recovery() {
    let lab = Lab::take();
    let signal = "/var/lib/postgresql/15/main/standby.signal";
    let bring =
        format!("install -o postgres -m 600 /dev/null {signal} && systemctl restart {UNIT}");
    let undo = format!("rm -f {signal}; systemctl restart {UNIT}");
    let _standby = lab.script("data188", &bring, &undo);
    told(
        &lab,
        "postgresql-is-in-recovery",
        "in_recovery = true",
        "On 188: `pg_isready`",
    );
}

#[test]
fn it_is_out_of_connections() {
    let lab = Lab::take();
    let few = "/etc/postgresql/15/main/conf.d/few.conf";
    let bring = format!("echo 'max_connections = 5' >{few} && systemctl restart {UNIT} && {BUSY}");
    // A session outlives its client: only a restart ends them all.
    let undo = format!("systemctl stop busy-clients; rm {few}; systemctl restart {UNIT}");
    let _few = lab.script("data188", &bring, &undo);
    told(
        &lab,
        "postgresql-is-out-of-connections",
        "sorry, too many clients already",
        "find who holds them",
    );
}

/// Two sessions besides the three that are kept for superusers; back when all are in.
/// One that finds its place taken, be it by the question after it, comes again.
const BUSY: &str = "systemd-run -q --unit=busy-clients --uid=postgres --setenv=PGDATABASE=postgres bash -c \
    'for client in 1 2 3 4 5; do until psql -qc \"SELECT pg_sleep(600)\"; do sleep 0.1; done & done; wait'; \
    full() { runuser -u postgres -- psql -Atc 'SELECT 1' 2>&1 | grep -q 'too many clients'; }; \
    until full && sleep 0.3 && full; do sleep 0.05; done";

#[test]
fn a_query_is_killed_on_its_way() {
    let lab = Lab::take();
    let sleeper = "systemd-run -q --unit=locked-table --uid=postgres psql -qd k3s_datastore \
        -c 'BEGIN; LOCK TABLE kine IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)'; \
        until runuser -u postgres -- psql -Atc \"SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted\" | grep -q 1; do sleep 0.05; done";
    // The session that holds the lock outlives its client.
    let undo = format!("systemctl stop locked-table killer; systemctl restart {UNIT}");
    let _locked = lab.script("data188", sleeper, &undo);
    // Every query of `checker` that waits is ended, again and again.
    let killer = "systemd-run -q --unit=killer --uid=postgres sh -c 'while :; do psql -Atqc \
        \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '\"'\"'checker'\"'\"' \
        AND wait_event_type = '\"'\"'Lock'\"'\"'\" >/dev/null; sleep 0.1; done'";
    lab.on("data188", killer);
    told(
        &lab,
        "a-query-is-killed-on-its-way",
        "terminating connection due to administrator command",
        "somebody ended this session",
    );
}
