//! What passwords and recovery codes look like, wherever in a marker they stand.

/// Signs that passwords have inside of a word, and identifiers and prose have not.
const SIGNS: &str = "!$%^&*?~\\";

/// A word of at least eight signs with a letter, a digit and a sign of [`SIGNS`]:
/// `Summer2026!`, `Tr0ub4dor&3`. Addresses and paths have such signs by themselves.
pub(super) fn is_password(word: &str) -> bool {
    word.chars().count() >= 8
        && !word.contains('/')
        && word.chars().any(|next| next.is_ascii_alphabetic())
        && word.chars().any(|next| next.is_ascii_digit())
        && word.contains(|next: char| SIGNS.contains(next))
}

/// At least three numbers of 18 digits together, one after the other, as in
/// `12345678 23456789 34567890`, or `1234 5678, 2345 6789, 3456 7890`: a marker has
/// dates, a count, perhaps a telephone number, and no list of others.
pub(super) fn are_codes(text: &str) -> bool {
    const LEAST: usize = 18;
    let is_number = |word: &str| {
        let is_date = word.len() == 8 && word.starts_with("20");
        word.len() >= 4 && !is_date && word.bytes().all(|byte| byte.is_ascii_digit())
    };
    let apart = |next: char| next.is_whitespace() || "\"',;[](){}".contains(next);
    let (mut words, mut digits) = (0, 0);
    for word in text.split(apart).filter(|word| !word.is_empty()) {
        (words, digits) = if is_number(word) {
            (words + 1, digits + word.len())
        } else {
            (0, 0)
        };
        if words >= 3 && digits >= LEAST {
            return true;
        }
    }
    false
}

/// At least twelve words in a row of small letters alone, each of three to eight of them, as
/// BIP 39 has its words: prose has others in between, `of`, `a`, `in`, and longer ones that
/// no list of such words has.
pub(super) fn are_recovery_words(text: &str) -> bool {
    const LEAST: usize = 12;
    const PROSE: [&str; 12] = [
        "and", "are", "but", "for", "from", "had", "has", "not", "the", "was", "were", "with",
    ];
    let is_of_a_list = |word: &str| {
        (3..=8).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_lowercase())
            && !PROSE.contains(&word)
    };
    let apart = |next: char| next.is_whitespace() || "\"',;[](){}".contains(next);
    let mut row = 0;
    for word in text.split(apart).filter(|word| !word.is_empty()) {
        row = if is_of_a_list(word) { row + 1 } else { 0 };
        if row >= LEAST {
            return true;
        }
    }
    false
}
