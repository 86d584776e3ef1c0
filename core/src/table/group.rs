//! GROUP BY and aggregates.

use std::collections::HashMap;
use std::sync::Arc;

use super::cells::Cells;
use super::table::{Table, TableColumn};
use crate::kernel;
use crate::query::ast::{Aggregate, Path, Query, Select, SelectValue};
use crate::store::{Bitmap, Codes, Column, Dictionary};
use crate::twin::Scalar;

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Groups that grow row by row.
pub(super) struct Grouping {
    paths: usize,
    aggregates: Vec<Aggregate>,
    groups: Vec<Group>,
    by_key: Map<Vec<Key>, usize>,
    /// Rows that were counted by code, and have no group yet.
    by_code: Option<(Arc<Dictionary>, Vec<usize>)>,
}

/// How many rows there are of each group in a segment.
pub(super) enum Counts {
    /// All of one group.
    Alike(Vec<Key>, usize),
    /// By the code of their value in a dictionary; 0 is that of no value.
    Codes(Arc<Dictionary>, Vec<usize>),
}

struct Group {
    key: Vec<Key>,
    sums: Vec<Accumulator>,
}

/// What [`Grouping`] asks about the rows that it is given.
pub(super) trait Rows {
    /// The value of a grouping path in a row.
    fn group_value(&self, path: usize, row: usize) -> Option<Scalar<'_>>;
    /// The column of a grouping path, if its values are just what stands in it.
    fn group_column(&self, path: usize) -> Option<&Column>;
    /// The argument of an aggregate in a row.
    fn argument(&self, aggregate: usize, row: usize) -> Option<Scalar<'_>>;
}

/// What rows of one group share, in the order in which groups are given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// No value, or an object or an array, which make no groups.
    Missing,
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
}

/// A finite number; `3` and `3.0` are one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(f64);

impl Ord for Number {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl std::hash::Hash for Number {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Key {
    fn of(value: Option<&Scalar<'_>>) -> Self {
        match value {
            None | Some(Scalar::Object | Scalar::Array(_)) => Self::Missing,
            Some(Scalar::Null) => Self::Null,
            Some(Scalar::Bool(value)) => Self::Bool(*value),
            Some(Scalar::Str(text)) => Self::Text(text.clone().into_owned()),
            // Adding zero turns the negative zero into the other one.
            Some(value) => {
                value.as_number().map_or(Self::Missing, |it| Self::Number(Number(it + 0.0)))
            }
        }
    }

    fn value(&self) -> Option<Scalar<'_>> {
        Some(match self {
            Self::Missing => return None,
            Self::Null => Scalar::Null,
            Self::Bool(value) => Scalar::Bool(*value),
            Self::Number(number) => shown(number.0),
            Self::Text(text) => Scalar::Str(text.into()),
        })
    }
}

/// A computed number as it is shown: an integer if it is whole and exact.
#[expect(clippy::cast_possible_truncation, reason = "the number is checked to be a whole one")]
fn shown(number: f64) -> Scalar<'static> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        Scalar::Int(number as i64)
    } else {
        Scalar::Float(number)
    }
}

impl Grouping {
    pub(super) fn new(query: &Query) -> Self {
        let aggregates = match &query.select {
            Select::All => Vec::new(),
            Select::Items(items) => items
                .iter()
                .filter_map(|item| match &item.value {
                    SelectValue::Aggregate(aggregate, _) => Some(*aggregate),
                    SelectValue::Path(_) => None,
                })
                .collect(),
        };
        let paths = query.group_by.len();
        let mut grouping =
            Self { paths, aggregates, groups: Vec::new(), by_key: Map::default(), by_code: None };
        if paths == 0 {
            // Without GROUP BY there is one group, even of no rows.
            grouping.group(Vec::new());
        }
        grouping
    }

    fn group(&mut self, key: Vec<Key>) -> usize {
        if let Some(known) = self.by_key.get(&key) {
            return *known;
        }
        let sums = vec![Accumulator::default(); self.aggregates.len()];
        self.groups.push(Group { key: key.clone(), sums });
        self.by_key.insert(key, self.groups.len() - 1);
        self.groups.len() - 1
    }

