//! Where twins to import come from: a file, or Python objects turned to lines of NDJSON.
//!
//! Python objects are read on the thread that called, in chunks that a bounded lane hands to the
//! importing thread: generators and cursors stay on their own thread, and no engine thread ever
//! waits for the interpreter.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError};
use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyIterator, PyString};

use crate::argument::{self, Argument};
use crate::arrow::{self, Batches};
use crate::{errors, json, rows};

/// Bytes that are handed over at a time: enough to keep the importing thread busy.
const CHUNK_BYTES: usize = 1 << 20;
/// How often a waiting import looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(20);

/// What `import_twins` was given.
pub(crate) enum Source<'py> {
    File { file: File, bytes: Option<u64> },
    Feed(Feed<'py>),
}

/// Finds out what `object` is, and opens it if it is a path.
pub(crate) fn open<'py>(object: &Bound<'py, PyAny>) -> PyResult<Source<'py>> {
    if let Some(path) = path_of(object)? {
        let file = File::open(&path).map_err(|error| os_error(&error, object))?;
        let bytes = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
        return Ok(Source::File { file, bytes });
    }
    if object.is_instance_of::<PyBytes>() || object.is_instance_of::<PyByteArray>() {
        let text = "source must be a path, not bytes; wrap NDJSON text in io.BytesIO";
        return Err(PyTypeError::new_err(text));
    }
    if object.is_instance_of::<PyDict>() {
        let text = "source must be many twins, not one dict; wrap it in a list";
        return Err(PyTypeError::new_err(text));
    }
    if let Some(batches) = arrow::batches(object)? {
        return Ok(Source::Feed(Feed::arrow(object.py(), batches)?));
    }
    if object.hasattr("read")? {
        let read = object.getattr("read")?;
        return Ok(Source::Feed(Feed { kind: Kind::Reader(read), line: 0, faults: Vec::new() }));
    }
    let items = object.try_iter().map_err(|_| {
        let wanted = "a path, a binary file, an iterable of twins or an Arrow table";
        argument::must_be("source", wanted, object)
    })?;
    Ok(Source::Feed(Feed { kind: Kind::Items(items), line: 0, faults: Vec::new() }))
}

fn path_of(object: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    if object.is_instance_of::<PyString>() || object.hasattr("__fspath__")? {
        return PathBuf::read(object, "source").map(Some);
    }
    Ok(None)
}

/// The exception that `open()` would raise.
fn os_error(error: &io::Error, path: &Bound<'_, PyAny>) -> PyErr {
    match error.raw_os_error() {
        // OSError picks its subclass, such as FileNotFoundError, by the number.
        Some(number) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default().to_owned();
            PyOSError::new_err((number, text, path.clone().unbind()))
        }
        None => PyOSError::new_err(error.to_string()),
    }
}

/// A twin that could not even be written as a line.
pub(crate) struct Fault {
    pub(crate) line: u64,
    pub(crate) reason: String,
}

/// Python objects, read chunk by chunk.
pub(crate) struct Feed<'py> {
    kind: Kind<'py>,
    line: u64,
    faults: Vec<Fault>,
}

