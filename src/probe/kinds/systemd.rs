//! `systemd`: units run.

mod facts;
mod loops;
mod options;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use self::options::FAILED;
use self::words::{
    Block, exists, is_pattern, limit, matches_pattern, parse_failed, parse_show, seconds, unit_name,
};
use super::answer;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Value,
};
use crate::transport::command::Output;

/// Asks systemd on the host for the state of units, or, when none is named,
/// for the units that failed.
///
/// By itself it expects that every unit named is active and, where it looks
/// for failed ones, that there is none. A unit that does not exist is not
/// active: that is a fact and no fault. Neither is a unit active that waits to be
/// restarted. One that fails some seconds after each start is active between its
/// failures; `watch_for_s` looks twice and finds it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Systemd {
    /// One unit: `nginx.service`, `cron` (which means `cron.service`), or a
    /// pattern such as `actions.runner.*`.
    #[serde(default)]
    unit: Option<String>,
    /// Several units or patterns.
    #[serde(default)]
    units: Vec<String>,
    /// Also look for failed units on the whole host.
    #[serde(default)]
    failed: bool,
    /// Further properties of the units to read, as `systemctl show` names them:
    /// `MemoryMax`, `CPUQuotaPerSecUSec`.
    #[serde(default)]
    properties: Vec<String>,
    /// Looks at the units twice, this many seconds apart, and tells what systemd
    /// restarted meanwhile; less than the check's `timeout`. One look when left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 255))]
    watch_for_s: Option<u8>,
}

impl Kind for Systemd {
    const NAME: &'static str = "systemd";
    const SUMMARY: &'static str = "systemd units are active, or none has failed";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &facts::FACTS;
    const EXAMPLE: &'static str =
        "title: cron runs\non: data188\nsystemd: { unit: cron.service }\n";

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        self.wrong(target, policy)
    }

    fn defaults(&self) -> Defaults {
        let mut expectations = Vec::new();
        if !self.asked().is_empty() {
            expectations.push("active");
        }
        if self.watch_for_s.is_some() {
            expectations.push("!restarting");
        }
        if self.looks_for_failed() {
            expectations.push("failed_count == 0");
        }
        Defaults::require(expectations)
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        match &self.asked()[..] {
            [] => format!("systemd's list of failed units on {host}"),
            units => format!("systemd's word on {} on {host}", units.join(", ")),
        }
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests(self.args(), policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let mut facts = Facts::new();
        let first = self.look(context).await?;
        let began = tokio::time::Instant::now();
        if self.looks_for_failed() {
            let text = ask(context, FAILED.iter().map(ToString::to_string).collect()).await?;
            let failed = parse_failed(&text)?;
            facts.set("failed_count", count(failed.len()));
            facts.set(
                "failed_units",
                Value::List(failed.into_iter().map(Value::from).collect()),
            );
        }
        let second = match self.watch_for_s {
            None => None,
            Some(seconds) => {
                tokio::time::sleep_until(began + Duration::from_secs(seconds.into())).await;
                self.look(context).await?
            }
        };
        let looks = [&first, &second].map(|text| text.as_deref().map(parse_show));
        let looks: Vec<Seen<'_>> = looks
            .iter()
            .flatten()
            .map(|blocks| self.by_name(blocks))
            .collect::<Result<_, _>>()?;
        if let Some(last) = looks.last() {
            self.states(last, &mut facts);
            loops::tell(&looks, &mut facts);
        }
        Ok(facts)
    }
}

async fn ask(context: &Context, args: Vec<String>) -> Result<String, Fault> {
    let command = answer::command(&context.transports.policy, args)?;
    let output = context.exec(&command).await?;
    let status = answer::status(&output, "systemctl", context.host()?)?;
    if status != 0 {
        return Err(refused(status, &output));
    }
    Ok(answer::stdout(&output))
}

fn refused(status: u32, output: &Output) -> Fault {
    let complaint = answer::complaint(output);
    let absent = ["not been booted with systemd", "connect to bus"];
    let kind = if absent.iter().any(|words| complaint.contains(words)) {
        FaultKind::Missing
    } else if complaint.contains("denied") {
        FaultKind::Denied
    } else {
        FaultKind::Protocol
    };
    Fault::new(
        kind,
        format!("systemctl ended with status {status}: {complaint}"),
    )
}

/// What was told of each unit, by the name it was asked for.
type Seen<'a> = BTreeMap<String, &'a Block<'a>>;