    /// Adds rows that share columns. Values are only looked at once for each combination of codes.
    pub(super) fn add(&mut self, rows: impl Iterator<Item = usize>, source: &impl Rows) {
        let coders: Vec<Coder<'_>> =
            (0..self.paths).map(|path| Coder::new(source.group_column(path))).collect();
        let mut coders = coders;
        let mut known: Map<Vec<u32>, usize> = Map::default();
        // The usual case, one path with a dictionary, needs no hashing at all.
        let mut by_code: Vec<usize> = Vec::new();
        let mut codes = vec![0; self.paths];
        for row in rows {
            for (path, coder) in coders.iter_mut().enumerate() {
                codes[path] = coder.code(row, || source.group_value(path, row));
            }
            let place = codes.first().map_or(0, |code| *code as usize);
            let group = match (self.paths, by_code.get(place)) {
                (0, _) => 0,
                (1, Some(group)) if *group != usize::MAX => *group,
                (1, _) => {
                    let group = self.group_of(row, source);
                    if by_code.len() <= place {
                        by_code.resize(place + 1, usize::MAX);
                    }
                    by_code[place] = group;
                    group
                }
                _ => match known.get(&*codes) {
                    Some(group) => *group,
                    None => {
                        let group = self.group_of(row, source);
                        known.insert(codes.clone(), group);
                        group
                    }
                },
            };
            self.count(group, row, source);
        }
    }

    /// How many rows of a segment each group gets, if that is all that is asked, by one path at
    /// most and by its codes; `None` if they have to be added one by one.
    pub(super) fn counts(&self, rows: &Bitmap, source: &impl Rows) -> Option<Counts> {
        if self.paths > 1 || self.aggregates.iter().any(|kind| *kind != Aggregate::Count) {
            return None;
        }
        if self.paths == 0 {
            return Some(Counts::Alike(Vec::new(), rows.count()));
        }
        let (dictionary, codes) = match source.group_column(0) {
            Some(Column::Codes { dictionary, codes }) => (dictionary, codes),
            Some(Column::Constant { value, len }) if rows.iter().all(|row| row < *len as usize) => {
                return Some(Counts::Alike(vec![Key::of(Some(value))], rows.count()));
            }
            _ => return None,
        };
        let mut counts = match codes {
            Codes::U8(codes) => kernel::histogram_u8(codes, rows.words()).to_vec(),
            Codes::U16(codes) => kernel::histogram_u16(codes, rows.words()),
        };
        // Rows behind the end of the column have no value, as those of code 0.
        counts[0] = rows.count() - counts[1..].iter().sum::<usize>();
        Some(Counts::Codes(Arc::clone(dictionary), counts))
    }

    /// Adds what [`Grouping::counts`] gave.
    pub(super) fn add_counts(&mut self, counts: Counts) {
        match counts {
            Counts::Alike(key, count) if count > 0 => {
                let group = self.group(key);
                self.count_many(group, count);
            }
            Counts::Alike(..) => {}
            Counts::Codes(dictionary, counts) => match &mut self.by_code {
                Some((known, sums)) if Arc::ptr_eq(known, &dictionary) => {
                    sums.resize(sums.len().max(counts.len()), 0);
                    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                }
                _ => {
                    self.name_codes();
                    self.by_code = Some((dictionary, counts));
                }
            },
        }
    }

    /// Gives the groups what was counted by code.
    fn name_codes(&mut self) {
        let Some((dictionary, counts)) = self.by_code.take() else { return };
        let values = dictionary.values();
        for (code, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let group = self.group(vec![Key::of((code > 0).then(|| &values[code]))]);
            self.count_many(group, count);
        }
    }

    fn count_many(&mut self, group: usize, rows: usize) {
        let sums = &mut self.groups[group].sums;
        sums.iter_mut().for_each(|sum| sum.documents += rows as u64);
    }

    /// Adds one row on its own.
    pub(super) fn add_row(&mut self, row: usize, source: &impl Rows) {
        let group = self.group_of(row, source);
        self.count(group, row, source);
    }

    fn count(&mut self, group: usize, row: usize, source: &impl Rows) {
        let sums = &mut self.groups[group].sums;
        for (aggregate, (kind, sum)) in self.aggregates.iter().zip(sums).enumerate() {
            if *kind == Aggregate::Count {
                sum.documents += 1;
            } else if let Some(value) = source.argument(aggregate, row) {
                sum.add(&value);
            }
        }
    }

