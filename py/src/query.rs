//! `Hub.query`: answers that may take long, with progress and Ctrl-C.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyo3::prelude::*;
use twincast::table::QueryProgress;
use twincast::{Hub, Table};

use crate::progress::{Progress, Wish};
use crate::wait::Leftovers;
use crate::{html, wait};

/// Answers `query`.
pub(crate) fn run(py: Python<'_>, hub: &Hub, query: String, wish: Wish) -> PyResult<Table> {
    let inner = hub.clone();
    let seen = Arc::new(Seen::default());
    let look = || seen.look();
    let mut bar = Progress::new("Answering a query", wish);
    let told = Arc::clone(&seen);
    let work = move |stop: &Arc<AtomicBool>| {
        inner.query_watched(&query, &mut |progress| {
            told.tell(progress);
            if stop.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
    };
    let table = if wait::is_long(wait::get(py, || hub.len())?) {
        let tick = &mut |py: Python<'_>| bar.draw(py, look);
        // One that was stopped ends within a segment, and holds nothing that others need.
        wait::watch(py, &Leftovers::default(), work, |_, _| Ok(()), tick)?
    } else {
        wait::run(py, || work(&Arc::default()))?
    };
    bar.finish(py, look)?;
    Ok(table)
}

/// How far the answering thread is.
#[derive(Default)]
struct Seen {
    rows: AtomicU64,
    total: AtomicU64,
}

impl Seen {
    fn tell(&self, progress: QueryProgress) {
        self.total.store(progress.total, Ordering::Relaxed);
        self.rows.store(progress.rows, Ordering::Relaxed);
    }

    fn look(&self) -> PyResult<(u64, Option<u64>, String)> {
        let (rows, total) = (&self.rows, self.total.load(Ordering::Relaxed));
        let rows = rows.load(Ordering::Relaxed);
        // Not known while the condition is still being answered.
        let total = Some(total).filter(|total| *total > 0);
        Ok((rows, total, format!("{} rows", html::count(rows))))
    }
}
