//! Every kind keeps what the table of kinds promises of it.

mod planned;
#[expect(dead_code, reason = "the unit tests use the rest")]
mod servers;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coldstart::baseline;
use coldstart::judge::{Expectation, Level};
use coldstart::plan::{Plan, schema};
use coldstart::probe::{
    Audit, Context, FactSpec, Facts, Fault, KindEntry, Place, Secrets, SshEnvironment, TABLE,
    Transports, Type, Unit,
};
use planned::{documented, planned, stack};
use serde_json::{Value, json};
use servers::tcp;

/// The promises that `of` finds broken, each with the kind that broke it.
fn broken(of: impl Fn(&KindEntry) -> Vec<String>) -> Vec<String> {
    TABLE
        .iter()
        .flat_map(|kind| {
            of(kind)
                .into_iter()
                .map(move |what| format!("{}: {what}", kind.name))
        })
        .collect()
}

fn assert_kept(of: impl Fn(&KindEntry) -> Vec<String>) {
    let broken = broken(of);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Lower-case words joined by `_`, as a key of YAML and a name in CEL.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).collect()
}

#[test]
fn there_are_kinds_and_their_names_are_their_own() {
    assert!(!TABLE.is_empty());
    assert_eq!(
        repeated(TABLE.iter().map(|kind| kind.name)),
        [""; 0],
        "kinds that stand in the table twice"
    );
    assert_kept(|kind| {
        let mut wrong = Vec::new();
        if !is_name(kind.name) {
            wrong.push("the name is not lower-case words".to_owned());
        }
        let summary = kind.summary;
        if summary.trim() != summary
            || summary.is_empty()
            || summary.contains('\n')
            || summary.ends_with('.')
        {
            wrong.push(format!(
                "the summary is not one line without a full stop: {summary:?}"
            ));
        }
        wrong
    });
}

/// The ending that a fact's unit asks of its name.
fn ending(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::Milliseconds => Some("_ms"),
        Unit::Seconds => Some("_s"),
        Unit::Bytes => Some("_bytes"),
        Unit::Percent => Some("_percent"),
        Unit::Count | Unit::None => None,
    }
}

fn wrong_with(fact: &FactSpec) -> Vec<String> {
    let name = fact.name;
    let mut wrong = Vec::new();
    if !is_name(name) {
        wrong.push(format!("the fact {name:?} is not lower-case words"));
    }
    match ending(fact.unit) {
        Some(ending) if !name.ends_with(ending) => {
            wrong.push(format!(
                "{name} is in {:?} and does not end in {ending}",
                fact.unit
            ));
        }
        Some(_) => {}
        None => {
            let endings = ["_ms", "_s", "_bytes", "_percent"];
            if let Some(ending) = endings.iter().find(|ending| name.ends_with(**ending)) {
                wrong.push(format!("{name} ends in {ending} and is in {:?}", fact.unit));
            }
        }
    }
    if fact.unit != Unit::None && fact.ty != Type::Number {
        wrong.push(format!("{name} has a unit and is no number"));
    }
    if name == "now" {
        wrong.push("`now` is taken: it is when the observation was made".to_owned());
    }
    let doc = fact.doc;
    if doc.trim() != doc || doc.contains('\n') || !doc.ends_with('.') || doc.len() < 8 {
        wrong.push(format!(
            "{name} is not documented by a full sentence: {doc:?}"
        ));
    }
    if !doc.starts_with(|first: char| first.is_uppercase() || first == '`') {
        wrong.push(format!(
            "the sentence on {name} begins in lower case: {doc:?}"
        ));
    }
    wrong
}

#[test]
fn facts_are_named_by_their_unit_and_documented() {
    assert_kept(|kind| {
        let mut wrong: Vec<String> = kind.facts.iter().flat_map(wrong_with).collect();
        if kind.facts.is_empty() {
            wrong.push("it declares no fact".to_owned());
        }
        for fact in kind.facts {
            let unknown = fact.because.iter().filter(|because| {
                **because == fact.name || !kind.facts.iter().any(|other| other.name == **because)
            });
            wrong.extend(unknown.map(|because| {
                format!(
                    "`{}` is explained by `{because}`, which is no other fact",
                    fact.name
                )
            }));
        }
        for twice in repeated(kind.facts.iter().map(|fact| fact.name)) {
            wrong.push(format!("the fact {twice} is declared twice"));
        }
        wrong
    });
}

