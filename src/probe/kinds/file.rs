//! `file`: a file of a host is there, fresh, and says what it should.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer;
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
const MOST: usize = 256 << 10;

/// The host's clock, in seconds since 1970.
pub(super) const DATE: &[&str] = &["date", "+%s"];

/// The command whose answer [`Stat::parse`] reads.
pub(super) fn stat<'a>(path: &'a str, target: &Target) -> [&'a str; 5] {
    let local = target.host.as_deref().is_some_and(|host| host.local);
    if local && cfg!(target_os = "macos") {
        ["stat", "-L", "-f", "%z,%m,%Lp,%Su,%HT", path]
    } else {
        ["stat", "-L", "-c", "%s,%Y,%a,%U,%F", path]
    }
}

impl File {
    fn head(&self) -> Option<Vec<String>> {
        match self.content {
            Content::Read(false) => None,
            Content::Read(true) | Content::Containing(_) => Some(vec![
                "head".to_owned(),
                "-c".to_owned(),
                (MOST + 1).to_string(),
                self.path.clone(),
            ]),
        }
    }

    fn commands(&self, target: &Target) -> Vec<Vec<String>> {
        let own = |args: &[&str]| args.iter().map(ToString::to_string).collect();
        let mut all = vec![own(&stat(&self.path, target)), own(DATE)];
        all.extend(self.head());
        all
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
        FactSpec::new(
            "mode",
            Type::Text,
            "Its permissions in octal digits: `644`.",
        ),
        FactSpec::new("owner", Type::Text, "The user it belongs to."),
        FactSpec::new(
            "content",
            Type::Text,
            "Its text, or the lines asked for; with `content` only. Up to 256 KiB of a text; lines asked for are absent when the file is longer.",
        ),
        FactSpec::new("lines", Type::List(&Type::Text), "`content` by lines."),
        FactSpec::new(
            "truncated",
            Type::Bool,
            "The file is longer than what is read of it; with `content` only.",
        ),
    ];
    const EXAMPLE: &'static str = "title: the backup's mark is fresh\non: data188\nfile: { path: /var/backups/last-success }\nrequire: age_s < 90000\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let problem = |message: String, suggestion| OptionProblem {
            path: vec!["path".to_owned()],
            message,
            suggestion,
        };
        if !self.path.starts_with('/') {
            return vec![problem(
                format!("{:?} is not an absolute path", self.path),
                Some(format!("/{}", self.path.trim_start_matches("./"))),
            )];
        }
        if self.path.contains(['\n', '\0']) {
            return vec![problem("a path is one line".to_owned(), None)];
        }
        let refused = self
            .commands(target)
            .into_iter()
            .find_map(|args| ReadOnlyCommand::from_args(policy, args).err());
        refused
            .map(|refused| problem(refused.message, None))
            .into_iter()
            .collect()
    }

    fn defaults(&self) -> Defaults {
        Defaults::require(["exists"])
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        format!("a look at {} on {host}", self.path)
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let commands = self
            .commands(target)
            .into_iter()
            .filter_map(|args| ReadOnlyCommand::from_args(policy, args).ok());
        commands
            .map(|command| target.exec_request(&command))
            .collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let policy = &context.transports.policy;
        let host = context.host()?;
        let stat = answer::command(policy, stat(&self.path, &context.target))?;
        let date = answer::command(policy, DATE.iter().copied())?;
        let (stat, date) = tokio::join!(context.exec(&stat), context.exec(&date));
        let (stat, date) = (stat?, date?);
        let mut facts = Facts::new();
        if answer::status(&stat, "stat", host)? != 0 {
            if !is_absent(&stat) {
                return Err(unseen(&self.path, &stat));
            }
            facts.set("exists", false);
            return Ok(facts);
        }
        let line = answer::stdout(&stat);
        let seen = Stat::parse(line.trim())?;
        facts.set("exists", true);
        let now = answer::stdout(&date).trim().parse::<i64>().ok();
        seen.set(now, &mut facts);
        if let Some(args) = self.head() {
            if seen.kind != "file" {
                return Ok(facts);
            }
            let head = context.exec(&answer::command(policy, args)?).await?;
            if answer::status(&head, "head", host)? != 0 {
                return Err(unseen(&self.path, &head));
            }
            let text =
                String::from_utf8_lossy(&head.stdout[..head.stdout.len().min(MOST)]).into_owned();
            let truncated = head.stdout.len() > MOST || head.truncated;
            facts.set("truncated", truncated);
            // In the part that was not read there may be more such lines.
            if truncated && matches!(self.content, Content::Containing(_)) {
                return Ok(facts);
            }
            let (content, lines) = self.keep(&text);
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
pub(super) fn unseen(path: &str, output: &Output) -> Fault {
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

/// A line of `stat`: size, seconds of the last change, mode, owner, kind.
#[derive(Debug, PartialEq)]
pub(super) struct Stat {
    pub(super) size: f64,
    pub(super) modified: i64,
    mode: String,
    owner: String,
    pub(super) kind: &'static str,
}

impl Stat {
    /// # Errors
    /// `Protocol`: another line than [`stat`] asks for.
    pub(super) fn parse(line: &str) -> Result<Self, Fault> {
        Self::read(line)
            .ok_or_else(|| Fault::new(FaultKind::Protocol, format!("stat printed {line:?}")))
    }

    fn read(line: &str) -> Option<Self> {
        let mut fields = line.splitn(5, ',');
        let mut next = || fields.next();
        let (size, modified) = (next()?.parse().ok()?, next()?.parse().ok()?);
        let (mode, owner) = (next()?.to_owned(), next()?.to_owned());
        let kind = match next()?.to_lowercase().as_str() {
            "regular file" | "regular empty file" => "file",
            "directory" => "directory",
            "block special file" | "block device" => "block device",
            "character special file" | "character device" => "character device",
            "fifo" | "fifo file" => "fifo",
            "socket" => "socket",
            _ => return None,
        };
        Some(Self {
            size,
            modified,
            mode,
            owner,
            kind,
        })
    }

    /// The size, and how old it is at `now` by the host's clock.
    pub(super) fn set_age(&self, now: Option<i64>, facts: &mut Facts) {
        facts.set("size_bytes", self.size);
        facts.set_some("modified", Timestamp::from_second(self.modified).ok());
        let age = now.and_then(|now| now.checked_sub(self.modified));
        #[expect(
            clippy::cast_precision_loss,
            reason = "ages are far below 2^52 seconds"
        )]
        facts.set_some("age_s", age.map(|age| age as f64));
    }

    fn set(&self, now: Option<i64>, facts: &mut Facts) {
        facts.set("kind", self.kind);
        self.set_age(now, facts);
        facts.set("mode", self.mode.as_str());
        facts.set("owner", self.owner.as_str());
    }
}

#[cfg(test)]
mod tests;
