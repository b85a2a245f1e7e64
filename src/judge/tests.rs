use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::syntax::{Expr, Node, Operator};
use super::*;
use crate::probe::{Fault, FaultKind, Type, Value};

const FACTS: &[FactSpec] = &[
    FactSpec::new("active", Type::Bool, ""),
    FactSpec::new("idle", Type::Bool, ""),
    FactSpec::new("status", Type::Number, ""),
    FactSpec::new("zero", Type::Number, ""),
    FactSpec::new("broken", Type::Number, ""),
    FactSpec::new("body", Type::Text, ""),
    FactSpec::new("empty", Type::Text, ""),
    FactSpec::new("uptime", Type::Duration, ""),
    FactSpec::new("modified", Type::Time, ""),
    FactSpec::new("names", Type::List(&Type::Text), ""),
    FactSpec::new("loads", Type::List(&Type::Number), ""),
    FactSpec::new("none", Type::List(&Type::Number), ""),
    FactSpec::new("properties", Type::Map(&Type::Text), ""),
    FactSpec::new("metric", Type::Map(&Type::Number), ""),
    FactSpec::new("json", Type::Json, ""),
    FactSpec::new("rows", Type::List(&Type::Json), ""),
    FactSpec::new("unseen", Type::Number, ""),
    FactSpec::new("unseen_flag", Type::Bool, ""),
    FactSpec::new("unseen_map", Type::Map(&Type::Number), ""),
    FactSpec::new("wrong", Type::Number, ""),
    FactSpec::new("whole", Type::Bool, "").because(&["damage", "nothing_said", "unseen", "status"]),
    FactSpec::new("untold", Type::Bool, "").because(&["damage"]),
    FactSpec::new("damage", Type::Text, ""),
    FactSpec::new("nothing_said", Type::List(&Type::Text), ""),
];

fn facts() -> Facts {
    let mut facts = Facts::new();
    facts.set("active", true);
    facts.set("idle", false);
    facts.set("status", 502.0);
    facts.set("zero", 0.0);
    facts.set("broken", f64::NAN);
    facts.set("body", "all 3 jobs registered: 全部排程任務已註冊");
    facts.set("empty", "");
    facts.set("uptime", Value::Duration(SignedDuration::from_secs(93_840)));
    facts.set("modified", at("2026-06-04T16:51:04+08:00"));
    facts.set("names", Value::List(vec!["eth0".into(), "lo".into()]));
    facts.set(
        "loads",
        Value::List(vec![0.5.into(), 1.25.into(), 3.0.into()]),
    );
    facts.set("none", Value::List(Vec::new()));
    let properties = [("MemoryMax", "2147483648"), ("Result", "success")];
    facts.set(
        "properties",
        Value::Map(properties.map(|(k, v)| (k.to_owned(), v.into())).into()),
    );
    facts.set(
        "metric",
        Value::Map(BTreeMap::from([(
            "last_success".to_owned(),
            1_780_649_464.0.into(),
        )])),
    );
    facts.set(
        "json",
        Value::Json(json!({
            "ok": true, "count": 3, "big": 9_007_199_254_740_993_u64, "name": "web", "number_text": "12.5",
            "nothing": null, "list": ["a", "b"], "mixed": [1, "a"], "at": "2026-06-05T00:00:00Z", "for": "90m",
            "deep": {"er": [{"ready": true}, {"ready": "yes"}]},
        })),
    );
    facts.set(
        "rows",
        Value::List(vec![Value::Json(json!("a")), Value::Json(json!(2))]),
    );
    facts.set("wrong", "text");
    facts.set("whole", false);
    facts.set("damage", "unexpected end of file");
    facts.set("nothing_said", Value::List(Vec::new()));
    facts
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn now() -> Timestamp {
    at("2026-06-05T18:55:04+08:00")
}

fn compile(source: &str) -> Result<Expectation, ExpectationError> {
    Expectation::compile(Level::Require, source, FACTS)
}

fn finding(source: &str) -> Finding {
    compile(source)
        .unwrap_or_else(|error| panic!("{source}: {error:?}"))
        .judge(&facts(), now())
}

/// The value of a constant expression, compared with a fact so that it compiles.
fn holds(source: &str) -> Option<bool> {
    finding(&format!("status == 502 ? ({source}) : false")).held
}

#[rstest]
// Numbers.
#[case("1 + 2 == 3")]
#[case("7 - 10 == -3")]
#[case("3 / 4 == 0.75")]
#[case("2 * 3 == 6")]
#[case("7 % 4 == 3")]
#[case("-7 % 4 == -3")]
#[case("1.5e3 == 1500")]
#[case(".5 == 0.5")]
#[case("1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3 && 1 != 2")]
#[case("--status == 502")]
#[case("abs(-3) == 3")]
// Text.
#[case("'a' + \"b\" == 'ab'")]
#[case("'it\\'s' == \"it's\"")]
#[case("'\\u5168' == '全'")]
#[case("'\\U0001F600' == '😀'")]
#[case(r"r'\d' == '\\d'")]
#[case("body.contains('全部排程任務已註冊')")]
#[case("body.startsWith('all') && !body.startsWith('jobs')")]
#[case("body.endsWith('冊')")]
#[case(r"body.matches(r'\d+ jobs')")]
#[case("'' in ['', 'a']")]
#[case("body.contains(empty)")]
#[case("size('全部') == 2 && body.size() > 3")]
// Truth.
#[case("active")]
#[case("!idle")]
#[case("active == true && idle == false && active != idle")]
#[case("!!active")]
// Lists and maps.
#[case("status in [200, 502]")]
#[case("!(status in [200, 401])")]
#[case("'lo' in names")]
#[case("names == ['eth0', 'lo']")]
#[case("names != ['lo', 'eth0']")]
#[case("loads[1] == 1.25")]
#[case("size(loads) == 3 && size(properties) == 2 && size(none) == 0")]
#[case("'MemoryMax' in properties && !('CPUQuota' in properties)")]
#[case("properties['MemoryMax'] == '2147483648'")]
#[case("properties.MemoryMax == properties('MemoryMax')")]
#[case("double(properties.MemoryMax) == 2 * 1024 * 1024 * 1024")]
#[case("loads.all(x, x > 0) && loads.exists(x, x > 2)")]
#[case("none.all(x, x > 0)")]
#[case("!none.exists(x, x > 0)")]
#[case("loads.exists(x, names.all(y, size(y) > x))")]
#[case("[1, 2, 3,].all(x, x < 4)")]
// Times and durations.
#[case("now - modified == duration('26h4m')")]
#[case("now - modified > duration('25h')")]
#[case("modified + duration('1d2h4m') == now")]
#[case("duration('26h4m') + modified == now")]
#[case("now - duration('26h4m') == modified")]
#[case("modified < now && now >= now && modified != now")]
#[case("duration('1h') + duration('30m') == duration('90m')")]
#[case("duration('1.5h') - duration('30m') == duration('1h')")]
#[case("duration('2w') == duration('14d')")]
#[case("duration('-1h') < duration('1ms')")]
#[case("abs(modified - now) < duration('27h')")]
#[case("uptime == duration('26h4m')")]
#[case("timestamp('2026-06-05T10:55:04Z') == now")]
#[case("timestamp('2026-06-05T18:55:04+08:00') == now")]
#[case("now - timestamp(metric('last_success')) < duration('25h')")]
#[case("timestamp(0) == timestamp('1970-01-01T00:00:00Z')")]
#[case("timestamp(json.at) < now && duration(json.for) == duration('1h30m')")]
// JSON.
#[case("json.ok == true && true == json.ok")]
#[case("json.count == 3 && json['count'] < 4 && 4 > json.count")]
#[case("json.name == 'web' && json.name + 's' == 'webs'")]
#[case("json.name in ['web', 'api']")]
#[case("'a' in json.list && !('z' in json.list)")]
#[case("1 in json.mixed && 'a' in json.mixed")]
#[case("'name' in json")]
#[case("json.list == ['a', 'b']")]
#[case("json.list[1] == 'b' && size(json.list) == 2 && size(json) > 5 && size(json.name) == 3")]
#[case("json.nothing == null && json.name != null && null != json.count")]
#[case("json.name.startsWith('w')")]
#[case("bool(json.ok)")]
#[case("double(json.number_text) == 12.5 && double(json.count) + 1 == 4")]
#[case("json.count * 2 == 6")]
#[case("string(json.count) == '3' && string(json.big) == '9007199254740993'")]
#[case("json.deep.er[0].ready == true")]
#[case("json.deep.er.exists(x, x.ready == true)")]
#[case("['web', json.name] == ['web', 'web']")]
#[case("'a' in rows && 2 in rows && rows[1] == 2")]
#[case("(active ? json.count : 4) == 3")]
// Conversions.
#[case(
    "string(1.0) == '1' && string(0.25) == '0.25' && string(true) == 'true' && string('a') == 'a'"
)]
#[case("string(now) == '2026-06-05T10:55:04Z' && string(uptime) == '26h 4m'")]
#[case("double('1e3') == 1000 && double(' 7 ') == 7 && double(3) == 3")]
#[case("bool('true') && !bool('false') && bool(true)")]
// has().
#[case("has(status) && !has(unseen)")]
#[case("has(properties.MemoryMax) && !has(properties['x'])")]
#[case("has(metric('last_success')) && !has(metric('x'))")]
#[case("has(json.nothing) && !has(json.missing) && has(json.deep.er) && !has(json.list[2])")]
#[case("!has(loads[3])")]
#[case("status > 500 ? active : idle")]
fn holds_true(#[case] source: &str) {
    let finding = finding(&format!("status == 502 && ({source})"));
    assert_eq!(finding.held, Some(true), "{source}: {}", finding.seen);
    assert_eq!(holds(&format!("!({source})")), Some(false), "{source}");
}

