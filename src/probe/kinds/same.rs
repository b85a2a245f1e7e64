//! `same`: a file is the same one on several hosts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;

use super::archive::listing::with_rights;
use super::{answer, file};
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Host, Kind, NamedHosts, OptionProblem,
    Place, Policy, Request, SshSettings, Target, Type, Unit, Value,
};
use crate::transport::command::ReadOnlyCommand;

/// Compares a file of several hosts, or of one with that of the operator's machine, by
/// its SHA-256, which each host works out itself: by `sha256sum`, FreeBSD's `sha256` or
/// `shasum`, whichever it has. The file is not copied. Links are followed.
///
/// A host without the file is a fact; one that cannot be asked is a fault, since
/// nobody can tell then whether all are the same.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Same {
    /// The file, on every host of `hosts`.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    path: Option<String>,
    /// The hosts: ids, `tag:NAME` or `all`.
    #[serde(default)]
    hosts: Vec<String>,
    /// The file by host, where it is not at the same place on all: `{ web1: /etc/a, web2:
    /// /srv/a }`. In the place of `path` and `hosts`.
    #[serde(default)]
    paths: BTreeMap<String, String>,
    /// A file of the operator's machine that they have to be equal to; relative to the
    /// baseline's file.
    #[serde(default)]
    equal_to: Option<String>,
    /// The digest that they have to have, in place of `equal_to`: 64 hexadecimal digits.
    #[serde(default)]
    sha256: Option<String>,
    /// Read by `sudo -n` on the hosts.
    #[serde(default)]
    sudo: bool,
    /// A file without content is as good as another. Otherwise `empty` has to be none: a
    /// power cut leaves files of no bytes behind, and those of all hosts are alike.
    #[serde(default)]
    may_be_empty: bool,
}

/// The programs that a host may have, in the order in which they are tried.
const PROGRAMS: [&[&str]; 3] = [&["sha256sum"], &["sha256", "-q"], &["shasum", "-a", "256"]];

/// The SHA-256 of no bytes (FIPS 180-4).
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What the operator's own file is called among the hosts.
const HERE: &str = "here";

fn commands(path: &str, sudo: bool) -> [Vec<String>; 3] {
    PROGRAMS.map(|program| {
        let mut args = with_rights(sudo, program);
        args.push(path.to_owned());
        args
    })
}

fn here(target: &Target) -> Arc<Host> {
    Arc::new(Host {
        id: HERE.to_owned(),
        address: String::new(),
        local: true,
        ssh: SshSettings::default(),
        connect_timeout: target.connect_timeout,
    })
}

