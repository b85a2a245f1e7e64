//! The format of a baseline file. These types are read from and are the
//! schema; their doc comments are what editors show.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::coverage::CoverageDocument;
use super::model::Guardrail;
use super::timespan::{PositiveTimeSpan, TimeSpan};

/// What an id looks like. `@`, `:` and `/` are left to those who join ids.
pub(super) const ID_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*$";
const ID: &str = "an id of letters, digits, `.`, `_` and `-` that starts with a letter or digit";

/// A metric's name without colons, which are left to recording rules.
const METRIC_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
const METRIC: &str =
    "what a metric's name may begin with: letters, digits and `_`, and no digit first";

const VERSION: &str = "1, the version of the file format that this program reads";

const HOST: &str = "write `{ address: … }`, with `ssh: { user: … }` where it takes another login";
const LOGIN: &str = "write `{ user: … }`, and `port: …` where it is not 22";
const ADDRESS: &str = "write the name or address alone; login name and port stand below `ssh:`";

/// The schema of ids as keys.
pub(super) fn ids() -> serde_json::Value {
    serde_json::json!({ "pattern": ID_PATTERN, "x-expected": ID })
}

/// A readiness baseline: hosts, and phases of checks in the order in which a
/// stack comes back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Baseline")]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct Document {
    /// Version of the file format: 1.
    #[schemars(extend("const" = 1, "x-expected" = VERSION))]
    pub(super) version: u32,
    /// A short name of the baseline, for cards and history.
    #[schemars(extend("pattern" = ID_PATTERN, "x-expected" = ID))]
    pub(super) name: String,
    /// One line about it.
    pub(super) title: Option<String>,
    /// What the names of its metrics begin with; `coldstart`.
    #[schemars(extend("pattern" = METRIC_PATTERN, "x-expected" = METRIC))]
    pub(super) metrics_prefix: Option<String>,
    /// Files with further vars, hosts, phases, releases and policy, relative to this one.
    /// Their phases come where `include` stands.
    pub(super) include: Option<OneOrMany>,
    /// Variables, used as `${name}`. `--var name=value` overrides one.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "values by their names"))]
    pub(super) vars: BTreeMap<String, Scalar>,
    /// For checks that do not say otherwise.
    #[serde(default)]
    pub(super) defaults: DefaultsDocument,
    /// What checks may do beyond the built-in rules.
    #[serde(default)]
    pub(super) policy: PolicyDocument,
    /// The machines, by id.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "hosts by their ids"))]
    pub(super) hosts: BTreeMap<String, HostDocument>,
    /// The phases, by id. `needs` makes them a graph; the order of the file
    /// decides where the graph leaves it open.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "phases by their ids"))]
    pub(super) phases: BTreeMap<String, PhaseDocument>,
    /// What is let loose only when gates are green, by id.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "releases by their ids"))]
    pub(super) releases: BTreeMap<String, ReleaseDocument>,
    /// Which service is protected at which layer, and which checks prove it.
    #[serde(default)]
    pub(super) coverage: CoverageDocument,
    /// Failures that have a name, by their ids: what tells them in what a failed
    /// check and its diagnosis saw. The first in the order of the file counts.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "signatures by their ids"))]
    pub(super) signatures: BTreeMap<String, SignatureDocument>,
}

/// A file that a baseline includes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct Fragment {
    /// Version of the file format: 1.
    #[schemars(extend("const" = 1, "x-expected" = VERSION))]
    pub(super) version: Option<u32>,
    /// Files with further vars, hosts, phases, releases and policy, relative to this one.
    /// Their phases come where `include` stands.
    pub(super) include: Option<OneOrMany>,
    /// Variables, used as `${name}` in every file of the baseline.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "values by their names"))]
    pub(super) vars: BTreeMap<String, Scalar>,
    /// What checks may do beyond the built-in rules.
    #[serde(default)]
    pub(super) policy: PolicyDocument,
    /// The machines, by id.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "hosts by their ids"))]
    pub(super) hosts: BTreeMap<String, HostDocument>,
    /// The phases, by id.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "phases by their ids"))]
    pub(super) phases: BTreeMap<String, PhaseDocument>,
    /// What is let loose only when gates are green, by id.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "releases by their ids"))]
    pub(super) releases: BTreeMap<String, ReleaseDocument>,
    /// Which service is protected at which layer, and which checks prove it.
    #[serde(default)]
    pub(super) coverage: CoverageDocument,
    /// Failures that have a name, by their ids: what tells them in what a failed
    /// check and its diagnosis saw. The first in the order of the file counts.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "signatures by their ids"))]
    pub(super) signatures: BTreeMap<String, SignatureDocument>,
}

