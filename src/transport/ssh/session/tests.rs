use super::*;
use rstest::rstest;

fn output(exit: Exit, stderr: &str) -> Output {
    Output {
        exit,
        stdout: Vec::new(),
        stderr: stderr.into(),
        truncated: false,
        elapsed: Duration::ZERO,
    }
}

#[rstest]
#[case::coreutils_env(127, "env: \u{2018}timeout\u{2019}: No such file or directory\n", true)]
#[case::busybox_env(127, "env: can't execute 'timeout': No such file or directory\n", true)]
#[case::not_executable(126, "env: 'timeout': Permission denied\n", true)]
#[case::old_busybox(1, "timeout: unrecognized option: k\nBusyBox v1.30\n", true)]
#[case::old_busybox_short(1, "timeout: invalid option -- 'k'\n", true)]
#[case::gnu_command_missing(
    127,
    "timeout: failed to run command \u{2018}zpool\u{2019}: No such file or directory\n",
    false
)]
#[case::busybox_command_missing(
    127,
    "timeout: can't execute 'zpool': No such file or directory\n",
    false
)]
#[case::noise_first(
    127,
    "stty: not a tty\nenv: 'timeout': No such file or directory\n",
    true
)]
#[case::the_commands_own(1, "curl: (28) timeout reached\n", false)]
#[case::fine(0, "", false)]
fn tells_a_missing_timeout_from_a_missing_command(
    #[case] status: u32,
    #[case] stderr: &str,
    #[case] lacks: bool,
) {
    assert_eq!(lacks_timeout(&output(Exit::Status(status), stderr)), lacks);
}

#[rstest]
#[case::clean(":coldstart:\nok\n", Some("ok\n"))]
#[case::noisy("Welcome!\n3 updates\n:coldstart:\nok\n", Some("ok\n"))]
#[case::noise_without_a_newline("> :coldstart:\nok\n", Some("ok\n"))]
#[case::empty(":coldstart:\n", Some(""))]
#[case::only_the_first_counts(":coldstart:\na\n:coldstart:\nb\n", Some("a\n:coldstart:\nb\n"))]
#[case::never_began("This account is currently not available.\n", None)]
#[case::nothing("", None)]
fn finds_where_the_output_begins(#[case] stdout: &str, #[case] own: Option<&str>) {
    assert_eq!(begin(stdout.as_bytes()).map(|at| &stdout[at..]), own);
}

#[rstest]
#[case(Duration::from_secs(5), 5)]
#[case(Duration::from_millis(1500), 2)]
#[case(Duration::from_millis(1), 1)]
#[case(Duration::ZERO, 1)]
fn the_host_waits_at_least_as_long_as_we_do(#[case] limit: Duration, #[case] seconds: u64) {
    let command =
        ReadOnlyCommand::from_args(&crate::transport::command::Policy::default(), ["uptime"])
            .expect("uptime reads");
    assert_eq!(
        line(&command, limit),
        format!("echo :coldstart:; env LC_ALL=C timeout -k 1 {seconds} uptime")
    );
}
