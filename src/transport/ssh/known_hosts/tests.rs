use rstest::rstest;

use super::*;

const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";
const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMFhTlpDO+PDNCQmvZvBZJXnDCRXSdSSUGyEZZLnMqQ/Kp2XAMM5tjLRWSmHdLxiJ2l6g7mqDCLo3LBmHoF0O0c=";

fn key(text: &str) -> PublicKey {
    PublicKey::from_openssh(text).expect("a key of these tests")
}

fn known(text: &str) -> KnownHosts {
    let mut known = KnownHosts::default();
    known.add(Path::new("known_hosts"), text);
    known
}

#[derive(Debug, PartialEq)]
enum Word {
    Known,
    Revoked,
    RevokedUnread,
    Changed,
    Unknown,
}

fn word(trust: &Trust) -> Word {
    match trust {
        Trust::Known => Word::Known,
        Trust::Revoked(_) => Word::Revoked,
        Trust::RevokedUnread(_) => Word::RevokedUnread,
        Trust::Changed { .. } => Word::Changed,
        Trust::Unknown { .. } => Word::Unknown,
    }
}

#[rstest]
#[case::plain("data188 {A}", "data188", 22, Word::Known)]
#[case::case_is_ignored("Data188 {A}", "dATA188", 22, Word::Known)]
#[case::another_host("data189 {A}", "data188", 22, Word::Unknown)]
#[case::several_names("k3s120,192.168.0.120 {A}", "192.168.0.120", 22, Word::Known)]
#[case::tabs("data188\t{A}\tcomment", "data188", 22, Word::Known)]
#[case::comment_words("data188 {A} wooo@110 laptop", "data188", 22, Word::Known)]
#[case::another_key("data188 {B}", "data188", 22, Word::Changed)]
#[case::both_keys("data188 {B}\ndata188 {A}", "data188", 22, Word::Known)]
#[case::star("192.168.0.* {A}", "192.168.0.188", 22, Word::Known)]
#[case::star_in_the_middle("data*.lan {A}", "data188.lan", 22, Word::Known)]
#[case::star_needs_the_rest("data*.lan {A}", "data188.lan.evil", 22, Word::Unknown)]
#[case::question_mark("data18? {A}", "data188", 22, Word::Known)]
#[case::question_mark_is_one("data18? {A}", "data18", 22, Word::Unknown)]
#[case::negated("*.lan,!evil.lan {A}", "evil.lan", 22, Word::Unknown)]
#[case::negated_comes_first("!evil.lan,*.lan {A}", "evil.lan", 22, Word::Unknown)]
#[case::not_the_negated("*.lan,!evil.lan {A}", "good.lan", 22, Word::Known)]
#[case::port("[data188]:2222 {A}", "data188", 2222, Word::Known)]
#[case::another_port("[data188]:2222 {A}", "data188", 22, Word::Unknown)]
#[case::falls_back_to_no_port("data188 {A}", "data188", 2222, Word::Known)]
#[case::never_changed_by_fallback("data188 {B}", "data188", 2222, Word::Unknown)]
#[case::port_with_wildcard("[192.168.0.*]:2222 {A}", "192.168.0.5", 2222, Word::Known)]
#[case::ipv6("fe80::1 {A}", "fe80::1", 22, Word::Known)]
#[case::ipv6_port("[fe80::1]:2222 {A}", "fe80::1", 2222, Word::Known)]
#[case::revoked("@revoked data188 {A}", "data188", 22, Word::Revoked)]
#[case::revoked_outweighs("data188 {A}\n@revoked * {A}", "data188", 22, Word::Revoked)]
#[case::revoked_without_port("@revoked data188 {A}", "data188", 2222, Word::Revoked)]
#[case::another_is_revoked("@revoked * {B}\ndata188 {A}", "data188", 22, Word::Known)]
#[case::revoked_for_another("@revoked data189 {A}\ndata188 {A}", "data188", 22, Word::Known)]
#[case::revoked_unread(
    "@revoked data188 ssh-ed25519 !!\ndata188 {A}",
    "data188",
    22,
    Word::RevokedUnread
)]
#[case::revoked_without_a_key("@revoked data*\ndata188 {A}", "data188", 2222, Word::RevokedUnread)]
#[case::revoked_whom("@revoked |1|x {B}\ndata188 {A}", "data188", 22, Word::RevokedUnread)]
#[case::revoked_unread_of_another(
    "@revoked data189 ssh-ed25519 !!\ndata188 {A}",
    "data188",
    22,
    Word::Known
)]
#[case::revoked_dsa("@revoked * ssh-dss AAAA\ndata188 {A}", "data188", 22, Word::Known)]
#[case::authority("@cert-authority *.lan {A}", "data188.lan", 22, Word::Unknown)]
#[case::another_type("data188 {ECDSA}", "data188", 22, Word::Unknown)]
#[case::bad_line_between(
    "data188 ssh-ed25519\nrubbish\ndata188 {A}",
    "data188",
    22,
    Word::Known
)]
#[case::ssh1_line("data188 1024 37 159238\ndata188 {A}", "data188", 22, Word::Known)]
#[case::bad_marker("@trusted data188 {A}", "data188", 22, Word::Unknown)]
#[case::comments("# data188 {A}\n\n   # {A}", "data188", 22, Word::Unknown)]
#[case::indented("   data188 {A}", "data188", 22, Word::Known)]
#[case::empty("", "data188", 22, Word::Unknown)]
fn decides(#[case] file: &str, #[case] host: &str, #[case] port: u16, #[case] expected: Word) {
    let file = file
        .replace("{A}", A)
        .replace("{B}", B)
        .replace("{ECDSA}", ECDSA);
    let trust = known(&file).trust(&HostName::new(host, port), &key(A));
    assert_eq!(word(&trust), expected, "{trust:?}");
}

