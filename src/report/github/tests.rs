use rstest::rstest;

use super::*;
use crate::report::fixture::{self, HOSTILE};

/// A workflow command, taken apart as the runner does it.
#[derive(Debug, PartialEq)]
struct Command {
    name: String,
    title: String,
    message: String,
}

fn parse(line: &str) -> Command {
    let rest = line.strip_prefix("::").expect("a command");
    let (head, message) = rest.split_once("::").expect("a message");
    let (name, properties) = head.split_once(' ').expect("properties");
    let title = properties.strip_prefix("title=").expect("a title");
    assert!(!title.contains([',', ':']), "{title}");
    let data = |text: &str| {
        text.replace("%0D", "\r")
            .replace("%0A", "\n")
            .replace("%25", "%")
    };
    Command {
        name: name.to_owned(),
        title: data(&title.replace("%3A", ":").replace("%2C", ",")),
        message: data(message),
    }
}

#[test]
fn every_line_is_one_command_and_every_failure_has_one() {
    for (name, script) in fixture::all() {
        let card = script.card();
        let commands: Vec<Command> = annotations(&card).lines().map(parse).collect();
        let totals = &card.totals;
        let failed = totals.warn + totals.accepted + totals.blocked;
        let notes = usize::from(!words::waivers(&card).is_empty());
        assert_eq!(commands.len(), failed + 1 + notes, "{name}");
        for check in card.checks() {
            let named = words::name(&card, &check.id);
            let title = format!("{} {named}", words::label(check));
            let level = match check.verdict {
                Verdict::Warn if check.accepted.is_some() => Some("notice"),
                Verdict::Warn => Some("warning"),
                Verdict::Blocked => Some("error"),
                Verdict::Pass | Verdict::NotEvaluated | Verdict::Skipped => None,
            };
            let found = commands.iter().find(|command| command.title == title);
            assert_eq!(found.map(|command| command.name.as_str()), level, "{name}");
        }
    }
}

#[test]
fn what_to_fix_first_comes_first() {
    let commands = annotations(&fixture::everything().card());
    let titles: Vec<String> = commands.lines().map(|line| parse(line).title).collect();
    assert_eq!(
        titles[..3],
        [
            "coldstart full-stack",
            "BLOCKED ping@k3s120",
            "BLOCKED postgres@data188"
        ]
    );
}

#[test]
fn the_first_command_tells_what_may_be_let_loose() {
    let commands = annotations(&fixture::green().card());
    let first = parse(commands.lines().next().unwrap_or_default());
    assert_eq!(first.name, "notice");
    let lines: Vec<&str> = first.message.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].starts_with("release batch "), "{lines:?}");
    assert!(lines[2].starts_with("release runners "), "{lines:?}");
}

#[test]
fn the_own_network_is_the_one_to_fix() {
    let commands = annotations(&fixture::own_network().card());
    let commands: Vec<Command> = commands.lines().map(parse).collect();
    assert!(
        commands[0]
            .message
            .contains("(fix this machine's network first)")
    );
    assert_eq!(commands[1].title, "BLOCKED this machine's network");
    assert!(commands[1].message.contains("next Cable, Wi-Fi or VPN"));
    let remedies = commands
        .iter()
        .filter(|each| each.message.contains("power and console"));
    assert_eq!(remedies.count(), 0);
}

#[test]
fn text_comes_back_as_it_was() {
    let line = command("error", HOSTILE, &[HOSTILE.to_owned(), "50 %0A".to_owned()]);
    assert_eq!(line.lines().count(), 1);
    let said = harmless(HOSTILE).into_owned();
    let parsed = parse(line.trim_end());
    assert_eq!(parsed.title, said);
    assert_eq!(parsed.message, format!("{said}\n50 %0A"));
}

#[rstest]
#[case(fixture::green())]
#[case(fixture::everything())]
fn a_card_in_the_log_is_kept_from_the_runner(#[case] script: fixture::Script) {
    let card = script.card();
    let log = guarded(&card, "some\n::error::text\n");
    let lines: Vec<&str> = log.lines().collect();
    let token = lines[0].strip_prefix("::stop-commands::").expect("a token");
    assert_eq!(
        lines[1..],
        ["some", "::error::text", &format!("::{token}::")]
    );
    assert_eq!(token.len(), "coldstart-".len() + 64);
    assert!(!json(&card).contains(token));
}