#[test]
fn a_fact_named_or_documented_badly_is_noticed() {
    let bad = [
        FactSpec::number("lag", Unit::Seconds, "How far it is behind."),
        FactSpec::number("lag_ms", Unit::None, "How far it is behind."),
        FactSpec::new("lag_s", Type::Duration, "How far it is behind."),
        FactSpec::number("lag_s", Unit::Seconds, "how far it is behind"),
        FactSpec::new("Lag", Type::Bool, "It is behind."),
        FactSpec::new("now", Type::Time, "When it was."),
    ];
    for fact in bad {
        assert_ne!(wrong_with(&fact), [""; 0], "{}", fact.name);
    }
    let good = FactSpec::number("lag_s", Unit::Seconds, "How far it is behind.");
    assert_eq!(wrong_with(&good), [""; 0]);
}

fn example(kind: &KindEntry) -> Plan {
    planned(&documented(), kind.example)
        .unwrap_or_else(|told| panic!("the example of {} does not plan:\n{told}", kind.name))
}

#[test]
fn the_example_plans_and_tells_what_it_would_do() {
    assert_kept(|kind| {
        let plan = example(kind);
        let [check] = plan.checks.as_slice() else {
            return vec![format!("the example makes {} checks", plan.checks.len())];
        };
        let mut wrong = Vec::new();
        if check.kind != kind.name {
            wrong.push(format!("the example is one of `{}`", check.kind));
        }
        if check.title == kind.summary {
            wrong.push("the example has no title of its own".to_owned());
        }
        if check.goal().trim().is_empty() {
            wrong.push("the goal is empty".to_owned());
        }
        let requests = check.requests(&plan.policy);
        if requests.is_empty() != ASKS_NOTHING.contains(&kind.name) {
            wrong.push("it tells nothing that it would send".to_owned());
        }
        if requests != check.requests(&plan.policy) {
            wrong.push("asked twice, it tells two things that it would send".to_owned());
        }
        for request in requests {
            if request.protocol.is_empty() || request.text.trim().is_empty() {
                wrong.push(format!("a request says nothing: {request:?}"));
            }
            if request.by_extension {
                wrong.push(format!(
                    "the example needs `policy.allow`: {}",
                    request.text
                ));
            }
        }
        wrong
    });
}

#[test]
fn default_expectations_hold_together() {
    assert_kept(|kind| {
        let plan = example(kind);
        let defaults = plan.checks[0].defaults();
        if defaults.require.is_empty() && defaults.prefer.is_empty() {
            return vec!["nothing is expected by default".to_owned()];
        }
        [
            (Level::Require, defaults.require),
            (Level::Prefer, defaults.prefer),
        ]
        .into_iter()
        .flat_map(|(level, texts)| texts.into_iter().map(move |text| (level, text)))
        .filter_map(|(level, text)| {
            let error = Expectation::compile(level, &text, kind.facts).err()?;
            Some(format!("the default `{text}`: {error}"))
        })
        .collect()
    });
}

/// What is wrong with the options at `node`, and with those inside of it.
fn wrong_with_options(root: &Value, node: &Value, path: &str, wrong: &mut Vec<String>) {
    if let Some(name) = node.get("$ref").and_then(Value::as_str) {
        match root.pointer(name.trim_start_matches('#')) {
            Some(definition) => wrong_with_options(root, definition, path, wrong),
            None => wrong.push(format!("{path}: {name} leads nowhere")),
        }
    }
    if let Some(properties) = node.get("properties").and_then(Value::as_object) {
        if node.get("additionalProperties") != Some(&Value::Bool(false)) {
            wrong.push(format!("{path} lets unknown keys pass"));
        }
        for (name, option) in properties {
            let path = format!("{path}.{name}");
            let described = option.get("description").and_then(Value::as_str);
            if !described.is_some_and(|text| text.ends_with('.')) {
                wrong.push(format!("{path} is not described by a sentence"));
            }
            wrong_with_options(root, option, &path, wrong);
        }
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        for one in node
            .get(several)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            wrong_with_options(root, one, path, wrong);
        }
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = node.get(inner).filter(|inner| inner.is_object()) {
            wrong_with_options(root, inner, path, wrong);
        }
    }
}

/// What a reference leads to, or the node itself.
fn definition<'s>(schema: &'s Value, node: &'s Value) -> &'s Value {
    node.get("$ref")
        .and_then(Value::as_str)
        .and_then(|name| schema.pointer(name.trim_start_matches('#')))
        .unwrap_or(node)
}

