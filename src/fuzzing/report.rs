//! What reaches a reader.

use crate::report::harmless;

/// The text fit to print has nothing in it that a terminal acts on, and is fit as it is.
pub(super) fn target(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let shown = harmless(&text);
    assert_harmless(&shown);
    assert!(!shown.contains('\n'), "{shown:?} has lines");
    assert_eq!(harmless(&shown), shown, "made fit twice");
}

/// The only character in it that a terminal acts on is the line end. Told
/// apart from [`harmless`], which is held to this.
pub(super) fn assert_harmless(text: &str) {
    let acts = |c: &char| match u32::from(*c) {
        // C0 but for the line end, DEL and C1.
        0..=9 | 0xb..=0x1f | 0x7f..=0x9f => true,
        // Marks, embeddings, overrides and isolates of direction.
        0x061c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069 => true,
        // What takes no room, and the separators of lines.
        0xad | 0x200b..=0x200d | 0x2028 | 0x2029 | 0x2060 | 0xfeff | 0xe0000..=0xe007f => true,
        _ => false,
    };
    if let Some(found) = text.chars().find(acts) {
        panic!("{found:?} reaches a terminal: {text:?}");
    }
}
