//! Passwords that stand in a baseline, where only references to them belong.

use super::diagnostic::{Diagnostic, Diagnostics};
use super::mask;
use super::node::{Node, NodeValue};
use super::source::Sources;

/// Reports strings that hold a password. `raw` is before, `expanded` after
/// expansion, which can put one together.
pub(super) fn refuse_inline<'n>(
    raw: impl Iterator<Item = &'n Node>,
    expanded: impl Iterator<Item = &'n Node>,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) {
    let before = diagnostics.len();
    for root in raw {
        inline_secrets(root, sources, diagnostics);
    }
    if diagnostics.len() == before {
        for root in expanded {
            inline_secrets(root, sources, diagnostics);
        }
    }
}

fn inline_secrets(node: &Node, sources: &Sources, diagnostics: &mut Diagnostics) {
    match &node.value {
        NodeValue::String(text) if !mask::url_passwords(text).is_empty() => {
            let written = sources
                .raw(node.at.source)
                .get(node.at.span.clone())
                .unwrap_or_default();
            if mask::url_passwords(written).is_empty() {
                // Written with escapes or on several lines, where the mask does not see it.
                diagnostics.hide(node.at.clone());
            }
            diagnostics.push(
                Diagnostic::error("inline-secret", "a password in a URL", node.at.clone())
                    .label("the password is not shown")
                    .suggestion(
                        "take it out of the URL and give it by reference: `env:NAME`, `file:/path` or `credential:name`",
                    ),
            );
        }
        NodeValue::Seq(items) => items
            .iter()
            .for_each(|item| inline_secrets(item, sources, diagnostics)),
        NodeValue::Map(entries) => entries
            .iter()
            .for_each(|(_, node)| inline_secrets(node, sources, diagnostics)),
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(..) | NodeValue::String(_) => {}
    }
}