#[test]
fn options_are_closed_and_described() {
    let schema = schema();
    assert_kept(|kind| {
        let Some(options) = schema.pointer(&format!("/$defs/Check/properties/{}", kind.name))
        else {
            return vec!["the schema of baselines does not know it".to_owned()];
        };
        let mut wrong = Vec::new();
        wrong_with_options(&schema, options, kind.name, &mut wrong);
        let definition = definition(&schema, options);
        // A kind without options has no `properties` for the walk to look at.
        if definition.get("additionalProperties") != Some(&Value::Bool(false)) {
            wrong.push("unknown options pass".to_owned());
        }
        if definition.get("description").is_none() {
            wrong.push("its options have no doc comment".to_owned());
        }
        wrong
    });
}

#[test]
fn unknown_options_and_wrong_types_are_refused() {
    assert_kept(|kind| {
        let unknown = serde_json::json!({ "no_such_option": 1 });
        [unknown, Value::from(7), Value::Null, Value::from("text")]
            .into_iter()
            .filter(|options| (kind.build)(options.clone()).is_ok())
            .map(|options| format!("takes {options} for its options"))
            .collect()
    });
}

/// Cron starts the program in another folder than a person does.
#[test]
fn files_of_authorities_are_found_beside_the_baseline() {
    let options = |kind: &str, ca: &str| match kind {
        "http" | "alert_test" => json!({"url": "https://192.168.0.110/", "ca": ca}),
        "prometheus" => json!({"url": "https://192.168.0.110/", "query": "up", "ca": ca}),
        "alertmanager" => json!({"url": "https://192.168.0.110/", "ready": {}, "ca": ca}),
        "tls" => json!({"address": "192.168.0.110", "port": 443, "ca": ca}),
        "redis" => json!({"tls": true, "ca": ca}),
        "postgres" => json!({"url": "postgres://checker@192.168.0.188/k3s", "ca": ca}),
        kind => panic!("{kind} has `ca`, and no options here"),
    };
    let schema = schema();
    let kinds = std::cell::Cell::new(0);
    assert_kept(|kind| {
        let options_of = &schema["$defs"]["Check"]["properties"][kind.name];
        if definition(&schema, options_of)["properties"]["ca"].is_null() {
            return Vec::new();
        }
        kinds.set(kinds.get() + 1);
        let found = |ca: &str| {
            let mut probe = (kind.build)(options(kind.name, ca)).expect("right options");
            probe.beside(Path::new("/etc/coldstart"));
            format!("{probe:?}")
        };
        [
            ("lan.pem", "\"/etc/coldstart/lan.pem\""),
            ("/srv/ca.pem", "\"/srv/ca.pem\""),
        ]
        .into_iter()
        .filter(|(ca, whole)| !found(ca).contains(whole))
        .map(|(ca, whole)| format!("{ca} is not {whole}: {}", found(ca)))
        .collect()
    });
    assert!(kinds.get() > 0);
}

/// A definition of one name with two meanings would be the later one in both
/// places.
#[test]
fn the_kinds_leave_the_baselines_own_schema_as_it_is() {
    let (own, all) = (baseline::schema(), schema());
    let definitions = own["$defs"].as_object().expect("definitions");
    let closed = |name: &str| !["Check", "Diagnosis"].contains(&name);
    for (name, definition) in definitions.iter().filter(|(name, _)| closed(name)) {
        assert_eq!(&all["$defs"][name], definition, "$defs/{name}");
    }
}

#[test]
fn each_kind_has_its_file_its_page_and_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_kept(|kind| {
        let name = kind.name;
        let file = root.join(format!("src/probe/kinds/{name}.rs"));
        let Ok(source) = std::fs::read_to_string(&file) else {
            return vec![format!("there is no src/probe/kinds/{name}.rs")];
        };
        let mut wrong = Vec::new();
        if !source.starts_with(&format!("//! `{name}`: ")) {
            wrong.push(format!("its file does not begin with //! `{name}`: …"));
        }
        let apart = std::fs::read_to_string(file.with_extension("").join("tests.rs"));
        let tests = apart.unwrap_or_else(|_| {
            source
                .split_once("#[cfg(test)]")
                .map_or_else(String::new, |(_, tests)| tests.to_owned())
        });
        if !["#[test]", "#[tokio::test", "#[rstest]"]
            .iter()
            .any(|mark| tests.contains(mark))
        {
            wrong.push("it has no tests of its own".to_owned());
        }
        if !root.join(format!("docs/kinds/{name}.md")).is_file() {
            wrong.push(format!(
                "there is no docs/kinds/{name}.md: UPDATE_DOCS=1 cargo test --test kind_pages"
            ));
        }
        wrong
    });
}

