//! GROUP BY and aggregates.

use std::collections::HashMap;

use super::cells::Cells;
use super::table::{Table, TableColumn};
use super::value::Value;
use crate::query::ast::{Aggregate, Path, Query, Select, SelectValue};
use crate::store::{Codes, Column};
use crate::twin::Scalar;

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Groups that grow row by row.
pub(super) struct Grouping {
    paths: usize,
    aggregates: Vec<Aggregate>,
    groups: Vec<Group>,
    by_key: Map<String, usize>,
}

struct Group {
    values: Vec<Option<Value<'static>>>,
    sums: Vec<Accumulator>,
}

/// What [`Grouping`] asks about the rows that it is given.
pub(super) trait Rows {
    /// The value of a grouping path in a row.
    fn group_value(&self, path: usize, row: usize) -> Option<Value<'_>>;
    /// The column of a grouping path, if its values are just what stands in it.
    fn group_column(&self, path: usize) -> Option<&Column>;
    /// The argument of an aggregate in a row.
    fn argument(&self, aggregate: usize, row: usize) -> Option<Scalar<'_>>;
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
            Self { paths, aggregates, groups: Vec::new(), by_key: Map::default() };
        if paths == 0 {
            // Without GROUP BY there is one group, even of no rows.
            grouping.group(String::new(), Vec::new);
        }
        grouping
    }

    fn group(
        &mut self,
        key: String,
        values: impl FnOnce() -> Vec<Option<Value<'static>>>,
    ) -> usize {
        *self.by_key.entry(key).or_insert_with(|| {
            let sums = vec![Accumulator::default(); self.aggregates.len()];
            self.groups.push(Group { values: values(), sums });
            self.groups.len() - 1
        })
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
            for (aggregate, kind) in self.aggregates.iter().enumerate() {
                let sum = &mut self.groups[group].sums[aggregate];
                if *kind == Aggregate::Count {
                    sum.documents += 1;
                } else if let Some(value) = source.argument(aggregate, row) {
                    sum.add(&value);
                }
            }
        }
    }

    fn group_of(&mut self, row: usize, source: &impl Rows) -> usize {
        let values: Vec<Option<Value<'_>>> =
            (0..self.paths).map(|path| source.group_value(path, row)).collect();
        let mut key = String::new();
        for value in &values {
            let text = value.as_ref().map_or_else(|| "u".to_owned(), Value::key);
            key.push_str(&text.len().to_string());
            key.push(':');
            key.push_str(&text);
        }
        self.group(key, || {
            values.into_iter().map(|value| value.map(Value::into_owned)).collect()
        })
    }

    /// The groups as a table, at most `limit` of them.
    pub(super) fn finish(self, query: &Query, limit: usize) -> Table {
        let Select::Items(items) = &query.select else { return Table::default() };
        let mut aggregate = 0;
        let columns = items.iter().map(|item| {
            let mut cells = Cells::new();
            let shown = self.groups.iter().take(limit);
            match &item.value {
                SelectValue::Path(path) => {
                    let same = |known: &Path| known.segments == path.segments;
                    let place = query.group_by.iter().position(same);
                    for group in shown {
                        let value = place.and_then(|place| group.values[place].as_ref());
                        Value::push(value, &mut cells);
                    }
                }
                SelectValue::Aggregate(kind, _) => {
                    for group in shown {
                        cells.push(group.sums[aggregate].result(*kind).as_ref());
                    }
                    aggregate += 1;
                }
            }
            TableColumn { name: item.name.clone(), cells }
        });
        Table::new(columns.collect())
    }
}

/// Numbers the values of one path within one set of rows.
enum Coder<'a> {
    Codes(&'a Codes),
    Values(Map<String, u32>),
}

impl<'a> Coder<'a> {
    fn new(column: Option<&'a Column>) -> Self {
        match column {
            Some(Column::Codes { codes, .. }) => Self::Codes(codes),
            _ => Self::Values(Map::default()),
        }
    }

    fn code<'v>(&mut self, row: usize, value: impl FnOnce() -> Option<Value<'v>>) -> u32 {
        match self {
            Self::Codes(codes) => u32::from(codes.get(row)),
            Self::Values(known) => match value() {
                None => 0,
                Some(value) => {
                    let next = u32::try_from(known.len() + 1).unwrap_or(u32::MAX);
                    *known.entry(value.key()).or_insert(next)
                }
            },
        }
    }
}

/// One aggregate of one group. Values of a type that does not count are ignored.
#[derive(Debug, Clone, Default)]
struct Accumulator {
    documents: u64,
    numbers: u64,
    sum: f64,
    /// The sum while all numbers were integers.
    exact: Option<i128>,
    number: Option<(Scalar<'static>, Scalar<'static>)>,
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
            return;
        }
        let Some(number) = value.as_number() else { return };
        self.exact = match (self.exact, value) {
            (None, Scalar::Int(value)) if self.numbers == 0 => Some(i128::from(*value)),
            (Some(sum), Scalar::Int(value)) => sum.checked_add(i128::from(*value)),
            _ => None,
        };
        self.numbers += 1;
        self.sum += number;
        let owned = || value.clone().into_owned();
        match &mut self.number {
            None => self.number = Some((owned(), owned())),
            Some((least, greatest)) => {
                if least.as_number() > Some(number) {
                    *least = owned();
                }
                if greatest.as_number() < Some(number) {
                    *greatest = owned();
                }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a mean is a double")]
    fn result(&self, kind: Aggregate) -> Option<Scalar<'static>> {
        let text = |text: &String| Scalar::Str(text.clone().into());
        match kind {
            Aggregate::Count => Some(Scalar::Int(i64::try_from(self.documents).ok()?)),
            Aggregate::Sum if self.numbers == 0 => None,
            Aggregate::Sum => Some(
                self.exact
                    .and_then(|sum| i64::try_from(sum).ok())
                    .map_or(Scalar::Float(self.sum), Scalar::Int),
            ),
            Aggregate::Avg if self.numbers == 0 => None,
            Aggregate::Avg => Some(Scalar::Float(self.sum / self.numbers as f64)),
            Aggregate::Min => match &self.number {
                Some((least, _)) => Some(least.clone()),
                None => self.text.as_ref().map(|(least, _)| text(least)),
            },
            Aggregate::Max => match &self.number {
                Some((_, greatest)) => Some(greatest.clone()),
                None => self.text.as_ref().map(|(_, greatest)| text(greatest)),
            },
        }
    }
}