/// The digest in what one of the programs printed. GNU's begins the line with a
/// backslash where the name has one.
fn digest(printed: &str) -> Option<String> {
    let first = printed.split_ascii_whitespace().next()?;
    let first = first.trim_start_matches('\\');
    is_digest(first).then(|| first.to_ascii_lowercase())
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The digest of the file of a host; nothing when it has none.
async fn look(context: &Context, path: &str, sudo: bool) -> Result<Option<String>, Fault> {
    let host = context.host()?;
    let place = answer::place(host);
    for args in commands(path, sudo) {
        let command = answer::command(&context.transports.policy, args.clone())?;
        let output = context.exec(&command).await?;
        let program = args.first().map_or("sha256sum", String::as_str);
        let complaint = answer::complaint(&output);
        // sudo tells by its words that there is no such program.
        let lacks_it = sudo && complaint.contains("command not found");
        let status = match answer::status(&output, program, host) {
            Err(fault) if fault.kind == FaultKind::Missing || lacks_it => continue,
            status => status?,
        };
        if status == 0 {
            let told = digest(&answer::stdout(&output));
            return told.map(Some).ok_or_else(|| {
                Fault::new(
                    FaultKind::Protocol,
                    format!("{program} on {place} printed no digest of {path}"),
                )
            });
        }
        if file::is_absent(&output) {
            return Ok(None);
        }
        if answer::stderr(&output).contains("ermission denied") {
            let fault = Fault::new(
                FaultKind::Denied,
                format!("{path} may not be read on {place}: {complaint}"),
            );
            return Err(if sudo {
                fault
            } else {
                fault.hint("give the login the right to read it, or write `sudo: true`")
            });
        }
        return Err(Fault::new(
            FaultKind::Protocol,
            format!("{path} cannot be read on {place}: {complaint}"),
        ));
    }
    Err(Fault::new(
        FaultKind::Missing,
        format!("there is no sha256sum, sha256 or shasum on {place}"),
    ))
}

/// What the hosts told, in the baseline's order.
#[derive(Debug, Default)]
struct Told {
    digests: Vec<(String, String)>,
    missing: Vec<String>,
    /// What they have to have, where the options tell.
    expected: Option<String>,
}

impl Told {
    /// The digest that others are held against: the one expected, or else the one that
    /// most have; of several such, the one of the host that comes first.
    fn reference(&self) -> Option<&str> {
        if let Some(expected) = &self.expected {
            return Some(expected);
        }
        let count = |digest: &str| self.digests.iter().filter(|(_, one)| one == digest).count();
        let most = self.digests.iter().map(|(_, digest)| count(digest)).max()?;
        let mut found = self.digests.iter().map(|(_, digest)| digest.as_str());
        found.find(|digest| count(digest) == most)
    }

    fn set(&self, facts: &mut Facts) {
        let texts =
            |names: &[&str]| Value::List(names.iter().map(|name| Value::from(*name)).collect());
        let reference = self.reference();
        let differing: Vec<&str> = self
            .digests
            .iter()
            .filter(|(_, digest)| Some(digest.as_str()) != reference)
            .map(|(host, _)| host.as_str())
            .collect();
        let empty = self.digests.iter().filter(|(_, digest)| digest == NOTHING);
        let empty: Vec<&str> = empty.map(|(host, _)| host.as_str()).collect();
        let missing: Vec<&str> = self.missing.iter().map(String::as_str).collect();
        let mut variants: Vec<&str> = self.digests.iter().map(|(_, one)| one.as_str()).collect();
        variants.sort_unstable();
        variants.dedup();
        facts.set("identical", differing.is_empty() && missing.is_empty());
        facts.set("differing", texts(&differing));
        facts.set("missing", texts(&missing));
        facts.set("empty", texts(&empty));
        facts.set_some("digest", reference);
        let digests = self.digests.iter();
        let digests = digests.map(|(host, digest)| (host.clone(), Value::from(digest.as_str())));
        facts.set("digests", Value::Map(digests.collect()));
        #[expect(clippy::cast_precision_loss, reason = "no more than there are hosts")]
        facts.set("variants", variants.len() as f64);
    }
}

impl Same {
    fn path_on(&self, host: &Host) -> Option<&str> {
        self.paths
            .get(&host.id)
            .or(self.path.as_ref())
            .map(String::as_str)
    }

    /// What is read on each host, the operator's own file first.
    fn looks<'a>(&'a self, target: &Target) -> Vec<(Arc<Host>, &'a str, bool)> {
        let own = self.equal_to.as_deref();
        let own = own.map(|path| (here(target), path, false));
        let others = target.also.iter();
        let others = others.filter_map(|host| {
            let path = self.path_on(host)?;
            Some((Arc::clone(host), path, self.sudo))
        });
        own.into_iter().chain(others).collect()
    }

    fn whose(&self) -> String {
        match &self.path {
            Some(path) => path.clone(),
            None => self.paths.values().next().cloned().unwrap_or_default(),
        }
    }
}

fn problem(path: &[&str], message: impl Into<String>, suggestion: Option<&str>) -> OptionProblem {
    OptionProblem {
        path: path.iter().map(ToString::to_string).collect(),
        message: message.into(),
        suggestion: suggestion.map(str::to_owned),
    }
}

fn wrong_path(path: &[&str], text: &str) -> Option<OptionProblem> {
    (!text.starts_with('/'))
        .then(|| problem(path, format!("{text:?} is not an absolute path"), None))
}

fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-')
}

