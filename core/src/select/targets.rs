//! The frozen list of devices that a job works on.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::store::{Bitmap, Ids, Row, SEGMENT_ROWS};

/// A segment with few targets counts at least as this many rows when a job is cut into pieces:
/// about so long does it take to change one row of each of its columns.
const LEAST_WEIGHT: usize = SEGMENT_ROWS / 8;

/// The devices of a job by position, from 0, in the order of their rows.
///
/// Shape: a bit for each row of the segments that have a target. Ids are shared with the store and
/// stay readable after a device is deleted. Which row stands at a position is worked out for a
/// segment when it is first asked, and then kept: at most two bytes a device.
#[derive(Debug)]
pub struct Targets {
    segments: Vec<Chosen>,
    /// The position of the first target of each segment, and at last how many there are.
    starts: Vec<u32>,
}

/// The targets of one segment.
#[derive(Debug)]
struct Chosen {
    number: usize,
    ids: Arc<Ids>,
    rows: Arc<Bitmap>,
    offsets: OnceLock<Offsets>,
}

/// The offsets of the rows of a bitmap, by their place.
#[derive(Debug)]
enum Offsets {
    /// One after the other, from this one on.
    Run(usize),
    List(Box<[u16]>),
}

impl Targets {
    /// The `rows` of some segments, ascending by number; none is empty.
    pub(super) fn new(segments: impl Iterator<Item = (usize, Arc<Ids>, Arc<Bitmap>)>) -> Self {
        let mut targets = Self { segments: Vec::new(), starts: vec![0] };
        let mut count = 0;
        for (number, ids, rows) in segments {
            count += rows.count();
            targets.starts.push(u32::try_from(count).expect("rows are numbered in 32 bits"));
            targets.segments.push(Chosen { number, ids, rows, offsets: OnceLock::new() });
        }
        targets
    }

    /// How many devices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts[self.segments.len()] as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The id of the device at `position`.
    ///
    /// # Panics
    ///
    /// If there are fewer devices.
    #[must_use]
    pub fn id(&self, position: u32) -> &str {
        let (segment, place) = self.place(position);
        segment.ids.get(segment.offsets().get(place))
    }

    /// Adds the ids at `positions` to `text`, and after each where it ends there to `ends`.
    ///
    /// Cost: a copy of the text where neighbours have neighbouring rows, as in large jobs.
    ///
    /// # Panics
    ///
    /// If there are fewer devices, or the text had more than 2 GiB then.
    pub fn gather_ids(&self, positions: Range<u32>, text: &mut String, ends: &mut Vec<i32>) {
        let end = |length: usize| i32::try_from(length).expect("the ids fit 2 GiB");
        for (at, places) in self.parts(positions) {
            let segment = &self.segments[at];
            let offsets = segment.offsets();
            let beside = match offsets {
                Offsets::Run(first) => {
                    segment.ids.side_by_side(first + places.start..first + places.end)
                }
                Offsets::List(_) => None,
            };
            if let Some((ids, starts)) = beside {
                let before = end(text.len());
                text.push_str(ids);
                end(text.len()); // so that the sums below do not overflow
                ends.extend(starts[1..].iter().map(|next| before + (next - starts[0])));
                continue;
            }
            for place in places {
                text.push_str(segment.ids.get(offsets.get(place)));
                ends.push(end(text.len()));
            }
        }
    }

    /// The row of the device at `position`.
    ///
    /// # Panics
    ///
    /// If there are fewer devices.
    #[must_use]
    pub fn row(&self, position: u32) -> Row {
        let (segment, place) = self.place(position);
        Row::new(segment.number, segment.offsets().get(place))
    }

    /// The position of a row, if the job works on it.
    #[must_use]
    pub fn position(&self, row: Row) -> Option<u32> {
        let number = |segment: &Chosen| segment.number;
        let at = self.segments.binary_search_by_key(&row.segment(), number).ok()?;
        let place = self.segments[at].offsets().place(row.offset())?;
        let place = u32::try_from(place).ok().filter(|place| *place < self.count(at))?;
        Some(self.starts[at] + place)
    }

