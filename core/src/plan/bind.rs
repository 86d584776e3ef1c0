//! From the checked text to a tree of tests over columns.

use std::collections::HashMap;
use std::sync::Arc;

use super::columns::Columns;
use super::predicate::{LiteralSet, Node, Predicate, Slot, Test};
use super::simplify::{all_of, any_of, cost, not};
use super::term::Term;
use super::truth::Truth;
use crate::query::ast::{Comparison, Condition, Expr, ExprKind, Function, Literal, Segment};
use crate::store::ColumnKey;
use crate::twin::{PathId, PathTable};

/// A condition bound to the columns of a store.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The columns to read; slots are places in this list.
    pub keys: Vec<ColumnKey>,
    /// The tests.
    pub root: Node,
}

impl Plan {
    /// What a row costs at worst, roughly, in nanoseconds: where columns keep values in place, or
    /// have so many that a test cannot be put to each of them beforehand.
    #[must_use]
    pub fn nanos_per_row(&self) -> u32 {
        const IN_PLACE: u32 = 10;
        cost(&self.root).saturating_mul(IN_PLACE)
    }
}

/// Binds `condition` to the columns that the twins of `paths` have now.
#[must_use]
pub fn bind(condition: &Condition, paths: &PathTable) -> Plan {
    let mut binder = Binder::new(paths);
    let root = match &condition.filter {
        None => Node::Constant(Truth::True),
        Some(filter) => binder.node(filter),
    };
    Plan { keys: binder.into_keys(), root }
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// To a column or a virtual one, and, if steps follow, into the arrays that it holds.
    Value(ColumnKey, Vec<Segment>),
    /// To an object of `$metadata`, which is there wherever the column has a value: that of
    /// `$lastUpdated`, which each such object has.
    Metadata(ColumnKey),
}

/// Where a path leads, if any twin has had it.
#[must_use]
pub fn resolve(segments: &[Segment], paths: &PathTable) -> Option<Place> {
    let mut path = PathId::ROOT;
    let mut rest = segments.iter();
    let mut metadata = false;
    while let Some(segment) = rest.next() {
        match segment {
            Segment::Key(key) if key == "$metadata" && !metadata && is_stamped(path) => {
                metadata = true;
            }
            Segment::Key(key) if metadata && key == "$lastUpdated" => {
                let key = ColumnKey::updated(path);
                return rest.next().is_none().then_some(Place::Value(key, Vec::new()));
            }
            Segment::Key(key) if metadata && key == "$lastUpdatedVersion" => {
                let key = ColumnKey::updated_version(path);
                return rest.next().is_none().then_some(Place::Value(key, Vec::new()));
            }
            Segment::Key(key) => path = paths.child(path, key)?,
            Segment::Index(_) if metadata => return None,
            Segment::Index(_) => {
                let tail = std::iter::once(segment).chain(rest).cloned().collect();
                return Some(Place::Value(ColumnKey::value(path), tail));
            }
        }
    }
    Some(if metadata {
        Place::Metadata(ColumnKey::updated(path))
    } else {
        Place::Value(ColumnKey::value(path), Vec::new())
    })
}

/// The sections that keep metadata.
pub(super) fn is_stamped(path: PathId) -> bool {
    path == PathId::DESIRED || path == PathId::REPORTED
}

/// Binds parts of one condition, which share a list of columns.
pub(super) struct Binder<'a> {
    paths: &'a PathTable,
    columns: Columns,
}

impl<'a> Binder<'a> {
    pub(super) fn new(paths: &'a PathTable) -> Self {
        Self { paths, columns: Columns::default() }
    }

    /// The columns that were bound.
    pub(super) fn into_keys(self) -> Vec<ColumnKey> {
        self.columns.into_keys()
    }

    pub(super) fn node(&mut self, expr: &Expr) -> Node {
        match &expr.kind {
            ExprKind::And(parts) => all_of(parts.iter().map(|part| self.node(part)).collect()),
            ExprKind::Or(parts) => any_of(parts.iter().map(|part| self.node(part)).collect()),
            ExprKind::Not(inner) => not(self.node(inner)),
            _ => self.ids(expr).unwrap_or_else(|| self.test(expr)),
        }
    }

