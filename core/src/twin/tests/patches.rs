//! What patches become, and which are refused.

use serde_json::{Value, json};

use super::super::*;
use crate::ErrorKind;

fn parse(kind: PatchKind, body: &Value) -> (PathTable, TwinPatch) {
    let paths = PathTable::new();
    let patch = TwinPatch::parse(&paths, kind, body).unwrap();
    (paths, patch)
}

/// The steps in a form that tests can spell.
fn steps(kind: PatchKind, body: &Value) -> Vec<String> {
    let (paths, patch) = parse(kind, body);
    let show = |step: &PatchStep| match step {
        PatchStep::Merge(path) => format!("merge {}", paths.display(*path)),
        PatchStep::Set(path, scalar) => {
            format!("set {} {}", paths.display(*path), scalar.to_json())
        }
        PatchStep::Remove(path) => format!("remove {}", paths.display(*path)),
        PatchStep::Clear(path) => format!("clear {}", paths.display(*path)),
    };
    patch.steps().iter().map(show).collect()
}

#[test]
fn a_merge_sets_merges_and_removes() {
    let body = json!({
        "deviceId": null, "etag": "*", "version": null, "status": "disabled",
        "tags": {"a": 1, "b": {"c": null, "d": {}}, "e": [1, null], "f": null},
        "properties": {"desired": {"x": 1.5, "$version": 9, "$metadata": {"a": [{}]}}, "reported": {"y": 1}},
    });
    assert_eq!(
        steps(PatchKind::Merge, &body),
        [
            "merge tags",
            "set tags.a 1",
            "merge tags.b",
            "remove tags.b.c",
            "merge tags.b.d",
            "set tags.e [1,null]",
            "remove tags.f",
            "merge properties.desired",
            "set properties.desired.x 1.5",
        ]
    );
}

#[test]
fn a_replacement_clears_first_and_removes_nothing() {
    let body = json!({"tags": {"a": {"b": null}, "c": null}});
    assert_eq!(steps(PatchKind::Replace, &body), ["clear tags", "merge tags.a"]);
    let (_, patch) = parse(PatchKind::Replace, &json!({"properties": {"desired": {}}}));
    assert!(patch.touches(Section::Desired) && !patch.touches(Section::Tags));
}

#[test]
fn a_report_ignores_dollar_keys_at_any_depth() {
    let body = json!({"a": {"$x": [{"deep": {}}], "b": true}, "$version": {"n": 1}, "c": null});
    assert_eq!(
        steps(PatchKind::Report, &body),
        [
            "merge properties.reported",
            "merge properties.reported.a",
            "set properties.reported.a.b true",
            "remove properties.reported.c",
        ]
    );
}

#[test]
fn an_empty_section_is_a_patch_and_no_section_is_none() {
    let (_, patch) = parse(PatchKind::Merge, &json!({"tags": {}}));
    assert_eq!(patch.steps(), [PatchStep::Merge(PathId::TAGS)]);
    assert!(patch.touches(Section::Tags) && !patch.touches(Section::Desired));
    let (_, patch) = parse(PatchKind::Report, &json!({}));
    assert!(patch.touches(Section::Reported));
    for body in [json!({}), json!({"etag": "*"}), json!({"tags": null, "properties": null})] {
        let error = TwinPatch::parse(&PathTable::new(), PatchKind::Merge, &body).unwrap_err();
        assert_eq!(error.message(), "the patch has neither `tags` nor `properties.desired`");
    }
}

#[test]
fn added_size_counts_what_stays() {
    let body = json!({"tags": {"ab": "xyz", "c": {"d": null, "e": true}}, "etag": "*"});
    let (_, patch) = parse(PatchKind::Merge, &body);
    assert_eq!(patch.added_size(Section::Tags), 2 + 3 + 1 + 1 + 4);
    assert_eq!(patch.added_size(Section::Desired), 0);
    assert_eq!(patch.body(), &body);
}

#[test]
fn refused_patches_say_what_to_write() {
    let too_much = json!({"tags": {"a": ["x".repeat(4000), "x".repeat(4000), "x".repeat(400)]}});
    for (kind, body, message, hint) in [
        (
            PatchKind::Merge,
            json!({"desired": {}}),
            "`desired` is not a part of a patch",
            "write properties.desired",
        ),
        (
            PatchKind::Merge,
            json!({"reported": {}}),
            "`reported` is not a part of a patch",
            "only the device itself writes its reported properties",
        ),
        (
            PatchKind::Replace,
            json!({"foo": 1}),
            "`foo` is not a part of a patch",
            "a patch has tags and properties.desired",
        ),
        (
            PatchKind::Merge,
            json!({"properties": {"a": 1}}),
            "`properties.a` is not a part of a patch",
            "write properties.desired.a",
        ),
        (
            PatchKind::Merge,
            json!({"tags": {"$x": 1}}),
            "the key `tags.$x` holds '$', which no key of a twin may",
            "keys hold no control characters, white space, `.`, `$` or `#`",
        ),
        (
            PatchKind::Merge,
            json!({"tags": {"a": {"$version": 1}}}),
            "the key `tags.a.$version` holds '$', which no key of a twin may",
            "keys hold no control characters, white space, `.`, `$` or `#`",
        ),
        (
            PatchKind::Merge,
            too_much,
            "`tags` is larger than the 8192 bytes allowed, at `tags.a`",
            "keys and strings count their characters, numbers 8, booleans 4, arrays their text",
        ),
    ] {
        let error = TwinPatch::parse(&PathTable::new(), kind, &body).unwrap_err();
        assert_eq!((error.message(), error.hint()), (message, Some(hint)), "{body}");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    for body in [
        json!([]),
        json!(null),
        json!({"tags": []}),
        json!({"properties": 1}),
        json!({"properties": {"desired": 1}}),
    ] {
        TwinPatch::parse(&PathTable::new(), PatchKind::Merge, &body).unwrap_err();
    }
    TwinPatch::parse(&PathTable::new(), PatchKind::Report, &json!([])).unwrap_err();
}

#[test]
fn strict_names_and_values_are_plain_ascii() {
    for fine in
        [json!({"tags": {"a-b_c.d": "x+y*z"}}), json!([1, null, true]), json!({"etag": "*"})]
    {
        strict_ascii(&fine).unwrap();
    }
    for (patch, message) in [
        (json!({"tags": {"a b": 1}}), "`tags.[[a b]]` holds ' '"),
        (json!({"tags": {"a": "Class1, Class2"}}), "`tags.a` holds ','"),
        (json!({"tags": {"a": ["ok", "é"]}}), "`tags.a[1]` holds 'é'"),
        (json!({"tags": {"a": "\t"}}), "`tags.a` holds '\\t'"),
        (json!("{"), "`the value` holds '{'"),
    ] {
        assert_eq!(strict_ascii(&patch).unwrap_err().message(), message);
    }
}
