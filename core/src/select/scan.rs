//! Running a plan over a view: segment by segment, test by test.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::look_up::{Early, Found as FoundIds};
use super::mask::{Found, Mask, Want};
use super::selection::{Selected, Selection};
use super::test::{PreparedTest, everywhere};
use crate::plan::{Node, Plan, Slot, Test, Truth};
use crate::query::ast::Literal;
use crate::store::{
    Bitmap, ColumnKey, Ids, SEGMENT_ROWS, SegmentView, Store, View, on_all_threads,
};
use crate::twin::PathId;

/// Below this many segments a second thread costs more to wake than it saves, if tests are scans.
const PARALLEL_SEGMENTS: usize = 32;

/// Finds the devices for which `plan` is true.
///
/// Shape: one bit for each row of the store. A device whose condition is *undefined* (a property
/// is missing, or of another type) is not selected.
///
/// Cost: reads only the columns that the plan names, all of one moment; holds no lock meanwhile.
#[must_use]
pub fn select(store: &Store, plan: &Plan) -> Selection {
    select_with(store, plan, &[]).0
}

/// Finds the devices as [`select`] does, and gives the view of that moment, which has the columns
/// of the plan and then `more` columns.
#[must_use]
pub fn select_with(store: &Store, plan: &Plan, more: &[ColumnKey]) -> (Selection, View) {
    let early = Early::new(store, &plan.root);
    let keys: Vec<ColumnKey> = plan.keys.iter().chain(more).copied().collect();
    let view = store.view(&keys);
    let selection = Scan::new(&plan.root, early.seen_in(store, &view)).select(store, &view);
    (selection, view)
}

/// The rows for which `node` alone is true, as a count; for explanations.
pub(super) fn count(store: &Store, view: &View, node: &Node) -> usize {
    let ids = Early::new(store, node).seen_in(store, view);
    Scan::new(node, ids).select(store, view).len()
}

/// A tree of tests with what is computed once for all segments.
struct Scan<'p> {
    root: Prepared<'p>,
    ids: FoundIds<'p>,
}

/// A node of the tree.
enum Prepared<'p> {
    Constant(Truth),
    /// A list of ids, and the side that somebody will look at.
    Ids(&'p [Literal], Want),
    Test(Box<PreparedTest<'p>>),
    Not(Box<Self>),
    And(Vec<Self>, Want),
    Or(Vec<Self>),
}

impl<'p> Prepared<'p> {
    fn new(node: &'p Node, want: Want) -> Self {
        let all = |parts: &'p [Node]| parts.iter().map(|part| Self::new(part, want)).collect();
        match node {
            Node::Constant(truth) => Self::Constant(*truth),
            Node::Ids(list, _) => Self::Ids(list, want),
            Node::Test(test) => Self::test(Cow::Borrowed(test), want),
            Node::Not(inner) => Self::Not(Box::new(Self::new(inner, want.not()))),
            Node::And(parts) => Self::And(all(parts), want),
            Node::Or(parts) => Self::any_of(parts, want),
        }
    }

    fn test(test: Cow<'p, Test>, want: Want) -> Self {
        Self::Test(Box::new(PreparedTest::new(test, want)))
    }

    /// Tests for values of the same column become one, which reads the column once.
    fn any_of(parts: &'p [Node], want: Want) -> Self {
        let mut by_column: BTreeMap<usize, Vec<&'p Test>> = BTreeMap::new();
        let mut prepared = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Node::Test(test) if let Some((column, _)) = test.values() => {
                    by_column.entry(column).or_default().push(test);
                }
                part => prepared.push(Self::new(part, want)),
            }
        }
        let merged = by_column.into_values().filter_map(|tests| match *tests {
            [test] => Some(Cow::Borrowed(test)),
            _ => Test::any_of(&tests).map(Cow::Owned),
        });
        prepared.extend(merged.map(|test| Self::test(test, want)));
        Self::Or(prepared)
    }

    /// Whether a test has to look at values row by row.
    fn is_slow(&self, view: &View) -> bool {
        match self {
            Self::Constant(_) | Self::Ids(..) => false,
            Self::Test(test) => test.is_slow(view),
            Self::Not(inner) => inner.is_slow(view),
            Self::And(parts, _) | Self::Or(parts) => parts.iter().any(|part| part.is_slow(view)),
        }
    }
}

