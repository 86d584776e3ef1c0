//! How many workers each transport holds, and how many it lost.
//!
//! A worker whose call timed out is written off: it no longer counts as one, and another may start
//! in its place. It comes back when its handler returns, if ever, and then it goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::transport::Transport;

/// A transport by its address, which is its own as long as one of its workers is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(usize);

impl Key {
    pub(super) fn of(transport: &Arc<dyn Transport>) -> Self {
        Self(Arc::as_ptr(transport).cast::<()>().addr())
    }
}

/// The workers of one transport, over all its jobs, closed ones included.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) busy: usize,
    pub(super) lost: usize,
}

#[derive(Debug, Default)]
pub(super) struct Roster {
    /// Transports with workers inside.
    tallies: BTreeMap<Key, Tally>,
    /// Workers that were written off.
    lost: BTreeMap<u64, Key>,
}

impl Roster {
    pub(super) fn of(&self, key: Key) -> Tally {
        self.tallies.get(&key).copied().unwrap_or_default()
    }

    /// Workers that all transports lost.
    pub(super) fn lost(&self) -> usize {
        self.lost.len()
    }

    pub(super) fn is_lost(&self, worker: u64) -> bool {
        self.lost.contains_key(&worker)
    }

    pub(super) fn begin(&mut self, key: Key) {
        self.tallies.entry(key).or_default().busy += 1;
    }

    pub(super) fn end(&mut self, key: Key) {
        self.change(key, |tally| tally.busy -= 1);
    }

    pub(super) fn write_off(&mut self, worker: u64, key: Key) {
        self.lost.insert(worker, key);
        self.change(key, |tally| {
            tally.busy -= 1;
            tally.lost += 1;
        });
    }

    /// A worker that was written off is back after all.
    pub(super) fn come_back(&mut self, worker: u64) {
        if let Some(key) = self.lost.remove(&worker) {
            self.change(key, |tally| tally.lost -= 1);
        }
    }

    fn change(&mut self, key: Key, change: impl FnOnce(&mut Tally)) {
        let tally = self.tallies.entry(key).or_default();
        change(tally);
        // The address may be another transport's from now on.
        if tally.busy == 0 && tally.lost == 0 {
            self.tallies.remove(&key);
        }
    }
}
