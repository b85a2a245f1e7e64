//! `backup_plan`: the backup plans of a NethServer 8 did what they should.

mod keys;
mod outcome;
mod redis;
mod repository;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use schemars::JsonSchema;
use serde::Deserialize;

use self::keys::Keys;
use self::outcome::{Module, Outcome, Plan};
use self::redis::{Redis, Reply};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit, Value,
};
use crate::transport::command::Variable;

/// Reads the backup plans of a NethServer 8 and what their modules left in the
/// cluster's Redis, by `redis-cli` on the leader node, and opens the repository
/// that a plan writes to, by restic on the same node.
///
/// The outcome of a plan is
///
/// - `SUCCESS`: all of its modules are done without an error, and the repository can
///   be opened;
/// - `PARTIAL`: at least one module failed, or has never run, and the repository can
///   be opened;
/// - `REPO_FAILURE`: Redis has no state of the plan, no module is in it, or the
///   repository cannot be opened.
///
/// `PARTIAL` is a WARN and `REPO_FAILURE` BLOCKED, unless the check expects
/// something else. Where neither Redis nor restic can be asked at all, that is a
/// fault and no outcome.
///
/// The credentials in Redis are read over the connection to the host, hidden
/// wherever they could be shown, and go back to restic over standard input. They are
/// on no command line and in no file. restic is asked with `--no-lock` and
/// `--no-cache`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupPlan {
    /// The plan's number. All enabled plans when left out.
    #[serde(default)]
    #[schemars(range(min = 0))]
    plan: Option<u32>,
    /// Redis' Unix socket on the host. When left out, `redis-cli` is called
    /// without an address: NethServer's own finds its server by itself.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    socket: Option<String>,
    /// Where things are in Redis, if not where NethServer has them.
    #[serde(default)]
    keys: Keys,
    /// Whether the repository is opened.
    #[serde(default = "yes")]
    check_repository: bool,
    /// The folder of a module's repository below the plan's: NethServer has
    /// `{image}/{uuid}`, from the module's environment; `{module}` is its name. The
    /// repository of the first module by the alphabet is opened. When left out, the
    /// plan's URL is a repository itself.
    #[serde(default)]
    repository_path: Option<String>,
    /// Ask by `sudo -n`. For the repository, sudoers has to allow restic with
    /// `NOPASSWD:SETENV`.
    #[serde(default)]
    sudo: bool,
}

fn yes() -> bool {
    true
}

/// Questions that are asked at once.
const AT_ONCE: usize = 4;

/// More modules than a cluster has.
const MOST_MODULES: usize = 500;

type Hash = BTreeMap<String, String>;

