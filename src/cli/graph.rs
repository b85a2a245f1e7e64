//! `coldstart graph`: the phases and releases, and what needs what.

use serde_json::json;

use super::args::{Graph, GraphFormat};
use super::exit::Exit;
use super::input;
use super::output::print;
use super::plan::needs;
use super::release;
use crate::plan::{Phase, Plan, Release};
use crate::report::{count, harmless};

pub(super) fn graph(arguments: &Graph) -> Result<Exit, Exit> {
    let input = input::input(&arguments.baseline, &arguments.display)?;
    let text = match arguments.format {
        GraphFormat::Mermaid => mermaid(&input.plan),
        GraphFormat::Dot => dot(&input.plan),
        GraphFormat::Ascii => ascii(&input.plan),
        GraphFormat::Json => format!("{:#}\n", document(&input.plan)),
    };
    Ok(print(&text, Exit::Done))
}

fn checks(phase: &Phase) -> String {
    count(phase.checks.len(), "check")
}

/// Every need as an edge from what is needed to what needs it, by place.
fn edges(plan: &Plan) -> impl Iterator<Item = (usize, usize)> {
    plan.phases
        .iter()
        .enumerate()
        .flat_map(|(later, phase)| phase.needs.iter().map(move |&need| (need, later)))
}

/// What leads to a release, by place: a gate, a check of a phase, another release.
enum Leads {
    Gate(usize),
    Check(usize, String),
    Release(usize),
}

fn leads(plan: &Plan, release: &Release) -> Vec<Leads> {
    let gates = release::nearest(plan, release).into_iter().map(Leads::Gate);
    let checks = release.require.iter().map(|wanted| {
        let phase = plan.checks[wanted.check].phase;
        Leads::Check(phase, release::condition(plan, wanted))
    });
    let releases = release.after.iter().copied().map(Leads::Release);
    gates.chain(checks).chain(releases).collect()
}

/// Ids may hold what Mermaid gives a meaning, so nodes have numbers.
fn mermaid(plan: &Plan) -> String {
    let mut text = "flowchart TD\n".to_owned();
    let escape = |label: &str| {
        harmless(label)
            .replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    for (place, phase) in plan.phases.iter().enumerate() {
        let title = phase
            .title
            .as_deref()
            .map(|title| format!("<br/>{}", escape(title)))
            .unwrap_or_default();
        text += &format!(
            "    p{place}[\"{}{title}<br/>{}\"]\n",
            escape(&phase.id),
            checks(phase)
        );
    }
    for (need, later) in edges(plan) {
        text += &format!("    p{need} --> p{later}\n");
    }
    for (place, release) in plan.releases.iter().enumerate() {
        let title = release
            .title
            .as_deref()
            .map(|title| format!("<br/>{}", escape(title)))
            .unwrap_or_default();
        text += &format!("    r{place}([\"{}{title}\"])\n", escape(&release.id));
        for lead in leads(plan, release) {
            text += &match lead {
                Leads::Gate(phase) => format!("    p{phase} -.-> r{place}\n"),
                Leads::Check(phase, check) => {
                    format!("    p{phase} -. \"{}\" .-> r{place}\n", escape(&check))
                }
                Leads::Release(before) => format!("    r{before} -.-> r{place}\n"),
            };
        }
    }
    text
}

fn dot(plan: &Plan) -> String {
    let quote = |label: &str| harmless(label).replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = format!(
        "digraph \"{}\" {{\n    rankdir=TB;\n    node [shape=box];\n",
        quote(&plan.name)
    );
    for (place, phase) in plan.phases.iter().enumerate() {
        let title = phase
            .title
            .as_deref()
            .map(|title| format!("\\n{}", quote(title)))
            .unwrap_or_default();
        text += &format!(
            "    p{place} [label=\"{}{title}\\n{}\"];\n",
            quote(&phase.id),
            checks(phase)
        );
    }
    for (need, later) in edges(plan) {
        text += &format!("    p{need} -> p{later};\n");
    }
    for (place, release) in plan.releases.iter().enumerate() {
        let title = release
            .title
            .as_deref()
            .map(|title| format!("\\n{}", quote(title)))
            .unwrap_or_default();
        text += &format!(
            "    r{place} [shape=ellipse, label=\"{}{title}\"];\n",
            quote(&release.id)
        );
        for lead in leads(plan, release) {
            text += &match lead {
                Leads::Gate(phase) => format!("    p{phase} -> r{place} [style=dashed];\n"),
                Leads::Check(phase, check) => format!(
                    "    p{phase} -> r{place} [style=dashed, label=\"{}\"];\n",
                    quote(&check)
                ),
                Leads::Release(before) => format!("    r{before} -> r{place} [style=dashed];\n"),
            };
        }
    }
    text + "}\n"
}

/// One line a phase, in the order of the run, indented by the longest way to it;
/// below them one a release, in brackets.
fn ascii(plan: &Plan) -> String {
    let mut depth = vec![0; plan.phases.len()];
    let mut text = String::new();
    for (place, phase) in plan.phases.iter().enumerate() {
        depth[place] = phase
            .needs
            .iter()
            .map(|&need| depth[need] + 1)
            .max()
            .unwrap_or(0);
        let indent = "   ".repeat(depth[place]);
        let arrow = if phase.needs.is_empty() { "" } else { "`- " };
        let needs = match needs(plan, phase).as_slice() {
            [] => String::new(),
            needs => format!("  needs {}", needs.join(", ")),
        };
        let line = format!(
            "{}{arrow}{}  ({}){needs}",
            indent.strip_prefix("   ").unwrap_or(&indent),
            phase.id,
            checks(phase)
        );
        text += &harmless(&line);
        text.push('\n');
    }
    for release in &plan.releases {
        let waits: Vec<String> = leads(plan, release)
            .into_iter()
            .map(|lead| match lead {
                Leads::Gate(phase) => plan.phases[phase].id.clone(),
                Leads::Check(_, check) => check,
                Leads::Release(before) => format!("[{}]", plan.releases[before].id),
            })
            .collect();
        let needs = if waits.is_empty() {
            String::new()
        } else {
            format!("  needs {}", waits.join(", "))
        };
        text += &harmless(&format!("[{}]{needs}", release.id));
        text.push('\n');
    }
    text
}

fn document(plan: &Plan) -> serde_json::Value {
    json!({
        "schema_version": 1,
        "name": plan.name,
        "nodes": plan.phases.iter().map(|phase| json!({
            "id": phase.id,
            "title": phase.title,
            "checks": phase.checks.clone().map(|place| plan.checks[place].id.as_str()).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "edges": edges(plan).map(|(need, later)| json!({
            "from": plan.phases[need].id,
            "to": plan.phases[later].id,
        })).collect::<Vec<_>>(),
        "releases": plan
            .releases
            .iter()
            .map(|release| release::document(plan, release))
            .collect::<Vec<_>>(),
    })
}
