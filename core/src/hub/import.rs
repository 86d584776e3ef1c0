//! Importing whole twins from NDJSON, in parallel, all of them or none.

mod blocks;
mod pieces;

use std::io::Read;
use std::ops::ControlFlow;

use rayon::prelude::*;

use self::blocks::Blocks;
use self::pieces::{Piece, Pieces, lines, read};
use super::Hub;
use super::operation::{CreateFew, PublishTwins, error_of};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Batch, BuiltSegment, ClaimedSegment, Rejection};
use crate::twin::{FlatTwin, LineReader};

/// Fewer twins than this share a segment with others; nobody else gets a turn while they are added.
const FEW_TWINS: usize = 1024;
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
    /// Called every few megabytes; [`ControlFlow::Break`] stops, and then nothing is imported.
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
    /// parsed on all cores of the rayon pool, and some 32 MiB of them for each core are in memory.
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
            now: self.state().clock.now().wall,
            growing: Growing::default(),
            claimed: Vec::new(),
            waiting: Vec::new(),
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
    now: Timestamp,
    growing: Growing,
    /// The segments whose ids are taken. Publishing takes them out.
    claimed: Vec<usize>,
    /// Those of them that are to be built.
    waiting: Vec<ClaimedSegment>,
    built: Vec<BuiltSegment>,
    progress: ImportProgress,
    report: ImportReport,
}

/// The segment that gets the next twins.
#[derive(Default)]
struct Growing {
    batches: Vec<Batch>,
    /// The line of each twin.
    numbers: Vec<u64>,
    errors: Vec<(u64, Error)>,
}

impl Drop for Import<'_> {
    /// Gives the ids free again, also when a caller's function panicked.
    fn drop(&mut self) {
        self.claimed.iter().for_each(|number| self.hub.state().store.disclaim(*number));
    }
}

impl Import<'_> {
    /// Reads, parses and builds at the same time: while the pool parses a block and builds the
    /// segments that became full, this thread takes in what was parsed before, in the order of the
    /// lines, and reads the next block.
    fn run(
        &mut self,
        reader: impl Read + Send,
        mut tell: Option<&mut dyn FnMut(ImportProgress) -> ControlFlow<()>>,
    ) -> Result<()> {
        let mut blocks = Blocks::new(reader);
        let mut block = blocks.first()?;
        if blocks.is_done() && lines(&block).take(FEW_TWINS + 1).count() <= FEW_TWINS {
            return self.add_few(&block);
        }
        let mut pieces = Pieces::default();
        let mut parsed: Vec<Piece> = Vec::new();
        while !block.is_empty() {
            let (hub, on_error, now) = (self.hub, self.on_error, self.now);
            let waiting = std::mem::take(&mut self.waiting);
            let (mut next_parsed, mut built) = (Vec::new(), Vec::new());
            let ranges = pieces.cut(&block);
            // The reader may wait for long, and even for a search that needs the pool: it stays on
            // this thread, and no thread of the pool waits for it.
            let next = rayon::in_place_scope(|scope| {
                scope.spawn(|_| built = build(hub, waiting, now));
                scope.spawn(|_| {
                    let parse = |range| Piece::parse(hub, &block, range, on_error);
                    next_parsed = ranges.into_par_iter().map(parse).collect();
                });
                self.take(std::mem::take(&mut parsed))?;
                blocks.next()
            });
            self.built.append(&mut built);
            parsed = next_parsed;
            let bytes = block.len() as u64;
            blocks.reuse(std::mem::replace(&mut block, next?));
            self.tell(&mut tell)?;
            self.progress.bytes += bytes;
        }
        self.take(parsed)?;
        self.close()?;
        self.tell(&mut tell)?;
        let last = build(self.hub, std::mem::take(&mut self.waiting), self.now);
        self.built.extend(last);
        self.hub.state().commit(PublishTwins(&mut self.built))?;
        self.claimed.clear();
        self.report.imported = self.progress.twins;
        Ok(())
    }

    fn tell(
        &self,
        tell: &mut Option<&mut dyn FnMut(ImportProgress) -> ControlFlow<()>>,
    ) -> Result<()> {
        if let Some(tell) = tell
            && tell(self.progress).is_break()
        {
            let message = "the import was stopped, and nothing was imported";
            return Err(Error::new(ErrorKind::Interrupted, message));
        }
        Ok(())
    }

    /// Takes parsed pieces in, in the order of their lines.
    fn take(&mut self, pieces: Vec<Piece>) -> Result<()> {
        for piece in pieces {
            let before = self.progress.lines;
            self.progress.lines += piece.lines;
            let growing = &mut self.growing;
            growing.numbers.extend(piece.numbers.iter().map(|line| before + u64::from(*line)));
            growing.errors.extend(
                piece.errors.into_iter().map(|(line, error)| (before + u64::from(line), error)),
            );
            growing.batches.push(piece.batch);
            let stops = self.on_error == OnError::Stop && !growing.errors.is_empty();
            if piece.is_last || stops {
                self.close()?;
            }
        }
        Ok(())
    }

    /// Ends the segment that grows: takes its ids, and reports what is wrong with its lines.
    fn close(&mut self) -> Result<()> {
        let Growing { batches, numbers, mut errors } = std::mem::take(&mut self.growing);
        if !numbers.is_empty() {
            let store = &self.hub.state().store;
            let claimed = store.claim(batches).map_err(|rejection| error_of("", &rejection))?;
            self.claimed.push(claimed.number());
            errors.extend(
                claimed
                    .known()
                    .map(|(offset, id)| (numbers[offset], error_of(id, &Rejection::Exists))),
            );
            self.progress.twins += claimed.living() as u64;
            self.waiting.push(claimed);
        }
        errors.sort_by_key(|(line, _)| *line);
        errors.iter().try_for_each(|(line, error)| self.refuse(*line, error))
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
        let mut reader = LineReader::new(state.store.paths());
        for (number, text) in (1..).zip(lines(block)) {
            let mut twin = FlatTwin::default();
            match read(&mut reader, text, &mut twin) {
                Ok(false) => {}
                Ok(true) => {
                    twins.push(twin);
                    numbers.push(number);
                }
                Err(error) if self.on_error == OnError::Stop => {
                    return self.refuse(number, &error);
                }
                Err(error) => errors.push((number, error)),
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

fn build(hub: &Hub, waiting: Vec<ClaimedSegment>, now: Timestamp) -> Vec<BuiltSegment> {
    let store = &hub.state().store;
    waiting.into_par_iter().map(|claimed| claimed.build(store, now)).collect()
}
