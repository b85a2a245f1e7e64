use jiff::tz::{TimeZone, offset};
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::report::fixture::{self, Script, Told};
use crate::scorecard::{Ending, Fault, FaultKind, Held};

fn style(width: usize) -> Style {
    Style {
        width,
        color: false,
        verbose: false,
        ascii: false,
        zone: TimeZone::fixed(offset(8)),
    }
}

#[rstest]
fn cards_read_as_agreed(#[values(40, 80, 140)] width: usize, #[values(false, true)] verbose: bool) {
    for (name, script) in fixture::all() {
        let shown = card(
            &script.card(),
            &Style {
                verbose,
                ..style(width)
            },
        );
        let mode = if verbose { "_verbose" } else { "" };
        insta::assert_snapshot!(format!("{name}_{width}{mode}"), shown);
    }
}

#[test]
fn colour_marks_verdicts_and_nothing_else() {
    for (name, script) in fixture::all() {
        let colored = Style {
            color: true,
            ..style(80)
        };
        let shown = card(&script.card(), &colored);
        let visible = shown.replace('\u{1b}', "\\e");
        insta::assert_snapshot!(format!("{name}_80_color"), visible);
        assert_eq!(without_color(&shown), card(&script.card(), &style(80)));
    }
}

fn without_color(text: &str) -> String {
    let mut plain = String::new();
    let mut parts = text.split("\u{1b}[");
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

#[test]
fn ascii_cards_have_none_of_our_own_signs_beyond_it() {
    let ascii = Style {
        ascii: true,
        ..style(80)
    };
    let shown = card(&fixture::check_failed().card(), &ascii);
    let header = shown.lines().next().unwrap_or_default();
    assert!(header.is_ascii(), "{header}");
}

#[rstest]
#[case(fixture::green(), "PASS=5 WARN=0 BLOCKED=0\nResult: GREEN\n")]
#[case(fixture::degraded(), "PASS=6 WARN=3 BLOCKED=0\nResult: DEGRADED\n")]
#[case(
    fixture::blocked(),
    "NOT_EVALUATED=7 SKIPPED=2\nPASS=2 WARN=2 BLOCKED=3\nResult: BLOCKED at P0-NETWORK (fix ssh@k3s120 first)\n"
)]
#[case(
    fixture::check_failed(),
    "NOT_EVALUATED=5\nPASS=2 WARN=0 BLOCKED=0\nResult: CHECK_FAILED (the run's deadline of 300 s struck)\n"
)]
fn the_last_lines_are_totals_and_result(#[case] script: Script, #[case] last: &str) {
    let shown = card(&script.card(), &style(80));
    assert!(shown.ends_with(&format!("\n\n{last}")), "{shown}");
}

#[test]
fn hostile_text_cannot_forge_a_line() {
    let shown = card(&fixture::degraded().card(), &style(80));
    let results = shown.lines().filter(|line| line.starts_with("Result:"));
    assert_eq!(results.collect::<Vec<_>>(), ["Result: DEGRADED"]);
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
        "{shown}"
    );
}

fn verdict() -> impl Strategy<Value = Told> {
    let words = "[ -~資料庫，。é\u{301}\u{1b}\n\u{202e}]{0,90}";
    prop_oneof![
        words.prop_map(|text| fixture::pass(3, &[("text", text.as_str().into())])),
        (words, words).prop_map(|(expected, seen)| fixture::unmet(
            Verdict::Warn,
            &expected,
            &seen,
            &[]
        )),
        (words, words).prop_map(|(expected, seen)| fixture::unmet(
            Verdict::Blocked,
            &expected,
            &seen,
            &[]
        )),
        words.prop_map(|seen| fixture::fault(
            Verdict::Blocked,
            "an answer",
            Fault::new(FaultKind::Closed, seen)
        )),
        words.prop_map(Told::Skipped),
        any::<bool>().prop_map(|unfinished| Told::Held(Held::Deadline, unfinished)),
        Just(fixture::held("P0")),
    ]
}

