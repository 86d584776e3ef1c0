//! `Hub.import_twins`: a source on one side, the engine's reader of NDJSON on the other.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam::channel::bounded;
use pyo3::prelude::*;
use twincast::{Hub, ImportOptions, ImportProgress, ImportReport as Report, OnError};

use crate::progress::{Progress, Wish};
use crate::report::{ImportReport, LineError};
use crate::source::{self, Fault, LaneReader, Source};
use crate::wait::Leftovers;
use crate::{allocator, errors, html, wait};

/// Chunks that may wait between Python and the importing thread.
const CHUNKS: usize = 4;
/// Bytes read from a file at a time.
const READ_BYTES: usize = 4 << 20;
/// Bytes of an import whose buffers are worth to be given back to the system.
const GIVEN_BACK: u64 = 4 << 20;
/// Bad lines that a report keeps; the rest are counted.
const ERRORS_KEPT: usize = 10_000;

/// Imports `source`; answers an int, or an `ImportReport` if bad twins are skipped.
pub(crate) fn run<'py>(
    py: Python<'py>,
    hub: &Hub,
    leftovers: &Leftovers,
    source: &Bound<'py, PyAny>,
    skip: bool,
    wish: Wish,
) -> PyResult<Bound<'py, PyAny>> {
    // An import that was stopped just now still holds the ids that it read.
    leftovers.settle(py)?;
    let seen = Arc::new(Seen::default());
    let mut bar = Progress::new("Importing twins", wish);
    let mut faults = Vec::new();
    let import = Import { hub: hub.clone(), skip, seen: Arc::clone(&seen) };
    let report = match source::open(source)? {
        Source::File { file, bytes } => {
            let look = || seen.look(bytes);
            let work = move |stop: &Arc<AtomicBool>| {
                import.run(Stoppable { file, stop: Arc::clone(stop) }, stop)
            };
            let tick = &mut |py: Python<'_>| bar.draw(py, look);
            let report = wait::watch(py, leftovers, work, |_, _| Ok(()), tick)?;
            bar.finish(py, look)?;
            report
        }
        Source::Feed(mut feed) => {
            let look = || seen.look(None);
            let (lane, chunks) = bounded(CHUNKS);
            // Closed by a feed that came to its end. After an exception it stays open until the
            // import was told to stop, or what came so far would pass for the whole.
            let mut open = Some(lane);
            let work = move |stop: &Arc<AtomicBool>| {
                import.run(LaneReader::new(chunks, Arc::clone(stop)), stop)
            };
            let feed = |py, tick: wait::Tick<'_>| {
                while let (Some(lane), Some(chunk)) = (&open, feed.next(py)?) {
                    let bad = feed.take_faults();
                    if let Some(fault) = bad.first().filter(|_| !skip) {
                        let message = format!("line {}: {}", fault.line, fault.reason);
                        return Err(errors::invalid(py, &message, None));
                    }
                    faults.extend(bad);
                    if !wait::send(py, lane, chunk, tick)? {
                        break; // the import has failed and says why
                    }
                    py.check_signals().and_then(|()| tick(py))?;
                }
                open = None;
                Ok(())
            };
            let tick = &mut |py: Python<'_>| bar.draw(py, look);
            let report = wait::watch(py, leftovers, work, feed, tick)?;
            bar.finish(py, look)?;
            report
        }
    };
    if skip {
        Ok(Bound::new(py, merged(report, faults))?.into_any())
    } else {
        Ok(report.imported.into_pyobject(py)?.into_any())
    }
}

/// What the importing thread works with.
struct Import {
    hub: Hub,
    skip: bool,
    seen: Arc<Seen>,
}

impl Import {
    fn run(&self, reader: impl Read + Send, stop: &AtomicBool) -> twincast::Result<Report> {
        let mut watch = |progress: ImportProgress| {
            self.seen.bytes.store(progress.bytes, Ordering::Relaxed);
            self.seen.twins.store(progress.twins, Ordering::Relaxed);
            if stop.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let on_error = if self.skip { OnError::Skip } else { OnError::Stop };
        let options = ImportOptions { on_error, progress: Some(&mut watch) };
        let mut bytes = 0;
        let counted = Counted { reader, bytes: &mut bytes };
        let report = self.hub.import_ndjson(counted, options);
        if bytes >= GIVEN_BACK {
            allocator::give_back();
        }
        let report = report?;
        // Of a small import the engine tells nothing.
        self.seen.bytes.store(bytes, Ordering::Relaxed);
        self.seen.twins.store(report.imported, Ordering::Relaxed);
        Ok(report)
    }
}

/// A reader whose bytes are counted.
struct Counted<'a, R> {
    reader: R,
    bytes: &'a mut u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        *self.bytes += read as u64;
        Ok(read)
    }
}

/// A file that fails once the flag is set, so that Ctrl-C need not wait for the next block.
struct Stoppable {
    file: File,
    stop: Arc<AtomicBool>,
}

impl Read for Stoppable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("the import was stopped"));
        }
        // Not all at once: the flag is looked at between two reads.
        let part = buffer.len().min(READ_BYTES);
        self.file.read(&mut buffer[..part])
    }
}

/// How far the importing thread is.
#[derive(Default)]
struct Seen {
    bytes: AtomicU64,
    twins: AtomicU64,
}

impl Seen {
    fn look(&self, bytes: Option<u64>) -> PyResult<(u64, Option<u64>, String)> {
        let twins = html::count(self.twins.load(Ordering::Relaxed));
        Ok((self.bytes.load(Ordering::Relaxed), bytes, format!("{twins} twins")))
    }
}

/// The engine's report together with the twins that never became a line.
fn merged(report: Report, faults: Vec<Fault>) -> ImportReport {
    let errors_total = report.errors_total + faults.len() as u64;
    let lines = report.errors.into_iter().map(|error| LineError {
        line: error.line,
        reason: error.reason,
        hint: error.hint,
    });
    let faults = faults.into_iter();
    let faults =
        faults.map(|fault| LineError { line: fault.line, reason: fault.reason, hint: None });
    let mut errors: Vec<LineError> = lines.chain(faults).collect();
    errors.sort_by_key(|error| error.line);
    errors.truncate(ERRORS_KEPT);
    ImportReport { imported: report.imported, errors, errors_total }
}
