use jiff::Timestamp;
use rstest::rstest;
use serde_json::json;

use super::marker::{Marker, Sort, When, read};
use super::*;
use crate::probe::kinds::stage::{fact, host, kind, run, stage, target};
use crate::servers::ssh::Answer;

const ITEM: &str = "restic_repository_password";

fn look(text: &str) -> Marker {
    read(text.as_bytes(), true, ITEM)
}

#[rstest]
#[case::plain("VLT-2026-06-0012\n")]
#[case::uuid("b7d5ee4e-3f1c-4c53-9a52-0b1d2c3e4f50")]
#[case::words("sealed envelope 14, safe 2")]
#[case::item_id("op://Recovery/restic/t2bbnl6x2zgjrkqmv5b7yk4u3e")]
#[case::json(
    r#"{"item":"restic_repository_password","evidence_id":"VLT-2026-06-0012","verified_by":"ogt"}"#
)]
#[case::pairs("item=restic_repository_password\nevidence_id=recovery-checklist-7\nverified_by=ogt")]
#[case::yaml("# a marker\nitem: restic_repository_password\nevidence-id: \"SealedEnvelope2026\"")]
#[case::camel("BreakGlassRecord2026A")]
#[case::chinese("封存信封 14")]
#[case::address("op://Recovery/restic")]
#[case::ticket("evidence_id=INC0012345")]
#[case::number("evidence_id=40017")]
#[case::words_that_only_begin_alike("exchange-meeting-7")]
#[case::a_vault_s_numbers("evidence_id: vault/item/id/2207")]
#[case::filled("landfill 3, box 9")]
#[case::times("evidence_id: a-1\nchecked: 20260605 20260612 20260619\nphone: 02 2345 6789")]
#[case::an_address_with_signs(
    "evidence_id: a-1\nlink: op://Recovery/restic?attribute=id&version=12"
)]
#[case::prose(
    "evidence_id=a-1\nnote=restored last full backup into fresh test host and all tables were there"
)]
#[case::a_clock_of_another_zone("evidence_id=a-1\nseen=2026-06-13T13:10:00+08:00")]
fn what_has_an_identifier(#[case] text: &str) {
    assert_eq!(look(text), Marker::Verified(When::Untold));
}

#[rstest]
#[case(
    "evidence_id=a-1\nverified_at=2026-06-13T13:10:00+08:00",
    "2026-06-13T05:10:00Z"
)]
#[case(
    r#"{"evidence_id":"a-1","verified_at":1780656904}"#,
    "2026-06-05T10:55:04Z"
)]
#[case("id: a-1\nverified: 2026-06-13", "2026-06-13T00:00:00Z")]
fn when_it_was_verified(#[case] text: &str, #[case] at: &str) {
    let at: Timestamp = at.parse().expect("a time");
    assert_eq!(look(text), Marker::Verified(When::At(at)));
}

#[rstest]
#[case("evidence_id=a-1\nverified_at=06/05/2025")]
#[case(r#"{"evidence_id":"a-1","verified_at":"last spring"}"#)]
fn a_time_that_cannot_be_read_is_not_that_of_the_file(#[case] text: &str) {
    assert_eq!(look(text), Marker::Verified(When::Unreadable));
}

#[rstest]
#[case("")]
#[case("\n\n")]
#[case::prose_before_it("Locked away in the safe\nevidence_id: EVIDENCE_ID_FOR_RESTIC")]
#[case::another_id_before_it("id: 42\nevidence_id: VAULT-ITEM-ID")]
#[case::of_two_one("evidence_id: a-1\nevidence_id: TODO")]
#[case::the_id_of_a_part(r#"{"approver":{"id":"u1"},"evidence_id":"EVIDENCE_ID_FOR_X"}"#)]
#[case::of_a_part_alone(r#"{"approver":{"id":"u1"}}"#)]
#[case::prose_alone("Locked away in the safe\nby ogt")]
#[case("EVIDENCE_ID_FOR_RESTIC")]
#[case("evidence_id=EVIDENCE_ID_FOR_restic_repository_password")]
#[case("VAULT-ITEM-ID")]
#[case("evidence_id=TODO")]
#[case("<non-secret-evidence-id>")]
#[case("evidence_id=")]
#[case("item=restic_repository_password")]
#[case("restic_repository_password")]
#[case(r#"{"evidence_id":null}"#)]
#[case(r#"{"evidence_id":"changeme"}"#)]
#[case("{ broken")]
#[case("n/a")]
#[case("evidence_id=CHANGE_ME")]
#[case("evidence_id=change-me-1")]
#[case("REPLACE_WITH_REAL_ID")]
#[case("REPLACE_WITH_REAL_ID_2026")]
#[case("YOUR-ID-HERE")]
#[case("VAULT-ITEM-ID-HERE")]
#[case("MY_VAULT-ITEM-ID")]
#[case("op://VAULT/ITEM/ID")]
#[case("op://")]
#[case(r#"{"evidence_id":"missing"}"#)]
#[case("not yet")]
#[case("not yet, see ticket 12")]
#[case("evidence id for restic, 2026")]
#[case("XXXX-XXXX-1")]
#[case("VLT-0000")]
#[case::zero(r#"{"evidence_id":0}"#)]
#[case::zero("evidence_id: 00")]
#[case("pending 2026")]
#[case("00000000-0000-0000-0000-000000000000")]
#[case::a_pass_phrase("correct horse battery staple")]
#[case::prose("in the safe")]
fn what_has_none(#[case] text: &str) {
    assert_eq!(look(text), Marker::Placeholder);
}

