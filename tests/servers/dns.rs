//! A name server for `test.`, by UDP and TCP on one port.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, MX, PTR, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// A server whose tasks end with it.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// `UDP A a.test.` by line.
    pub asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

/// A server that says that `a.test` is at `address`. By name it also knows
/// `alias.test` (two aliases of `a.test`), `mail.test` (MX), `empty.test`,
/// `nowhere.test`, `broken.test` (SERVFAIL), `long.test` (TXT, too long for UDP),
/// `loop.test` (aliases in a circle), `foreign.test` (records of another name),
/// `other.test` (answers another question), `garbage.test`, `late.test` (noise
/// before the answer), `hostile.test` (TXT, which would act on a terminal), `lost.test` (the first datagram is), `deaf.test` (no answer).
pub async fn start(address: Ipv4Addr) -> Server {
    let (tcp, udp) = loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let place = tcp.local_addr().expect("its address");
        if let Ok(udp) = UdpSocket::bind(place).await {
            break (tcp, udp);
        }
    };
    let place = tcp.local_addr().expect("its address");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    tasks.spawn({
        let asked = asked.clone();
        async move {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                for answer in answers(&buffer[..length], address, &asked, "UDP") {
                    drop(udp.send_to(&answer, from).await);
                }
            }
        }
    });
    tasks.spawn({
        let asked = asked.clone();
        async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = tcp.accept().await {
                let asked = asked.clone();
                connections.spawn(async move { drop(serve(stream, address, &asked).await) });
            }
        }
    });
    Server {
        address: place,
        asked,
        _tasks: tasks,
    }
}

async fn serve(
    mut stream: TcpStream,
    address: Ipv4Addr,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut question = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut question).await?;
    for answer in answers(&question, address, asked, "TCP") {
        let length = u16::try_from(answer.len()).expect("short");
        stream.write_u16(length).await?;
        stream.write_all(&answer).await?;
    }
    stream.shutdown().await
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn record(owner: &str, ttl: u32, data: RData) -> Record {
    Record::from_rdata(name(owner), ttl, data)
}

fn answers(
    question: &[u8],
    address: Ipv4Addr,
    asked: &Mutex<Vec<String>>,
    by: &str,
) -> Vec<Vec<u8>> {
    let Ok(question) = Message::from_vec(question) else {
        return Vec::new();
    };
    let Some(query) = question.queries.first() else {
        return Vec::new();
    };
    let line = format!("{by} {} {}", query.query_type(), query.name());
    let before = {
        let mut asked = asked.lock().expect("the lock");
        let before = asked.iter().filter(|one| **one == line).count();
        asked.push(line);
        before
    };
    let mut message = Message::response(question.metadata.id, OpCode::Query);
    message.metadata.recursion_desired = question.metadata.recursion_desired;
    message.metadata.recursion_available = true;
    message.add_query(query.clone());
    let at = |owner: &str, ttl| record(owner, ttl, RData::A(A(address)));
    let alias = |owner: &str, ttl, of: &str| record(owner, ttl, RData::CNAME(CNAME(name(of))));
    let owner = query.name().to_ascii().to_ascii_lowercase();
    match (owner.as_str(), query.query_type()) {
        ("a.test.", RecordType::A) => {
            message.metadata.authoritative = true;
            message.add_answers([
                at("A.test.", 300),
                record("a.test.", 60, RData::A(A::new(192, 0, 2, 1))),
            ]);
        }
        ("alias.test.", RecordType::A) => {
            message.add_answers([
                alias("alias.test.", 300, "Next.test."),
                at("a.test.", 300),
                alias("next.test.", 20, "a.test."),
            ]);
        }
        ("loop.test.", RecordType::A) => {
            message.add_answers([
                alias("loop.test.", 9, "pool.test."),
                alias("pool.test.", 9, "loop.test."),
            ]);
        }
        ("foreign.test.", RecordType::A) => {
            message.add_answer(at("a.test.", 300));
        }
        ("mail.test.", RecordType::MX) => {
            message.add_answers([
                record("mail.test.", 30, RData::MX(MX::new(20, name("B.test.")))),
                record("mail.test.", 30, RData::MX(MX::new(10, name("a.test.")))),
            ]);
        }
        ("1.2.0.192.in-addr.arpa.", RecordType::PTR) => {
            let data = RData::PTR(PTR(name("a.test.")));
            message.add_answer(record("1.2.0.192.in-addr.arpa.", 30, data));
        }
        ("long.test.", RecordType::TXT) if by == "UDP" => {
            // The rest of the record is missing, as a server in a hurry leaves it.
            message.metadata.truncation = true;
            let data = RData::TXT(TXT::new(vec!["x".repeat(200)]));
            message.add_answer(record("long.test.", 30, data));
            let mut bytes = message.to_vec().expect("a message");
            bytes.truncate(100);
            return vec![bytes];
        }
        ("long.test.", RecordType::TXT) => {
            let data = RData::TXT(TXT::new(vec!["Long".to_owned(), "x".repeat(200)]));
            message.add_answer(record("long.test.", 30, data));
        }
        ("hostile.test.", RecordType::TXT) => {
            let evil = b"bad\x1b[2J\xc2\x9b31m\xe2\x80\xaegnp\xff\0\r\n\xe2\x80\x8b";
            let data = RData::TXT(TXT::from_bytes(vec![evil]));
            message.add_answer(record("hostile.test.", 30, data));
        }
        ("lost.test.", _) if before == 0 => return Vec::new(),
        ("lost.test." | "late.test.", RecordType::A) => {
            message.add_answer(at(&owner, 300));
            let bytes = message.to_vec().expect("a message");
            let mut another = bytes.clone();
            another[0] ^= 1;
            return vec![vec![7], another, bytes];
        }
        ("other.test.", _) => {
            message.queries = vec![Query::query(name("a.test."), RecordType::A)];
        }
        ("garbage.test.", _) => {
            let mut bytes = message.to_vec().expect("a message");
            // So many answers are promised, and none is there.
            bytes[6] = 255;
            return vec![bytes];
        }
        ("deaf.test.", _) => return Vec::new(),
        ("empty.test." | "a.test.", _) => {}
        ("broken.test.", _) => message.metadata.response_code = ResponseCode::ServFail,
        ("unread.test.", _) => {
            message.metadata.response_code = ResponseCode::FormErr;
            message.queries.clear();
        }
        _ => message.metadata.response_code = ResponseCode::NXDomain,
    }
    vec![message.to_vec().expect("a message")]
}