impl Kind for Same {
    const NAME: &'static str = "same";
    const SUMMARY: &'static str = "a file is the same one on several hosts, or as on this machine";
    const PLACE: Place = Place::Hosts;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "identical",
            Type::Bool,
            "Every host has the file, and it is the same one; the one of `equal_to` or `sha256` where there is one.",
        ).because(&["differing", "missing"]),
        FactSpec::new(
            "differing",
            Type::List(&Type::Text),
            "The hosts whose file is another one than that of `equal_to` or `sha256`; without these, than the one that most have, or of two that as many have, than that of the host which comes first.",
        ),
        FactSpec::new(
            "missing",
            Type::List(&Type::Text),
            "The hosts that have no such file.",
        ),
        FactSpec::new(
            "empty",
            Type::List(&Type::Text),
            "The hosts whose file has no bytes in it.",
        ),
        FactSpec::new(
            "digest",
            Type::Text,
            "The SHA-256 that the hosts' are held against. Absent where no host has the file.",
        ),
        FactSpec::new("digests", Type::Map(&Type::Text), "The SHA-256 by host."),
        FactSpec::number(
            "variants",
            Unit::Count,
            "How many different files there are on the hosts.",
        ),
    ];
    const EXAMPLE: &'static str = "title: both hosts have the same backup script\nsame: { path: /backup/scripts/backup-all.sh, hosts: [all] }\n";

    fn beside(&mut self, folder: &Path) {
        // What is no path stays as it is, to be told.
        if let Some(path) = self.equal_to.as_mut().filter(|path| is_path(path)) {
            *path = folder.join(&path).display().to_string();
        }
    }

    fn problems(&self, target: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        match (&self.path, self.hosts.is_empty(), self.paths.is_empty()) {
            (Some(path), false, true) => problems.extend(wrong_path(&["path"], path)),
            (None, true, false) => {
                for (host, path) in &self.paths {
                    problems.extend(wrong_path(&["paths", host], path));
                    if host == "all" || host.starts_with("tag:") {
                        problems.push(problem(
                            &["paths", host],
                            "a path is of one host",
                            Some("the host's id; or `path` with `hosts`"),
                        ));
                    }
                }
            }
            _ => problems.push(problem(
                &[],
                "either `path` with `hosts`, or `paths`",
                Some("`path: /etc/hosts` and `hosts: [all]`"),
            )),
        }
        if self.equal_to.is_some() && self.sha256.is_some() {
            problems.push(problem(
                &["sha256"],
                "`equal_to` already tells what they are held against",
                None,
            ));
        }
        if self.sha256.as_deref().is_some_and(|text| !is_digest(text)) {
            problems.push(problem(
                &["sha256"],
                "a SHA-256 has 64 hexadecimal digits",
                Some("what `sha256sum FILE` prints"),
            ));
        }
        if self.equal_to.as_deref().is_some_and(|path| !is_path(path)) {
            problems.push(problem(
                &["equal_to"],
                "it is no path",
                Some("`./rules.yml`"),
            ));
        }
        let alone = self.equal_to.is_none() && self.sha256.is_none();
        if problems.is_empty() && alone && target.also.len() == 1 {
            problems.push(problem(
                &[],
                "one host has nothing to be compared with",
                Some("name another, or give `equal_to` or `sha256`"),
            ));
        }
        if problems.is_empty() {
            let looks = self.looks(target).into_iter();
            let refused = looks
                .flat_map(|(_, path, sudo)| commands(path, sudo))
                .find_map(|args| ReadOnlyCommand::from_args(policy, args).err());
            problems.extend(refused.map(|refused| problem(&[], refused.message, None)));
        }
        problems
    }

    fn hosts(&self) -> Vec<NamedHosts<'_>> {
        let named = self.hosts.iter().enumerate().map(|(n, name)| NamedHosts {
            path: vec!["hosts".to_owned(), n.to_string()],
            name,
        });
        let by_path = self.paths.keys().map(|name| NamedHosts {
            path: vec!["paths".to_owned(), name.clone()],
            name,
        });
        named.chain(by_path).collect()
    }

    fn defaults(&self) -> Defaults {
        if self.may_be_empty {
            return Defaults::require(["identical"]);
        }
        Defaults::require(["identical", "size(empty) == 0"])
    }

    fn goal(&self, target: &Target) -> String {
        let hosts: Vec<&str> = target.also.iter().map(|host| host.id.as_str()).collect();
        format!("the SHA-256 of {} on {}", self.whose(), hosts.join(", "))
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        let of = |(host, path, sudo): (Arc<Host>, &str, bool)| {
            let at = target.at(&host);
            let mut requests = at.exec_requests(commands(path, sudo), policy);
            for request in &mut requests {
                request.host = Some(host.id.clone());
            }
            requests
        };
        self.looks(target).into_iter().flat_map(of).collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let looks = self.looks(&context.target);
        let asked = looks.iter().map(|(host, path, sudo)| {
            let context = context.at(host);
            async move { look(&context, path, *sudo).await }
        });
        let seen = join_all(asked).await;
        let mut told = Told {
            expected: self.sha256.as_deref().map(str::to_ascii_lowercase),
            ..Told::default()
        };
        for ((host, path, _), seen) in looks.iter().zip(seen) {
            let is_own = self.equal_to.is_some() && host.id == HERE && told.expected.is_none();
            match (seen?, is_own) {
                (Some(digest), true) => told.expected = Some(digest),
                (None, true) => {
                    return Err(Fault::new(
                        FaultKind::LocalSetup,
                        format!("there is no {path} on this machine to compare with"),
                    ));
                }
                (Some(digest), false) => told.digests.push((host.id.clone(), digest)),
                (None, false) => told.missing.push(host.id.clone()),
            }
        }
        let mut facts = Facts::new();
        told.set(&mut facts);
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
