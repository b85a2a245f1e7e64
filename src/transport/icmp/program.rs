//! The `ping` program, where this process may not open ICMP sockets itself.

use std::io;
use std::net::IpAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::{Ask, Exchanged};

/// For the program to start and to write its summary.
const OVERHEAD: Duration = Duration::from_secs(2);

pub(super) async fn exchange(
    program: &str,
    ip: IpAddr,
    ask: Ask,
    sending: &(dyn Fn() + Sync),
) -> io::Result<Exchanged> {
    let started = Command::new(program)
        .args(arguments(ip, ask))
        // Its summary in English.
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    sending();
    let output = timeout(ask.timeout + OVERHEAD, started.wait_with_output())
        .await
        .map_err(|_| io::Error::other("it did not end in time"))??;
    read(
        &String::from_utf8_lossy(&output.stdout),
        &String::from_utf8_lossy(&output.stderr),
    )
}

/// macOS has a program of its own for IPv6.
pub(super) fn name(ip: IpAddr) -> &'static str {
    if cfg!(target_os = "macos") && ip.is_ipv6() {
        "ping6"
    } else {
        "ping"
    }
}

fn arguments(ip: IpAddr, ask: Ask) -> Vec<String> {
    let seconds = ask.timeout.as_secs_f64().ceil().max(1.0);
    // The whole run: `-w` of iputils and busybox, `-t` of macOS.
    let deadline = if cfg!(target_os = "macos") {
        "-t"
    } else {
        "-w"
    };
    let mut arguments: Vec<String> = ["-n", "-c"].map(str::to_owned).to_vec();
    arguments.push(ask.count.to_string());
    // Below 0.2 s it asks for privileges.
    arguments.extend([
        "-i".to_owned(),
        format!("{:.1}", ask.interval.as_secs_f64().max(0.2)),
    ]);
    if !(cfg!(target_os = "macos") && ip.is_ipv6()) {
        arguments.extend([deadline.to_owned(), format!("{seconds:.0}")]);
    }
    arguments.push(ip.to_string());
    arguments
}

/// Reads `… time=0.034 ms` lines and `3 packets transmitted, …`.
fn read(stdout: &str, stderr: &str) -> io::Result<Exchanged> {
    let round_trips: Vec<Duration> = stdout.lines().filter_map(round_trip).collect();
    let sent = stdout
        .lines()
        .find_map(|line| {
            line.split_once(" packets transmitted")?
                .0
                .trim()
                .parse()
                .ok()
        })
        .filter(|sent| usize::from(*sent) >= round_trips.len());
    let both = || stdout.lines().chain(stderr.lines());
    let unreachable = [
        ("Host Unreachable", "no route to host"),
        ("No route to host", "no route to host"),
    ]
    .into_iter()
    .chain([
        ("etwork is unreachable", "network is unreachable"),
        ("Net Unreachable", "network is unreachable"),
    ])
    .find(|(words, _)| both().any(|line| line.contains(words)))
    .map(|(_, said)| said);
    match (sent, unreachable) {
        (Some(sent), unreachable) => Ok(Exchanged {
            sent,
            round_trips,
            unreachable,
            by: "ping program",
        }),
        (None, Some(_)) => Ok(Exchanged {
            sent: 0,
            round_trips,
            unreachable,
            by: "ping program",
        }),
        (None, None) => {
            let why = stderr
                .lines()
                .chain(stdout.lines())
                .find(|line| !line.trim().is_empty());
            Err(io::Error::other(
                why.unwrap_or("it printed nothing").trim().to_owned(),
            ))
        }
    }
}

fn round_trip(line: &str) -> Option<Duration> {
    // `(DUP!)` is a second reply to one request.
    if !line.contains("bytes from") || line.contains("DUP!") {
        return None;
    }
    let after = line
        .split_once("time=")
        .or_else(|| line.split_once("time<"))?
        .1;
    let milliseconds: f64 = after.split_once(" ms")?.0.trim().parse().ok()?;
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use rstest::rstest;

    const IPUTILS: &str = "PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.\n\
        64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.250 ms\n\
        64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.260 ms (DUP!)\n\
        64 bytes from 10.0.0.1: icmp_seq=3 ttl=64 time=12 ms\n\n\
        --- 10.0.0.1 ping statistics ---\n\
        3 packets transmitted, 2 received, +1 duplicates, 33% packet loss, time 402ms\n";
    const MACOS: &str = "PING 10.0.0.1 (10.0.0.1): 56 data bytes\n\
        64 bytes from 10.0.0.1: icmp_seq=0 ttl=64 time=0.104 ms\n\
        Request timeout for icmp_seq 1\n\n\
        --- 10.0.0.1 ping statistics ---\n\
        2 packets transmitted, 1 packets received, 50.0% packet loss\n";
    const DEAD: &str = "PING 10.0.0.9 (10.0.0.9) 56(84) bytes of data.\n\
        From 10.0.0.2 icmp_seq=1 Destination Host Unreachable\n\n\
        --- 10.0.0.9 ping statistics ---\n\
        3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 402ms\n";

    #[rstest]
    #[case::iputils(IPUTILS, 3, &[250, 12_000], None)]
    #[case::macos(MACOS, 2, &[104], None)]
    #[case::dead(DEAD, 3, &[], Some("no route to host"))]
    fn summaries(
        #[case] text: &str,
        #[case] sent: u16,
        #[case] micros: &[u64],
        #[case] unreachable: Option<&str>,
    ) {
        let exchanged = read(text, "").expect("a summary");
        let round_trips: Vec<Duration> =
            micros.iter().copied().map(Duration::from_micros).collect();
        assert_eq!(
            (exchanged.sent, exchanged.round_trips, exchanged.unreachable),
            (sent, round_trips, unreachable)
        );
    }

    #[test]
    fn without_a_summary_its_own_words_are_the_reason() {
        let error = read(
            "",
            "ping: socktype: SOCK_RAW\nping: socket: Operation not permitted\n",
        )
        .err()
        .expect("a reason");
        assert_eq!(error.to_string(), "ping: socktype: SOCK_RAW");
        assert!(read("", "").is_err());
        let no_way = read("", "ping: connect: Network is unreachable\n").expect("an answer");
        assert_eq!(
            (no_way.sent, no_way.unreachable),
            (0, Some("network is unreachable"))
        );
    }

    /// Loopback answers where the program exists and may be used.
    #[tokio::test]
    async fn the_program_answers_for_loopback() {
        let ask = Ask {
            count: 1,
            interval: Duration::from_millis(200),
            timeout: Duration::from_secs(5),
        };
        let ip = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        let told = AtomicBool::new(false);
        let sending = || told.store(true, Ordering::Relaxed);
        let missing = exchange("coldstart-no-such-program", ip, ask, &sending).await;
        assert!(missing.is_err());
        assert!(!told.load(Ordering::Relaxed), "nothing was sent");
        let exchanged = match exchange(name(ip), ip, ask, &sending).await {
            Ok(exchanged) => exchanged,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => panic!("{error}"),
        };
        assert_eq!((exchanged.sent, exchanged.round_trips.len()), (1, 1));
        assert!(told.load(Ordering::Relaxed));
    }
}
