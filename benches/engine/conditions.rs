//! What is asked of the fleet: `benches/conditions.json`, which other programs may read as well.

use serde_json::Value;

use crate::compile::ids;
use crate::fleet::rows;

/// A condition, or a whole query.
pub(crate) struct Asked {
    /// What the benchmark is called.
    pub(crate) name: String,
    /// In the query language.
    pub(crate) text: String,
    /// How many devices match, if that is known for a fleet of this size.
    pub(crate) matches: Option<u64>,
}

/// Every condition of the file.
pub(crate) fn conditions() -> Vec<Asked> {
    read("condition")
}

/// Every query of the file.
pub(crate) fn queries() -> Vec<Asked> {
    read("query")
}

/// The conditions over which twins are updated.
pub(crate) fn updated() -> Vec<Asked> {
    let file = file();
    let names: Vec<&str> = list(&file["update"]).iter().map(text).collect();
    conditions().into_iter().filter(|one| names.contains(&one.name.as_str())).collect()
}

fn read(kind: &str) -> Vec<Asked> {
    let file = file();
    let entries = list(&file["conditions"]).iter().filter(|entry| entry.get(kind).is_some());
    entries
        .map(|entry| Asked {
            name: text(&entry["name"]).to_owned(),
            text: match text(&entry[kind]) {
                "deviceId IN $ids" => ids(10_000),
                text => text.to_owned(),
            },
            matches: entry["matches"][rows().to_string()].as_u64(),
        })
        .collect()
}

fn file() -> Value {
    serde_json::from_str(include_str!("../conditions.json")).expect("the file is JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("the file has a list there")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("the file has a text there")
}
