//! What happened on each device of a job, in columns that cost nothing while devices are alike.

use std::ops::Range;
use std::sync::Arc;

use super::answer::{AnswerId, Answers};
use super::page::{Cell, PAGE, Page};
use super::reply::{CallResult, Reply};
use super::status::DeviceJobStatus;

/// What happened on one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome<'a> {
    /// Never `Cancelled`: [`JobRecord::device_row`](super::JobRecord::device_row) derives that.
    pub status: DeviceJobStatus,
    /// When the status was set, in milliseconds since the job started on the monotonic clock;
    /// stays at the greatest number after 49 days.
    pub at_millis: u32,
    /// What the device answered or why it failed; `None` for a patched twin and before the end.
    pub result: Option<&'a CallResult>,
}

/// The outcomes of all devices of a job, by position.
///
/// Cost: positions are kept in pages of 65,536. A page is a list of runs as long as they are few,
/// so a job whose devices all end alike takes a few bytes a page; a page of mixed outcomes takes
/// 9 bytes a position. Equal answers are stored once. Cloning shares the pages, O(pages), and a
/// later change copies the page it touches, so a reader can hold a clone while the job goes on.
#[derive(Debug, Clone, Default)]
pub struct Outcomes {
    count: u32,
    pages: Vec<Arc<Page>>,
    answers: Answers,
}

/// What a change of many positions did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) succeeded: u32,
    pub(super) failed: u32,
}

impl Outcomes {
    /// The number of devices; positions are below it.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The outcome at `position`; `None` from [`count`](Self::count) on.
    #[must_use]
    pub fn get(&self, position: u32) -> Option<Outcome<'_>> {
        self.run_at(position).map(|(_, outcome)| outcome)
    }

    /// All positions in order, as ranges with equal outcomes; none is empty.
    ///
    /// Neighbouring ranges may still be equal. Cost: O(runs), at worst O(count).
    pub fn runs(&self) -> impl Iterator<Item = (Range<u32>, Outcome<'_>)> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let (end, outcome) = self.run_at(start)?;
            let range = start..end;
            start = end;
            Some((range, outcome))
        })
    }

    /// The end of the run that holds `position`, and its outcome.
    fn run_at(&self, position: u32) -> Option<(u32, Outcome<'_>)> {
        if position >= self.count {
            return None;
        }
        let page = position / PAGE;
        let (cell, end) = self.pages[page as usize].run_at(position % PAGE);
        let result = self.answers.get(cell.answer);
        // The end of the last page can lie past the greatest position.
        let end = (page * PAGE).saturating_add(end);
        Some((end, Outcome { status: cell.status, at_millis: cell.at, result }))
    }

    /// The outcomes of `count` pending devices.
    pub(super) fn pending(count: u32) -> Self {
        let page = |start: u32| Arc::new(Page::pending((count - start).min(PAGE)));
        let pages = (0..count).step_by(PAGE as usize).map(page).collect();
        Self { count, pages, answers: Answers::default() }
    }

    /// Moves all positions of `range` that have the status `from` on to `status`; says how many.
    pub(super) fn set(
        &mut self,
        range: Range<u32>,
        from: DeviceJobStatus,
        status: DeviceJobStatus,
        at: u32,
    ) -> u32 {
        self.replace(range, from, Cell { status, at, answer: AnswerId::NONE })
    }

    /// As [`set`](Self::set), to failed for the reason in `result`.
    pub(super) fn fail(
        &mut self,
        range: Range<u32>,
        from: DeviceJobStatus,
        result: &CallResult,
        at: u32,
    ) -> u32 {
        let answer = self.answers.intern(result.clone());
        self.replace(range, from, Cell { status: DeviceJobStatus::Failed, at, answer })
    }

    fn replace(&mut self, range: Range<u32>, from: DeviceJobStatus, to: Cell) -> u32 {
        let mut changed = 0;
        for (page, local) in parts(range.start..range.end.min(self.count)) {
            changed += Arc::make_mut(&mut self.pages[page]).replace(local, from, to);
        }
        changed
    }

    /// Records the ends of operations. Positions that are not running are left alone, so a second
    /// reply for a device, or a late one, changes nothing.
    ///
    /// Cost: about 30 ns for each reply, however many positions it has.
    pub(super) fn record(&mut self, replies: Vec<Reply>, at: u32) -> Tally {
        let Self { count: end, pages, answers } = self;
        let mut tally = Tally::default();
        // A page is made writable once for all neighbouring replies that fall into it.
        let mut open: Option<(usize, &mut Page)> = None;
        for Reply { positions, result } in replies {
            let (status, count) = match &result {
                CallResult::Answered { .. } => (DeviceJobStatus::Completed, &mut tally.succeeded),
                CallResult::Failed(_) => (DeviceJobStatus::Failed, &mut tally.failed),
            };
            let mut answer = Err(result);
            for (number, local) in parts(positions.start..positions.end.min(*end)) {
                let page = match open.take() {
                    Some((other, page)) if other == number => page,
                    _ => Arc::make_mut(&mut pages[number]),
                };
                // Nothing is stored for replies that nobody waits for.
                if page.any(local.clone(), DeviceJobStatus::Running) {
                    let id = answer.unwrap_or_else(|result| answers.intern(result));
                    answer = Ok(id);
                    let to = Cell { status, at, answer: id };
                    *count += page.replace(local, DeviceJobStatus::Running, to);
                }
                open = Some((number, page));
            }
        }
        tally
    }

    /// The parts of `range` that are running.
    pub(super) fn running_within(&self, range: Range<u32>) -> Vec<Range<u32>> {
        let end = range.end.min(self.count);
        let mut start = range.start;
        let mut parts: Vec<Range<u32>> = Vec::new();
        while start < end
            && let Some((run_end, outcome)) = self.run_at(start)
        {
            let run_end = run_end.min(end);
            if outcome.status == DeviceJobStatus::Running {
                match parts.last_mut() {
                    Some(last) if last.end == start => last.end = run_end,
                    _ => parts.push(start..run_end),
                }
            }
            start = run_end;
        }
        parts
    }
}

