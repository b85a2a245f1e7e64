use rstest::rstest;

use super::*;

#[rstest]
#[case("/usr/bin/coldstart", "/usr/bin/coldstart")]
#[case("a b", "\"a b\"")]
#[case("50%", "50%%")]
#[case("$HOME", "$$HOME")]
#[case("a\"b\\c", "\"a\\\"b\\\\c\"")]
#[case("資料", "\"資料\"")]
#[case("", "\"\"")]
fn words(#[case] word: &str, #[case] expected: &str) {
    assert_eq!(quoted(word), expected);
}
