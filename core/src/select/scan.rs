//! Running a plan over a view: segment by segment, test by test.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::mask::{Found, Mask, Want};
use super::selection::{Selected, Selection};
use super::{kernel, linear};
use crate::plan::{Node, Plan, Predicate, Slot, Test, Truth};
use crate::query::ast::{Comparison, Literal};
use crate::store::{Bitmap, Codes, Column, ColumnKey, Dictionary, Row, SegmentView, Store, View};
use crate::twin::{PathId, Scalar};

/// Below this many segments a second thread costs more to wake than it saves.
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
    let early = Lookups::new(store, &plan.root);
    let keys: Vec<ColumnKey> = plan.keys.iter().chain(more).copied().collect();
    let view = store.view(&keys);
    (select_in(store, plan, &view, early), view)
}

fn select_in(store: &Store, plan: &Plan, view: &View, early: Lookups) -> Selection {
    let scan = Scan::new(plan, early.seen_in(store, view));
    let find = |(number, segment): (usize, &SegmentView)| {
        let found = scan.found(number, segment);
        let selected = match found {
            Mask::None => Selected::None,
            Mask::All => Selected::All(Arc::clone(&segment.live), segment.living),
            Mask::Some(mut rows) => {
                rows.and(&segment.live);
                Selected::from(rows)
            }
        };
        (Arc::clone(&segment.ids), selected)
    };
    let segments = view.segments();
    let heavy = scan.has_general_test();
    let found = if segments.len() >= PARALLEL_SEGMENTS || (heavy && segments.len() > 1) {
        segments.par_iter().enumerate().map(find).collect()
    } else {
        segments.iter().enumerate().map(find).collect()
    };
    Selection::new(store.id(), found, view.living())
}

/// The rows for which `node` alone is true, as a count; for explanations.
pub(super) fn count(store: &Store, plan: &Plan, view: &View, node: &Node) -> usize {
    let part = Plan { keys: plan.keys.clone(), root: node.clone() };
    let early = Lookups::new(store, node);
    select_in(store, &part, view, early).len()
}

/// Device ids of a plan, looked up in the index.
///
/// A device may be deleted and made again under another row between the look-up and the view, so
/// ids are looked up before the view is taken, and again after it where that row is not in it.
struct Lookups {
    lists: BTreeMap<usize, Vec<Lookup>>,
}

/// An id, and where it was found.
type Lookup = (Arc<str>, Option<Row>);

impl Lookups {
    fn new(store: &Store, root: &Node) -> Self {
        let mut lookups = Self { lists: BTreeMap::new() };
        lookups.add(store, root);
        lookups
    }

    fn add(&mut self, store: &Store, node: &Node) {
        match node {
            Node::Ids(list, _) => {
                let rows = list.iter().filter_map(|literal| match literal {
                    Literal::Str(id) => Some((Arc::clone(id), store.find(id))),
                    _ => None,
                });
                self.lists.insert(list_key(list), rows.collect());
            }
            Node::Not(inner) => self.add(store, inner),
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().for_each(|part| self.add(store, part));
            }
            Node::Constant(_) | Node::Test(_) => {}
        }
    }

    /// The rows that the ids have in `view`, by list and segment.
    fn seen_in(self, store: &Store, view: &View) -> BTreeMap<usize, BTreeMap<usize, Vec<u16>>> {
        let is_seen = |row: &Row| {
            view.segments()
                .get(row.segment())
                .is_some_and(|segment| segment.live.contains(row.offset()))
        };
        let rows = |list: Vec<Lookup>| {
            let mut by_segment: BTreeMap<usize, Vec<u16>> = BTreeMap::new();
            for (id, early) in list {
                let row = early.filter(&is_seen).or_else(|| store.find(&id).filter(&is_seen));
                if let Some(row) = row {
                    let offset = u16::try_from(row.offset()).expect("a segment has 65,536 rows");
                    by_segment.entry(row.segment()).or_default().push(offset);
                }
            }
            by_segment
        };
        self.lists.into_iter().map(|(key, list)| (key, rows(list))).collect()
    }
}

