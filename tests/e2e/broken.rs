//! Connections that break in the middle of a run, and what the host then says of its boot.

use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;

use crate::desk::Desk;
use crate::servers::ssh::{Answer, Script, Server};

const SAME: [&str; 2] = ["one", "one"];
/// For longer than any of these runs takes, in seconds.
const UP: &str = "600000.00";
const REBOOTED: Option<&str> =
    Some("data188 rebooted (or its connection was lost) in the middle of the run");

/// Which check comes first: the one that is told the boot, or the one during which the
/// connection breaks.
enum First {
    Boot,
    Break,
}

fn baseline(port: u16, first: &First) -> String {
    let boot =
        "ssh: { title: SSH opens, on: data188, ssh: {}, defaults: false, require: uptime_s >= 0 }";
    let report =
        "report: { title: the report is there, on: data188, command: { run: cat /srv/report } }";
    let checks = match first {
        First::Boot => [boot, report],
        First::Break => [report, boot],
    };
    format!(
        "\
version: 1
name: broken
hosts:
  data188: {{ address: 127.0.0.1, ssh: {{ user: ollama, port: {port} }} }}
defaults: {{ timeout: 1s, connect_timeout: 30s, retry: {{ attempts: 3, delay: 1ms }} }}
phases:
  P0: {{ checks: {{ {} }} }}
  P1: {{ needs: P0, checks: {{ {} }} }}
",
        checks[0], checks[1]
    )
}

/// The connection breaks while a file is read for the first time.
#[rstest]
#[case::the_host_stayed_up(First::Boot, Answer::Disconnect, SAME, UP, None)]
#[case::it_went_silent_and_stayed_up(First::Boot, Answer::Freeze, SAME, UP, None)]
#[case::the_host_rebooted(First::Boot, Answer::Disconnect, ["one", "two"], UP, REBOOTED)]
#[case::it_does_not_tell(First::Boot, Answer::Disconnect, ["one", ""], UP, REBOOTED)]
#[case::it_was_up_before_the_run(First::Break, Answer::Disconnect, SAME, UP, None)]
#[case::it_may_have_come_up_since(First::Break, Answer::Disconnect, SAME, "0.00", REBOOTED)]
#[tokio::test(flavor = "multi_thread")]
async fn the_same_boot_makes_up_for_a_broken_connection(
    #[case] first: First,
    #[case] breaks: Answer,
    #[case] boots: [&'static str; 2],
    #[case] uptime: &'static str,
    #[case] failure: Option<&str>,
) {
    let desk = Desk::new();
    let (read, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let script = Script::new(desk.home.key.public_key(), move |command| {
        if command.starts_with("cat ") && read.fetch_add(1, Ordering::SeqCst) == 0 {
            return breaks.clone();
        }
        if !command.starts_with("grep ") {
            return Answer::ok("");
        }
        let boot = boots[asked.fetch_add(1, Ordering::SeqCst).min(1)];
        let uptime = format!("/proc/uptime:{uptime} 0.00\n");
        if boot.is_empty() {
            return Answer::ok(uptime);
        }
        Answer::ok(format!("/proc/sys/kernel/random/boot_id:{boot}\n{uptime}"))
    });
    let host = Server::start(script).await;
    desk.home.trust(&[&host]);
    let baseline = baseline(host.address.port(), &first);
    let ran = desk.check(&baseline, &["--json", "--audit", "audit"]).await;
    let card = ran.json();
    assert_eq!(card["failure"].as_str(), failure, "{card:#}");
    assert_eq!(ran.code, Some(if failure.is_some() { 3 } else { 0 }));
    assert_eq!(host.log.connections(), 2);
    let asked = |entry: &&crate::desk::Entry| entry.sent.contains("boot_id");
    let audit = desk.audited("audit");
    let by: Vec<_> = audit.iter().filter(asked).map(|sent| &sent.check).collect();
    let times = match first {
        // As often as that check may be tried, where no answer tells.
        First::Boot if boots[1].is_empty() => 4,
        First::Boot | First::Break => 2,
    };
    assert_eq!(by, vec!["ssh@data188"; times]);
}
