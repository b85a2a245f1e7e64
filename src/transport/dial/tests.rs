use std::net::Ipv4Addr;

use rstest::rstest;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::servers::tcp::closed_port;
use crate::transport::ConnectionKey;

const BUDGET: Duration = Duration::from_secs(20);
/// Nothing is ever sent to it: the tests that use it have marked it before.
const DEAD: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(120), work)
        .await
        .expect("in time")
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}

#[tokio::test]
async fn opens_and_proves_the_host_alive() {
    let (_listener, port) = listener().await;
    let dialer = Dialer::default();
    let dialed = within(dialer.dial("127.0.0.1", port, BUDGET, Role::Port))
        .await
        .expect("open");
    assert_eq!(dialed.peer, SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    assert!(dialed.stream.nodelay().expect("an option"));
    assert!(dialer.alive(dialed.peer.ip()));
}

#[tokio::test]
async fn a_name_is_dialled_by_each_of_its_addresses() {
    let (_listener, port) = listener().await;
    let dialer = Dialer::default();
    let dialed = within(dialer.dial("localhost", port, BUDGET, Role::Port))
        .await
        .expect("open");
    assert!(dialed.peer.ip().is_loopback());
}

#[tokio::test]
async fn ipv6_in_brackets() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        return;
    };
    let port = listener.local_addr().expect("its address").port();
    let dialed = within(Dialer::default().dial("[::1]", port, BUDGET, Role::Port))
        .await
        .expect("open");
    assert!(dialed.peer.is_ipv6());
}

