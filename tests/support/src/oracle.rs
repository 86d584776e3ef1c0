//! The language evaluated over plain JSON: slow, obvious, and sharing nothing with the engine but
//! the tree of the parser.
//!
//! `docs/query-language.md` says the same in words; its examples run against this file. `None` is
//! *undefined* everywhere.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};
use twincast::limits;
use twincast::query::ast::{
    Aggregate, Comparison, Condition, Expr, ExprKind, Function, Literal, Operator, Path, Query,
    Segment, Select, SelectItem, SelectValue,
};

/// Whether `condition` selects `twin`: only `true` does.
#[must_use]
pub fn matches(condition: &Condition, twin: &Value) -> bool {
    selects(condition.filter.as_ref(), twin)
}

fn selects(filter: Option<&Expr>, document: &Value) -> bool {
    filter.is_none_or(|filter| truth(filter, document) == Some(true))
}

/// What `expr` says of `twin` as a condition; anything but a Boolean is undefined.
#[must_use]
pub fn truth(expr: &Expr, twin: &Value) -> Option<bool> {
    value(expr, twin)?.as_bool()
}

/// What `expr` is for `twin`.
#[must_use]
pub fn value(expr: &Expr, twin: &Value) -> Option<Value> {
    match &expr.kind {
        ExprKind::Literal(literal) => constant(literal),
        ExprKind::Path(path) => at(path, twin).cloned(),
        ExprKind::Not(inner) => Some(Value::Bool(!truth(inner, twin)?)),
        ExprKind::And(parts) => {
            let sides: Vec<_> = parts.iter().map(|part| truth(part, twin)).collect();
            all(&sides).map(Value::Bool)
        }
        ExprKind::Or(parts) => {
            let sides: Vec<_> = parts.iter().map(|part| truth(part, twin)).collect();
            any(&sides).map(Value::Bool)
        }
        ExprKind::Compare(comparison, left, right) => {
            let (left, right) = (value(left, twin)?, value(right, twin)?);
            compare(*comparison, &left, &right).map(Value::Bool)
        }
        ExprKind::In { negated, value: left, list } => {
            let left = value(left, twin);
            let same = |item: &Literal| equal(left.as_ref()?, &constant(item)?);
            let found = any(&list.iter().map(same).collect::<Vec<_>>())?;
            Some(Value::Bool(found != *negated))
        }
        ExprKind::Negate(inner) => number(-value(inner, twin)?.as_f64()?),
        ExprKind::Arithmetic(operator, left, right) => {
            let (left, right) = (value(left, twin)?.as_f64()?, value(right, twin)?.as_f64()?);
            number(match operator {
                Operator::Add => left + right,
                Operator::Subtract => left - right,
                Operator::Multiply => left * right,
                // By zero there is no finite result.
                Operator::Divide => left / right,
                Operator::Remainder => left % right,
            })
        }
        ExprKind::Call(function, arguments) => {
            let arguments: Vec<_> = arguments.iter().map(|each| value(each, twin)).collect();
            call(*function, &arguments)
        }
    }
}

fn constant(literal: &Literal) -> Option<Value> {
    match literal {
        Literal::Undefined => None,
        Literal::Null => Some(Value::Null),
        Literal::Bool(value) => Some(Value::Bool(*value)),
        Literal::Number(value) => number(*value),
        Literal::Str(text) => Some(Value::from(&**text)),
    }
}

/// The value at `path`, if the document has one there.
fn at<'a>(path: &Path, document: &'a Value) -> Option<&'a Value> {
    path.segments.iter().try_fold(document, |place, segment| match segment {
        Segment::Key(key) => place.as_object()?.get(key),
        Segment::Index(index) => place.as_array()?.get(*index as usize),
    })
}

/// A number as JSON: without a fraction if it is whole and exact, undefined if it is not finite.
#[expect(clippy::cast_possible_truncation, reason = "the number is whole and below 2^53")]
fn number(value: f64) -> Option<Value> {
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        return Some(Value::from(value as i64));
    }
    Number::from_f64(value).map(Value::Number)
}

/// AND of three-valued truths.
fn all(sides: &[Option<bool>]) -> Option<bool> {
    if sides.contains(&Some(false)) {
        Some(false)
    } else if sides.contains(&None) {
        None
    } else {
        Some(true)
    }
}

/// OR of three-valued truths.
fn any(sides: &[Option<bool>]) -> Option<bool> {
    if sides.contains(&Some(true)) {
        Some(true)
    } else if sides.contains(&None) {
        None
    } else {
        Some(false)
    }
}

