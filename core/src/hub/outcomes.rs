//! What jobs did on devices, as tables.

use std::sync::Arc;

use serde_json::Value;

use super::state::State;
use crate::job::{DeviceRow, JobRecord};
use crate::query::ast::{Comparison, Expr, ExprKind, Literal, Query, Segment};
use crate::select::Targets;
use crate::table::{Cells, Document, Table, TableColumn, query_documents};
use crate::twin::Scalar;

/// One row for each device of a job. The answer of a device and its error are columns of their
/// own, so that they can be grouped and counted.
pub(super) fn of_job(job: &JobRecord, targets: Option<&Targets>) -> Table {
    const NAMES: [&str; 10] = [
        "deviceId",
        "status",
        "createdDateTimeUtc",
        "startTimeUtc",
        "lastUpdatedDateTimeUtc",
        "endTimeUtc",
        "responseStatus",
        "responsePayload",
        "errorCode",
        "errorDescription",
    ];
    let mut cells: [Cells; 10] = Default::default();
    if let Some(targets) = targets {
        for (range, row) in job.device_rows() {
            let text = |text: &str| Scalar::Str(text.to_owned().into());
            let (status, payload) = row.response().unzip();
            let payload: Option<Value> =
                payload.flatten().map(|text| serde_json::from_str(text).unwrap_or(Value::Null));
            let error = row.error();
            let shared: [Option<Scalar<'static>>; 6] = [
                Some(text(row.status.as_str())),
                Some(text(&row.created_time.to_string())),
                Some(text(&row.start_time.to_string())),
                Some(text(&row.last_updated_time.to_string())),
                Some(text(&row.end_time.to_string())),
                status.map(|status| Scalar::Int(i64::from(status))),
            ];
            let code = error.map(|error| text(&error.code.to_string()));
            let description = error.map(|error| text(&error.description));
            for position in range {
                cells[0].push_text(targets.id(position));
                for (cells, value) in cells[1..7].iter_mut().zip(&shared) {
                    cells.push(value.as_ref());
                }
                cells[7].push_json(payload.as_ref());
                cells[8].push(code.as_ref());
                cells[9].push(description.as_ref());
            }
        }
    }
    let columns = NAMES.iter().zip(cells);
    Table::new(columns.map(|(name, cells)| TableColumn::new(*name, cells)).collect())
}

/// Answers a query `FROM devices.jobs`.
pub(super) fn query(state: &State, query: &Query) -> Table {
    let wanted = query.filter.as_ref().and_then(wanted_job);
    let jobs: Vec<(JobRecord, Option<Arc<Targets>>)> = {
        let desk = state.desk();
        let records = desk.scheduler.jobs();
        let records = records.filter(|job| wanted.is_none_or(|id| job.id().as_str() == id));
        let with_targets = |job: &JobRecord| {
            (job.clone(), desk.runs.get(job.id()).and_then(|run| run.targets.clone()))
        };
        records.map(with_targets).collect()
    };
    let rows = jobs.iter().flat_map(|(job, targets)| {
        let targets = targets.as_deref();
        job.device_rows().flat_map(move |(range, row)| {
            range.filter_map(move |position| Some(JobRow { row, device_id: targets?.id(position) }))
        })
    });
    query_documents(query, &DeviceRow::FIELDS, rows)
}

/// What a job did on one device, as a document.
struct JobRow<'a> {
    row: DeviceRow<'a>,
    device_id: &'a str,
}

impl Document for JobRow<'_> {
    fn field(&self, name: &str) -> Option<Value> {
        self.row.field(name, self.device_id)
    }
}

/// The job that a condition restricts its rows to, so that other jobs need not be looked at.
fn wanted_job(filter: &Expr) -> Option<&str> {
    match &filter.kind {
        ExprKind::And(parts) => parts.iter().find_map(wanted_job),
        ExprKind::Compare(Comparison::Equal, left, right) => {
            let (path, literal) = match (&left.kind, &right.kind) {
                (ExprKind::Path(path), ExprKind::Literal(literal))
                | (ExprKind::Literal(literal), ExprKind::Path(path)) => (path, literal),
                _ => return None,
            };
            let is_job_id = matches!(&*path.segments, [Segment::Key(key)] if key == "jobId");
            match literal {
                Literal::Str(id) if is_job_id => Some(id),
                _ => None,
            }
        }
        _ => None,
    }
}
