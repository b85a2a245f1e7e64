use std::path::Path;

use rstest::rstest;

use super::*;
use crate::baseline::{Diagnostics, Files, load};
use crate::plan;

const BASELINE: &str = r#"
version: 1
name: homelab
hosts:
  truenas: { address: 192.0.2.1 }
coverage:
  layers:
    snapshot: { title: ZFS }
    application: { title: App }
    offsite: { title: Offsite }
  services:
    postgresql:
      title: PostgreSQL (12 DBs)
      snapshot: { proven_by: zfs-daily, max_loss: 24h }
      application: { proven_by: [postgresql-dump@truenas], max_loss: 25h }
      offsite: { proven_by: [incremental-sync, postgresql-dump], bounded_by: incremental-sync, max_loss: 6h30m }
    prometheus:
      title: 監控指標資料庫
      snapshot: { proven_by: zfs-daily, max_loss: 12h }
      offsite: { excluded: "too large | can be made again", by: ogt, until: 2099-12-31 }
    immich:
      application: { not_needed: simple files }
      offsite: { proven_by: full-sync, max_loss: 1w }
phases:
  BACKUPS:
    checks:
      zfs-daily:
        on: truenas
        file: { path: /mnt/main/last }
        fresh: { time: modified, within: 24h }
      postgresql-dump:
        on: truenas
        file: { path: /mnt/main/dump }
        fresh: { time: modified, every: "0 0 * * *", zone: UTC }
      incremental-sync:
        on: truenas
        file: { path: /mnt/main/sync }
        fresh: { time: modified, every: "0 */6 * * *", zone: Europe/Berlin, grace: 30m }
      full-sync:
        on: truenas
        file: { path: /mnt/main/full }
  COVERAGE:
    needs: [BACKUPS]
    checks:
      covered: { coverage: {} }
"#;

struct One(String);

impl Files for One {
    fn read(&self, _: &Path, _: usize) -> std::io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

fn planned(text: &str) -> Coverage {
    let loaded = load("homelab.yml", &One(text.to_owned()), &[]);
    let told = loaded.diagnostics.render(&loaded.sources, false, 100);
    let baseline = loaded.baseline.unwrap_or_else(|| panic!("{told}"));
    let mut diagnostics = Diagnostics::default();
    let plan = plan::build(&baseline, &loaded.sources, &mut diagnostics);
    let told = diagnostics.render(&loaded.sources, false, 100);
    let plan = plan.unwrap_or_else(|| panic!("{told}"));
    let teller = plan.check("covered").expect("a check");
    assert_eq!(teller.awaits, [0, 1, 2, 3]);
    plan.coverage.expect("a table")
}

fn now() -> Timestamp {
    "2026-06-13T04:00:00Z".parse().expect("a time")
}

/// The run of a schedule may be absent until its grace is over, and of several checks
/// the one that allows the most counts, unless others are said to bound the loss.
#[rstest]
#[case::as_promised("", "", "covered")]
#[case::without_the_grace("max_loss: 6h30m", "max_loss: 6h29m", "weaker")]
#[case::all_of_them("bounded_by: incremental-sync, ", "", "weaker")]
#[case::two_of_them(
    "bounded_by: incremental-sync",
    "bounded_by: [incremental-sync, postgresql-dump]",
    "weaker"
)]
fn what_bounds_a_loss(#[case] written: &str, #[case] instead: &str, #[case] state: &str) {
    let text = BASELINE.replacen(written, instead, 1);
    let document = document(&planned(&text), now());
    assert_eq!(document["services"][0]["cells"][2]["state"], state);
}

#[rstest]
#[case::usual(80)]
#[case::narrow(44)]
#[case::too_narrow(32)]
fn a_table_in_a_terminal(#[case] width: usize) {
    let page = text(&planned(BASELINE), now(), false, width);
    insta::assert_snapshot!(format!("text_{width}"), page);
    for line in page.lines() {
        assert!(line.width() <= width, "{line:?} is wider than {width}");
    }
}

#[test]
fn colours_change_nothing_else() {
    let coverage = planned(BASELINE);
    let colored = text(&coverage, now(), true, 80);
    assert!(colored.contains("\u{1b}["));
    let plain = anstream::adapter::strip_str(&colored).to_string();
    assert_eq!(plain, text(&coverage, now(), false, 80));
}

#[test]
fn as_markdown_and_json() {
    let coverage = planned(BASELINE);
    insta::assert_snapshot!("markdown", markdown(&coverage, now()));
    insta::assert_snapshot!("json", format!("{:#}", document(&coverage, now())));
}
