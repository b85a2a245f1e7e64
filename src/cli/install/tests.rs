use clap::Parser;
use rstest::rstest;

use super::*;
use crate::cli::args::{Arguments, Command};

/// What `install cron` is told.
pub(super) fn installation(extra: &[&str]) -> Installation {
    let fixed = [
        "coldstart",
        "install",
        "cron",
        "--textfile",
        "/t/a.prom",
        "--log",
        "/l/a.log",
        "--state",
        "/s/state.db",
    ];
    let arguments: Vec<&str> = fixed.into_iter().chain(extra.iter().copied()).collect();
    match Arguments::try_parse_from(arguments).map(|arguments| arguments.command) {
        Ok(Command::Install(Install {
            scheduler: Scheduler::Cron(installation),
        })) => installation,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case("10m", None, Ok(480))]
#[case("5m", None, Ok(240))]
#[case("1m", None, Ok(45))]
#[case("1h", None, Ok(480))]
#[case("24h", None, Ok(8_640))]
#[case("10m", Some("9m"), Ok(540))]
#[case("10m", Some("585"), Ok(585))]
#[case(
    "10m",
    Some("586"),
    Err(
        "a run of 9m 46s would meet the next one: with --every 10m 00s, --deadline can be 9m 45s at most, since what hangs is ended 15.0 s after it"
    )
)]
fn a_run_ends_before_the_next(
    #[case] every: &str,
    #[case] said: Option<&str>,
    #[case] expected: Result<u64, &str>,
) {
    let mut extra = vec!["--every", every];
    if let Some(said) = said {
        extra.extend(["--deadline", said]);
    }
    let expected = expected.map(Duration::from_secs).map_err(str::to_owned);
    assert_eq!(deadline(&installation(&extra)), expected);
}

#[test]
fn every_path_is_absolute() {
    let here = std::env::current_dir().expect("a folder");
    let arguments = installation(&["-b", "a b/資料.yml", "--var", "x=50%", "--ssh-config", "c"]);
    let (command, folders) = command(&arguments, Duration::from_secs(480)).expect("a command");
    let here = here.display();
    let expected = [
        "check",
        "--monitor-read-only",
        "--deadline",
        "480s",
        "--baseline",
        &format!("{here}/a b/資料.yml"),
        "--var",
        "x=50%",
        "--ssh-config",
        &format!("{here}/c"),
        "--state",
        "/s/state.db",
        "--textfile",
        "/t/a.prom",
        "--log",
        "/l/a.log",
    ];
    assert_eq!(command[1..], expected);
    assert!(Path::new(&command[0]).is_absolute());
    assert_eq!(folders, ["/s", "/t", "/l"].map(PathBuf::from));
}

#[test]
fn what_no_line_can_hold_is_refused() {
    let arguments = installation(&["--var", "x=a\nb"]);
    let told = command(&arguments, Duration::from_secs(480)).err();
    let expected = "`x=a\\nb` has a control character: no crontab or unit can hold it";
    assert_eq!(told.as_deref(), Some(expected));
}
