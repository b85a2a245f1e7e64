//! State in files of its own, with clocks that stand where the test wants.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;

use super::{Extent, Location, State};
use crate::report::fixture::{self, Script, check};
use crate::scorecard::{Course, Gate, Scorecard, Verdict};

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// Seconds after the moment that fixtures begin at.
fn at(seconds: i64) -> Timestamp {
    let begin = fixture::green().card().started_at;
    begin + SignedDuration::from_secs(seconds)
}

fn clock() -> Timestamp {
    at(NOW.get())
}

fn set_clock(seconds: i64) {
    NOW.set(seconds);
}

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("below/state.db")
    }

    fn open(&self) -> State {
        State::open_with_clock(&Location::File(self.path()), clock).expect("a state")
    }

    fn problem(&self) -> String {
        State::open_with_clock(&Location::File(self.path()), clock)
            .expect_err("a problem")
            .to_string()
    }

    fn write(&self, content: &[u8]) {
        fs::create_dir_all(self.folder.path().join("below")).expect("a folder");
        fs::write(self.path(), content).expect("a file");
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("below")).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// A card whose checks were all looked at `seconds` after the beginning.
fn card(script: &Script, seconds: i64) -> Scorecard {
    let mut card = script.card();
    card.started_at = at(seconds - 1);
    card.finished_at = at(seconds);
    for check in card.phases.iter_mut().flat_map(|phase| &mut phase.checks) {
        check.observed_at = check.observed_at.map(|_| at(seconds));
    }
    card
}

/// Records a card at the moment that it is of.
fn record(state: &mut State, script: &Script, seconds: i64) -> i64 {
    set_clock(seconds);
    state
        .record(&card(script, seconds), Extent::Whole)
        .expect("recorded")
}

fn course(card: &mut Scorecard, id: &str, change: impl Fn(&mut Course)) {
    let checks = card.phases.iter_mut().flat_map(|phase| &mut phase.checks);
    for check in checks.filter(|check| check.id == id) {
        let mut course = Course {
            verdict: check.verdict,
            stable_for_s: None,
            longest_gap_s: None,
            held_s: None,
            follows: None,
            value: None,
            fresh: None,
        };
        change(&mut course);
        // Nobody else asks.
        course.longest_gap_s = course.stable_for_s;
        check.course = Some(course);
    }
}

const POSTGRES: &str = "postgres@data188";

#[test]
fn what_is_recorded_is_remembered() {
    let desk = Desk::new();
    let mut state = desk.open();
    set_clock(0);
    let nothing = state.memory("full-stack").expect("memory");
    assert_eq!(nothing, super::Memory::default());
    record(&mut state, &fixture::green(), 100);
    record(&mut state, &fixture::green(), 160);
    drop(state);
    // Another process.
    let memory = desk.open().memory("full-stack").expect("memory");
    let postgres = &memory.checks[POSTGRES];
    assert_eq!(postgres.streak.verdict, Verdict::Pass);
    assert_eq!(
        (postgres.streak.since, postgres.streak.last),
        (at(100), at(160))
    );
    assert_eq!(postgres.streak.looks, 2);
    assert!(postgres.streak.boot.is_some(), "the boot of data188");
    let green = memory.last_green.expect("it was green");
    assert_eq!(green.at, at(160));
    assert_eq!(green.boots, memory.boots);
    assert!(memory.boots.contains_key("data188"));
    assert_eq!(memory.usual.run, Some(Duration::from_secs(1)));
    assert!(memory.usual.phases.contains_key("P0-NETWORK"));
    assert_eq!(
        desk.open().memory("another").expect("memory").checks.len(),
        0
    );
}

