//! How a condition is answered, and why one device does or does not match.

use std::fmt;

use serde_json::{Value, json};

use super::scan::{count, value_at};
use crate::plan::{Node, Plan, Predicate, Slot, Test, Truth};
use crate::query::ast::Literal;
use crate::store::{Row, SegmentView, Store, View};

/// How many rows are looked at to estimate how many a test matches.
const SAMPLE: usize = 2048;
/// Longer texts, such as lists of ten thousand ids, are cut in explanations.
const TEXT_CHARS: usize = 72;

/// The plan of a condition, step by step, with estimated and actual matches.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The condition.
    pub condition: String,
    /// How many devices match.
    pub matched: usize,
    /// How many devices there are.
    pub total: usize,
    /// The tree of tests, a node before its parts, in the order in which they run.
    pub steps: Vec<Step>,
    /// The columns that are read: path, encodings, bytes.
    pub columns: Vec<(String, String, usize)>,
}

/// One node of the tree of tests.
#[derive(Debug, Clone)]
pub struct Step {
    /// How deep it stands; 0 for the root.
    pub depth: usize,
    /// What is tested.
    pub text: String,
    /// How: the kind of kernel or look-up.
    pub method: String,
    /// How many devices a sample makes expect.
    pub estimated: usize,
    /// How many devices match this step alone.
    pub matched: usize,
}

/// Why one device does or does not match.
#[derive(Debug, Clone)]
pub struct DeviceExplanation {
    /// The id of the device.
    pub device_id: String,
    /// The condition.
    pub condition: String,
    /// Whether it matches.
    pub matches: bool,
    /// The tree of tests, a node before its parts.
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
}

/// Explains how `plan` runs.
#[must_use]
pub fn explain(store: &Store, condition: &str, plan: &Plan) -> Explanation {
    let view = store.view(&plan.keys);
    let mut steps = Vec::new();
    walk(&plan.root, 0, &mut |node, depth| {
        steps.push(Step {
            depth,
            text: text_of(node),
            method: method_of(node, &view),
            estimated: estimate(node, &view),
            matched: count(store, plan, &view, node),
        });
    });
    let columns = plan.keys.iter().enumerate().map(|(place, key)| {
        let held = view.segments().iter().filter_map(|segment| segment.columns[place].as_deref());
        let (mut encodings, mut bytes) = (Vec::new(), 0);
        for column in held {
            bytes += column.heap_bytes();
            if !encodings.contains(&column.encoding()) {
                encodings.push(column.encoding());
            }
        }
        (store.paths().display(key.path), encodings.join("; "), bytes)
    });
    Explanation {
        condition: condition.to_owned(),
        matched: steps.first().map_or(0, |step| step.matched),
        total: view.living(),
        columns: columns.collect(),
        steps,
    }
}

/// Explains why the device at `row` does or does not match; `None` if it is gone.
#[must_use]
pub fn explain_device(
    store: &Store,
    condition: &str,
    plan: &Plan,
    row: Row,
) -> Option<DeviceExplanation> {
    let view = store.view(&plan.keys);
    let segment = view.segments().get(row.segment())?;
    if !segment.live.contains(row.offset()) {
        return None;
    }
    let mut steps = Vec::new();
    walk(&plan.root, 0, &mut |node, depth| {
        let values = match node {
            Node::Test(test) => values_of(store, plan, test, segment, row.offset()),
            _ => Vec::new(),
        };
        let truth = truth_at(node, segment, row.offset());
        steps.push(DeviceStep { depth, text: text_of(node), truth, values });
    });
    Some(DeviceExplanation {
        device_id: view.id(row).to_owned(),
        condition: condition.to_owned(),
        matches: steps.first().is_some_and(|step| step.truth == Truth::True),
        steps,
    })
}

fn walk<'a>(node: &'a Node, depth: usize, visit: &mut impl FnMut(&'a Node, usize)) {
    visit(node, depth);
    match node {
        Node::Not(inner) => walk(inner, depth + 1, visit),
        Node::And(parts) | Node::Or(parts) => {
            parts.iter().for_each(|part| walk(part, depth + 1, visit));
        }
        Node::Constant(_) | Node::Ids(..) | Node::Test(_) => {}
    }
}

fn text_of(node: &Node) -> String {
    let text = match node {
        Node::Constant(Truth::True) => "true".to_owned(),
        Node::Constant(Truth::False) => "false".to_owned(),
        Node::Constant(Truth::Undefined) => "undefined".to_owned(),
        Node::Ids(list, expr) if list.len() <= 4 => expr.to_string(),
        Node::Ids(list, _) => format!("deviceId IN [{} ids]", list.len()),
        Node::Test(test) => match &test.predicate {
            Predicate::In(negated, list) if list.list().len() > 8 => {
                let word = if *negated { "NIN" } else { "IN" };
                format!("{word} list of {} constants", list.list().len())
            }
            _ => test.expr.to_string(),
        },
        Node::Not(_) => "NOT".to_owned(),
        Node::And(_) => "AND".to_owned(),
        Node::Or(_) => "OR".to_owned(),
    };
    match text.char_indices().nth(TEXT_CHARS) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text,
    }
}

