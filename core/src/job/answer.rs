//! The distinct results of a job, each stored once: columns hold their numbers.

use std::hash::BuildHasher;
use std::mem;
use std::sync::Arc;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use super::reply::CallResult;

/// Answers that are looked for when the next one comes. Where devices answer with text of their
/// own, an index over all of them would cost more than it saves.
const INDEXED: usize = 1 << 16;
/// Answers per block: what a reader copies at most when it takes the state of a job.
const BLOCK: usize = 1 << 10;
/// Texts in a row that were new, after which most of the next ones are taken for new, too.
const NEW_IN_A_ROW: u32 = 1 << 10;
/// One of so many is still looked for then.
const LOOK_AT: u32 = 16;

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

/// An answer that is looked for, with its hash: reading the answer itself would wait for memory,
/// mostly to find that it is another, and for all of them at once when the table grows.
#[derive(Debug, Clone, Copy)]
struct Indexed {
    hash: u32,
    id: AnswerId,
}

/// The dictionary of a job's answers. Cloning shares what is there.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    blocks: Vec<Arc<Vec<CallResult>>>,
    /// The block that is being filled.
    tail: Vec<CallResult>,
    index: Arc<HashTable<Indexed>>,
    last: Option<AnswerId>,
    /// Texts in a row that were new.
    new: u32,
}

impl Answers {
    /// The answer of that number.
    pub(super) fn get(&self, id: AnswerId) -> Option<&CallResult> {
        let index = id.index()?;
        self.blocks.get(index / BLOCK).map_or(&self.tail, |block| &**block).get(index % BLOCK)
    }

    /// The number of `result`, which is stored if it is new.
    ///
    /// Where devices answer with texts of their own, a text may be stored twice: to read each and
    /// look for it would take longer than to call the device.
    pub(super) fn intern(&mut self, result: CallResult) -> AnswerId {
        let has_text = matches!(result, CallResult::Answered { payload: Some(_), .. });
        if has_text && self.new >= NEW_IN_A_ROW && !self.new.is_multiple_of(LOOK_AT) {
            self.new = self.new.wrapping_add(1).max(NEW_IN_A_ROW);
            return self.push(result);
        }
        // Devices mostly answer like the device before.
        if let Some(last) = self.last
            && self.get(last).is_some_and(|stored| stored.same(&result))
        {
            self.new = 0;
            return last;
        }
        let hash = hash(&result);
        let found = self.index.find(spread(hash), |indexed| {
            indexed.hash == hash && self.get(indexed.id).is_some_and(|stored| stored.same(&result))
        });
        let id = if let Some(indexed) = found {
            self.new = 0;
            indexed.id
        } else {
            self.new = self.new.wrapping_add(1);
            let id = self.push(result);
            if self.index.len() < INDEXED {
                self.insert(hash, id);
            }
            id
        };
        self.last = Some(id);
        id
    }

    fn push(&mut self, result: CallResult) -> AnswerId {
        if self.tail.len() == BLOCK {
            let full = mem::replace(&mut self.tail, Vec::with_capacity(BLOCK));
            self.blocks.push(Arc::new(full));
        }
        self.tail.push(result);
        // Each answer belongs to a position of its own, and positions are u32.
        let number = u32::try_from(self.blocks.len() * BLOCK + self.tail.len());
        AnswerId(number.expect("no more answers than positions"))
    }

    fn insert(&mut self, hash: u32, id: AnswerId) {
        let index = Arc::make_mut(&mut self.index);
        index.insert_unique(spread(hash), Indexed { hash, id }, |indexed| spread(indexed.hash));
    }
}

/// Half a hash: enough for so many answers, and it is kept for each of them.
fn hash(result: &CallResult) -> u32 {
    FixedState::default().hash_one(result) as u32
}

/// The whole hash that the table needs, of which it reads both ends: by the golden ratio.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
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
        let ids: Vec<_> = results.iter().map(|result| answers.intern(result.clone())).collect();
        for (result, id) in results.iter().zip(&ids) {
            assert_eq!(answers.intern(result.clone()), *id);
            assert_eq!(answers.get(*id), Some(result));
        }
        assert_eq!(answers.tail.len(), results.len());
        assert_eq!(answers.get(AnswerId::NONE), None);
    }

    #[test]
    fn the_index_stops_growing_where_every_answer_differs() {
        let mut answers = Answers::default();
        let count = u32::try_from(INDEXED).unwrap() * LOOK_AT + 5_000;
        let ids: Vec<_> =
            (0..count).map(|n| answers.intern(answered(200, &n.to_string()))).collect();
        assert_eq!(answers.index.len(), INDEXED);
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(answers.get(*id), Some(&answered(200, &n.to_string())));
        }
    }

    #[test]
    fn answers_are_found_again_after_many_that_were_new() {
        let mut answers = Answers::default();
        let seven = answers.intern(answered(200, "7"));
        for n in 1_000..50_000 {
            answers.intern(answered(200, &n.to_string()));
        }
        // Those without text at any time, the others once there are some that are not new.
        let bare = || CallResult::Answered { status: 200, payload: None };
        let stored = answers.intern(bare());
        answers.intern(answered(200, "new"));
        assert_eq!(answers.intern(bare()), stored);
        let found = (0..2 * LOOK_AT).filter(|_| answers.intern(answered(200, "7")) == seven);
        assert!(found.count() > LOOK_AT as usize);
    }

    #[test]
    fn a_clone_does_not_see_later_answers() {
        let mut answers = Answers::default();
        let first = answers.intern(answered(200, "1"));
        let seen = answers.clone();
        let second = answers.intern(answered(200, "2"));
        assert!(seen.get(first).is_some());
        assert!(seen.get(second).is_none());
        assert!(answers.get(second).is_some());
    }
}