#[test]
fn a_check_that_a_gate_holds_does_not_pass() {
    let desk = Desk::new();
    let mut state = desk.open();
    record(&mut state, &fixture::green(), 100);
    record(&mut state, &fixture::blocked(), 160);
    let memory = state.memory("full-stack").expect("memory");
    let held: Vec<&str> = memory
        .checks
        .iter()
        .filter(|(_, check)| check.streak.verdict == Verdict::NotEvaluated)
        .map(|(id, _)| id.as_str())
        .collect();
    assert!(!held.is_empty());
    for id in held {
        assert_eq!(memory.checks[id].streak.since, at(160), "{id}");
    }
    assert_eq!(memory.last_green.expect("before").at, at(100));
}

#[test]
fn what_the_end_of_a_run_cut_off_says_nothing() {
    let desk = Desk::new();
    let mut state = desk.open();
    record(&mut state, &fixture::green(), 100);
    let cut = fixture::check_failed();
    record(&mut state, &cut, 160);
    let memory = state.memory("full-stack").expect("memory");
    let card = cut.card();
    let unseen = card
        .checks()
        .find(|check| check.verdict == Verdict::NotEvaluated)
        .expect("one that was cut off");
    if let Some(known) = memory.checks.get(&unseen.id) {
        assert_eq!(known.streak.last, at(100));
    }
}

#[test]
fn another_definition_is_another_check() {
    let desk = Desk::new();
    let mut state = desk.open();
    record(&mut state, &fixture::green(), 100);
    set_clock(160);
    let mut changed = card(&fixture::green(), 160);
    for check in changed
        .phases
        .iter_mut()
        .flat_map(|phase| &mut phase.checks)
    {
        check.definition = "0000000000000000".to_owned();
    }
    state.record(&changed, Extent::Whole).expect("recorded");
    let memory = state.memory("full-stack").expect("memory");
    let postgres = &memory.checks[POSTGRES];
    assert_eq!(postgres.definition, "0000000000000000");
    assert_eq!((postgres.streak.since, postgres.streak.looks), (at(160), 1));
}

#[test]
fn stable_for_counts_what_the_look_itself_came_to_and_no_gap() {
    let desk = Desk::new();
    let mut state = desk.open();
    for seconds in [100, 700, 1_300] {
        set_clock(seconds);
        let mut card = card(&fixture::degraded(), seconds);
        course(&mut card, POSTGRES, |course| {
            course.verdict = Verdict::Pass;
            course.stable_for_s = Some(900.0);
        });
        state.record(&card, Extent::Whole).expect("recorded");
    }
    let streak = |state: &mut State| {
        let memory = state.memory("full-stack").expect("memory");
        memory.checks[POSTGRES].streak.clone()
    };
    let known = streak(&mut state);
    assert_eq!((known.verdict, known.since), (Verdict::Pass, at(100)));
    set_clock(2_200);
    let mut late = card(&fixture::green(), 2_200);
    course(&mut late, POSTGRES, |course| {
        course.stable_for_s = Some(900.0);
    });
    state.record(&late, Extent::Whole).expect("recorded");
    assert_eq!(streak(&mut state).since, at(2_200));
}

#[test]
fn samples_are_bounded_and_of_one_definition() {
    let desk = Desk::new();
    let mut state = desk.open();
    let mut sample = |seconds: i64, fact: &str, value: f64| {
        set_clock(seconds);
        let mut card = card(&fixture::green(), seconds);
        course(&mut card, POSTGRES, |course| {
            course.follows = Some(fact.to_owned());
            course.value = Some(value);
        });
        state.record(&card, Extent::Whole).expect("recorded");
        let memory = state.memory("full-stack").expect("memory");
        let samples = &memory.checks[POSTGRES].samples;
        let seen: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        seen
    };
    for number in 0..70_u32 {
        let seen = sample(100 + i64::from(number), "backlog", f64::from(number));
        assert_eq!(seen.len() as u32, (number + 1).min(64));
        assert_eq!(seen.last(), Some(&f64::from(number)));
    }
    assert_eq!(sample(300, "another", 1.0), [1.0], "another number");
}

