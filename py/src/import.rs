//! `Hub.import_twins`: a source on one side, the engine's reader of NDJSON on the other.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam::channel::bounded;
use pyo3::prelude::*;
use twincast::{Hub, ImportOptions, ImportProgress, ImportReport as Report, OnError};

use crate::progress::Progress;
use crate::report::{ImportReport, LineError};
use crate::source::{self, Fault, LaneReader, Source};
use crate::{errors, html, wait};

/// Chunks that may wait between Python and the importing thread.
const CHUNKS: usize = 4;
/// Bytes read from a file at a time.
const READ_BYTES: usize = 4 << 20;
/// Bad lines that a report keeps; the rest are counted.
const ERRORS_KEPT: usize = 10_000;

/// Imports `source`; answers an int, or an `ImportReport` if bad twins are skipped.
pub(crate) fn run<'py>(
    py: Python<'py>,
    hub: &Hub,
    source: &Bound<'py, PyAny>,
    skip: bool,
    shown: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let seen = Seen::default();
    let mut bar = Progress::new("Importing twins", shown);
    let mut faults = Vec::new();
    let report = match source::open(source)? {
        Source::File { file, bytes } => {
            let look = || seen.look(bytes);
            let work = |stop: &AtomicBool| import(hub, Stoppable { file, stop }, skip, &seen, stop);
            let report = wait::watch(py, work, |_, _| Ok(()), &mut |py| bar.draw(py, look))?;
            bar.finish(py, look)?;
            report
        }
        Source::Feed(mut feed) => {
            let look = || seen.look(None);
            let (lane, chunks) = bounded(CHUNKS);
            let work =
                |stop: &AtomicBool| import(hub, LaneReader::new(chunks, stop), skip, &seen, stop);
            let feed = |py, tick: wait::Tick<'_>| {
                let lane = lane; // dropped at the end, which tells the reader
                while let Some(chunk) = feed.next(py)? {
                    let bad = feed.take_faults();
                    if let Some(fault) = bad.first().filter(|_| !skip) {
                        return Err(errors::invalid(
                            py,
                            &format!("line {}: {}", fault.line, fault.reason),
                            None,
                        ));
                    }
                    faults.extend(bad);
                    if !wait::send(py, &lane, chunk, tick)? {
                        break; // the import has failed and says why
                    }
                    py.check_signals().and_then(|()| tick(py))?;
                }
                Ok(())
            };
            let report = wait::watch(py, work, feed, &mut |py| bar.draw(py, look))?;
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

fn import(
    hub: &Hub,
    reader: impl Read + Send,
    skip: bool,
    seen: &Seen,
    stop: &AtomicBool,
) -> twincast::Result<Report> {
    let mut watch = |progress: ImportProgress| {
        seen.bytes.store(progress.bytes, Ordering::Relaxed);
        seen.twins.store(progress.twins, Ordering::Relaxed);
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let on_error = if skip { OnError::Skip } else { OnError::Stop };
    hub.import_ndjson(reader, ImportOptions { on_error, progress: Some(&mut watch) })
}

/// A file that fails once the flag is set, so that Ctrl-C need not wait for the next block.
struct Stoppable<'a> {
    file: File,
    stop: &'a AtomicBool,
}

impl Read for Stoppable<'_> {
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
