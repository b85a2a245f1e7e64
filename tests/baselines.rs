//! The shipped baselines: they can be planned, the plans are what was meant,
//! and nobody who reads one of their checks at night is left without a next step.

use std::collections::BTreeMap;
use std::fmt::Write;

use coldstart::baseline::{Disk, Guardrail, Loaded, load};
use coldstart::plan::{Level, Plan, build};
use rstest::rstest;

fn planned(name: &str) -> Plan {
    planned_of(name, load(&format!("baselines/{name}.yml"), &Disk, &[]))
}

fn planned_of(name: &str, mut loaded: Loaded) -> Plan {
    let mut diagnostics = std::mem::take(&mut loaded.diagnostics);
    let plan = loaded
        .baseline
        .as_ref()
        .and_then(|baseline| build(baseline, &loaded.sources, &mut diagnostics));
    let text = diagnostics.render(&loaded.sources, false, 100);
    assert_eq!(text, "", "{name} has problems:\n{text}");
    plan.unwrap_or_else(|| panic!("{name} gives no plan"))
}

/// All that decides what a run does and says, in the order of the run.
fn shown(plan: &Plan) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes all");
    for phase in &plan.phases {
        let needs: Vec<&str> = phase
            .needs
            .iter()
            .map(|&need| plan.phases[need].id.as_str())
            .collect();
        line(format!("# {} needs [{}]", phase.id, needs.join(", ")));
        for check in &plan.checks[phase.checks.clone()] {
            let after: Vec<&str> = check
                .after
                .iter()
                .map(|&after| plan.checks[after].id.as_str())
                .collect();
            let advisory = if check.advisory { ", advisory" } else { "" };
            line(String::new());
            line(format!("{} ({}{advisory})", check.id, check.kind));
            line(format!("  {}", check.title));
            if !after.is_empty() {
                line(format!("  after    {}", after.join(", ")));
            }
            let time = (check.target.connect_timeout, check.target.timeout);
            line(format!("  within   {:?} and {:?}", time.0, time.1));
            for expectation in &check.expectations {
                let level = match expectation.level {
                    Level::Require => "require",
                    Level::Prefer => "prefer ",
                };
                line(format!("  {level}  {}", expectation.source));
            }
            let via = check.target.via.as_deref();
            let from = via.map_or(String::new(), |host| format!(" via {}", host.id));
            for request in check.requests(&plan.policy) {
                line(format!(
                    "  sends    {}{from}: {}",
                    request.protocol, request.text
                ));
            }
        }
        line(String::new());
    }
    text
}

#[rstest]
#[case("backup-dr")]
#[case("factory-backup")]
#[case("homelab-three-layers")]
#[case("full-stack-cold-start")]
#[case("ns8-backup")]
#[case("this-machine")]
fn the_plan_is_the_one_that_was_meant(#[case] name: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("baselines");
    // A Mac reads its kernel by other means.
    if cfg!(target_os = "macos") && name == "this-machine" {
        return;
    }
    settings.bind(|| insta::assert_snapshot!(name, shown(&planned(name))));
}

#[rstest]
#[case("backup-dr")]
#[case("factory-backup")]
#[case("homelab-three-layers")]
#[case("full-stack-cold-start")]
#[case("ns8-backup")]
#[case("this-machine")]
fn every_check_has_a_statement_and_a_next_step(#[case] name: &str) {
    let plan = planned(name);
    let mut titles: BTreeMap<(&str, Option<&str>), &str> = BTreeMap::new();
    for check in &plan.checks {
        let kind = coldstart::probe::find(check.kind).expect("a kind");
        assert_ne!(
            check.title, kind.summary,
            "{} has no title of its own",
            check.id
        );
        // What an operator has to write as a command is a kind that we failed to build.
        assert_ne!(check.kind, "command", "{}", check.id);
        assert!(!check.title.ends_with('.'), "{}", check.id);
        assert!(!check.title.contains("${"), "{}", check.title);
        let remedy = check.remedy.as_deref().unwrap_or_default();
        assert!(!remedy.contains("${"), "{}: {remedy}", check.id);
        assert!(!remedy.is_empty(), "{} has no remedy", check.id);
        let other = titles.insert((&check.title, check.host()), &check.id);
        assert_eq!(other, None, "{} has another's title", check.id);
    }
}

