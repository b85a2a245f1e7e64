//! The known inputs, through every target.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use super::{TARGETS, run};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect()
}

#[test]
fn every_known_input_keeps_the_promises() {
    let mut broken = Vec::new();
    for target in TARGETS {
        let folder = corpus().join(target.name);
        let inputs = names(&folder);
        assert!(!inputs.is_empty(), "{} has no known input", target.name);
        for input in inputs {
            let bytes = std::fs::read(folder.join(&input)).expect("a known input");
            if catch_unwind(|| run(target.name, &bytes)).is_err() {
                broken.push(format!("{}/{input}", target.name));
            }
        }
        for bytes in [&b""[..], b"\n", b"\xff\xfe\x00", b"$ 0\n", b"$ 1 2\nno\n"] {
            if catch_unwind(|| run(target.name, bytes)).is_err() {
                broken.push(format!("{}: {bytes:?}", target.name));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}

#[test]
fn what_is_known_and_what_is_fuzzed_are_the_targets() {
    let targets: BTreeSet<String> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(names(&corpus()), targets);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).expect("fuzz/Cargo.toml");
    let binaries: BTreeSet<String> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|binary| binary.split('"').nth(1))
        .map(str::to_owned)
        .collect();
    assert_eq!(binaries, targets);
}
