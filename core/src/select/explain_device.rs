//! Why one device does or does not match: what each part of the condition says of it.

use std::fmt;

use serde_json::{Map, Value, json};

use super::advice::Advice;
use super::explain::{text_of, truth_at, walk, write_hints};
use super::test::value_at;
use crate::plan::{Part, Read, Truth, Within, element_at, outline};
use crate::query::ast::Condition;
use crate::store::{Row, SegmentView, Store};

/// Why one device does or does not match.
#[derive(Debug, Clone)]
pub struct DeviceExplanation {
    /// The id of the device.
    pub device_id: String,
    /// The condition.
    pub condition: String,
    /// Whether it matches.
    pub matches: bool,
    /// The tree of tests as it was written, a node before its parts, and parts in the order in
    /// which they run.
    pub steps: Vec<DeviceStep>,
}

/// What one node of the tree of tests says of one device.
#[derive(Debug, Clone)]
pub struct DeviceStep {
    /// How deep it stands; 0 for the root.
    pub depth: usize,
    /// What is tested.
    pub text: String,
    /// The answer.
    pub truth: Truth,
    /// The values that were read: path and value, `None` if the device has none.
    pub values: Vec<(String, Option<Value>)>,
    /// Why it is not true, where the values alone do not tell, and what was probably meant.
    pub hints: Vec<String>,
}

/// Explains why the device at `row` does or does not match; `None` if it is gone.
#[must_use]
pub fn explain_device(store: &Store, condition: &Condition, row: Row) -> Option<DeviceExplanation> {
    let outline = outline(condition, store.paths());
    let view = store.view(&outline.keys);
    let segment = view.segments().get(row.segment())?;
    if !segment.live.contains(row.offset()) {
        return None;
    }
    let mut advice = Advice::new(store, &view);
    let mut steps = Vec::new();
    walk(&outline.root, 0, false, &mut |part, depth, _| {
        let truth = truth_at(&part.node(), segment, row.offset());
        let (values, hints) = match part {
            Part::Leaf(leaf) => {
                let reads = leaf.reads.iter();
                let values =
                    reads.map(|read| (read.path.to_string(), value_of(read, segment, row)));
                let hints = if truth == Truth::True && !leaf.is_decided() {
                    Vec::new()
                } else {
                    advice.on_device(leaf, segment, row.offset())
                };
                (values.collect(), hints)
            }
            _ => (Vec::new(), Vec::new()),
        };
        steps.push(DeviceStep { depth, text: text_of(part), truth, values, hints });
    });
    Some(DeviceExplanation {
        device_id: view.id(row).to_owned(),
        condition: condition.text.to_string(),
        matches: steps.first().is_some_and(|step| step.truth == Truth::True),
        steps,
    })
}

fn value_of(read: &Read<'_>, segment: &SegmentView, row: Row) -> Option<Value> {
    let value = value_at(segment, read.slot, row.offset())?;
    match &read.within {
        Within::Whole => Some(value.to_json()),
        Within::Element(tail) => element_at(&value, tail).map(|value| value.to_json()),
        Within::Marker => Some(Value::Object(Map::new())),
    }
}

impl DeviceExplanation {
    /// The explanation as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            let values = step.values.iter().map(
                |(path, value)| json!({ "path": path, "defined": value.is_some(), "value": value }),
            );
            json!({
                "depth": step.depth, "text": step.text, "truth": step.truth.word(),
                "values": values.collect::<Vec<_>>(), "hints": step.hints,
            })
        });
        json!({
            "deviceId": self.device_id, "condition": self.condition, "matches": self.matches,
            "steps": steps.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for DeviceExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.matches { "matches" } else { "does not match" };
        writeln!(f, "{} {verb}", self.device_id)?;
        for step in &self.steps {
            write!(f, "  {}{}: {}", "  ".repeat(step.depth), step.text, step.truth.word())?;
            for (path, value) in &step.values {
                match value {
                    Some(value) => write!(f, "; {path} is {value}")?,
                    None => write!(f, "; {path} is undefined")?,
                }
            }
            writeln!(f)?;
            write_hints(f, step.depth, &step.hints)?;
        }
        Ok(())
    }
}
