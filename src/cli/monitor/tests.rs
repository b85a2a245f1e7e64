use super::*;
use crate::report::fixture;

fn arguments(folder: &Path) -> Monitor {
    Monitor {
        monitor_read_only: true,
        textfile: Some(folder.join("cold start 冷.prom")),
        log: Some(folder.join("last.log")),
    }
}

fn now() -> Timestamp {
    engine::now()
}

fn opened(folder: &Path) -> Post {
    Post::open(&arguments(folder), now()).expect("a post")
}

fn style() -> terminal::Style {
    terminal::Style {
        width: WIDTH,
        color: false,
        verbose: false,
        ascii: false,
        zone: TimeZone::UTC,
    }
}

fn metrics(folder: &Path) -> String {
    fs::read_to_string(folder.join("cold start 冷.prom")).expect("a textfile")
}

/// The value of a series.
fn value(folder: &Path, series: &str) -> Option<String> {
    let start = format!("{series} ");
    let text = metrics(folder);
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(&start).map(str::to_owned))
}

#[test]
fn a_defect_leaves_no_green_standing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let green = fixture::green().card();
    let post = opened(folder);
    post.introduce("awoooi", "full-stack", None);
    assert_eq!(post.deliver(&green, &style()), Vec::<String>::new());
    assert_eq!(value(folder, "awoooi_monitor_up").as_deref(), Some("1"));
    drop(post);

    let hook = std::panic::take_hook();
    let exit = supervised(&opened(folder), || panic!("a planted defect"));
    std::panic::set_hook(hook);
    assert_eq!(exit, Exit::Failed);
    // The baseline was not read, so its prefix is the last run's.
    assert_eq!(value(folder, "awoooi_monitor_up").as_deref(), Some("0"));
    let failed = "awoooi_last_result{result=\"check_failed\"}";
    assert_eq!(value(folder, failed).as_deref(), Some("1"));
    let at = "awoooi_last_green_timestamp";
    let expected = green.finished_at.as_second().to_string();
    assert_eq!(value(folder, at), Some(expected));
    assert_eq!(value(folder, "awoooi_pass_gates"), None);
    let log = fs::read_to_string(folder.join("last.log")).expect("a log");
    let last = "\nResult: CHECK_FAILED (the run could not be completed)\n";
    assert!(log.ends_with(last), "{log}");
}

#[test]
fn what_was_told_first_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let post = Arc::new(opened(folder));
    post.introduce("a", "full-stack", None);
    assert_eq!(
        post.deliver(&fixture::blocked().card(), &style()),
        Vec::<String>::new()
    );
    let told = metrics(folder);
    post.last_words("too late");
    post.give_up("too late");
    assert_eq!(metrics(folder), told);
}

#[test]
fn the_last_green_is_the_latest_that_can_be_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let at = |seconds| Timestamp::from_second(seconds).expect("a time");
    let now = now();
    let after = |earlier: &Monitored, prefix: &str, baseline: &str, state| {
        let text = textfile::failed(now, earlier);
        fs::write(folder.join("cold start 冷.prom"), text).expect("a textfile");
        let post = opened(folder);
        post.introduce(prefix, baseline, state);
        let desk = post.desk.lock().expect("the desk");
        desk.monitored.last_green.map(Timestamp::as_second)
    };
    let earlier = |baseline: Option<&str>, green| Monitored {
        prefix: "a".to_owned(),
        baseline: baseline.map(str::to_owned),
        last_green: Some(green),
    };
    let ours = earlier(Some("b"), at(1_000));
    assert_eq!(after(&ours, "a", "b", None), Some(1_000));
    assert_eq!(after(&ours, "a", "b", Some(at(900))), Some(1_000));
    assert_eq!(after(&ours, "a", "b", Some(at(1_100))), Some(1_100));
    // Of another baseline, or of one that is not known to be another.
    assert_eq!(after(&ours, "a", "c", Some(at(900))), Some(900));
    assert_eq!(after(&ours, "x", "b", None), None);
    assert_eq!(
        after(&earlier(None, at(1_000)), "a", "b", None),
        Some(1_000)
    );
    let to_come = earlier(Some("b"), at(now.as_second() + 3_600));
    assert_eq!(after(&to_come, "a", "b", None), None);
    assert_eq!(after(&to_come, "a", "b", Some(at(900))), Some(900));
}

#[test]
fn a_second_run_says_so_in_the_log_and_touches_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let first = opened(folder);
    fs::write(folder.join("last.log"), "the last card\n").expect("a log");
    assert_eq!(
        Post::open(&arguments(folder), now()).err(),
        Some(Exit::Busy)
    );
    let log = fs::read_to_string(folder.join("last.log")).expect("a log");
    assert!(log.starts_with("the last card\n"), "{log}");
    assert!(log.contains("another run holds"), "{log}");
    assert_eq!(log.lines().count(), 2, "{log}");
    assert!(!folder.join("cold start 冷.prom").exists());
    drop(first);
    drop(opened(folder));
}

