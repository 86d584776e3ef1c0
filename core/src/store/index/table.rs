//! A table from hashes to rows: eight bytes a place, in the order of the hashes.
//!
//! Open addressing with linear probing, where the entries of a run are kept sorted (Amble and
//! Knuth, "Ordered hash tables", 1974). So one line of memory answers most questions, a search ends
//! at the first greater hash, and a table that grows copies its entries from front to back. It
//! grows by a quarter, not by doubling: between 65 and 81 percent of the places are taken.

use crate::store::Row;

/// A place without an entry. No entry has this hash, and so every entry is less.
const EMPTY: u64 = u64::MAX;
/// Places of the first table that is not empty.
const LEAST: usize = 16;

/// Rows by hash. Several rows may have one hash; a row is there once.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Hash and row as one number. An entry stands at its home, or behind it without a gap; the
    /// last run may go on behind the last home.
    places: Vec<u64>,
    homes: usize,
    count: usize,
}

/// What is kept of the hash of an id: any number but the greatest, its upper bits the home.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hash(u32);

impl Hash {
    /// The upper half of a `hash` of 64 bits.
    pub(super) fn new(hash: u64) -> Self {
        Self(((hash >> 32) as u32).min(u32::MAX - 1))
    }

    fn of(entry: u64) -> u32 {
        (entry >> 32) as u32
    }
}

impl Table {
    /// The rows that have `hash`.
    #[inline]
    pub(super) fn rows(&self, hash: Hash) -> impl Iterator<Item = Row> {
        let run = self.places.get(self.home(hash.0)..).unwrap_or_default();
        let is_before = move |entry: &&u64| Hash::of(**entry) < hash.0;
        let is_it = move |entry: &&u64| Hash::of(**entry) == hash.0;
        run.iter().skip_while(is_before).take_while(is_it).map(|entry| row_of(*entry))
    }

    /// Any number that depends on the place where `hash` belongs: reading it brings that place into
    /// the caches, and leaves what stands there to be asked when it has come.
    #[inline]
    pub(super) fn touch(&self, hash: Hash) -> u64 {
        self.places.get(self.home(hash.0)).copied().unwrap_or(EMPTY)
    }

    /// Adds a row, which the table must not have.
    pub(super) fn insert(&mut self, hash: Hash, row: Row) {
        // 13 of 16 places are taken at most.
        if (self.count + 1) * 16 > self.homes * 13 {
            self.grow();
        }
        let entry = u64::from(hash.0) << 32 | u64::from(row.number());
        let home = self.home(hash.0);
        let place = (home..).find(|at| self.places.get(*at).is_none_or(|other| *other > entry));
        let place = place.expect("behind the last entry there is a place");
        match self.places[place..].iter().position(|other| *other == EMPTY) {
            Some(free) => {
                self.places.copy_within(place..place + free, place + 1);
                self.places[place] = entry;
            }
            None => self.places.insert(place, entry),
        }
        self.count += 1;
    }

    /// Takes `row` away; false if it does not have this hash.
    pub(super) fn remove(&mut self, hash: Hash, row: Row) -> bool {
        let entry = u64::from(hash.0) << 32 | u64::from(row.number());
        let home = self.home(hash.0);
        let run = self.places.get(home..).unwrap_or_default();
        let Some(place) = run.iter().position(|other| *other >= entry).map(|at| home + at) else {
            return false;
        };
        if self.places[place] != entry {
            return false;
        }
        // Those behind it move up, to the first one that is at home, so that no gap is left.
        let is_end = |at: &usize| {
            let next = self.places.get(*at).copied().unwrap_or(EMPTY);
            next == EMPTY || self.home(Hash::of(next)) == *at
        };
        let end = (place + 1..).find(is_end).expect("behind the last entry there is an end");
        self.places.copy_within(place + 1..end, place);
        self.places[end - 1] = EMPTY;
        self.count -= 1;
        true
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.places.capacity() * size_of::<u64>()
    }

    /// Homes are in the order of hashes.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.homes as u64) >> 32) as usize
    }

    fn grow(&mut self) {
        self.homes = (self.homes + self.homes / 4).max(LEAST);
        // Some room for the last run, so that it hardly ever moves all of them.
        let mut places = Vec::with_capacity(self.homes + LEAST / 2);
        let entries = std::mem::take(&mut self.places);
        for entry in entries.into_iter().filter(|entry| *entry != EMPTY) {
            let home = self.home(Hash::of(entry));
            places.resize(places.len().max(home), EMPTY);
            places.push(entry);
        }
        places.resize(places.len().max(self.homes), EMPTY);
        self.places = places;
    }
}

fn row_of(entry: u64) -> Row {
    Row::numbered(entry as u32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Few hashes, at both ends of a table and between, so that runs are long.
    fn hash() -> impl Strategy<Value = u64> {
        prop_oneof![
            (0_u64..4).prop_map(|low| low << 32),
            (0_u64..4).prop_map(|low| u64::MAX - (low << 32)),
            any::<u64>(),
            (0_u64..40).prop_map(|part| part << 58 | 1 << 40),
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(
            steps in prop::collection::vec((hash(), 0_u32..8, 0_u8..8), 1..600),
        ) {
            let (mut table, mut set) = (Table::default(), BTreeSet::new());
            let mut keep = 5;
            for (hash, number, kind) in steps {
                // It is filled and emptied in turns.
                keep = if set.len() > 200 { 2 } else if set.len() < 20 { 6 } else { keep };
                let row = Row::numbered(number * 0x1FFF_FFFF);
                let hash = Hash::new(hash);
                if kind < keep {
                    if set.insert((hash, row)) {
                        table.insert(hash, row);
                    }
                } else {
                    let any = set.iter().next().copied().filter(|_| kind == 7);
                    let (hash, row) = any.unwrap_or((hash, row));
                    prop_assert_eq!(table.remove(hash, row), set.remove(&(hash, row)));
                }
                prop_assert_eq!(table.len(), set.len());
                let rows: Vec<Row> = table.rows(hash).collect();
                let known = set.iter().filter(|(known, _)| *known == hash).map(|(_, row)| *row);
                prop_assert_eq!(rows, known.collect::<Vec<_>>());
            }
            for (hash, row) in set {
                prop_assert!(table.rows(hash).any(|known| known == row));
                prop_assert!(table.remove(hash, row));
            }
            prop_assert_eq!(table.len(), 0);
            prop_assert!(table.places.iter().all(|entry| *entry == EMPTY));
        }
    }

    #[test]
    fn rows_of_one_hash_are_all_found() {
        for hash in [0, 1 << 60, u64::MAX] {
            let (mut table, hash) = (Table::default(), Hash::new(hash));
            (0..1000).rev().for_each(|number| table.insert(hash, Row::numbered(number)));
            table.insert(hash, Row::numbered(u32::MAX));
            let rows: Vec<Row> = table.rows(hash).collect();
            assert_eq!(rows.len(), 1001);
            assert!(rows.iter().all(|row| table.remove(hash, *row)));
            assert_eq!(table.rows(hash).count(), 0);
        }
    }

    #[test]
    fn an_empty_table_has_nothing() {
        let mut table = Table::default();
        assert_eq!(table.rows(Hash::new(7)).count(), 0);
        assert!(!table.remove(Hash::new(7), Row::numbered(0)));
        assert_eq!(table.touch(Hash::new(u64::MAX)), EMPTY);
    }
}
