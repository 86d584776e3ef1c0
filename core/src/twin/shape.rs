//! The shapes of the lines that were read before, so that the next one is compared, not parsed.
//!
//! Twins of a fleet have the same keys in the same order, so all that differs from line to line
//! are values. A shape is a line without its values: the texts between them, and what to do with
//! each value. A line that has these texts is read by taking them as they are and reading the
//! values by the very functions that the careful reader calls there; so it is accepted if, and
//! only if, that reader accepts it. A line that has no known shape, or a value that is wrong, is
//! read by the careful reader from the start.

use super::document::{FlatTwin, Stamp};
use super::fixed::Head;
use super::path::{PathId, Section};
use super::scalar::Scalar;
use super::size::SectionSizes;
use super::text::starts_with;
use super::walk::Walk;
use crate::error::Result;

/// Texts and steps that are kept; fleets with more shapes than fit begin anew when it is full.
const NODES_MAX: usize = 1 << 12;
const TEXT_MAX: usize = 1 << 18;
/// Lines that may be learned without a line that was read by what was learned.
const LESSONS: usize = 32;
/// Lines that may have no known shape, beyond one for four that have. Where more have none, shapes
/// change too often: most lines would be read nearly to their end, and then once more.
const MISSES: usize = 256;

/// What is read where the text of a shape has a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A fixed field.
    Field(PathId),
    /// A value of a section, at a level below it.
    Value(PathId, usize, Section),
    /// `$version` of a section.
    Version(PathId),
    /// `$lastUpdated` of a place.
    Updated(PathId),
    /// `$lastUpdatedVersion` of a place, right behind its `$lastUpdated`.
    UpdatedVersion(PathId),
    /// The end of the line.
    End,
}

/// One step of a line that is read carefully.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) step: Step,
    /// Where the value stands in the line.
    pub(super) start: usize,
    pub(super) end: usize,
    /// The cells before the value, and with it.
    pub(super) cells_before: usize,
    pub(super) cells_after: usize,
    /// What the value adds to the size of its section.
    pub(super) size: u64,
}

/// The known shapes, as a tree: lines that begin alike share their beginning.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    nodes: Vec<Node>,
    text: Vec<u8>,
    /// Cells that are part of a text, and whether they are null. Those that are not are objects.
    cells: Vec<(PathId, bool)>,
    lessons: usize,
    hits: usize,
    misses: usize,
}

/// A text, and what is read behind it.
#[derive(Debug)]
struct Node {
    text: (usize, usize),
    /// The cells that stand in the text.
    cells: (usize, usize),
    step: Step,
    /// The value of a fixed field where the shape was learned, as text. Many fields hardly ever
    /// change, and what was found to be right once need not be checked again.
    value: (usize, usize),
    /// At the end of a line, what the keys add to the sizes of the sections.
    sizes: SectionSizes,
    /// The first node of what may follow, and another one for the same place.
    next: Option<usize>,
    other: Option<usize>,
}

impl Shapes {
    /// Whether it is worth while to look for the shape of a line.
    pub(super) fn are_of_use(&self) -> bool {
        self.misses < MISSES + self.hits / 4
    }

    /// Whether the shape of a line that has no known one should be learned.
    pub(super) fn wants_more(&self) -> bool {
        self.lessons < LESSONS + self.hits / 8 && self.are_of_use()
    }

    /// Learns the shape of `line`, which was read carefully as `twin`.
    pub(super) fn learn(&mut self, line: &[u8], notes: &[Note], twin: &FlatTwin<'_>) {
        self.lessons += 1;
        if !stamps_in_order(notes, &twin.stamps) {
            return;
        }
        if self.nodes.len() + notes.len() > NODES_MAX || self.text.len() + line.len() > TEXT_MAX {
            let Self { lessons, hits, misses, .. } = *self;
            *self = Self { lessons, hits, misses, ..Self::default() };
        }
        let mut sizes = twin.sizes;
        for note in notes {
            if let Step::Value(_, _, section) = note.step
                && section != Section::Fixed
            {
                sizes.set(section, sizes.of(section) - note.size);
            }
        }
        let mut parent = None;
        let (mut text, mut cell) = (0, 0);
        for note in notes {
            let cells = &twin.cells[cell..note.cells_before];
            let node = self.child(parent, note.step, &line[text..note.start], cells);
            // The id is no cell, and no other device has it.
            if matches!(note.step, Step::Field(path) if path != PathId::DEVICE_ID) {
                self.remember(node, &line[note.start..note.end]);
            }
            parent = Some(node);
            (text, cell) = (note.end, note.cells_after);
        }
        let end = self.child(parent, Step::End, &line[text..], &twin.cells[cell..]);
        self.nodes[end].sizes = sizes;
    }

