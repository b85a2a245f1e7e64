use std::net::Ipv4Addr;
use std::sync::Mutex;

use rstest::rstest;

use super::*;

const ASK: Ask = Ask {
    count: 3,
    interval: Duration::from_millis(10),
    timeout: Duration::from_secs(10),
};

async fn run(dialer: &Dialer, address: &str) -> (Result<Answer, Fault>, Vec<String>) {
    let notes = Mutex::new(Vec::new());
    let note = |target: &str, protocol: &str, sent: &str| {
        let line = format!("{target} {protocol} {sent}");
        notes.lock().expect("the lock").push(line);
    };
    let work = ping(dialer, address, Duration::from_secs(10), ASK, &note);
    let answer = tokio::time::timeout(Duration::from_secs(30), work)
        .await
        .expect("in time");
    (answer, notes.into_inner().expect("the lock"))
}

#[rstest]
#[case("127.0.0.1")]
#[case("localhost")]
#[case("::1")]
#[tokio::test]
async fn loopback_replies_and_is_alive(#[case] address: &str) {
    if address == "::1" && std::net::TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let dialer = Dialer::default();
    let (answer, notes) = run(&dialer, address).await;
    let answer = answer.expect("replies");
    assert_eq!((answer.sent, answer.round_trips.len()), (3, 3));
    assert!(dialer.alive(answer.address));
    assert_eq!(
        notes.last(),
        Some(&format!(
            "{address} icmp 3 echo requests to {}",
            answer.address
        ))
    );
    if address == "localhost" {
        assert_eq!(notes[0], "local dns lookup localhost");
    }
}

#[tokio::test]
async fn no_name_no_ping() {
    let (answer, notes) = run(&Dialer::default(), "").await;
    assert_eq!(answer.expect_err("no address").kind, FaultKind::Unresolved);
    assert_eq!(notes, Vec::<String>::new());
}

#[rstest]
#[case(socket::Kind::Datagram)]
#[case(socket::Kind::Raw)]
#[tokio::test]
async fn each_kind_of_socket_that_is_allowed_hears_the_replies(#[case] kind: socket::Kind) {
    let Ok(socket) = Socket::connect(kind, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))) else {
        return;
    };
    let exchanged = socket.exchange(ASK).await.expect("an exchange");
    assert_eq!(
        (exchanged.sent, exchanged.round_trips.len(), exchanged.by),
        (3, 3, kind.name())
    );
}

#[rstest]
#[case(io::ErrorKind::HostUnreachable, Some("no route to host"))]
#[case(io::ErrorKind::NetworkUnreachable, Some("network is unreachable"))]
#[case(io::ErrorKind::PermissionDenied, None)]
fn only_errors_about_the_way_are_observations(
    #[case] kind: io::ErrorKind,
    #[case] expected: Option<&str>,
) {
    assert_eq!(unreachable(&io::Error::from(kind)), expected);
}
