//! Cutting constants out of a tree, and putting cheap tests first.

use super::predicate::{Node, Predicate};
use super::truth::Truth;

/// AND of `nodes`.
pub(super) fn all_of(nodes: Vec<Node>) -> Node {
    combine(nodes, Truth::False, Node::And)
}

/// OR of `nodes`.
pub(super) fn any_of(nodes: Vec<Node>) -> Node {
    combine(nodes, Truth::True, Node::Or)
}

/// NOT of `node`.
pub(super) fn not(node: Node) -> Node {
    match node {
        Node::Constant(truth) => Node::Constant(truth.negate()),
        Node::Not(inner) => *inner,
        other => Node::Not(Box::new(other)),
    }
}

/// `decisive` decides the whole alone: false for AND, true for OR. Its opposite adds nothing.
fn combine(mut nodes: Vec<Node>, decisive: Truth, make: impl FnOnce(Vec<Node>) -> Node) -> Node {
    let is = |node: &Node, truth: Truth| matches!(node, Node::Constant(known) if *known == truth);
    if nodes.iter().any(|node| is(node, decisive)) {
        return Node::Constant(decisive);
    }
    nodes.retain(|node| !is(node, decisive.negate()));
    match nodes.len() {
        0 => Node::Constant(decisive.negate()),
        1 => nodes.remove(0),
        _ => {
            nodes.sort_by_key(cost);
            make(nodes)
        }
    }
}

/// What a node costs a row, roughly, in nanoseconds.
pub(super) fn cost(node: &Node) -> u32 {
    match node {
        Node::Constant(_) | Node::Ids(..) => 0,
        Node::Test(test) => match (&test.predicate, test.slots.len()) {
            (Predicate::Compare(..) | Predicate::Defined | Predicate::Prefix(_), _) => 1,
            (Predicate::In(..), _) => 2,
            (Predicate::Term(term), 2) if term.is_equality_of_slots() => 4,
            (Predicate::Term(_), 1) => 10,
            (Predicate::Term(_), slots) => 20 * u32::try_from(slots).unwrap_or(u32::MAX / 20),
        },
        Node::Not(inner) => cost(inner),
        Node::And(parts) | Node::Or(parts) => parts.iter().map(cost).fold(0, u32::saturating_add),
    }
}
