//! Sharing short work among threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// `find` of every number below `count`, in order. The caller begins at once, and threads of the
/// pool take part as soon as they are awake.
pub(crate) fn on_all_threads<T: Send>(count: usize, find: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(count));
    let take_part = || {
        let mut mine = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            mine.push((number, find(number)));
        }
        found.lock().append(&mut mine);
    };
    rayon::in_place_scope(|scope| {
        for _ in 1..rayon::current_num_threads().min(count) {
            scope.spawn(|_| take_part());
        }
        take_part();
    });
    let mut found = found.into_inner();
    found.sort_unstable_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, found)| found).collect()
}