#[test]
fn a_time_to_come_is_not_believed() {
    let desk = Desk::new();
    let mut state = desk.open();
    record(&mut state, &fixture::green(), 90_000);
    // The clock is set back by a day.
    set_clock(3_600);
    let memory = state.memory("full-stack").expect("memory");
    assert!(memory.checks.is_empty(), "{:?}", memory.checks);
    assert_eq!(memory.last_green, None);
    record(&mut state, &fixture::green(), 3_600);
    let memory = state.memory("full-stack").expect("memory");
    let streak = &memory.checks[POSTGRES].streak;
    assert_eq!((streak.since, streak.looks), (at(3_600), 1));
    assert_eq!(memory.last_green.expect("green").at, at(3_600));
}

#[test]
fn last_green_never_moves_back() {
    let desk = Desk::new();
    let mut state = desk.open();
    record(&mut state, &fixture::green(), 200);
    // A slower run that ended before, told late.
    set_clock(210);
    state
        .record(&card(&fixture::green(), 100), Extent::Whole)
        .expect("recorded");
    let green = |state: &mut State| {
        let memory = state.memory("full-stack").expect("memory");
        memory.last_green.expect("green").at
    };
    assert_eq!(green(&mut state), at(200));
    for (script, seconds) in [(fixture::degraded(), 300), (fixture::blocked(), 400)] {
        record(&mut state, &script, seconds);
        assert_eq!(green(&mut state), at(200));
    }
    set_clock(500);
    state
        .record(&card(&fixture::green(), 500), Extent::Part)
        .expect("recorded");
    assert_eq!(green(&mut state), at(200), "a part of it is not all of it");
}

#[test]
fn runs_are_kept_with_their_cards() {
    let desk = Desk::new();
    let mut state = desk.open();
    let first = record(&mut state, &fixture::green(), 100);
    let second = record(&mut state, &fixture::blocked(), 200);
    let runs = state.runs(None, 10).expect("runs");
    assert_eq!(
        runs.iter().map(|run| run.run).collect::<Vec<_>>(),
        [second, first]
    );
    let expected = card(&fixture::blocked(), 200);
    assert_eq!(runs[0].baseline, expected.baseline);
    assert_eq!(runs[0].totals, expected.totals);
    assert_eq!(runs[0].first_blocked, expected.first_blocked);
    assert_eq!(
        (runs[0].started_at, runs[0].finished_at),
        (at(199), at(200))
    );
    assert_eq!(state.runs(None, 1).expect("runs").len(), 1);
    assert_eq!(state.runs(Some("another"), 9).expect("runs").len(), 0);
    let stored = state.run(second).expect("readable").expect("a run");
    let document: serde_json::Value = serde_json::from_str(&stored.card).expect("JSON");
    assert_eq!(Some(document), serde_json::to_value(&expected).ok());
    assert_eq!(state.run(99).expect("readable"), None);
    let digest = expected.baseline.digest.as_str();
    for (digest, run) in [
        (None, Some(second)),
        (Some(digest), Some(second)),
        (Some("0"), None),
    ] {
        let latest = state.latest_run("full-stack", digest).expect("readable");
        assert_eq!(latest.map(|latest| latest.summary.run), run);
    }
}

#[test]
fn old_runs_go_but_never_all_of_them() {
    let desk = Desk::new();
    let mut state = desk.open();
    for seconds in 0..60 {
        record(&mut state, &fixture::green(), seconds);
    }
    // The clock is a year ahead for a moment.
    record(&mut state, &fixture::green(), 365 * 86_400);
    assert_eq!(state.runs(None, 1_000).expect("runs").len(), 50);
}

#[test]
fn waivers_are_counted_with_their_run() {
    let desk = Desk::new();
    let mut state = desk.open();
    for seconds in [100, 200] {
        record(&mut state, &fixture::accepted(), seconds);
    }
    let uses = state.waivers("full-stack").expect("uses");
    assert_eq!(uses.len(), 3);
    for used in uses {
        assert_eq!(used.uses, 2);
        assert_eq!((used.first_used, used.last_used), (at(100), at(200)));
    }
    assert_eq!(state.waivers("another").expect("uses").len(), 0);

    // All of a run is recorded or nothing.
    let broken = "DROP TABLE waivers";
    state.connection.execute(broken, []).expect("no table");
    let card = card(&fixture::accepted(), 300);
    assert!(state.record(&card, Extent::Whole).is_err());
    assert_eq!(state.runs(None, 9).expect("runs").len(), 2);
}

