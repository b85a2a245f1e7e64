use rstest::rstest;

use super::*;

fn node(text: &str) -> (Node, Location) {
    let mut sources = Sources::default();
    let at = Location::new(sources.add("test", text), 0..text.len());
    (
        Node {
            at: at.clone(),
            value: NodeValue::String(text.to_owned()),
        },
        at,
    )
}

fn scope(name: &str, _: &Location) -> Option<String> {
    match name {
        "host.id" => Some("data188".to_owned()),
        "tricky" => Some("${host.id}".to_owned()),
        _ => None,
    }
}

#[rstest]
#[case("plain", "plain")]
#[case("${host.id}", "data188")]
#[case("a ${host.id}:${host.id} b", "a data188:data188 b")]
#[case("$${host.id}", "${host.id}")]
#[case("$$${host.id}", "$${host.id}")]
#[case("$host $ {x} $}", "$host $ {x} $}")]
#[case("${tricky}", "${host.id}")]
#[case("é${host.id}é", "édata188é")]
fn expands(#[case] text: &str, #[case] expanded: &str) {
    let mut diagnostics = Diagnostics::default();
    let (node, _) = node(text);
    assert_eq!(
        node.expand(&scope, &mut diagnostics).as_str(),
        Some(expanded)
    );
    assert!(diagnostics.is_empty());
}

#[rstest]
#[case("${host.idd}", "unknown-variable", "did you mean `${host.id}`?")]
#[case(
    "${HOME}",
    "unknown-variable",
    "declare it below `vars:`, or write `$${HOME}` for the text itself"
)]
#[case(
    "${",
    "bad-variable",
    "write `${name}`, or `$${` for the text `${` itself"
)]
#[case(
    "${}",
    "bad-variable",
    "write `${name}`, or `$${` for the text `${` itself"
)]
#[case(
    "${a b}",
    "bad-variable",
    "write `${name}`, or `$${` for the text `${` itself"
)]
fn refuses(#[case] text: &str, #[case] code: &str, #[case] suggestion: &str) {
    let mut diagnostics = Diagnostics::default();
    let (node, at) = node(text);
    let _ = node.expand(&scope, &mut diagnostics);
    let problem = diagnostics
        .iter()
        .next()
        .unwrap_or_else(|| panic!("no problem in {text}"));
    assert_eq!(
        (problem.code, problem.suggestion.as_deref()),
        (code, Some(suggestion))
    );
    assert_eq!(problem.at.as_ref(), Some(&at));
}
