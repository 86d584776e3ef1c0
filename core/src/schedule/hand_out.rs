//! Whose turn it is, and for how much.

use super::Scheduler;
use super::entry::{Entry, Stop};
use super::message::Output;
use super::turn::Lane;
use super::work::Work;
use crate::Now;
use crate::job::{JobId, JobStatus};

impl Scheduler {
    /// Puts a job into the lane that fits its state now, or finishes it if nothing is left.
    pub(super) fn settle(&mut self, id: &JobId, now: Now, outputs: &mut Vec<Output>) {
        let Some(entry) = self.jobs.get_mut(id) else { return };
        if entry.record.status().is_final() {
            return;
        }
        let in_flight = entry.work.is_in_flight();
        let lane = match (&entry.work, entry.stopping) {
            (_, Some(_)) | (Work::None, None) => None,
            (Work::Patching(patching), None) => {
                let lane = if patching.is_untouched() { Lane::First } else { Lane::Patch };
                (patching.has_next() && !in_flight).then_some(lane)
            }
            (Work::Calling(calling), None) => {
                let room = calling.in_flight < self.limits.job_in_flight_max;
                let lane = if in_flight { Lane::Busy } else { Lane::Idle };
                (calling.has_next() && room).then_some(lane)
            }
        };
        if entry.turn.map(|turn| turn.lane) != lane {
            if let Some(turn) = entry.turn.take() {
                self.turns.leave(turn);
            }
            entry.turn = lane.map(|lane| self.turns.join(lane, id.clone()));
        }
        if in_flight || lane.is_some() {
            return;
        }
        match entry.stopping {
            Some(Stop::Cancelled) => self.finish(id, JobStatus::Cancelled, now, outputs),
            Some(Stop::TimeIsUp) => {
                entry.record.fail_pending(now);
                self.finish(id, JobStatus::Completed, now, outputs);
            }
            None => self.finish(id, JobStatus::Completed, now, outputs),
        }
    }

    /// Hands out patches and calls, in turn, as far as the limits allow.
    pub(super) fn hand_out(&mut self, now: Now, outputs: &mut Vec<Output>) {
        while self.patches_in_flight < self.limits.patches_max
            && let Some(id) = self.turns.first_patch()
        {
            self.hand_out_patch(&id, now, outputs);
        }
        loop {
            let free = self.limits.in_flight_max - self.calls_in_flight;
            let idle = self.turns.first(Lane::Idle);
            let allowance = self.limits.allowance(free, idle.is_some());
            let Some(id) = idle.or_else(|| self.turns.first(Lane::Busy)) else { return };
            if allowance == 0 {
                return;
            }
            self.hand_out_calls(&id, allowance, now, outputs);
        }
    }

    fn hand_out_patch(&mut self, id: &JobId, now: Now, outputs: &mut Vec<Output>) {
        let Some(entry) = self.leave_lane(id) else { return };
        let Work::Patching(patching) = &mut entry.work else { return };
        let lane = if patching.is_untouched() { Lane::First } else { Lane::Patch };
        let Some(range) = patching.take() else { return };
        entry.record.begin(range.clone(), now);
        self.turns.patched(lane);
        self.patches_in_flight += 1;
        outputs.push(Output::Patch { job: id.clone(), range });
    }

    fn hand_out_calls(&mut self, id: &JobId, limit: u32, now: Now, outputs: &mut Vec<Output>) {
        let job_max = self.limits.job_in_flight_max;
        let Some(entry) = self.leave_lane(id) else { return };
        let Work::Calling(calling) = &mut entry.work else { return };
        let Some(range) = calling.take(limit.min(job_max - calling.in_flight)) else { return };
        entry.record.begin(range.clone(), now);
        self.calls_in_flight += range.end - range.start;
        outputs.push(Output::Send { job: id.clone(), range });
        self.settle(id, now, outputs);
    }

    /// Takes a job out of its lane, so that it queues behind the others for its next turn.
    fn leave_lane(&mut self, id: &JobId) -> Option<&mut Entry> {
        let entry = self.jobs.get_mut(id)?;
        if let Some(turn) = entry.turn.take() {
            self.turns.leave(turn);
        }
        Some(entry)
    }
}
