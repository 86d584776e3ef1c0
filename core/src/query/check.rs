//! The names of fields, and what a SELECT list may hold under GROUP BY.

use super::ast::{Path, Segment, Select, SelectItem, SelectValue, Source, Span};
use super::error::{Fault, Outcome};
use super::hint;
use super::name;

/// A field with a fixed name.
pub(super) struct Field {
    /// The name in its canonical letter case.
    pub(super) name: &'static str,
    below: Below,
}

/// What may stand below a field.
enum Below {
    /// Keys of users, or nothing at all; either way their letter case matters.
    Keys,
    /// These fields and no others.
    Fields(&'static [Field]),
}

const fn field(name: &'static str) -> Field {
    Field { name, below: Below::Keys }
}

const fn group(name: &'static str, fields: &'static [Field]) -> Field {
    Field { name, below: Below::Fields(fields) }
}

const TWIN: &[Field] = &[
    field("deviceId"),
    field("moduleId"),
    field("etag"),
    field("deviceEtag"),
    field("status"),
    field("statusReason"),
    field("statusUpdateTime"),
    field("connectionState"),
    field("lastActivityTime"),
    field("cloudToDeviceMessageCount"),
    field("authenticationType"),
    group("x509Thumbprint", &[field("primaryThumbprint"), field("secondaryThumbprint")]),
    field("modelId"),
    field("version"),
    field("tags"),
    group("properties", &[field("desired"), field("reported")]),
    group("capabilities", &[field("iotEdge")]),
    field("deviceScope"),
    field("parentScopes"),
    field("configurations"),
];

const JOB_ROW: &[Field] = &[
    field("deviceId"),
    field("jobId"),
    field("jobType"),
    field("status"),
    field("startTimeUtc"),
    field("endTimeUtc"),
    field("createdDateTimeUtc"),
    field("lastUpdatedDateTimeUtc"),
    group("outcome", &[group("deviceMethodResponse", &[field("status"), field("payload")])]),
    group("error", &[field("code"), field("description")]),
];

impl Source {
    /// The fields at the root of a document.
    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Self::Devices => TWIN,
            Self::Jobs => JOB_ROW,
        }
    }

    /// The canonical name of a root field, given in any letter case or by its other name.
    pub(super) fn root(self, name: &str) -> Option<&'static Field> {
        let (other, canonical) = match self {
            Self::Devices => ("id", "deviceId"),
            Self::Jobs => ("createdTimeUtc", "createdDateTimeUtc"),
        };
        let name = if name.eq_ignore_ascii_case(other) { canonical } else { name };
        find(self.fields(), name)
    }
}

fn find(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
}

/// A path as written: each segment and where it stands.
pub(super) type RawPath = Vec<(Segment, Span)>;

/// Drops the name of the source and puts fixed names into their canonical letter case.
pub(super) fn resolve(source: Source, text: &str, mut raw: RawPath, span: Span) -> Outcome<Path> {
    let skipped = source_prefix(source, text, &raw)?;
    raw.drain(..skipped);
    let mut fields = source.fields();
    for (position, (segment, at)) in raw.iter_mut().enumerate() {
        let Segment::Key(key) = segment else { break };
        let known = if position == 0 { source.root(key) } else { find(fields, key) };
        let Some(field) = known else {
            let rest = &text[at.end..span.end];
            return Err(if position == 0 {
                name::unknown_root(source, key, rest, *at)
            } else {
                let names: Vec<_> = fields.iter().map(|field| field.name).collect();
                name::unknown_member(&text[span.start..at.start], key, rest, &names, *at)
            });
        };
        if field.name != key {
            field.name.clone_into(key);
        }
        match field.below {
            Below::Keys => break,
            Below::Fields(below) => fields = below,
        }
    }
    Ok(Path { segments: raw.into_iter().map(|(segment, _)| segment).collect(), span })
}

/// How many segments only name the source, as in `devices.jobs.status`.
fn source_prefix(source: Source, text: &str, raw: &RawPath) -> Outcome<usize> {
    let is = |position: usize, name: &str| matches!(raw.get(position), Some((Segment::Key(key), _)) if key.eq_ignore_ascii_case(name));
    if !is(0, "devices") {
        return Ok(0);
    }
    let from_jobs = is(1, "jobs");
    let (skipped, wanted) = match source {
        Source::Devices => (1, "a field of the twin, e.g. `devices.deviceId`"),
        Source::Jobs => (2, "a field of the row, e.g. `devices.jobs.status`"),
    };
    let fits = from_jobs == (source == Source::Jobs) && !is(1, "modules");
    let last = raw[raw.len() - 1].1;
    let span = Span { start: raw[0].1.start, end: raw[(skipped - 1).min(raw.len() - 1)].1.end };
    if !fits && raw.len() > 1 {
        let whole = Span { start: span.start, end: raw[1].1.end };
        let written = &text[whole.start..whole.end];
        let meant = match source {
            Source::Devices => "this text is about `devices`",
            Source::Jobs => "this text is about `devices.jobs`",
        };
        return Err(
            Fault::new(whole, format!("{meant}, not `{written}`")).hint(format!("write {wanted}"))
        );
    }
    if raw.len() <= skipped {
        let whole = Span { start: span.start, end: last.end };
        let written = &text[whole.start..whole.end];
        return Err(Fault::new(whole, format!("`{written}` has no value of its own"))
            .hint(format!("add {wanted}")));
    }
    Ok(skipped)
}

/// Checks that each column has one value a group, and a name of its own.
pub(super) fn select_list(select: &Select, group_by: &[Path], text: &str) -> Outcome<()> {
    let items = match select {
        Select::All => {
            return match group_by.first() {
                None => Ok(()),
                Some(path) => Err(Fault::new(path.span, "`SELECT *` cannot be grouped")
                    .hint(format!("write e.g. `SELECT {}, COUNT()`", shown(path, text)))),
            };
        }
        Select::Items(items) => items,
    };
    let grouped = !group_by.is_empty()
        || items.iter().any(|item| matches!(item.value, SelectValue::Aggregate(..)));
    for item in items {
        if let SelectValue::Path(path) = &item.value
            && grouped
            && !group_by.iter().any(|key| key.segments == path.segments)
        {
            return Err(ungrouped(path, group_by, text));
        }
    }
    names(items)
}

fn ungrouped(path: &Path, group_by: &[Path], text: &str) -> Box<Fault> {
    let shown = shown(path, text);
    let fault = Fault::new(path.span, format!("`{shown}` has more than one value in a group"));
    if group_by.is_empty() {
        fault.hint(format!("add `GROUP BY {shown}`, or select aggregates only"))
    } else {
        fault.hint(format!("add it to GROUP BY, or take e.g. `MIN({shown})`"))
    }
}

fn names(items: &[SelectItem]) -> Outcome<()> {
    let mut seen = std::collections::HashSet::new();
    for item in items {
        if !seen.insert(item.name.as_str()) {
            return Err(Fault::new(item.span, format!("two columns are named `{}`", item.name))
                .hint("give one of them another name with AS"));
        }
    }
    Ok(())
}

fn shown<'a>(path: &Path, text: &'a str) -> &'a str {
    hint::clip(&text[path.span.start..path.span.end])
}
