//! Objects of twins as JSON text, written straight from the columns.
//!
//! Gives the text of what [`View::subtree`] gives as a tree. A tree of a whole twin takes tens of
//! microseconds to be built and written, nearly all of it for allocations: too much for a fleet.

use std::collections::HashMap;
use std::sync::Arc;

use super::json::{push_scalar, push_text};
use crate::store::{Codes, Column, ColumnKey, Dictionary, Layout, Node, SegmentView};
use crate::twin::{PathId, PathTable};

/// Writing a value of a dictionary for later takes a quarter of looking one up there.
const CODES_A_ROW: usize = 4;

/// How objects of one layout are written.
#[derive(Debug)]
pub(super) struct Writer {
    layout: Layout,
    /// The name of each node as JSON, with its colon.
    names: Vec<String>,
}

impl Writer {
    /// Writes the object at `path`, of the columns at `places` of `keys`.
    pub(super) fn new(
        paths: &PathTable,
        path: PathId,
        keys: &[ColumnKey],
        places: &[usize],
    ) -> Self {
        let layout = Layout::new(&paths.read(), path, keys, places.iter().copied());
        let name = |node: &Node| {
            let mut name = String::new();
            push_text(&node.name, &mut name);
            name.push(':');
            name
        };
        let names = layout.nodes().iter().map(name).collect();
        Self { layout, names }
    }

    fn node(&self, number: usize) -> &Node {
        &self.layout.nodes()[number]
    }

    /// Writes the object of the device at `offset`, or whatever the value at its place is.
    pub(super) fn write(&self, columns: &SegmentColumns<'_>, offset: usize, out: &mut String) {
        self.value(0, columns, offset, out);
    }

    /// Writes a value; false if there is none.
    fn value(
        &self,
        number: usize,
        columns: &SegmentColumns<'_>,
        offset: usize,
        out: &mut String,
    ) -> bool {
        match columns.write(self.node(number).value, offset, out) {
            Written::Nothing => return false,
            Written::Value => {}
            Written::Object => self.members(number, columns, offset, out),
        }
        true
    }

    /// Writes an object. Depth is bounded by the limits of twins.
    fn members(
        &self,
        number: usize,
        columns: &SegmentColumns<'_>,
        offset: usize,
        out: &mut String,
    ) {
        let node = self.node(number);
        let mut members = Members::begin(out);
        for child in &node.children {
            let name = &self.names[*child];
            members.add(name, out, |out| self.value(*child, columns, offset, out));
        }
        if let Some(version) = node.section {
            members.add("\"$metadata\":", out, |out| self.metadata(number, columns, offset, out));
            if let Some(version) = version {
                members.add("\"$version\":", out, |out| self.value(version, columns, offset, out));
            }
        }
        out.push('}');
    }

    /// Writes the metadata of a value; false if there is none.
    fn metadata(
        &self,
        number: usize,
        columns: &SegmentColumns<'_>,
        offset: usize,
        out: &mut String,
    ) -> bool {
        let node = self.node(number);
        let before = out.len();
        let mut members = Members::begin(out);
        let mut stamp = |key, place, out: &mut String| {
            members.add(key, out, |out| columns.write(place, offset, out) != Written::Nothing)
        };
        let is_updated = stamp("\"$lastUpdated\":", node.updated, out);
        let has_version = stamp("\"$lastUpdatedVersion\":", node.updated_version, out);
        if !is_updated && !has_version {
            out.truncate(before);
            return false;
        }
        for child in &node.children {
            if columns.has(self.node(*child).value, offset) {
                let name = &self.names[*child];
                members.add(name, out, |out| self.metadata(*child, columns, offset, out));
            }
        }
        out.push('}');
        true
    }
}

/// The commas of an object.
struct Members {
    is_first: bool,
}

impl Members {
    fn begin(out: &mut String) -> Self {
        out.push('{');
        Self { is_first: true }
    }

    /// Adds a member, unless `write` answers that it has no value.
    fn add(
        &mut self,
        key: &str,
        out: &mut String,
        write: impl FnOnce(&mut String) -> bool,
    ) -> bool {
        let before = out.len();
        if !self.is_first {
            out.push(',');
        }
        out.push_str(key);
        let written = write(out);
        if written {
            self.is_first = false;
        } else {
            out.truncate(before);
        }
        written
    }
}

/// What was written of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Nothing,
    Value,
    /// Nothing yet: its members are to be written.
    Object,
}

/// The texts of the values of dictionaries, for all segments of a query.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// By the address of the dictionary, which the view keeps.
    known: HashMap<usize, Arc<CodeTexts>>,
}

/// The JSON text of each code; an empty one stands for the marker of an object.
#[derive(Debug)]
struct CodeTexts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    /// The texts of a dictionary, written once. It has all codes of the view, which was taken
    /// before: dictionaries only grow.
    fn of(&mut self, dictionary: &Arc<Dictionary>) -> Arc<CodeTexts> {
        let address = Arc::as_ptr(dictionary).cast::<u8>() as usize;
        let write = || {
            let mut texts = CodeTexts { text: String::new(), ends: Vec::new() };
            for value in dictionary.values().iter() {
                push_scalar(value, &mut texts.text);
                texts.ends.push(texts.text.len());
            }
            Arc::new(texts)
        };
        Arc::clone(self.known.entry(address).or_insert_with(write))
    }
}

impl CodeTexts {
    fn get(&self, code: u16) -> &str {
        let code = usize::from(code);
        let start = if code == 0 { 0 } else { self.ends[code - 1] };
        &self.text[start..self.ends[code]]
    }
}

/// The columns of a segment, ready to be written.
pub(super) struct SegmentColumns<'a> {
    columns: Vec<Option<Cell<'a>>>,
}

enum Cell<'a> {
    Column(&'a Column),
    Codes(&'a Codes, Arc<CodeTexts>),
}

impl<'a> SegmentColumns<'a> {
    /// The columns of `segment`, of which `rows` rows will be written.
    pub(super) fn new(segment: &'a SegmentView, rows: usize, texts: &mut Texts) -> Self {
        let columns = segment.columns.iter().map(|column| {
            Some(match column.as_deref()? {
                // For few rows it is not worth to write all that the dictionary has.
                Column::Codes { dictionary, codes }
                    if rows >= dictionary.values().len() / CODES_A_ROW =>
                {
                    Cell::Codes(codes, texts.of(dictionary))
                }
                column => Cell::Column(column),
            })
        });
        Self { columns: columns.collect() }
    }

    fn has(&self, place: Option<usize>, offset: usize) -> bool {
        match place.and_then(|place| self.columns[place].as_ref()) {
            None => false,
            Some(Cell::Codes(codes, _)) => codes.get(offset) != 0,
            Some(Cell::Column(column)) => column.get(offset).is_some(),
        }
    }

    fn write(&self, place: Option<usize>, offset: usize, out: &mut String) -> Written {
        let before = out.len();
        match place.and_then(|place| self.columns[place].as_ref()) {
            None => return Written::Nothing,
            Some(Cell::Codes(codes, texts)) => match codes.get(offset) {
                0 => return Written::Nothing,
                code => out.push_str(texts.get(code)),
            },
            Some(Cell::Column(column)) => match column.get(offset) {
                None => return Written::Nothing,
                Some(value) => push_scalar(&value, out),
            },
        }
        if out.len() == before { Written::Object } else { Written::Value }
    }
}
