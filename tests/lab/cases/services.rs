//! Services that are down or restart in a loop, disks that are full, clocks that are wrong.

use super::stage::Lab;
use super::story::{Expected, Story};

#[test]
fn prometheus_is_down() {
    let lab = Lab::take();
    let _down = lab.fault(
        &["stop", "ops110", "prometheus"],
        &["start", "ops110", "prometheus"],
    );
    Story::new(&lab, "prometheus-is-down", "services").meets(Expected {
        status: 2,
        roots: &["prometheus@ops110"],
        cause: "connection refused by 192.168.0.110:9090",
        next: "it replays its WAL",
    });
}

#[test]
fn a_unit_restarts_in_a_loop() {
    let lab = Lab::take();
    let folder = "/etc/systemd/system/ollama.service.d";
    let unit = "[Unit]\\nStartLimitIntervalSec=0\\n[Service]\\nExecStart=\\nExecStart=/bin/sleep 0.2\\nRestart=always\\nRestartSec=100ms\\n";
    let bring = format!(
        "mkdir -p {folder} && printf '{unit}' >{folder}/loop.conf && systemctl daemon-reload && systemctl restart ollama && \
         until test \"$(systemctl show -P NRestarts ollama)\" -ge 3; do sleep 0.1; done"
    );
    let undo = format!(
        "rm -r {folder}; systemctl daemon-reload; systemctl stop ollama; systemctl reset-failed ollama; systemctl start ollama"
    );
    let _loop = lab.script("data188", &bring, &undo);
    Story::new(&lab, "a-unit-restarts-in-a-loop", "services")
        .without(r"restarts = \d+", "restarts = [n]")
        .meets(Expected {
            status: 2,
            roots: &["ollama@data188"],
            cause: "restarts = ",
            next: "`systemctl status ollama` on 188.",
        });
}

#[test]
fn the_clock_of_a_host_is_ten_minutes_off() {
    let lab = Lab::take();
    // In front of the real one in everybody's path.
    let bring = "printf '#!/bin/sh\\nexec /bin/date -d \"10 minutes ago\" \"$@\"\\n' >/usr/local/bin/date; chmod 755 /usr/local/bin/date";
    let _wrong = lab.script("k3s121", bring, "rm -f /usr/local/bin/date");
    Story::new(&lab, "the-clock-of-a-host-is-ten-minutes-off", "services")
        .without(r"clock_skew_s = -\d+\.?\d*", "clock_skew_s = -600")
        .meets(Expected {
            status: 2,
            roots: &["clock@k3s121"],
            cause: "clock_skew_s = -",
            next: "`timedatectl` and chrony on 121",
        });
}

const BACKUP: [&str; 2] = [
    "mkdir -p /backup && mount -t tmpfs -o size=8m backup /backup",
    "umount /backup; rmdir /backup",
];

#[test]
fn a_disk_is_full() {
    let lab = Lab::take();
    let full = format!(
        "{} && cat /dev/zero >/backup/dump 2>/dev/null; true",
        BACKUP[0]
    );
    let _full = lab.script("data188", &full, BACKUP[1]);
    Story::new(&lab, "a-disk-is-full", "disk").meets(Expected {
        status: 2,
        roots: &["backup@data188"],
        cause: "used_percent = 100",
        next: "Thin out old backups",
    });
}

#[test]
fn the_root_file_system_is_full() {
    let lab = Lab::take();
    let _backup = lab.script("data188", BACKUP[0], BACKUP[1]);
    let _full = lab.fault(&["fill", "k3s121"], &["unfill", "k3s121"]);
    Story::new(&lab, "the-root-file-system-is-full", "disk").meets(Expected {
        status: 2,
        roots: &["root@k3s121"],
        cause: "used_percent = 100",
        next: "Find what grew",
    });
}