fn list_key(list: &Arc<[Literal]>) -> usize {
    Arc::as_ptr(list).cast::<u8>() as usize
}

/// A plan with what is computed once for all segments.
struct Scan<'a> {
    plan: &'a Plan,
    ids: BTreeMap<usize, BTreeMap<usize, Vec<u16>>>,
    /// The truth of each code, for each test of one dictionary column.
    tables: BTreeMap<usize, OnceLock<Vec<u8>>>,
}

impl<'a> Scan<'a> {
    fn new(plan: &'a Plan, ids: BTreeMap<usize, BTreeMap<usize, Vec<u16>>>) -> Self {
        let mut scan = Self { plan, ids, tables: BTreeMap::new() };
        scan.prepare(&plan.root);
        scan
    }

    fn prepare(&mut self, node: &Node) {
        match node {
            Node::Test(test) => drop(self.tables.insert(test_key(test), OnceLock::new())),
            Node::Not(inner) => self.prepare(inner),
            Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| self.prepare(part)),
            Node::Constant(_) | Node::Ids(..) => {}
        }
    }

    fn has_general_test(&self) -> bool {
        fn general(node: &Node) -> bool {
            match node {
                Node::Test(test) => {
                    matches!(test.predicate, Predicate::Term(_) | Predicate::In(..))
                        || test.slots[0] == Slot::DeviceId
                }
                Node::Not(inner) => general(inner),
                Node::And(parts) | Node::Or(parts) => parts.iter().any(general),
                Node::Constant(_) | Node::Ids(..) => false,
            }
        }
        general(&self.plan.root)
    }

    fn found(&self, number: usize, segment: &SegmentView) -> Mask {
        if segment.living == 0 {
            return Mask::None;
        }
        self.node(&self.plan.root, number, segment, Want::Yes, &Mask::All).yes
    }

    /// What `node` is in the rows of a segment. Rows outside of `among` do not matter.
    fn node(
        &self,
        node: &Node,
        number: usize,
        segment: &SegmentView,
        want: Want,
        among: &Mask,
    ) -> Found {
        match node {
            Node::Constant(truth) => everywhere(*truth),
            Node::Ids(list, _) => self.ids(list, number, want),
            Node::Test(test) => self.test(test, segment, want, among),
            Node::Not(inner) => self.node(inner, number, segment, want.not(), among).not(),
            Node::And(parts) => {
                let mut found = everywhere(Truth::True);
                for part in parts {
                    // Rows that are not true so far can still become false, so both sides are
                    // needed everywhere unless only the true ones are wanted.
                    let rest = if want == Want::Yes { found.yes.clone() } else { among.clone() };
                    if want == Want::Yes && rest.is_none() {
                        return Found { yes: Mask::None, no: Mask::None };
                    }
                    found = found.and(self.node(part, number, segment, want, &rest));
                }
                found
            }
            Node::Or(parts) => parts.iter().fold(everywhere(Truth::False), |found, part| {
                found.or(self.node(part, number, segment, want, among))
            }),
        }
    }

    fn ids(&self, list: &Arc<[Literal]>, number: usize, want: Want) -> Found {
        let offsets = self.ids.get(&list_key(list)).and_then(|rows| rows.get(&number));
        let Some(offsets) = offsets else { return everywhere(Truth::False) };
        let mut yes = Bitmap::zeros();
        offsets.iter().for_each(|offset| yes.insert(usize::from(*offset)));
        let no = if want.no() {
            let mut others = Bitmap::ones(crate::store::SEGMENT_ROWS);
            others.and_not(&yes);
            Mask::Some(others)
        } else {
            Mask::None
        };
        Found { yes: Mask::Some(yes), no }
    }

    fn test(&self, test: &Test, segment: &SegmentView, want: Want, among: &Mask) -> Found {
        match &*test.slots {
            [Slot::Column(place)] => match segment.columns[*place].as_deref() {
                None => everywhere(test.truth(None)),
                Some(column) => self.column(test, column, segment, want),
            },
            [Slot::Column(left), Slot::Column(right)] => {
                let columns = (&segment.columns[*left], &segment.columns[*right]);
                if let (Some(left), Some(right)) = columns
                    && let Some(found) = pairs(test, left, right)
                {
                    return found;
                }
                general(test, segment, among)
            }
            _ => general(test, segment, among),
        }
    }

    fn column(&self, test: &Test, column: &Column, segment: &SegmentView, want: Want) -> Found {
        let found = match column {
            Column::Constant { value, .. } => everywhere(test.truth(Some(value))),
            Column::Sparse { offsets, values } => {
                return sparse(test, offsets, values);
            }
            Column::Codes { dictionary, codes } => self.codes(test, dictionary, codes, want),
            Column::Linear(column) => {
                linear::compare(test, column, want).unwrap_or_else(|| linear::general(test, column))
            }
            Column::Plain(column) => linear::row_by_row(
                (0..column.len()).map(|offset| test.truth(column.get(offset).as_ref())),
            ),
        };
        beyond(found, column.len(), segment.ids.len(), test.truth(None))
    }

    fn codes(&self, test: &Test, dictionary: &Dictionary, codes: &Codes, want: Want) -> Found {
        if want == Want::Yes
            && let Some(wanted) = equal_codes(test, dictionary)
        {
            let equal = |code: u16| match codes {
                Codes::U8(codes) => match u8::try_from(code) {
                    Ok(code) => Mask::Some(kernel::equal(codes, code)),
                    Err(_) => Mask::None,
                },
                Codes::U16(codes) => Mask::Some(kernel::equal(codes, code)),
            };
            let yes = wanted.into_iter().flatten().map(equal).fold(Mask::None, Mask::or);
            return Found { yes, no: Mask::None };
        }
        let table = self.tables[&test_key(test)].get_or_init(|| {
            let values = dictionary.values();
            let mut table: Vec<u8> =
                values.iter().map(|value| test.truth(Some(value)) as u8).collect();
            table[0] = test.truth(None) as u8;
            // As long as the codes may be many, so that the loop needs no check it can fail.
            table.resize(table.len().max(256), 0);
            table
        });
        let side = |bit| match codes {
            Codes::U8(codes) => Mask::Some(kernel::in_table(codes, table, bit)),
            Codes::U16(codes) => Mask::Some(kernel::in_table(codes, table, bit)),
        };
        Found {
            yes: if want.yes() { side(0) } else { Mask::None },
            no: if want.no() { side(1) } else { Mask::None },
        }
    }
}

