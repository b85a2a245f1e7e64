use std::net::IpAddr;
use std::sync::Mutex;

use rstest::rstest;
use tokio::net::TcpStream;

use super::*;
use crate::servers::postgres::{Trouble, with};
use crate::servers::tcp::Server;

const PASSWORD: &str = "hunter22";

/// Connects to a server of loopback as if it were somewhere else, or not.
struct Elsewhere {
    exposed: bool,
    notes: Mutex<Vec<String>>,
}

impl Opener for Elsewhere {
    async fn open(&self, address: &str, port: u16) -> Result<Connection, Fault> {
        let address: IpAddr = address.parse().expect("an address");
        let stream = TcpStream::connect((address, port)).await.expect("open");
        Ok(Connection {
            stream: Box::new(stream),
            peer: address.to_string(),
            connect: Duration::ZERO,
            exposed: self.exposed,
        })
    }

    fn note(&self, _: &str, _: &str, sent: &str) {
        self.notes.lock().expect("the lock").push(sent.to_owned());
    }
}

async fn log_in(server: &Server, exposed: bool, encryption: Encryption) -> Result<Answer, Fault> {
    let what = Ask {
        host: "127.0.0.1".to_owned(),
        port: server.address.port(),
        user: "me".to_owned(),
        password: Some(PASSWORD.into()),
        database: "store".to_owned(),
        encryption,
        tls: TlsOptions::default(),
        state: None,
        query: None,
        timeout: Duration::from_secs(20),
    };
    let opener = Elsewhere {
        exposed,
        notes: Mutex::default(),
    };
    tokio::time::timeout(
        Duration::from_secs(60),
        ask(&opener, &Tls::default(), &what),
    )
    .await
    .expect("in time")
}

/// What the server got, once it saw the client hang up.
async fn received(server: &Server) -> String {
    let waiting = async {
        while !server.received().contains("<end>") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("the client hangs up");
    server.received()
}

#[rstest]
#[tokio::test]
async fn a_password_is_not_told_over_a_network_in_plain(
    #[values(Encryption::Prefer, Encryption::Disable)] encryption: Encryption,
) {
    let server = with(Trouble::Cleartext).await;
    let fault = log_in(&server, true, encryption)
        .await
        .expect_err("refused");
    assert_eq!((fault.kind, fault.hopeless), (FaultKind::Denied, true));
    assert_eq!(
        fault.seen,
        "the server asks for the password as it is, over a connection without TLS: it was not sent"
    );
    assert!(
        fault
            .hint
            .is_some_and(|hint| hint.contains("sslmode=require"))
    );
    let received = received(&server).await;
    assert!(received.contains("coldstart"), "{received}");
    assert!(!received.contains(PASSWORD), "{received}");
}

#[rstest]
#[tokio::test]
async fn on_this_machine_it_is(
    #[values(Encryption::Prefer, Encryption::Disable)] encryption: Encryption,
) {
    let server = with(Trouble::Cleartext).await;
    let answer = log_in(&server, false, encryption).await.expect("let in");
    assert!(!answer.encrypted);
    assert!(server.received().contains(PASSWORD));
}