#[rstest]
#[case(Role::Port)]
#[case(Role::HostSsh)]
#[tokio::test]
async fn a_refusal_is_final_and_proves_the_host_alive(#[case] role: Role) {
    let port = closed_port().await;
    let dialer = Dialer::default();
    let fault = within(dialer.dial("127.0.0.1", port, BUDGET, role))
        .await
        .expect_err("refused");
    assert_eq!(
        fault,
        Fault::new(
            FaultKind::Refused,
            format!("connection refused by 127.0.0.1:{port}")
        )
    );
    assert!(dialer.alive(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    assert_eq!(dialer.verdict("127.0.0.1"), None);
}

/// A listener whose backlog is full drops SYNs, as a dead host's network does.
async fn silent() -> (TcpSocketKept, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Of its own address, so that the verdict stays in this test's dialler.
    socket
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .expect("a port");
    let listener = socket.listen(1).expect("listening");
    let address = listener.local_addr().expect("its address");
    let mut kept = Vec::new();
    // The queue takes backlog + 1; the rest stay in SYN_SENT.
    for _ in 0..8 {
        let connecting = tokio::spawn(TcpStream::connect(address));
        kept.push(connecting);
    }
    // Wait until the queue is full: one more attempt gets no answer.
    loop {
        if timeout(Duration::from_millis(200), TcpStream::connect(address))
            .await
            .is_err()
        {
            return ((listener, kept), address);
        }
    }
}

type TcpSocketKept = (
    TcpListener,
    Vec<tokio::task::JoinHandle<io::Result<TcpStream>>>,
);

#[tokio::test]
async fn a_silent_port_is_this_ports_trouble_alone() {
    let (_kept, address) = within(silent()).await;
    let dialer = Dialer::default();
    let budget = Duration::from_millis(1100);
    let fault = within(dialer.dial("127.0.0.1", address.port(), budget, Role::Port))
        .await
        .expect_err("no answer");
    assert_eq!(fault.kind, FaultKind::TimedOut);
    assert_eq!(
        fault.seen,
        format!("no answer from {address} in 1.1 s (2 attempts)")
    );
    assert_eq!((fault.connection, fault.hopeless), (None, true));
    assert_eq!(dialer.verdict("127.0.0.1"), None);
}

#[tokio::test]
async fn a_silent_ssh_port_stands_for_its_host_and_ends_the_dials_under_way() {
    let (_kept, address) = within(silent()).await;
    let dialer = Dialer::default();
    let ssh = dialer.dial(
        "127.0.0.1",
        address.port(),
        Duration::from_millis(300),
        Role::HostSsh,
    );
    // Its own budget is far longer than this test may take.
    let other = dialer.dial(
        "127.0.0.1",
        address.port(),
        Duration::from_secs(600),
        Role::Port,
    );
    let (ssh, other) = within(async { tokio::join!(ssh, other) }).await;
    let fault = ssh.expect_err("no answer");
    assert_eq!(fault.kind, FaultKind::TimedOut);
    assert_eq!(fault.connection, Some(ConnectionKey::address("127.0.0.1")));
    assert_eq!(other.expect_err("the same"), fault);
    assert_eq!(dialer.verdict("127.0.0.1"), Some(fault.clone()));
    // Even a port that would answer is not tried any more.
    let (_listener, port) = listener().await;
    let later = within(dialer.dial("127.0.0.1", port, BUDGET, Role::Port)).await;
    assert_eq!(later.expect_err("known to be down"), fault);
    // Until something proves the host alive.
    dialer.mark_alive(IpAddr::V4(Ipv4Addr::LOCALHOST));
    within(dialer.dial("127.0.0.1", port, BUDGET, Role::Port))
        .await
        .expect("open");
}

#[tokio::test]
async fn a_silent_ssh_port_of_a_living_host_does_not_mark_it() {
    let (_kept, address) = within(silent()).await;
    let dialer = Dialer::default();
    dialer.mark_alive(address.ip());
    let fault = within(dialer.dial(
        "127.0.0.1",
        address.port(),
        Duration::from_millis(300),
        Role::HostSsh,
    ))
    .await
    .expect_err("no answer");
    assert_eq!((fault.kind, fault.connection), (FaultKind::TimedOut, None));
    assert_eq!(dialer.verdict("127.0.0.1"), None);
}

fn failure(kind: io::ErrorKind, local: bool, after_ms: u64) -> Failure {
    Failure {
        began: Instant::now(),
        error: io::Error::from(kind),
        local,
        after: Duration::from_millis(after_ms),
    }
}

#[rstest]
#[case::own_routing_table(io::ErrorKind::NetworkUnreachable, true, 0, Role::Port, true)]
#[case::neighbour_does_not_answer(io::ErrorKind::HostUnreachable, false, 3000, Role::Port, true)]
#[case::firewall_rejects_one_port(io::ErrorKind::HostUnreachable, false, 1, Role::Port, false)]
#[case::firewall_rejects_ssh(io::ErrorKind::HostUnreachable, false, 1, Role::HostSsh, true)]
fn what_speaks_for_the_whole_host(
    #[case] kind: io::ErrorKind,
    #[case] local: bool,
    #[case] after_ms: u64,
    #[case] role: Role,
    #[case] marks: bool,
) {
    let dialer = Dialer::default();
    let address = SocketAddr::new(DEAD, 5432);
    let Weight::Unreachable(unreachable) =
        dialer.weigh(address, role, failure(kind, local, after_ms))
    else {
        panic!("an unreachable host");
    };
    let fault = dialer.conclude(DEAD, vec![unreachable]);
    assert_eq!(fault.kind, FaultKind::Unreachable);
    assert_eq!(fault.connection.is_some(), marks);
    assert_eq!(dialer.verdict("192.0.2.1").is_some(), marks);
}

#[rstest]
#[case(io::ErrorKind::ConnectionReset, FaultKind::Closed, false)]
#[case(io::ErrorKind::PermissionDenied, FaultKind::LocalSetup, true)]
#[case(io::ErrorKind::AddrNotAvailable, FaultKind::LocalSetup, false)]
fn other_failures(
    #[case] kind: io::ErrorKind,
    #[case] expected: FaultKind,
    #[case] hopeless: bool,
) {
    let dialer = Dialer::default();
    let Weight::Final(fault) = dialer.weigh(
        SocketAddr::new(DEAD, 22),
        Role::Port,
        failure(kind, false, 1),
    ) else {
        panic!("a final fault");
    };
    assert_eq!(
        (fault.kind, fault.hopeless, fault.connection),
        (expected, hopeless, None)
    );
}

#[tokio::test]
async fn no_address_at_all() {
    let fault = within(Dialer::default().dial("", 22, BUDGET, Role::Port))
        .await
        .expect_err("nothing to dial");
    assert_eq!(fault.kind, FaultKind::Unresolved);
}
