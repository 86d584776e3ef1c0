//! What an import that skips bad lines came to.

use pyo3::prelude::*;

use crate::html;

/// One line that an import skipped.
#[pyclass(frozen, eq, get_all, module = "twincast")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineError {
    /// The number of the line, or of the item, from 1.
    pub(crate) line: u64,
    /// What is wrong, with the path inside the twin and the limit.
    pub(crate) reason: String,
    /// What would be right, if there is advice.
    pub(crate) hint: Option<String>,
}

#[pymethods]
impl LineError {
    fn __repr__(&self) -> String {
        format!("LineError(line={}, {})", self.line, self.reason)
    }
}

/// What ``import_twins(..., on_error="skip")`` came to.
///
/// Examples:
///     >>> report = twincast.Hub().import_twins(
///     ...     ['{"deviceId": "a"}', '{"deviceId": "b", "tags": 7}'], on_error="skip")
///     >>> report.imported, report.errors_total, report.errors[0].line
///     (1, 1, 2)
#[pyclass(frozen, get_all, module = "twincast")]
#[derive(Debug)]
pub(crate) struct ImportReport {
    /// The twins that are in the hub now.
    pub(crate) imported: u64,
    /// The first bad lines, in order; at most 10,000 are kept.
    pub(crate) errors: Vec<LineError>,
    /// All bad lines.
    pub(crate) errors_total: u64,
}

#[pymethods]
impl ImportReport {
    fn __repr__(&self) -> String {
        format!("ImportReport(imported={}, errors_total={})", self.imported, self.errors_total)
    }

    fn _repr_html_(&self) -> String {
        let mut text = format!(
            "<b>ImportReport</b>: {} imported, {} skipped",
            html::count(self.imported),
            html::count(self.errors_total)
        );
        if !self.errors.is_empty() {
            let rows = self.errors.iter().take(20).map(|error| {
                [
                    error.line.to_string(),
                    error.reason.clone(),
                    error.hint.clone().unwrap_or_default(),
                ]
            });
            text.push_str(&html::table(&["line", "reason", "hint"], rows));
        }
        text
    }
}
