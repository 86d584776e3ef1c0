//! Ids as Arrow arrays, against the same ids one by one.

use proptest::prelude::*;
use serde_json::json;
use twincast::{Hub, ImportOptions, Selection};

/// More than two segments.
const IMPORTED: usize = 150_000;

/// Of every length from 7 to 128, so that there are short and long neighbours.
fn id(n: usize) -> String {
    let length = if n.is_multiple_of(3) { 7 + n * 31 % 122 } else { 7 + n % 11 };
    format!("{n:0>length$}")
}

/// Twins that came by import, by creation, and by another import; some were deleted.
fn fleet() -> Hub {
    let hub = Hub::new().expect("threads start");
    let lines = |from: usize, to: usize| {
        let line =
            |n: usize| json!({"deviceId": id(n), "tags": {"n": n, "m": n % 1000}}).to_string();
        (from..to).map(line).collect::<Vec<_>>().join("\n")
    };
    let import = |lines: String| {
        hub.import_ndjson(lines.as_bytes(), ImportOptions::default()).expect("the lines are twins");
    };
    import(lines(0, IMPORTED));
    for n in IMPORTED..IMPORTED + 700 {
        hub.create_device(&id(n), &json!({})).expect("the device is new");
        let patch = json!({"tags": {"n": n, "m": n % 1000}});
        hub.update_twin(&id(n), &patch, None).expect("it exists");
    }
    import(lines(IMPORTED + 700, IMPORTED + 2000));
    for n in (0..200).chain(66_000..66_100) {
        hub.delete_device(&id(n), None).expect("the device exists");
    }
    hub
}

fn check(selection: &Selection) {
    let ids = selection.device_ids();
    assert_eq!(ids.len(), selection.len());
    let chunks = selection.id_chunks();
    let in_chunks = chunks.iter().flat_map(|chunk| chunk.iter().map(|id| id.expect("no nulls")));
    assert!(in_chunks.eq(ids.iter().map(String::as_str)), "in chunks");
    let one = selection.to_arrow().expect("far less than 2 GiB");
    assert!(
        one.iter().map(|id| id.expect("no nulls")).eq(ids.iter().map(String::as_str)),
        "at once"
    );
}

#[test]
fn arrays_of_ids_are_the_ids() {
    let hub = fleet();
    let select = |condition: &str| hub.select(condition).expect("it is a condition");
    check(&select("*"));
    check(&select("deviceId = 'nobody'"));
    proptest!(ProptestConfig::with_cases(40), |(
        from in 0..IMPORTED + 2000,
        length in 0..IMPORTED,
        share in 0..1001,
    )| {
        let to = from + length;
        let run = select(&format!("tags.n >= {from} AND tags.n < {to}"));
        let some = select(&format!("tags.m < {share}"));
        check(&run);
        check(&some);
        check(&run.and(&some).expect("one hub"));
        check(&run.or(&some).expect("one hub"));
        check(&run.minus(&some).expect("one hub"));
    });
}

#[test]
fn an_array_of_a_whole_segment_is_the_hubs_own() {
    let hub = fleet();
    let all = || hub.select("*").expect("it is a condition").id_chunks();
    // Both are kept, so that copies have addresses of their own.
    let (first, again) = (all(), all());
    let again: Vec<_> = again.iter().map(|chunk| chunk.value_data().as_ptr()).collect();
    let is_shared = |place: &usize| again.contains(&first[*place].value_data().as_ptr());
    let shared = (0..first.len()).filter(is_shared).count();
    // Three segments of the first import, of which two lost devices; the devices made one by one
    // and the second import, which are few, together.
    assert_eq!((first.len(), shared), (4, 1));
}

#[test]
fn many_small_imports_are_few_arrays() {
    let hub = Hub::new().expect("threads start");
    for import in 0..10 {
        let line = |n: usize| json!({"deviceId": format!("{import}-{n}")}).to_string();
        let lines = (0..5_000).map(line).collect::<Vec<_>>().join("\n");
        hub.import_ndjson(lines.as_bytes(), ImportOptions::default()).expect("they are twins");
    }
    let all = hub.select("*").expect("it is a condition");
    check(&all);
    let lengths: Vec<usize> = all.id_chunks().iter().map(|ids| ids.iter().count()).collect();
    assert_eq!(lengths, [20_000, 20_000, 10_000]);
}
