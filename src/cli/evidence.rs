//! `--evidence DIR`: what each check of a run saw, kept for later questions.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::exit::Exit;
use super::output::tell;
use crate::engine::{self, Event, Scorecard};
use crate::plan::{Check, Plan};
use crate::report::document;

/// Version of the shape of these files.
const VERSION: u32 = 1;
/// A file's name has room for the place and the ending, too.
const LONGEST_NAME: usize = 120;

/// The folder that runs keep their evidence in.
#[derive(Debug)]
pub(super) struct Evidence(PathBuf);

/// When things happened in a run that its card has no place for.
#[derive(Debug, Default)]
pub(super) struct Times(Vec<Looked>);

#[derive(Debug, Clone, Default)]
struct Looked {
    /// The start of each attempt.
    started: Vec<Timestamp>,
    /// The end of the last one.
    seen: Option<Timestamp>,
}

impl Evidence {
    /// Makes the folder, for its owner alone, where there is none, and makes
    /// sure that a run can be kept in it.
    ///
    /// # Errors
    /// [`Exit::Failed`] when it cannot; the reason has been told.
    pub(super) fn open(folder: &Path) -> Result<Self, Exit> {
        let trial = folder.join(format!(".coldstart-{}", std::process::id()));
        let tried = private(true)
            .create(folder)
            .and_then(|()| private(false).create(&trial))
            .and_then(|()| std::fs::remove_dir(&trial));
        match tried {
            Ok(()) => Ok(Self(folder.to_owned())),
            Err(error) => {
                tell(&format!(
                    "coldstart: evidence cannot be kept in {}: {error}",
                    folder.display()
                ));
                Err(Exit::Failed)
            }
        }
    }

    /// Keeps a run: a folder named by its start, in it one file for each check
    /// and, at the end, `index.json` with their digests. A folder without an
    /// index is of a run that was killed.
    ///
    /// # Errors
    /// What went wrong, as a line for the operator.
    pub(super) fn keep(&self, card: &Scorecard, plan: &Plan, times: &Times) -> Result<(), String> {
        self.write(card, plan, times).map_err(|error| {
            format!(
                "coldstart: the evidence in {} is not whole: {error}",
                self.0.display()
            )
        })
    }

    fn write(&self, card: &Scorecard, plan: &Plan, times: &Times) -> io::Result<()> {
        let folder = self.new_folder(card.started_at)?;
        let mut files = Vec::new();
        let checks = card
            .phases
            .iter()
            .flat_map(|phase| phase.checks.iter().map(move |check| (phase, check)));
        for (place, (phase, check)) in checks.enumerate() {
            let looked = times.0.get(place).cloned().unwrap_or_default();
            // What was not looked at was sent nothing.
            let planned = plan.checks.get(place).filter(|_| check.attempts > 0);
            let text = document(&json!({
                "evidence_version": VERSION,
                "phase": phase.id,
                "requests": planned.map_or_else(Vec::new, |planned| requests(planned, plan)),
                "attempts_started_at": looked.started,
                "seen_at": looked.seen,
                "check": check,
            }));
            let name = file_name(place, &check.id);
            create(&folder.join(&name), &text)?;
            files.push(json!({
                "check": check.id,
                "verdict": check.verdict,
                "file": name,
                "sha256": hex(&Sha256::digest(text.as_bytes())),
            }));
        }
        let index = document(&json!({
            "evidence_version": VERSION,
            "tool": card.tool,
            "baseline": card.baseline,
            "started_at": card.started_at,
            "finished_at": card.finished_at,
            "result": card.result,
            "failure": card.failure,
            "totals": card.totals,
            "files": files,
        }));
        create(&folder.join("index.json"), &index)
    }

    /// A folder that was not there before: two runs may begin in one instant.
    fn new_folder(&self, started_at: Timestamp) -> io::Result<PathBuf> {
        let start = started_at.strftime("%Y%m%dT%H%M%S.%3fZ").to_string();
        let mut name = start.clone();
        for next in 2_u32.. {
            let folder = self.0.join(&name);
            match private(false).create(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    name = format!("{start}-{next}");
                }
                made => return made.map(|()| folder),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }
}

impl Times {
    /// Of a run of `checks` checks.
    pub(super) fn new(checks: usize) -> Self {
        Self(vec![Looked::default(); checks])
    }

    /// Takes note of what has just happened.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::CheckStarted { check, .. } => {
                if let Some(looked) = self.0.get_mut(*check) {
                    looked.started.push(engine::now());
                }
            }
            Event::CheckJudged {
                check, observation, ..
            } => {
                if let Some(looked) = self.0.get_mut(*check) {
                    looked.seen = Some(observation.at);
                }
            }
            Event::PhaseStarted { .. }
            | Event::CheckDiagnosed { .. }
            | Event::CheckHeld { .. }
            | Event::CheckSkipped { .. }
            | Event::PhaseFinished { .. }
            | Event::Finished { .. } => {}
        }
    }
}

/// What an attempt sends, secrets as `***`, as `coldstart plan` tells it.
fn requests(check: &Check, plan: &Plan) -> Vec<Value> {
    let requests = check.requests(&plan.policy);
    requests
        .iter()
        .map(|request| json!({ "protocol": request.protocol, "text": request.text }))
        .collect()
}

/// The place keeps names apart that differ in nothing else, and in plan order.
fn file_name(place: usize, id: &str) -> String {
    let safe: String = id
        .chars()
        .take(LONGEST_NAME)
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' | '@' => c,
            _ => '_',
        })
        .collect();
    format!("{:04}-{safe}.json", place + 1)
}

/// For its owner alone: it names every host and what it said.
fn private(recursive: bool) -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700).recursive(recursive);
    builder
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "ssh@data188", "0001-ssh@data188.json")]
    #[case(36, "../../etc/passwd", "0037-.._.._etc_passwd.json")]
    #[case(1, "a\nb 資", "0002-a_b__.json")]
    fn names_are_safe(#[case] place: usize, #[case] id: &str, #[case] expected: &str) {
        assert_eq!(file_name(place, id), expected);
        assert!(file_name(place, &"x".repeat(9_000)).len() < 255);
    }

    #[test]
    fn no_run_takes_anothers_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let evidence = Evidence::open(folder.path()).expect("writable");
        let start = Timestamp::from_second(1_780_656_904).expect("a time");
        let names: Vec<String> = (0..3)
            .map(|_| evidence.new_folder(start).expect("made"))
            .filter_map(|made| Some(made.file_name()?.to_string_lossy().into_owned()))
            .collect();
        assert_eq!(
            names,
            [
                "20260605T105504.000Z",
                "20260605T105504.000Z-2",
                "20260605T105504.000Z-3"
            ]
        );
    }
}
