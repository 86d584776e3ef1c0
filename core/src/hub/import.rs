//! Importing whole twins from NDJSON, in parallel, all of them or none.

use std::io::{self, Read};
use std::ops::{ControlFlow, Range};

use rayon::prelude::*;

use super::Hub;
use super::operation::{CreateFew, PublishTwins, error_of};
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::store::{BuiltSegment, Rejection, SEGMENT_ROWS, SegmentBuilder, Store};
use crate::twin::flatten_line;

/// Bytes read before they are parsed; the next block is read meanwhile.
const BLOCK_BYTES: usize = 128 << 20;
/// Bytes of the first reading, which are all that a small import takes.
const FIRST_BYTES: usize = 64 << 10;
/// Fewer twins than this share a segment with others; nobody else gets a turn while they are added.
const FEW_TWINS: usize = 1024;
/// What some editors put before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// Bad lines that are listed; more are only counted.
const ERRORS_LISTED: usize = 10_000;

/// What to do about a bad line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Import nothing and report the first bad line.
    #[default]
    Stop,
    /// Leave the line out and list it.
    Skip,
}

/// How to import, and whom to tell of the progress.
#[derive(Default)]
pub struct ImportOptions<'a> {
    /// What to do about a bad line.
    pub on_error: OnError,
    /// Called about every 128 MiB; [`ControlFlow::Break`] stops, and then nothing is imported.
    pub progress: Option<&'a mut dyn FnMut(ImportProgress) -> ControlFlow<()>>,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportProgress {
    /// Bytes read and parsed.
    pub bytes: u64,
    /// Lines read, blank ones included.
    pub lines: u64,
    /// Twins that will become visible at the end.
    pub twins: u64,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Twins imported.
    pub imported: u64,
    /// Lines left out, the first 10,000 of them, in order.
    pub errors: Vec<LineError>,
    /// How many lines were left out.
    pub errors_total: u64,
}

/// A line that is not a twin, or whose device exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The number of the line, from 1.
    pub line: u64,
    /// What is wrong, with the path and the limit.
    pub reason: String,
    /// How to mend it, if there is advice.
    pub hint: Option<String>,
}

impl Hub {
    /// Imports full twins, one a line. All become visible at one moment, at the end.
    ///
    /// A line is a twin as [`Hub::twin`] gives it; missing identity fields get defaults, and
    /// missing metadata is made up of the time of the import. Blank lines are skipped. Lines are
    /// parsed on all cores of the rayon pool; a block of 128 MiB is in memory twice.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the reader fails; with [`OnError::Stop`] what is wrong with the first
    /// bad line, its number in front; [`ErrorKind::Interrupted`] if the progress function said so.
    /// Nothing is imported then.
    ///
    /// # Examples
    ///
    /// ```
    /// use twincast::{Hub, ImportOptions};
    ///
    /// let hub = Hub::new()?;
    /// let lines = "{\"deviceId\": \"d1\"}\n{\"deviceId\": \"d2\"}\n";
    /// let report = hub.import_ndjson(lines.as_bytes(), ImportOptions::default())?;
    /// assert_eq!((report.imported, hub.len()), (2, 2));
    /// # Ok::<(), twincast::Error>(())
    /// ```
    pub fn import_ndjson(
        &self,
        reader: impl Read + Send,
        options: ImportOptions<'_>,
    ) -> Result<ImportReport> {
        self.state().check_open()?;
        let mut import = Import {
            hub: self,
            on_error: options.on_error,
            built: Vec::new(),
            progress: ImportProgress::default(),
            report: ImportReport::default(),
        };
        import.run(reader, options.progress)?;
        Ok(std::mem::take(&mut import.report))
    }
}

struct Import<'h> {
    hub: &'h Hub,
    on_error: OnError,
    /// What is parsed and has its ids claimed. Publishing takes it out.
    built: Vec<BuiltSegment>,
    progress: ImportProgress,
    report: ImportReport,
}

impl Drop for Import<'_> {
    /// Gives the ids free again, also when a caller's function panicked.
    fn drop(&mut self) {
        self.built.iter().for_each(|segment| segment.disclaim(&self.hub.state().store));
    }
}