#[rstest]
#[case::why(
    "whole",
    "whole = false, damage = 'unexpected end of file', status = 502"
)]
#[case::among_others(
    "status == 502 && whole",
    "whole = false, damage = 'unexpected end of file', status = 502"
)]
#[case::what_did_not_decide("(whole || status == 502) && idle", "idle = false")]
#[case::told_already(
    "whole || damage == ''",
    "whole = false, damage = 'unexpected end of file', status = 502"
)]
#[case::of_what_was_not_seen(
    "untold",
    "could not tell: untold was not seen, damage = 'unexpected end of file'"
)]
#[case::as_expected("!whole", "whole = false")]
#[case::there_and_its_value("!has(status) || status < 500", "status = 502")]
#[case::there_alone("!has(status)", "has(status) = true")]
fn what_is_not_as_expected_is_told_with_its_reason(#[case] source: &str, #[case] seen: &str) {
    assert_eq!(finding(source).seen, seen);
}

#[rstest]
#[case("unseen == 0", "could not tell: unseen was not seen")]
#[case("unseen != 0", "could not tell: unseen was not seen")]
#[case("!unseen_flag", "could not tell: unseen_flag was not seen")]
#[case("unseen + 1 > 0", "could not tell: unseen + 1: unseen was not seen")]
#[case("unseen in [1]", "could not tell: unseen was not seen")]
#[case(
    "broken > 0",
    "could not tell: broken: it is NaN, which is not a finite number"
)]
#[case(
    "broken != 0",
    "could not tell: broken: it is NaN, which is not a finite number"
)]
#[case(
    "wrong > 0",
    "could not tell: wrong was seen with another type than its kind declares"
)]
#[case(
    "status / zero > 1",
    "could not tell: status / zero: it is a division by zero"
)]
#[case(
    "status % zero == 0",
    "could not tell: status % zero: it is a division by zero"
)]
#[case(
    "status * 1e308 > 1",
    "could not tell: status * 1e308: the result is out of range"
)]
#[case(
    "now + duration('1000000w') > now",
    "could not tell: now + duration('1000000w'): the result is out of range, now = 2026-06-05T10:55:04Z"
)]
#[case(
    "properties['x'] == 'a'",
    "could not tell: properties['x']: there is no 'x' in it"
)]
#[case(
    "metric('x') > 1",
    "could not tell: metric('x'): there is no 'x' in it"
)]
#[case(
    "has(unseen_map.x)",
    "could not tell: has(unseen_map.x): unseen_map was not seen"
)]
#[case(
    "!has(json.missing.deeper)",
    "could not tell: has(json.missing.deeper): there is no 'missing' in it"
)]
#[case(
    "!has(json.name.x)",
    "could not tell: has(json.name.x): it is text 'web', in which nothing is called 'x'"
)]
#[case(
    "!has(loads[0.5])",
    "could not tell: has(loads[0.5]): 0.5 is not a position in a list"
)]
#[case(
    "loads[3] > 1",
    "could not tell: loads[3]: there is no position 3, there are 3 elements"
)]
#[case(
    "loads[-1] > 1",
    "could not tell: loads[-1]: -1 is not a position in a list"
)]
#[case(
    "json.name > 3",
    "could not tell: json.name: it is text 'web', not a number"
)]
#[case(
    "json.count == '3'",
    "could not tell: json.count: it is the number 3, not text"
)]
#[case(
    "json.count != '3'",
    "could not tell: json.count: it is the number 3, not text"
)]
#[case("json.ok == 'true'", "could not tell: json.ok: it is true, not text")]
#[case(
    "json.nothing == 0",
    "could not tell: json.nothing: it is null, not a number"
)]
#[case(
    "json.missing == null",
    "could not tell: json.missing: there is no 'missing' in it"
)]
#[case(
    "json.big == 1",
    "could not tell: json.big: 9007199254740993 is not below 2^53: say string(x) and compare it as text"
)]
#[case(
    "json.mixed == [1, 2]",
    "could not tell: json.mixed: it is text 'a', not a number"
)]
#[case("'z' in json.mixed", "could not tell: json.mixed = [1, 'a']")]
#[case("json.name.all(x, x == 1)", "could not tell: json.name = 'web'")]
#[case(
    "size(json.count) == 1",
    "could not tell: size(json.count): it is the number 3, which has no size"
)]
#[case(
    "double(body) > 1",
    "could not tell: double(body): it is text 'all 3 jobs registered: 全部排程任務已註冊', which cannot become a number"
)]
#[case(
    "bool(json.count)",
    "could not tell: bool(json.count): it is the number 3, which cannot become a truth value"
)]
#[case(
    "double(json.list) > 1",
    "could not tell: double(json.list): it is a list, which cannot become a number"
)]
#[case(
    "timestamp(body) < now",
    "could not tell: timestamp(body): it is text 'all 3 jobs registered: 全部排程任務已註冊', which cannot become a time, now = 2026-06-05T10:55:04Z"
)]
#[case(
    "timestamp(status * 1e10) < now",
    "could not tell: timestamp(status * 1e10): 5020000000000 seconds since 1970 is no time; milliseconds have to be divided by 1000, now = 2026-06-05T10:55:04Z"
)]
#[case(
    "json.deep.er.all(x, x.ready == true)",
    "could not tell: json.deep.er[1]: it is text 'yes', not a truth value"
)]
#[case("unseen > 1 ? active : idle", "could not tell: unseen was not seen")]
fn cannot_be_told(#[case] source: &str, #[case] seen: &str) {
    let finding = finding(source);
    assert_eq!(
        (finding.held, finding.seen.as_str()),
        (None, seen),
        "{source}"
    );
}

