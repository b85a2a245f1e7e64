//! Secrets that somebody wrote into a baseline, in whatever place and form: the
//! program says what is wrong, and repeats none of them.
#![cfg(unix)]

use std::process::{Command, Output};

use rstest::rstest;

/// No part of it is a word of a message.
const SECRET: &str = "hunter2Zq7X";

/// A baseline with one check, of which `kind` is the kind and its options.
fn of_check(kind: &str) -> String {
    let indented = kind.replace('\n', "\n        ");
    format!(
        "version: 1\nname: t\nhosts: {{ me: {{ local: true }} }}\nphases:\n  A:\n    checks:\n      \
         a:\n        title: x\n        on: me\n        {indented}\n"
    )
}

fn run(baseline: &str, args: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("b.yml"), baseline).expect("a file");
    Command::new(env!("CARGO_BIN_EXE_coldstart"))
        .args(args)
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("COLUMNS", "300")
        .output()
        .expect("the program")
}

/// What every way to look at a baseline says of it.
fn told(baseline: &str) -> Vec<(String, String)> {
    let ways: [&[&str]; 6] = [
        &["validate", "b.yml"],
        &["validate", "--json", "b.yml"],
        &["check", "-b", "b.yml", "--state", "none"],
        &["plan", "-b", "b.yml"],
        &["explain", "a", "-b", "b.yml"],
        &["history", "-b", "b.yml"],
    ];
    ways.into_iter()
        .map(|args| {
            let ran = run(baseline, args);
            let said =
                [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
            (args.join(" "), said.concat())
        })
        .collect()
}

fn assert_concealed(baseline: &str, secret: &str) {
    for (way, said) in told(baseline) {
        assert!(!said.contains(secret), "{way} tells it:\n{said}");
        let start = &secret[..secret.len() / 2];
        assert!(!said.contains(start), "{way} tells a part of it:\n{said}");
    }
    let ran = run(baseline, &["validate", "b.yml"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(78), "{said}");
    assert!(said.contains("error["), "{said}");
}

#[rstest]
// Where a reference to a secret belongs.
#[case::in_the_environment(
    "restic: { repository: /r, password_file: /p, environment: { B2_ACCOUNT_KEY: SECRET } }"
)]
#[case::under_any_name(
    "restic: { repository: /r, password_file: /p, environment: { RESTIC_REPOSITORY: SECRET } }"
)]
#[case::under_a_name_that_is_none(
    "restic: { repository: /r, password_file: /p, environment: { FOO: SECRET } }"
)]
#[case::a_list_for_the_environment(
    "restic: { repository: /r, password_file: /p, environment: [ST_KEY=SECRET] }"
)]
#[case::a_text_for_the_environment(
    "restic: { repository: /r, password_file: /p, environment: SECRET }"
)]
#[case::a_misspelt_environment(
    "restic: { repository: /r, password_file: /p, enviroment: { ST_KEY: SECRET } }"
)]
#[case::a_misspelt_kind("restc: { repository: /r, environment: { ST_KEY: SECRET } }")]
#[case::plain("redis: { address: h, password: SECRET }")]
#[case::a_folded_block("redis:\n  address: h\n  password: >-\n    SECRET")]
#[case::a_literal_block("redis:\n  address: h\n  password: |\n    first\n    SECRET")]
#[case::on_the_next_line("redis:\n  address: h\n  password:\n    SECRET")]
#[case::a_list("redis: { address: h, password: [SECRET] }")]
#[case::a_map("redis: { address: h, password: { a: SECRET } }")]
#[case::a_map_of_one_key("redis: { address: h, password: { SECRET } }")]
#[case::with_an_alias_before("redis: { address: h, password: *SECRET }")]
#[case::a_tag("redis: { address: h, password: !SECRET x }")]
#[case::an_anchor("redis: { address: h, password: &SECRET }")]
#[case::an_anchor_in_the_environment(
    "restic: { repository: /r, password_file: /p, environment: { ST_KEY: &SECRET } }"
)]
#[case::no_variable("redis: { address: h, password: \"${SECRET\" }")]
#[case::with_an_escape("redis: { address: h, password: \"hunter2\\x5aq7X\" }")]
#[case::a_misspelt_key("redis: { address: h, passwrd: SECRET }")]
#[case::of_a_login("prometheus: { url: \"http://h/\", authorization: \"me:SECRET\", query: up }")]
#[case::of_a_header("http: { url: \"http://h/\", headers: { x-key: { secret: SECRET } } }")]
#[case::beside_another_mistake(
    "timeout: 5\nrestic: { repository: /r, environment: { ST_KEY: SECRET } }"
)]
#[case::on_a_line_with_another_mistake(
    "restic: { repository: 5, environment: { ST_KEY: SECRET } }"
)]
#[case::on_a_line_that_is_not_yaml("restic: { repository: @r, environment: { ST_KEY: SECRET } }")]
// In an address, or a command.
#[case::of_an_rclone_remote("rclone: { remote: ':webdav,url=http://x,pass=SECRET:' }")]
#[case::of_a_token("rclone: { remote: 'gd,token={\"access_token\":\"SECRET\"}:x' }")]
#[case::of_a_token_with_escapes(
    "rclone: { remote: \"gd,token={\\\"access_token\\\":\\\"SECRET\\\"}:x\" }"
)]
#[case::of_an_access_key(
    "restic: { repository: 'rclone::s3,secret_access_key=SECRET:x', password_file: /p }"
)]
#[case::of_a_key("rclone: { remote: ':azureblob,account=a,key=SECRET:x' }")]
#[case::of_a_login_by_ssh("restic: { repository: 'sftp:u:SECRET@nas:/x', password_file: p }")]
#[case::of_a_login_with_a_slash(
    "restic: { repository: 'sftp:u:a/SECRET@nas:/x', password_file: p }"
)]
#[case::of_a_url("redis: { url: \"redis://u:SECRET@h\" }")]
#[case::of_redis_cli("command: { run: 'redis-cli -a SECRET flushall' }")]
#[case::of_redis_cli_in_a_list("command: { run: [redis-cli, -a, SECRET, flushall] }")]
#[case::of_mysql("command: { run: 'mysql -pSECRET' }")]
#[case::of_a_flag("command: { run: 'mongodump --password SECRET' }")]
#[case::of_a_flag_with_a_sign("command: { run: 'mongodump --password=SECRET' }")]
#[case::of_a_variable("command: { run: 'PGPASSWORD=SECRET psql -c x' }")]
#[case::of_a_bearer(
    "command: { run: 'curl -X POST -H \"Authorization: Bearer SECRET\" http://h' }"
)]
#[case::of_curl("command: { run: 'curl -X POST -u me:SECRET http://h' }")]
#[case::of_a_folded_command("command:\n  run: >-\n    redis-cli -a\n    SECRET flushall")]
fn no_secret_is_repeated(#[case] kind: &str) {
    assert_concealed(&of_check(&kind.replace("SECRET", SECRET)), SECRET);
}

