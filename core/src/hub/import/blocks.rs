//! Blocks of whole lines, read from anything.

use std::io::{self, Read};

use crate::error::{Error, Result};

/// Bytes of a block for each core. The next block is read while one is parsed.
const CORE_BYTES: usize = 16 << 20;
/// The first block is smaller by this factor, and those after it grow: nothing can be parsed
/// before the first one is read.
const FIRST_SHARE: usize = 8;
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
    /// Bytes of the next block.
    bytes: usize,
    /// Bytes of a block at most: more cores take more at once.
    bytes_max: usize,
    /// The start of a line whose end was not read yet.
    carry: Vec<u8>,
    /// A block that was parsed, to be filled again; what it holds means nothing.
    spare: Vec<u8>,
    is_done: bool,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::with_bytes(reader, rayon::current_num_threads() * CORE_BYTES)
    }

    fn with_bytes(reader: R, bytes_max: usize) -> Self {
        let bytes = bytes_max.div_ceil(FIRST_SHARE);
        Self { reader, bytes, bytes_max, carry: Vec::new(), spare: Vec::new(), is_done: false }
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
        let last = loop {
            while filled < self.bytes {
                if filled == block.len() {
                    block.resize((2 * filled).max(FIRST_BYTES).min(self.bytes), 0);
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
            block.truncate(filled);
            match memchr::memrchr(b'\n', &block) {
                Some(last) => break last,
                None if self.bytes < self.bytes_max => self.grow(),
                None => {
                    let message = format!("a line has more than {} bytes", self.bytes);
                    return Err(Error::invalid(message));
                }
            }
        };
        self.grow();
        self.carry.clear();
        self.carry.extend_from_slice(&block[last + 1..]);
        block.truncate(last + 1);
        Ok(block)
    }
    fn grow(&mut self) {
        self.bytes = (2 * self.bytes).min(self.bytes_max);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives what it has in parts of any size.
    struct Parts<'a>(&'a [u8], usize);

    impl Read for Parts<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = self.1 * 5 % 17 + 1;
            let count = self.1.min(buffer.len()).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    proptest! {
        /// Blocks are the text, cut behind line breaks, unless a line is longer than a block.
        #[test]
        fn blocks_hold_whole_lines(lengths in prop::collection::vec(0_usize..40, 0..60), step in 0_usize..17) {
            const BYTES: usize = 32;
            let lines: Vec<String> = lengths.iter().map(|length| "x".repeat(*length)).collect();
            let text = lines.join("\n");
            let mut blocks = Blocks::with_bytes(Parts(text.as_bytes(), step), BYTES);
            let mut read = Vec::new();
            while !blocks.is_done() {
                let Ok(block) = blocks.next() else {
                    prop_assert!(lengths.iter().any(|length| *length >= BYTES));
                    return Ok(());
                };
                prop_assert!(block.len() <= BYTES);
                prop_assert!(blocks.is_done() || block.ends_with(b"\n"));
                read.extend_from_slice(&block);
                blocks.reuse(block);
            }
            prop_assert_eq!(read, text.as_bytes());
        }
    }
}