/// `T`, `F` and `U` stand for true, false and what cannot be told.
#[rstest]
#[case('T', 'T', Some(true), Some(true))]
#[case('T', 'F', Some(false), Some(true))]
#[case('F', 'T', Some(false), Some(true))]
#[case('F', 'F', Some(false), Some(false))]
#[case('T', 'U', None, Some(true))]
#[case('U', 'T', None, Some(true))]
#[case('F', 'U', Some(false), None)]
#[case('U', 'F', Some(false), None)]
#[case('U', 'U', None, None)]
fn logic_is_three_valued(
    #[case] left: char,
    #[case] right: char,
    #[case] and: Option<bool>,
    #[case] or: Option<bool>,
) {
    let fact = |letter| match letter {
        'T' => "active",
        'F' => "idle",
        _ => "unseen_flag",
    };
    let (left, right) = (fact(left), fact(right));
    assert_eq!(finding(&format!("{left} && {right}")).held, and);
    assert_eq!(finding(&format!("{left} || {right}")).held, or);
}

#[rstest]
#[case("loads.all(x, x > unseen || x > 0)", Some(true))]
#[case("loads.all(x, x > unseen)", None)]
#[case("loads.all(x, x > unseen && x > 1)", Some(false))]
#[case("loads.exists(x, x > unseen)", None)]
#[case("loads.exists(x, x > unseen || x > 2)", Some(true))]
#[case("loads.exists(x, x > unseen && x > 5)", Some(false))]
fn macros_are_three_valued(#[case] source: &str, #[case] held: Option<bool>) {
    assert_eq!(finding(source).held, held);
}

#[test]
fn a_long_evaluation_is_given_up() {
    let mut facts = Facts::new();
    facts.set(
        "loads",
        Value::List((0..200).map(|n| Value::Number(f64::from(n))).collect()),
    );
    let source = "loads.all(a, loads.all(b, loads.all(c, a + b + c >= 0)))";
    let finding = compile(source).expect("compiles").judge(&facts, now());
    assert_eq!(finding.held, None);
    assert!(
        finding.seen.contains("more than 1000000 steps"),
        "{}",
        finding.seen
    );
}

