use rstest::rstest;
use serde_json::{Value as Json, json};

use super::super::aim::tests::{context, target, within};
use super::super::stage::fact;
use super::*;
use crate::servers::http::on;
use crate::servers::tcp::{self, Server};

const QUERY: &str = "/api/v1/query";

fn prometheus(options: Json) -> Prometheus {
    serde_json::from_value(options).expect("options")
}

/// A server that answers by path.
async fn server(
    answer: impl Fn(&str) -> (&'static str, &'static str) + Send + Sync + 'static,
) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    on(listener, answer)
}

fn at(server: &Server, mut options: Json) -> Prometheus {
    options["url"] = json!(format!("http://{}", server.address));
    prometheus(options)
}

/// Looks once; facts are as they are declared, and what was sent is what was told.
async fn look(kind: &Prometheus) -> Result<Facts, Fault> {
    let (context, ledger) = context(&[("PASSWORD", "correct horse"), ("TOKEN", "t0ken")]);
    let seen = within(Kind::run(kind, &context)).await;
    if let Ok(facts) = &seen {
        for (name, value) in facts.iter() {
            let spec = Prometheus::FACTS.iter().find(|spec| spec.name == name);
            let spec = spec.unwrap_or_else(|| panic!("{name} is not declared"));
            assert!(value.is(&spec.ty), "{name} is no {:?}: {value:?}", spec.ty);
        }
        let told = Kind::requests(kind, &context.target, &Policy::default());
        let told: Vec<String> = told
            .into_iter()
            .map(|request| format!("{} {}", request.protocol, request.text))
            .filter(|line| !line.contains("EXPRESSION"))
            .collect();
        for line in ledger.sent() {
            let asked = line.contains("format_query") || line.contains("walreplay");
            let noted = format!("{line} (only ");
            let told = told
                .iter()
                .any(|one| *one == line || one.starts_with(&noted));
            assert!(asked || told, "{line}");
        }
    }
    seen
}

async fn facts(answer: (&'static str, &'static str), options: Json) -> Facts {
    let server = server(move |_| answer).await;
    look(&at(&server, options)).await.expect("facts")
}

async fn fault(answer: (&'static str, &'static str), options: Json) -> Fault {
    let server = server(move |_| answer).await;
    look(&at(&server, options)).await.expect_err("a fault")
}

#[rstest]
#[case(json!({"query": "up", "rules": {"name": ["A"]}}))]
#[case(json!({"rules": {"equal_to": "a", "compare": ["severity"]}}))]
#[case(json!({"alerts": {"matchers": ["severity"]}}))]
#[case(json!({"ready": {}, "authorization": {"secret": "hunter22"}}))]
#[case(json!({"ready": {}, "authorization": {"user": "me", "password": "hunter22"}}))]
fn options_that_do_not_parse(#[case] mut options: Json) {
    options["url"] = json!("http://192.0.2.1:9090");
    let error = serde_json::from_value::<Prometheus>(options).expect_err("refused");
    assert!(!error.to_string().contains("hunter22"), "{error}");
}

#[rstest]
#[case(json!({}), "", "nothing is asked for")]
#[case(json!({"ready": {}, "alerts": {}}), "", "one check asks for one of")]
#[case(json!({"url": "ftp://a", "ready": {}}), "url", "neither http nor https")]
#[case(json!({"url": "http://a/?b", "ready": {}}), "url", "no `?` in it")]
#[case(json!({"url": "http://a:9090/api/v1/query", "ready": {}}), "url", "ends before `/api`")]
#[case(json!({"url": "http://me:word@a", "ready": {}}), "url", "login")]
#[case(json!({"url": "http://127.0.0.1:9090", "ready": {}}), "url", "operator's own machine")]
#[case(json!({"ready": {}, "by": "job"}), "by", "belongs to a `query`")]
#[case(json!({"query": " "}), "query", "asks nothing")]
#[case(json!({"query": "up", "step": "1m"}), "step", "no steps")]
#[case(json!({"query": "up", "range": "30s"}), "range", "no two steps")]
#[case(json!({"query": "up", "range": "1d", "step": "1s"}), "step", "which Prometheus refuses")]
#[case(json!({"query": "up", "times_of": "sum(up)"}), "times_of", "more than a selector")]
#[case(json!({"rules": {"names": ["A"], "equal_to": "a.yml"}}), "rules.names", "those of the file")]
#[case(json!({"rules": {"compare": ["labels"]}}), "rules.compare", "nothing to compare with")]
#[case(json!({"rules": {"equal_to": "a", "compare": []}}), "rules.compare", "nothing of the rules")]
#[case(json!({"exposition": {"path": "/"}}), "exposition.path", "no path")]
#[case(json!({"exposition": {"only": ["a b"]}}), "exposition.only.0", "no name of a metric")]
#[case(json!({"ready": {}, "authorization": {"user": "a:b", "password": "env:A"}}), "authorization.user", "a colon")]
fn options_that_cannot_be_meant(
    #[case] mut options: Json,
    #[case] path: &str,
    #[case] message: &str,
) {
    if options.get("url").is_none() {
        options["url"] = json!("http://192.0.2.1:9090");
    }
    let kind = prometheus(options);
    let problems = Kind::problems(&kind, &target(Some("ops110"), None), &Policy::default());
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    assert_eq!(problem.path.join("."), path);
    assert!(problem.message.contains(message), "{}", problem.message);
    assert!(!problem.message.contains("word@"), "{}", problem.message);
}

