//! `settings`: named values are what they should be.

mod read;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use self::read::{Format, Record};
use super::answer;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit, Value,
};
use crate::transport::command::{Exit, Output, ReadOnlyCommand};

/// Reads named values and compares them with those that they should have: of the
/// kernel, of the clock, of the records and sessions of the iSCSI initiator, of a systemd
/// unit, or of a configuration file.
///
/// By itself it expects that none differs and none is missing. Where there are
/// several iSCSI records or sessions, each of them has to have every value, also each
/// of several sessions of one target: those of multipath. What runs
/// and what the next start will read are two things: check the file as well.
///
/// A file of words, such as `sshd_config`, may name others by `Include`, which Debian's does in
/// its first line: what these say comes first, and they are not read, so that it is WARN. Look
/// below their folder by a check of kind [`file`](file.md), and leave `included` out of what is
/// expected by `defaults: false`.
///
/// Nothing but the values named is told; the others may be secrets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the values are.
    from: Source,
    /// The values by their names, as the source spells them: `vm.swappiness: 10`.
    /// Numbers are equal however they are written, `true` is also `yes`, `on` and `1`.
    #[schemars(length(min = 1))]
    expect: BTreeMap<String, Wanted>,
    /// The unit, with `from: systemctl`.
    #[serde(default)]
    unit: Option<String>,
    /// The file, with `from: file`.
    #[serde(default)]
    #[schemars(extend("pattern" = "^/"))]
    path: Option<String>,
    /// How the file is written. Built in: `equals`.
    #[serde(default)]
    format: Option<Format>,
    /// Ask by `sudo -n`; `iscsiadm` shows its records to root alone.
    #[serde(default)]
    sudo: bool,
}

/// Where values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SettingsSource")]
enum Source {
    /// The running kernel, by `sysctl`.
    Sysctl,
    /// The clock and its time zone, by `timedatectl show`: `NTPSynchronized`, `Timezone`.
    Timedatectl,
    /// The records of `iscsiadm -m node`, which the next login uses.
    IscsiNodes,
    /// The sessions of `iscsiadm -m session`, as they are now.
    IscsiSessions,
    /// The properties of a unit, by `systemctl show`. One that is not loaded, as it is masked
    /// or its file has an error, differs by its `LoadState`, unless that is expected.
    Systemctl,
    /// A file.
    File,
}

/// A value as a baseline writes it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "SettingsValue")]
enum Wanted {
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
}

impl Wanted {
    fn shown(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(value) => value.clone(),
        }
    }

    fn is(&self, seen: &str) -> bool {
        match self {
            Self::Bool(value) => {
                let words: &[&str] = if *value {
                    &["true", "yes", "on", "1"]
                } else {
                    &["false", "no", "off", "0"]
                };
                words.iter().any(|word| seen.eq_ignore_ascii_case(word))
            }
            Self::Number(value) => is_number(value, seen.trim()),
            // The kernel puts tabs between the numbers of a list.
            Self::Text(value) => value.split_whitespace().eq(seen.split_whitespace()),
        }
    }
}

/// Above 2^53 two integers may be one float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// As integers where both are, whatever their size; otherwise as floats, as far as
/// these tell one number from the next.
fn is_number(wanted: &serde_json::Number, seen: &str) -> bool {
    if wanted.to_string() == seen {
        return true;
    }
    let integer = wanted
        .as_i64()
        .map(i128::from)
        .or_else(|| wanted.as_u64().map(i128::from));
    if let (Some(wanted), Ok(seen)) = (integer, seen.parse::<i128>()) {
        return wanted == seen;
    }
    let seen = seen.parse::<f64>().ok();
    wanted
        .as_f64()
        .is_some_and(|number| number.abs() < EXACT && seen == Some(number))
}

/// Whether a number of a baseline was too large to be kept to its last digit.
fn is_rounded(wanted: &Wanted) -> bool {
    let Wanted::Number(number) = wanted else {
        return false;
    };
    number.is_f64() && number.as_f64().is_some_and(|value| value.abs() >= EXACT)
}