#[rstest]
#[case::where_a_reference_belongs("redis: { address: h, password: \"${pw}\" }")]
#[case::in_the_environment(
    "restic: { repository: /r, password_file: /p, environment: { FOO: \"${pw}\" } }"
)]
#[case::in_a_remote("rclone: { remote: \"gd,pass=${pw}:x\" }")]
#[case::in_a_command("command: { run: \"redis-cli -a ${pw} flushall\" }")]
fn a_variable_tells_no_secret(#[case] kind: &str) {
    let with = |vars: &str| format!("{}vars: {{ {vars} }}\n", of_check(kind));
    assert_concealed(&with(&format!("pw: {SECRET}")), SECRET);
    // On the line of the declaration is another mistake.
    assert_concealed(&with(&format!("pw: {SECRET}, b: [1]")), SECRET);
    assert_concealed(
        &with(&format!("b: [1], pw: \"hunter2\\x5aq7X\", c: {SECRET}")),
        SECRET,
    );
}

/// Digits that a message would give another form.
#[rstest]
#[case("0123456789")]
#[case("123456789012345678901234567890")]
fn a_number_is_not_spelt_otherwise(#[case] secret: &str) {
    let kind = format!("redis: {{ address: h, password: {secret} }}");
    assert_concealed(&of_check(&kind), secret.trim_start_matches('0'));
}