#[rstest]
#[case("up", true)]
#[case(" job:up:sum{a=\"}\", b!~'c'} ", true)]
#[case("{__name__=\"up\"}", true)]
#[case("up{a=\"b\\\"}\"}", true)]
#[case("up{a=`\\`}", true)]
#[case("", false)]
#[case("1", false)]
#[case("NaN", false)]
#[case("inf", false)]
#[case("sum(up)", false)]
#[case("up[5m]", false)]
#[case("up offset 5m", false)]
#[case("up == 1", false)]
#[case("up{a=\"b\"} > 1", false)]
#[case("up{a=\"b\"", false)]
fn selectors(#[case] query: &str, #[case] expected: bool) {
    assert_eq!(query::is_selector(query), expected);
}

const ONE: &str = r#"{"status":"success","data":{"resultType":"vector","result":[
  {"metric":{"__name__":"age","host":"188"},"value":[1780656904.5,"12.5"]}]}}"#;
const SEVERAL: &str = r#"{"status":"success","data":{"resultType":"vector","result":[
  {"metric":{"__name__":"age","host":"188"},"value":[1780656904,"1"]},
  {"metric":{"__name__":"age","host":"110"},"value":[1780656904,"+Inf"]},
  {"metric":{"__name__":"age","host":"120"},"value":[1780656904,"NaN"]},
  {"metric":{"__name__":"age","host":"121","a":"1"},"value":[1780656904,"3"]},
  {"metric":{"__name__":"age","host":"121","a":"2"},"value":[1780656904,"4"]},
  {"metric":{"__name__":"h","host":"122"},"histogram":[1780656904,{"count":"1","sum":"1"}]}]}}"#;
const NONE: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

#[tokio::test]
async fn one_series_has_a_value() {
    let facts = facts(("200 OK", ONE), json!({"query": "sum(age) by (host)"})).await;
    assert_eq!(fact(&facts, "value"), json!(12.5));
    assert_eq!(fact(&facts, "series"), json!(1));
    assert_eq!(fact(&facts, "absent"), json!(false));
    assert_eq!(fact(&facts, "values"), json!({"age{host=\"188\"}": 12.5}));
    // The time in the answer is that of the question.
    assert_eq!(fact(&facts, "newest_sample_at"), Json::Null);
}

#[tokio::test]
async fn several_series_are_told_by_a_label() {
    let facts = facts(
        ("200 OK", SEVERAL),
        json!({"query": "max(age)", "by": "host"}),
    )
    .await;
    assert_eq!(fact(&facts, "values"), json!({"188": 1, "110": "infinity"}));
    assert_eq!(fact(&facts, "duplicates"), json!(["121"]));
    assert_eq!(fact(&facts, "not_a_number"), json!(["120", "122"]));
    assert_eq!(fact(&facts, "infinite"), json!(["110"]));
    assert_eq!(fact(&facts, "value"), Json::Null);
    assert_eq!(fact(&facts, "min"), json!(1));
    assert_eq!(fact(&facts, "max"), json!("infinity"));
    assert_eq!(fact(&facts, "series"), json!(6));
}

#[tokio::test]
async fn no_series_is_a_fact_and_not_zero() {
    let facts = facts(("200 OK", NONE), json!({"query": "up"})).await;
    assert_eq!(fact(&facts, "absent"), json!(true));
    for name in ["value", "min", "max", "newest_sample_at"] {
        assert_eq!(fact(&facts, name), Json::Null, "{name}");
    }
    let kind = prometheus(json!({"url": "http://192.0.2.1", "query": "up"}));
    assert!(
        Kind::defaults(&kind)
            .require
            .contains(&"!absent".to_owned())
    );
}

#[tokio::test]
async fn a_scalar_and_what_is_dubious() {
    let answer = r#"{"status":"success","data":{"result":[1,"2"],"resultType":"scalar"},
        "warnings":["PromQL warning: mixed"],"infos":["PromQL info: no counter"]}"#;
    let facts = facts(("200 OK", answer), json!({"query": "2"})).await;
    assert_eq!(fact(&facts, "value"), json!(2));
    assert_eq!(fact(&facts, "warnings"), json!(["PromQL warning: mixed"]));
    assert_eq!(fact(&facts, "infos"), json!(["PromQL info: no counter"]));
}

