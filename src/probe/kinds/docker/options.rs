//! What the options of a check of `docker` ask for, and what is wrong with them.

use std::time::Duration;

use super::Docker;
use super::inspected::Container;
use crate::probe::{OptionProblem, Policy, Target};
use crate::transport::command::ReadOnlyCommand;
use crate::transport::wildcard;

pub(super) const PROJECT: &str = "com.docker.compose.project";
pub(super) const SERVICE: &str = "com.docker.compose.service";
pub(super) const ONE_OFF: &str = "com.docker.compose.oneoff";

/// What stands in a plan for the ids that only the listing tells.
const IDS: &str = "IDS";

fn is_pattern(name: &str) -> bool {
    name.contains('*')
}

impl Docker {
    pub(super) fn engine(&self) -> &'static str {
        self.program.unwrap_or_default().name()
    }

    /// Whether it looks at containers, and not at leftovers alone.
    pub(super) fn selects(&self) -> bool {
        !self.containers.is_empty() || !self.labels().is_empty()
    }

    /// Whether names alone do not tell which ones.
    pub(super) fn lists(&self) -> bool {
        self.leftovers
            || !self.labels().is_empty()
            || self.containers.iter().any(|name| is_pattern(name))
    }

    /// The labels that choose containers, each with the value it has to have.
    pub(super) fn labels(&self) -> Vec<(&str, Option<&str>)> {
        let project = self.project.as_deref().map(|name| (PROJECT, Some(name)));
        let own = self.label.as_deref().map(|label| {
            label
                .split_once('=')
                .map_or((label, None), |(key, value)| (key, Some(value)))
        });
        project.into_iter().chain(own).collect()
    }

    /// Whether one of the names asked for means this one.
    pub(super) fn names(&self, name: &str) -> bool {
        self.containers
            .iter()
            .any(|own| wildcard::matches(own, name))
    }

    pub(super) fn is_once(&self, container: &Container) -> bool {
        let service = container.labels.get(SERVICE);
        self.once.iter().any(|own| {
            wildcard::matches(own, &container.name) || service.is_some_and(|name| name == own)
        })
    }

    /// What was asked for and none of `found` is.
    pub(super) fn missing(&self, found: &[Container]) -> Vec<String> {
        let mut missing: Vec<String> = Vec::new();
        let has = |key: &str, value: Option<&str>| {
            found.iter().any(|one| {
                let own = one.labels.get(key);
                own.is_some_and(|own| value.is_none_or(|value| own == value))
            })
        };
        for name in &self.containers {
            if !found.iter().any(|one| wildcard::matches(name, &one.name)) {
                missing.push(name.clone());
            }
        }
        if let Some(project) = &self.project {
            if !has(PROJECT, Some(project)) && self.services.is_empty() {
                missing.push(format!("project {project}"));
            }
            let of_service = |service: &String| {
                found.iter().any(|one| {
                    one.labels.get(PROJECT) == Some(project)
                        && one.labels.get(SERVICE) == Some(service)
                })
            };
            let absent = self.services.iter().filter(|service| !of_service(service));
            missing.extend(absent.map(|service| format!("service {project}/{service}")));
        }
        if let Some(label) = &self.label {
            let (key, value) = label
                .split_once('=')
                .map_or((label.as_str(), None), |(key, value)| (key, Some(value)));
            if !has(key, value) {
                missing.push(format!("label {label}"));
            }
        }
        missing
    }

    /// What it is about, in a sentence.
    pub(super) fn asked(&self) -> String {
        let mut asked = Vec::new();
        if !self.containers.is_empty() {
            asked.push(self.containers.join(", "));
        }
        asked.extend(
            self.project
                .iter()
                .map(|name| format!("the project {name}")),
        );
        asked.extend(self.label.iter().map(|label| format!("the label {label}")));
        if self.leftovers {
            asked.push("leftovers".to_owned());
        }
        asked.extend(self.host_networks.asked());
        asked.join(", ")
    }

    fn sudo(&self) -> Vec<String> {
        let words: &[&str] = if self.sudo { &["sudo", "-n"] } else { &[] };
        words
            .iter()
            .chain([&self.engine()])
            .map(ToString::to_string)
            .collect()
    }

    /// The listing; of docker in the form that each of its versions knows.
    pub(super) fn ps(&self) -> Vec<String> {
        let mut args = self.sudo();
        let format = if self.engine() == "podman" {
            "--format=json"
        } else {
            "--format={{json .}}"
        };
        args.extend(["ps", "-a", "--no-trunc", format].map(str::to_owned));
        args
    }

    /// The names of all networks, one in a line.
    pub(super) fn network_ls(&self) -> Vec<String> {
        let mut args = self.sudo();
        args.extend(["network", "ls", "--format={{.Name}}"].map(str::to_owned));
        args
    }

    pub(super) fn inspect_args(&self, wanted: &[String]) -> Vec<String> {
        let mut args = self.sudo();
        args.extend(["inspect", "--type=container"].map(str::to_owned));
        args.extend(wanted.iter().cloned());
        args
    }

    /// Every command, in order; `IDS` stands for what the listing tells.
    pub(super) fn args(&self) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        if self.lists() {
            all.push(self.ps());
        }
        if self.selects() {
            let inspect = if self.lists() {
                self.inspect_args(&[IDS.to_owned()])
            } else {
                self.inspect_args(&self.containers)
            };
            all.push(inspect.clone());
            if self.watch_for_s.is_some() {
                all.push(inspect);
            }
        }
        if self.host_networks.are_listed() {
            all.push(self.network_ls());
        }
        all
    }

    /// What is wrong with the options.
    pub(super) fn wrong(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = self.wrong_names();
        problems.extend(self.host_networks.wrong());
        let mut wrong = |path: &[&str], message: &str, suggestion: &str| {
            problems.push(OptionProblem {
                path: path.iter().map(ToString::to_string).collect(),
                message: message.to_owned(),
                suggestion: Some(suggestion.to_owned()),
            });
        };
        if !self.selects() && !self.leftovers && !self.host_networks.are_listed() {
            wrong(
                &[],
                "it names no container",
                "add `containers: [web]`, `project: harbor`, `label: key=value`, `leftovers: true` or `host_networks: true`",
            );
        }
        if self.project.is_none() && !self.services.is_empty() {
            wrong(
                &["services"],
                "services of which project?",
                "name it with `project`, or name the containers with `containers`",
            );
        }
        if !self.selects() && !self.once.is_empty() {
            wrong(
                &["once"],
                "it names no container to end",
                "add `containers` or `project`",
            );
        }
        if let Some(seconds) = self.watch_for_s {
            let path = &["watch_for_s"];
            let timeout = target.timeout.as_secs_f64();
            if !self.selects() {
                wrong(path, "watch which container?", "name it with `containers`");
            } else if seconds == 0 {
                wrong(
                    path,
                    "two looks at once see nothing change",
                    "watch_for_s: 3",
                );
            } else if Duration::from_secs(seconds.into()) >= target.timeout {
                wrong(
                    path,
                    &format!("the check has {timeout} s in all, its `timeout`"),
                    &format!("timeout: {}s beside it", u16::from(seconds) + 5),
                );
            }
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

    fn wrong_names(&self) -> Vec<OptionProblem> {
        let lists = [
            ("containers", &self.containers),
            ("services", &self.services),
            ("once", &self.once),
        ];
        let mut problems = Vec::new();
        for (key, list) in lists {
            for (place, name) in list.iter().enumerate() {
                if !is_name(name, key != "services") {
                    problems.push(OptionProblem {
                        path: vec![key.to_owned(), place.to_string()],
                        message: format!("{name:?} is no name of a container"),
                        suggestion: Some(
                            "letters, digits, `_`, `.` and `-`, as `docker ps` has it".to_owned(),
                        ),
                    });
                }
            }
        }
        let empty = |text: &Option<String>| text.as_deref().is_some_and(str::is_empty);
        for (key, text) in [("project", &self.project), ("label", &self.label)] {
            if empty(text) {
                problems.push(OptionProblem {
                    path: vec![key.to_owned()],
                    message: format!("an empty {key} is none"),
                    suggestion: Some("leave it out".to_owned()),
                });
            }
        }
        problems
    }
}

fn is_name(name: &str, or_pattern: bool) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || b"_.-".contains(&byte) || (or_pattern && byte == b'*')
    };
    !name.is_empty() && !name.starts_with(['-', '.']) && name.bytes().all(allowed)
}
