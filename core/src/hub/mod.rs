//! The hub: the one room with doors to all others, and the public face of the engine.

mod builder;
mod desk;
mod engine;
mod import;
mod jobs;
mod operation;
mod outcomes;
mod state;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::Value;

pub use builder::HubBuilder;
pub use import::{ImportOptions, ImportProgress, ImportReport, LineError, OnError};
pub use jobs::Job;

pub use crate::store::MemoryPart;

use engine::Engine;
use operation::{CreateDevice, DeleteDevice, PatchTwin, ReportProperties};
use state::State;

use crate::dispatch::{SimulatedFleet, Transport};
use crate::error::{Error, ErrorKind, Result};
use crate::job::MethodCall;
use crate::plan::{Plan, bind};
use crate::query::ast::Source;
use crate::query::{parse_condition, parse_query};
use crate::select::{DeviceExplanation, Explanation, Selection, explain, explain_device, select};
use crate::table::{Table, Watch, query_devices};
use crate::twin::{PatchKind, TwinPatch, new_device};

/// An engine that holds a fleet of device twins and runs jobs over them.
///
/// A hub is a handle: clones share one engine, and the last one that is dropped closes it. All
/// methods take `&self` and may be called from any thread, also from method handlers.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use twincast::{Hub, job::{JobKind, JobRequest}};
///
/// let hub = Hub::new()?;
/// hub.create_device("d1", &json!({"tags": {"building": "43"}}))?;
/// hub.create_device("d2", &json!({"tags": {"building": "44"}}))?;
/// assert_eq!(hub.select("tags.building = '43'")?.device_ids(), ["d1"]);
///
/// let body = json!({"properties": {"desired": {"interval": 60}}});
/// let job = hub.schedule(JobRequest::new(JobKind::UpdateTwin { body }, "*"))?;
/// assert!(job.wait(None)?);
/// assert_eq!(job.statistics()?.succeeded_count, 2);
/// assert_eq!(hub.twin("d1")?["properties"]["desired"]["interval"], 60);
/// # Ok::<(), twincast::Error>(())
/// ```
#[derive(Clone)]
pub struct Hub {
    engine: Arc<Engine>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({} devices)", self.state().store.len())
    }
}

impl Hub {
    /// An empty hub in memory, with the default limits.
    ///
    /// # Errors
    ///
    /// The system refuses a thread.
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// A hub to be configured.
    #[must_use]
    pub fn builder() -> HubBuilder {
        HubBuilder::default()
    }

    fn state(&self) -> &State {
        &self.engine.state
    }

    /// A handle that does not keep the hub open, for handlers.
    #[must_use]
    pub fn downgrade(&self) -> WeakHub {
        WeakHub { engine: Arc::downgrade(&self.engine) }
    }

    /// Stops all jobs and threads. Idempotent. Afterwards everything answers
    /// [`ErrorKind::Closed`]; twins that were in memory only are gone with the last handle.
    pub fn close(&self) {
        self.engine.close();
    }

    /// Whether [`Hub::close`] was called, or a thread of the hub panicked.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state().check_open().is_err()
    }
}

/// A handle that does not keep its hub open.
#[derive(Clone)]
pub struct WeakHub {
    engine: Weak<Engine>,
}

impl WeakHub {
    /// The hub, unless its last handle was dropped.
    #[must_use]
    pub fn upgrade(&self) -> Option<Hub> {
        self.engine.upgrade().map(|engine| Hub { engine })
    }
}

impl fmt::Debug for WeakHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakHub")
    }
}