fn test_key(test: &Test) -> usize {
    std::ptr::from_ref(test) as usize
}

fn everywhere(truth: Truth) -> Found {
    match truth {
        Truth::Undefined => Found { yes: Mask::None, no: Mask::None },
        Truth::True => Found { yes: Mask::All, no: Mask::None },
        Truth::False => Found { yes: Mask::None, no: Mask::All },
    }
}

/// The codes that equal the constant of an equality; a number may stand as integer and as float.
fn equal_codes(test: &Test, dictionary: &Dictionary) -> Option<[Option<u16>; 2]> {
    let Predicate::Compare(Comparison::Equal, literal) = &test.predicate else { return None };
    Some(match literal {
        Literal::Str(text) => [dictionary.code(&Scalar::Str((&**text).into())), None],
        Literal::Bool(value) => [dictionary.code(&Scalar::Bool(*value)), None],
        Literal::Null => [dictionary.code(&Scalar::Null), None],
        Literal::Undefined => [None, None],
        // Zero has two signs, and large integers share doubles: leave those to the table.
        Literal::Number(value) if *value == 0.0 || value.abs() >= 9e15 => return None,
        Literal::Number(value) => {
            #[expect(clippy::cast_possible_truncation, reason = "the size is checked above")]
            let integer = (value.fract() == 0.0).then_some(Scalar::Int(*value as i64));
            [
                dictionary.code(&Scalar::Float(*value)),
                integer.and_then(|integer| dictionary.code(&integer)),
            ]
        }
    })
}

