//! One tiny baseline for each mistake that shows when the plan is made, and
//! exactly what is said about it.

use std::io;
use std::path::Path;

use coldstart::baseline::{Diagnostics, Disk, Files, Sources, load};
use coldstart::plan::{build, further_problems};
use rstest::rstest;

const FOLDER: &str = "tests/plan/invalid";

/// Their names, without the ending.
fn cases() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder of cases")
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".yml").map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

/// What is said of a case that can be loaded but not planned.
fn problems(name: &str) -> (Diagnostics, Sources) {
    let loaded = load(&format!("{FOLDER}/{name}.yml"), &Disk, &[]);
    let text = loaded.diagnostics.render(&loaded.sources, false, 100);
    assert_eq!(text, "", "{name} is not for the plan:\n{text}");
    let baseline = loaded.baseline.expect("a baseline");
    let mut diagnostics = Diagnostics::default();
    let plan = build(&baseline, &loaded.sources, &mut diagnostics);
    assert!(plan.is_none(), "{name} has a plan");
    assert!(diagnostics.has_errors(), "{name} has no errors");
    (diagnostics, loaded.sources)
}

#[test]
fn every_mistake_has_its_message() {
    let names = cases();
    assert!(names.len() >= 30, "only {} cases found", names.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("plan/invalid");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for name in names {
        let (diagnostics, sources) = problems(&name);
        let text = diagnostics.render(&sources, false, 100);
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

#[test]
fn every_mistake_has_a_place_and_a_suggestion() {
    for name in cases() {
        for problem in &problems(&name).0 {
            assert!(problem.at.is_some(), "{name}: {problem:?}");
            // Saying again what was expected, or what a kind takes, would be no help.
            let told = problem.message.starts_with("expected ") || problem.code == "bad-option";
            assert!(told || problem.suggestion.is_some(), "{name}: {problem:?}");
        }
    }
}

#[test]
fn the_reference_has_every_code() {
    let page = include_str!("../docs/baseline.md");
    for name in cases() {
        for problem in &problems(&name).0 {
            assert!(
                page.contains(&format!("`{}`", problem.code)),
                "{} is not in the reference",
                problem.code
            );
        }
    }
}

#[test]
fn what_two_hosts_meet_alike_is_told_once() {
    let (diagnostics, _) = problems("same-problem-on-two-hosts");
    let mut codes: Vec<&str> = diagnostics.iter().map(|problem| problem.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["bad-expectation", "bad-option"]);
}

/// A host, a variable or a release that cannot be read hides nothing that comes later,
/// and nothing is told of those that refer to it but what is true whatever it should be.
#[rstest]
#[case::a_host_that_is_no_map("a: 10.0.0.1", &["error[wrong-type]: expected a map, saw `10.0.0.1`"])]
#[case::no_address("a: { ssh: { user: me } }", &["error[missing-key]: `address` is missing in `a`"])]
#[case::a_port_in_the_address(
    "a: { address: \"10.0.0.1:22\", ssh: { user: me } }",
    &["error[bad-text]: the address `10.0.0.1:22` has a port"]
)]
#[case::a_login_in_the_address(
    "a: { address: me@10.0.0.1, ssh: { user: me } }",
    &["error[bad-text]: expected a host name or an address, saw `me@10.0.0.1`"]
)]
#[case::an_address_of_no_value(
    "a: { address: \"${lost}\", ssh: { user: me } }",
    &["error[unknown-variable]: no variable `lost`"]
)]
#[case::ssh_that_is_no_map(
    "a: { address: 10.0.0.1, ssh: me }",
    &["error[wrong-type]: expected a map, saw `me`"]
)]
#[case::parts_of_ssh(
    "a: { address: 10.0.0.1, ssh: { user: \"a b\", port: 99999, identity: 1 } }",
    &[
        "error[bad-text]: expected a login name, saw `a b`",
        "error[out-of-range]: expected a whole number from 1 to 65535, saw the number 99999",
        "error[wrong-type]: expected text or a list, saw the number 1",
    ]
)]
#[case::a_tag(
    "a: { address: 10.0.0.1, ssh: { user: me }, tags: [\"a b\"] }",
    &["error[bad-text]: `a b` is no tag"]
)]
#[test]
fn a_wrong_host_hides_no_other_mistake(#[case] host: &str, #[case] own: &[&str]) {
    let baseline = format!(
        "version: 1\nname: t\nhosts:\n  {host}\nphases:\n  P0:\n    checks:\n      \
        c: {{ on: a, tcp: {{ port: 1 }}, require: opn }}\n      \
        d: {{ on: a, http: {{ url: \"http://${{host.address}}/${{host.user}}\" }} }}\n      \
        e: {{ http: {{ url: \"http://${{hosts.a.address}}:8080/\" }}, prefer: status == 'x' }}\n      \
        f: {{ on: a, via: a, tcp: {{ prot: 1 }} }}\n"
    );
    let later = [
        "error[bad-expectation]: there is no fact `opn` here",
        "error[bad-expectation]: a number compared with text",
        "error[unknown-key]: unknown key `prot`",
    ];
    assert_eq!(told(&baseline), [own, &later].concat());
}