/// The phases of §1.2, each needing what the graph of §1.1 says, in its order.
#[test]
fn the_full_stack_has_the_runbooks_phases() {
    let plan = planned("full-stack-cold-start");
    let phases: Vec<(&str, usize, Vec<usize>)> = plan
        .phases
        .iter()
        .map(|phase| (phase.id.as_str(), phase.checks.len(), phase.needs.clone()))
        .collect();
    assert_eq!(
        phases,
        [
            ("P0-NETWORK", 16, vec![]),
            ("P0-188-DATA", 23, vec![0]),
            ("P0-110-REGISTRY-OBSERVABILITY", 23, vec![0]),
            ("P1-K3S", 18, vec![1, 2]),
            ("P2-WORKLOAD-ALERTCHAIN", 9, vec![3]),
            ("P2-PUBLIC-ROUTES", 11, vec![4]),
            ("P2-SCHEDULES", 19, vec![5]),
        ]
    );
}

/// §13.4: what each gate looks at, and what it holds back. One with `?` can only warn,
/// which holds releases: §14 lets `SignOz` and Sentry drain their backlog, a drill may be
/// paused, quotas concern the runners alone, and where SSH lets us in, a ping that is
/// swallowed is no reason to stop.
#[rstest]
#[case("P0-NETWORK", &["?ping", "arp", "ssh"], &["P0-188-DATA", "P0-110-REGISTRY-OBSERVABILITY", "P1-K3S", "P2-WORKLOAD-ALERTCHAIN", "P2-PUBLIC-ROUTES", "P2-SCHEDULES"])]
#[case("P0-188-DATA", &["postgres", "redis", "momo", "?signoz"], &["P1-K3S", "P2-WORKLOAD-ALERTCHAIN", "P2-PUBLIC-ROUTES"])]
#[case("P0-110-REGISTRY-OBSERVABILITY", &["harbor", "gitea", "prometheus", "alertmanager", "?sentry", "?runner-limits"], &["P1-K3S", "P2-WORKLOAD-ALERTCHAIN"])]
#[case("P1-K3S", &["k3s-server", "k3s-agent", "vip", "nodes", "core-pods", "pods"], &["P2-WORKLOAD-ALERTCHAIN"])]
#[case("P2-WORKLOAD-ALERTCHAIN", &["api", "web", "alerts-to-webhook"], &["P2-PUBLIC-ROUTES"])]
#[case("P2-PUBLIC-ROUTES", &["public-awoooi", "public-mo"], &["P2-SCHEDULES"])]
#[case("P2-SCHEDULES", &["cron", "cronjobs", "backup-188", "stats-exporter-188", "?drill-121"], &[])]
fn every_gate_of_the_runbook_is_there_and_holds_what_it_says(
    #[case] gate: &str,
    #[case] looks_at: &[&str],
    #[case] holds: &[&str],
) {
    let plan = planned("full-stack-cold-start");
    let place = |id: &str| {
        let found = plan.phases.iter().position(|phase| phase.id == id);
        found.unwrap_or_else(|| panic!("no phase {id}"))
    };
    let gate = place(gate);
    for id in looks_at {
        let warns = id.starts_with('?');
        let mut of = plan.phases[gate].checks.clone();
        let blocks = of.any(|check| {
            let check = &plan.checks[check];
            check.id.split('@').next() == Some(id.trim_start_matches('?'))
                && check.advisory == warns
                && (warns
                    || check
                        .expectations
                        .iter()
                        .any(|expectation| expectation.level == Level::Require))
        });
        assert!(blocks, "no such check as {id}");
    }
    // In the order of phases, what a phase needs comes before it.
    let mut held = vec![false; plan.phases.len()];
    held[gate] = true;
    for (place, phase) in plan.phases.iter().enumerate() {
        held[place] |= phase.needs.iter().any(|&need| held[need]);
    }
    for id in holds {
        assert!(held[place(id)], "it does not hold {id}");
    }
    // Runners, high load and automatic repair wait for all of it.
    for release in &plan.releases {
        assert!(release.needs.contains(&gate), "{}", release.id);
    }
}

