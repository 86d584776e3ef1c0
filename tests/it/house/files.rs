//! What holds for every file: it says what it is, it is about one thing, it does not give up.

use std::path::PathBuf;

use super::source::{code, files, is_tests, name, read, without_tests};

/// Lines that a file may have, its own tests apart. Past it, a second idea hides inside.
const LINES_MAX: usize = 500;

/// Files that may be longer: file, reason.
const LONGER: &[(&str, &str)] =
    &[("py/src/hub.rs", "one Python class, whose docstrings are most of it")];

/// Files that may hold unsafe code: file, reason.
const UNSAFE: &[(&str, &str)] = &[
    ("core/src/kernel/prefetch.rs", "prefetching has no safe form; it reads nothing"),
    (
        "core/src/kernel/simd.rs",
        "vector instructions; `./x bench kernel` shows what they are worth",
    ),
    (
        "core/src/kernel/strings.rs",
        "strings copied as vectors; `./x bench kernel/strings` shows what that is worth",
    ),
    ("py/src/allocator.rs", "memory is given back by a function of a C library"),
    ("py/src/arrow.rs", "the Arrow C interface hands over bare pointers"),
    ("py/src/arrow/chunks.rs", "the Arrow C interface calls back with bare pointers"),
    ("py/src/exit.rs", "only Python's C interface interrupts handlers of other threads"),
];

#[test]
fn no_file_is_about_two_things() {
    let mut long = Vec::new();
    for file in rust_files().into_iter().chain(python_files()) {
        let lines = without_tests(&read(&file)).lines().count();
        if lines > LINES_MAX && !is_tests(&file) {
            long.push((name(&file), lines));
        }
    }
    let (excused, wrong): (Vec<_>, Vec<_>) =
        long.into_iter().partition(|(file, _)| LONGER.iter().any(|(known, _)| known == file));
    assert!(wrong.is_empty(), "longer than {LINES_MAX} lines, without a reason: {wrong:?}");
    assert_eq!(excused.len(), LONGER.len(), "an exception is not needed any more");
}

#[test]
fn every_file_says_what_it_is() {
    let rust = rust_files().into_iter().map(|file| (file, "//! "));
    let python = python_files().into_iter().map(|file| (file, "\"\"\""));
    let silent: Vec<String> = rust
        .chain(python)
        .filter(|(file, opening)| !read(file).starts_with(opening))
        .map(|(file, _)| name(&file))
        .collect();
    assert!(silent.is_empty(), "these files do not begin with what they are: {silent:#?}");
}

/// Clippy says the same, except in doc examples, which people copy.
#[test]
fn nothing_unwraps_outside_tests() {
    let mut wrong = Vec::new();
    for file in sources() {
        let text = without_tests(&read(&file));
        let examples = text.lines().map(|line| {
            let line = line.trim_start();
            line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).unwrap_or_default()
        });
        for (number, (code, example)) in code(&text).lines().zip(examples).enumerate() {
            if code.contains(".unwrap()") || example.contains(".unwrap()") {
                wrong.push(format!("{}:{}", name(&file), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "say why it cannot fail, by `expect`, or use `?`: {wrong:#?}");
}

#[test]
fn unsafe_code_stays_where_it_is_explained() {
    let mut found: Vec<String> = rust_files()
        .iter()
        .filter(|file| {
            let code = code(&read(file));
            code.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == "unsafe")
        })
        .map(|file| name(file))
        .collect();
    found.sort();
    let listed: Vec<&str> = UNSAFE.iter().map(|(file, _)| *file).collect();
    assert_eq!(found, listed, "files with unsafe code are listed in UNSAFE with their reason");
}

/// All that we wrote in Rust.
fn rust_files() -> Vec<PathBuf> {
    let folders = ["benches", "core", "fuzz/fuzz_targets", "py/src", "tests", "xtask"];
    folders.iter().flat_map(|folder| files(folder, "rs")).collect()
}

/// All that we wrote in Python, tests apart.
fn python_files() -> Vec<PathBuf> {
    ["benches/compare", "py/python"].iter().flat_map(|folder| files(folder, "py")).collect()
}

/// What runs in the hands of users.
fn sources() -> Vec<PathBuf> {
    let all = ["core/src", "py/src"].into_iter().flat_map(|folder| files(folder, "rs"));
    all.filter(|file| !is_tests(file)).collect()
}
