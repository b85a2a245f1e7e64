//! `rclone`: what is on a remote of rclone's.

mod listing;
mod trouble;

use schemars::JsonSchema;
use serde::Deserialize;

use self::listing::Listing;
use super::several::OneOrMany;
use super::{answer, file};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, SecretRef, Target, Type, Unit,
};
use crate::transport::command::{ReadOnlyCommand, Refused, Values, Variable};

/// Lists what is on a remote with the rclone of the host, by `rclone lsjson`: how
/// many files, how much, the newest. With `repositories`, counts the snapshots of
/// restic repositories that were copied there, and lists nothing else of them.
///
/// A remote that is not there, or does not answer, is a fault with what to do about
/// it. A listing that broke off is a fault too, and never a smaller count. What is
/// listed is kept up to 32 MiB, which is some 150000 files: narrow it down by
/// `include` and `max_depth`.
///
/// Nothing on the remote changes. On the host, rclone itself writes one thing: a
/// token of OAuth (Google Drive, OneDrive, Dropbox) that has run out is renewed,
/// and the new one is stored in rclone's configuration file, as in each of its
/// runs; rclone has no option against it. A login that may read the file and not
/// write to it changes nothing, and rclone goes on with the token that it got.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rclone {
    /// The remote and the folder on it: `gdrive:backups/gitea`. A path of the host
    /// is one too.
    remote: String,
    /// rclone's configuration file, below `/etc`, or `.config/rclone/` or
    /// `.rclone.conf` in a home directory; the login's own when left out.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    config: Option<String>,
    /// The password of an encrypted configuration, by reference.
    #[serde(default)]
    config_password: Option<SecretRef>,
    /// How many folders deep to look; all when left out.
    #[serde(default)]
    #[schemars(range(min = 1))]
    max_depth: Option<u32>,
    /// Only files with one of these patterns of rclone's: `*.sql.gz`,
    /// `/gitea/**`.
    #[serde(default)]
    include: OneOrMany,
    /// Whether the files' times are asked for. On S3 and Swift that is a request
    /// for each file.
    #[serde(default = "yes")]
    times: bool,
    /// Have a folder tree listed at once where the remote can do so: fewer
    /// requests, more memory on the host.
    #[serde(default)]
    fast_list: bool,
    /// restic repositories below the remote, each by its folder: count their
    /// snapshots. `.` is the remote itself.
    #[serde(default)]
    repositories: Vec<String>,
    /// Expect exactly one snapshot in each of `repositories`.
    #[serde(default)]
    latest_only: bool,
    /// Ask by `sudo -n`. With `config_password`, sudoers has to allow rclone with
    /// `NOPASSWD:SETENV`.
    #[serde(default)]
    sudo: bool,
}

fn yes() -> bool {
    true
}

/// Bytes of a listing that are kept.
const MOST: usize = 32 << 20;

const CONFIG_PASSWORD: &str = "RCLONE_CONFIG_PASS";

impl Rclone {
    fn args(&self) -> Vec<String> {
        let sudo: &[&str] = if self.sudo { &["sudo", "-n"] } else { &[] };
        let fixed = ["rclone", "lsjson", self.remote.as_str(), "--recursive"];
        // The type of a file is one more request for each on some remotes.
        let fixed = fixed
            .iter()
            .chain(&["--no-mimetype", "--ask-password=false"]);
        let mut args: Vec<String> = sudo.iter().chain(fixed).map(ToString::to_string).collect();
        if !self.times {
            args.push("--no-modtime".to_owned());
        }
        if self.fast_list {
            args.push("--fast-list".to_owned());
        }
        let mut flag = |name: &str, value: &str| args.extend([name.to_owned(), value.to_owned()]);
        if let Some(config) = &self.config {
            flag("--config", config);
        }
        if let Some(depth) = self.max_depth {
            flag("--max-depth", &depth.to_string());
        }
        for pattern in self.include.all() {
            flag("--include", pattern);
        }
        for repository in &self.repositories {
            let folder = match repository.trim_matches('/') {
                "." => String::new(),
                folder => format!("/{folder}"),
            };
            flag("--include", &format!("{folder}/snapshots/*"));
        }
        args
    }

    fn command(&self, policy: &Policy) -> Result<ReadOnlyCommand, Refused> {
        let password = self.config_password.iter();
        let variables = password.filter_map(|_| Variable::of("rclone", CONFIG_PASSWORD));
        ReadOnlyCommand::from_args(policy, self.args())?.taking(variables.collect())
    }

    fn values(&self, context: &Context) -> Result<Values, Fault> {
        let mut values = Values::default();
        if let (Some(secret), Some(variable)) = (
            &self.config_password,
            Variable::of("rclone", CONFIG_PASSWORD),
        ) {
            let value = context.secret(secret)?.clone();
            values.give(variable, value).map_err(local)?;
        }
        Ok(values)
    }
}

fn local(refused: Refused) -> Fault {
    Fault::new(FaultKind::LocalSetup, refused.message)
}

