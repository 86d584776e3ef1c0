//! A fleet that is not there: devices that answer late, wrongly or not at all, reproducibly.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::job::{CallResult, Failure, Reply};

mod dice;
mod timer;

use super::transport::{Answers, Calls, Style, Transport};
use dice::Dice;
use timer::{Run, Timer};

/// How long a simulated device takes to answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// All the same.
    Fixed(Duration),
    /// Half of the answers come within `median`, all but one in a hundred within `p99`, and some
    /// take much longer: a log-normal distribution, the usual shape of answers over a network.
    LogNormal {
        /// The middle of all latencies; more than zero.
        median: Duration,
        /// At least `median`.
        p99: Duration,
    },
}

/// What to simulate. Shares are numbers from 0 to 1.
///
/// What a device does is a pure function of `seed`, the device's id and the method's name; being
/// offline does not even depend on the method. The same seed gives the same outcomes on every
/// machine.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use twincast::SystemClock;
/// use twincast::dispatch::SimulatedFleet;
///
/// let fleet = SimulatedFleet { seed: 7, offline_share: 0.05, ..SimulatedFleet::default() };
/// let transport = fleet.into_transport(Arc::new(SystemClock::new()))?;
///
/// let impossible = SimulatedFleet { offline_share: 1.5, ..SimulatedFleet::default() };
/// assert!(impossible.into_transport(Arc::new(SystemClock::new())).is_err());
/// # Ok::<(), twincast::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedFleet {
    /// Another seed, another fleet.
    pub seed: u64,
    /// How long the devices that answer take.
    pub latency: Latency,
    /// Share of devices that are not connected. Their calls fail with code 404103 after the
    /// connect time-out.
    pub offline_share: f64,
    /// Share of connected devices whose answer has status 500. The others answer 200.
    pub failure_share: f64,
    /// Share of connected devices that never answer, so that their calls fail with code 504101 at
    /// their time-out. So do those that would take longer than the response time-out.
    pub no_reply_share: f64,
}

impl Default for SimulatedFleet {
    /// All devices answer 200, half of them within 50 ms, 99 % within 400 ms.
    fn default() -> Self {
        Self {
            seed: 0,
            latency: Latency::LogNormal {
                median: Duration::from_millis(50),
                p99: Duration::from_millis(400),
            },
            offline_share: 0.0,
            failure_share: 0.0,
            no_reply_share: 0.0,
        }
    }
}

impl SimulatedFleet {
    /// The devices as a transport that answers in the time of `clock`, which must be the clock of
    /// the dispatcher that uses it.
    ///
    /// A million calls in flight take one thread and about 10 MB. Answers come at full
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// If a share is outside 0 to 1, failure and no-reply shares exceed 1 together, or `p99` or
    /// `median` make no sense.
    pub fn into_transport(self, clock: Arc<dyn Clock>) -> Result<SimulatedDevices> {
        let shares = [
            ("offline_share", self.offline_share),
            ("failure_share", self.failure_share),
            ("no_reply_share", self.no_reply_share),
        ];
        for (name, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::invalid(format!("`{name}` is {share}, not between 0 and 1")));
            }
        }
        let sum = self.failure_share + self.no_reply_share;
        if sum > 1.0 {
            return Err(Error::invalid(format!(
                "`failure_share` and `no_reply_share` are {sum} together, more than 1"
            )));
        }
        let sigma = match self.latency {
            Latency::Fixed(_) => 0.0,
            Latency::LogNormal { median, p99 } => {
                if median.is_zero() || p99 < median {
                    return Err(Error::invalid(format!(
                        "a latency with median {median:?} and p99 {p99:?} is impossible"
                    ))
                    .with_hint("median is more than zero and p99 at least median"));
                }
                (p99.as_secs_f64() / median.as_secs_f64()).ln() / NORMAL_P99
            }
        };
        let offline = Failure {
            code: 404_103,
            description: "Timed out waiting for device to connect.".into(),
        };
        Ok(SimulatedDevices { fleet: self, sigma, offline, timer: Timer::new(clock) })
    }
}

/// The 99 % point of the normal distribution.
const NORMAL_P99: f64 = 2.326_347_874_040_841;

/// What [`SimulatedFleet::into_transport`] makes.
#[derive(Debug)]
pub struct SimulatedDevices {
    fleet: SimulatedFleet,
    /// Width of the log-normal distribution.
    sigma: f64,
    offline: Failure,
    timer: Arc<Timer>,
}

/// What a device will do about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Offline,
    Silent,
    Answers { after: Duration, outcome: Outcome },
}

/// How a call ends that does not wait for its time-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Outcome {
    Ok,
    Fault,
    Offline,
}

impl SimulatedDevices {
    fn fate(&self, method: u64, device_id: &str) -> Fate {
        let fleet = &self.fleet;
        if Dice::new(fleet.seed, device_id).share() < fleet.offline_share {
            return Fate::Offline;
        }
        let mut dice = Dice::new(fleet.seed ^ method, device_id);
        let share = dice.share();
        if share < fleet.no_reply_share {
            return Fate::Silent;
        }
        let fault = share < fleet.no_reply_share + fleet.failure_share;
        let outcome = if fault { Outcome::Fault } else { Outcome::Ok };
        let after = match fleet.latency {
            Latency::Fixed(latency) => latency,
            Latency::LogNormal { median, .. } => {
                let seconds = median.as_secs_f64() * (self.sigma * dice.normal()).exp();
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            }
        };
        Fate::Answers { after, outcome }
    }
}

impl Transport for SimulatedDevices {
    fn invoke(&self, calls: Calls) {
        let now = self.timer.now();
        let method = Arc::clone(calls.method());
        let method_hash = Dice::hash(1, &method.name);
        let claimed = calls.claim_all();
        let mut answers = Vec::with_capacity(claimed.len());
        for position in claimed {
            let (after, outcome) = match self.fate(method_hash, calls.device_id(position)) {
                Fate::Offline => (method.connect_timeout, Outcome::Offline),
                Fate::Answers { after, outcome } if after <= method.response_timeout => {
                    (after, outcome)
                }
                Fate::Answers { .. } | Fate::Silent => {
                    calls.leave_to_time_out();
                    continue;
                }
            };
            answers.push(timer::Answer::new(after, outcome, position));
        }
        let run = Run::new(now, answers, calls.answers(), self.offline.clone());
        Timer::start(&self.timer, run);
    }

    fn style(&self) -> Style {
        Style::Deferred
    }
}

impl Drop for SimulatedDevices {
    fn drop(&mut self) {
        self.timer.stop();
    }
}

/// Hands in the answers of some devices.
fn answer(answers: &Answers, due: &[timer::Answer], offline: &Failure) {
    let replies = due.iter().map(|answer| {
        let result = match answer.outcome() {
            Outcome::Ok => CallResult::Answered { status: 200, payload: None },
            Outcome::Fault => CallResult::Answered { status: 500, payload: None },
            Outcome::Offline => CallResult::Failed(offline.clone()),
        };
        Reply::one(answer.position(), result)
    });
    answers.answer_many(replies.collect());
}
