//! Doors open only backwards: a room knows the rooms before it and none after.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::paths::paths;
use super::source::{code, files, is_tests, name, read, without_tests};

/// The rooms of the engine, each after all that it may look into. The first two are the ground.
const ROOMS: [&str; 14] = [
    "error", "limits", "clock", "twin", "fleet", "query", "store", "plan", "select", "table",
    "job", "schedule", "dispatch", "hub",
];

/// Doors that open forward all the same: file, room, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Uses that close a circle in a room all the same: from, to, reason.
const CIRCLES: &[(&str, &str, &str)] = &[];

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

/// Together with the test above: no circle of rooms, since each has its place in one line.
#[test]
fn every_module_is_a_room() {
    for file in files("core/src", "rs") {
        if let Some(room) = module(&file).first() {
            assert!(position(room).is_some(), "{} is in no room of ROOMS", name(&file));
        }
    }
}

/// Files of one room may not use each other in a circle. What a `mod.rs` re-exports counts as
/// the file that it comes from; `mod.rs` itself, which knows all its files, counts as nothing.
#[test]
fn files_of_a_room_form_no_circle() {
    let modules: Vec<(Vec<String>, String)> = files("core/src", "rs")
        .iter()
        .filter(|file| !is_tests(file))
        .map(|file| (module(file), code(&without_tests(&read(file)))))
        .collect();
    let known: BTreeSet<&[String]> = modules.iter().map(|(module, _)| module.as_slice()).collect();
    let mut exported: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for (module, code) in &modules {
        for (item, from) in exports(code, module) {
            exported.insert(item, from);
        }
    }
    let mut edges: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for (module, code) in &modules {
        for mut path in paths(code, module) {
            // Follow re-exports until the path stands in the file that defines the item.
            while let Some(from) = exported.get(&path) {
                path.clone_from(from);
            }
            while !known.contains(path.as_slice()) && !path.is_empty() {
                path.pop();
            }
            // A parent knows its children and they know it: that is one idea in several files.
            let related = path.starts_with(module) || module.starts_with(&path);
            let excused = CIRCLES
                .iter()
                .any(|(from, to, _)| *from == module.join("::") && *to == path.join("::"));
            if !(related || excused) {
                edges.entry(module.clone()).or_default().insert(path);
            }
        }
    }
    if let Some(circle) = circle(&edges) {
        let circle: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
        panic!("files use each other in a circle: {}", circle.join(" -> "));
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
    let exports = exports(&lib, &[]).into_iter();
    exports.filter_map(|(item, from)| Some((item.last()?.clone(), from.first()?.clone()))).collect()
}

/// The items that a module re-exports from its children: where they are named, where they are.
fn exports(code: &str, module: &[String]) -> Vec<(Vec<String>, Vec<String>)> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let Some((visibility, tree)) = statement.rsplit_once("use ") else { continue };
        let public = visibility.trim_end();
        if !(public.ends_with("pub") || public.ends_with(')') && public.contains("pub(")) {
            continue;
        }
        for from in paths(&format!("use self::{};", tree.trim()), module) {
            let Some(last) = from.last() else { continue };
            let item: Vec<String> = module.iter().chain([last]).cloned().collect();
            if item != from {
                found.push((item, from));
            }
        }
    }
    found
}

/// A circle in the graph, if there is one, its first module named again at its end.
fn circle(edges: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Option<Vec<Vec<String>>> {
    fn visit<'a>(
        at: &'a Vec<String>,
        edges: &'a BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
        trail: &mut Vec<&'a Vec<String>>,
        finished: &mut BTreeSet<&'a Vec<String>>,
    ) -> Option<Vec<Vec<String>>> {
        if let Some(start) = trail.iter().position(|seen| *seen == at) {
            return Some(trail[start..].iter().copied().chain([at]).cloned().collect());
        }
        if finished.contains(at) {
            return None;
        }
        trail.push(at);
        for next in edges.get(at).into_iter().flatten() {
            if let Some(circle) = visit(next, edges, trail, finished) {
                return Some(circle);
            }
        }
        trail.pop();
        finished.insert(at);
        None
    }
    let mut finished = BTreeSet::new();
    edges.keys().find_map(|at| visit(at, edges, &mut Vec::new(), &mut finished))
}
