use rstest::rstest;

use super::*;

#[rstest]
#[case("postgres://u:geheim@h/db", "postgres://u:******@h/db")]
#[case("redis://:pw@h", "redis://:**@h")]
#[case("a http://u:a@b@h x", "a http://u:***@h x")]
#[case("postgres://u:a/b@h/db", "postgres://u:***@h/db")]
#[case("postgres://u:${pw}@h", "postgres://u:*****@h")]
#[case("https://h/?a=1&password=pw&b=2", "https://h/?a=1&password=**&b=2")]
#[case("postgres://u:é@h", "postgres://u:**@h")]
fn hidden_in_urls(#[case] text: &str, #[case] shown: &str) {
    assert_eq!(overwrite(text, url_passwords(text)), shown);
}

#[rstest]
fn left_in_urls(
    #[values(
        "postgres://u@h/db",
        "http://h:80/a@b",
        "http://[::1]:80/@",
        "postgres://u@${hosts.a.address}:5432/d",
        "http://${a}:${b}/x@y",
        "://u:p@h",
        "ssh u:p@h",
        "http://u:@h"
    )]
    text: &str,
) {
    assert!(url_passwords(text).is_empty(), "{text}");
}

#[rstest]
#[case("  password: hunter2\nx: 1", "  password: *******\nx: 1")]
#[case("{ db_password: \"a b\", x: 1 }", "{ db_password: *****, x: 1 }")]
#[case("'api-key' : abc", "'api-key' : ***")]
#[case("password: \"a, b\" }", "password: ****** }")]
#[case("x?token=abc&y=1 \"", "x?token=***&y=1 \"")]
#[case("Authorization: Bearer x", "Authorization: ********")]
fn hidden_by_name(#[case] text: &str, #[case] shown: &str) {
    assert_eq!(in_source(text), shown);
}

#[rstest]
fn left_by_name(
    #[values(
        "password: env:PW",
        "password: \"file:/run/pw\"",
        "token: credential:t",
        "secret: {}",
        "password:\n",
        "token == 'x'",
        "tokens"
    )]
    text: &str,
) {
    assert_eq!(in_source(text), text);
}

#[test]
fn as_long_as_before() {
    let text = "password: ünïcode\npostgres://ü:ß@h";
    assert_eq!(in_source(text).len(), text.len());
}

#[rstest]
#[case::login("sftp:u:hunter2@nas:/x", "sftp:u:*******@nas:/x")]
#[case::login_alone("u:hunter2@nas", "u:*******@nas")]
#[case::slash("sftp:u:a/b@nas:/x", "sftp:u:***@nas:/x")]
#[case::remote("of :webdav,pass=hunter2,user=u:", "of :webdav,pass=*******,user=u:")]
#[case::remote_in_quotes("x,pass='a b':y", "x,pass=*****:y")]
#[case::quotes_in_quotes("x,pass=''a b'':y", "x,pass=******':y")]
#[case::json("token={\"access_token\":\"a b\"}", "token={\"access_token\":*****}")]
#[case::key("x,key=abc,y=1", "x,key=***,y=1")]
#[case::of_azure(
    "https://h/c?sv=1&sig=abcdefghijklmnopqrst%3D&x=1",
    "https://h/c?sv=1&sig=***********************&x=1"
)]
#[case::of_aws(
    "https://h/k?X-Amz-Signature=0123456789abcdef0123 x",
    "https://h/k?X-Amz-Signature=******************** x"
)]
#[case::signed_by_google(
    "https://h/k?X-Goog-Signature=0123456789abcdef0123&x=1",
    "https://h/k?X-Goog-Signature=********************&x=1"
)]
#[case::signed_by_cloudfront(
    "https://h/k?Expires=1&Signature=abcdefghij-klmnopqrs~_",
    "https://h/k?Expires=1&Signature=**********************"
)]
#[case::of_google(
    "https://h/?key=abcdefghijklmnopqrst",
    "https://h/?key=********************"
)]
#[case::flag("x --db-password abc -v", "x --db-password *** -v")]
#[case::flag_in_a_list("[x, \"--token\", \"abc\"]", "[x, \"--token\", *****]")]
#[case::variable("PGPASSWORD=abc psql", "PGPASSWORD=*** psql")]
#[case::redis("redis-cli -h h -a abc ping", "redis-cli -h h -a *** ping")]
#[case::mysql("mysqldump -u a -pabc db", "mysqldump -u a -p*** db")]
#[case::sshpass("sshpass -p abc ssh h", "sshpass -p *** ssh h")]
#[case::curl("curl -u a:abc http://h", "curl -u a:*** http://h")]
#[case::curl_in_a_list(
    r#"run: [curl, -u, "a:abc", "http://h"]"#,
    r#"run: [curl, -u, "a:***", "http://h"]"#
)]
#[case::samba("smbclient -U a%abc //h/x", "smbclient -U a%*** //h/x")]
#[case::openssl("openssl x -passin pass:abc", "openssl x -passin pass:***")]
#[case::bearer("Bearer abc.d3f_ghi", "Bearer ***********")]
fn hidden_by_look(#[case] value: &str, #[case] shown: &str) {
    assert_eq!(text(value), shown);
}

#[rstest]
fn left_by_look(
    #[values(
        "expected a reference to a secret: `env:NAME`, `file:/path` or `credential:name`",
        "give its password: two words",
        "sftp:backup@nas:/srv/repo",
        "nginx:1.25@sha256:0123",
        "credential:backup@host",
        "mailto:ops@example.com",
        "getty@tty1.service",
        "nas:/path/a@b",
        "host:80/a@b",
        "--password-file /p",
        "--password env:PW",
        "restic --password-file /p -r sftp:u@h:/x snapshots",
        "json.token == 'x'",
        "mysql -p",
        "bypass=1",
        "https://h/v1/kv?key=registry&sig=none",
        "https://h/?key=${google_key_of_the_site}",
        "x,key=${k}:y"
    )]
    value: &str,
) {
    assert_eq!(text(value), value);
}

#[rstest]
#[case("password: >-\n  a b\nx: 1", "password: >-\n  ***\nx: 1")]
#[case("- password:\n    abc\n  x: 1", "- password:\n    ***\n  x: 1")]
#[case("password:\n  - abc\nx: 1", "password:\n  *****\nx: 1")]
#[case("token:\n  title: x\n", "token:\n  title: x\n")]
#[case("password: |\n  env:PW\n", "password: |\n  env:PW\n")]
fn hidden_below_a_name(#[case] source: &str, #[case] shown: &str) {
    assert_eq!(in_source(source), shown);
}

#[test]
fn an_environment_is_told_by_its_capitals() {
    let line = "{ r: @r, ST_KEY: abc, A_B: env:X, Ab_C: 1 }";
    let shown = overwrite(line, environment(line));
    assert_eq!(shown, "{ r: @r, ST_KEY: ***, A_B: env:X, Ab_C: 1 }");
}

#[test]
fn short_secrets_are_found_as_words() {
    let secrets = ["abcd".to_owned(), "abcdefgh".to_owned()];
    let found = |text: &str| overwrite(text, known(text, &secrets));
    assert_eq!(found("abcd abcde xabcdefghx"), "**** abcde x********x");
}
