use hickory_proto::op::MessageType;
use hickory_proto::rr::RData;
use rstest::rstest;

use super::*;

#[rstest]
#[case("db.lan", "A", Ok("A db.lan."))]
#[case("db.lan.", "A", Ok("A db.lan."))]
#[case("_ldap._tcp.lan", "SRV", Ok("SRV _ldap._tcp.lan."))]
#[case(".", "NS", Ok("NS ."))]
#[case("192.0.2.1", "PTR", Ok("PTR 1.2.0.192.in-addr.arpa."))]
#[case(
    "192.0.2.1",
    "A",
    Err("192.0.2.1 is an address, which has no A records")
)]
#[case("db.lan", "B", Err("B is not a type of records"))]
#[case("", "A", Err("\"\" is not a name"))]
#[case("a b", "A", Err("\"a b\" is not a name"))]
#[case("a..b", "A", Err("\"a..b\" is not a name"))]
fn questions(#[case] name: &str, #[case] record: &str, #[case] expected: Result<&str, &str>) {
    match (Question::new(name, record), expected) {
        (Ok(question), Ok(text)) => assert_eq!(question.to_string(), text),
        (Err(message), Err(text)) => assert!(message.starts_with(text), "{message}"),
        (seen, expected) => panic!("{seen:?}, not {expected:?}"),
    }
}

#[test]
fn a_label_is_not_too_long() {
    assert!(Question::new(&format!("{}.lan", "a".repeat(64)), "A").is_err());
    assert!(Question::new(&"a.".repeat(200), "A").is_err());
}

#[rstest]
#[case("nameserver 192.0.2.1\n", &["192.0.2.1:53"])]
#[case("# nameserver 192.0.2.9\nsearch lan\n nameserver\t::1 \noptions edns0\n", &["[::1]:53"])]
#[case("nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4\n",
    &["1.1.1.1:53", "2.2.2.2:53", "3.3.3.3:53"])]
#[case("nameserver\nnameservers 192.0.2.1\n\0\u{fffd}", &[])]
fn servers_of_the_system(#[case] text: &str, #[case] expected: &[&str]) {
    let servers: Vec<String> = nameservers(text).iter().map(Server::to_string).collect();
    assert_eq!(servers, expected);
}

/// Every byte of an answer changed in turn, and every length of it, gives an
/// answer or a fault: no panic, no loop.
#[test]
fn damaged_answers_are_read_or_refused() {
    let question = Question::new("alias.test", "A").expect("a question");
    let message = question.message();
    let mut answer = message.clone();
    answer.metadata.message_type = MessageType::Response;
    for (owner, target) in [("alias.test.", "a.test."), ("a.test.", "alias.test.")] {
        let target = Name::from_ascii(target).expect("a name");
        let owner = Name::from_ascii(owner).expect("a name");
        let data = RData::CNAME(hickory_proto::rr::rdata::CNAME(target));
        answer.add_answer(hickory_proto::rr::Record::from_rdata(owner, 9, data));
    }
    let bytes = answer.to_vec().expect("bytes");
    let whole = read(&bytes, &message, Duration::ZERO).expect("an answer");
    assert_eq!(whole.aliases, ["a.test."], "the circle is followed once");
    assert_eq!(whole.records, [""; 0]);
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length], &message, Duration::ZERO).is_err());
    }
    for place in 0..bytes.len() {
        for value in 0..=u8::MAX {
            let mut damaged = bytes.clone();
            damaged[place] = value;
            drop(read(&damaged, &message, Duration::ZERO));
        }
    }
}
