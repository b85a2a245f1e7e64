//! Secrets that a program takes from its environment, and never from its
//! command line, which everybody on a host can read.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};

use super::{ReadOnlyCommand, Refused, address, values};

/// A variable by which a program takes a secret, or what goes with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variable(&'static str);

/// The variables by program. Left out are those that name a program to run
/// (`RESTIC_PASSWORD_COMMAND`, `AWS_PROFILE`, which may have a
/// `credential_process`) and those that do something else than log in.
pub(super) const VARIABLES: &[(&str, &[&str])] = &[
    ("rclone", &["RCLONE_CONFIG_PASS"]),
    (
        "restic",
        &[
            "AWS_ACCESS_KEY_ID",
            "AWS_DEFAULT_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AZURE_ACCOUNT_KEY",
            "AZURE_ACCOUNT_NAME",
            "AZURE_ACCOUNT_SAS",
            "AZURE_ENDPOINT_SUFFIX",
            "B2_ACCOUNT_ID",
            "B2_ACCOUNT_KEY",
            "GOOGLE_ACCESS_TOKEN",
            "GOOGLE_PROJECT_ID",
            "OS_APPLICATION_CREDENTIAL_ID",
            "OS_APPLICATION_CREDENTIAL_NAME",
            "OS_APPLICATION_CREDENTIAL_SECRET",
            "OS_AUTH_TOKEN",
            "OS_AUTH_URL",
            "OS_PASSWORD",
            "OS_PROJECT_DOMAIN_NAME",
            "OS_PROJECT_NAME",
            "OS_REGION_NAME",
            "OS_STORAGE_URL",
            "OS_TENANT_ID",
            "OS_TENANT_NAME",
            "OS_USERNAME",
            "OS_USER_DOMAIN_NAME",
            "RCLONE_CONFIG",
            "RCLONE_CONFIG_PASS",
            "RESTIC_PASSWORD",
            "RESTIC_REPOSITORY",
            "RESTIC_REST_PASSWORD",
            "RESTIC_REST_USERNAME",
            "ST_AUTH",
            "ST_KEY",
            "ST_USER",
        ],
    ),
];

impl Variable {
    /// The variable of that name, if `program` is one that takes it.
    #[must_use]
    pub fn of(program: &str, name: &str) -> Option<Self> {
        let known = Self::names(program).iter();
        known.copied().find(|known| *known == name).map(Self)
    }

    /// The names of all variables that `program` takes.
    #[must_use]
    pub fn names(program: &str) -> &'static [&'static str] {
        let entry = VARIABLES.iter().find(|(known, _)| *known == program);
        entry.map_or(&[], |(_, names)| names)
    }

    /// What to write in the place of a name that `program` does not take: the
    /// one that it is a slip of, else examples of what there is.
    #[must_use]
    pub fn instead_of(program: &str, name: &str) -> String {
        let capitals = name.to_ascii_uppercase();
        let distance = |known: &str| strsim::damerau_levenshtein(known, &capitals);
        let near = Self::names(program)
            .iter()
            .map(|known| (distance(known), *known))
            .filter(|(distance, known)| *distance <= known.len().min(name.len()) / 3)
            .min();
        match near {
            Some((_, near)) => format!("did you mean `{near}`?"),
            None => format!(
                "leave it out: {program} gets what it logs in with, such as {}",
                examples(Self::names(program))
            ),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }
}

