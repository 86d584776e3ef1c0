//! What the hub answers to outputs.

use std::ops::Range;

use super::Scheduler;
use super::entry::Entry;
use super::message::Output;
use super::work::{Calling, Patching, Work};
use crate::Now;
use crate::job::{Failure, JobId, JobKind, JobStatus, Reply};

impl Scheduler {
    pub(super) fn targets(
        &mut self,
        id: &JobId,
        count: u32,
        chunk_ends: Vec<u32>,
        now: Now,
        outputs: &mut Vec<Output>,
    ) {
        let Some(entry) = self.selecting(id) else { return };
        entry.record.set_targets(count);
        entry.work = match entry.record.request().kind {
            JobKind::UpdateTwin { .. } => Work::Patching(Patching::new(count, chunk_ends)),
            JobKind::InvokeMethod(_) => Work::Calling(Calling::new(count)),
        };
        self.settle(id, now, outputs);
    }

    pub(super) fn targets_failed(
        &mut self,
        id: &JobId,
        failure: Failure,
        now: Now,
        outputs: &mut Vec<Output>,
    ) {
        if let Some(entry) = self.selecting(id) {
            entry.record.set_failure(failure);
            self.finish(id, JobStatus::Failed, now, outputs);
        }
    }

    /// The job, if it waits for its devices.
    fn selecting(&mut self, id: &JobId) -> Option<&mut Entry> {
        self.jobs.get_mut(id).filter(|entry| {
            entry.record.status() == JobStatus::Running && matches!(entry.work, Work::None)
        })
    }

    pub(super) fn patched(
        &mut self,
        id: &JobId,
        range: &Range<u32>,
        failures: Vec<(u32, Failure)>,
        now: Now,
        outputs: &mut Vec<Output>,
    ) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        let Work::Patching(patching) = &mut entry.work else { return };
        if patching.in_flight.as_ref() != Some(range) {
            return;
        }
        patching.in_flight = None;
        entry.record.patched(range.clone(), failures, now);
        self.patches_in_flight -= 1;
        self.settle(id, now, outputs);
    }

    pub(super) fn replies(
        &mut self,
        id: &JobId,
        replies: Vec<Reply>,
        now: Now,
        outputs: &mut Vec<Output>,
    ) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        let Work::Calling(calling) = &mut entry.work else { return };
        let ended = entry.record.record(replies, now);
        calling.in_flight -= ended;
        self.calls_in_flight -= ended;
        self.settle(id, now, outputs);
    }

    pub(super) fn not_sent(
        &mut self,
        id: &JobId,
        ranges: Vec<Range<u32>>,
        now: Now,
        outputs: &mut Vec<Output>,
    ) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        let Work::Calling(calling) = &mut entry.work else { return };
        for range in ranges {
            for part in entry.record.give_back(range, now) {
                self.calls_in_flight -= part.end - part.start;
                calling.give_back(part);
            }
        }
        self.settle(id, now, outputs);
    }
}
