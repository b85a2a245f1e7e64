//! `check --watch` while the room comes back.

use super::FULL_STACK;
use super::stage::Lab;

/// Not the order of the baseline: what the others rest on comes last.
const WRONG_ORDER: [&str; 4] = ["k3s121", "k3s120", "ops110", "data188"];

/// Every host is powered off; they are powered on one after the other, each when
/// an attempt has told what it saw of the one before.
#[test]
fn a_watch_goes_by_itself_from_dark_to_green() {
    let lab = Lab::take();
    let _dark: Vec<_> = WRONG_ORDER
        .iter()
        .map(|host| lab.fault(&["cut", host], &["poweron", host]))
        .collect();
    let mut off = WRONG_ORDER.iter();
    let arguments = [
        "check",
        "--baseline",
        FULL_STACK,
        "--send-alert-test",
        "--watch",
        "--interval",
        "1s",
        "--max-attempts",
        "60",
    ];
    let run = lab.coldstart_told(&arguments, &mut |line| {
        if line.starts_with("attempt ")
            && let Some(host) = off.next()
        {
            lab.bring(&["poweron", host]);
        }
    });
    assert_eq!(run.status, Some(0), "{run}");
    assert_eq!(run.stdout.matches("Result: GREEN").count(), 1, "{run}");
    let attempts: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("attempt "))
        .collect();
    let (last, before) = attempts.split_last().expect("an attempt");
    assert!(last.contains(" GREEN PASS="), "{run}");
    // With every host dark it may as well be the operator's own cable.
    let own = " BLOCKED by this machine's own network: nothing beyond it answers";
    assert!(before[0].contains(own), "{run}");
    // From the first sign of life on, it is the one that is off, the network's gate
    // first: whatever else is off, data188 comes before it.
    let lit = before.iter().position(|line| !line.contains(own));
    let lit = lit.expect("a sign of life");
    assert!(before[lit].contains(" BLOCKED at P0-NETWORK "), "{run}");
    // When so many attempts have told, data188 comes back as well: from then on what
    // rests on it may for a moment be the first.
    for line in before.iter().take(WRONG_ORDER.len()).skip(lit) {
        let first = line.contains(" BLOCKED at P0-") && line.contains("@data188 first)");
        // A host that is still starting may drop a connection it has just taken.
        let dropped = line.contains(" CHECK_FAILED (data188 rebooted (or its connection was lost)");
        assert!(first || dropped, "{line}: {run}");
    }
    let rises = run.stderr.contains(" P0-NETWORK BLOCKED → GREEN");
    assert!(rises, "{run}");
}
