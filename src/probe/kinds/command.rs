//! `command`: a read-only command answers.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer;
use crate::probe::{
    Context, Defaults, FactSpec, Facts, Fault, FaultKind, Kind, OptionProblem, Place, Policy,
    Request, Target, Type, Unit, Value,
};
use crate::transport::command::{Output, ReadOnlyCommand, Refused};

/// Runs on the host a command that only reads. What may run is on the
/// built-in list (`docs/commands.md`) or in the baseline's `policy.allow`;
/// anything else is refused when the plan is made.
///
/// A command that ends with another status than 0 has answered: the status
/// is a fact. One that does not exist on the host is a fault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The command: one line, or a list of the program and its arguments.
    run: Run,
    /// Standard output must be JSON; something else is a fault.
    #[serde(default)]
    json: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a command line or a list of a program and its arguments is expected"
)]
enum Run {
    /// A command line: words, quotes and pipes.
    Line(String),
    /// The program and its arguments.
    Args(Vec<String>),
}

impl Command {
    fn command(&self, policy: &Policy) -> Result<ReadOnlyCommand, Refused> {
        match &self.run {
            Run::Line(line) => ReadOnlyCommand::parse(policy, line),
            Run::Args(args) => ReadOnlyCommand::from_args(policy, args.iter().cloned()),
        }
    }

    fn text(&self) -> String {
        match &self.run {
            Run::Line(line) => line.trim().to_owned(),
            Run::Args(args) => args.join(" "),
        }
    }

    fn facts(&self, status: u32, output: &Output) -> Result<Facts, Fault> {
        let stdout = answer::stdout(output);
        let stdout = stdout.trim();
        let mut facts = Facts::new();
        facts.set("exit_status", f64::from(status));
        facts.set("stdout", stdout);
        facts.set("stderr", answer::stderr(output));
        facts.set(
            "lines",
            Value::List(stdout.lines().map(Value::from).collect()),
        );
        facts.set("truncated", output.truncated);
        facts.set_some("number", number(stdout));
        match serde_json::from_str::<serde_json::Value>(stdout) {
            Ok(json) if self.json || json.is_object() || json.is_array() => {
                facts.set("json", Value::Json(json));
            }
            Err(error) if self.json && status == 0 => {
                return Err(Fault::new(
                    FaultKind::Protocol,
                    format!("`{}` printed no JSON: {error}", self.text()),
                ));
            }
            _ => {}
        }
        Ok(facts)
    }
}

/// A number and nothing else; `inf` and `NaN` are words.
fn number(text: &str) -> Option<f64> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse()
        .ok()
        .filter(|number: &f64| plain && number.is_finite())
}

impl Kind for Command {
    const NAME: &'static str = "command";
    const SUMMARY: &'static str = "a read-only command on a host answers as expected";
    const PLACE: Place = Place::Host;
    const FACTS: &'static [FactSpec] = &[
        FactSpec::number(
            "exit_status",
            Unit::None,
            "The exit status; of a pipeline its last program's.",
        ),
        FactSpec::new(
            "stdout",
            Type::Text,
            "Standard output without white space around it, up to 1 MiB.",
        ),
        FactSpec::new(
            "stderr",
            Type::Text,
            "Standard error, up to 64 KiB. A login shell's own messages come first.",
        ),
        FactSpec::new("lines", Type::List(&Type::Text), "`stdout` by lines."),
        FactSpec::new("truncated", Type::Bool, "More was printed than is kept."),
        FactSpec::number(
            "number",
            Unit::None,
            "`stdout` as a number, when it is one and nothing else.",
        ),
        FactSpec::new(
            "json",
            Type::Json,
            "`stdout` as JSON, when it is an object or a list, or with `json: true`.",
        ),
    ];
    const EXAMPLE: &'static str = "title: clocks are synchronised\non: data188\ncommand: { run: timedatectl show --property=NTPSynchronized --value }\nrequire: stdout == 'yes'\n";

    fn problems(&self, _: &Target, policy: &Policy) -> Vec<OptionProblem> {
        let problem = |message| OptionProblem {
            path: vec!["run".to_owned()],
            message,
            suggestion: None,
        };
        if self.text().is_empty() {
            return vec![problem("the command is empty".to_owned())];
        }
        match self.command(policy) {
            Ok(_) => Vec::new(),
            Err(refused) => vec![problem(refused.message)],
        }
    }

    fn defaults(&self) -> Defaults {
        Defaults::require(["exit_status == 0"])
    }

    fn goal(&self, target: &Target) -> String {
        let host = target
            .host
            .as_deref()
            .map_or("the host", |host| host.id.as_str());
        format!(
            "the answer of `{}` on {host} within {} s",
            self.text(),
            target.timeout.as_secs_f64()
        )
    }

    fn requests(&self, target: &Target, policy: &Policy) -> Vec<Request> {
        self.command(policy)
            .iter()
            .map(|command| target.exec_request(command))
            .collect()
    }

    async fn run(&self, context: &Context) -> Result<Facts, Fault> {
        let command = self
            .command(&context.transports.policy)
            .map_err(|refused| Fault::new(FaultKind::LocalSetup, refused.message))?;
        let output = context.exec(&command).await?;
        let program = command.pipeline().last().and_then(|args| args.first());
        let program = program.map_or("the program", String::as_str);
        let status = answer::status(&output, program, context.host()?)?;
        self.facts(status, &output)
    }
}

#[cfg(test)]
mod tests;