impl Import<'_> {
    fn run(
        &mut self,
        reader: impl Read + Send,
        mut tell: Option<&mut dyn FnMut(ImportProgress) -> ControlFlow<()>>,
    ) -> Result<()> {
        let mut blocks = Blocks { reader, carry: Vec::new(), spare: Vec::new(), done: false };
        let mut block = blocks.next()?;
        if block.starts_with(BYTE_ORDER_MARK) {
            block.drain(..BYTE_ORDER_MARK.len());
        }
        loop {
            if blocks.done && self.built.is_empty() && count_lines(&block) < FEW_TWINS {
                return self.add_few(&block);
            }
            let mut parsed = Vec::new();
            // The reader may wait for long, and even for a search that needs the pool: it stays on
            // this thread, and no thread of the pool waits for it.
            let next = rayon::in_place_scope(|scope| {
                scope.spawn(|_| parsed = self.parse(&block));
                blocks.next()
            });
            self.take(parsed)?;
            self.progress.bytes += block.len() as u64;
            if let Some(tell) = &mut tell
                && tell(self.progress).is_break()
            {
                let message = "the import was stopped, and nothing was imported";
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
            blocks.spare = std::mem::replace(&mut block, next?);
            if block.is_empty() {
                break;
            }
        }
        self.report.imported = self.built.iter().map(|segment| segment.living() as u64).sum();
        self.hub.state().commit(PublishTwins(&mut self.built))
    }

    /// Parses the lines of a block, a segment of them on each core.
    fn parse(&self, block: &[u8]) -> Vec<Piece> {
        let store = &self.hub.state().store;
        let now = self.hub.state().clock.now().wall;
        let first = self.progress.lines;
        pieces(block)
            .into_par_iter()
            .map(|(range, line)| {
                let line = first + line;
                let mut piece = Piece::default();
                let mut builder = SegmentBuilder::default();
                for text in lines(&block[range]) {
                    piece.lines += 1;
                    match twin_of(store, text) {
                        None => {}
                        Some(Ok(twin)) => {
                            piece.numbers.push(line + piece.lines);
                            builder.push(twin);
                        }
                        Some(Err(error)) => {
                            piece.errors.push((line + piece.lines, error));
                            if self.on_error == OnError::Stop {
                                break;
                            }
                        }
                    }
                }
                piece.built = (!builder.is_empty()).then(|| builder.finish(store, now));
                piece
            })
            .collect()
    }

    /// Takes parsed pieces in, in the order of their lines.
    fn take(&mut self, pieces: Vec<Piece>) -> Result<()> {
        let store = &self.hub.state().store;
        for piece in pieces {
            self.progress.lines += piece.lines;
            let mut errors = piece.errors;
            if let Some(mut built) = piece.built {
                let known = built.claim(store).map_err(|rejection| error_of("", &rejection))?;
                let exists = known.iter().map(|offset| {
                    let error = error_of(built.id(*offset), &Rejection::Exists);
                    (piece.numbers[*offset], error)
                });
                errors.extend(exists);
                known.iter().for_each(|offset| built.leave_out(*offset));
                self.progress.twins += built.living() as u64;
                self.built.push(built);
            }
            errors.sort_by_key(|(line, _)| *line);
            for (line, error) in errors {
                self.refuse(line, &error)?;
            }
        }
        Ok(())
    }

    fn refuse(&mut self, line: u64, error: &Error) -> Result<()> {
        if self.on_error == OnError::Stop {
            return Err(error.clone().context(format_args!("line {line}")));
        }
        self.report.errors_total += 1;
        if self.report.errors.len() < ERRORS_LISTED {
            let reason = error.message().to_owned();
            let hint = error.hint().map(str::to_owned);
            self.report.errors.push(LineError { line, reason, hint });
        }
        Ok(())
    }

    /// Adds few twins to the segment that takes new devices.
    fn add_few(&mut self, block: &[u8]) -> Result<()> {
        let state = self.hub.state();
        let (mut twins, mut numbers, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for (number, text) in (1..).zip(lines(block)) {
            match twin_of(&state.store, text) {
                None => {}
                Some(Ok(twin)) => {
                    twins.push(twin);
                    numbers.push(number);
                }
                Some(Err(error)) if self.on_error == OnError::Stop => {
                    return self.refuse(number, &error);
                }
                Some(Err(error)) => errors.push((number, error)),
            }
        }
        let all_or_none = self.on_error == OnError::Stop;
        let known = state.commit(CreateFew { twins: &twins, all_or_none })?;
        self.report.imported = (twins.len() - known.len()) as u64;
        errors.extend(
            known.iter().map(|at| (numbers[*at], error_of(&twins[*at].id, &Rejection::Exists))),
        );
        errors.sort_by_key(|(number, _)| *number);
        errors.iter().try_for_each(|(number, error)| self.refuse(*number, error))
    }
}

/// What one core made of its lines.
#[derive(Default)]
struct Piece {
    built: Option<BuiltSegment>,
    /// The line of each twin.
    numbers: Vec<u64>,
    lines: u64,
    errors: Vec<(u64, Error)>,
}

/// The twin of a line; `None` if the line is blank.
fn twin_of<'l>(store: &Store, line: &'l [u8]) -> Option<Result<crate::twin::FlatTwin<'l>>> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    if line.len() > limits::LINE_BYTES {
        let message =
            format!("the line has {} bytes, more than {}", line.len(), limits::LINE_BYTES);
        return Some(Err(Error::invalid(message)));
    }
    Some(flatten_line(store.paths(), line).map(|mut twin| {
        twin.fill_defaults();
        twin
    }))
}

fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', block).chain(std::iter::once(block.len()));
    ends.map(move |end| {
        let line = &block[start.min(block.len())..end];
        start = end + 1;
        line
    })
}

fn count_lines(block: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', block).take(FEW_TWINS).count()
}

/// Ranges of at most 65,536 lines, each with the number of lines before it.
fn pieces(block: &[u8]) -> Vec<(Range<usize>, u64)> {
    let mut pieces = Vec::new();
    let (mut start, mut line, mut before) = (0, 0_u64, 0_u64);
    for end in memchr::memchr_iter(b'\n', block) {
        line += 1;
        if line - before == SEGMENT_ROWS as u64 {
            pieces.push((start..end, before));
            (start, before) = (end + 1, line);
        }
    }
    if start < block.len() {
        // Without the last line break, so that no empty line follows it.
        let end = if block.ends_with(b"\n") { block.len() - 1 } else { block.len() };
        pieces.push((start..end.max(start), before));
    }
    pieces
}

/// Reads blocks of whole lines.
///
/// Two buffers take turns: fresh memory for each block would cost more than reading it, since the
/// system clears every page.
struct Blocks<R> {
    reader: R,
    /// The start of a line whose end was not read yet.
    carry: Vec<u8>,
    /// A block that was parsed, to be filled again; what it holds means nothing.
    spare: Vec<u8>,
    done: bool,
}

impl<R: Read> Blocks<R> {
    /// The next block; empty at the end.
    fn next(&mut self) -> Result<Vec<u8>> {
        if self.done {
            return Ok(Vec::new());
        }
        let mut block = std::mem::take(&mut self.spare);
        let mut filled = self.carry.len();
        block.resize(block.len().max(filled), 0);
        block[..filled].copy_from_slice(&self.carry);
        while filled < BLOCK_BYTES {
            if filled == block.len() {
                block.resize((2 * filled).clamp(FIRST_BYTES, BLOCK_BYTES), 0);
            }
            match self.reader.read(&mut block[filled..]) {
                Ok(0) => {
                    self.done = true;
                    block.truncate(filled);
                    return Ok(block);
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let Some(last) = memchr::memrchr(b'\n', &block) else {
            let message = format!("a line has more than {BLOCK_BYTES} bytes");
            return Err(Error::invalid(message));
        };
        self.carry.clear();
        self.carry.extend_from_slice(&block[last + 1..]);
        block.truncate(last + 1);
        Ok(block)
    }
}
