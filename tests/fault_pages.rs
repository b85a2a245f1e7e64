//! `docs/faults.md`, made from the cards that the cases of the lab keep on
//! record. `UPDATE_DOCS=1 cargo test --test fault_pages` writes it anew; so
//! the page is held to the cards where there is no lab, too.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A chapter of the page.
struct Chapter {
    title: &'static str,
    /// Name of the snapshot, title, and what it is in one or two sentences.
    faults: &'static [(&'static str, &'static str, &'static str)],
}

const CHAPTERS: [Chapter; 6] = [
    Chapter {
        title: "Hosts and the network",
        faults: &[
            (
                "data188-is-unplugged",
                "Host 188 is unplugged",
                "One root; its SSH checks share the cause, and nothing behind the gate is asked.",
            ),
            (
                "ops110-is-unplugged",
                "Host 110 is unplugged",
                "A check that needs its SSH connection, `docker`, names the same cause.",
            ),
            (
                "k3s120-is-unplugged",
                "Host 120 is unplugged",
                "The same for the K3s server.",
            ),
            (
                "k3s121-is-unplugged",
                "Host 121 is unplugged",
                "The same for the K3s agent.",
            ),
            (
                "all-hosts-are-unplugged",
                "All hosts are unplugged",
                "Nothing beyond the operator's machine answers, so its own network is named, and not each host.",
            ),
            (
                "the-operators-own-link-is-down",
                "The operator's own link is down",
                "This machine's own routing says that there is no way.",
            ),
            (
                "a-host-is-unplugged-in-the-middle-of-a-run",
                "A host is unplugged in the middle of a run",
                "The login had passed; then two commands were under way when the cable went.",
            ),
            (
                "a-host-restarts-in-the-middle-of-a-run",
                "A host restarts in the middle of a run",
                "Its SSH server ends the connection, and the next attempt finds nobody.",
            ),
            (
                "a-bad-cable-is-no-fault",
                "A cable loses 30 % of the packets and delays the rest by 300 ms",
                "With time and attempts to spare it is no fault. The baseline of this case gives 20 s and three attempts.",
            ),
            (
                "the-name-server-is-dead",
                "The name server is dead",
                "The operator's machine asks for the address of a public name, and gets no answer.",
            ),
        ],
    },
    Chapter {
        title: "PostgreSQL",
        faults: &[
            (
                "postgresql-is-stopped",
                "PostgreSQL is stopped",
                "Nothing listens on its port.",
            ),
            (
                "postgresql-hangs",
                "PostgreSQL hangs",
                "Its processes are stopped by SIGSTOP: connections open, nobody answers.",
            ),
            (
                "postgresql-refuses-the-login",
                "PostgreSQL refuses the login",
                "A line of `pg_hba.conf` rejects the user. A refusal is final and not tried again.",
            ),
            (
                "postgresql-is-in-recovery",
                "PostgreSQL is in recovery",
                "It answers as a standby, and takes no writes.",
            ),
            (
                "postgresql-is-out-of-connections",
                "PostgreSQL is out of connections",
                "Other clients hold all of `max_connections`.",
            ),
            (
                "a-query-is-killed-on-its-way",
                "A query is killed on its way",
                "It waits for a lock, and its session is ended by `pg_terminate_backend`, at each attempt.",
            ),
        ],
    },
    Chapter {
        title: "Redis",
        faults: &[
            (
                "redis-loads-its-data",
                "Redis is loading its data",
                "It answers `LOADING` until the data set is in memory.",
            ),
            (
                "redis-cannot-save",
                "Redis cannot save",
                "Its folder cannot be written to, so it refuses writes, and even PING, by `MISCONF`.",
            ),
            (
                "redis-wants-another-password",
                "Redis wants another password",
                "The one in the baseline is not right any more.",
            ),
            (
                "redis-wants-a-password",
                "Redis wants a password",
                "The baseline gives none.",
            ),
            ("redis-hangs", "Redis hangs", "Stopped by SIGSTOP."),
        ],
    },
    Chapter {
        title: "SSH, shells and rights",
        faults: &[
            (
                "sshd-is-stopped",
                "sshd is stopped",
                "The host answers pings; all that needs SSH has this one cause.",
            ),
            (
                "sshd-has-too-many-logins-under-way",
                "sshd has too many logins under way",
                "Others hold all the connections that `MaxStartups` allows before a login.",
            ),
            (
                "sshd-sends-its-banner-and-no-more",
                "sshd sends its banner and no more",
                "As a host does whose disk is gone.",
            ),
            (
                "a-login-shell-that-prints-noise-is-no-fault",
                "A login shell prints noise",
                "What start-up files print is not taken for a command's answer: no fault.",
            ),
            (
                "the-login-shell-takes-five-seconds",
                "The login shell takes five seconds",
                "Longer than the checks' `timeout` of 3 s. It is not the commands that are slow.",
            ),
            (
                "the-user-may-not-sudo",
                "The user may not use sudo",
                "The line in sudoers is gone.",
            ),
        ],
    },
    Chapter {
        title: "Web servers and certificates",
        faults: &[
            (
                "nginx-answers-500",
                "nginx answers 500",
                "A surprising answer is a fact: it is the expectations that fail.",
            ),
            (
                "headers-come-one-byte-a-second",
                "Headers come one byte a second",
                "An answer that trickles in is told apart from silence.",
            ),
            (
                "a-body-never-ends",
                "A body never ends",
                "It is read up to `body_max` or up to the timeout, whichever comes first.",
            ),
            (
                "an-answer-is-cut-off-in-the-middle",
                "An answer is cut off in the middle",
                "Fewer bytes came than its headers promised.",
            ),
            (
                "nginx-redirects-in-a-loop",
                "nginx redirects in a loop",
                "Followed once, since the check allows redirects.",
            ),
            (
                "a-certificate-is-for-another-name",
                "A certificate is for another name",
                "The authority is trusted, the name is not the one asked for.",
            ),
            (
                "a-certificate-expired",
                "A certificate expired",
                "Yesterday.",
            ),
        ],
    },
    Chapter {
        title: "Services, disks and clocks",
        faults: &[
            (
                "prometheus-is-down",
                "Prometheus is down",
                "Its unit is stopped.",
            ),
            (
                "a-unit-restarts-in-a-loop",
                "A unit restarts in a loop",
                "It is active at times, which proves nothing: the number of restarts tells.",
            ),
            ("a-disk-is-full", "A disk is full", "The backup disk."),
            (
                "the-root-file-system-is-full",
                "The root file system is full",
                "Logins still work, and nothing can be written.",
            ),
            (
                "the-clock-of-a-host-is-ten-minutes-off",
                "The clock of a host is ten minutes off",
                "After a power cut that is a dead battery.",
            ),
        ],
    },
];

