//! A condition as it was written, beside what each part of it was bound to: for explanations.
//!
//! A [`Plan`](super::Plan) keeps only what a scan must do, so parts that were decided before the
//! scan are gone from it. An outline keeps them all, and costs nothing to those who only scan.

use super::bind::{Binder, Within};
use super::predicate::{Node, Slot};
use super::simplify::{all_of, any_of, cost, not};
use super::truth::Truth;
use crate::query::ast::{Condition, Expr, ExprKind, Path};
use crate::store::ColumnKey;
use crate::twin::PathTable;

/// A condition with all its parts.
#[derive(Debug, Clone)]
pub struct Outline<'a> {
    /// The columns that the parts read; slots are places in this list.
    pub keys: Vec<ColumnKey>,
    /// The whole.
    pub root: Part<'a>,
}

/// A part of a condition: a test, or what combines others.
#[derive(Debug, Clone)]
pub enum Part<'a> {
    /// `*`.
    All,
    /// NOT.
    Not(Box<Part<'a>>),
    /// AND, its parts in the order in which they run.
    And(Vec<Part<'a>>),
    /// OR, its parts in the order in which they run.
    Or(Vec<Part<'a>>),
    /// A single test.
    Leaf(Leaf<'a>),
}

/// A test as it was written.
#[derive(Debug, Clone)]
pub struct Leaf<'a> {
    /// What is tested.
    pub expr: &'a Expr,
    /// What it was bound to.
    pub node: Node,
    /// What it reads, each path once.
    pub reads: Vec<Read<'a>>,
}

/// A path of a test, and where its value is.
#[derive(Debug, Clone)]
pub struct Read<'a> {
    /// The path as it was written.
    pub path: &'a Path,
    /// Where the value is.
    pub slot: Slot,
    /// What the path means by it.
    pub within: Within,
}

/// Binds each part of `condition`, as [`bind`](super::bind) does the whole.
#[must_use]
pub fn outline<'a>(condition: &'a Condition, paths: &PathTable) -> Outline<'a> {
    let mut binder = Binder::new(paths);
    let root = condition.filter.as_ref().map_or(Part::All, |filter| part(&mut binder, filter));
    Outline { keys: binder.into_keys(), root }
}

fn part<'a>(binder: &mut Binder<'_>, expr: &'a Expr) -> Part<'a> {
    let mut sorted = |exprs: &'a [Expr]| {
        let mut parts: Vec<Part<'a>> = exprs.iter().map(|expr| part(binder, expr)).collect();
        parts.sort_by_cached_key(|part| cost(&part.node()));
        parts
    };
    match &expr.kind {
        ExprKind::And(parts) => Part::And(sorted(parts)),
        ExprKind::Or(parts) => Part::Or(sorted(parts)),
        ExprKind::Not(inner) => Part::Not(Box::new(part(binder, inner))),
        _ => {
            let node = binder.node(expr);
            let mut reads: Vec<Read<'a>> = Vec::new();
            each_path(expr, &mut |path| {
                if reads.iter().all(|read| read.path.segments != path.segments) {
                    let (slot, within) = binder.slot(&path.segments);
                    reads.push(Read { path, slot, within });
                }
            });
            Part::Leaf(Leaf { expr, node, reads })
        }
    }
}

fn each_path<'a>(expr: &'a Expr, visit: &mut impl FnMut(&'a Path)) {
    match &expr.kind {
        ExprKind::Literal(_) => {}
        ExprKind::Path(path) => visit(path),
        ExprKind::Not(inner) | ExprKind::Negate(inner) => each_path(inner, visit),
        ExprKind::In { value, .. } => each_path(value, visit),
        ExprKind::Compare(_, left, right) | ExprKind::Arithmetic(_, left, right) => {
            each_path(left, visit);
            each_path(right, visit);
        }
        ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::Call(_, parts) => {
            parts.iter().for_each(|part| each_path(part, visit));
        }
    }
}

impl<'a> Part<'a> {
    /// What the part runs as: simplified, as in a plan.
    #[must_use]
    pub fn node(&self) -> Node {
        match self {
            Self::All => Node::Constant(Truth::True),
            Self::Not(inner) => not(inner.node()),
            Self::And(parts) => all_of(parts.iter().map(Self::node).collect()),
            Self::Or(parts) => any_of(parts.iter().map(Self::node).collect()),
            Self::Leaf(leaf) => leaf.node.clone(),
        }
    }

    /// The parts that it combines.
    #[must_use]
    pub fn parts(&self) -> &[Part<'a>] {
        match self {
            Self::All | Self::Leaf(_) => &[],
            Self::Not(inner) => std::slice::from_ref(inner),
            Self::And(parts) | Self::Or(parts) => parts,
        }
    }
}

impl Leaf<'_> {
    /// Whether it is the same for every device.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        matches!(self.node, Node::Constant(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::bind;
    use crate::query::parse_condition;
    use crate::twin::PathId;

    #[test]
    fn an_outline_runs_as_the_plan_does() {
        let paths = PathTable::new();
        paths.intern(PathId::TAGS, "floor").unwrap();
        paths.intern(PathId::TAGS, "site").unwrap();
        for text in [
            "*",
            "true",
            "tags.floor = 3",
            "tags.flor = 3",
            "NOT (tags.flor = 3 OR tags.site = 'oslo' OR deviceId != 'a')",
            "LENGTH(tags.site) > 3 AND tags.floor = 3 AND (1 = 1 OR tags.gone = 1)",
            "tags.floor = 1 AND NOT NOT (1 = 2) AND tags.site IN ['a', 'b']",
            "tags.floor = tags.gone AND tags.site = 'x' OR tags.$gone NIN [1] AND false",
        ] {
            let condition = parse_condition(text).unwrap();
            let plan = bind(&condition, &paths);
            let outline = outline(&condition, &paths);
            assert_eq!(outline.keys, plan.keys, "{text}");
            assert_eq!(format!("{:?}", outline.root.node()), format!("{:?}", plan.root), "{text}");
        }
    }

    #[test]
    fn parts_that_a_plan_has_not_are_kept() {
        let paths = PathTable::new();
        let condition = parse_condition("tags.a = 1 AND (false OR tags.a > tags.b)").unwrap();
        let outline = outline(&condition, &paths);
        let Part::And(parts) = &outline.root else { panic!("it is an AND") };
        let Part::Leaf(first) = &parts[0] else { panic!("it is a test") };
        assert_eq!(first.expr.to_string(), "tags.a = 1");
        assert!(matches!(first.node, Node::Constant(Truth::Undefined)));
        let Part::Leaf(last) = &parts[1].parts()[1] else { panic!("it is a test") };
        let absent: Vec<String> = last.reads.iter().map(|read| read.path.to_string()).collect();
        assert_eq!(absent, ["tags.a", "tags.b"]);
    }
}