#[test]
fn a_header_or_a_check_may_be_called_token() {
    let baseline = of_check("tcp: { port: 5432000 }").replace("      a:\n", "      token:\n");
    let ran = run(&baseline, &["validate", "b.yml"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("5432000"), "{said}");
}

#[test]
fn a_variable_that_is_unknown_is_told_where_a_reference_belongs() {
    let baseline =
        of_check("redis: { address: h, password: \"${pww}\" }") + "vars: { pw: env:PW }\n";
    let ran = run(&baseline, &["validate", "b.yml"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("no variable `pww`"), "{said}");
    assert!(said.contains("did you mean `${pw}`?"), "{said}");
}

/// Mistakes of every layer, each once, in one go.
#[test]
fn all_mistakes_are_told_at_once() {
    let baseline = "\
name: t
hosts: { me: { local: true }, far: { address: h, connect_timeout: 5 } }
defaults: { retry: { attempts: x } }
phases:
  A:
    checks:
      dump: { title: x, on: me, file: { path: 5 }, fresh: { at: modified_at, within: soon } }
      copy: { title: x, on: me, restic: { repository: 5, password_file: /p } }
      url: { title: x, http: { url: \"http://u:hunter2Zq7X@h/\" } }
      who: { title: x, on: me, command: { run: reboot }, require: stdout = 1 }
coverage:
  layers: { daily: {}, away: {} }
  services:
    db:
      daily: { proven_by: nope, max_loss: 1d }
      away: { proven_by: dump, max_loss: 0s }
";
    let ran = run(baseline, &["validate", "b.yml"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    for wanted in [
        "`version` is missing",
        "write the unit: `5s`",
        "b.yml:3:32",
        "soon",
        "b.yml:7:47",
        "b.yml:8:55",
        "a password in a URL",
        "reboot",
        "`nope`",
        "a duration has to be longer than zero here",
    ] {
        assert_eq!(
            said.matches(wanted).count().min(1),
            1,
            "{wanted} in\n{said}"
        );
    }
    // What cannot be told of a part that is wrong is not guessed.
    for unwanted in ["`dump`", "`copy`", "asks-nothing", "no-host", "no-kind"] {
        assert!(!said.contains(unwanted), "{unwanted} in\n{said}");
    }
}

#[rstest]
#[case(&["validate", "b.yml", "--json"], &["validate", "b.yml", "--format", "json"])]
#[case(&["coverage", "-b", "b.yml", "--json"], &["coverage", "-b", "b.yml", "--format", "json"])]
fn json_has_two_spellings(#[case] short: &[&str], #[case] long: &[&str]) {
    let baseline = of_check("file: { path: /x }")
        + "coverage: { layers: { daily: {} }, services: { db: { daily: { proven_by: a, max_loss: 1d } } } }\n";
    let [short, long] = [short, long].map(|args| run(&baseline, args));
    assert_eq!(short.status.code(), Some(0), "{short:?}");
    assert_eq!(short.stdout, long.stdout);
    let document: serde_json::Value = serde_json::from_slice(&short.stdout).expect("JSON");
    assert!(document.is_object(), "{document}");
}

#[test]
fn the_header_counts_the_hosts_of_a_check_of_several() {
    let baseline = "\
version: 1
name: t
hosts: { me: { local: true }, b: { address: 127.0.0.1, ssh: { port: 1 } }, c: { address: 127.0.0.1, ssh: { port: 1 } } }
phases:
  A:
    checks:
      a: { title: x, on: me, file: { path: / } }
      s: { title: x, same: { path: /etc/hostname, hosts: [b, c] }, retry: { attempts: 1 } }
";
    let ran = run(baseline, &["check", "-b", "b.yml", "--state", "none"]);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(said.contains("3 hosts, 2 checks"), "{said}{ran:?}");
}

/// A header that logs in is refused with what to write in its place.
#[rstest]
#[case("x-api-key: SECRET", "`x-api-key: { secret: env:X_API_KEY }`")]
#[case(
    "Authorization: Bearer SECRET",
    "`Authorization: { secret: env:AUTHORIZATION, prefix: \"Bearer \" }`"
)]
#[case(
    "cookie: \"lang=en; session=SECRET\"",
    "`cookie: { secret: env:COOKIE, prefix: \"lang=en; session=\" }`"
)]
fn a_header_that_logs_in_is_told_how_to_write_it(#[case] header: &str, #[case] written: &str) {
    let header = header.replace("SECRET", SECRET);
    let baseline = of_check(&format!(
        "http: {{ url: \"http://h/\", headers: {{ {header} }} }}"
    ));
    let ran = run(&baseline, &["validate", "b.yml"]);
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(78), "{told}");
    assert!(told.contains(&format!("write {written}")), "{told}");
    assert!(!told.contains(SECRET), "{told}");
}