/// Without their names, series of several metrics are alike to `timestamp()`.
#[tokio::test]
async fn times_that_nobody_asked_for_and_cannot_be_had_are_left_out() {
    let answer = |path: &str| {
        if path.contains("timestamp") {
            (
                "422 Unprocessable Entity",
                r#"{"status":"error","errorType":"execution","error":"vector cannot contain metrics with the same labelset"}"#,
            )
        } else {
            ("200 OK", ONE)
        }
    };
    let server = server(answer).await;
    let facts = look(&at(&server, json!({"query": "{__name__=~\"a|b\"}"})))
        .await
        .expect("facts");
    assert_eq!(fact(&facts, "series"), json!(1));
    assert_eq!(fact(&facts, "newest_sample_at"), Json::Null);
    let asked = json!({"query": "a", "times_of": "{__name__=~\"a|b\"}"});
    let fault = look(&at(&server, asked)).await.expect_err("a fault");
    assert!(fault.seen.contains("same labelset"), "{}", fault.seen);
}

#[tokio::test]
async fn the_times_of_samples_are_asked_for() {
    let server = server(|path| {
        assert!(path.starts_with(QUERY));
        let times = r#"{"status":"success","data":{"resultType":"vector","result":[
          {"metric":{"host":"188"},"value":[1780656904,"1780656900.25"]},
          {"metric":{"host":"110"},"value":[1780656904,"1780656000"]}]}}"#;
        (
            "200 OK",
            if path.contains("timestamp") {
                times
            } else {
                ONE
            },
        )
    })
    .await;
    for options in [
        json!({"query": "age{host=\"188\"}"}),
        json!({"query": "max(age)", "times_of": "age"}),
    ] {
        let facts = look(&at(&server, options)).await.expect("facts");
        assert_eq!(
            fact(&facts, "newest_sample_at"),
            json!("2026-06-05T10:55:00.25Z")
        );
        assert_eq!(
            fact(&facts, "oldest_sample_at"),
            json!("2026-06-05T10:40:00Z")
        );
    }
}

#[rstest]
#[case(json!({"query": "up"}))]
#[case(json!({"query": "up", "by": "host", "range": "15m"}))]
fn no_comparison_holds_of_what_is_no_number(#[case] mut options: Json) {
    options["url"] = json!("http://192.0.2.1:9090");
    let defaults = Kind::defaults(&prometheus(options));
    for (expected, of) in [
        ("!absent", &defaults.require),
        ("size(not_a_number) == 0", &defaults.require),
        ("size(infinite) == 0", &defaults.prefer),
    ] {
        assert!(of.iter().any(|one| one == expected), "{expected} in {of:?}");
    }
}

#[tokio::test]
async fn a_range_that_was_infinite_once() {
    let answer = r#"{"status":"success","data":{"resultType":"matrix","result":[
      {"metric":{"__name__":"lag"},"values":[[60,"9"],[120,"-Inf"],[180,"4"]]},
      {"metric":{"__name__":"led"},"values":[[60,"9"]]}]}}"#;
    let options = json!({"query": "lag or led", "range": "5m"});
    let facts = facts(("200 OK", answer), options).await;
    assert_eq!(fact(&facts, "infinite"), json!(["lag"]));
}

#[tokio::test]
async fn a_range_has_a_course() {
    let answer = r#"{"status":"success","data":{"resultType":"matrix","result":[
      {"metric":{"__name__":"lag"},"values":[[60,"9"],[120,"9"],[240,"NaN"],[300,"4"]]}]}}"#;
    let options = json!({"query": "lag", "range": "5m"});
    let facts = facts(("200 OK", answer), options).await;
    for (name, expected) in [
        ("first", json!(9)),
        ("last", json!(4)),
        ("value", json!(4)),
        ("min", json!(4)),
        ("max", json!(9)),
        ("increase", json!(-5)),
        ("increases", json!({"lag": -5})),
        ("not_increasing", json!(true)),
        ("samples", json!(3)),
        ("gaps", json!(2)),
        ("longest_gap_s", json!(180)),
        ("not_a_number", json!(["lag"])),
        ("infinite", json!([])),
        ("oldest_sample_at", json!("1970-01-01T00:01:00Z")),
        ("newest_sample_at", json!("1970-01-01T00:05:00Z")),
    ] {
        assert_eq!(fact(&facts, name), expected, "{name}");
    }
}

#[tokio::test]
async fn where_it_goes_takes_two_samples() {
    let answer = r#"{"status":"success","data":{"resultType":"matrix","result":[
      {"metric":{"a":"1"},"values":[[60,"1"],[120,"2"]]},{"metric":{"a":"2"},"values":[[60,"1"]]}]}}"#;
    let facts = facts(
        ("200 OK", answer),
        json!({"query": "x", "range": "2m", "by": "a"}),
    )
    .await;
    assert_eq!(fact(&facts, "not_increasing"), Json::Null);
    assert_eq!(fact(&facts, "increases"), json!({"1": 1}));
    assert_eq!(fact(&facts, "increase"), Json::Null);
    assert_eq!(fact(&facts, "gaps"), json!(1));
    let empty = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    let facts = super::tests::facts(("200 OK", empty), json!({"query": "x", "range": "2m"})).await;
    assert_eq!(fact(&facts, "absent"), json!(true));
    assert_eq!(fact(&facts, "gaps"), Json::Null);
    assert_eq!(fact(&facts, "not_increasing"), Json::Null);
}

