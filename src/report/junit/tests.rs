use quick_junit::Report;
use roxmltree::{Document, Node};
use rstest::rstest;

use super::*;
use crate::report::fixture::{self, Script};
use crate::scorecard::{RunResult, Totals};

/// What the schema that collectors follow lets an element have, and need.
const SCHEMA: [(&str, &[&str], &[&str]); 7] = [
    (
        "testsuites",
        &[
            "name",
            "tests",
            "failures",
            "errors",
            "skipped",
            "time",
            "timestamp",
        ],
        &["testsuite"],
    ),
    (
        "testsuite",
        &[
            "name",
            "tests",
            "failures",
            "errors",
            "skipped",
            "time",
            "timestamp",
        ],
        &["properties", "testcase"],
    ),
    ("properties", &[], &["property"]),
    ("property", &["name", "value"], &[]),
    (
        "testcase",
        &["name", "classname", "time"],
        &["failure", "error", "skipped"],
    ),
    ("failure", &["type", "message"], &[]),
    ("error", &["type", "message"], &[]),
];

fn cases() -> Vec<Script> {
    fixture::all()
        .into_iter()
        .map(|(_, script)| script)
        .collect()
}

fn number(node: Node<'_, '_>, name: &str) -> usize {
    node.attribute(name)
        .and_then(|value| value.parse().ok())
        .expect("a number")
}

fn descendants(node: Node<'_, '_>, name: &str) -> usize {
    node.descendants()
        .filter(|node| node.has_tag_name(name))
        .count()
}

#[test]
fn every_element_and_attribute_is_one_that_collectors_know() {
    for script in cases() {
        let xml = junit(&script.card());
        let document = Document::parse(&xml).expect("well-formed");
        for node in document.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            if name == "skipped" {
                assert_eq!(node.attributes().len(), 1);
                assert!(node.has_attribute("message"));
                continue;
            }
            let (_, attributes, children) = SCHEMA
                .iter()
                .find(|(known, ..)| *known == name)
                .unwrap_or_else(|| panic!("{name} is unknown"));
            let found: Vec<&str> = node
                .attributes()
                .map(|attribute| attribute.name())
                .collect();
            assert_eq!(&found, attributes, "{name}");
            for child in node.children().filter(Node::is_element) {
                assert!(children.contains(&child.tag_name().name()), "{name}");
            }
        }
    }
}

#[test]
fn the_counts_are_those_of_the_elements() {
    for script in cases() {
        let card = script.card();
        let xml = junit(&card);
        let document = Document::parse(&xml).expect("well-formed");
        let root = document.root_element();
        let suites = root
            .children()
            .filter(|node| node.has_tag_name("testsuite"));
        for node in suites.chain([root]) {
            assert_eq!(number(node, "tests"), descendants(node, "testcase"));
            assert_eq!(number(node, "failures"), descendants(node, "failure"));
            assert_eq!(number(node, "errors"), descendants(node, "error"));
            assert_eq!(number(node, "skipped"), descendants(node, "skipped"));
        }
        let own = usize::from(card.failure.is_some()) + card.releases.len();
        assert_eq!(number(root, "tests"), card.totals.all() + own);
    }
}

#[test]
fn only_a_green_card_has_neither_failures_nor_errors() {
    for script in cases() {
        let card = script.card();
        let xml = junit(&card);
        let document = Document::parse(&xml).expect("well-formed");
        let root = document.root_element();
        let is_clean = number(root, "failures") + number(root, "errors") == 0;
        assert_eq!(is_clean, card.result == RunResult::Green, "{xml}");
    }
}

#[test]
fn another_reader_finds_the_same() {
    for script in cases() {
        let card = script.card();
        let report = Report::deserialize_from_str(&junit(&card)).expect("JUnit");
        let name = report.name.as_ref().map(quick_junit::XmlString::as_str);
        assert_eq!(name, Some(card.baseline.name.as_str()));
        for (suite, phase) in report.test_suites.iter().zip(&card.phases) {
            assert_eq!(suite.name.as_str(), phase.id);
            assert_eq!(suite.tests, Totals::of(&phase.checks).all());
            for (case, check) in suite.test_cases.iter().zip(&phase.checks) {
                assert!(case.name.as_str().starts_with(&check.id));
            }
        }
    }
}

#[rstest]
#[case("ping@k3s120", "error", "BLOCKED")]
#[case("ssh@k3s120", "error", "BLOCKED")]
#[case("postgres@data188", "failure", "BLOCKED")]
#[case("motd@data188", "failure", "WARN")]
#[case("redis@data188", "error", "NOT EVALUATED")]
#[case("kine@data188", "skipped", "")]
#[case("arp@kali112", "skipped", "")]
fn each_verdict_has_its_element(#[case] id: &str, #[case] name: &str, #[case] kind: &str) {
    let xml = junit(&fixture::everything().card());
    let document = Document::parse(&xml).expect("well-formed");
    let case = document
        .descendants()
        .find(|node| {
            let name = node.attribute("name").unwrap_or_default();
            node.has_tag_name("testcase") && name.starts_with(&format!("{id}: "))
        })
        .expect("the case");
    let outcome = case.first_element_child().expect("an outcome");
    assert_eq!(outcome.tag_name().name(), name);
    assert_eq!(outcome.attribute("type").unwrap_or_default(), kind);
}

#[test]
fn an_open_release_passed_and_a_closed_one_says_why() {
    let xml = junit(&fixture::sample().card());
    let report = Report::deserialize_from_str(&xml).expect("JUnit");
    let suite = report.test_suites.last().expect("the releases");
    assert_eq!(suite.name.as_str(), "releases");
    let passed: Vec<bool> = suite
        .test_cases
        .iter()
        .map(|case| matches!(case.status, quick_junit::TestCaseStatus::Success { .. }))
        .collect();
    assert_eq!(passed, [true, false]);
    assert!(
        xml.contains("runners CLOSED: P0-188-DATA is BLOCKED"),
        "{xml}"
    );
}

#[test]
fn the_own_network_stands_in_for_what_heard_nothing() {
    let xml = junit(&fixture::own_network().card());
    let message = "message=\"this machine's network: no answer from any of 12 addresses";
    assert_eq!(xml.matches(message).count(), 1, "{xml}");
    assert_eq!(
        xml.matches("shares the cause of this machine's network")
            .count(),
        11
    );
    assert!(!xml.contains("power and console"), "{xml}");
}