/// One variable of each family, which the part before the first `_` names.
fn examples(names: &[&str]) -> String {
    let family = |name: &str| name.split('_').next().map(str::to_owned);
    let mut seen = BTreeSet::new();
    let secret = |name: &&str| {
        ["KEY", "PASSWORD", "PASS", "TOKEN"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let firsts: Vec<&str> = names
        .iter()
        .copied()
        .filter(secret)
        .filter(|name| seen.insert(family(name)))
        .collect();
    firsts.join(", ")
}

/// Values for the variables of one command. They are not printed.
#[derive(Debug, Clone, Default)]
pub struct Values(Vec<(Variable, SecretString)>);

impl Values {
    /// Gives `variable` the value. Whoever wrote the value, and wherever it was read,
    /// it passes here on its way to the program.
    ///
    /// # Errors
    /// [`Refused`] for a value that is not one line: a shell's `read` takes it
    /// on the other side; and for an address or a configuration by which the program
    /// would run another. The value is not repeated.
    pub fn give(&mut self, variable: Variable, value: SecretString) -> Result<(), Refused> {
        if value.expose_secret().contains(['\n', '\r', '\0']) {
            return Err(Refused::new(format!(
                "the value for {} has a line break in it: one line is expected",
                variable.name()
            )));
        }
        if let Some(problem) = values::problem_of_variable(variable.name(), value.expose_secret()) {
            return Err(Refused::new(format!(
                "the value for {} is refused: {problem}",
                variable.name()
            )));
        }
        self.0.retain(|(given, _)| *given != variable);
        self.0.push((variable, value));
        Ok(())
    }

    /// The variables that have a value, in the order in which they got it.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        self.0.iter().map(|(variable, _)| *variable).collect()
    }

    /// What is secret in the addresses among them, beside each value as a whole.
    #[must_use]
    pub fn secrets_in_addresses(&self) -> Vec<SecretString> {
        let addresses = self
            .0
            .iter()
            .filter(|(variable, _)| variable.name() == "RESTIC_REPOSITORY");
        addresses
            .flat_map(|(_, value)| address::secrets_in(value.expose_secret()))
            .collect()
    }

    /// The values in the order of the command's variables; nothing when one
    /// of them has none.
    pub(in crate::transport) fn of<'v>(
        &'v self,
        command: &ReadOnlyCommand,
    ) -> Option<Vec<(&'static str, &'v str)>> {
        let value = |variable: &Variable| {
            let mut given = self.0.iter();
            let (_, value) = given.find(|(given, _)| given == variable)?;
            Some((variable.name(), value.expose_secret()))
        };
        command.variables().iter().map(value).collect()
    }
}

impl ReadOnlyCommand {
    /// The same command, which takes these variables from its environment.
    /// `sudo` is told to leave them there, which its `SETENV` has to allow.
    ///
    /// # Errors
    /// [`Refused`] for a pipeline, and for a variable that is not one of the
    /// program's.
    pub fn taking(mut self, variables: Vec<Variable>) -> Result<Self, Refused> {
        let [arguments] = self.pipeline.as_mut_slice() else {
            return Err(Refused::new("a pipeline takes no secrets"));
        };
        let sudo = arguments.first().is_some_and(|program| program == "sudo");
        let program = if sudo {
            after_sudo(arguments)
        } else {
            arguments.first()
        };
        let program = program.map_or("", |given| given.rsplit('/').next().unwrap_or(given));
        let foreign = variables
            .iter()
            .find(|variable| Variable::of(program, variable.name()).is_none());
        if let Some(foreign) = foreign {
            return Err(Refused::new(format!(
                "{program} takes no secret by {}",
                foreign.name()
            )));
        }
        if sudo && !variables.is_empty() {
            let names: Vec<&str> = variables.iter().map(|variable| variable.name()).collect();
            arguments.insert(1, format!("--preserve-env={}", names.join(",")));
        }
        self.variables = variables;
        Ok(self)
    }

    /// The variables that it takes from its environment.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// [`Self::line`] with its variables before it, each with `***` for its value.
    #[must_use]
    pub fn shown(&self) -> String {
        let before: String = self
            .variables
            .iter()
            .map(|variable| format!("{}=*** ", variable.name()))
            .collect();
        before + &self.line()
    }

    /// A line for `sh -c` that reads the values of the variables from its
    /// standard input, one a line, and becomes the program.
    pub(in crate::transport) fn reading_line(&self) -> String {
        let reads: String = self
            .variables
            .iter()
            .map(|variable| format!("IFS= read -r {} && ", variable.name()))
            .collect();
        let names: Vec<&str> = self
            .variables
            .iter()
            .map(|variable| variable.name())
            .collect();
        format!("{reads}export {} && exec {}", names.join(" "), self.line())
    }
}

/// The program of `sudo -n [-u USER] PROGRAM …`.
fn after_sudo(arguments: &[String]) -> Option<&String> {
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-n" => {}
            "-u" => {
                rest.next();
            }
            _ => return Some(argument),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::small("aws_access_key_id", "did you mean `AWS_ACCESS_KEY_ID`?")]
    #[case::a_slip("B2_ACOUNT_KEY", "did you mean `B2_ACCOUNT_KEY`?")]
    #[case::short(
        "FOO",
        "leave it out: restic gets what it logs in with, such as AWS_SECRET_ACCESS_KEY, AZURE_ACCOUNT_KEY, B2_ACCOUNT_KEY, GOOGLE_ACCESS_TOKEN, OS_AUTH_TOKEN, RCLONE_CONFIG_PASS, RESTIC_PASSWORD, ST_KEY"
    )]
    #[case::unlike("HTTPS_PROXY", "leave it out: restic gets")]
    fn instead_of_a_name_that_is_none(#[case] name: &str, #[case] told: &str) {
        let instead = Variable::instead_of("restic", name);
        assert!(instead.starts_with(told), "{instead}");
    }
}
