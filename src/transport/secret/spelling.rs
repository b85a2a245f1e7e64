//! How a secret may be written in a text: as it is, in base64, with
//! `%`-escapes, and in JSON; the first two also folded over several lines.

use std::ops::Range;

const HIDDEN: &str = "***";

/// `text` without `secret` in any of its spellings.
pub(in crate::transport) fn hide(text: &str, secret: &str) -> String {
    let mut text = without_plain(text, secret);
    for before in 0..3 {
        text = without_base64(text, secret, before);
    }
    if text.contains(['%', '+']) {
        text = without(&text, secret, percent_encoded);
    }
    if text.contains('\\') {
        text = without(&text, secret, json_escaped);
    }
    text
}

fn without_plain(text: &str, secret: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = find(rest, secret) {
        clean.push_str(&rest[..found.start]);
        clean.push_str(HIDDEN);
        rest = &rest[found.end..];
    }
    clean.push_str(rest);
    clean
}

/// So long that its parts do not stand side by side by chance.
const LONG: usize = 8;

/// Where `wanted` is first in `text`, in one piece or folded: a line end with the
/// blanks after it may stand between any two of its characters. In a long one it
/// may be blanks alone, since line ends become that where a text is put into a sentence.
fn find(text: &str, wanted: &str) -> Option<Range<usize>> {
    let fold = if wanted.len() < LONG {
        '\n'..='\r'
    } else {
        '\t'..=' '
    };
    if !text.contains(|c| fold.contains(&c)) {
        return text.find(wanted).map(|at| at..at + wanted.len());
    }
    let unfolded = |text: &'_ str| {
        let folded = text.starts_with(|c| fold.contains(&c));
        let rest = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
        text.len() - if folded { rest.len() } else { text.len() }
    };
    let first = wanted.chars().next()?;
    text.match_indices(first).find_map(|(start, _)| {
        let end = wanted.chars().try_fold(start, |end, next| {
            let rest = &text[end..];
            let skipped = if rest.starts_with(next) {
                0
            } else {
                unfolded(rest)
            };
            let after = rest[skipped..].strip_prefix(next)?;
            Some(text.len() - after.len())
        })?;
        Some(start..end)
    })
}

/// Base64 writes three bytes as four characters, so there are three ways to
/// write the same bytes, by the number of bytes `before` them. Only characters
/// that hold nothing else are looked for; those at the ends that hold bits of
/// the secret beside others go with them.
fn without_base64(text: String, secret: &str, before: usize) -> String {
    let bytes = [&[0; 2][..before], secret.as_bytes()].concat();
    let (first, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    let shared_end = usize::from(bytes.len() * 8 % 6 != 0);
    let own: String = base64(&bytes).skip(first).take(end - first).collect();
    let for_addresses = own.replace('+', "-").replace('/', "_");
    let mut spellings = vec![own];
    if for_addresses != spellings[0] {
        spellings.push(for_addresses);
    }
    spellings.into_iter().fold(text, |text, own| {
        let mut clean = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(found) = find(rest, &own) {
            let (kept, after) = (&rest[..found.start], &rest[found.end..]);
            let shared = |byte: Option<&u8>| {
                byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte))
            };
            let head = usize::from(before > 0 && shared(kept.as_bytes().last()));
            clean.push_str(&kept[..kept.len() - head]);
            clean.push_str(HIDDEN);
            let tail = shared_end * usize::from(shared(after.as_bytes().first()));
            rest = &after[tail..];
        }
        clean.push_str(rest);
        clean
    })
}

/// The characters of the bytes in base64 (RFC 4648, 4), without padding.
fn base64(bytes: &[u8]) -> impl Iterator<Item = char> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes.chunks(3).flat_map(|chunk| {
        let at = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        [18, 12, 6, 0]
            .into_iter()
            .take(chunk.len() + 1)
            .map(move |shift| char::from(LETTERS[(bits >> shift & 63) as usize]))
    })
}

/// How many bytes a spelling of one character takes at the beginning of a text.
type Spelling = fn(&str, char) -> Option<usize>;

fn without(text: &str, secret: &str, spelling: Spelling) -> String {
    let length = |text: &str| {
        secret.chars().try_fold(0, |length, next| {
            Some(length + spelling(&text[length..], next)?)
        })
    };
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = if let Some(length) = length(rest) {
            clean.push_str(HIDDEN);
            length
        } else {
            clean.push(first);
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    clean
}

/// `%2F`, and `+` for a space. Who escapes what differs: any character may be.
fn percent_encoded(text: &str, next: char) -> Option<usize> {
    if next != '%' && text.starts_with(next) {
        return Some(next.len_utf8());
    }
    if next == ' ' && text.starts_with('+') {
        return Some(1);
    }
    let mut bytes = [0; 4];
    let bytes = next.encode_utf8(&mut bytes).as_bytes();
    bytes.iter().enumerate().try_fold(0, |length, (at, byte)| {
        let hex = text.get(at * 3..at * 3 + 3)?.strip_prefix('%')?;
        (number(hex)? == u32::from(*byte)).then_some(length + 3)
    })
}

/// `\"`, `\n`, `\u00e9`.
fn json_escaped(text: &str, next: char) -> Option<usize> {
    if !matches!(next, '"' | '\\') && text.starts_with(next) {
        return Some(next.len_utf8());
    }
    let escaped = match next {
        '"' | '\\' | '/' => Some(next),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        _ => None,
    };
    let after = text.strip_prefix('\\')?;
    if escaped.is_some_and(|escaped| after.starts_with(escaped)) {
        return Some(2);
    }
    let mut units = [0; 2];
    let units = next.encode_utf16(&mut units).iter().enumerate();
    units.into_iter().try_fold(0, |length, (at, unit)| {
        let hex = text.get(at * 6..at * 6 + 6)?.strip_prefix("\\u")?;
        (number(hex)? == u32::from(*unit)).then_some(length + 6)
    })
}

/// A hexadecimal number without a sign.
fn number(hex: &str) -> Option<u32> {
    let digits = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u32::from_str_radix(hex, 16).ok()).flatten()
}
