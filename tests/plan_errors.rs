//! One tiny baseline for each mistake that shows when the plan is made, and
//! exactly what is said about it.

use std::path::Path;

use coldstart::baseline::{Diagnostics, Disk, Sources, load};
use coldstart::plan::build;

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
