//! The fuzz targets for a short while, on random changes of `fuzz/seeds`.
//!
//! The changes are the same each time. `TWINCAST_FUZZ_SECONDS=60` goes on for that long instead,
//! with other changes each time; `./x fuzz TARGET` sets it where cargo-fuzz is not installed.

#![allow(clippy::print_stdout, reason = "what a failed run needs to be repeated")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use twincast_tests_support::fuzz;
use twincast_tests_support::mutate::Mutator;

use crate::root;

/// Inputs tried in plain `cargo test`: about a second for each target without optimisation.
const INPUTS: u64 = 20_000;

#[test]
fn parse_condition() {
    check("parse_condition", fuzz::parse_condition);
}

#[test]
fn patch() {
    check("patch", fuzz::patch);
}

#[test]
fn ndjson_line() {
    check("ndjson_line", fuzz::ndjson_line);
}

/// Each target of `fuzz/` is one that is checked here, and its file calls that very body.
#[test]
fn targets_are_those_of_the_fuzz_folder() {
    for (name, _) in files("fuzz/fuzz_targets") {
        let target = name.strip_suffix(".rs").expect("targets are Rust files");
        let read = |path: String| fs::read_to_string(root().join(path)).expect("it was listed");
        assert!(read(format!("fuzz/fuzz_targets/{name}")).contains(&format!("fuzz::{target}(")));
        assert!(read("fuzz/Cargo.toml".to_owned()).contains(&format!("fuzz_targets/{name}\"")));
        assert!(read("tests/it/fuzz.rs".to_owned()).contains(&format!("(\"{target}\", fuzz::")));
    }
}

fn check(target: &str, body: fn(&[u8])) {
    let seeds: Vec<Vec<u8>> =
        files(&format!("fuzz/seeds/{target}")).into_iter().map(|(_, bytes)| bytes).collect();
    for input in &seeds {
        try_one(target, 0, input, body);
    }
    let (seed, until) = plan();
    let dictionary = dictionary();
    let mut mutator = Mutator::new(&seeds, &dictionary, seed);
    let mut tried = 0;
    while until.map_or(tried < INPUTS, |until| now() < until) {
        try_one(target, seed, &mutator.input(), body);
        tried += 1;
    }
    println!("{target}: {tried} inputs, seed {seed}");
}

/// Shows the input before the panic goes on: it is all that is needed to see the fault again.
fn try_one(target: &str, seed: u64, input: &[u8], body: fn(&[u8])) {
    // Sound, since the only thing shared with the body is what it reads.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(input))) {
        println!("{target}, seed {seed}, failed on b\"{}\"", input.escape_ascii());
        resume_unwind(panic);
    }
}

/// The seed, and when to end if not after [`INPUTS`].
fn plan() -> (u64, Option<Duration>) {
    match env::var("TWINCAST_FUZZ_SECONDS") {
        Ok(text) => {
            let seconds = text.parse().expect("TWINCAST_FUZZ_SECONDS is a whole number");
            (now().as_secs(), Some(now() + Duration::from_secs(seconds)))
        }
        Err(_) => (1, None),
    }
}

#[expect(clippy::disallowed_methods, reason = "a real duration was asked for")]
fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970")
}

/// The words of `fuzz/dictionary.txt`, which is in libFuzzer's format: one quoted word a line.
fn dictionary() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(root().join("fuzz/dictionary.txt")).expect("it is there");
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(|word| word.replace("\\\"", "\"").replace("\\\\", "\\").into_bytes()).collect()
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("it can be listed");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("it can be read"))
        })
        .collect();
    files.sort();
    files
}
