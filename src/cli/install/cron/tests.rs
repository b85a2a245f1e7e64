use rstest::rstest;

use super::*;

const BLOCK: &str = "# BEGIN coldstart monitor\n*/10 * * * * new\n# END coldstart monitor\n";

#[rstest]
#[case::empty("")]
#[case::jobs("MAILTO=\"\"\n5 4 * * * a\n\n\n# a comment")]
#[case::another_monitor("# BEGIN coldstart other\n0 0 * * * b\n# END coldstart other\n")]
#[case::not_utf8("0 0 * * * \u{fffd}\r\n \t\n")]
fn it_goes_in_once_and_comes_out_whole(#[case] old: &str) {
    let old = if old.is_empty() || old.ends_with('\n') {
        old.as_bytes().to_owned()
    } else {
        [old.as_bytes(), b" \xff\n"].concat()
    };
    let new = with(&old, "monitor", BLOCK).expect("a crontab");
    assert_eq!(new, [&old[..], BLOCK.as_bytes()].concat());
    assert_eq!(with(&new, "monitor", BLOCK).as_ref(), Ok(&new));
    assert_eq!(without(&new, "monitor"), Ok(Some(old.clone())));
    assert_eq!(without(&old, "monitor"), Ok(None));
}

#[test]
fn it_is_changed_where_it_stands() {
    let old = format!("a\n{}b\n", BLOCK.replace("new", "old"));
    let expected = format!("a\n{BLOCK}b\n");
    let new = with(old.as_bytes(), "monitor", BLOCK);
    assert_eq!(new, Ok(expected.into_bytes()));
    assert_eq!(
        without(old.as_bytes(), "monitor"),
        Ok(Some(b"a\nb\n".to_vec()))
    );
}

#[test]
fn a_last_line_without_an_end_gets_one() {
    let new = with(b"a", "monitor", BLOCK).expect("a crontab");
    assert_eq!(new, format!("a\n{BLOCK}").into_bytes());
}

#[rstest]
#[case("# BEGIN coldstart monitor\na\n")]
#[case("a\n# END coldstart monitor\n")]
#[case("# END coldstart monitor\n# BEGIN coldstart monitor\n")]
#[case("# BEGIN coldstart monitor\n# BEGIN coldstart monitor\n# END coldstart monitor\n")]
fn torn_marks_are_left_to_their_owner(#[case] old: &str) {
    assert!(with(old.as_bytes(), "monitor", BLOCK).is_err());
    assert!(without(old.as_bytes(), "monitor").is_err());
}

#[rstest]
#[case(Every::Minutes(1), "* * * * *")]
#[case(Every::Minutes(10), "*/10 * * * *")]
#[case(Every::Hours(1), "0 * * * *")]
#[case(Every::Hours(6), "0 */6 * * *")]
#[case(Every::Hours(24), "0 0 * * *")]
fn periods(#[case] every: Every, #[case] expected: &str) {
    assert_eq!(times(every), expected);
}

/// As a shell reads them.
#[rstest]
#[case("plain-path_1.prom")]
#[case("")]
#[case("a b")]
#[case("it's $HOME `id` \"x\" \\ 資料 *")]
fn words_reach_the_program_as_they_are(#[case] word: &str) {
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("printf %s {}", quoted(word))])
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8_lossy(&output.stdout), word);
}

fn monitor(word: &str) -> Monitor {
    Monitor {
        plan: std::sync::Arc::new(
            crate::cli::input::read(None, &[])
                .plan
                .expect("the built-in baseline"),
        ),
        command: vec!["/bin/coldstart".to_owned(), word.to_owned()],
        folders: Vec::new(),
        deadline: std::time::Duration::from_secs(480),
    }
}

#[test]
fn percent_signs_are_no_line_ends() {
    let arguments = super::super::tests::installation(&[]);
    let block = block(&arguments, &monitor("50%'%")).expect("a block");
    let line = block.lines().nth(1).expect("a job");
    assert_eq!(line, "*/10 * * * * /bin/coldstart '50\\%'\\''\\%'");
}

#[test]
fn a_line_that_cron_would_cut_off_is_refused() {
    let arguments = super::super::tests::installation(&[]);
    let told = block(&arguments, &monitor(&"x".repeat(1_000))).err();
    let expected =
        "the command has 1015 bytes, and cron runs 998 at most: use shorter paths".to_owned();
    assert_eq!(told, Some(expected));
}
