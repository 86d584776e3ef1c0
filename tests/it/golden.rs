//! Tests that are data: each file of `tests/golden` is a small fleet and what the hub answers.
//!
//! A line is a comment (`#`), a command, or, indented by two spaces, what the command above it
//! answers. `./x golden` rewrites the answers; the diff is what a reviewer reads.
//!
//! | command | does | answers |
//! | --- | --- | --- |
//! | `twin ID BODY` | creates a device | |
//! | `fleet N` | imports the first N devices of the generated fleet | |
//! | `patch ID BODY` | updates a twin as a service does | |
//! | `replace ID BODY` | replaces tags and desired properties | |
//! | `report ID BODY` | updates reported properties as the device does | |
//! | `delete ID` | deletes a device | |
//! | `show ID POINTER` | | the part of the twin at a JSON pointer |
//! | `select CONDITION` | | the ids that match, a line each |
//! | `count CONDITION` | | how many match |
//! | `query TEXT` | | the rows as JSON, a line each |
//! | `explain CONDITION` | | the explanation |
//! | `why ID CONDITION` | | why the device does or does not match |
//!
//! Whatever a command is, if it is refused the answer is the error's text.

use std::{env, fs};

use serde_json::Value;
use twincast::fleet::{self, FleetOptions};
use twincast::{Error, Hub, ImportOptions, Result};

use super::house::source::{files, name, read};

#[test]
fn golden() {
    let rewrite = env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    let files = files("tests/golden", "test");
    assert!(!files.is_empty(), "tests/golden has no .test files");
    for file in files {
        let text = read(&file);
        let answered = answer(&text);
        if answered == text {
            continue;
        }
        if rewrite {
            fs::write(&file, answered).expect("it can be written");
        } else {
            wrong.push(format!("{}:{}", name(&file), difference(&text, &answered)));
        }
    }
    assert!(wrong.is_empty(), "`./x golden` rewrites the files\n\n{}", wrong.join("\n\n"));
}

/// The text of a file with the answers of today.
fn answer(text: &str) -> String {
    let hub = Hub::new().expect("threads can be started");
    let mut answered = String::new();
    for line in text.lines().filter(|line| !line.starts_with("  ")) {
        answered.push_str(line);
        answered.push('\n');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let answer = execute(&hub, line).unwrap_or_else(|error| error.to_string());
        for line in answer.lines() {
            answered.push_str(format!("  {line}").trim_end());
            answered.push('\n');
        }
    }
    answered
}

fn execute(hub: &Hub, line: &str) -> Result<String> {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (id, body) = rest.split_once(' ').unwrap_or((rest, ""));
    match command {
        "twin" => hub.create_device(id, &json(body)?).map(nothing),
        "patch" => hub.update_twin(id, &json(body)?, None).map(nothing),
        "replace" => hub.replace_twin(id, &json(body)?, None).map(nothing),
        "report" => hub.report_properties(id, &json(body)?).map(nothing),
        "delete" => hub.delete_device(id, None).map(nothing),
        "fleet" => import(hub, rest),
        "show" => Ok(hub.twin(id)?.pointer(body).map_or("(nothing)".to_owned(), Value::to_string)),
        "select" => Ok(hub.select(rest)?.device_ids().join("\n")),
        "count" => Ok(hub.select(rest)?.len().to_string()),
        "query" => {
            let rows = hub.query(rest)?.rows_json();
            Ok(rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"))
        }
        "explain" => Ok(hub.explain(rest)?.to_string()),
        "why" => Ok(hub.explain_device(body, id)?.to_string()),
        other => panic!("no such command: {other}"),
    }
}

fn import(hub: &Hub, devices: &str) -> Result<String> {
    let devices = devices.parse().expect("`fleet` is followed by a number");
    let mut lines = Vec::new();
    fleet::write(&mut lines, &FleetOptions { devices, ..FleetOptions::default() }, |_| ())?;
    hub.import_ndjson(lines.as_slice(), ImportOptions::default()).map(nothing)
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Error::invalid(error.to_string()))
}

fn nothing<T>(_: T) -> String {
    String::new()
}

/// The first line that differs, with what was expected and what came.
fn difference(expected: &str, answered: &str) -> String {
    let mut lines = expected.lines().zip(answered.lines()).enumerate();
    match lines.find(|(_, (expected, answered))| expected != answered) {
        Some((number, (expected, answered))) => {
            format!("{}\nexpected: {expected}\nanswered: {answered}", number + 1)
        }
        None => {
            let lines = expected.lines().count().min(answered.lines().count());
            format!("{}\nthe answers end before or after the file", lines + 1)
        }
    }
}
