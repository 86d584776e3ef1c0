//! The distinct results of a job, each stored once: columns hold their numbers.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use super::reply::CallResult;

/// Answers that are looked for when the next one comes. Where devices answer with text of their
/// own, an index over all of them would cost more than it saves.
const INDEXED: usize = 1 << 16;
/// Answers per block: what a writer copies at most when a reader holds an older state.
const BLOCK: usize = 1 << 12;

/// The number of an answer; [`NONE`](AnswerId::NONE) where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AnswerId(u32);

impl AnswerId {
    /// No answer: nothing happened yet, or a twin was patched.
    pub(super) const NONE: Self = Self(0);

    fn index(self) -> Option<usize> {
        self.0.checked_sub(1).map(|index| index as usize)
    }
}

/// The dictionary of a job's answers. Cloning shares what is there.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    blocks: Vec<Arc<Vec<CallResult>>>,
    index: Arc<HashTable<AnswerId>>,
    last: Option<AnswerId>,
}

impl Answers {
    /// The answer of that number.
    pub(super) fn get(&self, id: AnswerId) -> Option<&CallResult> {
        let index = id.index()?;
        self.blocks.get(index / BLOCK)?.get(index % BLOCK)
    }

    /// The number of `result`, which is stored if it is new.
    pub(super) fn intern(&mut self, result: &CallResult) -> AnswerId {
        // Devices mostly answer like the device before.
        if let Some(last) = self.last
            && self.get(last).is_some_and(|stored| stored.same(result))
        {
            return last;
        }
        let hash = hash(result);
        let found =
            self.index.find(hash, |id| self.get(*id).is_some_and(|stored| stored.same(result)));
        let id = match found {
            Some(id) => *id,
            None => self.store(result, hash),
        };
        self.last = Some(id);
        id
    }

    fn store(&mut self, result: &CallResult, hash: u64) -> AnswerId {
        let full = self.blocks.last().is_none_or(|block| block.len() == BLOCK);
        if full {
            self.blocks.push(Arc::default());
        }
        let before = (self.blocks.len() - 1) * BLOCK;
        let block =
            Arc::make_mut(self.blocks.last_mut().expect("a block was pushed if none had room"));
        block.push(result.clone());
        // Each answer belongs to a position of its own, and positions are u32.
        let number = u32::try_from(before + block.len()).expect("no more answers than positions");
        let id = AnswerId(number);
        if self.index.len() < INDEXED {
            let blocks = &self.blocks;
            Arc::make_mut(&mut self.index).insert_unique(hash, id, |id| {
                let index = id.0 as usize - 1;
                hash_of(blocks, index)
            });
        }
        id
    }
}

fn hash_of(blocks: &[Arc<Vec<CallResult>>], index: usize) -> u64 {
    hash(&blocks[index / BLOCK][index % BLOCK])
}

fn hash(result: &CallResult) -> u64 {
    FixedState::default().hash_one(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Failure;

    fn answered(status: i32, payload: &str) -> CallResult {
        CallResult::Answered { status, payload: Some(payload.into()) }
    }

    #[test]
    fn equal_answers_have_one_number() {
        let mut answers = Answers::default();
        let results = [
            answered(200, "{}"),
            answered(200, "[]"),
            answered(500, "{}"),
            CallResult::Answered { status: 200, payload: None },
            CallResult::Failed(Failure::new(404_103, "offline")),
            CallResult::Failed(Failure::new(504_101, "offline")),
        ];
        let ids: Vec<_> = results.iter().map(|result| answers.intern(result)).collect();
        for (result, id) in results.iter().zip(&ids) {
            assert_eq!(answers.intern(&result.clone()), *id);
            assert_eq!(answers.get(*id), Some(result));
        }
        assert_eq!(answers.blocks[0].len(), results.len());
        assert_eq!(answers.get(AnswerId::NONE), None);
    }

    #[test]
    fn the_index_stops_growing_where_every_answer_differs() {
        let mut answers = Answers::default();
        let count = INDEXED + 5_000;
        let ids: Vec<_> =
            (0..count).map(|n| answers.intern(&answered(200, &n.to_string()))).collect();
        assert_eq!(answers.index.len(), INDEXED);
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(answers.get(*id), Some(&answered(200, &n.to_string())));
        }
        assert_eq!(answers.intern(&answered(200, "7")), ids[7]);
    }

    #[test]
    fn a_clone_does_not_see_later_answers() {
        let mut answers = Answers::default();
        let first = answers.intern(&answered(200, "1"));
        let seen = answers.clone();
        let second = answers.intern(&answered(200, "2"));
        assert!(seen.get(first).is_some());
        assert!(seen.get(second).is_none());
        assert!(answers.get(second).is_some());
    }
}