/// Every operator with its operands in brackets.
fn bracketed(expr: &Expr) -> String {
    let list = |items: &[Expr]| items.iter().map(bracketed).collect::<Vec<_>>().join(", ");
    match &expr.node {
        Node::Null => "null".to_owned(),
        Node::Bool(value) => value.to_string(),
        Node::Number(value) => value.to_string(),
        Node::Text(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Node::List(items) => format!("[{}]", list(items)),
        Node::Name(name) => name.clone(),
        Node::Field(on, field) => format!("{}.{}", bracketed(on), field.text),
        Node::Index(on, key) => format!("{}[{}]", bracketed(on), bracketed(key)),
        Node::Call(name, arguments) => format!("{}({})", name.text, list(arguments)),
        Node::Method(on, name, arguments) => {
            format!("{}.{}({})", bracketed(on), name.text, list(arguments))
        }
        Node::Not(operand) => format!("(!{})", bracketed(operand)),
        Node::Negate(operand) => format!("(-{})", bracketed(operand)),
        Node::Binary(operator, left, right) => {
            format!(
                "({} {} {})",
                bracketed(left),
                operator.symbol(),
                bracketed(right)
            )
        }
        Node::Conditional(condition, yes, no) => {
            format!(
                "({} ? {} : {})",
                bracketed(condition),
                bracketed(yes),
                bracketed(no)
            )
        }
    }
}

#[rstest]
#[case("a || b && c", "(a || (b && c))")]
#[case("a && b || c && d", "((a && b) || (c && d))")]
#[case("a == b && c < d", "((a == b) && (c < d))")]
#[case("a + b * c - d", "((a + (b * c)) - d)")]
#[case("a - b - c", "((a - b) - c)")]
#[case("a / b % c * d", "(((a / b) % c) * d)")]
#[case("a < b == c", "((a < b) == c)")]
#[case("a in b == c", "((a in b) == c)")]
#[case("a + 1 in b", "((a + 1) in b)")]
#[case("!a == b", "((!a) == b)")]
#[case("!a.b[0].c(d)", "(!a.b[0].c(d))")]
#[case("-a.b * c", "((-a.b) * c)")]
#[case("a - -b", "(a - (-b))")]
#[case("a ? b : c ? d : e", "(a ? b : (c ? d : e))")]
#[case("a || b ? c && d : e", "((a || b) ? (c && d) : e)")]
#[case("a ? (b ? c : d) : e", "(a ? (b ? c : d) : e)")]
#[case("(a || b) && c", "((a || b) && c)")]
#[case("a.in_use", "a.in_use")]
fn precedence_is_that_of_cel(#[case] source: &str, #[case] expected: &str) {
    assert_eq!(bracketed(&parser::parse(source).expect(source)), expected);
}

/// `⟦…⟧` marks the span.
#[rstest]
#[case("", "⟦⟧", "an empty expectation", "status == 200")]
#[case("  ", "⟦  ⟧", "an empty expectation", "status == 200")]
#[case("status = 200", "status ⟦=⟧ 200", "a single `=`", "`==`")]
#[case("active & idle", "active ⟦&⟧ idle", "a single `&`", "`&&`")]
#[case("active | idle", "active ⟦|⟧ idle", "a single `|`", "`||`")]
#[case(
    "active and idle",
    "active ⟦and⟧ idle",
    "`and` where the end or an operator",
    "`&&`"
)]
#[case("active OR idle", "active ⟦OR⟧ idle", "`OR` where", "`||`")]
#[case("status not in [1]", "status ⟦not⟧ in [1]", "`not` where", "`!`")]
#[case("status ≥ 3", "status ⟦≥⟧ 3", "`≥`", "`>=`")]
#[case("body == “a”", "body == ⟦“⟧a”", "typographic quote", "quote text")]
#[case(
    "body == 全部",
    "body == ⟦全⟧部",
    "outside quotes",
    "put text in quotes"
)]
#[case(
    "body == 'a",
    "body == ⟦'a⟧",
    "without its closing quote",
    "close it with '"
)]
#[case(
    "body == 'a\nb'",
    "body == ⟦'a⟧\nb'",
    "without its closing quote",
    "close it with '"
)]
#[case(r"body == '\d'", r"body == '⟦\d⟧'", "unknown escape", "r'…'")]
#[case(r"body == '\u12'", r"body == '⟦\u⟧12'", "4 hexadecimal digits", "")]
#[case(r"body == '\ud800'", r"body == '⟦\u⟧d800'", "4 hexadecimal digits", "")]
#[case(
    "uptime < 25h",
    "uptime < ⟦25h⟧",
    "run into letters",
    "duration('25h')"
)]
#[case(
    "status < 5GiB",
    "status < ⟦5GiB⟧",
    "run into letters",
    "5 * 1024 * 1024"
)]
#[case(
    "status < 0x1f",
    "status < ⟦0x1f⟧",
    "run into letters",
    "write 0 alone"
)]
#[case("status < 1e999", "status < ⟦1e999⟧", "too large", "")]
#[case(
    "status == 9007199254740993",
    "status == ⟦9007199254740993⟧",
    "not below 2^53",
    "string(x)"
)]
#[case("status == @", "status == ⟦@⟧", "means nothing here", "")]
#[case("(status == 1", "⟦(⟧status == 1", "never closed", "`)`")]
#[case("status in [1, 2", "status in ⟦[⟧1, 2", "never closed", "`]`")]
#[case("status in [1 2]", "status in [1 ⟦2⟧]", "a number where `]`", "")]
#[case("status ==", "status ==⟦⟧", "the end where a value", "")]
#[case("status == 1)", "status == 1⟦)⟧", "`)` where", "")]
#[case("status == {}", "status == ⟦{⟧}", "a brace where a value", "lists can")]
#[case("active ? idle", "active ? idle⟦⟧", "the end where the `:`", "")]
#[case(
    "json.'a' == 1",
    "json.⟦'a'⟧ == 1",
    "text where a name after `.`",
    "['key']"
)]
#[case(
    "statsu == 200",
    "⟦statsu⟧ == 200",
    "no fact `statsu`",
    "did you mean `status`?"
)]
#[case(
    "全 == 1 || statsu == 1",
    "⟦全⟧ == 1 || statsu == 1",
    "outside quotes",
    ""
)]
#[case(
    "body == '全' && actve",
    "body == '全' && ⟦actve⟧",
    "no fact `actve`",
    "`active`"
)]
#[case("body == ready", "body == ⟦ready⟧", "no fact `ready`", "'ready'")]
#[case(
    "'9' > 10",
    "⟦'9' > 10⟧",
    "text compared with a number",
    "write 9 without quotes"
)]
#[case(
    "body > 10",
    "⟦body > 10⟧",
    "text compared with a number",
    "double(body)"
)]
#[case(
    "status == '502'",
    "⟦status == '502'⟧",
    "a number compared with text",
    "write 502 without quotes"
)]
#[case(
    "active == 'true'",
    "⟦active == 'true'⟧",
    "a truth value compared with text",
    "write true without quotes"
)]
#[case(
    "active == 1",
    "⟦active == 1⟧",
    "a truth value compared with a number",
    ""
)]
#[case(
    "now - modified < 25",
    "⟦now - modified < 25⟧",
    "a duration compared with a number",
    "duration('25s')"
)]
#[case(
    "modified < duration('1h')",
    "⟦modified < duration('1h')⟧",
    "a time compared with a duration",
    "now - modified"
)]
#[case(
    "status < now",
    "⟦status < now⟧",
    "a number compared with a time",
    "timestamp(status)"
)]
#[case(
    "loads > 1",
    "⟦loads > 1⟧",
    "a list of numbers compared with a number",
    "size(loads)"
)]
#[case(
    "names == [1]",
    "⟦names == [1]⟧",
    "a list of texts compared with a list of numbers",
    ""
)]
#[case(
    "1 < status < 5",
    "⟦1 < status < 5⟧",
    "a truth value compared with a number",
    "`1 < status && status < 5`"
)]
#[case(
    "json == json",
    "⟦json == json⟧",
    "JSON compared with JSON",
    "string(json)"
)]
#[case(
    "json.a < json.b",
    "⟦json.a < json.b⟧",
    "JSON compared with JSON",
    "double(json.a)"
)]
#[case(
    "json.at < now",
    "⟦json.at < now⟧",
    "JSON compared with a time",
    "timestamp(json.at)"
)]
#[case(
    "json.for < duration('1h')",
    "⟦json.for < duration('1h')⟧",
    "JSON compared with a duration",
    "duration(json.for)"
)]
#[case("body < 'b'", "⟦body < 'b'⟧", "text has no order", "double(body)")]
#[case("active < idle", "⟦active < idle⟧", "`<` between a truth value", "")]
#[case(
    "names < names",
    "⟦names < names⟧",
    "`<` between a list of texts",
    "size"
)]
#[case(
    "properties == metric",
    "⟦properties == metric⟧",
    "a map of texts compared",
    ""
)]
#[case("metric == metric", "⟦metric == metric⟧", "`==` between a map", "")]
#[case(
    "status == null",
    "⟦status == null⟧",
    "only JSON can be null",
    "has(status)"
)]
#[case("json < null", "⟦json < null⟧", "null is neither", "")]
#[case(
    "size(null) == 1",
    "size(⟦null⟧) == 1",
    "`null` outside a comparison",
    "x == null"
)]
#[case(
    "status",
    "⟦status⟧",
    "is a number, where true or false",
    "`status > 0`"
)]
#[case(
    "json.ok",
    "⟦json.ok⟧",
    "is JSON, where true or false",
    "bool(json.ok)"
)]
#[case("active && json.ok", "active && ⟦json.ok⟧", "is JSON", "bool(json.ok)")]
#[case("!body", "!⟦body⟧", "is text", "compare it")]
#[case(
    "uptime || active",
    "⟦uptime⟧ || active",
    "is a duration",
    "duration('25h')"
)]
#[case("modified", "⟦modified⟧", "is a time", "now - modified")]
#[case(
    "names ? active : idle",
    "⟦names⟧ ? active : idle",
    "is a list",
    "size(names)"
)]
#[case(
    "active ? 1 : 'a'",
    "⟦active ? 1 : 'a'⟧",
    "differ in type: a number and text",
    ""
)]
#[case("-body == 1", "-⟦body⟧ == 1", "`-` before text", "")]
#[case("-json == 1", "-⟦json⟧ == 1", "`-` before JSON", "-double(json)")]
#[case(
    "status + body == 1",
    "⟦status + body⟧ == 1",
    "`+` between a number and text",
    "string(status)"
)]
#[case(
    "body * 2 == 1",
    "⟦body * 2⟧ == 1",
    "`*` between text and a number",
    "double(body)"
)]
#[case(
    "body - body == 1",
    "⟦body - body⟧ == 1",
    "`-` between text and text",
    "double(body)"
)]
#[case(
    "json.a + json.b == 1",
    "⟦json.a + json.b⟧ == 1",
    "`+` between JSON and JSON",
    "double(json.a) + double(json.b)"
)]
#[case(
    "now - status < duration('1h')",
    "⟦now - status⟧ < duration('1h')",
    "`-` between a time and a number",
    "timestamp(status)"
)]
#[case(
    "now - json.at < duration('1h')",
    "⟦now - json.at⟧ < duration('1h')",
    "`-` between a time and JSON",
    "timestamp(json.at)"
)]
#[case(
    "now + now == now",
    "⟦now + now⟧ == now",
    "`+` between a time and a time",
    ""
)]
#[case(
    "uptime * 2 > uptime",
    "⟦uptime * 2⟧ > uptime",
    "`*` between a duration and a number",
    ""
)]
#[case(
    "uptime + 5 > uptime",
    "⟦uptime + 5⟧ > uptime",
    "`+` between a duration and a number",
    "duration('5s')"
)]
#[case(
    "duration('1h') - now == now",
    "⟦duration('1h') - now⟧ == now",
    "`-` between a duration and a time",
    ""
)]
#[case(
    "active + active == 2",
    "⟦active + active⟧ == 2",
    "`+` between a truth value",
    ""
)]
#[case(
    "status in ['200']",
    "⟦status in ['200']⟧",
    "a number looked for in a list of texts",
    ""
)]
#[case(
    "'a' in body",
    "⟦'a' in body⟧",
    "not into text",
    "`body.contains('a')`"
)]
#[case("status in properties", "⟦status in properties⟧", "a map's keys", "")]
#[case(
    "status in 200",
    "⟦status in 200⟧",
    "a number looked for in a number",
    "[200, 401]"
)]
#[case(
    "json.a in json.list",
    "⟦json.a in json.list⟧",
    "JSON looked for in JSON",
    "string(json.a)"
)]
#[case(
    "now in json.list",
    "⟦now in json.list⟧",
    "a time looked for in JSON",
    ""
)]
#[case("names == []", "names == ⟦[]⟧", "an empty list", "size(x) == 0")]
#[case(
    "status in [1, 'a']",
    "status in [1, ⟦'a'⟧]",
    "one type: text after a number",
    ""
)]
#[case("status.x == 1", "⟦status.x⟧ == 1", "there is nothing inside it", "")]
#[case(
    "loads['a'] == 1",
    "loads[⟦'a'⟧] == 1",
    "position is a number, not text",
    "exists(x, …)"
)]
#[case("loads.first == 1", "loads.⟦first⟧ == 1", "position is a number", "")]
#[case(
    "properties[0] == 'a'",
    "properties[⟦0⟧] == 'a'",
    "key is text, not a number",
    ""
)]
#[case(
    "json[active] == 1",
    "json[⟦active⟧] == 1",
    "a name or a position, not a truth value",
    ""
)]
#[case(
    "json[json.a] == 1",
    "json[⟦json.a⟧] == 1",
    "a key that is JSON",
    "string(json.a)"
)]
#[case(
    "sizee(body) == 1",
    "⟦sizee⟧(body) == 1",
    "no function `sizee`",
    "did you mean `size`?"
)]
#[case(
    "metrik('a') == 1",
    "⟦metrik⟧('a') == 1",
    "no function `metrik`",
    "did you mean `metric`?"
)]
#[case(
    "lower(body) == 'a'",
    "⟦lower⟧(body) == 'a'",
    "no function `lower`",
    "size, has"
)]
#[case(
    "contains(body, 'a')",
    "⟦contains⟧(body, 'a')",
    "asked of a value",
    "x.contains(…)"
)]
#[case(
    "status('a') == 1",
    "⟦status('a')⟧ == 1",
    "is a fact (a number), not a function",
    "`status` alone"
)]
#[case(
    "body.abs() == 1",
    "body.⟦abs⟧() == 1",
    "not asked of a value",
    "`abs(body)`"
)]
#[case(
    "body.containz('a')",
    "body.⟦containz⟧('a')",
    "no method `containz`",
    "did you mean `contains`?"
)]
#[case(
    "body.filter(x, x)",
    "body.⟦filter⟧(x, x)",
    "no method `filter`",
    "exists"
)]
#[case("size() == 1", "⟦size()⟧ == 1", "takes 1 argument, not 0", "size(x)")]
#[case(
    "size(body, body) == 1",
    "⟦size(body, body)⟧ == 1",
    "takes 1 argument, not 2",
    ""
)]
#[case(
    "body.contains()",
    "⟦body.contains()⟧",
    "takes 1 argument, not 0",
    "x.contains('text')"
)]
#[case(
    "body.size(1) == 1",
    "⟦body.size(1)⟧ == 1",
    "takes no argument, not 1",
    "x.size()"
)]
#[case("metric() == 1", "⟦metric()⟧ == 1", "takes 1 argument, not 0", "")]
#[case(
    "loads.all(x)",
    "⟦loads.all(x)⟧",
    "takes 2 arguments, not 1",
    "list.all(x,"
)]
#[case(
    "loads.all(1, active)",
    "loads.all(⟦1⟧, active)",
    "a name for each element",
    "node"
)]
#[case(
    "loads.all(status, active)",
    "loads.all(⟦status⟧, active)",
    "has a meaning already",
    "another name"
)]
#[case(
    "loads.all(now, active)",
    "loads.all(⟦now⟧, active)",
    "has a meaning already",
    ""
)]
#[case(
    "loads.all(x, x)",
    "loads.all(x, ⟦x⟧)",
    "is a number, where true or false",
    ""
)]
#[case(
    "body.all(x, active)",
    "⟦body⟧.all(x, active)",
    "asked of a list, and `body` is text",
    ""
)]
#[case(
    "loads.all(x, x > 0) && x",
    "loads.all(x, x > 0) && ⟦x⟧",
    "no fact `x`",
    ""
)]
#[case(
    "names.contains('a')",
    "⟦names.contains('a')⟧",
    "not into a list",
    "`'a' in names`"
)]
#[case(
    "status.contains('5')",
    "⟦status⟧.contains('5')",
    "`status` is a number",
    "string(status)"
)]
#[case(
    "body.contains(status)",
    "body.contains(⟦status⟧)",
    "`status` is a number",
    "string(status)"
)]
#[case(
    "body.matches(empty)",
    "body.matches(⟦empty⟧)",
    "has to be written out",
    "quotes"
)]
#[case(
    "body.matches('(')",
    "body.matches(⟦'('⟧)",
    "not a regular expression: unclosed group",
    "RE2"
)]
#[case(
    "body.matches('(?=a)')",
    "body.matches(⟦'(?=a)'⟧)",
    "look-around",
    "RE2"
)]
#[case(
    "body.matches('((a{1000}){1000}){1000}')",
    "body.matches(⟦'((a{1000}){1000}){1000}'⟧)",
    "too large",
    "smaller"
)]
#[case("has(1)", "has(⟦1⟧)", "asks for a fact", "has(fact)")]
#[case(
    "size(status) == 1",
    "size(⟦status⟧) == 1",
    "size() takes text, a list",
    ""
)]
#[case(
    "abs(body) == 1",
    "abs(⟦body⟧) == 1",
    "abs() takes a number or a duration",
    ""
)]
#[case(
    "abs(json) == 1",
    "abs(⟦json⟧) == 1",
    "`json` is JSON",
    "abs(double(json))"
)]
#[case("string(names) == ''", "string(⟦names⟧) == ''", "string() takes", "")]
#[case(
    "double(active) == 1",
    "double(⟦active⟧) == 1",
    "double() takes a number, text or JSON",
    ""
)]
#[case("bool(status)", "bool(⟦status⟧)", "bool() takes", "")]
#[case(
    "uptime < duration(25)",
    "uptime < duration(⟦25⟧)",
    "needs its unit",
    "duration('25h')"
)]
#[case(
    "uptime < duration('25')",
    "uptime < duration(⟦'25'⟧)",
    "25 has no unit",
    "duration('25h')"
)]
#[case(
    "uptime < duration('')",
    "uptime < duration(⟦''⟧)",
    "without a number",
    "1h30m"
)]
#[case(
    "uptime < duration('h')",
    "uptime < duration(⟦'h'⟧)",
    "a number and a unit",
    ""
)]
#[case(
    "uptime < duration('1y')",
    "uptime < duration(⟦'1y'⟧)",
    "'y' is not a unit",
    ""
)]
#[case(
    "uptime < duration('30m1h')",
    "uptime < duration(⟦'30m1h'⟧)",
    "the longest first",
    ""
)]
#[case(
    "uptime < duration('1h1h')",
    "uptime < duration(⟦'1h1h'⟧)",
    "each unit once",
    ""
)]
#[case(
    "uptime < duration('1 h')",
    "uptime < duration(⟦'1 h'⟧)",
    "not a unit",
    ""
)]
#[case(
    "uptime < duration('1..5h')",
    "uptime < duration(⟦'1..5h'⟧)",
    "not a duration",
    ""
)]
#[case(
    "uptime < duration('99999999999999999999w')",
    "uptime < duration(⟦'99999999999999999999w'⟧)",
    "too long",
    ""
)]
#[case(
    "uptime < duration(status)",
    "uptime < duration(⟦status⟧)",
    "duration() takes text or JSON",
    ""
)]
#[case(
    "now < timestamp('tomorrow')",
    "now < timestamp(⟦'tomorrow'⟧)",
    "RFC 3339",
    "+08:00"
)]
#[case(
    "now < timestamp('2026-06-05T18:55:04')",
    "now < timestamp(⟦'2026-06-05T18:55:04'⟧)",
    "with its offset",
    ""
)]
#[case("true", "⟦true⟧", "asks nothing of what was seen", "")]
#[case("1 < 2", "⟦1 < 2⟧", "asks nothing of what was seen", "")]
#[case("[1].all(x, x > 0)", "⟦[1].all(x, x > 0)⟧", "asks nothing", "")]
fn is_refused(
    #[case] source: &str,
    #[case] marked: &str,
    #[case] message: &str,
    #[case] suggestion: &str,
) {
    let error = compile(source).expect_err(source);
    let (start, end) = (error.span.start, error.span.end);
    let found = format!(
        "{}⟦{}⟧{}",
        &source[..start],
        &source[start..end],
        &source[end..]
    );
    assert_eq!(found, marked, "{error:?}");
    assert!(error.message.contains(message), "{error:?}");
    assert!(
        error
            .suggestion
            .clone()
            .unwrap_or_default()
            .contains(suggestion),
        "{error:?}"
    );
}

