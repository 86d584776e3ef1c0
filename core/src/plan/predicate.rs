//! What is tested, and how tests combine.

use std::collections::HashSet;
use std::sync::Arc;

use super::term::{Term, evaluate, same_type};
use super::truth::{Truth, compare, scalar_of};
use crate::query::Text;
use crate::query::ast::{Comparison, Expr, Literal};
use crate::twin::Scalar;

/// A tree of tests.
#[derive(Debug, Clone)]
pub enum Node {
    /// The same for every device.
    Constant(Truth),
    /// True for the devices with these ids, false for all others.
    Ids(Arc<[Literal]>, Expr),
    /// A test of columns.
    Test(Box<Test>),
    /// NOT.
    Not(Box<Node>),
    /// AND of at least two, the cheapest first.
    And(Vec<Node>),
    /// OR of at least two, the cheapest first.
    Or(Vec<Node>),
}

/// A test of the values of one or several columns in one row.
#[derive(Debug, Clone)]
pub struct Test {
    /// What it reads.
    pub slots: Vec<Slot>,
    /// What it asks.
    pub predicate: Predicate,
    /// The text it came from, for explanations.
    pub expr: Expr,
}

/// Where a test finds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// In a column of [`Plan::keys`](super::Plan::keys).
    Column(usize),
    /// The id of the device.
    DeviceId,
    /// The etag: the first column if it has one, else computed from the version in the second.
    Etag(usize, usize),
    /// Nowhere: no twin has this path.
    Absent,
}

/// What a test asks. All but the last ask about the value of the first and only slot.
#[derive(Debug, Clone)]
pub enum Predicate {
    /// A comparison with a constant on the right.
    Compare(Comparison, Literal),
    /// IN, or NIN if the flag is set.
    In(bool, LiteralSet),
    /// IS_DEFINED.
    Defined,
    /// STARTS_WITH a constant.
    Prefix(Text),
    /// Anything else.
    Term(Term),
}

impl Test {
    /// The truth of a test of one slot for `value`.
    #[must_use]
    pub fn truth(&self, value: Option<&Scalar<'_>>) -> Truth {
        match &self.predicate {
            Predicate::Compare(how, literal) => compare(*how, value, scalar_of(literal).as_ref()),
            Predicate::In(false, list) => list.truth(value),
            Predicate::In(true, list) => list.truth(value).negate(),
            Predicate::Defined => Truth::from(value.is_some()),
            Predicate::Prefix(prefix) => match value {
                Some(Scalar::Str(text)) => Truth::from(text.starts_with(&**prefix)),
                _ => Truth::Undefined,
            },
            Predicate::Term(_) => self.truth_of(&|_| value.map(Scalar::borrowed)),
        }
    }

    /// The column and the values of which it must have one, if that is what is asked.
    #[must_use]
    pub fn values(&self) -> Option<(usize, &[Literal])> {
        let [Slot::Column(place)] = *self.slots else { return None };
        match &self.predicate {
            Predicate::Compare(Comparison::Equal, literal) => {
                Some((place, std::slice::from_ref(literal)))
            }
            Predicate::In(false, list) => Some((place, list.list())),
            _ => None,
        }
    }

    /// The one test that is what `tests`, joined by OR, are: all of them ask for
    /// [values](Self::values) of the same column. `None` if there is none.
    #[must_use]
    pub fn any_of(tests: &[&Self]) -> Option<Self> {
        let first = tests.first()?;
        let list: Arc<[Literal]> = tests
            .iter()
            .flat_map(|test| test.values().map_or(&[][..], |(_, values)| values))
            .cloned()
            .collect();
        Some(Self { predicate: Predicate::In(false, LiteralSet::new(&list)), ..(*first).clone() })
    }

    /// The truth of a test for the values of its slots, by their place in [`Test::slots`].
    #[must_use]
    pub fn truth_of<'a>(&'a self, slots: &dyn Fn(usize) -> Option<Scalar<'a>>) -> Truth {
        match &self.predicate {
            Predicate::Term(term) => Truth::of(evaluate(term, slots).as_ref()),
            _ => self.truth(slots(0).as_ref()),
        }
    }
}

/// The constants of an IN list, ready for look-ups.
#[derive(Debug, Clone)]
pub struct LiteralSet {
    list: Arc<[Literal]>,
    strings: Arc<HashSet<Text, foldhash::fast::FixedState>>,
    /// The bits of the numbers; the two zeros are one.
    numbers: Arc<HashSet<u64, foldhash::fast::FixedState>>,
    others: Vec<Literal>,
    has_undefined: bool,
}

impl LiteralSet {
    pub(super) fn new(list: &Arc<[Literal]>) -> Self {
        let mut strings = HashSet::default();
        let mut numbers = HashSet::default();
        let mut others = Vec::new();
        for literal in list.iter() {
            match literal {
                Literal::Str(text) => drop(strings.insert(text.clone())),
                Literal::Number(value) => drop(numbers.insert(number_bits(*value))),
                Literal::Undefined => {}
                other if others.contains(other) => {}
                other => others.push(other.clone()),
            }
        }
        let has_undefined = list.contains(&Literal::Undefined);
        let list = Arc::clone(list);
        Self { list, strings: Arc::new(strings), numbers: Arc::new(numbers), others, has_undefined }
    }

    /// The constants as they were given.
    #[must_use]
    pub fn list(&self) -> &[Literal] {
        &self.list
    }

    /// The truth of `value IN [...]`, which means `value = a OR value = b OR ...`.
    #[must_use]
    pub fn truth(&self, value: Option<&Scalar<'_>>) -> Truth {
        let Some(value) = value else { return Truth::Undefined };
        let found = match value {
            Scalar::Str(text) => self.strings.contains(&**text),
            Scalar::Int(_) | Scalar::Float(_) => {
                value.as_number().is_some_and(|value| self.numbers.contains(&number_bits(value)))
            }
            Scalar::Null | Scalar::Bool(_) => self.others.iter().any(|literal| {
                compare(Comparison::Equal, Some(value), scalar_of(literal).as_ref()) == Truth::True
            }),
            Scalar::Array(_) | Scalar::Object => return Truth::Undefined,
        };
        if found {
            return Truth::True;
        }
        // One constant of another type makes one of the comparisons undefined, and so the OR.
        let all_comparable = !self.has_undefined
            && (self.strings.is_empty() || matches!(value, Scalar::Str(_)))
            && (self.numbers.is_empty() || matches!(value, Scalar::Int(_) | Scalar::Float(_)))
            && self.others.iter().all(|literal| same_type(literal, value));
        if all_comparable { Truth::False } else { Truth::Undefined }
    }
}

fn number_bits(value: f64) -> u64 {
    if value == 0.0 { 0 } else { value.to_bits() }
}