const TARGETS: &str = r#"{"status":"success","data":{"activeTargets":[
  {"labels":{"job":"node","instance":"110:9100"},"lastError":"","lastScrape":"2026-06-05T10:55:00Z","health":"up"},
  {"labels":{"job":"node","instance":"188:9100"},"lastError":"connection refused","lastScrape":"2026-06-05T10:54:00Z","health":"down"},
  {"labels":{"job":"new","instance":"a"},"lastError":"","lastScrape":"0001-01-01T00:00:00Z","health":"unknown"}],
  "droppedTargets":[{"discoveredLabels":{}}]}}"#;

#[tokio::test]
async fn targets_that_are_down_are_named() {
    let seen = facts(
        ("200 OK", TARGETS),
        json!({"targets": {"job": ["node", "gone"]}}),
    )
    .await;
    assert_eq!(fact(&seen, "targets"), json!(2));
    assert_eq!(fact(&seen, "up"), json!(1));
    assert_eq!(fact(&seen, "down"), json!(1));
    assert_eq!(fact(&seen, "unknown"), json!(0));
    assert_eq!(
        fact(&seen, "down_targets"),
        json!(["node 188:9100: connection refused"])
    );
    assert_eq!(fact(&seen, "missing"), json!(["gone"]));
    assert_eq!(
        fact(&seen, "oldest_scrape_at"),
        json!("2026-06-05T10:54:00Z")
    );
    assert_eq!(fact(&seen, "dropped"), Json::Null);
    let seen = facts(("200 OK", TARGETS), json!({"targets": {"dropped": true}})).await;
    assert_eq!(fact(&seen, "unknown"), json!(1));
    assert_eq!(fact(&seen, "dropped"), json!(1));
    assert_eq!(fact(&seen, "oldest_scrape_at"), Json::Null);
    let seen = facts(
        ("200 OK", TARGETS),
        json!({"targets": {"job": "node", "matchers": ["instance=~\"110:.*\""]}}),
    )
    .await;
    assert_eq!(
        (fact(&seen, "up"), fact(&seen, "down")),
        (json!(1), json!(0))
    );
}

const RULES: &str = r#"{"status":"success","data":{"groups":[{"name":"backup","rules":[
  {"type":"alerting","name":"Escrow","query":"gap > 0","duration":0,"labels":{"severity":"warning"},"annotations":{},"state":"firing","health":"ok","lastEvaluation":"2026-06-05T10:55:00Z",
   "alerts":[{"labels":{"alertname":"Escrow","item":"dns"},"state":"firing","activeAt":"2026-06-05T09:00:00Z"},
             {"labels":{"alertname":"Escrow","item":"oauth"},"state":"firing","activeAt":"2026-06-05T08:00:00Z"}]},
  {"type":"alerting","name":"Failed","query":"failed > 0","duration":300,"labels":{},"state":"pending","health":"ok","lastEvaluation":"2026-06-05T10:54:00Z",
   "alerts":[{"labels":{"alertname":"Failed"},"state":"pending","activeAt":"2026-06-05T10:00:00Z"}]},
  {"type":"alerting","name":"Broken","query":"a * b","health":"err","lastError":"many-to-many","lastEvaluation":"2026-06-05T10:55:00Z","alerts":[]},
  {"type":"recording","name":"job:up","query":"sum(up)","health":"unknown","lastEvaluation":"0001-01-01T00:00:00Z"}]}]}}"#;

#[tokio::test]
async fn rules_are_loaded_and_healthy_by_name() {
    let seen = facts(
        ("200 OK", RULES),
        json!({"rules": {"names": ["Escrow", "Failed", "Gone"]}}),
    )
    .await;
    assert_eq!(fact(&seen, "rules"), json!(2));
    assert_eq!(fact(&seen, "missing"), json!(["Gone"]));
    assert_eq!(fact(&seen, "unhealthy"), json!([]));
    assert_eq!(
        fact(&seen, "oldest_evaluation_at"),
        json!("2026-06-05T10:54:00Z")
    );
    assert_eq!(fact(&seen, "firing"), json!(["Escrow"]));
    assert_eq!(fact(&seen, "pending"), json!(["Failed"]));
    let seen = facts(("200 OK", RULES), json!({"rules": {}})).await;
    assert_eq!(fact(&seen, "rules"), json!(4));
    assert_eq!(fact(&seen, "unhealthy"), json!(["Broken: many-to-many"]));
    assert_eq!(fact(&seen, "unevaluated"), json!(["job:up"]));
    assert_eq!(fact(&seen, "oldest_evaluation_at"), Json::Null);
}

