//! What is left to do of one job.

use std::ops::Range;

/// The part of a running job that is not done yet.
#[derive(Debug)]
pub(super) enum Work {
    /// Not started, being selected, or over.
    None,
    Patching(Patching),
    Calling(Calling),
}

impl Work {
    /// Method calls handed over and not answered.
    pub(super) fn calls_in_flight(&self) -> u32 {
        match self {
            Self::Calling(calling) => calling.in_flight,
            Self::None | Self::Patching(_) => 0,
        }
    }

    /// Whether a patch or a call is handed over and not answered.
    pub(super) fn is_in_flight(&self) -> bool {
        match self {
            Self::None => false,
            Self::Patching(patching) => patching.in_flight.is_some(),
            Self::Calling(calling) => calling.in_flight > 0,
        }
    }
}

/// A twin job: chunk after chunk, one at a time.
#[derive(Debug)]
pub(super) struct Patching {
    /// Ends of the chunks, strictly ascending, the last is the device count.
    ends: Vec<u32>,
    /// The chunk to hand over next.
    next: usize,
    pub(super) in_flight: Option<Range<u32>>,
}

impl Patching {
    pub(super) fn new(count: u32, mut ends: Vec<u32>) -> Self {
        let mut last = 0;
        ends.retain(|end| {
            let fits = *end > last && *end <= count;
            if fits {
                last = *end;
            }
            fits
        });
        if last < count {
            ends.push(count);
        }
        Self { ends, next: 0, in_flight: None }
    }

    pub(super) fn has_next(&self) -> bool {
        self.next < self.ends.len()
    }

    /// Whether no chunk was handed over yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.next == 0
    }

    /// Hands over the next chunk.
    pub(super) fn take(&mut self) -> Option<Range<u32>> {
        let end = *self.ends.get(self.next)?;
        let start = self.next.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.next += 1;
        self.in_flight = Some(start..end);
        Some(start..end)
    }
}

/// A method job: everything from the cursor on, and what was given back.
#[derive(Debug)]
pub(super) struct Calling {
    count: u32,
    cursor: u32,
    given_back: Vec<Range<u32>>,
    pub(super) in_flight: u32,
}

impl Calling {
    pub(super) fn new(count: u32) -> Self {
        Self { count, cursor: 0, given_back: Vec::new(), in_flight: 0 }
    }

    pub(super) fn has_next(&self) -> bool {
        self.cursor < self.count || !self.given_back.is_empty()
    }

    /// Hands over up to `limit` neighbouring positions.
    pub(super) fn take(&mut self, limit: u32) -> Option<Range<u32>> {
        let range = if let Some(back) = self.given_back.last_mut() {
            let end = back.end.min(back.start.saturating_add(limit));
            let range = back.start..end;
            back.start = end;
            if back.end == end {
                self.given_back.pop();
            }
            range
        } else {
            let end = self.count.min(self.cursor.saturating_add(limit));
            let range = self.cursor..end;
            self.cursor = end;
            range
        };
        self.in_flight += range.end - range.start;
        (!range.is_empty()).then_some(range)
    }

    /// Takes back positions that were handed over.
    pub(super) fn give_back(&mut self, range: Range<u32>) {
        self.in_flight -= range.end - range.start;
        match self.given_back.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.given_back.push(range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_ends_are_put_right() {
        for (count, ends, chunks) in [
            (10, vec![4, 10], vec![0..4, 4..10]),
            (10, vec![5], vec![0..5, 5..10]),
            (10, vec![0, 4, 4, 3, 12], vec![0..4, 4..10]),
            (0, vec![0], vec![]),
        ] {
            let mut patching = Patching::new(count, ends);
            let taken: Vec<_> = std::iter::from_fn(|| patching.take()).collect();
            assert_eq!(taken, chunks);
        }
    }

    #[test]
    fn what_was_given_back_is_handed_over_again() {
        let mut calling = Calling::new(10);
        assert_eq!(calling.take(4), Some(0..4));
        assert_eq!(calling.take(4), Some(4..8));
        calling.give_back(1..4);
        assert_eq!(calling.in_flight, 5);
        assert_eq!(calling.take(2), Some(1..3));
        assert_eq!(calling.take(2), Some(3..4));
        assert_eq!(calling.take(2), Some(8..10));
        assert!(!calling.has_next());
        assert_eq!(calling.take(2), None);
        assert_eq!(calling.in_flight, 10);
    }
}