impl Kind for Rclone {
    const NAME: &'static str = "rclone";
    const SUMMARY: &'static str = "a remote of rclone's has the files that it should";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::number("files", Unit::Count, "Files that were listed."),
        FactSpec::number(
            "total_size_bytes",
            Unit::Bytes,
            "What they take together. Absent where the remote does not know the size of each.",
        ),
        FactSpec::new(
            "newest",
            Type::Text,
            "Path of the newest file, below the remote.",
        ),
        FactSpec::new(
            "newest_at",
            Type::Time,
            "When the newest file was changed, as the remote has it. Absent with `times: false`.",
        ),
        FactSpec::number(
            "newest_age_s",
            Unit::Seconds,
            "Time since `newest_at`, by the clock of the host that runs rclone. Negative for a time to come.",
        ),
        FactSpec::new("oldest_at", Type::Time, "When the oldest file was changed."),
        FactSpec::new(
            "directories",
            Type::List(&Type::Text),
            "The folders directly below the remote, empty ones too where the remote has such.",
        ),
        FactSpec::number("directory_count", Unit::Count, "How many those are."),
        FactSpec::new(
            "files_in",
            Type::Map(&Type::Number),
            "Files by the folder directly below the remote: `files_in['gitea'] > 100`.",
        ),
        FactSpec::new(
            "snapshots",
            Type::Map(&Type::Number),
            "Snapshots by restic repository, 0 where there is none: `snapshots['gitea'] == 1`. One of 0 bytes is none. Absent without `repositories`.",
        ),
        FactSpec::new(
            "snapshot_latest_only",
            Type::Bool,
            "Each of `repositories` has exactly one snapshot.",
        )
        .because(&["missing", "too_many", "empty_snapshots"]),
        FactSpec::new(
            "missing",
            Type::List(&Type::Text),
            "Those of `repositories` that have no snapshot, or are not there.",
        ),
        FactSpec::new(
            "too_many",
            Type::List(&Type::Text),
            "Those of `repositories` that have more than one snapshot.",
        ),
        FactSpec::new(
            "empty_snapshots",
            Type::List(&Type::Text),
            "Files of snapshots with 0 bytes, of which the upload broke off: `gitea/snapshots/1f2e3d4c`.",
        ),
        FactSpec::new(
            "newest_snapshot_at",
            Type::Map(&Type::Time),
            "When the newest snapshot of each repository was copied, as the remote has it.",
        ),
        FactSpec::new(
            "oldest_repository_newest_at",
            Type::Time,
            "The newest snapshot of the repository that is furthest behind. Absent where one has none.",
        ),
    ];
    const EXAMPLE: &'static str = "title: the copies on Google Drive have one snapshot each\non: data188\nrclone:\n  remote: gdrive:backups\n  repositories: [gitea, momo, harbor]\n  latest_only: true\n";

    fn problems(&self, _: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let mut problem = |path: &[&str], message: String, suggestion: Option<&str>| {
            problems.push(OptionProblem {
                path: path.iter().map(ToString::to_string).collect(),
                message,
                suggestion: suggestion.map(str::to_owned),
            });
        };
        if self.remote.trim().is_empty() {
            problem(&["remote"], "the remote has no name".to_owned(), None);
        }
        if let Some(config) = &self.config
            && !config.starts_with('/')
        {
            problem(
                &["config"],
                format!("{config:?} is not an absolute path"),
                None,
            );
        }
        for (n, repository) in self.repositories.iter().enumerate() {
            let folder = repository.trim_matches('/');
            if folder.is_empty() || folder.contains(['*', '?', '[', ']', '{', '}', '\\']) {
                problem(
                    &["repositories", &n.to_string()],
                    format!("{repository:?} is no folder"),
                    Some(
                        "the folder of a repository below the remote, or `.` for the remote itself",
                    ),
                );
            }
        }
        if self.latest_only && self.repositories.is_empty() {
            problem(
                &["latest_only"],
                "there are no repositories to count the snapshots of".to_owned(),
                Some("name them with `repositories`"),
            );
        }
        if !self.repositories.is_empty()
            && (!self.include.all().is_empty() || self.max_depth.is_some())
        {
            problem(
                &["repositories"],
                "`repositories` lists the snapshots of these and nothing else".to_owned(),
                Some("leave `include` and `max_depth` out, or make another check with them"),
            );
        }
        if problems.is_empty() {
            problems.extend(self.command(policy).err().map(|refused| OptionProblem {
                path: Vec::new(),
                message: refused.message,
                suggestion: None,
            }));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        if self.repositories.is_empty() {
            return Defaults::require(["files > 0"]);
        }
        let mut require = vec!["size(missing) == 0", "size(empty_snapshots) == 0"];
        if self.latest_only {
            require.push("snapshot_latest_only");
        }
        Defaults::require(require)
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        let what = if self.repositories.is_empty() {
            "files"
        } else {
            "snapshots"
        };
        format!("the {what} on {} as {host} sees them", self.remote)
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let command = self.command(policy).ok();
        let mut all: Vec<Request> = command
            .map(|command| target.exec_request(&command))
            .into_iter()
            .collect();
        all.extend(target.exec_requests([file::date()], policy));
        all
    }

    fn secrets(&self) -> Vec<&SecretRef> {
        self.config_password.iter().collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let policy = &context.transports.policy;
        let values = self.values(context)?;
        let command = self.command(policy).map_err(local)?;
        let date = answer::command(policy, file::date())?;
        let (output, date) = tokio::join!(
            context.exec_with(&command, &values, MOST),
            context.exec(&date)
        );
        let (output, date) = (output?, date?);
        let host = context.host()?;
        if output.truncated && output.stdout.len() >= MOST {
            return Err(Fault::new(
                FaultKind::Protocol,
                format!(
                    "{} has more files than the {} MiB of a listing that are kept",
                    self.remote,
                    MOST >> 20
                ),
            )
            .hint("narrow it down by `include` or `max_depth`"));
        }
        let program = if self.sudo { "sudo" } else { "rclone" };
        let status = answer::status(&output, program, host)?;
        if status != 0 {
            return Err(trouble::fault(status, &output, host, &self.remote));
        }
        let listing = Listing::read(&output.stdout)?;
        let now = answer::stdout(&date).trim().parse::<i64>().ok();
        let mut facts = Facts::new();
        listing.set(now, &mut facts);
        if !self.repositories.is_empty() {
            listing.set_repositories(&self.repositories, &mut facts);
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
