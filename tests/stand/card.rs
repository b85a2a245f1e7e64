//! What a run came to.

use std::collections::BTreeMap;
use std::fmt::Write;

use regex::Regex;
use serde_json::Value;

/// The card of a run.
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) json: Value,
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Card {
    pub(super) fn new(code: Option<i32>, stdout: &str, stderr: String) -> Self {
        let json = serde_json::from_str(stdout)
            .unwrap_or_else(|error| panic!("{error}: {code:?} {stdout}{stderr}"));
        Self { json, code, stderr }
    }

    /// GREEN, DEGRADED, BLOCKED or CHECK_FAILED.
    pub(crate) fn result(&self) -> &str {
        self.json["result"].as_str().expect("a result")
    }

    fn checks(&self) -> impl Iterator<Item = &Value> {
        let phases = self.json["phases"].as_array().expect("phases");
        phases
            .iter()
            .flat_map(|phase| phase["checks"].as_array().expect("checks"))
    }

    /// The check with that id, as it is on the card.
    pub(crate) fn check(&self, id: &str) -> &Value {
        self.checks()
            .find(|check| check["id"] == id)
            .unwrap_or_else(|| {
                let ids: Vec<&str> = self
                    .checks()
                    .filter_map(|check| check["id"].as_str())
                    .collect();
                panic!("no check {id}: {ids:?}")
            })
    }

    pub(crate) fn verdict(&self, id: &str) -> &str {
        self.check(id)["verdict"].as_str().expect("a verdict")
    }

    /// A fact of a check; null when it was not told.
    pub(crate) fn fact(&self, id: &str, name: &str) -> &Value {
        &self.check(id)["facts"][name]
    }

    /// Everything that the card says about why a check did not pass: its fault with the hint,
    /// the expectations that do not hold and what was seen, and the facts, one a line.
    pub(crate) fn why(&self, id: &str) -> String {
        let check = self.check(id);
        let mut why = String::new();
        let fault = &check["fault"];
        for part in [&fault["kind"], &fault["seen"], &fault["hint"]] {
            if let Some(text) = part.as_str() {
                let _ = writeln!(why, "{text}");
            }
        }
        for finding in check["findings"].as_array().into_iter().flatten() {
            if finding["held"] != true {
                let _ = writeln!(why, "{}: {}", finding["expected"], finding["seen"]);
            }
        }
        for (name, value) in check["facts"].as_object().into_iter().flatten() {
            let _ = writeln!(why, "{name} = {value}");
        }
        why
    }

    /// The remedy and the runbook of a check.
    pub(crate) fn remedy(&self, id: &str) -> String {
        let check = self.check(id);
        let parts =
            [&check["remedy"], &check["runbook"]].map(|part| part.as_str().unwrap_or_default());
        parts.join("\n")
    }

    /// The verdicts of all that did not pass, but for what a blocked gate or check held back,
    /// and what `--only` left out.
    pub(crate) fn bad(&self) -> BTreeMap<&str, &str> {
        let all = self.checks().map(|check| {
            let text = |name: &str| check[name].as_str().expect("a text");
            (text("id"), text("verdict"))
        });
        // Left out are those that `--only` or `--skip` leaves out.
        let well = ["PASS", "NOT_EVALUATED", "SKIPPED"];
        all.filter(|(_, verdict)| !well.contains(verdict)).collect()
    }

    /// This check has that verdict, with these words in its reason and in its remedy.
    #[track_caller]
    pub(crate) fn says(&self, id: &str, verdict: &str, why: &str, remedy: &str) {
        assert_eq!(self.verdict(id), verdict, "{id}\n{}", self.told());
        assert!(self.why(id).contains(why), "{id} {why}\n{}", self.told());
        assert!(
            self.remedy(id).contains(remedy),
            "{id} {remedy}\n{}",
            self.told()
        );
    }

    /// Exactly these checks are not PASS, each with its verdict, words of its reason and of
    /// its remedy.
    #[track_caller]
    pub(crate) fn says_all(&self, expected: &[Bad]) {
        let wanted = expected
            .iter()
            .map(|(id, verdict, ..)| (id.as_str(), *verdict));
        assert_eq!(self.bad(), wanted.collect(), "{}", self.told());
        for (id, verdict, why, remedy) in expected {
            self.says(id, verdict, why, remedy);
        }
    }

    /// Every check passes, but for those that `--only` or `--skip` leaves out.
    #[track_caller]
    pub(crate) fn all_green(&self) -> &Self {
        let other = self
            .checks()
            .filter(|check| check["verdict"] != "PASS" && check["verdict"] != "SKIPPED")
            .count();
        assert!(
            other == 0 && self.result() == "GREEN" && self.code == Some(0),
            "{}",
            self.told()
        );
        self
    }

    /// Exactly these checks are looked at and not PASS.
    #[track_caller]
    pub(crate) fn only_bad<const N: usize>(&self, ids: [&str; N]) -> &Self {
        let bad: Vec<&str> = self.bad().into_keys().collect();
        let mut expected = ids.to_vec();
        expected.sort_unstable();
        assert_eq!(bad, expected, "{}", self.told());
        self
    }

    /// Exactly this check is not PASS, it is BLOCKED, and the card has these words in
    /// its reason and in its remedy.
    #[track_caller]
    pub(crate) fn blocked(&self, id: &str, why: &str, remedy: &str) -> &Self {
        self.only("BLOCKED", id, why, remedy)
    }

    /// The same with WARN.
    #[track_caller]
    pub(crate) fn warned(&self, id: &str, why: &str, remedy: &str) -> &Self {
        self.only("WARN", id, why, remedy)
    }

    #[track_caller]
    fn only(&self, verdict: &str, id: &str, why: &str, remedy: &str) -> &Self {
        self.only_bad([id]);
        assert_eq!(self.verdict(id), verdict, "{}", self.told());
        assert!(
            self.why(id).contains(why),
            "no {why:?} in the reason\n{}",
            self.told()
        );
        assert!(
            self.remedy(id).contains(remedy),
            "no {remedy:?} in the remedy\n{}",
            self.told()
        );
        self
    }

    /// What did not pass, and why: for the message of a test that fails.
    pub(crate) fn told(&self) -> String {
        let mut told = format!("{} (exit {:?})\n", self.result(), self.code);
        if let Some(failure) = self.json["failure"].as_str() {
            let _ = writeln!(told, "{failure}");
        }
        let not_well = |check: &&Value| check["verdict"] != "PASS" && check["verdict"] != "SKIPPED";
        for check in self.checks().filter(not_well) {
            let id = check["id"].as_str().expect("an id");
            let why = self.why(id).trim_end().replace('\n', "\n    ");
            let _ = writeln!(
                told,
                "{} {id} (held by {})\n    {why}\n    remedy {}",
                check["verdict"],
                check["held_by"],
                self.remedy(id).trim()
            );
        }
        told + &self.stderr
    }
}

