//! The columns that a condition or a query reads, each once.

use std::collections::HashMap;

use crate::store::ColumnKey;

/// A list of columns without repetition.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    keys: Vec<ColumnKey>,
    places: HashMap<ColumnKey, usize, foldhash::fast::FixedState>,
}

impl Columns {
    /// The list of `keys`, which has no repetition.
    pub(crate) fn new(keys: Vec<ColumnKey>) -> Self {
        let places = keys.iter().enumerate().map(|(place, key)| (*key, place)).collect();
        Self { keys, places }
    }

    /// The place of `key`, added now if it is new.
    pub(crate) fn place(&mut self, key: ColumnKey) -> usize {
        *self.places.entry(key).or_insert_with(|| {
            self.keys.push(key);
            self.keys.len() - 1
        })
    }

    /// The columns, by place.
    pub(crate) fn keys(&self) -> &[ColumnKey] {
        &self.keys
    }

    /// The list itself.
    pub(crate) fn into_keys(self) -> Vec<ColumnKey> {
        self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::PathId;

    #[test]
    fn each_column_has_one_place() {
        let (status, version) =
            (ColumnKey::value(PathId::STATUS), ColumnKey::value(PathId::VERSION));
        let mut columns = Columns::new(vec![status]);
        assert_eq!([status, version, status, version].map(|key| columns.place(key)), [0, 1, 0, 1]);
        assert_eq!(columns.place(ColumnKey::updated(PathId::VERSION)), 2);
        assert_eq!(columns.keys()[..2], [status, version]);
        assert_eq!(columns.into_keys().len(), 3);
    }
}
