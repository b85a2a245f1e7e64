//! Whether cron runs.

use super::super::answer;
use super::ask;
use crate::probe::{Context, Fault, FaultKind};

pub(super) const UNITS: &[&str] = &[
    "systemctl",
    "show",
    "--no-pager",
    "--property=Id,ActiveState",
    "cron.service",
    "crond.service",
    "cronie.service",
];

/// Where there is no systemd.
pub(super) const PROCESSES: &[&str] = &["pgrep", "-x", "cron|crond"];

/// The daemon that runs, or an empty text; None where neither systemd nor
/// `pgrep` tells.
pub(super) async fn daemon(context: &Context) -> Result<Option<String>, Fault> {
    match ask(context, UNITS).await {
        Ok((0, output)) => {
            let text = answer::stdout(&output);
            let lines: Vec<&str> = text.lines().collect();
            let states = text.split("\n\n").filter_map(|block| {
                let value = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                Some((value("Id=")?, value("ActiveState=")?))
            });
            let states: Vec<(&str, &str)> = states.collect();
            if states.is_empty() {
                return Err(Fault::new(
                    FaultKind::Protocol,
                    format!("systemctl show printed {:?}", lines.first().unwrap_or(&"")),
                ));
            }
            let active = states.iter().find(|(_, state)| *state == "active");
            return Ok(Some(
                active.map_or_else(String::new, |(id, _)| (*id).to_owned()),
            ));
        }
        Ok((status, output)) => {
            let complaint = answer::complaint(&output);
            let absent = ["not been booted with systemd", "connect to bus"];
            if !absent.iter().any(|words| complaint.contains(words)) {
                return Err(Fault::new(
                    FaultKind::Protocol,
                    format!("systemctl ended with status {status}: {complaint}"),
                ));
            }
        }
        Err(fault) if fault.kind == FaultKind::Missing => {}
        Err(fault) => return Err(fault),
    }
    match ask(context, PROCESSES).await {
        Ok((0, _)) => Ok(Some("cron".to_owned())),
        Ok((1, output)) if answer::stderr(&output).is_empty() => Ok(Some(String::new())),
        Ok(_) => Ok(None),
        Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
        Err(fault) => Err(fault),
    }
}
