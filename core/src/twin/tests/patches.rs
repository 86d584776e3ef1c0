//! What patches become, and which are refused.

use serde_json::{Value, json};

use super::super::*;
use crate::ErrorKind;

fn parse(kind: PatchKind, body: &Value) -> (PathTable, TwinPatch) {
    let paths = PathTable::new();
    let root = if kind == PatchKind::Report { PathId::REPORTED } else { PathId::ROOT };
    make_known(&paths, root, body);
    let patch = TwinPatch::parse(&paths, kind, body).unwrap();
    (paths, patch)
}

/// Gives each key of a document its number, as if a twin had had it.
fn make_known(paths: &PathTable, parent: PathId, value: &Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        if !key.starts_with('$') {
            make_known(paths, paths.intern(parent, key).unwrap(), value);
        }
    }
}

fn count(paths: &PathTable) -> usize {
    paths.descendants(PathId::ROOT).len()
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
        "properties": {"desired": {"x": 1.5, "$version": 9, "$metadata": {"a": [{}]}}, "reported": {"y": 1, "$version": 2}},
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
fn a_key_that_no_twin_has_is_removed_without_a_number() {
    let paths = PathTable::new();
    let before = count(&paths);
    for kind in [PatchKind::Merge, PatchKind::Replace] {
        let body = json!({"tags": {"a": null}, "properties": {"desired": {"b": null}}});
        let patch = TwinPatch::parse(&paths, kind, &body).unwrap();
        assert!(patch.touches(Section::Tags) && patch.touches(Section::Desired));
        assert_eq!(patch.steps().len(), 2);
    }
    let report = TwinPatch::parse(&paths, PatchKind::Report, &json!({"c": null})).unwrap();
    assert!(report.touches(Section::Reported));
    assert_eq!(report.steps(), [PatchStep::Merge(PathId::REPORTED)]);
    for key in ["a b", "a.b", "a#", &"k".repeat(1025)] {
        let error =
            TwinPatch::parse(&paths, PatchKind::Merge, &json!({"tags": {key: null}})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(count(&paths), before);

    // What is below a new object is as unknown as the object was.
    let body = json!({"tags": {"a": {"b": null, "c": 1}}});
    let patch = TwinPatch::parse(&paths, PatchKind::Merge, &body).unwrap();
    let a = paths.child(PathId::TAGS, "a").unwrap();
    let c = paths.child(a, "c").unwrap();
    let expected =
        [PatchStep::Merge(PathId::TAGS), PatchStep::Merge(a), PatchStep::Set(c, Scalar::Int(1))];
    assert_eq!(patch.steps(), expected);
    assert_eq!(paths.descendants(a), [c]);
}

#[test]
fn a_patch_that_is_kept_removes_keys_that_came_later() {
    let paths = PathTable::new();
    let body = json!({"tags": {"a": null, "b": {"c": null, "d": true}}});
    let patch = TwinPatch::parse(&paths, PatchKind::Merge, &body).unwrap();
    assert_eq!(patch.current(&paths).steps(), patch.steps());
    let a = paths.intern(PathId::TAGS, "a").unwrap();
    let current = patch.current(&paths);
    assert_eq!(current.steps()[1], PatchStep::Remove(a));
    let c = paths.intern(paths.child(PathId::TAGS, "b").unwrap(), "c").unwrap();
    assert!(current.current(&paths).steps().contains(&PatchStep::Remove(c)));
    assert_eq!(current.body(), &body);

    let (paths, known) = parse(PatchKind::Merge, &body);
    assert!(matches!(known.current(&paths), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn what_is_refused_numbers_nothing() {
    let paths = PathTable::new();
    let before = count(&paths);
    for bad in [json!("x".repeat(4097)), json!({"a b": 1}), json!(1_u64 << 60), json!([{"$": 1}])] {
        let body = json!({"tags": {"new": {"k": 1}}, "properties": {"desired": {"z": bad}}});
        for kind in [PatchKind::Merge, PatchKind::Replace] {
            TwinPatch::parse(&paths, kind, &body).unwrap_err();
        }
        TwinPatch::parse(&paths, PatchKind::Report, &body).unwrap_err();
        new_device(&paths, "d", &body).unwrap_err();
        let line =
            format!(r#"{{"deviceId":"d","configurations":{{"c":1}},{}"#, &body.to_string()[1..]);
        flatten_line(&paths, line.as_bytes()).unwrap_err();
        flatten_line(&paths, &line.as_bytes()[..line.len() - 3]).unwrap_err();
    }
    TwinPatch::parse(&paths, PatchKind::Merge, &json!({"tags": {"a": 1}, "foo": 1})).unwrap_err();
    let late = br#"{"tags":{"a":1},"properties":{"desired":{"$metadata":{"a":{}}}},"deviceId":""}"#;
    flatten_line(&paths, late).unwrap_err();
    assert_eq!(count(&paths), before);
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
            "write what a device reports with report_properties; a twin that was read may be sent \
             back whole, its reported properties are ignored",
        ),
        (
            PatchKind::Merge,
            json!({"tags": {"a": 1}, "properties": {"reported": {"y": 1}}}),
            "`properties.reported` is written by the device, not by a patch",
            "write what a device reports with report_properties; a twin that was read may be sent \
             back whole, its reported properties are ignored",
        ),
        (
            PatchKind::Replace,
            json!({"properties": {"desired": {}, "reported": [1]}}),
            "`properties.reported` is written by the device, not by a patch",
            "write what a device reports with report_properties; a twin that was read may be sent \
             back whole, its reported properties are ignored",
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