const INTRODUCTION: &str = "\
<!-- Made from the lab's cards: UPDATE_DOCS=1 cargo test --test fault_pages -->
# Faults, and what the card says of them

Each of these was brought about on the lab (`tests/lab/README.md`), four Debian
hosts with real servers, and this is the card that the program printed. What a run
measures is left out: `[t]` stands for a time, `[n]` for a number of bytes, dials or
restarts. The baselines are small ones, made for these cases
(`tests/lab/cases/baselines/`): the gate `P0-GATE` meets the fault, and two checks in
`P1-BEHIND` wait for it. Of each case the tests hold besides that

- no check took longer than its connect timeout, one timeout for each attempt, and
  a second;
- nothing was sent for a check behind the gate, by the audit and by the servers' own
  logs;
- the roots are the ones shown, and no card is GREEN that should not be.
";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/cases/faults")
}

fn card(name: &str) -> String {
    let file = folder().join(format!("{name}.snap"));
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (_, card) = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
        .unwrap_or_else(|| panic!("{}: no snapshot", file.display()));
    card.trim_end().to_owned()
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for chapter in &CHAPTERS {
        let _ = write!(page, "\n## {}\n", chapter.title);
        for (name, title, what) in chapter.faults {
            let _ = write!(
                page,
                "\n### {title}\n\n{what}\n\n```\n{}\n```\n",
                card(name)
            );
        }
    }
    page
}

#[test]
fn the_page_has_every_card() {
    let told: BTreeSet<String> = CHAPTERS
        .iter()
        .flat_map(|chapter| chapter.faults)
        .map(|(name, _, _)| (*name).to_owned())
        .collect();
    let kept: BTreeSet<String> = std::fs::read_dir(folder())
        .expect("the cards")
        .map(|entry| entry.expect("a file").path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    assert_eq!(told, kept);
}

#[test]
fn the_page_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).expect("the page");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page,
        "docs/faults.md is not what the cards say: UPDATE_DOCS=1 cargo test --test fault_pages"
    );
}
