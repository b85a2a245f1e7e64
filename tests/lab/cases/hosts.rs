//! Hosts that are dark, cables that are bad, names that nobody knows.

use rstest::rstest;

use super::stage::Lab;
use super::story::{Expected, Story};

#[rstest]
#[case("data188-is-unplugged", "data188", &["ping@data188"], "192.168.0.188")]
#[case("ops110-is-unplugged", "ops110", &["ping@ops110"], "192.168.0.110")]
#[case("k3s120-is-unplugged", "k3s120", &["ping@k3s120"], "192.168.0.120")]
#[case("k3s121-is-unplugged", "k3s121", &["ping@k3s121"], "192.168.0.121")]
fn a_host_is_unplugged(
    #[case] name: &'static str,
    #[case] host: &'static str,
    #[case] roots: &'static [&'static str],
    #[case] address: &'static str,
) {
    let lab = Lab::take();
    let _cable = lab.fault(&["unplug", host], &["plug", host]);
    Story::new(&lab, name, "hosts").meets(Expected {
        status: 2,
        roots,
        cause: address,
        next: "Power, console and cable of",
    });
}

#[test]
fn all_hosts_are_unplugged() {
    let lab = Lab::take();
    let _cables = ["data188", "ops110", "k3s120", "k3s121"]
        .map(|host| lab.fault(&["unplug", host], &["plug", host]));
    Story::new(&lab, "all-hosts-are-unplugged", "hosts").meets(Expected {
        status: 2,
        roots: &["ping@data188"],
        cause: "no answer from any of 4 addresses",
        next: "Cable, Wi-Fi or VPN of this machine first",
    });
}

#[test]
fn the_operators_own_link_is_down() {
    let lab = Lab::take();
    let _link = lab.fault(
        &["operator", "ip", "link", "set", "br0", "down"],
        &["operator", "ip", "link", "set", "br0", "up"],
    );
    Story::new(&lab, "the-operators-own-link-is-down", "hosts").meets(Expected {
        status: 2,
        roots: &["ping@data188"],
        cause: "no answer from any of 4 addresses",
        next: "this machine itself has no route to",
    });
}

/// A pipe that nobody writes to: whoever reads it waits.
const HOLD: [&str; 2] = ["mkfifo -m 644 /run/report", "rm -f /run/report"];

#[test]
fn a_host_is_unplugged_in_the_middle_of_a_run() {
    let lab = Lab::take();
    let _held = lab.script("k3s121", HOLD[0], HOLD[1]);
    let mut cable = None;
    Story::new(&lab, "a-host-is-unplugged-in-the-middle-of-a-run", "midway").meets_during(
        Expected {
            status: 2,
            roots: &["report@k3s121"],
            cause: "k3s121",
            next: "since then its power, its cable or a restart",
        },
        "cat /run/report /etc/hostname",
        || cable = Some(lab.fault(&["unplug", "k3s121"], &["plug", "k3s121"])),
    );
}

#[test]
fn a_host_restarts_in_the_middle_of_a_run() {
    let lab = Lab::take();
    let _held = lab.script("k3s121", HOLD[0], HOLD[1]);
    let mut dark = None;
    Story::new(&lab, "a-host-restarts-in-the-middle-of-a-run", "midway").meets_during(
        Expected {
            status: 2,
            roots: &["report@k3s121"],
            cause: "k3s121",
            next: "Read the log of the job",
        },
        "cat /run/report /etc/hostname",
        || dark = Some(lab.fault(&["poweroff", "k3s121"], &["poweron", "k3s121"])),
    );
}

#[test]
fn a_bad_cable_is_no_fault() {
    let lab = Lab::take();
    // The cable goes bad in use: a neighbour that loses three ARP answers in a row is
    // not there as far as the kernel goes.
    lab.coldstart(&["check", "--baseline", "tests/lab/cases/baselines/cable.yml"]);
    let _cable = lab.fault(
        &["netem", "k3s121", "delay", "300ms", "loss", "30%"],
        &["netem", "k3s121", "clear"],
    );
    // A connection that breaks is opened anew, to the same boot.
    Story::new(&lab, "a-bad-cable-is-no-fault", "cable").meets(Expected {
        status: 0,
        roots: &[],
        cause: "Result: GREEN",
        next: "",
    });
}

#[test]
fn the_name_server_is_dead() {
    let lab = Lab::take();
    let _names = lab.fault(&["dns", "freeze"], &["dns", "thaw"]);
    Story::new(&lab, "the-name-server-is-dead", "gateway").meets(Expected {
        status: 2,
        roots: &["gateway"],
        cause: "mo.wooo.work",
        next: "name servers of this machine",
    });
}