#[tokio::test]
async fn alerts_that_fire_and_those_that_should() {
    let seen = facts(
        ("200 OK", RULES),
        json!({"alerts": {"expect": ["Escrow", "Failed"]}}),
    )
    .await;
    assert_eq!(fact(&seen, "firing_count"), json!(2));
    assert_eq!(
        fact(&seen, "instances"),
        json!(["Escrow{item=\"dns\"}", "Escrow{item=\"oauth\"}"])
    );
    assert_eq!(fact(&seen, "not_firing"), json!(["Failed"]));
    assert_eq!(fact(&seen, "unexpected"), json!([]));
    assert_eq!(
        fact(&seen, "oldest_active_at"),
        json!("2026-06-05T08:00:00Z")
    );
    let seen = facts(
        ("200 OK", RULES),
        json!({"alerts": {"names": ["Failed", "Gone"], "expect": ["Failed"]}}),
    )
    .await;
    assert_eq!(fact(&seen, "firing_count"), json!(0));
    assert_eq!(fact(&seen, "pending_count"), json!(1));
    // Of a rule that is not loaded no alert fires: that alone is no good news.
    assert_eq!(fact(&seen, "missing"), json!(["Gone"]));
    let seen = facts(
        ("200 OK", RULES),
        json!({"alerts": {"matchers": ["item!=dns"]}}),
    )
    .await;
    assert_eq!(fact(&seen, "firing_count"), json!(1));
}

/// The server's clock, at half past ten.
const DATED: &str = "200 OK\r\ndate: Fri, 05 Jun 2026 10:30:00 GMT";