/// Whether two values are equal, if they are primitives of one type.
fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(true),
        (Value::Bool(left), Value::Bool(right)) => Some(left == right),
        (Value::Number(left), Value::Number(right)) => Some(left.as_f64() == right.as_f64()),
        (Value::String(left), Value::String(right)) => Some(left == right),
        _ => None,
    }
}

/// The order of two values, if they are of one type that has an order.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        // Bytes of UTF-8 have the order of code points.
        (Value::String(left), Value::String(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        _ => None,
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> Option<bool> {
    Some(match comparison {
        Comparison::Equal => equal(left, right)?,
        Comparison::NotEqual => !equal(left, right)?,
        Comparison::Less => order(left, right)?.is_lt(),
        Comparison::LessOrEqual => order(left, right)?.is_le(),
        Comparison::Greater => order(left, right)?.is_gt(),
        Comparison::GreaterOrEqual => order(left, right)?.is_ge(),
    })
}

fn call(function: Function, arguments: &[Option<Value>]) -> Option<Value> {
    // The parser has seen to the number of arguments.
    let given = |index: usize| arguments.get(index).and_then(Option::as_ref);
    let num = |index: usize| given(index)?.as_f64();
    let text = |index: usize| given(index)?.as_str();
    let is = |test: fn(&Value) -> bool| Some(Value::Bool(given(0).is_some_and(test)));
    match function {
        Function::IsDefined => is(|_| true),
        Function::IsArray => is(Value::is_array),
        Function::IsBool => is(Value::is_boolean),
        Function::IsNull => is(Value::is_null),
        Function::IsNumber => is(Value::is_number),
        Function::IsObject => is(Value::is_object),
        Function::IsPrimitive => is(|value| !value.is_array() && !value.is_object()),
        Function::IsString => is(Value::is_string),
        Function::Abs => number(num(0)?.abs()),
        Function::Exp => number(num(0)?.exp()),
        Function::Power => number(num(0)?.powf(num(1)?)),
        Function::Square => number(num(0)? * num(0)?),
        Function::Ceiling => number(num(0)?.ceil()),
        Function::Floor => number(num(0)?.floor()),
        Function::Sign => number(match num(0)? {
            value if value > 0.0 => 1.0,
            value if value < 0.0 => -1.0,
            _ => 0.0,
        }),
        Function::Sqrt => number(num(0)?.sqrt()),
        Function::AsNumber => as_number(given(0)?),
        Function::Concat => {
            let parts: Option<Vec<&str>> = (0..arguments.len()).map(text).collect();
            let joined = parts?.concat();
            (joined.len() <= limits::CONCAT_BYTES).then(|| Value::from(joined))
        }
        Function::Length => Some(Value::from(text(0)?.chars().count())),
        Function::Lower => Some(Value::from(text(0)?.to_lowercase())),
        Function::Upper => Some(Value::from(text(0)?.to_uppercase())),
        Function::Substring => {
            let start = count(given(1)?)?;
            let length = if arguments.len() == 3 { count(given(2)?)? } else { usize::MAX };
            Some(Value::from(text(0)?.chars().skip(start).take(length).collect::<String>()))
        }
        Function::IndexOf => {
            let (text, part) = (text(0)?, text(1)?);
            let place = text.find(part).map(|bytes| text[..bytes].chars().count());
            Some(place.map_or(Value::from(-1), Value::from))
        }
        Function::StartsWith => Some(Value::Bool(text(0)?.starts_with(text(1)?))),
        Function::EndsWith => Some(Value::Bool(text(0)?.ends_with(text(1)?))),
        Function::Contains => Some(Value::Bool(text(0)?.contains(text(1)?))),
        Function::ArrayContains => {
            let (items, wanted) = (given(0)?.as_array()?, given(1)?);
            if wanted.is_array() || wanted.is_object() {
                return None;
            }
            Some(Value::Bool(items.iter().any(|item| equal(item, wanted) == Some(true))))
        }
    }
}

fn as_number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(same) => number(same.as_f64()?),
        Value::String(text) if text.bytes().all(|byte| b"0123456789+-.eE".contains(&byte)) => {
            number(text.parse().ok()?)
        }
        _ => None,
    }
}

/// A whole number from zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
fn count(value: &Value) -> Option<usize> {
    let value = value.as_f64()?;
    (value >= 0.0 && value.fract() == 0.0).then_some(value as usize)
}