/// As `ssh-keygen -H` writes them: salt and HMAC-SHA1 of the name.
#[rstest]
#[case("data188", 22, true)]
#[case("DATA188", 22, true)]
#[case("data188", 2222, true)]
#[case("data189", 22, false)]
fn reads_hashed_names(#[case] host: &str, #[case] port: u16, #[case] expected: bool) {
    let salt = b"0123456789abcdefghij";
    let hashed = |name: &str| {
        let salt_key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
        let hash = hmac::sign(&salt_key, name.as_bytes());
        let line = HostPatterns::HashedName {
            salt: salt.to_vec(),
            hash: hash.as_ref().try_into().expect("SHA-1 is 20 bytes"),
        };
        format!("{} {A}\n", line.to_string())
    };
    let file = hashed("data188") + &hashed("[data188]:2222");
    let trust = known(&file).trust(&HostName::new(host, port), &key(A));
    assert_eq!(trust == Trust::Known, expected);
}

#[test]
fn an_alias_stands_for_every_port() {
    let known = known(&format!("lab-188 {A}\n"));
    assert_eq!(
        known.trust(&HostName::alias("Lab-188"), &key(A)),
        Trust::Known
    );
}

#[test]
fn names_the_line_and_the_fingerprint_of_a_changed_key() {
    let known = known(&format!("# first\nother {A}\ndata188 {B}\n"));
    match known.trust(&HostName::new("data188", 22), &key(A)) {
        Trust::Changed { at, was } => {
            assert_eq!(at.to_string(), "known_hosts:3");
            assert_eq!(was, fingerprint(&key(B)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bad_line_is_a_warning_with_its_place() {
    let known = known("good ssh-ed25519\n@what a b c\nx ssh-ed25519 !!!\n|1|x ssh-ed25519 AAAA\n");
    let warnings = known.warnings();
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert!(
        warnings[0].starts_with("known_hosts:1 is skipped: "),
        "{warnings:?}"
    );
    assert!(warnings[1].contains("unknown marker @what"), "{warnings:?}");
}

#[rstest]
#[case::nothing_known("", Algorithm::Ed25519)]
#[case::ecdsa_known("data188 {ECDSA}", Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 })]
#[case::revoked_is_not_asked_for("@revoked data188 {ECDSA}", Algorithm::Ed25519)]
#[case::of_another_host("data189 {ECDSA}", Algorithm::Ed25519)]
fn asks_first_for_the_type_it_knows(#[case] file: &str, #[case] first: Algorithm) {
    let known = known(&file.replace("{ECDSA}", ECDSA));
    let algorithms = known.algorithms(&HostName::new("data188", 22));
    assert_eq!(algorithms[0], first);
    assert_eq!(algorithms.len(), ASKED_FOR.len(), "the others follow");
    assert!(
        !algorithms.contains(&Algorithm::Rsa { hash: None }),
        "no SHA-1"
    );
}

#[test]
fn asks_for_both_rsa_signatures_when_an_rsa_key_is_known() {
    let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDDz8hCCz6GPBzW4nWsk0uWf3TBPJkz7eMjYp7+OyEfOdNPOYbQ0v1vgwmi2NOfYj0/TvBkeBwQVJoAl8Wn3VSqYmUKbdQ4cJsjEZEe7YZ0B2rYy7Uuz6uUCnFUKR8m7CyR1+Ecq6YxJjwLP7cnZlGXzgAGaVn0E9DNuUYWXg0B2GkZs6MxRbQnLpDHSMy2ePrhpSvK2f6Vqz0aGHDXnHRNVJvMXYbSHlHfBvU9PydQMm8bLMgOBv2dX6z5XlhvcE3cOEl7X3mBv7QJHXKd8D/fc8jnCmRmPQ5uqSkgC8fTAf2MPOVcKQ9eOJzAJXg8KvTd8rgRCUJUTaawrqCzBAbV";
    let known = known(&format!("data188 {rsa}\n"));
    assert_eq!(known.warnings(), &[] as &[String]);
    let algorithms = known.algorithms(&HostName::new("data188", 22));
    assert_eq!(
        algorithms[0],
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha512)
        }
    );
    assert_eq!(
        algorithms[1],
        Algorithm::Rsa {
            hash: Some(HashAlg::Sha256)
        }
    );
}

#[tokio::test]
async fn reads_all_files_and_never_writes() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let user = dir.path().join("user");
    let global = dir.path().join("global");
    std::fs::write(&user, format!("data188 {ECDSA}\n")).expect("a file");
    std::fs::write(&global, format!("data188 {A}\n")).expect("a file");
    let missing = dir.path().join("missing");
    let known = KnownHosts::read(&[user, missing.clone(), global, dir.path().to_owned()]).await;
    assert_eq!(
        known.trust(&HostName::new("data188", 22), &key(A)),
        Trust::Known
    );
    assert_eq!(
        known.warnings().len(),
        1,
        "a directory is no file: {:?}",
        known.warnings()
    );
    assert!(!missing.exists());
}

#[test]
fn a_file_of_revoked_keys_outweighs_what_is_known() {
    let mut known = known(&format!("data188 {A}\ndata188 {ECDSA}"));
    let file = Path::new("/etc/ssh/revoked");
    let list = format!("# given up\n{A} a comment\n");
    assert_eq!(known.revoke(file, list.as_bytes()), Ok(()));
    let host = HostName::new("data188", 22);
    let Trust::Revoked(at) = known.trust(&host, &key(A)) else {
        panic!("not revoked");
    };
    assert_eq!(at.to_string(), "/etc/ssh/revoked:2");
    assert_eq!(known.trust(&host, &key(ECDSA)), Trust::Known);
}

#[rstest]
#[case(b"SSHKRL\n\0\x01", "binary list")]
#[case(b"\nssh-ed25519 what\n", "line 2")]
fn a_file_of_revoked_keys_is_read_whole_or_not_at_all(#[case] bytes: &[u8], #[case] why: &str) {
    let problem = KnownHosts::default().revoke(Path::new("x"), bytes);
    assert!(problem.is_err_and(|problem| problem.contains(why)));
}