    /// The rows of some positions as bitmaps with the numbers of their segments. Those of whole
    /// segments are shared.
    #[must_use]
    pub fn bitmaps(&self, positions: Range<u32>) -> Vec<(usize, Arc<Bitmap>)> {
        let bitmap = |(at, places): (usize, Range<usize>)| {
            let segment = &self.segments[at];
            if places.len() == self.count(at) as usize {
                return (segment.number, Arc::clone(&segment.rows));
            }
            let mut rows = Bitmap::zeros();
            places.for_each(|place| rows.insert(segment.offsets().get(place)));
            (segment.number, Arc::new(rows))
        };
        self.parts(positions).map(bitmap).collect()
    }

    /// Ends of pieces that are about as much work as `segments` whole segments, the last being the
    /// length.
    #[must_use]
    pub fn chunk_ends(&self, segments: usize) -> Vec<u32> {
        let most = segments * SEGMENT_ROWS;
        let mut ends = Vec::new();
        let mut weight = 0;
        for at in 0..self.segments.len() {
            let more = LEAST_WEIGHT.max(self.count(at) as usize);
            if weight > 0 && weight + more > most {
                ends.push(self.starts[at]);
                weight = 0;
            }
            weight += more;
        }
        if !self.is_empty() {
            ends.push(self.starts[self.segments.len()]);
        }
        ends
    }

    /// How many targets the segment at a place has.
    fn count(&self, at: usize) -> u32 {
        self.starts[at + 1] - self.starts[at]
    }

    /// The segment of a position, and its place there.
    fn place(&self, position: u32) -> (&Chosen, usize) {
        let at = self.segment_of(position);
        (&self.segments[at], (position - self.starts[at]) as usize)
    }

    fn segment_of(&self, position: u32) -> usize {
        self.starts.partition_point(|start| *start <= position) - 1
    }

    /// The segments of some positions, each with the places that these have there.
    fn parts(&self, positions: Range<u32>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let segments = match positions.is_empty() {
            true => 0..0,
            false => self.segment_of(positions.start)..self.segments.len(),
        };
        let within = positions.clone();
        segments.take_while(move |at| self.starts[*at] < positions.end).map(move |at| {
            let (start, end) = (self.starts[at], self.starts[at + 1]);
            let places = within.start.max(start) - start..within.end.min(end) - start;
            (at, places.start as usize..places.end as usize)
        })
    }
}

impl Chosen {
    fn offsets(&self) -> &Offsets {
        self.offsets.get_or_init(|| Offsets::new(&self.rows))
    }
}

impl Offsets {
    fn new(rows: &Bitmap) -> Self {
        let list: Vec<u16> = rows.iter().map(|offset| offset as u16).collect();
        match list[..] {
            [first, .., last] if usize::from(last - first) + 1 == list.len() => {
                Self::Run(first.into())
            }
            _ => Self::List(list.into()),
        }
    }

    fn get(&self, place: usize) -> usize {
        match self {
            Self::Run(first) => first + place,
            Self::List(list) => list[place].into(),
        }
    }

