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
