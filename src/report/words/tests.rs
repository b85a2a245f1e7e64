use super::*;
use crate::report::fixture::{self, Script, check, pass, unmet};

/// A phase in which one check passes and one warns, of which `waiver` is.
fn script(waiver: &str) -> Script {
    Script::new()
        .phase("P0", "", &[])
        .check(check("a@one", "tcp", "it answers"), pass(1, &[]))
        .phase("P1", "", &[])
        .check(check("a@two", "tcp", "it answers"), pass(1, &[]))
        .check(
            check("b", "tcp", "it answers"),
            unmet(Verdict::Warn, "x", "y", &[]),
        )
        .waiver(waiver, "it is known", 40 * 86_400)
}

#[test]
fn the_result_tells_what_is_accepted() {
    assert_eq!(result(&script("c").card()), "DEGRADED");
    assert_eq!(result(&script("b").card()), "GREEN with 1 accepted");
    let left_out = script("b").check(
        check("c", "tcp", "it answers"),
        fixture::Told::Skipped("--skip c".to_owned()),
    );
    assert_eq!(
        result(&left_out.card()),
        "GREEN with 1 accepted (1 check left out)"
    );
}

#[test]
fn a_phase_without_a_pass_is_green_by_waivers_and_a_run_is_not() {
    let card = script("c@x")
        .phase("P2", "", &[])
        .check(
            check("c@x", "tcp", "it answers"),
            unmet(Verdict::Warn, "x", "y", &[]),
        )
        .waiver("b", "it is known", 40 * 86_400)
        .card();
    assert_eq!(result(&card), "GREEN with 2 accepted");
    let alone = Script::new()
        .phase("P1", "", &[])
        .check(
            check("b", "tcp", "it answers"),
            unmet(Verdict::Warn, "x", "y", &[]),
        )
        .waiver("b", "it is known", 40 * 86_400);
    assert_eq!(
        result(&alone.card()),
        "DEGRADED with 1 accepted (nothing passes)"
    );
}

#[test]
fn an_accepted_check_tells_by_whom_and_until_when() {
    let card = script("b").card();
    let (_, accepted) = card.check("b").expect("it is there");
    assert_eq!(label(accepted), "ACCEPTED");
    assert_eq!(
        reason(&card, accepted).as_deref(),
        Some("accepted by ogt until 2026-07-15T10:55:04Z: it is known")
    );
    assert_eq!(waivers(&card), Vec::<String>::new());
    let (_, other) = card.check("a@one").expect("it is there");
    assert_eq!((label(other), reason(&card, other)), ("PASS", None));
}

#[test]
fn hosts_that_do_not_need_a_waiver_for_all_are_told_only_if_none_does() {
    assert_eq!(waivers(&script("a").card()).len(), 2);
    let card = script("a")
        .check(
            check("a@three", "tcp", "it answers"),
            unmet(Verdict::Warn, "x", "y", &[]),
        )
        .card();
    assert_eq!(waivers(&card), Vec::<String>::new());
}

#[test]
fn what_an_expired_waiver_was_for_warns_again() {
    let card = script("c").waiver("b", "it is known", 10).card();
    assert_eq!(
        waivers(&card)[1],
        "b: the waiver by ogt has expired since 2026-06-05T10:55:14Z: it warns again"
    );
}

#[test]
fn a_test_alert_is_no_reading() {
    let of = |sent: Option<bool>| {
        let facts: Vec<_> = sent.map(|sent| ("sent", sent.into())).into_iter().collect();
        let told = unmet(Verdict::Warn, "arrival", "none", &facts);
        let test = check("chain", "alert_test", "a test alert arrives");
        manner(&script("b").check(test, told).card())
    };
    assert_eq!(of(Some(true)), "read-only but for 1 test alert");
    assert_eq!(of(Some(false)), "read-only");
    assert_eq!(of(None), "read-only but for 1 test alert", "nobody knows");
    assert_eq!(manner(&script("b").card()), "read-only");
}
