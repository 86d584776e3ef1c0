//! The outcomes of 65,536 neighbouring positions: a few runs while they are alike, columns once
//! they are not.

use std::ops::Range;

use super::answer::AnswerId;
use super::status::DeviceJobStatus;

/// Positions of a page.
pub(super) const PAGE: u32 = 1 << 16;
/// Runs that a page may have before it turns into columns. At 512 they take 8 KB, columns 576 KB;
/// more would cost too much to move about.
const RUNS: usize = 512;

/// The outcome of one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// Never `Cancelled`: that is read off the job.
    pub(super) status: DeviceJobStatus,
    /// When the status was set, in milliseconds since the job started.
    pub(super) at: u32,
    /// What the device answered or why it failed.
    pub(super) answer: AnswerId,
}

impl Cell {
    /// A position that nothing happened to yet.
    pub(super) const PENDING: Self =
        Self { status: DeviceJobStatus::Pending, at: 0, answer: AnswerId::NONE };
}

/// The cells up to `end`, from where the run before ends; all equal.
#[derive(Debug, Clone, Copy)]
struct Run {
    end: u32,
    cell: Cell,
}

/// One page; positions count from its start.
#[derive(Debug, Clone)]
pub(super) enum Page {
    /// Ascending, none empty, neighbours differ; the last ends at the page's end.
    Runs(Runs),
    /// One item for each position.
    Columns(Columns),
}

#[derive(Debug, Clone)]
pub(super) struct Runs(Vec<Run>);

#[derive(Debug, Clone)]
pub(super) struct Columns {
    status: Vec<DeviceJobStatus>,
    at: Vec<u32>,
    answer: Vec<AnswerId>,
}

impl Page {
    /// A page of `length` pending positions.
    pub(super) fn pending(length: u32) -> Self {
        Self::Runs(Runs(vec![Run { end: length, cell: Cell::PENDING }]))
    }

    /// The cell at `position`, and where the cells equal to it end.
    pub(super) fn run_at(&self, position: u32) -> (Cell, u32) {
        match self {
            Self::Runs(runs) => {
                let run = runs.0[runs.find(position)];
                (run.cell, run.end)
            }
            Self::Columns(columns) => {
                let cell = columns.cell(position as usize);
                let mut end = position as usize + 1;
                while end < columns.status.len() && columns.cell(end) == cell {
                    end += 1;
                }
                (cell, u32::try_from(end).expect("a page has 65,536 positions at most"))
            }
        }
    }

    /// Whether a position of `range` has `status`.
    pub(super) fn any(&self, range: Range<u32>, status: DeviceJobStatus) -> bool {
        match self {
            Self::Runs(runs) => {
                let rest = &runs.0[runs.find(range.start)..];
                let last = rest.partition_point(|run| run.end < range.end);
                rest[..=last].iter().any(|run| run.cell.status == status)
            }
            Self::Columns(columns) => columns.status[indices(&range)].contains(&status),
        }
    }

    /// Gives every position of `range` that has the status `from` the cell `to`; says how many.
    ///
    /// `range` is not empty and lies within the page.
    pub(super) fn replace(&mut self, range: Range<u32>, from: DeviceJobStatus, to: Cell) -> u32 {
        match self {
            Self::Runs(runs) => {
                let changed = runs.replace(range, from, to);
                if runs.0.len() > RUNS {
                    *self = Self::Columns(runs.spread());
                }
                changed
            }
            Self::Columns(columns) => columns.replace(&range, from, to),
        }
    }
}

impl Runs {
    /// The index of the run that holds `position`.
    fn find(&self, position: u32) -> usize {
        self.0.partition_point(|run| run.end <= position)
    }

    fn replace(&mut self, range: Range<u32>, from: DeviceJobStatus, to: Cell) -> u32 {
        let first = self.find(range.start);
        let last = first + self.0[first..].partition_point(|run| run.end < range.end);
        // With a neighbour on each side, since equal ones become one run.
        let touched = first.saturating_sub(1)..(last + 2).min(self.0.len());
        let mut start = touched.start.checked_sub(1).map_or(0, |before| self.0[before].end);
        let mut changed = 0;
        let mut fresh = Vec::with_capacity(touched.len() + 2);
        for run in &self.0[touched.clone()] {
            let (inner_start, inner_end) = (start.max(range.start), run.end.min(range.end));
            if run.cell.status == from && inner_start < inner_end {
                push(&mut fresh, start, Run { end: inner_start, cell: run.cell });
                push(&mut fresh, inner_start, Run { end: inner_end, cell: to });
                push(&mut fresh, inner_end, *run);
                changed += inner_end - inner_start;
            } else {
                push(&mut fresh, start, *run);
            }
            start = run.end;
        }
        self.0.splice(touched, fresh);
        changed
    }

