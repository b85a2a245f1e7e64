//! SSH servers, login shells and rights that stand in the way.

use super::stage::Lab;
use super::story::{Expected, Story};

const UP: Expected = Expected {
    status: 0,
    roots: &[],
    cause: "Result: GREEN",
    next: "",
};

fn blocked(cause: &'static str, next: &'static str) -> Expected {
    Expected {
        status: 2,
        roots: &["ssh@k3s121"],
        cause,
        next,
    }
}

#[test]
fn sshd_is_stopped() {
    let lab = Lab::take();
    let _stopped = lab.fault(&["stop", "k3s121", "ssh"], &["start", "k3s121", "ssh"]);
    Story::new(&lab, "sshd-is-stopped", "ssh").meets(blocked(
        "connection refused by 192.168.0.121:22",
        "sshd on 121, by its console.",
    ));
}

#[test]
fn sshd_has_too_many_logins_under_way() {
    let lab = Lab::take();
    let file = "/etc/ssh/sshd_config.d/few.conf";
    let bring = format!("echo 'MaxStartups 5' >{file}; systemctl restart ssh");
    let undo = format!("rm -f {file}; systemctl restart ssh");
    let _few = lab.script("k3s121", &bring, &undo);
    let _crowd = lab.fault(&["loiter", "k3s121", "22"], &["leave", "k3s121"]);
    Story::new(&lab, "sshd-has-too-many-logins-under-way", "ssh").meets(blocked(
        "too many logins under way",
        "MaxStartups in sshd_config is the limit",
    ));
}

#[test]
fn sshd_sends_its_banner_and_no_more() {
    let lab = Lab::take();
    let _silent = lab.fault(
        &["impostor", "k3s121", "ssh", "22", "ssh-banner"],
        &["dismiss", "k3s121", "ssh"],
    );
    Story::new(&lab, "sshd-sends-its-banner-and-no-more", "ssh").meets(blocked(
        "did not finish the key exchange",
        "sshd on 121, by its console.",
    ));
}

/// Gives the login user other start-up files for a while.
fn shell_says<'l>(lab: &'l Lab, line: &str) -> super::stage::Undo<'l> {
    let file = "/home/wooo/.bashrc";
    lab.script(
        "k3s121",
        &format!("cp -p {file} {file}.kept; echo '{line}' >{file}"),
        &format!("mv {file}.kept {file}"),
    )
}

#[test]
fn a_login_shell_that_prints_noise_is_no_fault() {
    let lab = Lab::take();
    let _noise = shell_says(
        &lab,
        "echo active; echo :coldstart; printf \"\\033[31mwelcome\\n\"",
    );
    Story::new(&lab, "a-login-shell-that-prints-noise-is-no-fault", "ssh").meets(UP);
}

#[test]
fn the_login_shell_takes_five_seconds() {
    let lab = Lab::take();
    let _slow = shell_says(&lab, "sleep 5");
    Story::new(&lab, "the-login-shell-takes-five-seconds", "ssh").meets(blocked(
        "the login shell of wooo on k3s121 did not come to the command",
        "~/.bashrc, takes too long",
    ));
}

#[test]
fn the_user_may_not_sudo() {
    let lab = Lab::take();
    let file = "/etc/sudoers.d/kubectl";
    let _denied = lab.script(
        "k3s120",
        &format!("mv {file} /root/kubectl"),
        &format!("mv /root/kubectl {file}"),
    );
    Story::new(&lab, "the-user-may-not-sudo", "sudo").meets(Expected {
        roots: &["nodes@k3s120"],
        ..blocked("sudo", "sudoers")
    });
}
