//! Rust files as the rules see them: code without comments, texts and tests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::root;

/// All files below `folder` whose name ends in `extension`, sorted; hidden folders, such as the
/// environments of Python, hold what others wrote.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        // A folder that is not there has no files: faces and rooms come one after another.
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("it can be listed").path();
            let hidden =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if path.is_dir() && !hidden {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The path as seen from the workspace, with forward slashes.
pub(crate) fn name(path: &Path) -> String {
    let inside = path.strip_prefix(root()).unwrap_or(path);
    inside.to_string_lossy().replace('\\', "/")
}

/// True for a file that holds nothing but tests: `tests.rs`, or one in a folder `tests`.
pub(crate) fn is_tests(path: &Path) -> bool {
    name(path).split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// The text of a file that was listed.
pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code with comments, strings and characters blanked; every byte stays where it was.
pub(crate) fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let in_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let blank = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment_end(rest),
            '"' => string_end(rest),
            'r' | 'b' if !in_word => raw_string_end(rest).unwrap_or(0),
            '\'' => character_end(rest).unwrap_or(0),
            _ => 0,
        };
        let (seen, after) = rest.split_at(if blank == 0 { first.len_utf8() } else { blank });
        if blank == 0 {
            code.push(first);
        } else {
            code.extend(seen.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        }
        rest = after;
    }
    code
}

/// `text` without `#[cfg(test)]` items.
pub(crate) fn without_tests(text: &str) -> String {
    let code = code(text);
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = code[at..].find("#[cfg(test)]") {
        kept.push_str(&text[at..at + found]);
        at += found + item_end(&code[at + found..]);
    }
    kept.push_str(&text[at..]);
    kept
}

/// One past the item that `text` starts with: to its closing brace, or its semicolon.
fn item_end(text: &str) -> usize {
    let mut depth = 0;
    for (at, found) in text.char_indices() {
        match found {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn block_comment_end(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, found) in text.char_indices().skip(1) {
        match found {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string_end(text: &str) -> Option<usize> {
    let body = text.strip_prefix('b').unwrap_or(text).strip_prefix('r')?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    body[hashes..].strip_prefix('"')?;
    let start = text.len() - body.len() + hashes + 1;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(text[start..].find(&close).map_or(text.len(), |at| start + at + close.len()))
}

/// None for a lifetime.
fn character_end(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    if let Some(escape) = inside.strip_prefix('\\') {
        let skipped = escape.chars().next()?.len_utf8();
        return Some(2 + skipped + escape[skipped..].find('\'')? + 1);
    }
    let length = inside.chars().next()?.len_utf8();
    inside[length..].starts_with('\'').then_some(1 + length + 1)
}

#[test]
fn only_code_is_left() {
    let text = r##"let a = "x // \" y"; // crate::b
        let c: &'static str = r#"super::"#; /* a /* b */ c */ let d = ('"', '\'', b'\n', x'); "##;
    let left: String = code(text).split_whitespace().collect();
    assert_eq!(left, "leta=;letc:&'staticstr=;letd=(,,b,x');");
}

#[test]
fn tests_are_left_out() {
    let text = "a // é {\n#[cfg(test)]\nmod tests { fn b() {} }\nc\n#[cfg(test)] mod more;\nd";
    assert_eq!(without_tests(text), "a // é {\n\nc\n\nd");
}
