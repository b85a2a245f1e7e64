use jiff::tz::{TimeZone, offset};
use rstest::rstest;

use super::*;
use crate::report::fixture::{self, Script};
use crate::report::terminal::Style;
use crate::report::terminal::layout::width;
use crate::scorecard::{ConnectionKey, Ending, Fault, FaultKind, OwnNetwork};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_656_904 + seconds).expect("a time")
}

fn zone() -> TimeZone {
    TimeZone::fixed(offset(8))
}

fn style(ascii: bool) -> Style {
    Style {
        width: 80,
        color: false,
        verbose: false,
        ascii,
        zone: zone(),
    }
}

fn card(script: &Script, seconds: i64) -> Scorecard {
    let mut card = script.card();
    card.finished_at = at(seconds);
    for phase in &mut card.phases {
        for check in &mut phase.checks {
            check.observed_at = check.observed_at.map(|_| at(seconds));
        }
    }
    card
}

/// A watch whose attempts came to these cards, a minute after one another.
fn watched(scripts: &[Script]) -> Watched {
    let planned = scripts[0].planned.clone();
    let mut watched = Watched::new(planned, 30).hearing_keys(true);
    for (attempt, script) in (1_u32..).zip(scripts) {
        let end = i64::from(attempt) * 60;
        watched.attempt(attempt, at(end - 10));
        let pause = Some(Duration::from_secs(60));
        watched.card(&card(script, end), at(end), pause, "→");
    }
    watched
}

fn told(watched: &Watched) -> String {
    lines(watched, &zone()).join("\n")
}

fn shown(watched: &Watched, seconds: i64, columns: usize, rows: usize) -> String {
    let lines = screen(watched, at(seconds), Size { columns, rows }, &style(false));
    assert!(lines.len() <= rows, "{lines:#?}");
    for line in &lines {
        assert!(width(line) <= columns, "{line}");
    }
    lines.join("\n")
}

/// All hosts are silent at once.
fn own_network() -> Scorecard {
    let mut card = fixture::blocked().card();
    let check = card.first_blocked.as_ref().expect("one").check.clone();
    for phase in &mut card.phases {
        for found in phase.checks.iter_mut().filter(|found| found.id == check) {
            let fault = Fault::new(FaultKind::Unreachable, "network is unreachable");
            found.fault = Some(fault.on_connection(ConnectionKey::address("192.168.0.120")));
        }
    }
    card.own_network = Some(OwnNetwork {
        check,
        addresses: vec!["192.168.0.120".to_owned(), "192.168.0.188".to_owned()],
    });
    card
}

#[test]
fn a_pipe_gets_a_line_for_each_attempt_and_each_change() {
    let mut all = String::new();
    let scripts = [
        fixture::blocked(),
        fixture::blocked(),
        fixture::degraded(),
        fixture::green(),
    ];
    for attempts in 1..=scripts.len() {
        all += &told(&watched(&scripts[..attempts]));
        all += "\n";
    }
    insta::assert_snapshot!(all);
}

#[rstest]
#[case("waiting_80", 75, 80, 24)]
#[case("waiting_40", 75, 40, 24)]
#[case("waiting_140", 75, 140, 40)]
#[case("waiting_small", 75, 20, 8)]
fn the_screen_between_attempts(
    #[case] name: &str,
    #[case] seconds: i64,
    #[case] columns: usize,
    #[case] rows: usize,
) {
    let watched = watched(&[fixture::blocked()]);
    insta::assert_snapshot!(name, shown(&watched, seconds, columns, rows));
}

/// What warns keeps the card from GREEN, and the watch goes on: it has to be named.
#[test]
fn a_warning_is_named_where_nothing_is_blocked() {
    let watched = watched(&[fixture::degraded()]);
    let card = fixture::degraded().card();
    let mut warning = card
        .checks()
        .filter(|check| check.verdict == Verdict::Warn && check.accepted.is_none());
    let id = &warning.next().expect("a warning").id;
    let pipe = told(&watched);
    assert!(pipe.contains(&format!(" {id}: ")), "{pipe}");
    let screen = shown(&watched, 75, 80, 40);
    assert!(screen.contains(&format!("WARN       {id}")), "{screen}");
}