/// One text or a list of texts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl From<OneOrMany> for Vec<String> {
    fn from(texts: OneOrMany) -> Self {
        match texts {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        }
    }
}

/// Text, a number, or true or false.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "read from the nodes; here for the schema")]
pub(super) enum Scalar {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
}

/// Defaults of checks. What is left out comes from the next level up.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Defaults")]
pub(super) struct DefaultsDocument {
    /// Time for one attempt, from the open connection to the last fact. Built in: 5s.
    pub(super) timeout: Option<PositiveTimeSpan>,
    /// Time in which a connection must open, all tries included. Built in: 5s.
    pub(super) connect_timeout: Option<PositiveTimeSpan>,
    /// When to look again.
    pub(super) retry: Option<RetryDocument>,
}

/// When to look again after a check did not pass. What is left out comes from
/// the next level up.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Retry")]
pub(super) struct RetryDocument {
    /// How often to look at most, the first time included. Built in: 2.
    #[schemars(range(min = 1, max = 100))]
    pub(super) attempts: Option<u32>,
    /// Pause before the second look. Built in: 1s.
    pub(super) delay: Option<TimeSpan>,
    /// Each further pause is this many times the one before. Built in: 2.
    #[schemars(range(min = 1, max = 10))]
    pub(super) backoff: Option<f64>,
}

/// A number that is followed from run to run. Exactly one of `not_increasing`
/// and `not_decreasing` is true.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Trend")]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct TrendDocument {
    /// The number: a fact of the kind, or an expression over its facts.
    pub(super) fact: String,
    /// No look may see more than the one before.
    #[serde(default)]
    pub(super) not_increasing: bool,
    /// No look may see less than the one before.
    #[serde(default)]
    pub(super) not_decreasing: bool,
    /// How many looks count, this one included. Built in: 3.
    #[schemars(range(min = 2, max = 64))]
    pub(super) samples: Option<u32>,
}

/// How old a time may be: by its age (`within`, `prefer_within`), or by when a
/// run is due (`every`, `zone`, `grace`).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Fresh")]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct FreshDocument {
    /// The time: a fact of the kind that is one, or an expression over its facts.
    pub(super) time: String,
    /// Older is BLOCKED.
    pub(super) within: Option<PositiveTimeSpan>,
    /// Older is a WARN.
    pub(super) prefer_within: Option<PositiveTimeSpan>,
    /// When a run is due: a cron expression of five fields, `0 2 * * *`.
    pub(super) every: Option<String>,
    /// The zone of that clock, by its IANA name: `Asia/Taipei`, `UTC`. Needed with
    /// `every`; without it only the clock on which times are told, which is UTC.
    pub(super) zone: Option<String>,
    /// How long after its due time a run may be told, shorter than any pause between
    /// two runs. Built in: 1h, of shorter pauses half.
    pub(super) grace: Option<TimeSpan>,
}

/// What checks may do beyond the built-in rules.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Policy")]
pub(super) struct PolicyDocument {
    /// Commands that only read although the built-in list does not know them:
    /// word for word, `zpool iostat`. A `*` at the end lets any further arguments
    /// through, `zpool iostat *`.
    pub(super) allow: Option<OneOrMany>,
}

/// A machine.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Host", extend("x-suggestion" = HOST))]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct HostDocument {
    /// One line about it.
    pub(super) title: Option<String>,
    /// Name or address to connect to, without user and port.
    #[schemars(extend("pattern" = r"^[^\s/@]+$", "x-expected" = "a host name or an address", "x-suggestion" = ADDRESS))]
    pub(super) address: Option<String>,
    /// The machine that the program runs on: commands run without SSH.
    #[serde(default)]
    pub(super) local: bool,
    /// How to log in. What is left out comes from `~/.ssh/config`, then from
    /// SSH's own defaults.
    #[serde(default)]
    pub(super) ssh: SshDocument,
    /// Names of groups it belongs to, for `on: tag:NAME`.
    pub(super) tags: Option<OneOrMany>,
    /// Time in which a connection to it must open, all tries included.
    pub(super) connect_timeout: Option<PositiveTimeSpan>,
}

