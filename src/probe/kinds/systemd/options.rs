//! What the options of a check of `systemd` ask for, and what is wrong with them.

use std::time::Duration;

use super::Systemd;
use super::words::{is_pattern, is_unit, unit_name};
use crate::probe::{OptionProblem, Policy, Target};
use crate::transport::command::ReadOnlyCommand;

const ALWAYS: &[&str] = &[
    "Id",
    "Names",
    "LoadState",
    "ActiveState",
    "SubState",
    "NRestarts",
    "MemoryMax",
    "CPUQuotaPerSecUSec",
    "WatchdogUSec",
];

pub(super) const FAILED: &[&str] = &[
    "systemctl",
    "list-units",
    "--failed",
    "--plain",
    "--no-legend",
    "--no-pager",
];

impl Systemd {
    pub(super) fn asked(&self) -> Vec<&str> {
        self.unit
            .iter()
            .chain(&self.units)
            .map(String::as_str)
            .collect()
    }

    pub(super) fn show(&self) -> Option<Vec<String>> {
        let asked = self.asked();
        if asked.is_empty() {
            return None;
        }
        let mut properties: Vec<&str> = ALWAYS.to_vec();
        for property in &self.properties {
            if !properties.contains(&property.as_str()) {
                properties.push(property);
            }
        }
        let mut args: Vec<String> = ["systemctl", "show", "--no-pager"]
            .map(str::to_owned)
            .into();
        args.push(format!("--property={}", properties.join(",")));
        args.extend(asked.into_iter().map(unit_name));
        Some(args)
    }

    pub(super) fn looks_for_failed(&self) -> bool {
        self.failed || self.asked().is_empty()
    }

    pub(super) fn args(&self) -> Vec<Vec<String>> {
        let mut all: Vec<Vec<String>> = self.show().into_iter().collect();
        if self.looks_for_failed() {
            all.push(FAILED.iter().map(ToString::to_string).collect());
        }
        if self.watch_for_s.is_some() {
            all.extend(self.show());
        }
        all
    }

    /// `properties['MemoryMax']` for one unit, `properties['a.service/MemoryMax']` for several.
    pub(super) fn names_one(&self) -> bool {
        matches!(self.asked()[..], [unit] if !is_pattern(unit))
    }

    /// What is wrong with the options.
    pub(super) fn wrong(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let named = self.unit.iter().map(|unit| (vec!["unit".to_owned()], unit));
        let listed = self.units.iter().enumerate();
        let listed = listed.map(|(n, unit)| (vec!["units".to_owned(), n.to_string()], unit));
        for (path, unit) in named.chain(listed) {
            if !is_unit(unit) {
                problems.push(OptionProblem {
                    path,
                    message: format!("{unit:?} is no name of a unit"),
                    suggestion: Some(
                        "a name such as `nginx.service`, or a pattern such as `actions.runner.*`"
                            .to_owned(),
                    ),
                });
            }
        }
        for (n, property) in self.properties.iter().enumerate() {
            if property.is_empty() || !property.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                problems.push(OptionProblem {
                    path: vec!["properties".to_owned(), n.to_string()],
                    message: format!("{property:?} is no name of a property"),
                    suggestion: Some(
                        "a name that `systemctl show` prints, such as `MemoryMax`".to_owned(),
                    ),
                });
            }
        }
        if !self.properties.is_empty() && self.asked().is_empty() {
            problems.push(OptionProblem {
                path: vec!["properties".to_owned()],
                message: "properties of which unit?".to_owned(),
                suggestion: Some("name it with `unit`".to_owned()),
            });
        }
        if let Some(seconds) = self.watch_for_s {
            let timeout = target.timeout;
            let wrong = if self.asked().is_empty() {
                Some((
                    "watch which unit?".to_owned(),
                    "name it with `unit`".to_owned(),
                ))
            } else if seconds == 0 {
                let message = "two looks at once see nothing change";
                Some((message.to_owned(), "watch_for_s: 3".to_owned()))
            } else if Duration::from_secs(seconds.into()) >= timeout {
                Some((
                    format!(
                        "the check has {} s in all, its `timeout`",
                        timeout.as_secs_f64()
                    ),
                    format!("timeout: {}s beside it", u16::from(seconds) + 5),
                ))
            } else {
                None
            };
            problems.extend(wrong.map(|(message, suggestion)| OptionProblem {
                path: vec!["watch_for_s".to_owned()],
                message,
                suggestion: Some(suggestion),
            }));
        }
        if problems.is_empty() {
            let refused = self
                .args()
                .into_iter()
                .filter_map(|args| ReadOnlyCommand::from_args(policy, args).err());
            problems.extend(refused.map(|refused| OptionProblem {
                path: Vec::new(),
                message: refused.message,
                suggestion: None,
            }));
        }
        problems
    }
}