/// `Failed` is pending, and fires after five minutes, with two more to spare after all was
/// asked, which takes at most half an hour.
#[rstest]
#[case::long_ago(("200 OK", r#"{"status":"success","data":{"startTime":"2026-06-05T09:20:00.5Z","lastConfigTime":"2026-06-05T09:21:00Z"}}"#), json!({}), json!([]))]
#[case::what_was_asked_is_not_told(("200 OK", r#"{"status":"success","data":{"startTime":"2026-06-05T10:20:00.5Z","lastConfigTime":"2026-06-05T10:21:00Z"}}"#), json!({}), json!([FAILED]))]
#[case::just_now(("200 OK", r#"{"status":"success","data":{"startTime":"2026-06-05T10:23:00.5Z","lastConfigTime":"2026-06-05T10:23:00Z"}}"#), json!({}), json!([FAILED]))]
#[case::it_replayed_its_log(("200 OK", r#"{"status":"success","data":{"startTime":"2026-06-05T10:00:00.5Z","lastConfigTime":"2026-06-05T10:23:00Z"}}"#), json!({}), json!([FAILED]))]
#[case::not_told(("200 OK", r#"{"status":"success","data":{}}"#), json!({}), json!([FAILED]))]
#[case::not_had(("404 Not Found", "404 page not found"), json!({}), json!([FAILED]))]
#[case::not_let_through(("403 Forbidden", ""), json!({}), json!([FAILED]))]
#[case::expected(("404 Not Found", ""), json!({"expect": ["Failed"]}), json!([]))]
#[case::another_is_expected(("404 Not Found", ""), json!({"expect": ["Escrow"]}), json!([FAILED]))]
#[case::not_asked_for(("404 Not Found", ""), json!({"names": ["Escrow"]}), json!([]))]
#[case::of_other_labels(("404 Not Found", ""), json!({"matchers": ["item=dns"]}), json!([]))]
#[tokio::test]
async fn what_is_pending_since_the_start(
    #[case] runtime: (&'static str, &'static str),
    #[case] alerts: Json,
    #[case] undecided: Json,
) {
    let server = server(move |path| match path {
        "/api/v1/rules?type=alert" => (DATED, RULES),
        "/api/v1/label/item/values" => ("200 OK", r#"{"status":"success","data":["dns"]}"#),
        _ => runtime,
    })
    .await;
    let kind = at(&server, json!({"alerts": alerts}));
    let preferred = Kind::defaults(&kind).prefer;
    assert!(preferred.contains(&"size(undecided) == 0".to_owned()));
    let seen = look(&kind).await.expect("facts");
    assert_eq!(fact(&seen, "undecided"), undecided);
    let told = runtime.1.contains("startTime");
    assert_eq!(seen.get("started_at").is_some(), told);
    assert_eq!(seen.get("loaded_at").is_some(), told);
}

const FAILED: &str = "Failed: pending since 2026-06-05T10:00:00Z, fires after 5m";

/// A quiet rule of a Prometheus that began at 10:20:00, was evaluated at 10:22:00, and whose clock
/// shows 10:30: once by a target that is asked each minute, in whose place another may be.
#[rstest]
#[case::asked_twice(up(&[1_780_654_830, 1_780_654_890]), Some(2), json!([]))]
#[case::only_one_answer_was_due(up(&[1_780_654_860, 1_780_654_920]), Some(2), json!([QUIET]))]
#[case::asked_once(up(&[1_780_654_830]), Some(2), json!([QUIET]))]
#[case::never_asked("[]".to_owned(), Some(2), json!([QUIET]))]
#[case::not_told(String::new(), Some(2), json!([QUIET]))]
#[tokio::test]
async fn what_is_quiet_before_it_was_asked(
    #[case] samples: String,
    #[case] asked: Option<usize>,
    #[case] undecided: Json,
) {
    const RULE: &str = r#"{"status":"success","data":{"groups":[{"name":"g","interval":15,"rules":[
        {"type":"alerting","name":"HostDown","health":"ok","lastEvaluation":"2026-06-05T10:22:00Z"}]}]}}"#;
    const RUN: &str = r#"{"status":"success","data":{"startTime":"2026-06-05T10:20:00Z"}}"#;
    const TARGETS: &str = r#"{"status":"success","data":{"activeTargets":[
        {"labels":{"instance":"110:9100"},"scrapeInterval":"1m","scrapeTimeout":"10s"}]}}"#;
    let samples: &str = if samples.is_empty() {
        "{}"
    } else {
        let data = format!(r#"{{"resultType":"matrix","result":{samples}}}"#);
        format!(r#"{{"status":"success","data":{data}}}"#).leak()
    };
    let server = server(move |path| match path {
        "/api/v1/rules?type=alert" => (DATED, RULE),
        "/api/v1/targets?state=active" => ("200 OK", TARGETS),
        "/api/v1/query?query=up%5B30m%5D" => ("200 OK", samples),
        _ => ("200 OK", RUN),
    })
    .await;
    let seen = look(&at(&server, json!({"alerts": {}}))).await;
    assert_eq!(fact(&seen.expect("facts"), "undecided"), undecided);
    let received = server.received();
    let further = received.matches("/targets").count() + received.matches("up%5B").count();
    assert_eq!(Some(further), asked, "{received}");
}

const QUIET: &str = "HostDown: not judged since the rules were read";

fn up(times: &[u32]) -> String {
    let values: Vec<Json> = times.iter().map(|at| json!([at, "1"])).collect();
    let metric = json!({"__name__": "up", "instance": "110:9100"});
    json!([{"metric": metric, "values": values}]).to_string()
}

/// Of a name, or of a condition, that is mistyped nothing ever fires.
#[rstest]
#[case(json!({"names": ["Escrow"], "matchers": ["severity=warning"]}), json!([]), 1)]
#[case(json!({"matchers": ["severity=warnign"]}), json!(["severity=warnign"]), 2)]
#[case(json!({"matchers": [" severty =~ \"warn.*\""]}), json!(["severty =~ \"warn.*\""]), 2)]
#[case(json!({"matchers": ["severity=warning", "item=dns", "item=~x.*"]}), json!(["item=~x.*"]), 2)]
#[case(json!({"matchers": ["alertname=Escrow", "severity!=info", "item="]}), json!([]), 1)]
#[case(json!({"names": ["Failed"], "matchers": ["severity=warning"]}), json!(["severity=warning"]), 2)]
#[tokio::test]
async fn a_condition_that_nothing_meets(
    #[case] alerts: Json,
    #[case] unmatched: Json,
    #[case] most: usize,
) {
    let server = server(|path| match path {
        "/api/v1/rules?type=alert" => ("200 OK", RULES),
        "/api/v1/label/item/values" => ("200 OK", r#"{"status":"success","data":["dns","oauth"]}"#),
        _ => ("200 OK", r#"{"status":"success","data":[]}"#),
    })
    .await;
    let kind = at(&server, json!({"alerts": alerts}));
    let required = Kind::defaults(&kind).require;
    assert!(required.contains(&"size(unmatched) == 0".to_owned()));
    assert!(required.contains(&"size(missing) == 0".to_owned()));
    let seen = look(&kind).await.expect("facts");
    assert_eq!(fact(&seen, "unmatched"), unmatched);
    let received = server.received();
    assert_eq!(received.matches("runtimeinfo").count(), 1, "{received}");
    let asked = received.matches("GET ").count() - 1;
    assert!(asked <= most + 1, "{received}");
    assert_eq!(asked == 1, most == 1, "{received}");
}

#[tokio::test]
async fn rules_are_held_against_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "groups:\n- name: backup\n  rules:\n  - alert: Escrow\n    expr: gap>0\n    labels: { severity: critical }\n  - alert: Gone\n    expr: up\n";
    std::fs::write(folder.path().join("rules.yml"), text).expect("written");
    let server = server(|path| match path.contains("format_query") {
        true => ("404 Not Found", "404 page not found"),
        false => ("200 OK", RULES),
    })
    .await;
    let mut kind = at(&server, json!({"rules": {"equal_to": "rules.yml"}}));
    Kind::beside(&mut kind, folder.path());
    let seen = look(&kind).await.expect("facts");
    assert_eq!(fact(&seen, "compared"), json!(2));
    assert_eq!(fact(&seen, "missing"), json!(["Gone"]));
    assert_eq!(
        fact(&seen, "differing"),
        json!(["Escrow: label severity expected critical, is warning"])
    );
    assert_eq!(fact(&seen, "extra"), json!(["Failed", "Broken", "job:up"]));
    let mut kind = at(&server, json!({"rules": {"equal_to": "none.yml"}}));
    Kind::beside(&mut kind, folder.path());
    let fault = look(&kind).await.expect_err("no file");
    assert_eq!(fault.kind, FaultKind::LocalSetup);
    assert!(fault.seen.contains("none.yml cannot be read"), "{fault}");
}

#[tokio::test]
async fn it_is_ready_or_replays() {
    let ready = server(|path| match path {
        "/-/ready" => ("200 OK", "Prometheus is Ready.\n"),
        "/api/v1/status/buildinfo" => ("200 OK", r#"{"status":"success","data":{"version":"2.42.0"}}"#),
        _ => ("200 OK", r#"{"status":"success","data":{"startTime":"2026-06-05T10:00:00Z","reloadConfigSuccess":false,"corruptionCount":1}}"#),
    })
    .await;
    let seen = look(&at(&ready, json!({"ready": {}})))
        .await
        .expect("facts");
    assert_eq!(fact(&seen, "ready"), json!(true));
    assert_eq!(fact(&seen, "version"), json!("2.42.0"));
    assert_eq!(fact(&seen, "config_ok"), json!(false));
    assert_eq!(fact(&seen, "corruptions"), json!(1));
    let starts = server(|path| match path {
        "/api/v1/status/walreplay" => (
            "200 OK",
            r#"{"status":"success","data":{"min":2,"max":11,"current":7}}"#,
        ),
        _ => ("503 Service Unavailable", "Service Unavailable"),
    })
    .await;
    let seen = look(&at(&starts, json!({"ready": {}})))
        .await
        .expect("facts");
    assert_eq!(fact(&seen, "ready"), json!(false));
    assert_eq!(fact(&seen, "replay_segments"), json!(10));
    assert_eq!(fact(&seen, "replayed_segments"), json!(5));
    let fault = look(&at(&starts, json!({"query": "up"})))
        .await
        .expect_err("no answer");
    assert_eq!(fault.kind, FaultKind::Refused);
    assert!(!fault.hopeless);
    assert!(fault.hint.expect("a next step").contains("write-ahead log"));
}

/// Any web server may say 200 to any path.
#[tokio::test]
async fn another_server_is_not_ready() {
    for body in ["ok", "<html>hello</html>"] {
        let fault = fault(("200 OK", body), json!({"ready": {}})).await;
        assert_eq!(fault.kind, FaultKind::Protocol, "{fault}");
        assert!(
            fault
                .hint
                .expect("a next step")
                .contains("Prometheus listens")
        );
    }
}

#[tokio::test]
async fn where_alerts_are_sent() {
    let answer = r#"{"status":"success","data":{"activeAlertmanagers":[{"url":"http://110:9093/api/v2/alerts"}],"droppedAlertmanagers":[]}}"#;
    let options = json!({"alertmanagers": {"expect": ["0.0.0.110:9093", "b:9093"]}});
    let seen = facts(("200 OK", answer), options).await;
    assert_eq!(
        fact(&seen, "alertmanagers"),
        json!(["http://110:9093/api/v2/alerts"])
    );
    assert_eq!(fact(&seen, "missing"), json!(["b:9093"]));
}

#[tokio::test]
async fn a_page_of_metrics() {
    let page = "# TYPE push_time_seconds gauge\npush_time_seconds{instance=\"\",job=\"backup\"} 1.7806569e+09\nup 1\n";
    let seen = facts(
        ("200 OK", page),
        json!({"exposition": {"only": ["push_time_seconds"], "age_of": "push_time_seconds"}}),
    )
    .await;
    assert_eq!(
        fact(&seen, "metric"),
        json!({"push_time_seconds": 1_780_656_900, "push_time_seconds{instance=\"\",job=\"backup\"}": 1_780_656_900})
    );
    assert_eq!(fact(&seen, "metric_time"), json!("2026-06-05T10:55:00Z"));
    assert_eq!(fact(&seen, "series_count"), json!(2));
    for (status, body, words) in [
        ("200 OK", "<html></html>", "a page of HTML"),
        ("200 OK", "what is this?\n", "no page of metrics"),
        ("404 Not Found", "no", "status 404"),
    ] {
        let fault = fault((status, body), json!({"exposition": {}})).await;
        assert_eq!(fault.kind, FaultKind::Protocol);
        assert!(fault.seen.contains(words), "{fault}");
    }
}

#[rstest]
#[case("401 Unauthorized", "", FaultKind::Denied, "status 401")]
#[case("403 Forbidden", "", FaultKind::Denied, "status 403")]
#[case(
    "404 Not Found",
    "404 page not found",
    FaultKind::Protocol,
    "status 404 (404 page not found)"
)]
#[case("200 OK", "<html>hello</html>", FaultKind::Protocol, "a page of HTML")]
#[case("200 OK", "hello", FaultKind::Protocol, "no JSON")]
#[case(
    "200 OK",
    "[]",
    FaultKind::Protocol,
    "JSON that Prometheus does not write"
)]
#[case(
    "200 OK",
    "{\"status\":\"success\"}",
    FaultKind::Protocol,
    "without data"
)]
#[case(
    "502 Bad Gateway",
    "<html>bad</html>",
    FaultKind::Protocol,
    "status 502"
)]
#[case(
    "503 Service Unavailable",
    "<html>bad</html>",
    FaultKind::Protocol,
    "status 503"
)]
#[case(
    "422 Unprocessable Entity",
    r#"{"status":"error","errorType":"execution","error":"many-to-many"}"#,
    FaultKind::Protocol,
    "cannot evaluate the query: many-to-many"
)]
#[case(
    "503 Service Unavailable",
    r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#,
    FaultKind::TimedOut,
    "gave the query up"
)]
#[case(
    "503 Service Unavailable",
    r#"{"status":"error","errorType":"unavailable","error":"TSDB not ready"}"#,
    FaultKind::Refused,
    "TSDB not ready"
)]
#[case("200 OK", r#"{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["store s1: no answer"]}"#, FaultKind::Protocol, "a part of what there is: store s1")]
#[case(
    "200 OK",
    r#"{"status":"success","data":{"resultType":"string","result":[1,"a"]}}"#,
    FaultKind::LocalSetup,
    "a text"
)]
#[tokio::test]
async fn what_stands_in_the_way(
    #[case] status: &'static str,
    #[case] body: &'static str,
    #[case] kind: FaultKind,
    #[case] words: &str,
) {
    let fault = fault((status, body), json!({"query": "up"})).await;
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.seen.contains(words), "{fault}");
}

