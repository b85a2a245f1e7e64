//! `file`: a file of a host is there, fresh, and says what it should.

mod below;
mod stat;

use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use self::stat::Stat;
use super::answer;
use super::dated;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit, Value,
};
use crate::transport::command::{Output, ReadOnlyCommand};

/// Looks at a file or directory of the host. Symbolic links are followed. A
/// file that does not exist is a fact; one that may not be looked at is a fault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The file or directory.
    #[schemars(extend("pattern" = "^/"))]
    path: String,
    /// Also read it: `true` for all of it, a text for the lines that contain
    /// it. Not read when left out.
    #[serde(default)]
    content: Content,
    /// The path is a folder: look for the lines of `content` in all files below it, those
    /// that links lead to as well. As many as 1000 files of up to 1 MiB each, 16 MiB in all;
    /// nothing of them is told but these lines. By itself it requires that a file was looked
    /// through, since an empty folder, or one where nothing is mounted yet, has no line that
    /// should not be there either; and it prefers that `unread` is empty. Takes GNU's `find`.
    #[serde(default)]
    below: bool,
    /// Also tell where the path leads, with `resolved`.
    #[serde(default)]
    resolve: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "true, false or a text is expected")]
enum Content {
    /// Read it, or not.
    Read(bool),
    /// Read it and keep the lines that contain this text.
    Containing(String),
}

impl Default for Content {
    fn default() -> Self {
        Self::Read(false)
    }
}

/// As much as is read of a file.
pub(super) const MOST: usize = 256 << 10;

/// The host's clock, in seconds since 1970.
pub(super) fn date() -> Vec<String> {
    owned(&["date", "+%s"])
}

fn owned(args: &[&str]) -> Vec<String> {
    args.iter().map(ToString::to_string).collect()
}

/// The command of [`look_at`]: a line that [`Stat`] reads.
pub(super) fn stat(path: &str, target: &Target) -> Vec<String> {
    let local = target.host.as_deref().is_some_and(|host| host.local);
    if local && cfg!(target_os = "macos") {
        owned(&["stat", "-L", "-f", "%z,%m,%Lp,%Su,%HT", path])
    } else {
        owned(&["stat", "-L", "-c", "%s,%Y,%a,%U,%F", path])
    }
}

/// One byte more than is kept, so that a longer file is told from a whole one.
fn head(path: &str, most: usize) -> Vec<String> {
    owned(&["head", "-c", &(most + 1).to_string(), path])
}

/// The commands of [`look_at`] and [`read`], in this order.
pub(super) fn reading(path: &str, most: usize, target: &Target) -> [Vec<String>; 2] {
    [stat(path, target), head(path, most)]
}

/// What is at `path`; nothing when nothing is.
///
/// # Errors
/// The fault of the host's connection or of `stat`; `Denied` when it may not
/// be looked at.
pub(super) async fn look_at(context: &Context, path: &str) -> Result<Option<Stat>, Fault> {
    let args = stat(path, &context.target);
    let command = answer::command(&context.transports.policy, args)?;
    let stat = context.exec(&command).await?;
    if answer::status(&stat, "stat", context.host()?)? != 0 {
        return if is_absent(&stat) {
            Ok(None)
        } else {
            Err(unseen(path, &stat))
        };
    }
    let line = answer::stdout(&stat);
    Stat::parse(line.trim()).map(Some)
}

/// The first `most` bytes of a file, and whether that is all of it. Only for what
/// [`look_at`] calls a `file`: to read a fifo takes from it.
///
/// # Errors
/// The fault of the host's connection or of `head`; `Denied` when it may not
/// be read.
pub(super) async fn read(
    context: &Context,
    path: &str,
    most: usize,
) -> Result<(Vec<u8>, bool), Fault> {
    let command = answer::command(&context.transports.policy, head(path, most))?;
    let mut head = context.exec(&command).await?;
    if answer::status(&head, "head", context.host()?)? != 0 {
        return Err(unseen(path, &head));
    }
    let whole = head.stdout.len() <= most && !head.truncated;
    head.stdout.truncate(most);
    Ok((head.stdout, whole))
}

