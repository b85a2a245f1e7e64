//! `baselines/full-stack-cold-start.yml` on the stand: whom Alertmanager sends to ("SOP §8"), which
//! its API does not tell.
#![cfg(target_os = "linux")]

#[path = "stand/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod stand;

use stand::Stand;
use stand::card::Card;

const CONFIG: &str = "/etc/prometheus/alertmanager.yml";
const ID: &str = "alerts-to-webhook@ops110";

#[track_caller]
fn blocked(card: &Card, why: &str, remedy: &str) {
    assert_eq!(card.verdict(ID), "BLOCKED", "{}", card.told());
    assert!(card.why(ID).contains(why), "{}", card.told());
    assert!(card.remedy(ID).contains(remedy), "{}", card.told());
}

#[test]
fn alertmanager_sends_to_the_vip() {
    let Some(mut stand) = Stand::of("full-stack-cold-start", &[]) else {
        return;
    };
    stand.env("CHECKER_PGPASSWORD", "checker");
    // What the gates before it hold is not on this stand.
    let looks = || {
        stand.check_with(&[
            "--only",
            "alerts-to-webhook",
            "--keep-going",
            "--deadline",
            "60s",
        ])
    };
    let ops = stand.host("ops110");
    let sends = |url: &str| {
        let receivers =
            "  - name: other\n    webhook_configs:\n      - url: http://127.0.0.1/correct-horse\n";
        ops.write(
            CONFIG,
            format!(
                "route: {{ receiver: awoooi }}\nreceivers:\n{receivers}  - name: awoooi\n    webhook_configs:\n      {url}\n"
            ),
        );
        let card = looks();
        // Nothing of the other receivers is told.
        assert!(!card.json.to_string().contains("correct-horse"), "{url}");
        card
    };
    let path = "32334/api/v1/webhooks/alertmanager";
    let card = sends(&format!("- url: http://192.168.0.125:{path}"));
    assert_eq!(card.verdict(ID), "PASS", "{}", card.told());
    // Older targets name a node; and one that is commented out is none.
    for url in [
        format!("- url: http://192.168.0.120:{path}"),
        format!("# - url: http://192.168.0.125:{path}"),
    ] {
        blocked(&sends(&url), "lines", "the main path is the VIP");
    }
    ops.remove(CONFIG);
    blocked(&looks(), "exists = false", "set alertmanager_config");
}