/// A text card without times, spans, ports and boots.
pub(super) fn steady(card: &str) -> String {
    let filters = [
        (r"coldstart \d+\.\d+\.\d+", "coldstart [version]"),
        (
            r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?[+-]\d\d:\d\d|Z| UTC)?",
            "[time]",
        ),
        (r"\b\d{8}\b", "[date]"),
        (r"\b\d{4}-\d\d-\d\d\b", "[date]"),
        (r"(checks?) in [\d.]+ m?s\n", "$1 in [elapsed]\n"),
        (r"(blocked) +[\d.]+ m?s", "$1  [elapsed]"),
        (r"(attempts) in [\d.]+ m?s", "$1 in [elapsed]"),
    ];
    filters
        .iter()
        .fold(card.to_owned(), |text, (pattern, with)| {
            Regex::new(pattern)
                .expect("a pattern")
                .replace_all(&text, *with)
                .into_owned()
        })
}

/// A check that did not pass: its id, its verdict, words of its reason and of its remedy.
pub(crate) type Bad = (String, &'static str, String, String);

pub(crate) fn blocked(id: &str, why: impl Into<String>, remedy: impl Into<String>) -> Bad {
    (id.to_owned(), "BLOCKED", why.into(), remedy.into())
}

pub(crate) fn warned(id: &str, why: impl Into<String>, remedy: impl Into<String>) -> Bad {
    (id.to_owned(), "WARN", why.into(), remedy.into())
}