/// Problems of a path, and of the commands that look at it.
pub(super) fn path_problems(
    path: &str,
    commands: &[Vec<String>],
    policy: &Policy,
) -> Vec<OptionProblem> {
    let problem = |message: String, suggestion| OptionProblem {
        path: vec!["path".to_owned()],
        message,
        suggestion,
    };
    if !path.starts_with('/') {
        return vec![problem(
            format!("{path:?} is not an absolute path"),
            Some(format!("/{}", path.trim_start_matches("./"))),
        )];
    }
    if path.contains(['\n', '\0']) {
        return vec![problem("a path is one line".to_owned(), None)];
    }
    let refused = commands
        .iter()
        .find_map(|args| ReadOnlyCommand::from_args(policy, args.clone()).err());
    refused
        .map(|refused| problem(refused.message, None))
        .into_iter()
        .collect()
}

impl File {
    fn is_read(&self) -> bool {
        match self.content {
            Content::Read(read) => read,
            Content::Containing(_) => true,
        }
    }

    fn commands(&self, target: &Target) -> Vec<Vec<String>> {
        let [stat, head] = reading(&self.path, MOST, target);
        let mut all = vec![stat, date()];
        all.extend(self.resolve.then(|| self.readlink()));
        match self.sought_below() {
            Some(text) => {
                let each = format!("{}/EACH", self.path.trim_end_matches('/'));
                all.extend([below::find(&self.path), below::grep(text, &[each])]);
            }
            None => all.extend(self.is_read().then_some(head)),
        }
        all
    }

    fn readlink(&self) -> Vec<String> {
        owned(&["readlink", "-f", &self.path])
    }

    /// The text that is looked for in the files below the path.
    fn sought_below(&self) -> Option<&str> {
        match &self.content {
            Content::Containing(text) if self.below => Some(text),
            Content::Containing(_) | Content::Read(_) => None,
        }
    }

    /// Where the path leads.
    async fn resolved(&self, context: &Context) -> Result<Option<Output>, Fault> {
        if !self.resolve {
            return Ok(None);
        }
        let command = answer::command(&context.transports.policy, self.readlink())?;
        context.exec(&command).await.map(Some)
    }

    fn below_problems(&self) -> Vec<OptionProblem> {
        let problem = |option: &str, message: &str, suggestion: &str| OptionProblem {
            path: vec![option.to_owned()],
            message: message.to_owned(),
            suggestion: Some(suggestion.to_owned()),
        };
        match &self.content {
            _ if !self.below => Vec::new(),
            Content::Read(_) => vec![problem(
                "below",
                "which lines of the files below the folder?",
                "`content: TEXT` for the lines that contain it",
            )],
            Content::Containing(text) if text.trim().is_empty() => vec![problem(
                "content",
                "nearly every line contains that",
                "a text that is in the lines looked for",
            )],
            Content::Containing(text) if text.contains(['\n', '\r', '\0']) => vec![problem(
                "content",
                "no line contains the end of a line",
                "a text of one line",
            )],
            Content::Containing(_) => Vec::new(),
        }
    }

    fn keep(&self, text: &str) -> (String, Vec<Value>) {
        match &self.content {
            Content::Containing(part) => {
                let lines: Vec<&str> = text.lines().filter(|line| line.contains(part)).collect();
                (
                    lines.join("\n"),
                    lines.into_iter().map(Value::from).collect(),
                )
            }
            Content::Read(_) => (text.to_owned(), text.lines().map(Value::from).collect()),
        }
    }
}

