//! Which calls of a batch have their answer, and the answers that wait to be passed on.

use std::ops::Range;

use crate::job::{CallResult, Reply};

/// One bit for each call, set once; and for each bit an answer in `replies`, until it is taken.
#[derive(Debug)]
pub(super) struct Ledger {
    first: u32,
    answered: Box<[u64]>,
    /// Calls without an answer, claimed or not.
    pub(super) left: u32,
    /// Answers not yet passed on to the lane.
    pub(super) replies: Vec<Reply>,
}

impl Ledger {
    /// The ledger of the calls at `positions`.
    pub(super) fn new(positions: &Range<u32>) -> Self {
        let left = positions.end - positions.start;
        Self {
            first: positions.start,
            answered: vec![0; left.div_ceil(64) as usize].into(),
            left,
            replies: Vec::new(),
        }
    }

    /// Answers one call; false if it was answered.
    pub(super) fn answer(&mut self, position: u32, result: CallResult) -> bool {
        let offset = position - self.first;
        let word = &mut self.answered[offset as usize / 64];
        let bit = 1 << (offset % 64);
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        self.left -= 1;
        match self.replies.last_mut() {
            Some(last) if last.positions.end == position && last.result.is_shared(&result) => {
                last.positions.end += 1;
            }
            _ => self.replies.push(Reply::one(position, result)),
        }
        true
    }

    /// Answers those of many calls that have no answer; says how many they were.
    pub(super) fn answer_all(&mut self, positions: Range<u32>, result: &CallResult) -> u32 {
        let before = self.left;
        let end = positions.end.saturating_sub(self.first);
        let mut offset = positions.start - self.first;
        while offset < end {
            let word = &mut self.answered[offset as usize / 64];
            let length = (64 - offset % 64).min(end - offset);
            let bits = (u64::MAX >> (64 - length)) << (offset % 64);
            let fresh = bits & !*word;
            *word |= bits;
            self.left -= fresh.count_ones();
            self.note(offset - offset % 64, fresh, result);
            offset += length;
        }
        before - self.left
    }

    /// Adds the answer of the calls whose bits are set, `offset` being that of the first bit.
    fn note(&mut self, offset: u32, mut bits: u64, result: &CallResult) {
        while bits != 0 {
            let skipped = bits.trailing_zeros();
            let length = (bits >> skipped).trailing_ones();
            let start = self.first + offset + skipped;
            bits &= !((u64::MAX >> (64 - length)) << skipped);
            match self.replies.last_mut() {
                Some(last) if last.positions.end == start && last.result.is_shared(result) => {
                    last.positions.end += length;
                }
                _ => {
                    let positions = start..start + length;
                    self.replies.push(Reply { positions, result: result.clone() });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn status(status: i32) -> CallResult {
        CallResult::Answered { status, payload: None }
    }

    #[test]
    fn a_batch_that_is_answered_alike_is_one_reply() {
        let mut ledger = Ledger::new(&(1_000..2_024));
        assert_eq!(ledger.answer_all(1_000..1_100, &status(200)), 100);
        assert!(ledger.answer(1_100, status(200)));
        assert_eq!(ledger.answer_all(1_090..2_024, &status(200)), 923);
        assert_eq!(ledger.left, 0);
        assert_eq!(ledger.replies, [Reply { positions: 1_000..2_024, result: status(200) }]);
    }

    proptest! {
        #[test]
        fn the_first_answer_of_each_call_counts(
            steps in prop::collection::vec((0u32..300, 0u32..150, 0i32..3), 0..40)
        ) {
            let first = u32::MAX - 300;
            let mut ledger = Ledger::new(&(first..u32::MAX));
            let mut expected = [None; 300];
            for (start, length, answer) in steps {
                let end = (start + length).min(300);
                let mut fresh = 0;
                for call in &mut expected[start as usize..end as usize] {
                    fresh += u32::from(call.is_none());
                    call.get_or_insert(answer);
                }
                let counted = if length == 1 {
                    u32::from(ledger.answer(first + start, status(answer)))
                } else {
                    ledger.answer_all(first + start..first + end, &status(answer))
                };
                prop_assert_eq!(counted, fresh);
            }
            let mut told = [None; 300];
            for Reply { positions, result } in ledger.replies {
                for position in positions {
                    let CallResult::Answered { status, .. } = result else { unreachable!() };
                    prop_assert_eq!(told[(position - first) as usize].replace(status), None);
                }
            }
            prop_assert_eq!(told, expected);
            let open = expected.iter().filter(|answer| answer.is_none()).count();
            prop_assert_eq!(ledger.left as usize, open);
        }
    }
}