impl Systemd {
    /// One look at the units named; nothing when none is.
    async fn look(&self, context: &Context) -> Result<Option<String>, Fault> {
        let Some(args) = self.show() else {
            return Ok(None);
        };
        let text = ask(context, args).await?;
        if text.trim().is_empty() && self.asked().iter().any(|unit| !is_pattern(unit)) {
            let seen = "systemctl show printed nothing";
            return Err(Fault::new(FaultKind::Protocol, seen));
        }
        Ok(Some(text))
    }

    fn by_name<'a>(&self, blocks: &'a [Block<'a>]) -> Result<Seen<'a>, Fault> {
        let asked = self.asked();
        let mut seen = Seen::new();
        for block in blocks {
            let (Some(id), Some(_)) = (block.get("Id"), block.get("ActiveState")) else {
                return Err(Fault::new(
                    FaultKind::Protocol,
                    "systemctl show printed a unit without Id and ActiveState",
                ));
            };
            // A unit asked for by another of its names is told by that name.
            let names: Vec<&str> = block
                .get("Names")
                .into_iter()
                .flat_map(|names| names.split(' '))
                .collect();
            let name = asked
                .iter()
                .map(|unit| unit_name(unit))
                .find(|unit| names.contains(&unit.as_str()));
            seen.insert(name.unwrap_or_else(|| (*id).to_owned()), block);
        }
        Ok(seen)
    }

    fn states(&self, seen: &Seen<'_>, facts: &mut Facts) {
        let asked = self.asked();
        let mut inactive: Vec<String> = Vec::new();
        for unit in &asked {
            let name = unit_name(unit);
            if is_pattern(unit) {
                if !seen.keys().any(|unit| matches_pattern(&name, unit)) {
                    inactive.push(format!("{name}: no unit matches"));
                }
            } else if !seen.contains_key(&name) {
                inactive.push(format!("{name}: not told"));
            }
        }
        let mut matched = 0;
        for (name, block) in seen {
            let state = block.get("ActiveState").copied().unwrap_or_default();
            if !exists(block) {
                inactive.push(format!("{name}: not found"));
                continue;
            }
            matched += 1;
            // As `systemctl is-active` has it.
            if !matches!(state, "active" | "reloading" | "refreshing") {
                let again = loops::waits(block).then(|| loops::shown(block));
                inactive.push(format!("{name}: {state}{}", again.unwrap_or_default()));
            }
        }
        facts.set("active", inactive.is_empty());
        facts.set(
            "inactive",
            Value::List(inactive.into_iter().map(Value::from).collect()),
        );
        facts.set("matched_count", count(matched));
        facts.set("units", by_unit(seen, "ActiveState"));
        facts.set("sub_states", by_unit(seen, "SubState"));
        facts.set("properties", self.read_properties(seen));
        let found: Vec<&Block<'_>> = seen
            .values()
            .copied()
            .filter(|block| exists(block))
            .collect();
        let restarts = found
            .iter()
            .filter_map(|block| loops::restarts(block))
            .map(f64::from);
        facts.set_some("restarts", restarts.reduce(f64::max));
        facts.set_some("memory_max_bytes", agreed(&found, "MemoryMax", limit));
        facts.set_some(
            "cpu_quota_percent",
            agreed(&found, "CPUQuotaPerSecUSec", |text| {
                Some(seconds(text)? * 100.0)
            }),
        );
        facts.set_some("watchdog_s", agreed(&found, "WatchdogUSec", seconds));
    }

    fn read_properties(&self, seen: &Seen<'_>) -> Value {
        let mut all = BTreeMap::new();
        for (unit, block) in seen {
            for property in &self.properties {
                if let Some(&value) = block.get(property.as_str()) {
                    let key = if self.names_one() {
                        property.clone()
                    } else {
                        format!("{unit}/{property}")
                    };
                    all.insert(key, Value::from(value));
                }
            }
        }
        Value::Map(all)
    }
}

#[expect(clippy::cast_precision_loss, reason = "no host has 2^52 units")]
fn count(number: usize) -> f64 {
    number as f64
}

fn by_unit(seen: &Seen<'_>, property: &str) -> Value {
    let value = |block: &Block<'_>| block.get(property).map(|&value| Value::from(value));
    Value::Map(
        seen.iter()
            .filter_map(|(unit, block)| Some((unit.clone(), value(block)?)))
            .collect(),
    )
}

/// The number that all units have in common.
fn agreed(
    blocks: &[&Block<'_>],
    property: &str,
    read: impl Fn(&str) -> Option<f64>,
) -> Option<f64> {
    let mut values = blocks.iter().map(|block| block.get(property).copied());
    let first = values.next()??;
    values
        .all(|value| value == Some(first))
        .then(|| read(first))?
}

#[cfg(test)]
mod tests;