/// Who may act, as the runbook's table in §10 says it.
#[test]
fn tiers_are_the_runbooks() {
    let named = |id: &str| match id {
        // PostgreSQL's data, momo's too, and the volumes of ClickHouse and the databases.
        "disk-postgresql" | "postgresql-unit" | "postgresql-port" | "postgres" | "kine"
        | "momo-db" | "momo-parity" | "disk-volumes" => Some(Guardrail::Block),
        // Redis, Kafka, MinIO, ClickHouse.
        "redis-unit" | "redis-port" | "redis" | "minio" | "signoz" | "restarts-188"
        | "restarts-110" | "sentry-databases" | "merges-signoz" | "lag-sentry" => {
            Some(Guardrail::CriticalHitl)
        }
        // API, web and worker, OpenClaw, litellm; Harbor and Sentry without their databases.
        "harbor" | "sentry" | "litellm-route" | "playbooks" | "momo" | "openclaw" | "litellm"
        | "nodeport-api" | "nodeport-web" | "pods" | "deployments" | "endpoints" | "api"
        | "web" | "public-awoooi" | "public-mo" => Some(Guardrail::StandardHitl),
        // Stateless exporters.
        "exporters"
        | "blackbox"
        | "restart-exporter-188"
        | "stats-exporter-188"
        | "docker-exporter-110"
        | "systemd-exporter-110" => Some(Guardrail::Auto),
        _ => None,
    };
    for check in &planned("full-stack-cold-start").checks {
        let id = check.id.split('@').next().unwrap_or_default();
        assert_eq!(check.guardrail, named(id), "{}", check.id);
    }
}

#[test]
fn the_full_stack_leads_to_the_runbook() {
    for check in &planned("full-stack-cold-start").checks {
        let runbook = check.runbook.as_deref().unwrap_or_default();
        assert!(runbook.starts_with("SOP §"), "{}: {runbook:?}", check.id);
    }
}

#[test]
fn the_full_stack_needs_one_secret_and_no_leave() {
    let plan = planned("full-stack-cold-start");
    let secrets: Vec<String> = plan
        .secrets()
        .iter()
        .map(|secret| secret.value.to_string())
        .collect();
    assert_eq!(secrets, ["env:CHECKER_PGPASSWORD"]);
    for check in &plan.checks {
        let mut requests = check.requests(&plan.policy).into_iter();
        assert!(
            !requests.any(|request| request.by_extension),
            "{}",
            check.id
        );
    }
}

/// What cannot be told on a machine without systemd must not hold anything back.
#[test]
fn this_machine_is_never_blocked() {
    for check in &planned("this-machine").checks {
        assert!(check.advisory, "{}", check.id);
        assert!(
            check.host() == Some("this-machine") && check.target.via.is_none(),
            "{} leaves this machine",
            check.id
        );
    }
}

/// The README's ten lines are what a newcomer copies.
#[test]
fn the_readmes_baseline_is_one() {
    let readme = std::fs::read_to_string("README.md").expect("a README");
    let (_, after) = readme.split_once("```yaml\n").expect("a baseline in it");
    let (baseline, _) = after.split_once("```").expect("its end");
    assert_eq!(baseline.lines().count(), 10, "ten lines");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("home.yml");
    std::fs::write(&file, baseline).expect("a file");
    let plan = planned_of("README.md", load(&file.to_string_lossy(), &Disk, &[]));
    let ids: Vec<&str> = plan.checks.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(ids, ["ssh@db", "redis@db"]);
}