enum Kind<'py> {
    Reader(Bound<'py, PyAny>),
    Items(Bound<'py, PyIterator>),
    Arrow { batches: Batches },
}

impl<'py> Feed<'py> {
    fn arrow(py: Python<'py>, batches: Batches) -> PyResult<Self> {
        if let Some(schema) = batches.schema() {
            for field in schema.fields() {
                rows::check_type(field.name(), field.data_type())
                    .map_err(|error| errors::invalid(py, &error.to_string(), None))?;
            }
        }
        Ok(Self { kind: Kind::Arrow { batches }, line: 0, faults: Vec::new() })
    }

    /// The next lines, `None` at the end.
    ///
    /// Each item is exactly one line. One that cannot be written is a blank line, which an import
    /// passes over, and is reported by [`Feed::take_faults`].
    pub(crate) fn next(&mut self, py: Python<'py>) -> PyResult<Option<Vec<u8>>> {
        match &mut self.kind {
            Kind::Reader(read) => {
                let chunk = read.call1((CHUNK_BYTES,))?;
                let bytes = if let Ok(text) = chunk.cast::<PyString>() {
                    text.to_str()?.as_bytes().to_vec()
                } else {
                    chunk.extract::<Vec<u8>>()?
                };
                Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
            }
            Kind::Items(items) => {
                let mut lines = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
                while lines.len() < CHUNK_BYTES {
                    let Some(item) = items.next() else { break };
                    self.line += 1;
                    if let Err(error) = write_item(&item?, &mut lines) {
                        let reason = refusal(py, error)?;
                        self.faults.push(Fault { line: self.line, reason });
                    }
                    lines.push(b'\n');
                }
                Ok(Some(lines).filter(|lines| !lines.is_empty()))
            }
            Kind::Arrow { batches } => {
                // An empty batch gives no lines but is not the end.
                let (lines, faults) = loop {
                    let batch = match py.detach(|| batches.next()) {
                        None => return Ok(None),
                        Some(batch) => batch.map_err(|error| arrow::failed(py, &error))?,
                    };
                    if batch.num_rows() > 0 {
                        let first_line = self.line;
                        self.line += batch.num_rows() as u64;
                        break py.detach(|| write_rows(&batch, first_line));
                    }
                };
                self.faults.extend(faults);
                Ok(Some(lines))
            }
        }
    }

    /// The twins that could not be written since the last call.
    pub(crate) fn take_faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }
}

fn write_rows(batch: &arrow_array::RecordBatch, first_line: u64) -> (Vec<u8>, Vec<Fault>) {
    let mut lines = Vec::new();
    let mut faults = Vec::new();
    for row in 0..batch.num_rows() {
        if let Err(error) = rows::write_row(batch, row, &mut lines) {
            let line = first_line + row as u64 + 1;
            faults.push(Fault { line, reason: error.to_string() });
        }
    }
    (lines, faults)
}

fn write_item(item: &Bound<'_, PyAny>, lines: &mut Vec<u8>) -> PyResult<()> {
    let start = lines.len();
    if let Ok(text) = item.cast::<PyString>() {
        lines.extend_from_slice(text.to_str()?.as_bytes());
    } else if let Ok(bytes) = item.cast::<PyBytes>() {
        lines.extend_from_slice(bytes.as_bytes());
    } else if item.is_instance_of::<PyDict>() {
        let value = json::to_value(item, "")?;
        serde_json::to_writer(lines, &value).expect("writing a value to memory cannot fail");
        return Ok(());
    } else {
        let name = item.get_type().qualname()?;
        return Err(PyTypeError::new_err(format!("expected a dict, str or bytes, not {name}")));
    }
    // JSON has no raw line feeds inside strings, so between tokens a blank does as well.
    for byte in &mut lines[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    Ok(())
}

/// The text of an exception about one item; exceptions of another kind pass on.
fn refusal(py: Python<'_>, error: PyErr) -> PyResult<String> {
    let about_the_item = error.is_instance_of::<pyo3::exceptions::PyValueError>(py)
        || error.is_instance_of::<PyTypeError>(py);
    if about_the_item { Ok(error.value(py).to_string()) } else { Err(error) }
}

/// The importing thread's end of the lane: reads the chunks one after the other.
pub(crate) struct LaneReader {
    chunks: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    taken: usize,
    stop: Arc<AtomicBool>,
}

impl LaneReader {
    /// A reader that ends with the lane, or fails once `stop` is set.
    pub(crate) fn new(chunks: Receiver<Vec<u8>>, stop: Arc<AtomicBool>) -> Self {
        Self { chunks, chunk: Vec::new(), taken: 0, stop }
    }
}

impl Read for LaneReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.chunk.len() {
            match self.chunks.recv_timeout(LOOK) {
                Ok(chunk) => (self.chunk, self.taken) = (chunk, 0),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) if self.stop.load(Ordering::Relaxed) => {
                    return Err(io::Error::other("the import was stopped"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        let count = buffer.len().min(self.chunk.len() - self.taken);
        buffer[..count].copy_from_slice(&self.chunk[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}
