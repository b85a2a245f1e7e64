//! Waivers files: what is read from them, and every mistake with its message.

use std::path::Path;

use coldstart::baseline::{Disk, Files, LoadedWaivers, load_waivers, waivers_schema};

/// One file in memory.
struct One(&'static str);

impl Files for One {
    fn read(&self, _: &Path, _: usize) -> std::io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_owned())
    }
}

fn rendered(loaded: &LoadedWaivers) -> String {
    loaded.diagnostics.render(&loaded.sources, false, 100)
}

#[test]
fn every_mistake_has_its_message() {
    let folder = Path::new("tests/waivers/invalid");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder")
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".yml").map(str::to_owned)
        })
        .collect();
    names.sort();
    assert!(names.len() > 15, "only {names:?}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("waivers/invalid");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for name in names {
        let loaded = load_waivers(&format!("tests/waivers/invalid/{name}.yml"), &Disk);
        assert!(loaded.diagnostics.has_errors(), "{name} has no errors");
        assert_eq!(loaded.waivers, [], "{name}");
        assert!(loaded.root.is_none(), "{name}");
        let text = rendered(&loaded);
        assert!(!text.contains('\u{1b}'), "{name} writes to the terminal");
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

#[test]
fn a_file_that_is_not_there() {
    let loaded = load_waivers("tests/waivers/nowhere.yml", &Disk);
    let told = rendered(&loaded);
    assert!(
        told.contains("cannot read tests/waivers/nowhere.yml: no such file"),
        "{told}"
    );
    assert!(told.contains("give the path of the waivers file"), "{told}");
}

#[test]
fn a_file_without_waivers() {
    for text in ["version: 1\n", "version: 1\nwaivers: []\n"] {
        let loaded = load_waivers("stack.waivers.yml", &One(text));
        assert_eq!((rendered(&loaded).as_str(), loaded.waivers), ("", vec![]));
        assert!(loaded.root.is_some());
    }
}

const TWICE: &str = "\
version: 1
waivers:
  # since the move
  - { check: ssh@k3s120, reason: r, by: ogt, until: 2026-12-01, accepted_at: 2026-11-20T10:00:00Z }
  - check: signoz
    reason: >
      folded over
      lines
    by: ogt
    until: 2026-12-01T18:00:00+08:00
    accepted_at: 2026-11-20T10:00:00Z
  - { check: ssh@k3s120, reason: again, by: ogt, until: 2026-12-02, accepted_at: 2026-11-21T10:00:00Z }
";

#[test]
fn entries_are_read_in_order_and_the_last_of_a_name_counts() {
    let mut loaded = load_waivers("stack.waivers.yml", &One(TWICE));
    assert_eq!(rendered(&loaded), "");
    let read: Vec<String> = loaded
        .waivers
        .iter()
        .map(|waiver| {
            format!(
                "{} {:?} {} {} {} {}",
                waiver.check.value,
                waiver.reason,
                waiver.by,
                waiver.accepted_at,
                waiver.until,
                waiver.superseded
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            "ssh@k3s120 \"r\" ogt 2026-11-20T10:00:00Z 2026-12-02T00:00:00Z true",
            "signoz \"folded over lines\\n\" ogt 2026-11-20T10:00:00Z 2026-12-01T10:00:00Z false",
            "ssh@k3s120 \"again\" ogt 2026-11-21T10:00:00Z 2026-12-03T00:00:00Z false",
        ]
    );
    loaded.warn_of_superseded();
    assert!(!loaded.diagnostics.has_errors());
    let told = rendered(&loaded);
    for part in [
        "warning[superseded-waiver]",
        ":4:14",
        "this one counts",
        "take this one out",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

const SCHEMA: &str = "schema/waivers.schema.json";

/// `UPDATE_SCHEMA=1 cargo test --test waivers` writes it anew.
#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCHEMA);
    let generated = format!("{:#}\n", waivers_schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &generated).expect("the schema can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the schema is there");
    assert!(
        committed == generated,
        "{SCHEMA} is not what the types give"
    );
}

#[test]
fn the_schema_agrees_with_the_loader() {
    let validator = jsonschema::validator_for(&waivers_schema()).expect("a schema");
    let loaded = load_waivers("stack.waivers.yml", &One(TWICE));
    let root = loaded.root.expect("it has no errors").to_json();
    assert!(validator.is_valid(&root));
    for (pointer, wrong) in [
        ("/version", serde_json::json!(2)),
        ("/waivers/0/check", serde_json::json!("a b")),
        ("/waivers/0/reason", serde_json::json!(" ")),
        ("/waivers/0/until", serde_json::json!("3d")),
        ("/waivers/0/accepted_at", serde_json::json!("2026-12-01")),
    ] {
        let mut document = root.clone();
        *document.pointer_mut(pointer).expect("it is there") = wrong;
        assert!(!validator.is_valid(&document), "{pointer} passed");
    }
}

/// The example of `docs/waivers.md` is one.
#[test]
fn the_page_is_true() {
    let page = include_str!("../docs/waivers.md");
    let start = page.find("```yaml\n").expect("an example") + "```yaml\n".len();
    let end = start + page[start..].find("```").expect("its end");
    let path = std::env::temp_dir().join(format!("waivers-{}.yml", std::process::id()));
    std::fs::write(&path, &page[start..end]).expect("a file");
    let loaded = load_waivers(&path.display().to_string(), &Disk);
    std::fs::remove_file(&path).expect("it is there");
    assert_eq!(rendered(&loaded), "");
    assert_eq!(loaded.waivers.len(), 2);
    let schema = waivers_schema();
    let keys = schema["$defs"]["Waiver"]["properties"].as_object();
    for key in keys.expect("the keys of a waiver").keys() {
        assert!(page.contains(&format!("| `{key}` |")), "{key} is not told");
    }
}
