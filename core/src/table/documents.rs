//! Queries over documents that are made one by one: `FROM devices.jobs`.

use serde_json::Value as Json;

use super::cells::Cells;
use super::group::{Grouping, Rows};
use super::table::{Table, TableColumn};
use crate::plan::{Term, Truth, bind_documents, evaluate, scalar_from};
use crate::query::ast::{Path, Query, Segment, Select, SelectValue};
use crate::store::Column;
use crate::twin::Scalar;

/// A document whose fields are made when they are asked for.
pub trait Document {
    /// A root field, if the document has it.
    fn field(&self, name: &str) -> Option<Json>;
}

/// Answers a query over `documents`, which are asked for one after the other until TOP is
/// reached. `fields` are the columns of `SELECT *`.
#[must_use]
pub fn query_documents<D: Document>(
    query: &Query,
    fields: &[&str],
    documents: impl Iterator<Item = D>,
) -> Table {
    let (filter, paths) = match &query.filter {
        None => (Term::Constant(Some(Scalar::Bool(true))), Vec::new()),
        Some(filter) => bind_documents(filter),
    };
    let matching = documents.filter(|document| {
        let slots = |slot: usize| at(document, &paths[slot]).map(|value| scalar_from(&value));
        Truth::of(evaluate(&filter, &slots).as_ref()) == Truth::True
    });
    let limit = query.top.map_or(usize::MAX, |top| usize::try_from(top).unwrap_or(usize::MAX));
    if query.is_aggregate() {
        let mut grouping = Grouping::new(query);
        for document in matching {
            grouping.add_row(0, &Asked { query, document: &document });
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
            cells.push_json(at(&document, path).as_ref());
        }
    }
    let columns = items.into_iter().zip(cells);
    Table::new(columns.map(|((name, _), cells)| TableColumn::new(name, cells)).collect())
}

fn at(document: &impl Document, path: &[Segment]) -> Option<Json> {
    let (Segment::Key(root), rest) = path.split_first()? else { return None };
    rest.iter().try_fold(document.field(root)?, |place, segment| match (segment, place) {
        (Segment::Key(key), Json::Object(mut members)) => members.swap_remove(key),
        (Segment::Index(index), Json::Array(mut elements)) => {
            let index = *index as usize;
            (index < elements.len()).then(|| elements.swap_remove(index))
        }
        _ => None,
    })
}

/// One document, as groups ask for it.
struct Asked<'a, D> {
    query: &'a Query,
    document: &'a D,
}

impl<D: Document> Asked<'_, D> {
    fn value(&self, path: &Path) -> Option<Scalar<'_>> {
        at(self.document, &path.segments).map(|value| scalar_from(&value))
    }
}

impl<D: Document> Rows for Asked<'_, D> {
    fn group_value(&self, path: usize, _row: usize) -> Option<Scalar<'_>> {
        self.value(&self.query.group_by[path])
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
        self.value(aggregates.nth(aggregate)??)
    }
}