#[rstest]
#[case("(".repeat(10_000))]
#[case("[".repeat(10_000))]
#[case("!".repeat(10_000) + "active")]
#[case("-".repeat(10_000) + "status == 1")]
#[case("size(".repeat(10_000))]
#[case("active ? ".repeat(10_000))]
#[case("active ? active : ".repeat(10_000) + "active")]
#[case("active && ".repeat(10_000) + "active")]
#[case("1 + ".repeat(10_000) + "1 == status")]
#[case("json".to_owned() + &".a".repeat(10_000) + " == 1")]
#[case("json".to_owned() + &"[0]".repeat(10_000) + " == 1")]
#[case("json[".repeat(10_000))]
fn bombs_are_refused(#[case] source: String) {
    let error = compile(&source).expect_err("a bomb");
    assert!(error.span.end <= source.len());
}

#[test]
fn reasonable_depth_is_fine() {
    assert!(compile(&("active && ".repeat(150) + "active")).is_ok());
    assert!(compile(&format!("{}active{}", "(".repeat(60), ")".repeat(60))).is_ok());
}

#[rstest]
#[case("status in [200, 401]", Some(false), "status = 502")]
#[case("active == idle", Some(false), "active = true, idle = false")]
#[case("idle", Some(false), "idle = false")]
#[case("!active", Some(false), "active = true")]
#[case(
    "now - modified < duration('25h')",
    Some(false),
    "now - modified = 26h 4m"
)]
#[case(
    "(now - modified) < duration('25h')",
    Some(false),
    "(now - modified) = 26h 4m"
)]
#[case(
    "modified > now",
    Some(false),
    "modified = 2026-06-04T08:51:04Z, now = 2026-06-05T10:55:04Z"
)]
#[case(
    "body.contains('failed')",
    Some(false),
    "body = 'all 3 jobs registered: 全部排程任務已註冊'"
)]
#[case(
    "body.matches('^x')",
    Some(false),
    "body = 'all 3 jobs registered: 全部排程任務已註冊'"
)]
#[case("active && status == 200", Some(false), "status = 502")]
#[case("idle && status == 200", Some(false), "idle = false, status = 502")]
#[case("idle && unseen == 1", Some(false), "idle = false")]
#[case("idle || status == 200", Some(false), "idle = false, status = 502")]
#[case("active || status == 200", Some(true), "active = true")]
#[case("active && status == 502", Some(true), "active = true, status = 502")]
#[case(
    "idle || unseen == 1",
    None,
    "could not tell: idle = false, unseen was not seen"
)]
#[case("active && unseen == 1", None, "could not tell: unseen was not seen")]
#[case("status > 500 && status < 502", Some(false), "status = 502")]
#[case("loads.all(x, x < 2)", Some(false), "loads[2] = 3")]
#[case("loads.exists(x, x > 5)", Some(false), "loads = [0.5, 1.25, 3]")]
#[case("loads.exists(x, x > 1)", Some(true), "loads[1] = 1.25")]
#[case("has(unseen)", Some(false), "has(unseen) = false")]
#[case("json.count == 4", Some(false), "json.count = 3")]
#[case("json.nothing != null", Some(false), "json.nothing = null")]
#[case(
    "'x' in json.deep",
    Some(false),
    "json.deep = {'er': [{'ready': true}, {'ready': 'yes'}]}"
)]
#[case("size(names)  >\n 3", Some(false), "size(names) = 2")]
#[case("size(names) == 0", Some(false), "names = ['eth0', 'lo']")]
#[case("size(names) > 0", Some(true), "size(names) = 2")]
#[case("status +\n  1 == 2", Some(false), "status + 1 = 503")]
#[case(
    "active ? status == 1 : idle",
    Some(false),
    "active = true, status = 502"
)]
#[case(
    "metric('last_success') > 1e10",
    Some(false),
    "metric('last_success') = 1780649464"
)]
fn words_tell_what_decided(#[case] source: &str, #[case] held: Option<bool>, #[case] seen: &str) {
    let finding = finding(source);
    assert_eq!((finding.held, finding.seen.as_str()), (held, seen));
}