/// The rows of `query` over `documents`: twins, or rows of jobs, whatever the query is about.
#[must_use]
pub fn query(query: &Query, documents: &[Value]) -> Vec<Value> {
    let selected: Vec<&Value> =
        documents.iter().filter(|document| selects(query.filter.as_ref(), document)).collect();
    let mut rows: Vec<Value> = match &query.select {
        Select::All => selected.into_iter().cloned().collect(),
        Select::Items(items) => {
            let is_aggregate = |item: &SelectItem| matches!(item.value, SelectValue::Aggregate(..));
            if query.group_by.is_empty() && !items.iter().any(is_aggregate) {
                selected.into_iter().map(|document| project(items, document)).collect()
            } else {
                groups(&query.group_by, selected)
                    .into_iter()
                    .map(|(key, members)| group_row(items, &query.group_by, &key, &members))
                    .collect()
            }
        }
    };
    if let Some(top) = query.top {
        rows.truncate(usize::try_from(top).unwrap_or(usize::MAX));
    }
    rows
}

/// A row of those items that have a value.
fn row(items: &[SelectItem], mut shown: impl FnMut(&SelectValue) -> Option<Value>) -> Value {
    let mut row = Map::new();
    for item in items {
        if let Some(value) = shown(&item.value) {
            row.insert(item.name.clone(), value);
        }
    }
    Value::Object(row)
}

fn project(items: &[SelectItem], document: &Value) -> Value {
    row(items, |item| match item {
        SelectValue::Path(path) => at(path, document).cloned(),
        SelectValue::Aggregate(..) => None,
    })
}

/// The values of the GROUP BY paths.
type Key = Vec<Option<Value>>;

/// The groups in the order of their keys. Without GROUP BY there is one group of everything, even
/// of nothing.
fn groups<'a>(paths: &[Path], documents: Vec<&'a Value>) -> Vec<(Key, Vec<&'a Value>)> {
    if paths.is_empty() {
        return vec![(Key::new(), documents)];
    }
    let mut groups: Vec<(Key, Vec<&Value>)> = Vec::new();
    for document in documents {
        let key: Key = paths.iter().map(|path| key_part(at(path, document)?)).collect();
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(document),
            None => groups.push((key, vec![document])),
        }
    }
    groups.sort_by(|(left, _), (right, _)| key_order(left, right));
    groups
}

/// What a value counts as in a key: `3` and `3.0` are one, objects and arrays are missing values.
fn key_part(value: &Value) -> Option<Value> {
    match value {
        Value::Object(_) | Value::Array(_) => None,
        Value::Number(value) => number(value.as_f64()?),
        _ => Some(value.clone()),
    }
}

/// Missing values, null, Booleans, numbers, strings; within a type the order of `<`.
fn key_order(left: &Key, right: &Key) -> Ordering {
    let rank = |part: &Option<Value>| match part {
        None => 0,
        Some(Value::Null) => 1,
        Some(Value::Bool(_)) => 2,
        Some(Value::Number(_)) => 3,
        Some(_) => 4,
    };
    let part = |(left, right): (&Option<Value>, &Option<Value>)| {
        let within = match (left, right) {
            (Some(left), Some(right)) => order(left, right).unwrap_or(Ordering::Equal),
            _ => Ordering::Equal,
        };
        rank(left).cmp(&rank(right)).then(within)
    };
    left.iter().zip(right).map(part).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn group_row(items: &[SelectItem], paths: &[Path], key: &Key, members: &[&Value]) -> Value {
    row(items, |item| match item {
        SelectValue::Path(path) => {
            let position = paths.iter().position(|known| known.segments == path.segments);
            key[position.expect("the parser lets only GROUP BY paths through")].clone()
        }
        SelectValue::Aggregate(aggregate, path) => aggregated(*aggregate, path.as_ref(), members),
    })
}

fn aggregated(aggregate: Aggregate, path: Option<&Path>, members: &[&Value]) -> Option<Value> {
    let Some(path) = path else {
        return Some(Value::from(members.len()));
    };
    let values: Vec<&Value> = members.iter().filter_map(|document| at(path, document)).collect();
    let numbers: Vec<f64> = values.iter().filter_map(|value| value.as_f64()).collect();
    let strings = values.iter().filter_map(|value| value.as_str());
    if numbers.is_empty() {
        return match aggregate {
            Aggregate::Min => strings.min().map(Value::from),
            Aggregate::Max => strings.max().map(Value::from),
            Aggregate::Count | Aggregate::Sum | Aggregate::Avg => None,
        };
    }
    let sum: f64 = numbers.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "tests have few documents")]
    let mean = sum / numbers.len() as f64;
    number(match aggregate {
        Aggregate::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        Aggregate::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Aggregate::Sum => sum,
        Aggregate::Avg => mean,
        Aggregate::Count => unreachable!("COUNT has no path"),
    })
}