#[test]
fn cards_are_bounded_in_bytes_and_the_last_stays() {
    let desk = Desk::new();
    let mut state = desk.open();
    let grow = |state: &State, mib: usize| {
        let text = "x".repeat(mib << 20);
        let sql = "UPDATE runs SET card = ?1 WHERE id = (SELECT max(id) FROM runs)";
        state.connection.execute(sql, [text]).expect("a long card");
    };
    let kept = |state: &mut State| -> Vec<i64> {
        let runs = state.runs(None, 9).expect("runs");
        runs.iter().map(|run| run.run).collect()
    };
    for (seconds, mib) in [(1, 30), (2, 30), (3, 30)] {
        record(&mut state, &fixture::green(), seconds);
        grow(&state, mib);
    }
    record(&mut state, &fixture::green(), 4);
    assert_eq!(kept(&mut state), [4, 3, 2]);
    grow(&state, 65);
    record(&mut state, &fixture::green(), 5);
    assert_eq!(kept(&mut state), [5]);
}

/// Everything was looked at, whatever a gate says.
#[test]
fn what_keep_going_saw_behind_a_gate_makes_no_streak() {
    let desk = Desk::new();
    let mut state = desk.open();
    record(&mut state, &fixture::green(), 100);
    let mut seen = card(&fixture::green(), 160);
    seen.keep_going = true;
    let last = seen.phases.len() - 1;
    seen.phases[0].gate = Gate::Blocked;
    seen.phases[last].gate = Gate::NotEvaluated;
    seen.phases[last].held_by = Some(seen.phases[0].id.clone());
    set_clock(160);
    state.record(&seen, Extent::Whole).expect("recorded");
    let memory = state.memory("full-stack").expect("memory");
    let passes = |phase: usize| {
        let checks = seen.phases[phase].checks.iter();
        let passes = checks.filter(|check| check.verdict == Verdict::Pass);
        passes.map(|check| &memory.checks[&check.id].streak)
    };
    assert!(passes(0).count() > 0 && passes(last).count() > 0);
    for streak in passes(last) {
        assert_eq!(streak.verdict, Verdict::NotEvaluated);
        assert_eq!(streak.since, at(160));
    }
    for streak in passes(0) {
        assert_eq!((streak.last, streak.looks), (at(100), 1), "no look at all");
    }
    // One pass after it is the first of its streak.
    record(&mut state, &fixture::green(), 220);
    let memory = state.memory("full-stack").expect("memory");
    let check = &seen.phases[last].checks[0].id;
    assert_eq!(memory.checks[check].streak.since, at(220));
}

/// The head of the file and its tables are whole, and what they hold is not.
#[test]
fn damage_beyond_the_head_is_set_aside() {
    let desk = Desk::new();
    let mut content = filled(&desk);
    let page = {
        let state = desk.open();
        let sql = "SELECT rootpage FROM sqlite_master WHERE name = 'streaks'";
        let place = state
            .connection
            .query_row(sql, [], |row| row.get::<_, i64>(0));
        usize::try_from(place.expect("a table")).expect("a page")
    };
    let size = usize::from(u16::from_be_bytes([content[16], content[17]]));
    content[(page - 1) * size..page * size].fill(0x5a);
    desk.write(&content);
    set_clock(1_000);
    let mut state = desk.open();
    assert_eq!(state.take_notice(), None, "the head says nothing of it");
    let memory = state.memory("full-stack").expect("memory");
    assert!(memory.checks.is_empty(), "nothing is believed");
    let notice = state.take_notice().expect("a notice").to_string();
    assert!(notice.contains("was damaged"), "{notice}");
    let aside = desk
        .files()
        .into_iter()
        .find(|name| name.starts_with("state.db.damaged-") && !name.contains("-wal"))
        .expect("the damaged file");
    let kept = fs::read(desk.folder.path().join("below").join(aside)).expect("there");
    assert_eq!(kept, content, "nothing of it is lost");
    record(&mut state, &fixture::green(), 1_000);
    drop(state);
    let mut state = desk.open();
    assert_eq!(state.runs(None, 9).expect("runs").len(), 1);
    assert_eq!(state.take_notice(), None);
}