#[test]
fn what_is_expected_stands_on_one_line() {
    let finding = finding("status   in [200,\n    401]\n  ||  body == 'two  spaces'\n");
    assert_eq!(
        finding.expected,
        "status in [200, 401] || body == 'two  spaces'"
    );
    assert_eq!(
        finding.expectation.as_deref(),
        Some("status   in [200,\n    401]\n  ||  body == 'two  spaces'\n")
    );
}

#[test]
fn long_and_hostile_text_is_made_harmless() {
    let mut facts = Facts::new();
    facts.set(
        "body",
        format!("\u{1b}[2J\u{202e}it's\n{}", "x".repeat(10_000)),
    );
    let expectation = compile("body == ''").expect("compiles");
    let seen = expectation.judge(&facts, now()).seen;
    assert!(
        seen.starts_with("body = '\\u001b[2J\\u202eit\\'s\\nxxx"),
        "{seen}"
    );
    assert!(seen.ends_with("x…") && seen.chars().count() < 160, "{seen}");
    assert!(!seen.chars().any(char::is_control));
}

#[rstest]
#[case(0.1 + 0.2, "0.3")]
#[case(1.000_000_1, "1.0000001")]
#[case(2_147_483_648.0, "2147483648")]
#[case(-0.0, "0")]
#[case(1e300, "1e300")]
#[case(1e-9, "1e-9")]
#[case(0.123_456_789, "0.123457")]
fn numbers_read_well(#[case] number: f64, #[case] words: &str) {
    assert_eq!(words::number(number), words);
}

