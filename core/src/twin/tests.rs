//! Documents in, cells and errors out: tables of cases, and what holds for any document.

mod hostile;
mod patches;
mod twins;

use serde_json::{Map, Value};

use super::{FlatTwin, PathId, PathTable};

/// The JSON of cells, as a store that keeps their order would write it.
fn rebuild(paths: &PathTable, twin: &FlatTwin<'_>) -> Value {
    let mut root = Value::Object(Map::new());
    root["deviceId"] = Value::from(&*twin.id);
    for (path, scalar) in &twin.cells {
        let chain = paths.ancestors(*path);
        let mut place = &mut root;
        for above in chain[1..].iter().rev().filter(|above| **above != PathId::ROOT) {
            place = &mut place[&*paths.key(*above)];
        }
        let members = place.as_object_mut().expect("an object comes before its members");
        let earlier = members.insert(paths.key(*path).to_string(), scalar.to_json());
        assert_eq!(earlier, None, "no place has two cells");
    }
    root
}
