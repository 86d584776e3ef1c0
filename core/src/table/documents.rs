//! Queries over documents that are made one by one: `FROM devices.jobs`.

use serde_json::Value as Json;

use super::cells::Cells;
use super::group::{Grouping, Rows};
use super::table::{Table, TableColumn};
use super::value::Value;
use crate::plan::{Term, Truth, bind_documents, evaluate, scalar_from};
use crate::query::ast::{Path, Query, Segment, Select, SelectValue};
use crate::store::Column;
use crate::twin::Scalar;

/// Answers a query over `documents`, which are asked for one after the other until TOP is
/// reached. `fields` are the columns of `SELECT *`.
#[must_use]
pub fn query_documents(
    query: &Query,
    fields: &[&str],
    documents: impl Iterator<Item = Json>,
) -> Table {
    let (filter, paths) = match &query.filter {
        None => (Term::Constant(Some(Scalar::Bool(true))), Vec::new()),
        Some(filter) => bind_documents(filter),
    };
    let matching = documents.filter(|document| {
        let slots = |slot: usize| at(document, &paths[slot]).map(scalar_from);
        Truth::of(evaluate(&filter, &slots).as_ref()) == Truth::True
    });
    let limit = query.top.map_or(usize::MAX, |top| usize::try_from(top).unwrap_or(usize::MAX));
    if query.is_aggregate() {
        let mut grouping = Grouping::new(query);
        for document in matching {
            grouping.add(std::iter::once(0), &Document { query, document: &document });
        }
        return grouping.finish(query, limit);
    }
    let items: Vec<(String, Vec<Segment>)> = match &query.select {
        Select::All => fields
            .iter()
            .map(|field| ((*field).to_owned(), vec![Segment::Key((*field).to_owned())]))
            .collect(),
        Select::Items(items) => items
            .iter()
            .filter_map(|item| match &item.value {
                SelectValue::Path(path) => Some((item.name.clone(), path.segments.clone())),
                SelectValue::Aggregate(..) => None,
            })
            .collect(),
    };
    let mut cells = vec![Cells::new(); items.len()];
    for document in matching.take(limit) {
        for ((_, path), cells) in items.iter().zip(&mut cells) {
            cells.push_json(at(&document, path));
        }
    }
    let columns = items.into_iter().zip(cells);
    Table::new(columns.map(|((name, _), cells)| TableColumn { name, cells }).collect())
}

fn at<'d>(document: &'d Json, path: &[Segment]) -> Option<&'d Json> {
    path.iter().try_fold(document, |place, segment| match segment {
        Segment::Key(key) => place.as_object()?.get(key),
        Segment::Index(index) => place.as_array()?.get(*index as usize),
    })
}

/// One document, as groups ask for it.
struct Document<'a> {
    query: &'a Query,
    document: &'a Json,
}

impl Document<'_> {
    fn value(&self, path: &Path) -> Option<Value<'_>> {
        Some(match at(self.document, &path.segments)? {
            object @ Json::Object(_) => Value::Json(object.clone()),
            value => Value::Scalar(scalar_from(value)),
        })
    }
}

impl Rows for Document<'_> {
    fn group_value(&self, path: usize, _row: usize) -> Option<Scalar<'_>> {
        Some(self.value(&self.query.group_by[path])?.into_scalar())
    }

    fn group_column(&self, _path: usize) -> Option<&Column> {
        None
    }

    fn argument(&self, aggregate: usize, _row: usize) -> Option<Scalar<'_>> {
        let Select::Items(items) = &self.query.select else { return None };
        let mut aggregates = items.iter().filter_map(|item| match &item.value {
            SelectValue::Aggregate(_, path) => Some(path.as_ref()),
            SelectValue::Path(_) => None,
        });
        Some(self.value(aggregates.nth(aggregate)??)?.into_scalar())
    }
}
