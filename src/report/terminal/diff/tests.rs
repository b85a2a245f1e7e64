use jiff::tz::TimeZone;
use rstest::rstest;

use super::*;
use crate::report::{fixture, json};
use crate::scorecard::{Reading, difference};

fn style(width: usize) -> Style {
    Style {
        width,
        color: false,
        verbose: false,
        ascii: false,
        zone: TimeZone::UTC,
    }
}

fn reading(card: &crate::scorecard::Scorecard) -> Reading {
    Reading::of(&json(card)).expect("a card")
}

#[rstest]
fn differences_read_as_agreed(#[values(40, 80)] columns: usize) {
    let old = fixture::green().card();
    let mut new = fixture::blocked().card();
    new.baseline.digest = "0".to_owned();
    new.hosts.clone_from(&old.hosts);
    new.hosts[0].boot_id = Some("another".to_owned());
    let found = difference(("run 4", &reading(&old)), ("run 5", &reading(&new)));
    let shown = diff(&found, &style(columns));
    insta::assert_snapshot!(format!("broken_{columns}"), shown);
    let back = difference(("run 5", &reading(&new)), ("run 6", &reading(&old)));
    insta::assert_snapshot!(format!("repaired_{columns}"), diff(&back, &style(columns)));
}

#[test]
fn what_is_the_same_is_said_to_be() {
    let card = reading(&fixture::green().card());
    let found = difference(("run 4", &card), ("run 5", &card));
    let shown = diff(&found, &style(80));
    assert!(
        shown.ends_with("\nEvery gate and check came to the same.\n"),
        "{shown}"
    );
}

/// What a host said is as harmless here as on a card.
#[test]
fn hostile_text_does_nothing_here_either() {
    let green = fixture::green().card();
    let mut hostile = fixture::degraded().card();
    for check in hostile
        .phases
        .iter_mut()
        .flat_map(|phase| &mut phase.checks)
    {
        for finding in &mut check.findings {
            finding.seen = "\u{1b}[2Jgone\u{202e}".to_owned();
            finding.held = Some(false);
        }
    }
    let found = difference(("a", &reading(&green)), ("b", &reading(&hostile)));
    let ascii = Style {
        ascii: true,
        ..style(80)
    };
    let shown = diff(&found, &ascii);
    assert!(shown.contains("\\u{1b}[2Jgone"), "{shown}");
    assert!(shown.is_ascii(), "{shown}");
}
