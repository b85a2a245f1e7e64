//! One fault and the run that meets it: what has to hold of every such run, and
//! the card on record, from which `docs/faults.md` is made.

use std::time::{Duration, Instant};

use regex::Regex;
use serde_json::Value;

use super::card;
use super::stage::{Lab, Run, Running, Sent};

/// How long a run may take to come to the point where a case steps in.
const PATIENCE: Duration = Duration::from_secs(60);

/// The widest that the program writes. Where it wraps depends on how wide the
/// times are that are blotted out, so that is undone, and done again after.
const WIDE: usize = 140;

/// What the card has to say of a fault.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// The program's exit code.
    pub(super) status: i32,
    /// The checks that are roots, the one to fix first before the others.
    pub(super) roots: &'static [&'static str],
    /// Stands in what the first root saw.
    pub(super) cause: &'static str,
    /// Stands on the card, as the next step.
    pub(super) next: &'static str,
}

/// A run of a baseline of the matrix.
pub(super) struct Story<'l> {
    lab: &'l Lab,
    name: &'static str,
    baseline: &'static str,
    /// A file of the lab's state that is a secret's or an authority's, and the like.
    replacements: Vec<(Regex, &'static str)>,
}

impl<'l> Story<'l> {
    /// The fault `name`, met by `cases/baselines/BASELINE.yml`.
    pub(super) fn new(lab: &'l Lab, name: &'static str, baseline: &'static str) -> Self {
        Self {
            lab,
            name,
            baseline,
            replacements: Vec::new(),
        }
    }

    /// Blots out what differs from run to run in this fault alone.
    pub(super) fn without(mut self, pattern: &str, with: &'static str) -> Self {
        let pattern = Regex::new(pattern).expect("a pattern");
        self.replacements.push((pattern, with));
        self
    }

    /// Runs it and compares.
    pub(super) fn meets(self, expected: Expected) {
        self.meets_during(expected, "", || {});
    }

    /// Runs it, does `step` as soon as the audit has `sent`, and compares.
    ///
    /// The program runs twice at the same time, since it prints one card: as text
    /// for the person, as JSON for what is asserted besides.
    pub(super) fn meets_during(self, expected: Expected, sent: &str, step: impl FnOnce()) {
        let file = format!("tests/lab/cases/baselines/{}.yml", self.baseline);
        let before = self.lab.behind();
        let (text, json, audit) = self.run(&file, sent, step);
        let card = json.json();

        assert_eq!(text.status, Some(expected.status), "{text}");
        assert_eq!(json.status, Some(expected.status), "{json}");
        self.has_roots(&card, expected, &text);
        Self::has_bounds(&self.plan(&file), &card, &json);
        Self::kept_to_its_gates(&card, &audit);
        if gate_is_shut(&card) {
            assert_eq!(self.lab.behind(), before, "the servers' own logs");
        }
        let mut shown = card::text(&card::unwrapped(&text.stdout, WIDE));
        for (pattern, with) in &self.replacements {
            shown = pattern.replace_all(&shown, *with).into_owned();
        }
        self.is_on_record(&card::wrapped(&card::counted(&shown), 80));
    }

    /// Both runs, and what the audits of both say.
    fn run(&self, file: &str, sent: &str, step: impl FnOnce()) -> (Run, Run, Vec<Sent>) {
        let runs = [&[][..], &["--json"]].map(|more| {
            let mut arguments = vec!["check", "--baseline", file];
            arguments.extend(more);
            self.lab.start(&arguments, &WIDE.to_string())
        });
        if !sent.is_empty() {
            let since = Instant::now();
            while !runs.iter().all(|run| run.has_sent(sent)) {
                assert!(
                    since.elapsed() < PATIENCE,
                    "{}: {sent} was never sent",
                    self.name
                );
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        step();
        let [(text, mut audit), (json, more)] = runs.map(Running::finish);
        audit.extend(more);
        (text, json, audit)
    }

    /// The plan, for what each check may take.
    fn plan(&self, file: &str) -> Value {
        self.lab
            .coldstart(&["plan", "--baseline", file, "--json"])
            .json()
    }

    /// Right root, right cause, right next step; and no GREEN that is none.
    fn has_roots(&self, card: &Value, expected: Expected, text: &Run) {
        let roots: Vec<&str> = items(&card["roots"])
            .map(|root| word(&root["check"]))
            .collect();
        let mut wanted = expected.roots.to_vec();
        if let Some(first) = wanted.first() {
            assert_eq!(card["first_blocked"]["check"], *first, "{text}");
        }
        // In plan order, whichever is to be fixed first.
        wanted.sort_by_key(|id| checks(card).position(|check| check["id"] == *id));
        assert_eq!(roots, wanted, "{text}");
        let told = unwrapped(&text.stdout);
        assert!(told.contains(expected.cause), "{}: {text}", expected.cause);
        assert!(told.contains(expected.next), "{}: {text}", expected.next);
        if expected.status == 0 {
            return;
        }
        assert_ne!(card["result"], "GREEN", "{text}");
        for root in expected.roots {
            let check = checks(card)
                .find(|check| check["id"] == *root)
                .expect("a root");
            assert_eq!(check["verdict"], "BLOCKED", "{text}");
        }
    }

    /// The one place that asserts how long something takes: connect timeout, one
    /// probe timeout for each attempt, and a second. It goes by the card's own
    /// account of each check, so that a machine which is slow to start the program
    /// does not count.
    ///
    /// The run as a whole takes no longer than its checks one after another.
    fn has_bounds(plan: &Value, card: &Value, run: &Run) {
        let mut whole = 0.0;
        for planned in checks(plan) {
            let check = checks(card)
                .find(|check| check["id"] == planned["id"])
                .expect("planned");
            let of = |name: &str| planned[name].as_f64().expect("a number");
            let attempts = check["attempts"].as_f64().expect("a number");
            let limit = of("connect_timeout_ms") + of("timeout_ms") * attempts.max(1.0) + 1000.0;
            let elapsed = check["elapsed_ms"].as_f64().expect("a number");
            assert!(
                elapsed <= limit,
                "{}: {elapsed} ms of {limit} ms: {run}",
                planned["id"]
            );
            whole += limit;
        }
        let at = |name: &str| {
            let time = word(&card[name]).parse::<jiff::Timestamp>();
            time.expect("a time").as_millisecond()
        };
        let took = at("finished_at") - at("started_at");
        assert!(took as f64 <= whole, "{took} ms of {whole} ms: {run}");
    }

    /// Nothing was sent for a check that a gate or another check held back.
    fn kept_to_its_gates(card: &Value, audit: &[Sent]) {
        assert!(!audit.is_empty());
        for line in audit {
            let check = checks(card)
                .find(|check| check["id"] == *line.check)
                .expect("a check");
            assert_ne!(check["verdict"], "NOT_EVALUATED", "{line:?}");
        }
    }

    fn is_on_record(&self, card: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("faults");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(self.name, card));
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

fn checks(card: &Value) -> impl Iterator<Item = &Value> {
    items(&card["phases"]).flat_map(|phase| items(&phase["checks"]))
}

fn word(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn gate_is_shut(card: &Value) -> bool {
    items(&card["phases"]).any(|phase| phase["id"] == "P0-GATE" && phase["gate"] == "BLOCKED")
}

/// A card without its line ends: what wraps where is for the snapshot to say.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
