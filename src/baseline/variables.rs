//! `${name}` in strings.

use super::diagnostic::Diagnostics;
use super::node::Node;

pub(super) fn expand_node(
    node: &Node,
    scope: &dyn Fn(&str) -> Option<String>,
    diagnostics: &mut Diagnostics,
) -> Node {
    let _ = (scope, diagnostics);
    node.clone()
}
