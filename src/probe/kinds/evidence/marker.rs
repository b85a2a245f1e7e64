//! The text of a marker → what it comes to. Nothing that leaves this file holds any
//! part of the text, by its type.

use base64::Engine;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::password::{are_codes, are_recovery_words, is_password};
use super::placeholder::is_placeholder;

/// What a marker comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// It has an identifier, and may say when that was verified.
    Verified(When),
    /// It has a placeholder for an identifier, or none.
    Placeholder,
    /// It looks like a secret.
    Suspicious(Sort),
}

/// When a marker says that it was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// It says so.
    At(Timestamp),
    /// It says something that is no time.
    Unreadable,
    /// It says nothing of it.
    Untold,
}

/// What sort of secret a marker looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Binary,
    TooLong,
    Pem,
    Token,
    OneTimePassword,
    AddressWithPassword,
    SecretField,
    RecoveryCodes,
    RecoveryWords,
    Base64,
    Hexadecimal,
    Random,
    Signs,
    Word,
    Password,
}

impl Sort {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Binary => "bytes that are no text",
            Self::TooLong => "too long for a marker",
            Self::Pem => "a PEM block, such as a private key",
            Self::Token => "a token of a known form",
            Self::OneTimePassword => "a seed of one-time passwords",
            Self::AddressWithPassword => "an address with a password",
            Self::SecretField => "a field called as a secret",
            Self::RecoveryCodes => "recovery codes",
            Self::RecoveryWords => "a row of plain words, as of a recovery phrase",
            Self::Base64 => "long base64",
            Self::Hexadecimal => "long hexadecimal digits",
            Self::Random => "random signs",
            Self::Signs => "signs that no identifier has",
            Self::Word => "one short word of letters and digits, as a password",
            Self::Password => "a word with letters, digits and signs, as a password",
        }
    }
}

/// Reads a marker of `item`. `whole` says whether these bytes are all of it.
pub(super) fn read(bytes: &[u8], whole: bool, item: &str) -> Marker {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Marker::Suspicious(Sort::Binary);
    };
    if !whole {
        return Marker::Suspicious(Sort::TooLong);
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    if text
        .chars()
        .any(|next| next.is_control() && !next.is_whitespace())
    {
        return Marker::Suspicious(Sort::Binary);
    }
    if let Some(sort) = secret(text) {
        return Marker::Suspicious(sort);
    }
    let Some(fields) = fields(text) else {
        return Marker::Suspicious(Sort::TooLong);
    };
    for field in &fields {
        if let Some(sort) = secret_field(&field.key, &field.value, item) {
            return Marker::Suspicious(sort);
        }
    }
    if has_codes(&fields) {
        return Marker::Suspicious(Sort::RecoveryCodes);
    }
    let named = |name: &str| {
        let of = fields
            .iter()
            .filter(|field| field.is_top && field.key == name);
        of.map(|field| field.value.as_str()).collect::<Vec<_>>()
    };
    // A line of prose is an identifier only where it is all there is, and the id of
    // something else in the marker is none beside `evidence_id`.
    let names = ["evidenceid", "evidence", "id"].map(named);
    let said = names.into_iter().find(|values| !values.is_empty());
    let identifiers = match fields.as_slice() {
        [only] if only.key.is_empty() => vec![only.value.as_str()],
        _ => said.unwrap_or_default(),
    };
    let placeholder = |identifier: &&str| is_placeholder(identifier, item);
    if identifiers.is_empty() || identifiers.iter().any(placeholder) {
        return Marker::Placeholder;
    }
    if identifiers.iter().any(|identifier| is_word(identifier)) {
        return Marker::Suspicious(Sort::Word);
    }
    let times = ["verifiedat", "verified", "verifiedon", "timestamp", "date"].map(named);
    let said = times.into_iter().find_map(|values| values.first().copied());
    Marker::Verified(match said.map(time) {
        Some(Some(at)) => When::At(at),
        Some(None) => When::Unreadable,
        None => When::Untold,
    })
}

struct Field {
    /// In lower case without signs; empty for a line of plain text.
    key: String,
    value: String,
    /// It stands in the marker itself, and not in a part of its JSON.
    is_top: bool,
}

/// What a marker has, in its order. None where JSON is nested too deep to be a marker.
fn fields(text: &str) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    if text.starts_with(['{', '[', '"']) {
        return match serde_json::from_str(text) {
            Ok(json) => flatten("", &json, 0, &mut fields).then_some(fields),
            // Broken: no field is an identifier, and the text was looked through.
            Err(_) => Some(fields),
        };
    }
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = |key: &str| {
            let words = key.strip_prefix("export ").unwrap_or(key).trim();
            let is_key = |next: char| next.is_alphanumeric() || "_- .".contains(next);
            (!words.is_empty() && words.len() <= 64 && words.chars().all(is_key))
                .then(|| plain(words))
        };
        let splits = [
            line.split_once('='),
            line.split_once(": "),
            line.strip_suffix(':').map(|name| (name, "")),
        ];
        // What follows a colon may have a `=` in it.
        let pair = splits
            .into_iter()
            .flatten()
            .find_map(|(name, value)| Some((key(name)?, value)));
        let (key, value) = pair.unwrap_or((String::new(), line));
        let value = value.trim().trim_matches(['"', '\'']).trim();
        fields.push(Field {
            key,
            value: value.to_owned(),
            is_top: true,
        });
    }
    Some(fields)
}

