//! Alert rules for Prometheus over the metrics of a monitor.

use std::fmt::Write as _;
use std::time::Duration;

use super::harmless::harmless;

/// After this long without a green run somebody has to look.
const GREEN_WITHIN: Duration = Duration::from_secs(6 * 3_600);

struct Rule {
    name: &'static str,
    expr: String,
    /// How long it has to hold.
    lasts: Option<Duration>,
    severity: &'static str,
    summary: &'static str,
    /// With templates of Prometheus.
    description: String,
}

/// A rules file as YAML: the monitor of `baseline` is missing, stale or has
/// failed; what it looks at is blocked, degraded, or not green for six hours.
/// `prefix` is that of the metrics; the monitor runs once in `every`.
#[must_use]
pub fn rules(prefix: &str, baseline: &str, every: Duration) -> String {
    let mut out = format!(
        "# Printed by `coldstart rules`: print it again when the baseline's name, its\n\
         # metrics_prefix or the time between two runs changes. They go by the metrics'\n\
         # names: each baseline on one Prometheus needs a metrics_prefix of its own.\n\
         groups:\n  - name: {}\n    rules:\n",
        quoted(prefix)
    );
    for rule in all(prefix, baseline, every) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "      - alert: {}", rule.name);
        let _ = writeln!(out, "        expr: {}", quoted(&rule.expr));
        if let Some(lasts) = rule.lasts {
            let _ = writeln!(out, "        for: {}s", lasts.as_secs());
        }
        let _ = writeln!(out, "        labels:");
        let _ = writeln!(out, "          severity: {}", rule.severity);
        let _ = writeln!(out, "          baseline: {}", quoted(&literal(baseline)));
        let _ = writeln!(out, "        annotations:");
        let summary = format!("{}: {}", literal(baseline), rule.summary);
        let _ = writeln!(out, "          summary: {}", quoted(&summary));
        let _ = writeln!(out, "          description: {}", quoted(&rule.description));
    }
    out
}

fn all(prefix: &str, baseline: &str, every: Duration) -> [Rule; 6] {
    let minutes = every.as_secs() / 60;
    let stale = 3 * every.as_secs();
    let green = GREEN_WITHIN.as_secs();
    let name = literal(baseline);
    [
        Rule {
            name: "ColdStartRecoveryMonitorMissing",
            expr: format!("absent({prefix}_monitor_up)"),
            lasts: Some(every),
            severity: "critical",
            summary: "the cold-start monitor is missing",
            description: format!(
                "There are no metrics of the monitor of {name}: nobody looks, and every other \
                 rule here is silent. Look at its cron job or timer, at its textfile, and at \
                 the node exporter that collects it."
            ),
        },
        Rule {
            name: "ColdStartRecoveryMonitorStale",
            expr: format!("abs(time() - {prefix}_last_run_timestamp) > {stale}"),
            lasts: None,
            severity: "critical",
            summary: "the cold-start monitor has not run",
            description: format!(
                "Its last run ended {{{{ $value | humanizeDuration }}}} from now, and it runs every \
                 {minutes} minutes: what it says is of the past. It was killed, is not started \
                 any more, or a clock is wrong."
            ),
        },
        Rule {
            name: "ColdStartRecoveryMonitorFailed",
            expr: format!("{prefix}_monitor_up == 0"),
            lasts: Some(every),
            severity: "warning",
            summary: "the cold-start monitor cannot complete a run",
            description:
                "CHECK_FAILED: nothing may be concluded from its runs. The end of its log says \
                 why: the deadline, an error in the baseline, a missing secret."
                    .to_owned(),
        },
        Rule {
            name: "ColdStartRecoveryBlocked",
            expr: format!("{prefix}_last_result{{result=\"blocked\"}} == 1"),
            lasts: None,
            severity: "critical",
            summary: "the stack is BLOCKED",
            description: format!(
                "First blocked gate:{{{{ range query \
                 (printf \"{prefix}_first_blocked_gate{{instance=%q}} == 1\" $labels.instance) }}}} \
                 {{{{ .Labels.phase }}}}{{{{ end }}}}. Fix it before anything behind it; the \
                 monitor's log has the card."
            ),
        },
        Rule {
            name: "ColdStartRecoveryDegraded",
            expr: format!("{prefix}_last_result{{result=\"degraded\"}} == 1"),
            lasts: Some(2 * every),
            severity: "warning",
            summary: "the stack is DEGRADED",
            description: format!(
                "Warnings:{{{{ range query \
                 (printf \"{prefix}_warn_gates{{instance=%q}}\" $labels.instance) }}}} \
                 {{{{ .Value }}}}{{{{ end }}}}. \
                 Clear each, or accept it knowingly, before runners and high-load services are \
                 released."
            ),
        },
        Rule {
            name: "ColdStartRecoveryNotGreen",
            expr: format!("time() - {prefix}_last_green_timestamp > {green}"),
            lasts: None,
            severity: "warning",
            summary: "no green run for 6 hours",
            description: format!(
                "No run of the whole of {name} was GREEN in the last 6 hours, as far as the monitor knows."
            ),
        },
    ]
}

/// Text in which Prometheus finds no template.
fn literal(text: &str) -> String {
    harmless(text).replace("{{", "{{ \"{{\" }}")
}

/// A YAML scalar; JSON's strings are those of YAML in double quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
