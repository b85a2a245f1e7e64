//! Where NethServer 8 keeps its backups in Redis
//! (<https://nethserver.github.io/ns8-core/core/database/>).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::probe::OptionProblem;

/// In the place of a name: any, as Redis' patterns have it.
pub(super) const ANY: &str = "*";

/// Where things are in Redis. `{plan}`, `{module}` and `{repository}` stand for
/// their names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "BackupPlanKeys")]
pub(super) struct Keys {
    /// The hash of a plan; `cluster/backup/{plan}` when left out.
    plan: String,
    /// The set of plans that a module is in; `module/{module}/backups` when left
    /// out.
    modules: String,
    /// The hash of a module's last backup; `module/{module}/backup_status/{plan}`
    /// when left out.
    status: String,
    /// The hash of a repository; `cluster/backup_repository/{repository}` when left
    /// out.
    repository: String,
    /// The hash of a module's environment; `module/{module}/environment` when left
    /// out.
    environment: String,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            plan: "cluster/backup/{plan}".to_owned(),
            modules: "module/{module}/backups".to_owned(),
            status: "module/{module}/backup_status/{plan}".to_owned(),
            repository: "cluster/backup_repository/{repository}".to_owned(),
            environment: "module/{module}/environment".to_owned(),
        }
    }
}

impl Keys {
    pub(super) fn plan(&self, plan: &str) -> String {
        self.plan.replace("{plan}", plan)
    }

    pub(super) fn modules(&self, module: &str) -> String {
        self.modules.replace("{module}", module)
    }

    pub(super) fn status(&self, module: &str, plan: &str) -> String {
        self.status
            .replace("{module}", module)
            .replace("{plan}", plan)
    }

    pub(super) fn repository(&self, repository: &str) -> String {
        self.repository.replace("{repository}", repository)
    }

    pub(super) fn environment(&self, module: &str) -> String {
        self.environment.replace("{module}", module)
    }

    /// The plan whose key this is.
    pub(super) fn plan_of(&self, key: &str) -> Option<String> {
        between(key, &self.plan, "{plan}")
    }

    /// The module whose set of plans this is.
    pub(super) fn module_of(&self, key: &str) -> Option<String> {
        between(key, &self.modules, "{module}")
    }

    /// The module whose state of `plan` this is.
    pub(super) fn status_of(&self, key: &str, plan: &str) -> Option<String> {
        between(key, &self.status.replace("{plan}", plan), "{module}")
    }

    pub(super) fn problems(&self) -> Vec<OptionProblem> {
        let expected = [
            ("plan", &self.plan, &["{plan}"][..]),
            ("modules", &self.modules, &["{module}"]),
            ("status", &self.status, &["{module}", "{plan}"]),
            ("repository", &self.repository, &["{repository}"]),
            ("environment", &self.environment, &["{module}"]),
        ];
        expected
            .into_iter()
            .flat_map(|(name, key, parts)| {
                let once = |part: &&&str| key.matches(**part).count() != 1;
                parts
                    .iter()
                    .filter(once)
                    .map(move |part| OptionProblem {
                        path: vec!["keys".to_owned(), name.to_owned()],
                        message: format!("{part} has to be in it once"),
                        suggestion: None,
                    })
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

/// The one name that `part` stands for in `template`; a name has no `/`.
fn between(key: &str, template: &str, part: &str) -> Option<String> {
    let (before, after) = template.split_once(part)?;
    let name = key.strip_prefix(before)?.strip_suffix(after)?;
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}