/// Kinds that tell of other checks, and ask no target anything.
const ASKS_NOTHING: [&str; 1] = ["coverage"];

/// Kinds that send nothing to the port that they are aimed at here.
const SENDS_NOTHING: [&str; 3] = ["ping", "arp", "alert_test"];

/// A check of a kind that starts from the operator's machine, aimed at `port`
/// of loopback.
fn aimed_at(kind: &str, port: u16) -> String {
    match kind {
        // Echo requests know no ports; loopback answers where they may be sent.
        "ping" => "ping: { address: 127.0.0.1, count: 1, interval_ms: 10 }".to_owned(),
        // It looks into a table, where loopback never stands, and sends nothing.
        "arp" => "arp: { address: 192.0.2.9 }".to_owned(),
        "tcp" => format!("tcp: {{ address: 127.0.0.1, port: {port} }}"),
        "http" => format!("http: {{ url: \"http://127.0.0.1:{port}/\" }}"),
        "postgres" => {
            format!("postgres: {{ url: \"postgres://nobody@127.0.0.1:{port}/nothing\" }}")
        }
        "dns" => format!("dns: {{ name: db.lan, servers: [\"127.0.0.1:{port}\"] }}"),
        "tls" => format!("tls: {{ address: 127.0.0.1, port: {port} }}"),
        "redis" => format!("redis: {{ address: 127.0.0.1, port: {port} }}"),
        "prometheus" => {
            format!("prometheus: {{ url: \"http://127.0.0.1:{port}\", alerts: {{}} }}")
        }
        "alertmanager" => {
            format!("alertmanager: {{ url: \"http://127.0.0.1:{port}\", alerts: {{}} }}")
        }
        "kubernetes" => {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let path = folder.join(format!("kubeconfig-{port}.yml"));
            let text = format!(
                "clusters: [{{ name: c, cluster: {{ server: \"https://127.0.0.1:{port}\" }} }}]\n\
                 users: [{{ name: u, user: {{ token: not-the-password }} }}]\n\
                 contexts: [{{ name: x, context: {{ cluster: c, user: u }} }}]\n\
                 current-context: x\n"
            );
            std::fs::write(&path, text).expect("a kubeconfig");
            format!(
                "kubernetes: {{ nodes: {{}}, kubeconfig: {} }}",
                path.display()
            )
        }
        // Without leave to send it opens no connection, so it sees no fault; its own tests
        // have the leave.
        "alert_test" => format!("alert_test: {{ url: \"http://127.0.0.1:{port}/\" }}"),
        "coverage" => "coverage: {}".to_owned(),
        other => panic!("how is `{other}` aimed at a port of loopback? add a line here"),
    }
}

/// Runs the one check of a plan and holds what it yields to what its kind
/// declares. Nothing hangs, nothing panics.
async fn look(kind: &KindEntry, plan: Plan) -> Result<Facts, Fault> {
    let name = kind.name;
    let mut secrets = Secrets::default();
    for secret in plan.secrets() {
        secrets.insert(secret.value.clone(), "not-the-password".into());
    }
    let transports = Transports::with_ssh(
        secrets,
        plan.policy,
        Audit::off(),
        SshEnvironment::default(),
        || jiff::Timestamp::UNIX_EPOCH,
    );
    let check = plan.checks.into_iter().next().expect("one check");
    let context = Context {
        check: check.id.clone(),
        attempt: 1,
        target: check.target.clone(),
        transports,
    };
    let run = tokio::spawn(async move { check.probe.run(&context).await });
    let seen = tokio::time::timeout(Duration::from_secs(60), run)
        .await
        .unwrap_or_else(|_| panic!("{name} does not end"))
        .unwrap_or_else(|panic| panic!("{name}: {panic}"));
    match &seen {
        Ok(facts) => {
            for (fact, value) in facts.iter() {
                let spec = kind.facts.iter().find(|spec| spec.name == fact);
                let spec = spec.unwrap_or_else(|| panic!("{name} yields {fact}, not declared"));
                assert!(
                    value.is(&spec.ty),
                    "{name}: {fact} is no {:?}: {value:?}",
                    spec.ty
                );
            }
        }
        Err(fault) => {
            assert_ne!(fault.seen.trim(), "", "{name}: a fault that says nothing");
            assert!(!fault.seen.contains("not-the-password"), "{name}: {fault}");
        }
    }
    seen
}

