//! Web servers that answer wrongly, slowly, without end or to the wrong name.

use super::stage::{Lab, Undo};
use super::story::{Expected, Story};

fn momo(cause: &'static str) -> Expected {
    Expected {
        status: 2,
        roots: &["momo@data188"],
        cause,
        next: "momo-db first, then momo-pro-system.",
    }
}

/// Another line in the configuration of nginx for a while. Restarted: after a reload
/// old workers answer for a moment more.
fn nginx<'l>(lab: &'l Lab, from: &str, to: &str) -> Undo<'l> {
    let file = "/etc/nginx/conf.d/services.conf";
    lab.script(
        "data188",
        &format!("cp -p {file} /root/services.conf && sed -i 's|{from}|{to}|' {file} && systemctl restart nginx"),
        &format!("mv /root/services.conf {file}; systemctl restart nginx"),
    )
}

fn impostor<'l>(lab: &'l Lab, manner: &str) -> Undo<'l> {
    lab.fault(
        &["impostor", "data188", "nginx", "5001", manner],
        &["dismiss", "data188", "nginx"],
    )
}

#[test]
fn nginx_answers_500() {
    let lab = Lab::take();
    let _broken = nginx(
        &lab,
        "return 200 .{\"status\":\"healthy\".*;",
        "return 500 \"{}\";",
    );
    Story::new(&lab, "nginx-answers-500", "web").meets(momo("status = 500"));
}

#[test]
fn nginx_redirects_in_a_loop() {
    let lab = Lab::take();
    let _loop = nginx(
        &lab,
        "location = /minio/health/live .*",
        "location = /minio/health/live { return 302 http://192.168.0.188:9002/minio/health/live; }",
    );
    Story::new(&lab, "nginx-redirects-in-a-loop", "web").meets(Expected {
        roots: &["old-address@data188"],
        next: "The redirect in nginx of 188.",
        ..momo("redirect")
    });
}

#[test]
fn headers_come_one_byte_a_second() {
    let lab = Lab::take();
    let _slow = impostor(&lab, "slow-headers");
    Story::new(&lab, "headers-come-one-byte-a-second", "momo")
        .without(r"\(\d+ bytes", "([n] bytes")
        .meets(momo("no end of the headers"));
}

#[test]
fn a_body_never_ends() {
    let lab = Lab::take();
    let _endless = impostor(&lab, "endless-body");
    Story::new(&lab, "a-body-never-ends", "momo")
        .without(r"\(\d+ bytes", "([n] bytes")
        .meets(momo("no whole body"));
}

#[test]
fn an_answer_is_cut_off_in_the_middle() {
    let lab = Lab::take();
    let _cut = impostor(&lab, "cut-off");
    Story::new(&lab, "an-answer-is-cut-off-in-the-middle", "momo").meets(momo("cut off"));
}

/// Gives the gateway another certificate of the authority that is trusted.
fn certificate<'l>(lab: &'l Lab, name: &str, days: &str) -> Undo<'l> {
    lab.fault(&["certificate", name, days], &["certificate"])
}

#[test]
fn a_certificate_is_for_another_name() {
    let lab = Lab::take();
    let _wrong = certificate(&lab, "old.wooo.work", "30");
    Story::new(&lab, "a-certificate-is-for-another-name", "gateway").meets(Expected {
        status: 2,
        roots: &["gateway"],
        cause: "old.wooo.work",
        next: "then reload nginx",
    });
}

#[test]
fn a_certificate_expired() {
    let lab = Lab::take();
    let _expired = certificate(&lab, "mo.wooo.work", "-1");
    Story::new(&lab, "a-certificate-expired", "gateway").meets(Expected {
        status: 2,
        roots: &["gateway"],
        cause: "expired",
        next: "then reload nginx",
    });
}
