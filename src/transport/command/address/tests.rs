use rstest::rstest;

use super::*;

#[rstest]
#[case::path("/backup/gitea")]
#[case::path_with_a_colon("/backup/rclone::x,y")]
#[case::relative("./rclone::x")]
#[case::below("backup/gitea")]
#[case::local("local:/backup")]
#[case::rest("rest:https://me:hunter22@nas:8000/x,y")]
#[case::s3("s3:https://minio.lan/b")]
#[case::b2("b2:bucket:gitea")]
#[case::azure("azure:container:/")]
#[case::gs("gs:bucket:/")]
#[case::swift("swift:container:/x")]
#[case::remote("rclone:gdrive:backups/gitea")]
#[case::remote_s_names("rclone:My Drive-2:x")]
#[case::remote_with_a_colon("rclone:a.b+c@d_e:x:y")]
#[case::remote_path("rclone:/srv/x")]
#[case::sftp("sftp:nas:/srv/x")]
#[case::sftp_path("sftp:backup@nas.lan:-oProxyCommand=x")]
#[case::sftp_user("sftp:u123@storage@nas:/x,y")]
#[case::sftp_url("sftp://backup@nas.lan:2222//srv/x")]
#[case::sftp_login("sftp://backup:p;w$(x)@nas/x")]
#[case::sftp_v6("sftp://backup@[fe80::1%25eth0]:22/x")]
#[case::sftp_idn("sftp:bücher.example:/x")]
fn these_run_nothing_else(#[case] address: &str) {
    assert_eq!(problem(address), None, "{address}");
}

#[rstest]
#[case::on_the_fly("rclone::sftp,ssh=x:/")]
#[case::on_the_fly_alone("rclone::http:")]
#[case::settings("rclone:wd,bearer_token_command=/tmp/evil.sh:path")]
#[case::another_type("rclone:loc,type=webdav,bearer_token_command=x:")]
#[case::quoted("rclone:loc,x=\"a:b\",ssh=x:p")]
#[case::settings_without_a_path("rclone:loc,ssh=x")]
#[case::flag("rclone:--password-command=x")]
#[case::short_flag("rclone:-vv")]
#[case::flag_as_a_name("rclone:-x:y")]
#[case::blank(r"rclone: :sftp,ssh=x:")]
#[case::blank_name("rclone: a:")]
#[case::nothing("rclone:")]
#[case::odd_name("rclone:a$(x):y")]
#[case::odd_quotes("rclone:'a':y")]
fn a_remote_is_a_name(#[case] address: &str) {
    assert_eq!(problem(address), Some(REMOTE), "{address}");
}

#[rstest]
#[case::flag("sftp:-oProxyCommand=x:/y")]
#[case::flag_alone("sftp:-oProxyCommand=x")]
#[case::after_a_user("sftp:me@-oProxyCommand=x:/y")]
#[case::user("sftp:-oProxyCommand=x@nas:/y")]
#[case::between("sftp:me@you@-oProxyCommand=x@nas:/y")]
#[case::url("sftp://-oProxyCommand=x/y")]
#[case::url_after_a_user("sftp://me@-oProxyCommand=x/y")]
#[case::url_user("sftp://-oProxyCommand=x@nas/y")]
#[case::url_with_more("sftp:////-oProxyCommand=x/y")]
// Go takes the brackets off, and before 2025 took anything in them.
#[case::brackets("sftp://[-oProxyCommand=x]/y")]
#[case::brackets_after_a_user("sftp://me@[-oProxyCommand=x]:22/y")]
#[case::zone("sftp://[::1%25$(x)]/y")]
#[case::escapes("sftp://%2DoProxyCommand=x/y")]
#[case::escapes_of_a_user("sftp://%2Dx@nas/y")]
#[case::query("sftp://nas?x@-oProxyCommand=x/y")]
#[case::fragment("sftp://nas#x@-oProxyCommand=x/y")]
// `%h` of a ProxyCommand in the login's own configuration.
#[case::shell("sftp:nas`id`:/y")]
#[case::shell_of_a_user("sftp:me;id@nas:/y")]
#[case::blank("sftp:nas -oProxyCommand=x:/y")]
#[case::port("sftp://nas:22x/y")]
#[case::nobody("sftp::/y")]
#[case::nothing("sftp:")]
fn a_host_is_a_name(#[case] address: &str) {
    assert_eq!(problem(address), Some(HOST), "{address}");
}