/// As keys are compared: `Evidence-ID` is `evidenceid`.
pub(super) fn plain(key: &str) -> String {
    key.chars()
        .filter(|next| next.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn flatten(key: &str, json: &serde_json::Value, depth: usize, fields: &mut Vec<Field>) -> bool {
    use serde_json::Value as Json;
    let field = |value: String| Field {
        key: key.to_owned(),
        value,
        is_top: depth <= 1,
    };
    match json {
        _ if depth > 4 => return false,
        Json::Object(members) => {
            for (name, value) in members {
                if !flatten(&plain(name), value, depth + 1, fields) {
                    return false;
                }
            }
        }
        Json::Array(items) => {
            for item in items {
                if !flatten(key, item, depth + 1, fields) {
                    return false;
                }
            }
        }
        Json::String(text) => fields.push(field(text.trim().to_owned())),
        Json::Null => fields.push(field(String::new())),
        Json::Bool(_) | Json::Number(_) => fields.push(field(json.to_string())),
    }
    true
}

/// What a whole text looks like, whatever its form.
fn secret(text: &str) -> Option<Sort> {
    let lower = text.to_ascii_lowercase();
    if text.contains("-----BEGIN") || text.contains("BEGIN PGP") {
        return Some(Sort::Pem);
    }
    if lower.contains("otpauth:") || lower.contains("otpauth-migration:") {
        return Some(Sort::OneTimePassword);
    }
    if has_password(text) {
        return Some(Sort::AddressWithPassword);
    }
    let codes = text.lines().filter(|line| is_code(line.trim())).count();
    if codes >= 2 || are_codes(text) {
        return Some(Sort::RecoveryCodes);
    }
    if are_recovery_words(text) {
        return Some(Sort::RecoveryWords);
    }
    let apart = |next: char| next.is_whitespace() || "\"',;()[]{}<>|`".contains(next);
    // A key before its value is no part of it.
    let words = text.split(apart).flat_map(|word| {
        let pair = word.split_once('=').filter(|(key, _)| !key.contains('/'));
        let value = pair.map(|(_, value)| value);
        std::iter::once(word).chain(value)
    });
    words
        .into_iter()
        .find_map(|word| look(word.trim_matches(['.', ':'])))
}

/// `scheme://user:password@host`.
fn has_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let rest = &text[at + 3..];
        let end = rest.find(|next: char| next.is_whitespace() || "/?#\"'".contains(next));
        let authority = &rest[..end.unwrap_or(rest.len())];
        let login = authority.rsplit_once('@').map(|(login, _)| login);
        login.is_some_and(|login| {
            login
                .split_once(':')
                .is_some_and(|(_, word)| !word.is_empty())
        })
    })
}

/// Two codes or more in one list of JSON. Identifiers begin with what they are of,
/// `VLT-2026-0012`, as in a list of items that were verified together.
fn has_codes(fields: &[Field]) -> bool {
    let is_code = |field: &Field| {
        let start = field.value.split(['-', ' ']).next().unwrap_or_default();
        let is_prefix = start.bytes().all(|byte| byte.is_ascii_uppercase());
        !is_prefix && is_group(&field.value)
    };
    let is_list = |pair: &[Field]| pair[0].key == pair[1].key && pair.iter().all(is_code);
    fields.windows(2).any(is_list)
}

/// `abcd-1234`, `12345678`, `a1b2c-d3e4f`, with or without a number before it.
fn is_code(line: &str) -> bool {
    let line = line.trim_start_matches(|next: char| next.is_ascii_digit() || next == '.');
    let code = if line.starts_with([' ', '\t', ')']) {
        line.trim_start_matches([' ', '\t', ')'])
    } else {
        return line.is_empty() || line.starts_with('-') || is_group(line);
    };
    is_group(code)
}

fn is_group(code: &str) -> bool {
    let groups: Vec<&str> = code.split(['-', ' ']).collect();
    code.len() >= 6
        && code.chars().any(|next| next.is_ascii_digit())
        && groups
            .iter()
            .all(|group| group.len() >= 3 && group.chars().all(|next| next.is_ascii_alphanumeric()))
}

