//! How a condition is answered: its parts as they were written, what each costs and matches.

use std::fmt;

use serde_json::{Value, json};

use super::advice::Advice;
use super::scan::count;
use super::test::value_at;
use crate::plan::{Node, Outline, Part, Plan, Slot, Truth, outline};
use crate::query::ast::{Condition, ExprKind, Literal};
use crate::store::{SegmentView, Store, View};

/// How many rows are looked at to estimate how many a test matches.
const SAMPLE: usize = 2048;
/// Longer texts are cut in explanations.
const TEXT_CHARS: usize = 72;
/// Longer lists of constants are counted in explanations.
const LIST_ITEMS: usize = 8;

/// How a condition is answered, part by part, with estimated and actual matches.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The condition.
    pub condition: String,
    /// How many devices match.
    pub matched: usize,
    /// How many devices there are.
    pub total: usize,
    /// The tree of tests as it was written, a node before its parts, and parts in the order in
    /// which they run.
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
    /// How: the kind of kernel or look-up, or that no row is looked at.
    pub method: String,
    /// How many devices a sample makes expect.
    pub estimated: usize,
    /// How many devices match this step alone.
    pub matched: usize,
    /// Why it matches no device, as far as that is known, and what was probably meant.
    pub hints: Vec<String>,
}

/// Explains how `condition` is answered.
///
/// Cost: that of answering each of its parts alone, and a look at all values of the paths whose
/// tests match nothing.
#[must_use]
pub fn explain(store: &Store, condition: &Condition) -> Explanation {
    let outline = outline(condition, store.paths());
    let view = store.view(&outline.keys);
    let mut advice = Advice::new(store, &view);
    let mut steps = Vec::new();
    walk(&outline.root, 0, false, &mut |part, depth, is_decided| {
        let plan = Plan { keys: outline.keys.clone(), root: part.node() };
        let matched = count(store, &view, &plan.root);
        let hints = match part {
            Part::Leaf(leaf) if matched == 0 || leaf.is_decided() => advice.on_fleet(leaf),
            _ => Vec::new(),
        };
        steps.push(Step {
            depth,
            text: text_of(part),
            method: method_of(part, &plan.root, is_decided, &view),
            estimated: estimate(&plan.root, &view),
            matched,
            hints,
        });
    });
    Explanation {
        condition: condition.text.to_string(),
        matched: steps.first().map_or(0, |step| step.matched),
        total: view.living(),
        columns: columns(store, &outline, &view),
        steps,
    }
}

/// The columns that are read; none if no row is looked at.
fn columns(store: &Store, outline: &Outline<'_>, view: &View) -> Vec<(String, String, usize)> {
    if matches!(outline.root.node(), Node::Constant(_)) {
        return Vec::new();
    }
    let columns = outline.keys.iter().enumerate().map(|(place, key)| {
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
    columns.collect()
}

/// Visits `part` and all that is in it; the flag says whether what is around was decided before
/// the scan.
pub(super) fn walk<'a, 'p>(
    part: &'p Part<'a>,
    depth: usize,
    is_decided: bool,
    visit: &mut impl FnMut(&'p Part<'a>, usize, bool),
) {
    visit(part, depth, is_decided);
    let is_decided = is_decided || matches!(part.node(), Node::Constant(_));
    part.parts().iter().for_each(|inner| walk(inner, depth + 1, is_decided, visit));
}

pub(super) fn text_of(part: &Part<'_>) -> String {
    let text = match part {
        Part::All => "*".to_owned(),
        Part::Not(_) => "NOT".to_owned(),
        Part::And(_) => "AND".to_owned(),
        Part::Or(_) => "OR".to_owned(),
        Part::Leaf(leaf) => match &leaf.expr.kind {
            ExprKind::In { negated, value, list } if list.len() > LIST_ITEMS => {
                let word = if *negated { "NIN" } else { "IN" };
                format!("{value} {word} [{} constants]", list.len())
            }
            _ => leaf.expr.to_string(),
        },
    };
    match text.char_indices().nth(TEXT_CHARS) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text,
    }
}

fn method_of(part: &Part<'_>, node: &Node, is_decided: bool, view: &View) -> String {
    let look_ups = |list: &[Literal]| match list.len() {
        1 => "1 look-up in the index".to_owned(),
        ids => format!("{ids} look-ups in the index"),
    };
    match node {
        Node::Constant(_) => "decided before the scan".to_owned(),
        _ if is_decided => "not run: what it is in was decided before the scan".to_owned(),
        // Also where only one of its parts is left to be run.
        _ if !matches!(part, Part::Leaf(_)) => "combine bitmaps".to_owned(),
        Node::Ids(list, _) => look_ups(list),
        // `deviceId != 'a'` is one test, though it runs as two.
        Node::Not(inner) => match &**inner {
            Node::Ids(list, _) => look_ups(list),
            _ => "combine bitmaps".to_owned(),
        },
        Node::And(_) | Node::Or(_) => "combine bitmaps".to_owned(),
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
pub(super) fn truth_at(node: &Node, segment: &SegmentView, offset: usize) -> Truth {
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

impl Explanation {
    /// The explanation as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            json!({
                "depth": step.depth, "text": step.text, "method": step.method,
                "estimated": step.estimated, "matched": step.matched, "hints": step.hints,
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
            write_hints(f, step.depth, &step.hints)?;
        }
        for (path, encoding, bytes) in &self.columns {
            writeln!(f, "  reads {path}: {encoding}, {bytes} bytes")?;
        }
        Ok(())
    }
}

/// Hints stand below their step, a level deeper.
pub(super) fn write_hints(
    f: &mut fmt::Formatter<'_>,
    depth: usize,
    hints: &[String],
) -> fmt::Result {
    hints.iter().try_for_each(|hint| writeln!(f, "    {}hint: {hint}", "  ".repeat(depth)))
}