/// How to log in to a host.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Ssh", extend("x-suggestion" = LOGIN))]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct SshDocument {
    /// Login name.
    #[schemars(extend("pattern" = r"^[^\s@:/-][^\s@:/]*$", "x-expected" = "a login name"))]
    pub(super) user: Option<String>,
    /// TCP port.
    #[schemars(range(min = 1))]
    pub(super) port: Option<u16>,
    /// Id of the host to go through.
    pub(super) jump: Option<String>,
    /// Private key files to offer.
    pub(super) identity: Option<OneOrMany>,
    /// Known-hosts files instead of the user's and the system's.
    pub(super) known_hosts: Option<OneOrMany>,
}

/// A set of checks that together say whether what depends on them may start.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Phase")]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct PhaseDocument {
    /// One line about it.
    pub(super) title: Option<String>,
    /// Ids of the phases whose gates must be open before this one starts.
    pub(super) needs: Option<OneOrMany>,
    /// For its checks, before the baseline's defaults.
    #[serde(default)]
    pub(super) defaults: DefaultsDocument,
    /// The checks, by id.
    #[schemars(extend("propertyNames" = ids(), "x-expected" = "checks by their ids"))]
    pub(super) checks: BTreeMap<String, CheckDocument>,
}

/// One look at something, and what is expected of it. Exactly one further key
/// names the kind of probe, with its options.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "Check")]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct CheckDocument {
    /// A statement that can be false: "primary accepts reads".
    pub(super) title: Option<String>,
    /// The hosts to look at: ids, `all`, or `tag:NAME`. One check for each.
    pub(super) on: Option<OneOrMany>,
    /// Id of the host whose SSH connection network probes go through.
    pub(super) via: Option<String>,
    /// Ids of checks of the same phase to wait for; a BLOCKED one among them holds it back.
    pub(super) after: Option<OneOrMany>,
    /// Expectations. One that does not hold makes the check BLOCKED.
    pub(super) require: Option<OneOrMany>,
    /// Expectations. One that does not hold makes the check WARN.
    pub(super) prefer: Option<OneOrMany>,
    /// Whether the kind's default expectations apply too. Built in: true.
    pub(super) defaults: Option<bool>,
    /// How long all of it has to have held, by what earlier runs saw. Shorter is a WARN.
    pub(super) stable_for: Option<PositiveTimeSpan>,
    /// Which way a number has to go from run to run. The other way is a WARN.
    pub(super) trend: Option<TrendDocument>,
    /// How old a time may be, by its age or by when a run is due. Too old is BLOCKED,
    /// a run that is late a WARN.
    pub(super) fresh: Option<FreshDocument>,
    /// The check is at worst a WARN.
    #[serde(default)]
    pub(super) advisory: bool,
    /// Time for one attempt, from the open connection to the last fact.
    pub(super) timeout: Option<PositiveTimeSpan>,
    /// When to look again.
    pub(super) retry: Option<RetryDocument>,
    /// What to do when it does not pass.
    pub(super) remedy: Option<String>,
    /// Where that is written down.
    pub(super) runbook: Option<String>,
    /// Who may carry out the remedy: `BLOCK` (human approval only),
    /// `CRITICAL_HITL` (restart or repair with a human in the loop), `STANDARD_HITL`
    /// (restart only with evidence) or `AUTO` (automatic restart).
    pub(super) guardrail: Option<Guardrail>,
    /// Looks to take when it does not pass, for what they show: a journal, the
    /// room on a disk. They have no say in its verdict.
    #[schemars(length(min = 1, max = MOST_LOOKS))]
    pub(super) diagnose: Option<Vec<DiagnosisDocument>>,
}

/// As many looks as one failure may cost.
const MOST_LOOKS: u32 = 8;

/// One look for the sake of what it shows. Exactly one further key names the
/// kind of probe, with its options.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "Diagnosis")]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct DiagnosisDocument {
    /// Id of the host to look at, where it is another one than the check's.
    pub(super) on: Option<String>,
    /// Time for it, from the open connection to the last fact. The check's own
    /// when left out, and never more than 30s.
    pub(super) timeout: Option<PositiveTimeSpan>,
}