#[rstest]
#[case::a_list_as_a_variable(
    "vars: { p: [1, 2], q: \"${p}0\" }",
    "{ needs: P0 }",
    &["error[wrong-type]: expected text, a number or true or false, saw a list"],
    &[]
)]
#[case::variables_in_a_circle(
    "vars: { p: \"${q}\", q: \"${p}\" }",
    "{ needs: P0 }",
    &["error[variable-loop]: variables in a circle: vars.p → vars.q → vars.p"],
    &[]
)]
#[case::a_condition_of_a_release(
    "vars: { p: 1, q: x }",
    "{ title: [x], needs: P0, require: [{ check: c, stable_for: soon }] }",
    &[],
    &[
        "error[wrong-type]: expected text, saw a list",
        "error[bad-duration]: expected a duration such as 5s, saw `soon`",
    ]
)]
#[case::a_release_that_is_no_map(
    "vars: { p: 1, q: x }",
    "P0",
    &[],
    &["error[wrong-type]: expected a map, saw `P0`"]
)]
#[case::a_name_with_a_space(
    "title: [t]\nmetrics_prefix: a-b\nvars: { p: 1, q: x }",
    "{ needs: P0 }",
    &[
        "error[wrong-type]: expected text, saw a list",
        "error[bad-text]: expected what a metric's name may begin with: letters, digits and `_`, \
         and no digit first, saw `a-b`",
    ],
    &[]
)]
#[test]
fn what_cannot_be_read_elsewhere_hides_no_other_mistake(
    #[case] top: &str,
    #[case] release: &str,
    #[case] before: &[&str],
    #[case] behind: &[&str],
) {
    let baseline = format!(
        "version: 1\nname: t\n{top}\nphases:\n  P0:\n    defaults: {{ timeout: 5s }}\n    checks:\n      \
        c: {{ tcp: {{ address: h, port: 1 }}, timeout: \"${{p}}s\", require: opn }}\n      \
        d: {{ tcp: {{ address: \"h${{q}}\", port: \"${{p}}\" }} }}\n      \
        e: {{ title: \"${{q}}\", tcp: {{ address: h, prot: 1 }} }}\n\
        releases:\n  r: {release}\n  s: {{ after: r, require: [{{ check: nope }}] }}\n"
    );
    let own = [
        "error[bad-expectation]: there is no fact `opn` here",
        "error[unknown-key]: unknown key `prot`",
    ];
    let last = ["error[unknown-reference]: no check `nope`"];
    assert_eq!(told(&baseline), [before, &own, behind, &last].concat());
}

/// What must fit into a time is not called too long for the built-in one.
#[test]
fn a_wrong_timeout_makes_nothing_too_long_for_it() {
    let baseline = "version: 1\nname: t\nhosts: { a: { address: h } }\ndefaults: { timeout: 5 min }\nphases:\n  \
        P0:\n    checks:\n      c: { on: a, systemd: { units: [x], watch_for_s: 30 } }\n      \
        d: { on: a, timeout: long, systemd: { units: [x], watch_for_s: 30 } }\n";
    assert_eq!(
        told(baseline),
        [
            "error[bad-duration]: expected a duration such as 5s, saw `5 min`",
            "error[bad-duration]: expected a duration such as 5s, saw `long`",
        ]
    );
}

/// The errors of this baseline, in their order.
fn told(text: &str) -> Vec<String> {
    let mut loaded = load("baseline.yml", &Text(text.to_owned()), &[]);
    let diagnostics = &mut loaded.diagnostics;
    if let Some(flawed) = &loaded.flawed {
        further_problems(flawed, &loaded.tainted, &loaded.sources, diagnostics);
    }
    let shown = diagnostics.render(&loaded.sources, false, 100);
    let lines = shown.lines().filter(|line| line.starts_with("error"));
    lines.map(str::to_owned).collect()
}

/// One file, whatever its name.
struct Text(String);

impl Files for Text {
    fn read(&self, _: &Path, _: usize) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}