impl BackupPlan {
    fn redis(&self) -> Redis<'_> {
        Redis {
            socket: self.socket.as_deref(),
            sudo: self.sudo,
        }
    }

    async fn hash(&self, context: &Context, key: &str) -> Result<Hash, Fault> {
        let reply = self.redis().ask(context, &["HGETALL", key]).await?;
        Ok(reply.pairs())
    }

    /// The numbers of the plans to look at, with what Redis has of each.
    async fn plans(&self, context: &Context) -> Result<Vec<(String, Hash)>, Fault> {
        let ids: BTreeSet<String> = match self.plan {
            Some(plan) => BTreeSet::from([plan.to_string()]),
            None => {
                let pattern = self.keys.plan(keys::ANY);
                let keys = self.redis().scan(context, &pattern).await?;
                let ids = keys.iter().filter_map(|key| self.keys.plan_of(key));
                ids.collect()
            }
        };
        let mut plans: Vec<(String, Hash)> = stream::iter(ids)
            .map(|id| async move {
                let hash = self.hash(context, &self.keys.plan(&id)).await?;
                Ok::<_, Fault>((id, hash))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        if self.plan.is_none() {
            plans.retain(|(_, hash)| is_enabled(hash));
        }
        Ok(plans)
    }

    /// The modules by the plans that they are in.
    async fn memberships(&self, context: &Context) -> Result<Vec<(String, Reply)>, Fault> {
        let pattern = self.keys.modules(keys::ANY);
        let keys = self.redis().scan(context, &pattern).await?;
        let modules: BTreeSet<String> = keys
            .iter()
            .filter_map(|key| self.keys.module_of(key))
            .collect();
        bounded(modules.len())?;
        stream::iter(modules)
            .map(|module| async move {
                let key = self.keys.modules(&module);
                let reply = self.redis().ask(context, &["SMEMBERS", &key]).await?;
                Ok((module, reply))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn look_at(
        &self,
        context: &Context,
        (id, hash): (String, Hash),
        memberships: &[(String, Reply)],
    ) -> Result<Plan, Fault> {
        let mut plan = Plan {
            name: hash.get("name").filter(|name| !name.is_empty()).cloned(),
            enabled: is_enabled(&hash),
            ..Plan::new(&id)
        };
        if hash.is_empty() {
            plan.trouble = Some(format!("there is no {} in Redis", self.keys.plan(&id)));
            return Ok(plan);
        }
        let modules: BTreeSet<String> = memberships
            .iter()
            .filter(|(_, plans)| plans.texts().any(|plan| plan == id))
            .map(|(module, _)| module.clone())
            .collect();
        // A module that was taken out of the plan, or of the cluster, leaves its state behind.
        let pattern = self.keys.status(keys::ANY, &id);
        let keys = self.redis().scan(context, &pattern).await?;
        let with_state: BTreeSet<String> = keys
            .iter()
            .filter_map(|key| self.keys.status_of(key, &id))
            .collect();
        bounded(modules.len())?;
        plan.former = with_state.difference(&modules).cloned().collect();
        plan.modules = stream::iter(modules)
            .map(|module| {
                let id = &id;
                async move {
                    let status = self.hash(context, &self.keys.status(&module, id)).await?;
                    Ok::<_, Fault>(Module::read(module, &status))
                }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        if plan.modules.is_empty() {
            plan.trouble = Some("no module is in the plan".to_owned());
        } else if plan.modules.iter().all(|module| !module.has_state) {
            plan.trouble = Some("Redis has no state of any of its modules".to_owned());
        }
        if self.check_repository {
            let seen = self.repository(context, &hash, &plan.modules).await?;
            plan.reachable = Some(seen.is_ok());
            plan.trouble = plan.trouble.or(seen.err());
        }
        Ok(plan)
    }

    /// Opens the plan's repository; what keeps it closed is the inner error.
    async fn repository(
        &self,
        context: &Context,
        plan: &Hash,
        modules: &[Module],
    ) -> Result<Result<(), String>, Fault> {
        let Some(id) = plan.get("repository").filter(|id| !id.is_empty()) else {
            return Ok(Err("the plan names no repository".to_owned()));
        };
        let key = self.keys.repository(id);
        let hash = self.hash(context, &key).await?;
        repository::hide(&hash, context);
        if hash.is_empty() {
            return Ok(Err(format!("there is no {key} in Redis")));
        }
        let folder = match (&self.repository_path, modules.first()) {
            (None, _) => None,
            (Some(_), None) => return Ok(Err("the plan has no module".to_owned())),
            (Some(path), Some(module)) => {
                let environment = self
                    .hash(context, &self.keys.environment(&module.name))
                    .await?;
                match repository::folder(path, &module.name, &environment) {
                    Ok(folder) => Some(folder),
                    Err(reason) => return Ok(Err(reason)),
                }
            }
        };
        let values = match repository::values(&hash, folder.as_deref()) {
            Ok(values) => values,
            Err(reason) => return Ok(Err(reason)),
        };
        repository::open(context, &values, self.sudo).await
    }
}

fn is_enabled(plan: &Hash) -> bool {
    plan.get("enabled")
        .is_none_or(|enabled| !matches!(enabled.to_ascii_lowercase().as_str(), "0" | "false"))
}

fn bounded(modules: usize) -> Result<(), Fault> {
    if modules <= MOST_MODULES {
        return Ok(());
    }
    Err(Fault::new(
        FaultKind::Protocol,
        format!("Redis names {modules} modules, and {MOST_MODULES} are looked at"),
    ))
}

impl Kind for BackupPlan {
    const NAME: &'static str = "backup_plan";
    const SUMMARY: &'static str =
        "the backup plans of a NethServer 8 are done, and their repository can be opened";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "outcome",
            Type::Text,
            "`SUCCESS`, `PARTIAL` or `REPO_FAILURE`; of several plans the worst.",
        ).because(&["reason"]),
        FactSpec::new(
            "outcomes",
            Type::Map(&Type::Text),
            "The same by the plan's number: `outcomes['1'] == 'SUCCESS'`.",
        ),
        FactSpec::new(
            "reason",
            Type::Text,
            "Why it is not `SUCCESS`. Absent when it is.",
        ),
        FactSpec::new(
            "plans",
            Type::List(&Type::Text),
            "The plans, number and name: `1 nightly`.",
        ),
        FactSpec::new("enabled", Type::Bool, "All of the plans are enabled."),
        FactSpec::new(
            "modules",
            Type::List(&Type::Text),
            "The modules of the plans: `mail1`.",
        ),
        FactSpec::new(
            "former_modules",
            Type::List(&Type::Text),
            "Modules that Redis has a state of and that are not in the plan: taken out of it, or removed. What they left counts for nothing. Of several plans, by plan and module: `2/mail1`.",
        ),
        FactSpec::new(
            "failed_modules",
            Type::List(&Type::Text),
            "Those whose last backup had an error, that never ran, or whose state tells no result.",
        ).because(&["failures"]),
        FactSpec::new(
            "failures",
            Type::Map(&Type::Text),
            "Why, by module: `failures['mail1']`. Of several plans, by plan and module: `2/mail1`.",
        ),
        FactSpec::new(
            "repository_reachable",
            Type::Bool,
            "The repositories of all plans can be opened with the credentials in Redis. Absent with `check_repository: false`, and where there is no plan.",
        ).because(&["reason"]),
        FactSpec::new(
            "last_run_at",
            Type::Time,
            "When the last backup of any module ended, by the clock of its node.",
        ),
        FactSpec::new(
            "oldest_module_at",
            Type::Time,
            "When the last backup of the module that is furthest behind ended. Absent where one does not tell.",
        ),
        FactSpec::number("module_count", Unit::Count, "How many modules there are."),
    ];
    const EXAMPLE: &'static str = "title: the nightly plan is done\non: data188\nbackup_plan: { plan: 1, socket: /run/redis/redis.sock }\nfresh: { time: oldest_module_at, prefer_within: 25h }\n";

    fn problems(&self, _: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems: Vec<OptionProblem> = self.keys.problems();
        let mut problem = |path: &str, message: String, suggestion: Option<String>| {
            problems.push(OptionProblem {
                path: vec![path.to_owned()],
                message,
                suggestion,
            });
        };
        if let Some(socket) = &self.socket
            && !socket.starts_with('/')
        {
            problem(
                "socket",
                format!("{socket:?} is not an absolute path"),
                None,
            );
        }
        if let Some(path) = &self.repository_path
            && let Some(unknown) = repository::unknown_part(path)
        {
            problem(
                "repository_path",
                format!("{unknown} stands for nothing"),
                Some("{image}, {uuid} or {module}".to_owned()),
            );
        }
        if problems.is_empty() {
            let command = self.redis().command(policy, &["HGETALL", "key"]);
            problems.extend(command.err().map(|refused| OptionProblem {
                path: Vec::new(),
                message: refused.message,
                suggestion: None,
            }));
        }
        problems
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            require: vec!["outcome != 'REPO_FAILURE'".to_owned()],
            prefer: vec!["outcome == 'SUCCESS'".to_owned(), "enabled".to_owned()],
        }
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        match self.plan {
            Some(plan) => format!("what backup plan {plan} of {host} did"),
            None => format!("what the backup plans of {host} did"),
        }
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let redis = self.redis();
        let mut all: Vec<Request> = Vec::new();
        let mut add = |command| {
            let command: Option<_> = command;
            all.extend(command.map(|command| target.exec_request(&command)));
        };
        let plan = self.plan.map(|plan| plan.to_string());
        let id = plan.as_deref().unwrap_or("EACH");
        if plan.is_none() {
            add(redis.scan_command(policy, &self.keys.plan(keys::ANY)).ok());
        }
        let mut ask = |words: &[&str]| add(redis.command(policy, words).ok());
        ask(&["HGETALL", &self.keys.plan(id)]);
        add(redis
            .scan_command(policy, &self.keys.modules(keys::ANY))
            .ok());
        add(redis
            .command(policy, &["SMEMBERS", &self.keys.modules("EACH")])
            .ok());
        add(redis
            .scan_command(policy, &self.keys.status(keys::ANY, id))
            .ok());
        let mut ask = |words: &[&str]| add(redis.command(policy, words).ok());
        ask(&["HGETALL", &self.keys.status("EACH", id)]);
        if self.check_repository {
            ask(&["HGETALL", &self.keys.repository("ITS")]);
            if self.repository_path.is_some() {
                ask(&["HGETALL", &self.keys.environment("FIRST")]);
            }
            let known = ["RESTIC_REPOSITORY", "RESTIC_PASSWORD"];
            let variables = known.iter().filter_map(|name| Variable::of("restic", name));
            let access = repository::access(variables.collect(), self.sudo);
            add(access.command(policy, &repository::QUESTION, &[]).ok());
        }
        all
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let plans = self.plans(context).await?;
        let memberships = if plans.is_empty() {
            Vec::new()
        } else {
            self.memberships(context).await?
        };
        let mut seen = Vec::new();
        // One after the other, so that the first's trouble is the first told.
        for plan in plans {
            seen.push(self.look_at(context, plan, &memberships).await?);
        }
        let mut facts = Facts::new();
        outcome::set(&seen, &mut facts);
        if seen.is_empty() {
            facts.set("outcome", Outcome::RepoFailure.name());
            facts.set("reason", "Redis has no backup plan that is enabled");
            facts.set("outcomes", Value::Map(BTreeMap::new()));
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
