//! Imports: all or nothing, whatever goes wrong, and nothing held back afterwards.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use twincast::{ErrorKind, Hub, ImportOptions, ImportProgress, OnError};

fn hub() -> Hub {
    Hub::new().expect("threads can be started")
}

fn lines(ids: impl Iterator<Item = usize>) -> String {
    ids.map(|number| format!("{{\"deviceId\": \"d{number}\", \"tags\": {{\"n\": {number}}}}}\n"))
        .collect()
}

fn skip<'a>() -> ImportOptions<'a> {
    ImportOptions { on_error: OnError::Skip, ..ImportOptions::default() }
}

#[test]
fn a_bad_line_stops_all_or_is_left_out() {
    for count in [10, 5000] {
        let bad = format!(
            "\u{feff}{}\n\r\n{{\"deviceId\": \"odd\", \"tags\": {{\"a b\": 1}}}}\n{}not json\n{}",
            lines(0..1).trim_end(),
            lines(1..count),
            lines(0..1),
        );
        let hub = hub();
        let error = hub.import_ndjson(bad.as_bytes(), ImportOptions::default());
        let error = error.expect_err("line 3 is bad");
        assert!(error.message().starts_with("line 3: "), "{error}");
        assert!(error.message().contains("a b"), "{error}");
        assert_eq!((hub.len(), hub.contains("d0")), (0, false));

        let report = hub.import_ndjson(bad.as_bytes(), skip()).expect("bad lines are left out");
        assert_eq!((report.imported, report.errors_total), (count as u64, 3));
        let numbers: Vec<u64> = report.errors.iter().map(|error| error.line).collect();
        assert_eq!(numbers, [3, count as u64 + 3, count as u64 + 4]);
        assert!(report.errors[2].reason.contains("`d0`"), "{:?}", report.errors[2]);
        assert_eq!(hub.len(), count);

        let again = hub.import_ndjson(lines(0..count).as_bytes(), ImportOptions::default());
        assert_eq!(again.expect_err("all exist").kind(), ErrorKind::DeviceExists);
        assert_eq!(hub.len(), count);
    }
}

#[test]
fn an_import_that_ends_early_holds_nothing_back() {
    let hub = hub();
    let text = lines(0..5000);
    let mut stop = |_: ImportProgress| ControlFlow::Break(());
    let options = ImportOptions { progress: Some(&mut stop), ..ImportOptions::default() };
    let error = hub.import_ndjson(text.as_bytes(), options).expect_err("it was stopped");
    assert_eq!(error.kind(), ErrorKind::Interrupted);

    let mut panics = |_: ImportProgress| -> ControlFlow<()> { panic!("a caller's mistake") };
    let options = ImportOptions { progress: Some(&mut panics), ..ImportOptions::default() };
    let import = AssertUnwindSafe(|| hub.import_ndjson(text.as_bytes(), options));
    assert!(catch_unwind(import).is_err());
    assert_eq!((hub.len(), hub.contains("d7")), (0, false));

    hub.create_device("d7", &json!({})).expect("the id is free");
    hub.delete_device("d7", None).expect("it is there");
    let report = hub.import_ndjson(text.as_bytes(), ImportOptions::default()).expect("all is free");
    assert_eq!(report.imported, 5000);
    assert_eq!(hub.select("tags.n >= 4990").expect("it is a condition").len(), 10);
}

#[test]
fn blank_input_is_no_fleet() {
    let hub = hub();
    let report = hub.import_ndjson("\n \r\n".repeat(100_000).as_bytes(), ImportOptions::default());
    assert_eq!(report.expect("blank lines are skipped").imported, 0);
    hub.import_ndjson(lines(0..3000).as_bytes(), ImportOptions::default()).expect("they are good");
    assert_eq!(hub.twin("d2999").expect("it is there")["tags"]["n"], json!(2999));
}

/// Few twins become visible at one moment like many, also while others look.
#[test]
fn few_twins_come_together() {
    let hub = hub();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..60 {
                let ids = round * 1000..round * 1000 + 900;
                let all = lines(ids.clone());
                let refused = format!("{all}{}", lines(ids.clone()));
                hub.import_ndjson(refused.as_bytes(), ImportOptions::default())
                    .expect_err("the second half is there already");
                hub.import_ndjson(all.as_bytes(), ImportOptions::default()).expect("all are new");
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let seen = hub.select("*").expect("it is a condition").len();
            assert_eq!(seen % 900, 0, "{seen} devices are seen");
        }
    });
    assert_eq!(hub.len(), 60 * 900);
}

/// Who sees that a device is gone can make it again.
#[test]
fn an_id_is_free_as_soon_as_its_device_is_gone() {
    let hub = hub();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                drop(hub.delete_device("x", None));
            }
        });
        let make = |_| {
            while hub.contains("x") {
                std::thread::yield_now();
            }
            hub.create_device("x", &json!({}))
        };
        let failed = (0..2000).map(make).find(Result::is_err);
        done.store(true, Ordering::Release);
        assert!(failed.is_none(), "nobody else makes it: {failed:?}");
    });
}

/// Imports, creations and deletions fight for the same ids: the index reads ids where they stand,
/// and must neither lose one, nor have one twice, nor wait for itself.
#[test]
fn ids_that_many_want_at_once_belong_to_one() {
    const WANTED: usize = 200;
    let hub = hub();
    std::thread::scope(|scope| {
        for churner in 0..3_usize {
            let hub = &hub;
            scope.spawn(move || {
                for turn in 0..2_000_usize {
                    let id = format!("wanted-{}", (turn * 7919 + churner * 31) % WANTED);
                    // Whether the device is there is up to the others; that it answers is not.
                    match (turn + churner) % 3 {
                        0 => drop(hub.create_device(&id, &json!({"tags": {"by": churner}}))),
                        1 => drop(hub.delete_device(&id, None)),
                        _ => {
                            let condition = format!("deviceId IN ['{id}', 'nobody']");
                            let found = hub.select(&condition).expect("it is a condition");
                            assert!(found.ids().all(|found| found == id));
                        }
                    }
                }
            });
        }
        for round in 0..12 {
            // More than are added one by one, so that ids are claimed for a whole segment.
            let own = (0..1_500).map(|number| format!("round-{round}-{number}"));
            let wanted = (0..WANTED).map(|number| format!("wanted-{number}"));
            let lines: String =
                own.chain(wanted).map(|id| json!({"deviceId": id}).to_string() + "\n").collect();
            let report =
                hub.import_ndjson(lines.as_bytes(), skip()).expect("bad lines are skipped");
            assert_eq!(report.imported + report.errors_total, 1_500 + WANTED as u64);
        }
    });
    let mut ids = hub.select("*").expect("it is a condition").device_ids();
    assert_eq!(ids.len(), hub.len());
    assert!(ids.iter().all(|id| hub.contains(id)));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), hub.len(), "no id has two rows");
    for number in 0..WANTED {
        let id = format!("wanted-{number}");
        let found = hub.select(&format!("deviceId = '{id}'")).expect("it is a condition");
        assert_eq!(found.len(), usize::from(hub.contains(&id)), "{id}");
    }
}
