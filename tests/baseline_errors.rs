//! One tiny baseline for each mistake, and exactly what is said about it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use coldstart::baseline::{
    Baseline, Disk, Files, Guardrail, Loaded, Location, Node, NodeValue, load,
};
use rstest::rstest;

/// Files that exist in memory only.
#[derive(Default)]
struct Memory(HashMap<PathBuf, Vec<u8>>);

impl Memory {
    fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        Self(
            files
                .into_iter()
                .map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()))
                .collect(),
        )
    }
}

impl Files for Memory {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        match self.0.get(path) {
            None => Err(io::ErrorKind::NotFound.into()),
            Some(bytes) if bytes.len() > limit => Err(io::ErrorKind::FileTooLarge.into()),
            Some(bytes) => Ok(bytes.clone()),
        }
    }
}

fn load_text(text: &str) -> Loaded {
    load("baseline.yml", &Memory::of([("baseline.yml", text)]), &[])
}

fn rendered(loaded: &Loaded) -> String {
    loaded.diagnostics.render(&loaded.sources, false, 100)
}

fn sound(loaded: Loaded) -> Baseline {
    let text = rendered(&loaded);
    assert_eq!(text, "");
    loaded.baseline.unwrap_or_else(|| panic!("no baseline"))
}

#[test]
fn every_mistake_has_its_message() {
    let folder = Path::new("tests/baseline/invalid");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{error}"))
        .filter_map(|entry| {
            entry
                .ok()?
                .file_name()
                .into_string()
                .ok()?
                .strip_suffix(".yml")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    assert!(names.len() > 90, "only {} cases found", names.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("baseline/invalid");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for name in names {
        let loaded = load(&format!("tests/baseline/invalid/{name}.yml"), &Disk, &[]);
        assert!(loaded.diagnostics.has_errors(), "{name} has no errors");
        assert!(loaded.baseline.is_none(), "{name} has a baseline");
        let text = rendered(&loaded);
        assert!(
            !text.contains("hunter2"),
            "{name} tells the password:\n{text}"
        );
        assert!(
            !loaded
                .diagnostics
                .to_json(&loaded.sources)
                .to_string()
                .contains("hunter2"),
            "{name} tells the password"
        );
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

#[test]
fn eight_mistakes_are_told_together() {
    let loaded = load("tests/baseline/invalid/eight-errors.yml", &Disk, &[]);
    assert!(loaded.diagnostics.len() >= 8, "{}", rendered(&loaded));
}

#[test]
fn every_mistake_has_a_suggestion() {
    for entry in std::fs::read_dir("tests/baseline/invalid")
        .unwrap_or_else(|error| panic!("{error}"))
        .flatten()
    {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "yml") {
            let loaded = load(&path.display().to_string(), &Disk, &[]);
            for problem in &loaded.diagnostics {
                // Saying again what was expected would be no help.
                let told = problem.message.starts_with("expected ");
                assert!(
                    told || problem.suggestion.is_some(),
                    "{}: {problem:?}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_reference_is_true() {
    let page = include_str!("../docs/baseline.md");
    let example = page
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    assert_eq!(
        sound(load_text(example.unwrap_or_default())).phases.len(),
        2
    );
    for entry in std::fs::read_dir("tests/baseline/invalid")
        .unwrap_or_else(|error| panic!("{error}"))
        .flatten()
    {
        for problem in &load(&entry.path().display().to_string(), &Disk, &[]).diagnostics {
            assert!(
                page.contains(&format!("`{}`", problem.code)),
                "{} is not in the reference",
                problem.code
            );
        }
    }
    // Every key of the format has its line.
    for schema in [
        coldstart::baseline::schema(),
        coldstart::baseline::fragment_schema(),
    ] {
        let types = schema["$defs"]
            .as_object()
            .into_iter()
            .flat_map(|types| types.values())
            .chain([&schema]);
        for key in types
            .flat_map(|of_type| of_type["properties"].as_object())
            .flat_map(|keys| keys.keys())
        {
            assert!(
                page.contains(&format!("`{key}`")) || page.contains(&format!("`retry.{key}`")),
                "{key}"
            );
        }
    }
}

#[test]
fn problems_as_json() {
    let loaded = load("tests/baseline/invalid/unknown-key.yml", &Disk, &[]);
    insta::assert_json_snapshot!(loaded.diagnostics.to_json(&loaded.sources), @r#"
    [
      {
        "severity": "error",
        "code": "unknown-key",
        "file": "tests/baseline/invalid/unknown-key.yml",
        "line": 3,
        "column": 1,
        "message": "unknown key `titel`",
        "suggestion": "did you mean `title`?"
      }
    ]
    "#);
}

#[test]
fn colour_only_where_it_is_wanted() {
    let loaded = load("tests/baseline/invalid/unknown-key.yml", &Disk, &[]);
    assert!(
        loaded
            .diagnostics
            .render(&loaded.sources, true, 100)
            .contains('\u{1b}')
    );
    assert!(
        !loaded
            .diagnostics
            .render(&loaded.sources, false, 100)
            .contains('\u{1b}')
    );
}

#[test]
fn a_file_that_cannot_be_read() {
    let loaded = load("nowhere.yml", &Memory::default(), &[]);
    assert_eq!(
        rendered(&loaded),
        "error[unreadable-file]: cannot read nowhere.yml: no such file\n |\n = help: give the path of the baseline\n"
    );
}

#[test]
fn a_full_baseline() {
    let baseline = sound(load("tests/baseline/valid/full.yml", &Disk, &[]));
    assert_eq!(
        (baseline.version, baseline.name.as_str()),
        (1, "full-stack")
    );
    let hosts: Vec<(&str, &str)> = baseline
        .hosts
        .iter()
        .map(|host| (host.id.as_str(), host.address.as_str()))
        .collect();
    // The included file's come first because `include` does.
    assert_eq!(
        hosts,
        [
            ("k3s120", "192.168.0.120"),
            ("k3s121", "192.168.0.121"),
            ("data188", "192.168.0.188"),
            ("here", "")
        ]
    );
    assert_eq!(
        baseline
            .host("k3s121")
            .and_then(|host| host.ssh.user.as_deref()),
        Some("wooo")
    );
    let selected = |on: &str| {
        baseline
            .select(on)
            .iter()
            .map(|host| host.id.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(selected("tag:k3s"), ["k3s120", "k3s121"]);
    assert_eq!(selected("data188"), ["data188"]);
    assert_eq!(selected("all").len(), 4);
    let policy: Vec<&str> = baseline
        .policy
        .allow
        .iter()
        .map(|entry| entry.as_str())
        .collect();
    assert_eq!(
        policy,
        [
            "nft list ruleset",
            "zpool status",
            "lvs --reportformat json"
        ]
    );
    let phases: Vec<&str> = baseline
        .phases
        .iter()
        .map(|phase| phase.id.as_str())
        .collect();
    assert_eq!(phases, ["P0-POWER", "P0-NETWORK", "P0-188-DATA"]);

    let network = &baseline.phases[1];
    let ssh = &network.checks[0];
    let settings = baseline.settings(network, ssh);
    assert_eq!(settings.timeout, Duration::from_secs(4));
    assert_eq!(settings.connect_timeout, Duration::from_millis(500));
    assert_eq!(
        (settings.retry.attempts, settings.retry.delay),
        (3, Duration::from_secs(2))
    );
    assert_eq!(
        ssh.title.as_ref().map(|title| title.as_str()),
        Some("${host.id} lets ${host.user} in")
    );

    let data = &baseline.phases[2];
    let kind = |check: usize| &data.checks[check].candidates[0];
    assert_eq!(
        kind(0).1.get("port").map(Node::to_json),
        Some(serde_json::json!(5432))
    );
    let check = &data.checks[1];
    assert_eq!(kind(1).0.as_str(), "postgres");
    assert_eq!(
        kind(1).1.get("url").and_then(Node::as_str),
        Some("postgres://checker@192.168.0.188:5432/k3s_datastore")
    );
    assert_eq!(check.timeout, Some(Duration::from_secs(30)));
    let settings = baseline.settings(data, check);
    assert_eq!(
        (
            settings.retry.attempts,
            settings.retry.delay,
            settings.retry.backoff
        ),
        (5, Duration::from_secs(1), 1.5)
    );
    assert_eq!(
        check.guardrail.as_ref().map(|guardrail| guardrail.value),
        Some(Guardrail::Block)
    );
    assert_eq!((check.defaults, check.advisory), (false, true));
    assert_eq!(
        (check.require.len(), check.prefer.len(), check.after.len()),
        (2, 1, 1)
    );
    // The escape is left for the expansion per host.
    assert_eq!(
        check.remedy.as_deref(),
        Some("runbook §4.3, literally $${host.id}")
    );
    assert_eq!(baseline.digest.len(), 64);
}

#[test]
fn variables_of_the_command_line() {
    let set = |name: &str, value: &str| {
        load(
            "tests/baseline/valid/full.yml",
            &Disk,
            &[(name.to_owned(), value.to_owned())],
        )
    };
    let plain = sound(load("tests/baseline/valid/full.yml", &Disk, &[]));
    let other = sound(set("network", "10.0.0"));
    assert_eq!(other.hosts[0].address.as_str(), "10.0.0.120");
    assert_ne!(plain.digest, other.digest);
    assert_eq!(other.vars[0].1, "10.0.0");
    // Text stays text where it looks like a number, for the declaration is text.
    assert_eq!(sound(set("network", "5")).vars[0].1, "5");
    // What comes from the command line is not looked at for variables.
    assert_eq!(sound(set("database", "${x}")).vars[2].1, "${x}");
    let wrong = set("port", "ssh");
    assert!(
        rendered(&wrong).contains("`--var port`: expected a number"),
        "{}",
        rendered(&wrong)
    );
    let unknown = set("netwrok", "10.0.0");
    assert!(
        rendered(&unknown).contains("did you mean `network`?"),
        "{}",
        rendered(&unknown)
    );
}

#[test]
fn a_warning_leaves_the_baseline_usable() {
    let loaded = load_text(
        "version: 1\nname: t\nhosts: { a: { address: h } }\nphases: { P: { checks: { c: { on: [a, a], x: {} } } } }\n",
    );
    let text = rendered(&loaded);
    assert!(
        text.starts_with("warning[repeated]: `a` is named twice"),
        "{text}"
    );
    assert!(loaded.baseline.is_some());
}

#[test]
fn the_digest_is_of_the_texts() {
    let text = "version: 1\nname: t\nphases: { P0: { checks: { c: { ping: {} } } } }\n";
    let at = |path: &str, text: &str| sound(load(path, &Memory::of([(path, text)]), &[])).digest;
    assert_eq!(at("a.yml", text), at("b/c.yml", text));
    assert_ne!(at("a.yml", text), at("a.yml", &format!("{text}# more\n")));
}

#[test]
fn a_file_included_twice_counts_once() {
    let files = Memory::of([
        (
            "d/a.yml",
            "version: 1\nname: t\ninclude: [b.yml, c/d.yml]\nphases: { P0: { checks: { c: { on: h, x: {} } } } }\n",
        ),
        ("d/b.yml", "include: ./c/../h.yml\n"),
        ("d/c/d.yml", "include: ../h.yml\n"),
        ("d/c/../h.yml", "hosts: { h: { address: h } }\n"),
    ]);
    assert_eq!(sound(load("d/a.yml", &files, &[])).hosts.len(), 1);
}

#[test]
fn includes_in_an_endless_row() {
    struct Endless;
    impl Files for Endless {
        fn read(&self, path: &Path, _: usize) -> io::Result<Vec<u8>> {
            let number: u32 = path
                .file_stem()
                .and_then(|stem| stem.to_str()?.parse().ok())
                .unwrap_or(0);
            Ok(format!("version: 1\nname: t\ninclude: {}.yml\n", number + 1).into_bytes())
        }
    }
    let loaded = load("0.yml", &Endless, &[]);
    assert!(
        loaded
            .diagnostics
            .iter()
            .any(|problem| problem.code == "too-large")
    );
    assert!(loaded.baseline.is_none());
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let path = folder.path().join("huge.yml");
    let file = std::fs::File::create(&path).unwrap_or_else(|error| panic!("{error}"));
    // Sparse: it has the length and none of the bytes.
    file.set_len(100 << 30)
        .unwrap_or_else(|error| panic!("{error}"));
    let loaded = load(&path.display().to_string(), &Disk, &[]);
    let text = rendered(&loaded);
    assert!(text.contains("larger than 8 MiB"), "{text}");
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let loaded = load_text("\u{feff}version: 1\nnam: t\n");
    let json = loaded.diagnostics.to_json(&loaded.sources);
    assert_eq!(
        (&json[0]["line"], &json[0]["column"]),
        (&serde_json::json!(1), &serde_json::json!(1))
    );
    assert_eq!(json[1]["line"], 2);
}

#[test]
fn thousands_of_phases() {
    use std::fmt::Write;
    let mut text =
        "version: 1\nname: big\nhosts:\n  a: { address: 192.0.2.1 }\nphases:\n".to_owned();
    for phase in 0..3_000 {
        let needs = if phase > 0 {
            format!("[P{}]", phase - 1)
        } else {
            "[]".to_owned()
        };
        writeln!(text, "  P{phase}:\n    needs: {needs}\n    checks:\n      c: {{ on: a, timeout: 2s, ping: {{}} }}")
            .unwrap_or_else(|error| panic!("{error}"));
    }
    let baseline = sound(load_text(&text));
    assert_eq!(baseline.phases.len(), 3_000);
    assert_eq!(baseline.phases[2_999].needs[0].as_str(), "P2998");
}

/// Each would take hours if something looked at all pairs or all copies.
#[rstest]
#[case::merged(|text: &mut String| {
    let keys: Vec<String> = (0..30_000).map(|key| format!("k{key}: 1")).collect();
    *text = format!("a: &a {{ {} }}\nb: {{ <<: *a, c: 1 }}\nd: {{ <<: [*a, *a], c: 1 }}\n", keys.join(", "));
})]
#[case::jumps(|text: &mut String| {
    let hosts: Vec<String> =
        (0..2_000).map(|host| format!("  h{host}: {{ address: h, ssh: {{ jump: h{} }} }}\n", host + 1)).collect();
    *text = format!("version: 1\nname: t\nhosts:\n{}", hosts.concat());
})]
#[case::needs(|text: &mut String| {
    let needs = vec!["P1"; 10_000].join(", ");
    *text = format!("version: 1\nname: t\nphases: {{ P0: {{ needs: [{needs}] }} }}\n");
})]
#[case::nested_aliases(|text: &mut String| {
    *text = "l0: &l0 [x]\n".to_owned();
    for level in 1..200 {
        text.push_str(&format!("l{level}: &l{level} [*l{}]\n", level - 1));
    }
})]
fn hostile_files_end(#[case] write: fn(&mut String)) {
    let mut text = String::new();
    write(&mut text);
    let loaded = load_text(&text);
    assert!(loaded.diagnostics.has_errors());
    places_are_inside(&loaded);
}