#[rstest]
#[case("exec:/tmp/evil.sh")]
#[case("RCLONE::sftp,ssh=x:/")]
#[case(" rclone::sftp,ssh=x:/")]
#[case("sftp.command:x")]
#[case("https://nas/x")]
#[case(":x")]
fn another_kind_is_not_known(#[case] address: &str) {
    assert_eq!(problem(address), Some(SCHEME), "{address}");
}

fn secrets(address: &str) -> Vec<String> {
    use secrecy::ExposeSecret as _;
    let found = secrets_in(address).into_iter();
    found
        .map(|secret| secret.expose_secret().to_owned())
        .collect()
}

#[rstest]
#[case::token("rest:http://TOKENTOKENTOKEN@127.0.0.1:1/x", &["TOKENTOKENTOKEN"])]
#[case::login("rest:https://backup:hunter22@nas/backup", &["backup:hunter22", "hunter22"])]
#[case::no_plain_name("rest:https://Zm9vYmFy:x@nas/", &["Zm9vYmFy", "Zm9vYmFy:x", "x"])]
#[case::slash("rest:https://user:pa/ssw0rd@127.0.0.1:1/x", &["pa/ssw0rd", "user:pa/ssw0rd"])]
#[case::at_and_slash("rest:https://user:p@ss/word@nas/x", &["p", "p@ss/word", "user:p", "user:p@ss/word"])]
#[case::escapes("rest:https://user:p%40ss%2Fw@nas/", &["p%40ss%2Fw", "p@ss/w", "user:p%40ss%2Fw", "user:p@ss/w"])]
#[case::no_escapes("rest:https://100%ABC%@nas/", &["100%ABC%"])]
#[case::no_scheme("rest:user:pa/ss@nas/", &["pa/ss", "user:pa/ss"])]
#[case::s3("s3:https://AKIA:s3cr3t@minio/b", &["AKIA", "AKIA:s3cr3t", "s3cr3t"])]
#[case::query("rest:https://nas/x?token=abcd&y", &["abcd", "token=abcd&y"])]
#[case::ssh_user("sftp:root@nas:/srv/x@y", &[])]
#[case::ssh_url("sftp://root@nas:22//srv/x@y", &[])]
#[case::ssh_password("sftp://root:hunter22@nas/x", &["hunter22", "root:hunter22"])]
#[case::path("/backup/x@y", &[])]
#[case::none("rest:https://nas:8000/x", &[])]
#[case::odd("rest:https://@nas/", &[])]
fn what_is_secret_in_an_address(#[case] address: &str, #[case] expected: &[&str]) {
    assert_eq!(secrets(address), expected);
}

#[rstest]
#[case::none(
    "Fatal: dial tcp 127.0.0.1:1: root@nas",
    "Fatal: dial tcp 127.0.0.1:1: root@nas"
)]
#[case::no_login(
    r#"Head "http://nas/x": refused by a@b"#,
    r#"Head "http://nas/x": refused by a@b"#
)]
#[case::token(
    r#"Head "http://TOKENTOKENTOKEN@127.0.0.1:1/x/config": connection refused"#,
    r#"Head "http://***@127.0.0.1:1/x/config": connection refused"#
)]
#[case::slash(
    r#"parse "https://user:pa/ssw0rd@127.0.0.1:1/x/": invalid port ":pa" after host"#,
    r#"parse "https://***@127.0.0.1:1/x/": invalid port "***" after host"#
)]
#[case::escape(
    r#"parse "https://u:a%zz@nas/": invalid URL escape "%zz""#,
    r#"parse "https://***@nas/": invalid URL escape "***""#
)]
#[case::quotes(
    r#"parse "https://u:a\"b c@nas/": x@y"#,
    r#"parse "https://***@nas/": x@y"#
)]
#[case::in_json(
    r#"{"x":"Head \"http://tok@nas/\": no"}"#,
    r#"{"x":"Head \"http://***@nas/\": no"}"#
)]
#[case::scheme(
    r#""rest:https://u:p@nas/" is none"#,
    r#""rest:https://***@nas/" is none"#
)]
#[case::bare(
    "repository at rest:https://u:p q@nas/ failed",
    "repository at rest:https://***@nas/ failed"
)]
#[case::two(
    r#"Get "http://a@b/": to "http://c:d@e/f@g""#,
    r#"Get "http://***@b/": to "http://***@g""#
)]
#[case::lines("http://a@b/\nhttp://c/\nd@e\n", "http://***@b/\nhttp://c/\nd@e\n")]
#[case::cut(r#"Head "http://u:p@na"#, r#"Head "http://***@na"#)]
fn what_a_program_says_has_no_login(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(without_logins(text), expected);
}
