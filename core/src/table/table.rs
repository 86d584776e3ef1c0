//! A table: named columns of equal length.

use serde_json::{Map, Value};

use super::cells::Cells;
use super::values::Values;

/// The answer to a query, or the outcomes of a job: named columns of equal length.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<TableColumn>,
}

/// A column of a [`Table`].
#[derive(Debug, Clone)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Values,
}

impl TableColumn {
    /// A column of `cells`.
    #[must_use]
    pub fn new(name: impl Into<String>, cells: Cells) -> Self {
        Self { name: name.into(), values: cells.finish() }
    }
}

impl Table {
    /// A table of `columns`.
    ///
    /// # Panics
    ///
    /// If they differ in length.
    #[must_use]
    pub fn new(columns: Vec<TableColumn>) -> Self {
        let rows = columns.first().map_or(0, |column| column.values.len());
        assert!(
            columns.iter().all(|column| column.values.len() == rows),
            "columns differ in length"
        );
        Self { columns }
    }

    /// How many rows.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// The names of the columns.
    #[must_use]
    pub fn column_names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| &*column.name).collect()
    }

    /// One row as an object; values that a device does not have are left out.
    #[must_use]
    pub fn row_json(&self, row: usize) -> Value {
        let members = self
            .columns
            .iter()
            .filter_map(|column| Some((column.name.clone(), column.values.get(row)?)));
        Value::Object(members.collect::<Map<_, _>>())
    }

    /// All rows as objects.
    #[must_use]
    pub fn rows_json(&self) -> Vec<Value> {
        (0..self.num_rows()).map(|row| self.row_json(row)).collect()
    }
}