/// The pages that a range of positions lies in, with the part in each.
fn parts(range: Range<u32>) -> impl Iterator<Item = (usize, Range<u32>)> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        if start >= range.end {
            return None;
        }
        let page = start / PAGE;
        // The end of the last page can lie past the greatest position.
        let end = range.end.min((page * PAGE).saturating_add(PAGE));
        let local = start % PAGE..end - page * PAGE;
        start = end;
        Some((page as usize, local))
    })
}

#[cfg(test)]
mod tests {
    use super::DeviceJobStatus::{Completed, Failed, Pending, Running};
    use super::*;
    use crate::job::Failure;

    fn answered(position: u32, status: i32) -> Reply {
        Reply::one(position, CallResult::Answered { status, payload: None })
    }

    fn running(count: u32) -> Outcomes {
        let mut outcomes = Outcomes::pending(count);
        assert_eq!(outcomes.set(0..count, Pending, Running, 1), count);
        outcomes
    }

    #[test]
    fn a_range_over_many_pages_is_a_few_runs() {
        let count = 1_000_000;
        let mut outcomes = running(count);
        assert_eq!(outcomes.set(10..999_990, Running, Completed, 7), 999_980);
        let runs: Vec<_> =
            outcomes.runs().map(|(range, outcome)| (range.len(), outcome.status)).collect();
        assert_eq!(runs.iter().map(|(length, _)| length).sum::<usize>(), 1_000_000);
        assert_eq!(runs.len(), 18);
        assert_eq!(outcomes.get(9).unwrap().status, Running);
        assert_eq!(outcomes.get(10).unwrap().at_millis, 7);
        assert_eq!(outcomes.get(count), None);
    }

    #[test]
    fn replies_are_recorded_once_each() {
        let mut outcomes = running(200_000);
        // Across a page border, out of order, twice, and beyond the end.
        let mut replies: Vec<_> =
            (65_000..66_000).map(|position| answered(position, 200)).collect();
        replies.extend([answered(5, 200), answered(4, 500), answered(5, 404)]);
        replies.extend([answered(200_000, 200), answered(u32::MAX, 200)]);
        let failure = CallResult::Failed(Failure::new(404_103, "offline"));
        replies.push(Reply::one(6, failure.clone()));
        let tally = outcomes.record(replies.clone(), 9);
        assert_eq!(tally, Tally { succeeded: 1_002, failed: 1 });
        assert_eq!(outcomes.record(replies, 10), Tally::default());
        let answer = outcomes.get(5).unwrap();
        assert_eq!((answer.status, answer.at_millis), (Completed, 9));
        assert_eq!(answer.result, Some(&answered(5, 200).result));
        let failed = outcomes.get(6).unwrap();
        assert_eq!((failed.status, failed.result), (Failed, Some(&failure)));
        assert_eq!(outcomes.get(64_999).unwrap().status, Running);
        assert_eq!(outcomes.get(66_000).unwrap().status, Running);
    }

    #[test]
    fn a_run_of_replies_past_the_end_is_cut() {
        let mut outcomes = running(70_000);
        let replies: Vec<_> = (69_990..70_100).map(|position| answered(position, 200)).collect();
        assert_eq!(outcomes.record(replies, 2), Tally { succeeded: 10, failed: 0 });
    }

    #[test]
    fn the_running_parts_of_a_range_are_found() {
        let mut outcomes = running(140_000);
        outcomes.set(10..20, Running, Completed, 2);
        assert_eq!(outcomes.running_within(5..131_072), vec![5..10, 20..131_072]);
        assert_eq!(outcomes.running_within(12..13), vec![]);
        assert_eq!(outcomes.running_within(139_999..u32::MAX), vec![139_999..140_000]);
        #[expect(clippy::reversed_empty_ranges, reason = "a caller's mistake does nothing")]
        let reversed = outcomes.running_within(9..3);
        assert!(reversed.is_empty());
    }

    #[test]
    fn a_clone_keeps_what_it_saw() {
        let mut outcomes = running(100);
        let seen = outcomes.clone();
        outcomes.record(vec![answered(3, 200)], 2);
        assert_eq!(seen.get(3).unwrap().status, Running);
        assert_eq!(outcomes.get(3).unwrap().status, Completed);
    }

    #[test]
    fn no_device_is_a_list_too() {
        let outcomes = Outcomes::pending(0);
        assert_eq!((outcomes.count(), outcomes.runs().count()), (0, 0));
        assert!(outcomes.get(0).is_none());
    }
}