/// What tokens of well-known services begin with, and how long they are at least.
const TOKENS: [(&str, usize); 33] = [
    ("AKIA", 16),
    ("ASIA", 16),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("gldt-", 16),
    ("xoxb-", 12),
    ("xoxp-", 12),
    ("xoxa-", 12),
    ("xapp-", 12),
    ("sk-", 20),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("AIza", 30),
    ("ya29.", 12),
    ("1//0", 16),
    ("GOCSPX-", 16),
    ("hvs.", 16),
    ("s.", 26),
    ("eyJ", 24),
    ("dop_v1_", 16),
    ("npm_", 20),
    ("pypi-", 20),
    ("SG.", 20),
    ("AGE-SECRET-KEY-", 16),
    ("K00", 28),
    ("tskey-", 16),
    ("nvapi-", 16),
    ("hf_", 20),
];

/// What one word looks like.
fn look(word: &str) -> Option<Sort> {
    let is_token = TOKENS.iter().any(|(start, least)| {
        word.match_indices(start).any(|(at, _)| {
            let before = word[..at].chars().next_back();
            before.is_none_or(|last| !last.is_ascii_alphanumeric()) && word.len() - at >= *least
        })
    });
    if is_token {
        return Some(Sort::Token);
    }
    if is_password(word) {
        return Some(Sort::Password);
    }
    // An identifier has parts; a secret is one long run.
    let runs = word.split(|next: char| !(next.is_ascii_alphanumeric() || "+/=".contains(next)));
    runs.into_iter().find_map(run)
}

fn run(run: &str) -> Option<Sort> {
    let body = run.trim_end_matches('=');
    // A path has slashes, and parts that are names.
    if body.contains('/') && body.split('/').all(|part| part.len() < 32) {
        return body.split('/').find_map(random);
    }
    let hexadecimal = body.chars().all(|next| next.is_ascii_hexdigit());
    if body.len() >= 32 && hexadecimal {
        return Some(Sort::Hexadecimal);
    }
    let seed = |next: char| next.is_ascii_uppercase() || ('2'..='7').contains(&next);
    let digits = body.chars().filter(char::is_ascii_digit).count();
    if body.len() >= 16 && body.chars().all(seed) && digits > 0 && digits < body.len() {
        return Some(Sort::OneTimePassword);
    }
    let decodes = || {
        let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
        engine.decode(body).is_ok()
    };
    if body.len() >= 40 || (run.len() > body.len() && body.len() >= 12 && decodes()) {
        return Some(Sort::Base64);
    }
    random(body)
}

/// Small and capital letters and digits that change all the time, as in no name.
fn random(text: &str) -> Option<Sort> {
    let has = |of: fn(&char) -> bool| text.chars().any(|next| of(&next));
    let sorts = [
        has(char::is_ascii_lowercase),
        has(char::is_ascii_uppercase),
        has(char::is_ascii_digit),
    ];
    if text.len() < 12 || sorts.contains(&false) {
        return None;
    }
    let mut parts = 0_usize;
    let mut last = ' ';
    for next in text.chars() {
        let same = (last.is_ascii_digit() && next.is_ascii_digit())
            || (last.is_ascii_uppercase() && next.is_ascii_alphabetic())
            || (last.is_ascii_lowercase() && next.is_ascii_lowercase());
        parts += usize::from(!same);
        last = next;
    }
    (text.len() * 10 < parts * 28).then_some(Sort::Random)
}

/// Parts of the names of fields that hold a secret.
const SECRET_FIELDS: [&str; 27] = [
    "password",
    "passwort",
    "kennwort",
    "contraseña",
    "motdepasse",
    "密碼",
    "密码",
    "口令",
    "パスワード",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "accesskey",
    "applicationkey",
    "recoverycode",
    "backupcode",
    "otp",
    "totp",
    "seed",
    "pin",
    "pw",
    "pwd",
    "pass",
    "mnemonic",
];

fn secret_field(key: &str, value: &str, item: &str) -> Option<Sort> {
    let identifies = ["", "id", "evidence", "evidenceid"].contains(&key);
    // The item may be called by what it is of: `restic_repository_password`.
    if value.is_empty() || plain(value) == plain(item) {
        return None;
    }
    let about = key.ends_with("id") || key.ends_with("at") || key.ends_with("by");
    let short = ["otp", "pin", "seed", "pw", "pwd", "pass"];
    let is_secret = SECRET_FIELDS.iter().any(|name| {
        if short.contains(name) {
            key == *name
        } else {
            key.contains(name)
        }
    });
    if is_secret && !about && key != plain(item) {
        return Some(Sort::SecretField);
    }
    let fits = |next: char| next.is_alphanumeric() || " ._:/#@-<>()[],…".contains(next);
    (identifies && !value.chars().all(fits)).then_some(Sort::Signs)
}

/// `hunter2`, `P@ssw0rd`. What counts things has capitals alone, `INC0012345`, or parts,
/// `envelope-14`.
fn is_word(value: &str) -> bool {
    (6..12).contains(&value.len())
        && value.chars().any(|next| next.is_ascii_lowercase())
        && value.chars().any(|next| next.is_ascii_digit())
        && value
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || next == '@')
}

fn time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let date: Date = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
