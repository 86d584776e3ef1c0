//! How large the sections of twins are, and would be after a change.

use std::collections::HashMap;

use super::bitmap::Bitmap;
use super::bulk::{Change, Write};
use super::column::{Codes, Column, LinearKind};
use super::rejection::Rejection;
use super::row::{ColumnKey, Facet};
use super::segment::SegmentData;
use super::store::Store;
use crate::twin::{PathId, PathReader, Scalar, Section, SectionSizes, cell_size};

pub(super) const SECTIONS: [Section; 3] = [Section::Tags, Section::Desired, Section::Reported];

/// The sizes of the sections of one twin after a change; 0 of those that it does not touch.
///
/// # Errors
///
/// [`Rejection::TooLarge`] if one grows beyond its limit.
pub(super) fn of_row(
    store: &Store,
    data: &SegmentData,
    offset: usize,
    change: &Change<'_>,
) -> Result<SectionSizes, Rejection> {
    let paths = store.paths().read();
    // The other sections stay as they are.
    let is_changed = |key: &ColumnKey| change.touches(paths.section(key.path));
    let counted =
        data.columns.iter().filter(|(key, _)| is_counted(&paths, **key) && is_changed(key));
    let counted: Vec<_> = counted.inspect(|(_, column)| column.prefetch(offset)).collect();
    let mut cells: HashMap<PathId, u64, foldhash::fast::FixedState> = HashMap::default();
    for (key, column) in counted {
        if let Some(value) = column.get(offset) {
            cells.insert(key.path, cell_size(paths.key(key.path), &value));
        }
    }
    let before = sum(&paths, &cells);
    for write in change.writes() {
        match write {
            Write::Put(key, value) if is_counted(&paths, *key) => {
                match value {
                    Some(value) => cells.insert(key.path, cell_size(paths.key(key.path), value)),
                    None => cells.remove(&key.path),
                };
            }
            Write::Put(..) => {}
            Write::ClearBelow(root) => cells.retain(|path, _| !is_below(&paths, *path, *root)),
        }
    }
    let after = sum(&paths, &cells);
    for section in SECTIONS {
        check(section, before.of(section), after.of(section))?;
    }
    Ok(after)
}

fn sum(
    paths: &PathReader<'_>,
    cells: &HashMap<PathId, u64, foldhash::fast::FixedState>,
) -> SectionSizes {
    let mut sizes = SectionSizes::default();
    for (path, size) in cells {
        let section = paths.section(*path);
        sizes.set(section, sizes.of(section) + size);
    }
    sizes
}

fn check(section: Section, before: u64, after: u64) -> Result<(), Rejection> {
    let limit = section.size_limit();
    if after > limit && after > before {
        return Err(Rejection::TooLarge { section, size: after, limit });
    }
    Ok(())
}

/// Checks a change of all rows of `mask`: takes those that it would make too large out of the mask
/// and gives them back, and notes in the bounds of the segment how large the largest twins are
/// then.
///
/// Cost: a few nanoseconds for each row and column of the sections that change.
pub(super) fn of_rows(
    store: &Store,
    data: &mut SegmentData,
    mask: &mut Bitmap,
    change: &Change<'_>,
) -> Vec<(usize, Rejection)> {
    let paths = store.paths().read();
    let mut refused = Vec::new();
    for section in SECTIONS.into_iter().filter(|section| change.touches(*section)) {
        let written = written(&paths, data, section, change);
        let set: u64 = written.values().flatten().sum();
        let mut before = vec![0_u64; data.rows];
        let mut kept = vec![0_u64; data.rows];
        for (key, column) in &data.columns {
            if is_counted(&paths, *key) && paths.section(key.path) == section {
                add_sizes(column, paths.key(key.path), &mut before);
                if !written.contains_key(&key.path) {
                    add_sizes(column, paths.key(key.path), &mut kept);
                }
            }
        }
        let mut largest = 0;
        for offset in data.live.iter() {
            let after = kept[offset] + set;
            let changes = mask.contains(offset);
            match check(section, before[offset], after) {
                Err(rejection) if changes => {
                    mask.remove(offset);
                    refused.push((offset, rejection));
                    largest = largest.max(before[offset]);
                }
                _ => largest = largest.max(if changes { after } else { before[offset] }),
            }
        }
        data.bounds.set(section, largest);
    }
    refused
}