    /// Where an offset stands. A run does not know its end.
    fn place(&self, offset: usize) -> Option<usize> {
        match self {
            Self::Run(first) => offset.checked_sub(*first),
            Self::List(list) => list.binary_search(&u16::try_from(offset).ok()?).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn targets(segments: &[(usize, Vec<u16>)]) -> (Targets, Vec<Row>) {
        let mut rows = Vec::new();
        let chosen = segments.iter().map(|(number, offsets)| {
            let mut bitmap = Bitmap::zeros();
            offsets.iter().for_each(|offset| bitmap.insert((*offset).into()));
            rows.extend(bitmap.iter().map(|offset| Row::new(*number, offset)));
            (*number, Arc::new(ids(*number)), Arc::new(bitmap))
        });
        let targets = Targets::new(chosen.collect::<Vec<_>>().into_iter());
        (targets, rows)
    }

    const ROWS: u16 = 3000;

    fn id(row: Row) -> String {
        format!("{}-{}", row.segment(), row.offset())
    }

    /// Some of an import, some created later.
    fn ids(number: usize) -> Ids {
        let all: Vec<String> =
            (0..usize::from(ROWS)).map(|offset| id(Row::new(number, offset))).collect();
        Ids::for_tests(&all[..2000], &all[2000..])
    }

    fn offsets() -> impl Strategy<Value = Vec<u16>> {
        let some = proptest::collection::vec(0..ROWS, 1..50);
        prop_oneof![
            some,
            (0..ROWS, 1..ROWS)
                .prop_map(|(first, length)| { (first..ROWS.min(first + length)).collect() })
        ]
    }

    proptest! {
        #[test]
        fn positions_rows_and_ids_belong_together(
            segments in proptest::collection::btree_map(0..9_usize, offsets(), 0..5),
            from in 0..9000_usize,
            length in 0..9000_usize,
        ) {
            let (targets, rows) = targets(&segments.into_iter().collect::<Vec<_>>());
            prop_assert_eq!((targets.len(), targets.is_empty()), (rows.len(), rows.is_empty()));
            for (position, row) in (0..).zip(&rows) {
                prop_assert_eq!(targets.row(position), *row);
                prop_assert_eq!(targets.id(position), id(*row));
                prop_assert_eq!(targets.position(*row), Some(position));
            }
            for number in 0..10 {
                for offset in (0..usize::from(ROWS)).step_by(7) {
                    let row = Row::new(number, offset);
                    let known = rows.binary_search(&row).ok().map(|place| place as u32);
                    prop_assert_eq!(targets.position(row), known);
                }
            }
            let from = from.min(rows.len());
            let range = from..rows.len().min(from + length);
            let some = &rows[range.clone()];
            let range = range.start as u32..range.end as u32;

            let (mut text, mut ends) = ("x".to_owned(), vec![1]);
            targets.gather_ids(range.clone(), &mut text, &mut ends);
            let gathered: Vec<&str> =
                ends.windows(2).map(|ends| &text[ends[0] as usize..ends[1] as usize]).collect();
            prop_assert_eq!(gathered, some.iter().map(|row| id(*row)).collect::<Vec<_>>());

            let bitmaps = targets.bitmaps(range);
            prop_assert!(bitmaps.iter().all(|(_, rows)| !rows.is_empty()));
            let listed = bitmaps.iter().flat_map(|(number, rows)| {
                rows.iter().map(|offset| Row::new(*number, offset))
            });
            prop_assert!(listed.eq(some.iter().copied()));
        }

        #[test]
        fn pieces_are_whole_segments_and_not_too_much_work(
            counts in proptest::collection::vec(1..3000_u16, 0..40),
            segments in 1..4_usize,
        ) {
            let chosen = counts.iter().enumerate().map(|(number, count)| (number, (0..*count).collect()));
            let (targets, rows) = targets(&chosen.collect::<Vec<_>>());
            let ends = targets.chunk_ends(segments);
            prop_assert!(ends.is_sorted_by(|left, right| left < right));
            prop_assert_eq!(ends.last().map_or(0, |end| *end as usize), rows.len());
            let mut start = 0;
            for end in ends {
                let piece = targets.bitmaps(start..end);
                // None has more than 3,000 rows, so all weigh the same.
                prop_assert!(piece.len() <= segments * 8);
                let all = piece.iter().map(|(number, _)| usize::from(counts[*number])).sum::<usize>();
                prop_assert_eq!(all, (end - start) as usize, "whole segments");
                start = end;
            }
        }
    }
}