#[test]
fn the_screen_in_an_attempt() {
    let mut watched = watched(&[fixture::blocked(), fixture::degraded()]);
    watched.remember(Remembered {
        blocked_since: HashMap::new(),
        usual_run: Some(Duration::from_secs(200)),
        usual_phases: [("P0-NETWORK".to_owned(), Duration::from_secs(30))].into(),
    });
    watched.attempt(3, at(180));
    let begun = |check| Event::CheckStarted { check, attempt: 1 };
    watched.event(&Event::PhaseStarted { phase: 0 }, at(180));
    for check in 0..3 {
        watched.event(&begun(check), at(181));
    }
    watched.event(
        &Event::CheckStarted {
            check: 0,
            attempt: 2,
        },
        at(190),
    );
    let skipped = Event::CheckSkipped {
        check: 2,
        why: "the test".to_owned(),
    };
    watched.event(&skipped, at(191));
    insta::assert_snapshot!(shown(&watched, 200, 80, 24));
    watched.end();
    assert!(shown(&watched, 200, 80, 24).contains("\nending; once more ends at once\n"));
}

#[test]
fn the_own_network_is_told_and_nothing_else() {
    let mut watched = watched(&[fixture::blocked()]);
    watched.attempt(2, at(110));
    let mut card = own_network();
    card.finished_at = at(120);
    let pause = Some(Duration::from_secs(60));
    watched.card(&card, at(120), pause, "→");
    insta::assert_snapshot!("own_network_line", told(&watched));
    insta::assert_snapshot!("own_network_screen", shown(&watched, 130, 80, 24));
    // What comes after is told against what was known before.
    watched.attempt(3, at(170));
    let after = super::tests::card(&fixture::blocked(), 180);
    watched.card(&after, at(180), pause, "→");
    assert_eq!(told(&watched).lines().count(), 2, "{}", told(&watched));
}

#[test]
fn a_restart_in_the_middle_is_told_with_what_follows() {
    let ending = Ending::Disrupted(vec!["data188".to_owned()]);
    let script = fixture::green().ending(ending);
    let mut watched = Watched::new(script.planned.clone(), 30);
    watched.attempt(1, at(0));
    watched.card(&card(&script, 10), at(10), Some(Duration::ZERO), "→");
    insta::assert_snapshot!(told(&watched));
    let screen = shown(&watched, 10, 80, 24);
    assert!(
        screen.contains("the next attempt begins at once"),
        "{screen}"
    );
    assert!(screen.contains("Ctrl-C ends"), "{screen}");
}

#[test]
fn how_long_a_check_is_blocked_is_what_state_remembers_else_what_was_seen_here() {
    let mut watched = watched(&[fixture::blocked(), fixture::blocked()]);
    let first = fixture::blocked().card().first_blocked.expect("one").check;
    let seen = watched.blocked_since(&first).expect("blocked");
    watched.remember(Remembered {
        blocked_since: [(first.clone(), at(-3_000))].into(),
        ..Remembered::default()
    });
    assert_eq!(watched.blocked_since(&first), Some(at(-3_000)));
    watched.remember(Remembered::default());
    assert_eq!(watched.blocked_since(&first), Some(seen));
    watched.attempt(3, at(170));
    let pause = Some(Duration::from_secs(60));
    watched.card(&card(&fixture::green(), 180), at(180), pause, "→");
    assert_eq!(watched.blocked_since(&first), None);
}

#[test]
fn ascii_is_ascii() {
    let mut script = fixture::blocked();
    for check in &mut script.planned.checks {
        check.title = "a title".to_owned();
        check.remedy = None;
    }
    for phase in &mut script.planned.phases {
        phase.title = None;
    }
    let mut watched = Watched::new(script.planned.clone(), 30);
    for (attempt, script) in [(1, &script), (2, &fixture::green())] {
        watched.attempt(attempt, at(0));
        watched.card(&card(script, 10), at(10), None, "->");
    }
    let size = Size {
        columns: 80,
        rows: 24,
    };
    let lines = screen(&watched, at(11), size, &style(true));
    assert!(lines.iter().all(|line| line.is_ascii()), "{lines:#?}");
}

/// A card for scripts, a clock and a size may come in any state.
#[test]
fn nothing_has_to_have_happened() {
    let watched = Watched::new(fixture::green().planned, 1);
    assert_eq!(told(&watched), "");
    assert!(!shown(&watched, 0, 80, 24).is_empty());
    assert_eq!(shown(&watched, 0, 0, 0), "");
}
