//! The types that the values of a path have, and what that means for a test of them.

use std::collections::BTreeSet;

use super::test::value_at;
use crate::plan::{Predicate, Slot};
use crate::query::ast::{Comparison, Literal};
use crate::store::{Column, LinearKind, SegmentView, View};
use crate::twin::Scalar;

/// The types that conditions tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    Array,
    Object,
}

impl Kind {
    pub(super) fn of(value: &Scalar<'_>) -> Self {
        match value {
            Scalar::Null => Self::Null,
            Scalar::Bool(_) => Self::Bool,
            Scalar::Int(_) | Scalar::Float(_) => Self::Number,
            Scalar::Str(_) => Self::Text,
            Scalar::Array(_) => Self::Array,
            Scalar::Object => Self::Object,
        }
    }

    fn of_constant(constant: &Literal) -> Option<Self> {
        match constant {
            Literal::Undefined => None,
            Literal::Null => Some(Self::Null),
            Literal::Bool(_) => Some(Self::Bool),
            Literal::Number(_) => Some(Self::Number),
            Literal::Str(_) => Some(Self::Text),
        }
    }

    fn one(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a Boolean",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }

    fn many(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "Booleans",
            Self::Number => "numbers",
            Self::Text => "texts",
            Self::Array => "arrays",
            Self::Object => "objects",
        }
    }
}

/// Whose values are spoken of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    /// Those of all devices.
    Fleet,
    /// That of one device.
    Device,
}

/// The types that the values of `slot` have now; none if no device has a value there.
///
/// Cost: reads the column once. A dictionary remembers values that no device has any more, so it
/// alone does not tell.
pub(super) fn kinds(view: &View, slot: Slot) -> BTreeSet<Kind> {
    let mut found = BTreeSet::new();
    for segment in view.segments().iter().filter(|segment| segment.living > 0) {
        match slot {
            Slot::Absent => {}
            Slot::DeviceId | Slot::Etag(..) => drop(found.insert(Kind::Text)),
            Slot::Column(place) => {
                if let Some(column) = segment.columns[place].as_deref() {
                    add(column, segment, slot, &mut found);
                }
            }
        }
    }
    found
}

fn add(column: &Column, segment: &SegmentView, slot: Slot, found: &mut BTreeSet<Kind>) {
    let mut living =
        (0..column.len().min(segment.ids.len())).filter(|offset| segment.live.contains(*offset));
    match column {
        Column::Codes { dictionary, codes } => {
            let values = dictionary.values();
            let mut used = vec![false; values.len()];
            living.for_each(|offset| used[usize::from(codes.get(offset))] = true);
            // Code 0 stands for no value.
            let used = values.iter().zip(used).skip(1).filter(|(_, used)| *used);
            found.extend(used.map(|(value, _)| Kind::of(value)));
        }
        Column::Linear(linear) => {
            if living.any(|offset| linear.has(offset)) {
                found.insert(match linear.kind() {
                    LinearKind::Int | LinearKind::Decimal { .. } => Kind::Number,
                    LinearKind::Time { .. } => Kind::Text,
                });
            }
        }
        Column::Constant { .. } | Column::Sparse { .. } | Column::Plain(_) => {
            found.extend(
                living
                    .filter_map(|offset| value_at(segment, slot, offset))
                    .map(|value| Kind::of(&value)),
            );
        }
    }
}

/// Why a test of `path` is true for no value of these types; `None` if it could be.
pub(super) fn mismatch(
    path: &str,
    predicate: &Predicate,
    kinds: &BTreeSet<Kind>,
    whose: Whose,
) -> Option<String> {
    let fits =
        |constant: &Literal| Kind::of_constant(constant).is_some_and(|kind| kinds.contains(&kind));
    let theirs = join(kinds, Kind::one, "or");
    let reason = match predicate {
        _ if kinds.is_empty() => return None,
        Predicate::Compare(_, Literal::Undefined) => {
            return Some(format!("nothing equals undefined; write IS_DEFINED({path})"));
        }
        Predicate::Compare(how, constant) if !fits(constant) => {
            let verb =
                if *how == Comparison::Equal { "never equals" } else { "never compares with" };
            format!("{} {verb} {theirs}{}", named(constant), mended(constant, kinds))
        }
        Predicate::In(_, list) if !list.list().iter().any(fits) => {
            format!("no constant of the list is {theirs}")
        }
        Predicate::Prefix(_) if !kinds.contains(&Kind::Text) => {
            "STARTS_WITH takes a text".to_owned()
        }
        _ => return None,
    };
    Some(match whose {
        Whose::Fleet => {
            format!("values of {path} are {} here; {reason}", join(kinds, Kind::many, "and"))
        }
        Whose::Device => format!("{path} is {theirs}; {reason}"),
    })
}

/// The constant with its type.
fn named(constant: &Literal) -> String {
    match constant {
        Literal::Str(_) => format!("the text {constant}"),
        Literal::Number(_) => format!("the number {constant}"),
        Literal::Bool(_) | Literal::Null | Literal::Undefined => constant.to_string(),
    }
}

/// What to write instead, if that is clear.
fn mended(constant: &Literal, kinds: &BTreeSet<Kind>) -> String {
    let only = |kind| kinds.len() == 1 && kinds.contains(&kind);
    match constant {
        Literal::Str(text) if only(Kind::Number) && is_number(text) => format!(": write {text}"),
        Literal::Str(text) if only(Kind::Bool) && matches!(&**text, "true" | "false") => {
            format!(": write {text}")
        }
        Literal::Number(_) | Literal::Bool(_) if only(Kind::Text) => {
            format!(": write '{constant}'")
        }
        _ if only(Kind::Object) => ": test one of its members".to_owned(),
        _ if only(Kind::Array) => ": test an element, or use ARRAY_CONTAINS".to_owned(),
        _ => String::new(),
    }
}

/// Whether `text` is a number as conditions write it.
fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

fn join(kinds: &BTreeSet<Kind>, word: fn(Kind) -> &'static str, last: &str) -> String {
    let words: Vec<&str> = kinds.iter().map(|kind| word(*kind)).collect();
    match &*words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}