#[test]
fn a_textfile_that_cannot_be_replaced_is_taken_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let post = opened(folder);
    post.introduce("a", "full-stack", None);
    drop(post.deliver(&fixture::green().card(), &style()));
    drop(post);
    // A folder where the new file would be made keeps it from being made.
    let process = std::process::id();
    let new = format!(".cold start 冷.prom.{process}.tmp");
    fs::create_dir(folder.join(new)).expect("a folder");
    assert_eq!(
        Post::open(&arguments(folder), now()).err(),
        Some(Exit::Failed)
    );
    assert!(!folder.join("cold start 冷.prom").exists());
    let log = fs::read_to_string(folder.join("last.log")).expect("a log");
    assert!(log.contains("the metrics cannot be written to"), "{log}");
}

#[test]
fn one_file_is_not_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut arguments = arguments(folder.path());
    fs::write(folder.path().join("a.prom"), "").expect("a file");
    std::os::unix::fs::symlink("a.prom", folder.path().join("link")).expect("a link");
    arguments.textfile = Some(folder.path().join("a.prom"));
    arguments.log = Some(folder.path().join("link"));
    assert_eq!(Post::open(&arguments, now()).err(), Some(Exit::Usage));
}

#[test]
fn a_lock_that_cannot_be_had_leaves_no_green_standing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let post = opened(folder);
    post.introduce("a", "full-stack", None);
    drop(post.deliver(&fixture::green().card(), &style()));
    drop(post);
    let green = value(folder, "a_last_green_timestamp");
    let lock = folder.join(".cold start 冷.prom.lock");
    fs::remove_file(&lock).expect("a lock");
    fs::create_dir(&lock).expect("a folder");
    assert_eq!(
        Post::open(&arguments(folder), now()).err(),
        Some(Exit::Failed)
    );
    assert_eq!(value(folder, "a_monitor_up").as_deref(), Some("0"));
    let failed = "a_last_result{result=\"check_failed\"}";
    assert_eq!(value(folder, failed).as_deref(), Some("1"));
    assert_eq!(value(folder, "a_last_green_timestamp"), green);
    let log = fs::read_to_string(folder.join("last.log")).expect("a log");
    assert!(log.contains("cannot be had: it is a folder"), "{log}");

    // Nor where the metrics cannot be replaced: they are gone then.
    let process = std::process::id();
    let new = format!(".cold start 冷.prom.{process}.tmp");
    fs::create_dir(folder.join(new)).expect("a folder");
    assert_eq!(
        Post::open(&arguments(folder), now()).err(),
        Some(Exit::Failed)
    );
    assert!(!folder.join("cold start 冷.prom").exists());
}

#[test]
fn a_lock_that_is_there_is_only_read() {
    use std::os::fd::AsRawFd;

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lock");
    drop(open_lock(&path).expect("a new one"));
    let lock = open_lock(&path).expect("the same one");
    let flags = fs::read_to_string(format!("/proc/self/fdinfo/{}", lock.as_raw_fd()));
    let flags = flags.expect("what the kernel says");
    let flags = flags.lines().find_map(|line| line.strip_prefix("flags:"));
    // The last digit is the access mode: 0 is reading alone.
    assert!(flags.is_some_and(|flags| flags.ends_with('0')), "{flags:?}");
    assert!(try_lock(&lock).is_ok());
    let second = open_lock(&path).expect("the same one");
    assert!(matches!(try_lock(&second), Err(TryLockError::WouldBlock)));
}

#[test]
fn metrics_of_another_baseline_by_the_same_names_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = |name: &str, prefix: &str, baseline: &str| {
        let other = Monitored {
            prefix: prefix.to_owned(),
            baseline: Some(baseline.to_owned()),
            last_green: None,
        };
        let text = textfile::failed(now(), &other);
        fs::write(folder.path().join(name), text).expect("a textfile");
    };
    other("own.prom", "a", "another before it");
    other("same.prom", "a", "full-stack");
    other("apart.prom", "b", "backups");
    other("old", "a", "backups");
    let own = folder.path().join("own.prom");
    assert_eq!(shared_prefix(&own, "a", "full-stack"), None);
    other("z.prom", "a", "backups");
    let told = shared_prefix(&own, "a", "full-stack").expect("a warning");
    assert!(
        told.contains("z.prom has metrics of the baseline backups"),
        "{told}"
    );
}

/// A file system without writing refuses before it looks whether there is such a file.
#[test]
fn what_was_never_there_is_of_no_earlier_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    for path in [file.join("x.prom"), folder.path().join("x.prom")] {
        let told = withdraw(&path);
        assert!(told.starts_with("coldstart: there is no "), "{told}");
    }
}
