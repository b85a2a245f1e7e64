use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use rstest::rstest;

use super::*;
use crate::report::fixture::{self, HOSTILE};

fn events(text: &str) -> Vec<Event<'_>> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_MATH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS;
    Parser::new_ext(text, options).collect()
}

/// What a reader sees, without the marks.
fn read(text: &str) -> String {
    events(text)
        .into_iter()
        .map(|event| match event {
            Event::Text(text) | Event::Code(text) => text.into_string(),
            _ => String::new(),
        })
        .collect()
}

#[rstest]
#[case(HOSTILE)]
#[case("`")]
#[case("``` a ```")]
#[case(" b ")]
#[case("1. c")]
#[case("~~d~~ __e__ $f$ ==g== [^1] [ ] !h &copy; <br>")]
fn text_and_code_come_back_as_they_were(#[case] text: &str) {
    let expected = harmless(text);
    assert_eq!(
        read(&format!("- next: {}\n", inline(text))),
        format!("next: {expected}").trim_end()
    );
    assert_eq!(
        read(&format!("- saw {}\n", code(text))),
        format!("saw {expected}")
    );
}

proptest! {
    #[test]
    fn any_text_comes_back_as_it_was(text in "[ -~資]{0,40}") {
        // A parser drops spaces at the end of a line.
        let text = harmless(text.trim()).into_owned();
        let (saw, next) = (format!("saw {text}"), format!("next: {text}"));
        let read_saw = read(&format!("- saw {}\n", code(&text)));
        prop_assert_eq!(read_saw.trim_end(), saw.trim_end());
        let read_next = read(&format!("- next: {}\n", inline(&text)));
        prop_assert_eq!(read_next.trim_end(), next.trim_end());
    }
}

#[test]
fn no_card_brings_html_links_or_images_along() {
    for (name, script) in fixture::all() {
        let text = markdown(&script.card(), &TimeZone::UTC);
        for event in events(&text) {
            match event {
                Event::Html(_) | Event::InlineHtml(_) => panic!("{name}: {event:?}"),
                Event::Start(Tag::Image { .. }) => panic!("{name}: {event:?}"),
                Event::Start(Tag::Link { dest_url, .. }) => {
                    assert!(dest_url.starts_with("https://wiki."), "{name}: {dest_url}");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn every_phase_is_a_row_and_every_check_an_item() {
    for (name, script) in fixture::all() {
        let card = script.card();
        let text = markdown(&card, &TimeZone::UTC);
        let rows = events(&text)
            .iter()
            .filter(|event| matches!(event, Event::End(TagEnd::TableRow)))
            .count();
        assert_eq!(rows, card.phases.len() + 1, "{name}");
        let shown = read(&text);
        for check in card.checks() {
            assert!(shown.contains(&check.id), "{name}: {}", check.id);
            let title = harmless(&check.title);
            assert!(shown.contains(title.trim()), "{name}: {title}");
        }
        insta::assert_snapshot!(name, text);
    }
}