/// The places of a section that a change writes, with their sizes after it; `None` if they vanish.
fn written(
    paths: &PathReader<'_>,
    data: &SegmentData,
    section: Section,
    change: &Change<'_>,
) -> HashMap<PathId, Option<u64>> {
    let mut written = HashMap::new();
    for write in change.writes() {
        match write {
            Write::Put(key, value)
                if is_counted(paths, *key) && paths.section(key.path) == section =>
            {
                let size = value.as_ref().map(|value| cell_size(paths.key(key.path), value));
                written.insert(key.path, size);
            }
            Write::Put(..) => {}
            Write::ClearBelow(root) => {
                let columns = data.columns.keys().map(|key| key.path);
                let known: Vec<PathId> = columns.chain(written.keys().copied()).collect();
                let below = known.into_iter().filter(|path| is_below(paths, *path, *root));
                written.extend(below.map(|path| (path, None)));
            }
        }
    }
    written
}

/// Adds the size of each value of a column to its row.
fn add_sizes(column: &Column, name: &str, sizes: &mut [u64]) {
    match column {
        Column::Constant { value, len } => {
            let size = cell_size(name, value);
            sizes.iter_mut().take(*len as usize).for_each(|sum| *sum += size);
        }
        Column::Codes { dictionary, codes } => {
            let of_code: Vec<u64> =
                dictionary.values().iter().map(|value| cell_size(name, value)).collect();
            let size = |code: usize| if code == 0 { 0 } else { of_code[code] };
            match codes {
                Codes::U8(codes) => {
                    sizes
                        .iter_mut()
                        .zip(codes)
                        .for_each(|(sum, code)| *sum += size(usize::from(*code)));
                }
                Codes::U16(codes) => {
                    sizes
                        .iter_mut()
                        .zip(codes)
                        .for_each(|(sum, code)| *sum += size(usize::from(*code)));
                }
            }
        }
        // All numbers count the same, and so do all times of one form.
        Column::Linear(linear) => {
            let like = match linear.kind() {
                LinearKind::Int | LinearKind::Decimal { .. } => Scalar::Int(0),
                LinearKind::Time { .. } => linear.value(0, false),
            };
            let size = cell_size(name, &like);
            for (offset, sum) in sizes.iter_mut().enumerate().take(linear.len()) {
                *sum += if linear.has(offset) { size } else { 0 };
            }
        }
        Column::Sparse { .. } | Column::Plain(_) => {
            for (offset, sum) in sizes.iter_mut().enumerate().take(column.len()) {
                *sum += column.get(offset).map_or(0, |value| cell_size(name, &value));
            }
        }
    }
}

/// Whether the column counts towards the size of a section.
fn is_counted(paths: &PathReader<'_>, key: ColumnKey) -> bool {
    const UNCOUNTED: [PathId; 5] = [
        PathId::TAGS,
        PathId::DESIRED,
        PathId::REPORTED,
        PathId::DESIRED_VERSION,
        PathId::REPORTED_VERSION,
    ];
    key.facet == Facet::Value
        && !UNCOUNTED.contains(&key.path)
        && paths.section(key.path) != Section::Fixed
}

/// Whether clearing below `root` takes `path` away; the version of a section stays.
pub(super) fn is_below(paths: &PathReader<'_>, path: PathId, root: PathId) -> bool {
    if path == PathId::DESIRED_VERSION || path == PathId::REPORTED_VERSION {
        return false;
    }
    let mut place = path;
    while place != PathId::ROOT {
        place = paths.parent(place);
        if place == root {
            return true;
        }
    }
    false
}