#[test]
fn crlf_and_accents_keep_places_right() {
    let text = "version: 1\r\nname: t\r\nhosts:\r\n  a: { title: \"Zürich ☃\", addres: h }\r\nphases: { P0: { checks: { c: { x: {} } } } }\r\n";
    let loaded = load_text(text);
    let json = loaded.diagnostics.to_json(&loaded.sources);
    assert_eq!(
        (&json[0]["line"], &json[0]["column"]),
        (&serde_json::json!(4), &serde_json::json!(27))
    );
}

#[rstest]
#[case("tests/baseline/valid/full.yml")]
fn the_schema_agrees_with_the_loader(#[case] path: &str) {
    let validator = jsonschema::validator_for(&coldstart::baseline::schema())
        .unwrap_or_else(|error| panic!("{error}"));
    let baseline = sound(load(path, &Disk, &[]));
    // As an editor has it: unexpanded values fit where they are text.
    let text = serde_json::json!({
        "version": baseline.version, "name": baseline.name.value, "include": ["a.yml"], "vars": { "a": 1, "b": "x" },
        "defaults": { "timeout": "5s", "retry": { "attempts": 3, "delay": "0s" } },
        "hosts": { "a": { "address": "h", "ssh": { "port": 22 }, "tags": "db" } },
        "phases": { "P0": { "needs": "P1", "checks": { "c": baseline.phases[2].checks[1].node.to_json() } } },
    });
    if let Err(error) = validator.validate(&text) {
        panic!("{error} at {}", error.instance_path());
    }
    for wrong in [
        serde_json::json!({ "version": 2, "name": "a" }),
        serde_json::json!({ "version": 1, "name": "a b" }),
        serde_json::json!({ "version": 1, "name": "a", "titel": "x" }),
        serde_json::json!({ "version": 1, "name": "a", "defaults": { "timeout": 5 } }),
        serde_json::json!({ "version": 1, "name": "a", "phases": { "P 0": { "checks": {} } } }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong} is valid");
    }
}