/// Rows from `len` to `rows` have no value: they get what the test says of that.
fn beyond(found: Found, len: usize, rows: usize, absent: Truth) -> Found {
    if len >= rows {
        return found;
    }
    let mut within = Bitmap::ones(len);
    let inside = Mask::Some(within.clone());
    let Found { yes, no } = found;
    let mut found = Found { yes: yes.and(inside.clone()), no: no.and(inside) };
    let mut outside = Bitmap::ones(rows);
    outside.and_not(&within);
    within = outside;
    match absent {
        Truth::Undefined => {}
        Truth::True => found.yes = found.yes.or(Mask::Some(within)),
        Truth::False => found.no = found.no.or(Mask::Some(within)),
    }
    found
}

fn sparse(test: &Test, offsets: &[u16], values: &[Scalar<'static>]) -> Found {
    let absent = test.truth(None);
    let full = || Bitmap::ones(crate::store::SEGMENT_ROWS);
    let mut yes = if absent == Truth::True { full() } else { Bitmap::zeros() };
    let mut no = if absent == Truth::False { full() } else { Bitmap::zeros() };
    for (offset, value) in offsets.iter().zip(values) {
        let offset = usize::from(*offset);
        yes.remove(offset);
        no.remove(offset);
        match test.truth(Some(value)) {
            Truth::True => yes.insert(offset),
            Truth::False => no.insert(offset),
            Truth::Undefined => {}
        }
    }
    Found { yes: Mask::Some(yes), no: Mask::Some(no) }
}

/// A test of two dictionary columns: each pair of codes is tested once.
fn pairs(test: &Test, left: &Column, right: &Column) -> Option<Found> {
    const PAIRS_MAX: usize = 1 << 16;
    const UNKNOWN: u8 = 0xFF;
    let (
        Column::Codes { dictionary: a, codes: left },
        Column::Codes { dictionary: b, codes: right },
    ) = (left, right)
    else {
        return None;
    };
    let (a, b) =
        if Arc::ptr_eq(a, b) { (a.values(), None) } else { (a.values(), Some(b.values())) };
    let b_values = b.as_deref().unwrap_or(&a);
    let width = b_values.len();
    if a.len().checked_mul(width)? > PAIRS_MAX {
        return None;
    }
    let mut known = vec![UNKNOWN; a.len() * width];
    let value =
        |values: &'_ [Scalar<'static>], code: usize| (code != 0).then(|| values[code].clone());
    let (mut yes, mut no) = (Bitmap::zeros(), Bitmap::zeros());
    for offset in 0..left.len().max(right.len()) {
        let (first, second) = (usize::from(left.get(offset)), usize::from(right.get(offset)));
        let entry = &mut known[first * width + second];
        if *entry == UNKNOWN {
            let slots = |slot| match slot {
                0 => value(&a, first),
                _ => value(b_values, second),
            };
            *entry = test.truth_of(&slots) as u8;
        }
        match *entry {
            1 => yes.insert(offset),
            2 => no.insert(offset),
            _ => {}
        }
    }
    // Two missing values are tested like any others; rows beyond both columns have none either.
    let found = Found { yes: Mask::Some(yes), no: Mask::Some(no) };
    let absent = test.truth_of(&|_| None);
    Some(beyond(found, left.len().max(right.len()), crate::store::SEGMENT_ROWS, absent))
}

/// Any test, row by row.
fn general(test: &Test, segment: &SegmentView, among: &Mask) -> Found {
    linear::row_by_row((0..segment.ids.len()).map(|offset| {
        if among.contains(offset) && segment.live.contains(offset) {
            test.truth_of(&|slot| value_at(segment, test.slots[slot], offset))
        } else {
            Truth::Undefined
        }
    }))
}

/// What a slot holds in one row of a view.
pub(crate) fn value_at(segment: &SegmentView, slot: Slot, offset: usize) -> Option<Scalar<'_>> {
    let column =
        |place: usize| segment.columns[place].as_ref().and_then(|column| column.get(offset));
    match slot {
        Slot::Column(place) => column(place),
        Slot::DeviceId => Some(Scalar::Str(segment.ids.get(offset).into())),
        Slot::Etag(etag, version) => column(etag).or_else(|| match column(version) {
            Some(Scalar::Int(version)) => Some(Scalar::Str(crate::store::etag_of(version).into())),
            _ => None,
        }),
        Slot::Absent => None,
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
