//! Pieces of a block: what one core makes of some lines.

use std::ops::Range;

use super::OnError;
use crate::error::{Error, Result};
use crate::hub::Hub;
use crate::limits;
use crate::store::{Batch, SEGMENT_ROWS};
use crate::twin::{FlatTwin, LineReader};

/// Lines of a piece: enough that values repeat, few enough that its columns stay near the core.
const LINES: usize = 4096;
/// Bytes of a piece, but for its last line, so that long lines keep all cores busy, too.
const BYTES: usize = 4 << 20;

/// Cuts blocks into pieces, so that the lines of a segment end with a piece.
#[derive(Default)]
pub(super) struct Pieces {
    /// Lines of the segment so far.
    lines: usize,
}

/// The place of a piece in its block.
pub(super) struct Place {
    range: Range<usize>,
    /// Whether the next piece belongs to the next segment.
    is_last: bool,
}

impl Pieces {
    /// The pieces of a block of whole lines.
    pub(super) fn cut(&mut self, block: &[u8]) -> Vec<Place> {
        let mut places = Vec::new();
        let (mut start, mut lines) = (0, 0);
        for end in memchr::memchr_iter(b'\n', block) {
            lines += 1;
            self.lines += 1;
            let is_last = self.lines == SEGMENT_ROWS;
            if is_last || lines == LINES || end - start >= BYTES {
                places.push(Place { range: start..end, is_last });
                (start, lines) = (end + 1, 0);
                self.lines %= SEGMENT_ROWS;
            }
        }
        if start < block.len() {
            // Without the last line break, so that no empty line follows it.
            let end = if block.ends_with(b"\n") { block.len() - 1 } else { block.len() };
            places.push(Place { range: start..end.max(start), is_last: false });
        }
        places
    }
}

/// What one core made of some lines.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) batch: Batch,
    /// The line of each twin, from 1 in each piece.
    pub(super) numbers: Vec<u32>,
    pub(super) lines: u64,
    pub(super) errors: Vec<(u32, Error)>,
    /// Whether the next piece belongs to the next segment.
    pub(super) is_last: bool,
}

impl Piece {
    /// Parses the lines at `place` in `block`, up to the first bad one if that stops the import.
    pub(super) fn parse(hub: &Hub, block: &[u8], place: Place, on_error: OnError) -> Self {
        let mut reader = LineReader::new(hub.state().store.paths());
        let mut piece = Self { is_last: place.is_last, ..Self::default() };
        let mut twin = FlatTwin::default();
        for (number, line) in (1..).zip(lines(&block[place.range])) {
            piece.lines += 1;
            match read(&mut reader, line, &mut twin) {
                Ok(false) => {}
                Ok(true) => {
                    piece.batch.push(&twin);
                    piece.numbers.push(number);
                }
                Err(error) => {
                    piece.errors.push((number, error));
                    if on_error == OnError::Stop {
                        break;
                    }
                }
            }
        }
        piece
    }
}

/// Makes `twin` that of a line; false if the line is blank.
pub(super) fn read<'l>(
    reader: &mut LineReader<'_>,
    line: &'l [u8],
    twin: &mut FlatTwin<'l>,
) -> Result<bool> {
    if line.trim_ascii().is_empty() {
        return Ok(false);
    }
    if line.len() > limits::LINE_BYTES {
        let message =
            format!("the line has {} bytes, more than {}", line.len(), limits::LINE_BYTES);
        return Err(Error::invalid(message));
    }
    reader.read(line, twin)?;
    twin.fill_defaults();
    Ok(true)
}

/// The lines of a block; the last one is empty if the block ends with a line break.
pub(super) fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', block).chain(std::iter::once(block.len()));
    ends.map(move |end| {
        let line = &block[start.min(block.len())..end];
        start = end + 1;
        line
    })
}