#[rstest]
#[case("0s", "0s")]
#[case("1ns", "1ns")]
#[case("1500us", "1.5ms")]
#[case("350ms", "350ms")]
#[case("59.25s", "59.25s")]
#[case("60s", "1m")]
#[case("24h59m59s", "24h 59m")]
#[case("25h30s", "25h 30s")]
#[case("72h", "3d")]
#[case("73h", "3d 1h")]
#[case("2w", "14d")]
#[case("-90m", "-1h 30m")]
#[case("1h0.5s", "1h")]
fn durations_read_well(#[case] written: &str, #[case] words: &str) {
    assert_eq!(
        duration::words(duration::parse(written).expect(written)),
        words
    );
}

fn observation(outcome: Outcome) -> Observation {
    Observation {
        at: now(),
        elapsed: Duration::from_secs(1),
        attempts: 1,
        outcome,
    }
}

#[rstest]
#[case(&[], Verdict::Pass, Verdict::Pass)]
#[case(&[(Level::Require, "active")], Verdict::Pass, Verdict::Pass)]
#[case(&[(Level::Prefer, "active")], Verdict::Pass, Verdict::Pass)]
#[case(&[(Level::Require, "idle")], Verdict::Blocked, Verdict::Warn)]
#[case(&[(Level::Require, "unseen_flag")], Verdict::Blocked, Verdict::Warn)]
#[case(&[(Level::Prefer, "idle")], Verdict::Warn, Verdict::Warn)]
#[case(&[(Level::Prefer, "unseen_flag")], Verdict::Warn, Verdict::Warn)]
#[case(&[(Level::Prefer, "idle"), (Level::Require, "active")], Verdict::Warn, Verdict::Warn)]
#[case(&[(Level::Require, "idle"), (Level::Prefer, "idle"), (Level::Require, "active")], Verdict::Blocked, Verdict::Warn)]
fn verdicts(
    #[case] expectations: &[(Level, &str)],
    #[case] verdict: Verdict,
    #[case] advisory: Verdict,
) {
    let expectations: Vec<Expectation> = expectations
        .iter()
        .map(|(level, source)| Expectation::compile(*level, source, FACTS).expect("compiles"))
        .collect();
    let observation = observation(Outcome::Seen(facts()));
    let judgement = judge(&observation, &expectations, "an answer", false);
    assert_eq!(judgement.verdict, verdict);
    assert_eq!(judgement.findings.len(), expectations.len());
    assert_eq!(
        judge(&observation, &expectations, "an answer", true).verdict,
        advisory
    );
}

/// `exists = false` is all there is to say of a missing file.
#[rstest]
#[case(&[(Level::Require, "active"), (Level::Require, "unseen_flag"), (Level::Prefer, "unseen_flag")], Verdict::Blocked, 1)]
#[case(&[(Level::Require, "unseen_flag"), (Level::Require, "active")], Verdict::Blocked, 1)]
#[case(&[(Level::Prefer, "active"), (Level::Prefer, "unseen_flag")], Verdict::Warn, 1)]
#[case(&[(Level::Prefer, "active"), (Level::Require, "unseen_flag")], Verdict::Blocked, 2)]
#[case(&[(Level::Require, "!active"), (Level::Require, "unseen_flag")], Verdict::Blocked, 2)]
#[case(&[(Level::Require, "unseen_flag"), (Level::Prefer, "unseen_flag")], Verdict::Blocked, 2)]
fn absence_is_told_once(
    #[case] expectations: &[(Level, &str)],
    #[case] verdict: Verdict,
    #[case] told: usize,
) {
    let expectations: Vec<Expectation> = expectations
        .iter()
        .map(|(level, source)| Expectation::compile(*level, source, FACTS).expect("compiles"))
        .collect();
    let mut only = Facts::new();
    only.set("active", false);
    let judge = |facts: Facts| {
        let seen = observation(Outcome::Seen(facts));
        judge(&seen, &expectations, "an answer", false)
    };
    let judgement = judge(only.clone());
    assert_eq!(judgement.verdict, verdict);
    assert_eq!(judgement.findings.len(), told, "{:#?}", judgement.findings);
    // With anything else seen beside it, each may have a reason of its own.
    only.set("count", 1.0);
    assert_eq!(judge(only).findings.len(), expectations.len());
}