fn planned_at(kind: &KindEntry, hosts: &str, body: &str) -> Plan {
    let body = format!("{}\ntimeout: 2s", body.trim_end());
    planned(hosts, &body).unwrap_or_else(|told| panic!("{}:\n{told}", kind.name))
}

/// The hosts of the examples, at a port of loopback.
fn stack_at(port: u16) -> String {
    stack(|_| {
        format!("address: 127.0.0.1, connect_timeout: 2s, ssh: {{ user: nobody, port: {port} }}")
    })
}

#[tokio::test]
async fn a_closed_port_is_a_fault() {
    let port = tcp::closed_port().await;
    for kind in TABLE {
        match kind.place {
            Place::Network | Place::Either => {
                let plan = planned_at(kind, "", &aimed_at(kind.name, port));
                let seen = look(kind, plan).await;
                assert!(
                    seen.is_err() || SENDS_NOTHING.contains(&kind.name),
                    "{}: {seen:?}",
                    kind.name
                );
                let through = format!("{}\nvia: data188\ntimeout: 2s", aimed_at(kind.name, port));
                // A kind that cannot go through another host says so in the plan.
                if kind.name == "alert_test" {
                    // It goes no way as long as it has nothing to send.
                    continue;
                }
                if let Ok(plan) = planned(&stack_at(port), &through) {
                    let fault = look(kind, plan).await.expect_err("no way through");
                    assert!(fault.connection.is_some(), "{}: {fault:?}", kind.name);
                }
            }
            Place::Host | Place::Hosts => {
                let fault = look(kind, planned_at(kind, &stack_at(port), kind.example))
                    .await
                    .expect_err("nobody to log in to");
                assert!(fault.connection.is_some(), "{}: {fault:?}", kind.name);
            }
        }
    }
}

/// Garbage at the port of the service, or of the SSH server on the way to it.
#[tokio::test]
async fn garbage_is_a_fault() {
    let server = tcp::Server::start(|mut stream, _| async move {
        use tokio::io::AsyncWriteExt;
        drop(stream.write_all(b"\0\xff\xfe{garbage\r\n\r\n").await);
        drop(stream.shutdown().await);
    })
    .await;
    let port = server.address.port();
    for kind in TABLE {
        let plan = match kind.place {
            Place::Network | Place::Either => planned_at(kind, "", &aimed_at(kind.name, port)),
            Place::Host | Place::Hosts => planned_at(kind, &stack_at(port), kind.example),
        };
        let seen = look(kind, plan).await;
        // To `tcp` an open port is all there is to see.
        assert!(
            seen.is_err() || kind.name == "tcp" || SENDS_NOTHING.contains(&kind.name),
            "{}: {seen:?}",
            kind.name
        );
    }
}

#[tokio::test]
async fn silence_ends_in_a_fault() {
    let server = Arc::new(tcp::Server::hangs().await);
    let port = server.address.port();
    let mut looks = tokio::task::JoinSet::new();
    for kind in TABLE {
        let plan = match kind.place {
            Place::Network | Place::Either => planned_at(kind, "", &aimed_at(kind.name, port)),
            Place::Host | Place::Hosts => planned_at(kind, &stack_at(port), kind.example),
        };
        looks.spawn(async move { (kind.name, look(kind, plan).await) });
    }
    while let Some(done) = looks.join_next().await {
        let (name, seen) = done.unwrap_or_else(|panic| panic!("{panic}"));
        assert!(
            seen.is_err() || name == "tcp" || SENDS_NOTHING.contains(&name),
            "{name}: {seen:?}"
        );
    }
}

/// On this machine, whatever it has: a container without systemd, a laptop.
#[tokio::test]
async fn a_look_at_this_machine_yields_what_is_declared() {
    for kind in TABLE.iter().filter(|kind| kind.place != Place::Network) {
        let hosts = stack(|_| "local: true".to_owned());
        let seen = look(kind, planned_at(kind, &hosts, kind.example)).await;
        if let Ok(facts) = &seen {
            assert!(facts.iter().next().is_some(), "{}: no facts", kind.name);
        }
    }
}