const SECRETS: &[(&str, Sort)] = &[
    (
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END",
        Sort::Pem,
    ),
    ("AKIAIOSFODNN7EXAMPLE", Sort::Token),
    ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", Sort::Token),
    ("glpat-9s8d7f6g5h4j3k2l1m", Sort::Token),
    ("ya29.a0AfH6SMBx1q2w3e4r5t6y", Sort::Token),
    ("1//0gKq1w2e3r4t5y6u7i8o9p", Sort::Token),
    (
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        Sort::Token,
    ),
    ("hvs.CAESIJlU02LQZ1w2e3r4t5", Sort::Token),
    (
        "otpauth://totp/ops?secret=JBSWY3DPEHPK3PXP",
        Sort::OneTimePassword,
    ),
    ("JBSWY3DPEHPK3PXP", Sort::OneTimePassword),
    (
        "https://ogt:hunter2@vault.example/item",
        Sort::AddressWithPassword,
    ),
    (
        "rest:http://backup:s3cr3t@10.0.0.1:8000/",
        Sort::AddressWithPassword,
    ),
    (
        "dGhpcyBpcyBhIHZlcnkgc2VjcmV0IHBhc3N3b3JkIGluZGVlZA==",
        Sort::Base64,
    ),
    ("5f4dcc3b5aa765d61d8327deb882cf99", Sort::Hexadecimal),
    ("Xk9fPq2LmZ7wT4", Sort::Random),
    ("correct-horse!battery$staple", Sort::Signs),
    ("hunter2", Sort::Word),
    ("P@ssw0rd", Sort::Word),
    ("a1b2c-d3e4f\ng5h6i-j7k8l\nm9n0o-p1q2r", Sort::RecoveryCodes),
];

#[rstest]
#[case::short_name(r#"{"evidence_id":"X-1","pw":"abc"}"#, Sort::SecretField)]
#[case::yaml("evidence_id: X-1\npass: abc", Sort::SecretField)]
#[case::german(r#"{"evidence_id":"X-1","passwort":"abc"}"#, Sort::SecretField)]
#[case::chinese(r#"{"evidence_id":"X-1","密碼":"abc"}"#, Sort::SecretField)]
#[case::chinese_yaml("evidence_id: X-1\n密碼: abc", Sort::SecretField)]
#[case::any_field(r#"{"evidence_id":"X-1","hint":"Summer2026!"}"#, Sort::Password)]
#[case::prose(r#"{"evidence_id":"X-1","note":"it is Tr0ub4dor&3"}"#, Sort::Password)]
#[case::list(
    r#"{"evidence_id":"X-1","backup":["1234 5678","2345 6789","3456 7890"]}"#,
    Sort::RecoveryCodes
)]
#[case::line(
    "evidence_id=X-1\nhint: 12345678 23456789 34567890",
    Sort::RecoveryCodes
)]
#[case::list_of_codes(
    r#"{"evidence_id":"VLT-1","codes":["1234-5678","8765-4321"]}"#,
    Sort::RecoveryCodes
)]
#[case::list_of_words_and_numbers(
    r#"{"evidence_id":"VLT-1","left":["abcd-1234","efgh-5678"]}"#,
    Sort::RecoveryCodes
)]
#[case::recovery_phrase(
    "abandon ability able about above absent absorb abstract absurd abuse access accident 1",
    Sort::RecoveryWords
)]
#[case::list_of_words(
    r#"{"evidence_id":"VLT-1","words":["abandon","ability","able","about","above","absent","absorb","abstract","absurd","abuse","access","acid"]}"#,
    Sort::RecoveryWords
)]
fn a_secret_beside_an_identifier(#[case] text: &str, #[case] sort: Sort) {
    assert_eq!(look(text), Marker::Suspicious(sort));
}

#[rstest]
#[case::items(r#"{"evidence_id":"VLT-1","covers":["VLT-2026-0012","VLT-2026-0013"]}"#)]
#[case::dates(r#"{"evidence_id":"VLT-1","looked_at":["2026-06-05","2026-06-12"]}"#)]
#[case::prose(
    "evidence_id: VLT-1\nnote: sealed envelope kept with both keys in the safe of the second floor"
)]
fn what_is_beside_an_identifier_and_no_secret(#[case] text: &str) {
    let seen = look(text);
    assert!(matches!(seen, Marker::Verified(_)), "{text}: {seen:?}");
}