impl Kind for Settings {
    const NAME: &'static str = "settings";
    const SUMMARY: &'static str = "named settings have the values that they should";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::new(
            "exists",
            Type::Bool,
            "There is the file, the unit, or at least one iSCSI record or session. When there is none, this is the only fact; of the kernel and of the clock it is absent.",
        ),
        FactSpec::new(
            "differing",
            Type::List(&Type::Text),
            "Settings with another value: `vm.swappiness: expected 10, is 60`; of several records with the record before it.",
        ),
        FactSpec::new(
            "missing",
            Type::List(&Type::Text),
            "Settings that are not there; of several records with the record before it.",
        ),
        FactSpec::number(
            "equal_count",
            Unit::Count,
            "Settings that are as expected, in all records together.",
        )
        .because(&["missing", "differing"]),
        FactSpec::new(
            "values",
            Type::Map(&Type::Text),
            "The values by name, as they are written; of several records only those that all have alike.",
        ),
        FactSpec::new(
            "included",
            Type::List(&Type::Text),
            "Lines `Include` that stand before the first value of a setting: files that were not read may give it another; with `format: words` only.",
        ),
        FactSpec::new(
            "records",
            Type::List(&Type::Text),
            "The iSCSI records or sessions that were looked at, by their targets; only of these. A record has its portal behind it, and so has a session of a target with several: `iqn.2005-10.org.freenas.ctl:redis at 10.0.10.15:3260`, and behind that ` by eth1` where it shares the portal.",
        ),
    ];
    const EXAMPLE: &'static str = "title: the kernel swaps late\non: data188\nsettings: { from: sysctl, expect: { vm.swappiness: 10 } }\n";

    fn problems(&self, _: &Target, policy: &Policy) -> Vec<OptionProblem> {
        self.wrong(policy)
    }

    fn defaults(&self) -> Defaults {
        let exists = (!self.is_always_there()).then_some("exists");
        let alike = ["size(missing) == 0", "size(differing) == 0"];
        let mut defaults = Defaults::require(exists.into_iter().chain(alike));
        if self.is_of_words() {
            defaults.prefer.push("size(included) == 0".to_owned());
        }
        defaults
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        let names: Vec<&str> = self.expect.keys().map(String::as_str).collect();
        format!("{} of {} on {host}", names.join(", "), self.place())
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        target.exec_requests([self.args()], policy)
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let command = answer::command(&context.transports.policy, self.args())?;
        let output = context.exec(&command).await?;
        let text = self.printed(&output, context)?;
        let records = match (&text, self.from) {
            (None, _) => Vec::new(),
            (Some(text), Source::Sysctl) => vec![read::equals(text)],
            (Some(text), Source::Systemctl | Source::Timedatectl) => vec![read::properties(text)],
            (Some(text), Source::IscsiNodes) => read::nodes(text),
            (Some(text), Source::IscsiSessions) => read::sessions(text),
            (Some(text), Source::File) => {
                let format = self.format.unwrap_or_default();
                vec![read::file(format, text, self.expect.keys())?]
            }
        };
        if text.as_ref().is_some_and(|text| !text.trim().is_empty()) && records.is_empty() {
            let seen = format!("{} printed no record", self.program());
            return Err(Fault::new(FaultKind::Protocol, seen));
        }
        let mut facts = self.facts(&records);
        if let Some(text) = text.filter(|_| self.is_of_words()) {
            let included = read::included(&text, self.expect.keys());
            let included = included.into_iter().map(Value::from);
            facts.set("included", Value::List(included.collect()));
        }
        Ok(facts)
    }
}

impl Settings {
    /// The kernel and its clock.
    fn is_always_there(&self) -> bool {
        matches!(self.from, Source::Sysctl | Source::Timedatectl)
    }

    /// A file in which the first value counts, and which may name others to be read there.
    fn is_of_words(&self) -> bool {
        self.from == Source::File && self.format == Some(Format::Words)
    }