    /// Comparisons of the device id with constants are look-ups in the index.
    fn ids(&self, expr: &Expr) -> Option<Node> {
        let is_id = |expr: &Expr| {
            matches!(&expr.kind, ExprKind::Path(path)
                if matches!(&*path.segments, [Segment::Key(key)] if key == "deviceId"))
        };
        let look_up = |list: Arc<[Literal]>| Node::Ids(list, expr.clone());
        match &expr.kind {
            ExprKind::Compare(how @ (Comparison::Equal | Comparison::NotEqual), left, right) => {
                let literal = match (&left.kind, &right.kind) {
                    (_, ExprKind::Literal(literal @ Literal::Str(_))) if is_id(left) => literal,
                    (ExprKind::Literal(literal @ Literal::Str(_)), _) if is_id(right) => literal,
                    _ => return None,
                };
                let node = look_up(Arc::from([literal.clone()]));
                Some(if *how == Comparison::Equal { node } else { not(node) })
            }
            ExprKind::In { negated, value, list }
                if is_id(value) && list.iter().all(|item| matches!(item, Literal::Str(_))) =>
            {
                let node = look_up(Arc::clone(list));
                Some(if *negated { not(node) } else { node })
            }
            _ => None,
        }
    }

    fn test(&mut self, expr: &Expr) -> Node {
        let mut slots: Vec<Slot> = Vec::new();
        let mut known = HashMap::new();
        // Whether each slot holds just the value that its path leads to, or at least has one
        // where the path leads to one.
        let (mut is_value, mut is_defined) = (true, true);
        let term = Term::bind(expr, &mut |segments| {
            let (slot, within) = self.slot(segments);
            is_value &= within == Within::Whole;
            is_defined &= !matches!(within, Within::Element(_));
            let place = *known.entry(slot).or_insert_with(|| {
                slots.push(slot);
                slots.len() - 1
            });
            match within {
                Within::Whole => Term::Slot(place, Vec::new()),
                Within::Element(tail) => Term::Slot(place, tail),
                Within::Marker => Term::Marker(place),
            }
        });
        let simple = simple(expr).filter(|predicate| match predicate {
            Predicate::Defined => is_defined && slots.len() == 1,
            _ => is_value && slots.len() == 1,
        });
        let predicate = simple.unwrap_or(Predicate::Term(term));
        let test = Test { slots, predicate, expr: expr.clone() };
        if test.slots.iter().all(|slot| *slot == Slot::Absent) {
            return Node::Constant(test.truth_of(&|_| None));
        }
        Node::Test(Box::new(test))
    }

    pub(super) fn slot(&mut self, segments: &[Segment]) -> (Slot, Within) {
        let (key, within) = match resolve(segments, self.paths) {
            None => return (Slot::Absent, Within::Whole),
            Some(Place::Value(key, tail)) if tail.is_empty() => (key, Within::Whole),
            Some(Place::Value(key, tail)) => (key, Within::Element(tail)),
            Some(Place::Metadata(key)) => (key, Within::Marker),
        };
        let slot = if key == ColumnKey::value(PathId::DEVICE_ID) {
            Slot::DeviceId
        } else if key == ColumnKey::value(PathId::ETAG) {
            let etag = self.columns.place(key);
            Slot::Etag(etag, self.columns.place(ColumnKey::value(PathId::VERSION)))
        } else {
            Slot::Column(self.columns.place(key))
        };
        (slot, within)
    }
}

/// What a path means by the value of its slot.
#[derive(Debug, Clone, PartialEq)]
pub enum Within {
    /// The value.
    Whole,
    /// An element of it.
    Element(Vec<Segment>),
    /// An object that is there wherever the slot has a value.
    Marker,
}

/// The predicate of `expr` if it is one that kernels know.
fn simple(expr: &Expr) -> Option<Predicate> {
    match &expr.kind {
        ExprKind::Compare(how, left, right) => match (&left.kind, &right.kind) {
            (ExprKind::Path(_), ExprKind::Literal(literal)) => {
                Some(Predicate::Compare(*how, literal.clone()))
            }
            (ExprKind::Literal(literal), ExprKind::Path(_)) => {
                Some(Predicate::Compare(mirrored(*how), literal.clone()))
            }
            (ExprKind::Path(_), ExprKind::Negate(inner)) => match &inner.kind {
                ExprKind::Literal(Literal::Number(value)) => {
                    Some(Predicate::Compare(*how, Literal::Number(-value)))
                }
                _ => None,
            },
            _ => None,
        },
        ExprKind::In { negated, value, list } if matches!(value.kind, ExprKind::Path(_)) => {
            Some(Predicate::In(*negated, LiteralSet::new(list)))
        }
        ExprKind::Call(Function::IsDefined, _) => Some(Predicate::Defined),
        ExprKind::Call(Function::StartsWith, arguments) => match &**arguments {
            [
                Expr { kind: ExprKind::Path(_), .. },
                Expr { kind: ExprKind::Literal(Literal::Str(prefix)), .. },
            ] => Some(Predicate::Prefix(prefix.clone())),
            _ => None,
        },
        _ => None,
    }
}

/// The comparison with its sides exchanged.
fn mirrored(how: Comparison) -> Comparison {
    match how {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}
