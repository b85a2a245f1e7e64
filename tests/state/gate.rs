//! `coldstart gate` with what it remembers gone, in the way, or of another time:
//! nothing of that opens a release.

use std::fs;
use std::process::{Command, Output};
use std::time::Instant;

use super::{Desk, HANG, Open, end, stderr};

const RUN: [&str; 5] = ["--", "/bin/sh", "-c", ": > ran", "sh"];

/// A database that is up for as long as the value lives, and a release that needs it.
struct Stack {
    desk: Desk,
    database: Open,
}

impl Stack {
    fn up(stable_for: &str) -> Self {
        let stack = Self {
            desk: Desk::new("1ms"),
            database: Open::new(),
        };
        let text = format!(
            "version: 1\nname: small\nphases:\n  P0-DATA:\n    checks:\n      postgres: {{ title: PostgreSQL \
             answers, tcp: {{ address: 127.0.0.1, port: {} }} }}\nreleases:\n  runners:\n    needs: P0-DATA\n    \
             require: [{{ check: postgres{stable_for} }}]\n",
            stack.database.port
        );
        fs::write(stack.desk.path("baseline.yml"), text).expect("a baseline");
        stack
    }

    fn gate(&self, more: &[&str]) -> Output {
        let arguments = [&["gate", "runners", "-b", "baseline.yml"], more, &RUN].concat();
        end(self.desk.command(&arguments).spawn().expect("the program"))
    }

    fn has_run(&self) -> bool {
        fs::remove_file(self.desk.path("ran")).is_ok()
    }

    /// Every time that the state has, a day later: as if the clock had been set back.
    fn set_clock_back(&self, state: &str) {
        let state = rusqlite::Connection::open(self.desk.path(state)).expect("the state");
        let columns: Vec<(String, String)> = state
            .prepare(
                "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND (c.name LIKE '%\\_at' ESCAPE '\\' OR c.name IN \
                 ('at', 'since', 'last', 'first_seen', 'last_seen', 'first_used', 'last_used'))",
            )
            .expect("tables")
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("columns")
            .collect::<Result<_, _>>()
            .expect("columns");
        assert!(columns.contains(&("runs".to_owned(), "started_at".to_owned())));
        assert!(columns.contains(&("streaks".to_owned(), "since".to_owned())));
        let unit: i64 = state
            .query_row("SELECT max(started_at) FROM runs", [], |row| row.get(0))
            .expect("a run");
        // Seconds, or a finer unit of theirs.
        let day = 86_400 * 10_i64.pow(unit.ilog10() - 9);
        for (table, column) in columns {
            let later = format!("UPDATE {table} SET {column} = {column} + {day}");
            state.execute(&later, []).expect("a day later");
        }
    }
}

#[test]
fn a_database_that_is_down_keeps_it_shut_whatever_is_remembered() {
    let stack = Stack::up("");
    let state = ["--state", "state.db"];
    let open = stack.gate(&state);
    assert_eq!(open.status.code(), Some(0), "{}", stderr(&open));
    assert!(stack.has_run());
    // Nobody could tell whether what was looked at has booted since.
    let anew = stack.gate(&["--state", "state.db", "--lease", "10m"]);
    assert!(
        stderr(&anew).contains("no lease: it looked at no host"),
        "{}",
        stderr(&anew)
    );
    assert!(stack.has_run());
    let (desk, baseline) = (&stack.desk, "baseline.yml");
    let good = fs::read_to_string(desk.path(baseline)).expect("the baseline");
    let port = stack.database.port;
    let Stack { desk, database } = stack;
    drop(database);
    // Nobody listens there any more; the value only stands for the port.
    let stack = Stack {
        desk,
        database: Open::new(),
    };
    assert_ne!(stack.database.port, port);
    let shut = |more: &[&str], code: i32, said: &str| {
        let ran = stack.gate(more);
        let told = format!("{}{}", String::from_utf8_lossy(&ran.stdout), stderr(&ran));
        assert_eq!(ran.status.code(), Some(code), "{more:?}: {told}");
        assert!(told.contains(said), "{more:?}: {told}");
        assert!(!stack.has_run(), "{more:?}: {told}");
    };
    let leased = ["--state", "state.db", "--lease", "10m"];

    stack.set_clock_back("state.db");
    shut(&leased, 2, "later than the clock of this machine");
    shut(&state, 2, "connection refused");

    fs::write(stack.desk.path("state.db"), "not a database").expect("damage");
    shut(&leased, 2, "connection refused");

    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        drop(fs::remove_file(stack.desk.path(file)));
    }
    shut(&leased, 2, "no run of this baseline is remembered");

    let broken = good.replace("needs: P0-DATA", "neds: P0-DATA");
    fs::write(stack.desk.path(baseline), broken).expect("a baseline");
    shut(&leased, 78, "did you mean `needs`?");
}

#[test]
fn what_has_to_have_held_is_not_told_by_a_state_that_is_gone_or_of_the_future() {
    // Two looks that lie further apart begin anew: a busy machine may take seconds to one.
    let stack = Stack::up(", stable_for: 5s");
    let state = ["--state", "state.db"];
    let began = Instant::now();
    while stack.gate(&state).status.code() != Some(0) {
        assert!(began.elapsed() < HANG, "it opens when it has held for 5 s");
    }
    assert!(stack.has_run());

    stack.set_clock_back("state.db");
    let ran = stack.gate(&state);
    assert_eq!(ran.status.code(), Some(2), "{}", stderr(&ran));
    assert!(!stack.has_run());

    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        drop(fs::remove_file(stack.desk.path(file)));
    }
    let ran = stack.gate(&state);
    assert_eq!(ran.status.code(), Some(2), "{}", stderr(&ran));
    assert!(!stack.has_run());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_opens_nothing() {
    if std::env::var_os("COLDSTART_TEST_NO_NAMESPACES").is_some_and(|value| value == "1") {
        return;
    }
    let stack = Stack::up(", stable_for: 1ms");
    fs::create_dir(stack.desk.path("small")).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=64k none small && cat /dev/zero > small/full 2>/dev/null || true\n\
         exec '{}' gate runners -b baseline.yml --state small/state.db -- /bin/sh -c ': > ran'",
        env!("CARGO_BIN_EXE_coldstart")
    );
    let mut command = Command::new("unshare");
    let desk = stack.desk.at_desk(&mut command);
    // Twice, for what the first one could not keep must not be what opens the second.
    let twice = format!("{}\n", script.replace("exec ", "")).repeat(2);
    desk.args(["--mount", "--map-root-user", "/bin/sh", "-c", &twice]);
    let ran = end(command.spawn().expect("unshare"));
    assert_eq!(ran.status.code(), Some(2), "{}", stderr(&ran));
    assert!(
        stderr(&ran).contains("coldstart: warning: the state small/state.db"),
        "{}",
        stderr(&ran)
    );
    assert!(!stack.has_run());
}