#[tokio::test]
async fn a_query_that_is_none_is_shown_where() {
    let answer = r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:8: parse error: unclosed left parenthesis"}"#;
    let fault = fault(
        ("400 Bad Request", answer),
        json!({"query": "sum(up", "range": "5m"}),
    )
    .await;
    assert_eq!(fault.kind, FaultKind::LocalSetup);
    assert!(fault.hopeless);
    assert_eq!(
        fault.hint.as_deref(),
        Some("line 1, column 7 of the query, behind `sum(up`")
    );
}

#[tokio::test]
async fn a_login_is_sent_and_not_shown() {
    let server = server(|_| ("200 OK", ONE)).await;
    for (authorization, header) in [
        (
            json!({"secret": "env:TOKEN", "prefix": "Bearer "}),
            "authorization: Bearer t0ken\r\n",
        ),
        (
            json!({"user": "me", "password": "env:PASSWORD"}),
            "authorization: Basic bWU6Y29ycmVjdCBob3JzZQ==\r\n",
        ),
    ] {
        let kind = at(
            &server,
            json!({"query": "1", "authorization": authorization}),
        );
        assert_eq!(Kind::secrets(&kind).len(), 1);
        look(&kind).await.expect("facts");
        assert!(server.received().contains(header), "{}", server.received());
    }
}

