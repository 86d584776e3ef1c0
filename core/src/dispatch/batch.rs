//! A batch of calls: who may make them, and whose answer counts.
//!
//! Two facts per call, each decided exactly once. *Claimed*: the calls before the cursor are; one
//! compare-and-swap claims the next ones, or cuts the unclaimed off. *Answered*: one bit, under the
//! lock that also guards the replies not yet passed on, so that they are in order with the count of
//! those missing.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::lane::Lane;
use crate::clock::Monotonic;
use crate::job::{CallResult, Failure, Reply};

/// No exact time is known for the latest claim.
const UNSTAMPED: u64 = u64::MAX;

pub(super) struct Batch {
    lane: Arc<Lane>,
    serial: u64,
    first: u32,
    /// The next unclaimed position in the high half, the end of the batch in the low one.
    cursor: AtomicU64,
    /// When the latest claim was made, in nanoseconds of the hub's monotonic clock.
    claimed_at: AtomicU64,
    ledger: Mutex<Ledger>,
}

struct Ledger {
    answered: Box<[u64]>,
    /// Calls without an answer, claimed or not.
    left: u32,
    /// Answers not yet passed on to the lane.
    replies: Vec<Reply>,
}

impl Batch {
    /// `serial` tells batches of a dispatcher apart.
    pub(super) fn new(lane: Arc<Lane>, serial: u64, range: Range<u32>) -> Self {
        let left = range.end - range.start;
        Self {
            lane,
            serial,
            first: range.start,
            cursor: AtomicU64::new(pack(&range)),
            claimed_at: AtomicU64::new(UNSTAMPED),
            ledger: Mutex::new(Ledger {
                answered: vec![0; left.div_ceil(64) as usize].into(),
                left,
                replies: Vec::new(),
            }),
        }
    }

    pub(super) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// Claims up to `max` calls.
    pub(super) fn claim(&self, max: u32) -> Range<u32> {
        let mut seen = self.cursor.load(Ordering::Relaxed);
        loop {
            let left = unpack(seen);
            let claimed = left.start..left.end.min(left.start.saturating_add(max));
            if claimed.is_empty() {
                return claimed;
            }
            // AcqRel: what was stamped before is seen by the watcher that sees the new cursor.
            match self.cursor.compare_exchange_weak(
                seen,
                pack(&(claimed.end..left.end)),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return claimed,
                Err(now) => seen = now,
            }
        }
    }

    /// The next position to claim: changes with every claim.
    pub(super) fn next(&self) -> u32 {
        unpack(self.cursor.load(Ordering::Acquire)).start
    }

    pub(super) fn untouched(&self) -> bool {
        self.next() == self.first
    }

    pub(super) fn has_unclaimed(&self) -> bool {
        !unpack(self.cursor.load(Ordering::Acquire)).is_empty()
    }

    /// Cuts the unclaimed calls off the batch; nothing is claimed any more. The flag says that
    /// nothing is left of it, and is given to one caller only, who has to take the batch out of its
    /// lane.
    pub(super) fn take_rest(&self) -> (Range<u32>, bool) {
        let take = |seen| {
            let rest = unpack(seen);
            (!rest.is_empty()).then(|| pack(&(rest.start..rest.start)))
        };
        let Ok(seen) = self.cursor.fetch_update(Ordering::AcqRel, Ordering::Acquire, take) else {
            return (0..0, false);
        };
        let rest = unpack(seen);
        let mut ledger = self.ledger.lock();
        ledger.left -= rest.end - rest.start;
        let finished = ledger.left == 0;
        if finished {
            self.lane.deliver(&mut ledger.replies);
        }
        (rest, finished)
    }

    /// Notes the time of the claims to come.
    pub(super) fn stamp(&self, now: Monotonic) {
        let nanoseconds = u64::try_from(now.0.as_nanos()).unwrap_or(UNSTAMPED);
        self.claimed_at.store(nanoseconds, Ordering::Release);
    }

    /// Forgets the time: claims to come are not the one that it was noted for.
    pub(super) fn unstamp(&self) {
        self.claimed_at.store(UNSTAMPED, Ordering::Release);
    }

