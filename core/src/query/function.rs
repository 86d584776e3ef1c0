//! The functions of the language by name.

use super::ast::{Aggregate, Function};

/// Canonical name, fewest and most arguments, and how a call looks.
type Signature = (Function, &'static str, usize, usize, &'static str);

#[rustfmt::skip]
const FUNCTIONS: &[Signature] = &[
    (Function::Abs, "ABS", 1, 1, "number"),
    (Function::Exp, "EXP", 1, 1, "number"),
    (Function::Power, "POWER", 2, 2, "base, exponent"),
    (Function::Square, "SQUARE", 1, 1, "number"),
    (Function::Ceiling, "CEILING", 1, 1, "number"),
    (Function::Floor, "FLOOR", 1, 1, "number"),
    (Function::Sign, "SIGN", 1, 1, "number"),
    (Function::Sqrt, "SQRT", 1, 1, "number"),
    (Function::AsNumber, "AS_NUMBER", 1, 1, "text"),
    (Function::IsArray, "IS_ARRAY", 1, 1, "value"),
    (Function::IsBool, "IS_BOOL", 1, 1, "value"),
    (Function::IsDefined, "IS_DEFINED", 1, 1, "path"),
    (Function::IsNull, "IS_NULL", 1, 1, "value"),
    (Function::IsNumber, "IS_NUMBER", 1, 1, "value"),
    (Function::IsObject, "IS_OBJECT", 1, 1, "value"),
    (Function::IsPrimitive, "IS_PRIMITIVE", 1, 1, "value"),
    (Function::IsString, "IS_STRING", 1, 1, "value"),
    (Function::Concat, "CONCAT", 2, usize::MAX, "text, text, ..."),
    (Function::Length, "LENGTH", 1, 1, "text"),
    (Function::Lower, "LOWER", 1, 1, "text"),
    (Function::Upper, "UPPER", 1, 1, "text"),
    (Function::Substring, "SUBSTRING", 2, 3, "text, start[, length]"),
    (Function::IndexOf, "INDEX_OF", 2, 2, "text, part"),
    (Function::StartsWith, "STARTS_WITH", 2, 2, "text, part"),
    (Function::EndsWith, "ENDS_WITH", 2, 2, "text, part"),
    (Function::Contains, "CONTAINS", 2, 2, "text, part"),
    (Function::ArrayContains, "ARRAY_CONTAINS", 2, 2, "array, value"),
];

/// Spellings that are taken besides the canonical ones.
const OTHER_SPELLINGS: &[(&str, Function)] =
    &[("STARTSWITH", Function::StartsWith), ("ENDSWITH", Function::EndsWith)];

const AGGREGATES: &[(Aggregate, &str)] = &[
    (Aggregate::Count, "COUNT"),
    (Aggregate::Avg, "AVG"),
    (Aggregate::Sum, "SUM"),
    (Aggregate::Min, "MIN"),
    (Aggregate::Max, "MAX"),
];

impl Function {
    /// The canonical name, e.g. `STARTS_WITH`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.signature().1
    }

    /// The function called `name` in any letter case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let canonical = FUNCTIONS.iter().map(|(function, known, ..)| (*known, *function));
        let mut all = canonical.chain(OTHER_SPELLINGS.iter().copied());
        all.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, function)| function)
    }

    /// Whether a call may have `count` arguments.
    pub(super) fn takes(self, count: usize) -> bool {
        let (_, _, fewest, most, _) = self.signature();
        (*fewest..=*most).contains(&count)
    }

    /// How a call looks, e.g. `SUBSTRING(text, start[, length])`.
    pub(super) fn usage(self) -> String {
        let (_, name, _, _, arguments) = self.signature();
        format!("{name}({arguments})")
    }

    fn signature(self) -> &'static Signature {
        FUNCTIONS
            .iter()
            .find(|(function, ..)| *function == self)
            .expect("the table holds every function")
    }
}

impl Aggregate {
    /// The name, e.g. `COUNT`.
    #[must_use]
    pub fn name(self) -> &'static str {
        let (_, name) = AGGREGATES
            .iter()
            .find(|(aggregate, _)| *aggregate == self)
            .expect("the table holds every aggregate");
        name
    }

    /// The aggregate called `name` in any letter case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let mut all = AGGREGATES.iter();
        all.find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(aggregate, _)| *aggregate)
    }
}

/// The canonical names of all functions.
pub(super) fn function_names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(_, name, ..)| *name)
}
