//! Tests of columns of codes: the dictionary says once what each code means.

use super::mask::Want;
use super::numbers::{Numbers, Sides};
use crate::plan::{Predicate, Term, Test, Truth};
use crate::query::ast::{Comparison, Literal};
use crate::store::Dictionary;
use crate::twin::Scalar;

/// The code of a row without a value.
const ABSENT: u64 = 0;

/// The codes for which `test` is true, and for which it is false, as far as they are wanted.
pub(super) fn sides(test: &Test, dictionary: &Dictionary, want: Want) -> Sides {
    by_look_up(test, dictionary, want).unwrap_or_else(|| by_value(test, dictionary))
}

/// For equalities: a few look-ups, if the dictionary need not be read for the rest.
fn by_look_up(test: &Test, dictionary: &Dictionary, want: Want) -> Option<Sides> {
    match &test.predicate {
        Predicate::Compare(how @ (Comparison::Equal | Comparison::NotEqual), literal) => {
            let negated = *how == Comparison::NotEqual;
            let want = if negated { want.not() } else { want };
            let yes = Numbers::of(equal_codes(literal, dictionary)?)?;
            let no = match literal {
                _ if !want.no() => Numbers::NONE,
                // Values of one type are equal or different; those of others are neither.
                Literal::Str(_) if dictionary.has_only_texts() => yes.others(),
                _ => return None,
            };
            Some(Sides { yes, no }.negated_if(negated))
        }
        Predicate::In(false, list) if want == Want::Yes => {
            let codes = list.list().iter().map(|literal| equal_codes(literal, dictionary));
            let codes: Vec<Vec<u64>> = codes.collect::<Option<_>>()?;
            Some(Sides { yes: Numbers::of(codes.concat())?, no: Numbers::NONE })
        }
        _ => None,
    }
}

/// For any test: each value is looked at once.
fn by_value(test: &Test, dictionary: &Dictionary) -> Sides {
    let (mut yes, mut no) = (Vec::new(), Vec::new());
    let mut add = |code, truth| match truth {
        Truth::True => yes.push(code),
        Truth::False => no.push(code),
        Truth::Undefined => {}
    };
    add(ABSENT, test.truth(None));
    for (code, value) in (1..).zip(&dictionary.values()[1..]) {
        add(code, test.truth(Some(value)));
    }
    let set = |codes| Numbers::of(codes).expect("codes have two bytes, so a table holds them");
    Sides { yes: set(yes), no: set(no) }
}

/// The codes that equal a constant: a number may stand as an integer and as a float.
fn equal_codes(literal: &Literal, dictionary: &Dictionary) -> Option<Vec<u64>> {
    let codes = match literal {
        Literal::Str(text) => [dictionary.code(&Scalar::Str((&**text).into())), None],
        Literal::Bool(value) => [dictionary.code(&Scalar::Bool(*value)), None],
        Literal::Null => [dictionary.code(&Scalar::Null), None],
        Literal::Undefined => [None, None],
        // Zero has two signs, and large integers share doubles: leave those to the values.
        Literal::Number(value) if *value == 0.0 || value.abs() >= 9e15 => return None,
        Literal::Number(value) => {
            #[expect(clippy::cast_possible_truncation, reason = "the size is checked above")]
            let integer = (value.fract() == 0.0).then_some(Scalar::Int(*value as i64));
            [
                dictionary.code(&Scalar::Float(*value)),
                integer.and_then(|integer| dictionary.code(&integer)),
            ]
        }
    };
    Some(codes.into_iter().flatten().map(u64::from).collect())
}

/// A comparison of two columns for equality, if `test` is one; true for `!=`.
pub(super) fn equality_of_two(test: &Test) -> Option<bool> {
    match &test.predicate {
        Predicate::Term(term) if term.is_equality_of_slots() => {
            Some(matches!(term, Term::Compare(Comparison::NotEqual, ..)))
        }
        _ => None,
    }
}

/// For each code of `left` below 256, the code of the same text in `right`, or 0; `None` if one of
/// them has anything but texts, whose equality could be undefined.
pub(super) fn translation(left: &Dictionary, right: &Dictionary) -> Option<Box<[u8; 256]>> {
    if !left.has_only_texts() || !right.has_only_texts() {
        return None;
    }
    let mut table = Box::new([0; 256]);
    for (entry, value) in table.iter_mut().zip(&*left.values()).skip(1) {
        // A code of two bytes does not occur in a column of one.
        *entry = right.code(value).and_then(|code| u8::try_from(code).ok()).unwrap_or(0);
    }
    Some(table)
}