/// Every place that a load tells lies in its source, on character boundaries.
fn places_are_inside(loaded: &Loaded) {
    let inside = |at: &Location| {
        let text = loaded.sources.text(at.source);
        assert!(
            text.get(at.span.clone()).is_some(),
            "{at:?} is not in {} bytes",
            text.len()
        );
        let (line, column) = loaded.sources.line_column(at);
        assert!(line >= 1 && column >= 1);
    };
    fn nodes(node: &Node, inside: &dyn Fn(&Location)) {
        inside(&node.at);
        match &node.value {
            NodeValue::Seq(items) => items.iter().for_each(|item| nodes(item, inside)),
            NodeValue::Map(entries) => entries.iter().for_each(|(key, node)| {
                inside(&key.at);
                nodes(node, inside);
            }),
            NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(..) | NodeValue::String(_) => {
            }
        }
    }
    for problem in &loaded.diagnostics {
        problem
            .at
            .iter()
            .chain(problem.related.iter().map(|(at, _)| at))
            .for_each(inside);
    }
    for check in loaded
        .baseline
        .iter()
        .flat_map(|baseline| &baseline.phases)
        .flat_map(|phase| &phase.checks)
    {
        nodes(&check.node, &inside);
    }
    assert_eq!(loaded.baseline.is_none(), loaded.diagnostics.has_errors());
    let _ = loaded.diagnostics.render(&loaded.sources, true, 80);
    let _ = loaded.diagnostics.to_json(&loaded.sources);
}

