//! Markers of what is in escrow: a secret planted into any text is noticed, and does not
//! come out.

use crate::probe::read_marker;

/// Of sorts that are known by their form, wherever they stand.
const SECRETS: [&str; 6] = [
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "AKIAIOSFODNN7EXAMPLE",
    "otpauth://totp/ops?secret=JBSWY3DPEHPK3PXP",
    "postgres://ops:hunter2hunter2@10.0.0.1/db",
    "5f4dcc3b5aa765d61d8327deb882cf99",
];

pub(super) fn target(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let half = (0..=text.len() / 2)
        .rev()
        .find(|at| text.is_char_boundary(*at));
    let (before, after) = text.split_at(half.unwrap_or_default());
    for secret in SECRETS {
        let planted = format!("{before}\n{secret}\n{after}");
        let told = read_marker(planted.as_bytes(), "restic_repository_password");
        assert!(
            told.starts_with("Suspicious"),
            "{secret} in {planted:?}: {told}"
        );
        assert!(!told.contains(secret), "{told}");
    }
    // What it comes to is one of a few words, and never a part of the text.
    let told = read_marker(input, "restic_repository_password");
    assert!(told.len() < 80, "{told}");
}
