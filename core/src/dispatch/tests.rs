//! Hostile handlers, races and time-outs against the whole room. Nothing here sleeps and hopes:
//! every wait is for an event, with a generous limit.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, bounded};

use super::{Completion, DeviceIds, DispatchLimits, Dispatcher, Transport};
use crate::clock::{Clock, ManualClock, SystemClock, Timestamp};
use crate::job::{CallResult, MethodCall};

mod fairness;
mod hostile;
mod leftovers;
mod lost;
mod once;
mod payload;
mod simulated;
mod timeouts;

/// Longer than any of these tests takes on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// Devices with ids made of their positions.
struct Devices(Vec<String>);

impl Devices {
    fn new(count: u32) -> Arc<Self> {
        Arc::new(Self((0..count).map(|position| format!("device-{position:06}")).collect()))
    }
}

impl DeviceIds for Devices {
    fn id(&self, position: u32) -> &str {
        &self.0[position as usize]
    }
}

/// The position in an id of [`Devices`].
fn position_of(device_id: &str) -> u32 {
    device_id[7..].parse().unwrap()
}

fn method() -> Arc<MethodCall> {
    Arc::new(MethodCall {
        name: "reboot".into(),
        payload: None,
        response_timeout: Duration::from_secs(30),
        connect_timeout: Duration::ZERO,
    })
}

/// A dispatcher and what it reports, gathered by job and position.
struct Bench {
    dispatcher: Arc<Dispatcher>,
    completions: Receiver<Completion>,
    replies: BTreeMap<(u64, u32), CallResult>,
}

impl Bench {
    fn new() -> Self {
        Self::with(DispatchLimits { workers: 2, ..Default::default() }, SystemClock::new())
    }

    fn manual() -> (Self, ManualClock) {
        let clock = ManualClock::at(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let limits = DispatchLimits { workers: 2, ..Default::default() };
        (Self::with(limits, clock.clone()), clock)
    }

    fn with(limits: DispatchLimits, clock: impl Clock) -> Self {
        let (sender, completions) = bounded(64);
        let dispatcher = Arc::new(Dispatcher::start(limits, Arc::new(clock), sender));
        Self { dispatcher, completions, replies: BTreeMap::new() }
    }

    fn open(&self, job: u64, devices: u32, transport: impl Transport) {
        self.open_with(job, devices, Arc::new(transport));
    }

    fn open_with(&self, job: u64, devices: u32, transport: Arc<dyn Transport>) {
        drop(self.dispatcher.open(job, method(), Devices::new(devices), transport));
    }

    /// Opens a job and sends all its calls.
    fn run(&self, job: u64, devices: u32, transport: impl Transport) {
        self.open(job, devices, transport);
        self.dispatcher.send(job, 0..devices);
    }

    /// Waits until `count` replies have come in all.
    fn wait(&mut self, count: usize) {
        while self.replies.len() < count {
            let completion = self.completions.recv_timeout(LONG).unwrap_or_else(|error| {
                panic!("{error}: {} of {count}, {:?}", self.replies.len(), self.dispatcher)
            });
            self.take(completion);
        }
    }

    fn take(&mut self, completion: Completion) {
        for reply in completion.replies {
            for position in reply.positions {
                let key = (completion.job, position);
                let second = self.replies.insert(key, reply.result.clone());
                assert_eq!(second, None, "second reply for {key:?}");
            }
        }
    }

    /// The status or the code of the failure.
    fn code(&self, job: u64, position: u32) -> i64 {
        match &self.replies[&(job, position)] {
            CallResult::Answered { status, .. } => i64::from(*status),
            CallResult::Failed(failure) => i64::from(failure.code),
        }
    }

    fn text(&self, job: u64, position: u32) -> &str {
        match &self.replies[&(job, position)] {
            CallResult::Answered { payload, .. } => payload.as_deref().unwrap_or(""),
            CallResult::Failed(failure) => &failure.description,
        }
    }

    /// How often each status or code came in a job.
    fn codes(&self, job: u64) -> BTreeMap<i64, usize> {
        let mut codes = BTreeMap::new();
        for (_, position) in self.replies.keys().filter(|key| key.0 == job) {
            *codes.entry(self.code(job, *position)).or_default() += 1;
        }
        codes
    }
}

fn count(ranges: &[Range<u32>]) -> usize {
    ranges.iter().map(ExactSizeIterator::len).sum()
}

/// Asks until it is so, without burning the processor.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..LONG.as_millis() {
        if so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("never happened: {what}");
}