/// A failure that has a name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Signature")]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct SignatureDocument {
    /// Its name: "the WAL checkpoint is damaged".
    pub(super) title: String,
    /// What tells it, in one line of what was seen: a text, `regex:` with a
    /// regular expression, or a list of these of which one is enough.
    #[serde(rename = "match")]
    pub(super) matching: MatchesDocument,
    /// Only in what probes of these kinds saw.
    pub(super) kinds: Option<OneOrMany>,
    /// Only of these checks: ids, with or without `@host`, or phases.
    pub(super) checks: Option<OneOrMany>,
    /// Only of checks on these hosts: ids, or `tag:NAME`.
    pub(super) hosts: Option<OneOrMany>,
    /// What to do about it.
    pub(super) remedy: Option<String>,
    /// Where that is written down.
    pub(super) runbook: Option<String>,
    /// Who may carry out the remedy. The stricter of this and the check's own holds.
    pub(super) guardrail: Option<Guardrail>,
    /// The check or phase where its cause is to be looked for.
    pub(super) go_back_to: Option<String>,
}

const MATCH: &str = "a text, `regex:` with a regular expression, or a list of these";

/// One thing to look for, or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "SignatureMatches", extend("x-expected" = MATCH))]
#[expect(dead_code, reason = "read from the nodes; here for the schema")]
pub(super) enum MatchesDocument {
    /// A text, as it is in the line.
    Text(#[schemars(length(min = 1))] String),
    /// A regular expression.
    Regex(RegexDocument),
    /// Several of these.
    Many(#[schemars(length(min = 1))] Vec<MatchDocument>),
}

/// What to look for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "SignatureMatch")]
#[expect(dead_code, reason = "read from the nodes; here for the schema")]
pub(super) enum MatchDocument {
    /// A text, as it is in the line.
    Text(#[schemars(length(min = 1))] String),
    /// A regular expression.
    Regex(RegexDocument),
}

/// A regular expression.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SignatureRegex")]
#[expect(dead_code, reason = "read from the nodes; here for the schema")]
pub(super) struct RegexDocument {
    /// In RE2's syntax.
    #[schemars(length(min = 1))]
    pub(super) regex: String,
}

/// Something that is let loose only when gates are green: CI runners, batch
/// work, automatic repair. `coldstart gate ID` says whether it may be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Release")]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct ReleaseDocument {
    /// What it is: "CI runners and CD".
    pub(super) title: Option<String>,
    /// Ids of the phases whose gates must be GREEN, and with them those of all
    /// phases that these need.
    pub(super) needs: Option<OneOrMany>,
    /// Ids of the releases that must be open before this one.
    pub(super) after: Option<OneOrMany>,
    /// Checks that must pass besides.
    #[serde(default)]
    pub(super) require: Vec<ConditionDocument>,
    /// Where that is written down.
    pub(super) runbook: Option<String>,
}

/// A check that must pass before a release.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Condition")]
#[expect(
    dead_code,
    reason = "what needs its place is taken from the nodes; the schema is of all"
)]
pub(super) struct ConditionDocument {
    /// Id of the check: `load@ops110`, or `load` for it on every host.
    pub(super) check: String,
    /// For how long it has to have passed, by what earlier runs have seen.
    pub(super) stable_for: Option<PositiveTimeSpan>,
}

impl CheckDocument {
    /// A check's own keys; any other is a kind. A test holds them to the schema.
    pub(super) const KEYS: [&'static str; 17] = [
        "title",
        "on",
        "via",
        "after",
        "require",
        "prefer",
        "defaults",
        "stable_for",
        "trend",
        "fresh",
        "advisory",
        "timeout",
        "retry",
        "remedy",
        "runbook",
        "guardrail",
        "diagnose",
    ];
}

impl DiagnosisDocument {
    /// A look's own keys; any other is a kind. A test holds them to the schema.
    pub(super) const KEYS: [&'static str; 2] = ["on", "timeout"];
}

/// The schema of a baseline file. Checks are open: kinds are not known here.
pub(super) fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

/// The schema of an included file.
pub(super) fn fragment_schema() -> serde_json::Value {
    schemars::schema_for!(Fragment).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_keys_are_those_of_the_schema() {
        for schema in [schema(), fragment_schema()] {
            own_keys(&schema["$defs"]["Check"], &CheckDocument::KEYS);
            own_keys(&schema["$defs"]["Diagnosis"], &DiagnosisDocument::KEYS);
        }
    }

    fn own_keys(definition: &serde_json::Value, own: &[&str]) {
        let mut listed: Vec<&str> = definition["properties"]
            .as_object()
            .into_iter()
            .flat_map(|keys| keys.keys())
            .map(String::as_str)
            .collect();
        let mut own = own.to_vec();
        own.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, own);
        assert_eq!(definition.get("additionalProperties"), None);
    }
}
