//! What restic is given in its environment: the secrets of the check, and the address
//! that a file of the host has.

use secrecy::SecretString;

use super::Restic;
use super::options::{LONGEST_FILE, REPOSITORY};
use crate::probe::kinds::{answer, file};
use crate::probe::{Context, Fault, FaultKind};
use crate::transport::command::{Values, Variable};

impl Restic {
    /// The values of [`Access::variables`](super::Access::variables).
    pub(super) async fn values(&self, context: &Context) -> Result<Values, Fault> {
        let mut values = Values::default();
        for (variable, reference) in self.variables() {
            let value = context.secret(reference)?.clone();
            values
                .give(variable, value)
                .map_err(|refused| Fault::new(FaultKind::LocalSetup, refused.message))?;
        }
        let of_file = self.repository_file.iter();
        for (file, variable) in of_file.zip(Variable::of("restic", REPOSITORY)) {
            let address = self.read(file, context).await?;
            values.give(variable, address).map_err(|refused| {
                Fault::new(FaultKind::Denied, format!("{file}: {}", refused.message))
                    .hint("restic is not asked; look who wrote this file, and who may")
            })?;
        }
        Ok(values)
    }

    /// What is in `repository_file`, as restic would take it.
    async fn read(&self, path: &str, context: &Context) -> Result<SecretString, Fault> {
        let host = context.host()?;
        let fault = |kind, what: &str| {
            Fault::new(kind, format!("{path} on {}: {what}", answer::place(host)))
        };
        let command = answer::command(&context.transports.policy, self.reading(path))?;
        let output = context.exec(&command).await?;
        let program = if self.sudo { "sudo" } else { "head" };
        if answer::status(&output, program, host)? != 0 {
            let complaint = answer::complaint(&output);
            let kind = if complaint.contains("ermission denied") {
                FaultKind::Denied
            } else if file::is_absent(&output) {
                FaultKind::Missing
            } else {
                FaultKind::Protocol
            };
            return Err(fault(kind, &complaint).hint(
                "the file of `repository_file` has to be there and readable for the login; \
                 `sudo: true` reads as root",
            ));
        }
        if output.stdout.len() > LONGEST_FILE {
            return Err(fault(FaultKind::Protocol, "more is in it than an address"));
        }
        let text = String::from_utf8(output.stdout)
            .map_err(|_| fault(FaultKind::Protocol, "what is in it is not UTF-8"))?;
        match text.trim_start_matches('\u{feff}').trim() {
            "" => Err(fault(FaultKind::Protocol, "there is no repository in it")),
            address => Ok(SecretString::from(address)),
        }
    }
}