mod any_bytes {
    use proptest::prelude::*;

    use super::*;

    /// Lines that make up baselines, sound and broken.
    fn lines() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec![
            "version: 1",
            "version: 2",
            "name: t",
            "title: \"é ☃\"",
            "title: |\n  a\n  b",
            "hosts:",
            "  a: { address: h }",
            "  b: &b { address: \"${x}\", tags: [t] }",
            "  c: *b",
            "  d: { <<: *b, local: true }",
            "phases:",
            "  P0:",
            "    needs: [P1, P0]",
            "    checks:",
            "      c: { on: a, x: {} }",
            "      d: { on: [tag:t, all, z], x: \"${host.id}$${\" }",
            "      e:",
            "vars: { x: 1, y: \"${x}\", z: \"${z}\" }",
            "include: other.yml",
            "include: baseline.yml",
            "\t",
            "---",
            "...",
            "a: [",
            "}",
            "\"",
            "'",
            "? x",
            ": y",
            "- z",
            "&a",
            "*a",
            "!!str 5",
            "!x y",
            "%YAML 1.2",
            "# comment",
            "timeout: 5",
            "  url: postgres://u:p\u{e9}@h/db",
            "  password: \u{1f600}",
            "\u{feff}",
            "\u{0}",
            "\u{85}",
            "é: ü",
        ]);
        prop::collection::vec(line, 0..24).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            let files = Memory([(PathBuf::from("baseline.yml"), bytes)].into());
            places_are_inside(&load("baseline.yml", &files, &[]));
        }

        #[test]
        fn never_panic_on_text(text in "\\PC{0,200}") {
            places_are_inside(&load_text(&text));
        }

        #[test]
        fn never_panic_on_near_baselines(text in lines(), other in lines()) {
            let files = Memory::of([("baseline.yml", text.as_str()), ("other.yml", other.as_str())]);
            places_are_inside(&load("baseline.yml", &files, &[("x".to_owned(), "é".to_owned())]));
        }

        #[test]
        fn never_panic_on_a_damaged_baseline(at in 0usize..4096, byte in any::<u8>(), cut in any::<bool>()) {
            let mut bytes = include_bytes!("baseline/valid/full.yml").to_vec();
            let at = at % bytes.len();
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            let files = Memory([(PathBuf::from("baseline.yml"), bytes)].into());
            places_are_inside(&load("baseline.yml", &files, &[]));
        }
    }
}
