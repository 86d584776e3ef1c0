//! The native half of the Python package `twincast`.
//!
//! One file for each Python class, each a thin, frozen face of its counterpart in the engine.
//! Bulk crosses the border as Arrow columns; small things as plain dicts. Every call into the
//! engine goes through `wait`, every error through `errors`.

#![allow(clippy::needless_pass_by_value, reason = "arguments come from Python by value")]

use pyo3::prelude::*;

mod allocator;
mod argument;
mod arrow;
mod columnar;
mod coroutine;
mod errors;
mod exit;
mod explain;
mod fleet;
mod handler;
mod html;
mod hub;
mod import;
mod job;
mod json;
mod owned;
mod progress;
mod query;
mod report;
mod rows;
mod selection;
mod source;
mod table;
mod time;
mod wait;

/// The native half of `twincast`; use that package instead.
#[pymodule(gil_used = false)]
mod _twincast {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::_panic;
    #[pymodule_export]
    use crate::columnar::DeviceIds;
    #[pymodule_export]
    use crate::exit::_close_all;
    #[pymodule_export]
    use crate::explain::{DeviceExplanation, Explanation};
    #[pymodule_export]
    use crate::fleet::{SimulatedFleet, generate_fleet};
    #[pymodule_export]
    use crate::hub::Hub;
    #[pymodule_export]
    use crate::job::{Job, JobStatistics};
    #[pymodule_export]
    use crate::report::{ImportReport, LineError};
    #[pymodule_export]
    use crate::selection::Selection;
    #[pymodule_export]
    use crate::table::{Rows, Table};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        let close_all = module.getattr("_close_all")?;
        module.py().import("atexit")?.call_method1("register", (close_all,))?;
        Ok(())
    }
}

/// Panics inside the engine's guard, for the test that a panic becomes an exception.
#[pyfunction]
fn _panic(py: Python<'_>) -> PyResult<()> {
    wait::run(py, || panic!("asked to"))
}
