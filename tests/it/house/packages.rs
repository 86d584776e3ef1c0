//! What a dependency may cost: its licence, a second copy of it, a feature that changes others.
//!
//! It reads `cargo metadata`, so it needs no tool; `deny.toml` says the same to `cargo deny`,
//! which also knows the advisories.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::source::read;
use crate::root;

/// Licences that ask for no more than their notice.
const LICENCES: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that ship in more than one version: name, reason.
const DUPLICATES: &[(&str, &str)] = &[];

#[test]
fn licences_ask_for_no_more_than_a_notice() {
    for package in list(metadata(), "packages") {
        let licence = text(package, "license");
        assert!(permissive(licence), "{} is under `{licence}`", text(package, "id"));
    }
}

#[test]
fn nothing_ships_twice() {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for id in shipped() {
        let package = package(id);
        versions.entry(text(package, "name")).or_default().insert(text(package, "version"));
    }
    versions.retain(|_, versions| versions.len() > 1);
    let found: Vec<&str> = versions.keys().copied().collect();
    let listed: Vec<&str> = DUPLICATES.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, listed, "crates in several versions: {versions:?}");
}

/// The feature changes how every crate of the tree reads numbers.
#[test]
fn numbers_are_read_as_numbers() {
    for node in list(&metadata()["resolve"], "nodes") {
        let features = list(node, "features");
        assert!(
            !features.iter().any(|feature| feature == "arbitrary_precision"),
            "{} has `arbitrary_precision` on",
            text(node, "id")
        );
    }
}

#[test]
fn every_package_keeps_the_rules_of_the_workspace() {
    // Packages without a source are our own.
    for package in list(metadata(), "packages").iter().filter(|p| p["source"].is_null()) {
        let manifest = read(Path::new(text(package, "manifest_path")));
        for rule in ["[lints]\nworkspace = true", "license.workspace", "rust-version.workspace"] {
            assert!(manifest.contains(rule), "{} lacks `{rule}`", text(package, "name"));
        }
    }
}

/// Packages that are in what users get: no build scripts, macros apart, and no tests.
fn shipped() -> BTreeSet<&'static str> {
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata()["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    let mut shipped = BTreeSet::new();
    let mut open: Vec<&str> = list(metadata(), "packages")
        .iter()
        .filter(|package| ["twincast", "twincast-py"].contains(&text(package, "name")))
        .map(|package| text(package, "id"))
        .collect();
    while let Some(id) = open.pop() {
        if runs_in_the_compiler(id) || !shipped.insert(id) {
            continue;
        }
        for dependency in list(nodes[id], "deps") {
            // A dependency without a kind is a normal one; the others are "build" and "dev".
            if list(dependency, "dep_kinds").iter().any(|kind| kind["kind"].is_null()) {
                open.push(text(dependency, "pkg"));
            }
        }
    }
    shipped
}

fn runs_in_the_compiler(id: &str) -> bool {
    let kinds = list(package(id), "targets").iter().flat_map(|target| list(target, "kind"));
    kinds.into_iter().any(|kind| kind == "proc-macro")
}

fn package(id: &str) -> &'static Value {
    let mut packages = list(metadata(), "packages").iter();
    packages.find(|package| text(package, "id") == id).expect("it is in the graph")
}

/// True if one of the alternatives, or each of the parts, is listed.
fn permissive(licence: &str) -> bool {
    let licence = licence.replace('/', " OR ").replace(['(', ')'], " ");
    // Without brackets `A AND B OR C` would be read wrongly only if A alone were not listed.
    licence.split(" AND ").all(|part| {
        part.split(" OR ").any(|one| {
            let one = one.split(" WITH ").next().unwrap_or_default().trim();
            LICENCES.contains(&one)
        })
    })
}

/// `cargo metadata` for this machine: what is built here was fetched, so it needs no network.
fn metadata() -> &'static Value {
    static METADATA: OnceLock<Value> = OnceLock::new();
    METADATA.get_or_init(|| {
        let host = run(Command::new("rustc").arg("-vV"));
        let host = host.lines().find_map(|line| line.strip_prefix("host: ")).expect("it has one");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let words = ["metadata", "--format-version=1", "--locked", "--offline"];
        let mut command = Command::new(cargo);
        command.current_dir(root()).args(words).args(["--filter-platform", host]);
        serde_json::from_str(&run(&mut command)).expect("cargo prints JSON")
    })
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("it is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn licences_are_read() {
    assert!(permissive("MIT OR Apache-2.0"));
    assert!(permissive("Apache-2.0 WITH LLVM-exception"));
    assert!(permissive("(MIT OR GPL-3.0) AND Unicode-3.0"));
    assert!(!permissive("MIT AND GPL-3.0"));
    assert!(!permissive(""));
}
