use rstest::rstest;

use super::*;

#[rstest]
#[case(None, false, "POST http://192.0.2.1/hook (alert test)")]
#[case(
    Some("coldstart-1"),
    true,
    "POST http://192.0.2.1/hook [authorization: ***] (alert test coldstart-1)"
)]
fn the_line_tells_that_it_is_a_test(
    #[case] id: Option<&str>,
    #[case] authorized: bool,
    #[case] line: &str,
) {
    let url = "http://192.0.2.1/hook".parse().expect("an address");
    assert_eq!(request_line(&url, id, authorized), line);
}

#[rstest]
#[case(199, false)]
#[case(200, true)]
#[case(202, true)]
#[case(299, true)]
#[case(300, false)]
#[case(401, false)]
#[case(500, false)]
fn only_2xx_is_accepted(#[case] status: u16, #[case] accepted: bool) {
    let answer = Answer {
        status,
        redirected_to: None,
        body: Vec::new(),
        answered_in: Duration::ZERO,
    };
    assert_eq!(answer.is_accepted(), accepted);
}

#[rstest]
#[case("ColdStartE2ETest", true)]
#[case("_a-1", true)]
#[case("", false)]
#[case("1a", false)]
#[case("-a", false)]
#[case("a b", false)]
#[case("a\"b", false)]
#[case("übung", false)]
fn names_of_alerts(#[case] text: &str, #[case] is_one: bool) {
    assert_eq!(AlertName::try_from(text.to_owned()).is_ok(), is_one);
    let long = "a".repeat(65);
    assert!(AlertName::try_from(long[..64].to_owned()).is_ok());
    assert!(AlertName::try_from(long).is_err());
}