fn method_of(node: &Node, view: &View) -> String {
    match node {
        Node::Constant(_) => "decided before the scan".to_owned(),
        Node::Ids(list, _) => format!("{} look-ups in the index", list.len()),
        Node::Not(_) | Node::And(_) | Node::Or(_) => "combine bitmaps".to_owned(),
        Node::Test(test) => match &*test.slots {
            [Slot::Column(place)] => {
                let mut encodings: Vec<&str> = view
                    .segments()
                    .iter()
                    .map(|segment| {
                        segment.columns[*place]
                            .as_ref()
                            .map_or("absent", |column| column.encoding())
                    })
                    .collect();
                encodings.sort_unstable();
                encodings.dedup();
                format!("scan {}", encodings.join("; "))
            }
            [_] => "row by row".to_owned(),
            slots => format!("row by row over {} columns", slots.len()),
        },
    }
}

fn estimate(node: &Node, view: &View) -> usize {
    if let Node::Ids(list, _) = node {
        return list.len().min(view.living());
    }
    let rows: usize = view.segments().iter().map(|segment| segment.ids.len()).sum();
    let stride = rows.div_ceil(SAMPLE).max(1);
    let (mut seen, mut matched) = (0, 0);
    for segment in view.segments() {
        for offset in (0..segment.ids.len()).step_by(stride) {
            if segment.live.contains(offset) {
                seen += 1;
                matched += usize::from(truth_at(node, segment, offset) == Truth::True);
            }
        }
    }
    (matched * view.living()).checked_div(seen).unwrap_or(0)
}

/// The truth of a node for one row, without any kernel.
fn truth_at(node: &Node, segment: &SegmentView, offset: usize) -> Truth {
    match node {
        Node::Constant(truth) => *truth,
        Node::Ids(list, _) => Truth::from(list.iter().any(
            |literal| matches!(literal, Literal::Str(id) if **id == *segment.ids.get(offset)),
        )),
        Node::Test(test) => test.truth_of(&|slot| value_at(segment, test.slots[slot], offset)),
        Node::Not(inner) => truth_at(inner, segment, offset).negate(),
        Node::And(parts) => {
            parts.iter().fold(Truth::True, |all, part| all.and(truth_at(part, segment, offset)))
        }
        Node::Or(parts) => {
            parts.iter().fold(Truth::False, |any, part| any.or(truth_at(part, segment, offset)))
        }
    }
}

fn values_of(
    store: &Store,
    plan: &Plan,
    test: &Test,
    segment: &SegmentView,
    offset: usize,
) -> Vec<(String, Option<Value>)> {
    let name = |slot: Slot| match slot {
        Slot::Column(place) => store.paths().display(plan.keys[place].path),
        Slot::DeviceId => "deviceId".to_owned(),
        Slot::Etag(..) => "etag".to_owned(),
        Slot::Absent => "a path that no twin has".to_owned(),
    };
    let value = |slot| value_at(segment, slot, offset).map(|value| value.to_json());
    test.slots.iter().map(|slot| (name(*slot), value(*slot))).collect()
}

impl Explanation {
    /// The explanation as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            json!({
                "depth": step.depth, "text": step.text, "method": step.method,
                "estimated": step.estimated, "matched": step.matched,
            })
        });
        let columns = self.columns.iter().map(
            |(path, encoding, bytes)| json!({ "path": path, "encoding": encoding, "bytes": bytes }),
        );
        json!({
            "condition": self.condition, "matched": self.matched, "total": self.total,
            "steps": steps.collect::<Vec<_>>(), "columns": columns.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} devices match", self.matched, self.total)?;
        let texts: Vec<String> = self
            .steps
            .iter()
            .map(|step| format!("{}{}", "  ".repeat(step.depth), step.text))
            .collect();
        let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
        writeln!(f, "  {:width$}  {:>11}  {:>11}  how", "step", "estimated", "matched")?;
        for (text, step) in texts.iter().zip(&self.steps) {
            writeln!(
                f,
                "  {text:width$}  {:>11}  {:>11}  {}",
                step.estimated, step.matched, step.method
            )?;
        }
        for (path, encoding, bytes) in &self.columns {
            writeln!(f, "  reads {path}: {encoding}, {bytes} bytes")?;
        }
        Ok(())
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
                "depth": step.depth, "text": step.text, "truth": word(step.truth),
                "values": values.collect::<Vec<_>>(),
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
            write!(f, "  {}{}: {}", "  ".repeat(step.depth), step.text, word(step.truth))?;
            for (path, value) in &step.values {
                match value {
                    Some(value) => write!(f, "; {path} is {value}")?,
                    None => write!(f, "; {path} is undefined")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::Undefined => "undefined",
        Truth::True => "true",
        Truth::False => "false",
    }
}