/// A process that was stopped while it set a file aside.
#[test]
fn nobody_waits_for_ever_to_set_a_file_aside() {
    let desk = Desk::new();
    let mut content = filled(&desk);
    content.fill(0);
    desk.write(&content);
    let lock = fs::File::create(desk.folder.path().join("below/state.db.lock"));
    let lock = lock.expect("a file");
    lock.lock().expect("nobody else has it");
    let problem = desk.problem();
    assert!(problem.contains("is kept busy by others"), "{problem}");
    assert_eq!(fs::read(desk.path()).expect("there"), content);
}

#[test]
fn state_of_a_process_lasts_as_long_as_it() {
    let mut state = State::open_with_clock(&Location::Process, clock).expect("a state");
    record(&mut state, &fixture::green(), 100);
    assert_eq!(state.runs(None, 9).expect("runs").len(), 1);
}

#[test]
fn the_file_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    drop(desk.open());
    let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&desk.path()), 0o600);
    assert_eq!(mode(&desk.folder.path().join("below")), 0o700);
}

#[rstest]
#[case::text(b"a shopping list\n", "is not a state of coldstart")]
#[case::short(b"x", "is not a state of coldstart")]
fn what_is_no_state_is_left_alone(#[case] content: &[u8], #[case] what: &str) {
    let desk = Desk::new();
    desk.write(content);
    let problem = desk.problem();
    assert!(problem.contains(what), "{problem}");
    assert!(
        problem.contains(&desk.path().display().to_string()),
        "{problem}"
    );
    assert!(problem.contains("--state"), "{problem}");
    assert_eq!(fs::read(desk.path()).expect("there"), content);
    assert_eq!(desk.files(), ["state.db"]);
}

#[test]
fn another_programs_database_is_left_alone() {
    let desk = Desk::new();
    desk.write(b"");
    let other = rusqlite::Connection::open(desk.path()).expect("a database");
    other
        .execute_batch("CREATE TABLE notes (text); ")
        .expect("a table");
    drop(other);
    let before = fs::read(desk.path()).expect("there");
    let problem = desk.problem();
    assert!(problem.contains("another program's database"), "{problem}");
    assert_eq!(fs::read(desk.path()).expect("there"), before);
}

#[test]
fn a_newer_version_is_left_alone() {
    let desk = Desk::new();
    drop(desk.open());
    let newer = rusqlite::Connection::open(desk.path()).expect("a database");
    newer
        .pragma_update(None, "user_version", 2)
        .expect("a version");
    drop(newer);
    let problem = desk.problem();
    assert!(problem.contains("has version 2"), "{problem}");
    assert_eq!(desk.files(), ["state.db"]);
}

#[test]
fn an_empty_file_is_a_new_state() {
    let desk = Desk::new();
    desk.write(b"");
    record(&mut desk.open(), &fixture::green(), 1);
}

#[test]
fn what_is_not_a_file_is_refused() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path()).expect("a folder");
    let problem = desk.problem();
    assert!(problem.contains("is not a file"), "{problem}");
}

/// Long enough for pages beyond the first.
fn filled(desk: &Desk) -> Vec<u8> {
    let mut state = desk.open();
    for seconds in 0..20 {
        record(&mut state, &fixture::blocked(), seconds);
    }
    drop(state);
    fs::read(desk.path()).expect("there")
}

/// What can become of a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Zeroed,
    Cut,
    Garbled,
}

