//! How jobs begin and end as time passes.

use std::cmp::Reverse;
use std::mem;

use super::Scheduler;
use super::calendar::take_due;
use super::entry::Stop;
use super::message::Output;
use super::work::Work;
use crate::Now;
use crate::job::{JobId, JobStatus};

impl Scheduler {
    pub(super) fn pass_time(&mut self, now: Now, outputs: &mut Vec<Output>) {
        // Retention first: a job stays readable for a step after it finished, whatever the limit.
        while let Some(id) = take_due(&mut self.calendar.retentions, now.wall) {
            self.forget(&id, outputs);
        }
        while let Some(id) = take_due(&mut self.calendar.deadlines, now.monotonic) {
            self.time_is_up(&id, now, outputs);
        }
        while let Some(id) = take_due(&mut self.calendar.starts, now.wall) {
            self.start(&id, now, outputs);
        }
    }

    /// Starts or schedules the first `known` jobs that are queued.
    pub(super) fn start_fresh(&mut self, known: usize, now: Now, outputs: &mut Vec<Output>) {
        for id in self.fresh.drain(..known).collect::<Vec<_>>() {
            let Some(entry) = self.jobs.get_mut(&id) else { continue };
            let record = &mut entry.record;
            if record.status() != JobStatus::Queued {
                continue;
            }
            let start = record.start_time();
            // A job that was due when it was created starts even if the clock went back since.
            if start <= record.created_time().max(now.wall) {
                self.start(&id, now, outputs);
            } else {
                record.wait_for_start();
                self.active -= usize::from(mem::take(&mut entry.active));
                self.calendar.starts.insert((start, id));
            }
        }
    }

    fn start(&mut self, id: &JobId, now: Now, outputs: &mut Vec<Output>) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        entry.record.start(now);
        self.active += usize::from(!mem::replace(&mut entry.active, true));
        let deadline = now.monotonic.after(entry.record.request().execution_limit());
        entry.deadline = Some(deadline);
        self.calendar.deadlines.insert((deadline, id.clone()));
        outputs.push(Output::Select(id.clone()));
    }

    fn time_is_up(&mut self, id: &JobId, now: Now, outputs: &mut Vec<Output>) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        entry.deadline = None;
        entry.stopping.get_or_insert(Stop::TimeIsUp);
        match &mut entry.work {
            Work::None => {
                entry.record.fail_unselected();
                self.finish(id, JobStatus::Failed, now, outputs);
                return;
            }
            // The chunk in flight takes milliseconds and its twins will be patched: its outcome is
            // waited for, since `failed` would be untrue.
            Work::Patching(_) => {}
            Work::Calling(calling) => {
                let abandoned = mem::take(&mut calling.in_flight);
                if abandoned > 0 {
                    self.calls_in_flight -= abandoned;
                    entry.record.fail_running(now);
                    outputs.push(Output::Revoke(id.clone()));
                }
            }
        }
        self.settle(id, now, outputs);
    }

    pub(super) fn finish(
        &mut self,
        id: &JobId,
        status: JobStatus,
        now: Now,
        outputs: &mut Vec<Output>,
    ) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        if entry.record.status() == JobStatus::Scheduled {
            self.calendar.starts.remove(&(entry.record.start_time(), id.clone()));
        }
        self.active -= usize::from(mem::take(&mut entry.active));
        if let Some(deadline) = entry.deadline.take() {
            self.calendar.deadlines.remove(&(deadline, id.clone()));
        }
        entry.work = Work::None;
        entry.record.finish(status, now);
        let until = now.wall.saturating_add(self.limits.retention);
        self.calendar.retentions.insert((until, id.clone()));
        outputs.push(Output::Finished(id.clone()));
    }

    pub(super) fn forget(&mut self, id: &JobId, outputs: &mut Vec<Output>) {
        let Some(entry) = self.jobs.remove(id) else { return };
        self.by_age.remove(&(Reverse(entry.record.created_time()), id.clone()));
        if let Some(ended) = entry.record.end_time() {
            let until = ended.saturating_add(self.limits.retention);
            self.calendar.retentions.remove(&(until, id.clone()));
        }
        outputs.push(Output::Purged(id.clone()));
        self.purged.push(entry.record);
    }
}