    fn program(&self) -> &'static str {
        match self.from {
            Source::Sysctl => "sysctl",
            Source::Timedatectl => "timedatectl",
            Source::IscsiNodes | Source::IscsiSessions => "iscsiadm",
            Source::Systemctl => "systemctl",
            Source::File => "cat",
        }
    }

    fn place(&self) -> String {
        match self.from {
            Source::Sysctl => "the kernel".to_owned(),
            Source::Timedatectl => "the clock".to_owned(),
            Source::IscsiNodes => "the iSCSI records".to_owned(),
            Source::IscsiSessions => "the iSCSI sessions".to_owned(),
            Source::Systemctl => self.unit.clone().unwrap_or_default(),
            Source::File => self.path.clone().unwrap_or_default(),
        }
    }

    fn args(&self) -> Vec<String> {
        let sudo: &[&str] = if self.sudo { &["sudo", "-n"] } else { &[] };
        let mut args: Vec<String> = sudo.iter().map(ToString::to_string).collect();
        args.push(self.program().to_owned());
        let rest: &[&str] = match self.from {
            // One that the kernel does not have is left out, and no failure.
            Source::Sysctl => &["-e"],
            Source::IscsiNodes => &["-m", "node", "-o", "show"],
            Source::IscsiSessions => &["-m", "session", "-P", "2"],
            Source::Systemctl | Source::Timedatectl => &["show", "--no-pager"],
            Source::File => &[],
        };
        args.extend(rest.iter().map(ToString::to_string));
        let names = || self.expect.keys().cloned();
        match self.from {
            Source::Sysctl => args.extend(names()),
            // It takes a list with commas in it for one name.
            Source::Timedatectl => args.extend(names().map(|name| format!("--property={name}"))),
            Source::Systemctl => {
                let names: Vec<String> = ["LoadState".to_owned()]
                    .into_iter()
                    .chain(names())
                    .collect();
                args.push(format!("--property={}", names.join(",")));
                args.extend(self.unit.clone());
            }
            Source::File => args.extend(self.path.clone()),
            Source::IscsiNodes | Source::IscsiSessions => {}
        }
        args
    }

    /// What was printed; nothing where there is no such file, unit or record.
    fn printed(&self, output: &Output, context: &Context) -> Result<Option<String>, Fault> {
        let host = context.host()?;
        let program = if self.sudo { "sudo" } else { self.program() };
        let complaint = answer::complaint(output);
        let is_iscsi = matches!(self.from, Source::IscsiNodes | Source::IscsiSessions);
        // iscsiadm's own: no records, or no sessions.
        if is_iscsi && output.exit == Exit::Status(21) {
            return Ok(None);
        }
        let status = answer::status(output, program, host)?;
        let lower = complaint.to_ascii_lowercase();
        let is_denied = ["permission denied", "not permitted", "must be root"]
            .iter()
            .any(|words| lower.contains(words));
        if is_denied {
            let seen = format!(
                "{} on {} may not be read: {complaint}",
                self.place(),
                answer::place(host)
            );
            let fault = Fault::new(FaultKind::Denied, seen);
            return Err(if self.sudo {
                fault
            } else {
                fault.hint("let the login read it, or ask by sudo with `sudo: true`")
            });
        }
        if self.from == Source::File && lower.contains("no such file") {
            return Ok(None);
        }
        if status != 0 {
            let seen = format!(
                "{} on {} ended with status {status}: {complaint}",
                self.program(),
                answer::place(host)
            );
            return Err(Fault::new(FaultKind::Protocol, seen));
        }
        let text = answer::stdout(output);
        let unloaded = self.from == Source::Systemctl
            && read::properties(&text).get("LoadState") == Some("not-found");
        Ok(Some(text).filter(|_| !unloaded))
    }

    /// A unit that is masked, or whose file has an error, has the defaults of systemd,
    /// which are not what anybody has set: unless it was asked for, that is wrong itself.
    fn not_loaded(&self, unit: &Record) -> Option<Value> {
        const STATE: &str = "LoadState";
        let state = unit
            .get(STATE)
            .filter(|_| self.from == Source::Systemctl && !self.expect.contains_key(STATE))?;
        (state != "loaded").then(|| Value::from(format!("{STATE}: expected loaded, is {state}")))
    }

    fn facts(&self, records: &[Record]) -> Facts {
        let mut facts = Facts::new();
        if !self.is_always_there() {
            facts.set("exists", !records.is_empty());
            if records.is_empty() {
                return facts;
            }
        }
        let (mut differing, mut missing) = (Vec::new(), Vec::new());
        let mut values = BTreeMap::new();
        let mut equal = 0_u32;
        differing.extend(records.iter().filter_map(|unit| self.not_loaded(unit)));
        let is_iscsi = matches!(self.from, Source::IscsiNodes | Source::IscsiSessions);
        for (name, wanted) in &self.expect {
            if records.is_empty() {
                missing.push(Value::from(name.as_str()));
            }
            for record in records {
                let shown = match &record.name {
                    Some(target) => format!("{target}: {name}"),
                    None => name.clone(),
                };
                match record.get(name) {
                    None => missing.push(Value::from(shown)),
                    Some(seen) if wanted.is(seen) => equal += 1,
                    Some(seen) => differing.push(Value::from(format!(
                        "{shown}: expected {}, is {seen}",
                        wanted.shown()
                    ))),
                }
            }
            let mut all = records.iter().map(|record| record.get(name));
            let first = all.next().flatten();
            if let Some(first) = first.filter(|_| all.all(|value| value == first)) {
                values.insert(name.clone(), Value::from(first));
            }
        }
        facts.set("differing", Value::List(differing));
        facts.set("missing", Value::List(missing));
        facts.set("equal_count", f64::from(equal));
        facts.set("values", Value::Map(values));
        if is_iscsi {
            let names = records.iter().filter_map(|record| record.name.as_deref());
            facts.set("records", Value::List(names.map(Value::from).collect()));
        }
        facts
    }

    fn wrong(&self, policy: &Policy) -> Vec<OptionProblem> {
        let mut problems = Vec::new();
        let mut wrong = |path: &[&str], message: String, suggestion: &str| {
            problems.push(OptionProblem {
                path: path.iter().map(ToString::to_string).collect(),
                message,
                suggestion: Some(suggestion.to_owned()),
            });
        };
        let of_a_unit = self.from == Source::Systemctl;
        let of_a_file = self.from == Source::File;
        match (&self.unit, of_a_unit) {
            (None, true) => wrong(&[], "properties of which unit?".to_owned(), "add `unit`"),
            (Some(_), false) => wrong(
                &["unit"],
                "only `from: systemctl` has a unit".to_owned(),
                "take it out",
            ),
            (Some(unit), true) if unit.is_empty() || unit.starts_with('-') => wrong(
                &["unit"],
                format!("{unit:?} is no name of a unit"),
                "a name such as `iscsid.service`",
            ),
            _ => {}
        }
        match (&self.path, of_a_file) {
            (None, true) => wrong(&[], "which file?".to_owned(), "add `path`"),
            (Some(_), false) => wrong(
                &["path"],
                "only `from: file` has a path".to_owned(),
                "take it out",
            ),
            (Some(path), true) if !path.starts_with('/') => wrong(
                &["path"],
                format!("{path:?} is not an absolute path"),
                "begin it with `/`",
            ),
            _ => {}
        }
        if self.format.is_some() && !of_a_file {
            wrong(
                &["format"],
                "only `from: file` has a format".to_owned(),
                "take it out",
            );
        }
        for (name, wanted) in &self.expect {
            if is_rounded(wanted) {
                wrong(
                    &["expect", name],
                    format!(
                        "{} is too large to be compared to its last digit",
                        wanted.shown()
                    ),
                    "write it in quotes, as the source does",
                );
            }
            if !self.may_be_named(name) {
                wrong(
                    &["expect", name],
                    format!("{name:?} is no name of a setting"),
                    self.example(),
                );
            }
        }
        if problems.is_empty()
            && let Err(refused) = ReadOnlyCommand::from_args(policy, self.args())
        {
            problems.push(OptionProblem {
                path: Vec::new(),
                message: refused.message,
                suggestion: None,
            });
        }
        problems
    }

    fn may_be_named(&self, name: &str) -> bool {
        let of = |allowed: &[u8]| {
            !name.is_empty()
                && !name.starts_with('-')
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || allowed.contains(&byte))
        };
        match self.from {
            Source::Sysctl => of(b"._-/"),
            Source::Systemctl | Source::Timedatectl => of(b""),
            Source::IscsiNodes | Source::IscsiSessions => !name.trim().is_empty(),
            Source::File => match self.format.unwrap_or_default() {
                Format::Json => name.starts_with('/'),
                Format::Equals | Format::Words | Format::Ini => !name.trim().is_empty(),
            },
        }
    }

    fn example(&self) -> &'static str {
        match self.from {
            Source::Sysctl => "as `sysctl -a` spells it: `vm.swappiness`",
            Source::Systemctl => "as `systemctl show` spells it: `MemoryMax`",
            Source::Timedatectl => "as `timedatectl show` spells it: `NTPSynchronized`",
            Source::IscsiNodes => "as `iscsiadm -m node -o show` spells it",
            Source::IscsiSessions => "as `iscsiadm -m session -P 2` spells it: `HeaderDigest`",
            Source::File => "a key; in JSON a path to it: `/log/level`",
        }
    }
}

#[cfg(test)]
mod tests;
