//! A batch of calls: who may make them, and whose answer counts.
//!
//! Two facts per call, each decided exactly once. *Claimed*: the calls before the cursor are; one
//! compare-and-swap claims the next ones, or cuts the unclaimed off. *Answered*: one bit, under the
//! lock that also guards the replies not yet passed on, so that they are in order with the count of
//! those missing.
//!
//! A worker that makes one call after the other answers without that lock while the answers are
//! alike: they are a *streak*, of which it is known that every claimed call but the latest has the
//! same answer. So to claim the next call is to answer the one before, and whoever holds the lock
//! can write the streak into the ledger.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::lane::Lane;
use super::ledger::Ledger;
use crate::clock::Monotonic;
use crate::job::{CallResult, Failure, Reply};

/// No exact time is known for the latest claim.
const UNSTAMPED: u64 = u64::MAX;
/// There is no streak: no call has this position.
const NO_STREAK: u32 = u32::MAX;

pub(super) struct Batch {
    lane: Arc<Lane>,
    serial: u64,
    first: u32,
    /// The next unclaimed position in the high half, the end of the batch in the low one.
    cursor: AtomicU64,
    /// When the latest claim was made, in nanoseconds of the hub's monotonic clock.
    claimed_at: AtomicU64,
    /// The first position of the streak in the high half, its status in the low one. Changed only
    /// under the ledger's lock, read by the one worker that makes it.
    streak: AtomicU64,
    ledger: Mutex<Ledger>,
}

impl Batch {
    /// `serial` tells batches of a dispatcher apart.
    pub(super) fn new(lane: Arc<Lane>, serial: u64, range: &Range<u32>) -> Self {
        Self {
            lane,
            serial,
            first: range.start,
            cursor: AtomicU64::new(pack(range)),
            claimed_at: AtomicU64::new(UNSTAMPED),
            streak: AtomicU64::new(streak(NO_STREAK, 0)),
            ledger: Mutex::new(Ledger::new(range)),
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
        !self.unclaimed().is_empty()
    }

    pub(super) fn unclaimed(&self) -> Range<u32> {
        unpack(self.cursor.load(Ordering::Acquire))
    }

    /// Cuts the unclaimed calls off the batch; nothing is claimed any more. The flag says that
    /// nothing is left of it, and is given to one caller only, who has to take the batch out of its
    /// lane.
    pub(super) fn take_rest(&self) -> (Range<u32>, bool) {
        let rest = self.cut();
        if rest.is_empty() {
            return (rest, false);
        }
        let mut ledger = self.ledger.lock();
        ledger.left -= rest.end - rest.start;
        let finished = ledger.left == 0;
        if finished {
            self.lane.deliver(&mut ledger.replies);
        }
        (rest, finished)
    }

    fn cut(&self) -> Range<u32> {
        let take = |seen| {
            let rest = unpack(seen);
            (!rest.is_empty()).then(|| pack(&(rest.start..rest.start)))
        };
        self.cursor.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).map_or(0..0, unpack)
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
        if !self.claimed().contains(&position) {
            return false;
        }
        let mut ledger = self.ledger.lock();
        let fresh = ledger.answer(position, result);
        self.settle(ledger, u32::from(fresh));
        fresh
    }

    /// Answers many calls under one lock; returns how many calls it counted for.
    pub(super) fn answer_many(&self, replies: Vec<Reply>) -> usize {
        let claimed = self.claimed();
        let mut ledger = self.ledger.lock();
        let mut fresh = 0;
        for Reply { positions, result } in replies {
            let positions = positions.start.max(claimed.start)..positions.end.min(claimed.end);
            fresh += match positions.len() {
                0 => 0,
                1 => u32::from(ledger.answer(positions.start, result)),
                _ => ledger.answer_all(positions, &result),
            };
        }
        self.settle(ledger, fresh);
        fresh as usize
    }