impl<'p> Scan<'p> {
    fn new(root: &'p Node, ids: FoundIds<'p>) -> Self {
        Self { root: Prepared::new(root, Want::Yes), ids }
    }

    fn select(&self, store: &Store, view: &View) -> Selection {
        let segments = view.segments();
        let parallel =
            segments.len() >= PARALLEL_SEGMENTS || (segments.len() > 1 && self.root.is_slow(view));
        let find = |number: usize| self.selected(number, &segments[number]);
        let found = if parallel {
            on_all_threads(segments.len(), find)
        } else {
            (0..segments.len()).map(find).collect()
        };
        Selection::new(store.id(), found, view.living())
    }

    fn selected(&self, number: usize, segment: &SegmentView) -> (Arc<Ids>, Selected) {
        let found = if segment.living == 0 {
            Mask::None
        } else {
            self.node(&self.root, number, segment, &Mask::All).yes
        };
        let selected = match found {
            Mask::None => Selected::None,
            Mask::All => Selected::All(Arc::clone(&segment.live), segment.living),
            Mask::Some(mut rows) => {
                rows.and(&segment.live);
                Selected::from(rows)
            }
        };
        (Arc::clone(&segment.ids), selected)
    }

    /// What `node` is in the rows of a segment. Rows outside of `among` do not matter.
    fn node(
        &self,
        node: &Prepared<'p>,
        number: usize,
        segment: &SegmentView,
        among: &Mask,
    ) -> Found {
        match node {
            Prepared::Constant(truth) => everywhere(*truth),
            Prepared::Ids(list, want) => self.ids(list, number, *want),
            Prepared::Test(test) => test.found(segment, among),
            Prepared::Not(inner) => self.node(inner, number, segment, among).not(),
            Prepared::And(parts, Want::Yes) => {
                // Rows that are not true so far will not be: the next tests need not look at them.
                let mut yes = among.clone();
                for part in parts {
                    if yes.is_none() {
                        break;
                    }
                    let found = self.node(part, number, segment, &yes);
                    yes = yes.and(found.yes);
                }
                Found { yes, no: Mask::None }
            }
            // They can still become false, so both sides are needed everywhere.
            Prepared::And(parts, _) => parts.iter().fold(everywhere(Truth::True), |found, part| {
                found.and(self.node(part, number, segment, among))
            }),
            Prepared::Or(parts) => parts.iter().fold(everywhere(Truth::False), |found, part| {
                found.or(self.node(part, number, segment, among))
            }),
        }
    }

    fn ids(&self, list: &[Literal], number: usize, want: Want) -> Found {
        let Some(yes) = self.ids.rows(list, number) else { return everywhere(Truth::False) };
        let no = if want.no() {
            let mut others = Bitmap::ones(SEGMENT_ROWS);
            others.and_not(yes);
            Mask::Some(others)
        } else {
            Mask::None
        };
        Found { yes: Mask::Some(yes.clone()), no }
    }
}

/// The slot of a column in `keys`; the two virtual fields have slots of their own.
pub(crate) fn slot_of(key: ColumnKey, mut column: impl FnMut(ColumnKey) -> usize) -> Slot {
    if key == ColumnKey::value(PathId::DEVICE_ID) {
        Slot::DeviceId
    } else if key == ColumnKey::value(PathId::ETAG) {
        Slot::Etag(column(key), column(ColumnKey::value(PathId::VERSION)))
    } else {
        Slot::Column(column(key))
    }
}
