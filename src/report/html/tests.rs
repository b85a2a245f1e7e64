use html5gum::{Token, Tokenizer};
use jiff::tz::TimeZone;
use roxmltree::{Document, Node, ParsingOptions};

use super::*;
use crate::report::fixture::{self, HOSTILE};
use crate::report::harmless;

/// Tags, attributes and text, as a sequence.
type Seen = Vec<String>;

fn word(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a browser's tokenizer makes of the page.
fn as_html(page: &str) -> Seen {
    let mut seen = Seen::new();
    for token in Tokenizer::new(page) {
        match token.expect("infallible") {
            Token::StartTag(tag) => {
                let mut attributes: Vec<String> = tag
                    .attributes
                    .iter()
                    .map(|(name, value)| format!("{}={}", word(name), word(value)))
                    .collect();
                attributes.sort();
                seen.push(format!("<{} {}", word(&tag.name), attributes.join(" ")));
                if VOID.contains(&word(&tag.name).as_str()) {
                    seen.push(format!("</{}", word(&tag.name)));
                }
            }
            Token::EndTag(tag) => seen.push(format!("</{}", word(&tag.name))),
            Token::String(text) if !word(&text).trim().is_empty() => seen.push(word(&text)),
            Token::String(_) | Token::Doctype(_) => {}
            Token::Comment(comment) => panic!("a comment: {}", word(&comment)),
            Token::Error(error) => panic!("{error:?}"),
        }
    }
    seen
}

const VOID: [&str; 1] = ["meta"];

/// What an XML parser makes of it.
fn as_xml(node: Node<'_, '_>, seen: &mut Seen) {
    if let Some(text) = node.text().filter(|_| node.is_text()) {
        if !text.trim().is_empty() {
            seen.push(text.to_owned());
        }
        return;
    }
    let name = node.tag_name().name().to_lowercase();
    let mut attributes: Vec<String> = node
        .attributes()
        .map(|attribute| format!("{}={}", attribute.name().to_lowercase(), attribute.value()))
        .collect();
    if name == "svg" {
        attributes.push("xmlns=http://www.w3.org/2000/svg".to_owned());
    }
    attributes.sort();
    seen.push(format!("<{name} {}", attributes.join(" ")));
    node.children().for_each(|child| as_xml(child, seen));
    seen.push(format!("</{name}"));
}

fn pages() -> Vec<(&'static str, Scorecard, String)> {
    fixture::all()
        .into_iter()
        .map(|(name, script)| (name, script.card()))
        .map(|(name, card)| (name, card.clone(), html(&card, &TimeZone::UTC)))
        .collect()
}

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(page, options).expect("well-formed")
}

#[test]
fn html_and_xml_parsers_read_the_same_page() {
    for (name, _, page) in pages() {
        let mut xml = Seen::new();
        as_xml(parsed(&page).root_element(), &mut xml);
        assert_eq!(as_html(&page), xml, "{name}");
    }
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    for (name, _, page) in pages() {
        let document = parsed(&page);
        for node in document.descendants().filter(Node::is_element) {
            let tag = node.tag_name().name();
            let fetches = [
                "script", "link", "img", "iframe", "object", "embed", "use", "image",
            ];
            assert!(!fetches.contains(&tag), "{name}: {tag}");
            for attribute in node.attributes() {
                let (key, value) = (attribute.name(), attribute.value());
                assert!(!key.starts_with("on") && key != "src", "{name}: {key}");
                if key == "href" {
                    assert!(
                        value.starts_with("#phase-") || value.starts_with("https://wiki."),
                        "{name}: {value}"
                    );
                }
            }
        }
        let style = include_str!("page.css");
        for fetch in ["url(", "@import", "@font-face", "<", "&"] {
            assert!(!style.contains(fetch), "{fetch}");
        }
    }
}

#[test]
fn every_link_within_the_page_leads_somewhere_and_ids_are_unique() {
    for (name, card, page) in pages() {
        let document = parsed(&page);
        let mut ids: Vec<&str> = document
            .descendants()
            .filter_map(|node| node.attribute("id"))
            .collect();
        let links = document
            .descendants()
            .filter_map(|node| node.attribute("href")?.strip_prefix('#'));
        let mut phases = 0;
        for link in links {
            phases += 1;
            assert!(ids.contains(&link), "{name}: {link}");
        }
        assert_eq!(phases, card.phases.len(), "{name}");
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}");
    }
}

#[test]
fn every_check_is_there_with_its_verdict_in_words() {
    for (name, card, page) in pages() {
        let document = parsed(&page);
        let summaries: Vec<String> = document
            .descendants()
            .filter(|node| node.has_tag_name("summary"))
            .map(|node| {
                node.descendants()
                    .filter_map(|node| node.text().filter(|_| node.is_text()))
                    .collect()
            })
            .collect();
        let expected: Vec<String> = card
            .checks()
            .map(|check| {
                let verdict = words::label(check);
                let title = harmless(&check.title).replace('\u{ffff}', "\u{fffd}");
                format!("{verdict} {} {title}", check.id)
            })
            .collect();
        assert_eq!(summaries, expected, "{name}");
    }
}

#[test]
fn what_hosts_say_is_text() {
    let page = html(&fixture::everything().card(), &TimeZone::UTC);
    let document = parsed(&page);
    let said = harmless(HOSTILE).replace('\u{ffff}', "\u{fffd}");
    let shown = document
        .descendants()
        .filter(|node| node.has_tag_name("code") && node.text() == Some(&said))
        .count();
    // Once as what a check saw; and five lines of a journal, at the top and in their place.
    assert_eq!(shown, 1 + 2 * 5);
    assert!(!page.contains("<script"));
}

#[test]
fn every_release_is_there_with_what_keeps_it_closed() {
    for (name, card, page) in pages() {
        let document = parsed(&page);
        let blocks: Vec<String> = document
            .descendants()
            .filter(|node| node.attribute("class") == Some("release"))
            .map(|node| {
                let texts = node.descendants().filter(Node::is_text);
                texts.filter_map(|node| node.text()).collect()
            })
            .collect();
        assert_eq!(blocks.len(), card.releases.len(), "{name}");
        for (block, release) in blocks.iter().zip(&card.releases) {
            let start = format!("{} {}", words::release(release), release.id);
            assert!(block.trim().starts_with(&start), "{name}: {block}");
            for reason in &release.reasons {
                let reason = words::closed_by(reason);
                assert!(block.contains(&*harmless(&reason)), "{name}: {reason}");
            }
        }
    }
}

#[test]
fn the_own_network_is_the_one_to_fix() {
    let page = html(&fixture::own_network().card(), &TimeZone::UTC);
    let document = parsed(&page);
    let heading = document.descendants().find(|node| node.has_tag_name("h3"));
    let heading = heading.and_then(|node| node.text());
    assert_eq!(heading, Some("this machine's network"));
    assert!(!page.contains("power and console"), "{page}");
}
