//! The options as flags and variables of restic's, and what is wrong with them.

use super::{Access, Restic};
use crate::probe::{OptionProblem, Policy, SecretRef};
use crate::transport::command::{ReadOnlyCommand, Variable};

const PASSWORD: &str = "RESTIC_PASSWORD";
pub(super) const REPOSITORY: &str = "RESTIC_REPOSITORY";

/// No address is longer.
pub(super) const LONGEST_FILE: usize = 4096;

impl Restic {
    /// What restic takes from its environment, each once.
    pub(super) fn variables(&self) -> Vec<(Variable, &SecretRef)> {
        let password = self.password.iter().map(|secret| (PASSWORD, secret));
        let others = self.environment.iter();
        password
            .chain(others.map(|(name, secret)| (name.as_str(), secret)))
            .filter_map(|(name, secret)| Some((Variable::of("restic", name)?, secret)))
            .collect()
    }

    pub(super) fn access(&self) -> Access {
        let mut flags = Vec::new();
        let mut flag = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                flags.extend([name.to_owned(), value.clone()]);
            }
        };
        flag("--repo", &self.repository);
        flag("--password-file", &self.password_file);
        let variables = self.variables().into_iter();
        let from_file = self.repository_file.iter();
        Access {
            sudo: self.sudo,
            flags,
            variables: variables
                .map(|(variable, _)| variable)
                .chain(from_file.filter_map(|_| Variable::of("restic", REPOSITORY)))
                .collect(),
        }
    }

    /// How `repository_file` is read. restic is not given its path: it would read it
    /// again, when what is in it may be something else.
    pub(super) fn reading(&self, file: &str) -> Vec<String> {
        let most = (LONGEST_FILE + 1).to_string();
        let sudo: &[&str] = if self.sudo { &["sudo", "-n"] } else { &[] };
        let args = sudo.iter().copied().chain(["head", "-c", &most, file]);
        args.map(str::to_owned).collect()
    }

    /// `--host`, `--tag` and `--path`.
    pub(super) fn filters(&self) -> Vec<String> {
        [
            ("--host", &self.host),
            ("--tag", &self.tag),
            ("--path", &self.path),
        ]
        .into_iter()
        .flat_map(|(flag, values)| {
            let values = values.all().iter();
            values.flat_map(move |value| [flag.to_owned(), value.clone()])
        })
        .collect()
    }

    pub(super) fn option_problems(&self, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let mut problem = |path: &[&str], message: String, suggestion: Option<String>| {
            problems.push(OptionProblem {
                path: path.iter().map(ToString::to_string).collect(),
                message,
                suggestion,
            });
        };
        let in_environment = |name: &str| self.environment.contains_key(name);
        let repositories = usize::from(self.repository.is_some())
            + usize::from(self.repository_file.is_some())
            + usize::from(in_environment(REPOSITORY));
        if repositories != 1 {
            problem(
                &[],
                format!("{repositories} repositories are named, one is expected"),
                Some(
                    "give `repository`, `repository_file`, or RESTIC_REPOSITORY in `environment`"
                        .to_owned(),
                ),
            );
        }
        let passwords = usize::from(self.password_file.is_some())
            + usize::from(self.password.is_some())
            + usize::from(in_environment(PASSWORD));
        if passwords != 1 {
            problem(
                &[],
                format!("{passwords} passwords are given, one is expected"),
                Some(
                    "give `password_file`, a file of the host, or `password`, a secret".to_owned(),
                ),
            );
        }
        if let Some(repository) = &self.repository {
            if repository.is_empty() {
                problem(
                    &["repository"],
                    "the repository has no name".to_owned(),
                    None,
                );
            } else if has_password(repository) {
                // The text is not repeated.
                problem(
                    &["repository"],
                    "there is a password in it, and everybody on the host can read a command line"
                        .to_owned(),
                    Some("give it by RESTIC_REPOSITORY in `environment`, or use RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD there".to_owned()),
                );
            }
        }
        for (option, path) in [
            ("repository_file", &self.repository_file),
            ("password_file", &self.password_file),
        ] {
            if let Some(path) = path
                && !path.starts_with('/')
            {
                problem(&[option], format!("{path:?} is not an absolute path"), None);
            }
        }
        for name in self.environment.keys() {
            if Variable::of("restic", name).is_none() {
                problem(
                    &["environment", name],
                    format!("{name} is no variable by which restic logs in"),
                    Some(Variable::instead_of("restic", name)),
                );
            }
        }
        if problems.is_empty() {
            let access = self.access();
            let asking = access.command(policy, &["snapshots"], &self.filters());
            let reading = self.repository_file.iter().map(|file| self.reading(file));
            let mut reading = reading.map(|args| ReadOnlyCommand::from_args(policy, args));
            let refused = reading.find_map(Result::err).or(asking.err());
            problems.extend(refused.map(|refused| OptionProblem {
                path: Vec::new(),
                message: refused.message,
                suggestion: None,
            }));
        }
        problems
    }
}

/// `rest:https://user:password@host/`, also with a `/` in the password, or a token
/// instead of both.
fn has_password(repository: &str) -> bool {
    const LONGEST_NAME: usize = 32;
    let Some((_, rest)) = repository.split_once("://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((login, _)) => login.contains(':') || login.len() > LONGEST_NAME,
        // What looks like a port and is no number is a password up to its `/`.
        None => {
            let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
            rest.contains('@') && !port.bytes().all(|next| next.is_ascii_digit())
        }
    }
}
