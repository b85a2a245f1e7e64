use rstest::rstest;
use schemars::JsonSchema;
use serde_json::json;

use super::super::source::Sources;
use super::super::yaml;
use super::*;

/// The shapes that options of kinds have.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Options {
    /// Where.
    url: String,
    method: Option<Method>,
    #[schemars(range(min = 100, max = 599))]
    status: Option<u16>,
    body: Option<Body>,
    #[schemars(extend("writeOnly" = true, "pattern" = "^env:.+$", "x-expected" = "a reference such as env:NAME"))]
    password: Option<String>,
    #[schemars(length(min = 1))]
    names: Option<Vec<String>>,
    headers: Option<std::collections::BTreeMap<String, String>>,
    share: Option<f64>,
    anything: Option<serde_json::Value>,
}

/// How.
#[derive(JsonSchema)]
#[schemars(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "only its schema is used")]
enum Method {
    /// Fetches.
    Get,
    /// Asks.
    Head,
}

/// Externally tagged, as kinds have them.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Body {
    /// None at all.
    Empty,
    Json(JsonBody),
    Text {
        max_bytes: u32,
    },
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct JsonBody {
    pointer: String,
}

fn problems(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let source = sources.add("test", text);
    let mut diagnostics = Diagnostics::default();
    let node = yaml::parse(&sources, source, &mut diagnostics)
        .unwrap_or_else(|| panic!("{text}: {diagnostics:?}"));
    let schema = schemars::schema_for!(Options).to_value();
    conform(&node, &schema, &schema, &mut diagnostics);
    let shown = diagnostics.render(&sources, false, 200);
    assert!(!shown.contains("hunter2"), "{shown}");
    diagnostics
        .sorted()
        .into_iter()
        .map(|problem| match &problem.suggestion {
            Some(suggestion) => format!("{}: {} ({suggestion})", problem.code, problem.message),
            None => format!("{}: {}", problem.code, problem.message),
        })
        .collect()
}

#[rstest]
fn fits(
    #[values(
        "",
        "method: GET",
        "status: 200",
        "body: empty",
        "body: { json: { pointer: /a } }",
        "body: { text: { max_bytes: 5 } }",
        "password: env:PW",
        "names: [a]",
        "headers: { Accept: x }",
        "share: 1",
        "share: 0.5",
        "anything: { a: [null, 1] }",
        "anything:"
    )]
    more: &str,
) {
    assert_eq!(problems(&format!("url: x\n{more}\n")), Vec::<String>::new());
}

#[rstest]
#[case(
    "method: get",
    "bad-value: expected `GET` or `HEAD`, saw `get` (did you mean `GET`?)"
)]
#[case("method: [GET]", "wrong-type: expected `GET` or `HEAD`, saw a list")]
#[case(
    "method:",
    "no-value: `method` has no value (give it `GET` or `HEAD`, or leave it out)"
)]
#[case(
    "status: 99",
    "out-of-range: expected a whole number from 100 to 599, saw the number 99"
)]
#[case(
    "status: 200.5",
    "wrong-type: expected a whole number from 100 to 599, saw the number 200.5"
)]
#[case(
    "status: \"200\"",
    "wrong-type: expected a whole number from 100 to 599, saw the text `200` (leave the quotes out: `200`)"
)]
#[case(
    "body: emtpy",
    "bad-value: expected `empty`, saw `emtpy` (did you mean `empty`?)"
)]
#[case(
    "body: { json: { ponter: /a } }",
    "unknown-key: unknown key `ponter` (did you mean `pointer`?)"
)]
#[case(
    "body: { text: { max_bytes: a } }",
    "wrong-type: expected a whole number from 0 to 4294967295, saw `a`"
)]
#[case(
    "password: hunter2",
    "bad-text: expected a reference such as env:NAME, saw something else"
)]
#[case(
    "password: |\n  hunter2\n  hunter2",
    "bad-text: expected a reference such as env:NAME, saw something else"
)]
#[case(
    "password: [hunter2]",
    "wrong-type: expected a reference such as env:NAME, saw something else"
)]
#[case(
    "names: []",
    "bad-length: expected a list of at least 1 entries, saw a list"
)]
#[case(
    "names: a",
    "wrong-type: expected a list of at least 1 entries, saw `a` (make it a list: `[ … ]`)"
)]
#[case(
    "names: [a, 5]",
    "wrong-type: expected text, saw the number 5 (put it in quotes: `\"5\"`)"
)]
#[case(
    "headers: { A: null }",
    "no-value: `A` has no value (give it text, or leave it out)"
)]
#[case(
    "headers: []",
    "wrong-type: expected a map, saw a list (write `key: value` lines, indented)"
)]
#[case("share: half", "wrong-type: expected a number, saw `half`")]
fn does_not_fit(#[case] more: &str, #[case] problem: &str) {
    assert_eq!(problems(&format!("url: x\n{more}\n")), [problem]);
}

#[test]
fn everything_is_told() {
    let all = problems("ulr: x\nmethod: PUT\nstatus: 1\nnames: [1, 2]\n");
    assert_eq!(all.len(), 5, "{all:#?}");
}

#[test]
fn every_pattern_of_the_format_is_one() {
    fn patterns<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(keywords) => {
                found.extend(keywords.get("pattern").and_then(Value::as_str));
                keywords.values().for_each(|value| patterns(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| patterns(item, found)),
            _ => {}
        }
    }
    let schemas = json!([super::super::schema(), super::super::fragment_schema()]);
    let mut found = Vec::new();
    patterns(&schemas, &mut found);
    assert!(found.len() > 5);
    for pattern in found {
        assert!(Regex::new(pattern).is_ok(), "{pattern}");
    }
}