/// Whatever a secret stands in, it is noticed.
#[test]
fn what_looks_like_a_secret() {
    for (secret, sort) in SECRETS {
        assert_eq!(look(secret), Marker::Suspicious(*sort), "{secret}");
        let pairs = format!("item={ITEM}\nevidence_id={secret}\n");
        assert!(matches!(look(&pairs), Marker::Suspicious(_)), "{pairs}");
        let json = json!({ "evidence_id": "VLT-2026-0012", "note": secret }).to_string();
        let noticed = matches!(look(&json), Marker::Suspicious(_));
        assert!(
            noticed || matches!(sort, Sort::Signs | Sort::Word | Sort::RecoveryCodes),
            "{json}"
        );
    }
    for field in [
        "password",
        "client_secret",
        "api-key",
        "refresh_token",
        "otp",
    ] {
        let text = format!("evidence_id=VLT-2026-0012\n{field}=hunter2");
        assert_eq!(look(&text), Marker::Suspicious(Sort::SecretField), "{text}");
    }
    assert_eq!(
        read(b"VLT-\xff", true, ITEM),
        Marker::Suspicious(Sort::Binary)
    );
    assert_eq!(
        read(b"VLT-1", false, ITEM),
        Marker::Suspicious(Sort::TooLong)
    );
}

fn evidence(options: serde_json::Value) -> Evidence {
    kind(options)
}

const STAT: &str = "40,1780656904,640,root,regular file\n";

#[tokio::test]
async fn markers_of_a_host() {
    let stage = stage(|command| match command {
        command if command.contains("stat") && command.contains("dns_registrar") => {
            Answer::fails(1, "stat: cannot statx 'x': No such file or directory")
        }
        command if command.contains("stat") => Answer::ok(STAT),
        command if command.contains("restic") => {
            Answer::ok("evidence_id=VLT-1\nverified_at=2026-06-01T00:00:00Z\n")
        }
        command if command.contains("break_glass") => Answer::ok("EVIDENCE_ID_FOR_BREAK_GLASS\n"),
        command if command.contains("oauth") => {
            Answer::ok("ghp_16C7e42F292c6912E7710c838347Ae178B4a")
        }
        _ => Answer::ok("envelope 14\n"),
    })
    .await;
    let check = evidence(json!({
        "directory": "/backup/escrow/",
        "items": [ITEM, "offsite", "break_glass", "dns_registrar", "oauth"],
        "suffix": ".marker",
    }));
    let facts = run(&check, &stage.context).await.expect("facts");
    let of = |name| fact(&facts, name);
    assert_eq!((of("items"), of("present")), (json!(5), json!(2)));
    assert_eq!(of("missing"), json!(["dns_registrar"]));
    assert_eq!(of("placeholders"), json!(["break_glass"]));
    assert_eq!(of("suspicious"), json!(["oauth: a token of a known form"]));
    assert_eq!(of("oldest_verified_at"), json!("2026-06-01T00:00:00Z"));
    let commands = check.commands(&stage.context.target).concat().join(" ");
    assert!(
        commands.contains("/backup/escrow/oauth.marker"),
        "{commands}"
    );
}

/// Nothing of what it says goes on.
#[tokio::test]
async fn a_secret_does_not_come_out() {
    for (secret, _) in SECRETS {
        let stage = stage(|command| {
            if command.contains("stat") {
                Answer::ok(STAT)
            } else {
                Answer::ok(*secret)
            }
        })
        .await;
        let check = evidence(json!({ "files": { "a": "/backup/escrow/a" } }));
        let told = format!("{:?}", run(&check, &stage.context).await);
        for part in secret.split_whitespace().filter(|part| part.len() > 5) {
            assert!(!told.contains(part), "{part} in {told}");
        }
        assert!(told.contains("suspicious"), "{told}");
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_a_fault() {
    let stage = stage(|command| {
        if command.contains("stat") {
            Answer::ok(STAT)
        } else {
            Answer::fails(
                1,
                "head: cannot open '/backup/escrow/a' for reading: Permission denied",
            )
        }
    })
    .await;
    let check = evidence(json!({ "files": { "a": "/backup/escrow/a" } }));
    let fault = run(&check, &stage.context).await.expect_err("a fault");
    assert_eq!(fault.kind, crate::probe::FaultKind::Denied);
}

#[rstest]
#[case::nothing(json!({}))]
#[case::both(json!({ "directory": "/a", "items": ["a"], "files": { "a": "/a" } }))]
#[case::no_items(json!({ "directory": "/a" }))]
#[case::items_of_files(json!({ "items": ["a"], "files": { "a": "/a" } }))]
#[case::twice(json!({ "directory": "/a", "items": ["a", "a"] }))]
#[case::way_out(json!({ "directory": "/a", "items": ["../b"] }))]
#[case::suffix(json!({ "directory": "/a", "items": ["a"], "suffix": "/b" }))]
#[case::relative(json!({ "directory": "a", "items": ["a"] }))]
#[case::relative_file(json!({ "files": { "a": "b" } }))]
fn what_does_not_go_together(#[case] options: serde_json::Value) {
    let problems = evidence(options).problems(&target(host(22)), &Policy::default());
    assert_eq!(problems.len(), 1, "{problems:?}");
}
