//! Names that do not exist, and which ones were probably meant.

use super::ast::{Function, Source, Span};
use super::error::Fault;
use super::function;
use super::hint::{clip, short};

/// Letters of a name for which a similar one is looked for.
const NAME_LETTERS: usize = 32;

/// The fault that no document of `source` has `key` at its root; `rest` follows it.
pub(super) fn unknown_root(source: Source, key: &str, rest: &str, span: Span) -> Box<Fault> {
    let lower = key.to_ascii_lowercase();
    let other = match source {
        Source::Devices => Source::Jobs,
        Source::Jobs => Source::Devices,
    };
    let rest = if clip(rest).len() < rest.len() { "" } else { rest };
    let known: Vec<_> = source.fields().iter().map(|field| field.name).collect();
    let advice = match (source, lower.as_str()) {
        (Source::Devices, "desired" | "reported") => format!("write `properties.{lower}{rest}`"),
        (Source::Devices, "$version" | "$metadata") => {
            format!(
                "write `properties.desired.{lower}{rest}` or `properties.reported.{lower}{rest}`"
            )
        }
        (Source::Devices, "generationid" | "connectionstateupdatedtime") => {
            "it belongs to the identity of a device, not to its twin".to_owned()
        }
        (Source::Jobs, "type") => "write `jobType`".to_owned(),
        (Source::Jobs, "starttime") => "write `startTimeUtc`".to_owned(),
        (Source::Jobs, "endtime") => "write `endTimeUtc`".to_owned(),
        _ => match (similar(key, known.iter().copied()), other.root(key), source) {
            (Some(name), _, _) => format!("did you mean `{name}{rest}`?"),
            (None, Some(field), Source::Devices) => {
                format!("`{}` belongs to the rows of `devices.jobs`", field.name)
            }
            (None, Some(field), Source::Jobs) => format!("`{}` belongs to `devices`", field.name),
            (None, None, Source::Devices) => {
                let key = short(key, "key");
                format!(
                    "paths begin with `tags`, `properties` or a field such as `deviceId`: `tags.{key}{rest}`"
                )
            }
            (None, None, Source::Jobs) => format!("its fields are {}", known.join(", ")),
        },
    };
    let what = match source {
        Source::Devices => "a part of a twin",
        Source::Jobs => "a field of a row of `devices.jobs`",
    };
    Fault::new(span, format!("`{}` is not {what}", clip(key))).hint(advice)
}

/// The fault that `parent`, a dot included, has no member `key` but only `names`.
pub(super) fn unknown_member(
    parent: &str,
    key: &str,
    rest: &str,
    names: &[&'static str],
    span: Span,
) -> Box<Fault> {
    let parent = parent.trim_end().trim_end_matches('.');
    let rest = if clip(rest).len() < rest.len() { "" } else { rest };
    let advice = match similar(key, names.iter().copied()) {
        Some(name) => format!("did you mean `{parent}.{name}{rest}`?"),
        None => match names {
            [only] => format!("it has only `{only}`"),
            _ => format!("it has {}", listed(names)),
        },
    };
    Fault::new(span, format!("`{parent}` has no `{}`", clip(key))).hint(advice)
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(" and ")
}

/// The fault that no function is called `name`.
pub(super) fn unknown_function(name: &str, span: Span) -> Box<Fault> {
    let fault = Fault::new(span, format!("there is no function `{}`", clip(name)));
    let aggregates = ["COUNT", "AVG", "SUM", "MIN", "MAX"];
    if aggregates.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return fault.hint("aggregates stand in the SELECT list of a query, not in a condition");
    }
    let others = [
        ("LEN", "LENGTH"),
        ("POW", "POWER"),
        ("CEIL", "CEILING"),
        ("TOLOWER", "LOWER"),
        ("LCASE", "LOWER"),
        ("TOUPPER", "UPPER"),
        ("UCASE", "UPPER"),
        ("SUBSTR", "SUBSTRING"),
        ("EXISTS", "IS_DEFINED"),
        ("TO_NUMBER", "AS_NUMBER"),
        ("STRINGTONUMBER", "AS_NUMBER"),
    ];
    let renamed = others.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    let meant =
        renamed.map(|(_, known)| *known).or_else(|| similar(name, function::function_names()));
    match meant.and_then(Function::named) {
        Some(function) => fault.hint(format!("did you mean `{}`?", function.usage())),
        None => {
            let names: Vec<_> = function::function_names().collect();
            fault.hint(format!("there are {}", names.join(", ")))
        }
    }
}

/// The fault that a SELECT list calls what is no aggregate.
pub(super) fn unknown_aggregate(name: &str, span: Span) -> Box<Fault> {
    if Function::named(name).is_some() {
        let message = format!("{} cannot be selected", name.to_ascii_uppercase());
        return Fault::new(span, message).hint(
            "a SELECT list holds paths and COUNT, AVG, SUM, MIN, MAX; functions stand after WHERE",
        );
    }
    Fault::new(span, format!("there is no aggregate `{}`", clip(name)))
        .hint("there are COUNT(), AVG(path), SUM(path), MIN(path) and MAX(path)")
}

/// The name that differs least from `name`, if it differs little.
pub(crate) fn similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = match name.len() {
        // Any two names of a letter or two are similar.
        ..=2 => 0,
        3 | 4 => 1,
        5..=NAME_LETTERS => 2,
        _ => return None,
    };
    let first = name.chars().next()?;
    let name = name.to_ascii_lowercase();
    known
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= most)
        .map(|candidate| (distance(name.as_bytes(), candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        // Few slips change the first letter: `tag` is `tags`, not `etag`.
        .min_by_key(|(distance, candidate)| (*distance, !candidate.starts_with(first)))
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, remove, replace or swap with the next one ("optimal string alignment").
fn distance(left: &[u8], right: &str) -> usize {
    let right = right.to_ascii_lowercase().into_bytes();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other);
            let mut least = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && letter == &right[column - 1] && &left[row - 1] == other;
            if swapped {
                least = least.min(before_last[column - 1] + 1);
            }
            current.push(least);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}