impl Kind for File {
    const NAME: &'static str = "file";
    const SUMMARY: &'static str = "a file of a host exists, is fresh, and says what it should";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "exists",
            Type::Bool,
            "There is something at the path. A link that leads nowhere is nothing.",
        ),
        FactSpec::new(
            "kind",
            Type::Text,
            "`file`, `directory`, `block device`, `character device`, `fifo` or `socket`.",
        ),
        FactSpec::number("size_bytes", Unit::Bytes, "Its size."),
        FactSpec::new(
            "modified",
            Type::Time,
            "When its content last changed, by the host's clock.",
        ),
        FactSpec::number(
            "age_s",
            Unit::Seconds,
            "Time since `modified`, by the host's own clock, so that a host whose clock is off is judged fairly. Negative for a time to come.",
        ),
        dated::NOW,
        FactSpec::new(
            "mode",
            Type::Text,
            "Its permissions in octal digits: `644`.",
        ),
        FactSpec::new("owner", Type::Text, "The user it belongs to."),
        FactSpec::new(
            "content",
            Type::Text,
            "Its text, or the lines asked for; with `content` only. Up to 256 KiB of a text; lines asked for are absent when `truncated` is true.",
        ),
        FactSpec::new("lines", Type::List(&Type::Text), "`content` by lines."),
        FactSpec::new(
            "truncated",
            Type::Bool,
            "The file is longer than what is read of it, or there is more `below` than is looked through, or more than 256 KiB of such lines, or more in `unread` than is told; with `content` only.",
        ),
        below::FILE_COUNT,
        below::MATCHED_FILES,
        below::UNREAD,
        below::UNREAD_COUNT,
        FactSpec::new(
            "resolved",
            Type::Text,
            "The path without links and without `..`: `/usr/bin/python3.11`; with `resolve` only.",
        ),
    ];
    const EXAMPLE: &'static str = "title: the backup's mark is fresh\non: data188\nfile: { path: /var/backups/last-success }\nrequire: age_s < 90000\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let problems = self.below_problems();
        if !problems.is_empty() {
            return problems;
        }
        path_problems(&self.path, &self.commands(target), policy)
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            require: Vec::from_iter(
                ["exists"]
                    .into_iter()
                    .chain(self.below.then_some("file_count > 0"))
                    .map(str::to_owned),
            ),
            prefer: Vec::from_iter(self.below.then(|| "size(unread) == 0".to_owned())),
        }
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        format!("a look at {} on {host}", self.path)
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.commands(target), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let date = answer::command(&context.transports.policy, date())?;
        let (stat, date, resolved) = tokio::join!(
            look_at(context, &self.path),
            context.exec(&date),
            self.resolved(context)
        );
        let (stat, date, resolved) = (stat?, date?, resolved?);
        let mut facts = Facts::new();
        let Some(seen) = stat else {
            facts.set("exists", false);
            return Ok(facts);
        };
        facts.set("exists", true);
        let now = answer::stdout(&date).trim().parse::<i64>().ok();
        seen.set(now, &mut facts);
        if let Some(output) = resolved {
            if answer::status(&output, "readlink", context.host()?)? != 0 {
                return Err(unseen(&self.path, &output));
            }
            let path = answer::stdout(&output);
            facts.set("resolved", path.strip_suffix('\n').unwrap_or(&path));
        }
        if let Some(text) = self.sought_below() {
            if matches!(seen.kind, "file" | "directory") {
                below::set(context, &self.path, text, &mut facts).await?;
            }
        } else if self.is_read() && seen.kind == "file" {
            let (bytes, whole) = read(context, &self.path, MOST).await?;
            facts.set("truncated", !whole);
            // In the part that was not read there may be more such lines.
            if !whole && matches!(self.content, Content::Containing(_)) {
                return Ok(facts);
            }
            let (content, lines) = self.keep(&String::from_utf8_lossy(&bytes));
            facts.set("content", content);
            facts.set("lines", Value::List(lines));
        }
        Ok(facts)
    }
}

/// Whether a command failed because there is nothing at the path.
pub(super) fn is_absent(output: &Output) -> bool {
    let text = answer::stderr(output);
    ["No such file or directory", "Not a directory"]
        .iter()
        .any(|words| text.contains(words))
}

/// Why what is at `path` cannot be looked at.
fn unseen(path: &str, output: &Output) -> Fault {
    let complaint = answer::complaint(output);
    if answer::stderr(output).contains("ermission denied") {
        return Fault::new(
            FaultKind::Denied,
            format!("{path} may not be looked at: {complaint}"),
        );
    }
    Fault::new(
        FaultKind::Protocol,
        format!("{path} cannot be looked at: {complaint}"),
    )
}

#[cfg(test)]
mod tests;