    fn group_of(&mut self, row: usize, source: &impl Rows) -> usize {
        let key = (0..self.paths).map(|path| Key::of(source.group_value(path, row).as_ref()));
        let key = key.collect();
        self.group(key)
    }

    /// The groups as a table in the order of their keys, at most `limit` of them.
    pub(super) fn finish(mut self, query: &Query, limit: usize) -> Table {
        self.name_codes();
        let Select::Items(items) = &query.select else { return Table::default() };
        self.groups.sort_by(|left, right| left.key.cmp(&right.key));
        let mut aggregate = 0;
        let columns = items.iter().map(|item| {
            let mut cells = Cells::new();
            let shown = self.groups.iter().take(limit);
            match &item.value {
                SelectValue::Path(path) => {
                    let same = |known: &Path| known.segments == path.segments;
                    let place = query.group_by.iter().position(same);
                    for group in shown {
                        let key = place.map_or(&Key::Missing, |place| &group.key[place]);
                        cells.push(key.value().as_ref());
                    }
                }
                SelectValue::Aggregate(kind, _) => {
                    for group in shown {
                        cells.push(group.sums[aggregate].result(*kind).as_ref());
                    }
                    aggregate += 1;
                }
            }
            TableColumn::new(&item.name, cells)
        });
        Table::new(columns.collect())
    }
}

/// Numbers the values of one path within one set of rows.
enum Coder<'a> {
    Codes(&'a Codes),
    Values(Map<Key, u32>),
}

impl<'a> Coder<'a> {
    fn new(column: Option<&'a Column>) -> Self {
        match column {
            Some(Column::Codes { codes, .. }) => Self::Codes(codes),
            _ => Self::Values(Map::default()),
        }
    }

    fn code<'v>(&mut self, row: usize, value: impl FnOnce() -> Option<Scalar<'v>>) -> u32 {
        match self {
            Self::Codes(codes) => u32::from(codes.get(row)),
            Self::Values(known) => {
                let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
                *known.entry(Key::of(value().as_ref())).or_insert(next)
            }
        }
    }
}

/// One aggregate of one group. Values of a type that does not count are ignored.
#[derive(Debug, Clone, Default)]
struct Accumulator {
    documents: u64,
    numbers: u64,
    sum: f64,
    /// The least and the greatest number.
    number: Option<(f64, f64)>,
    /// The least and the greatest string.
    text: Option<(String, String)>,
}

impl Accumulator {
    fn add(&mut self, value: &Scalar<'_>) {
        if let Scalar::Str(text) = value {
            let text = &**text;
            match &mut self.text {
                None => self.text = Some((text.to_owned(), text.to_owned())),
                Some((least, _)) if text < least.as_str() => text.clone_into(least),
                Some((_, greatest)) if text > greatest.as_str() => text.clone_into(greatest),
                Some(_) => {}
            }
        } else if let Some(number) = value.as_number() {
            self.numbers += 1;
            self.sum += number;
            let (least, greatest) = self.number.unwrap_or((number, number));
            self.number = Some((least.min(number), greatest.max(number)));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a mean is a double")]
    fn result(&self, kind: Aggregate) -> Option<Scalar<'static>> {
        let text = |text: &String| Scalar::Str(text.clone().into());
        let of_numbers = |value: f64| (self.numbers > 0).then(|| shown(value));
        match kind {
            Aggregate::Count => Some(Scalar::Int(i64::try_from(self.documents).ok()?)),
            Aggregate::Sum => of_numbers(self.sum).filter(is_finite),
            Aggregate::Avg => of_numbers(self.sum / self.numbers as f64).filter(is_finite),
            Aggregate::Min => match &self.number {
                Some((least, _)) => Some(shown(*least)),
                None => self.text.as_ref().map(|(least, _)| text(least)),
            },
            Aggregate::Max => match &self.number {
                Some((_, greatest)) => Some(shown(*greatest)),
                None => self.text.as_ref().map(|(_, greatest)| text(greatest)),
            },
        }
    }
}

fn is_finite(value: &Scalar<'_>) -> bool {
    value.as_number().is_some_and(f64::is_finite)
}