    fn spread(&self) -> Columns {
        let length = self.0.last().map_or(0, |run| run.end as usize);
        let mut columns = Columns {
            status: Vec::with_capacity(length),
            at: Vec::with_capacity(length),
            answer: Vec::with_capacity(length),
        };
        for Run { end, cell } in &self.0 {
            columns.status.resize(*end as usize, cell.status);
            columns.at.resize(*end as usize, cell.at);
            columns.answer.resize(*end as usize, cell.answer);
        }
        columns
    }
}

/// Adds `run`, which begins at `start`, unless it is empty; lengthens the last one if it is equal.
fn push(runs: &mut Vec<Run>, start: u32, run: Run) {
    match runs.last_mut() {
        _ if run.end <= start => {}
        Some(last) if last.cell == run.cell => last.end = run.end,
        _ => runs.push(run),
    }
}

impl Columns {
    fn cell(&self, index: usize) -> Cell {
        Cell { status: self.status[index], at: self.at[index], answer: self.answer[index] }
    }

    fn replace(&mut self, range: &Range<u32>, from: DeviceJobStatus, to: Cell) -> u32 {
        let indices = indices(range);
        let status = &mut self.status[indices.clone()];
        let (at, answer) = (&mut self.at[indices.clone()], &mut self.answer[indices]);
        let mut changed = 0;
        for ((status, at), answer) in status.iter_mut().zip(at).zip(answer) {
            if *status == from {
                (*status, *at, *answer) = (to.status, to.at, to.answer);
                changed += 1;
            }
        }
        changed
    }
}

fn indices(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DeviceJobStatus::{Completed, Failed, Pending, Running};
    use super::*;

    fn cell(status: DeviceJobStatus, at: u32) -> Cell {
        Cell { status, at, answer: AnswerId::NONE }
    }

    fn cells(page: &Page, length: u32) -> Vec<Cell> {
        let mut cells = Vec::new();
        while cells.len() < length as usize {
            let start = cells.len();
            let (cell, end) = page.run_at(u32::try_from(start).unwrap());
            assert!(end as usize > start, "a run is not empty");
            cells.resize(end as usize, cell);
        }
        cells
    }

    #[test]
    fn a_page_worked_on_from_end_to_end_stays_a_few_runs() {
        let mut page = Page::pending(PAGE);
        for start in (0..PAGE).step_by(1024) {
            let range = start..start + 1024;
            assert_eq!(page.replace(range.clone(), Pending, cell(Running, start / 4096)), 1024);
            assert_eq!(page.replace(range.clone(), Running, cell(Completed, start / 2048)), 1024);
            assert_eq!(page.replace(range, Running, cell(Failed, 0)), 0);
        }
        let Page::Runs(runs) = &page else { panic!("it was alike") };
        assert_eq!(runs.0.len(), 32);
    }

    #[test]
    fn a_scattered_page_turns_into_columns_with_the_same_cells() {
        let mut page = Page::pending(4_000);
        let mut expected = vec![Cell::PENDING; 4_000];
        for position in (0..4_000).step_by(2) {
            page.replace(position..position + 1, Pending, cell(Running, position));
            expected[position as usize] = cell(Running, position);
        }
        assert!(matches!(page, Page::Columns(_)));
        assert_eq!(cells(&page, 4_000), expected);
    }

    proptest! {
        #[test]
        fn runs_and_columns_agree_with_a_plain_list(
            steps in prop::collection::vec((0u32..200, 1u32..80, 0usize..4, 0usize..4, 0u32..3), 0..60)
        ) {
            const STATUSES: [DeviceJobStatus; 4] = [Pending, Running, Completed, Failed];
            let mut runs = Page::pending(200);
            let Page::Runs(inner) = &runs else { unreachable!() };
            let mut columns = Page::Columns(inner.spread());
            let mut plain = vec![Cell::PENDING; 200];
            for (start, length, from, to, at) in steps {
                let range = start..(start + length).min(200);
                let (from, to) = (STATUSES[from], cell(STATUSES[to], at));
                let any = plain[indices(&range)].iter().any(|cell| cell.status == from);
                prop_assert_eq!(runs.any(range.clone(), from), any);
                prop_assert_eq!(columns.any(range.clone(), from), any);
                let mut changed = 0;
                for cell in &mut plain[indices(&range)] {
                    if cell.status == from {
                        *cell = to;
                        changed += 1;
                    }
                }
                prop_assert_eq!(runs.replace(range.clone(), from, to), changed);
                prop_assert_eq!(columns.replace(range, from, to), changed);
                prop_assert_eq!(&cells(&runs, 200), &plain);
                prop_assert_eq!(&cells(&columns, 200), &plain);
                let Page::Runs(inner) = &runs else { unreachable!() };
                prop_assert!(inner.0.windows(2).all(|pair| pair[0].cell != pair[1].cell));
            }
        }
    }
}
