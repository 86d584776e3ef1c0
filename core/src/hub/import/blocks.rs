//! Blocks of whole lines, read from anything.

use std::io::{self, Read};

use crate::error::{Error, Result};

/// Bytes of a block for each core. The next block is read while one is parsed.
const CORE_BYTES: usize = 16 << 20;
/// Bytes of the first reading, which are all that a small import takes.
const FIRST_BYTES: usize = 64 << 10;
/// What some editors put before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads blocks of whole lines.
///
/// Two buffers take turns: fresh memory for each block would cost more than reading it, since the
/// system clears every page.
pub(super) struct Blocks<R> {
    reader: R,
    /// Bytes of a block: more cores take more at once.
    bytes: usize,
    /// The start of a line whose end was not read yet.
    carry: Vec<u8>,
    /// A block that was parsed, to be filled again; what it holds means nothing.
    spare: Vec<u8>,
    is_done: bool,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(reader: R) -> Self {
        let bytes = rayon::current_num_threads() * CORE_BYTES;
        Self { reader, bytes, carry: Vec::new(), spare: Vec::new(), is_done: false }
    }

    /// Whether there are no more blocks.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Takes a block back, whose memory the next one can use.
    pub(super) fn reuse(&mut self, block: Vec<u8>) {
        self.spare = block;
    }

    /// The first block, without what stands before its first line.
    pub(super) fn first(&mut self) -> Result<Vec<u8>> {
        let mut block = self.next()?;
        if block.starts_with(BYTE_ORDER_MARK) {
            block.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(block)
    }

    /// The next block; empty at the end.
    pub(super) fn next(&mut self) -> Result<Vec<u8>> {
        if self.is_done {
            return Ok(Vec::new());
        }
        let mut block = std::mem::take(&mut self.spare);
        let mut filled = self.carry.len();
        block.resize(block.len().max(filled), 0);
        block[..filled].copy_from_slice(&self.carry);
        while filled < self.bytes {
            if filled == block.len() {
                block.resize((2 * filled).clamp(FIRST_BYTES, self.bytes), 0);
            }
            match self.reader.read(&mut block[filled..]) {
                Ok(0) => {
                    self.is_done = true;
                    block.truncate(filled);
                    return Ok(block);
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let Some(last) = memchr::memrchr(b'\n', &block) else {
            let message = format!("a line has more than {} bytes", self.bytes);
            return Err(Error::invalid(message));
        };
        self.carry.clear();
        self.carry.extend_from_slice(&block[last + 1..]);
        block.truncate(last + 1);
        Ok(block)
    }
}