impl Damage {
    fn done_to(self, content: &mut Vec<u8>) {
        match self {
            Self::Zeroed => content.fill(0),
            Self::Cut => content.truncate(content.len() / 2 - 100),
            Self::Garbled => content[100..].fill(0x5a),
        }
    }
}

#[rstest]
fn a_damaged_file_is_set_aside(
    #[values(Damage::Zeroed, Damage::Cut, Damage::Garbled)] damage: Damage,
) {
    let desk = Desk::new();
    let mut content = filled(&desk);
    damage.done_to(&mut content);
    desk.write(&content);
    set_clock(1_000);
    let mut state = desk.open();
    // What shows only when it is used is noticed then.
    let memory = state.memory("full-stack").expect("memory");
    state
        .record(&card(&fixture::green(), 1_000), Extent::Whole)
        .expect("recorded");
    let notice = state.take_notice().expect("a notice").to_string();
    assert!(memory.checks.is_empty(), "nothing is believed");
    assert!(notice.contains("was damaged"), "{notice}");
    let aside = desk
        .files()
        .into_iter()
        .find(|name| name.starts_with("state.db.damaged-") && !name.ends_with("wal"))
        .expect("the damaged file");
    assert!(notice.contains(&aside), "{notice}");
    let kept = fs::read(desk.folder.path().join("below").join(aside)).expect("there");
    assert_eq!(kept, content, "nothing of it is lost");
    assert_eq!(state.runs(None, 9).expect("runs").len(), 1);
    assert_eq!(state.take_notice(), None);
}

#[test]
fn words_that_mean_nothing_are_damage() {
    let desk = Desk::new();
    let mut state = desk.open();
    record(&mut state, &fixture::green(), 100);
    state
        .connection
        .execute("UPDATE streaks SET verdict = 'FINE'", [])
        .expect("an update");
    drop(state);
    let mut state = desk.open();
    let problem = state
        .memory("full-stack")
        .expect_err("a problem")
        .to_string();
    assert!(problem.contains("FINE"), "{problem}");
}

#[test]
fn many_threads_record_at_once() {
    let desk = Desk::new();
    let path = desk.path();
    std::thread::scope(|scope| {
        for number in 0..16_i64 {
            let path = path.clone();
            scope.spawn(move || {
                let mut state =
                    State::open_with_clock(&Location::File(path), || at(1_000)).expect("a state");
                for turn in 0..5 {
                    let script = fixture::green();
                    state
                        .record(&card(&script, number * 5 + turn), Extent::Whole)
                        .expect("recorded");
                }
            });
        }
    });
    set_clock(1_000);
    let mut state = desk.open();
    assert_eq!(state.runs(None, 1_000).expect("runs").len(), 80);
    let memory = state.memory("full-stack").expect("memory");
    assert_eq!(memory.checks[POSTGRES].streak.last, at(79));
    assert_eq!(memory.last_green.expect("green").at, at(79));
}

#[test]
fn a_check_without_facts_is_remembered_too() {
    let script = Script::new()
        .phase("A", "", &[])
        .check(check("one", "tcp", "it answers"), fixture::held("B"));
    let desk = Desk::new();
    let mut state = desk.open();
    record(&mut state, &script, 10);
    let memory = state.memory("full-stack").expect("memory");
    assert_eq!(memory.checks["one"].streak.verdict, Verdict::NotEvaluated);
}

#[test]
fn accepted_warnings_are_counted_and_stay_warnings_in_streaks() {
    set_clock(100);
    let desk = Desk::new();
    let mut state = desk.open();
    let script = fixture::accepted();
    state
        .record(&script.card(), Extent::Whole)
        .expect("recorded");
    let runs = state.runs(None, 1).expect("runs");
    assert_eq!(runs[0].totals, script.card().totals);
    assert_eq!(runs[0].totals.accepted, 3);
    let memory = state.memory("full-stack").expect("a memory");
    let streak = &memory.checks["motd@ops110"].streak;
    assert_eq!(streak.verdict, Verdict::Warn);
    assert!(
        memory.last_green.is_some(),
        "GREEN with 3 accepted is GREEN"
    );
}
