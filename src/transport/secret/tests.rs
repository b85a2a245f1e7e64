use rstest::rstest;

use super::*;

fn scrub(secrets: &[&str], text: &str) -> String {
    let mut known = Secrets::default();
    for (number, secret) in secrets.iter().enumerate() {
        let reference = SecretRef::Env(format!("SECRET{number}"));
        known.insert(reference, SecretString::from(*secret));
    }
    known.scrub(text)
}

#[test]
fn what_a_host_told_is_hidden_as_well() {
    let known = Secrets::default();
    known.meet(SecretString::from("hunter22"));
    known.meet(SecretString::from("hunter22"));
    assert_eq!(known.scrub("pass hunter22"), "pass ***");
}

#[rstest]
#[case::plain("hunter22", "pass hunter22, hunter22", "pass ***, ***")]
#[case::too_short("abc", "abc", "abc")]
#[case::empty("", "abc", "abc")]
// hunter22
#[case::base64("hunter22", "x=aHVudGVyMjI= y", "x=***= y")]
// me:hunter22 and you:hunter22 and user:hunter22, as a login of HTTP is sent
#[case::login_of_two("hunter22", "Basic bWU6aHVudGVyMjI=", "Basic bWU6***=")]
#[case::login_of_three("hunter22", "Basic eW91Omh1bnRlcjIy", "Basic eW91O***")]
#[case::login_of_four("hunter22", "Basic dXNlcjpodW50ZXIyMg==", "Basic dXNlcj***==")]
// hunter22\n
#[case::base64_with_more("hunter22", "aHVudGVyMjIK", "***K")]
#[case::base64_of_addresses("a?>b?>c?>", "YT8-Yj8-Yz8-", "***")]
#[case::percent("p@ss/w%rd", "?p=p%40ss%2fw%25rd&x=1", "?p=***&x=1")]
#[case::percent_all("abcd", "%61%62%63%64", "***")]
#[case::form("two words", "p=two+words", "p=***")]
#[case::percent_letters("käse", "p=k%C3%A4se", "p=***")]
#[case::not_the_same("p@ss", "p%41ss p%4", "p%41ss p%4")]
#[case::json("say \"hi\"\\", r#"{"a":"say \"hi\"\\"}"#, r#"{"a":"***"}"#)]
#[case::json_letters("käse", r"k\u00e4se k\u00E4se", "*** ***")]
#[case::json_pairs("ab😀cd", r"ab\ud83d\ude00cd", "***")]
#[case::json_line("one\ntwo", r"one\ntwo", "***")]
#[case::cut_escapes("käse", r"k\u00 k%C", r"k\u00 k%C")]
#[case::folded("hunter22", "x\nhun\r\n\tter2\n2\ny", "x\n***\ny")]
#[case::folded_base64("hunter22", "aHVu\ndGVy\nMjI=\n", "***=\n")]
#[case::folded_login(
    "hunter22",
    "Basic dXNlcjp\r\n odW50ZXIyMg==",
    "Basic dXNlcjp\r\n ***=="
)]
#[case::folded_by_blanks("hunter22", "hun ter2  2", "***")]
#[case::short_and_folded("1234", "12\n34 but 12 34", "*** but 12 34")]
#[case::lines("one\ntwo", "a one\ntwo b one \ntwo", "a *** b one \ntwo")]
#[case::letters_between("käse", "k\\ä%ä k%ää", "k\\ä%ä k%ää")]
fn every_spelling_is_hidden(#[case] secret: &str, #[case] text: &str, #[case] expected: &str) {
    assert_eq!(scrub(&[secret], text), expected);
}

#[test]
fn the_longer_secret_goes_first() {
    assert_eq!(scrub(&["word", "password"], "password word"), "*** ***");
}