    /// The node for `step` after `text`, made if there is none.
    fn child(
        &mut self,
        parent: Option<usize>,
        step: Step,
        text: &[u8],
        cells: &[(PathId, Scalar<'_>)],
    ) -> usize {
        let mut last = None;
        let mut next = self.first(parent);
        while let Some(at) = next {
            let node = &self.nodes[at];
            // What the text means depends on what comes before, which is the same; so the cells
            // and the step are the same, too, unless the step is for a value of another kind.
            if node.step == step && self.text[node.text.0..node.text.1] == *text {
                return at;
            }
            (last, next) = (Some(at), node.other);
        }
        let (text_start, cells_start) = (self.text.len(), self.cells.len());
        self.text.extend_from_slice(text);
        self.cells.extend(cells.iter().map(|(path, value)| (*path, *value == Scalar::Null)));
        let made = self.nodes.len();
        self.nodes.push(Node {
            text: (text_start, self.text.len()),
            cells: (cells_start, self.cells.len()),
            step,
            value: (0, 0),
            sizes: SectionSizes::default(),
            next: None,
            other: None,
        });
        match (last, parent) {
            (Some(last), _) => self.nodes[last].other = Some(made),
            (None, Some(parent)) => self.nodes[parent].next = Some(made),
            // The first node of all is the first of the tree.
            (None, None) => {}
        }
        made
    }

    /// Keeps the text of a fixed field, if it is a string without escapes.
    fn remember(&mut self, node: usize, value: &[u8]) {
        let (start, end) = self.nodes[node].value;
        let is_known = self.text[start..end] == *value;
        if !is_known && value.starts_with(b"\"") && !value.contains(&b'\\') {
            let start = self.text.len();
            self.text.extend_from_slice(value);
            self.nodes[node].value = (start, self.text.len());
        }
    }

    fn first(&self, parent: Option<usize>) -> Option<usize> {
        match parent {
            Some(parent) => self.nodes[parent].next,
            None => (!self.nodes.is_empty()).then_some(0),
        }
    }

    /// Among `at` and the nodes for the same place, the one whose text stands at the start of
    /// `rest`.
    #[inline]
    fn matching(&self, mut at: Option<usize>, rest: &[u8]) -> Option<&Node> {
        loop {
            let node = &self.nodes[at?];
            let text = &self.text[node.text.0..node.text.1];
            if starts_with(rest, text) {
                let next = rest.get(text.len());
                let fits = match node.step {
                    Step::End => next.is_none(),
                    // What begins otherwise is part of a text: objects, nulls, white space.
                    _ => matches!(next, Some(b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'[')),
                };
                if fits {
                    return Some(node);
                }
            }
            at = node.other;
        }
    }
}

/// Whether the stamps were met in their order, and each version right behind its time.
fn stamps_in_order(notes: &[Note], stamps: &[Stamp]) -> bool {
    let mut stamps = stamps.iter();
    let mut last = None;
    for note in notes {
        last = match note.step {
            Step::Updated(path) if stamps.next().is_some_and(|stamp| stamp.path == path) => {
                Some(path)
            }
            Step::UpdatedVersion(path) if last == Some(path) => None,
            Step::Updated(_) | Step::UpdatedVersion(_) => return false,
            _ => None,
        };
    }
    stamps.next().is_none()
}

impl<'a> Walk<'_, 'a> {
    /// Reads a whole twin by its shape, into the memory of another; false if it has no known one,
    /// or a value that is wrong.
    pub(super) fn twin_by(&mut self, shapes: &mut Shapes, twin: &mut FlatTwin<'a>) -> bool {
        self.reuse(twin);
        let mut head = Head::default();
        let is_read = self.follow(shapes, &mut head).is_ok_and(|is_known| is_known)
            && self.finish(head, twin).is_ok();
        if is_read {
            shapes.hits += 1;
        } else {
            shapes.misses += 1;
            self.give_back(twin);
        }
        is_read
    }

    fn follow(&mut self, shapes: &Shapes, head: &mut Head<'a>) -> Result<bool> {
        let mut sizes = SectionSizes::default();
        let mut at = shapes.first(None);
        loop {
            let Some(node) = shapes.matching(at, self.scan.rest()) else { return Ok(false) };
            self.scan.pass(node.text.1 - node.text.0);
            for (path, is_null) in &shapes.cells[node.cells.0..node.cells.1] {
                self.cells.push((*path, if *is_null { Scalar::Null } else { Scalar::Object }));
            }
            match node.step {
                Step::Field(path) => {
                    let value = &shapes.text[node.value.0..node.value.1];
                    match self.scan.same_string(value) {
                        Some(text) => self.cells.push((path, Scalar::Str(text.into()))),
                        None => self.field(path, head)?,
                    }
                }
                Step::Value(path, level, section) => {
                    let size = self.value_in(section, path, level)?.unwrap_or(0);
                    sizes.set(section, sizes.of(section) + size);
                }
                Step::Version(root) => self.section_version(root)?,
                Step::Updated(path) => {
                    let updated = self.stamp_time(path)?;
                    self.stamps.push(Stamp { path, updated, version: None });
                }
                Step::UpdatedVersion(path) => {
                    let version = self.stamp_version(path)?;
                    if let Some(stamp) = self.stamps.last_mut() {
                        stamp.version = version;
                    }
                }
                Step::End => {
                    head.sizes = sizes.sum(node.sizes);
                    return Ok(head.sizes.within_limits());
                }
            }
            at = node.next;
        }
    }
}