prop_compose! {
    fn script()(
        checks in prop::collection::vec(
            ("[a-z]{1,12}(-[a-z]{1,8})?", "[ -~檢查]{0,40}", 0..4_usize, verdict()),
            1..24,
        ),
        deadline in any::<bool>(),
        keep_going in any::<bool>(),
    ) -> Script {
        let mut script = Script::new();
        for phase in 0..4 {
            let needs: Vec<usize> = (0..phase).collect();
            script = script.phase(&format!("P{phase}-PHASE"), "標題 of a phase", &needs);
            for (place, (id, title, home, told)) in checks.iter().enumerate() {
                if *home == phase {
                    let id = format!("{id}{place}@host{home}");
                    script = script.check(fixture::check(&id, "tcp", title), told.clone());
                }
            }
        }
        if keep_going {
            script = script.keep_going();
        }
        if deadline {
            script = script.ending(Ending::Interrupted);
        }
        script
    }
}

proptest! {
    #[test]
    fn every_check_is_told_and_no_line_is_too_wide(
        script in script(),
        width in 32..160_usize,
        verbose in any::<bool>(),
    ) {
        let made = script.card();
        let shown = card(&made, &Style { verbose, ..style(width) });
        let longest = made
            .checks()
            .map(|check| check.id.as_str())
            .chain(made.phases.iter().map(|phase| phase.id.as_str()))
            .map(layout::width)
            .max()
            .unwrap_or(0);
        for line in shown.lines() {
            // A comma or colon stays with the id before it.
            prop_assert!(
                layout::width(line) <= width.max(longest + 1),
                "{} columns: {line:?}", layout::width(line)
            );
            prop_assert_eq!(line, line.trim_end());
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        }
        let document = crate::report::json(&made);
        for check in made.checks() {
            if verbose {
                prop_assert!(shown.contains(&check.id), "{} is missing:\n{shown}", check.id);
            }
            let entry = format!("\"id\": \"{}\"", check.id);
            prop_assert!(document.contains(&entry), "{} is missing", check.id);
        }
        let last: Vec<&str> = shown.lines().collect();
        prop_assert!(last.iter().any(|line| line.starts_with("Result: ")));
    }
}

#[test]
fn what_has_booted_since_the_last_green_stands_above_all() {
    let mut script = fixture::green();
    script.planned.last_green = None;
    let before = script.card();
    let boots = |boot: &str| {
        let hosts = before.hosts.iter();
        hosts
            .map(|host| (host.id.clone(), boot.to_owned()))
            .collect()
    };
    script.planned.last_green = Some(crate::scorecard::LastGreen {
        at: before.started_at,
        boots: boots("another"),
    });
    let shown = card(&script.card(), &style(80));
    let told = "\nbooted since the last GREEN of 2026-06-05 18:55:04 +08:00: data188";
    assert!(shown.contains(told), "{shown}");
    assert!(
        shown.lines().all(|line| layout::width(line) <= 80),
        "{shown}"
    );
    // The same boots, or none that are known: nothing to tell.
    let same = before.hosts.iter().filter_map(|host| {
        let boot = host.boot_id.clone()?;
        Some((host.id.clone(), boot))
    });
    for boots in [same.collect(), std::collections::BTreeMap::new()] {
        script.planned.last_green = Some(crate::scorecard::LastGreen {
            at: before.started_at,
            boots,
        });
        assert_eq!(card(&script.card(), &style(80)), card(&before, &style(80)));
    }
}

#[test]
fn a_restart_in_the_middle_is_told_beside_what_is_blocked() {
    let ending = Ending::Disrupted(vec!["data188".to_owned()]);
    let shown = card(
        &fixture::blocked().ending(ending.clone()).card(),
        &style(80),
    );
    let told = "\nrebooted, or not to be reached any more, in the middle of the run: data188\n";
    assert!(shown.contains(told), "{shown}");
    let shown = card(&fixture::green().ending(ending).card(), &style(80));
    assert!(!shown.contains(told), "{shown}");
    let why = "(data188 rebooted (or its connection was lost)";
    assert!(shown.contains(why), "{shown}");
}
