//! From the values of lanes to points on one grid.

use super::lane::{Lane, Values};
use super::linear::{Linear, LinearKind, common_kind, decimal_point, point_of, scale_of};
use crate::store::bitmap::Bitmap;

/// The values of `lanes`, each with its first row, as numbers on a grid; `None` if no grid holds
/// them all.
pub(super) fn grid(lanes: &[(usize, &Lane)], rows: usize, roomy: bool) -> Option<Linear> {
    let mut kind = None;
    for (_, lane) in lanes.iter().filter(|(_, lane)| !lane.is_empty()) {
        kind = Some(kind_with(kind, lane.values())?);
    }
    let kind = kind?;
    let mut points = Vec::with_capacity(lanes.iter().map(|(_, lane)| lane.len()).sum());
    for (first, lane) in lanes {
        add_points(kind, *first, lane, &mut points)?;
    }
    let mut linear = Linear::build(kind, &points, rows, roomy)?;
    if matches!(kind, LinearKind::Decimal { .. }) {
        linear.integers = integers(lanes);
    }
    Some(linear)
}

/// The kind of grid for values of `kind` and these.
fn kind_with(kind: Option<LinearKind>, values: &Values) -> Option<LinearKind> {
    let own = match values {
        Values::Same { value, .. } => common_kind([value])?,
        Values::Ints(_) => LinearKind::Int,
        Values::Times { digits, .. } => LinearKind::Time { digits: *digits },
        Values::Numbers { numbers, .. } => {
            let known = match kind {
                Some(LinearKind::Decimal { scale }) => scale,
                _ => 0,
            };
            LinearKind::Decimal { scale: common_scale(known, numbers)? }
        }
        Values::Words(_) => return None,
    };
    match (kind, own) {
        (None, own) => Some(own),
        (Some(LinearKind::Int), LinearKind::Decimal { scale })
        | (Some(LinearKind::Decimal { scale }), LinearKind::Int) => {
            Some(LinearKind::Decimal { scale })
        }
        (Some(LinearKind::Decimal { scale: left }), LinearKind::Decimal { scale: right }) => {
            Some(LinearKind::Decimal { scale: left.max(right) })
        }
        (Some(known), own) => (known == own).then_some(own),
    }
}

/// The fewest decimal places, at least `scale`, that hold each of `numbers` exactly.
fn common_scale(mut scale: u8, numbers: &[f64]) -> Option<u8> {
    for number in numbers {
        if decimal_point(*number, scale).is_none() {
            scale = scale.max(scale_of(*number)?);
        }
    }
    Some(scale)
}

fn add_points(
    kind: LinearKind,
    first: usize,
    lane: &Lane,
    points: &mut Vec<(u16, i64)>,
) -> Option<()> {
    let row = |place| u16::try_from(first + lane.row(place)).expect("a segment has 65,536 rows");
    match (kind, lane.values()) {
        (LinearKind::Int, Values::Ints(ints)) | (_, Values::Times { ticks: ints, .. }) => {
            points.extend(ints.iter().enumerate().map(|(place, int)| (row(place), *int)));
        }
        (LinearKind::Decimal { scale }, Values::Numbers { numbers, .. }) => {
            for (place, number) in numbers.iter().enumerate() {
                points.push((row(place), decimal_point(*number, scale)?));
            }
        }
        (_, Values::Same { value, count }) => {
            // An empty lane has no value.
            if *count > 0 {
                let point = point_of(kind, value)?;
                points.extend((0..*count).map(|place| (row(place), point)));
            }
        }
        (kind, values) => {
            for place in 0..values.len() {
                points.push((row(place), point_of(kind, &values.get(place))?));
            }
        }
    }
    Some(())
}

/// The rows whose number was written without a point.
fn integers(lanes: &[(usize, &Lane)]) -> Option<Bitmap> {
    let mut rows = Bitmap::zeros();
    for (first, lane) in lanes {
        let mut insert = |place: usize| rows.insert(first + lane.row(place));
        match lane.values() {
            Values::Numbers { integers, .. } => {
                integers.iter().for_each(|place| insert(usize::from(*place)));
            }
            Values::Ints(ints) => (0..ints.len()).for_each(insert),
            Values::Same { value: crate::twin::Scalar::Int(_), count } => {
                (0..*count).for_each(insert);
            }
            _ => {}
        }
    }
    (!rows.is_empty()).then_some(rows)
}
