//! What an answer says of the question.

use std::time::Duration;

use hickory_proto::op::{Header, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::BinDecodable;

use crate::transport::{Fault, FaultKind};

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`, …
    pub rcode: String,
    /// The records of the type asked for, each as text, sorted.
    pub records: Vec<String>,
    /// The aliases (CNAME) followed to get there, in order.
    pub aliases: Vec<String>,
    /// The least time to live of all these.
    pub ttl: Option<u32>,
    /// The server speaks for the zone.
    pub authoritative: bool,
    /// The server asks other servers for us.
    pub recursion: bool,
    /// It was too long for a datagram.
    pub truncated: bool,
    /// From the question to the answer.
    pub elapsed: Duration,
}

/// The header of what answers `message`; nothing when it does not.
pub(super) fn header_of(bytes: &[u8], message: &Message) -> Option<Header> {
    let header = Header::from_bytes(bytes).ok()?;
    let answers = header.metadata.id == message.metadata.id
        && header.metadata.message_type == MessageType::Response;
    answers.then_some(header)
}

pub(super) fn read(bytes: &[u8], message: &Message, elapsed: Duration) -> Result<Answer, Fault> {
    let protocol = |seen: String| Fault::new(FaultKind::Protocol, seen);
    if header_of(bytes, message).is_none() {
        return Err(protocol("the answer is not one to the question".to_owned()));
    }
    let answer = Message::from_vec(bytes)
        .map_err(|error| protocol(format!("the answer is not DNS: {error}")))?;
    let code = answer.metadata.response_code;
    let Some(asked) = message.queries.first() else {
        return Err(Fault::new(FaultKind::Internal, "there is no question"));
    };
    let same = |query: &Query| {
        query.name() == asked.name()
            && query.query_type() == asked.query_type()
            && query.query_class() == asked.query_class()
    };
    // A server that could not read the question need not repeat it.
    let repeated = match answer.queries.as_slice() {
        [] => code != ResponseCode::NoError,
        [one] => same(one),
        _ => false,
    };
    if !repeated {
        return Err(protocol("the answer is to another question".to_owned()));
    }
    let (names, aliases) = follow(asked.name(), asked.query_type(), &answer);
    let mut ttl: Option<u32> = None;
    let mut records = Vec::new();
    for record in &answer.answers {
        if !names.contains(&record.name) || record.dns_class != asked.query_class() {
            continue;
        }
        let wanted = record.record_type() == asked.query_type();
        if wanted && !matches!(record.data, RData::Update0(_)) {
            records.push(text(&record.data));
        } else if record.record_type() != RecordType::CNAME {
            continue;
        }
        ttl = Some(ttl.map_or(record.ttl, |least| least.min(record.ttl)));
    }
    records.sort();
    records.dedup();
    Ok(Answer {
        rcode: rcode(code),
        records,
        aliases,
        ttl,
        authoritative: answer.metadata.authoritative,
        recursion: answer.metadata.recursion_available,
        truncated: false,
        elapsed,
    })
}

/// The name asked for with those that it is an alias of, and the latter as text.
fn follow(asked: &Name, record: RecordType, answer: &Message) -> (Vec<Name>, Vec<String>) {
    let mut names = vec![asked.clone()];
    let mut aliases = Vec::new();
    if record == RecordType::CNAME {
        return (names, aliases);
    }
    // Each step leads to a name that was not seen yet, so it ends.
    while let Some(next) = answer.answers.iter().find_map(|record| match &record.data {
        RData::CNAME(target)
            if names.last() == Some(&record.name) && !names.contains(&target.0) =>
        {
            Some(target.0.clone())
        }
        _ => None,
    }) {
        aliases.push(next.to_string().to_ascii_lowercase());
        names.push(next);
    }
    (names, aliases)
}

/// Names have no case, so two servers agree whichever they write.
fn text(data: &RData) -> String {
    match data {
        RData::TXT(_) | RData::CAA(_) => data.to_string(),
        _ => data.to_string().to_ascii_lowercase(),
    }
}

/// The code by the name that every other tool has for it.
fn rcode(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::NotAuth => "NOTAUTH".to_owned(),
        other => format!("RCODE{}", u16::from(other)),
    }
}