/// Devices and their twins.
impl Hub {
    /// How many devices exist.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().store.len()
    }

    /// Whether there is no device.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the memory of the twins is spent on, part by part, as the hub counts it. What the
    /// allocator adds, and what jobs hold, is not in it.
    ///
    /// Cost: a look at each column and each distinct value.
    #[must_use]
    pub fn memory(&self) -> Vec<MemoryPart> {
        self.state().store.memory()
    }

    /// Whether a device of this id exists.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.state().store.find(id).is_some()
    }

    /// Adds a device and gives its twin. `body` may have `tags`, `properties` with `desired` and
    /// `reported`, and identity fields such as `status`; what is missing gets IoT Hub's defaults.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if a rule of twins is broken, with the path and the limit;
    /// [`ErrorKind::DeviceExists`].
    pub fn create_device(&self, id: &str, body: &Value) -> Result<Value> {
        let twin = new_device(self.state().store.paths(), id, body)?;
        self.state().commit(CreateDevice(&twin))
    }

    /// Removes a device and its twin.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::DeviceNotFound`]; [`ErrorKind::PreconditionFailed`] if `etag` is neither `*`
    /// nor the twin's.
    pub fn delete_device(&self, id: &str, etag: Option<&str>) -> Result<()> {
        self.state().commit(DeleteDevice { id, etag })
    }

    /// The twin of a device, as IoT Hub writes it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::DeviceNotFound`].
    pub fn twin(&self, id: &str) -> Result<Value> {
        self.state().check_open()?;
        let store = &self.state().store;
        let twin = store.find(id).and_then(|row| store.twin(row));
        twin.ok_or_else(|| not_found(id))
    }

    /// Merges `patch` (`tags`, `properties.desired`; null removes) into a twin and gives the twin
    /// as it is then.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`], [`ErrorKind::DeviceNotFound`], and
    /// [`ErrorKind::PreconditionFailed`] if `etag` is neither `*` nor the twin's. Nothing is
    /// changed then.
    pub fn update_twin(&self, id: &str, patch: &Value, etag: Option<&str>) -> Result<Value> {
        self.change(id, PatchKind::Merge, patch, etag)
    }

    /// Replaces `tags` and `properties.desired`, as far as `body` has them, and gives the twin as
    /// it is then.
    ///
    /// # Errors
    ///
    /// As [`Hub::update_twin`].
    pub fn replace_twin(&self, id: &str, body: &Value, etag: Option<&str>) -> Result<Value> {
        self.change(id, PatchKind::Replace, body, etag)
    }

    /// Merges what a device reports into `properties.reported` and gives its new `$version`, which
    /// is all that IoT Hub tells a device.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`], [`ErrorKind::DeviceNotFound`].
    pub fn report_properties(&self, id: &str, reported: &Value) -> Result<i64> {
        let patch = self.patch(id, PatchKind::Report, reported)?;
        self.state().commit(ReportProperties { id, patch: &patch })
    }

    fn change(&self, id: &str, kind: PatchKind, body: &Value, etag: Option<&str>) -> Result<Value> {
        let patch = self.patch(id, kind, body)?;
        self.state().commit(PatchTwin { id, patch: &patch, etag })
    }

    /// A patch of the twin of `id`, checked.
    fn patch(&self, id: &str, kind: PatchKind, body: &Value) -> Result<TwinPatch> {
        self.state().check_open()?;
        // Before its keys get numbers, which are never taken back.
        if !self.contains(id) {
            return Err(not_found(id));
        }
        TwinPatch::parse(self.state().store.paths(), kind, body)
    }
}

/// Conditions and queries.
impl Hub {
    /// Finds the devices that satisfy a condition: the text after WHERE, or `*`.
    ///
    /// Cost: reads the columns that the condition names; well under a millisecond for a million
    /// devices, unless values have to be looked at one by one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCondition`], with the place in the text.
    pub fn select(&self, condition: &str) -> Result<Selection> {
        self.prepare(condition).map(|prepared| prepared.select())
    }

    /// Parses a condition and binds it to the columns, for [`Prepared::select`].
    ///
    /// # Errors
    ///
    /// As [`Hub::select`].
    pub fn prepare(&self, condition: &str) -> Result<Prepared> {
        self.state().check_open()?;
        let plan = bind(&parse_condition(condition)?, self.state().store.paths());
        Ok(Prepared { hub: self.clone(), plan })
    }

    /// Answers a query: `SELECT ... FROM devices` or `FROM devices.jobs`.
    ///
    /// Cost: the answer is held in memory as Arrow columns, objects as JSON text; `SELECT *` takes
    /// about as much as the fleet as a file of JSON lines.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCondition`], with the place in the text.
    pub fn query(&self, text: &str) -> Result<Table> {
        self.query_watched(text, &mut |_| ControlFlow::Continue(()))
    }

