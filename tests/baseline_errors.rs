//! One tiny baseline for each mistake, and exactly what is said about it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use coldstart::baseline::{Baseline, Disk, Files, Guardrail, Loaded, Location, Node, NodeValue, load};
use rstest::rstest;

/// Files that exist in memory only.
#[derive(Default)]
struct Memory(HashMap<PathBuf, Vec<u8>>);

impl Memory {
    fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        Self(files.into_iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect())
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
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".yml").map(str::to_owned))
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
        assert!(!text.contains("hunter2"), "{name} tells the password:\n{text}");
        assert!(!loaded.diagnostics.to_json(&loaded.sources).to_string().contains("hunter2"), "{name} tells the password");
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}