#[rstest]
#[case::refused(None, FaultKind::Refused)]
#[case::cut(
    "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\"",
    FaultKind::Closed
)]
#[case::garbage("SSH-2.0-OpenSSH_9.2p1\r\n\r\n", FaultKind::Protocol)]
#[tokio::test]
async fn the_wire(#[case] answer: impl Into<Option<&'static str>>, #[case] kind: FaultKind) {
    let (address, _server) = match answer.into() {
        None => (format!("127.0.0.1:{}", tcp::closed_port().await), None),
        Some(text) => {
            let server = Server::start(move |mut stream, _| async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let mut asked = [0; 1024];
                drop(stream.read(&mut asked).await);
                drop(stream.write_all(text.as_bytes()).await);
                drop(stream.shutdown().await);
            })
            .await;
            (server.address.to_string(), Some(server))
        }
    };
    let options = json!({"url": format!("http://{address}"), "alerts": {}});
    let fault = look(&prometheus(options)).await.expect_err("a fault");
    assert_eq!(fault.kind, kind, "{fault}");
}

#[tokio::test]
async fn silence_ends() {
    let server = Server::hangs().await;
    let kind = at(&server, json!({"rules": {}}));
    let (mut context, _) = context(&[]);
    context.target.timeout = std::time::Duration::from_secs(2);
    let fault = within(Kind::run(&kind, &context))
        .await
        .expect_err("silence");
    assert_eq!(fault.kind, FaultKind::TimedOut);
}