    /// Answers the latest claimed call, where a single worker claims calls one by one and answers
    /// each before the next.
    pub(super) fn answer_latest(&self, position: u32, result: CallResult) {
        let status = match &result {
            CallResult::Answered { status, payload: None } => Some(*status),
            _ => None,
        };
        let (start, streak_of) = unpack_streak(self.streak.load(Ordering::Relaxed));
        if start != NO_STREAK && status == Some(streak_of) {
            return;
        }
        let mut ledger = self.ledger.lock();
        let mut fresh = self.end_streak(&mut ledger);
        match status {
            Some(status) => self.streak.store(streak(position, status), Ordering::Relaxed),
            None => fresh += u32::from(ledger.answer(position, result)),
        }
        self.settle(ledger, fresh);
    }

    /// Ends the turn of a worker that used [`answer_latest`](Self::answer_latest) for each call it
    /// claimed.
    pub(super) fn answered_latest(&self) {
        let (start, status) = unpack_streak(self.streak.load(Ordering::Relaxed));
        if start != NO_STREAK {
            let mut ledger = self.ledger.lock();
            let mut fresh = self.end_streak(&mut ledger);
            let result = CallResult::Answered { status, payload: None };
            fresh += ledger.answer_all(start..self.next(), &result);
            self.settle(ledger, fresh);
        }
    }

    /// Fails the claimed calls that have no answer.
    pub(super) fn fail_claimed(&self, failure: &Failure) {
        let mut ledger = self.ledger.lock();
        let mut fresh = self.end_streak(&mut ledger);
        let failed = CallResult::Failed(failure.clone());
        fresh += ledger.answer_all(self.claimed(), &failed);
        self.settle(ledger, fresh);
    }

    /// Fails every call that has no answer, claimed or not.
    pub(super) fn fail_all(&self, failure: &Failure) {
        let rest = self.cut();
        let mut ledger = self.ledger.lock();
        let mut fresh = self.end_streak(&mut ledger);
        let failed = CallResult::Failed(failure.clone());
        let end = rest.end.max(self.next());
        fresh += ledger.answer_all(self.first..end, &failed);
        self.settle(ledger, fresh);
    }

    /// Nobody is left who could answer.
    pub(super) fn abandon(&self) {
        self.fail_all(&self.lane.shared.failures.abandoned);
    }

    /// Passes on the answers that wait for more of them.
    pub(super) fn flush(&self) {
        let mut ledger = self.ledger.lock();
        let fresh = self.write_streak(&mut ledger);
        if !ledger.replies.is_empty() {
            self.lane.deliver(&mut ledger.replies);
        }
        self.settle(ledger, fresh);
    }

    fn claimed(&self) -> Range<u32> {
        self.first..self.next()
    }

    /// Writes down the streak so far, all but the latest call; says how many answers are new.
    fn write_streak(&self, ledger: &mut Ledger) -> u32 {
        let (start, status) = unpack_streak(self.streak.load(Ordering::Relaxed));
        if start == NO_STREAK {
            return 0;
        }
        // A streak begins with a call that was claimed.
        let latest = self.next() - 1;
        self.streak.store(streak(latest, status), Ordering::Relaxed);
        ledger.answer_all(start..latest, &CallResult::Answered { status, payload: None })
    }

    fn end_streak(&self, ledger: &mut Ledger) -> u32 {
        let fresh = self.write_streak(ledger);
        self.streak.store(streak(NO_STREAK, 0), Ordering::Relaxed);
        fresh
    }

    /// Passes answers on when no more will join them soon, after `fresh` calls were answered.
    fn settle(&self, mut ledger: MutexGuard<'_, Ledger>, fresh: u32) {
        // A worker's answers are gathered for the length of its slice; deferred ones come one by
        // one from anywhere, and the lane gathers them.
        if ledger.left == 0 || self.lane.deferred() {
            self.lane.deliver(&mut ledger.replies);
        }
        let finished = fresh > 0 && ledger.left == 0;
        drop(ledger);
        let has_room = self.lane.answered(fresh);
        // Never under the ledger's lock: the board's lock comes first.
        if finished || has_room {
            self.lane.shared.answered(self, finished);
        }
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

fn streak(start: u32, status: i32) -> u64 {
    u64::from(start) << 32 | u64::from(status.cast_unsigned())
}

fn unpack_streak(streak: u64) -> (u32, i32) {
    ((streak >> 32) as u32, (streak as u32).cast_signed())
}
