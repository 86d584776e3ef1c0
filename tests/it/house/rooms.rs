//! Doors open only backwards: a room knows the rooms before it and none after.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::paths::paths;
use super::source::{code, files, name, read};

/// The rooms of the engine, each after all that it may look into. The first two are the ground.
const ROOMS: [&str; 15] = [
    "error", "limits", "kernel", "clock", "twin", "fleet", "query", "store", "plan", "select",
    "table", "job", "schedule", "dispatch", "hub",
];

/// Doors that open forward all the same: file, room, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

#[test]
fn doors_open_backwards() {
    let root_names = root_names();
    let mut wrong = Vec::new();
    let mut excused = BTreeSet::new();
    for file in files("core/src", "rs") {
        let module = module(&file);
        let Some(room) = module.first() else { continue };
        for path in paths(&code(&read(&file)), &module) {
            let Some(first) = path.first() else { continue };
            let target = root_names.get(first).unwrap_or(first);
            let door = (name(&file), target.clone());
            if EXCEPTIONS.iter().any(|(from, to, _)| *from == door.0 && *to == door.1) {
                excused.insert(door);
            } else if target == "*" {
                wrong.push(format!("{} takes all of the crate: name the rooms", door.0));
            } else if position(target) > position(room) {
                wrong.push(format!("{} ({room}) looks into {target}: {}", door.0, path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "doors open only backwards\n{}", wrong.join("\n"));
    assert_eq!(excused.len(), EXCEPTIONS.len(), "an exception is not needed any more");
}

/// With the test above this means that rooms form no circle, since each has its place in one line.
/// Files of one room may know each other: a room is one idea, told in several files.
#[test]
fn every_module_is_a_room() {
    for file in files("core/src", "rs") {
        if let Some(room) = module(&file).first() {
            assert!(position(room).is_some(), "{} is in no room of ROOMS", name(&file));
        }
    }
}

fn position(room: &str) -> Option<usize> {
    ROOMS.iter().position(|known| *known == room)
}

/// `core/src/store/column/edit.rs` is `[store, column, edit]`; a `mod.rs` is its folder.
fn module(file: &Path) -> Vec<String> {
    let name = name(file);
    let inside = name.strip_prefix("core/src/").expect("it was listed there");
    let inside = inside.strip_suffix(".rs").expect("it is a Rust file");
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

/// What `lib.rs` re-exports, with the room it comes from: `crate::Error` is a door to `error`.
fn root_names() -> BTreeMap<String, String> {
    let lib = code(&read(&crate::root().join("core/src/lib.rs")));
    let exports = lib.split(';').filter_map(|statement| statement.split_once("pub use "));
    exports
        .flat_map(|(_, tree)| paths(&format!("use self::{};", tree.trim()), &[]))
        .filter_map(|path| Some((path.last()?.clone(), path.first()?.clone())))
        .collect()
}
