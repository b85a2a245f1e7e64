//! `--report FORMAT[=PATH]`: which reports there are, and where each goes.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use jiff::tz::TimeZone;

use super::exit::Exit;
use super::output::tell;
use super::whole;
use crate::engine::Scorecard;
use crate::report::{self, Format, Setting};

/// One `--report`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    format: Format,
    /// Standard output without one, or for `-`.
    path: Option<PathBuf>,
}

/// Reads `FORMAT[=PATH]`, and tells completions the formats.
#[derive(Debug, Clone, Copy)]
pub(super) struct WantedParser;

fn formats() -> impl Iterator<Item = PossibleValue> {
    Format::ALL
        .into_iter()
        .map(|format| PossibleValue::new(format.name()).help(format.about()))
}

impl TypedValueParser for WantedParser {
    type Value = Wanted;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Wanted, clap::Error> {
        let bytes = value.as_bytes();
        let end = bytes.iter().position(|byte| *byte == b'=');
        let name = OsStr::from_bytes(&bytes[..end.unwrap_or(bytes.len())]);
        // Its message lists what there is and guesses what was meant.
        let name = PossibleValuesParser::new(formats()).parse_ref(command, argument, name)?;
        let Some(format) = Format::ALL.into_iter().find(|format| format.name() == name) else {
            return Err(clap::Error::new(ErrorKind::InvalidValue).with_cmd(command));
        };
        let path = end.map(|end| &bytes[end + 1..]);
        if path.is_some_and(<[u8]>::is_empty) {
            let message =
                format!("`--report {name}=` names no file: leave `=` out for standard output\n");
            return Err(clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command));
        }
        let path = path
            .filter(|path| *path != b"-")
            .map(|path| PathBuf::from(OsString::from_vec(path.to_vec())));
        Ok(Wanted { format, path })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(formats()))
    }
}

/// What standard output is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// The card as people read it.
    Card,
    /// The same in the log of a job, with annotations.
    Annotated,
    /// A report, of the last attempt alone.
    Report(Format),
}

/// Every report of a run, and where it goes.
pub(super) struct Reports {
    pub(super) output: Output,
    files: Vec<(Format, PathBuf)>,
    /// What steps of a job add their summaries to.
    summary: Option<PathBuf>,
    setting: Setting,
}

impl Reports {
    /// `json` is `--json`; `summary` is where a job's step summary goes; `taken` is what
    /// else is written, each by its flag.
    ///
    /// # Errors
    /// [`Exit::Usage`] when two reports want the same place.
    pub(super) fn new(
        wanted: &[Wanted],
        json: bool,
        summary: Option<PathBuf>,
        prefix: &str,
        taken: &[(&str, Option<&Path>)],
    ) -> Result<Self, Exit> {
        let mut printed: Vec<Format> = json.then_some(Format::Json).into_iter().collect();
        let mut files: Vec<(Format, PathBuf)> = Vec::new();
        let mut places: BTreeMap<PathBuf, String> = taken
            .iter()
            .filter_map(|(flag, path)| Some((whole::place((*path)?), (*flag).to_owned())))
            .collect();
        for Wanted { format, path } in wanted {
            // Annotations are for standard output wherever the summary goes.
            if path.is_none() || *format == Format::Github {
                printed.push(*format);
            }
            let Some(path) = path else { continue };
            let wanted = format!("--report {}", format.name());
            if let Some(other) = places.insert(whole::place(path), wanted) {
                tell(&format!(
                    "error: {} cannot hold both `{other}` and `--report {}`: give each a file of its own",
                    path.display(),
                    format.name()
                ));
                return Err(Exit::Usage);
            }
            files.push((*format, path.clone()));
        }
        let output = match printed[..] {
            [] => Output::Card,
            [Format::Github] => Output::Annotated,
            [format] => Output::Report(format),
            [first, second, ..] if first == second => {
                tell(&format!(
                    "error: standard output holds one report, and `{}` was asked for twice: \
                     leave one out",
                    first.name()
                ));
                return Err(Exit::Usage);
            }
            [first, second, ..] => {
                tell(&format!(
                    "error: standard output holds one report, and `{}` and `{}` both want it: \
                     give one a file, as in `--report {}=FILE`",
                    first.name(),
                    second.name(),
                    if second == Format::Github {
                        first
                    } else {
                        second
                    }
                    .name()
                ));
                return Err(Exit::Usage);
            }
        };
        let own = files.iter().any(|(format, _)| *format == Format::Github);
        let summary = summary.filter(|_| output == Output::Annotated && !own);
        if output == Output::Annotated && !own && summary.is_none() {
            tell("coldstart: GITHUB_STEP_SUMMARY is not set: annotations without a step summary");
        }
        Ok(Self {
            output,
            files,
            summary,
            setting: Setting {
                zone: TimeZone::system(),
                prefix: prefix.to_owned(),
            },
        })
    }

    /// A card for people, as this standard output takes it.
    pub(super) fn shown(&self, card: &Scorecard, text: String) -> String {
        match self.output {
            Output::Annotated => report::guarded(card, &text),
            Output::Card | Output::Report(_) => text,
        }
    }

    /// What comes after the last card: annotations, or the report instead of all cards.
    pub(super) fn last(&self, card: &Scorecard) -> String {
        match self.output {
            Output::Card => String::new(),
            Output::Annotated => report::annotations(card),
            Output::Report(format) => format.write(card, &self.setting),
        }
    }

    /// Writes every report that goes to a file, and returns what went wrong.
    pub(super) fn write(&self, card: &Scorecard) -> Vec<String> {
        let mut problems = Vec::new();
        for (format, path) in &self.files {
            // A collector of metrics runs as somebody else.
            let mode = (*format == Format::Prometheus).then_some(0o644);
            let text = format.write(card, &self.setting);
            if let Err(problem) = whole::replace(path, &text, mode) {
                problems.push(unwritten(*format, path, &problem));
            }
        }
        problems
    }

    /// Adds the step summary of the last card to those of the steps before.
    pub(super) fn summarize(&self, card: &Scorecard) -> Option<String> {
        let path = self.summary.as_ref()?;
        // Opening a pipe waits for a reader, for ever if none comes.
        if path.metadata().is_ok_and(|kind| kind.file_type().is_fifo()) {
            let problem = "it is a pipe: give a file";
            return Some(unwritten(Format::Github, path, problem));
        }
        let text = Format::Github.write(card, &self.setting);
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .err()
            .map(|error| unwritten(Format::Github, path, &error.to_string()))
    }
}

fn unwritten(format: Format, path: &Path, problem: &str) -> String {
    format!(
        "coldstart: the {} report was not written to {}: {problem}",
        format.name(),
        path.display()
    )
}