    /// When the latest claim was made, if that was noted.
    pub(super) fn claimed_at(&self) -> Option<Monotonic> {
        let nanoseconds = self.claimed_at.load(Ordering::Acquire);
        (nanoseconds != UNSTAMPED).then(|| Monotonic(Duration::from_nanos(nanoseconds)))
    }

    /// Answers one call; false if it was not claimed or is answered.
    pub(super) fn answer(&self, position: u32, result: CallResult) -> bool {
        let claimed = self.first..self.next();
        if !claimed.contains(&position) {
            return false;
        }
        let mut ledger = self.ledger.lock();
        if !ledger.mark(position - self.first) {
            return false;
        }
        if ledger.replies.capacity() == 0 && !self.lane.deferred() {
            let expected = ledger.left as usize + 1;
            ledger.replies.reserve_exact(expected);
        }
        ledger.replies.push(Reply { position, result });
        self.settle(&mut ledger);
        let finished = ledger.left == 0;
        drop(ledger);
        self.retire_if(finished);
        true
    }

    /// Answers many calls under one lock; returns how many of the answers counted.
    pub(super) fn answer_many(&self, mut replies: Vec<Reply>) -> usize {
        let claimed = self.first..self.next();
        let mut ledger = self.ledger.lock();
        replies.retain(|reply| {
            claimed.contains(&reply.position) && ledger.mark(reply.position - self.first)
        });
        let counted = replies.len();
        if ledger.replies.is_empty() {
            ledger.replies = replies;
        } else {
            ledger.replies.append(&mut replies);
        }
        self.settle(&mut ledger);
        let finished = counted > 0 && ledger.left == 0;
        drop(ledger);
        self.retire_if(finished);
        counted
    }

    /// Fails the claimed calls that have no answer.
    pub(super) fn fail_claimed(&self, failure: &Failure) {
        let claimed = self.first..self.next();
        let mut ledger = self.ledger.lock();
        let before = ledger.left;
        for position in claimed {
            if ledger.mark(position - self.first) {
                let result = CallResult::Failed(failure.clone());
                ledger.replies.push(Reply { position, result });
            }
        }
        self.settle(&mut ledger);
        let finished = before > 0 && ledger.left == 0;
        drop(ledger);
        self.retire_if(finished);
    }

    /// Fails every call that has no answer, claimed or not.
    pub(super) fn fail_all(&self, failure: &Failure) {
        let _ = self.claim(u32::MAX);
        self.fail_claimed(failure);
    }

    /// Nobody is left who could answer.
    pub(super) fn abandon(&self) {
        self.fail_all(&self.lane.shared.failures.abandoned);
    }

    /// Passes on the answers that wait for more of them.
    pub(super) fn flush(&self) {
        let mut ledger = self.ledger.lock();
        if !ledger.replies.is_empty() {
            self.lane.deliver(&mut ledger.replies);
        }
    }

    /// Passes answers on when no more will join them soon.
    fn settle(&self, ledger: &mut Ledger) {
        // A worker's answers are gathered for the length of its slice; deferred ones come one by
        // one from anywhere, and the lane gathers them.
        if ledger.left == 0 || self.lane.deferred() {
            self.lane.deliver(&mut ledger.replies);
        }
    }

    fn retire_if(&self, finished: bool) {
        if finished {
            // Never under the ledger's lock: the board's lock comes first.
            self.lane.shared.retire(self);
        }
    }
}

impl Ledger {
    /// Marks a call as answered; false if it was.
    fn mark(&mut self, offset: u32) -> bool {
        let word = &mut self.answered[offset as usize / 64];
        let bit = 1 << (offset % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        self.left -= u32::from(fresh);
        fresh
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("job", &self.lane.job)
            .field("first", &self.first)
            .field("unclaimed", &unpack(self.cursor.load(Ordering::Relaxed)))
            .finish_non_exhaustive()
    }
}

fn pack(range: &Range<u32>) -> u64 {
    u64::from(range.start) << 32 | u64::from(range.end)
}

fn unpack(cursor: u64) -> Range<u32> {
    (cursor >> 32) as u32..cursor as u32
}