#[test]
fn an_expectation_is_told_as_the_baseline_writes_it() {
    let compiled = Expectation::compile(Level::Require, "!active", FACTS).expect("compiles");
    let finding = |words: Option<&str>| {
        let expectation = compiled.clone().in_words(words.map(str::to_owned));
        let seen = observation(Outcome::Seen(facts()));
        judge(&seen, &[expectation], "an answer", false)
            .findings
            .remove(0)
    };
    assert_eq!(finding(None).expected, "!active");
    let told = finding(Some("state: off"));
    assert_eq!(told.expected, "state: off");
    assert_eq!(told.expectation.as_deref(), Some("!active"));
}

#[test]
fn a_fault_is_never_a_pass() {
    let fault = Fault::new(
        FaultKind::Refused,
        "connection refused by 192.0.2.1:5432\u{1b}[0m",
    );
    let observation = observation(Outcome::Fault(fault));
    let judgement = judge(&observation, &[], "a TCP connection within 5 s", false);
    assert_eq!(judgement.verdict, Verdict::Blocked);
    assert_eq!(
        judgement.findings,
        [Finding {
            expectation: None,
            level: Level::Require,
            expected: "a TCP connection within 5 s".to_owned(),
            seen: "could not tell: connection refused by 192.0.2.1:5432\\u001b[0m".to_owned(),
            held: None,
        }]
    );
    assert_eq!(
        judge(&observation, &[], "an answer", true).verdict,
        Verdict::Warn
    );
}

fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        FACTS
            .iter()
            .map(|fact| Just(fact.name.to_owned()))
            .collect::<Vec<_>>()
            .prop_map_union(),
        "[0-9]{1,4}(\\.[0-9]{1,3})?",
        "'[a-z0-9 全]{0,4}'",
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("now".to_owned()),
        Just("duration('1h')".to_owned()),
        Just("json.count".to_owned()),
        Just("json.list".to_owned()),
    ];
    leaf.prop_recursive(6, 40, 3, |inner| {
        let operator = prop::sample::select(vec![
            "||", "&&", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%",
        ]);
        let function = prop::sample::select(vec!["size", "has", "string", "double", "bool", "abs", "timestamp"]);
        let method = prop::sample::select(vec!["contains", "startsWith", "endsWith"]);
        prop_oneof![
            6 => (inner.clone(), operator, inner.clone()).prop_map(|(l, o, r)| format!("({l} {o} {r})")),
            1 => inner.clone().prop_map(|x| format!("(!{x})")),
            1 => inner.clone().prop_map(|x| format!("(-{x})")),
            2 => (function, inner.clone()).prop_map(|(f, x)| format!("{f}({x})")),
            1 => (inner.clone(), method, inner.clone()).prop_map(|(l, m, r)| format!("{l}.{m}({r})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("{l}[{r}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("[{l}, {r}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("{l}.all(x, {r})")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(c, y, n)| format!("({c} ? {y} : {n})")),
        ]
    })
}

trait Union {
    fn prop_map_union(self) -> BoxedStrategy<String>;
}

impl Union for Vec<Just<String>> {
    fn prop_map_union(self) -> BoxedStrategy<String> {
        proptest::strategy::Union::new(self).boxed()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compile_never_panics(source in "\\PC{0,60}") {
        if let Err(error) = compile(&source) {
            prop_assert!(source.get(error.span.clone()).is_some(), "{:?}", error);
        }
    }

    #[test]
    fn compile_never_panics_on_near_misses(
        parts in prop::collection::vec(prop::sample::select(vec![
            "status", "body", "json", "now", "'", "\"", "'a'", "全", "1", ".", "1e", "25h", "(", ")", "[", "]", ",", "==",
            "in", "&&", "!", "-", "?", ":", "size(", ".all(x,", "has(", "\\", "r'", "null", " ", "\n", "duration(",
        ]), 0..25)
    ) {
        let source = parts.concat();
        if let Err(error) = compile(&source) {
            prop_assert!(source.get(error.span.clone()).is_some(), "{:?}", error);
        }
    }

    #[test]
    fn judging_never_panics_and_words_agree(source in expressions()) {
        if let Ok(expectation) = compile(&source) {
            let finding = expectation.judge(&facts(), now());
            prop_assert_eq!(finding.held.is_none(), finding.seen.starts_with(CANNOT_TELL));
            prop_assert!(!finding.seen.is_empty());
            // Nothing seen at all is never a pass, except for what asks just that.
            let blind = expectation.judge(&Facts::new(), now());
            if !source.contains("has(") && !source.contains("now") && !source.contains("||") && !source.contains('?') {
                prop_assert_ne!(blind.held, Some(true), "{}", source);
            }
        }
    }

    #[test]
    fn printed_and_parsed_is_the_same(source in expressions()) {
        let printed = bracketed(&parser::parse(&source).expect("generated"));
        prop_assert_eq!(bracketed(&parser::parse(&printed).expect("printed")), printed);
    }

    #[test]
    fn durations_survive(nanos in any::<i64>()) {
        let duration = SignedDuration::from_nanos(nanos);
        let written = format!("{}{}s{}ns", if nanos < 0 { "-" } else { "" }, duration.as_secs().unsigned_abs(), duration.subsec_nanos().unsigned_abs());
        prop_assert_eq!(duration::parse(&written), Ok(duration));
        prop_assert!(!duration::words(duration).is_empty());
    }
}

/// The reference must not show what does not compile.
#[test]
fn the_examples_of_the_reference_compile() {
    let page = include_str!("../../docs/expectations.md");
    let mut examples = 0;
    for block in page.split("```cel\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        for line in block.lines() {
            let source = line.split("  //").next().unwrap_or_default().trim();
            if let Err(error) = compile(source) {
                panic!("{source}: {error:?}");
            }
            examples += 1;
        }
    }
    assert!(examples >= 30, "only {examples} examples");
}

/// Only so that a missing operator is a compile error here, too.
#[test]
fn every_operator_is_known_by_its_symbol() {
    for symbol in [
        "||", "&&", "in", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%",
    ] {
        assert_eq!(Operator::of(symbol).map(Operator::symbol), Some(symbol));
    }
}