    /// Answers a query as [`Hub::query`] does, and tells `watch` how far it is, many times a
    /// second; but not while the condition is answered, nor for a query `FROM devices.jobs`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCondition`], with the place in the text; [`ErrorKind::Interrupted`] if
    /// `watch` said so.
    pub fn query_watched(&self, text: &str, watch: Watch<'_>) -> Result<Table> {
        self.state().check_open()?;
        let query = parse_query(text)?;
        match query.source {
            Source::Devices => match query_devices(&self.state().store, &query, watch) {
                ControlFlow::Continue(table) => Ok(table),
                ControlFlow::Break(()) => {
                    Err(Error::new(ErrorKind::Interrupted, "the query was stopped"))
                }
            },
            Source::Jobs => Ok(outcomes::query(self.state(), &query)),
        }
    }

    /// Shows how a condition is answered: each part as it was written, with estimated and actual
    /// matches, and hints at paths and types that no twin has.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCondition`], with the place in the text.
    pub fn explain(&self, condition: &str) -> Result<Explanation> {
        self.state().check_open()?;
        Ok(explain(&self.state().store, &parse_condition(condition)?))
    }

    /// Shows why a device does or does not satisfy a condition.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidCondition`], with the place in the text;
    /// [`ErrorKind::DeviceNotFound`].
    pub fn explain_device(&self, condition: &str, id: &str) -> Result<DeviceExplanation> {
        self.state().check_open()?;
        let condition = parse_condition(condition)?;
        let store = &self.state().store;
        let row = store.find(id).ok_or_else(|| not_found(id))?;
        explain_device(store, &condition, row).ok_or_else(|| not_found(id))
    }

    /// The twins of some selected devices, spread evenly over the selection; devices deleted
    /// since are left out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if the selection is of another hub; [`ErrorKind::Closed`].
    pub fn sample(&self, selection: &Selection, count: usize) -> Result<Vec<Value>> {
        self.state().check_open()?;
        if selection.store() != self.state().store.id() {
            return Err(Error::invalid("the selection is of another hub"));
        }
        let stride = selection.len().div_ceil(count.max(1)).max(1);
        let rows = selection.rows().step_by(stride).take(count);
        Ok(rows.filter_map(|row| self.state().store.twin(row)).collect())
    }
}

/// A condition that is ready to be answered by its hub, soon: paths that twins get later are not
/// known to it.
#[derive(Debug)]
pub struct Prepared {
    hub: Hub,
    plan: Plan,
}

impl Prepared {
    /// About how long the answer takes on one thread at worst, for callers who wait in the
    /// meantime or do not.
    #[must_use]
    pub fn duration_at_worst(&self) -> Duration {
        Duration::from_nanos(self.plan.nanos_per_row().into())
            .saturating_mul(u32::try_from(self.hub.len()).unwrap_or(u32::MAX))
    }

    /// Finds the devices that satisfy the condition.
    #[must_use]
    pub fn select(&self) -> Selection {
        select(&self.hub.state().store, &self.plan)
    }
}

/// Methods.
impl Hub {
    /// Makes `transport` answer the method `name` for all devices, in jobs that start from now on.
    ///
    /// The hub holds the transport: one that holds a [`Hub`] keeps it open until
    /// [`Hub::close`] or [`Hub::remove_method`]; hold a [`WeakHub`] instead.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if no method can have this name.
    pub fn on_method(&self, name: &str, transport: Arc<dyn Transport>) -> Result<()> {
        self.state().check_open()?;
        MethodCall::new(name, None)?;
        let old = self.state().methods.write().by_name.insert(name.to_owned(), transport);
        // Dropped without the lock: a handler may do anything when it is dropped.
        drop(old);
        Ok(())
    }

    /// Forgets who answers the method `name`; whether somebody did.
    pub fn remove_method(&self, name: &str) -> bool {
        let old = self.state().methods.write().by_name.remove(name);
        old.is_some()
    }

    /// Makes a simulated fleet answer every method that has no handler of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if a share or a latency makes no sense; [`ErrorKind::Closed`].
    pub fn simulate_devices(&self, fleet: SimulatedFleet) -> Result<()> {
        self.state().check_open()?;
        let devices = fleet.into_transport(Arc::clone(&self.state().clock))?;
        let old = self.state().methods.write().others.replace(Arc::new(devices));
        drop(old);
        Ok(())
    }
}

fn not_found(id: &str) -> Error {
    Error::new(ErrorKind::DeviceNotFound, format!("there is no device `{id}`"))
}
